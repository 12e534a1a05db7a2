/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct sp_mask_set, for the scanners of this folder. */
#ifndef SALLYPORT_MASK_SET_H
#define SALLYPORT_MASK_SET_H

#include "mask/anchor.h"
#include "mask/detect.h"
#include "mask/mask.h"
#include "mask/regex.h"
#include "mask/transform.h"

struct sp_mask_set {
	uint8_t transform[SP_MASK_KINDS_MAX]; /* by kind; 0 = not wanted */
	bool is_sealed;
	bool has_detectors;
	struct sp_regex_list *regexes; /* NULL: none */
	struct sp_transform_key *key;  /* NULL: none */
	struct sp_anchor_plan plan;

	/* Scratch of one scan. */
	struct sp_anchor_state anchors;
	struct sp_anchor found[SP_ANCHOR_WINDOW];
	struct sp_spans spans;
	struct sp_mask_change *changes;
	size_t nchanges, changes_cap;
};

/* Puts the replacement of a merged span of p and counts it (counts may be NULL). As sp_transform_put(). */
int sp_mask_set_put(struct sp_mask_set *set, const struct sp_span *span, const uint8_t *p, struct sp_buf *out,
    struct sp_mask_counts *counts) SP_MUST_CHECK;

#endif
