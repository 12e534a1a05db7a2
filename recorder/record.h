/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a session's `events` file (PROTOCOL.recording section 2): header,
 * blocks, records and the hash chain through them. Pure: no descriptors, no clock.
 */
#ifndef SALLYPORT_RECORDER_RECORD_H
#define SALLYPORT_RECORDER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/ulid.h"
#include "recorder/sign.h"

#define SP_RECORD_JSON_MAX ((size_t)64 * 1024)	   /* bytes of the header's json */
#define SP_RECORD_RAW_MAX ((size_t)1024 * 1024)	   /* bytes of a block, unpacked */
#define SP_RECORD_PACKED_MAX (SP_RECORD_RAW_MAX + 8192) /* bytes of a block, packed */
#define SP_RECORD_COUNT_MAX 8192		   /* records of a block */
#define SP_RECORD_BLOCK_HEAD ((size_t)56)	   /* bytes in front of the packed ones */
#define SP_RECORD_BLOCK_MAX (SP_RECORD_BLOCK_HEAD + SP_RECORD_PACKED_MAX + SP_SIGN_SIZE)
#define SP_RECORD_HEADER_MIN ((size_t)146)	   /* bytes of a header with an empty json */
#define SP_RECORD_HEADER_MAX (SP_RECORD_HEADER_MIN + SP_RECORD_JSON_MAX)

/* Where the chain stands: the hash of the last record (of the header before the first) and its number. */
struct sp_record_state {
	uint8_t hash[SP_SIGN_HASH];
	uint64_t number;
};

struct sp_record_header {
	char session[SP_ULID_LEN + 1];
	uint8_t key[SP_SIGN_HASH];
	uint64_t created_ns;
	struct sp_view json;		/* into the parsed bytes */
	uint8_t digest[SP_SIGN_HASH];	/* what is signed */
	uint8_t signature[SP_SIGN_SIZE];
	struct sp_record_state state;	/* h(0), 0 */
};

/* Appends a header to out and says where the chain starts. LIMIT (json), CRYPTO, or as sp_buf_put(). */
int sp_record_header_put(struct sp_buf *out, const struct sp_sign_key *key, const char *session, uint64_t created_ns,
    const void *json, size_t json_len, struct sp_record_state *ret_state) SP_MUST_CHECK;
/* Reads a header; the signature is not checked yet. INCOMPLETE, FORMAT, LIMIT, CRYPTO. */
int sp_record_header_parse(const void *p, size_t n, struct sp_record_header *ret_h, size_t *ret_size) SP_MUST_CHECK;
/* As sp_sign_check(). */
int sp_record_header_check(const struct sp_record_header *h, const struct sp_sign_ring *keys) SP_MUST_CHECK;

/*
 * Makes blocks. One serves any number of sessions, one block at a time. is_small: their second form, which takes long to
 * make, for records that are closed.
 */
struct sp_record_packer;
int sp_record_packer_new(const struct sp_sign_key *key, bool is_small, struct sp_record_packer **ret_p) SP_MUST_CHECK;
void sp_record_packer_free(struct sp_record_packer *p);
/* Starts a block that follows state. */
void sp_record_packer_begin(struct sp_record_packer *p, const struct sp_record_state *state);
/* Adds one event as the next record. FULL: no room in this block (nothing was added). LIMIT, CRYPTO. */
int sp_record_packer_put(struct sp_record_packer *p, const void *event, size_t n) SP_MUST_CHECK;
size_t sp_record_packer_count(const struct sp_record_packer *p);
size_t sp_record_packer_bytes(const struct sp_record_packer *p); /* unpacked so far */
/* Appends the block (at least one record) to out and says where the chain stands after it. CRYPTO, or as sp_buf_put(). */
int sp_record_packer_end(struct sp_record_packer *p, struct sp_buf *out, struct sp_record_state *ret_state) SP_MUST_CHECK;

/* A block as it lies in the file. */
struct sp_record_block {
	uint32_t count;
	uint32_t raw_len;
	uint64_t first;
	const uint8_t *head;	  /* its first SP_RECORD_BLOCK_HEAD bytes */
	const uint8_t *hash;	  /* of the last record, as it says */
	struct sp_view packed;
	const uint8_t *signature;
	bool is_small; /* the second form */
};

/* Bytes of the whole block whose first SP_RECORD_BLOCK_HEAD bytes, already found INCOMPLETE, are at p. */
size_t sp_record_block_size(const uint8_t *p);
/* Reads the block at the front. INCOMPLETE, FORMAT. */
int sp_record_block_parse(const void *p, size_t n, struct sp_record_block *ret_b, size_t *ret_size) SP_MUST_CHECK;
/* As sp_sign_check(), with the key the file's header names. */
int sp_record_block_check(const struct sp_record_block *b, const uint8_t key[SP_SIGN_HASH],
    const struct sp_sign_ring *keys) SP_MUST_CHECK;

/* What is wrong, and where. */
struct sp_record_problem {
	uint64_t record; /* number, 0 when it is no single record */
	const char *what; /* static text */
};

struct sp_record_unpacker;
int sp_record_unpacker_new(struct sp_record_unpacker **ret_u) SP_MUST_CHECK;
void sp_record_unpacker_free(struct sp_record_unpacker *u);
/*
 * Unpacks a block and proves that its records follow *state, which is then moved to its end. On error
 * *ret_problem says what and *state is unchanged. FORMAT, SIGNATURE (a hash does not match), NOMEM, CRYPTO.
 */
int sp_record_unpack(struct sp_record_unpacker *u, const struct sp_record_block *b, struct sp_record_state *state,
    struct sp_record_problem *ret_problem) SP_MUST_CHECK;
/* The records of the block last unpacked, in order; the event is a view until the next unpack. NOT_FOUND at the end. */
int sp_record_unpacker_next(struct sp_record_unpacker *u, uint64_t *ret_number, struct sp_view *ret_event) SP_MUST_CHECK;

#endif
