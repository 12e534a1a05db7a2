/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of files that were refused for what is in them (`scan: { found: quarantine }`): a directory that is
 *root's alone, where sallyportd (session-agent/quarantine.h) puts copies and sallyport(8) looks at them.
 *
 *	ID		the contents; ID is SESSION-NUMBER
 *	ID.json		what is known of it
 */
#ifndef SALLYPORT_LIB_QUARANTINE_H
#define SALLYPORT_LIB_QUARANTINE_H

#include <stdint.h>
#include <stdio.h>

#include "lib/ulid.h"

#define SP_QUARANTINE_DIR SP_STATEDIR "/quarantine"
#define SP_QUARANTINE_JSON ".json"
#define SP_QUARANTINE_JSON_MAX ((size_t)32 * 1024)	      /* bytes of an ID.json */
#define SP_QUARANTINE_FILE_MAX ((uint64_t)1024 * 1024 * 1024) /* bytes of one; a session can write no longer one */
#define SP_QUARANTINE_TOTAL_MAX ((uint64_t)16 * 1024 * 1024 * 1024) /* bytes of all that are kept */
#define SP_QUARANTINE_COUNT_MAX 4096				    /* that are kept */
#define SP_QUARANTINE_RESERVE ((uint64_t)256 * 1024 * 1024)	    /* bytes that stay free on its disk */
#define SP_QUARANTINE_ID_MAX (SP_ULID_LEN + 1 + 20)		    /* bytes of an ID */

/* Writes ID: number is a statement of the session's record. */
static inline void
sp_quarantine_id(const char *session, uint64_t number, char ret_id[SP_QUARANTINE_ID_MAX + 1])
{
	(void)snprintf(
	    ret_id, SP_QUARANTINE_ID_MAX + 1, "%.*s-%llu", (int)SP_ULID_LEN, session, (unsigned long long)number);
}

#endif
