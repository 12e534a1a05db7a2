/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport export: a session as asciicast v2, for sudo's or tlog's player, or as JSON with the field names of OCSF. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/foreign.h"
#include "cli/ocsf.h"
#include "cli/record.h"
#include "lib/text.h"
#include "recorder/seal.h"

/* --- asciicast v2: https://docs.asciinema.org/manual/asciicast/v2/ ------------------------------------- */

struct sp_cli_cast {
	struct sp_buf *line;
	struct sp_buf *carry; /* the start of a character whose rest is in the next event */
	uint64_t start_ns;
};

/* How many bytes at the end are an incomplete UTF-8 character. */
static size_t
sp_cli_cast_tail(const uint8_t *p, size_t n)
{
	for (size_t k = 1; k <= 3 && k <= n; k++) {
		uint8_t c = p[n - k];

		if ((c & 0xc0) == 0x80)
			continue;
		return (c >= 0xf0 && k < 4) || (c >= 0xe0 && c < 0xf0 && k < 3) || (c >= 0xc2 && c < 0xe0 && k < 2) ? k : 0;
	}
	return 0;
}

static int
sp_cli_cast_text(struct sp_cli_cast *c, const struct sp_event *ev, char code, FILE *out)
{
	double t = ev->time_ns < c->start_ns ? 0 : (double)(ev->time_ns - c->start_ns) / 1e9;
	struct sp_view v;
	size_t keep;

	if (sp_event_get(ev, SP_FIELD_TEXT, &v) != 0 || sp_buf_put(c->carry, v.data, v.len) != 0)
		return SP_ERR_LIMIT;
	keep = sp_cli_cast_tail(sp_buf_data(c->carry), sp_buf_len(c->carry));
	sp_buf_reset(c->line);
	sp_buf_putf(c->line, "[%.6f, \"%c\", ", t, code);
	sp_text_json(c->line, sp_buf_data(c->carry), sp_buf_len(c->carry) - keep);
	sp_buf_putf(c->line, "]\n");
	(void)fwrite(sp_buf_data(c->line), 1, sp_buf_len(c->line), out);
	return sp_buf_error(c->line) != 0 ? sp_buf_error(c->line) : sp_buf_consume(c->carry, sp_buf_len(c->carry) - keep);
}

static int
sp_cli_cast_event(struct sp_cli_cast *c, const struct sp_event *ev, FILE *out)
{
	uint64_t rows, cols;

	if (ev->type == SP_EVENT_OUTPUT)
		return sp_cli_cast_text(c, ev, 'o', out);
	if (ev->type == SP_EVENT_RESIZE && sp_event_get_u64(ev, SP_FIELD_ROWS, &rows) == 0 &&
	    sp_event_get_u64(ev, SP_FIELD_COLS, &cols) == 0)
		fprintf(out, "[%.6f, \"r\", \"%llux%llu\"]\n",
		    ev->time_ns < c->start_ns ? 0 : (double)(ev->time_ns - c->start_ns) / 1e9, (unsigned long long)cols,
		    (unsigned long long)rows);
	return 0;
}

static int
sp_cli_export_asciicast(struct sp_tree_file *f, const char *id, const json_t *header, FILE *out)
{
	struct sp_cli_cast c = { sp_buf_new(0), sp_buf_new(0), sp_ulid_time_ms(id) * 1000000 };
	uint64_t rows, cols, number;
	struct sp_event ev;
	json_t *h;
	char *text;
	int r = c.line == NULL || c.carry == NULL ? SP_ERR_NOMEM : 0;

	if (sp_seal_get_u64(header, "rows", &rows) != 0 || rows == 0)
		rows = 24;
	if (sp_seal_get_u64(header, "cols", &cols) != 0 || cols == 0)
		cols = 80;
	h = json_pack("{s:i s:I s:I s:I s:s s:{s:s}}", "version", 2, "width", (json_int_t)cols, "height",
	    (json_int_t)rows, "timestamp", (json_int_t)(sp_ulid_time_ms(id) / 1000), "title", id, "env",
	    "TERM", sp_seal_get_string(header, "term"));
	text = h == NULL ? NULL : json_dumps(h, JSON_ENSURE_ASCII);
	if (text == NULL)
		r = SP_ERR_NOMEM;
	else
		fprintf(out, "%s\n", text);
	while (r == 0 && (r = sp_cli_record_next(f, &number, &ev)) == 0)
		r = sp_cli_cast_event(&c, &ev, out);
	free(text);
	json_decref(h);
	sp_buf_free(c.line);
	sp_buf_free(c.carry);
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

static int
sp_cli_export_json(struct sp_tree_file *f, const char *id, const json_t *header, FILE *out)
{
	struct sp_event ev;
	uint64_t number;
	int r;

	while ((r = sp_cli_record_next(f, &number, &ev)) == 0) {
		json_t *o = sp_cli_ocsf(id, header, number, &ev);
		char *text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);

		json_decref(o);
		if (text == NULL)
			return SP_ERR_NOMEM;
		fprintf(out, "%s\n", text);
		free(text);
	}
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

/* As the table of formats has them; exactly one of both. */
struct sp_cli_export_format {
	const char *name;
	int (*to_file)(struct sp_tree_file *f, const char *id, const json_t *header, FILE *out);
	int (*to_folder)(struct sp_tree_file *f, const char *id, const json_t *header, const char *dir);
};
static const struct sp_cli_export_format sp_cli_export_formats[] = {
	{ "asciicast", sp_cli_export_asciicast, NULL },
	{ "json", sp_cli_export_json, NULL },
	{ "sudo", NULL, sp_cli_iolog },
	{ "tlog", sp_cli_tlog, NULL },
};

static const struct sp_cli_export_format *
sp_cli_export_find(const char *name)
{
	size_t i;

	for (i = 0; name != NULL && i < sizeof(sp_cli_export_formats) / sizeof(sp_cli_export_formats[0]); i++)
		if (strcmp(sp_cli_export_formats[i].name, name) == 0)
			return &sp_cli_export_formats[i];
	return NULL;
}

/* What is written to is made only once there is something to write. */
static int
sp_cli_export_write(const struct sp_cli_export_format *format, struct sp_tree_file *f, const char *id, const json_t *header,
    const char *path)
{
	FILE *out = stdout;
	int fd, r;

	if (format->to_folder != NULL)
		return format->to_folder(f, id, header, path);
	if (path != NULL) {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		out = fd < 0 ? NULL : fdopen(fd, "w");
		if (out == NULL) {
			fprintf(stderr, "sallyport: cannot create %s: %s\n", path, strerror(errno));
			if (fd >= 0)
				(void)close(fd);
			return SP_ERR_SYSTEM;
		}
	}
	r = format->to_file(f, id, header, out);
	if (fflush(out) != 0 || (path != NULL && fclose(out) != 0)) {
		fprintf(stderr, "sallyport: cannot write: %s\n", strerror(errno));
		r = SP_ERR_SYSTEM;
	}
	return r;
}

static int
sp_cli_export_run(int root, const char *prefix, const struct sp_cli_export_format *format, const char *path)
{
	struct sp_tree_file *f = NULL;
	char id[SP_ULID_LEN + 1];
	json_t *header = NULL;
	int r = sp_cli_record_resolve(root, prefix, id);

	if (r == 0)
		r = sp_cli_record_open(root, id, &f, &header);
	if (r == 0) {
		sp_cli_record_watch(id, "export");
		r = sp_cli_export_write(format, f, id, header, path);
	}
	json_decref(header);
	sp_tree_file_free(f);
	return r;
}

int
sp_cli_export(int argc, char **argv)
{
	static const struct option longs[] = { { "format", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' }, { "root", required_argument, NULL, 'r' }, { 0 } };
	const struct sp_cli_export_format *format;
	const char *root = SP_CLI_ROOT, *name = NULL, *path = NULL;
	int c, fd = -1, r;

	while ((c = getopt_long(argc, argv, "f:o:r:", longs, NULL)) != -1) {
		if (c == 'f')
			name = optarg;
		else if (c == 'o')
			path = optarg;
		else if (c == 'r')
			root = optarg;
		else
			optind = argc;
	}
	format = sp_cli_export_find(name);
	if (optind != argc - 1 || format == NULL || (format->to_folder != NULL && path == NULL)) {
		fputs("usage: sallyport export --format asciicast|json|tlog [--output FILE] [--root DIR] ID\n"
		      "       sallyport export --format sudo --output FOLDER [--root DIR] ID\n", stderr);
		return 2;
	}
	if (sp_cli_record_root(root, &fd) != 0)
		return 2;
	r = sp_cli_export_run(fd, argv[optind], format, path);
	(void)close(fd);
	return r == 0 ? 0 : 2;
}
