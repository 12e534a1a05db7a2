/* SPDX-License-Identifier: Apache-2.0 */
/* What was on a recorded terminal, in time: played with keys on the viewer's (cli/screen.h), or written out. */
#ifndef SALLYPORT_CLI_PLAYER_H
#define SALLYPORT_CLI_PLAYER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_PLAYER_BYTES_MAX ((size_t)512 * 1024 * 1024) /* of output held for seeking */
#define SP_PLAYER_FRAMES_MAX ((size_t)16 * 1024 * 1024)
#define SP_PLAYER_SEARCH_MAX 64 /* bytes of a text looked for, NUL included */

struct sp_player;

/* rows, cols: the recorded terminal at the start. idle: seconds to which longer pauses are cut. NOMEM. */
int sp_player_new(unsigned rows, unsigned cols, double speed, double idle, struct sp_player **ret_p) SP_MUST_CHECK;
void sp_player_free(struct sp_player *p);
/* Output, and a new size, in the order of the record. LIMIT, NOMEM. */
int sp_player_add(struct sp_player *p, uint64_t time_ns, const void *data, size_t len) SP_MUST_CHECK;
int sp_player_add_size(struct sp_player *p, uint64_t time_ns, unsigned rows, unsigned cols) SP_MUST_CHECK;

/* Plays on the terminal of stdin and stdout until q, or a signal to end; the terminal is then as before. NOMEM, SYSTEM. */
int sp_player_run(struct sp_player *p) SP_MUST_CHECK;
/* Writes all of it to stdout at once, filtered (proto/termfilter.h). NOMEM. */
int sp_player_dump(struct sp_player *p) SP_MUST_CHECK;

#endif
