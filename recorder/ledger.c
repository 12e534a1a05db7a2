/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/event.h"
#include "recorder/seal.h"
#include "recorder/store.h"
#include "recorder/tree.h"

#define SP_LEDGER_HEAD_NEW "chain.head.new"

struct sp_ledger {
	const struct sp_sign_key *key;
	const struct sp_sign_ring *keys;
	int root;
	int fd;
	uint64_t size;
	uint64_t number;
	uint8_t hash[SP_SIGN_HASH];
	bool is_dirty;
	bool is_named;
};

/* The chain's last whole line, if there is one, sets number and hash. */
static int
sp_ledger_read_last(struct sp_ledger *l, struct sp_ledger_found *found)
{
	size_t n = l->size < SP_SEAL_MAX ? (size_t)l->size : SP_SEAL_MAX, start;
	char *p = malloc(n + 1);
	struct sp_view v;
	json_t *o = NULL;
	int r = 0;

	if (p == NULL)
		return SP_ERR_NOMEM;
	if (pread(l->fd, p, n, (off_t)(l->size - n)) != (ssize_t)n) {
		r = SP_ERR_SYSTEM;
		goto out;
	}
	while (n > 0 && p[n - 1] != '\n') {
		n--;
		found->cut++;
	}
	if (n == 0) {
		found->is_broken = l->size > found->cut;
		goto out;
	}
	for (start = n - 1; start > 0 && p[start - 1] != '\n'; start--)
		;
	if (sp_seal_parse(p + start, n - start, l->keys, SP_SEAL_TAG_CHAIN, ' ', &o) != 0 ||
	    sp_seal_get_u64(o, "n", &l->number) != 0) {
		found->is_broken = true;
		goto out;
	}
	v = (struct sp_view){ (uint8_t *)p + start, n - start - 1 };
	r = sp_sign_hash(&v, 1, l->hash);
out:
	json_decref(o);
	free(p);
	return r;
}

/* chain.head may know of entries that the file has lost: then the next one follows what it says. */
static int
sp_ledger_read_head(struct sp_ledger *l, struct sp_ledger_found *found)
{
	struct sp_buf *b = NULL;
	uint8_t hash[SP_SIGN_HASH];
	uint64_t n;
	json_t *o = NULL;
	int r = sp_tree_slurp(l->root, SP_TREE_HEAD, SP_SEAL_MAX, &b);

	if (r == SP_ERR_NOT_FOUND) {
		found->is_broken = found->is_broken || l->number > 0;
		return 0;
	}
	if (r != 0)
		return r;
	if (sp_seal_parse(sp_buf_data(b), sp_buf_len(b), l->keys, SP_SEAL_TAG_HEAD, '\n', &o) != 0 ||
	    sp_seal_get_u64(o, "n", &n) != 0 || sp_seal_get_hash(o, "hash", hash) != 0) {
		found->is_broken = true;
	} else {
		found->head = n;
		if (n > l->number) {
			l->number = n;
			memcpy(l->hash, hash, sizeof(hash));
		}
	}
	json_decref(o);
	sp_buf_free(b);
	return 0;
}

int
sp_ledger_open(int root, const struct sp_sign_key *key, const struct sp_sign_ring *keys,
    struct sp_ledger_found *ret_found, struct sp_ledger **ret_l)
{
	struct sp_ledger *l = calloc(1, sizeof(*l));
	struct stat st;
	int r;

	if (l == NULL)
		return SP_ERR_NOMEM;
	memset(ret_found, 0, sizeof(*ret_found));
	l->root = root;
	l->key = key;
	l->keys = keys;
	l->fd = openat(root, SP_TREE_CHAIN, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, SP_STORE_FILE_MODE);
	r = l->fd < 0 || fstat(l->fd, &st) != 0 ? SP_ERR_SYSTEM : 0;
	if (r == 0) {
		l->size = (uint64_t)st.st_size;
		r = sp_ledger_read_last(l, ret_found);
	}
	ret_found->last = l->number;
	if (r == 0 && ret_found->cut > 0) {
		l->size -= ret_found->cut;
		r = ftruncate(l->fd, (off_t)l->size) == 0 ? 0 : SP_ERR_SYSTEM;
	}
	if (r == 0)
		r = sp_ledger_read_head(l, ret_found);
	if (r != 0) {
		sp_ledger_free(l);
		return r;
	}
	*ret_l = l;
	return 0;
}

void
sp_ledger_free(struct sp_ledger *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l);
}

static int
sp_ledger_line(struct sp_ledger *l, const char *type, json_t *entry, struct sp_buf *b)
{
	if (json_object_set_new(entry, "n", json_integer((json_int_t)l->number + 1)) != 0 ||
	    json_object_set_new(entry, "time", json_integer((json_int_t)sp_event_now())) != 0 ||
	    json_object_set_new(entry, "type", json_string(type)) != 0 ||
	    sp_seal_set_hash(entry, "prev", l->hash) != 0)
		return SP_ERR_NOMEM;
	return sp_seal_put(b, l->key, SP_SEAL_TAG_CHAIN, ' ', entry);
}

int
sp_ledger_append(struct sp_ledger *l, const char *type, json_t *entry)
{
	struct sp_buf *b = sp_buf_new(SP_SEAL_MAX);
	uint8_t hash[SP_SIGN_HASH];
	struct sp_view v;
	int r = entry == NULL || b == NULL ? SP_ERR_NOMEM : sp_ledger_line(l, type, entry, b);

	if (r == 0) {
		v = (struct sp_view){ sp_buf_data(b), sp_buf_len(b) - 1 };
		r = sp_sign_hash(&v, 1, hash);
	}
	if (r == 0)
		r = sp_store_extend_file(l->fd, sp_buf_data(b), sp_buf_len(b), l->size);
	if (r == 0) {
		l->size += sp_buf_len(b);
		l->number++;
		memcpy(l->hash, hash, sizeof(hash));
		l->is_dirty = true;
	}
	sp_buf_free(b);
	json_decref(entry);
	return r;
}

/* Replaces chain.head in one step. */
static int
sp_ledger_write_head(struct sp_ledger *l)
{
	struct sp_buf *b = sp_buf_new(SP_SEAL_MAX);
	json_t *o = json_pack("{s:I s:I}", "n", (json_int_t)l->number, "time", (json_int_t)sp_event_now());
	int fd = -1, r = b == NULL || o == NULL ? SP_ERR_NOMEM : sp_seal_set_hash(o, "hash", l->hash);

	if (r == 0)
		r = sp_seal_put(b, l->key, SP_SEAL_TAG_HEAD, '\n', o);
	if (r == 0 && unlinkat(l->root, SP_LEDGER_HEAD_NEW, 0) != 0 && errno != ENOENT)
		r = SP_ERR_SYSTEM;
	if (r == 0) {
		fd = openat(l->root, SP_LEDGER_HEAD_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    SP_STORE_FILE_MODE);
		r = fd < 0 ? SP_ERR_SYSTEM : sp_store_write_all(fd, sp_buf_data(b), sp_buf_len(b), 0);
	}
	if (r == 0 && (fsync(fd) != 0 || renameat(l->root, SP_LEDGER_HEAD_NEW, l->root, SP_TREE_HEAD) != 0))
		r = SP_ERR_SYSTEM;
	if (fd >= 0)
		(void)close(fd);
	json_decref(o);
	sp_buf_free(b);
	return r;
}

int
sp_ledger_sync(struct sp_ledger *l)
{
	int r;

	if (!l->is_dirty)
		return 0;
	/* The chain first: the head never knows of an entry that a power cut could take away. */
	if (fdatasync(l->fd) != 0)
		return SP_ERR_SYSTEM;
	r = sp_ledger_write_head(l);
	if (r == 0 && !l->is_named)
		r = fsync(l->root) == 0 ? 0 : SP_ERR_SYSTEM;
	if (r == 0) {
		l->is_named = true;
		l->is_dirty = false;
	}
	return r;
}

bool
sp_ledger_is_dirty(const struct sp_ledger *l)
{
	return l->is_dirty;
}

uint64_t
sp_ledger_number(const struct sp_ledger *l)
{
	return l->number;
}

const uint8_t *
sp_ledger_hash(const struct sp_ledger *l)
{
	return l->hash;
}
