/* SPDX-License-Identifier: Apache-2.0 */
#include "forcecmd/toolbox.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/text.h"
#include "runtime/memfd.h"

#define TOOLBOX_SETSID "/usr/bin/setsid"

/* The words of the bubblewrap command; text made here is kept until the exec. */
struct words {
	const char *argv[SP_TOOLBOX_ARGS_MAX + 1];
	size_t n;
	char tool[128];
	char home[64];
	char numbers[3][12]; /* descriptors as text */
	int fds[3];	     /* filter, passwd, group: inherited by bubblewrap */
	char *env[SP_TOOLBOX_ARGS_MAX];
	size_t nenv;
	int error;
};

static void
words_add(struct words *w, const char *s)
{
	if (w->n == SP_TOOLBOX_ARGS_MAX) {
		w->error = SP_ERR_LIMIT;
		return;
	}
	w->argv[w->n++] = s;
}

static void
words_add_list(struct words *w, const char *const *list)
{
	for (; *list != NULL; list++)
		words_add(w, *list);
}

static void
words_clear(struct words *w)
{
	size_t i;

	for (i = 0; i < 3; i++)
		if (w->fds[i] >= 0)
			(void)close(w->fds[i]);
	for (i = 0; i < w->nenv; i++)
		free(w->env[i]);
}

/* A small file for the sandbox's /etc. */
static int
toolbox_files(const struct sp_toolbox *t, struct words *w)
{
	char line[256];
	int i, n, r;

	r = sp_toolbox_filter(&w->fds[0]);
	if (r != 0)
		return r;
	n = snprintf(line, sizeof(line), "%s:x:%u:%u::%s:/usr/sbin/nologin\n", t->user, (unsigned)t->uid,
	    (unsigned)t->gid, w->home);
	if (n < 0 || (size_t)n >= sizeof(line))
		return SP_ERR_LIMIT;
	r = sp_memfd_sealed("etc", line, strlen(line), &w->fds[1]);
	if (r != 0)
		return r;
	n = snprintf(line, sizeof(line), "%s:x:%u:\n", t->user, (unsigned)t->gid);
	if (n < 0 || (size_t)n >= sizeof(line))
		return SP_ERR_LIMIT;
	r = sp_memfd_sealed("etc", line, strlen(line), &w->fds[2]);
	for (i = 0; i < 3; i++)
		(void)snprintf(w->numbers[i], sizeof(w->numbers[i]), "%d", w->fds[i]);
	return r;
}

/* One of /bin, /lib, …: a link into /usr as on the host, or the host's directory where /usr is not merged. */
static void
toolbox_top(struct words *w, const char *path, const char *target)
{
	char link[16];
	ssize_t n = readlink(path, link, sizeof(link) - 1);

	if (n > 0) {
		words_add(w, "--symlink");
		words_add(w, target);
	} else {
		words_add(w, "--ro-bind-try");
		words_add(w, path);
	}
	words_add(w, path);
}

static void
toolbox_filesystem(const struct sp_toolbox *t, struct words *w)
{
	static const char *const fixed[] = { "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--size",
		SP_TOOLBOX_MEMORY, "--tmpfs", "/tmp", "--tmpfs", "/run", "--size", SP_TOOLBOX_MEMORY, "--tmpfs", "/home",
		"--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind-try", "/etc/alternatives",
		"/etc/alternatives", "--ro-bind-try", "/etc/localtime", "/etc/localtime", "--ro-bind-try",
		"/etc/terminfo", "/etc/terminfo", "--ro-bind-try", "/etc/inputrc", "/etc/inputrc", NULL };

	words_add_list(w, fixed);
	toolbox_top(w, "/bin", "usr/bin");
	toolbox_top(w, "/sbin", "usr/sbin");
	toolbox_top(w, "/lib", "usr/lib");
	toolbox_top(w, "/lib64", "usr/lib64");
	words_add(w, "--ro-bind-data");
	words_add(w, w->numbers[1]);
	words_add(w, "/etc/passwd");
	words_add(w, "--ro-bind-data");
	words_add(w, w->numbers[2]);
	words_add(w, "/etc/group");
	words_add(w, "--perms");
	words_add(w, "0700");
	words_add(w, "--dir");
	words_add(w, w->home);
	words_add(w, "--chdir");
	words_add(w, w->home);
	if (t->directory[0] != '\0') {
		words_add(w, "--ro-bind");
		words_add(w, t->directory);
		words_add(w, "/run/postgresql");
	}
	words_add(w, "--remount-ro");
	words_add(w, "/");
}

/* NAME=VALUE as --setenv NAME VALUE. */
static int
toolbox_environment(const struct sp_toolbox *t, struct words *w)
{
	const char *const *e;

	words_add(w, "--setenv");
	words_add(w, "HOME");
	words_add(w, w->home);
	for (e = t->env; *e != NULL; e++) {
		char *copy, *value;

		if (w->nenv == SP_TOOLBOX_ARGS_MAX)
			return SP_ERR_LIMIT;
		copy = strdup(*e);
		if (copy == NULL)
			return SP_ERR_NOMEM;
		w->env[w->nenv++] = copy;
		value = strchr(copy, '=');
		if (value == NULL || value == copy)
			return SP_ERR_INVALID;
		*value++ = '\0';
		if (strcmp(copy, "HOME") == 0)
			continue;
		words_add(w, "--setenv");
		words_add(w, copy);
		words_add(w, value);
	}
	return 0;
}

static int
toolbox_words(const struct sp_toolbox *t, struct words *w)
{
	static const char *const isolation[] = { SP_TOOLBOX_BWRAP, "--unshare-user", "--unshare-ipc", "--unshare-pid",
		"--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--disable-userns", "--die-with-parent",
		"--cap-drop", "ALL", "--hostname", "sallyport", "--clearenv", "--seccomp", NULL };
	int r;

	words_add_list(w, isolation);
	words_add(w, w->numbers[0]);
	toolbox_filesystem(t, w);
	r = toolbox_environment(t, w);
	if (r != 0)
		return r;
	words_add(w, "--");
	if (t->has_tty) { /* a session of its own, so that Ctrl-C reaches the tool and not bubblewrap */
		words_add(w, TOOLBOX_SETSID);
		words_add(w, "--ctty");
		words_add(w, "--");
	}
	words_add(w, w->tool);
	words_add_list(w, t->argv + 1);
	w->argv[w->n] = NULL;
	return w->error;
}

/* In the child: nothing is inherited but the three descriptors and those bubblewrap reads. */
static void
toolbox_exec(const struct sp_toolbox *t, struct words *w)
{
	static char *const no_env[] = { NULL };
	char *argv[SP_TOOLBOX_ARGS_MAX + 1];
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;
	int i, high[3];

	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &sa, NULL);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0 || setsid() < 0)
		_exit(126);
	for (i = 0; i < 3; i++) { /* above 2 first: the given ones may be any of 0, 1, 2 */
		high[i] = fcntl(t->fds[i], F_DUPFD_CLOEXEC, 3);
		if (high[i] < 0)
			_exit(126);
	}
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		_exit(126);
	for (i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0 || fcntl(w->fds[i], F_SETFD, 0) != 0)
			_exit(126);
	memcpy(argv, w->argv, sizeof(argv));
	(void)execve(argv[0], argv, no_env);
	_exit(127);
}

/* The highest version wins, by number and not by spelling. */
static void
toolbox_newest(const char *pattern, char *path, size_t cap)
{
	unsigned long best = 0;
	glob_t g;
	size_t i;

	if (glob(pattern, GLOB_NOSORT, NULL, &g) != 0)
		return;
	for (i = 0; i < g.gl_pathc; i++) {
		const char *p = g.gl_pathv[i] + strcspn(g.gl_pathv[i], "0123456789");
		unsigned long version = strtoul(p, NULL, 10);

		if (version >= best && strlen(g.gl_pathv[i]) < cap && access(g.gl_pathv[i], X_OK) == 0) {
			best = version;
			(void)snprintf(path, cap, "%s", g.gl_pathv[i]);
		}
	}
	globfree(&g);
}

int
sp_toolbox_find(const char *name, char *path, size_t cap)
{
	static const char *const places[] = { "/usr/lib/postgresql/[0-9]*/bin/", "/usr/pgsql-[0-9]*/bin/", "/usr/bin/" };
	char pattern[128];
	size_t i;
	int n;

	path[0] = '\0';
	if (name[0] == '/') {
		n = snprintf(path, cap, "%s", name);
		return n < 0 || (size_t)n >= cap ? SP_ERR_LIMIT : 0;
	}
	if (name[0] == '\0' || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")] != '\0')
		return SP_ERR_INVALID;
	for (i = 0; i < sizeof(places) / sizeof(places[0]) && path[0] == '\0'; i++) {
		n = snprintf(pattern, sizeof(pattern), "%s%s", places[i], name);
		if (n < 0 || (size_t)n >= sizeof(pattern))
			return SP_ERR_LIMIT;
		toolbox_newest(pattern, path, cap);
	}
	return path[0] == '\0' ? SP_ERR_NOT_FOUND : 0;
}

static bool
toolbox_is_valid(const struct sp_toolbox *t)
{
	bool is_dir_good = t->directory[0] == '\0' || t->directory[0] == '/';

	return sp_text_is_login(t->user) && is_dir_good && t->argv[0] != NULL;
}

int
sp_toolbox_run(const struct sp_toolbox *t, pid_t *ret_pid)
{
	struct words w = { .fds = { -1, -1, -1 } };
	pid_t pid;
	int r;

	if (!toolbox_is_valid(t))
		return SP_ERR_INVALID;
	(void)snprintf(w.home, sizeof(w.home), "/home/%s", t->user);
	r = sp_toolbox_find(t->argv[0], w.tool, sizeof(w.tool));
	if (r == 0)
		r = toolbox_files(t, &w);
	if (r == 0)
		r = toolbox_words(t, &w);
	if (r == 0) {
		pid = fork();
		if (pid == 0)
			toolbox_exec(t, &w);
		if (pid < 0)
			r = SP_ERR_SYSTEM;
		else
			*ret_pid = pid;
	}
	words_clear(&w);
	return r;
}
