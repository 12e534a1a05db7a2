/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another account to run as. A session that has been taken over must not be able to become anybody: sallyportd tells
 * sallyport-exec whom to become, over a socket that the session only hands on. The secrets that rules give a command go
 * the same way; the session hears their values to mask them.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc_exec.h"
#include "policy/image.h"
#include "session-agent/hide.h"
#include "session-agent/shell_proxy.h"

/* The declared program as it will be asked for, if its path is its own. */
static int
account_decide(const struct sp_shell_proxy *px, const struct sp_policy_connection *c, const struct sp_shell_words *w,
    struct sp_decision *d)
{
	struct sp_session *s = px->session;
	struct sp_decide_exec exec = { .path = w->path,
		.argv = (const char *const *)w->argv,
		.interpreter = "",
		.cwd = c->directory,
		.user = px->account,
		.is_declared = true };
	struct sp_decide_request request = { .exec = &exec, .time = (int64_t)time(NULL), .from = sp_session_from(s) };
	struct sp_decide_scope *scope = NULL;
	int r = sp_decide_scope_new(sp_session_policy(s), sp_session_subject(s), c, &scope);

	if (r == 0)
		sp_decide(scope, &request, d);
	sp_decide_scope_free(scope);
	return r;
}

int
sp_shell_account(struct sp_shell_proxy *px, const struct sp_policy_connection *c, const struct sp_shell_words *w,
    char *message, size_t cap)
{
	struct sp_decision d = { .effect = SP_POLICY_DENY };
	size_t i;
	int r;

	if (c->run_as[0] == '\0' || strcmp(c->run_as, sp_session_user(px->session)) == 0)
		return 0;
	(void)snprintf(px->account, sizeof(px->account), "%s", c->run_as);
	r = account_decide(px, c, w, &d);
	if (r != 0)
		(void)snprintf(message, cap, "it cannot be decided what %s is given.", c->name);
	for (i = 0; r == 0 && d.effect != SP_POLICY_DENY && i < d.nsecrets && i < SP_SESSION_SECRETS_MAX; i++)
		(void)snprintf(px->secrets[px->nsecrets++], sizeof(px->secrets[0]), "%s", d.secrets[i]);
	return r;
}

const char *
sp_shell_secrets_problem(const struct sp_shell_proxy *px, const struct sp_decision *d)
{
	size_t i, k;

	if (d->nsecrets != 0 && px->account[0] == '\0')
		return "a rule gives it secrets, and it runs as yourself: your own processes must not hold them.";
	for (i = 0; i < d->nsecrets; i++) {
		for (k = 0; k < px->nsecrets && strcmp(d->secrets[i], px->secrets[k]) != 0;)
			k++;
		if (k == px->nsecrets)
			break;
	}
	if (i == d->nsecrets && d->nsecrets == px->nsecrets)
		return NULL;
	return "the secrets that the rules give it are not those it was started with: the policy has just changed (try again), "
	       "or the command's path leads through a link.";
}

/* --- the grant ------------------------------------------------------------------------------------------------- */

static void
account_refuse(const struct sp_shell_proxy *px, const char *why)
{
	sp_session_say(px->session, "sallyport: %s cannot run as %s: %s.", px->name, px->account, why);
	sp_session_exit(px->session, 1);
}

static int
account_hide(struct sp_shell_proxy *px, struct sp_secret *const values[], size_t n)
{
	int r = n == px->nsecrets ? 0 : SP_ERR_PROTOCOL;

	if (r == 0 && n > 0)
		r = sp_hide_new(values, n, &px->hide);
	if (r == 0 && n > 0)
		r = sp_session_relay_hide(px->session, values, n);
	return r;
}

static void
on_account(int err, const char *message, uid_t uid, struct sp_secret *const values[], size_t n, void *ctx)
{
	struct sp_shell_proxy *px = ctx;

	if (px->is_ended) {
		sp_shell_unpin(px);
		return;
	}
	if (err != 0) {
		account_refuse(px, message);
	} else if (account_hide(px, values, n) != 0) {
		account_refuse(px, "its secrets cannot be masked (shorter than 6 characters, too long, or no text)");
	} else {
		px->account_uid = uid;
		px->is_granted = true;
		sp_shell_record_ready(px);
	}
	sp_shell_unpin(px);
}

int
sp_shell_on_grant(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_shell_proxy *px = ctx;
	const char *names[SP_SESSION_SECRETS_MAX];
	size_t i;

	(void)p;
	(void)body;
	if (px->account[0] == '\0' || px->is_asked || msg->nfds != 1)
		return SP_ERR_PROTOCOL;
	px->is_asked = true;
	for (i = 0; i < px->nsecrets; i++)
		names[i] = px->secrets[i];
	px->pins++;
	if (sp_session_account(px->session, px->name, names, px->nsecrets, msg->fds[0], on_account, px) != 0) {
		account_refuse(px, "the bastion's monitor could not be asked");
		sp_shell_unpin(px);
	}
	return 0;
}
