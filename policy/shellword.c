/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a command line: quotes, expansions, globs (XCU 2.2, 2.6). What is expanded becomes SP_SHELL_UNKNOWN. */
#include <stdlib.h>
#include <string.h>

#include "policy/shellread.h"

static bool
sp_shell_is_name_char(int c, bool is_first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (!is_first && c >= '0' && c <= '9');
}

static void
sp_shell_put(struct sp_shell_reader *r, struct sp_shell_lex *x, int c)
{
	char *text = x->is_swallowed ? NULL : sp_shell_grow(r->s, x->text, x->len + 1, &x->room, 1);

	if (text == NULL)
		return;
	x->text = text;
	x->text[x->len++] = (char)c;
	x->text[x->len] = 0;
}

static void
sp_shell_put_unknown(struct sp_shell_reader *r, struct sp_shell_lex *x, bool is_open, bool is_number)
{
	x->is_unknown = true;
	x->is_open |= is_open;
	x->is_arbitrary |= !is_number;
	if (x->len == 0 || x->text[x->len - 1] != SP_SHELL_UNKNOWN)
		sp_shell_put(r, x, SP_SHELL_UNKNOWN);
}

/* Whatever follows in the word belongs to the unknown text before. */
static void
sp_shell_swallow(struct sp_shell_lex *x)
{
	x->is_swallowed = true;
	x->is_arbitrary = true;
}

static bool
sp_shell_enter(struct sp_shell_reader *r)
{
	if (++r->place.depth > SP_SHELL_DEPTH_MAX)
		sp_shell_refuse(r->s, "it is nested too deeply");
	return !r->s->is_stopped;
}

/* --- substitutions ---------------------------------------------------------------------------------- */

/* After $( */
static void
sp_shell_substitution(struct sp_shell_reader *r)
{
	struct sp_shell_place place = r->place;
	size_t outer = r->outer;

	r->place.position = sp_shell_position(r);
	r->place.reach |= SP_SHELL_SUBSTITUTION;
	r->outer = r->nheredocs;
	if (sp_shell_enter(r)) {
		sp_shell_read_list(r);
		if (sp_shell_peek(r) != ')')
			sp_shell_fail(r, "a $( without its end");
		if (r->nheredocs != r->outer)
			sp_shell_fail(r, "a here-document that ends outside of its $( )");
		r->at++;
	}
	r->outer = outer;
	r->place = place;
}

/* After a backquote. */
static void
sp_shell_backquote(struct sp_shell_reader *r, bool is_dq)
{
	struct sp_shell_place place = r->place;
	size_t n = 0;
	char *text;
	int c;

	while (sp_shell_raw(r, n) != '`' && sp_shell_raw(r, n) != SP_SHELL_END)
		n += sp_shell_raw(r, n) == '\\' ? 2 : 1;
	text = sp_shell_alloc(r->s, n + 1);
	n = 0;
	place.position = sp_shell_position(r);
	place.reach |= SP_SHELL_SUBSTITUTION;
	while (text != NULL && (c = sp_shell_raw(r, 0)) != '`' && c != SP_SHELL_END) {
		int next = sp_shell_raw(r, 1);

		if (is_dq && (c == '"' || (c == '\\' && next == '"')))
			sp_shell_fail(r, "quotes within backquotes within quotes");
		r->at++;
		if (c == '\\' && (next == '`' || next == '\\' || next == '$')) {
			c = next;
			r->at++;
		}
		text[n++] = (char)c;
	}
	if (sp_shell_raw(r, 0) != '`') {
		sp_shell_fail(r, "a backquote without its end");
		return;
	}
	r->at++;
	if (++place.depth > SP_SHELL_DEPTH_MAX)
		sp_shell_refuse(r->s, "it is nested too deeply");
	else
		sp_shell_read_line(r->s, &place, text, n);
}

/* After $((. Only numbers and operators: a name's value can be an expression of its own, with a command in it. */
static void
sp_shell_arithmetic(struct sp_shell_reader *r, struct sp_shell_lex *x, bool is_dq)
{
	size_t depth = 0;
	int c;

	for (;; r->at++) {
		c = sp_shell_raw(r, 0);
		if (c == ')' && depth == 0)
			break;
		if (c == SP_SHELL_END || strchr("0123456789 \t+-*/%()<>=!&|^~?:,", c) == NULL) {
			sp_shell_fail(r, "arithmetic with more than numbers, or a subshell in $(( ");
			return;
		}
		depth += (c == '(');
		depth -= (c == ')');
	}
	if (sp_shell_raw(r, 1) != ')')
		sp_shell_fail(r, "a $(( without its end");
	r->at += 2;
	sp_shell_put_unknown(r, x, !is_dq, false);
}

/* --- parameters ------------------------------------------------------------------------------------- */

static void sp_shell_dollar(struct sp_shell_reader *r, struct sp_shell_lex *x, bool is_dq);
static void sp_shell_quoted(struct sp_shell_reader *r, struct sp_shell_lex *x);

/* '…', after the first quote. */
static void
sp_shell_single(struct sp_shell_reader *r, struct sp_shell_lex *x)
{
	int c;

	x->is_quoted = true;
	while ((c = sp_shell_raw(r, 0)) != '\'' && c != SP_SHELL_END) {
		if (c == '\n' && r->nheredocs > 0)
			sp_shell_fail(r, "a line that ends in quotes after the beginning of a here-document");
		sp_shell_put(r, x, c);
		r->at++;
	}
	if (c == SP_SHELL_END)
		sp_shell_fail(r, "a quote without its end");
	r->at++;
}

/* The word in ${name:-word}, up to and with its brace. What it says is thrown away; what it runs is not. */
static void
sp_shell_parameter_word(struct sp_shell_reader *r, bool is_dq)
{
	struct sp_shell_lex x = {0};
	int c;

	if (!sp_shell_enter(r))
		return;
	while ((c = sp_shell_peek(r)) != '}' && c != SP_SHELL_END) {
		r->at++;
		if ((is_dq && (c == '\'' || c == '"')) || c == '{' || (c == '!' && (r->s->flags & SP_SHELL_TYPED)) ||
		    (c == '\n' && r->nheredocs > 0))
			sp_shell_fail(r, "quotes or braces within ${ }");
		else if (c == '\\')
			r->at++;
		else if (c == '\'')
			sp_shell_single(r, &x);
		else if (c == '"')
			sp_shell_quoted(r, &x);
		else if (c == '$')
			sp_shell_dollar(r, &x, is_dq);
		else if (c == '`')
			sp_shell_backquote(r, is_dq);
		else if (!is_dq && strchr("()<>", c) != NULL)
			sp_shell_fail(r, "an operator within ${ }");
	}
	if (c == SP_SHELL_END)
		sp_shell_fail(r, "a ${ without its end");
	r->at++;
	r->place.depth--;
	free(x.text);
}

/* ":3}" or ":1:2}" */
static bool
sp_shell_is_slice(struct sp_shell_reader *r)
{
	size_t i = 0, parts = 0;

	while (sp_shell_raw(r, i) == ':' && parts++ < 2) {
		size_t digits = i + 1;

		for (i++; sp_shell_raw(r, i) >= '0' && sp_shell_raw(r, i) <= '9';)
			i++;
		if (i == digits)
			return false;
	}
	if (parts == 0 || sp_shell_raw(r, i) != '}')
		return false;
	r->at += i + 1;
	return true;
}

/* After the name in ${name */
static void
sp_shell_parameter_rest(struct sp_shell_reader *r, const char *name, size_t len, bool is_dq)
{
	int c = sp_shell_raw(r, 0), next;

	if (c == '}') {
		r->at++;
		return;
	}
	if (sp_shell_is_slice(r))
		return;
	if (c == ':')
		c = sp_shell_raw(r, 1), r->at++;
	else if (c == '%' || c == '#') {
		r->at += sp_shell_raw(r, 1) == c ? 2 : 1;
		sp_shell_parameter_word(r, is_dq);
		return;
	}
	if (c != '-' && c != '=' && c != '?' && c != '+') {
		sp_shell_fail(r, "a form of ${ } that shells read differently");
		return;
	}
	r->at++;
	next = sp_shell_raw(r, 0);
	if (next == '(' || next == '=')
		sp_shell_fail(r, "a form of ${ } that shells read differently");
	if (c == '=' && !sp_shell_assign(r->s, sp_shell_position(r), name, len, false))
		return;
	sp_shell_parameter_word(r, is_dq);
}

/* After ${ */
static void
sp_shell_parameter(struct sp_shell_reader *r, struct sp_shell_lex *x, bool is_dq)
{
	bool is_length = sp_shell_raw(r, 0) == '#' && sp_shell_raw(r, 1) != '}', is_all;
	size_t begin;
	int c;

	r->at += is_length;
	begin = r->at;
	c = sp_shell_raw(r, 0);
	is_all = c == '@' || c == '*';
	if (sp_shell_is_name_char(c, true)) {
		while (sp_shell_is_name_char(sp_shell_raw(r, 0), false))
			r->at++;
	} else if (c >= '0' && c <= '9') {
		while (sp_shell_raw(r, 0) >= '0' && sp_shell_raw(r, 0) <= '9')
			r->at++;
	} else if (is_all || c == '?' || c == '$' || (c == '#' && sp_shell_raw(r, 1) == '}') ||
	    (c == '!' && sp_shell_raw(r, 1) == '}')) {
		r->at++;
	} else {
		sp_shell_fail(r, "a form of ${ } that shells read differently");
		return;
	}
	if (is_length && sp_shell_raw(r, 0) != '}') {
		sp_shell_fail(r, "a form of ${ } that shells read differently");
		return;
	}
	sp_shell_parameter_rest(r, r->p + begin, r->at - begin, is_dq);
	sp_shell_put_unknown(r, x, (!is_dq && !is_length) || is_all, is_length);
}

/* $name, $1, $@ … after the dollar; c is the byte after it. */
static void
sp_shell_variable(struct sp_shell_reader *r, struct sp_shell_lex *x, int c, bool is_dq)
{
	bool is_number = c == '#' || c == '?' || c == '$' || c == '!';

	r->at++;
	if (sp_shell_is_name_char(c, true))
		while (sp_shell_is_name_char(sp_shell_raw(r, 0), false))
			r->at++;
	/* $! is nothing at all before there is a background command. */
	sp_shell_put_unknown(r, x, (!is_dq && (!is_number || c == '!')) || c == '@', is_number);
	/* What follows belongs to it in some shells: $x[…] and $x:h in zsh, $10 and $#x in others. */
	if (sp_shell_raw(r, 0) == '[' || (sp_shell_raw(r, 0) == '\\' && sp_shell_raw(r, 1) == '\n'))
		sp_shell_fail(r, "a subscript or a line's end after a variable");
	if (c >= '0' && c <= '9' && sp_shell_raw(r, 0) >= '0' && sp_shell_raw(r, 0) <= '9')
		sp_shell_swallow(x);
	if (c == '#' && (sp_shell_is_name_char(sp_shell_raw(r, 0), false) || sp_shell_raw(r, 0) == '{' ||
			    sp_shell_raw(r, 0) == '$' || sp_shell_raw(r, 0) == '#'))
		sp_shell_fail(r, "$# before a name");
	if (sp_shell_raw(r, 0) == ':' && (sp_shell_is_name_char(sp_shell_raw(r, 1), true) || sp_shell_raw(r, 1) == '&'))
		sp_shell_swallow(x);
}

/* $'…', after the quote: bash and others know escapes in it, dash does not. */
static void
sp_shell_ansi(struct sp_shell_reader *r, struct sp_shell_lex *x)
{
	int c;

	x->is_quoted = true;
	while ((c = sp_shell_raw(r, 0)) != '\'' && c != SP_SHELL_END) {
		if ((c == '\\' && (sp_shell_raw(r, 1) == '\'' || sp_shell_raw(r, 1) == '\\')) ||
		    (c == '\n' && r->nheredocs > 0))
			sp_shell_fail(r, "$' ' with a backslash or quote in it");
		r->at++;
	}
	if (c == SP_SHELL_END)
		sp_shell_fail(r, "a quote without its end");
	r->at++;
	sp_shell_put_unknown(r, x, false, false);
}

/* At a dollar. */
static void
sp_shell_dollar(struct sp_shell_reader *r, struct sp_shell_lex *x, bool is_dq)
{
	int c = sp_shell_raw(r, 0);

	if (c == '(' && sp_shell_raw(r, 1) == '(') {
		r->at += 2;
		sp_shell_arithmetic(r, x, is_dq);
	} else if (c == '(') {
		r->at++;
		sp_shell_substitution(r);
		sp_shell_put_unknown(r, x, !is_dq, false);
	} else if (c == '{') {
		r->at++;
		sp_shell_parameter(r, x, is_dq);
	} else if (sp_shell_is_name_char(c, false) || (c > 0 && strchr("@*#?$-!", c) != NULL)) {
		sp_shell_variable(r, x, c, is_dq);
	} else if (c == '\'' && !is_dq) {
		r->at++;
		sp_shell_ansi(r, x);
	} else if (c == '"' && !is_dq) {
		/* Translated by bash, a literal dollar elsewhere. */
		r->at++;
		sp_shell_put_unknown(r, x, false, false);
		sp_shell_quoted(r, x);
		sp_shell_swallow(x);
	} else if ((c > 0 && strchr("[=~^+", c) != NULL) || (c == '\\' && sp_shell_raw(r, 1) == '\n')) {
		sp_shell_fail(r, "a dollar that shells read differently");
	} else {
		sp_shell_put(r, x, '$');
	}
}

/* "…", after the first quote. */
static void
sp_shell_quoted(struct sp_shell_reader *r, struct sp_shell_lex *x)
{
	int c;

	x->is_quoted = true;
	while ((c = sp_shell_peek(r)) != '"' && c != SP_SHELL_END) {
		r->at++;
		if (c == '$') {
			sp_shell_dollar(r, x, true);
		} else if (c == '`') {
			sp_shell_backquote(r, true);
			sp_shell_put_unknown(r, x, false, false);
		} else if (c == '\\' && sp_shell_raw(r, 0) > 0 && strchr("$`\"\\", sp_shell_raw(r, 0)) != NULL) {
			sp_shell_put(r, x, sp_shell_raw(r, 0));
			r->at++;
		} else if (c == '!' && (r->s->flags & SP_SHELL_TYPED)) {
			sp_shell_fail(r, "a ! that the history is put in for");
		} else if (c == '\n' && r->nheredocs > 0) {
			sp_shell_fail(r, "a line that ends in quotes after the beginning of a here-document");
		} else {
			sp_shell_put(r, x, c);
		}
	}
	if (c == SP_SHELL_END)
		sp_shell_fail(r, "a quote without its end");
	r->at++;
}

void
sp_shell_read_body(struct sp_shell_reader *r, const char *p, size_t n)
{
	struct sp_shell_reader b = {.s = r->s, .p = p, .len = n, .is_nested = true, .place = r->place};
	struct sp_shell_lex x = {.is_swallowed = true};

	b.place.position = sp_shell_position(r);
	while (sp_shell_raw(&b, 0) != SP_SHELL_END) {
		int c = sp_shell_raw(&b, 0);

		b.at++;
		if (c == '\\')
			b.at++;
		else if (c == '$')
			sp_shell_dollar(&b, &x, true);
		else if (c == '`')
			sp_shell_backquote(&b, true);
	}
	free(x.text);
}

/* --- words ------------------------------------------------------------------------------------------ */

/* An unquoted byte that stands for itself or begins a glob, a brace expansion, a tilde … */
static void
sp_shell_unquoted(struct sp_shell_reader *r, struct sp_shell_lex *x, int c)
{
	int next = sp_shell_raw(r, 0);

	switch (c) {
	case '*':
	case '?':
		sp_shell_put_unknown(r, x, true, false);
		return;
	case '[':
		if (x->len == 0 && !x->is_quoted && (next == SP_SHELL_END || strchr(" \t\n;&|()<>", next) != NULL)) {
			sp_shell_put(r, x, c);
			return;
		}
		sp_shell_put_unknown(r, x, true, false);
		sp_shell_swallow(x);
		return;
	case '~':
		sp_shell_put_unknown(r, x, false, false);
		while (sp_shell_is_name_char(sp_shell_raw(r, 0), false) ||
		    (sp_shell_raw(r, 0) > 0 && strchr("+-.@", sp_shell_raw(r, 0)) != NULL))
			r->at++;
		return;
	case '{':
		sp_shell_put(r, x, c);
		if (next == '}') {
			sp_shell_put(r, x, next);
			r->at++;
		} else {
			x->has_brace = true;
		}
		return;
	case '}':
		x->has_brace = true;
		break;
	case '!':
		if ((r->s->flags & SP_SHELL_TYPED) && next != SP_SHELL_END && strchr(" \t\n=", next) == NULL)
			sp_shell_fail(r, "a ! that the history is put in for");
		break;
	case '=':
		if (x->len == 0 && !x->is_quoted)
			x->has_equals = true;
		else if (x->assigns == 0 && !x->is_quoted && !x->is_unknown && sp_shell_is_name_char(x->text[0], true) &&
		    memchr(x->text, '=', x->len) == NULL) {
			size_t n = 1;

			while (n < x->len && sp_shell_is_name_char(x->text[n], false))
				n++;
			if (n == x->len)
				x->assigns = n;
		}
		break;
	default:
		break;
	}
	sp_shell_put(r, x, c);
}

static void
sp_shell_word_bytes(struct sp_shell_reader *r, struct sp_shell_lex *x)
{
	int c;

	while ((c = sp_shell_peek(r)) != SP_SHELL_END && strchr(" \t\n;&|()<>", c) == NULL) {
		r->at++;
		switch (c) {
		case '\\':
			x->is_quoted = true;
			if (sp_shell_raw(r, 0) == SP_SHELL_END)
				sp_shell_fail(r, "a backslash at the end");
			sp_shell_put(r, x, sp_shell_raw(r, 0));
			r->at++;
			break;
		case '\'':
			sp_shell_single(r, x);
			break;
		case '"':
			sp_shell_quoted(r, x);
			break;
		case '$':
			sp_shell_dollar(r, x, false);
			break;
		case '`':
			sp_shell_backquote(r, false);
			sp_shell_put_unknown(r, x, true, false);
			break;
		default:
			sp_shell_unquoted(r, x, c);
			break;
		}
	}
}

bool
sp_shell_read_word(struct sp_shell_reader *r, struct sp_shell_word *ret_word, size_t *ret_assigns)
{
	struct sp_shell_lex x = {0};
	size_t begin = r->at;

	sp_shell_word_bytes(r, &x);
	if (r->at == begin || r->s->is_stopped) {
		free(x.text);
		return false;
	}
	/* { and } alone are words of the grammar, for zsh anywhere. */
	if (x.has_brace && !x.is_quoted && x.len == 1)
		sp_shell_fail(r, "a brace that shells read differently");
	if (x.has_brace || (x.has_equals && !(x.len == 1 || (x.len == 2 && x.text[1] == '=')))) {
		x.len = 0;
		x.is_swallowed = false;
		sp_shell_put_unknown(r, &x, x.has_brace, false);
	}
	*ret_word = (struct sp_shell_word){.text = sp_shell_copy(r->s, x.text == NULL ? "" : x.text, x.len),
	    .is_known = !x.is_unknown, .is_open = x.is_open, .is_number = x.is_unknown && !x.is_arbitrary};
	*ret_assigns = x.has_brace ? 0 : x.assigns;
	free(x.text);
	return ret_word->text != NULL && sp_shell_count_word(r->s, x.len);
}
