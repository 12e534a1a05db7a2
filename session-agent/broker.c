/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/broker.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ipc_control.h"
#include "lib/ipc_identity.h"
#include "lib/ipc_recorder.h"
#include "runtime/log.h"
#include "runtime/peer.h"
#include "session-agent/channel.h"
#include "session-agent/forward.h"
#include "session-agent/host_ca.h"
#include "session-agent/policy_copy.h"
#include "session-agent/revocation.h"

#define BROKER_MESSAGE_MAX 4096
#define BROKER_CONNECT_MS 200
#define BROKER_STATES 1u

/* Its links; the first two are those that sessions have channels to. */
enum broker_which { BROKER_RECORDER = SP_LIVE_RECORDER, BROKER_CONTROL = SP_LIVE_CONTROL, BROKER_IDENTITY, BROKER_LINKS };

struct broker_link {
	struct sp_broker *broker;
	const char *path;
	const struct sp_peer_ops *ops;
	uid_t owner;
	struct sp_peer *peer; /* NULL: away */
	struct event *retry;
	unsigned pause_ms;
	int64_t since_ms; /* when it came or went */
};

struct broker_wait {
	TAILQ_ENTRY(broker_wait) next;
	uint32_t id;
	int64_t deadline;
	sp_broker_verify_cb *cb;
	void *ctx;
};

struct sp_broker {
	struct sp_registry *g;
	struct broker_link links[BROKER_LINKS];
	TAILQ_HEAD(, broker_wait) waits;
	unsigned nwaits;
	struct event *tick; /* looks for VERIFYs that took too long */
	uint32_t next_id;
	struct sp_policy_copy *policy;
};

static uint32_t
broker_id(struct sp_broker *b)
{
	if (++b->next_id == 0)
		b->next_id = 1;
	return b->next_id;
}

bool
sp_broker_has_identity(const struct sp_broker *b)
{
	return b->links[BROKER_IDENTITY].peer != NULL;
}

bool
sp_broker_has_recorder(const struct sp_broker *b)
{
	return b->links[BROKER_RECORDER].peer != NULL;
}

const struct sp_policy_image *
sp_broker_policy(const struct sp_broker *b)
{
	return sp_policy_copy_image(b->policy);
}

/* --- identity ------------------------------------------------------------------------------------- */

static void
broker_answer(struct sp_broker *b, struct broker_wait *w, int err, const char *message, json_t *identity)
{
	TAILQ_REMOVE(&b->waits, w, next);
	b->nwaits--;
	w->cb(err, message, identity, w->ctx);
	free(w);
}

static struct broker_wait *
broker_find_wait(struct sp_broker *b, uint32_t id)
{
	struct broker_wait *w;

	TAILQ_FOREACH(w, &b->waits, next)
		if (w->id == id)
			return w;
	return NULL;
}

void
sp_broker_cancel(struct sp_broker *b, uint32_t id)
{
	struct broker_wait *w = broker_find_wait(b, id);

	if (w == NULL)
		return;
	TAILQ_REMOVE(&b->waits, w, next);
	b->nwaits--;
	free(w);
}

static int
broker_on_verify(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct broker_link *link = ctx;
	struct broker_wait *w = broker_find_wait(link->broker, msg->id);
	char *message = NULL;
	struct sp_view text;
	json_t *identity = NULL;
	uint32_t verdict;
	int r;

	(void)p;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, BROKER_MESSAGE_MAX, &message);
	if (r == 0)
		r = sp_buf_get_view(body, SP_IPC_FRAME_MAX, &text);
	if (r == 0 && verdict == 0) {
		identity = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
		if (!json_is_object(identity))
			r = SP_ERR_FORMAT;
	}
	if (r == 0 && w != NULL)
		broker_answer(link->broker, w, verdict == 0 ? 0 : SP_ERR_DENIED, message, identity);
	json_decref(identity);
	free(message);
	return r;
}

int
sp_broker_verify(struct sp_broker *b, const char *user, const char *auth_info, sp_broker_verify_cb *cb, void *ctx,
    uint32_t *ret_id)
{
	struct sp_peer *peer = b->links[BROKER_IDENTITY].peer;
	struct broker_wait *w;
	struct sp_buf *body;
	int r;

	if (peer == NULL)
		return SP_ERR_UNAVAILABLE;
	if (b->nwaits >= SP_BROKER_WAITING_MAX)
		return SP_ERR_LIMIT;
	w = calloc(1, sizeof(*w));
	body = sp_buf_new(SP_IPC_FRAME_MAX);
	r = w == NULL || body == NULL ? SP_ERR_NOMEM : 0;
	if (r == 0) {
		w->id = broker_id(b);
		w->deadline = sp_ipc_now_ms() + SP_BROKER_VERIFY_SECONDS * 1000;
		w->cb = cb;
		w->ctx = ctx;
		sp_buf_put_cstring(body, user);
		sp_buf_put_cstring(body, auth_info);
		r = sp_buf_error(body);
	}
	if (r == 0)
		r = sp_peer_send(peer, SP_IPC_IDENTITY_VERIFY, w->id, body, NULL, 0);
	sp_buf_free(body);
	if (r != 0) {
		free(w);
		return r;
	}
	TAILQ_INSERT_TAIL(&b->waits, w, next);
	b->nwaits++;
	*ret_id = w->id;
	return 0;
}

static void
broker_fail_waits(struct sp_broker *b, int64_t before)
{
	struct broker_wait *w, *next;

	for (w = TAILQ_FIRST(&b->waits); w != NULL; w = next) {
		next = TAILQ_NEXT(w, next);
		if (w->deadline <= before)
			broker_answer(b, w, SP_ERR_UNAVAILABLE,
			    "Sallyport's identity service does not answer, so nobody can be verified now. Try again shortly.",
			    NULL);
	}
}

static void
broker_on_tick(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	broker_fail_waits(ctx, sp_ipc_now_ms());
}

/* --- recorder and control: announcing sessions ---------------------------------------------------- */

/* Dumps a JSON object into body as a string. */
static void
broker_put_json(struct sp_buf *body, const json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	sp_buf_put_cstring(body, text == NULL ? "{}" : text);
	free(text);
}

/*
 * Announces a session to the recorder (which gets its ring too) or to control: one end of a new pair goes with the
 * message, the other waits for the daemon's word.
 */
static void
broker_send_attach(struct sp_broker *b, struct sp_live *l, unsigned which, const struct sp_buf *body)
{
	static const uint8_t types[] = { [SP_LIVE_RECORDER] = SP_IPC_RECORDER_ATTACH,
		[SP_LIVE_CONTROL] = SP_IPC_CONTROL_ATTACH };
	struct broker_link *link = &b->links[which];
	int fds[2], sv[2], r = sp_buf_error(body);

	if (r != 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) != 0) {
		sp_log_err("session %s could not be announced to %s", l->id, link->ops->name);
		return;
	}
	fds[0] = sv[0];
	fds[1] = l->ring;
	l->attach_id[which] = broker_id(b);
	if (sp_peer_send(link->peer, types[which], l->attach_id[which], body, fds, which == SP_LIVE_RECORDER ? 2 : 1) != 0)
		sp_log_err("session %s could not be announced to %s", l->id, link->ops->name);
	(void)close(sv[0]);
	if (l->offer[which] >= 0)
		(void)close(l->offer[which]);
	l->offer[which] = sv[1];
}

static void
broker_attach_recorder(struct sp_broker *b, struct sp_live *l)
{
	struct sp_buf *body;

	if (b->links[BROKER_RECORDER].peer == NULL || l->ring < 0)
		return;
	body = sp_buf_new(SP_IPC_FRAME_MAX);
	if (body == NULL)
		return;
	sp_buf_put_cstring(body, l->id);
	sp_buf_put_u32(body, (uint32_t)l->uid);
	sp_buf_put_u32(body, l->auid);
	sp_buf_put_u32(body, l->ses);
	sp_buf_put_u8(body, l->is_resumed);
	broker_put_json(body, l->header);
	broker_send_attach(b, l, SP_LIVE_RECORDER, body);
	sp_buf_free(body);
	l->is_resumed = true; /* every later ATTACH is one */
}

static void
broker_attach_control(struct sp_broker *b, struct sp_live *l)
{
	struct sp_buf *body;

	if (l->is_dead)
		return;
	if (b->links[BROKER_CONTROL].peer == NULL) {
		sp_channel_no_control(l);
		return;
	}
	body = sp_buf_new(SP_IPC_FRAME_MAX);
	if (body == NULL)
		return;
	sp_buf_put_cstring(body, l->id);
	broker_put_json(body, json_object_get(l->header, "identity"));
	broker_put_json(body, json_object_get(l->header, "origin"));
	broker_send_attach(b, l, SP_LIVE_CONTROL, body);
	sp_buf_free(body);
}

void
sp_broker_attach(struct sp_broker *b, struct sp_live *l)
{
	broker_attach_recorder(b, l);
	broker_attach_control(b, l);
}

bool
sp_broker_attach_again(struct sp_broker *b, struct sp_live *l, unsigned which)
{
	if (b->links[which].peer == NULL || l->is_dead)
		return false;
	if (which == SP_LIVE_RECORDER)
		broker_attach_recorder(b, l);
	else
		broker_attach_control(b, l);
	return true;
}

static void
broker_send_detach(struct sp_broker *b, struct sp_live *l)
{
	struct sp_buf *body = sp_buf_new(SP_IPC_FRAME_MAX);
	unsigned i;

	if (body == NULL)
		return;
	sp_buf_put_cstring(body, l->id);
	l->detach_id = broker_id(b);
	for (i = BROKER_RECORDER; i <= BROKER_CONTROL; i++) {
		struct sp_peer *peer = b->links[i].peer;
		uint8_t type = i == BROKER_RECORDER ? SP_IPC_RECORDER_DETACH : SP_IPC_CONTROL_DETACH;
		uint32_t id = i == BROKER_RECORDER ? l->detach_id : 0;

		if (peer != NULL && (sp_buf_error(body) != 0 || sp_peer_send(peer, type, id, body, NULL, 0) != 0))
			sp_log_err("the end of session %s could not be told", l->id);
	}
	sp_buf_free(body);
}

void
sp_broker_detach(struct sp_broker *b, struct sp_live *l)
{
	l->is_dead = true;
	broker_send_detach(b, l); /* with the recorder away: told when it is back */
}

/* ATTACH_REPLY of either: the session gets its end, or the reason why there will be none. */
static int
broker_on_attached(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct broker_link *link = ctx;
	ptrdiff_t which = link - link->broker->links;
	char *message = NULL;
	struct sp_live *l;
	uint32_t verdict;
	int r;

	(void)p;
	TAILQ_FOREACH(l, &link->broker->g->lives, next)
		if (msg->id != 0 && l->attach_id[which] == msg->id)
			break;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, BROKER_MESSAGE_MAX, &message);
	if (r == 0 && l != NULL && !l->is_dead && l->offer[which] >= 0) {
		if (verdict == 0)
			sp_channel_offer(l, (unsigned)which);
		else
			sp_channel_end(l, message);
	}
	free(message);
	return r;
}

static int
broker_on_detached(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct broker_link *link = ctx;
	struct sp_live *l;
	uint32_t verdict;
	int r = sp_buf_get_u32(body, &verdict);

	(void)p;
	if (r != 0)
		return r;
	TAILQ_FOREACH(l, &link->broker->g->lives, next)
		if (l->is_dead && l->detach_id == msg->id)
			break;
	if (l == NULL)
		return 0;
	if (verdict != 0 && verdict != (uint32_t)-SP_ERR_NOT_FOUND) /* not found: closed by itself, while we were away */
		sp_log_err("the record of session %s could not be closed well", l->id);
	sp_registry_drop_live(link->broker->g, l);
	return 0;
}

/* The policy in force, for credentials only. A bad one never replaces a good one. */
static int
broker_on_policy(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_broker *b = ((struct broker_link *)ctx)->broker;
	struct sp_policy_copy *copy;
	int r = sp_policy_copy_read(msg, body, &copy);

	(void)p;
	if (r != 0)
		return r;
	sp_policy_copy_free(b->policy);
	b->policy = copy;
	sp_forward_policy(b->g->forward);
	sp_host_ca_certify(b->g->host_ca, b->g->forward, (int64_t)time(NULL));
	return 0;
}

/* --- links ---------------------------------------------------------------------------------------- */

static void broker_on_close(struct sp_peer *p, int err, void *ctx);

#define IDENTITY_BODY SP_IPC_FRAME_MAX
static const struct sp_peer_request identity_requests[] = {
	{ SP_IPC_IDENTITY_VERIFY_REPLY, BROKER_STATES, IDENTITY_BODY, 0, broker_on_verify, "VERIFY_REPLY" },
	{ 0 },
};
static const struct sp_peer_request recorder_requests[] = {
	{ SP_IPC_RECORDER_ATTACH_REPLY, BROKER_STATES, BROKER_MESSAGE_MAX + 8, 0, broker_on_attached,
	    "ATTACH_REPLY" },
	{ SP_IPC_RECORDER_DETACH_REPLY, BROKER_STATES, 4, 0, broker_on_detached, "DETACH_REPLY" },
	{ 0 },
};
static const struct sp_peer_request control_requests[] = {
	{ SP_IPC_CONTROL_ATTACH_REPLY, BROKER_STATES, BROKER_MESSAGE_MAX + 8, 0, broker_on_attached,
	    "ATTACH_REPLY" },
	{ SP_IPC_CONTROL_POLICY, BROKER_STATES, 64, 1, broker_on_policy, "POLICY" },
	{ 0 },
};
static const struct sp_peer_ops broker_ops[BROKER_LINKS] = {
	[BROKER_RECORDER] = { recorder_requests, broker_on_close, "recorder" },
	[BROKER_CONTROL] = { control_requests, broker_on_close, "control" },
	[BROKER_IDENTITY] = { identity_requests, broker_on_close, "identity" },
};

static void
broker_retry(struct broker_link *link)
{
	struct timeval tv = { .tv_sec = link->pause_ms / 1000, .tv_usec = (suseconds_t)(link->pause_ms % 1000) * 1000 };

	link->pause_ms = link->pause_ms * 2 > SP_BROKER_PAUSE_MAX_MS ? SP_BROKER_PAUSE_MAX_MS : link->pause_ms * 2;
	(void)event_add(link->retry, &tv);
}

static void
broker_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct broker_link *link = ctx;

	sp_log_warn("%s is gone: %s", link->ops->name, sp_err_str(err));
	sp_peer_free(p);
	link->peer = NULL;
	link->since_ms = sp_ipc_now_ms();
	if (link == &link->broker->links[BROKER_IDENTITY])
		broker_fail_waits(link->broker, INT64_MAX);
	broker_retry(link);
}

void
sp_broker_revoked(struct sp_broker *b)
{
	struct sp_peer *control = b->links[BROKER_CONTROL].peer;
	char *list = control == NULL ? NULL : sp_revocation_list(b->g->revocation);
	struct sp_buf *body = list == NULL ? NULL : sp_buf_new(SP_IPC_FRAME_MAX);

	if (body != NULL)
		sp_buf_put_cstring(body, list);
	if (control != NULL &&
	    (body == NULL || sp_buf_error(body) != 0 || sp_peer_send(control, SP_IPC_CONTROL_REVOKED, 0, body, NULL, 0) != 0))
		sp_log_err("control could not be told who is revoked");
	sp_buf_free(body);
	free(list);
}

/* Everything that lives is announced; what died meanwhile is closed. */
static void
broker_welcome(struct broker_link *link)
{
	struct sp_broker *b = link->broker;
	struct sp_live *l;

	sp_log_info("%s is there", link->ops->name);
	if (link == &b->links[BROKER_CONTROL] && sp_peer_send(link->peer, SP_IPC_CONTROL_SUBSCRIBE, 0, NULL, NULL, 0) != 0)
		return; /* closed: on_close follows */
	if (link == &b->links[BROKER_CONTROL])
		sp_broker_revoked(b);
	TAILQ_FOREACH(l, &b->g->lives, next) {
		if (link == &b->links[BROKER_RECORDER])
			broker_attach_recorder(b, l);
		else if (link == &b->links[BROKER_CONTROL])
			broker_attach_control(b, l);
		if (l->is_dead)
			broker_send_detach(b, l);
	}
}

static void
broker_connect(evutil_socket_t unused, short what, void *ctx)
{
	struct broker_link *link = ctx;
	int fd, r;

	(void)unused;
	(void)what;
	r = sp_ipc_connect(link->path, link->owner, sp_ipc_now_ms() + BROKER_CONNECT_MS, &fd);
	if (r == 0) {
		r = sp_peer_new(link->broker->g->base, fd, link->ops, link, &link->peer);
		if (r != 0)
			(void)close(fd);
	}
	if (r != 0) {
		if (r == SP_ERR_DENIED)
			sp_log_err("%s does not belong to the account it should", link->path);
		broker_retry(link);
		return;
	}
	link->pause_ms = SP_BROKER_PAUSE_MIN_MS;
	link->since_ms = sp_ipc_now_ms();
	broker_welcome(link);
}

void
sp_broker_look(struct sp_broker *b)
{
	unsigned i;

	for (i = 0; i < BROKER_LINKS; i++)
		if (b->links[i].peer == NULL) {
			(void)event_del(b->links[i].retry);
			broker_connect(-1, 0, &b->links[i]);
		}
}

bool
sp_broker_is_expecting(const struct sp_broker *b)
{
	int64_t now = sp_ipc_now_ms();
	unsigned i;

	for (i = 0; i < BROKER_LINKS; i++)
		if (i != BROKER_CONTROL && b->links[i].peer == NULL && now - b->links[i].since_ms < SP_BROKER_EXPECT_MS)
			return true;
	return false; /* without control much can be done, and a session waits for its policy itself */
}

int
sp_broker_new(struct sp_registry *g, struct sp_broker **ret_b)
{
	static const char *const paths[BROKER_LINKS] = { SP_RUNDIR "/recorder/recorder.sock",
		SP_RUNDIR "/control/control.sock", SP_RUNDIR "/identity/identity.sock" };
	const uid_t owners[BROKER_LINKS] = { g->recorder_uid, g->control_uid, g->identity_uid };
	static const struct timeval second = { .tv_usec = 500000 };
	struct sp_broker *b = calloc(1, sizeof(*b));
	unsigned i;

	if (b == NULL)
		return SP_ERR_NOMEM;
	b->g = g;
	TAILQ_INIT(&b->waits);
	b->tick = event_new(g->base, -1, EV_PERSIST, broker_on_tick, b);
	if (b->tick == NULL || event_add(b->tick, &second) != 0)
		return SP_ERR_NOMEM;
	g->broker = b;
	for (i = 0; i < BROKER_LINKS; i++) {
		struct broker_link *link = &b->links[i];

		link->broker = b;
		link->path = paths[i];
		link->owner = owners[i];
		link->ops = &broker_ops[i];
		link->pause_ms = SP_BROKER_PAUSE_MIN_MS;
		link->since_ms = sp_ipc_now_ms();
		link->retry = event_new(g->base, -1, 0, broker_connect, link);
		if (link->retry == NULL)
			return SP_ERR_NOMEM;
		broker_connect(-1, 0, link);
	}
	*ret_b = b;
	return 0;
}

void
sp_broker_free(struct sp_broker *b)
{
	unsigned i;

	if (b == NULL)
		return;
	for (i = 0; i < BROKER_LINKS; i++) {
		sp_peer_free(b->links[i].peer);
		if (b->links[i].retry != NULL)
			event_free(b->links[i].retry);
	}
	if (b->tick != NULL)
		event_free(b->tick);
	sp_policy_copy_free(b->policy);
	free(b);
}
