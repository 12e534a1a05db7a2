/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ssh_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_transport.h"
#include "runtime/log.h"
#include "runtime/memfd.h"
#include "session-agent/ssh_config.h"
#include "session-agent/ssh_filter.h"

#define LAUNCH_WORDS_MAX 96
#define LAUNCH_TERM_MAX 64
#define LAUNCH_SEND_MS 2000
#define LAUNCH_STATUS 254
#define LAUNCH_ACCOUNT "sallyport-ssh"

/* Small files of the sandbox, each a memfd that bubblewrap copies. */
enum { FILE_FILTER, FILE_CONFIG, FILE_KNOWN_HOSTS, FILE_PASSWD, FILE_GROUP, FILES };

struct words {
	const char *argv[LAUNCH_WORDS_MAX + 1];
	size_t n;
	int files[FILES];
	char numbers[FILES][12];
	bool is_full;
};

bool
sp_ssh_launch_is_term(const char *term)
{
	size_t n = strlen(term);

	return n <= LAUNCH_TERM_MAX &&
	    strspn(term, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") == n;
}

static void
words_add(struct words *w, const char *s)
{
	if (w->n == LAUNCH_WORDS_MAX)
		w->is_full = true;
	else
		w->argv[w->n++] = s;
}

static void
words_add_list(struct words *w, const char *const *list)
{
	for (; *list != NULL; list++)
		words_add(w, *list);
}

static void
words_add_file(struct words *w, int file, const char *path)
{
	words_add(w, "--ro-bind-data");
	words_add(w, w->numbers[file]);
	words_add(w, path);
}

static int
launch_files(const struct sp_ssh_launch *l, struct words *w)
{
	char passwd[256], group[128];
	int i, r;

	(void)snprintf(passwd, sizeof(passwd), LAUNCH_ACCOUNT ":x:%u:%u::" SP_SSH_CONFIG_DIRECTORY ":/bin/sh\n",
	    (unsigned)getuid(), (unsigned)getgid());
	(void)snprintf(group, sizeof(group), LAUNCH_ACCOUNT ":x:%u:\n", (unsigned)getgid());
	r = sp_ssh_filter(&w->files[FILE_FILTER]);
	if (r == 0)
		r = sp_memfd_sealed("ssh", l->config.data, l->config.len, &w->files[FILE_CONFIG]);
	if (r == 0)
		r = sp_memfd_sealed("ssh", l->known_hosts.data, l->known_hosts.len, &w->files[FILE_KNOWN_HOSTS]);
	if (r == 0)
		r = sp_memfd_sealed("ssh", passwd, strlen(passwd), &w->files[FILE_PASSWD]);
	if (r == 0)
		r = sp_memfd_sealed("ssh", group, strlen(group), &w->files[FILE_GROUP]);
	for (i = 0; i < FILES; i++)
		(void)snprintf(w->numbers[i], sizeof(w->numbers[i]), "%d", w->files[i]);
	return r;
}

/* One of /bin, /lib, …: a link into /usr as on the host, or the host's directory where /usr is not merged. */
static void
launch_top(struct words *w, const char *path, const char *target)
{
	char link[16];

	words_add(w, readlink(path, link, sizeof(link)) > 0 ? "--symlink" : "--ro-bind-try");
	words_add(w, readlink(path, link, sizeof(link)) > 0 ? target : path);
	words_add(w, path);
}

static int
launch_words(const struct sp_ssh_launch *l, struct words *w)
{
	static const char askpass[] = SP_SSH_CONFIG_ASKPASS, inside[] = SP_SSH_LAUNCH_INSIDE;
	static const char *const isolation[] = { SP_SSH_LAUNCH_BWRAP, "--unshare-user", "--unshare-ipc", "--unshare-pid",
		"--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--cap-drop", "ALL",
		"--hostname", "sallyport", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin", "--setenv", "SSH_ASKPASS",
		askpass, "--setenv", "SSH_ASKPASS_REQUIRE", "force", "--seccomp", NULL };
	static const char *const tree[] = { "--ro-bind", "/usr", "/usr", "--dev", "/dev", "--size", "1048576", "--tmpfs",
		"/run", "--dir", SP_SSH_CONFIG_DIRECTORY, "--symlink", inside, askpass, "--ro-bind-try",
		"/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind-try", "/etc/alternatives", "/etc/alternatives",
		"--ro-bind-try", "/etc/ssl/openssl.cnf", "/etc/ssl/openssl.cnf", NULL };

	words_add_list(w, isolation);
	words_add(w, w->numbers[FILE_FILTER]);
	if (l->term[0] != '\0') {
		words_add(w, "--setenv");
		words_add(w, "TERM");
		words_add(w, l->term);
	}
	words_add_list(w, tree);
	launch_top(w, "/bin", "usr/bin");
	launch_top(w, "/sbin", "usr/sbin");
	launch_top(w, "/lib", "usr/lib");
	launch_top(w, "/lib64", "usr/lib64");
	words_add_file(w, FILE_PASSWD, "/etc/passwd");
	words_add_file(w, FILE_GROUP, "/etc/group");
	words_add_file(w, FILE_CONFIG, SP_SSH_CONFIG_DIRECTORY "/config");
	words_add_file(w, FILE_KNOWN_HOSTS, SP_SSH_CONFIG_DIRECTORY "/known_hosts");
	words_add(w, "--remount-ro");
	words_add(w, "/");
	words_add(w, "--chdir");
	words_add(w, "/");
	words_add(w, "--");
	words_add(w, SP_SSH_LAUNCH_INSIDE);
	words_add(w, l->is_forward ? "forward" : l->is_subsystem ? "subsystem" : l->has_tty ? "tty" : "pipes");
	if (l->command != NULL)
		words_add(w, l->command);
	w->argv[w->n] = NULL;
	return w->is_full ? SP_ERR_LIMIT : 0;
}

/* In the child: descriptors 0 to 4 and those that bubblewrap reads, no other. */
static void
launch_exec(const struct sp_ssh_launch *l, struct words *w)
{
	static char *const no_env[] = { NULL };
	char *argv[LAUNCH_WORDS_MAX + 1];
	int i, high[SP_SSH_LAUNCH_FDS];

	for (i = 0; i < SP_SSH_LAUNCH_FDS; i++) { /* above all of them first: the given ones may be any */
		high[i] = fcntl(l->fds[i], F_DUPFD_CLOEXEC, 64);
		if (high[i] < 0)
			_exit(126);
	}
	for (i = 0; i < FILES; i++) { /* and these out of the way of 0 to 4 */
		int fd = fcntl(w->files[i], F_DUPFD_CLOEXEC, 16);

		if (fd < 0)
			_exit(126);
		w->files[i] = fd;
		(void)snprintf(w->numbers[i], sizeof(w->numbers[i]), "%d", fd);
	}
	if (close_range(0, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		_exit(126);
	for (i = 0; i < SP_SSH_LAUNCH_FDS; i++)
		if (dup2(high[i], i) < 0)
			_exit(126);
	for (i = 0; i < FILES; i++)
		if (fcntl(w->files[i], F_SETFD, 0) != 0)
			_exit(126);
	memcpy(argv, w->argv, sizeof(argv));
	(void)execve(argv[0], argv, no_env);
	_exit(127);
}

static void
launch_say_exit(const struct sp_ssh_launch *l, bool is_signaled, int value)
{
	struct sp_buf *body = sp_buf_new(16);

	if (body != NULL) {
		sp_buf_put_u8(body, is_signaled);
		sp_buf_put_u32(body, (uint32_t)value);
		if (sp_ipc_send(l->fds[SP_SSH_LAUNCH_CHANNEL], SP_IPC_TRANSPORT_EXIT, 0, body, NULL, 0,
			sp_ipc_now_ms() + LAUNCH_SEND_MS) != 0)
			sp_log_debug("the session is gone");
	}
	sp_buf_free(body);
}

/* Until the child has ended, or the session has: then the child is killed. True: the session is still there. */
static bool
launch_wait(const struct sp_ssh_launch *l, pid_t pid, int pidfd, int *ret_status)
{
	struct pollfd p[2] = { { .fd = pidfd, .events = POLLIN },
		{ .fd = l->fds[SP_SSH_LAUNCH_CHANNEL], .events = POLLIN } };
	bool is_there = true;

	for (;;) {
		if (poll(p, is_there ? 2 : 1, -1) < 0 && errno != EINTR)
			break;
		if (is_there && p[1].revents != 0) { /* it never speaks: this is its end */
			is_there = false;
			(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		}
		if (p[0].revents != 0)
			break;
		p[0].revents = p[1].revents = 0;
	}
	if (waitpid(pid, ret_status, 0) != pid)
		*ret_status = LAUNCH_STATUS << 8;
	return is_there;
}

int
sp_ssh_launch_run(const struct sp_ssh_launch *l)
{
	struct words w = { .files = { -1, -1, -1, -1, -1 } };
	int pidfd, status, i;
	pid_t pid;

	if (launch_files(l, &w) != 0 || launch_words(l, &w) != 0) {
		launch_say_exit(l, false, LAUNCH_STATUS);
		return 1;
	}
	pid = fork();
	if (pid == 0)
		launch_exec(l, &w);
	for (i = 0; i < FILES; i++)
		(void)close(w.files[i]);
	for (i = 0; i < SP_SSH_LAUNCH_FDS; i++) /* the person's end of file and the target's connection are the child's alone */
		if (i != SP_SSH_LAUNCH_CHANNEL && pid > 0)
			(void)close(l->fds[i]);
	pidfd = pid < 0 ? -1 : pidfd_open(pid, 0);
	if (pidfd < 0) {
		if (pid > 0)
			(void)kill(pid, SIGKILL);
		launch_say_exit(l, false, LAUNCH_STATUS);
		return 1;
	}
	if (launch_wait(l, pid, pidfd, &status))
		launch_say_exit(l, WIFSIGNALED(status), WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 0;
}
