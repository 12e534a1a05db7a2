/* SPDX-License-Identifier: Apache-2.0 */
/* One question of sallyport-exec's: an exec, or what a program reaches over a socket. For shell_admit.c and shell_network.c. */
#ifndef SALLYPORT_SESSION_AGENT_SHELL_ASK_H
#define SALLYPORT_SESSION_AGENT_SHELL_ASK_H

#include "policy/network.h"
#include "session-agent/shell_proxy.h"

#define SP_SHELL_REQUEST_ID_MAX 64

enum ask_state {
	ASK_NEW,      /* not on record */
	ASK_RECORDED, /* waits until that is durable */
	ASK_HELD,     /* waits for an approval */
	ASK_OVER      /* answered, or nobody waits: freed with the last pin */
};

struct sp_shell_ask {
	TAILQ_ENTRY(sp_shell_ask) next;
	struct sp_shell_proxy *px;
	enum ask_state state;
	unsigned pins;
	uint32_t id, pid, ppid, uid, facts;
	bool is_network; /* path is the program that asks, given and argv what it asks for */
	struct sp_decide_network network;
	char *network_path;
	char *path, *given, *interpreter, *cwd;
	char **argv;
	uint32_t argc;
	uint64_t seq;
	struct sp_decision decision; /* its pointers are good only while the policy is the same: not used later */
	uint8_t digest[32];
	struct sp_approval *approval;
	char request_id[SP_SHELL_REQUEST_ID_MAX];
};

/* shell_admit.c: appends a comma and NAME=VALUE as a string of JSON. */
void sp_shell_ask_pair(struct sp_buf *b, const char *name, const char *value);

/* shell_network.c */
/* Reads ASK_NETWORK's body into a. FORMAT, LIMIT, NOMEM, INCOMPLETE. */
int sp_shell_network_read(struct sp_buf *body, struct sp_shell_ask *a) SP_MUST_CHECK;
void sp_shell_network_decide(const struct sp_shell_ask *a, const struct sp_decide_scope *scope, struct sp_decision *d);
/* Appends what the record says of it besides its text, as strings NAME=VALUE of JSON with a comma before each. */
void sp_shell_network_params(const struct sp_shell_ask *a, struct sp_buf *b);
/* NULL, or why no program may be run by the policy in force though it was started by an older one. */
const char *sp_shell_network_problem(const struct sp_shell_proxy *px, const struct sp_decide_scope *scope);

#endif
