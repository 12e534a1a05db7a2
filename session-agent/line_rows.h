/* SPDX-License-Identifier: Apache-2.0 */
/* Text on a screen, across the rows that it is wrapped onto. */
#ifndef SALLYPORT_SESSION_AGENT_LINE_ROWS_H
#define SALLYPORT_SESSION_AGENT_LINE_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

struct sp_grid;

struct sp_line_place {
	int row;
	int col; /* up to the number of columns: behind the last one */
};

/* Where the next character goes, or behind the last column where it would be wrapped first. */
struct sp_line_place sp_line_rows_cursor(const struct sp_grid *g);
/*
 * Appends what stands from one place to the other, UTF-8, blanks too. A row that is not full ends with a line break,
 * and its blanks are left out; a full one only if all_breaks. Errors stay in out.
 */
void sp_line_rows_text(
    const struct sp_grid *g, struct sp_line_place from, struct sp_line_place to, bool all_breaks, struct sp_buf *out);
/* The column of a row at which so many bytes of its text are over. */
int sp_line_rows_columns(const struct sp_grid *g, int row, size_t bytes);
/* The first row of those that go on to this one; has_newline: those that are not empty are. */
int sp_line_rows_top(const struct sp_grid *g, int row, bool has_newline);
/* Whether any row of these, but for the last, is full. */
bool sp_line_rows_is_wrapped(const struct sp_grid *g, int from, int to);
/*
 * Where the line ends in which the cursor stands. right: the text that stood at the right end of row right_row from
 * column at_right on, and if it still does is no part of it; has_newline: it goes on until a row is empty.
 */
struct sp_line_place sp_line_rows_end(const struct sp_grid *g, struct sp_line_place cursor, bool has_newline,
    int right_row, unsigned at_right, const struct sp_buf *right);
/* Puts into out what stands right of the place on its row; returns the column at which it begins, or the number of
 * columns. */
unsigned sp_line_rows_right(const struct sp_grid *g, struct sp_line_place from, struct sp_buf *out);

#endif
