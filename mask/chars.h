/* SPDX-License-Identifier: Apache-2.0 */
/* ASCII classes, independent of the locale. */
#ifndef SALLYPORT_MASK_CHARS_H
#define SALLYPORT_MASK_CHARS_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
sp_chars_is_digit(int c)
{
	return (unsigned)c - '0' < 10;
}

static inline bool
sp_chars_is_upper(int c)
{
	return (unsigned)c - 'A' < 26;
}

static inline bool
sp_chars_is_lower(int c)
{
	return (unsigned)c - 'a' < 26;
}

static inline bool
sp_chars_is_alpha(int c)
{
	return (unsigned)(c | 0x20) - 'a' < 26;
}

static inline bool
sp_chars_is_alnum(int c)
{
	return sp_chars_is_digit(c) || sp_chars_is_alpha(c);
}

static inline bool
sp_chars_is_hex(int c)
{
	return sp_chars_is_digit(c) || (unsigned)(c | 0x20) - 'a' < 6;
}

/* RFC 4648 section 5, without padding. */
static inline bool
sp_chars_is_base64url(int c)
{
	return sp_chars_is_alnum(c) || c == '-' || c == '_';
}

/* A byte of a UTF-8 character past ASCII. */
static inline bool
sp_chars_is_high(int c)
{
	return c >= 0x80;
}

/* A byte inside a UTF-8 character, where text must not be cut. */
static inline bool
sp_chars_is_inner(int c)
{
	return (c & 0xC0) == 0x80;
}

#endif
