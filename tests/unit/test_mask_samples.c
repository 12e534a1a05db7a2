/* SPDX-License-Identifier: Apache-2.0 */
/* The samples of tests/attacks/mask, whole, as cells, cut at every byte, byte by byte, with both first passes. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "mask/set.h"
#include "tests/unit/mask_samples.h"

struct totals {
	struct sp_mask_set *set;
	struct sp_buf *out;
	size_t wrong, masked, clean;
};

static void
judge(struct totals *t, const struct mask_sample *s, const char *how, size_t where)
{
	if (sp_buf_error(t->out) == 0 && sp_buf_len(t->out) == s->want_len &&
	    memcmp(sp_buf_data(t->out), s->want, s->want_len) == 0)
		return;
	if (t->wrong++ < 400)
		print_error("%s:%u: %s (%zu): got \"%.*s\"\n", s->file, s->line, how, where, (int)sp_buf_len(t->out),
		    (const char *)sp_buf_data(t->out));
}

static void
try_block(struct totals *t, const struct mask_sample *s)
{
	enum sp_mask_outcome outcome = SP_MASK_NULLED;
	struct sp_mask_counts counts = {0};
	size_t n = 0;

	sp_buf_reset(t->out);
	assert_int_equal(sp_mask_scan(t->set, s->in, s->in_len, true, t->out, &counts, &outcome), 0);
	if (outcome == SP_MASK_SAME)
		sp_buf_put(t->out, s->in, s->in_len);
	judge(t, s, "value", 0);
	for (size_t i = 0; i < SP_MASK_KINDS_MAX; i++)
		n += counts.n[i];
	if (n != s->marks && t->wrong++ < 400)
		print_error("%s:%u: counted %zu, not %zu\n", s->file, s->line, n, s->marks);
}

/* The sample between two neighbours that must not touch it, at shifting places of the first pass's blocks. */
static void
try_cell(struct totals *t, const struct mask_sample *s, size_t shift)
{
	static uint8_t buf[MASK_SAMPLE_MAX + 2 * SP_ANCHOR_WINDOW];
	const struct sp_mask_change *changes = NULL;
	struct sp_mask_cell cells[3];
	size_t n = 0, nchanges = 0;

	sp_buf_reset(t->out);
	memset(buf, 'a', shift);
	cells[0] = (struct sp_mask_cell){0, (uint32_t)shift};
	n = shift;
	memcpy(buf + n, "\0zzz", 4);
	n += 4;
	cells[1] = (struct sp_mask_cell){(uint32_t)n, (uint32_t)s->in_len};
	memcpy(buf + n, s->in, s->in_len);
	n += s->in_len;
	memcpy(buf + n, "\0\0\0\7", 4);
	n += 4;
	cells[2] = (struct sp_mask_cell){(uint32_t)n, 7};
	memcpy(buf + n, "1234567", 7);
	n += 7;
	assert_int_equal(sp_mask_cells(t->set, buf, n, cells, 3, true, t->out, NULL, &changes, &nchanges), 0);
	if (nchanges == 0) {
		sp_buf_put(t->out, s->in, s->in_len);
	} else {
		assert_int_equal(nchanges, 1);
		assert_int_equal(changes[0].cell, 1);
		assert_int_equal(changes[0].off, 0);
		assert_int_equal(changes[0].len, sp_buf_len(t->out));
	}
	judge(t, s, "cell", shift);
}

static void
try_stream(struct totals *t, const struct mask_sample *s, size_t first, size_t step)
{
	struct sp_mask_stream *st = NULL;
	size_t i = 0;

	sp_buf_reset(t->out);
	assert_int_equal(sp_mask_stream_new(t->set, &st), 0);
	for (size_t n = first; i < s->in_len; i += n, n = step) {
		if (n > s->in_len - i)
			n = s->in_len - i;
		assert_int_equal(sp_mask_stream_feed(st, s->in + i, n, t->out, NULL), 0);
	}
	assert_int_equal(sp_mask_stream_finish(st, t->out, NULL), 0);
	sp_mask_stream_free(st);
	judge(t, s, step == 1 ? "byte by byte" : "cut", first);
}

static void
try_sample(const struct mask_sample *s, void *ctx)
{
	struct totals *t = ctx;

	try_block(t, s);
	for (size_t shift = 0; shift < 70; shift += s->in_len < 200 ? 1 : 23)
		try_cell(t, s, shift);
	/* Across the end of the first pass's window. */
	for (size_t shift = SP_ANCHOR_WINDOW - 4 - s->in_len; s->in_len < 200 && shift <= SP_ANCHOR_WINDOW - 4; shift++)
		try_cell(t, s, shift);
	for (size_t cut = 1; cut < s->in_len; cut++)
		try_stream(t, s, cut, s->in_len);
	try_stream(t, s, 1, 1);
	if (s->marks > 0)
		t->masked++;
	else
		t->clean++;
}

static void
run(bool portable)
{
	const char *name;
	struct totals t = {0};
	size_t n;

	assert_int_equal(sp_mask_set_new(&t.set), 0);
	for (size_t i = 0; (name = sp_mask_detector_name(i)) != NULL; i++)
		assert_int_equal(sp_mask_set_add(t.set, name, SP_MASK_REDACT), 0);
	assert_int_equal(sp_mask_set_seal(t.set), 0);
	if (portable)
		t.set->plan.use_avx2 = false;
	t.out = sp_buf_new(0);
	assert_non_null(t.out);
	n = mask_samples_each(try_sample, &t);
	print_message("%zu samples (%zu masked, %zu clean), %zu wrong\n", n, t.masked, t.clean, t.wrong);
	sp_buf_free(t.out);
	sp_mask_set_free(t.set);
	assert_true(t.masked >= 200 && t.clean >= 150);
	assert_int_equal(t.wrong, 0);
}

static void
test_samples(void **state)
{
	(void)state;
	run(false);
}

static void
test_samples_portable(void **state)
{
	(void)state;
	run(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_samples_portable),
	};

	return cmocka_run_group_tests_name("mask samples", tests, NULL, NULL);
}
