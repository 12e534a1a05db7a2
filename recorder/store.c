/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/seal.h"
#include "recorder/tree.h"

#define SP_STORE_MANIFEST_NEW "manifest.new"
#define SP_STORE_CHUNK 32768 /* bytes read at a time */

struct sp_store {
	char session[SP_ULID_LEN + 1];
	char path[SP_TREE_PATH];
	char *json; /* the header's */
	uint64_t created_ns;
	struct sp_record_state state;
	EVP_MD_CTX *sha; /* over the whole file so far */
	uint64_t size;
	uint64_t blocks;
	int root; /* the caller's */
	int dir;
	int fd;
	bool is_dirty;
	bool is_named; /* the folders above were synced */
};

int
sp_store_write_all(int fd, const void *p, size_t n, uint64_t offset)
{
	const uint8_t *d = p;

	while (n > 0) {
		ssize_t w = pwrite(fd, d, n, (off_t)offset);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return SP_ERR_SYSTEM;
		d += w;
		n -= (size_t)w;
		offset += (uint64_t)w;
	}
	return 0;
}

int
sp_store_extend_file(int fd, const void *p, size_t n, uint64_t size)
{
	struct stat st;
	int saved, r;

	/* What an earlier failed write left behind, if it could not be cut off then. */
	if (fstat(fd, &st) != 0 || ((uint64_t)st.st_size > size && ftruncate(fd, (off_t)size) != 0))
		return SP_ERR_SYSTEM;
	r = sp_store_write_all(fd, p, n, size);
	saved = errno;
	if (r != 0 && ftruncate(fd, (off_t)size) != 0)
		r = SP_ERR_SYSTEM; /* the next call, or the next start, cuts it off */
	errno = saved;
	return r;
}

static int
sp_store_new(int root, const char *session, struct sp_store **ret_s)
{
	struct sp_store *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return SP_ERR_NOMEM;
	s->root = root;
	s->dir = s->fd = -1;
	s->sha = EVP_MD_CTX_new();
	r = s->sha == NULL || EVP_DigestInit_ex(s->sha, EVP_sha256(), NULL) != 1 ? SP_ERR_CRYPTO : 0;
	if (r == 0)
		r = sp_tree_path(session, s->path);
	if (r != 0) {
		sp_store_free(s);
		return r;
	}
	(void)snprintf(s->session, sizeof(s->session), "%s", session);
	*ret_s = s;
	return 0;
}

void
sp_store_free(struct sp_store *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->sha);
	if (s->fd >= 0)
		(void)close(s->fd);
	if (s->dir >= 0)
		(void)close(s->dir);
	free(s->json);
	free(s);
}

const struct sp_record_state *
sp_store_state(const struct sp_store *s)
{
	return &s->state;
}

/* Writes at the end of the file; a failed write leaves nothing behind. */
static int
sp_store_extend(struct sp_store *s, const void *p, size_t n)
{
	int r = sp_store_extend_file(s->fd, p, n, s->size);

	if (r != 0)
		return r;
	if (EVP_DigestUpdate(s->sha, p, n) != 1)
		return SP_ERR_CRYPTO;
	s->size += n;
	s->is_dirty = true;
	return 0;
}

/* Makes and opens the new folder; what was made of it is removed again by the caller on error. */
static int
sp_store_make(struct sp_store *s)
{
	char day[SP_TREE_PATH];
	int up = -1, r;

	(void)snprintf(day, sizeof(day), "%.10s", s->path);
	r = sp_tree_open_dir(s->root, day, true, &up);
	if (r != 0)
		return r;
	if (mkdirat(up, s->session, SP_TREE_DIR_MODE) != 0)
		r = errno == EEXIST ? SP_ERR_EXISTS : SP_ERR_SYSTEM;
	if (r == 0)
		s->dir = openat(up, s->session, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r == 0 && s->dir >= 0)
		s->fd = openat(s->dir, SP_TREE_EVENTS, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    SP_STORE_FILE_MODE);
	if (r == 0 && s->fd < 0) {
		int saved = errno;

		(void)unlinkat(up, s->session, AT_REMOVEDIR);
		errno = saved;
		r = SP_ERR_SYSTEM;
	}
	(void)close(up);
	return r;
}

/* Takes back a folder whose header could not be written. */
static void
sp_store_unmake(struct sp_store *s)
{
	int saved = errno;

	(void)unlinkat(s->dir, SP_TREE_EVENTS, 0);
	(void)unlinkat(s->root, s->path, AT_REMOVEDIR);
	errno = saved;
}

int
sp_store_create(int root, const struct sp_sign_key *key, const char *session, uint64_t created_ns, const char *json,
    struct sp_store **ret_s)
{
	struct sp_buf *b = sp_buf_new(SP_RECORD_HEADER_MAX);
	struct sp_store *s = NULL;
	int r = b == NULL ? SP_ERR_NOMEM : sp_store_new(root, session, &s);

	if (r == 0) {
		s->created_ns = created_ns;
		s->json = strdup(json);
		r = s->json == NULL ? SP_ERR_NOMEM :
		    sp_record_header_put(b, key, session, created_ns, json, strlen(json), &s->state);
	}
	if (r == 0)
		r = sp_store_make(s);
	if (r == 0) {
		r = sp_store_extend(s, sp_buf_data(b), sp_buf_len(b));
		if (r != 0)
			sp_store_unmake(s);
	}
	sp_buf_free(b);
	if (r != 0) {
		sp_store_free(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

/* The running digest starts over from the file. */
static int
sp_store_redigest(struct sp_store *s)
{
	uint8_t buf[SP_STORE_CHUNK];

	for (uint64_t off = 0; off < s->size;) {
		size_t want = s->size - off < sizeof(buf) ? (size_t)(s->size - off) : sizeof(buf);
		ssize_t n = pread(s->fd, buf, want, (off_t)off);

		if (n <= 0)
			return SP_ERR_SYSTEM;
		if (EVP_DigestUpdate(s->sha, buf, (size_t)n) != 1)
			return SP_ERR_CRYPTO;
		off += (uint64_t)n;
	}
	return 0;
}

/* Reads the file to its end, proving it; s stands at the last whole block afterwards. */
static int
sp_store_prove(struct sp_store *s, const struct sp_sign_ring *keys, uint64_t *ret_cut,
    struct sp_record_problem *ret_problem)
{
	struct sp_tree_file *f;
	struct sp_record_header h;
	uint64_t total;
	int r = sp_tree_file_new(dup(s->fd), &f);

	if (r != 0)
		return r;
	r = sp_tree_file_header(f, keys, &h, ret_problem);
	if (r == 0) {
		s->state = h.state;
		s->created_ns = h.created_ns;
		s->json = strndup((const char *)h.json.data, h.json.len);
		if (s->json == NULL || strcmp(h.session, s->session) != 0)
			r = s->json == NULL ? SP_ERR_NOMEM : SP_ERR_FORMAT;
	}
	while (r == 0 && (r = sp_tree_file_block(f, keys, ret_problem)) == 0)
		;
	total = sp_tree_file_size(f);
	s->size = sp_tree_file_offset(f);
	s->state = *sp_tree_file_state(f);
	s->blocks = sp_tree_file_blocks(f);
	sp_tree_file_free(f);
	if (r != SP_ERR_NOT_FOUND && r != SP_ERR_INCOMPLETE)
		return r;
	*ret_cut = total - s->size;
	return sp_store_redigest(s);
}

int
sp_store_resume(int root, const struct sp_sign_ring *keys, const char *session, struct sp_store **ret_s,
    uint64_t *ret_cut, struct sp_record_problem *ret_problem)
{
	struct sp_store *s = NULL;
	struct stat st;
	int r = sp_store_new(root, session, &s);

	if (r != 0)
		return r;
	r = sp_tree_open_dir(root, s->path, false, &s->dir);
	if (r == SP_ERR_SYSTEM && errno == ENOENT)
		r = SP_ERR_NOT_FOUND;
	if (r == 0 && fstatat(s->dir, SP_TREE_MANIFEST, &st, AT_SYMLINK_NOFOLLOW) == 0)
		r = SP_ERR_CONFLICT;
	if (r == 0) {
		s->fd = openat(s->dir, SP_TREE_EVENTS, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (s->fd < 0)
			r = errno == ENOENT ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	}
	if (r == 0)
		r = sp_store_prove(s, keys, ret_cut, ret_problem);
	if (r == 0 && *ret_cut > 0 && ftruncate(s->fd, (off_t)s->size) != 0)
		r = SP_ERR_SYSTEM;
	if (r != 0) {
		sp_store_free(s);
		return r;
	}
	s->is_dirty = true;
	*ret_s = s;
	return 0;
}

int
sp_store_append(struct sp_store *s, const void *block, size_t n, const struct sp_record_state *next)
{
	int r = sp_store_extend(s, block, n);

	if (r == 0) {
		s->state = *next;
		s->blocks++;
	}
	return r;
}

/* Syncs the folders from the session's up to the root, so that its name survives a power cut. */
static int
sp_store_sync_names(struct sp_store *s)
{
	char path[SP_TREE_PATH], *slash;
	int fd = -1, r = 0;

	(void)snprintf(path, sizeof(path), "%s", s->path);
	if (fsync(s->dir) != 0)
		return SP_ERR_SYSTEM;
	for (;;) {
		slash = strrchr(path, '/');
		*(slash == NULL ? path : slash) = '\0';
		r = sp_tree_open_dir(s->root, path, false, &fd);
		if (r == 0 && fsync(fd) != 0)
			r = SP_ERR_SYSTEM;
		if (fd >= 0)
			(void)close(fd);
		fd = -1;
		if (r != 0 || slash == NULL)
			return r;
	}
}

int
sp_store_sync(struct sp_store *s)
{
	int r = 0;

	if (s->is_dirty && fdatasync(s->fd) != 0)
		return SP_ERR_SYSTEM;
	s->is_dirty = false;
	if (!s->is_named)
		r = sp_store_sync_names(s);
	s->is_named = s->is_named || r == 0;
	return r;
}

static json_t *
sp_store_manifest(const struct sp_store *s, const struct sp_store_end *end, const uint8_t sha[SP_SIGN_HASH])
{
	json_t *events = json_pack("{s:I}", "size", (json_int_t)s->size), *header, *m;

	if (events == NULL || sp_seal_set_hash(events, "sha256", sha) != 0) {
		json_decref(events);
		return NULL;
	}
	header = json_loads(s->json, JSON_REJECT_DUPLICATES, NULL);
	m = json_pack("{s:i s:s s:s s:s s:I s:I s:I s:I s:b s:I s:{s:o} s:o}", "version", 1, "session", s->session,
	    "state", end->state, "reason", end->reason, "opened", (json_int_t)s->created_ns, "closed",
	    (json_int_t)end->closed_ns, "records", (json_int_t)s->state.number, "blocks", (json_int_t)s->blocks,
	    "signaled", (int)end->is_signaled, "value", (json_int_t)end->value, "files", "events", events, "header",
	    header == NULL ? json_object() : header);
	if (m != NULL && sp_seal_set_hash(m, "head", s->state.hash) != 0) {
		json_decref(m);
		m = NULL;
	}
	return m;
}

static int
sp_store_write_manifest(struct sp_store *s, const struct sp_buf *b)
{
	int fd, r;

	if (unlinkat(s->dir, SP_STORE_MANIFEST_NEW, 0) != 0 && errno != ENOENT)
		return SP_ERR_SYSTEM;
	fd = openat(s->dir, SP_STORE_MANIFEST_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    SP_STORE_FILE_MODE);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	r = sp_store_write_all(fd, sp_buf_data(b), sp_buf_len(b), 0);
	if (r == 0 && fsync(fd) != 0)
		r = SP_ERR_SYSTEM;
	(void)close(fd);
	if (r == 0 && renameat(s->dir, SP_STORE_MANIFEST_NEW, s->dir, SP_TREE_MANIFEST) != 0)
		r = SP_ERR_SYSTEM;
	if (r == 0 && fsync(s->dir) != 0)
		r = SP_ERR_SYSTEM;
	return r;
}

int
sp_store_close(struct sp_store *s, const struct sp_sign_key *key, const struct sp_store_end *end,
    uint8_t ret_hash[SP_SIGN_HASH])
{
	struct sp_buf *b = sp_buf_new(SP_SEAL_MAX);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sha[SP_SIGN_HASH];
	struct sp_view v;
	json_t *m = NULL;
	int r = SP_ERR_NOMEM;

	if (b == NULL || ctx == NULL)
		goto out;
	/* A failed write may have left bytes behind that could not be cut off then. */
	r = ftruncate(s->fd, (off_t)s->size) == 0 ? sp_store_sync(s) : SP_ERR_SYSTEM;
	if (r == 0 && (EVP_MD_CTX_copy_ex(ctx, s->sha) != 1 || EVP_DigestFinal_ex(ctx, sha, NULL) != 1))
		r = SP_ERR_CRYPTO;
	if (r != 0)
		goto out;
	m = sp_store_manifest(s, end, sha);
	r = m == NULL ? SP_ERR_NOMEM : sp_seal_put(b, key, SP_SEAL_TAG_MANIFEST, '\n', m);
	if (r == 0)
		r = sp_store_write_manifest(s, b);
	if (r == 0) {
		v = (struct sp_view){ sp_buf_data(b), sp_buf_len(b) };
		r = sp_sign_hash(&v, 1, ret_hash);
	}
out:
	json_decref(m);
	EVP_MD_CTX_free(ctx);
	sp_buf_free(b);
	return r;
}

int
sp_store_read_manifest(int root, const struct sp_sign_ring *keys, const char *session, json_t **ret_m,
    uint8_t ret_hash[SP_SIGN_HASH])
{
	char path[SP_TREE_PATH];
	struct sp_buf *b = NULL;
	struct sp_view v;
	json_t *m = NULL;
	int dir, r = sp_tree_path(session, path);

	if (r == 0)
		r = sp_tree_open_dir(root, path, false, &dir);
	if (r != 0)
		return r;
	r = sp_tree_slurp(dir, SP_TREE_MANIFEST, SP_SEAL_MAX, &b);
	(void)close(dir);
	if (r != 0)
		return r;
	v = (struct sp_view){ sp_buf_data(b), sp_buf_len(b) };
	r = sp_sign_hash(&v, 1, ret_hash);
	if (r == 0)
		r = sp_seal_parse(v.data, v.len, keys, SP_SEAL_TAG_MANIFEST, '\n', &m);
	sp_buf_free(b);
	if (r == 0 && strcmp(sp_seal_get_string(m, "session"), session) != 0)
		r = SP_ERR_FORMAT;
	if (r != 0) {
		json_decref(m);
		return r == SP_ERR_NOT_FOUND ? SP_ERR_SIGNATURE : r;
	}
	*ret_m = m;
	return 0;
}
