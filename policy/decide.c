/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decidework.h"
#include "policy/match.h"
#include "policy/model.h"
#include "policy/sql.h"
#include "policy/subject.h"

/* The columns that a rule masks, without what else its mask does. */
struct sp_decide_mark {
	const struct sp_policy_rule *rule;
	struct sp_policy_mask mask;
};

int
sp_decide_scope_new(const struct sp_policy_image *image, const struct sp_policy_subject *subject,
    const struct sp_policy_connection *connection, struct sp_decide_scope **ret_scope)
{
	struct sp_decide_scope *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return SP_ERR_NOMEM;
	s->image = image;
	s->connection = connection;
	s->rules = calloc(image->nrules == 0 ? 1 : image->nrules, sizeof(*s->rules));
	s->marks = calloc(image->nrules == 0 ? 1 : image->nrules, sizeof(*s->marks));
	if (s->rules == NULL || s->marks == NULL) {
		sp_decide_scope_free(s);
		return SP_ERR_NOMEM;
	}
	for (size_t i = 0; i < image->nrules; i++) {
		const struct sp_policy_rule *r = &image->rules[i];

		if (!sp_match_connection(r, connection) || !sp_model_matches(image, &r->who, subject))
			continue;
		s->rules[s->n++] = r;
		if (r->has_mask && r->mask.ncolumns > 0)
			s->marks[s->nmarks++] = (struct sp_decide_mark){r,
			    {.ncolumns = r->mask.ncolumns, .columns = r->mask.columns, .transform = r->mask.transform}};
	}
	*ret_scope = s;
	return 0;
}

void
sp_decide_scope_free(struct sp_decide_scope *scope)
{
	if (scope == NULL)
		return;
	free(scope->rules);
	free(scope->marks);
	free(scope);
}

size_t
sp_decide_scope_masks(const struct sp_decide_scope *scope, const struct sp_policy_mask **masks, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < scope->n; i++) {
		if (!scope->rules[i]->has_mask)
			continue;
		if (n < max)
			masks[n] = &scope->rules[i]->mask;
		n++;
	}
	return n;
}

void
sp_decide_refuse(struct sp_decide_work *w, const char *fmt, ...)
{
	struct sp_decision *d = w->d;
	va_list ap;

	/* A rule's own deny says more than "no rule". */
	if (d->effect == SP_POLICY_DENY && w->is_refused)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(d->message, sizeof(d->message), fmt, ap);
	va_end(ap);
	d->effect = SP_POLICY_DENY;
	d->is_refusal = true;
	d->rule = NULL;
	d->approve = NULL;
	w->is_refused = true;
}

/* Whether an approve rule asks for more than another. */
bool
sp_decide_is_stricter(const struct sp_policy_rule *a, const struct sp_policy_rule *b)
{
	if (a->effect != b->effect)
		return a->effect < b->effect;
	if (a->effect != SP_POLICY_APPROVE)
		return false;
	if (a->approve.count != b->approve.count)
		return a->approve.count > b->approve.count;
	return a->approve.within < b->approve.within;
}

static void
sp_decide_too_many(struct sp_decide_work *w)
{
	sp_decide_refuse(w, "more than %d rules with masks or scans apply to this; join some of them", SP_DECIDE_MASKS_MAX);
}

void
sp_decide_mask(struct sp_decide_work *w, const struct sp_policy_rule *r)
{
	struct sp_decision *d = w->d;

	if (!r->has_mask)
		return;
	for (size_t i = 0; i < d->nmasks; i++)
		if (d->masks[i] == &r->mask)
			return;
	if (d->nmasks == SP_DECIDE_MASKS_MAX)
		sp_decide_too_many(w);
	else
		d->masks[d->nmasks++] = &r->mask;
}

void
sp_decide_scan(struct sp_decide_work *w, const struct sp_policy_rule *r)
{
	struct sp_decision *d = w->d;

	if (!r->has_scan)
		return;
	for (size_t i = 0; i < d->nscans; i++)
		if (d->scans[i] == &r->scan)
			return;
	if (d->nscans == SP_DECIDE_MASKS_MAX)
		sp_decide_too_many(w);
	else
		d->scans[d->nscans++] = &r->scan;
}

/* The columns that other rules mask for this person here: they stay secret in what another rule lets through. */
static void
sp_decide_marks(struct sp_decide_work *w)
{
	const struct sp_decide_scope *s = w->scope;
	struct sp_decision *d = w->d;

	for (size_t i = 0; i < s->nmarks; i++) {
		size_t k = 0;

		while (k < d->nmatched && d->masks[k] != &s->marks[i].rule->mask)
			k++;
		if (k < d->nmatched || !sp_match_marks(s->marks[i].rule, w->req->time, w->req->from))
			continue;
		if (d->nmasks == SP_DECIDE_MASKS_MAX) {
			sp_decide_too_many(w);
			return;
		}
		d->masks[d->nmasks++] = &s->marks[i].mask;
	}
}

/* Takes the strictest rule of one action into the decision. */
void
sp_decide_take(struct sp_decide_work *w, const struct sp_policy_rule *r)
{
	struct sp_decision *d = w->d;

	if (d->effect == SP_POLICY_DENY && (w->is_refused || d->rule != NULL)) {
		/* A rule that denies is a better answer than a refusal for want of a rule. */
		if (d->rule != NULL || r->effect != SP_POLICY_DENY)
			return;
	} else if (d->rule != NULL && !sp_decide_is_stricter(r, d->rule)) {
		return;
	}
	d->effect = r->effect;
	d->is_refusal = false;
	d->rule = r;
	d->approve = r->has_approve ? &r->approve : NULL;
	d->message[0] = 0;
	if (r->effect != SP_POLICY_DENY)
		return;
	w->is_refused = true;
	if (r->message[0] != 0)
		(void)snprintf(d->message, sizeof(d->message), "%s", r->message);
	else
		(void)snprintf(d->message, sizeof(d->message), "The rule \"%s\" denies this.", r->name);
}

static void
sp_decide_no_rule(struct sp_decide_work *w, const struct sp_sql_action *a)
{
	const char *dot = a->schema[0] != 0 ? "." : "";

	if (a->object == SP_SQL_OBJECT_FUNCTION)
		sp_decide_refuse(w,
		    "The function %s%s%s could change things or read outside the database; a rule must name it under "
		    "`functions:` to allow it on %s.",
		    a->schema, dot, a->name, w->scope->connection->name);
	else if (a->need == SP_SQL_NEED_NAME && a->name[0] != 0)
		sp_decide_refuse(w, "No rule names %s%s%s, which %s on %s needs.", a->schema, dot, a->name,
		    sp_sql_word_str(a->verb), w->scope->connection->name);
	else if (a->name[0] != 0)
		sp_decide_refuse(w, "No rule allows you %s of %s%s%s on %s.", sp_sql_word_str(a->verb), a->schema, dot,
		    a->name, w->scope->connection->name);
	else
		sp_decide_refuse(w, "No rule allows you %s on %s.", sp_sql_word_str(a->verb),
		    w->scope->connection->name);
}

static void
sp_decide_action(struct sp_decide_work *w, const struct sp_sql_action *a)
{
	const struct sp_policy_rule *best = NULL;

	if (a->need == SP_SQL_NEED_REFUSE) {
		sp_decide_refuse(w, "Setting %s to this would change how statements are read, so it is never allowed.",
		    a->name);
		return;
	}
	for (size_t i = 0; i < w->scope->n; i++) {
		const struct sp_policy_rule *r = w->scope->rules[i];

		if (!sp_match_action(r, a) || !sp_match_context(r, w->req->time, w->req->from))
			continue;
		sp_decide_mask(w, r);
		if (best == NULL || sp_decide_is_stricter(r, best))
			best = r;
	}
	if (best != NULL)
		sp_decide_take(w, best);
	else if (a->need != SP_SQL_NEED_NONE)
		sp_decide_no_rule(w, a);
}

static void sp_decide_sql(struct sp_decide_work *w, const struct sp_sql *sql, size_t n);

static void
sp_decide_actions(struct sp_decide_work *w, const struct sp_sql_stmt *s)
{
	for (size_t i = 0; i < s->nactions; i++)
		sp_decide_action(w, &s->actions[i]);
}

/* Decides on whatever the first n statements prepare or declare under the name. False if nothing. */
static bool
sp_decide_definitions(struct sp_decide_work *w, const struct sp_sql *sql, size_t n, bool is_cursor, const char *name)
{
	bool is_known = false;

	for (size_t i = 0; i < n && name[0] != 0; i++) {
		const struct sp_sql_stmt *s = sp_sql_at(sql, i);

		if (!s->is_definition || strcmp(is_cursor ? s->cursor : s->prepared, name) != 0)
			continue;
		sp_decide_actions(w, s);
		is_known = true;
	}
	return is_known;
}

/* What runs, or shows rows, under a name given earlier. */
static void
sp_decide_named(struct sp_decide_work *w, const struct sp_sql *sql, size_t i, const struct sp_sql_action *a)
{
	bool is_cursor = a->verb == SP_SQL_CURSOR, is_known = false;
	enum sp_decide_lookup what = is_cursor ? SP_DECIDE_CURSOR : SP_DECIDE_PREPARED;
	const struct sp_sql *found;

	if (w->nesting < SP_DECIDE_NESTING_MAX) {
		w->nesting++;
		is_known = sp_decide_definitions(w, sql, i, is_cursor, a->name);
		for (size_t k = 0; !is_known || k > 0; k++) {
			found = w->req->lookup == NULL ? NULL : w->req->lookup(w->req->lookup_ctx, what, a->name, k);
			if (found == NULL)
				break;
			if (!sp_decide_definitions(w, found, sp_sql_count(found), is_cursor, a->name))
				sp_decide_sql(w, found, sp_sql_count(found));
			is_known = true;
		}
		w->nesting--;
	}
	if (!is_known)
		sp_decide_refuse(w, "It is not known here what the %s \"%.64s\" does.",
		    is_cursor ? "cursor" : "prepared statement", a->name);
}

static void
sp_decide_sql(struct sp_decide_work *w, const struct sp_sql *sql, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct sp_sql_stmt *s = sp_sql_at(sql, i);

		sp_decide_actions(w, s);
		if (s->verb == SP_SQL_UNPARSED && w->d->effect == SP_POLICY_DENY && w->d->is_refusal)
			(void)snprintf(w->d->message, sizeof(w->d->message),
			    "This text could not be understood, so it is refused: %s.", s->error);
		for (size_t j = 0; j < s->nactions; j++)
			if (s->actions[j].object == SP_SQL_OBJECT_OTHER &&
			    (s->actions[j].verb == SP_SQL_EXECUTE || s->actions[j].verb == SP_SQL_CURSOR))
				sp_decide_named(w, sql, i, &s->actions[j]);
	}
}

/* Whether any rule lets the person do anything here at all, and none keeps them out. */
static void
sp_decide_connect(struct sp_decide_work *w)
{
	const struct sp_policy_rule *allows = NULL;

	for (size_t i = 0; i < w->scope->n; i++) {
		const struct sp_policy_rule *r = w->scope->rules[i];

		if (!sp_match_connect(r) || !sp_match_context(r, w->req->time, w->req->from))
			continue;
		if (r->effect == SP_POLICY_DENY) {
			sp_decide_take(w, r);
			return;
		}
		if (allows == NULL)
			allows = r;
		sp_decide_terms(w, r);
	}
	if (allows == NULL) {
		sp_decide_refuse(w, "No rule lets you use %s.", w->scope->connection->name);
		return;
	}
	w->d->effect = SP_POLICY_ALLOW;
	w->d->rule = allows;
}

static void
sp_decide_argv(struct sp_decide_work *w)
{
	const struct sp_policy_connection *c = w->scope->connection;
	const struct sp_policy_rule *best = NULL;

	w->d->label = SP_POLICY_ENFORCED;
	sp_decide_connect(w);
	if (w->d->effect == SP_POLICY_DENY)
		return;
	for (size_t i = 0; i < c->ntools; i++)
		if (w->req->argv[0] != NULL && strcmp(c->tools[i], w->req->argv[0]) == 0)
			return;
	w->d->effect = SP_POLICY_ALLOW;
	w->d->rule = NULL;
	for (size_t i = 0; i < w->scope->n; i++) {
		const struct sp_policy_rule *r = w->scope->rules[i];

		if (!sp_match_command(r, w->req->argv) || !sp_match_context(r, w->req->time, w->req->from))
			continue;
		sp_decide_mask(w, r);
		if (best == NULL || sp_decide_is_stricter(r, best))
			best = r;
	}
	if (best != NULL)
		sp_decide_take(w, best);
	else
		sp_decide_refuse(w, "No rule allows this command on %s.", c->name);
}

void
sp_decide(const struct sp_decide_scope *scope, const struct sp_decide_request *request,
    struct sp_decision *ret_decision)
{
	struct sp_decide_work w = {.scope = scope, .req = request, .d = ret_decision};
	struct sp_decision *d = ret_decision;

	d->effect = SP_POLICY_DENY;
	d->is_refusal = false;
	d->rule = NULL;
	d->label = SP_POLICY_PROVEN;
	d->approve = NULL;
	d->policy_version = scope->image->version;
	d->nmasks = d->nmatched = d->nscans = 0;
	d->message[0] = 0;
	d->nsecrets = 0;
	d->terms = (struct sp_policy_terms){.idle_seconds = scope->connection->idle_seconds,
	    .max_seconds = scope->connection->max_seconds, .records_input = scope->connection->records_input,
	    .lines = scope->connection->lines,
	    .banner = scope->connection->banner};
	if (request->shell != NULL) {
		sp_decide_connect(&w);
		sp_decide_line(&w);
	} else if (request->exec != NULL) {
		sp_decide_connect(&w);
		sp_decide_exec_one(&w);
	} else if (request->file != NULL) {
		sp_decide_connect(&w);
		sp_decide_file_one(&w);
	} else if (request->network != NULL) {
		sp_decide_connect(&w);
		sp_decide_network_one(&w);
	} else if (request->is_terminal) {
		sp_decide_connect(&w);
		sp_decide_terminal(&w);
	} else if (request->argv != NULL) {
		sp_decide_argv(&w);
	} else if (request->sql == NULL) {
		sp_decide_connect(&w);
	} else {
		/* A message of nothing but comments and BEGINs needs only that the person may be here. */
		sp_decide_connect(&w);
		if (d->effect == SP_POLICY_ALLOW) {
			d->rule = NULL;
			sp_decide_sql(&w, request->sql, sp_sql_count(request->sql));
			d->nmatched = d->nmasks;
		}
		if (d->effect != SP_POLICY_DENY)
			sp_decide_marks(&w);
	}
	if (request->sql == NULL)
		d->nmatched = d->nmasks;
	if (d->effect != SP_POLICY_DENY)
		d->is_refusal = false;
	if (d->effect == SP_POLICY_DENY) {
		d->approve = NULL;
		d->nsecrets = 0;
	}
}

/* --- explain ------------------------------------------------------------------------------------- */

static const char *
sp_decide_why_not(const struct sp_policy_image *image, const struct sp_policy_subject *subject,
    const struct sp_policy_connection *c, const struct sp_decide_request *q, const struct sp_policy_rule *r)
{
	if (!sp_match_connection(r, c))
		return "another connection (on)";
	if (!sp_model_matches(image, &r->who, subject))
		return "another person (who)";
	if (!sp_match_context(r, q->time, q->from))
		return "another time or place (when, from)";
	if (q->file != NULL)
		return sp_decide_file_matches(q, r) ? NULL : "another operation or path (do)";
	if (q->network != NULL)
		return sp_match_network(r, q->network) ? NULL : "another connection over a socket (do)";
	if (q->shell != NULL || q->exec != NULL || q->is_terminal)
		return sp_decide_line_matches(c, q, r) ? NULL : "another command (do)";
	if (q->argv != NULL)
		return sp_match_command(r, q->argv) ? NULL : "another command (do)";
	if (q->sql == NULL)
		return sp_match_connect(r) ? NULL : "says nothing of connecting (do)";
	for (size_t i = 0; i < sp_sql_count(q->sql); i++) {
		const struct sp_sql_stmt *s = sp_sql_at(q->sql, i);

		for (size_t j = 0; j < s->nactions; j++)
			if (sp_match_action(r, &s->actions[j]))
				return NULL;
	}
	return "another action (do)";
}

int
sp_decide_explain(const struct sp_policy_image *image, const struct sp_policy_subject *subject,
    const struct sp_policy_connection *connection, const struct sp_decide_request *request, struct sp_buf *out)
{
	for (size_t i = 0; i < image->nrules; i++) {
		const struct sp_policy_rule *r = &image->rules[i];
		const char *why = sp_decide_why_not(image, subject, connection, request, r);

		(void)sp_buf_putf(out, "  %-8s %-32s %s%s\n", sp_policy_effect_str(r->effect), r->name,
		    why == NULL ? "matches" : "no match: ", why == NULL ? "" : why);
	}
	return sp_buf_error(out);
}
