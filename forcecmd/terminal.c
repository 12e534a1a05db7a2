/* SPDX-License-Identifier: Apache-2.0 */
#include "forcecmd/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* One terminal a process, so this is the one place with state. */
static struct {
	bool is_open;
	bool is_raw;
	struct termios saved;
} terminal;

bool
sp_terminal_open(void)
{
	terminal.is_open =
	    isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &terminal.saved) == 0;
	return terminal.is_open;
}

static int
terminal_set(const struct termios *t)
{
	while (tcsetattr(STDIN_FILENO, TCSADRAIN, t) != 0)
		if (errno != EINTR)
			return SP_ERR_SYSTEM;
	return 0;
}

int
sp_terminal_raw(bool raw)
{
	struct termios t = terminal.saved;
	int r;

	if (!terminal.is_open || raw == terminal.is_raw)
		return 0;
	if (raw) {
		cfmakeraw(&t);
		t.c_cc[VMIN] = 1;
		t.c_cc[VTIME] = 0;
	}
	r = terminal_set(&t);
	if (r == 0)
		terminal.is_raw = raw;
	return r;
}

void
sp_terminal_restore(void)
{
	if (sp_terminal_raw(false) != 0)
		terminal.is_raw = false; /* the terminal is gone: nothing to put back */
}

void
sp_terminal_size(uint32_t *ret_rows, uint32_t *ret_cols)
{
	struct winsize ws = { 0 };

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) != 0)
		ws.ws_row = ws.ws_col = 0;
	*ret_rows = ws.ws_row;
	*ret_cols = ws.ws_col;
}
