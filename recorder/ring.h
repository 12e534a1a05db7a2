/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory ring between one session (the only producer) and the recorder (the
 * only consumer). A record that sp_ring_put() accepted is in memory that the
 * recorder and sallyportd also hold, so it outlives the session. The consumer
 * trusts nothing in it: every length is checked against its own bounds, and a
 * ring that breaks the format ends the session.
 *
 * One memfd of SP_RING_SIZE bytes: a header page, then data. Positions are
 * free-running 64-bit byte counts.
 */
#ifndef SALLYPORT_RECORDER_RING_H
#define SALLYPORT_RECORDER_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_RING_SIZE ((size_t)1024 * 1024 + 4096) /* bytes of the memfd; pages are only used once written */
#define SP_RING_BEHIND ((uint64_t)256 * 1024) /* bytes not consumed from which the consumer should not wait for its next turn */

struct sp_ring;

/* Attaches to SP_RING_SIZE mapped bytes. init: write a fresh header (sallyportd does, once). FORMAT. NOMEM. */
int sp_ring_attach(void *mem, bool init, struct sp_ring **ret_r) SP_MUST_CHECK;
void sp_ring_free(struct sp_ring *r); /* does not unmap */

/*
 * Producer. Copies one encoded event in and publishes it; *ret_seq is its number from 1. FULL when the
 * consumer has not caught up (nothing was written), LIMIT past SP_EVENT_MAX.
 */
int sp_ring_put(struct sp_ring *r, const void *p, size_t n, uint64_t *ret_seq) SP_MUST_CHECK;
/*
 * Whether the consumer must be sent WAKE: it sleeps (a Dekker-style flag with full fences), or it is behind by
 * SP_RING_BEHIND and has consumed nothing since it was last told so.
 */
bool sp_ring_wants_wake(struct sp_ring *r);
/* Bytes free for putting. */
size_t sp_ring_room(const struct sp_ring *r);
/* Number of the last event put, and of the last one the consumer has stored. */
uint64_t sp_ring_put_seq(const struct sp_ring *r);
uint64_t sp_ring_stored_seq(const struct sp_ring *r);

/*
 * Consumer. Copies the next event not yet peeked to buf (cap bytes; a copy, so the producer cannot change it
 * after it was checked) and steps past it. AGAIN when empty, FORMAT when the producer broke the rules, LIMIT
 * when cap is too small. Nothing is given back to the producer before sp_ring_consume().
 */
int sp_ring_peek(struct sp_ring *r, void *buf, size_t cap, size_t *ret_n, uint64_t *ret_seq) SP_MUST_CHECK;
/* All events peeked so far are stored: their room may be used again. */
void sp_ring_consume(struct sp_ring *r);
/* Forgets what was peeked since the last consume: the next peek starts there again. */
void sp_ring_rewind(struct sp_ring *r);
/* Bytes put and not consumed; larger than the ring when the producer broke the rules. */
uint64_t sp_ring_backlog(const struct sp_ring *r);
/*
 * About to sleep: raises the flag; true if everything put has been peeked, so the consumer may wait for WAKE;
 * false (flag lowered again) if there is more. sp_ring_awake() lowers the flag, after any wake-up.
 */
bool sp_ring_sleep(struct sp_ring *r);
void sp_ring_awake(struct sp_ring *r);

#endif
