/* SPDX-License-Identifier: Apache-2.0 */
/* The characters of a command line: line continuations, blanks, comments, ends of lines and here-documents. */
#include "policy/shellread.h"

#include <string.h>

size_t
sp_shell_position(const struct sp_shell_reader *r)
{
	return r->is_nested ? r->place.position : r->at;
}

void
sp_shell_fail(struct sp_shell_reader *r, const char *why)
{
	if (r->s->is_stopped)
		return;
	sp_shell_reason_add(r->s, sp_shell_position(r), why);
	r->s->is_stopped = true;
}

int
sp_shell_raw(const struct sp_shell_reader *r, size_t offset)
{
	return r->s->is_stopped || r->at + offset >= r->len ? SP_SHELL_END : (unsigned char)r->p[r->at + offset];
}

int
sp_shell_peek(struct sp_shell_reader *r)
{
	while (sp_shell_raw(r, 0) == '\\' && sp_shell_raw(r, 1) == '\n') {
		if (r->nheredocs > 0)
			sp_shell_fail(r, "a line that goes on after the beginning of a here-document");
		r->at += 2;
	}
	return sp_shell_raw(r, 0);
}

void
sp_shell_skip(struct sp_shell_reader *r)
{
	int c = sp_shell_peek(r);

	while (c == ' ' || c == '\t') {
		r->at++;
		c = sp_shell_peek(r);
	}
	if (c != '#')
		return;
	if (r->s->flags & SP_SHELL_TYPED)
		sp_shell_fail(r, "a #, which not every shell takes for a comment at its prompt");
	while (sp_shell_raw(r, 0) != SP_SHELL_END && sp_shell_raw(r, 0) != '\n')
		r->at++;
}

/* Takes one line; *ret_end is where its newline is. False if there is no newline. */
static bool
sp_shell_line(struct sp_shell_reader *r, size_t *ret_begin, size_t *ret_end)
{
	const char *nl = r->at < r->len ? memchr(r->p + r->at, '\n', r->len - r->at) : NULL;

	*ret_begin = r->at;
	*ret_end = nl == NULL ? r->len : (size_t)(nl - r->p);
	r->at = nl == NULL ? r->len : *ret_end + 1;
	return nl != NULL;
}

static void
sp_shell_heredoc(struct sp_shell_reader *r, const struct sp_shell_heredoc *h)
{
	size_t begin = r->at, from, to;

	for (;;) {
		bool is_last = !sp_shell_line(r, &from, &to);
		size_t start = from;

		while (h->strips_tabs && from < to && r->p[from] == '\t')
			from++;
		if (to - from == strlen(h->end) && memcmp(r->p + from, h->end, to - from) == 0) {
			if (!h->is_quoted)
				sp_shell_read_body(r, r->p + begin, start - begin);
			return;
		}
		if (is_last) {
			sp_shell_fail(r, "a here-document without its end");
			return;
		}
		if (!h->is_quoted && to > start && r->p[to - 1] == '\\') {
			sp_shell_fail(r, "a line of a here-document that ends with a backslash");
			return;
		}
	}
}

void
sp_shell_skip_lines(struct sp_shell_reader *r)
{
	for (;;) {
		sp_shell_skip(r);
		if (sp_shell_peek(r) != '\n')
			return;
		r->at++;
		if (r->outer > 0)
			sp_shell_fail(r, "a line that ends inside of a command with a here-document");
		for (size_t i = 0; i < r->nheredocs && !r->s->is_stopped; i++) {
			struct sp_shell_heredoc h = r->heredocs[i];

			sp_shell_heredoc(r, &h);
		}
		r->nheredocs = 0;
	}
}

size_t
sp_shell_plain(struct sp_shell_reader *r, char *word, size_t size)
{
	size_t start = r->at, n = 0, end;
	int c;

	while ((c = sp_shell_peek(r)) != SP_SHELL_END && strchr(" \t\n;&|()<>", c) == NULL) {
		if (strchr("\\'\"$`", c) != NULL || n + 1 >= size) {
			r->at = start;
			return 0;
		}
		word[n++] = (char)c;
		r->at++;
	}
	word[n] = 0;
	end = r->at;
	r->at = start;
	return n == 0 ? 0 : end;
}
