/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the tree that sftp clients see. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "session-agent/sftp_path.h"

static void
test_split(void **state)
{
	static const struct {
		const char *asked, *target, *path;
	} cases[] = {{ "", "", "/" }, { ".", "", "/" }, { "/", "", "/" }, { "/..", "", "/" }, { "/web1", "web1", "/" },
	    { "web1", "web1", "/" }, { "/web1/", "web1", "/" }, { "/web1/.", "web1", "/" }, { "/web1/..", "", "/" },
	    { "/web1/../web2/a", "web2", "/a" }, { "//web1//a//b", "web1", "/a//b" },
	    { "/web1/a/../../web2", "web1", "/a/../../web2" }, { "/web1/./../../web2/./x", "web2", "/x" },
	    { "/web1/~", "web1", "." }, { "/web1/~/x", "web1", "./x" }, { "/web1/~x", "web1", "/~x" },
	    { "../../web1/x", "web1", "/x" }, { "/.../x", "...", "/x" } };
	struct sp_sftp_path p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sp_sftp_path_split(cases[i].asked, strlen(cases[i].asked), "", &p), 0);
		assert_string_equal(p.target, cases[i].target);
		assert_string_equal(p.path, cases[i].path);
	}
	assert_int_equal(sp_sftp_path_split("/web1/a\nb", 9, "", &p), SP_ERR_INVALID);
	assert_int_equal(sp_sftp_path_split("/web1/a\x7f", 8, "", &p), SP_ERR_INVALID);
	assert_int_equal(sp_sftp_path_split("/web1/\0", 7, "", &p), SP_ERR_INVALID);
}

static void
test_parent(void **state)
{
	static const struct {
		const char *path, *dir, *name;
	} cases[] = {{ "/a", "/", "a" }, { "/a/b", "/a", "b" }, { "/a/b//", "/a", "b" }, { "/a//b", "/a", "b" },
	    { "./x", ".", "x" }, { "/a/../b", "/a/..", "b" }, { "/", NULL, NULL }, { "/a/..", NULL, NULL },
	    { "/a/.", NULL, NULL }, { "/a/../", NULL, NULL }, { ".", NULL, NULL } };
	char dir[SP_FILE_PATH_MAX + 3], name[SP_FILE_PATH_MAX + 1], plain[SP_FILE_PATH_MAX + 3];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sp_sftp_path_parent(cases[i].path, dir, name), cases[i].dir != NULL);
		if (cases[i].dir != NULL) {
			assert_string_equal(dir, cases[i].dir);
			assert_string_equal(name, cases[i].name);
		}
	}
	assert_true(sp_sftp_path_plain("/a/./b//../c/../../../d", plain));
	assert_string_equal(plain, "/d");
	assert_true(sp_sftp_path_plain("/..", plain));
	assert_string_equal(plain, "/");
	assert_false(sp_sftp_path_plain("./x", plain));
}

/* One target as /: nothing in a path leads to another one. */
static void
test_rooted(void **state)
{
	static const struct {
		const char *asked, *path;
	} cases[] = {{ "", "." }, { ".", "./." }, { "/", "/" }, { "/..", "/.." }, { "/web2/a", "/web2/a" }, { "a", "./a" },
	    { "../../web2", "./../../web2" }, { "/~", "/~" } };
	struct sp_sftp_path p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sp_sftp_path_split(cases[i].asked, strlen(cases[i].asked), "web1", &p), 0);
		assert_string_equal(p.target, "web1");
		assert_string_equal(p.path, cases[i].path);
	}
	assert_int_equal(sp_sftp_path_split("/a\n", 3, "web1", &p), SP_ERR_INVALID);
}

/* The longest that is taken, and one more. */
static void
test_long(void **state)
{
	char *path = malloc(SP_FILE_PATH_MAX + 2), dir[SP_FILE_PATH_MAX + 3], name[SP_FILE_PATH_MAX + 1],
	     plain[SP_FILE_PATH_MAX + 3];
	struct sp_sftp_path p;

	(void)state;
	assert_non_null(path);
	memset(path, 'a', SP_FILE_PATH_MAX + 1);
	assert_int_equal(sp_sftp_path_split(path, SP_FILE_PATH_MAX + 1, "web1", &p), SP_ERR_LIMIT);
	assert_int_equal(sp_sftp_path_split(path, SP_FILE_PATH_MAX, "", &p), SP_ERR_INVALID);
	assert_int_equal(sp_sftp_path_split(path, SP_FILE_PATH_MAX, "web1", &p), 0);
	assert_int_equal(strlen(p.path), SP_FILE_PATH_MAX + 2);
	assert_true(sp_sftp_path_parent(p.path, dir, name));
	assert_int_equal(strlen(name), SP_FILE_PATH_MAX);
	path[0] = '/';
	assert_int_equal(sp_sftp_path_split(path, SP_FILE_PATH_MAX, "web1", &p), 0);
	assert_true(sp_sftp_path_parent(p.path, dir, name));
	assert_true(sp_sftp_path_plain(p.path, plain));
	assert_string_equal(plain, p.path);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_parent),
	    cmocka_unit_test(test_rooted),
	    cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
