/* SPDX-License-Identifier: Apache-2.0 */
/* cli/people_store, cli/people_local: an id is given once, a person is issuer and subject, and nothing local is taken. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/people_import.h"
#include "cli/people_local.h"
#include "cli/people_store.h"

static char test_dir[] = "/tmp/sp-pstore-XXXXXX", database[64], table[64];
static struct sp_people_store *store;

static int
set_up(void **state)
{
	(void)state;
	if (test_dir[strlen(test_dir) - 1] == 'X' && mkdtemp(test_dir) == NULL)
		return -1;
	(void)snprintf(database, sizeof(database), "%s/people.db", test_dir);
	(void)snprintf(table, sizeof(table), "%s/people", test_dir);
	return sp_people_store_open(database, &store);
}

static int
tear_down(void **state)
{
	(void)state;
	sp_people_store_close(store);
	(void)unlink(database);
	(void)unlink(table);
	return 0;
}

static int
tear_down_all(void **state)
{
	(void)state;
	return rmdir(test_dir);
}

static uint32_t
add(const char *name, const char *sub, uint32_t id, int want)
{
	const struct sp_people_row row = { .kind = SP_PEOPLE_PERSON, .id = id, .name = name, .full = "", .home = "/home/x",
		.iss = "https://idp", .sub = sub };
	uint32_t got = 0;

	assert_int_equal(sp_people_store_begin(store), 0);
	assert_int_equal(sp_people_store_end(store, sp_people_store_add(store, &row, &got)), want);
	if (want != 0)
		assert_true(sp_people_store_error(store)[0] != '\0');
	return got;
}

static uint32_t
add_group(const char *name)
{
	const struct sp_people_row row = { .kind = SP_PEOPLE_GROUP, .name = name, .full = "", .home = "", .iss = "", .sub = "" };
	uint32_t got = 0;

	assert_int_equal(sp_people_store_add(store, &row, &got), 0);
	return got;
}

static void
test_ids_are_given_once(void **state)
{
	enum sp_people_kind kind;
	uint32_t id;

	(void)state;
	assert_int_equal(add("alice", "a", 0, 0), 200000);
	assert_int_equal(add("bob", "b", 0, 0), 200001);
	assert_int_equal(add("carol", "c", 200002, 0), 200002);
	assert_int_equal(add("dan", "d", 0, 0), 200003); /* over the one that was asked for */
	(void)add("alice", "x", 0, SP_ERR_EXISTS);
	(void)add("xavier", "a", 0, SP_ERR_EXISTS); /* she is here, by another name */
	(void)add("xavier", "x", 200001, SP_ERR_EXISTS);
	(void)add("xavier", "x", 199999, SP_ERR_INVALID);
	(void)add("xavier", "x", 1000, SP_ERR_INVALID);
	(void)add("sudo", "x", 0, SP_ERR_INVALID);
	(void)add("xavier", "", 0, SP_ERR_INVALID);
	(void)add("xavier", "a\tb", 0, SP_ERR_INVALID);
	/* What failed took no id. */
	assert_int_equal(add("erin", "e", 0, 0), 200004);
	assert_int_equal(sp_people_store_set_state(store, 200004, SP_PEOPLE_REMOVED), 0);
	assert_int_equal(sp_people_store_find(store, "erin", &id, &kind), SP_ERR_NOT_FOUND);
	/* The last one's id is not given again, nor any by asking; the name is free, and is somebody else. */
	(void)add("xavier", "x", 200004, SP_ERR_EXISTS);
	assert_int_equal(add("erin", "e2", 0, 0), 200005);
	/* The same person again is who they were, whatever they are called now. */
	(void)add("erin-old", "e", 200010, SP_ERR_EXISTS);
	assert_int_equal(add("erin-old", "e", 0, 0), 200004);
}

/* 200001 to 200004 are the machine's own. */
static uint32_t
avoid(uint32_t id, void *ctx)
{
	const bool *is_unknown = ctx;

	return *is_unknown ? 0 : id >= 200001 && id <= 200004 ? 200005 : id;
}

static void
test_ids_of_the_machine(void **state)
{
	bool is_unknown = false;

	(void)state;
	sp_people_store_set_avoid(store, avoid, &is_unknown);
	assert_int_equal(add("alice", "a", 200005, 0), 200005);
	assert_int_equal(add("bob", "b", 0, 0), 200000);
	assert_int_equal(add("carol", "c", 0, 0), 200006);
	is_unknown = true;
	(void)add("dan", "d", 0, SP_ERR_SYSTEM);
}

static void
test_rename(void **state)
{
	enum sp_people_kind kind;
	uint32_t id;

	(void)state;
	id = add("alice", "a", 0, 0);
	(void)add("bob", "b", 0, 0);
	assert_int_equal(sp_people_store_rename(store, id, "bob"), SP_ERR_EXISTS);
	assert_int_equal(sp_people_store_rename(store, id, "root"), SP_ERR_INVALID);
	assert_int_equal(sp_people_store_rename(store, id, "alice-b"), 0);
	assert_int_equal(sp_people_store_find(store, "alice-b", &id, &kind), 0);
	assert_int_equal(id, 200000);
	assert_int_equal(sp_people_store_find(store, "alice", &id, &kind), SP_ERR_NOT_FOUND);
}

static void
test_range(void **state)
{
	(void)state;
	assert_int_equal(sp_people_store_set_range(store, 0, 100), SP_ERR_INVALID);
	assert_int_equal(sp_people_store_set_range(store, 600000, 700000), SP_ERR_INVALID);
	assert_int_equal(sp_people_store_set_range(store, 20000, 20001), 0);
	assert_int_equal(add("alice", "a", 0, 0), 20000);
	assert_int_equal(add("bob", "b", 0, 0), 20001);
	(void)add("carol", "c", 0, SP_ERR_LIMIT);
	assert_int_equal(sp_people_store_set_range(store, 30000, 40000), SP_ERR_CONFLICT);
	assert_int_equal(sp_people_store_set_range(store, 20000, 20002), 0);
	assert_int_equal(add("carol", "c", 0, 0), 20002); /* not from the beginning again */
}

static int
count_row(const struct sp_people_row *row, void *ctx)
{
	unsigned *n = ctx;

	if (strcmp(row->name, "alice") == 0)
		assert_string_equal(row->groups, "eng,ops");
	(*n)++;
	return 0;
}

static void
test_table(void **state)
{
	uint32_t alice, bob, eng, ids[SP_PEOPLE_GROUPS_MAX];
	struct sp_people p;
	struct sp_people_entry e;
	unsigned n = 0;
	char names[64];

	(void)state;
	eng = add_group("eng");
	(void)add_group("ops");
	alice = add("alice", "a", 0, 0);
	bob = add("bob", "b", 0, 0);
	assert_int_equal(sp_people_store_join(store, alice, "eng,ops,eng"), 0);
	assert_int_equal(sp_people_store_join(store, bob, "eng"), 0);
	assert_int_equal(sp_people_store_walk(store, false, count_row, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(sp_people_store_set_state(store, bob, SP_PEOPLE_DISABLED), 0);
	assert_int_equal(sp_people_store_write(store, table), 0);
	assert_int_equal(sp_people_open(table, getuid(), &p), 0);
	assert_int_equal(p.flags, 0);
	assert_int_equal(sp_people_by_name(&p, "alice", &e), 0);
	assert_int_equal(e.id, alice);
	assert_string_equal(e.shell, SP_LIBEXECDIR "/sallyport-forcecmd");
	assert_int_equal(sp_people_groups(&p, &e, ids), 0);
	assert_int_equal(e.list_count, 2);
	assert_int_equal(ids[0], eng);
	assert_int_equal(sp_people_by_name(&p, "bob", &e), 0);
	assert_string_equal(e.shell, "/usr/sbin/nologin");
	assert_int_equal(sp_people_by_name(&p, "eng", &e), 0);
	assert_int_equal(sp_people_members(&p, &e, names), 0);
	assert_memory_equal(names, "alice\0bob", 10);
	sp_people_close(&p);
	/* Removed: nobody, and in no group. */
	assert_int_equal(sp_people_store_set_state(store, alice, SP_PEOPLE_REMOVED), 0);
	assert_int_equal(sp_people_store_set_enumerate(store, true), 0);
	assert_int_equal(sp_people_store_write(store, table), 0);
	assert_int_equal(sp_people_open(table, getuid(), &p), 0);
	assert_int_equal(p.flags, SP_PEOPLE_ENUMERATE);
	assert_int_equal(sp_people_by_name(&p, "alice", &e), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_by_id(&p, alice, &e), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_by_name(&p, "eng", &e), 0);
	assert_int_equal(e.list_count, 1);
	sp_people_close(&p);
	assert_int_equal(sp_people_store_join(store, bob, "wheel"), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_store_join(store, bob, "bob"), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_people_store_join(store, bob, "eng,"), 0);
	assert_int_equal(sp_people_store_join(store, bob, ",eng"), SP_ERR_NOT_FOUND);
}

static unsigned imported;

static int
count_import(const struct sp_people_row *row, void *ctx)
{
	(void)ctx;
	assert_true(row->state != SP_PEOPLE_REMOVED);
	imported++;
	return 0;
}

static int
import(const char *text, unsigned *ret_line)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int r;

	assert_non_null(f);
	imported = 0;
	assert_int_equal(sp_people_store_begin(store), 0);
	r = sp_people_store_end(store, sp_people_import(store, f, count_import, NULL, ret_line));
	assert_int_equal(fclose(f), 0);
	return r;
}

#define IDP "https://idp"

static int
print_row(const struct sp_people_row *row, void *ctx)
{
	sp_people_import_print(row, ctx);
	return 0;
}

/* All of them, as they are printed. */
static void
list_is(const char *want)
{
	char text[4096] = "";
	FILE *f = fmemopen(text, sizeof(text) - 1, "w");

	assert_non_null(f);
	assert_int_equal(sp_people_store_walk(store, true, print_row, f), 0);
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, want);
}

static const char fleet[] = "200000\tgroup\teng\tactive\t\t\t\t\t\n"
			    "200001\tperson\talice\tactive\teng\t" IDP "\ta\tAlice B\t/home/alice\n"
			    "200002\tperson\tbob\tremoved\t\t" IDP "\tb\t\t/home/bob\n"
			    "200003\tperson\tbob\tdisabled\teng\t" IDP "\tb2\t\t/home/bob2\n";

static void
test_import(void **state)
{
	unsigned line = 0;

	(void)state;
	assert_int_equal(import(fleet, &line), 0);
	assert_int_equal(imported, 3);
	list_is(fleet);
	assert_int_equal(import(fleet, &line), 0); /* once more is the same */
	list_is(fleet);
	/* Who was removed there is somebody here too: no id of theirs is given. */
	assert_int_equal(add("carol", "c", 0, 0), 200004);
	(void)add("dan", "d", 200002, SP_ERR_EXISTS);
	/* Names that have changed hands; somebody who is not among them stays. */
	assert_int_equal(import("200001\tperson\tbob\tactive\t\t" IDP "\ta\t\t/home/alice\n"
				"200003\tperson\talice\tactive\t\t" IDP "\tb2\t\t/home/bob2\n", &line), 0);
	list_is("200000\tgroup\teng\tactive\t\t\t\t\t\n200001\tperson\tbob\tactive\t\t" IDP "\ta\t\t/home/alice\n"
		"200002\tperson\tbob\tremoved\t\t" IDP "\tb\t\t/home/bob\n"
		"200003\tperson\talice\tactive\t\t" IDP "\tb2\t\t/home/bob2\n"
		"200004\tperson\tcarol\tactive\t\t" IDP "\tc\t\t/home/x\n");
}

/* All or nothing, and the line that it was. */
static void
test_import_refuses(void **state)
{
	static const struct {
		const char *text;
		int want;
		unsigned line;
	} cases[] = {
		/* An id that is another's, or was; a person with another one; a name of somebody who is not among them. */
		{ "200001\tperson\tzoe\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_EXISTS, 1 },
		{ "200002\tperson\tzoe\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_EXISTS, 1 },
		{ "200001\tgroup\tzoe\tactive\t\t\t\t\t\n", SP_ERR_EXISTS, 1 },
		{ "200009\tperson\tzoe\tactive\t\t" IDP "\ta\t\t/h\n", SP_ERR_EXISTS, 1 },
		{ "200009\tperson\talice\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_EXISTS, 1 },
		{ "200008\tperson\tyan\tactive\t\t" IDP "\ty\t\t/h\n200009\tperson\tyan\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_EXISTS, 2 },
		{ "200008\tperson\tyan\tactive\t\t" IDP "\ty\t\t/h\n1000\tperson\tzoe\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_INVALID, 2 },
		{ "200009\tperson\troot\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_INVALID, 1 },
		{ "200009\tperson\troot\tremoved\t\t" IDP "\tz\t\t/h\n", SP_ERR_INVALID, 1 },
		{ "200009\tperson\tzoe\tactive\t\t\tz\t\t/h\n", SP_ERR_INVALID, 1 },
		{ "200009\tperson\tzoe\tactive\t\t" IDP "\tz\t\th\n", SP_ERR_INVALID, 1 },
		{ "200009\tperson\tzoe\tactive\twheel\t" IDP "\tz\t\t/h\n", SP_ERR_NOT_FOUND, 1 },
		{ "200009\tperson\tzoe\tactive\t\t" IDP "\tz\t\n", SP_ERR_FORMAT, 1 },
		{ "200009\tperson\tzoe\tactive\t\t" IDP "\tz\t\t/h\tx\n", SP_ERR_FORMAT, 1 },
		{ "200009\tnobody\tzoe\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_FORMAT, 1 },
		{ "200009\tperson\tzoe\tgone\t\t" IDP "\tz\t\t/h\n", SP_ERR_FORMAT, 1 },
		{ "-1\tperson\tzoe\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_FORMAT, 1 },
		{ "0\tperson\tzoe\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_FORMAT, 1 },
		{ "4295167305\tperson\tzoe\tactive\t\t" IDP "\tz\t\t/h\n", SP_ERR_FORMAT, 1 },
		{ "\n", SP_ERR_FORMAT, 1 },
	};
	unsigned line = 0;

	(void)state;
	assert_int_equal(import(fleet, &line), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = import(cases[i].text, &line);

		if (r != cases[i].want || line != cases[i].line)
			fail_msg("case %zu: %d in line %u: %s", i, r, line, sp_people_store_error(store));
		list_is(fleet);
	}
}

/* Nobody else's database is opened. */
static void
test_database_is_ours(void **state)
{
	struct sp_people_store *other;

	(void)state;
	assert_int_equal(chmod(database, 0640), 0);
	assert_int_equal(sp_people_store_open(database, &other), SP_ERR_DENIED);
	sp_people_store_close(other);
	assert_int_equal(chmod(database, 0600), 0);
	assert_int_equal(sp_people_store_open(database, &other), 0);
	sp_people_store_close(other);
}

static void
put_file(const char *name, const char *text)
{
	char path[96];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", test_dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
test_what_is_local(void **state)
{
	static const struct {
		const char *name;
		uint32_t id;
		int want;
	} cases[] = { { "dave", 200000, 0 }, { "local", 200000, SP_ERR_EXISTS }, { "crew", 200000, SP_ERR_EXISTS },
		{ "loca", 200000, 0 }, { "locals", 200000, 0 }, { "dave", 204000, SP_ERR_EXISTS },
		{ "dave", 205000, SP_ERR_EXISTS }, { "dave", 231071, SP_ERR_EXISTS }, { "dave", 231072, 0 },
		{ "dave", 165535, 0 }, { "dave", 165536, SP_ERR_EXISTS }, { "dave", 250001, SP_ERR_EXISTS } };
	static const char *const files[] = { "passwd", "group", "subuid", "subgid" };
	char why[256], path[96];
	uint32_t after = 0;

	(void)state;
	assert_int_equal(sp_people_local_check(test_dir, "dave", 200000, why, sizeof(why), &after), 0); /* no files, nobody */
	put_file("passwd", "root:x:0:0::/root:/bin/sh\nlocal:x:204000:100::/home/l:/bin/sh\n");
	put_file("group", "crew:x:205000:local\n");
	put_file("subuid", "local:300000:65536\n");
	put_file("subgid", "local:250001:1\nbroken\nmore:x:y\n");
	assert_int_equal(sp_people_local_check(test_dir, "dave", 365535, why, sizeof(why), &after), SP_ERR_EXISTS);
	assert_int_equal(after, 365536);
	put_file("subuid", "local:206000:25072\nother:165536:1");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (sp_people_local_check(test_dir, cases[i].name, cases[i].id, why, sizeof(why), &after) != cases[i].want)
			fail_msg("%s %u", cases[i].name, cases[i].id);
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", test_dir, files[i]);
		(void)unlink(path);
	}
}

static void
test_home(void **state)
{
	char home[96], why[256];
	struct stat st;

	(void)state;
	(void)snprintf(home, sizeof(home), "%s/home", test_dir);
	assert_int_equal(sp_people_local_home(home, getuid(), why, sizeof(why)), 0);
	assert_int_equal(stat(home, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(chmod(home, 0750), 0);
	assert_int_equal(sp_people_local_home(home, getuid(), why, sizeof(why)), 0);
	assert_int_equal(stat(home, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750); /* as it was */
	/* Somebody else's. */
	assert_int_equal(sp_people_local_home(home, getuid() + 1, why, sizeof(why)), SP_ERR_EXISTS);
	assert_int_equal(rmdir(home), 0);
	assert_int_equal(symlink("/tmp", home), 0);
	assert_int_equal(sp_people_local_home(home, getuid(), why, sizeof(why)), SP_ERR_EXISTS);
	assert_int_equal(unlink(home), 0);
	(void)snprintf(home, sizeof(home), "%s/no/home", test_dir);
	assert_int_equal(sp_people_local_home(home, getuid(), why, sizeof(why)), SP_ERR_SYSTEM);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ids_are_given_once),
		TEST(test_ids_of_the_machine),
		TEST(test_rename),
		TEST(test_range),
		TEST(test_table),
		TEST(test_import),
		TEST(test_import_refuses),
		TEST(test_database_is_ours),
		TEST(test_what_is_local),
		TEST(test_home),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down_all);
}
