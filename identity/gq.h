/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GQ256: a proof that the provider has signed a token with RS256, which does not show that signature
 * (Guillou and Quisquater, EUROCRYPT '88, as OpenPubkey uses it since its 0.25). So a token that has to be
 * shown to many is of no use to them. Its header names alg GQ256, the thumbprint of the provider's key (jkt,
 * RFC 7638), and as kid the provider's own header, base64url.
 */
#ifndef SALLYPORT_IDENTITY_GQ_H
#define SALLYPORT_IDENTITY_GQ_H

#include <stdbool.h>

#include "identity/jws.h"

#define SP_GQ_NAME "GQ256"
#define SP_GQ_ROUNDS 16	   /* 256 bits of security by an exponent of 65537, which is the only one taken */
#define SP_GQ_CHALLENGE 2  /* bytes of each round's */

bool sp_gq_is(const struct sp_jws_header *h);
/*
 * The header that the provider itself has signed: RS256, of an ID token. The caller clears it.
 * FORMAT, LIMIT, UNSUPPORTED, NOMEM.
 */
int sp_gq_original(const struct sp_jws_header *h, struct sp_reason *why, struct sp_jws_header *ret_original) SP_MUST_CHECK;
/*
 * Verifies the proof over its own header and the payload, with the key that the original header names.
 * INVALID (no RSA key with that exponent, or not the key of jkt), FORMAT, SIGNATURE, CRYPTO, NOMEM.
 */
int sp_gq_verify(const struct sp_jws *jws, const struct sp_jws_header *h, const struct sp_pubkey *key,
    struct sp_reason *why) SP_MUST_CHECK;

#endif
