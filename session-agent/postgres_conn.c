/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "proto/pg_write.h"
#include "session-agent/postgres_catalog.h"
#include "session-agent/postgres_proxy.h"

#define QUEUE_MASK (SP_POSTGRES_PIPELINE_MAX - 1)
#define BUFFER_MAX ((size_t)SP_PG_WHOLE_MAX + SP_PG_HEAD + SP_POSTGRES_READ_SIZE)
#define ROUNDS_MAX 8 /* reads of each side before other connections get a turn */

uint64_t
sp_postgres_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- runs and expectations ------------------------------------------------------------------------- */

struct sp_postgres_run *
sp_postgres_run_new(uint64_t seq)
{
	struct sp_postgres_run *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->refs = 1;
	r->seq = seq;
	r->started_ns = sp_postgres_now();
	return r;
}

void
sp_postgres_run_unref(struct sp_postgres_run *r)
{
	if (r == NULL || --r->refs != 0)
		return;
	sp_postgres_masks_unref(r->masks);
	free(r->message);
	free(r);
}

const char *
sp_postgres_run_message(const struct sp_postgres_run *r)
{
	return r->message != NULL ? r->message : "refused (out of memory)";
}

struct sp_postgres_expect *
sp_postgres_expect_push(struct sp_postgres_conn *c, enum sp_postgres_expect_kind kind)
{
	struct sp_postgres_expect *x;

	if (c->q_len == 0)
		c->q_head = 0; /* the slot used last, which is still in the cache */
	x = &c->queue[(c->q_head + c->q_len++) & QUEUE_MASK];
	memset(x, 0, sizeof(*x));
	x->kind = kind;
	return x;
}

struct sp_postgres_expect *
sp_postgres_expect_head(struct sp_postgres_conn *c)
{
	return c->q_len == 0 ? NULL : &c->queue[c->q_head & QUEUE_MASK];
}

void
sp_postgres_conn_altering(struct sp_postgres_conn *c)
{
	bool is = c->state != SP_POSTGRES_DEAD && (c->n_alters != 0 || c->has_altered);

	if (is && !c->is_altering)
		c->px->n_altering++;
	else if (!is && c->is_altering)
		c->px->n_altering--;
	c->is_altering = is;
}

static void
settle_names(struct sp_postgres_conn *c, struct sp_postgres_expect *x, bool took_effect)
{
	if (x->discards && took_effect)
		sp_postgres_names_clear(c->statements, x->id);
	if (x->changes) {
		sp_postgres_catalog_expire(c->px);
		c->has_changed = true;
	}
	if (x->alters) {
		c->n_alters--;
		c->has_altered = true;
		sp_postgres_conn_altering(c);
	}
	if (x->name == NULL)
		return;
	if (!x->adds)
		sp_postgres_names_closed(x->names, x->name, x->id, took_effect);
	else if (took_effect)
		sp_postgres_names_settle(x->names, x->name, x->id);
	else
		sp_postgres_names_drop(x->names, x->name, x->id);
}

void
sp_postgres_expect_pop(struct sp_postgres_conn *c, bool took_effect)
{
	struct sp_postgres_expect *x = sp_postgres_expect_head(c);

	settle_names(c, x, took_effect);
	sp_postgres_run_unref(x->run);
	x->run = NULL;
	c->q_head++;
	c->q_len--;
}

/* --- life ------------------------------------------------------------------------------------------ */

static void on_client(evutil_socket_t fd, short what, void *arg);
static void on_server(evutil_socket_t fd, short what, void *arg);

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sp_postgres_conn *c = arg;

	(void)fd;
	(void)what;
	if (c->state == SP_POSTGRES_STARTUP || c->state == SP_POSTGRES_CLOSING)
		sp_postgres_conn_kill(c);
	else
		sp_postgres_conn_run(c);
}

struct sp_postgres_conn *
sp_postgres_conn_new(struct sp_postgres_proxy *px, int fd)
{
	struct timeval limit = {.tv_sec = SP_POSTGRES_STARTUP_SECONDS};
	struct sp_postgres_conn *c = calloc(1, sizeof(*c));
	struct event_base *base = sp_session_base(px->session);

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	c->px = px;
	px->pins++; /* until conn_free(): what is still to come for a dead connection looks there */
	c->cfd = fd;
	c->tx = 'I';
	c->segment = 1;
	c->c_in = sp_buf_new(BUFFER_MAX);
	c->c_out = sp_buf_new(2 * BUFFER_MAX);
	c->s_in = sp_buf_new(BUFFER_MAX);
	c->s_out = sp_buf_new(2 * BUFFER_MAX);
	c->notices = sp_buf_new(SP_POSTGRES_READ_SIZE);
	c->scratch = sp_buf_new(2 * BUFFER_MAX);
	c->startup = sp_buf_new(SP_PG_STARTUP_MAX);
	c->statements = sp_postgres_names_new();
	c->portals = sp_postgres_names_new();
	c->cursors = sp_postgres_names_new();
	c->holds = sp_postgres_names_new();
	c->c_rd = event_new(base, fd, EV_READ | EV_PERSIST, on_client, c);
	c->c_wr = event_new(base, fd, EV_WRITE, on_client, c);
	c->c_timer = evtimer_new(base, on_timer, c);
	if (c->c_in == NULL || c->c_out == NULL || c->s_in == NULL || c->s_out == NULL || c->notices == NULL || c->scratch == NULL ||
	    c->startup == NULL || c->statements == NULL || c->portals == NULL || c->cursors == NULL || c->holds == NULL || c->c_rd == NULL || c->c_wr == NULL ||
	    c->c_timer == NULL || event_add(c->c_rd, NULL) != 0 || evtimer_add(c->c_timer, &limit) != 0) {
		sp_postgres_conn_kill(c);
		return NULL;
	}
	c->is_client_watched = true;
	return c;
}

static void
event_drop(struct event **ev)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
}

static void
conn_free(struct sp_postgres_conn *c)
{
	struct sp_postgres_proxy *px = c->px;

	while (c->q_len != 0)
		sp_postgres_expect_pop(c, false);
	sp_buf_free(c->c_in);
	sp_buf_free(c->c_out);
	sp_buf_free(c->s_in);
	sp_buf_free(c->s_out);
	sp_buf_free(c->notices);
	sp_buf_free(c->scratch);
	sp_buf_free(c->startup);
	sp_postgres_names_free(c->statements);
	sp_postgres_names_free(c->portals);
	sp_postgres_names_free(c->cursors);
	sp_postgres_names_free(c->holds);
	sp_mask_stream_free(c->copy_out);
	free(c->cols);
	free(c->cells);
	free(c);
	sp_postgres_proxy_unpin(px);
}

/* Everything of a connection that is over but its memory, which run_sides or the last pin frees. */
static void
conn_die(struct sp_postgres_conn *c)
{
	if (c->state == SP_POSTGRES_DEAD)
		return;
	c->state = SP_POSTGRES_DEAD;
	sp_postgres_conn_altering(c);
	sp_postgres_reply_abandon(c);
	sp_postgres_proxy_forget(c->px, c);
	sp_postgres_catalog_forget(c->px, c);
	event_drop(&c->c_rd);
	event_drop(&c->c_wr);
	event_drop(&c->c_timer);
	event_drop(&c->s_rd);
	event_drop(&c->s_wr);
	close(c->cfd);
	sp_stream_free(c->srv);
	c->srv = NULL;
	sp_postgres_login_free(c->login);
	c->login = NULL;
	if (c->approval != NULL)
		sp_approval_cancel(c->approval);
}

void
sp_postgres_conn_kill(struct sp_postgres_conn *c)
{
	conn_die(c);
	if (c->pins == 0 && !c->is_running)
		conn_free(c);
}

void
sp_postgres_conn_unpin(struct sp_postgres_conn *c)
{
	c->pins--;
	if (c->state == SP_POSTGRES_DEAD && c->pins == 0 && !c->is_running)
		conn_free(c);
}

void
sp_postgres_conn_close(struct sp_postgres_conn *c)
{
	struct timeval limit = {.tv_sec = 10};

	if (c->state == SP_POSTGRES_CLOSING || c->state == SP_POSTGRES_DEAD)
		return;
	c->state = SP_POSTGRES_CLOSING;
	event_drop(&c->s_rd);
	event_drop(&c->s_wr);
	sp_stream_free(c->srv);
	c->srv = NULL;
	if (c->approval != NULL)
		sp_approval_cancel(c->approval);
	(void)evtimer_add(c->c_timer, &limit);
	sp_postgres_conn_wake(c);
}

void
sp_postgres_conn_fatal(struct sp_postgres_conn *c, const char *sqlstate, const char *message, const char *hint)
{
	if (c->state == SP_POSTGRES_CLOSING || c->state == SP_POSTGRES_DEAD)
		return;
	if (c->pass_left == 0 && !c->is_broken) /* in the middle of a message nothing can be said */
		sp_pg_write_error(c->c_out, 'E', "FATAL", sqlstate, message, hint);
	sp_postgres_conn_close(c);
}

void
sp_postgres_conn_wake(struct sp_postgres_conn *c)
{
	if (c->c_rd != NULL)
		event_active(c->c_wr, EV_WRITE, 0);
}

int
sp_postgres_conn_attach(struct sp_postgres_conn *c, struct sp_postgres_logged_in *l)
{
	struct event_base *base = sp_session_base(c->px->session);

	c->srv = l->stream;
	sp_buf_free(c->s_in);
	c->s_in = sp_buf_new(BUFFER_MAX);
	if (c->s_in != NULL)
		sp_buf_put(c->s_in, sp_buf_data(l->in), sp_buf_len(l->in));
	sp_buf_free(l->in);
	c->server_pid = l->pid;
	c->server_key = l->key;
	c->s_rd = event_new(base, sp_stream_fd(c->srv), EV_READ | EV_PERSIST, on_server, c);
	c->s_wr = event_new(base, sp_stream_fd(c->srv), EV_WRITE, on_server, c);
	if (c->s_in == NULL || sp_buf_error(c->s_in) != 0 || c->s_rd == NULL || c->s_wr == NULL ||
	    event_add(c->s_rd, NULL) != 0)
		return SP_ERR_NOMEM;
	c->is_server_watched = true;
	(void)event_del(c->c_timer);
	return 0;
}

void
sp_postgres_conn_farewell(struct sp_postgres_conn *c)
{
	const char *reason = sp_session_end_reason(c->px->session);
	char text[320];
	struct sp_buf *b;

	if (c->state != SP_POSTGRES_READY || c->pass_left != 0 || c->is_broken || sp_buf_len(c->c_out) != 0)
		return; /* in the middle of a message nothing can be said */
	b = sp_buf_new(SP_POSTGRES_READ_SIZE);
	(void)snprintf(text, sizeof(text), "your session on the bastion has ended%s%s", reason == NULL ? "" : ": ",
	    reason == NULL ? "" : reason);
	if (b != NULL)
		sp_pg_write_error(b, 'E', "FATAL", "57P01", text, NULL);
	if (b != NULL && sp_buf_error(b) == 0)
		(void)send(c->cfd, sp_buf_data(b), sp_buf_len(b), MSG_NOSIGNAL | MSG_DONTWAIT);
	sp_buf_free(b);
}

/* --- bytes ----------------------------------------------------------------------------------------- */

/* 0, AGAIN or CLOSED. *ret_more: the socket probably holds more. */
static int
client_read(struct sp_postgres_conn *c, bool *ret_more)
{
	uint8_t *p;
	ssize_t n;
	int r = sp_buf_reserve(c->c_in, SP_POSTGRES_READ_SIZE, &p);

	if (r != 0)
		return r;
	do
		n = recv(c->cfd, p, SP_POSTGRES_READ_SIZE, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	*ret_more = n == SP_POSTGRES_READ_SIZE;
	r = sp_buf_unput(c->c_in, SP_POSTGRES_READ_SIZE - (n > 0 ? (size_t)n : 0));
	if (r != 0 || n > 0)
		return r;
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? SP_ERR_AGAIN : SP_ERR_CLOSED;
}

static int
client_flush(struct sp_postgres_conn *c)
{
	int r;

	while (sp_buf_len(c->c_out) != 0) {
		ssize_t n = send(c->cfd, sp_buf_data(c->c_out), sp_buf_len(c->c_out), MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return event_add(c->c_wr, NULL) == 0 ? SP_ERR_AGAIN : SP_ERR_NOMEM;
		if (n < 0)
			return SP_ERR_CLOSED;
		if ((r = sp_buf_consume(c->c_out, (size_t)n)) != 0)
			return r;
	}
	return 0;
}

static int
server_read(struct sp_postgres_conn *c, bool *ret_more)
{
	uint8_t *p;
	size_t n = 0;
	int r = sp_buf_reserve(c->s_in, SP_POSTGRES_READ_SIZE, &p), u;

	if (r != 0)
		return r;
	r = sp_stream_read(c->srv, p, SP_POSTGRES_READ_SIZE, &n);
	u = sp_buf_unput(c->s_in, SP_POSTGRES_READ_SIZE - (r == 0 ? n : 0));
	*ret_more = r == 0 && (n == SP_POSTGRES_READ_SIZE || sp_stream_pending(c->srv) != 0);
	return r != 0 ? r : u;
}

static int
server_flush(struct sp_postgres_conn *c)
{
	size_t n;
	int r;

	while (sp_buf_len(c->s_out) != 0) {
		r = sp_stream_write(c->srv, sp_buf_data(c->s_out), sp_buf_len(c->s_out), &n);
		if (r == SP_ERR_AGAIN && sp_stream_want(c->srv) == SP_STREAM_WANT_WRITE && event_add(c->s_wr, NULL) != 0)
			return SP_ERR_NOMEM;
		if (r != 0 || (r = sp_buf_consume(c->s_out, n)) != 0)
			return r;
	}
	return 0;
}

static void
server_lost(struct sp_postgres_conn *c, int r)
{
	sp_postgres_proxy_note_closed(c->px, r == SP_ERR_CLOSED ? "closed" : "failed", sp_stream_reason(c->srv));
	sp_postgres_conn_fatal(c, "08006", "the target closed the connection", NULL);
}

/* Reads, judges and passes on what the client sent. True if there may be more at once. */
static bool
client_side(struct sp_postgres_conn *c)
{
	bool more = false;
	int r, g;

	if (c->c_eof || c->is_leaving)
		return false;
	if (sp_buf_len(c->s_out) > SP_POSTGRES_HIGH_WATER) {
		c->is_stalled = true;
		return false;
	}
	r = client_read(c, &more);
	g = c->state == SP_POSTGRES_READY ? sp_postgres_gate_run(c) : sp_postgres_startup_run(c);
	if (r == SP_ERR_CLOSED) {
		c->c_eof = true;
		conn_die(c);
		return false;
	}
	if (r != 0 && r != SP_ERR_AGAIN) {
		sp_postgres_conn_fatal(c, "54000", "too much at once", NULL);
		return false;
	}
	return more && g != SP_ERR_AGAIN && c->state <= SP_POSTGRES_READY;
}

static bool
server_side(struct sp_postgres_conn *c)
{
	bool more = false;
	int r, g;

	if (c->srv == NULL || c->s_hold)
		return false;
	if (sp_buf_len(c->c_out) > SP_POSTGRES_HIGH_WATER) {
		c->is_stalled = true;
		return false;
	}
	r = server_read(c, &more);
	g = sp_postgres_reply_run(c);
	if (c->srv == NULL)
		return false;
	if (r != 0 && r != SP_ERR_AGAIN && !c->s_hold)
		server_lost(c, r);
	return more && g != SP_ERR_AGAIN && c->srv != NULL;
}

/* Which readers stay on: a full buffer or a hold stops them. */
static void
watch(struct sp_postgres_conn *c)
{
	bool rd = !c->c_eof && c->hold == SP_POSTGRES_GO && sp_buf_len(c->s_out) <= SP_POSTGRES_HIGH_WATER &&
	    c->state <= SP_POSTGRES_READY;

	/* A held client is still watched for its end while nothing of it waits unread in our buffer. */
	rd = rd || (!c->c_eof && c->hold == SP_POSTGRES_HOLD_APPROVAL && sp_buf_len(c->c_in) < SP_POSTGRES_HIGH_WATER);
	if (rd != c->is_client_watched && (rd ? event_add(c->c_rd, NULL) : event_del(c->c_rd)) == 0)
		c->is_client_watched = rd;
	if (c->srv == NULL)
		return;
	rd = !c->s_hold && sp_buf_len(c->c_out) <= SP_POSTGRES_HIGH_WATER;
	if (rd != c->is_server_watched && (rd ? event_add(c->s_rd, NULL) : event_del(c->s_rd)) == 0)
		c->is_server_watched = rd;
}

/* Paused: nothing is read, and so nothing passes. */
static void
unwatch(struct sp_postgres_conn *c)
{
	if (c->is_client_watched && event_del(c->c_rd) == 0)
		c->is_client_watched = false;
	if (c->srv != NULL && c->is_server_watched && event_del(c->s_rd) == 0)
		c->is_server_watched = false;
}

/* Flushes both sides. False when the connection is gone or going. */
static bool
flush_both(struct sp_postgres_conn *c)
{
	int r;

	if (c->pass_left == 0 && sp_buf_len(c->notices) != 0) {
		sp_buf_put(c->c_out, sp_buf_data(c->notices), sp_buf_len(c->notices));
		sp_buf_reset(c->notices);
	}
	if (c->srv != NULL && (r = server_flush(c)) != 0 && r != SP_ERR_AGAIN)
		server_lost(c, r);
	if (c->is_leaving && sp_buf_len(c->s_out) == 0)
		sp_postgres_conn_close(c);
	if (sp_buf_error(c->c_out) != 0 || ((r = client_flush(c)) != 0 && r != SP_ERR_AGAIN)) {
		conn_die(c);
		return false;
	}
	if (c->state == SP_POSTGRES_CLOSING && sp_buf_len(c->c_out) == 0) {
		conn_die(c);
		return false;
	}
	return c->state != SP_POSTGRES_DEAD;
}

static void
run_sides(struct sp_postgres_conn *c, bool client, bool server)
{
	unsigned i;
	bool more = true;

	if (c->is_running)
		return;
	if (c->px->is_paused && c->state != SP_POSTGRES_DEAD) {
		unwatch(c);
		return;
	}
	c->is_running = true;
	for (i = 0; more && i < ROUNDS_MAX && c->state != SP_POSTGRES_DEAD; i++) {
		more = false;
		if (c->state <= SP_POSTGRES_READY && client)
			more |= client = client_side(c);
		if (c->state == SP_POSTGRES_READY && server)
			more |= server = server_side(c);
		if (c->state == SP_POSTGRES_DEAD || !flush_both(c))
			break;
	}
	c->is_running = false;
	if (c->state == SP_POSTGRES_DEAD) {
		if (c->pins == 0)
			conn_free(c);
		return;
	}
	if (c->is_stalled && sp_buf_len(c->s_out) <= SP_POSTGRES_HIGH_WATER &&
	    sp_buf_len(c->c_out) <= SP_POSTGRES_HIGH_WATER) {
		c->is_stalled = false;
		more = !c->s_hold;
	}
	if (more || (c->hold == SP_POSTGRES_HOLD_ANSWERS && c->q_len < c->held_len))
		sp_postgres_conn_wake(c);
	watch(c);
}

void
sp_postgres_conn_run(struct sp_postgres_conn *c)
{
	run_sides(c, true, true);
}

static void
on_client(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	run_sides(arg, true, (what & EV_WRITE) != 0);
}

static void
on_server(evutil_socket_t fd, short what, void *arg)
{
	struct sp_postgres_conn *c = arg;

	(void)fd;
	run_sides(c, (what & EV_WRITE) != 0, true);
}
