/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyport-ssh(8): starts the transports to target hosts. Asked by sallyportd only, it makes one process for each, which
 * outlives it. It holds no key, parses nothing a person wrote, and runs as an account that owns nothing.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_ssh.h"
#include "lib/ulid.h"
#include "runtime/cred.h"
#include "runtime/log.h"
#include "runtime/privdrop.h"
#include "session-agent/ssh_config.h"
#include "session-agent/ssh_launch.h"

#define SSH_SOCKET SP_RUNDIR "/ssh/ssh.sock"
#define SSH_ACCOUNT "sallyport-ssh"
#define SSH_BACKLOG 64
#define SSH_DEADLINE_MS 2000
#define SSH_COMMAND_MAX ((size_t)64 * 1024)
#define SSH_TERM_MAX 64

static int
ssh_listen(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = SSH_SOCKET ".new" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	(void)unlink(sun.sun_path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 || chmod(sun.sun_path, 0600) != 0 ||
	    listen(fd, SSH_BACKLOG) != 0 || rename(sun.sun_path, SSH_SOCKET) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* What START said; texts are views or copies that live as long as the process. */
static int
ssh_get_start(struct sp_buf *body, struct sp_ssh_launch *l, char **ret_id)
{
	char *command = NULL, *term = NULL;
	uint8_t has_tty = 0, what = 0;
	int r;

	r = sp_buf_get_cstring(body, SP_ULID_LEN, ret_id);
	if (r == 0)
		r = sp_buf_get_u8(body, &has_tty);
	if (r == 0)
		r = sp_buf_get_cstring(body, SSH_TERM_MAX, &term);
	if (r == 0)
		r = sp_buf_get_view(body, SP_SSH_CONFIG_MAX, &l->config);
	if (r == 0)
		r = sp_buf_get_view(body, SP_SSH_CONFIG_MAX, &l->known_hosts);
	if (r == 0)
		r = sp_buf_get_u8(body, &what);
	if (r == 0)
		r = sp_buf_get_cstring(body, SSH_COMMAND_MAX, &command);
	if (r != 0 || sp_buf_len(body) != 0 || has_tty > 1 || what > SP_IPC_SSH_FORWARD || !sp_ssh_launch_is_term(term) ||
	    (what >= SP_IPC_SSH_SUBSYSTEM && has_tty == 1)) {
		free(command);
		free(term);
		return SP_ERR_PROTOCOL;
	}
	l->has_tty = has_tty == 1;
	l->term = term;
	l->is_forward = what == SP_IPC_SSH_FORWARD;
	l->is_subsystem = what == SP_IPC_SSH_SUBSYSTEM;
	l->command = what == SP_IPC_SSH_SHELL ? NULL : command;
	return 0;
}

/* In a process of its own. */
static int
ssh_serve(int fd)
{
	struct sp_ssh_launch l = { 0 };
	struct sp_ipc_msg msg = { 0 };
	struct sp_peer_cred cred;
	struct sp_buf *buf = sp_buf_new(0), *body;
	char *id = NULL, prefix[64];
	int r = SP_ERR_NOMEM;

	if (buf == NULL || sp_cred_of_socket(fd, &cred) != 0)
		return 1;
	if (cred.uid != 0) {
		sp_log_warn("uid %u has connected to " SSH_SOCKET, (unsigned)cred.uid);
		return 1;
	}
	r = sp_ipc_recv(fd, buf, &msg, sp_ipc_now_ms() + SSH_DEADLINE_MS);
	if (r != 0 || msg.type != SP_IPC_SSH_START || msg.nfds != SP_SSH_LAUNCH_FDS)
		return 1;
	(void)close(fd);
	body = sp_buf_from(msg.body.data, msg.body.len);
	if (body == NULL || ssh_get_start(body, &l, &id) != 0) {
		sp_log_err("a START that cannot be understood");
		return 1;
	}
	(void)snprintf(prefix, sizeof(prefix), "session=%s ", id);
	sp_log_set_prefix(prefix);
	memcpy(l.fds, msg.fds, sizeof(l.fds));
	return sp_ssh_launch_run(&l);
}

static void
ssh_loop(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		pid_t pid;

		if (fd < 0) {
			if (errno != EINTR && errno != ECONNABORTED)
				(void)usleep(100000); /* no descriptors, no memory: they come back */
			continue;
		}
		pid = fork();
		if (pid == 0) {
			(void)close(listener);
			(void)signal(SIGCHLD, SIG_DFL);
			_exit(ssh_serve(fd));
		}
		if (pid < 0)
			sp_log_err("no process for a transport: %m");
		(void)close(fd);
	}
}

int
main(int argc, char **argv)
{
	struct rlimit none = { 0, 0 };
	int listener, r;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("sallyport-ssh " PACKAGE_VERSION);
		return 0;
	}
	if (argc > 1) {
		(void)fputs("usage: sallyport-ssh [--version]\n", stderr);
		return 2;
	}
	sp_log_open("sallyport-ssh", LOG_INFO, 1);
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_IGN); /* what ends is not waited for */
	r = sp_privdrop(SSH_ACCOUNT, 0);
	if (r != 0 || setrlimit(RLIMIT_CORE, &none) != 0) {
		sp_log_err("cannot become " SSH_ACCOUNT ": %s", sp_err_str(r));
		return 1;
	}
	listener = ssh_listen();
	if (listener < 0) {
		sp_log_err("cannot listen at " SSH_SOCKET ": %m");
		return 1;
	}
	sp_log_info("ready");
	(void)sd_notify(0, "READY=1");
	ssh_loop(listener);
	return 0;
}
