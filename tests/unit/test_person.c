/* SPDX-License-Identifier: Apache-2.0 */
/* session-agent/person.h, runtime/person_id.h: a name that has come to somebody else is not theirs. */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/people_put.h"
#include "runtime/person_id.h"
#include "session-agent/person.h"

static char test_dir[] = "/tmp/sp-person-XXXXXX", test_path[64];

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

/* alice is the issuer's 1; nobody says who bob is. */
static void
write_table(void)
{
	uint8_t identity[SP_PEOPLE_IDENTITY_LEN];
	const struct sp_people_put_person alice = { "alice", "", "/h", "/s", 200001, NULL, 0, identity },
					  bob = { "bob", "", "/h", "/s", 200002, NULL, 0, NULL };
	struct sp_people_put *w;

	assert_int_equal(sp_person_id("https://idp", "1", identity), 0);
	assert_int_equal(sp_people_put_new(200000, 299999, false, &w), 0);
	assert_int_equal(sp_people_put_person(w, &alice), 0);
	assert_int_equal(sp_people_put_person(w, &bob), 0);
	assert_int_equal(sp_people_put_group(w, "eng", 200003), 0);
	assert_int_equal(sp_people_put_write(w, test_path), 0);
	sp_people_put_free(w);
}

static const char *
problem(const char *user, uid_t uid, const char *iss, const char *sub)
{
	json_t *identity = json_object();
	const char *p;

	assert_non_null(identity);
	if (iss != NULL)
		assert_int_equal(json_object_set_new(identity, "iss", json_string(iss)), 0);
	if (sub != NULL)
		assert_int_equal(json_object_set_new(identity, "sub", json_string(sub)), 0);
	p = sp_person_problem(test_path, getuid(), user, uid, identity);
	json_decref(identity);
	return p;
}

static void
test_identity(void **state)
{
	uint8_t a[SP_PEOPLE_IDENTITY_LEN], b[SP_PEOPLE_IDENTITY_LEN];

	(void)state;
	assert_int_equal(sp_person_id("https://idp", "1", a), 0);
	assert_int_equal(sp_person_id("https://idp1", "", b), SP_ERR_INVALID);
	assert_int_equal(sp_person_id("", "1", b), SP_ERR_INVALID);
	assert_int_equal(sp_person_id(NULL, "1", b), SP_ERR_INVALID);
	assert_int_equal(sp_person_id("https://idp", NULL, b), SP_ERR_INVALID);
	/* printf 'https://idp\0001\000' | sha256sum */
	assert_int_equal(a[0], 0xca);
	assert_int_equal(a[31], 0x96);
	assert_int_equal(sp_person_id("https://idp", "11", a), 0);
	assert_int_equal(sp_person_id("https://idp1", "1", b), 0);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void
test_same_person(void **state)
{
	(void)state;
	write_table();
	assert_null(problem("alice", 200001, "https://idp", "1"));
	assert_null(problem("bob", 200002, "https://idp", "5"));
	assert_null(problem("carol", 200009, "https://idp", "5")); /* another source's */
	assert_null(problem("eng", 200003, "https://idp", "5"));
	assert_null(problem("alice", 200004, "https://idp", "5")); /* another source's alice */
	assert_null(problem("alice", 1000, "https://idp", "5"));   /* the machine's own */
}

static void
test_another_person(void **state)
{
	(void)state;
	write_table();
	assert_non_null(problem("alice", 200001, "https://idp", "2"));
	assert_non_null(problem("alice", 200001, "https://other", "1"));
	assert_non_null(problem("alice", 200001, NULL, "1"));
	assert_non_null(problem("alice", 200001, "https://idp", NULL));
	assert_non_null(problem("alice", 200001, "https://id", "p1"));
}

/* Whoever could be of the table waits until it can be read; the machine's own do not. */
static void
test_no_table(void **state)
{
	(void)state;
	write_table();
	assert_int_equal(truncate(test_path, 100), 0);
	assert_non_null(problem("alice", 200001, "https://idp", "1"));
	assert_null(problem("alice", 1000, "https://idp", "1"));
	write_table();
	assert_int_equal(chmod(test_path, 0666), 0);
	assert_non_null(problem("alice", 200001, "https://idp", "1"));
	(void)unlink(test_path);
	assert_null(problem("alice", 200001, "https://idp", "1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_same_person),
		cmocka_unit_test(test_another_person),
		cmocka_unit_test(test_no_table),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
