/* SPDX-License-Identifier: Apache-2.0 */
/* Every line of tests/attacks/sql/evasions.txt and harmless.txt gets the decision it says; see the README there. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/source.h"
#include "policy/sql.h"
#include "policy/subject.h"
#include "tests/unit/attack_lines.h"

static struct sp_policy_source *source;
static struct sp_buf *bytes;
static struct sp_policy_image *image;
static struct sp_policy_subject *alice;

static int
setup(void **state)
{
	static const char identity[] = "{\"user\":\"alice\",\"groups\":[\"eng\"]}";
	char *dir = attack_path("sql", "policy");

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

static void
test_evasions(void **state)
{
	(void)state;
	assert_true(attack_lines_run("sql", "evasions.txt", judge) >= 150);
}

static void
test_harmless(void **state)
{
	(void)state;
	assert_true(attack_lines_run("sql", "harmless.txt", judge) >= 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_evasions), cmocka_unit_test(test_harmless)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
