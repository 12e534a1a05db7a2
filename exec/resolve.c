/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "exec/steady.h"
#include "lib/ipc.h"

struct walk {
	const struct sp_target *t;
	int at; /* the directory, or in the end the file */
	struct stat st;
	char rest[2 * PATH_MAX]; /* what is still to go */
	size_t pos;
	unsigned links;
	bool is_fs_known; /* what follows is true of the device of st */
	bool is_proc;
	bool is_users; /* a program of somebody's says what is in it, and whose: FUSE, or one that does not say what it is */
	bool is_steady;
	bool is_open; /* everybody may search the directories passed */
	bool nofollow;
	bool is_plain; /* links of /proc are refused */
};

/*
 * Whether root alone can change what names in it mean, or its content. The group's bit counts for root's group too:
 * where there is an access control list it is the most that anybody named there has.
 */
static bool
is_roots(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Goes to fd, of which st is known; takes fd over. */
static void
walk_enter(struct walk *w, int fd, const struct stat *st)
{
	if (w->at >= 0)
		(void)close(w->at);
	w->at = fd;
	w->is_fs_known = w->is_fs_known && w->st.st_dev == st->st_dev;
	w->st = *st;
}

static int
walk_move(struct walk *w, int fd)
{
	struct stat st;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0) {
		(void)close(fd);
		return EIO;
	}
	walk_enter(w, fd, &st);
	return 0;
}

/* Puts the link's text before what is left. */
static int
walk_expand(struct walk *w, int link)
{
	char text[2 * PATH_MAX];
	ssize_t n = readlinkat(link, "", text, PATH_MAX);
	size_t left = strlen(w->rest + w->pos);

	if (n <= 0)
		return n == 0 ? ENOENT : errno;
	if ((size_t)n + 1 + left >= sizeof(text) || (size_t)n >= PATH_MAX)
		return ENAMETOOLONG;
	text[n] = '/';
	memcpy(text + n + 1, w->rest + w->pos, left + 1);
	if (left == 0)
		text[n] = '\0';
	memcpy(w->rest, text, (size_t)n + 1 + left + 1);
	w->pos = 0;
	return w->rest[0] == '/' ? walk_move(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) : 0;
}

/* Asked once for each device on the way. */
static void
walk_fs(struct walk *w)
{
	struct statfs fs;
	bool is_known;

	if (w->is_fs_known)
		return;
	is_known = fstatfs(w->at, &fs) == 0;
	w->is_proc = is_known && fs.f_type == PROC_SUPER_MAGIC;
	w->is_users = !is_known || fs.f_type == FUSE_SUPER_MAGIC;
	w->is_fs_known = true;
}

/* What is no link. */
static int
walk_plainly(struct walk *w, const char *name)
{
	struct stat st;
	int fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0 || S_ISLNK(st.st_mode)) {
		(void)close(fd);
		return EACCES;
	}
	walk_enter(w, fd, &st);
	return 0;
}

/* A name below /proc: "self" is the process that asks, and its links are no paths but doors. */
static int
walk_proc(struct walk *w, const char *name)
{
	char own[48];

	w->is_steady = false;
	if (strcmp(name, "self") == 0)
		(void)snprintf(own, sizeof(own), "%d", (int)w->t->tgid);
	else if (strcmp(name, "thread-self") == 0)
		(void)snprintf(own, sizeof(own), "%d/task/%d", (int)w->t->tgid, (int)w->t->tid);
	else
		return w->is_plain ? walk_plainly(w, name) : walk_move(w, openat(w->at, name, O_PATH | O_CLOEXEC));
	return walk_move(w, openat(w->at, own, O_PATH | O_CLOEXEC));
}

static int
walk_name(struct walk *w, const char *name, bool is_last)
{
	struct stat st;
	int fd, r;

	walk_fs(w);
	if (w->is_users)
		w->is_steady = false;
	if (w->is_proc)
		return walk_proc(w, name);
	fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0) {
		(void)close(fd);
		return EIO;
	}
	if (!S_ISLNK(st.st_mode)) {
		walk_enter(w, fd, &st);
		return 0;
	}
	r = is_last && w->nofollow ? ELOOP : ++w->links > SP_RESOLVE_LINKS_MAX ? ELOOP : walk_expand(w, fd);
	(void)close(fd);
	return r;
}

static int
walk_step(struct walk *w, bool *ret_done)
{
	char name[NAME_MAX + 1];
	size_t n;

	while (w->rest[w->pos] == '/')
		w->pos++;
	n = strcspn(w->rest + w->pos, "/");
	*ret_done = n == 0;
	if (n == 0)
		return 0;
	if (!S_ISDIR(w->st.st_mode))
		return ENOTDIR;
	if (n > NAME_MAX)
		return ENAMETOOLONG;
	memcpy(name, w->rest + w->pos, n);
	name[n] = '\0';
	w->pos += n;
	w->is_steady = w->is_steady && is_roots(&w->st);
	w->is_open = w->is_open && (w->st.st_mode & S_IXOTH) != 0;
	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0)
		return walk_move(w, openat(w->at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
	return walk_name(w, name, w->rest[w->pos] == '\0');
}

/* The caller closes w->at whatever comes back. */
static int
walk_run(struct walk *w, const struct sp_target *t, int start, const char *path, bool nofollow)
{
	bool is_done = false;
	int r = 0;

	w->t = t;
	w->at = path[0] == '/' ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : fcntl(start, F_DUPFD_CLOEXEC, 0);
	w->pos = w->links = 0;
	w->is_fs_known = false;
	w->is_steady = w->is_open = true;
	w->nofollow = nofollow;
	if (w->at < 0 || fstat(w->at, &w->st) != 0)
		return EIO;
	if (strlen(path) >= PATH_MAX)
		return ENAMETOOLONG;
	(void)snprintf(w->rest, sizeof(w->rest), "%s", path);
	while (r == 0 && !is_done)
		r = walk_step(w, &is_done);
	return r;
}

/* The kernel's mark on a name that is no more; a file that is really called so is taken for one. */
static bool
path_is_gone(const char *path)
{
	static const char mark[] = " (deleted)";
	size_t n = strlen(path);

	return path[0] != '/' || (n >= sizeof(mark) && strcmp(path + n - (sizeof(mark) - 1), mark) == 0);
}

/*
 * Whether the real path leads to the same file again, and by root's directories only. Where it is what was asked for, and
 * no link was on the way, that is the walk that was made.
 */
static bool
resolved_is_steady(struct walk *made, const char *path, const struct sp_resolved *r)
{
	const struct sp_target *t = made->t;
	struct walk w;
	bool is_steady;

	if (made->links == 0 && strcmp(path, r->path) == 0)
		return made->is_steady;
	w.is_plain = made->is_plain;
	is_steady = walk_run(&w, t, AT_FDCWD, r->path, true) == 0 && w.is_steady && w.st.st_dev == r->st.st_dev &&
	    w.st.st_ino == r->st.st_ino;
	made->is_open = made->is_open && w.is_open;
	if (w.at >= 0)
		(void)close(w.at);
	return is_steady;
}

/* *ret_open: everybody may search the directories that were passed, and those of the real path. */
static int
resolve(bool is_plain, const struct sp_target *t, int start, const char *path, bool nofollow, struct sp_resolved *ret_r,
    bool *ret_open)
{
	struct walk w;
	char link[48];
	ssize_t n;
	int r;

	w.is_plain = is_plain;
	r = walk_run(&w, t, start, path, nofollow);
	if (r != 0) {
		if (w.at >= 0)
			(void)close(w.at);
		return r;
	}
	ret_r->fd = w.at;
	ret_r->st = w.st;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", w.at);
	n = readlink(link, ret_r->path, sizeof(ret_r->path) - 1);
	ret_r->path[n < 0 ? 0 : n] = '\0';
	ret_r->is_gone = w.st.st_nlink == 0 || path_is_gone(ret_r->path);
	walk_fs(&w);
	ret_r->is_steady_file = !ret_r->is_gone && !w.is_users && is_roots(&w.st) && resolved_is_steady(&w, path, ret_r);
	ret_r->is_steady = ret_r->is_steady_file && w.is_steady && path[0] != '\0';
	*ret_open = w.is_open;
	return 0;
}

/* --- what was found before ---------------------------------------------------------------------------------- */

/* How much of an absolute path names the directory that its last part is in. 0: none that is remembered. */
static size_t
path_dir(const char *path)
{
	const char *base = strrchr(path, '/');

	if (path[0] != '/' || base == path || base[1] == '\0' || strcmp(base, "/.") == 0 || strcmp(base, "/..") == 0)
		return 0;
	return (size_t)(base - path);
}

/* As fstatat(2) without following, and the mount it is on. 0 or errno. */
static int
known_look(int dir, const char *name, struct stat *ret_st, uint64_t *ret_mount)
{
	struct statx x;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &x) != 0)
		return errno;
	if ((x.stx_mask & (STATX_BASIC_STATS | STATX_MNT_ID)) != (STATX_BASIC_STATS | STATX_MNT_ID))
		return ENOSYS;
	*ret_st = (struct stat){ .st_dev = makedev(x.stx_dev_major, x.stx_dev_minor),
	    .st_ino = x.stx_ino,
	    .st_mode = x.stx_mode,
	    .st_nlink = x.stx_nlink,
	    .st_uid = x.stx_uid,
	    .st_gid = x.stx_gid,
	    .st_size = (off_t)x.stx_size,
	    .st_mtim = { x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec },
	    .st_ctim = { x.stx_ctime.tv_sec, x.stx_ctime.tv_nsec } };
	*ret_mount = x.stx_mnt_id;
	return 0;
}

static void
resolve_remember(const struct sp_target *t, const char *path)
{
	size_t n = path_dir(path);
	char dir[SP_STEADY_NAME_MAX];
	struct sp_resolved *r;
	struct stat st;
	uint64_t mount = 0;
	bool is_open;

	if (n == 0 || n >= sizeof(dir))
		return;
	memcpy(dir, path, n);
	dir[n] = '\0';
	r = malloc(sizeof(*r));
	if (r == NULL)
		return;
	r->fd = -1;
	if (resolve(false, t, -1, dir, false, r, &is_open) == 0 && is_open && (r->st.st_mode & S_IXOTH) != 0 &&
	    r->is_steady && S_ISDIR(r->st.st_mode) && r->path[1] != '\0') {
		if (known_look(r->fd, "", &st, &mount) == 0) {
			sp_steady_put(path, n, r->path, r->fd, mount, sp_ipc_now_ms());
			r->fd = -1;
		}
	}
	sp_resolved_clear(r);
	free(r);
}

/* Where a link leads, told from the directory it is in. False: too long. */
static bool
known_follow(const struct sp_steady_dir *d, const char *name, char path[PATH_MAX])
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(d->fd, name, text, sizeof(text) - 1);
	int len;

	if (n <= 0)
		return false;
	text[n] = '\0';
	len = text[0] == '/' ? snprintf(path, PATH_MAX, "%s", text) : snprintf(path, PATH_MAX, "%s/%s", d->real, text);
	return len > 0 && len < PATH_MAX;
}

/* By steady directories alone, and from one to the next where a link leads there. False: it has to be walked. */
static bool
resolve_known(const struct sp_target *t, const char *path, bool nofollow, struct sp_resolved *ret_r, int *ret_error)
{
	const struct sp_steady_dir *d = sp_steady_find(path, path_dir(path), sp_ipc_now_ms());
	char next[PATH_MAX];
	uint64_t mount = 0;
	unsigned links;

	for (links = 0; d != NULL && links <= SP_RESOLVE_LINKS_MAX; links++) {
		const char *name = strrchr(path, '/') + 1;

		*ret_error = known_look(d->fd, name, &ret_r->st, &mount);
		if (*ret_error != 0)
			return *ret_error == ENOENT;
		if (mount != d->mount)
			return false; /* something is mounted there */
		if (!S_ISLNK(ret_r->st.st_mode)) {
			int n = snprintf(ret_r->path, sizeof(ret_r->path), "%s/%s", d->real, name);

			ret_r->fd = -1;
			ret_r->is_gone = path_is_gone(ret_r->path);
			ret_r->is_steady = ret_r->is_steady_file = !ret_r->is_gone && is_roots(&ret_r->st);
			return n > 0 && (size_t)n < sizeof(ret_r->path);
		}
		if (nofollow || !known_follow(d, name, next))
			return false;
		path = next;
		d = sp_steady_find(path, path_dir(path), sp_ipc_now_ms());
		if (d == NULL) {
			resolve_remember(t, path);
			d = sp_steady_find(path, path_dir(path), sp_ipc_now_ms());
		}
	}
	return false;
}

int
sp_resolve(const struct sp_target *t, int start, const char *path, bool nofollow, struct sp_resolved *ret_r)
{
	bool is_open;
	int r;

	ret_r->fd = -1;
	if (resolve_known(t, path, nofollow, ret_r, &r))
		return r;
	r = resolve(false, t, start, path, nofollow, ret_r, &is_open);
	if (r == 0 && ret_r->is_steady && is_open)
		resolve_remember(t, path);
	return r;
}

int
sp_resolve_plain(const struct sp_target *t, int start, const char *path, struct sp_resolved *ret_r)
{
	bool is_open;

	return resolve(true, t, start, path, false, ret_r, &is_open);
}

void
sp_resolved_clear(struct sp_resolved *r)
{
	if (r->fd >= 0)
		(void)close(r->fd);
	r->fd = -1;
}
