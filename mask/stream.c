/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream keeps the bytes that are not yet put, and a few before them for the
 * detectors to look back at. After each piece it scans what it has and finds
 * the cut: everything before it is decided, whatever follows.
 */
#include <stdlib.h>
#include <string.h>

#include "mask/chars.h"
#include "mask/scan.h"

#define SP_STREAM_PIECE 16384 /* bytes taken at once */
#define SP_STREAM_FIRST 1024					   /* bytes of the first allocation */
#define SP_STREAM_RESCAN_PART 8 /* a long undecided match is looked at again when this part of it is new */

struct sp_mask_stream {
	struct sp_mask_set *set;
	uint8_t *mem;
	size_t len, cap;
	size_t base;	/* mem[base, len) is held; mem[0, base) is behind it */
	size_t shown;	/* mem[base, shown) was put by a flush, though not decided; base where there was none */
	size_t scanned; /* len at the last scan */
	bool is_long;	/* a private key or token is undecided at base */
	int error;
};

int
sp_mask_stream_new(struct sp_mask_set *set, struct sp_mask_stream **ret_st)
{
	struct sp_mask_stream *st;

	if (!set->is_sealed)
		return SP_ERR_INVALID;
	st = calloc(1, sizeof(*st));
	if (st == NULL)
		return SP_ERR_NOMEM;
	st->set = set;
	*ret_st = st;
	return 0;
}

static void
sp_mask_stream_drop(struct sp_mask_stream *st)
{
	if (st->mem != NULL)
		explicit_bzero(st->mem, st->cap);
	free(st->mem);
	st->mem = NULL;
	st->len = st->cap = st->base = st->shown = st->scanned = 0;
	st->is_long = false;
}

void
sp_mask_stream_free(struct sp_mask_stream *st)
{
	if (st == NULL)
		return;
	sp_mask_stream_drop(st);
	free(st);
}

size_t
sp_mask_stream_held(const struct sp_mask_stream *st)
{
	return st->len - st->shown;
}

static int
sp_mask_stream_append(struct sp_mask_stream *st, const uint8_t *p, size_t n)
{
	size_t cap = st->cap == 0 ? SP_STREAM_FIRST : st->cap;
	uint8_t *mem;

	while (cap < st->len + n)
		cap *= 2;
	if (cap != st->cap) {
		mem = malloc(cap);
		if (mem == NULL)
			return SP_ERR_NOMEM;
		if (st->mem != NULL) {
			memcpy(mem, st->mem, st->len);
			explicit_bzero(st->mem, st->cap);
			free(st->mem);
		}
		st->mem = mem;
		st->cap = cap;
	}
	memcpy(st->mem + st->len, p, n);
	st->len += n;
	return 0;
}

/* Puts what of mem[from, to) was not put by a flush. */
static void
sp_mask_stream_plain(const struct sp_mask_stream *st, size_t from, size_t to, struct sp_buf *out)
{
	if (from < st->shown)
		from = st->shown;
	if (from < to)
		sp_buf_put(out, st->mem + from, to - from);
}

/* Puts mem[shown, cut) with its spans replaced; of a span that was shown in part, all of the rest is redacted. */
static int
sp_mask_stream_replace(struct sp_mask_stream *st, size_t cut, struct sp_buf *out, struct sp_mask_counts *counts)
{
	const struct sp_spans *spans = &st->set->spans;
	size_t done = st->base;

	for (size_t i = 0; i < spans->n && spans->at[i].start < cut; i++) {
		struct sp_span span = spans->at[i];
		int r;

		sp_mask_stream_plain(st, done, span.start, out);
		if (span.start < st->shown)
			span.transform = SP_MASK_REDACT;
		r = span.end <= st->shown ? 0 : sp_mask_set_put(st->set, &span, st->mem, out, counts);
		if (r != 0)
			return r;
		done = span.end;
	}
	sp_mask_stream_plain(st, done, cut, out);
	return sp_buf_error(out);
}

/* Puts what is before cut, and forgets all but the last bytes of it. */
static int
sp_mask_stream_put(struct sp_mask_stream *st, size_t cut, struct sp_buf *out, struct sp_mask_counts *counts)
{
	size_t keep = cut < SP_SCAN_BEHIND ? cut : SP_SCAN_BEHIND;
	int r = sp_mask_stream_replace(st, cut, out, counts);

	if (st->shown < cut)
		st->shown = cut;
	memmove(st->mem, st->mem + cut - keep, st->len - cut + keep);
	st->len = st->len - cut + keep;
	st->shown = st->shown - cut + keep;
	st->base = keep;
	return r;
}

static int
sp_mask_stream_scan(struct sp_mask_stream *st, bool is_final, struct sp_buf *out, struct sp_mask_counts *counts)
{
	struct sp_regex_text text = {st->mem, 0, st->base, st->len, is_final};
	struct sp_scan_end end;
	struct sp_span rest;
	size_t cut;
	int r;

	r = sp_scan_text(st->set, &text, &end);
	if (r != 0)
		return r;
	cut = is_final ? st->len : sp_scan_cut(st->set, st->mem, st->base, st->len, end.undecided);
	st->is_long = cut == end.undecided && end.kind < SP_DETECT_KINDS;
	r = sp_mask_stream_put(st, cut, out, counts);
	if (r == 0 && !is_final && st->len - st->base > SP_SCAN_HELD_MAX) {
		/* Only a custom regex can be undecided for so long: all that it might match is masked. */
		rest = (struct sp_span){st->base, st->len, (uint8_t)end.kind, SP_MASK_REDACT};
		if (st->shown < st->len)
			r = sp_mask_set_put(st->set, &rest, st->mem, out, counts);
		st->set->spans.n = 0;
		memmove(st->mem, st->mem + st->len - SP_SCAN_BEHIND, SP_SCAN_BEHIND);
		st->len = st->base = st->shown = SP_SCAN_BEHIND;
	}
	st->scanned = st->len;
	return r;
}

/*
 * While a private key or token is held, each scan goes over all of it: not for every byte, then, but when
 * the piece has a byte that can end it, or enough is new. This changes when bytes are put, never which.
 */
static bool
sp_mask_stream_can_wait(const struct sp_mask_stream *st, const uint8_t *p, size_t n)
{
	if (!st->is_long || (st->len - st->scanned) * SP_STREAM_RESCAN_PART > st->len ||
	    st->len - st->base >= SP_MASK_BLOCK_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '-' || !sp_chars_is_base64url(p[i]))
			return false;
	}
	return true;
}

int
sp_mask_stream_feed(
    struct sp_mask_stream *st, const void *p, size_t n, struct sp_buf *out, struct sp_mask_counts *counts)
{
	const uint8_t *in = p;
	size_t part;

	for (; n > 0 && st->error == 0; in += part, n -= part) {
		part = n < SP_STREAM_PIECE ? n : SP_STREAM_PIECE;
		st->error = sp_mask_stream_append(st, in, part);
		if (st->error == 0 && !sp_mask_stream_can_wait(st, in, part))
			st->error = sp_mask_stream_scan(st, false, out, counts);
	}
	return st->error;
}

int
sp_mask_stream_flush(struct sp_mask_stream *st, struct sp_buf *out, struct sp_mask_counts *counts)
{
	struct sp_regex_text text;
	struct sp_scan_end end;

	if (st->error == 0 && st->len > st->shown)
		st->error = sp_mask_stream_scan(st, false, out, counts);
	if (st->error != 0 || st->len == st->shown)
		return st->error;
	text = (struct sp_regex_text){st->mem, 0, st->base, st->len, true};
	st->error = sp_scan_text(st->set, &text, &end);
	if (st->error == 0)
		st->error = sp_mask_stream_replace(st, st->len, out, counts);
	st->shown = st->len;
	return st->error;
}

int
sp_mask_stream_finish(struct sp_mask_stream *st, struct sp_buf *out, struct sp_mask_counts *counts)
{
	if (st->error == 0 && st->len > 0)
		st->error = sp_mask_stream_scan(st, true, out, counts);
	sp_mask_stream_drop(st);
	return st->error;
}
