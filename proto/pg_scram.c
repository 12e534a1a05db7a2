/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/pg_scram.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "lib/text.h"

#define KEY SHA256_DIGEST_LENGTH
#define NONCE_TEXT_MAX 256 /* bytes of our nonce in text */

enum scram_state {
	SCRAM_START,
	SCRAM_SENT_FINAL,
	SCRAM_DONE,
	SCRAM_FAILED
};

struct sp_pg_scram {
	enum scram_state state;
	char nonce[NONCE_TEXT_MAX];
	char bare[NONCE_TEXT_MAX + 300];
	const char *gs2;
	uint8_t binding[SP_PG_SCRAM_BINDING_MAX];
	size_t binding_len;
	uint8_t server_signature[KEY];
};

static int
nonce_make(char *out, size_t room)
{
	uint8_t raw[SP_PG_SCRAM_NONCE];

	if (room < (sizeof(raw) + 2) / 3 * 4 + 1 || RAND_bytes(raw, sizeof(raw)) != 1)
		return SP_ERR_CRYPTO;
	EVP_EncodeBlock((unsigned char *)out, raw, sizeof(raw));
	return 0;
}

int
sp_pg_scram_new(const char *user, const char *nonce, const uint8_t *binding, size_t binding_len, int binding_known,
    struct sp_pg_scram **ret_s)
{
	struct sp_pg_scram *s;
	int r = 0;

	if (binding_len > SP_PG_SCRAM_BINDING_MAX || strlen(user) > 255 || strpbrk(user, ",=") != NULL ||
	    (nonce != NULL && (strlen(nonce) >= NONCE_TEXT_MAX || strchr(nonce, ',') != NULL || *nonce == '\0')))
		return SP_ERR_INVALID;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return SP_ERR_NOMEM;
	if (nonce != NULL)
		snprintf(s->nonce, sizeof(s->nonce), "%s", nonce);
	else
		r = nonce_make(s->nonce, sizeof(s->nonce));
	if (r != 0) {
		free(s);
		return r;
	}
	s->gs2 = binding != NULL ? "p=tls-server-end-point,," : binding_known ? "y,," : "n,,";
	if (binding != NULL)
		memcpy(s->binding, binding, binding_len);
	s->binding_len = binding != NULL ? binding_len : 0;
	snprintf(s->bare, sizeof(s->bare), "n=%s,r=%s", user, s->nonce);
	*ret_s = s;
	return 0;
}

void
sp_pg_scram_free(struct sp_pg_scram *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s, sizeof(*s));
	free(s);
}

int
sp_pg_scram_first(const struct sp_pg_scram *s, struct sp_buf *out)
{
	sp_buf_put(out, s->gs2, strlen(s->gs2));
	return sp_buf_put(out, s->bare, strlen(s->bare));
}

/* server-first-message: "r=" nonce ",s=" salt ",i=" count [extensions]; "m=" first is an extension we must refuse. */
struct server_first {
	struct sp_view nonce;
	struct sp_view salt;
	uint32_t iterations;
};

static bool
attribute(const uint8_t **p, const uint8_t *end, char name, struct sp_view *ret_v)
{
	const uint8_t *comma;

	if (end - *p < 2 || (*p)[0] != (uint8_t)name || (*p)[1] != '=')
		return false;
	*p += 2;
	comma = memchr(*p, ',', (size_t)(end - *p));
	ret_v->data = *p;
	ret_v->len = (size_t)((comma == NULL ? end : comma) - *p);
	*p = comma == NULL ? end : comma + 1;
	return true;
}

static int
server_first_parse(const uint8_t *msg, size_t n, struct server_first *ret_f)
{
	const uint8_t *p = msg, *end = msg + n;
	struct sp_view count;
	uint64_t v = 0;
	size_t i;

	if (n > SP_PG_SCRAM_MESSAGE_MAX)
		return SP_ERR_LIMIT;
	if (!attribute(&p, end, 'r', &ret_f->nonce) || !attribute(&p, end, 's', &ret_f->salt) ||
	    !attribute(&p, end, 'i', &count) || p != end || memchr(msg, 0, n) != NULL)
		return SP_ERR_FORMAT;
	if (count.len == 0 || count.len > 9 || count.data[0] == '0')
		return SP_ERR_FORMAT;
	for (i = 0; i < count.len; i++) {
		if (count.data[i] < '0' || count.data[i] > '9')
			return SP_ERR_FORMAT;
		v = v * 10 + (uint64_t)(count.data[i] - '0');
	}
	if (v < SP_PG_SCRAM_ITERATIONS_MIN || v > SP_PG_SCRAM_ITERATIONS_MAX)
		return SP_ERR_LIMIT;
	ret_f->iterations = (uint32_t)v;
	return 0;
}

static int
hmac(const uint8_t key[KEY], const void *p, size_t n, uint8_t out[KEY])
{
	unsigned len = KEY;

	return HMAC(EVP_sha256(), key, KEY, p, n, out, &len) != NULL && len == KEY ? 0 : SP_ERR_CRYPTO;
}

/* From the salted password to the proof and the signature we expect (RFC 5802 section 3). */
static int
keys_derive(struct sp_pg_scram *s, const struct sp_secret *password, const struct sp_buf *salt, uint32_t iterations,
    const struct sp_buf *auth, uint8_t proof[KEY])
{
	uint8_t salted[KEY], client[KEY], stored[KEY], server[KEY], sig[KEY];
	int i, r = SP_ERR_CRYPTO;

	if (sp_buf_len(salt) > INT_MAX || PKCS5_PBKDF2_HMAC((const char *)sp_secret_data(password),
	    (int)sp_secret_len(password), sp_buf_data(salt), (int)sp_buf_len(salt), (int)iterations, EVP_sha256(), KEY,
	    salted) != 1)
		goto out;
	if ((r = hmac(salted, "Client Key", 10, client)) != 0 || (r = hmac(salted, "Server Key", 10, server)) != 0)
		goto out;
	if (EVP_Digest(client, KEY, stored, NULL, EVP_sha256(), NULL) != 1) {
		r = SP_ERR_CRYPTO;
		goto out;
	}
	if ((r = hmac(stored, sp_buf_data(auth), sp_buf_len(auth), sig)) != 0 ||
	    (r = hmac(server, sp_buf_data(auth), sp_buf_len(auth), s->server_signature)) != 0)
		goto out;
	for (i = 0; i < KEY; i++)
		proof[i] = client[i] ^ sig[i];
out:
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client, sizeof(client));
	explicit_bzero(stored, sizeof(stored));
	explicit_bzero(server, sizeof(server));
	explicit_bzero(sig, sizeof(sig));
	return r;
}

/* client-final-message-without-proof. */
static int
without_proof(const struct sp_pg_scram *s, const struct sp_view *nonce, struct sp_buf *out)
{
	uint8_t input[64 + SP_PG_SCRAM_BINDING_MAX];
	size_t n = strlen(s->gs2);

	memcpy(input, s->gs2, n);
	memcpy(input + n, s->binding, s->binding_len);
	sp_buf_put(out, "c=", 2);
	sp_text_base64_encode(out, input, n + s->binding_len);
	sp_buf_put(out, ",r=", 3);
	return sp_buf_put(out, nonce->data, nonce->len);
}

int
sp_pg_scram_continue(struct sp_pg_scram *s, const uint8_t *msg, size_t n, const struct sp_secret *password,
    struct sp_buf *out)
{
	struct sp_buf *salt = NULL, *auth = NULL, *final = NULL;
	struct server_first f;
	uint8_t proof[KEY];
	int r;

	if (s->state != SCRAM_START)
		return SP_ERR_PROTOCOL;
	s->state = SCRAM_FAILED;
	if ((r = server_first_parse(msg, n, &f)) != 0)
		return r;
	if (f.nonce.len <= strlen(s->nonce) || memcmp(f.nonce.data, s->nonce, strlen(s->nonce)) != 0)
		return SP_ERR_SIGNATURE;
	salt = sp_buf_new(SP_PG_SCRAM_MESSAGE_MAX);
	auth = sp_buf_new(4 * SP_PG_SCRAM_MESSAGE_MAX);
	final = sp_buf_new(2 * SP_PG_SCRAM_MESSAGE_MAX);
	r = SP_ERR_NOMEM;
	if (salt == NULL || auth == NULL || final == NULL)
		goto out;
	if ((r = sp_text_base64_decode(salt, (const char *)f.salt.data, f.salt.len)) != 0)
		goto out;
	r = SP_ERR_FORMAT;
	if (sp_buf_len(salt) == 0)
		goto out;
	if ((r = without_proof(s, &f.nonce, final)) != 0)
		goto out;
	sp_buf_put(auth, s->bare, strlen(s->bare));
	sp_buf_put_u8(auth, ',');
	sp_buf_put(auth, msg, n);
	sp_buf_put_u8(auth, ',');
	if ((r = sp_buf_put(auth, sp_buf_data(final), sp_buf_len(final))) != 0 ||
	    (r = keys_derive(s, password, salt, f.iterations, auth, proof)) != 0)
		goto out;
	sp_buf_put(out, sp_buf_data(final), sp_buf_len(final));
	sp_buf_put(out, ",p=", 3);
	r = sp_text_base64_encode(out, proof, KEY);
	explicit_bzero(proof, sizeof(proof));
	if (r == 0)
		s->state = SCRAM_SENT_FINAL;
out:
	sp_buf_free(salt);
	sp_buf_free(auth);
	sp_buf_free(final);
	return r;
}

int
sp_pg_scram_final(struct sp_pg_scram *s, const uint8_t *msg, size_t n)
{
	struct sp_buf *sig;
	int r;

	if (s->state != SCRAM_SENT_FINAL)
		return SP_ERR_PROTOCOL;
	s->state = SCRAM_FAILED;
	if (n > SP_PG_SCRAM_MESSAGE_MAX)
		return SP_ERR_LIMIT;
	if (n >= 2 && memcmp(msg, "e=", 2) == 0)
		return SP_ERR_DENIED;
	if (n < 2 || memcmp(msg, "v=", 2) != 0)
		return SP_ERR_FORMAT;
	sig = sp_buf_new(SP_PG_SCRAM_MESSAGE_MAX);
	if (sig == NULL)
		return SP_ERR_NOMEM;
	r = sp_text_base64_decode(sig, (const char *)msg + 2, n - 2);
	if (r == 0 && (sp_buf_len(sig) != KEY || CRYPTO_memcmp(sp_buf_data(sig), s->server_signature, KEY) != 0))
		r = SP_ERR_SIGNATURE;
	if (r == 0)
		s->state = SCRAM_DONE;
	sp_buf_free(sig);
	return r;
}
