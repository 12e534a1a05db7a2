/* SPDX-License-Identifier: Apache-2.0 */
/* Each profile in a child: what is forbidden dies of SIGSYS (or EACCES from Landlock), what is needed works. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/cred.h"
#include "runtime/memfd.h"
#include "runtime/sandbox.h"

#define ALL ((1U << SP_SANDBOX_AUTHKEYS) | (1U << SP_SANDBOX_IDENTITY) | (1U << SP_SANDBOX_CONTROL) |                  \
    (1U << SP_SANDBOX_RECORDER) | (1U << SP_SANDBOX_SESSION) | (1U << SP_SANDBOX_AUDIT) |                             \
    (1U << SP_SANDBOX_SUPERVISOR) | (1U << SP_SANDBOX_WATCHER))
#define P(name) (1U << SP_SANDBOX_##name)
#define DIES 1000   /* of the profile */
#define UNSUPPORTED 77

static char dir[64]; /* writable, but not allowed unless a test says so */

/* Runs op in a child under the profile. Its return value (0 to 100), DIES, or -1 for anything else. */
static int
run(enum sp_sandbox_profile profile, const struct sp_sandbox_path *paths, int (*op)(void))
{
	int status, r;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		r = sp_sandbox_enter(profile, paths);
		if (r == SP_ERR_UNSUPPORTED)
			_exit(UNSUPPORTED);
		if (r != 0)
			_exit(78);
		_exit(op());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		return DIES;
	if (!WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status) == 128 + SIGSYS ? DIES : WEXITSTATUS(status);
}

/* --- what no or few programs may do: 0 means it worked --------------------------------------------- */
static int
result(long r)
{
	return r >= 0 ? 0 : errno == EACCES ? 13 : 1;
}

static int
do_execve(void)
{
	char path[] = "/bin/true";
	char *argv[] = {path, NULL};

	return result(execve(path, argv, NULL));
}

static int
do_execveat(void)
{
	return result(syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0));
}

static int
do_fork(void)
{
	return result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int
do_vfork_clone3(void)
{
	/* Pretended away, so that nobody can hide flags in memory. */
	return syscall(SYS_clone3, NULL, 0) == -1 && errno == ENOSYS ? 0 : 1;
}

static int
do_ptrace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
do_ptrace_peek(void)
{
	return result(ptrace(PTRACE_PEEKDATA, getppid(), NULL, NULL));
}

static int
do_ptrace_seize(void)
{
	return ptrace(PTRACE_SEIZE, 0, NULL, NULL) == -1 && errno == ESRCH ? 0 : 1;
}

static int
do_wait(void)
{
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 1;
}

static int
do_vm_read(void)
{
	return result(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}

static int
do_vm_write(void)
{
	return result(syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0));
}

static int
do_io_uring(void)
{
	return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int
do_userfaultfd(void)
{
	return result(syscall(SYS_userfaultfd, 0));
}

static int
do_keyctl(void)
{
	return result(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

static int
do_bpf(void)
{
	return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int
do_perf(void)
{
	return result(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0));
}

static int
do_unshare(void)
{
	return result(unshare(CLONE_NEWUSER));
}

static int
do_setuid(void)
{
	return result(setuid(getuid()));
}

static int
do_chroot(void)
{
	return result(chroot("/"));
}

static int
do_kill(void)
{
	return result(kill(getppid(), 0));
}

static int
do_tgkill_parent(void)
{
	return result(syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int
do_exec_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : 1;
}

static int
do_mprotect_exec(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int
do_tiocsti(void)
{
	char c = 'x';

	return result(ioctl(0, TIOCSTI, &c));
}

/* The number with bits above the 32 that the kernel looks at. */
static int
do_tiocsti_wide(void)
{
	char c = 'x';

	return result(syscall(SYS_ioctl, 0, (unsigned long)TIOCSTI | 1UL << 32, &c));
}

static int
do_packet_socket(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int
do_netlink_other(void)
{
	return result(socket(AF_NETLINK, SOCK_RAW, 12)); /* NETLINK_NETFILTER */
}

static int
do_inet_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int
do_write_open(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/new", dir);
	return result(open(path, O_CREAT | O_WRONLY, 0600));
}

static int
do_write_tmp(void)
{
	return result(open("/dev/null", O_RDWR));
}

static int
do_read_root(void)
{
	return result(open("/", O_RDONLY | O_DIRECTORY));
}

static int
do_read_tmp(void)
{
	return result(open(dir, O_RDONLY | O_DIRECTORY));
}

static int
do_unlink(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/old", dir);
	return result(unlink(path));
}

static int
do_inotify(void)
{
	return result(inotify_init1(IN_CLOEXEC));
}

static int
do_listen(void)
{
	return syscall(SYS_listen, 0, 1) < 0 && errno == ENOTSOCK ? 0 : 1; /* it was let go that far */
}

static int
do_setrlimit(void)
{
	struct {
		uint64_t cur, max;
	} lim = {64, 64};

	return result(syscall(SYS_prlimit64, 0, 7, &lim, NULL));
}

static int
do_fanotify(void)
{
	return result(syscall(SYS_fanotify_init, 0, 0));
}

/* On no group: it is let through, and fails. */
static int
do_mark(void)
{
	(void)syscall(SYS_fanotify_mark, -1, 0x11, 0, AT_FDCWD, "/");
	return 0;
}

static int
do_mark_flush(void)
{
	(void)syscall(SYS_fanotify_mark, -1, 0x90, 0, AT_FDCWD, NULL);
	return 0;
}

static const struct {
	const char *name;
	int (*op)(void);
	unsigned works_in; /* elsewhere it dies */
} calls[] = {
	{"execve", do_execve, 0},
	{"execveat", do_execveat, 0},
	{"fork", do_fork, 0},
	{"clone3 is hidden", do_vfork_clone3, ALL},
	{"ptrace", do_ptrace, 0},
	{"ptrace for memory", do_ptrace_peek, 0},
	{"ptrace to hold", do_ptrace_seize, P(SUPERVISOR)},
	{"wait", do_wait, P(SUPERVISOR)},
	{"process_vm_readv", do_vm_read, P(SUPERVISOR)},
	{"process_vm_writev", do_vm_write, P(SUPERVISOR)},
	{"io_uring_setup", do_io_uring, 0},
	{"userfaultfd", do_userfaultfd, 0},
	{"keyctl", do_keyctl, 0},
	{"bpf", do_bpf, 0},
	{"perf_event_open", do_perf, 0},
	{"unshare", do_unshare, 0},
	{"setuid", do_setuid, 0},
	{"chroot", do_chroot, 0},
	{"kill", do_kill, 0},
	{"tgkill of another", do_tgkill_parent, 0},
	{"executable mmap", do_exec_memory, 0},
	{"executable mprotect", do_mprotect_exec, 0},
	{"TIOCSTI", do_tiocsti, 0},
	{"TIOCSTI, wide", do_tiocsti_wide, 0},
	{"AF_PACKET", do_packet_socket, 0},
	{"netfilter netlink", do_netlink_other, 0},
	{"listen", do_listen, P(SUPERVISOR)},
	{"setrlimit", do_setrlimit, 0},
	{"AF_INET", do_inet_socket, P(IDENTITY) | P(SESSION)},
	{"inotify", do_inotify, P(CONTROL)},
	{"fanotify_init", do_fanotify, 0},
	{"a mark on a mount", do_mark, P(WATCHER)},
	{"a mark that takes others away", do_mark_flush, 0},
};

static const char *
profile_name(unsigned p)
{
	return sp_sandbox_name((enum sp_sandbox_profile)p);
}

static int
do_nothing(void)
{
	return 0;
}

static void
test_forbidden_calls_die(void **state)
{
	(void)state;
	if (run(SP_SANDBOX_SESSION, NULL, do_nothing) == UNSUPPORTED) {
		(void)fprintf(stderr, "SKIP: this kernel has no Landlock\n");
		skip();
	}
	for (unsigned p = 0; p <= SP_SANDBOX_WATCHER; p++) {
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			int want = (calls[i].works_in >> p & 1) != 0 ? 0 : DIES, r;

			r = run((enum sp_sandbox_profile)p, NULL, calls[i].op);
			if (r != want)
				fail_msg("%s in %s: %d instead of %d", calls[i].name, profile_name(p), r, want);
		}
	}
}

static void
test_files(void **state)
{
	const struct sp_sandbox_path ro[] = {{dir, 0}, {0}}, rw[] = {{dir, 1}, {0}};
	const struct sp_sandbox_path root[] = {{"/", 1}, {0}}, dots[] = {{"/./", 0}, {0}}, gone[] = {{"/nonexistent/x", 0}, {0}};
	const struct sp_sandbox_path magic[] = {{"/proc/self/root", 0}, {0}}, parent[] = {{"/usr/..", 0}, {0}};
	const unsigned writers = P(IDENTITY) | P(CONTROL) | P(RECORDER);

	(void)state;
	if (run(SP_SANDBOX_SESSION, NULL, do_nothing) == UNSUPPORTED)
		skip();
	for (unsigned p = 0; p <= SP_SANDBOX_AUDIT; p++) {
		enum sp_sandbox_profile profile = (enum sp_sandbox_profile)p;
		bool can_write = (writers >> p & 1) != 0;

		/* Without a path, or read only: Landlock says no; where nothing is ever written, the call dies. */
		assert_int_equal(run(profile, NULL, do_write_open), can_write ? 13 : DIES);
		assert_int_equal(run(profile, ro, do_write_open), can_write ? 13 : DIES);
		assert_int_equal(run(profile, rw, do_write_open), can_write ? 0 : DIES);
		assert_int_equal(run(profile, NULL, do_write_tmp), can_write ? 13 : DIES);
		assert_int_equal(run(profile, ro, do_unlink), can_write ? 13 : DIES);
		assert_int_equal(run(profile, root, do_nothing), 78);
		assert_int_equal(run(profile, dots, do_nothing), 78);
		assert_int_equal(run(profile, gone, do_nothing), 78);
		assert_int_equal(run(profile, magic, do_nothing), 78);
		assert_int_equal(run(profile, parent, do_nothing), 78);
		/* The root directory, and one that the caller did not name. */
		assert_int_equal(run(profile, NULL, do_read_root), 13);
		assert_int_equal(run(profile, NULL, do_read_tmp), 13);
		assert_int_equal(run(profile, ro, do_read_tmp), 0);
	}
}

/* --- what the session does all day ------------------------------------------------------------------ */
static int passed[2]; /* a pair made before entering */

static int
session_ipc(void)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	struct sp_peer_cred cred;
	const void *p;
	size_t n;
	int fd, got;

	if (sp_memfd_sealed("t", "hello", 5, &fd) != 0)
		return 5;
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	if (sendmsg(passed[0], &mh, MSG_NOSIGNAL) != 1 || recvmsg(passed[1], &mh, MSG_CMSG_CLOEXEC) != 1)
		return 2;
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(got));
	if (sp_memfd_map(got, 100, &p, &n) != 0 || n != 5 || memcmp(p, "hello", 5) != 0)
		return 3;
	return sp_cred_of_socket(passed[1], &cred) == 0 && cred.uid == getuid() ? 0 : 4;
}

static int
session_loop(void)
{
	struct itimerspec its = {.it_value = {.tv_nsec = 1000000}};
	struct epoll_event ev = {.events = EPOLLIN};
	int ep = epoll_create1(EPOLL_CLOEXEC), t = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (ep < 0 || t < 0 || timerfd_settime(t, 0, &its, NULL) != 0 || epoll_ctl(ep, EPOLL_CTL_ADD, t, &ev) != 0)
		return 2;
	return epoll_wait(ep, &ev, 1, 1000) == 1 ? 0 : 3;
}

static int
session_resolves(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *ai;

	if (getaddrinfo("localhost", "5432", &hints, &ai) != 0)
		return 2;
	freeaddrinfo(ai);
	/* An unknown name goes through all of nsswitch; whatever the answer is, the process lives. */
	if (getaddrinfo("sallyport.invalid", "5432", &hints, &ai) == 0)
		freeaddrinfo(ai);
	return 0;
}

static int
session_reads_ca(void)
{
	return result(open("/etc/ssl/certs", O_RDONLY | O_DIRECTORY));
}

static int
session_reads_passwd(void)
{
	return result(open("/etc/passwd", O_RDONLY));
}

static int
session_reads_home(void)
{
	return result(open("/root", O_RDONLY | O_DIRECTORY));
}

static int
session_binds_tcp(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return result(bind(fd, (struct sockaddr *)&sin, sizeof(sin)));
}

static void *
thread_main(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static int
session_threads(void)
{
	pthread_t t;
	int ran = 0;

	if (pthread_create(&t, NULL, thread_main, &ran) != 0 || pthread_join(t, NULL) != 0)
		return 2;
	return ran ? 0 : 3;
}

static int
session_aborts(void)
{
	abort();
}

static void
test_session_works(void **state)
{
	(void)state;
	if (run(SP_SANDBOX_SESSION, NULL, do_nothing) == UNSUPPORTED)
		skip();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, passed), 0);
	assert_int_equal(run(SP_SANDBOX_SESSION, NULL, session_ipc), 0);
	assert_int_equal(run(SP_SANDBOX_SESSION, NULL, session_loop), 0);
	assert_int_equal(run(SP_SANDBOX_SESSION, NULL, session_resolves), 0);
	assert_int_equal(run(SP_SANDBOX_SESSION, NULL, session_threads), 0);
	assert_int_equal(run(SP_SANDBOX_SESSION, NULL, session_aborts), -1); /* SIGABRT, not SIGSYS */
	if (access("/etc/ssl/certs", R_OK) == 0)
		assert_int_equal(run(SP_SANDBOX_SESSION, NULL, session_reads_ca), 0);
	assert_int_equal(run(SP_SANDBOX_SESSION, NULL, session_reads_passwd), 13);
	assert_int_equal(run(SP_SANDBOX_SESSION, NULL, session_reads_home), 13);
	assert_in_range(run(SP_SANDBOX_SESSION, NULL, session_binds_tcp), 0, 13);
	(void)close(passed[0]);
	(void)close(passed[1]);
}

static int
make_dir(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/sp-sandbox.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/old", dir);
	return close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static int
remove_dir(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/new", dir);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/old", dir);
	(void)unlink(path);
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forbidden_calls_die),
		cmocka_unit_test_setup_teardown(test_files, make_dir, remove_dir),
		cmocka_unit_test(test_session_works),
	};

	/* The children die on purpose. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
