/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions on files of target hosts. Each word needs a match of its own, on each path. */
#include "policy/file.h"

#include <stdio.h>
#include <string.h>

#include "policy/decidework.h"
#include "policy/match.h"

#define DECIDE_FILE_SHOWN 200 /* bytes of a path in a message */

#define FILE_CHANGES \
	(SP_FILE_BIT(SP_FILE_WRITE) | SP_FILE_BIT(SP_FILE_CREATE) | SP_FILE_BIT(SP_FILE_REMOVE) | SP_FILE_BIT(SP_FILE_RENAME))
#define FILE_LOOKS (SP_FILE_BIT(SP_FILE_READ) | SP_FILE_BIT(SP_FILE_LIST))

const char *
sp_file_word_str(unsigned word)
{
	static const char *const words[] = {"list", "stat", "read", "write", "create", "remove", "rename", "mkdir", "rmdir",
	    "setstat", "link", "symlink"};

	return word < SP_FILE_WORDS ? words[word] : NULL;
}

bool
sp_file_is_path(const char *path)
{
	size_t len = 0;

	if (path[0] != '/')
		return false;
	if (path[1] == 0)
		return true;
	while (*path != 0) {
		size_t n = strcspn(path + 1, "/");

		if (n == 0 || (n == 1 && path[1] == '.') || (n == 2 && path[1] == '.' && path[2] == '.'))
			return false;
		for (size_t i = 1; i <= n; i++)
			if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
				return false;
		path += n + 1;
		len += n + 1;
	}
	return len <= SP_FILE_PATH_MAX;
}

static void
decide_file_no_rule(struct sp_decide_work *w, unsigned word, const char *path)
{
	char shown[DECIDE_FILE_SHOWN + 1];
	size_t n = 0;

	for (; n < DECIDE_FILE_SHOWN && path[n] != 0; n++)
		shown[n] = path[n] > ' ' && path[n] < 0x7f ? path[n] : '?';
	shown[n] = 0;
	sp_decide_refuse(w, "No rule allows you to %s %s on %s (do: { file: [%s] }).", sp_file_word_str(word), shown,
	    w->scope->connection->name, sp_file_word_str(word));
}

/*
 * A renamed or linked file can be had by its new name, and with a directory everything in it moves. So rules that are
 * strict about what lies there hold for these two as well, though they let nothing through by that: about changing
 * things, at both ends; about reading what goes away from where the rule holds.
 */
static bool
decide_file_is_touched(const struct sp_policy_rule *r, const struct sp_decide_file *f, unsigned word, bool is_second)
{
	uint32_t words = FILE_CHANGES | SP_FILE_BIT(word);

	if ((word != SP_FILE_RENAME && word != SP_FILE_LINK) || r->effect == SP_POLICY_ALLOW)
		return false;
	if (!is_second && f->path2 != NULL && !sp_match_file_covers(r, f->path2))
		words |= FILE_LOOKS;
	return (r->files & words) != 0 && sp_match_file_could(r, is_second ? f->path2 : f->path, !f->is_file);
}

static bool
decide_file_meets(const struct sp_policy_rule *r, const struct sp_decide_file *f, unsigned word, bool is_second)
{
	if (f->is_tree)
		return sp_match_file_tree(r, word, f->path);
	return sp_match_file(r, word, is_second ? f->path2 : f->path);
}

/* What a rule masks or scans in a part of a tree it does in all of it, though that rule does not allow all of it. */
static bool
decide_file_concerns(const struct sp_policy_rule *r, const struct sp_decide_file *f, unsigned word)
{
	return f->is_tree && (r->files & SP_FILE_BIT(word)) != 0 && sp_match_file_could(r, f->path, true);
}

/* Contents pass: outwards they are masked, both ways they are scanned. */
static void
decide_file_contents(struct sp_decide_work *w, const struct sp_policy_rule *r, unsigned word, bool is_second)
{
	if (word != SP_FILE_READ && word != SP_FILE_WRITE)
		return;
	if (!decide_file_concerns(r, w->req->file, word) && !decide_file_meets(r, w->req->file, word, is_second))
		return;
	if (word == SP_FILE_READ)
		sp_decide_mask(w, r);
	sp_decide_scan(w, r);
}

static void
decide_file_one(struct sp_decide_work *w, unsigned word, bool is_second)
{
	const struct sp_decide_file *f = w->req->file;
	const char *path = is_second ? f->path2 : f->path;
	const struct sp_policy_rule *best = NULL;

	for (size_t i = 0; i < w->scope->n; i++) {
		const struct sp_policy_rule *r = w->scope->rules[i];

		if (!sp_match_context(r, w->req->time, w->req->from))
			continue;
		decide_file_contents(w, r, word, is_second);
		if (!decide_file_meets(r, f, word, is_second))
			continue;
		if (best == NULL || sp_decide_is_stricter(r, best))
			best = r;
	}
	if (best == NULL) {
		decide_file_no_rule(w, word, path);
		return;
	}
	for (size_t i = 0; i < w->scope->n; i++) {
		const struct sp_policy_rule *r = w->scope->rules[i];

		if (decide_file_is_touched(r, f, word, is_second) && sp_match_context(r, w->req->time, w->req->from) &&
		    sp_decide_is_stricter(r, best))
			best = r;
	}
	sp_decide_take(w, best);
}

/* What the rule looks at in contents by one name, and does not by the other. */
static bool
decide_file_is_left(const struct sp_policy_rule *r, const struct sp_decide_file *f, uint32_t words, bool is_second)
{
	return (r->files & words) != 0 && sp_match_file_could(r, is_second ? f->path2 : f->path, !f->is_file) &&
	    !sp_match_file_covers(r, is_second ? f->path : f->path2);
}

/*
 * A new name must not be a way around what is done with contents by the old one, or the other way round: what is masked or
 * scanned when it is read, what is scanned when it is written. A linked file can be written by either name.
 */
static void
decide_file_names(struct sp_decide_work *w)
{
	const struct sp_decide_file *f = w->req->file;
	bool is_link = (f->words & SP_FILE_BIT(SP_FILE_LINK)) != 0;

	if (f->path2 == NULL || (f->words & (SP_FILE_BIT(SP_FILE_RENAME) | SP_FILE_BIT(SP_FILE_LINK))) == 0)
		return;
	for (size_t i = 0; i < w->scope->n; i++) {
		const struct sp_policy_rule *r = w->scope->rules[i];
		uint32_t from = r->has_mask || r->has_scan ? SP_FILE_BIT(SP_FILE_READ) : 0;
		uint32_t to = r->has_scan ? SP_FILE_BIT(SP_FILE_WRITE) : 0;

		if (is_link)
			from |= to;
		if (r->effect == SP_POLICY_DENY || !sp_match_context(r, w->req->time, w->req->from) ||
		    (!decide_file_is_left(r, f, from, false) && !decide_file_is_left(r, f, to, true)))
			continue;
		sp_decide_refuse(w, "Rule %s looks into files at one of these paths and not at the other: copy it instead.",
		    sp_policy_rule_name(r));
		return;
	}
}

void
sp_decide_file_one(struct sp_decide_work *w)
{
	const struct sp_decide_file *f = w->req->file;

	w->d->label = f->is_advisory ? SP_POLICY_ADVISORY : SP_POLICY_PROVEN;
	if (w->d->effect == SP_POLICY_DENY)
		return;
	w->d->rule = NULL;
	if (w->scope->connection->kind != SP_POLICY_KIND_SSH) {
		sp_decide_refuse(w, "%s has no files.", w->scope->connection->name);
		return;
	}
	if (f->words == 0 || (f->words & ~SP_FILE_BITS) != 0 || !sp_file_is_path(f->path) ||
	    (f->path2 != NULL && (f->is_tree || !sp_file_is_path(f->path2)))) {
		sp_decide_refuse(w, "This path is not one that can be decided on: absolute, no control characters.");
		return;
	}
	for (unsigned word = 0; word < SP_FILE_WORDS; word++) {
		if ((f->words & SP_FILE_BIT(word)) == 0)
			continue;
		decide_file_one(w, word, false);
		if (f->path2 != NULL)
			decide_file_one(w, word, true);
	}
	if (w->d->effect != SP_POLICY_DENY)
		decide_file_names(w);
}

bool
sp_decide_file_matches(const struct sp_decide_request *q, const struct sp_policy_rule *r)
{
	const struct sp_decide_file *f = q->file;

	for (unsigned word = 0; word < SP_FILE_WORDS; word++) {
		if ((f->words & SP_FILE_BIT(word)) == 0)
			continue;
		if (decide_file_meets(r, f, word, false) || decide_file_is_touched(r, f, word, false))
			return true;
		if (f->path2 != NULL && (decide_file_meets(r, f, word, true) || decide_file_is_touched(r, f, word, true)))
			return true;
	}
	return false;
}

bool
sp_decide_has_files(const struct sp_decide_scope *scope, int64_t time, const char *from)
{
	bool is_let = false;

	for (size_t i = 0; i < scope->n; i++) {
		const struct sp_policy_rule *r = scope->rules[i];

		if (!sp_match_context(r, time, from))
			continue;
		if (r->effect == SP_POLICY_DENY && sp_match_connect(r))
			return false;
		if (r->effect != SP_POLICY_DENY && (r->files != 0 || (r->does & SP_MODEL_DO_ANY) != 0))
			is_let = true;
	}
	return is_let && scope->connection->kind == SP_POLICY_KIND_SSH;
}
