/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/people_put.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define PUT_SEEDS 16 /* tried before the tables are made larger */

struct put_entry {
	enum sp_people_kind kind;
	uint32_t id;
	const char *strings[4]; /* name, full, home, shell */
	uint8_t identity[SP_PEOPLE_IDENTITY_LEN];
	uint32_t *groups; /* a person's */
	size_t ngroups;
	uint32_t members, members_len; /* a group's, counted */
	size_t members_at;	       /* its first in members of the table */
	uint64_t offset;
};

struct sp_people_put {
	uint32_t id_first, id_last, flags;
	struct put_entry **entries;
	size_t n, cap;
	const char *culprit;
	/* While it is written. */
	uint64_t seed;
	uint32_t slots;
	const struct put_entry **members; /* of all groups, group by group */
	size_t nmembers;
	uint8_t *tables[2];
	FILE *f;
};

int
sp_people_put_new(uint32_t id_first, uint32_t id_last, bool enumerate, struct sp_people_put **ret_w)
{
	struct sp_people_put *w;

	if (!sp_people_rules_is_range(id_first, id_last))
		return SP_ERR_INVALID;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return SP_ERR_NOMEM;
	w->id_first = id_first;
	w->id_last = id_last;
	w->flags = enumerate ? SP_PEOPLE_ENUMERATE : 0;
	w->culprit = "";
	*ret_w = w;
	return 0;
}

/* What only a write needs. */
static void
put_done(struct sp_people_put *w)
{
	free(w->members);
	w->members = NULL;
	for (int i = 0; i < 2; i++) {
		free(w->tables[i]);
		w->tables[i] = NULL;
	}
}

void
sp_people_put_free(struct sp_people_put *w)
{
	if (w == NULL)
		return;
	put_done(w);
	for (size_t i = 0; i < w->n; i++)
		free(w->entries[i]);
	free(w->entries);
	free(w);
}

/* The struct, its groups and its strings in one piece of memory. */
static int
put_entry(struct sp_people_put *w, enum sp_people_kind kind, uint32_t id, const char *const strings[4],
    const uint32_t *groups, size_t ngroups)
{
	size_t size = sizeof(struct put_entry) + ngroups * sizeof(*groups);
	struct put_entry *e;
	char *s;

	if (w->n == SP_PEOPLE_ENTRIES_MAX)
		return SP_ERR_LIMIT;
	if (w->n == w->cap) {
		size_t cap = w->cap == 0 ? 64 : 2 * w->cap;
		struct put_entry **more = realloc(w->entries, cap * sizeof(*more));

		if (more == NULL)
			return SP_ERR_NOMEM;
		w->entries = more;
		w->cap = cap;
	}
	for (int i = 0; i < 4; i++)
		size += strlen(strings[i]) + 1;
	e = calloc(1, size);
	if (e == NULL)
		return SP_ERR_NOMEM;
	e->kind = kind;
	e->id = id;
	e->groups = (uint32_t *)(e + 1);
	e->ngroups = ngroups;
	if (ngroups > 0)
		memcpy(e->groups, groups, ngroups * sizeof(*groups));
	s = (char *)(e->groups + ngroups);
	for (int i = 0; i < 4; i++) {
		e->strings[i] = s;
		s = stpcpy(s, strings[i]) + 1;
	}
	w->entries[w->n++] = e;
	return 0;
}

static bool
put_is_id(const struct sp_people_put *w, uint32_t id)
{
	return id >= w->id_first && id <= w->id_last;
}

int
sp_people_put_person(struct sp_people_put *w, const struct sp_people_put_person *p)
{
	const char *const strings[4] = { p->name, p->full, p->home, p->shell };
	int r;

	if (!put_is_id(w, p->id) || !sp_people_rules_is_name(p->name, strlen(p->name)) ||
	    !sp_people_rules_is_text(p->full, strlen(p->full)) || !sp_people_rules_is_path(p->home, strlen(p->home)) ||
	    !sp_people_rules_is_path(p->shell, strlen(p->shell)))
		return SP_ERR_INVALID;
	if (p->ngroups > SP_PEOPLE_GROUPS_MAX)
		return SP_ERR_LIMIT;
	for (size_t i = 0; i < p->ngroups; i++) {
		if (!put_is_id(w, p->groups[i]))
			return SP_ERR_INVALID;
		for (size_t j = 0; j < i; j++)
			if (p->groups[i] == p->groups[j])
				return SP_ERR_INVALID;
	}
	r = put_entry(w, SP_PEOPLE_PERSON, p->id, strings, p->groups, p->ngroups);
	if (r == 0 && p->identity != NULL)
		memcpy(w->entries[w->n - 1]->identity, p->identity, SP_PEOPLE_IDENTITY_LEN);
	return r;
}

int
sp_people_put_group(struct sp_people_put *w, const char *name, uint32_t id)
{
	const char *const strings[4] = { name, "", "", "" };

	if (!put_is_id(w, id) || !sp_people_rules_is_name(name, strlen(name)))
		return SP_ERR_INVALID;
	return put_entry(w, SP_PEOPLE_GROUP, id, strings, NULL, 0);
}

static int
put_by_name(const void *a, const void *b)
{
	const struct put_entry *const *x = a, *const *y = b;

	return strcmp((*x)->strings[0], (*y)->strings[0]);
}

static int
put_by_id(const void *a, const void *b)
{
	const struct put_entry *const *x = a, *const *y = b;

	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

/* Two neighbours in that order that are the same. */
static int
put_distinct(struct sp_people_put *w, int (*compare)(const void *, const void *))
{
	if (w->n > 0)
		qsort(w->entries, w->n, sizeof(*w->entries), compare);
	for (size_t i = 1; i < w->n; i++)
		if (compare(&w->entries[i - 1], &w->entries[i]) == 0) {
			w->culprit = w->entries[i]->strings[0];
			return SP_ERR_EXISTS;
		}
	return 0;
}

/* A group; entries are in the order of their ids. */
static struct put_entry *
put_group_of(const struct sp_people_put *w, uint32_t id)
{
	const struct put_entry key = { .id = id }, *k = &key;
	struct put_entry **found = w->n == 0 ? NULL : bsearch(&k, w->entries, w->n, sizeof(*w->entries), put_by_id);

	return found == NULL || (*found)->kind != SP_PEOPLE_GROUP ? NULL : *found;
}

static int
put_count_members(struct sp_people_put *w)
{
	size_t total = 0;

	for (size_t i = 0; i < w->n; i++)
		w->entries[i]->members = w->entries[i]->members_len = 0;
	for (size_t i = 0; i < w->n; i++) {
		const struct put_entry *e = w->entries[i];

		for (size_t j = 0; j < e->ngroups; j++) {
			struct put_entry *g = put_group_of(w, e->groups[j]);

			w->culprit = e->strings[0];
			if (g == NULL)
				return SP_ERR_NOT_FOUND;
			if (++g->members > SP_PEOPLE_MEMBERS_MAX)
				return SP_ERR_LIMIT;
			g->members_len += (uint32_t)strlen(e->strings[0]) + 1;
			total++;
		}
	}
	w->nmembers = total;
	return 0;
}

/* Who is in which group, group by group, in the order of people's ids. */
static int
put_members(struct sp_people_put *w)
{
	int r = put_count_members(w);
	size_t at = 0;

	if (r != 0)
		return r;
	w->members = calloc(w->nmembers + 1, sizeof(*w->members));
	if (w->members == NULL)
		return SP_ERR_NOMEM;
	for (size_t i = 0; i < w->n; i++) {
		w->entries[i]->members_at = at;
		at += w->entries[i]->members;
	}
	for (size_t i = 0; i < w->n; i++)
		for (size_t j = 0; j < w->entries[i]->ngroups; j++) {
			struct put_entry *g = put_group_of(w, w->entries[i]->groups[j]);

			if (g != NULL)
				w->members[g->members_at++] = w->entries[i];
		}
	for (size_t i = 0; i < w->n; i++)
		w->entries[i]->members_at -= w->entries[i]->members;
	return 0;
}

static uint8_t *
put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
	return p + 4;
}

static uint8_t *
put_u64(uint8_t *p, uint64_t v)
{
	return put_u32(put_u32(p, (uint32_t)(v >> 32)), (uint32_t)v);
}

static uint8_t *
put_u16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static size_t
put_record_len(const struct put_entry *e)
{
	size_t n = SP_PEOPLE_RECORD_LEN;

	for (int i = 0; i < 4; i++)
		n += strlen(e->strings[i]) + 1;
	return n;
}

static size_t
put_list_len(const struct put_entry *e)
{
	return e->kind == SP_PEOPLE_PERSON ? e->ngroups * 4 : e->members_len;
}

static void
put_list(const struct sp_people_put *w, const struct put_entry *e, uint8_t *p)
{
	for (size_t i = 0; i < e->ngroups; i++)
		p = put_u32(p, e->groups[i]);
	for (size_t i = 0; i < e->members; i++) {
		const char *name = w->members[e->members_at + i]->strings[0];
		size_t n = strlen(name) + 1;

		memcpy(p, name, n);
		p += n;
	}
}

static int
put_record(const struct sp_people_put *w, const struct put_entry *e)
{
	size_t len = put_record_len(e), list_len = put_list_len(e);
	uint64_t seed = w->seed ^ e->offset;
	uint8_t *bytes = calloc(1, len + list_len), *p = bytes;
	int r;

	if (bytes == NULL)
		return SP_ERR_NOMEM;
	put_list(w, e, bytes + len);
	p = put_u32(p, e->kind);
	p = put_u32(p, e->id);
	for (int i = 0; i < 4; i++)
		p = put_u16(p, strlen(e->strings[i]));
	p = put_u32(p, e->kind == SP_PEOPLE_PERSON ? (uint32_t)e->ngroups : e->members);
	p = put_u32(p, (uint32_t)list_len);
	p = put_u64(p, sp_people_sum(seed, bytes + len, list_len));
	memcpy(p, e->identity, sizeof(e->identity));
	p += sizeof(e->identity);
	for (size_t at = SP_PEOPLE_RECORD_LEN, i = 0; i < 4; i++) {
		size_t n = strlen(e->strings[i]) + 1;

		memcpy(bytes + at, e->strings[i], n);
		at += n;
	}
	(void)put_u64(p, sp_people_record_sum(seed, bytes, len));
	r = fwrite(bytes, 1, len + list_len, w->f) == len + list_len ? 0 : SP_ERR_SYSTEM;
	free(bytes);
	return r;
}

static bool
put_slot(struct sp_people_put *w, unsigned table, uint64_t hash, uint32_t tag, uint64_t offset)
{
	uint32_t place = (uint32_t)hash & (w->slots - 1);

	for (unsigned i = 0; i < SP_PEOPLE_PROBES; i++, place++) {
		uint8_t *slot = w->tables[table] + (size_t)place * SP_PEOPLE_SLOT_LEN;
		static const uint8_t free_slot[8];

		if (memcmp(slot + 8, free_slot, 8) != 0)
			continue;
		(void)put_u64(put_u32(slot, tag) + 4, offset);
		return true;
	}
	return false;
}

/* With this seed. LIMIT: somebody has no place near enough. */
static int
put_tables(struct sp_people_put *w)
{
	size_t places = (size_t)w->slots + SP_PEOPLE_PROBES;

	for (unsigned t = 0; t < 2; t++) {
		free(w->tables[t]);
		w->tables[t] = calloc(places, SP_PEOPLE_SLOT_LEN);
		if (w->tables[t] == NULL)
			return SP_ERR_NOMEM;
	}
	for (size_t i = 0; i < w->n; i++) {
		const struct put_entry *e = w->entries[i];
		uint64_t h = sp_people_hash_name(w->seed, e->strings[0], strlen(e->strings[0]));

		if (!put_slot(w, 0, h, (uint32_t)(h >> 32), e->offset) ||
		    !put_slot(w, 1, sp_people_hash_id(w->seed, e->id), e->id, e->offset))
			return SP_ERR_LIMIT;
	}
	for (unsigned t = 0; t < 2; t++)
		for (uint32_t place = 0; place < places; place++) {
			uint8_t *slot = w->tables[t] + (size_t)place * SP_PEOPLE_SLOT_LEN;
			uint32_t tag = (uint32_t)slot[0] << 24 | (uint32_t)slot[1] << 16 | (uint32_t)slot[2] << 8 | slot[3];
			uint64_t offset = 0;

			for (int i = 8; i < 16; i++)
				offset = offset << 8 | slot[i];
			(void)put_u32(slot + 4, sp_people_slot_check(w->seed, t, place, tag, offset));
		}
	return 0;
}

/* Where each record will be; the file's size. */
static uint64_t
put_offsets(struct sp_people_put *w)
{
	uint64_t at = sp_people_table_at(w->slots, 2);

	for (size_t i = 0; i < w->n; i++) {
		w->entries[i]->offset = at;
		at += put_record_len(w->entries[i]) + put_list_len(w->entries[i]);
	}
	return at;
}

/* Tables at most half full, and a seed by which everybody is near their place. */
static int
put_layout(struct sp_people_put *w, uint64_t *ret_size)
{
	int r = SP_ERR_LIMIT;

	w->slots = 64;
	while (w->slots < 2 * w->n)
		w->slots *= 2;
	for (; r == SP_ERR_LIMIT && w->slots <= SP_PEOPLE_SLOTS_MAX; w->slots *= 2) {
		*ret_size = put_offsets(w);
		if (*ret_size > SP_PEOPLE_SIZE_MAX)
			return SP_ERR_LIMIT;
		for (int i = 0; r == SP_ERR_LIMIT && i < PUT_SEEDS; i++)
			r = getrandom(&w->seed, sizeof(w->seed), 0) == (ssize_t)sizeof(w->seed) ? put_tables(w)
												: SP_ERR_SYSTEM;
		if (r != SP_ERR_LIMIT)
			return r;
	}
	return r;
}

static int
put_bytes(struct sp_people_put *w, uint64_t size)
{
	size_t table = ((size_t)w->slots + SP_PEOPLE_PROBES) * SP_PEOPLE_SLOT_LEN;
	uint8_t h[SP_PEOPLE_HEADER_LEN], *p = h;
	int r = 0;

	memcpy(p, SP_PEOPLE_MAGIC, 8);
	p = put_u32(p + 8, SP_PEOPLE_VERSION);
	p = put_u32(p, w->flags);
	p = put_u32(p, w->id_first);
	p = put_u32(p, w->id_last);
	p = put_u32(p, (uint32_t)w->n);
	p = put_u32(p, w->slots);
	p = put_u64(p, size);
	p = put_u64(p, w->seed);
	(void)put_u64(p, sp_people_sum(0, h, sizeof(h) - 8));
	if (fwrite(h, 1, sizeof(h), w->f) != sizeof(h) || fwrite(w->tables[0], 1, table, w->f) != table ||
	    fwrite(w->tables[1], 1, table, w->f) != table)
		return SP_ERR_SYSTEM;
	for (size_t i = 0; r == 0 && i < w->n; i++)
		r = put_record(w, w->entries[i]);
	return r;
}

/* The directory's entry is on disk too. */
static int
put_sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd, r;

	if (slash == NULL || slash == path || slash - path >= (ptrdiff_t)sizeof(dir))
		return SP_ERR_INVALID;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	r = fsync(fd) == 0 ? 0 : SP_ERR_SYSTEM;
	(void)close(fd);
	return r;
}

static int
put_file(struct sp_people_put *w, const char *path, uint64_t size)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path), fd, r, saved;

	if (n < 0 || (size_t)n >= sizeof(temporary))
		return SP_ERR_INVALID;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	w->f = fdopen(fd, "w");
	if (w->f == NULL) {
		(void)close(fd);
		r = SP_ERR_NOMEM;
	} else {
		r = put_bytes(w, size);
		if (r == 0 && (fflush(w->f) != 0 || fchmod(fd, 0644) != 0 || fsync(fd) != 0))
			r = SP_ERR_SYSTEM;
		saved = errno;
		if (fclose(w->f) != 0 && r == 0)
			r = SP_ERR_SYSTEM;
		else
			errno = saved;
		w->f = NULL;
	}
	if (r == 0 && rename(temporary, path) != 0)
		r = SP_ERR_SYSTEM;
	if (r != 0) {
		saved = errno;
		(void)unlink(temporary);
		errno = saved;
		return r;
	}
	return put_sync_dir(path);
}

int
sp_people_put_write(struct sp_people_put *w, const char *path)
{
	uint64_t size = 0;
	int r = put_distinct(w, put_by_name);

	if (r == 0)
		r = put_distinct(w, put_by_id); /* and so they stay */
	if (r == 0)
		r = put_members(w);
	if (r == 0)
		r = put_layout(w, &size);
	if (r == 0)
		r = put_file(w, path, size);
	put_done(w);
	return r;
}

const char *
sp_people_put_culprit(const struct sp_people_put *w)
{
	return w->culprit;
}
