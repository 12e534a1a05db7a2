/* SPDX-License-Identifier: Apache-2.0 */
/* Which accounts of a passwd and a group file may be run as. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session-agent/account.h"

static char passwd[] = "/tmp/sallyport-passwd-XXXXXX", group[] = "/tmp/sallyport-group-XXXXXX";

static const char people[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "toor:x:0:900:root:/root:/bin/bash\n"
			     "games:x:5:60:games:/usr/games:/usr/sbin/nologin\n"
			     "deploy:x:900:900::/srv/deploy:/usr/sbin/nologin\n"
			     "builder:x:901:901::/srv/build:/usr/sbin/nologin\n"
			     "first:x:902:0::/:/usr/sbin/nologin\n"
			     "keeper:x:903:42::/:/usr/sbin/nologin\n"
			     "sallyport-shell:x:990:990::/:/usr/sbin/nologin\n"
			     "alias:x:990:905::/:/usr/sbin/nologin\n"
			     "member:x:906:906::/:/usr/sbin/nologin\n"
			     "nouid:x:4294967295:907::/:/usr/sbin/nologin\n"
			     "many:x:908:908::/:/usr/sbin/nologin\n"
			     "+::::::\n";
static const char groups[] = "root:x:0:\nshadow:x:42:\ngames:x:60:\ndeploy:x:900:\nweb:x:950:deploy,alice\nlogs:x:951:deploy\n"
			     "docker:x:952:builder\nsallyport-admin:x:953:member\n";

static void
put(char *path, const char *text, unsigned more)
{
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	unsigned i;

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	for (i = 0; i < more; i++)
		assert_true(fprintf(f, "g%u:x:%u:many\n", i, 2000 + i) > 0);
	assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
	(void)state;
	put(passwd, people, 0);
	put(group, groups, SP_ACCOUNT_GROUPS_MAX + 1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(passwd);
	(void)unlink(group);
	return 0;
}

static int
find(const char *name, bool may_be_privileged, struct sp_account *a)
{
	const char *message = NULL;
	int r;

	memset(a, 0x5a, sizeof(*a));
	r = sp_account_find(passwd, group, name, may_be_privileged, a, &message);
	assert_non_null(message);
	assert_int_equal(r == 0, message[0] == '\0');
	if (r != 0)
		assert_int_equal(a->uid, 0x5a5a5a5a); /* untouched */
	return r;
}

static void
test_found(void **state)
{
	struct sp_account a;

	(void)state;
	assert_int_equal(find("deploy", false, &a), 0);
	assert_string_equal(a.name, "deploy");
	assert_string_equal(a.home, "/srv/deploy");
	assert_int_equal(a.uid, 900);
	assert_int_equal(a.gid, 900);
	assert_int_equal(a.ngroups, 2);
	assert_int_equal(a.groups[0], 950);
	assert_int_equal(a.groups[1], 951);
	assert_int_equal(find("nobody-here", true, &a), SP_ERR_NOT_FOUND);
	assert_int_equal(find("", true, &a), SP_ERR_NOT_FOUND);
	assert_int_equal(find("many", true, &a), SP_ERR_LIMIT);
}

/* Had only by those who say so. */
static void
test_privileged(void **state)
{
	static const char *const names[] = { "root", "toor", "games", "builder", "first", "keeper" };
	struct sp_account a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(find(names[i], false, &a), SP_ERR_DENIED);
		assert_int_equal(find(names[i], true, &a), 0);
		assert_string_equal(a.name, names[i]);
	}
}

static void
test_never(void **state)
{
	static const char *const names[] = { "sallyport-shell", "alias", "member", "nouid" };
	struct sp_account a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_not_equal(find(names[i], true, &a), 0);
}

static void
test_unreadable(void **state)
{
	const char *message = NULL;
	struct sp_account a;

	(void)state;
	assert_int_equal(sp_account_find("/nonexistent/passwd", group, "deploy", false, &a, &message), SP_ERR_SYSTEM);
	assert_int_equal(sp_account_find(passwd, "/nonexistent/group", "deploy", false, &a, &message), SP_ERR_SYSTEM);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_privileged),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
