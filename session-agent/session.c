/* SPDX-License-Identifier: Apache-2.0 */
/* A session's life: born, recorded, serving, flushing, finishing, over; and what the person is told. */
#include "session-agent/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/text.h"
#include "recorder/event.h"
#include "runtime/cred.h"
#include "runtime/log.h"
#include "runtime/sandbox.h"
#include "session-agent/relay.h"
#include "session-agent/session_state.h"

#define SESSION_LINE_MAX 4096

/* --- what kinds ask ---------------------------------------------------------------------------------- */

struct event_base *
sp_session_base(struct sp_session *s)
{
	return s->base;
}

const char *
sp_session_id(const struct sp_session *s)
{
	return s->id;
}

const char *
sp_session_end_reason(const struct sp_session *s)
{
	return s->end_reason;
}

const char *
sp_session_user(const struct sp_session *s)
{
	return s->user;
}

const char *
sp_session_from(const struct sp_session *s)
{
	return s->from;
}

uid_t
sp_session_uid(const struct sp_session *s)
{
	return s->uid;
}

uint32_t
sp_session_audit_id(const struct sp_session *s)
{
	return s->ses;
}

bool
sp_session_has_tty(const struct sp_session *s)
{
	return s->has_tty;
}

void
sp_session_size(const struct sp_session *s, uint32_t *ret_rows, uint32_t *ret_cols)
{
	*ret_rows = s->rows;
	*ret_cols = s->cols;
}

void
sp_session_streams(const struct sp_session *s, int ret_fds[3])
{
	ret_fds[0] = s->in;
	ret_fds[1] = s->out;
	ret_fds[2] = s->err;
}

const char *
sp_session_term(const struct sp_session *s)
{
	return s->term != NULL ? s->term : "";
}

const char *
sp_session_lang(const struct sp_session *s)
{
	return s->lang != NULL ? s->lang : "";
}

const struct sp_policy_image *
sp_session_policy(const struct sp_session *s)
{
	return s->policy;
}

const struct sp_policy_subject *
sp_session_subject(const struct sp_session *s)
{
	return s->subject;
}

bool
sp_session_owns_peer(const struct sp_session *s, int fd)
{
	struct sp_peer_cred cred;

	return sp_cred_of_socket(fd, &cred) == 0 && sp_cred_is_of(&cred, s->uid, s->ses);
}

uint32_t
sp_session_new_id(struct sp_session *s)
{
	if (++s->next_id == 0)
		s->next_id = 1;
	return s->next_id;
}

/* --- stages ------------------------------------------------------------------------------------------- */

static const char *const stage_names[] = { "born", "policyless", "serving", "flushing", "finishing", "over" };

/* The one place where the stage changes: forwards only. */
static bool
session_move(struct sp_session *s, enum sp_session_stage stage)
{
	if (stage <= s->stage)
		return false;
	sp_log_debug("%s -> %s", stage_names[s->stage], stage_names[stage]);
	s->stage = stage;
	(void)event_del(s->timer);
	return true;
}

static void
session_arm(struct sp_session *s, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	(void)event_add(s->timer, &tv);
}

void
sp_session_begin(struct sp_session *s)
{
	char prefix[128];

	(void)snprintf(prefix, sizeof(prefix), "session=%s user=%s ", s->id, s->user);
	sp_log_set_prefix(prefix);
	if (sp_session_open_out(s) != 0 || sp_terminal_make(s) != 0) {
		sp_log_err("no terminal can be had: %m");
		_exit(1);
	}
	/* From here on nothing of the host but what the profile names. */
	if (sp_sandbox_enter(SP_SANDBOX_SESSION, NULL) != 0) {
		sp_log_err("the sandbox cannot be entered");
		_exit(1);
	}
	session_arm(s, SP_SESSION_AWAY_MS);
}

void
sp_session_recorder_ready(struct sp_session *s)
{
	struct sp_buf *e = sp_session_event(s);

	sp_event_begin(e, SP_EVENT_SESSION_START, sp_event_now());
	sp_event_put_cstring(e, SP_FIELD_IDENTITY, s->identity_text);
	sp_event_put_cstring(e, SP_FIELD_ORIGIN, s->origin_text);
	sp_event_put_cstring(e, SP_FIELD_COMMAND, s->command);
	if (sp_session_record(s) != 0) {
		sp_session_end(s, "this session cannot be recorded");
		return;
	}
	if (!session_move(s, SP_SESSION_POLICYLESS))
		return;
	if (s->policy != NULL || s->is_control_away)
		sp_session_policy_ready(s);
	else
		session_arm(s, SP_SESSION_POLICY_MS);
}

void
sp_session_policy_ready(struct sp_session *s)
{
	if (s->stage == SP_SESSION_POLICYLESS && session_move(s, SP_SESSION_SERVING))
		sp_dispatch(s);
}

void
sp_session_control_away(struct sp_session *s)
{
	s->is_control_away = true;
	sp_session_policy_ready(s);
}

static void
session_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_session *s = ctx;

	(void)fd;
	(void)what;
	switch (s->stage) {
	case SP_SESSION_BORN:
		sp_session_end(s, "the recorder is not there, so nothing can be done now: try again shortly");
		break;
	case SP_SESSION_POLICYLESS: /* control is away: built-in commands work, targets do not */
		if (session_move(s, SP_SESSION_SERVING))
			sp_dispatch(s);
		break;
	case SP_SESSION_FLUSHING: /* the person does not read, or what belongs on record does not come */
		s->is_late = s->is_discarded; /* not at once: the discarded was waited for until now */
		s->is_discarded = true;
		session_arm(s, SP_SESSION_FINISH_MS);
		sp_buf_reset(s->print);
		sp_buf_reset(s->to_out);
		sp_relay_discard(s);
		sp_session_pump(s);
		break;
	case SP_SESSION_FINISHING:
		sp_log_err("the recorder did not close the record in time");
		sp_session_finished(s);
		break;
	case SP_SESSION_SERVING: /* only a built-in command that waits has armed it */
		sp_session_end(s, "the approval service does not answer: try again shortly");
		break;
	case SP_SESSION_OVER: /* see sp_session_keep() */
		sp_log_err("sallyportd did not come back for what is not yet stored of this session");
		(void)event_base_loopbreak(s->base);
		break;
	default:
		break;
	}
}

bool
sp_session_keep(struct sp_session *s)
{
	if (s->ring_fd < 0 || s->is_stored)
		return false;
	session_arm(s, SP_SESSION_KEEP_MS);
	return true;
}

void
sp_session_wait_control(struct sp_session *s)
{
	session_arm(s, SP_SESSION_FINISH_MS);
}

/* --- telling the person --------------------------------------------------------------------------------- */

/* A note in the record; a line of ours may be shown without it, when nothing can be recorded. */
static void
session_note(struct sp_session *s, const char *text)
{
	struct sp_buf *e = sp_session_event(s);

	sp_event_begin(e, SP_EVENT_NOTE, sp_event_now());
	sp_event_put_cstring(e, SP_FIELD_TEXT, text);
	if (sp_session_record_late(s) != 0)
		sp_log_warn("not on record: %s", text);
}

static void
session_write_line(struct sp_session *s, const char *text, bool is_below)
{
	struct sp_buf *line = sp_buf_new(SESSION_LINE_MAX * 4 + 16);
	struct pollfd p = { .fd = s->err, .events = POLLOUT };

	if (line == NULL || s->err < 0) {
		sp_buf_free(line);
		return;
	}
	if (is_below)
		sp_buf_put(line, s->is_raw ? "\r\n" : "\n", s->is_raw ? 2 : 1);
	if (sp_text_escape(line, text, strlen(text), SESSION_LINE_MAX) == 0)
		sp_buf_put(line, s->is_raw ? "\r\n" : "\n", s->is_raw ? 2 : 1);
	if (sp_buf_error(line) == 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0 &&
	    write(s->err, sp_buf_data(line), sp_buf_len(line)) < 0)
		sp_log_debug("the person does not read");
	sp_buf_free(line);
}

__attribute__((format(printf, 3, 0))) static void
session_say(struct sp_session *s, bool is_below, const char *fmt, va_list ap)
{
	char text[SESSION_LINE_MAX];

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	session_note(s, text);
	session_write_line(s, text, is_below);
}

void
sp_session_say(struct sp_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	session_say(s, false, fmt, ap);
	va_end(ap);
}

void
sp_session_say_below(struct sp_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	session_say(s, true, fmt, ap);
	va_end(ap);
}

void
sp_session_print(struct sp_session *s, const char *p, size_t n)
{
	if (sp_buf_put(s->print, p, n) != 0)
		sp_session_end(s, "there is too much to show");
	else
		sp_session_pump(s);
}

/* Moves what was printed into the record and from there to the way out. */
static void
session_record_print(struct sp_session *s)
{
	while (sp_buf_len(s->print) > 0 && sp_buf_len(s->to_out) < SP_SESSION_CHUNK) {
		size_t n = sp_buf_len(s->print) < SP_SESSION_CHUNK ? sp_buf_len(s->print) : SP_SESSION_CHUNK;
		struct sp_buf *e = sp_session_event(s);
		int r;

		sp_event_begin(e, SP_EVENT_OUTPUT, sp_event_now());
		sp_event_put(e, SP_FIELD_TEXT, sp_buf_data(s->print), n);
		r = sp_session_record_late(s);
		if (r == SP_ERR_AGAIN)
			return;
		if (r == 0)
			r = sp_buf_put(s->to_out, sp_buf_data(s->print), n);
		if (r != 0) { /* what is not on record is not shown */
			sp_buf_reset(s->print);
			if (s->status == 0)
				s->status = SP_SESSION_STATUS;
			return;
		}
		if (sp_buf_consume(s->print, n) != 0)
			return;
	}
}

static void
session_flush_out(struct sp_session *s)
{
	if (s->out_flags < 0 && sp_buf_len(s->to_out) > 0) {
		s->out_flags = fcntl(s->out, F_GETFL);
		if (s->out_flags >= 0)
			(void)fcntl(s->out, F_SETFL, s->out_flags | O_NONBLOCK);
	}
	while (sp_buf_len(s->to_out) > 0) {
		ssize_t n = write(s->out, sp_buf_data(s->to_out), sp_buf_len(s->to_out));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			(void)event_add(s->out_event, NULL);
			return;
		}
		if (n <= 0) { /* nobody reads any more */
			sp_buf_reset(s->to_out);
			sp_buf_reset(s->print);
			return;
		}
		if (sp_buf_consume(s->to_out, (size_t)n) != 0)
			return;
	}
}

static void
session_on_out(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	sp_session_pump(ctx);
}

/* --- the end -------------------------------------------------------------------------------------------- */

static void
session_close_kind(struct sp_session *s)
{
	const struct sp_kind *kind = s->kind;

	sp_forwarded_free(s);
	s->kind = NULL;
	if (kind != NULL && s->kind_ctx != NULL)
		kind->end(s->kind_ctx);
	s->kind_ctx = NULL;
	if (s->has_tool && !s->is_tool_gone)
		sp_client_kill(s, SIGKILL);
}

void
sp_session_exit(struct sp_session *s, int status)
{
	if (s->stage >= SP_SESSION_FLUSHING)
		return;
	s->status = status;
	if (!session_move(s, SP_SESSION_FLUSHING))
		return;
	session_arm(s, SP_SESSION_FINISH_MS);
	event_active(s->out_event, EV_WRITE, 0); /* from the loop: the caller may be the kind itself */
}

void
sp_session_end(struct sp_session *s, const char *reason)
{
	if (s->stage >= SP_SESSION_FLUSHING)
		return;
	(void)snprintf(s->end_text, sizeof(s->end_text), "%s", reason);
	s->end_reason = s->end_text;
	sp_log_info("ends: %s", reason);
	if (s->client != NULL) {
		sp_client_raw(s, false);
		sp_session_say(s, "sallyport: %s.", reason);
	}
	sp_session_exit(s, SP_SESSION_STATUS);
}

void
sp_session_unheard(struct sp_session *s)
{
	s->is_unheard = true;
	if (!TAILQ_EMPTY(&s->approvals))
		sp_session_end(s, "nobody is left to see what was asked for");
}

void
sp_session_unknown(struct sp_session *s)
{
	if (s->stage == SP_SESSION_FINISHING && s->recorder == NULL)
		sp_session_finished(s); /* its record was closed while the answer to that was lost */
	else if (s->stage == SP_SESSION_OVER)
		(void)event_base_loopbreak(s->base);
	else
		sp_session_end(s, "this session is no longer known to the bastion");
}

void
sp_session_pause(struct sp_session *s, bool is_paused, const char *text)
{
	if (s->stage != SP_SESSION_SERVING || s->is_paused == is_paused)
		return;
	s->is_paused = is_paused;
	if (is_paused)
		sp_session_say(s, "sallyport: %s.", text);
	sp_relay_pause(s, is_paused);
	if (s->kind != NULL && s->kind_ctx != NULL && s->kind->paused != NULL)
		s->kind->paused(s->kind_ctx, is_paused);
	if (!is_paused)
		sp_session_say(s, "sallyport: %s.", text);
}

void
sp_session_drained(struct sp_session *s)
{
	if (s->stage >= SP_SESSION_FLUSHING)
		event_active(s->out_event, EV_WRITE, 0); /* from the loop */
}

static void
session_finish(struct sp_session *s)
{
	struct sp_buf *e;
	char status[16];

	if (s->kind != NULL && s->kind_ctx != NULL && s->kind->drain != NULL && !s->is_late && !s->kind->drain(s->kind_ctx))
		return;
	session_close_kind(s);
	e = sp_session_event(s);
	sp_event_begin(e, SP_EVENT_SESSION_END, sp_event_now());
	(void)snprintf(status, sizeof(status), "%d", s->status);
	sp_event_put_cstring(e, SP_FIELD_STATUS, status);
	sp_event_put_u64(e, SP_FIELD_SIGNALED, s->is_signaled);
	sp_event_put_cstring(e, SP_FIELD_REASON, s->end_reason);
	if (sp_session_record_late(s) == SP_ERR_AGAIN)
		return; /* tried again by the pump, until the timer ends it */
	if (!session_move(s, SP_SESSION_FINISHING))
		return;
	session_arm(s, SP_SESSION_FINISH_MS);
	sp_record_finish(s);
}

void
sp_session_finished(struct sp_session *s)
{
	if (!session_move(s, SP_SESSION_OVER))
		return;
	sp_relay_restore(s);
	if (s->out_flags >= 0)
		(void)fcntl(s->out, F_SETFL, s->out_flags);
	sp_client_raw(s, false);
	sp_client_exit(s);
}

void
sp_session_pump(struct sp_session *s)
{
	if (s->stage >= SP_SESSION_FINISHING)
		return;
	session_record_print(s);
	session_flush_out(s);
	sp_relay_pump(s);
	if (s->stage == SP_SESSION_FLUSHING && sp_buf_len(s->print) == 0 && sp_buf_len(s->to_out) == 0 &&
	    sp_relay_is_flushed(s))
		session_finish(s);
}

int
sp_session_init(struct sp_session *s, struct event_base *base)
{
	s->base = base;
	s->in = s->out = s->err = -1;
	s->pty_master = s->pty_slave = -1;
	s->out_flags = -1;
	TAILQ_INIT(&s->approvals);
	s->print = sp_buf_new(SP_SESSION_PRINT_MAX);
	s->to_out = sp_buf_new(SP_SESSION_PRINT_MAX);
	s->timer = event_new(base, -1, 0, session_on_timer, s);
	if (s->print == NULL || s->to_out == NULL || s->timer == NULL)
		return SP_ERR_NOMEM;
	return sp_record_init(s);
}

/* The person's descriptors are known only after BEGIN. */
int
sp_session_open_out(struct sp_session *s)
{
	s->out_event = event_new(s->base, s->out, EV_WRITE, session_on_out, s);
	return s->out_event == NULL ? SP_ERR_NOMEM : 0;
}

void
sp_session_clear(struct sp_session *s)
{
	sp_forwarded_free(s);
	sp_relay_free(s);
	sp_terminal_free(s);
	sp_limits_free(s);
	sp_record_free(s);
	sp_control_free(s);
	sp_monitor_free(s);
	sp_peer_free(s->client);
	if (s->out_event != NULL)
		event_free(s->out_event);
	if (s->timer != NULL)
		event_free(s->timer);
	sp_buf_free(s->print);
	sp_buf_free(s->to_out);
	sp_secret_free(s->secret);
	json_decref(s->identity);
	json_decref(s->origin);
	free(s->identity_text);
	free(s->origin_text);
	free(s->command);
	free(s->term);
	free(s->lang);
}
