/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/issuer.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum sp_issuer_expiry expiry;
} sp_issuer_expiries[] = {
    {"oidc", SP_ISSUER_OIDC},
    {"oidc_refreshed", SP_ISSUER_OIDC_REFRESHED},
    {"oidc-refreshed", SP_ISSUER_OIDC_REFRESHED},
    {"12h", SP_ISSUER_12H},
    {"24h", SP_ISSUER_24H},
    {"48h", SP_ISSUER_48H},
    {"1week", SP_ISSUER_1WEEK},
};

struct sp_issuer *
sp_issuer_new(void)
{
	struct sp_issuer *is = calloc(1, sizeof(*is));

	if (is == NULL)
		return NULL;
	is->algorithms = 1u << SP_JWA_RS256 | 1u << SP_JWA_PS256 | 1u << SP_JWA_ES256 | 1u << SP_JWA_EDDSA;
	is->expiry = SP_ISSUER_OIDC;
	is->skew = SP_ISSUER_SKEW;
	is->stale = SP_ISSUER_STALE;
	return is;
}

void
sp_issuer_free(struct sp_issuer *is)
{
	if (is == NULL)
		return;
	for (size_t i = 0; i < is->trusted_count; i++)
		free(is->trusted_audiences[i]);
	for (size_t i = 0; i < is->nlogins; i++) {
		free(is->logins[i].user);
		free(is->logins[i].claim);
		free(is->logins[i].value);
	}
	free(is->logins);
	free(is->issuer);
	free(is->client_id);
	free(is->user_claim);
	free(is->user_domain);
	free(is->groups_claim);
	free(is->ca);
	free(is->ca_pem);
	free(is);
}

int
sp_issuer_expiry_by_name(const char *name, enum sp_issuer_expiry *ret_expiry)
{
	for (size_t i = 0; i < sizeof(sp_issuer_expiries) / sizeof(sp_issuer_expiries[0]); i++) {
		if (strcmp(name, sp_issuer_expiries[i].name) == 0) {
			*ret_expiry = sp_issuer_expiries[i].expiry;
			return 0;
		}
	}
	return SP_ERR_INVALID;
}

int64_t
sp_issuer_expiry_seconds(enum sp_issuer_expiry expiry)
{
	switch (expiry) {
	case SP_ISSUER_OIDC:
	case SP_ISSUER_OIDC_REFRESHED:
		return 0;
	case SP_ISSUER_12H:
		return 12 * 3600;
	case SP_ISSUER_24H:
		return 24 * 3600;
	case SP_ISSUER_48H:
		return 48 * 3600;
	case SP_ISSUER_1WEEK:
		return 7 * 24 * 3600;
	}
	return 0;
}
