/* SPDX-License-Identifier: Apache-2.0 */
#include "mask/set.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(SP_DETECT_KINDS + SP_MASK_REGEXES_MAX <= SP_MASK_KINDS_MAX, "each kind has its count");

int
sp_mask_transform_parse(const char *name, enum sp_mask_transform *ret_t)
{
	static const char *const names[] = {"partial", "hash", "redact", "null"};

	for (size_t i = 0; i < 4; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret_t = (enum sp_mask_transform)(SP_MASK_PARTIAL + i);
			return 0;
		}
	}
	return SP_ERR_NOT_FOUND;
}

const char *
sp_mask_detector_name(size_t i)
{
	if (i < SP_DETECT_KINDS)
		return sp_detect_table[i].name;
	return i == SP_DETECT_KINDS ? SP_DETECTORS_SECRET : NULL;
}

bool
sp_mask_is_detector(const char *name)
{
	const char *s;

	for (size_t i = 0; (s = sp_mask_detector_name(i)) != NULL; i++) {
		if (strcmp(s, name) == 0)
			return true;
	}
	return false;
}

int
sp_mask_set_new(struct sp_mask_set **ret_set)
{
	*ret_set = calloc(1, sizeof(**ret_set));
	return *ret_set == NULL ? SP_ERR_NOMEM : 0;
}

void
sp_mask_set_free(struct sp_mask_set *set)
{
	if (set == NULL)
		return;
	sp_regex_list_free(set->regexes);
	sp_transform_key_free(set->key);
	sp_span_clear(&set->spans);
	free(set->changes);
	explicit_bzero(set, sizeof(*set));
	free(set);
}

static void
sp_mask_set_want(struct sp_mask_set *set, size_t kind, enum sp_mask_transform t)
{
	if (set->transform[kind] < t)
		set->transform[kind] = (uint8_t)t;
}

int
sp_mask_set_add(struct sp_mask_set *set, const char *detector, enum sp_mask_transform t)
{
	bool is_secret = strcmp(detector, SP_DETECTORS_SECRET) == 0;
	int r = SP_ERR_NOT_FOUND;

	if (set->is_sealed || t < SP_MASK_PARTIAL || t > SP_MASK_NULL)
		return SP_ERR_INVALID;
	for (size_t i = 0; i < SP_DETECT_KINDS; i++) {
		if (is_secret ? !sp_detect_table[i].is_secret : strcmp(sp_detect_table[i].name, detector) != 0)
			continue;
		sp_mask_set_want(set, i, t);
		set->has_detectors = true;
		r = 0;
	}
	return r;
}

int
sp_mask_set_add_regex(struct sp_mask_set *set, const char *name, const char *pattern, enum sp_mask_transform t,
    char *why, size_t why_size)
{
	size_t index = 0;
	int r;

	if (set->is_sealed || t < SP_MASK_PARTIAL || t > SP_MASK_NULL)
		return SP_ERR_INVALID;
	if (set->regexes == NULL) {
		r = sp_regex_list_new(&set->regexes);
		if (r != 0)
			return r;
	}
	r = sp_regex_add(set->regexes, name, pattern, why, why_size, &index);
	if (r == 0)
		sp_mask_set_want(set, SP_DETECT_KINDS + index, t);
	return r;
}

int
sp_mask_set_key(struct sp_mask_set *set, const void *key, size_t n)
{
	struct sp_transform_key *k = NULL;
	int r;

	if (n < SP_MASK_KEY_MIN || n > SP_MASK_KEY_MAX)
		return SP_ERR_LIMIT;
	r = sp_transform_key_new(key, n, &k);
	if (r != 0)
		return r;
	sp_transform_key_free(set->key);
	set->key = k;
	return 0;
}

int
sp_mask_set_seal(struct sp_mask_set *set)
{
	uint32_t anchors = 0;
	int r;

	if (set->is_sealed)
		return SP_ERR_INVALID;
	for (size_t i = 0; i < SP_MASK_KINDS_MAX; i++) {
		if (set->transform[i] == SP_MASK_HASH && set->key == NULL)
			return SP_ERR_INVALID;
		if (i < SP_DETECT_KINDS && set->transform[i] != 0)
			anchors |= sp_detect_table[i].anchors;
	}
	if (set->regexes != NULL) {
		r = sp_regex_seal(set->regexes);
		if (r != 0)
			return r;
	}
	sp_anchor_plan_init(&set->plan, anchors);
	set->is_sealed = true;
	return 0;
}

bool
sp_mask_set_is_empty(const struct sp_mask_set *set)
{
	return !set->has_detectors && (set->regexes == NULL || sp_regex_count(set->regexes) == 0);
}

const char *
sp_mask_kind_name(const struct sp_mask_set *set, size_t kind)
{
	if (kind < SP_DETECT_KINDS)
		return sp_detect_table[kind].name;
	return set->regexes == NULL ? NULL : sp_regex_name(set->regexes, kind - SP_DETECT_KINDS);
}

bool
sp_mask_counts_any(const struct sp_mask_counts *c)
{
	uint64_t any = 0;

	for (size_t i = 0; i < SP_MASK_KINDS_MAX; i++)
		any |= c->n[i];
	return any != 0;
}

int
sp_mask_counts_json(const struct sp_mask_set *set, const struct sp_mask_counts *c, struct sp_buf *out)
{
	const char *name, *comma = "";

	sp_buf_put_u8(out, '{');
	for (size_t i = 0; i < SP_MASK_KINDS_MAX; i++) {
		name = sp_mask_kind_name(set, i);
		if (c->n[i] == 0 || name == NULL)
			continue;
		sp_buf_putf(out, "%s\"%s\":%llu", comma, name, (unsigned long long)c->n[i]);
		comma = ",";
	}
	return sp_buf_put_u8(out, '}');
}

int
sp_mask_set_put(struct sp_mask_set *set, const struct sp_span *span, const uint8_t *p, struct sp_buf *out,
    struct sp_mask_counts *counts)
{
	if (counts != NULL)
		counts->n[span->kind]++;
	return sp_transform_put(set->key, span->transform, span->kind, sp_mask_kind_name(set, span->kind),
	    p + span->start, span->end - span->start, out);
}
