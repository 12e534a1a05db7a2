/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <libaudit.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/report.h"

static char *
report_of(struct sp_buf *b, uint32_t type, bool is_success)
{
	struct sp_report *r = NULL;
	struct sp_event ev;
	char *text;

	assert_int_equal(sp_buf_error(b), 0);
	assert_int_equal(sp_event_parse(sp_buf_data(b), sp_buf_len(b), &ev), 0);
	assert_int_equal(sp_report_new("01ARZ3NDEKTSV4RRFFQ69G5FAV", "alice", &ev, sp_report_put_audit, &r), 0);
	assert_non_null(r);
	assert_int_equal(r->type, type);
	assert_int_equal(r->is_success, is_success);
	text = strdup(r->text);
	free(r);
	return text;
}

/* Values end where their field ends, and text that could forge a field is encoded. */
static void
test_denied_statement(void **state)
{
	struct sp_buf *b = sp_buf_new(SP_EVENT_MAX);
	char *text;

	(void)state;
	sp_event_begin(b, SP_EVENT_STATEMENT, 1);
	sp_event_put_cstring(b, SP_FIELD_DECISION, "deny");
	sp_event_put_cstring(b, SP_FIELD_RULE, "never");
	sp_event_put_cstring(b, SP_FIELD_TEXT, "drop\" res=success");
	sp_event_put_cstring(b, SP_FIELD_REASON, "trailer");
	text = report_of(b, AUDIT_USER_CMD, false);
	assert_string_equal(text, "op=sallyport:statement session=01ARZ3NDEKTSV4RRFFQ69G5FAV acct=\"alice\" "
				  "decision=\"deny\" rule=\"never\" cmd=64726F7022207265733D73756363657373");
	free(text);
	sp_buf_free(b);
}

static void
test_allowed_statement_is_not_told(void **state)
{
	struct sp_buf *b = sp_buf_new(SP_EVENT_MAX);
	struct sp_report *r = NULL;
	struct sp_event ev;

	(void)state;
	sp_event_begin(b, SP_EVENT_STATEMENT, 1);
	sp_event_put_cstring(b, SP_FIELD_DECISION, "allow");
	assert_int_equal(sp_event_parse(sp_buf_data(b), sp_buf_len(b), &ev), 0);
	assert_int_equal(sp_report_new("01ARZ3NDEKTSV4RRFFQ69G5FAV", "alice", &ev, sp_report_put_audit, &r), 0);
	assert_null(r);
	sp_buf_free(b);
}

static void
test_verdict(void **state)
{
	struct sp_buf *b = sp_buf_new(SP_EVENT_MAX);

	(void)state;
	sp_event_begin(b, SP_EVENT_APPROVAL_VERDICT, 1);
	sp_event_put_cstring(b, SP_FIELD_DECISION, "denied");
	free(report_of(b, AUDIT_USER_ACCT, false));
	sp_event_begin(b, SP_EVENT_APPROVAL_VERDICT, 1);
	sp_event_put_cstring(b, SP_FIELD_DECISION, "approved");
	free(report_of(b, AUDIT_USER_ACCT, true));
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_denied_statement),
		cmocka_unit_test(test_allowed_statement_is_not_told),
		cmocka_unit_test(test_verdict),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
