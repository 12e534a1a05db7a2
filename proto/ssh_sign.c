/* SPDX-License-Identifier: Apache-2.0 */
/* Signing and verifying with SSH keys, and making them: the algorithm's name and the raw signature around what OpenSSL does. */
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ssh_key_internal.h"

#define SIGN_NAME_MAX 64
#define SIGN_SCALAR_MAX 66 /* bytes of r or s on P-521 */

const char *
sp_ssh_key_algorithm(const struct sp_ssh_key *key, uint32_t flags)
{
	if (key->kind->family != SP_SSH_KEY_RSA)
		return flags == 0 ? key->kind->type : NULL;
	if (flags == SP_SSH_KEY_SHA2_512)
		return "rsa-sha2-512";
	return flags == SP_SSH_KEY_SHA2_256 ? "rsa-sha2-256" : NULL;
}

/* The digest of an algorithm's name for this key; false: not one of its algorithms. */
static bool
sign_digest(const struct sp_ssh_key *key, const struct sp_view *name, const char **ret_digest)
{
	static const struct {
		uint32_t flags;
		const char *digest;
	} rsa[] = { { SP_SSH_KEY_SHA2_256, "SHA256" }, { SP_SSH_KEY_SHA2_512, "SHA512" } };
	size_t i;

	if (key->kind->family != SP_SSH_KEY_RSA) {
		*ret_digest = key->kind->digest;
		return name->len == strlen(key->kind->type) && memcmp(name->data, key->kind->type, name->len) == 0;
	}
	for (i = 0; i < 2; i++) {
		const char *want = sp_ssh_key_algorithm(key, rsa[i].flags);

		*ret_digest = rsa[i].digest;
		if (name->len == strlen(want) && memcmp(name->data, want, name->len) == 0)
			return true;
	}
	return false;
}

static int
sign_put_scalar(struct sp_buf *b, const BIGNUM *bn)
{
	uint8_t raw[SIGN_SCALAR_MAX];
	int n = BN_num_bytes(bn);

	if (n > (int)sizeof(raw) || BN_bn2bin(bn, raw) != n)
		return SP_ERR_CRYPTO;
	sp_ssh_key_put_mpint(b, raw, (size_t)n);
	return 0;
}

/* DER to `mpint r, mpint s` in a string. */
static int
sign_put_ecdsa(struct sp_buf *out, const uint8_t *der, size_t n)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	struct sp_buf *b = sp_buf_new(SP_SSH_KEY_SIGNATURE_MAX);
	int r = SP_ERR_CRYPTO;

	if (sig != NULL && b != NULL && sign_put_scalar(b, ECDSA_SIG_get0_r(sig)) == 0 &&
	    sign_put_scalar(b, ECDSA_SIG_get0_s(sig)) == 0)
		r = sp_buf_error(b);
	if (r == 0)
		r = sp_buf_put_string(out, sp_buf_data(b), sp_buf_len(b));
	sp_buf_free(b);
	ECDSA_SIG_free(sig);
	return r;
}

int
sp_ssh_key_sign(const struct sp_ssh_key *key, uint32_t flags, struct sp_view data, struct sp_buf *out)
{
	const char *name = sp_ssh_key_algorithm(key, flags), *digest;
	struct sp_view v = { (const uint8_t *)name, name == NULL ? 0 : strlen(name) };
	uint8_t raw[SP_SSH_KEY_SIGNATURE_MAX];
	size_t n = sizeof(raw);
	EVP_MD_CTX *ctx;
	int r = SP_ERR_CRYPTO;

	if (name == NULL || !sign_digest(key, &v, &digest))
		return SP_ERR_UNSUPPORTED;
	if (!key->is_private)
		return SP_ERR_INVALID;
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL)
		return SP_ERR_NOMEM;
	if (EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key->pkey, NULL) == 1 &&
	    EVP_DigestSign(ctx, raw, &n, data.data, data.len) == 1) {
		sp_buf_put_cstring(out, name);
		r = key->kind->family == SP_SSH_KEY_ECDSA ? sign_put_ecdsa(out, raw, n) : sp_buf_put_string(out, raw, n);
		if (r == 0)
			r = sp_buf_error(out);
	}
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return r;
}

/* `mpint r, mpint s` to DER, which the caller frees with OPENSSL_free. */
static int
sign_get_ecdsa(struct sp_view raw, uint8_t **ret_der, size_t *ret_n)
{
	struct sp_buf *b = sp_buf_from(raw.data, raw.len);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *br = NULL, *bs = NULL;
	struct sp_view vr, vs;
	int n, r = SP_ERR_NOMEM;

	if (b == NULL || sig == NULL)
		goto out;
	r = sp_ssh_key_get_mpint(b, SIGN_SCALAR_MAX, &vr);
	if (r == 0)
		r = sp_ssh_key_get_mpint(b, SIGN_SCALAR_MAX, &vs);
	if (r != 0 || sp_buf_len(b) != 0) {
		r = SP_ERR_FORMAT;
		goto out;
	}
	r = SP_ERR_NOMEM;
	br = BN_bin2bn(vr.data, (int)vr.len, NULL);
	bs = BN_bin2bn(vs.data, (int)vs.len, NULL);
	if (br == NULL || bs == NULL || ECDSA_SIG_set0(sig, br, bs) != 1)
		goto out;
	br = bs = NULL;
	n = i2d_ECDSA_SIG(sig, ret_der);
	if (n > 0) {
		*ret_n = (size_t)n;
		r = 0;
	}
out:
	BN_free(br);
	BN_free(bs);
	ECDSA_SIG_free(sig);
	sp_buf_free(b);
	return r;
}

static int
sign_check(const struct sp_ssh_key *key, const char *digest, struct sp_view data, const uint8_t *sig, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = SP_ERR_SIGNATURE;

	if (ctx == NULL)
		return SP_ERR_NOMEM;
	if (EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key->pkey, NULL) == 1 &&
	    EVP_DigestVerify(ctx, sig, n, data.data, data.len) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return r;
}

int
sp_ssh_key_verify(const struct sp_ssh_key *key, struct sp_view data, struct sp_view signature)
{
	struct sp_buf *b = sp_buf_from(signature.data, signature.len);
	struct sp_view name, raw;
	uint8_t *der = NULL;
	const char *digest;
	size_t n;
	int r;

	if (b == NULL)
		return SP_ERR_NOMEM;
	r = sp_buf_get_view(b, SIGN_NAME_MAX, &name);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_KEY_SIGNATURE_MAX, &raw);
	if (r != 0 || sp_buf_len(b) != 0)
		r = SP_ERR_FORMAT;
	else if (!sign_digest(key, &name, &digest))
		r = SP_ERR_UNSUPPORTED;
	else if (key->kind->family != SP_SSH_KEY_ECDSA)
		r = sign_check(key, digest, data, raw.data, raw.len);
	else if ((r = sign_get_ecdsa(raw, &der, &n)) == 0)
		r = sign_check(key, digest, data, der, n);
	OPENSSL_free(der);
	sp_buf_free(b);
	return r;
}

int
sp_ssh_key_fresh(struct sp_buf *out)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
	char *text = NULL;
	int r = SP_ERR_CRYPTO;
	long n;

	if (pkey != NULL && bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1) {
		n = BIO_get_mem_data(bio, &text);
		r = n > 0 ? sp_buf_put(out, text, (size_t)n) : SP_ERR_CRYPTO;
	}
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return r;
}
