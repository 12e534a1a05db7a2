/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/steady.h"

#include <string.h>
#include <unistd.h>

static struct sp_steady_dir steady_dirs[SP_STEADY_DIRS]; /* given is "": none */

static struct steady_head {
	struct stat st; /* of size 0: none */
	char bytes[SP_STEADY_HEAD];
} steady_heads[SP_STEADY_HEADS];

/* --- directories -------------------------------------------------------------------------------------------- */

static struct sp_steady_dir *
dir_of(const char *path, size_t n)
{
	size_t i;

	for (i = 0; i < SP_STEADY_DIRS; i++) {
		struct sp_steady_dir *d = &steady_dirs[i];

		if (d->given[0] != '\0' && strlen(d->given) == n && memcmp(d->given, path, n) == 0)
			return d;
	}
	return NULL;
}

static void
dir_clear(struct sp_steady_dir *d)
{
	if (d->given[0] != '\0')
		(void)close(d->fd);
	d->given[0] = '\0';
}

const struct sp_steady_dir *
sp_steady_find(const char *path, size_t n, int64_t now_ms)
{
	struct sp_steady_dir *d = n == 0 || n >= SP_STEADY_NAME_MAX ? NULL : dir_of(path, n);

	return d != NULL && now_ms < d->until_ms ? d : NULL;
}

void
sp_steady_put(const char *path, size_t n, const char *real, int fd, uint64_t mount, int64_t now_ms)
{
	struct sp_steady_dir *d;
	size_t i;

	if (n == 0 || n >= SP_STEADY_NAME_MAX || strlen(real) >= SP_STEADY_NAME_MAX) {
		(void)close(fd);
		return;
	}
	d = dir_of(path, n);
	for (i = 0; d == NULL && i < SP_STEADY_DIRS; i++)
		if (steady_dirs[i].given[0] == '\0')
			d = &steady_dirs[i];
	if (d == NULL)
		for (d = &steady_dirs[0], i = 1; i < SP_STEADY_DIRS; i++)
			if (steady_dirs[i].until_ms < d->until_ms)
				d = &steady_dirs[i];
	dir_clear(d);
	memcpy(d->given, path, n);
	d->given[n] = '\0';
	memcpy(d->real, real, strlen(real) + 1);
	d->fd = fd;
	d->mount = mount;
	d->until_ms = now_ms + SP_STEADY_MS;
}

/* --- heads ---------------------------------------------------------------------------------------------------- */

static struct steady_head *
head_of(const struct stat *st)
{
	return &steady_heads[(size_t)st->st_ino % SP_STEADY_HEADS];
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

const char *
sp_steady_head(const struct stat *st, int64_t now)
{
	const struct steady_head *h = head_of(st);

	if (st->st_size == 0 || h->st.st_size != st->st_size || h->st.st_ino != st->st_ino || h->st.st_dev != st->st_dev ||
	    !is_same_time(&h->st.st_ctim, &st->st_ctim) || !is_same_time(&h->st.st_mtim, &st->st_mtim))
		return NULL;
	return now - (int64_t)st->st_ctim.tv_sec > SP_STEADY_RACY_S ? h->bytes : NULL;
}

void
sp_steady_put_head(const struct stat *st, const char head[SP_STEADY_HEAD], int64_t now)
{
	struct steady_head *h = head_of(st);

	if (now - (int64_t)st->st_ctim.tv_sec <= SP_STEADY_RACY_S)
		return;
	h->st = *st;
	memcpy(h->bytes, head, SP_STEADY_HEAD);
}

void
sp_steady_forget(void)
{
	size_t i;

	for (i = 0; i < SP_STEADY_DIRS; i++)
		dir_clear(&steady_dirs[i]);
	memset(steady_heads, 0, sizeof(steady_heads));
}
