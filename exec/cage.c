/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/cage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CAGE_LINE_MAX 8192
#define CAGE_DEPTH_MAX 4096 /* ancestors looked at */

int
sp_cage_init(struct sp_cage *c)
{
	struct stat st;

	memset(c, 0, sizeof(*c));
	c->kill = -1;
	c->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->proc < 0 || stat("/proc/self/ns/mnt", &st) != 0)
		return SP_ERR_SYSTEM;
	c->mounts = st.st_ino;
	c->keepers[0] = getpid();
	/* Who loses their parent becomes a child of ours, and so never is nobody's. */
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : SP_ERR_SYSTEM;
}

/* --- the cgroup --------------------------------------------------------------------------------------------- */

/* Where the kernel's one hierarchy is mounted. */
static bool
group_mount(char *path, size_t cap)
{
	char line[CAGE_LINE_MAX], where[PATH_MAX], *sep;
	bool is_found = false;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f != NULL && !is_found && fgets(line, sizeof(line), f) != NULL) {
		sep = strstr(line, " - cgroup2 ");
		if (sep == NULL || sscanf(line, "%*s %*s %*s %*s %4095s", where) != 1 || strchr(where, '\\') != NULL)
			continue;
		is_found = strlen(where) < cap;
		if (is_found)
			(void)snprintf(path, cap, "%s", where);
	}
	if (f != NULL)
		(void)fclose(f);
	return is_found;
}

static bool
group_of(pid_t pid, char *path, size_t cap)
{
	char name[32], line[CAGE_LINE_MAX];
	bool is_found = false;
	FILE *f;

	(void)snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	f = fopen(name, "re");
	while (f != NULL && !is_found && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		is_found = strncmp(line, "0::/", 4) == 0 && strlen(line + 3) < cap;
		if (is_found)
			memcpy(path, line + 3, strlen(line + 3) + 1);
	}
	if (f != NULL)
		(void)fclose(f);
	return is_found;
}

static int
group_write(const char *group, const char *file, const char *text)
{
	char path[PATH_MAX];
	int fd, n = snprintf(path, sizeof(path), "%s/%s", group, file), r;

	if (n < 0 || (size_t)n >= sizeof(path))
		return SP_ERR_LIMIT;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	r = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : SP_ERR_SYSTEM;
	(void)close(fd);
	return r;
}

void
sp_cage_group(struct sp_cage *c, pid_t pid)
{
	char top[PATH_MAX], own[PATH_MAX], path[PATH_MAX + 32], number[16];
	int n;

	if (!group_mount(top, sizeof(top)) || !group_of(pid, own, sizeof(own)))
		return;
	n = snprintf(c->group, sizeof(c->group), "%s%s%ssallyport-%d", top, own, own[1] == '\0' ? "" : "/", (int)pid);
	if (n < 0 || (size_t)n >= sizeof(c->group) || mkdir(c->group, 0755) != 0) {
		c->group[0] = '\0';
		return;
	}
	(void)snprintf(path, sizeof(path), "%s/cgroup.kill", c->group);
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	c->kill = open(path, O_WRONLY | O_CLOEXEC);
	if (c->kill >= 0 && group_write(c->group, "cgroup.procs", number) == 0)
		return;
	if (c->kill >= 0)
		(void)close(c->kill);
	c->kill = -1;
	(void)rmdir(c->group);
	c->group[0] = '\0';
}

const char *
sp_cage_how(const struct sp_cage *c)
{
	return c->kill >= 0 ? "cgroup" : "sweep";
}

/* --- the sweep ------------------------------------------------------------------------------------------------ */

/* The parent of a process, and whether it is dead already. 0: it is gone. */
static pid_t
cage_parent(const struct sp_cage *c, pid_t pid, char *ret_state)
{
	char name[32], text[512], *p;
	ssize_t n;
	int fd;

	(void)snprintf(name, sizeof(name), "%d/stat", (int)pid);
	fd = openat(c->proc, name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (p == NULL || strlen(p) < 4)
		return 0;
	*ret_state = p[2];
	return (pid_t)strtol(p + 4, NULL, 10);
}

static bool
cage_is_keeper(const struct sp_cage *c, pid_t pid)
{
	for (size_t i = 0; i < SP_CAGE_KEEPERS; i++)
		if (c->keepers[i] == pid)
			return true;
	return false;
}

/* Whether a living process belongs to the session. */
static bool
cage_has(const struct sp_cage *c, pid_t pid)
{
	char name[32], state = 'Z';
	struct stat st;
	pid_t up = cage_parent(c, pid, &state);
	unsigned depth;

	if (cage_is_keeper(c, pid) || up == 0 || state == 'Z' || state == 'X')
		return false;
	(void)snprintf(name, sizeof(name), "%d/ns/mnt", (int)pid);
	if (fstatat(c->proc, name, &st, 0) == 0 && st.st_ino == c->mounts)
		return true;
	for (depth = 0; up > 1 && depth < CAGE_DEPTH_MAX; depth++) {
		if (up == c->keepers[0])
			return true;
		up = cage_parent(c, up, &state);
	}
	return false;
}

/* Signals everybody found; how many that were. */
static unsigned
cage_signal(const struct sp_cage *c, int sig)
{
	int fd = openat(c->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	unsigned n = 0;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 1; /* it is not known that there is nobody */
	}
	while ((e = readdir(d)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);

		if (pid > 1 && cage_has(c, pid) && (kill(pid, sig) == 0 || errno != ESRCH))
			n++;
	}
	(void)closedir(d);
	return n;
}

int
sp_cage_end(struct sp_cage *c)
{
	struct timespec pause = { .tv_nsec = 10000000 };
	unsigned pass, empty = 0;

	if (c->kill >= 0 && write(c->kill, "1", 1) != 1) {
		(void)close(c->kill);
		c->kill = -1;
	}
	(void)cage_signal(c, SIGSTOP); /* first, so that nobody forks on while the others are killed */
	for (pass = 0; pass < SP_CAGE_SWEEPS_MAX && empty < 2; pass++) {
		empty = cage_signal(c, SIGKILL) == 0 ? empty + 1 : 0;
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			;
		if (empty < 2)
			(void)nanosleep(&pause, NULL);
	}
	if (c->group[0] != '\0')
		(void)rmdir(c->group);
	return empty < 2 ? SP_ERR_SYSTEM : 0;
}
