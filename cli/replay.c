/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport replay: a session's terminal again, its text, or its events. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/record.h"
#include "cli/termfilter.h"
#include "lib/ipc.h"
#include "lib/text.h"

#define SP_CLI_REPLAY_MAX ((size_t)512 * 1024 * 1024) /* bytes of output held for seeking */
#define SP_CLI_REPLAY_CELL ((size_t)4096) /* bytes of one value in the list of events */
#define SP_CLI_REPLAY_SEEK 5.0 /* seconds an arrow key moves */
#define SP_CLI_REPLAY_FIRST 1024 /* frames allocated first */
#define SP_CLI_RESET "\033[0m\033[?7h\033[?25h\033[?1049l\033[r\033(B" /* whatever the output left behind */

struct sp_cli_frame {
	double at; /* seconds from the start, pauses shortened */
	uint8_t *data;
	size_t len;
};

struct sp_cli_player {
	struct sp_cli_frame *frames;
	size_t count;
	size_t cap;
	size_t bytes;
	size_t next; /* first frame not shown */
	double now;  /* playing position, seconds */
	double speed;
	bool is_paused;
	struct sp_termfilter filter;
	struct sp_buf *out;
};

/* --- events and text ---------------------------------------------------------------------------------- */

static void
sp_cli_replay_event(uint64_t number, const struct sp_event *ev, struct sp_buf *line)
{
	time_t t = (time_t)(ev->time_ns / 1000000000);
	struct sp_view v;
	struct tm tm;
	char when[32] = "";
	size_t off = 0;
	int field;

	if (localtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%6llu  %s.%03u  %-16s", (unsigned long long)number, when, (unsigned)(ev->time_ns / 1000000 % 1000),
	    sp_event_type_name((int)ev->type));
	while (sp_event_next(ev, &off, &field, &v) == 0) {
		sp_buf_reset(line);
		if (sp_event_field_is_number(field)) {
			uint64_t n = 0;

			for (size_t i = 0; i < v.len; i++)
				n = n << 8 | v.data[i];
			sp_buf_putf(line, "%llu", (unsigned long long)n);
		} else if (field == SP_FIELD_DIGEST) {
			for (size_t i = 0; i < v.len; i++)
				sp_buf_putf(line, "%02x", v.data[i]);
		} else {
			sp_buf_put_u8(line, '"');
			sp_text_escape(line, v.data, v.len, SP_CLI_REPLAY_CELL);
			sp_buf_put_u8(line, '"');
		}
		printf(" %s=%.*s", sp_event_field_name(field), (int)sp_buf_len(line), (const char *)sp_buf_data(line));
	}
	putchar('\n');
}

static int
sp_cli_replay_list(struct sp_tree_file *f, bool is_text)
{
	struct sp_buf *b = sp_buf_new(0);
	struct sp_termfilter filter;
	struct sp_event ev;
	struct sp_view v;
	uint64_t number;
	int r = b == NULL ? SP_ERR_NOMEM : 0;

	sp_termfilter_init(&filter, true);
	while (r == 0 && (r = sp_cli_record_next(f, &number, &ev)) == 0) {
		if (!is_text) {
			sp_cli_replay_event(number, &ev, b);
		} else if (ev.type == SP_EVENT_OUTPUT && sp_event_get(&ev, SP_FIELD_TEXT, &v) == 0) {
			sp_buf_reset(b);
			r = sp_termfilter_feed(&filter, v.data, v.len, b);
			(void)fwrite(sp_buf_data(b), 1, sp_buf_len(b), stdout);
		}
	}
	sp_buf_free(b);
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

/* --- the player --------------------------------------------------------------------------------------- */

static int
sp_cli_player_add(struct sp_cli_player *p, double at, const struct sp_view *v)
{
	struct sp_cli_frame *grown;

	if (v->len > SP_CLI_REPLAY_MAX - p->bytes)
		return SP_ERR_LIMIT;
	if (p->count == p->cap) {
		p->cap = p->cap == 0 ? SP_CLI_REPLAY_FIRST : p->cap * 2;
		grown = realloc(p->frames, p->cap * sizeof(p->frames[0]));
		if (grown == NULL)
			return SP_ERR_NOMEM;
		p->frames = grown;
	}
	p->frames[p->count] = (struct sp_cli_frame){ at, malloc(v->len + 1), v->len };
	if (p->frames[p->count].data == NULL)
		return SP_ERR_NOMEM;
	memcpy(p->frames[p->count].data, v->data, v->len);
	p->bytes += v->len;
	p->count++;
	return 0;
}

static int
sp_cli_player_load(struct sp_cli_player *p, struct sp_tree_file *f, double idle)
{
	struct sp_event ev;
	struct sp_view v;
	uint64_t number, last = 0;
	double at = 0, gap;
	int r;

	while ((r = sp_cli_record_next(f, &number, &ev)) == 0) {
		if (ev.type != SP_EVENT_OUTPUT || sp_event_get(&ev, SP_FIELD_TEXT, &v) != 0)
			continue;
		gap = last == 0 || ev.time_ns < last ? 0 : (double)(ev.time_ns - last) / 1e9;
		at += gap > idle ? idle : gap;
		last = ev.time_ns;
		r = sp_cli_player_add(p, at, &v);
		if (r != 0)
			break;
	}
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

static void
sp_cli_player_write(struct sp_cli_player *p)
{
	const uint8_t *d = sp_buf_data(p->out);
	size_t n = sp_buf_len(p->out);

	while (n > 0) {
		ssize_t w = write(STDOUT_FILENO, d, n);

		if (w <= 0)
			break;
		d += w;
		n -= (size_t)w;
	}
	sp_buf_reset(p->out);
}

/* Shows everything up to the playing position. */
static void
sp_cli_player_show(struct sp_cli_player *p)
{
	while (p->next < p->count && p->frames[p->next].at <= p->now) {
		const struct sp_cli_frame *f = &p->frames[p->next++];

		(void)sp_termfilter_feed(&p->filter, f->data, f->len, p->out);
		if (sp_buf_len(p->out) > SP_BUF_MAX / 4)
			sp_cli_player_write(p);
	}
	sp_cli_player_write(p);
}

/* Goes to another position: back means from the start again, without waiting. */
static void
sp_cli_player_seek(struct sp_cli_player *p, double to)
{
	double end = p->count == 0 ? 0 : p->frames[p->count - 1].at;

	to = to < 0 ? 0 : to > end ? end : to;
	if (to < p->now) {
		p->next = 0;
		sp_termfilter_init(&p->filter, false);
		sp_buf_putf(p->out, SP_CLI_RESET "\033[2J\033[H");
	}
	p->now = to;
	sp_cli_player_show(p);
}

/* True: quit. */
static bool
sp_cli_player_key(struct sp_cli_player *p, const char *k, ssize_t n)
{
	if (n >= 3 && memcmp(k, "\033[C", 3) == 0)
		sp_cli_player_seek(p, p->now + SP_CLI_REPLAY_SEEK);
	else if (n >= 3 && memcmp(k, "\033[D", 3) == 0)
		sp_cli_player_seek(p, p->now - SP_CLI_REPLAY_SEEK);
	else if (n < 1)
		return n == 0;
	else if (k[0] == '+' || k[0] == '=')
		p->speed = p->speed >= 64 ? 64 : p->speed * 2;
	else if (k[0] == '-')
		p->speed = p->speed <= 0.125 ? 0.125 : p->speed / 2;
	else if (k[0] == ' ')
		p->is_paused = !p->is_paused;
	else if (k[0] == 'q' || k[0] == 3)
		return true;
	return false;
}

static void
sp_cli_player_loop(struct sp_cli_player *p)
{
	struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
	int64_t before = sp_ipc_now_ms(), now;
	bool is_over = false;
	char k[16];

	sp_cli_player_show(p);
	while (!is_over && (p->next < p->count || p->is_paused)) {
		double wait = p->next < p->count ? (p->frames[p->next].at - p->now) / p->speed * 1000 : 1000;

		if (poll(&in, 1, p->is_paused ? -1 : wait < 1 ? 1 : wait > 1000 ? 1000 : (int)wait) > 0)
			is_over = sp_cli_player_key(p, k, read(STDIN_FILENO, k, sizeof(k)));
		now = sp_ipc_now_ms();
		if (!p->is_paused) {
			p->now += (double)(now - before) / 1000 * p->speed;
			sp_cli_player_show(p);
		}
		before = now;
	}
}

/* On a terminal: plays; into a pipe or file: writes it all at once. */
static void
sp_cli_player_run(struct sp_cli_player *p)
{
	struct termios old, raw;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &old) != 0) {
		sp_cli_player_seek(p, p->count == 0 ? 0 : p->frames[p->count - 1].at);
		return;
	}
	raw = old;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG);
	raw.c_oflag &= (tcflag_t)~OPOST; /* the record holds CR LF already */
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	sp_cli_player_loop(p);
	sp_buf_putf(p->out, SP_CLI_RESET "\r\n");
	sp_cli_player_write(p);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
}

static int
sp_cli_replay_terminal(struct sp_tree_file *f, double speed, double idle)
{
	struct sp_cli_player p = { .speed = speed, .out = sp_buf_new(0) };
	int r = p.out == NULL ? SP_ERR_NOMEM : sp_cli_player_load(&p, f, idle);

	sp_termfilter_init(&p.filter, false);
	if (r == 0)
		sp_cli_player_run(&p);
	for (size_t i = 0; i < p.count; i++)
		free(p.frames[i].data);
	free(p.frames);
	sp_buf_free(p.out);
	return r;
}

int
sp_cli_replay(int argc, char **argv)
{
	static const struct option longs[] = { { "events", no_argument, NULL, 'e' }, { "text", no_argument, NULL, 't' },
		{ "speed", required_argument, NULL, 's' }, { "idle", required_argument, NULL, 'i' },
		{ "root", required_argument, NULL, 'r' }, { 0 } };
	const char *root = SP_CLI_ROOT, *action = "replay";
	double speed = 1, idle = 2;
	struct sp_tree_file *f = NULL;
	char id[SP_ULID_LEN + 1];
	json_t *header = NULL;
	int c, fd, r;

	while ((c = getopt_long(argc, argv, "ei:r:s:t", longs, NULL)) != -1) {
		if (c == 'e')
			action = "events";
		else if (c == 't')
			action = "text";
		else if (c == 'i')
			idle = strtod(optarg, NULL);
		else if (c == 's')
			speed = strtod(optarg, NULL);
		else if (c == 'r')
			root = optarg;
		else
			optind = argc;
	}
	if (optind != argc - 1 || !(speed > 0.01 && speed <= 1000) || !(idle > 0)) {
		fputs("usage: sallyport replay [--events | --text] [--speed N] [--idle SECONDS] [--root DIR] ID\n", stderr);
		return 2;
	}
	if (sp_cli_record_root(root, &fd) != 0)
		return 2;
	r = sp_cli_record_resolve(fd, argv[optind], id);
	if (r == 0)
		r = sp_cli_record_open(fd, id, &f, &header);
	if (r == 0) {
		sp_cli_record_watch(id, action);
		r = strcmp(action, "replay") == 0 ? sp_cli_replay_terminal(f, speed, idle) :
						    sp_cli_replay_list(f, strcmp(action, "text") == 0);
	}
	if (r == SP_ERR_LIMIT || r == SP_ERR_NOMEM)
		fprintf(stderr, "sallyport: the session is too large to replay; see --text and sallyport export\n");
	json_decref(header);
	sp_tree_file_free(f);
	(void)close(fd);
	return r == 0 ? 0 : 2;
}
