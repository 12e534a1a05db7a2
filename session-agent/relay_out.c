/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Program to person: read, mask, record, show; each step waits for the next one. What cannot be recorded is not
 * shown (P2). Nothing is read while something is on its way, so a full reader stops the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "recorder/event.h"
#include "runtime/log.h"
#include "session-agent/relay.h"

#define OUTLET_MASKED_MAX ((size_t)4 * 1024 * 1024) /* a chunk of nothing but short secrets, each made longer */
#define OUTLET_OUT_MAX (SP_RELAY_CHUNK * 2)

static void
outlet_fail(struct sp_relay_outlet *o, const char *why)
{
	struct sp_session *s = o->relay->s;

	sp_buf_reset(o->masked);
	sp_session_end(s, sp_session_fault(s) != NULL ? sp_session_fault(s) : why);
}

/* Nobody reads any more: a program without a terminal learns it as over a pipe. */
static void
outlet_deaf(struct sp_relay_outlet *o)
{
	sp_buf_reset(o->out);
	sp_buf_reset(o->masked);
	o->is_shut = true;
	if (o->stream == SP_RELAY_TTY || o->from < 0)
		return;
	(void)event_del(o->rd);
	(void)close(o->from);
	o->from = -1;
	o->is_ended = true;
}

/* False: the person's side is full. */
static bool
outlet_write(struct sp_relay_outlet *o)
{
	while (sp_buf_len(o->out) > 0) {
		ssize_t n = write(o->to, sp_buf_data(o->out), sp_buf_len(o->out));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			(void)event_add(o->wr, NULL);
			return false;
		}
		if (n <= 0) {
			outlet_deaf(o);
			return true;
		}
		if (sp_buf_consume(o->out, (size_t)n) != 0)
			return false;
	}
	return true;
}

/* Moves a piece of what is masked onto the record and to the way out. False: not now. */
static bool
outlet_record(struct sp_relay_outlet *o)
{
	struct sp_session *s = o->relay->s;
	size_t n = sp_buf_len(o->masked) < SP_RELAY_CHUNK ? sp_buf_len(o->masked) : SP_RELAY_CHUNK;
	struct sp_buf *e = sp_session_event(s);
	int r;

	sp_event_begin(e, SP_EVENT_OUTPUT, sp_event_now());
	if (o->stream != SP_RELAY_TTY)
		sp_event_put_u64(e, SP_FIELD_STREAM, o->stream);
	sp_event_put(e, SP_FIELD_TEXT, sp_buf_data(o->masked), n);
	r = sp_session_record_late(s);
	if (r == SP_ERR_AGAIN)
		return false;
	if (r == 0)
		r = sp_buf_put(o->out, sp_buf_data(o->masked), n);
	if (r == 0)
		r = sp_buf_consume(o->masked, n);
	if (r != 0)
		outlet_fail(o, "what the program shows cannot be recorded");
	return r == 0;
}

/* What was masked since the last time, beside the output it is about. */
static void
outlet_note_masked(struct sp_relay_outlet *o)
{
	struct sp_session *s = o->relay->s;
	struct sp_buf *text, *e;

	if (o->sieve == NULL || (text = sp_buf_new(4096)) == NULL)
		return;
	if (sp_sieve_stream_counts(o->sieve, text) == 0 && sp_buf_len(text) > 0) {
		e = sp_session_event(s);
		sp_event_begin(e, SP_EVENT_NOTE, sp_event_now());
		sp_event_put_cstring(e, SP_FIELD_TEXT, "masked in the output");
		sp_event_put(e, SP_FIELD_MASKED, sp_buf_data(text), sp_buf_len(text));
		if (sp_session_record_late(s) != 0)
			sp_log_debug("a count of masks is not on record");
	}
	sp_buf_free(text);
}

/* The program's last byte is shown: the person's side learns it, as far as it can. */
static void
outlet_shut(struct sp_relay_outlet *o)
{
	o->is_shut = true;
	if (o->stream != SP_RELAY_TTY && !o->relay->is_gone)
		(void)shutdown(o->to, SHUT_WR); /* sshd's are sockets; for anything else the session's end is the end */
}

void
sp_relay_outlet_run(struct sp_relay_outlet *o)
{
	bool can_read;

	if (o->relay->is_paused && o->relay->s->stage == SP_SESSION_SERVING)
		can_read = false;
	else {
		while (outlet_write(o) && sp_buf_len(o->masked) > 0)
			if (!outlet_record(o))
				break;
		can_read = o->from >= 0 && !o->is_ended && sp_buf_len(o->out) == 0 && sp_buf_len(o->masked) == 0 &&
		    o->relay->s->stage == SP_SESSION_SERVING;
		if (o->is_ended && !o->is_shut && sp_buf_len(o->out) == 0 && sp_buf_len(o->masked) == 0)
			outlet_shut(o);
	}
	if (o->from < 0)
		return;
	if (can_read)
		(void)event_add(o->rd, NULL);
	else
		(void)event_del(o->rd);
}

bool
sp_relay_outlet_is_idle(const struct sp_relay_outlet *o)
{
	return sp_buf_len(o->masked) == 0 && sp_buf_len(o->out) == 0;
}

/* --- from the program ---------------------------------------------------------------------------------- */

void
sp_relay_outlet_end(struct sp_relay_outlet *o)
{
	if (o->is_ended)
		return;
	o->is_ended = true;
	if (o->sieve != NULL && sp_sieve_stream_finish(o->sieve, o->masked) != 0)
		outlet_fail(o, "what the program shows cannot be masked");
	outlet_note_masked(o);
	if (o->from >= 0)
		(void)event_del(o->rd);
}

/* Is it our turn, and has the program more for us? Then the rest of what is held comes yet, however long ago it began. */
static bool
outlet_is_behind(const struct sp_relay_outlet *o)
{
	struct pollfd p = { .fd = o->from, .events = POLLIN };

	return !sp_relay_outlet_is_idle(o) || o->relay->is_paused ||
	    (o->from >= 0 && !o->is_ended && poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0);
}

/* has_put: of what was held before, something is shown. */
static void
outlet_arm(struct sp_relay_outlet *o, bool has_put)
{
	static const struct timeval edit_quiet = { .tv_usec = SP_RELAY_EDIT_QUIET_MS * 1000 };
	static const struct timeval other_quiet = { .tv_usec = SP_RELAY_QUIET_MS * 1000 };
	bool is_edited = o->stream == SP_RELAY_TTY && sp_relay_in_is_editing(o->relay);
	const struct timeval *quiet = is_edited ? &edit_quiet : &other_quiet;
	int64_t held_max = is_edited ? SP_RELAY_EDIT_HELD_MS : SP_RELAY_HELD_MS;
	int64_t now = sp_ipc_now_ms();

	if (o->sieve == NULL || !sp_sieve_stream_holds(o->sieve)) {
		(void)event_del(o->quiet);
		o->held_ms = 0;
		return;
	}
	if (has_put || o->held_ms == 0)
		o->held_ms = now;
	if (now - o->held_ms < held_max || !event_pending(o->quiet, EV_TIMEOUT, NULL))
		(void)event_add(o->quiet, quiet); /* anew: it is not quiet */
}

static void
outlet_take(struct sp_relay_outlet *o, const uint8_t *p, size_t n)
{
	struct sp_relay *r = o->relay;
	int e;

	if (r->hooks != NULL && r->hooks->shown != NULL && r->s->stage == SP_SESSION_SERVING)
		r->hooks->shown(r->ctx, o->stream, p, n);
	sp_relay_in_shown(r, p, n);
	if (o->sieve == NULL)
		e = sp_buf_put(o->masked, p, n);
	else if (o->stream == SP_RELAY_TTY && sp_relay_in_is_echo(r, p, n))
		e = sp_sieve_stream_echo(o->sieve, p, n, o->masked);
	else
		e = sp_sieve_stream_feed(o->sieve, p, n, o->masked);
	if (e != 0) {
		outlet_fail(o, "what the program shows cannot be masked");
		return;
	}
	outlet_note_masked(o);
	outlet_arm(o, sp_buf_len(o->masked) > 0);
}

static void
outlet_on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_relay_outlet *o = ctx;
	ssize_t n;

	(void)what;
	if (!sp_relay_outlet_is_idle(o) || o->is_ended || o->relay->is_paused)
		return;
	n = read(fd, o->relay->chunk, SP_RELAY_CHUNK);
	if (n > 0)
		outlet_take(o, o->relay->chunk, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		sp_relay_outlet_end(o); /* EIO: no process has the other side any more */
	sp_session_pump(o->relay->s);
}

static void
outlet_on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_relay_outlet *o = ctx;

	(void)fd;
	(void)what;
	sp_session_pump(o->relay->s);
}

static void
outlet_on_quiet(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_relay_outlet *o = ctx;

	(void)fd;
	(void)what;
	if (!o->is_ended && outlet_is_behind(o)) {
		outlet_arm(o, true); /* the wait was ours */
		return;
	}
	if (o->sieve != NULL && sp_sieve_stream_flush(o->sieve, o->masked) != 0)
		outlet_fail(o, "what the program shows cannot be masked");
	o->held_ms = 0;
	outlet_note_masked(o);
	sp_session_pump(o->relay->s);
}

/* --- life ------------------------------------------------------------------------------------------------ */

int
sp_relay_outlet_sieve(struct sp_relay_outlet *o, struct sp_sieve *sieve)
{
	struct sp_sieve_stream *st;
	int r = sp_sieve_stream_new(sieve, o->stream == SP_RELAY_TTY, o->relay->s->cols, &st);

	if (r == 0 && o->sieve != NULL) {
		if (!o->is_ended)
			r = sp_sieve_stream_finish(o->sieve, o->masked);
		outlet_note_masked(o);
	}
	if (r != 0) {
		sp_sieve_stream_free(st);
		return r;
	}
	sp_sieve_stream_free(o->sieve);
	o->sieve = st;
	return 0;
}

int
sp_relay_outlet_init(struct sp_relay_outlet *o, struct sp_relay *r, enum sp_relay_stream stream, int from, int to)
{
	struct event_base *base = r->s->base;

	o->relay = r;
	o->stream = stream;
	o->from = from;
	o->to = to;
	o->masked = sp_buf_new(OUTLET_MASKED_MAX);
	o->out = sp_buf_new(OUTLET_OUT_MAX);
	o->rd = event_new(base, from, EV_READ | EV_PERSIST, outlet_on_readable, o);
	o->wr = event_new(base, to, EV_WRITE, outlet_on_writable, o);
	o->quiet = event_new(base, -1, 0, outlet_on_quiet, o);
	if (o->masked == NULL || o->out == NULL || o->rd == NULL || o->wr == NULL || o->quiet == NULL)
		return SP_ERR_NOMEM;
	o->flags = fcntl(to, F_GETFL);
	if (o->flags < 0 || fcntl(to, F_SETFL, o->flags | O_NONBLOCK) != 0)
		return SP_ERR_SYSTEM;
	return 0;
}

void
sp_relay_outlet_clear(struct sp_relay_outlet *o)
{
	struct event *events[] = { o->rd, o->wr, o->quiet };

	for (size_t i = 0; i < 3; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (o->from >= 0 && o->stream != SP_RELAY_TTY)
		(void)close(o->from);
	o->from = -1;
	sp_sieve_stream_free(o->sieve);
	sp_buf_free(o->masked);
	sp_buf_free(o->out);
	o->sieve = NULL;
	o->masked = o->out = NULL;
}
