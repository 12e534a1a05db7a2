/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 signatures over tagged SHA-256 digests: sign(tag | digest), as
 * PROTOCOL.recording has it. Tags (8 bytes) keep one kind of signature from
 * being taken for another.
 */
#ifndef SALLYPORT_RECORDER_SIGN_H
#define SALLYPORT_RECORDER_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_SIGN_TAG 8	 /* bytes of a tag */
#define SP_SIGN_HASH 32	 /* bytes of a digest and of a key id */
#define SP_SIGN_SIZE 64	 /* bytes of a signature */
#define SP_SIGN_PEM_MAX ((size_t)16384) /* bytes of a key file */
#define SP_SIGN_KEYS_MAX 64 /* public keys in one file */

struct sp_sign_key;  /* a private key */
struct sp_sign_ring; /* public keys that are trusted */

/* A fresh key. CRYPTO. */
int sp_sign_generate(struct sp_sign_key **ret_k) SP_MUST_CHECK;
/* From PEM (PKCS #8). FORMAT (not PEM, not Ed25519), LIMIT. */
int sp_sign_load(const void *pem, size_t n, struct sp_sign_key **ret_k) SP_MUST_CHECK;
void sp_sign_free(struct sp_sign_key *k);
/* Appends the private or the public key as PEM. CRYPTO or as sp_buf_put(). */
int sp_sign_private_pem(const struct sp_sign_key *k, struct sp_buf *out) SP_MUST_CHECK;
int sp_sign_public_pem(const struct sp_sign_key *k, struct sp_buf *out) SP_MUST_CHECK;
/* The key's id: 32 bytes. */
const uint8_t *sp_sign_id(const struct sp_sign_key *k);
/* CRYPTO. */
int sp_sign_digest(const struct sp_sign_key *k, const char tag[SP_SIGN_TAG], const uint8_t digest[SP_SIGN_HASH],
    uint8_t ret_sig[SP_SIGN_SIZE]) SP_MUST_CHECK;

/* All public keys of a PEM file, one after the other. FORMAT (none, or another kind of key), LIMIT. */
int sp_sign_ring_load(const void *pem, size_t n, struct sp_sign_ring **ret_r) SP_MUST_CHECK;
void sp_sign_ring_free(struct sp_sign_ring *r);
/* NOT_FOUND: no key with that id is trusted. SIGNATURE: it does not match. CRYPTO. */
int sp_sign_check(const struct sp_sign_ring *r, const uint8_t id[SP_SIGN_HASH], const char tag[SP_SIGN_TAG],
    const uint8_t digest[SP_SIGN_HASH], const uint8_t sig[SP_SIGN_SIZE]) SP_MUST_CHECK;

/* One SHA-256 over up to four parts; parts with NULL data are skipped. CRYPTO. */
int sp_sign_hash(const struct sp_view parts[], size_t nparts, uint8_t ret_h[SP_SIGN_HASH]) SP_MUST_CHECK;

#endif
