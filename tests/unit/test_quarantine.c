/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of refused files: who may look, what can be handed in, how much there can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session-agent/quarantine.h"

#define SESSION "01ARZ3NDEKTSV4RRFFQ69G5FAV"

static char top[] = "quarantine.XXXXXX", dir[64];

static struct sp_quarantine_about
about(uint64_t number, uint64_t size)
{
	static const uint8_t digest[32] = {0xab};

	return (struct sp_quarantine_about){.session = SESSION,
	    .user = "alice",
	    .number = number,
	    .connection = "web1",
	    .path = "/srv/a \"b\"",
	    .reason = "refused for what is in it: credit_card",
	    .is_upload = true,
	    .size = size,
	    .sha256 = {digest, sizeof(digest)}};
}

static int
setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	(void)snprintf(dir, sizeof(dir), "%s/q", top);
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command); /* NOLINT(cert-env33-c): a name of our own */
}

static int
opened(const char *text)
{
	const char *why = "";
	int fd = -1;

	assert_int_equal(sp_quarantine_open(dir, &fd, &why), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static int
keep(int fd, uint64_t number, uint64_t size)
{
	struct sp_quarantine_about a = about(number, size);
	const char *why = "";

	return sp_quarantine_keep(dir, fd, &a, &why);
}

static int
is_there(const char *name)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return lstat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void
test_kept(void **state)
{
	int fd = opened("secret");
	char path[128];
	struct stat st;
	json_t *o;

	(void)state;
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(is_there(SESSION "-7"), -1);
	assert_int_equal(keep(fd, 7, 6), 0);
	assert_int_equal(is_there(SESSION "-7"), 0600);
	assert_int_equal(is_there(SESSION "-7.json"), 0600);
	(void)snprintf(path, sizeof(path), "%s/" SESSION "-7.json", dir);
	o = json_load_file(path, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "path")), "/srv/a \"b\"");
	assert_string_equal(json_string_value(json_object_get(o, "user")), "alice");
	assert_string_equal(json_string_value(json_object_get(o, "direction")), "upload");
	assert_int_equal(json_integer_value(json_object_get(o, "size")), 6);
	assert_int_equal(strncmp(json_string_value(json_object_get(o, "sha256")), "ab00", 4), 0);
	json_decref(o);
	(void)close(fd);
	/* Another one of that name, and one that already has a name. */
	fd = opened("other");
	assert_int_equal(keep(fd, 7, 5), SP_ERR_EXISTS);
	assert_int_equal(keep(fd, 8, 5), 0);
	assert_int_equal(keep(fd, 9, 5), SP_ERR_INVALID);
	assert_int_equal(is_there(SESSION "-9"), -1);
	(void)close(fd);
}

static void
test_not_kept(void **state)
{
	int fd = opened("secret"), other, ends[2];

	(void)state;
	assert_int_equal(keep(fd, 20, 5), SP_ERR_INVALID); /* of another size */
	assert_int_equal(keep(fd, 20, 7), SP_ERR_INVALID);
	assert_int_equal(is_there(SESSION "-20"), -1);
	(void)close(fd);			    /* and it is gone */
	other = memfd_create("other", MFD_CLOEXEC); /* of another disk, with no name either */
	assert_int_equal(write(other, "secret", 6), 6);
	assert_int_equal(keep(other, 21, 6), SP_ERR_INVALID);
	(void)close(other);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(keep(ends[0], 22, 0), SP_ERR_INVALID);
	(void)close(ends[0]);
	(void)close(ends[1]);
	assert_int_equal(is_there(SESSION "-21"), -1);
	assert_int_equal(is_there(SESSION "-22"), -1);
}

static void
test_open_to_others(void **state)
{
	const char *why = "";
	int fd = opened("x"), none = -1;

	(void)state;
	assert_int_equal(chmod(dir, 0750), 0);
	assert_int_equal(sp_quarantine_open(dir, &none, &why), SP_ERR_SYSTEM);
	assert_int_equal(keep(fd, 30, 1), SP_ERR_SYSTEM);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(keep(fd, 30, 1), 0);
	(void)close(fd);
	assert_int_equal(none, -1);
}

static void
test_full(void **state)
{
	const char *why = "";
	char path[128];
	int fd = opened("x"), none = -1, big;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/big", dir);
	big = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(big, (off_t)SP_QUARANTINE_TOTAL_MAX), 0); /* a hole */
	(void)close(big);
	assert_int_equal(sp_quarantine_open(dir, &none, &why), SP_ERR_LIMIT);
	assert_non_null(strstr(why, "full"));
	assert_int_equal(keep(fd, 40, 1), SP_ERR_LIMIT);
	assert_int_equal(unlink(path), 0);
	for (unsigned i = 0; i < 2 * SP_QUARANTINE_COUNT_MAX; i++) {
		(void)snprintf(path, sizeof(path), "%s/n%u", dir, i);
		(void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	assert_int_equal(sp_quarantine_open(dir, &none, &why), SP_ERR_LIMIT);
	assert_int_equal(keep(fd, 40, 1), SP_ERR_LIMIT);
	(void)close(fd);
	assert_int_equal(none, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_kept), cmocka_unit_test(test_not_kept),
	    cmocka_unit_test(test_open_to_others), cmocka_unit_test(test_full)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
