/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proves a tree of records with public keys alone (PROTOCOL.recording section 5),
 * on the host or on a copy, and says what was found where.
 */
#ifndef SALLYPORT_RECORDER_VERIFY_H
#define SALLYPORT_RECORDER_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/sign.h"

/* Something that is not as it was written. */
struct sp_verify_finding {
	const char *where; /* "chain", a session's id, or a path in the tree */
	uint64_t number;   /* of the record, or of the chain's entry; 0 where it is no single one */
	const char *what;
};

struct sp_verify_options {
	int root;
	const struct sp_sign_ring *keys;
	char *const *sessions; /* only these (full ids), NULL-ended; NULL: all, and that nothing else is there */
	bool has_anchor;       /* the chain must contain: */
	uint64_t anchor_n;
	uint8_t anchor_hash[SP_SIGN_HASH];
	void (*found)(const struct sp_verify_finding *f, void *ctx);
	void (*progress)(uint64_t done, uint64_t total, void *ctx); /* sessions; may be NULL */
	void *ctx;
};

struct sp_verify_result {
	uint64_t findings;
	uint64_t entries; /* of the chain */
	uint64_t sessions;
	uint64_t records;
	uint64_t open;	  /* sessions without an end */
	uint64_t crashed;
};

/* 0: everything was looked at (ret_result->findings says how it is). SYSTEM, NOMEM: it could not be. */
int sp_verify_tree(const struct sp_verify_options *o, struct sp_verify_result *ret_result) SP_MUST_CHECK;

#endif
