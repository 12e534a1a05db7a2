/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/service.h"

#include <errno.h>
#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc_recorder.h"
#include "lib/text.h"
#include "recorder/live.h"
#include "recorder/seal.h"
#include "recorder/store.h"
#include "runtime/log.h"
#include "runtime/peer.h"

#define SP_SERVICE_ACTION_MAX 32 /* bytes of WATCH's action */

enum { SP_SERVICE_READER = 0, SP_SERVICE_TRUSTED = 1 }; /* states: who is at the other end */
#define SP_SERVICE_ANY (1u << SP_SERVICE_READER | 1u << SP_SERVICE_TRUSTED)
#define SP_SERVICE_ROOT (1u << SP_SERVICE_TRUSTED)

struct sp_service {
	struct sp_recorder *rec;
	struct sp_listener *listener;
	uid_t trusted;
	unsigned clients; /* trusted ones */
};

static int sp_service_on_attach(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);
static int sp_service_on_detach(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);
static int sp_service_on_status(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);
static int sp_service_on_watch(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);
static void sp_service_on_close(struct sp_peer *p, int err, void *ctx);

static const struct sp_peer_request sp_service_requests[] = {
	{ SP_IPC_RECORDER_ATTACH, SP_SERVICE_ROOT, SP_RECORD_JSON_MAX + 128, 2, sp_service_on_attach, "ATTACH" },
	{ SP_IPC_RECORDER_DETACH, SP_SERVICE_ROOT, 64, 0, sp_service_on_detach, "DETACH" },
	{ SP_IPC_RECORDER_STATUS, SP_SERVICE_ROOT, 0, 0, sp_service_on_status, "STATUS" },
	{ SP_IPC_RECORDER_WATCH, SP_SERVICE_ANY, 128, 0, sp_service_on_watch, "WATCH" },
	{ 0 },
};

static const struct sp_peer_ops sp_service_ops = { sp_service_requests, sp_service_on_close, "recorder.sock" };

/* Sends a verdict; with message NULL the reply has none. */
static int
sp_service_reply(struct sp_peer *p, uint8_t type, uint32_t id, int err, const char *message)
{
	struct sp_buf *b = sp_buf_new(1024);
	int r = b == NULL ? SP_ERR_NOMEM : sp_buf_put_u32(b, (uint32_t)-err);

	if (r == 0 && message != NULL)
		r = sp_buf_put_cstring(b, err == 0 ? "" : message);
	if (r == 0)
		r = sp_peer_send(p, type, id, b, NULL, 0);
	sp_buf_free(b);
	return r;
}

/* The header as it is stored: what sallyportd sent, and the kernel's ids. */
static int
sp_service_header(const char *text, struct sp_live_who *who, char **ret_json)
{
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const char *user = sp_seal_get_string(json_object_get(o, "origin"), "user");

	if (!json_is_object(o) || json_object_set_new(o, "uid", json_integer(who->uid)) != 0 ||
	    json_object_set_new(o, "auid", json_integer(who->auid)) != 0 ||
	    json_object_set_new(o, "ses", json_integer(who->ses)) != 0) {
		json_decref(o);
		return SP_ERR_FORMAT;
	}
	(void)snprintf(who->user, sizeof(who->user), "%s", user);
	who->is_forwarded = json_is_string(json_object_get(json_object_get(o, "origin"), "forward"));
	*ret_json = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	return *ret_json == NULL ? SP_ERR_NOMEM : 0;
}

/* The answer to an ATTACH, at once or when the gate opens. */
static int
sp_service_attached(struct sp_peer *p, uint32_t id, const char *session, int err, const char *reason)
{
	char message[256];

	(void)snprintf(message, sizeof(message), "the session cannot be recorded: %s", reason == NULL ? "" : reason);
	if (err != 0)
		sp_log_err("session %s: %s", session, message);
	return sp_service_reply(p, SP_IPC_RECORDER_ATTACH_REPLY, id, err, message);
}

static int
sp_service_attach(struct sp_recorder *rec, const char *id, struct sp_live_who *who, bool resumed, const char *header,
    struct sp_ipc_msg *msg)
{
	struct sp_live *l = sp_live_find(rec, id);
	char *json = NULL;
	int r = sp_service_header(header, who, &json);

	if (r == 0 && msg->nfds != 2)
		r = SP_ERR_PROTOCOL;
	if (r == 0 && l != NULL)
		r = !resumed && sp_live_has_channel(l) ? SP_ERR_EXISTS :
							 sp_live_resume(l, who, msg->fds[0], msg->fds[1]);
	else if (r == 0)
		r = sp_live_new(rec, id, who, json, msg->fds[0], msg->fds[1], &l);
	free(json);
	if (r != 0)
		return r;
	msg->fds[0] = msg->fds[1] = -1;
	sp_live_tell(l);
	return sp_live_report_start(l);
}

static int
sp_service_on_attach(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_service *s = ctx;
	struct sp_live_who who = { .user = "" };
	char *id = NULL, *header = NULL;
	uint8_t resumed = 0;
	int r = sp_buf_get_cstring(body, SP_ULID_LEN, &id);

	if (r == 0)
		r = sp_buf_get_u32(body, &who.uid);
	if (r == 0)
		r = sp_buf_get_u32(body, &who.auid);
	if (r == 0)
		r = sp_buf_get_u32(body, &who.ses);
	if (r == 0)
		r = sp_buf_get_u8(body, &resumed);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_RECORD_JSON_MAX, &header);
	if (r == 0 && (msg->id == 0 || resumed > 1))
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		int err = s->rec->fault[0] != '\0' && resumed == 0 ? SP_ERR_UNAVAILABLE :
		    sp_service_attach(s->rec, id, &who, resumed != 0, header, msg);

		bool has_gate = sp_sinks_have_gate(s->rec);

		if (err == 0 && has_gate)
			err = sp_gate_hold(s->rec, p, msg->id, id, resumed != 0, sp_service_attached);
		if (err == 0 && has_gate)
			sp_sinks_pump(s->rec, sp_live_find(s->rec, id), false); /* may answer */
		else
			r = sp_service_attached(p, msg->id, id, err,
			    err == SP_ERR_UNAVAILABLE ? s->rec->fault :
			    err == SP_ERR_SYSTEM      ? strerror(errno) :
							sp_err_str(err));
	}
	free(id);
	free(header);
	return r;
}

static int
sp_service_on_detach(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_service *s = ctx;
	struct sp_live *l;
	char *id = NULL;
	int err, r = sp_buf_get_cstring(body, SP_ULID_LEN, &id);

	if (r != 0 || msg->id == 0) {
		free(id);
		return SP_ERR_PROTOCOL;
	}
	l = sp_live_find(s->rec, id);
	free(id);
	err = l == NULL ? SP_ERR_NOT_FOUND : sp_live_end(l, NULL);
	if (err == SP_ERR_AGAIN)
		err = SP_ERR_UNAVAILABLE; /* closed once writing works again */
	return sp_service_reply(p, SP_IPC_RECORDER_DETACH_REPLY, msg->id, err, NULL);
}

static int
sp_service_on_status(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_service *s = ctx;
	struct sp_recorder *rec = s->rec;
	char hex[SP_SEAL_HEX], *text;
	struct sp_buf *b = sp_buf_new(4096);
	json_t *o;
	int r = SP_ERR_NOMEM;

	(void)body;
	sp_text_hex(hex, sp_ledger_hash(rec->ledger), SP_SIGN_HASH);
	o = json_pack("{s:s s:s s:I s:I s:I s:s s:b}", "state", rec->fault[0] == '\0' ? "ok" : "fault", "reason", rec->fault,
	    "sessions", (json_int_t)rec->nsessions, "events", (json_int_t)rec->events, "chain_n",
	    (json_int_t)sp_ledger_number(rec->ledger), "chain_hash", hex, "audit", (int)rec->has_audit);
	text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
	if (text != NULL && b != NULL) {
		r = sp_buf_put_cstring(b, text);
		if (r == 0)
			r = sp_peer_send(p, SP_IPC_RECORDER_STATUS_REPLY, msg->id, b, NULL, 0);
	}
	free(text);
	json_decref(o);
	sp_buf_free(b);
	return r;
}

/* Who looks at a record is on record too: in the host chain, and in the kernel's audit log. */
static int
sp_service_watch(struct sp_recorder *rec, const struct sp_peer_cred *c, const char *id, const char *action)
{
	json_t *o;
	int r;

	if (!sp_ulid_is_valid(id) || !sp_text_is_login(action))
		return SP_ERR_INVALID;
	o = json_pack("{s:s s:s s:I s:I s:I}", "session", id, "action", action, "uid", (json_int_t)c->uid, "auid",
	    (json_int_t)c->loginuid, "ses", (json_int_t)c->sessionid);
	r = sp_recorder_chain(rec, "watch", o);
	if (r == 0)
		sp_sinks_say(rec, NULL, AUDIT_USER_CMD, true,
		    "op=sallyport:watch session=%s how=%s person_uid=%u person_auid=%u person_ses=%u", id, action,
		    (unsigned)c->uid, c->loginuid, c->sessionid);
	return r;
}

static int
sp_service_on_watch(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_service *s = ctx;
	char *id = NULL, *action = NULL;
	int err, r = sp_buf_get_cstring(body, SP_ULID_LEN, &id);

	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SERVICE_ACTION_MAX, &action);
	if (r == 0 && msg->id == 0)
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		err = sp_service_watch(s->rec, sp_peer_cred(p), id, action);
		r = sp_service_reply(p, SP_IPC_RECORDER_WATCH_REPLY, msg->id, err, sp_err_str(err));
	}
	free(id);
	free(action);
	return r;
}

static void
sp_service_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_service *s = ctx;

	(void)err;
	if (sp_peer_cred(p)->uid == s->trusted && --s->clients == 0)
		sp_recorder_client(s->rec, false);
	sp_gate_forget(s->rec, p);
	sp_peer_free(p);
	sp_listener_release(s->listener);
}

static void
sp_service_on_accept(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	struct sp_service *s = ctx;
	struct sp_peer *p;

	if (sp_peer_new(s->rec->base, fd, &sp_service_ops, s, &p) != 0) {
		(void)close(fd);
		sp_listener_release(s->listener);
		return;
	}
	if (cred->uid == s->trusted) {
		sp_peer_set_state(p, SP_SERVICE_TRUSTED);
		s->clients++;
		sp_recorder_client(s->rec, true);
	}
}

int
sp_service_new(struct sp_recorder *rec, const char *path, uid_t trusted, struct sp_service **ret_s)
{
	struct sp_service *s = calloc(1, sizeof(*s));
	int r;

	if (s == NULL)
		return SP_ERR_NOMEM;
	s->rec = rec;
	s->trusted = trusted;
	r = sp_listener_new(rec->base, path, 0660, (uid_t)-1, (gid_t)-1, -1, SP_SERVICE_CLIENTS_MAX, sp_service_on_accept,
	    s, &s->listener);
	if (r != 0) {
		free(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

void
sp_service_free(struct sp_service *s)
{
	if (s == NULL)
		return;
	sp_listener_free(s->listener);
	free(s);
}
