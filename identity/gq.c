/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/gq.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "identity/json.h"
#include "lib/text.h"

#define GQ_EXPONENT 65537
#define GQ_CHALLENGES (SP_GQ_ROUNDS * SP_GQ_CHALLENGE)
#define GQ_SHA256 32
#define GQ_THUMBPRINT 43 /* characters */

/* DigestInfo of SHA-256 up to the digest (RFC 8017 section 9.2, note 1). */
static const uint8_t gq_digest_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
    0x02, 0x01, 0x05, 0x00, 0x04, 0x20};

struct gq {
	BIGNUM *n, *e, *g, *s, *w;
	BN_CTX *ctx;
	EVP_MD_CTX *md;
	struct sp_buf *sig;
	size_t size; /* bytes of n */
};

bool
sp_gq_is(const struct sp_jws_header *h)
{
	return strcmp(h->alg_name, SP_GQ_NAME) == 0;
}

int
sp_gq_original(const struct sp_jws_header *h, struct sp_reason *why, struct sp_jws_header *ret_original)
{
	struct sp_jws_header o;
	int r;

	if (h->kid == NULL)
		return sp_reason_set(why, SP_ERR_FORMAT, "GQ256 header without the original one (kid)");
	r = sp_jws_header_read((struct sp_view){(const uint8_t *)h->kid, strlen(h->kid)}, why, &o);
	if (r != 0)
		return r;
	if (strcmp(o.alg_name, "RS256") != 0)
		r = sp_reason_set(why, SP_ERR_UNSUPPORTED, "GQ256 over another alg than RS256");
	else if (o.typ != NULL && strcasecmp(o.typ, "JWT") != 0)
		r = sp_reason_set(why, SP_ERR_UNSUPPORTED, "GQ256 over what is no ID token");
	if (r != 0) {
		sp_jws_header_clear(&o);
		return r;
	}
	*ret_original = o;
	return 0;
}

/* --- the key ------------------------------------------------------------------------------------------------ */

static int
gq_put_number(struct sp_buf *b, const BIGNUM *v)
{
	uint8_t bytes[SP_PUBKEY_SIG_MAX];
	int n = BN_num_bytes(v);

	if (n <= 0 || (size_t)n > sizeof(bytes) || BN_bn2bin(v, bytes) != n)
		return SP_ERR_CRYPTO;
	return sp_text_base64url_encode(b, bytes, (size_t)n);
}

/* RFC 7638: the members in their order, no white space. */
static int
gq_thumbprint(const struct gq *q, char out[GQ_THUMBPRINT + 1])
{
	struct sp_buf *b = sp_buf_new(4 * SP_PUBKEY_SIG_MAX), *text = sp_buf_new(GQ_THUMBPRINT);
	uint8_t digest[GQ_SHA256];
	size_t n = 0;
	int r = b == NULL || text == NULL ? SP_ERR_NOMEM : sp_buf_putf(b, "{\"e\":\"");

	if (r == 0)
		r = gq_put_number(b, q->e);
	if (r == 0)
		r = sp_buf_putf(b, "\",\"kty\":\"RSA\",\"n\":\"");
	if (r == 0)
		r = gq_put_number(b, q->n);
	if (r == 0)
		r = sp_buf_putf(b, "\"}");
	if (r == 0 && (EVP_Q_digest(NULL, "SHA256", NULL, sp_buf_data(b), sp_buf_len(b), digest, &n) != 1 || n != GQ_SHA256))
		r = SP_ERR_CRYPTO;
	if (r == 0)
		r = sp_text_base64url_encode(text, digest, sizeof(digest));
	if (r == 0 && sp_buf_len(text) != GQ_THUMBPRINT)
		r = SP_ERR_INTERNAL;
	if (r == 0) {
		memcpy(out, sp_buf_data(text), GQ_THUMBPRINT);
		out[GQ_THUMBPRINT] = '\0';
	}
	sp_buf_free(b);
	sp_buf_free(text);
	return r;
}

static int
gq_check_key(struct gq *q, const struct sp_jws_header *h, const struct sp_pubkey *key, struct sp_reason *why)
{
	char want[GQ_THUMBPRINT + 1];
	const char *jkt;
	int r = sp_pubkey_rsa_numbers(key, &q->n, &q->e);

	if (r != 0)
		return sp_reason_set(why, r, "GQ256 with a key that is not RSA");
	if (!BN_is_word(q->e, GQ_EXPONENT))
		return sp_reason_set(why, SP_ERR_INVALID, "GQ256 with another exponent than 65537");
	q->size = (size_t)BN_num_bytes(q->n);
	r = sp_json_string(h->object, "jkt", why, &jkt);
	if (r == 0)
		r = gq_thumbprint(q, want);
	if (r == 0 && (jkt == NULL || strcmp(jkt, want) != 0))
		r = sp_reason_set(why, SP_ERR_INVALID, "jkt is not the thumbprint of the key");
	return r;
}

/* --- the proof ---------------------------------------------------------------------------------------------- */

/* What RS256 would have signed, as a number: EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) of kid "." payload. */
static int
gq_message(struct gq *q, const struct sp_jws_header *h, const struct sp_jws *jws)
{
	uint8_t em[SP_PUBKEY_SIG_MAX];
	size_t tail = sizeof(gq_digest_info) + GQ_SHA256;
	unsigned int n = 0;

	if (EVP_DigestInit_ex(q->md, EVP_sha256(), NULL) != 1 || EVP_DigestUpdate(q->md, h->kid, strlen(h->kid)) != 1 ||
	    EVP_DigestUpdate(q->md, ".", 1) != 1 || EVP_DigestUpdate(q->md, jws->payload.data, jws->payload.len) != 1)
		return SP_ERR_CRYPTO;
	memset(em, 0xff, q->size);
	em[0] = 0;
	em[1] = 1;
	em[q->size - tail - 1] = 0;
	memcpy(em + q->size - tail, gq_digest_info, sizeof(gq_digest_info));
	if (EVP_DigestFinal_ex(q->md, em + q->size - GQ_SHA256, &n) != 1 || n != GQ_SHA256)
		return SP_ERR_CRYPTO;
	q->g = BN_bin2bn(em, (int)q->size, NULL);
	return q->g == NULL ? SP_ERR_NOMEM : 0;
}

/* One round's commitment into the hash: s^e * g^challenge mod n. */
static int
gq_round(struct gq *q, unsigned i, struct sp_reason *why)
{
	const uint8_t *sig = sp_buf_data(q->sig), *c = sig + (size_t)i * SP_GQ_CHALLENGE;
	uint8_t bytes[SP_PUBKEY_SIG_MAX];
	BIGNUM *challenge = BN_new();
	int r = SP_ERR_CRYPTO;

	if (challenge == NULL || BN_set_word(challenge, (BN_ULONG)c[0] << 8 | c[1]) != 1 ||
	    BN_bin2bn(sig + GQ_CHALLENGES + i * q->size, (int)q->size, q->s) == NULL) {
		r = SP_ERR_NOMEM;
		goto out;
	}
	if (BN_is_zero(q->s) || BN_cmp(q->s, q->n) >= 0) {
		r = sp_reason_set(why, SP_ERR_SIGNATURE, "GQ256 proof with a number out of range");
		goto out;
	}
	if (BN_mod_exp(q->s, q->s, q->e, q->n, q->ctx) == 1 && BN_mod_exp(q->w, q->g, challenge, q->n, q->ctx) == 1 &&
	    BN_mod_mul(q->w, q->s, q->w, q->n, q->ctx) == 1 && BN_bn2binpad(q->w, bytes, (int)q->size) == (int)q->size &&
	    EVP_DigestUpdate(q->md, bytes, q->size) == 1)
		r = 0;
out:
	BN_free(challenge);
	return r;
}

static int
gq_prove(struct gq *q, const struct sp_jws *jws, struct sp_reason *why)
{
	uint8_t challenges[GQ_CHALLENGES];
	int r = EVP_DigestInit_ex(q->md, EVP_shake256(), NULL) == 1 ? 0 : SP_ERR_CRYPTO;

	for (unsigned i = 0; r == 0 && i < SP_GQ_ROUNDS; i++)
		r = gq_round(q, i, why);
	if (r != 0)
		return r;
	if (EVP_DigestUpdate(q->md, jws->header.data, jws->header.len) != 1 || EVP_DigestUpdate(q->md, ".", 1) != 1 ||
	    EVP_DigestUpdate(q->md, jws->payload.data, jws->payload.len) != 1 ||
	    EVP_DigestFinalXOF(q->md, challenges, sizeof(challenges)) != 1)
		return SP_ERR_CRYPTO;
	if (CRYPTO_memcmp(challenges, sp_buf_data(q->sig), sizeof(challenges)) != 0)
		return sp_reason_set(why, SP_ERR_SIGNATURE, "the GQ256 proof does not hold");
	return 0;
}

static int
gq_signature(struct gq *q, const struct sp_jws *jws, struct sp_reason *why)
{
	size_t want = GQ_CHALLENGES + SP_GQ_ROUNDS * q->size;
	int r;

	q->sig = sp_buf_new(want);
	if (q->sig == NULL)
		return SP_ERR_NOMEM;
	r = sp_text_base64url_decode(q->sig, (const char *)jws->signature.data, jws->signature.len);
	if (r != 0)
		return sp_reason_set(why, r, "GQ256 proof is not strict base64url or too long");
	if (sp_buf_len(q->sig) != want)
		return sp_reason_set(why, SP_ERR_SIGNATURE, "GQ256 proof of %zu bytes, %zu are wanted", sp_buf_len(q->sig), want);
	return 0;
}

int
sp_gq_verify(const struct sp_jws *jws, const struct sp_jws_header *h, const struct sp_pubkey *key, struct sp_reason *why)
{
	struct gq q = {.s = BN_new(), .w = BN_new(), .ctx = BN_CTX_new(), .md = EVP_MD_CTX_new()};
	int r = q.s == NULL || q.w == NULL || q.ctx == NULL || q.md == NULL ? SP_ERR_NOMEM : 0;

	if (r == 0)
		r = gq_check_key(&q, h, key, why);
	if (r == 0)
		r = gq_signature(&q, jws, why);
	if (r == 0)
		r = gq_message(&q, h, jws);
	if (r == 0)
		r = gq_prove(&q, jws, why);
	BN_free(q.n);
	BN_free(q.e);
	BN_free(q.g);
	BN_free(q.s);
	BN_free(q.w);
	BN_CTX_free(q.ctx);
	EVP_MD_CTX_free(q.md);
	sp_buf_free(q.sig);
	ERR_clear_error();
	return r;
}
