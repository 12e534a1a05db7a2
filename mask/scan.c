/* SPDX-License-Identifier: Apache-2.0 */
#include "mask/scan.h"

#include <stdlib.h>
#include <string.h>

#include "mask/chars.h"

#define SP_SCAN_CHANGES_FIRST 16 /* entries of the first allocation */

_Static_assert(SP_SCAN_BEHIND >= SP_DETECT_BEHIND && SP_SCAN_BEHIND >= 4 * SP_REGEX_BEHIND_MAX, "look behind");

static size_t
sp_scan_window(struct sp_mask_set *set, const uint8_t *p, size_t n, size_t off)
{
	size_t len = n - off < SP_ANCHOR_WINDOW ? n - off : SP_ANCHOR_WINDOW;

	return sp_anchor_find(&set->plan, &set->anchors, p + off, len, n - off, set->found);
}

static void
sp_scan_drop_before(struct sp_spans *s, size_t start)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->at[i].start >= start)
			s->at[n++] = s->at[i];
	}
	s->n = n;
}

int
sp_scan_text(struct sp_mask_set *set, const struct sp_regex_text *text, struct sp_scan_end *ret_end)
{
	struct sp_detect d = {text->p, text->lo, text->hi, text->is_final, set->transform, &set->spans, SIZE_MAX};
	const uint8_t *p = text->p + text->lo;
	size_t n = text->hi - text->lo, found;
	struct sp_scan_end end = {SIZE_MAX, SP_DETECT_PRIVATE_KEY};
	int r;

	set->spans.n = 0;
	if (set->has_detectors) {
		sp_anchor_start(&set->anchors);
		for (size_t off = 0; off < n; off += SP_ANCHOR_WINDOW) {
			found = sp_scan_window(set, p, n, off);
			for (size_t i = 0; i < found; i++)
				sp_detect_run(&d, text->lo + off + set->found[i].off, set->found[i].flags);
		}
		if (text->start > text->lo)
			sp_scan_drop_before(&set->spans, text->start);
		if (d.undecided >= text->start)
			end.undecided = d.undecided;
	}
	if (set->regexes != NULL) {
		size_t undecided = SIZE_MAX, kind = 0;

		r = sp_regex_scan(set->regexes, text, SP_DETECT_KINDS, set->transform, &set->spans, &undecided, &kind);
		if (r != 0)
			return r;
		if (undecided < end.undecided)
			end = (struct sp_scan_end){undecided, kind};
	}
	(void)sp_span_merge(&set->spans);
	*ret_end = end;
	return set->spans.error;
}

/* --- where a text that goes on can be cut --- */

/* The start of the UTF-8 character that at lies in; at itself when that begins before from. */
static size_t
sp_scan_char(const uint8_t *p, size_t from, size_t n, size_t at)
{
	size_t i = at;

	if (at >= n)
		return at;
	for (size_t k = 0; k < 3 && i > from && sp_chars_is_inner(p[i]); k++)
		i--;
	return p[i] >= 0xc0 ? i : at;
}

size_t
sp_scan_cut(const struct sp_mask_set *set, const uint8_t *p, size_t from, size_t n, size_t undecided)
{
	const struct sp_spans *spans = &set->spans;
	size_t cut = n - from > SP_DETECT_MAX ? n - SP_DETECT_MAX : from, i;

	for (i = n; i > cut; i--) {
		if (sp_detect_is_break(p[i - 1])) {
			cut = i;
			break;
		}
	}
	if (!set->has_detectors)
		cut = n;
	if (cut > undecided)
		cut = undecided;
	/* The last character may be incomplete. */
	for (i = n; i > from && n - i < 3 && sp_chars_is_inner(p[i - 1]); i--)
		;
	if (cut == n && i > from && p[i - 1] >= 0xc0)
		cut = i - 1;
	cut = sp_scan_char(p, from, n, cut);
	for (i = 0; i < spans->n && spans->at[i].start < cut; i++) {
		if (spans->at[i].end > cut)
			cut = spans->at[i].start;
	}
	return cut;
}

/* --- a cell's result --- */

/* Puts p[lo, hi) with its spans replaced. */
static int
sp_scan_replace(
    struct sp_mask_set *set, const uint8_t *p, size_t lo, size_t hi, struct sp_buf *out, struct sp_mask_counts *counts)
{
	size_t done = lo;
	int r;

	for (size_t i = 0; i < set->spans.n; i++) {
		const struct sp_span *s = &set->spans.at[i];

		sp_buf_put(out, p + done, s->start - done);
		r = sp_mask_set_put(set, s, p, out, counts);
		if (r != 0)
			return r;
		done = s->end;
	}
	return sp_buf_put(out, p + done, hi - done);
}

/* The kind that turns the whole value into NULL, or -1. */
static int
sp_scan_null_kind(const struct sp_mask_set *set)
{
	for (size_t i = 0; i < set->spans.n; i++) {
		if (set->spans.at[i].transform == SP_MASK_NULL)
			return set->spans.at[i].kind;
	}
	return -1;
}

static int
sp_scan_finish(struct sp_mask_set *set, const uint8_t *p, size_t lo, size_t hi, bool may_null, struct sp_buf *out,
    struct sp_mask_counts *counts, enum sp_mask_outcome *ret_outcome)
{
	enum sp_mask_outcome outcome = SP_MASK_CHANGED;
	int null_kind, r = 0;

	if (set->spans.n == 0) {
		*ret_outcome = SP_MASK_SAME;
		return 0;
	}
	null_kind = sp_scan_null_kind(set);
	if (null_kind < 0) {
		r = sp_scan_replace(set, p, lo, hi, out, counts);
	} else {
		for (size_t i = 0; counts != NULL && i < set->spans.n; i++)
			counts->n[set->spans.at[i].kind]++;
		if (may_null)
			outcome = SP_MASK_NULLED;
		else
			r = sp_buf_putf(out, "[masked:%s]", sp_mask_kind_name(set, (size_t)null_kind));
	}
	if (r == 0)
		*ret_outcome = outcome;
	return r;
}

int
sp_mask_scan(struct sp_mask_set *set, const void *p, size_t n, bool may_null, struct sp_buf *out,
    struct sp_mask_counts *counts, enum sp_mask_outcome *ret_outcome)
{
	struct sp_regex_text text = {p, 0, 0, n, true};
	struct sp_scan_end end;
	int r;

	if (!set->is_sealed)
		return SP_ERR_INVALID;
	if (n > SP_MASK_VALUE_MAX)
		return SP_ERR_LIMIT;
	r = sp_scan_text(set, &text, &end);
	if (r != 0)
		return r;
	return sp_scan_finish(set, p, 0, n, may_null, out, counts, ret_outcome);
}

int
sp_mask_column(struct sp_mask_set *set, enum sp_mask_transform t, enum sp_mask_type type, const void *p, size_t n,
    struct sp_buf *out, enum sp_mask_outcome *ret_outcome)
{
	int r;

	if (n > SP_MASK_VALUE_MAX)
		return SP_ERR_LIMIT;
	if (t == SP_MASK_HASH && set->key == NULL)
		return SP_ERR_INVALID;
	if (t == SP_MASK_NULL || type == SP_MASK_TYPE_OTHER) {
		*ret_outcome = SP_MASK_NULLED;
		return 0;
	}
	r = sp_transform_column(set->key, t, type, p, n, out);
	if (r == 0)
		*ret_outcome = SP_MASK_CHANGED;
	return r;
}

/* --- many cells --- */

struct sp_scan_batch {
	struct sp_mask_set *set;
	const uint8_t *p;
	const struct sp_mask_cell *cells;
	size_t ncells;
	size_t now;  /* the cell whose spans are in set->spans */
	size_t base; /* length of out at the call */
	bool may_null;
	struct sp_buf *out;
	struct sp_mask_counts *counts;
};

static int
sp_scan_note(struct sp_mask_set *set, const struct sp_mask_change *c)
{
	if (set->nchanges == set->changes_cap) {
		size_t cap = set->changes_cap == 0 ? SP_SCAN_CHANGES_FIRST : set->changes_cap * 2;
		struct sp_mask_change *m = reallocarray(set->changes, cap, sizeof(*m));

		if (m == NULL)
			return SP_ERR_NOMEM;
		set->changes = m;
		set->changes_cap = cap;
	}
	set->changes[set->nchanges++] = *c;
	return 0;
}

/* All anchors of the current cell were seen: regexes, result, and on to the next cell. */
static int
sp_scan_cell_done(struct sp_scan_batch *b)
{
	struct sp_mask_set *set = b->set;
	const struct sp_mask_cell *c = &b->cells[b->now];
	struct sp_regex_text text = {b->p, c->off, c->off, (size_t)c->off + c->len, true};
	struct sp_mask_change change = {(uint32_t)b->now, false, sp_buf_len(b->out) - b->base, 0};
	enum sp_mask_outcome outcome;
	size_t undecided, kind;
	int r;

	b->now++;
	if (set->regexes != NULL) {
		r = sp_regex_scan(set->regexes, &text, SP_DETECT_KINDS, set->transform, &set->spans, &undecided, &kind);
		if (r != 0)
			return r;
	}
	if (set->spans.n == 0)
		return set->spans.error;
	(void)sp_span_merge(&set->spans);
	r = set->spans.error;
	if (r == 0)
		r = sp_scan_finish(set, b->p, text.lo, text.hi, b->may_null, b->out, b->counts, &outcome);
	set->spans.n = 0;
	if (r != 0)
		return r;
	if (outcome == SP_MASK_NULLED) {
		change.is_null = true;
		change.off = 0;
	} else {
		change.len = sp_buf_len(b->out) - b->base - change.off;
	}
	return sp_scan_note(set, &change);
}

/* Finishes the cells that end at or before off. */
static int
sp_scan_skip_to(struct sp_scan_batch *b, size_t off)
{
	int r = 0;

	while (r == 0 && b->now < b->ncells && (size_t)b->cells[b->now].off + b->cells[b->now].len <= off) {
		if (b->set->regexes != NULL || b->set->spans.n > 0)
			r = sp_scan_cell_done(b);
		else
			b->now++;
	}
	return r;
}

static int
sp_scan_batch_window(struct sp_scan_batch *b, size_t n, size_t off)
{
	struct sp_mask_set *set = b->set;
	size_t found = sp_scan_window(set, b->p, n, off), at;
	struct sp_detect d = {b->p, 0, 0, true, set->transform, &set->spans, SIZE_MAX};
	int r;

	for (size_t i = 0; i < found; i++) {
		at = off + set->found[i].off;
		r = sp_scan_skip_to(b, at);
		if (r != 0)
			return r;
		if (b->now == b->ncells)
			return 0;
		if (at < b->cells[b->now].off)
			continue;
		d.lo = b->cells[b->now].off;
		d.hi = d.lo + b->cells[b->now].len;
		sp_detect_run(&d, at, set->found[i].flags);
	}
	return 0;
}

static bool
sp_scan_cells_are_valid(const struct sp_mask_cell *cells, size_t ncells, size_t n)
{
	size_t end = 0;

	for (size_t i = 0; i < ncells; i++) {
		if (cells[i].off < end + (i > 0) || (size_t)cells[i].off + cells[i].len > n)
			return false;
		end = (size_t)cells[i].off + cells[i].len;
	}
	return true;
}

int
sp_mask_cells(struct sp_mask_set *set, const void *buf, size_t n, const struct sp_mask_cell *cells, size_t ncells,
    bool may_null, struct sp_buf *out, struct sp_mask_counts *counts, const struct sp_mask_change **ret_changes,
    size_t *ret_nchanges)
{
	struct sp_scan_batch b = {set, buf, cells, ncells, 0, sp_buf_len(out), may_null, out, counts};
	int r = 0;

	if (n > SP_MASK_BATCH_MAX)
		return SP_ERR_LIMIT;
	if (!set->is_sealed || !sp_scan_cells_are_valid(cells, ncells, n))
		return SP_ERR_INVALID;
	set->nchanges = 0;
	set->spans.n = 0;
	sp_anchor_start(&set->anchors);
	for (size_t off = 0; set->has_detectors && off < n && b.now < ncells && r == 0; off += SP_ANCHOR_WINDOW)
		r = sp_scan_batch_window(&b, n, off);
	if (r == 0)
		r = sp_scan_skip_to(&b, n);
	if (r != 0)
		return r;
	*ret_changes = set->changes;
	*ret_nchanges = set->nchanges;
	return set->spans.error;
}
