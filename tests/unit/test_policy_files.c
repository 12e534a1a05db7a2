/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about files: the attacks of tests/attacks/files, labels, masks, and who may do anything with files at all. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/file.h"
#include "policy/source.h"
#include "policy/subject.h"
#include "tests/unit/attack_lines.h"

#define CASES_MIN 40 /* there are at least so many: none is left out unseen */

static struct sp_policy_source *source;
static struct sp_buf *bytes;
static struct sp_policy_image *image;

static int
setup(void **state)
{
	char *dir = attack_path("files", "policy");

	(void)state;
	source = sp_policy_source_new();
	bytes = sp_buf_new(0);
	assert_int_equal(sp_policy_source_add_dir(source, dir), 0);
	assert_int_equal(sp_policy_source_compile(source, 1, bytes), 0);
	assert_int_equal(sp_policy_image_open(sp_buf_data(bytes), sp_buf_len(bytes), &image), 0);
	free(dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sp_policy_image_free(image);
	sp_buf_free(bytes);
	sp_policy_source_free(source);
	return 0;
}

static void
show(const struct sp_policy_test_result *r, void *ctx)
{
	(void)ctx;
	if (!r->has_passed)
		fprintf(stderr, "%s:%u: expected %s, got %s %s: %s\n", r->file, r->line, r->expected, r->got, r->rule,
		    r->message);
}

static void
test_cases(void **state)
{
	size_t passed = 0, failed = 0;

	(void)state;
	assert_int_equal(sp_policy_source_test(source, sp_buf_data(bytes), sp_buf_len(bytes), 1000000000, show, NULL, &passed,
			     &failed),
	    0);
	assert_int_equal(failed, 0);
	assert_true(passed >= CASES_MIN);
}

static struct sp_decide_scope *
scope_of(const char *identity, const char *connection, struct sp_policy_subject **ret_who)
{
	struct sp_decide_scope *scope;

	assert_int_equal(sp_policy_subject_new(identity, strlen(identity), ret_who), 0);
	assert_int_equal(sp_decide_scope_new(image, *ret_who, sp_policy_image_find(image, connection), &scope), 0);
	return scope;
}

static void
test_decision(void **state)
{
	struct sp_decide_file f = {.words = SP_FILE_BIT(SP_FILE_READ), .path = "/srv/www/a"};
	struct sp_decide_request q = {.file = &f, .time = 1000000000};
	struct sp_policy_subject *who;
	struct sp_decide_scope *scope = scope_of("{\"groups\":[\"eng\"]}", "web1", &who);
	struct sp_decision d;

	(void)state;
	sp_decide(scope, &q, &d);
	assert_int_equal(d.effect, SP_POLICY_ALLOW);
	assert_int_equal(d.label, SP_POLICY_PROVEN);
	f.is_advisory = true;
	sp_decide(scope, &q, &d);
	assert_int_equal(d.effect, SP_POLICY_ALLOW);
	assert_int_equal(d.label, SP_POLICY_ADVISORY);
	/* Each word needs its own rule, and the strictest counts. */
	f.path = "/srv/www/etc/a";
	f.words = SP_FILE_BIT(SP_FILE_READ) | SP_FILE_BIT(SP_FILE_WRITE) | SP_FILE_BIT(SP_FILE_CREATE);
	sp_decide(scope, &q, &d);
	assert_int_equal(d.effect, SP_POLICY_APPROVE);
	assert_non_null(d.approve);
	f.path = "/var/log/a";
	sp_decide(scope, &q, &d);
	assert_int_equal(d.effect, SP_POLICY_DENY);
	assert_string_equal(d.message, "No rule allows you to write /var/log/a on web1 (do: { file: [write] }).");
	/* Nothing asked is nothing allowed. */
	f.words = 0;
	sp_decide(scope, &q, &d);
	assert_int_equal(d.effect, SP_POLICY_DENY);
	f.words = SP_FILE_BIT(SP_FILE_WORDS);
	sp_decide(scope, &q, &d);
	assert_int_equal(d.effect, SP_POLICY_DENY);
	sp_decide_scope_free(scope);
	sp_policy_subject_free(who);
}

/* A tree is allowed as a whole or not at all; anything strict about a part of it counts. */
static void
test_tree(void **state)
{
	static const struct {
		uint32_t words;
		const char *path;
		enum sp_policy_effect effect;
	} cases[] = {
	    {SP_FILE_BIT(SP_FILE_STAT), "/srv/www", SP_POLICY_ALLOW},
	    {SP_FILE_BIT(SP_FILE_STAT), "/srv/www/a", SP_POLICY_ALLOW},
	    {SP_FILE_BIT(SP_FILE_STAT), "/srv", SP_POLICY_DENY},
	    {SP_FILE_BIT(SP_FILE_STAT), "/", SP_POLICY_DENY},
	    {SP_FILE_BIT(SP_FILE_READ), "/srv/www", SP_POLICY_DENY},	/* there can be a key in it */
	    {SP_FILE_BIT(SP_FILE_READ), "/srv/www/a", SP_POLICY_DENY},
	    {SP_FILE_BIT(SP_FILE_MKDIR), "/srv/www/a", SP_POLICY_ALLOW},
	    {SP_FILE_BIT(SP_FILE_WRITE), "/srv/www", SP_POLICY_APPROVE}, /* etc is in it */
	    {SP_FILE_BIT(SP_FILE_WRITE), "/srv/www/etc", SP_POLICY_APPROVE},
	    {SP_FILE_BIT(SP_FILE_WRITE), "/srv/www/a", SP_POLICY_ALLOW},
	    {SP_FILE_BIT(SP_FILE_WRITE) | SP_FILE_BIT(SP_FILE_READ), "/srv/www/a", SP_POLICY_DENY},
	    {SP_FILE_BIT(SP_FILE_STAT), "/var/log", SP_POLICY_DENY},	/* what is deeper is not allowed */
	    {SP_FILE_BIT(SP_FILE_STAT), "/var/log/a", SP_POLICY_DENY},
	    {SP_FILE_BIT(SP_FILE_WRITE), "/srv/drop", SP_POLICY_DENY},	/* its own directory is not */
	    {SP_FILE_BIT(SP_FILE_WRITE), "/srv/drop/a", SP_POLICY_ALLOW},
	};
	struct sp_policy_subject *who;
	struct sp_decide_scope *scope = scope_of("{\"groups\":[\"eng\"]}", "web1", &who);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sp_decide_file f = {.words = cases[i].words, .path = cases[i].path, .is_tree = true};
		struct sp_decide_request q = {.file = &f, .time = 1000000000};
		struct sp_decision d;

		sp_decide(scope, &q, &d);
		if (d.effect != cases[i].effect)
			fail_msg("%s: %d", cases[i].path, (int)d.effect);
		f.path2 = "/srv/www/b";
		sp_decide(scope, &q, &d);
		assert_int_equal(d.effect, SP_POLICY_DENY);
	}
	sp_decide_scope_free(scope);
	sp_policy_subject_free(who);
}

static void
test_scans(void **state)
{
	static const struct {
		uint32_t words;
		const char *path;
		bool is_tree;
		size_t n;
	} cases[] = {{SP_FILE_BIT(SP_FILE_WRITE), "/srv/drop/cards/a", false, 1}, {SP_FILE_BIT(SP_FILE_WRITE), "/srv/drop/a", false, 0},
	    {SP_FILE_BIT(SP_FILE_CREATE), "/srv/drop/cards/a", false, 0}, {SP_FILE_BIT(SP_FILE_RENAME), "/srv/drop/cards/a", false, 0},
	    {SP_FILE_BIT(SP_FILE_WRITE), "/srv/drop/cards", true, 1}, {SP_FILE_BIT(SP_FILE_WRITE), "/srv/drop", true, 1},
	    {SP_FILE_BIT(SP_FILE_WRITE), "/srv/www/a", true, 0}};
	struct sp_policy_subject *who;
	struct sp_decide_scope *scope = scope_of("{\"groups\":[\"eng\"]}", "web1", &who);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sp_decide_file f = {.words = cases[i].words, .path = cases[i].path, .is_tree = cases[i].is_tree};
		struct sp_decide_request q = {.file = &f, .time = 1000000000};
		struct sp_decision d;

		sp_decide(scope, &q, &d);
		if (d.nscans != cases[i].n)
			fail_msg("%s: %zu", cases[i].path, d.nscans);
		if (d.nscans == 1) {
			assert_int_equal(d.scans[0]->ndetectors, 1);
			assert_string_equal(d.scans[0]->detectors[0], "credit_card");
			assert_string_equal(d.scans[0]->regexes[0].name, "ticket");
			assert_true(d.scans[0]->found == SP_POLICY_FOUND_RECORD && d.scans[0]->passes_unreadable);
		}
	}
	sp_decide_scope_free(scope);
	sp_policy_subject_free(who);
}

static void
test_has_files(void **state)
{
	static const struct {
		const char *identity, *connection;
		bool has;
	} cases[] = {{"{\"groups\":[\"eng\"]}", "web1", true}, {"{\"groups\":[\"dba\"]}", "web1", false},
	    {"{\"groups\":[\"eng\"]}", "web2", false}, {"{\"groups\":[\"dba\"]}", "web2", true},
	    {"{\"groups\":[\"eng\"]}", "orders", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sp_policy_subject *who;
		struct sp_decide_scope *scope = scope_of(cases[i].identity, cases[i].connection, &who);

		assert_int_equal(sp_decide_has_files(scope, 1000000000, NULL), cases[i].has);
		sp_decide_scope_free(scope);
		sp_policy_subject_free(who);
	}
}

static void
test_path(void **state)
{
	static const char *const good[] = {"/", "/a", "/a/b.c", "/...", "/.a", "/..a", "/a..", "/\xc3\xa4", "/a b"};
	static const char *const bad[] = {"", "a", "//", "/a/", "/a//b", "/.", "/..", "/a/.", "/a/..", "/./a", "/../a", "/a\n",
	    "/\x01", "/a\x7f", "."};
	char *longest = calloc(1, SP_FILE_PATH_MAX + 2);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(sp_file_is_path(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sp_file_is_path(bad[i]));
	memset(longest, 'a', SP_FILE_PATH_MAX);
	longest[0] = '/';
	assert_true(sp_file_is_path(longest));
	longest[SP_FILE_PATH_MAX] = 'a';
	assert_false(sp_file_is_path(longest));
	free(longest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_decision),
	    cmocka_unit_test(test_tree),
	    cmocka_unit_test(test_scans),
	    cmocka_unit_test(test_has_files),
	    cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
