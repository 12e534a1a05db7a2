/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSH certificates from anybody who can reach the SSH port. */
#include <stdint.h>
#include <stdlib.h>

#include "identity/sshcert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {
	    "ecdsa-sha2-nistp256-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com"};
	const struct sp_view blob = {data, size};

	for (size_t i = 0; i < 2; i++) {
		struct sp_sshcert *cert = NULL;
		struct sp_reason why = {""};
		struct sp_view token;

		if (sp_sshcert_parse(types[i], blob, 1795353002, &why, &cert) != 0)
			continue;
		token = sp_sshcert_token(cert);
		if (token.data < data || token.data + token.len > data + size || sp_sshcert_key(cert) == NULL)
			abort();
		sp_sshcert_free(cert);
	}
	return 0;
}
