/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ssh_cert.h"

#include <string.h>
#include <strings.h>

#define CERT_SUFFIX "-cert-v01@openssh.com"
#define CERT_TYPE_MAX 64
#define CERT_HOST 2
#define CERT_FIELD_MAX SP_SSH_KEY_BLOB_MAX
#define CERT_BLOB_MAX ((size_t)16 * 1024)

/* The type of the key within, and how many fields it has on the wire. */
static const struct {
	const char *type;
	unsigned fields;
} cert_types[] = {
	{ "ssh-ed25519", 1 },
	{ "ecdsa-sha2-nistp256", 2 },
	{ "ecdsa-sha2-nistp384", 2 },
	{ "ecdsa-sha2-nistp521", 2 },
	{ "ssh-rsa", 2 },
};

bool
sp_ssh_cert_is(struct sp_view blob)
{
	struct sp_buf *b = sp_buf_from(blob.data, blob.len);
	size_t n = strlen(CERT_SUFFIX);
	struct sp_view type;
	bool is_cert = b != NULL && sp_buf_get_view(b, CERT_TYPE_MAX, &type) == 0 && type.len > n &&
	    memcmp(type.data + type.len - n, CERT_SUFFIX, n) == 0;

	sp_buf_free(b);
	return is_cert;
}

/* Appends what `TYPE, fields` would be for the plain key. */
static int
cert_get_key(struct sp_buf *b, struct sp_buf *plain)
{
	size_t i, n = strlen(CERT_SUFFIX);
	struct sp_view type, nonce, field;
	unsigned fields;
	int r = sp_buf_get_view(b, CERT_TYPE_MAX, &type);

	if (r != 0)
		return r;
	for (i = 0; i < sizeof(cert_types) / sizeof(cert_types[0]); i++)
		if (type.len == strlen(cert_types[i].type) + n &&
		    memcmp(type.data, cert_types[i].type, type.len - n) == 0 &&
		    memcmp(type.data + type.len - n, CERT_SUFFIX, n) == 0)
			break;
	if (i == sizeof(cert_types) / sizeof(cert_types[0]))
		return SP_ERR_UNSUPPORTED;
	r = sp_buf_get_view(b, CERT_FIELD_MAX, &nonce);
	sp_buf_put_cstring(plain, cert_types[i].type);
	for (fields = 0; r == 0 && fields < cert_types[i].fields; fields++) {
		r = sp_buf_get_view(b, CERT_FIELD_MAX, &field);
		if (r == 0)
			r = sp_buf_put_string(plain, field.data, field.len);
	}
	return r;
}

/* Strings to the end, not too many. */
static int
cert_check_names(struct sp_view principals)
{
	struct sp_buf *b = sp_buf_from(principals.data, principals.len);
	struct sp_view name;
	unsigned n = 0;
	int r = b == NULL ? SP_ERR_NOMEM : 0;

	while (r == 0 && sp_buf_len(b) > 0)
		r = ++n > SP_SSH_CERT_PRINCIPALS_MAX ? SP_ERR_LIMIT : sp_buf_get_view(b, SP_SSH_CERT_NAME_MAX, &name);
	sp_buf_free(b);
	return r;
}

static int
cert_get(struct sp_buf *b, struct sp_view blob, struct sp_buf *plain, struct sp_ssh_cert *c)
{
	struct sp_view key_id, critical, extensions, reserved;
	uint64_t serial;
	uint32_t type = 0;
	int r = cert_get_key(b, plain);

	if (r == 0)
		r = sp_buf_get_u64(b, &serial);
	if (r == 0)
		r = sp_buf_get_u32(b, &type);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_CERT_NAME_MAX, &key_id);
	if (r == 0)
		r = sp_buf_get_view(b, CERT_BLOB_MAX, &c->principals);
	if (r == 0)
		r = sp_buf_get_u64(b, &c->valid_after);
	if (r == 0)
		r = sp_buf_get_u64(b, &c->valid_before);
	if (r == 0)
		r = sp_buf_get_view(b, CERT_BLOB_MAX, &critical);
	if (r == 0 && critical.len != 0)
		return SP_ERR_UNSUPPORTED; /* there are none for hosts */
	if (r == 0)
		r = sp_buf_get_view(b, CERT_BLOB_MAX, &extensions);
	if (r == 0)
		r = sp_buf_get_view(b, CERT_FIELD_MAX, &reserved);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &c->authority);
	if (r == 0) {
		c->signed_part.data = blob.data;
		c->signed_part.len = blob.len - sp_buf_len(b);
		r = sp_buf_get_view(b, SP_SSH_KEY_SIGNATURE_MAX, &c->signature);
	}
	if (r == 0 && type != CERT_HOST)
		return SP_ERR_INVALID;
	return r == 0 ? cert_check_names(c->principals) : r;
}

int
sp_ssh_cert_parse(struct sp_view blob, struct sp_ssh_cert *ret_cert, struct sp_ssh_key **ret_key)
{
	struct sp_buf *b = blob.len > CERT_BLOB_MAX ? NULL : sp_buf_from(blob.data, blob.len);
	struct sp_buf *plain = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	struct sp_view key;
	int r = blob.len > CERT_BLOB_MAX ? SP_ERR_LIMIT : SP_ERR_NOMEM;

	memset(ret_cert, 0, sizeof(*ret_cert));
	if (b != NULL && plain != NULL)
		r = cert_get(b, blob, plain, ret_cert);
	if (r == SP_ERR_INCOMPLETE || (r == 0 && sp_buf_len(b) != 0))
		r = SP_ERR_FORMAT;
	if (r == 0) {
		key.data = sp_buf_data(plain);
		key.len = sp_buf_len(plain);
		r = sp_ssh_key_public(key, ret_key);
	}
	sp_buf_free(b);
	sp_buf_free(plain);
	return r;
}

/* Host names are compared as OpenSSH's client does, which lowers the name it looks for. No patterns. */
static bool
cert_has_name(const struct sp_ssh_cert *cert, const char *name)
{
	struct sp_buf *b = sp_buf_from(cert->principals.data, cert->principals.len);
	struct sp_view v;
	bool has = false;

	while (b != NULL && !has && sp_buf_len(b) > 0 && sp_buf_get_view(b, SP_SSH_CERT_NAME_MAX, &v) == 0)
		has = v.len == strlen(name) && strncasecmp((const char *)v.data, name, v.len) == 0;
	sp_buf_free(b);
	return has;
}

int
sp_ssh_cert_check(const struct sp_ssh_cert *cert, const struct sp_ssh_key *authority, const char *name, int64_t now)
{
	struct sp_view ca = sp_ssh_key_blob(authority);
	int r;

	if (ca.len != cert->authority.len || memcmp(ca.data, cert->authority.data, ca.len) != 0)
		return SP_ERR_NOT_FOUND;
	r = sp_ssh_key_verify(authority, cert->signed_part, cert->signature);
	if (r != 0)
		return r;
	if (now < 0 || (uint64_t)now < cert->valid_after)
		return SP_ERR_NOT_YET;
	if ((uint64_t)now >= cert->valid_before)
		return SP_ERR_EXPIRED;
	return cert_has_name(cert, name) ? 0 : SP_ERR_NOT_FOUND;
}
