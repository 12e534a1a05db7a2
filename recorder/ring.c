/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/event.h"

#define SP_RING_MAGIC 0x3130474e49525053u /* "SPRING01", in this machine's byte order */
#define SP_RING_PAGE ((size_t)4096)
#define SP_RING_DATA (SP_RING_SIZE - SP_RING_PAGE) /* a power of two */
#define SP_RING_LINE 64				   /* bytes of a cache line */
#define SP_RING_WARM ((size_t)256) /* bytes: most events fit */
#define SP_RING_ALIGN ((size_t)8)

_Static_assert((SP_RING_DATA & (SP_RING_DATA - 1)) == 0, "the data size is a power of two");
_Static_assert(SP_RING_DATA >= 2 * (SP_EVENT_MAX + 64), "two of the largest events fit");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics work between processes");

/* The shared header: what each side writes has cache lines of its own. */
struct sp_ring_shared {
	uint64_t magic;
	uint64_t size;
	_Alignas(SP_RING_LINE) _Atomic uint64_t head; /* producer: one past the last published byte */
	_Alignas(SP_RING_LINE) _Atomic uint64_t tail; /* consumer: first byte still needed */
	_Atomic uint64_t stored_seq;		      /* consumer: number of the last event consumed */
	_Alignas(SP_RING_LINE) _Atomic uint32_t asleep; /* consumer: 1 while it waits for WAKE */
};

_Static_assert(sizeof(struct sp_ring_shared) <= SP_RING_PAGE, "the header fits its page");

/* In front of each event; what follows is padded to SP_RING_ALIGN. Both wrap around the end of the data. */
struct sp_ring_entry {
	uint64_t seq;
	uint32_t len;
	uint32_t zero;
};

struct sp_ring {
	struct sp_ring_shared *sh;
	uint8_t *data;
	/* Own copies: the other side may write any of the shared ones. */
	uint64_t head;	   /* producer */
	uint64_t put_seq;  /* producer: last put */
	uint64_t told;	   /* producer: the consumer's tail when it was last told to hurry, UINT64_MAX if never */
	uint64_t tail;	   /* consumer: consumed up to here */
	uint64_t read;	   /* consumer: peeked up to here */
	uint64_t read_seq; /* consumer: number of the last event peeked, 0 before the first */
	uint64_t tail_seq; /* consumer: the same for consumed */
};

/* What the next event will be written to was last read by the consumer, on another processor: fetched while we go on. */
static void
sp_ring_warm(const struct sp_ring *r)
{
	for (size_t i = 0; i < SP_RING_WARM; i += SP_RING_LINE)
		__builtin_prefetch(r->data + ((r->head + i) & (SP_RING_DATA - 1)), 1);
}

static size_t
sp_ring_span(size_t n)
{
	return sizeof(struct sp_ring_entry) + ((n + SP_RING_ALIGN - 1) & ~(SP_RING_ALIGN - 1));
}

static void
sp_ring_copy_in(struct sp_ring *r, uint64_t pos, const void *p, size_t n)
{
	size_t at = (size_t)(pos & (SP_RING_DATA - 1)), first = SP_RING_DATA - at;

	if (first > n)
		first = n;
	memcpy(r->data + at, p, first);
	memcpy(r->data, (const uint8_t *)p + first, n - first);
}

static void
sp_ring_copy_out(const struct sp_ring *r, uint64_t pos, void *p, size_t n)
{
	size_t at = (size_t)(pos & (SP_RING_DATA - 1)), first = SP_RING_DATA - at;

	if (first > n)
		first = n;
	memcpy(p, r->data + at, first);
	memcpy((uint8_t *)p + first, r->data, n - first);
}

/* The number of the last event put: walks the entries that are still there (a resumed producer). */
static int
sp_ring_find_put_seq(struct sp_ring *r)
{
	uint64_t pos = r->tail, seq = atomic_load(&r->sh->stored_seq);
	struct sp_ring_entry e;

	while (pos != r->head) {
		sp_ring_copy_out(r, pos, &e, sizeof(e));
		if (e.len > SP_EVENT_MAX || sp_ring_span(e.len) > r->head - pos)
			return SP_ERR_FORMAT;
		seq = e.seq;
		pos += sp_ring_span(e.len);
	}
	r->put_seq = seq;
	return 0;
}

int
sp_ring_attach(void *mem, bool init, struct sp_ring **ret_r)
{
	struct sp_ring_shared *sh = mem;
	struct sp_ring *r = calloc(1, sizeof(*r));
	int err = 0;

	if (r == NULL)
		return SP_ERR_NOMEM;
	if (init) {
		memset(sh, 0, sizeof(*sh));
		sh->size = SP_RING_DATA;
		atomic_store(&sh->asleep, 1);
		sh->magic = SP_RING_MAGIC;
	}
	r->sh = sh;
	r->told = UINT64_MAX;
	r->data = (uint8_t *)mem + SP_RING_PAGE;
	r->head = atomic_load_explicit(&sh->head, memory_order_acquire);
	r->tail = r->read = atomic_load_explicit(&sh->tail, memory_order_acquire);
	if (sh->magic != SP_RING_MAGIC || sh->size != SP_RING_DATA || r->head - r->tail > SP_RING_DATA ||
	    ((r->head | r->tail) & (SP_RING_ALIGN - 1)) != 0)
		err = SP_ERR_FORMAT;
	if (err == 0)
		err = sp_ring_find_put_seq(r);
	if (err != 0) {
		free(r);
		return err;
	}
	*ret_r = r;
	return 0;
}

void
sp_ring_free(struct sp_ring *r)
{
	free(r);
}

size_t
sp_ring_room(const struct sp_ring *r)
{
	uint64_t used = r->head - atomic_load_explicit(&r->sh->tail, memory_order_acquire);
	size_t left;

	if (used > SP_RING_DATA)
		return 0;
	left = SP_RING_DATA - (size_t)used;
	return left > sizeof(struct sp_ring_entry) ? left - sizeof(struct sp_ring_entry) : 0;
}

int
sp_ring_put(struct sp_ring *r, const void *p, size_t n, uint64_t *ret_seq)
{
	struct sp_ring_entry e = { .seq = r->put_seq + 1, .len = (uint32_t)n };

	if (n == 0)
		return SP_ERR_INVALID;
	if (n > SP_EVENT_MAX)
		return SP_ERR_LIMIT;
	if (sp_ring_span(n) - sizeof(e) > sp_ring_room(r))
		return SP_ERR_FULL;
	sp_ring_copy_in(r, r->head, &e, sizeof(e));
	sp_ring_copy_in(r, r->head + sizeof(e), p, n);
	r->head += sp_ring_span(n);
	r->put_seq = e.seq;
	/* The one store that publishes; before it the consumer cannot see any of this. */
	atomic_store_explicit(&r->sh->head, r->head, memory_order_release);
	*ret_seq = e.seq;
	sp_ring_warm(r);
	return 0;
}

/* Once for each place at which the consumer is found standing. */
static bool
sp_ring_must_hurry(struct sp_ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->sh->tail, memory_order_relaxed);

	if (r->head - tail < SP_RING_BEHIND || tail == r->told)
		return false;
	r->told = tail;
	return true;
}

bool
sp_ring_wants_wake(struct sp_ring *r)
{
	/* Pairs with the fence in sp_ring_sleep(): either we see the flag, or the consumer sees our head. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&r->sh->asleep, memory_order_relaxed) == 0)
		return sp_ring_must_hurry(r);
	/* One WAKE is enough: the flag is taken down by whoever sends it. */
	return atomic_exchange(&r->sh->asleep, 0) != 0;
}

uint64_t
sp_ring_put_seq(const struct sp_ring *r)
{
	return r->put_seq;
}

uint64_t
sp_ring_stored_seq(const struct sp_ring *r)
{
	return atomic_load_explicit(&r->sh->stored_seq, memory_order_acquire);
}

uint64_t
sp_ring_backlog(const struct sp_ring *r)
{
	return atomic_load_explicit(&r->sh->head, memory_order_acquire) - r->tail;
}

int
sp_ring_peek(struct sp_ring *r, void *buf, size_t cap, size_t *ret_n, uint64_t *ret_seq)
{
	uint64_t head = atomic_load_explicit(&r->sh->head, memory_order_acquire), left = head - r->read;
	struct sp_ring_entry e;

	if (left == 0)
		return SP_ERR_AGAIN;
	if (head - r->tail > SP_RING_DATA || left > SP_RING_DATA || left < sizeof(e) ||
	    (head & (SP_RING_ALIGN - 1)) != 0)
		return SP_ERR_FORMAT;
	sp_ring_copy_out(r, r->read, &e, sizeof(e));
	if (e.len == 0 || e.len > SP_EVENT_MAX || e.zero != 0 || sp_ring_span(e.len) > left)
		return SP_ERR_FORMAT;
	/* The first one after attaching says where we are; from then on they count up by one. */
	if (e.seq == 0 || (r->read_seq != 0 && e.seq != r->read_seq + 1))
		return SP_ERR_FORMAT;
	if (e.len > cap)
		return SP_ERR_LIMIT;
	sp_ring_copy_out(r, r->read + sizeof(e), buf, e.len);
	r->read += sp_ring_span(e.len);
	r->read_seq = e.seq;
	*ret_n = e.len;
	*ret_seq = e.seq;
	return 0;
}

void
sp_ring_consume(struct sp_ring *r)
{
	if (r->read == r->tail)
		return;
	r->tail = r->read;
	r->tail_seq = r->read_seq;
	/* Killed between the two, the events are read again, and known by their numbers. */
	atomic_store_explicit(&r->sh->stored_seq, r->tail_seq, memory_order_release);
	atomic_store_explicit(&r->sh->tail, r->tail, memory_order_release);
}

void
sp_ring_rewind(struct sp_ring *r)
{
	r->read = r->tail;
	r->read_seq = r->tail_seq;
}

bool
sp_ring_sleep(struct sp_ring *r)
{
	atomic_store_explicit(&r->sh->asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&r->sh->head, memory_order_acquire) == r->read)
		return true;
	atomic_store_explicit(&r->sh->asleep, 0, memory_order_relaxed);
	return false;
}

void
sp_ring_awake(struct sp_ring *r)
{
	atomic_store_explicit(&r->sh->asleep, 0, memory_order_relaxed);
}
