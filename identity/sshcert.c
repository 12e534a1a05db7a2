/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/sshcert.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define SP_SSHCERT_USER 1 /* SSH_CERT_TYPE_USER */
#define SP_SSHCERT_NONCE_MAX 128
#define SP_SSHCERT_SIG_MAX 256
#define SP_SSHCERT_KEY_MAX 256

struct sp_sshcert_kind {
	const char *cert;  /* name of the certificate type */
	const char *plain; /* name of the key type, also of its signatures */
	enum sp_jwa alg;   /* the same thing in JOSE terms */
};

static const struct sp_sshcert_kind sp_sshcert_kinds[] = {
    {"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256", SP_JWA_ES256},
    {"ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", SP_JWA_EDDSA},
};

struct sp_sshcert {
	const struct sp_sshcert_kind *kind;
	struct sp_pubkey *key;
	struct sp_view key_blob;
	struct sp_view token;
	bool has_token;
	uint64_t valid_after;
	uint64_t valid_before;
	char *principals[SP_SSHCERT_PRINCIPALS];
	size_t principals_count;
};

static const struct sp_sshcert_kind *
sp_sshcert_kind(const char *type)
{
	for (size_t i = 0; i < sizeof(sp_sshcert_kinds) / sizeof(sp_sshcert_kinds[0]); i++) {
		if (strcmp(type, sp_sshcert_kinds[i].cert) == 0)
			return &sp_sshcert_kinds[i];
	}
	return NULL;
}

bool
sp_sshcert_is_type(const char *type)
{
	return sp_sshcert_kind(type) != NULL;
}

void
sp_sshcert_free(struct sp_sshcert *cert)
{
	if (cert == NULL)
		return;
	for (size_t i = 0; i < cert->principals_count; i++)
		free(cert->principals[i]);
	sp_pubkey_free(cert->key);
	free(cert);
}

const struct sp_pubkey *
sp_sshcert_key(const struct sp_sshcert *cert)
{
	return cert->key;
}

const char *
sp_sshcert_key_type(const struct sp_sshcert *cert)
{
	return cert->kind->plain;
}

struct sp_view
sp_sshcert_key_blob(const struct sp_sshcert *cert)
{
	return cert->key_blob;
}

size_t
sp_sshcert_principals(const struct sp_sshcert *cert)
{
	return cert->principals_count;
}

const char *
sp_sshcert_principal(const struct sp_sshcert *cert, size_t i)
{
	return i < cert->principals_count ? cert->principals[i] : NULL;
}

struct sp_view
sp_sshcert_token(const struct sp_sshcert *cert)
{
	return cert->token;
}

uint64_t
sp_sshcert_valid_before(const struct sp_sshcert *cert)
{
	return cert->valid_before;
}

static bool
sp_sshcert_view_is(struct sp_view v, const char *s)
{
	return v.len == strlen(s) && memcmp(v.data, s, v.len) == 0;
}

static int
sp_sshcert_bad(struct sp_reason *why, int err, const char *what)
{
	return sp_reason_set(why, err == SP_ERR_INCOMPLETE ? SP_ERR_FORMAT : err, "certificate: %s: %s", what,
	    err == SP_ERR_INCOMPLETE ? "cut short" : sp_err_str(err));
}

/* The key after its type name: the curve and the point, or the Ed25519 key. */
static int
sp_sshcert_read_key(
    struct sp_buf *b, const struct sp_sshcert_kind *kind, struct sp_reason *why, struct sp_pubkey **ret_key)
{
	struct sp_view v;
	int r = sp_buf_get_view(b, SP_SSHCERT_KEY_MAX, &v);

	if (r != 0)
		return sp_sshcert_bad(why, r, "public key");
	if (kind->alg == SP_JWA_EDDSA)
		return sp_pubkey_ed25519(v, why, ret_key);
	if (!sp_sshcert_view_is(v, "nistp256"))
		return sp_sshcert_bad(why, SP_ERR_INVALID, "curve of the public key");
	r = sp_buf_get_view(b, SP_SSHCERT_KEY_MAX, &v);
	if (r != 0)
		return sp_sshcert_bad(why, r, "public key");
	return sp_pubkey_ec(SP_JWA_KEY_P256, v, why, ret_key);
}

/* [a-zA-Z0-9_][a-zA-Z0-9._+@-]{0,127}: nothing that means something in an authorized_keys option or a pattern. */
static bool
sp_sshcert_is_principal(struct sp_view v)
{
	if (v.len == 0 || v.len > SP_SSHCERT_PRINCIPAL_MAX)
		return false;
	for (size_t i = 0; i < v.len; i++) {
		uint8_t c = v.data[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')
			continue;
		if (i == 0 || (c != '.' && c != '+' && c != '@' && c != '-'))
			return false;
	}
	return true;
}

static int
sp_sshcert_read_principals(struct sp_view list, struct sp_sshcert *cert, struct sp_reason *why)
{
	struct sp_buf *b = sp_buf_from(list.data, list.len);
	struct sp_view v;
	int r = b == NULL ? SP_ERR_NOMEM : 0;

	while (r == 0 && sp_buf_len(b) > 0) {
		r = sp_buf_get_view(b, SP_SSHCERT_PRINCIPAL_MAX, &v);
		if (r != 0) {
			r = sp_sshcert_bad(why, r, "principals");
		} else if (!sp_sshcert_is_principal(v)) {
			r = sp_sshcert_bad(why, SP_ERR_INVALID, "a principal with characters that are not taken");
		} else if (cert->principals_count == SP_SSHCERT_PRINCIPALS) {
			r = sp_sshcert_bad(why, SP_ERR_LIMIT, "principals");
		} else {
			cert->principals[cert->principals_count] = strndup((const char *)v.data, v.len);
			if (cert->principals[cert->principals_count] == NULL)
				r = SP_ERR_NOMEM;
			else
				cert->principals_count++;
		}
	}
	sp_buf_free(b);
	return r;
}

/* The data of an extension with a value is itself one string, and nothing after it. */
static int
sp_sshcert_read_token(struct sp_view data, struct sp_sshcert *cert, struct sp_reason *why)
{
	struct sp_buf *b = sp_buf_from(data.data, data.len);
	int r = b == NULL ? SP_ERR_NOMEM : sp_buf_get_view(b, SP_SSHCERT_TOKEN_MAX, &cert->token);

	if (r == 0 && sp_buf_len(b) > 0)
		r = SP_ERR_FORMAT;
	sp_buf_free(b);
	if (r != 0)
		return sp_sshcert_bad(why, r, "extension openpubkey-pkt");
	cert->has_token = true;
	return 0;
}

/* -1, 0 or 1 as a sorts before, with or after b. */
static int
sp_sshcert_compare(struct sp_view a, struct sp_view b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int c = n == 0 ? 0 : memcmp(a.data, b.data, n);

	if (c != 0)
		return c < 0 ? -1 : 1;
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

/* PROTOCOL.certkeys: names in order and at most once. That makes a second openpubkey-pkt impossible. */
static int
sp_sshcert_read_extensions(struct sp_view list, struct sp_sshcert *cert, struct sp_reason *why)
{
	struct sp_buf *b = sp_buf_from(list.data, list.len);
	struct sp_view name, data, last = {NULL, 0};
	int r = b == NULL ? SP_ERR_NOMEM : 0;
	int count = 0;

	while (r == 0 && sp_buf_len(b) > 0) {
		r = sp_buf_get_view(b, SP_SSHCERT_KEY_ID_MAX, &name);
		if (r == 0)
			r = sp_buf_get_view(b, SP_SSHCERT_BASE64_MAX, &data);
		if (r != 0)
			r = sp_sshcert_bad(why, r, "extensions");
		else if (++count > SP_SSHCERT_OPTIONS)
			r = sp_sshcert_bad(why, SP_ERR_LIMIT, "extensions");
		else if (last.data != NULL && sp_sshcert_compare(last, name) >= 0)
			r = sp_sshcert_bad(why, SP_ERR_FORMAT, "an extension twice or out of order");
		else if (sp_sshcert_view_is(name, "openpubkey-pkt"))
			r = sp_sshcert_read_token(data, cert, why);
		last = name;
	}
	sp_buf_free(b);
	return r;
}

/* mpint of at most 32 significant bytes, positive and minimal, right-aligned into out. */
static int
sp_sshcert_read_mpint(struct sp_buf *b, uint8_t out[32])
{
	struct sp_view v;
	int r = sp_buf_get_view(b, 33, &v);

	if (r != 0)
		return r;
	if (v.len == 0 || (v.data[0] & 0x80) != 0)
		return SP_ERR_FORMAT;
	if (v.data[0] == 0) {
		if (v.len < 2 || (v.data[1] & 0x80) == 0)
			return SP_ERR_FORMAT;
		v.data++;
		v.len--;
	}
	if (v.len > 32)
		return SP_ERR_FORMAT;
	memset(out, 0, 32);
	memcpy(out + 32 - v.len, v.data, v.len);
	return 0;
}

/* The signature of a certificate as r || s or as it is; *ret_sig points into raw or the buffer. */
static int
sp_sshcert_read_signature(
    const struct sp_sshcert_kind *kind, struct sp_view blob, uint8_t raw[64], struct sp_view *ret_sig)
{
	struct sp_buf *outer = sp_buf_from(blob.data, blob.len), *inner = NULL;
	struct sp_view name, sig;
	int r = SP_ERR_NOMEM;

	if (outer == NULL)
		goto out;
	r = sp_buf_get_view(outer, SP_SSHCERT_KEY_MAX, &name);
	if (r == 0)
		r = sp_buf_get_view(outer, SP_SSHCERT_SIG_MAX, &sig);
	if (r == 0 && (!sp_sshcert_view_is(name, kind->plain) || sp_buf_len(outer) > 0))
		r = SP_ERR_FORMAT;
	if (r != 0)
		goto out;
	*ret_sig = sig;
	if (kind->alg == SP_JWA_EDDSA)
		goto out;
	inner = sp_buf_from(sig.data, sig.len);
	r = inner == NULL ? SP_ERR_NOMEM : sp_sshcert_read_mpint(inner, raw);
	if (r == 0)
		r = sp_sshcert_read_mpint(inner, raw + 32);
	if (r == 0 && sp_buf_len(inner) > 0)
		r = SP_ERR_FORMAT;
	ret_sig->data = raw;
	ret_sig->len = 64;
out:
	sp_buf_free(outer);
	sp_buf_free(inner);
	return r;
}

/* What comes after the extensions: reserved, the signing key, the signature over all before it. */
static int
sp_sshcert_read_tail(struct sp_buf *b, struct sp_view blob, struct sp_sshcert *cert, struct sp_reason *why)
{
	struct sp_view reserved, sig_blob, sig, name, signed_part = {blob.data, 0};
	struct sp_pubkey *signer = NULL;
	struct sp_buf *k = NULL;
	uint8_t raw[64];
	int r = sp_buf_get_view(b, 0, &reserved);

	if (r == 0)
		r = sp_buf_get_view(b, SP_SSHCERT_KEY_MAX, &cert->key_blob);
	if (r == 0) {
		signed_part.len = blob.len - sp_buf_len(b);
		r = sp_buf_get_view(b, SP_SSHCERT_SIG_MAX, &sig_blob);
	}
	if (r == 0 && sp_buf_len(b) > 0)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = sp_sshcert_read_signature(cert->kind, sig_blob, raw, &sig);
	if (r != 0)
		return sp_sshcert_bad(why, r, "reserved field, signing key or signature");
	k = sp_buf_from(cert->key_blob.data, cert->key_blob.len);
	r = k == NULL ? SP_ERR_NOMEM : sp_buf_get_view(k, SP_SSHCERT_KEY_MAX, &name);
	if (r == 0 && !sp_sshcert_view_is(name, cert->kind->plain))
		r = sp_sshcert_bad(why, SP_ERR_INVALID, "signed by a key of another type");
	if (r == 0)
		r = sp_sshcert_read_key(k, cert->kind, why, &signer);
	if (r == 0 && sp_buf_len(k) > 0)
		r = sp_sshcert_bad(why, SP_ERR_FORMAT, "bytes after the signing key");
	if (r == 0 && !sp_pubkey_equal(signer, cert->key))
		r = sp_sshcert_bad(why, SP_ERR_INVALID, "signed by another key than the one it certifies");
	if (r == 0)
		r = sp_pubkey_verify(signer, cert->kind->alg, signed_part, sig, why);
	sp_buf_free(k);
	sp_pubkey_free(signer);
	return r;
}

/* Serial up to critical options, with the checks that need no signature. */
static int
sp_sshcert_read_body(struct sp_buf *b, struct sp_sshcert *cert, struct sp_reason *why)
{
	struct sp_view key_id, principals, critical, extensions;
	uint64_t serial;
	uint32_t type;
	int r = sp_buf_get_u64(b, &serial);

	if (r == 0)
		r = sp_buf_get_u32(b, &type);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSHCERT_KEY_ID_MAX, &key_id);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSHCERT_PRINCIPALS * (SP_SSHCERT_PRINCIPAL_MAX + 4), &principals);
	if (r == 0)
		r = sp_buf_get_u64(b, &cert->valid_after);
	if (r == 0)
		r = sp_buf_get_u64(b, &cert->valid_before);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSHCERT_BASE64_MAX, &critical);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSHCERT_BASE64_MAX, &extensions);
	if (r != 0)
		return sp_sshcert_bad(why, r, "fields");
	if (type != SP_SSHCERT_USER)
		return sp_sshcert_bad(why, SP_ERR_INVALID, "not a user certificate");
	if (!sp_text_is_plain(key_id.data, key_id.len))
		return sp_sshcert_bad(why, SP_ERR_FORMAT, "key id with control characters");
	if (critical.len > 0)
		return sp_sshcert_bad(why, SP_ERR_UNSUPPORTED, "critical options");
	r = sp_sshcert_read_principals(principals, cert, why);
	return r != 0 ? r : sp_sshcert_read_extensions(extensions, cert, why);
}

static int
sp_sshcert_read(struct sp_buf *b, struct sp_view blob, struct sp_sshcert *cert, struct sp_reason *why)
{
	struct sp_view name, nonce;
	int r = sp_buf_get_view(b, SP_SSHCERT_KEY_MAX, &name);

	if (r == 0 && !sp_sshcert_view_is(name, cert->kind->cert))
		return sp_sshcert_bad(why, SP_ERR_INVALID, "its type is not the one announced");
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSHCERT_NONCE_MAX, &nonce);
	if (r != 0)
		return sp_sshcert_bad(why, r, "type or nonce");
	r = sp_sshcert_read_key(b, cert->kind, why, &cert->key);
	if (r == 0)
		r = sp_sshcert_read_body(b, cert, why);
	if (r == 0 && !cert->has_token)
		return sp_reason_set(why, SP_ERR_NOT_FOUND, "certificate: no openpubkey-pkt extension");
	return r != 0 ? r : sp_sshcert_read_tail(b, blob, cert, why);
}

int
sp_sshcert_parse(
    const char *type, struct sp_view blob, int64_t now, struct sp_reason *why, struct sp_sshcert **ret_cert)
{
	const struct sp_sshcert_kind *kind = sp_sshcert_kind(type);
	struct sp_sshcert *cert = NULL;
	struct sp_buf *b = NULL;
	int r;

	if (kind == NULL)
		return sp_reason_set(why, SP_ERR_UNSUPPORTED, "certificate: its type is not taken");
	if (blob.len > SP_SSHCERT_BASE64_MAX)
		return sp_sshcert_bad(why, SP_ERR_LIMIT, "size");
	cert = calloc(1, sizeof(*cert));
	b = sp_buf_from(blob.data, blob.len);
	if (cert == NULL || b == NULL) {
		r = SP_ERR_NOMEM;
		goto out;
	}
	cert->kind = kind;
	r = sp_sshcert_read(b, blob, cert, why);
	if (r != 0)
		goto out;
	if (now < 0 || (uint64_t)now < cert->valid_after)
		r = sp_sshcert_bad(why, SP_ERR_NOT_YET, "validity");
	else if ((uint64_t)now >= cert->valid_before)
		r = sp_sshcert_bad(why, SP_ERR_EXPIRED, "validity");
out:
	sp_buf_free(b);
	if (r != 0) {
		sp_sshcert_free(cert);
		return r;
	}
	*ret_cert = cert;
	return 0;
}
