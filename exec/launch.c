/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "exec/confine.h"
#include "exec/filter.h"
#include "exec/rights.h"

static void
launch_fail(const char *what)
{
	(void)dprintf(STDERR_FILENO, "sallyport: %s: %s\n", what, strerror(errno));
	_exit(126);
}

/* A session and terminal of its own, and no signal or descriptor from before. */
static void
launch_clean(int link)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;
	int i;

	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &sa, NULL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0 || setsid() < 0)
		launch_fail("no session of its own can be had");
	if (isatty(STDIN_FILENO) == 1 && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
		launch_fail("the terminal cannot be had");
	if (dup2(link, 3) != 3 || close_range(4, ~0U, 0) != 0 || fcntl(3, F_SETFD, FD_CLOEXEC) != 0)
		launch_fail("descriptors cannot be closed");
}

/* The account that root granted; no core of it where there are secrets in it. */
static int
launch_become(const struct sp_order *o)
{
	static const struct rlimit none = { 0, 0 };

	if (setgroups(o->ngroups, o->groups) != 0 || setresgid(o->gid, o->gid, o->gid) != 0 ||
	    setresuid(o->uid, o->uid, o->uid) != 0)
		return SP_ERR_SYSTEM;
	return o->has_secrets && setrlimit(RLIMIT_CORE, &none) != 0 ? SP_ERR_SYSTEM : 0;
}

static void
launch_child(const struct sp_order *o, int link)
{
	int listener = -1;
	char go;

	launch_clean(link);
	if (sp_confine_domain() != 0)
		launch_fail("Landlock is needed and cannot be had");
	if (sp_filter_install(o->is_network, &listener) != 0)
		launch_fail("the filter cannot be had");
	if (write(3, &listener, sizeof(listener)) != (ssize_t)sizeof(listener)) /* sendmsg may be held by now */
		launch_fail("the supervisor cannot be reached");
	if (read(3, &go, 1) != 1)
		_exit(126);
	(void)close(listener);
	if (read(3, &go, 1) != 1)
		_exit(126);
	if (o->is_granted && launch_become(o) != 0)
		launch_fail("the account cannot be had");
	/* From here on it is the person's own process, with nothing that they (or the account) had not before. */
	if (sp_rights_keep(0) != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		launch_fail("privilege cannot be given up");
	if (chdir(o->directory) != 0 && chdir("/") != 0)
		launch_fail("there is no directory to begin in");
	(void)umask(022);
	(void)execve(o->path, o->argv, o->env);
	launch_fail(o->path);
}

/* Takes the listener out of the child, and has it close its own. */
static int
launch_listener(pid_t pid, int link, int *ret_listener)
{
	int theirs = -1, pidfd, r = SP_ERR_SYSTEM;

	if (read(link, &theirs, sizeof(theirs)) != (ssize_t)sizeof(theirs))
		return SP_ERR_SYSTEM;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd >= 0)
		*ret_listener = (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	if (pidfd >= 0 && *ret_listener >= 0 && write(link, "", 1) == 1)
		r = 0;
	if (pidfd >= 0)
		(void)close(pidfd);
	return r;
}

int
sp_launch(const struct sp_order *o, pid_t *ret_pid, int *ret_listener, int *ret_go)
{
	int sv[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) != 0)
		return SP_ERR_SYSTEM;
	pid = fork();
	if (pid == 0)
		launch_child(o, sv[1]);
	(void)close(sv[1]);
	r = pid < 0 ? SP_ERR_SYSTEM : launch_listener(pid, sv[0], ret_listener);
	if (r == 0) {
		*ret_pid = pid;
		*ret_go = sv[0];
	} else {
		(void)close(sv[0]); /* it ends by itself */
	}
	return r;
}
