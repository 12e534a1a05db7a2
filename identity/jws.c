/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/jws.h"

#include <string.h>

#include "identity/json.h"
#include "identity/jwk.h"
#include "lib/text.h"

static const char *const sp_jws_refused[] = {"crit", "b64", "zip", "enc", "jwk", "jku", "x5u", "x5c"};

void
sp_jws_header_clear(struct sp_jws_header *h)
{
	json_decref(h->object);
	sp_buf_free(h->bytes);
	memset(h, 0, sizeof(*h));
}

static int
sp_jws_header_check(struct sp_jws_header *h, struct sp_reason *why)
{
	int r;

	for (size_t i = 0; i < sizeof(sp_jws_refused) / sizeof(sp_jws_refused[0]); i++) {
		if (json_object_get(h->object, sp_jws_refused[i]) != NULL)
			return sp_reason_set(why, SP_ERR_UNSUPPORTED, "header with %s", sp_jws_refused[i]);
	}
	r = sp_json_string(h->object, "alg", why, &h->alg_name);
	if (r == 0)
		r = sp_json_string(h->object, "kid", why, &h->kid);
	if (r == 0)
		r = sp_json_string(h->object, "typ", why, &h->typ);
	if (r != 0)
		return r;
	if (h->alg_name == NULL)
		return sp_reason_set(why, SP_ERR_FORMAT, "header without alg");
	if (h->kid != NULL && strlen(h->kid) > SP_JWK_KID_MAX)
		return sp_reason_set(why, SP_ERR_LIMIT, "kid is longer than %d bytes", SP_JWK_KID_MAX);
	return 0;
}

int
sp_jws_header_read(struct sp_view b64, struct sp_reason *why, struct sp_jws_header *ret_header)
{
	struct sp_jws_header h = {0};
	int r;

	h.bytes = sp_buf_new(SP_JWS_HEADER_MAX);
	if (h.bytes == NULL)
		return SP_ERR_NOMEM;
	r = sp_text_base64url_decode(h.bytes, (const char *)b64.data, b64.len);
	if (r != 0)
		r = sp_reason_set(why, r, "header is not strict base64url or too long");
	else
		r = sp_json_object(sp_buf_data(h.bytes), sp_buf_len(h.bytes), SP_JWS_HEADER_MAX, why, &h.object);
	if (r == 0)
		r = sp_jws_header_check(&h, why);
	if (r != 0) {
		sp_jws_header_clear(&h);
		return r;
	}
	*ret_header = h;
	return 0;
}

int
sp_jws_payload_read(struct sp_view b64, struct sp_reason *why, json_t **ret_object)
{
	struct sp_buf *b = sp_buf_new(SP_JWS_PAYLOAD_MAX);
	int r;

	if (b == NULL)
		return SP_ERR_NOMEM;
	r = sp_text_base64url_decode(b, (const char *)b64.data, b64.len);
	if (r != 0)
		r = sp_reason_set(why, r, "payload is not strict base64url or too long");
	else
		r = sp_json_object(sp_buf_data(b), sp_buf_len(b), SP_JWS_PAYLOAD_MAX, why, ret_object);
	sp_buf_free(b);
	return r;
}

int
sp_jws_verify(const struct sp_jws *jws, const struct sp_pubkey *key, enum sp_jwa alg, struct sp_reason *why)
{
	struct sp_buf *data = sp_buf_new(jws->header.len + jws->payload.len + 1), *sig = sp_buf_new(SP_PUBKEY_SIG_MAX);
	struct sp_view vd, vs;
	int r = SP_ERR_NOMEM;

	if (data == NULL || sig == NULL)
		goto out;
	r = sp_text_base64url_decode(sig, (const char *)jws->signature.data, jws->signature.len);
	if (r != 0) {
		r = sp_reason_set(why, r, "signature is not strict base64url or too long");
		goto out;
	}
	sp_buf_put(data, jws->header.data, jws->header.len);
	sp_buf_put_u8(data, '.');
	sp_buf_put(data, jws->payload.data, jws->payload.len);
	r = sp_buf_error(data);
	if (r != 0)
		goto out;
	vd = (struct sp_view){sp_buf_data(data), sp_buf_len(data)};
	vs = (struct sp_view){sp_buf_data(sig), sp_buf_len(sig)};
	r = sp_pubkey_verify(key, alg, vd, vs, why);
out:
	sp_buf_free(data);
	sp_buf_free(sig);
	return r;
}

int
sp_jws_split(struct sp_view compact, struct sp_reason *why, struct sp_jws *ret_jws)
{
	struct sp_view part[3];
	size_t n = 0, start = 0;

	for (size_t i = 0; i <= compact.len; i++) {
		if (i < compact.len && compact.data[i] != '.')
			continue;
		if (n == 3 || i == start)
			return sp_reason_set(why, SP_ERR_FORMAT, "a compact JWS has three parts, none empty");
		part[n].data = compact.data + start;
		part[n++].len = i - start;
		start = i + 1;
	}
	if (n != 3)
		return sp_reason_set(why, SP_ERR_FORMAT, "a compact JWS has three parts");
	*ret_jws = (struct sp_jws){part[0], part[1], part[2]};
	return 0;
}
