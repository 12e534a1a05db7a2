/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_names.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 64

struct sp_postgres_names {
	struct sp_postgres_name *bucket[BUCKETS];
	unsigned n_names;
	size_t bytes;
	uint64_t last_id;
};

struct sp_postgres_text *
sp_postgres_text_new(const void *sql, size_t len)
{
	return sp_postgres_text_typed(sql, len, NULL, 0);
}

const uint8_t *
sp_postgres_text_types(const struct sp_postgres_text *t)
{
	return (const uint8_t *)t->sql + t->len + 1;
}

struct sp_postgres_text *
sp_postgres_text_typed(const void *sql, size_t len, const void *types, size_t n)
{
	struct sp_postgres_text *t = malloc(sizeof(*t) + len + 1 + 4 * n);

	if (t == NULL)
		return NULL;
	t->refs = 1;
	t->len = len;
	memcpy(t->sql, sql, len);
	t->sql[len] = '\0';
	t->n_types = n;
	if (n != 0)
		memcpy(t->sql + len + 1, types, 4 * n);
	return t;
}

struct sp_postgres_text *
sp_postgres_text_ref(struct sp_postgres_text *t)
{
	t->refs++;
	return t;
}

void
sp_postgres_text_unref(struct sp_postgres_text *t)
{
	if (t != NULL && --t->refs == 0)
		free(t);
}

static unsigned
bucket_of(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h % BUCKETS;
}

static size_t
candidate_bytes(const struct sp_postgres_candidate *c)
{
	size_t n = sizeof(*c) + c->bind_len;
	unsigned i;

	for (i = 0; i < c->n_texts; i++)
		n += c->texts[i]->len + 4 * c->texts[i]->n_types;
	return n;
}

static void
candidate_free(struct sp_postgres_candidate *c)
{
	unsigned i;

	for (i = 0; i < c->n_texts; i++)
		sp_postgres_text_unref(c->texts[i]);
	free(c->bind);
	free(c);
}

static void
remove_at(struct sp_postgres_names *s, struct sp_postgres_name *n, unsigned i)
{
	s->bytes -= candidate_bytes(n->c[i]);
	candidate_free(n->c[i]);
	n->n--;
	memmove(&n->c[i], &n->c[i + 1], (n->n - i) * sizeof(n->c[0]));
}

/* Forgets the name once nothing is behind it and no answer will point to it. */
static void
sweep(struct sp_postgres_names *s, struct sp_postgres_name *n)
{
	struct sp_postgres_name **at;

	if (n->pins != 0 || n->n != 0)
		return;
	for (at = &s->bucket[bucket_of(n->name)]; *at != n; at = &(*at)->next)
		;
	*at = n->next;
	s->n_names--;
	free(n);
}

struct sp_postgres_names *
sp_postgres_names_new(void)
{
	return calloc(1, sizeof(struct sp_postgres_names));
}

void
sp_postgres_names_free(struct sp_postgres_names *s)
{
	unsigned i;

	if (s == NULL)
		return;
	for (i = 0; i < BUCKETS; i++)
		while (s->bucket[i] != NULL) {
			struct sp_postgres_name *n = s->bucket[i];

			s->bucket[i] = n->next;
			while (n->n != 0)
				remove_at(s, n, n->n - 1);
			free(n);
		}
	free(s);
}

static struct sp_postgres_name *
any_find(struct sp_postgres_names *s, const char *name)
{
	struct sp_postgres_name *n;

	for (n = s->bucket[bucket_of(name)]; n != NULL; n = n->next)
		if (strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

struct sp_postgres_name *
sp_postgres_names_find(struct sp_postgres_names *s, const char *name)
{
	struct sp_postgres_name *n = any_find(s, name);

	return n == NULL || n->n == 0 ? NULL : n;
}

static struct sp_postgres_name *
name_make(struct sp_postgres_names *s, const char *name)
{
	struct sp_postgres_name *n = any_find(s, name);
	size_t len = strlen(name) + 1;
	unsigned b = bucket_of(name);

	if (n != NULL || s->n_names == SP_POSTGRES_NAMES_MAX)
		return n;
	n = calloc(1, sizeof(*n) + len);
	if (n == NULL)
		return NULL;
	memcpy(n->name, name, len);
	n->next = s->bucket[b];
	s->bucket[b] = n;
	s->n_names++;
	return n;
}

int
sp_postgres_names_add(struct sp_postgres_names *s, const char *name, struct sp_postgres_text *const *texts,
    unsigned n_texts, const uint8_t *bind, size_t bind_len, uint64_t segment, struct sp_postgres_name **ret_n,
    uint64_t *ret_id)
{
	struct sp_postgres_candidate *c;
	struct sp_postgres_name *n;
	unsigned i;

	if (n_texts > SP_POSTGRES_CANDIDATES_MAX)
		return SP_ERR_LIMIT;
	n = name_make(s, name);
	if (n == NULL || n->n == SP_POSTGRES_CANDIDATES_MAX)
		return SP_ERR_LIMIT;
	c = calloc(1, sizeof(*c));
	if (c == NULL || (bind != NULL && (c->bind = malloc(bind_len + 1)) == NULL)) {
		free(c);
		sweep(s, n);
		return SP_ERR_NOMEM;
	}
	for (i = 0; i < n_texts; i++)
		c->texts[i] = sp_postgres_text_ref(texts[i]);
	c->n_texts = n_texts;
	if (bind != NULL)
		memcpy(c->bind, bind, bind_len);
	c->bind_len = bind != NULL ? bind_len : 0;
	if (s->bytes + candidate_bytes(c) > SP_POSTGRES_NAMES_BYTES_MAX) {
		candidate_free(c);
		sweep(s, n);
		return SP_ERR_LIMIT;
	}
	c->id = ++s->last_id;
	c->segment = segment;
	s->bytes += candidate_bytes(c);
	n->c[n->n++] = c;
	n->pins++;
	*ret_n = n;
	*ret_id = c->id;
	return 0;
}

unsigned
sp_postgres_names_first(const struct sp_postgres_name *n, uint64_t segment)
{
	return n->n != 0 && n->c[n->n - 1]->segment == segment ? n->n - 1 : 0;
}

bool
sp_postgres_names_is_full(struct sp_postgres_names *s, const char *name)
{
	const struct sp_postgres_name *n = any_find(s, name);

	return n != NULL && n->n == SP_POSTGRES_CANDIDATES_MAX;
}

void
sp_postgres_names_settle(struct sp_postgres_names *s, struct sp_postgres_name *n, uint64_t id)
{
	unsigned i = 0;

	while (i < n->n)
		if (n->c[i]->id < id)
			remove_at(s, n, i);
		else {
			n->c[i]->is_certain |= n->c[i]->id == id;
			i++;
		}
	n->pins--;
	sweep(s, n);
}

void
sp_postgres_names_drop(struct sp_postgres_names *s, struct sp_postgres_name *n, uint64_t id)
{
	unsigned i;

	for (i = 0; i < n->n; i++)
		if (n->c[i]->id == id) {
			remove_at(s, n, i);
			break;
		}
	n->pins--;
	sweep(s, n);
}

void
sp_postgres_names_leave(struct sp_postgres_names *s, struct sp_postgres_name *n)
{
	n->pins--;
	sweep(s, n);
}

struct sp_postgres_name *
sp_postgres_names_closing(struct sp_postgres_names *s, const char *name, uint64_t *ret_mark)
{
	struct sp_postgres_name *n = any_find(s, name);

	if (n != NULL)
		n->pins++;
	*ret_mark = s->last_id;
	return n;
}

static void
remove_upto(struct sp_postgres_names *s, struct sp_postgres_name *n, uint64_t mark)
{
	unsigned i = 0;

	while (i < n->n)
		if (n->c[i]->id <= mark)
			remove_at(s, n, i);
		else
			i++;
}

void
sp_postgres_names_closed(struct sp_postgres_names *s, struct sp_postgres_name *n, uint64_t mark, bool took_effect)
{
	if (took_effect)
		remove_upto(s, n, mark);
	n->pins--;
	sweep(s, n);
}

void
sp_postgres_names_clear(struct sp_postgres_names *s, uint64_t mark)
{
	unsigned i;

	if (s->n_names == 0)
		return;
	for (i = 0; i < BUCKETS; i++) {
		struct sp_postgres_name *n = s->bucket[i], *next;

		for (; n != NULL; n = next) {
			next = n->next;
			remove_upto(s, n, mark);
			sweep(s, n);
		}
	}
}

uint64_t
sp_postgres_names_mark(const struct sp_postgres_names *s)
{
	return s->last_id;
}
