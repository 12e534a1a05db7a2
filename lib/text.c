/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/text.h"

#include <stdint.h>
#include <string.h>

#define SP_TEXT_LOGIN_MAX 31 /* characters of a login name before the optional $ */

/*
 * Length of the well-formed UTF-8 sequence at p (RFC 3629 section 4), 0 if there is none; its value
 * goes to *ret_c.
 */
static size_t
sp_text_rune(const uint8_t *p, size_t n, uint32_t *ret_c)
{
	uint8_t low = 0x80, high = 0xbf;
	uint32_t c;
	size_t len;

	if (n == 0)
		return 0;
	if (p[0] < 0x80) {
		*ret_c = p[0];
		return 1;
	}
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	/* The second byte's range shuts out overlongs, surrogates and values past U+10FFFF. */
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	c = p[0] & (0xffU >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	*ret_c = c;
	return len;
}

/* Controls, line separators and what turns the direction of text (UAX #9): nothing a line may hold. */
static bool
sp_text_is_plain_rune(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	if (c == 0x2028 || c == 0x2029 || c == 0x061c || c == 0x200e || c == 0x200f)
		return false;
	return !(c >= 0x202a && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

bool
sp_text_is_utf8(const void *p, size_t n)
{
	const uint8_t *s = p;

	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t len = sp_text_rune(s + i, n - i, &c);

		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

bool
sp_text_is_plain(const void *p, size_t n)
{
	const uint8_t *s = p;

	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t len = sp_text_rune(s + i, n - i, &c);

		if (len == 0 || !sp_text_is_plain_rune(c))
			return false;
		i += len;
	}
	return true;
}

/* What one character becomes on a line: at most 4 bytes for each of its own. Returns the length. */
static size_t
sp_text_escape_rune(const uint8_t *p, size_t len, bool is_plain, char out[17])
{
	static const char digits[] = "0123456789abcdef";
	size_t o = 0;

	if (is_plain && p[0] != '\\') {
		memcpy(out, p, len);
		return len;
	}
	if (is_plain) {
		memcpy(out, "\\\\", 2);
		return 2;
	}
	for (size_t i = 0; i < len; i++) {
		out[o++] = '\\';
		out[o++] = 'x';
		out[o++] = digits[p[i] >> 4];
		out[o++] = digits[p[i] & 15];
	}
	return o;
}

int
sp_text_escape(struct sp_buf *out, const void *p, size_t n, size_t max)
{
	const uint8_t *s = p;
	size_t used = 0, fits = 0;

	/*
	 * Everything put so far can be cut back to `fits`, the last length that leaves room for the
	 * dots, because only a text that turns out too long needs them.
	 */
	for (size_t i = 0; i < n;) {
		uint32_t c = 0;
		size_t len = sp_text_rune(s + i, n - i, &c), olen;
		bool is_plain = len != 0 && sp_text_is_plain_rune(c);
		char one[17];

		if (len == 0)
			len = 1;
		olen = sp_text_escape_rune(s + i, len, is_plain, one);
		if (olen > max - used) {
			int r = sp_buf_error(out);

			if (r == 0)
				r = sp_buf_unput(out, used - fits);
			return r != 0 ? r : sp_buf_put(out, "...", max - fits < 3 ? max - fits : 3);
		}
		if (sp_buf_put(out, one, olen) != 0)
			break;
		used += olen;
		if (max >= 3 && used <= max - 3)
			fits = used;
		i += len;
	}
	return sp_buf_error(out);
}

static void
sp_text_json_rune(struct sp_buf *out, const uint8_t *p, size_t len, uint32_t c)
{
	static const char shorts[] = "b\bf\fn\nr\rt\t\"\"\\\\";

	for (size_t i = 0; len == 1 && i + 1 < sizeof(shorts); i += 2) {
		if ((uint8_t)shorts[i + 1] == c) {
			char pair[2] = {'\\', shorts[i]};

			sp_buf_put(out, pair, 2);
			return;
		}
	}
	if (c < 0x20 || c == 0x7f)
		sp_buf_putf(out, "\\u%04x", c);
	else
		sp_buf_put(out, p, len);
}

int
sp_text_json(struct sp_buf *out, const void *p, size_t n)
{
	static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd}; /* U+FFFD */
	const uint8_t *s = p;

	sp_buf_put_u8(out, '"');
	for (size_t i = 0; i < n;) {
		uint32_t c;
		size_t len = sp_text_rune(s + i, n - i, &c);

		if (len == 0) {
			sp_buf_put(out, replacement, sizeof(replacement));
			i++;
		} else {
			sp_text_json_rune(out, s + i, len, c);
			i += len;
		}
	}
	sp_buf_put_u8(out, '"');
	return sp_buf_error(out);
}

static char
text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool
sp_text_is_like(const char *pattern, const char *s, bool any_case)
{
	const char *star = NULL, *from = NULL;

	while (*s != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			from = s;
		} else if (*pattern == *s || (any_case && text_lower(*pattern) == text_lower(*s)) || (*pattern == '?' && *s != '/')) {
			pattern++;
			s++;
		} else if (star != NULL && *from != '/') {
			pattern = star + 1;
			s = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool
sp_text_is_login(const char *s)
{
	size_t n = strlen(s);

	if (n > 1 && s[n - 1] == '$')
		n--;
	if (n == 0 || n > SP_TEXT_LOGIN_MAX || !((s[0] >= 'a' && s[0] <= 'z') || s[0] == '_'))
		return false;
	for (size_t i = 1; i < n; i++) {
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_' || s[i] == '-'))
			return false;
	}
	return true;
}

void
sp_text_hex(char *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *s = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[s[i] >> 4];
		out[2 * i + 1] = digits[s[i] & 15];
	}
	out[2 * n] = 0;
}

static int
sp_text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
sp_text_unhex(void *out, size_t n, const char *hex, size_t hexlen)
{
	uint8_t *o = out;

	if (hexlen % 2 != 0 || hexlen / 2 != n)
		return SP_ERR_FORMAT;
	for (size_t i = 0; i < hexlen; i++) {
		if (sp_text_hex_digit(hex[i]) < 0)
			return SP_ERR_FORMAT;
	}
	for (size_t i = 0; i < n; i++)
		o[i] = (uint8_t)((unsigned)sp_text_hex_digit(hex[2 * i]) << 4 | (unsigned)sp_text_hex_digit(hex[2 * i + 1]));
	return 0;
}

/* Value of a base64 digit, -1 if it is none; the last two digits are what the two alphabets differ in. */
static int
sp_text_base64_digit(char c, const char last[2])
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == last[0])
		return 62;
	return c == last[1] ? 63 : -1;
}

/* Decodes n digits without padding; nothing is put unless all of it is right. */
static int
sp_text_base64_digits(struct sp_buf *out, const char *p, size_t n, const char last[2])
{
	uint32_t acc = 0;
	uint8_t *d;
	size_t o = 0, bits = 0;
	int r;

	if (n % 4 == 1)
		return SP_ERR_FORMAT;
	for (size_t i = 0; i < n; i++) {
		if (sp_text_base64_digit(p[i], last) < 0)
			return SP_ERR_FORMAT;
	}
	/* Bits of the last digit that belong to no byte must be zero, so that each value has one form. */
	if (n % 4 == 2 && (sp_text_base64_digit(p[n - 1], last) & 15) != 0)
		return SP_ERR_FORMAT;
	if (n % 4 == 3 && (sp_text_base64_digit(p[n - 1], last) & 3) != 0)
		return SP_ERR_FORMAT;
	if (n == 0)
		return sp_buf_error(out);
	r = sp_buf_reserve(out, n / 4 * 3 + (n % 4 == 0 ? 0 : n % 4 - 1), &d);
	for (size_t i = 0; r == 0 && i < n; i++) {
		acc = acc << 6 | (uint32_t)sp_text_base64_digit(p[i], last);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			d[o++] = (uint8_t)(acc >> bits);
		}
	}
	return r;
}

int
sp_text_base64url_decode(struct sp_buf *out, const char *p, size_t n)
{
	return sp_text_base64_digits(out, p, n, "-_");
}

int
sp_text_base64_decode(struct sp_buf *out, const char *p, size_t n)
{
	if (n % 4 != 0)
		return SP_ERR_FORMAT;
	if (n > 0 && p[n - 1] == '=')
		n -= p[n - 2] == '=' ? 2 : 1;
	return sp_text_base64_digits(out, p, n, "+/");
}

static int
sp_text_base64_put(struct sp_buf *out, const uint8_t *s, size_t n, const char last[2], bool has_padding)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t v =
		    (uint32_t)s[i] << 16 | (have > 1 ? (uint32_t)s[i + 1] << 8 : 0) | (have > 2 ? s[i + 2] : 0);
		char quad[4] = {'=', '=', '=', '='};

		for (size_t j = 0; j <= have; j++) {
			uint32_t d = v >> (18 - 6 * j) & 63;

			quad[j] = d >= 62 ? last[d - 62] : digits[d];
		}
		if (sp_buf_put(out, quad, has_padding ? 4 : have + 1) != 0)
			break;
	}
	return sp_buf_error(out);
}

int
sp_text_base64url_encode(struct sp_buf *out, const void *p, size_t n)
{
	return sp_text_base64_put(out, p, n, "-_", false);
}

int
sp_text_base64_encode(struct sp_buf *out, const void *p, size_t n)
{
	return sp_text_base64_put(out, p, n, "+/", true);
}
