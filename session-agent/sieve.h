/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program's output passes before anybody sees it: the masks of all rules that can concern this person on the
 * connection (sp_decide_scope_masks), applied to a stream. Without masks it passes as it is.
 */
#ifndef SALLYPORT_SESSION_AGENT_SIEVE_H
#define SALLYPORT_SESSION_AGENT_SIEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

struct sp_policy_connection;
struct sp_policy_image;
struct sp_policy_mask;
struct sp_policy_subject;
struct sp_hide;
struct sp_sieve;
struct sp_sieve_stream;

#define SP_SIEVE_KEY 32 /* bytes of the key of the hash transform; one for a whole session */

/*
 * hide: exact values to be masked besides; NULL: none. Nothing is kept of what is given. NOMEM, LIMIT (too many masks),
 * FORMAT.
 */
int sp_sieve_new(const struct sp_policy_image *image, const struct sp_policy_subject *subject,
    const struct sp_policy_connection *c, const uint8_t key[SP_SIEVE_KEY], const struct sp_hide *hide,
    struct sp_sieve **ret_sieve) SP_MUST_CHECK;
/* The same of the n masks of one decision. */
int sp_sieve_of(const struct sp_policy_mask *const *masks, size_t n, const uint8_t key[SP_SIEVE_KEY],
    struct sp_sieve **ret_sieve) SP_MUST_CHECK;
void sp_sieve_free(struct sp_sieve *sieve); /* NULL is fine; its streams must be gone */

/* cols: width of the terminal the text is shown on, 0 if unknown. NOMEM. */
int sp_sieve_stream_new(struct sp_sieve *sieve, bool is_terminal, unsigned cols,
    struct sp_sieve_stream **ret_st) SP_MUST_CHECK;
void sp_sieve_stream_free(struct sp_sieve_stream *st); /* NULL is fine */
void sp_sieve_stream_resize(struct sp_sieve_stream *st, unsigned cols);
/* After an error the stream refuses everything. */
int sp_sieve_stream_feed(struct sp_sieve_stream *st, const void *p, size_t n, struct sp_buf *out) SP_MUST_CHECK;
/* The same for the echo of a key: what was held and p are put at once, p as it is. */
int sp_sieve_stream_echo(struct sp_sieve_stream *st, const void *p, size_t n, struct sp_buf *out) SP_MUST_CHECK;
/* Nothing came for a while: puts what is held, masked as if it ended here. */
int sp_sieve_stream_flush(struct sp_sieve_stream *st, struct sp_buf *out) SP_MUST_CHECK;
int sp_sieve_stream_finish(struct sp_sieve_stream *st, struct sp_buf *out) SP_MUST_CHECK;
bool sp_sieve_stream_holds(const struct sp_sieve_stream *st);
/* Puts {"kind":count} of what was masked since the last call; nothing if that is nothing. */
int sp_sieve_stream_counts(struct sp_sieve_stream *st, struct sp_buf *out) SP_MUST_CHECK;

#endif
