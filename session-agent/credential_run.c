/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/credential_run.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/log.h"
#include "runtime/privdrop.h"

#define RUN_FILES_MAX 256
#define RUN_PIPE (2 * SP_CREDENTIAL_RUN_MAX) /* bytes it may print before somebody reads */

struct sp_credential_run {
	TAILQ_ENTRY(sp_credential_run) next;
	struct sp_credential_runs *all;
	pid_t pid;
	int out; /* the end of its output that is read once it has ended */
	struct event *timer;
	bool is_late;
	sp_credential_run_cb *cb; /* NULL: nobody waits */
	void *ctx;
};

struct sp_credential_runs {
	struct event_base *base;
	uid_t uid;
	gid_t gid;
	unsigned n;
	TAILQ_HEAD(, sp_credential_run) runs;
};

int
sp_credential_runs_new(struct event_base *base, uid_t uid, gid_t gid, struct sp_credential_runs **ret_all)
{
	struct sp_credential_runs *all = calloc(1, sizeof(*all));

	if (all == NULL)
		return SP_ERR_NOMEM;
	all->base = base;
	all->uid = uid;
	all->gid = gid;
	TAILQ_INIT(&all->runs);
	*ret_all = all;
	return 0;
}

static void
run_free(struct sp_credential_run *run)
{
	TAILQ_REMOVE(&run->all->runs, run, next);
	run->all->n--;
	if (run->timer != NULL)
		event_free(run->timer);
	(void)close(run->out);
	free(run);
}

void
sp_credential_runs_free(struct sp_credential_runs *all)
{
	struct sp_credential_run *run, *next;

	if (all == NULL)
		return;
	for (run = TAILQ_FIRST(&all->runs); run != NULL; run = next) {
		next = TAILQ_NEXT(run, next);
		(void)kill(-run->pid, SIGKILL);
		(void)waitpid(run->pid, NULL, 0);
		run_free(run);
	}
	free(all);
}

/* Words in place; argv has room for one NULL more. */
static int
run_words(char *text, char *argv[SP_CREDENTIAL_RUN_ARGS + 1])
{
	size_t n = 0;
	char *word;

	while ((word = strsep(&text, "\n")) != NULL) {
		if (n == SP_CREDENTIAL_RUN_ARGS)
			return SP_ERR_INVALID;
		argv[n++] = word;
	}
	argv[n] = NULL;
	return 0;
}

/* A program that somebody else could change would be somebody else's. */
static int
run_check(const char *path)
{
	struct stat st;

	if (path[0] != '/' || stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return SP_ERR_DENIED;
	return 0;
}

/* In the child. */
static void
run_exec(const struct sp_credential_runs *all, int out, char *const argv[])
{
	static char *const env[] = { NULL };
	struct rlimit none = { 0, 0 }, files = { RUN_FILES_MAX, RUN_FILES_MAX };
	struct sigaction sa = { .sa_handler = SIG_DFL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), i;
	sigset_t empty;

	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &sa, NULL);
	sigemptyset(&empty);
	if (sigprocmask(SIG_SETMASK, &empty, NULL) != 0 || null < 0 || setsid() < 0 || chdir("/") != 0)
		_exit(126);
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
		_exit(126);
	if (setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0 ||
	    sp_privdrop_ids(all->uid, all->gid, 0) != 0)
		_exit(126);
	(void)execve(argv[0], argv, env);
	_exit(127);
}

static void
run_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_credential_run *run = ctx;

	(void)fd;
	(void)what;
	run->is_late = true;
	(void)kill(-run->pid, SIGKILL);
}

static int
run_start(struct sp_credential_run *run, char *const argv[])
{
	static const struct timeval limit = { .tv_sec = SP_CREDENTIAL_RUN_MS / 1000,
		.tv_usec = SP_CREDENTIAL_RUN_MS % 1000 * 1000 };
	int p[2];

	run->timer = event_new(run->all->base, -1, 0, run_on_timer, run);
	if (run->timer == NULL)
		return SP_ERR_NOMEM;
	if (event_add(run->timer, &limit) != 0 || pipe2(p, O_CLOEXEC) != 0) {
		event_free(run->timer);
		return SP_ERR_SYSTEM;
	}
	/* Only our end does not block; more than the pipe holds makes it wait, until its time is over. */
	if (fcntl(p[1], F_SETPIPE_SZ, RUN_PIPE) >= 0 && fcntl(p[0], F_SETFL, O_NONBLOCK) == 0)
		run->pid = fork();
	else
		run->pid = -1;
	if (run->pid == 0)
		run_exec(run->all, p[1], argv);
	(void)close(p[1]);
	if (run->pid < 0) {
		(void)close(p[0]);
		event_free(run->timer);
		return SP_ERR_SYSTEM;
	}
	run->out = p[0];
	return 0;
}

int
sp_credential_run(struct sp_credential_runs *all, const char *argv, sp_credential_run_cb *cb, void *ctx,
    struct sp_credential_run **ret_run)
{
	char *words[SP_CREDENTIAL_RUN_ARGS + 1], *text;
	struct sp_credential_run *run;
	int r;

	if (all->n >= SP_CREDENTIAL_RUNS_MAX)
		return SP_ERR_UNAVAILABLE;
	text = strdup(argv);
	run = calloc(1, sizeof(*run));
	r = text == NULL || run == NULL ? SP_ERR_NOMEM : run_words(text, words);
	if (r == 0)
		r = run_check(words[0]);
	if (r == 0) {
		run->all = all;
		run->cb = cb;
		run->ctx = ctx;
		r = run_start(run, words);
	}
	free(text);
	if (r != 0) {
		free(run);
		return r;
	}
	TAILQ_INSERT_TAIL(&all->runs, run, next);
	all->n++;
	*ret_run = run;
	return 0;
}

void
sp_credential_run_cancel(struct sp_credential_run *run)
{
	run->cb = NULL;
	(void)kill(-run->pid, SIGKILL);
	(void)kill(run->pid, SIGKILL); /* it may not be a group yet; it is not waited for, so the number is its own */
}

/* What it printed, if it ended well. */
static int
run_result(const struct sp_credential_run *run, int status, struct sp_secret **ret_s)
{
	int r;

	if (run->is_late)
		return SP_ERR_TIMEOUT;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return SP_ERR_FORMAT;
	r = sp_secret_read(run->out, ret_s); /* SYSTEM also when something it left behind still holds the pipe */
	if (r != 0)
		return r;
	r = sp_secret_len(*ret_s) == 0 ? SP_ERR_FORMAT : sp_secret_len(*ret_s) > SP_CREDENTIAL_RUN_MAX ? SP_ERR_LIMIT : 0;
	if (r != 0) {
		sp_secret_free(*ret_s);
		*ret_s = NULL;
	}
	return r;
}

bool
sp_credential_run_ended(struct sp_credential_runs *all, pid_t pid)
{
	struct sp_credential_run *run;
	struct sp_secret *secret = NULL;
	sp_credential_run_cb *cb;
	int status = 0, r;
	void *ctx;

	TAILQ_FOREACH(run, &all->runs, next)
		if (run->pid == pid)
			break;
	if (run == NULL)
		return false;
	(void)kill(-pid, SIGKILL); /* before it is waited for: until then the number is nobody else's */
	if (waitpid(pid, &status, 0) != pid)
		status = -1;
	r = run_result(run, status, &secret);
	if (r != 0)
		sp_log_err("a program that prints a credential failed: %s, status 0x%x", sp_err_str(r), (unsigned)status);
	cb = run->cb;
	ctx = run->ctx;
	run_free(run);
	if (cb != NULL)
		cb(r, secret, ctx);
	else
		sp_secret_free(secret);
	return true;
}
