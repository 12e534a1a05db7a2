/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Person to program: what was sent is offered to the kind, put on record when a rule says so, and written. Nothing
 * more is read from the person until the program has taken it.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "recorder/event.h"
#include "session-agent/relay.h"

#define IN_CHUNK 16384 /* bytes read at once */

/* --- passwords and echo ----------------------------------------------------------------------------------- */

/* What a line that asks for a secret ends with, before a colon or a question mark. Only looked at in lower case. */
static const char *const in_prompts[] = { "password", "passphrase", "passcode", "passwort", "kennwort", "mot de passe",
	"contraseña", "pin", "otp", "verification code", "one-time code", "token", "secret" };

static bool
in_asks_for_secret(const struct sp_relay_typing *t)
{
	char line[sizeof(t->tail) + 1];
	size_t n = t->ntail, i;

	while (n > 0 && t->tail[n - 1] == ' ')
		n--;
	if (n == 0 || (t->tail[n - 1] != ':' && t->tail[n - 1] != '?'))
		return false;
	for (i = 0; i < n; i++)
		line[i] = (char)tolower((unsigned char)t->tail[i]);
	line[n] = '\0';
	for (i = 0; i < sizeof(in_prompts) / sizeof(in_prompts[0]); i++)
		if (strstr(line, in_prompts[i]) != NULL)
			return true;
	return false;
}

/* Whether the terminal itself reads a line without showing it: how programs on this host ask for a password. */
static bool
in_is_echo_off(const struct sp_relay *r)
{
	struct termios t;

	if (!r->s->has_tty || ioctl(r->s->pty_master, TCGETS, &t) != 0)
		return false;
	return (t.c_lflag & ECHO) == 0 && (t.c_lflag & ICANON) != 0;
}

void
sp_relay_in_shown(struct sp_relay *r, const uint8_t *p, size_t n)
{
	struct sp_relay_typing *t = &r->typing;
	size_t i = n > sizeof(t->tail) ? n - sizeof(t->tail) : 0;

	if ((r->flags & SP_RELAY_RECORD_INPUT) == 0)
		return;
	for (; i < n; i++) {
		if (p[i] == '\n' || p[i] == '\r') {
			t->ntail = 0;
			continue;
		}
		if (t->ntail == sizeof(t->tail)) {
			memmove(t->tail, t->tail + 1, sizeof(t->tail) - 1);
			t->ntail--;
		}
		t->tail[t->ntail++] = (char)p[i];
	}
}

/* The keys are shown as they were typed, or not at all: what a program shows else is no echo. */
bool
sp_relay_in_is_echo(struct sp_relay *r, const uint8_t *p, size_t n)
{
	struct sp_relay_typing *t = &r->typing;
	bool is_echo = n <= t->nkeys && sp_ipc_now_ms() - t->at_ms <= SP_RELAY_ECHO_MS && memcmp(p, t->keys, n) == 0;

	if (is_echo) {
		memmove(t->keys, t->keys + n, t->nkeys - n);
		t->nkeys -= n;
	} else {
		t->nkeys = 0;
	}
	return is_echo;
}

bool
sp_relay_in_is_editing(const struct sp_relay *r)
{
	return r->typing.edit_ms != 0 && sp_ipc_now_ms() - r->typing.edit_ms <= SP_RELAY_ECHO_MS;
}

static void
in_expect_echo(struct sp_relay *r, const uint8_t *p, size_t n)
{
	struct sp_relay_typing *t = &r->typing;

	t->edit_ms = p[n - 1] == '\r' || p[n - 1] == '\n' ? 0 : sp_ipc_now_ms();
	if (sp_ipc_now_ms() - t->at_ms > SP_RELAY_ECHO_MS)
		t->nkeys = 0;
	if (n > SP_RELAY_ECHO_MAX - t->nkeys) { /* pasted: its echo is output like any other */
		t->nkeys = 0;
		return;
	}
	memcpy(t->keys + t->nkeys, p, n);
	t->nkeys += n;
	t->at_ms = sp_ipc_now_ms();
}

/* --- record ----------------------------------------------------------------------------------------------- */

/* How much of p is on record now: bytes up to the end of a line, or all; 0: no room. */
static size_t
in_record(struct sp_relay *r, const uint8_t *p, size_t n)
{
	struct sp_relay_typing *t = &r->typing;
	struct sp_buf *e;
	size_t len = 0;
	int err;

	if ((r->flags & SP_RELAY_RECORD_INPUT) == 0)
		return n;
	n = n < SP_RELAY_CHUNK ? n : SP_RELAY_CHUNK;
	if (r->s->has_tty) {
		while (len < n && p[len] != '\r' && p[len] != '\n' && p[len] != 3)
			len++;
		len += len < n;
		if (!t->is_unechoed)
			t->is_unechoed = in_is_echo_off(r) || in_asks_for_secret(t);
		if (t->is_unechoed) {
			t->is_unechoed = p[len - 1] != '\r' && p[len - 1] != '\n' && p[len - 1] != 3;
			t->ntail = t->is_unechoed ? t->ntail : 0;
			return len;
		}
	} else {
		len = n;
	}
	e = sp_session_event(r->s);
	sp_event_begin(e, SP_EVENT_INPUT, sp_event_now());
	sp_event_put(e, SP_FIELD_TEXT, p, len);
	err = sp_session_record_late(r->s);
	if (err != 0 && err != SP_ERR_AGAIN)
		sp_session_end(r->s, sp_session_fault(r->s) != NULL ? sp_session_fault(r->s) : "what is typed cannot be recorded");
	return err == 0 ? len : 0;
}

/* --- on to the program ------------------------------------------------------------------------------------- */

static void
in_close(struct sp_relay *r)
{
	if (r->sink < 0 || r->s->has_tty)
		return;
	(void)event_del(r->sink_wr);
	(void)close(r->sink);
	r->sink = -1;
}

/* The program takes nothing more: as over a pipe, the person's side learns it. */
static void
in_deaf(struct sp_relay *r)
{
	sp_buf_reset(r->typed);
	sp_buf_reset(r->offered);
	if (r->s->has_tty)
		return;
	in_close(r);
	(void)event_del(r->in_rd);
	(void)shutdown(r->s->in, SHUT_RD);
}

static void
in_write(struct sp_relay *r)
{
	while (sp_buf_len(r->typed) > 0 && r->sink >= 0) {
		ssize_t n = write(r->sink, sp_buf_data(r->typed), sp_buf_len(r->typed));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			(void)event_add(r->sink_wr, NULL);
			return;
		}
		if (n <= 0) {
			in_deaf(r);
			return;
		}
		if (sp_buf_consume(r->typed, (size_t)n) != 0)
			return;
	}
}

/* Moves what the kind lets on of what is offered into typed; sets why the rest waits. */
static void
in_offer(struct sp_relay *r)
{
	size_t have = sp_buf_len(r->offered), n = have, room = sp_buf_room(r->typed);

	if (r->s->stage != SP_SESSION_SERVING)
		return; /* the kind is no more */
	r->dropped = 0;
	if (r->hooks != NULL && r->hooks->typed != NULL)
		n = r->hooks->typed(r->ctx, sp_buf_data(r->offered), have);
	if (r->dropped > have || sp_buf_consume(r->offered, r->dropped) != 0)
		return;
	have -= r->dropped;
	n = n < have ? n : have;
	r->in_held = n < have && n == 0 && r->dropped == 0; /* otherwise it is asked about the rest at once */
	r->in_full = n > room;
	n = n < room ? n : room;
	while (n > 0) {
		size_t k = in_record(r, sp_buf_data(r->offered), n);

		r->in_full = r->in_full || k == 0;
		if (k == 0)
			return;
		if (r->s->has_tty)
			in_expect_echo(r, sp_buf_data(r->offered), k);
		if (r->hooks != NULL && r->hooks->passed != NULL)
			r->hooks->passed(r->ctx, sp_buf_data(r->offered), k);
		if (sp_buf_put(r->typed, sp_buf_data(r->offered), k) != 0 || sp_buf_consume(r->offered, k) != 0)
			return;
		n -= k;
	}
}

void
sp_relay_in_run(struct sp_relay *r)
{
	bool can_read;
	size_t before;

	if (!r->is_running)
		return;
	if (r->is_paused) {
		(void)event_del(r->in_rd);
		return;
	}
	in_write(r);
	do {
		before = sp_buf_len(r->offered);
		if (before > 0 && (r->in_full || !r->in_held))
			in_offer(r);
		in_write(r);
	} while (sp_buf_len(r->offered) < before && sp_buf_len(r->typed) == 0);
	can_read = !r->in_eof && r->sink >= 0 && sp_buf_len(r->typed) == 0 && sp_buf_room(r->offered) >= IN_CHUNK;
	if (can_read)
		(void)event_add(r->in_rd, NULL);
	else
		(void)event_del(r->in_rd);
	if (r->in_eof && sp_buf_len(r->typed) == 0 && sp_buf_len(r->offered) == 0)
		in_close(r);
}

static void
in_on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_relay *r = ctx;
	uint8_t bytes[IN_CHUNK];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)what;
	if (n > 0) {
		sp_limits_touch(r->s);
		if (sp_buf_put(r->offered, bytes, (size_t)n) != 0)
			sp_session_end(r->s, "what is typed cannot be passed on");
		r->in_held = false;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		r->in_eof = true; /* with a terminal: the person's side is gone, and forcecmd says so too */
	}
	explicit_bzero(bytes, sizeof(bytes));
	sp_relay_in_run(r);
}

static void
in_on_writable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	sp_relay_in_run(ctx);
}

int
sp_relay_in_init(struct sp_relay *r, int sink)
{
	r->sink = sink;
	r->offered = sp_buf_new(SP_RELAY_TYPED_MAX);
	r->typed = sp_buf_new(SP_RELAY_TYPED_MAX);
	r->in_rd = event_new(r->s->base, r->s->in, EV_READ | EV_PERSIST, in_on_readable, r);
	r->sink_wr = event_new(r->s->base, sink, EV_WRITE, in_on_writable, r);
	return r->offered == NULL || r->typed == NULL || r->in_rd == NULL || r->sink_wr == NULL ? SP_ERR_NOMEM : 0;
}

void
sp_relay_in_clear(struct sp_relay *r)
{
	if (r->in_rd != NULL)
		event_free(r->in_rd);
	if (r->sink_wr != NULL)
		event_free(r->sink_wr);
	if (r->sink >= 0 && !r->s->has_tty)
		(void)close(r->sink);
	r->sink = -1;
	sp_buf_free(r->offered);
	sp_buf_free(r->typed);
	r->in_rd = r->sink_wr = NULL;
	r->offered = r->typed = NULL;
	explicit_bzero(&r->typing, sizeof(r->typing));
}
