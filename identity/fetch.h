/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTPS GET in the event loop (libcurl multi). https only, no redirects, no proxy from the environment, no
 * cookies; the whole exchange is bounded in time and bytes.
 */
#ifndef SALLYPORT_IDENTITY_FETCH_H
#define SALLYPORT_IDENTITY_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "identity/reason.h"
#include "lib/buf.h"

#define SP_FETCH_BODY_MAX ((size_t)256 * 1024)
#define SP_FETCH_CONNECT_MS 2000L
#define SP_FETCH_TOTAL_MS 5000L
#define SP_FETCH_URL_MAX 2048

struct event_base;
struct sp_fetch;
struct sp_fetch_job;

/*
 * The end of a fetch: err 0 for status 200 with the body (valid during the call), else UNAVAILABLE, TIMEOUT,
 * LIMIT. max_age: seconds of Cache-Control, -1 if it has none, 0 for no-store and no-cache.
 */
typedef void sp_fetch_done(void *ctx, int err, struct sp_view body, int64_t max_age, const struct sp_reason *why);

/* NOMEM, SYSTEM. One for a process. */
int sp_fetch_new(struct event_base *base, struct sp_fetch **ret_f) SP_MUST_CHECK;
void sp_fetch_free(struct sp_fetch *f); /* drops jobs under way without a call; NULL is fine */
/*
 * Starts a GET. ca_pem: certificates that are trusted, or NULL for the system's; must outlive the fetch.
 * done is called from the loop, never from here. INVALID (URL), NOMEM.
 */
int sp_fetch_get(struct sp_fetch *f, const char *url, const char *ca_pem, sp_fetch_done *done, void *ctx,
    struct sp_reason *why) SP_MUST_CHECK;

#endif
