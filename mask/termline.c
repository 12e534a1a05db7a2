/* SPDX-License-Identifier: Apache-2.0 */
#include "mask/termline.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "mask/chars.h"
#include "mask/terminal.h"

#define ESC 0x1b
#define CAN 0x18
#define SUB 0x1a
#define BEL 0x07
#define TERMLINE_FIRST 1024	/* entries of the first allocations */
#define TERMLINE_REPEATS 255	/* of one sequence; more is shown, but not looked at */
#define TERMLINE_TAB 8
#define TERMLINE_COL_MAX 100000u

/* --- memory -------------------------------------------------------------------------------------------- */

/* The array with room for n more, which is where it was or elsewhere; what it held before is wiped. NULL: no memory. */
static void *
termline_grow(struct sp_termline *l, void *mem, size_t *cap, size_t len, size_t n, size_t size)
{
	size_t want = *cap == 0 ? TERMLINE_FIRST : *cap;
	void *m;

	if (l->error != 0)
		return NULL;
	if (mem != NULL && len + n <= *cap)
		return mem;
	while (want < len + n)
		want *= 2;
	m = reallocarray(NULL, want, size);
	if (m == NULL) {
		l->error = SP_ERR_NOMEM;
		return NULL;
	}
	if (mem != NULL) {
		memcpy(m, mem, len * size);
		explicit_bzero(mem, *cap * size);
		free(mem);
	}
	*cap = want;
	return m;
}

static void
termline_text(struct sp_termline *l, const uint8_t *p, size_t n)
{
	uint8_t *text = termline_grow(l, l->text, &l->cap, l->len, n, 1);

	if (text == NULL)
		return;
	l->text = text;
	memcpy(l->text + l->len, p, n);
	l->len += n;
	l->cur = l->len;
	l->is_dirty = true;
}

/* Bytes as they came, which wait to be in a piece. */
static void
termline_open(struct sp_termline *l, const uint8_t *p, size_t n)
{
	uint8_t *raw = termline_grow(l, l->raw, &l->raw_cap, l->nraw, n, 1);

	if (raw == NULL)
		return;
	l->raw = raw;
	memcpy(l->raw + l->nraw, p, n);
	l->nraw += n;
	l->open += n;
}

/* The open bytes become a piece, joined to the one before where that says the same. */
static void
termline_close(struct sp_termline *l, enum sp_termline_kind kind, size_t text, size_t cells)
{
	struct sp_termline_piece *pieces, *last = l->npieces > 0 ? &l->pieces[l->npieces - 1] : NULL;

	if (l->open == 0 || l->error != 0)
		return;
	if (last != NULL && last->kind == kind &&
	    (kind == SP_TERMLINE_CONTROL || (kind == SP_TERMLINE_TEXT && last->text + last->cells == text))) {
		last->n += l->open;
		last->cells += cells;
		l->open = 0;
		return;
	}
	pieces = termline_grow(l, l->pieces, &l->pieces_cap, l->npieces, 1, sizeof(*l->pieces));
	if (pieces == NULL)
		return;
	l->pieces = pieces;
	l->pieces[l->npieces++] = (struct sp_termline_piece){l->open, text, cells, (uint8_t)kind};
	l->open = 0;
}

static void
termline_control(struct sp_termline *l)
{
	termline_close(l, SP_TERMLINE_CONTROL, 0, 0);
}

void
sp_termline_init(struct sp_termline *l, unsigned cols)
{
	memset(l, 0, sizeof(*l));
	l->cols = cols;
}

void
sp_termline_clear(struct sp_termline *l)
{
	if (l->text != NULL)
		explicit_bzero(l->text, l->cap);
	if (l->raw != NULL)
		explicit_bzero(l->raw, l->raw_cap);
	free(l->text);
	free(l->raw);
	free(l->pieces);
	memset(l, 0, sizeof(*l));
}

void
sp_termline_drop(struct sp_termline *l, size_t npieces, size_t nraw)
{
	if (npieces == 0 && nraw == 0)
		return;
	memmove(l->raw, l->raw + nraw, l->nraw - nraw);
	l->nraw -= nraw;
	memmove(l->pieces, l->pieces + npieces, (l->npieces - npieces) * sizeof(*l->pieces));
	l->npieces -= npieces;
}

size_t
sp_termline_forget(struct sp_termline *l, size_t at)
{
	size_t low = at, i;

	if (l->row < low && l->len - l->row <= SP_MASK_TERMINAL_BACK)
		low = l->row;
	if (l->cur < low)
		low = l->cur;
	for (i = 0; i < l->npieces; i++)
		if (l->pieces[i].cells > 0 && l->pieces[i].text < low)
			low = l->pieces[i].text;
	if (low == 0)
		return 0;
	memmove(l->text, l->text + low, l->len - low);
	l->len -= low;
	l->cur -= low;
	l->row = l->row > low ? l->row - low : 0;
	l->line = l->line > low ? l->line - low : 0;
	l->moved_to = l->moved_to > low ? l->moved_to - low : 0;
	for (i = 0; i < l->npieces; i++)
		l->pieces[i].text = l->pieces[i].cells > 0 ? l->pieces[i].text - low : 0;
	return low;
}

/* --- characters ------------------------------------------------------------------------------------------ */

static uint32_t
termline_decode(const uint8_t *p, size_t n)
{
	static const uint8_t lead[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = p[0] & lead[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	return c;
}

/* Bytes of a character by its first one; 1 for what cannot begin one. */
static size_t
termline_bytes(uint8_t c)
{
	return c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 1;
}

struct termline_range {
	uint32_t from, to;
};

static bool
termline_in(uint32_t c, const struct termline_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* As terminals see the common scripts; for what is ambiguous, one column. */
unsigned
sp_termline_width(const uint8_t *p, size_t n, size_t *ret_n)
{
	static const struct termline_range none[] = {{0x00ad, 0x00ad}, {0x0300, 0x036f}, {0x0483, 0x0489},
	    {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20f0},
	    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff}};
	static const struct termline_range two[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf},
	    {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
	    {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
	size_t want = termline_bytes(p[0]), i = 1;
	uint32_t c;

	while (i < want && i < n && sp_chars_is_inner(p[i]))
		i++;
	*ret_n = i == want ? want : 1;
	if (*ret_n == 1)
		return 1;
	c = termline_decode(p, want);
	if (termline_in(c, none, sizeof(none) / sizeof(none[0])))
		return 0;
	return termline_in(c, two, sizeof(two) / sizeof(two[0])) ? 2 : 1;
}

/* --- the line -------------------------------------------------------------------------------------------- */

/* The text goes on elsewhere: what was and what comes are apart. */
static void
termline_break(struct sp_termline *l)
{
	bool is_empty = l->row == l->len && l->len > 0 && l->text[l->len - 1] == '\n';

	l->cur = l->len;
	if (!is_empty)
		termline_text(l, (const uint8_t *)"\n", 1);
	l->row = l->line = l->len;
}

static bool
termline_is_margin(const struct sp_termline *l)
{
	return l->cols > 0 && l->col >= l->cols;
}

/* A character of w columns is about to be written: the terminal wraps for it. */
static void
termline_advance(struct sp_termline *l, unsigned w)
{
	if (l->cols > 0 && l->col + w > l->cols) {
		l->row = l->cur;
		l->col = 0;
	}
	l->col = l->col + w < TERMLINE_COL_MAX ? l->col + w : TERMLINE_COL_MAX;
}

/* The open bytes are characters, all in this row, of w columns together. */
static void
termline_write(struct sp_termline *l, const uint8_t *p, size_t n, unsigned w)
{
	size_t at = l->cur;

	if (at < l->len && (n != 1 || p[0] >= 0x80 || l->text[at] >= 0x80 || l->text[at] == '\t')) {
		termline_break(l); /* of another length than what it writes over */
		at = l->cur;
	}
	termline_advance(l, w);
	if (at == l->len) {
		termline_text(l, p, n);
	} else {
		l->text[l->cur++] = p[0];
		l->is_dirty = true;
	}
	termline_close(l, SP_TERMLINE_TEXT, at, n);
}

/* How many bytes at p are printable ASCII. */
static size_t
termline_run(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= 0x20 && p[i] < 0x7f)
		i++;
	return i;
}

/* Printable ASCII; takes what fits into the row. */
static size_t
termline_take_run(struct sp_termline *l, const uint8_t *p, size_t n)
{
	size_t room = SP_MASK_TERMINAL_HELD;

	if (termline_is_margin(l) && p[0] == ' ' && l->cur == l->len) {
		termline_open(l, p, 1);
		l->state = SP_TERMLINE_WRAP;
		return 1;
	}
	if (l->cur < l->len)
		room = 1;
	else if (l->cols > 0)
		room = termline_is_margin(l) ? l->cols : l->cols - l->col;
	n = termline_run(p, n < room ? n : room);
	termline_open(l, p, n);
	if (l->cols > 0 && termline_is_margin(l)) {
		l->row = l->cur;
		l->col = 0;
	}
	termline_write(l, p, n, (unsigned)n);
	return n;
}

/* A whole character past ASCII is open. */
static void
termline_wide(struct sp_termline *l, const uint8_t *p, size_t n)
{
	size_t len;
	unsigned w = sp_termline_width(p, n, &len);

	if (len > 1 && p[0] == 0xc2 && p[1] < 0xa0) { /* a control character */
		termline_break(l);
		termline_control(l);
	} else if (w == 0) {
		termline_control(l);
	} else {
		termline_write(l, p, n, w);
	}
}

static void
termline_newline(struct sp_termline *l, bool is_return)
{
	l->cur = l->len;
	termline_text(l, (const uint8_t *)"\n", 1);
	l->row = l->line = l->len;
	if (is_return)
		l->col = 0;
	termline_control(l);
}

static void
termline_moved(struct sp_termline *l)
{
	size_t low = l->cur > SP_MASK_TERMINAL_BACK ? l->cur - SP_MASK_TERMINAL_BACK : 0;

	low = low > l->line ? low : l->line;
	if (!l->is_moved || low < l->moved_to)
		l->moved_to = low;
	l->is_moved = true;
}

/* Bytes of the character that ends at at, within [from, at): a byte that is in no whole character is one of its own. */
static size_t
termline_before(const uint8_t *p, size_t from, size_t at)
{
	size_t k = 1;

	while (k < 4 && k < at - from && sp_chars_is_inner(p[at - k]))
		k++;
	return termline_bytes(p[at - k]) == k ? k : 1;
}

static void
termline_left(struct sp_termline *l, unsigned n)
{
	bool is_lost = false;

	if (l->cols > 0 && l->col >= l->cols)
		n++; /* the cursor stands on the last character, not behind it */
	for (; n > 0 && l->col > 0; n--) {
		l->col--;
		if (l->cur <= l->row || l->text[l->cur - 1] == '\t' || l->len - l->cur >= SP_MASK_TERMINAL_BACK)
			is_lost = true;
		else
			l->cur -= termline_before(l->text, l->row, l->cur);
	}
	if (is_lost)
		termline_break(l);
	else
		termline_moved(l);
}

static void
termline_right(struct sp_termline *l, unsigned n)
{
	bool is_lost = false;

	for (; n > 0; n--) {
		size_t len;

		if (l->cols > 0 && l->col + 1 >= l->cols)
			break;
		if (l->cur < l->len && l->text[l->cur] != '\t') {
			(void)sp_termline_width(l->text + l->cur, l->len - l->cur, &len);
			l->cur += len;
		} else {
			is_lost = true;
		}
		l->col++;
	}
	if (is_lost)
		termline_break(l);
}

static void
termline_column(struct sp_termline *l, unsigned col)
{
	if (col < l->col)
		termline_left(l, l->col - col - (termline_is_margin(l) ? 1 : 0));
	else if (col > l->col)
		termline_right(l, col - l->col);
}

/* To another place. A full row may well end a line, so that even the next row's start is one. */
static void
termline_place(struct sp_termline *l, unsigned col)
{
	if (col == l->col)
		return;
	termline_break(l);
	l->col = col;
}

static void
termline_tab(struct sp_termline *l, const uint8_t *p)
{
	unsigned col = (l->col / TERMLINE_TAB + 1) * TERMLINE_TAB;

	if (l->cur < l->len)
		termline_break(l);
	termline_text(l, p, 1);
	termline_close(l, SP_TERMLINE_TEXT, l->len - 1, 1);
	l->col = l->cols > 0 && col >= l->cols ? l->cols - 1 : col < TERMLINE_COL_MAX ? col : TERMLINE_COL_MAX;
}

static void
termline_repeat(struct sp_termline *l, unsigned n)
{
	size_t at = l->len;
	uint8_t c = l->len > 0 ? l->text[l->len - 1] : '\n';

	if (l->cur < l->len || c < 0x20 || c >= 0x7f) {
		termline_break(l);
		termline_control(l);
		return;
	}
	n = n < TERMLINE_REPEATS ? n : TERMLINE_REPEATS;
	for (unsigned i = 0; i < n; i++) {
		termline_advance(l, 1);
		termline_text(l, &c, 1);
	}
	termline_close(l, SP_TERMLINE_REPEAT, at, n);
}

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
			v = v < TERMLINE_COL_MAX ? v : TERMLINE_COL_MAX;
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
		termline_right(l, n);
		break;
	case 'D':
		termline_left(l, n);
		break;
	case 'G':
	case '`':
		termline_column(l, n - 1);
		break;
	case 'H':
	case 'f':
		termline_place(l, termline_param(l, 1, 1) - 1);
		break;
	case 'E':
	case 'F':
	case 'r':
		termline_break(l);
		l->col = 0;
		break;
	case 'K':
		if (termline_param(l, 0, 0) == 0 && l->cur < l->len) {
			l->len = l->cur;
			l->is_dirty = true;
		}
		break;
	case 'P':
	case '@':
	case 'X':
		if (l->cur < l->len)
			termline_break(l);
		break;
	case 's':
		l->saved = l->col;
		break;
	case 'u':
		termline_place(l, l->saved);
		break;
	case 'b':
		termline_repeat(l, n);
		break;
	default: /* colours, vertical moves, erasing, modes, questions: the column stays */
		break;
	}
	termline_control(l);
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
		termline_place(l, l->saved);
		break;
	case 'E':
	case 'c':
		termline_break(l);
		l->col = 0;
		break;
	default:
		break;
	}
	termline_control(l);
}

/* --- bytes ------------------------------------------------------------------------------------------------- */

static void
termline_c0(struct sp_termline *l, const uint8_t *p)
{
	termline_open(l, p, 1);
	switch (*p) {
	case '\r':
		l->state = SP_TERMLINE_CR;
		break;
	case '\n':
	case '\v':
	case '\f':
		termline_newline(l, false);
		break;
	case '\t':
		termline_tab(l, p);
		break;
	case '\b':
		termline_left(l, 1);
		termline_control(l);
		break;
	case ESC:
		l->state = SP_TERMLINE_ESC;
		break;
	default:
		termline_control(l);
		break;
	}
}

/* Takes at least one byte of what is no part of a sequence. */
static size_t
termline_ground(struct sp_termline *l, const uint8_t *p, size_t n)
{
	size_t want, i = 1;

	if (*p >= 0x20 && *p < 0x7f)
		return termline_take_run(l, p, n);
	if (*p < 0x80) {
		termline_c0(l, p);
		return 1;
	}
	want = termline_bytes(*p);
	while (i < want && i < n && sp_chars_is_inner(p[i]))
		i++;
	if (i < want && i < n) { /* something else follows: these are no character */
		i = 1;
		want = 1;
	}
	termline_open(l, p, i);
	if (i == want) {
		termline_wide(l, p, want);
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
		termline_open(l, bytes + i, 1);
		termline_write(l, bytes + i, 1, 1);
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
	termline_open(l, p, 1);
	if (--l->want > 0)
		return 1;
	n = l->open < 4 ? l->open : 4;
	memcpy(bytes, l->raw + l->nraw - n, n);
	l->state = SP_TERMLINE_GROUND;
	termline_wide(l, bytes, n);
	return 1;
}

/* Behind a carriage return. True: it is a return within the line, and the text must be decided on before. */
static bool
termline_cr(struct sp_termline *l, const uint8_t *p, bool may_move, size_t *ret_n)
{
	*ret_n = 1;
	if (*p == '\r') {
		termline_open(l, p, 1);
		return false;
	}
	if (*p == '\n') {
		termline_open(l, p, 1);
		l->state = SP_TERMLINE_GROUND;
		termline_newline(l, true);
		return false;
	}
	*ret_n = 0;
	if (!may_move)
		return true;
	if (l->len - l->row >= SP_MASK_TERMINAL_BACK) {
		termline_break(l);
	} else if (l->row < l->len) {
		l->cur = l->row;
		termline_moved(l);
	}
	l->col = 0;
	termline_control(l);
	l->state = SP_TERMLINE_GROUND;
	return false;
}

static void
termline_wrap(struct sp_termline *l, const uint8_t *p, size_t *ret_n)
{
	*ret_n = *p == '\r';
	l->state = SP_TERMLINE_GROUND;
	if (*p == '\r') {
		termline_open(l, p, 1);
		l->row = l->len;
		l->col = 0;
		termline_control(l);
	} else {
		termline_write(l, (const uint8_t *)" ", 1, 1);
	}
}

/* True: as termline_cr(). */
static bool
termline_in_csi(struct sp_termline *l, const uint8_t *p, bool may_move, size_t *ret_n)
{
	*ret_n = 1;
	if (*p == ESC || *p >= 0x80) {
		*ret_n = 0;
		termline_control(l);
		l->state = SP_TERMLINE_GROUND;
		return false;
	}
	if (*p >= 0x40 && *p <= 0x7e && termline_is_back(l, *p) && !l->is_long && !may_move) {
		*ret_n = 0;
		return true;
	}
	termline_open(l, p, 1);
	if (*p == CAN || *p == SUB) {
		termline_control(l);
		l->state = SP_TERMLINE_GROUND;
	} else if (*p >= 0x40 && *p <= 0x7e) {
		l->state = SP_TERMLINE_GROUND;
		termline_csi(l, *p);
	} else if (*p < 0x30 || l->nsequence == sizeof(l->sequence)) {
		l->is_long = true;
		if (l->open >= SP_MASK_TERMINAL_STRING)
			termline_control(l); /* still inside, but no longer held */
	} else {
		l->sequence[l->nsequence++] = *p;
	}
	return false;
}

static size_t
termline_strings(struct sp_termline *l, const uint8_t *p)
{
	if (*p == ESC || *p == BEL || *p == CAN || *p == SUB) {
		termline_close(l, SP_TERMLINE_STRING, 0, 0);
		termline_open(l, p, 1);
		l->state = *p == ESC ? SP_TERMLINE_STRINGS_ESC : SP_TERMLINE_GROUND;
		if (*p != ESC)
			termline_control(l);
		return 1;
	}
	termline_open(l, p, 1);
	if (l->open >= SP_MASK_TERMINAL_STRING)
		termline_close(l, SP_TERMLINE_STRING, 0, 0);
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
			termline_control(l);
			l->state = SP_TERMLINE_GROUND;
			return false;
		}
		termline_open(l, p, 1);
		if (*p < 0x30) {
			l->state = SP_TERMLINE_INTERMEDIATE;
		} else if (l->state == SP_TERMLINE_INTERMEDIATE) {
			l->state = SP_TERMLINE_GROUND;
			termline_control(l);
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
			termline_open(l, p, 1);
			termline_control(l);
			l->state = SP_TERMLINE_GROUND;
			*ret_n = 1;
		}
		return false;
	}
	return false;
}

enum sp_termline_stop
sp_termline_take(struct sp_termline *l, const uint8_t *p, size_t n, bool may_move, size_t *ret_taken)
{
	size_t done = 0, k;

	while (done < n && l->error == 0) {
		bool was_return = l->state == SP_TERMLINE_CR;

		if (termline_step(l, p + done, n - done, may_move, &k)) {
			*ret_taken = done;
			return was_return ? SP_TERMLINE_RETURN : SP_TERMLINE_BACK;
		}
		done += k;
		may_move = false;
	}
	*ret_taken = done;
	return SP_TERMLINE_ALL;
}
