/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/live.h"

#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_recorder.h"
#include "lib/text.h"
#include "recorder/event.h"
#include "recorder/ring.h"
#include "recorder/seal.h"
#include "recorder/store.h"
#include "recorder/tree.h"
#include "runtime/log.h"
#include "runtime/memfd.h"
#include "runtime/peer.h"

#define SP_LIVE_SYNC_MAX 64	/* SYNC requests waiting at once */
#define SP_LIVE_FINISH_MS 5000	/* the emitter has for the last reports; the session itself waits 10 s */
#define SP_LIVE_BLOCKS_TURN 4	/* blocks written before other sessions get their turn */

struct sp_live_wait {
	uint32_t id;
	uint64_t seq;
};

/* What the session has been told of our state. */
enum live_told { LIVE_TOLD_CLEAR, LIVE_TOLD_FAULT, LIVE_TOLD_DAMAGE };

struct sp_live {
	TAILQ_ENTRY(sp_live) next;
	struct sp_recorder *rec;
	char id[SP_ULID_LEN + 1];
	struct sp_live_who who;
	struct sp_store *store;
	void *mem;
	struct sp_ring *ring;
	struct sp_peer *peer;
	struct sp_live_wait waits[SP_LIVE_SYNC_MAX];
	size_t nwaits;
	struct sp_report_list reports; /* of stored events, to be told to the kernel */
	struct sp_report_list fresh;   /* of the block being built */
	int64_t missing_ms; /* since when the emitter is missing, 0 if it is not */
	char audit_fault[160];
	char damage[96];      /* why the record cannot go on, or empty */
	const char *end_reason; /* why it ended without FINISH, NULL: nobody says */
	uint32_t finish_id;   /* 0: not asked, or answered */
	int64_t finish_by_ms; /* it is answered by then, whatever the kernel has been told */
	uint32_t value;	      /* exit status */
	bool is_signaled;
	bool is_ended;	      /* sallyportd says the process is gone */
	bool has_finish;      /* FINISH came: the record ends as closed */
	bool is_closed;	      /* manifest and chain entry are written */
	bool is_busy;	      /* awake: the ring is looked at every tick */
	uint8_t told; /* live_told of what the session knows */
	bool has_end_report;
};

static int sp_live_on_wake(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);
static int sp_live_on_sync(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);
static int sp_live_on_finish(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);
static void sp_live_on_close(struct sp_peer *p, int err, void *ctx);

static const struct sp_peer_request sp_live_requests[] = {
	{ SP_IPC_RECORDER_WAKE, 1, 0, 0, sp_live_on_wake, "WAKE" },
	{ SP_IPC_RECORDER_SYNC, 1, 8, 0, sp_live_on_sync, "SYNC" },
	{ SP_IPC_RECORDER_FINISH, 1, 5, 0, sp_live_on_finish, "FINISH" },
	{ 0 },
};

static const struct sp_peer_ops sp_live_ops = { sp_live_requests, sp_live_on_close, "recorder channel" };

const char *
sp_live_id(const struct sp_live *l)
{
	return l->id;
}

const struct sp_live_who *
sp_live_who(const struct sp_live *l)
{
	return &l->who;
}

struct sp_report_list *
sp_live_reports(struct sp_live *l)
{
	return &l->reports;
}

bool
sp_live_is_busy(const struct sp_live *l)
{
	return l->is_busy || l->finish_id != 0 || (!l->is_closed && l->store != NULL && (l->has_finish || l->is_ended));
}

struct sp_live *
sp_live_next(const struct sp_recorder *rec, const struct sp_live *l)
{
	return l == NULL ? TAILQ_FIRST(&rec->sessions) : TAILQ_NEXT(l, next);
}

bool
sp_live_is_open(const struct sp_live *l)
{
	return l->store != NULL && !l->is_closed;
}

bool
sp_live_has_channel(const struct sp_live *l)
{
	return l->peer != NULL;
}

bool
sp_live_is_over(const struct sp_live *l)
{
	return l->has_finish;
}

struct sp_live *
sp_live_find(struct sp_recorder *rec, const char *session)
{
	struct sp_live *l;

	TAILQ_FOREACH(l, &rec->sessions, next) {
		if (strcmp(l->id, session) == 0)
			return l;
	}
	return NULL;
}

/* --- making and unmaking --------------------------------------------------------------------------- */

static void
sp_live_detach_ring(struct sp_live *l)
{
	sp_ring_free(l->ring);
	if (l->mem != NULL)
		(void)munmap(l->mem, SP_RING_SIZE);
	l->ring = NULL;
	l->mem = NULL;
}

void
sp_live_free(struct sp_live *l)
{
	if (l == NULL)
		return;
	TAILQ_REMOVE(&l->rec->sessions, l, next);
	l->rec->nsessions--;
	sp_peer_free(l->peer);
	sp_live_detach_ring(l);
	sp_store_free(l->store);
	sp_report_clear(&l->reports);
	sp_report_clear(&l->fresh);
	free(l);
}

static int
sp_live_alloc(struct sp_recorder *rec, const char *session, struct sp_live **ret_l)
{
	struct sp_live *l;

	if (!sp_ulid_is_valid(session))
		return SP_ERR_INVALID;
	if (rec->nsessions >= SP_RECORDER_SESSIONS_MAX)
		return SP_ERR_LIMIT;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return SP_ERR_NOMEM;
	l->rec = rec;
	l->who.ses = UINT32_MAX;
	(void)snprintf(l->id, sizeof(l->id), "%s", session);
	STAILQ_INIT(&l->reports);
	STAILQ_INIT(&l->fresh);
	TAILQ_INSERT_TAIL(&rec->sessions, l, next);
	rec->nsessions++;
	*ret_l = l;
	return 0;
}

/* Maps the ring and takes over the channel; both stay the caller's on error. */
static int
sp_live_attach(struct sp_live *l, int channel, int ring)
{
	struct sp_peer *peer = NULL;
	struct sp_ring *r = NULL;
	void *mem;
	int err = sp_memfd_map_shared(ring, SP_RING_SIZE, &mem);

	if (err != 0)
		return err;
	err = sp_ring_attach(mem, false, &r);
	if (err == 0)
		err = sp_peer_new(l->rec->base, channel, &sp_live_ops, l, &peer);
	if (err != 0) {
		sp_ring_free(r);
		(void)munmap(mem, SP_RING_SIZE);
		return err;
	}
	sp_live_detach_ring(l);
	sp_peer_free(l->peer);
	l->mem = mem;
	l->ring = r;
	l->peer = peer;
	l->nwaits = 0;
	l->finish_id = 0;
	l->told = LIVE_TOLD_CLEAR;
	l->is_busy = true;
	(void)close(ring); /* the mapping is enough */
	sp_recorder_busy(l->rec, true);
	return 0;
}

/* A file named after the session, from before its folder exists until after its chain entry says that it is closed. */
static int
sp_live_mark(struct sp_recorder *rec, const char *session, bool is_open)
{
	int fd;

	if (!is_open)
		return unlinkat(rec->open_dir, session, 0) == 0 || errno == ENOENT ? 0 : SP_ERR_SYSTEM;
	fd = openat(rec->open_dir, session, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	(void)close(fd);
	return 0;
}

static json_t *
sp_live_chain_entry(const struct sp_live *l)
{
	json_t *o = sp_live_position(l);
	char path[SP_TREE_PATH];

	if (o != NULL && (sp_tree_path(l->id, path) != 0 || json_object_set_new(o, "path", json_string(path)) != 0)) {
		json_decref(o);
		o = NULL;
	}
	return o;
}

int
sp_live_new(struct sp_recorder *rec, const char *session, const struct sp_live_who *who, const char *header,
    int channel, int ring, struct sp_live **ret_l)
{
	struct sp_live *l;
	int r = sp_live_alloc(rec, session, &l);

	if (r != 0)
		return r;
	l->who = *who;
	r = sp_live_mark(rec, session, true);
	if (r == 0)
		r = sp_store_create(rec->root, rec->key, session, sp_event_now(), header, &l->store);
	if (r == SP_ERR_EXISTS) {
		(void)sp_live_mark(rec, session, false);
	} else if (r == 0) {
		r = sp_recorder_chain(rec, "open", sp_live_chain_entry(l));
		if (r == 0)
			r = sp_live_attach(l, channel, ring);
		/* From here on there is a record; what fails now ends it, by its mark, as crashed. */
	}
	if (r != 0) {
		int saved = errno;

		if (l->store != NULL)
			l->is_ended = true;
		else
			sp_live_free(l);
		errno = saved;
		return r;
	}
	*ret_l = l;
	return 0;
}

/* Who it was, from the header of the file: enough until sallyportd says it again. */
static void
sp_live_lost(struct sp_recorder *rec, const char *session, const char *why)
{
	json_t *o = json_pack("{s:s s:s s:s}", "session", session, "state", "damaged", "reason", why);

	sp_log_err("session %s: the record on disk cannot be continued: %s", session, why);
	if (sp_recorder_chain(rec, "close", o) == 0)
		(void)sp_live_mark(rec, session, false);
}

/* Stopped between the manifest and its chain entry, or just after: the entry is written (again). */
static int
sp_live_was_closed(struct sp_recorder *rec, const char *session)
{
	uint8_t hash[SP_SIGN_HASH];
	uint64_t records = 0;
	json_t *m = NULL, *o = NULL;
	int r = sp_store_read_manifest(rec->root, rec->keys, session, &m, hash);

	if (r != 0) {
		sp_live_lost(rec, session, "its manifest is not ours");
		return 0;
	}
	r = sp_seal_get_u64(m, "records", &records);
	if (r == 0) {
		o = json_pack("{s:s s:s s:I s:s}", "session", session, "state", sp_seal_get_string(m, "state"), "records",
		    (json_int_t)records, "head", sp_seal_get_string(m, "head"));
		if (o != NULL && sp_seal_set_hash(o, "manifest", hash) != 0) {
			json_decref(o);
			o = NULL;
		}
		r = sp_recorder_chain(rec, "close", o);
	}
	json_decref(m);
	return r != 0 ? r : sp_live_mark(rec, session, false);
}

int
sp_live_found(struct sp_recorder *rec, const char *session)
{
	struct sp_record_problem problem = { 0, "cannot be read" };
	struct sp_live *l;
	uint64_t cut = 0;
	json_t *o;
	int r = sp_live_alloc(rec, session, &l);

	if (r != 0)
		return r;
	r = sp_store_resume(rec->root, rec->keys, session, &l->store, &cut, &problem);
	if (r == 0) {
		o = sp_live_chain_entry(l);
		if (o != NULL)
			(void)json_object_set_new(o, "cut", json_integer((json_int_t)cut));
		r = sp_recorder_chain(rec, "resume", o);
		sp_log_info("session %s: found open with %llu records, %llu bytes of an incomplete block cut off",
		    session, (unsigned long long)sp_store_state(l->store)->number, (unsigned long long)cut);
		return r;
	}
	sp_live_free(l);
	if (r == SP_ERR_CONFLICT)
		return sp_live_was_closed(rec, session);
	if (r == SP_ERR_NOT_FOUND)
		problem.what = "its folder is gone";
	sp_live_lost(rec, session, problem.what);
	return 0;
}

int
sp_live_resume(struct sp_live *l, const struct sp_live_who *who, int channel, int ring)
{
	int r;

	if (l->is_closed || l->has_finish || l->damage[0] != '\0')
		return SP_ERR_CONFLICT;
	r = sp_live_attach(l, channel, ring);
	if (r == 0) {
		l->who = *who;
		l->is_ended = false;
	}
	return r;
}

/* --- from the ring to the file --------------------------------------------------------------------- */

static void
sp_live_damaged(struct sp_live *l, const char *why)
{
	if (l->damage[0] != '\0')
		return;
	(void)snprintf(l->damage, sizeof(l->damage), "%s", why);
	sp_log_err("session %s: %s; its record ends here", l->id, why);
	sp_live_tell(l);
}

/* Makes the reports of an event, to be taken once the event is stored. */
static int
sp_live_report(struct sp_live *l, const struct sp_event *ev)
{
	/* The start was told before the session was let go on. */
	return ev->type == SP_EVENT_SESSION_START ? 0 : sp_sinks_make(l->rec, l->id, l->who.user, ev, &l->fresh);
}

int
sp_live_report_start(struct sp_live *l)
{
	struct sp_buf *b = sp_buf_new(64);
	struct sp_report_list start = STAILQ_HEAD_INITIALIZER(start);
	struct sp_event ev;
	int err = SP_ERR_NOMEM;

	if (sp_store_state(l->store)->number > 0) {
		sp_buf_free(b);
		return 0;
	}
	if (b != NULL) {
		sp_event_begin(b, SP_EVENT_SESSION_START, sp_event_now());
		err = sp_event_parse(sp_buf_data(b), sp_buf_len(b), &ev);
	}
	if (err == 0)
		err = sp_sinks_make(l->rec, l->id, l->who.user, &ev, &start);
	sp_sinks_take(l->rec, l, &start);
	sp_buf_free(b);
	return err;
}

/* Fills the packer from the ring. 0, or what ends the session's record. */
static int
sp_live_pack(struct sp_live *l)
{
	struct sp_recorder *rec = l->rec;
	struct sp_record_packer *p = rec->packer;
	const struct sp_record_state *st = sp_store_state(l->store);
	struct sp_event ev;
	uint64_t seq;
	size_t n;
	int r;

	sp_record_packer_begin(p, st);
	while (sp_record_packer_count(p) < SP_RECORD_COUNT_MAX &&
	    sp_record_packer_bytes(p) + SP_EVENT_MAX + 64 <= SP_RECORD_RAW_MAX) {
		r = sp_ring_peek(l->ring, rec->event, SP_EVENT_MAX, &n, &seq);
		if (r == SP_ERR_AGAIN)
			return 0;
		if (r != 0)
			return r;
		if (seq <= st->number)
			continue; /* stored before a restart */
		if (seq != st->number + sp_record_packer_count(p) + 1)
			return SP_ERR_CONFLICT;
		r = sp_event_parse(rec->event, n, &ev);
		if (r == 0)
			r = sp_record_packer_put(p, rec->event, n);
		if (r == 0)
			r = sp_live_report(l, &ev);
		if (r != 0)
			return r;
		l->has_end_report = l->has_end_report || ev.type == SP_EVENT_SESSION_END;
	}
	return 0;
}

/* Writes one block of what the ring holds. 0, AGAIN (nothing there), FORMAT or CONFLICT (the producer), SYSTEM. */
static int
sp_live_write(struct sp_live *l)
{
	struct sp_recorder *rec = l->rec;
	struct sp_record_state next;
	int broken = sp_live_pack(l), r = SP_ERR_AGAIN;

	/* What came before the breach is still stored. */
	if (sp_record_packer_count(rec->packer) > 0) {
		sp_buf_reset(rec->block);
		r = sp_record_packer_end(rec->packer, rec->block, &next);
		if (r == 0)
			r = sp_store_append(l->store, sp_buf_data(rec->block), sp_buf_len(rec->block), &next);
	}
	if (r != 0 && r != SP_ERR_AGAIN) {
		sp_ring_rewind(l->ring);
		sp_report_clear(&l->fresh);
		return r;
	}
	if (r == 0)
		rec->events += sp_record_packer_count(rec->packer);
	sp_ring_consume(l->ring);
	sp_sinks_take(l->rec, l, &l->fresh);
	return broken != 0 ? broken : r;
}

/* 0: the ring is empty. AGAIN: there is more. Others: see sp_live_write(). */
static int
sp_live_drain(struct sp_live *l, unsigned blocks, bool *ret_some)
{
	int r = 0;

	if (l->ring == NULL || l->store == NULL || l->is_closed || l->damage[0] != '\0')
		return 0;
	for (unsigned i = 0; i < blocks; i++) {
		r = sp_live_write(l);
		if (r == SP_ERR_AGAIN)
			return 0;
		if (r == SP_ERR_SYSTEM || r == SP_ERR_NOMEM || r == SP_ERR_CRYPTO) {
			sp_recorder_failed(l->rec, "record");
			return r;
		}
		if (r != 0) {
			sp_live_damaged(l, r == SP_ERR_CONFLICT ? "records are missing between disk and ring" :
								  "the session's ring broke the format");
			return 0;
		}
		*ret_some = true;
	}
	return SP_ERR_AGAIN;
}

/* --- ends ------------------------------------------------------------------------------------------ */

static int
sp_live_write_end(struct sp_live *l)
{
	struct sp_store_end end = { "closed", "", sp_event_now(), l->is_signaled, l->value };
	uint8_t hash[SP_SIGN_HASH];
	json_t *o;
	int r;

	if (l->damage[0] != '\0') {
		end.state = "damaged";
		end.reason = l->damage;
	} else if (!l->has_finish) {
		end.state = "crashed";
		end.reason = l->end_reason != NULL ? l->end_reason :
						     "the session's process ended without closing its record";
	}
	r = sp_store_close(l->store, l->rec->key, &end, hash);
	if (r != 0)
		return r;
	o = sp_live_position(l);
	if (o != NULL && (json_object_set_new(o, "state", json_string(end.state)) != 0 ||
			     sp_seal_set_hash(o, "manifest", hash) != 0)) {
		json_decref(o);
		o = NULL;
	}
	r = sp_recorder_chain(l->rec, "close", o);
	if (r == 0) {
		l->is_closed = true;
		(void)sp_live_mark(l->rec, l->id, false);
	}
	return r;
}

/* Closes the record if that is asked for and possible. */
static int
sp_live_close(struct sp_live *l)
{
	int r = 0;

	if (!l->is_closed && (l->has_finish || l->is_ended)) {
		r = sp_live_write_end(l);
		if (r != 0)
			sp_recorder_failed(l->rec, "manifest");
	}
	if (r == 0 && l->is_closed && !l->has_end_report) {
		l->has_end_report = true;
		sp_sinks_say(l->rec, l, AUDIT_USER_END, true, "op=sallyport:session_close session=%s", l->id);
	}
	return r;
}

static void
sp_live_answer_finish(struct sp_live *l, int err)
{
	struct sp_buf *b = sp_buf_new(64);

	if (l->finish_id != 0 && l->peer != NULL && b != NULL && sp_buf_put_u32(b, (uint32_t)-err) == 0 &&
	    sp_buf_put_cstring(b, "") == 0 &&
	    sp_peer_send(l->peer, SP_IPC_RECORDER_FINISHED, l->finish_id, b, NULL, 0) != 0)
		sp_log_warn("session %s: a reply could not be queued", l->id);
	sp_buf_free(b);
	l->finish_id = 0;
}

void
sp_live_settle(struct sp_live *l)
{
	if (l->finish_id == 0 || !l->is_closed)
		return;
	if (sp_sinks_owe(l->rec, l)) {
		if (sp_ipc_now_ms() < l->finish_by_ms)
			return;
		sp_log_warn("session %s: sallyport-audit does not answer: the recorder tells the kernel the rest", l->id);
		sp_sinks_fall_back(l->rec, l);
	}
	sp_live_answer_finish(l, 0);
}

static void sp_live_reply_sync(struct sp_live *l, const struct sp_live_wait *w, uint32_t verdict);

/* Those whose records cannot be stored now learn it at once: their statements are refused. */
static void
sp_live_fail_waits(struct sp_live *l)
{
	size_t n = l->nwaits;

	l->nwaits = 0;
	for (size_t i = 0; i < n; i++)
		sp_live_reply_sync(l, &l->waits[i], -SP_ERR_UNAVAILABLE);
}

bool
sp_live_work(struct sp_live *l, bool *ret_is_behind)
{
	bool some = false;
	int r = sp_live_drain(l, l->is_ended || l->has_finish ? UINT32_MAX : SP_LIVE_BLOCKS_TURN, &some);

	if (r != 0 && r != SP_ERR_AGAIN) {
		sp_live_fail_waits(l);
		sp_live_answer_finish(l, SP_ERR_UNAVAILABLE);
		return some;
	}
	if (r == SP_ERR_AGAIN || (l->ring != NULL && sp_ring_backlog(l->ring) >= SP_RING_BEHIND))
		*ret_is_behind = l->damage[0] == '\0';
	if (r == 0 && sp_live_close(l) != 0)
		sp_live_answer_finish(l, SP_ERR_UNAVAILABLE);
	sp_sinks_pump(l->rec, l, l->is_ended && l->is_closed);
	sp_live_settle(l);
	if (l->nwaits > 0)
		sp_recorder_want_fsync(l->rec);
	if (!some && l->ring != NULL && l->rec->fault[0] == '\0')
		l->is_busy = l->damage[0] == '\0' && !sp_ring_sleep(l->ring);
	if (l->ring == NULL || l->is_closed)
		l->is_busy = false;
	if (l->is_ended && l->is_closed)
		sp_live_free(l);
	return some;
}

int
sp_live_end(struct sp_live *l, const char *reason)
{
	struct sp_recorder *rec = l->rec;
	char id[SP_ULID_LEN + 1];
	bool behind = false;

	memcpy(id, l->id, sizeof(id));
	l->is_ended = true;
	if (reason != NULL)
		l->end_reason = reason;
	sp_peer_free(l->peer);
	l->peer = NULL;
	(void)sp_live_work(l, &behind);
	return sp_live_find(rec, id) == NULL ? 0 : SP_ERR_AGAIN;
}

json_t *
sp_live_position(const struct sp_live *l)
{
	const struct sp_record_state *st = sp_store_state(l->store);
	char hex[SP_SEAL_HEX];

	sp_text_hex(hex, st->hash, SP_SIGN_HASH);
	return json_pack("{s:s s:I s:s}", "session", l->id, "records", (json_int_t)st->number, "head", hex);
}

/* --- the channel ----------------------------------------------------------------------------------- */

static void
sp_live_reply_sync(struct sp_live *l, const struct sp_live_wait *w, uint32_t verdict)
{
	struct sp_buf *b = sp_buf_new(64);

	if (l->peer != NULL && b != NULL) {
		sp_buf_put_u32(b, verdict);
		if (sp_buf_put_u64(b, w->seq) == 0 &&
		    sp_peer_send(l->peer, SP_IPC_RECORDER_SYNCED, w->id, b, NULL, 0) != 0)
			sp_log_warn("session %s: a reply could not be queued", l->id);
	}
	sp_buf_free(b);
}

void
sp_live_fsync(struct sp_live *l)
{
	const struct sp_record_state *st;
	size_t n = l->nwaits, kept = 0;

	if (n == 0 || l->store == NULL)
		return;
	if (sp_store_sync(l->store) != 0) {
		sp_recorder_failed(l->rec, "fsync");
		sp_live_fail_waits(l);
		return;
	}
	st = sp_store_state(l->store);
	for (size_t i = 0; i < n; i++) {
		if (l->waits[i].seq <= st->number)
			sp_live_reply_sync(l, &l->waits[i], 0);
		else
			l->waits[kept++] = l->waits[i];
	}
	l->nwaits = kept;
}

static int
sp_live_on_wake(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_live *l = ctx;

	(void)p;
	(void)msg;
	(void)body;
	sp_ring_awake(l->ring);
	l->is_busy = true;
	sp_recorder_busy(l->rec, sp_ring_backlog(l->ring) >= SP_RING_BEHIND);
	return 0;
}

static int
sp_live_on_sync(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_live *l = ctx;
	struct sp_recorder *rec = l->rec;
	bool behind = false;
	uint64_t seq;
	int r = sp_buf_get_u64(body, &seq);

	(void)p;
	if (r != 0 || msg->id == 0)
		return SP_ERR_PROTOCOL;
	if (l->nwaits == SP_LIVE_SYNC_MAX)
		return SP_ERR_LIMIT;
	l->waits[l->nwaits++] = (struct sp_live_wait){ msg->id, seq };
	l->is_busy = true;
	(void)sp_live_work(l, &behind); /* it may free a session that has ended */
	sp_recorder_busy(rec, behind);
	return 0;
}

static int
sp_live_on_finish(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_live *l = ctx;
	struct sp_recorder *rec = l->rec;
	bool behind = false;
	uint32_t value;
	uint8_t sig;
	int r = sp_buf_get_u8(body, &sig);

	(void)p;
	if (r == 0)
		r = sp_buf_get_u32(body, &value);
	if (r != 0 || msg->id == 0 || sig > 1 || l->has_finish)
		return SP_ERR_PROTOCOL;
	l->finish_id = msg->id;
	l->finish_by_ms = sp_ipc_now_ms() + SP_LIVE_FINISH_MS;
	l->has_finish = true;
	l->is_signaled = sig != 0;
	l->value = value;
	(void)sp_live_work(l, &behind); /* l may be gone */
	sp_recorder_busy(rec, false);
	return 0;
}

static void
sp_live_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_live *l = ctx;

	/* The process is gone or misbehaved; its ring may hold more. sallyportd says what becomes of it. */
	if (err != SP_ERR_CLOSED)
		sp_log_warn("session %s: its channel ended: %s", l->id, sp_err_str(err));
	l->peer = NULL;
	l->nwaits = 0;
	l->finish_id = 0;
	l->is_busy = true;
	sp_peer_free(p);
	sp_recorder_busy(l->rec, false);
}

void
sp_live_tell(struct sp_live *l)
{
	const char *reason = l->damage[0] != '\0' ? l->damage : l->rec->fault[0] != '\0' ? l->rec->fault : l->audit_fault;
	bool is_fault = reason[0] != '\0', is_read = l->damage[0] == '\0';
	enum live_told tell = !is_fault ? LIVE_TOLD_CLEAR : is_read ? LIVE_TOLD_FAULT : LIVE_TOLD_DAMAGE;
	struct sp_buf *b;

	if (l->peer == NULL || tell == l->told)
		return;
	b = sp_buf_new(1024);
	if (b == NULL)
		return;
	if (is_fault) {
		sp_buf_put_cstring(b, reason);
		sp_buf_put_u8(b, is_read);
	}
	if (sp_buf_error(b) == 0 &&
	    sp_peer_send(l->peer, is_fault ? SP_IPC_RECORDER_FAULT : SP_IPC_RECORDER_CLEAR, 0, b, NULL, 0) == 0)
		l->told = tell;
	sp_buf_free(b);
}

void
sp_live_audit_fault(struct sp_live *l, const char *reason)
{
	(void)snprintf(l->audit_fault, sizeof(l->audit_fault), "%s", reason == NULL ? "" : reason);
	sp_live_tell(l);
}

const char *
sp_live_audit_reason(const struct sp_live *l)
{
	return l->audit_fault;
}

int64_t
sp_live_missing(struct sp_live *l, bool is_missing)
{
	int64_t now = sp_ipc_now_ms();

	if (!is_missing) {
		if (l->missing_ms != 0 && l->audit_fault[0] != '\0')
			sp_live_audit_fault(l, NULL);
		l->missing_ms = 0;
		return 0;
	}
	if (l->missing_ms == 0)
		l->missing_ms = now;
	return now - l->missing_ms;
}
