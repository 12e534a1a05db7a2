/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/screen.h"

#define FUZZ_MAX ((size_t)65536)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only sequences of the kinds that the player writes, and no other control. */
static void
is_drawn_safely(const struct sp_buf *b)
{
	const uint8_t *p = sp_buf_data(b);
	size_t n = sp_buf_len(b);

	for (size_t i = 0; i < n; i++) {
		if (p[i] == 0x1b) {
			if (++i >= n || p[i] != '[')
				abort();
			for (i++; i < n && memchr("0123456789;?", p[i], 12) != NULL; i++)
				;
			if (i >= n || memchr("HJKmhl", p[i], 6) == NULL)
				abort();
		} else if (p[i] < 0x20 || p[i] == 0x7f) {
			abort();
		}
	}
}

static void
draw(struct sp_screen *s, unsigned rows, unsigned cols)
{
	struct sp_buf *out = sp_buf_new(0);

	if (out == NULL || sp_screen_draw(s, rows, cols, "status", out) != 0)
		abort();
	is_drawn_safely(out);
	sp_buf_free(out);
}

/* Two bytes of size, then output; 0xff and two bytes are a new size, 0xfe is a look. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_screen *s;
	size_t from = 2;

	if (size < 2 || size > FUZZ_MAX)
		return 0;
	if (sp_screen_new(data[0], data[1], &s) != 0)
		abort();
	for (size_t i = 2; i <= size; i++) {
		if (i < size && data[i] < 0xfe)
			continue;
		if (sp_screen_feed(s, data + from, i - from) != 0)
			abort();
		if (i + 2 < size && data[i] == 0xff) {
			if (sp_screen_resize(s, data[i + 1], data[i + 2]) != 0)
				abort();
			i += 2;
		} else {
			draw(s, 10, 20);
		}
		from = i + 1;
	}
	(void)sp_screen_count(s, "a");
	draw(s, 24, 80);
	if (sp_screen_reset(s, data[1], data[0]) != 0)
		abort();
	draw(s, 2, 300);
	sp_screen_free(s);
	return 0;
}
