/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection kinds "shell" and "command": a program of the host's own, every exec
 * of which is decided. Open to the shell_*.c files alone:
 *
 *	shell_proxy.c    life: what to run, its channel with sallyport-exec, its relay
 *	shell_command.c  from the words of the person to the words of the program
 *	shell_account.c  another account to run as, and the secrets that go with it
 *	shell_admit.c    one exec, or use of a socket: decide, record, hold for approval, answer
 *	shell_network.c  what is different for the latter
 *	shell_files.c    files that its programs open and write, on record
 */
#ifndef SALLYPORT_SESSION_AGENT_SHELL_PROXY_H
#define SALLYPORT_SESSION_AGENT_SHELL_PROXY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "policy/decide.h"
#include "policy/limits.h"
#include "runtime/peer.h"
#include "session-agent/session.h"

#define SP_SHELL_ASKS_MAX 1024		/* execs that wait for us; sallyport-exec has fewer under way */
#define SP_SHELL_ARGS_MAX 16384		/* words of one exec */
#define SP_SHELL_ARGS_BYTES ((size_t)512 * 1024)
#define SP_SHELL_PATH_MAX 4096
#define SP_SHELL_APPROVAL_MAX ((size_t)32 * 1024) /* bytes of a command to approve: what nobody can read nobody approves */
#define SP_SHELL_QUIET_MS 50		/* one line for the same refusal, tried along PATH */

struct sp_decide_scope;
struct sp_shell_ask;
struct sp_shell_files;
TAILQ_HEAD(sp_shell_asks, sp_shell_ask);

/* What the person asked for, as words. */
struct sp_shell_words {
	char *path;
	char **argv; /* NULL-ended */
	bool is_interactive;
};

struct sp_shell_proxy {
	struct sp_session *session;
	char name[SP_POLICY_NAME_MAX + 1];
	struct sp_peer *channel; /* NULL: sallyport-exec is gone */
	struct sp_decide_scope *scope; /* NULL: to be made for the policy in force */
	struct sp_shell_asks asks;
	unsigned nasks;
	unsigned pins; /* callbacks still to come */
	bool is_interactive;
	bool is_network; /* what its programs reach over sockets is decided */
	bool is_paused; /* execs wait */
	bool is_ready;	/* it was started */
	bool has_files; /* some rule wants files on record */
	struct sp_shell_files *files; /* NULL: files that its programs use are not on record */
	char account[SP_POLICY_NAME_MAX + 1]; /* it runs as; "": the person */
	uid_t account_uid; /* once it is granted */
	bool is_asked, is_granted; /* for the account; without a grant execs wait */
	size_t nsecrets; /* that it was started with */
	char secrets[SP_SESSION_SECRETS_MAX][SP_POLICY_NAME_MAX + 1];
	struct sp_hide *hide; /* their values; NULL: none */
	bool is_ended;
	uint32_t refused_pid; /* what was last said no to */
	char refused_path[256];
	int64_t refused_ms;
};

/* shell_command.c */
/*
 * argv: as the person gave it. 0, or an error with one line for the person in message. INVALID, NOMEM. What is in
 * ret_w is freed by sp_shell_words_clear() in any case.
 */
int sp_shell_words(const struct sp_policy_connection *c, const char *const argv[], struct sp_shell_words *ret_w,
    char *message, size_t cap) SP_MUST_CHECK;
void sp_shell_words_clear(struct sp_shell_words *w);

/* shell_proxy.c */
/* The connection as the policy in force has it; NULL if it is no longer there. */
const struct sp_policy_connection *sp_shell_connection(const struct sp_shell_proxy *px);
void sp_shell_unpin(struct sp_shell_proxy *px);

/* shell_account.c */
/*
 * Who the connection runs as, and which secrets the rules give what is declared: to be called before anything is
 * started. 0, or DENIED with one line for the person; NOMEM.
 */
int sp_shell_account(struct sp_shell_proxy *px, const struct sp_policy_connection *c, const struct sp_shell_words *w,
    char *message, size_t cap) SP_MUST_CHECK;
/* GRANT of the exec channel. */
int sp_shell_on_grant(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx) SP_MUST_CHECK;
/* NULL, or why what is declared must not run with the secrets it was started with. */
const char *sp_shell_secrets_problem(const struct sp_shell_proxy *px, const struct sp_decision *d);

/* shell_admit.c */
/* ASK and ASK_NETWORK, GONE and TAMPERED of the exec channel. */
int sp_shell_on_ask(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx) SP_MUST_CHECK;
int sp_shell_on_gone(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx) SP_MUST_CHECK;
int sp_shell_on_tampered(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx) SP_MUST_CHECK;
/* There is room on record again, or the session goes on after a pause: those that waited for it are decided. */
void sp_shell_record_ready(struct sp_shell_proxy *px);
/* Nobody waits for an answer any more. */
void sp_shell_drop_asks(struct sp_shell_proxy *px);
/* The scope for the policy in force, in px->scope. NOT_FOUND: the connection is no longer in it. NOMEM. */
int sp_shell_scope(struct sp_shell_proxy *px) SP_MUST_CHECK;

/* shell_files.c */
/* To be told, by whoever has *ret_fd (which stays the caller's), which files are used. SYSTEM, NOMEM. */
int sp_shell_files_open(struct sp_shell_proxy *px, int *ret_fd) SP_MUST_CHECK;
/*
 * A process is about to run the program at path, as uid (-1: not known): for the files of those that are gone before they
 * can be looked at.
 */
void sp_shell_files_ran(struct sp_shell_proxy *px, uint32_t pid, uint32_t uid, const char *path);
/* There is room on record again. */
void sp_shell_files_ready(struct sp_shell_proxy *px);
/* Whether all that there will be is on record: before that the session is not over. */
bool sp_shell_files_are_over(const struct sp_shell_proxy *px);
void sp_shell_files_free(struct sp_shell_proxy *px);
/* NULL, or why no program may be run by the policy in force though it was started by an older one. */
const char *sp_shell_files_problem(const struct sp_shell_proxy *px, const struct sp_decide_scope *scope);

#endif
