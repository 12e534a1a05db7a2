/* SPDX-License-Identifier: Apache-2.0 */
/* lib/people, lib/people_put, lib/people_rules: what is written is read, and nothing else ever is. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned preads;

static ssize_t
counted_pread(int fd, void *p, size_t n, off_t at)
{
	preads++;
	return pread(fd, p, n, at);
}
#define pread counted_pread
#include "lib/people.c"
#undef pread
#include "lib/people_put.h"
#include "tests/unit/people_resum.h"

#define MANY 20000u
#define SLURP 1048576

static char test_dir[] = "/tmp/sp-people-XXXXXX", test_path[64];

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(test_dir) == NULL)
		return -1;
	(void)snprintf(test_path, sizeof(test_path), "%s/people", test_dir);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(test_path);
	return rmdir(test_dir);
}

/* alice and bob, eng with both, ops with bob, none with nobody. */
static void
write_few(void)
{
	static const uint8_t alices_identity[SP_PEOPLE_IDENTITY_LEN] = "0123456789abcdef0123456789abcde";
	static const uint32_t alices[] = { 200100 }, bobs[] = { 200101, 200100 };
	const struct sp_people_put_person alice = { "alice", "Alice Ångström", "/home/alice", "/bin/sp", 200001, alices, 1, alices_identity },
					  bob = { "bob", "", "/srv/b", "/usr/sbin/nologin", 299999, bobs, 2, NULL };
	struct sp_people_put *w;

	assert_int_equal(sp_people_put_new(200000, 299999, true, &w), 0);
	assert_int_equal(sp_people_put_group(w, "eng", 200100), 0);
	assert_int_equal(sp_people_put_person(w, &bob), 0);
	assert_int_equal(sp_people_put_group(w, "ops", 200101), 0);
	assert_int_equal(sp_people_put_person(w, &alice), 0);
	assert_int_equal(sp_people_put_group(w, "none", 200000), 0);
	assert_int_equal(sp_people_put_write(w, test_path), 0);
	sp_people_put_free(w);
}

static uint8_t *
slurp(size_t *ret_n)
{
	uint8_t *bytes = calloc(1, SLURP);
	FILE *f = fopen(test_path, "rb");

	assert_non_null(bytes);
	assert_non_null(f);
	*ret_n = fread(bytes, 1, SLURP, f);
	assert_int_equal(fclose(f), 0);
	return bytes;
}

static void
spill(const uint8_t *bytes, size_t n)
{
	FILE *f = fopen(test_path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(test_path, 0644), 0);
}

static void
test_names(void **state)
{
	static const char *const bad[] = { "", "Alice", "1alice", "-a", "_apt", "a.b", "a b", "a:b", "a\nb", "a/b", "alice-", "a$",
		"al\xc3\xa9", "root", "sudo", "wheel", "adm", "disk", "shadow", "docker", "lxd", "kvm", "systemd-network",
		"sallyport", "sallyport-admin", "nobody", "nogroup", "incus-admin", "pam_unix_non_existent:",
		"abcdefghijklmnopqrstuvwxyz012345" };
	static const char *const good[] = { "a", "alice", "alice-b", "alice_", "roo", "rooty", "sudoer", "a1",
		"abcdefghijklmnopqrstuvwxyz01234" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sp_people_rules_is_name(bad[i], strlen(bad[i])))
			fail_msg("taken: %s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!sp_people_rules_is_name(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
	assert_false(sp_people_rules_is_name("a\0b", 3));
}

static void
test_ids(void **state)
{
	static const uint32_t bad[] = { 0, 1, 999, 1000, 9999, 60000, 60001, 61184, 65519, 65534, 65535, 524288, 1879048191,
		0x80000000u, 0xfffffffeu, 0xffffffffu },
			      good[] = { 10000, 59999, 65536, 200000, 299999, 524287, 1879048192, 0x7fffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sp_people_rules_is_id(bad[i]));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(sp_people_rules_is_id(good[i]));
	assert_true(sp_people_rules_is_range(200000, 299999));
	assert_true(sp_people_rules_is_range(65536, 524287));
	assert_false(sp_people_rules_is_range(50000, 70000));
	assert_false(sp_people_rules_is_range(0, 299999));
	assert_false(sp_people_rules_is_range(300000, 299999));
	assert_false(sp_people_rules_is_range(200000, 0xffffffffu));
}

static void
check_alice(const struct sp_people *p, const struct sp_people_entry *e)
{
	uint32_t ids[SP_PEOPLE_GROUPS_MAX];

	assert_int_equal(e->kind, SP_PEOPLE_PERSON);
	assert_int_equal(e->id, 200001);
	assert_string_equal(e->name, "alice");
	assert_string_equal(e->full, "Alice Ångström");
	assert_string_equal(e->home, "/home/alice");
	assert_string_equal(e->shell, "/bin/sp");
	assert_memory_equal(e->identity, "0123456789abcdef0123456789abcde", SP_PEOPLE_IDENTITY_LEN);
	if (sp_people_groups(p, e, ids) == 0) {
		assert_int_equal(e->list_count, 1);
		assert_int_equal(ids[0], 200100);
	}
}

static void
check_eng(const struct sp_people *p, const struct sp_people_entry *e)
{
	char names[64];

	assert_int_equal(e->kind, SP_PEOPLE_GROUP);
	assert_int_equal(e->id, 200100);
	assert_string_equal(e->name, "eng");
	assert_true(e->list_len <= sizeof(names));
	if (sp_people_members(p, e, names) == 0) {
		assert_int_equal(e->list_count, 2);
		assert_memory_equal(names, "alice\0bob", 10);
	}
}

static void
test_written_is_read(void **state)
{
	struct sp_people p;
	struct sp_people_entry e;
	uint32_t ids[SP_PEOPLE_GROUPS_MAX], place = 0;
	unsigned found = 0;
	char names[64];
	struct stat st;

	(void)state;
	write_few();
	assert_int_equal(stat(test_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), 0);
	assert_int_equal(p.flags, SP_PEOPLE_ENUMERATE);
	assert_int_equal(sp_people_by_name(&p, "alice", &e), 0);
	check_alice(&p, &e);
	assert_int_equal(sp_people_groups(&p, &e, ids), 0);
	assert_int_equal(sp_people_members(&p, &e, names), SP_ERR_INVALID);
	assert_int_equal(sp_people_by_id(&p, 200001, &e), 0);
	check_alice(&p, &e);
	assert_int_equal(sp_people_by_name(&p, "eng", &e), 0);
	check_eng(&p, &e);
	assert_int_equal(sp_people_members(&p, &e, names), 0);
	assert_int_equal(sp_people_groups(&p, &e, ids), SP_ERR_INVALID);
	assert_int_equal(sp_people_by_id(&p, 200101, &e), 0);
	assert_int_equal(sp_people_members(&p, &e, names), 0);
	assert_string_equal(names, "bob");
	assert_int_equal(sp_people_by_id(&p, 200000, &e), 0);
	assert_int_equal(e.list_count, 0);
	assert_int_equal(sp_people_members(&p, &e, names), 0);
	assert_int_equal(sp_people_by_name(&p, "bob", &e), 0);
	assert_int_equal(sp_people_groups(&p, &e, ids), 0);
	assert_int_equal(ids[0], 200101);
	assert_int_equal(ids[1], 200100);
	assert_int_equal(sp_people_by_name(&p, "carol", &e), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_by_name(&p, "root", &e), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_by_name(&p, "Alice", &e), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_by_id(&p, 200002, &e), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_by_id(&p, 0, &e), SP_ERR_NOT_FOUND);
	while (sp_people_next(&p, &place, &e) == 0)
		found++;
	assert_int_equal(found, 5);
	sp_people_close(&p);
}

/* A record that is as long as one can be is read in two. */
static void
test_longest(void **state)
{
	static char full[SP_PEOPLE_TEXT_MAX + 2], home[SP_PEOPLE_TEXT_MAX + 2], shell[SP_PEOPLE_TEXT_MAX + 2];
	static const char name[] = "abcdefghijklmnopqrstuvwxyz01234";
	static uint32_t groups[SP_PEOPLE_GROUPS_MAX + 1], ids[SP_PEOPLE_GROUPS_MAX];
	struct sp_people_put_person one = { name, full, home, shell, 299999, groups, SP_PEOPLE_GROUPS_MAX + 1, NULL };
	struct sp_people_put *w;
	struct sp_people_entry e;
	struct sp_people p;
	char group[32];

	(void)state;
	memset(full, 'f', SP_PEOPLE_TEXT_MAX + 1);
	memset(home, '/', SP_PEOPLE_TEXT_MAX);
	memset(shell, '/', SP_PEOPLE_TEXT_MAX);
	assert_int_equal(sp_people_put_new(200000, 299999, false, &w), 0);
	for (uint32_t i = 0; i <= SP_PEOPLE_GROUPS_MAX; i++) {
		groups[i] = 200000 + i;
		(void)snprintf(group, sizeof(group), "group%u", i);
		assert_int_equal(sp_people_put_group(w, group, groups[i]), 0);
	}
	assert_int_equal(sp_people_put_person(w, &one), SP_ERR_INVALID);
	full[SP_PEOPLE_TEXT_MAX] = '\0';
	assert_int_equal(sp_people_put_person(w, &one), SP_ERR_LIMIT);
	one.ngroups = SP_PEOPLE_GROUPS_MAX;
	assert_int_equal(sp_people_put_person(w, &one), 0);
	assert_int_equal(sp_people_put_write(w, test_path), 0);
	sp_people_put_free(w);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), 0);
	assert_int_equal(sp_people_by_name(&p, name, &e), 0);
	assert_string_equal(e.full, full);
	assert_string_equal(e.home, home);
	assert_string_equal(e.shell, shell);
	assert_int_equal(sp_people_groups(&p, &e, ids), 0);
	assert_memory_equal(ids, groups, sizeof(ids));
	sp_people_close(&p);
}

static void
test_empty(void **state)
{
	struct sp_people_put *w;
	struct sp_people p;
	struct sp_people_entry e;
	uint32_t place = 0;

	(void)state;
	assert_int_equal(sp_people_put_new(200000, 299999, false, &w), 0);
	assert_int_equal(sp_people_put_write(w, test_path), 0);
	sp_people_put_free(w);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), 0);
	assert_int_equal(sp_people_by_name(&p, "alice", &e), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_next(&p, &place, &e), SP_ERR_NOT_FOUND);
	sp_people_close(&p);
}

static void
put_is(const char *name, const char *full, const char *home, const char *shell, uint32_t id, uint32_t group, int want)
{
	const struct sp_people_put_person person = { name, full, home, shell, id, &group, group == 0 ? 0 : 1, NULL };
	struct sp_people_put *w;

	assert_int_equal(sp_people_put_new(200000, 299999, false, &w), 0);
	assert_int_equal(sp_people_put_person(w, &person), want);
	assert_int_equal(sp_people_put_write(w, test_path), 0);
	sp_people_put_free(w);
}

static void
test_writer_refuses(void **state)
{
	static const uint32_t twice[] = { 200100, 200100 };
	const struct sp_people_put_person a = { "alice", "", "/h", "/s", 200001, NULL, 0, NULL },
					  b = { "alice", "", "/h", "/s", 200002, NULL, 0, NULL },
					  c = { "carol", "", "/h", "/s", 200001, NULL, 0, NULL },
					  d = { "dan", "", "/h", "/s", 200003, twice, 1, NULL },
					  e = { "erin", "", "/h", "/s", 200004, twice, 2, NULL };
	struct sp_people_put *w;

	(void)state;
	put_is("alice", "", "/h", "/s", 200001, 0, 0);
	put_is("root", "", "/h", "/s", 200001, 0, SP_ERR_INVALID);
	put_is("alice", "", "/h", "/s", 199999, 0, SP_ERR_INVALID);
	put_is("alice", "", "/h", "/s", 300000, 0, SP_ERR_INVALID);
	put_is("alice", "", "/h", "/s", 0, 0, SP_ERR_INVALID);
	put_is("alice", "a:b", "/h", "/s", 200001, 0, SP_ERR_INVALID);
	put_is("alice", "a\nb", "/h", "/s", 200001, 0, SP_ERR_INVALID);
	put_is("alice", "", "h", "/s", 200001, 0, SP_ERR_INVALID);
	put_is("alice", "", "/h", "", 200001, 0, SP_ERR_INVALID);
	put_is("alice", "", "/h", "/s", 200001, 27, SP_ERR_INVALID);
	assert_int_equal(sp_people_put_new(0, 299999, false, &w), SP_ERR_INVALID);
	assert_int_equal(sp_people_put_new(600000, 700000, false, &w), SP_ERR_INVALID);

	assert_int_equal(sp_people_put_new(200000, 299999, false, &w), 0);
	assert_int_equal(sp_people_put_group(w, "sudo", 200100), SP_ERR_INVALID);
	assert_int_equal(sp_people_put_group(w, "eng", 27), SP_ERR_INVALID);
	assert_int_equal(sp_people_put_person(w, &e), SP_ERR_INVALID);
	assert_int_equal(sp_people_put_person(w, &a), 0);
	assert_int_equal(sp_people_put_person(w, &b), 0);
	assert_int_equal(sp_people_put_write(w, test_path), SP_ERR_EXISTS);
	assert_string_equal(sp_people_put_culprit(w), "alice");
	sp_people_put_free(w);

	assert_int_equal(sp_people_put_new(200000, 299999, false, &w), 0);
	assert_int_equal(sp_people_put_person(w, &a), 0);
	assert_int_equal(sp_people_put_person(w, &c), 0);
	assert_int_equal(sp_people_put_write(w, test_path), SP_ERR_EXISTS);
	sp_people_put_free(w);

	assert_int_equal(sp_people_put_new(200000, 299999, false, &w), 0);
	assert_int_equal(sp_people_put_person(w, &a), 0);
	assert_int_equal(sp_people_put_person(w, &d), 0);
	assert_int_equal(sp_people_put_write(w, test_path), SP_ERR_NOT_FOUND);
	assert_string_equal(sp_people_put_culprit(w), "dan");
	assert_int_equal(sp_people_put_write(w, "/nonexistent/people"), SP_ERR_NOT_FOUND);
	sp_people_put_free(w);
}

/* Everything that is asked is answered rightly or not at all; what is there is never said not to be. */
static void
ask_all(const struct sp_people *p, const char *how, size_t where)
{
	struct sp_people_entry e;
	uint32_t place = 0;
	int r[6];

	r[0] = sp_people_by_name(p, "alice", &e);
	if (r[0] == 0)
		check_alice(p, &e);
	r[1] = sp_people_by_id(p, 200001, &e);
	if (r[1] == 0)
		check_alice(p, &e);
	r[2] = sp_people_by_name(p, "eng", &e);
	if (r[2] == 0)
		check_eng(p, &e);
	r[3] = sp_people_by_id(p, 200100, &e);
	if (r[3] == 0)
		check_eng(p, &e);
	for (int i = 0; i < 4; i++)
		if (r[i] != 0 && r[i] != SP_ERR_FORMAT)
			fail_msg("%s %zu: question %d is answered %d", how, where, i, r[i]);
	r[4] = sp_people_by_name(p, "carol", &e);
	r[5] = sp_people_by_id(p, 200002, &e);
	assert_true(r[4] == SP_ERR_NOT_FOUND || r[4] == SP_ERR_FORMAT);
	assert_true(r[5] == SP_ERR_NOT_FOUND || r[5] == SP_ERR_FORMAT);
	for (int i = 0; i < 1000 && sp_people_next(p, &place, &e) == 0; i++)
		assert_true(e.id >= 200000 && e.id <= 299999);
}

/* Short from the beginning, and cut short while it is being read. */
static void
test_cut_everywhere(void **state)
{
	struct sp_people p;
	uint8_t *bytes;
	size_t n;

	(void)state;
	write_few();
	bytes = slurp(&n);
	for (size_t cut = 0; cut < n; cut++) {
		spill(bytes, cut);
		assert_int_equal(sp_people_open(test_path, getuid(), &p), SP_ERR_FORMAT);
		spill(bytes, n);
		assert_int_equal(sp_people_open(test_path, getuid(), &p), 0);
		assert_int_equal(truncate(test_path, (off_t)cut), 0);
		ask_all(&p, "cut at", cut);
		sp_people_close(&p);
	}
	bytes[n] = 0;
	spill(bytes, n + 1);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), SP_ERR_FORMAT);
	free(bytes);
}

static void
test_every_bit(void **state)
{
	struct sp_people p;
	uint8_t *bytes, changed;
	unsigned opened = 0;
	size_t n;
	int fd, r;

	(void)state;
	write_few();
	bytes = slurp(&n);
	fd = open(test_path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		changed = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
		assert_int_equal(pwrite(fd, &changed, 1, (off_t)(bit / 8)), 1);
		r = sp_people_open(test_path, getuid(), &p);
		assert_int_equal(r, bit / 8 < SP_PEOPLE_HEADER_LEN ? SP_ERR_FORMAT : 0);
		if (r == 0) {
			opened++;
			ask_all(&p, "bit", bit);
			sp_people_close(&p);
		}
		assert_int_equal(pwrite(fd, bytes + bit / 8, 1, (off_t)(bit / 8)), 1);
	}
	assert_true(opened > 0);
	(void)close(fd);
	free(bytes);
}

/* Where somebody's record is, by the table of ids. */
static uint8_t *
record_of(uint8_t *bytes, uint32_t id)
{
	uint32_t slots = (uint32_t)resum_get(bytes + 28, 4);

	for (uint32_t i = 0; i < slots + SP_PEOPLE_PROBES; i++) {
		uint8_t *s = bytes + sp_people_table_at(slots, 1) + (size_t)i * SP_PEOPLE_SLOT_LEN;

		if (resum_get(s + 8, 8) != 0 && resum_get(s, 4) == id)
			return bytes + resum_get(s + 8, 8);
	}
	fail();
	return NULL;
}

/* One change to a good table, with sums that are right: 0 it opens, by_name and the list of name are what is said. */
static void
forged(size_t at, uint32_t of, const void *with, size_t n, const char *name, int want_open, int want_name, int want_list)
{
	uint32_t ids[SP_PEOPLE_GROUPS_MAX];
	struct sp_people p;
	struct sp_people_entry e;
	char names[4096];
	uint8_t *bytes;
	size_t size;
	int r;

	write_few();
	bytes = slurp(&size);
	memcpy((of == 0 ? bytes : record_of(bytes, of)) + at, with, n);
	resum(bytes, size);
	spill(bytes, size);
	free(bytes);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), want_open);
	if (want_open != 0)
		return;
	assert_int_equal(sp_people_by_name(&p, name, &e), want_name);
	if (want_name == 0) {
		r = e.kind == SP_PEOPLE_PERSON ? sp_people_groups(&p, &e, ids) : sp_people_members(&p, &e, names);
		assert_int_equal(r, want_list);
	}
	sp_people_close(&p);
}

#define FORGED_HEADER(at, with) forged(at, 0, with, sizeof(with) - 1, "", SP_ERR_FORMAT, 0, 0)
#define FORGED_RECORD(at, of, with, name) forged(at, of, with, sizeof(with) - 1, name, 0, SP_ERR_FORMAT, 0)
#define FORGED_LIST(at, of, with, name) forged(at, of, with, sizeof(with) - 1, name, 0, 0, SP_ERR_FORMAT)

/* alice's list is of 4 bytes behind the fields, "alice" "Alice Ångström" "/home/alice" "/bin/sp", each with a NUL. */
#define ALICE_FULL (SP_PEOPLE_RECORD_LEN + 6)
#define ALICE_LIST (ALICE_FULL + 17 + 12 + 8)
#define ENG_LIST (SP_PEOPLE_RECORD_LEN + 4 + 1 + 1 + 1)

static void
test_forged(void **state)
{
	(void)state;
	forged(0, 200001, "", 0, "alice", 0, 0, 0); /* nothing changed */
	FORGED_HEADER(0, "X");
	FORGED_HEADER(8, "\0\0\0\2");			    /* version */
	FORGED_HEADER(12, "\0\0\0\2");			    /* flags */
	FORGED_HEADER(16, "\0\0\0\0");			    /* from uid 0 on */
	FORGED_HEADER(16, "\0\0\x03\xe8");		    /* from uid 1000 on */
	FORGED_HEADER(20, "\xff\xff\xff\xff");		    /* to any uid */
	FORGED_HEADER(24, "\xff\xff\xff\xff");		    /* entries */
	FORGED_HEADER(24, "\0\0\0\x41");		    /* more than slots */
	FORGED_HEADER(28, "\0\0\0\0");			    /* slots */
	FORGED_HEADER(24, "\0\0\0\0\0\0\0\0");	    /* nobody, and no slots */
	FORGED_HEADER(28, "\0\0\0\x3f");		    /* no power of two */
	FORGED_HEADER(28, "\0\x80\0\0");		    /* a table that is longer than the file */
	FORGED_HEADER(28, "\x80\0\0\0");
	FORGED_HEADER(32, "\0\0\0\0\0\0\xff\xff");	    /* size */
	FORGED_RECORD(0, 200001, "\0\0\0\3", "alice");	    /* kind */
	FORGED_RECORD(0, 200100, "\0\0\0\3", "eng");
	FORGED_RECORD(14, 200001, "\0\6", "alice");	    /* a shell without its end */
	FORGED_RECORD(16, 299999, "\0\0\4\0\0\0\x10\0", "bob"); /* a list beyond the file */
	FORGED_RECORD(4, 200001, "\0\0\0\0", "alice");	    /* uid 0 */
	FORGED_RECORD(4, 200001, "\0\0\x03\xe8", "alice");  /* uid 1000 */
	FORGED_RECORD(4, 200100, "\0\0\0\x1b", "eng");	    /* gid 27, sudo's */
	FORGED_RECORD(8, 200001, "\0\x09", "alice");	    /* a name that ends elsewhere */
	FORGED_RECORD(8, 200001, "\xff\xff", "alice");	    /* beyond everything */
	FORGED_RECORD(14, 299999, "\xff\xff", "bob");
	FORGED_RECORD(ALICE_FULL, 200001, "\n", "alice");	    /* a second line of passwd(5) */
	FORGED_RECORD(ALICE_FULL, 200001, ":", "alice");
	FORGED_RECORD(ALICE_FULL + 17, 200001, "h", "alice");	    /* a home that is no path */
	FORGED_RECORD(ALICE_FULL + 17 + 12, 200001, "h", "alice");  /* nor is the shell */
	FORGED_RECORD(0, 200001, "\0\0\0\2", "alice");	    /* a group with a home */
	FORGED_RECORD(16, 200001, "\0\0\0\2", "alice");	    /* more groups than there is list */
	FORGED_RECORD(16, 200001, "\xff\xff\xff\xff", "alice");
	FORGED_RECORD(16, 200001, "\x40\0\0\1", "alice");   /* times 4 is 4 again */
	FORGED_RECORD(20, 299999, "\xff\xff\xff\xff", "bob"); /* beyond the file */
	FORGED_RECORD(16, 200100, "\0\0\0\6", "eng");	    /* more members than there can be in 10 bytes */
	FORGED_RECORD(16, 200100, "\0\0\0\0", "eng");	    /* fewer */
	FORGED_LIST(16, 200100, "\0\0\0\1", "eng");
	FORGED_LIST(16, 200100, "\0\0\0\3", "eng");
	FORGED_LIST(ALICE_LIST, 200001, "\0\0\0\x1b", "alice"); /* in group 27 */
	FORGED_LIST(ALICE_LIST, 200001, "\0\0\0\0", "alice");
	FORGED_LIST(ENG_LIST, 200100, "r oot", "eng");
	FORGED_LIST(ENG_LIST + 5, 200100, "x", "eng");
	FORGED_LIST(ENG_LIST + 9, 200100, "x", "eng"); /* the last one has no end */
}

/* A name under which another record is found, and an id. */
static void
test_forged_slots(void **state)
{
	struct sp_people p;
	struct sp_people_entry e;
	uint8_t *bytes, *s;
	uint32_t slots;
	size_t size;

	(void)state;
	write_few();
	bytes = slurp(&size);
	slots = (uint32_t)resum_get(bytes + 28, 4);
	for (unsigned t = 0; t < 2; t++)
		for (uint32_t i = 0; i < slots + SP_PEOPLE_PROBES; i++) {
			s = bytes + sp_people_table_at(slots, t) + (size_t)i * SP_PEOPLE_SLOT_LEN;
			if (resum_get(s + 8, 8) != 0)
				resum_put(s + 8, 8, (uint64_t)(record_of(bytes, 299999) - bytes));
			if (t == 0 && resum_get(s, 4) == 0)
				resum_put(s + 8, 8, 1); /* and no free slot */
		}
	resum(bytes, size);
	spill(bytes, size);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), 0);
	assert_int_equal(sp_people_by_name(&p, "alice", &e), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_by_id(&p, 200001, &e), SP_ERR_FORMAT);
	assert_int_equal(sp_people_by_name(&p, "carol", &e), SP_ERR_NOT_FOUND);
	sp_people_close(&p);
	for (uint64_t at = 0; at < 3; at++) { /* into the tables, at the end, far beyond */
		static const uint64_t nowhere[] = { 8, 0, UINT64_MAX - 8 };

		for (uint32_t i = 0; i < slots + SP_PEOPLE_PROBES; i++) {
			s = bytes + sp_people_table_at(slots, 0) + (size_t)i * SP_PEOPLE_SLOT_LEN;
			resum_put(s + 8, 8, at == 1 ? size : nowhere[at]);
		}
		resum(bytes, size);
		spill(bytes, size);
		assert_int_equal(sp_people_open(test_path, getuid(), &p), 0);
		assert_int_equal(sp_people_by_name(&p, "alice", &e), SP_ERR_FORMAT);
		sp_people_close(&p);
	}
	free(bytes);
}

/* A record that says it is longer than any, in a file that is longer still. */
static void
test_forged_length(void **state)
{
	struct sp_people_put *w;
	struct sp_people p;
	struct sp_people_entry e;
	uint8_t *bytes;
	size_t size;
	char name[32];

	(void)state;
	assert_int_equal(sp_people_put_new(200000, 299999, false, &w), 0);
	for (uint32_t i = 0; i < 2000; i++) {
		const struct sp_people_put_person one = { name, "Some Body", "/home/x", "/s", 200000 + i, NULL, 0, NULL };

		(void)snprintf(name, sizeof(name), "user%u", i);
		assert_int_equal(sp_people_put_person(w, &one), 0);
	}
	assert_int_equal(sp_people_put_write(w, test_path), 0);
	sp_people_put_free(w);
	for (size_t field = 8; field < 16; field += 2) {
		bytes = slurp(&size);
		assert_true(size < SLURP);
		memset(record_of(bytes, 200000) + field, 0xff, 2);
		resum(bytes, size);
		spill(bytes, size);
		free(bytes);
		assert_int_equal(sp_people_open(test_path, getuid(), &p), 0);
		assert_int_equal(sp_people_by_id(&p, 200000, &e), SP_ERR_FORMAT);
		sp_people_close(&p);
		bytes = slurp(&size);
		memset(record_of(bytes, 200000) + field, 0, 2);
		spill(bytes, size);
		free(bytes);
	}
}

static void
test_files_not_to_be_believed(void **state)
{
	struct sp_people p;
	char other[80];

	(void)state;
	write_few();
	assert_int_equal(sp_people_open(test_path, getuid() + 1, &p), SP_ERR_DENIED);
	assert_int_equal(chmod(test_path, 0664), 0);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), SP_ERR_DENIED);
	assert_int_equal(chmod(test_path, 0646), 0);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), SP_ERR_DENIED);
	assert_int_equal(chmod(test_path, 0644), 0);
	(void)snprintf(other, sizeof(other), "%s.other", test_path);
	assert_int_equal(rename(test_path, other), 0);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), SP_ERR_NOT_FOUND);
	assert_int_equal(symlink(other, test_path), 0);
	assert_int_equal(sp_people_open(test_path, getuid(), &p), SP_ERR_DENIED);
	(void)unlink(test_path);
	(void)unlink(other);
	assert_int_equal(mkfifo(test_path, 0644), 0); /* nobody writes: it must not wait */
	assert_int_equal(sp_people_open(test_path, getuid(), &p), SP_ERR_DENIED);
	(void)unlink(test_path);
}

/* A lookup reads a header, a few slots and a record, however many there are. */
static void
test_many(void **state)
{
	struct sp_people_put *w;
	struct sp_people p;
	struct sp_people_entry e;
	unsigned most = 0, all = 0;
	uint32_t group = 200000;
	char name[32];

	(void)state;
	assert_int_equal(sp_people_put_new(200000, 299999, false, &w), 0);
	assert_int_equal(sp_people_put_group(w, "everybody", group), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		const struct sp_people_put_person one = { name, "Some Body", "/home/x", "/s", 200001 + i, &group, 1, NULL };

		(void)snprintf(name, sizeof(name), "user%u", i);
		assert_int_equal(sp_people_put_person(w, &one), 0);
	}
	assert_int_equal(sp_people_put_write(w, test_path), 0);
	sp_people_put_free(w);
	for (uint32_t i = 0; i < MANY; i++) {
		(void)snprintf(name, sizeof(name), "user%u", i);
		preads = 0;
		assert_int_equal(sp_people_open(test_path, getuid(), &p), 0);
		assert_int_equal(i % 2 == 0 ? sp_people_by_name(&p, name, &e) : sp_people_by_id(&p, 200001 + i, &e), 0);
		assert_int_equal(e.id, 200001 + i);
		assert_string_equal(e.name, name);
		sp_people_close(&p);
		most = preads > most ? preads : most;
		all += preads;
	}
	assert_true(most <= 2 + SP_PEOPLE_PROBES / PEOPLE_SLOTS_READ);
	assert_true(all < MANY * 33 / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_written_is_read),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_writer_refuses),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_forged_slots),
		cmocka_unit_test(test_forged_length),
		cmocka_unit_test(test_files_not_to_be_believed),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
