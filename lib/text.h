/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside made safe to show, log and compare. */
#ifndef SALLYPORT_LIB_TEXT_H
#define SALLYPORT_LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"

/* Whether the bytes are well-formed UTF-8 (RFC 3629: no overlongs, surrogates or values past U+10FFFF). */
bool sp_text_is_utf8(const void *p, size_t n);
/* Whether the bytes are UTF-8 without C0, DEL, C1 controls, U+2028/9 or bidirectional controls. */
bool sp_text_is_plain(const void *p, size_t n);
/*
 * Appends p to out for one line of a terminal or log: plain characters as they are; everything that
 * sp_text_is_plain() refuses as \xHH for each byte, backslash as \\. Stops before max output bytes and
 * then ends with "...". Errors as sp_buf_put().
 */
int sp_text_escape(struct sp_buf *out, const void *p, size_t n, size_t max);
/* Appends p as a JSON string with quotes (RFC 8259); invalid UTF-8 bytes become U+FFFD. Errors as sp_buf_put(). */
int sp_text_json(struct sp_buf *out, const void *p, size_t n);
/* Whether s is as pattern says, where * is anything but a slash and ? one such character. any_case: as ASCII has it. */
bool sp_text_is_like(const char *pattern, const char *s, bool any_case);
/* Whether s is a login name we accept: [a-z_][a-z0-9_-]{0,30} with an optional final $. */
bool sp_text_is_login(const char *s);
/* Lower-case hex of n bytes into out, which has room for 2n + 1. */
void sp_text_hex(char *out, const void *p, size_t n);
/* Decodes exactly 2n hex digits (either case). FORMAT. */
int sp_text_unhex(void *out, size_t n, const char *hex, size_t hexlen) SP_MUST_CHECK;
/* base64url without padding (RFC 4648 section 5), strict: no other characters, tail bits zero. FORMAT, LIMIT, NOMEM. */
int sp_text_base64url_decode(struct sp_buf *out, const char *p, size_t n) SP_MUST_CHECK;
/* base64 with padding (RFC 4648 section 4), strict. FORMAT, LIMIT, NOMEM. */
int sp_text_base64_decode(struct sp_buf *out, const char *p, size_t n) SP_MUST_CHECK;
int sp_text_base64url_encode(struct sp_buf *out, const void *p, size_t n);
int sp_text_base64_encode(struct sp_buf *out, const void *p, size_t n);

#endif
