/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/termfilter.h"

#define CASE_MAX 1024

/* One side of a case, escapes undone. */
static size_t
unescape(const char *s, uint8_t *to)
{
	char hex[3] = { 0 };
	size_t n = 0;

	for (; *s != '\0'; s++) {
		char c = *s;

		assert_true(n < CASE_MAX);
		if (c == '\\') {
			c = *++s;
			if (c == 'x') {
				memcpy(hex, s + 1, 2);
				c = (char)strtoul(hex, NULL, 16);
				s += 2;
			} else {
				c = c == 'e' ? 0x1b : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c == 'b' ? '\b' : c == 'a' ? '\a' : c;
			}
		}
		to[n++] = (uint8_t)c;
	}
	return n;
}

/* In one piece, and cut at every byte: the same comes out; twice filtered it stays; as text it has no controls. */
static void
check(unsigned line, const uint8_t *in, size_t n, const uint8_t *out, size_t out_n)
{
	struct sp_buf *b = sp_buf_new(0), *again = sp_buf_new(0);
	struct sp_termfilter t;

	for (size_t cut = 0; cut <= n; cut++) {
		sp_buf_reset(b);
		sp_termfilter_init(&t, false);
		assert_int_equal(sp_termfilter_feed(&t, in, cut, b), 0);
		assert_int_equal(sp_termfilter_feed(&t, in + cut, n - cut, b), 0);
		if (sp_buf_len(b) != out_n || memcmp(sp_buf_data(b), out, out_n) != 0)
			fail_msg("replayed.txt:%u: cut at %zu: got \"%.*s\"", line, cut, (int)sp_buf_len(b), (const char *)sp_buf_data(b));
	}
	sp_termfilter_init(&t, false);
	assert_int_equal(sp_termfilter_feed(&t, sp_buf_data(b), sp_buf_len(b), again), 0);
	assert_int_equal(sp_buf_len(again), out_n);
	sp_buf_reset(b);
	sp_termfilter_init(&t, true);
	assert_int_equal(sp_termfilter_feed(&t, in, n, b), 0);
	for (size_t i = 0; i < sp_buf_len(b); i++) {
		uint8_t c = sp_buf_data(b)[i];

		assert_true(c >= 0x20 || c == '\n' || c == '\t');
	}
	sp_buf_free(b);
	sp_buf_free(again);
}

static void
test_cases(void **state)
{
	const char *top = getenv("srcdir");
	static uint8_t in[CASE_MAX], out[CASE_MAX];
	char path[512], line[2 * CASE_MAX], *tab;
	unsigned n = 0, tried = 0;
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/tests/attacks/terminal/replayed.txt", top == NULL ? "." : top);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		size_t in_n, out_n;

		n++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		tab = strchr(line, '\t');
		assert_non_null(tab);
		*tab = '\0';
		in_n = unescape(line, in);
		out_n = unescape(strcmp(tab + 1, "=") == 0 ? line : tab + 1, out);
		check(n, in, in_n, out, out_n);
		tried++;
	}
	assert_int_equal(fclose(f), 0);
	assert_true(tried >= 60);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
	};

	return cmocka_run_group_tests_name("termfilter", tests, NULL, NULL);
}
