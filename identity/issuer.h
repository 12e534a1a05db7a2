/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of `issuers:` in sallyport.yaml: who is believed, and for what. */
#ifndef SALLYPORT_IDENTITY_ISSUER_H
#define SALLYPORT_IDENTITY_ISSUER_H

#include <stddef.h>
#include <stdint.h>

#include "identity/jwa.h"
#include "lib/err.h"

#define SP_ISSUER_MAX 32	    /* entries */
#define SP_ISSUER_AUDIENCES 16	    /* trusted_audiences of one */
#define SP_ISSUER_SKEW 60	    /* seconds, default */
#define SP_ISSUER_SKEW_MAX 300	    /* seconds */
#define SP_ISSUER_STALE (24 * 3600) /* seconds that keys outlive a provider that cannot be reached, default */
#define SP_ISSUER_STALE_MAX (7 * 24 * 3600)

/* How long a verified token lets someone in. */
enum sp_issuer_expiry {
	SP_ISSUER_OIDC,		  /* until exp */
	SP_ISSUER_OIDC_REFRESHED, /* until exp of the token or of its refreshed token, the later */
	SP_ISSUER_12H,		  /* iat plus that long; exp is not looked at */
	SP_ISSUER_24H,
	SP_ISSUER_48H,
	SP_ISSUER_1WEEK
};

struct sp_issuer {
	char *issuer;
	char *client_id;
	char *trusted_audiences[SP_ISSUER_AUDIENCES];
	size_t trusted_count;
	unsigned algorithms; /* bit mask by enum sp_jwa */
	enum sp_issuer_expiry expiry;
	char *user_claim;  /* whose value is the login name */
	char *user_domain; /* with user_claim email: the part after @ that is required; else NULL */
	char *groups_claim;
	char *ca;	 /* PEM file, or NULL for the system's */
	char *ca_pem;	 /* what was in it; set with ca by sp_config_load() */
	int64_t max_age; /* seconds since auth_time; 0: not asked for */
	int64_t skew;	 /* seconds */
	int64_t stale;	 /* seconds */
};

/* New entry with the defaults and empty names. NULL if out of memory. */
struct sp_issuer *sp_issuer_new(void) SP_MUST_CHECK;
void sp_issuer_free(struct sp_issuer *is); /* NULL is fine */
/* By the name in the settings: oidc, oidc_refreshed, oidc-refreshed, 12h, 24h, 48h, 1week. INVALID. */
int sp_issuer_expiry_by_name(const char *name, enum sp_issuer_expiry *ret_expiry) SP_MUST_CHECK;
/* Seconds after iat, or 0 when exp decides. */
int64_t sp_issuer_expiry_seconds(enum sp_issuer_expiry expiry);

#endif
