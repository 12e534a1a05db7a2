/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal in memory: what proto/termfilter.h lets through, carried out on a
 * grid of characters (ECMA-48 as xterm does it). Nothing else is understood,
 * so it is small enough to be sure of: the record may be written by an attacker
 * and is looked at by root. libvterm 0.1 writes outside of its memory when
 * terminals shrink (tests/fuzz/corpus/screen).
 */
#ifndef SALLYPORT_PROTO_GRID_H
#define SALLYPORT_PROTO_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_GRID_ROWS_MAX 500 /* a larger terminal is cut */
#define SP_GRID_COLS_MAX 1000

#define SP_GRID_INDEXED 0x01000000u /* a colour: this and 0 to 255, or */
#define SP_GRID_RGB 0x02000000u	    /* this and 24 bits, or 0 for the terminal's own */

enum { SP_GRID_BOLD = 1, SP_GRID_ITALIC = 2, SP_GRID_UNDERLINE = 4, SP_GRID_REVERSE = 8, SP_GRID_STRIKE = 16 };

struct sp_grid_style {
	uint32_t fore, back;
	uint8_t attributes; /* blinking and hidden are none: a reviewer is to see it */
};

struct sp_grid_cell {
	uint32_t c;    /* 0: nothing was written */
	uint32_t mark; /* a combining character upon it, or 0 */
	uint8_t width; /* 1, 2, or 0 for the right half of the one before */
	struct sp_grid_style style;
};

struct sp_grid;

/* Sizes are made fit for the limits. NOMEM. */
int sp_grid_new(unsigned rows, unsigned cols, struct sp_grid **ret_g) SP_MUST_CHECK;
void sp_grid_free(struct sp_grid *g);
/* Empties it. NOMEM (it is empty, and has the size that it had). */
int sp_grid_reset(struct sp_grid *g, unsigned rows, unsigned cols) SP_MUST_CHECK;
/* What fits stays, the cursor's line in any case. NOMEM (nothing has changed). */
int sp_grid_resize(struct sp_grid *g, unsigned rows, unsigned cols) SP_MUST_CHECK;
/* Output that went through sp_termfilter_feed() in one call: whole characters and whole sequences. */
void sp_grid_feed(struct sp_grid *g, const void *p, size_t n);

/*
 * Calls leave for each row that goes out of sight from here on, from the top: it scrolls away, the whole screen is
 * cleared, or the other screen comes back. The cells are valid during the call.
 */
typedef void sp_grid_leave_cb(const struct sp_grid_cell *cells, unsigned cols, void *ctx);
void sp_grid_on_leave(struct sp_grid *g, sp_grid_leave_cb *leave, void *ctx);

unsigned sp_grid_rows(const struct sp_grid *g);
unsigned sp_grid_cols(const struct sp_grid *g);
/* row and col must be within. */
const struct sp_grid_cell *sp_grid_cell(const struct sp_grid *g, unsigned row, unsigned col);
/* Whether it is the other screen, which editors and pagers use, that is shown. */
bool sp_grid_is_alternate(const struct sp_grid *g);
/* Whether the cursor's row is full: the next character wraps first. */
bool sp_grid_is_full(const struct sp_grid *g);
/* False: it is hidden. */
bool sp_grid_cursor(const struct sp_grid *g, unsigned *ret_row, unsigned *ret_col);

#endif
