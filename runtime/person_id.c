/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/person_id.h"

#include <openssl/evp.h>
#include <string.h>

int
sp_person_id(const char *iss, const char *sub, uint8_t ret_identity[SP_PEOPLE_IDENTITY_LEN])
{
	EVP_MD_CTX *ctx;
	int r = SP_ERR_CRYPTO;

	if (iss == NULL || sub == NULL || iss[0] == '\0' || sub[0] == '\0')
		return SP_ERR_INVALID;
	ctx = EVP_MD_CTX_new();
	if (ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, iss, strlen(iss) + 1) == 1 && EVP_DigestUpdate(ctx, sub, strlen(sub) + 1) == 1 &&
	    EVP_DigestFinal_ex(ctx, ret_identity, NULL) == 1)
		r = 0;
	EVP_MD_CTX_free(ctx);
	return r;
}
