/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of sudo's I/O log, by its first format: log, timing and one file a stream (sudoers(5), "I/O log files"). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/foreign.h"
#include "cli/record.h"
#include "lib/text.h"
#include "recorder/seal.h"

enum sp_cli_iolog_file { /* the numbers of the streams are those of the timing file */
	SP_CLI_IOLOG_STDIN,
	SP_CLI_IOLOG_STDOUT,
	SP_CLI_IOLOG_STDERR,
	SP_CLI_IOLOG_TTYIN,
	SP_CLI_IOLOG_TTYOUT,
	SP_CLI_IOLOG_TIMING,
	SP_CLI_IOLOG_LOG,
	SP_CLI_IOLOG_FILES
};
#define SP_CLI_IOLOG_WINSIZE 5

struct sp_cli_iolog {
	FILE *files[SP_CLI_IOLOG_FILES];
	uint64_t last_ns;
	bool has_tty;
};

static int
sp_cli_iolog_open(struct sp_cli_iolog *l, const char *path)
{
	static const char *const names[SP_CLI_IOLOG_FILES] = { "stdin", "stdout", "stderr", "ttyin", "ttyout", "timing", "log" };
	int dir = mkdir(path, 0700) != 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd, r = dir < 0 ? SP_ERR_SYSTEM : 0;
	size_t i;

	for (i = 0; i < SP_CLI_IOLOG_FILES && r == 0; i++) {
		fd = openat(dir, names[i], O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		l->files[i] = fd < 0 ? NULL : fdopen(fd, "w");
		if (l->files[i] != NULL)
			continue;
		r = SP_ERR_SYSTEM;
		if (fd >= 0)
			(void)close(fd);
	}
	if (r != 0)
		fprintf(stderr, "sallyport: cannot create %s: %s\n", path, strerror(errno));
	if (dir >= 0)
		(void)close(dir);
	return r;
}

static int
sp_cli_iolog_close(struct sp_cli_iolog *l, const char *path)
{
	int r = 0;
	size_t i;

	for (i = 0; i < SP_CLI_IOLOG_FILES; i++)
		if (l->files[i] != NULL && (ferror(l->files[i]) | fclose(l->files[i])) != 0)
			r = SP_ERR_SYSTEM;
	if (r != 0)
		fprintf(stderr, "sallyport: cannot write %s\n", path);
	return r;
}

/* One line: no part of it may hold a new line or, in the first, a colon of its own. */
static void
sp_cli_iolog_word(FILE *out, const char *s, char end)
{
	struct sp_buf *b = sp_buf_new(0);
	const char *p;
	size_t i;

	if (b != NULL && sp_text_escape(b, s, strlen(s), SP_EVENT_MAX) == 0) {
		p = (const char *)sp_buf_data(b);
		for (i = 0; i < sp_buf_len(b); i++)
			(void)fputc(p[i] == ':' && end == ':' ? '_' : p[i], out);
	}
	(void)fputc(end, out);
	sp_buf_free(b);
}

static void
sp_cli_iolog_head(struct sp_cli_iolog *l, const char *id, const json_t *header)
{
	const json_t *origin = json_object_get(header, "origin");
	uint64_t rows, cols;
	FILE *out = l->files[SP_CLI_IOLOG_LOG];

	if (sp_seal_get_u64(header, "rows", &rows) != 0 || rows == 0)
		rows = 24;
	if (sp_seal_get_u64(header, "cols", &cols) != 0 || cols == 0)
		cols = 80;
	fprintf(out, "%llu:", (unsigned long long)(sp_ulid_time_ms(id) / 1000));
	sp_cli_iolog_word(out, sp_seal_get_string(origin, "user"), ':');
	sp_cli_iolog_word(out, sp_seal_get_string(origin, "user"), ':');
	fprintf(out, ":ssh:%llu:%llu\n/\n", (unsigned long long)rows, (unsigned long long)cols);
	sp_cli_iolog_word(out, sp_seal_get_string(header, "command"), '\n');
}

static void
sp_cli_iolog_timing(struct sp_cli_iolog *l, unsigned type, uint64_t time_ns, const char *what)
{
	uint64_t ns = time_ns > l->last_ns ? time_ns - l->last_ns : 0;

	l->last_ns += ns;
	fprintf(l->files[SP_CLI_IOLOG_TIMING], "%u %llu.%09llu %s\n", type, (unsigned long long)(ns / 1000000000),
	    (unsigned long long)(ns % 1000000000), what);
}

static void
sp_cli_iolog_event(struct sp_cli_iolog *l, const struct sp_event *ev)
{
	unsigned type = SP_CLI_IOLOG_TTYOUT;
	uint64_t rows, cols, stream = 0;
	struct sp_view v;
	char what[64];

	if (ev->type == SP_EVENT_RESIZE && sp_event_get_u64(ev, SP_FIELD_ROWS, &rows) == 0 &&
	    sp_event_get_u64(ev, SP_FIELD_COLS, &cols) == 0) {
		(void)snprintf(what, sizeof(what), "%llu %llu", (unsigned long long)rows, (unsigned long long)cols);
		sp_cli_iolog_timing(l, SP_CLI_IOLOG_WINSIZE, ev->time_ns, what);
		return;
	}
	if ((ev->type != SP_EVENT_OUTPUT && ev->type != SP_EVENT_INPUT) || sp_event_get(ev, SP_FIELD_TEXT, &v) != 0 || v.len == 0)
		return;
	if (sp_event_get_u64(ev, SP_FIELD_STREAM, &stream) != 0)
		stream = 0;
	if (ev->type == SP_EVENT_INPUT)
		type = l->has_tty ? SP_CLI_IOLOG_TTYIN : SP_CLI_IOLOG_STDIN;
	else if (stream == 1 || stream == 2)
		type = stream == 1 ? SP_CLI_IOLOG_STDOUT : SP_CLI_IOLOG_STDERR;
	(void)fwrite(v.data, 1, v.len, l->files[type]);
	(void)snprintf(what, sizeof(what), "%zu", v.len);
	sp_cli_iolog_timing(l, type, ev->time_ns, what);
}

int
sp_cli_iolog(struct sp_tree_file *f, const char *id, const json_t *header, const char *dir)
{
	struct sp_cli_iolog l = { .last_ns = sp_ulid_time_ms(id) * 1000000, .has_tty = json_is_true(json_object_get(header, "tty")) };
	struct sp_event ev;
	uint64_t number;
	int r = sp_cli_iolog_open(&l, dir), closed;

	if (r == 0)
		sp_cli_iolog_head(&l, id, header);
	while (r == 0 && (r = sp_cli_record_next(f, &number, &ev)) == 0)
		sp_cli_iolog_event(&l, &ev);
	closed = sp_cli_iolog_close(&l, dir);
	return r == SP_ERR_NOT_FOUND ? closed : r;
}
