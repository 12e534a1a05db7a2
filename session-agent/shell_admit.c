/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "lib/ipc_exec.h"
#include "lib/text.h"
#include "policy/image.h"
#include "policy/subject.h"
#include "recorder/event.h"
#include "session-agent/approval_digest.h"
#include "session-agent/hide.h"
#include "session-agent/shell_ask.h"

#define DIGEST_NAME "sallyport exec approval 1"
#define DIGEST_NETWORK "sallyport network approval 1"

/* --- one ask ------------------------------------------------------------------------------------------------- */

static void
ask_free(struct sp_shell_ask *a)
{
	uint32_t i;

	for (i = 0; a->argv != NULL && i < a->argc; i++)
		free(a->argv[i]);
	free(a->argv);
	free(a->path);
	free(a->given);
	free(a->interpreter);
	free(a->cwd);
	free(a->network_path);
	free(a);
}

static void
ask_over(struct sp_shell_ask *a)
{
	struct sp_shell_proxy *px = a->px;

	if (a->state != ASK_OVER) {
		a->state = ASK_OVER;
		TAILQ_REMOVE(&px->asks, a, next);
		px->nasks--;
	}
	if (a->pins == 0)
		ask_free(a);
}

static void
ask_pin(struct sp_shell_ask *a)
{
	a->pins++;
	a->px->pins++;
}

/* May free the ask, and the proxy with it. */
static void
ask_unpin(struct sp_shell_ask *a)
{
	struct sp_shell_proxy *px = a->px;

	if (--a->pins == 0 && a->state == ASK_OVER)
		ask_free(a);
	sp_shell_unpin(px);
}

static void
ask_answer(struct sp_shell_ask *a, int verdict)
{
	struct sp_shell_proxy *px = a->px;
	struct sp_buf *body = px->channel == NULL ? NULL : sp_buf_new(16);

	if (body != NULL) {
		sp_buf_put_u32(body, (uint32_t)-verdict);
		if (sp_peer_send(px->channel, SP_IPC_EXEC_VERDICT, a->id, body, NULL, 0) != 0)
			sp_session_say(px->session, "sallyport: an exec could not be answered");
		sp_buf_free(body);
	}
	if (verdict == 0 && !a->is_network)
		sp_shell_files_ran(px, a->pid, (a->facts & SP_IPC_EXEC_SETID) != 0 ? (uint32_t)-1 : a->uid,
		    a->interpreter[0] != '\0' ? a->interpreter : a->path);
	ask_over(a);
}

static int64_t
now_ms(void)
{
	return sp_ipc_now_ms();
}

/* Refused: one line, and not again for the same on the way along PATH. */
static void
ask_refuse(struct sp_shell_ask *a, const char *why)
{
	struct sp_shell_proxy *px = a->px;
	const char *what = a->is_network ? a->given : a->path;
	bool is_same = px->refused_pid == a->pid && strncmp(px->refused_path, what, sizeof(px->refused_path) - 1) == 0 &&
	    now_ms() - px->refused_ms < SP_SHELL_QUIET_MS;

	if (!is_same && a->is_network)
		sp_session_say(px->session, "sallyport: %s: %s: %s", a->path, a->given, why);
	else if (!is_same)
		sp_session_say(px->session, "sallyport: %s: %s", a->path, why);
	px->refused_pid = a->pid;
	(void)snprintf(px->refused_path, sizeof(px->refused_path), "%s", what);
	px->refused_ms = now_ms();
	ask_answer(a, SP_ERR_DENIED);
}

/* --- decide --------------------------------------------------------------------------------------------------- */

static void
decision_deny(struct sp_decision *d, const char *message)
{
	d->effect = SP_POLICY_DENY;
	d->is_refusal = true;
	d->rule = NULL;
	d->approve = NULL;
	(void)snprintf(d->message, sizeof(d->message), "%s", message);
}

static const char *
ask_user(const struct sp_shell_ask *a, char *number, size_t cap)
{
	if (a->uid == 0)
		return "root";
	if (a->uid == sp_session_uid(a->px->session))
		return sp_session_user(a->px->session);
	if (a->px->is_granted && a->uid == a->px->account_uid)
		return a->px->account;
	(void)snprintf(number, cap, "%u", (unsigned)a->uid);
	return number;
}

/* What no rule can allow. */
static const char *
ask_never(const struct sp_shell_ask *a)
{
	if ((a->facts & SP_IPC_EXEC_NAMELESS) != 0)
		return "what has no name in any directory is never run.";
	if ((a->facts & SP_IPC_EXEC_ELSEWHERE) != 0)
		return "what is run in another root or mount namespace cannot be decided on.";
	if ((a->facts & SP_IPC_EXEC_BY_DESCRIPTOR) != 0)
		return "a script that is given as a descriptor cannot be decided on: run it by its name.";
	return NULL;
}

int
sp_shell_scope(struct sp_shell_proxy *px)
{
	const struct sp_policy_connection *c = sp_shell_connection(px);

	if (px->scope != NULL)
		return 0;
	if (c == NULL)
		return SP_ERR_NOT_FOUND;
	return sp_decide_scope_new(sp_session_policy(px->session), sp_session_subject(px->session), c, &px->scope);
}

static void
ask_decide(const struct sp_shell_ask *a, struct sp_decision *d)
{
	struct sp_shell_proxy *px = a->px;
	char number[16];
	struct sp_decide_exec exec = { .path = a->path,
		.argv = (const char *const *)a->argv,
		.interpreter = a->interpreter,
		.cwd = a->cwd,
		.user = ask_user(a, number, sizeof(number)),
		.is_declared = (a->facts & SP_IPC_EXEC_FIRST) != 0,
		.is_unresolved = (a->facts & (SP_IPC_EXEC_WRITABLE | SP_IPC_EXEC_LOADER)) != 0 };
	struct sp_decide_request request = { .exec = &exec, .time = (int64_t)time(NULL), .from = sp_session_from(px->session) };
	struct sp_decide_request terminal = { .is_terminal = true, .time = request.time, .from = request.from };
	struct sp_decision other = { .effect = SP_POLICY_DENY };

	memset(d, 0, sizeof(*d));
	d->effect = SP_POLICY_DENY;
	if (ask_never(a) != NULL) {
		decision_deny(d, ask_never(a));
	} else if (sp_shell_scope(px) != 0) {
		decision_deny(d, "this connection is no longer in the policy.");
	} else if (a->is_network) {
		sp_shell_network_decide(a, px->scope, d);
	} else if (sp_shell_network_problem(px, px->scope) != NULL) {
		decision_deny(d, sp_shell_network_problem(px, px->scope));
	} else if (sp_shell_files_problem(px, px->scope) != NULL) {
		decision_deny(d, sp_shell_files_problem(px, px->scope));
	} else {
		sp_decide(px->scope, &request, d);
		if (exec.is_declared && px->is_interactive && d->effect != SP_POLICY_DENY) {
			sp_decide(px->scope, &terminal, &other);
			if (other.effect < d->effect)
				*d = other;
		}
		if (exec.is_declared && d->effect != SP_POLICY_DENY && sp_shell_secrets_problem(px, d) != NULL)
			decision_deny(d, sp_shell_secrets_problem(px, d));
	}
}

/* --- record --------------------------------------------------------------------------------------------------- */

/* A word as it would have to be typed. */
static void
put_word(struct sp_buf *b, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,@%+-";
	const char *p;

	if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
		sp_buf_put(b, word, strlen(word));
		return;
	}
	sp_buf_put(b, "'", 1);
	for (p = word; *p != '\0'; p++)
		sp_buf_put(b, *p == '\'' ? "'\\''" : p, *p == '\'' ? 4 : 1);
	sp_buf_put(b, "'", 1);
}

/* The same without the secrets that the command was given (P4). */
static int
put_hidden(struct sp_buf *b, struct sp_hide *hide, const char *word)
{
	struct sp_buf *t = sp_buf_new(2 * SP_SHELL_ARGS_BYTES);
	int r = t == NULL ? SP_ERR_NOMEM : sp_hide_text(hide, word, strlen(word), t);

	if (r == 0)
		r = sp_buf_put_u8(t, 0);
	if (r == 0)
		put_word(b, (const char *)sp_buf_data(t));
	sp_buf_free(t);
	return r;
}

static struct sp_buf *
ask_line(const struct sp_shell_ask *a)
{
	struct sp_buf *b = sp_buf_new(5 * SP_SHELL_ARGS_BYTES);
	uint32_t i;
	int r = 0;

	for (i = 0; b != NULL && r == 0 && i < a->argc; i++) {
		if (i != 0)
			sp_buf_put(b, " ", 1);
		if (a->px->hide != NULL)
			r = put_hidden(b, a->px->hide, a->argv[i]);
		else
			put_word(b, a->argv[i]);
	}
	if (b != NULL && (r != 0 || sp_buf_error(b) != 0)) {
		sp_buf_free(b);
		b = NULL;
	}
	return b;
}

void
sp_shell_ask_pair(struct sp_buf *b, const char *name, const char *value)
{
	struct sp_buf *t = sp_buf_new(2 * SP_SHELL_PATH_MAX);

	if (t != NULL) {
		sp_buf_putf(t, "%s=%s", name, value);
		sp_buf_put(b, ",", 1);
		sp_text_json(b, sp_buf_data(t), sp_buf_len(t));
	}
	sp_buf_free(t);
}

/* What else there is to an exec, as strings NAME=VALUE. */
static struct sp_buf *
ask_params(const struct sp_shell_ask *a)
{
	static const struct {
		uint32_t fact;
		const char *name;
	} names[] = { { SP_IPC_EXEC_WRITABLE, "writable" }, { SP_IPC_EXEC_LOADER, "loader" }, { SP_IPC_EXEC_SCRIPT, "script" },
		{ SP_IPC_EXEC_SETID, "setid" }, { SP_IPC_EXEC_NAMELESS, "nameless" }, { SP_IPC_EXEC_ELSEWHERE, "elsewhere" },
		{ SP_IPC_EXEC_FIRST, "first" }, { SP_IPC_EXEC_BY_DESCRIPTOR, "descriptor" } };
	struct sp_buf *b = sp_buf_new(SP_EVENT_TEXT_MAX / 2);
	size_t i;

	if (b == NULL)
		return NULL;
	sp_buf_putf(b, "[\"pid=%u\",\"ppid=%u\",\"uid=%u\"", (unsigned)a->pid, (unsigned)a->ppid, (unsigned)a->uid);
	sp_shell_ask_pair(b, "path", a->path);
	if (a->is_network) {
		sp_shell_network_params(a, b);
		sp_buf_put(b, "]", 1);
		return b;
	}
	sp_shell_ask_pair(b, "given", a->given);
	sp_shell_ask_pair(b, "cwd", a->cwd);
	if (a->interpreter[0] != '\0')
		sp_shell_ask_pair(b, "interpreter", a->interpreter);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((a->facts & names[i].fact) != 0)
			sp_buf_putf(b, ",\"%s\"", names[i].name);
	sp_buf_put(b, "]", 1);
	return b;
}

static int
ask_record(struct sp_shell_ask *a)
{
	struct sp_session *s = a->px->session;
	const struct sp_decision *d = &a->decision;
	struct sp_buf *line = ask_line(a), *params = ask_params(a), *ev = sp_session_event(s);
	uint8_t digest[32];
	int r = SP_ERR_UNAVAILABLE;

	if (line == NULL || params == NULL)
		goto out;
	if (a->seq == 0)
		a->seq = sp_session_next_seq(s);
	sp_event_begin(ev, SP_EVENT_STATEMENT, sp_event_now());
	sp_event_put_u64(ev, SP_FIELD_SEQ, a->seq);
	sp_event_put_cstring(ev, SP_FIELD_CONNECTION, a->px->name);
	sp_event_put(ev, SP_FIELD_TEXT, sp_buf_data(line),
	    sp_buf_len(line) < SP_EVENT_TEXT_MAX ? sp_buf_len(line) : SP_EVENT_TEXT_MAX);
	if (sp_buf_len(line) > SP_EVENT_TEXT_MAX) {
		if (EVP_Digest(sp_buf_data(line), sp_buf_len(line), digest, NULL, EVP_sha256(), NULL) != 1)
			goto out;
		sp_event_put_u64(ev, SP_FIELD_LENGTH, sp_buf_len(line));
		sp_event_put(ev, SP_FIELD_DIGEST, digest, sizeof(digest));
	}
	sp_event_put(ev, SP_FIELD_PARAMS, sp_buf_data(params), sp_buf_len(params));
	sp_event_put_cstring(ev, SP_FIELD_DECISION, d->is_refusal ? "refuse" : sp_policy_effect_str(d->effect));
	if (d->rule != NULL)
		sp_event_put_cstring(ev, SP_FIELD_RULE, sp_policy_rule_name(d->rule));
	sp_event_put_cstring(ev, SP_FIELD_LABEL, sp_policy_label_str(SP_POLICY_ENFORCED));
	sp_event_put_u64(ev, SP_FIELD_POLICY_VERSION, d->policy_version);
	if (d->message[0] != '\0')
		sp_event_put_cstring(ev, SP_FIELD_MESSAGE, d->message);
	if (sp_buf_error(ev) == 0 && sp_buf_error(params) == 0)
		r = d->effect == SP_POLICY_DENY ? sp_session_record_late(s) : sp_session_record(s);
out:
	sp_buf_free(line);
	sp_buf_free(params);
	return r;
}

/* --- approvals (P6) ---------------------------------------------------------------------------------------------- */

static int
ask_digest(const struct sp_shell_ask *a, const struct sp_decision *d, uint8_t out[32])
{
	struct sp_session *s = a->px->session;
	const struct sp_policy_subject *who = sp_session_subject(s);
	const char *parts[] = { a->is_network ? DIGEST_NETWORK : DIGEST_NAME, sp_policy_subject_iss(who), sp_policy_subject_sub(who), sp_session_user(s),
		a->px->name, d->rule != NULL ? sp_policy_rule_name(d->rule) : "", a->path, a->given, a->interpreter, a->cwd };
	uint32_t numbers[] = { a->uid, a->facts, a->argc };
	struct sp_approval_digest covers;

	sp_approval_digest_begin(&covers, parts, sizeof(parts) / sizeof(parts[0]));
	sp_approval_digest_put(&covers, &d->policy_version, sizeof(d->policy_version));
	sp_approval_digest_put(&covers, numbers, sizeof(numbers));
	for (size_t i = 0; i < a->argc; i++)
		sp_approval_digest_put(&covers, a->argv[i], strlen(a->argv[i]));
	return sp_approval_digest_end(&covers, out);
}

static void
approval_record(struct sp_shell_ask *a, const struct sp_approval_news *news, const char *decision)
{
	if (sp_approval_event(a->px->session, news, a->seq, a->digest, NULL, decision) != 0)
		sp_session_say(a->px->session, "the record has no room for an approval's news");
}

static void
approval_pending(struct sp_shell_ask *a, const struct sp_approval_news *news)
{
	long left = (long)news->expires - (long)time(NULL);

	(void)snprintf(a->request_id, sizeof(a->request_id), "%s", news->id);
	if (a->state != ASK_HELD)
		return;
	approval_record(a, news, NULL);
	sp_session_say(a->px->session,
	    "sallyport: waiting for approval %s; %s may approve: ssh bastion approve %s; expires in %ld %s; Ctrl-C cancels",
	    a->request_id, news->who != NULL ? news->who : "an approver", a->request_id, left >= 120 ? left / 60 : left,
	    left >= 120 ? "min" : "s");
}

/* Granted: what the policy in force says now must be what was approved. */
static void
approval_granted(struct sp_shell_ask *a)
{
	struct sp_decision now;
	uint8_t digest[32];

	ask_decide(a, &now);
	if (now.effect == SP_POLICY_ALLOW)
		ask_answer(a, 0);
	else if (now.effect == SP_POLICY_APPROVE && ask_digest(a, &now, digest) == 0 &&
	    memcmp(digest, a->digest, sizeof(digest)) == 0)
		ask_answer(a, 0);
	else
		ask_refuse(a, "the policy changed while this waited; it needs a new decision.");
}

static void
on_approval(const struct sp_approval_news *news, void *ctx)
{
	static const char *const words[] = { [SP_APPROVAL_GRANTED] = "approved", [SP_APPROVAL_DENIED] = "denied",
		[SP_APPROVAL_EXPIRED] = "expired", [SP_APPROVAL_CANCELLED] = "cancelled", [SP_APPROVAL_FAILED] = "failed" };
	const char *reason = news->reason != NULL ? news->reason : "";
	struct sp_shell_ask *a = ctx;
	char text[512];

	if (news->state == SP_APPROVAL_PENDING) {
		approval_pending(a, news);
		return;
	}
	a->approval = NULL;
	if (!a->px->is_ended)
		approval_record(a, news, words[news->state]);
	if (a->state == ASK_HELD && news->state == SP_APPROVAL_GRANTED) {
		approval_granted(a);
	} else if (a->state == ASK_HELD) {
		(void)snprintf(text, sizeof(text), "approval %s was not given (%s%s%s)", a->request_id, words[news->state],
		    *reason != '\0' ? ": " : "", reason);
		ask_refuse(a, text);
	}
	ask_unpin(a);
}

static struct sp_buf *
approval_details(const struct sp_shell_ask *a)
{
	struct sp_buf *b = sp_buf_new(SP_EVENT_TEXT_MAX), *params = ask_params(a);

	if (b != NULL && params != NULL) {
		sp_buf_putf(b, a->is_network ? "{\"network\":" : "{\"exec\":");
		sp_buf_put(b, sp_buf_data(params), sp_buf_len(params));
		sp_buf_put(b, "}", 2); /* with its NUL */
	}
	sp_buf_free(params);
	return b;
}

static void
ask_hold(struct sp_shell_ask *a, const struct sp_decision *d)
{
	struct sp_buf *line = ask_line(a), *details = approval_details(a);
	int r = SP_ERR_NOMEM;

	a->state = ASK_HELD;
	if (line == NULL || details == NULL)
		goto out;
	r = sp_buf_len(line) > SP_SHELL_APPROVAL_MAX || d->rule == NULL ? SP_ERR_LIMIT : sp_buf_error(details);
	if (r == 0)
		r = ask_digest(a, d, a->digest);
	if (r != 0)
		goto out;
	ask_pin(a);
	r = sp_session_approval(a->px->session, a->digest, a->px->name, sp_policy_rule_name(d->rule),
	    (const char *)sp_buf_data(line), sp_buf_len(line), (const char *)sp_buf_data(details), d->policy_version,
	    on_approval, a, &a->approval);
	if (r != 0) {
		a->approval = NULL;
		a->pins--;
		a->px->pins--;
	}
out:
	sp_buf_free(line);
	sp_buf_free(details);
	if (r == SP_ERR_LIMIT)
		ask_refuse(a, "approval is needed, and this is longer than what an approver is shown.");
	else if (r != 0)
		ask_refuse(a, "approval is needed and could not be asked for.");
}

/* --- one exec ------------------------------------------------------------------------------------------------------- */

/* It is on record, durably: what was decided is done. The policy may have changed since; what holds is decided now. */
static void
ask_go_on(struct sp_shell_ask *a)
{
	struct sp_decision now;

	ask_decide(a, &now);
	if (now.effect == SP_POLICY_DENY)
		ask_refuse(a, now.message);
	else if (now.effect == SP_POLICY_APPROVE)
		ask_hold(a, &now);
	else
		ask_answer(a, 0);
}

static void
on_durable(int err, void *ctx)
{
	struct sp_shell_ask *a = ctx;

	if (a->state == ASK_RECORDED) {
		if (err != 0)
			ask_refuse(a, "this cannot be put on record durably.");
		else
			ask_go_on(a);
	}
	ask_unpin(a);
}

/* AGAIN: it waits for room on record, or for the end of a pause. */
static int
ask_admit(struct sp_shell_ask *a)
{
	struct sp_session *s = a->px->session;
	const struct sp_policy_connection *c;
	int r;

	if (a->px->is_paused || (a->px->account[0] != '\0' && !a->px->is_granted))
		return SP_ERR_AGAIN;
	if (a->state == ASK_NEW) {
		ask_decide(a, &a->decision);
		r = ask_record(a);
		if (r == SP_ERR_AGAIN)
			return r;
		if (r != 0) {
			ask_refuse(a, sp_session_fault(s) != NULL ? sp_session_fault(s) : "this cannot be put on record.");
			return 0;
		}
		if (a->decision.effect == SP_POLICY_DENY) {
			ask_refuse(a, a->decision.message);
			return 0;
		}
	}
	a->state = ASK_RECORDED;
	c = sp_shell_connection(a->px);
	if (c == NULL) {
		ask_refuse(a, "this connection is no longer in the policy.");
		return 0;
	}
	ask_pin(a);
	r = sp_session_durable(s, c, on_durable, a);
	if (r != 0) {
		a->pins--;
		a->px->pins--;
		if (r != SP_ERR_AGAIN)
			ask_refuse(a, "this cannot be put on record durably.");
	}
	return r == SP_ERR_AGAIN ? r : 0;
}

void
sp_shell_record_ready(struct sp_shell_proxy *px)
{
	struct sp_shell_ask *a, *next;

	for (a = TAILQ_FIRST(&px->asks); a != NULL; a = next) {
		next = TAILQ_NEXT(a, next);
		if ((a->state == ASK_NEW || (a->state == ASK_RECORDED && a->pins == 0)) && ask_admit(a) == SP_ERR_AGAIN)
			return;
	}
}

void
sp_shell_drop_asks(struct sp_shell_proxy *px)
{
	struct sp_shell_ask *a;

	while ((a = TAILQ_FIRST(&px->asks)) != NULL) {
		if (a->approval != NULL)
			sp_approval_cancel(a->approval);
		ask_over(a);
	}
}

/* --- the channel ------------------------------------------------------------------------------------------------------ */

static int
ask_read(struct sp_buf *body, struct sp_shell_ask *a)
{
	uint32_t n = 0;
	int r = sp_buf_get_u32(body, &a->pid);

	if (r == 0)
		r = sp_buf_get_u32(body, &a->ppid);
	if (r == 0)
		r = sp_buf_get_u32(body, &a->uid);
	if (r == 0)
		r = sp_buf_get_u32(body, &a->facts);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_PATH_MAX, &a->path);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_PATH_MAX, &a->given);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_PATH_MAX, &a->interpreter);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_PATH_MAX, &a->cwd);
	if (r == 0)
		r = sp_buf_get_u32(body, &n);
	if (r == 0 && (n == 0 || n > SP_SHELL_ARGS_MAX))
		r = SP_ERR_LIMIT;
	if (r != 0)
		return r;
	a->argv = calloc((size_t)n + 1, sizeof(*a->argv));
	if (a->argv == NULL)
		return SP_ERR_NOMEM;
	for (a->argc = 0; r == 0 && a->argc < n; a->argc += r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_ARGS_BYTES, &a->argv[a->argc]);
	return r;
}

int
sp_shell_on_ask(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_shell_proxy *px = ctx;
	bool is_network = msg->type == SP_IPC_EXEC_ASK_NETWORK;
	struct sp_shell_ask *a = calloc(1, sizeof(*a));
	bool is_behind = !TAILQ_EMPTY(&px->asks) && TAILQ_LAST(&px->asks, sp_shell_asks)->state == ASK_NEW;
	int r;

	(void)p;
	if (a == NULL)
		return SP_ERR_NOMEM;
	a->px = px;
	a->id = msg->id;
	r = is_network ? sp_shell_network_read(body, a) : ask_read(body, a);
	if (r == 0 && (a->id == 0 || px->nasks >= SP_SHELL_ASKS_MAX || (is_network && !px->is_network)))
		r = SP_ERR_PROTOCOL;
	if (r != 0) {
		ask_free(a);
		return r;
	}
	TAILQ_INSERT_TAIL(&px->asks, a, next);
	px->nasks++;
	if (!is_behind && ask_admit(a) == SP_ERR_AGAIN)
		return 0; /* sp_shell_record_ready() */
	return 0;
}

int
sp_shell_on_gone(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_shell_proxy *px = ctx;
	struct sp_shell_ask *a;

	(void)p;
	(void)body;
	TAILQ_FOREACH(a, &px->asks, next)
		if (a->id == msg->id)
			break;
	if (a == NULL)
		return 0; /* answered meanwhile */
	if (a->approval != NULL)
		sp_approval_cancel(a->approval);
	ask_over(a);
	return 0;
}

int
sp_shell_on_tampered(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_shell_proxy *px = ctx;
	char *path = NULL, *ran = NULL;
	uint32_t pid;
	int r = sp_buf_get_u32(body, &pid);

	(void)p;
	(void)msg;
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_PATH_MAX, &path);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_PATH_MAX, &ran);
	if (r == 0)
		sp_session_say(px->session,
		    "sallyport: process %u asked for %s, and changed what it asked for while it was decided (%s): it was killed",
		    (unsigned)pid, path, ran);
	free(path);
	free(ran);
	return r;
}
