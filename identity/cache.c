/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/cache.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

struct sp_cache_slot {
	uint8_t digest[SP_VERIFY_SHA256];
	struct sp_verified *v; /* NULL: free */
};

struct sp_cache {
	struct sp_cache_slot slot[SP_CACHE_SETS][SP_CACHE_WAYS];
};

struct sp_cache *
sp_cache_new(void)
{
	return calloc(1, sizeof(struct sp_cache));
}

void
sp_cache_free(struct sp_cache *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < SP_CACHE_SETS; i++) {
		for (size_t j = 0; j < SP_CACHE_WAYS; j++)
			sp_verified_free(c->slot[i][j].v);
	}
	free(c);
}

int
sp_cache_digest(const char *key_type, const char *key_base64, uint8_t out[SP_VERIFY_SHA256])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int r = SP_ERR_CRYPTO;

	if (ctx == NULL)
		return SP_ERR_NOMEM;
	if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, key_type, strlen(key_type) + 1) == 1 &&
	    EVP_DigestUpdate(ctx, key_base64, strlen(key_base64)) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	return r;
}

static const char *
sp_cache_user(const struct sp_verified *v)
{
	return json_string_value(json_object_get(v->identity, "user"));
}

const struct sp_verified *
sp_cache_get(struct sp_cache *c, const uint8_t digest[SP_VERIFY_SHA256], const char *user, int64_t now)
{
	struct sp_cache_slot *set = c->slot[digest[0]];

	for (size_t j = 0; j < SP_CACHE_WAYS; j++) {
		if (set[j].v == NULL || memcmp(set[j].digest, digest, SP_VERIFY_SHA256) != 0)
			continue;
		if (now < set[j].v->until)
			return strcmp(sp_cache_user(set[j].v), user) == 0 ? set[j].v : NULL;
		sp_verified_free(set[j].v);
		set[j].v = NULL;
	}
	return NULL;
}

const struct sp_verified *
sp_cache_put(struct sp_cache *c, const uint8_t digest[SP_VERIFY_SHA256], struct sp_verified *v)
{
	struct sp_cache_slot *set = c->slot[digest[0]], *to = &set[0];

	for (size_t j = 0; j < SP_CACHE_WAYS; j++) {
		if (set[j].v != NULL && memcmp(set[j].digest, digest, SP_VERIFY_SHA256) == 0) {
			to = &set[j];
			break;
		}
		if (to->v != NULL && (set[j].v == NULL || set[j].v->until < to->v->until))
			to = &set[j];
	}
	sp_verified_free(to->v);
	memcpy(to->digest, digest, SP_VERIFY_SHA256);
	to->v = v;
	return v;
}

void
sp_cache_forget(struct sp_cache *c, const struct sp_issuer *is)
{
	for (size_t i = 0; i < SP_CACHE_SETS; i++) {
		for (size_t j = 0; j < SP_CACHE_WAYS; j++) {
			struct sp_cache_slot *s = &c->slot[i][j];

			if (s->v != NULL && s->v->issuer == is) {
				sp_verified_free(s->v);
				s->v = NULL;
			}
		}
	}
}

size_t
sp_cache_count(const struct sp_cache *c)
{
	size_t n = 0;

	for (size_t i = 0; i < SP_CACHE_SETS; i++) {
		for (size_t j = 0; j < SP_CACHE_WAYS; j++)
			n += c->slot[i][j].v != NULL;
	}
	return n;
}
