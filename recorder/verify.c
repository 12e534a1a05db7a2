/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "recorder/seal.h"
#include "recorder/tree.h"
#include "recorder/verify_chain.h"

#define SP_VERIFY_AGAIN_NS 300000000 /* a block cut short in an open session may be one being written */
#define SP_VERIFY_CHUNK 65536

struct sp_verify {
	const struct sp_verify_options *o;
	struct sp_verify_result *res;
	struct sp_verify_chain *chain;
};

static void __attribute__((format(printf, 4, 5)))
sp_verify_find(struct sp_verify *v, const char *where, uint64_t number, const char *fmt, ...)
{
	char what[256];
	struct sp_verify_finding f = { where, number, what };
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	v->res->findings++;
	v->o->found(&f, v->o->ctx);
}

/* --- one session ------------------------------------------------------------------------------------- */

/* What the chain says must be so at this point of the file. */
static void
sp_verify_checkpoint(struct sp_verify *v, const struct sp_verify_session *s, const struct sp_record_state *before,
    const struct sp_record_state *st)
{
	if (before->number >= s->seen || st->number < s->seen)
		return;
	if (st->number != s->seen || memcmp(st->hash, s->seen_head, SP_SIGN_HASH) != 0)
		sp_verify_find(v, s->id, s->seen, "record is not the one that the host chain knows");
}

/* Reads a session's events to the end; *ret_state is how far they are proven. */
static int
sp_verify_events(struct sp_verify *v, const struct sp_verify_session *s, int dir, bool is_last_try,
    struct sp_record_state *ret_state, uint64_t *ret_size, bool *ret_is_small)
{
	struct sp_record_problem problem = { 0, "" };
	struct sp_record_state before;
	struct sp_record_header h;
	struct sp_tree_file *f = NULL;
	int fd, r = sp_tree_open(dir, SP_TREE_EVENTS, &fd);

	if (r != 0) {
		sp_verify_find(v, s->id, 0, "the file events %s", r == SP_ERR_NOT_FOUND ? "is missing" : "cannot be read");
		return SP_ERR_FORMAT;
	}
	r = sp_tree_file_new(fd, &f);
	if (r != 0)
		return r;
	r = sp_tree_file_header(f, v->o->keys, &h, &problem);
	if (r != 0)
		sp_verify_find(v, s->id, 0, "the file events %s", problem.what);
	else if (strcmp(h.session, s->id) != 0)
		sp_verify_find(v, s->id, 0, "the file events belongs to session %s", h.session);
	else if (s->has_first && memcmp(h.state.hash, s->first_head, SP_SIGN_HASH) != 0)
		sp_verify_find(v, s->id, 0, "the header of events is not the one that the host chain knows");
	while (r == 0) {
		before = *sp_tree_file_state(f);
		r = sp_tree_file_block(f, v->o->keys, &problem);
		if (r == 0)
			sp_verify_checkpoint(v, s, &before, sp_tree_file_state(f));
		else if (r == SP_ERR_INCOMPLETE && !is_last_try)
			break;
		else if (r != SP_ERR_NOT_FOUND)
			sp_verify_find(v, s->id, problem.record, "%s", problem.what);
	}
	*ret_state = *sp_tree_file_state(f);
	*ret_size = sp_tree_file_size(f);
	*ret_is_small = sp_tree_file_is_small(f);
	sp_tree_file_free(f);
	if (r == SP_ERR_NOT_FOUND && ret_state->number < s->seen)
		sp_verify_find(v, s->id, ret_state->number + 1,
		    "record is missing: the tail was cut off, the host chain knows of %llu records",
		    (unsigned long long)s->seen);
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

static int
sp_verify_sha256(int dir, const char *name, uint8_t ret_h[SP_SIGN_HASH])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *buf = malloc(SP_VERIFY_CHUNK);
	ssize_t n = -1;
	int fd = -1, r = sp_tree_open(dir, name, &fd);

	if (r == 0 && (ctx == NULL || buf == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1))
		r = SP_ERR_NOMEM;
	while (r == 0 && (n = read(fd, buf, SP_VERIFY_CHUNK)) > 0)
		r = EVP_DigestUpdate(ctx, buf, (size_t)n) == 1 ? 0 : SP_ERR_CRYPTO;
	if (r == 0)
		r = n == 0 && EVP_DigestFinal_ex(ctx, ret_h, NULL) == 1 ? 0 : SP_ERR_SYSTEM;
	if (fd >= 0)
		(void)close(fd);
	EVP_MD_CTX_free(ctx);
	free(buf);
	return r;
}

/*
 * Whether the manifest says what the file is; the first thing that differs is named. size 0: it is the smaller one that
 * took its place, with the same header and events, which head and records say.
 */
static void
sp_verify_manifest_says(struct sp_verify *v, const struct sp_verify_session *s, const json_t *m, int dir,
    const struct sp_record_state *st, uint64_t size)
{
	const json_t *events = json_object_get(json_object_get(m, "files"), "events");
	uint8_t h[SP_SIGN_HASH], sha[SP_SIGN_HASH];
	uint64_t n;

	if (strcmp(sp_seal_get_string(m, "session"), s->id) != 0)
		sp_verify_find(v, s->id, 0, "the manifest belongs to another session");
	else if (sp_seal_get_u64(m, "records", &n) != 0 || sp_seal_get_hash(m, "head", h) != 0)
		sp_verify_find(v, s->id, 0, "the manifest breaks the format");
	else if (n > st->number)
		sp_verify_find(v, s->id, st->number + 1, "record is missing: the manifest knows of %llu records",
		    (unsigned long long)n);
	else if (n != st->number || memcmp(h, st->hash, SP_SIGN_HASH) != 0)
		sp_verify_find(v, s->id, n, "record is not the last one that the manifest knows");
	else if (size == 0)
		return;
	else if (sp_seal_get_u64(events, "size", &n) != 0 || n != size || sp_seal_get_hash(events, "sha256", h) != 0 ||
	    sp_verify_sha256(dir, SP_TREE_EVENTS, sha) != 0 || memcmp(h, sha, sizeof(h)) != 0)
		sp_verify_find(v, s->id, 0, "the file events is not the one that the manifest knows");
}

static int
sp_verify_manifest(struct sp_verify *v, const struct sp_verify_session *s, int dir, const struct sp_record_state *st,
    uint64_t size)
{
	struct sp_buf *b = NULL;
	uint8_t h[SP_SIGN_HASH];
	struct sp_view view;
	json_t *m = NULL;
	int r = sp_tree_slurp(dir, SP_TREE_MANIFEST, SP_SEAL_MAX, &b);

	if (r == SP_ERR_NOT_FOUND) {
		if (s->is_closed && s->has_manifest)
			sp_verify_find(v, s->id, 0, "the manifest is missing");
		return 0;
	}
	if (r != 0) {
		sp_verify_find(v, s->id, 0, "the manifest cannot be read");
		return r == SP_ERR_NOMEM ? r : 0;
	}
	view = (struct sp_view){ sp_buf_data(b), sp_buf_len(b) };
	r = sp_seal_parse(view.data, view.len, v->o->keys, SP_SEAL_TAG_MANIFEST, '\n', &m);
	if (r == SP_ERR_NOT_FOUND)
		sp_verify_find(v, s->id, 0, "the manifest is signed by a key that is not trusted");
	else if (r == SP_ERR_SIGNATURE)
		sp_verify_find(v, s->id, 0, "the manifest has a signature that does not match");
	else if (r != 0)
		sp_verify_find(v, s->id, 0, "the manifest breaks the format");
	else if (s->has_manifest && (sp_sign_hash(&view, 1, h) != 0 || memcmp(h, s->manifest, sizeof(h)) != 0))
		sp_verify_find(v, s->id, 0, "the manifest is not the one that the host chain knows");
	else if (st != NULL)
		sp_verify_manifest_says(v, s, m, dir, st, size);
	json_decref(m);
	sp_buf_free(b);
	return 0;
}

/* Nothing else may lie in a session's folder. */
static void
sp_verify_others(struct sp_verify *v, const char *id, int dir)
{
	static const char *const known[] = { ".", "..", SP_TREE_EVENTS, SP_TREE_EVENTS_NEW, SP_TREE_MANIFEST,
		"manifest.new" };
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		size_t i = 0;

		while (i < sizeof(known) / sizeof(known[0]) && strcmp(known[i], e->d_name) != 0)
			i++;
		if (i == sizeof(known) / sizeof(known[0]))
			sp_verify_find(v, id, 0, "a file lies in its folder that is no part of the record");
	}
	if (d != NULL)
		(void)closedir(d);
}

static int
sp_verify_session(struct sp_verify *v, const struct sp_verify_session *s)
{
	const struct timespec again = { .tv_nsec = SP_VERIFY_AGAIN_NS };
	char path[SP_TREE_PATH];
	struct sp_record_state st = { .number = 0 };
	uint64_t size = 0;
	bool is_small = false;
	int dir, r = sp_tree_path(s->id, path);

	if (r == 0)
		r = sp_tree_open_dir(v->o->root, path, false, &dir);
	if (r != 0) {
		sp_verify_find(v, s->id, 0, "the session's folder %s %s", path, errno == ENOENT ? "is missing" : "cannot be read");
		return 0;
	}
	r = sp_verify_events(v, s, dir, s->is_closed, &st, &size, &is_small);
	if (r == SP_ERR_INCOMPLETE && !s->is_closed) {
		(void)nanosleep(&again, NULL);
		r = sp_verify_events(v, s, dir, true, &st, &size, &is_small);
	}
	v->res->records += st.number;
	if (r != SP_ERR_NOMEM)
		r = sp_verify_manifest(v, s, dir, r == 0 ? &st : NULL, is_small ? 0 : size);
	sp_verify_others(v, s->id, dir);
	(void)close(dir);
	if (s->is_damaged)
		sp_verify_find(v, s->id, 0, "the recorder itself found this record damaged");
	v->res->sessions++;
	v->res->open += !s->is_closed;
	v->res->crashed += s->is_crashed;
	return r == SP_ERR_NOMEM ? r : 0;
}

/* --- the tree ---------------------------------------------------------------------------------------- */

static bool
sp_verify_is_digits(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789") == n;
}

/* Walks one level: years, months, days, sessions. */
static int
sp_verify_walk(struct sp_verify *v, int dir, const char *path, int level)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	char sub[SP_TREE_PATH + NAME_MAX];
	int fd, r = 0;

	if (d == NULL) {
		(void)close(dir);
		return SP_ERR_SYSTEM;
	}
	while (r == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		(void)snprintf(sub, sizeof(sub), "%s%s%s", path, level == 0 ? "" : "/", e->d_name);
		if (level == 0 && (strncmp(e->d_name, "chain", 5) == 0 || strcmp(e->d_name, "lost+found") == 0))
			continue;
		if (level == 3) {
			if (!sp_ulid_is_valid(e->d_name) || sp_verify_chain_find(v->chain, e->d_name) == NULL)
				sp_verify_find(v, sp_ulid_is_valid(e->d_name) ? e->d_name : sub, 0,
				    "is not in the host chain");
			continue;
		}
		if (!sp_verify_is_digits(e->d_name, level == 0 ? 4 : 2) ||
		    sp_tree_open_dir(v->o->root, sub, false, &fd) != 0) {
			sp_verify_find(v, sub, 0, "is no part of the records");
			continue;
		}
		r = sp_verify_walk(v, fd, sub, level + 1);
	}
	(void)closedir(d);
	return r;
}

static void
sp_verify_on_chain(const struct sp_verify_finding *f, void *ctx)
{
	struct sp_verify *v = ctx;

	v->res->findings++;
	v->o->found(f, v->o->ctx);
}

static bool
sp_verify_is_wanted(const struct sp_verify_options *o, const char *id)
{
	if (o->sessions == NULL)
		return true;
	for (size_t i = 0; o->sessions[i] != NULL; i++) {
		if (strcmp(o->sessions[i], id) == 0)
			return true;
	}
	return false;
}

int
sp_verify_tree(const struct sp_verify_options *o, struct sp_verify_result *ret_result)
{
	struct sp_verify v = { o, ret_result, NULL };
	size_t n;
	int fd, r;

	memset(ret_result, 0, sizeof(*ret_result));
	r = sp_verify_chain_read(o, sp_verify_on_chain, &v, &v.chain);
	if (r != 0)
		return r;
	ret_result->entries = sp_verify_chain_entries(v.chain);
	n = sp_verify_chain_sessions(v.chain);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct sp_verify_session *s = sp_verify_chain_session(v.chain, i);

		if (!sp_verify_is_wanted(o, s->id))
			continue;
		if (o->progress != NULL)
			o->progress(i, n, o->ctx);
		r = sp_verify_session(&v, s);
	}
	for (size_t i = 0; r == 0 && o->sessions != NULL && o->sessions[i] != NULL; i++) {
		if (sp_verify_chain_find(v.chain, o->sessions[i]) == NULL)
			sp_verify_find(&v, o->sessions[i], 0, "is not in the host chain");
	}
	if (r == 0 && o->sessions == NULL) {
		fd = openat(o->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? SP_ERR_SYSTEM : sp_verify_walk(&v, fd, "", 0);
	}
	sp_verify_chain_free(v.chain);
	return r;
}
