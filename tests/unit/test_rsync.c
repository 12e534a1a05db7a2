/* SPDX-License-Identifier: Apache-2.0 */
/* The far end's command of rsync: tests/attacks/copies/rsync.txt, and what is written again. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/rsync.h"
#include "session-agent/command.h"
#include "tests/unit/attack_lines.h"

#define CASES_MIN 120

/* The letters of a case's second column. */
static void
effects_of(unsigned effects, char out[16])
{
	static const char names[] = "rdtlvsnbho";
	size_t n = 0;

	for (size_t i = 0; names[i] != '\0'; i++)
		if ((effects & (1u << i)) != 0)
			out[n++] = names[i];
	if (n == 0)
		out[n++] = '-';
	out[n] = '\0';
}

/* What is written must be read again as the same words with the same effects. */
static bool
again(const struct sp_rsync_request *q)
{
	char problem[SP_RSYNC_PROBLEM_MAX];
	struct sp_rsync_request other;
	struct sp_command_error error;
	struct sp_buf *out = sp_buf_new(0);
	struct sp_command *c = NULL;
	bool is_same;

	assert_non_null(out);
	is_same = sp_rsync_request_write(q, q->paths, q->n_paths, out) == 0 &&
	    sp_command_parse((const char *)sp_buf_data(out), sp_buf_len(out), &c, &error) == 0 &&
	    sp_rsync_request_parse(sp_command_argc(c), sp_command_argv(c), &other, problem) == 0 &&
	    other.is_sender == q->is_sender && other.effects == q->effects && other.n_paths == q->n_paths &&
	    other.n_words == q->n_words + (!q->is_sender && (q->effects & SP_RSYNC_LINKS) != 0);
	for (size_t i = 0; is_same && i < q->n_words; i++)
		is_same = strcmp(q->words[i], other.words[i]) == 0;
	for (size_t i = 0; is_same && i < q->n_paths; i++)
		is_same = strcmp(q->paths[i], other.paths[i]) == 0;
	sp_command_free(c);
	sp_buf_free(out);
	return is_same;
}

static bool
judge(const char *expect, const char *connection, const char *text, size_t len, char *got, size_t size)
{
	char problem[SP_RSYNC_PROBLEM_MAX] = "", effects[16] = "-";
	const char *what = "refuse";
	struct sp_rsync_request q;
	struct sp_command_error error;
	struct sp_command *c = NULL;

	if (sp_command_parse(text, len, &c, &error) == 0 &&
	    sp_rsync_request_parse(sp_command_argc(c), sp_command_argv(c), &q, problem) == 0) {
		what = q.is_sender ? "read" : "write";
		effects_of(q.effects, effects);
		if (!again(&q))
			what = "another";
	}
	(void)snprintf(got, size, "%s %s %s", what, effects, problem);
	sp_command_free(c);
	return strcmp(what, expect) == 0 && strcmp(effects, connection) == 0;
}

static void
test_cases(void **state)
{
	(void)state;
	assert_true(attack_lines_run("copies", "rsync.txt", judge) >= CASES_MIN);
}

static void
test_quotes(void **state)
{
	const char *argv[] = { "rsync", "--server", "-tre.iLsfxCIvu", ".", "/web1/x" };
	const char *paths[] = { "/a'; touch /tmp/x; 'b $(id) `id` \\" };
	char problem[SP_RSYNC_PROBLEM_MAX];
	struct sp_rsync_request q;
	struct sp_buf *out = sp_buf_new(0);

	(void)state;
	assert_non_null(out);
	assert_int_equal(sp_rsync_request_parse(5, argv, &q, problem), 0);
	assert_int_equal(sp_rsync_request_write(&q, paths, 1, out), 0);
	sp_buf_put(out, "", 1);
	assert_string_equal((const char *)sp_buf_data(out),
	    "rsync --server '-tre.iLsfxCIvu' . '/a'\\''; touch /tmp/x; '\\''b $(id) `id` \\'");
	sp_buf_free(out);
}

static void
test_too_many(void **state)
{
	const char *argv[SP_RSYNC_WORDS_MAX + 8] = { "rsync", "--server", "--sender", "-re.i" };
	char problem[SP_RSYNC_PROBLEM_MAX];
	struct sp_rsync_request q;
	size_t i;

	(void)state;
	for (i = 4; i < 40; i++)
		argv[i] = "--append";
	argv[i++] = ".";
	for (; i < 41 + SP_RSYNC_PATHS_MAX; i++)
		argv[i] = "/web1/x";
	assert_int_equal(sp_rsync_request_parse(i, argv, &q, problem), 0);
	argv[i++] = "/web1/x";
	assert_int_equal(sp_rsync_request_parse(i, argv, &q, problem), SP_ERR_INVALID);
	for (i = 4; i < SP_RSYNC_WORDS_MAX + 8; i++)
		argv[i] = "--append";
	assert_int_equal(sp_rsync_request_parse(i, argv, &q, problem), SP_ERR_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
