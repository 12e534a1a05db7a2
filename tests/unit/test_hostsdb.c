/* SPDX-License-Identifier: Apache-2.0 */
/* Whether sallyport's names come before everything that asks a server. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/hostsdb.h"

static void
test_nsswitch(void **state)
{
	static const struct {
		const char *text;
		bool is_first;
	} rows[] = {
		{ "hosts: files sallyport dns\n", true },
		{ "hosts: sallyport files dns\n", true },
		{ "hosts:sallyport", true },
		{ "passwd: files\n\thosts:\tfiles\tsallyport\tdns # remark\n", true },
		{ "hosts: files\nhosts: files sallyport\n", true },
		{ "", false },
		{ "hosts:", false },
		{ "hosts: files dns\n", false },
		{ "hosts: files dns sallyport\n", false },
		{ "hosts: dns sallyport files\n", false },
		{ "hosts: files mdns4_minimal [NOTFOUND=return] sallyport dns\n", false },
		{ "hosts: files [NOTFOUND=return] sallyport\n", false },
		{ "hosts: files [!UNAVAIL=return] sallyport\n", false },
		{ "hosts: files sallyport2 dns\n", false },
		{ "hosts: files # sallyport\n", false },
		{ "# hosts: files sallyport\n", false },
		{ "hosts: files sallyport\nhosts: files dns\n", false },
		{ "netgroup: files sallyport\n", false },
		{ "xhosts: files sallyport\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (sp_hostsdb_is_first(rows[i].text) != rows[i].is_first)
			fail_msg("%s", rows[i].text);
}

static void
test_hosts(void **state)
{
	static const char text[] = "127.0.0.1 localhost\n# 10.0.0.1 orders\n10.0.0.2\tdb1.internal  DB1 # prod\n10.0.0.3 last";

	(void)state;
	assert_true(sp_hostsdb_has_name(text, "localhost"));
	assert_true(sp_hostsdb_has_name(text, "db1"));
	assert_true(sp_hostsdb_has_name(text, "last"));
	assert_false(sp_hostsdb_has_name(text, "orders"));
	assert_false(sp_hostsdb_has_name(text, "prod"));
	assert_false(sp_hostsdb_has_name(text, "db"));
	assert_false(sp_hostsdb_has_name("", "db"));
}

static void
test_read(void **state)
{
	char path[] = "/tmp/sp-hostsdb-XXXXXX", *text = NULL;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "hosts: files", 12), 12);
	assert_int_equal(sp_hostsdb_read(path, &text), 0);
	assert_string_equal(text, "hosts: files");
	free(text);
	assert_int_equal(ftruncate(fd, (off_t)SP_HOSTSDB_FILE_MAX + 1), 0);
	assert_int_equal(sp_hostsdb_read(path, &text), SP_ERR_LIMIT);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sp_hostsdb_read(path, &text), SP_ERR_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nsswitch),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
