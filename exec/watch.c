/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/mounts.h"
#include "lib/ipc_files.h"

#define WATCH_MASK (FAN_OPEN | FAN_CLOSE_WRITE)
#define WATCH_EXCEPT_MAX 4
#define WATCH_TEXT_MAX ((size_t)8 * 1024 * 1024) /* bytes of mountinfo */
#define WATCH_STATUS_MAX 1024
#define WATCH_DELETED " (deleted)" /* what the kernel puts behind a name that is gone */

struct sp_watch {
	int fan;
	int mounts;
	pid_t except[WATCH_EXCEPT_MAX];
	size_t nexcept;
	char *problems[SP_WATCH_PROBLEMS_MAX]; /* mounts */
	size_t nproblems;
	struct {
		pid_t pid; /* 0: none */
		uid_t uid;
		char exe[PATH_MAX];
	} who; /* of the last event of this turn */
	char path[PATH_MAX + 16];
	_Alignas(struct fanotify_event_metadata) char events[SP_WATCH_EVENTS_MAX * sizeof(struct fanotify_event_metadata)];
	size_t len, at; /* events read and not told yet */
};

/* --- mounts ----------------------------------------------------------------------------------------------- */

static char *
watch_mountinfo(struct sp_watch *w)
{
	size_t len = 0, cap = (size_t)64 * 1024;
	char *text = malloc(cap), *more;
	ssize_t n = -1;

	if (text != NULL && lseek(w->mounts, 0, SEEK_SET) == 0)
		while ((n = read(w->mounts, text + len, cap - len - 1)) > 0) {
			len += (size_t)n;
			if (cap - len > 1)
				continue;
			more = cap >= WATCH_TEXT_MAX ? NULL : realloc(text, 2 * cap);
			if (more == NULL) {
				n = -1;
				errno = ENOMEM;
				break;
			}
			text = more;
			cap *= 2;
		}
	if (n != 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

/* Whether it is said for the first time. */
static bool
watch_is_news(struct sp_watch *w, const char *path)
{
	for (size_t i = 0; i < w->nproblems; i++)
		if (strcmp(w->problems[i], path) == 0)
			return false;
	if (w->nproblems < SP_WATCH_PROBLEMS_MAX) {
		w->problems[w->nproblems] = strdup(path);
		w->nproblems += w->problems[w->nproblems] != NULL;
	}
	return true;
}

/* A mount that is gone, or under another one, has nothing to see. */
static bool
watch_mark(const struct sp_watch *w, const struct sp_mount *m)
{
	return fanotify_mark(w->fan, FAN_MARK_ADD | FAN_MARK_MOUNT, WATCH_MASK, AT_FDCWD, m->path) == 0 || errno == ENOENT;
}

/* ops NULL: at the start. */
static int
watch_line(struct sp_watch *w, const char *line, const struct sp_watch_ops *ops, void *ctx)
{
	struct sp_watch_loss loss = { .why = SP_IPC_FILES_MOUNT };
	struct sp_mount m;

	if (!sp_mounts_parse(line, &m)) {
		errno = EPROTO;
		return SP_ERR_SYSTEM;
	}
	if (!sp_mounts_has_files(&m) || watch_mark(w, &m))
		return 0;
	if (ops == NULL) /* of a person's own FUSE not even root may look at anything: it is told later */
		return errno == EACCES && strncmp(m.type, "fuse", 4) == 0 ? 0 : SP_ERR_SYSTEM;
	loss.error = (uint32_t)errno;
	loss.what = m.path;
	return watch_is_news(w, m.path) ? ops->lost(&loss, ctx) : 0;
}

int
sp_watch_mounts(struct sp_watch *w, const struct sp_watch_ops *ops, void *ctx)
{
	char *text = watch_mountinfo(w), *rest = text, *line;
	size_t n = 0;
	int r = text == NULL ? SP_ERR_SYSTEM : 0;

	while (r == 0 && rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0')
			continue;
		if (++n > SP_WATCH_MOUNTS_MAX)
			r = SP_ERR_LIMIT;
		else
			r = watch_line(w, line, ops, ctx);
	}
	free(text);
	return r;
}

/* --- life --------------------------------------------------------------------------------------------------- */

int
sp_watch_new(struct sp_watch **ret_w)
{
	struct sp_watch *w = calloc(1, sizeof(*w));
	int r;

	if (w == NULL)
		return SP_ERR_NOMEM;
	w->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	/* O_LARGEFILE is the kernel's own default on 64 bits. */
	w->fan = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = w->mounts < 0 || w->fan < 0 ? SP_ERR_SYSTEM : sp_watch_mounts(w, NULL, NULL);
	if (r != 0) {
		sp_watch_free(w);
		return r;
	}
	*ret_w = w;
	return 0;
}

void
sp_watch_free(struct sp_watch *w)
{
	int saved = errno;

	if (w == NULL)
		return;
	if (w->fan >= 0)
		(void)close(w->fan);
	if (w->mounts >= 0)
		(void)close(w->mounts);
	for (size_t i = 0; i < w->nproblems; i++)
		free(w->problems[i]);
	free(w);
	errno = saved;
}

void
sp_watch_except(struct sp_watch *w, const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n && w->nexcept < WATCH_EXCEPT_MAX; i++)
		w->except[w->nexcept++] = pids[i];
}

int
sp_watch_fd(const struct sp_watch *w)
{
	return w->fan;
}

bool
sp_watch_is_behind(const struct sp_watch *w)
{
	return w->at < w->len;
}

int
sp_watch_mounts_fd(const struct sp_watch *w)
{
	return w->mounts;
}

/* --- one event ------------------------------------------------------------------------------------------------ */

/* The effective uid, as /proc shows it. */
static uid_t
who_uid(pid_t pid)
{
	char name[48], text[WATCH_STATUS_MAX];
	const char *p;
	ssize_t n;
	int fd;

	(void)snprintf(name, sizeof(name), "/proc/%d/status", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return (uid_t)-1;
	text[n] = '\0';
	p = strstr(text, "\nUid:\t");
	p = p == NULL ? NULL : strchr(p + strlen("\nUid:\t"), '\t'); /* real, effective, ... */
	return p == NULL ? (uid_t)-1 : (uid_t)strtoul(p + 1, NULL, 10);
}

/* Who it is now: a moment later, for nobody was made to wait. */
static void
watch_who(struct sp_watch *w, pid_t pid)
{
	char name[48];
	ssize_t n;

	if (w->who.pid == pid)
		return;
	w->who.pid = pid;
	w->who.uid = who_uid(pid);
	(void)snprintf(name, sizeof(name), "/proc/%d/exe", (int)pid);
	n = readlink(name, w->who.exe, sizeof(w->who.exe) - 1);
	w->who.exe[n < 0 ? 0 : n] = '\0';
}

/* The name that the file was opened by, as it is now. */
static void
watch_path(struct sp_watch *w, int fd, const struct stat *st, struct sp_sighting *s)
{
	const size_t tail = strlen(WATCH_DELETED);
	struct stat named;
	char name[32];
	ssize_t n;

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, w->path, PATH_MAX - 1);
	w->path[n < 0 ? 0 : n] = '\0';
	s->path = w->path;
	if (w->path[0] != '/')
		s->facts |= SP_IPC_FILES_NAMELESS;
	if (n <= (ssize_t)tail || strcmp(w->path + n - tail, WATCH_DELETED) != 0)
		return;
	if (lstat(w->path, &named) == 0 && named.st_dev == st->st_dev && named.st_ino == st->st_ino)
		return; /* it is really called that */
	w->path[(size_t)n - tail] = '\0';
	s->facts |= SP_IPC_FILES_DELETED;
}

/* Whether root alone can have put the name there: each directory of it is root's to change. */
static bool
watch_is_roots(char *path)
{
	bool is_roots = path[0] == '/';
	struct stat st;

	for (char *p = path; is_roots && (p = strchr(p + 1, '/')) != NULL;) {
		*p = '\0';
		is_roots = lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
		    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
		*p = '/';
	}
	return is_roots;
}

static int
watch_event(struct sp_watch *w, const struct fanotify_event_metadata *e, const struct sp_watch_ops *ops, void *ctx)
{
	struct sp_sighting s = { .pid = e->pid };
	struct stat st;

	for (size_t i = 0; i < w->nexcept; i++)
		if (w->except[i] == e->pid)
			return 0;
	if (fstat(e->fd, &st) != 0)
		memset(&st, 0, sizeof(st));
	if ((e->mask & FAN_OPEN) != 0)
		s.what |= SP_IPC_FILES_OPENED;
	if ((e->mask & FAN_CLOSE_WRITE) != 0)
		s.what |= SP_IPC_FILES_WRITTEN;
	s.size = (uint64_t)st.st_size;
	watch_who(w, e->pid);
	s.uid = w->who.uid;
	s.exe = w->who.exe;
	watch_path(w, e->fd, &st, &s);
	if (st.st_nlink > 1 && !watch_is_roots(w->path))
		s.facts |= SP_IPC_FILES_LINKED;
	return ops->seen(&s, ctx);
}

/* FULL: the event stays. */
static int
watch_tell(struct sp_watch *w, const struct fanotify_event_metadata *e, const struct sp_watch_ops *ops, void *ctx)
{
	struct sp_watch_loss loss = { .why = SP_IPC_FILES_OVERFLOW, .what = "" };
	int r;

	if ((e->mask & FAN_Q_OVERFLOW) != 0)
		return ops->lost(&loss, ctx);
	if (e->fd < 0) {
		loss.why = SP_IPC_FILES_UNREADABLE;
		return ops->lost(&loss, ctx);
	}
	r = watch_event(w, e, ops, ctx);
	if (r != SP_ERR_FULL)
		(void)close(e->fd);
	return r;
}

/* *ret_r: AGAIN, or an error. False: there are none. */
static bool
watch_fill(struct sp_watch *w, const struct sp_watch_ops *ops, void *ctx, int *ret_r)
{
	struct sp_watch_loss loss = { .why = SP_IPC_FILES_UNREADABLE, .what = "" };
	ssize_t n;

	w->who.pid = 0;
	w->at = w->len = 0;
	n = read(w->fan, w->events, sizeof(w->events));
	if (n > 0) {
		w->len = (size_t)n;
		return true;
	}
	*ret_r = SP_ERR_AGAIN;
	if (n == 0 || errno == EAGAIN || errno == EINTR)
		return false;
	loss.error = (uint32_t)errno; /* that event is gone; others may come */
	*ret_r = ops->lost(&loss, ctx);
	return false;
}

int
sp_watch_read(struct sp_watch *w, const struct sp_watch_ops *ops, void *ctx)
{
	int r = 0;

	if (w->at == w->len && !watch_fill(w, ops, ctx, &r))
		return r;
	while (r == 0 && w->len - w->at >= sizeof(struct fanotify_event_metadata)) {
		const struct fanotify_event_metadata *e = (const void *)(w->events + w->at);

		if (e->vers != FANOTIFY_METADATA_VERSION || e->event_len < sizeof(*e) || e->event_len > w->len - w->at) {
			errno = EPROTO;
			return SP_ERR_SYSTEM;
		}
		r = watch_tell(w, e, ops, ctx);
		if (r != SP_ERR_FULL)
			w->at += e->event_len;
	}
	return r;
}
