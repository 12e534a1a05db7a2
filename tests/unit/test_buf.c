/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

static void
test_round_trip(void **state)
{
	struct sp_buf *b = sp_buf_new(0);
	struct sp_view v;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	char *s;

	(void)state;
	assert_non_null(b);
	sp_buf_put_u8(b, 7);
	sp_buf_put_u16(b, 0x1234);
	sp_buf_put_u32(b, 0x89abcdef);
	sp_buf_put_u64(b, UINT64_MAX - 1);
	sp_buf_put_string(b, "a\0b", 3);
	sp_buf_put_cstring(b, "name");
	sp_buf_putf(b, "%d-%s", 42, "x");
	assert_int_equal(sp_buf_error(b), 0);
	assert_int_equal(sp_buf_get_u8(b, &u8), 0);
	assert_int_equal(u8, 7);
	assert_int_equal(sp_buf_get_u16(b, &u16), 0);
	assert_int_equal(u16, 0x1234);
	assert_int_equal(sp_buf_get_u32(b, &u32), 0);
	assert_int_equal(u32, 0x89abcdef);
	assert_int_equal(sp_buf_get_u64(b, &u64), 0);
	assert_true(u64 == UINT64_MAX - 1);
	assert_int_equal(sp_buf_get_view(b, 3, &v), 0);
	assert_int_equal(v.len, 3);
	assert_memory_equal(v.data, "a\0b", 3);
	assert_int_equal(sp_buf_get_cstring(b, 100, &s), 0);
	assert_string_equal(s, "name");
	free(s);
	assert_int_equal(sp_buf_len(b), 4);
	assert_memory_equal(sp_buf_data(b), "42-x", 4);
	sp_buf_free(b);
}

/* Cut at every byte: each get either has all of its item or consumes nothing. */
static void
test_cut_at_every_byte(void **state)
{
	struct sp_buf *whole = sp_buf_new(0);

	(void)state;
	assert_non_null(whole);
	sp_buf_put_u32(whole, 1);
	sp_buf_put_cstring(whole, "hello");
	sp_buf_put_u64(whole, 2);
	for (size_t cut = 0; cut < sp_buf_len(whole); cut++) {
		struct sp_buf *b = sp_buf_from(sp_buf_data(whole), cut);
		struct sp_view v;
		uint32_t u32;
		uint64_t u64;
		size_t left;
		int r;

		assert_non_null(b);
		r = sp_buf_get_u32(b, &u32);
		if (r == 0)
			r = sp_buf_get_view(b, 100, &v);
		left = sp_buf_len(b);
		if (r == 0)
			r = sp_buf_get_u64(b, &u64);
		assert_int_equal(r, SP_ERR_INCOMPLETE);
		assert_int_equal(sp_buf_len(b), left);
		sp_buf_free(b);
	}
	sp_buf_free(whole);
}

static void
test_limits(void **state)
{
	struct sp_buf *b = sp_buf_new(8);
	struct sp_view v;
	char *s;

	(void)state;
	assert_non_null(b);
	assert_int_equal(sp_buf_put(b, "12345678", 8), 0);
	assert_int_equal(sp_buf_put_u8(b, 1), SP_ERR_LIMIT);
	/* Sticky: what would fit is refused too, until a reset. */
	assert_int_equal(sp_buf_consume(b, 8), 0);
	assert_int_equal(sp_buf_put_u8(b, 1), SP_ERR_LIMIT);
	assert_int_equal(sp_buf_error(b), SP_ERR_LIMIT);
	sp_buf_reset(b);
	assert_int_equal(sp_buf_put_cstring(b, "abcd"), 0);
	assert_int_equal(sp_buf_get_view(b, 3, &v), SP_ERR_LIMIT);
	assert_int_equal(sp_buf_len(b), 8);
	sp_buf_reset(b);
	assert_int_equal(sp_buf_put_string(b, "a\0", 2), 0);
	assert_int_equal(sp_buf_get_cstring(b, 10, &s), SP_ERR_FORMAT);
	assert_int_equal(sp_buf_len(b), 6);
	sp_buf_free(b);
}

static void
test_read_only(void **state)
{
	struct sp_buf *b = sp_buf_from("\0\0\0\1x", 5);
	struct sp_view v;
	uint8_t *p;

	(void)state;
	assert_non_null(b);
	assert_int_equal(sp_buf_room(b), 0);
	assert_int_equal(sp_buf_reserve(b, 1, &p), SP_ERR_INVALID);
	sp_buf_reset(b);
	assert_int_equal(sp_buf_get_view(b, 1, &v), 0);
	assert_int_equal(v.data[0], 'x');
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_read_only),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
