/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The redactor against a slow second implementation, on texts made of pieces
 * and near misses of everything it detects; the same texts through cells, a
 * stream cut at random, and the portable first pass. SP_MASK_TEXTS and
 * SP_MASK_SEED change how many texts and which.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask/set.h"
#include "tests/unit/mask_reference.h"
#include "tests/unit/mask_samples.h"

#define TEXTS 200000
#define TEXT_MAX 600
#define PIECES_MAX 1024
#define PIECE_MAX 200

static struct piece {
	uint8_t p[PIECE_MAX];
	size_t n;
} pieces[PIECES_MAX];
static size_t npieces;
static uint64_t seed;

static unsigned
pick(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 24) % n;
}

static void
add_piece(const struct mask_sample *s, void *ctx)
{
	(void)ctx;
	if (s->in_len > 0 && s->in_len <= PIECE_MAX && npieces < PIECES_MAX) {
		memcpy(pieces[npieces].p, s->in, s->in_len);
		pieces[npieces++].n = s->in_len;
	}
}

/* A few pieces, some of them cut or changed by a byte, with little between them. */
static size_t
make_text(uint8_t *p)
{
	static const char between[] = "  --..,:/@+=_\n\"'()[]09aZ\xc3\xa9";
	static const char change[] = "0123456789-. :/@+_aAfFzZ(\n\0\xe9";
	size_t n = 0;

	for (unsigned k = 1 + pick(4); k > 0; k--) {
		const struct piece *x = &pieces[pick((unsigned)npieces)];
		size_t from = pick(8) == 0 ? pick((unsigned)x->n) : 0, len = x->n - from;

		if (pick(8) == 0)
			len = pick((unsigned)len + 1);
		if (n + len + 4 > TEXT_MAX)
			break;
		memcpy(p + n, x->p + from, len);
		if (len > 0 && pick(3) == 0)
			p[n + pick((unsigned)len)] = (uint8_t)change[pick(sizeof(change) - 1)];
		n += len;
		for (unsigned b = pick(3); b > 0; b--)
			p[n++] = (uint8_t)between[pick(sizeof(between) - 1)];
	}
	return n;
}

static void
expect(const uint8_t *p, size_t n, struct sp_spans *spans, struct sp_buf *want)
{
	size_t done = 0;

	spans->n = 0;
	mask_reference_find(p, n, spans);
	assert_int_equal(spans->error, 0);
	(void)sp_span_merge(spans);
	sp_buf_reset(want);
	for (size_t i = 0; i < spans->n; i++) {
		sp_buf_put(want, p + done, spans->at[i].start - done);
		sp_buf_putf(want, "[masked:%s]", sp_mask_detector_name(spans->at[i].kind));
		done = spans->at[i].end;
	}
	sp_buf_put(want, p + done, n - done);
	assert_int_equal(sp_buf_error(want), 0);
}

static void
show(const char *what, const uint8_t *p, size_t n)
{
	print_error("%s: ", what);
	for (size_t i = 0; i < n; i++)
		print_error(p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\' ? "%c" : "\\x%02x", p[i]);
	print_error("\n");
}

static size_t
judge(const char *how, const uint8_t *p, size_t n, const struct sp_buf *got, const struct sp_buf *want)
{
	if (sp_buf_len(got) == sp_buf_len(want) && memcmp(sp_buf_data(got), sp_buf_data(want), sp_buf_len(want)) == 0)
		return 0;
	print_error("%s differs\n", how);
	show("text", p, n);
	show("got ", sp_buf_data(got), sp_buf_len(got));
	show("want", sp_buf_data(want), sp_buf_len(want));
	return 1;
}

static void
block(struct sp_mask_set *set, const uint8_t *p, size_t n, struct sp_buf *out)
{
	enum sp_mask_outcome outcome;

	sp_buf_reset(out);
	assert_int_equal(sp_mask_scan(set, p, n, true, out, NULL, &outcome), 0);
	if (outcome == SP_MASK_SAME)
		sp_buf_put(out, p, n);
}

static void
stream(struct sp_mask_set *set, const uint8_t *p, size_t n, struct sp_buf *out)
{
	struct sp_mask_stream *st = NULL;

	sp_buf_reset(out);
	assert_int_equal(sp_mask_stream_new(set, &st), 0);
	for (size_t i = 0, k; i < n; i += k) {
		k = 1 + pick(40);
		k = k > n - i ? n - i : k;
		assert_int_equal(sp_mask_stream_feed(st, p + i, k, out, NULL), 0);
	}
	assert_int_equal(sp_mask_stream_finish(st, out, NULL), 0);
	sp_mask_stream_free(st);
}

static struct sp_mask_set *
make_set(void)
{
	static const char *const names[] = {
	    "credit_card", "email", "us_ssn", "iban", "phone", "ipv4", "ipv6", "secret"};
	struct sp_mask_set *set = NULL;

	assert_int_equal(sp_mask_set_new(&set), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(sp_mask_set_add(set, names[i], SP_MASK_REDACT), 0);
	assert_int_equal(sp_mask_set_seal(set), 0);
	return set;
}

static void
test_reference(void **state)
{
	const char *texts = getenv("SP_MASK_TEXTS"), *start = getenv("SP_MASK_SEED");
	size_t count = texts == NULL ? TEXTS : strtoul(texts, NULL, 10), wrong = 0, masked = 0;
	struct sp_mask_set *set = make_set(), *portable = make_set();
	struct sp_buf *out = sp_buf_new(0), *want = sp_buf_new(0);
	struct sp_spans spans = {0};
	uint8_t p[TEXT_MAX + 1];

	(void)state;
	assert_non_null(out);
	assert_non_null(want);
	seed = start == NULL ? 20240601 : strtoul(start, NULL, 10);
	portable->plan.use_avx2 = false;
	(void)mask_samples_each(add_piece, NULL);
	assert_true(npieces > 300);
	mask_reference_open();
	for (size_t i = 0; i < count && wrong < 20; i++) {
		size_t n = make_text(p);

		p[n] = 0;
		expect(p, n, &spans, want);
		masked += spans.n;
		block(set, p, n, out);
		wrong += judge("value", p, n, out, want);
		if (i % 4 == 0) {
			block(portable, p, n, out);
			wrong += judge("portable", p, n, out, want);
			stream(set, p, n, out);
			wrong += judge("stream", p, n, out, want);
		}
	}
	print_message("%zu texts, %zu values masked, %zu wrong\n", count, masked, wrong);
	mask_reference_close();
	sp_span_clear(&spans);
	sp_buf_free(out);
	sp_buf_free(want);
	sp_mask_set_free(set);
	sp_mask_set_free(portable);
	assert_true(masked > count / 4);
	assert_int_equal(wrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference)};

	return cmocka_run_group_tests_name("mask reference", tests, NULL, NULL);
}
