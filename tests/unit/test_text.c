/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "lib/ulid.h"

static void
test_utf8(void **state)
{
	static const struct {
		const char *s;
		bool is_utf8, is_plain;
	} rows[] = {
		{"", true, true},
		{"plain ascii", true, true},
		{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true, true},
		{"\xc0\xaf", false, false},		/* overlong / */
		{"\xe0\x80\xaf", false, false},		/* overlong */
		{"\xf0\x80\x80\xaf", false, false},	/* overlong */
		{"\xed\xa0\x80", false, false},		/* surrogate */
		{"\xf4\x90\x80\x80", false, false},	/* past U+10FFFF */
		{"\xf5\x80\x80\x80", false, false},
		{"\x80", false, false},
		{"\xc3", false, false},
		{"\xe2\x82", false, false},
		{"\xc3(", false, false},
		{"a\nb", true, false},
		{"\x1b[2J", true, false},
		{"\x7f", true, false},
		{"\xc2\x9b" "31m", true, false},	/* C1 CSI */
		{"\xe2\x80\xa8", true, false},		/* U+2028 */
		{"\xe2\x80\xae", true, false},		/* right-to-left override */
		{"\xe2\x81\xa6", true, false},		/* isolate */
		{"\xe2\x80\x8f", true, false},
		{"\xd8\x9c", true, false},
		{"\xc2\xa0", true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(sp_text_is_utf8(rows[i].s, strlen(rows[i].s)), rows[i].is_utf8);
		assert_int_equal(sp_text_is_plain(rows[i].s, strlen(rows[i].s)), rows[i].is_plain);
	}
	assert_true(sp_text_is_utf8("\0", 1));
	assert_false(sp_text_is_plain("\0", 1));
}

static void
escape_is(const char *in, size_t n, size_t max, const char *want)
{
	struct sp_buf *b = sp_buf_new(0);

	assert_non_null(b);
	assert_int_equal(sp_text_escape(b, in, n, max), 0);
	assert_int_equal(sp_buf_len(b), strlen(want));
	assert_memory_equal(sp_buf_data(b), want, strlen(want));
	sp_buf_free(b);
}

static void
test_escape(void **state)
{
	(void)state;
	escape_is("", 0, 10, "");
	escape_is("a\\b\n", 4, 100, "a\\\\b\\x0a");
	escape_is("\xc2\x9b\xff\0", 4, 100, "\\xc2\\x9b\\xff\\x00");
	escape_is("\xc3\xa9", 2, 100, "\xc3\xa9");
	escape_is("abcdef", 6, 6, "abcdef");
	escape_is("abcdefg", 7, 6, "abc...");
	escape_is("abc\n\n", 5, 8, "abc..."); /* an escape is never cut in two */
	escape_is("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 9, 8, "\xe2\x82\xac...");
	escape_is("abc", 3, 2, "..");
	escape_is("abc", 3, 0, "");
}

static void
test_json(void **state)
{
	static const char in[] = "a\"\\\b\f\n\r\t\x01\x7f\xff\xc3\xa9";
	struct sp_buf *b = sp_buf_new(0);
	const char *want = "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f\xef\xbf\xbd\xc3\xa9\"";

	(void)state;
	assert_non_null(b);
	assert_int_equal(sp_text_json(b, in, sizeof(in) - 1), 0);
	assert_int_equal(sp_buf_len(b), strlen(want));
	assert_memory_equal(sp_buf_data(b), want, strlen(want));
	sp_buf_free(b);
}

static void
test_login(void **state)
{
	(void)state;
	assert_true(sp_text_is_login("alice"));
	assert_true(sp_text_is_login("_x-9"));
	assert_true(sp_text_is_login("host$"));
	assert_true(sp_text_is_login("abcdefghijabcdefghijabcdefghija"));
	assert_false(sp_text_is_login("abcdefghijabcdefghijabcdefghijab"));
	assert_false(sp_text_is_login(""));
	assert_false(sp_text_is_login("$"));
	assert_false(sp_text_is_login("9a"));
	assert_false(sp_text_is_login("-a"));
	assert_false(sp_text_is_login("Alice"));
	assert_false(sp_text_is_login("../x"));
	assert_false(sp_text_is_login("a b"));
	assert_false(sp_text_is_login("a$b"));
}

static void
test_hex(void **state)
{
	uint8_t out[3];
	char hex[7];

	(void)state;
	sp_text_hex(hex, "\x00\xab\xff", 3);
	assert_string_equal(hex, "00abff");
	assert_int_equal(sp_text_unhex(out, 3, "00ABff", 6), 0);
	assert_memory_equal(out, "\x00\xab\xff", 3);
	assert_int_equal(sp_text_unhex(out, 3, "00ABf", 5), SP_ERR_FORMAT);
	assert_int_equal(sp_text_unhex(out, 3, "00ABfg", 6), SP_ERR_FORMAT);
	assert_int_equal(sp_text_unhex(out, 2, "00ABff", 6), SP_ERR_FORMAT);
}

static void
test_base64(void **state)
{
	static const struct {
		const char *plain, *std, *url; /* RFC 4648 section 10, and the alphabets' ends */
	} good[] = {
		{"", "", ""},
		{"f", "Zg==", "Zg"},
		{"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"},
		{"foob", "Zm9vYg==", "Zm9vYg"},
		{"\xfb\xff", "+/8=", "-_8"},
	};
	static const char *const bad_std[] = {"Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9v", "-_8=", "Zg=a",
		"Zm9v\n"};
	static const char *const bad_url[] = {"Z", "Zh", "Zg==", "+/8", "Zm9", "Zm8=", "Zm9v\n", "Zm9vY"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct sp_buf *b = sp_buf_new(0);

		assert_non_null(b);
		assert_int_equal(sp_text_base64_encode(b, good[i].plain, strlen(good[i].plain)), 0);
		assert_int_equal(sp_buf_len(b), strlen(good[i].std));
		assert_memory_equal(sp_buf_data(b), good[i].std, strlen(good[i].std));
		sp_buf_reset(b);
		assert_int_equal(sp_text_base64url_encode(b, good[i].plain, strlen(good[i].plain)), 0);
		assert_int_equal(sp_buf_len(b), strlen(good[i].url));
		assert_memory_equal(sp_buf_data(b), good[i].url, strlen(good[i].url));
		sp_buf_reset(b);
		assert_int_equal(sp_text_base64_decode(b, good[i].std, strlen(good[i].std)), 0);
		assert_int_equal(sp_text_base64url_decode(b, good[i].url, strlen(good[i].url)), 0);
		assert_int_equal(sp_buf_len(b), 2 * strlen(good[i].plain));
		assert_memory_equal(sp_buf_data(b), good[i].plain, strlen(good[i].plain));
		sp_buf_free(b);
	}
	for (size_t i = 0; i < sizeof(bad_std) / sizeof(bad_std[0]); i++) {
		struct sp_buf *b = sp_buf_new(0);

		assert_non_null(b);
		assert_int_equal(sp_text_base64_decode(b, bad_std[i], strlen(bad_std[i])), SP_ERR_FORMAT);
		assert_int_equal(sp_buf_len(b), 0);
		sp_buf_free(b);
	}
	for (size_t i = 0; i < sizeof(bad_url) / sizeof(bad_url[0]); i++) {
		struct sp_buf *b = sp_buf_new(0);

		assert_non_null(b);
		assert_int_equal(sp_text_base64url_decode(b, bad_url[i], strlen(bad_url[i])), SP_ERR_FORMAT);
		assert_int_equal(sp_buf_len(b), 0);
		sp_buf_free(b);
	}
}

static void
test_ulid(void **state)
{
	char a[SP_ULID_LEN + 1], b[SP_ULID_LEN + 1];

	(void)state;
	assert_int_equal(sp_ulid_new(1469918176385, a), 0);
	assert_memory_equal(a, "01ARYZ6S41", 10); /* the specification's own example */
	assert_true(sp_ulid_is_valid(a));
	assert_true(sp_ulid_time_ms(a) == 1469918176385);
	assert_int_equal(sp_ulid_new(1469918176385, b), 0);
	assert_string_not_equal(a, b);
	assert_int_equal(sp_ulid_new(1469918176386, b), 0);
	assert_true(strcmp(a, b) < 0);
	assert_false(sp_ulid_is_valid(""));
	assert_false(sp_ulid_is_valid("01ARYZ6S41TSV4RRFFQ69G5FA"));
	assert_false(sp_ulid_is_valid("01ARYZ6S41TSV4RRFFQ69G5FAVX"));
	assert_false(sp_ulid_is_valid("01ARYZ6S41TSV4RRFFQ69G5FAU"));
	assert_false(sp_ulid_is_valid("81ARYZ6S41TSV4RRFFQ69G5FAV"));
	assert_false(sp_ulid_is_valid("../../../../etc/passwd/xxx"));
}

static void
test_like(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool is_like, is_like_any;
	} rows[] = {{"", "", true, true}, {"*", "", true, true}, {"*", "abc", true, true}, {"*", "a/b", false, false},
	    {"*/*", "a/b", true, true}, {"a*c", "abbc", true, true}, {"a*c", "ab/c", false, false}, {"a?c", "abc", true, true},
	    {"a?c", "a/c", false, false}, {"a?", "a", false, false}, {"*b*b", "abab", true, true}, {"*b*b", "aba", false, false},
	    {"refs/heads/*", "refs/heads/x", true, true}, {"refs/heads/*", "refs/heads/x/y", false, false},
	    {"refs/*/x*z", "refs/heads/xyz", true, true}, {"a*b/c", "axb/c", true, true}, {"a*b/c", "axb/bb/c", false, false},
	    {"*@example.com", "Alice@Example.COM", false, true}, {"abc", "ABC", false, true}, {"[a", "{A", false, false},
	    {"a", "", false, false}, {"", "a", false, false}, {"**", "a", true, true}, {"*a", "/a", false, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (sp_text_is_like(rows[i].pattern, rows[i].text, false) != rows[i].is_like ||
		    sp_text_is_like(rows[i].pattern, rows[i].text, true) != rows[i].is_like_any)
			fail_msg("%s %s", rows[i].pattern, rows[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like), cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_ulid),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
