/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a termline is scanned as a stream's is; then the bytes as they came are put as far as the text they
 * wrote is decided, each character of a match replaced by one of the same width.
 */
#include "mask/terminal.h"

#include <stdlib.h>
#include <string.h>

#include "mask/chars.h"
#include "mask/scan.h"
#include "mask/termline.h"

#define TERMINAL_PART 16384 /* bytes taken between two scans */
#define TERMINAL_TEXT_KEPT 4096 /* decided bytes of text that may lie about before they are forgotten */
#define TERMINAL_LABEL_MAX 4096 /* bytes of a replacement */

struct sp_mask_terminal {
	struct sp_mask_set *set;
	struct sp_termline line;
	size_t floor; /* no match begins before */
	size_t shown; /* bytes at the start of line.raw that a flush has put */
	struct sp_span *spans;
	size_t nspans, spans_cap;
	struct sp_buf *label; /* of the span in hand */
	size_t labelled;      /* index of that span; SIZE_MAX: none */
	struct sp_buf *burnt; /* what takes the place of bytes that are held */
	bool is_undecided;    /* a long match was, at the last scan */
	int error;
};

int
sp_mask_terminal_new(struct sp_mask_set *set, unsigned cols, struct sp_mask_terminal **ret_t)
{
	struct sp_mask_terminal *t;

	if (!set->is_sealed)
		return SP_ERR_INVALID;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return SP_ERR_NOMEM;
	t->set = set;
	t->label = sp_buf_new(TERMINAL_LABEL_MAX);
	t->burnt = sp_buf_new(0);
	if (t->label == NULL || t->burnt == NULL) {
		sp_buf_free(t->label);
		sp_buf_free(t->burnt);
		free(t);
		return SP_ERR_NOMEM;
	}
	sp_termline_init(&t->line, cols);
	*ret_t = t;
	return 0;
}

void
sp_mask_terminal_free(struct sp_mask_terminal *t)
{
	if (t == NULL)
		return;
	sp_termline_clear(&t->line);
	sp_buf_free(t->label);
	sp_buf_free(t->burnt);
	free(t->spans);
	free(t);
}

void
sp_mask_terminal_resize(struct sp_mask_terminal *t, unsigned cols)
{
	t->line.cols = cols;
}

size_t
sp_mask_terminal_held(const struct sp_mask_terminal *t)
{
	return t->line.nraw - t->shown;
}

/* --- what is found --------------------------------------------------------------------------------------- */

/* Scans; t->spans and *ret_cut are what came of it. */
static int
terminal_scan(struct sp_mask_terminal *t, bool is_final, size_t *ret_cut)
{
	const struct sp_termline *l = &t->line;
	const struct sp_spans *found = &t->set->spans;
	struct sp_regex_text text;
	struct sp_scan_end end;
	int r;

	if (t->floor > l->len)
		t->floor = l->len;
	t->nspans = 0;
	t->is_undecided = false;
	*ret_cut = l->len;
	if (t->floor == l->len)
		return 0; /* nothing that was not looked at */
	text = (struct sp_regex_text){
	    l->text, t->floor > SP_SCAN_BEHIND ? t->floor - SP_SCAN_BEHIND : 0, t->floor, l->len, is_final};
	r = sp_scan_text(t->set, &text, &end);
	if (r != 0)
		return r;
	t->is_undecided = !is_final && end.undecided != SIZE_MAX;
	*ret_cut = is_final ? l->len : sp_scan_cut(t->set, l->text, t->floor, l->len, end.undecided);
	if (!is_final && l->len - t->floor > SP_SCAN_HELD_MAX) {
		sp_span_add(&t->set->spans, t->floor, l->len, (uint8_t)end.kind, SP_MASK_REDACT);
		(void)sp_span_merge(&t->set->spans);
		*ret_cut = l->len;
	}
	if (found->error != 0)
		return found->error;
	if (found->n > t->spans_cap) {
		struct sp_span *m = reallocarray(t->spans, found->n * 2, sizeof(*m));

		if (m == NULL)
			return SP_ERR_NOMEM;
		t->spans = m;
		t->spans_cap = found->n * 2;
	}
	if (found->n > 0)
		memcpy(t->spans, found->at, found->n * sizeof(*t->spans));
	t->nspans = found->n;
	t->labelled = SIZE_MAX;
	return 0;
}

/* --- how it is put ----------------------------------------------------------------------------------------- */

/* The first span that ends behind at. */
static size_t
terminal_span(const struct sp_mask_terminal *t, size_t at)
{
	size_t lo = 0, hi = t->nspans;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->spans[mid].end <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The replacement of span i as text. */
static int
terminal_label(struct sp_mask_terminal *t, size_t i, struct sp_mask_counts *counts)
{
	int r;

	if (t->labelled == i)
		return 0;
	sp_buf_reset(t->label);
	r = sp_mask_set_put(t->set, &t->spans[i], t->line.text, t->label, counts);
	t->labelled = i;
	return r;
}

/* Puts w columns of span i's replacement, from its column at. */
static void
terminal_fill(struct sp_mask_terminal *t, size_t at, unsigned w, struct sp_buf *out)
{
	const uint8_t *p = sp_buf_data(t->label);
	size_t n = sp_buf_len(t->label), off = 0, col = 0, len;

	while (off < n && col < at) {
		col += sp_termline_width(p + off, n - off, &len);
		off += len;
	}
	for (; w > 0; w--) {
		unsigned k = off < n ? sp_termline_width(p + off, n - off, &len) : 0;

		if (k == 1 && p[off] >= 0x20) {
			sp_buf_put(out, p + off, len);
			off += len;
		} else {
			sp_buf_put_u8(out, '*');
		}
	}
}

/* Columns of the text before at within span i. */
static size_t
terminal_columns(const struct sp_mask_terminal *t, size_t i, size_t at)
{
	const uint8_t *p = t->line.text;
	size_t cols = 0, len;

	for (size_t k = t->spans[i].start; k < at && k < t->line.len; k += len) {
		unsigned w = sp_termline_width(p + k, t->line.len - k, &len);

		cols += p[k] < 0x20 ? 0 : w;
	}
	return cols;
}

/* The characters of text[from, to), all in span i, masked. */
static int
terminal_mask(struct sp_mask_terminal *t, size_t i, size_t from, size_t to, struct sp_buf *out, struct sp_mask_counts *counts)
{
	const uint8_t *p = t->line.text;
	size_t at, len;
	int r = terminal_label(t, i, counts);

	if (r != 0)
		return r;
	at = from - t->spans[i].start < TERMINAL_LABEL_MAX ? terminal_columns(t, i, from) : TERMINAL_LABEL_MAX;
	for (size_t k = from; k < to; k += len) {
		unsigned w = sp_termline_width(p + k, to - k, &len);

		if (p[k] < 0x20) { /* a tab */
			sp_buf_put_u8(out, p[k]);
			continue;
		}
		terminal_fill(t, at, w, out);
		at += w;
	}
	return sp_buf_error(out);
}

/* Puts the bytes raw[0, n) that wrote text[at, at + n). */
static int
terminal_text(struct sp_mask_terminal *t, const uint8_t *raw, size_t at, size_t n, struct sp_buf *out,
    struct sp_mask_counts *counts)
{
	size_t end = at + n, i;
	int r = 0;

	if (end > t->line.len) { /* erased again in the meantime */
		size_t there = at < t->line.len ? t->line.len - at : 0;

		r = there == 0 ? 0 : terminal_text(t, raw, at, there, out, counts);
		return r == 0 ? sp_buf_put(out, raw + there, n - there) : r;
	}
	for (i = terminal_span(t, at); r == 0 && at < end; i++) {
		size_t from = i < t->nspans && t->spans[i].start < end ? t->spans[i].start : end;
		size_t to = i < t->nspans && t->spans[i].end < end ? t->spans[i].end : end;

		if (from > at) {
			sp_buf_put(out, raw, from - at);
			raw += from - at;
			at = from;
		}
		if (at < end) {
			r = terminal_mask(t, i, at, to, out, counts);
			raw += to - at;
			at = to;
		}
	}
	return r == 0 ? sp_buf_error(out) : r;
}

static int
terminal_repeat(struct sp_mask_terminal *t, const struct sp_termline_piece *piece, const uint8_t *raw, struct sp_buf *out,
    struct sp_mask_counts *counts)
{
	size_t i = terminal_span(t, piece->text);
	int r;

	if (i == t->nspans || t->spans[i].start >= piece->text + piece->cells ||
	    piece->text + piece->cells > t->line.len)
		return sp_buf_put(out, raw, piece->n);
	r = terminal_text(t, t->line.text + piece->text, piece->text, piece->cells, out, counts);
	for (unsigned k = 0; k < piece->gone; k++)
		sp_buf_put_u8(out, '*');
	return r == 0 ? sp_buf_error(out) : r;
}

static int
terminal_string(struct sp_mask_terminal *t, const uint8_t *raw, size_t n, struct sp_buf *out, struct sp_mask_counts *counts)
{
	enum sp_mask_outcome outcome;
	int r = sp_mask_scan(t->set, raw, n, false, out, counts, &outcome);

	return r == 0 && outcome == SP_MASK_SAME ? sp_buf_put(out, raw, n) : r;
}

/* One piece, or its first k cells. */
static int
terminal_piece(struct sp_mask_terminal *t, const struct sp_termline_piece *piece, size_t k, const uint8_t *raw,
    struct sp_buf *out, struct sp_mask_counts *counts)
{
	switch (piece->kind) {
	case SP_TERMLINE_TEXT:
		return terminal_text(t, raw, piece->text, k, out, counts);
	case SP_TERMLINE_REPEAT:
		return terminal_repeat(t, piece, raw, out, counts);
	case SP_TERMLINE_STRING:
		return terminal_string(t, raw, piece->n, out, counts);
	default:
		return sp_buf_put(out, raw, piece->n);
	}
}

/* The first n bytes of a piece are shown already: a character's first bytes, or a sequence's. */
static void
terminal_skip(struct sp_termline_piece *piece, size_t n, size_t *k)
{
	piece->n -= n;
	if (piece->kind != SP_TERMLINE_TEXT)
		return;
	piece->text += n;
	piece->cells -= n;
	*k = *k > n ? *k - n : 0;
}

/* Puts the pieces, in order, up to the first whose text is not before cut. */
static int
terminal_put(struct sp_mask_terminal *t, size_t cut, struct sp_buf *out, struct sp_mask_counts *counts)
{
	struct sp_termline *l = &t->line;
	size_t done = 0, i;
	int r = 0;

	for (i = 0; r == 0 && i < l->npieces; i++) {
		struct sp_termline_piece *piece = &l->pieces[i];
		size_t k = piece->cells;

		if (k > 0 && piece->text + k > cut)
			k = piece->kind != SP_TERMLINE_TEXT || piece->text >= cut ? 0 : cut - piece->text;
		if (piece->cells > 0 && k == 0)
			break;
		if (t->shown > 0) { /* in part, by a flush */
			size_t n = piece->n < t->shown ? piece->n : t->shown;

			terminal_skip(piece, n, &k);
			t->shown -= n;
			done += n;
		}
		r = terminal_piece(t, piece, k, l->raw + done, out, counts);
		done += piece->kind == SP_TERMLINE_TEXT ? k : piece->n;
		if (piece->kind == SP_TERMLINE_TEXT && k < piece->cells) {
			piece->n -= k;
			piece->cells -= k;
			piece->text += k;
			break;
		}
	}
	sp_termline_drop(l, i, done);
	return r == 0 ? sp_buf_error(out) : r;
}

/* --- when ---------------------------------------------------------------------------------------------------- */

/* Where a match may begin, now that the cursor has been back there. */
static void
terminal_lower(struct sp_mask_terminal *t)
{
	struct sp_termline *l = &t->line;

	if (!l->is_moved)
		return;
	if (t->floor > l->moved_to)
		t->floor = l->moved_to;
	l->is_moved = l->cur < l->len;
}

/*
 * Whether bytes are held that wrote text before at. They are where text was erased and a shorter one took its place:
 * what wrote the longer one waits for text that is not there yet, and what wrote the shorter one waits behind it.
 */
static bool
terminal_holds(const struct sp_mask_terminal *t, size_t at)
{
	const struct sp_termline *l = &t->line;

	for (size_t i = 0; i < l->npieces; i++)
		if (l->pieces[i].cells > 0 && l->pieces[i].text < at)
			return true;
	return false;
}

/* Decides on the text as it is now, more of which may come, and puts what can be put. */
static void
terminal_settle(struct sp_mask_terminal *t, struct sp_buf *out, struct sp_mask_counts *counts)
{
	struct sp_termline *l = &t->line;
	size_t cut = 0, kept;

	terminal_lower(t);
	t->error = terminal_scan(t, false, &cut);
	if (t->error == 0)
		t->error = terminal_put(t, cut, out, counts);
	l->is_dirty = false;
	if (t->error != 0)
		return;
	if (l->cur == l->len && cut > t->floor && !terminal_holds(t, cut))
		t->floor = cut; /* else matches before the cut are still to be put */
	kept = t->floor > SP_SCAN_BEHIND + SP_MASK_TERMINAL_BACK ? t->floor - SP_SCAN_BEHIND - SP_MASK_TERMINAL_BACK : 0;
	if (kept > TERMINAL_TEXT_KEPT)
		t->floor -= sp_termline_forget(l, kept);
}

/*
 * Masks for good, within the i-th piece that begins at off in raw, what lies in the first span there. What a flush has
 * shown of it is past that.
 */
static void
terminal_burn_piece(struct sp_mask_terminal *t, size_t i, size_t off, struct sp_mask_counts *counts)
{
	struct sp_termline *l = &t->line;
	struct sp_termline_piece piece = l->pieces[i];
	size_t end = piece.text + piece.cells, k = terminal_span(t, piece.text), from, to;

	if (k < t->nspans && t->spans[k].end <= l->cur)
		k = terminal_span(t, l->cur);
	if (piece.cells == 0 || k == t->nspans || t->spans[k].start >= end || end > l->len)
		return;
	sp_buf_reset(t->burnt);
	if (piece.kind == SP_TERMLINE_REPEAT) {
		if (off < t->shown)
			return;
		t->error = terminal_repeat(t, &piece, l->raw + off, t->burnt, counts);
		from = 0;
		to = piece.n;
	} else {
		from = t->spans[k].start > piece.text ? t->spans[k].start - piece.text : 0;
		to = (t->spans[k].end < end ? t->spans[k].end : end) - piece.text;
		if (off + from < t->shown)
			from = t->shown - off;
		if (from >= to)
			return;
		t->error = terminal_mask(t, k, piece.text + from, piece.text + to, t->burnt, counts);
	}
	if (t->error == 0)
		sp_termline_replace(l, i, off, from, to - from, sp_buf_data(t->burnt), sp_buf_len(t->burnt));
}

/*
 * From the cursor on the text is about to be erased or written over: what of it is in a match as it stands is masked,
 * whatever comes in its place. The text stays, for what is left of it may yet become part of another match.
 */
static void
terminal_burn(struct sp_mask_terminal *t, struct sp_mask_counts *counts)
{
	struct sp_termline *l = &t->line;
	size_t cut, off = 0;

	l->is_armed = false;
	if (l->npieces == 0)
		return;
	t->error = terminal_scan(t, true, &cut);
	for (size_t i = 0; t->error == 0 && t->nspans > 0 && i < l->npieces; i++) {
		terminal_burn_piece(t, i, off, counts);
		off += l->pieces[i].n;
	}
	if (t->error == 0)
		t->error = l->error;
}

/* Puts all that is held as if the text ended here; what is not decided stays so. */
static void
terminal_flush(struct sp_mask_terminal *t, struct sp_buf *out, struct sp_mask_counts *counts)
{
	struct sp_termline *l = &t->line;
	size_t cut;

	if (l->npieces > 0) {
		t->error = terminal_scan(t, true, &cut);
		if (t->error == 0)
			t->error = terminal_put(t, SIZE_MAX, out, counts);
	}
}

int
sp_mask_terminal_feed(
    struct sp_mask_terminal *t, const void *p, size_t n, struct sp_buf *out, struct sp_mask_counts *counts)
{
	struct sp_termline *l = &t->line;
	const uint8_t *in = p;
	bool may_move = false;

	while (n > 0 && t->error == 0) {
		size_t part = n < TERMINAL_PART ? n : TERMINAL_PART, taken;
		enum sp_termline_stop stop = sp_termline_take(l, in, part, may_move, &taken);

		in += taken;
		n -= taken;
		t->error = l->error;
		if (t->error != 0)
			break;
		may_move = stop != SP_TERMLINE_ALL;
		if (stop == SP_TERMLINE_RETURN || (stop == SP_TERMLINE_ALL ? l->cur == l->len : l->is_dirty))
			terminal_settle(t, out, counts);
		/* A line that is shown whole before it is written over: not held for what may come. */
		if (t->error == 0 && stop == SP_TERMLINE_RETURN && l->row == l->line && !t->is_undecided)
			terminal_flush(t, out, counts);
		if (t->error == 0 && stop == SP_TERMLINE_CHANGE)
			terminal_burn(t, counts);
		if (t->error == 0 && l->nraw > SP_MASK_TERMINAL_HELD)
			terminal_flush(t, out, counts);
	}
	return t->error;
}

int
sp_mask_terminal_flush(struct sp_mask_terminal *t, struct sp_buf *out, struct sp_mask_counts *counts)
{
	struct sp_termline *l = &t->line;

	if (t->error != 0)
		return t->error;
	terminal_flush(t, out, counts);
	if (t->error == 0 && l->nraw > t->shown) { /* the beginning of a sequence or character */
		t->error = sp_buf_put(out, l->raw + t->shown, l->nraw - t->shown);
		t->shown = l->nraw;
	}
	return t->error;
}

int
sp_mask_terminal_echo(
    struct sp_mask_terminal *t, const void *p, size_t n, struct sp_buf *out, struct sp_mask_counts *counts)
{
	struct sp_termline *l = &t->line;
	const uint8_t *in = p;
	bool may_move = false;
	size_t taken;

	if (sp_mask_terminal_flush(t, out, counts) != 0)
		return t->error;
	for (; n > 0 && t->error == 0; in += taken, n -= taken) {
		may_move = sp_termline_take(l, in, n, may_move, &taken) != SP_TERMLINE_ALL;
		t->error = l->error;
	}
	if (t->error != 0)
		return t->error;
	t->nspans = 0;
	t->error = terminal_put(t, SIZE_MAX, out, counts);
	if (t->error == 0 && l->nraw > t->shown) {
		t->error = sp_buf_put(out, l->raw + t->shown, l->nraw - t->shown);
		t->shown = l->nraw;
	}
	l->is_dirty = l->is_armed = false;
	t->floor = l->len;
	return t->error;
}
