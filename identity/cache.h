/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verified certificates, so that the second and third question about the same one (sshd asks twice, then
 * sallyportd) cost a digest. Only good verdicts are kept, for one login name each, until they end or their
 * issuer's keys change. Bounded: a full set gives up the entry that ends first.
 */
#ifndef SALLYPORT_IDENTITY_CACHE_H
#define SALLYPORT_IDENTITY_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "identity/verify.h"

#define SP_CACHE_SETS 256
#define SP_CACHE_WAYS 8

struct sp_cache;

struct sp_cache *sp_cache_new(void) SP_MUST_CHECK; /* NULL if out of memory */
void sp_cache_free(struct sp_cache *c);		   /* NULL is fine */
/* Digest of what sshd passed: the key of an entry. CRYPTO, NOMEM. */
int sp_cache_digest(const char *key_type, const char *key_base64, uint8_t out[SP_VERIFY_SHA256]) SP_MUST_CHECK;
/* The entry for that digest and exactly that login name, still good at now; NULL if there is none. */
const struct sp_verified *
sp_cache_get(struct sp_cache *c, const uint8_t digest[SP_VERIFY_SHA256], const char *user, int64_t now);
/* Takes over v and returns it, for use until the next call. */
const struct sp_verified *
sp_cache_put(struct sp_cache *c, const uint8_t digest[SP_VERIFY_SHA256], struct sp_verified *v);
/* Forgets everything that an issuer vouched for. */
void sp_cache_forget(struct sp_cache *c, const struct sp_issuer *is);
size_t sp_cache_count(const struct sp_cache *c);

#endif
