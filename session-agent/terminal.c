/* SPDX-License-Identifier: Apache-2.0 */
/* The pty of the session's own, whose other side is the program's (setsid there, so that TIOCSTI leads nowhere). */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "recorder/event.h"
#include "session-agent/relay.h"

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
		return; /* a size that is not on record is not set: replay and program stay in step */
	(void)ioctl(s->pty_master, TIOCSWINSZ, &ws);
	sp_relay_resized(s);
}

void
sp_terminal_free(struct sp_session *s)
{
	if (s->pty_slave >= 0)
		(void)close(s->pty_slave);
	if (s->pty_master >= 0)
		(void)close(s->pty_master);
	s->pty_master = s->pty_slave = -1;
}
