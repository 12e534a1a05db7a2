/* SPDX-License-Identifier: Apache-2.0 */
#include "mask/span.h"

#include <stdbool.h>
#include <stdlib.h>

#include "mask/detect.h"

#define SP_SPAN_FIRST 16 /* entries of the first allocation */

void
sp_span_clear(struct sp_spans *s)
{
	free(s->at);
	*s = (struct sp_spans){0};
}

void
sp_span_add(struct sp_spans *s, size_t start, size_t end, uint8_t kind, uint8_t transform)
{
	if (s->error != 0 || start >= end)
		return;
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? SP_SPAN_FIRST : s->cap * 2;
		struct sp_span *at = reallocarray(s->at, cap, sizeof(*at));

		if (at == NULL) {
			s->error = SP_ERR_NOMEM;
			return;
		}
		s->at = at;
		s->cap = cap;
	}
	s->at[s->n++] = (struct sp_span){start, end, kind, transform};
}

static int
sp_span_compare(const void *va, const void *vb)
{
	const struct sp_span *a = va, *b = vb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->end != b->end)
		return a->end > b->end ? -1 : 1;
	return (int)a->kind - (int)b->kind;
}

static bool
sp_span_is_secret(uint8_t kind)
{
	return kind < SP_DETECT_KINDS && sp_detect_table[kind].is_secret;
}

/* Spans come nearly in order, so each moves a place or two; false when they do not (regexes come last). */
static bool
sp_span_insert(struct sp_spans *s)
{
	size_t moves = 8 * s->n + 8;

	for (size_t i = 1; i < s->n; i++) {
		struct sp_span x = s->at[i];
		size_t k = i;

		for (; k > 0 && sp_span_compare(&s->at[k - 1], &x) > 0; k--, moves--) {
			if (moves == 0) {
				s->at[k] = x;
				return false;
			}
			s->at[k] = s->at[k - 1];
		}
		s->at[k] = x;
	}
	return true;
}

/* b starts inside a: a takes it in. */
static void
sp_span_join(struct sp_span *a, const struct sp_span *b)
{
	if (b->kind == a->kind && b->start == a->start && b->end == a->end) {
		if (b->transform > a->transform)
			a->transform = b->transform;
		return;
	}
	if (sp_span_is_secret(b->kind) && !sp_span_is_secret(a->kind))
		a->kind = b->kind;
	if (b->transform > a->transform)
		a->transform = b->transform;
	if (a->transform == SP_MASK_PARTIAL)
		a->transform = SP_MASK_REDACT;
	if (b->end > a->end) {
		a->end = b->end;
		if (a->transform < SP_MASK_REDACT)
			a->transform = SP_MASK_REDACT;
	}
}

size_t
sp_span_merge(struct sp_spans *s)
{
	size_t n = 0;

	if (s->n < 2)
		return s->n;
	if (!sp_span_insert(s))
		qsort(s->at, s->n, sizeof(*s->at), sp_span_compare);
	for (size_t i = 1; i < s->n; i++) {
		if (s->at[i].start < s->at[n].end)
			sp_span_join(&s->at[n], &s->at[i]);
		else
			s->at[++n] = s->at[i];
	}
	s->n = n + 1;
	return s->n;
}
