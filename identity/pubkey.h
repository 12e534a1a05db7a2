/* SPDX-License-Identifier: Apache-2.0 */
/* A public key and the one thing done with it: verifying a signature. */
#ifndef SALLYPORT_IDENTITY_PUBKEY_H
#define SALLYPORT_IDENTITY_PUBKEY_H

#include <openssl/bn.h>
#include <stdbool.h>
#include <stddef.h>

#include "identity/jwa.h"
#include "identity/reason.h"
#include "lib/buf.h"
#include "lib/err.h"

#define SP_PUBKEY_RSA_BITS_MIN 2048
#define SP_PUBKEY_RSA_BITS_MAX 8192
#define SP_PUBKEY_RSA_E_MIN 65537
#define SP_PUBKEY_ED25519 32 /* bytes of a key */
#define SP_PUBKEY_SIG_MAX (SP_PUBKEY_RSA_BITS_MAX / 8)

struct sp_pubkey;

/* From big-endian modulus and exponent. INVALID (size, even or small exponent), CRYPTO, NOMEM. */
int sp_pubkey_rsa(struct sp_view n, struct sp_view e, struct sp_reason *why, struct sp_pubkey **ret_key) SP_MUST_CHECK;
/* From an uncompressed point (0x04 X Y) on P-256, P-384 or P-521. INVALID (length, not on the curve), CRYPTO, NOMEM. */
int sp_pubkey_ec(
    enum sp_jwa_key curve, struct sp_view point, struct sp_reason *why, struct sp_pubkey **ret_key) SP_MUST_CHECK;
/* From the 32 bytes of RFC 8032. INVALID, CRYPTO, NOMEM. */
int sp_pubkey_ed25519(struct sp_view raw, struct sp_reason *why, struct sp_pubkey **ret_key) SP_MUST_CHECK;
void sp_pubkey_free(struct sp_pubkey *key); /* NULL is fine */

enum sp_jwa_key sp_pubkey_kind(const struct sp_pubkey *key);
/* Bytes of a coordinate of that curve (32, 48, 66); 0 for other kinds. */
size_t sp_pubkey_coordinate(enum sp_jwa_key kind);
/* Same kind and same key; never true for RSA keys, which are not compared. */
bool sp_pubkey_equal(const struct sp_pubkey *a, const struct sp_pubkey *b);
/* Modulus and exponent of an RSA key; the caller frees them. INVALID (no RSA key), NOMEM. */
int sp_pubkey_rsa_numbers(const struct sp_pubkey *key, BIGNUM **ret_n, BIGNUM **ret_e) SP_MUST_CHECK;
/*
 * Verifies a JWS signature over data: RSASSA-PKCS1-v1_5 or PSS (salt 32) with SHA-256, ECDSA as r || s of
 * fixed length (never DER), or Ed25519. INVALID when the key does not fit the algorithm, SIGNATURE, NOMEM.
 */
int sp_pubkey_verify(const struct sp_pubkey *key, enum sp_jwa alg, struct sp_view data, struct sp_view sig,
    struct sp_reason *why) SP_MUST_CHECK;

#endif
