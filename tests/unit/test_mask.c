/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/text.h"
#include "mask/mask.h"

static const char key[] = "0123456789abcdef0123456789abcdef";

static struct sp_mask_set *
make_set(const char *detectors, enum sp_mask_transform t)
{
	struct sp_mask_set *set = NULL;
	char list[256], *save = NULL;

	assert_int_equal(sp_mask_set_new(&set), 0);
	assert_true(strlen(detectors) < sizeof(list));
	strcpy(list, detectors);
	for (char *s = strtok_r(list, " ", &save); s != NULL; s = strtok_r(NULL, " ", &save))
		assert_int_equal(sp_mask_set_add(set, s, t), 0);
	assert_int_equal(sp_mask_set_key(set, key, sizeof(key) - 1), 0);
	return set;
}

#define ALL "credit_card email us_ssn iban phone ipv4 ipv6 secret"

static void
check_text(struct sp_mask_set *set, const char *in, const char *want)
{
	struct sp_buf *out = sp_buf_new(0);
	struct sp_mask_counts counts = {0};
	enum sp_mask_outcome outcome;

	assert_non_null(out);
	assert_int_equal(sp_mask_scan(set, in, strlen(in), true, out, &counts, &outcome), 0);
	if (strcmp(in, want) == 0) {
		assert_int_equal(outcome, SP_MASK_SAME);
		assert_int_equal(sp_buf_len(out), 0);
	} else {
		assert_int_equal(outcome, SP_MASK_CHANGED);
		sp_buf_put_u8(out, 0);
		assert_string_equal((const char *)sp_buf_data(out), want);
	}
	sp_buf_free(out);
}

static void
test_redact(void **state)
{
	struct sp_mask_set *set = make_set(ALL, SP_MASK_REDACT);

	(void)state;
	assert_int_equal(sp_mask_set_seal(set), 0);
	check_text(set, "hello", "hello");
	check_text(set, "", "");
	check_text(set, "alice@example.com", "[masked:email]");
	check_text(set, "4111111111111111", "[masked:credit_card]");
	check_text(set, "a 4111-1111-1111-1111 b", "a [masked:credit_card] b");
	check_text(set, "3782 822463 10005", "[masked:credit_card]");
	check_text(set, "078-05-1120", "[masked:us_ssn]");
	check_text(set, "x DE89 3704 0044 0532 0130 00.", "x [masked:iban].");
	check_text(set, "GB82WEST12345698765432", "[masked:iban]");
	check_text(set, "+49 30 901820", "[masked:phone]");
	check_text(set, "(415) 555-2671", "[masked:phone]");
	check_text(set, "10.1.2.3", "[masked:ipv4]");
	check_text(set, "fe80::1", "[masked:ipv6]");
	check_text(set, "2001:db8:0:0:8:800:200c:417a", "[masked:ipv6]");
	check_text(set,
	    "AKI"
	    "AIOSFODNN7EXAMPLE",
	    "[masked:aws_access_key]");
	check_text(set, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[masked:aws_secret_key]");
	check_text(set,
	    "ghp"
	    "_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17",
	    "[masked:github_token]");
	check_text(set,
	    "-----BEGIN "
	    "PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\nx",
	    "[masked:private_key]\nx");
	sp_mask_set_free(set);
}

static void
check_partial(const char *detector, const char *in, const char *want)
{
	struct sp_mask_set *set = make_set(detector, SP_MASK_PARTIAL);

	assert_int_equal(sp_mask_set_seal(set), 0);
	check_text(set, in, want);
	sp_mask_set_free(set);
}

static void
test_partial(void **state)
{
	(void)state;
	check_partial("credit_card", "4111 1111 1111 1111", "**** **** **** 1111");
	check_partial("email", "alice@example.com", "a***@example.com");
	check_partial("email", "al@example.com", "***@example.com");
	check_partial("email", "\xc3\xa9ric@example.com", "\xc3\xa9***@example.com");
	check_partial("us_ssn", "078-05-1120", "***-**-1120");
	check_partial("iban", "DE89 3704 0044 0532 0130 00", "DE** **** **** **** **30 00");
	check_partial("phone", "+1 (415) 555-2671", "+* (***) ***-**71");
	check_partial("ipv4", "192.168.0.17", "192.168.*.*");
	check_partial("ipv6", "2001:db8::1", "2001:*");
	check_partial("secret",
	    "AKI"
	    "AIOSFODNN7EXAMPLE",
	    "[masked:aws_access_key]");
	/* What partial keeps of the outer value could be the inner one. */
	check_partial("email credit_card", "4111111111111111@example.com", "[masked:email]");
}

static void
test_hash(void **state)
{
	struct sp_mask_set *set = make_set("email", SP_MASK_HASH), *other = NULL;
	struct sp_buf *a = sp_buf_new(0), *b = sp_buf_new(0);
	enum sp_mask_outcome o;

	(void)state;
	assert_int_equal(sp_mask_set_seal(set), 0);
	/* printf 'a@b.co' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef */
	check_text(set, "x a@b.co y", "x [email:c2c76670c5641637] y");
	assert_int_equal(sp_mask_scan(set, "a@b.co", 6, true, a, NULL, &o), 0);
	assert_int_equal(sp_mask_set_new(&other), 0);
	assert_int_equal(sp_mask_set_key(other, "another key of 16", 16), 0);
	assert_int_equal(sp_mask_set_add(other, "email", SP_MASK_HASH), 0);
	assert_int_equal(sp_mask_set_seal(other), 0);
	assert_int_equal(sp_mask_scan(other, "a@b.co", 6, true, b, NULL, &o), 0);
	assert_int_equal(sp_buf_len(a), sp_buf_len(b));
	assert_memory_not_equal(sp_buf_data(a), sp_buf_data(b), sp_buf_len(a));
	sp_buf_free(a);
	sp_buf_free(b);
	sp_mask_set_free(set);
	sp_mask_set_free(other);
}

static void
test_null(void **state)
{
	struct sp_mask_set *set = make_set("email", SP_MASK_NULL);
	struct sp_buf *out = sp_buf_new(0);
	struct sp_mask_counts counts = {0};
	struct sp_mask_stream *st = NULL;
	enum sp_mask_outcome o = SP_MASK_SAME;

	(void)state;
	assert_int_equal(sp_mask_set_seal(set), 0);
	assert_int_equal(sp_mask_scan(set, "x a@b.co", 8, true, out, &counts, &o), 0);
	assert_int_equal(o, SP_MASK_NULLED);
	assert_int_equal(sp_buf_len(out), 0);
	assert_int_equal(sp_mask_scan(set, "x a@b.co", 8, false, out, &counts, &o), 0);
	assert_int_equal(o, SP_MASK_CHANGED);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), "[masked:email]");
	sp_buf_reset(out);
	assert_int_equal(sp_mask_counts_json(set, &counts, out), 0);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), "{\"email\":2}");
	sp_buf_reset(out);
	assert_int_equal(sp_mask_stream_new(set, &st), 0);
	assert_int_equal(sp_mask_stream_feed(st, "x a@b.co", 8, out, &counts), 0);
	assert_int_equal(sp_mask_stream_finish(st, out, &counts), 0);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), "x [masked:email]");
	sp_mask_stream_free(st);
	sp_buf_free(out);
	sp_mask_set_free(set);
}

static void
check_column(
    struct sp_mask_set *set, enum sp_mask_transform t, enum sp_mask_type type, const char *in, const char *want)
{
	struct sp_buf *out = sp_buf_new(0);
	enum sp_mask_outcome o = SP_MASK_SAME;

	assert_non_null(out);
	assert_int_equal(sp_mask_column(set, t, type, in, strlen(in), out, &o), 0);
	assert_int_equal(o, want == NULL ? SP_MASK_NULLED : SP_MASK_CHANGED);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), want == NULL ? "" : want);
	sp_buf_free(out);
}

static void
test_column(void **state)
{
	struct sp_mask_set *set = make_set("", SP_MASK_REDACT), *bare = NULL;
	enum sp_mask_outcome o;

	(void)state;
	assert_int_equal(sp_mask_set_seal(set), 0);
	assert_true(sp_mask_set_is_empty(set));
	check_column(set, SP_MASK_PARTIAL, SP_MASK_TYPE_TEXT, "alice@example.com", "a***@example.com");
	check_column(set, SP_MASK_PARTIAL, SP_MASK_TYPE_TEXT, "Winterfell", "******fell");
	check_column(set, SP_MASK_PARTIAL, SP_MASK_TYPE_TEXT, "a very long text indeed", "********deed");
	check_column(set, SP_MASK_PARTIAL, SP_MASK_TYPE_TEXT, "short", "[masked]");
	check_column(set, SP_MASK_PARTIAL, SP_MASK_TYPE_TEXT, "", "[masked]");
	check_column(set, SP_MASK_PARTIAL, SP_MASK_TYPE_TEXT, "12345\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82z",
	    "*****\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82z");
	check_column(set, SP_MASK_REDACT, SP_MASK_TYPE_TEXT, "x", "[masked]");
	check_column(set, SP_MASK_NULL, SP_MASK_TYPE_TEXT, "x", NULL);
	check_column(set, SP_MASK_HASH, SP_MASK_TYPE_TEXT, "a@b.co", "[masked:c2c76670c5641637]");
	check_column(set, SP_MASK_HASH, SP_MASK_TYPE_JSON, "a@b.co", "\"[masked:c2c76670c5641637]\"");
	check_column(set, SP_MASK_HASH, SP_MASK_TYPE_BYTES, "a@b.co", "\\xc2c76670c5641637");
	check_column(set, SP_MASK_PARTIAL, SP_MASK_TYPE_BYTES, "\\x00", "\\x");
	check_column(set, SP_MASK_REDACT, SP_MASK_TYPE_JSON, "{}", "\"[masked]\"");
	check_column(set, SP_MASK_PARTIAL, SP_MASK_TYPE_UUID, "x", "00000000-0000-0000-0000-000000000000");
	check_column(set, SP_MASK_HASH, SP_MASK_TYPE_UUID, "a@b.co", "c2c76670-c564-8637-84db-d2166e0231fd");
	for (int t = SP_MASK_PARTIAL; t <= SP_MASK_NULL; t++)
		check_column(set, (enum sp_mask_transform)t, SP_MASK_TYPE_OTHER, "42", NULL);
	sp_mask_set_free(set);
	/* No key, no hash. */
	assert_int_equal(sp_mask_set_new(&bare), 0);
	assert_int_equal(sp_mask_column(bare, SP_MASK_HASH, SP_MASK_TYPE_TEXT, "x", 1, NULL, &o), SP_ERR_INVALID);
	sp_mask_set_free(bare);
}

static void
test_regex(void **state)
{
	struct sp_mask_set *set = make_set("email", SP_MASK_REDACT);
	char why[160];

	(void)state;
	assert_int_equal(
	    sp_mask_set_add_regex(set, "employee", "\\bEMP-\\d{4}\\b", SP_MASK_REDACT, why, sizeof(why)), 0);
	assert_int_equal(sp_mask_set_add_regex(set, "employee", "\\bEMP-\\d{4}\\b", SP_MASK_HASH, why, sizeof(why)), 0);
	assert_int_equal(
	    sp_mask_set_add_regex(set, "employee", "other", SP_MASK_REDACT, why, sizeof(why)), SP_ERR_EXISTS);
	assert_int_equal(sp_mask_set_add_regex(set, "after", "(?<=pin: )\\d+", SP_MASK_REDACT, why, sizeof(why)), 0);
	assert_int_equal(sp_mask_set_add_regex(set, "twice", "(\\w)\\1\\1\\1", SP_MASK_REDACT, why, sizeof(why)), 0);
	assert_int_equal(sp_mask_set_add_regex(set, "long", "code-\\w+", SP_MASK_PARTIAL, why, sizeof(why)), 0);
	assert_int_equal(
	    sp_mask_set_add_regex(set, "name", "M\xc3\xbcller|^start|end$", SP_MASK_REDACT, why, sizeof(why)), 0);
	assert_int_equal(sp_mask_set_add_regex(set, "Bad", "x", SP_MASK_REDACT, why, sizeof(why)), SP_ERR_FORMAT);
	assert_int_equal(sp_mask_set_seal(set), 0);
	assert_int_equal(sp_mask_set_add(set, "email", SP_MASK_REDACT), SP_ERR_INVALID);
	check_text(set, "EMP-1234, EMP-12345", "[masked:employee], EMP-12345");
	check_text(set, "pin: 12", "pin: [masked:after]");
	check_text(set, "aaaa", "[masked:twice]");
	check_text(set, "code-secretword", "********word");
	check_text(set, "code-x", "[masked:long]");
	check_text(set, "Herr M\xc3\xbcller", "Herr [masked:name]");
	check_text(set, "start the end", "[masked:name] the [masked:name]");
	check_text(set, "a start, an end.", "a start, an end.");
	check_text(set, "\xff EMP-1234 \xff", "\xff [masked:employee] \xff");
	check_text(set, "EMP-1234@example.com", "[masked:email]");
	sp_mask_set_free(set);
	assert_int_equal(sp_mask_regex_check("x*", why, sizeof(why)), SP_ERR_INVALID);
	assert_int_equal(sp_mask_regex_check("(", why, sizeof(why)), SP_ERR_FORMAT);
	assert_non_null(strstr(why, "character 2"));
	assert_int_equal(sp_mask_regex_check("(?<=aaaaaaaaaaaaaaaaaaaa)x", why, sizeof(why)), SP_ERR_LIMIT);
	assert_int_equal(sp_mask_regex_check("a+b", NULL, 0), 0);
}

/* A pattern that explodes masks the rest of the value instead of letting it pass. */
static void
test_regex_limit(void **state)
{
	struct sp_mask_set *set = make_set("", SP_MASK_REDACT);
	struct sp_buf *out = sp_buf_new(0);
	enum sp_mask_outcome o = SP_MASK_SAME;
	char in[64];

	(void)state;
	assert_int_equal(sp_mask_set_add_regex(set, "bomb", "(a|a)+(?=a*\\1)X\\1", SP_MASK_PARTIAL, NULL, 0), 0);
	assert_int_equal(sp_mask_set_seal(set), 0);
	memset(in, 'a', sizeof(in));
	in[60] = 'X';
	assert_int_equal(sp_mask_scan(set, in, sizeof(in), true, out, NULL, &o), 0);
	assert_int_equal(o, SP_MASK_CHANGED);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), "[masked:bomb]");
	sp_buf_free(out);
	sp_mask_set_free(set);
}

static void
test_names(void **state)
{
	struct sp_mask_set *set = NULL;
	enum sp_mask_transform t;
	const char *s;

	(void)state;
	for (size_t i = 0; (s = sp_mask_detector_name(i)) != NULL; i++)
		assert_true(sp_mask_is_detector(s));
	assert_true(sp_mask_is_detector("secret"));
	assert_false(sp_mask_is_detector("Email"));
	assert_int_equal(sp_mask_transform_parse("partial", &t), 0);
	assert_int_equal(t, SP_MASK_PARTIAL);
	assert_int_equal(sp_mask_transform_parse("null", &t), 0);
	assert_int_equal(t, SP_MASK_NULL);
	assert_int_equal(sp_mask_transform_parse("none", &t), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_mask_set_new(&set), 0);
	assert_int_equal(sp_mask_set_add(set, "nothing", SP_MASK_REDACT), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_mask_set_key(set, "short", 5), SP_ERR_LIMIT);
	assert_int_equal(sp_mask_set_add(set, "email", SP_MASK_HASH), 0);
	assert_int_equal(sp_mask_set_seal(set), SP_ERR_INVALID);
	sp_mask_set_free(set);
}

static void
test_cells_rules(void **state)
{
	struct sp_mask_set *set = make_set("email", SP_MASK_REDACT);
	const struct sp_mask_cell touching[] = {{0, 3}, {3, 3}}, past[] = {{0, 11}};
	const struct sp_mask_cell good[] = {{0, 6}, {7, 1}, {9, 6}};
	const struct sp_mask_change *c;
	struct sp_buf *out = sp_buf_new(0);
	size_t n;

	(void)state;
	assert_int_equal(sp_mask_set_seal(set), 0);
	assert_int_equal(sp_mask_cells(set, "a@b.co,x,y", 10, touching, 2, true, out, NULL, &c, &n), SP_ERR_INVALID);
	assert_int_equal(sp_mask_cells(set, "a@b.co,x,y", 10, past, 1, true, out, NULL, &c, &n), SP_ERR_INVALID);
	assert_int_equal(sp_mask_cells(set, "a@b.co,x,c@d.co", 15, good, 3, true, out, NULL, &c, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(c[0].cell, 0);
	assert_int_equal(c[1].cell, 2);
	assert_int_equal(c[1].off, c[0].len);
	assert_int_equal(c[1].off + c[1].len, sp_buf_len(out));
	/* What lies outside a cell is not matched: "a@b" and ".co" are in different ones. */
	assert_int_equal(sp_mask_cells(set, "a@b.co,x,c@d.co", 15, (struct sp_mask_cell[]){{0, 3}, {4, 2}}, 2, true,
			     out, NULL, &c, &n),
	    0);
	assert_int_equal(n, 0);
	sp_buf_free(out);
	sp_mask_set_free(set);
}

/* Feeds in pieces; what is put is bounded behind, ends at characters, and equals the whole. */
static void
check_stream(struct sp_mask_set *set, const uint8_t *p, size_t n, size_t piece)
{
	struct sp_buf *whole = sp_buf_new(0), *out = sp_buf_new(0);
	struct sp_mask_stream *st = NULL;
	enum sp_mask_outcome o;

	assert_int_equal(sp_mask_scan(set, p, n, false, whole, NULL, &o), 0);
	if (o == SP_MASK_SAME)
		sp_buf_put(whole, p, n);
	assert_int_equal(sp_mask_stream_new(set, &st), 0);
	for (size_t i = 0; i < n; i += piece) {
		assert_int_equal(sp_mask_stream_feed(st, p + i, n - i < piece ? n - i : piece, out, NULL), 0);
		assert_true(sp_mask_stream_held(st) <= SP_MASK_BLOCK_MAX + 1024);
		assert_true(sp_text_is_utf8(sp_buf_data(out), sp_buf_len(out)));
	}
	assert_int_equal(sp_mask_stream_finish(st, out, NULL), 0);
	assert_int_equal(sp_mask_stream_held(st), 0);
	assert_int_equal(sp_buf_len(out), sp_buf_len(whole));
	assert_memory_equal(sp_buf_data(out), sp_buf_data(whole), sp_buf_len(whole));
	sp_mask_stream_free(st);
	sp_buf_free(whole);
	sp_buf_free(out);
}

static void
test_stream_long(void **state)
{
	static const char head[] = "x \xc3\xa4 -----BEGIN "
				   "PRIVATE KEY-----\n";
	static uint8_t p[3 * 65536];
	struct sp_mask_set *set = make_set(ALL, SP_MASK_HASH);
	size_t n = sizeof(p);

	(void)state;
	assert_int_equal(sp_mask_set_seal(set), 0);
	/* A block without end: its first 64 KiB are one match. */
	memset(p, 'A', n);
	memcpy(p, head, sizeof(head) - 1);
	memcpy(p + n - 20, " alice@example.com \n", 20);
	check_stream(set, p, n, 1000);
	check_stream(set, p, n, 70000);
	/* A long run of characters of mail addresses and base64. */
	check_stream(set, p + 100, n - 100, 333);
	/* Text without a break, so that the cut is somewhere in it; a value at each distance from it. */
	for (size_t i = 0; i < 3000; i++)
		p[i] = (uint8_t) "some words and "[i % 15];
	for (size_t i = 700; i + 200 < 3000; i += 97)
		memcpy(p + i, " bob@example.com 415-555-2671 4111 1111 1111 1111 ", 50);
	check_stream(set, p, 3000, 1);
	for (size_t piece = 2; piece < 700; piece += 7)
		check_stream(set, p, 3000, piece);
	/* Characters of several bytes, nowhere a break. */
	for (size_t i = 0; i + 3 <= n; i += 3)
		memcpy(p + i, "\xe2\x82\xac", 3);
	check_stream(set, p, 30000, 7);
	check_stream(set, p, 3000, 1);
	sp_mask_set_free(set);
}

/* Texts made of beginnings: the work stays proportional to their length. */
static void
test_hostile(void **state)
{
	static const char *const units[] = {("-----BEGIN "
					     "PRIVATE KEY-----"),
	    "eyJ", "eyJ.", "a@", "xox", "xoxb-", "AA11", "::", "1.", "-----END ", "-----END X-----", "+1", "hp_",
	    "123-4567-", "KIA"};
	enum {
		N = 1 << 20
	};
	struct sp_mask_set *set = make_set(ALL, SP_MASK_REDACT);
	struct sp_buf *out = sp_buf_new(0);
	enum sp_mask_outcome o;
	clock_t start = clock();
	char *p = malloc(N);

	(void)state;
	assert_non_null(p);
	assert_int_equal(sp_mask_set_seal(set), 0);
	for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
		size_t len = strlen(units[k]);

		for (size_t i = 0; i < N; i++)
			p[i] = units[k][i % len];
		sp_buf_reset(out);
		assert_int_equal(sp_mask_scan(set, p, N, true, out, NULL, &o), 0);
	}
	/* Half a second on a slow machine; minutes if each anchor read on to the end. */
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 30);
	free(p);
	sp_buf_free(out);
	sp_mask_set_free(set);
}

/* A custom regex that is never decided is masked, not let through. */
/* A flush shows what is held, as if the text ended there; of what then turns out to be a match no more is shown. */
static void
test_stream_flush(void **state)
{
	struct sp_mask_set *set = make_set("email aws_access_key", SP_MASK_REDACT);
	struct sp_mask_stream *st = NULL;
	struct sp_buf *out = sp_buf_new(0);

	(void)state;
	assert_int_equal(sp_mask_set_seal(set), 0);
	assert_int_equal(sp_mask_stream_new(set, &st), 0);
	assert_int_equal(sp_mask_stream_feed(st, "go on? ", 7, out, NULL), 0);
	assert_int_equal(sp_mask_stream_flush(st, out, NULL), 0);
	assert_int_equal(sp_mask_stream_held(st), 0);
	assert_int_equal(sp_buf_len(out), 7);
	assert_int_equal(sp_mask_stream_feed(st, "alice@example.com", 17, out, NULL), 0);
	assert_int_equal(sp_mask_stream_flush(st, out, NULL), 0);
	assert_int_equal(sp_mask_stream_flush(st, out, NULL), 0);
	assert_int_equal(sp_mask_stream_feed(st, " AKIAIOS", 8, out, NULL), 0);
	assert_int_equal(sp_mask_stream_flush(st, out, NULL), 0);
	assert_int_equal(sp_mask_stream_feed(st, "FODNN7EXAMPLE\nx\n", 16, out, NULL), 0);
	assert_int_equal(sp_mask_stream_finish(st, out, NULL), 0);
	sp_buf_put_u8(out, 0);
	assert_string_equal((const char *)sp_buf_data(out), "go on? [masked:email] AKIAIOS[masked:aws_access_key]\nx\n");
	sp_mask_stream_free(st);
	sp_buf_free(out);
	sp_mask_set_free(set);
}

static void
test_stream_undecided(void **state)
{
	static uint8_t p[2 * 65536];
	struct sp_mask_set *set = make_set("", SP_MASK_REDACT);
	struct sp_buf *out = sp_buf_new(0);
	struct sp_mask_stream *st = NULL;

	(void)state;
	assert_int_equal(sp_mask_set_add_regex(set, "all", "begin[^!]*!", SP_MASK_REDACT, NULL, 0), 0);
	assert_int_equal(sp_mask_set_seal(set), 0);
	memset(p, 'q', sizeof(p));
	memcpy(p, "x begin", 7);
	assert_int_equal(sp_mask_stream_new(set, &st), 0);
	for (size_t i = 0; i < sizeof(p); i += 4096) {
		assert_int_equal(sp_mask_stream_feed(st, p + i, 4096, out, NULL), 0);
		assert_true(sp_mask_stream_held(st) <= SP_MASK_BLOCK_MAX + 1024);
	}
	assert_true(sp_buf_len(out) > 14);
	assert_memory_equal(sp_buf_data(out), "x [masked:all]", 14);
	sp_mask_stream_free(st);
	sp_buf_free(out);
	sp_mask_set_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_redact),
	    cmocka_unit_test(test_partial),
	    cmocka_unit_test(test_hash),
	    cmocka_unit_test(test_null),
	    cmocka_unit_test(test_column),
	    cmocka_unit_test(test_regex),
	    cmocka_unit_test(test_regex_limit),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_cells_rules),
	    cmocka_unit_test(test_stream_long),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_stream_flush),
	    cmocka_unit_test(test_stream_undecided),
	};

	return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
