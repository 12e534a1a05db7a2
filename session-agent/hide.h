/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact values that must not be seen: the secrets that a command of this session was given. A value of several lines is
 * looked for line by line, and a long line in parts, so that what is found of it does not depend on the whole of it.
 */
#ifndef SALLYPORT_SESSION_AGENT_HIDE_H
#define SALLYPORT_SESSION_AGENT_HIDE_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

#define SP_HIDE_MIN 6	       /* bytes: what is shorter is in any text */
#define SP_HIDE_PART_MAX 240   /* bytes of a part */
#define SP_HIDE_PARTS_MAX 24   /* the rest of a mask set is policy's (SP_MASK_REGEXES_MAX) */
#define SP_HIDE_KIND "command_secret"

struct sp_hide;
struct sp_mask_set;

/* INVALID: no line of a value has SP_HIDE_MIN bytes, or it is not UTF-8; LIMIT: more parts; NOMEM. */
int sp_hide_new(struct sp_secret *const values[], size_t n, struct sp_hide **ret_h) SP_MUST_CHECK;
void sp_hide_free(struct sp_hide *h); /* NULL is fine; wipes */
/* Has a set that is not sealed yet look for them too. Errors of sp_mask_set_add_regex(). */
int sp_hide_add(const struct sp_hide *h, struct sp_mask_set *set) SP_MUST_CHECK;
/* Puts the text without them. Errors of sp_mask_scan(): nothing of it may be shown. */
int sp_hide_text(struct sp_hide *h, const void *p, size_t n, struct sp_buf *out) SP_MUST_CHECK;

#endif
