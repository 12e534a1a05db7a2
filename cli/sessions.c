/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport sessions: a table of what was recorded. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/record.h"
#include "lib/text.h"
#include "recorder/seal.h"

#define SP_CLI_LOOK 64 /* events looked at for the connection's name */

struct sp_cli_sessions {
	const char *user;
	const char *connection;
	const char *state;
	uint64_t since_ms;
	uint64_t until_ms; /* those that began before it */
	bool is_json;
	bool has_head;
	uint64_t count;
};

/* 90s 30m 2h 7d ago, or a date YYYY-MM-DD[THH:MM[:SS]] in local time. INVALID. */
static int
sp_cli_sessions_since(const char *s, uint64_t *ret_ms)
{
	static const char units[] = "smhdw";
	static const uint64_t seconds[] = { 1, 60, 3600, 86400, 7 * 86400 };
	struct tm tm = { .tm_isdst = -1 };
	char *end;
	const char *rest;
	uint64_t n = strtoull(s, &end, 10);
	const char *u = *end == '\0' ? NULL : strchr(units, *end);

	if (u != NULL && end > s && end[1] == '\0' && n < 1000000) {
		*ret_ms = ((uint64_t)time(NULL) - n * seconds[u - units]) * 1000;
		return 0;
	}
	rest = strptime(s, "%Y-%m-%d", &tm);
	if (rest != NULL && (*rest == 'T' || *rest == ' ')) {
		rest = strptime(rest + 1, "%H:%M", &tm);
		if (rest != NULL && *rest == ':')
			rest = strptime(rest, ":%S", &tm);
	}
	if (rest == NULL || *rest != '\0')
		return SP_ERR_INVALID;
	*ret_ms = (uint64_t)mktime(&tm) * 1000;
	return 0;
}

/* The first connection that the session's events name. */
static json_t *
sp_cli_sessions_connection(struct sp_tree_file *f)
{
	struct sp_event ev;
	struct sp_view v;
	uint64_t number;

	for (int i = 0; i < SP_CLI_LOOK && sp_cli_record_next(f, &number, &ev) == 0; i++) {
		if (sp_event_get(&ev, SP_FIELD_CONNECTION, &v) == 0 && v.len > 0)
			return json_stringn((const char *)v.data, v.len);
	}
	return NULL;
}

static json_t *
sp_cli_sessions_manifest(int root, const char *id)
{
	char path[SP_TREE_PATH];
	struct sp_buf *b = NULL;
	json_t *m = NULL;
	const void *nl;
	int dir;

	if (sp_tree_path(id, path) != 0 || sp_tree_open_dir(root, path, false, &dir) != 0)
		return NULL;
	if (sp_tree_slurp(dir, SP_TREE_MANIFEST, SP_SEAL_MAX, &b) == 0) {
		nl = memchr(sp_buf_data(b), '\n', sp_buf_len(b));
		if (nl != NULL)
			m = json_loadb((const char *)sp_buf_data(b), (size_t)((const uint8_t *)nl - sp_buf_data(b)), 0, NULL);
	}
	sp_buf_free(b);
	(void)close(dir);
	return m;
}

/* One object a session: the same members with --json and behind the table. */
static json_t *
sp_cli_sessions_row(const char *id, json_t *header, json_t *manifest, json_t *connection)
{
	json_t *origin = json_object_get(header, "origin"), *identity = json_object_get(header, "identity");
	json_t *row = json_object();

	json_object_set_new(row, "id", json_string(id));
	json_object_set_new(row, "started_ms", json_integer((json_int_t)sp_ulid_time_ms(id)));
	json_object_set(row, "user", json_object_get(origin, "user"));
	json_object_set(row, "email", json_object_get(identity, "email"));
	json_object_set(row, "from", json_object_get(origin, "from"));
	json_object_set(row, "command", json_object_get(header, "command"));
	json_object_set(row, "connection", connection);
	json_object_set(row, "forward", json_object_get(origin, "forward"));
	json_object_set(row, "auid", json_object_get(header, "auid"));
	json_object_set(row, "ses", json_object_get(header, "ses"));
	json_object_set_new(row, "state", json_string(manifest == NULL ? "open" : sp_seal_get_string(manifest, "state")));
	json_object_set(row, "closed", json_object_get(manifest, "closed"));
	json_object_set(row, "records", json_object_get(manifest, "records"));
	json_object_set(row, "value", json_object_get(manifest, "value"));
	json_object_set(row, "signaled", json_object_get(manifest, "signaled"));
	return row;
}

/* Text of a member for a terminal: escaped, at most width characters. */
static void
sp_cli_sessions_cell(const json_t *row, const char *name, int width)
{
	const char *s = sp_seal_get_string(row, name);
	struct sp_buf *b = sp_buf_new(1024);

	if (b != NULL && sp_text_escape(b, s, strlen(s), (size_t)width) == 0)
		printf("%-*.*s  ", width, (int)sp_buf_len(b), (const char *)sp_buf_data(b));
	sp_buf_free(b);
}

static void
sp_cli_sessions_line(struct sp_cli_sessions *s, const json_t *row)
{
	uint64_t ms = 0, closed = 0;
	char when[32] = "", length[32] = "";
	struct tm tm;
	time_t t;

	if (!s->has_head)
		printf("%-26s  %-19s  %-10s  %-12s  %-8s  %8s  %s\n", "ID", "STARTED", "USER", "CONNECTION", "STATE", "LENGTH",
		    "COMMAND");
	s->has_head = true;
	t = sp_seal_get_u64(row, "started_ms", &ms) == 0 ? (time_t)(ms / 1000) : 0;
	if (localtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	if (sp_seal_get_u64(row, "closed", &closed) == 0) {
		uint64_t sec = closed / 1000000000 > ms / 1000 ? closed / 1000000000 - ms / 1000 : 0;

		(void)snprintf(length, sizeof(length), "%llu:%02u:%02u", (unsigned long long)(sec / 3600),
		    (unsigned)(sec / 60 % 60), (unsigned)(sec % 60));
	}
	printf("%-26s  %-19s  ", sp_seal_get_string(row, "id"), when);
	sp_cli_sessions_cell(row, "user", 10);
	sp_cli_sessions_cell(row, "connection", 12);
	sp_cli_sessions_cell(row, "state", 8);
	printf("%8s  ", length);
	sp_cli_sessions_cell(row, "command", 60);
	putchar('\n');
}

static bool
sp_cli_sessions_wants(const struct sp_cli_sessions *s, const json_t *row)
{
	return (s->user == NULL || strcmp(s->user, sp_seal_get_string(row, "user")) == 0 ||
		   strcmp(s->user, sp_seal_get_string(row, "email")) == 0) &&
	    (s->connection == NULL || strcmp(s->connection, sp_seal_get_string(row, "connection")) == 0) &&
	    (s->state == NULL || strcmp(s->state, sp_seal_get_string(row, "state")) == 0);
}

static int
sp_cli_sessions_visit(int root, const char *id, void *ctx)
{
	struct sp_cli_sessions *s = ctx;
	struct sp_tree_file *f = NULL;
	json_t *header = NULL, *manifest, *connection, *row;
	char *text;

	if (sp_ulid_time_ms(id) < s->since_ms || sp_ulid_time_ms(id) >= s->until_ms || sp_cli_record_open(root, id, &f, &header) != 0)
		return 0; /* said on stderr; the others are still listed */
	manifest = sp_cli_sessions_manifest(root, id);
	connection = sp_cli_sessions_connection(f);
	row = sp_cli_sessions_row(id, header, manifest, connection);
	if (sp_cli_sessions_wants(s, row)) {
		s->count++;
		if (!s->is_json) {
			sp_cli_sessions_line(s, row);
		} else if ((text = json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII)) != NULL) {
			puts(text);
			free(text);
		}
	}
	json_decref(row);
	json_decref(connection);
	json_decref(manifest);
	json_decref(header);
	sp_tree_file_free(f);
	return 0;
}

int
sp_cli_sessions(int argc, char **argv)
{
	static const struct option longs[] = { { "user", required_argument, NULL, 'u' },
		{ "since", required_argument, NULL, 's' }, { "until", required_argument, NULL, 'e' },
		{ "connection", required_argument, NULL, 'c' }, { "state", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' }, { "root", required_argument, NULL, 'r' }, { 0 } };
	struct sp_cli_sessions s = { .until_ms = UINT64_MAX };
	const char *root = SP_CLI_ROOT;
	int c, fd, r, bad = 0;

	while ((c = getopt_long(argc, argv, "c:jr:s:u:", longs, NULL)) != -1) {
		if (c == 'c')
			s.connection = optarg;
		else if (c == 'j')
			s.is_json = true;
		else if (c == 'r')
			root = optarg;
		else if (c == 's')
			bad |= sp_cli_sessions_since(optarg, &s.since_ms) != 0;
		else if (c == 'e')
			bad |= sp_cli_sessions_since(optarg, &s.until_ms) != 0;
		else if (c == 't')
			s.state = optarg;
		else if (c == 'u')
			s.user = optarg;
		else
			bad = 1;
	}
	if (s.state != NULL && strcmp(s.state, "open") != 0 && strcmp(s.state, "closed") != 0 && strcmp(s.state, "crashed") != 0 &&
	    strcmp(s.state, "damaged") != 0)
		bad = 1;
	if (bad || optind != argc) {
		fputs("usage: sallyport sessions [--user NAME] [--connection NAME] [--state open|closed|crashed|damaged]\n"
		      "                          [--since 2h|DATE] [--until 2h|DATE] [--json] [--root DIR]\n", stderr);
		return 2;
	}
	if (sp_cli_record_root(root, &fd) != 0)
		return 2;
	r = sp_cli_record_walk(fd, sp_cli_sessions_visit, &s);
	(void)close(fd);
	if (r != 0)
		fprintf(stderr, "sallyport: cannot read the records: %s\n", strerror(errno));
	return r == 0 ? 0 : 2;
}
