/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <string.h>

#include "recorder/event.h"

static struct sp_buf *
sample(void)
{
	static const uint8_t digest[32] = { 1, 2, 3 };
	struct sp_buf *b = sp_buf_new(SP_EVENT_MAX);

	assert_non_null(b);
	sp_event_begin(b, SP_EVENT_STATEMENT, 1234567890123456789u);
	sp_event_put_u64(b, SP_FIELD_SEQ, 7);
	sp_event_put_cstring(b, SP_FIELD_CONNECTION, "orders");
	sp_event_put_cstring(b, SP_FIELD_RULE, NULL);
	sp_event_put(b, SP_FIELD_TEXT, "select\0 1", 9);
	sp_event_put(b, SP_FIELD_DIGEST, digest, 32);
	sp_event_put_cstring(b, SP_FIELD_REASON, "");
	assert_int_equal(sp_buf_error(b), 0);
	return b;
}

static void
test_round_trip(void **state)
{
	struct sp_buf *b = sample();
	struct sp_event ev;
	struct sp_view v;
	uint64_t n = 0;
	size_t off = 0, count = 0;
	int field;

	(void)state;
	assert_int_equal(sp_event_parse(sp_buf_data(b), sp_buf_len(b), &ev), 0);
	assert_int_equal(ev.type, SP_EVENT_STATEMENT);
	assert_true(ev.time_ns == 1234567890123456789u);
	assert_int_equal(sp_event_get_u64(&ev, SP_FIELD_SEQ, &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(sp_event_get(&ev, SP_FIELD_TEXT, &v), 0);
	assert_int_equal(v.len, 9);
	assert_memory_equal(v.data, "select\0 1", 9);
	assert_int_equal(sp_event_get(&ev, SP_FIELD_REASON, &v), 0);
	assert_int_equal(v.len, 0);
	assert_int_equal(sp_event_get(&ev, SP_FIELD_RULE, &v), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_event_get_u64(&ev, SP_FIELD_TEXT, &n), SP_ERR_FORMAT);
	while (sp_event_next(&ev, &off, &field, &v) == 0)
		count++;
	assert_int_equal(count, 5);
	sp_buf_free(b);
}

/* Cut at every byte: an event parses only where a field ends, and its fields lie within. */
static void
test_cut_at_every_byte(void **state)
{
	struct sp_buf *b = sample();
	const size_t whole = sp_buf_len(b);
	size_t good = 0;

	(void)state;
	for (size_t cut = 0; cut < whole; cut++) {
		struct sp_event ev;
		int r = sp_event_parse(sp_buf_data(b), cut, &ev);

		if (r == 0) {
			good++;
			assert_true(ev.fields.len == cut - 9);
		} else {
			assert_int_equal(r, SP_ERR_FORMAT);
		}
	}
	assert_int_equal(good, 5); /* the bare head and after each field but the last */
	sp_buf_free(b);
}

static void
test_refused(void **state)
{
	static const uint8_t head[9] = { SP_EVENT_NOTE };
	uint8_t e[64];
	struct sp_event ev;

	(void)state;
	memcpy(e, head, 9);
	assert_int_equal(sp_event_parse(e, 9, &ev), 0);
	e[0] = 0;
	assert_int_equal(sp_event_parse(e, 9, &ev), SP_ERR_FORMAT);
	e[0] = SP_EVENT_FILE + 1;
	assert_int_equal(sp_event_parse(e, 9, &ev), SP_ERR_FORMAT);
	e[0] = SP_EVENT_NOTE;
	/* An unknown field; a number of seven bytes; a digest of 31; a length past the end. */
	memcpy(e + 9, "\0\0\0\0\0", 5);
	assert_int_equal(sp_event_parse(e, 14, &ev), SP_ERR_FORMAT);
	memcpy(e + 9, "\xff\0\0\0\0", 5);
	assert_int_equal(sp_event_parse(e, 14, &ev), SP_ERR_FORMAT);
	memcpy(e + 9, "\1\0\0\0\7-------", 12);
	assert_int_equal(sp_event_parse(e, 21, &ev), SP_ERR_FORMAT);
	memcpy(e + 9, "\x12\0\0\0\x1f", 5);
	assert_int_equal(sp_event_parse(e, 14 + 31, &ev), SP_ERR_FORMAT);
	memcpy(e + 9, "\6\xff\xff\xff\xff", 5);
	assert_int_equal(sp_event_parse(e, 14, &ev), SP_ERR_FORMAT);
	assert_int_equal(sp_event_parse(e, SP_EVENT_MAX + 1, &ev), SP_ERR_LIMIT);
}

static void
test_names(void **state)
{
	(void)state;
	for (int t = SP_EVENT_SESSION_START; t <= SP_EVENT_FILE; t++)
		assert_non_null(sp_event_type_name(t));
	for (int f = SP_FIELD_SEQ; f <= SP_FIELD_OFFSET; f++)
		assert_non_null(sp_event_field_name(f));
	assert_null(sp_event_type_name(0));
	assert_null(sp_event_type_name(SP_EVENT_FILE + 1));
	assert_null(sp_event_field_name(-1));
	assert_null(sp_event_field_name(SP_FIELD_FOUND + 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
