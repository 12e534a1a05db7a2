/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/emitter.h"

#include <errno.h>
#include <event2/event.h>
#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_audit.h"
#include "recorder/live.h"
#include "recorder/sink.h"
#include "runtime/cred.h"
#include "runtime/log.h"
#include "runtime/peer.h"

#define SP_EMITTER_LOOK_MS 250 /* between two looks for sessions whose emitter is missing; above SP_EMITTER_GRACE_MS */

/* A report that an emitter has been given and has not answered for. */
struct sp_emission {
	TAILQ_ENTRY(sp_emission) next;
	struct sp_report *report;
	struct sp_live_who who;
	uint32_t id;
	char session[SP_ULID_LEN + 1];
};

TAILQ_HEAD(sp_emission_list, sp_emission);

struct sp_emitter {
	TAILQ_ENTRY(sp_emitter) next;
	struct sp_emitters *owner;
	struct sp_peer *peer;
	struct sp_emission_list sent; /* in order, as the answers come */
	unsigned nsent;
	uint32_t id;
	bool is_ready;
};

TAILQ_HEAD(sp_emitter_list, sp_emitter);

struct sp_emitters {
	struct sp_recorder *rec;
	struct sp_listener *listener;
	struct event *ev_look;
	struct sp_emitter_list list;
	int audit_fd;
	bool is_deaf; /* the last own record was refused: logged once */
};

static int sp_emitter_on_hello(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);
static int sp_emitter_on_emitted(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);
static void sp_emitter_on_close(struct sp_peer *p, int err, void *ctx);

static const struct sp_peer_request sp_emitter_requests[] = {
	{ SP_IPC_AUDIT_HELLO, 1, 0, 0, sp_emitter_on_hello, "HELLO" },
	{ SP_IPC_AUDIT_EMITTED, 2, 8, 0, sp_emitter_on_emitted, "EMITTED" },
	{ 0 },
};

static const struct sp_peer_ops sp_emitter_ops = { sp_emitter_requests, sp_emitter_on_close, "audit.sock" };

/* --- saying it -------------------------------------------------------------------------------------- */

/* who NULL: it is about no person. Whether the kernel has it; r stays the caller's. */
static bool
sp_emitters_tell(struct sp_emitters *e, const struct sp_report *r, const struct sp_live_who *who)
{
	char text[SP_REPORT_TEXT_MAX + 128];
	int n;

	if (who == NULL)
		n = snprintf(text, sizeof(text), "%s", r->text);
	else
		n = snprintf(text, sizeof(text), "%s person_uid=%u person_auid=%u person_ses=%u", r->text, who->uid,
		    who->auid, who->ses);
	if (n > 0 && e->audit_fd >= 0 &&
	    audit_log_user_message(e->audit_fd, (int)r->type, text, NULL, NULL, NULL, r->is_success) > 0) {
		e->is_deaf = false;
		return true;
	}
	if (!e->is_deaf)
		sp_log_err("the kernel's audit system does not take records: %m");
	e->is_deaf = true;
	return false;
}

static void
sp_emitters_say_for(struct sp_emitters *e, struct sp_report *r, const struct sp_live_who *who)
{
	(void)sp_emitters_tell(e, r, who);
	free(r);
}

void
sp_emitters_say(struct sp_emitters *e, struct sp_report *r)
{
	if (r != NULL)
		sp_emitters_say_for(e, r, NULL);
}

static struct sp_emission *
sp_emission_new(struct sp_report *r, const struct sp_live *l, uint32_t id)
{
	struct sp_emission *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->report = r;
	s->who = *sp_live_who(l);
	s->id = id;
	(void)snprintf(s->session, sizeof(s->session), "%s", sp_live_id(l));
	return s;
}

/* It was not said, or perhaps not: to be said again, by the recorder itself if its session is over. */
static void
sp_emission_return(struct sp_emission *s, struct sp_emitters *e, struct sp_live *l)
{
	if (l != NULL)
		STAILQ_INSERT_HEAD(sp_live_reports(l), s->report, next);
	else
		sp_emitters_say_for(e, s->report, &s->who);
	free(s);
}

/* Gives the report to the emitter, or leaves it to the caller. */
static int
sp_emitter_send(struct sp_emitter *m, struct sp_report *r, const struct sp_live *l)
{
	struct sp_buf *b = sp_buf_new(SP_REPORT_TEXT_MAX + 64);
	struct sp_emission *s = sp_emission_new(r, l, m->id + 1);
	int err = SP_ERR_NOMEM;

	if (b != NULL && s != NULL) {
		sp_buf_put_u32(b, r->type);
		sp_buf_put_u8(b, r->is_success);
		err = sp_buf_put_cstring(b, r->text);
		if (err == 0)
			err = sp_peer_send(m->peer, SP_IPC_AUDIT_EMIT, s->id, b, NULL, 0);
	}
	sp_buf_free(b);
	if (err != 0) {
		free(s);
		return err;
	}
	m->id++;
	m->nsent++;
	TAILQ_INSERT_TAIL(&m->sent, s, next);
	return 0;
}

/* Whether the emitter has a report of that session to answer for. */
static bool
sp_emitter_has(const struct sp_emitter *m, const char *session)
{
	const struct sp_emission *s;

	TAILQ_FOREACH(s, &m->sent, next) {
		if (strcmp(s->session, session) == 0)
			return true;
	}
	return false;
}

/* An emitter of the session's audit session: the one that has reports of it, to keep their order, or the least busy. */
static struct sp_emitter *
sp_emitter_find(const struct sp_emitters *e, const struct sp_live *l)
{
	uint32_t ses = sp_live_who(l)->ses;
	struct sp_emitter *m, *found = NULL;

	if (ses == SP_CRED_UNSET)
		return NULL;
	TAILQ_FOREACH(m, &e->list, next) {
		if (!m->is_ready || sp_peer_cred(m->peer)->sessionid != ses)
			continue;
		if (sp_emitter_has(m, sp_live_id(l)))
			return m;
		if (found == NULL || m->nsent < found->nsent)
			found = m;
	}
	return found;
}

static void
sp_emitters_look_soon(struct sp_emitters *e)
{
	struct timeval tv = { .tv_usec = SP_EMITTER_LOOK_MS * 1000 };

	if (!event_pending(e->ev_look, EV_TIMEOUT, NULL))
		(void)event_add(e->ev_look, &tv);
}

void
sp_emitters_fall_back(struct sp_emitters *e, struct sp_live *l)
{
	struct sp_report_list *list = sp_live_reports(l);
	struct sp_report *r;

	while ((r = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		sp_emitters_say_for(e, r, sp_live_who(l));
	}
}

bool
sp_emitters_owe(const struct sp_emitters *e, struct sp_live *l)
{
	struct sp_emitter *m;

	if (!e->rec->has_audit)
		return false;
	if (!STAILQ_EMPTY(sp_live_reports(l)))
		return true;
	TAILQ_FOREACH(m, &e->list, next) {
		if (sp_emitter_has(m, sp_live_id(l)))
			return true;
	}
	return false;
}

/* Gives the emitter as much as it may have at once. */
static void
sp_emitter_feed(struct sp_emitter *m, struct sp_live *l)
{
	struct sp_report_list *list = sp_live_reports(l);
	struct sp_report *r;

	while ((r = STAILQ_FIRST(list)) != NULL && m->nsent < SP_EMITTER_FLIGHT_MAX) {
		STAILQ_REMOVE_HEAD(list, next);
		if (sp_emitter_send(m, r, l) != 0) {
			STAILQ_INSERT_HEAD(list, r, next);
			sp_emitters_look_soon(m->owner);
			return;
		}
	}
}

/*
 * What came through sshd's forwarding: the person's login need not have a process of theirs, and so no emitter. The
 * recorder says it itself, with the person's ids in the text; a record that the kernel does not take stays, as ever.
 */
static void
sp_emitters_pump_forwarded(struct sp_emitters *e, struct sp_live *l)
{
	struct sp_report_list *list = sp_live_reports(l);
	struct sp_report *r;

	while ((r = STAILQ_FIRST(list)) != NULL) {
		if (!sp_emitters_tell(e, r, sp_live_who(l))) {
			if (sp_live_missing(l, true) >= SP_EMITTER_GRACE_MS)
				sp_live_audit_fault(l, "the kernel's audit system refuses records of this session");
			sp_emitters_look_soon(e);
			return;
		}
		STAILQ_REMOVE_HEAD(list, next);
		free(r);
	}
	(void)sp_live_missing(l, false);
	sp_sinks_settled(e->rec, l);
}

void
sp_emitters_pump(struct sp_emitters *e, struct sp_live *l, bool at_end)
{
	struct sp_emitter *m;

	if (!e->rec->has_audit)
		return;
	if (sp_live_who(l)->is_forwarded && !at_end) {
		sp_emitters_pump_forwarded(e, l);
		return;
	}
	m = sp_emitter_find(e, l);
	if (m != NULL) {
		(void)sp_live_missing(l, false);
		sp_emitter_feed(m, l);
	} else if (!at_end && sp_live_has_channel(l)) {
		(void)sp_live_missing(l, true);
		sp_emitters_look_soon(e);
	}
	if (at_end) {
		sp_emitters_fall_back(e, l);
	} else if (m != NULL && !sp_emitters_owe(e, l)) {
		sp_sinks_settled(e->rec, l);
	}
}

static void
sp_emitters_pump_all(struct sp_emitters *e, uint32_t ses)
{
	for (struct sp_live *l = sp_live_next(e->rec, NULL); l != NULL; l = sp_live_next(e->rec, l)) {
		if (sp_live_who(l)->ses == ses)
			sp_emitters_pump(e, l, false);
	}
}

/* Sessions that have been without an emitter for too long. */
static void
sp_emitters_on_look(evutil_socket_t fd, short what, void *arg)
{
	struct sp_emitters *e = arg;

	(void)fd;
	(void)what;
	for (struct sp_live *l = sp_live_next(e->rec, NULL); l != NULL; l = sp_live_next(e->rec, l)) {
		if (!sp_live_has_channel(l))
			continue;
		if (sp_live_who(l)->is_forwarded || sp_emitter_find(e, l) != NULL) {
			sp_emitters_pump(e, l, false);
			continue;
		}
		/* Before it is let go on, and when it is over, others have the clock. */
		if (sp_gate_holds(e->rec, sp_live_id(l)) || sp_live_is_over(l))
			continue;
		if (sp_live_missing(l, true) < SP_EMITTER_GRACE_MS) {
			sp_emitters_look_soon(e);
			continue;
		}
		sp_emitters_fall_back(e, l);
		sp_live_audit_fault(l, "the kernel's audit system cannot be told of this session (sallyport-audit is gone)");
	}
}

/* --- connections ------------------------------------------------------------------------------------ */

static int
sp_emitter_on_hello(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_emitter *m = ctx;

	(void)msg;
	(void)body;
	m->is_ready = true;
	sp_peer_set_state(p, 1);
	sp_emitters_pump_all(m->owner, sp_peer_cred(p)->sessionid);
	return 0;
}

static int
sp_emitter_on_emitted(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_emitter *m = ctx;
	struct sp_emission *s = TAILQ_FIRST(&m->sent);
	struct sp_live *l;
	uint32_t verdict, err;
	int r = sp_buf_get_u32(body, &verdict);

	if (r == 0)
		r = sp_buf_get_u32(body, &err);
	if (r != 0 || s == NULL || msg->id != s->id)
		return SP_ERR_PROTOCOL;
	TAILQ_REMOVE(&m->sent, s, next);
	m->nsent--;
	l = sp_live_find(m->owner->rec, s->session);
	if (verdict != 0) {
		errno = (int)err;
		sp_log_err("session %s: the kernel refused an audit record: %m", s->session);
		sp_emission_return(s, m->owner, l); /* tried again until the kernel takes it */
		if (l != NULL)
			sp_live_audit_fault(l, "the kernel's audit system refuses records of this session");
		sp_emitters_look_soon(m->owner);
		return 0;
	}
	free(s->report);
	free(s);
	if (l != NULL)
		sp_live_audit_fault(l, NULL);
	sp_emitters_pump_all(m->owner, sp_peer_cred(p)->sessionid);
	return 0;
}

/* What it has not answered for may or may not have been said: twice is better than never. */
static void
sp_emitter_return_all(struct sp_emitter *m)
{
	struct sp_emission *s;

	/* From the last to the first, as each is put at the head of its session's list. */
	while ((s = TAILQ_LAST(&m->sent, sp_emission_list)) != NULL) {
		TAILQ_REMOVE(&m->sent, s, next);
		sp_emission_return(s, m->owner, sp_live_find(m->owner->rec, s->session));
	}
	m->nsent = 0;
}

static void
sp_emitter_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_emitter *m = ctx;
	struct sp_emitters *e = m->owner;

	(void)err;
	TAILQ_REMOVE(&e->list, m, next);
	sp_emitter_return_all(m);
	sp_emitters_pump_all(e, sp_peer_cred(p)->sessionid); /* another one of that audit session, or the clock starts */
	free(m);
	sp_peer_free(p);
	sp_listener_release(e->listener);
	sp_emitters_look_soon(e);
}

static void
sp_emitters_on_accept(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	struct sp_emitters *e = ctx;
	struct sp_emitter *m, *other;
	unsigned same = 0;

	TAILQ_FOREACH(other, &e->list, next)
		same += sp_peer_cred(other->peer)->sessionid == cred->sessionid;
	m = cred->sessionid == SP_CRED_UNSET || same >= SP_EMITTER_SESSION_MAX ? NULL : calloc(1, sizeof(*m));
	if (m == NULL || sp_peer_new(e->rec->base, fd, &sp_emitter_ops, m, &m->peer) != 0) {
		free(m);
		(void)close(fd);
		sp_listener_release(e->listener);
		return;
	}
	m->owner = e;
	TAILQ_INIT(&m->sent);
	TAILQ_INSERT_TAIL(&e->list, m, next);
}

int
sp_emitters_new(struct sp_recorder *rec, const char *path, int audit_fd, struct sp_emitters **ret_e)
{
	struct sp_emitters *e = calloc(1, sizeof(*e));
	int r;

	if (e == NULL)
		return SP_ERR_NOMEM;
	e->rec = rec;
	e->audit_fd = audit_fd;
	TAILQ_INIT(&e->list);
	e->ev_look = event_new(rec->base, -1, 0, sp_emitters_on_look, e);
	r = e->ev_look == NULL ? SP_ERR_NOMEM :
	    sp_listener_new(rec->base, path, 0666, (uid_t)-1, (gid_t)-1, -1, SP_EMITTER_MAX, sp_emitters_on_accept, e,
		&e->listener);
	if (r != 0) {
		sp_emitters_free(e);
		return r;
	}
	*ret_e = e;
	return 0;
}

void
sp_emitters_free(struct sp_emitters *e)
{
	struct sp_emission *s;
	struct sp_emitter *m;

	if (e == NULL)
		return;
	while ((m = TAILQ_FIRST(&e->list)) != NULL) {
		TAILQ_REMOVE(&e->list, m, next);
		sp_peer_free(m->peer);
		while ((s = TAILQ_FIRST(&m->sent)) != NULL) {
			TAILQ_REMOVE(&m->sent, s, next);
			free(s->report);
			free(s);
		}
		free(m);
	}
	sp_listener_free(e->listener);
	if (e->ev_look != NULL)
		event_free(e->ev_look);
	free(e);
}
