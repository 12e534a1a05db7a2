/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's output as text: the lines that a person could read, in the order in which they went out of sight, and
 * what was on the screen at the end. What was written over before that is not there; a screen that a program
 * draws anew is there each time it was cleared.
 */
#ifndef SALLYPORT_CLI_TRANSCRIPT_H
#define SALLYPORT_CLI_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct sp_transcript;

/* One line, without its end; UTF-8, no control characters. time_ns is that of the output which moved it out of sight. */
typedef int sp_transcript_line(uint64_t time_ns, const char *p, size_t n, void *ctx);

/*
 * rows, cols: the terminal's, or 0 where there was none (then lines are as long as they are). An error of line ends
 * it. NOMEM.
 */
int sp_transcript_new(unsigned rows, unsigned cols, sp_transcript_line *line, void *ctx,
    struct sp_transcript **ret_t) SP_MUST_CHECK;
void sp_transcript_free(struct sp_transcript *t); /* NULL is fine */
int sp_transcript_feed(struct sp_transcript *t, uint64_t time_ns, const void *p, size_t n) SP_MUST_CHECK;
int sp_transcript_resize(struct sp_transcript *t, unsigned rows, unsigned cols) SP_MUST_CHECK;
/* What is on the screen now. */
int sp_transcript_finish(struct sp_transcript *t) SP_MUST_CHECK;

#endif
