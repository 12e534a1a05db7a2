/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/model.h"

#include <stdlib.h>
#include <string.h>

#include "policy/subject.h"

struct sp_model_block {
	struct sp_model_block *next;
	_Alignas(16) unsigned char mem[];
};

void *
sp_model_alloc(struct sp_policy_image *m, size_t n, size_t size)
{
	struct sp_model_block *b;
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SP_POLICY_IMAGE_MAX * (size_t)16)
		return NULL;
	b = calloc(1, sizeof(*b) + bytes);
	if (b == NULL)
		return NULL;
	b->next = m->blocks;
	m->blocks = b;
	return b->mem;
}

char *
sp_model_string(struct sp_policy_image *m, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = sp_model_alloc(m, n, 1);

	if (p != NULL)
		memcpy(p, s, n);
	return p;
}

void
sp_model_clear(struct sp_policy_image *m)
{
	struct sp_model_block *b, *next;

	for (b = m->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	memset(m, 0, sizeof(*m));
}

static const struct sp_model_group *
sp_model_group(const struct sp_policy_image *m, const char *name)
{
	for (size_t i = 0; i < m->ngroups; i++)
		if (strcmp(m->groups[i].name, name) == 0)
			return &m->groups[i];
	return NULL;
}

/* Groups hold no other groups, so this ends (image.c and the compiler see to it). */
bool
sp_model_matches(const struct sp_policy_image *m, const struct sp_model_predicate *p,
    const struct sp_policy_subject *s)
{
	const struct sp_model_group *g;

	switch (p->test) {
	case SP_MODEL_EVERYONE:
		return true;
	case SP_MODEL_GROUP:
		g = sp_model_group(m, p->value);
		return g != NULL && sp_model_matches(m, &g->who, s);
	case SP_MODEL_HAS:
		return sp_policy_subject_has(s, p->claim, p->value);
	case SP_MODEL_IS:
		return sp_policy_subject_is(s, p->claim, p->value);
	case SP_MODEL_LIKE:
		return sp_policy_subject_is_like(s, p->claim, p->value);
	case SP_MODEL_ANY:
		for (size_t i = 0; i < p->n; i++)
			if (sp_model_matches(m, &p->children[i], s))
				return true;
		return false;
	case SP_MODEL_ALL:
		for (size_t i = 0; i < p->n; i++)
			if (!sp_model_matches(m, &p->children[i], s))
				return false;
		return true;
	case SP_MODEL_NOT:
		return p->n == 1 && !sp_model_matches(m, &p->children[0], s);
	}
	return false;
}

bool
sp_model_glob(const char *pattern, const char *s)
{
	const char *star = NULL, *back = NULL;

	while (*s != 0) {
		if (*pattern == '*') {
			star = ++pattern;
			back = s;
		} else if (*pattern == '?' || *pattern == *s) {
			pattern++;
			s++;
		} else if (star != NULL) {
			pattern = star;
			s = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == 0;
}
