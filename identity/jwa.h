/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signature algorithms taken (RFC 7518 section 3, RFC 8037): a closed list.
 * There is no "none", no HMAC and no encryption anywhere in this code.
 */
#ifndef SALLYPORT_IDENTITY_JWA_H
#define SALLYPORT_IDENTITY_JWA_H

#include "lib/err.h"

enum sp_jwa {
	SP_JWA_RS256,
	SP_JWA_PS256,
	SP_JWA_ES256,
	SP_JWA_ES384,
	SP_JWA_ES512,
	SP_JWA_EDDSA, /* Ed25519 only */
	SP_JWA_COUNT
};

enum sp_jwa_key {
	SP_JWA_KEY_RSA,
	SP_JWA_KEY_P256,
	SP_JWA_KEY_P384,
	SP_JWA_KEY_P521,
	SP_JWA_KEY_ED25519
};

/* The algorithm of that exact name. UNSUPPORTED for every other name, NULL included. */
int sp_jwa_by_name(const char *name, enum sp_jwa *ret_alg) SP_MUST_CHECK;
const char *sp_jwa_name(enum sp_jwa alg);
/* The one kind of key an algorithm is used with. */
enum sp_jwa_key sp_jwa_key(enum sp_jwa alg);

#endif
