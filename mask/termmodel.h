/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line that is being written on a terminal, as its parser (termline.c) moves it. Nothing here fails: what does not
 * fit into memory is remembered in l->error, and all else is left undone.
 */
#ifndef SALLYPORT_MASK_TERMMODEL_H
#define SALLYPORT_MASK_TERMMODEL_H

#include "mask/termline.h"

#define SP_TERMMODEL_COL_MAX 100000u

/* Bytes as they came, which wait to be in a piece; then the piece, joined to the one before where that says the same. */
void sp_termmodel_open(struct sp_termline *l, const uint8_t *p, size_t n);
void sp_termmodel_close(struct sp_termline *l, enum sp_termline_kind kind, size_t text, size_t cells);
void sp_termmodel_control(struct sp_termline *l); /* of no text */

/* The open bytes are characters, all in this row, of w columns together. */
void sp_termmodel_write(struct sp_termline *l, const uint8_t *p, size_t n, unsigned w);
/* Printable ASCII, not open yet: takes what fits into the row, returns how many bytes. */
size_t sp_termmodel_take_run(struct sp_termline *l, const uint8_t *p, size_t n);
/* A whole character past ASCII is open, or one byte that is none. */
void sp_termmodel_wide(struct sp_termline *l, const uint8_t *p, size_t n);
void sp_termmodel_stray(struct sp_termline *l);
void sp_termmodel_tab(struct sp_termline *l, const uint8_t *p);
/* The character before the cursor n times more. */
void sp_termmodel_repeat(struct sp_termline *l, unsigned n);

/* The text goes on elsewhere: what was and what comes are apart. */
void sp_termmodel_break(struct sp_termline *l);
void sp_termmodel_newline(struct sp_termline *l, bool is_return);
void sp_termmodel_return(struct sp_termline *l);
/* By columns, of which a wide character has two. */
void sp_termmodel_left(struct sp_termline *l, unsigned n);
void sp_termmodel_right(struct sp_termline *l, unsigned n);
void sp_termmodel_column(struct sp_termline *l, unsigned col);
/* To another place. A full row may well end a line, so that even the next row's start is one. */
void sp_termmodel_place(struct sp_termline *l, unsigned col);
/* What is at the cursor and behind it is gone. The bytes that wrote it are of no text any more. */
void sp_termmodel_erase(struct sp_termline *l);

#endif
