/* SPDX-License-Identifier: Apache-2.0 */
/* Privilege drop, attacked in children: root with everything it can hold back, and users who claim to be another. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/privdrop.h"

#define UID 64123
#define GID 64124

static int
run(int (*op)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(op());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
need_root(void)
{
	if (geteuid() == 0)
		return;
	(void)fprintf(stderr, "SKIP: needs root\n");
	skip();
}

/* What /proc says afterwards: every id, no group, no capability, no_new_privs. */
static int
check_status(const char *caps)
{
	static const char *const ids[] = {"Uid:\t64123\t64123\t64123\t64123\n", "Gid:\t64124\t64124\t64124\t64124\n",
	    "Groups:\t \n", "CapInh:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "CapAmb:\t0000000000000000\n",
	    "NoNewPrivs:\t1\n"};
	char text[4096], want[64];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 10;
	text[n] = 0;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		if (strstr(text, ids[i]) == NULL)
			return 20 + (int)i;
	}
	(void)snprintf(want, sizeof(want), "CapPrm:\t%s\nCapEff:\t%s\n", caps, caps);
	if (strstr(text, want) == NULL)
		return 30;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 31;
	return setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 ? 32 : 0;
}

static int
plain(void)
{
	return sp_privdrop_ids(UID, GID, 0) != 0 ? 1 : check_status("0000000000000000");
}

static int
with_extra_groups(void)
{
	gid_t groups[] = {0, 4, 27, 42, 999};

	if (setgroups(5, groups) != 0)
		return 2;
	return plain();
}

/* Root in the saved and real ids only. */
static int
with_saved_root(void)
{
	if (setresgid(GID, 0, 0) != 0 || setresuid(0, 0, 0) != 0)
		return 2;
	return plain();
}

static int
with_ambient(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) != 0)
		return 2;
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	if (syscall(SYS_capset, &head, data) != 0)
		return 3;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) != 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SETUID, 0, 0) != 0)
		return 4;
	return plain();
}

static int
keeps_one(void)
{
	return sp_privdrop_ids(UID, GID, (uint64_t)1 << CAP_AUDIT_WRITE) != 0 ? 1 : check_status("0000000020000000");
}

static int
twice(void)
{
	/* The second time it is that user already, and only checks. */
	if (sp_privdrop_ids(UID, GID, 0) != 0 || sp_privdrop_ids(UID, GID, 0) != 0)
		return 1;
	return check_status("0000000000000000");
}

/* As systemd's User= starts a daemon: ids changed, no capability. */
static int
started_as_user(void)
{
	gid_t own = GID;

	if (setgroups(1, &own) != 0 || setresgid(GID, GID, GID) != 0 || setresuid(UID, UID, UID) != 0)
		return 2;
	return sp_privdrop_ids(UID, GID, 0) == 0 ? 0 : 1;
}

/* Each of these must be refused: returns 0 when it was. */
static int
started_as_user_with_groups(void)
{
	gid_t groups[] = {GID, 4};

	if (setgroups(2, groups) != 0 || setresgid(GID, GID, GID) != 0 || setresuid(UID, UID, UID) != 0)
		return 2;
	return sp_privdrop_ids(UID, GID, 0) == SP_ERR_DENIED ? 0 : 1;
}

static int
started_with_saved_root(void)
{
	if (setgroups(0, NULL) != 0 || setresgid(GID, GID, GID) != 0 || setresuid(UID, UID, 0) != 0)
		return 2;
	return sp_privdrop_ids(UID, GID, 0) == SP_ERR_DENIED ? 0 : 1;
}

static int
started_with_saved_other(void)
{
	if (setgroups(0, NULL) != 0 || setresgid(GID, GID, GID) != 0 || setresuid(UID, UID, UID + 7) != 0)
		return 2;
	return sp_privdrop_ids(UID, GID, 0) == SP_ERR_DENIED ? 0 : 1;
}

static int
started_as_another(void)
{
	if (setgroups(0, NULL) != 0 || setresgid(GID, GID, GID) != 0 || setresuid(UID + 7, UID + 7, UID + 7) != 0)
		return 2;
	return sp_privdrop_ids(UID, GID, 0) == SP_ERR_DENIED ? 0 : 1;
}

static int
wants_what_it_lost(void)
{
	if (setgroups(0, NULL) != 0 || setresgid(GID, GID, GID) != 0 || setresuid(UID, UID, UID) != 0)
		return 2;
	return sp_privdrop_ids(UID, GID, (uint64_t)1 << CAP_AUDIT_WRITE) == SP_ERR_SYSTEM ? 0 : 1;
}

static void
test_as_root(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(run(plain), 0);
	assert_int_equal(run(with_extra_groups), 0);
	assert_int_equal(run(with_saved_root), 0);
	assert_int_equal(run(with_ambient), 0);
	assert_int_equal(run(keeps_one), 0);
	assert_int_equal(run(twice), 0);
}

static void
test_started_by_systemd(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(run(started_as_user), 0);
	assert_int_equal(run(started_as_user_with_groups), 0);
	assert_int_equal(run(started_with_saved_root), 0);
	assert_int_equal(run(started_with_saved_other), 0);
	assert_int_equal(run(started_as_another), 0);
	assert_int_equal(run(wants_what_it_lost), 0);
}

static void
test_never(void **state)
{
	uid_t uid;
	gid_t gid;

	(void)state;
	assert_int_equal(sp_privdrop_ids(0, 0, 0), SP_ERR_DENIED);
	assert_int_equal(sp_privdrop_ids(UID, 0, 0), SP_ERR_DENIED);
	assert_int_equal(sp_privdrop_ids((uid_t)-1, GID, 0), SP_ERR_DENIED);
	assert_int_equal(sp_privdrop_ids(UID, GID, (uint64_t)1 << CAP_SETUID), SP_ERR_DENIED);
	assert_int_equal(sp_privdrop_ids(UID, GID, (uint64_t)1 << CAP_SYS_ADMIN), SP_ERR_DENIED);
	assert_int_equal(sp_privdrop("no-such-account", 0), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_privdrop("root", 0), SP_ERR_DENIED);
	assert_int_equal(sp_privdrop_uid("root", &uid, &gid), 0);
	assert_int_equal(uid, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_root),
		cmocka_unit_test(test_started_by_systemd),
		cmocka_unit_test(test_never),
	};

	return cmocka_run_group_tests_name("privdrop", tests, NULL, NULL);
}
