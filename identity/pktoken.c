/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/pktoken.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "identity/json.h"
#include "identity/jwk.h"
#include "lib/text.h"

#define SP_PKTOKEN_PARTS 7 /* payload and at most three signatures */

struct sp_pktoken {
	struct sp_jws op;
	struct sp_jws cic;
	struct sp_jws refreshed;
	struct sp_jws_header op_header;
	struct sp_jws_header cic_header;
	struct sp_jws_header refreshed_header;
	json_t *claims;
	json_t *refreshed_claims;
	bool has_op;
	bool has_cic;
	bool has_refreshed;
};

void
sp_pktoken_free(struct sp_pktoken *t)
{
	if (t == NULL)
		return;
	sp_jws_header_clear(&t->op_header);
	sp_jws_header_clear(&t->cic_header);
	sp_jws_header_clear(&t->refreshed_header);
	json_decref(t->claims);
	json_decref(t->refreshed_claims);
	free(t);
}

const struct sp_jws *
sp_pktoken_op(const struct sp_pktoken *t)
{
	return &t->op;
}

const struct sp_jws_header *
sp_pktoken_op_header(const struct sp_pktoken *t)
{
	return &t->op_header;
}

const json_t *
sp_pktoken_claims(const struct sp_pktoken *t)
{
	return t->claims;
}

bool
sp_pktoken_has_refreshed(const struct sp_pktoken *t)
{
	return t->has_refreshed;
}

const struct sp_jws *
sp_pktoken_refreshed(const struct sp_pktoken *t)
{
	return &t->refreshed;
}

const struct sp_jws_header *
sp_pktoken_refreshed_header(const struct sp_pktoken *t)
{
	return &t->refreshed_header;
}

const json_t *
sp_pktoken_refreshed_claims(const struct sp_pktoken *t)
{
	return t->refreshed_claims;
}

bool
sp_pktoken_is_key_bound(const struct sp_jws_header *h)
{
	return h->typ != NULL && strcasecmp(h->typ, "dpop+id_token") == 0;
}

/* typ of an ID token: absent or JWT (RFC 7519 section 5.1: compared without case), or key-bound. */
static bool
sp_pktoken_is_id(const struct sp_jws_header *h)
{
	return h->typ == NULL || strcasecmp(h->typ, "JWT") == 0 || sp_pktoken_is_key_bound(h);
}

static int
sp_pktoken_role(struct sp_pktoken *t, const struct sp_jws *jws, struct sp_reason *why)
{
	struct sp_jws_header h;
	bool is_op, is_cic;
	int r = sp_jws_header_read(jws->header, why, &h);

	if (r != 0)
		return r;
	is_op = sp_pktoken_is_id(&h);
	is_cic = h.typ != NULL && strcmp(h.typ, "CIC") == 0;
	if (is_op && !t->has_op) {
		t->op = *jws;
		t->op_header = h;
		t->has_op = true;
		return 0;
	}
	if (is_cic && !t->has_cic) {
		t->cic = *jws;
		t->cic_header = h;
		t->has_cic = true;
		return 0;
	}
	if (is_op || is_cic)
		r = sp_reason_set(why, SP_ERR_FORMAT, "PK token with two %s signatures", is_op ? "OP" : "CIC");
	else if (h.typ != NULL && strcmp(h.typ, "COS") == 0)
		r = sp_reason_set(why, SP_ERR_UNSUPPORTED, "PK token with a cosigner, and none is configured");
	else
		r = sp_reason_set(why, SP_ERR_UNSUPPORTED, "PK token with a signature of a typ that is not taken");
	sp_jws_header_clear(&h);
	return r;
}

static int
sp_pktoken_read_refreshed(struct sp_pktoken *t, struct sp_view compact, struct sp_reason *why)
{
	int r;

	if (compact.len > SP_PKTOKEN_ID_MAX)
		return sp_reason_set(why, SP_ERR_LIMIT, "refreshed ID token of more than %zu bytes", SP_PKTOKEN_ID_MAX);
	r = sp_jws_split(compact, why, &t->refreshed);
	if (r == 0)
		r = sp_jws_header_read(t->refreshed.header, why, &t->refreshed_header);
	if (r == 0 && !sp_pktoken_is_id(&t->refreshed_header))
		r = sp_reason_set(why, SP_ERR_UNSUPPORTED, "refreshed ID token of a typ that is not taken");
	if (r == 0)
		r = sp_jws_payload_read(t->refreshed.payload, why, &t->refreshed_claims);
	if (r == 0)
		t->has_refreshed = true;
	return r;
}

/* Cuts at every colon; no part may be empty. */
static int
sp_pktoken_split(struct sp_view v, struct sp_view part[SP_PKTOKEN_PARTS], size_t *ret_n, struct sp_reason *why)
{
	size_t n = 0, start = 0;

	for (size_t i = 0; i <= v.len; i++) {
		if (i < v.len && v.data[i] != ':')
			continue;
		if (n == SP_PKTOKEN_PARTS || i == start)
			return sp_reason_set(why, SP_ERR_FORMAT, "PK token with an empty part or too many");
		part[n].data = v.data + start;
		part[n++].len = i - start;
		start = i + 1;
	}
	if (n < 3 || n % 2 == 0)
		return sp_reason_set(why, SP_ERR_FORMAT, "PK token of %zu parts", n);
	*ret_n = n;
	return 0;
}

static int
sp_pktoken_read(struct sp_pktoken *t, struct sp_view token, struct sp_reason *why)
{
	const uint8_t *dot = memchr(token.data, '.', token.len);
	struct sp_view part[SP_PKTOKEN_PARTS] = {0}, left = token;
	size_t n = 0;
	int r;

	if (dot != NULL)
		left.len = (size_t)(dot - token.data);
	r = sp_pktoken_split(left, part, &n, why);
	for (size_t i = 1; r == 0 && i < n; i += 2) {
		const struct sp_jws jws = {part[i], part[0], part[i + 1]};

		if (part[0].len + part[i].len + part[i + 1].len > SP_PKTOKEN_ID_MAX)
			r = sp_reason_set(why, SP_ERR_LIMIT, "ID token of more than %zu bytes", SP_PKTOKEN_ID_MAX);
		else
			r = sp_pktoken_role(t, &jws, why);
	}
	if (r == 0 && (!t->has_op || !t->has_cic))
		r = sp_reason_set(why, SP_ERR_FORMAT, "PK token without its %s signature", t->has_op ? "CIC" : "OP");
	if (r == 0)
		r = sp_jws_payload_read(part[0], why, &t->claims);
	if (r == 0 && dot != NULL) {
		const struct sp_view right = {dot + 1, token.len - left.len - 1};

		r = sp_pktoken_read_refreshed(t, right, why);
	}
	return r;
}

int
sp_pktoken_parse(struct sp_view token, struct sp_reason *why, struct sp_pktoken **ret_token)
{
	struct sp_pktoken *t;
	int r;

	if (token.len > SP_PKTOKEN_MAX)
		return sp_reason_set(why, SP_ERR_LIMIT, "PK token of more than %zu bytes", SP_PKTOKEN_MAX);
	if (token.len == 0)
		return sp_reason_set(why, SP_ERR_FORMAT, "PK token is empty");
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return SP_ERR_NOMEM;
	r = sp_pktoken_read(t, token, why);
	if (r != 0) {
		sp_pktoken_free(t);
		return r;
	}
	*ret_token = t;
	return 0;
}

/* alg, upk and rz of the CIC header; upk is the key of the certificate. */
static int
sp_pktoken_cic_claims(
    const struct sp_pktoken *t, const struct sp_pubkey *user_key, enum sp_jwa *ret_alg, struct sp_reason *why)
{
	const json_t *upk = json_object_get(t->cic_header.object, "upk");
	struct sp_jwk *jwk = NULL;
	const char *upk_alg, *rz;
	int r = sp_jwa_by_name(t->cic_header.alg_name, ret_alg);

	if (r != 0 || (*ret_alg != SP_JWA_ES256 && *ret_alg != SP_JWA_EDDSA))
		return sp_reason_set(why, SP_ERR_UNSUPPORTED, "CIC with an alg that is not taken");
	r = sp_json_string(t->cic_header.object, "rz", why, &rz);
	if (r != 0)
		return r;
	if (rz == NULL || strlen(rz) < SP_PKTOKEN_RZ_MIN)
		return sp_reason_set(why, SP_ERR_FORMAT, "CIC without rz, or a short one");
	r = sp_jwk_parse(upk, why, &jwk);
	if (r != 0)
		return r;
	r = sp_json_string(upk, "alg", why, &upk_alg);
	if (r == 0 && (upk_alg == NULL || strcmp(upk_alg, t->cic_header.alg_name) != 0))
		r = sp_reason_set(why, SP_ERR_INVALID, "CIC whose alg is not that of its upk");
	if (r == 0 && !sp_pubkey_equal(sp_jwk_key(jwk), user_key))
		r = sp_reason_set(why, SP_ERR_INVALID, "upk is not the key of the certificate");
	sp_jwk_free(jwk);
	return r;
}

int
sp_pktoken_check_cic(const struct sp_pktoken *t, const struct sp_pubkey *user_key, struct sp_reason *why)
{
	enum sp_jwa alg;
	int r = sp_pktoken_cic_claims(t, user_key, &alg, why);

	return r != 0 ? r : sp_jws_verify(&t->cic, user_key, alg, why);
}

int
sp_pktoken_commitment(const struct sp_pktoken *t, char out[SP_PKTOKEN_COMMITMENT + 1])
{
	struct sp_buf *b = sp_buf_new(SP_PKTOKEN_COMMITMENT);
	uint8_t digest[32];
	size_t n = 0;
	int r;

	if (b == NULL)
		return SP_ERR_NOMEM;
	if (EVP_Q_digest(NULL, "SHA3-256", NULL, sp_buf_data(t->cic_header.bytes), sp_buf_len(t->cic_header.bytes),
		digest, &n) != 1 ||
	    n != sizeof(digest)) {
		sp_buf_free(b);
		return SP_ERR_CRYPTO;
	}
	r = sp_text_base64url_encode(b, digest, sizeof(digest));
	if (r == 0 && sp_buf_len(b) != SP_PKTOKEN_COMMITMENT)
		r = SP_ERR_INTERNAL;
	if (r == 0) {
		memcpy(out, sp_buf_data(b), SP_PKTOKEN_COMMITMENT);
		out[SP_PKTOKEN_COMMITMENT] = '\0';
	}
	sp_buf_free(b);
	return r;
}
