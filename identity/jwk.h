/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Web Keys and sets of them (RFC 7517, RFC 7518 section 6, RFC 8037): public signing keys only. */
#ifndef SALLYPORT_IDENTITY_JWK_H
#define SALLYPORT_IDENTITY_JWK_H

#include <jansson.h>
#include <stddef.h>

#include "identity/jwa.h"
#include "identity/pubkey.h"
#include "identity/reason.h"

#define SP_JWK_SET_BYTES ((size_t)256 * 1024)
#define SP_JWK_SET_KEYS 64
#define SP_JWK_KID_MAX 256 /* bytes of a key id */

struct sp_jwk;
struct sp_jwk_set;

/*
 * Reads one key. Refused: private members, use other than sig, key_ops without verify, an alg that is not
 * in the list or does not fit the key, coordinates of the wrong length, weak keys. FORMAT, INVALID,
 * UNSUPPORTED (another kty or crv), CRYPTO, NOMEM.
 */
int sp_jwk_parse(const json_t *object, struct sp_reason *why, struct sp_jwk **ret_jwk) SP_MUST_CHECK;
void sp_jwk_free(struct sp_jwk *jwk); /* NULL is fine */
const struct sp_pubkey *sp_jwk_key(const struct sp_jwk *jwk);
/* The key id, or NULL. */
const char *sp_jwk_kid(const struct sp_jwk *jwk);

/*
 * Reads a JWKS document. A key that sp_jwk_parse() refuses is left out (sp_jwk_set_refused() counts them,
 * *why tells the last); a set with no usable key, or more than SP_JWK_SET_KEYS, is refused as a whole.
 * FORMAT, LIMIT, NOT_FOUND (no usable key), NOMEM.
 */
int sp_jwk_set_parse(const void *p, size_t n, struct sp_reason *why, struct sp_jwk_set **ret_set) SP_MUST_CHECK;
void sp_jwk_set_free(struct sp_jwk_set *set); /* NULL is fine */
size_t sp_jwk_set_count(const struct sp_jwk_set *set);
size_t sp_jwk_set_refused(const struct sp_jwk_set *set);
const struct sp_jwk *sp_jwk_set_at(const struct sp_jwk_set *set, size_t i);
/*
 * The one key of that id that fits alg. A NULL kid stands for the only key that fits. NOT_FOUND; CONFLICT
 * when more than one fits; INVALID when the key of that id is not one for alg.
 */
int sp_jwk_set_find(const struct sp_jwk_set *set, const char *kid, enum sp_jwa alg, struct sp_reason *why,
    const struct sp_pubkey **ret_key) SP_MUST_CHECK;

#endif
