/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/jwa.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	enum sp_jwa_key key;
} sp_jwa_table[SP_JWA_COUNT] = {
    [SP_JWA_RS256] = {"RS256", SP_JWA_KEY_RSA},
    [SP_JWA_PS256] = {"PS256", SP_JWA_KEY_RSA},
    [SP_JWA_ES256] = {"ES256", SP_JWA_KEY_P256},
    [SP_JWA_ES384] = {"ES384", SP_JWA_KEY_P384},
    [SP_JWA_ES512] = {"ES512", SP_JWA_KEY_P521},
    [SP_JWA_EDDSA] = {"EdDSA", SP_JWA_KEY_ED25519},
};

int
sp_jwa_by_name(const char *name, enum sp_jwa *ret_alg)
{
	for (int i = 0; name != NULL && i < SP_JWA_COUNT; i++) {
		if (strcmp(name, sp_jwa_table[i].name) == 0) {
			*ret_alg = (enum sp_jwa)i;
			return 0;
		}
	}
	return SP_ERR_UNSUPPORTED;
}

const char *
sp_jwa_name(enum sp_jwa alg)
{
	return (unsigned)alg < SP_JWA_COUNT ? sp_jwa_table[alg].name : "?";
}

enum sp_jwa_key
sp_jwa_key(enum sp_jwa alg)
{
	return sp_jwa_table[alg].key;
}
