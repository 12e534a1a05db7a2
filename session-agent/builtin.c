/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that Sallyport itself answers: help, whoami, connections, approvals, approve, deny, sessions. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/text.h"
#include "policy/image.h"
#include "recorder/event.h"
#include "session-agent/session_state.h"

#define BUILTIN_FIELD_MAX 512	 /* bytes of one value shown */
#define BUILTIN_STATEMENT_MAX (128 * 1024) /* bytes of a statement shown to an approver */
#define BUILTIN_REASON_MAX 1024
#define BUILTIN_USAGE 2		 /* exit status */

/* One row: printf, with every %s escaped by the caller's hand through show(). */
static void
say(struct sp_session *s, const char *fmt, ...) SP_PRINTF(2, 3);

static void
say(struct sp_session *s, const char *fmt, ...)
{
	char line[BUILTIN_STATEMENT_MAX * 4 + 256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		sp_session_print(s, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* "name: value" with the value made safe to show; nothing when there is no value. */
static void
show(struct sp_session *s, const char *name, const char *value, size_t max)
{
	struct sp_buf *b;

	if (value == NULL || value[0] == '\0')
		return;
	b = sp_buf_new(max * 4 + 64);
	if (b != NULL && sp_text_escape(b, value, strlen(value), max) == 0)
		say(s, "%-13s %.*s\n", name, (int)sp_buf_len(b), (const char *)sp_buf_data(b));
	sp_buf_free(b);
}

static void
show_time(struct sp_session *s, const char *name, int64_t when)
{
	time_t t = (time_t)when;
	char text[64];
	struct tm tm;

	if (when > 0 && gmtime_r(&t, &tm) != NULL && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
		show(s, name, text, sizeof(text));
}

static void
usage(struct sp_session *s, const char *text)
{
	sp_session_say(s, "usage: %s", text);
	sp_session_exit(s, BUILTIN_USAGE);
}

/* --- help, connections ---------------------------------------------------------------------------------- */

static unsigned
list_connections(struct sp_session *s, const char *indent)
{
	size_t i, n = s->policy == NULL ? 0 : sp_policy_image_connections(s->policy);
	unsigned shown = 0;

	for (i = 0; i < n; i++) {
		const struct sp_policy_connection *c = sp_policy_image_connection(s->policy, i);

		if (!sp_dispatch_may_reach(s, c))
			continue;
		say(s, "%s%-20s %s\n", indent, c->name, sp_policy_kind_str(c->kind));
		shown++;
	}
	return shown;
}

static void
run_help(struct sp_session *s, size_t argc, const char *const argv[])
{
	(void)argc;
	(void)argv;
	say(s, "Sallyport: what you can type after `ssh bastion`\n\n"
	       "  psql CONNECTION [-c SQL]   a PostgreSQL session (use `ssh -t` for a prompt)\n"
	       "  ssh CONNECTION [COMMAND]   a shell (use `ssh -t`) or one command on a target host\n"
	       "  connections                the targets you may reach\n"
	       "  approvals [--all]          requests that wait for you, and your own\n"
	       "  approve ID [REASON]        let a request run, once\n"
	       "  deny ID [REASON]           refuse a request\n"
	       "  sessions                   your sessions on this bastion\n"
	       "  whoami [--json]            who you are here, and until when\n"
	       "  help                       this text\n\nYour connections:\n");
	if (list_connections(s, "  ") == 0)
		say(s, s->policy == NULL ? "  (no policy is in force yet)\n" : "  (none)\n");
	sp_session_exit(s, 0);
}

static void
run_connections(struct sp_session *s, size_t argc, const char *const argv[])
{
	(void)argv;
	if (argc > 1) {
		usage(s, "connections");
		return;
	}
	if (s->policy == NULL) {
		sp_session_say(s, "sallyport: no policy is in force yet: try again shortly.");
		sp_session_exit(s, 1);
		return;
	}
	if (list_connections(s, "") == 0)
		sp_session_say(s, "sallyport: no connection is allowed to you.");
	sp_session_exit(s, 0);
}

/* --- whoami ----------------------------------------------------------------------------------------------- */

static void
whoami_json(struct sp_session *s)
{
	json_t *j = json_pack("{s:s,s:I,s:I,s:s,s:O,s:O}", "session", s->id, "audit_session", (json_int_t)s->ses, "uid",
	    (json_int_t)s->uid, "user", s->user, "identity", s->identity, "origin", s->origin);
	char *text = j == NULL ? NULL : json_dumps(j, JSON_INDENT(2) | JSON_ENSURE_ASCII);

	if (text != NULL) {
		sp_session_print(s, text, strlen(text));
		sp_session_print(s, "\n", 1);
	}
	free(text);
	json_decref(j);
	sp_session_exit(s, text == NULL ? 1 : 0);
}

static void
whoami_groups(struct sp_session *s)
{
	const json_t *groups = json_object_get(s->identity, "groups");
	struct sp_buf *b = sp_buf_new(65536);
	const json_t *g;
	size_t i;

	if (b == NULL)
		return;
	json_array_foreach(groups, i, g)
		sp_buf_putf(b, "%s%s", i == 0 ? "" : ", ", json_is_string(g) ? json_string_value(g) : "?");
	sp_buf_put_u8(b, 0);
	if (sp_buf_error(b) == 0)
		show(s, "groups", (const char *)sp_buf_data(b), 4096);
	sp_buf_free(b);
}

static const char *
member(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void
run_whoami(struct sp_session *s, size_t argc, const char *const argv[])
{
	if (argc == 2 && strcmp(argv[1], "--json") == 0) {
		whoami_json(s);
		return;
	}
	if (argc > 1) {
		usage(s, "whoami [--json]");
		return;
	}
	show(s, "user", s->user, BUILTIN_FIELD_MAX);
	show(s, "name", member(s->identity, "name"), BUILTIN_FIELD_MAX);
	show(s, "email", member(s->identity, "email"), BUILTIN_FIELD_MAX);
	show(s, "subject", member(s->identity, "sub"), BUILTIN_FIELD_MAX);
	show(s, "issuer", member(s->identity, "iss"), BUILTIN_FIELD_MAX);
	whoami_groups(s);
	show_time(s, "expires", json_integer_value(json_object_get(s->identity, "exp")));
	show(s, "from", sp_session_from(s), BUILTIN_FIELD_MAX);
	show(s, "session", s->id, BUILTIN_FIELD_MAX);
	say(s, "%-13s %u\n", "audit session", s->ses);
	sp_session_exit(s, 0);
}

/* --- approvals ---------------------------------------------------------------------------------------------- */

static const char *
first_of(const json_t *object, const char *a, const char *b)
{
	const char *v = member(object, a);

	return v != NULL ? v : member(object, b);
}

static void
show_request(struct sp_session *s, const json_t *r)
{
	show(s, "request", first_of(r, "id", "request_id"), BUILTIN_FIELD_MAX);
	show(s, "by", first_of(r, "user", "requester"), BUILTIN_FIELD_MAX);
	show(s, "connection", member(r, "connection"), BUILTIN_FIELD_MAX);
	show(s, "rule", member(r, "rule"), BUILTIN_FIELD_MAX);
	show(s, "state", member(r, "state"), BUILTIN_FIELD_MAX);
	show(s, "statement", member(r, "statement"), BUILTIN_STATEMENT_MAX);
	if (json_is_string(json_object_get(r, "details"))) {
		show(s, "details", member(r, "details"), BUILTIN_STATEMENT_MAX);
	} else if (json_object_size(json_object_get(r, "details")) > 0) {
		char *text = json_dumps(json_object_get(r, "details"), JSON_COMPACT);

		show(s, "details", text, BUILTIN_STATEMENT_MAX);
		free(text);
	}
	show_time(s, "expires", json_integer_value(json_object_get(r, "expires")));
	say(s, "\n");
}

/* What control was asked to list is here. False: control is away, which the person has been told. */
static bool
list_came(struct sp_session *s, const json_t *list)
{
	s->on_list = NULL;
	if (list != NULL)
		return true;
	sp_session_say(s, "sallyport: the approval service is not there: try again shortly.");
	sp_session_exit(s, 1);
	return false;
}

static void
on_list(struct sp_session *s, const json_t *list)
{
	const json_t *r;
	size_t i;

	if (!list_came(s, list))
		return;
	json_array_foreach(list, i, r)
		show_request(s, r);
	if (json_array_size(list) == 0)
		say(s, "No requests.\n");
	sp_session_exit(s, 0);
}

static void
run_approvals(struct sp_session *s, size_t argc, const char *const argv[])
{
	bool all = argc == 2 && strcmp(argv[1], "--all") == 0;

	if (argc > 2 || (argc == 2 && !all)) {
		usage(s, "approvals [--all]");
		return;
	}
	s->on_list = on_list;
	sp_session_wait_control(s);
	if (sp_control_list(s, all) != 0)
		on_list(s, NULL);
}

/* --- sessions ------------------------------------------------------------------------------------------------ */

static void
on_sessions(struct sp_session *s, const json_t *list)
{
	const json_t *o;
	size_t i;

	if (!list_came(s, list))
		return;
	json_array_foreach(list, i, o) {
		const char *id = json_string_value(json_object_get(o, "id"));

		if (id == NULL || !sp_ulid_is_valid(id))
			continue;
		if (i > 0)
			say(s, "\n");
		show(s, "session", id, SP_ULID_LEN);
		show_time(s, "since", (int64_t)(sp_ulid_time_ms(id) / 1000));
		show(s, "from", json_string_value(json_object_get(o, "from")), BUILTIN_FIELD_MAX);
		if (json_is_true(json_object_get(o, "own")))
			say(s, "%-13s this one\n", "");
	}
	sp_session_exit(s, 0);
}

static void
run_sessions(struct sp_session *s, size_t argc, const char *const argv[])
{
	(void)argv;
	if (argc > 1) {
		usage(s, "sessions");
		return;
	}
	s->on_list = on_sessions;
	sp_session_wait_control(s);
	if (sp_control_sessions(s) != 0)
		on_sessions(s, NULL);
}

static void
on_decided(struct sp_session *s, uint32_t verdict, const char *message)
{
	s->on_decided = NULL;
	if (verdict == 0) {
		show(s, "sallyport:", message[0] == '\0' ? "done." : message, BUILTIN_FIELD_MAX);
	} else {
		sp_session_say(s, "sallyport: %s", message[0] == '\0' ? sp_err_str(-(int)verdict) : message);
	}
	sp_session_exit(s, verdict == 0 ? 0 : 1);
}

/* The words from number i on, with single spaces. */
static void
join(size_t argc, const char *const argv[], size_t i, char *out, size_t cap)
{
	size_t n = 0;

	out[0] = '\0';
	for (; i < argc && n < cap; i++) {
		int k = snprintf(out + n, cap - n, "%s%s", n == 0 ? "" : " ", argv[i]);

		n += k > 0 ? (size_t)k : 0;
	}
}

static void
run_decide(struct sp_session *s, size_t argc, const char *const argv[])
{
	bool approve = strcmp(argv[0], "approve") == 0;
	char reason[BUILTIN_REASON_MAX];
	struct sp_buf *e;

	if (argc < 2 || strlen(argv[1]) > 64) {
		usage(s, approve ? "approve ID [REASON]" : "deny ID [REASON]");
		return;
	}
	join(argc, argv, 2, reason, sizeof(reason));
	e = sp_session_event(s);
	sp_event_begin(e, SP_EVENT_DECIDE, sp_event_now());
	sp_event_put_cstring(e, SP_FIELD_REQUEST_ID, argv[1]);
	sp_event_put_cstring(e, SP_FIELD_DECISION, approve ? "approved" : "denied");
	sp_event_put_cstring(e, SP_FIELD_REASON, reason);
	if (sp_session_record(s) != 0) {
		sp_session_end(s, "this decision cannot be recorded");
		return;
	}
	s->on_decided = on_decided;
	sp_session_wait_control(s);
	if (sp_control_decide(s, argv[1], approve, reason) != 0)
		on_decided(s, (uint32_t)-SP_ERR_UNAVAILABLE, "the approval service is not there: try again shortly.");
}

/* --- the table -------------------------------------------------------------------------------------------------- */

static const struct builtin {
	const char *name;
	void (*run)(struct sp_session *s, size_t argc, const char *const argv[]);
} builtins[] = {
	{ "help", run_help },
	{ "whoami", run_whoami },
	{ "connections", run_connections },
	{ "targets", run_connections },
	{ "approvals", run_approvals },
	{ "approve", run_decide },
	{ "deny", run_decide },
	{ "sessions", run_sessions },
};

static const struct builtin *
builtin_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (strcmp(builtins[i].name, name) == 0)
			return &builtins[i];
	return NULL;
}

bool
sp_builtin_is(const char *name)
{
	return builtin_find(name) != NULL;
}

void
sp_builtin_run(struct sp_session *s, size_t argc, const char *const argv[])
{
	const struct builtin *b = builtin_find(argc == 0 ? "help" : argv[0]);

	if (b != NULL)
		b->run(s, argc, argv);
}
