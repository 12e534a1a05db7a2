/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/jwk.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "identity/json.h"
#include "lib/text.h"

struct sp_jwk {
	struct sp_pubkey *key;
	char *kid;
	bool has_alg;
	enum sp_jwa alg;
};

struct sp_jwk_set {
	struct sp_jwk *keys[SP_JWK_SET_KEYS];
	size_t count;
	size_t refused;
};

/* Members that only a private or a symmetric key has. */
static const char *const sp_jwk_private[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

void
sp_jwk_free(struct sp_jwk *jwk)
{
	if (jwk == NULL)
		return;
	sp_pubkey_free(jwk->key);
	free(jwk->kid);
	free(jwk);
}

const struct sp_pubkey *
sp_jwk_key(const struct sp_jwk *jwk)
{
	return jwk->key;
}

const char *
sp_jwk_kid(const struct sp_jwk *jwk)
{
	return jwk->kid;
}

/* Appends the bytes of a base64url member; want is their exact number, 0 for any. */
static int
sp_jwk_bytes(const json_t *object, const char *name, size_t want, struct sp_buf *out, struct sp_reason *why)
{
	size_t before = sp_buf_len(out);
	const char *s;
	int r = sp_json_string(object, name, why, &s);

	if (r != 0)
		return r;
	if (s == NULL || *s == '\0')
		return sp_reason_set(why, SP_ERR_FORMAT, "key without %s", name);
	r = sp_text_base64url_decode(out, s, strlen(s));
	if (r != 0)
		return sp_reason_set(why, r, "%s of a key is not base64url", name);
	if (want != 0 && sp_buf_len(out) - before != want)
		return sp_reason_set(
		    why, SP_ERR_FORMAT, "%s of a key has %zu bytes, not %zu", name, sp_buf_len(out) - before, want);
	return 0;
}

static int
sp_jwk_rsa(const json_t *object, struct sp_buf *b, struct sp_reason *why, struct sp_pubkey **ret_key)
{
	struct sp_view n, e;
	int r = sp_jwk_bytes(object, "n", 0, b, why);

	if (r != 0)
		return r;
	n.len = sp_buf_len(b);
	r = sp_jwk_bytes(object, "e", 0, b, why);
	if (r != 0)
		return r;
	n.data = sp_buf_data(b);
	e.data = n.data + n.len;
	e.len = sp_buf_len(b) - n.len;
	/* RFC 7518 section 6.3.1: as few bytes as possible. */
	if (n.data[0] == 0 || e.data[0] == 0)
		return sp_reason_set(why, SP_ERR_FORMAT, "RSA key with leading zero bytes");
	return sp_pubkey_rsa(n, e, why, ret_key);
}

static int
sp_jwk_ec(const json_t *object, const char *crv, struct sp_buf *b, struct sp_reason *why, struct sp_pubkey **ret_key)
{
	enum sp_jwa_key curve;
	struct sp_view point;
	size_t size;
	int r;

	if (strcmp(crv, "P-256") == 0)
		curve = SP_JWA_KEY_P256;
	else if (strcmp(crv, "P-384") == 0)
		curve = SP_JWA_KEY_P384;
	else if (strcmp(crv, "P-521") == 0)
		curve = SP_JWA_KEY_P521;
	else
		return sp_reason_set(why, SP_ERR_UNSUPPORTED, "EC key on a curve that is not taken");
	size = sp_pubkey_coordinate(curve);
	r = sp_buf_put_u8(b, 4);
	if (r == 0)
		r = sp_jwk_bytes(object, "x", size, b, why);
	if (r == 0)
		r = sp_jwk_bytes(object, "y", size, b, why);
	if (r != 0)
		return r;
	point.data = sp_buf_data(b);
	point.len = sp_buf_len(b);
	return sp_pubkey_ec(curve, point, why, ret_key);
}

static int
sp_jwk_okp(const json_t *object, const char *crv, struct sp_buf *b, struct sp_reason *why, struct sp_pubkey **ret_key)
{
	struct sp_view raw;
	int r;

	if (strcmp(crv, "Ed25519") != 0)
		return sp_reason_set(why, SP_ERR_UNSUPPORTED, "OKP key on a curve that is not taken");
	r = sp_jwk_bytes(object, "x", SP_PUBKEY_ED25519, b, why);
	if (r != 0)
		return r;
	raw.data = sp_buf_data(b);
	raw.len = sp_buf_len(b);
	return sp_pubkey_ed25519(raw, why, ret_key);
}

static int
sp_jwk_material(const json_t *object, struct sp_reason *why, struct sp_pubkey **ret_key)
{
	struct sp_buf *b = sp_buf_new(2 * SP_PUBKEY_SIG_MAX + 64);
	const char *kty, *crv;
	int r = SP_ERR_NOMEM;

	if (b == NULL)
		goto out;
	r = sp_json_string(object, "kty", why, &kty);
	if (r == 0)
		r = sp_json_string(object, "crv", why, &crv);
	if (r != 0)
		goto out;
	if (kty == NULL)
		r = sp_reason_set(why, SP_ERR_FORMAT, "key without kty");
	else if (strcmp(kty, "RSA") == 0)
		r = sp_jwk_rsa(object, b, why, ret_key);
	else if (strcmp(kty, "EC") == 0 && crv != NULL)
		r = sp_jwk_ec(object, crv, b, why, ret_key);
	else if (strcmp(kty, "OKP") == 0 && crv != NULL)
		r = sp_jwk_okp(object, crv, b, why, ret_key);
	else
		r = sp_reason_set(why, SP_ERR_UNSUPPORTED, "key of a kty that is not taken, or without crv");
out:
	sp_buf_free(b);
	return r;
}

/* use and key_ops: for signatures, to verify. */
static int
sp_jwk_purpose(const json_t *object, struct sp_reason *why)
{
	const json_t *ops = json_object_get(object, "key_ops"), *op;
	const char *use;
	size_t i;
	int r = sp_json_string(object, "use", why, &use);

	if (r != 0)
		return r;
	if (use != NULL && strcmp(use, "sig") != 0)
		return sp_reason_set(why, SP_ERR_INVALID, "key with a use that is not sig");
	if (ops == NULL)
		return 0;
	if (!json_is_array(ops))
		return sp_reason_set(why, SP_ERR_FORMAT, "key_ops is no array");
	json_array_foreach(ops, i, op)
	{
		if (json_is_string(op) && strcmp(json_string_value(op), "verify") == 0)
			return 0;
	}
	return sp_reason_set(why, SP_ERR_INVALID, "key_ops has no verify");
}

static int
sp_jwk_attributes(const json_t *object, struct sp_jwk *jwk, struct sp_reason *why)
{
	const char *alg, *kid;
	int r = sp_json_string(object, "alg", why, &alg);

	if (r == 0)
		r = sp_json_string(object, "kid", why, &kid);
	if (r != 0)
		return r;
	if (alg != NULL) {
		if (sp_jwa_by_name(alg, &jwk->alg) != 0)
			return sp_reason_set(why, SP_ERR_UNSUPPORTED, "key with an alg that is not taken");
		if (sp_jwa_key(jwk->alg) != sp_pubkey_kind(jwk->key))
			return sp_reason_set(why, SP_ERR_INVALID, "key with an alg that does not fit it");
		jwk->has_alg = true;
	}
	if (kid != NULL) {
		if (strlen(kid) > SP_JWK_KID_MAX)
			return sp_reason_set(why, SP_ERR_LIMIT, "kid of a key is longer than %d bytes", SP_JWK_KID_MAX);
		jwk->kid = strdup(kid);
		if (jwk->kid == NULL)
			return SP_ERR_NOMEM;
	}
	return 0;
}

int
sp_jwk_parse(const json_t *object, struct sp_reason *why, struct sp_jwk **ret_jwk)
{
	struct sp_jwk *jwk = NULL;
	int r;

	if (!json_is_object(object))
		return sp_reason_set(why, SP_ERR_FORMAT, "a key is no object");
	for (size_t i = 0; i < sizeof(sp_jwk_private) / sizeof(sp_jwk_private[0]); i++) {
		if (json_object_get(object, sp_jwk_private[i]) != NULL)
			return sp_reason_set(why, SP_ERR_INVALID, "key with the private member %s", sp_jwk_private[i]);
	}
	r = sp_jwk_purpose(object, why);
	if (r != 0)
		return r;
	jwk = calloc(1, sizeof(*jwk));
	if (jwk == NULL)
		return SP_ERR_NOMEM;
	r = sp_jwk_material(object, why, &jwk->key);
	if (r == 0)
		r = sp_jwk_attributes(object, jwk, why);
	if (r != 0) {
		sp_jwk_free(jwk);
		return r;
	}
	*ret_jwk = jwk;
	return 0;
}

void
sp_jwk_set_free(struct sp_jwk_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++)
		sp_jwk_free(set->keys[i]);
	free(set);
}

size_t
sp_jwk_set_count(const struct sp_jwk_set *set)
{
	return set->count;
}

size_t
sp_jwk_set_refused(const struct sp_jwk_set *set)
{
	return set->refused;
}

const struct sp_jwk *
sp_jwk_set_at(const struct sp_jwk_set *set, size_t i)
{
	return i < set->count ? set->keys[i] : NULL;
}

static int
sp_jwk_set_fill(struct sp_jwk_set *set, const json_t *keys, struct sp_reason *why)
{
	const json_t *k;
	size_t i;

	if (!json_is_array(keys))
		return sp_reason_set(why, SP_ERR_FORMAT, "key set without a keys array");
	if (json_array_size(keys) > SP_JWK_SET_KEYS)
		return sp_reason_set(why, SP_ERR_LIMIT, "key set of more than %d keys", SP_JWK_SET_KEYS);
	json_array_foreach(keys, i, k)
	{
		int r = sp_jwk_parse(k, why, &set->keys[set->count]);

		if (r == SP_ERR_NOMEM)
			return r;
		if (r == 0)
			set->count++;
		else
			set->refused++;
	}
	if (set->count == 0)
		return set->refused > 0 ? SP_ERR_NOT_FOUND : sp_reason_set(why, SP_ERR_NOT_FOUND, "key set is empty");
	return 0;
}

int
sp_jwk_set_parse(const void *p, size_t n, struct sp_reason *why, struct sp_jwk_set **ret_set)
{
	struct sp_jwk_set *set = NULL;
	json_t *doc = NULL;
	int r = sp_json_object(p, n, SP_JWK_SET_BYTES, why, &doc);

	if (r != 0)
		return r;
	set = calloc(1, sizeof(*set));
	r = set == NULL ? SP_ERR_NOMEM : sp_jwk_set_fill(set, json_object_get(doc, "keys"), why);
	json_decref(doc);
	if (r != 0) {
		sp_jwk_set_free(set);
		return r;
	}
	*ret_set = set;
	return 0;
}

int
sp_jwk_set_find(const struct sp_jwk_set *set, const char *kid, enum sp_jwa alg, struct sp_reason *why,
    const struct sp_pubkey **ret_key)
{
	const struct sp_jwk *found = NULL;
	bool is_known = false;

	for (size_t i = 0; i < set->count; i++) {
		const struct sp_jwk *k = set->keys[i];

		if (kid != NULL && (k->kid == NULL || strcmp(k->kid, kid) != 0))
			continue;
		is_known = true;
		if (sp_pubkey_kind(k->key) != sp_jwa_key(alg) || (k->has_alg && k->alg != alg))
			continue;
		if (found != NULL)
			return sp_reason_set(why, SP_ERR_CONFLICT, "more than one key of the issuer fits");
		found = k;
	}
	if (found == NULL && is_known)
		return sp_reason_set(why, SP_ERR_INVALID, "the issuer's key is not one for %s", sp_jwa_name(alg));
	if (found == NULL)
		return sp_reason_set(why, SP_ERR_NOT_FOUND, "the issuer has no key of that kid");
	*ret_key = found->key;
	return 0;
}
