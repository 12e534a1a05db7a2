/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masking what a program shows on a terminal, as a person reads it: the detectors see the text of the lines without
 * colours, with the terminal's own wraps undone, and with what backspaces and carriage returns write over in its
 * place. A match is masked character by character, so that columns, wraps and escape sequences stay where they are:
 * its replacement is cut to its width, or filled up with '*'.
 *
 * The output is the same however the input is cut, but for flushes and echoes. Sequences and UTF-8 characters are
 * only ever put whole, again but for flushes. What moves the cursor elsewhere ends a text: a value that a program
 * draws in pieces out of order is not found (man/sallyport-mask.5 says so).
 */
#ifndef SALLYPORT_MASK_TERMINAL_H
#define SALLYPORT_MASK_TERMINAL_H

#include "mask/mask.h"

struct sp_mask_terminal;

#define SP_MASK_TERMINAL_BACK 256 /* bytes of a line within which the cursor is followed backwards */
#define SP_MASK_TERMINAL_STRING 4096 /* bytes of a title or another string sequence looked at as one */
#define SP_MASK_TERMINAL_HELD ((size_t)256 * 1024) /* bytes held, escape sequences included; then all is put */

/* cols: width of the terminal, 0 if unknown (then it does not wrap). The set outlives it. INVALID, NOMEM. */
int sp_mask_terminal_new(struct sp_mask_set *set, unsigned cols, struct sp_mask_terminal **ret_t) SP_MUST_CHECK;
void sp_mask_terminal_free(struct sp_mask_terminal *t); /* NULL is fine; wipes */
/* The terminal has another width from here on. */
void sp_mask_terminal_resize(struct sp_mask_terminal *t, unsigned cols);
/* Takes all of p. After an error the stream refuses everything. counts may be NULL here and below. */
int sp_mask_terminal_feed(struct sp_mask_terminal *t, const void *p, size_t n, struct sp_buf *out,
    struct sp_mask_counts *counts) SP_MUST_CHECK;
/* Puts what is held, masked as if the text ended here; more of a match that then turns out to be one is masked. */
int sp_mask_terminal_flush(struct sp_mask_terminal *t, struct sp_buf *out, struct sp_mask_counts *counts) SP_MUST_CHECK;
/* p is what the person typed, shown back: put at once as it is, behind what was held. */
int sp_mask_terminal_echo(struct sp_mask_terminal *t, const void *p, size_t n, struct sp_buf *out,
    struct sp_mask_counts *counts) SP_MUST_CHECK;
size_t sp_mask_terminal_held(const struct sp_mask_terminal *t); /* bytes */

#endif
