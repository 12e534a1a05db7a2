/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "recorder/columns.h"
#include "recorder/event.h"

/* One of several kinds: what a terminal shows, what it shows with a stream's number, a note, an empty one. */
static void
make_event(struct sp_buf *b, unsigned i, uint64_t time)
{
	sp_buf_reset(b);
	sp_event_begin(b, i % 7 == 6 ? SP_EVENT_NOTE : SP_EVENT_OUTPUT, time);
	if (i % 7 == 5)
		sp_event_put_u64(b, SP_FIELD_STREAM, 2);
	if (i % 7 != 4)
		sp_event_put(b, SP_FIELD_TEXT, "some text that was shown\r\n", i % 27);
	assert_int_equal(sp_buf_error(b), 0);
}

static const uint64_t times[] = { 1700000000000000000u, 1700000000000001000u, 1700000000000001001u, 1700000000000000999u,
	5, 0, UINT64_MAX, 999, UINT64_MAX - 615, 1700000000000001000u };
#define TIMES (sizeof(times) / sizeof(times[0]))

static uint8_t *
make_columns(size_t *ret_n)
{
	struct sp_buf *e = sp_buf_new(0);
	struct sp_columns *c;
	size_t together = 0;
	uint8_t *p;

	assert_int_equal(sp_columns_new(&c), 0);
	assert_int_equal(sp_columns_put(c, "12345678", 8), SP_ERR_INVALID);
	sp_columns_reset(c);
	for (unsigned i = 0; i < 100; i++) {
		make_event(e, i, times[i % TIMES]);
		assert_int_equal(sp_columns_put(c, sp_buf_data(e), sp_buf_len(e)), 0);
		together += sp_buf_len(e) + SP_COLUMNS_EVENT;
		assert_true(sp_columns_bytes(c) <= together + SP_COLUMNS_HEAD);
	}
	*ret_n = sp_columns_bytes(c);
	p = malloc(*ret_n);
	sp_columns_end(c, p);
	sp_columns_free(c);
	sp_buf_free(e);
	return p;
}

static void
test_round_trip(void **state)
{
	struct sp_columns_reader r;
	struct sp_buf *e = sp_buf_new(0);
	uint8_t back[256];
	size_t n, len;
	uint8_t *p = make_columns(&n);

	(void)state;
	assert_int_equal(sp_columns_open(p, n, &r), 0);
	for (unsigned i = 0; i < 100; i++) {
		make_event(e, i, times[i % TIMES]);
		assert_int_equal(sp_columns_next(&r, back, sp_buf_len(e), &len), 0);
		assert_int_equal(len, sp_buf_len(e));
		assert_memory_equal(back, sp_buf_data(e), len);
	}
	assert_int_equal(sp_columns_next(&r, back, sizeof(back), &len), SP_ERR_NOT_FOUND);
	sp_buf_free(e);
	free(p);
}

/* No room: said, and not one byte written. */
static void
test_room(void **state)
{
	struct sp_columns_reader r, again;
	struct sp_buf *e = sp_buf_new(0);
	size_t n, len;
	uint8_t *p = make_columns(&n);

	(void)state;
	assert_int_equal(sp_columns_open(p, n, &r), 0);
	for (unsigned i = 0; i < 100; i++) {
		uint8_t *back;

		make_event(e, i, times[i % TIMES]);
		back = calloc(1, sp_buf_len(e)); /* exactly: a byte too many is a heap overflow */
		for (size_t cap = 0; cap < sp_buf_len(e); cap++) {
			again = r;
			assert_int_equal(sp_columns_next(&again, cap == 0 ? NULL : back, cap, &len), SP_ERR_LIMIT);
		}
		assert_int_equal(sp_columns_next(&r, back, sp_buf_len(e), &len), 0);
		free(back);
	}
	sp_buf_free(e);
	free(p);
}

static void
read_all(const uint8_t *p, size_t n)
{
	struct sp_columns_reader r;
	uint8_t back[1024];
	size_t len, count = 0;

	if (sp_columns_open(p, n, &r) != 0)
		return;
	while (sp_columns_next(&r, back, sizeof(back), &len) == 0) {
		assert_true(len >= 9 && len <= sizeof(back));
		count++;
	}
	assert_true(count <= n);
}

/* Cut at every byte, and each byte another: whatever comes, it ends, within its bounds. */
static void
test_foreign(void **state)
{
	size_t n;
	uint8_t *p = make_columns(&n);

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		uint8_t *copy = malloc(cut + 1);

		memcpy(copy, p, cut);
		read_all(copy, cut);
		free(copy);
	}
	for (size_t i = 0; i < n; i++) {
		static const uint8_t others[] = { 0x01, 0x7f, 0x80, 0xff };

		for (size_t k = 0; k < sizeof(others); k++) {
			uint8_t was = p[i];

			p[i] ^= others[k];
			read_all(p, n);
			p[i] = was;
		}
	}
	free(p);
}

static void
test_numbers_that_are_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int err;
	} cases[] = {
		{ "\0\0\0\1\0\0\0\1\1\0", 10, 0 },				    /* an empty text at time 0 */
		{ "\0\0\0\1\0\0\0\1\0\0", 10, SP_ERR_FORMAT },			    /* an event without its type */
		{ "\0\0\0\1\0\0\0\1\0\0\17", 11, 0 },				    /* nothing but type and time */
		{ "\0\0\0\1\0\0\0\1\1\6", 10, SP_ERR_FORMAT },			    /* before 1970 */
		{ "\0\0\0\1\0\0\0\3\1\1\xe8\7", 12, SP_ERR_FORMAT },		    /* 1000 ns besides */
		{ "\0\0\0\1\0\0\0\3\1\1\xe7\7", 12, 0 },			    /* 999 */
		{ "\0\0\0\1\0\0\0\12\1\xfc\xff\xff\xff\xff\xff\xff\xff\xff\1", 19, SP_ERR_FORMAT }, /* too late */
		{ "\0\0\0\1\0\0\0\12\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 19, SP_ERR_FORMAT }, /* 65 bits */
		{ "\0\0\0\0\0\0\0\0", 8, SP_ERR_NOT_FOUND },
		{ "\0\0\0\0\0\0\0\1\0", 9, SP_ERR_FORMAT },			    /* more times than events */
	};
	struct sp_columns_reader r;
	uint8_t back[64];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(sp_columns_open(cases[i].bytes, cases[i].n, &r), 0);
		assert_int_equal(sp_columns_next(&r, back, sizeof(back), &len), cases[i].err);
	}
	assert_int_equal(sp_columns_open("\0\0\0\1\0\0\0", 7, &r), SP_ERR_FORMAT);
	assert_int_equal(sp_columns_open("\0\0\0\1\0\0\0\1\1", 9, &r), SP_ERR_FORMAT);
	assert_int_equal(sp_columns_open("\xff\xff\xff\xff\xff\xff\xff\xff\1", 9, &r), SP_ERR_FORMAT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_numbers_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
