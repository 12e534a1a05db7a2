/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/event.h"
#include "recorder/record.h"

#define SESSION "01ARZ3NDEKTSV4RRFFQ69G5FAV"

static struct sp_sign_key *key, *other;
static struct sp_sign_ring *keys;
static bool is_small; /* which form of blocks */

static int
setup(void **state)
{
	struct sp_buf *pem = sp_buf_new(0);

	(void)state;
	assert_int_equal(sp_sign_generate(&key), 0);
	assert_int_equal(sp_sign_generate(&other), 0);
	assert_int_equal(sp_sign_public_pem(key, pem), 0);
	assert_int_equal(sp_sign_ring_load(sp_buf_data(pem), sp_buf_len(pem), &keys), 0);
	sp_buf_free(pem);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sp_sign_free(key);
	sp_sign_free(other);
	sp_sign_ring_free(keys);
	return 0;
}

/* A file of `blocks` blocks with `per` records each; *ret_ends gets the offset after the header and each block. */
static struct sp_buf *
make_file(const struct sp_sign_key *k, size_t blocks, size_t per, size_t *ret_ends)
{
	struct sp_buf *f = sp_buf_new(0), *ev = sp_buf_new(SP_EVENT_MAX);
	struct sp_record_packer *p;
	struct sp_record_state st;

	assert_int_equal(sp_record_packer_new(k, is_small, &p), 0);
	assert_int_equal(sp_record_header_put(f, k, SESSION, 5, "{}", 2, &st), 0);
	ret_ends[0] = sp_buf_len(f);
	for (size_t i = 0; i < blocks; i++) {
		sp_record_packer_begin(p, &st);
		for (size_t j = 0; j < per; j++) {
			sp_event_begin(ev, SP_EVENT_NOTE, i * per + j);
			sp_event_put_cstring(ev, SP_FIELD_TEXT, "a note");
			assert_int_equal(sp_record_packer_put(p, sp_buf_data(ev), sp_buf_len(ev)), 0);
		}
		assert_int_equal(sp_record_packer_end(p, f, &st), 0);
		ret_ends[i + 1] = sp_buf_len(f);
	}
	sp_record_packer_free(p);
	sp_buf_free(ev);
	return f;
}

/* How many records n bytes prove, and the first error (0 at a clean end). */
static uint64_t
prove(const uint8_t *d, size_t n, int *ret_err, struct sp_record_problem *ret_pr)
{
	struct sp_record_header h;
	struct sp_record_block b;
	struct sp_record_unpacker *u;
	struct sp_record_state st;
	size_t size, off;

	memset(ret_pr, 0, sizeof(*ret_pr));
	*ret_err = sp_record_header_parse(d, n, &h, &off);
	if (*ret_err == 0)
		*ret_err = sp_record_header_check(&h, keys);
	if (*ret_err != 0)
		return 0;
	st = h.state;
	assert_int_equal(sp_record_unpacker_new(&u), 0);
	while (off < n) {
		*ret_err = sp_record_block_parse(d + off, n - off, &b, &size);
		if (*ret_err == 0)
			*ret_err = sp_record_unpack(u, &b, &st, ret_pr);
		if (*ret_err == 0)
			*ret_err = sp_record_block_check(&b, h.key, keys);
		if (*ret_err != 0)
			break;
		off += size;
	}
	sp_record_unpacker_free(u);
	return st.number;
}

static void
test_round_trip(void **state)
{
	size_t ends[4];
	struct sp_buf *f = make_file(key, 3, 5, ends);
	struct sp_record_header h;
	struct sp_record_problem pr;
	int err;

	(void)state;
	assert_int_equal(prove(sp_buf_data(f), sp_buf_len(f), &err, &pr), 15);
	assert_int_equal(err, 0);
	assert_int_equal(sp_record_header_parse(sp_buf_data(f), sp_buf_len(f), &h, &ends[0]), 0);
	assert_string_equal(h.session, SESSION);
	assert_int_equal(h.created_ns, 5);
	assert_memory_equal(h.json.data, "{}", 2);
	sp_buf_free(f);
}

/* Cut at every byte: whole blocks before the cut are proven, the rest is INCOMPLETE. */
static void
test_cut_at_every_byte(void **state)
{
	size_t ends[4], whole = 0;
	struct sp_buf *f = make_file(key, 3, 2, ends);
	struct sp_record_problem pr;
	int err;

	(void)state;
	for (size_t cut = 0; cut < ends[3]; cut++) {
		uint8_t *copy = malloc(cut + 1); /* exactly: an over-read is a heap overflow */
		uint64_t n;

		memcpy(copy, sp_buf_data(f), cut);
		while (whole < 3 && ends[whole + 1] <= cut)
			whole++;
		n = prove(copy, cut, &err, &pr);
		assert_int_equal(n, whole * 2);
		assert_int_equal(err, cut == ends[0] || (cut > ends[0] && cut == ends[whole]) ? 0 : SP_ERR_INCOMPLETE);
		free(copy);
	}
	sp_buf_free(f);
}

/* Every bit: no changed byte is ever proven. */
static void
test_every_flipped_bit(void **state)
{
	size_t ends[3];
	struct sp_buf *f = make_file(key, 2, 2, ends);
	struct sp_record_problem pr;
	int err;

	(void)state;
	for (size_t i = 0; i < ends[2] * 8; i++) {
		uint8_t *copy = malloc(ends[2]);

		memcpy(copy, sp_buf_data(f), ends[2]);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		(void)prove(copy, ends[2], &err, &pr);
		assert_int_not_equal(err, 0);
		free(copy);
	}
	sp_buf_free(f);
}

/* Blocks removed, swapped or doubled: named by the number of the first record that is not where it should be. */
static void
test_moved_blocks(void **state)
{
	static const struct {
		int order[3];
		size_t n;
		uint64_t record;
	} cases[] = {
		{ { 1, 2 }, 2, 1 },
		{ { 0, 2 }, 2, 3 },
		{ { 0, 2, 1 }, 3, 3 },
		{ { 0, 0, 1 }, 3, 3 },
	};
	size_t ends[4];
	struct sp_buf *f = make_file(key, 3, 2, ends), *g = sp_buf_new(0);
	struct sp_record_problem pr;
	int err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		sp_buf_reset(g);
		sp_buf_put(g, sp_buf_data(f), ends[0]);
		for (size_t j = 0; j < cases[i].n; j++) {
			int b = cases[i].order[j];

			sp_buf_put(g, sp_buf_data(f) + ends[b], ends[b + 1] - ends[b]);
		}
		(void)prove(sp_buf_data(g), sp_buf_len(g), &err, &pr);
		assert_int_equal(err, SP_ERR_SIGNATURE);
		assert_int_equal(pr.record, cases[i].record);
	}
	sp_buf_free(f);
	sp_buf_free(g);
}

/* The same content signed by somebody else, as a whole and in one block of a good file. */
static void
test_another_key(void **state)
{
	size_t ends[3], oends[3];
	struct sp_buf *f = make_file(key, 2, 2, ends), *o = make_file(other, 2, 2, oends), *g = sp_buf_new(0);
	struct sp_record_packer *p;
	struct sp_record_header h;
	struct sp_record_state st;
	struct sp_record_problem pr;
	size_t size;
	int err;

	(void)state;
	(void)prove(sp_buf_data(o), sp_buf_len(o), &err, &pr);
	assert_int_equal(err, SP_ERR_NOT_FOUND);
	/* Right chain, wrong key. */
	assert_int_equal(sp_record_header_parse(sp_buf_data(f), sp_buf_len(f), &h, &size), 0);
	assert_int_equal(sp_record_packer_new(other, is_small, &p), 0);
	st = h.state;
	sp_record_packer_begin(p, &st);
	assert_int_equal(sp_record_packer_put(p, "\17\0\0\0\0\0\0\0\0", 9), 0);
	sp_buf_put(g, sp_buf_data(f), ends[0]);
	assert_int_equal(sp_record_packer_end(p, g, &st), 0);
	(void)prove(sp_buf_data(g), sp_buf_len(g), &err, &pr);
	assert_int_equal(err, SP_ERR_SIGNATURE);
	sp_record_packer_free(p);
	sp_buf_free(f);
	sp_buf_free(o);
	sp_buf_free(g);
}

static void
test_limits(void **state)
{
	static uint8_t e[SP_EVENT_MAX + 1];
	struct sp_record_packer *p;
	struct sp_record_state st = { .number = 41 }, end;
	struct sp_buf *out = sp_buf_new(0);
	size_t n = 0;
	int r;

	(void)state;
	assert_int_equal(sp_record_packer_new(key, is_small, &p), 0);
	sp_record_packer_begin(p, &st);
	assert_int_equal(sp_record_packer_end(p, out, &end), SP_ERR_INVALID);
	assert_int_equal(sp_record_packer_put(p, e, sizeof(e)), SP_ERR_LIMIT);
	while ((r = sp_record_packer_put(p, e, 9)) == 0)
		n++;
	assert_true(r == SP_ERR_FULL && n == SP_RECORD_COUNT_MAX);
	assert_int_equal(sp_record_packer_end(p, out, &end), 0);
	assert_int_equal(end.number, 41 + n);
	sp_record_packer_begin(p, &end);
	for (n = 0; (r = sp_record_packer_put(p, e, SP_EVENT_MAX)) == 0; n++)
		;
	assert_true(r == SP_ERR_FULL && n == 3);
	sp_record_packer_free(p);
	sp_buf_free(out);
}

/* Both forms of blocks in one file: what was read of the one says nothing of the other. */
static void
test_both_forms(void **state)
{
	static uint8_t big[SP_EVENT_MAX];
	struct sp_buf *f = sp_buf_new(0), *ev = sp_buf_new(0);
	struct sp_record_problem pr;
	struct sp_record_packer *p[2];
	struct sp_record_state st;
	int err;

	(void)state;
	assert_int_equal(sp_record_packer_new(key, false, &p[0]), 0);
	assert_int_equal(sp_record_packer_new(key, true, &p[1]), 0);
	assert_int_equal(sp_record_header_put(f, key, SESSION, 5, "{}", 2, &st), 0);
	memset(big, 'x', sizeof(big));
	for (unsigned i = 0; i < 6; i++) {
		sp_record_packer_begin(p[i & 1], &st);
		for (unsigned k = 0; k < 1 + i / 2; k++) {
			sp_buf_reset(ev);
			sp_event_begin(ev, SP_EVENT_OUTPUT, 1000 * i + k);
			sp_event_put(ev, SP_FIELD_TEXT, big, sizeof(big) - 14 - i);
			assert_int_equal(sp_record_packer_put(p[i & 1], sp_buf_data(ev), sp_buf_len(ev)), 0);
		}
		assert_int_equal(sp_record_packer_end(p[i & 1], f, &st), 0);
	}
	assert_int_equal(prove(sp_buf_data(f), sp_buf_len(f), &err, &pr), 12);
	assert_int_equal(err, 0);
	sp_record_packer_free(p[0]);
	sp_record_packer_free(p[1]);
	sp_buf_free(ev);
	sp_buf_free(f);
}

/* Signed by us and yet wrong: more in it than fits a block of records, a count that is another, no columns at all. */
static void
test_small_and_wrong(void **state)
{
	static uint8_t e[SP_EVENT_MAX];
	struct sp_record_packer *p;
	struct sp_record_unpacker *u;
	struct sp_record_state st = { .number = 0 }, end;
	struct sp_record_problem pr;
	struct sp_record_block b;
	struct sp_buf *out = sp_buf_new(0);
	size_t size;

	(void)state;
	assert_int_equal(sp_record_packer_new(key, true, &p), 0);
	assert_int_equal(sp_record_unpacker_new(&u), 0);
	sp_record_packer_begin(p, &st);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sp_record_packer_put(p, e, sizeof(e)), 0);
	assert_int_equal(sp_record_packer_end(p, out, &end), 0);
	assert_int_equal(sp_record_block_parse(sp_buf_data(out), sp_buf_len(out), &b, &size), 0);
	assert_true(b.is_small && b.count == 3);
	b.count = 4;
	assert_int_equal(sp_record_unpack(u, &b, &st, &pr), SP_ERR_FORMAT);
	b.count = 3;
	b.raw_len--;
	assert_int_equal(sp_record_unpack(u, &b, &st, &pr), SP_ERR_FORMAT);
	b.raw_len++;
	b.is_small = false;
	assert_int_equal(sp_record_unpack(u, &b, &st, &pr), SP_ERR_SIGNATURE);
	b.is_small = true;
	assert_int_equal(sp_record_unpack(u, &b, &st, &pr), 0);
	assert_int_equal(st.number, 3);
	sp_record_unpacker_free(u);
	sp_record_packer_free(p);
	sp_buf_free(out);
}

static int
setup_small(void **state)
{
	is_small = true;
	return setup(state);
}

int
main(void)
{
	int r;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_every_flipped_bit),
		cmocka_unit_test(test_moved_blocks),
		cmocka_unit_test(test_another_key),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_both_forms),
		cmocka_unit_test(test_small_and_wrong),
	};

	r = cmocka_run_group_tests_name("record", tests, setup, teardown);
	return r != 0 ? r : cmocka_run_group_tests_name("record, small", tests, setup_small, teardown);
}
