/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/server.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "identity/cache.h"
#include "identity/fetch.h"
#include "identity/keys.h"
#include "identity/revocations.h"
#include "identity/sshcert.h"
#include "identity/verify.h"
#include "lib/ipc_identity.h"
#include "lib/text.h"
#include "runtime/log.h"
#include "runtime/peer.h"

enum {
	SP_SERVER_IS_AUTHKEYS = 0,
	SP_SERVER_IS_ROOT = 1
};

#define SP_SERVER_BODY_MAX (SP_SSHCERT_BASE64_MAX + 1024)

struct sp_server_conn;

/* A question: answered at once, or when the issuer's keys are there. */
struct sp_server_ask {
	LIST_ENTRY(sp_server_ask) next; /* in the server's list, when it waits */
	struct sp_server_conn *conn;
	const struct sp_issuer *is; /* whose keys it waits for */
	struct event *deadline;
	uint8_t type;
	uint32_t id;
	char *user;
	char *key_type;
	char *key_base64;
	uint8_t digest[SP_VERIFY_SHA256];
};

struct sp_server_conn {
	LIST_ENTRY(sp_server_conn) next;
	struct sp_server *server;
	struct sp_peer *peer;
};

struct sp_server {
	struct event_base *base;
	struct sp_server_settings set;
	struct sp_listener *listener;
	struct sp_fetch *fetch;
	struct sp_keys *keys;
	struct sp_cache *cache;
	struct sp_revocations *revocations;
	struct sp_verify_env env;
	LIST_HEAD(, sp_server_conn) conns;
	LIST_HEAD(, sp_server_ask) waiting;
	size_t waiting_count;
	uint64_t accepted;
	uint64_t refused;
	uint64_t from_cache;
};

static void
sp_server_ask_free(struct sp_server_ask *ask)
{
	if (ask == NULL)
		return;
	if (ask->deadline != NULL) {
		LIST_REMOVE(ask, next);
		ask->conn->server->waiting_count--;
		event_free(ask->deadline);
	}
	free(ask->user);
	free(ask->key_type);
	free(ask->key_base64);
	free(ask);
}

/* One line for the person, the same for every refusal of a kind: which check failed is in the log alone. */
static const char *
sp_server_message(int err)
{
	switch (err) {
	case 0:
		return "";
	case SP_ERR_NOT_FOUND:
		return "This login needs a certificate from single sign-on: run `opkssh login` and try again.";
	case SP_ERR_EXPIRED:
		return "Your sign-in has ended: run `opkssh login` and try again.";
	case SP_ERR_UNAVAILABLE:
	case SP_ERR_AGAIN:
	case SP_ERR_TIMEOUT:
		return "The identity provider cannot be reached, so nobody can be verified: try again later.";
	default:
		return "Your certificate was not accepted: run `opkssh login` and try again; the log of sallyport-identity says why.";
	}
}

static int
sp_server_reply(const struct sp_server_ask *ask, int err, const struct sp_verified *v)
{
	uint8_t reply = ask->type == SP_IPC_IDENTITY_AUTHKEY ? SP_IPC_IDENTITY_AUTHKEY_REPLY : SP_IPC_IDENTITY_VERIFY_REPLY;
	struct sp_buf *b = sp_buf_new(0);
	char *text = NULL;
	int r = SP_ERR_NOMEM;

	if (b == NULL)
		return r;
	if (ask->type == SP_IPC_IDENTITY_AUTHKEY) {
		sp_buf_put_cstring(b, err == 0 ? v->line : "");
	} else {
		text = err == 0 ? json_dumps(v->identity, JSON_COMPACT) : strdup("{}");
		if (text == NULL)
			goto out;
		sp_buf_put_u32(b, (uint32_t)-err);
		sp_buf_put_cstring(b, sp_server_message(err));
		sp_buf_put_cstring(b, text);
	}
	r = sp_buf_error(b);
	if (r == 0)
		r = sp_peer_send(ask->conn->peer, reply, ask->id, b, NULL, 0);
out:
	free(text);
	sp_buf_free(b);
	return r;
}

static void
sp_server_log(struct sp_server *s, const struct sp_server_ask *ask, int err, const struct sp_reason *why,
    const uint8_t token_sha256[SP_VERIFY_SHA256], const struct sp_verified *v)
{
	char hex[2 * SP_VERIFY_SHA256 + 1];

	sp_text_hex(hex, token_sha256, SP_VERIFY_SHA256);
	if (err == 0) {
		s->accepted++;
		sp_log_info("verified user=%s iss=%s sub=%s until=%lld token=%s", ask->user, v->issuer->issuer,
		    json_string_value(json_object_get(v->identity, "sub")), (long long)v->until, hex);
	} else if (err == SP_ERR_NOT_FOUND) {
		sp_log_debug("not ours user=%s: %s", ask->user, why->text);
	} else {
		s->refused++;
		sp_log_warn("refused user=%s token=%s: %s: %s", ask->user, hex, sp_err_str(err), why->text);
	}
}

/* A good certificate of somebody who was revoked since. */
static int
sp_server_revoked(struct sp_server *s, const struct sp_server_ask *ask, const struct sp_verified *v, struct sp_reason *why)
{
	int r = sp_revocations_check(s->revocations, v->identity, time(NULL), why);

	if (r != 0)
		sp_server_log(s, ask, r, why, v->token_sha256, NULL);
	return r;
}

/* Judges a question now. AGAIN: the keys of *ret_issuer are on their way. Any other result was logged. */
static int
sp_server_judge(struct sp_server *s, struct sp_server_ask *ask, const struct sp_issuer **ret_issuer,
    const struct sp_verified **ret_v)
{
	struct sp_verify_input in = {ask->user, ask->key_type, ask->key_base64, time(NULL)};
	uint8_t token_sha256[SP_VERIFY_SHA256] = {0};
	struct sp_verified *v = NULL;
	struct sp_reason why = {""};
	int r;

	*ret_issuer = NULL;
	*ret_v = sp_cache_get(s->cache, ask->digest, ask->user, in.now);
	if (*ret_v != NULL) {
		s->from_cache++;
		return sp_server_revoked(s, ask, *ret_v, &why);
	}
	r = sp_verify(&s->env, &in, &why, token_sha256, ret_issuer, &v);
	if (r == SP_ERR_AGAIN)
		return r;
	if (r == 0)
		r = sp_revocations_check(s->revocations, v->identity, in.now, &why);
	sp_server_log(s, ask, r, &why, token_sha256, v);
	if (r == 0)
		*ret_v = sp_cache_put(s->cache, ask->digest, v);
	else
		sp_verified_free(v);
	return r;
}

/* Answers and frees. An error of the connection ends it from the loop. */
static void
sp_server_answer(struct sp_server_ask *ask, int err, const struct sp_verified *v)
{
	if (sp_server_reply(ask, err, v) != 0)
		sp_peer_finish(ask->conn->peer);
	sp_server_ask_free(ask);
}

static void
sp_server_on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct sp_server_ask *ask = arg;

	(void)fd;
	(void)what;
	sp_log_warn("refused user=%s: the keys of %s did not come in time", ask->user, ask->is->issuer);
	ask->conn->server->refused++;
	sp_server_answer(ask, SP_ERR_UNAVAILABLE, NULL);
}

/* Lets a question wait for the keys of is. FULL, NOMEM. */
static int
sp_server_wait(struct sp_server *s, struct sp_server_ask *ask, const struct sp_issuer *is)
{
	const struct timeval tv = {SP_SERVER_WAIT_MS / 1000, SP_SERVER_WAIT_MS % 1000 * 1000};

	if (s->waiting_count >= SP_SERVER_WAITING)
		return SP_ERR_FULL;
	ask->deadline = evtimer_new(s->base, sp_server_on_deadline, ask);
	if (ask->deadline == NULL)
		return SP_ERR_NOMEM;
	ask->is = is;
	LIST_INSERT_HEAD(&s->waiting, ask, next);
	s->waiting_count++;
	return event_add(ask->deadline, &tv) == 0 ? 0 : SP_ERR_NOMEM;
}

static void
sp_server_ask_now(struct sp_server *s, struct sp_server_ask *ask)
{
	const struct sp_verified *v = NULL;
	const struct sp_issuer *is = NULL;
	int r = sp_cache_digest(ask->key_type, ask->key_base64, ask->digest);

	if (r == 0)
		r = sp_server_judge(s, ask, &is, &v);
	if (r == SP_ERR_AGAIN) {
		r = is == NULL ? SP_ERR_INVALID : sp_server_wait(s, ask, is);
		if (r == 0)
			return;
		sp_log_warn("refused user=%s: cannot wait for keys: %s", ask->user, sp_err_str(r));
		r = SP_ERR_UNAVAILABLE;
	}
	sp_server_answer(ask, r, v);
}

/* A refresh has ended: those who waited for it are judged once more, and for the last time. */
static void
sp_server_on_keys(void *ctx, const struct sp_issuer *is, bool has_changed)
{
	struct sp_server *s = ctx;
	struct sp_server_ask *ask, *next;

	if (has_changed)
		sp_cache_forget(s->cache, is);
	for (ask = LIST_FIRST(&s->waiting); ask != NULL; ask = next) {
		const struct sp_verified *v = NULL;
		const struct sp_issuer *other;
		int r;

		next = LIST_NEXT(ask, next);
		if (ask->is != is)
			continue;
		r = sp_server_judge(s, ask, &other, &v);
		if (r == SP_ERR_AGAIN)
			r = SP_ERR_UNAVAILABLE;
		sp_server_answer(ask, r, v);
	}
}

static struct sp_server_ask *
sp_server_ask_new(struct sp_server_conn *conn, const struct sp_ipc_msg *msg)
{
	struct sp_server_ask *ask = calloc(1, sizeof(*ask));

	if (ask != NULL) {
		ask->conn = conn;
		ask->type = msg->type;
		ask->id = msg->id;
	}
	return ask;
}

static int
sp_server_on_authkey(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_server_conn *conn = ctx;
	struct sp_server_ask *ask;
	int r;

	(void)p;
	if (msg->id == 0)
		return SP_ERR_PROTOCOL;
	ask = sp_server_ask_new(conn, msg);
	if (ask == NULL)
		return SP_ERR_NOMEM;
	r = sp_buf_get_cstring(body, SP_SERVER_USER_MAX, &ask->user);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SERVER_KEY_TYPE_MAX, &ask->key_type);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SSHCERT_BASE64_MAX, &ask->key_base64);
	if (r == 0 && sp_buf_len(body) > 0)
		r = SP_ERR_PROTOCOL;
	if (r != 0) {
		sp_server_ask_free(ask);
		return r;
	}
	sp_server_ask_now(conn->server, ask);
	return 0;
}

/* "publickey TYPE BASE64" with nothing after it but a newline. */
static int
sp_server_split_auth_info(struct sp_server_ask *ask, char *info)
{
	char *save = NULL, *method = strtok_r(info, " ", &save), *type = strtok_r(NULL, " ", &save),
	     *key = strtok_r(NULL, " \n", &save);

	if (method == NULL || strcmp(method, "publickey") != 0 || type == NULL || key == NULL ||
	    (save != NULL && *save != '\0'))
		return SP_ERR_NOT_FOUND;
	ask->key_type = strdup(type);
	ask->key_base64 = strdup(key);
	return ask->key_type == NULL || ask->key_base64 == NULL ? SP_ERR_NOMEM : 0;
}

static int
sp_server_on_verify(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_server_conn *conn = ctx;
	struct sp_server_ask *ask;
	char *info = NULL;
	int r;

	(void)p;
	if (msg->id == 0)
		return SP_ERR_PROTOCOL;
	ask = sp_server_ask_new(conn, msg);
	if (ask == NULL)
		return SP_ERR_NOMEM;
	r = sp_buf_get_cstring(body, SP_SERVER_USER_MAX, &ask->user);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SERVER_BODY_MAX, &info);
	if (r == 0 && sp_buf_len(body) > 0)
		r = SP_ERR_PROTOCOL;
	if (r != 0) {
		free(info);
		sp_server_ask_free(ask);
		return r;
	}
	r = sp_server_split_auth_info(ask, info);
	free(info);
	if (r == 0)
		sp_server_ask_now(conn->server, ask);
	else
		sp_server_answer(ask, r, NULL);
	return 0;
}

static int
sp_server_on_status(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_server *s = ((struct sp_server_conn *)ctx)->server;
	json_t *doc = json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "issuers", sp_keys_status(s->keys), "accepted",
	    (json_int_t)s->accepted, "refused", (json_int_t)s->refused, "from_cache", (json_int_t)s->from_cache,
	    "cached", (json_int_t)sp_cache_count(s->cache), "waiting", (json_int_t)s->waiting_count);
	char *text = doc == NULL ? NULL : json_dumps(doc, JSON_COMPACT);
	struct sp_buf *b = sp_buf_new(0);
	int r = SP_ERR_NOMEM;

	(void)body;
	if (text != NULL && b != NULL) {
		sp_buf_put_cstring(b, text);
		r = sp_buf_error(b);
		if (r == 0)
			r = sp_peer_send(p, SP_IPC_IDENTITY_STATUS_REPLY, msg->id, b, NULL, 0);
	}
	sp_buf_free(b);
	free(text);
	json_decref(doc);
	return r;
}

#define SP_SERVER_ANY (1u << SP_SERVER_IS_AUTHKEYS | 1u << SP_SERVER_IS_ROOT)
#define SP_SERVER_ROOT (1u << SP_SERVER_IS_ROOT)

static const struct sp_peer_request sp_server_requests[] = {
    {SP_IPC_IDENTITY_AUTHKEY, SP_SERVER_ANY, SP_SERVER_BODY_MAX, 0, sp_server_on_authkey, "AUTHKEY"},
    {SP_IPC_IDENTITY_VERIFY, SP_SERVER_ROOT, SP_SERVER_BODY_MAX, 0, sp_server_on_verify, "VERIFY"},
    {SP_IPC_IDENTITY_STATUS, SP_SERVER_ROOT, 0, 0, sp_server_on_status, "STATUS"},
    {0, 0, 0, 0, NULL, NULL},
};

static void
sp_server_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_server_conn *conn = ctx;
	struct sp_server_ask *ask, *next;

	if (err != SP_ERR_OK && err != SP_ERR_CLOSED)
		sp_log_warn("a client of uid %u was dropped: %s", (unsigned)sp_peer_cred(p)->uid, sp_err_str(err));
	for (ask = LIST_FIRST(&conn->server->waiting); ask != NULL; ask = next) {
		next = LIST_NEXT(ask, next);
		if (ask->conn == conn)
			sp_server_ask_free(ask);
	}
	LIST_REMOVE(conn, next);
	sp_listener_release(conn->server->listener);
	sp_peer_free(p);
	free(conn);
}

static const struct sp_peer_ops sp_server_ops = {sp_server_requests, sp_server_on_close, "identity"};

static void
sp_server_on_accept(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	struct sp_server *s = ctx;
	struct sp_server_conn *conn = NULL;

	if (cred->uid != 0 && cred->uid != s->set.authkeys_uid) {
		sp_log_warn("uid %u may not ask", (unsigned)cred->uid);
		goto fail;
	}
	conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		goto fail;
	conn->server = s;
	if (sp_peer_new(s->base, fd, &sp_server_ops, conn, &conn->peer) != 0)
		goto fail;
	/* sallyportd stays connected; sshd's command asks once. */
	if (cred->uid != 0 && sp_peer_set_deadline(conn->peer, SP_SERVER_CLIENT_MS) != 0) {
		sp_peer_free(conn->peer);
		free(conn);
		sp_listener_release(s->listener);
		return;
	}
	sp_peer_set_state(conn->peer, cred->uid == 0 ? SP_SERVER_IS_ROOT : SP_SERVER_IS_AUTHKEYS);
	LIST_INSERT_HEAD(&s->conns, conn, next);
	return;
fail:
	free(conn);
	(void)close(fd);
	sp_listener_release(s->listener);
}

int
sp_server_new(struct event_base *base, const struct sp_server_settings *settings, struct sp_server **ret_server)
{
	struct sp_server *s = calloc(1, sizeof(*s));
	int r = SP_ERR_NOMEM;

	if (s == NULL)
		return r;
	LIST_INIT(&s->conns);
	LIST_INIT(&s->waiting);
	s->base = base;
	s->set = *settings;
	s->cache = sp_cache_new();
	s->revocations = sp_revocations_new(settings->revoked_directory);
	if (s->cache == NULL || s->revocations == NULL)
		goto out;
	r = sp_fetch_new(base, &s->fetch);
	if (r == 0)
		r = sp_keys_new(base, s->fetch, settings->issuers, settings->issuers_count, settings->state_directory,
		    sp_server_on_keys, s, &s->keys);
	if (r != 0)
		goto out;
	s->env = (struct sp_verify_env){settings->issuers, settings->issuers_count, sp_keys_find, s->keys};
	r = sp_listener_new(base, settings->socket_path, 0666, (uid_t)-1, (gid_t)-1, settings->listen_fd,
	    SP_SERVER_CLIENTS, sp_server_on_accept, s, &s->listener);
out:
	if (r != 0) {
		sp_server_free(s);
		return r;
	}
	*ret_server = s;
	return 0;
}

void
sp_server_free(struct sp_server *s)
{
	struct sp_server_conn *conn;
	struct sp_server_ask *ask, *next;

	if (s == NULL)
		return;
	for (ask = LIST_FIRST(&s->waiting); ask != NULL; ask = next) {
		next = LIST_NEXT(ask, next);
		sp_server_ask_free(ask);
	}
	while ((conn = LIST_FIRST(&s->conns)) != NULL) {
		LIST_REMOVE(conn, next);
		sp_peer_free(conn->peer);
		free(conn);
	}
	sp_listener_free(s->listener);
	sp_fetch_free(s->fetch);
	sp_keys_free(s->keys);
	sp_cache_free(s->cache);
	sp_revocations_free(s->revocations);
	free(s);
}
