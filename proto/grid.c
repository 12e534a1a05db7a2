/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/grid.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define SP_GRID_PARAMS 16
#define SP_GRID_PARAM_MAX 65535
#define SP_GRID_TAB 8

struct sp_grid_place {
	int row, col;
	struct sp_grid_style style;
	bool is_origin, is_graphic;
};

struct sp_grid {
	int rows, cols;
	struct sp_grid_cell *cells, *other; /* the screen shown, and the one that 1049 changes places with */
	struct sp_grid_place at, saved;
	int top, bottom; /* of the scrolling region, both within */
	bool is_alternate, is_hidden, is_unwrapped, is_inserting;
	bool is_full; /* the last column was written: the next character wraps first */
	sp_grid_leave_cb *leave; /* NULL: nobody asks */
	void *leave_ctx;
};

/* A CSI sequence. */
struct sp_grid_csi {
	bool is_private;
	int n;
	int p[SP_GRID_PARAMS]; /* -1: not given */
};

/* --- the grid ---------------------------------------------------------------------------------------------- */

static int
sp_grid_between(int n, int least, int most)
{
	return n < least ? least : n > most ? most : n;
}

static struct sp_grid_cell *
sp_grid_at(const struct sp_grid *g, int row, int col)
{
	return &g->cells[(size_t)row * (size_t)g->cols + (size_t)col];
}

/* Cells from col up to end become empty, in the colour of the background. */
static void
sp_grid_clear(struct sp_grid *g, int row, int col, int end)
{
	struct sp_grid_cell empty = {.width = 1, .style = {.back = g->at.style.back}};

	for (; col < end; col++)
		*sp_grid_at(g, row, col) = empty;
}

static void
sp_grid_clear_rows(struct sp_grid *g, int row, int end)
{
	for (; row < end; row++)
		sp_grid_clear(g, row, 0, g->cols);
}

static void
sp_grid_leave(const struct sp_grid *g, int n)
{
	for (int row = 0; g->leave != NULL && row < n && row < g->rows; row++)
		g->leave(sp_grid_at(g, row, 0), (unsigned)g->cols, g->leave_ctx);
}

void
sp_grid_on_leave(struct sp_grid *g, sp_grid_leave_cb *leave, void *ctx)
{
	g->leave = leave;
	g->leave_ctx = ctx;
}

/* Moves the lines from top to bottom by n up (or, n negative, down). */
static void
sp_grid_scroll(struct sp_grid *g, int top, int bottom, int n)
{
	int height = bottom - top + 1, by = n < 0 ? -n : n;
	size_t line = (size_t)g->cols * sizeof(g->cells[0]);

	if (n > 0 && top == 0)
		sp_grid_leave(g, by < height ? by : height);
	if (by >= height) {
		sp_grid_clear_rows(g, top, bottom + 1);
	} else if (n > 0) {
		memmove(sp_grid_at(g, top, 0), sp_grid_at(g, top + by, 0), (size_t)(height - by) * line);
		sp_grid_clear_rows(g, bottom + 1 - by, bottom + 1);
	} else {
		memmove(sp_grid_at(g, top + by, 0), sp_grid_at(g, top, 0), (size_t)(height - by) * line);
		sp_grid_clear_rows(g, top, top + by);
	}
}

/* No half of a wide character stays alone where something else is written. */
static void
sp_grid_split(struct sp_grid *g, int row, int col)
{
	if (col > 0 && col < g->cols && sp_grid_at(g, row, col)->width == 0)
		sp_grid_clear(g, row, col - 1, col + 1);
}

static void
sp_grid_start(struct sp_grid *g)
{
	memset(&g->at, 0, sizeof(g->at));
	g->saved = g->at;
	g->top = 0;
	g->bottom = g->rows - 1;
	g->is_alternate = g->is_hidden = g->is_unwrapped = g->is_inserting = g->is_full = false;
	for (int i = 0; i < g->rows * g->cols; i++)
		g->cells[i] = g->other[i] = (struct sp_grid_cell){.width = 1};
}

int
sp_grid_new(unsigned rows, unsigned cols, struct sp_grid **ret_g)
{
	struct sp_grid *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return SP_ERR_NOMEM;
	if (sp_grid_reset(g, rows, cols) != 0) {
		sp_grid_free(g);
		return SP_ERR_NOMEM;
	}
	*ret_g = g;
	return 0;
}

void
sp_grid_free(struct sp_grid *g)
{
	if (g == NULL)
		return;
	free(g->cells);
	free(g->other);
	free(g);
}

/* A copy of a screen in another size, from its line `from` on; NULL without memory. */
static struct sp_grid_cell *
sp_grid_copy(const struct sp_grid *g, const struct sp_grid_cell *cells, int from, int rows, int cols)
{
	struct sp_grid_cell *to = malloc((size_t)rows * (size_t)cols * sizeof(*to));

	for (int row = 0; to != NULL && row < rows; row++) {
		for (int col = 0; col < cols; col++) {
			struct sp_grid_cell *c = &to[(size_t)row * (size_t)cols + (size_t)col];

			if (cells != NULL && row + from < g->rows && col < g->cols)
				*c = cells[(size_t)(row + from) * (size_t)g->cols + (size_t)col];
			else
				*c = (struct sp_grid_cell){.width = 1};
			if (col == cols - 1 && c->width == 2)
				*c = (struct sp_grid_cell){.width = 1};
		}
	}
	return to;
}

int
sp_grid_resize(struct sp_grid *g, unsigned rows, unsigned cols)
{
	int r = rows > SP_GRID_ROWS_MAX ? SP_GRID_ROWS_MAX : rows < 1 ? 1 : (int)rows;
	int c = cols > SP_GRID_COLS_MAX ? SP_GRID_COLS_MAX : cols < 1 ? 1 : (int)cols;
	int from = g->at.row >= r ? g->at.row + 1 - r : 0;
	struct sp_grid_cell *cells, *other;

	if (r == g->rows && c == g->cols)
		return 0;
	cells = sp_grid_copy(g, g->cells, from, r, c);
	other = sp_grid_copy(g, g->other, 0, r, c);
	if (cells == NULL || other == NULL) {
		free(cells);
		free(other);
		return SP_ERR_NOMEM;
	}
	if (from > 0)
		sp_grid_leave(g, from);
	free(g->cells);
	free(g->other);
	g->cells = cells;
	g->other = other;
	g->rows = r;
	g->cols = c;
	g->at.row -= from;
	g->at.col = sp_grid_between(g->at.col, 0, c - 1);
	g->saved.row = sp_grid_between(g->saved.row, 0, r - 1);
	g->saved.col = sp_grid_between(g->saved.col, 0, c - 1);
	g->top = 0;
	g->bottom = r - 1;
	g->is_full = false;
	return 0;
}

int
sp_grid_reset(struct sp_grid *g, unsigned rows, unsigned cols)
{
	int r = sp_grid_resize(g, rows, cols);

	if (g->cells != NULL)
		sp_grid_start(g);
	return r;
}

unsigned
sp_grid_rows(const struct sp_grid *g)
{
	return (unsigned)g->rows;
}

unsigned
sp_grid_cols(const struct sp_grid *g)
{
	return (unsigned)g->cols;
}

const struct sp_grid_cell *
sp_grid_cell(const struct sp_grid *g, unsigned row, unsigned col)
{
	return sp_grid_at(g, (int)row, (int)col);
}

bool
sp_grid_is_alternate(const struct sp_grid *g)
{
	return g->is_alternate;
}

bool
sp_grid_is_full(const struct sp_grid *g)
{
	return g->is_full;
}

bool
sp_grid_cursor(const struct sp_grid *g, unsigned *ret_row, unsigned *ret_col)
{
	*ret_row = (unsigned)g->at.row;
	*ret_col = (unsigned)g->at.col;
	return !g->is_hidden;
}

/* --- the cursor -------------------------------------------------------------------------------------------- */

/* To a place counted from the top left, or from the region's with origin mode. */
static void
sp_grid_go(struct sp_grid *g, int row, int col)
{
	int least = g->at.is_origin ? g->top : 0, most = g->at.is_origin ? g->bottom : g->rows - 1;

	g->at.row = sp_grid_between(row + least, least, most);
	g->at.col = sp_grid_between(col, 0, g->cols - 1);
	g->is_full = false;
}

/* By some lines and columns; the region's borders hold for whoever is within. */
static void
sp_grid_move(struct sp_grid *g, int rows, int cols)
{
	int least = g->at.row >= g->top ? g->top : 0, most = g->at.row <= g->bottom ? g->bottom : g->rows - 1;

	g->at.row = sp_grid_between(g->at.row + rows, least, most);
	g->at.col = sp_grid_between(g->at.col + cols, 0, g->cols - 1);
	g->is_full = false;
}

static void
sp_grid_line_feed(struct sp_grid *g)
{
	if (g->at.row == g->bottom)
		sp_grid_scroll(g, g->top, g->bottom, 1);
	else if (g->at.row < g->rows - 1)
		g->at.row++;
	g->is_full = false;
}

static void
sp_grid_line_back(struct sp_grid *g)
{
	if (g->at.row == g->top)
		sp_grid_scroll(g, g->top, g->bottom, -1);
	else if (g->at.row > 0)
		g->at.row--;
	g->is_full = false;
}

static void
sp_grid_tab(struct sp_grid *g, int n)
{
	int col = (g->at.col / SP_GRID_TAB + n) * SP_GRID_TAB;

	if (n < 0 && g->at.col % SP_GRID_TAB != 0)
		col += SP_GRID_TAB;
	g->at.col = sp_grid_between(col, 0, g->cols - 1);
	g->is_full = false;
}

static void
sp_grid_restore(struct sp_grid *g)
{
	g->at = g->saved;
	g->is_full = false;
}

/* --- characters -------------------------------------------------------------------------------------------- */

/* DEC's line drawing, from ` to ~. */
static const uint16_t sp_grid_graphic[] = {0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b,
    0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c, 0x2502,
    0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7};

static void
sp_grid_insert(struct sp_grid *g, int n)
{
	struct sp_grid_cell *line = sp_grid_at(g, g->at.row, 0);

	n = sp_grid_between(n, 0, g->cols - g->at.col);
	sp_grid_split(g, g->at.row, g->at.col);
	memmove(line + g->at.col + n, line + g->at.col, (size_t)(g->cols - g->at.col - n) * sizeof(*line));
	sp_grid_clear(g, g->at.row, g->at.col, g->at.col + n);
	if (line[g->cols - 1].width == 2)
		sp_grid_clear(g, g->at.row, g->cols - 1, g->cols);
}

static void
sp_grid_delete(struct sp_grid *g, int n)
{
	struct sp_grid_cell *line = sp_grid_at(g, g->at.row, 0);

	n = sp_grid_between(n, 0, g->cols - g->at.col);
	sp_grid_split(g, g->at.row, g->at.col);
	sp_grid_split(g, g->at.row, g->at.col + n);
	memmove(line + g->at.col, line + g->at.col + n, (size_t)(g->cols - g->at.col - n) * sizeof(*line));
	sp_grid_clear(g, g->at.row, g->cols - n, g->cols);
}

static void
sp_grid_mark(struct sp_grid *g, uint32_t c)
{
	int col = g->is_full ? g->at.col : g->at.col - 1;

	if (col > 0 && sp_grid_at(g, g->at.row, col)->width == 0)
		col--;
	if (col >= 0)
		sp_grid_at(g, g->at.row, col)->mark = c;
}

static void
sp_grid_put(struct sp_grid *g, uint32_t c)
{
	int width = wcwidth((wchar_t)c);

	if (g->at.is_graphic && c >= '`' && c <= '~')
		c = sp_grid_graphic[c - '`'];
	if (width == 0) {
		sp_grid_mark(g, c);
		return;
	}
	width = width == 2 && g->cols > 1 ? 2 : 1;
	if (!g->is_unwrapped && (g->is_full || g->at.col + width > g->cols)) {
		g->at.col = 0;
		sp_grid_line_feed(g);
	}
	if (g->at.col + width > g->cols)
		g->at.col = g->cols - width;
	if (g->is_inserting)
		sp_grid_insert(g, width);
	sp_grid_split(g, g->at.row, g->at.col);
	sp_grid_split(g, g->at.row, g->at.col + width);
	*sp_grid_at(g, g->at.row, g->at.col) = (struct sp_grid_cell){.c = c, .width = (uint8_t)width, .style = g->at.style};
	if (width == 2)
		*sp_grid_at(g, g->at.row, g->at.col + 1) = (struct sp_grid_cell){.style = g->at.style};
	g->is_full = g->at.col + width >= g->cols;
	g->at.col = g->is_full ? g->cols - 1 : g->at.col + width;
}

/* --- sequences --------------------------------------------------------------------------------------------- */

static int
sp_grid_param(const struct sp_grid_csi *s, int i, int otherwise)
{
	return i < s->n && s->p[i] > 0 ? s->p[i] : otherwise;
}

/* 38 or 48 and what follows; returns how many parameters more that were. */
static int
sp_grid_colour(const struct sp_grid_csi *s, int i, uint32_t *ret_colour)
{
	uint32_t v[3];

	if (i + 2 < s->n && s->p[i + 1] == 5) {
		*ret_colour = SP_GRID_INDEXED | ((uint32_t)s->p[i + 2] & 0xff);
		return 2;
	}
	if (i + 4 >= s->n || s->p[i + 1] != 2)
		return s->n; /* the rest can't be understood */
	for (int k = 0; k < 3; k++)
		v[k] = (uint32_t)s->p[i + 2 + k] & 0xff;
	*ret_colour = SP_GRID_RGB | v[0] << 16 | v[1] << 8 | v[2];
	return 4;
}

static void
sp_grid_attribute(struct sp_grid_style *t, int p)
{
	static const struct {
		int8_t on, off;
		uint8_t bit;
	} table[] = {{1, 22, SP_GRID_BOLD}, {3, 23, SP_GRID_ITALIC}, {4, 24, SP_GRID_UNDERLINE}, {21, 24, SP_GRID_UNDERLINE},
	    {7, 27, SP_GRID_REVERSE}, {9, 29, SP_GRID_STRIKE}};

	for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
		if (p == table[k].on)
			t->attributes |= table[k].bit;
		else if (p == table[k].off)
			t->attributes &= (uint8_t)~table[k].bit;
	}
}

static void
sp_grid_style(struct sp_grid *g, const struct sp_grid_csi *s)
{
	struct sp_grid_style *t = &g->at.style;

	for (int i = 0; i < s->n; i++) {
		int p = s->p[i];

		if (p <= 0)
			*t = (struct sp_grid_style){0};
		else if (p >= 30 && p <= 37)
			t->fore = SP_GRID_INDEXED | (uint32_t)(p - 30);
		else if (p >= 40 && p <= 47)
			t->back = SP_GRID_INDEXED | (uint32_t)(p - 40);
		else if (p >= 90 && p <= 97)
			t->fore = SP_GRID_INDEXED | (uint32_t)(p - 90 + 8);
		else if (p >= 100 && p <= 107)
			t->back = SP_GRID_INDEXED | (uint32_t)(p - 100 + 8);
		else if (p == 38)
			i += sp_grid_colour(s, i, &t->fore);
		else if (p == 48)
			i += sp_grid_colour(s, i, &t->back);
		else if (p == 39)
			t->fore = 0;
		else if (p == 49)
			t->back = 0;
		else
			sp_grid_attribute(t, p);
	}
}

static void
sp_grid_alternate(struct sp_grid *g, bool is_on, bool is_cleared)
{
	struct sp_grid_cell *cells = g->cells;

	if (g->is_alternate != is_on) {
		if (!is_on)
			sp_grid_leave(g, g->rows);
		g->is_alternate = is_on;
		g->cells = g->other;
		g->other = cells;
	}
	if (is_on && is_cleared)
		sp_grid_clear_rows(g, 0, g->rows);
}

static void
sp_grid_mode(struct sp_grid *g, const struct sp_grid_csi *s, bool is_on)
{
	int mode = sp_grid_param(s, 0, 0);

	if (!s->is_private) {
		if (mode == 4)
			g->is_inserting = is_on;
		return;
	}
	if (mode == 6) {
		g->at.is_origin = is_on;
		sp_grid_go(g, 0, 0);
	} else if (mode == 7) {
		g->is_unwrapped = !is_on;
	} else if (mode == 25) {
		g->is_hidden = !is_on;
	} else if (mode == 1048 || (mode == 1049 && is_on)) {
		if (is_on)
			g->saved = g->at;
		else
			sp_grid_restore(g);
	}
	if (mode == 47 || mode == 1047 || mode == 1049)
		sp_grid_alternate(g, is_on, mode != 47);
	if (mode == 1049 && !is_on)
		sp_grid_restore(g);
}

static void
sp_grid_erase(struct sp_grid *g, int what, bool is_line)
{
	int row = g->at.row, col = g->at.col;

	if (what > 3)
		return;
	if (!is_line && (what >= 2 || (what == 0 && row == 0 && col == 0)))
		sp_grid_leave(g, g->rows);
	if (what == 0)
		sp_grid_split(g, row, col);
	else if (what == 1)
		sp_grid_split(g, row, col + 1);
	sp_grid_clear(g, row, what == 0 ? col : 0, what == 1 ? col + 1 : g->cols);
	if (is_line)
		return;
	if (what != 0)
		sp_grid_clear_rows(g, 0, row);
	if (what != 1)
		sp_grid_clear_rows(g, row + 1, g->rows);
}

static void
sp_grid_lines(struct sp_grid *g, int n)
{
	if (g->at.row < g->top || g->at.row > g->bottom)
		return;
	sp_grid_scroll(g, g->at.row, g->bottom, n);
	g->at.col = 0;
	g->is_full = false;
}

static void
sp_grid_region(struct sp_grid *g, const struct sp_grid_csi *s)
{
	int top = sp_grid_param(s, 0, 1) - 1, bottom = sp_grid_between(sp_grid_param(s, 1, g->rows), 1, g->rows) - 1;

	if (top >= bottom)
		return;
	g->top = top;
	g->bottom = bottom;
	sp_grid_go(g, 0, 0);
}

static void
sp_grid_csi_move(struct sp_grid *g, const struct sp_grid_csi *s, char final)
{
	int n = sp_grid_param(s, 0, 1), row = g->at.row - (g->at.is_origin ? g->top : 0);

	if (final == 'A' || final == 'F')
		sp_grid_move(g, -n, final == 'F' ? -g->cols : 0);
	else if (final == 'B' || final == 'e' || final == 'E')
		sp_grid_move(g, n, final == 'E' ? -g->cols : 0);
	else if (final == 'C' || final == 'a')
		sp_grid_move(g, 0, n);
	else if (final == 'D')
		sp_grid_move(g, 0, -n);
	else if (final == 'G' || final == '`')
		sp_grid_go(g, row, n - 1);
	else if (final == 'd')
		sp_grid_go(g, n - 1, g->at.col);
	else if (final == 'H' || final == 'f')
		sp_grid_go(g, n - 1, sp_grid_param(s, 1, 1) - 1);
	else if (final == 'I')
		sp_grid_tab(g, n);
	else if (final == 'Z')
		sp_grid_tab(g, -n);
}

static void
sp_grid_csi_do(struct sp_grid *g, const struct sp_grid_csi *s, char final)
{
	int n = sp_grid_param(s, 0, 1);

	switch (final) {
	case '@':
		sp_grid_insert(g, n);
		break;
	case 'P':
		sp_grid_delete(g, n);
		break;
	case 'J':
	case 'K':
		sp_grid_erase(g, sp_grid_param(s, 0, 0), final == 'K');
		break;
	case 'L':
	case 'M':
		sp_grid_lines(g, final == 'L' ? -n : n);
		break;
	case 'S':
	case 'T':
		sp_grid_scroll(g, g->top, g->bottom, final == 'S' ? n : -n);
		break;
	case 'X':
		n = sp_grid_between(n, 0, g->cols - g->at.col);
		sp_grid_split(g, g->at.row, g->at.col);
		sp_grid_split(g, g->at.row, g->at.col + n);
		sp_grid_clear(g, g->at.row, g->at.col, g->at.col + n);
		break;
	case 'm':
		sp_grid_style(g, s);
		break;
	case 'r':
		sp_grid_region(g, s);
		break;
	case 's':
		g->saved = g->at;
		break;
	case 'u':
		sp_grid_restore(g);
		break;
	case 'h':
	case 'l':
		sp_grid_mode(g, s, final == 'h');
		break;
	default:
		sp_grid_csi_move(g, s, final);
	}
}

/* Reads the parameters of a sequence and does it; returns where the text goes on. */
static const uint8_t *
sp_grid_csi(struct sp_grid *g, const uint8_t *p, const uint8_t *end)
{
	struct sp_grid_csi s = {.n = 1, .p = {-1}};

	if (p < end && *p == '?') {
		s.is_private = true;
		p++;
	}
	for (; p < end && *p < 0x40; p++) {
		int *v = &s.p[s.n - 1];

		if (*p >= '0' && *p <= '9')
			*v = sp_grid_between((*v < 0 ? 0 : *v) * 10 + (*p - '0'), 0, SP_GRID_PARAM_MAX);
		else if (s.n < SP_GRID_PARAMS)
			s.p[s.n++] = -1;
	}
	if (p < end)
		sp_grid_csi_do(g, &s, (char)*p++);
	return p;
}

static const uint8_t *
sp_grid_escape(struct sp_grid *g, const uint8_t *p, const uint8_t *end)
{
	uint8_t c = p < end ? *p++ : 0;

	if (c == '[')
		return sp_grid_csi(g, p, end);
	if (c == '7') {
		g->saved = g->at;
	} else if (c == '8') {
		sp_grid_restore(g);
	} else if (c == 'D' || c == 'E') {
		sp_grid_line_feed(g);
		g->at.col = c == 'E' ? 0 : g->at.col;
	} else if (c == 'M') {
		sp_grid_line_back(g);
	} else if ((c == '(' || c == ')') && p < end) {
		if (c == '(') /* the other set is never shifted to: the filter drops that */
			g->at.is_graphic = *p == '0';
		p++;
	}
	return p;
}

/* One character of well-formed UTF-8. */
static const uint8_t *
sp_grid_utf8(const uint8_t *p, const uint8_t *end, uint32_t *ret_c)
{
	size_t n = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
	uint32_t c = n == 0 ? *p : *p & (0x3fu >> n);

	for (p++; n > 0 && p < end && (*p & 0xc0) == 0x80; n--)
		c = c << 6 | (*p++ & 0x3f);
	*ret_c = n == 0 ? c : '?';
	return p;
}

void
sp_grid_feed(struct sp_grid *g, const void *data, size_t n)
{
	const uint8_t *p = data, *end = p + n;
	uint32_t c;

	while (p < end) {
		if (*p >= 0x20) {
			p = sp_grid_utf8(p, end, &c);
			sp_grid_put(g, c);
			continue;
		}
		c = *p++;
		if (c == 0x1b) {
			p = sp_grid_escape(g, p, end);
		} else if (c == '\n') {
			sp_grid_line_feed(g);
		} else if (c == '\r') {
			g->at.col = 0;
			g->is_full = false;
		} else if (c == '\b') {
			sp_grid_move(g, 0, -1);
		} else if (c == '\t') {
			sp_grid_tab(g, 1);
		}
	}
}
