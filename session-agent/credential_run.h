/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A credential that a program prints (`exec:` of a connection's login): started by sallyportd as an account of its
 * own, with nothing but its arguments, and for a bounded time and output.
 */
#ifndef SALLYPORT_SESSION_AGENT_CREDENTIAL_RUN_H
#define SALLYPORT_SESSION_AGENT_CREDENTIAL_RUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/secret.h"
#include "policy/limits.h"

#define SP_CREDENTIAL_RUN_MAX 4096 /* bytes of what it prints */
#define SP_CREDENTIAL_RUN_MS 5000 /* then it is killed */
#define SP_CREDENTIAL_RUNS_MAX 32 /* at a time */
#define SP_CREDENTIAL_RUN_ARGS SP_POLICY_EXEC_WORDS_MAX /* words, the path included */

struct event_base;
struct sp_credential_run;
struct sp_credential_runs;

/* Programs run as uid and gid. NOMEM. */
int sp_credential_runs_new(struct event_base *base, uid_t uid, gid_t gid, struct sp_credential_runs **ret_all) SP_MUST_CHECK;
void sp_credential_runs_free(struct sp_credential_runs *all); /* kills what runs; nobody is called back */

/* 0 and the secret (taken over), or why there is none: TIMEOUT, LIMIT, FORMAT (exit status, nothing printed), SYSTEM. */
typedef void sp_credential_run_cb(int err, struct sp_secret *s, void *ctx);
/*
 * Starts argv, which is words separated by newlines, the first an absolute path of a file that is root's and nobody
 * else may write. No shell, an empty environment, / as directory, /dev/null as input and for errors. What it prints is
 * the secret, but for one newline at the end. cb is called once, later, from the loop. DENIED (the file), INVALID (too
 * many words), UNAVAILABLE (too many run), SYSTEM, NOMEM.
 */
int sp_credential_run(struct sp_credential_runs *all, const char *argv, sp_credential_run_cb *cb, void *ctx,
    struct sp_credential_run **ret_run) SP_MUST_CHECK;
/* Nobody waits for it any more: it is killed, and cb is not called. */
void sp_credential_run_cancel(struct sp_credential_run *run);
/*
 * pid has ended and is not yet waited for. Whether it was one of these; then what is left of its process group is
 * killed, it is waited for, and cb is called.
 */
bool sp_credential_run_ended(struct sp_credential_runs *all, pid_t pid);

#endif
