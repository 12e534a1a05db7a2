/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/line_prompt.h"

#include <string.h>

/* With a blank behind them. */
static const char *const prompt_shell[] = {
    "$ ", "# ", "% ", "\xe2\x9d\xaf " /* ❯ */, "\xe2\x9e\x9c " /* ➜ */, "\xce\xbb " /* λ */};
/* psql as a superuser ends with # too, and says first what it waits for. */
static const char *const prompt_psql[] = {"=# ", "-# ", "(# ", "'# ", "\"# ", "*# ", "!# ", "$# ", "^# "};
static const char *const prompt_program[] = {":", ": ", "?", "? ", ">", "> ", "] ", ") ", "(END)", "--More--", "%)"};
/* The words with which zsh says what it waits for; bash and dash say nothing. */
static const char *const prompt_more[] = {"", "quote", "dquote", "bquote", "pipe", "cmdand", "cmdor", "cmdsubst", "for",
    "while", "until", "if", "then", "else", "elif", "case", "function", "heredoc", "subsh", "cursh", "braceparam",
    "mathsubst", "repeat", "select", "foreach", "errortag", "always"};

static bool
prompt_ends(const char *text, size_t n, const char *end)
{
	size_t len = strlen(end);

	return n >= len && memcmp(text + n - len, end, len) == 0;
}

static bool
prompt_ends_with(const char *text, size_t n, const char *const ends[], size_t nends)
{
	for (size_t i = 0; i < nends; i++)
		if (prompt_ends(text, n, ends[i]))
			return true;
	return false;
}

/* "> ", or zsh's words with blanks between them and "> " at the end. */
static bool
prompt_is_more(const char *text, size_t n)
{
	if (!prompt_ends(text, n, "> "))
		return false;
	n -= 2;
	for (size_t from = 0, end; from <= n; from = end + 1) {
		bool is_word = false;

		for (end = from; end < n && text[end] != ' '; end++)
			;
		for (size_t i = 0; i < sizeof(prompt_more) / sizeof(prompt_more[0]); i++)
			is_word = is_word || (end - from == strlen(prompt_more[i]) &&
						 memcmp(text + from, prompt_more[i], end - from) == 0);
		if (!is_word)
			return false;
	}
	return true;
}

enum sp_line_prompt
sp_line_prompt_of(const char *text, size_t n, const char *learned, bool is_unfinished)
{
	if (learned[0] != '\0' && prompt_ends(text, n, learned))
		return SP_LINE_PROMPT_SHELL;
	if (is_unfinished && prompt_is_more(text, n))
		return SP_LINE_PROMPT_SHELL;
	if (prompt_ends_with(text, n, prompt_psql, sizeof(prompt_psql) / sizeof(prompt_psql[0])))
		return SP_LINE_PROMPT_PROGRAM;
	if (prompt_ends_with(text, n, prompt_shell, sizeof(prompt_shell) / sizeof(prompt_shell[0])))
		return SP_LINE_PROMPT_SHELL;
	if (prompt_ends_with(text, n, prompt_program, sizeof(prompt_program) / sizeof(prompt_program[0])))
		return SP_LINE_PROMPT_PROGRAM;
	return SP_LINE_PROMPT_NONE;
}
