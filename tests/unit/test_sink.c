/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks in a table of the test's own (recorder/sink.h), and what the syslog one writes. */
#include "tests/unit/unit.h"

#include <libaudit.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/live.h"
#include "recorder/recorder.h"
#include "recorder/sink.h"
#include "recorder/syslog.h"

#define SESSION "01ARZ3NDEKTSV4RRFFQ69G5FAV"

/* --- the recorder around them, as far as sinks see it ------------------------------------------------------- */

static unsigned gates, settles, closes, takes[2];
static bool owes[2];
static char last[2][SP_REPORT_TEXT_MAX];

void
sp_gate_open(struct sp_recorder *rec, const char *session)
{
	(void)rec;
	assert_string_equal(session, SESSION);
	gates++;
}

void
sp_live_settle(struct sp_live *l)
{
	(void)l;
	settles++;
}

const char *
sp_live_id(const struct sp_live *l)
{
	(void)l;
	return SESSION;
}

void
sp_recorder_failed(struct sp_recorder *rec, const char *what)
{
	(void)rec;
	fail_msg("%s", what);
}

/* --- the table ---------------------------------------------------------------------------------------------- */

static bool
always(const struct sp_recorder *rec)
{
	(void)rec;
	return true;
}

static int
open_one(struct sp_recorder *rec, void **ret_state)
{
	(void)rec;
	*ret_state = &owes[0];
	return 0;
}

static int
open_two(struct sp_recorder *rec, void **ret_state)
{
	(void)rec;
	*ret_state = &owes[1];
	return 0;
}

static void
on_close(void *state)
{
	(void)state;
	closes++;
}

static void
on_take(void *state, struct sp_live *l, struct sp_report *r)
{
	size_t i = (size_t)((bool *)state - owes);

	(void)l;
	takes[i]++;
	(void)snprintf(last[i], sizeof(last[i]), "%s", r->text);
	free(r);
}

static bool
on_owes(void *state, struct sp_live *l)
{
	(void)l;
	return *(bool *)state;
}

static const struct sp_sink one = { .name = "one", .is_on = always, .put = sp_report_put_audit, .has_gate = true,
	.open = open_one, .close = on_close, .take = on_take, .owes = on_owes };
static const struct sp_sink two = { .name = "two", .put = sp_syslog_put, .open = open_two, .close = on_close,
	.take = on_take, .owes = on_owes };
const struct sp_sink *const sp_sinks[] = { &one, &two, NULL };

static bool
is_named(const char *name, const void *ctx)
{
	return strcmp(name, ctx) == 0;
}

static void
test_table(void **state)
{
	struct sp_live *l = NULL; /* only handed around */
	struct sp_recorder rec = { .base = NULL };
	const char *names[SP_SINKS_MAX + 1];

	(void)state;
	sp_sinks_names(names);
	assert_string_equal(names[0], "two"); /* the other one is not for the settings to turn on */
	assert_null(names[1]);
	assert_int_equal(sp_sinks_open(&rec, is_named, "none"), 0);
	assert_int_equal(rec.sinks.n, 1);
	sp_sinks_close(&rec);
	assert_int_equal(closes, 1);

	assert_int_equal(sp_sinks_open(&rec, is_named, "two"), 0);
	assert_int_equal(rec.sinks.n, 2);
	assert_true(sp_sinks_have_gate(&rec));
	sp_sinks_say(&rec, NULL, AUDIT_USER_CMD, true, "op=%s", "x");
	assert_true(takes[0] == 1 && takes[1] == 1);
	assert_string_equal(last[1], "op=x");
	/* The gate waits for both. */
	owes[1] = true;
	sp_sinks_settled(&rec, l);
	assert_true(gates == 0 && settles == 1 && sp_sinks_owe(&rec, l));
	owes[1] = false;
	sp_sinks_settled(&rec, l);
	assert_true(gates == 1 && settles == 2 && !sp_sinks_owe(&rec, l));
	sp_sinks_pump(&rec, l, true);
	sp_sinks_fall_back(&rec, l);
	sp_sinks_retry(&rec); /* none of which they have */
	sp_sinks_close(&rec);
	assert_int_equal(rec.sinks.n, 0);
}

/* One event, each one's own encoding; a statement that was allowed is told to neither. */
static void
test_event(void **state)
{
	struct sp_recorder rec = { .base = NULL };
	struct sp_report_list list = STAILQ_HEAD_INITIALIZER(list);
	struct sp_buf *b = sp_buf_new(SP_EVENT_MAX);
	struct sp_event ev;

	(void)state;
	assert_int_equal(sp_sinks_open(&rec, is_named, "two"), 0);
	sp_event_begin(b, SP_EVENT_STATEMENT, 1);
	sp_event_put_cstring(b, SP_FIELD_DECISION, "allow");
	assert_int_equal(sp_event_parse(sp_buf_data(b), sp_buf_len(b), &ev), 0);
	assert_int_equal(sp_sinks_make(&rec, SESSION, "alice", &ev, &list), 0);
	assert_true(STAILQ_EMPTY(&list));
	sp_event_begin(b, SP_EVENT_STATEMENT, 1);
	sp_event_put_cstring(b, SP_FIELD_DECISION, "deny");
	sp_event_put_cstring(b, SP_FIELD_TEXT, "drop\" res=success\n\x1b[2J\\");
	assert_int_equal(sp_event_parse(sp_buf_data(b), sp_buf_len(b), &ev), 0);
	assert_int_equal(sp_sinks_make(&rec, SESSION, "alice", &ev, &list), 0);
	takes[0] = takes[1] = 0;
	sp_sinks_take(&rec, NULL, &list);
	assert_true(STAILQ_EMPTY(&list) && takes[0] == 1 && takes[1] == 1);
	assert_string_equal(last[0], "op=sallyport:statement session=" SESSION " acct=\"alice\" decision=\"deny\" "
				     "cmd=64726F7022207265733D737563636573730A1B5B324A5C");
	assert_string_equal(last[1], "op=sallyport:statement session=" SESSION " acct=\"alice\" decision=\"deny\" "
				     "cmd=\"drop\\x22 res=success\\x0a\\x1b[2J\\\\\"");
	sp_sinks_close(&rec);
	sp_buf_free(b);
}

/* One line whatever is in it, the result where no value can be. */
static void
test_line(void **state)
{
	static char big[SP_REPORT_VALUE_MAX];
	struct sp_report *r = sp_report_of(AUDIT_USER_CMD, false, "op=sallyport:statement");
	struct sp_buf *b = sp_buf_new(64 * 1024);
	char line[SP_SYSLOG_LINE_MAX];
	size_t n;

	(void)state;
	assert_non_null(r);
	n = sp_syslog_line(r, 0, line);
	assert_int_equal(n, strlen(line));
	assert_memory_equal(line, "<85>", 4); /* authpriv.notice */
	assert_non_null(strstr(line, "]: res=failed op=sallyport:statement"));
	r->is_success = true;
	assert_true(sp_syslog_line(r, 0, line) > 0 && strncmp(line, "<86>", 4) == 0);
	assert_non_null(strstr(line, "]: res=success op=sallyport:statement"));
	memset(r->text, 'x', SP_REPORT_TEXT_MAX - 1);
	r->text[SP_REPORT_TEXT_MAX - 1] = '\0';
	assert_true(sp_syslog_line(r, 0, line) < sizeof(line));
	free(r);
	memset(big, '"', sizeof(big));
	assert_int_equal(sp_syslog_put(b, "cmd", (const uint8_t *)big, sizeof(big)), 0);
	assert_true(sp_buf_len(b) <= 4 * SP_SYSLOG_VALUE_MAX + 16);
	sp_buf_reset(b);
	for (size_t i = 0; i < 256; i++)
		big[i] = (char)i;
	assert_int_equal(sp_syslog_put(b, "cmd", (const uint8_t *)big, 256), 0);
	for (size_t i = 0; i < sp_buf_len(b); i++)
		assert_true(sp_buf_data(b)[i] >= 0x20 && sp_buf_data(b)[i] != 0x7f);
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_line),
	};

	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
