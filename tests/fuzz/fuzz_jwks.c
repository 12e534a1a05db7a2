/* SPDX-License-Identifier: Apache-2.0 */
/* Key sets from a provider. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t zero[64];
	struct sp_jwk_set *set = NULL;
	struct sp_reason why = {""};

	if (sp_jwk_set_parse(data, size, &why, &set) != 0)
		return 0;
	if (sp_jwk_set_count(set) == 0 || sp_jwk_set_count(set) > SP_JWK_SET_KEYS)
		abort();
	for (size_t i = 0; i < sp_jwk_set_count(set); i++) {
		const char *kid = sp_jwk_kid(sp_jwk_set_at(set, i));

		for (int alg = 0; alg < SP_JWA_COUNT; alg++) {
			const struct sp_pubkey *key = NULL;

			if (sp_jwk_set_find(set, kid, (enum sp_jwa)alg, &why, &key) != 0)
				continue;
			/* A signature of zeros is never one. */
			if (sp_pubkey_verify(key, (enum sp_jwa)alg, (struct sp_view){data, size},
				(struct sp_view){zero, sizeof(zero)}, &why) == 0 &&
			    sp_jwa_key((enum sp_jwa)alg) != SP_JWA_KEY_ED25519)
				abort();
		}
	}
	sp_jwk_set_free(set);
	return 0;
}
