/* SPDX-License-Identifier: Apache-2.0 */
/* scp's protocol: single messages, whole transfers cut at every byte, and ends that do not keep to it. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/scp.h"

#define LOG_MAX 4096

/* --- messages ---------------------------------------------------------------------------------------------- */

static void
test_records(void **state)
{
	static const struct {
		const char *line;
		int err;
	} rows[] = {
		{ "C0644 5 a\n", 0 },
		{ "C0644 0 a b\n", 0 },
		{ "C0644 9223372036854775807 a\n", 0 },
		{ "D0755 0 d\n", 0 },
		{ "E\n", 0 },
		{ "T1 0 2 0\n", 0 },
		{ "T1 999999 2 999999\n", 0 },
		{ "\1no\n", 0 },
		{ "\2no\n", 0 },
		{ "\1\n", 0 },
		{ "C0644 5 a", SP_ERR_INCOMPLETE },
		{ "", SP_ERR_INCOMPLETE },
		{ "C0644 9223372036854775808 a\n", SP_ERR_LIMIT },
		{ "C0644 18446744073709551616 a\n", SP_ERR_LIMIT },
		{ "C0644 99999999999999999999999999 a\n", SP_ERR_LIMIT },
		{ "C0644 -5 a\n", SP_ERR_FORMAT },
		{ "C0644 +5 a\n", SP_ERR_FORMAT },
		{ "C0644 05 a\n", SP_ERR_FORMAT },
		{ "C0644  5 a\n", SP_ERR_FORMAT },
		{ "C0644 5x a\n", SP_ERR_FORMAT },
		{ "C0644 5\ta\n", SP_ERR_FORMAT },
		{ "C0644 5 \n", SP_ERR_FORMAT },
		{ "C0644 5\n", SP_ERR_FORMAT },
		{ "C0844 5 a\n", SP_ERR_FORMAT },
		{ "C644 5 a\n", SP_ERR_FORMAT },
		{ "C00644 5 a\n", SP_ERR_FORMAT },
		{ "C 0644 5 a\n", SP_ERR_FORMAT },
		{ "C0644 5 a/b\n", SP_ERR_FORMAT },
		{ "C0644 5 /\n", SP_ERR_FORMAT },
		{ "C0644 5 .\n", SP_ERR_FORMAT },
		{ "C0644 5 ..\n", SP_ERR_FORMAT },
		{ "C0644 5 ...\n", 0 },
		{ "C0644 5 a\rb\n", SP_ERR_FORMAT },
		{ "C0644 5 a\033[2Jb\n", SP_ERR_FORMAT },
		{ "C0644 5 a\x7f\n", SP_ERR_FORMAT },
		{ "C0644 5 a\xff\n", SP_ERR_FORMAT },
		{ "C0644 5 a\xe2\x80\xae\n", SP_ERR_FORMAT },
		{ "D0755 1 d\n", SP_ERR_FORMAT },
		{ "D0755 0 ..\n", SP_ERR_FORMAT },
		{ "E \n", SP_ERR_FORMAT },
		{ "Ex\n", SP_ERR_FORMAT },
		{ "T1 0 2\n", SP_ERR_FORMAT },
		{ "T1 0 2 0 \n", SP_ERR_FORMAT },
		{ "T-1 0 2 0\n", SP_ERR_FORMAT },
		{ "T1 1000000 2 0\n", SP_ERR_LIMIT },
		{ "T9223372036854775808 0 2 0\n", SP_ERR_LIMIT },
		{ "c0644 5 a\n", SP_ERR_FORMAT },
		{ "\n", SP_ERR_FORMAT },
		{ "\3x\n", SP_ERR_FORMAT },
		{ "X\n", SP_ERR_FORMAT },
	};
	struct sp_scp_msg m;
	char line[SP_SCP_TEXT_MAX + 64];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = sp_scp_parse_record(rows[i].line, strlen(rows[i].line), &m, &len);

		if (r != rows[i].err)
			fail_msg("%s: %d, not %d", rows[i].line, r, rows[i].err);
		if (r == 0)
			assert_int_equal(len, strlen(rows[i].line));
	}
	assert_int_equal(sp_scp_parse_record("", 1, &m, &len), SP_ERR_FORMAT); /* OK is no record */
	assert_int_equal(sp_scp_parse_record("C0644 1 a\0b\n", 12, &m, &len), SP_ERR_FORMAT);
	assert_int_equal(sp_scp_parse_status("", 1, &m, &len), 0);
	assert_int_equal(sp_scp_parse_status("E\n", 2, &m, &len), SP_ERR_FORMAT);
	memset(line, 'a', sizeof(line));
	memcpy(line, "C0644 1 ", 8);
	line[8 + SP_SCP_NAME_MAX] = '\n';
	assert_int_equal(sp_scp_parse_record(line, sizeof(line), &m, &len), 0);
	line[8 + SP_SCP_NAME_MAX] = 'a';
	line[9 + SP_SCP_NAME_MAX] = '\n';
	assert_int_equal(sp_scp_parse_record(line, sizeof(line), &m, &len), SP_ERR_LIMIT);
	line[9 + SP_SCP_NAME_MAX] = 'a';
	assert_int_equal(sp_scp_parse_record(line, sizeof(line), &m, &len), SP_ERR_LIMIT); /* no end in sight */
}

static void
test_command(void **state)
{
	static const struct {
		const char *words[8];
		const char *written; /* NULL: refused */
	} rows[] = {
		{ { "scp", "-t", "/web1/tmp/" }, "scp -t -- '/x'" },
		{ { "scp", "-f", "/web1/a" }, "scp -f -- '/x'" },
		{ { "scp", "-r", "-p", "-d", "-v", "-q", "-t", "/a" }, "scp -v -r -p -q -d -t -- '/x'" },
		{ { "scp", "-v", "-f", "--", "-a" }, "scp -v -f -- '/x'" },
		{ { "scp", "-rpt", "/a" }, "scp -r -p -t -- '/x'" },
		{ { "scp", "/a" }, NULL },
		{ { "scp", "-t" }, NULL },
		{ { "scp", "-t", "--" }, NULL },
		{ { "scp", "-t", "" }, NULL },
		{ { "scp", "-", "-t", "/a" }, NULL },
		{ { "scp", "-t", "-f", "/a" }, NULL },
		{ { "scp", "-tt", "/a" }, NULL },
		{ { "scp", "-t", "/a", "/b" }, NULL },
		{ { "scp", "-t", "/a", "-r" }, NULL },
		{ { "scp", "-S", "id", "-t", "/a" }, NULL },
		{ { "scp", "-oProxyCommand=id", "-t", "/a" }, NULL },
		{ { "scp", "-E", "-t", "/a" }, NULL },
		{ { "scp", "--help", "-t", "/a" }, NULL },
		{ { "/usr/bin/scp", "-t", "/a" }, NULL },
		{ { "scpx", "-t", "/a" }, NULL },
		{ { "scp" }, NULL },
	};
	struct sp_buf *out = sp_buf_new(0);

	(void)state;
	assert_non_null(out);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sp_scp_request q;
		const char *problem;
		size_t n = 0;
		int r;

		while (n < 8 && rows[i].words[n] != NULL)
			n++;
		r = sp_scp_request_parse(n, rows[i].words, &q, &problem);
		assert_int_equal(r, rows[i].written == NULL ? SP_ERR_INVALID : 0);
		assert_true((problem == NULL) == (r == 0));
		if (r != 0)
			continue;
		sp_buf_reset(out);
		assert_int_equal(sp_scp_request_write(&q, "/x", out), 0);
		assert_int_equal(sp_buf_len(out), strlen(rows[i].written));
		assert_memory_equal(sp_buf_data(out), rows[i].written, sp_buf_len(out));
	}
	sp_buf_reset(out);
	assert_int_equal(sp_scp_request_write(&(struct sp_scp_request){ .is_source = true }, "/a'; id; 'b$(id)", out), 0);
	sp_buf_put(out, "", 1);
	assert_string_equal((const char *)sp_buf_data(out), "scp -f -- '/a'\\''; id; '\\''b$(id)'");
	sp_buf_free(out);
}

/* --- transfers ------------------------------------------------------------------------------------------------ */

/*
 * A transfer as a script: bytes of each side in turn. What happens is a text: +PATH,PATH an entry allowed, -PATH one
 * refused, o opened, d the bytes, c and a digit closed, ! and the error.
 */
struct play {
	struct sp_scp_wire wire;
	struct sp_scp *t;
	const char *denied;
	char log[LOG_MAX];
	size_t n;
	int err;
};

static void
play_log(struct play *p, const char *text, size_t n)
{
	assert_true(p->n + n < LOG_MAX);
	memcpy(p->log + p->n, text, n);
	p->n += n;
	p->log[p->n] = '\0';
}

static void
play_entry(struct play *p, const struct sp_scp_event *ev)
{
	bool is_denied = false;

	for (size_t i = 0; i < ev->n_paths; i++)
		is_denied = is_denied || (p->denied != NULL && strcmp(ev->paths[i], p->denied) == 0);
	play_log(p, is_denied ? "-" : "+", 1);
	for (size_t i = 0; i < ev->n_paths; i++) {
		play_log(p, i > 0 ? "," : "", i > 0);
		play_log(p, ev->paths[i], strlen(ev->paths[i]));
	}
	play_log(p, " ", 1);
	if (is_denied)
		sp_scp_refuse(p->t, "no");
	else
		sp_scp_allow(p->t);
}

static void
play_run(struct play *p)
{
	struct sp_scp_event ev;
	char text[32];

	if (p->err != 0)
		return;
	while ((p->err = sp_scp_run(p->t, &ev)) == 0) {
		switch (ev.type) {
		case SP_SCP_ENTRY:
			play_entry(p, &ev);
			break;
		case SP_SCP_OPENED:
			play_log(p, "o ", 2);
			break;
		case SP_SCP_DATA:
			play_log(p, "d", p->n == 0 || p->log[p->n - 1] != 'd'); /* however it was cut */
			assert_int_equal(sp_scp_pass(p->t), 0);
			break;
		case SP_SCP_CLOSED:
			(void)snprintf(text, sizeof(text), "c%u ", (unsigned)ev.status);
			play_log(p, text, strlen(text));
			break;
		}
	}
	if (p->err == SP_ERR_AGAIN)
		p->err = 0;
	else if (p->err != 0) {
		(void)snprintf(text, sizeof(text), "!%d", -p->err);
		play_log(p, text, strlen(text));
	}
}

static void
play_start(struct play *p, const char *options, const char *path, const char *denied)
{
	struct sp_scp_request q = { .is_source = strchr(options, 'f') != NULL,
		.is_recursive = strchr(options, 'r') != NULL,
		.has_times = strchr(options, 'p') != NULL,
		.is_directory = strchr(options, 'd') != NULL };

	memset(p, 0, sizeof(*p));
	p->denied = denied;
	p->wire.from_source = sp_buf_new(0);
	p->wire.from_sink = sp_buf_new(0);
	p->wire.to_source = sp_buf_new(0);
	p->wire.to_sink = sp_buf_new(0);
	assert_int_equal(sp_scp_new(&q, path, &p->wire, &p->t), 0);
}

static void
play_end(struct play *p)
{
	sp_buf_free(p->wire.from_source);
	sp_buf_free(p->wire.from_sink);
	sp_buf_free(p->wire.to_source);
	sp_buf_free(p->wire.to_sink);
	sp_scp_free(p->t);
}

static const struct transfer {
	const char *options, *path, *denied;
	const char *source, *sink; /* with ^A ^B for 1, 2 and ~ for 0 */
	const char *log;
	const char *to_sink, *to_source; /* NULL: not looked at */
	bool is_done;
} transfers[] = {
	/* up */
	{ "t", "/tmp/", NULL, "C0644 3 f\nabc~", "~~~", "+/tmp/f o dc0 ", "C0644 3 f\nabc~", "~~~", true },
	{ "t", "/tmp", NULL, "C0644 3 f\nabc~", "~~~", "+/tmp/f,/tmp o dc0 ", "C0644 3 f\nabc~", "~~~", true },
	{ "t", "/", NULL, "C0644 0 f\n~", "~~~", "+/f o c0 ", "C0644 0 f\n~", "~~~", true },
	{ "td", "/tmp", NULL, "C0644 1 f\na~C0600 1 g\nb~", "~~~~~", "+/tmp/f o dc0 +/tmp/g o dc0 ", NULL, "~~~~~", true },
	{ "tp", "/tmp/", NULL, "T1 0 2 0\nC0644 1 f\na~", "~~~~", "+/tmp/f o dc0 ", "T1 0 2 0\nC0644 1 f\na~", "~~~~", true },
	{ "tr", "/new", NULL, "D0755 0 d\nD0755 0 e\nC0644 1 f\na~E\nE\nC0644 1 g\nb~", "~~~~~~~~~~",
	    "+/new/d,/new o +/new/d/e,/new/e o +/new/d/e/f,/new/e/f o dc0 +/new/g,/new o dc0 ", NULL, NULL, true },
	{ "tr", "/new", "/new/e/f", "D0755 0 d\nD0755 0 e\nC0644 1 f\nE\nE\n", "~~~~~",
	    "+/new/d,/new o +/new/d/e,/new/e o -/new/d/e/f,/new/e/f ", "D0755 0 d\nD0755 0 e\nE\nE\n", "~~~^Ano\n~~", true },
	{ "tp", "/tmp/", "/tmp/f", "T1 0 2 0\nC0644 1 f\nC0644 0 g\n~", "~~~", "-/tmp/f +/tmp/g o c0 ", "C0644 0 g\n~",
	    "~~^Ano\n~~", true },
	{ "t", "/tmp/", NULL, "C0644 1 f\nC0644 0 g\n~", "~^Afull\n~~", "+/tmp/f c1 +/tmp/g o c0 ", NULL, "~^Afull\n~~", true },
	{ "t", "/tmp/", NULL, "C0644 1 f\na^Abad\n", "~~~", "+/tmp/f o dc1 ", "C0644 1 f\na^Abad\n", NULL, true },
	{ "t", "/tmp/", NULL, "C0644 1 f\na~", "~~^Afull\n", "+/tmp/f o dc1 ", NULL, "~~^Afull\n", true },
	{ "t", "/tmp/", NULL, "C0644 9 f\nabc", "~~", "+/tmp/f o d", NULL, NULL, false },
	{ "t", "/tmp/", NULL, "", "^Anot a directory\n", "!14", NULL, "^Anot a directory\n", true },
	{ "t", "/tmp/", NULL, "^Awhat\nC0644 0 f\n~", "~~~", "+/tmp/f o c0 ", "^Awhat\nC0644 0 f\n~", NULL, true },
	{ "t", "/tmp/", NULL, "^Bend\nC0644 0 f\n~", "~~~", "!14", "^Bend\n", NULL, true },
	/* what a source may not do */
	{ "t", "/tmp/", NULL, "E\n", "~", "!17", "", NULL, true },
	{ "t", "/tmp/", NULL, "D0755 0 d\n", "~", "!17", "", NULL, true },
	{ "tr", "/tmp/", NULL, "D0755 0 d\nE\nE\n", "~~~", NULL, "D0755 0 d\nE\n", NULL, true },
	{ "t", "/tmp/", NULL, "T1 0 2 0\n", "~", "!17", "", NULL, true },
	{ "tp", "/tmp/", NULL, "T1 0 2 0\nT1 0 2 0\n", "~", "!17", "", NULL, true },
	{ "trp", "/tmp/", NULL, "D0755 0 d\nT1 0 2 0\nE\n", "~~", NULL, "D0755 0 d\n", NULL, true },
	{ "t", "/tmp/", NULL, "C0644 0 ../f\n", "~", "!4", "", NULL, true },
	{ "t", "/tmp/", NULL, "C0644 1 f\nax", "~~", "+/tmp/f o d!4", NULL, NULL, true },
	{ "t", "/tmp/", NULL, "C0644 0 f\n", "x", "!4", "", "", true },
	/* down: nothing but what was asked for (CVE-2019-6111) */
	{ "f", "/etc/motd", NULL, "C0644 1 motd\na~", "~~~", "+/etc/motd o dc0 ", "C0644 1 motd\na~", "~~~", true },
	{ "f", "/etc/motd", NULL, "C0644 1 .bashrc\na~", "~~", "!17", "", NULL, true },
	{ "f", "/etc/motd", NULL, "C0644 0 motd\n~C0644 0 motd\n~", "~~~~~", "+/etc/motd o c0 !17", "C0644 0 motd\n~", NULL, true },
	{ "f", "/etc/motd", NULL, "D0755 0 motd\n", "~", "!17", "", NULL, true },
	{ "f", "/etc/motd", NULL, "T1 0 2 0\n", "~", "!17", "", NULL, true },
	{ "fr", "/srv/d/", NULL, "D0755 0 d\nC0644 0 f\n~E\n", "~~~~~", "+/srv/d o +/srv/d/f o c0 ", NULL, NULL, true },
	{ "fr", "/srv/d", NULL, "D0755 0 x\n", "~", "!17", "", NULL, true },
	{ "fr", "/srv/d", NULL, "D0755 0 d\nE\nD0755 0 d\n", "~~~~", "+/srv/d o !17", NULL, NULL, true },
	{ "fr", "/srv/d", "/srv/d/e", "D0755 0 d\nD0755 0 e\nE\n", "~~~", "+/srv/d o -/srv/d/e ", "D0755 0 d\n^Ano\nE\n", "~~^Ano\n~",
	    true },
	{ "f", "/etc/motd", NULL, "^Ascp: /etc/motd: No\n", "~", "", "^Ascp: /etc/motd: No\n", NULL, true },
};

/* ^A, ^B and ~ into bytes. */
static size_t
bytes_of(const char *s, char *out)
{
	size_t n = 0;

	for (; *s != '\0'; s++) {
		if (*s == '^')
			out[n++] = *++s == 'A' ? 1 : 2;
		else
			out[n++] = (char)(*s == '~' ? 0 : *s);
	}
	return n;
}

static void
same(const struct transfer *row, struct sp_buf *got, const char *want)
{
	char bytes[512];
	size_t n;

	if (want == NULL)
		return;
	n = bytes_of(want, bytes);
	if (sp_buf_len(got) != n || memcmp(sp_buf_data(got), bytes, n) != 0)
		fail_msg("%s %s: %.*s instead of %s", row->options, row->source, (int)sp_buf_len(got), (const char *)sp_buf_data(got),
		    want);
}

/* One byte of each side at a time, the first of the source's and then the first of the sink's, or the other way round. */
static void
play_row(const struct transfer *row, size_t step, bool is_sink_first)
{
	char source[512], sink[512];
	size_t n = bytes_of(row->source, source), m = bytes_of(row->sink, sink), i = 0, j = 0;
	struct play p;

	play_start(&p, row->options, row->path, row->denied);
	play_run(&p);
	while (i < n || j < m) {
		bool is_sink = j < m && (is_sink_first || i == n);
		size_t k = is_sink ? m - j : n - i;

		k = k < step ? k : step;
		if (is_sink)
			assert_int_equal(sp_buf_put(p.wire.from_sink, sink + j, k), 0);
		else
			assert_int_equal(sp_buf_put(p.wire.from_source, source + i, k), 0);
		*(is_sink ? &j : &i) += k;
		play_run(&p);
	}
	if (row->log != NULL && strcmp(p.log, row->log) != 0)
		fail_msg("%s %s %s: %s instead of %s", row->options, row->path, row->source, p.log, row->log);
	same(row, p.wire.to_sink, row->to_sink);
	same(row, p.wire.to_source, row->to_source);
	assert_int_equal(sp_scp_is_done(p.t), row->is_done);
	assert_true((p.err != 0 && p.err != SP_ERR_CLOSED) == (sp_scp_problem(p.t)[0] != '\0'));
	play_end(&p);
}

static void
test_transfers(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 5, 512 };

	(void)state;
	for (size_t i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++)
		for (size_t k = 0; k < 2 * (sizeof(steps) / sizeof(steps[0])); k++)
			play_row(&transfers[i], steps[k / 2], k % 2 == 0);
}

/* Two pieces, cut at every byte, and nothing after: what reaches the sink is never ahead of what was decided. */
static void
test_cuts(void **state)
{
	const char *text = "D0755 0 d\nT1 0 2 0\nC0644 3 f\nabc~E\n";
	char source[512];
	size_t n = bytes_of(text, source);

	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		struct play p;

		play_start(&p, "trp", "/tmp/", NULL);
		assert_int_equal(sp_buf_put(p.wire.from_sink, "\0\0\0\0\0\0\0\0", 8), 0);
		assert_int_equal(sp_buf_put(p.wire.from_source, source, cut), 0);
		play_run(&p);
		assert_int_equal(p.err, 0);
		assert_true(sp_buf_len(p.wire.to_sink) <= cut);
		assert_memory_equal(sp_buf_data(p.wire.to_sink), source, sp_buf_len(p.wire.to_sink));
		assert_int_equal(sp_scp_is_done(p.t), cut == 0 || cut == n);
		assert_int_equal(sp_buf_put(p.wire.from_source, source + cut, n - cut), 0);
		play_run(&p);
		assert_int_equal(p.err, 0);
		assert_int_equal(sp_buf_len(p.wire.to_sink), n);
		assert_memory_equal(sp_buf_data(p.wire.to_sink), source, n);
		play_end(&p);
	}
}

static void
test_limits(void **state)
{
	struct sp_scp_request q = { .is_source = true };
	struct sp_scp_wire wire = { 0 };
	char path[SP_SCP_PATH_MAX + 2];
	struct sp_scp *t;
	struct play p;

	(void)state;
	assert_int_equal(sp_scp_new(&q, "/", &wire, &t), SP_ERR_INVALID);
	assert_int_equal(sp_scp_new(&q, "a", &wire, &t), SP_ERR_INVALID);
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(sp_scp_new(&q, path, &wire, &t), SP_ERR_LIMIT);
	play_start(&p, "tr", "/tmp/", NULL);
	for (unsigned i = 0; i <= SP_SCP_DEPTH_MAX; i++) {
		assert_int_equal(sp_buf_put(p.wire.from_source, "D0755 0 d\n", 10), 0);
		assert_int_equal(sp_buf_put(p.wire.from_sink, "\0\0", i == 0 ? 2 : 1), 0);
		p.n = 0;
		play_run(&p);
		assert_int_equal(p.err, i < SP_SCP_DEPTH_MAX ? 0 : SP_ERR_LIMIT);
	}
	play_end(&p);
}

/* What one side says passes the caller before the other sees it. */
static const char *
masked(void *ctx, bool is_source, const char *text)
{
	(void)text;
	*(unsigned *)ctx += is_source ? 16 : 1;
	return "masked";
}

static void
test_said(void **state)
{
	unsigned seen = 0;
	struct play p;

	(void)state;
	play_start(&p, "t", "/tmp/", NULL);
	sp_scp_free(p.t);
	p.wire.said = masked;
	p.wire.ctx = &seen;
	assert_int_equal(sp_scp_new(&(struct sp_scp_request){ 0 }, "/tmp/", &p.wire, &p.t), 0);
	assert_int_equal(sp_buf_put(p.wire.from_source, "\1one\nC0644 0 f\n", 15), 0);
	assert_int_equal(sp_buf_put(p.wire.from_sink, "\0\1two\n", 6), 0);
	play_run(&p);
	assert_int_equal(seen, 17);
	assert_int_equal(sp_buf_len(p.wire.to_source), 1 + 8);
	assert_memory_equal(sp_buf_data(p.wire.to_source), "\0\1masked\n", 9);
	assert_memory_equal(sp_buf_data(p.wire.to_sink), "\1masked\nC", 9);
	play_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
