/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set's custom regexes: one vectorscan pass without start offsets tells
 * which of them may match a value; PCRE2 then finds where. What vectorscan
 * cannot compile goes to PCRE2 at once. A byte that is not part of a UTF-8
 * character counts as a NUL.
 */
#ifndef SALLYPORT_MASK_REGEX_H
#define SALLYPORT_MASK_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mask/span.h"

struct sp_regex_list;

#define SP_REGEX_BEHIND_MAX 15	    /* characters that a pattern may look behind */
#define SP_REGEX_STEPS_MAX 1000000u /* PCRE2's match limit; a value that exceeds it is masked whole */

int sp_regex_list_new(struct sp_regex_list **ret_l) SP_MUST_CHECK; /* NOMEM */
void sp_regex_list_free(struct sp_regex_list *l);		   /* NULL is fine */
/* Errors as sp_mask_set_add_regex(); *ret_index is its place, 0 and up. */
int sp_regex_add(struct sp_regex_list *l, const char *name, const char *pattern, char *why, size_t why_size,
    size_t *ret_index) SP_MUST_CHECK;
size_t sp_regex_count(const struct sp_regex_list *l);
const char *sp_regex_name(const struct sp_regex_list *l, size_t index); /* NULL past the last */
/* Builds the vectorscan database. NOMEM. */
int sp_regex_seal(struct sp_regex_list *l) SP_MUST_CHECK;

struct sp_regex_text {
	const uint8_t *p;
	size_t lo, start, hi; /* the text is p[lo, hi); matches are looked for from start on */
	bool is_final;	      /* nothing follows hi */
};
/*
 * Adds every match, as kind first_kind + index with transforms[kind]. When more may follow,
 * *ret_undecided is the lowest start of a match that needs more bytes (else SIZE_MAX) and
 * *ret_kind its kind. NOMEM, INTERNAL.
 */
int sp_regex_scan(struct sp_regex_list *l, const struct sp_regex_text *text, size_t first_kind,
    const uint8_t *transforms, struct sp_spans *out, size_t *ret_undecided, size_t *ret_kind) SP_MUST_CHECK;

#endif
