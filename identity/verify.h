/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what sshd hands over (login name, key type, key) to a proven identity
 * and one authorized_keys line. Pure: bytes, settings, keys and a time in; no
 * network, no clock. Every check must pass; the verdict starts as no.
 */
#ifndef SALLYPORT_IDENTITY_VERIFY_H
#define SALLYPORT_IDENTITY_VERIFY_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/issuer.h"
#include "identity/pubkey.h"
#include "identity/reason.h"
#include "lib/err.h"

#define SP_VERIFY_LINE_MAX 2048 /* bytes of an authorized_keys line */
#define SP_VERIFY_SHA256 32

/*
 * Finds the issuer's key for a header. kid may be NULL. Returns 0; AGAIN when the keys have to be fetched
 * first (the caller then verifies once more); NOT_FOUND, CONFLICT, INVALID, UNAVAILABLE.
 */
typedef int sp_verify_find_key(void *ctx, const struct sp_issuer *is, const char *kid, enum sp_jwa alg,
    struct sp_reason *why, const struct sp_pubkey **ret_key);

struct sp_verify_env {
	const struct sp_issuer *const *issuers;
	size_t issuers_count;
	sp_verify_find_key *find_key;
	void *ctx;
};

struct sp_verify_input {
	const char *user;
	const char *key_type;
	const char *key_base64;
	int64_t now; /* seconds since 1970 */
};

struct sp_verified {
	char *line;	  /* one authorized_keys line without a newline */
	json_t *identity; /* as PROTOCOL.ipc section 1 */
	const struct sp_issuer *issuer;
	int64_t until; /* seconds; not to be used from then on */
	uint8_t cert_sha256[SP_VERIFY_SHA256];
	uint8_t token_sha256[SP_VERIFY_SHA256];
};

/*
 * Verifies a certificate for a login. NOT_FOUND: no certificate of ours (a plain key, a certificate without a
 * token); AGAIN: the issuer's keys are being fetched, ret_issuer tells which issuer; every other error: no.
 * *ret_token_sha256 is filled as soon as there is a token, for the log (all zero before).
 */
int sp_verify(const struct sp_verify_env *env, const struct sp_verify_input *in, struct sp_reason *why,
    uint8_t ret_token_sha256[SP_VERIFY_SHA256], const struct sp_issuer **ret_issuer,
    struct sp_verified **ret_verified) SP_MUST_CHECK;
void sp_verified_free(struct sp_verified *v); /* NULL is fine */

#endif
