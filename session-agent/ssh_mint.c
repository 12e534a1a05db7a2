/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ssh_mint.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "proto/ssh_cert.h"
#include "proto/ssh_key.h"

#define MINT_SOURCES_MAX 1024 /* bytes */

/* The networks with commas between; each is one word, the compiler saw to that. */
static int
mint_sources(const struct sp_policy_connection *c, struct sp_buf *out)
{
	size_t i;

	for (i = 0; i < c->nsource_addresses; i++)
		sp_buf_putf(out, "%s%s", i > 0 ? "," : "", c->source_addresses[i]);
	sp_buf_put_u8(out, 0);
	return sp_buf_error(out);
}

/* `string file, string certificate` of a fresh key. */
static int
mint_make(const struct sp_ssh_cert_terms *terms, const struct sp_ssh_key *ca, struct sp_buf *out)
{
	struct sp_buf *file = sp_buf_new(SP_SSH_KEY_TEXT_MAX), *certificate = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	struct sp_ssh_key *key = NULL;
	int r = file == NULL || certificate == NULL ? SP_ERR_NOMEM : sp_ssh_key_fresh(file);

	if (r == 0)
		r = sp_ssh_key_private(sp_buf_data(file), sp_buf_len(file), &key);
	if (r == 0)
		r = sp_ssh_cert_write(terms, key, ca, certificate);
	if (r == 0) {
		sp_buf_put_string(out, sp_buf_data(file), sp_buf_len(file));
		r = sp_buf_put_string(out, sp_buf_data(certificate), sp_buf_len(certificate));
	}
	sp_ssh_key_free(key);
	sp_buf_free(file);
	sp_buf_free(certificate);
	return r;
}

int
sp_ssh_mint(const struct sp_policy_connection *c, const char *user, const char *session_id, bool is_way,
    const char *command, int64_t now, struct sp_secret **secret)
{
	struct sp_buf *out = sp_buf_new(SP_SECRET_MAX), *sources = sp_buf_new(MINT_SOURCES_MAX);
	struct sp_ssh_cert_terms terms = { .principal = c->principal, .is_way = is_way,
		.command = is_way || strlen(command) > SP_SSH_MINT_COMMAND_MAX ? "" : command };
	struct sp_secret *minted = NULL;
	struct sp_ssh_key *ca = NULL;
	char id[160];
	int r = out == NULL || sources == NULL ? SP_ERR_NOMEM : mint_sources(c, sources);

	(void)snprintf(id, sizeof(id), "sallyport %s %s", user, session_id);
	if (r == 0 && (now <= SP_SSH_MINT_SKEW || c->certificate_seconds == 0))
		r = SP_ERR_INVALID;
	if (r == 0)
		r = sp_ssh_key_private(sp_secret_data(*secret), sp_secret_len(*secret), &ca);
	if (r == SP_ERR_FORMAT)
		r = SP_ERR_INVALID;
	if (r == 0 && RAND_bytes((uint8_t *)&terms.serial, sizeof(terms.serial)) != 1)
		r = SP_ERR_CRYPTO;
	if (r == 0) {
		terms.key_id = id;
		terms.valid_after = (uint64_t)now - SP_SSH_MINT_SKEW;
		terms.valid_before = (uint64_t)now + c->certificate_seconds;
		terms.source_address = (const char *)sp_buf_data(sources);
		r = mint_make(&terms, ca, out);
	}
	if (r == 0)
		r = sp_secret_new(sp_buf_data(out), sp_buf_len(out), &minted);
	sp_ssh_key_free(ca);
	sp_buf_free(out);
	sp_buf_free(sources);
	sp_secret_free(*secret);
	*secret = minted;
	return r;
}
