/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The copy of one file that is refused if something is found in it (`scan: { found: quarantine }`), as it passes. The
 * file it is written to is sallyportd's (quarantine.h) and has no name until sp_file_copy_keep().
 */
#ifndef SALLYPORT_SESSION_AGENT_FILE_COPY_H
#define SALLYPORT_SESSION_AGENT_FILE_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "session-agent/session.h"

struct sp_file_copy;

/* Of what is kept, for reviewers. */
struct sp_file_copy_about {
	const char *connection, *path;
	const char *reason; /* one line */
	bool is_upload;
	bool is_complete; /* it is all that was sent */
};

/* Takes over fd, also on error. number: of the statement that let the file pass. NOMEM, CRYPTO. */
int sp_file_copy_new(struct sp_session *s, int fd, uint64_t number, struct sp_file_copy **ret_copy) SP_MUST_CHECK;
void sp_file_copy_free(struct sp_file_copy *copy); /* NULL is fine; what was not kept is gone */
/*
 * n bytes at offset. INVALID: not the next ones; LIMIT: it is longer than what is kept; SYSTEM: its disk is full. After
 * an error nothing can be added, with the same error.
 */
int sp_file_copy_add(struct sp_file_copy *copy, uint64_t offset, const void *p, size_t n) SP_MUST_CHECK;
bool sp_file_copy_is_whole(const struct sp_file_copy *copy);  /* no error */
const char *sp_file_copy_id(const struct sp_file_copy *copy); /* under which it is kept */
/* Has it kept; what comes of that is noted on record. The copy is to be freed afterwards. */
void sp_file_copy_keep(struct sp_file_copy *copy, const struct sp_file_copy_about *about);

#endif
