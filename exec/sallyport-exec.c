/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyport-exec(8): starts the program of a decided shell in the person's own audit session, and holds every
 * exec of it and of all that comes from it for the decision of its sallyport-session. Runs with capabilities of
 * its file; serves nobody but a session's process, which it knows by the socket that is its descriptor 3.
 *
 * Three processes come of it: this one, which keeps the cage and ends all of it; the supervisor; and the program. Where
 * policy wants files on record a fourth: the watcher.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/cage.h"
#include "exec/confine.h"
#include "exec/grant.h"
#include "exec/launch.h"
#include "exec/order.h"
#include "exec/rights.h"
#include "exec/supervisor.h"
#include "exec/watcher.h"
#include "lib/ipc.h"
#include "runtime/log.h"
#include "runtime/privdrop.h"
#include "runtime/sandbox.h"

#define EXEC_SESSION_FD 3
#define EXEC_LIFE_FD 4 /* a pipe: when its other end is closed, all ends */
#define EXEC_STATUS 254
#define EXEC_WATCHER_LATE_MS 2000
#define EXEC_ACCOUNT "sallyport-shell"
#define EXEC_PEER "sallyport-session"
#define BIT(cap) ((uint64_t)1 << (cap))
#define KEEP_SUPERVISOR \
	(BIT(CAP_SYS_PTRACE) | BIT(CAP_KILL) | BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_SETUID) | BIT(CAP_SETGID))
#define KEEP_WATCHER (BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE) | BIT(CAP_DAC_READ_SEARCH)) /* the first: to watch later mounts */
#define KEEP_WARDEN (BIT(CAP_SYS_PTRACE) | BIT(CAP_KILL) | BIT(CAP_DAC_OVERRIDE)) /* the last: to remove the cgroup */

struct warden {
	struct sp_cage cage;
	pid_t program;
	pid_t supervisor;
	int listener;
	int go;
	struct sp_watch *watch; /* NULL: nobody wants to know of files */
	pid_t watcher;
	int files; /* its socket */
	int life;  /* its pipe: it ends when this is closed */
	int signals;
	int status; /* of the program, as of wait(2) */
	bool is_over;
};

static int
exec_refuse(const char *why)
{
	(void)dprintf(STDERR_FILENO, "sallyport-exec: %s\n", why);
	return EXEC_STATUS;
}

/* The socket was made by a session's process, or by root. */
static bool
exec_is_session(int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	uid_t uid;
	gid_t gid;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0 || len != sizeof(peer) || peer.pid <= 0)
		return false;
	return peer.uid == 0 || (sp_privdrop_uid(EXEC_PEER, &uid, &gid) == 0 && peer.uid == uid);
}

/* Its terminal becomes that of whom it runs as, as at any login. */
static void
exec_own_terminal(uid_t uid)
{
	struct stat st;

	if (isatty(STDIN_FILENO) == 1 && fstat(STDIN_FILENO, &st) == 0 && st.st_uid != uid &&
	    fchown(STDIN_FILENO, uid, (gid_t)-1) == 0)
		(void)fchmod(STDIN_FILENO, 0620);
}

static int
exec_become(uid_t uid, gid_t gid, uint64_t keep)
{
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return SP_ERR_SYSTEM;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return SP_ERR_SYSTEM;
	return sp_rights_keep(keep);
}

/* The warden was killed, and what it kept must not outlive it. */
static void
exec_end_cage(const struct sp_cage *of)
{
	struct sp_cage cage = *of;

	cage.keepers[0] = getpid();
	cage.keepers[1] = 0;
	cage.group[0] = '\0'; /* not ours to remove */
	if (sp_cage_end(&cage) != 0)
		sp_log_err("some processes of the session would not end");
}

/* What is the watcher's, and would keep it from its end here. */
static void
exec_forget_files(const struct warden *w)
{
	sp_watch_free(w->watch);
	if (w->life >= 0)
		(void)close(w->life);
	if (w->files >= 0)
		(void)close(w->files);
}

static void
exec_watch(const struct warden *w, int life)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), r;

	(void)close(w->go);
	(void)close(w->life);
	(void)close(w->listener);
	(void)close(EXEC_LIFE_FD);
	(void)close(EXEC_SESSION_FD);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || sp_rights_keep(KEEP_WATCHER) != 0 ||
	    sp_sandbox_enter(SP_SANDBOX_WATCHER, NULL) != 0)
		_exit(EXEC_STATUS);
	r = sp_watcher_run(w->watch, w->files, life);
	if (r != 0 && r != SP_ERR_CLOSED)
		sp_log_err("the files of this session can no longer be recorded: %s: %m", sp_err_str(r));
	_exit(r == 0 ? 0 : EXEC_STATUS);
}

static void
exec_supervise(const struct warden *w)
{
	/* No death signal: the kernel forgets it when we look at a file with the rights of who asks. */
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), keeper = (int)syscall(SYS_pidfd_open, w->cage.keepers[0], 0), r;

	(void)close(w->go);
	(void)close(EXEC_LIFE_FD);
	exec_forget_files(w);
	if (keeper < 0 || getppid() != w->cage.keepers[0] || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(null, 2) < 0 || sp_rights_keep(KEEP_SUPERVISOR) != 0 ||
	    sp_sandbox_enter(SP_SANDBOX_SUPERVISOR, NULL) != 0)
		_exit(EXEC_STATUS);
	r = sp_supervisor_run(w->listener, EXEC_SESSION_FD, keeper, w->program, sp_cage_how(&w->cage));
	if (r == SP_ERR_NOT_FOUND)
		exec_end_cage(&w->cage);
	else if (r != 0 && r != SP_ERR_CLOSED)
		sp_log_err("no exec can be decided any more: %s", sp_err_str(r));
	_exit(r == 0 ? 0 : EXEC_STATUS);
}

/* --- the warden -------------------------------------------------------------------------------------------- */

static void
warden_reap(struct warden *w)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == w->program) {
			w->status = status;
			w->program = 0;
		}
		if (pid == w->supervisor) {
			w->supervisor = 0;
			w->is_over = w->is_over || status != 0; /* 0: nobody is left, and the program's end is on its way */
		}
		if (pid == w->watcher) {
			w->watcher = 0;
			w->is_over = true;
		}
		w->is_over = w->is_over || w->program == 0;
	}
}

/* Until the program or the supervisor has ended, the session is over, or whoever started it has gone. */
static void
warden_wait(struct warden *w)
{
	struct signalfd_siginfo info;

	while (!w->is_over) {
		struct pollfd p[3] = { { .fd = w->signals, .events = POLLIN },
			{ .fd = EXEC_SESSION_FD, .events = POLLRDHUP }, { .fd = EXEC_LIFE_FD } };

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents != 0 || p[2].revents != 0)
			return;
		if ((p[0].revents & POLLIN) == 0 || read(w->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
			continue;
		if (info.ssi_signo == SIGCHLD)
			warden_reap(w);
		else
			return;
	}
}

static int
warden_signals(struct warden *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_SETMASK, &set, NULL) != 0)
		return SP_ERR_SYSTEM;
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return w->signals < 0 ? SP_ERR_SYSTEM : 0;
}

/* Before the program is there, and before the supervisor, which must not have an end of its pipe. */
static int
warden_watch(struct warden *w)
{
	int ends[2];

	if (w->watch == NULL)
		return 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return SP_ERR_SYSTEM;
	w->life = ends[1];
	w->watcher = fork();
	if (w->watcher == 0)
		exec_watch(w, ends[0]);
	(void)close(ends[0]);
	if (w->watcher < 0) {
		w->watcher = 0;
		return SP_ERR_SYSTEM;
	}
	w->cage.keepers[2] = w->watcher;
	return 0;
}

/* The watcher learns whom to overlook, and the program may begin. */
static int
warden_go(struct warden *w)
{
	const pid_t keepers[] = { getpid(), w->supervisor };

	if (w->watch != NULL && write(w->life, keepers, sizeof(keepers)) != (ssize_t)sizeof(keepers))
		return SP_ERR_SYSTEM;
	sp_watch_free(w->watch);
	w->watch = NULL;
	if (w->files >= 0)
		(void)close(w->files);
	w->files = -1;
	return write(w->go, "", 1) == 1 ? 0 : SP_ERR_SYSTEM;
}

static int
warden_start(struct warden *w, struct sp_order *o)
{
	uid_t uid, hidden[2] = { getuid(), getuid() };
	gid_t gid;
	int r;

	r = sp_privdrop_uid(EXEC_ACCOUNT, &uid, &gid);
	if (r == 0 && o->is_granted)
		r = sp_grant_take(EXEC_SESSION_FD, uid, o);
	if (r != 0)
		return r;
	hidden[1] = o->uid;
	exec_own_terminal(o->uid);
	r = sp_confine_namespace(hidden, 2);
	if (r == 0)
		r = sp_cage_init(&w->cage);
	if (r == 0 && w->files >= 0 && sp_watch_new(&w->watch) != 0) {
		(void)exec_refuse("policy wants the files that this uses on record, and they cannot be watched here");
		r = SP_ERR_SYSTEM;
	}
	if (r == 0)
		r = sp_launch(o, &w->program, &w->listener, &w->go);
	sp_order_clear(o); /* no secret stays with those who keep the cage */
	if (r == 0)
		r = exec_become(uid, gid, KEEP_SUPERVISOR | BIT(CAP_DAC_OVERRIDE) | (w->watch == NULL ? 0 : BIT(CAP_SYS_ADMIN)));
	if (r == 0)
		r = warden_signals(w);
	if (r == 0)
		r = warden_watch(w);
	if (r != 0)
		return r;
	sp_cage_group(&w->cage, w->program);
	w->supervisor = fork();
	if (w->supervisor == 0)
		exec_supervise(w);
	if (w->supervisor < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
		return SP_ERR_SYSTEM;
	(void)close(w->listener);
	w->cage.keepers[1] = w->supervisor;
	r = sp_rights_keep(KEEP_WARDEN);
	if (r == 0)
		r = warden_go(w);
	(void)close(w->go);
	return r;
}

/* Nobody is left: the watcher tells what it has, and ends. One that hangs in a file system is not waited for. */
static void
warden_end_watch(struct warden *w)
{
	const int64_t until = sp_ipc_now_ms() + SP_WATCHER_DRAIN_MS + EXEC_WATCHER_LATE_MS;
	struct signalfd_siginfo info;
	int64_t left;

	if (w->life >= 0)
		(void)close(w->life);
	while (w->watcher > 0 && waitpid(w->watcher, NULL, WNOHANG) == 0) {
		struct pollfd p = { .fd = w->signals, .events = POLLIN };

		left = until - sp_ipc_now_ms();
		if (left <= 0)
			(void)kill(w->watcher, SIGKILL);
		if (poll(&p, 1, left <= 0 ? EXEC_WATCHER_LATE_MS : (int)left) == 0 && left <= 0)
			return;
		(void)!read(w->signals, &info, sizeof(info));
	}
}

static void
warden_end(struct warden *w)
{
	if (w->cage.mounts != 0 && sp_cage_end(&w->cage) != 0)
		sp_log_err("some processes of the session would not end");
	if (w->supervisor > 0) {
		(void)kill(w->supervisor, SIGKILL);
		(void)waitpid(w->supervisor, NULL, 0);
	}
	warden_end_watch(w);
}

static int
warden_status(const struct warden *w)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	if (w->program != 0)
		return EXEC_STATUS;
	if (!WIFSIGNALED(w->status))
		return WEXITSTATUS(w->status);
	sigemptyset(&none);
	(void)sigaction(WTERMSIG(w->status), &sa, NULL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)kill(getpid(), WTERMSIG(w->status));
	return 128 + WTERMSIG(w->status);
}

int
main(int argc, char **argv)
{
	struct warden w = { .program = -1, .supervisor = -1, .listener = -1, .go = -1, .files = -1, .life = -1, .signals = -1 };
	struct sp_order o;
	int r;

	(void)argv;
	if (argc != 1 || fcntl(STDIN_FILENO, F_GETFD) < 0 || fcntl(STDOUT_FILENO, F_GETFD) < 0 || fcntl(STDERR_FILENO, F_GETFD) < 0 ||
	    fcntl(EXEC_LIFE_FD, F_GETFD) < 0 || !exec_is_session(EXEC_SESSION_FD))
		return exec_refuse("started by Sallyport only");
	if (fcntl(EXEC_SESSION_FD, F_SETFD, FD_CLOEXEC) != 0 || fcntl(EXEC_LIFE_FD, F_SETFD, FD_CLOEXEC) != 0)
		return exec_refuse("descriptors");
	sp_log_open("sallyport-exec", LOG_INFO, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	r = sp_order_read(EXEC_SESSION_FD, &o);
	w.files = o.files;
	if (r == 0)
		r = warden_start(&w, &o);
	sp_order_clear(&o);
	if (r == SP_ERR_DENIED) {
		sp_log_err("cannot start: no account was granted"); /* the session says why */
	} else if (r != 0) {
		sp_log_err("cannot start: %s: %m", sp_err_str(r));
		(void)exec_refuse("the shell's supervision could not be started; the system's log says why");
	} else {
		warden_wait(&w);
		warden_reap(&w);
	}
	warden_end(&w);
	return r != 0 ? EXEC_STATUS : warden_status(&w);
}
