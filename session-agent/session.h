/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session offers to the connection kinds (<kind>_proxy.c) and built-in
 * commands, and the table through which it runs them. Everything here belongs
 * to one sallyport-session process and its single event loop.
 */
#ifndef SALLYPORT_SESSION_AGENT_SESSION_H
#define SALLYPORT_SESSION_AGENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/secret.h"
#include "policy/limits.h"

struct event_base;
struct sp_policy_connection;
struct sp_policy_image;
struct sp_policy_subject;
struct sp_session;

struct event_base *sp_session_base(struct sp_session *s);
const char *sp_session_id(const struct sp_session *s);
const char *sp_session_user(const struct sp_session *s); /* login name of the person */
/* For who is still connected when kind->end() is called; NULL: nobody ended it, it is over. */
const char *sp_session_end_reason(const struct sp_session *s);
/* The address the person came from as text, or NULL if it is not known. */
const char *sp_session_from(const struct sp_session *s);
uid_t sp_session_uid(const struct sp_session *s);
uint32_t sp_session_audit_id(const struct sp_session *s); /* kernel audit session */
bool sp_session_has_tty(const struct sp_session *s);
void sp_session_size(const struct sp_session *s, uint32_t *ret_rows, uint32_t *ret_cols); /* of the person's terminal */
/* The person's TERM and LANG; "" if not known. */
const char *sp_session_term(const struct sp_session *s);
const char *sp_session_lang(const struct sp_session *s);
/*
 * The person's own stdin, stdout and stderr, for a kind that is itself what the person's client talks to. They stay the
 * session's; their flags must be as they were when the kind ends.
 */
void sp_session_streams(const struct sp_session *s, int ret_fds[3]);
/* The policy in force now. Ask again for each statement; the pointer is valid until the loop runs again. */
const struct sp_policy_image *sp_session_policy(const struct sp_session *s);
const struct sp_policy_subject *sp_session_subject(const struct sp_session *s);

/* --- record ------------------------------------------------------------------------------------- */
/* A scratch buffer to build an event in, reset; valid until the next call. */
struct sp_buf *sp_session_event(struct sp_session *s);
/*
 * Puts the event just built on record. 0: the recorder holds it. AGAIN: no room or the recorder is away;
 * stop reading from both sides and retry when on_record_ready is called. UNAVAILABLE: recording has
 * failed (sp_session_fault() says why): refuse. After AGAIN or UNAVAILABLE nothing may be let through.
 */
int sp_session_record(struct sp_session *s) SP_MUST_CHECK;
/*
 * The same for what follows from something that is on record already (its result, what the person's
 * terminal shows, a refusal): also while the recorder is away or has no room on disk, as long as the ring,
 * which outlives both, can hold it. Never for something new that is to be let through to a target.
 */
int sp_session_record_late(struct sp_session *s) SP_MUST_CHECK;
/*
 * Whether something new could be put on record now. If not, and sp_session_fault() is NULL: hold what would move without a
 * record of its own (bytes of an open file), until record_ready is called.
 */
bool sp_session_can_record(const struct sp_session *s);
/* NULL, or why nothing can be recorded now (one line for the person). */
const char *sp_session_fault(const struct sp_session *s);
/* Next statement number, from 1. */
uint64_t sp_session_next_seq(struct sp_session *s);
/*
 * Calls cb once all that is recorded so far is as durable as the connection asks: at once (durability
 * process) or after the recorder's fsync (disk). err 0 or UNAVAILABLE. AGAIN when too many wait.
 */
typedef void sp_session_durable_cb(int err, void *ctx);
int sp_session_durable(struct sp_session *s, const struct sp_policy_connection *c, sp_session_durable_cb *cb,
    void *ctx) SP_MUST_CHECK;

/* --- approvals (P6) ------------------------------------------------------------------------------ */
enum sp_approval_state {
	SP_APPROVAL_PENDING,  /* filed: id and who are set; the notice can be shown */
	SP_APPROVAL_GRANTED,  /* approved and consumed: run it exactly once, now */
	SP_APPROVAL_DENIED,
	SP_APPROVAL_EXPIRED,
	SP_APPROVAL_CANCELLED,
	SP_APPROVAL_FAILED    /* could not be filed, or its verdict could not be consumed: refuse */
};
struct sp_approval_news {
	enum sp_approval_state state;
	const char *id;	    /* request id */
	const char *who;    /* PENDING: who may approve; later: who decided */
	const char *reason; /* for the person; may be empty */
	const char *statement; /* what was asked for, as approvers see it; not terminated */
	size_t statement_len;
	uint64_t expires;   /* seconds since 1970 */
};
struct sp_approval;
typedef void sp_approval_cb(const struct sp_approval_news *news, void *ctx);
/*
 * Files a request for statement under the named rule. digest is computed by the caller over everything
 * that runs. cb is called with PENDING, then once with a final state; the object is freed after that call.
 */
int sp_session_approval(struct sp_session *s, const uint8_t digest[32], const char *connection, const char *rule,
    const char *statement, size_t statement_len, const char *details_json, uint64_t policy_version,
    sp_approval_cb *cb, void *ctx, struct sp_approval **ret_a) SP_MUST_CHECK;
/* The person gave up: cb is called with CANCELLED from the loop, unless a final state was already called. */
void sp_approval_cancel(struct sp_approval *a);

/* --- target and tool ----------------------------------------------------------------------------- */
typedef void sp_session_credential_cb(int err, const char *message, const char *user, struct sp_secret *password,
    void *ctx); /* takes over password */
int sp_session_credential(struct sp_session *s, const char *connection, sp_session_credential_cb *cb,
    void *ctx) SP_MUST_CHECK;
/*
 * The same of an ssh connection, or of a jump host on the way to the connection target. command: the one that will run there,
 * which is all that a certificate is good for; "": a shell, or it is none.
 */
int sp_session_hop_credential(struct sp_session *s, const char *hop, const char *target, const char *command,
    sp_session_credential_cb *cb, void *ctx) SP_MUST_CHECK;
/* A listening socket called name in this session's own directory, which the tool's sandbox sees as /run/postgresql. */
typedef void sp_session_listen_cb(int err, const char *message, int fd, const char *directory, void *ctx);
int sp_session_listen(struct sp_session *s, const char *name, sp_session_listen_cb *cb, void *ctx) SP_MUST_CHECK;
/*
 * Has a transport to the ssh connection started: OpenSSH's client, as an account of ours. what: of SP_IPC_MONITOR_SSH_SHELL
 * and those after it (lib/ipc_monitor.h), and what command is: NULL for a shell, the name of a subsystem, "sftp", or a port
 * of the host's own 127.0.0.1, to which its stdin and stdout are a connection then. Where the connection is not target but
 * a jump host on the way there, command is NULL, and the client's stdin and stdout are a connection to the next host on that way. fds stay the caller's: the
 * client's stdin, stdout and stderr (a terminal's slave thrice if the session has one and it is neither), the transport channel
 * (PROTOCOL.ipc section 9) and a connection to the host. cb is called from the loop, once; on 0 with what the connection's
 * known_hosts file says of the host, as sp_ssh_known_find() has it.
 */
#define SP_SESSION_SSH_FDS 5
typedef void sp_session_ssh_cb(int err, const char *message, const char *known, void *ctx);
int sp_session_ssh(struct sp_session *s, const char *connection, const char *target, uint8_t what, const char *command,
    const int fds[SP_SESSION_SSH_FDS], sp_session_ssh_cb *cb, void *ctx) SP_MUST_CHECK;
/*
 * Has sallyportd let the sallyport-exec at the other end of channel (which stays the caller's) become the connection's
 * account, with n of its secrets. cb is called from the loop, once; on 0 with the account's uid and the secrets' values in
 * the same order, which stay the caller's of cb: to be masked (sp_session_relay_hide).
 */
#define SP_SESSION_SECRETS_MAX 16
typedef void sp_session_account_cb(int err, const char *message, uid_t uid, struct sp_secret *const values[], size_t n,
    void *ctx);
int sp_session_account(struct sp_session *s, const char *connection, const char *const secrets[], size_t n, int channel,
    sp_session_account_cb *cb, void *ctx) SP_MUST_CHECK;
/* A file of the bastion's quarantine to write a copy to, which has no name yet (quarantine.h). cb takes over fd. */
typedef void sp_session_copy_cb(int err, const char *message, int fd, void *ctx);
int sp_session_copy(struct sp_session *s, sp_session_copy_cb *cb, void *ctx) SP_MUST_CHECK;
/* Has one kept. cb's message names it, and is not called where the session ends before the answer. */
struct sp_session_copy_keep {
	uint64_t number; /* of a statement; once */
	const char *connection, *path, *reason;
	bool is_upload, is_complete;
	uint64_t size;
	uint8_t sha256[32];
	int fd; /* stays the caller's */
};
typedef void sp_session_copy_keep_cb(int err, const char *message, void *ctx);
int sp_session_copy_keep(
    struct sp_session *s, const struct sp_session_copy_keep *k, sp_session_copy_keep_cb *cb, void *ctx) SP_MUST_CHECK;
/* Whether the peer of an accepted socket is this person in this audit session (SO_PEERCRED, /proc). */
bool sp_session_owns_peer(const struct sp_session *s, int fd);
/*
 * Runs the tool in the sandbox as the person: on a recorded pty of its own when the session has a
 * terminal, otherwise with the client's own stdin, stdout and stderr. argv and env are NULL-ended and
 * copied. When it exits, the session ends with its status.
 */
int sp_session_run_tool(struct sp_session *s, const char *directory, const char *const argv[],
    const char *const env[]) SP_MUST_CHECK;

/* --- relay: programs whose output is the target's own answer (ssh, shell, command) ------------------ */
/*
 * What the program shows passes the detectors (the masks of every rule that can concern this person on the
 * connection, as the policy in force has them), is put on record as OUTPUT with its stream, and only then goes to the
 * person. With a terminal that is one stream, the session's pty; without one stdout and stderr are apart, an end of
 * file goes its own way in each direction, and a full or closed reader is felt by the writer, as over a pipe.
 *
 *	sp_session_relay_open	descriptors for the program; nothing flows yet
 *	(the kind has it started with them, by whom it likes)
 *	sp_session_relay_start	it runs: bytes flow
 *	sp_session_relay_ended	it exited: what it showed is shown, then the session ends the same way
 *
 * sp_session_run_relayed() is all of this with a tool that forcecmd starts in the sandbox. One relay a session.
 */
#define SP_RELAY_RECORD_INPUT 1u /* what the person sends is on record as INPUT, but for what is typed unechoed; also when policy says so */

enum sp_relay_stream { /* as recorded: SP_FIELD_STREAM */
	SP_RELAY_TTY = 0,
	SP_RELAY_STDOUT = 1,
	SP_RELAY_STDERR = 2
};

/* What a kind may want to see and say; each may be NULL. Called from the loop, never from inside a relay call. */
struct sp_relay_hooks {
	/*
	 * The person sent p: how many bytes of it go on to the program now. The rest waits, and is offered again with
	 * what comes after it, or when sp_session_relay_resume() is called. A hook that wants the first bytes dropped
	 * calls sp_session_relay_drop(), and then counts from behind them.
	 */
	size_t (*typed)(void *ctx, const uint8_t *p, size_t n);
	/* These bytes of what was offered went on. */
	void (*passed)(void *ctx, const uint8_t *p, size_t n);
	/* The program showed p, before masks. For looking at only: what is kept of it is as secret as the target's data. */
	void (*shown)(void *ctx, enum sp_relay_stream stream, const uint8_t *p, size_t n);
	/* The person's terminal has another size; the pty has it already. */
	void (*resized)(void *ctx, uint32_t rows, uint32_t cols);
};

/*
 * ret_fds: the program's stdin, stdout and stderr (with a terminal thrice the pty's slave; the program needs it as its
 * controlling terminal). They stay the relay's: send or dup them, do not close them. hooks may be NULL and is not
 * copied. UNAVAILABLE (not serving, or there is one already), SYSTEM, NOMEM, LIMIT (too many masks).
 */
int sp_session_relay_open(struct sp_session *s, const struct sp_policy_connection *c, unsigned flags,
    const struct sp_relay_hooks *hooks, void *ctx, int ret_fds[3]) SP_MUST_CHECK;
/* The program has its descriptors: ours are closed, the person's terminal is made raw, bytes flow. */
int sp_session_relay_start(struct sp_session *s) SP_MUST_CHECK;
/*
 * From now on, whatever policy masks besides: where any of these values, or a line of one, comes out, it is masked.
 * Copied. INVALID (one is too short to be told from other text, or not UTF-8), LIMIT (too long), NOMEM.
 */
int sp_session_relay_hide(struct sp_session *s, struct sp_secret *const values[], size_t n) SP_MUST_CHECK;
/* It exited (value: the status) or was killed (value: the signal). */
void sp_session_relay_ended(struct sp_session *s, bool is_signaled, int value);
/* Offers again what waits. */
void sp_session_relay_resume(struct sp_session *s);
/* From inside the typed hook: the first n bytes of what is offered are forgotten. */
void sp_session_relay_drop(struct sp_session *s, size_t n);
/* Bytes of ours into the program, as if typed, behind what went on already. LIMIT. */
int sp_session_relay_type(struct sp_session *s, const void *p, size_t n) SP_MUST_CHECK;
/* As sp_session_run_tool(), relayed. */
int sp_session_run_relayed(struct sp_session *s, const struct sp_policy_connection *c, unsigned flags,
    const char *directory, const char *const argv[], const char *const env[]) SP_MUST_CHECK;

/*
 * Has forcecmd start sallyport-exec with a relay's descriptors and the channel's other end (both stay the caller's).
 * When it exits, the session ends with its status.
 */
int sp_session_exec(struct sp_session *s, const int fds[3], int channel) SP_MUST_CHECK;

/*
 * For a kind that comes to reach connections in the middle of what it serves: their banner, and their time limits. DENIED:
 * policy lets this person not reach it. LIMIT: its time limits are shorter than those of another one, which count already.
 */
int sp_session_reach(struct sp_session *s, const struct sp_policy_connection *c) SP_MUST_CHECK;

/* One line for the person on stderr (escaped), also put on record as a NOTE. */
void sp_session_say(struct sp_session *s, const char *fmt, ...) SP_PRINTF(2, 3);
/* The same below the line on which the cursor stands, for what comes while a program has the terminal. */
void sp_session_say_below(struct sp_session *s, const char *fmt, ...) SP_PRINTF(2, 3);
/* Bytes for the person on stdout, for built-in commands (recorded as OUTPUT). */
void sp_session_print(struct sp_session *s, const char *p, size_t n);
/* For a kind whose drain() said no: it would say something else now. */
void sp_session_drained(struct sp_session *s);
/* Ends the session with an exit status once everything is flushed and recorded. */
void sp_session_exit(struct sp_session *s, int status);

/* --- connection kinds ----------------------------------------------------------------------------- */
struct sp_kind {
	const char *name; /* as in policy: "postgres" */
	const char *const *tools; /* first words of a command that this kind serves: "psql", "pg_dump"; NULL-ended */
	/*
	 * What follows the connection's name is a line for a shell elsewhere: not split, and given as it stands as argv[2]
	 * (NULL: nothing follows). If it is one quoted word as a whole, its quotes are removed.
	 */
	bool takes_line;
	/*
	 * Which connection the words are for, where it is not argv[1]: puts its name. NULL, or one line for the person that
	 * says what is not taken. A kind that has this is given all the words as they are.
	 */
	const char *(*names)(size_t argc, const char *const argv[], char name[SP_POLICY_NAME_MAX + 1]);
	/*
	 * Starts serving argv (argv[0] is the tool, argv[1] the connection, NULL-ended) on connection c.
	 * Policy has already allowed reaching c. *ret_ctx is given to the calls below.
	 */
	int (*start)(struct sp_session *s, const struct sp_policy_connection *c, const char *const argv[],
	    void **ret_ctx);
	void (*record_ready)(void *ctx);  /* after AGAIN: try again */
	void (*policy_changed)(void *ctx); /* sp_session_policy() is new */
	/*
	 * The session is over: false while there is more to come that belongs on record, and then sp_session_drained() says when
	 * to ask again. Not waited for longer than the end of a session may take. NULL: there never is.
	 */
	bool (*drain)(void *ctx);
	void (*end)(void *ctx);		  /* the session is over: close everything, free ctx */
	/* An operator pauses the session, or lets it go on: pass nothing on until then. The relay does by itself; NULL: nothing else flows. */
	void (*paused)(void *ctx, bool is_paused);
	bool (*is_busy)(const void *ctx); /* a statement runs or waits: the session is not idle; NULL: never */
	/*
	 * A connection of the person's that came through sshd's forwarding, for the connection that start() was given, with
	 * "forward" in argv[0]. Takes over fd. NULL: the kind cannot be forwarded to.
	 */
	void (*forwarded)(void *ctx, int fd);
	bool is_nameless; /* the connection may be left out where the person has one only, or one called like the kind */
};
extern const struct sp_kind *const sp_kinds[]; /* kinds.c; ends with NULL */

#endif
