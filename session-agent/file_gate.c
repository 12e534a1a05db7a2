/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions on files, their approvals, and the record of both. */
#include "session-agent/file_gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

#include "lib/text.h"
#include "policy/subject.h"
#include "recorder/event.h"
#include "runtime/log.h"
#include "session-agent/approval_digest.h"
#include "session-agent/file_copy.h"
#include "session-agent/file_scan.h"

#define FOUND_MAX 4096 /* bytes of the json of what a scan has found */
#define GATE_DIGEST_NAME "sallyport file approval 1"
#define GATE_TEXT_MAX (3 * SP_FILE_PATH_MAX + 256) /* bytes of an operation as it is recorded */
#define GATE_UNRECORDED "this cannot be recorded now, so it is not done: try again shortly"

enum request_stage {
	REQUEST_NEW = 0,  /* decided, to be put on record */
	REQUEST_DURABLE,  /* on record; waits until it is as durable as the connection asks */
	REQUEST_APPROVAL, /* held */
	REQUEST_COPY,	  /* waits for a file to keep a copy in */
	REQUEST_DONE	  /* answered or dropped: freed with the last pin */
};

struct sp_file_request {
	TAILQ_ENTRY(sp_file_request) next;
	struct sp_file_gate *gate; /* NULL: it is gone */
	enum request_stage stage;
	unsigned pins; /* callbacks under way */
	struct sp_file_ask ask;
	char *path, *path2, *details;
	char op[32];
	char rule[SP_POLICY_NAME_MAX + 1];
	uint64_t seq;
	struct sp_decision decision;
	uint8_t digest[32];
	char request_id[64];
	struct sp_approval *approval;
	bool is_granted;
	bool is_stale;	/* the policy has changed since it was put on record */
	bool is_within; /* sp_file_gate_ask() has not returned: it gives the answer */
	struct sp_file_copy *copy;
	char message[SP_DECIDE_MESSAGE_MAX];
	sp_file_gate_cb *cb;
	void *ctx;
};

struct sp_file_gate {
	struct sp_session *session;
	char name[SP_POLICY_NAME_MAX + 1];
	unsigned nwaiting;
	TAILQ_HEAD(, sp_file_request) waiting;
};

static void request_go(struct sp_file_request *q);

/* --- the decision ------------------------------------------------------------------------------------------ */

static const struct sp_policy_connection *
gate_connection(const struct sp_file_gate *g)
{
	const struct sp_policy_image *image = sp_session_policy(g->session);
	const struct sp_policy_connection *c = image != NULL ? sp_policy_image_find(image, g->name) : NULL;

	return c != NULL && c->kind == SP_POLICY_KIND_SSH ? c : NULL;
}

static void
gate_decide(const struct sp_file_gate *g, const struct sp_file_ask *ask, struct sp_decision *d)
{
	struct sp_decide_file file = { .words = ask->words, .path = ask->path, .path2 = ask->path2,
		.is_file = ask->is_file, .is_tree = ask->is_tree, .is_advisory = ask->is_advisory };
	struct sp_decide_request request = { .file = &file, .time = (int64_t)time(NULL),
		.from = sp_session_from(g->session) };
	const struct sp_policy_connection *c = gate_connection(g);
	struct sp_decide_scope *scope = NULL;

	memset(d, 0, sizeof(*d));
	d->effect = SP_POLICY_DENY;
	d->is_refusal = true;
	d->label = SP_POLICY_PROVEN;
	(void)snprintf(d->message, sizeof(d->message), "this connection is not yours any more");
	if (c == NULL)
		return;
	if (sp_decide_scope_new(sp_session_policy(g->session), sp_session_subject(g->session), c, &scope) != 0)
		(void)snprintf(d->message, sizeof(d->message), "this could not be decided: no memory");
	else
		sp_decide(scope, &request, d);
	sp_decide_scope_free(scope);
}

bool
sp_file_gate_look(struct sp_file_gate *gate, const struct sp_file_ask *ask, bool is_approved)
{
	struct sp_decision d;

	gate_decide(gate, ask, &d);
	return d.effect == SP_POLICY_ALLOW || (d.effect == SP_POLICY_APPROVE && is_approved);
}

bool
sp_file_gate_is_scanned_so(struct sp_file_gate *gate, const struct sp_file_ask *ask, const struct sp_file_scan *scan)
{
	struct sp_decision d;

	gate_decide(gate, ask, &d);
	return sp_file_scan_is_of(scan, &d);
}

bool
sp_file_gate_is_masked(struct sp_file_gate *gate, const struct sp_file_ask *ask)
{
	struct sp_decision d;

	gate_decide(gate, ask, &d);
	return d.nmasks > 0;
}

/* --- record ------------------------------------------------------------------------------------------------- */

/* "rename /a to /b (size 12)" */
static int
request_text(const struct sp_file_request *q, struct sp_buf *out)
{
	sp_buf_putf(out, "%s %s", q->op, q->path);
	if (q->path2 != NULL)
		sp_buf_putf(out, " to %s", q->path2);
	if (q->details != NULL)
		sp_buf_putf(out, " (%s)", q->details);
	if (q->ask.size != SP_FILE_GATE_NO_SIZE)
		sp_buf_putf(out, " (%llu bytes)", (unsigned long long)q->ask.size);
	return sp_buf_error(out);
}

static int
request_record(struct sp_file_request *q, const char *decision, const char *reason)
{
	struct sp_session *s = q->gate->session;
	struct sp_buf *text = sp_buf_new(GATE_TEXT_MAX), *e;
	int r = text == NULL ? SP_ERR_NOMEM : request_text(q, text);

	if (r == 0) {
		e = sp_session_event(s);
		sp_event_begin(e, SP_EVENT_STATEMENT, sp_event_now());
		sp_event_put_u64(e, SP_FIELD_SEQ, q->seq);
		sp_event_put_cstring(e, SP_FIELD_CONNECTION, q->gate->name);
		sp_event_put(e, SP_FIELD_TEXT, sp_buf_data(text), sp_buf_len(text));
		sp_event_put_cstring(e, SP_FIELD_DECISION, decision);
		if (q->rule[0] != '\0')
			sp_event_put_cstring(e, SP_FIELD_RULE, q->rule);
		sp_event_put_cstring(e, SP_FIELD_LABEL, sp_policy_label_str(q->decision.label));
		sp_event_put_u64(e, SP_FIELD_POLICY_VERSION, q->decision.policy_version);
		if (q->request_id[0] != '\0')
			sp_event_put_cstring(e, SP_FIELD_REQUEST_ID, q->request_id);
		sp_event_put_cstring(e, SP_FIELD_MESSAGE, reason);
		r = reason != NULL ? sp_session_record_late(s) : sp_session_record(s);
	}
	sp_buf_free(text);
	return r;
}

void
sp_file_gate_refuse(struct sp_file_gate *gate, const char *op, const char *text, const char *reason)
{
	struct sp_buf *e = sp_session_event(gate->session), *line = sp_buf_new(GATE_TEXT_MAX * 4);

	if (line != NULL) {
		sp_buf_putf(line, "%s ", op);
		if (sp_text_escape(line, text, strlen(text), SP_FILE_PATH_MAX) != 0)
			sp_buf_reset(line);
	}
	sp_event_begin(e, SP_EVENT_STATEMENT, sp_event_now());
	sp_event_put_u64(e, SP_FIELD_SEQ, sp_session_next_seq(gate->session));
	sp_event_put_cstring(e, SP_FIELD_CONNECTION, gate->name);
	if (line != NULL)
		sp_event_put(e, SP_FIELD_TEXT, sp_buf_data(line), sp_buf_len(line));
	sp_event_put_cstring(e, SP_FIELD_DECISION, "refuse");
	sp_event_put_cstring(e, SP_FIELD_LABEL, sp_policy_label_str(SP_POLICY_PROVEN));
	sp_event_put_cstring(e, SP_FIELD_MESSAGE, reason);
	if (sp_session_record_late(gate->session) != 0)
		sp_log_warn("a refused operation is not on record");
	sp_buf_free(line);
}

void
sp_file_gate_result(struct sp_file_gate *gate, uint64_t seq, const char *status)
{
	struct sp_buf *e = sp_session_event(gate->session);

	sp_event_begin(e, SP_EVENT_RESULT, sp_event_now());
	sp_event_put_u64(e, SP_FIELD_SEQ, seq);
	sp_event_put_cstring(e, SP_FIELD_STATUS, status);
	if (sp_session_record_late(gate->session) != 0)
		sp_log_warn("a result is not on record");
}

void
sp_file_gate_transfer(struct sp_file_gate *gate, const struct sp_file_transfer *t)
{
	struct sp_buf *e = sp_session_event(gate->session), *found = t->scan == NULL ? NULL : sp_buf_new(FOUND_MAX);

	sp_event_begin(e, SP_EVENT_TRANSFER, sp_event_now());
	sp_event_put_u64(e, SP_FIELD_SEQ, t->seq);
	sp_event_put_cstring(e, SP_FIELD_CONNECTION, gate->name);
	sp_event_put_cstring(e, SP_FIELD_TEXT, t->path);
	sp_event_put_cstring(e, SP_FIELD_DIRECTION, t->direction == SP_FILE_UPLOAD ? "upload" : "download");
	sp_event_put_cstring(e, SP_FIELD_STATUS, t->incomplete == NULL ? "complete" : "partial");
	sp_event_put_u64(e, SP_FIELD_OFFSET, t->offset);
	sp_event_put_u64(e, SP_FIELD_BYTES, t->bytes);
	if (t->size != SP_FILE_GATE_NO_SIZE)
		sp_event_put_u64(e, SP_FIELD_LENGTH, t->size);
	if (t->sha256 != NULL)
		sp_event_put(e, SP_FIELD_DIGEST, t->sha256, 32);
	sp_event_put_cstring(e, SP_FIELD_REASON, t->incomplete);
	sp_event_put_cstring(e, SP_FIELD_MASKED, t->masked_json);
	if (found != NULL && sp_file_scan_counts(t->scan, found) == 0 && sp_buf_len(found) > 0)
		sp_event_put(e, SP_FIELD_FOUND, sp_buf_data(found), sp_buf_len(found));
	sp_buf_free(found);
	sp_event_put_u64(e, SP_FIELD_DURATION_NS, t->duration_ns);
	if (sp_session_record_late(gate->session) != 0)
		sp_log_warn("a transfer is not on record");
}

void
sp_file_gate_keep(
    struct sp_file_gate *gate, struct sp_file_copy *copy, const struct sp_file_transfer *t, bool is_complete)
{
	struct sp_file_copy_about about = {.connection = gate->name,
	    .path = t->path,
	    .reason = t->scan != NULL ? sp_file_scan_why(t->scan) : "",
	    .is_upload = t->direction == SP_FILE_UPLOAD,
	    .is_complete = is_complete};

	if (copy != NULL && sp_file_scan_is_match(t->scan))
		sp_file_copy_keep(copy, &about);
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static void
request_unpin(struct sp_file_request *q)
{
	if (--q->pins > 0 || q->stage != REQUEST_DONE)
		return;
	free(q->path);
	free(q->path2);
	free(q->details);
	sp_file_copy_free(q->copy);
	free(q);
}

/* Nothing may be done for it any more; its callbacks under way come to nothing. */
static void
request_close(struct sp_file_request *q)
{
	if (q->stage == REQUEST_DONE)
		return;
	q->stage = REQUEST_DONE;
	TAILQ_REMOVE(&q->gate->waiting, q, next);
	q->gate->nwaiting--;
}

/* message NULL: allowed. */
static void
request_answer(struct sp_file_request *q, const char *message)
{
	struct sp_file_answer a = {.is_allowed = message == NULL,
	    .seq = q->seq,
	    .message = message,
	    .decision = message == NULL ? &q->decision : NULL,
	    .is_approved = q->is_granted,
	    .copy = &q->copy};

	if (q->stage == REQUEST_DONE)
		return;
	request_close(q);
	if (message != NULL)
		(void)snprintf(q->message, sizeof(q->message), "%s", message);
	if (!q->is_within)
		q->cb(&a, q->ctx);
}

static void
request_refuse(struct sp_file_request *q, const char *decision, const char *message)
{
	const char *text = message[0] != '\0' ? message : "refused by policy";

	if (request_record(q, decision, text) != 0)
		request_answer(q, "refused, and that could not be recorded");
	else
		request_answer(q, text);
}

/* The policy has changed meanwhile: is it still what was decided? Else it is refused. */
static void
request_look_again(struct sp_file_request *q)
{
	if (!q->is_stale)
		return;
	gate_decide(q->gate, &q->ask, &q->decision);
	if (q->is_granted || q->decision.effect != SP_POLICY_ALLOW ||
	    (q->stage == REQUEST_COPY && !sp_file_scan_keeps(&q->decision)))
		request_refuse(q, "refuse", "the policy has just changed: try again");
}

static void
on_copy(int err, const char *message, int fd, void *ctx)
{
	struct sp_file_request *q = ctx;

	if (q->stage != REQUEST_COPY) { /* nobody waits for it any more */
		if (fd >= 0)
			(void)close(fd);
		request_unpin(q);
		return;
	}
	if (err == 0 && sp_file_copy_new(q->gate->session, fd, q->seq, &q->copy) != 0) {
		err = SP_ERR_NOMEM;
		message = "no memory";
	}
	if (err != 0)
		request_refuse(q, "refuse", message);
	else
		request_look_again(q);
	request_answer(q, NULL); /* if it has none yet */
	request_unpin(q);
}

/* What passes is looked at, and a copy of it kept if it is refused: without one nothing passes. */
static void
request_copy(struct sp_file_request *q)
{
	q->stage = REQUEST_COPY;
	q->is_stale = false;
	q->pins++;
	if (sp_session_copy(q->gate->session, on_copy, q) != 0) {
		q->pins--;
		request_refuse(q, "refuse", "a copy of it would have to be kept, and none can be: try again shortly");
	}
}

static void
on_durable(int err, void *ctx)
{
	struct sp_file_request *q = ctx;

	if (q->stage == REQUEST_DURABLE && err == 0)
		request_look_again(q);
	if (q->stage == REQUEST_DURABLE && err == 0 && sp_file_scan_keeps(&q->decision))
		request_copy(q);
	else
		request_answer(q, err == 0 ? NULL : GATE_UNRECORDED);
	request_unpin(q);
}

/* On record first, then as durable as the connection asks, then it may be done. */
static void
request_go(struct sp_file_request *q)
{
	const struct sp_policy_connection *c = gate_connection(q->gate);
	int r;

	if (c == NULL) {
		request_refuse(q, "refuse", "this connection is not yours any more");
		return;
	}
	r = request_record(q, q->is_granted ? "approved" : "allow", NULL);
	if (r == SP_ERR_AGAIN)
		return; /* record_ready comes back here */
	if (r != 0) {
		request_answer(q, GATE_UNRECORDED);
		return;
	}
	q->stage = REQUEST_DURABLE;
	q->pins++;
	if (sp_session_durable(q->gate->session, c, on_durable, q) != 0) {
		q->pins--;
		request_answer(q, GATE_UNRECORDED);
	}
}

/* --- approvals (P6) ---------------------------------------------------------------------------------------- */

/* Who, where, what on which paths, how much, under which rule of which policy. */
static int
request_digest(const struct sp_file_request *q, const struct sp_decision *d, uint8_t ret_digest[32])
{
	const struct sp_policy_connection *c = gate_connection(q->gate);
	const struct sp_policy_subject *who = sp_session_subject(q->gate->session);
	const char *parts[] = { GATE_DIGEST_NAME, sp_policy_subject_iss(who), sp_policy_subject_sub(who),
		sp_session_user(q->gate->session), q->gate->name, c != NULL ? c->login_user : "",
		d->rule != NULL ? sp_policy_rule_name(d->rule) : "", q->op, q->path, q->path2 != NULL ? "to" : "",
		q->path2 != NULL ? q->path2 : "", q->details != NULL ? q->details : "" };
	uint64_t numbers[] = { q->ask.words, q->ask.size, d->policy_version };
	struct sp_approval_digest covers;

	sp_approval_digest_begin(&covers, parts, sizeof(parts) / sizeof(parts[0]));
	sp_approval_digest_put(&covers, numbers, sizeof(numbers));
	return sp_approval_digest_end(&covers, ret_digest);
}

static void
approval_note(struct sp_file_request *q, const struct sp_approval_news *news, const char *decision)
{
	/* The operation's own event, with the request's id, is what must be on record before it is done. */
	if (sp_approval_event(q->gate->session, news, q->seq, q->digest, q->rule, decision) != 0)
		sp_log_warn("an approval's news is not on record");
}

static void
approval_show(struct sp_file_request *q, const struct sp_approval_news *news)
{
	long left = (long)((int64_t)news->expires - (int64_t)time(NULL));

	sp_session_say(q->gate->session,
	    "sallyport: %s of %.200s waits for approval %s; %s may approve: ssh bastion approve %s; expires in %ld %s", q->op,
	    q->path, news->id, news->who[0] != '\0' ? news->who : "an approver", news->id, left >= 120 ? left / 60 : left,
	    left >= 120 ? "min" : "s");
}

/* It ran into its end: granted for what policy is now, or not. */
static void
approval_end(struct sp_file_request *q, const struct sp_approval_news *news, const char *word)
{
	uint8_t digest[32];
	char text[512];

	if (news->state != SP_APPROVAL_GRANTED) {
		(void)snprintf(text, sizeof(text), "approval %s was %s%s%s%s%s", q->request_id, word,
		    news->who[0] != '\0' && news->state == SP_APPROVAL_DENIED ? " by " : "",
		    news->state == SP_APPROVAL_DENIED ? news->who : "", news->reason[0] != '\0' ? ": " : "", news->reason);
		request_refuse(q, news->state == SP_APPROVAL_DENIED ? "denied" : word, text);
		return;
	}
	gate_decide(q->gate, &q->ask, &q->decision);
	if (q->decision.effect == SP_POLICY_DENY || q->decision.rule == NULL ||
	    request_digest(q, &q->decision, digest) != 0 || memcmp(digest, q->digest, sizeof(digest)) != 0) {
		request_refuse(q, "refuse", "the policy changed while this waited; it needs a new approval");
		return;
	}
	q->is_granted = true;
	q->stage = REQUEST_NEW;
	request_go(q);
}

static void
on_approval(const struct sp_approval_news *news, void *ctx)
{
	static const char *const words[] = { [SP_APPROVAL_GRANTED] = "approved", [SP_APPROVAL_DENIED] = "denied",
		[SP_APPROVAL_EXPIRED] = "expired", [SP_APPROVAL_CANCELLED] = "cancelled", [SP_APPROVAL_FAILED] = "failed" };
	struct sp_file_request *q = ctx;

	if (news->state == SP_APPROVAL_PENDING) {
		(void)snprintf(q->request_id, sizeof(q->request_id), "%s", news->id);
		if (q->stage == REQUEST_APPROVAL) {
			approval_note(q, news, NULL);
			approval_show(q, news);
		}
		return;
	}
	q->approval = NULL;
	if (q->stage == REQUEST_APPROVAL) {
		approval_note(q, news, words[news->state]);
		approval_end(q, news, words[news->state]);
	}
	request_unpin(q);
}

static int
approval_file(struct sp_file_request *q)
{
	struct sp_buf *text = sp_buf_new(GATE_TEXT_MAX);
	int r = text == NULL ? SP_ERR_NOMEM : request_text(q, text);

	if (r == 0)
		r = sp_session_approval(q->gate->session, q->digest, q->gate->name, sp_policy_rule_name(q->decision.rule),
		    (const char *)sp_buf_data(text), sp_buf_len(text), "{}", q->decision.policy_version, on_approval, q,
		    &q->approval);
	sp_buf_free(text);
	return r;
}

static void
request_hold(struct sp_file_request *q)
{
	int r;

	if (request_digest(q, &q->decision, q->digest) != 0) {
		request_refuse(q, "refuse", "approval is needed and can't be asked for");
		return;
	}
	r = request_record(q, "approve", NULL);
	if (r == SP_ERR_AGAIN)
		return; /* record_ready comes back here */
	if (r != 0) {
		request_answer(q, GATE_UNRECORDED);
		return;
	}
	q->stage = REQUEST_APPROVAL;
	q->pins++;
	if (approval_file(q) != 0) {
		q->pins--;
		q->approval = NULL;
		request_refuse(q, "refuse", "approval is needed and could not be asked for: try again shortly");
	}
}

/* --- asking -------------------------------------------------------------------------------------------------- */

/* Of a file that is written and read at once there is no copy that would tell what was sent and what was fetched. */
static bool
request_is_both_ways(const struct sp_file_request *q)
{
	const uint32_t both = SP_FILE_BIT(SP_FILE_READ) | SP_FILE_BIT(SP_FILE_WRITE);

	return (q->ask.words & both) == both && sp_file_scan_keeps(&q->decision);
}

/* As decided last. */
static void
request_act(struct sp_file_request *q)
{
	if (q->decision.effect != SP_POLICY_DENY && request_is_both_ways(q))
		request_refuse(q, "refuse",
		    "what is in it is looked at, and kept if it is refused: open it for reading or for writing");
	else if (q->is_granted || q->decision.effect == SP_POLICY_ALLOW)
		request_go(q);
	else if (q->decision.effect == SP_POLICY_APPROVE && q->decision.rule != NULL)
		request_hold(q);
	else
		request_refuse(q, q->decision.is_refusal ? "refuse" : "deny", q->decision.message);
}

static void
request_decide(struct sp_file_request *q)
{
	gate_decide(q->gate, &q->ask, &q->decision);
	q->rule[0] = '\0';
	if (q->decision.rule != NULL)
		(void)snprintf(q->rule, sizeof(q->rule), "%s", sp_policy_rule_name(q->decision.rule));
}

static struct sp_file_request *
request_new(struct sp_file_gate *g, const struct sp_file_ask *ask)
{
	struct sp_file_request *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->path = strdup(ask->path);
	q->path2 = ask->path2 != NULL ? strdup(ask->path2) : NULL;
	q->details = ask->details != NULL ? strdup(ask->details) : NULL;
	if (q->path == NULL || (ask->path2 != NULL && q->path2 == NULL) || (ask->details != NULL && q->details == NULL)) {
		free(q->path);
		free(q->path2);
		free(q->details);
		free(q);
		return NULL;
	}
	(void)snprintf(q->op, sizeof(q->op), "%s", ask->op);
	q->ask = *ask;
	q->ask.op = q->op;
	q->ask.path = q->path;
	q->ask.path2 = q->path2;
	q->ask.details = q->details;
	q->gate = g;
	q->seq = sp_session_next_seq(g->session);
	return q;
}

int
sp_file_gate_ask(struct sp_file_gate *gate, const struct sp_file_ask *ask, sp_file_gate_cb *cb, void *ctx,
    struct sp_file_answer *ret_answer, struct sp_file_request **ret_request)
{
	static struct sp_decision decision; /* of the answer: it lives until the next one */
	static char message[SP_DECIDE_MESSAGE_MAX];
	struct sp_file_request *q = gate->nwaiting < SP_FILE_GATE_WAITING_MAX ? request_new(gate, ask) : NULL;
	int r;

	memset(ret_answer, 0, sizeof(*ret_answer));
	if (q == NULL) {
		ret_answer->message = "too much is waiting here: try again shortly";
		return SP_ERR_DENIED;
	}
	q->cb = cb;
	q->ctx = ctx;
	TAILQ_INSERT_TAIL(&gate->waiting, q, next);
	gate->nwaiting++;
	q->pins++;
	q->is_within = true;
	request_decide(q);
	request_act(q);
	q->is_within = false;
	if (q->stage != REQUEST_DONE) {
		*ret_request = q;
		q->pins--; /* it lives on its being waited for */
		return SP_ERR_AGAIN;
	}
	(void)snprintf(message, sizeof(message), "%s", q->message);
	r = message[0] == '\0' ? 0 : SP_ERR_DENIED;
	decision = q->decision;
	*ret_answer = (struct sp_file_answer){ .is_allowed = r == 0, .seq = q->seq, .message = message,
		.decision = r == 0 ? &decision : NULL, .is_approved = q->is_granted };
	request_unpin(q);
	return r;
}

void
sp_file_gate_drop(struct sp_file_request *q)
{
	q->pins++;
	request_close(q);
	if (q->approval != NULL)
		sp_approval_cancel(q->approval);
	request_unpin(q);
}

bool
sp_file_gate_is_waiting(const struct sp_file_gate *gate)
{
	return gate->nwaiting > 0;
}

void
sp_file_gate_record_ready(struct sp_file_gate *gate)
{
	struct sp_file_request *q, *next;

	/* An answer can take others of the list with it: begin again after each. */
	for (q = TAILQ_FIRST(&gate->waiting); q != NULL; q = next) {
		next = TAILQ_NEXT(q, next);
		if (q->stage != REQUEST_NEW)
			continue;
		q->pins++;
		request_act(q);
		if (q->stage == REQUEST_NEW) { /* no room again */
			q->pins--;
			return;
		}
		next = TAILQ_FIRST(&gate->waiting);
		request_unpin(q);
	}
}

/* What is not on record yet is decided anew; an approval is for its own version only, and looks for itself. */
void
sp_file_gate_policy_changed(struct sp_file_gate *gate)
{
	struct sp_file_request *q;

	TAILQ_FOREACH(q, &gate->waiting, next) {
		if (q->stage != REQUEST_NEW) {
			q->decision.rule = NULL; /* of an image that is gone */
			q->is_stale = true;
			continue;
		}
		q->is_granted = false;
		request_decide(q);
	}
}

int
sp_file_gate_new(struct sp_session *s, const char *connection, struct sp_file_gate **ret_gate)
{
	struct sp_file_gate *g;

	if (strlen(connection) > SP_POLICY_NAME_MAX)
		return SP_ERR_LIMIT;
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return SP_ERR_NOMEM;
	g->session = s;
	(void)snprintf(g->name, sizeof(g->name), "%s", connection);
	TAILQ_INIT(&g->waiting);
	*ret_gate = g;
	return 0;
}

void
sp_file_gate_free(struct sp_file_gate *gate)
{
	struct sp_file_request *q, *next;

	if (gate == NULL)
		return;
	for (q = TAILQ_FIRST(&gate->waiting); q != NULL; q = next) {
		next = TAILQ_NEXT(q, next);
		sp_file_gate_drop(q);
	}
	free(gate);
}
