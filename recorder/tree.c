/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct sp_tree_file {
	struct sp_record_unpacker *unpacker;
	struct sp_record_state state;
	uint8_t key[SP_SIGN_HASH];
	uint64_t offset;
	uint64_t blocks;
	uint64_t small; /* of the blocks, in their second form */
	uint64_t size;
	int fd;
	uint8_t bytes[SP_RECORD_BLOCK_MAX];
};

_Static_assert(SP_RECORD_BLOCK_MAX >= SP_RECORD_HEADER_MAX, "a header fits as well");

int
sp_tree_path(const char *session, char ret_path[SP_TREE_PATH])
{
	struct tm tm;
	time_t t;

	if (!sp_ulid_is_valid(session))
		return SP_ERR_INVALID;
	t = (time_t)(sp_ulid_time_ms(session) / 1000);
	if (gmtime_r(&t, &tm) == NULL || tm.tm_year > 8099)
		return SP_ERR_INVALID;
	(void)snprintf(ret_path, SP_TREE_PATH, "%04u/%02u/%02u/%.26s", (unsigned)tm.tm_year % 8100 + 1900,
	    (unsigned)(tm.tm_mon + 1) % 100, (unsigned)tm.tm_mday % 100, session);
	return 0;
}

int
sp_tree_open_dir(int root, const char *path, bool make, int *ret_fd)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char part[NAME_MAX + 1];

	while (fd >= 0 && *path != '\0') {
		size_t n = strcspn(path, "/");
		int next;

		(void)snprintf(part, sizeof(part), "%.*s", (int)(n < NAME_MAX ? n : NAME_MAX), path);
		if (make && mkdirat(fd, part, SP_TREE_DIR_MODE) != 0 && errno != EEXIST)
			next = -1;
		else
			next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		(void)close(fd);
		fd = next;
		path += path[n] == '/' ? n + 1 : n;
	}
	if (fd < 0)
		return SP_ERR_SYSTEM;
	*ret_fd = fd;
	return 0;
}

int
sp_tree_open(int dir, const char *path, int *ret_fd)
{
	int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		errno = EINVAL;
		return SP_ERR_SYSTEM;
	}
	*ret_fd = fd;
	return 0;
}

/* Reads up to n bytes; fewer only at the end of the file. */
static int
sp_tree_pread(int fd, void *p, size_t n, uint64_t offset, size_t *ret_n)
{
	uint8_t *d = p;
	size_t got = 0;

	while (got < n) {
		ssize_t r = pread(fd, d + got, n - got, (off_t)(offset + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return SP_ERR_SYSTEM;
		if (r == 0)
			break;
		got += (size_t)r;
	}
	*ret_n = got;
	return 0;
}

int
sp_tree_slurp(int dir, const char *path, size_t max, struct sp_buf **ret_b)
{
	struct sp_buf *b = NULL;
	uint8_t *d;
	size_t n;
	int fd, r = sp_tree_open(dir, path, &fd);

	if (r != 0)
		return r;
	b = sp_buf_new(max + 1);
	r = b == NULL ? SP_ERR_NOMEM : sp_buf_reserve(b, max + 1, &d);
	if (r == 0)
		r = sp_tree_pread(fd, d, max + 1, 0, &n);
	if (r == 0 && n > max)
		r = SP_ERR_LIMIT;
	if (r == 0)
		r = sp_buf_unput(b, max + 1 - n);
	(void)close(fd);
	if (r != 0) {
		sp_buf_free(b);
		return r;
	}
	*ret_b = b;
	return 0;
}

int
sp_tree_file_new(int fd, struct sp_tree_file **ret_f)
{
	struct sp_tree_file *f;
	struct stat st;
	int r;

	if (fd < 0)
		return SP_ERR_SYSTEM;
	f = malloc(sizeof(*f));
	if (f == NULL) {
		(void)close(fd);
		return SP_ERR_NOMEM;
	}
	memset(f, 0, offsetof(struct sp_tree_file, bytes));
	f->fd = fd;
	r = fstat(fd, &st) != 0 ? SP_ERR_SYSTEM : sp_record_unpacker_new(&f->unpacker);
	if (r != 0) {
		sp_tree_file_free(f);
		return r;
	}
	f->size = (uint64_t)st.st_size;
	*ret_f = f;
	return 0;
}

void
sp_tree_file_free(struct sp_tree_file *f)
{
	if (f == NULL)
		return;
	sp_record_unpacker_free(f->unpacker);
	(void)close(f->fd);
	free(f);
}

static int
sp_tree_problem(struct sp_record_problem *p, uint64_t record, const char *what, int err)
{
	p->record = record;
	p->what = what;
	return err;
}

static const char *
sp_tree_signature_problem(int err)
{
	return err == SP_ERR_NOT_FOUND ? "is signed by a key that is not trusted" : "has a signature that does not match";
}

int
sp_tree_file_header(struct sp_tree_file *f, const struct sp_sign_ring *keys, struct sp_record_header *ret_h,
    struct sp_record_problem *ret_problem)
{
	size_t n, size;
	int r = sp_tree_pread(f->fd, f->bytes, SP_RECORD_HEADER_MAX, 0, &n);

	if (r != 0)
		return sp_tree_problem(ret_problem, 0, "cannot be read", r);
	r = sp_record_header_parse(f->bytes, n, ret_h, &size);
	if (r != 0)
		return sp_tree_problem(ret_problem, 0,
		    r == SP_ERR_INCOMPLETE ? "is cut short in its header" : "has a header that breaks the format", r);
	r = keys == NULL ? 0 : sp_record_header_check(ret_h, keys);
	if (r != 0)
		return sp_tree_problem(ret_problem, 0, sp_tree_signature_problem(r), r);
	memcpy(f->key, ret_h->key, sizeof(f->key));
	f->state = ret_h->state;
	f->offset = size;
	return 0;
}

/* Reads one block's bytes. */
static int
sp_tree_file_fill(struct sp_tree_file *f, struct sp_record_block *ret_b, size_t *ret_size)
{
	size_t n, want;
	int r = sp_tree_pread(f->fd, f->bytes, SP_RECORD_BLOCK_HEAD, f->offset, &n);

	if (r == 0 && n == 0)
		return SP_ERR_NOT_FOUND;
	if (r == 0)
		r = sp_record_block_parse(f->bytes, n, ret_b, ret_size);
	if (r != SP_ERR_INCOMPLETE || n < SP_RECORD_BLOCK_HEAD)
		return r;
	want = sp_record_block_size(f->bytes);
	r = sp_tree_pread(f->fd, f->bytes, want, f->offset, &n);
	return r != 0 ? r : sp_record_block_parse(f->bytes, n, ret_b, ret_size);
}

int
sp_tree_file_block(struct sp_tree_file *f, const struct sp_sign_ring *keys, struct sp_record_problem *ret_problem)
{
	struct sp_record_state state = f->state;
	uint64_t next = f->state.number + 1;
	struct sp_record_block b;
	size_t size;
	int r = sp_tree_file_fill(f, &b, &size);

	if (r == SP_ERR_NOT_FOUND)
		return r;
	if (r == SP_ERR_INCOMPLETE)
		return sp_tree_problem(ret_problem, next, "is in a block that is cut short", r);
	if (r != 0)
		return sp_tree_problem(ret_problem, next, "is in a block that breaks the format", r);
	/* First the records, which say more precisely what is wrong. */
	r = sp_record_unpack(f->unpacker, &b, &state, ret_problem);
	if (r != 0 && ret_problem->record == 0)
		ret_problem->record = next;
	if (r == 0 && keys != NULL) {
		r = sp_record_block_check(&b, f->key, keys);
		if (r != 0)
			return sp_tree_problem(ret_problem, next, "is in a block whose signature does not match", r);
	}
	if (r == 0) {
		f->state = state;
		f->offset += size;
		f->blocks++;
		f->small += b.is_small;
	}
	return r;
}

int
sp_tree_file_next(struct sp_tree_file *f, uint64_t *ret_number, struct sp_view *ret_event)
{
	return sp_record_unpacker_next(f->unpacker, ret_number, ret_event);
}

uint64_t
sp_tree_file_offset(const struct sp_tree_file *f)
{
	return f->offset;
}

uint64_t
sp_tree_file_blocks(const struct sp_tree_file *f)
{
	return f->blocks;
}

bool
sp_tree_file_is_small(const struct sp_tree_file *f)
{
	return f->blocks > 0 && f->small == f->blocks;
}

uint64_t
sp_tree_file_size(const struct sp_tree_file *f)
{
	return f->size;
}

const struct sp_record_state *
sp_tree_file_state(const struct sp_tree_file *f)
{
	return &f->state;
}
