/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/line_gate.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/ipc.h"
#include "policy/decide.h"
#include "policy/shell.h"
#include "policy/subject.h"
#include "recorder/event.h"
#include "runtime/log.h"
#include "session-agent/approval_digest.h"
#include "session-agent/line_model.h"

#define GATE_DIGEST "sallyport line approval 1"
#define GATE_APPROVAL_MAX ((size_t)32 * 1024) /* bytes of a line to approve: what nobody can read nobody approves */
#define GATE_SAY_MAX 512
#define GATE_FAILED 254 /* exit status of what Sallyport ended */
#define GATE_STOP 3	/* ^C */

enum gate_stage {
	GATE_OPEN = 0, /* no Enter waits */
	GATE_LOOK,     /* for the line to be drawn, or for a prompt */
	GATE_RECORD,   /* decided; to be put on record */
	GATE_DURABLE,
	GATE_APPROVAL,
	GATE_PASS,   /* Enter goes on with the next call of the hook */
	GATE_REFUSED /* and here it is forgotten, and all that came after it */
};

struct sp_line_gate {
	struct sp_session *session;
	char name[SP_POLICY_NAME_MAX + 1];
	char *user;
	bool is_shell;
	unsigned pins;
	bool is_ended;
	bool is_in_hook; /* which then does what has been decided, without being called for it */

	enum sp_policy_lines lines;
	struct sp_line_model *model; /* NULL: nothing asks for it, or there is no terminal */
	struct event *timer;

	/* the Enter that waits */
	enum gate_stage stage;
	enum sp_line_key key;
	int64_t since_ms;
	bool is_told;
	size_t n_told; /* bytes that were waiting then */
	size_t n;      /* that wait now */
	enum sp_line_model_kind kind;
	char *line, *other; /* other: NULL if there is none */

	/* its decision */
	uint64_t seq;
	struct sp_decision decision;
	char rule[SP_POLICY_NAME_MAX + 1];
	bool is_unclear;
	uint8_t digest[32];
	char request_id[64];
	struct sp_approval *approval;
	bool is_granted;
	bool is_given_up; /* ^C while it was held */
};

static void gate_act(struct sp_line_gate *g);

/* Nothing more is let through. */
static void
gate_fail(struct sp_line_gate *g, const char *why)
{
	g->stage = GATE_DURABLE; /* and nobody comes to end it */
	sp_session_say_below(g->session, "sallyport: %s: %s", g->name, why);
	sp_session_exit(g->session, GATE_FAILED);
}

/* --- policy ------------------------------------------------------------------------------------------------ */

static const struct sp_policy_connection *
gate_connection(const struct sp_line_gate *g)
{
	const struct sp_policy_image *image = sp_session_policy(g->session);
	const struct sp_policy_connection *c = image != NULL ? sp_policy_image_find(image, g->name) : NULL;

	return c != NULL && c->kind == SP_POLICY_KIND_SSH ? c : NULL;
}

/* What the connection and the rules that let this person in say of lines. A policy that cannot be asked gates. */
static enum sp_policy_lines
gate_lines(const struct sp_line_gate *g)
{
	const struct sp_policy_connection *c = gate_connection(g);
	struct sp_decide_request request = {.time = (int64_t)time(NULL), .from = sp_session_from(g->session)};
	struct sp_decide_scope *scope = NULL;
	struct sp_decision d = {.terms.lines = SP_POLICY_LINES_GATE};

	if (c != NULL &&
	    sp_decide_scope_new(sp_session_policy(g->session), sp_session_subject(g->session), c, &scope) == 0)
		sp_decide(scope, &request, &d);
	sp_decide_scope_free(scope);
	return d.terms.lines;
}

/* Decides one reading of the line; the strictest of its readings counts. */
static void
gate_decide_text(struct sp_line_gate *g, const struct sp_decide_scope *scope, const char *text, bool is_first)
{
	unsigned flags = SP_SHELL_TYPED | (g->kind == SP_LINE_MODEL_UNREAD ? SP_SHELL_UNREAD : 0);
	struct sp_decide_request request = {.time = (int64_t)time(NULL), .from = sp_session_from(g->session)};
	struct sp_shell *shell = NULL;
	struct sp_decision d;

	if (sp_shell_parse(text, strlen(text), flags, &shell) != 0) {
		g->decision.effect = SP_POLICY_DENY;
		g->decision.is_refusal = true;
		(void)snprintf(
		    g->decision.message, sizeof(g->decision.message), "this could not be decided: no memory");
		return;
	}
	request.shell = shell;
	sp_decide(scope, &request, &d);
	g->is_unclear = g->is_unclear || sp_shell_reasons(shell) > 0;
	/* Effects are numbered from the strictest on. */
	if (is_first || d.effect < g->decision.effect)
		g->decision = d;
	sp_shell_free(shell);
}

static void
gate_decide(struct sp_line_gate *g)
{
	const struct sp_policy_connection *c = gate_connection(g);
	struct sp_decide_scope *scope = NULL;

	memset(&g->decision, 0, sizeof(g->decision));
	g->decision.effect = SP_POLICY_DENY;
	g->decision.is_refusal = true;
	g->decision.label = SP_POLICY_ADVISORY;
	g->is_unclear = false;
	(void)snprintf(g->decision.message, sizeof(g->decision.message), "this connection is not yours any more");
	if (c != NULL &&
	    sp_decide_scope_new(sp_session_policy(g->session), sp_session_subject(g->session), c, &scope) == 0) {
		gate_decide_text(g, scope, g->line, true);
		if (g->other != NULL)
			gate_decide_text(g, scope, g->other, false);
	}
	(void)snprintf(
	    g->rule, sizeof(g->rule), "%s", g->decision.rule != NULL ? sp_policy_rule_name(g->decision.rule) : "");
	sp_decide_scope_free(scope);
}

/* --- record ------------------------------------------------------------------------------------------------ */

static int
gate_record(struct sp_line_gate *g, const char *decision, const char *reason)
{
	struct sp_buf *e = sp_session_event(g->session);

	sp_event_begin(e, SP_EVENT_STATEMENT, sp_event_now());
	sp_event_put_u64(e, SP_FIELD_SEQ, g->seq);
	sp_event_put_cstring(e, SP_FIELD_CONNECTION, g->name);
	sp_event_put_cstring(e, SP_FIELD_TEXT, g->line);
	sp_event_put_cstring(e, SP_FIELD_DECISION, decision);
	if (g->rule[0] != '\0')
		sp_event_put_cstring(e, SP_FIELD_RULE, g->rule);
	sp_event_put_cstring(e, SP_FIELD_LABEL, sp_policy_label_str(SP_POLICY_ADVISORY));
	sp_event_put_u64(e, SP_FIELD_POLICY_VERSION, g->decision.policy_version);
	if (g->request_id[0] != '\0')
		sp_event_put_cstring(e, SP_FIELD_REQUEST_ID, g->request_id);
	sp_event_put_cstring(e, SP_FIELD_MESSAGE, reason);
	return reason != NULL ? sp_session_record_late(g->session) : sp_session_record(g->session);
}

/* --- the ends of a line -------------------------------------------------------------------------------------- */

static void
gate_forget(struct sp_line_gate *g)
{
	free(g->line);
	free(g->other);
	g->line = g->other = NULL;
	g->rule[0] = g->request_id[0] = '\0';
	g->is_granted = g->is_told = g->is_given_up = false;
	g->decision.rule = NULL;
	(void)event_del(g->timer);
}

/* The hook does what is left to do; it may be what has called this. */
static void
gate_resume(struct sp_line_gate *g)
{
	if (!g->is_in_hook)
		sp_session_relay_resume(g->session);
}

static void
gate_pass(struct sp_line_gate *g)
{
	g->stage = GATE_PASS;
	sp_line_model_unfinished(
	    g->model, g->kind == SP_LINE_MODEL_SHELL || g->kind == SP_LINE_MODEL_UNREAD ? g->is_unclear : false);
}

/*
 * The line is given up on the host with ^C: the one key that empties the line in every shell and mode of editing,
 * leaves a search, a here-document and an unfinished command, and drops what was typed ahead.
 */
static void
gate_refuse(struct sp_line_gate *g, const char *decision, const char *message)
{
	static const uint8_t stop = GATE_STOP;
	const char *text = message[0] != '\0' ? message : "refused by policy";

	if (gate_record(g, decision, text) != 0)
		sp_log_warn("a refused line is not on record");
	sp_session_say_below(g->session, "sallyport: %s: %s (advisory)", g->name, text);
	if (sp_session_relay_type(g->session, &stop, 1) != 0)
		sp_session_say(g->session, "sallyport: %s: the line could not be taken back: press Ctrl-C", g->name);
	sp_line_model_cancelled(g->model, sp_ipc_now_ms());
	g->stage = GATE_REFUSED;
}

/* --- approvals ------------------------------------------------------------------------------------------------ */

static int
gate_digest(const struct sp_line_gate *g, uint8_t ret_digest[32])
{
	const struct sp_policy_subject *who = sp_session_subject(g->session);
	const char *parts[] = {GATE_DIGEST, sp_policy_subject_iss(who), sp_policy_subject_sub(who),
	    sp_session_user(g->session), g->name, g->user, g->rule, g->line, g->other != NULL ? "other" : "same",
	    g->other != NULL ? g->other : ""};
	struct sp_approval_digest covers;

	sp_approval_digest_begin(&covers, parts, sizeof(parts) / sizeof(parts[0]));
	sp_approval_digest_put(&covers, &g->decision.policy_version, sizeof(g->decision.policy_version));
	return sp_approval_digest_end(&covers, ret_digest);
}

static void
gate_unpin(struct sp_line_gate *g)
{
	if (--g->pins > 0 || !g->is_ended)
		return;
	gate_forget(g);
	sp_line_model_free(g->model);
	if (g->timer != NULL)
		event_free(g->timer);
	free(g->user);
	free(g);
}

static char *
gate_text(const struct sp_buf *b)
{
	size_t n = sp_buf_len(b);
	char *s = n == 0 || memchr(sp_buf_data(b), 0, n) == NULL ? malloc(n + 1) : NULL;

	if (s != NULL) {
		if (n > 0)
			memcpy(s, sp_buf_data(b), n);
		s[n] = '\0';
	}
	return s;
}

/* Whether what stands there now is what was decided on. */
static bool
gate_is_unchanged(struct sp_line_gate *g)
{
	struct sp_line_model_line now;

	return sp_line_model_read(g->model, sp_ipc_now_ms(), true, &now) == 0 && now.kind == g->kind &&
	       sp_buf_len(now.text) == strlen(g->line) &&
	       memcmp(sp_buf_data(now.text), g->line, sp_buf_len(now.text)) == 0;
}

static void
gate_approved(struct sp_line_gate *g)
{
	uint8_t digest[32];

	gate_decide(g);
	if (!gate_is_unchanged(g))
		gate_refuse(g, "refuse", "the line on the screen is not the one that was approved");
	else if (g->decision.effect == SP_POLICY_DENY || g->decision.rule == NULL || gate_digest(g, digest) != 0 ||
		 memcmp(digest, g->digest, sizeof(digest)) != 0)
		gate_refuse(g, "refuse", "the policy changed while this waited; it needs a new approval");
	else {
		g->is_granted = true;
		g->stage = GATE_RECORD;
		gate_act(g);
	}
}

static void
gate_on_approval(const struct sp_approval_news *news, void *ctx)
{
	static const char *const words[] = {[SP_APPROVAL_GRANTED] = "approved",
	    [SP_APPROVAL_DENIED] = "denied",
	    [SP_APPROVAL_EXPIRED] = "expired",
	    [SP_APPROVAL_CANCELLED] = "cancelled",
	    [SP_APPROVAL_FAILED] = "failed"};
	struct sp_line_gate *g = ctx;
	bool is_pending = news->state == SP_APPROVAL_PENDING, is_mine = !g->is_ended && g->stage == GATE_APPROVAL;
	char text[GATE_SAY_MAX];

	if (is_pending)
		(void)snprintf(g->request_id, sizeof(g->request_id), "%s", news->id);
	else
		g->approval = NULL;
	if (is_mine && sp_approval_event(
			   g->session, news, g->seq, g->digest, g->rule, is_pending ? NULL : words[news->state]) != 0)
		sp_session_say_below(g->session, "the record has no room for an approval's news");
	if (is_mine && is_pending)
		sp_session_say_below(g->session,
		    "sallyport: this line is waiting for approval %s; %s may approve: ssh bastion approve %s; Ctrl-C cancels",
		    news->id, news->who[0] != '\0' ? news->who : "an approver", news->id);
	if (is_pending)
		return;
	if (is_mine && news->state == SP_APPROVAL_GRANTED) {
		gate_approved(g);
	} else if (is_mine) {
		(void)snprintf(text, sizeof(text), "approval %s was %s%s%s", g->request_id, words[news->state],
		    news->reason[0] != '\0' ? ": " : "", news->reason);
		gate_refuse(g, news->state == SP_APPROVAL_DENIED ? "denied" : words[news->state], text);
	}
	if (is_mine)
		gate_resume(g);
	gate_unpin(g);
}

static void
gate_ask(struct sp_line_gate *g)
{
	int r = strlen(g->line) > GATE_APPROVAL_MAX ? SP_ERR_LIMIT : gate_digest(g, g->digest);

	g->stage = GATE_APPROVAL;
	g->pins++;
	if (r == 0)
		r = sp_session_approval(g->session, g->digest, g->name, g->rule, g->line, strlen(g->line),
		    "{\"typed\":\"at a prompt; advisory\"}", g->decision.policy_version, gate_on_approval, g,
		    &g->approval);
	if (r == 0)
		return;
	g->approval = NULL;
	g->pins--;
	gate_refuse(g, "refuse",
	    r == SP_ERR_LIMIT ? "approval is needed, and this is longer than what an approver is shown"
			      : "approval is needed and could not be asked for: try again shortly");
}

/* --- acting ---------------------------------------------------------------------------------------------------- */

static void
gate_on_durable(int err, void *ctx)
{
	struct sp_line_gate *g = ctx;

	if (!g->is_ended && g->stage == GATE_DURABLE) {
		if (err == 0)
			gate_pass(g);
		else
			gate_refuse(g, "refuse", "this cannot be recorded now, so it does not run");
		gate_resume(g);
	}
	gate_unpin(g);
}

/* On record first, then as durable as the connection asks, then it goes on. */
static void
gate_go(struct sp_line_gate *g)
{
	const struct sp_policy_connection *c = gate_connection(g);

	g->stage = GATE_DURABLE;
	g->pins++;
	if (c != NULL && sp_session_durable(g->session, c, gate_on_durable, g) == 0)
		return;
	g->pins--;
	gate_refuse(g, "refuse", "this cannot be recorded now, so it does not run");
}

/* As decided. */
static void
gate_act(struct sp_line_gate *g)
{
	bool is_let = g->is_granted || g->decision.effect == SP_POLICY_ALLOW;
	bool is_held = !is_let && g->decision.effect == SP_POLICY_APPROVE && g->decision.rule != NULL;
	int r;

	if (!is_let && !is_held) {
		gate_refuse(g, g->decision.is_refusal ? "refuse" : "deny", g->decision.message);
		return;
	}
	r = gate_record(g, g->is_granted ? "approved" : is_let ? "allow" : "approve", NULL);
	if (r == SP_ERR_AGAIN) {
		g->stage = GATE_RECORD; /* sp_line_gate_record_ready() comes back here */
		return;
	}
	if (r != 0)
		gate_refuse(g, "refuse", "this cannot be recorded now, so it does not run");
	else if (is_held)
		gate_ask(g);
	else
		gate_go(g);
}

/* What is typed where nothing is held: on record as it is, whoever reads it. */
static void
gate_note(struct sp_line_gate *g)
{
	g->decision = (struct sp_decision){.effect = SP_POLICY_ALLOW,
	    .label = SP_POLICY_ADVISORY,
	    .policy_version = sp_policy_image_version(sp_session_policy(g->session))};
	g->seq = sp_session_next_seq(g->session);
	gate_act(g);
}

/* Somebody waits for a prompt that does not come: who types for a program that asks for nothing can say so. */
static void
gate_wait(struct sp_line_gate *g)
{
	static const struct timeval look = {.tv_usec = SP_LINE_GATE_LOOK_MS * 1000};

	g->stage = GATE_LOOK;
	if (!g->is_told && sp_ipc_now_ms() - g->since_ms >= SP_LINE_GATE_TELL_MS) {
		sp_session_say_below(g->session,
		    "sallyport: %s: this line waits for the shell's prompt; press Enter again to give it to the "
		    "program that runs, Ctrl-C to drop it",
		    g->name);
		g->is_told = true;
		g->n_told = g->n;
	}
	(void)event_add(g->timer, &look);
}

/* Looks at the line that Enter would end, and decides. */
static void
gate_look(struct sp_line_gate *g)
{
	struct sp_line_model_line line;
	bool is_free = g->lines != SP_POLICY_LINES_GATE;
	bool is_late = is_free && sp_ipc_now_ms() - g->since_ms >= SP_LINE_GATE_GLANCE_MS;
	int r = sp_line_model_read(g->model, sp_ipc_now_ms(), is_late, &line);

	g->kind = r != 0 ? SP_LINE_MODEL_UNREAD : line.kind;
	if (g->kind == SP_LINE_MODEL_WAIT && !is_late) {
		gate_wait(g);
		return;
	}
	gate_forget(g);
	if (g->kind == SP_LINE_MODEL_SHELL && g->key == SP_LINE_KEY_UNSEEN)
		g->kind = SP_LINE_MODEL_UNREAD;
	g->is_unclear = false;
	g->line = r == 0 ? gate_text(line.text) : strdup("");
	g->other = r == 0 && sp_buf_len(line.other) > 0 ? gate_text(line.other) : NULL;
	if (g->line == NULL || (r == 0 && g->other == NULL && sp_buf_len(line.other) > 0)) {
		gate_fail(g, "what is typed cannot be read");
		return;
	}
	if (is_free && g->line[0] == '\0' && g->other != NULL) {
		free(g->line);
		g->line = g->other;
		g->other = NULL;
	}
	if (g->line[strspn(g->line, " ")] == '\0' && g->other == NULL && g->kind != SP_LINE_MODEL_UNREAD) {
		gate_pass(g);
	} else if (is_free || g->kind == SP_LINE_MODEL_PROGRAM) {
		gate_note(g);
	} else {
		g->seq = sp_session_next_seq(g->session);
		gate_decide(g);
		gate_act(g);
	}
}

static void
gate_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_line_gate *g = ctx;

	(void)fd;
	(void)what;
	if (g->stage == GATE_LOOK)
		sp_session_relay_resume(g->session); /* the hook looks again */
}

/*
 * To the program that runs, which nobody has heard ask: if it ends first, its shell reads the line. So what a rule is
 * against does not go. The rest goes, also what no rule allows: an answer to a program is seldom a command.
 */
static void
gate_give(struct sp_line_gate *g)
{
	struct sp_buf *typed;
	bool is_shown, is_known = sp_line_model_ahead(g->model, &typed, &is_shown), is_against = false;

	gate_forget(g);
	g->kind = SP_LINE_MODEL_PROGRAM;
	g->line = is_known ? gate_text(typed) : strdup("");
	if (g->line == NULL) {
		gate_fail(g, "what is typed cannot be read");
		return;
	}
	if (g->line[strspn(g->line, " ")] != '\0') {
		gate_decide(g);
		is_against = g->decision.rule != NULL && g->decision.effect != SP_POLICY_ALLOW;
	}
	if (!is_shown || !is_known) {
		free(g->line);
		g->line = strdup(is_known ? "(given to the program that runs; not shown)"
					  : "(given to the program that runs; not known)");
	}
	if (g->line == NULL) {
		gate_fail(g, "what is typed cannot be read");
	} else if (is_against) {
		g->seq = sp_session_next_seq(g->session);
		gate_refuse(g, "deny",
		    "a rule is against this line, and the shell would read it if the program ends: type it at the prompt");
	} else {
		gate_note(g);
	}
}

/* --- hooks ----------------------------------------------------------------------------------------------------- */

/* While Enter is held: ^C gives the line up; Enter again, once it was said so, gives it to the program that runs. */
static size_t
gate_held(struct sp_line_gate *g, const uint8_t *p, size_t n)
{
	const uint8_t *stop = memchr(p, GATE_STOP, n);

	if (stop != NULL && g->stage == GATE_LOOK) {
		sp_session_relay_drop(g->session, (size_t)(stop - p));
		g->stage = GATE_OPEN;
		gate_forget(g);
		return 1; /* ^C itself is the host's */
	}
	if (stop != NULL && g->stage == GATE_APPROVAL && g->approval != NULL && !g->is_given_up) {
		g->is_given_up = true;
		sp_approval_cancel(g->approval); /* the rest is done when it is */
		return 0;
	}
	if (g->stage == GATE_LOOK && g->is_told && n > g->n_told && (p[n - 1] == '\r' || p[n - 1] == '\n')) {
		if (g->n_told == 1)
			sp_session_relay_drop(g->session, 1);
		gate_give(g);
	}
	return 0;
}

/* What has become of the Enter at the front of what is offered. */
static size_t
gate_done(struct sp_line_gate *g, size_t n)
{
	enum gate_stage stage = g->stage;

	if (stage != GATE_PASS && stage != GATE_REFUSED)
		return 0;
	g->stage = GATE_OPEN;
	gate_forget(g);
	if (stage == GATE_PASS)
		return 1;
	sp_session_relay_drop(g->session, n);
	return 0;
}

static size_t
gate_offered(struct sp_line_gate *g, const uint8_t *p, size_t n)
{
	size_t before, passed;

	g->n = n;
	if (g->stage != GATE_OPEN) {
		passed = gate_held(g, p, n);
		if (passed > 0)
			return passed;
		if (g->stage == GATE_LOOK)
			gate_look(g);
		return gate_done(g, n);
	}
	before = sp_line_model_scan(g->model, p, n, &g->key);
	if (before > 0)
		return before;
	g->since_ms = sp_ipc_now_ms();
	gate_look(g);
	return gate_done(g, n);
}

static size_t
gate_on_typed(void *ctx, const uint8_t *p, size_t n)
{
	struct sp_line_gate *g = ctx;
	size_t passed;

	if (g->model == NULL || n == 0)
		return n;
	g->is_in_hook = true;
	passed = gate_offered(g, p, n);
	g->is_in_hook = false;
	return passed;
}

static void
gate_on_passed(void *ctx, const uint8_t *p, size_t n)
{
	struct sp_line_gate *g = ctx;

	if (g->model != NULL)
		sp_line_model_passed(g->model, p, n, sp_ipc_now_ms());
}

static void
gate_on_shown(void *ctx, enum sp_relay_stream stream, const uint8_t *p, size_t n)
{
	struct sp_line_gate *g = ctx;

	(void)stream;
	if (g->model != NULL && sp_line_model_shown(g->model, p, n, sp_ipc_now_ms()) != 0)
		gate_fail(g, "what the host shows cannot be followed");
}

static void
gate_on_resized(void *ctx, uint32_t rows, uint32_t cols)
{
	struct sp_line_gate *g = ctx;

	if (g->model != NULL && sp_line_model_resize(g->model, rows, cols) != 0)
		gate_fail(g, "what the host shows cannot be followed");
}

const struct sp_relay_hooks sp_line_gate_hooks = {
    .typed = gate_on_typed,
    .passed = gate_on_passed,
    .shown = gate_on_shown,
    .resized = gate_on_resized,
};

/* --- life ------------------------------------------------------------------------------------------------------ */

/* From now on, if the policy says so and there is a terminal. */
static int
gate_begin(struct sp_line_gate *g)
{
	uint32_t rows, cols;

	g->lines = gate_lines(g);
	if (g->lines == SP_POLICY_LINES_FREE || g->model != NULL || !sp_session_has_tty(g->session))
		return 0;
	sp_session_size(g->session, &rows, &cols);
	return sp_line_model_new(rows, cols, g->is_shell, &g->model);
}

int
sp_line_gate_new(
    struct sp_session *s, const char *connection, const char *user, bool is_shell, struct sp_line_gate **ret_g)
{
	struct sp_line_gate *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return SP_ERR_NOMEM;
	g->session = s;
	g->is_shell = is_shell;
	(void)snprintf(g->name, sizeof(g->name), "%s", connection);
	g->user = strdup(user);
	g->timer = event_new(sp_session_base(s), -1, 0, gate_on_timer, g);
	if (g->user == NULL || g->timer == NULL || gate_begin(g) != 0) {
		sp_line_gate_end(g);
		return SP_ERR_NOMEM;
	}
	*ret_g = g;
	return 0;
}

void
sp_line_gate_end(struct sp_line_gate *g)
{
	if (g == NULL)
		return;
	g->is_ended = true;
	g->pins++;
	if (g->approval != NULL)
		sp_approval_cancel(g->approval);
	gate_unpin(g);
}

void
sp_line_gate_policy_changed(struct sp_line_gate *g)
{
	if (g == NULL || g->is_ended)
		return;
	g->decision.rule = NULL; /* of an image that is gone; an approval looks for itself */
	if (gate_begin(g) != 0)
		gate_fail(g, "what the host shows cannot be followed");
	else if (g->stage == GATE_RECORD && !g->is_granted) {
		g->stage = GATE_LOOK;
		sp_session_relay_resume(g->session);
	}
}

void
sp_line_gate_record_ready(struct sp_line_gate *g)
{
	if (g == NULL || g->is_ended || g->stage != GATE_RECORD)
		return;
	gate_act(g);
	sp_session_relay_resume(g->session);
}
