/* SPDX-License-Identifier: Apache-2.0 */
/* SSH: transports to hosts, and to ports of theirs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc_monitor.h"
#include "lib/ipc_pam.h"
#include "proto/ssh_known.h"
#include "runtime/log.h"
#include "session-agent/broker.h"
#include "session-agent/channel.h"
#include "session-agent/channel_state.h"
#include "session-agent/reach.h"
#include "session-agent/ssh_start.h"
#include "session-agent/start.h"

#define CHANNEL_SUBSYSTEM "sftp" /* the only one that a session may have started */

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
	const char *name = sp_channel_ports_of(ch->l);
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
	int r = sp_channel_hop(ch, name, target, &c, &start->behind, ret_message);
	bool is_hop = r == 0 && start->behind != NULL;

	if (r == 0 && (c->kind != SP_POLICY_KIND_SSH || (is_hop && (start->has_tty || start->command != NULL || start->port != 0)) ||
			  (!is_hop && !channel_may_have(ch, c, start)))) {
		*ret_message = "no such connection, or not allowed";
		r = SP_ERR_DENIED;
	}
	if (r != 0)
		return r;
	if (is_hop ? ch->l->hops >= (sp_channel_ports_of(ch->l) != NULL ? SP_CHANNEL_PORTS_MAX : SP_CHANNEL_HOPS_MAX) :
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

int
sp_channel_on_ssh(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
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
		r = sp_buf_get_cstring(body, SP_CHANNEL_NAME_MAX, &term);
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
