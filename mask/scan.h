/* SPDX-License-Identifier: Apache-2.0 */
/* One text through the first pass, the detectors and the regexes. */
#ifndef SALLYPORT_MASK_SCAN_H
#define SALLYPORT_MASK_SCAN_H

#include "mask/set.h"

#define SP_SCAN_BEHIND 64 /* bytes kept before the first that is not decided: SP_REGEX_BEHIND_MAX characters */
#define SP_SCAN_HELD_MAX (SP_MASK_BLOCK_MAX + 2 * SP_DETECT_MAX) /* a block, and enough to decide around it */

struct sp_scan_end {
	size_t undecided; /* lowest start that needs bytes past the end, SIZE_MAX if none */
	size_t kind;	  /* when undecided: its kind */
};
/*
 * Finds everything that starts at text->start or later into set->spans, merged. *ret_end says what is
 * undecided when text is not final. NOMEM, INTERNAL.
 */
int sp_scan_text(struct sp_mask_set *set, const struct sp_regex_text *text, struct sp_scan_end *ret_end) SP_MUST_CHECK;
/*
 * For a text to which more will be added: everything in p[from, n) before the returned place is decided, whatever
 * follows, when set->spans are those of a scan from there that ended with undecided.
 */
size_t sp_scan_cut(const struct sp_mask_set *set, const uint8_t *p, size_t from, size_t n, size_t undecided);

#endif
