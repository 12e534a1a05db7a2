/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/operator.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/ipc_operator.h"
#include "lib/text.h"
#include "policy/revoked.h"
#include "runtime/log.h"
#include "runtime/peer.h"
#include "session-agent/channel.h"
#include "session-agent/forward.h"
#include "session-agent/revocation.h"

#define OPERATOR_TEXT_MAX 512
#define REVOKE_MAX 4096 /* bytes of a REVOKE */

struct operator {
	struct sp_registry *g;
	struct sp_peer *peer;
};

/* Who it is, as the kernel knows them: the login behind sudo, or the account itself. */
static void
operator_name(const struct sp_peer *p, char *name, size_t cap)
{
	const struct sp_peer_cred *cred = sp_peer_cred(p);
	uid_t uid = cred->loginuid != SP_CRED_UNSET ? cred->loginuid : cred->uid;
	const struct passwd *pw = getpwuid(uid);

	if (pw != NULL)
		(void)snprintf(name, cap, "%.64s", pw->pw_name);
	else
		(void)snprintf(name, cap, "uid %u", (unsigned)uid);
}

static int
operator_reply(const struct operator *o, const struct sp_ipc_msg *msg, int err, const char *message)
{
	struct sp_buf *b = sp_buf_new(OPERATOR_TEXT_MAX + SP_REVOCATION_TEXT_MAX);
	int r = b == NULL ? SP_ERR_NOMEM : 0;

	if (r == 0) {
		sp_buf_put_u32(b, (uint32_t)-err);
		sp_buf_put_cstring(b, message);
		r = sp_peer_send(o->peer, SP_IPC_OPERATOR_DONE, msg->id, b, NULL, 0);
	}
	sp_buf_free(b);
	return r;
}

/* session_id and reason; a reason is one line of text. */
static int
operator_get(struct sp_buf *body, char **ret_id, char **ret_reason)
{
	int r = sp_buf_get_cstring(body, SP_ULID_LEN, ret_id);

	if (r == 0)
		r = sp_buf_get_cstring(body, SP_IPC_OPERATOR_REASON_MAX, ret_reason);
	return r;
}

static struct sp_live *
operator_find(const struct operator *o, const char *id)
{
	struct sp_live *l = sp_registry_live(o->g, id);

	return l == NULL || l->is_dead || l->peer == NULL ? NULL : l;
}

static int
operator_act(const struct operator *o, const struct sp_ipc_msg *msg, const char *id, const char *reason, const char *what,
    bool (*act)(struct sp_live *l, const char *text))
{
	struct sp_live *l = operator_find(o, id);
	char name[80], text[OPERATOR_TEXT_MAX];

	if (l == NULL)
		return operator_reply(o, msg, SP_ERR_NOT_FOUND, "no such session is live");
	operator_name(o->peer, name, sizeof(name));
	(void)snprintf(text, sizeof(text), "this session %s by %s%s%s", what, name, reason[0] == '\0' ? "" : ": ", reason);
	sp_log(LOG_NOTICE, "session %s of %s: %s", l->id, l->user, text);
	if (!act(l, text))
		return operator_reply(o, msg, SP_ERR_UNAVAILABLE, "the session could not be told");
	return operator_reply(o, msg, 0, "");
}

static bool
operator_end(struct sp_live *l, const char *text)
{
	sp_channel_end(l, text);
	return true;
}

static bool
operator_pause(struct sp_live *l, const char *text)
{
	return sp_channel_pause(l, true, text) == 0;
}

static bool
operator_resume(struct sp_live *l, const char *text)
{
	return sp_channel_pause(l, false, text) == 0;
}

static int
operator_on_end(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	char *id = NULL, *reason = NULL;
	int r = operator_get(body, &id, &reason);

	(void)p;
	if (r == 0)
		r = operator_act(ctx, msg, id, reason, "was ended", operator_end);
	free(id);
	free(reason);
	return r;
}

static int
operator_on_pause(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	char *id = NULL, *reason = NULL;
	uint8_t is_paused;
	int r = sp_buf_get_u8(body, &is_paused);

	(void)p;
	if (r == 0 && is_paused > 1)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = operator_get(body, &id, &reason);
	if (r == 0)
		r = is_paused == 1 ? operator_act(ctx, msg, id, reason, "was paused", operator_pause) :
				     operator_act(ctx, msg, id, reason, "was resumed", operator_resume);
	free(id);
	free(reason);
	return r;
}

static int
operator_answer(const struct operator *o, const struct sp_ipc_msg *msg, int err, const char *text)
{
	switch (err) {
	case 0:
		return operator_reply(o, msg, 0, text);
	case SP_ERR_NOT_FOUND:
		return operator_reply(o, msg, err, "no such session is live, or nothing like it is revoked");
	case SP_ERR_FORMAT:
		return operator_reply(o, msg, err, "this is no person, key, token or session that can be revoked");
	case SP_ERR_LIMIT:
		return operator_reply(o, msg, err, "too many are revoked: take off what is no longer needed, or lock the accounts");
	case SP_ERR_UNAVAILABLE:
		return operator_reply(o, msg, err, "the list of who is revoked cannot be read, so nobody is let in: see the log of sallyportd");
	case SP_ERR_SYSTEM:
		return operator_reply(o, msg, err,
		    "revoked, but only until sallyportd is started again: the list could not be written; see the log of sallyportd");
	default:
		return operator_reply(o, msg, err, sp_err_str(err));
	}
}

static int
operator_on_revoke(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	const struct operator *o = ctx;
	char name[80], text[SP_REVOCATION_TEXT_MAX], *json = NULL;
	json_t *request = NULL;
	int r = sp_buf_get_cstring(body, REVOKE_MAX, &json);

	if (r == 0 && msg->id == 0)
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		request = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
		operator_name(p, name, sizeof(name));
		r = operator_answer(o, msg, sp_revocation_add(o->g->revocation, request, name, text), text);
	}
	json_decref(request);
	free(json);
	return r;
}

static int
operator_on_unrevoke(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	const struct operator *o = ctx;
	char by[80], text[SP_REVOCATION_TEXT_MAX], *kind = NULL, *value = NULL, *issuer = NULL;
	int r = sp_buf_get_cstring(body, SP_REVOKED_VALUE_MAX, &kind);

	if (r == 0)
		r = sp_buf_get_cstring(body, SP_REVOKED_VALUE_MAX, &value);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_REVOKED_VALUE_MAX, &issuer);
	if (r == 0 && msg->id == 0)
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		const char *of = issuer[0] == '\0' ? NULL : issuer;

		operator_name(p, by, sizeof(by));
		r = sp_revocation_remove(o->g->revocation, kind, value, of, by, text);
		r = r == SP_ERR_SYSTEM ? operator_reply(o, msg, r, "still revoked: the list could not be written; see the log of sallyportd") :
					 operator_answer(o, msg, r, text);
	}
	free(kind);
	free(value);
	free(issuer);
	return r;
}

static int
operator_on_status(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	const struct sp_registry *g = ((const struct operator *)ctx)->g;
	json_t *status = json_pack("{s:I,s:I,s:o}", "logins", (json_int_t)g->nlogins, "sessions", (json_int_t)g->nlives, "forwards",
	    sp_forward_status(g->forward));
	char *text = status == NULL ? NULL : json_dumps(status, JSON_COMPACT);
	struct sp_buf *b = text == NULL ? NULL : sp_buf_new(SP_IPC_FRAME_MAX);
	int r = b == NULL ? SP_ERR_NOMEM : 0;

	(void)body;
	if (r == 0) {
		sp_buf_put_cstring(b, text);
		r = sp_peer_send(p, SP_IPC_OPERATOR_STATUS_REPLY, msg->id, b, NULL, 0);
	}
	sp_buf_free(b);
	free(text);
	json_decref(status);
	return r;
}

static void
operator_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct operator *o = ctx;

	(void)err;
	sp_listener_release(o->g->operators);
	sp_peer_free(p);
	free(o);
}

#define REQUEST_MAX (SP_ULID_LEN + SP_IPC_OPERATOR_REASON_MAX + 9)
static const struct sp_peer_request operator_requests[] = {
	{ SP_IPC_OPERATOR_END, 1, REQUEST_MAX, 0, operator_on_end, "END" },
	{ SP_IPC_OPERATOR_PAUSE, 1, REQUEST_MAX, 0, operator_on_pause, "PAUSE" },
	{ SP_IPC_OPERATOR_REVOKE, 1, REVOKE_MAX + 4, 0, operator_on_revoke, "REVOKE" },
	{ SP_IPC_OPERATOR_UNREVOKE, 1, 3 * (SP_REVOKED_VALUE_MAX + 4), 0, operator_on_unrevoke, "UNREVOKE" },
	{ SP_IPC_OPERATOR_STATUS, 1, 0, 0, operator_on_status, "STATUS" },
	{ 0 },
};
static const struct sp_peer_ops operator_ops = { operator_requests, operator_on_close, "operator" };

void
sp_operator_accept(struct sp_registry *g, int fd)
{
	struct operator *o = calloc(1, sizeof(*o));

	if (o != NULL) {
		o->g = g;
		if (sp_peer_new(g->base, fd, &operator_ops, o, &o->peer) == 0) {
			if (sp_peer_cred(o->peer)->uid == 0 && sp_peer_set_deadline(o->peer, SP_OPERATOR_DEADLINE_MS) == 0)
				return;
			sp_log_warn("operator: a connection of uid %u is refused", (unsigned)sp_peer_cred(o->peer)->uid);
			sp_peer_free(o->peer);
			fd = -1;
		}
		free(o);
	}
	if (fd >= 0)
		(void)close(fd);
	sp_listener_release(g->operators);
}
