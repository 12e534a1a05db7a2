/* SPDX-License-Identifier: Apache-2.0 */
/* The parser: bytes and escape sequences, and what each does to the model. */
#include "mask/termline.h"

#include <string.h>

#include "mask/chars.h"
#include "mask/terminal.h"
#include "mask/termmodel.h"

#define ESC 0x1b
#define CAN 0x18
#define SUB 0x1a
#define BEL 0x07

/* --- sequences -------------------------------------------------------------------------------------------- */

/* The i-th parameter, or missing when it is not there. */
static unsigned
termline_param(const struct sp_termline *l, unsigned i, unsigned missing)
{
	unsigned v = 0, at = 0;
	bool has = false;

	for (size_t k = 0; k < l->nsequence; k++) {
		uint8_t c = l->sequence[k];

		if (c == ';' || c == ':') {
			if (at++ == i)
				break;
		} else if (at == i && sp_chars_is_digit(c)) {
			v = v * 10 + (c - '0');
			v = v < SP_TERMMODEL_COL_MAX ? v : SP_TERMMODEL_COL_MAX;
			has = true;
		}
	}
	return has && v > 0 ? v : missing;
}

/* Whether the sequence's end moves the cursor back, or takes text away: what there is is decided on before. */
static bool
termline_is_back(const struct sp_termline *l, uint8_t final)
{
	if (l->nsequence > 0 && (l->sequence[0] == '?' || l->sequence[0] == '>'))
		return false;
	return final == 'D' || ((final == 'G' || final == '`') && termline_param(l, 0, 1) - 1 < l->col) ||
	    (final == 'K' && l->cur < l->len);
}

static void
termline_csi(struct sp_termline *l, uint8_t final)
{
	bool is_private = l->nsequence > 0 && l->sequence[0] >= '<' && l->sequence[0] <= '?';
	unsigned n = termline_param(l, 0, 1);

	if (l->is_long || is_private)
		final = is_private && (final == 'h' || final == 'l') ? 'h' : 'm';
	switch (final) {
	case 'C':
	case 'a':
		sp_termmodel_right(l, n);
		break;
	case 'D':
		sp_termmodel_left(l, n);
		break;
	case 'G':
	case '`':
		sp_termmodel_column(l, n - 1);
		break;
	case 'H':
	case 'f':
		sp_termmodel_place(l, termline_param(l, 1, 1) - 1);
		break;
	case 'E':
	case 'F':
	case 'r':
		sp_termmodel_break(l);
		l->col = 0;
		break;
	case 'K':
		if (termline_param(l, 0, 0) == 0 && l->cur < l->len)
			sp_termmodel_erase(l);
		break;
	case 'P':
	case '@':
	case 'X':
		if (l->cur < l->len)
			sp_termmodel_break(l);
		break;
	case 's':
		l->saved = l->col;
		break;
	case 'u':
		sp_termmodel_place(l, l->saved);
		break;
	case 'b':
		sp_termmodel_repeat(l, n);
		break;
	default: /* colours, vertical moves, erasing, modes, questions: the column stays */
		break;
	}
	sp_termmodel_control(l);
}

static void
termline_escape(struct sp_termline *l, uint8_t c)
{
	l->state = SP_TERMLINE_GROUND;
	switch (c) {
	case '[':
		l->state = SP_TERMLINE_CSI;
		l->nsequence = 0;
		l->is_long = false;
		return;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		l->state = SP_TERMLINE_STRINGS;
		break;
	case '7':
		l->saved = l->col;
		break;
	case '8':
		sp_termmodel_place(l, l->saved);
		break;
	case 'E':
	case 'c':
		sp_termmodel_break(l);
		l->col = 0;
		break;
	default:
		break;
	}
	sp_termmodel_control(l);
}

/* --- bytes ------------------------------------------------------------------------------------------------- */

static void
termline_c0(struct sp_termline *l, const uint8_t *p)
{
	sp_termmodel_open(l, p, 1);
	switch (*p) {
	case '\r':
		l->state = SP_TERMLINE_CR;
		break;
	case '\n':
	case '\v':
	case '\f':
		sp_termmodel_newline(l, false);
		break;
	case '\t':
		sp_termmodel_tab(l, p);
		break;
	case '\b':
		sp_termmodel_left(l, 1);
		sp_termmodel_control(l);
		break;
	case ESC:
		l->state = SP_TERMLINE_ESC;
		break;
	default:
		sp_termmodel_control(l);
		break;
	}
}

/* Takes at least one byte of what is no part of a sequence. */
static size_t
termline_ground(struct sp_termline *l, const uint8_t *p, size_t n)
{
	size_t want, i = 1;

	if (*p >= 0x20 && *p < 0x7f)
		return sp_termmodel_take_run(l, p, n);
	if (*p < 0x80) {
		termline_c0(l, p);
		return 1;
	}
	want = sp_termline_bytes(*p);
	while (i < want && i < n && sp_chars_is_inner(p[i]))
		i++;
	if (i < want && i < n) { /* something else follows: these are no character */
		i = 1;
		want = 1;
	}
	sp_termmodel_open(l, p, i);
	if (i == want) {
		sp_termmodel_wide(l, p, want);
	} else {
		l->want = (unsigned)(want - i);
		l->state = SP_TERMLINE_UTF8;
	}
	return i;
}

/* Bytes that turned out to be no character: each counts for itself. */
static void
termline_broken(struct sp_termline *l)
{
	uint8_t bytes[4];
	size_t n = l->open < 4 ? l->open : 4;

	memcpy(bytes, l->raw + l->nraw - n, n);
	l->nraw -= n;
	l->open = 0;
	l->state = SP_TERMLINE_GROUND;
	for (size_t i = 0; i < n; i++) {
		sp_termmodel_open(l, bytes + i, 1);
		sp_termmodel_stray(l);
	}
}

static size_t
termline_utf8(struct sp_termline *l, const uint8_t *p)
{
	uint8_t bytes[4];
	size_t n;

	if (!sp_chars_is_inner(*p)) {
		termline_broken(l);
		return 0;
	}
	sp_termmodel_open(l, p, 1);
	if (--l->want > 0)
		return 1;
	n = l->open < 4 ? l->open : 4;
	memcpy(bytes, l->raw + l->nraw - n, n);
	l->state = SP_TERMLINE_GROUND;
	sp_termmodel_wide(l, bytes, n);
	return 1;
}

/* Behind a carriage return. True: it is a return within the line, and the text must be decided on before. */
static bool
termline_cr(struct sp_termline *l, const uint8_t *p, bool may_move, size_t *ret_n)
{
	*ret_n = 1;
	if (*p == '\r') {
		sp_termmodel_open(l, p, 1);
		return false;
	}
	if (*p == '\n') {
		sp_termmodel_open(l, p, 1);
		l->state = SP_TERMLINE_GROUND;
		sp_termmodel_newline(l, true);
		return false;
	}
	*ret_n = 0;
	if (!may_move)
		return true;
	sp_termmodel_return(l);
	l->state = SP_TERMLINE_GROUND;
	return false;
}

static void
termline_wrap(struct sp_termline *l, const uint8_t *p, size_t *ret_n)
{
	*ret_n = *p == '\r';
	l->state = SP_TERMLINE_GROUND;
	if (*p == '\r') {
		sp_termmodel_open(l, p, 1);
		l->row = l->len;
		l->col = 0;
		sp_termmodel_control(l);
	} else {
		sp_termmodel_write(l, (const uint8_t *)" ", 1, 1);
	}
}

/* True: as termline_cr(). */
static bool
termline_in_csi(struct sp_termline *l, const uint8_t *p, bool may_move, size_t *ret_n)
{
	*ret_n = 1;
	if (*p == ESC || *p >= 0x80) {
		*ret_n = 0;
		sp_termmodel_control(l);
		l->state = SP_TERMLINE_GROUND;
		return false;
	}
	if (*p >= 0x40 && *p <= 0x7e && termline_is_back(l, *p) && !l->is_long && !may_move) {
		*ret_n = 0;
		return true;
	}
	sp_termmodel_open(l, p, 1);
	if (*p == CAN || *p == SUB) {
		sp_termmodel_control(l);
		l->state = SP_TERMLINE_GROUND;
	} else if (*p >= 0x40 && *p <= 0x7e) {
		l->state = SP_TERMLINE_GROUND;
		termline_csi(l, *p);
	} else if (*p < 0x30 || l->nsequence == sizeof(l->sequence)) {
		l->is_long = true;
		if (l->open >= SP_MASK_TERMINAL_STRING)
			sp_termmodel_control(l); /* still inside, but no longer held */
	} else {
		l->sequence[l->nsequence++] = *p;
	}
	return false;
}

static size_t
termline_strings(struct sp_termline *l, const uint8_t *p)
{
	if (*p == ESC || *p == BEL || *p == CAN || *p == SUB) {
		sp_termmodel_close(l, SP_TERMLINE_STRING, 0, 0);
		sp_termmodel_open(l, p, 1);
		l->state = *p == ESC ? SP_TERMLINE_STRINGS_ESC : SP_TERMLINE_GROUND;
		if (*p != ESC)
			sp_termmodel_control(l);
		return 1;
	}
	sp_termmodel_open(l, p, 1);
	if (l->open >= SP_MASK_TERMINAL_STRING)
		sp_termmodel_close(l, SP_TERMLINE_STRING, 0, 0);
	return 1;
}

/* One byte, or a run of them. True: stop here, to decide on the text. */
static bool
termline_step(struct sp_termline *l, const uint8_t *p, size_t n, bool may_move, size_t *ret_n)
{
	*ret_n = 1;
	switch (l->state) {
	case SP_TERMLINE_GROUND:
		if (*p == '\b' && !may_move) {
			*ret_n = 0;
			return true;
		}
		if (*p >= 0x20 && *p < 0x7f && !may_move && l->is_armed && l->cur < l->len) {
			*ret_n = 0;
			return true;
		}
		*ret_n = termline_ground(l, p, n);
		return false;
	case SP_TERMLINE_UTF8:
		*ret_n = termline_utf8(l, p);
		return false;
	case SP_TERMLINE_CR:
		return termline_cr(l, p, may_move, ret_n);
	case SP_TERMLINE_WRAP:
		termline_wrap(l, p, ret_n);
		return false;
	case SP_TERMLINE_ESC:
	case SP_TERMLINE_INTERMEDIATE:
		if (*p < 0x20 || *p >= 0x7f) { /* a control character, or no sequence at all */
			*ret_n = 0;
			sp_termmodel_control(l);
			l->state = SP_TERMLINE_GROUND;
			return false;
		}
		sp_termmodel_open(l, p, 1);
		if (*p < 0x30) {
			l->state = SP_TERMLINE_INTERMEDIATE;
		} else if (l->state == SP_TERMLINE_INTERMEDIATE) {
			l->state = SP_TERMLINE_GROUND;
			sp_termmodel_control(l);
		} else {
			termline_escape(l, *p);
		}
		return false;
	case SP_TERMLINE_CSI:
		return termline_in_csi(l, p, may_move, ret_n);
	case SP_TERMLINE_STRINGS:
		*ret_n = termline_strings(l, p);
		return false;
	case SP_TERMLINE_STRINGS_ESC:
		l->state = SP_TERMLINE_ESC;
		*ret_n = 0;
		if (*p == '\\') {
			sp_termmodel_open(l, p, 1);
			sp_termmodel_control(l);
			l->state = SP_TERMLINE_GROUND;
			*ret_n = 1;
		}
		return false;
	}
	return false;
}

/* Why a step stopped at c. */
static enum sp_termline_stop
termline_why(const struct sp_termline *l, uint8_t c)
{
	if (l->state == SP_TERMLINE_CR)
		return SP_TERMLINE_RETURN;
	return c == '\b' || (l->state == SP_TERMLINE_CSI && c != 'K') ? SP_TERMLINE_BACK : SP_TERMLINE_CHANGE;
}

enum sp_termline_stop
sp_termline_take(struct sp_termline *l, const uint8_t *p, size_t n, bool may_move, size_t *ret_taken)
{
	size_t done = 0, k;

	while (done < n && l->error == 0) {
		if (termline_step(l, p + done, n - done, may_move, &k)) {
			*ret_taken = done;
			return termline_why(l, p[done]);
		}
		done += k;
		may_move = false;
	}
	*ret_taken = done;
	return SP_TERMLINE_ALL;
}
