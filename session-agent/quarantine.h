/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyportd's part of what is kept of files that are refused (`scan: { found: quarantine }`): a directory that is
 * root's alone. A session has a file without a name made for it, writes to it what it reads, and gives it back if it is
 * to be kept; only then it has a name. Whatever is not given back is gone with the session's descriptor.
 */
#ifndef SALLYPORT_SESSION_AGENT_QUARANTINE_H
#define SALLYPORT_SESSION_AGENT_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/quarantine.h"

/* What is said of one, all of it text that JSON takes. */
struct sp_quarantine_about {
	const char *session, *user;
	uint64_t number; /* of the statement that let it begin, in the session's record */
	const char *connection, *path, *reason;
	bool is_upload;
	bool is_complete; /* it is all that was sent */
	uint64_t size;
	struct sp_view sha256; /* 32 bytes */
};

/* A file without a name, for writing. LIMIT, SYSTEM, and why in *ret_why: there is no room, or no such directory. */
int sp_quarantine_open(const char *dir, int *ret_fd, const char **ret_why) SP_MUST_CHECK;
/*
 * Gives fd a name. INVALID: it is no such file, or not of that size; LIMIT, SYSTEM, NOMEM, EXISTS; with why in
 * *ret_why.
 */
int sp_quarantine_keep(
    const char *dir, int fd, const struct sp_quarantine_about *about, const char **ret_why) SP_MUST_CHECK;

#endif
