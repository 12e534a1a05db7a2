/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/peer.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "runtime/log.h"

/* One frame on its way out. */
struct sp_peer_frame {
	STAILQ_ENTRY(sp_peer_frame) next;
	struct sp_buf *bytes;
	int fds[SP_IPC_FDS_MAX];
	size_t nfds; /* still to be sent with the next byte */
};

struct sp_peer {
	struct event *ev_read;
	struct event *ev_write;
	struct event *ev_deadline; /* NULL until one is set */
	const struct sp_peer_ops *ops;
	void *ctx;
	struct sp_buf *in;     /* the frame being read, never a byte past it */
	struct sp_ipc_msg msg; /* its descriptors so far */
	STAILQ_HEAD(, sp_peer_frame) queue;
	size_t queue_bytes;
	size_t queue_fds;
	struct sp_peer_cred cred;
	unsigned state;
	int fd;
	int fatal;	   /* error to close with, once the loop runs */
	unsigned depth;	   /* calls to the owner under way: a free waits for them */
	bool is_finishing; /* no more reading; close when the queue is empty */
	bool is_closed;	   /* on_close was called */
	bool is_freed;
};

static void sp_peer_on_read(evutil_socket_t fd, short what, void *arg);
static void sp_peer_on_write(evutil_socket_t fd, short what, void *arg);

static void
sp_peer_frame_free(struct sp_peer_frame *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->nfds; i++)
		(void)close(f->fds[i]);
	sp_buf_free(f->bytes);
	free(f);
}

static void
sp_peer_destroy(struct sp_peer *p)
{
	struct sp_peer_frame *f;

	while ((f = STAILQ_FIRST(&p->queue)) != NULL) {
		STAILQ_REMOVE_HEAD(&p->queue, next);
		sp_peer_frame_free(f);
	}
	if (p->ev_read != NULL)
		event_free(p->ev_read);
	if (p->ev_write != NULL)
		event_free(p->ev_write);
	if (p->ev_deadline != NULL)
		event_free(p->ev_deadline);
	sp_ipc_msg_clear(&p->msg);
	sp_buf_free(p->in);
	if (p->fd >= 0)
		(void)close(p->fd);
	free(p);
}

/* Enters and leaves code of the owner, who may free the peer there. Leave tells whether it is gone. */
static void
sp_peer_enter(struct sp_peer *p)
{
	p->depth++;
}

static bool
sp_peer_leave(struct sp_peer *p)
{
	p->depth--;
	if (!p->is_freed)
		return false;
	if (p->depth == 0)
		sp_peer_destroy(p);
	return true;
}

static void
sp_peer_stop_events(struct sp_peer *p)
{
	(void)event_del(p->ev_read);
	(void)event_del(p->ev_write);
	if (p->ev_deadline != NULL)
		(void)event_del(p->ev_deadline);
}

/* Ends the connection, once. p may be gone afterwards. */
static void
sp_peer_end(struct sp_peer *p, int err)
{
	if (p->is_closed || p->is_freed)
		return;
	p->is_closed = true;
	sp_peer_stop_events(p);
	sp_peer_enter(p);
	p->ops->on_close(p, err, p->ctx);
	(void)sp_peer_leave(p);
}

static int
sp_peer_set_flags(int fd)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl < 0 || fcntl(fd, F_SETFL, fl | O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return SP_ERR_SYSTEM;
	return 0;
}

int
sp_peer_new(struct event_base *base, int fd, const struct sp_peer_ops *ops, void *ctx, struct sp_peer **ret_p)
{
	struct sp_peer *p = calloc(1, sizeof(*p));
	int r;

	if (p == NULL)
		return SP_ERR_NOMEM;
	p->fd = -1; /* the caller's until all is well */
	p->ops = ops;
	p->ctx = ctx;
	STAILQ_INIT(&p->queue);
	r = sp_peer_set_flags(fd);
	if (r == 0)
		r = sp_cred_of_socket(fd, &p->cred);
	if (r == 0) {
		p->in = sp_buf_new(SP_IPC_FRAME_MAX + 4);
		p->ev_read = event_new(base, fd, EV_READ | EV_PERSIST, sp_peer_on_read, p);
		p->ev_write = event_new(base, fd, EV_WRITE, sp_peer_on_write, p);
		if (p->in == NULL || p->ev_read == NULL || p->ev_write == NULL || event_add(p->ev_read, NULL) != 0)
			r = SP_ERR_NOMEM;
	}
	if (r != 0) {
		sp_peer_destroy(p);
		return r;
	}
	p->fd = fd;
	*ret_p = p;
	return 0;
}

void
sp_peer_free(struct sp_peer *p)
{
	if (p == NULL || p->is_freed)
		return;
	p->is_freed = true;
	sp_peer_stop_events(p);
	if (p->depth == 0)
		sp_peer_destroy(p);
}

void
sp_peer_set_state(struct sp_peer *p, unsigned bit)
{
	p->state = bit;
}

void
sp_peer_set_ctx(struct sp_peer *p, void *ctx)
{
	p->ctx = ctx;
}

static void
sp_peer_on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	sp_peer_end(arg, SP_ERR_TIMEOUT);
}

int
sp_peer_set_deadline(struct sp_peer *p, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	if (p->is_closed || p->is_freed)
		return 0;
	if (p->ev_deadline == NULL)
		p->ev_deadline = event_new(event_get_base(p->ev_read), -1, 0, sp_peer_on_deadline, p);
	if (p->ev_deadline == NULL)
		return SP_ERR_NOMEM;
	if (ms == 0) {
		(void)event_del(p->ev_deadline);
		return 0;
	}
	return event_add(p->ev_deadline, &tv) == 0 ? 0 : SP_ERR_NOMEM;
}

const struct sp_peer_cred *
sp_peer_cred(const struct sp_peer *p)
{
	return &p->cred;
}

int
sp_peer_fd(const struct sp_peer *p)
{
	return p->fd;
}

/* --- in ------------------------------------------------------------------------------------------- */

/* Reads until p->in holds want bytes. AGAIN, CLOSED, PROTOCOL (too many descriptors), SYSTEM, NOMEM. */
static int
sp_peer_fill(struct sp_peer *p, size_t want)
{
	int r = 0;

	while (r == 0 && sp_buf_len(p->in) < want) {
		size_t n = want - sp_buf_len(p->in), got = 0;
		uint8_t *mem;
		int back;

		r = sp_buf_reserve(p->in, n, &mem);
		if (r != 0)
			break;
		r = sp_ipc_read(p->fd, mem, n, &p->msg, &got);
		back = sp_buf_unput(p->in, n - got);
		r = r != 0 ? r : back;
	}
	return r == SP_ERR_LIMIT ? SP_ERR_PROTOCOL : r;
}

/* The row for a message of this type and size in the present state, or NULL. */
static const struct sp_peer_request *
sp_peer_find(const struct sp_peer *p, uint8_t type, size_t body_len)
{
	for (const struct sp_peer_request *q = p->ops->requests; q->handle != NULL; q++) {
		if (q->type != type)
			continue;
		if ((q->states >> p->state & 1) == 0) {
			sp_log_warn("%s: pid %d uid %u sent %s out of turn", p->ops->name, (int)p->cred.pid,
			    (unsigned)p->cred.uid, q->name);
			return NULL;
		}
		if (body_len > q->body_max) {
			sp_log_warn("%s: pid %d uid %u sent %s of %zu bytes, more than %zu", p->ops->name,
			    (int)p->cred.pid, (unsigned)p->cred.uid, q->name, body_len, q->body_max);
			return NULL;
		}
		return q;
	}
	sp_log_warn("%s: pid %d uid %u sent unknown message type %u", p->ops->name, (int)p->cred.pid,
	    (unsigned)p->cred.uid, type);
	return NULL;
}

/* Reads the rest of one frame; its row is looked up from the header alone, before the body is let in. */
static int
sp_peer_read_frame(struct sp_peer *p, const struct sp_peer_request **ret_q, size_t *ret_size)
{
	const struct sp_peer_request *q;
	const uint8_t *h;
	size_t n;
	int r = sp_peer_fill(p, SP_IPC_HEADER);

	if (r == SP_ERR_CLOSED && sp_buf_len(p->in) > 0)
		return SP_ERR_PROTOCOL; /* in the middle of a frame */
	if (r != 0)
		return r;
	r = sp_ipc_parse(p->in, &p->msg, ret_size);
	if (r != 0 && r != SP_ERR_INCOMPLETE)
		return SP_ERR_PROTOCOL;
	h = sp_buf_data(p->in);
	n = (size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
	q = sp_peer_find(p, h[5], n + 4 - SP_IPC_HEADER);
	if (q == NULL || p->msg.nfds > q->fds_max)
		return SP_ERR_PROTOCOL;
	r = sp_peer_fill(p, n + 4);
	if (r == SP_ERR_CLOSED)
		return SP_ERR_PROTOCOL;
	if (r != 0)
		return r;
	if (p->msg.nfds > q->fds_max || sp_ipc_parse(p->in, &p->msg, ret_size) != 0)
		return SP_ERR_PROTOCOL;
	*ret_q = q;
	return 0;
}

/* Gives the frame to its handler. True if the peer is gone or closed afterwards. */
static bool
sp_peer_dispatch(struct sp_peer *p, const struct sp_peer_request *q, size_t size)
{
	struct sp_buf *body = sp_buf_from(p->msg.body.data, p->msg.body.len);
	int r = body == NULL ? SP_ERR_NOMEM : 0;

	sp_peer_enter(p);
	if (r == 0)
		r = q->handle(p, &p->msg, body, p->ctx);
	if (r == 0 && !p->is_freed && sp_buf_len(body) != 0)
		r = SP_ERR_PROTOCOL;
	sp_buf_free(body);
	if (sp_peer_leave(p))
		return true;
	sp_ipc_msg_clear(&p->msg);
	if (r == 0)
		r = sp_buf_consume(p->in, size);
	if (r != 0) {
		sp_log_warn("%s: %s from pid %d uid %u ended the connection: %s", p->ops->name, q->name,
		    (int)p->cred.pid, (unsigned)p->cred.uid, sp_err_str(r));
		sp_peer_end(p, r);
		return true;
	}
	return p->is_closed || p->is_finishing;
}

static void
sp_peer_on_read(evutil_socket_t fd, short what, void *arg)
{
	struct sp_peer *p = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < SP_PEER_TURN_MAX; i++) {
		const struct sp_peer_request *q;
		size_t size;
		int r = sp_peer_read_frame(p, &q, &size);

		if (r == SP_ERR_AGAIN)
			return;
		if (r != 0) {
			sp_peer_end(p, r);
			return;
		}
		if (sp_peer_dispatch(p, q, size))
			return;
	}
}

/* --- out ------------------------------------------------------------------------------------------ */

/* Sends what the socket takes. 0: all is sent; AGAIN, CLOSED, SYSTEM. */
static int
sp_peer_flush(struct sp_peer *p)
{
	struct sp_peer_frame *f;

	while ((f = STAILQ_FIRST(&p->queue)) != NULL) {
		size_t n = 0;
		int r = sp_ipc_write(p->fd, sp_buf_data(f->bytes), sp_buf_len(f->bytes), f->fds, f->nfds, &n);

		if (r != 0)
			return r;
		p->queue_bytes -= n;
		p->queue_fds -= f->nfds;
		while (f->nfds > 0)
			(void)close(f->fds[--f->nfds]);
		if (sp_buf_consume(f->bytes, n) != 0)
			return SP_ERR_INTERNAL;
		if (sp_buf_len(f->bytes) == 0) {
			STAILQ_REMOVE_HEAD(&p->queue, next);
			sp_peer_frame_free(f);
		}
	}
	return 0;
}

static void
sp_peer_on_write(evutil_socket_t fd, short what, void *arg)
{
	struct sp_peer *p = arg;
	int r = p->fatal != 0 ? p->fatal : sp_peer_flush(p);

	(void)fd;
	(void)what;
	if (r == SP_ERR_AGAIN)
		r = event_add(p->ev_write, NULL) == 0 ? 0 : SP_ERR_NOMEM;
	else if (r == 0 && p->is_finishing)
		return sp_peer_end(p, 0);
	if (r != 0)
		sp_peer_end(p, r);
}

static int
sp_peer_frame_new(
    uint8_t type, uint32_t id, const struct sp_buf *body, const int *fds, size_t nfds, struct sp_peer_frame **ret_f)
{
	struct sp_peer_frame *f = calloc(1, sizeof(*f));
	int r;

	if (f == NULL)
		return SP_ERR_NOMEM;
	f->bytes = sp_buf_new(SP_IPC_FRAME_MAX + 4);
	r = f->bytes == NULL ? SP_ERR_NOMEM : sp_ipc_frame(f->bytes, type, id, body);
	for (size_t i = 0; r == 0 && i < nfds; i++) {
		int copy = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

		if (copy < 0)
			r = SP_ERR_SYSTEM;
		else
			f->fds[f->nfds++] = copy;
	}
	if (r != 0) {
		sp_peer_frame_free(f);
		return r;
	}
	*ret_f = f;
	return 0;
}

int
sp_peer_send(struct sp_peer *p, uint8_t type, uint32_t id, const struct sp_buf *body, const int *fds, size_t nfds)
{
	bool was_empty = STAILQ_EMPTY(&p->queue);
	struct sp_peer_frame *f;
	size_t n;
	int r;

	if (p->is_closed || p->is_freed || p->is_finishing || p->fatal != 0)
		return SP_ERR_CLOSED;
	if (nfds > SP_IPC_FDS_MAX)
		return SP_ERR_LIMIT;
	r = sp_peer_frame_new(type, id, body, fds, nfds, &f);
	if (r != 0)
		return r;
	n = sp_buf_len(f->bytes);
	if (n > SP_PEER_QUEUE_MAX - p->queue_bytes || nfds > SP_PEER_QUEUE_FDS_MAX - p->queue_fds) {
		sp_peer_frame_free(f);
		sp_log_warn("%s: pid %d uid %u does not read: dropped with %zu bytes waiting", p->ops->name,
		    (int)p->cred.pid, (unsigned)p->cred.uid, p->queue_bytes);
		p->fatal = SP_ERR_LIMIT;
		event_active(p->ev_write, EV_WRITE, 0);
		return SP_ERR_LIMIT;
	}
	STAILQ_INSERT_TAIL(&p->queue, f, next);
	p->queue_bytes += n;
	p->queue_fds += nfds;
	if (!was_empty)
		return 0;
	r = sp_peer_flush(p);
	if (r == SP_ERR_AGAIN)
		return event_add(p->ev_write, NULL) == 0 ? 0 : SP_ERR_NOMEM;
	if (r != 0) {
		p->fatal = r;
		event_active(p->ev_write, EV_WRITE, 0);
	}
	return 0;
}

void
sp_peer_finish(struct sp_peer *p)
{
	if (p->is_finishing || p->is_closed || p->is_freed)
		return;
	p->is_finishing = true;
	(void)event_del(p->ev_read);
	event_active(p->ev_write, EV_WRITE, 0);
}

int
sp_peer_detach(struct sp_peer *p, int *ret_fd)
{
	bool is_handling = p->depth > 0;
	size_t frame = is_handling ? p->msg.body.len + SP_IPC_HEADER : 0;

	if (p->is_closed || p->is_freed || !STAILQ_EMPTY(&p->queue) || sp_buf_len(p->in) != frame)
		return SP_ERR_CONFLICT;
	*ret_fd = p->fd;
	p->fd = -1;
	sp_peer_free(p);
	return 0;
}
