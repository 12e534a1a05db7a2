/* SPDX-License-Identifier: Apache-2.0 */
/* The host-wide chain (PROTOCOL.recording section 4), as its one writer. */
#ifndef SALLYPORT_RECORDER_LEDGER_H
#define SALLYPORT_RECORDER_LEDGER_H

#include <jansson.h>
#include <stdbool.h>

#include "recorder/sign.h"

struct sp_ledger;

/* What was found when the chain was opened. */
struct sp_ledger_found {
	uint64_t cut;	  /* bytes of an incomplete last line, cut off */
	uint64_t last;	  /* number of the last entry in the file */
	uint64_t head;	  /* number chain.head has; more than last: entries are missing */
	bool is_broken;	  /* the last entry or the head is not signed by us */
};

/* Opens or makes the chain in the tree. Both key and keys must outlive it. SYSTEM, NOMEM, CRYPTO. */
int sp_ledger_open(int root, const struct sp_sign_key *key, const struct sp_sign_ring *keys,
    struct sp_ledger_found *ret_found, struct sp_ledger **ret_l) SP_MUST_CHECK;
void sp_ledger_free(struct sp_ledger *l);
/*
 * Appends an entry (takes over the object, also on error; NULL is NOMEM): "n", "time", "prev", "type" and "key"
 * are set here. All of it or nothing. SYSTEM (errno), LIMIT, NOMEM, CRYPTO.
 */
int sp_ledger_append(struct sp_ledger *l, const char *type, json_t *entry) SP_MUST_CHECK;
/* Chain and head are on disk. SYSTEM. */
int sp_ledger_sync(struct sp_ledger *l) SP_MUST_CHECK;
bool sp_ledger_is_dirty(const struct sp_ledger *l);
/* The last entry's number and hash. */
uint64_t sp_ledger_number(const struct sp_ledger *l);
const uint8_t *sp_ledger_hash(const struct sp_ledger *l);

#endif
