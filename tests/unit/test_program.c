/* SPDX-License-Identifier: Apache-2.0 */
/* Script lines as the kernel reads them; paths as the kernel follows them, and who could change what they mean. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/program.h"

static void
test_shebang(void **state)
{
	static const struct {
		const char *line, *name, *arg; /* name NULL: no such line */
	} rows[] = {
		{ "#!/bin/sh\n", "/bin/sh", "" },
		{ "#!/bin/sh", "/bin/sh", "" },
		{ "#! /bin/sh -e \t\nrest", "/bin/sh", "-e" },
		{ "#!\t/usr/bin/env  -S a b\n", "/usr/bin/env", "-S a b" },
		{ "#!/bin/sh\t-x\n", "/bin/sh", "-x" },
		{ "#!/bin/sh\r\n", "/bin/sh\r", "" },
		{ "#!x\n", "x", "" },
		{ "#!\n", NULL, NULL },
		{ "#!  \t \n/bin/sh", NULL, NULL },
		{ "#!", NULL, NULL },
		{ "# !/bin/sh\n", NULL, NULL },
		{ "", NULL, NULL },
	};
	char head[SP_PROGRAM_HEAD], name[SP_PROGRAM_HEAD], arg[SP_PROGRAM_HEAD];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(head, 0, sizeof(head));
		memcpy(head, rows[i].line, strlen(rows[i].line));
		assert_int_equal(sp_program_shebang(head, name, arg), rows[i].name != NULL);
		if (rows[i].name != NULL) {
			assert_string_equal(name, rows[i].name);
			assert_string_equal(arg, rows[i].arg);
		}
	}
	/* A line that does not end in what is looked at. */
	memset(head, 'x', sizeof(head));
	memcpy(head, "#!/bin/sh ", 10);
	assert_false(sp_program_shebang(head, name, arg));
	head[SP_PROGRAM_HEAD - 1] = '\n';
	assert_true(sp_program_shebang(head, name, arg));
}

static char dir[] = "/tmp/sallyport-program.XXXXXX";

static const char *
in(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static struct sp_target
self(void)
{
	struct sp_target t;
	int proc = open("/proc", O_PATH | O_DIRECTORY);

	assert_int_equal(sp_target_open(proc, getpid(), &t), 0);
	close(proc);
	return t;
}

static void
test_resolve(void **state)
{
	struct sp_target t = self();
	struct sp_resolved r;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	fd = open(in("file"), O_WRONLY | O_CREAT, 0755);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlink("file", in("link")), 0);
	assert_int_equal(symlink("loop", in("loop")), 0);
	assert_int_equal(symlink("/usr/bin/../bin/env", in("env")), 0);
	assert_int_equal(mkdir(in("sub"), 0755), 0);

	assert_int_equal(sp_resolve(&t, -1, in("sub/.././link"), false, &r), 0);
	assert_string_equal(r.path, in("file"));
	assert_false(r.is_steady || r.is_steady_file || r.is_gone); /* /tmp is everybody's */
	sp_resolved_clear(&r);

	assert_int_equal(sp_resolve(&t, -1, in("env"), false, &r), 0);
	assert_true(r.is_steady_file); /* the file is root's to change, what this name means is not */
	assert_false(r.is_steady);
	sp_resolved_clear(&r);
	assert_int_equal(sp_resolve(&t, -1, "/usr/bin/env", false, &r), 0);
	assert_true(r.is_steady && r.is_steady_file);
	sp_resolved_clear(&r);

	assert_int_equal(sp_resolve(&t, -1, in("loop"), false, &r), ELOOP);
	assert_int_equal(sp_resolve(&t, -1, in("link"), true, &r), ELOOP);
	assert_int_equal(sp_resolve(&t, -1, in("nothing"), false, &r), ENOENT);
	assert_int_equal(sp_resolve(&t, -1, in("file/x"), false, &r), ENOTDIR);
	assert_int_equal(sp_resolve(&t, -1, "/proc/self/exe", false, &r), 0);
	assert_false(r.is_steady);
	sp_resolved_clear(&r);

	fd = open(in("file"), O_RDONLY);
	assert_int_equal(unlink(in("file")), 0);
	assert_int_equal(sp_resolve(&t, fd, "", false, &r), 0);
	assert_true(r.is_gone);
	sp_resolved_clear(&r);
	close(fd);
	sp_target_close(&t);
	unlink(in("link"));
	unlink(in("loop"));
	unlink(in("env"));
	rmdir(in("sub"));
	rmdir(dir);
}

static void
test_words(void **state)
{
	const char *words[] = { "a", "", "c d", NULL };
	const char *none[] = { NULL };
	struct sp_target t = self();
	struct sp_words w;
	char text[8];

	(void)state;
	assert_int_equal(sp_target_words(&t, (uint64_t)(uintptr_t)words, &w), 0);
	assert_int_equal(w.n, 3);
	assert_int_equal(w.len, 7);
	assert_memory_equal(w.bytes, "a\0\0c d\0", 7);
	sp_words_clear(&w);
	assert_int_equal(sp_target_words(&t, (uint64_t)(uintptr_t)none, &w), EINVAL);
	assert_int_equal(sp_target_words(&t, 0, &w), EFAULT);
	assert_int_equal(sp_target_words(&t, 16, &w), EFAULT);
	assert_int_equal(sp_target_string(&t, (uint64_t)(uintptr_t) "1234567", text, sizeof(text)), 0);
	assert_int_equal(sp_target_string(&t, (uint64_t)(uintptr_t) "12345678", text, sizeof(text)), ENAMETOOLONG);
	sp_target_close(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_shebang), cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_words) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
