/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an approval covers (P6), as one SHA-256: each part with its length (8 bytes, big-endian) before it, so that no two
 * lists of parts give the same bytes. Each kind says which parts are its own.
 */
#ifndef SALLYPORT_SESSION_AGENT_APPROVAL_DIGEST_H
#define SALLYPORT_SESSION_AGENT_APPROVAL_DIGEST_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct sp_session;
struct sp_approval_news;

struct sp_approval_digest {
	EVP_MD_CTX *md;
	bool ok;
};

/* Begins with n strings. What fails is told by sp_approval_digest_end(), which must follow. */
void sp_approval_digest_begin(struct sp_approval_digest *d, const char *const strings[], size_t n);
void sp_approval_digest_put(struct sp_approval_digest *d, const void *p, size_t n);
/* Frees what it holds. CRYPTO. */
int sp_approval_digest_end(struct sp_approval_digest *d, uint8_t ret_digest[32]) SP_MUST_CHECK;

/*
 * Puts an approval's news on record: APPROVAL_REQUEST when decision is NULL, with the digest, the rule (NULL: left out) and what
 * was asked for, else APPROVAL_VERDICT. seq is of the event that it is about. Returns what sp_session_record_late() does.
 */
int sp_approval_event(struct sp_session *s, const struct sp_approval_news *news, uint64_t seq, const uint8_t digest[32],
    const char *rule, const char *decision) SP_MUST_CHECK;

#endif
