/* SPDX-License-Identifier: Apache-2.0 */
/* The line model without a shell: what is shown and typed, step by step, and what can be told of the line then. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session-agent/line_model.h"
#include "session-agent/line_prompt.h"

#define LONG_AGO 100000

static const char *const kinds[] = {"wait", "screen", "program", "shell", "unread"};

/* s: shown; t: typed; w: milliseconds pass; e: what is read then must be this: KIND TEXT, and "|OTHER" if there is one.
 */
struct step {
	char what;
	const char *text;
};

static const struct {
	unsigned cols;
	struct step steps[12];
} cases[] = {
    {80, {{'s', "web$ "}, {'t', "ls"}, {'s', "ls"}, {'e', "shell ls"}}},
    {80, {{'s', "web$ "}, {'e', "shell "}}},
    {80, {{'s', "\033[1;31mweb\033[0m$ "}, {'t', "ls"}, {'s', "ls"}, {'e', "shell ls"}}},
    /* not drawn yet */
    {80, {{'s', "web$ "}, {'t', "ls"}, {'s', "l"}, {'e', "wait l"}, {'s', "s"}, {'e', "shell ls"}}},
    {80, {{'s', "web$ "}, {'t', "\t"}, {'w', "400"}, {'e', "wait "}, {'s', "ls"}, {'w', "40"}, {'e', "wait ls"},
	     {'w', "60"}, {'e', "shell ls"}}},
    /* what keys and screen say differs: both count */
    {80, {{'s', "web$ "}, {'t', "rm x"}, {'w', "499"}, {'e', "wait "}, {'w', "1"}, {'e', "shell |rm x"}}},
    {80, {{'s', "web$ "}, {'t', "rm x"}, {'s', "ls"}, {'w', "40"}, {'e', "shell ls|rm x"}}},
    /* behind the cursor: a suggestion is not the line, what was moved over is */
    {80, {{'s', "web$ "}, {'t', "ls"}, {'s', "ls -l /tmp\033[8D"}, {'e', "shell ls"}}},
    {80, {{'s', "web$ "}, {'t', "rm x\001"}, {'s', "rm x\033[4D"}, {'w', "40"}, {'e', "shell rm x"}}},
    /* a right prompt is no part of it; when it is gone, what stands there is */
    {20, {{'s', "web% \033[10Crigh\033[14D"}, {'t', "\020"}, {'s', "ls x"}, {'w', "40"}, {'e', "shell ls x"}}},
    {20, {{'s', "web% \033[10Crigh\033[14D"}, {'t', "\020"}, {'s', "ls 6789012345678"}, {'w', "40"},
	     {'e', "shell ls 6789012345678"}}},
    /* wrapped, scrolled, drawn again at the top, resized */
    {10, {{'s', "\r\n\r\n\r\nweb$ "}, {'t', "echo 1234567890"}, {'s', "echo 1234567890"},
	     {'e', "shell echo 1234567890"}}},
    {10, {{'s', "web$ "}, {'t', "\020"}, {'s', "echo 1234567890\033[A"}, {'w', "40"}, {'e', "shell echo 1234567890"}}},
    {80, {{'s', "x\r\nweb$ "}, {'t', "ls"}, {'s', "ls"}, {'t', "\f"}, {'s', "\033[H\033[2Jweb$ ls"}, {'w', "40"},
	     {'e', "shell ls"}}},
    /* scrolled up, and the line goes on with what looks like the prompt */
    {10,
	{{'s', "\n\n\n\n\n\n\nweb$ "}, {'t', "\020"}, {'s', "rm   web$ ls"}, {'w', "40"}, {'e', "shell rm   web$ ls"}}},
    /* a prompt that is gone, and nothing like it */
    {80, {{'s', "web$ "}, {'t', "ls\020"}, {'s', "\rother>ls"}, {'w', "40"}, {'e', "unread "}}},
    {80, {{'s', "web$ "}, {'t', "ls"}, {'s', "\rother>ls"}, {'w', "40"}, {'e', "unread |ls"}}},
    /* readline's search */
    {80, {{'s', "web$ "}, {'t', "\022r"}, {'s', "\r(reverse-i-search)`r': rm x\033[K"}, {'w', "40"},
	     {'e', "shell rm x"}}},
    {80, {{'s', "web$ "}, {'t', "\022r"}, {'s', "\r(failed reverse-i-search)`r': rm x\033[K"}, {'w', "40"},
	     {'e', "shell rm x"}}},
    /* pasted lines: breaks that were typed; where a row is full there may be one, and then both ways count */
    {80, {{'s', "\033[?2004hweb$ "}, {'t', "\033[200~a\rb\033[201~"}, {'s', "a\r\nb"}, {'e', "shell a\nb"}}},
    {80, {{'s', "\033[?2004hweb$ "}, {'t', "\033[200~a\rb\033[201~\001"}, {'s', "a\r\nb\r\033[A\033[5C"}, {'w', "40"},
	     {'e', "shell a\nb"}}},
    {10, {{'s', "\033[?2004hweb$ "}, {'t', "\033[200~12345\rb\033[201~\001"}, {'s', "12345b"}, {'w', "40"},
	     {'e', "shell 12345b|12345\nb"}}},
    /* nobody wants the marks of a paste */
    {80, {{'s', "\033[?2004h\033[?2004lweb$ "}, {'t', "\033[200~rm"}, {'s', "rm"}, {'w', "40"}, {'e', "shell rm"}}},
    /* typed ahead */
    {80, {{'t', "rm x"}, {'s', "rm x"}, {'e', "wait "}, {'s', "web$ "}, {'e', "wait "}, {'s', "rm x"},
	     {'e', "shell rm x"}}},
    {80, {{'t', "rm x"}, {'s', "rm x$ "}, {'w', "40"}, {'e', "shell rm x"}}},
    {80, {{'t', "q"}, {'s', "\033[?2004hweb$ "}, {'w', "200"}, {'t', "ls"}, {'s', "ls"}, {'e', "shell ls"}}},
    {80, {{'t', "\033[A"}, {'s', "^[[Aweb$ "}, {'w', "40"}, {'e', "unread "}}},
    {80, {{'t', "rm x"}, {'s', "rm x$ "}, {'w', "250"}, {'e', "shell rm x"}}},
    /* put there by the shell itself */
    {80, {{'s', "web$ "}, {'t', "a\017"}, {'s', "a\r\nweb$ rm x"}, {'w', "40"}, {'e', "shell rm x"}}},
    /* who asks */
    {80, {{'s', "web$ "}, {'t', "sudo -l\r"}, {'s', "\r\nPassword: "}, {'t', "secret"}, {'e', "program "}}},
    {80, {{'s', "web$ "}, {'t', "psql\r"}, {'s', "\r\norders=> "}, {'t', "select"}, {'s', "select"},
	     {'e', "program select"}}},
    {80, {{'s', "web$ "}, {'t', "psql\r"}, {'s', "\r\norders=# "}, {'t', "select"}, {'s', "select"},
	     {'e', "program select"}}},
    {80, {{'s', "web$ "}, {'t', "x\r"}, {'s', "\r\nworking 10% "}, {'w', "900"}, {'t', "rm"}, {'s', "rm"},
	     {'e', "shell rm"}}},
    {80, {{'s', "web$ "}, {'t', "x\r"}, {'s', "\r\nworking..."}, {'w', "900"}, {'t', "rm"}, {'s', "rm"}, {'w', "9000"},
	     {'e', "wait "}}},
    {80, {{'s', "web$ "}, {'t', "x\r"}, {'s', "\r\n"}, {'w', "900"}, {'e', "program "}}},
    /* the first prompt of a shell is one, however it looks; not while it is still coming */
    {80, {{'s', "web ~>"}, {'w', "200"}, {'t', "rm"}, {'s', "rm"}, {'e', "shell rm"}}},
    {80, {{'s', "web ~"}, {'t', "rm"}, {'s', "rm"}, {'w', "9000"}, {'e', "wait "}}},
    {80, {{'s', "PIN:"}, {'w', "200"}, {'t', "1"}, {'e', "program "}}},
    /* the whole screen */
    {80, {{'s', "web$ "}, {'t', "vi\r"}, {'s', "\033[?1049h$ "}, {'t', "rm"}, {'s', "rm"}, {'e', "screen "}}},
    {80, {{'s', "web$ "}, {'t', "vi\r"}, {'s', "\033[?1049h"}, {'t', ":q"}, {'s', "\033[?1049lweb$ "}, {'t', "ls"},
	     {'s', "ls"}, {'e', "shell ls"}}},
    /* given up */
    {80, {{'s', "web$ "}, {'t', "rm\003"}, {'s', "rm^C\r\nweb$ "}, {'t', "ls"}, {'s', "ls"}, {'e', "shell ls"}}},
    {80, {{'s', "web$ "}, {'t', "rm #\026\003"}, {'s', "rm #^C"}, {'w', "40"}, {'e', "shell rm #^C"}}},
    {80, {{'s', "web$ "}, {'t', "rmx\x7f\x7f\x7fls\025id"}, {'s', "id"}, {'e', "shell id"}}},
};

static void
run(size_t i, size_t piece)
{
	struct sp_line_model *m;
	struct sp_line_model_line line;
	int64_t now = LONG_AGO;
	char got[512];

	assert_int_equal(sp_line_model_new(8, cases[i].cols, true, &m), 0);
	for (size_t k = 0; k < 12 && cases[i].steps[k].what != 0; k++) {
		const struct step *t = &cases[i].steps[k];
		size_t n = strlen(t->text);

		now += t->what == 's' || t->what == 't';
		for (size_t at = 0; at < n && (t->what == 's' || t->what == 't'); at += piece) {
			size_t len = n - at < piece ? n - at : piece;

			if (t->what == 's')
				assert_int_equal(sp_line_model_shown(m, t->text + at, len, now), 0);
			else
				sp_line_model_passed(m, (const uint8_t *)t->text + at, len, now);
		}
		if (t->what == 'w')
			now += strtol(t->text, NULL, 10);
		if (t->what != 'e')
			continue;
		assert_int_equal(sp_line_model_read(m, now, false, &line), 0);
		(void)snprintf(got, sizeof(got), "%s %.*s%s%.*s", kinds[line.kind], (int)sp_buf_len(line.text),
		    (const char *)sp_buf_data(line.text), sp_buf_len(line.other) > 0 ? "|" : "",
		    (int)sp_buf_len(line.other), (const char *)sp_buf_data(line.other));
		if (strcmp(got, t->text) != 0)
			fail_msg("case %zu, in pieces of %zu, step %zu: \"%s\", not \"%s\"", i, piece, k, got, t->text);
	}
	sp_line_model_free(m);
}

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		run(i, SIZE_MAX / 2);
		run(i, 1);
		run(i, 3);
	}
}

static void
test_keys(void **state)
{
	static const struct {
		const char *keys;
		bool takes_paste;
		size_t n; /* before the key that submits */
	} k[] = {{"ls\r", false, 2}, {"ls\n", false, 2}, {"\017", false, 0}, {"\033\r", false, 1}, {"\026\r", false, 1},
	    {"\033[\r", false, 2}, {"\033[200~a\rb\033[201~\r", true, 15}, {"\033[200~a\r", false, 7},
	    {"\033[200~a\r\033[201\r~", true, 15}, {"\030\005", false, 1}, {"\030e", false, 1},
	    {"e\030x\005e", false, 5}, {"\033[201~\r", true, 6}, {"\026\030e\r", false, 3},
	    {"\033[200~\033\033[201~\r", true, 13}};

	(void)state;
	for (size_t i = 0; i < sizeof(k) / sizeof(k[0]); i++) {
		struct sp_line_model *m;
		enum sp_line_key key;

		assert_int_equal(sp_line_model_new(8, 80, true, &m), 0);
		assert_int_equal(
		    sp_line_model_shown(m, k[i].takes_paste ? "\033[?2004h$ " : "$ ", k[i].takes_paste ? 10 : 2, 1), 0);
		if (sp_line_model_scan(m, (const uint8_t *)k[i].keys, strlen(k[i].keys), &key) != k[i].n)
			fail_msg("keys %zu: %zu", i,
			    sp_line_model_scan(m, (const uint8_t *)k[i].keys, strlen(k[i].keys), &key));
		sp_line_model_free(m);
	}
}

/* A program that asked for the marks of a paste and died leaves them on; the shell behind it executes each line. */
static void
test_marks_of_a_dead_program(void **state)
{
	static const struct {
		const char *shown;
		size_t n; /* of a paste with two lines, before the key that submits */
	} s[] = {{"\033[?2004h", 7}, {"\033[?2004h$ ", 7}, {"\033[?2004l\r\n\033[?2004h$ ", 15}, {"\033[?2004l\r\n$ ", 7},
	    {"\033[?2004h\033[?2004l$ ", 7}, {"\r\n$ ", 7}};
	static const uint8_t paste[] = "\033[200~a\rb\033[201~";

	(void)state;
	for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		struct sp_line_model *m;
		enum sp_line_key key;

		assert_int_equal(sp_line_model_new(8, 80, true, &m), 0);
		assert_int_equal(sp_line_model_shown(m, "\033[?2004h$ ", 10, 1), 0);
		sp_line_model_passed(m, (const uint8_t *)"vi\r", 3, 2);
		assert_int_equal(sp_line_model_shown(m, s[i].shown, strlen(s[i].shown), 3), 0);
		if (sp_line_model_scan(m, paste, sizeof(paste) - 1, &key) != s[i].n)
			fail_msg("shown %zu", i);
		sp_line_model_free(m);
	}
}

/* What was typed where nobody asks: known unless keys edited it, and shown unless there is no echo. */
static void
test_ahead(void **state)
{
	struct sp_line_model *m;
	struct sp_buf *typed;
	bool is_shown;

	(void)state;
	assert_int_equal(sp_line_model_new(8, 80, false, &m), 0);
	assert_int_equal(sp_line_model_shown(m, "\r\n", 2, 1), 0);
	sp_line_model_passed(m, (const uint8_t *)"rm x", 4, 2);
	assert_true(sp_line_model_ahead(m, &typed, &is_shown));
	assert_int_equal(sp_buf_len(typed), 4);
	assert_memory_equal(sp_buf_data(typed), "rm x", 4);
	assert_false(is_shown);
	assert_int_equal(sp_line_model_shown(m, "rm x", 4, 3), 0);
	assert_true(sp_line_model_ahead(m, &typed, &is_shown) && is_shown);
	sp_line_model_passed(m, (const uint8_t *)"\033[D", 3, 4);
	assert_false(sp_line_model_ahead(m, &typed, &is_shown));
	sp_line_model_free(m);
}

static void
test_prompts(void **state)
{
	static const struct {
		const char *text, *learned;
		bool is_unfinished;
		enum sp_line_prompt asks;
	} p[] = {{"$ ", "", false, SP_LINE_PROMPT_SHELL}, {"root@h:~# ", "", false, SP_LINE_PROMPT_SHELL},
	    {"h% ", "", false, SP_LINE_PROMPT_SHELL}, {"\xe2\x9d\xaf ", "", false, SP_LINE_PROMPT_SHELL},
	    {"$", "", false, SP_LINE_PROMPT_NONE}, {"45%", "", false, SP_LINE_PROMPT_NONE},
	    {"", "", false, SP_LINE_PROMPT_NONE}, {"abc", "c", false, SP_LINE_PROMPT_SHELL},
	    {"> ", "", true, SP_LINE_PROMPT_SHELL}, {"> ", "", false, SP_LINE_PROMPT_PROGRAM},
	    {"for> ", "", true, SP_LINE_PROMPT_SHELL}, {"for quote> ", "", true, SP_LINE_PROMPT_SHELL},
	    {"mysql> ", "", true, SP_LINE_PROMPT_PROGRAM}, {"orders=# ", "", false, SP_LINE_PROMPT_PROGRAM},
	    {"orders(# ", "", false, SP_LINE_PROMPT_PROGRAM}, {"Password: ", "", false, SP_LINE_PROMPT_PROGRAM},
	    {"[Y/n] ", "", false, SP_LINE_PROMPT_PROGRAM}, {"(END)", "", false, SP_LINE_PROMPT_PROGRAM},
	    {">>> ", "", false, SP_LINE_PROMPT_PROGRAM}, {"a word ", "", false, SP_LINE_PROMPT_NONE}};

	(void)state;
	for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++)
		if (sp_line_prompt_of(p[i].text, strlen(p[i].text), p[i].learned, p[i].is_unfinished) != p[i].asks)
			fail_msg("prompt \"%s\"", p[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases), cmocka_unit_test(test_keys), cmocka_unit_test(test_marks_of_a_dead_program),
	    cmocka_unit_test(test_ahead), cmocka_unit_test(test_prompts)};

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
