/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminal masking: the samples of tests/attacks/mask dressed up as programs show them (colours within, written over,
 * wrapped), the cases of tests/attacks/terminal, and every text cut at every byte.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask/terminal.h"
#include "mask/termline.h"
#include "tests/unit/mask_samples.h"

#define TEXT_MAX (MASK_SAMPLE_MAX * 24)

struct text {
	uint8_t p[TEXT_MAX];
	size_t n;
};

static struct text in, want, got;
static size_t wrong;

static struct sp_mask_set *
make_set(enum sp_mask_transform transform)
{
	const char *name;
	struct sp_mask_set *set = NULL;

	assert_int_equal(sp_mask_set_new(&set), 0);
	assert_int_equal(sp_mask_set_key(set, "0123456789abcdef", 16), 0);
	for (size_t i = 0; (name = sp_mask_detector_name(i)) != NULL; i++)
		assert_int_equal(sp_mask_set_add(set, name, transform), 0);
	assert_int_equal(sp_mask_set_seal(set), 0);
	return set;
}

static void
put(struct text *t, const void *p, size_t n)
{
	assert_true(t->n + n <= TEXT_MAX);
	memcpy(t->p + t->n, p, n);
	t->n += n;
}

/* The outcome, cut after first bytes and then every step. */
static void
run(struct sp_mask_set *set, unsigned cols, const struct text *t, size_t first, size_t step, struct text *ret)
{
	struct sp_mask_terminal *m = NULL;
	struct sp_buf *out = sp_buf_new(0);
	size_t i = 0;

	assert_non_null(out);
	assert_int_equal(sp_mask_terminal_new(set, cols, &m), 0);
	for (size_t n = first; i < t->n; i += n, n = step) {
		if (n > t->n - i)
			n = t->n - i;
		assert_int_equal(sp_mask_terminal_feed(m, t->p + i, n, out, NULL), 0);
	}
	assert_int_equal(sp_mask_terminal_flush(m, out, NULL), 0);
	assert_int_equal(sp_mask_terminal_held(m), 0);
	ret->n = 0;
	put(ret, sp_buf_data(out), sp_buf_len(out));
	sp_mask_terminal_free(m);
	sp_buf_free(out);
}

static bool
same(const struct text *a, const struct text *b)
{
	return a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

/* What a person sees of t: colours away, written over what is written over, wraps of readline's and at the margin undone. */
static void
see(struct text *t, unsigned cols)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->p[i] == 0x1b) {
			while (t->p[i] != 'm')
				i++;
		} else if (t->p[i] == '\b') {
			n--;
		} else if (cols > 0 && i + 1 < t->n && t->p[i] == '\r' && (t->p[i + 1] != '\n' || t->p[i - 1] == 0x7f)) {
			n--;
		} else if (t->p[i] != 0x7f) {
			t->p[n++] = t->p[i];
		}
	}
	t->n = n;
}

/* --- the samples ------------------------------------------------------------------------------------------- */

/* The sample's expected outcome on a terminal: each mark replaced in its own width. */
static void
expect(const struct mask_sample *s, struct text *ret)
{
	size_t i = 0, len;

	ret->n = 0;
	for (size_t m = 0; m < s->marks; m++) {
		char label[64];
		size_t used = 0, n;

		put(ret, s->in + i, s->mark[m].from - i);
		n = (size_t)snprintf(label, sizeof(label), "[masked:%s]", s->mark[m].kind);
		for (i = s->mark[m].from; i < s->mark[m].to; i += len) {
			unsigned w = sp_termline_width(s->in + i, s->mark[m].to - i, &len);

			if (s->in[i] < 0x20) {
				put(ret, s->in + i, 1);
				continue;
			}
			for (; w > 0; w--, used++)
				put(ret, used < n ? label + used : "*", 1);
		}
	}
	put(ret, s->in + i, s->in_len - i);
}

/* Samples with control characters mean something else on a terminal. */
static bool
is_plain(const struct mask_sample *s)
{
	for (size_t i = 0; i < s->in_len; i++) {
		uint8_t c = s->in[i];
		size_t len;

		if (c == '\r' && i + 1 < s->in_len && s->in[i + 1] == '\n')
			continue;
		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return false;
		if (c >= 0x80 && (sp_termline_width(s->in + i, s->in_len - i, &len) == 0 || (c == 0xc2 && s->in[i + 1] < 0xa0)))
			return false;
	}
	return true;
}

enum dress { PLAIN, COLOURS, TITLES, OVERWRITTEN, DRESSES };

static void
dress(const struct mask_sample *s, enum dress how, struct text *ret)
{
	size_t len;

	ret->n = 0;
	for (size_t i = 0; i < s->in_len; i += len) {
		(void)sp_termline_width(s->in + i, s->in_len - i, &len);
		if (how == COLOURS && s->in[i] != '\n')
			put(ret, i % 3 == 0 ? "\x1b[0m" : i % 3 == 1 ? "\x1b[38;2;1;2;3m" : "\x1b[?25h\x1b[1m", i % 3 == 0 ? 4 : i % 3 == 1 ? 13 : 10);
		if (how == OVERWRITTEN && len == 1 && s->in[i] >= 0x20 && s->in[i] < 0x80)
			put(ret, "x\b", 2);
		put(ret, s->in + i, len);
		if (how == TITLES && s->in[i] != '\r')
			put(ret, "\x1b]0;hello\x1b\\\x1b[m", 15);
	}
}

static void
see_dress(struct text *t, enum dress how)
{
	size_t n = 0;

	if (how == TITLES) {
		for (size_t i = 0; i < t->n; i++) {
			if (t->p[i] == 0x1b && i + 14 < t->n && t->p[i + 1] == ']')
				i += 14;
			else
				t->p[n++] = t->p[i];
		}
		t->n = n;
	} else if (how != PLAIN) {
		see(t, 0);
	}
}

/*
 * Written over, what a sample begins with may have been a match with the x behind it, and is masked as that. But what is
 * masked without must be so here, whatever its replacement's letters are.
 */
static bool
is_masked_more(const struct mask_sample *s, const struct text *seen)
{
	if (seen->n != want.n || want.n != s->in_len)
		return false;
	for (size_t i = 0; i < seen->n; i++)
		if (want.p[i] != s->in[i] && seen->p[i] == s->in[i] && strchr("[]:_abcdefghijklmnopqrstuvwxyz", seen->p[i]) == NULL)
			return false;
	return true;
}

static void
try_sample(const struct mask_sample *s, void *ctx)
{
	static struct text seen, again;

	if (!is_plain(s))
		return;
	expect(s, &want);
	for (enum dress how = PLAIN; how < DRESSES; how++) {
		dress(s, how, &in);
		run(ctx, 0, &in, in.n, in.n, &got);
		seen = got;
		see_dress(&seen, how);
		if (!same(&seen, &want) && !(how == OVERWRITTEN && is_masked_more(s, &seen)) && wrong++ < 40)
			print_error("%s:%u: dress %d: got \"%.*s\"\nnot \"%.*s\"\n", s->file, s->line, (int)how, (int)seen.n,
			    (const char *)seen.p, (int)want.n, (const char *)want.p);
		run(ctx, 0, &in, 1, 1, &again);
		if (!same(&again, &got) && wrong++ < 40)
			print_error("%s:%u: dress %d: byte by byte: got \"%.*s\"\n", s->file, s->line, (int)how, (int)again.n,
			    (const char *)again.p);
		for (size_t first = 1; first < in.n; first += 1 + in.n / 200) {
			run(ctx, 0, &in, first, in.n, &again);
			if (!same(&again, &got) && wrong++ < 40)
				print_error("%s:%u: dress %d: cut at %zu: got \"%.*s\"\n", s->file, s->line, (int)how, first,
				    (int)again.n, (const char *)again.p);
		}
	}
}

static void
test_samples(void **state)
{
	struct sp_mask_set *set = make_set(SP_MASK_REDACT);

	(void)state;
	wrong = 0;
	assert_true(mask_samples_each(try_sample, set) > 500);
	assert_int_equal(wrong, 0);
	sp_mask_set_free(set);
}

/* --- the cases ----------------------------------------------------------------------------------------------- */

static size_t
unescape(const char *s, struct text *ret)
{
	char hex[3] = {0};

	for (ret->n = 0; *s != '\0' && *s != '\t'; s++) {
		char c = *s;

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
		put(ret, &c, 1);
	}
	return ret->n;
}

static void
try_case(struct sp_mask_set *set, const char *name, unsigned line, unsigned cols, const char *a, const char *b)
{
	(void)unescape(a, &in);
	if (strcmp(b, "=") == 0)
		want = in;
	else
		(void)unescape(b, &want);
	for (size_t first = 1; first <= in.n; first++) {
		for (int step = 0; step < 2; step++) {
			run(set, cols, &in, first, step == 0 ? in.n : 1, &got);
			if (!same(&got, &want) && wrong++ < 4000 && first == 1)
				print_error("%s:%u: cut at %zu, step %d: got \"%.*s\"\n", name, line, first, step, (int)got.n,
				    (const char *)got.p);
		}
	}
}

static void
test_cases(void **state)
{
	struct sp_mask_set *set = make_set(SP_MASK_REDACT);
	const char *top = getenv("srcdir");
	static char line[8192], path[512];
	unsigned n = 0, tried = 0;
	FILE *f;

	(void)state;
	wrong = 0;
	(void)snprintf(path, sizeof(path), "%s/tests/attacks/terminal/masked.txt", top == NULL ? "." : top);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *a, *b;

		n++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#' || line[0] == '\0')
			continue;
		a = strchr(line, '\t');
		b = a == NULL ? NULL : strchr(a + 1, '\t');
		assert_non_null(b);
		*b = '\0';
		try_case(set, "masked.txt", n, (unsigned)strtoul(line, NULL, 10), a + 1, b + 1);
		tried++;
	}
	assert_int_equal(fclose(f), 0);
	assert_true(tried >= 40);
	assert_int_equal(wrong, 0);
	sp_mask_set_free(set);
}

/* --- flush and echo ------------------------------------------------------------------------------------------ */

static void
feed(struct sp_mask_terminal *m, const char *p, const char *shown)
{
	struct sp_buf *out = sp_buf_new(0);

	assert_int_equal(sp_mask_terminal_feed(m, p, strlen(p), out, NULL), 0);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), shown);
	sp_buf_free(out);
}

static void
flush(struct sp_mask_terminal *m, const char *shown)
{
	struct sp_buf *out = sp_buf_new(0);

	assert_int_equal(sp_mask_terminal_flush(m, out, NULL), 0);
	assert_int_equal(sp_mask_terminal_held(m), 0);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), shown);
	sp_buf_free(out);
}

static void
echo(struct sp_mask_terminal *m, const char *p, const char *shown)
{
	struct sp_buf *out = sp_buf_new(0);

	assert_int_equal(sp_mask_terminal_echo(m, p, strlen(p), out, NULL), 0);
	assert_int_equal(sp_mask_terminal_held(m), 0);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), shown);
	sp_buf_free(out);
}

static void
test_flush(void **state)
{
	struct sp_mask_set *set = make_set(SP_MASK_REDACT);
	struct sp_mask_terminal *m = NULL;

	(void)state;
	assert_int_equal(sp_mask_terminal_new(set, 80, &m), 0);
	feed(m, "alice@host:~$ ", "");
	flush(m, "alice@host:~$ ");
	flush(m, "");
	echo(m, "l", "l");
	echo(m, "s", "s");
	echo(m, "\r\n", "\r\n");
	feed(m, "bob@example.com", "");
	flush(m, "[masked:email]*");
	feed(m, "\r\n\x1b[1", "\r\n");
	flush(m, "\x1b[1");
	feed(m, "m4111 1111 1111 1111\n", "m[masked:credit_card\n");
	/* Shown in part before it was known to be one: no more of it is. */
	feed(m, "AKI", "");
	flush(m, "AKI");
	feed(m, "AIOSFODNN7EXAMPLE\n", "sked:aws_access_k\n");
	feed(m, "\xc3", "");
	flush(m, "\xc3");
	feed(m, "\xa4\n", "\xa4\n");
	sp_mask_terminal_free(m);
	sp_mask_set_free(set);
}

/* A value typed key by key, then shown by a program. */
static void
test_echo(void **state)
{
	struct sp_mask_set *set = make_set(SP_MASK_REDACT);
	struct sp_mask_terminal *m = NULL;

	(void)state;
	assert_int_equal(sp_mask_terminal_new(set, 80, &m), 0);
	for (const char *p = "bob@example.com "; *p != '\0'; p++)
		echo(m, (const char[]){*p, 0}, (const char[]){*p, 0});
	feed(m, "bob@example.com\r\n", "[masked:email]*\r\n");
	/* What was held when a key was typed is masked before its echo. */
	feed(m, "4111111111111111", "");
	echo(m, "q", "[masked:credit_cq");
	sp_mask_terminal_free(m);
	sp_mask_set_free(set);
}

/* --- readline's wraps, and a terminal of few columns -------------------------------------------------------------- */

static void
test_wraps(void **state)
{
	struct sp_mask_set *set = make_set(SP_MASK_REDACT);
	static const char value[] = "AKI" "AIOSFODNN7EXAMPLE";

	(void)state;
	wrong = 0;
	for (unsigned cols = 2; cols < 30; cols++) {
		for (int how = 0; how < 2; how++) {
			unsigned col = 0;

			in.n = want.n = 0;
			for (const char *p = value; *p != '\0'; p++) {
				if (col == cols) {
					put(&in, " \r", how == 0 ? 0 : 2);
					put(&want, " \r", how == 0 ? 0 : 2);
					col = 0;
				}
				put(&in, p, 1);
				put(&want, &"[masked:aws_access_key]"[p - value], 1);
				col++;
			}
			put(&in, "\r\nx", 3);
			put(&want, "\r\nx", 3);
			for (size_t first = 1; first <= in.n; first++) {
				run(set, cols, &in, first, 1, &got);
				if (!same(&got, &want) && wrong++ < 20)
					print_error("%u columns, %d, cut at %zu: got \"%.*s\"\n", cols, how, first, (int)got.n,
					    (const char *)got.p);
			}
		}
	}
	assert_int_equal(wrong, 0);
	sp_mask_set_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_samples),
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_flush),
	    cmocka_unit_test(test_echo),
	    cmocka_unit_test(test_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
