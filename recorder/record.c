/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/record.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "recorder/columns.h"
#include "recorder/event.h"

#define SP_RECORD_MAGIC "SPRECORD"
#define SP_RECORD_BLOCK_MAGIC "SPBK"
#define SP_RECORD_SMALL_MAGIC "SPBC" /* columns.h in its zstd frame, not records */
#define SP_RECORD_VERSION 1
#define SP_RECORD_TAG_HEADER "SPREC.h1"
#define SP_RECORD_TAG_EVENT "SPREC.e1"
#define SP_RECORD_TAG_BLOCK "SPREC.b1"
#define SP_RECORD_HEAD ((size_t)20) /* number, length, part of the hash */
#define SP_RECORD_PART ((size_t)8)  /* bytes of the hash that a record repeats */
#define SP_RECORD_LEVEL 1	    /* zstd: speed first */
#define SP_RECORD_LEVEL_SMALL 19    /* zstd: size first, for what nobody waits for */

_Static_assert(SP_EVENT_MAX + SP_RECORD_HEAD <= SP_RECORD_RAW_MAX, "the largest event fits a block");
_Static_assert(SP_COLUMNS_EVENT + SP_COLUMNS_HEAD <= SP_RECORD_HEAD, "what fits as records fits in columns");

/* The chain's hash function with its context kept: it runs once for each event. */
struct sp_record_hasher {
	EVP_MD *md;
	EVP_MD_CTX *ctx;
};

static int
sp_record_hasher_init(struct sp_record_hasher *h)
{
	h->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	return h->md == NULL || h->ctx == NULL ? SP_ERR_CRYPTO : 0;
}

static void
sp_record_hasher_clear(struct sp_record_hasher *h)
{
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->md);
}

static void
sp_record_set_be(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t
sp_record_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Moves the chain by one event. */
static int
sp_record_chain(struct sp_record_hasher *h, struct sp_record_state *state, const void *event, size_t n)
{
	uint8_t head[SP_SIGN_TAG + SP_SIGN_HASH + 8];
	unsigned len = 0;

	memcpy(head, SP_RECORD_TAG_EVENT, SP_SIGN_TAG);
	memcpy(head + SP_SIGN_TAG, state->hash, SP_SIGN_HASH);
	sp_record_set_be(head + SP_SIGN_TAG + SP_SIGN_HASH, state->number + 1, 8);
	if (EVP_DigestInit_ex2(h->ctx, h->md, NULL) != 1 || EVP_DigestUpdate(h->ctx, head, sizeof(head)) != 1 ||
	    EVP_DigestUpdate(h->ctx, event, n) != 1 || EVP_DigestFinal_ex(h->ctx, state->hash, &len) != 1 ||
	    len != SP_SIGN_HASH)
		return SP_ERR_CRYPTO;
	state->number++;
	return 0;
}

/* --- header -------------------------------------------------------------------------------------- */

static int
sp_record_header_state(const uint8_t *p, size_t n, struct sp_record_state *ret_state)
{
	struct sp_view parts[] = { { (const uint8_t *)SP_RECORD_TAG_HEADER, SP_SIGN_TAG }, { p, n } };

	ret_state->number = 0;
	return sp_sign_hash(parts, 2, ret_state->hash);
}

int
sp_record_header_put(struct sp_buf *out, const struct sp_sign_key *key, const char *session, uint64_t created_ns,
    const void *json, size_t json_len, struct sp_record_state *ret_state)
{
	uint8_t digest[SP_SIGN_HASH], sig[SP_SIGN_SIZE];
	size_t at = sp_buf_len(out);
	struct sp_view v;
	int r;

	if (json_len > SP_RECORD_JSON_MAX)
		return SP_ERR_LIMIT;
	if (!sp_ulid_is_valid(session))
		return SP_ERR_INVALID;
	sp_buf_put(out, SP_RECORD_MAGIC, 8);
	sp_buf_put_u32(out, SP_RECORD_VERSION);
	sp_buf_put(out, session, SP_ULID_LEN);
	sp_buf_put(out, sp_sign_id(key), SP_SIGN_HASH);
	sp_buf_put_u64(out, created_ns);
	r = sp_buf_put_string(out, json, json_len);
	if (r != 0)
		return r;
	v = (struct sp_view){ sp_buf_data(out) + at, sp_buf_len(out) - at };
	r = sp_sign_hash(&v, 1, digest);
	if (r == 0)
		r = sp_sign_digest(key, SP_RECORD_TAG_HEADER, digest, sig);
	if (r == 0)
		r = sp_buf_put(out, sig, sizeof(sig));
	if (r == 0)
		r = sp_record_header_state(sp_buf_data(out) + at, sp_buf_len(out) - at, ret_state);
	return r;
}

int
sp_record_header_parse(const void *p, size_t n, struct sp_record_header *ret_h, size_t *ret_size)
{
	const size_t json_at = SP_RECORD_HEADER_MIN - SP_SIGN_SIZE;
	const uint8_t *d = p;
	struct sp_record_header h = { .session = "" };
	struct sp_view v;
	size_t len;
	int r;

	if (n < SP_RECORD_HEADER_MIN)
		return memcmp(d, SP_RECORD_MAGIC, n < 8 ? n : 8) == 0 ? SP_ERR_INCOMPLETE : SP_ERR_FORMAT;
	if (memcmp(d, SP_RECORD_MAGIC, 8) != 0 || sp_record_be(d + 8, 4) != SP_RECORD_VERSION)
		return SP_ERR_FORMAT;
	memcpy(h.session, d + 12, SP_ULID_LEN);
	if (!sp_ulid_is_valid(h.session))
		return SP_ERR_FORMAT;
	memcpy(h.key, d + 38, SP_SIGN_HASH);
	h.created_ns = sp_record_be(d + 70, 8);
	len = (size_t)sp_record_be(d + 78, 4);
	if (len > SP_RECORD_JSON_MAX)
		return SP_ERR_LIMIT;
	if (n - SP_RECORD_HEADER_MIN < len)
		return SP_ERR_INCOMPLETE;
	h.json = (struct sp_view){ d + json_at, len };
	v = (struct sp_view){ d, json_at + len };
	memcpy(h.signature, d + v.len, SP_SIGN_SIZE);
	r = sp_sign_hash(&v, 1, h.digest);
	if (r == 0)
		r = sp_record_header_state(d, v.len + SP_SIGN_SIZE, &h.state);
	if (r == 0) {
		*ret_h = h;
		*ret_size = v.len + SP_SIGN_SIZE;
	}
	return r;
}

int
sp_record_header_check(const struct sp_record_header *h, const struct sp_sign_ring *keys)
{
	return sp_sign_check(keys, h->key, SP_RECORD_TAG_HEADER, h->digest, h->signature);
}

/* --- packing ------------------------------------------------------------------------------------- */

struct sp_record_packer {
	const struct sp_sign_key *key;
	struct sp_record_hasher hasher;
	struct sp_record_state state; /* after the last record put */
	ZSTD_CCtx *zstd;
	struct sp_columns *columns; /* NULL: records */
	uint64_t first;
	size_t count;
	size_t used;
	uint8_t raw[SP_RECORD_RAW_MAX];
};

int
sp_record_packer_new(const struct sp_sign_key *key, bool is_small, struct sp_record_packer **ret_p)
{
	struct sp_record_packer *p = malloc(sizeof(*p));
	int r;

	if (p == NULL)
		return SP_ERR_NOMEM;
	p->key = key;
	p->count = p->used = 0;
	p->columns = NULL;
	p->zstd = ZSTD_createCCtx();
	r = sp_record_hasher_init(&p->hasher);
	if (r == 0 && is_small)
		r = sp_columns_new(&p->columns);
	if (r != 0 || p->zstd == NULL ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(
		p->zstd, ZSTD_c_compressionLevel, is_small ? SP_RECORD_LEVEL_SMALL : SP_RECORD_LEVEL))) {
		sp_record_packer_free(p);
		return r != 0 ? r : SP_ERR_NOMEM;
	}
	*ret_p = p;
	return 0;
}

void
sp_record_packer_free(struct sp_record_packer *p)
{
	if (p == NULL)
		return;
	sp_record_hasher_clear(&p->hasher);
	sp_columns_free(p->columns);
	ZSTD_freeCCtx(p->zstd);
	free(p);
}

void
sp_record_packer_begin(struct sp_record_packer *p, const struct sp_record_state *state)
{
	p->state = *state;
	p->first = state->number + 1;
	p->count = 0;
	p->used = 0;
	if (p->columns != NULL)
		sp_columns_reset(p->columns);
}

int
sp_record_packer_put(struct sp_record_packer *p, const void *event, size_t n)
{
	uint8_t *d = p->raw + p->used;
	int r;

	if (n > SP_EVENT_MAX)
		return SP_ERR_LIMIT;
	if (p->count == SP_RECORD_COUNT_MAX || SP_RECORD_RAW_MAX - p->used < SP_RECORD_HEAD + n)
		return SP_ERR_FULL;
	r = p->columns == NULL ? 0 : sp_columns_put(p->columns, event, n);
	if (r == 0)
		r = sp_record_chain(&p->hasher, &p->state, event, n);
	if (r != 0)
		return r;
	sp_record_set_be(d, p->state.number, 8);
	sp_record_set_be(d + 8, n, 4);
	memcpy(d + 12, p->state.hash, SP_RECORD_PART);
	memcpy(d + SP_RECORD_HEAD, event, n);
	p->used += SP_RECORD_HEAD + n;
	p->count++;
	return 0;
}

size_t
sp_record_packer_count(const struct sp_record_packer *p)
{
	return p->count;
}

size_t
sp_record_packer_bytes(const struct sp_record_packer *p)
{
	return p->used;
}

static int
sp_record_block_digest(const uint8_t *head, const uint8_t *packed, size_t n, uint8_t ret_h[SP_SIGN_HASH])
{
	uint8_t inner[SP_SIGN_HASH];
	struct sp_view v = { packed, n };
	struct sp_view parts[] = { { head, SP_RECORD_BLOCK_HEAD }, { inner, sizeof(inner) } };
	int r = sp_sign_hash(&v, 1, inner);

	return r != 0 ? r : sp_sign_hash(parts, 2, ret_h);
}

int
sp_record_packer_end(struct sp_record_packer *p, struct sp_buf *out, struct sp_record_state *ret_state)
{
	uint8_t head[SP_RECORD_BLOCK_HEAD], digest[SP_SIGN_HASH], sig[SP_SIGN_SIZE], *d;
	size_t cap, n;
	int r;

	if (p->count == 0)
		return SP_ERR_INVALID;
	if (p->columns != NULL) { /* in place of the records, and never more than they */
		p->used = sp_columns_bytes(p->columns);
		sp_columns_end(p->columns, p->raw);
	}
	cap = ZSTD_compressBound(p->used);
	r = sp_buf_reserve(out, sizeof(head) + cap + sizeof(sig), &d);
	if (r != 0)
		return r;
	n = ZSTD_compress2(p->zstd, d + sizeof(head), cap, p->raw, p->used);
	if (ZSTD_isError(n) || n > SP_RECORD_PACKED_MAX)
		return SP_ERR_INTERNAL;
	memcpy(head, p->columns != NULL ? SP_RECORD_SMALL_MAGIC : SP_RECORD_BLOCK_MAGIC, 4);
	sp_record_set_be(head + 4, p->count, 4);
	sp_record_set_be(head + 8, p->used, 4);
	sp_record_set_be(head + 12, n, 4);
	sp_record_set_be(head + 16, p->first, 8);
	memcpy(head + 24, p->state.hash, SP_SIGN_HASH);
	memcpy(d, head, sizeof(head));
	r = sp_record_block_digest(head, d + sizeof(head), n, digest);
	if (r == 0)
		r = sp_sign_digest(p->key, SP_RECORD_TAG_BLOCK, digest, sig);
	if (r != 0)
		return r;
	memcpy(d + sizeof(head) + n, sig, sizeof(sig));
	r = sp_buf_unput(out, cap - n);
	if (r == 0)
		*ret_state = p->state;
	return r;
}

/* --- unpacking ------------------------------------------------------------------------------------ */

size_t
sp_record_block_size(const uint8_t *p)
{
	return SP_RECORD_BLOCK_HEAD + (size_t)sp_record_be(p + 12, 4) + SP_SIGN_SIZE;
}

int
sp_record_block_parse(const void *p, size_t n, struct sp_record_block *ret_b, size_t *ret_size)
{
	const uint8_t *d = p;
	struct sp_record_block b;
	size_t packed;

	b.is_small = memcmp(d, SP_RECORD_SMALL_MAGIC, n < 4 ? n : 4) == 0;
	if (!b.is_small && memcmp(d, SP_RECORD_BLOCK_MAGIC, n < 4 ? n : 4) != 0)
		return SP_ERR_FORMAT;
	if (n < SP_RECORD_BLOCK_HEAD)
		return SP_ERR_INCOMPLETE;
	b.head = d;
	b.count = (uint32_t)sp_record_be(d + 4, 4);
	b.raw_len = (uint32_t)sp_record_be(d + 8, 4);
	packed = (size_t)sp_record_be(d + 12, 4);
	b.first = sp_record_be(d + 16, 8);
	b.hash = d + 24;
	if (b.count == 0 || b.count > SP_RECORD_COUNT_MAX || b.raw_len > SP_RECORD_RAW_MAX ||
	    (!b.is_small && b.raw_len < b.count * SP_RECORD_HEAD) || packed == 0 || packed > SP_RECORD_PACKED_MAX ||
	    b.first == 0)
		return SP_ERR_FORMAT;
	if (n - SP_RECORD_BLOCK_HEAD < packed + SP_SIGN_SIZE)
		return SP_ERR_INCOMPLETE;
	b.packed = (struct sp_view){ d + SP_RECORD_BLOCK_HEAD, packed };
	b.signature = d + SP_RECORD_BLOCK_HEAD + packed;
	*ret_b = b;
	*ret_size = SP_RECORD_BLOCK_HEAD + packed + SP_SIGN_SIZE;
	return 0;
}

int
sp_record_block_check(const struct sp_record_block *b, const uint8_t key[SP_SIGN_HASH],
    const struct sp_sign_ring *keys)
{
	uint8_t digest[SP_SIGN_HASH];
	int r = sp_record_block_digest(b->head, b->packed.data, b->packed.len, digest);

	return r != 0 ? r : sp_sign_check(keys, key, SP_RECORD_TAG_BLOCK, digest, b->signature);
}

struct sp_record_unpacker {
	struct sp_record_hasher hasher;
	ZSTD_DCtx *zstd;
	size_t len; /* bytes in raw, 0 unless the block was proven */
	size_t off; /* next record */
	uint8_t *columns; /* SP_RECORD_RAW_MAX bytes, from the first block on that has them */
	uint8_t raw[SP_RECORD_RAW_MAX];
};

int
sp_record_unpacker_new(struct sp_record_unpacker **ret_u)
{
	struct sp_record_unpacker *u = malloc(sizeof(*u));
	int r;

	if (u == NULL)
		return SP_ERR_NOMEM;
	u->len = u->off = 0;
	u->columns = NULL;
	u->zstd = ZSTD_createDCtx();
	r = sp_record_hasher_init(&u->hasher);
	if (r != 0 || u->zstd == NULL) {
		sp_record_unpacker_free(u);
		return r != 0 ? r : SP_ERR_NOMEM;
	}
	*ret_u = u;
	return 0;
}

void
sp_record_unpacker_free(struct sp_record_unpacker *u)
{
	if (u == NULL)
		return;
	sp_record_hasher_clear(&u->hasher);
	ZSTD_freeDCtx(u->zstd);
	free(u->columns);
	free(u);
}

static int
sp_record_problem_set(struct sp_record_problem *p, uint64_t record, const char *what, int err)
{
	p->record = record;
	p->what = what;
	return err;
}

/* Proves the record at raw[*off]; moves state and *off. */
static int
sp_record_unpack_one(struct sp_record_unpacker *u, size_t len, size_t *off, struct sp_record_state *state,
    struct sp_record_problem *p)
{
	const uint8_t *d = u->raw + *off;
	uint64_t expected = state->number + 1, number;
	size_t n;
	int r;

	if (len - *off < SP_RECORD_HEAD)
		return sp_record_problem_set(p, expected, "record is cut short", SP_ERR_FORMAT);
	number = sp_record_be(d, 8);
	n = (size_t)sp_record_be(d + 8, 4);
	if (number != expected)
		return sp_record_problem_set(p, expected, "record is missing or out of order", SP_ERR_SIGNATURE);
	if (n > len - *off - SP_RECORD_HEAD || n > SP_EVENT_MAX)
		return sp_record_problem_set(p, expected, "record has a wrong length", SP_ERR_FORMAT);
	r = sp_record_chain(&u->hasher, state, d + SP_RECORD_HEAD, n);
	if (r != 0)
		return sp_record_problem_set(p, expected, "cannot compute a hash", r);
	if (memcmp(state->hash, d + 12, SP_RECORD_PART) != 0)
		return sp_record_problem_set(p, expected, "record does not match the hash chain", SP_ERR_SIGNATURE);
	*off += SP_RECORD_HEAD + n;
	return 0;
}

/* Proves the records that lie at raw[0, len). */
static int
sp_record_unpack_records(struct sp_record_unpacker *u, size_t len, struct sp_record_state *s, uint32_t *ret_count,
    struct sp_record_problem *p)
{
	size_t off = 0;
	int r = 0;

	while (r == 0 && off < len) {
		r = sp_record_unpack_one(u, len, &off, s, p);
		if (r == 0)
			(*ret_count)++;
	}
	return r;
}

/* Makes records at raw of the columns; their chain is proven by where it ends. *ret_len: how many bytes. */
static int
sp_record_unpack_columns(struct sp_record_unpacker *u, size_t len, struct sp_record_state *s, uint32_t *ret_count,
    size_t *ret_len, struct sp_record_problem *p)
{
	struct sp_columns_reader reader;
	size_t off = 0, n;
	int r = sp_columns_open(u->columns, len, &reader);

	while (r == 0) {
		size_t room = SP_RECORD_RAW_MAX - off;
		uint8_t *d = u->raw + off;

		if (room <= SP_RECORD_HEAD) /* none, so that there had better be nothing more */
			r = sp_columns_next(&reader, NULL, 0, &n);
		else
			r = sp_columns_next(&reader, d + SP_RECORD_HEAD, room - SP_RECORD_HEAD, &n);
		if (r != 0)
			break;
		r = sp_record_chain(&u->hasher, s, d + SP_RECORD_HEAD, n);
		if (r != 0)
			return sp_record_problem_set(p, s->number + 1, "cannot compute a hash", r);
		sp_record_set_be(d, s->number, 8);
		sp_record_set_be(d + 8, n, 4);
		memcpy(d + 12, s->hash, SP_RECORD_PART);
		off += SP_RECORD_HEAD + n;
		(*ret_count)++;
	}
	*ret_len = off;
	if (r != SP_ERR_NOT_FOUND)
		return sp_record_problem_set(p, s->number + 1, "record breaks the format", SP_ERR_FORMAT);
	return 0;
}

/* Where the block's frame is unpacked to. NULL: no memory. */
static uint8_t *
sp_record_unpack_to(struct sp_record_unpacker *u, const struct sp_record_block *b)
{
	if (!b->is_small)
		return u->raw;
	if (u->columns == NULL)
		u->columns = malloc(SP_RECORD_RAW_MAX);
	return u->columns;
}

int
sp_record_unpack(struct sp_record_unpacker *u, const struct sp_record_block *b, struct sp_record_state *state,
    struct sp_record_problem *ret_problem)
{
	struct sp_record_state s = *state;
	uint8_t *to = sp_record_unpack_to(u, b);
	uint32_t count = 0;
	size_t n;
	int r;

	u->len = u->off = 0;
	if (to == NULL)
		return sp_record_problem_set(ret_problem, 0, "cannot be read", SP_ERR_NOMEM);
	if (b->first != s.number + 1)
		return sp_record_problem_set(ret_problem, s.number + 1, "record is missing or out of order",
		    SP_ERR_SIGNATURE);
	if (ZSTD_findFrameCompressedSize(b->packed.data, b->packed.len) != b->packed.len)
		return sp_record_problem_set(ret_problem, 0, "block is not one zstd frame", SP_ERR_FORMAT);
	n = ZSTD_decompressDCtx(u->zstd, to, b->raw_len, b->packed.data, b->packed.len);
	if (ZSTD_isError(n) || n != b->raw_len)
		return sp_record_problem_set(ret_problem, 0, "block does not unpack", SP_ERR_FORMAT);
	r = b->is_small ? sp_record_unpack_columns(u, n, &s, &count, &n, ret_problem)
			: sp_record_unpack_records(u, n, &s, &count, ret_problem);
	if (r != 0)
		return r;
	if (count != b->count)
		return sp_record_problem_set(ret_problem, s.number + 1, "block has a wrong count of records",
		    SP_ERR_FORMAT);
	if (memcmp(s.hash, b->hash, SP_SIGN_HASH) != 0)
		return sp_record_problem_set(ret_problem, b->is_small ? b->first : s.number,
		    "record does not match the hash chain", SP_ERR_SIGNATURE);
	*state = s;
	u->len = n;
	return 0;
}

int
sp_record_unpacker_next(struct sp_record_unpacker *u, uint64_t *ret_number, struct sp_view *ret_event)
{
	const uint8_t *d = u->raw + u->off;
	size_t n;

	if (u->off == u->len)
		return SP_ERR_NOT_FOUND;
	n = (size_t)sp_record_be(d + 8, 4);
	*ret_number = sp_record_be(d, 8);
	ret_event->data = d + SP_RECORD_HEAD;
	ret_event->len = n;
	u->off += SP_RECORD_HEAD + n;
	return 0;
}
