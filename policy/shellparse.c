/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of a command line (XCU 2.9, 2.10). */
#include <stdlib.h>
#include <string.h>

#include "policy/shellread.h"

static const char *const sp_shell_closers[] = {"then", "else", "elif", "fi", "do", "done", "esac", "}", NULL};
static const char *const sp_shell_openers[] = {"{", "if", "while", "until", "for", "case", NULL};

/* --- redirections ----------------------------------------------------------------------------------- */

/* The delimiter after << or <<-. Only plain text, quoted or not. */
static void
sp_shell_begin_heredoc(struct sp_shell_reader *r)
{
	struct sp_shell_heredoc h = {.strips_tabs = sp_shell_raw(r, 0) == '-'};
	size_t n = 0;
	int c, quote = 0;

	r->at += h.strips_tabs;
	sp_shell_skip(r);
	for (; (c = sp_shell_raw(r, 0)) != SP_SHELL_END; r->at++) {
		if (quote == 0 && (c == '\'' || c == '"')) {
			quote = c;
			h.is_quoted = true;
		} else if (quote != 0 && c == quote) {
			quote = 0;
		} else if (quote == 0 && c == '\\' && sp_shell_raw(r, 1) != '\n') {
			h.is_quoted = true;
		} else if (quote == 0 && strchr(" \t\n;&|()<>", c) != NULL) {
			break;
		} else if (n == SP_SHELL_NAME_MAX || strchr("\\'\"$`*?[{}~!", c) != NULL || c == '\n') {
			sp_shell_fail(r, "the end of a here-document that shells read differently");
			return;
		} else {
			h.end[n++] = (char)c;
		}
	}
	if (quote != 0 || n == 0 || r->nheredocs == SP_SHELL_HEREDOCS_MAX)
		sp_shell_fail(r, "the end of a here-document that shells read differently");
	else
		r->heredocs[r->nheredocs++] = h;
}

/* <& and >&: only copies of descriptors. */
static void
sp_shell_copy_descriptor(struct sp_shell_reader *r)
{
	char word[16];
	size_t end;

	sp_shell_skip(r);
	end = sp_shell_plain(r, word, sizeof(word));
	if (end == 0 || (strcmp(word, "-") != 0 && (word[0] < '0' || word[0] > '9' || word[1] != 0)))
		sp_shell_fail(r, "a >& that shells read differently");
	else
		r->at = end;
}

static bool
sp_shell_is_idle_file(const char *s)
{
	return strcmp(s, "/dev/null") == 0 || strcmp(s, "/dev/stdin") == 0 || strcmp(s, "/dev/stdout") == 0 ||
	    strcmp(s, "/dev/stderr") == 0;
}

static void
sp_shell_redirect_file(struct sp_shell_reader *r, struct sp_shell_build *b, struct sp_shell_redirect d)
{
	struct sp_shell_redirect *room;
	size_t assigns, n;

	sp_shell_skip(r);
	d.position = sp_shell_position(r);
	if (!sp_shell_read_word(r, &d.target, &assigns)) {
		sp_shell_fail(r, "a redirection without its file");
		return;
	}
	n = strspn(d.target.text, "0123456789");
	if (d.is_read && d.target.text[n] == '-' && sp_shell_raw(r, 0) == '>')
		sp_shell_fail(r, "a < that shells read differently");
	if (strncmp(d.target.text, "/dev/tcp/", 9) == 0 || strncmp(d.target.text, "/dev/udp/", 9) == 0)
		sp_shell_reason_add(r->s, d.position, "a connection that bash makes");
	if (d.target.text[0] == 0)
		sp_shell_fail(r, "a redirection without its file");
	if (sp_shell_is_idle_file(d.target.text))
		return;
	room = sp_shell_grow(r->s, b->redirects, b->nredirects, &b->redirects_room, sizeof(*room));
	if (room == NULL)
		return;
	b->redirects = room;
	b->redirects[b->nredirects++] = d;
}

/* At < or >. */
static void
sp_shell_read_redirect(struct sp_shell_reader *r, struct sp_shell_build *b)
{
	struct sp_shell_redirect d = {0};
	struct sp_shell_word ignored;
	size_t assigns;
	int c = sp_shell_raw(r, 0), next;

	r->at++;
	next = sp_shell_peek(r);
	if (next == '(' || next == '!') {
		sp_shell_fail(r, next == '(' ? "a process substitution" : "a >! that shells read differently");
		return;
	}
	d.is_read = c == '<';
	d.is_write = c == '>';
	if (next == '&') {
		r->at++;
		sp_shell_copy_descriptor(r);
		return;
	}
	if (c == '<' && next == '<') {
		r->at++;
		if (sp_shell_peek(r) != '<') {
			sp_shell_begin_heredoc(r);
			return;
		}
		r->at++;
		sp_shell_skip(r);
		if (!sp_shell_read_word(r, &ignored, &assigns))
			sp_shell_fail(r, "a <<< without its text");
		return;
	}
	if (c == '>' && (next == '>' || next == '|')) {
		d.is_append = next == '>';
		r->at++;
		next = sp_shell_peek(r);
		if (next == '!' || next == '|' || next == '&' || next == '(')
			sp_shell_fail(r, "a redirection that shells read differently");
	} else if (c == '<' && next == '>') {
		d.is_write = true;
		r->at++;
		if (sp_shell_peek(r) == '(')
			sp_shell_fail(r, "a process substitution");
	}
	sp_shell_redirect_file(r, b, d);
}

/* "2>": digits right before < or >. False if there are none; the digit is taken. */
static bool
sp_shell_is_descriptor(struct sp_shell_reader *r)
{
	size_t n = 0;

	while (sp_shell_raw(r, n) >= '0' && sp_shell_raw(r, n) <= '9')
		n++;
	if (n == 0 || (sp_shell_raw(r, n) != '<' && sp_shell_raw(r, n) != '>'))
		return false;
	if (n > 1)
		sp_shell_fail(r, "a descriptor above 9");
	r->at += n;
	return true;
}

/* --- simple commands -------------------------------------------------------------------------------- */

static void
sp_shell_build_word(struct sp_shell_reader *r, struct sp_shell_build *b, const struct sp_shell_word *w)
{
	struct sp_shell_word *room = sp_shell_grow(r->s, b->words, b->n, &b->room, sizeof(*room));

	if (room == NULL)
		return;
	b->words = room;
	b->words[b->n++] = *w;
}

static void
sp_shell_clear(struct sp_shell_build *b)
{
	free(b->words);
	free(b->redirects);
}

/* What stands before the command's name, and a command of nothing else. */
static void
sp_shell_check_assignments(struct sp_shell_reader *r, size_t position, const struct sp_shell_word *names, size_t n,
    bool has_command)
{
	for (size_t i = 0; i < n; i++)
		(void)sp_shell_assign(r->s, position, names[i].text, strcspn(names[i].text, "="), has_command);
}

static void sp_shell_read_compound(struct sp_shell_reader *r);

/* After `name (`. */
static void
sp_shell_read_function(struct sp_shell_reader *r, const struct sp_shell_word *name)
{
	struct sp_shell_place place = r->place;
	size_t n = strspn(name->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	r->at++;
	sp_shell_skip(r);
	if (sp_shell_peek(r) != ')' || !name->is_known || n == 0 || name->text[n] != 0 || n > SP_SHELL_NAME_MAX ||
	    sp_shell_is_keyword(name->text)) {
		sp_shell_fail(r, "a parenthesis where none can stand");
		return;
	}
	r->at++;
	sp_shell_skip_lines(r);
	r->place.reach |= SP_SHELL_FUNCTION;
	sp_shell_read_compound(r);
	r->place = place;
}

static void
sp_shell_read_simple(struct sp_shell_reader *r)
{
	struct sp_shell_build b = {0}, names = {0};
	struct sp_shell_place place = r->place;
	struct sp_shell_word w;
	size_t begin = r->at, assigns;
	bool is_plain = sp_shell_peek(r) > 0 && strchr("\\'\"$`", sp_shell_peek(r)) == NULL, is_function = false, is_redirected = false;

	place.position = sp_shell_position(r);
	for (;;) {
		int c;

		sp_shell_skip(r);
		c = sp_shell_peek(r);
		if (c == '(' && b.n == 1 && names.n == 0 && b.nredirects == 0 && is_plain && r->nheredocs == r->outer) {
			is_function = true;
			sp_shell_read_function(r, &b.words[0]);
			break;
		}
		if (c == '<' || c == '>' || sp_shell_is_descriptor(r)) {
			is_redirected = true;
			sp_shell_read_redirect(r, &b);
			continue;
		}
		if (!sp_shell_read_word(r, &w, &assigns))
			break;
		sp_shell_build_word(r, assigns > 0 && b.n == 0 ? &names : &b, &w);
	}
	if (r->at == begin || (sp_shell_peek(r) == '(' && !is_function))
		sp_shell_fail(r, "something that no command begins with");
	sp_shell_check_assignments(r, place.position, names.words, names.n, b.n > 0);
	if (b.n > 0 && !is_function)
		sp_shell_command(r->s, &place, b.words, b.n, b.redirects, b.nredirects);
	else if (b.n == 0 && is_redirected) /* zsh runs cat */
		sp_shell_fail(r, "a redirection without a command");
	sp_shell_clear(&b);
	sp_shell_clear(&names);
}

/* --- compound commands ------------------------------------------------------------------------------ */

static bool
sp_shell_take(struct sp_shell_reader *r, const char *word)
{
	char found[16];
	size_t end;

	sp_shell_skip_lines(r);
	end = sp_shell_plain(r, found, sizeof(found));
	if (end == 0 || strcmp(found, word) != 0)
		return false;
	r->at = end;
	return true;
}

static void
sp_shell_expect(struct sp_shell_reader *r, const char *word)
{
	if (!sp_shell_take(r, word))
		sp_shell_fail(r, "a compound command without its end");
}

/* A list that holds at least something. */
static void
sp_shell_read_body_list(struct sp_shell_reader *r)
{
	size_t begin;

	sp_shell_skip_lines(r);
	begin = r->at;
	sp_shell_read_list(r);
	if (r->at == begin)
		sp_shell_fail(r, "a compound command with nothing in it");
}

static void
sp_shell_read_if(struct sp_shell_reader *r)
{
	r->place.reach |= SP_SHELL_CONDITIONAL;
	do {
		sp_shell_read_body_list(r);
		sp_shell_expect(r, "then");
		sp_shell_read_body_list(r);
	} while (!r->s->is_stopped && sp_shell_take(r, "elif"));
	if (sp_shell_take(r, "else"))
		sp_shell_read_body_list(r);
	sp_shell_expect(r, "fi");
}

static void
sp_shell_read_do(struct sp_shell_reader *r)
{
	sp_shell_expect(r, "do");
	sp_shell_read_body_list(r);
	sp_shell_expect(r, "done");
}

static void
sp_shell_read_for(struct sp_shell_reader *r)
{
	char name[SP_SHELL_NAME_MAX];
	struct sp_shell_word w;
	size_t end, assigns;

	r->place.reach |= SP_SHELL_CONDITIONAL;
	sp_shell_skip(r);
	end = sp_shell_plain(r, name, sizeof(name));
	if (end == 0 || !sp_shell_assign(r->s, sp_shell_position(r), name, strlen(name), false)) {
		sp_shell_fail(r, "a for without a plain name");
		return;
	}
	r->at = end;
	sp_shell_skip(r);
	if (sp_shell_peek(r) == ';')
		r->at++;
	else if (sp_shell_take(r, "in")) {
		for (sp_shell_skip(r); sp_shell_read_word(r, &w, &assigns);)
			sp_shell_skip(r);
		if (sp_shell_peek(r) == ';')
			r->at++;
		else if (sp_shell_peek(r) != '\n')
			sp_shell_fail(r, "a for that shells read differently");
	}
	sp_shell_read_do(r);
}

/* One pattern list of a case, with its parentheses. False if it is the end of the case instead. */
static bool
sp_shell_read_pattern(struct sp_shell_reader *r)
{
	struct sp_shell_word w;
	size_t assigns;

	if (sp_shell_take(r, "esac") || r->s->is_stopped)
		return false;
	if (sp_shell_peek(r) == '(')
		r->at++;
	for (;;) {
		sp_shell_skip(r);
		if (!sp_shell_read_word(r, &w, &assigns)) {
			sp_shell_fail(r, "a case that shells read differently");
			return false;
		}
		sp_shell_skip(r);
		if (sp_shell_peek(r) != '|')
			break;
		r->at++;
	}
	if (sp_shell_peek(r) != ')') {
		sp_shell_fail(r, "a case that shells read differently");
		return false;
	}
	r->at++;
	return true;
}

static void
sp_shell_read_case(struct sp_shell_reader *r)
{
	struct sp_shell_word w;
	size_t assigns;

	r->place.reach |= SP_SHELL_CONDITIONAL;
	sp_shell_skip(r);
	if (!sp_shell_read_word(r, &w, &assigns) || !sp_shell_take(r, "in")) {
		sp_shell_fail(r, "a case that shells read differently");
		return;
	}
	while (sp_shell_read_pattern(r)) {
		sp_shell_read_list(r);
		if (sp_shell_peek(r) == ';' && sp_shell_raw(r, 1) == ';') {
			r->at += 2;
			if (sp_shell_raw(r, 0) == '&' || sp_shell_raw(r, 0) == '|')
				sp_shell_fail(r, "a case that shells read differently");
		} else if (!sp_shell_take(r, "esac")) {
			sp_shell_fail(r, "a case that shells read differently");
		} else {
			return;
		}
	}
}

/* The redirections after a compound command are those of a `:`. */
static void
sp_shell_read_compound_redirects(struct sp_shell_reader *r)
{
	struct sp_shell_build b = {0};
	struct sp_shell_place place = r->place;
	struct sp_shell_word colon = {.text = ":", .is_known = true};
	size_t i;

	for (;;) {
		sp_shell_skip(r);
		if (sp_shell_peek(r) != '<' && sp_shell_peek(r) != '>' && !sp_shell_is_descriptor(r))
			break;
		sp_shell_read_redirect(r, &b);
	}
	if (b.nredirects > 0 && !r->s->is_stopped) {
		place.position = sp_shell_position(r);
		i = sp_shell_add(r->s, &place, &colon, 1, b.redirects, b.nredirects);
		if (i != SP_SHELL_NONE)
			r->s->commands[i].is_builtin = r->s->commands[i].is_silent = true;
	}
	sp_shell_clear(&b);
}

/* At one of the openers or a parenthesis; anything else is not allowed here. */
static void
sp_shell_read_compound(struct sp_shell_reader *r)
{
	struct sp_shell_place place = r->place;
	char word[16] = "";
	size_t end;

	if (++r->place.depth > SP_SHELL_DEPTH_MAX) {
		sp_shell_refuse(r->s, "it is nested too deeply");
		return;
	}
	end = sp_shell_plain(r, word, sizeof(word));
	if (sp_shell_peek(r) == '(') {
		r->at++;
		r->place.reach |= SP_SHELL_SUBSHELL;
		if (sp_shell_raw(r, 0) == '(')
			sp_shell_fail(r, "(( that shells read differently");
		sp_shell_read_body_list(r);
		if (sp_shell_peek(r) != ')')
			sp_shell_fail(r, "a ( without its end");
		r->at++;
	} else {
		r->at = end;
		if (strcmp(word, "{") == 0) {
			sp_shell_read_body_list(r);
			sp_shell_expect(r, "}");
		} else if (strcmp(word, "if") == 0) {
			sp_shell_read_if(r);
		} else if (strcmp(word, "while") == 0 || strcmp(word, "until") == 0) {
			r->place.reach |= SP_SHELL_CONDITIONAL;
			sp_shell_read_body_list(r);
			sp_shell_read_do(r);
		} else if (strcmp(word, "for") == 0) {
			sp_shell_read_for(r);
		} else if (strcmp(word, "case") == 0) {
			sp_shell_read_case(r);
		} else {
			sp_shell_fail(r, "a function whose body is no compound command");
		}
	}
	r->place = place;
	sp_shell_read_compound_redirects(r);
}

/* --- lists ------------------------------------------------------------------------------------------ */

static void
sp_shell_mark(struct sp_shell *s, size_t first, uint32_t reach)
{
	for (size_t i = first; i < s->ncommands; i++)
		s->commands[i].reach |= reach;
}

/* Whether a list ends here. */
static bool
sp_shell_is_list_end(struct sp_shell_reader *r)
{
	char word[16];
	int c = sp_shell_peek(r);

	return c == SP_SHELL_END || c == ')' || (c == ';' && sp_shell_raw(r, 1) == ';') ||
	    (sp_shell_plain(r, word, sizeof(word)) > 0 && sp_shell_in(sp_shell_closers, word, strlen(word)));
}

static void
sp_shell_read_command(struct sp_shell_reader *r)
{
	char word[16];

	if (sp_shell_peek(r) == '(' ||
	    (sp_shell_plain(r, word, sizeof(word)) > 0 && sp_shell_in(sp_shell_openers, word, strlen(word))))
		sp_shell_read_compound(r);
	else if (sp_shell_is_list_end(r))
		sp_shell_fail(r, "something that no command begins with");
	else
		sp_shell_read_simple(r);
}

static void
sp_shell_read_pipeline(struct sp_shell_reader *r)
{
	size_t first = r->s->ncommands, end;
	bool is_piped = false;
	char word[4];

	end = sp_shell_plain(r, word, sizeof(word));
	if (end > 0 && strcmp(word, "!") == 0) {
		if (end < r->len && r->p[end] == '(')
			sp_shell_fail(r, "a !( that shells read differently");
		r->at = end;
		sp_shell_skip(r);
	}
	for (;;) {
		sp_shell_read_command(r);
		sp_shell_skip(r);
		if (sp_shell_peek(r) != '|' || sp_shell_raw(r, 1) == '|')
			break;
		if (sp_shell_raw(r, 1) == '&')
			sp_shell_fail(r, "|& that shells read differently");
		r->at++;
		is_piped = true;
		sp_shell_skip_lines(r);
	}
	if (is_piped)
		sp_shell_mark(r->s, first, SP_SHELL_PIPELINE);
}

static void
sp_shell_read_and_or(struct sp_shell_reader *r)
{
	size_t first = r->s->ncommands, next;

	sp_shell_read_pipeline(r);
	for (;;) {
		int c = sp_shell_peek(r);

		if ((c != '&' && c != '|') || sp_shell_raw(r, 1) != c)
			break;
		r->at += 2;
		sp_shell_skip_lines(r);
		next = r->s->ncommands;
		sp_shell_read_pipeline(r);
		sp_shell_mark(r->s, next, SP_SHELL_CONDITIONAL);
	}
	if (sp_shell_peek(r) == '&') {
		if (sp_shell_raw(r, 1) == '>' || sp_shell_raw(r, 1) == '|' || sp_shell_raw(r, 1) == '!')
			sp_shell_fail(r, "&> that shells read differently");
		sp_shell_mark(r->s, first, SP_SHELL_BACKGROUND);
	}
}

void
sp_shell_read_list(struct sp_shell_reader *r)
{
	for (;;) {
		int c;

		sp_shell_skip_lines(r);
		if (sp_shell_is_list_end(r))
			return;
		sp_shell_read_and_or(r);
		sp_shell_skip(r);
		c = sp_shell_peek(r);
		if (c == ';' && sp_shell_raw(r, 1) == ';')
			return;
		if (c == ';' || c == '&')
			r->at++;
		else if (c != '\n' && c != SP_SHELL_END && c != ')')
			sp_shell_fail(r, "words after the end of a compound command");
	}
}

void
sp_shell_read_line(struct sp_shell *s, const struct sp_shell_place *place, const char *text, size_t len)
{
	struct sp_shell_reader r = {.s = s, .p = text, .len = len, .place = *place,
	    .is_nested = place->reach != 0 || place->depth > 0};

	if ((s->flags & SP_SHELL_TYPED) && len > 0 && text[0] == '^')
		sp_shell_fail(&r, "a ^ that the history is put in for");
	sp_shell_read_list(&r);
	if (!s->is_stopped && r.at < r.len)
		sp_shell_fail(&r, "the end of something that never began");
	if (!s->is_stopped && r.nheredocs > 0)
		sp_shell_fail(&r, "a here-document without its end");
}
