/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>

#include "proto/ssh_cert.h"
#include "proto/ssh_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read signs, and its own public half verifies that. */
static void
use(const struct sp_ssh_key *key)
{
	static const uint8_t text[] = "data";
	struct sp_view data = { text, sizeof(text) }, signature;
	uint32_t flags = sp_ssh_key_algorithm(key, 0) != NULL ? 0 : SP_SSH_KEY_SHA2_512;
	struct sp_ssh_key *public = NULL;
	struct sp_buf *out = sp_buf_new(SP_SSH_KEY_SIGNATURE_MAX);

	if (out == NULL)
		return;
	if (sp_ssh_key_public(sp_ssh_key_blob(key), &public) != 0 || sp_ssh_key_sign(key, flags, data, out) != 0)
		abort();
	signature.data = sp_buf_data(out);
	signature.len = sp_buf_len(out);
	if (sp_ssh_key_verify(public, data, signature) != 0)
		abort();
	sp_ssh_key_free(public);
	sp_buf_free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_view blob = { data, size };
	struct sp_ssh_key *key = NULL;
	struct sp_ssh_cert cert;

	if (sp_ssh_key_private(data, size, &key) == 0)
		use(key);
	sp_ssh_key_free(key);
	key = NULL;
	if (sp_ssh_key_public(blob, &key) == 0 && sp_ssh_key_blob(key).len > size)
		abort();
	sp_ssh_key_free(key);
	key = NULL;
	if (sp_ssh_cert_parse(blob, &cert, &key) == 0 && (!sp_ssh_cert_is(blob) || cert.signed_part.len >= size))
		abort();
	sp_ssh_key_free(key);
	return 0;
}
