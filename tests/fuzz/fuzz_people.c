/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of lib/people.h: whatever is in it, nobody below the range, of the system's names or with a second line comes
 * out, and what one table answers by one way it answers by another. Once as the bytes are, once with sums that are right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/people.h"
#include "tests/unit/people_resum.h"

#define ENTRIES 64	 /* looked at, of one input */
#define SIZE_MAX_HERE 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool is_so)
{
	if (!is_so)
		abort();
}

static void
look_at_lists(const struct sp_people *p, const struct sp_people_entry *e)
{
	uint32_t ids[SP_PEOPLE_GROUPS_MAX];
	char *names;

	if (sp_people_groups(p, e, ids) == 0)
		for (uint32_t i = 0; i < e->list_count; i++)
			must(sp_people_rules_is_id(ids[i]));
	names = malloc(e->list_len + 1u);
	if (names != NULL && sp_people_members(p, e, names) == 0) {
		const char *s = names;

		for (uint32_t i = 0; i < e->list_count; i++, s += strlen(s) + 1)
			must(sp_people_rules_is_name(s, strlen(s)));
		must(s == names + e->list_len);
	}
	free(names);
}

static void
look_at(const struct sp_people *p, const struct sp_people_entry *e)
{
	struct sp_people_entry other;

	must(e->id >= p->id_first && e->id <= p->id_last && sp_people_rules_is_id(e->id));
	must(sp_people_rules_is_name(e->name, strlen(e->name)) && sp_people_rules_is_text(e->full, strlen(e->full)));
	must(e->strings_len == strlen(e->name) + strlen(e->full) + strlen(e->home) + strlen(e->shell) + 4);
	if (sp_people_by_name(p, e->name, &other) == 0)
		must(strcmp(other.name, e->name) == 0);
	if (sp_people_by_id(p, e->id, &other) == 0)
		must(other.id == e->id);
	look_at_lists(p, e);
}

static void
read_table(const char *path)
{
	struct sp_people p;
	struct sp_people_entry e;
	uint32_t place = 0;

	if (sp_people_open(path, getuid(), &p) != 0)
		return;
	for (int i = 0; i < ENTRIES && sp_people_next(&p, &place, &e) == 0; i++)
		look_at(&p, &e);
	if (sp_people_by_name(&p, "alice", &e) == 0)
		look_at(&p, &e);
	sp_people_close(&p);
}

static int
new_file(char *path)
{
	int fd = mkstemp(path);

	must(fd >= 0 && fchmod(fd, 0644) == 0);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/sp-fuzz-people-XXXXXX";
	uint8_t *copy;
	int fd;

	if (size > SIZE_MAX_HERE)
		return 0;
	fd = new_file(path);
	copy = malloc(size + 1);
	must(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	must(pwrite(fd, copy, size, 0) == (ssize_t)size);
	read_table(path);
	if (size >= SP_PEOPLE_HEADER_LEN) {
		resum_put(copy + 32, 8, size);
		resum(copy, size);
		must(pwrite(fd, copy, size, 0) == (ssize_t)size);
		read_table(path);
	}
	free(copy);
	(void)close(fd);
	(void)unlink(path);
	return 0;
}
