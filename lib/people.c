/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/people.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEOPLE_SLOTS_READ 8    /* slots read at once: on the stack of whoever looks something up */
#define PEOPLE_RECORD_READ 192 /* bytes of a record read first: most are no longer */
#define PEOPLE_INTERRUPTS 8  /* reads that a signal may interrupt before we give up */

static uint32_t
people_u16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t
people_u32(const uint8_t *p)
{
	return people_u16(p) << 16 | people_u16(p + 2);
}

static uint64_t
people_u64(const uint8_t *p)
{
	return (uint64_t)people_u32(p) << 32 | people_u32(p + 4);
}

static uint64_t
people_mix(uint64_t v)
{
	v = (v ^ v >> 33) * 0xff51afd7ed558ccdULL;
	v = (v ^ v >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return v ^ v >> 33;
}

/* FNV-1a, and its bits spread: against accidents, not against whoever may write the file. */
uint64_t
sp_people_sum(uint64_t seed, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t h = people_mix(seed + 0x9e3779b97f4a7c15ULL) ^ 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return people_mix(h ^ n);
}

uint64_t
sp_people_record_sum(uint64_t seed, const uint8_t *record, size_t n)
{
	return sp_people_sum(sp_people_sum(seed, record, SP_PEOPLE_RECORD_LEN - 8), record + SP_PEOPLE_RECORD_LEN,
	    n - SP_PEOPLE_RECORD_LEN);
}

uint64_t
sp_people_hash_name(uint64_t seed, const char *name, size_t n)
{
	return sp_people_sum(seed, name, n);
}

uint64_t
sp_people_hash_id(uint64_t seed, uint32_t id)
{
	return people_mix(seed ^ people_mix(id));
}

uint32_t
sp_people_slot_check(uint64_t seed, unsigned table, uint32_t place, uint32_t tag, uint64_t offset)
{
	uint64_t h = people_mix(seed + ((uint64_t)table << 32 | place));

	return (uint32_t)people_mix(people_mix(h ^ offset) ^ ((uint64_t)tag << 32 | 1u));
}

uint64_t
sp_people_table_at(uint32_t slots, unsigned table)
{
	return SP_PEOPLE_HEADER_LEN + (uint64_t)table * SP_PEOPLE_SLOT_LEN * ((uint64_t)slots + SP_PEOPLE_PROBES);
}

/* All n bytes at that place. FORMAT: the file is shorter than it was. */
static int
people_read(int fd, uint64_t at, void *ret_bytes, size_t n)
{
	uint8_t *p = ret_bytes;
	unsigned interrupts = 0;

	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR && ++interrupts < PEOPLE_INTERRUPTS)
			continue;
		if (got < 0)
			return SP_ERR_SYSTEM;
		if (got == 0 || (size_t)got > n)
			return SP_ERR_FORMAT;
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

static int
people_header(struct sp_people *p, uint64_t file_size)
{
	uint8_t h[SP_PEOPLE_HEADER_LEN];
	int r = people_read(p->fd, 0, h, sizeof(h));

	if (r != 0)
		return r;
	p->flags = people_u32(h + 12);
	p->id_first = people_u32(h + 16);
	p->id_last = people_u32(h + 20);
	p->entries = people_u32(h + 24);
	p->slots = people_u32(h + 28);
	p->size = people_u64(h + 32);
	p->seed = people_u64(h + 40);
	if (memcmp(h, SP_PEOPLE_MAGIC, 8) != 0 || people_u32(h + 8) != SP_PEOPLE_VERSION ||
	    people_u64(h + 48) != sp_people_sum(0, h, 48))
		return SP_ERR_FORMAT;
	if ((p->flags & ~SP_PEOPLE_ENUMERATE) != 0 || !sp_people_rules_is_range(p->id_first, p->id_last) ||
	    p->entries > SP_PEOPLE_ENTRIES_MAX || p->slots == 0 || p->slots > SP_PEOPLE_SLOTS_MAX ||
	    (p->slots & (p->slots - 1)) != 0 || p->entries > p->slots)
		return SP_ERR_FORMAT;
	if (p->size != file_size || p->size > SP_PEOPLE_SIZE_MAX || p->size < sp_people_table_at(p->slots, 2))
		return SP_ERR_FORMAT;
	return 0;
}

int
sp_people_open(const char *path, unsigned owner, struct sp_people *ret_p)
{
	struct sp_people p = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY) };
	struct stat st;
	int r = 0;

	if (p.fd < 0)
		return errno == ENOENT || errno == ENOTDIR				     ? SP_ERR_NOT_FOUND
		       : errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EINTR ? SP_ERR_AGAIN
		       : errno == ELOOP							     ? SP_ERR_DENIED
												 : SP_ERR_SYSTEM;
	if (fstat(p.fd, &st) != 0)
		r = SP_ERR_SYSTEM;
	else if (!S_ISREG(st.st_mode) || st.st_uid != owner || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		r = SP_ERR_DENIED;
	else
		r = people_header(&p, (uint64_t)st.st_size);
	if (r != 0) {
		(void)close(p.fd);
		return r;
	}
	*ret_p = p;
	return 0;
}

void
sp_people_close(struct sp_people *p)
{
	(void)close(p->fd);
	p->fd = -1;
}

/* One of the strings, from *s on; NULL: it does not end where it should. */
static const char *
people_string(const char **s, size_t *left, size_t n)
{
	const char *p = *s;

	if (*left < n + 1 || p[n] != '\0')
		return NULL;
	*s += n + 1;
	*left -= n + 1;
	return p;
}

/* What the record says, once it is known to be as it was written. */
static int
people_fields(const struct sp_people *p, struct sp_people_entry *e)
{
	const uint8_t *b = e->bytes;
	size_t name_len = people_u16(b + 8), full_len = people_u16(b + 10), home_len = people_u16(b + 12),
	       shell_len = people_u16(b + 14), left = e->strings_len;
	const char *s = (const char *)b + SP_PEOPLE_RECORD_LEN;
	bool is_person = people_u32(b) == SP_PEOPLE_PERSON;

	if (!is_person && people_u32(b) != SP_PEOPLE_GROUP)
		return SP_ERR_FORMAT;
	e->kind = is_person ? SP_PEOPLE_PERSON : SP_PEOPLE_GROUP;
	e->id = people_u32(b + 4);
	e->identity = b + 32;
	e->name = people_string(&s, &left, name_len);
	e->full = people_string(&s, &left, full_len);
	e->home = people_string(&s, &left, home_len);
	e->shell = people_string(&s, &left, shell_len);
	if (e->name == NULL || e->full == NULL || e->home == NULL || e->shell == NULL || left != 0)
		return SP_ERR_FORMAT;
	if (e->id < p->id_first || e->id > p->id_last || !sp_people_rules_is_name(e->name, name_len) ||
	    !sp_people_rules_is_text(e->full, full_len))
		return SP_ERR_FORMAT;
	if (is_person ? !sp_people_rules_is_path(e->home, home_len) || !sp_people_rules_is_path(e->shell, shell_len)
		      : full_len + home_len + shell_len != 0)
		return SP_ERR_FORMAT;
	if (is_person ? e->list_count > SP_PEOPLE_GROUPS_MAX || e->list_len != e->list_count * 4u
		      : e->list_count > SP_PEOPLE_MEMBERS_MAX || e->list_len < e->list_count * 2u ||
			    e->list_len > e->list_count * (SP_PEOPLE_NAME_MAX + 1u))
		return SP_ERR_FORMAT;
	return 0;
}

static int
people_record(const struct sp_people *p, uint64_t at, struct sp_people_entry *e)
{
	uint64_t left = at < p->size ? p->size - at : 0;
	size_t max = left < sizeof(e->bytes) ? (size_t)left : sizeof(e->bytes), total;
	size_t n = max < PEOPLE_RECORD_READ ? max : PEOPLE_RECORD_READ;
	int r;

	if (at < sp_people_table_at(p->slots, 2) || n < SP_PEOPLE_RECORD_LEN)
		return SP_ERR_FORMAT;
	r = people_read(p->fd, at, e->bytes, n);
	if (r != 0)
		return r;
	total = SP_PEOPLE_RECORD_LEN + 4 + people_u16(e->bytes + 8) + people_u16(e->bytes + 10) + people_u16(e->bytes + 12) +
		people_u16(e->bytes + 14);
	if (total > max)
		return SP_ERR_FORMAT;
	if (total > n)
		r = people_read(p->fd, at + n, e->bytes + n, total - n);
	if (r != 0)
		return r;
	if (sp_people_record_sum(p->seed ^ at, e->bytes, total) != people_u64(e->bytes + SP_PEOPLE_RECORD_LEN - 8))
		return SP_ERR_FORMAT;
	e->strings_len = total - SP_PEOPLE_RECORD_LEN;
	e->list_count = people_u32(e->bytes + 16);
	e->list_len = people_u32(e->bytes + 20);
	e->list_sum = people_u64(e->bytes + 24);
	e->list_seed = p->seed ^ at;
	e->list_at = at + total;
	if (e->list_len > left - total)
		return SP_ERR_FORMAT;
	return people_fields(p, e);
}

struct people_slot {
	uint32_t tag;
	uint64_t offset;
};

/* n slots from place on, each as it was written. */
static int
people_slots(const struct sp_people *p, unsigned table, uint32_t place, unsigned n,
    struct people_slot ret_slots[PEOPLE_SLOTS_READ])
{
	uint8_t bytes[PEOPLE_SLOTS_READ * SP_PEOPLE_SLOT_LEN];
	int r = people_read(p->fd, sp_people_table_at(p->slots, table) + (uint64_t)place * SP_PEOPLE_SLOT_LEN, bytes,
	    (size_t)n * SP_PEOPLE_SLOT_LEN);

	for (unsigned i = 0; r == 0 && i < n; i++) {
		const uint8_t *b = bytes + (size_t)i * SP_PEOPLE_SLOT_LEN;

		ret_slots[i].tag = people_u32(b);
		ret_slots[i].offset = people_u64(b + 8);
		if (people_u32(b + 4) !=
		    sp_people_slot_check(p->seed, table, place + i, ret_slots[i].tag, ret_slots[i].offset))
			r = SP_ERR_FORMAT;
	}
	return r;
}

/* By name, or if that is NULL by id. */
static int
people_find(const struct sp_people *p, const char *name, uint32_t id, struct sp_people_entry *e)
{
	uint64_t h = name != NULL ? sp_people_hash_name(p->seed, name, strlen(name)) : sp_people_hash_id(p->seed, id);
	uint32_t place = (uint32_t)h & (p->slots - 1), tag = name != NULL ? (uint32_t)(h >> 32) : id;
	struct people_slot slots[PEOPLE_SLOTS_READ];
	int r = 0;

	for (unsigned i = 0; i < SP_PEOPLE_PROBES; i++) {
		const struct people_slot *s = &slots[i % PEOPLE_SLOTS_READ];

		if (i % PEOPLE_SLOTS_READ == 0)
			r = people_slots(p, name != NULL ? 0 : 1, place + i, PEOPLE_SLOTS_READ, slots);
		if (r != 0)
			return r;
		if (s->offset == 0)
			return SP_ERR_NOT_FOUND;
		if (s->tag != tag)
			continue;
		r = people_record(p, s->offset, e);
		if (r != 0)
			return r;
		if (name != NULL ? strcmp(e->name, name) == 0 : e->id == id)
			return 0;
		if (name == NULL)
			return SP_ERR_FORMAT;
	}
	return SP_ERR_NOT_FOUND;
}

int
sp_people_by_name(const struct sp_people *p, const char *name, struct sp_people_entry *ret_e)
{
	return sp_people_rules_is_name(name, strnlen(name, SP_PEOPLE_NAME_MAX + 1)) ? people_find(p, name, 0, ret_e)
										    : SP_ERR_NOT_FOUND;
}

int
sp_people_by_id(const struct sp_people *p, uint32_t id, struct sp_people_entry *ret_e)
{
	return id < p->id_first || id > p->id_last ? SP_ERR_NOT_FOUND : people_find(p, NULL, id, ret_e);
}

int
sp_people_next(const struct sp_people *p, uint32_t *place, struct sp_people_entry *ret_e)
{
	struct people_slot slots[PEOPLE_SLOTS_READ];
	uint32_t end = p->slots + SP_PEOPLE_PROBES, at = *place;

	while (at < end) {
		unsigned n = end - at < PEOPLE_SLOTS_READ ? (unsigned)(end - at) : PEOPLE_SLOTS_READ;
		int r = people_slots(p, 1, at, n, slots);

		for (unsigned i = 0; r == 0 && i < n; i++) {
			if (slots[i].offset == 0)
				continue;
			r = people_record(p, slots[i].offset, ret_e);
			if (r == 0)
				*place = at + i + 1;
			return r;
		}
		if (r != 0)
			return r;
		at += n;
	}
	*place = at;
	return SP_ERR_NOT_FOUND;
}

int
sp_people_groups(const struct sp_people *p, const struct sp_people_entry *e, uint32_t ret_ids[SP_PEOPLE_GROUPS_MAX])
{
	uint8_t *bytes = (uint8_t *)ret_ids;
	int r;

	if (e->kind != SP_PEOPLE_PERSON)
		return SP_ERR_INVALID;
	r = people_read(p->fd, e->list_at, bytes, e->list_len);
	if (r == 0 && sp_people_sum(e->list_seed, bytes, e->list_len) != e->list_sum)
		r = SP_ERR_FORMAT;
	for (uint32_t i = 0; r == 0 && i < e->list_count; i++) {
		ret_ids[i] = people_u32(bytes + 4 * (size_t)i);
		if (ret_ids[i] < p->id_first || ret_ids[i] > p->id_last)
			r = SP_ERR_FORMAT;
	}
	return r;
}

int
sp_people_members(const struct sp_people *p, const struct sp_people_entry *e, char *ret_names)
{
	const char *s = ret_names, *end = ret_names + e->list_len;
	int r;

	if (e->kind != SP_PEOPLE_GROUP)
		return SP_ERR_INVALID;
	r = people_read(p->fd, e->list_at, ret_names, e->list_len);
	if (r == 0 && sp_people_sum(e->list_seed, ret_names, e->list_len) != e->list_sum)
		r = SP_ERR_FORMAT;
	for (uint32_t i = 0; r == 0 && i < e->list_count; i++) {
		size_t n = strnlen(s, (size_t)(end - s));

		if (n == (size_t)(end - s) || !sp_people_rules_is_name(s, n))
			r = SP_ERR_FORMAT;
		else
			s += n + 1;
	}
	return r == 0 && s != end ? SP_ERR_FORMAT : r;
}
