/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/sign.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

struct sp_sign_key {
	EVP_PKEY *pkey;
	uint8_t id[SP_SIGN_HASH];
};

struct sp_sign_ring {
	size_t count;
	struct sp_sign_key keys[SP_SIGN_KEYS_MAX];
};

int
sp_sign_hash(const struct sp_view parts[], size_t nparts, uint8_t ret_h[SP_SIGN_HASH])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned len = 0;
	int ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; ok && i < nparts; i++)
		ok = parts[i].data == NULL || EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
	ok = ok && EVP_DigestFinal_ex(ctx, ret_h, &len) == 1 && len == SP_SIGN_HASH;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : SP_ERR_CRYPTO;
}

/* Takes pkey over; it must be Ed25519. */
static int
sp_sign_init(struct sp_sign_key *k, EVP_PKEY *pkey)
{
	uint8_t raw[32];
	size_t len = sizeof(raw);
	struct sp_view v = { raw, sizeof(raw) };

	k->pkey = pkey;
	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519)
		return SP_ERR_FORMAT;
	if (EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1 || len != sizeof(raw))
		return SP_ERR_CRYPTO;
	return sp_sign_hash(&v, 1, k->id);
}

static int
sp_sign_wrap(EVP_PKEY *pkey, struct sp_sign_key **ret_k)
{
	struct sp_sign_key *k = calloc(1, sizeof(*k));
	int r;

	if (k == NULL) {
		EVP_PKEY_free(pkey);
		return SP_ERR_NOMEM;
	}
	r = sp_sign_init(k, pkey);
	if (r != 0) {
		sp_sign_free(k);
		return r;
	}
	*ret_k = k;
	return 0;
}

int
sp_sign_generate(struct sp_sign_key **ret_k)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	return pkey == NULL ? SP_ERR_CRYPTO : sp_sign_wrap(pkey, ret_k);
}

/* PEM must not ask for a passphrase on a terminal. */
static int
sp_sign_no_passphrase(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

int
sp_sign_load(const void *pem, size_t n, struct sp_sign_key **ret_k)
{
	EVP_PKEY *pkey;
	BIO *bio;

	if (n > SP_SIGN_PEM_MAX)
		return SP_ERR_LIMIT;
	bio = BIO_new_mem_buf(pem, (int)n);
	if (bio == NULL)
		return SP_ERR_NOMEM;
	pkey = PEM_read_bio_PrivateKey(bio, NULL, sp_sign_no_passphrase, NULL);
	BIO_free(bio);
	return pkey == NULL ? SP_ERR_FORMAT : sp_sign_wrap(pkey, ret_k);
}

void
sp_sign_free(struct sp_sign_key *k)
{
	if (k != NULL)
		EVP_PKEY_free(k->pkey);
	free(k);
}

static int
sp_sign_pem(BIO *bio, int written, struct sp_buf *out)
{
	char *p;
	long n;

	if (written != 1)
		return SP_ERR_CRYPTO;
	n = BIO_get_mem_data(bio, &p);
	return n <= 0 ? SP_ERR_CRYPTO : sp_buf_put(out, p, (size_t)n);
}

int
sp_sign_private_pem(const struct sp_sign_key *k, struct sp_buf *out)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	int r;

	if (bio == NULL)
		return SP_ERR_NOMEM;
	r = sp_sign_pem(bio, PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL), out);
	BIO_free(bio);
	return r;
}

int
sp_sign_public_pem(const struct sp_sign_key *k, struct sp_buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int r;

	if (bio == NULL)
		return SP_ERR_NOMEM;
	r = sp_sign_pem(bio, PEM_write_bio_PUBKEY(bio, k->pkey), out);
	BIO_free(bio);
	return r;
}

const uint8_t *
sp_sign_id(const struct sp_sign_key *k)
{
	return k->id;
}

static void
sp_sign_message(uint8_t m[SP_SIGN_TAG + SP_SIGN_HASH], const char tag[SP_SIGN_TAG], const uint8_t *digest)
{
	memcpy(m, tag, SP_SIGN_TAG);
	memcpy(m + SP_SIGN_TAG, digest, SP_SIGN_HASH);
}

int
sp_sign_digest(const struct sp_sign_key *k, const char tag[SP_SIGN_TAG], const uint8_t digest[SP_SIGN_HASH],
    uint8_t ret_sig[SP_SIGN_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t m[SP_SIGN_TAG + SP_SIGN_HASH];
	size_t len = SP_SIGN_SIZE;
	int ok;

	sp_sign_message(m, tag, digest);
	ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->pkey) == 1 &&
	    EVP_DigestSign(ctx, ret_sig, &len, m, sizeof(m)) == 1 && len == SP_SIGN_SIZE;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : SP_ERR_CRYPTO;
}

int
sp_sign_ring_load(const void *pem, size_t n, struct sp_sign_ring **ret_r)
{
	struct sp_sign_ring *r = calloc(1, sizeof(*r));
	EVP_PKEY *pkey;
	BIO *bio;
	int err = 0;

	if (r == NULL)
		return SP_ERR_NOMEM;
	bio = n > SP_SIGN_PEM_MAX ? NULL : BIO_new_mem_buf(pem, (int)n);
	if (bio == NULL)
		err = SP_ERR_LIMIT;
	while (err == 0 && (pkey = PEM_read_bio_PUBKEY(bio, NULL, sp_sign_no_passphrase, NULL)) != NULL) {
		if (r->count == SP_SIGN_KEYS_MAX) {
			EVP_PKEY_free(pkey);
			err = SP_ERR_LIMIT;
		} else {
			err = sp_sign_init(&r->keys[r->count++], pkey);
		}
	}
	BIO_free(bio);
	if (err == 0 && r->count == 0)
		err = SP_ERR_FORMAT;
	if (err != 0) {
		sp_sign_ring_free(r);
		return err;
	}
	*ret_r = r;
	return 0;
}

void
sp_sign_ring_free(struct sp_sign_ring *r)
{
	for (size_t i = 0; r != NULL && i < r->count; i++)
		EVP_PKEY_free(r->keys[i].pkey);
	free(r);
}

int
sp_sign_check(const struct sp_sign_ring *r, const uint8_t id[SP_SIGN_HASH], const char tag[SP_SIGN_TAG],
    const uint8_t digest[SP_SIGN_HASH], const uint8_t sig[SP_SIGN_SIZE])
{
	uint8_t m[SP_SIGN_TAG + SP_SIGN_HASH];
	EVP_MD_CTX *ctx;
	int err = SP_ERR_CRYPTO;
	size_t i = 0;

	while (i < r->count && memcmp(r->keys[i].id, id, SP_SIGN_HASH) != 0)
		i++;
	if (i == r->count)
		return SP_ERR_NOT_FOUND;
	ctx = EVP_MD_CTX_new();
	sp_sign_message(m, tag, digest);
	if (ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, r->keys[i].pkey) == 1)
		err = EVP_DigestVerify(ctx, sig, SP_SIGN_SIZE, m, sizeof(m)) == 1 ? 0 : SP_ERR_SIGNATURE;
	EVP_MD_CTX_free(ctx);
	return err;
}
