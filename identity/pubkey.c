/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/pubkey.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#define SP_PUBKEY_RAW_MAX (1 + 2 * 66) /* an uncompressed P-521 point */
#define SP_PUBKEY_PSS_SALT 32	       /* RFC 7518 section 3.5: as long as the digest */

struct sp_pubkey {
	enum sp_jwa_key kind;
	EVP_PKEY *pkey;
	uint8_t raw[SP_PUBKEY_RAW_MAX]; /* the point or the Ed25519 key, for comparing */
	size_t raw_len;
};

static const char *
sp_pubkey_group(enum sp_jwa_key kind)
{
	switch (kind) {
	case SP_JWA_KEY_P256:
		return "P-256";
	case SP_JWA_KEY_P384:
		return "P-384";
	case SP_JWA_KEY_P521:
		return "P-521";
	case SP_JWA_KEY_RSA:
	case SP_JWA_KEY_ED25519:
		break;
	}
	return NULL;
}

size_t
sp_pubkey_coordinate(enum sp_jwa_key kind)
{
	switch (kind) {
	case SP_JWA_KEY_P256:
		return 32;
	case SP_JWA_KEY_P384:
		return 48;
	case SP_JWA_KEY_P521:
		return 66;
	case SP_JWA_KEY_RSA:
	case SP_JWA_KEY_ED25519:
		break;
	}
	return 0;
}

void
sp_pubkey_free(struct sp_pubkey *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

enum sp_jwa_key
sp_pubkey_kind(const struct sp_pubkey *key)
{
	return key->kind;
}

bool
sp_pubkey_equal(const struct sp_pubkey *a, const struct sp_pubkey *b)
{
	return a->kind == b->kind && a->raw_len > 0 && a->raw_len == b->raw_len &&
	       memcmp(a->raw, b->raw, a->raw_len) == 0;
}

/* Wraps pkey, which it takes over also on failure. */
static int
sp_pubkey_wrap(enum sp_jwa_key kind, EVP_PKEY *pkey, struct sp_view raw, struct sp_pubkey **ret_key)
{
	struct sp_pubkey *key = calloc(1, sizeof(*key));

	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return SP_ERR_NOMEM;
	}
	key->kind = kind;
	key->pkey = pkey;
	key->raw_len = raw.len;
	if (raw.len > 0)
		memcpy(key->raw, raw.data, raw.len);
	*ret_key = key;
	return 0;
}

static int
sp_pubkey_import(const char *type, OSSL_PARAM_BLD *bld, EVP_PKEY **ret_pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	int r = SP_ERR_CRYPTO;

	if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, ret_pkey, EVP_PKEY_PUBLIC_KEY, params) == 1)
		r = 0;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return r;
}

static int
sp_pubkey_rsa_check(const BIGNUM *n, const BIGNUM *e, struct sp_reason *why)
{
	int bits = BN_num_bits(n);

	if (bits < SP_PUBKEY_RSA_BITS_MIN || bits > SP_PUBKEY_RSA_BITS_MAX)
		return sp_reason_set(why, SP_ERR_INVALID, "RSA key of %d bits, %d to %d are taken", bits,
		    SP_PUBKEY_RSA_BITS_MIN, SP_PUBKEY_RSA_BITS_MAX);
	if (!BN_is_odd(n))
		return sp_reason_set(why, SP_ERR_INVALID, "RSA modulus is even");
	if (BN_num_bits(e) > 32 || !BN_is_odd(e) || BN_get_word(e) < SP_PUBKEY_RSA_E_MIN)
		return sp_reason_set(why, SP_ERR_INVALID, "RSA exponent is even, below 65537 or above 32 bits");
	return 0;
}

int
sp_pubkey_rsa(struct sp_view n, struct sp_view e, struct sp_reason *why, struct sp_pubkey **ret_key)
{
	const struct sp_view none = {NULL, 0};
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn = NULL, *be = NULL;
	EVP_PKEY *pkey = NULL;
	int r;

	if (n.len > SP_PUBKEY_SIG_MAX + 1 || e.len > 8) {
		r = sp_reason_set(why, SP_ERR_INVALID, "RSA key is too long");
		goto out;
	}
	bn = BN_bin2bn(n.data, (int)n.len, NULL);
	be = BN_bin2bn(e.data, (int)e.len, NULL);
	if (bld == NULL || bn == NULL || be == NULL) {
		r = SP_ERR_NOMEM;
		goto out;
	}
	r = sp_pubkey_rsa_check(bn, be, why);
	if (r != 0)
		goto out;
	if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) != 1 ||
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) != 1 || sp_pubkey_import("RSA", bld, &pkey) != 0) {
		r = sp_reason_set(why, SP_ERR_CRYPTO, "RSA key is not taken by the crypto library");
		goto out;
	}
	r = sp_pubkey_wrap(SP_JWA_KEY_RSA, pkey, none, ret_key);
out:
	OSSL_PARAM_BLD_free(bld);
	BN_free(bn);
	BN_free(be);
	ERR_clear_error();
	return r;
}

int
sp_pubkey_rsa_numbers(const struct sp_pubkey *key, BIGNUM **ret_n, BIGNUM **ret_e)
{
	BIGNUM *n = NULL, *e = NULL;

	if (key->kind != SP_JWA_KEY_RSA)
		return SP_ERR_INVALID;
	if (EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
	    EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1) {
		BN_free(n);
		BN_free(e);
		return SP_ERR_NOMEM;
	}
	*ret_n = n;
	*ret_e = e;
	return 0;
}

/* The point is on the curve, not at infinity, of the right order (SEC 1 section 3.2.2.1). */
static bool
sp_pubkey_ec_is_valid(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool is_valid = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return is_valid;
}

int
sp_pubkey_ec(enum sp_jwa_key curve, struct sp_view point, struct sp_reason *why, struct sp_pubkey **ret_key)
{
	const char *group = sp_pubkey_group(curve);
	OSSL_PARAM_BLD *bld = NULL;
	EVP_PKEY *pkey = NULL;
	int r = SP_ERR_NOMEM;

	if (group == NULL || point.len != 1 + 2 * sp_pubkey_coordinate(curve) || point.data[0] != 4)
		return sp_reason_set(why, SP_ERR_INVALID, "EC point is not an uncompressed point of its curve");
	bld = OSSL_PARAM_BLD_new();
	if (bld == NULL)
		goto out;
	if (OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) != 1)
		goto out;
	if (sp_pubkey_import("EC", bld, &pkey) != 0 || !sp_pubkey_ec_is_valid(pkey)) {
		EVP_PKEY_free(pkey);
		r = sp_reason_set(why, SP_ERR_INVALID, "EC point is not on the curve %s", group);
		goto out;
	}
	r = sp_pubkey_wrap(curve, pkey, point, ret_key);
out:
	OSSL_PARAM_BLD_free(bld);
	ERR_clear_error();
	return r;
}

int
sp_pubkey_ed25519(struct sp_view raw, struct sp_reason *why, struct sp_pubkey **ret_key)
{
	EVP_PKEY *pkey;

	if (raw.len != SP_PUBKEY_ED25519)
		return sp_reason_set(why, SP_ERR_INVALID, "Ed25519 key of %zu bytes, it has 32", raw.len);
	pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, raw.data, raw.len);
	if (pkey == NULL) {
		ERR_clear_error();
		return sp_reason_set(why, SP_ERR_CRYPTO, "Ed25519 key is not taken by the crypto library");
	}
	return sp_pubkey_wrap(SP_JWA_KEY_ED25519, pkey, raw, ret_key);
}

/* r || s as the DER that OpenSSL wants; r and s are not zero. The caller frees *ret_der with OPENSSL_free. */
static int
sp_pubkey_ecdsa_der(struct sp_view sig, unsigned char **ret_der, size_t *ret_len, struct sp_reason *why)
{
	size_t half = sig.len / 2;
	BIGNUM *br = BN_bin2bn(sig.data, (int)half, NULL), *bs = BN_bin2bn(sig.data + half, (int)half, NULL);
	ECDSA_SIG *es = ECDSA_SIG_new();
	int n, r = SP_ERR_NOMEM;

	if (br == NULL || bs == NULL || es == NULL)
		goto out;
	if (BN_is_zero(br) || BN_is_zero(bs)) {
		r = sp_reason_set(why, SP_ERR_SIGNATURE, "ECDSA signature with a zero in it");
		goto out;
	}
	if (ECDSA_SIG_set0(es, br, bs) != 1)
		goto out;
	br = bs = NULL;
	n = i2d_ECDSA_SIG(es, ret_der);
	if (n <= 0)
		goto out;
	*ret_len = (size_t)n;
	r = 0;
out:
	BN_free(br);
	BN_free(bs);
	ECDSA_SIG_free(es);
	return r;
}

/* Digest (NULL for Ed25519) of an algorithm; false for what is not in the list. */
static bool
sp_pubkey_digest(enum sp_jwa alg, const char **ret_name)
{
	switch (alg) {
	case SP_JWA_RS256:
	case SP_JWA_PS256:
	case SP_JWA_ES256:
		*ret_name = "SHA256";
		return true;
	case SP_JWA_ES384:
		*ret_name = "SHA384";
		return true;
	case SP_JWA_ES512:
		*ret_name = "SHA512";
		return true;
	case SP_JWA_EDDSA:
		*ret_name = NULL;
		return true;
	case SP_JWA_COUNT:
		break;
	}
	return false;
}

static int
sp_pubkey_evp_verify(
    const struct sp_pubkey *key, enum sp_jwa alg, struct sp_view data, const uint8_t *sig, size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx = NULL;
	const char *digest;
	int r = SP_ERR_SIGNATURE;

	if (ctx == NULL)
		return SP_ERR_NOMEM;
	if (!sp_pubkey_digest(alg, &digest) ||
	    EVP_DigestVerifyInit_ex(ctx, &pctx, digest, NULL, NULL, key->pkey, NULL) != 1)
		goto out;
	if (key->kind == SP_JWA_KEY_RSA &&
	    EVP_PKEY_CTX_set_rsa_padding(pctx, alg == SP_JWA_PS256 ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
		goto out;
	if (alg == SP_JWA_PS256 && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, SP_PUBKEY_PSS_SALT) != 1)
		goto out;
	if (EVP_DigestVerify(ctx, sig, sig_len, data.data, data.len) == 1)
		r = 0;
out:
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return r;
}

int
sp_pubkey_verify(
    const struct sp_pubkey *key, enum sp_jwa alg, struct sp_view data, struct sp_view sig, struct sp_reason *why)
{
	size_t half = sp_pubkey_coordinate(key->kind), want, der_len = 0;
	unsigned char *der = NULL;
	int r;

	if ((unsigned)alg >= SP_JWA_COUNT || sp_jwa_key(alg) != key->kind)
		return sp_reason_set(why, SP_ERR_INVALID, "the key is not one for %s", sp_jwa_name(alg));
	want = key->kind == SP_JWA_KEY_RSA ? (size_t)EVP_PKEY_get_size(key->pkey) : half > 0 ? 2 * half : 64;
	if (sig.len != want)
		return sp_reason_set(
		    why, SP_ERR_SIGNATURE, "%s signature of %zu bytes, not %zu", sp_jwa_name(alg), sig.len, want);
	if (half > 0) {
		r = sp_pubkey_ecdsa_der(sig, &der, &der_len, why);
		if (r == 0)
			r = sp_pubkey_evp_verify(key, alg, data, der, der_len);
		else
			return r;
	} else {
		r = sp_pubkey_evp_verify(key, alg, data, sig.data, sig.len);
	}
	OPENSSL_free(der);
	if (r != 0)
		return sp_reason_set(why, r, "%s signature does not match", sp_jwa_name(alg));
	return 0;
}
