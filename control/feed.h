/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy in force: read from a directory, compiled, tested by its own
 * tests, sealed in a memfd, and replaced only by another one that passes all of
 * that (P10, P3). A change in the directory is noticed by inotify, and read
 * once the directory has been quiet for a moment.
 */
#ifndef SALLYPORT_CONTROL_FEED_H
#define SALLYPORT_CONTROL_FEED_H

#include <stdint.h>

#include "control/store.h"
#include "lib/buf.h"

struct event_base;
struct sp_feed;
struct sp_policy_image;

#define SP_FEED_SETTLE_MS 100 /* quiet time after a change before it is read */

/* Called from the loop after each change of the policy in force. */
typedef void sp_feed_changed(void *ctx);

/*
 * Watches dir (which must exist) and reads it once. A policy that is not good is no error here: it is
 * logged, and there is no policy until it is mended. SYSTEM (the directory can't be watched), NOMEM.
 */
int sp_feed_new(struct event_base *base, const char *dir, struct sp_store *store, sp_feed_changed *cb, void *ctx,
    struct sp_feed **ret_f) SP_MUST_CHECK;
void sp_feed_free(struct sp_feed *f);
/*
 * Reads the directory now. 0: its policy is in force (perhaps it already was). FORMAT: diagnostics, one a
 * line, were appended to out (may be NULL) and the policy in force is unchanged. SYSTEM, NOMEM, LIMIT.
 */
int sp_feed_reload(struct sp_feed *f, struct sp_buf *out) SP_MUST_CHECK;

/* The policy in force; NULL, -1, 0 when there is none yet. Valid until the next change. */
const struct sp_policy_image *sp_feed_image(const struct sp_feed *f);
int sp_feed_fd(const struct sp_feed *f);
uint64_t sp_feed_version(const struct sp_feed *f);
const uint8_t *sp_feed_digest(const struct sp_feed *f); /* SHA-256 of the image's bytes; SP_STORE_DIGEST_LEN */
/* "" or the first diagnostic of a directory that could not be taken over. */
const char *sp_feed_error(const struct sp_feed *f);

#endif
