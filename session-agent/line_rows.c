/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/line_rows.h"

#include <string.h>

#include "proto/grid.h"

static const struct sp_grid_cell *
rows_cell(const struct sp_grid *g, int row, int col)
{
	return sp_grid_cell(g, (unsigned)row, (unsigned)col);
}

static bool
rows_is_blank(const struct sp_grid_cell *c)
{
	return c->width != 0 && (c->c == 0 || c->c == ' ');
}

/* The column behind the last character of a row. */
static int
rows_used(const struct sp_grid *g, int row)
{
	int col = (int)sp_grid_cols(g);

	while (col > 0 && rows_is_blank(rows_cell(g, row, col - 1)))
		col--;
	return col;
}

/* Written up to its end; a wide character that did not fit leaves one column empty. */
static bool
rows_is_full(const struct sp_grid *g, int row)
{
	int last = (int)sp_grid_cols(g) - 1;

	if (rows_cell(g, row, last)->c != 0 || rows_cell(g, row, last)->width == 0)
		return true;
	return last > 0 && row + 1 < (int)sp_grid_rows(g) && rows_cell(g, row + 1, 0)->width == 2 &&
	       (rows_cell(g, row, last - 1)->c != 0 || rows_cell(g, row, last - 1)->width == 0);
}

static void
rows_put(struct sp_buf *out, uint32_t c)
{
	uint8_t b[4];
	size_t n = 1;

	if (c < 0x80) {
		b[0] = (uint8_t)c;
	} else if (c < 0x800) {
		b[0] = (uint8_t)(0xc0 | c >> 6);
		b[1] = (uint8_t)(0x80 | (c & 0x3f));
		n = 2;
	} else if (c < 0x10000) {
		b[0] = (uint8_t)(0xe0 | c >> 12);
		b[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		b[2] = (uint8_t)(0x80 | (c & 0x3f));
		n = 3;
	} else {
		b[0] = (uint8_t)(0xf0 | (c >> 18 & 7));
		b[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		b[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		b[3] = (uint8_t)(0x80 | (c & 0x3f));
		n = 4;
	}
	sp_buf_put(out, b, n);
}

static void
rows_put_cell(struct sp_buf *out, const struct sp_grid_cell *c)
{
	if (c->width == 0)
		return;
	rows_put(out, c->c == 0 ? ' ' : c->c);
	if (c->mark != 0)
		rows_put(out, c->mark);
}

struct sp_line_place
sp_line_rows_cursor(const struct sp_grid *g)
{
	unsigned row, col;

	(void)sp_grid_cursor(g, &row, &col);
	return (struct sp_line_place){(int)row, sp_grid_is_full(g) ? (int)sp_grid_cols(g) : (int)col};
}

void
sp_line_rows_text(
    const struct sp_grid *g, struct sp_line_place from, struct sp_line_place to, bool all_breaks, struct sp_buf *out)
{
	int cols = (int)sp_grid_cols(g);

	for (int row = from.row; row <= to.row; row++) {
		int col = row == from.row ? from.col : 0, end = row == to.row ? to.col : cols;
		bool is_full = rows_is_full(g, row);

		if (row < to.row && (!is_full || rows_cell(g, row, cols - 1)->c == 0))
			end = is_full && rows_cell(g, row, cols - 1)->width == 0 ? cols
			      : is_full						 ? cols - 1
										 : rows_used(g, row);
		for (; col < end; col++)
			rows_put_cell(out, rows_cell(g, row, col));
		if (row < to.row && (!is_full || all_breaks))
			sp_buf_put_u8(out, '\n');
	}
}

int
sp_line_rows_columns(const struct sp_grid *g, int row, size_t bytes)
{
	int col = 0, cols = (int)sp_grid_cols(g);
	struct sp_buf *b = sp_buf_new(0);

	for (; b != NULL && col < cols; col++) {
		if (sp_buf_len(b) >= bytes && rows_cell(g, row, col)->width != 0)
			break;
		rows_put_cell(b, rows_cell(g, row, col));
	}
	sp_buf_free(b);
	return col;
}

int
sp_line_rows_top(const struct sp_grid *g, int row, bool has_newline)
{
	while (row > 0 && (rows_is_full(g, row - 1) || (has_newline && rows_used(g, row - 1) > 0)))
		row--;
	return row;
}

bool
sp_line_rows_is_wrapped(const struct sp_grid *g, int from, int to)
{
	for (; from < to; from++)
		if (rows_is_full(g, from))
			return true;
	return false;
}

static bool
rows_is_right(const struct sp_grid *g, int row, unsigned at_right, const struct sp_buf *right)
{
	struct sp_buf *now = sp_buf_new(0);
	struct sp_line_place from = {row, (int)at_right}, to = {row, (int)sp_grid_cols(g)};
	bool is_same = false;

	if (now != NULL && sp_buf_len(right) > 0 && at_right < sp_grid_cols(g)) {
		sp_line_rows_text(g, from, to, false, now);
		is_same = sp_buf_len(now) == sp_buf_len(right) &&
			  memcmp(sp_buf_data(now), sp_buf_data(right), sp_buf_len(now)) == 0;
	}
	sp_buf_free(now);
	return is_same;
}

struct sp_line_place
sp_line_rows_end(const struct sp_grid *g, struct sp_line_place cursor, bool has_newline, int right_row,
    unsigned at_right, const struct sp_buf *right)
{
	struct sp_line_place end = cursor;
	int used;

	while (end.row + 1 < (int)sp_grid_rows(g) &&
	       (rows_is_full(g, end.row) || (has_newline && rows_used(g, end.row + 1) > 0)) &&
	       !(end.row == right_row && rows_is_right(g, end.row, at_right, right)))
		end.row++;
	used = rows_used(g, end.row);
	if (end.row == right_row && rows_is_right(g, end.row, at_right, right)) {
		used = (int)at_right;
		while (used > 0 && rows_is_blank(rows_cell(g, end.row, used - 1)))
			used--;
	}
	end.col = end.row == cursor.row && used < cursor.col ? cursor.col : used;
	return end;
}

unsigned
sp_line_rows_right(const struct sp_grid *g, struct sp_line_place from, struct sp_buf *out)
{
	struct sp_line_place to = {from.row, (int)sp_grid_cols(g)};
	int col = from.col;

	sp_buf_reset(out);
	while (col < to.col && rows_is_blank(rows_cell(g, from.row, col)))
		col++;
	from.col = col;
	if (col < to.col)
		sp_line_rows_text(g, from, to, false, out);
	return (unsigned)col;
}
