/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define TARGET_STATUS_MAX 8192 /* bytes of /proc/PID/status */
#define TARGET_ADDRESS_MAX ((uint64_t)1 << 56)

/* --- who ------------------------------------------------------------------------------------------------ */

/* The numbers behind a line's name; how many there were. */
static size_t
status_numbers(const char *text, const char *name, unsigned long *ret, size_t max)
{
	const char *p = strstr(text, name);
	size_t n = 0;
	char *end;

	if (p == NULL)
		return 0;
	for (p += strlen(name); n < max; p = end) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (*p < '0' || *p > '9')
			break;
		ret[n++] = strtoul(p, &end, 10);
	}
	return n;
}

static int
target_status(struct sp_target *t)
{
	unsigned long v[4], groups[SP_TARGET_GROUPS_MAX + 1];
	char text[TARGET_STATUS_MAX];
	int fd = openat(t->dir, "status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	size_t i;

	if (fd >= 0)
		(void)close(fd);
	if (n <= 0)
		return SP_ERR_NOT_FOUND;
	text[n] = '\0';
	if (status_numbers(text, "\nTgid:", v, 1) != 1)
		return SP_ERR_SYSTEM;
	t->tgid = (pid_t)v[0];
	if (status_numbers(text, "\nPPid:", v, 1) != 1)
		return SP_ERR_SYSTEM;
	t->ppid = (pid_t)v[0];
	if (status_numbers(text, "\nUid:", v, 4) != 4)
		return SP_ERR_SYSTEM;
	t->uid = (uid_t)v[1];
	t->fsuid = (uid_t)v[3];
	if (status_numbers(text, "\nGid:", v, 4) != 4)
		return SP_ERR_SYSTEM;
	t->gid = (gid_t)v[1];
	t->fsgid = (gid_t)v[3];
	t->ngroups = status_numbers(text, "\nGroups:", groups, SP_TARGET_GROUPS_MAX + 1);
	if (t->ngroups > SP_TARGET_GROUPS_MAX)
		return SP_ERR_LIMIT;
	for (i = 0; i < t->ngroups; i++)
		t->groups[i] = (gid_t)groups[i];
	return 0;
}

int
sp_target_open(int proc, pid_t tid, struct sp_target *ret_t)
{
	char name[16];
	size_t i;
	int r;

	memset(ret_t, 0, offsetof(struct sp_target, pages));
	for (i = 0; i < SP_TARGET_PAGES; i++)
		ret_t->pages[i].addr = 0;
	ret_t->tid = tid;
	(void)snprintf(name, sizeof(name), "%d", (int)tid);
	ret_t->dir = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret_t->dir < 0)
		return SP_ERR_NOT_FOUND;
	r = target_status(ret_t);
	if (r != 0)
		sp_target_close(ret_t);
	return r;
}

void
sp_target_close(struct sp_target *t)
{
	if (t->dir >= 0)
		(void)close(t->dir);
	t->dir = -1;
}

bool
sp_target_is_here(const struct sp_target *t)
{
	static struct statx ours; /* which does not change */
	struct statx theirs;

	if (ours.stx_ino == 0 && statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &ours) != 0)
		return false;
	/* A mount is in one namespace only, and what is mounted below it is found from there, whosever path it is. */
	return (ours.stx_mask & STATX_MNT_ID) != 0 && statx(t->dir, "root", 0, STATX_INO | STATX_MNT_ID, &theirs) == 0 &&
	    (theirs.stx_mask & STATX_MNT_ID) != 0 && ours.stx_mnt_id == theirs.stx_mnt_id && ours.stx_ino == theirs.stx_ino &&
	    ours.stx_dev_major == theirs.stx_dev_major && ours.stx_dev_minor == theirs.stx_dev_minor;
}

/* --- what ----------------------------------------------------------------------------------------------- */

/* Up to n bytes, as its own reads would have them. -1 or how many. */
static ssize_t
target_pread(const struct sp_target *t, uint64_t addr, void *ret_p, size_t n)
{
	struct iovec local = { .iov_base = ret_p, .iov_len = n };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = n }; /* NOLINT(performance-no-int-to-ptr) */
	ssize_t have;

	do
		have = process_vm_readv(t->tid, &local, 1, &remote, 1, 0);
	while (have < 0 && errno == EINTR);
	return have;
}

/* The page that addr is in, read once: what a process asks with lies close together. NULL: it cannot be read. */
static const struct sp_target_page *
target_page(struct sp_target *t, uint64_t addr)
{
	uint64_t start = addr - addr % SP_TARGET_PAGE;
	struct sp_target_page *p = &t->pages[start / SP_TARGET_PAGE % SP_TARGET_PAGES];

	if (start == 0 || start >= TARGET_ADDRESS_MAX)
		return NULL;
	if (p->addr == start)
		return p;
	p->addr = target_pread(t, start, p->bytes, sizeof(p->bytes)) == (ssize_t)sizeof(p->bytes) ? start : 0;
	return p->addr == 0 ? NULL : p;
}

/* Up to n bytes, not across the end of a page: the next one may not be there. */
static ssize_t
target_read(struct sp_target *t, uint64_t addr, void *ret_p, size_t n)
{
	const struct sp_target_page *page = target_page(t, addr);
	size_t at = (size_t)(addr % SP_TARGET_PAGE);

	if (page == NULL)
		return -1;
	if (n > SP_TARGET_PAGE - at)
		n = SP_TARGET_PAGE - at;
	memcpy(ret_p, page->bytes + at, n);
	return (ssize_t)n;
}

int
sp_target_bytes(const struct sp_target *t, uint64_t addr, void *p, size_t n)
{
	size_t have = 0;
	ssize_t more;

	if (n > 0 && (addr == 0 || addr >= TARGET_ADDRESS_MAX))
		return EFAULT;
	while (have < n) {
		more = target_pread(t, addr + have, (char *)p + have, n - have);
		if (more <= 0)
			return EFAULT;
		have += (size_t)more;
	}
	return 0;
}

int
sp_target_string(struct sp_target *t, uint64_t addr, char *buf, size_t cap)
{
	size_t have = 0;

	while (have < cap) {
		ssize_t n = target_read(t, addr + have, buf + have, cap - have);

		if (n <= 0)
			return EFAULT;
		if (memchr(buf + have, '\0', (size_t)n) != NULL)
			return 0;
		have += (size_t)n;
	}
	return ENAMETOOLONG;
}

static int
target_word(struct sp_target *t, uint64_t addr, struct sp_words *w)
{
	int r = sp_target_string(t, addr, w->bytes + w->len, SP_TARGET_ARGS_BYTES - w->len);

	if (r != 0)
		return r == ENAMETOOLONG ? E2BIG : r;
	w->len += strlen(w->bytes + w->len) + 1;
	w->n++;
	return 0;
}

int
sp_target_words(struct sp_target *t, uint64_t addr, struct sp_words *ret_w)
{
	static char room[SP_TARGET_ARGS_BYTES]; /* not from malloc(3), which would map and unmap it each time */
	struct sp_words w = { .bytes = room };
	uint64_t pointers[SP_TARGET_PAGE / sizeof(uint64_t)];
	bool is_over = false;
	int r = 0;

	while (r == 0 && !is_over) {
		/* A pointer that lies across two pages is read by itself: two parts. */
		ssize_t n = target_read(t, addr, pointers, sizeof(pointers)), i;

		if (n > 0 && n < (ssize_t)sizeof(uint64_t)) {
			ssize_t more = target_read(t, addr + (uint64_t)n, (char *)pointers + n, sizeof(uint64_t) - (size_t)n);

			n = more < 0 ? more : n + more;
		}
		if (n < (ssize_t)sizeof(uint64_t)) {
			r = EFAULT;
			break;
		}
		n /= (ssize_t)sizeof(uint64_t);
		for (i = 0; r == 0 && !is_over && i < n; i++) {
			is_over = pointers[i] == 0;
			if (!is_over)
				r = w.n == SP_TARGET_ARGS_MAX ? E2BIG : target_word(t, pointers[i], &w);
		}
		addr += (uint64_t)n * sizeof(uint64_t);
	}
	if (r == 0 && w.n == 0)
		r = EINVAL;
	if (r != 0)
		return r;
	w.bytes = malloc(w.len);
	if (w.bytes == NULL)
		return ENOMEM;
	memcpy(w.bytes, room, w.len);
	*ret_w = w;
	return 0;
}

void
sp_words_clear(struct sp_words *w)
{
	free(w->bytes);
	memset(w, 0, sizeof(*w));
}
