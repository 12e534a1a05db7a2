/* SPDX-License-Identifier: Apache-2.0 */
/* Closed records are written again: the same header and events in fewer bytes (PROTOCOL.recording section 6). */
#ifndef SALLYPORT_RECORDER_REPACK_H
#define SALLYPORT_RECORDER_REPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/sign.h"

struct sp_repack_result {
	uint64_t sessions; /* written again */
	uint64_t before, after; /* their bytes */
	uint64_t failed; /* left as they were, and said so in the log */
};

/*
 * Walks the tree and does so with each record that is closed and not small yet. A record that is not proven by its
 * manifest to its last byte stays as it is. Stopped at any moment, each session has its old file or its new one, whole.
 * SYSTEM (errno: the tree cannot be read), NOMEM, CRYPTO.
 */
int sp_repack_tree(int root, const struct sp_sign_key *key, const struct sp_sign_ring *keys,
    struct sp_repack_result *ret_result) SP_MUST_CHECK;

#endif
