/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/sftp_proxy.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "policy/image.h"
#include "runtime/log.h"

#define PROXY_IN_MAX (2 * (SP_SFTP_PACKET_MAX + SP_SFTP_HEAD))
#define PROXY_BUSY_MS 5000 /* so long after a request, the session is not idle */
#define PROXY_SPARE 8	   /* requests that one may lead to */
#define PROXY_TOOL "sftp"  /* in a connection's tools */

static const uint32_t proxy_extensions =
    1u << SP_SFTP_EXT_POSIX_RENAME | 1u << SP_SFTP_EXT_STATVFS | 1u << SP_SFTP_EXT_FSTATVFS |
    1u << SP_SFTP_EXT_HARDLINK | 1u << SP_SFTP_EXT_FSYNC | 1u << SP_SFTP_EXT_LSETSTAT | 1u << SP_SFTP_EXT_LIMITS;

/* --- whose targets ------------------------------------------------------------------------------------------- */

static bool
proxy_is_tool(const struct sp_policy_connection *c)
{
	for (size_t i = 0; i < c->ntools; i++)
		if (strcmp(c->tools[i], PROXY_TOOL) == 0)
			return true;
	return c->ntools == 0;
}

bool
sp_sftp_may_reach(struct sp_session *s, const struct sp_policy_connection *c)
{
	struct sp_decide_scope *scope = NULL;
	bool may = false;

	if (c->kind == SP_POLICY_KIND_SSH && proxy_is_tool(c) &&
	    sp_decide_scope_new(sp_session_policy(s), sp_session_subject(s), c, &scope) == 0)
		may = sp_decide_has_files(scope, (int64_t)time(NULL), sp_session_from(s));
	sp_decide_scope_free(scope);
	return may;
}

bool
sp_sftp_has_targets(struct sp_session *s)
{
	const struct sp_policy_image *image = sp_session_policy(s);
	size_t n = image == NULL ? 0 : sp_policy_image_connections(image);

	for (size_t i = 0; i < n; i++)
		if (sp_sftp_may_reach(s, sp_policy_image_connection(image, i)))
			return true;
	return false;
}

/* --- the client ---------------------------------------------------------------------------------------------- */

void
sp_sftp_send(struct sp_sftp *x, uint8_t type, uint32_t id, const struct sp_sftp_part *parts, size_t n)
{
	if (!x->is_over && sp_sftp_put(x->to, type, id, parts, n) != 0)
		sp_sftp_fail(x, "an answer does not fit");
}

void
sp_sftp_status(struct sp_sftp *x, uint32_t id, enum sp_sftp_code code, const char *message)
{
	if (!x->is_over && sp_sftp_put_status(x->to, id, code, message) != 0)
		sp_sftp_fail(x, "an answer does not fit");
}

static void
proxy_end(struct sp_sftp *x, int status)
{
	if (x->is_over)
		return;
	x->is_over = true;
	(void)event_del(x->rd);
	(void)event_del(x->wr);
	x->hooks.over(x->hooks.ctx, status);
}

void
sp_sftp_fail(struct sp_sftp *x, const char *text)
{
	if (x->is_over)
		return;
	sp_session_say(x->session, "sallyport: sftp: %s", text);
	proxy_end(x, SP_SFTP_STOPPED);
}

static void
proxy_limits(struct sp_sftp *x, uint32_t id)
{
	struct sp_sftp_part parts[] = {sp_sftp_u64(SP_SFTP_PACKET_MAX), sp_sftp_u64(SP_SFTP_DATA_MAX),
	    sp_sftp_u64(SP_SFTP_DATA_MAX), sp_sftp_u64(SP_SFTP_HANDLES_MAX)};

	sp_sftp_send(x, SP_SFTP_EXTENDED_REPLY, id, parts, 4);
}

static void
proxy_request(struct sp_sftp *x, const struct sp_sftp_request *q)
{
	switch (q->type) {
	case SP_SFTP_CLOSE:
	case SP_SFTP_READ:
	case SP_SFTP_WRITE:
	case SP_SFTP_FSTAT:
	case SP_SFTP_FSETSTAT:
	case SP_SFTP_READDIR:
		sp_sftp_handle_request(x, q);
		return;
	case SP_SFTP_EXTENDED:
		break;
	default:
		sp_sftp_op_begin(x, q);
		return;
	}
	if ((proxy_extensions & (1u << q->extension)) == 0)
		sp_sftp_status(x, q->id, SP_SFTP_OP_UNSUPPORTED, "this is not offered here");
	else if (q->extension == SP_SFTP_EXT_LIMITS)
		proxy_limits(x, q->id);
	else if (q->extension == SP_SFTP_EXT_FSTATVFS || q->extension == SP_SFTP_EXT_FSYNC)
		sp_sftp_handle_request(x, q);
	else
		sp_sftp_op_begin(x, q);
}

static void
proxy_packet(struct sp_sftp *x, struct sp_view packet)
{
	struct sp_sftp_request q;
	int r = sp_sftp_parse_request(packet, &q);

	if (r == SP_ERR_FORMAT || (q.type == SP_SFTP_INIT) == x->has_version) {
		sp_sftp_fail(x, "the client does not keep to the protocol");
	} else if (r == SP_ERR_UNSUPPORTED) {
		sp_sftp_status(x, q.id, SP_SFTP_OP_UNSUPPORTED, "this is not offered here");
	} else if (q.type == SP_SFTP_INIT) {
		x->has_version = true;
		if (q.id < SP_SFTP_VERSION)
			sp_sftp_fail(x, "the client speaks an older version of the protocol than 3");
		else if (sp_sftp_put_version(x->to, SP_SFTP_VERSION_REPLY, proxy_extensions) != 0)
			sp_sftp_fail(x, "no memory");
	} else {
		proxy_request(x, &q);
	}
}

bool
sp_sftp_is_held(const struct sp_sftp *x)
{
	return x->is_paused || (!sp_session_can_record(x->session) && sp_session_fault(x->session) == NULL);
}

static bool
proxy_can_take(const struct sp_sftp *x)
{
	if (x->is_over || sp_sftp_is_held(x) || x->nops + PROXY_SPARE > SP_SFTP_OPS_MAX ||
	    sp_buf_len(x->to) >= SP_SFTP_OUT_HIGH)
		return false;
	for (unsigned i = 0; i < SP_SFTP_TARGETS_MAX; i++)
		if (sp_sftp_target_is_full(&x->targets[i]))
			return false;
	return true;
}

static void
proxy_take(struct sp_sftp *x)
{
	size_t len = 0;
	int r;

	while (proxy_can_take(x)) {
		r = sp_sftp_length(sp_buf_data(x->from), sp_buf_len(x->from), &len);
		if (r == SP_ERR_INCOMPLETE || (r == 0 && sp_buf_len(x->from) < SP_SFTP_HEAD + len))
			return;
		if (r != 0) {
			sp_sftp_fail(x, "the client does not keep to the protocol");
			return;
		}
		proxy_packet(x, (struct sp_view){ sp_buf_data(x->from) + SP_SFTP_HEAD, len });
		if (sp_buf_consume(x->from, SP_SFTP_HEAD + len) != 0)
			return;
	}
}

static void
proxy_write(struct sp_sftp *x)
{
	while (!x->is_over && !sp_sftp_is_held(x) && sp_buf_len(x->to) > 0) {
		ssize_t n = write(x->out, sp_buf_data(x->to), sp_buf_len(x->to));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			(void)event_add(x->wr, NULL);
			return;
		}
		if (n <= 0) {
			proxy_end(x, 0); /* nobody reads any more */
			return;
		}
		if (sp_buf_consume(x->to, (size_t)n) != 0)
			return;
	}
}

/* The client says no more, and what it said is done; what is held for approval has nobody who waits for it. */
static bool
proxy_is_done(const struct sp_sftp *x)
{
	if (!x->has_ended || sp_sftp_is_held(x) || sp_buf_len(x->to) > 0)
		return false;
	for (unsigned i = 0; i < SP_SFTP_OPS_MAX; i++)
		if (x->ops[i].is_used && x->ops[i].request == NULL)
			return false;
	return true;
}

/* What the client said goes on its way, and what the targets said. */
static void
proxy_move(struct sp_sftp *x)
{
	proxy_take(x);
	for (unsigned i = 0; i < SP_SFTP_TARGETS_MAX && !x->is_over; i++)
		sp_sftp_target_pump(&x->targets[i]);
	proxy_write(x);
}

static void
on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_sftp *x = ctx;

	(void)fd;
	(void)what;
	proxy_move(x);
	proxy_move(x); /* what was written has made room */
	if (x->is_over)
		return;
	if (proxy_is_done(x)) {
		proxy_end(x, 0);
		return;
	}
	if (proxy_can_take(x) && !x->has_ended && sp_buf_room(x->from) > 0)
		(void)event_add(x->rd, NULL);
	else
		(void)event_del(x->rd);
}

void
sp_sftp_pump(struct sp_sftp *x)
{
	if (!x->is_over)
		event_active(x->turn, EV_TIMEOUT, 0);
}

static void
on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_sftp *x = ctx;
	size_t want = sp_buf_room(x->from) < SP_SFTP_PACKET_MAX ? sp_buf_room(x->from) : SP_SFTP_PACKET_MAX;
	uint8_t *p = NULL;
	ssize_t n;

	(void)what;
	if (want == 0 || sp_buf_reserve(x->from, want, &p) != 0) {
		sp_sftp_pump(x);
		return;
	}
	n = read(fd, p, want);
	if (sp_buf_unput(x->from, n > 0 ? want - (size_t)n : want) != 0)
		n = 0;
	x->last_ms = sp_ipc_now_ms();
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		x->has_ended = true;
	on_turn(-1, 0, x);
}

static void
on_writable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	on_turn(-1, what, ctx);
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static void
proxy_free(struct sp_sftp *x)
{
	if (x->rd != NULL)
		event_free(x->rd);
	if (x->wr != NULL)
		event_free(x->wr);
	if (x->turn != NULL)
		event_free(x->turn);
	sp_buf_free(x->from);
	sp_buf_free(x->to);
	if (x->out_flags >= 0)
		(void)fcntl(x->out, F_SETFL, x->out_flags);
	if (x->in_flags >= 0)
		(void)fcntl(x->in, F_SETFL, x->in_flags);
	explicit_bzero(x->key, sizeof(x->key));
	free(x);
}

static int
proxy_client(struct sp_sftp *x)
{
	struct event_base *base = sp_session_base(x->session);

	x->from = sp_buf_new(PROXY_IN_MAX);
	x->to = sp_buf_new(SP_SFTP_OUT_MAX);
	x->rd = event_new(base, x->in, EV_READ | EV_PERSIST, on_readable, x);
	x->wr = event_new(base, x->out, EV_WRITE, on_writable, x);
	x->turn = event_new(base, -1, 0, on_turn, x);
	if (x->from == NULL || x->to == NULL || x->rd == NULL || x->wr == NULL || x->turn == NULL)
		return SP_ERR_NOMEM;
	x->in_flags = fcntl(x->in, F_GETFL);
	x->out_flags = fcntl(x->out, F_GETFL);
	if (x->in_flags < 0 || x->out_flags < 0 || fcntl(x->in, F_SETFL, x->in_flags | O_NONBLOCK) != 0 ||
	    fcntl(x->out, F_SETFL, x->out_flags | O_NONBLOCK) != 0)
		return SP_ERR_SYSTEM;
	return event_add(x->rd, NULL) != 0 ? SP_ERR_NOMEM : 0;
}

int
sp_sftp_open(
    struct sp_session *s, const char *root, int in, int out, const struct sp_sftp_hooks *hooks, struct sp_sftp **ret_x)
{
	struct sp_sftp *x = calloc(1, sizeof(*x));
	int r;

	if (x == NULL)
		return SP_ERR_NOMEM;
	x->session = s;
	x->hooks = *hooks;
	x->in = in;
	x->out = out;
	x->in_flags = x->out_flags = -1;
	(void)snprintf(x->root, sizeof(x->root), "%s", root != NULL ? root : "");
	for (unsigned i = 0; i < SP_SFTP_TARGETS_MAX; i++)
		x->targets[i] =
		    (struct sp_sftp_target){ .x = x, .to = -1, .from = -1, .err = -1, .theirs = { -1, -1, -1 } };
	r = getrandom(x->key, sizeof(x->key), 0) == (ssize_t)sizeof(x->key) ? 0 : SP_ERR_SYSTEM;
	if (r == 0)
		r = proxy_client(x);
	if (r != 0) {
		proxy_free(x);
		return r;
	}
	x->last_ms = sp_ipc_now_ms();
	*ret_x = x;
	return 0;
}

void
sp_sftp_close(struct sp_sftp *x)
{
	x->is_over = true;
	for (unsigned i = 0; i < SP_SFTP_TARGETS_MAX; i++)
		sp_sftp_target_clear(&x->targets[i]);
	for (unsigned i = 0; i < SP_SFTP_OPS_MAX; i++)
		sp_sftp_op_free(&x->ops[i]);
	proxy_free(x);
}

void
sp_sftp_record_ready(struct sp_sftp *x)
{
	for (unsigned i = 0; i < SP_SFTP_TARGETS_MAX; i++)
		if (x->targets[i].gate != NULL)
			sp_file_gate_record_ready(x->targets[i].gate);
	sp_sftp_pump(x);
}

void
sp_sftp_policy_changed(struct sp_sftp *x)
{
	for (unsigned i = 0; i < SP_SFTP_TARGETS_MAX; i++) {
		struct sp_sftp_target *t = &x->targets[i];

		if (t->gate == NULL || t->stage == SP_SFTP_TARGET_OVER)
			continue;
		sp_file_gate_policy_changed(t->gate);
		if (!sp_sftp_target_is(x, t->name))
			sp_sftp_target_over(t, "the policy has changed, and this is not allowed any more");
	}
	sp_sftp_handle_policy(x);
	sp_sftp_pump(x);
}

void
sp_sftp_paused(struct sp_sftp *x, bool is_paused)
{
	x->is_paused = is_paused;
	sp_sftp_pump(x);
}

bool
sp_sftp_is_busy(const struct sp_sftp *x)
{
	return x->nops > 0 || sp_ipc_now_ms() - x->last_ms < PROXY_BUSY_MS;
}

/* --- the kind ------------------------------------------------------------------------------------------------ */

static void
on_over(void *ctx, int status)
{
	sp_session_exit(ctx, status);
}

static int
on_start(struct sp_session *s, const struct sp_policy_connection *c, const char *const argv[], void **ret_ctx)
{
	struct sp_sftp_hooks hooks = { on_over, s };
	struct sp_sftp *x = NULL;
	int fds[3], r;

	(void)argv;
	sp_session_streams(s, fds);
	r = sp_sftp_open(s, c != NULL ? c->name : NULL, fds[0], fds[1], &hooks, &x);
	if (r == 0)
		*ret_ctx = x;
	return r;
}

static void
on_record_ready(void *ctx)
{
	sp_sftp_record_ready(ctx);
}

static void
on_policy(void *ctx)
{
	sp_sftp_policy_changed(ctx);
}

static void
on_paused(void *ctx, bool is_paused)
{
	sp_sftp_paused(ctx, is_paused);
}

static void
on_end(void *ctx)
{
	sp_sftp_close(ctx);
}

static bool
on_is_busy(const void *ctx)
{
	return sp_sftp_is_busy(ctx);
}

static const char *const tools[] = { NULL };

const struct sp_kind sp_sftp_kind = {
    .name = "sftp",
    .tools = tools,
    .start = on_start,
    .record_ready = on_record_ready,
    .policy_changed = on_policy,
    .end = on_end,
    .paused = on_paused,
    .is_busy = on_is_busy,
};
