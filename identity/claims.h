/* SPDX-License-Identifier: Apache-2.0 */
/* The claims of an ID token held against the settings of its issuer (OpenID Connect Core 3.1.3.7, RFC 8725). */
#ifndef SALLYPORT_IDENTITY_CLAIMS_H
#define SALLYPORT_IDENTITY_CLAIMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "identity/issuer.h"
#include "identity/reason.h"

#define SP_CLAIMS_SUB_MAX 255
#define SP_CLAIMS_GROUPS_MAX 1024
#define SP_CLAIMS_GROUP_MAX 256 /* bytes of one name */

struct sp_claims {
	int64_t iat;
	int64_t exp;
	const char *sub; /* owned by the claims object */
};

/*
 * iss, aud (each element compared; others only if trusted), azp, sub, iat, exp (read, not judged), nbf and
 * auth_time against now. FORMAT, INVALID, DENIED, NOT_YET, EXPIRED, NOT_FOUND (a claim is missing).
 */
int sp_claims_check(const json_t *claims, const struct sp_issuer *is, int64_t now, struct sp_reason *why,
    struct sp_claims *ret_claims) SP_MUST_CHECK;
#define SP_CLAIMS_GQ_AUDIENCE "OPENPUBKEY-PKTOKEN:" /* how the audience of a token begins that is only for GQ256 */

/* Whether a claim says that this login name is theirs: by the issuer's logins, or as the mapped claim. DENIED, FORMAT. */
int sp_claims_check_user(
    const json_t *claims, const struct sp_issuer *is, const char *user, struct sp_reason *why) SP_MUST_CHECK;
/* email_verified as true or "true". */
bool sp_claims_is_email_verified(const json_t *claims);
/* The groups claim as a new array of strings (empty if absent). FORMAT, LIMIT, NOMEM. */
int sp_claims_groups(
    const json_t *claims, const struct sp_issuer *is, struct sp_reason *why, json_t **ret_groups) SP_MUST_CHECK;

#endif
