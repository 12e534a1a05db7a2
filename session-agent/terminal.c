/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal path: the person's terminal ⇄ this process ⇄ a pty of the session's
 * own, whose other side is the tool's. What the tool shows is put on record before
 * the person sees it (P2); when it cannot be, it is not shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "recorder/event.h"
#include "session-agent/session_state.h"

#define TERMINAL_TYPED_MAX ((size_t)64 * 1024) /* bytes typed that the tool has not taken */

int
sp_terminal_make(struct sp_session *s)
{
	struct winsize ws = { .ws_row = (unsigned short)s->rows, .ws_col = (unsigned short)s->cols };

	if (!s->has_tty)
		return 0;
	s->pty_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (s->pty_master < 0 || unlockpt(s->pty_master) != 0)
		return SP_ERR_SYSTEM;
	s->pty_slave = ioctl(s->pty_master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s->pty_slave < 0 || ioctl(s->pty_master, TIOCSWINSZ, &ws) != 0)
		return SP_ERR_SYSTEM;
	return 0;
}

/* --- tool to person --------------------------------------------------------------------------------- */

/* Records the chunk in hand and lets it out. False: not now. */
static bool
terminal_show(struct sp_session *s)
{
	struct sp_buf *e = sp_session_event(s);
	int r;

	sp_event_begin(e, SP_EVENT_OUTPUT, sp_event_now());
	sp_event_put(e, SP_FIELD_TEXT, s->chunk, s->chunk_len);
	r = sp_session_record_late(s);
	if (r == SP_ERR_AGAIN)
		return false;
	if (r == 0)
		r = sp_buf_put(s->to_out, s->chunk, s->chunk_len);
	s->chunk_len = 0;
	if (r != 0)
		sp_session_end(s, sp_session_fault(s) != NULL ? sp_session_fault(s) : "what the tool shows cannot be recorded");
	return r == 0;
}

static void
terminal_on_output(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_session *s = ctx;
	ssize_t n;

	(void)what;
	if (s->chunk_len != 0 || sp_buf_len(s->to_out) != 0)
		return; /* the person's side is full: the tool waits */
	n = read(fd, s->chunk, SP_SESSION_CHUNK);
	if (n > 0) {
		s->chunk_len = (size_t)n;
		(void)terminal_show(s);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		s->is_pty_drained = true; /* EIO: no process has the other side any more */
	}
	sp_session_pump(s);
}

/* --- person to tool ---------------------------------------------------------------------------------- */

static void
terminal_flush_typed(struct sp_session *s)
{
	while (sp_buf_len(s->to_pty) > 0) {
		ssize_t n = write(s->pty_master, sp_buf_data(s->to_pty), sp_buf_len(s->to_pty));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (errno == EAGAIN)
				(void)event_add(s->pty_write, NULL);
			else
				sp_buf_reset(s->to_pty);
			return;
		}
		if (sp_buf_consume(s->to_pty, (size_t)n) != 0)
			return;
	}
	if (s->in_read != NULL)
		(void)event_add(s->in_read, NULL);
}

static void
terminal_on_writable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	terminal_flush_typed(ctx);
}

static void
terminal_on_typed(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_session *s = ctx;
	uint8_t typed[4096];
	ssize_t n = read(fd, typed, sizeof(typed));

	(void)what;
	if (n > 0)
		sp_limits_touch(s);
	if (n > 0 && sp_buf_put(s->to_pty, typed, (size_t)n) == 0) {
		(void)event_del(s->in_read); /* again when the tool has taken it */
		terminal_flush_typed(s);
	} else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		(void)event_del(s->in_read); /* the person's side is gone; forcecmd says so too */
	}
	explicit_bzero(typed, sizeof(typed));
}

/* --- life -------------------------------------------------------------------------------------------- */

static int
terminal_relay(struct sp_session *s)
{
	s->chunk = malloc(SP_SESSION_CHUNK);
	s->to_pty = sp_buf_new(TERMINAL_TYPED_MAX);
	s->pty_read = event_new(s->base, s->pty_master, EV_READ | EV_PERSIST, terminal_on_output, s);
	s->pty_write = event_new(s->base, s->pty_master, EV_WRITE, terminal_on_writable, s);
	s->in_read = event_new(s->base, s->in, EV_READ | EV_PERSIST, terminal_on_typed, s);
	if (s->chunk == NULL || s->to_pty == NULL || s->pty_read == NULL || s->pty_write == NULL || s->in_read == NULL)
		return SP_ERR_NOMEM;
	if (event_add(s->pty_read, NULL) != 0 || event_add(s->in_read, NULL) != 0)
		return SP_ERR_SYSTEM;
	return 0;
}

void
sp_terminal_spawned(struct sp_session *s)
{
	if (!s->has_tty)
		return;
	(void)close(s->pty_slave); /* the tool has it now; our reads end when it lets go */
	s->pty_slave = -1;
	sp_client_raw(s, true);
	if (terminal_relay(s) != 0)
		sp_session_end(s, "the terminal cannot be served");
}

void
sp_terminal_resize(struct sp_session *s, uint32_t rows, uint32_t cols)
{
	struct winsize ws = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols };
	struct sp_buf *e;

	s->rows = rows;
	s->cols = cols;
	if (s->stage != SP_SESSION_SERVING)
		return;
	e = sp_session_event(s);
	sp_event_begin(e, SP_EVENT_RESIZE, sp_event_now());
	sp_event_put_u64(e, SP_FIELD_ROWS, rows);
	sp_event_put_u64(e, SP_FIELD_COLS, cols);
	if (sp_session_record_late(s) != 0 || s->pty_master < 0)
		return; /* a size that is not on record is not set: replay and tool stay in step */
	(void)ioctl(s->pty_master, TIOCSWINSZ, &ws);
}

void
sp_terminal_tool_exit(struct sp_session *s, bool is_signaled, int value)
{
	s->is_tool_gone = true;
	s->tool_status = is_signaled ? 128 + value : value;
	sp_session_pump(s);
}

/* After room was made anywhere: the chunk in hand goes out. */
void
sp_terminal_pump(struct sp_session *s)
{
	if (s->has_tool && s->stage == SP_SESSION_SERVING && s->chunk_len != 0)
		(void)terminal_show(s);
}

/* After what there was has been written: reads the tool on, or ends with it. */
void
sp_terminal_go_on(struct sp_session *s)
{
	bool can_read = s->chunk_len == 0 && sp_buf_len(s->to_out) == 0 && !s->is_pty_drained;

	if (!s->has_tool || s->stage != SP_SESSION_SERVING)
		return;
	if (s->pty_read != NULL && can_read)
		(void)event_add(s->pty_read, NULL);
	else if (s->pty_read != NULL)
		(void)event_del(s->pty_read);
	if (s->is_tool_gone && (s->pty_read == NULL || s->is_pty_drained) && s->chunk_len == 0)
		sp_session_exit(s, s->tool_status);
}

void
sp_terminal_free(struct sp_session *s)
{
	struct event *events[] = { s->pty_read, s->pty_write, s->in_read };
	size_t i;

	for (i = 0; i < 3; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	s->pty_read = s->pty_write = s->in_read = NULL;
	if (s->pty_slave >= 0)
		(void)close(s->pty_slave);
	if (s->pty_master >= 0)
		(void)close(s->pty_master);
	s->pty_master = s->pty_slave = -1;
	if (s->chunk != NULL)
		explicit_bzero(s->chunk, SP_SESSION_CHUNK);
	free(s->chunk);
	s->chunk = NULL;
	sp_buf_free(s->to_pty);
	s->to_pty = NULL;
}
