/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "lib/text.h"
#include "policy/subject.h"
#include "proto/pg_write.h"
#include "recorder/event.h"
#include "session-agent/approval_digest.h"
#include "session-agent/postgres_catalog.h"
#include "session-agent/postgres_proxy.h"

#define DIGEST_NAME "sallyport postgres approval 2"
#define APPROVAL_TEXT_MAX ((size_t)32 * 1024) /* bytes of a statement to approve: what nobody can read nobody approves */
#define PARAM_TEXT_MAX 4096 /* bytes of one parameter that are put on record */

static void
refuse(struct sp_postgres_run *r, const char *sqlstate, const char *message)
{
	r->is_refused = true;
	snprintf(r->sqlstate, sizeof(r->sqlstate), "%s", sqlstate);
	free(r->message);
	r->message = strdup(message);
}

/* --- P6: what an approval covers ------------------------------------------------------------------- */

static void
digest_portal(struct sp_approval_digest *d, const struct sp_postgres_candidate *portal)
{
	struct sp_pg_bind b;

	if (sp_pg_bind_parse(portal->bind, portal->bind_len, &b) != 0) {
		d->ok = false;
		return;
	}
	sp_approval_digest_put(d, b.formats, (size_t)b.n_formats * 2);
	sp_approval_digest_put(d, &b.n_params, sizeof(b.n_params));
	sp_approval_digest_put(d, b.params, b.params_len);
}

static void
digest_text(struct sp_approval_digest *d, const struct sp_postgres_text *t)
{
	sp_approval_digest_put(d, t->sql, t->len);
	sp_approval_digest_put(d, sp_postgres_text_types(t), 4 * t->n_types);
}

static int
digest_make(struct sp_postgres_conn *c, const struct sp_postgres_ask *ask, const struct sp_postgres_verdict *v,
    uint8_t out[32])
{
	const struct sp_decision *d = &v->decision;
	const struct sp_policy_subject *who = sp_session_subject(c->px->session);
	const char *rule = d->rule != NULL ? sp_policy_rule_name(d->rule) : "";
	const char *parts[] = {DIGEST_NAME, sp_policy_subject_iss(who), sp_policy_subject_sub(who),
	    sp_session_user(c->px->session), c->px->name, c->px->database, rule};
	struct sp_approval_digest covers;
	unsigned i;

	sp_approval_digest_begin(&covers, parts, sizeof(parts) / sizeof(parts[0]));
	sp_approval_digest_put(&covers, &d->policy_version, sizeof(d->policy_version));
	for (i = 0; i < ask->n_texts; i++)
		digest_text(&covers, ask->texts[i]);
	for (i = 0; i < v->n_behind; i++)
		digest_text(&covers, v->behind[i]);
	for (i = 0; i < ask->n_portals; i++)
		digest_portal(&covers, ask->portals[i]);
	return sp_approval_digest_end(&covers, out);
}

/* --- record ------------------------------------------------------------------------------------------ */

/* A JSON array of the parameters, max bytes of each: text as it is, binary as "\x" and hex, NULL as null. */
static void
params_json(struct sp_buf *out, const struct sp_postgres_candidate *portal, size_t max)
{
	struct sp_pg_bind b;
	struct sp_view v;
	const uint8_t *at;
	bool binary;
	unsigned i;

	sp_buf_put(out, "[", 1);
	if (sp_pg_bind_parse(portal->bind, portal->bind_len, &b) == 0)
		for (i = 0, at = b.params; sp_pg_bind_param(&b, i, &at, &v, &binary); i++) {
			size_t n = v.len < max ? v.len : max, k;

			if (i != 0)
				sp_buf_put(out, ",", 1);
			if (v.data == NULL)
				sp_buf_put(out, "null", 4);
			else if (!binary)
				sp_text_json(out, v.data, n);
			else {
				sp_buf_put(out, "\"\\\\x", 4);
				for (k = 0; k < n; k++)
					sp_buf_putf(out, "%02x", v.data[k]);
				sp_buf_put(out, "\"", 1);
			}
		}
	sp_buf_put(out, "]", 1);
}

static int
statement_record(struct sp_postgres_conn *c, const struct sp_postgres_ask *ask, const struct sp_postgres_verdict *v)
{
	const struct sp_decision *d = &v->decision;
	struct sp_buf *ev = sp_session_event(c->px->session), *params = NULL;
	const struct sp_postgres_text *t = ask->n_texts != 0 ? ask->texts[ask->n_texts - 1] : NULL;
	uint8_t digest[32];

	sp_event_begin(ev, SP_EVENT_STATEMENT, sp_event_now());
	sp_event_put_u64(ev, SP_FIELD_SEQ, c->held_seq);
	sp_event_put_cstring(ev, SP_FIELD_CONNECTION, c->px->name);
	if (t != NULL) {
		sp_event_put(ev, SP_FIELD_TEXT, t->sql, t->len < SP_EVENT_TEXT_MAX ? t->len : SP_EVENT_TEXT_MAX);
		if (t->len > SP_EVENT_TEXT_MAX) {
			if (EVP_Digest(t->sql, t->len, digest, NULL, EVP_sha256(), NULL) != 1)
				return SP_ERR_UNAVAILABLE;
			sp_event_put_u64(ev, SP_FIELD_LENGTH, t->len);
			sp_event_put(ev, SP_FIELD_DIGEST, digest, sizeof(digest));
		}
	}
	if (ask->n_portals != 0 && (params = sp_buf_new(SP_EVENT_TEXT_MAX / 2)) != NULL) {
		params_json(params, ask->portals[ask->n_portals - 1], PARAM_TEXT_MAX);
		/* Too many to hold: the digest of all of them stands in their place. */
		if (sp_buf_error(params) == 0)
			sp_event_put(ev, SP_FIELD_PARAMS, sp_buf_data(params), sp_buf_len(params));
		else if (digest_make(c, ask, v, digest) == 0)
			sp_event_put(ev, SP_FIELD_DIGEST, digest, sizeof(digest));
	}
	sp_buf_free(params);
	sp_event_put_cstring(ev, SP_FIELD_DECISION, d->is_refusal ? "refuse" : sp_policy_effect_str(d->effect));
	if (d->rule != NULL)
		sp_event_put_cstring(ev, SP_FIELD_RULE, sp_policy_rule_name(d->rule));
	sp_event_put_cstring(ev, SP_FIELD_LABEL, sp_policy_label_str(d->label));
	sp_event_put_u64(ev, SP_FIELD_POLICY_VERSION, d->policy_version);
	if (c->request_id[0] != '\0')
		sp_event_put_cstring(ev, SP_FIELD_REQUEST_ID, c->request_id);
	if (d->message[0] != '\0')
		sp_event_put_cstring(ev, SP_FIELD_MESSAGE, d->message);
	if (sp_buf_error(ev) != 0)
		return SP_ERR_UNAVAILABLE;
	/* A refusal lets nothing through, so it is put on record even where nothing new is let through. */
	return d->effect == SP_POLICY_DENY ? sp_session_record_late(c->px->session) : sp_session_record(c->px->session);
}

static void
on_durable(int err, void *ctx)
{
	struct sp_postgres_conn *c = ctx;

	c->durable_err = err;
	c->is_durable = true;
	if (c->hold == SP_POSTGRES_HOLD_DURABLE) {
		c->hold = SP_POSTGRES_GO;
		if (c->state == SP_POSTGRES_READY)
			sp_postgres_conn_wake(c);
	}
	sp_postgres_conn_unpin(c);
}

/* Puts the statement on record and waits until it is durable. 0, AGAIN, or the record can't be had. */
static int
record_all(struct sp_postgres_conn *c, const struct sp_postgres_ask *ask, const struct sp_postgres_verdict *v)
{
	const struct sp_decision *d = &v->decision;
	const struct sp_policy_connection *pc = sp_postgres_proxy_connection(c->px);
	int r;

	if (!c->is_recorded || c->recorded != d->effect) {
		r = statement_record(c, ask, v);
		if (r == SP_ERR_AGAIN)
			c->hold = SP_POSTGRES_HOLD_RECORD;
		if (r != 0)
			return r;
		c->is_recorded = true;
		c->recorded = d->effect;
		c->is_durable = false;
	}
	if (d->effect == SP_POLICY_DENY) /* nothing goes on, so nothing has to wait */
		return 0;
	if (!c->is_durable) {
		c->pins++;
		r = pc == NULL ? SP_ERR_UNAVAILABLE : sp_session_durable(c->px->session, pc, on_durable, c);
		if (r != 0) {
			c->pins--;
			if (r == SP_ERR_AGAIN)
				c->hold = SP_POSTGRES_HOLD_RECORD;
			return r;
		}
		if (!c->is_durable) {
			c->hold = SP_POSTGRES_HOLD_DURABLE;
			return SP_ERR_AGAIN;
		}
	}
	return c->durable_err;
}

/* --- approvals --------------------------------------------------------------------------------------- */

static void
pending_show(struct sp_postgres_conn *c, const struct sp_approval_news *news)
{
	char text[512], who[200], minutes[32];
	time_t now = time(NULL);
	long left = (long)news->expires - (long)now;

	snprintf(c->request_id, sizeof(c->request_id), "%s", news->id);
	snprintf(who, sizeof(who), "%s", news->who != NULL ? news->who : "an approver");
	snprintf(minutes, sizeof(minutes), left >= 120 ? "%ld min" : "%ld s", left >= 120 ? left / 60 : left);
	snprintf(text, sizeof(text), "waiting for approval %s; %s may approve: ssh bastion approve %s; expires in %s; Ctrl-C cancels",
	    c->request_id, who, c->request_id, minutes);
	sp_pg_write_error(c->notices, 'N', "NOTICE", "00000", text, NULL);
}

static void
approval_record(struct sp_postgres_conn *c, const struct sp_approval_news *news, const char *decision)
{
	/* The statement's own event, with the request's id, is what must be on record before it runs. */
	if (sp_approval_event(c->px->session, news, c->held_seq, c->digest, NULL, decision) != 0)
		sp_session_say(c->px->session, "the record has no room for an approval's news");
}

static void
on_approval(const struct sp_approval_news *news, void *ctx)
{
	struct sp_postgres_conn *c = ctx;
	static const char *const words[] = {[SP_APPROVAL_GRANTED] = "approved", [SP_APPROVAL_DENIED] = "denied",
	    [SP_APPROVAL_EXPIRED] = "expired", [SP_APPROVAL_CANCELLED] = "cancelled", [SP_APPROVAL_FAILED] = "failed"};
	const char *reason = news->reason != NULL ? news->reason : "";

	if (news->state == SP_APPROVAL_PENDING) {
		if (c->state == SP_POSTGRES_READY) {
			approval_record(c, news, NULL);
			pending_show(c, news);
			sp_postgres_conn_wake(c);
		}
		return;
	}
	approval_record(c, news, words[news->state]);
	c->approval = NULL;
	c->is_granted = news->state == SP_APPROVAL_GRANTED;
	c->approval_end = news->state;
	if (news->state == SP_APPROVAL_DENIED)
		snprintf(c->approval_text, sizeof(c->approval_text), "approval %s was denied%s%s%s%s", c->request_id,
		    news->who != NULL && *news->who != '\0' ? " by " : "", news->who != NULL ? news->who : "",
		    *reason != '\0' ? ": " : "", reason);
	else
		snprintf(c->approval_text, sizeof(c->approval_text), "approval %s %s%s%s", c->request_id,
		    words[news->state], *reason != '\0' ? ": " : "", reason);
	if (c->state == SP_POSTGRES_READY) {
		c->hold = SP_POSTGRES_GO;
		sp_postgres_conn_wake(c);
	}
	sp_postgres_conn_unpin(c);
}

/* What an approver sees beside the text: all of what the digest covers, as one JSON object. */
static void
details_json(struct sp_buf *json, struct sp_postgres_conn *c, const struct sp_postgres_ask *ask,
    const struct sp_postgres_verdict *v)
{
	const struct sp_postgres_text *t = ask->texts[ask->n_texts - 1];
	size_t i;

	sp_buf_putf(json, "{\"database\":");
	sp_text_json(json, c->px->database, strlen(c->px->database));
	if (ask->n_portals != 0) {
		sp_buf_putf(json, ",\"parameters\":");
		params_json(json, ask->portals[ask->n_portals - 1], SIZE_MAX);
	}
	if (t->n_types != 0) {
		const uint8_t *p = sp_postgres_text_types(t);

		sp_buf_putf(json, ",\"types\":");
		for (i = 0; i < t->n_types; i++, p += 4)
			sp_buf_putf(json, "%c%u", i == 0 ? '[' : ',', (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3]);
		sp_buf_put(json, "]", 1);
	}
	if (v->n_behind != 0) {
		sp_buf_putf(json, ",\"prepared\":");
		for (i = 0; i < v->n_behind; i++) {
			sp_buf_put(json, i == 0 ? "[" : ",", 1);
			sp_text_json(json, v->behind[i]->sql, v->behind[i]->len);
		}
		sp_buf_put(json, "]", 1);
	}
	sp_buf_put(json, "}", 2); /* with its NUL */
}

static int
approval_file(struct sp_postgres_conn *c, const struct sp_postgres_ask *ask, const struct sp_postgres_verdict *v)
{
	struct sp_buf *json = sp_buf_new(SP_EVENT_TEXT_MAX);
	const struct sp_postgres_text *t = ask->texts[ask->n_texts - 1];
	const struct sp_decision *d = &v->decision;
	int r = SP_ERR_NOMEM;

	if (json == NULL)
		return r;
	details_json(json, c, ask, v);
	c->pins++;
	c->hold = SP_POSTGRES_HOLD_APPROVAL;
	c->request_id[0] = '\0';
	if ((r = sp_buf_error(json)) == 0)
		r = sp_session_approval(c->px->session, c->digest, c->px->name, sp_policy_rule_name(d->rule), t->sql, t->len,
		    (const char *)sp_buf_data(json), d->policy_version, on_approval, c, &c->approval);
	sp_buf_free(json);
	if (r != 0) {
		c->pins--;
		c->hold = SP_POSTGRES_GO;
		c->approval = NULL;
	}
	return r;
}

/* 0: may go on (granted, or refused in run). AGAIN: asked. */
static int
approve(struct sp_postgres_conn *c, const struct sp_postgres_ask *ask, const struct sp_postgres_verdict *v,
    struct sp_postgres_run *run)
{
	const struct sp_decision *d = &v->decision;
	uint8_t digest[32];
	unsigned i;
	bool begun = ask->n_portals != 0;

	for (i = 0; i < ask->n_portals; i++)
		begun = begun && ask->portals[i]->is_granted && ask->portals[i]->granted_version == d->policy_version;
	if (begun || ask->is_parse)
		return 0;
	if (ask->n_texts != 1 || ask->n_portals > 1) {
		refuse(run, "42501", "approval is needed, and this name may stand for several statements; close it and prepare it again");
		return 0;
	}
	if (ask->texts[0]->len > APPROVAL_TEXT_MAX) {
		refuse(run, "42501", "approval is needed, and this is longer than what an approver is shown");
		return 0;
	}
	if (d->rule == NULL || digest_make(c, ask, v, digest) != 0) {
		refuse(run, "42501", "approval is needed and can't be asked for");
		return 0;
	}
	if (c->is_granted && memcmp(digest, c->digest, sizeof(digest)) == 0) {
		for (i = 0; i < ask->n_portals; i++) {
			ask->portals[i]->is_granted = true;
			ask->portals[i]->granted_version = d->policy_version;
		}
		return 0;
	}
	if (c->is_granted || c->approval_end != 0) {
		/* Granted for something else (the policy changed meanwhile) or not granted. */
		refuse(run, c->approval_end == SP_APPROVAL_DENIED ? "42501" : "57014", c->is_granted ?
		    "the policy changed while this waited; it needs a new approval" : c->approval_text);
		return 0;
	}
	memcpy(c->digest, digest, sizeof(digest));
	if (approval_file(c, ask, v) != 0) {
		refuse(run, "42501", "approval is needed and could not be asked for (or its parameters are too long to be shown)");
		return 0;
	}
	return SP_ERR_AGAIN;
}

/* --- all together ------------------------------------------------------------------------------------ */

static int
catalog_wait(struct sp_postgres_conn *c, struct sp_postgres_verdict *v, struct sp_postgres_run *run)
{
	if (c->catalog_err == 0) {
		c->hold = SP_POSTGRES_HOLD_CATALOG;
		if (sp_postgres_catalog_load(c->px, v->masks, c) == 0)
			return SP_ERR_AGAIN;
		c->hold = SP_POSTGRES_GO;
	}
	refuse(run, "42501", "the masked columns can't be found in the target's catalogs");
	return 0;
}

/* Which outputs of a plain SELECT show no stored value: constants and counts. */
static void
harmless_find(struct sp_postgres_run *run, const struct sp_postgres_verdict *v)
{
	const struct sp_sql_stmt *st;
	size_t i;

	if (v->n != 1 || sp_sql_count(v->sql[0]) != 1)
		return;
	st = sp_sql_at(v->sql[0], 0);
	if (st->verb != SP_SQL_SELECT || st->is_set_operation || st->noutputs > sizeof(run->harmless) * 8)
		return;
	run->n_harmless = (unsigned)st->noutputs;
	for (i = 0; i < st->noutputs; i++) {
		if (st->outputs[i].kind == SP_SQL_OUTPUT_STAR)
			run->n_harmless = 0; /* positions can't be told */
		else if (st->outputs[i].kind == SP_SQL_OUTPUT_CONST || st->outputs[i].kind == SP_SQL_OUTPUT_COUNT)
			run->harmless[i / 8] |= (uint8_t)(1u << (i % 8));
		if (run->n_harmless == 0)
			break;
	}
}

static void
verdict_apply(struct sp_postgres_run *run, struct sp_postgres_verdict *v)
{
	struct sp_decision *d = &v->decision;

	if (d->effect != SP_POLICY_DENY && v->why_refused != NULL) {
		d->effect = SP_POLICY_DENY;
		snprintf(d->message, sizeof(d->message), "%s", v->why_refused);
	}
	if (d->effect == SP_POLICY_DENY)
		refuse(run, "42501", d->message[0] != '\0' ? d->message : "refused by policy");
	run->label = sp_policy_label_str(d->label);
	run->is_matched = v->is_matched;
	run->is_tainted = v->is_tainted;
	run->is_altered = v->is_altered;
	if (run->is_tainted)
		harmless_find(run, v);
	run->masks = v->masks;
	if (run->masks != NULL)
		run->masks->refs++;
}

/* What was refused because it could not be recorded in time is at least known as that, if the ring has room. */
static int
refusal_record(struct sp_postgres_conn *c, const struct sp_postgres_ask *ask, struct sp_postgres_verdict *v,
    const struct sp_postgres_run *run)
{
	struct sp_decision *d = &v->decision;

	d->effect = SP_POLICY_DENY;
	d->is_refusal = true;
	(void)snprintf(d->message, sizeof(d->message), "%.500s", sp_postgres_run_message(run));
	if (statement_record(c, ask, v) != 0)
		sp_session_say(c->px->session, "a refusal could not be recorded");
	return 0;
}

int
sp_postgres_admit(struct sp_postgres_conn *c, const struct sp_postgres_ask *ask, struct sp_postgres_run **ret_run,
    struct sp_postgres_verdict *ret_v)
{
	struct sp_postgres_run *run;
	int r = 0;

	if (c->held_seq == 0)
		c->held_seq = sp_session_next_seq(c->px->session);
	run = sp_postgres_run_new(c->held_seq);
	if (run == NULL)
		return SP_ERR_NOMEM;
	sp_postgres_judge(c, ask->texts, ask->n_texts, ret_v);
	verdict_apply(run, ret_v);
	if (!run->is_refused && ret_v->needs_catalog)
		r = catalog_wait(c, ret_v, run);
	if (r == 0 && !run->is_refused && ret_v->decision.effect == SP_POLICY_APPROVE)
		r = approve(c, ask, ret_v, run);
	if (r == 0) {
		if (run->is_refused && ret_v->decision.effect != SP_POLICY_DENY) {
			ret_v->decision.effect = SP_POLICY_DENY;
			snprintf(ret_v->decision.message, sizeof(ret_v->decision.message), "%.500s",
			    sp_postgres_run_message(run));
		}
		r = record_all(c, ask, ret_v);
		if (r != 0 && r != SP_ERR_AGAIN) {
			const char *fault = sp_session_fault(c->px->session);

			refuse(run, "58030", fault != NULL ? fault : "this can't be recorded now, so it is not let through");
			r = refusal_record(c, ask, ret_v, run);
		}
	}
	if (r != 0) {
		sp_postgres_run_unref(run);
		sp_postgres_verdict_clear(ret_v);
		return r;
	}
	*ret_run = run;
	return 0;
}

void
sp_postgres_admit_done(struct sp_postgres_conn *c)
{
	c->held_seq = 0;
	c->is_recorded = false;
	c->is_durable = false;
	c->durable_err = 0;
	c->is_granted = false;
	c->approval_end = 0;
	c->catalog_err = 0;
	c->request_id[0] = '\0';
}

struct sp_postgres_run *
sp_postgres_admit_refuse(struct sp_postgres_conn *c, const char *sqlstate, const char *message)
{
	struct sp_postgres_run *run = sp_postgres_run_new(sp_session_next_seq(c->px->session));
	struct sp_buf *ev;

	if (run == NULL)
		return NULL;
	refuse(run, sqlstate, message);
	ev = sp_session_event(c->px->session);
	sp_event_begin(ev, SP_EVENT_STATEMENT, sp_event_now());
	sp_event_put_u64(ev, SP_FIELD_SEQ, run->seq);
	sp_event_put_cstring(ev, SP_FIELD_CONNECTION, c->px->name);
	sp_event_put_cstring(ev, SP_FIELD_DECISION, "refuse");
	sp_event_put_cstring(ev, SP_FIELD_MESSAGE, message);
	if (sp_session_record_late(c->px->session) != 0)
		refuse(run, "58030", "this can't be recorded now, so it is not let through");
	return run;
}
