/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded terminal drawn on the viewer's, which may be smaller: what was
 * written goes through the filter of termfilter.h into a terminal in memory
 * (grid.h) of the recorded size; only its characters, colours and attributes
 * are drawn. Nothing of the record reaches the viewer's terminal, and its window
 * is never resized: where it is too small, a part is shown, and the caller says so.
 */
#ifndef SALLYPORT_CLI_SCREEN_H
#define SALLYPORT_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_SCREEN_VIEW_MAX 1000 /* rows of the viewer's that are used */

struct sp_screen;

/* An empty terminal of the recorded size (made fit for the limits of grid.h). NOMEM. */
int sp_screen_new(unsigned rows, unsigned cols, struct sp_screen **ret_s) SP_MUST_CHECK;
void sp_screen_free(struct sp_screen *s);
/* Empties it. NOMEM. */
int sp_screen_reset(struct sp_screen *s, unsigned rows, unsigned cols) SP_MUST_CHECK;
/* NOMEM. */
int sp_screen_resize(struct sp_screen *s, unsigned rows, unsigned cols) SP_MUST_CHECK;
void sp_screen_size(const struct sp_screen *s, unsigned *ret_rows, unsigned *ret_cols);
/* What the record says was written. Errors as sp_buf_put(). */
int sp_screen_feed(struct sp_screen *s, const void *p, size_t n) SP_MUST_CHECK;
/* How often the text stands on the screen; without capitals it matches them, too. */
size_t sp_screen_count(struct sp_screen *s, const char *text);

/*
 * Appends to out what brings the viewer's terminal of rows × cols up to date: the screen from its top left, or the
 * lines around the cursor where there are too few, and status (plain text, cut to the width) in the last line, unless
 * it is NULL. Lines that have not changed since the last call are left out. Errors as sp_buf_put().
 */
int sp_screen_draw(struct sp_screen *s, unsigned rows, unsigned cols, const char *status, struct sp_buf *out) SP_MUST_CHECK;
/* The same with lines of plain text in place of the screen. */
int sp_screen_page(struct sp_screen *s, unsigned rows, unsigned cols, const char *const *lines, size_t n, const char *status,
    struct sp_buf *out) SP_MUST_CHECK;

#endif
