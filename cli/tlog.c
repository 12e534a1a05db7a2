/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/foreign.h"
#include "cli/record.h"
#include "lib/text.h"
#include "recorder/seal.h"

/* One direction: what is text, and what is not UTF-8. */
struct sp_cli_tlog_side {
	char text_mark, bytes_mark; /* in the timing */
	struct sp_buf *carry;	    /* the start of a character whose rest is in the next event */
	struct sp_buf *text;	    /* of one message */
	struct sp_buf *bytes;	    /* of one message, as JSON numbers */
};

struct sp_cli_tlog {
	struct sp_cli_tlog_side in, out;
	struct sp_buf *timing, *line;
	struct sp_buf *head; /* of every message, up to its number */
	uint64_t start_ns, number;
};

/* Bytes of the first character of p: 0, it is none; more than n, its rest may follow. */
static size_t
sp_cli_tlog_character(const uint8_t *p, size_t n)
{
	size_t want = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2, i;

	if ((p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4)
		return 0;
	for (i = 1; i < want && i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n < want ? want : sp_text_is_utf8(p, want) ? want : 0;
}

static void
sp_cli_tlog_flush(struct sp_cli_tlog *t, char mark, size_t *count, size_t *bytes)
{
	if (*count > 0)
		sp_buf_putf(t->timing, "%c%zu", mark, *count);
	if (bytes != NULL) {
		if (*count > 0)
			sp_buf_putf(t->timing, "/%zu", *bytes);
		*bytes = 0;
	}
	*count = 0;
}

/* Runs of characters, and of bytes that are none: each of these is one U+FFFD in the text. */
static int
sp_cli_tlog_split(struct sp_cli_tlog *t, struct sp_cli_tlog_side *s, bool is_last)
{
	const uint8_t *p = sp_buf_data(s->carry);
	size_t n = sp_buf_len(s->carry), i = 0, characters = 0, strays = 0, stray_bytes = 0;

	while (i < n) {
		size_t size = sp_cli_tlog_character(p + i, n - i);

		if (size > n - i && !is_last)
			break;
		if (size == 0 || size > n - i) {
			sp_cli_tlog_flush(t, s->text_mark, &characters, NULL);
			sp_buf_put(s->text, "\xef\xbf\xbd", 3);
			sp_buf_putf(s->bytes, "%s%u", sp_buf_len(s->bytes) > 0 ? "," : "", p[i]);
			strays++;
			stray_bytes++;
			i++;
			continue;
		}
		sp_cli_tlog_flush(t, s->bytes_mark, &strays, &stray_bytes);
		sp_buf_put(s->text, p + i, size);
		characters++;
		i += size;
	}
	sp_cli_tlog_flush(t, s->text_mark, &characters, NULL);
	sp_cli_tlog_flush(t, s->bytes_mark, &strays, &stray_bytes);
	return sp_buf_consume(s->carry, i);
}

static void
sp_cli_tlog_side_put(struct sp_cli_tlog *t, const char *name, struct sp_cli_tlog_side *s)
{
	sp_buf_putf(t->line, ",\"%s_txt\":", name);
	sp_text_json(t->line, sp_buf_data(s->text), sp_buf_len(s->text));
	sp_buf_putf(t->line, ",\"%s_bin\":[", name);
	sp_buf_put(t->line, sp_buf_data(s->bytes), sp_buf_len(s->bytes));
	sp_buf_putf(t->line, "]");
	sp_buf_reset(s->text);
	sp_buf_reset(s->bytes);
}

/* One message of what the timing says. */
static int
sp_cli_tlog_message(struct sp_cli_tlog *t, uint64_t time_ns, FILE *out)
{
	uint64_t ms = time_ns < t->start_ns ? 0 : (time_ns - t->start_ns) / 1000000;
	int r;

	if (sp_buf_len(t->timing) == 0)
		return 0;
	sp_buf_reset(t->line);
	sp_buf_put(t->line, sp_buf_data(t->head), sp_buf_len(t->head));
	sp_buf_putf(t->line, ",\"id\":%llu,\"pos\":%llu,\"time\":%llu.%03u,\"timing\":\"", (unsigned long long)++t->number,
	    (unsigned long long)ms, (unsigned long long)(time_ns / 1000000000), (unsigned)(time_ns / 1000000 % 1000));
	sp_buf_put(t->line, sp_buf_data(t->timing), sp_buf_len(t->timing));
	sp_buf_putf(t->line, "\"");
	sp_cli_tlog_side_put(t, "in", &t->in);
	sp_cli_tlog_side_put(t, "out", &t->out);
	sp_buf_putf(t->line, "}\n");
	sp_buf_reset(t->timing);
	r = sp_buf_error(t->line);
	if (r == 0 && fwrite(sp_buf_data(t->line), 1, sp_buf_len(t->line), out) != sp_buf_len(t->line))
		r = SP_ERR_SYSTEM;
	return r;
}

static int
sp_cli_tlog_event(struct sp_cli_tlog *t, const struct sp_event *ev, FILE *out)
{
	struct sp_cli_tlog_side *s = ev->type == SP_EVENT_INPUT ? &t->in : &t->out;
	uint64_t rows, cols;
	struct sp_view v;
	int r = 0;

	if (ev->type == SP_EVENT_RESIZE && sp_event_get_u64(ev, SP_FIELD_ROWS, &rows) == 0 &&
	    sp_event_get_u64(ev, SP_FIELD_COLS, &cols) == 0)
		sp_buf_putf(t->timing, "=%llux%llu", (unsigned long long)cols, (unsigned long long)rows);
	else if ((ev->type == SP_EVENT_OUTPUT || ev->type == SP_EVENT_INPUT) && sp_event_get(ev, SP_FIELD_TEXT, &v) == 0)
		r = sp_buf_put(s->carry, v.data, v.len) != 0 ? SP_ERR_LIMIT : sp_cli_tlog_split(t, s, false);
	return r != 0 ? r : sp_cli_tlog_message(t, ev->time_ns, out);
}

static int
sp_cli_tlog_head(struct sp_cli_tlog *t, const char *id, const json_t *header)
{
	const json_t *origin = json_object_get(header, "origin");
	const char *words[][2] = { { "host", sp_seal_get_string(origin, "host") }, { "rec", id },
		{ "user", sp_seal_get_string(origin, "user") }, { "term", sp_seal_get_string(header, "term") } };
	uint64_t ses = 0, rows, cols;
	size_t i;

	sp_buf_putf(t->head, "{\"ver\":\"2.3\"");
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		sp_buf_putf(t->head, ",\"%s\":", words[i][0]);
		sp_text_json(t->head, words[i][1], strlen(words[i][1]));
	}
	if (sp_seal_get_u64(header, "ses", &ses) != 0)
		ses = 0;
	sp_buf_putf(t->head, ",\"session\":%llu", (unsigned long long)ses);
	if (sp_seal_get_u64(header, "rows", &rows) != 0 || rows == 0)
		rows = 24;
	if (sp_seal_get_u64(header, "cols", &cols) != 0 || cols == 0)
		cols = 80;
	sp_buf_putf(t->timing, "=%llux%llu", (unsigned long long)cols, (unsigned long long)rows);
	return sp_buf_error(t->head);
}

int
sp_cli_tlog(struct sp_tree_file *f, const char *id, const json_t *header, FILE *out)
{
	struct sp_cli_tlog t = { .in = { '<', '[', sp_buf_new(0), sp_buf_new(0), sp_buf_new(0) },
		.out = { '>', ']', sp_buf_new(0), sp_buf_new(0), sp_buf_new(0) }, .timing = sp_buf_new(0), .line = sp_buf_new(0),
		.head = sp_buf_new(0), .start_ns = sp_ulid_time_ms(id) * 1000000 };
	struct sp_buf *all[] = { t.in.carry, t.in.text, t.in.bytes, t.out.carry, t.out.text, t.out.bytes, t.timing, t.line, t.head };
	uint64_t number, last_ns = t.start_ns;
	struct sp_event ev;
	size_t i;
	int r = 0;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		r = all[i] == NULL ? SP_ERR_NOMEM : r;
	if (r == 0)
		r = sp_cli_tlog_head(&t, id, header);
	if (r == 0)
		r = sp_cli_tlog_message(&t, t.start_ns, out);
	while (r == 0 && (r = sp_cli_record_next(f, &number, &ev)) == 0) {
		last_ns = ev.time_ns > last_ns ? ev.time_ns : last_ns;
		r = sp_cli_tlog_event(&t, &ev, out);
	}
	if (r == SP_ERR_NOT_FOUND) {
		r = sp_cli_tlog_split(&t, &t.in, true);
		r = r == 0 ? sp_cli_tlog_split(&t, &t.out, true) : r;
		r = r == 0 ? sp_cli_tlog_message(&t, last_ns, out) : r;
	}
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sp_buf_free(all[i]);
	return r;
}
