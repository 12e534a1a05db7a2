/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/player.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/screen.h"
#include "proto/termfilter.h"
#include "lib/ipc.h"

#define SP_PLAYER_FIRST 1024 /* frames allocated first */
#define SP_PLAYER_STEP 5.0 /* seconds an arrow to the side moves */
#define SP_PLAYER_LEAP 60.0 /* and one up or down */
#define SP_PLAYER_FASTEST 64.0
#define SP_PLAYER_SLOWEST 0.125
#define SP_PLAYER_TICK_MS 200 /* between two looks at the clock and the viewer's size, at most */
#define SP_PLAYER_SAY_MS 2000 /* a message stays */
#define SP_PLAYER_BURST 4096 /* frames shown before keys are looked at again */
#define SP_PLAYER_ENTER "\033[?1049h\033[?7l"
#define SP_PLAYER_LEAVE "\033[0m\033[?7h\033[?25h\033[?1049l"

struct sp_player_frame {
	double at; /* seconds from the start, pauses cut */
	uint8_t *data; /* NULL: a new size */
	size_t len;
	unsigned rows, cols;
};

enum sp_player_mode {
	SP_PLAYER_PLAYS,
	SP_PLAYER_PAUSES,
	SP_PLAYER_HELPS, /* the page of keys; any key goes back to a pause */
	SP_PLAYER_ASKS	 /* for a text to look for */
};

struct sp_player {
	struct sp_player_frame *frames;
	size_t count, cap, bytes;
	size_t next; /* first frame not shown */
	unsigned rows, cols; /* at the start */
	double idle, now, speed;
	uint64_t last_ns;
	bool is_started; /* last_ns is known */
	enum sp_player_mode mode;
	struct sp_screen *screen;
	struct sp_buf *out;
	unsigned view_rows, view_cols;
	char search[SP_PLAYER_SEARCH_MAX];
	size_t search_len;
	char say[128];
	int64_t say_until;
};

static volatile sig_atomic_t sp_player_is_over;

static const char *const sp_player_help[] = {
	"",
	"  space          pause, and go on",
	"  + and -        double and halve the speed; 1: as it was",
	"  left, right    5 seconds back and on",
	"  down, up       a minute back and on",
	"  home, end      the start and the end (also g and G)",
	"  .              while paused: the next output",
	"  /              look for a text on the screen from here on",
	"  n              look for it again",
	"  ?              this page",
	"  q              quit",
	"",
	"  The recorded terminal is shown as it was. Where it was larger than this one,",
	"  the last line says so and the lines around the cursor are shown.",
};

int
sp_player_new(unsigned rows, unsigned cols, double speed, double idle, struct sp_player **ret_p)
{
	struct sp_player *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return SP_ERR_NOMEM;
	p->rows = rows;
	p->cols = cols;
	p->speed = speed;
	p->idle = idle;
	p->out = sp_buf_new(0);
	if (p->out == NULL || sp_screen_new(rows, cols, &p->screen) != 0) {
		sp_player_free(p);
		return SP_ERR_NOMEM;
	}
	*ret_p = p;
	return 0;
}

void
sp_player_free(struct sp_player *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->count; i++)
		free(p->frames[i].data);
	free(p->frames);
	sp_screen_free(p->screen);
	sp_buf_free(p->out);
	free(p);
}

static int
sp_player_frame_new(struct sp_player *p, uint64_t time_ns, struct sp_player_frame **ret_f)
{
	double gap = !p->is_started || time_ns < p->last_ns ? 0 : (double)(time_ns - p->last_ns) / 1e9;
	struct sp_player_frame *grown;

	if (p->count >= SP_PLAYER_FRAMES_MAX)
		return SP_ERR_LIMIT;
	if (p->count == p->cap) {
		size_t cap = p->cap == 0 ? SP_PLAYER_FIRST : p->cap * 2;

		grown = realloc(p->frames, cap * sizeof(p->frames[0]));
		if (grown == NULL)
			return SP_ERR_NOMEM;
		p->frames = grown;
		p->cap = cap;
	}
	*ret_f = &p->frames[p->count];
	memset(*ret_f, 0, sizeof(**ret_f));
	(*ret_f)->at = (p->count == 0 ? 0 : p->frames[p->count - 1].at) + (gap > p->idle ? p->idle : gap);
	p->last_ns = time_ns;
	p->is_started = true;
	return 0;
}

int
sp_player_add(struct sp_player *p, uint64_t time_ns, const void *data, size_t len)
{
	struct sp_player_frame *f;
	int r;

	if (len > SP_PLAYER_BYTES_MAX - p->bytes)
		return SP_ERR_LIMIT;
	r = sp_player_frame_new(p, time_ns, &f);
	if (r != 0)
		return r;
	f->data = malloc(len + 1);
	if (f->data == NULL)
		return SP_ERR_NOMEM;
	memcpy(f->data, data, len);
	f->len = len;
	p->bytes += len;
	p->count++;
	return 0;
}

int
sp_player_add_size(struct sp_player *p, uint64_t time_ns, unsigned rows, unsigned cols)
{
	struct sp_player_frame *f;
	int r = sp_player_frame_new(p, time_ns, &f);

	if (r != 0)
		return r;
	f->rows = rows;
	f->cols = cols;
	p->count++;
	return 0;
}

static int
sp_player_write(struct sp_player *p)
{
	const uint8_t *d = sp_buf_data(p->out);
	size_t n = sp_buf_len(p->out);

	while (n > 0) {
		ssize_t w = write(STDOUT_FILENO, d, n);

		if (w < 0 && errno == EINTR && !sp_player_is_over)
			continue;
		if (w <= 0)
			return SP_ERR_SYSTEM;
		d += w;
		n -= (size_t)w;
	}
	sp_buf_reset(p->out);
	return 0;
}

int
sp_player_dump(struct sp_player *p)
{
	struct sp_termfilter filter;
	int r = 0;

	sp_termfilter_init(&filter, false);
	for (size_t i = 0; i < p->count && r == 0; i++) {
		if (p->frames[i].data != NULL)
			r = sp_termfilter_feed(&filter, p->frames[i].data, p->frames[i].len, p->out);
		if (r == 0)
			r = sp_player_write(p);
	}
	return r == SP_ERR_SYSTEM ? 0 : r; /* whoever reads has had enough */
}

/* --- the position -------------------------------------------------------------------------------------------- */

static double
sp_player_end(const struct sp_player *p)
{
	return p->count == 0 ? 0 : p->frames[p->count - 1].at;
}

static bool
sp_player_is_at_end(const struct sp_player *p)
{
	return p->next >= p->count;
}

static void
sp_player_advance(struct sp_player *p)
{
	const struct sp_player_frame *f = &p->frames[p->next++];

	if ((f->data == NULL ? sp_screen_resize(p->screen, f->rows, f->cols) : sp_screen_feed(p->screen, f->data, f->len)) != 0)
		sp_player_is_over = 1; /* memory is out */
}

static void
sp_player_rewind(struct sp_player *p)
{
	p->next = 0;
	if (sp_screen_reset(p->screen, p->rows, p->cols) != 0)
		sp_player_is_over = 1;
}

/* Everything up to the position, or a part of it that keeps the keys alive. */
static void
sp_player_catch_up(struct sp_player *p, size_t most)
{
	while (!sp_player_is_at_end(p) && p->frames[p->next].at <= p->now && most-- > 0)
		sp_player_advance(p);
}

/* Back means from the start again, without waiting. */
static void
sp_player_seek(struct sp_player *p, double to)
{
	double end = sp_player_end(p);

	to = to < 0 ? 0 : to > end ? end : to;
	if (to < p->now) {
		sp_player_rewind(p);
	}
	p->now = to;
	sp_player_catch_up(p, p->count);
}

static void
sp_player_say(struct sp_player *p, const char *text)
{
	(void)snprintf(p->say, sizeof(p->say), "%s", text);
	p->say_until = sp_ipc_now_ms() + SP_PLAYER_SAY_MS;
}

/* Goes to the next output after which the text stands on the screen once more than before. */
static void
sp_player_find(struct sp_player *p)
{
	double from = p->now;
	size_t next = p->next, had, has;
	char text[SP_PLAYER_SEARCH_MAX + 32];

	if (p->search_len == 0)
		return;
	p->mode = SP_PLAYER_PAUSES;
	for (had = sp_screen_count(p->screen, p->search); !sp_player_is_at_end(p); had = has) {
		p->now = p->frames[p->next].at;
		sp_player_advance(p);
		has = sp_screen_count(p->screen, p->search);
		if (has > had)
			return;
	}
	sp_player_rewind(p);
	while (p->next < next)
		sp_player_advance(p);
	p->now = from;
	(void)snprintf(text, sizeof(text), "not found from here on: %s", p->search);
	sp_player_say(p, text);
}

/* --- what is shown --------------------------------------------------------------------------------------------- */

static void
sp_player_status(const struct sp_player *p, bool is_cut, char *out, size_t size)
{
	unsigned now = (unsigned)p->now, end = (unsigned)sp_player_end(p), rows, cols;
	int n;

	sp_screen_size(p->screen, &rows, &cols);
	if (p->mode == SP_PLAYER_ASKS) {
		(void)snprintf(out, size, " look for: %s_", p->search);
		return;
	}
	n = snprintf(out, size, " %u:%02u of %u:%02u  x%g  %s", now / 60, now % 60, end / 60, end % 60, p->speed,
	    sp_player_is_at_end(p) ? "end" : p->mode == SP_PLAYER_PLAYS ? "playing" : "paused");
	if (is_cut && n > 0 && (size_t)n < size)
		n += snprintf(out + n, size - (size_t)n, "  recorded %ux%u, this terminal has %ux%u: a part is shown", cols, rows,
		    p->view_cols, p->view_rows);
	if (n > 0 && (size_t)n < size)
		(void)snprintf(out + n, size - (size_t)n, "  %s", p->say[0] != 0 ? p->say : "? for help, q quits");
}

/* The last line is used where there is one to spare, and otherwise while there is something to say. */
static int
sp_player_draw(struct sp_player *p)
{
	struct winsize w = {0};
	unsigned rows, cols;
	char status[512];
	bool is_cut, has_status;
	int r;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_row == 0 || w.ws_col == 0) {
		w.ws_row = 24;
		w.ws_col = 80;
	}
	p->view_rows = w.ws_row;
	p->view_cols = w.ws_col;
	if (sp_ipc_now_ms() >= p->say_until)
		p->say[0] = 0;
	sp_screen_size(p->screen, &rows, &cols);
	is_cut = rows > p->view_rows || cols > p->view_cols;
	has_status = is_cut || rows < p->view_rows || p->mode != SP_PLAYER_PLAYS || p->say[0] != 0 || sp_player_is_at_end(p);
	sp_player_status(p, is_cut, status, sizeof(status));
	if (p->mode == SP_PLAYER_HELPS)
		r = sp_screen_page(p->screen, p->view_rows, p->view_cols, sp_player_help,
		    sizeof(sp_player_help) / sizeof(sp_player_help[0]), " any key goes back", p->out);
	else
		r = sp_screen_draw(p->screen, p->view_rows, p->view_cols, has_status ? status : NULL, p->out);
	return r != 0 ? r : sp_player_write(p);
}

/* --- keys ---------------------------------------------------------------------------------------------------------- */

enum sp_player_key {
	SP_PLAYER_KEY_LEFT = 256,
	SP_PLAYER_KEY_RIGHT,
	SP_PLAYER_KEY_UP,
	SP_PLAYER_KEY_DOWN,
	SP_PLAYER_KEY_HOME,
	SP_PLAYER_KEY_END,
	SP_PLAYER_KEY_OTHER
};

/* The key at the front of k; *ret_n: its bytes. */
static int
sp_player_key_read(const char *k, size_t n, size_t *ret_n)
{
	static const char finals[] = "DCABHF";
	const char *f;
	size_t i = 2;

	*ret_n = 1;
	if (k[0] != '\033' || n < 3 || (k[1] != '[' && k[1] != 'O'))
		return (unsigned char)k[0];
	while (i < n - 1 && (unsigned char)k[i] < 0x40)
		i++;
	*ret_n = i + 1;
	if (k[i] == '~')
		return k[2] == '1' || k[2] == '7' ? SP_PLAYER_KEY_HOME :
		    k[2] == '4' || k[2] == '8'	  ? SP_PLAYER_KEY_END :
						    SP_PLAYER_KEY_OTHER;
	f = k[i] == 0 ? NULL : strchr(finals, k[i]);
	return f == NULL ? SP_PLAYER_KEY_OTHER : SP_PLAYER_KEY_LEFT + (int)(f - finals);
}

static void
sp_player_ask(struct sp_player *p, int key)
{
	if (key == '\r' || key == '\n') {
		p->mode = SP_PLAYER_PAUSES;
		sp_player_find(p);
	} else if (key == '\033' || key == 3) {
		p->mode = SP_PLAYER_PAUSES;
	} else if (key == 0x7f || key == '\b') {
		while (p->search_len > 0 && ((unsigned char)p->search[--p->search_len] & 0xc0) == 0x80)
			;
		p->search[p->search_len] = 0;
	} else if (key >= ' ' && key < 256 && p->search_len + 1 < sizeof(p->search)) {
		p->search[p->search_len++] = (char)key;
		p->search[p->search_len] = 0;
	}
}

static void
sp_player_speed(struct sp_player *p, double speed)
{
	char text[32];

	p->speed = speed > SP_PLAYER_FASTEST ? SP_PLAYER_FASTEST : speed < SP_PLAYER_SLOWEST ? SP_PLAYER_SLOWEST : speed;
	(void)snprintf(text, sizeof(text), "speed x%g", p->speed);
	sp_player_say(p, text);
}

static void
sp_player_step(struct sp_player *p)
{
	if (p->mode != SP_PLAYER_PAUSES || sp_player_is_at_end(p))
		return;
	p->now = p->frames[p->next].at;
	sp_player_advance(p);
}

static void
sp_player_key(struct sp_player *p, int key)
{
	if (p->mode == SP_PLAYER_ASKS) {
		sp_player_ask(p, key);
		return;
	}
	if (p->mode == SP_PLAYER_HELPS) {
		p->mode = SP_PLAYER_PAUSES;
		return;
	}
	switch (key) {
	case 'q':
	case 3:
		sp_player_is_over = 1;
		break;
	case ' ':
		p->mode = p->mode == SP_PLAYER_PLAYS ? SP_PLAYER_PAUSES : SP_PLAYER_PLAYS;
		break;
	case '+':
	case '=':
		sp_player_speed(p, p->speed * 2);
		break;
	case '-':
		sp_player_speed(p, p->speed / 2);
		break;
	case '1':
		sp_player_speed(p, 1);
		break;
	case SP_PLAYER_KEY_LEFT:
		sp_player_seek(p, p->now - SP_PLAYER_STEP);
		break;
	case SP_PLAYER_KEY_RIGHT:
		sp_player_seek(p, p->now + SP_PLAYER_STEP);
		break;
	case SP_PLAYER_KEY_DOWN:
		sp_player_seek(p, p->now - SP_PLAYER_LEAP);
		break;
	case SP_PLAYER_KEY_UP:
		sp_player_seek(p, p->now + SP_PLAYER_LEAP);
		break;
	case SP_PLAYER_KEY_HOME:
	case 'g':
		sp_player_seek(p, 0);
		break;
	case SP_PLAYER_KEY_END:
	case 'G':
		sp_player_seek(p, sp_player_end(p));
		break;
	case '.':
		sp_player_step(p);
		break;
	case '/':
		p->search_len = 0;
		p->search[0] = 0;
		p->mode = SP_PLAYER_ASKS;
		break;
	case 'n':
		sp_player_find(p);
		break;
	case '?':
		p->mode = SP_PLAYER_HELPS;
		break;
	default:
		sp_player_say(p, "? for help");
	}
}

static void
sp_player_keys(struct sp_player *p)
{
	char k[64];
	ssize_t n = read(STDIN_FILENO, k, sizeof(k));

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		sp_player_is_over = 1;
	for (size_t at = 0, used; n > 0 && at < (size_t)n && !sp_player_is_over; at += used)
		sp_player_key(p, sp_player_key_read(k + at, (size_t)n - at, &used));
}

/* --- all together ---------------------------------------------------------------------------------------------- */

static int
sp_player_wait(const struct sp_player *p)
{
	double ms;

	if (p->mode != SP_PLAYER_PLAYS || sp_player_is_at_end(p))
		return SP_PLAYER_TICK_MS;
	ms = (p->frames[p->next].at - p->now) / p->speed * 1000;
	return ms < 1 ? 1 : ms > SP_PLAYER_TICK_MS ? SP_PLAYER_TICK_MS : (int)ms;
}

static int
sp_player_loop(struct sp_player *p)
{
	struct pollfd in = {STDIN_FILENO, POLLIN, 0};
	int64_t before = sp_ipc_now_ms(), now;
	int r = 0;

	while (r == 0 && !sp_player_is_over) {
		sp_player_catch_up(p, SP_PLAYER_BURST);
		r = sp_player_draw(p);
		if (r == 0 && poll(&in, 1, sp_player_wait(p)) > 0)
			sp_player_keys(p);
		now = sp_ipc_now_ms();
		if (p->mode == SP_PLAYER_PLAYS && !sp_player_is_at_end(p))
			p->now += (double)(now - before) / 1000 * p->speed;
		if (p->now > sp_player_end(p))
			p->now = sp_player_end(p);
		before = now;
	}
	return r;
}

static void
sp_player_on_signal(int sig)
{
	(void)sig;
	sp_player_is_over = 1;
}

int
sp_player_run(struct sp_player *p)
{
	struct sigaction sa = {.sa_handler = sp_player_on_signal};
	struct termios old, raw;
	int r;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return SP_ERR_SYSTEM;
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
	raw = old;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG);
	raw.c_oflag &= (tcflag_t)~OPOST;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	sp_buf_putf(p->out, SP_PLAYER_ENTER);
	r = sp_player_loop(p);
	sp_buf_reset(p->out);
	sp_buf_putf(p->out, SP_PLAYER_LEAVE);
	sp_player_is_over = 0; /* this is to be written even so */
	(void)sp_player_write(p);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
	return r == SP_ERR_SYSTEM ? 0 : r;
}
