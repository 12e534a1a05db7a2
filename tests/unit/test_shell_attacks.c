/* SPDX-License-Identifier: Apache-2.0 */
/* Every line of the files of tests/attacks/argv/ gets the decision it says; see the README there. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/source.h"
#include "policy/shell.h"
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
	char *dir = attack_path("argv", "policy");

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
	struct sp_decide_request q = {.time = 1000000000, .from = "192.0.2.1"};
	const struct sp_policy_connection *c;
	struct sp_decide_scope *scope;
	struct sp_shell *shell;
	struct sp_decision d;
	char name[16];
	size_t n = strcspn(connection, "/");

	(void)snprintf(name, sizeof(name), "%.*s", (int)n, connection);
	c = sp_policy_image_find(image, name);
	assert_non_null(c);
	assert_int_equal(sp_shell_parse(text, len, connection[n] == '/' ? SP_SHELL_TYPED : 0, &shell), 0);
	assert_int_equal(sp_decide_scope_new(image, alice, c, &scope), 0);
	q.shell = shell;
	sp_decide(scope, &q, &d);
	/* What is proven is resolved and not typed; nothing else is. */
	assert_int_equal(d.label == SP_POLICY_PROVEN, sp_shell_reasons(shell) == 0 && connection[n] != '/');
	sp_decide_scope_free(scope);
	sp_shell_free(shell);
	(void)snprintf(got, size, "%s: %s", sp_policy_effect_str(d.effect), d.message);
	if (d.effect == SP_POLICY_DENY)
		assert_true(d.message[0] != 0);
	return strcmp(sp_policy_effect_str(d.effect), expect) == 0;
}

static void
test_evasions(void **state)
{
	(void)state;
	assert_true(attack_lines_run("argv", "evasions.txt", judge) >= 400);
}

static void
test_harmless(void **state)
{
	(void)state;
	assert_true(attack_lines_run("argv", "harmless.txt", judge) >= 100);
}

static void
test_unclear(void **state)
{
	(void)state;
	assert_true(attack_lines_run("argv", "unclear.txt", judge) >= 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_evasions), cmocka_unit_test(test_harmless),
	    cmocka_unit_test(test_unclear)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
