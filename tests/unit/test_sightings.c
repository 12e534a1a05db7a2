/* SPDX-License-Identifier: Apache-2.0 */
/* What was seen of files: counted as one, bounded, and told in order; lines of mountinfo. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/mounts.h"
#include "exec/sightings.h"
#include "lib/ipc.h"
#include "lib/ipc_files.h"

struct told {
	uint32_t pid, uid, opened, written;
	uint8_t facts;
	uint64_t size;
	char *path, *exe;
};

static int
add(struct sp_sightings *s, pid_t pid, uint8_t what, const char *path, uint64_t size)
{
	struct sp_sighting seen = { .pid = pid, .uid = 7, .what = what, .size = size, .path = path, .exe = "/usr/bin/x" };

	return sp_sightings_add(s, &seen);
}

static void
next(struct sp_buf *b, struct told *t)
{
	assert_int_equal(sp_buf_get_u32(b, &t->pid), 0);
	assert_int_equal(sp_buf_get_u32(b, &t->uid), 0);
	assert_int_equal(sp_buf_get_u8(b, &t->facts), 0);
	assert_int_equal(sp_buf_get_u32(b, &t->opened), 0);
	assert_int_equal(sp_buf_get_u32(b, &t->written), 0);
	assert_int_equal(sp_buf_get_u64(b, &t->size), 0);
	assert_int_equal(sp_buf_get_cstring(b, SP_SIGHTINGS_PATH_MAX, &t->path), 0);
	assert_int_equal(sp_buf_get_cstring(b, SP_SIGHTINGS_PATH_MAX, &t->exe), 0);
}

static void
check(struct sp_buf *b, pid_t pid, const char *path, uint32_t opened, uint32_t written, uint64_t size)
{
	struct told t;

	next(b, &t);
	assert_int_equal(t.pid, pid);
	assert_int_equal(t.uid, 7);
	assert_string_equal(t.path, path);
	assert_string_equal(t.exe, "/usr/bin/x");
	assert_int_equal(t.opened, opened);
	assert_int_equal(t.written, written);
	assert_int_equal(t.size, size);
	free(t.path);
	free(t.exe);
}

static void
test_the_same_is_one(void **state)
{
	struct sp_sightings *s = sp_sightings_new();
	struct sp_buf *b = sp_buf_new(SP_IPC_FRAME_MAX);
	uint32_t n;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(add(s, 1, SP_IPC_FILES_OPENED, "/a", 1), 0);
	assert_int_equal(add(s, 2, SP_IPC_FILES_OPENED, "/a", 1), 0);
	assert_int_equal(add(s, 1, SP_IPC_FILES_OPENED | SP_IPC_FILES_WRITTEN, "/a", 9), 0);
	assert_int_equal(add(s, 1, SP_IPC_FILES_OPENED, "/a", 2), 0);
	assert_int_equal(add(s, 1, SP_IPC_FILES_WRITTEN, "/b", 3), 0);
	assert_int_equal(sp_sightings_count(s), 3);
	assert_int_equal(sp_sightings_take(s, b), 0);
	assert_int_equal(sp_buf_get_u32(b, &n), 0);
	assert_int_equal(n, 3);
	check(b, 1, "/a", 7, 1, 9);
	check(b, 2, "/a", 1, 0, 0);
	check(b, 1, "/b", 0, 1, 3);
	assert_int_equal(sp_buf_len(b), 0);
	assert_int_equal(sp_sightings_count(s), 0);
	assert_int_equal(add(s, 1, SP_IPC_FILES_OPENED, "/a", 1), 0); /* forgotten: it is another one */
	assert_int_equal(sp_sightings_count(s), 1);
	sp_buf_free(b);
	sp_sightings_free(s);
}

/* Whoever differs in anything is somebody else. */
static void
test_who_is_who(void **state)
{
	struct sp_sightings *s = sp_sightings_new();
	struct sp_sighting seen = { .pid = 1, .uid = 1, .what = SP_IPC_FILES_OPENED, .path = "/a", .exe = "/x" };

	(void)state;
	assert_int_equal(sp_sightings_add(s, &seen), 0);
	seen.uid = 0;
	assert_int_equal(sp_sightings_add(s, &seen), 0);
	seen.exe = "/y";
	assert_int_equal(sp_sightings_add(s, &seen), 0);
	seen.facts = SP_IPC_FILES_DELETED;
	assert_int_equal(sp_sightings_add(s, &seen), 0);
	assert_int_equal(sp_sightings_count(s), 4);
	sp_sightings_free(s);
}

static void
test_bounds(void **state)
{
	struct sp_sightings *s = sp_sightings_new();
	struct sp_buf *b = sp_buf_new(SP_IPC_FRAME_MAX - SP_IPC_HEADER);
	char path[SP_SIGHTINGS_PATH_MAX];
	size_t n = 0;

	(void)state;
	for (; sp_sightings_has_room(s); n++) {
		(void)snprintf(path, sizeof(path), "/%zu", n);
		assert_int_equal(add(s, 1, SP_IPC_FILES_OPENED, path, 0), 0);
	}
	assert_int_equal(n, SP_SIGHTINGS_MAX);
	assert_int_equal(add(s, 1, SP_IPC_FILES_OPENED, "/more", 0), SP_ERR_FULL);
	assert_int_equal(add(s, 1, SP_IPC_FILES_OPENED, "/7", 0), 0); /* which is there */
	assert_int_equal(sp_sightings_take(s, b), 0);
	sp_buf_reset(b);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	for (n = 0; sp_sightings_has_room(s); n++) {
		(void)snprintf(path + 1, 9, "%08zu", n);
		path[9] = 'x';
		assert_int_equal(add(s, 1, SP_IPC_FILES_OPENED, path, 0), 0);
	}
	assert_in_range(n, SP_SIGHTINGS_BYTES / SP_SIGHTINGS_PATH_MAX - 4, SP_SIGHTINGS_BYTES / SP_SIGHTINGS_PATH_MAX);
	assert_int_equal(sp_sightings_take(s, b), 0); /* a batch fits into a message however long its names are */
	sp_buf_free(b);
	sp_sightings_free(s);
}

static void
test_mounts(void **state)
{
	static const struct {
		const char *line, *path, *type;
		bool has_files;
	} good[] = {
		{ "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue", "/mnt2", "ext3", true },
		{ "1 1 0:2 / / rw - rootfs rootfs rw", "/", "rootfs", true },
		{ "9 1 0:5 / /a\\040b\\134c\\011 rw shared:7 master:2 - fuse.x /dev\\040x rw", "/a b\\c\t", "fuse.x", true },
		{ "9 1 0:5 / /proc rw - proc proc rw", "/proc", "proc", false },
		{ "9 1 0:5 / /x\\999 rw - tmpfs none rw", "/x\\999", "tmpfs", true },
	};
	static const char *const bad[] = { "", "1 2 3", "36 35 98:0 /mnt1 /mnt2 rw master:1", "1 1 0:2 / / rw - ",
		"1 1 0:2 / rel rw - ext3 x rw", "1 1 0:2 / /\\000 rw - ext3 x rw", "1 1 - ext3 x" };
	struct sp_mount m;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(sp_mounts_parse(good[i].line, &m));
		assert_string_equal(m.path, good[i].path);
		assert_string_equal(m.type, good[i].type);
		assert_int_equal(sp_mounts_has_files(&m), good[i].has_files);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sp_mounts_parse(bad[i], &m));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_the_same_is_one), cmocka_unit_test(test_who_is_who),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_mounts) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
