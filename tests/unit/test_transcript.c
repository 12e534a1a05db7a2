/* SPDX-License-Identifier: Apache-2.0 */
/* What a session's output says as text. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <string.h>

#include "cli/transcript.h"
#include "lib/buf.h"

static int
on_line(uint64_t time_ns, const char *p, size_t n, void *ctx)
{
	(void)time_ns;
	sp_buf_put(ctx, p, n);
	return sp_buf_put_u8(ctx, '|');
}

static void
check(unsigned rows, unsigned cols, const char *in, const char *want)
{
	for (size_t step = 1; step <= strlen(in); step += step < 4 ? 1 : strlen(in)) {
		struct sp_buf *out = sp_buf_new(0);
		struct sp_transcript *t = NULL;

		assert_int_equal(sp_transcript_new(rows, cols, on_line, out, &t), 0);
		for (size_t i = 0; i < strlen(in); i += step)
			assert_int_equal(sp_transcript_feed(t, i, in + i, strlen(in) - i < step ? strlen(in) - i : step), 0);
		assert_int_equal(sp_transcript_finish(t), 0);
		sp_buf_put_u8(out, 0);
		assert_string_equal((const char *)sp_buf_data(out), want);
		sp_transcript_free(t);
		sp_buf_free(out);
	}
}

static void
test_screen(void **state)
{
	(void)state;
	check(4, 20, "one\r\ntwo\r\n", "one|two|");
	check(2, 20, "one\r\ntwo\r\nthree\r\nfour", "one|two|three|four|"); /* scrolled away */
	check(4, 20, "\033[31mre\033[0md\r\n\r\n\r\nend", "red||end|");
	check(4, 20, "10%\r20%\r30%\r\ndone", "30%|done|"); /* written over */
	check(4, 20, "lsx\b \b\r\n", "ls|");
	check(4, 20, "first\033[H\033[2Jsecond", "first||second|"); /* a cleared screen */
	check(4, 20, "sh\r\n\033[?1049h\033[Hin the pager\033[?1049lback", "in the pager||sh|back|");
	check(4, 20, "a\033]0;title\007b\033[6nc", "abc|");
	check(4, 20, "\xe6\x97\xa5\xe6\x9c\xac\r\n", "\xe6\x97\xa5\xe6\x9c\xac|");
}

static void
test_plain(void **state)
{
	(void)state;
	check(0, 0, "one\ntwo\n\n\nthree", "one|two||three|");
	check(0, 0, "a\033[1mb\033[0m\n", "ab|");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_screen),
	    cmocka_unit_test(test_plain),
	};

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
