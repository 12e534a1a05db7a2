/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of `sallyport search`: the lines that could be read in all sessions, and what was asked for in them, in a
 * SQLite database of the reader's own. It holds what its owner may read and nothing else, and is brought up to date
 * before each search; it can be deleted at any time.
 */
#ifndef SALLYPORT_CLI_INDEX_H
#define SALLYPORT_CLI_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct sp_index;

#define SP_INDEX_TEXT_MAX 512 /* bytes of what is searched for */

/* What was found: who is the person's login name, kind one of output, input, command, statement, file, note. */
struct sp_index_hit {
	const char *id, *who, *kind, *line;
	uint64_t time_ns;
};
typedef int sp_index_found(const struct sp_index_hit *hit, void *ctx);

/* Opens or makes the database, mode 0600. Says on stderr why not. SYSTEM, FORMAT. */
int sp_index_open(const char *path, struct sp_index **ret_x) SP_MUST_CHECK;
void sp_index_close(struct sp_index *x); /* NULL is fine */
/* Takes in what is new in the tree, and drops what is no longer there. What cannot be read is left out. */
int sp_index_update(struct sp_index *x, int root) SP_MUST_CHECK;
/* Calls found for each line that holds text (ASCII letters of either case), newest first, max at most. */
int sp_index_find(struct sp_index *x, const char *text, unsigned max, sp_index_found *found, void *ctx) SP_MUST_CHECK;

#endif
