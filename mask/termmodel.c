/* SPDX-License-Identifier: Apache-2.0 */
#include "mask/termmodel.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "mask/chars.h"
#include "mask/terminal.h"

#define TERMMODEL_FIRST 1024	/* entries of the first allocations */
#define TERMMODEL_REPEATS 255	/* of one sequence; more is shown, but not looked at */
#define TERMMODEL_TAB 8

/* --- memory -------------------------------------------------------------------------------------------- */

/* The array with room for n more, which is where it was or elsewhere; what it held before is wiped. NULL: no memory. */
static void *
termmodel_grow(struct sp_termline *l, void *mem, size_t *cap, size_t len, size_t n, size_t size)
{
	size_t want = *cap == 0 ? TERMMODEL_FIRST : *cap;
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
termmodel_text(struct sp_termline *l, const uint8_t *p, size_t n)
{
	uint8_t *text = termmodel_grow(l, l->text, &l->cap, l->len, n, 1);

	if (text == NULL)
		return;
	l->text = text;
	memcpy(l->text + l->len, p, n);
	l->len += n;
	l->cur = l->len;
	l->is_inside = false;
	l->is_dirty = true;
}

/* Bytes as they came, which wait to be in a piece. */
void
sp_termmodel_open(struct sp_termline *l, const uint8_t *p, size_t n)
{
	uint8_t *raw = termmodel_grow(l, l->raw, &l->raw_cap, l->nraw, n, 1);

	if (raw == NULL)
		return;
	l->raw = raw;
	memcpy(l->raw + l->nraw, p, n);
	l->nraw += n;
	l->open += n;
}

/* The open bytes become a piece, joined to the one before where that says the same. */
void
sp_termmodel_close(struct sp_termline *l, enum sp_termline_kind kind, size_t text, size_t cells)
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
	pieces = termmodel_grow(l, l->pieces, &l->pieces_cap, l->npieces, 1, sizeof(*l->pieces));
	if (pieces == NULL)
		return;
	l->pieces = pieces;
	l->pieces[l->npieces++] = (struct sp_termline_piece){l->open, text, cells, (uint8_t)kind, 0};
	l->open = 0;
}

void
sp_termmodel_control(struct sp_termline *l)
{
	sp_termmodel_close(l, SP_TERMLINE_CONTROL, 0, 0);
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

/* --- the line -------------------------------------------------------------------------------------------- */

/* The text goes on elsewhere: what was and what comes are apart. */
void
sp_termmodel_break(struct sp_termline *l)
{
	bool is_empty = l->row == l->len && l->len > 0 && l->text[l->len - 1] == '\n';

	l->cur = l->len;
	l->is_inside = false;
	if (!is_empty)
		termmodel_text(l, (const uint8_t *)"\n", 1);
	l->row = l->line = l->len;
}

static bool
termmodel_is_margin(const struct sp_termline *l)
{
	return l->cols > 0 && l->col >= l->cols;
}

/* A character of w columns is about to be written: the terminal wraps for it. */
static void
termmodel_advance(struct sp_termline *l, unsigned w)
{
	if (l->cols > 0 && l->col + w > l->cols) {
		l->row = l->cur;
		l->col = 0;
	}
	l->col = l->col + w < SP_TERMMODEL_COL_MAX ? l->col + w : SP_TERMMODEL_COL_MAX;
}

/* The open bytes are characters, all in this row, of w columns together. */
void
sp_termmodel_write(struct sp_termline *l, const uint8_t *p, size_t n, unsigned w)
{
	size_t at = l->cur;

	if (at < l->len && (l->is_inside || n != 1 || p[0] >= 0x80 || l->text[at] >= 0x80 || l->text[at] == '\t')) {
		sp_termmodel_break(l); /* of another length than what it writes over, or onto half of it */
		at = l->cur;
	}
	termmodel_advance(l, w);
	if (at == l->len) {
		termmodel_text(l, p, n);
	} else {
		l->text[l->cur++] = p[0];
		l->is_dirty = true;
	}
	sp_termmodel_close(l, SP_TERMLINE_TEXT, at, n);
}

/* How many bytes at p are printable ASCII. */
static size_t
termmodel_run(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= 0x20 && p[i] < 0x7f)
		i++;
	return i;
}

/* Printable ASCII; takes what fits into the row. */
size_t
sp_termmodel_take_run(struct sp_termline *l, const uint8_t *p, size_t n)
{
	size_t room = SP_MASK_TERMINAL_HELD;

	if (termmodel_is_margin(l) && p[0] == ' ' && l->cur == l->len) {
		sp_termmodel_open(l, p, 1);
		l->state = SP_TERMLINE_WRAP;
		return 1;
	}
	if (l->cur < l->len)
		room = 1;
	else if (l->cols > 0)
		room = termmodel_is_margin(l) ? l->cols : l->cols - l->col;
	n = termmodel_run(p, n < room ? n : room);
	sp_termmodel_open(l, p, n);
	if (l->cols > 0 && termmodel_is_margin(l)) {
		l->row = l->cur;
		l->col = 0;
	}
	sp_termmodel_write(l, p, n, (unsigned)n);
	return n;
}

/* One byte is open that is no character: in the text it is one that never becomes part of any. */
void
sp_termmodel_stray(struct sp_termline *l)
{
	static const uint8_t none = 0xff;

	sp_termmodel_write(l, &none, 1, 1);
}

/* A whole character past ASCII is open. */
void
sp_termmodel_wide(struct sp_termline *l, const uint8_t *p, size_t n)
{
	size_t len;
	unsigned w = sp_termline_width(p, n, &len);

	if (n == 1)
		sp_termmodel_stray(l);
	else if (len > 1 && p[0] == 0xc2 && p[1] < 0xa0) { /* a control character */
		sp_termmodel_break(l);
		sp_termmodel_control(l);
	} else if (w == 0) {
		sp_termmodel_control(l);
	} else {
		sp_termmodel_write(l, p, n, w);
	}
}

void
sp_termmodel_newline(struct sp_termline *l, bool is_return)
{
	l->cur = l->len;
	termmodel_text(l, (const uint8_t *)"\n", 1);
	l->row = l->line = l->len;
	if (is_return)
		l->col = 0;
	sp_termmodel_control(l);
}

static void
termmodel_moved(struct sp_termline *l)
{
	size_t low = l->cur > SP_MASK_TERMINAL_BACK ? l->cur - SP_MASK_TERMINAL_BACK : 0;

	low = low > l->line ? low : l->line;
	if (!l->is_moved || low < l->moved_to)
		l->moved_to = low;
	l->is_moved = l->is_armed = true;
}

/* Bytes of the character that ends at at, within [from, at): a byte that is in no whole character is one of its own. */
static size_t
termmodel_before(const uint8_t *p, size_t from, size_t at)
{
	size_t k = 1;

	while (k < 4 && k < at - from && sp_chars_is_inner(p[at - k]))
		k++;
	return sp_termline_bytes(p[at - k]) == k ? k : 1;
}

/* Back by one column, of which a wide character has two. False: there is nothing known to be there. */
static bool
termmodel_step_left(struct sp_termline *l)
{
	size_t len;

	l->col--;
	if (l->is_inside) {
		l->is_inside = false;
		return true;
	}
	if (l->cur <= l->row || l->text[l->cur - 1] == '\t' || l->len - l->cur >= SP_MASK_TERMINAL_BACK)
		return false;
	l->cur -= termmodel_before(l->text, l->row, l->cur);
	l->is_inside = sp_termline_width(l->text + l->cur, l->len - l->cur, &len) == 2;
	return true;
}

void
sp_termmodel_left(struct sp_termline *l, unsigned n)
{
	bool is_lost = false;

	if (l->cols > 0 && l->col >= l->cols)
		n++; /* the cursor stands on the last character, not behind it */
	for (; n > 0 && l->col > 0; n--)
		is_lost = !termmodel_step_left(l) || is_lost;
	if (is_lost)
		sp_termmodel_break(l);
	else
		termmodel_moved(l);
}

static bool
termmodel_step_right(struct sp_termline *l)
{
	size_t len;

	l->col++;
	if (l->cur == l->len || l->text[l->cur] == '\t')
		return false;
	if (sp_termline_width(l->text + l->cur, l->len - l->cur, &len) == 2 && !l->is_inside) {
		l->is_inside = true;
		return true;
	}
	l->is_inside = false;
	l->cur += len;
	return true;
}

void
sp_termmodel_right(struct sp_termline *l, unsigned n)
{
	bool is_lost = false;

	for (; n > 0 && (l->cols == 0 || l->col + 1 < l->cols); n--)
		is_lost = !termmodel_step_right(l) || is_lost;
	if (is_lost)
		sp_termmodel_break(l);
}

void
sp_termmodel_column(struct sp_termline *l, unsigned col)
{
	if (col < l->col)
		sp_termmodel_left(l, l->col - col - (termmodel_is_margin(l) ? 1 : 0));
	else if (col > l->col)
		sp_termmodel_right(l, col - l->col);
}

/* To another place. A full row may well end a line, so that even the next row's start is one. */
void
sp_termmodel_place(struct sp_termline *l, unsigned col)
{
	if (col == l->col)
		return;
	sp_termmodel_break(l);
	l->col = col;
}

void
sp_termmodel_tab(struct sp_termline *l, const uint8_t *p)
{
	unsigned col = (l->col / TERMMODEL_TAB + 1) * TERMMODEL_TAB;

	if (l->cur < l->len)
		sp_termmodel_break(l);
	termmodel_text(l, p, 1);
	sp_termmodel_close(l, SP_TERMLINE_TEXT, l->len - 1, 1);
	l->col = l->cols > 0 && col >= l->cols ? l->cols - 1 : col < SP_TERMMODEL_COL_MAX ? col : SP_TERMMODEL_COL_MAX;
}

void
sp_termmodel_repeat(struct sp_termline *l, unsigned n)
{
	size_t at = l->len;
	uint8_t c = l->len > 0 ? l->text[l->len - 1] : '\n';

	if (l->cur < l->len || c < 0x20 || c >= 0x7f) {
		sp_termmodel_break(l);
		sp_termmodel_control(l);
		return;
	}
	n = n < TERMMODEL_REPEATS ? n : TERMMODEL_REPEATS;
	for (unsigned i = 0; i < n; i++) {
		termmodel_advance(l, 1);
		termmodel_text(l, &c, 1);
	}
	sp_termmodel_close(l, SP_TERMLINE_REPEAT, at, n);
}

/* To the start of the row. */
void
sp_termmodel_return(struct sp_termline *l)
{
	if (l->len - l->row >= SP_MASK_TERMINAL_BACK) {
		sp_termmodel_break(l);
	} else if (l->row < l->len) {
		l->cur = l->row;
		l->is_inside = false;
		termmodel_moved(l);
	}
	l->col = 0;
	sp_termmodel_control(l);
}

/* --- what is gone ------------------------------------------------------------------------------------------ */

/* Room for one more piece behind the i-th, which is where the i-th was, with n and cells of it. False: no memory. */
static bool
termmodel_split(struct sp_termline *l, size_t i, size_t n)
{
	struct sp_termline_piece *pieces = termmodel_grow(l, l->pieces, &l->pieces_cap, l->npieces, 1, sizeof(*l->pieces));

	if (pieces == NULL)
		return false;
	l->pieces = pieces;
	memmove(pieces + i + 1, pieces + i, (l->npieces - i) * sizeof(*pieces));
	l->npieces++;
	pieces[i].n = pieces[i].cells = n;
	pieces[i + 1].n -= n;
	pieces[i + 1].cells -= n;
	pieces[i + 1].text += n;
	return true;
}

/* The piece wrote no text that is still there. */
static void
termmodel_detach(struct sp_termline_piece *piece)
{
	piece->kind = SP_TERMLINE_CONTROL;
	piece->text = piece->cells = 0;
}

/* What is at the cursor and behind it is erased. The bytes that wrote it stay what they are, whatever comes in its place. */
void
sp_termmodel_erase(struct sp_termline *l)
{
	for (size_t i = 0; i < l->npieces; i++) {
		struct sp_termline_piece *piece = &l->pieces[i];

		if (piece->cells == 0 || piece->text + piece->cells <= l->cur)
			continue;
		if (piece->text >= l->cur) {
			termmodel_detach(piece);
		} else if (piece->kind == SP_TERMLINE_REPEAT) {
			piece->gone = (uint8_t)(piece->text + piece->cells - l->cur);
			piece->cells = l->cur - piece->text;
		} else if (!termmodel_split(l, i, l->cur - piece->text)) {
			return;
		}
	}
	if (l->cur < l->len) {
		l->len = l->cur;
		l->is_inside = false;
		l->is_dirty = true;
	}
}

void
sp_termline_replace(struct sp_termline *l, size_t i, size_t at, size_t from, size_t n, const uint8_t *p, size_t m)
{
	uint8_t *raw;

	if (from > 0) {
		if (!termmodel_split(l, i, from))
			return;
		i++;
	}
	if (n < l->pieces[i].n && !termmodel_split(l, i, n))
		return;
	raw = termmodel_grow(l, l->raw, &l->raw_cap, l->nraw, m, 1);
	if (raw == NULL)
		return;
	l->raw = raw;
	at += from;
	memmove(raw + at + m, raw + at + n, l->nraw - at - n);
	memcpy(raw + at, p, m);
	l->nraw = l->nraw - n + m;
	l->pieces[i].n = m;
	termmodel_detach(&l->pieces[i]);
}
