/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/subject.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

struct sp_policy_subject_value {
	char *claim;
	char *value;
};

struct sp_policy_subject {
	size_t n, cap;
	struct sp_policy_subject_value *values;
};

static int
sp_policy_subject_add(struct sp_policy_subject *s, const char *claim, const char *value)
{
	struct sp_policy_subject_value v;

	if (s->n >= SP_SUBJECT_VALUES_MAX)
		return SP_ERR_LIMIT;
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 32 : s->cap * 2;
		struct sp_policy_subject_value *p = reallocarray(s->values, cap, sizeof(*p));

		if (p == NULL)
			return SP_ERR_NOMEM;
		s->values = p;
		s->cap = cap;
	}
	v.claim = strdup(claim);
	v.value = strdup(value);
	if (v.claim == NULL || v.value == NULL) {
		free(v.claim);
		free(v.value);
		return SP_ERR_NOMEM;
	}
	s->values[s->n++] = v;
	return 0;
}

static int
sp_policy_subject_scalar(struct sp_policy_subject *s, const char *claim, const json_t *v)
{
	char *text;
	int r;

	if (json_is_string(v)) {
		/* A string with a NUL inside would compare equal to its beginning. */
		if (strlen(json_string_value(v)) != json_string_length(v))
			return SP_ERR_FORMAT;
		return sp_policy_subject_add(s, claim, json_string_value(v));
	}
	if (!json_is_number(v) && !json_is_boolean(v))
		return 0;
	text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	if (text == NULL)
		return SP_ERR_NOMEM;
	r = sp_policy_subject_add(s, claim, text);
	free(text);
	return r;
}

static bool
sp_policy_subject_knows(const struct sp_policy_subject *s, size_t n, const char *claim)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s->values[i].claim, claim) == 0)
			return true;
	return false;
}

/* Adds the members of obj whose names are not among the first `known` values yet. */
static int
sp_policy_subject_object(struct sp_policy_subject *s, json_t *obj, size_t known)
{
	const char *claim;
	json_t *v, *item;
	size_t i;
	int r = 0;

	json_object_foreach (obj, claim, v) {
		if (r != 0)
			return r;
		if (sp_policy_subject_knows(s, known, claim))
			continue;
		if (json_is_array(v)) {
			json_array_foreach (v, i, item) {
				if (r == 0)
					r = sp_policy_subject_scalar(s, claim, item);
			}
		} else {
			r = sp_policy_subject_scalar(s, claim, v);
		}
	}
	return r;
}

int
sp_policy_subject_new(const char *json, size_t len, struct sp_policy_subject **ret_subject)
{
	struct sp_policy_subject *s = NULL;
	json_t *root = NULL, *claims;
	int r = SP_ERR_FORMAT;

	if (len > SP_SUBJECT_JSON_MAX)
		return SP_ERR_LIMIT;
	root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(root))
		goto out;
	claims = json_object_get(root, "claims");
	if (claims != NULL && !json_is_object(claims))
		goto out;
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		r = SP_ERR_NOMEM;
		goto out;
	}
	r = sp_policy_subject_object(s, root, 0);
	if (r == 0 && claims != NULL)
		r = sp_policy_subject_object(s, claims, s->n);
	if (r == 0) {
		*ret_subject = s;
		s = NULL;
	}
out:
	sp_policy_subject_free(s);
	json_decref(root);
	return r;
}

void
sp_policy_subject_free(struct sp_policy_subject *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->values[i].claim);
		free(s->values[i].value);
	}
	free(s->values);
	free(s);
}

static const char *
sp_policy_subject_first(const struct sp_policy_subject *s, const char *claim)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->values[i].claim, claim) == 0)
			return s->values[i].value;
	return "";
}

const char *
sp_policy_subject_user(const struct sp_policy_subject *s)
{
	return sp_policy_subject_first(s, "user");
}

const char *
sp_policy_subject_sub(const struct sp_policy_subject *s)
{
	return sp_policy_subject_first(s, "sub");
}

const char *
sp_policy_subject_iss(const struct sp_policy_subject *s)
{
	return sp_policy_subject_first(s, "iss");
}

const char *
sp_policy_subject_email(const struct sp_policy_subject *s)
{
	return sp_policy_subject_first(s, "email");
}

bool
sp_policy_subject_has(const struct sp_policy_subject *s, const char *claim, const char *value)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->values[i].claim, claim) == 0 && strcmp(s->values[i].value, value) == 0)
			return true;
	return false;
}

bool
sp_policy_subject_is(const struct sp_policy_subject *s, const char *claim, const char *value)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += strcmp(s->values[i].claim, claim) == 0;
	return n == 1 && sp_policy_subject_has(s, claim, value);
}

bool
sp_policy_subject_is_like(const struct sp_policy_subject *s, const char *claim, const char *pattern)
{
	const char *value = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (strcmp(s->values[i].claim, claim) != 0)
			continue;
		value = s->values[i].value;
		n++;
	}
	return n == 1 && sp_text_is_like(pattern, value, false);
}
