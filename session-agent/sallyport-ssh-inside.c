/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the transport's sandbox: makes the agent's socket and hands it to the session, runs OpenSSH's client, gives it
 * the connection to the target that the session has made, and passes on what it has to say. As `connect` it is that
 * client's ProxyCommand; by its other name its askpass program, which never sees what is answered: it hands the client's
 * pipe to the session; so does `host-key`, about the key that the host has shown. Descriptors: 3 the transport channel, 4 the connection to the target.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_transport.h"
#include "session-agent/ssh_config.h"
#include "session-agent/ssh_launch.h"

#define INSIDE_SSH "/usr/bin/ssh"
#define INSIDE_CONFIG SP_SSH_CONFIG_DIRECTORY "/config"
#define INSIDE_LOG SP_SSH_CONFIG_DIRECTORY "/log"
#define INSIDE_AGENT SP_SSH_CONFIG_DIRECTORY "/agent"
#define INSIDE_TARGET SP_SSH_CONFIG_DIRECTORY "/target"
#define INSIDE_ASK SP_SSH_CONFIG_DIRECTORY "/ask"
#define INSIDE_SEND_MS 10000
#define INSIDE_LINE_MAX 1024
#define INSIDE_ASK_MAX 8192 /* bytes of a question */
#define INSIDE_STATUS 254 /* exit status of Sallyport's own failures */

/* --- the client's ProxyCommand ------------------------------------------------------------------------ */

static int
inside_dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/* One byte and one descriptor, as OpenSSH's ProxyUseFdpass wants it. */
static int
inside_connect(void)
{
	int fd = inside_dial(INSIDE_TARGET);
	struct sp_ipc_msg msg = { 0 };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;
	size_t n;

	if (fd < 0 || poll(&p, 1, INSIDE_SEND_MS) != 1 || sp_ipc_read(fd, &byte, 1, &msg, &n) != 0 || msg.nfds != 1)
		return 1;
	return sp_ipc_write(STDOUT_FILENO, "", 1, msg.fds, 1, &n) == 0 ? 0 : 1;
}

/*
 * Only an answer ends it well. Without one it must not end at all: the client would send an empty password. The session,
 * which has refused, ends them both.
 */
static int
inside_askpass(const char *prompt)
{
	int fd = inside_dial(INSIDE_ASK), out = STDOUT_FILENO;
	struct sp_buf *body = sp_buf_new(INSIDE_LINE_MAX + 16);
	char byte;

	if (fd >= 0 && body != NULL && strlen(prompt) <= INSIDE_LINE_MAX) {
		sp_buf_put_cstring(body, prompt);
		if (sp_ipc_send(fd, SP_IPC_TRANSPORT_ASK, 0, body, &out, 1, sp_ipc_now_ms() + INSIDE_SEND_MS) == 0 &&
		    read(fd, &byte, 1) == 1)
			return 0;
	}
	for (;;)
		(void)pause();
}

/*
 * About the key that the host has shown, once the client has it ("HOSTNAME"). The line goes from the session to the client;
 * without an answer there is none, and the client knows no key.
 */
static int
inside_host_key(const char *why, const char *base64)
{
	struct sp_buf *body = sp_buf_new(INSIDE_ASK_MAX);
	int fd, out = STDOUT_FILENO;
	char byte;

	if (strcmp(why, "HOSTNAME") != 0)
		return 0;
	fd = inside_dial(INSIDE_ASK);
	if (fd < 0 || body == NULL)
		return 1;
	sp_buf_put_cstring(body, base64);
	if (sp_buf_error(body) != 0 ||
	    sp_ipc_send(fd, SP_IPC_TRANSPORT_HOST_KEY, 0, body, &out, 1, sp_ipc_now_ms() + INSIDE_SEND_MS) != 0)
		return 1;
	return read(fd, &byte, 1) == 1 ? 0 : 1;
}

/* --- making the place ------------------------------------------------------------------------------------ */

static int
inside_listen(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	if (fd >= 0 && (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 || listen(fd, 1) != 0)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static bool
inside_offer_agent(void)
{
	int fd = inside_listen(INSIDE_AGENT);
	bool is_sent = fd >= 0 &&
	    sp_ipc_send(SP_SSH_LAUNCH_CHANNEL, SP_IPC_TRANSPORT_READY, 0, NULL, &fd, 1, sp_ipc_now_ms() + INSIDE_SEND_MS) == 0;

	if (fd >= 0)
		(void)close(fd);
	return is_sent;
}

/* What the client is to be: with a command, or none. */
static bool
inside_is_way(const char *how, bool has_command)
{
	return strcmp(how, "tty") == 0 || strcmp(how, "pipes") == 0 ||
	    (has_command && (strcmp(how, "subsystem") == 0 || strcmp(how, "forward") == 0));
}

/* In the child. Through a jump host, command is the address of the next one. */
static void
inside_exec(const char *how, const char *command)
{
	bool is_forward = strcmp(how, "forward") == 0, has_tty = strcmp(how, "tty") == 0;
	const char *argv[12] = { "ssh", "-F", INSIDE_CONFIG, "-E", INSIDE_LOG,
		is_forward ? "-W" : has_tty ? "-tt" : strcmp(how, "subsystem") == 0 ? "-sT" : "-T" };
	size_t n = 6;
	sigset_t none;

	sigemptyset(&none);
	if (is_forward)
		argv[n++] = command;
	argv[n++] = "--";
	argv[n++] = SP_SSH_CONFIG_TARGET;
	argv[n++] = is_forward ? NULL : command; /* NULL: a shell */
	argv[n] = NULL;
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (setsid() < 0 || (has_tty && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) || close_range(3, ~0U, 0) != 0)
		_exit(INSIDE_STATUS);
	(void)execv(INSIDE_SSH, (char *const *)(uintptr_t)argv);
	_exit(INSIDE_STATUS);
}

/* --- while it runs ------------------------------------------------------------------------------------------ */

struct inside {
	int target; /* listening; -1: the connection was given away */
	int ask;
	int log;
	char line[INSIDE_LINE_MAX];
	size_t len;
};

static void
inside_say(struct inside *in)
{
	struct sp_buf *body = sp_buf_new(INSIDE_LINE_MAX + 16);

	if (body != NULL) {
		sp_buf_put_string(body, in->line, in->len);
		if (sp_ipc_send(SP_SSH_LAUNCH_CHANNEL, SP_IPC_TRANSPORT_LOG, 0, body, NULL, 0, sp_ipc_now_ms() + INSIDE_SEND_MS) != 0)
			_exit(INSIDE_STATUS);
	}
	sp_buf_free(body);
	in->len = 0;
}

static void
inside_on_log(struct inside *in)
{
	char chunk[512];
	ssize_t i, n = read(in->log, chunk, sizeof(chunk));

	for (i = 0; i < n; i++) {
		if (chunk[i] == '\n' || in->len == sizeof(in->line)) {
			if (in->len > 0)
				inside_say(in);
		}
		if (chunk[i] != '\n' && chunk[i] != '\r')
			in->line[in->len++] = chunk[i];
	}
}

/* Once: there is one connection, and one client. */
static void
inside_on_target(struct inside *in)
{
	int target = SP_SSH_LAUNCH_TARGET, fd = accept4(in->target, NULL, NULL, SOCK_CLOEXEC);
	size_t n;

	if (fd < 0)
		return;
	if (sp_ipc_write(fd, "", 1, &target, 1, &n) != 0)
		_exit(INSIDE_STATUS);
	(void)close(fd);
	(void)close(in->target);
	(void)close(SP_SSH_LAUNCH_TARGET);
	in->target = -1;
}

/* A question is passed on as it came, with where its answer goes. */
static void
inside_on_ask(const struct inside *in)
{
	int fd = accept4(in->ask, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), fds[2];
	struct sp_ipc_msg msg = { 0 };
	struct sp_buf *buf = sp_buf_new(INSIDE_ASK_MAX + 64), *body = NULL;

	if (fd < 0 || buf == NULL)
		_exit(INSIDE_STATUS);
	if (sp_ipc_recv(fd, buf, &msg, sp_ipc_now_ms() + INSIDE_SEND_MS) != 0 ||
	    (msg.type != SP_IPC_TRANSPORT_ASK && msg.type != SP_IPC_TRANSPORT_HOST_KEY) || msg.nfds != 1)
		_exit(INSIDE_STATUS);
	body = sp_buf_from(msg.body.data, msg.body.len);
	fds[0] = msg.fds[0];
	fds[1] = fd;
	if (body == NULL || sp_ipc_send(SP_SSH_LAUNCH_CHANNEL, msg.type, 0, body, fds, 2,
				sp_ipc_now_ms() + INSIDE_SEND_MS) != 0)
		_exit(INSIDE_STATUS);
	(void)close(fds[0]);
	(void)close(fds[1]);
	sp_buf_free(body);
	sp_buf_free(buf);
}

static int
inside_wait(struct inside *in, pid_t pid)
{
	struct pollfd p[5] = { { .fd = pidfd_open(pid, 0), .events = POLLIN }, { .fd = SP_SSH_LAUNCH_CHANNEL, .events = POLLIN },
		{ .fd = in->log, .events = POLLIN }, { .fd = in->target, .events = POLLIN },
		{ .fd = in->ask, .events = POLLIN } };
	int status;

	while (p[0].revents == 0) {
		if (poll(p, 5, -1) < 0 && errno != EINTR)
			_exit(INSIDE_STATUS);
		if (p[1].revents != 0)
			_exit(INSIDE_STATUS); /* the session is gone, and with this process the whole sandbox */
		if (p[2].revents != 0)
			inside_on_log(in);
		if (p[3].revents != 0)
			inside_on_target(in);
		if (p[4].revents != 0)
			inside_on_ask(in);
		p[3].fd = in->target;
	}
	while (poll(&p[2], 1, 0) == 1 && (p[2].revents & POLLIN) != 0)
		inside_on_log(in);
	if (in->len > 0)
		inside_say(in);
	if (waitpid(pid, &status, 0) != pid)
		return INSIDE_STATUS;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int
main(int argc, char **argv)
{
	struct inside in = { 0 };
	pid_t pid;

	if (argc == 2 && strcmp(argv[1], "connect") == 0)
		return inside_connect();
	if (argc == 2 && strcmp(argv[0], SP_SSH_CONFIG_ASKPASS) == 0)
		return inside_askpass(argv[1]);
	if (argc == 4 && strcmp(argv[1], SP_SSH_CONFIG_HOST_KEY) == 0)
		return inside_host_key(argv[2], argv[3]);
	if (argc < 2 || argc > 3)
		return 2;
	if (!inside_is_way(argv[1], argc == 3))
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)umask(077);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || fcntl(SP_SSH_LAUNCH_CHANNEL, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(SP_SSH_LAUNCH_TARGET, F_SETFD, FD_CLOEXEC) != 0)
		return INSIDE_STATUS;
	in.target = inside_listen(INSIDE_TARGET);
	in.ask = inside_listen(INSIDE_ASK);
	if (mkfifo(INSIDE_LOG, 0600) != 0)
		return INSIDE_STATUS;
	in.log = open(INSIDE_LOG, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (in.target < 0 || in.ask < 0 || in.log < 0 || !inside_offer_agent())
		return INSIDE_STATUS;
	pid = fork();
	if (pid == 0)
		inside_exec(argv[1], argc == 3 ? argv[2] : NULL);
	if (pid < 0)
		return INSIDE_STATUS;
	return inside_wait(&in, pid);
}
