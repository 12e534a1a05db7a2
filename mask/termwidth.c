/* SPDX-License-Identifier: Apache-2.0 */
/* How wide characters are, as terminals see them. */
#include "mask/chars.h"
#include "mask/termline.h"

static uint32_t
termwidth_decode(const uint8_t *p, size_t n)
{
	static const uint8_t lead[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = p[0] & lead[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	return c;
}

size_t
sp_termline_bytes(uint8_t c)
{
	return c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 1;
}

struct termwidth_range {
	uint32_t from, to;
};

static bool
termwidth_in(uint32_t c, const struct termwidth_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return true;
	return false;
}

/* As terminals see the common scripts; for what is ambiguous, one column. */
unsigned
sp_termline_width(const uint8_t *p, size_t n, size_t *ret_n)
{
	static const struct termwidth_range none[] = {{0x00ad, 0x00ad}, {0x0300, 0x036f}, {0x0483, 0x0489},
	    {0x0591, 0x05bd}, {0x064b, 0x065f}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064}, {0x20d0, 0x20f0},
	    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff}};
	static const struct termwidth_range two[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf},
	    {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
	    {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
	size_t want = sp_termline_bytes(p[0]), i = 1;
	uint32_t c;

	while (i < want && i < n && sp_chars_is_inner(p[i]))
		i++;
	*ret_n = i == want ? want : 1;
	if (*ret_n == 1)
		return 1;
	c = termwidth_decode(p, want);
	if (termwidth_in(c, none, sizeof(none) / sizeof(none[0])))
		return 0;
	return termwidth_in(c, two, sizeof(two) / sizeof(two[0])) ? 2 : 1;
}
