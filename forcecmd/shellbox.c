/* SPDX-License-Identifier: Apache-2.0 */
#include "forcecmd/shellbox.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#define SHELLBOX_PROGRAM SP_LIBEXECDIR "/sallyport-exec"
#define SHELLBOX_FDS 5 /* stdin, stdout, stderr, the channel, the pipe */

static void
shellbox_exec(const int fds[SHELLBOX_FDS])
{
	static char *const argv[] = { (char *)(uintptr_t) "sallyport-exec", NULL };
	static char *const env[] = { NULL };
	struct sigaction sa = { .sa_handler = SIG_DFL };
	int high[SHELLBOX_FDS], i;
	sigset_t none;

	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &sa, NULL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0 || setsid() < 0)
		_exit(126);
	for (i = 0; i < SHELLBOX_FDS; i++) { /* above the places first: the given ones may be any of these */
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, SHELLBOX_FDS);
		if (high[i] < 0)
			_exit(126);
	}
	for (i = 0; i < SHELLBOX_FDS; i++)
		if (dup2(high[i], i) < 0)
			_exit(126);
	if (close_range(SHELLBOX_FDS, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		_exit(126);
	(void)execve(SHELLBOX_PROGRAM, argv, env);
	_exit(127);
}

int
sp_shellbox_run(const int fds[4], pid_t *ret_pid, int *ret_pipe)
{
	int all[SHELLBOX_FDS], p[2], i;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) != 0)
		return SP_ERR_SYSTEM;
	for (i = 0; i < 4; i++)
		all[i] = fds[i];
	all[4] = p[0];
	pid = fork();
	if (pid == 0)
		shellbox_exec(all);
	(void)close(p[0]);
	if (pid < 0) {
		(void)close(p[1]);
		return SP_ERR_SYSTEM;
	}
	*ret_pid = pid;
	*ret_pipe = p[1];
	return 0;
}
