/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "proto/grid.h"
#include "proto/termfilter.h"
#include "lib/buf.h"

#define TRANSCRIPT_LINE_MAX ((size_t)64 * 1024) /* bytes of a line where there is no terminal; then it is two */

struct sp_transcript {
	struct sp_termfilter filter;
	struct sp_grid *grid; /* NULL: no terminal */
	struct sp_buf *text, *row;
	sp_transcript_line *line;
	void *ctx;
	uint64_t time_ns;
	unsigned blank; /* lines that are only put when something follows */
	bool has_put;
	int error;
};

static void
transcript_put_char(struct sp_buf *b, uint32_t c)
{
	uint8_t u[4];
	size_t n;

	if (c < 0x80) {
		u[0] = (uint8_t)c;
		n = 1;
	} else if (c < 0x800) {
		u[0] = (uint8_t)(0xc0 | c >> 6);
		u[1] = (uint8_t)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		u[0] = (uint8_t)(0xe0 | c >> 12);
		u[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		u[2] = (uint8_t)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		u[0] = (uint8_t)(0xf0 | c >> 18);
		u[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		u[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		u[3] = (uint8_t)(0x80 | (c & 0x3f));
		n = 4;
	}
	sp_buf_put(b, u, n);
}

/* Blank lines at the start, the end, and of a screen that is mostly empty are left out. */
static void
transcript_line(struct sp_transcript *t, const uint8_t *p, size_t n)
{
	while (n > 0 && p[n - 1] == ' ')
		n--;
	if (t->error != 0)
		return;
	if (n == 0) {
		t->blank = t->has_put;
		return;
	}
	if (t->blank != 0)
		t->error = t->line(t->time_ns, "", 0, t->ctx);
	t->blank = 0;
	t->has_put = true;
	if (t->error == 0)
		t->error = t->line(t->time_ns, (const char *)p, n, t->ctx);
}

static void
transcript_on_leave(const struct sp_grid_cell *cells, unsigned cols, void *ctx)
{
	struct sp_transcript *t = ctx;

	sp_buf_reset(t->row);
	for (unsigned i = 0; i < cols; i++) {
		if (cells[i].width == 0)
			continue;
		transcript_put_char(t->row, cells[i].c == 0 ? ' ' : cells[i].c);
		if (cells[i].mark != 0)
			transcript_put_char(t->row, cells[i].mark);
	}
	transcript_line(t, sp_buf_data(t->row), sp_buf_len(t->row));
}

/* Without a terminal: the lines as they come. */
static void
transcript_plain(struct sp_transcript *t, const uint8_t *p, size_t n)
{
	while (n > 0 && t->error == 0) {
		const uint8_t *end = memchr(p, '\n', n);
		size_t k = end == NULL ? n : (size_t)(end - p);

		sp_buf_put(t->row, p, k);
		if (end != NULL || sp_buf_len(t->row) >= TRANSCRIPT_LINE_MAX) {
			transcript_line(t, sp_buf_data(t->row), sp_buf_len(t->row));
			sp_buf_reset(t->row);
		}
		k += end != NULL;
		p += k;
		n -= k;
	}
}

int
sp_transcript_new(unsigned rows, unsigned cols, sp_transcript_line *line, void *ctx, struct sp_transcript **ret_t)
{
	struct sp_transcript *t = calloc(1, sizeof(*t));
	int r = 0;

	if (t == NULL)
		return SP_ERR_NOMEM;
	t->line = line;
	t->ctx = ctx;
	t->text = sp_buf_new(0);
	t->row = sp_buf_new(0);
	sp_termfilter_init(&t->filter, rows == 0);
	if (t->text == NULL || t->row == NULL)
		r = SP_ERR_NOMEM;
	if (r == 0 && rows > 0)
		r = sp_grid_new(rows, cols, &t->grid);
	if (r != 0) {
		sp_transcript_free(t);
		return r;
	}
	if (t->grid != NULL)
		sp_grid_on_leave(t->grid, transcript_on_leave, t);
	*ret_t = t;
	return 0;
}

void
sp_transcript_free(struct sp_transcript *t)
{
	if (t == NULL)
		return;
	sp_grid_free(t->grid);
	sp_buf_free(t->text);
	sp_buf_free(t->row);
	free(t);
}

int
sp_transcript_feed(struct sp_transcript *t, uint64_t time_ns, const void *p, size_t n)
{
	if (t->error != 0)
		return t->error;
	t->time_ns = time_ns;
	sp_buf_reset(t->text);
	t->error = sp_termfilter_feed(&t->filter, p, n, t->text);
	if (t->error == 0 && t->grid != NULL)
		sp_grid_feed(t->grid, sp_buf_data(t->text), sp_buf_len(t->text));
	else if (t->error == 0)
		transcript_plain(t, sp_buf_data(t->text), sp_buf_len(t->text));
	return t->error;
}

int
sp_transcript_resize(struct sp_transcript *t, unsigned rows, unsigned cols)
{
	return t->grid == NULL ? 0 : sp_grid_resize(t->grid, rows, cols);
}

int
sp_transcript_finish(struct sp_transcript *t)
{
	if (t->grid == NULL) {
		if (sp_buf_len(t->row) > 0)
			transcript_line(t, sp_buf_data(t->row), sp_buf_len(t->row));
		sp_buf_reset(t->row);
		return t->error;
	}
	for (unsigned row = 0; row < sp_grid_rows(t->grid); row++)
		transcript_on_leave(sp_grid_cell(t->grid, row, 0), sp_grid_cols(t->grid), t);
	return t->error;
}
