/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sqlcache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "policy/sql.h"

#define SP_SQLCACHE_BUCKETS 1024 /* a power of two */
#define SP_SQLCACHE_DIGITS_MAX 9 /* a longer run of digits is kept: such a number is of another type */

struct sp_sqlcache_entry {
	struct sp_sqlcache_entry *chain;	/* same bucket */
	struct sp_sqlcache_entry *newer, *older; /* order of use */
	uint64_t hash;
	struct sp_sql *sql;
	size_t len, cost;
	char key[];
};

struct sp_sqlcache {
	size_t max_entries, max_bytes, entries, bytes;
	uint64_t hits, misses;
	struct sp_sqlcache_entry *newest, *oldest;
	struct sp_sqlcache_entry *buckets[SP_SQLCACHE_BUCKETS];
	char key[SP_SQLCACHE_TEXT_MAX];
};

struct sp_sqlcache *
sp_sqlcache_new(size_t entries, size_t bytes)
{
	struct sp_sqlcache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->max_entries = entries == 0 ? SP_SQLCACHE_ENTRIES : entries;
	c->max_bytes = bytes == 0 ? SP_SQLCACHE_BYTES : bytes;
	return c;
}

/* Takes e out of the order of use. */
static void
sp_sqlcache_unlink(struct sp_sqlcache *c, struct sp_sqlcache_entry *e)
{
	if (e->newer != NULL)
		e->newer->older = e->older;
	else
		c->newest = e->older;
	if (e->older != NULL)
		e->older->newer = e->newer;
	else
		c->oldest = e->newer;
	e->newer = e->older = NULL;
}

static void
sp_sqlcache_touch(struct sp_sqlcache *c, struct sp_sqlcache_entry *e)
{
	e->older = c->newest;
	if (c->newest != NULL)
		c->newest->newer = e;
	c->newest = e;
	if (c->oldest == NULL)
		c->oldest = e;
}

static void
sp_sqlcache_drop_oldest(struct sp_sqlcache *c)
{
	struct sp_sqlcache_entry *e = c->oldest, *newer = e->newer;
	struct sp_sqlcache_entry **p = &c->buckets[e->hash & (SP_SQLCACHE_BUCKETS - 1)];

	while (*p != e)
		p = &(*p)->chain;
	*p = e->chain;
	sp_sqlcache_unlink(c, e);
	c->oldest = newer;
	c->entries--;
	c->bytes -= e->cost;
	sp_sql_unref(e->sql);
	free(e);
}

void
sp_sqlcache_free(struct sp_sqlcache *c)
{
	if (c == NULL)
		return;
	while (c->oldest != NULL)
		sp_sqlcache_drop_oldest(c);
	free(c);
}

/* Whether the text has no quoting, no comment, no parameter and no byte past ASCII. */
static bool
sp_sqlcache_is_simple(const char *t, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (t[i]) {
		case '\'':
		case '"':
		case '$':
		case '\\':
		case '`':
			return false;
		case '-':
			if (i + 1 < len && t[i + 1] == '-')
				return false;
			break;
		case '/':
			if (i + 1 < len && t[i + 1] == '*')
				return false;
			break;
		default:
			if ((unsigned char)t[i] >= 0x80 || t[i] == 0)
				return false;
			break;
		}
	}
	return true;
}

static bool
sp_sqlcache_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
sp_sqlcache_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t
sp_sqlcache_key(const char *text, size_t len, char *out)
{
	size_t n = 0, i = 0;

	if (!sp_sqlcache_is_simple(text, len)) {
		if (len > 0)
			memcpy(out, text, len);
		return len;
	}
	while (i < len) {
		size_t j = i;

		/* A whole word, so that digits in it stay. */
		while (j < len && (sp_sqlcache_is_word(text[j]) || sp_sqlcache_is_digit(text[j])))
			j++;
		if (j == i) {
			out[n++] = text[i++];
			continue;
		}
		for (size_t k = i; k < j; k++)
			if (sp_sqlcache_is_word(text[k]) || j - i > SP_SQLCACHE_DIGITS_MAX)
				goto keep;
		out[n++] = '0';
		i = j;
		continue;
keep:
		memcpy(out + n, text + i, j - i);
		n += j - i;
		i = j;
	}
	return n;
}

/* Eight bytes at a time; collisions cost time only, as keys are compared whole. */
static uint64_t
sp_sqlcache_hash(const char *p, size_t n)
{
	uint64_t h = 0x9e3779b97f4a7c15u ^ n, v;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	v = 0;
	if (n > 0)
		memcpy(&v, p, n);
	h = (h ^ v) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 29;
}

/* Keeps the facts if there is room for them and memory; not keeping them is no error. */
static void
sp_sqlcache_keep(struct sp_sqlcache *c, const char *key, size_t n, uint64_t hash, struct sp_sql *sql)
{
	size_t cost = sizeof(struct sp_sqlcache_entry) + n + sp_sql_size(sql);
	struct sp_sqlcache_entry *e, **bucket = &c->buckets[hash & (SP_SQLCACHE_BUCKETS - 1)];

	if (cost > c->max_bytes / 4)
		return;
	while (c->oldest != NULL && (c->entries >= c->max_entries || c->bytes + cost > c->max_bytes))
		sp_sqlcache_drop_oldest(c);
	e = calloc(1, sizeof(*e) + n);
	if (e == NULL)
		return;
	e->hash = hash;
	e->sql = sp_sql_ref(sql);
	e->len = n;
	e->cost = cost;
	if (n > 0)
		memcpy(e->key, key, n);
	e->chain = *bucket;
	*bucket = e;
	sp_sqlcache_touch(c, e);
	c->entries++;
	c->bytes += cost;
}

int
sp_sqlcache_get(struct sp_sqlcache *c, const char *text, size_t len, struct sp_sql **ret_sql)
{
	struct sp_sqlcache_entry *e;
	uint64_t hash;
	size_t n;
	int r;

	if (len > SP_SQLCACHE_TEXT_MAX) {
		c->misses++;
		return sp_sql_parse(text, len, ret_sql);
	}
	n = sp_sqlcache_key(text, len, c->key);
	hash = sp_sqlcache_hash(c->key, n);
	for (e = c->buckets[hash & (SP_SQLCACHE_BUCKETS - 1)]; e != NULL; e = e->chain) {
		if (e->hash != hash || e->len != n || memcmp(e->key, c->key, n) != 0)
			continue;
		c->hits++;
		if (c->newest != e) {
			sp_sqlcache_unlink(c, e);
			sp_sqlcache_touch(c, e);
		}
		*ret_sql = sp_sql_ref(e->sql);
		return 0;
	}
	c->misses++;
	r = sp_sql_parse(text, len, ret_sql);
	/* The reason why a text is not understood may quote a number of it: kept for nobody. */
	if (r == 0 && (sp_sql_count(*ret_sql) == 0 || sp_sql_at(*ret_sql, 0)->verb != SP_SQL_UNPARSED))
		sp_sqlcache_keep(c, c->key, n, hash, *ret_sql);
	return r;
}

void
sp_sqlcache_stats(const struct sp_sqlcache *c, uint64_t *ret_hits, uint64_t *ret_misses)
{
	*ret_hits = c->hits;
	*ret_misses = c->misses;
}
