/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/claims.h"

#include <string.h>
#include <strings.h>

#include "identity/json.h"
#include "lib/text.h"

static bool
sp_claims_is_audience(const struct sp_issuer *is, const char *aud)
{
	if (strcmp(aud, is->client_id) == 0)
		return true;
	for (size_t i = 0; i < is->trusted_count; i++) {
		if (strcmp(aud, is->trusted_audiences[i]) == 0)
			return true;
	}
	return false;
}

/* An audience that says which key the token is for, or that it is for a proof alone. */
static int
sp_claims_check_bound_aud(const json_t *aud, const struct sp_issuer *is, struct sp_reason *why)
{
	const size_t n = strlen(SP_CLAIMS_GQ_AUDIENCE);

	if (!json_is_string(aud))
		return sp_reason_set(why, SP_ERR_FORMAT, "aud is missing, or no string");
	if (is->commitment != SP_ISSUER_GQ_BOUND)
		return 0; /* held against the commitment by whoever knows it */
	if (strncmp(json_string_value(aud), SP_CLAIMS_GQ_AUDIENCE, n) != 0 ||
	    (is->client_id != NULL && strcmp(json_string_value(aud) + n, is->client_id) != 0))
		return sp_reason_set(why, SP_ERR_DENIED, "aud is not " SP_CLAIMS_GQ_AUDIENCE " and our client_id");
	return 0;
}

/* Fills the number of audiences. The elements are compared one by one, never joined. */
static int
sp_claims_check_aud(const json_t *claims, const struct sp_issuer *is, size_t *ret_count, struct sp_reason *why)
{
	const json_t *aud = json_object_get(claims, "aud"), *one;
	bool has_ours = false;
	size_t i;

	*ret_count = 1;
	if (is->commitment == SP_ISSUER_AUD || is->commitment == SP_ISSUER_GQ_BOUND)
		return sp_claims_check_bound_aud(aud, is, why);
	if (json_is_string(aud)) {
		if (strcmp(json_string_value(aud), is->client_id) != 0)
			return sp_reason_set(why, SP_ERR_DENIED, "aud is not our client_id");
		return 0;
	}
	if (!json_is_array(aud))
		return sp_reason_set(why, SP_ERR_FORMAT, "aud is missing, or neither string nor array");
	json_array_foreach(aud, i, one)
	{
		if (!json_is_string(one))
			return sp_reason_set(why, SP_ERR_FORMAT, "aud holds something else than strings");
		if (!sp_claims_is_audience(is, json_string_value(one)))
			return sp_reason_set(why, SP_ERR_DENIED, "aud holds an audience that is not trusted");
		has_ours = has_ours || strcmp(json_string_value(one), is->client_id) == 0;
	}
	if (!has_ours)
		return sp_reason_set(why, SP_ERR_DENIED, "aud does not hold our client_id");
	*ret_count = json_array_size(aud);
	return 0;
}

static int
sp_claims_check_parties(const json_t *claims, const struct sp_issuer *is, struct sp_reason *why, const char **ret_sub)
{
	const char *iss, *azp;
	size_t audiences;
	int r = sp_json_string(claims, "iss", why, &iss);

	if (r != 0)
		return r;
	if (iss == NULL || strcmp(iss, is->issuer) != 0)
		return sp_reason_set(why, SP_ERR_DENIED, "iss is not the issuer");
	r = sp_claims_check_aud(claims, is, &audiences, why);
	if (r == 0)
		r = sp_json_string(claims, "azp", why, &azp);
	if (r != 0)
		return r;
	if (azp == NULL && audiences > 1)
		return sp_reason_set(why, SP_ERR_DENIED, "several audiences and no azp");
	if (azp != NULL && (is->client_id == NULL || strcmp(azp, is->client_id) != 0))
		return sp_reason_set(why, SP_ERR_DENIED, "azp is not our client_id");
	r = sp_json_string(claims, "sub", why, ret_sub);
	if (r != 0)
		return r;
	if (*ret_sub == NULL || **ret_sub == '\0' || strlen(*ret_sub) > SP_CLAIMS_SUB_MAX)
		return sp_reason_set(
		    why, SP_ERR_FORMAT, "sub is missing, empty or longer than %d bytes", SP_CLAIMS_SUB_MAX);
	return 0;
}

/* auth_time within max_age, which asks for it (OpenID Connect Core 3.1.2.1). */
static int
sp_claims_check_auth_time(const json_t *claims, const struct sp_issuer *is, int64_t now, struct sp_reason *why)
{
	json_int_t t = 0;
	int r = sp_json_integer(claims, "auth_time", why, &t);

	if (r == SP_ERR_NOT_FOUND && is->max_age == 0)
		return 0;
	if (r != 0)
		return r;
	if (t > now + is->skew)
		return sp_reason_set(why, SP_ERR_NOT_YET, "auth_time is in the future");
	if (is->max_age > 0 && now > t + is->max_age + is->skew)
		return sp_reason_set(why, SP_ERR_EXPIRED, "auth_time is longer ago than max_age");
	return 0;
}

int
sp_claims_check(
    const json_t *claims, const struct sp_issuer *is, int64_t now, struct sp_reason *why, struct sp_claims *ret_claims)
{
	json_int_t iat = 0, exp = 0, nbf = 0;
	const char *sub = NULL;
	int r = sp_claims_check_parties(claims, is, why, &sub);

	if (r == 0)
		r = sp_json_integer(claims, "iat", why, &iat);
	if (r == 0)
		r = sp_json_integer(claims, "exp", why, &exp);
	if (r != 0)
		return r;
	if (iat > now + is->skew)
		return sp_reason_set(why, SP_ERR_NOT_YET, "iat is in the future");
	if (exp <= iat)
		return sp_reason_set(why, SP_ERR_INVALID, "exp is not after iat");
	r = sp_json_integer(claims, "nbf", why, &nbf);
	if (r != 0 && r != SP_ERR_NOT_FOUND)
		return r;
	if (nbf > now + is->skew)
		return sp_reason_set(why, SP_ERR_NOT_YET, "nbf is in the future");
	r = sp_claims_check_auth_time(claims, is, now, why);
	if (r != 0)
		return r;
	ret_claims->iat = iat;
	ret_claims->exp = exp;
	ret_claims->sub = sub;
	return 0;
}

bool
sp_claims_is_email_verified(const json_t *claims)
{
	const json_t *v = json_object_get(claims, "email_verified");

	return json_is_true(v) || (json_is_string(v) && strcmp(json_string_value(v), "true") == 0);
}

/* user@domain: the domain is compared without case, the user exactly. */
static int
sp_claims_check_email(const char *email, const struct sp_issuer *is, const char *user, struct sp_reason *why)
{
	size_t n = strlen(user);
	const char *at = strrchr(email, '@');

	if (at == NULL || strchr(email, '@') != at)
		return sp_reason_set(why, SP_ERR_FORMAT, "email is no address");
	if (is->user_domain == NULL || strcasecmp(at + 1, is->user_domain) != 0)
		return sp_reason_set(why, SP_ERR_DENIED, "email is of another domain");
	if ((size_t)(at - email) != n || memcmp(email, user, n) != 0)
		return sp_reason_set(why, SP_ERR_DENIED, "email is that of another login name");
	return 0;
}

static bool
sp_claims_is_login(const json_t *claims, const struct sp_issuer_login *l)
{
	const json_t *v = json_object_get(claims, l->claim), *one;
	bool is_email = strcmp(l->claim, "email") == 0; /* no provider tells two people apart by the case of an address */
	size_t i;

	if (is_email && !sp_claims_is_email_verified(claims))
		return false;
	if (json_is_string(v) && l->is_pattern)
		return sp_text_is_like(l->value, json_string_value(v), is_email);
	if (json_is_string(v))
		return (is_email ? strcasecmp : strcmp)(l->value, json_string_value(v)) == 0;
	json_array_foreach(v, i, one)
	{
		if (json_is_string(one) && !l->is_pattern && strcmp(l->value, json_string_value(one)) == 0)
			return true;
	}
	return false;
}

int
sp_claims_check_user(const json_t *claims, const struct sp_issuer *is, const char *user, struct sp_reason *why)
{
	const char *value;
	int r;

	if (!sp_text_is_login(user))
		return sp_reason_set(why, SP_ERR_FORMAT, "the login name has characters that are not taken");
	if (strcmp(user, "root") == 0)
		return sp_reason_set(why, SP_ERR_DENIED, "no token stands for root");
	for (size_t i = 0; i < is->nlogins; i++) {
		if (strcmp(is->logins[i].user, user) == 0 && sp_claims_is_login(claims, &is->logins[i]))
			return 0;
	}
	if (is->user_claim == NULL)
		return sp_reason_set(why, SP_ERR_DENIED, "none of the issuer's logins is this name for these claims");
	r = sp_json_string(claims, is->user_claim, why, &value);
	if (r != 0)
		return r;
	if (value == NULL)
		return sp_reason_set(why, SP_ERR_DENIED, "the token has no %s", is->user_claim);
	if (strcmp(is->user_claim, "email") == 0) {
		if (!sp_claims_is_email_verified(claims))
			return sp_reason_set(why, SP_ERR_DENIED, "email is not verified");
		return sp_claims_check_email(value, is, user, why);
	}
	if (strcmp(value, user) != 0)
		return sp_reason_set(why, SP_ERR_DENIED, "%s is not the login name", is->user_claim);
	return 0;
}

int
sp_claims_groups(const json_t *claims, const struct sp_issuer *is, struct sp_reason *why, json_t **ret_groups)
{
	json_t *v = json_object_get(claims, is->groups_claim), *groups = json_array(), *one;
	size_t i;
	int r = SP_ERR_FORMAT;

	if (groups == NULL)
		return SP_ERR_NOMEM;
	if (v == NULL || json_is_null(v)) {
		*ret_groups = groups;
		return 0;
	}
	if (json_is_string(v)) {
		if (json_array_append(groups, v) != 0) {
			r = SP_ERR_NOMEM;
			goto bad;
		}
		*ret_groups = groups;
		return 0;
	}
	if (!json_is_array(v) || json_array_size(v) > SP_CLAIMS_GROUPS_MAX)
		goto bad;
	json_array_foreach(v, i, one)
	{
		if (!json_is_string(one) || json_string_length(one) > SP_CLAIMS_GROUP_MAX)
			goto bad;
		if (json_array_append(groups, one) != 0) {
			r = SP_ERR_NOMEM;
			goto bad;
		}
	}
	*ret_groups = groups;
	return 0;
bad:
	json_decref(groups);
	return sp_reason_set(why, r, "%s is no list of at most %d strings", is->groups_claim, SP_CLAIMS_GROUPS_MAX);
}
