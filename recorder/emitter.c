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
#include "runtime/cred.h"
#include "runtime/log.h"
#include "runtime/peer.h"

#define SP_EMITTER_LOOK_MS 250 /* between two looks for sessions whose emitter is missing; above SP_EMITTER_GRACE_MS */

struct sp_emitter {
	TAILQ_ENTRY(sp_emitter) next;
	struct sp_emitters *owner;
	struct sp_peer *peer;
	struct sp_report *sent; /* waits for EMITTED */
	char session[SP_ULID_LEN + 1]; /* whose report that is */
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

void
sp_emitters_say(struct sp_emitters *e, struct sp_report *r, const struct sp_live *l)
{
	const struct sp_live_who *who = l == NULL ? NULL : sp_live_who(l);
	char text[SP_REPORT_TEXT_MAX + 128];
	int n;

	if (r == NULL)
		return;
	if (who == NULL)
		n = snprintf(text, sizeof(text), "%s", r->text);
	else
		n = snprintf(text, sizeof(text), "%s person_uid=%u person_auid=%u person_ses=%u", r->text, who->uid,
		    who->auid, who->ses);
	if (n > 0 && e->audit_fd >= 0 &&
	    audit_log_user_message(e->audit_fd, (int)r->type, text, NULL, NULL, NULL, r->is_success) > 0) {
		e->is_deaf = false;
	} else if (!e->is_deaf) {
		e->is_deaf = true;
		sp_log_err("the kernel's audit system does not take records: %m");
	}
	free(r);
}

/* Gives the report to the emitter. */
static int
sp_emitter_send(struct sp_emitter *m, struct sp_report *r, const char *session)
{
	struct sp_buf *b = sp_buf_new(SP_REPORT_TEXT_MAX + 64);
	int err = SP_ERR_NOMEM;

	if (b != NULL) {
		sp_buf_put_u32(b, r->type);
		sp_buf_put_u8(b, r->is_success);
		err = sp_buf_put_cstring(b, r->text);
		if (err == 0)
			err = sp_peer_send(m->peer, SP_IPC_AUDIT_EMIT, ++m->id, b, NULL, 0);
	}
	sp_buf_free(b);
	if (err == 0) {
		m->sent = r;
		(void)snprintf(m->session, sizeof(m->session), "%s", session);
	}
	return err;
}

/* An emitter of that audit session: one that is free if there is any, else one that is at work. */
static struct sp_emitter *
sp_emitter_find(struct sp_emitters *e, uint32_t ses)
{
	struct sp_emitter *m, *found = NULL;

	if (ses == SP_CRED_UNSET)
		return NULL;
	TAILQ_FOREACH(m, &e->list, next) {
		if (!m->is_ready || sp_peer_cred(m->peer)->sessionid != ses)
			continue;
		if (m->sent == NULL)
			return m;
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

/* Nobody in the person's own audit session takes it: the recorder says it, and the session may not go on. */
static void
sp_emitters_fall_back(struct sp_emitters *e, struct sp_live *l)
{
	struct sp_report_list *list = sp_live_reports(l);
	struct sp_report *r;

	while ((r = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		sp_emitters_say(e, r, l);
	}
}

/* Whether some emitter still has a report of that session to answer for. */
static bool
sp_emitters_await(const struct sp_emitters *e, const char *session)
{
	struct sp_emitter *m;

	TAILQ_FOREACH(m, &e->list, next) {
		if (m->sent != NULL && strcmp(m->session, session) == 0)
			return true;
	}
	return false;
}

void
sp_emitters_pump(struct sp_emitters *e, struct sp_live *l, bool at_end)
{
	struct sp_report_list *list = sp_live_reports(l);
	struct sp_emitter *m;
	struct sp_report *r;

	if (!e->rec->has_audit)
		return;
	m = sp_emitter_find(e, sp_live_who(l)->ses);
	if (m == NULL) {
		if (at_end)
			sp_emitters_fall_back(e, l);
		else if (sp_live_has_channel(l)) {
			(void)sp_live_missing(l, true);
			sp_emitters_look_soon(e);
		}
		return;
	}
	(void)sp_live_missing(l, false);
	r = STAILQ_FIRST(list);
	if (r != NULL && m->sent == NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		if (sp_emitter_send(m, r, sp_live_id(l)) != 0)
			sp_emitters_say(e, r, l);
	}
	if (at_end)
		sp_emitters_fall_back(e, l);
	else if (sp_gate_holds(e->rec, sp_live_id(l)) && STAILQ_EMPTY(list) && !sp_emitters_await(e, sp_live_id(l)))
		sp_gate_open(e->rec, sp_live_id(l));
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
		if (sp_emitter_find(e, sp_live_who(l)->ses) != NULL) {
			sp_emitters_pump(e, l, false);
			continue;
		}
		if (sp_gate_holds(e->rec, sp_live_id(l)))
			continue; /* not let go on yet, and the gate has its own clock */
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
	struct sp_live *l = sp_live_find(m->owner->rec, m->session);
	struct sp_report *sent = m->sent;
	uint32_t verdict, err;
	int r = sp_buf_get_u32(body, &verdict);

	if (r == 0)
		r = sp_buf_get_u32(body, &err);
	if (r != 0 || sent == NULL || msg->id != m->id)
		return SP_ERR_PROTOCOL;
	m->sent = NULL;
	if (verdict == 0) {
		free(sent);
		if (l != NULL)
			sp_live_audit_fault(l, NULL);
	} else {
		errno = (int)err;
		sp_log_err("session %s: the kernel refused an audit record: %m", m->session);
		if (l == NULL) {
			sp_emitters_say(m->owner, sent, NULL);
		} else {
			/* Tried again until the kernel takes it. */
			STAILQ_INSERT_HEAD(sp_live_reports(l), sent, next);
			sp_live_audit_fault(l, "the kernel's audit system refuses records of this session");
		}
		sp_emitters_look_soon(m->owner);
		return 0;
	}
	sp_emitters_pump_all(m->owner, sp_peer_cred(p)->sessionid);
	return 0;
}

static void
sp_emitter_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_emitter *m = ctx;
	struct sp_emitters *e = m->owner;
	struct sp_live *l = m->sent == NULL ? NULL : sp_live_find(e->rec, m->session);

	(void)err;
	TAILQ_REMOVE(&e->list, m, next);
	/* It may or may not have been said: twice is better than never. */
	if (m->sent != NULL && l != NULL)
		STAILQ_INSERT_HEAD(sp_live_reports(l), m->sent, next);
	else
		sp_emitters_say(e, m->sent, NULL);
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
	struct sp_emitter *m;

	if (e == NULL)
		return;
	while ((m = TAILQ_FIRST(&e->list)) != NULL) {
		TAILQ_REMOVE(&e->list, m, next);
		sp_peer_free(m->peer);
		free(m->sent);
		free(m);
	}
	sp_listener_free(e->listener);
	if (e->ev_look != NULL)
		event_free(e->ev_look);
	free(e);
}
