/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/login.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc_pam.h"
#include "lib/people.h"
#include "lib/text.h"
#include "runtime/cred.h"
#include "runtime/log.h"
#include "runtime/peer.h"
#include "session-agent/broker.h"
#include "session-agent/channel.h"
#include "session-agent/forward.h"
#include "session-agent/person.h"
#include "session-agent/ports.h"
#include "session-agent/reach.h"
#include "session-agent/revocation.h"

#define LOGIN_ITEM_MAX 1024
#define LOGIN_AUTH_INFO_MAX 131072
#define LOGIN_SHELL SP_LIBEXECDIR "/sallyport-forcecmd"
#define NO_SHELL "/usr/sbin/nologin"

struct client {
	struct sp_registry *g;
	struct sp_peer *peer;
	uint32_t verify; /* id at the broker, 0: none under way */
	uint32_t id;	 /* of the OPEN to answer */
	char *user;
	char *rhost;
	uid_t uid;
	char problem[640];
};

static void
client_reply(struct client *c, uint8_t type, uint32_t id, int err, const char *message)
{
	struct sp_buf *body = sp_buf_new(SP_IPC_FRAME_MAX);

	if (body != NULL) {
		sp_buf_put_u32(body, (uint32_t)-err);
		if (message != NULL)
			sp_buf_put_cstring(body, message);
	}
	if (body == NULL || sp_buf_error(body) != 0 || sp_peer_send(c->peer, type, id, body, NULL, 0) != 0)
		sp_log_err("an answer to the PAM module could not be sent");
	sp_buf_free(body);
}

/* l: NULL where it is refused. ports: of the host that it is good for. */
static void
client_reply_open(struct client *c, int err, const char *message, const struct sp_login *l, const uint16_t *ports, size_t n)
{
	struct sp_buf *body = sp_buf_new(SP_IPC_FRAME_MAX);

	if (body != NULL) {
		sp_buf_put_u32(body, (uint32_t)-err);
		sp_buf_put_cstring(body, message);
		sp_buf_put_cstring(body, l == NULL ? "" : l->id);
		sp_buf_put_u8(body, l != NULL && sp_login_endpoint(l) != NULL);
		sp_buf_put_u32(body, (uint32_t)n);
		for (size_t i = 0; i < n; i++)
			sp_buf_put_u16(body, ports[i]);
	}
	if (body == NULL || sp_buf_error(body) != 0 || sp_peer_send(c->peer, SP_IPC_PAM_OPEN_REPLY, c->id, body, NULL, 0) != 0)
		sp_log_err("an answer to the PAM module could not be sent");
	sp_buf_free(body);
}

static void
client_refuse(struct client *c, int err, const char *message)
{
	sp_log(LOG_NOTICE, "login of %s from %s refused: %s", c->user, c->rhost, message);
	client_reply_open(c, err, message, NULL, NULL, 0);
}

/* The audit session is the kernel's word for this login: it must be set, fresh and this person's. */
static const char *
client_check_audit(const struct client *c)
{
	const struct sp_peer_cred *cred = sp_peer_cred(c->peer);

	if (cred->sessionid == SP_CRED_UNSET || cred->loginuid == SP_CRED_UNSET)
		return "This login has no kernel audit session: pam_loginuid must come before pam_sallyport.";
	if (cred->loginuid != c->uid)
		return "This login's kernel audit user is somebody else.";
	return NULL;
}

/*
 * sshd runs a forced command through the login shell, and a shell reads files of its owner's first (bash its
 * ~/.bashrc, zsh its ~/.zshenv): code of the person's would run in their audit session, off the record.
 */
static const char *
client_check_account(struct client *c)
{
	const struct passwd *pw = sp_text_is_login(c->user) ? getpwnam(c->user) : NULL;

	if (pw == NULL)
		return "This account is unknown.";
	if (pw->pw_uid == 0)
		return "root does not come in through Sallyport.";
	c->uid = pw->pw_uid;
	if (pw->pw_shell != NULL && strcmp(pw->pw_shell, LOGIN_SHELL) == 0)
		return NULL;
	if (strcmp(pw->pw_shell == NULL ? "" : pw->pw_shell, NO_SHELL) == 0)
		return "This account is disabled.";
	(void)snprintf(c->problem, sizeof(c->problem),
	    "This account's login shell would run files of its owner's, off the record. An administrator mends it with: "
	    "usermod -s " LOGIN_SHELL " %s", c->user);
	return c->problem;
}

static json_t *
login_origin(const struct client *c, const struct sp_login *l)
{
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:s,s:s}", "login_id", l->id, "user", l->user, "uid", (json_int_t)l->uid,
	    "auid", (json_int_t)l->auid, "ses", (json_int_t)l->ses, "from", c->rhost, "host", c->g->host);
}

/* The same issuer's same subject. */
static bool
login_is_same(const json_t *a, const json_t *b)
{
	static const char *const names[] = { "iss", "sub", "user" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *one = json_string_value(json_object_get(a, names[i]));
		const char *two = json_string_value(json_object_get(b, names[i]));

		if (one == NULL || two == NULL || strcmp(one, two) != 0)
			return false;
	}
	return true;
}

/*
 * ssh -J: a login at the address of an ssh connection. It must come from this very person's login, which says where
 * they are and stands beside it in the record; all it is good for is that connection. NULL, or why it is refused.
 */
static const char *
login_through(const struct client *c, const json_t *identity, json_t *origin)
{
	const struct sp_policy_image *policy = sp_broker_policy(c->g->broker);
	const struct sp_policy_connection *conn;
	struct sp_login *outer = NULL;
	const char *name = NULL;
	json_t *from;
	int r = sp_forward_through(c->g->forward, sp_peer_cred(c->peer)->pid, &outer, &name);

	if (r == SP_ERR_NOT_FOUND)
		return NULL;
	if (r == SP_ERR_CLOSED)
		return "The connection of this login has ended, so where it came from cannot be seen.";
	if (r != 0 || outer->uid != c->uid || !login_is_same(outer->identity, identity))
		return "Only your own login to this bastion can go on from here: ssh -J BASTION NAME.";
	from = json_object_get(outer->origin, "from");
	conn = policy == NULL ? NULL : sp_policy_image_find(policy, name);
	if (conn == NULL || conn->kind != SP_POLICY_KIND_SSH || !conn->is_forwarded ||
	    !sp_reach_is_allowed(policy, identity, json_string_value(from), conn))
		return "No such connection, or not allowed, or not to be forwarded to.";
	if (json_object_set_new(origin, "endpoint", json_string(name)) != 0 || json_object_set(origin, "from", from) != 0 ||
	    json_object_set_new(origin, "through", json_string(outer->id)) != 0)
		return "Sallyport cannot register this login now. Try again, or call an administrator.";
	return NULL;
}

/* Those of the host that it is good for, to which sshd may forward connections of its client's. */
static size_t
login_ports(const struct client *c, const struct sp_login *l, uint16_t ports[SP_IPC_PAM_PORTS_MAX])
{
	const struct sp_policy_image *policy = sp_broker_policy(c->g->broker);
	const char *name = sp_login_endpoint(l);
	const struct sp_policy_connection *conn = policy == NULL || name == NULL ? NULL : sp_policy_image_find(policy, name);

	return conn == NULL ? 0 : sp_reach_ports(policy, l->identity, json_string_value(json_object_get(l->origin, "from")), conn,
				      ports, SP_IPC_PAM_PORTS_MAX);
}

static int
login_make(const struct client *c, json_t *identity, struct sp_login **ret_l)
{
	const struct sp_peer_cred *cred = sp_peer_cred(c->peer);
	struct sp_login *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return SP_ERR_NOMEM;
	r = sp_ulid_new(sp_registry_now_ms(), l->id);
	(void)snprintf(l->user, sizeof(l->user), "%s", c->user);
	l->uid = c->uid;
	l->ses = cred->sessionid;
	l->auid = cred->loginuid;
	l->pid = cred->pid;
	l->started = sp_registry_process_start(cred->pid);
	l->identity = json_incref(identity);
	l->expires = json_integer_value(json_object_get(identity, "exp"));
	l->origin = login_origin(c, l);
	if (r == 0 && (l->started == 0 || l->origin == NULL))
		r = SP_ERR_SYSTEM;
	if (r != 0)
		sp_login_free(l);
	else
		*ret_l = l;
	return r;
}

/* Of somebody who is revoked, now and not when the certificate was looked at. */
static bool
client_is_revoked(struct client *c, const json_t *identity)
{
	int n = snprintf(c->problem, sizeof(c->problem), "Sallyport: ");

	return sp_revocation_refuses(c->g->revocation, identity, c->user, c->problem + n, sizeof(c->problem) - (size_t)n);
}

static void
client_on_verified(int err, const char *message, json_t *identity, void *ctx)
{
	struct client *c = ctx;
	struct sp_login *l = NULL, *old;
	uint16_t ports[SP_IPC_PAM_PORTS_MAX];
	const char *problem;
	int r;

	c->verify = 0;
	if (err != 0) {
		client_refuse(c, err, message);
		return;
	}
	if (strcmp(json_string_value(json_object_get(identity, "user")) == NULL
		    ? ""
		    : json_string_value(json_object_get(identity, "user")),
		c->user) != 0) {
		client_refuse(c, SP_ERR_DENIED, "The verified identity is not this account's.");
		return;
	}
	if (client_is_revoked(c, identity)) {
		client_refuse(c, SP_ERR_DENIED, c->problem);
		return;
	}
	problem = sp_person_problem(SP_PEOPLE_PATH, 0, c->user, c->uid, identity);
	if (problem != NULL) {
		client_refuse(c, SP_ERR_DENIED, problem);
		return;
	}
	r = login_make(c, identity, &l);
	problem = r == 0 ? login_through(c, identity, l->origin) : NULL;
	if (problem != NULL) {
		client_refuse(c, SP_ERR_DENIED, problem);
		sp_login_free(l);
		return;
	}
	if (r == 0) {
		/* The kernel never gives an audit session twice: an old login of the same number has ended. */
		while ((old = sp_registry_login_of(c->g, l->ses)) != NULL)
			sp_registry_drop_login(c->g, old);
		r = sp_registry_add_login(c->g, l);
		if (r != 0)
			sp_login_free(l);
	}
	if (r != 0) {
		client_refuse(c, r, "Sallyport cannot register this login now. Try again, or call an administrator.");
		return;
	}
	sp_log_info("login %s: %s from %s, audit session %u", l->id, l->user, c->rhost, l->ses);
	client_reply_open(c, 0, "", l, ports, login_ports(c, l, ports));
}

static int
client_get_open(struct client *c, struct sp_buf *body, char **ret_info)
{
	char *service = NULL, *tty = NULL;
	uint32_t pid;
	int r;

	r = sp_buf_get_cstring(body, LOGIN_ITEM_MAX, &c->user);
	if (r == 0)
		r = sp_buf_get_cstring(body, LOGIN_AUTH_INFO_MAX, ret_info);
	if (r == 0)
		r = sp_buf_get_cstring(body, LOGIN_ITEM_MAX, &c->rhost);
	if (r == 0)
		r = sp_buf_get_cstring(body, LOGIN_ITEM_MAX, &service);
	if (r == 0)
		r = sp_buf_get_cstring(body, LOGIN_ITEM_MAX, &tty);
	if (r == 0)
		r = sp_buf_get_u32(body, &pid); /* told, not used: the kernel names the process */
	free(service);
	free(tty);
	return r;
}

static int
client_on_open(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct client *c = ctx;
	const char *problem;
	char *info = NULL;
	int r;

	(void)p;
	if (c->user != NULL || msg->id == 0)
		return SP_ERR_PROTOCOL; /* one login a connection */
	c->id = msg->id;
	r = client_get_open(c, body, &info);
	if (r != 0) {
		free(info);
		return r;
	}
	problem = client_check_account(c);
	if (problem == NULL)
		problem = client_check_audit(c);
	if (problem != NULL)
		client_refuse(c, SP_ERR_DENIED, problem);
	else if (sp_broker_verify(c->g->broker, c->user, info, client_on_verified, c, &c->verify) != 0)
		client_refuse(c, SP_ERR_UNAVAILABLE,
		    "Sallyport's identity service is not there, so nobody can be verified now. Try again shortly.");
	free(info);
	return 0;
}

/* ssh -J: the session's login came through this one. That login can then start no other either. */
static bool
login_is_through(const struct sp_live *live, const struct sp_login *l)
{
	const char *through = json_string_value(json_object_get(json_object_get(live->header, "origin"), "through"));

	return through != NULL && strcmp(through, l->id) == 0;
}

static void
login_end(struct sp_registry *g, struct sp_login *l)
{
	struct sp_live *live;

	TAILQ_FOREACH(live, &g->lives, next)
		if (!live->is_dead && (strcmp(live->login_id, l->id) == 0 || login_is_through(live, l)))
			sp_channel_end(live, "the connection was closed");
	sp_ports_end(g, l);
	sp_log_info("login %s of %s has ended", l->id, l->user);
	sp_registry_drop_login(g, l);
}

static int
client_on_close_login(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct client *c = ctx;
	struct sp_login *l;
	char *id = NULL;
	int r = sp_buf_get_cstring(body, LOGIN_ITEM_MAX, &id);

	if (r != 0)
		return r;
	l = sp_registry_login(c->g, id);
	free(id);
	if (l != NULL && l->ses != sp_peer_cred(p)->sessionid)
		l = NULL; /* only sshd's process within that audit session closes it */
	client_reply(c, SP_IPC_PAM_CLOSE_REPLY, msg->id, l == NULL ? SP_ERR_NOT_FOUND : 0, NULL);
	if (l != NULL)
		login_end(c->g, l);
	return 0;
}

/* What listens in the network that sshd's process of the login is in. */
static int
client_on_ports(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct client *c = ctx;
	struct sp_login *l;
	char *id = NULL;
	int r = sp_buf_get_cstring(body, LOGIN_ITEM_MAX, &id), err = 0;

	if (r != 0)
		return r;
	l = sp_registry_login(c->g, id);
	free(id);
	if (l == NULL || l->ses != sp_peer_cred(p)->sessionid || sp_login_endpoint(l) == NULL)
		err = SP_ERR_NOT_FOUND; /* as above */
	for (size_t i = 0; err == 0 && i < msg->nfds; i++) {
		err = sp_ports_add(c->g, l, msg->fds[i]);
		if (err == 0)
			msg->fds[i] = -1;
	}
	client_reply(c, SP_IPC_PAM_PORTS_REPLY, msg->id, err, NULL);
	return 0;
}

static int
client_on_account(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct client *c = ctx;
	char *user = NULL, *service = NULL;
	const char *problem = NULL;
	char text[512];
	int r;

	(void)p;
	r = sp_buf_get_cstring(body, LOGIN_ITEM_MAX, &user);
	if (r == 0)
		r = sp_buf_get_cstring(body, LOGIN_ITEM_MAX, &service);
	if (r == 0) {
		if (!sp_text_is_login(user) || strcmp(user, "root") == 0)
			problem = "This account cannot come in through Sallyport.";
		else if (!sp_broker_has_identity(c->g->broker))
			problem = "Sallyport's identity service is not there, so nobody can be verified now. Try again shortly.";
		else if (!sp_broker_has_recorder(c->g->broker))
			problem = "Sallyport's recorder is not there, so no session can be recorded now. Try again shortly.";
		else if (sp_revocation_refuses(c->g->revocation, NULL, user, text, sizeof(text)))
			problem = text;
		client_reply(c, SP_IPC_PAM_ACCOUNT_REPLY, msg->id, problem == NULL ? 0 : SP_ERR_UNAVAILABLE,
		    problem == NULL ? "" : problem);
	}
	free(user);
	free(service);
	return r;
}

static void
client_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct client *c = ctx;

	(void)err;
	sp_broker_cancel(c->g->broker, c->verify);
	sp_listener_release(c->g->pam);
	sp_peer_free(p);
	free(c->user);
	free(c->rhost);
	free(c);
}

static const struct sp_peer_request client_requests[] = {
	{ SP_IPC_PAM_OPEN, 1, LOGIN_AUTH_INFO_MAX + 5 * LOGIN_ITEM_MAX, 0, client_on_open, "OPEN" },
	{ SP_IPC_PAM_CLOSE, 1, LOGIN_ITEM_MAX, 0, client_on_close_login, "CLOSE" },
	{ SP_IPC_PAM_PORTS, 1, LOGIN_ITEM_MAX, SP_IPC_FDS_MAX, client_on_ports, "PORTS" },
	{ SP_IPC_PAM_ACCOUNT, 1, 3 * LOGIN_ITEM_MAX, 0, client_on_account, "ACCOUNT" },
	{ 0 },
};
static const struct sp_peer_ops client_ops = { client_requests, client_on_close, "pam" };

void
sp_login_accept(struct sp_registry *g, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c != NULL) {
		c->g = g;
		if (sp_peer_new(g->base, fd, &client_ops, c, &c->peer) == 0) {
			if (sp_peer_cred(c->peer)->uid == 0 && sp_peer_set_deadline(c->peer, SP_LOGIN_DEADLINE_MS) == 0)
				return;
			sp_log_warn("pam: a connection of uid %u is refused", (unsigned)sp_peer_cred(c->peer)->uid);
			sp_peer_free(c->peer);
			fd = -1;
		}
		free(c);
	}
	if (fd >= 0)
		(void)close(fd);
	sp_listener_release(g->pam);
}

void
sp_login_sweep(struct sp_registry *g)
{
	struct sp_login *l, *next;

	for (l = TAILQ_FIRST(&g->logins); l != NULL; l = next) {
		next = TAILQ_NEXT(l, next);
		if (sp_registry_process_start(l->pid) != l->started)
			login_end(g, l);
	}
}
