/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport replay: a session's terminal again, its text, or its events. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/lines.h"
#include "cli/player.h"
#include "cli/record.h"
#include "lib/text.h"
#include "recorder/seal.h"

#define SP_CLI_REPLAY_CELL ((size_t)4096) /* bytes of one value in the list of events */

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
sp_cli_replay_events(struct sp_tree_file *f)
{
	struct sp_buf *b = sp_buf_new(0);
	struct sp_event ev;
	uint64_t number;
	int r = b == NULL ? SP_ERR_NOMEM : 0;

	while (r == 0 && (r = sp_cli_record_next(f, &number, &ev)) == 0)
		sp_cli_replay_event(number, &ev, b);
	sp_buf_free(b);
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

static int
sp_cli_replay_line(uint64_t time_ns, const char *p, size_t n, void *ctx)
{
	(void)time_ns;
	(void)ctx;
	return fwrite(p, 1, n, stdout) == n && putchar('\n') != EOF ? 0 : SP_ERR_SYSTEM;
}

/* What could be read, a line a line. */
static int
sp_cli_replay_text(struct sp_tree_file *f, const json_t *header)
{
	struct sp_lines *lines = NULL;
	struct sp_event ev;
	uint64_t number;
	int r = sp_lines_new(header, sp_cli_replay_line, NULL, &lines);

	while (r == 0 && (r = sp_cli_record_next(f, &number, &ev)) == 0)
		r = sp_lines_event(lines, &ev);
	if (r == SP_ERR_NOT_FOUND)
		r = sp_lines_finish(lines);
	sp_lines_free(lines);
	return r;
}

/* --- the terminal ------------------------------------------------------------------------------------- */

static int
sp_cli_replay_load(struct sp_player *p, struct sp_tree_file *f)
{
	struct sp_event ev;
	struct sp_view v;
	uint64_t number, rows, cols;
	int r;

	while ((r = sp_cli_record_next(f, &number, &ev)) == 0) {
		if (ev.type == SP_EVENT_OUTPUT && sp_event_get(&ev, SP_FIELD_TEXT, &v) == 0)
			r = sp_player_add(p, ev.time_ns, v.data, v.len);
		else if (ev.type == SP_EVENT_RESIZE && sp_event_get_u64(&ev, SP_FIELD_ROWS, &rows) == 0 &&
		    sp_event_get_u64(&ev, SP_FIELD_COLS, &cols) == 0)
			r = sp_player_add_size(p, ev.time_ns, (unsigned)rows, (unsigned)cols);
		if (r != 0)
			break;
	}
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

/* On a terminal that can: plays; into a pipe or file: writes it all at once. */
static int
sp_cli_replay_terminal(struct sp_tree_file *f, const json_t *header, double speed, double idle)
{
	const char *term = getenv("TERM");
	struct sp_player *p = NULL;
	uint64_t rows, cols;
	int r;

	if (sp_seal_get_u64(header, "rows", &rows) != 0 || rows == 0 || rows > UINT16_MAX)
		rows = 24;
	if (sp_seal_get_u64(header, "cols", &cols) != 0 || cols == 0 || cols > UINT16_MAX)
		cols = 80;
	r = sp_player_new((unsigned)rows, (unsigned)cols, speed, idle, &p);
	if (r == 0)
		r = sp_cli_replay_load(p, f);
	if (r == 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term != NULL && strcmp(term, "dumb") != 0)
		r = sp_player_run(p);
	else if (r == 0)
		r = sp_player_dump(p);
	sp_player_free(p);
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
		r = strcmp(action, "replay") == 0 ? sp_cli_replay_terminal(f, header, speed, idle) :
		    strcmp(action, "text") == 0		? sp_cli_replay_text(f, header) :
							  sp_cli_replay_events(f);
	}
	if (r == SP_ERR_LIMIT || r == SP_ERR_NOMEM)
		fprintf(stderr, "sallyport: the session is too large to replay; see --text and sallyport export\n");
	json_decref(header);
	sp_tree_file_free(f);
	(void)close(fd);
	return r == 0 ? 0 : 2;
}
