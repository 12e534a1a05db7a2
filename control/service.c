/* SPDX-License-Identifier: Apache-2.0 */
#include "control/service.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "control/approvals.h"
#include "control/feed.h"
#include "lib/ipc_control.h"
#include "lib/ulid.h"
#include "policy/revoked.h"
#include "policy/subject.h"
#include "runtime/log.h"
#include "runtime/peer.h"

#define SP_SERVICE_JSON_MAX ((size_t)256 * 1024) /* bytes of an identity or origin */
#define SP_SERVICE_EXPIRY_MAX_S 60		 /* the expiry timer runs at least this often */

struct sp_client { /* a connection of root to control.sock */
	LIST_ENTRY(sp_client) link;
	struct sp_service *service;
	struct sp_peer *peer;
	bool has_subscribed;
};

struct sp_member { /* an attached session */
	LIST_ENTRY(sp_member) link;
	struct sp_service *service;
	struct sp_peer *peer; /* NULL once its channel has closed */
	char id[SP_ULID_LEN + 1];
	json_t *identity;
	json_t *from; /* where the person is, as origin says; NULL: it does not */
	struct sp_policy_subject *subject;
	struct sp_approvals_actor actor;
};

struct sp_service {
	struct event_base *base;
	struct sp_store *store;
	struct sp_feed *feed;
	struct sp_approvals approvals;
	struct sp_listener *listener;
	struct event *expiry;
	LIST_HEAD(, sp_client) clients;
	LIST_HEAD(, sp_member) members;
	size_t nmembers;
	struct sp_revoked *revoked; /* as sallyportd said; NULL: it has not */
};

static void sp_service_arm_expiry(struct sp_service *s);

/* Sends one body and drops the peer's trust in nothing: a full queue ends it by itself. */
static int
sp_service_send(struct sp_peer *p, uint8_t type, uint32_t id, struct sp_buf *body)
{
	int r = sp_buf_error(body);

	return r != 0 ? r : sp_peer_send(p, type, id, body, NULL, 0);
}

static int
sp_service_send_policy(struct sp_service *s, struct sp_peer *p)
{
	struct sp_buf *b;
	int fd = sp_feed_fd(s->feed), r;

	if (fd < 0)
		return 0; /* none yet: it follows when there is one */
	b = sp_buf_new(0);
	if (b == NULL)
		return SP_ERR_NOMEM;
	sp_buf_put_u64(b, sp_feed_version(s->feed));
	sp_buf_put_string(b, sp_feed_digest(s->feed), SP_STORE_DIGEST_LEN);
	r = sp_buf_error(b);
	if (r == 0)
		r = sp_peer_send(p, SP_IPC_CONTROL_POLICY, 0, b, &fd, 1);
	sp_buf_free(b);
	return r;
}

/* --- sessions ------------------------------------------------------------------------------------ */

static struct sp_member *
sp_service_member(struct sp_service *s, const char *session)
{
	struct sp_member *m;

	LIST_FOREACH(m, &s->members, link)
		if (strcmp(m->id, session) == 0)
			return m;
	return NULL;
}

static void
sp_member_free(struct sp_member *m)
{
	LIST_REMOVE(m, link);
	m->service->nmembers--;
	sp_peer_free(m->peer);
	sp_policy_subject_free(m->subject);
	json_decref(m->from);
	json_decref(m->identity);
	free(m);
}

/* Tells the session that filed r how it ended. */
static int
sp_service_tell(const struct sp_store_request *r, void *ctx)
{
	struct sp_service *s = ctx;
	struct sp_member *m = sp_service_member(s, r->session);
	struct sp_buf *b;
	int err;

	if (m == NULL || m->peer == NULL)
		return 0; /* told when it is attached again */
	b = sp_buf_new(0);
	if (b == NULL)
		return SP_ERR_NOMEM;
	sp_approvals_verdict(r, b);
	err = sp_service_send(m->peer, SP_IPC_CONTROL_VERDICT, 0, b);
	sp_buf_free(b);
	if (err != 0)
		sp_log_warn("session %s: a verdict could not be sent: %s", m->id, sp_err_str(err));
	return 0;
}

/* Tells by id; "" is nobody. */
static void
sp_service_tell_id(struct sp_service *s, const char *id)
{
	struct sp_store_request r;

	if (id[0] == 0 || sp_store_get(s->store, id, &r) != 0)
		return;
	if (r.state != SP_STORE_PENDING)
		(void)!sp_service_tell(&r, s);
	sp_store_request_clear(&r);
}

struct sp_service_retell {
	struct sp_service *service;
	const char *session;
};

static int
sp_service_retell_one(const struct sp_store_request *r, void *ctx)
{
	struct sp_service_retell *t = ctx;

	if (strcmp(r->session, t->session) == 0 && r->state != SP_STORE_PENDING && r->state != SP_STORE_USED)
		return sp_service_tell(r, t->service);
	return 0;
}

typedef int sp_service_call(struct sp_approvals *a, const struct sp_approvals_actor *who, struct sp_buf *body,
    struct sp_buf *reply);

/* One request of a session with one reply. */
static int
sp_service_answer(struct sp_member *m, struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, uint8_t type,
    sp_service_call *call)
{
	struct sp_buf *reply;
	int r;

	if (msg->id == 0)
		return SP_ERR_PROTOCOL;
	reply = sp_buf_new(0);
	if (reply == NULL)
		return SP_ERR_NOMEM;
	r = call(&m->service->approvals, &m->actor, body, reply);
	if (r == 0)
		r = sp_service_send(p, type, msg->id, reply);
	sp_buf_free(reply);
	return r;
}

static int
sp_service_on_request(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_member *m = ctx;
	int r = sp_service_answer(m, p, msg, body, SP_IPC_CONTROL_REQUEST_REPLY, sp_approvals_request);

	sp_service_arm_expiry(m->service);
	return r;
}

static int
sp_service_on_consume(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	return sp_service_answer(ctx, p, msg, body, SP_IPC_CONTROL_CONSUME_REPLY, sp_approvals_consume);
}

static int
sp_service_on_list(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	return sp_service_answer(ctx, p, msg, body, SP_IPC_CONTROL_LIST_REPLY, sp_approvals_list);
}

static int
sp_service_on_cancel(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_member *m = ctx;
	char id[SP_STORE_ID_LEN + 1];

	(void)p;
	(void)msg;
	return sp_approvals_cancel(&m->service->approvals, &m->actor, body, id);
}

static int
sp_service_on_decide(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_member *m = ctx;
	struct sp_service *s = m->service;
	struct sp_buf *reply;
	char id[SP_STORE_ID_LEN + 1];
	int r;

	if (msg->id == 0)
		return SP_ERR_PROTOCOL;
	reply = sp_buf_new(0);
	if (reply == NULL)
		return SP_ERR_NOMEM;
	r = sp_approvals_decide(&s->approvals, &m->actor, body, reply, id);
	if (r == 0) {
		r = sp_service_send(p, SP_IPC_CONTROL_DECIDE_REPLY, msg->id, reply);
		sp_service_tell_id(s, id);
	}
	sp_buf_free(reply);
	return r;
}

static bool
sp_member_is_same_person(const struct sp_member *a, const struct sp_member *b)
{
	return strcmp(a->actor.person.iss, b->actor.person.iss) == 0 && strcmp(a->actor.person.sub, b->actor.person.sub) == 0;
}

/* A person's own sessions, and nobody else's. */
static int
sp_service_on_sessions(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_member *m = ctx, *o;
	struct sp_buf *reply = sp_buf_new(0);
	json_t *list = json_array(), *root;
	char *text;
	int r = list == NULL || reply == NULL ? SP_ERR_NOMEM : msg->id == 0 ? SP_ERR_PROTOCOL : 0;

	(void)body;
	LIST_FOREACH(o, &m->service->members, link)
		if (r == 0 && sp_member_is_same_person(o, m) &&
		    json_array_append_new(list, json_pack("{s:s, s:O*, s:b}", "id", o->id, "from", o->from, "own", o == m)) != 0)
			r = SP_ERR_NOMEM;
	root = json_pack("{s:o}", "sessions", list);
	text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
	if (r == 0 && text == NULL)
		r = SP_ERR_NOMEM;
	if (r == 0) {
		sp_buf_put_cstring(reply, text);
		r = sp_service_send(p, SP_IPC_CONTROL_SESSIONS_REPLY, msg->id, reply);
	}
	free(text);
	json_decref(root);
	sp_buf_free(reply);
	return r;
}

static void
sp_service_member_closed(struct sp_peer *p, int err, void *ctx)
{
	struct sp_member *m = ctx;

	if (err == SP_ERR_PROTOCOL || err == SP_ERR_FORMAT || err == SP_ERR_LIMIT)
		sp_log_warn("session %s: its channel is ended: %s", m->id, sp_err_str(err));
	sp_peer_free(p);
	m->peer = NULL;
	sp_member_free(m);
}

static const struct sp_peer_request sp_service_session_requests[] = {
	{SP_IPC_CONTROL_REQUEST, ~0U, SP_IPC_FRAME_MAX, 0, sp_service_on_request, "REQUEST"},
	{SP_IPC_CONTROL_CONSUME, ~0U, 512, 0, sp_service_on_consume, "CONSUME"},
	{SP_IPC_CONTROL_CANCEL, ~0U, 512, 0, sp_service_on_cancel, "CANCEL"},
	{SP_IPC_CONTROL_LIST, ~0U, 1, 0, sp_service_on_list, "LIST"},
	{SP_IPC_CONTROL_DECIDE, ~0U, 8192, 0, sp_service_on_decide, "DECIDE"},
	{SP_IPC_CONTROL_SESSIONS, ~0U, 0, 0, sp_service_on_sessions, "SESSIONS"},
	{.handle = NULL},
};
static const struct sp_peer_ops sp_service_session_ops = {
	.requests = sp_service_session_requests,
	.on_close = sp_service_member_closed,
	.name = "control channel",
};

/* --- root's connection --------------------------------------------------------------------------- */

/* A new member from ATTACH. INVALID: an identity that lacks what makes a person. */
static int
sp_member_new(struct sp_service *s, const char *session, const struct sp_view *identity, int *fd,
    struct sp_member **ret_m)
{
	struct sp_member *m = calloc(1, sizeof(*m));
	int r;

	if (m == NULL)
		return SP_ERR_NOMEM;
	m->service = s;
	memcpy(m->id, session, SP_ULID_LEN);
	r = sp_policy_subject_new((const char *)identity->data, identity->len, &m->subject);
	if (r == 0) {
		m->actor.subject = m->subject;
		m->actor.person = (struct sp_store_person){
			.iss = sp_policy_subject_iss(m->subject),
			.sub = sp_policy_subject_sub(m->subject),
			.login = sp_policy_subject_user(m->subject),
			.session = m->id,
		};
		if (m->actor.person.iss[0] == 0 || m->actor.person.sub[0] == 0 || m->actor.person.login[0] == 0)
			r = SP_ERR_INVALID;
	}
	if (r == 0)
		r = sp_peer_new(s->base, *fd, &sp_service_session_ops, m, &m->peer);
	if (r != 0) {
		sp_policy_subject_free(m->subject);
		free(m);
		return r;
	}
	*fd = -1;
	*ret_m = m;
	return 0;
}

static bool
sp_service_is_revoked(const struct sp_service *s, const json_t *identity)
{
	const struct sp_revoked_who who = sp_revoked_who(identity);

	return s->revoked != NULL && sp_revoked_find(s->revoked, &who, (int64_t)time(NULL)) != NULL;
}

/* Puts a session's channel in place of an older one of the same session and person. */
static int
sp_service_attach(struct sp_service *s, const char *session, const struct sp_view *identity, const struct sp_view *origin,
    int *fd)
{
	struct sp_member *old = sp_service_member(s, session), *m;
	struct sp_service_retell t = {s, NULL};
	json_t *o;
	int r;

	if (!sp_ulid_is_valid(session))
		return SP_ERR_INVALID;
	if (old == NULL && s->nmembers >= SP_SERVICE_SESSIONS_MAX)
		return SP_ERR_LIMIT;
	r = sp_member_new(s, session, identity, fd, &m);
	if (r != 0)
		return r;
	o = json_loadb((const char *)origin->data, origin->len, JSON_REJECT_DUPLICATES, NULL);
	m->identity = json_loadb((const char *)identity->data, identity->len, JSON_REJECT_DUPLICATES, NULL);
	m->from = json_incref(json_object_get(o, "from"));
	json_decref(o);
	if (sp_service_is_revoked(s, m->identity))
		r = SP_ERR_DENIED;
	if (old != NULL && r == 0) {
		if (!sp_member_is_same_person(old, m))
			r = SP_ERR_DENIED;
		else
			sp_member_free(old);
	}
	LIST_INSERT_HEAD(&s->members, m, link);
	s->nmembers++;
	t.session = m->id;
	if (r == 0)
		r = sp_service_send_policy(s, m->peer);
	if (r == 0)
		r = sp_store_walk(s->store, true, sp_service_retell_one, &t);
	if (r != 0)
		sp_member_free(m);
	return r;
}

static int
sp_service_on_attach(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_client *c = ctx;
	struct sp_view identity, origin;
	struct sp_buf *reply = NULL;
	char *session = NULL;
	int r = sp_buf_get_cstring(body, SP_ULID_LEN, &session);

	if (r == 0)
		r = sp_buf_get_view(body, SP_SERVICE_JSON_MAX, &identity);
	if (r == 0)
		r = sp_buf_get_view(body, SP_SERVICE_JSON_MAX, &origin);
	if (r == 0 && (msg->nfds != 1 || msg->id == 0))
		r = SP_ERR_PROTOCOL;
	if (r == 0 && (reply = sp_buf_new(0)) == NULL)
		r = SP_ERR_NOMEM;
	if (r == 0) {
		int err = sp_service_attach(c->service, session, &identity, &origin, &msg->fds[0]);

		if (err != 0)
			sp_log_warn("session %s cannot be attached: %s", session, sp_err_str(err));
		sp_buf_put_u32(reply, (uint32_t)-err);
		sp_buf_put_cstring(reply, err == 0 ? "" : sp_err_str(err));
		r = sp_service_send(p, SP_IPC_CONTROL_ATTACH_REPLY, msg->id, reply);
	}
	sp_buf_free(reply);
	free(session);
	return r;
}

/* --- who is revoked --------------------------------------------------------------------------------- */

static bool
sp_service_means(const struct sp_store_person *p, void *ctx)
{
	const struct sp_revoked_who who = {.iss = p->iss, .sub = p->sub, .user = p->login};

	return sp_revoked_find(((const struct sp_service *)ctx)->revoked, &who, (int64_t)time(NULL)) != NULL;
}

/* Their sessions ask for nothing more, and what they asked for or approved is void. */
static int
sp_service_on_revoked(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_service *s = ((struct sp_client *)ctx)->service;
	struct sp_member *m, *next;
	struct sp_revoked *list = NULL;
	struct sp_view text;
	int r = sp_buf_get_view(body, SP_REVOKED_TEXT_MAX, &text);

	(void)p;
	(void)msg;
	if (r == 0)
		r = sp_revoked_parse((const char *)text.data, text.len, &list);
	if (r != 0)
		return r;
	sp_revoked_free(s->revoked);
	s->revoked = list;
	for (m = LIST_FIRST(&s->members); m != NULL; m = next) {
		next = LIST_NEXT(m, link);
		if (sp_service_is_revoked(s, m->identity))
			sp_member_free(m);
	}
	if (sp_store_revoke(s->store, sp_service_means, s, time(NULL), sp_service_tell, s) != 0)
		sp_log_err("approvals: what revoked people asked for or approved could not be cancelled: %s", sp_store_error(s->store));
	return 0;
}

static int
sp_service_cancel_open(const struct sp_store_request *r, void *ctx)
{
	const struct sp_service_retell *t = ctx;

	if (strcmp(r->session, t->session) == 0)
		(void)!sp_store_cancel(t->service->store, r->id, t->session, "the session has ended", time(NULL));
	return 0;
}

static int
sp_service_on_detach(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_client *c = ctx;
	struct sp_service_retell t = {c->service, NULL};
	struct sp_member *m;
	char *session = NULL;
	int r = sp_buf_get_cstring(body, SP_ULID_LEN, &session);

	(void)p;
	(void)msg;
	if (r != 0)
		return r;
	m = sp_service_member(c->service, session);
	if (m != NULL)
		sp_member_free(m);
	t.session = session;
	r = sp_store_walk(c->service->store, false, sp_service_cancel_open, &t);
	if (r != 0)
		sp_log_err("session %s: its requests cannot be cancelled: %s", session, sp_store_error(c->service->store));
	free(session);
	return 0;
}

static int
sp_service_on_subscribe(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_client *c = ctx;

	(void)msg;
	(void)body;
	c->has_subscribed = true;
	return sp_service_send_policy(c->service, p);
}

static int
sp_service_on_reload(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_client *c = ctx;
	struct sp_buf *reply = sp_buf_new(0), *diags = sp_buf_new(SP_IPC_FRAME_MAX / 2);
	int r = SP_ERR_NOMEM;

	(void)body;
	if (reply != NULL && diags != NULL) {
		r = sp_feed_reload(c->service->feed, diags);
		sp_buf_put_u32(reply, (uint32_t)-r);
		sp_buf_put_string(reply, sp_buf_data(diags), sp_buf_len(diags));
		sp_buf_put_u64(reply, sp_feed_version(c->service->feed));
		r = sp_service_send(p, SP_IPC_CONTROL_RELOAD_REPLY, msg->id, reply);
	}
	sp_buf_free(diags);
	sp_buf_free(reply);
	return r;
}

static int
sp_service_count(const struct sp_store_request *r, void *ctx)
{
	if (r->state == SP_STORE_PENDING)
		(*(int *)ctx)++;
	return 0;
}

static int
sp_service_on_status(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_service *s = ((struct sp_client *)ctx)->service;
	struct sp_buf *reply = sp_buf_new(0);
	char *text = NULL;
	json_t *j;
	int pending = 0, r = sp_store_walk(s->store, false, sp_service_count, &pending);

	(void)body;
	j = json_pack("{s:I, s:s, s:b, s:i, s:i, s:b}", "policy_version", (json_int_t)sp_feed_version(s->feed),
	    "policy_error", sp_feed_error(s->feed), "has_policy", sp_feed_fd(s->feed) >= 0, "sessions", (int)s->nmembers,
	    "pending", pending, "store_ok", r == 0);
	text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
	r = SP_ERR_NOMEM;
	if (reply != NULL && text != NULL) {
		sp_buf_put_cstring(reply, text);
		r = sp_service_send(p, SP_IPC_CONTROL_STATUS_REPLY, msg->id, reply);
	}
	json_decref(j);
	free(text);
	sp_buf_free(reply);
	return r;
}

static void
sp_service_client_closed(struct sp_peer *p, int err, void *ctx)
{
	struct sp_client *c = ctx;

	if (err != SP_ERR_OK && err != SP_ERR_CLOSED)
		sp_log_warn("control.sock: a connection is ended: %s", sp_err_str(err));
	LIST_REMOVE(c, link);
	sp_listener_release(c->service->listener);
	sp_peer_free(p);
	free(c);
}

static const struct sp_peer_request sp_service_root_requests[] = {
	{SP_IPC_CONTROL_ATTACH, ~0U, 2 * SP_SERVICE_JSON_MAX + 128, 1, sp_service_on_attach, "ATTACH"},
	{SP_IPC_CONTROL_DETACH, ~0U, 64, 0, sp_service_on_detach, "DETACH"},
	{SP_IPC_CONTROL_SUBSCRIBE, ~0U, 0, 0, sp_service_on_subscribe, "SUBSCRIBE"},
	{SP_IPC_CONTROL_REVOKED, ~0U, SP_REVOKED_TEXT_MAX + 4, 0, sp_service_on_revoked, "REVOKED"},
	{SP_IPC_CONTROL_RELOAD, ~0U, 0, 0, sp_service_on_reload, "RELOAD"},
	{SP_IPC_CONTROL_STATUS, ~0U, 0, 0, sp_service_on_status, "STATUS"},
	{.handle = NULL},
};
static const struct sp_peer_ops sp_service_root_ops = {
	.requests = sp_service_root_requests,
	.on_close = sp_service_client_closed,
	.name = "control.sock",
};

static void
sp_service_accept(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	struct sp_service *s = ctx;
	struct sp_client *c = NULL;

	if (cred->uid != 0) {
		sp_log_warn("control.sock: refused uid %u (pid %d)", (unsigned)cred->uid, (int)cred->pid);
		goto refuse;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		goto refuse;
	c->service = s;
	if (sp_peer_new(s->base, fd, &sp_service_root_ops, c, &c->peer) != 0)
		goto refuse;
	LIST_INSERT_HEAD(&s->clients, c, link);
	return;
refuse:
	free(c);
	(void)close(fd);
	sp_listener_release(s->listener);
}

/* --- the service --------------------------------------------------------------------------------- */

/* A new policy is in force: everybody gets it, and no open request outlives the old one. */
static void
sp_service_policy_changed(void *ctx)
{
	struct sp_service *s = ctx;
	struct sp_member *m;
	struct sp_client *c;

	if (s->feed == NULL)
		return; /* the first reading, before anybody is there */
	if (sp_feed_fd(s->feed) < 0)
		return; /* started over a broken policy: what was asked under the last one waits for it */
	LIST_FOREACH(m, &s->members, link)
		if (m->peer != NULL && sp_service_send_policy(s, m->peer) != 0)
			sp_log_err("session %s: the new policy could not be sent", m->id);
	LIST_FOREACH(c, &s->clients, link)
		if (c->has_subscribed && sp_service_send_policy(s, c->peer) != 0)
			sp_log_err("control.sock: the new policy could not be sent");
	if (sp_store_supersede(s->store, sp_feed_version(s->feed), time(NULL), sp_service_tell, s) != 0)
		sp_log_err("approvals: open requests could not be cancelled: %s", sp_store_error(s->store));
}

static void
sp_service_expire(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	sp_service_arm_expiry(ctx);
}

/* Expires what is due and sets the timer for what is next. */
static void
sp_service_arm_expiry(struct sp_service *s)
{
	struct timeval tv = {SP_SERVICE_EXPIRY_MAX_S, 0};
	int64_t now = time(NULL), next = 0;

	if (sp_store_expire(s->store, now, sp_service_tell, s, &next) != 0)
		sp_log_err("approvals: overdue requests could not be expired: %s", sp_store_error(s->store));
	if (next > now && next - now < tv.tv_sec)
		tv.tv_sec = next - now;
	(void)evtimer_add(s->expiry, &tv);
}

int
sp_service_new(struct event_base *base, const char *socket_path, const char *policy_dir, struct sp_store *store,
    struct sp_service **ret_s)
{
	struct sp_service *s = calloc(1, sizeof(*s));
	int r = SP_ERR_NOMEM;

	if (s == NULL)
		return r;
	s->base = base;
	s->store = store;
	LIST_INIT(&s->clients);
	LIST_INIT(&s->members);
	s->expiry = evtimer_new(base, sp_service_expire, s);
	if (s->expiry == NULL)
		goto out;
	r = sp_feed_new(base, policy_dir, store, sp_service_policy_changed, s, &s->feed);
	if (r != 0) {
		sp_log_err("cannot watch %s: %s", policy_dir, strerror(errno));
		goto out;
	}
	s->approvals = (struct sp_approvals){.store = store, .feed = s->feed};
	sp_service_policy_changed(s);
	/* Anybody may knock; only root is let in (see sp_service_accept). */
	r = sp_listener_new(base, socket_path, 0600, (uid_t)-1, (gid_t)-1, -1, SP_SERVICE_CLIENTS_MAX, sp_service_accept, s,
	    &s->listener);
	if (r != 0) {
		sp_log_err("cannot listen at %s: %s", socket_path, strerror(errno));
		goto out;
	}
	sp_service_arm_expiry(s);
	*ret_s = s;
	return 0;
out:
	sp_service_free(s);
	return r;
}

void
sp_service_free(struct sp_service *s)
{
	struct sp_member *m, *m_next;
	struct sp_client *c;

	if (s == NULL)
		return;
	for (m = LIST_FIRST(&s->members); m != NULL; m = m_next) {
		m_next = LIST_NEXT(m, link);
		sp_member_free(m);
	}
	while ((c = LIST_FIRST(&s->clients)) != NULL) {
		LIST_REMOVE(c, link);
		sp_peer_free(c->peer);
		free(c);
	}
	sp_listener_free(s->listener);
	sp_feed_free(s->feed);
	sp_revoked_free(s->revoked);
	if (s->expiry != NULL)
		event_free(s->expiry);
	free(s);
}

void
sp_service_reload(struct sp_service *s)
{
	(void)!sp_feed_reload(s->feed, NULL);
}
