/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forced command (and, better, the login shell) of everybody who comes through
 * Sallyport. Runs as the person, in their audit session. Hands its descriptors to
 * the agent, starts the tool the agent names in a sandbox, and ends as the agent
 * says. Its arguments are ignored: sshd calls a login shell with -c and the forced
 * command, and there is nothing to choose.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forcecmd/shellbox.h"
#include "forcecmd/terminal.h"
#include "forcecmd/toolbox.h"
#include "lib/ipc.h"
#include "lib/ipc_session.h"
#include "lib/text.h"

#define FORCECMD_SOCKET SP_RUNDIR "/session.sock"
#define FORCECMD_AUDIT SP_LIBEXECDIR "/sallyport-audit"
#define FORCECMD_STATUS 254	     /* exit status of Sallyport's own failures; sshd uses it for PAM's */
#define FORCECMD_CALL_MS 5000	     /* for connecting, and for the rest of a frame that has begun */
#define FORCECMD_MESSAGE_MAX 65536   /* bytes of a REFUSED message */
#define FORCECMD_WORD_MAX 131072     /* bytes of one word or variable of SPAWN */
#define FORCECMD_WORDS_MAX 256	     /* words, and variables, of SPAWN */
#define FORCECMD_COMMAND_MAX 65536   /* bytes of SSH_ORIGINAL_COMMAND; the agent has the same maximum */
#define FORCECMD_TERM_MAX 64
#define FORCECMD_AUDIT_MS 1000	     /* between two starts of sallyport-audit */

/* session.sock (PROTOCOL.ipc section 3). */
struct forcecmd {
	int fd;	   /* to the agent */
	int sigfd;
	pid_t audit;	   /* 0: none */
	int audit_pipe;    /* sallyport-audit ends when this is closed */
	int64_t audit_next; /* it is not started again before (sp_ipc_now_ms) */
	pid_t tool;	   /* 0: none */
	int tool_pipe;	   /* sallyport-exec ends what it started when this is closed; -1: it is not that */
	struct sp_buf *in; /* the frame being handled */
	struct sp_buf *out;
	char user[64];
	bool has_tty;
	bool is_over;
	bool is_signaled;
	bool has_hung_up; /* nobody reads stdout any more, and the session knows */
	int status;
};

static void
forcecmd_say(const char *text)
{
	struct sp_buf *b = sp_buf_new(FORCECMD_MESSAGE_MAX + 16);

	sp_terminal_restore();
	if (b == NULL)
		return;
	sp_buf_putf(b, "%s\n", text);
	if (sp_buf_error(b) == 0)
		(void)!write(STDERR_FILENO, sp_buf_data(b), sp_buf_len(b)); /* there may be nobody to read it */
	sp_buf_free(b);
}

static void
forcecmd_end(struct forcecmd *f, int status, const char *text)
{
	if (f->is_over)
		return;
	f->is_over = true;
	f->status = status;
	if (text != NULL)
		forcecmd_say(text);
}

static void
forcecmd_lost(struct forcecmd *f)
{
	forcecmd_end(f, FORCECMD_STATUS, "sallyport: the session agent has gone away, so this session ends here.");
}

static void
forcecmd_send(struct forcecmd *f, uint8_t type)
{
	if (sp_buf_error(f->out) != 0 ||
	    sp_ipc_send(f->fd, type, 0, f->out, NULL, 0, sp_ipc_now_ms() + FORCECMD_CALL_MS) != 0)
		forcecmd_lost(f);
	sp_buf_reset(f->out);
}

/* A variable of sshd's as a short name, or nothing. */
static const char *
forcecmd_name(const char *variable)
{
	const char *v = getenv(variable);

	if (v == NULL || strlen(v) > FORCECMD_TERM_MAX ||
	    v[strspn(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@+-")] != '\0')
		return "";
	return v;
}

static int
forcecmd_start(struct forcecmd *f)
{
	const char *command = getenv("SSH_ORIGINAL_COMMAND");
	static const int fds[3] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	uint32_t rows, cols;
	const char *lang = forcecmd_name("LC_ALL");
	int r;

	if (command == NULL)
		command = "";
	if (strnlen(command, FORCECMD_COMMAND_MAX + 1) > FORCECMD_COMMAND_MAX)
		return SP_ERR_LIMIT;
	sp_terminal_size(&rows, &cols);
	sp_buf_put_cstring(f->out, command);
	sp_buf_put_u8(f->out, f->has_tty);
	sp_buf_put_u32(f->out, rows);
	sp_buf_put_u32(f->out, cols);
	sp_buf_put_cstring(f->out, forcecmd_name("TERM"));
	sp_buf_put_cstring(f->out, lang[0] != '\0' ? lang : forcecmd_name("LANG"));
	r = sp_buf_error(f->out);
	if (r == 0)
		r = sp_ipc_send(f->fd, SP_IPC_SESSION_START, 0, f->out, fds, 3, sp_ipc_now_ms() + FORCECMD_CALL_MS);
	sp_buf_reset(f->out);
	return r;
}

/* sallyport-audit writes the kernel's audit records from inside this audit session. It ends with us. */
static int
forcecmd_audit(struct forcecmd *f)
{
	static char *const argv[] = { (char *)(uintptr_t) "sallyport-audit", NULL };
	static char *const env[] = { NULL };
	sigset_t none;
	int p[2], null;
	pid_t pid;

	f->audit_next = sp_ipc_now_ms() + FORCECMD_AUDIT_MS;
	if (pipe2(p, O_CLOEXEC) != 0)
		return SP_ERR_SYSTEM;
	pid = fork();
	if (pid == 0) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		sigemptyset(&none);
		if (null < 0 || dup2(p[0], STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
		    dup2(null, STDERR_FILENO) < 0 || setsid() < 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0)
			_exit(126);
		(void)execve(FORCECMD_AUDIT, argv, env);
		_exit(127);
	}
	(void)close(p[0]);
	if (pid < 0) {
		(void)close(p[1]);
		return SP_ERR_SYSTEM;
	}
	f->audit = pid;
	f->audit_pipe = p[1];
	return 0;
}

/* count and that many strings as a NULL-ended list of copies. */
static int
forcecmd_get_list(struct sp_buf *b, char ***ret_list)
{
	char **list;
	uint32_t n, i;
	int r;

	r = sp_buf_get_u32(b, &n);
	if (r != 0)
		return r;
	if (n > FORCECMD_WORDS_MAX)
		return SP_ERR_LIMIT;
	list = calloc((size_t)n + 1, sizeof(*list));
	if (list == NULL)
		return SP_ERR_NOMEM;
	*ret_list = list; /* from here on the caller frees it */
	for (i = 0; i < n; i++) {
		r = sp_buf_get_cstring(b, FORCECMD_WORD_MAX, &list[i]);
		if (r != 0)
			return r;
	}
	return 0;
}

static void
forcecmd_free_list(char **list)
{
	char **p;

	for (p = list; p != NULL && *p != NULL; p++)
		free(*p);
	free(list);
}

static int
forcecmd_spawn_tool(struct forcecmd *f, const struct sp_ipc_msg *msg, bool tty, char **argv, char **env, const char *dir)
{
	struct sp_toolbox t = { .user = f->user,
		.uid = getuid(),
		.gid = getgid(),
		.directory = dir,
		.argv = (const char *const *)argv,
		.env = (const char *const *)env,
		.has_tty = tty,
		.fds = { msg->fds[0], msg->fds[1], msg->fds[2] } };

	return sp_toolbox_run(&t, &f->tool);
}

static int
forcecmd_on_spawn(struct forcecmd *f, const struct sp_ipc_msg *msg, struct sp_buf *b)
{
	char **argv = NULL, **env = NULL, *dir = NULL;
	uint8_t tty;
	int r, verdict;

	if (msg->nfds != 3 || f->tool != 0)
		return SP_ERR_PROTOCOL;
	r = sp_buf_get_u8(b, &tty);
	if (r == 0)
		r = forcecmd_get_list(b, &argv);
	if (r == 0)
		r = forcecmd_get_list(b, &env);
	if (r == 0)
		r = sp_buf_get_cstring(b, FORCECMD_WORD_MAX, &dir);
	if (r == 0 && (sp_buf_len(b) != 0 || tty > 1))
		r = SP_ERR_FORMAT;
	if (r == 0) {
		verdict = forcecmd_spawn_tool(f, msg, tty == 1, argv, env, dir);
		sp_buf_put_u32(f->out, (uint32_t)-verdict);
		sp_buf_put_cstring(f->out, verdict == 0 ? "" : "the tool's sandbox could not be started");
		sp_buf_put_u32(f->out, (uint32_t)f->tool);
		forcecmd_send(f, SP_IPC_SESSION_SPAWNED);
	}
	free(dir);
	forcecmd_free_list(env);
	forcecmd_free_list(argv);
	return r;
}

/* sallyport-exec hears from the session itself what to run, and answers to it. */
static int
forcecmd_on_exec(struct forcecmd *f, const struct sp_ipc_msg *msg, const struct sp_buf *b)
{
	int verdict;

	if (msg->nfds != 4 || f->tool != 0 || sp_buf_len(b) != 0)
		return SP_ERR_PROTOCOL;
	verdict = sp_shellbox_run(msg->fds, &f->tool, &f->tool_pipe);
	sp_buf_put_u32(f->out, (uint32_t)-verdict);
	sp_buf_put_cstring(f->out, verdict == 0 ? "" : "the shell could not be started");
	sp_buf_put_u32(f->out, (uint32_t)f->tool);
	forcecmd_send(f, SP_IPC_SESSION_SPAWNED);
	return 0;
}

static int
forcecmd_on_refused(struct forcecmd *f, struct sp_buf *b)
{
	char *message = NULL;
	uint32_t status;
	int r;

	r = sp_buf_get_u32(b, &status);
	if (r == 0)
		r = sp_buf_get_cstring(b, FORCECMD_MESSAGE_MAX, &message);
	if (r == 0 && sp_buf_len(b) != 0)
		r = SP_ERR_FORMAT;
	if (r == 0)
		forcecmd_end(f, (int)(status & 0xff), message[0] == '\0' ? NULL : message);
	free(message);
	return r;
}

static int
forcecmd_on_exit(struct forcecmd *f, struct sp_buf *b)
{
	uint8_t is_signaled;
	uint32_t value;
	int r;

	r = sp_buf_get_u8(b, &is_signaled);
	if (r == 0)
		r = sp_buf_get_u32(b, &value);
	if (r != 0)
		return r;
	if (sp_buf_len(b) != 0 || is_signaled > 1 || value > 255 || (is_signaled && (value == 0 || value >= NSIG)))
		return SP_ERR_FORMAT;
	f->is_signaled = is_signaled == 1;
	forcecmd_end(f, (int)value, NULL);
	return 0;
}

static int
forcecmd_on_kill(struct forcecmd *f, struct sp_buf *b)
{
	uint32_t sig;
	int r = sp_buf_get_u32(b, &sig);

	if (r != 0)
		return r;
	if (sp_buf_len(b) != 0 || sig == 0 || sig >= NSIG)
		return SP_ERR_FORMAT;
	if (f->tool > 0)
		(void)kill(f->tool, (int)sig);
	return 0;
}

static int
forcecmd_on_tty(struct sp_buf *b)
{
	uint8_t raw;
	int r = sp_buf_get_u8(b, &raw);

	if (r != 0)
		return r;
	if (sp_buf_len(b) != 0 || raw > 1)
		return SP_ERR_FORMAT;
	return sp_terminal_raw(raw == 1);
}

static int
forcecmd_dispatch(struct forcecmd *f, const struct sp_ipc_msg *msg, struct sp_buf *body)
{
	if (msg->id != 0 || (msg->nfds != 0 && msg->type != SP_IPC_SESSION_SPAWN && msg->type != SP_IPC_SESSION_EXEC))
		return SP_ERR_PROTOCOL;
	switch (msg->type) {
	case SP_IPC_SESSION_REFUSED:
		return forcecmd_on_refused(f, body);
	case SP_IPC_SESSION_STARTED:
		return 0; /* its id is for logs of the agent; nothing to do here */
	case SP_IPC_SESSION_TTY:
		return forcecmd_on_tty(body);
	case SP_IPC_SESSION_SPAWN:
		return forcecmd_on_spawn(f, msg, body);
	case SP_IPC_SESSION_EXEC:
		return forcecmd_on_exec(f, msg, body);
	case SP_IPC_SESSION_KILL:
		return forcecmd_on_kill(f, body);
	case SP_IPC_SESSION_EXIT:
		return forcecmd_on_exit(f, body);
	default:
		return SP_ERR_PROTOCOL;
	}
}

static void
forcecmd_on_agent(struct forcecmd *f)
{
	struct sp_ipc_msg msg = { 0 };
	struct sp_buf *body;
	int r;

	r = sp_ipc_recv(f->fd, f->in, &msg, sp_ipc_now_ms() + FORCECMD_CALL_MS);
	if (r != 0) {
		forcecmd_lost(f);
		return;
	}
	body = sp_buf_from(msg.body.data, msg.body.len);
	r = body == NULL ? SP_ERR_NOMEM : forcecmd_dispatch(f, &msg, body);
	sp_buf_free(body);
	sp_ipc_msg_clear(&msg);
	if (r != 0)
		forcecmd_lost(f);
}

static void
forcecmd_reap(struct forcecmd *f)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == f->audit) {
			f->audit = 0;
			(void)close(f->audit_pipe);
			f->audit_pipe = -1;
		}
		if (pid != f->tool)
			continue;
		f->tool = -1; /* one tool a session */
		sp_buf_put_u8(f->out, WIFSIGNALED(status) ? 1 : 0);
		sp_buf_put_u32(f->out, (uint32_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
		forcecmd_send(f, SP_IPC_SESSION_TOOL_EXIT);
	}
}

static void
forcecmd_on_signal(struct forcecmd *f)
{
	struct signalfd_siginfo info;
	uint32_t rows, cols;

	if (read(f->sigfd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		forcecmd_reap(f);
		break;
	case SIGWINCH:
		sp_terminal_size(&rows, &cols);
		sp_buf_put_u32(f->out, rows);
		sp_buf_put_u32(f->out, cols);
		forcecmd_send(f, SP_IPC_SESSION_WINCH);
		break;
	default:
		sp_buf_put_u32(f->out, info.ssi_signo);
		forcecmd_send(f, SP_IPC_SESSION_SIGNAL);
		break;
	}
}

/* Without sallyport-audit the session may not go on: it is started again. Returns how long poll(2) may wait. */
static int
forcecmd_mind_audit(struct forcecmd *f)
{
	int64_t left = f->audit_next - sp_ipc_now_ms();

	if (f->audit != 0)
		return -1;
	if (left <= 0) {
		if (forcecmd_audit(f) == 0)
			return -1;
		left = FORCECMD_AUDIT_MS;
	}
	return (int)left;
}

/*
 * Without a terminal nobody sends SIGHUP when the person's channel is closed while the connection goes on: sshd closes
 * its end of stdout. It does so too when the person's side wants no more of it, and for most programs a SIGPIPE of
 * their own is soon enough then; what waits for an approval writes nothing.
 */
static void
forcecmd_on_hang_up(struct forcecmd *f)
{
	f->has_hung_up = true;
	sp_buf_put_u32(f->out, SIGPIPE);
	forcecmd_send(f, SP_IPC_SESSION_SIGNAL);
}

static void
forcecmd_loop(struct forcecmd *f)
{
	while (!f->is_over) {
		struct pollfd p[3] = { { .fd = f->fd, .events = POLLIN }, { .fd = f->sigfd, .events = POLLIN },
			{ .fd = f->has_tty || f->has_hung_up ? -1 : STDOUT_FILENO } };

		if (poll(p, 3, forcecmd_mind_audit(f)) < 0 && errno != EINTR) {
			forcecmd_lost(f);
			return;
		}
		if ((p[2].revents & (POLLHUP | POLLERR)) != 0)
			forcecmd_on_hang_up(f);
		if ((p[1].revents & POLLIN) != 0)
			forcecmd_on_signal(f);
		if (!f->is_over && p[0].revents != 0)
			forcecmd_on_agent(f);
	}
}

/* Standard descriptors must exist before any other is opened. */
static bool
forcecmd_check_fds(void)
{
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return false;
	return true;
}

static int
forcecmd_init(struct forcecmd *f)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct passwd *pw = getpwuid(getuid());
	sigset_t set;

	if (pw == NULL || !sp_text_is_login(pw->pw_name))
		return SP_ERR_NOT_FOUND;
	(void)snprintf(f->user, sizeof(f->user), "%s", pw->pw_name);
	f->in = sp_buf_new(SP_IPC_FRAME_MAX + SP_IPC_HEADER);
	f->out = sp_buf_new(SP_IPC_FRAME_MAX);
	if (f->in == NULL || f->out == NULL)
		return SP_ERR_NOMEM;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0 ||
	    sigaction(SIGTTOU, &ignore, NULL) != 0 || sigaction(SIGTSTP, &ignore, NULL) != 0)
		return SP_ERR_SYSTEM;
	f->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return f->sigfd < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ? SP_ERR_SYSTEM : 0;
}

static void
forcecmd_run(struct forcecmd *f)
{
	int r = forcecmd_init(f);

	if (r != 0) {
		forcecmd_end(f, FORCECMD_STATUS, "sallyport: this account cannot be used here. Call an administrator.");
		return;
	}
	f->has_tty = sp_terminal_open();
	r = forcecmd_audit(f);
	if (r == 0)
		r = sp_ipc_connect_patient(
		    FORCECMD_SOCKET, 0, SP_IPC_RESTART_MS, sp_ipc_now_ms() + FORCECMD_CALL_MS, &f->fd);
	if (r == 0)
		r = forcecmd_start(f);
	if (r != 0) {
		forcecmd_end(f, FORCECMD_STATUS,
		    r == SP_ERR_LIMIT ? "sallyport: the command is too long."
				      : "sallyport: the agent cannot be reached, so nothing can be done now. Try again, or call an "
					"administrator.");
		return;
	}
	forcecmd_loop(f);
}

static void
forcecmd_clean(struct forcecmd *f)
{
	if (f->tool_pipe >= 0)
		(void)close(f->tool_pipe); /* it is another account's process: no signal of ours reaches it */
	if (f->tool > 0) {
		(void)kill(f->tool, SIGKILL); /* bubblewrap's children die with it */
		(void)waitpid(f->tool, NULL, 0);
	}
	if (f->audit_pipe >= 0)
		(void)close(f->audit_pipe);
	if (f->audit > 0)
		(void)kill(f->audit, SIGTERM);
	sp_terminal_restore();
	sp_buf_free(f->in);
	sp_buf_free(f->out);
}

int
main(void)
{
	struct forcecmd f = { .fd = -1, .sigfd = -1, .audit_pipe = -1, .tool_pipe = -1, .status = FORCECMD_STATUS };

	if (!forcecmd_check_fds())
		return FORCECMD_STATUS;
	forcecmd_run(&f);
	forcecmd_clean(&f);
	if (f.is_signaled) {
		struct sigaction sa = { .sa_handler = SIG_DFL };
		sigset_t none;

		sigemptyset(&none);
		(void)sigaction(f.status, &sa, NULL);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)kill(getpid(), f.status);
		return 128 + f.status;
	}
	return f.status;
}
