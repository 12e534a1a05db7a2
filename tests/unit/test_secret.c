/* SPDX-License-Identifier: Apache-2.0 */
/* lib/secret.h: what keeps a credential out of swap, core dumps, children, its neighbours and freed memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/secret.h"

/* What lib/secret.c gives back to the kernel: were the watched bytes still there? */
static const volatile uint8_t *watched;
static int watched_at_unmap = -1;

int
munmap(void *p, size_t n)
{
	const volatile uint8_t *from = p;

	if (watched != NULL && watched >= from && watched < from + n) {
		watched_at_unmap = *watched;
		watched = NULL;
	}
	return (int)syscall(SYS_munmap, p, n);
}

static void
test_secret(void **state)
{
	struct sp_secret *s, *t;
	int pipefd[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(sp_secret_new("hunter2", 7, &s), 0);
	assert_int_equal(sp_secret_len(s), 7);
	assert_string_equal((const char *)sp_secret_data(s), "hunter2");
	assert_true(sp_secret_equal(s, "hunter2", 7));
	assert_false(sp_secret_equal(s, "hunter3", 7));
	assert_false(sp_secret_equal(s, "gunter2", 7));
	assert_false(sp_secret_equal(s, "hunter", 6));
	/* A child sees zeros. */
	pid = fork();
	if (pid == 0)
		_exit(sp_secret_data(s)[0] == 0 ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	sp_secret_free(s);
	sp_secret_free(NULL);
	assert_int_equal(sp_secret_random(32, &s), 0);
	assert_int_equal(sp_secret_random(32, &t), 0);
	assert_false(sp_secret_equal(s, sp_secret_data(t), 32));
	sp_secret_free(s);
	sp_secret_free(t);
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(write(pipefd[1], "pass\n\n", 6), 6);
	(void)close(pipefd[1]);
	assert_int_equal(sp_secret_read(pipefd[0], &s), 0);
	assert_true(sp_secret_equal(s, "pass\n", 5));
	sp_secret_free(s);
	(void)close(pipefd[0]);
	assert_int_equal(sp_secret_read(pipefd[0], &s), SP_ERR_SYSTEM);
}

static void
test_secret_limit(void **state)
{
	char *big = malloc(SP_SECRET_MAX + 1);
	struct sp_secret *s;
	FILE *f = tmpfile();

	(void)state;
	assert_non_null(big);
	assert_non_null(f);
	memset(big, 'x', SP_SECRET_MAX + 1);
	assert_int_equal(sp_secret_new(big, SP_SECRET_MAX + 1, &s), SP_ERR_LIMIT);
	assert_int_equal(sp_secret_new(big, SP_SECRET_MAX, &s), 0);
	sp_secret_free(s);
	assert_int_equal(fwrite(big, 1, SP_SECRET_MAX + 1, f), SP_SECRET_MAX + 1);
	rewind(f);
	assert_int_equal(sp_secret_read(fileno(f), &s), SP_ERR_LIMIT);
	(void)fclose(f);
	free(big);
}

/* Is the page of p what the kernel calls so (proc(5), smaps VmFlags)? */
static bool
is_page(const void *p, const char *flag)
{
	unsigned long lo = 0, hi = 0, at = (unsigned long)p;
	char line[512];
	bool found = false, here = false;
	FILE *f = fopen("/proc/self/smaps", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *end;
		unsigned long a = strtoul(line, &end, 16);

		if (*end == '-') {
			lo = a;
			hi = strtoul(end + 1, NULL, 16);
			here = at >= lo && at < hi;
		} else if (here && strncmp(line, "VmFlags:", 8) == 0) {
			found = strstr(line, flag) != NULL;
		}
	}
	(void)fclose(f);
	return found;
}

static void
test_pages(void **state)
{
	struct sp_secret *s;

	(void)state;
	assert_int_equal(sp_secret_new("hunter2", 7, &s), 0);
	assert_true(is_page(sp_secret_data(s), " rd"));
#ifndef __SANITIZE_ADDRESS__ /* which leaves mlock out */
	assert_true(is_page(sp_secret_data(s), " lo")); /* never in swap */
#endif
	assert_true(is_page(sp_secret_data(s), " dd")); /* nor in a core dump */
	assert_true(is_page(sp_secret_data(s), " wf")); /* nor in a child */
	sp_secret_free(s);
}

static void
test_wiped_when_freed(void **state)
{
	struct sp_secret *s;

	(void)state;
	assert_int_equal(sp_secret_new("hunter2", 7, &s), 0);
	watched = sp_secret_data(s);
	sp_secret_free(s);
	assert_int_equal(watched_at_unmap, 0);
}

/* A read that runs past either end of the pages is the end of the process, not a leak. */
static void
test_guards(void **state)
{
	long page = sysconf(_SC_PAGESIZE);
	long reach[] = { -1, page };
	struct sp_secret *s;

	(void)state;
	assert_int_equal(sp_secret_new("hunter2", 7, &s), 0);
	for (size_t i = 0; i < 2; i++)
		assert_false(is_page(sp_secret_data(s) + reach[i], " rd"));
	sp_secret_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_secret_limit),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_wiped_when_freed),
		cmocka_unit_test(test_guards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
