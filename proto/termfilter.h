/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes recorded terminal output safe to show again: text, cursor movement,
 * colours and erasing pass; everything that reports back, names, prints, sets
 * modes of the reviewer's terminal or carries a payload is dropped (OSC, DCS,
 * APC, PM, SOS, queries, window operations, mouse and paste modes, C1 controls).
 * An allow list on ECMA-48 sequences, by a state machine that may be fed in
 * pieces of any size.
 */
#ifndef SALLYPORT_PROTO_TERMFILTER_H
#define SALLYPORT_PROTO_TERMFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#define SP_TERMFILTER_REPEATS 255 /* of a character by one sequence; they are written out */
#define SP_TERMFILTER_PARAMS 48 /* bytes of one sequence's parameters; longer ones are dropped */

enum sp_termfilter_state {
	SP_TERMFILTER_GROUND,
	SP_TERMFILTER_UTF8,
	SP_TERMFILTER_ESC,
	SP_TERMFILTER_CHARSET,
	SP_TERMFILTER_ESC_DROP,
	SP_TERMFILTER_CSI,
	SP_TERMFILTER_STRING,
	SP_TERMFILTER_STRING_ESC
};

struct sp_termfilter {
	enum sp_termfilter_state state;
	bool is_text; /* no sequences at all, and LF alone ends a line */
	uint8_t bytes[SP_TERMFILTER_PARAMS];
	size_t n;
	size_t want; /* UTF-8: bytes of the character */
	bool is_bad; /* CSI: to be dropped at its end */
	uint8_t charset; /* which set is being named */
	uint8_t last[4]; /* the character shown last, of nlast bytes, which a sequence may repeat */
	size_t nlast;
};

void sp_termfilter_init(struct sp_termfilter *t, bool is_text);
/* Appends what is safe to out. Errors as sp_buf_put(). */
int sp_termfilter_feed(struct sp_termfilter *t, const void *p, size_t n, struct sp_buf *out);

#endif
