/* SPDX-License-Identifier: Apache-2.0 */
/* All of a session's PostgreSQL connections: the listener, the policy scope, the masks, the target. */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_PROXY_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/decide.h"
#include "policy/image.h"
#include "policy/sqlcache.h"
#include "session-agent/postgres_conn.h"
#include "session-agent/postgres_dial.h"

struct event;
struct sp_postgres_load;

#define SP_POSTGRES_MASKS_MAX 16 /* mask objects kept for one policy */
#define SP_POSTGRES_ASKS_MAX 4 /* connections of one session whose credential is asked for at a time */
#define SP_POSTGRES_CATALOG_SECONDS 10 /* how long what was read of the catalogs is believed */

struct sp_postgres_proxy {
	struct sp_session *session;
	char name[SP_POLICY_NAME_MAX + 1]; /* of the connection */
	char database[256];
	char login_user[256];
	struct sp_postgres_target target;
	bool is_unix;
	char **tool; /* argv of the tool to run */
	int listener;
	struct event *accept;
	char *directory;

	/* the policy as last asked for */
	const struct sp_policy_image *image;
	const struct sp_policy_connection *connection; /* in that image, or NULL */
	uint64_t generation;
	struct sp_decide_scope *scope;
	struct sp_sqlcache *cache;
	struct sp_postgres_masks *masks[SP_POSTGRES_MASKS_MAX];
	uint8_t mask_key[32];

	struct sp_postgres_conn *conns;
	unsigned n_conns;
	unsigned n_asks; /* for credentials, under way */
	unsigned n_altering; /* of them, those where is_altering */
	struct sp_postgres_cancel *cancels;
	struct sp_postgres_load *loads;
	unsigned pins; /* callbacks of the session still to come */
	bool is_forwarded; /* clients come through sshd's forwarding; there is no tool */
	bool is_paused; /* by an operator: no connection passes anything on */
	bool is_ended;
};

/* The connection as the policy in force now describes it, or NULL: it is gone. */
const struct sp_policy_connection *sp_postgres_proxy_connection(struct sp_postgres_proxy *px);
/* The scope of the policy in force now; NULL if there is none. */
const struct sp_decide_scope *sp_postgres_proxy_scope(struct sp_postgres_proxy *px);
void sp_postgres_proxy_forget(struct sp_postgres_proxy *px, struct sp_postgres_conn *c);
/* Puts the end of a server connection on record. */
void sp_postgres_proxy_note_closed(struct sp_postgres_proxy *px, const char *status, const char *reason);
/* Puts an event of type TARGET on record. As sp_session_record(). */
int sp_postgres_proxy_note_target(struct sp_postgres_proxy *px, const char *status, const char *reason) SP_MUST_CHECK;
struct sp_postgres_conn *sp_postgres_proxy_find(struct sp_postgres_proxy *px, uint32_t pid, uint32_t key);
/* A callback of the session has come: frees the proxy if it was the last and the session is over. */
void sp_postgres_proxy_unpin(struct sp_postgres_proxy *px);

/* postgres_cancel.c: passes a cancel request on to the server, over a connection of its own. */
void sp_postgres_cancel_send(struct sp_postgres_proxy *px, uint32_t pid, uint32_t key);
void sp_postgres_cancel_end(struct sp_postgres_proxy *px);

#endif
