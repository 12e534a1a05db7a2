/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "lib/text.h"

#define QUARANTINE_FULL "the bastion's quarantine is full: its reviewers have to make room"

/* The directory, made if there is none, and nobody else's. */
static int
quarantine_dir(const char *dir, int *ret_fd)
{
	struct stat st;
	int fd;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return SP_ERR_SYSTEM;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	if (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		(void)close(fd);
		return SP_ERR_SYSTEM;
	}
	*ret_fd = fd;
	return 0;
}

/* Whether more bytes can be kept, besides what is there. */
static int
quarantine_room(int dir, uint64_t more)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct statvfs fs;
	uint64_t bytes = more;
	struct dirent *e;
	struct stat st;
	unsigned n = 0;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return SP_ERR_SYSTEM;
	}
	while (n <= 2 * SP_QUARANTINE_COUNT_MAX && (e = readdir(d)) != NULL)
		if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
			bytes += (uint64_t)st.st_size;
			n++;
		}
	(void)closedir(d);
	if (fstatvfs(dir, &fs) != 0)
		return SP_ERR_SYSTEM;
	/* Each has two names. */
	return n / 2 >= SP_QUARANTINE_COUNT_MAX || bytes > SP_QUARANTINE_TOTAL_MAX ||
		       (uint64_t)fs.f_bavail * fs.f_frsize < SP_QUARANTINE_RESERVE
		   ? SP_ERR_LIMIT
		   : 0;
}

int
sp_quarantine_open(const char *dir, int *ret_fd, const char **ret_why)
{
	int d = -1, fd, r = quarantine_dir(dir, &d);

	*ret_why = "the bastion has no quarantine to keep a copy in: call an administrator";
	if (r == 0)
		r = quarantine_room(d, 0);
	if (r == SP_ERR_LIMIT)
		*ret_why = QUARANTINE_FULL;
	if (r == 0) {
		fd = openat(d, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
		r = fd < 0 ? SP_ERR_SYSTEM : 0;
		if (r == 0)
			*ret_fd = fd;
	}
	if (d >= 0)
		(void)close(d);
	return r;
}

static char *
quarantine_json(const struct sp_quarantine_about *a, const char *id)
{
	char hex[2 * 32 + 1], *text;
	json_t *o;

	sp_text_hex(hex, a->sha256.data, 32);
	o = json_pack("{s:s s:s s:s s:s s:s s:s s:s s:b s:I s:s s:I}", "id", id, "session", a->session, "user", a->user,
	    "connection", a->connection, "path", a->path, "direction", a->is_upload ? "upload" : "download", "reason",
	    a->reason, "complete", (int)a->is_complete, "size", (json_int_t)a->size, "sha256", hex, "time",
	    (json_int_t)time(NULL));
	text = o == NULL ? NULL : json_dumps(o, JSON_INDENT(1) | JSON_SORT_KEYS);
	json_decref(o);
	if (text != NULL && strlen(text) >= SP_QUARANTINE_JSON_MAX) {
		free(text);
		text = NULL;
	}
	return text;
}

/* Gives a file without a name one. */
static int
quarantine_link(int dir, int fd, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) != 0)
		return errno == EEXIST ? SP_ERR_EXISTS : SP_ERR_SYSTEM;
	return 0;
}

/* What the session hands over is what it was given: beside like, a file of the directory; ours, and without a name. */
static bool
quarantine_is_ours(int fd, int like, uint64_t size)
{
	struct stat st, sl;

	return fstat(fd, &st) == 0 && fstat(like, &sl) == 0 && S_ISREG(st.st_mode) && st.st_dev == sl.st_dev &&
	       st.st_uid == geteuid() && st.st_nlink == 0 && (uint64_t)st.st_size == size &&
	       size <= SP_QUARANTINE_FILE_MAX;
}

/* The JSON comes last: what has none is no more than a leftover. */
static int
quarantine_write(int dir, int fd, uint64_t size, const char *id, const char *json)
{
	char name[SP_QUARANTINE_ID_MAX + sizeof(SP_QUARANTINE_JSON)];
	size_t n = strlen(json);
	int about = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600), r = about < 0 ? SP_ERR_SYSTEM : 0;

	if (r == 0 && !quarantine_is_ours(fd, about, size))
		r = SP_ERR_INVALID;
	if (r == 0 && (write(about, json, n) != (ssize_t)n || fsync(about) != 0))
		r = SP_ERR_SYSTEM;
	if (r == 0)
		r = quarantine_link(dir, fd, id);
	if (r == 0) {
		(void)snprintf(name, sizeof(name), "%s" SP_QUARANTINE_JSON, id);
		r = quarantine_link(dir, about, name);
		if (r != 0)
			(void)unlinkat(dir, id, 0);
	}
	if (r == 0 && fsync(dir) != 0)
		r = SP_ERR_SYSTEM;
	if (about >= 0)
		(void)close(about);
	return r;
}

int
sp_quarantine_keep(const char *dir, int fd, const struct sp_quarantine_about *about, const char **ret_why)
{
	char id[SP_QUARANTINE_ID_MAX + 1], *json = NULL;
	int d = -1, r = quarantine_dir(dir, &d);

	*ret_why = "a copy could not be kept";
	sp_quarantine_id(about->session, about->number, id);
	if (r == 0 && about->sha256.len != 32)
		r = SP_ERR_INVALID;
	if (r == 0)
		r = quarantine_room(d, about->size);
	if (r == SP_ERR_LIMIT)
		*ret_why = QUARANTINE_FULL;
	if (r == 0) {
		json = quarantine_json(about, id);
		r = json == NULL ? SP_ERR_NOMEM : quarantine_write(d, fd, about->size, id, json);
	}
	free(json);
	if (d >= 0)
		(void)close(d);
	return r;
}
