/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sqlfacts.h"

#include <stdlib.h>
#include <string.h>

#define SP_SQLFACTS_CHUNK 1024 /* bytes of the smallest chunk */

struct sp_sqlfacts_chunk {
	struct sp_sqlfacts_chunk *next;
	size_t used, cap;
	_Alignas(16) unsigned char mem[];
};

void *
sp_sqlfacts_alloc(struct sp_sqlfacts_arena *a, size_t n)
{
	struct sp_sqlfacts_chunk *c = a->chunks;
	size_t want = (n + 15) & ~(size_t)15;
	void *p;

	if (c == NULL || want > c->cap - c->used) {
		size_t cap = want > SP_SQLFACTS_CHUNK ? want : SP_SQLFACTS_CHUNK;

		c = calloc(1, sizeof(*c) + cap);
		if (c == NULL)
			return NULL;
		c->cap = cap;
		c->next = a->chunks;
		a->chunks = c;
		a->size += sizeof(*c) + cap;
	}
	p = c->mem + c->used;
	c->used += want;
	return p;
}

char *
sp_sqlfacts_string(struct sp_sqlfacts_arena *a, const void *p, size_t n)
{
	char *s = sp_sqlfacts_alloc(a, n + 1);

	if (s != NULL && n > 0)
		memcpy(s, p, n);
	return s;
}

void
sp_sqlfacts_free(struct sp_sqlfacts_arena *a)
{
	struct sp_sqlfacts_chunk *c, *next;

	for (c = a->chunks; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	a->chunks = NULL;
	a->size = 0;
}

void
sp_sqlfacts_init(struct sp_sqlfacts *f, struct sp_sqlfacts_arena *arena)
{
	memset(f, 0, sizeof(*f));
	f->arena = arena;
}

void
sp_sqlfacts_clear(struct sp_sqlfacts *f)
{
	free(f->actions);
	free(f->relations);
	free(f->outputs);
	free(f->columns);
	free(f->copy_columns);
	free(f->sources);
	free(f->operators);
	free(f->aliases);
	memset(f, 0, sizeof(*f));
}

/* Room for one more item in a list that doubles; the new item's address, or NULL with the sticky error set. */
static void *
sp_sqlfacts_grow(struct sp_sqlfacts *f, void *list, size_t *n, size_t size)
{
	void *mem, *old;

	if (f->error != 0)
		return NULL;
	if (*n >= SP_SQL_ITEMS_MAX) {
		f->error = SP_ERR_LIMIT;
		return NULL;
	}
	memcpy(&old, list, sizeof(old));
	if ((*n & (*n - 1)) == 0) {
		mem = reallocarray(old, *n == 0 ? 1 : *n * 2, size);
		if (mem == NULL) {
			f->error = SP_ERR_NOMEM;
			return NULL;
		}
		memcpy(list, &mem, sizeof(mem));
		old = mem;
	}
	return (unsigned char *)old + (*n)++ * size;
}

void
sp_sqlfacts_action(struct sp_sqlfacts *f, const struct sp_sql_action *a)
{
	struct sp_sql_action *p;

	for (size_t i = 0; i < f->nactions; i++) {
		p = &f->actions[i];
		if (p->verb == a->verb && p->words == a->words && p->object == a->object && p->need == a->need &&
		    p->is_own == a->is_own &&
		    strcmp(p->name, a->name) == 0 && strcmp(p->schema, a->schema) == 0)
			return;
	}
	p = sp_sqlfacts_grow(f, &f->actions, &f->nactions, sizeof(*p));
	if (p != NULL)
		*p = *a;
}

void
sp_sqlfacts_relation(struct sp_sqlfacts *f, const char *schema, const char *name, bool is_read, bool is_written)
{
	struct sp_sql_relation *p = NULL;

	for (size_t i = 0; i < f->nrelations && p == NULL; i++)
		if (strcmp(f->relations[i].name, name) == 0 && strcmp(f->relations[i].schema, schema) == 0)
			p = &f->relations[i];
	if (p == NULL) {
		p = sp_sqlfacts_grow(f, &f->relations, &f->nrelations, sizeof(*p));
		if (p == NULL)
			return;
		*p = (struct sp_sql_relation){.schema = schema, .name = name};
	}
	p->is_read |= is_read;
	p->is_written |= is_written;
}

void
sp_sqlfacts_output(struct sp_sqlfacts *f, const struct sp_sql_output *o)
{
	struct sp_sql_output *p = sp_sqlfacts_grow(f, &f->outputs, &f->noutputs, sizeof(*p));

	if (p != NULL)
		*p = *o;
}

static void
sp_sqlfacts_name(struct sp_sqlfacts *f, const char ***list, size_t *n, const char *name, bool is_set)
{
	const char **p;

	for (size_t i = 0; is_set && i < *n; i++)
		if (strcmp((*list)[i], name) == 0)
			return;
	p = sp_sqlfacts_grow(f, list, n, sizeof(*p));
	if (p != NULL)
		*p = name;
}

void
sp_sqlfacts_column(struct sp_sqlfacts *f, const char *name)
{
	sp_sqlfacts_name(f, &f->columns, &f->ncolumns, name, true);
}

void
sp_sqlfacts_copy_column(struct sp_sqlfacts *f, const char *name)
{
	sp_sqlfacts_name(f, &f->copy_columns, &f->ncopy_columns, name, false);
}

void
sp_sqlfacts_operator(struct sp_sqlfacts *f, const char *name)
{
	sp_sqlfacts_name(f, &f->operators, &f->noperators, name, true);
}

void
sp_sqlfacts_source(struct sp_sqlfacts *f, const char *name)
{
	sp_sqlfacts_name(f, &f->sources, &f->nsources, name, true);
}

void
sp_sqlfacts_alias(struct sp_sqlfacts *f, const char *name)
{
	sp_sqlfacts_name(f, &f->aliases, &f->naliases, name, true);
}

static void *
sp_sqlfacts_move(struct sp_sqlfacts *f, const void *list, size_t n, size_t size)
{
	void *p;

	if (n == 0 || f->error != 0)
		return NULL;
	p = sp_sqlfacts_alloc(f->arena, n * size);
	if (p == NULL)
		f->error = SP_ERR_NOMEM;
	else
		memcpy(p, list, n * size);
	return p;
}

static int
sp_sqlfacts_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A plain "column" that is the name of a relation is its whole row. */
static void
sp_sqlfacts_whole_rows(struct sp_sqlfacts *f)
{
	for (size_t i = 0; i < f->noutputs; i++) {
		struct sp_sql_output *o = &f->outputs[i];

		for (size_t j = 0; j < f->naliases && o->kind == SP_SQL_OUTPUT_COLUMN; j++)
			if (strcmp(f->aliases[j], o->column) == 0) {
				o->kind = SP_SQL_OUTPUT_EXPR;
				o->column = "";
			}
	}
	for (size_t j = 0; j < f->naliases; j++) {
		for (size_t i = 0; i < f->nsources; i++)
			if (strcmp(f->aliases[j], f->sources[i]) == 0)
				f->sources[i] = "*";
		for (size_t i = 0; i < f->ncolumns; i++)
			if (strcmp(f->aliases[j], f->columns[i]) == 0) {
				sp_sqlfacts_column(f, "*");
				break;
			}
	}
}

int
sp_sqlfacts_finish(struct sp_sqlfacts *f, struct sp_sql_stmt *ret_stmt)
{
	struct sp_sql_stmt s = f->stmt;

	if (f->error != 0)
		return f->error;
	sp_sqlfacts_whole_rows(f);
	if (f->ncolumns > 0)
		qsort(f->columns, f->ncolumns, sizeof(*f->columns), sp_sqlfacts_compare);
	s.actions = sp_sqlfacts_move(f, f->actions, f->nactions, sizeof(*f->actions));
	s.relations = sp_sqlfacts_move(f, f->relations, f->nrelations, sizeof(*f->relations));
	s.outputs = sp_sqlfacts_move(f, f->outputs, f->noutputs, sizeof(*f->outputs));
	s.columns = sp_sqlfacts_move(f, f->columns, f->ncolumns, sizeof(*f->columns));
	s.sources = sp_sqlfacts_move(f, f->sources, f->nsources, sizeof(*f->sources));
	s.nsources = f->nsources;
	s.operators = sp_sqlfacts_move(f, f->operators, f->noperators, sizeof(*f->operators));
	s.noperators = f->noperators;
	s.copy_columns = sp_sqlfacts_move(f, f->copy_columns, f->ncopy_columns, sizeof(*f->copy_columns));
	s.nactions = f->nactions;
	s.nrelations = f->nrelations;
	s.noutputs = f->noutputs;
	s.ncolumns = f->ncolumns;
	s.ncopy_columns = f->ncopy_columns;
	if (f->error == 0)
		*ret_stmt = s;
	return f->error;
}
