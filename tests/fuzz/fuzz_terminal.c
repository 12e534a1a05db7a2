/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a terminal is shown is the same however it is cut; without masks it is what came. Flushes and echoes in between
 * lose and add nothing but what they mask. The first byte chooses the terminal's width, the second how the rest is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "mask/terminal.h"

static struct sp_mask_set *all, *none;
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

	must(sp_mask_set_new(&all));
	must(sp_mask_set_new(&none));
	must(sp_mask_set_key(all, "0123456789abcdef", 16));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		must(sp_mask_set_add(all, names[i], (enum sp_mask_transform)(1 + i % 3)));
	must(sp_mask_set_add_regex(all, "employee", "\\bEMP-[0-9]{4,}\\b", SP_MASK_REDACT, NULL, 0));
	must(sp_mask_set_seal(all));
	must(sp_mask_set_seal(none));
	whole = sp_buf_new(0);
	parts = sp_buf_new(0);
	if (whole == NULL || parts == NULL)
		abort();
}

/* how 0: in pieces; 1: with flushes between them; 2: some of them as echoes. */
static void
run(struct sp_mask_set *set, unsigned cols, const uint8_t *p, size_t n, unsigned cut, int how, struct sp_buf *out)
{
	struct sp_mask_terminal *t = NULL;
	uint32_t x = cut * 2654435761u + 1;

	sp_buf_reset(out);
	must(sp_mask_terminal_new(set, cols, &t));
	for (size_t i = 0, k; i < n; i += k) {
		x = x * 1664525u + 1013904223u;
		k = cut == 0 ? 1 : 1 + (x >> 16) % (cut * 4);
		k = k > n - i ? n - i : k;
		if (how == 2 && (x & 0x100) != 0)
			must(sp_mask_terminal_echo(t, p + i, k, out, NULL));
		else
			must(sp_mask_terminal_feed(t, p + i, k, out, NULL));
		if (how == 1)
			must(sp_mask_terminal_flush(t, out, NULL));
	}
	must(sp_mask_terminal_flush(t, out, NULL));
	if (sp_mask_terminal_held(t) != 0)
		abort();
	sp_mask_terminal_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned cols;
	const uint8_t *p;
	size_t n;

	if (all == NULL)
		make_sets();
	if (size < 2 || size > 32768)
		return 0;
	cols = data[0] % 100;
	p = data + 2;
	n = size - 2;
	run(all, cols, p, n, 30000, 0, whole);
	run(all, cols, p, n, data[1], 0, parts);
	if (sp_buf_len(whole) != sp_buf_len(parts) ||
	    memcmp(sp_buf_data(whole), sp_buf_data(parts), sp_buf_len(whole)) != 0)
		abort();
	for (int how = 0; how < 3; how++) {
		run(none, cols, p, n, data[1], how, parts);
		if (sp_buf_len(parts) != n || memcmp(sp_buf_data(parts), p, n) != 0)
			abort();
		run(all, cols, p, n, data[1], how, parts);
	}
	return 0;
}
