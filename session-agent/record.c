/* SPDX-License-Identifier: Apache-2.0 */
/* The session's end of its recorder channel (PROTOCOL.ipc section 5) and of the ring. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ipc_recorder.h"
#include "policy/image.h"
#include "recorder/event.h"
#include "recorder/ring.h"
#include "runtime/memfd.h"
#include "session-agent/session_state.h"

#define RECORD_TICK_MS 3 /* how soon a full ring is tried again */
#define RECORD_FAULT_TICK_MS 100 /* likewise, while it is known that nobody empties it at once */

/* One caller of sp_session_durable. */
struct sp_session_durable {
	TAILQ_ENTRY(sp_session_durable) next;
	uint32_t id;
	uint64_t seq;
	sp_session_durable_cb *cb;
	void *ctx;
};

/* --- putting --------------------------------------------------------------------------------------- */

struct sp_buf *
sp_session_event(struct sp_session *s)
{
	sp_buf_reset(s->event);
	return s->event;
}

const char *
sp_session_fault(const struct sp_session *s)
{
	return s->fault;
}

bool
sp_session_can_record(const struct sp_session *s)
{
	return s->fault == NULL && s->ring != NULL && s->recorder != NULL;
}

uint64_t
sp_session_next_seq(struct sp_session *s)
{
	sp_limits_touch(s);
	return ++s->seq;
}

static void
record_arm(struct sp_session *s, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	if (!event_pending(s->record_timer, EV_TIMEOUT, NULL))
		(void)event_add(s->record_timer, &tv);
}

static void
record_wake(struct sp_session *s)
{
	if (s->recorder != NULL && sp_ring_wants_wake(s->ring) &&
	    sp_peer_send(s->recorder, SP_IPC_RECORDER_WAKE, 0, NULL, NULL, 0) != 0)
		s->wants_room = true; /* on_close follows and the next recorder reads the ring */
}

static int
record_put(struct sp_session *s)
{
	uint64_t seq;
	int r;

	r = sp_ring_put(s->ring, sp_buf_data(s->event), sp_buf_len(s->event), &seq);
	if (r == SP_ERR_FULL) {
		s->wants_room = true;
		record_wake(s);
		record_arm(s, s->fault != NULL ? RECORD_FAULT_TICK_MS : RECORD_TICK_MS);
		return SP_ERR_AGAIN;
	}
	if (r != 0)
		return SP_ERR_UNAVAILABLE;
	record_wake(s);
	return 0;
}

int
sp_session_record(struct sp_session *s)
{
	if (sp_buf_error(s->event) != 0 || s->fault != NULL || s->ring == NULL)
		return SP_ERR_UNAVAILABLE;
	if (s->recorder == NULL) {
		s->wants_room = true;
		return SP_ERR_AGAIN; /* until it is back, or its absence becomes a fault */
	}
	return record_put(s);
}

int
sp_session_record_late(struct sp_session *s)
{
	if (sp_buf_error(s->event) != 0 || s->is_unread || s->ring == NULL)
		return SP_ERR_UNAVAILABLE;
	return record_put(s);
}

static void
record_set_fault(struct sp_session *s, const char *reason)
{
	free(s->fault);
	s->fault = reason == NULL ? NULL : strdup(reason);
	if (reason != NULL && s->fault == NULL)
		abort(); /* out of memory: nothing may go on unrecorded */
}

/* Everybody who got AGAIN tries again, or learns of the fault. */
static void
record_ready(struct sp_session *s)
{
	s->wants_room = false;
	if (s->kind != NULL && s->kind_ctx != NULL)
		s->kind->record_ready(s->kind_ctx);
	sp_session_pump(s);
}

static void
record_fail_durables(struct sp_session *s)
{
	struct sp_session_durable *d;

	while ((d = TAILQ_FIRST(&s->durables)) != NULL) {
		TAILQ_REMOVE(&s->durables, d, next);
		s->ndurables--;
		d->cb(SP_ERR_UNAVAILABLE, d->ctx);
		free(d);
	}
}

static void
record_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_session *s = ctx;

	(void)fd;
	(void)what;
	if (s->recorder == NULL && s->away_since != 0 && s->fault == NULL) {
		int64_t left = s->away_since + SP_SESSION_AWAY_MS - sp_ipc_now_ms();

		if (left > 0) {
			record_arm(s, (unsigned)left);
			return;
		}
		record_set_fault(s, "the recorder is not there, so nothing can be done now: try again shortly");
		record_fail_durables(s);
		if (s->stage == SP_SESSION_FINISHING)
			sp_session_finished(s);
	}
	record_ready(s);
}

/* --- durability ------------------------------------------------------------------------------------- */

static int
record_send_sync(struct sp_session *s, struct sp_session_durable *d)
{
	struct sp_buf *body;
	int r;

	if (s->recorder == NULL)
		return 0; /* sent when it is back */
	body = sp_buf_new(16);
	if (body == NULL)
		return SP_ERR_NOMEM;
	sp_buf_put_u64(body, d->seq);
	d->id = sp_session_new_id(s);
	r = sp_peer_send(s->recorder, SP_IPC_RECORDER_SYNC, d->id, body, NULL, 0);
	sp_buf_free(body);
	return r == SP_ERR_CLOSED ? 0 : r;
}

int
sp_session_durable(struct sp_session *s, const struct sp_policy_connection *c, sp_session_durable_cb *cb, void *ctx)
{
	struct sp_session_durable *d;
	int r;

	if (s->fault != NULL || s->ring == NULL)
		return SP_ERR_UNAVAILABLE;
	if (c->durability == SP_POLICY_DURABILITY_PROCESS) {
		cb(0, ctx);
		return 0;
	}
	if (s->ndurables >= SP_SESSION_DURABLE_MAX)
		return SP_ERR_AGAIN;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return SP_ERR_NOMEM;
	d->seq = sp_ring_put_seq(s->ring);
	d->cb = cb;
	d->ctx = ctx;
	r = record_send_sync(s, d);
	if (r != 0) {
		free(d);
		return r;
	}
	TAILQ_INSERT_TAIL(&s->durables, d, next);
	s->ndurables++;
	return 0;
}

static int
record_on_synced(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_durable *d;
	uint32_t verdict;
	uint64_t seq;
	int r;

	(void)p;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_u64(body, &seq);
	if (r != 0)
		return r;
	TAILQ_FOREACH(d, &s->durables, next)
		if (d->id == msg->id)
			break;
	if (d == NULL)
		return 0; /* asked of a recorder before this one */
	TAILQ_REMOVE(&s->durables, d, next);
	s->ndurables--;
	d->cb(verdict == 0 && seq >= d->seq ? 0 : SP_ERR_UNAVAILABLE, d->ctx);
	free(d);
	return 0;
}

/* --- the channel ------------------------------------------------------------------------------------- */

static int
record_on_fault(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	char *reason = NULL;
	uint8_t is_read;
	int r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &reason);

	(void)p;
	(void)msg;
	if (r == 0)
		r = sp_buf_get_u8(body, &is_read);
	if (r != 0) {
		free(reason);
		return r;
	}
	s->is_unread = is_read == 0;
	record_set_fault(s, reason[0] == '\0' ? "nothing can be recorded now" : reason);
	free(reason);
	record_fail_durables(s);
	record_ready(s);
	return 0;
}

static int
record_on_clear(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;

	(void)p;
	(void)msg;
	(void)body;
	s->is_unread = false;
	record_set_fault(s, NULL);
	record_ready(s);
	return 0;
}

static int
record_on_finished(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	char *message = NULL;
	uint32_t verdict;
	int r;

	(void)p;
	(void)msg;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &message);
	free(message);
	if (r == 0) {
		s->is_stored = verdict == 0;
		sp_session_finished(s);
	}
	return r;
}

static void
record_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_session *s = ctx;

	(void)err;
	sp_peer_free(p);
	s->recorder = NULL;
	s->away_since = sp_ipc_now_ms();
	(void)event_del(s->record_timer);
	record_arm(s, SP_SESSION_AWAY_MS);
	sp_monitor_lost(s);
}

static const struct sp_peer_request record_requests[] = {
	{ SP_IPC_RECORDER_SYNCED, 1, 12, 0, record_on_synced, "SYNCED" },
	{ SP_IPC_RECORDER_FAULT, 1, SP_SESSION_MESSAGE_MAX + 5, 0, record_on_fault, "FAULT" },
	{ SP_IPC_RECORDER_CLEAR, 1, 0, 0, record_on_clear, "CLEAR" },
	{ SP_IPC_RECORDER_FINISHED, 1, SP_SESSION_MESSAGE_MAX + 8, 0, record_on_finished, "FINISHED" },
	{ 0 },
};
static const struct sp_peer_ops record_ops = { record_requests, record_on_close, "recorder" };

/* The ring never changes within a session: the first one is mapped, a later one must be the same. */
static int
record_map(struct sp_session *s, int ring)
{
	int r;

	if (s->ring != NULL) {
		(void)close(ring);
		return 0;
	}
	r = sp_memfd_map_shared(ring, SP_RING_SIZE, &s->ring_map);
	if (r == 0)
		r = sp_ring_attach(s->ring_map, false, &s->ring);
	if (r != 0) {
		(void)close(ring);
		return r;
	}
	s->ring_fd = ring;
	return 0;
}

int
sp_record_channel(struct sp_session *s, int fd, int ring)
{
	struct sp_session_durable *d;
	int r = record_map(s, ring);

	sp_peer_free(s->recorder);
	s->recorder = NULL;
	if (r == 0)
		r = sp_peer_new(s->base, fd, &record_ops, s, &s->recorder);
	if (r != 0) {
		(void)close(fd);
		return r;
	}
	if (s->away_since != 0) { /* a fault of its absence is over */
		s->away_since = 0;
		s->is_unread = false; /* it looks for itself, and says so again */
		record_set_fault(s, NULL);
		(void)event_del(s->record_timer);
	}
	TAILQ_FOREACH(d, &s->durables, next)
		if (record_send_sync(s, d) != 0)
			return SP_ERR_NOMEM;
	if (s->stage == SP_SESSION_FINISHING)
		sp_record_finish(s);
	else if (s->stage == SP_SESSION_BORN)
		sp_session_recorder_ready(s);
	record_arm(s, 0); /* everybody waiting tries again, from the loop */
	return 0;
}

void
sp_record_finish(struct sp_session *s)
{
	struct sp_buf *body;

	/* A recorder that cannot write now is asked all the same: it may be the kernel's audit system that is away. */
	if (s->ring == NULL || (s->fault != NULL && s->recorder == NULL)) {
		sp_session_finished(s);
		return;
	}
	if (s->recorder == NULL)
		return; /* asked when it is back */
	body = sp_buf_new(16);
	if (body != NULL) {
		sp_buf_put_u8(body, s->is_signaled);
		sp_buf_put_u32(body, (uint32_t)s->status);
	}
	if (body == NULL || sp_peer_send(s->recorder, SP_IPC_RECORDER_FINISH, sp_session_new_id(s), body, NULL, 0) != 0)
		s->wants_room = true; /* its on_close follows */
	sp_buf_free(body);
}

void
sp_record_free(struct sp_session *s)
{
	sp_peer_free(s->recorder);
	s->recorder = NULL;
	if (s->record_timer != NULL)
		event_free(s->record_timer);
	sp_ring_free(s->ring);
	if (s->ring_map != NULL)
		(void)munmap(s->ring_map, SP_RING_SIZE);
	sp_buf_free(s->event);
	free(s->fault);
}

int
sp_record_init(struct sp_session *s)
{
	TAILQ_INIT(&s->durables);
	s->ring_fd = -1;
	s->event = sp_buf_new(SP_EVENT_MAX);
	s->record_timer = event_new(s->base, -1, 0, record_on_timer, s);
	return s->event == NULL || s->record_timer == NULL ? SP_ERR_NOMEM : 0;
}
