/* SPDX-License-Identifier: Apache-2.0 */
/* PK tokens: splitting, headers, claims, the commitment and the CIC. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "identity/claims.h"
#include "identity/gq.h"
#include "identity/jwk.h"
#include "identity/pktoken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key that the corpus names as upk, so that the CIC's own signature is reached. */
static void
check_with_own_key(const struct sp_pktoken *t, const uint8_t *data, size_t size)
{
	static const uint8_t any[32] = {1};
	const struct sp_view raw = {size >= 32 ? data : any, 32};
	struct sp_pubkey *key = NULL;
	struct sp_reason why;

	if (sp_pubkey_ed25519(raw, &why, &key) != 0)
		return;
	if (sp_pktoken_check_cic(t, key, &why) == 0)
		abort(); /* nobody signed with that key */
	sp_pubkey_free(key);
}

/* A proof is looked at with a key that has the wanted form, whatever jkt says of it. */
static void
check_proof(const struct sp_pktoken *t)
{
	static const uint8_t e[] = {1, 0, 1};
	static uint8_t n[256];
	static struct sp_pubkey *key;
	struct sp_jws_header original;
	struct sp_reason why;

	if (key == NULL) {
		memset(n, 0xb5, sizeof(n));
		if (sp_pubkey_rsa((struct sp_view){n, sizeof(n)}, (struct sp_view){e, sizeof(e)}, &why, &key) != 0)
			abort();
	}
	if (sp_gq_original(sp_pktoken_op_header(t), &why, &original) != 0)
		return;
	sp_jws_header_clear(&original);
	if (sp_gq_verify(sp_pktoken_op(t), sp_pktoken_op_header(t), key, &why) == 0)
		abort(); /* nobody has signed with that key */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char url[] = "https://idp.example", id[] = "sallyport", claim[] = "email", domain[] = "example.com",
		    groups[] = "groups";
	struct sp_issuer is = {.issuer = url,
	    .client_id = id,
	    .user_claim = claim,
	    .user_domain = domain,
	    .groups_claim = groups,
	    .skew = 60};
	char commitment[SP_PKTOKEN_COMMITMENT + 1];
	struct sp_pktoken *t = NULL;
	struct sp_claims claims;
	struct sp_reason why = {""};
	json_t *list = NULL;

	if (sp_pktoken_parse((struct sp_view){data, size}, &why, &t) != 0)
		return 0;
	if (sp_pktoken_commitment(t, commitment) != 0 || strlen(commitment) != SP_PKTOKEN_COMMITMENT)
		abort();
	(void)!sp_claims_check(sp_pktoken_claims(t), &is, 1795353002, &why, &claims);
	(void)!sp_claims_check_user(sp_pktoken_claims(t), &is, "alice", &why);
	if (sp_claims_groups(sp_pktoken_claims(t), &is, &why, &list) == 0)
		json_decref(list);
	check_with_own_key(t, data, size);
	if (sp_gq_is(sp_pktoken_op_header(t)))
		check_proof(t);
	sp_pktoken_free(t);
	return 0;
}
