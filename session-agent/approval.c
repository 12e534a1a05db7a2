/* SPDX-License-Identifier: Apache-2.0 */
/* The session's end of its control channel (PROTOCOL.ipc section 7): the policy in force, and approvals. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc_control.h"
#include "policy/subject.h"
#include "recorder/event.h"
#include "runtime/log.h"
#include "session-agent/policy_copy.h"
#include "session-agent/relay.h"
#include "session-agent/session_state.h"

#define APPROVAL_GRACE_SECONDS 2 /* after its expiry, for control's own word */
#define APPROVAL_ID_MAX 64
#define APPROVAL_WHO_MAX 1024

enum approval_stage { APPROVAL_FILING, APPROVAL_WAITING, APPROVAL_CONSUMING, APPROVAL_DONE };

struct sp_approval {
	TAILQ_ENTRY(sp_approval) next;
	struct sp_session *session;
	enum approval_stage stage;
	uint32_t id; /* of the REQUEST or CONSUME under way */
	uint8_t digest[32];
	struct sp_buf *request; /* body of REQUEST, to file again with a new control */
	size_t statement_end, statement_len; /* where in it the statement stands */
	char *request_id;
	char *who;
	char *reason;
	uint64_t expires;
	sp_approval_cb *cb;
	void *ctx;
	enum sp_approval_state outcome;
	struct event *timer; /* its expiry, or its outcome from the loop */
};

/* --- outcomes ---------------------------------------------------------------------------------------- */

static void
approval_free(struct sp_approval *a)
{
	TAILQ_REMOVE(&a->session->approvals, a, next);
	a->session->napprovals--;
	if (a->timer != NULL)
		event_free(a->timer);
	sp_buf_free(a->request);
	free(a->request_id);
	free(a->who);
	free(a->reason);
	free(a);
}

static void
approval_tell(struct sp_approval *a, enum sp_approval_state state)
{
	struct sp_approval_news news = { .state = state,
		.id = a->request_id == NULL ? "" : a->request_id,
		.who = a->who == NULL ? "" : a->who,
		.reason = a->reason == NULL ? "" : a->reason,
		.statement = (const char *)sp_buf_data(a->request) + a->statement_end - a->statement_len,
		.statement_len = a->statement_len,
		.expires = a->expires };

	a->cb(&news, a->ctx);
}

/* The final word, from the loop, so that no caller is called back from within its own call. */
static void
approval_finish(struct sp_approval *a, enum sp_approval_state outcome, const char *reason)
{
	static const struct timeval now = { 0 };

	if (a->stage == APPROVAL_DONE)
		return;
	a->stage = APPROVAL_DONE;
	a->outcome = outcome;
	if (reason != NULL) {
		free(a->reason);
		a->reason = strdup(reason);
	}
	(void)event_del(a->timer);
	(void)event_add(a->timer, &now);
}

static void
approval_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_approval *a = ctx;

	(void)fd;
	(void)what;
	if (a->stage != APPROVAL_DONE) {
		a->stage = APPROVAL_DONE;
		a->outcome = SP_APPROVAL_EXPIRED;
	}
	approval_tell(a, a->outcome);
	approval_free(a);
}

static void
approval_arm(struct sp_approval *a)
{
	int64_t left = (int64_t)a->expires + APPROVAL_GRACE_SECONDS - (int64_t)time(NULL);
	struct timeval tv = { .tv_sec = left > 0 ? left : 0 };

	(void)event_add(a->timer, &tv);
}

/* --- filing, consuming, cancelling -------------------------------------------------------------------- */

static int
approval_send(struct sp_approval *a, uint8_t type, const struct sp_buf *body)
{
	struct sp_session *s = a->session;

	if (s->control == NULL)
		return 0; /* done when it is back */
	a->id = sp_session_new_id(s);
	return sp_peer_send(s->control, type, a->id, body, NULL, 0);
}

static int
approval_send_consume(struct sp_approval *a)
{
	struct sp_buf *body = sp_buf_new(1024);
	int r = SP_ERR_NOMEM;

	if (body != NULL) {
		sp_buf_put_cstring(body, a->request_id);
		sp_buf_put_string(body, a->digest, sizeof(a->digest));
		r = approval_send(a, SP_IPC_CONTROL_CONSUME, body);
	}
	sp_buf_free(body);
	return r;
}

int
sp_session_approval(struct sp_session *s, const uint8_t digest[32], const char *connection, const char *rule,
    const char *statement, size_t statement_len, const char *details_json, uint64_t policy_version, sp_approval_cb *cb,
    void *ctx, struct sp_approval **ret_a)
{
	struct sp_approval *a;
	int r;

	if (s->control == NULL || s->is_unheard)
		return SP_ERR_UNAVAILABLE;
	if (s->napprovals >= SP_SESSION_APPROVALS_MAX)
		return SP_ERR_LIMIT;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return SP_ERR_NOMEM;
	a->session = s;
	a->cb = cb;
	a->ctx = ctx;
	memcpy(a->digest, digest, sizeof(a->digest));
	TAILQ_INSERT_TAIL(&s->approvals, a, next);
	s->napprovals++;
	a->timer = event_new(s->base, -1, 0, approval_on_timer, a);
	a->request = sp_buf_new(SP_IPC_FRAME_MAX - 64);
	r = a->timer == NULL || a->request == NULL ? SP_ERR_NOMEM : 0;
	if (r == 0) {
		sp_buf_put_string(a->request, digest, 32);
		sp_buf_put_cstring(a->request, connection);
		sp_buf_put_cstring(a->request, rule);
		sp_buf_put_string(a->request, statement, statement_len);
		a->statement_end = sp_buf_len(a->request);
		a->statement_len = statement_len;
		sp_buf_put_cstring(a->request, details_json);
		sp_buf_put_u64(a->request, policy_version);
		r = sp_buf_error(a->request);
	}
	if (r == 0)
		r = approval_send(a, SP_IPC_CONTROL_REQUEST, a->request);
	if (r != 0) {
		approval_free(a);
		return r;
	}
	*ret_a = a;
	return 0;
}

void
sp_approval_cancel(struct sp_approval *a)
{
	struct sp_buf *body;

	if (a->stage == APPROVAL_DONE)
		return;
	body = sp_buf_new(1024);
	if (body != NULL && a->request_id != NULL && a->session->control != NULL) {
		sp_buf_put_cstring(body, a->request_id);
		if (sp_peer_send(a->session->control, SP_IPC_CONTROL_CANCEL, 0, body, NULL, 0) != 0)
			sp_log_warn("a cancelled request could not be told to control; it will expire");
	}
	sp_buf_free(body);
	approval_finish(a, SP_APPROVAL_CANCELLED, "");
}

static struct sp_approval *
approval_find(struct sp_session *s, enum approval_stage stage, uint32_t id)
{
	struct sp_approval *a;

	TAILQ_FOREACH(a, &s->approvals, next)
		if (a->stage == stage && a->id == id)
			return a;
	return NULL;
}

static int
approval_on_request(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_approval *a = approval_find(s, APPROVAL_FILING, msg->id);
	char *message = NULL, *id = NULL, *who = NULL;
	uint32_t verdict;
	uint64_t expires = 0;
	int r;

	(void)p;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &message);
	if (r == 0)
		r = sp_buf_get_cstring(body, APPROVAL_ID_MAX, &id);
	if (r == 0)
		r = sp_buf_get_cstring(body, APPROVAL_WHO_MAX, &who);
	if (r == 0)
		r = sp_buf_get_u64(body, &expires);
	if (r == 0 && a != NULL && verdict != 0) {
		approval_finish(a, SP_APPROVAL_FAILED, message);
	} else if (r == 0 && a != NULL) {
		a->stage = APPROVAL_WAITING;
		a->expires = expires;
		free(a->request_id);
		free(a->who);
		a->request_id = id;
		a->who = who;
		id = who = NULL;
		approval_arm(a);
		approval_tell(a, SP_APPROVAL_PENDING);
	}
	free(message);
	free(id);
	free(who);
	return r;
}

static void
approval_verdict(struct sp_approval *a, uint32_t state, const char *by, const char *reason)
{
	free(a->who);
	a->who = strdup(by);
	free(a->reason);
	a->reason = strdup(reason);
	switch (state) {
	case SP_IPC_CONTROL_STATE_APPROVED:
		a->stage = APPROVAL_CONSUMING;
		if (approval_send_consume(a) != 0)
			approval_finish(a, SP_APPROVAL_FAILED, "the approval could not be used: try again");
		break;
	case SP_IPC_CONTROL_STATE_EXPIRED:
		approval_finish(a, SP_APPROVAL_EXPIRED, NULL);
		break;
	case SP_IPC_CONTROL_STATE_CANCELLED:
		approval_finish(a, SP_APPROVAL_CANCELLED, NULL);
		break;
	case SP_IPC_CONTROL_STATE_DENIED:
	default:
		approval_finish(a, SP_APPROVAL_DENIED, NULL);
		break;
	}
}

static int
approval_on_verdict(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	char *id = NULL, *by = NULL, *reason = NULL;
	struct sp_approval *a;
	uint32_t state;
	int r;

	(void)p;
	(void)msg;
	r = sp_buf_get_cstring(body, APPROVAL_ID_MAX, &id);
	if (r == 0)
		r = sp_buf_get_u32(body, &state);
	if (r == 0)
		r = sp_buf_get_cstring(body, APPROVAL_WHO_MAX, &by);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &reason);
	if (r == 0) {
		TAILQ_FOREACH(a, &s->approvals, next)
			if (a->stage == APPROVAL_WAITING && strcmp(a->request_id, id) == 0)
				break;
		if (a != NULL)
			approval_verdict(a, state, by, reason);
	}
	free(id);
	free(by);
	free(reason);
	return r;
}

static int
approval_on_consume(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_approval *a = approval_find(ctx, APPROVAL_CONSUMING, msg->id);
	char *message = NULL;
	uint32_t verdict;
	int r;

	(void)p;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &message);
	if (r == 0 && a != NULL)
		approval_finish(a, verdict == 0 ? SP_APPROVAL_GRANTED : SP_APPROVAL_FAILED, verdict == 0 ? NULL : message);
	free(message);
	return r;
}

/* --- built-in commands --------------------------------------------------------------------------------- */

int
sp_control_list(struct sp_session *s, bool all)
{
	struct sp_buf *body;
	int r = SP_ERR_NOMEM;

	if (s->control == NULL)
		return SP_ERR_UNAVAILABLE;
	body = sp_buf_new(16);
	if (body != NULL) {
		sp_buf_put_u8(body, all);
		r = sp_peer_send(s->control, SP_IPC_CONTROL_LIST, sp_session_new_id(s), body, NULL, 0);
	}
	sp_buf_free(body);
	return r;
}

int
sp_control_sessions(struct sp_session *s)
{
	if (s->control == NULL)
		return SP_ERR_UNAVAILABLE;
	return sp_peer_send(s->control, SP_IPC_CONTROL_SESSIONS, sp_session_new_id(s), NULL, NULL, 0);
}

int
sp_control_decide(struct sp_session *s, const char *id, bool approve, const char *reason)
{
	struct sp_buf *body;
	int r = SP_ERR_NOMEM;

	if (s->control == NULL)
		return SP_ERR_UNAVAILABLE;
	body = sp_buf_new(SP_IPC_FRAME_MAX - 64);
	if (body != NULL) {
		sp_buf_put_cstring(body, id);
		sp_buf_put_u8(body, approve);
		sp_buf_put_cstring(body, reason);
		r = sp_peer_send(s->control, SP_IPC_CONTROL_DECIDE, sp_session_new_id(s), body, NULL, 0);
	}
	sp_buf_free(body);
	return r;
}

static int
control_on_list(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_view text;
	json_t *list;
	int r = sp_buf_get_view(body, SP_IPC_FRAME_MAX, &text);

	(void)p;
	if (r != 0)
		return r;
	list = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(list))
		r = SP_ERR_FORMAT;
	else if (s->on_list != NULL)
		s->on_list(s, json_object_get(list, msg->type == SP_IPC_CONTROL_LIST_REPLY ? "requests" : "sessions"));
	json_decref(list);
	return r;
}

static int
control_on_decided(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
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
	if (r == 0 && s->on_decided != NULL)
		s->on_decided(s, verdict, message);
	free(message);
	return r;
}

/* --- policy ---------------------------------------------------------------------------------------------- */

static void
policy_note(struct sp_session *s)
{
	uint64_t version = sp_policy_copy_version(s->policy_copy);
	struct sp_buf *e = sp_session_event(s);

	sp_event_begin(e, SP_EVENT_POLICY, sp_event_now());
	sp_event_put_u64(e, SP_FIELD_POLICY_VERSION, version);
	sp_event_put(e, SP_FIELD_DIGEST, sp_policy_copy_digest(s->policy_copy), SP_POLICY_COPY_DIGEST);
	if (sp_session_record_late(s) != 0)
		sp_log_warn("policy version %llu is in force; the recorder is busy, its statements say so too",
		    (unsigned long long)version);
}

/* A new policy takes the place of the old one only when all of it is well. */
static int
control_on_policy(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_policy_copy *copy, *old;
	struct sp_session *s = ctx;
	int r = sp_policy_copy_read(msg, body, &copy);

	(void)p;
	if (r != 0)
		return r;
	old = s->policy_copy;
	s->policy_copy = copy;
	s->policy = sp_policy_copy_image(copy);
	policy_note(s);
	if (s->kind != NULL && s->kind_ctx != NULL)
		s->kind->policy_changed(s->kind_ctx);
	sp_forwarded_policy_changed(s);
	sp_limits_policy_changed(s);
	sp_relay_policy_changed(s);
	sp_policy_copy_free(old);
	if (old == NULL)
		sp_session_policy_ready(s);
	return 0;
}

/* --- the channel ------------------------------------------------------------------------------------------ */

static void
control_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_session *s = ctx;

	(void)err;
	sp_peer_free(p);
	s->control = NULL;
	sp_monitor_lost(s);
	if (s->on_list != NULL)
		s->on_list(s, NULL);
	if (s->on_decided != NULL)
		s->on_decided(s, (uint32_t)-SP_ERR_UNAVAILABLE, "the approval service is not there: try again shortly");
}

static const struct sp_peer_request control_requests[] = {
	{ SP_IPC_CONTROL_POLICY, 1, 64, 1, control_on_policy, "POLICY" },
	{ SP_IPC_CONTROL_REQUEST_REPLY, 1, SP_SESSION_MESSAGE_MAX + 2048, 0, approval_on_request, "REQUEST_REPLY" },
	{ SP_IPC_CONTROL_VERDICT, 1, SP_SESSION_MESSAGE_MAX + 2048, 0, approval_on_verdict, "VERDICT" },
	{ SP_IPC_CONTROL_CONSUME_REPLY, 1, SP_SESSION_MESSAGE_MAX + 16, 0, approval_on_consume, "CONSUME_REPLY" },
	{ SP_IPC_CONTROL_LIST_REPLY, 1, SP_IPC_FRAME_MAX, 0, control_on_list, "LIST_REPLY" },
	{ SP_IPC_CONTROL_SESSIONS_REPLY, 1, SP_IPC_FRAME_MAX, 0, control_on_list, "SESSIONS_REPLY" },
	{ SP_IPC_CONTROL_DECIDE_REPLY, 1, SP_SESSION_MESSAGE_MAX + 16, 0, control_on_decided, "DECIDE_REPLY" },
	{ 0 },
};
static const struct sp_peer_ops control_ops = { control_requests, control_on_close, "control" };

int
sp_control_channel(struct sp_session *s, int fd)
{
	struct sp_approval *a;
	int r;

	sp_peer_free(s->control);
	s->control = NULL;
	r = sp_peer_new(s->base, fd, &control_ops, s, &s->control);
	if (r != 0) {
		(void)close(fd);
		return r;
	}
	/* What was under way is asked again; what waits is known to control by the session. */
	TAILQ_FOREACH(a, &s->approvals, next) {
		r = 0;
		if (a->stage == APPROVAL_FILING)
			r = approval_send(a, SP_IPC_CONTROL_REQUEST, a->request);
		else if (a->stage == APPROVAL_CONSUMING)
			r = approval_send_consume(a);
		if (r != 0)
			approval_finish(a, SP_APPROVAL_FAILED, "the approval service cannot be asked: try again");
	}
	return 0;
}

void
sp_control_free(struct sp_session *s)
{
	struct sp_approval *a, *next;

	for (a = TAILQ_FIRST(&s->approvals); a != NULL; a = next) {
		next = TAILQ_NEXT(a, next);
		approval_free(a);
	}
	sp_peer_free(s->control);
	s->control = NULL;
	sp_policy_copy_free(s->policy_copy);
	sp_policy_subject_free(s->subject);
}
