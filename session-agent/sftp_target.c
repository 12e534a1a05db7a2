/* SPDX-License-Identifier: Apache-2.0 */
/* The servers' side: a transport for each target, its requests and answers. What a server says is not trusted. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/image.h"
#include "runtime/log.h"
#include "session-agent/sftp_kind.h"
#include "session-agent/sftp_proxy.h"
#include "session-agent/ssh_proxy.h"

#define TARGET_SUBSYSTEM "sftp"
#define TARGET_IN_MAX (2 * (SP_SFTP_PACKET_MAX + SP_SFTP_HEAD))
#define TARGET_PIPE ((size_t)1024 * 1024) /* of a pipe, where the system lets us */

#define TARGET_ID(slot, serial) ((uint32_t)((serial) << 8 | (slot)))
_Static_assert(SP_SFTP_OPS_MAX == 256, "a slot is the last byte of an id");

/* --- the end ------------------------------------------------------------------------------------------------- */

static void
target_given(struct sp_sftp_target *t)
{
	for (int i = 0; i < 3; i++) {
		if (t->theirs[i] >= 0)
			(void)close(t->theirs[i]);
		t->theirs[i] = -1;
	}
}

static void
target_close(struct sp_sftp_target *t)
{
	if (t->rd != NULL)
		event_free(t->rd);
	if (t->wr != NULL)
		event_free(t->wr);
	if (t->said != NULL)
		event_free(t->said);
	t->rd = t->wr = t->said = NULL;
	if (t->to >= 0)
		(void)close(t->to);
	if (t->from >= 0)
		(void)close(t->from);
	if (t->err >= 0)
		(void)close(t->err);
	t->to = t->from = t->err = -1;
	target_given(t);
}

/* Everything that waits for it fails; the next request connects anew. */
void
sp_sftp_target_over(struct sp_sftp_target *t, const char *why)
{
	struct sp_sftp *x = t->x;

	if (t->stage == SP_SFTP_TARGET_OVER || t->stage == SP_SFTP_TARGET_NONE)
		return;
	t->stage = SP_SFTP_TARGET_OVER;
	(void)snprintf(t->why, sizeof(t->why), "%s", why);
	target_close(t);
	if (!x->is_over)
		sp_session_say(x->session, "sallyport: %s: %s", t->name, why);
	for (unsigned i = 0; i < SP_SFTP_OPS_MAX; i++) {
		struct sp_sftp_op *op = &x->ops[i];

		if (!op->is_used || op->target != t)
			continue;
		if (op->handle != NULL && op->type != SP_SFTP_CLOSE)
			op->handle->has_failed = true;
		sp_sftp_op_end(op, SP_SFTP_FAILURE, t->why);
	}
	for (unsigned i = 0; i < SP_SFTP_HANDLES_MAX; i++)
		if (x->handles[i].is_used && x->handles[i].target == t)
			sp_sftp_handle_free(x, &x->handles[i], t->why);
}

void
sp_sftp_target_clear(struct sp_sftp_target *t)
{
	if (t->stage == SP_SFTP_TARGET_NONE)
		return;
	sp_sftp_target_over(t, "the session is over");
	sp_ssh_proxy_end(t->px);
	sp_file_gate_free(t->gate);
	sp_buf_free(t->in);
	sp_buf_free(t->out);
	*t = (struct sp_sftp_target){ .to = -1, .from = -1, .err = -1, .theirs = { -1, -1, -1 } };
}

/* --- bytes --------------------------------------------------------------------------------------------------- */

bool
sp_sftp_target_is_full(const struct sp_sftp_target *t)
{
	return t->stage == SP_SFTP_TARGET_READY && sp_buf_len(t->out) >= SP_SFTP_OUT_HIGH;
}

static void
target_ready(struct sp_sftp_target *t, const struct sp_sftp_answer *a)
{
	struct sp_sftp *x = t->x;

	if (a->id != SP_SFTP_VERSION) {
		sp_sftp_target_over(t, "the host's server speaks another version of the protocol than 3");
		return;
	}
	t->stage = SP_SFTP_TARGET_READY;
	t->extensions = a->extensions;
	for (unsigned i = 0; i < SP_SFTP_OPS_MAX; i++)
		if (x->ops[i].is_used && x->ops[i].target == t && t->stage == SP_SFTP_TARGET_READY)
			sp_sftp_op_target(&x->ops[i]);
}

static void
target_packet(struct sp_sftp_target *t, struct sp_view packet)
{
	struct sp_sftp *x = t->x;
	struct sp_sftp_answer a;
	struct sp_sftp_op *op;

	if (sp_sftp_parse_answer(packet, &a) != 0 ||
	    (a.type == SP_SFTP_VERSION_REPLY) != (t->stage == SP_SFTP_TARGET_CONNECTING)) {
		sp_sftp_target_over(t, "the host's server does not keep to the protocol");
		return;
	}
	if (a.type == SP_SFTP_VERSION_REPLY) {
		target_ready(t, &a);
		return;
	}
	op = &x->ops[a.id & (SP_SFTP_OPS_MAX - 1)];
	if (!op->is_used || op->target != t || a.id != TARGET_ID((uint32_t)(op - x->ops), op->serial) ||
	    op->step == SP_SFTP_STEP_GATE || op->step == SP_SFTP_STEP_CONNECT) {
		sp_sftp_target_over(t, "the host's server has answered what was not asked");
		return;
	}
	sp_sftp_op_answer(op, &a, packet);
}

/* What is there, as long as the client takes it. */
static void
target_take(struct sp_sftp_target *t)
{
	size_t len = 0;
	int r = 0;

	while ((t->stage == SP_SFTP_TARGET_READY || t->stage == SP_SFTP_TARGET_CONNECTING) && !sp_sftp_is_held(t->x) &&
	       sp_buf_len(t->x->to) < SP_SFTP_OUT_HIGH) {
		r = sp_sftp_length(sp_buf_data(t->in), sp_buf_len(t->in), &len);
		if (r == SP_ERR_INCOMPLETE || (r == 0 && sp_buf_len(t->in) < SP_SFTP_HEAD + len))
			return;
		if (r != 0) {
			sp_sftp_target_over(t, "the host's server does not keep to the protocol");
			return;
		}
		target_packet(t, (struct sp_view){ sp_buf_data(t->in) + SP_SFTP_HEAD, len });
		if (t->stage == SP_SFTP_TARGET_OVER || sp_buf_consume(t->in, SP_SFTP_HEAD + len) != 0)
			return;
	}
}

static void
target_write(struct sp_sftp_target *t)
{
	while (t->to >= 0 && sp_buf_len(t->out) > 0 && !sp_sftp_is_held(t->x)) {
		ssize_t n = write(t->to, sp_buf_data(t->out), sp_buf_len(t->out));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			(void)event_add(t->wr, NULL);
			return;
		}
		if (n <= 0 || sp_buf_consume(t->out, (size_t)n) != 0)
			return; /* its end is told by its other descriptor, or by the transport */
	}
}

void
sp_sftp_target_pump(struct sp_sftp_target *t)
{
	if (t->stage == SP_SFTP_TARGET_NONE || t->stage == SP_SFTP_TARGET_OVER)
		return;
	target_take(t);
	if (t->stage == SP_SFTP_TARGET_OVER || t->rd == NULL)
		return;
	target_write(t);
	if (sp_sftp_is_held(t->x) || sp_buf_len(t->x->to) >= SP_SFTP_OUT_HIGH)
		(void)event_del(t->rd);
	else
		(void)event_add(t->rd, NULL);
}

static void
on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_sftp_target *t = ctx;
	size_t want = sp_buf_room(t->in) < SP_SFTP_PACKET_MAX ? sp_buf_room(t->in) : SP_SFTP_PACKET_MAX;
	uint8_t *p = NULL;
	ssize_t n;

	(void)what;
	if (want == 0 || sp_buf_reserve(t->in, want, &p) != 0) {
		sp_sftp_pump(t->x);
		return;
	}
	n = read(fd, p, want);
	if (sp_buf_unput(t->in, n > 0 ? want - (size_t)n : want) != 0)
		n = 0;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		sp_sftp_target_over(t, "the host has closed the connection");
	sp_sftp_pump(t->x);
}

/* What the server has to say beside the protocol: nobody has decided that it may be shown. */
static void
on_said(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_sftp_target *t = ctx;
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	(void)what;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		(void)event_del(t->said);
}

static void
on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_sftp_target *t = ctx;

	(void)fd;
	(void)what;
	sp_sftp_pump(t->x);
}

void
sp_sftp_target_send(struct sp_sftp_op *op, uint8_t type, const struct sp_sftp_part *parts, size_t n)
{
	uint32_t id = TARGET_ID((uint32_t)(op - op->x->ops), op->serial);
	struct sp_sftp_target *t = op->target;

	if (t->stage != SP_SFTP_TARGET_READY || sp_sftp_put(t->out, type, id, parts, n) != 0)
		sp_sftp_op_end(op, SP_SFTP_FAILURE, "this is too long");
}

/* --- the transport ------------------------------------------------------------------------------------------- */

static int
on_carrier_open(void *ctx, int ret_fds[3])
{
	struct sp_sftp_target *t = ctx;

	memcpy(ret_fds, t->theirs, sizeof(t->theirs));
	return 0;
}

static void
on_carrier_given(void *ctx)
{
	target_given(ctx); /* INIT waits in its pipe already */
}

static void
on_carrier_failed(void *ctx, const char *why)
{
	struct sp_sftp_target *t = ctx;

	sp_sftp_target_over(t, why);
	sp_sftp_pump(t->x);
}

static void
on_carrier_over(void *ctx, int status)
{
	(void)status;
	on_carrier_failed(ctx, "the host's server has ended");
}

static const struct sp_ssh_carrier target_carrier = { .open = on_carrier_open,
    .given = on_carrier_given,
    .over = on_carrier_over,
    .failed = on_carrier_failed,
    .is_subsystem = true};

static int
target_pipe(int *ret_rd, int *ret_wr, bool is_reader_ours)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) != 0)
		return SP_ERR_SYSTEM;
	*ret_rd = p[0];
	*ret_wr = p[1];
	(void)fcntl(p[1], F_SETPIPE_SZ, TARGET_PIPE);
	return fcntl(p[is_reader_ours ? 0 : 1], F_SETFL, O_NONBLOCK) != 0 ? SP_ERR_SYSTEM : 0;
}

static int
target_events(struct sp_sftp_target *t)
{
	struct event_base *base = sp_session_base(t->x->session);

	t->rd = event_new(base, t->from, EV_READ | EV_PERSIST, on_readable, t);
	t->wr = event_new(base, t->to, EV_WRITE, on_writable, t);
	t->said = event_new(base, t->err, EV_READ | EV_PERSIST, on_said, t);
	return t->rd == NULL || t->wr == NULL || t->said == NULL || event_add(t->said, NULL) != 0 ? SP_ERR_NOMEM : 0;
}

/* t is NONE, with its name; afterwards it is CONNECTING, or over. */
static int
target_start(struct sp_sftp_target *t, const struct sp_policy_connection *c)
{
	struct sp_session *s = t->x->session;
	int r;

	t->stage = SP_SFTP_TARGET_CONNECTING;
	t->in = sp_buf_new(TARGET_IN_MAX);
	t->out = sp_buf_new(SP_SFTP_OUT_MAX);
	if (t->in == NULL || t->out == NULL || sp_sftp_put_version(t->out, SP_SFTP_INIT, 0) != 0)
		return SP_ERR_NOMEM;
	r = sp_file_gate_new(s, c->name, &t->gate);
	if (r == 0)
		r = target_pipe(&t->theirs[0], &t->to, false);
	if (r == 0)
		r = target_pipe(&t->from, &t->theirs[1], true);
	if (r == 0)
		r = target_pipe(&t->err, &t->theirs[2], true);
	if (r == 0)
		r = target_events(t);
	if (r == 0)
		r = sp_ssh_proxy_carry(s, c, TARGET_SUBSYSTEM, sp_session_next_seq(s), &target_carrier, t, &t->px);
	if (r == 0)
		sp_ssh_transport_start(t->px);
	return r;
}

/* The one of that name, or a free one. */
static struct sp_sftp_target *
target_slot(struct sp_sftp *x, const char *name)
{
	struct sp_sftp_target *t = NULL;

	for (unsigned i = 0; i < SP_SFTP_TARGETS_MAX; i++) {
		if (x->targets[i].stage != SP_SFTP_TARGET_NONE && strcmp(x->targets[i].name, name) == 0)
			return &x->targets[i];
		if (t == NULL && x->targets[i].stage == SP_SFTP_TARGET_NONE)
			t = &x->targets[i];
	}
	return t;
}

static const struct sp_policy_connection *
target_connection(struct sp_sftp *x, const char *name)
{
	const struct sp_policy_image *image = sp_session_policy(x->session);
	const struct sp_policy_connection *c = image == NULL ? NULL : sp_policy_image_find(image, name);

	return c != NULL && sp_sftp_may_reach(x->session, c) ? c : NULL;
}

bool
sp_sftp_target_is(struct sp_sftp *x, const char *name)
{
	return target_connection(x, name) != NULL;
}

struct sp_sftp_target *
sp_sftp_target_get(struct sp_sftp *x, const char *name, const char **ret_why)
{
	const struct sp_policy_connection *c = target_connection(x, name);
	struct sp_sftp_target *t = target_slot(x, name);
	int r;

	*ret_why = "no such host, or no rule lets you at its files";
	if (c == NULL)
		return NULL;
	*ret_why = "too many hosts at once";
	if (t == NULL)
		return NULL;
	if (t->stage == SP_SFTP_TARGET_OVER)
		sp_sftp_target_clear(t);
	if (t->stage != SP_SFTP_TARGET_NONE)
		return t;
	r = sp_session_reach(x->session, c);
	*ret_why = r == SP_ERR_LIMIT
		       ? "this host has shorter time limits than one before it: reach it in a session of its own"
		       : "no such host, or no rule lets you at its files";
	if (r != 0)
		return NULL;
	*t = (struct sp_sftp_target){ .x = x, .to = -1, .from = -1, .err = -1, .theirs = { -1, -1, -1 } };
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	if (target_start(t, c) != 0)
		sp_sftp_target_over(t, "it cannot be reached: no memory");
	return t;
}
