/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bytes on a terminal mean for its text: a parser of escape sequences and a model of the line that is being
 * written. The bytes as they came are kept beside the text, in pieces that say which text they wrote.
 */
#ifndef SALLYPORT_MASK_TERMLINE_H
#define SALLYPORT_MASK_TERMLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_TERMLINE_SEQUENCE 64 /* bytes of a control sequence's parameters that are understood */

enum sp_termline_kind {
	SP_TERMLINE_TEXT,   /* each byte is one of the text */
	SP_TERMLINE_CONTROL, /* no text */
	SP_TERMLINE_REPEAT, /* a sequence that shows the character before it again */
	SP_TERMLINE_STRING  /* the payload of a title and the like */
};

struct sp_termline_piece {
	size_t n;	 /* bytes as they came */
	size_t text;	 /* where the text begins that they wrote */
	size_t cells;	 /* bytes of text: n, 0, or the number of repeats */
	uint8_t kind;
	uint8_t gone; /* repeats that were erased again */
};

enum sp_termline_state {
	SP_TERMLINE_GROUND,
	SP_TERMLINE_UTF8,
	SP_TERMLINE_CR,	   /* a carriage return: a line's end, or a return within it? */
	SP_TERMLINE_WRAP,  /* a space behind the last column: readline's wrap, or a space? */
	SP_TERMLINE_ESC,
	SP_TERMLINE_INTERMEDIATE,
	SP_TERMLINE_CSI,
	SP_TERMLINE_STRINGS,
	SP_TERMLINE_STRINGS_ESC
};

struct sp_termline {
	unsigned cols;
	/* the text */
	uint8_t *text;
	size_t len, cap;
	size_t line; /* where the logical line begins */
	size_t row;  /* where the terminal's row begins */
	size_t cur;  /* where the next character goes; len: at the end */
	unsigned col; /* cursor's column; cols: behind the last one */
	unsigned saved;
	bool is_inside;	 /* the cursor is on the second column of the character at cur */
	bool is_dirty;	 /* text was written since this was last cleared */
	bool is_moved;	 /* the cursor went back since this was last cleared */
	bool is_armed;	 /* likewise, and nobody looked at the text that is there since */
	size_t moved_to; /* then: where what can be written over, or be joined to it, begins */
	/* the bytes */
	uint8_t *raw;
	size_t nraw, raw_cap;
	struct sp_termline_piece *pieces;
	size_t npieces, pieces_cap;
	/* the parser */
	enum sp_termline_state state;
	size_t open; /* bytes at the end of raw that are in no piece yet */
	uint8_t sequence[SP_TERMLINE_SEQUENCE];
	size_t nsequence;
	bool is_long; /* the sequence has more, or what is not understood */
	unsigned want; /* bytes of a UTF-8 character still to come */
	int error;
};

/* Why it stopped before the end of what it was given. */
enum sp_termline_stop {
	SP_TERMLINE_ALL, /* it did not */
	SP_TERMLINE_BACK, /* the cursor is about to go back a little: decide on the text as it is, then go on */
	SP_TERMLINE_RETURN, /* the same for the start of the row */
	SP_TERMLINE_CHANGE /* the text from the cursor on is about to be erased or written over: look at it as it stands */
};

void sp_termline_init(struct sp_termline *l, unsigned cols);
void sp_termline_clear(struct sp_termline *l); /* wipes and frees */
/*
 * Takes bytes of p, *ret_taken of them, and says why it stopped. When it stopped for a move, the byte that causes it
 * was not taken; it is when the call is made again with may_move true. Errors in l->error.
 */
enum sp_termline_stop sp_termline_take(
    struct sp_termline *l, const uint8_t *p, size_t n, bool may_move, size_t *ret_taken);
/* Drops the first npieces pieces with nraw bytes. */
void sp_termline_drop(struct sp_termline *l, size_t npieces, size_t nraw);
/* Drops text before at, as far as nothing points there; returns how many bytes. */
size_t sp_termline_forget(struct sp_termline *l, size_t at);
/*
 * The n bytes of piece i from its from-th on become m others that are of no text; at: where the piece begins in raw. It
 * may then be three pieces. Of anything but TEXT all bytes. Errors in l->error.
 */
void sp_termline_replace(
    struct sp_termline *l, size_t i, size_t at, size_t from, size_t n, const uint8_t *p, size_t m);

/* termwidth.c */
/* Bytes of a character by its first one; 1 for what cannot begin one. */
size_t sp_termline_bytes(uint8_t c);
/* Columns of the UTF-8 character at p: 0, 1 or 2; bytes in *ret_n. */
unsigned sp_termline_width(const uint8_t *p, size_t n, size_t *ret_n);

#endif
