/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked for in the contents of files, however they are cut. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/image.h"
#include "session-agent/file_scan.h"

#define CARD "4111 1111 1111 1111"
#define PREFIX "order 17, paid with "

static const char *const detectors[] = {"credit_card", "email"};
static const struct sp_policy_scan refuse = {.ndetectors = 2, .detectors = detectors, .found = SP_POLICY_FOUND_REFUSE};
static const struct sp_policy_scan lax = {
    .ndetectors = 2, .detectors = detectors, .found = SP_POLICY_FOUND_RECORD, .passes_unreadable = true};

static const struct sp_policy_scan strict = {
    .ndetectors = 2, .detectors = detectors, .found = SP_POLICY_FOUND_REFUSE, .passes_unreadable = true};

static struct sp_file_scan *
new_scan(const struct sp_policy_scan *a, const struct sp_policy_scan *b)
{
	static struct sp_decision d;
	struct sp_file_scan *scan;

	d.nscans = b == NULL ? 1 : 2;
	d.scans[0] = a;
	d.scans[1] = b;
	assert_int_equal(sp_file_scan_new(&d, &scan), 0);
	assert_non_null(scan);
	return scan;
}

/* In pieces of step bytes; how many bytes passed. */
static size_t
passed(struct sp_file_scan *scan, const char *text, size_t n, size_t step)
{
	size_t at, part;

	for (at = 0; at < n; at += part) {
		part = n - at < step ? n - at : step;
		if (sp_file_scan_feed(scan, at, text + at, part) != 0)
			return at;
	}
	return n;
}

static void
test_cut(void **state)
{
	static const char text[] = PREFIX CARD "\nnothing more\n";
	size_t whole = strlen(PREFIX CARD);

	(void)state;
	for (size_t step = 1; step <= sizeof(text); step++) {
		struct sp_file_scan *scan = new_scan(&refuse, NULL);

		assert_true(passed(scan, text, sizeof(text) - 1, step) < whole);
		assert_string_equal(sp_file_scan_why(scan), "refused for what is in it: credit_card");
		assert_int_equal(sp_file_scan_feed(scan, sizeof(text), "x", 1), SP_ERR_DENIED);
		sp_file_scan_free(scan);
	}
}

/* The file ends with it: there is no next part that would tell. */
static void
test_end(void **state)
{
	(void)state;
	for (size_t step = 1; step < 64; step++) {
		struct sp_file_scan *scan = new_scan(&refuse, NULL);
		const char *text = PREFIX CARD;

		assert_true(passed(scan, text, strlen(text), step) < strlen(text));
		sp_file_scan_free(scan);
		scan = new_scan(&refuse, NULL);
		text = "write to bob@example.com";
		assert_true(passed(scan, text, strlen(text), step) < strlen(text));
		sp_file_scan_free(scan);
	}
}

static void
test_far(void **state)
{
	size_t n = (size_t)3 * 1024 * 1024;
	char *text = malloc(n);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		text[i] = i % 80 == 79 ? '\n' : (char)('a' + i % 7);
	for (size_t at = 65536 - 20; at < 65536 + 2; at++) {
		struct sp_file_scan *scan = new_scan(&refuse, NULL);

		memcpy(text + 40 * 65536 + at, "\n" CARD "\n", strlen(CARD) + 2);
		assert_true(passed(scan, text, n, 32768) <= 40 * 65536 + at + strlen(CARD));
		memset(text + 40 * 65536 + at, 'x', strlen(CARD) + 2);
		sp_file_scan_free(scan);
	}
	{
		struct sp_file_scan *scan = new_scan(&refuse, NULL);

		assert_int_equal(passed(scan, text, n, 100000), n);
		sp_file_scan_free(scan);
	}
	free(text);
}

static void
test_order(void **state)
{
	struct sp_file_scan *scan = new_scan(&refuse, NULL);

	(void)state;
	assert_int_equal(sp_file_scan_feed(scan, 10, "x", 1), SP_ERR_DENIED); /* resumed */
	assert_non_null(strstr(sp_file_scan_why(scan), "from its beginning"));
	sp_file_scan_free(scan);
	scan = new_scan(&refuse, NULL);
	assert_int_equal(sp_file_scan_feed(scan, 0, "4111 1111", 9), 0);
	assert_int_equal(sp_file_scan_feed(scan, 18, "1", 1), SP_ERR_DENIED); /* the gap would be filled later */
	assert_non_null(strstr(sp_file_scan_why(scan), "in order"));
	assert_int_equal(sp_file_scan_feed(scan, 9, " 1111 1111", 10), SP_ERR_DENIED); /* once and for all */
	sp_file_scan_free(scan);
	scan = new_scan(&refuse, NULL);
	assert_int_equal(sp_file_scan_feed(scan, 0, "xxxxxxxxx", 9), 0);
	assert_int_equal(sp_file_scan_feed(scan, 0, "4111 1111", 9), SP_ERR_DENIED); /* written over */
	sp_file_scan_free(scan);
}

static void
test_unreadable(void **state)
{
	static const char utf16[] = "4\0001\0001\0001\000";
	struct sp_file_scan *scan = new_scan(&refuse, NULL);

	(void)state;
	assert_int_equal(sp_file_scan_feed(scan, 0, utf16, sizeof(utf16) - 1), SP_ERR_DENIED);
	assert_non_null(strstr(sp_file_scan_why(scan), "no text"));
	sp_file_scan_free(scan);
	scan = new_scan(&lax, NULL);
	assert_int_equal(sp_file_scan_feed(scan, 0, utf16, sizeof(utf16) - 1), 0);
	assert_int_equal(sp_file_scan_feed(scan, sizeof(utf16) - 1, CARD, strlen(CARD)), 0); /* unread from here on */
	sp_file_scan_free(scan);
	scan = new_scan(&strict, NULL);
	assert_int_equal(sp_file_scan_feed(scan, 0, CARD "\0", strlen(CARD) + 1), SP_ERR_DENIED); /* but not up to there */
	assert_string_equal(sp_file_scan_why(scan), "refused for what is in it: credit_card");
	sp_file_scan_free(scan);
	scan = new_scan(&refuse, NULL);
	assert_int_equal(sp_file_scan_feed(scan, 0, "gr\xfc\xdf\tdich\r\n\x1b[0m", 15), 0); /* Latin-1 is text */
	sp_file_scan_free(scan);
}

static void
test_record(void **state)
{
	struct sp_file_scan *scan = new_scan(&lax, NULL);
	struct sp_buf *json = sp_buf_new(200);
	const char *text = "bob@example.com and " CARD;

	(void)state;
	assert_int_equal(passed(scan, text, strlen(text), 7), strlen(text));
	assert_int_equal(sp_file_scan_counts(scan, json), 0);
	assert_int_equal(sp_buf_put(json, "", 1), 0);
	assert_string_equal((const char *)sp_buf_data(json), "{\"credit_card\":1,\"email\":1}");
	sp_file_scan_free(scan);
	scan = new_scan(&lax, &refuse); /* the strictest of the rules counts */
	assert_true(passed(scan, text, strlen(text), 7) < strlen("bob@example.com"));
	sp_buf_reset(json);
	assert_int_equal(sp_file_scan_counts(scan, json), 0);
	assert_true(sp_buf_len(json) > 0);
	sp_file_scan_free(scan);
	sp_buf_free(json);
}

/* What is open when the policy changes goes on only if it is looked at as the new one wants it. */
static void
test_is_of(void **state)
{
	static const struct sp_policy_pair ticket = {.name = "ticket", .value = "T-[0-9]{6}"};
	static const struct sp_policy_scan fewer = {.ndetectors = 1, .detectors = detectors},
	    more = {.ndetectors = 2, .detectors = detectors, .nregexes = 1, .regexes = &ticket};
	static struct sp_decision d;
	struct sp_file_scan *scan = new_scan(&refuse, NULL);

	(void)state;
	assert_true(sp_file_scan_is_of(NULL, &d));
	assert_false(sp_file_scan_is_of(scan, &d));
	d.nscans = 1;
	d.scans[0] = &refuse;
	assert_true(sp_file_scan_is_of(scan, &d));
	assert_false(sp_file_scan_is_of(NULL, &d));
	d.scans[0] = &lax;
	assert_false(sp_file_scan_is_of(scan, &d));
	d.scans[0] = &strict;
	assert_false(sp_file_scan_is_of(scan, &d));
	d.scans[0] = &fewer;
	assert_false(sp_file_scan_is_of(scan, &d));
	d.scans[0] = &more;
	assert_false(sp_file_scan_is_of(scan, &d));
	d.scans[0] = &refuse;
	d.scans[d.nscans++] = &refuse;
	assert_false(sp_file_scan_is_of(scan, &d));
	sp_file_scan_free(scan);
}

static void
test_none(void **state)
{
	static struct sp_decision d;
	struct sp_file_scan *scan;

	(void)state;
	assert_int_equal(sp_file_scan_new(&d, &scan), 0);
	assert_null(scan);
	assert_int_equal(sp_file_scan_feed(NULL, 7, CARD, strlen(CARD)), 0);
}

/* What a copy is kept of: what was found and what cannot be read, not what came in another order. */
static void
test_kept(void **state)
{
	static const struct sp_policy_scan keeps = {
	    .ndetectors = 2, .detectors = detectors, .found = SP_POLICY_FOUND_QUARANTINE};
	struct sp_decision d = {.nscans = 2, .scans = {&lax, &keeps}};
	struct sp_file_scan *scan = new_scan(&lax, &keeps);

	(void)state;
	assert_true(sp_file_scan_keeps(&d));
	d.scans[1] = &refuse;
	assert_false(sp_file_scan_keeps(&d));
	assert_false(sp_file_scan_is_match(NULL));
	assert_int_equal(sp_file_scan_feed(scan, 0, "fine ", 5), 0);
	assert_false(sp_file_scan_is_match(scan));
	assert_int_equal(sp_file_scan_feed(scan, 5, "4111111111111111 ", 17), SP_ERR_DENIED);
	assert_true(sp_file_scan_is_match(scan));
	sp_file_scan_refuse(scan, "for another reason");
	sp_file_scan_add(scan, "; and so on");
	assert_string_equal(sp_file_scan_why(scan), "refused for what is in it: credit_card; and so on");
	sp_file_scan_free(scan);
	scan = new_scan(&keeps, NULL);
	assert_int_equal(sp_file_scan_feed(scan, 0, "\1", 1), SP_ERR_DENIED);
	assert_true(sp_file_scan_is_match(scan));
	sp_file_scan_free(scan);
	scan = new_scan(&keeps, NULL);
	assert_int_equal(sp_file_scan_feed(scan, 1, "x", 1), SP_ERR_DENIED);
	assert_false(sp_file_scan_is_match(scan));
	sp_file_scan_free(scan);
	scan = new_scan(&keeps, NULL);
	sp_file_scan_refuse(scan, "for another reason");
	assert_int_equal(sp_file_scan_feed(scan, 0, "x", 1), SP_ERR_DENIED);
	assert_false(sp_file_scan_is_match(scan));
	sp_file_scan_free(scan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut), cmocka_unit_test(test_end),
	    cmocka_unit_test(test_far), cmocka_unit_test(test_order), cmocka_unit_test(test_unreadable),
	    cmocka_unit_test(test_record), cmocka_unit_test(test_is_of), cmocka_unit_test(test_none),
	    cmocka_unit_test(test_kept)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
