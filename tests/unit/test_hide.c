/* SPDX-License-Identifier: Apache-2.0 */
/* Exact values that must not be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "mask/mask.h"
#include "session-agent/hide.h"

static int
hide(const char *const texts[], size_t n, struct sp_hide **ret_h)
{
	struct sp_secret *values[4] = { NULL };
	size_t i;
	int r;

	for (i = 0; i < n; i++)
		assert_int_equal(sp_secret_new(texts[i], strlen(texts[i]), &values[i]), 0);
	r = sp_hide_new(values, n, ret_h);
	for (i = 0; i < n; i++)
		sp_secret_free(values[i]);
	return r;
}

static void
check(struct sp_hide *h, const char *in, const char *out)
{
	struct sp_buf *b = sp_buf_new(0);

	assert_non_null(b);
	assert_int_equal(sp_hide_text(h, in, strlen(in), b), 0);
	assert_int_equal(sp_buf_len(b), strlen(out));
	assert_memory_equal(sp_buf_data(b), out, strlen(out));
	sp_buf_free(b);
}

static void
test_exact(void **state)
{
	static const char *const texts[] = { "a.b*c\\E(d)[e]{2}^$|+?", "two words # and \"quotes\"", "gr\xc3\xbcn\xc3\xbc" };
	struct sp_hide *h = NULL;

	(void)state;
	assert_int_equal(hide(texts, 3, &h), 0);
	check(h, "", "");
	check(h, "nothing", "nothing");
	check(h, "<a.b*c\\E(d)[e]{2}^$|+?>", "<[masked:command_secret]>");
	check(h, "<aXb*c\\E(d)[e]{2}^$|+?>", "<aXb*c\\E(d)[e]{2}^$|+?>");
	check(h, "two words # and \"quotes\"", "[masked:command_secret_2]");
	check(h, "two words # and \"quote\"", "two words # and \"quote\"");
	check(h, "-gr\xc3\xbcn\xc3\xbc-", "-[masked:command_secret_3]-");
	sp_hide_free(h);
	sp_hide_free(NULL);
}

static void
test_lines(void **state)
{
	static const char *const texts[] = { "first line\r\n\nshort\nsecond line\n" };
	struct sp_hide *h = NULL;

	(void)state;
	assert_int_equal(hide(texts, 1, &h), 0);
	check(h, "second line, then first line, short",
	    "[masked:command_secret_2], then [masked:command_secret], short");
	sp_hide_free(h);
}

/* Every length: no byte of a long line stays, and what is not the value does. */
static void
test_long(void **state)
{
	char text[2200], *const texts[] = { text };
	size_t n, i;

	(void)state;
	for (n = SP_HIDE_MIN; n < sizeof(text); n += n < 600 ? 1 : 37) {
		struct sp_buf *out = sp_buf_new(0);
		struct sp_hide *h = NULL;

		for (i = 0; i < n; i++)
			text[i] = (char)(i % 3 == 0 ? '/' : 'a' + (i * 7 + i / 26) % 26);
		text[n] = '\0';
		assert_int_equal(hide((const char *const *)texts, 1, &h), 0);
		assert_int_equal(sp_hide_text(h, text, n, out), 0);
		for (i = 0; i < sp_buf_len(out); i++)
			assert_int_not_equal(sp_buf_data(out)[i], '/');
		sp_buf_free(out);
		sp_hide_free(h);
	}
}

static void
test_refused(void **state)
{
	static const char *const few[] = { "12345" }, *const none[] = { "" }, *const lines[] = { "a\nb\nc\n12345\n" },
				 *const bytes[] = { "abc\xff\xfe" "defgh" }, *const second[] = { "long enough", "no" };
	char many[8 * (SP_HIDE_PARTS_MAX + 1) + 1], *const all[] = { many };
	struct sp_hide *h = NULL;
	size_t i;

	(void)state;
	assert_int_equal(hide(few, 1, &h), SP_ERR_INVALID);
	assert_int_equal(hide(none, 1, &h), SP_ERR_INVALID);
	assert_int_equal(hide(lines, 1, &h), SP_ERR_INVALID);
	assert_int_equal(hide(bytes, 1, &h), SP_ERR_INVALID);
	assert_int_equal(hide(second, 2, &h), SP_ERR_INVALID);
	for (i = 0; i <= SP_HIDE_PARTS_MAX; i++)
		memcpy(many + 8 * i, "abcdefg\n", 8);
	many[sizeof(many) - 1] = '\0';
	assert_int_equal(hide((const char *const *)all, 1, &h), SP_ERR_LIMIT);
	assert_null(h);
}

/* With policy's own masks. */
static void
test_add(void **state)
{
	static const char *const texts[] = { "secret-value" };
	struct sp_mask_set *set = NULL;
	struct sp_hide *h = NULL;
	enum sp_mask_outcome outcome;
	struct sp_buf *out = sp_buf_new(0);

	(void)state;
	assert_int_equal(hide(texts, 1, &h), 0);
	assert_int_equal(sp_mask_set_new(&set), 0);
	assert_int_equal(sp_mask_set_add(set, "email", SP_MASK_REDACT), 0);
	assert_int_equal(sp_hide_add(h, set), 0);
	assert_int_equal(sp_mask_set_seal(set), 0);
	sp_hide_free(h); /* nothing of it is needed any more */
	assert_int_equal(sp_mask_scan(set, "a@b.org secret-value", 20, false, out, NULL, &outcome), 0);
	assert_int_equal(outcome, SP_MASK_CHANGED);
	assert_memory_equal(sp_buf_data(out), "[masked:email] [masked:command_secret]", sp_buf_len(out));
	sp_buf_free(out);
	sp_mask_set_free(set);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
