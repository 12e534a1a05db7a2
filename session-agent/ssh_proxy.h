/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the kind "ssh": one command line, or one interactive shell, on one target. ssh_proxy.c has its life,
 * ssh_verdict.c decides, ssh_transport.c runs the client and serves its agent, ssh_login.c prepares that, ssh_hostkey.c and
 * ssh_password.c answer it, ssh_jump.c goes through other hosts, ssh_ports.c to ports of the host.
 */
#ifndef SALLYPORT_SESSION_AGENT_SSH_PROXY_H
#define SALLYPORT_SESSION_AGENT_SSH_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/decide.h"
#include "policy/limits.h"
#include "session-agent/line_gate.h"
#include "session-agent/postgres_dial.h"
#include "session-agent/session.h"
#include "session-agent/ssh_agent.h"
#include "session-agent/ssh_config.h"
#include "session-agent/ssh_dns.h"

#define SP_SSH_PROXY_REFUSED 126 /* exit status of a command that may not run, as shells have it */
#define SP_SSH_PROXY_STOPPED 254 /* of what Sallyport ended */
#define SP_SSH_PROXY_FAILED 255	 /* of a connection that could not be made, as OpenSSH has it */

struct event;
struct sp_peer;

enum sp_ssh_proxy_stage {
	SP_SSH_PROXY_NEW = 0,	 /* decided, to be put on record */
	SP_SSH_PROXY_APPROVAL,	 /* held */
	SP_SSH_PROXY_DURABLE,	 /* on record; waits until it is as durable as the connection asks */
	SP_SSH_PROXY_CREDENTIAL, /* waits for the key or password */
	SP_SSH_PROXY_DIAL,	 /* waits for the target */
	SP_SSH_PROXY_STARTING,	 /* waits for the client */
	SP_SSH_PROXY_RUNNING,
	SP_SSH_PROXY_ENDED
};

/* What the client's own words say of why it failed; they may hold a target's words too, so no more is kept of them. */
enum sp_ssh_proxy_failure {
	SP_SSH_PROXY_NO_FAILURE = 0,
	SP_SSH_PROXY_HOST_KEY,
	SP_SSH_PROXY_LOGIN,
	SP_SSH_PROXY_NO_ALGORITHM,
	SP_SSH_PROXY_NO_CHANNEL,
	SP_SSH_PROXY_LOST
};

/*
 * Who has the client's stdin, stdout and stderr in place of the relay: what carries files. The kind that owns it decides
 * and records by itself what is done, and before it starts the transport.
 */
struct sp_ssh_carrier {
	int (*open)(void *ctx, int ret_fds[3]);	 /* descriptors for the client, which stay the carrier's */
	void (*given)(void *ctx);		 /* the client has them: they can be closed, and bytes flow */
	void (*over)(void *ctx, int status);	 /* the client has ended, with this exit status; the session goes on */
	/* It could not be had, or was lost, for this reason; nothing else follows. NULL: the session ends, and says it. */
	void (*failed)(void *ctx, const char *why);
	bool is_subsystem; /* the command is the name of one; what becomes of it is no result of the statement */
};

/* A way to the target through a jump host: a client of its own there, whose stdin and stdout are the connection. */
struct sp_ssh_jump {
	struct sp_ssh_proxy *hop; /* NULL: none, or not yet */
	int near;		  /* our end, until our own client gets it */
	int far;		  /* the hop's client's, until it has it */
	int nowhere;		  /* its stderr, likewise: what it has to say it says in its log */
	struct event *read;
};

struct sp_ssh_proxy {
	struct sp_session *session;
	const struct sp_ssh_carrier *carrier; /* NULL: the session's relay */
	void *carrier_ctx;
	char name[SP_POLICY_NAME_MAX + 1];
	char user[SP_SSH_CONFIG_LOGIN_MAX + 1];
	char *command; /* NULL: a shell */
	uint16_t port; /* not 0: no command but a connection to it; command is what that is called in rules and records */
	struct sp_line_gate *gate; /* of its terminal; NULL: a carrier has it, or it has not started */
	enum sp_ssh_proxy_stage stage;
	unsigned pins; /* callbacks under way */
	bool is_ended; /* freed with the last pin */

	/* the verdict */
	uint64_t seq;
	struct sp_decision decision;
	char rule[SP_POLICY_NAME_MAX + 1];
	uint8_t digest[32];
	char request_id[64];
	struct sp_approval *approval;
	bool is_granted;
	uint64_t granted_version;
	int64_t began_ms;

	/* the target and its client */
	struct sp_postgres_target target;
	struct sp_postgres_dial *dial;
	struct sp_ssh_jump jump;
	struct sp_ssh_proxy *behind; /* of a jump host: who goes through it; NULL: this is the target */
	int tcp;
	bool is_connected;
	struct sp_peer *transport;
	enum sp_ssh_proxy_failure failure;
	struct sp_ssh_agent *agent;
	bool is_signed;		    /* the login was, or a password was given */
	struct sp_secret *password; /* until it is given */
	int agent_listener;
	int agent_fd;
	struct event *agent_accept;
	struct event *agent_read;
	struct sp_buf *agent_in;
	struct sp_buf *agent_out;
};

/* ssh_proxy.c */
/*
 * For a carrier: a command line on connection c under the statement seq, not started. sp_ssh_transport_start() does that;
 * what goes wrong is told the carrier or ends the session (sp_ssh_proxy_fail), its end is told the carrier. NOMEM.
 */
int sp_ssh_proxy_carry(struct sp_session *s, const struct sp_policy_connection *c, const char *command, uint64_t seq,
    const struct sp_ssh_carrier *carrier, void *ctx, struct sp_ssh_proxy **ret_px) SP_MUST_CHECK;
/*
 * For a carrier: a connection to the port of the host's own 127.0.0.1, decided by policy and on record as a command is, held
 * if need be, and then started. What goes wrong, a refusal too, is told the carrier, at once or later. NOMEM.
 */
int sp_ssh_proxy_port(struct sp_session *s, const struct sp_policy_connection *c, uint16_t port,
    const struct sp_ssh_carrier *carrier, void *ctx, struct sp_ssh_proxy **ret_px) SP_MUST_CHECK;
/* After AGAIN, and when policy has changed: as those of a kind. */
void sp_ssh_proxy_record_ready(struct sp_ssh_proxy *px);
void sp_ssh_proxy_policy_changed(struct sp_ssh_proxy *px);
/* Closes everything and frees it, now or with its last callback. NULL is fine. */
void sp_ssh_proxy_end(struct sp_ssh_proxy *px);
void sp_ssh_proxy_unpin(struct sp_ssh_proxy *px);
/* Takes back a pin for a callback that will not come, while the caller holds another one. */
void sp_ssh_proxy_drop(struct sp_ssh_proxy *px);
/* The connection as policy in force has it; NULL if it is gone or has become another. */
const struct sp_policy_connection *sp_ssh_proxy_connection(const struct sp_ssh_proxy *px);
/* Ends it with an exit status, after one line for the person. */
void sp_ssh_proxy_fail(struct sp_ssh_proxy *px, int status, const char *fmt, ...) SP_PRINTF(3, 4);

/* ssh_verdict.c */
/* Decides on policy in force; never fails, denies. */
void sp_ssh_verdict_decide(const struct sp_ssh_proxy *px, struct sp_decision *ret_decision);
/* What an approval covers (P6). CRYPTO. */
int sp_ssh_verdict_digest(const struct sp_ssh_proxy *px, const struct sp_decision *d, uint8_t ret_digest[32]) SP_MUST_CHECK;
/* Puts the request and its decision on record; as sp_session_record(). */
int sp_ssh_verdict_record(struct sp_ssh_proxy *px, const char *decision, const char *reason) SP_MUST_CHECK;
/* Files for approval; px->approval is set. */
int sp_ssh_verdict_ask(struct sp_ssh_proxy *px, sp_approval_cb *cb) SP_MUST_CHECK;
void sp_ssh_verdict_note(struct sp_ssh_proxy *px, const struct sp_approval_news *news, const char *decision);

/* ssh_transport.c */
/* Fetches the key, connects, starts the client. Whatever goes wrong ends the session. */
void sp_ssh_transport_start(struct sp_ssh_proxy *px);
void sp_ssh_transport_end(struct sp_ssh_proxy *px);
/* Puts on record that the target could not be used, and why, then ends the session with that line. */
void sp_ssh_transport_fail(struct sp_ssh_proxy *px, const char *text);
/* What became of the login, as a note in the record. As sp_session_record_late(). */
int sp_ssh_transport_note(struct sp_ssh_proxy *px, const char *what) SP_MUST_CHECK;

/* The host is connected, on fd, which it takes over; through: the jump host before it, or NULL. */
void sp_ssh_transport_connected(struct sp_ssh_proxy *px, int fd, const char *through);
/* The name of the session's target; of a jump host's, of the one at the end of the way. */
const char *sp_ssh_transport_target(const struct sp_ssh_proxy *px);

/* ssh_login.c */
/* px->agent: one that knows the host, with the key that logs in, or with none where a password does. */
int sp_ssh_login_agent(struct sp_ssh_proxy *px, const struct sp_policy_connection *c,
    const struct sp_secret *secret) SP_MUST_CHECK;
/* What the connection's known_hosts file says of the host is known to px->agent too. FORMAT, LIMIT, INVALID, NOMEM, CRYPTO. */
int sp_ssh_login_known(struct sp_ssh_proxy *px, const struct sp_policy_connection *c, const char *known) SP_MUST_CHECK;

/* ssh_hostkey.c */
#define SP_SSH_HOSTKEY_LINE_MAX ((size_t)8 * 1024) /* bytes of a host, a type and a key */
/*
 * Where policy says so, has the fingerprints from DNS, and px->agent expects them. An error, with why for the person, only if
 * the host can be known in no other way; as sp_ssh_dns_lookup() and sp_ssh_transport_note().
 */
int sp_ssh_hostkey_learn(
    struct sp_ssh_proxy *px, const struct sp_policy_connection *c, char why[SP_SSH_DNS_WHY_MAX]) SP_MUST_CHECK;
/* The client asks whether the host may have this key. PROTOCOL (it does not take the answer), NOMEM. */
int sp_ssh_hostkey_answer(struct sp_ssh_proxy *px, struct sp_view base64, int out, int done) SP_MUST_CHECK;

/* ssh_jump.c */
/*
 * Goes to the host of c through the jump host that policy names for it. sp_ssh_transport_connected() follows, or the session
 * ends. NOT_FOUND (it is gone from policy), NOMEM.
 */
int sp_ssh_jump_start(struct sp_ssh_proxy *px, const struct sp_policy_connection *c) SP_MUST_CHECK;
void sp_ssh_jump_end(struct sp_ssh_proxy *px);

/* ssh_password.c */
/* Whether the client can take it: not empty, not too long, one line. */
bool sp_ssh_password_is_good(const struct sp_secret *password);
/*
 * The client has asked for a password with this prompt. If the host is bound by its key, and it is the first time, and the
 * prompt is one for a password, it goes into out, and then one byte into done. Otherwise the session ends.
 */
void sp_ssh_password_answer(struct sp_ssh_proxy *px, const char *prompt, int out, int done);

#endif
