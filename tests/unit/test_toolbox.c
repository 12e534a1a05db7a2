/* SPDX-License-Identifier: Apache-2.0 */
/* The tool's sandbox, tried from inside: each probe is a small script run where psql would run. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forcecmd/toolbox.h"

static const char *const toolbox_env[] = { "PATH=/usr/bin:/bin", "LESSSECURE=1", NULL };

/* Runs a script inside; its exit status, 128 + signal when bubblewrap itself was killed. */
static int
run(const char *script, const char *directory, char *out, size_t cap)
{
	const char *const argv[] = { "/usr/bin/sh", "-c", script, NULL };
	struct sp_toolbox t = { .user = "alice", .uid = getuid(), .gid = getgid(), .directory = directory, .argv = argv,
		.env = toolbox_env };
	int p[2], status, stray;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	t.fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	stray = dup2(t.fds[0], 9); /* to be inherited, were it not for the toolbox */
	t.fds[1] = p[1];
	t.fds[2] = p[1];
	assert_int_equal(sp_toolbox_run(&t, &pid), 0);
	(void)close(t.fds[0]);
	(void)close(stray);
	(void)close(p[1]);
	while (n < cap - 1 && (got = read(p[0], out + n, cap - 1 - n)) > 0)
		n += (size_t)got;
	out[n] = '\0';
	(void)close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool
can_sandbox(void)
{
	/* By itself, so that a sandbox of ours that does not start is a failure and no reason to skip. */
	return access(SP_TOOLBOX_BWRAP, X_OK) == 0 &&
	    system(SP_TOOLBOX_BWRAP " --unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --disable-userns"
				    " --ro-bind / / --proc /proc --dev /dev /bin/true 2>/dev/null") == 0;
}

/* script | expected exit status | expected output (NULL: not looked at) */
static const struct probe {
	const char *what;
	const char *script;
	int status;
	const char *out;
} probes[] = {
	{ "exit status", "exit 42", 42, "" },
	{ "the person and nobody else", "cut -d: -f1 /etc/passwd", 0, "alice\n" },
	{ "home is empty and writable", "test $HOME = /home/alice && ls -A $HOME && echo x > $HOME/f && cat $HOME/f", 0, "x\n" },
	{ "environment", "env | grep -vE '^(PATH|HOME|LESSSECURE|PWD|OLDPWD|SHLVL|_)='", 1, "" },
	{ "no host home", "ls -A /root /home/* /var /srv /opt /mnt 2>/dev/null | grep -v alice | grep .", 1, "" },
	{ "no host etc", "ls /etc/shadow /etc/ssh /etc/sallyport /etc/postgresql-common 2>/dev/null | grep .", 1, "" },
	{ "no host run", "ls -A /run | grep -v postgresql | grep .", 1, "" },
	{ "usr is read-only", "touch /usr/bin/x 2>/dev/null || touch /bin/x 2>/dev/null", 1, "" },
	{ "root is read-only", "touch /x 2>/dev/null || mkdir /y 2>/dev/null", 1, "" },
	{ "no network", "ls /sys/class/net 2>/dev/null; wc -l < /proc/net/dev", 0, "3\n" },
	{ "no inet sockets", "perl -MSocket -e 'exit(socket(my $s, PF_INET, SOCK_STREAM, 0) ? 0 : 9)'", 9, "" },
	{ "no netlink", "perl -e 'exit(socket(my $s, 16, 3, 0) ? 0 : 9)'", 9, "" },
	{ "unix sockets work", "perl -MSocket -e 'exit(socket(my $s, PF_UNIX, SOCK_STREAM, 0) ? 0 : 9)'", 0, "" },
	{ "own processes only", "ls /proc | grep -cE '^[0-9]+$' | awk '{print $1 < 8}'", 0, "1\n" },
	{ "no new user namespace", "unshare -U true 2>/dev/null", 1, NULL },
	{ "no unshare", "perl -e 'exit(syscall(272, 0) == -1 && $!{EPERM} ? 9 : 0)'", 9, "" },
	{ "no clone into a user namespace", "perl -e 'exit(syscall(56, 0x10000011, 0, 0, 0, 0) == -1 && $!{EPERM} ? 9 : 0)'", 9, "" },
	{ "no clone3", "perl -e 'exit(syscall(435, 0, 0) == -1 && $!{ENOSYS} ? 9 : 0)'", 9, "" },
	{ "no ptrace", "perl -e 'exit(syscall(101, 0, 0, 0, 0) == -1 ? 9 : 0)'", 9, "" },
	{ "no keyctl", "perl -e 'exit(syscall(250, 0, -3, 0) == -1 ? 9 : 0)'", 9, "" },
	{ "no TIOCSTI", "perl -e '$c=\"x\"; exit(ioctl(STDIN, 0x5412, $c) ? 0 : $!{EPERM} ? 9 : 1)'", 9, "" },
	{ "no TIOCSTI above 32 bits",
	    "perl -e '$c=\"x\"; exit(syscall(16, 0, 0x1_0000_5412, $c) == -1 ? ($!{EPERM} ? 9 : 1) : 0)'", 9, "" },
	{ "no capability", "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | grep -v 0000000000000000", 1, "" },
	{ "no name of the host's", "uname -n", 0, "sallyport\n" },
	{ "no new privilege", "grep -q 'NoNewPrivs:.1' /proc/self/status", 0, "" },
	{ "no descriptor but three", "ls /proc/self/fd | grep -vE '^([0-3]|10)$' | grep . && exit 9; exit 0", 0, NULL },
	{ "no devices", "ls /dev | grep -E '^(sd|vd|nvme|mem|kmsg|fuse)' ", 1, "" },
};

static void
test_probes(void **state)
{
	char out[4096];
	size_t i;

	(void)state;
	if (!can_sandbox())
		skip();
	for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		const struct probe *p = &probes[i];
		int status = run(p->script, "", out, sizeof(out));

		if (status != p->status || (p->out != NULL && strcmp(out, p->out) != 0))
			fail_msg("%s: status %d, output: %s", p->what, status, out);
	}
}

/* All but time: bubblewrap makes none, and a clock is no way out. */
static void
test_namespaces(void **state)
{
	static const char *const names[] = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" };
	char script[64], out[128], path[32], ours[128];
	size_t i;

	(void)state;
	if (!can_sandbox())
		skip();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t n;

		(void)snprintf(script, sizeof(script), "readlink -n /proc/self/ns/%s", names[i]);
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		n = readlink(path, ours, sizeof(ours) - 1);
		assert_true(n > 0);
		ours[n] = '\0';
		assert_int_equal(run(script, "", out, sizeof(out)), 0);
		if (strncmp(out, names[i], strlen(names[i])) != 0 || strcmp(out, ours) == 0)
			fail_msg("%s: %s inside, %s outside", names[i], out, ours);
	}
}

/* sallyport-forcecmd is killed: nothing of the tool stays. */
static void
test_dies_with_its_parent(void **state)
{
	static const char *const argv[] = { "/usr/bin/sleep", "30", NULL };
	struct sp_toolbox t = { .user = "alice", .uid = getuid(), .gid = getgid(), .directory = "", .argv = argv,
		.env = toolbox_env };
	int p[2], status, i;
	pid_t middle, pid = 0;

	(void)state;
	if (!can_sandbox())
		skip();
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	t.fds[0] = t.fds[1] = t.fds[2] = open("/dev/null", O_RDWR | O_CLOEXEC);
	middle = fork();
	if (middle == 0) {
		if (sp_toolbox_run(&t, &pid) == 0)
			(void)!write(p[1], &pid, sizeof(pid));
		(void)pause();
	}
	assert_int_equal(read(p[0], &pid, sizeof(pid)), sizeof(pid));
	(void)usleep(500000); /* until it has asked for that */
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(kill(middle, SIGKILL), 0);
	assert_int_equal(waitpid(middle, &status, 0), middle);
	for (i = 0; i < 100 && waitpid(pid, &status, WNOHANG) == 0; i++)
		(void)usleep(50000);
	if (i == 100)
		(void)kill(pid, SIGKILL);
	assert_true(i < 100);
	(void)close(t.fds[0]);
	(void)close(p[0]);
	(void)close(p[1]);
}

static void
test_directory(void **state)
{
	char dir[] = "/tmp/toolbox.XXXXXX", path[64], out[256];

	(void)state;
	if (!can_sandbox())
		skip();
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/hello", dir);
	assert_true(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0);
	assert_int_equal(run("ls /run/postgresql; touch /run/postgresql/x 2>/dev/null", dir, out, sizeof(out)), 1);
	assert_string_equal(out, "hello\n");
	(void)unlink(path);
	(void)rmdir(dir);
}

static void
test_refused(void **state)
{
	static const char *const relative[] = { "./sh", NULL }, *const good[] = { "/usr/bin/true", NULL },
				 *const bad_env[] = { "NOVALUE", NULL }, *const none[] = { NULL };
	struct sp_toolbox t = { .user = "alice", .directory = "", .argv = relative, .env = none };
	pid_t pid;

	(void)state;
	assert_int_equal(sp_toolbox_run(&t, &pid), SP_ERR_INVALID);
	t.argv = none;
	assert_int_equal(sp_toolbox_run(&t, &pid), SP_ERR_INVALID);
	t.argv = good;
	t.user = "../alice";
	assert_int_equal(sp_toolbox_run(&t, &pid), SP_ERR_INVALID);
	t.user = "alice";
	t.directory = "run";
	assert_int_equal(sp_toolbox_run(&t, &pid), SP_ERR_INVALID);
	t.directory = "";
	t.env = bad_env;
	assert_int_equal(sp_toolbox_run(&t, &pid), SP_ERR_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_dies_with_its_parent),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
