/* SPDX-License-Identifier: Apache-2.0 */
/* CREDENTIAL: what a session logs in with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/ipc_monitor.h"
#include "runtime/log.h"
#include "session-agent/broker.h"
#include "session-agent/channel_state.h"
#include "session-agent/credential.h"
#include "session-agent/credential_run.h"
#include "session-agent/reach.h"
#include "session-agent/ssh_mint.h"
#include "session-agent/start.h"

#define CHANNEL_ASKS_MAX 4 /* programs that run for one session */

/* A CREDENTIAL that waits for a program. */
struct channel_ask {
	TAILQ_ENTRY(channel_ask) next;
	struct channel *channel;
	uint32_t id;
	char name[SP_POLICY_NAME_MAX + 1];
	char target[SP_POLICY_NAME_MAX + 1]; /* name, or the connection whose jump host that is */
	char *command;			     /* that will run there; "": a shell, or it is none */
	char *program;			     /* the connection's, as it was; and what its output was to be used for */
	enum sp_policy_kind kind;
	enum sp_policy_login login;
	struct sp_credential_run *run;
};

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
int
sp_channel_hop(const struct channel *ch, const char *name, const char *target, const struct sp_policy_connection **ret_c,
    const struct sp_policy_connection **ret_behind, const char **ret_message)
{
	const struct sp_policy_image *policy = sp_broker_policy(ch->g->broker);
	const struct sp_policy_connection *c;

	if (ch->l->revoked_ms != 0) {
		*ret_message = "your access was revoked";
		return SP_ERR_DENIED;
	}
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

int
sp_channel_connection(const struct channel *ch, const char *name, const struct sp_policy_connection **ret_c,
    const char **ret_message)
{
	const struct sp_policy_connection *behind;

	return sp_channel_hop(ch, name, name, ret_c, &behind, ret_message);
}

/* The connection of which a session serves ports (ssh -J); NULL: it is another one. */
const char *
sp_channel_ports_of(const struct sp_live *l)
{
	const json_t *origin = json_object_get(l->header, "origin");

	return json_object_get(origin, "endpoint") == NULL ? NULL : json_string_value(json_object_get(origin, "forward"));
}

/* Where a session logs in with a certificate, what was read is its CA's key, and stays here. */
static int
channel_mint(const struct channel *ch, const struct sp_policy_connection *c, bool is_way, const char *command,
    struct sp_secret **secret, const char **ret_message)
{
	int r;

	if (c->kind != SP_POLICY_KIND_SSH || c->login != SP_POLICY_LOGIN_CERTIFICATE)
		return 0;
	r = sp_ssh_mint(c, ch->l->user, ch->l->id, is_way, command, (int64_t)time(NULL), secret);
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
	free(ask->command);
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
	int r = sp_channel_hop(ask->channel, ask->name, ask->target, &c, &behind, &message);

	if (r == 0 && !channel_is_as_asked(ask, c)) {
		r = SP_ERR_UNAVAILABLE;
		message = "the connection has just been changed: try again";
	} else if (r == 0 && err != 0) {
		r = SP_ERR_NOT_FOUND;
		message = "the connection's credential cannot be had: call an administrator";
	}
	if (r == 0)
		r = channel_mint(ask->channel, c, behind != NULL || sp_channel_ports_of(ask->channel->l) != NULL,
		    ask->command, &secret, &message);
	if (channel_give(ask->channel, ask->id, ask->name, r, message, r == 0 ? c->login_user : "", secret) != 0)
		sp_log_err("session %s could not be answered", ask->channel->l->id);
	sp_secret_free(secret);
	channel_ask_free(ask);
}

/* The program that prints a connection's credential is started; the answer follows. */
static int
channel_run(struct channel *ch, uint32_t id, const struct sp_policy_connection *c, const char *target, const char *command,
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
	ask->command = strdup(command);
	r = ask->program == NULL || ask->command == NULL ? SP_ERR_NOMEM : sp_credential_run(ch->g->runs, c->secret_value, channel_on_run, ask, &ask->run);
	if (r != 0) {
		if (r == SP_ERR_DENIED)
			sp_log_err("credential of connection %s: its program must be a file of root's that nobody else may write",
			    c->name);
		free(ask->program);
		free(ask->command);
		free(ask);
		return r;
	}
	TAILQ_INSERT_TAIL(&ch->asks, ask, next);
	ch->nasks++;
	return 0;
}

int
sp_channel_on_credential(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	const struct sp_policy_connection *c = NULL, *behind;
	struct sp_secret *secret = NULL;
	struct channel *ch = ctx;
	const char *message = "";
	char *name = NULL, *target = NULL, *command = NULL;
	bool is_running = false;
	int r, err;

	(void)p;
	r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &name);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &target);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_START_COMMAND_MAX, &command);
	if (r != 0 || msg->id == 0) {
		free(name);
		free(target);
		free(command);
		return SP_ERR_PROTOCOL;
	}
	err = sp_channel_hop(ch, name, target, &c, &behind, &message);
	if (err == 0 && c->secret == SP_POLICY_SECRET_EXEC) {
		err = channel_run(ch, msg->id, c, target, command, &message);
		is_running = err == 0;
	} else if (err == 0) {
		err = sp_credential_read(c, &secret, &message);
		if (err == 0)
			err = channel_mint(ch, c, behind != NULL || sp_channel_ports_of(ch->l) != NULL, command, &secret, &message);
	}
	if (!is_running)
		r = channel_give(ch, msg->id, name, err, message, err == 0 ? c->login_user : "", secret);
	sp_secret_free(secret);
	free(name);
	free(target);
	free(command);
	return r;
}

void
sp_channel_asks_end(struct channel *ch)
{
	struct channel_ask *ask, *next;

	for (ask = TAILQ_FIRST(&ch->asks); ask != NULL; ask = next) {
		next = TAILQ_NEXT(ask, next);
		sp_credential_run_cancel(ask->run);
		channel_ask_free(ask);
	}
}
