/* SPDX-License-Identifier: Apache-2.0 */
/* The relay's life: made, running, drained, over. */
#include "session-agent/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/image.h"
#include "recorder/event.h"
#include "runtime/log.h"

#define RELAY_PIPE_SIZE (256 * 1024) /* of stdout: fewer turns for a program that shows much */

/* --- made ---------------------------------------------------------------------------------------------- */

/*
 * One pipe: *ret_ours is not blocking, *ret_theirs is. A program may open its own again by /dev/stdout, as somebody
 * else than who made it, so the pipe is for all who can find it; that is the program itself.
 */
static int
relay_pipe(bool is_input, int *ret_ours, int *ret_theirs)
{
	int p[2], ours, r = 0;

	if (pipe2(p, O_CLOEXEC) != 0)
		return SP_ERR_SYSTEM;
	ours = is_input ? p[1] : p[0];
	if (fchmod(p[0], 0666) != 0 || fcntl(ours, F_SETFL, O_NONBLOCK) != 0)
		r = SP_ERR_SYSTEM;
	if (!is_input)
		(void)fcntl(ours, F_SETPIPE_SZ, RELAY_PIPE_SIZE); /* beyond the person's quota it stays as it is */
	if (r != 0) {
		(void)close(p[0]);
		(void)close(p[1]);
		return r;
	}
	*ret_ours = ours;
	*ret_theirs = is_input ? p[0] : p[1];
	return 0;
}

static int
relay_pipes(struct sp_relay *r)
{
	int to[2] = { r->s->out, r->s->err };
	int ours = -1, e = relay_pipe(true, &ours, &r->theirs[0]);

	if (e == 0)
		e = sp_relay_in_init(r, ours);
	for (unsigned i = 0; e == 0 && i < 2; i++) {
		e = relay_pipe(false, &ours, &r->theirs[i + 1]);
		if (e != 0)
			break;
		r->n_outlets = i + 1;
		e = sp_relay_outlet_init(
		    &r->outlets[i], r, i == 0 ? SP_RELAY_STDOUT : SP_RELAY_STDERR, ours, to[i]);
	}
	return e;
}

static int
relay_tty(struct sp_relay *r)
{
	int e = sp_relay_in_init(r, r->s->pty_master);

	r->n_outlets = 1;
	if (e == 0)
		e = sp_relay_outlet_init(&r->outlets[0], r, SP_RELAY_TTY, r->s->pty_master, r->s->out);
	return e;
}

/* The masks as the policy in force has them now; where it no longer names the connection those of before stay. */
static int
relay_sieve(struct sp_relay *r)
{
	const struct sp_policy_connection *c =
	    r->s->policy == NULL ? NULL : sp_policy_image_find(r->s->policy, r->connection);
	struct sp_sieve *sieve = NULL;
	int e;

	if (c == NULL)
		return r->sieve != NULL ? 0 : SP_ERR_UNAVAILABLE;
	e = sp_sieve_new(r->s->policy, r->s->subject, c, r->key, r->hide, &sieve);
	for (unsigned i = 0; e == 0 && i < r->n_outlets; i++)
		e = sp_relay_outlet_sieve(&r->outlets[i], sieve);
	if (e != 0) {
		/* Some outlet may have the new one already: all end with the session. */
		for (unsigned i = 0; i < r->n_outlets; i++) {
			sp_sieve_stream_free(r->outlets[i].sieve);
			r->outlets[i].sieve = NULL;
		}
		sp_sieve_free(sieve);
		return e;
	}
	sp_sieve_free(r->sieve);
	r->sieve = sieve;
	return 0;
}

static void
relay_on_drained(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_relay *r = ctx;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < r->n_outlets; i++)
		if (sp_relay_outlet_is_idle(&r->outlets[i]))
			sp_relay_outlet_end(&r->outlets[i]);
	sp_session_pump(r->s);
}

int
sp_relay_new(struct sp_session *s, const struct sp_policy_connection *c, unsigned flags,
    const struct sp_relay_hooks *hooks, void *ctx, int ret_fds[3])
{
	struct sp_relay *r;
	int e;

	if (s->relay != NULL || s->stage != SP_SESSION_SERVING)
		return SP_ERR_UNAVAILABLE;
	if (c != NULL && strlen(c->name) >= sizeof(r->connection))
		return SP_ERR_LIMIT;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return SP_ERR_NOMEM;
	s->relay = r; /* freed with the session, whatever comes */
	r->s = s;
	r->flags = flags;
	r->hooks = hooks;
	r->ctx = ctx;
	r->sink = r->theirs[0] = r->theirs[1] = r->theirs[2] = -1;
	for (int i = 0; i < 2; i++)
		r->outlets[i].from = r->outlets[i].flags = -1;
	r->chunk = malloc(SP_RELAY_CHUNK);
	r->drain = event_new(s->base, -1, 0, relay_on_drained, r);
	e = r->chunk == NULL || r->drain == NULL ? SP_ERR_NOMEM : 0;
	if (e == 0 && getrandom(r->key, sizeof(r->key), 0) != sizeof(r->key))
		e = SP_ERR_SYSTEM;
	if (e == 0)
		e = s->has_tty ? relay_tty(r) : relay_pipes(r);
	if (e == 0 && c != NULL) {
		memcpy(r->connection, c->name, strlen(c->name) + 1);
		e = relay_sieve(r);
	}
	if (e != 0) {
		sp_relay_restore(s);
		sp_relay_free(s);
		return e;
	}
	for (int i = 0; i < 3; i++)
		ret_fds[i] = s->has_tty ? s->pty_slave : r->theirs[i];
	return 0;
}

static void
relay_give(struct sp_relay *r)
{
	for (int i = 0; i < 3; i++) {
		if (r->theirs[i] >= 0)
			(void)close(r->theirs[i]);
		r->theirs[i] = -1;
	}
	if (r->s->pty_slave >= 0)
		(void)close(r->s->pty_slave); /* our reads end when the program lets go */
	r->s->pty_slave = -1;
}

void
sp_relay_free(struct sp_session *s)
{
	struct sp_relay *r = s->relay;

	if (r == NULL)
		return;
	for (int i = 0; i < 3; i++)
		if (r->theirs[i] >= 0)
			(void)close(r->theirs[i]);
	for (unsigned i = 0; i < r->n_outlets; i++)
		sp_relay_outlet_clear(&r->outlets[i]);
	sp_relay_in_clear(r);
	sp_sieve_free(r->sieve);
	sp_hide_free(r->hide);
	if (r->drain != NULL)
		event_free(r->drain);
	if (r->chunk != NULL)
		explicit_bzero(r->chunk, SP_RELAY_CHUNK);
	free(r->chunk);
	explicit_bzero(r->key, sizeof(r->key));
	free(r);
	s->relay = NULL;
}

/* --- running ------------------------------------------------------------------------------------------- */

void
sp_relay_pump(struct sp_session *s)
{
	static const struct timeval drain = { .tv_usec = SP_RELAY_DRAIN_MS * 1000 };
	struct sp_relay *r = s->relay;
	bool is_over = true;

	if (r == NULL || !r->is_running)
		return;
	for (unsigned i = 0; i < r->n_outlets; i++)
		sp_relay_outlet_run(&r->outlets[i]);
	if (s->stage != SP_SESSION_SERVING)
		return;
	sp_relay_in_run(r);
	for (unsigned i = 0; i < r->n_outlets; i++)
		is_over = is_over && r->outlets[i].is_ended && sp_relay_outlet_is_idle(&r->outlets[i]);
	if (!r->is_gone)
		return;
	if (!is_over) {
		(void)event_add(r->drain, &drain);
		return;
	}
	(void)event_del(r->drain);
	s->is_signaled = r->is_signaled;
	sp_session_exit(s, r->value);
}

bool
sp_relay_is_flushed(const struct sp_session *s)
{
	const struct sp_relay *r = s->relay;

	for (unsigned i = 0; r != NULL && i < r->n_outlets; i++)
		if (!r->outlets[i].is_shut && !sp_relay_outlet_is_idle(&r->outlets[i]))
			return false;
	return true;
}

void
sp_relay_discard(struct sp_session *s)
{
	struct sp_relay *r = s->relay;

	for (unsigned i = 0; r != NULL && i < r->n_outlets; i++) {
		sp_buf_reset(r->outlets[i].masked);
		sp_buf_reset(r->outlets[i].out);
	}
}

void
sp_relay_restore(struct sp_session *s)
{
	struct sp_relay *r = s->relay;

	for (unsigned i = r == NULL ? 0 : r->n_outlets; i > 0; i--) {
		struct sp_relay_outlet *o = &r->outlets[i - 1];

		if (o->flags >= 0)
			(void)fcntl(o->to, F_SETFL, o->flags);
		o->flags = -1;
	}
}

void
sp_relay_policy_changed(struct sp_session *s)
{
	struct sp_relay *r = s->relay;

	if (r == NULL || r->connection[0] == '\0' || s->stage != SP_SESSION_SERVING)
		return;
	if (relay_sieve(r) != 0)
		sp_session_end(s, "what the new policy masks cannot be masked");
	else
		sp_session_pump(s);
}

int
sp_session_relay_hide(struct sp_session *s, struct sp_secret *const values[], size_t n)
{
	struct sp_relay *r = s->relay;
	struct sp_hide *hide = NULL;
	int e;

	if (r == NULL || r->connection[0] == '\0' || r->hide != NULL)
		return SP_ERR_INVALID;
	e = sp_hide_new(values, n, &hide);
	if (e != 0)
		return e;
	r->hide = hide;
	return relay_sieve(r);
}

void
sp_relay_resized(struct sp_session *s)
{
	struct sp_relay *r = s->relay;

	if (r == NULL)
		return;
	for (unsigned i = 0; i < r->n_outlets; i++)
		if (r->outlets[i].sieve != NULL && r->outlets[i].stream == SP_RELAY_TTY)
			sp_sieve_stream_resize(r->outlets[i].sieve, s->cols);
	if (r->hooks != NULL && r->hooks->resized != NULL && s->stage == SP_SESSION_SERVING)
		r->hooks->resized(r->ctx, s->rows, s->cols);
}

void
sp_relay_pause(struct sp_session *s, bool is_paused)
{
	if (s->relay == NULL || s->relay->is_paused == is_paused)
		return;
	s->relay->is_paused = is_paused;
	sp_session_pump(s);
}

/* --- what kinds ask -------------------------------------------------------------------------------------- */

int
sp_session_relay_open(struct sp_session *s, const struct sp_policy_connection *c, unsigned flags,
    const struct sp_relay_hooks *hooks, void *ctx, int ret_fds[3])
{
	struct sp_policy_terms terms = { 0 };

	if (c == NULL)
		return SP_ERR_INVALID;
	if (sp_dispatch_terms(s, c, &terms) && terms.records_input) /* the connection, or a rule */
		flags |= SP_RELAY_RECORD_INPUT;
	return sp_relay_new(s, c, flags, hooks, ctx, ret_fds);
}

int
sp_session_relay_start(struct sp_session *s)
{
	struct sp_relay *r = s->relay;

	if (r == NULL || r->is_running || s->stage != SP_SESSION_SERVING)
		return SP_ERR_UNAVAILABLE;
	relay_give(r);
	if (s->has_tty)
		sp_client_raw(s, true);
	r->is_running = true;
	sp_session_pump(s);
	return 0;
}

void
sp_session_relay_ended(struct sp_session *s, bool is_signaled, int value)
{
	struct sp_relay *r = s->relay;

	if (r == NULL || r->is_gone)
		return;
	r->is_gone = true;
	r->is_signaled = is_signaled;
	r->value = value;
	relay_give(r);
	r->is_running = true;
	sp_session_pump(s);
}

void
sp_session_relay_resume(struct sp_session *s)
{
	if (s->relay == NULL)
		return;
	s->relay->in_held = false;
	sp_session_pump(s);
}

void
sp_session_relay_drop(struct sp_session *s, size_t n)
{
	if (s->relay != NULL)
		s->relay->dropped += n;
}

int
sp_session_relay_type(struct sp_session *s, const void *p, size_t n)
{
	struct sp_relay *r = s->relay;

	if (r == NULL || r->sink < 0)
		return SP_ERR_UNAVAILABLE;
	if (sp_buf_room(r->typed) < n)
		return SP_ERR_LIMIT;
	if (sp_buf_put(r->typed, p, n) != 0)
		return SP_ERR_NOMEM;
	if (r->sink_wr != NULL)
		event_active(r->sink_wr, EV_WRITE, 0); /* from the loop: the caller may be a hook */
	return 0;
}
