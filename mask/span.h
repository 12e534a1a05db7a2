/* SPDX-License-Identifier: Apache-2.0 */
/* Found pieces of a value, and how overlapping ones become one. */
#ifndef SALLYPORT_MASK_SPAN_H
#define SALLYPORT_MASK_SPAN_H

#include <stddef.h>
#include <stdint.h>

#include "mask/mask.h"

struct sp_span {
	size_t start, end; /* bytes, end is one past */
	uint8_t kind;
	uint8_t transform; /* enum sp_mask_transform */
};

struct sp_spans {
	struct sp_span *at;
	size_t n, cap;
	int error; /* first failure; sticky */
};

void sp_span_clear(struct sp_spans *s); /* frees */
/* Sticky: NOMEM is kept in s->error. Empty spans are ignored. */
void sp_span_add(struct sp_spans *s, size_t start, size_t end, uint8_t kind, uint8_t transform);
/*
 * Sorts and joins, so that what is left rises and does not overlap: a span inside another gives it its
 * stricter transform (and PARTIAL becomes REDACT, for the part kept could be the inner one); spans that
 * overlap without containment become one REDACT (or stricter). The kind is that of the first
 * secret, or else of the first to start, the longest of those. Returns the number of spans.
 */
size_t sp_span_merge(struct sp_spans *s);

#endif
