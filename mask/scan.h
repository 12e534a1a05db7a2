/* SPDX-License-Identifier: Apache-2.0 */
/* One text through the first pass, the detectors and the regexes. */
#ifndef SALLYPORT_MASK_SCAN_H
#define SALLYPORT_MASK_SCAN_H

#include "mask/set.h"

struct sp_scan_end {
	size_t undecided; /* lowest start that needs bytes past the end, SIZE_MAX if none */
	size_t kind;	  /* when undecided: its kind */
};
/*
 * Finds everything that starts at text->start or later into set->spans, merged. *ret_end says what is
 * undecided when text is not final. NOMEM, INTERNAL.
 */
int sp_scan_text(struct sp_mask_set *set, const struct sp_regex_text *text, struct sp_scan_end *ret_end) SP_MUST_CHECK;

#endif
