/* SPDX-License-Identifier: Apache-2.0 */
/* tests/attacks/sql: every line gets the decision it says; see README there. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "policy/decide.h"
#include "policy/source.h"
#include "policy/sql.h"
#include "policy/subject.h"

#define LINE_MAX_BYTES 65536
#define TEXT_MAX_BYTES (8 * 1024 * 1024)

static struct sp_policy_source *source;
static struct sp_buf *bytes;
static struct sp_policy_image *image;
static struct sp_policy_subject *alice;

static char *
path_of(const char *name)
{
	const char *root = getenv("SP_TESTS_SRC");
	char *p;

	assert_true(asprintf(&p, "%s/attacks/sql/%s", root == NULL ? "tests" : root, name) > 0);
	return p;
}

static int
setup(void **state)
{
	static const char identity[] = "{\"user\":\"alice\",\"groups\":[\"eng\"]}";
	char *dir = path_of("policy");

	(void)state;
	source = sp_policy_source_new();
	bytes = sp_buf_new(0);
	assert_int_equal(sp_policy_source_add_dir(source, dir), 0);
	assert_int_equal(sp_policy_source_compile(source, 1, bytes), 0);
	assert_int_equal(sp_policy_image_open(sp_buf_data(bytes), sp_buf_len(bytes), &image), 0);
	assert_int_equal(sp_policy_subject_new(identity, strlen(identity), &alice), 0);
	free(dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sp_policy_subject_free(alice);
	sp_policy_image_free(image);
	sp_buf_free(bytes);
	sp_policy_source_free(source);
	return 0;
}

static void expand(struct sp_buf *out, const char *p, size_t n);

/* {N*text} from p; returns how many bytes of p it took, or 0 if it is no such thing. */
static size_t
expand_copies(struct sp_buf *out, const char *p, size_t n)
{
	size_t copies = 0, i = 1, end;

	while (i < n && p[i] >= '0' && p[i] <= '9')
		copies = copies * 10 + (size_t)(p[i++] - '0');
	if (i == 1 || i >= n || p[i] != '*')
		return 0;
	for (end = i + 1; end < n && p[end] != '}';)
		end++;
	assert_true(end < n);
	for (size_t k = 0; k < copies; k++)
		expand(out, p + i + 1, end - i - 1);
	return end + 1;
}

static void
expand(struct sp_buf *out, const char *p, size_t n)
{
	for (size_t i = 0, took; i < n;) {
		uint8_t byte;

		if (p[i] == '{' && (took = expand_copies(out, p + i, n - i)) > 0) {
			i += took;
			continue;
		}
		if (p[i] != '\\' || i + 1 == n) {
			assert_int_equal(sp_buf_put(out, p + i++, 1), 0);
			continue;
		}
		i += 2;
		switch (p[i - 1]) {
		case 'n':
			byte = '\n';
			break;
		case 't':
			byte = '\t';
			break;
		case 'r':
			byte = '\r';
			break;
		case 'x':
			assert_true(i + 2 <= n && sp_text_unhex(&byte, 1, p + i, 2) == 0);
			i += 2;
			break;
		default:
			byte = (uint8_t)p[i - 1];
			break;
		}
		assert_int_equal(sp_buf_put(out, &byte, 1), 0);
	}
}

static bool
judge(const char *expect, const char *connection, const char *text, size_t len, char *got, size_t size)
{
	const struct sp_policy_connection *c = sp_policy_image_find(image, connection);
	struct sp_decide_request q = {.time = 1000000000, .from = "192.0.2.1"};
	struct sp_decide_scope *scope;
	struct sp_decision d;
	struct sp_sql *sql;

	assert_non_null(c);
	assert_int_equal(sp_sql_parse(text, len, &sql), 0);
	assert_int_equal(sp_decide_scope_new(image, alice, c, &scope), 0);
	q.sql = sql;
	sp_decide(scope, &q, &d);
	sp_decide_scope_free(scope);
	sp_sql_unref(sql);
	(void)snprintf(got, size, "%s: %s", sp_policy_effect_str(d.effect), d.message);
	if (d.effect == SP_POLICY_DENY)
		assert_true(d.message[0] != 0);
	return strcmp(sp_policy_effect_str(d.effect), expect) == 0;
}

/* Runs one file; returns the number of its cases. */
static size_t
run_file(const char *name)
{
	char *path = path_of(name), *line = malloc(LINE_MAX_BYTES);
	struct sp_buf *text = sp_buf_new(TEXT_MAX_BYTES);
	size_t cases = 0, wrong = 0, number = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_non_null(line);
	while (fgets(line, LINE_MAX_BYTES, f) != NULL) {
		char expect[16], connection[16], got[1024], *bar = strchr(line, '|');

		number++;
		line[strcspn(line, "\n")] = 0;
		if (line[0] == 0 || line[0] == '#')
			continue;
		assert_non_null(bar);
		assert_int_equal(sscanf(line, "%15s %15s", expect, connection), 2);
		sp_buf_reset(text);
		bar += bar[1] == ' ' ? 2 : 1;
		expand(text, bar, strlen(bar));
		cases++;
		if (judge(expect, connection, (const char *)sp_buf_data(text), sp_buf_len(text), got, sizeof(got)))
			continue;
		wrong++;
		fprintf(stderr, "%s:%zu: expected %s, got %s\n  %.200s\n", name, number, expect, got, bar);
	}
	(void)fclose(f);
	free(line);
	free(path);
	sp_buf_free(text);
	fprintf(stderr, "%s: %zu cases, %zu wrong\n", name, cases, wrong);
	assert_int_equal(wrong, 0);
	return cases;
}

static void
test_evasions(void **state)
{
	(void)state;
	assert_true(run_file("evasions.txt") >= 150);
}

static void
test_harmless(void **state)
{
	(void)state;
	assert_true(run_file("harmless.txt") >= 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_evasions), cmocka_unit_test(test_harmless)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
