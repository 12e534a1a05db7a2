/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions on command lines, execs and terminals. Each command of a line needs a match of its own. */
#include <stdio.h>
#include <string.h>

#include "policy/decidework.h"
#include "policy/match.h"
#include "policy/shell.h"

#define SP_DECIDE_NAME_MAX 64 /* bytes of a name in a message */

/* A part of what is asked, and the rules that match it so far. */
struct sp_decide_part {
	const struct sp_policy_rule *best;
	bool is_unresolved;
	const struct sp_shell_command *command;
	const struct sp_shell_redirect *redirect;
	const struct sp_match_word *words;
};

/* A name from outside, for a message: plain ASCII, "..." for what is not known. */
static const char *
sp_decide_name(const char *s, char out[SP_DECIDE_NAME_MAX + 4])
{
	size_t n = 0;

	for (; *s != 0 && n < SP_DECIDE_NAME_MAX; s++) {
		if (*s == SP_SHELL_UNKNOWN) {
			memcpy(out + n, "...", 3);
			n += 3;
		} else {
			out[n++] = *s > ' ' && *s < 0x7f ? *s : '?';
		}
	}
	out[n] = 0;
	return out;
}

static uint32_t
sp_decide_shorter(uint32_t a, uint32_t b)
{
	return a == 0 ? b : b == 0 || a < b ? a : b;
}

void
sp_decide_terms(struct sp_decide_work *w, const struct sp_policy_rule *r)
{
	struct sp_policy_terms *t = &w->d->terms;

	t->idle_seconds = sp_decide_shorter(t->idle_seconds, r->terms.idle_seconds);
	t->max_seconds = sp_decide_shorter(t->max_seconds, r->terms.max_seconds);
	t->records_input = t->records_input || r->terms.records_input;
	t->lines = r->terms.lines > t->lines ? r->terms.lines : t->lines;
	if (t->banner[0] == 0)
		t->banner = r->terms.banner;
}

/* The secrets a rule gives that this connection has. */
static void
sp_decide_give(struct sp_decide_work *w, const struct sp_policy_rule *r)
{
	const struct sp_policy_connection *c = w->scope->connection;
	struct sp_decision *d = w->d;

	for (size_t i = 0; i < r->secrets.n && r->effect != SP_POLICY_DENY; i++) {
		bool is_there = false, is_twice = false;

		for (size_t k = 0; k < c->nsecrets; k++)
			is_there = is_there || strcmp(c->secrets[k].name, r->secrets.s[i]) == 0;
		for (size_t k = 0; k < d->nsecrets; k++)
			is_twice = is_twice || strcmp(d->secrets[k], r->secrets.s[i]) == 0;
		if (is_there && !is_twice && d->nsecrets < SP_POLICY_SECRETS_MAX)
			d->secrets[d->nsecrets++] = r->secrets.s[i];
	}
}

static void
sp_decide_part_add(struct sp_decide_work *w, struct sp_decide_part *p, const struct sp_policy_rule *r)
{
	sp_decide_mask(w, r);
	if (p->best == NULL || sp_decide_is_stricter(r, p->best))
		p->best = r;
}

/* The rules that match a part; the strictest is taken. False if there is none. */
static bool
sp_decide_part_rules(struct sp_decide_work *w, struct sp_decide_part *p)
{
	for (size_t i = 0; i < w->scope->n; i++) {
		const struct sp_policy_rule *r = w->scope->rules[i];
		bool is_match = p->redirect != NULL ? sp_match_redirect(r, p->command, p->redirect) :
		    p->command != NULL ? sp_match_shell(r, p->command, w->scope->connection->login_user, p->words) :
		    p->is_unresolved   ? sp_match_unresolved(r) :
					 sp_match_terminal(r);

		if (is_match && sp_match_context(r, w->req->time, w->req->from))
			sp_decide_part_add(w, p, r);
	}
	if (p->best != NULL)
		sp_decide_take(w, p->best);
	return p->best != NULL;
}

static void
sp_decide_redirects(struct sp_decide_work *w, const struct sp_shell_command *c)
{
	char name[SP_DECIDE_NAME_MAX + 4];

	for (size_t i = 0; i < c->nredirects; i++) {
		struct sp_decide_part p = {.command = c, .redirect = &c->redirects[i]};

		if (!sp_decide_part_rules(w, &p))
			sp_decide_refuse(w, "No rule allows you to %s the file %s on %s (do: { %s: [...] }).",
			    p.redirect->is_write ? "write" : "read", sp_decide_name(p.redirect->target.text, name),
			    w->scope->connection->name, p.redirect->is_write ? "write" : "read");
	}
}

static void
sp_decide_shell_command(struct sp_decide_work *w, const struct sp_shell_command *c)
{
	struct sp_match_word words[SP_SHELL_WORDS_MAX];
	struct sp_decide_part p = {.command = c, .words = words};
	char name[SP_DECIDE_NAME_MAX + 4];

	sp_decide_redirects(w, c);
	/* What has no name to match is among the reasons. */
	if (!c->words[0].is_known || c->words[0].is_open)
		return;
	if (c->nwords > SP_SHELL_WORDS_MAX) {
		sp_decide_refuse(w, "This command has too many words.");
		return;
	}
	for (size_t i = 0; i < c->nwords; i++)
		words[i] = (struct sp_match_word){c->words[i].text, c->words[i].is_open, c->words[i].is_number};
	if (sp_decide_part_rules(w, &p) || c->is_silent)
		return;
	if (c->can_escape)
		sp_decide_refuse(w, "%s can run other programs; no rule names it for you on %s.",
		    sp_decide_name(c->words[0].text, name), w->scope->connection->name);
	else
		sp_decide_refuse(w, "No rule allows you %s%s on %s.", sp_decide_name(c->words[0].text, name),
		    c->nwords > 1 ? " with these arguments" : "", w->scope->connection->name);
}

void
sp_decide_line(struct sp_decide_work *w)
{
	const struct sp_shell *s = w->req->shell;
	bool is_resolved = sp_shell_reasons(s) == 0;
	struct sp_decide_part unresolved = {.is_unresolved = true};

	w->d->label = is_resolved && !sp_shell_is_typed(s) ? SP_POLICY_PROVEN : SP_POLICY_ADVISORY;
	if (sp_shell_refused(s) != NULL) {
		sp_decide_refuse(w, "This line is refused: %s.", sp_shell_refused(s));
		return;
	}
	if (w->d->effect == SP_POLICY_DENY)
		return;
	w->d->rule = NULL;
	for (size_t i = 0; i < sp_shell_count(s); i++)
		sp_decide_shell_command(w, sp_shell_at(s, i));
	if (!is_resolved && !sp_decide_part_rules(w, &unresolved))
		sp_decide_refuse(w, "It cannot be said what this line runs (byte %zu: %s), so it is refused.",
		    sp_shell_reason(s, 0)->position + 1, sp_shell_reason(s, 0)->text);
}

void
sp_decide_terminal(struct sp_decide_work *w)
{
	struct sp_decide_part p = {0};

	w->d->label = w->scope->connection->kind == SP_POLICY_KIND_SHELL ? SP_POLICY_ENFORCED : SP_POLICY_ADVISORY;
	if (w->d->effect == SP_POLICY_DENY)
		return;
	w->d->rule = NULL;
	if (!sp_decide_part_rules(w, &p))
		sp_decide_refuse(w, "No rule allows you an interactive shell on %s; give it a command.",
		    w->scope->connection->name);
}

/* --- exec ------------------------------------------------------------------------------------------- */

/* The loader runs a program without an exec of it; what has no name of its own cannot be told from something else. */
static bool
sp_decide_is_unresolved(const struct sp_decide_exec *e)
{
	const char *base = strrchr(e->path, '/');
	size_t n = strlen(e->path);

	return e->is_unresolved || strncmp(base + 1, "ld-", 3) == 0 || strncmp(base + 1, "ld.so", 5) == 0 ||
	    strncmp(e->path, "/memfd:", 7) == 0 || strncmp(e->path, "/proc/", 6) == 0 ||
	    strncmp(e->path, "/dev/fd/", 8) == 0 || (n > 10 && strcmp(e->path + n - 10, " (deleted)") == 0);
}

static size_t
sp_decide_exec_words(const struct sp_decide_exec *e, struct sp_match_word words[SP_SHELL_WORDS_MAX])
{
	size_t n = 1;

	words[0] = (struct sp_match_word){.text = e->path};
	for (; e->argv[0] != NULL && e->argv[n] != NULL && n < SP_SHELL_WORDS_MAX; n++)
		words[n] = (struct sp_match_word){.text = e->argv[n]};
	/* More than can be looked at: only `**` may take them. */
	if (n == SP_SHELL_WORDS_MAX)
		words[n - 1].is_open = true;
	return n;
}

void
sp_decide_exec_one(struct sp_decide_work *w)
{
	const struct sp_decide_exec *e = w->req->exec;
	struct sp_match_word words[SP_SHELL_WORDS_MAX];
	struct sp_decide_part p = {0}, unresolved = {.is_unresolved = true};
	char name[SP_DECIDE_NAME_MAX + 4];
	size_t n;

	w->d->label = SP_POLICY_ENFORCED;
	if (e->path[0] != '/') {
		sp_decide_refuse(w, "A program without a path cannot be decided on.");
		return;
	}
	if (w->d->effect == SP_POLICY_DENY)
		return;
	n = sp_decide_exec_words(e, words);
	if (!e->is_declared)
		w->d->rule = NULL;
	for (size_t i = 0; i < w->scope->n; i++) {
		const struct sp_policy_rule *r = w->scope->rules[i];

		if (!sp_match_exec(r, e, words, n) || !sp_match_context(r, w->req->time, w->req->from))
			continue;
		sp_decide_part_add(w, &p, r);
		sp_decide_give(w, r);
	}
	if (p.best != NULL) {
		w->d->rule = NULL;
		sp_decide_take(w, p.best);
	} else if (!e->is_declared) {
		sp_decide_refuse(w, "No rule allows you %s%s on %s.", sp_decide_name(e->path, name),
		    n > 1 ? " with these arguments" : "", w->scope->connection->name);
	}
	if (sp_decide_is_unresolved(e) && !sp_decide_part_rules(w, &unresolved))
		sp_decide_refuse(w, "It cannot be said what %s runs, so it is refused (do: { unresolved: true }).",
		    sp_decide_name(e->path, name));
}

/* --- explain ---------------------------------------------------------------------------------------- */

static bool
sp_decide_command_matches(const struct sp_policy_connection *c, const struct sp_shell_command *command,
    const struct sp_policy_rule *r)
{
	struct sp_match_word words[SP_SHELL_WORDS_MAX];

	for (size_t i = 0; i < command->nredirects; i++)
		if (sp_match_redirect(r, command, &command->redirects[i]))
			return true;
	if (!command->words[0].is_known || command->words[0].is_open || command->nwords > SP_SHELL_WORDS_MAX)
		return false;
	for (size_t i = 0; i < command->nwords; i++)
		words[i] = (struct sp_match_word){command->words[i].text, command->words[i].is_open,
		    command->words[i].is_number};
	return sp_match_shell(r, command, c->login_user, words);
}

bool
sp_decide_line_matches(const struct sp_policy_connection *c, const struct sp_decide_request *q,
    const struct sp_policy_rule *r)
{
	struct sp_match_word words[SP_SHELL_WORDS_MAX];

	if (q->is_terminal)
		return sp_match_terminal(r);
	if (q->exec != NULL)
		return sp_match_exec(r, q->exec, words, sp_decide_exec_words(q->exec, words));
	for (size_t i = 0; i < sp_shell_count(q->shell); i++)
		if (sp_decide_command_matches(c, sp_shell_at(q->shell, i), r))
			return true;
	return sp_shell_reasons(q->shell) > 0 && sp_match_unresolved(r);
}
