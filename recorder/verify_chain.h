/* SPDX-License-Identifier: Apache-2.0 */
/* Proves the host-wide chain, and gathers what it says of each session. */
#ifndef SALLYPORT_RECORDER_VERIFY_CHAIN_H
#define SALLYPORT_RECORDER_VERIFY_CHAIN_H

#include "lib/ulid.h"
#include "recorder/verify.h"

struct sp_verify_session {
	char id[SP_ULID_LEN + 1];
	bool has_first; /* its "open" entry was there */
	bool is_closed;
	bool is_crashed;
	bool is_damaged;
	bool has_manifest;
	uint8_t first_head[SP_SIGN_HASH];
	uint64_t seen; /* records, by the last entry that speaks of it */
	uint8_t seen_head[SP_SIGN_HASH];
	uint8_t manifest[SP_SIGN_HASH];
};

struct sp_verify_chain;

/* Findings go to found (of "chain"). SYSTEM, NOMEM. A missing chain is a finding. */
int sp_verify_chain_read(const struct sp_verify_options *o, void (*found)(const struct sp_verify_finding *f, void *ctx),
    void *ctx, struct sp_verify_chain **ret_c) SP_MUST_CHECK;
void sp_verify_chain_free(struct sp_verify_chain *c);
uint64_t sp_verify_chain_entries(const struct sp_verify_chain *c);
/* In the order they were opened. */
size_t sp_verify_chain_sessions(const struct sp_verify_chain *c);
const struct sp_verify_session *sp_verify_chain_session(const struct sp_verify_chain *c, size_t i);
const struct sp_verify_session *sp_verify_chain_find(const struct sp_verify_chain *c, const char *id);

#endif
