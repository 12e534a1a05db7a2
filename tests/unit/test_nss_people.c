/* SPDX-License-Identifier: Apache-2.0 */
/* libnss_sallyport's passwd, group and initgroups over a file of the test's, with system calls that fail as told. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The fail_at-th call of all is the one that fails: with fail_errno, or if that is 0 by being short. */
static _Thread_local unsigned calls, fail_at, fail_errno;

static int
fails(void)
{
	if (++calls != fail_at)
		return 0;
	errno = (int)fail_errno;
	return 1;
}

static int
wrap_open(const char *path, int flags)
{
	return fails() && fail_errno != 0 ? -1 : open(path, flags);
}

static int
wrap_fstat(int fd, struct stat *ret_st)
{
	return fails() && fail_errno != 0 ? -1 : fstat(fd, ret_st);
}

static ssize_t
wrap_pread(int fd, void *p, size_t n, off_t at)
{
	if (fails())
		return fail_errno != 0 ? -1 : 0;
	return pread(fd, p, n, at);
}

static void *
wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : realloc(p, n);
}

#define open(path, flags) wrap_open(path, flags)
#define fstat(fd, st) wrap_fstat(fd, st)
#define pread wrap_pread
#define realloc wrap_realloc
#include "lib/people.c"

static char test_dir[] = "/tmp/sp-nss-XXXXXX", test_path[64];
static unsigned test_owner;
#define NSS_PEOPLE_PATH test_path
#define NSS_PEOPLE_OWNER test_owner
#include "nss_module/nss_people.c"
#undef open
#undef fstat
#undef pread
#undef realloc
#include "lib/people_put.h"

#define THREADS 64
#define LOOKUPS 300
#define NAMES 200u
#define BASE 200001u
#define EVEN 210000u
#define ODD 210001u
#define LONE 210002u

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(test_dir) == NULL)
		return -1;
	(void)snprintf(test_path, sizeof(test_path), "%s/people", test_dir);
	test_owner = getuid();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(test_path);
	return rmdir(test_dir);
}

/* user0 to user199, in even or odd; every tenth in both; lone is a group with nobody in it. */
static void
write_table(bool enumerate)
{
	struct sp_people_put *w;

	assert_int_equal(sp_people_put_new(200000, 299999, enumerate, &w), 0);
	assert_int_equal(sp_people_put_group(w, "even", EVEN), 0);
	assert_int_equal(sp_people_put_group(w, "odd", ODD), 0);
	assert_int_equal(sp_people_put_group(w, "lone", LONE), 0);
	for (uint32_t i = 0; i < NAMES; i++) {
		uint32_t groups[2] = { i % 2 == 0 ? EVEN : ODD, ODD };
		char name[32], home[48];
		struct sp_people_put_person one = { name, "Some Body", home, "/bin/sp", BASE + i, groups, i % 10 == 0 ? 2 : 1,
			NULL };

		(void)snprintf(name, sizeof(name), "user%u", i);
		(void)snprintf(home, sizeof(home), "/home/%s", name);
		assert_int_equal(sp_people_put_person(w, &one), 0);
	}
	assert_int_equal(sp_people_put_write(w, test_path), 0);
	sp_people_put_free(w);
}

static void
is_user7(const struct passwd *pw)
{
	assert_string_equal(pw->pw_name, "user7");
	assert_string_equal(pw->pw_passwd, "*");
	assert_int_equal(pw->pw_uid, BASE + 7);
	assert_int_equal(pw->pw_gid, BASE + 7);
	assert_string_equal(pw->pw_gecos, "Some Body");
	assert_string_equal(pw->pw_dir, "/home/user7");
	assert_string_equal(pw->pw_shell, "/bin/sp");
}

static void
test_passwd(void **state)
{
	char memory[512];
	struct passwd pw;
	int err = 0;

	(void)state;
	write_table(false);
	errno = 77;
	assert_int_equal(_nss_sallyport_getpwnam_r("user7", &pw, memory, sizeof(memory), &err), NSS_STATUS_SUCCESS);
	assert_int_equal(errno, 77);
	is_user7(&pw);
	memset(memory, 0x55, sizeof(memory));
	assert_int_equal(_nss_sallyport_getpwuid_r(BASE + 7, &pw, memory, sizeof(memory), &err), NSS_STATUS_SUCCESS);
	is_user7(&pw);
	/* A group is nobody. */
	assert_int_equal(_nss_sallyport_getpwnam_r("even", &pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_sallyport_getpwuid_r(EVEN, &pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	errno = 77;
	assert_int_equal(_nss_sallyport_getpwnam_r("user200", &pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	assert_int_equal(err, ENOENT);
	assert_int_equal(errno, 77);
	assert_int_equal(_nss_sallyport_getpwuid_r(0, &pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_sallyport_getpwnam_r("root", &pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
}

static void
test_group(void **state)
{
	char memory[4096];
	struct group gr;
	unsigned n = 0;
	int err = 0;

	(void)state;
	write_table(false);
	assert_int_equal(_nss_sallyport_getgrnam_r("odd", &gr, memory, sizeof(memory), &err), NSS_STATUS_SUCCESS);
	assert_string_equal(gr.gr_name, "odd");
	assert_string_equal(gr.gr_passwd, "*");
	assert_int_equal(gr.gr_gid, ODD);
	while (gr.gr_mem[n] != NULL)
		n++;
	assert_int_equal(n, NAMES / 2 + NAMES / 10);
	assert_string_equal(gr.gr_mem[0], "user0");
	assert_string_equal(gr.gr_mem[n - 1], "user199");
	assert_int_equal(_nss_sallyport_getgrgid_r(LONE, &gr, memory, sizeof(memory), &err), NSS_STATUS_SUCCESS);
	assert_string_equal(gr.gr_name, "lone");
	assert_null(gr.gr_mem[0]);
	/* A person's own group. */
	assert_int_equal(_nss_sallyport_getgrgid_r(BASE + 7, &gr, memory, sizeof(memory), &err), NSS_STATUS_SUCCESS);
	assert_string_equal(gr.gr_name, "user7");
	assert_int_equal(gr.gr_gid, BASE + 7);
	assert_null(gr.gr_mem[0]);
	assert_int_equal(_nss_sallyport_getgrnam_r("user7", &gr, memory, sizeof(memory), &err), NSS_STATUS_SUCCESS);
	assert_int_equal(_nss_sallyport_getgrnam_r("sudo", &gr, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_sallyport_getgrgid_r(27, &gr, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_sallyport_getgrgid_r(299999, &gr, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
}

/* Every size below what is needed: ERANGE and nothing written; not a byte beyond it; every alignment. */
static void
test_small_buffers(void **state)
{
	char memory[2600];
	unsigned found = 0;
	int err;

	(void)state;
	write_table(false);
	for (size_t shift = 0; shift < 9; shift++)
		for (size_t size = 0; size < 2400; size += size < 80 ? 1 : 13) {
			enum nss_status st[3];
			struct passwd pw, no_pw;
			struct group gr, no_gr;

			memset(&no_pw, 0x55, sizeof(no_pw));
			memset(&no_gr, 0x55, sizeof(no_gr));
			for (int i = 0; i < 3; i++) {
				memset(memory, 0x55, sizeof(memory));
				pw = no_pw;
				gr = no_gr;
				err = 0;
				st[i] = i == 0	 ? _nss_sallyport_getpwnam_r("user7", &pw, memory + shift, size, &err)
					: i == 1 ? _nss_sallyport_getgrnam_r("user7", &gr, memory + shift, size, &err)
						 : _nss_sallyport_getgrnam_r("odd", &gr, memory + shift, size, &err);
				for (size_t j = 0; j < sizeof(memory); j++)
					if (j < shift || j >= shift + size || st[i] != NSS_STATUS_SUCCESS)
						assert_int_equal((unsigned char)memory[j], 0x55);
				if (st[i] == NSS_STATUS_SUCCESS) {
					found++;
					continue;
				}
				assert_int_equal(st[i], NSS_STATUS_TRYAGAIN);
				assert_int_equal(err, ERANGE);
				assert_memory_equal(&pw, &no_pw, sizeof(pw));
				assert_memory_equal(&gr, &no_gr, sizeof(gr));
			}
		}
	assert_true(found > 9);
}

static enum nss_status
groups_of(const char *user, gid_t group, long room, long limit, gid_t **ret_groups, long *ret_n)
{
	long size = room;
	enum nss_status status;
	int err = 0;

	*ret_groups = calloc((size_t)room, sizeof(**ret_groups));
	assert_non_null(*ret_groups);
	(*ret_groups)[0] = group;
	*ret_n = 1;
	status = _nss_sallyport_initgroups_dyn(user, group, ret_n, &size, ret_groups, limit, &err);
	assert_true(*ret_n <= size && size >= room);
	assert_true(limit <= 0 || size <= (room > limit ? room : limit));
	assert_int_equal((*ret_groups)[0], group);
	return status;
}

static void
test_initgroups(void **state)
{
	gid_t *groups;
	long n;

	(void)state;
	write_table(false);
	for (long room = 1; room < 5; room++) {
		assert_int_equal(groups_of("user10", BASE + 10, room, -1, &groups, &n), NSS_STATUS_SUCCESS);
		assert_int_equal(n, 3);
		assert_int_equal(groups[1], EVEN);
		assert_int_equal(groups[2], ODD);
		free(groups);
	}
	for (long limit = 1; limit < 5; limit++) {
		assert_int_equal(groups_of("user10", BASE + 10, 1, limit, &groups, &n), NSS_STATUS_SUCCESS);
		assert_int_equal(n, limit < 3 ? limit : 3);
		free(groups);
		/* Room that is there already does not lift the limit. */
		assert_int_equal(groups_of("user10", BASE + 10, 8, limit, &groups, &n), NSS_STATUS_SUCCESS);
		assert_int_equal(n, limit < 3 ? limit : 3);
		free(groups);
	}
	/* Somebody to whom another source gave another first group is not ours. */
	assert_int_equal(groups_of("user10", BASE + 11, 4, -1, &groups, &n), NSS_STATUS_NOTFOUND);
	assert_int_equal(n, 1);
	free(groups);
	assert_int_equal(groups_of("user10", 1000, 4, -1, &groups, &n), NSS_STATUS_NOTFOUND);
	free(groups);
	assert_int_equal(groups_of("user10", (gid_t)-1, 4, -1, &groups, &n), NSS_STATUS_SUCCESS);
	assert_int_equal(n, 3);
	free(groups);
	assert_int_equal(groups_of("even", (gid_t)-1, 4, -1, &groups, &n), NSS_STATUS_NOTFOUND);
	free(groups);
	assert_int_equal(groups_of("even", EVEN, 4, -1, &groups, &n), NSS_STATUS_NOTFOUND);
	free(groups);
	assert_int_equal(groups_of("root", 0, 4, -1, &groups, &n), NSS_STATUS_NOTFOUND);
	free(groups);
}

static void
test_enumeration(void **state)
{
	unsigned people = 0, groups = 0, too_small = 0;
	char memory[4096];
	struct passwd pw;
	struct group gr;
	int err = 0;

	(void)state;
	write_table(false);
	assert_int_equal(_nss_sallyport_setpwent(0), NSS_STATUS_SUCCESS);
	assert_int_equal(_nss_sallyport_getpwent_r(&pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_sallyport_setgrent(0), NSS_STATUS_SUCCESS);
	assert_int_equal(_nss_sallyport_getgrent_r(&gr, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	write_table(true);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(_nss_sallyport_setpwent(0), NSS_STATUS_SUCCESS);
		for (;; people++) {
			/* What did not fit comes again. */
			if (_nss_sallyport_getpwent_r(&pw, memory, 3, &err) == NSS_STATUS_TRYAGAIN && err == ERANGE)
				too_small++;
			if (_nss_sallyport_getpwent_r(&pw, memory, sizeof(memory), &err) != NSS_STATUS_SUCCESS)
				break;
			assert_true(pw.pw_uid >= BASE && pw.pw_uid < BASE + NAMES);
		}
		assert_int_equal(err, ENOENT);
		assert_int_equal(_nss_sallyport_endpwent(), NSS_STATUS_SUCCESS);
	}
	assert_int_equal(people, 2 * NAMES);
	assert_int_equal(too_small, 2 * NAMES);
	while (_nss_sallyport_getgrent_r(&gr, memory, sizeof(memory), &err) == NSS_STATUS_SUCCESS)
		groups++;
	assert_int_equal(groups, NAMES + 3);
	assert_int_equal(_nss_sallyport_endgrent(), NSS_STATUS_SUCCESS);
}

/* All that can be asked, each with the status and errno that are wanted. */
static void
all_are(enum nss_status status, int want_err)
{
	char memory[4096];
	struct passwd pw;
	struct group gr;
	gid_t *groups;
	long n;
	int err;

#define IS(call) do { err = 0; assert_int_equal(call, status); if (want_err >= 0) assert_int_equal(err, want_err); } while (0)
	IS(_nss_sallyport_getpwnam_r("user7", &pw, memory, sizeof(memory), &err));
	IS(_nss_sallyport_getpwuid_r(BASE + 7, &pw, memory, sizeof(memory), &err));
	IS(_nss_sallyport_getgrnam_r("odd", &gr, memory, sizeof(memory), &err));
	IS(_nss_sallyport_getgrgid_r(ODD, &gr, memory, sizeof(memory), &err));
	(void)_nss_sallyport_setpwent(0);
	IS(_nss_sallyport_getpwent_r(&pw, memory, sizeof(memory), &err));
	(void)_nss_sallyport_setgrent(0);
	IS(_nss_sallyport_getgrent_r(&gr, memory, sizeof(memory), &err));
#undef IS
	assert_int_equal(groups_of("user7", BASE + 7, 1, -1, &groups, &n), status);
	assert_int_equal(n, status == NSS_STATUS_SUCCESS ? 2 : 1);
	free(groups);
}

static void
test_files_not_to_be_believed(void **state)
{
	char memory[512];
	struct passwd pw;
	struct stat st;
	int err = 0;

	(void)state;
	(void)unlink(test_path);
	all_are(NSS_STATUS_UNAVAIL, ENOENT); /* a chroot */
	write_table(true);
	all_are(NSS_STATUS_SUCCESS, 0);
	assert_int_equal(stat(test_path, &st), 0);
	assert_int_equal(truncate(test_path, st.st_size - 1), 0);
	all_are(NSS_STATUS_UNAVAIL, EBADMSG);
	write_table(true);
	assert_int_equal(chmod(test_path, 0666), 0);
	all_are(NSS_STATUS_UNAVAIL, EACCES);
	(void)unlink(test_path);
	/* What can be in no table is not asked for: the system's names are looked up while there is no file yet. */
	assert_int_equal(_nss_sallyport_getpwnam_r("root", &pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_sallyport_getpwnam_r("..", &pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	assert_int_equal(_nss_sallyport_getpwuid_r(1000, &pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	calls = 0;
	assert_int_equal(_nss_sallyport_getpwuid_r(0, &pw, memory, sizeof(memory), &err), NSS_STATUS_NOTFOUND);
	assert_int_equal(calls, 0);
}

/* One of the questions; whether what it answers is right is looked at in any case. */
static enum nss_status
ask(int question, int *ret_err)
{
	enum nss_status status = NSS_STATUS_UNAVAIL;
	char memory[4096];
	struct passwd pw;
	struct group gr;
	gid_t *groups;
	long n;

	*ret_err = 0;
	switch (question) {
	case 0:
		status = _nss_sallyport_getpwnam_r("user7", &pw, memory, sizeof(memory), ret_err);
		if (status == NSS_STATUS_SUCCESS)
			is_user7(&pw);
		break;
	case 1:
		status = _nss_sallyport_getgrnam_r("odd", &gr, memory, sizeof(memory), ret_err);
		if (status == NSS_STATUS_SUCCESS)
			assert_int_equal(gr.gr_gid, ODD);
		break;
	case 2:
		(void)_nss_sallyport_setpwent(0);
		status = _nss_sallyport_getpwent_r(&pw, memory, sizeof(memory), ret_err);
		break;
	default:
		status = groups_of("user10", BASE + 10, 1, -1, &groups, &n);
		assert_int_equal(n, status == NSS_STATUS_SUCCESS ? 3 : 1);
		free(groups);
	}
	return status;
}

/* Each call in turn fails: never a success, never "no such person" for one who is there. An interruption is no failure. */
static void
test_faults(void **state)
{
	static const unsigned errors[] = { EIO, EMFILE, ENFILE, ENOMEM, EACCES, ESTALE, 0, EINTR };
	unsigned failed = 0;
	int err;

	(void)state;
	write_table(true);
	for (int question = 0; question < 4; question++)
		for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
			for (fail_at = 1;; fail_at++) {
				enum nss_status status;

				calls = 0;
				fail_errno = errors[i];
				errno = 77;
				status = ask(question, &err);
				assert_int_equal(errno, 77);
				if (calls < fail_at)
					break;
				if (status == NSS_STATUS_SUCCESS) {
					/* open and fstat are never short. */
					assert_true(fail_errno == EINTR || (fail_errno == 0 && fail_at < 3));
					continue;
				}
				failed++;
				assert_true(status == NSS_STATUS_UNAVAIL || status == NSS_STATUS_TRYAGAIN);
				assert_int_not_equal(err, ERANGE);
			}
	fail_at = 0;
	assert_true(failed > 100);
}

static atomic_uint wrong, ready;

static void *
look(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char name[32], memory[4096];

	atomic_fetch_add(&ready, 1);
	for (unsigned i = 0; i < LOOKUPS; i++) {
		unsigned n = (seed * 31 + i * 7) % NAMES;
		long count = 1, size = 1;
		gid_t *groups = malloc(sizeof(*groups));
		struct passwd pw;
		struct group gr;
		int err = 0;

		(void)snprintf(name, sizeof(name), "user%u", n);
		if (_nss_sallyport_getpwnam_r(name, &pw, memory, sizeof(memory), &err) != NSS_STATUS_SUCCESS ||
		    pw.pw_uid != BASE + n || strcmp(pw.pw_name, name) != 0)
			atomic_fetch_add(&wrong, 1);
		if (_nss_sallyport_getpwuid_r(BASE + n, &pw, memory, sizeof(memory), &err) != NSS_STATUS_SUCCESS ||
		    pw.pw_uid != BASE + n || strcmp(pw.pw_name, name) != 0)
			atomic_fetch_add(&wrong, 1);
		if (_nss_sallyport_getgrgid_r(ODD, &gr, memory, sizeof(memory), &err) != NSS_STATUS_SUCCESS)
			atomic_fetch_add(&wrong, 1);
		if (_nss_sallyport_initgroups_dyn(name, BASE + n, &count, &size, &groups, -1, &err) != NSS_STATUS_SUCCESS ||
		    count != (n % 10 == 0 ? 3 : 2))
			atomic_fetch_add(&wrong, 1);
		free(groups);
		(void)_nss_sallyport_getpwent_r(&pw, memory, sizeof(memory), &err);
	}
	return NULL;
}

/* 64 threads ask while the table is replaced under them: each sees one whole table or another. */
static void
test_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	write_table(true);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look, (void *)i), 0);
	for (unsigned i = 0; i < 20 || atomic_load(&ready) < THREADS; i++)
		write_table(true);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&wrong), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passwd),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_small_buffers),
		cmocka_unit_test(test_initgroups),
		cmocka_unit_test(test_enumeration),
		cmocka_unit_test(test_files_not_to_be_believed),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
