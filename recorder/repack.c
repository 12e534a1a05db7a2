/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/repack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "recorder/seal.h"
#include "recorder/store.h"
#include "recorder/tree.h"
#include "runtime/log.h"

#define REPACK_LEVELS 3 /* folders above a session's: year, month, day */
#define REPACK_SPARE ((uint64_t)256 * 1024 * 1024) /* bytes that stay free: the recorder needs them more */

struct repack {
	int root;
	const struct sp_sign_ring *keys;
	struct sp_record_packer *packer;
	struct sp_buf *block;
	struct sp_repack_result *result;
};

/* One record being written again. */
struct repack_file {
	struct repack *rp;
	struct sp_tree_file *from;
	struct sp_record_state state; /* of what is written */
	uint64_t size;
	int to;
};

/* --- one record -------------------------------------------------------------------------------------- */

static int
repack_write(struct repack_file *f)
{
	struct sp_buf *b = f->rp->block;
	int r;

	sp_buf_reset(b);
	r = sp_record_packer_end(f->rp->packer, b, &f->state);
	if (r == 0)
		r = sp_store_write_all(f->to, sp_buf_data(b), sp_buf_len(b), f->size);
	f->size += sp_buf_len(b);
	return r;
}

/* The records of the block read last. */
static int
repack_records(struct repack_file *f)
{
	struct sp_record_packer *p = f->rp->packer;
	struct sp_view event;
	uint64_t number;
	int r = 0;

	while (r == 0 && sp_tree_file_next(f->from, &number, &event) == 0) {
		r = sp_record_packer_put(p, event.data, event.len);
		if (r != SP_ERR_FULL)
			continue;
		r = repack_write(f);
		if (r == 0) {
			sp_record_packer_begin(p, &f->state);
			r = sp_record_packer_put(p, event.data, event.len);
		}
	}
	return r;
}

/* The header's bytes are the same: the chain begins with their hash. */
static int
repack_header(struct repack_file *f, int fd)
{
	uint64_t left = sp_tree_file_offset(f->from);
	uint8_t buf[4096];
	int r = 0;

	while (r == 0 && f->size < left) {
		size_t want = left - f->size < sizeof(buf) ? (size_t)(left - f->size) : sizeof(buf);
		ssize_t n = pread(fd, buf, want, (off_t)f->size);

		r = n <= 0 ? SP_ERR_SYSTEM : sp_store_write_all(f->to, buf, (size_t)n, f->size);
		f->size += n > 0 ? (uint64_t)n : 0;
	}
	return r;
}

/* Whether the manifest, which the recorder signed when it closed the record, ends where the new file does. */
static int
repack_is_whole(const struct repack_file *f, const json_t *manifest)
{
	uint8_t head[SP_SIGN_HASH];
	uint64_t records;

	if (sp_seal_get_u64(manifest, "records", &records) != 0 || sp_seal_get_hash(manifest, "head", head) != 0)
		return SP_ERR_FORMAT;
	return records == f->state.number && memcmp(head, f->state.hash, sizeof(head)) == 0 ? 0 : SP_ERR_SIGNATURE;
}

/* Fills the new file from the old one, proving every byte of that. EXISTS: there is nothing to gain. */
static int
repack_fill(struct repack_file *f, int fd, const char *session, const json_t *manifest)
{
	struct sp_record_problem problem = { 0, "" };
	struct sp_record_header h;
	int r = sp_tree_file_header(f->from, f->rp->keys, &h, &problem);

	if (r == 0)
		r = strcmp(h.session, session) == 0 ? repack_header(f, fd) : SP_ERR_FORMAT;
	if (r != 0)
		return r;
	f->state = h.state;
	sp_record_packer_begin(f->rp->packer, &f->state);
	while (r == 0) {
		r = sp_tree_file_block(f->from, f->rp->keys, &problem);
		if (r == 0)
			r = sp_tree_file_is_small(f->from) ? SP_ERR_EXISTS : repack_records(f);
	}
	if (r == SP_ERR_NOT_FOUND)
		r = sp_record_packer_count(f->rp->packer) > 0 ? repack_write(f) : 0;
	if (r == 0)
		r = repack_is_whole(f, manifest);
	return r == 0 && f->size >= sp_tree_file_size(f->from) ? SP_ERR_EXISTS : r;
}

/* Puts the new file in the old one's place. */
static int
repack_replace(const struct repack_file *f, int dir)
{
	if (fsync(f->to) != 0 || renameat(dir, SP_TREE_EVENTS_NEW, dir, SP_TREE_EVENTS) != 0 || fsync(dir) != 0)
		return SP_ERR_SYSTEM;
	f->rp->result->sessions++;
	f->rp->result->before += sp_tree_file_size(f->from);
	f->rp->result->after += f->size;
	return 0;
}

/* There are two files for a while. */
static bool
repack_has_room(int fd, uint64_t size)
{
	struct statvfs st;

	return fstatvfs(fd, &st) == 0 && (uint64_t)st.f_bavail * st.f_frsize >= size + REPACK_SPARE;
}

static int
repack_events(struct repack *rp, int dir, const char *session, const json_t *manifest)
{
	struct repack_file f = { .rp = rp, .to = -1 };
	int fd, own, r = sp_tree_open(dir, SP_TREE_EVENTS, &fd);

	if (r != 0)
		return r;
	own = dup(fd);
	r = own < 0 ? SP_ERR_SYSTEM : sp_tree_file_new(own, &f.from);
	if (r == 0 && !repack_has_room(fd, sp_tree_file_size(f.from)))
		r = SP_ERR_FULL;
	if (r == 0 && unlinkat(dir, SP_TREE_EVENTS_NEW, 0) != 0 && errno != ENOENT)
		r = SP_ERR_SYSTEM;
	if (r == 0) {
		f.to = openat(dir, SP_TREE_EVENTS_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    SP_STORE_FILE_MODE);
		r = f.to < 0 ? SP_ERR_SYSTEM : repack_fill(&f, fd, session, manifest);
	}
	if (r == 0)
		r = repack_replace(&f, dir);
	if (f.to >= 0) {
		(void)close(f.to);
		if (r != 0)
			(void)unlinkat(dir, SP_TREE_EVENTS_NEW, 0);
	}
	sp_tree_file_free(f.from);
	(void)close(fd);
	return r;
}

/* --- the tree ---------------------------------------------------------------------------------------- */

/* NOMEM and CRYPTO end the walk; what is wrong with one record does not. */
static int
repack_session(struct repack *rp, int dir, const char *session)
{
	uint8_t hash[SP_SIGN_HASH];
	struct stat st;
	json_t *m = NULL;
	int r;

	if (fstatat(dir, SP_TREE_MANIFEST, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0; /* not closed */
	r = sp_store_read_manifest(rp->root, rp->keys, session, &m, hash);
	if (r == 0)
		r = repack_events(rp, dir, session, m);
	json_decref(m);
	if (r == 0 || r == SP_ERR_EXISTS)
		return 0;
	rp->result->failed++;
	sp_log_warn("session %s: its record stays as it is: %s", session, sp_err_str(r));
	return r == SP_ERR_NOMEM || r == SP_ERR_CRYPTO ? r : 0;
}

static bool
repack_is_wanted(const char *name, int level)
{
	if (level == REPACK_LEVELS)
		return sp_ulid_is_valid(name);
	return strlen(name) == (level == 0 ? 4 : 2) && strspn(name, "0123456789") == strlen(name);
}

/* Takes dir over. */
static int
repack_walk(struct repack *rp, int dir, int level)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	int fd, r = 0;

	if (d == NULL) {
		(void)close(dir);
		return SP_ERR_SYSTEM;
	}
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (!repack_is_wanted(e->d_name, level))
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (level < REPACK_LEVELS) {
			r = repack_walk(rp, fd, level + 1);
			continue;
		}
		r = repack_session(rp, fd, e->d_name);
		(void)close(fd);
	}
	(void)closedir(d);
	return r;
}

int
sp_repack_tree(int root, const struct sp_sign_key *key, const struct sp_sign_ring *keys,
    struct sp_repack_result *ret_result)
{
	struct repack rp = { .root = root, .keys = keys, .block = sp_buf_new(2 * SP_RECORD_BLOCK_MAX), .result = ret_result };
	int fd, r;

	memset(ret_result, 0, sizeof(*ret_result));
	r = rp.block == NULL ? SP_ERR_NOMEM : sp_record_packer_new(key, true, &rp.packer);
	if (r == 0) {
		fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? SP_ERR_SYSTEM : repack_walk(&rp, fd, 0);
	}
	sp_record_packer_free(rp.packer);
	sp_buf_free(rp.block);
	return r;
}
