/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision: a pure function of image, person, connection, what is asked
 * and its context. No match is deny; several matches: the strictest effect
 * wins (deny, approve, allow) and the masks of all of them apply. Columns that a
 * rule for this person, connection, time and place masks are masked in whatever
 * else is read there, too: its `do` says what the rule lets through, not where
 * those columns are secret.
 *
 * A statement is a list of actions (policy/sql.h), each of which needs its own
 * match: `select` being allowed does not cover the DELETE in a CTE beside it.
 * The statement gets the strictest of its actions, the message the strictest of
 * its statements. Among approve rules the one with the highest count wins, then
 * the shortest `within`, then the first.
 */
#ifndef SALLYPORT_POLICY_DECIDE_H
#define SALLYPORT_POLICY_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "policy/image.h"

struct sp_decide_file;
struct sp_decide_network;
struct sp_decide_scope;
struct sp_shell;
struct sp_sql;

#define SP_DECIDE_MASKS_MAX 64	  /* rules with masks that can apply to one message; more is refused */
#define SP_DECIDE_MESSAGE_MAX 512 /* bytes, NUL included */
#define SP_DECIDE_NESTING_MAX 8	  /* EXECUTE of a prepared FETCH of … */

enum sp_decide_lookup {
	SP_DECIDE_PREPARED = 1,
	SP_DECIDE_CURSOR
};

/*
 * An exec that the kernel is about to do (kinds shell and command). Ask again after it, when nothing can change the
 * arguments any more. All strings are bytes as the kernel has them, none NULL.
 */
struct sp_decide_exec {
	const char *path;	 /* of the program or script: absolute, no symbolic link, "." or ".." left in it */
	const char *const *argv; /* NULL-ended; may be empty */
	const char *interpreter; /* the same of what #! leads to in the end; "" for a program */
	const char *cwd;	 /* absolute; "" if not known */
	const char *user;	 /* login name (or number) of the effective uid it will have */
	/*
	 * The session's own first command: what the connection declares (its parameters checked), or the person's login
	 * shell. It needs no `argv` of its own, only a rule that lets the person in; rules that match it still count.
	 */
	bool is_declared;
	/*
	 * What runs under that name is not known: others than root can change the file, a directory above it, or where a
	 * script's name leads; or it is the loader, which runs any file. Needs a rule for `unresolved` as well.
	 */
	bool is_unresolved;
};

/*
 * What is asked: one of sql (a parsed message), shell (a line for the shell of an ssh target), exec, file (of an ssh target;
 * policy/file.h), network (what a program of a shell reaches; policy/network.h), argv (a tool for the connection), is_terminal
 * (an interactive shell on an ssh or shell connection), or none of them (just to reach it).
 */
struct sp_decide_request {
	const struct sp_sql *sql;
	const struct sp_shell *shell;
	const struct sp_decide_exec *exec;
	const struct sp_decide_file *file;
	const struct sp_decide_network *network;
	const char *const *argv; /* NULL-ended */
	bool is_terminal;
	int64_t time;		 /* seconds since 1970 */
	const char *from;	 /* the person's address as text, or NULL if not known (then no `from` matches) */
	/*
	 * For EXECUTE, FETCH, MOVE and WHERE CURRENT OF: the i-th text that the session saw being prepared or
	 * declared under that name and that may be what runs; NULL past the last. All of them are decided on; none
	 * at all is refused. The answer is only read during the call.
	 */
	const struct sp_sql *(*lookup)(void *ctx, enum sp_decide_lookup what, const char *name, size_t i);
	void *lookup_ctx;
};

struct sp_decision {
	enum sp_policy_effect effect;
	bool is_refusal; /* deny because it cannot be understood or has no rule, rather than by a rule */
	const struct sp_policy_rule *rule; /* the winning one; NULL if none matched */
	enum sp_policy_label label;
	const struct sp_policy_approve *approve; /* effect approve: by whom, how many, how long */
	uint64_t policy_version;
	size_t nmasks;
	size_t nmatched; /* the first so many masks are of rules that matched; the rest only name columns */
	const struct sp_policy_mask *masks[SP_DECIDE_MASKS_MAX]; /* all apply; they live as long as the scope */
	size_t nscans;
	const struct sp_policy_scan *scans[SP_DECIDE_MASKS_MAX]; /* files: all apply to contents; they live as long as the scope */
	/* Of the rules that match and let through: the secrets to put into what runs (names of the connection's secrets). */
	size_t nsecrets;
	const char *secrets[SP_POLICY_SECRETS_MAX];
	struct sp_policy_terms terms; /* the strictest of the connection's own and of those rules' */
	char message[SP_DECIDE_MESSAGE_MAX]; /* deny: one line for the person; otherwise "" */
};

/*
 * The rules of an image that can concern this person on this connection, found once. All three must outlive
 * it. Build a new one when the image changes. NOMEM.
 */
int sp_decide_scope_new(const struct sp_policy_image *image, const struct sp_policy_subject *subject,
    const struct sp_policy_connection *connection, struct sp_decide_scope **ret_scope) SP_MUST_CHECK;
/*
 * Every mask that any rule of the scope could ask for, whatever is done: for what comes back outside of a statement's
 * rows. The first max go to masks; returns how many there are.
 */
size_t sp_decide_scope_masks(const struct sp_decide_scope *scope, const struct sp_policy_mask **masks, size_t max);
void sp_decide_scope_free(struct sp_decide_scope *scope);

/* Decides. Cannot fail: whatever goes wrong is a deny that says so. */
void sp_decide(const struct sp_decide_scope *scope, const struct sp_decide_request *request,
    struct sp_decision *ret_decision);
/* Appends to out one line for each rule of the image: whether it matched and, if not, the first reason why. */
int sp_decide_explain(const struct sp_policy_image *image, const struct sp_policy_subject *subject,
    const struct sp_policy_connection *connection, const struct sp_decide_request *request,
    struct sp_buf *out) SP_MUST_CHECK;

#endif
