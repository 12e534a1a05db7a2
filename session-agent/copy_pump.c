/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/copy_pump.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PUMP_PIPE_SIZE (256 * 1024)

/* --- one way ------------------------------------------------------------------------------------------------ */

static void
way_shut(struct sp_copy_way *w, bool is_ours)
{
	if (w->wr != NULL)
		event_free(w->wr);
	w->wr = NULL;
	if (is_ours && w->to >= 0)
		(void)close(w->to);
	w->to = -1;
	w->is_deaf = true;
	sp_buf_reset(w->out);
}

static void
way_on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_copy_way *w = ctx;
	uint8_t *p;
	ssize_t n;

	(void)what;
	if (sp_buf_reserve(w->in, SP_COPY_PUMP_CHUNK, &p) != 0)
		return; /* it is not waited for without room */
	n = read(fd, p, SP_COPY_PUMP_CHUNK);
	if (sp_buf_unput(w->in, SP_COPY_PUMP_CHUNK - (n > 0 ? (size_t)n : 0)) != 0 || n == 0 ||
	    (n < 0 && errno != EAGAIN && errno != EINTR))
		w->has_ended = true;
	w->pump->ops->run(w->pump->ctx);
}

static void
way_on_writable(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_copy_way *w = ctx;

	(void)fd;
	(void)what;
	w->pump->ops->run(w->pump->ctx);
}

static void
way_write(struct sp_copy_way *w)
{
	while (w->to >= 0 && sp_buf_len(w->out) > 0) {
		ssize_t n = write(w->to, sp_buf_data(w->out), sp_buf_len(w->out));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			(void)event_add(w->wr, NULL);
			return;
		}
		if (n <= 0) {
			way_shut(w, w == &w->pump->up);
			return;
		}
		w->bytes += (uint64_t)n;
		if (sp_buf_consume(w->out, (size_t)n) != 0)
			return;
	}
}

static void
way_wait(struct sp_copy_way *w)
{
	if (w->rd == NULL)
		return;
	if (!w->has_ended && !w->pump->is_paused && sp_buf_room(w->in) >= SP_COPY_PUMP_CHUNK)
		(void)event_add(w->rd, NULL);
	else
		(void)event_del(w->rd);
}

static int
way_reads(struct sp_copy_way *w, int fd)
{
	w->from = fd;
	w->rd = event_new(w->pump->base, fd, EV_READ | EV_PERSIST, way_on_readable, w);
	return w->rd == NULL ? SP_ERR_NOMEM : 0;
}

static int
way_writes(struct sp_copy_way *w, int fd)
{
	w->to = fd;
	w->wr = event_new(w->pump->base, fd, EV_WRITE, way_on_writable, w);
	return w->wr == NULL ? SP_ERR_NOMEM : 0;
}

static int
way_init(struct sp_copy_way *w, struct sp_copy_pump *p)
{
	w->pump = p;
	w->from = w->to = -1;
	w->in = sp_buf_new(SP_COPY_PUMP_ROOM);
	w->out = sp_buf_new(SP_COPY_PUMP_ROOM * 2); /* what is moved on, and what is said between */
	return w->in == NULL || w->out == NULL ? SP_ERR_NOMEM : 0;
}

static void
way_clear(struct sp_copy_way *w, bool is_from_ours, bool is_to_ours)
{
	if (w->rd != NULL)
		event_free(w->rd);
	w->rd = NULL;
	if (is_from_ours && w->from >= 0)
		(void)close(w->from);
	w->from = -1;
	if (w->out != NULL)
		way_shut(w, is_to_ours);
	sp_buf_free(w->in);
	sp_buf_free(w->out);
	w->in = w->out = NULL;
}

/* --- the host's stderr ------------------------------------------------------------------------------------------ */

static void
err_line(struct sp_copy_pump *p)
{
	p->line[p->line_len] = '\0';
	if (p->line_len > 0)
		p->ops->line(p->ctx, p->line);
	p->line_len = 0;
}

static void
err_end(struct sp_copy_pump *p)
{
	if (p->err_rd != NULL)
		event_free(p->err_rd);
	p->err_rd = NULL;
	if (p->err >= 0)
		(void)close(p->err);
	p->err = -1;
}

static void
err_on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_copy_pump *p = ctx;
	char chunk[SP_COPY_PUMP_LINE_MAX];
	ssize_t i, n = read(fd, chunk, sizeof(chunk));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	for (i = 0; i < n; i++) {
		if (chunk[i] != '\n' && chunk[i] != '\0')
			p->line[p->line_len++] = chunk[i];
		if (chunk[i] == '\n' || p->line_len == SP_COPY_PUMP_LINE_MAX)
			err_line(p);
	}
	if (n <= 0) {
		err_line(p);
		err_end(p);
	}
	p->ops->run(p->ctx);
}

/* --- both ways ---------------------------------------------------------------------------------------------------- */

int
sp_copy_pump_open(struct sp_copy_pump *p, struct event_base *base, int in, int out, const struct sp_copy_pump_ops *ops,
    void *ctx)
{
	int r;

	memset(p, 0, sizeof(*p));
	p->base = base;
	p->ops = ops;
	p->ctx = ctx;
	p->err = p->theirs[0] = p->theirs[1] = p->theirs[2] = p->flags = -1;
	r = way_init(&p->up, p);
	if (way_init(&p->down, p) != 0)
		r = SP_ERR_NOMEM;
	if (r == 0)
		r = way_reads(&p->up, in);
	if (r == 0)
		r = way_writes(&p->down, out);
	if (r != 0)
		return r;
	p->flags = fcntl(out, F_GETFL);
	return p->flags < 0 || fcntl(out, F_SETFL, p->flags | O_NONBLOCK) != 0 ? SP_ERR_SYSTEM : 0;
}

void
sp_copy_pump_given(struct sp_copy_pump *p)
{
	for (int i = 0; i < 3; i++) {
		if (p->theirs[i] >= 0)
			(void)close(p->theirs[i]);
		p->theirs[i] = -1;
	}
}

void
sp_copy_pump_close(struct sp_copy_pump *p)
{
	if (p->base == NULL)
		return;
	if (p->flags >= 0 && p->down.to >= 0)
		(void)fcntl(p->down.to, F_SETFL, p->flags);
	p->flags = -1;
	sp_copy_pump_given(p);
	err_end(p);
	way_clear(&p->up, false, true);
	way_clear(&p->down, true, false);
	p->base = NULL;
}

/* One pipe; the end that is ours does not block. */
static int
pump_pipe(int ours_is, int *ret_ours, int *ret_theirs)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) != 0)
		return SP_ERR_SYSTEM;
	(void)fcntl(p[1], F_SETPIPE_SZ, PUMP_PIPE_SIZE); /* beyond the account's quota it stays as it is */
	*ret_ours = p[ours_is];
	*ret_theirs = p[1 - ours_is];
	return fcntl(p[ours_is], F_SETFL, O_NONBLOCK) != 0 ? SP_ERR_SYSTEM : 0;
}

int
sp_copy_pump_host(struct sp_copy_pump *p, int ret_fds[3])
{
	int r = pump_pipe(1, &p->up.to, &p->theirs[0]);

	if (r == 0)
		r = pump_pipe(0, &p->down.from, &p->theirs[1]);
	if (r == 0)
		r = pump_pipe(0, &p->err, &p->theirs[2]);
	if (r == 0)
		r = way_writes(&p->up, p->up.to);
	if (r == 0)
		r = way_reads(&p->down, p->down.from);
	if (r == 0) {
		p->err_rd = event_new(p->base, p->err, EV_READ | EV_PERSIST, err_on_readable, p);
		r = p->err_rd == NULL || event_add(p->err_rd, NULL) != 0 ? SP_ERR_NOMEM : 0;
	}
	for (int i = 0; i < 3; i++)
		ret_fds[i] = p->theirs[i];
	return r;
}

void
sp_copy_pump_go(struct sp_copy_pump *p)
{
	if (!p->is_paused) {
		way_write(&p->up);
		way_write(&p->down);
	}
	way_wait(&p->up);
	way_wait(&p->down);
}

void
sp_copy_pump_hush(struct sp_copy_pump *p)
{
	if (p->up.to >= 0 && sp_buf_len(p->up.out) == 0)
		way_shut(&p->up, true);
}

void
sp_copy_pump_stop(struct sp_copy_pump *p)
{
	struct event *events[] = { p->up.rd, p->up.wr, p->down.rd, p->down.wr, p->err_rd };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			(void)event_del(events[i]);
}

bool
sp_copy_pump_is_drained(const struct sp_copy_pump *p)
{
	return (p->down.from < 0 || p->down.has_ended) && p->err < 0 && (p->down.is_deaf || sp_buf_len(p->down.out) == 0);
}
