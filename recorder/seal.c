/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/seal.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define SP_SEAL_BASE64 ((size_t)88) /* characters of a signature */
#define SP_SEAL_TAIL (SP_SEAL_BASE64 + 2) /* separator, signature, LF */

int
sp_seal_set_hash(json_t *o, const char *name, const uint8_t h[SP_SIGN_HASH])
{
	char hex[SP_SEAL_HEX];

	sp_text_hex(hex, h, SP_SIGN_HASH);
	return json_object_set_new(o, name, json_string(hex)) == 0 ? 0 : SP_ERR_NOMEM;
}

static int
sp_seal_digest(const void *json, size_t n, uint8_t ret_h[SP_SIGN_HASH])
{
	struct sp_view v = { json, n };

	return sp_sign_hash(&v, 1, ret_h);
}

int
sp_seal_put(struct sp_buf *out, const struct sp_sign_key *key, const char *tag, char separator, json_t *object)
{
	uint8_t digest[SP_SIGN_HASH], sig[SP_SIGN_SIZE];
	char *text = NULL;
	size_t n;
	int r = sp_seal_set_hash(object, "key", sp_sign_id(key));

	if (r != 0)
		return r;
	text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text == NULL)
		return SP_ERR_NOMEM;
	n = strlen(text);
	r = n + SP_SEAL_TAIL > SP_SEAL_MAX ? SP_ERR_LIMIT : sp_seal_digest(text, n, digest);
	if (r == 0)
		r = sp_sign_digest(key, tag, digest, sig);
	if (r == 0) {
		sp_buf_put(out, text, n);
		sp_buf_put_u8(out, (uint8_t)separator);
		sp_text_base64_encode(out, sig, sizeof(sig));
		r = sp_buf_put_u8(out, '\n');
	}
	free(text);
	return r;
}

static int
sp_seal_signature(const char *p, uint8_t ret_sig[SP_SIGN_SIZE])
{
	struct sp_buf *b = sp_buf_new(SP_SIGN_SIZE);
	int r = b == NULL ? SP_ERR_NOMEM : sp_text_base64_decode(b, p, SP_SEAL_BASE64);

	if (r == 0)
		r = sp_buf_get(b, ret_sig, SP_SIGN_SIZE);
	sp_buf_free(b);
	return r == 0 || r == SP_ERR_NOMEM ? r : SP_ERR_FORMAT;
}

int
sp_seal_parse(const void *p, size_t n, const struct sp_sign_ring *keys, const char *tag, char separator,
    json_t **ret_object)
{
	uint8_t digest[SP_SIGN_HASH], sig[SP_SIGN_SIZE], id[SP_SIGN_HASH];
	const char *text = p;
	size_t len;
	json_t *o;
	int r;

	if (n > SP_SEAL_MAX)
		return SP_ERR_LIMIT;
	if (n < SP_SEAL_TAIL + 2)
		return SP_ERR_FORMAT;
	len = n - SP_SEAL_TAIL;
	if (text[len] != separator || text[n - 1] != '\n' || memchr(text, '\n', len) != NULL)
		return SP_ERR_FORMAT;
	r = sp_seal_signature(text + len + 1, sig);
	if (r != 0)
		return r;
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(o) || sp_seal_get_hash(o, "key", id) != 0) {
		json_decref(o);
		return SP_ERR_FORMAT;
	}
	r = sp_seal_digest(text, len, digest);
	if (r == 0)
		r = sp_sign_check(keys, id, tag, digest, sig);
	if (r == 0 || r == SP_ERR_NOT_FOUND || r == SP_ERR_SIGNATURE)
		*ret_object = o;
	else
		json_decref(o);
	return r;
}

int
sp_seal_get_u64(const json_t *o, const char *name, uint64_t *ret_v)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return SP_ERR_FORMAT;
	*ret_v = (uint64_t)json_integer_value(v);
	return 0;
}

const char *
sp_seal_get_string(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s == NULL ? "" : s;
}

int
sp_seal_get_hash(const json_t *o, const char *name, uint8_t ret_h[SP_SIGN_HASH])
{
	const char *s = sp_seal_get_string(o, name);

	return sp_text_unhex(ret_h, SP_SIGN_HASH, s, strlen(s));
}
