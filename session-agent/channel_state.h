/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the monitor channel: channel.c has its life and the small questions, channel_credential.c who may have what
 * to log in with, channel_ssh.c transports to hosts, channel_keep.c copies of files for reviewers. Each sp_channel_on_X
 * handles the message X of PROTOCOL.ipc section 4, as an sp_peer_handler.
 */
#ifndef SALLYPORT_SESSION_AGENT_CHANNEL_STATE_H
#define SALLYPORT_SESSION_AGENT_CHANNEL_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "policy/file.h"
#include "policy/image.h"
#include "runtime/peer.h"
#include "session-agent/registry.h"

#define SP_CHANNEL_NAME_MAX 64
#define SP_CHANNEL_PATH_MAX ((size_t)4 * SP_FILE_PATH_MAX) /* bytes of a path with every byte of it escaped */
#define SP_CHANNEL_REASON_MAX 1024
#define SP_CHANNEL_KEEP_MAX (SP_CHANNEL_PATH_MAX + SP_CHANNEL_REASON_MAX + SP_POLICY_NAME_MAX + 128)

struct channel_ask;

/* The peer's context: g always, l once it is somebody. */
struct channel {
	TAILQ_HEAD(, channel_ask) asks;
	unsigned nasks;
	struct sp_registry *g;
	struct sp_live *l;
	unsigned sockets;
	bool is_accepted; /* came by monitor.sock: one of its connections until it ends */
};

/* channel_credential.c */
/*
 * The connection, if this person may reach it now; or if it is a jump host on the way to a target that they may reach, and
 * then *ret_behind is where it leads. UNAVAILABLE, DENIED, each with *ret_message for the person.
 */
int sp_channel_hop(const struct channel *ch, const char *name, const char *target, const struct sp_policy_connection **ret_c,
    const struct sp_policy_connection **ret_behind, const char **ret_message) SP_MUST_CHECK;
/* The same for what is no jump host. */
int sp_channel_connection(const struct channel *ch, const char *name, const struct sp_policy_connection **ret_c,
    const char **ret_message) SP_MUST_CHECK;
/* The connection of which a session serves ports (ssh -J); NULL: it is another one. */
const char *sp_channel_ports_of(const struct sp_live *l);
int sp_channel_on_credential(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx) SP_MUST_CHECK;
/* The session is gone: nobody waits for what its programs print. */
void sp_channel_asks_end(struct channel *ch);

/* channel_ssh.c */
int sp_channel_on_ssh(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx) SP_MUST_CHECK;

/* channel_keep.c */
int sp_channel_on_copy(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx) SP_MUST_CHECK;
int sp_channel_on_keep(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx) SP_MUST_CHECK;

#endif
