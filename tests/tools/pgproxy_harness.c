/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PostgreSQL kind without the rest of a session, for tests and benchmarks:
 *
 *	pgproxy_harness POLICY.yaml CONNECTION DIRECTORY PASSWORD-FILE EVENTS
 *
 * listens on DIRECTORY/.s.PGSQL.5432 as alice of group eng, appends each event
 * as one line of JSON to EVENTS, and obeys lines on stdin:
 *
 *	approve | deny | expire	the request that waits longest
 *	auto | manual		approve requests as they come, or wait (default)
 *	full | fault | ok	what the record answers: AGAIN, UNAVAILABLE, 0
 *	reload			read POLICY.yaml again
 *	quit			end the session
 *
 * and says what happened on stdout, one line each.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "lib/text.h"
#include "policy/image.h"
#include "policy/source.h"
#include "policy/subject.h"
#include "recorder/event.h"
#include "session-agent/postgres_kind.h"

#define IDENTITY "{\"iss\":\"https://idp.example\",\"sub\":\"alice\",\"user\":\"alice\",\"groups\":[\"eng\"],\"claims\":{\"groups\":[\"eng\"]}}"

struct sp_approval {
	struct sp_approval *next;
	struct sp_session *s;
	sp_approval_cb *cb;
	void *ctx;
	struct event *ev;
	char id[16];
	enum sp_approval_state state; /* to be told next */
	bool is_final;
};

struct sp_session {
	struct event_base *base;
	const char *file, *directory, *secret;
	FILE *events;
	struct sp_buf *scratch;
	struct sp_buf *bytes; /* of the image */
	struct sp_policy_image *image;
	struct sp_policy_subject *subject;
	uint64_t seq, version;
	int record_answer;
	bool is_auto;
	unsigned last_request;
	struct sp_approval *approvals;
	void *kind;
	char input[4096];
	size_t input_len;
};

static void SP_PRINTF(1, 2)
tell(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static int
policy_load(struct sp_session *s)
{
	struct sp_policy_source *src = sp_policy_source_new();
	struct sp_buf *bytes = sp_buf_new(0);
	struct sp_policy_image *image = NULL;
	char text[65536];
	FILE *f = fopen(s->file, "r");
	size_t n = f != NULL ? fread(text, 1, sizeof(text), f) : 0;
	int r = SP_ERR_SYSTEM;

	if (f != NULL)
		fclose(f);
	if (n != 0 && src != NULL && bytes != NULL && (r = sp_policy_source_add(src, s->file, text, n)) == 0 &&
	    (r = sp_policy_source_compile(src, s->version + 1, bytes)) == 0)
		r = sp_policy_image_open(sp_buf_data(bytes), sp_buf_len(bytes), &image);
	sp_policy_source_free(src);
	if (r != 0) {
		sp_buf_free(bytes);
		return r;
	}
	s->version++;
	if (s->kind != NULL)
		sp_postgres_kind.policy_changed(s->kind);
	sp_policy_image_free(s->image);
	sp_buf_free(s->bytes);
	s->image = image;
	s->bytes = bytes;
	return 0;
}

/* --- what session.h promises ------------------------------------------------------------------------ */

struct event_base *
sp_session_base(struct sp_session *s)
{
	return s->base;
}

const char *
sp_session_end_reason(const struct sp_session *s)
{
	(void)s;
	return NULL;
}

const char *
sp_session_user(const struct sp_session *s)
{
	(void)s;
	return "alice";
}

const char *
sp_session_from(const struct sp_session *s)
{
	(void)s;
	return "192.0.2.1";
}

const struct sp_policy_image *
sp_session_policy(const struct sp_session *s)
{
	return s->image;
}

const struct sp_policy_subject *
sp_session_subject(const struct sp_session *s)
{
	return s->subject;
}

struct sp_buf *
sp_session_event(struct sp_session *s)
{
	sp_buf_reset(s->scratch);
	return s->scratch;
}

static void
event_print(struct sp_session *s)
{
	struct sp_buf *line = sp_buf_new(0);
	struct sp_event ev;
	struct sp_view v;
	static const char number_fields[] = {SP_FIELD_SEQ, SP_FIELD_POLICY_VERSION, SP_FIELD_ROWS, SP_FIELD_BYTES,
	    SP_FIELD_DURATION_NS, SP_FIELD_LENGTH, 0};
	uint64_t number;
	int f;

	if (line == NULL || sp_event_parse(sp_buf_data(s->scratch), sp_buf_len(s->scratch), &ev) != 0)
		abort();
	sp_buf_putf(line, "{\"type\":\"%s\"", sp_event_type_name(ev.type));
	for (f = 1; f <= SP_FIELD_SESSION; f++) {
		if (sp_event_get(&ev, f, &v) != 0)
			continue;
		sp_buf_putf(line, ",\"%s\":", sp_event_field_name(f));
		if (f == SP_FIELD_DIGEST)
			sp_buf_putf(line, "\"%02x%02x%02x%02x\"", v.data[0], v.data[1], v.data[2], v.data[3]);
		else if (strchr(number_fields, f) != NULL && sp_event_get_u64(&ev, f, &number) == 0)
			sp_buf_putf(line, "%llu", (unsigned long long)number);
		else
			sp_text_json(line, v.data, v.len);
	}
	sp_buf_put(line, "}\n", 2);
	fwrite(sp_buf_data(line), 1, sp_buf_len(line), s->events);
	fflush(s->events);
	sp_buf_free(line);
}

int
sp_session_record(struct sp_session *s)
{
	if (sp_buf_error(s->scratch) != 0)
		abort();
	if (s->record_answer == 0 && s->events != NULL)
		event_print(s);
	return s->record_answer;
}

int
sp_session_record_late(struct sp_session *s)
{
	return sp_session_record(s);
}

const char *
sp_session_fault(const struct sp_session *s)
{
	return s->record_answer == SP_ERR_UNAVAILABLE ? "the record has failed" : NULL;
}

uint64_t
sp_session_next_seq(struct sp_session *s)
{
	return ++s->seq;
}

int
sp_session_durable(struct sp_session *s, const struct sp_policy_connection *c, sp_session_durable_cb *cb, void *ctx)
{
	(void)s;
	(void)c;
	cb(0, ctx);
	return 0;
}

static void
on_news(evutil_socket_t fd, short what, void *arg)
{
	struct sp_approval *a = arg, **at;
	struct sp_approval_news news = {.state = a->state, .id = a->id, .who = a->state == SP_APPROVAL_PENDING ? "dba" : "bob",
	    .reason = a->state == SP_APPROVAL_DENIED ? "not today" : "", .statement = "", .expires = (uint64_t)time(NULL) + 900};

	(void)fd;
	(void)what;
	if (a->state == SP_APPROVAL_PENDING) {
		tell("pending %s", a->id);
		a->cb(&news, a->ctx);
		if (a->s->is_auto) {
			a->state = SP_APPROVAL_GRANTED;
			event_active(a->ev, EV_TIMEOUT, 0);
		}
		return;
	}
	for (at = &a->s->approvals; *at != a; at = &(*at)->next)
		;
	*at = a->next;
	tell("final %s %d", a->id, (int)a->state);
	a->cb(&news, a->ctx);
	event_free(a->ev);
	free(a);
}

int
sp_session_approval(struct sp_session *s, const uint8_t digest[32], const char *connection, const char *rule,
    const char *statement, size_t statement_len, const char *details_json, uint64_t policy_version, sp_approval_cb *cb,
    void *ctx, struct sp_approval **ret_a)
{
	struct sp_approval *a = calloc(1, sizeof(*a)), **at;

	(void)policy_version;
	if (a == NULL)
		return SP_ERR_NOMEM;
	a->s = s;
	a->cb = cb;
	a->ctx = ctx;
	a->state = SP_APPROVAL_PENDING;
	a->ev = evtimer_new(s->base, on_news, a);
	snprintf(a->id, sizeof(a->id), "REQ%u", ++s->last_request);
	for (at = &s->approvals; *at != NULL; at = &(*at)->next)
		;
	*at = a;
	event_active(a->ev, EV_TIMEOUT, 0);
	tell("request %s %02x%02x%02x%02x %s %s %.*s %s", a->id, digest[0], digest[1], digest[2], digest[3], connection, rule,
	    (int)statement_len, statement, details_json);
	*ret_a = a;
	return 0;
}

static void
approval_end(struct sp_approval *a, enum sp_approval_state state)
{
	if (a == NULL || a->is_final)
		return;
	a->is_final = true;
	a->state = state;
	event_active(a->ev, EV_TIMEOUT, 0);
}

void
sp_approval_cancel(struct sp_approval *a)
{
	approval_end(a, SP_APPROVAL_CANCELLED);
}

int
sp_session_credential(struct sp_session *s, const char *connection, sp_session_credential_cb *cb, void *ctx)
{
	const struct sp_policy_connection *pc = sp_policy_image_find(s->image, connection);
	struct sp_secret *secret = NULL;
	int fd = open(s->secret, O_RDONLY | O_CLOEXEC), r = SP_ERR_SYSTEM;

	if (fd >= 0 && pc != NULL)
		r = sp_secret_read(fd, &secret);
	if (fd >= 0)
		close(fd);
	cb(r, r == 0 ? "" : "no credential", pc != NULL ? pc->login_user : "", secret, ctx);
	return 0;
}

int
sp_session_listen(struct sp_session *s, const char *name, sp_session_listen_cb *cb, void *ctx)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", s->directory, name) >= sizeof(sun.sun_path))
		return SP_ERR_LIMIT;
	(void)unlink(sun.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 || listen(fd, 128) != 0)
		return SP_ERR_SYSTEM;
	cb(0, "", fd, s->directory, ctx);
	return 0;
}

bool
sp_session_owns_peer(const struct sp_session *s, int fd)
{
	(void)s;
	(void)fd;
	return true;
}

int
sp_session_run_tool(struct sp_session *s, const char *directory, const char *const argv[], const char *const env[])
{
	(void)s;
	(void)argv;
	(void)env;
	tell("ready %s", directory);
	return 0;
}

void
sp_session_say(struct sp_session *s, const char *fmt, ...)
{
	va_list ap;

	(void)s;
	printf("say ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	tell("%s", "");
}

void
sp_session_exit(struct sp_session *s, int status)
{
	tell("exit %d", status);
	event_base_loopbreak(s->base);
}

/* --- commands ------------------------------------------------------------------------------------------ */

static void
command(struct sp_session *s, const char *line)
{
	struct sp_approval *a = s->approvals;

	while (a != NULL && a->is_final)
		a = a->next;
	if (strcmp(line, "approve") == 0)
		approval_end(a, SP_APPROVAL_GRANTED);
	else if (strcmp(line, "deny") == 0)
		approval_end(a, SP_APPROVAL_DENIED);
	else if (strcmp(line, "expire") == 0)
		approval_end(a, SP_APPROVAL_EXPIRED);
	else if (strcmp(line, "auto") == 0 || strcmp(line, "manual") == 0)
		s->is_auto = *line == 'a';
	else if (strcmp(line, "full") == 0)
		s->record_answer = SP_ERR_AGAIN;
	else if (strcmp(line, "fault") == 0)
		s->record_answer = SP_ERR_UNAVAILABLE;
	else if (strcmp(line, "ok") == 0) {
		s->record_answer = 0;
		sp_postgres_kind.record_ready(s->kind);
	} else if (strcmp(line, "reload") == 0)
		tell("reloaded %d", policy_load(s));
	else if (strcmp(line, "quit") == 0)
		event_base_loopbreak(s->base);
	else
		tell("unknown command");
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	struct sp_session *s = arg;
	ssize_t n = read(fd, s->input + s->input_len, sizeof(s->input) - 1 - s->input_len);
	char *nl;

	(void)what;
	if (n <= 0) {
		event_base_loopbreak(s->base);
		return;
	}
	s->input_len += (size_t)n;
	s->input[s->input_len] = '\0';
	while ((nl = strchr(s->input, '\n')) != NULL) {
		*nl = '\0';
		command(s, s->input);
		s->input_len -= (size_t)(nl + 1 - s->input);
		memmove(s->input, nl + 1, s->input_len + 1);
	}
}

int
main(int argc, char **argv)
{
	struct sp_session s = {0};
	const struct sp_policy_connection *pc;
	const char *tool[] = {"psql", NULL, NULL};
	struct event *in;
	int r;

	if (argc != 6) {
		fprintf(stderr, "usage: pgproxy_harness POLICY.yaml CONNECTION DIRECTORY PASSWORD-FILE EVENTS\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	s.file = argv[1];
	tool[1] = argv[2];
	s.directory = argv[3];
	s.secret = argv[4];
	s.events = strcmp(argv[5], "-") == 0 ? NULL : fopen(argv[5], "a");
	s.base = event_base_new();
	s.scratch = sp_buf_new(SP_EVENT_MAX);
	if (s.base == NULL || s.scratch == NULL || sp_policy_subject_new(IDENTITY, strlen(IDENTITY), &s.subject) != 0 ||
	    (r = policy_load(&s)) != 0 || (pc = sp_policy_image_find(s.image, argv[2])) == NULL) {
		fprintf(stderr, "pgproxy_harness: bad policy or connection\n");
		return 1;
	}
	r = sp_postgres_kind.start(&s, pc, tool, &s.kind);
	in = event_new(s.base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, &s);
	if (r != 0 || in == NULL || event_add(in, NULL) != 0) {
		fprintf(stderr, "pgproxy_harness: %s\n", sp_err_str(r));
		return 1;
	}
	event_base_dispatch(s.base);
	sp_postgres_kind.end(s.kind);
	event_base_loop(s.base, EVLOOP_NONBLOCK);
	event_free(in);
	sp_policy_image_free(s.image);
	sp_policy_subject_free(s.subject);
	sp_buf_free(s.bytes);
	sp_buf_free(s.scratch);
	event_base_free(s.base);
	if (s.events != NULL)
		fclose(s.events);
	return 0;
}
