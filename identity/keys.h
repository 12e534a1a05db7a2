/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signing keys of each issuer: fetched by discovery ahead of need, kept on disk, refreshed when their
 * time is up or an unknown kid is seen (at most once a minute), used beyond their time only while the
 * provider cannot be reached and only for the configured while.
 */
#ifndef SALLYPORT_IDENTITY_KEYS_H
#define SALLYPORT_IDENTITY_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "identity/issuer.h"
#include "identity/pubkey.h"
#include "identity/reason.h"

#define SP_KEYS_TTL_MIN 300	     /* seconds */
#define SP_KEYS_TTL_MAX (24 * 3600)  /* seconds */
#define SP_KEYS_UNKNOWN_KID_EVERY 60 /* seconds between refreshes that an unknown kid causes */
#define SP_KEYS_RETRY_MIN 2	     /* seconds after the first failure */
#define SP_KEYS_RETRY_MAX 300	     /* seconds after many */

struct event_base;
struct sp_fetch;
struct sp_keys;

/* Called when a refresh of an issuer has ended, well or not. */
typedef void sp_keys_refreshed(void *ctx, const struct sp_issuer *is, bool has_changed);

/*
 * Loads what is on disk under directory and starts a refresh of every issuer. The issuers must outlive it.
 * NOMEM, SYSTEM.
 */
int sp_keys_new(struct event_base *base, struct sp_fetch *fetch, const struct sp_issuer *const *issuers, size_t count,
    const char *directory, sp_keys_refreshed *cb, void *ctx, struct sp_keys **ret_keys) SP_MUST_CHECK;
void sp_keys_free(struct sp_keys *keys); /* NULL is fine */
/* An sp_verify_find_key; ctx is the struct sp_keys. AGAIN: a refresh is under way, sp_keys_refreshed follows. */
int sp_keys_find(void *ctx, const struct sp_issuer *is, const char *kid, enum sp_jwa alg, struct sp_reason *why,
    const struct sp_pubkey **ret_key) SP_MUST_CHECK;
/* For STATUS: [{issuer, keys, age, state}]. NULL if out of memory. */
json_t *sp_keys_status(const struct sp_keys *keys) SP_MUST_CHECK;

#endif
