/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyport watch: a live session's terminal as it goes on, from its record. There is no way from here to the session:
 * nothing is sent to it, and nothing that it shows is answered (proto/termfilter.h).
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/record.h"
#include "proto/termfilter.h"

#define SP_CLI_WATCH_LOOK_MS 50 /* between two looks at the record */

struct sp_cli_watch {
	struct sp_termfilter filter;
	struct sp_buf *text;
	bool is_tty;
	bool is_over;
};

/* A key ends the watching; none is passed on. */
static bool
sp_cli_watch_is_quit(const struct sp_cli_watch *w)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char key;

	if (!w->is_tty) {
		(void)poll(NULL, 0, SP_CLI_WATCH_LOOK_MS);
		return false;
	}
	if (poll(&p, 1, SP_CLI_WATCH_LOOK_MS) <= 0)
		return false;
	return read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 3 || key == 4;
}

static int
sp_cli_watch_event(struct sp_cli_watch *w, const struct sp_event *ev)
{
	struct sp_view v;
	int r = 0;

	if (ev->type == SP_EVENT_SESSION_END) {
		w->is_over = true;
		return 0;
	}
	if (ev->type != SP_EVENT_OUTPUT && ev->type != SP_EVENT_NOTE)
		return 0;
	if (sp_event_get(ev, SP_FIELD_TEXT, &v) != 0)
		return 0;
	sp_buf_reset(w->text);
	if (ev->type == SP_EVENT_NOTE)
		sp_buf_put(w->text, "\r\n", 2);
	r = sp_termfilter_feed(&w->filter, v.data, v.len, w->text);
	if (ev->type == SP_EVENT_NOTE)
		sp_buf_put(w->text, "\r\n", 2);
	if (r == 0 && fwrite(sp_buf_data(w->text), 1, sp_buf_len(w->text), stdout) != sp_buf_len(w->text))
		r = SP_ERR_SYSTEM;
	return r;
}

static int
sp_cli_watch_run(struct sp_cli_watch *w, struct sp_tree_file *f)
{
	struct sp_event ev;
	uint64_t number;
	int r = 0;

	while (r == 0 && !w->is_over) {
		r = sp_cli_record_next(f, &number, &ev);
		if (r == 0) {
			r = sp_cli_watch_event(w, &ev);
		} else if (r == SP_ERR_NOT_FOUND) {
			(void)fflush(stdout);
			r = 0;
			if (sp_cli_watch_is_quit(w))
				break;
		}
	}
	(void)fflush(stdout);
	return r;
}

int
sp_cli_watch(int argc, char **argv)
{
	static const struct option longs[] = { { "root", required_argument, NULL, 'r' }, { 0 } };
	struct sp_cli_watch w = { .text = sp_buf_new(0) };
	const char *root = SP_CLI_ROOT;
	struct sp_tree_file *f = NULL;
	struct termios saved, raw;
	char id[SP_ULID_LEN + 1];
	json_t *header = NULL;
	int c, fd, r;

	while ((c = getopt_long(argc, argv, "r:", longs, NULL)) != -1) {
		if (c == 'r')
			root = optarg;
		else
			optind = argc;
	}
	if (optind != argc - 1 || w.text == NULL) {
		fputs("usage: sallyport watch [--root DIR] ID\n", stderr);
		sp_buf_free(w.text);
		return 2;
	}
	if (sp_cli_record_root(root, &fd) != 0) {
		sp_buf_free(w.text);
		return 2;
	}
	r = sp_cli_record_resolve(fd, argv[optind], id);
	if (r == 0)
		r = sp_cli_record_open(fd, id, &f, &header);
	if (r == 0) {
		sp_cli_record_watch(id, "watch");
		sp_termfilter_init(&w.filter, false);
		w.is_tty = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &saved) == 0;
		if (w.is_tty) {
			raw = saved;
			cfmakeraw(&raw);
			(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
		}
		r = sp_cli_watch_run(&w, f);
		if (w.is_tty)
			(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
		fprintf(stderr, "\n\033[0m\033[?25hsallyport: %s %s\n", id, w.is_over ? "has ended" : "goes on");
	}
	json_decref(header);
	sp_tree_file_free(f);
	sp_buf_free(w.text);
	(void)close(fd);
	return r == 0 ? 0 : 2;
}
