/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream puts the same bytes however it is cut, and the same as the whole
 * value at once; both first passes agree; a batch of one cell agrees. The
 * first byte chooses the set, the second how the rest is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "mask/set.h"

#define SETS 3

static struct sp_mask_set *sets[SETS];
static struct sp_buf *whole, *parts;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int r)
{
	if (r != 0)
		abort();
}

static void
make_sets(void)
{
	static const char *const names[] = {
	    "credit_card", "email", "us_ssn", "iban", "phone", "ipv4", "ipv6", "secret"};

	for (size_t k = 0; k < SETS; k++) {
		must(sp_mask_set_new(&sets[k]));
		must(sp_mask_set_key(sets[k], "0123456789abcdef", 16));
		for (size_t i = 0; k < 2 && i < sizeof(names) / sizeof(names[0]); i++)
			must(sp_mask_set_add(
			    sets[k], names[i], k == 0 ? SP_MASK_REDACT : (enum sp_mask_transform)(1 + i % 3)));
		if (k > 0) {
			must(
			    sp_mask_set_add_regex(sets[k], "employee", "\\bEMP-[0-9]{4,}\\b", SP_MASK_REDACT, NULL, 0));
			must(sp_mask_set_add_regex(sets[k], "word", "(?<=w:)\\w+", SP_MASK_PARTIAL, NULL, 0));
			must(sp_mask_set_add_regex(sets[k], "umlaut", "\xc3\xa4+x$", SP_MASK_HASH, NULL, 0));
		}
		must(sp_mask_set_seal(sets[k]));
	}
	whole = sp_buf_new(0);
	parts = sp_buf_new(0);
	if (whole == NULL || parts == NULL)
		abort();
}

static void
same(void)
{
	if (sp_buf_len(whole) != sp_buf_len(parts) ||
	    memcmp(sp_buf_data(whole), sp_buf_data(parts), sp_buf_len(whole)) != 0)
		abort();
}

static void
block(struct sp_mask_set *set, const uint8_t *p, size_t n, struct sp_buf *out)
{
	enum sp_mask_outcome outcome;

	sp_buf_reset(out);
	must(sp_mask_scan(set, p, n, false, out, NULL, &outcome));
	if (outcome == SP_MASK_SAME)
		must(sp_buf_put(out, p, n));
}

static void
stream(struct sp_mask_set *set, const uint8_t *p, size_t n, unsigned cut)
{
	struct sp_mask_stream *st = NULL;
	uint32_t x = cut * 2654435761u + 1;

	sp_buf_reset(parts);
	must(sp_mask_stream_new(set, &st));
	for (size_t i = 0, k; i < n; i += k) {
		x = x * 1664525u + 1013904223u;
		k = cut == 0 ? 1 : 1 + (x >> 16) % (cut * 4);
		k = k > n - i ? n - i : k;
		must(sp_mask_stream_feed(st, p + i, k, parts, NULL));
	}
	must(sp_mask_stream_finish(st, parts, NULL));
	sp_mask_stream_free(st);
}

static void
cell(struct sp_mask_set *set, const uint8_t *p, size_t n)
{
	struct sp_mask_cell c = {0, (uint32_t)n};
	const struct sp_mask_change *changes;
	size_t nchanges;

	sp_buf_reset(parts);
	must(sp_mask_cells(set, p, n, &c, 1, false, parts, NULL, &changes, &nchanges));
	if (nchanges == 0)
		must(sp_buf_put(parts, p, n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_mask_set *set;
	const uint8_t *p;
	size_t n;

	if (sets[0] == NULL)
		make_sets();
	if (size < 2 || size > SP_MASK_BATCH_MAX)
		return 0;
	set = sets[data[0] % SETS];
	p = data + 2;
	n = size - 2;
	block(set, p, n, whole);
	stream(set, p, n, data[1]);
	same();
	cell(set, p, n);
	same();
	if (set->plan.use_avx2) {
		set->plan.use_avx2 = false;
		block(set, p, n, parts);
		set->plan.use_avx2 = true;
		same();
	}
	return 0;
}
