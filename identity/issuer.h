/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of `issuers:` in sallyport.yaml: who is believed, and for what. */
#ifndef SALLYPORT_IDENTITY_ISSUER_H
#define SALLYPORT_IDENTITY_ISSUER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/jwa.h"
#include "lib/err.h"

#define SP_ISSUER_MAX 32	    /* entries */
#define SP_ISSUER_AUDIENCES 16	    /* trusted_audiences of one */
#define SP_ISSUER_LOGINS 1024	    /* logins of one */
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

/* Where a token names the key that it is for (OpenPubkey; the CIC commitment). */
enum sp_issuer_commitment {
	SP_ISSUER_NONCE,    /* the claim nonce */
	SP_ISSUER_AUD,	    /* the claim aud, of a GQ256 token: workloads that choose their audience */
	SP_ISSUER_GQ_BOUND, /* the header of a GQ256 token, over a token for an audience of OpenPubkey's */
	SP_ISSUER_KEY_BOUND /* the claim cnf has the key itself (OpenID Connect Key Binding) */
};

/* A login name, and who may have it. */
struct sp_issuer_login {
	char *user;
	char *claim;
	char *value;
	bool is_pattern; /* * and ? in value stand for anything but a slash */
};

struct sp_issuer {
	char *issuer;
	char *client_id; /* NULL where commitment needs none */
	char *trusted_audiences[SP_ISSUER_AUDIENCES];
	size_t trusted_count;
	unsigned algorithms; /* bit mask by enum sp_jwa */
	enum sp_issuer_expiry expiry;
	enum sp_issuer_commitment commitment;
	bool takes_gq;	   /* with SP_ISSUER_NONCE: a GQ256 token too */
	char *user_claim;  /* whose value is the login name; NULL: only logins say */
	char *user_domain; /* with user_claim email: the part after @ that is required; else NULL */
	struct sp_issuer_login *logins;
	size_t nlogins;
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
