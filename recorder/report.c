/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/report.h"

#include <libaudit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Which record type says what (they are the ones that ausearch(8) and aureport(8) know):
 *   USER_START, USER_END  a Sallyport session
 *   USER_CMD              a command; a statement that was refused or held for approval
 *   USER_ACCT             an authorization: a verdict that reached the requester, a decision by an approver
 */
struct sp_report_kind {
	enum sp_event_type event;
	uint32_t type;
	const char *op;
	enum sp_event_field command; /* goes into cmd=, 0 for none */
};

static const struct sp_report_kind sp_report_kinds[] = {
	{ SP_EVENT_SESSION_START, AUDIT_USER_START, "session_open", 0 },
	{ SP_EVENT_SESSION_END, AUDIT_USER_END, "session_close", 0 },
	{ SP_EVENT_COMMAND, AUDIT_USER_CMD, "command", SP_FIELD_COMMAND },
	{ SP_EVENT_STATEMENT, AUDIT_USER_CMD, "statement", SP_FIELD_TEXT },
	{ SP_EVENT_APPROVAL_VERDICT, AUDIT_USER_ACCT, "approval", 0 },
	{ SP_EVENT_DECIDE, AUDIT_USER_ACCT, "decide", 0 },
};

static const struct {
	enum sp_event_field field;
	const char *name;
} sp_report_fields[] = {
	{ SP_FIELD_CONNECTION, "connection" },
	{ SP_FIELD_DECISION, "decision" },
	{ SP_FIELD_RULE, "rule" },
	{ SP_FIELD_REQUEST_ID, "request" },
	{ SP_FIELD_WHO, "by" },
};

static bool
sp_report_is(const struct sp_event *ev, enum sp_event_field f, const char *s)
{
	struct sp_view v;

	return sp_event_get(ev, f, &v) == 0 && v.len == strlen(s) && memcmp(v.data, s, v.len) == 0;
}

int
sp_report_put_audit(struct sp_buf *b, const char *name, const uint8_t *p, size_t n)
{
	char *nv, value[SP_REPORT_VALUE_MAX + 1];
	int r;

	if (n > SP_REPORT_VALUE_MAX)
		n = SP_REPORT_VALUE_MAX;
	/* Unless it has to encode, it takes the value up to a NUL, whatever the length given. */
	memcpy(value, p, n);
	value[n] = '\0';
	nv = audit_encode_nv_string(name, value, (unsigned)n);
	if (nv == NULL)
		return SP_ERR_NOMEM;
	r = sp_buf_putf(b, " %s", nv);
	free(nv);
	return r;
}

static bool
sp_report_is_success(const struct sp_event *ev)
{
	struct sp_view v;

	if (ev->type == SP_EVENT_DECIDE || sp_event_get(ev, SP_FIELD_DECISION, &v) != 0)
		return true;
	return sp_report_is(ev, SP_FIELD_DECISION, "allow") || sp_report_is(ev, SP_FIELD_DECISION, "approved");
}

struct sp_report *
sp_report_of(uint32_t type, bool is_success, const char *fmt, ...)
{
	struct sp_report *r = malloc(sizeof(*r) + SP_REPORT_TEXT_MAX);
	va_list ap;

	if (r == NULL)
		return NULL;
	r->type = type;
	r->sink = 0;
	r->is_success = is_success;
	va_start(ap, fmt);
	(void)vsnprintf(r->text, SP_REPORT_TEXT_MAX, fmt, ap);
	va_end(ap);
	return r;
}

int
sp_report_new(const char *session, const char *user, const struct sp_event *ev, sp_report_put *put,
    struct sp_report **ret_r)
{
	const struct sp_report_kind *k = sp_report_kinds;
	struct sp_buf *b;
	struct sp_view v;
	size_t i, n = sizeof(sp_report_kinds) / sizeof(sp_report_kinds[0]);
	int r;

	*ret_r = NULL;
	for (i = 0; i < n && k->event != ev->type; i++)
		k++;
	if (i == n || (ev->type == SP_EVENT_STATEMENT && sp_report_is(ev, SP_FIELD_DECISION, "allow")))
		return 0;
	b = sp_buf_new(4 * SP_REPORT_TEXT_MAX);
	if (b == NULL)
		return SP_ERR_NOMEM;
	r = sp_buf_putf(b, "op=sallyport:%s session=%s", k->op, session);
	if (r == 0)
		r = put(b, "acct", (const uint8_t *)user, strlen(user));
	for (i = 0; r == 0 && i < sizeof(sp_report_fields) / sizeof(sp_report_fields[0]); i++) {
		if (sp_event_get(ev, sp_report_fields[i].field, &v) == 0 && v.len <= 200)
			r = put(b, sp_report_fields[i].name, v.data, v.len);
	}
	if (r == 0 && k->command != 0 && sp_event_get(ev, k->command, &v) == 0)
		r = put(b, "cmd", v.data, v.len);
	if (r == 0) {
		*ret_r = sp_report_of(k->type, sp_report_is_success(ev), "%.*s", (int)sp_buf_len(b),
		    (const char *)sp_buf_data(b));
		r = *ret_r == NULL ? SP_ERR_NOMEM : 0;
	}
	sp_buf_free(b);
	return r;
}

void
sp_report_clear(struct sp_report_list *list)
{
	struct sp_report *r;

	while ((r = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		free(r);
	}
}
