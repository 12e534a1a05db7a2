/* SPDX-License-Identifier: Apache-2.0 */
/* identity/revocations.h: the list as it is now is asked, and where it cannot be read nobody is verified. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity/revocations.h"
#include "policy/revoked.h"

#define NOW 1000

static char dir[64], path[128], beside[128];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/sp-revocations-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/" SP_REVOKED_FILE, dir);
	(void)snprintf(beside, sizeof(beside), "%s/" SP_REVOKED_FILE ".new", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

/* As sallyportd does it. */
static void
put(const char *text)
{
	FILE *f = fopen(beside, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(beside, path), 0);
}

static void
put_person(const char *who)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "{\"version\":1,\"revoked\":[{\"kind\":\"person\",\"value\":\"%s\",\"by\":\"root\",\"reason\":\"gone\",\"since\":1,\"until\":0}]}", who);
	put(text);
}

static void
test_list(void **state)
{
	json_t *alice = json_pack("{s:s,s:s,s:s}", "iss", "https://idp", "sub", "1", "user", "alice");
	struct sp_revocations *r = sp_revocations_new(dir);
	struct sp_reason why = { "" };

	(void)state;
	assert_non_null(r);
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), 0); /* nobody was ever revoked */
	put_person("alice");
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), SP_ERR_DENIED);
	assert_non_null(strstr(why.text, "revoked by root: gone"));
	put_person("blice"); /* as long as before, in the same second */
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), 0);
	put_person("alice");
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), SP_ERR_DENIED);
	put("{\"version\":1,\"revoked\":[");
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), SP_ERR_UNAVAILABLE);
	put_person("blice");
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), 0);
	assert_int_equal(chmod(path, 0666), 0); /* anybody could have written it */
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), SP_ERR_UNAVAILABLE);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), SP_ERR_UNAVAILABLE);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), 0);
	assert_int_equal(symlink(SP_REVOKED_FILE, path), 0); /* to itself */
	assert_int_equal(sp_revocations_check(r, alice, NOW, &why), SP_ERR_UNAVAILABLE);
	sp_revocations_free(r);
	json_decref(alice);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
