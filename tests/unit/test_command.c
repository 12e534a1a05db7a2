/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session-agent/command.h"

#define CASES SP_TEST_SRCDIR "/tests/attacks/commands/cases.txt"
#define LINE_MAX_BYTES 4096

/* Undoes \t \n \\ \xHH in place; returns the new length. */
static size_t
unescape(char *s)
{
	char *out = s, *in = s;

	while (*in != '\0') {
		unsigned v;

		if (in[0] != '\\') {
			*out++ = *in++;
		} else if (in[1] == 'x' && sscanf(in + 2, "%2x", &v) == 1) {
			*out++ = (char)v;
			in += 4;
		} else {
			*out++ = (char)(in[1] == 't' ? '\t' : in[1] == 'n' ? '\n' : in[1]);
			in += 2;
		}
	}
	*out = '\0';
	return (size_t)(out - s);
}

static void
check_ok(const char *line, size_t n, char *expected, const char *raw)
{
	struct sp_command_error e;
	struct sp_command *c;
	char got[LINE_MAX_BYTES] = "";
	size_t i;

	if (sp_command_parse(line, n, &c, &e) != 0)
		fail_msg("%s: refused at %zu: %s", raw, e.position, e.message);
	for (i = 0; i < sp_command_argc(c); i++) {
		strcat(got, sp_command_argv(c)[i]);
		strcat(got, "|");
	}
	assert_null(sp_command_argv(c)[i]);
	(void)unescape(expected);
	assert_string_equal(got, expected);
	sp_command_free(c);
}

static void
check_error(const char *line, size_t n, const char *expected, const char *raw)
{
	struct sp_command_error e;
	struct sp_command *c;
	char *text;
	size_t position = strtoul(expected, &text, 10);

	if (sp_command_parse(line, n, &c, &e) != SP_ERR_FORMAT)
		fail_msg("%s: accepted", raw);
	if (e.position != position || strstr(e.message, text + 1) == NULL)
		fail_msg("%s: at %zu: %s", raw, e.position, e.message);
}

static void
test_cases(void **state)
{
	char line[LINE_MAX_BYTES], raw[LINE_MAX_BYTES];
	FILE *f = fopen(CASES, "r");
	unsigned count = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *input, *expected;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		strcpy(raw, line);
		input = strchr(line, '\t');
		assert_non_null(input);
		*input++ = '\0';
		expected = strchr(input, '\t');
		assert_non_null(expected);
		*expected++ = '\0';
		if (strcmp(line, "ok") == 0)
			check_ok(input, unescape(input), expected, raw);
		else
			check_error(input, unescape(input), expected, raw);
		count++;
	}
	(void)fclose(f);
	assert_true(count >= 60);
}

static void
test_limits(void **state)
{
	char *big = malloc(SP_COMMAND_MAX + 1);
	struct sp_command_error e;
	struct sp_command *c;
	size_t i;

	(void)state;
	assert_non_null(big);
	memset(big, 'a', SP_COMMAND_MAX + 1);
	assert_int_equal(sp_command_parse(big, SP_COMMAND_MAX, &c, &e), 0);
	sp_command_free(c);
	assert_int_equal(sp_command_parse(big, SP_COMMAND_MAX + 1, &c, &e), SP_ERR_LIMIT);
	for (i = 1; i < SP_COMMAND_MAX; i += 2)
		big[i] = ' ';
	assert_int_equal(sp_command_parse(big, SP_COMMAND_WORDS_MAX * 2, &c, &e), 0);
	assert_int_equal(sp_command_argc(c), SP_COMMAND_WORDS_MAX);
	sp_command_free(c);
	assert_int_equal(sp_command_parse(big, SP_COMMAND_WORDS_MAX * 2 + 1, &c, &e), SP_ERR_LIMIT);
	assert_int_equal(sp_command_parse("a\0b", 3, &c, &e), SP_ERR_FORMAT);
	free(big);
}

/* Every prefix of a line with all kinds of quoting ends in a verdict and reads nothing past its end. */
static void
test_cut(void **state)
{
	static const char line[] = "psql 'a b' \"c\\\"d\" e\\ f '' \"\" -c 'x; y' --command=\"z\"";
	size_t i;

	(void)state;
	for (i = 0; i <= strlen(line); i++) {
		char *copy = malloc(i + 1);
		struct sp_command_error e;
		struct sp_command *c = NULL;

		assert_non_null(copy);
		memcpy(copy, line, i);
		if (sp_command_parse(copy, i, &c, &e) == 0)
			sp_command_free(c);
		else
			assert_true(e.position >= 1 && e.position <= i);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
