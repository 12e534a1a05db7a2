/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <string.h>

#include "cli/termfilter.h"

static const struct {
	const char *in;
	const char *out;
} cases[] = {
	{ "plain\r\n", "plain\r\n" },
	{ "\033[1;31mred\033[0m", "\033[1;31mred\033[0m" },
	{ "\033[2J\033[H\033[?25l\033[?1049h", "\033[2J\033[H\033[?25l\033[?1049h" },
	{ "a\033]0;title\007b", "ab" },
	{ "a\033]52;c;aGk=\033\\b", "ab" },		 /* clipboard */
	{ "a\033P+q544e\033\\b", "ab" },		 /* DCS */
	{ "a\033_G...\033\\b\033^x\033\\c\033Xy\033\\d", "abcd" }, /* APC, PM, SOS */
	{ "a\033[6nb\033[cc\033[>cd\033[5ie", "abcde" }, /* reports, printing */
	{ "a\033[21tb\033[8;50;100tc", "abc" },		 /* window */
	{ "a\033[?1000hb\033[?2004hc\033[?1004hd", "abcd" }, /* mouse, paste, focus */
	{ "a\033[!pb\033[?1$pc\033[ qd", "abcd" },
	{ "a\033cb\033Zc\033#8d", "abcd" }, /* reset, identify, test pattern */
	{ "a\302\233" "31mb", "a31mb" },    /* C1 CSI as a character */
	{ "a\233b\235c", "a?b?c" },	    /* C1 as bytes */
	{ "a\007\016\017\177\005b", "ab" }, /* BEL, shifts, DEL, ENQ */
	{ "\303\244\342\202\254", "\303\244\342\202\254" },
	{ "a\342\200\256b", "ab" },	     /* right-to-left override */
	{ "a\303(b", "a?(b" },
	{ "\033[1\033[2mx", "\033[2mx" },
	{ "\033]x\033[31my", "\033[31my" },
	{ "\033(0lqk\033(B", "\033(0lqk\033(B" },
};

/* In one piece, and cut at every byte: the same comes out. */
static void
test_cases(void **state)
{
	struct sp_buf *b = sp_buf_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].in);

		for (size_t cut = 0; cut <= n; cut++) {
			struct sp_termfilter t;

			sp_buf_reset(b);
			sp_termfilter_init(&t, false);
			assert_int_equal(sp_termfilter_feed(&t, cases[i].in, cut, b), 0);
			assert_int_equal(sp_termfilter_feed(&t, cases[i].in + cut, n - cut, b), 0);
			assert_int_equal(sp_buf_len(b), strlen(cases[i].out));
			assert_memory_equal(sp_buf_data(b), cases[i].out, sp_buf_len(b));
		}
	}
	sp_buf_free(b);
}

static void
test_text_has_no_escape(void **state)
{
	struct sp_buf *b = sp_buf_new(0);
	struct sp_termfilter t;

	(void)state;
	sp_termfilter_init(&t, true);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(sp_termfilter_feed(&t, cases[i].in, strlen(cases[i].in), b), 0);
	assert_null(memchr(sp_buf_data(b), 0x1b, sp_buf_len(b)));
	assert_null(memchr(sp_buf_data(b), '\r', sp_buf_len(b)));
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_text_has_no_escape),
	};

	return cmocka_run_group_tests_name("termfilter", tests, NULL, NULL);
}
