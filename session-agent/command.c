/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/command.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

struct sp_command {
	char *words; /* all words, each NUL-ended */
	char *argv[SP_COMMAND_WORDS_MAX + 1];
	size_t argc;
};

/* Options whose argument may be the rest of the line. */
static const struct command_rest {
	const char *tool;
	const char *option; /* NULL: the rest is everything from word number `word` on */
	size_t word;
} command_rests[] = {
	{ "psql", "-c", 0 },
	{ "psql", "--command", 0 },
	{ "shell", "-c", 0 },
	{ "approve", NULL, 2 },
	{ "deny", NULL, 2 },
};

struct splitter {
	const char *text;
	size_t len;
	size_t pos;
	char *out; /* room for every byte and a NUL a word */
	size_t used;
	struct sp_command *c;
	struct sp_command_error *error;
};

static int
split_fail(struct splitter *s, int err, size_t pos, const char *message)
{
	s->error->position = pos + 1;
	s->error->message = message;
	return err;
}

static bool
is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

/* Refuses what is not UTF-8 text: such bytes would reach logs, records and terminals. */
static int
split_check_text(struct splitter *s)
{
	size_t i;

	if (!sp_text_is_utf8(s->text, s->len))
		return split_fail(s, SP_ERR_FORMAT, 0, "the command is not UTF-8 text");
	for (i = 0; i < s->len; i++) {
		unsigned char ch = (unsigned char)s->text[i];

		if ((ch < 0x20 && ch != '\t' && ch != '\n') || ch == 0x7f)
			return split_fail(s, SP_ERR_FORMAT, i, "a control character cannot be part of a command");
	}
	return 0;
}

/* What this character would do in a shell and does not do here; NULL for an ordinary one. */
static const char *
split_meaning(char ch, bool is_word_start)
{
	switch (ch) {
	case ';':
	case '&':
	case '|':
		return "one command at a time: there is no shell here; quote this character if it belongs to a word";
	case '<':
	case '>':
		return "there is no redirection here: redirect on your own side; quote this character if it belongs to a word";
	case '(':
	case ')':
		return "there is no shell here: quote this character";
	case '$':
	case '`':
		return "nothing is expanded here: use single quotes, or put a backslash before this character";
	case '\n':
		return "one command at a time: a new line must be inside quotes";
	case '#':
		return is_word_start ? "there are no comments here: quote this character" : NULL;
	default:
		return NULL;
	}
}

static void
split_put(struct splitter *s, char ch)
{
	s->out[s->used++] = ch;
}

static int
split_single_quoted(struct splitter *s)
{
	size_t start = s->pos++;
	const char *end = memchr(s->text + s->pos, '\'', s->len - s->pos);
	size_t n;

	if (end == NULL)
		return split_fail(s, SP_ERR_FORMAT, start, "this single quote is never closed");
	n = (size_t)(end - (s->text + s->pos));
	memcpy(s->out + s->used, s->text + s->pos, n);
	s->used += n;
	s->pos += n + 1;
	return 0;
}

static int
split_double_quoted(struct splitter *s)
{
	size_t start = s->pos++;

	while (s->pos < s->len) {
		char ch = s->text[s->pos++];

		if (ch == '"')
			return 0;
		if (ch == '$' || ch == '`')
			return split_fail(s, SP_ERR_FORMAT, s->pos - 1, split_meaning(ch, false));
		if (ch == '\\' && s->pos < s->len) {
			char next = s->text[s->pos];

			if (next == '\n') { /* a line continuation */
				s->pos++;
				continue;
			}
			if (strchr("$`\"\\", next) != NULL) {
				s->pos++;
				ch = next;
			}
		}
		split_put(s, ch);
	}
	return split_fail(s, SP_ERR_FORMAT, start, "this double quote is never closed");
}

static int
split_backslash(struct splitter *s)
{
	if (s->pos + 1 == s->len)
		return split_fail(s, SP_ERR_FORMAT, s->pos, "a backslash at the end quotes nothing");
	s->pos++;
	if (s->text[s->pos] != '\n')
		split_put(s, s->text[s->pos]);
	s->pos++;
	return 0;
}

static int
split_begin_word(struct splitter *s)
{
	if (s->c->argc == SP_COMMAND_WORDS_MAX)
		return split_fail(s, SP_ERR_LIMIT, s->pos, "too many words");
	s->c->argv[s->c->argc++] = s->out + s->used;
	return 0;
}

static int
split_word(struct splitter *s)
{
	size_t start = s->pos;
	int r = split_begin_word(s);

	while (r == 0 && s->pos < s->len && !is_blank(s->text[s->pos])) {
		char ch = s->text[s->pos];
		const char *meaning = split_meaning(ch, s->pos == start);

		if (meaning != NULL)
			return split_fail(s, SP_ERR_FORMAT, s->pos, meaning);
		if (ch == '\'') {
			r = split_single_quoted(s);
		} else if (ch == '"') {
			r = split_double_quoted(s);
		} else if (ch == '\\') {
			r = split_backslash(s);
		} else {
			split_put(s, ch);
			s->pos++;
		}
	}
	split_put(s, '\0');
	return r;
}

/* Whether the text at pos can be a statement as it stands rather than a quoted word. */
static bool
split_is_bare(const struct splitter *s, size_t pos)
{
	size_t i;

	if (pos >= s->len || s->text[pos] == '\'' || s->text[pos] == '"')
		return false;
	for (i = pos + 1; i < s->len && !is_blank(s->text[i]); i++)
		if (s->text[i] == '\\')
			return false;
	return true;
}

static bool
split_is_tool(const struct splitter *s, const char *tool)
{
	return s->c->argc > 0 && strcmp(s->c->argv[0], tool) == 0;
}

/* Takes the rest of the line as one word when the table says that it is one. *ret_taken tells. */
static int
split_rest_word(struct splitter *s, bool *ret_taken)
{
	const char *last = s->c->argc > 1 ? s->c->argv[s->c->argc - 1] : "";
	size_t i, end = s->len;
	int r;

	*ret_taken = false;
	for (i = 0; i < sizeof(command_rests) / sizeof(command_rests[0]); i++) {
		const struct command_rest *e = &command_rests[i];

		if (!split_is_tool(s, e->tool))
			continue;
		if (e->option != NULL ? strcmp(last, e->option) == 0 : s->c->argc == e->word)
			break;
	}
	if (i == sizeof(command_rests) / sizeof(command_rests[0]) || !split_is_bare(s, s->pos))
		return 0;
	r = split_begin_word(s);
	if (r != 0)
		return r;
	while (end > s->pos && is_blank(s->text[end - 1]))
		end--;
	memcpy(s->out + s->used, s->text + s->pos, end - s->pos);
	s->used += end - s->pos;
	split_put(s, '\0');
	s->pos = s->len;
	*ret_taken = true;
	return 0;
}

/* The same for --option=ARGUMENT in one word. */
static int
split_rest_long(struct splitter *s, bool *ret_taken)
{
	size_t i, n;
	int r;

	*ret_taken = false;
	for (i = 0; i < sizeof(command_rests) / sizeof(command_rests[0]); i++) {
		const struct command_rest *e = &command_rests[i];

		if (e->option == NULL || e->option[1] != '-' || !split_is_tool(s, e->tool))
			continue;
		n = strlen(e->option);
		if (s->len - s->pos <= n || strncmp(s->text + s->pos, e->option, n) != 0 || s->text[s->pos + n] != '=' ||
		    !split_is_bare(s, s->pos + n + 1))
			continue;
		r = split_begin_word(s);
		if (r != 0)
			return r;
		memcpy(s->out + s->used, s->text + s->pos, s->len - s->pos);
		s->used += s->len - s->pos;
		split_put(s, '\0');
		s->pos = s->len;
		*ret_taken = true;
		return 0;
	}
	return 0;
}

static int
split_line(struct splitter *s)
{
	bool is_taken = false;
	int r = split_check_text(s);

	while (r == 0) {
		while (s->pos < s->len && is_blank(s->text[s->pos]))
			s->pos++;
		if (s->pos == s->len)
			break;
		r = split_rest_word(s, &is_taken);
		if (r == 0 && !is_taken)
			r = split_rest_long(s, &is_taken);
		if (r == 0 && !is_taken)
			r = split_word(s);
	}
	return r;
}

int
sp_command_parse(const char *text, size_t n, struct sp_command **ret_c, struct sp_command_error *ret_error)
{
	struct splitter s = { .text = text, .len = n, .error = ret_error };
	int r;

	ret_error->position = 0;
	ret_error->message = "";
	if (n > SP_COMMAND_MAX)
		return split_fail(&s, SP_ERR_LIMIT, SP_COMMAND_MAX, "the command is too long");
	s.c = calloc(1, sizeof(*s.c));
	if (s.c == NULL)
		return SP_ERR_NOMEM;
	s.c->words = s.out = malloc(n + SP_COMMAND_WORDS_MAX + 1); /* each word is followed by one NUL */
	r = s.out == NULL ? SP_ERR_NOMEM : split_line(&s);
	if (r != 0) {
		sp_command_free(s.c);
		return r;
	}
	*ret_c = s.c;
	return 0;
}

void
sp_command_free(struct sp_command *c)
{
	if (c == NULL)
		return;
	free(c->words);
	free(c);
}

size_t
sp_command_argc(const struct sp_command *c)
{
	return c->argc;
}

const char *const *
sp_command_argv(const struct sp_command *c)
{
	return (const char *const *)c->argv;
}
