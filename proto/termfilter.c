/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/termfilter.h"

#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define ESC 0x1b
#define CAN 0x18
#define SUB 0x1a

void
sp_termfilter_init(struct sp_termfilter *t, bool is_text)
{
	memset(t, 0, sizeof(*t));
	t->is_text = is_text;
}

/* Bytes of a UTF-8 character by its first one; 0 if it cannot start one. */
static size_t
sp_termfilter_length(uint8_t c)
{
	return c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

static void
sp_termfilter_put(struct sp_termfilter *t, const uint8_t *p, size_t n, struct sp_buf *out)
{
	memcpy(t->last, p, n);
	t->nlast = n;
	sp_buf_put(out, p, n);
}

/* REP: the character before it again, as often as it says. */
static void
sp_termfilter_repeat(struct sp_termfilter *t, struct sp_buf *out)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n && t->bytes[i] >= '0' && t->bytes[i] <= '9'; i++)
		n = n < SP_TERMFILTER_REPEATS ? n * 10 + (t->bytes[i] - '0') : n;
	n = n == 0 ? 1 : n > SP_TERMFILTER_REPEATS ? SP_TERMFILTER_REPEATS : n;
	while (t->nlast > 0 && n-- > 0)
		sp_buf_put(out, t->last, t->nlast);
}

static void
sp_termfilter_ground(struct sp_termfilter *t, uint8_t c, struct sp_buf *out)
{
	t->state = SP_TERMFILTER_GROUND;
	t->n = 0;
	if (c < 0x20 && c != ESC)
		t->nlast = 0;
	if (c == ESC) {
		t->state = SP_TERMFILTER_ESC;
	} else if (c == '\r' || c == '\b') {
		if (!t->is_text)
			sp_buf_put_u8(out, c);
	} else if (c == '\n' || c == '\t') {
		sp_buf_put_u8(out, c);
	} else if (c >= 0x20 && c < 0x7f) {
		sp_termfilter_put(t, &c, 1, out);
	} else if (c >= 0x80) {
		t->want = sp_termfilter_length(c);
		if (t->want == 0) {
			sp_buf_put_u8(out, '?');
		} else {
			t->state = SP_TERMFILTER_UTF8;
			t->bytes[t->n++] = c;
		}
	}
	/* Other C0 controls and DEL, BEL among them: dropped. */
}

static void
sp_termfilter_utf8(struct sp_termfilter *t, uint8_t c, struct sp_buf *out)
{
	if ((c & 0xc0) != 0x80) {
		sp_buf_put_u8(out, '?');
		sp_termfilter_ground(t, c, out);
		return;
	}
	t->bytes[t->n++] = c;
	if (t->n < t->want)
		return;
	/* C1 controls as characters, bidirectional controls and line separators are dropped like any control. */
	if (sp_text_is_plain(t->bytes, t->n))
		sp_termfilter_put(t, t->bytes, t->n, out);
	else if (!sp_text_is_utf8(t->bytes, t->n))
		sp_buf_put_u8(out, '?');
	t->state = SP_TERMFILTER_GROUND;
	t->n = 0;
}

static void
sp_termfilter_esc(struct sp_termfilter *t, uint8_t c, struct sp_buf *out)
{
	static const char safe[] = "78DEM"; /* save and restore the cursor, index, next line, reverse index */

	t->state = SP_TERMFILTER_GROUND;
	if (c == '[') {
		t->state = SP_TERMFILTER_CSI;
		t->n = 0;
		t->is_bad = false;
	} else if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_') {
		t->state = SP_TERMFILTER_STRING;
	} else if (c == '(' || c == ')') {
		t->state = SP_TERMFILTER_CHARSET;
		t->charset = c;
	} else if (c >= 0x20 && c <= 0x2f) {
		t->state = SP_TERMFILTER_ESC_DROP;
	} else if (c < 0x20) {
		sp_termfilter_ground(t, c, out);
	} else if (!t->is_text && c < 0x7f && strchr(safe, c) != NULL) {
		sp_buf_put_u8(out, ESC);
		sp_buf_put_u8(out, c);
	}
}

static void
sp_termfilter_charset(struct sp_termfilter *t, uint8_t c, struct sp_buf *out)
{
	t->state = SP_TERMFILTER_GROUND;
	if (c < 0x20) {
		sp_termfilter_ground(t, c, out);
	} else if (!t->is_text && (c == '0' || c == 'A' || c == 'B')) {
		sp_buf_put_u8(out, ESC);
		sp_buf_put_u8(out, t->charset);
		sp_buf_put_u8(out, c);
	}
}

/* "?" modes of which each is known to touch only what is shown. */
static bool
sp_termfilter_is_safe_mode(const uint8_t *p, size_t n)
{
	static const char *const modes[] = { "5", "6", "7", "12", "25", "47", "1047", "1048", "1049" };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strlen(modes[i]) == n && memcmp(modes[i], p, n) == 0)
			return true;
	}
	return false;
}

static bool
sp_termfilter_is_safe_csi(const struct sp_termfilter *t, uint8_t final)
{
	static const char plain[] = "@ABCDEFGHIJKLMPSTXZ`adefgmrs";
	const uint8_t *p = t->bytes;

	if (t->is_bad || t->is_text)
		return false;
	if (t->n > 0 && p[0] == '?')
		return final == 'h' || final == 'l' ? sp_termfilter_is_safe_mode(p + 1, t->n - 1) :
						      final == 'J' || final == 'K';
	if (final == 'h' || final == 'l')
		return t->n == 1 && p[0] == '4';
	return (final == 'u' && t->n == 0) || (final != 0 && strchr(plain, final) != NULL);
}

static void
sp_termfilter_csi(struct sp_termfilter *t, uint8_t c, struct sp_buf *out)
{
	if (c == ESC || c == CAN || c == SUB) {
		sp_termfilter_ground(t, c, out);
	} else if (c >= 0x40 && c <= 0x7e) {
		if (c == 'b' && !t->is_bad && (t->n == 0 || t->bytes[0] != '?')) {
			sp_termfilter_repeat(t, out);
		} else if (sp_termfilter_is_safe_csi(t, c)) {
			sp_buf_put_u8(out, ESC);
			sp_buf_put_u8(out, '[');
			sp_buf_put(out, t->bytes, t->n);
			sp_buf_put_u8(out, c);
		}
		t->state = SP_TERMFILTER_GROUND;
		t->n = 0;
	} else if ((c >= '0' && c <= ';') || (c == '?' && t->n == 0)) {
		if (t->n < sizeof(t->bytes))
			t->bytes[t->n++] = c;
		else
			t->is_bad = true;
	} else if (c >= 0x20) {
		t->is_bad = true; /* intermediate bytes, private prefixes, and what is no part of a sequence */
	}
	/* C0 controls inside a sequence would be carried out by a terminal: dropped. */
}

/* Payloads end with ST, BEL, CAN or SUB. */
static void
sp_termfilter_string(struct sp_termfilter *t, uint8_t c)
{
	if (c == ESC)
		t->state = SP_TERMFILTER_STRING_ESC;
	else if (c == 0x07 || c == CAN || c == SUB)
		t->state = SP_TERMFILTER_GROUND;
}

int
sp_termfilter_feed(struct sp_termfilter *t, const void *p, size_t n, struct sp_buf *out)
{
	const uint8_t *d = p;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = d[i];

		switch (t->state) {
		case SP_TERMFILTER_GROUND:
			sp_termfilter_ground(t, c, out);
			break;
		case SP_TERMFILTER_UTF8:
			sp_termfilter_utf8(t, c, out);
			break;
		case SP_TERMFILTER_ESC:
			sp_termfilter_esc(t, c, out);
			break;
		case SP_TERMFILTER_CHARSET:
			sp_termfilter_charset(t, c, out);
			break;
		case SP_TERMFILTER_ESC_DROP:
			if (c < 0x20)
				sp_termfilter_ground(t, c, out);
			else if (c >= 0x30)
				t->state = SP_TERMFILTER_GROUND;
			break;
		case SP_TERMFILTER_CSI:
			sp_termfilter_csi(t, c, out);
			break;
		case SP_TERMFILTER_STRING:
			sp_termfilter_string(t, c);
			break;
		case SP_TERMFILTER_STRING_ESC:
			/* ESC \ is the end; ESC and anything else starts a new sequence, as terminals do. */
			t->state = SP_TERMFILTER_ESC;
			if (c == '\\')
				t->state = SP_TERMFILTER_GROUND;
			else
				sp_termfilter_esc(t, c, out);
			break;
		}
	}
	return sp_buf_error(out);
}
