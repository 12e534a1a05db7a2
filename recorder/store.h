/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of one session's record on disk: its folder, `events` and
 * `manifest` (PROTOCOL.recording). Paths are walked with openat and O_NOFOLLOW;
 * nothing that exists is ever opened for creation.
 */
#ifndef SALLYPORT_RECORDER_STORE_H
#define SALLYPORT_RECORDER_STORE_H

#include <jansson.h>
#include <stdbool.h>

#include "recorder/record.h"
#include "recorder/sign.h"

#define SP_STORE_FILE_MODE 0640

struct sp_store;

/* How a session ended, for its manifest. */
struct sp_store_end {
	const char *state;  /* closed, crashed, damaged */
	const char *reason; /* one line, may be empty */
	uint64_t closed_ns;
	bool is_signaled;
	uint32_t value;
};

/* Makes the folder and writes the header. EXISTS, SYSTEM (errno), LIMIT, CRYPTO, NOMEM. */
int sp_store_create(int root, const struct sp_sign_key *key, const char *session, uint64_t created_ns,
    const char *json, struct sp_store **ret_s) SP_MUST_CHECK;
/*
 * Takes up a session that was not closed: proves its chain, and cuts off an incomplete last block (never
 * acknowledged); *ret_cut says how many bytes. NOT_FOUND, CONFLICT (it has a manifest), FORMAT or SIGNATURE
 * (the file breaks the rules; *ret_problem says how), SYSTEM, NOMEM.
 */
int sp_store_resume(int root, const struct sp_sign_ring *keys, const char *session, struct sp_store **ret_s,
    uint64_t *ret_cut, struct sp_record_problem *ret_problem) SP_MUST_CHECK;
void sp_store_free(struct sp_store *s); /* closes without a manifest */

const struct sp_record_state *sp_store_state(const struct sp_store *s);
/* Appends a block, after which the chain stands at next. All of it or nothing. SYSTEM (errno: ENOSPC, EIO, ...). */
int sp_store_append(struct sp_store *s, const void *block, size_t n, const struct sp_record_state *next) SP_MUST_CHECK;
/* All that was appended is on disk, and so is the folder's name. SYSTEM. */
int sp_store_sync(struct sp_store *s) SP_MUST_CHECK;
/* Writes, signs and syncs the manifest. May be called again after an error. SYSTEM, CRYPTO, NOMEM. */
int sp_store_close(struct sp_store *s, const struct sp_sign_key *key, const struct sp_store_end *end,
    uint8_t ret_hash[SP_SIGN_HASH]) SP_MUST_CHECK;

/* A closed session's manifest and the hash of its file. NOT_FOUND, SIGNATURE, FORMAT, SYSTEM. */
int sp_store_read_manifest(int root, const struct sp_sign_ring *keys, const char *session, json_t **ret_m,
    uint8_t ret_hash[SP_SIGN_HASH]) SP_MUST_CHECK;

/* Writes all of p to fd at offset. SYSTEM. */
int sp_store_write_all(int fd, const void *p, size_t n, uint64_t offset) SP_MUST_CHECK;

/* Appends p to a file that is size bytes long; on error the file is as it was. SYSTEM. */
int sp_store_extend_file(int fd, const void *p, size_t n, uint64_t size) SP_MUST_CHECK;

#endif
