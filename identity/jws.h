/* SPDX-License-Identifier: Apache-2.0 */
/* One signature of a JWS (RFC 7515): its protected header, read strictly, and its verification. */
#ifndef SALLYPORT_IDENTITY_JWS_H
#define SALLYPORT_IDENTITY_JWS_H

#include <jansson.h>

#include "identity/jwa.h"
#include "identity/pubkey.h"
#include "identity/reason.h"
#include "lib/buf.h"

#define SP_JWS_HEADER_MAX ((size_t)8 * 1024) /* bytes, decoded */
#define SP_JWS_PAYLOAD_MAX ((size_t)16 * 1024)

/* The three base64url parts; views into the token. */
struct sp_jws {
	struct sp_view header;
	struct sp_view payload;
	struct sp_view signature;
};

struct sp_jws_header {
	json_t *object;
	struct sp_buf *bytes; /* the decoded header, as it was signed */
	const char *alg_name; /* owned by object */
	const char *kid;      /* may be NULL */
	const char *typ;      /* may be NULL */
};

/*
 * Decodes a protected header. Refused: anything that would change how the token is to be read or where keys
 * come from (crit, b64, zip, enc, jwk, jku, x5u, x5c), a missing alg, kid or typ that is no string. alg is
 * not judged here. FORMAT, LIMIT, UNSUPPORTED, NOMEM. Cleared on failure.
 */
int sp_jws_header_read(struct sp_view b64, struct sp_reason *why, struct sp_jws_header *ret_header) SP_MUST_CHECK;
void sp_jws_header_clear(struct sp_jws_header *h);
/* Decodes a payload that is one JSON object. FORMAT, LIMIT, NOMEM. */
int sp_jws_payload_read(struct sp_view b64, struct sp_reason *why, json_t **ret_object) SP_MUST_CHECK;
/* Verifies header "." payload with key. SIGNATURE, FORMAT, INVALID, NOMEM. */
int sp_jws_verify(
    const struct sp_jws *jws, const struct sp_pubkey *key, enum sp_jwa alg, struct sp_reason *why) SP_MUST_CHECK;
/* Splits header.payload.signature: exactly three parts, none empty. FORMAT. */
int sp_jws_split(struct sp_view compact, struct sp_reason *why, struct sp_jws *ret_jws) SP_MUST_CHECK;

#endif
