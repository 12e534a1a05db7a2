/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_catalog.h"

#include <stdlib.h>
#include <string.h>

#include "session-agent/postgres_catalog_map.h"
#include "session-agent/postgres_conn.h"
#include "session-agent/postgres_proxy.h"
#include "session-agent/postgres_verdict.h"

#define REL_TAINTED 1 /* a statement that names it is tainted */
#define REL_WHOLE 2   /* and all its columns are masked whole */
#define CATALOG_NS ((uint64_t)SP_POSTGRES_CATALOG_SECONDS * 1000000000u)

struct relation {
	uint32_t oid;
	uint8_t flags;
	char *schema, *name;
};

struct edge { /* a view and what it reads from */
	uint32_t reader, source;
};

struct masked {
	uint32_t oid;
	uint16_t attnum;
	enum sp_mask_transform t;
};

struct sp_postgres_catalog {
	unsigned refs;
	uint64_t loaded_ns;
	bool is_stale;
	size_t n_rel, n_edge, n_masked, n_function;
	char **function; /* sorted once closed */
	struct relation *rel; /* by oid once closed */
	struct relation **by_name;
	struct edge *edge;
	struct masked *masked;
};

/* Catalogs and views of the system that show values of tables' columns. */
static const char *const leaks[] = {"pg_stats", "pg_stats_ext", "pg_stats_ext_exprs", "pg_statistic",
    "pg_statistic_ext_data", "pg_largeobject", "pg_stat_activity", "pg_stat_statements"};

struct sp_postgres_catalog *
sp_postgres_catalog_new(void)
{
	struct sp_postgres_catalog *k = calloc(1, sizeof(*k));

	if (k != NULL)
		k->refs = 1;
	return k;
}

void
sp_postgres_catalog_unref(struct sp_postgres_catalog *k)
{
	size_t i;

	if (k == NULL || --k->refs != 0)
		return;
	for (i = 0; i < k->n_rel; i++) {
		free(k->rel[i].schema);
		free(k->rel[i].name);
	}
	for (i = 0; i < k->n_function; i++)
		free(k->function[i]);
	free(k->function);
	free(k->rel);
	free(k->by_name);
	free(k->edge);
	free(k->masked);
	free(k);
}

bool
sp_postgres_catalog_is_fresh(const struct sp_postgres_catalog *k)
{
	return k != NULL && !k->is_stale && sp_postgres_now() - k->loaded_ns < CATALOG_NS;
}

void
sp_postgres_catalog_invalidate(struct sp_postgres_catalog *k)
{
	if (k != NULL)
		k->is_stale = true;
}

/* Room for one more in an array that doubles. */
static int
grow(void **array, size_t n, size_t size, size_t max)
{
	void *p;

	if (n >= max)
		return SP_ERR_LIMIT;
	if (n != 0 && (n & (n - 1)) != 0)
		return 0;
	p = realloc(*array, (n == 0 ? 1 : 2 * n) * size);
	if (p == NULL)
		return SP_ERR_NOMEM;
	*array = p;
	return 0;
}

static bool
is_leak(const char *schema, const char *name)
{
	size_t i;

	if (strncmp(schema, "pg_toast", strlen("pg_toast")) == 0)
		return true;
	for (i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++)
		if (strcmp(name, leaks[i]) == 0)
			return true;
	return false;
}

int
sp_postgres_catalog_add_relation(struct sp_postgres_catalog *k, uint32_t oid, const char *schema, const char *name,
    char kind, bool calls_own)
{
	struct relation *rel;
	int r = grow((void **)&k->rel, k->n_rel, sizeof(*k->rel), SP_POSTGRES_CATALOG_RELATIONS_MAX);

	if (r != 0)
		return r;
	rel = &k->rel[k->n_rel];
	*rel = (struct relation){.oid = oid, .schema = strdup(schema), .name = strdup(name)};
	if (rel->schema == NULL || rel->name == NULL) {
		free(rel->schema);
		free(rel->name);
		return SP_ERR_NOMEM;
	}
	if (kind == 'f' || calls_own || is_leak(schema, name))
		rel->flags = REL_TAINTED | REL_WHOLE;
	k->n_rel++;
	return 0;
}

int
sp_postgres_catalog_add_masked(struct sp_postgres_catalog *k, uint32_t oid, uint16_t attnum, enum sp_mask_transform t)
{
	int r = grow((void **)&k->masked, k->n_masked, sizeof(*k->masked), SP_POSTGRES_CATALOG_MASKED_MAX);

	if (r == 0)
		k->masked[k->n_masked++] = (struct masked){oid, attnum, t};
	return r;
}

int
sp_postgres_catalog_add_function(struct sp_postgres_catalog *k, const char *name)
{
	int r = grow((void **)&k->function, k->n_function, sizeof(*k->function), SP_POSTGRES_CATALOG_RELATIONS_MAX);

	if (r == 0 && (k->function[k->n_function] = strdup(name)) == NULL)
		r = SP_ERR_NOMEM;
	if (r == 0)
		k->n_function++;
	return r;
}

static int
function_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool
sp_postgres_catalog_is_function(const struct sp_postgres_catalog *k, const char *name)
{
	return k->n_function != 0 && bsearch(&name, k->function, k->n_function, sizeof(name), function_compare) != NULL;
}

int
sp_postgres_catalog_add_edge(struct sp_postgres_catalog *k, uint32_t reader, uint32_t source)
{
	int r = grow((void **)&k->edge, k->n_edge, sizeof(*k->edge), SP_POSTGRES_CATALOG_EDGES_MAX);

	if (r == 0)
		k->edge[k->n_edge++] = (struct edge){reader, source};
	return r;
}

static int
rel_compare(const void *a, const void *b)
{
	const struct relation *x = a, *y = b;

	return x->oid < y->oid ? -1 : x->oid > y->oid;
}

static int
name_compare(const void *a, const void *b)
{
	const struct relation *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int
masked_compare(const void *a, const void *b)
{
	const struct masked *x = a, *y = b;

	if (x->oid != y->oid)
		return x->oid < y->oid ? -1 : 1;
	return (int)x->attnum - (int)y->attnum;
}

static struct relation *
rel_find(const struct sp_postgres_catalog *k, uint32_t oid)
{
	struct relation key = {.oid = oid};

	return k->n_rel == 0 ? NULL : bsearch(&key, k->rel, k->n_rel, sizeof(key), rel_compare);
}

/* One entry a column, with the strictest transform; the array is sorted. */
static void
masked_merge(struct sp_postgres_catalog *k)
{
	size_t i, n = 0;

	for (i = 0; i < k->n_masked; i++)
		if (n != 0 && masked_compare(&k->masked[n - 1], &k->masked[i]) == 0) {
			if (k->masked[i].t > k->masked[n - 1].t)
				k->masked[n - 1].t = k->masked[i].t;
		} else
			k->masked[n++] = k->masked[i];
	k->n_masked = n;
}

/* A view of something tainted is tainted whole, up to the fixed point. */
int
sp_postgres_catalog_close(struct sp_postgres_catalog *k)
{
	bool changed = true;
	size_t i;

	if (k->n_rel != 0)
		qsort(k->rel, k->n_rel, sizeof(k->rel[0]), rel_compare);
	if (k->n_masked != 0)
		qsort(k->masked, k->n_masked, sizeof(k->masked[0]), masked_compare);
	if (k->n_function != 0)
		qsort(k->function, k->n_function, sizeof(k->function[0]), function_compare);
	masked_merge(k);
	for (i = 0; i < k->n_masked; i++) {
		struct relation *rel = rel_find(k, k->masked[i].oid);

		if (rel != NULL)
			rel->flags |= REL_TAINTED;
	}
	while (changed) {
		changed = false;
		for (i = 0; i < k->n_edge; i++) {
			const struct relation *source = rel_find(k, k->edge[i].source);
			struct relation *reader = rel_find(k, k->edge[i].reader);

			if (source == NULL || reader == NULL || source == reader || (source->flags & REL_TAINTED) == 0 ||
			    (reader->flags & REL_WHOLE) != 0)
				continue;
			reader->flags |= REL_TAINTED | REL_WHOLE;
			changed = true;
		}
	}
	k->by_name = calloc(k->n_rel + 1, sizeof(*k->by_name));
	if (k->by_name == NULL)
		return SP_ERR_NOMEM;
	for (i = 0; i < k->n_rel; i++)
		k->by_name[i] = &k->rel[i];
	if (k->n_rel != 0)
		qsort(k->by_name, k->n_rel, sizeof(k->by_name[0]), name_compare);
	k->loaded_ns = sp_postgres_now();
	return 0;
}

/* Whether any relation that the name can mean has one of the flags; an unknown one has them all. */
static bool
has_flag(const struct sp_postgres_catalog *k, const char *schema, const char *name, uint8_t flag)
{
	size_t lo = 0, hi = k->n_rel;
	bool found = false;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(k->by_name[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < k->n_rel && strcmp(k->by_name[lo]->name, name) == 0; lo++) {
		const struct relation *rel = k->by_name[lo];

		if (*schema != '\0' && strcmp(schema, rel->schema) != 0)
			continue;
		found = true;
		if ((rel->flags & flag) != 0)
			return true;
	}
	return !found;
}

bool
sp_postgres_catalog_is_tainted(const struct sp_postgres_catalog *k, const char *schema, const char *name)
{
	return has_flag(k, schema, name, REL_TAINTED);
}

bool
sp_postgres_catalog_is_whole(const struct sp_postgres_catalog *k, const char *schema, const char *name)
{
	return has_flag(k, schema, name, REL_WHOLE);
}

enum sp_postgres_attribution
sp_postgres_catalog_column(const struct sp_postgres_catalog *k, uint32_t table, uint16_t attnum,
    enum sp_mask_transform *ret_t)
{
	struct masked key = {.oid = table, .attnum = attnum};
	const struct relation *rel;
	const struct masked *m;

	if (k == NULL || table == 0 || attnum == 0 || (rel = rel_find(k, table)) == NULL)
		return SP_POSTGRES_COLUMN_UNKNOWN;
	m = k->n_masked == 0 ? NULL : bsearch(&key, k->masked, k->n_masked, sizeof(key), masked_compare);
	if (m != NULL) {
		*ret_t = m->t;
		return SP_POSTGRES_COLUMN_MASKED;
	}
	return (rel->flags & REL_WHOLE) != 0 ? SP_POSTGRES_COLUMN_UNKNOWN : SP_POSTGRES_COLUMN_CLEAR;
}
