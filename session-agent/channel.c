/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc_monitor.h"
#include "lib/ipc_pam.h"
#include "policy/file.h"
#include "policy/image.h"
#include "proto/ssh_known.h"
#include "runtime/log.h"
#include "runtime/peer.h"
#include "session-agent/broker.h"
#include "session-agent/credential.h"
#include "session-agent/credential_run.h"
#include "session-agent/grant.h"
#include "session-agent/quarantine.h"
#include "session-agent/reach.h"
#include "session-agent/ssh_mint.h"
#include "session-agent/ssh_start.h"
#include "session-agent/start.h"

#define CHANNEL_NAME_MAX 64
#define CHANNEL_SUBSYSTEM "sftp" /* the only one that a session may have started */
#define CHANNEL_PATH_MAX ((size_t)4 * SP_FILE_PATH_MAX) /* bytes of a path with every byte of it escaped */
#define CHANNEL_REASON_MAX 1024
#define CHANNEL_KEEP_MAX (CHANNEL_PATH_MAX + CHANNEL_REASON_MAX + SP_POLICY_NAME_MAX + 128)
#define CHANNEL_ASKS_MAX 4 /* programs that run for one session */

/* Bits of sp_peer_set_state: a live session, or a connection that has not yet resumed one. */
enum { CHANNEL_LIVE = 0, CHANNEL_NEW = 1 };
#define LIVE (1u << CHANNEL_LIVE)
#define NEW (1u << CHANNEL_NEW)

struct channel;

/* A CREDENTIAL that waits for a program. */
struct channel_ask {
	TAILQ_ENTRY(channel_ask) next;
	struct channel *channel;
	uint32_t id;
	char name[SP_POLICY_NAME_MAX + 1];
	char target[SP_POLICY_NAME_MAX + 1]; /* name, or the connection whose jump host that is */
	char *program;			     /* the connection's, as it was; and what its output was to be used for */
	enum sp_policy_kind kind;
	enum sp_policy_login login;
	struct sp_credential_run *run;
};

/* The peer's context: g always, l once it is somebody. */
struct channel {
	TAILQ_HEAD(, channel_ask) asks;
	unsigned nasks;
	struct sp_registry *g;
	struct sp_live *l;
	unsigned sockets;
	bool is_accepted; /* came by monitor.sock: one of its connections until it ends */
};

/* --- CREDENTIAL ----------------------------------------------------------------------------------- */

/* A session that has been taken over gets no other connection's password. */
static bool
channel_may_reach(const struct sp_registry *g, const struct sp_live *l, const struct sp_policy_connection *c)
{
	const json_t *origin = json_object_get(l->header, "origin");

	return sp_reach_is_allowed(sp_broker_policy(g->broker), json_object_get(l->header, "identity"),
	    json_string_value(json_object_get(origin, "from")), c);
}

/*
 * The connection, if this person may reach it now; or if it is a jump host on the way to a target that they may reach, and then
 * *ret_behind is where it leads.
 */
static int
channel_hop(const struct channel *ch, const char *name, const char *target, const struct sp_policy_connection **ret_c,
    const struct sp_policy_connection **ret_behind, const char **ret_message)
{
	const struct sp_policy_image *policy = sp_broker_policy(ch->g->broker);
	const struct sp_policy_connection *c;

	if (policy == NULL) { /* just started: the session asks again */
		*ret_message = "the policy service is not there: try again shortly";
		return SP_ERR_UNAVAILABLE;
	}
	c = sp_policy_image_find(policy, target);
	if (c == NULL || !channel_may_reach(ch->g, ch->l, c))
		c = NULL;
	else
		c = sp_reach_hop(policy, c, name, ret_behind);
	if (c == NULL) {
		*ret_message = "no such connection, or not allowed";
		return SP_ERR_DENIED;
	}
	*ret_c = c;
	return 0;
}

static int
channel_connection(const struct channel *ch, const char *name, const struct sp_policy_connection **ret_c,
    const char **ret_message)
{
	const struct sp_policy_connection *behind;

	return channel_hop(ch, name, name, ret_c, &behind, ret_message);
}

/* The connection of which a session serves ports (ssh -J); NULL: it is another one. */
static const char *
channel_ports_of(const struct sp_live *l)
{
	const json_t *origin = json_object_get(l->header, "origin");

	return json_object_get(origin, "endpoint") == NULL ? NULL : json_string_value(json_object_get(origin, "forward"));
}

/* Where a session logs in with a certificate, what was read is its CA's key, and stays here. */
static int
channel_mint(const struct channel *ch, const struct sp_policy_connection *c, bool is_way, struct sp_secret **secret,
    const char **ret_message)
{
	int r;

	if (c->kind != SP_POLICY_KIND_SSH || c->login != SP_POLICY_LOGIN_CERTIFICATE)
		return 0;
	r = sp_ssh_mint(c, ch->l->user, ch->l->id, is_way, (int64_t)time(NULL), secret);
	if (r != 0) {
		sp_log_err("certificate for connection %s: %s", c->name, sp_err_str(r));
		*ret_message = "no certificate could be made with the connection's CA: call an administrator";
	}
	return r;
}

/* secret is NULL unless err is 0. */
static int
channel_give(const struct channel *ch, uint32_t id, const char *name, int err, const char *message, const char *user,
    const struct sp_secret *secret)
{
	struct sp_buf *reply = sp_buf_new(SP_IPC_FRAME_MAX);
	int r = reply == NULL ? SP_ERR_NOMEM : 0;

	sp_log_info("session %s (%s) asked for the credential of %s: %s", ch->l->id, ch->l->user, name,
	    err == 0 ? "given" : sp_err_str(err));
	if (r == 0) {
		sp_buf_put_u32(reply, (uint32_t)-err);
		sp_buf_put_cstring(reply, message);
		sp_buf_put_cstring(reply, user);
		sp_buf_put_string(reply, err == 0 ? sp_secret_data(secret) : (const uint8_t *)"",
		    err == 0 ? sp_secret_len(secret) : 0);
		r = sp_buf_error(reply);
	}
	if (r == 0)
		r = sp_peer_send(ch->l->peer, SP_IPC_MONITOR_CREDENTIAL_REPLY, id, reply, NULL, 0);
	sp_buf_free(reply);
	return r;
}

static void
channel_ask_free(struct channel_ask *ask)
{
	TAILQ_REMOVE(&ask->channel->asks, ask, next);
	ask->channel->nasks--;
	free(ask->program);
	free(ask);
}

/* What the program printed may be a CA's key: a connection that has become another one must not be given it as its own. */
static bool
channel_is_as_asked(const struct channel_ask *ask, const struct sp_policy_connection *c)
{
	return c->secret == SP_POLICY_SECRET_EXEC && strcmp(c->secret_value, ask->program) == 0 && c->kind == ask->kind &&
	    c->login == ask->login;
}

/* A program has ended. Policy is asked once more: it may have changed meanwhile. */
static void
channel_on_run(int err, struct sp_secret *secret, void *ctx)
{
	struct channel_ask *ask = ctx;
	const struct sp_policy_connection *c = NULL, *behind;
	const char *message = "";
	int r = channel_hop(ask->channel, ask->name, ask->target, &c, &behind, &message);

	if (r == 0 && !channel_is_as_asked(ask, c)) {
		r = SP_ERR_UNAVAILABLE;
		message = "the connection has just been changed: try again";
	} else if (r == 0 && err != 0) {
		r = SP_ERR_NOT_FOUND;
		message = "the connection's credential cannot be had: call an administrator";
	}
	if (r == 0)
		r = channel_mint(ask->channel, c, behind != NULL || channel_ports_of(ask->channel->l) != NULL, &secret, &message);
	if (channel_give(ask->channel, ask->id, ask->name, r, message, r == 0 ? c->login_user : "", secret) != 0)
		sp_log_err("session %s could not be answered", ask->channel->l->id);
	sp_secret_free(secret);
	channel_ask_free(ask);
}

/* The program that prints a connection's credential is started; the answer follows. */
static int
channel_run(struct channel *ch, uint32_t id, const struct sp_policy_connection *c, const char *target,
    const char **ret_message)
{
	struct channel_ask *ask;
	int r;

	*ret_message = "the connection's credential cannot be had: call an administrator";
	if (ch->g->runs == NULL)
		return SP_ERR_UNSUPPORTED;
	if (ch->nasks >= CHANNEL_ASKS_MAX)
		return SP_ERR_UNAVAILABLE;
	ask = calloc(1, sizeof(*ask));
	if (ask == NULL)
		return SP_ERR_NOMEM;
	ask->channel = ch;
	ask->id = id;
	(void)snprintf(ask->name, sizeof(ask->name), "%s", c->name);
	(void)snprintf(ask->target, sizeof(ask->target), "%s", target);
	ask->kind = c->kind;
	ask->login = c->login;
	ask->program = strdup(c->secret_value);
	r = ask->program == NULL ? SP_ERR_NOMEM : sp_credential_run(ch->g->runs, c->secret_value, channel_on_run, ask, &ask->run);
	if (r != 0) {
		if (r == SP_ERR_DENIED)
			sp_log_err("credential of connection %s: its program must be a file of root's that nobody else may write",
			    c->name);
		free(ask->program);
		free(ask);
		return r;
	}
	TAILQ_INSERT_TAIL(&ch->asks, ask, next);
	ch->nasks++;
	return 0;
}

static int
channel_on_credential(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	const struct sp_policy_connection *c = NULL, *behind;
	struct sp_secret *secret = NULL;
	struct channel *ch = ctx;
	const char *message = "";
	char *name = NULL, *target = NULL;
	bool is_running = false;
	int r, err;

	(void)p;
	r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &name);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &target);
	if (r != 0 || msg->id == 0) {
		free(name);
		free(target);
		return SP_ERR_PROTOCOL;
	}
	err = channel_hop(ch, name, target, &c, &behind, &message);
	if (err == 0 && c->secret == SP_POLICY_SECRET_EXEC) {
		err = channel_run(ch, msg->id, c, target, &message);
		is_running = err == 0;
	} else if (err == 0) {
		err = sp_credential_read(c, &secret, &message);
		if (err == 0)
			err = channel_mint(ch, c, behind != NULL || channel_ports_of(ch->l) != NULL, &secret, &message);
	}
	if (!is_running)
		r = channel_give(ch, msg->id, name, err, message, err == 0 ? c->login_user : "", secret);
	sp_secret_free(secret);
	free(name);
	free(target);
	return r;
}

/* --- LISTEN --------------------------------------------------------------------------------------- */

static bool
channel_is_socket_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < CHANNEL_NAME_MAX && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

/* A socket that only the person can connect to, in a directory whose name nobody can list. */
static int
channel_listen(struct channel *ch, const char *name, char *dir, size_t cap, int *ret_fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, n;

	if (!channel_is_socket_name(name) || ch->sockets >= SP_CHANNEL_SOCKETS_MAX)
		return SP_ERR_INVALID;
	(void)snprintf(dir, cap, "%s/s/%s", SP_RUNDIR, ch->l->id);
	n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		return SP_ERR_LIMIT;
	if ((mkdir(dir, 0711) != 0 && errno != EEXIST) || chmod(dir, 0711) != 0)
		return SP_ERR_SYSTEM;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 || chmod(sun.sun_path, 0600) != 0 ||
	    lchown(sun.sun_path, ch->l->uid, (gid_t)-1) != 0 || listen(fd, 16) != 0) {
		(void)close(fd);
		return SP_ERR_SYSTEM;
	}
	ch->sockets++;
	*ret_fd = fd;
	return 0;
}

static int
channel_on_listen(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_buf *reply;
	char *name = NULL, dir[128] = "";
	int r, err, fd = -1;

	r = sp_buf_get_cstring(body, CHANNEL_NAME_MAX, &name);
	if (r != 0 || msg->id == 0) {
		free(name);
		return SP_ERR_PROTOCOL;
	}
	err = channel_listen(ch, name, dir, sizeof(dir), &fd);
	free(name);
	reply = sp_buf_new(SP_IPC_FRAME_MAX);
	r = reply == NULL ? SP_ERR_NOMEM : 0;
	if (r == 0) {
		sp_buf_put_u32(reply, (uint32_t)-err);
		sp_buf_put_cstring(reply, err == 0 ? "" : "the session's socket could not be made");
		sp_buf_put_cstring(reply, err == 0 ? dir : "");
		r = sp_buf_error(reply);
	}
	if (r == 0)
		r = sp_peer_send(p, SP_IPC_MONITOR_LISTEN_REPLY, msg->id, reply, &fd, err == 0 ? 1 : 0);
	if (fd >= 0)
		(void)close(fd);
	sp_buf_free(reply);
	return r;
}

/* --- COPY, KEEP -------------------------------------------------------------------------------------- */

static int
channel_say(struct sp_peer *p, uint8_t type, uint32_t id, int err, const char *message, int fd)
{
	struct sp_buf *reply = sp_buf_new(SP_IPC_FRAME_MAX);
	int r = reply == NULL ? SP_ERR_NOMEM : sp_buf_put_u32(reply, (uint32_t)-err);

	if (r == 0)
		r = sp_buf_put_cstring(reply, message);
	if (r == 0)
		r = sp_peer_send(p, type, id, reply, &fd, fd >= 0 ? 1 : 0);
	sp_buf_free(reply);
	return r;
}

static int
channel_on_copy(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	const struct channel *ch = ctx;
	const char *why = "";
	int fd = -1, err, r;

	(void)body;
	if (msg->id == 0)
		return SP_ERR_PROTOCOL;
	err = sp_quarantine_open(SP_QUARANTINE_DIR, &fd, &why);
	if (err != 0)
		sp_log_warn(
		    "session %s (%s) has no file for a copy: %s: %s", ch->l->id, ch->l->user, why, sp_err_str(err));
	r = channel_say(p, SP_IPC_MONITOR_COPY_REPLY, msg->id, err, err == 0 ? "" : why, fd);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* What a session says of a copy; the strings are the caller's to free. */
static int
channel_about(struct sp_buf *body, struct sp_quarantine_about *a, char *text[3])
{
	uint8_t is_upload = 0, is_complete = 0;
	int r = sp_buf_get_u64(body, &a->number);

	if (r == 0)
		r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &text[0]);
	if (r == 0)
		r = sp_buf_get_cstring(body, CHANNEL_PATH_MAX, &text[1]);
	if (r == 0)
		r = sp_buf_get_u8(body, &is_upload);
	if (r == 0)
		r = sp_buf_get_u8(body, &is_complete);
	if (r == 0)
		r = sp_buf_get_u64(body, &a->size);
	if (r == 0)
		r = sp_buf_get_view(body, 32, &a->sha256);
	if (r == 0)
		r = sp_buf_get_cstring(body, CHANNEL_REASON_MAX, &text[2]);
	a->connection = text[0];
	a->path = text[1];
	a->reason = text[2];
	a->is_upload = is_upload != 0;
	a->is_complete = is_complete != 0;
	return r == 0 && (is_upload > 1 || is_complete > 1) ? SP_ERR_FORMAT : r;
}

static int
channel_on_keep(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	const struct channel *ch = ctx;
	struct sp_quarantine_about about = {.session = ch->l->id, .user = ch->l->user};
	char *text[3] = {NULL}, said[256], id[SP_QUARANTINE_ID_MAX + 1];
	const char *why = "";
	int err, r = channel_about(body, &about, text);

	if (r == 0 && (msg->id == 0 || msg->nfds != 1))
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		err = sp_quarantine_keep(SP_QUARANTINE_DIR, msg->fds[0], &about, &why);
		sp_quarantine_id(ch->l->id, about.number, id);
		(void)snprintf(said, sizeof(said), "%s%s%s", id, err == 0 ? "" : ": ", err == 0 ? "" : why);
		sp_log(err == 0 ? LOG_NOTICE : LOG_WARNING, "session %s (%s): quarantine %s: %s%s%s", ch->l->id,
		    ch->l->user, id, err == 0 ? "kept" : why, err == 0 ? "" : ": ", err == 0 ? "" : sp_err_str(err));
		r = channel_say(p, SP_IPC_MONITOR_KEEP_REPLY, msg->id, err, said, -1);
	}
	for (size_t i = 0; i < 3; i++)
		free(text[i]);
	return r;
}

/* --- SSH ------------------------------------------------------------------------------------------ */

static unsigned
channel_transports_max(const struct sp_ssh_start *start)
{
	return start->port != 0 ? SP_CHANNEL_PORTS_MAX : start->is_subsystem ? SP_CHANNEL_SUBSYSTEMS_MAX : SP_CHANNEL_TRANSPORTS_MAX;
}

/* What what says of command; a port is a number, and no more than that. */
static bool
channel_get_what(uint8_t what, const char *command, struct sp_ssh_start *start)
{
	char text[8];

	start->command = what == SP_IPC_MONITOR_SSH_SHELL || what == SP_IPC_MONITOR_SSH_PORT ? NULL : command;
	start->is_subsystem = what == SP_IPC_MONITOR_SSH_SUBSYSTEM;
	if (what != SP_IPC_MONITOR_SSH_PORT)
		return what < SP_IPC_MONITOR_SSH_PORT && (!start->is_subsystem || (!start->has_tty && strcmp(command, CHANNEL_SUBSYSTEM) == 0));
	start->port = (uint16_t)strtoul(command, NULL, 10);
	(void)snprintf(text, sizeof(text), "%u", (unsigned)start->port);
	return !start->has_tty && start->port != 0 && strcmp(text, command) == 0;
}

/* A session for ports of its host gets these, and a transport for nothing else. */
static bool
channel_may_have(const struct channel *ch, const struct sp_policy_connection *c, const struct sp_ssh_start *start)
{
	const json_t *origin = json_object_get(ch->l->header, "origin");
	const char *name = channel_ports_of(ch->l);
	uint16_t ports[SP_IPC_PAM_PORTS_MAX];
	size_t n;

	if (name == NULL || start->port == 0)
		return name == NULL && start->port == 0;
	n = strcmp(name, c->name) != 0 ? 0 : sp_reach_ports(sp_broker_policy(ch->g->broker), json_object_get(ch->l->header, "identity"),
						  json_string_value(json_object_get(origin, "from")), c, ports, SP_IPC_PAM_PORTS_MAX);
	for (size_t i = 0; i < n; i++)
		if (ports[i] == start->port)
			return true;
	return false;
}

/* To a target, or to a jump host before it: from there on to the next, wherever policy says that this is, and nothing else. */
static int
channel_ssh(struct channel *ch, const char *name, const char *target, struct sp_ssh_start *start, const int *fds,
    const char **ret_message)
{
	const struct sp_policy_connection *c = NULL;
	int r = channel_hop(ch, name, target, &c, &start->behind, ret_message);
	bool is_hop = r == 0 && start->behind != NULL;

	if (r == 0 && (c->kind != SP_POLICY_KIND_SSH || (is_hop && (start->has_tty || start->command != NULL || start->port != 0)) ||
			  (!is_hop && !channel_may_have(ch, c, start)))) {
		*ret_message = "no such connection, or not allowed";
		r = SP_ERR_DENIED;
	}
	if (r != 0)
		return r;
	if (is_hop ? ch->l->hops >= (channel_ports_of(ch->l) != NULL ? SP_CHANNEL_PORTS_MAX : SP_CHANNEL_HOPS_MAX) :
		     ch->l->transports >= channel_transports_max(start)) {
		*ret_message = "this session has been at its target already";
		return SP_ERR_LIMIT;
	}
	r = sp_ssh_start(c, start, ch->g->ssh_uid, fds, ret_message);
	if (is_hop)
		ch->l->hops += r == 0;
	else
		ch->l->transports += r == 0;
	return r;
}

static int
channel_on_ssh(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_ssh_start start = { .id = ch->l->id };
	char *name = NULL, *target = NULL, *term = NULL, *command = NULL;
	const char *message = "";
	struct sp_buf *reply = NULL;
	uint8_t tty = 0, what = 0;
	int r, err;

	r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &name);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &target);
	if (r == 0)
		r = sp_buf_get_u8(body, &tty);
	if (r == 0)
		r = sp_buf_get_cstring(body, CHANNEL_NAME_MAX, &term);
	if (r == 0)
		r = sp_buf_get_u8(body, &what);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_START_COMMAND_MAX, &command);
	start.has_tty = tty == 1;
	start.term = term;
	if (r != 0 || msg->id == 0 || msg->nfds != SP_SSH_START_FDS || tty > 1 || !channel_get_what(what, command, &start)) {
		r = SP_ERR_PROTOCOL;
		goto out;
	}
	start.known = sp_buf_new(SP_SSH_KNOWN_TEXT_MAX);
	err = start.known == NULL ? SP_ERR_NOMEM : channel_ssh(ch, name, target, &start, msg->fds, &message);
	sp_log_info("session %s (%s) asked for a transport to %s for %s: %s", ch->l->id, ch->l->user, name, target,
	    err == 0 ? "started" : sp_err_str(err));
	reply = sp_buf_new(SP_IPC_FRAME_MAX);
	if (reply != NULL) {
		sp_buf_put_u32(reply, (uint32_t)-err);
		sp_buf_put_cstring(reply, message);
		if (err == 0)
			sp_buf_put_string(reply, sp_buf_data(start.known), sp_buf_len(start.known));
	}
	r = reply == NULL ? SP_ERR_NOMEM : sp_peer_send(p, SP_IPC_MONITOR_SSH_REPLY, msg->id, reply, NULL, 0);
out:
	sp_buf_free(reply);
	sp_buf_free(start.known);
	free(name);
	free(target);
	free(term);
	free(command);
	return r;
}

/* --- ACCOUNT ---------------------------------------------------------------------------------------- */

static int
account_read(struct sp_buf *body, char **ret_name, struct sp_grant *g)
{
	uint32_t n = 0;
	int r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, ret_name);

	if (r == 0)
		r = sp_buf_get_u32(body, &n);
	if (r == 0 && n > SP_IPC_GRANT_SECRETS_MAX)
		r = SP_ERR_LIMIT;
	while (r == 0 && g->nsecrets < n) {
		r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &g->secrets[g->nsecrets]);
		g->nsecrets += r == 0;
	}
	return r == 0 && sp_buf_len(body) != 0 ? SP_ERR_PROTOCOL : r;
}

static int
account_reply(const struct channel *ch, uint32_t id, int err, const char *message, const struct sp_grant *g)
{
	struct sp_buf *reply = sp_buf_new(SP_IPC_FRAME_MAX);
	size_t i, n = err == 0 ? g->nsecrets : 0;
	int r = reply == NULL ? SP_ERR_NOMEM : 0;

	if (r == 0) {
		sp_buf_put_u32(reply, (uint32_t)-err);
		sp_buf_put_cstring(reply, message);
		sp_buf_put_u32(reply, err == 0 ? g->uid : 0);
		sp_buf_put_u32(reply, (uint32_t)n);
		for (i = 0; i < n; i++)
			sp_buf_put_string(reply, sp_secret_data(g->values[i]), sp_secret_len(g->values[i]));
		r = sp_buf_error(reply);
	}
	if (r == 0)
		r = sp_peer_send(ch->l->peer, SP_IPC_MONITOR_ACCOUNT_REPLY, id, reply, NULL, 0);
	sp_buf_free(reply);
	return r;
}

static int
channel_account(struct channel *ch, const char *name, struct sp_grant *g, const char **ret_message)
{
	const struct sp_policy_connection *c = NULL;
	int r = channel_connection(ch, name, &c, ret_message);

	if (r != 0)
		return r;
	*ret_message = "nothing can run as another account here: call an administrator";
	if (ch->g->shell_uid == 0)
		return SP_ERR_UNSUPPORTED;
	*ret_message = "this session runs something as another account already";
	if (ch->l->grants >= SP_CHANNEL_GRANTS_MAX)
		return SP_ERR_LIMIT;
	r = sp_grant_account(c, g, ret_message);
	ch->l->grants += r == 0;
	sp_log_info("session %s (%s) asked to run %s as %s: %s", ch->l->id, ch->l->user, name, c->run_as,
	    r == 0 ? "granted" : sp_err_str(r));
	return r;
}

static int
channel_on_account(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_grant g = { .person = ch->l->uid, .ses = ch->l->ses, .shell = ch->g->shell_uid, .fd = -1 };
	const char *message = "";
	char *name = NULL;
	size_t i;
	int r = account_read(body, &name, &g), err;

	(void)p;
	if (r == 0 && (msg->id == 0 || msg->nfds != 1))
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		g.fd = msg->fds[0];
		err = channel_account(ch, name, &g, &message);
		r = account_reply(ch, msg->id, err, message, &g);
	}
	for (i = 0; i < g.nsecrets; i++) {
		sp_secret_free(g.values[i]);
		free(g.secrets[i]);
	}
	free(name);
	return r;
}

/* --- begin, resume, end --------------------------------------------------------------------------- */

/* Right id and right secret, and not there already. */
static struct sp_live *
channel_resumable(struct sp_registry *g, const struct sp_peer *p, const char *id, const struct sp_view *secret)
{
	struct sp_live *l = sp_registry_live(g, id);

	if (l == NULL || l->is_dead || sp_secret_equal(l->secret, secret->data, secret->len) != 1)
		return NULL;
	if (sp_peer_cred(p)->pid != l->pid || l->peer != NULL)
		return NULL;
	return l;
}

static int
channel_on_resume(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_live *l = NULL;
	struct sp_buf *reply;
	struct sp_view secret;
	char *id = NULL;
	int r;

	r = sp_buf_get_cstring(body, SP_ULID_LEN, &id);
	if (r == 0)
		r = sp_buf_get_view(body, SP_REGISTRY_SECRET, &secret);
	if (r == 0)
		l = channel_resumable(ch->g, p, id, &secret);
	if (r == 0)
		sp_log_info("session %s %s", id, l != NULL ? "is back" : "could not prove itself and is refused");
	free(id);
	reply = sp_buf_new(16);
	if (r == 0 && reply == NULL)
		r = SP_ERR_NOMEM;
	if (r == 0) {
		sp_buf_put_u32(reply, l != NULL ? 0 : (uint32_t)-SP_ERR_DENIED);
		r = sp_peer_send(p, SP_IPC_MONITOR_RESUMED, 0, reply, NULL, 0);
	}
	sp_buf_free(reply);
	if (r == 0 && (l == NULL || msg->nfds != 1))
		r = SP_ERR_DENIED;
	if (r == 0)
		r = sp_peer_set_deadline(p, 0);
	if (r != 0)
		return r;
	if (l->ring >= 0)
		(void)close(l->ring);
	l->ring = msg->fds[0];
	msg->fds[0] = -1;
	l->peer = p;
	ch->l = l;
	sp_peer_set_state(p, CHANNEL_LIVE);
	sp_broker_attach(ch->g->broker, l);
	if (sp_registry_login(ch->g, l->login_id) == NULL)
		sp_channel_end(l, "the connection was closed"); /* while it was away, so that nobody could tell it */
	return 0;
}

/* A session has lost one of its channels, by stray bytes say, and the daemon at the other end may be well. */
static int
channel_on_lost(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_live *l = ch->l;
	int64_t now = sp_ipc_now_ms();
	unsigned which;
	uint32_t n;
	int r = sp_buf_get_u32(body, &n);

	(void)p;
	(void)msg;
	if (r == 0 && n != SP_IPC_MONITOR_WHICH_RECORDER && n != SP_IPC_MONITOR_WHICH_CONTROL)
		r = SP_ERR_PROTOCOL;
	if (r != 0)
		return r;
	which = n == SP_IPC_MONITOR_WHICH_RECORDER ? SP_LIVE_RECORDER : SP_LIVE_CONTROL;
	if (now - l->lost_since >= SP_CHANNEL_LOST_MS) {
		l->lost_since = now;
		l->lost = 0;
	}
	if (l->lost >= SP_CHANNEL_LOST_MAX) {
		sp_log_warn("session %s of %s has lost its channels too often to get another one now", l->id, l->user);
	} else if (sp_broker_attach_again(ch->g->broker, l, which)) {
		l->lost++;
		sp_log_warn("session %s of %s has lost its channel to %s and gets another one", l->id, l->user,
		    which == SP_LIVE_RECORDER ? "the recorder" : "control");
	}
	return 0;
}

static int
channel_on_done(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	uint8_t is_signaled;
	uint32_t value;
	int r;

	(void)p;
	(void)msg;
	(void)ctx;
	r = sp_buf_get_u8(body, &is_signaled);
	return r == 0 ? sp_buf_get_u32(body, &value) : r;
}

static void
channel_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_live *l = ch->l;
	struct channel_ask *ask, *next;

	sp_peer_free(p);
	for (ask = TAILQ_FIRST(&ch->asks); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, next);
		sp_credential_run_cancel(ask->run);
		channel_ask_free(ask);
	}
	if (l != NULL) {
		l->peer = NULL;
		sp_log_info("session %s of %s has ended%s%s", l->id, l->user, err == SP_ERR_CLOSED ? "" : ": ",
		    err == SP_ERR_CLOSED ? "" : sp_err_str(err));
		sp_broker_detach(ch->g->broker, l);
	} else if (err != 0 && err != SP_ERR_CLOSED) {
		sp_log(LOG_NOTICE, "a connection to monitor.sock is closed: %s", sp_err_str(err));
	}
	if (ch->is_accepted)
		sp_listener_release(ch->g->monitor);
	free(ch);
}

static const struct sp_peer_request channel_requests[] = {
    {SP_IPC_MONITOR_CREDENTIAL, LIVE, 2 * (SP_POLICY_NAME_MAX + 4), 0, channel_on_credential, "CREDENTIAL"},
    {SP_IPC_MONITOR_LISTEN, LIVE, CHANNEL_NAME_MAX + 4, 0, channel_on_listen, "LISTEN"},
    {SP_IPC_MONITOR_SSH, LIVE, SP_START_COMMAND_MAX + 512, SP_SSH_START_FDS, channel_on_ssh, "SSH"},
    {SP_IPC_MONITOR_ACCOUNT, LIVE, (SP_IPC_GRANT_SECRETS_MAX + 1) * (SP_POLICY_NAME_MAX + 8), 1, channel_on_account,
	"ACCOUNT"},
    {SP_IPC_MONITOR_COPY, LIVE, 0, 0, channel_on_copy, "COPY"},
    {SP_IPC_MONITOR_KEEP, LIVE, CHANNEL_KEEP_MAX, 1, channel_on_keep, "KEEP"},
    {SP_IPC_MONITOR_RESUME, NEW, SP_ULID_LEN + SP_REGISTRY_SECRET + 8, 1, channel_on_resume, "RESUME"},
    {SP_IPC_MONITOR_DONE, LIVE, 5, 0, channel_on_done, "DONE"},
    {SP_IPC_MONITOR_LOST, LIVE, 4, 0, channel_on_lost, "LOST"},
    {0},
};
static const struct sp_peer_ops channel_ops = { channel_requests, channel_on_close, "monitor" };

static int
channel_new(struct sp_registry *g, int fd, struct sp_live *l)
{
	struct channel *ch = calloc(1, sizeof(*ch));
	struct sp_peer *p;
	int r;

	if (ch == NULL)
		return SP_ERR_NOMEM;
	TAILQ_INIT(&ch->asks);
	ch->g = g;
	ch->l = l;
	ch->is_accepted = l == NULL;
	r = sp_peer_new(g->base, fd, &channel_ops, ch, &p);
	if (r != 0) {
		free(ch);
		return r;
	}
	sp_peer_set_state(p, l == NULL ? CHANNEL_NEW : CHANNEL_LIVE);
	if (l != NULL)
		l->peer = p;
	else if (sp_peer_set_deadline(p, SP_CHANNEL_DEADLINE_MS) != 0)
		sp_log_warn("a connection to monitor.sock has no time limit");
	return 0;
}

int
sp_channel_begin(struct sp_registry *g, struct sp_live *l, int fd, const struct sp_buf *begin, const int fds[4])
{
	int r = channel_new(g, fd, l);

	if (r != 0) {
		(void)close(fd);
		return r;
	}
	return sp_peer_send(l->peer, SP_IPC_MONITOR_BEGIN, 0, begin, fds, 4);
}

void
sp_channel_accept(struct sp_registry *g, int fd)
{
	if (channel_new(g, fd, NULL) == 0)
		return;
	(void)close(fd);
	sp_listener_release(g->monitor);
}

void
sp_channel_offer(struct sp_live *l, unsigned which)
{
	int fds[2] = { l->offer[which], l->ring };
	struct sp_buf *body;

	if (l->peer == NULL)
		return; /* it is announced again when the session has resumed */
	body = sp_buf_new(16);
	if (body != NULL) {
		sp_buf_put_u32(body, which == SP_LIVE_RECORDER ? SP_IPC_MONITOR_WHICH_RECORDER : SP_IPC_MONITOR_WHICH_CONTROL);
		if (sp_peer_send(l->peer, SP_IPC_MONITOR_CHANNEL, 0, body, fds, which == SP_LIVE_RECORDER ? 2 : 1) != 0)
			sp_log_err("session %s could not be given its channel", l->id);
		sp_buf_free(body);
	}
	(void)close(l->offer[which]);
	l->offer[which] = -1;
}

void
sp_channel_no_control(struct sp_live *l)
{
	struct sp_buf *body = l->peer == NULL ? NULL : sp_buf_new(16);

	if (body == NULL)
		return; /* the session finds out by itself, two seconds later */
	sp_buf_put_u32(body, SP_IPC_MONITOR_WHICH_CONTROL);
	if (sp_peer_send(l->peer, SP_IPC_MONITOR_CHANNEL, 0, body, NULL, 0) != 0)
		sp_log_err("session %s could not be told that control is away", l->id);
	sp_buf_free(body);
}

void
sp_channel_end(struct sp_live *l, const char *reason)
{
	struct sp_buf *body;

	if (l->peer == NULL)
		return;
	body = sp_buf_new(SP_IPC_FRAME_MAX);
	if (body != NULL)
		sp_buf_put_cstring(body, reason);
	if (body == NULL || sp_peer_send(l->peer, SP_IPC_MONITOR_END, 0, body, NULL, 0) != 0)
		sp_log_err("session %s could not be told to end", l->id);
	sp_buf_free(body);
}

int
sp_channel_forward(struct sp_live *l, int fd)
{
	return l->peer == NULL ? SP_ERR_UNAVAILABLE : sp_peer_send(l->peer, SP_IPC_MONITOR_FORWARD, 0, NULL, &fd, 1);
}

int
sp_channel_pause(struct sp_live *l, bool is_paused, const char *text)
{
	struct sp_buf *body;
	int r = SP_ERR_NOMEM;

	if (l->peer == NULL)
		return SP_ERR_UNAVAILABLE;
	body = sp_buf_new(SP_IPC_FRAME_MAX);
	if (body != NULL) {
		sp_buf_put_u8(body, is_paused);
		sp_buf_put_cstring(body, text);
		r = sp_peer_send(l->peer, SP_IPC_MONITOR_PAUSE, 0, body, NULL, 0);
	}
	sp_buf_free(body);
	return r;
}
