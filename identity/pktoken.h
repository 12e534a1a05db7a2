/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PK tokens (OpenPubkey): one payload with the signature of the OpenID provider
 * (OP) and that of the client instance claims (CIC) made by the user's key, in
 * the form payload:opHeader:opSig:cicHeader:cicSig[.refreshedIDToken].
 *
 * A cosigner's (COS) signature is refused, not skipped: nobody here can verify
 * it, and a token is taken only when every signature in it holds.
 */
#ifndef SALLYPORT_IDENTITY_PKTOKEN_H
#define SALLYPORT_IDENTITY_PKTOKEN_H

#include <stdbool.h>

#include "identity/jws.h"
#include "identity/reason.h"

#define SP_PKTOKEN_MAX ((size_t)64 * 1024)    /* bytes of the whole */
#define SP_PKTOKEN_ID_MAX ((size_t)16 * 1024) /* of one ID token */
#define SP_PKTOKEN_RZ_MIN 32		      /* hex characters: 128 random bits; clients send 64 */
#define SP_PKTOKEN_COMMITMENT 43	      /* characters: base64url of SHA3-256 */

struct sp_pktoken;

/*
 * Splits the token, gives each signature its role by typ (exactly one OP and one CIC) and reads headers and
 * payload. Nothing is verified yet. FORMAT, LIMIT, UNSUPPORTED, NOMEM.
 */
int sp_pktoken_parse(struct sp_view token, struct sp_reason *why, struct sp_pktoken **ret_token) SP_MUST_CHECK;
void sp_pktoken_free(struct sp_pktoken *t); /* NULL is fine */
/*
 * Verifies the CIC: alg and upk fit, upk is user_key, rz is there, and the user's key signed the payload.
 * INVALID, FORMAT, UNSUPPORTED, SIGNATURE, NOMEM.
 */
int
sp_pktoken_check_cic(const struct sp_pktoken *t, const struct sp_pubkey *user_key, struct sp_reason *why) SP_MUST_CHECK;
/* What the provider must have signed as nonce: base64url(SHA3-256(CIC header)). CRYPTO, NOMEM. */
int sp_pktoken_commitment(const struct sp_pktoken *t, char out[SP_PKTOKEN_COMMITMENT + 1]) SP_MUST_CHECK;

/* The ID token in the OP's own form, its header and claims. */
const struct sp_jws *sp_pktoken_op(const struct sp_pktoken *t);
const struct sp_jws_header *sp_pktoken_op_header(const struct sp_pktoken *t);
const json_t *sp_pktoken_claims(const struct sp_pktoken *t);
/* Whether a header says that its claims name the key (OpenID Connect Key Binding). */
bool sp_pktoken_is_key_bound(const struct sp_jws_header *h);
/* The refreshed ID token; false if there is none. */
bool sp_pktoken_has_refreshed(const struct sp_pktoken *t);
const struct sp_jws *sp_pktoken_refreshed(const struct sp_pktoken *t);
const struct sp_jws_header *sp_pktoken_refreshed_header(const struct sp_pktoken *t);
const json_t *sp_pktoken_refreshed_claims(const struct sp_pktoken *t);

#endif
