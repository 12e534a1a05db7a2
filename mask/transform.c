/* SPDX-License-Identifier: Apache-2.0 */
#include "mask/transform.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "mask/chars.h"
#include "mask/detect.h"

#define SP_TRANSFORM_KEEP 4	   /* characters of a text that partial keeps at its end */
#define SP_TRANSFORM_KEEP_FROM 8   /* shortest text of which partial keeps anything */
#define SP_TRANSFORM_REGEX_FROM 12 /* the same for what a custom regex found */

struct sp_transform_key {
	EVP_MAC_CTX *ctx;
};

int
sp_transform_key_new(const void *key, size_t n, struct sp_transform_key **ret_k)
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0), OSSL_PARAM_construct_end()};
	struct sp_transform_key *k = calloc(1, sizeof(*k));
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	int r = SP_ERR_CRYPTO;

	if (k == NULL) {
		r = SP_ERR_NOMEM;
		goto out;
	}
	if (mac == NULL || (k->ctx = EVP_MAC_CTX_new(mac)) == NULL || EVP_MAC_init(k->ctx, key, n, params) != 1)
		goto out;
	*ret_k = k;
	k = NULL;
	r = 0;
out:
	EVP_MAC_free(mac);
	sp_transform_key_free(k);
	return r;
}

void
sp_transform_key_free(struct sp_transform_key *k)
{
	if (k == NULL)
		return;
	EVP_MAC_CTX_free(k->ctx);
	free(k);
}

int
sp_transform_hash(struct sp_transform_key *k, const void *p, size_t n, uint8_t ret_mac[16])
{
	uint8_t mac[32];
	size_t len = 0;

	if (k == NULL)
		return SP_ERR_INVALID;
	/* Initialised without a key, HMAC starts again with the one it has. */
	if (EVP_MAC_init(k->ctx, NULL, 0, NULL) != 1 || EVP_MAC_update(k->ctx, p, n) != 1 ||
	    EVP_MAC_final(k->ctx, mac, &len, sizeof(mac)) != 1 || len != sizeof(mac))
		return SP_ERR_CRYPTO;
	memcpy(ret_mac, mac, 16);
	return 0;
}

/* All digits but the last keep become '*', as does every letter; the rest stays. */
static int
sp_transform_digits(const uint8_t *p, size_t n, size_t keep, struct sp_buf *out)
{
	size_t digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += sp_chars_is_digit(p[i]);
	for (size_t i = 0; i < n; i++) {
		if (sp_chars_is_digit(p[i]))
			sp_buf_put_u8(out, digits-- > keep ? '*' : p[i]);
		else
			sp_buf_put_u8(out, sp_chars_is_alpha(p[i]) ? '*' : p[i]);
	}
	return sp_buf_error(out);
}

/* a***@example.com; the first character is kept only of names of three or more. */
static int
sp_transform_email(const uint8_t *p, size_t n, struct sp_buf *out)
{
	const uint8_t *at = memrchr(p, '@', n);
	size_t first = 1, name = (size_t)(at - p), chars = 0;

	while (first < name && sp_chars_is_inner(p[first]))
		first++;
	for (size_t i = 0; i < name; i++)
		chars += !sp_chars_is_inner(p[i]);
	if (chars >= 3)
		sp_buf_put(out, p, first);
	sp_buf_put(out, "***", 3);
	return sp_buf_put(out, at, n - name);
}

/* DE** **** **** **** **30 00: country and the last four. */
static int
sp_transform_iban(const uint8_t *p, size_t n, struct sp_buf *out)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		left += sp_chars_is_alnum(p[i]);
	for (size_t i = 0; i < n; i++) {
		bool keep = i < 2 || !sp_chars_is_alnum(p[i]) || left <= SP_TRANSFORM_KEEP;

		left -= sp_chars_is_alnum(p[i]);
		sp_buf_put_u8(out, keep ? p[i] : '*');
	}
	return sp_buf_error(out);
}

/* The network part: two octets of IPv4, the first group of IPv6. */
static int
sp_transform_address(const uint8_t *p, size_t n, int sep, unsigned keep, const char *rest, struct sp_buf *out)
{
	size_t i = 0;

	for (; i < n && keep > 0; i++)
		keep -= p[i] == sep;
	sp_buf_put(out, p, i);
	return sp_buf_put(out, rest, strlen(rest));
}

static size_t
sp_transform_chars(const uint8_t *p, size_t n)
{
	size_t chars = 0;

	for (size_t i = 0; i < n; i++)
		chars += !sp_chars_is_inner(p[i]);
	return chars;
}

/* The last four characters, the others as stars, but never more than eight stars. */
static int
sp_transform_tail(const uint8_t *p, size_t n, struct sp_buf *out)
{
	size_t chars = sp_transform_chars(p, n), i = n, kept = 0;

	while (i > 0 && kept < SP_TRANSFORM_KEEP) {
		i--;
		kept += !sp_chars_is_inner(p[i]);
	}
	for (size_t k = 0; k < 8 && k + SP_TRANSFORM_KEEP < chars; k++)
		sp_buf_put_u8(out, '*');
	return sp_buf_put(out, p + i, n - i);
}

static int
sp_transform_redact(const char *name, struct sp_buf *out)
{
	sp_buf_put(out, "[masked:", 8);
	sp_buf_put(out, name, strlen(name));
	return sp_buf_put_u8(out, ']');
}

static int
sp_transform_partial(size_t kind, const char *name, const uint8_t *p, size_t n, struct sp_buf *out)
{
	switch (kind) {
	case SP_DETECT_CARD:
	case SP_DETECT_SSN:
		return sp_transform_digits(p, n, 4, out);
	case SP_DETECT_PHONE:
		return sp_transform_digits(p, n, 2, out);
	case SP_DETECT_EMAIL:
		return sp_transform_email(p, n, out);
	case SP_DETECT_IBAN:
		return sp_transform_iban(p, n, out);
	case SP_DETECT_IPV4:
		return sp_transform_address(p, n, '.', 2, "*.*", out);
	case SP_DETECT_IPV6:
		return sp_transform_address(p, n, ':', 1, "*", out);
	default:
		if (kind >= SP_DETECT_KINDS && sp_transform_chars(p, n) >= SP_TRANSFORM_REGEX_FROM)
			return sp_transform_tail(p, n, out);
		return sp_transform_redact(name, out);
	}
}

static int
sp_transform_hex(const char *name, const uint8_t mac[16], struct sp_buf *out)
{
	char hex[2 * SP_TRANSFORM_HASH_BYTES + 1];

	sp_text_hex(hex, mac, SP_TRANSFORM_HASH_BYTES);
	sp_buf_put_u8(out, '[');
	sp_buf_put(out, name, strlen(name));
	sp_buf_put_u8(out, ':');
	sp_buf_put(out, hex, sizeof(hex) - 1);
	return sp_buf_put_u8(out, ']');
}

int
sp_transform_put(struct sp_transform_key *k, enum sp_mask_transform t, size_t kind, const char *name, const uint8_t *p,
    size_t n, struct sp_buf *out)
{
	uint8_t mac[16];
	int r;

	switch (t) {
	case SP_MASK_PARTIAL:
		return sp_transform_partial(kind, name, p, n, out);
	case SP_MASK_HASH:
		r = sp_transform_hash(k, p, n, mac);
		return r != 0 ? r : sp_transform_hex(name, mac, out);
	default:
		return sp_transform_redact(name, out);
	}
}

/* --- whole columns --- */

static bool
sp_transform_has_mail(const uint8_t *p, size_t n)
{
	const uint8_t *at = n == 0 ? NULL : memrchr(p, '@', n);

	return at != NULL && at > p && (size_t)(at - p) + 3 < n && memchr(at, '.', n - (size_t)(at - p)) != NULL &&
	       memchr(p, ' ', n) == NULL && memchr(p, '@', (size_t)(at - p)) == NULL;
}

static int
sp_transform_text(const uint8_t *p, size_t n, struct sp_buf *out)
{
	if (sp_transform_has_mail(p, n))
		return sp_transform_email(p, n, out);
	if (sp_transform_chars(p, n) < SP_TRANSFORM_KEEP_FROM)
		return sp_buf_put(out, "[masked]", 8);
	return sp_transform_tail(p, n, out);
}

/* RFC 9562 section 5.8: version 8, the variant of that RFC, everything else ours. */
static int
sp_transform_uuid(uint8_t mac[16], struct sp_buf *out)
{
	mac[6] = (uint8_t)((mac[6] & 0x0f) | 0x80);
	mac[8] = (uint8_t)((mac[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			sp_buf_put_u8(out, '-');
		sp_buf_putf(out, "%02x", mac[i]);
	}
	return sp_buf_error(out);
}

static int
sp_transform_bytes(const uint8_t mac[16], struct sp_buf *out)
{
	sp_buf_put(out, "\\x", 2);
	for (size_t i = 0; i < SP_TRANSFORM_HASH_BYTES; i++)
		sp_buf_putf(out, "%02x", mac[i]);
	return sp_buf_error(out);
}

int
sp_transform_column(struct sp_transform_key *k, enum sp_mask_transform t, enum sp_mask_type type, const uint8_t *p,
    size_t n, struct sp_buf *out)
{
	uint8_t mac[16] = {0};
	bool is_hash = t == SP_MASK_HASH;
	int r;

	if (is_hash && (r = sp_transform_hash(k, p, n, mac)) != 0)
		return r;
	switch (type) {
	case SP_MASK_TYPE_BYTES:
		return is_hash ? sp_transform_bytes(mac, out) : sp_buf_put(out, "\\x", 2);
	case SP_MASK_TYPE_UUID:
		if (!is_hash)
			return sp_buf_put(out, "00000000-0000-0000-0000-000000000000", 36);
		return sp_transform_uuid(mac, out);
	case SP_MASK_TYPE_JSON:
		sp_buf_put_u8(out, '"');
		r = is_hash ? sp_transform_hex("masked", mac, out) : sp_buf_put(out, "[masked]", 8);
		return r != 0 ? r : sp_buf_put_u8(out, '"');
	case SP_MASK_TYPE_TEXT:
		if (is_hash)
			return sp_transform_hex("masked", mac, out);
		return t == SP_MASK_PARTIAL ? sp_transform_text(p, n, out) : sp_buf_put(out, "[masked]", 8);
	default:
		return SP_ERR_INVALID;
	}
}
