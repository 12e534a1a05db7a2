/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about what programs reach over sockets: patterns, and the cases of tests/attacks/network/policy. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/network.h"
#include "policy/source.h"
#include "policy/subject.h"
#include "tests/unit/attack_lines.h"

#define CASES_MIN 38 /* there are at least so many: none is left out unseen */

static void
show(const struct sp_policy_test_result *r, void *ctx)
{
	(void)ctx;
	if (!r->has_passed)
		fprintf(stderr, "%s:%u: expected %s, got %s %s: %s\n", r->file, r->line, r->expected, r->got, r->rule,
		    r->message);
}

static bool
has_network(const struct sp_policy_image *image, const char *connection)
{
	static const char identity[] = "{\"groups\":[\"eng\"]}";
	struct sp_policy_subject *who;
	struct sp_decide_scope *scope;
	bool has;

	assert_int_equal(sp_policy_subject_new(identity, strlen(identity), &who), 0);
	assert_int_equal(sp_decide_scope_new(image, who, sp_policy_image_find(image, connection), &scope), 0);
	has = sp_decide_has_network(scope);
	sp_decide_scope_free(scope);
	sp_policy_subject_free(who);
	return has;
}

static void
test_cases(void **state)
{
	struct sp_policy_source *source = sp_policy_source_new();
	struct sp_buf *bytes = sp_buf_new(0);
	char *dir = attack_path("network", "policy");
	struct sp_policy_image *image;
	size_t passed = 0, failed = 0;

	(void)state;
	assert_int_equal(sp_policy_source_add_dir(source, dir), 0);
	assert_int_equal(sp_policy_source_compile(source, 1, bytes), 0);
	assert_int_equal(sp_policy_source_test(source, sp_buf_data(bytes), sp_buf_len(bytes), 1000000000, show, NULL, &passed,
			     &failed),
	    0);
	assert_int_equal(failed, 0);
	assert_true(passed >= CASES_MIN);
	assert_int_equal(sp_policy_image_open(sp_buf_data(bytes), sp_buf_len(bytes), &image), 0);
	assert_true(has_network(image, "shell") && has_network(image, "plan"));
	assert_false(has_network(image, "other"));
	sp_policy_image_free(image);
	sp_buf_free(bytes);
	sp_policy_source_free(source);
	free(dir);
}

static void
test_patterns(void **state)
{
	static const char *const good[] = { "any", "tcp", "tcp *", "tcp * 443", "udp ::/0 53", "tcp 10.0.0.0/8 1-65535", "icmp *",
		"unix", "unix *", "unix /a b", "unix @x", "unix **/x", "listen tcp", "listen any", "listen tcp * 0" };
	static const char *const bad[] = { "", "listen", "tpc", "tcp x", "tcp 10.0.0.0/33", "tcp 10.0.0.1:443", "tcp * 65536", "tcp * 9-8",
		"tcp * 1-", "tcp * -1", "tcp * 443 444", "icmp * 8", "any * 80", "unix run/x", "listen udp", "listen unix /x",
		"tcp * 99999999999", "tcp aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(sp_network_pattern_problem(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(sp_network_pattern_problem(bad[i]));
}

static void
test_one_as_text(void **state)
{
	static const char *const texts[] = { "tcp 10.1.2.3 443", "listen tcp ::1 53", "udp 2001:db8::1 1", "icmp 192.0.2.1",
		"unix /run/x.sock", "unix @name" };
	static const char *const none[] = { "any 10.1.2.3 443", "tcp 10.0.0.0/8 443", "tcp * 443", "tcp 10.1.2.3", "tcp 10.1.2.3 1-2",
		"unix", "unix /run/*", "unix @a?", "nothing" };
	struct sp_decide_network n;
	char text[SP_NETWORK_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(sp_network_parse(texts[i], &n), 0);
		sp_network_text(&n, text);
		assert_string_equal(text, texts[i]);
		assert_true(sp_network_match(text, &n, true) && sp_network_match(text, &n, false));
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(sp_network_parse(none[i], &n), SP_ERR_FORMAT);
	assert_null(sp_network_protocol_str(0));
	assert_null(sp_network_protocol_str(5));
}

/* Ports of a host's own loopback: each named, or in a short span, and at that one address. */
static void
test_loopback_spans(void **state)
{
	static const char *const bad[] = {"tcp", "tcp *", "tcp 127.0.0.1", "tcp * 40000", "tcp 127.0.0.0/8 40000", "tcp 127.0.0.2 40000",
	    "udp 127.0.0.1 40000", "any 127.0.0.1", "listen tcp 127.0.0.1 40000", "tcp ::1 40000", "tcp 127.0.0.1 40000-40032",
	    "tcp 127.0.0.1 0", "tcp 127.0.0.1 0-10", "unix /127.0.0.1", ""};
	uint16_t first = 0, last = 0;

	(void)state;
	assert_true(sp_network_is_loopback_span("tcp 127.0.0.1 40000", &first, &last));
	assert_true(first == 40000 && last == 40000);
	assert_true(sp_network_is_loopback_span("tcp 127.0.0.1/32 65504-65535", &first, &last));
	assert_true(first == 65504 && last == 65535);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sp_network_is_loopback_span(bad[i], &first, &last))
			fail_msg("%s", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases), cmocka_unit_test(test_patterns), cmocka_unit_test(test_loopback_spans),
		cmocka_unit_test(test_one_as_text) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
