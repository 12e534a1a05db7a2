/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/screen.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "proto/grid.h"
#include "proto/termfilter.h"
#include "lib/text.h"

struct sp_screen {
	struct sp_grid *grid;
	struct sp_termfilter filter;
	struct sp_buf *safe; /* what the filter let through */
	struct sp_buf *line; /* one being drawn */
	unsigned shown_rows, shown_cols; /* of the viewer's terminal when it was last drawn */
	uint64_t shown[SP_SCREEN_VIEW_MAX]; /* a hash of each line */
};

int
sp_screen_new(unsigned rows, unsigned cols, struct sp_screen **ret_s)
{
	struct sp_screen *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return SP_ERR_NOMEM;
	s->safe = sp_buf_new(0);
	s->line = sp_buf_new(0);
	if (s->safe == NULL || s->line == NULL || sp_grid_new(rows, cols, &s->grid) != 0) {
		sp_screen_free(s);
		return SP_ERR_NOMEM;
	}
	sp_termfilter_init(&s->filter, false);
	*ret_s = s;
	return 0;
}

void
sp_screen_free(struct sp_screen *s)
{
	if (s == NULL)
		return;
	sp_grid_free(s->grid);
	sp_buf_free(s->safe);
	sp_buf_free(s->line);
	free(s);
}

int
sp_screen_resize(struct sp_screen *s, unsigned rows, unsigned cols)
{
	return sp_grid_resize(s->grid, rows, cols);
}

int
sp_screen_reset(struct sp_screen *s, unsigned rows, unsigned cols)
{
	sp_termfilter_init(&s->filter, false);
	return sp_grid_reset(s->grid, rows, cols);
}

void
sp_screen_size(const struct sp_screen *s, unsigned *ret_rows, unsigned *ret_cols)
{
	*ret_rows = sp_grid_rows(s->grid);
	*ret_cols = sp_grid_cols(s->grid);
}

int
sp_screen_feed(struct sp_screen *s, const void *p, size_t n)
{
	int r;

	sp_buf_reset(s->safe);
	r = sp_termfilter_feed(&s->filter, p, n, s->safe);
	if (r == 0)
		sp_grid_feed(s->grid, sp_buf_data(s->safe), sp_buf_len(s->safe));
	return r;
}

/* --- text -------------------------------------------------------------------------------------------------- */

/* Appends one character in UTF-8; what may not be shown is a question mark. */
static void
sp_screen_char(struct sp_buf *out, uint32_t c)
{
	uint8_t b[4];
	size_t n = 0;

	if (c < 0x80) {
		b[n++] = (uint8_t)c;
	} else if (c < 0x800) {
		b[n++] = (uint8_t)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		b[n++] = (uint8_t)(0xe0 | c >> 12);
		b[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	} else {
		b[n++] = (uint8_t)(0xf0 | (c >> 18 & 7));
		b[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		b[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
	}
	if (c >= 0x80)
		b[n++] = (uint8_t)(0x80 | (c & 0x3f));
	if (sp_text_is_plain(b, n))
		sp_buf_put(out, b, n);
	else
		sp_buf_put_u8(out, '?');
}

static void
sp_screen_cell(struct sp_buf *out, const struct sp_grid_cell *cell)
{
	sp_screen_char(out, cell->c == 0 ? ' ' : cell->c);
	if (cell->mark != 0)
		sp_screen_char(out, cell->mark);
}

static size_t
sp_screen_find(const char *line, size_t n, const char *text, bool is_exact)
{
	size_t len = strlen(text), found = 0;

	for (size_t i = 0; i + len <= n; i++) {
		size_t k = 0;

		while (k < len && (is_exact ? line[i + k] == text[k] : tolower((unsigned char)line[i + k]) == text[k]))
			k++;
		found += k == len;
	}
	return found;
}

size_t
sp_screen_count(struct sp_screen *s, const char *text)
{
	bool is_exact = false;
	size_t found = 0;

	for (const char *p = text; *p != 0; p++)
		is_exact |= isupper((unsigned char)*p) != 0;
	for (unsigned row = 0; *text != 0 && row < sp_grid_rows(s->grid); row++) {
		sp_buf_reset(s->line);
		for (unsigned col = 0; col < sp_grid_cols(s->grid); col++) {
			const struct sp_grid_cell *cell = sp_grid_cell(s->grid, row, col);

			if (cell->width != 0)
				sp_screen_cell(s->line, cell);
		}
		found += sp_screen_find((const char *)sp_buf_data(s->line), sp_buf_len(s->line), text, is_exact);
	}
	return found;
}

/* --- drawing ------------------------------------------------------------------------------------------------- */

static void
sp_screen_colour(struct sp_buf *out, uint32_t c, unsigned base)
{
	if ((c & SP_GRID_RGB) != 0)
		sp_buf_putf(out, ";%u;2;%u;%u;%u", base + 8, c >> 16 & 0xff, c >> 8 & 0xff, c & 0xff);
	else if ((c & SP_GRID_INDEXED) != 0 && (c & 0xff) < 8)
		sp_buf_putf(out, ";%u", base + (c & 0xff));
	else if ((c & SP_GRID_INDEXED) != 0)
		sp_buf_putf(out, ";%u;5;%u", base + 8, c & 0xff);
}

static void
sp_screen_style(struct sp_buf *out, const struct sp_grid_style *t)
{
	sp_buf_putf(out, "\033[0%s%s%s%s%s", (t->attributes & SP_GRID_BOLD) != 0 ? ";1" : "",
	    (t->attributes & SP_GRID_ITALIC) != 0 ? ";3" : "", (t->attributes & SP_GRID_UNDERLINE) != 0 ? ";4" : "",
	    (t->attributes & SP_GRID_REVERSE) != 0 ? ";7" : "", (t->attributes & SP_GRID_STRIKE) != 0 ? ";9" : "");
	sp_screen_colour(out, t->fore, 30);
	sp_screen_colour(out, t->back, 40);
	sp_buf_putf(out, "m");
}

/* One line of the recorded terminal into s->line, at most cols wide. */
static void
sp_screen_row(struct sp_screen *s, unsigned row, unsigned cols)
{
	const struct sp_grid_style *last = NULL;

	sp_buf_reset(s->line);
	for (unsigned col = 0; row < sp_grid_rows(s->grid) && col < sp_grid_cols(s->grid) && col < cols; col++) {
		const struct sp_grid_cell *cell = sp_grid_cell(s->grid, row, col);

		if (cell->width == 0)
			continue;
		if (col + cell->width > cols)
			break;
		if (last == NULL || cell->style.fore != last->fore || cell->style.back != last->back ||
		    cell->style.attributes != last->attributes)
			sp_screen_style(s->line, &cell->style);
		last = &cell->style;
		sp_screen_cell(s->line, cell);
	}
}

/* Draws s->line as the viewer's line y unless it stands there. */
static void
sp_screen_put(struct sp_screen *s, unsigned y, struct sp_buf *out)
{
	const uint8_t *p = sp_buf_data(s->line);
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < sp_buf_len(s->line); i++)
		h = (h ^ p[i]) * 1099511628211u;
	if (s->shown[y] == h)
		return;
	s->shown[y] = h;
	/* Erased first: behind a full line the cursor may still be on its last character. */
	sp_buf_putf(out, "\033[%u;1H\033[0m\033[2K", y + 1);
	sp_buf_put(out, p, sp_buf_len(s->line));
	sp_buf_putf(out, "\033[0m");
}

static void
sp_screen_text(struct sp_screen *s, const char *text, unsigned cols, bool is_reverse)
{
	size_t n = 0, take = 0;

	sp_buf_reset(s->line);
	while (text[take] != 0 && n < cols)
		n += (text[++take] & 0xc0) != 0x80;
	if (is_reverse)
		sp_buf_putf(s->line, "\033[7m");
	sp_buf_put(s->line, text, take);
}

/* A viewer of another size than before is drawn anew. */
static void
sp_screen_begin(struct sp_screen *s, unsigned *rows, unsigned *cols, struct sp_buf *out)
{
	*rows = *rows < 1 ? 1 : *rows > SP_SCREEN_VIEW_MAX ? SP_SCREEN_VIEW_MAX : *rows;
	*cols = *cols < 1 ? 1 : *cols;
	if (*rows != s->shown_rows || *cols != s->shown_cols) {
		memset(s->shown, 0, sizeof(s->shown));
		sp_buf_putf(out, "\033[0m\033[2J");
	}
	s->shown_rows = *rows;
	s->shown_cols = *cols;
	sp_buf_putf(out, "\033[?25l");
}

int
sp_screen_draw(struct sp_screen *s, unsigned rows, unsigned cols, const char *status, struct sp_buf *out)
{
	unsigned lines, top = 0, row, col;
	bool is_shown = sp_grid_cursor(s->grid, &row, &col);

	sp_screen_begin(s, &rows, &cols, out);
	lines = status != NULL && rows > 1 ? rows - 1 : rows;
	if (row >= lines)
		top = row + 1 - lines;
	for (unsigned y = 0; y < lines; y++) {
		sp_screen_row(s, top + y, cols);
		sp_screen_put(s, y, out);
	}
	if (lines < rows) {
		sp_screen_text(s, status, cols, true);
		sp_screen_put(s, rows - 1, out);
	}
	if (is_shown && col < cols)
		sp_buf_putf(out, "\033[%u;%uH\033[?25h", row - top + 1, col + 1);
	return sp_buf_error(out);
}

int
sp_screen_page(struct sp_screen *s, unsigned rows, unsigned cols, const char *const *lines, size_t n, const char *status,
    struct sp_buf *out)
{
	sp_screen_begin(s, &rows, &cols, out);
	for (unsigned y = 0; y + 1 < rows; y++) {
		sp_screen_text(s, y < n ? lines[y] : "", cols, false);
		sp_screen_put(s, y, out);
	}
	sp_screen_text(s, status, cols, true);
	sp_screen_put(s, rows - 1, out);
	return sp_buf_error(out);
}
