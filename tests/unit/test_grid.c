/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal in memory: by a table, and character by character against libvterm, which it stands in for. */
#include "tests/unit/unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vterm.h>

#include "proto/grid.h"

#define ROWS 8
#define COLS 20
#define ROUNDS 2000
#define PIECES 60

/* The grid's lines without blanks at their ends, each ended by a bar. */
static void
lines(const struct sp_grid *g, char *out)
{
	for (unsigned row = 0; row < sp_grid_rows(g); row++) {
		char *end = out;

		for (unsigned col = 0; col < sp_grid_cols(g); col++) {
			const struct sp_grid_cell *c = sp_grid_cell(g, row, col);

			*out++ = c->width == 0 ? '>' : c->c == 0 ? ' ' : c->c < 0x80 ? (char)c->c : '?';
			if (out[-1] != ' ')
				end = out;
		}
		*end++ = '|';
		out = end;
	}
	*out = 0;
}

static const struct {
	const char *in, *want;
} cases[] = {
	{ "abc\r\nd", "abc|d|||" },
	{ "\033[4;3Hx\033[Ay\033[20Dz", "||z  y|  x|" },
	{ "one\r\ntwo\r\nthree\r\nfour\r\nfive", "two|three|four|five|" },
	{ "0123456789ab", "0123456789|ab|||" },
	{ "0123456789\b\bX", "0123456X89||||" },
	{ "0123456789\r\nx", "0123456789|x|||" },
	{ "\033[?7l0123456789ab", "012345678b||||" },
	{ "abcdef\033[3G\033[2P\033[@", "ab ef||||" },
	{ "abcdef\033[3G\033[4hXY", "abXYcdef||||" },
	{ "abcdef\033[3G\033[1K", "   def||||" },
	{ "abcdef\033[3G\033[K", "ab||||" },
	{ "abc\r\ndef\r\nghi\033[2;2H\033[1J", "|  f|ghi||" },
	{ "abc\r\ndef\r\nghi\033[2;2H\033[J", "abc|d|||" },
	{ "a\r\nb\r\nc\r\nd\033[2;3r\033[3;1H\nx", "a|c|x|d|" },
	{ "a\r\nb\r\nc\r\nd\033[2;3r\033[2;1H\033My", "a|y|b|d|" },
	{ "a\r\nb\r\nc\r\nd\033[2;1H\033[L", "a||b|c|" },
	{ "a\r\nb\r\nc\r\nd\033[2;1H\033[2M", "a|d|||" },
	{ "a\r\nb\033[S", "b||||" },
	{ "a\r\nb\033[2T", "||a|b|" },
	{ "shell\033[?1049h\033[Hpager\033[?1049l!", "shell!||||" },
	{ "\tx", "        x||||" },
	{ "\xe4\xb8\xad\xe6\x96\x87\033[2Gx", " x?>||||" },
	{ "\033[9C\xe4\xb8\xad", "|?>|||" },
	{ "e\xcc\x81x", "ex||||" },
	{ "\033(0q\033(Bq", "?q||||" },
	{ "\0337ab\r\ncd\0338X", "Xb|cd|||" },
	{ "\033[2;3r\033[?6hx\033[9;1Hy\033[?6l\033[Hz", "z|x|y||" },
	{ "a\033[99999;99999Hz", "a|||         z|" },
};

static void
test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sp_grid *g;
		char got[256];

		assert_int_equal(sp_grid_new(4, 10, &g), 0);
		sp_grid_feed(g, cases[i].in, strlen(cases[i].in));
		lines(g, got);
		if (strcmp(got, cases[i].want) != 0)
			print_error("case %zu\n", i);
		assert_string_equal(got, cases[i].want);
		sp_grid_free(g);
	}
}

static void
test_sizes(void **state)
{
	struct sp_grid *g;
	unsigned row, col;
	char got[256];

	(void)state;
	assert_int_equal(sp_grid_new(0, 0, &g), 0);
	assert_int_equal(sp_grid_rows(g) * sp_grid_cols(g), 1);
	assert_int_equal(sp_grid_reset(g, 4, 10), 0);
	sp_grid_feed(g, "a\r\nb\r\nc\r\n0123456789", 18);
	assert_int_equal(sp_grid_resize(g, 2, 5), 0); /* the cursor's line stays */
	lines(g, got);
	assert_string_equal(got, "c|01234|");
	assert_true(sp_grid_cursor(g, &row, &col));
	assert_int_equal(row, 1);
	assert_int_equal(col, 4);
	assert_int_equal(sp_grid_resize(g, 3, 8), 0);
	lines(g, got);
	assert_string_equal(got, "c|01234||");
	assert_int_equal(sp_grid_resize(g, 100000, 100000), 0);
	assert_int_equal(sp_grid_rows(g), SP_GRID_ROWS_MAX);
	assert_int_equal(sp_grid_cols(g), SP_GRID_COLS_MAX);
	sp_grid_free(g);
}

static void
test_styles(void **state)
{
	static const char text[] = "\033[1;31;48;5;200ma\033[22;38;2;1;2;3mb\033[0mc\033[7md\033[27;93me";
	const struct sp_grid_cell *c;
	struct sp_grid *g;

	(void)state;
	assert_int_equal(sp_grid_new(2, 10, &g), 0);
	sp_grid_feed(g, text, strlen(text));
	c = sp_grid_cell(g, 0, 0);
	assert_int_equal(c[0].style.fore, SP_GRID_INDEXED | 1);
	assert_int_equal(c[0].style.back, SP_GRID_INDEXED | 200);
	assert_int_equal(c[0].style.attributes, SP_GRID_BOLD);
	assert_int_equal(c[1].style.fore, SP_GRID_RGB | 0x010203);
	assert_int_equal(c[1].style.attributes, 0);
	assert_int_equal(c[2].style.fore | c[2].style.back, 0);
	assert_int_equal(c[3].style.attributes, SP_GRID_REVERSE);
	assert_int_equal(c[4].style.fore, SP_GRID_INDEXED | 11);
	sp_grid_free(g);
}

/* What programs send; sizes do not change, since libvterm 0.1 is not to be trusted with that. */
static const char *const pieces[] = { "word ", "x", "0123456789", "\r\n", "\r", "\n", "\b", "\t", "\033[H", "\033[3;5H",
	"\033[7;18H", "\033[3C", "\033[4D", "\033[K", "\033[1K", "\033[2K", "\033[J", "\033[1J", "\033[2J",
	"\033[2L\r", "\033[M\r", "\033[r\033[5G\033[3P", "\033[r\033[7G\033[2@", "\033[4X", "\033[3;6r", "\033[r", "\033[S", "\033[T", "\033M", "\033D", "\033E",
	"\033[5G", "\033[4d", "\0337", "\0338", "\033[1;32m", "\033[0m", "\xc3\xa9", "\033[?1049h", "\033[?1049l", "\033[4h", "\033[4l" };

static void
compare(const char *text, size_t n)
{
	VTerm *vt = vterm_new(ROWS, COLS);
	VTermScreen *screen = vterm_obtain_screen(vt);
	VTermPos cursor;
	struct sp_grid *g;
	unsigned row, col;

	vterm_set_utf8(vt, 1);
	vterm_screen_enable_altscreen(screen, 1);
	vterm_screen_reset(screen, 1);
	assert_int_equal(sp_grid_new(ROWS, COLS, &g), 0);
	(void)vterm_input_write(vt, text, n);
	sp_grid_feed(g, text, n);
	(void)sp_grid_cursor(g, &row, &col);
	vterm_state_get_cursorpos(vterm_obtain_state(vt), &cursor);
	for (VTermPos at = { 0, 0 }; at.row < ROWS; at.row++)
		for (at.col = 0; at.col < COLS; at.col++) {
			const struct sp_grid_cell *mine = sp_grid_cell(g, (unsigned)at.row, (unsigned)at.col);
			VTermScreenCell cell;

			assert_int_equal(vterm_screen_get_cell(screen, at, &cell), 1);
			if (mine->c != cell.chars[0] && (mine->c | cell.chars[0]) != ' ')
				fail_msg("%d,%d: %x, libvterm has %x, after %.*s", at.row, at.col, mine->c, cell.chars[0], (int)n, text);
		}
	if ((int)row != cursor.row || (int)col != cursor.col)
		fail_msg("cursor %u,%u, libvterm has it at %d,%d after %.*s", row, col, cursor.row, cursor.col, (int)n, text);
	sp_grid_free(g);
	vterm_free(vt);
}

static void
test_against_libvterm(void **state)
{
	char text[PIECES * 16];

	(void)state;
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		size_t n = 0;

		for (int i = 0; i < PIECES; i++) {
			const char *piece = pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))];

			memcpy(text + n, piece, strlen(piece));
			n += strlen(piece);
			compare(text, n);
		}
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_table), cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_styles), cmocka_unit_test(test_against_libvterm) };

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
