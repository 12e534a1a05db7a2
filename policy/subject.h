/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A person, as policy sees one: the identity JSON of PROTOCOL.ipc section 1,
 * which sallyport-identity made from verified claims. A claim's values are the
 * strings of the member of that name, first at the top level, then in "claims";
 * a string is one value, an array of strings many, a number or boolean its JSON
 * text. Other types have no values.
 */
#ifndef SALLYPORT_POLICY_SUBJECT_H
#define SALLYPORT_POLICY_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "policy/limits.h"

struct sp_policy_subject;

/* From len bytes of JSON. FORMAT (not an object, duplicate members, wrong types), LIMIT, NOMEM. */
int sp_policy_subject_new(const char *json, size_t len, struct sp_policy_subject **ret_subject) SP_MUST_CHECK;
void sp_policy_subject_free(struct sp_policy_subject *s);
/* "" if the identity has none. */
const char *sp_policy_subject_user(const struct sp_policy_subject *s);
const char *sp_policy_subject_sub(const struct sp_policy_subject *s);
const char *sp_policy_subject_iss(const struct sp_policy_subject *s);
const char *sp_policy_subject_email(const struct sp_policy_subject *s);
/* Whether any value of the claim equals value, byte for byte. */
bool sp_policy_subject_has(const struct sp_policy_subject *s, const char *claim, const char *value);
/* Whether the claim has exactly one value and it equals value. */
bool sp_policy_subject_is(const struct sp_policy_subject *s, const char *claim, const char *value);

/* Whether the claim has exactly one value and it is like pattern (sp_text_is_like()). */
bool sp_policy_subject_is_like(const struct sp_policy_subject *s, const char *claim, const char *pattern);

#endif
