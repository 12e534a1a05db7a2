/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/verify.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identity/claims.h"
#include "identity/gq.h"
#include "identity/json.h"
#include "identity/jwk.h"
#include "identity/pktoken.h"
#include "identity/sshcert.h"
#include "lib/text.h"

#define SP_VERIFY_WILDCARD "opkssh-wildcard"
#define SP_VERIFY_CLOCK_MIN 1763683200 /* 2025-11-21: a clock before this is wrong */

/* Everything of one verification. */
struct sp_verify_run {
	const struct sp_verify_env *env;
	const struct sp_verify_input *in;
	struct sp_reason *why;
	struct sp_buf *blob;
	struct sp_sshcert *cert;
	struct sp_pktoken *token;
	const struct sp_issuer *issuer;
	const char *principal;
	struct sp_claims claims;
	const json_t *facts; /* the claims that describe the person */
	int64_t end;	     /* effective end without skew */
};

void
sp_verified_free(struct sp_verified *v)
{
	if (v == NULL)
		return;
	free(v->line);
	json_decref(v->identity);
	free(v);
}

static int
sp_verify_sha256(const void *p, size_t n, uint8_t out[SP_VERIFY_SHA256])
{
	size_t len = 0;

	if (EVP_Q_digest(NULL, "SHA256", NULL, p, n, out, &len) != 1 || len != SP_VERIFY_SHA256)
		return SP_ERR_CRYPTO;
	return 0;
}

/* The certificate out of what sshd passed. */
static int
sp_verify_read_cert(struct sp_verify_run *run)
{
	const struct sp_verify_input *in = run->in;
	size_t n = strlen(in->key_base64);
	struct sp_view blob;
	int r;

	if (!sp_sshcert_is_type(in->key_type))
		return sp_reason_set(run->why, SP_ERR_NOT_FOUND, "no certificate of a type that is taken");
	if (n > SP_SSHCERT_BASE64_MAX)
		return sp_reason_set(run->why, SP_ERR_LIMIT, "certificate of %zu characters", n);
	if (in->now < SP_VERIFY_CLOCK_MIN)
		return sp_reason_set(run->why, SP_ERR_UNAVAILABLE, "the clock of this host is wrong");
	run->blob = sp_buf_new(SP_SSHCERT_BASE64_MAX);
	if (run->blob == NULL)
		return SP_ERR_NOMEM;
	r = sp_text_base64_decode(run->blob, in->key_base64, n);
	if (r != 0)
		return sp_reason_set(run->why, r, "certificate is not strict base64");
	blob = (struct sp_view){sp_buf_data(run->blob), sp_buf_len(run->blob)};
	return sp_sshcert_parse(in->key_type, blob, in->now, run->why, &run->cert);
}

/*
 * The one principal that goes on the line: the client's wildcard if the certificate has it, else the login
 * name. The user signs the certificate, so nothing else in the list may reach sshd's matching.
 */
static int
sp_verify_pick_principal(struct sp_verify_run *run)
{
	bool has_user = false;

	for (size_t i = 0; i < sp_sshcert_principals(run->cert); i++) {
		const char *p = sp_sshcert_principal(run->cert, i);

		if (strcmp(p, SP_VERIFY_WILDCARD) == 0) {
			run->principal = SP_VERIFY_WILDCARD;
			return 0;
		}
		has_user = has_user || strcmp(p, run->in->user) == 0;
	}
	if (!has_user)
		return sp_reason_set(
		    run->why, SP_ERR_DENIED, "certificate for neither " SP_VERIFY_WILDCARD " nor the login name");
	run->principal = run->in->user;
	return 0;
}

static int
sp_verify_pick_issuer(struct sp_verify_run *run)
{
	const char *iss;
	int r = sp_json_string(sp_pktoken_claims(run->token), "iss", run->why, &iss);

	if (r != 0)
		return r;
	for (size_t i = 0; iss != NULL && i < run->env->issuers_count; i++) {
		if (strcmp(run->env->issuers[i]->issuer, iss) == 0) {
			run->issuer = run->env->issuers[i];
			return 0;
		}
	}
	return sp_reason_set(run->why, SP_ERR_DENIED, "iss is not one of the issuers that are configured");
}

/* cnf has the key itself (RFC 7800 section 3.2): that of the certificate. */
static int
sp_verify_cnf(struct sp_verify_run *run, const json_t *claims)
{
	struct sp_jwk *jwk = NULL;
	int r = sp_jwk_parse(json_object_get(json_object_get(claims, "cnf"), "jwk"), run->why, &jwk);

	if (r != 0)
		return sp_reason_set(run->why, SP_ERR_DENIED, "cnf has no key that is taken");
	if (!sp_pubkey_equal(sp_jwk_key(jwk), sp_sshcert_key(run->cert)))
		r = sp_reason_set(run->why, SP_ERR_DENIED, "cnf has another key than the certificate");
	sp_jwk_free(jwk);
	return r;
}

/*
 * What binds the token to the user's key: the commitment to the CIC, where the issuer puts it, or the key itself. A token
 * of another kind than the issuer makes is refused, whatever is in it.
 */
static int
sp_verify_commitment(struct sp_verify_run *run)
{
	static const char *const names[] = {
	    [SP_ISSUER_NONCE] = "nonce", [SP_ISSUER_AUD] = "aud", [SP_ISSUER_GQ_BOUND] = "cic"};
	enum sp_issuer_commitment where = run->issuer->commitment;
	const struct sp_jws_header *h = sp_pktoken_op_header(run->token);
	const json_t *in = where == SP_ISSUER_GQ_BOUND ? h->object : sp_pktoken_claims(run->token);
	char want[SP_PKTOKEN_COMMITMENT + 1];
	const char *found;
	int r;

	if (sp_pktoken_is_key_bound(h) != (where == SP_ISSUER_KEY_BOUND))
		return sp_reason_set(run->why, SP_ERR_DENIED, "a token whose typ is not what the issuer's commitment needs");
	if (where == SP_ISSUER_KEY_BOUND)
		return sp_verify_cnf(run, sp_pktoken_claims(run->token));
	r = sp_pktoken_commitment(run->token, want);
	if (r == 0)
		r = sp_json_string(in, names[where], run->why, &found);
	if (r != 0)
		return r;
	if (found == NULL || strlen(found) != SP_PKTOKEN_COMMITMENT ||
	    CRYPTO_memcmp(found, want, SP_PKTOKEN_COMMITMENT) != 0)
		return sp_reason_set(run->why, SP_ERR_DENIED, "%s is not the commitment to the CIC", names[where]);
	return 0;
}

/* A proof that the provider has signed, in place of what it has signed. */
static int
sp_verify_gq(struct sp_verify_run *run, const struct sp_jws *jws, const struct sp_jws_header *h)
{
	const struct sp_pubkey *key = NULL;
	struct sp_jws_header original;
	int r = sp_gq_original(h, run->why, &original);

	if (r != 0)
		return r;
	r = run->env->find_key(run->env->ctx, run->issuer, original.kid, SP_JWA_RS256, run->why, &key);
	if (r == 0)
		r = key == NULL ? SP_ERR_INTERNAL : sp_gq_verify(jws, h, key, run->why);
	sp_jws_header_clear(&original);
	return r;
}

/* Without such a proof whoever is shown the token could show it on: there the issuer's audience is anybody. */
static bool
sp_verify_needs_gq(const struct sp_issuer *is)
{
	return is->commitment == SP_ISSUER_AUD || is->commitment == SP_ISSUER_GQ_BOUND;
}

/* Which algorithm, which key, and whether it signed: for the token and the refreshed one alike. */
static int
sp_verify_op_signature(struct sp_verify_run *run, const struct sp_jws *jws, const struct sp_jws_header *h)
{
	const struct sp_pubkey *key = NULL;
	enum sp_jwa alg;
	int r;

	if (sp_gq_is(h) && (sp_verify_needs_gq(run->issuer) || run->issuer->takes_gq))
		return sp_verify_gq(run, jws, h);
	if (sp_verify_needs_gq(run->issuer))
		return sp_reason_set(run->why, SP_ERR_DENIED, "the issuer's tokens are taken as GQ256 proofs only");
	if (sp_jwa_by_name(h->alg_name, &alg) != 0)
		return sp_reason_set(run->why, SP_ERR_UNSUPPORTED, "the token's alg is not one that is taken");
	if ((run->issuer->algorithms & 1u << alg) == 0)
		return sp_reason_set(
		    run->why, SP_ERR_DENIED, "%s is not in the algorithms of the issuer", sp_jwa_name(alg));
	r = run->env->find_key(run->env->ctx, run->issuer, h->kid, alg, run->why, &key);
	if (r != 0)
		return r;
	if (key == NULL)
		return SP_ERR_INTERNAL;
	return sp_jws_verify(jws, key, alg, run->why);
}

/* A refreshed token is held to all that the first is, and to be its successor (OpenID Connect Core 12.2). */
static int
sp_verify_refreshed_claims(struct sp_verify_run *run, struct sp_claims *ret_claims)
{
	const json_t *first = sp_pktoken_claims(run->token), *later = sp_pktoken_refreshed_claims(run->token);
	const json_t *nonce = json_object_get(later, "nonce");
	int r = sp_claims_check(later, run->issuer, run->in->now, run->why, ret_claims);

	if (r != 0)
		return r;
	if (strcmp(ret_claims->sub, run->claims.sub) != 0)
		return sp_reason_set(run->why, SP_ERR_DENIED, "refreshed token of another sub");
	if (ret_claims->iat < run->claims.iat)
		return sp_reason_set(run->why, SP_ERR_DENIED, "refreshed token older than the first");
	if (run->issuer->commitment == SP_ISSUER_AUD || run->issuer->commitment == SP_ISSUER_GQ_BOUND)
		return sp_reason_set(run->why, SP_ERR_DENIED, "a token of such an issuer is not refreshed");
	if (sp_pktoken_is_key_bound(sp_pktoken_refreshed_header(run->token)) !=
	    sp_pktoken_is_key_bound(sp_pktoken_op_header(run->token)))
		return sp_reason_set(run->why, SP_ERR_DENIED, "refreshed token of another typ");
	if (run->issuer->commitment == SP_ISSUER_KEY_BOUND && (r = sp_verify_cnf(run, later)) != 0)
		return r;
	if (nonce != NULL && !json_equal(nonce, json_object_get(first, "nonce")))
		return sp_reason_set(run->why, SP_ERR_DENIED, "refreshed token with another nonce");
	return sp_claims_check_user(later, run->issuer, run->in->user, run->why);
}

/* Sets the effective end by the issuer's expiry policy and refuses what is past it. */
static int
sp_verify_expiry(struct sp_verify_run *run, const struct sp_claims *refreshed)
{
	const struct sp_issuer *is = run->issuer;
	int64_t fixed = sp_issuer_expiry_seconds(is->expiry);
	json_int_t auth_time = 0;

	run->end = fixed > 0 ? run->claims.iat + fixed : run->claims.exp;
	if (is->expiry == SP_ISSUER_OIDC_REFRESHED && refreshed != NULL && refreshed->exp > run->end)
		run->end = refreshed->exp;
	if (is->max_age > 0 && sp_json_integer(sp_pktoken_claims(run->token), "auth_time", NULL, &auth_time) == 0 &&
	    auth_time + is->max_age < run->end)
		run->end = auth_time + is->max_age;
	if (run->in->now >= run->end + is->skew)
		return sp_reason_set(
		    run->why, SP_ERR_EXPIRED, "the token ended %lld s ago", (long long)(run->in->now - run->end));
	return 0;
}

/* All checks of the token. The cheap ones come first: this is reached before anyone is authenticated. */
static int
sp_verify_token(struct sp_verify_run *run)
{
	const struct sp_claims *refreshed = NULL;
	struct sp_claims later;
	int r = sp_pktoken_parse(sp_sshcert_token(run->cert), run->why, &run->token);

	if (r == 0)
		r = sp_verify_pick_issuer(run);
	if (r == 0)
		r = sp_claims_check(sp_pktoken_claims(run->token), run->issuer, run->in->now, run->why, &run->claims);
	if (r == 0)
		r = sp_claims_check_user(sp_pktoken_claims(run->token), run->issuer, run->in->user, run->why);
	if (r == 0)
		r = sp_verify_commitment(run);
	if (r == 0)
		r = sp_pktoken_check_cic(run->token, sp_sshcert_key(run->cert), run->why);
	if (r == 0 && sp_pktoken_has_refreshed(run->token)) {
		r = sp_verify_refreshed_claims(run, &later);
		refreshed = &later;
	}
	if (r == 0)
		r = sp_verify_expiry(run, refreshed);
	if (r == 0)
		r = sp_verify_op_signature(run, sp_pktoken_op(run->token), sp_pktoken_op_header(run->token));
	if (r == 0 && refreshed != NULL)
		r = sp_verify_op_signature(
		    run, sp_pktoken_refreshed(run->token), sp_pktoken_refreshed_header(run->token));
	if (r != 0)
		return r;
	/* A token that is used for longer speaks with its latest claims: groups may have been taken away. */
	run->facts = refreshed != NULL && run->issuer->expiry == SP_ISSUER_OIDC_REFRESHED
			 ? sp_pktoken_refreshed_claims(run->token)
			 : sp_pktoken_claims(run->token);
	return 0;
}

/* The line goes with the certificate's own end too. */
static int
sp_verify_line(struct sp_verify_run *run, struct sp_verified *v)
{
	struct sp_view key = sp_sshcert_key_blob(run->cert);
	struct sp_buf *b = sp_buf_new(SP_VERIFY_LINE_MAX);
	time_t until = (time_t)v->until;
	char when[32];
	struct tm tm;
	int r = SP_ERR_NOMEM;

	if (b == NULL)
		return r;
	if (gmtime_r(&until, &tm) == NULL || strftime(when, sizeof(when), "%Y%m%d%H%M%SZ", &tm) != 15) {
		r = SP_ERR_INVALID;
		goto out;
	}
	sp_buf_putf(b, "restrict,pty,cert-authority,principals=\"%s\",expiry-time=\"%s\" %s ", run->principal, when,
	    sp_sshcert_key_type(run->cert));
	sp_text_base64_encode(b, key.data, key.len);
	r = sp_buf_error(b);
	if (r != 0)
		goto out;
	v->line = strndup((const char *)sp_buf_data(b), sp_buf_len(b));
	r = v->line == NULL ? SP_ERR_NOMEM : 0;
out:
	sp_buf_free(b);
	return r;
}

/* Claims that are passed on as they are, when their type is right. */
static const struct {
	const char *name;
	json_type type;
} sp_verify_passed[] = {
    {"email", JSON_STRING},
    {"name", JSON_STRING},
    {"auth_time", JSON_INTEGER},
    {"acr", JSON_STRING},
    {"amr", JSON_ARRAY},
};

static int
sp_verify_identity(struct sp_verify_run *run, struct sp_verified *v)
{
	json_t *claims = json_deep_copy(run->facts), *groups = NULL, *id = NULL;
	struct sp_view key = sp_sshcert_key_blob(run->cert);
	char key_hex[2 * SP_VERIFY_SHA256 + 1], token_hex[2 * SP_VERIFY_SHA256 + 1];
	uint8_t digest[SP_VERIFY_SHA256];
	int r = sp_claims_groups(run->facts, run->issuer, run->why, &groups);

	if (r == 0)
		r = sp_verify_sha256(key.data, key.len, digest);
	if (r != 0 || claims == NULL)
		goto out;
	sp_text_hex(key_hex, digest, sizeof(digest));
	sp_text_hex(token_hex, v->token_sha256, sizeof(v->token_sha256));
	id = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:O, s:O}", "iss", run->issuer->issuer, "sub",
	    run->claims.sub, "user", run->in->user, "aud",
	    run->issuer->client_id != NULL ? run->issuer->client_id : "", "iat", (json_int_t)run->claims.iat, "exp",
	    (json_int_t)run->end, "key_sha256", key_hex, "token_sha256", token_hex, "groups", groups, "claims", claims);
	if (id == NULL)
		goto out;
	for (size_t i = 0; i < sizeof(sp_verify_passed) / sizeof(sp_verify_passed[0]); i++) {
		json_t *c = json_object_get(claims, sp_verify_passed[i].name);

		if (c != NULL && json_typeof(c) == sp_verify_passed[i].type &&
		    json_object_set(id, sp_verify_passed[i].name, c) != 0)
			goto out;
	}
	if (json_object_get(id, "email") != NULL &&
	    json_object_set_new(id, "email_verified", json_boolean(sp_claims_is_email_verified(claims))) != 0)
		goto out;
	v->identity = json_incref(id);
out:
	json_decref(claims);
	json_decref(groups);
	json_decref(id);
	return r != 0 ? r : v->identity == NULL ? SP_ERR_NOMEM : 0;
}

static int
sp_verify_result(
    struct sp_verify_run *run, const uint8_t token_sha256[SP_VERIFY_SHA256], struct sp_verified **ret_verified)
{
	struct sp_verified *v = calloc(1, sizeof(*v));
	uint64_t before = sp_sshcert_valid_before(run->cert);
	int r;

	if (v == NULL)
		return SP_ERR_NOMEM;
	v->issuer = run->issuer;
	v->until = run->end + run->issuer->skew;
	if (before < (uint64_t)v->until)
		v->until = (int64_t)before;
	memcpy(v->token_sha256, token_sha256, SP_VERIFY_SHA256);
	r = sp_verify_sha256(sp_buf_data(run->blob), sp_buf_len(run->blob), v->cert_sha256);
	if (r == 0)
		r = sp_verify_line(run, v);
	if (r == 0)
		r = sp_verify_identity(run, v);
	if (r != 0) {
		sp_verified_free(v);
		return r;
	}
	*ret_verified = v;
	return 0;
}

int
sp_verify(const struct sp_verify_env *env, const struct sp_verify_input *in, struct sp_reason *why,
    uint8_t ret_token_sha256[SP_VERIFY_SHA256], const struct sp_issuer **ret_issuer, struct sp_verified **ret_verified)
{
	struct sp_verify_run run = {.env = env, .in = in, .why = why};
	int r;

	memset(ret_token_sha256, 0, SP_VERIFY_SHA256);
	*ret_issuer = NULL;
	r = sp_verify_read_cert(&run);
	if (r == 0) {
		struct sp_view token = sp_sshcert_token(run.cert);

		r = sp_verify_sha256(token.data, token.len, ret_token_sha256);
	}
	if (r == 0)
		r = sp_verify_pick_principal(&run);
	if (r == 0)
		r = sp_verify_token(&run);
	if (run.token != NULL && r == SP_ERR_NOT_FOUND)
		r = SP_ERR_DENIED; /* a claim or a key that is missing: not "no token" */
	*ret_issuer = run.issuer;
	if (r == 0)
		r = sp_verify_result(&run, ret_token_sha256, ret_verified);
	sp_pktoken_free(run.token);
	sp_sshcert_free(run.cert);
	sp_buf_free(run.blob);
	return r;
}
