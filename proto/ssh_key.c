/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ssh_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "proto/ssh_key_internal.h"

#define KEY_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define KEY_END "-----END OPENSSH PRIVATE KEY-----"
#define KEY_MAGIC "openssh-key-v1" /* with its NUL */
#define KEY_BLOCK 8		   /* padding without a cipher */
#define KEY_NAME_MAX 64
#define KEY_COMMENT_MAX 1024
#define KEY_ED25519 32
#define KEY_MPINT_MAX (SP_SSH_KEY_RSA_BITS_MAX / 8)

static const struct sp_ssh_key_kind key_kinds[] = {
	{ "ssh-ed25519", SP_SSH_KEY_ED25519, NULL, NULL, 0, NULL },
	{ "ecdsa-sha2-nistp256", SP_SSH_KEY_ECDSA, "nistp256", "P-256", 65, "SHA256" },
	{ "ecdsa-sha2-nistp384", SP_SSH_KEY_ECDSA, "nistp384", "P-384", 97, "SHA384" },
	{ "ecdsa-sha2-nistp521", SP_SSH_KEY_ECDSA, "nistp521", "P-521", 133, "SHA512" },
	{ "ssh-rsa", SP_SSH_KEY_RSA, NULL, NULL, 0, NULL },
};

/* What a key is made of; views into bytes of the caller. */
struct key_parts {
	const struct sp_ssh_key_kind *kind;
	struct sp_view pub;  /* Ed25519: 32 bytes; ECDSA: the point */
	struct sp_view priv; /* Ed25519: the seed; ECDSA: the scalar; empty: public only */
	struct sp_view n, e, d, iqmp, p, q;
};

static bool
view_is(const struct sp_view *v, const char *s)
{
	return v->len == strlen(s) && memcmp(v->data, s, v->len) == 0;
}

static const struct sp_ssh_key_kind *
key_kind(const struct sp_view *type)
{
	size_t i;

	for (i = 0; i < sizeof(key_kinds) / sizeof(key_kinds[0]); i++)
		if (view_is(type, key_kinds[i].type))
			return &key_kinds[i];
	return NULL;
}

int
sp_ssh_key_get_mpint(struct sp_buf *b, size_t max, struct sp_view *ret_v)
{
	struct sp_view v;
	int r = sp_buf_get_view(b, max + 1, &v);

	if (r != 0)
		return r;
	if (v.len > 0 && (v.data[0] & 0x80) != 0)
		return SP_ERR_FORMAT; /* negative */
	if (v.len > 0 && v.data[0] == 0) {
		v.data++;
		v.len--;
		if (v.len == 0 || (v.data[0] & 0x80) == 0)
			return SP_ERR_FORMAT; /* a zero too many */
	}
	if (v.len > max)
		return SP_ERR_LIMIT;
	*ret_v = v;
	return 0;
}

void
sp_ssh_key_put_mpint(struct sp_buf *b, const uint8_t *p, size_t n)
{
	while (n > 0 && p[0] == 0) {
		p++;
		n--;
	}
	sp_buf_put_u32(b, (uint32_t)(n + (n > 0 && (p[0] & 0x80) != 0)));
	if (n > 0 && (p[0] & 0x80) != 0)
		sp_buf_put_u8(b, 0);
	sp_buf_put(b, p, n);
}

/* --- into the crypto library ------------------------------------------------------------------------- */

static int
key_import(const char *type, OSSL_PARAM_BLD *bld, bool is_private, EVP_PKEY **ret_pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	int r = SP_ERR_CRYPTO;

	if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		r = EVP_PKEY_fromdata(ctx, ret_pkey, is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, params) == 1
		    ? 0
		    : SP_ERR_INVALID;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return r;
}

/* The point lies on the curve; the private half is the public one's. */
static int
key_check(EVP_PKEY *pkey, bool is_private)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	int r = SP_ERR_INVALID;

	if (ctx != NULL && EVP_PKEY_public_check(ctx) == 1 && (!is_private || EVP_PKEY_pairwise_check(ctx) == 1))
		r = 0;
	EVP_PKEY_CTX_free(ctx);
	return r;
}

static int
key_make_ed25519(const struct key_parts *k, EVP_PKEY **ret_pkey)
{
	uint8_t pub[KEY_ED25519];
	size_t n = sizeof(pub);

	if (k->priv.len == 0)
		*ret_pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, k->pub.data, k->pub.len);
	else
		*ret_pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, k->priv.data, k->priv.len);
	if (*ret_pkey == NULL)
		return SP_ERR_CRYPTO;
	if (EVP_PKEY_get_raw_public_key(*ret_pkey, pub, &n) != 1 || n != k->pub.len || memcmp(pub, k->pub.data, n) != 0)
		return SP_ERR_INVALID;
	return 0;
}

static int
key_make_ecdsa(const struct key_parts *k, EVP_PKEY **ret_pkey)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *d = NULL;
	int r = SP_ERR_NOMEM;

	if (bld == NULL || OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, k->kind->group, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, k->pub.data, k->pub.len) != 1)
		goto out;
	if (k->priv.len > 0) {
		d = BN_bin2bn(k->priv.data, (int)k->priv.len, BN_secure_new());
		if (d == NULL || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) != 1)
			goto out;
	}
	r = key_import("EC", bld, k->priv.len > 0, ret_pkey);
	if (r == 0)
		r = key_check(*ret_pkey, k->priv.len > 0);
out:
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(d);
	return r;
}

static bool
key_push(OSSL_PARAM_BLD *bld, const char *name, struct sp_view v, BIGNUM **ret_bn)
{
	*ret_bn = BN_bin2bn(v.data, (int)v.len, NULL);
	return *ret_bn != NULL && OSSL_PARAM_BLD_push_BN(bld, name, *ret_bn) == 1;
}

/* x = d mod (prime - 1) */
static bool
key_push_exponent(OSSL_PARAM_BLD *bld, const char *name, const BIGNUM *d, const BIGNUM *prime, BIGNUM **ret_bn)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *less = BN_dup(prime);
	bool is_good;

	*ret_bn = BN_new();
	is_good = ctx != NULL && less != NULL && *ret_bn != NULL && BN_cmp(prime, BN_value_one()) > 0 &&
	    BN_sub_word(less, 1) == 1 && BN_mod(*ret_bn, d, less, ctx) == 1 && OSSL_PARAM_BLD_push_BN(bld, name, *ret_bn) == 1;
	BN_clear_free(less);
	BN_CTX_free(ctx);
	return is_good;
}

static bool
key_push_rsa_private(OSSL_PARAM_BLD *bld, const struct key_parts *k, BIGNUM *bn[6])
{
	return key_push(bld, OSSL_PKEY_PARAM_RSA_D, k->d, &bn[0]) &&
	    key_push(bld, OSSL_PKEY_PARAM_RSA_FACTOR1, k->p, &bn[1]) &&
	    key_push(bld, OSSL_PKEY_PARAM_RSA_FACTOR2, k->q, &bn[2]) &&
	    key_push(bld, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, k->iqmp, &bn[3]) &&
	    key_push_exponent(bld, OSSL_PKEY_PARAM_RSA_EXPONENT1, bn[0], bn[1], &bn[4]) &&
	    key_push_exponent(bld, OSSL_PKEY_PARAM_RSA_EXPONENT2, bn[0], bn[2], &bn[5]);
}

/* n = p q, the exponents fit, the coefficient too: a wrong CRT value would give the key away in a signature. */
static bool
key_is_rsa_consistent(BIGNUM *const bn[6], const BIGNUM *n, const BIGNUM *e)
{
	const BIGNUM *d = bn[0], *p = bn[1], *q = bn[2], *iqmp = bn[3];
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *x = BN_new(), *less = BN_new();
	bool is_good = ctx != NULL && x != NULL && less != NULL;

	is_good = is_good && BN_mul(x, p, q, ctx) == 1 && BN_cmp(x, n) == 0 && BN_cmp(iqmp, p) < 0;
	is_good = is_good && BN_mod_mul(x, iqmp, q, p, ctx) == 1 && BN_is_one(x);
	is_good = is_good && BN_sub(less, p, BN_value_one()) == 1 && BN_mod_mul(x, d, e, less, ctx) == 1 && BN_is_one(x);
	is_good = is_good && BN_sub(less, q, BN_value_one()) == 1 && BN_mod_mul(x, d, e, less, ctx) == 1 && BN_is_one(x);
	BN_clear_free(x);
	BN_clear_free(less);
	BN_CTX_free(ctx);
	return is_good;
}

static bool
key_is_rsa_sound(const BIGNUM *n, const BIGNUM *e)
{
	int bits = BN_num_bits(n);

	return bits >= SP_SSH_KEY_RSA_BITS_MIN && bits <= SP_SSH_KEY_RSA_BITS_MAX && BN_is_odd(n) && BN_num_bits(e) <= 32 &&
	    BN_is_odd(e) && BN_get_word(e) > 2;
}

static int
key_make_rsa(const struct key_parts *k, EVP_PKEY **ret_pkey)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = NULL, *bn[6] = { NULL };
	bool is_private = k->d.len > 0;
	int i, r = SP_ERR_NOMEM;

	if (bld == NULL || !key_push(bld, OSSL_PKEY_PARAM_RSA_N, k->n, &n) || !key_push(bld, OSSL_PKEY_PARAM_RSA_E, k->e, &e))
		goto out;
	r = SP_ERR_INVALID;
	if (!key_is_rsa_sound(n, e))
		goto out;
	if (is_private && (!key_push_rsa_private(bld, k, bn) || !key_is_rsa_consistent(bn, n, e)))
		goto out;
	r = key_import("RSA", bld, is_private, ret_pkey);
out:
	OSSL_PARAM_BLD_free(bld);
	for (i = 0; i < 6; i++)
		BN_clear_free(bn[i]);
	BN_free(n);
	BN_free(e);
	return r;
}

static int
key_blob(const struct key_parts *k, struct sp_ssh_key *key)
{
	struct sp_buf *b = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	int r = SP_ERR_NOMEM;

	if (b == NULL)
		return r;
	sp_buf_put_cstring(b, k->kind->type);
	if (k->kind->family == SP_SSH_KEY_RSA) {
		sp_ssh_key_put_mpint(b, k->e.data, k->e.len);
		sp_ssh_key_put_mpint(b, k->n.data, k->n.len);
	} else {
		if (k->kind->family == SP_SSH_KEY_ECDSA)
			sp_buf_put_cstring(b, k->kind->curve);
		sp_buf_put_string(b, k->pub.data, k->pub.len);
	}
	r = sp_buf_error(b);
	key->blob = r == 0 ? malloc(sp_buf_len(b)) : NULL;
	if (key->blob != NULL) {
		memcpy(key->blob, sp_buf_data(b), sp_buf_len(b));
		key->blob_len = sp_buf_len(b);
	} else if (r == 0) {
		r = SP_ERR_NOMEM;
	}
	sp_buf_free(b);
	return r;
}

static int
key_make(const struct key_parts *k, struct sp_ssh_key **ret_key)
{
	struct sp_ssh_key *key = calloc(1, sizeof(*key));
	int r = SP_ERR_NOMEM;

	if (key == NULL)
		return r;
	key->kind = k->kind;
	key->is_private = k->priv.len > 0 || k->d.len > 0;
	switch (k->kind->family) {
	case SP_SSH_KEY_ED25519:
		r = key_make_ed25519(k, &key->pkey);
		break;
	case SP_SSH_KEY_ECDSA:
		r = key_make_ecdsa(k, &key->pkey);
		break;
	case SP_SSH_KEY_RSA:
		r = key_make_rsa(k, &key->pkey);
		break;
	}
	if (r == 0)
		r = key_blob(k, key);
	ERR_clear_error();
	if (r != 0)
		sp_ssh_key_free(key);
	else
		*ret_key = key;
	return r;
}

/* --- public keys ---------------------------------------------------------------------------------------- */

static int
key_get_kind(struct sp_buf *b, const struct sp_ssh_key_kind **ret_kind)
{
	struct sp_view type;
	int r = sp_buf_get_view(b, KEY_NAME_MAX, &type);

	if (r != 0)
		return r;
	*ret_kind = key_kind(&type);
	return *ret_kind == NULL ? SP_ERR_UNSUPPORTED : 0;
}

static int
key_get_point(struct sp_buf *b, struct key_parts *k)
{
	struct sp_view curve;
	int r;

	if (k->kind->family == SP_SSH_KEY_ECDSA) {
		r = sp_buf_get_view(b, KEY_NAME_MAX, &curve);
		if (r != 0)
			return r;
		if (!view_is(&curve, k->kind->curve))
			return SP_ERR_FORMAT;
	}
	r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &k->pub);
	if (r != 0)
		return r;
	if (k->kind->family == SP_SSH_KEY_ED25519)
		return k->pub.len == KEY_ED25519 ? 0 : SP_ERR_FORMAT;
	return k->pub.len == k->kind->point && k->pub.data[0] == 4 ? 0 : SP_ERR_FORMAT;
}

int
sp_ssh_key_public(struct sp_view blob, struct sp_ssh_key **ret_key)
{
	struct sp_buf *b = blob.len > SP_SSH_KEY_BLOB_MAX ? NULL : sp_buf_from(blob.data, blob.len);
	struct key_parts k = { 0 };
	int r;

	if (b == NULL)
		return blob.len > SP_SSH_KEY_BLOB_MAX ? SP_ERR_LIMIT : SP_ERR_NOMEM;
	r = key_get_kind(b, &k.kind);
	if (r == 0 && k.kind->family == SP_SSH_KEY_RSA) {
		r = sp_ssh_key_get_mpint(b, KEY_MPINT_MAX, &k.e);
		if (r == 0)
			r = sp_ssh_key_get_mpint(b, KEY_MPINT_MAX, &k.n);
	} else if (r == 0) {
		r = key_get_point(b, &k);
	}
	if (r == SP_ERR_INCOMPLETE || (r == 0 && sp_buf_len(b) != 0))
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = key_make(&k, ret_key);
	sp_buf_free(b);
	return r;
}

/* --- OpenSSH's private keys (PROTOCOL.key) ---------------------------------------------------------------- */

static int
private_get_ed25519(struct sp_buf *b, struct key_parts *k)
{
	struct sp_view sk;
	int r = key_get_point(b, k);

	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &sk);
	if (r != 0)
		return r;
	if (sk.len != 2 * KEY_ED25519)
		return SP_ERR_FORMAT;
	if (memcmp(sk.data + KEY_ED25519, k->pub.data, KEY_ED25519) != 0)
		return SP_ERR_INVALID;
	k->priv.data = sk.data;
	k->priv.len = KEY_ED25519;
	return 0;
}

static int
private_get_rsa(struct sp_buf *b, struct key_parts *k)
{
	struct sp_view *const fields[] = { &k->n, &k->e, &k->d, &k->iqmp, &k->p, &k->q };
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < sizeof(fields) / sizeof(fields[0]); i++) {
		r = sp_ssh_key_get_mpint(b, KEY_MPINT_MAX, fields[i]);
		if (r == 0 && fields[i]->len == 0)
			r = SP_ERR_INVALID;
	}
	return r;
}

/* The comment, then 1, 2, 3 … up to a whole block, and nothing more. */
static int
private_get_end(struct sp_buf *b, size_t whole)
{
	struct sp_view comment;
	uint8_t pad, want = 1;
	int r = sp_buf_get_view(b, KEY_COMMENT_MAX, &comment);

	if (r == 0 && (whole % KEY_BLOCK != 0 || sp_buf_len(b) >= KEY_BLOCK))
		r = SP_ERR_FORMAT;
	while (r == 0 && sp_buf_len(b) > 0) {
		r = sp_buf_get_u8(b, &pad);
		if (r == 0 && pad != want++)
			r = SP_ERR_FORMAT;
	}
	return r;
}

static int
private_section(struct sp_view section, struct key_parts *k)
{
	struct sp_buf *b = sp_buf_from(section.data, section.len);
	uint32_t one = 0, two = 1;
	int r = SP_ERR_NOMEM;

	if (b == NULL)
		return r;
	r = sp_buf_get_u32(b, &one);
	if (r == 0)
		r = sp_buf_get_u32(b, &two);
	if (r == 0 && one != two)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = key_get_kind(b, &k->kind);
	if (r == 0 && k->kind->family == SP_SSH_KEY_RSA)
		r = private_get_rsa(b, k);
	else if (r == 0 && k->kind->family == SP_SSH_KEY_ED25519)
		r = private_get_ed25519(b, k);
	else if (r == 0) {
		r = key_get_point(b, k);
		if (r == 0)
			r = sp_ssh_key_get_mpint(b, KEY_MPINT_MAX, &k->priv);
		if (r == 0 && k->priv.len == 0)
			r = SP_ERR_INVALID;
	}
	if (r == 0)
		r = private_get_end(b, section.len);
	sp_buf_free(b);
	return r == SP_ERR_INCOMPLETE ? SP_ERR_FORMAT : r;
}

/* Cipher and key derivation must be "none": a passphrase would have to lie beside the key. */
static int
private_get_cipher(struct sp_buf *b)
{
	struct sp_view cipher = { NULL, 0 }, kdf = { NULL, 0 }, options = { NULL, 0 };
	int r = sp_buf_get_view(b, KEY_NAME_MAX, &cipher);

	if (r == 0)
		r = sp_buf_get_view(b, KEY_NAME_MAX, &kdf);
	if (r == 0)
		r = sp_buf_get_view(b, KEY_NAME_MAX, &options);
	if (r == 0 && (!view_is(&cipher, "none") || !view_is(&kdf, "none") || options.len != 0))
		r = SP_ERR_UNSUPPORTED;
	return r;
}

static int
private_parse(struct sp_buf *b, struct sp_ssh_key **ret_key)
{
	struct sp_view public, section;
	struct key_parts k = { 0 };
	char magic[sizeof(KEY_MAGIC)];
	struct sp_ssh_key *key;
	uint32_t n;
	int r = sp_buf_get(b, magic, sizeof(magic));

	if (r == 0 && memcmp(magic, KEY_MAGIC, sizeof(magic)) != 0)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = private_get_cipher(b);
	if (r == 0)
		r = sp_buf_get_u32(b, &n);
	if (r == 0 && n != 1)
		r = SP_ERR_UNSUPPORTED;
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &public);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_KEY_TEXT_MAX, &section);
	if (r == 0 && sp_buf_len(b) != 0)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = private_section(section, &k);
	if (r == 0)
		r = key_make(&k, &key);
	if (r != 0)
		return r == SP_ERR_INCOMPLETE ? SP_ERR_FORMAT : r;
	if (key->blob_len != public.len || memcmp(key->blob, public.data, public.len) != 0) {
		sp_ssh_key_free(key);
		return SP_ERR_INVALID;
	}
	*ret_key = key;
	return 0;
}

/* The base64 between the two lines. */
static int
private_unarmor(const char *p, size_t n, struct sp_buf *out)
{
	struct sp_buf *text = sp_buf_new(SP_SSH_KEY_TEXT_MAX);
	const char *end = memmem(p, n, "\n" KEY_END, strlen("\n" KEY_END));
	const char *rest;
	int r = SP_ERR_FORMAT;

	if (text == NULL)
		return SP_ERR_NOMEM;
	if (end == NULL)
		goto out;
	for (rest = end + strlen("\n" KEY_END); rest < p + n; rest++)
		if (*rest != '\n' && *rest != '\r')
			goto out;
	for (; p < end; p++)
		if (*p != '\n' && *p != '\r')
			sp_buf_put_u8(text, (uint8_t)*p);
	r = sp_buf_error(text);
	if (r == 0)
		r = sp_text_base64_decode(out, (const char *)sp_buf_data(text), sp_buf_len(text));
out:
	sp_buf_free(text);
	return r;
}

/* --- PEM ---------------------------------------------------------------------------------------------------- */

/* There is no passphrase to give. */
static int
pem_on_passphrase(char *buf, int size, int is_write, void *ctx)
{
	(void)buf;
	(void)size;
	(void)is_write;
	(void)ctx;
	return -1;
}

static int
pem_parts_rsa(EVP_PKEY *pkey, uint8_t *n, uint8_t *e, struct key_parts *k)
{
	BIGNUM *bn = NULL, *be = NULL;
	int r = SP_ERR_UNSUPPORTED;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &bn) == 1 &&
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &be) == 1 && key_is_rsa_sound(bn, be)) {
		k->n.data = n;
		k->n.len = (size_t)BN_bn2bin(bn, n);
		k->e.data = e;
		k->e.len = (size_t)BN_bn2bin(be, e);
		r = 0;
	}
	BN_free(bn);
	BN_free(be);
	return r;
}

static int
pem_parts_point(EVP_PKEY *pkey, uint8_t *pub, size_t cap, struct key_parts *k)
{
	char group[KEY_NAME_MAX];
	size_t i, n = 0;
	BIGNUM *x = NULL, *y = NULL;

	if (EVP_PKEY_get_group_name(pkey, group, sizeof(group), &n) != 1)
		return SP_ERR_UNSUPPORTED;
	for (i = 0; i < sizeof(key_kinds) / sizeof(key_kinds[0]); i++)
		if (key_kinds[i].group != NULL && OBJ_sn2nid(group) == EC_curve_nist2nid(key_kinds[i].group))
			k->kind = &key_kinds[i];
	if (k->kind == NULL || k->kind->point > cap || EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1) {
		BN_free(x);
		BN_free(y);
		return SP_ERR_UNSUPPORTED;
	}
	n = (k->kind->point - 1) / 2;
	pub[0] = 4;
	i = BN_bn2binpad(x, pub + 1, (int)n) == (int)n && BN_bn2binpad(y, pub + 1 + n, (int)n) == (int)n;
	BN_free(x);
	BN_free(y);
	k->pub.data = pub;
	k->pub.len = k->kind->point;
	return i == 1 ? 0 : SP_ERR_UNSUPPORTED;
}

static int
pem_wrap(EVP_PKEY *pkey, struct sp_ssh_key **ret_key)
{
	uint8_t a[KEY_MPINT_MAX], b[KEY_MPINT_MAX];
	struct sp_ssh_key *key = calloc(1, sizeof(*key));
	struct key_parts k = { 0 };
	size_t n = sizeof(a);
	int r = SP_ERR_UNSUPPORTED;

	if (key == NULL)
		return SP_ERR_NOMEM;
	if (EVP_PKEY_is_a(pkey, "ED25519")) {
		k.kind = &key_kinds[0];
		r = EVP_PKEY_get_raw_public_key(pkey, a, &n) == 1 ? 0 : SP_ERR_CRYPTO;
		k.pub.data = a;
		k.pub.len = n;
	} else if (EVP_PKEY_is_a(pkey, "RSA")) {
		k.kind = &key_kinds[sizeof(key_kinds) / sizeof(key_kinds[0]) - 1];
		r = pem_parts_rsa(pkey, a, b, &k);
	} else if (EVP_PKEY_is_a(pkey, "EC")) {
		r = pem_parts_point(pkey, a, sizeof(a), &k);
	}
	if (r == 0)
		r = key_check(pkey, true);
	if (r == 0)
		r = key_blob(&k, key);
	if (r != 0) {
		sp_ssh_key_free(key);
		return r;
	}
	key->kind = k.kind;
	key->is_private = true;
	key->pkey = pkey;
	*ret_key = key;
	return 0;
}

static int
pem_parse(const void *text, size_t n, struct sp_ssh_key **ret_key)
{
	BIO *bio = BIO_new_mem_buf(text, (int)n);
	EVP_PKEY *pkey;
	int r;

	if (bio == NULL)
		return SP_ERR_NOMEM;
	pkey = PEM_read_bio_PrivateKey_ex(bio, NULL, pem_on_passphrase, NULL, NULL, NULL);
	BIO_free(bio);
	if (pkey == NULL)
		r = memmem(text, n, "ENCRYPTED", 9) != NULL ? SP_ERR_UNSUPPORTED : SP_ERR_FORMAT;
	else
		r = pem_wrap(pkey, ret_key);
	if (r != 0)
		EVP_PKEY_free(pkey);
	ERR_clear_error();
	return r;
}

int
sp_ssh_key_private(const void *text, size_t n, struct sp_ssh_key **ret_key)
{
	const size_t begin = strlen(KEY_BEGIN);
	struct sp_buf *b;
	int r;

	if (n > SP_SSH_KEY_TEXT_MAX)
		return SP_ERR_LIMIT;
	if (n < begin || memcmp(text, KEY_BEGIN, begin) != 0)
		return pem_parse(text, n, ret_key);
	b = sp_buf_new(SP_SSH_KEY_TEXT_MAX);
	if (b == NULL)
		return SP_ERR_NOMEM;
	r = private_unarmor((const char *)text + begin, n - begin, b);
	if (r == 0)
		r = private_parse(b, ret_key);
	sp_buf_free(b);
	return r;
}

/* --- what it is ----------------------------------------------------------------------------------------------- */

void
sp_ssh_key_free(struct sp_ssh_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key->blob);
	free(key);
}

const char *
sp_ssh_key_type(const struct sp_ssh_key *key)
{
	return key->kind->type;
}

struct sp_view
sp_ssh_key_blob(const struct sp_ssh_key *key)
{
	struct sp_view v = { key->blob, key->blob_len };

	return v;
}
