/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/rand.h>
#include <string.h>

#include "proto/ssh_cert.h"

#define CERT_SUFFIX "-cert-v01@openssh.com"
#define CERT_USER 1
#define CERT_HOST 2
#define CERT_NONCE 32
#define CERT_PART_MAX ((size_t)4 * 1024)

/* `string name, string data`, the data of an option with a value being a string of its own. */
static void
write_option(struct sp_buf *b, const char *name, const char *value)
{
	sp_buf_put_cstring(b, name);
	if (value == NULL) {
		sp_buf_put_u32(b, 0);
		return;
	}
	sp_buf_put_u32(b, (uint32_t)strlen(value) + 4);
	sp_buf_put_cstring(b, value);
}

static int
write_part(struct sp_buf *out, struct sp_buf *part)
{
	int r = sp_buf_error(part);

	if (r == 0)
		r = sp_buf_put_string(out, sp_buf_data(part), sp_buf_len(part));
	sp_buf_reset(part);
	return r;
}

/* The certificate's type, a nonce, and the fields of the plain key. */
static int
write_key(struct sp_buf *out, const struct sp_ssh_key *key)
{
	struct sp_view blob = sp_ssh_key_blob(key);
	size_t n = strlen(sp_ssh_key_type(key));
	uint8_t nonce[CERT_NONCE];

	if (RAND_bytes(nonce, sizeof(nonce)) != 1)
		return SP_ERR_CRYPTO;
	sp_buf_put_u32(out, (uint32_t)(n + strlen(CERT_SUFFIX)));
	sp_buf_put(out, sp_ssh_key_type(key), n);
	sp_buf_put(out, CERT_SUFFIX, strlen(CERT_SUFFIX));
	sp_buf_put_string(out, nonce, sizeof(nonce));
	return sp_buf_put(out, blob.data + 4 + n, blob.len - 4 - n);
}

/* All that is signed. */
static int
write_body(const struct sp_ssh_cert_terms *t, const struct sp_ssh_key *key, const struct sp_ssh_key *ca, struct sp_buf *out)
{
	struct sp_buf *part = sp_buf_new(CERT_PART_MAX + t->names.len);
	struct sp_view authority = sp_ssh_key_blob(ca);
	int r = part == NULL ? SP_ERR_NOMEM : write_key(out, key);

	if (r == 0) {
		sp_buf_put_u64(out, t->serial);
		sp_buf_put_u32(out, t->is_host ? CERT_HOST : CERT_USER);
		sp_buf_put_cstring(out, t->key_id);
		if (t->is_host)
			sp_buf_put(part, t->names.data, t->names.len);
		else
			sp_buf_put_cstring(part, t->principal);
		r = write_part(out, part);
	}
	if (r == 0) {
		sp_buf_put_u64(out, t->valid_after);
		sp_buf_put_u64(out, t->valid_before);
		if (t->is_way || t->command[0] != '\0') /* in the order of their names, as with what follows */
			write_option(part, "force-command", t->is_way ? SP_SSH_CERT_NOTHING : t->command);
		if (t->source_address[0] != '\0')
			write_option(part, "source-address", t->source_address);
		r = write_part(out, part);
	}
	if (r == 0) {
		if (!t->is_host)
			write_option(part, t->is_way ? "permit-port-forwarding" : "permit-pty", NULL);
		r = write_part(out, part);
	}
	if (r == 0) {
		sp_buf_put_u32(out, 0); /* reserved */
		r = sp_buf_put_string(out, authority.data, authority.len);
	}
	sp_buf_free(part);
	return r;
}

int
sp_ssh_cert_write(
    const struct sp_ssh_cert_terms *t, const struct sp_ssh_key *key, const struct sp_ssh_key *ca, struct sp_buf *out)
{
	struct sp_buf *body = sp_buf_new(SP_SSH_KEY_BLOB_MAX + t->names.len), *signature = sp_buf_new(SP_SSH_KEY_SIGNATURE_MAX);
	uint32_t flags = strcmp(sp_ssh_key_type(ca), "ssh-rsa") == 0 ? SP_SSH_KEY_SHA2_512 : 0;
	struct sp_view v;
	int r = SP_ERR_INVALID;

	if ((t->command[0] != '\0' && (t->is_host || t->is_way)) || t->key_id[0] == '\0' || t->valid_after >= t->valid_before ||
	    (t->is_host ? t->is_way || t->names.len == 0 || t->principal[0] != '\0' || t->source_address[0] != '\0'
			: t->names.len != 0 || t->principal[0] == '\0'))
		goto out;
	r = SP_ERR_NOMEM;
	if (body == NULL || signature == NULL)
		goto out;
	r = write_body(t, key, ca, body);
	if (r != 0)
		goto out;
	v.data = sp_buf_data(body);
	v.len = sp_buf_len(body);
	r = sp_ssh_key_sign(ca, flags, v, signature);
	if (r != 0)
		goto out;
	sp_buf_put(out, v.data, v.len);
	r = sp_buf_put_string(out, sp_buf_data(signature), sp_buf_len(signature));
out:
	sp_buf_free(body);
	sp_buf_free(signature);
	return r;
}
