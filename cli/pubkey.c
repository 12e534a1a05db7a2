/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pubkey.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/text.h"

#define PUBKEY_SHA256 32
#define PUBKEY_SCHEME "SHA256:"
#define PUBKEY_DIGITS 43 /* base64 of a digest, without its = */
#define PUBKEY_FIELD_MAX ((size_t)64 * 1024)

/* Certificates: how many fields of the key follow type and nonce, and the key's own type. */
static const struct {
	const char *cert;
	const char *key;
	unsigned fields;
} pubkey_certs[] = {
	{ "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519", 1 },
	{ "ssh-rsa-cert-v01@openssh.com", "ssh-rsa", 2 },
	{ "ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256", 2 },
	{ "ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp384", 2 },
	{ "ecdsa-sha2-nistp521-cert-v01@openssh.com", "ecdsa-sha2-nistp521", 2 },
	{ "sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com", 2 },
	{ "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", 3 },
};

int
sp_cli_pubkey_fingerprint(const char *text, char hex[SP_CLI_PUBKEY_HEX])
{
	const size_t scheme = sizeof(PUBKEY_SCHEME) - 1;
	char padded[PUBKEY_DIGITS + 2];
	struct sp_buf *b;
	int r;

	if (strncmp(text, PUBKEY_SCHEME, scheme) != 0 || strlen(text + scheme) != PUBKEY_DIGITS)
		return SP_ERR_FORMAT;
	(void)snprintf(padded, sizeof(padded), "%s=", text + scheme);
	b = sp_buf_new(PUBKEY_SHA256);
	r = b == NULL ? SP_ERR_NOMEM : sp_text_base64_decode(b, padded, PUBKEY_DIGITS + 1);
	if (r == 0 && sp_buf_len(b) != PUBKEY_SHA256)
		r = SP_ERR_FORMAT;
	if (r == 0)
		sp_text_hex(hex, sp_buf_data(b), PUBKEY_SHA256);
	sp_buf_free(b);
	return r;
}

/* The key inside a certificate, as it is when it stands alone. */
static int
pubkey_inside(struct sp_buf *cert, const char *type, unsigned fields, struct sp_buf *key)
{
	struct sp_view v;
	int r = sp_buf_get_view(cert, PUBKEY_FIELD_MAX, &v); /* nonce */

	sp_buf_put_cstring(key, type);
	for (unsigned i = 0; r == 0 && i < fields; i++) {
		r = sp_buf_get_view(cert, PUBKEY_FIELD_MAX, &v);
		if (r == 0)
			r = sp_buf_put_string(key, v.data, v.len);
	}
	return r;
}

static int
pubkey_digest(const struct sp_buf *key, char hex[SP_CLI_PUBKEY_HEX])
{
	uint8_t digest[PUBKEY_SHA256];
	size_t len = 0;

	if (EVP_Q_digest(NULL, "SHA256", NULL, sp_buf_data(key), sp_buf_len(key), digest, &len) != 1 || len != PUBKEY_SHA256)
		return SP_ERR_CRYPTO;
	sp_text_hex(hex, digest, PUBKEY_SHA256);
	return 0;
}

int
sp_cli_pubkey_read(const char *text, char hex[SP_CLI_PUBKEY_HEX])
{
	size_t ntype = strcspn(text, " \t\r\n"), nkey;
	const char *base64 = text + ntype + strspn(text + ntype, " \t");
	struct sp_buf *blob = sp_buf_new(SP_CLI_PUBKEY_MAX), *rest = NULL, *key = sp_buf_new(SP_CLI_PUBKEY_MAX);
	struct sp_view type;
	int r = blob == NULL || key == NULL ? SP_ERR_NOMEM : 0;

	nkey = strcspn(base64, " \t\r\n");
	if (r == 0)
		r = ntype == 0 || nkey == 0 ? SP_ERR_FORMAT : sp_text_base64_decode(blob, base64, nkey);
	if (r == 0) {
		rest = sp_buf_from(sp_buf_data(blob), sp_buf_len(blob));
		r = rest == NULL ? SP_ERR_NOMEM : sp_buf_get_view(rest, PUBKEY_FIELD_MAX, &type);
	}
	if (r == 0 && (type.len != ntype || memcmp(type.data, text, ntype) != 0))
		r = SP_ERR_FORMAT;
	for (size_t i = 0; r == 0 && i < sizeof(pubkey_certs) / sizeof(pubkey_certs[0]); i++)
		if (strlen(pubkey_certs[i].cert) == ntype && memcmp(pubkey_certs[i].cert, text, ntype) == 0)
			r = pubkey_inside(rest, pubkey_certs[i].key, pubkey_certs[i].fields, key);
	if (r == 0 && sp_buf_len(key) == 0 && memmem(text, ntype, "-cert-", 6) != NULL)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = pubkey_digest(sp_buf_len(key) > 0 ? key : blob, hex);
	sp_buf_free(blob);
	sp_buf_free(rest);
	sp_buf_free(key);
	return r;
}
