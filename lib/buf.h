/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer with a hard maximum, read at the front and written at
 * the back. Integers are big-endian; a string is a u32 length and that many
 * bytes (RFC 4251 section 5). Get functions either consume the whole item or
 * consume nothing.
 *
 * Writers are sticky: after the first failed put the buffer refuses all later
 * ones and sp_buf_error() tells the first error, so a message is built without
 * checking each field and checked once at the end.
 */
#ifndef SALLYPORT_LIB_BUF_H
#define SALLYPORT_LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct sp_buf;

#define SP_BUF_MAX ((size_t)64 * 1024 * 1024) /* default hard maximum, bytes */

/* A view into memory owned by somebody else; valid while that owner is unchanged. */
struct sp_view {
	const uint8_t *data;
	size_t len;
};

/* New empty buffer that never holds more than max bytes (0 = SP_BUF_MAX). NULL if out of memory. */
struct sp_buf *sp_buf_new(size_t max) SP_MUST_CHECK;
/* New read-only buffer over data, which must outlive it. NULL if out of memory. */
struct sp_buf *sp_buf_from(const void *data, size_t len) SP_MUST_CHECK;
/* Wipes and frees; NULL is fine. */
void sp_buf_free(struct sp_buf *b);
/* Empties and clears the sticky error; keeps the memory. */
void sp_buf_reset(struct sp_buf *b);

/* Unread bytes. */
size_t sp_buf_len(const struct sp_buf *b);
const uint8_t *sp_buf_data(const struct sp_buf *b);
/* Bytes that can still be put before the maximum. */
size_t sp_buf_room(const struct sp_buf *b);
/* First put error since the last reset, or 0. */
int sp_buf_error(const struct sp_buf *b) SP_MUST_CHECK;

/* Room for n bytes at the back; *ret_p is valid until the next call. NOMEM, LIMIT, INVALID (read-only). */
int sp_buf_reserve(struct sp_buf *b, size_t n, uint8_t **ret_p) SP_MUST_CHECK;
/* Takes back the last n reserved or put bytes. INVALID if fewer are there. */
int sp_buf_unput(struct sp_buf *b, size_t n) SP_MUST_CHECK;
/* Drops n bytes at the front. INCOMPLETE if fewer are there. */
int sp_buf_consume(struct sp_buf *b, size_t n) SP_MUST_CHECK;

/* Sticky puts: errors are NOMEM, LIMIT, INVALID. */
int sp_buf_put(struct sp_buf *b, const void *p, size_t n);
int sp_buf_put_u8(struct sp_buf *b, uint8_t v);
int sp_buf_put_u16(struct sp_buf *b, uint16_t v);
int sp_buf_put_u32(struct sp_buf *b, uint32_t v);
int sp_buf_put_u64(struct sp_buf *b, uint64_t v);
int sp_buf_put_string(struct sp_buf *b, const void *p, size_t n);
int sp_buf_put_cstring(struct sp_buf *b, const char *s); /* NULL is the empty string; the NUL is not put */
int sp_buf_putf(struct sp_buf *b, const char *fmt, ...) SP_PRINTF(2, 3); /* raw bytes, no NUL */

/* Gets: INCOMPLETE if the buffer is too short; nothing is consumed on error. */
int sp_buf_get(struct sp_buf *b, void *p, size_t n) SP_MUST_CHECK;
int sp_buf_get_u8(struct sp_buf *b, uint8_t *ret_v) SP_MUST_CHECK;
int sp_buf_get_u16(struct sp_buf *b, uint16_t *ret_v) SP_MUST_CHECK;
int sp_buf_get_u32(struct sp_buf *b, uint32_t *ret_v) SP_MUST_CHECK;
int sp_buf_get_u64(struct sp_buf *b, uint64_t *ret_v) SP_MUST_CHECK;
/* A string as a view into the buffer, valid until the buffer changes. LIMIT if longer than max. */
int sp_buf_get_view(struct sp_buf *b, size_t max, struct sp_view *ret_v) SP_MUST_CHECK;
/* A string as a new NUL-terminated copy (caller frees). FORMAT if it holds a NUL; LIMIT, NOMEM. */
int sp_buf_get_cstring(struct sp_buf *b, size_t max, char **ret_s) SP_MUST_CHECK;

#endif
