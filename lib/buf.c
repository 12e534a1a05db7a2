/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SP_BUF_FIRST 256 /* bytes of the first allocation */

struct sp_buf {
	uint8_t *mem;	      /* owned; NULL when read-only or still empty */
	const uint8_t *bytes; /* mem, or the borrowed bytes */
	size_t cap;
	size_t off; /* first unread byte */
	size_t end; /* one past the last byte */
	size_t max;
	int error;
	bool is_readonly;
};

struct sp_buf *
sp_buf_new(size_t max)
{
	struct sp_buf *b = calloc(1, sizeof(*b));

	if (b != NULL)
		b->max = max == 0 ? SP_BUF_MAX : max;
	return b;
}

struct sp_buf *
sp_buf_from(const void *data, size_t len)
{
	struct sp_buf *b = calloc(1, sizeof(*b));

	if (b != NULL) {
		b->bytes = data;
		b->cap = b->end = b->max = len;
		b->is_readonly = true;
	}
	return b;
}

void
sp_buf_free(struct sp_buf *b)
{
	if (b == NULL)
		return;
	if (b->mem != NULL) {
		explicit_bzero(b->mem, b->cap);
		free(b->mem);
	}
	free(b);
}

void
sp_buf_reset(struct sp_buf *b)
{
	b->off = 0;
	b->end = b->is_readonly ? b->cap : 0;
	b->error = 0;
}

size_t
sp_buf_len(const struct sp_buf *b)
{
	return b->end - b->off;
}

const uint8_t *
sp_buf_data(const struct sp_buf *b)
{
	static const uint8_t nothing[1];

	return b->bytes == NULL ? nothing : b->bytes + b->off;
}

size_t
sp_buf_room(const struct sp_buf *b)
{
	return b->is_readonly ? 0 : b->max - (b->end - b->off);
}

int
sp_buf_error(const struct sp_buf *b)
{
	return b->error;
}

static int
sp_buf_fail(struct sp_buf *b, int err)
{
	if (b->error == 0)
		b->error = err;
	return b->error;
}

/* Makes room for n more bytes at the back: moves the unread bytes to the front, then grows. */
static int
sp_buf_grow(struct sp_buf *b, size_t n)
{
	size_t len = b->end - b->off, want, cap;
	uint8_t *mem;

	if (b->is_readonly)
		return SP_ERR_INVALID;
	if (n > b->max - len)
		return SP_ERR_LIMIT;
	if (n <= b->cap - b->end)
		return 0;
	if (b->off > 0) {
		memmove(b->mem, b->mem + b->off, len);
		b->off = 0;
		b->end = len;
		if (n <= b->cap - b->end)
			return 0;
	}
	want = len + n;
	cap = b->cap == 0 ? SP_BUF_FIRST : b->cap;
	while (cap < want)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	mem = malloc(cap);
	if (mem == NULL)
		return SP_ERR_NOMEM;
	if (b->mem != NULL) {
		memcpy(mem, b->mem, len);
		explicit_bzero(b->mem, b->cap);
		free(b->mem);
	}
	b->mem = mem;
	b->bytes = mem;
	b->cap = cap;
	return 0;
}

int
sp_buf_reserve(struct sp_buf *b, size_t n, uint8_t **ret_p)
{
	int r;

	if (b->error != 0)
		return b->error;
	r = sp_buf_grow(b, n);
	if (r != 0)
		return sp_buf_fail(b, r);
	*ret_p = b->mem + b->end;
	b->end += n;
	return 0;
}

int
sp_buf_unput(struct sp_buf *b, size_t n)
{
	if (b->is_readonly || n > b->end - b->off)
		return SP_ERR_INVALID;
	b->end -= n;
	return 0;
}

int
sp_buf_consume(struct sp_buf *b, size_t n)
{
	if (n > b->end - b->off)
		return SP_ERR_INCOMPLETE;
	b->off += n;
	if (b->off == b->end && !b->is_readonly)
		b->off = b->end = 0;
	return 0;
}

int
sp_buf_put(struct sp_buf *b, const void *p, size_t n)
{
	uint8_t *d;
	int r;

	if (n == 0)
		return b->error;
	r = sp_buf_reserve(b, n, &d);
	if (r == 0)
		memcpy(d, p, n);
	return r;
}

static int
sp_buf_put_be(struct sp_buf *b, uint64_t v, size_t n)
{
	uint8_t *d;
	int r = sp_buf_reserve(b, n, &d);

	for (size_t i = 0; r == 0 && i < n; i++)
		d[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	return r;
}

int
sp_buf_put_u8(struct sp_buf *b, uint8_t v)
{
	return sp_buf_put_be(b, v, 1);
}

int
sp_buf_put_u16(struct sp_buf *b, uint16_t v)
{
	return sp_buf_put_be(b, v, 2);
}

int
sp_buf_put_u32(struct sp_buf *b, uint32_t v)
{
	return sp_buf_put_be(b, v, 4);
}

int
sp_buf_put_u64(struct sp_buf *b, uint64_t v)
{
	return sp_buf_put_be(b, v, 8);
}

int
sp_buf_put_string(struct sp_buf *b, const void *p, size_t n)
{
	uint8_t *d;
	int r;

	if (n > UINT32_MAX - 4)
		return sp_buf_fail(b, SP_ERR_LIMIT);
	r = sp_buf_reserve(b, n + 4, &d);
	if (r != 0)
		return r;
	for (size_t i = 0; i < 4; i++)
		d[i] = (uint8_t)(n >> (8 * (3 - i)));
	if (n > 0)
		memcpy(d + 4, p, n);
	return 0;
}

int
sp_buf_put_cstring(struct sp_buf *b, const char *s)
{
	return sp_buf_put_string(b, s, s == NULL ? 0 : strlen(s));
}

int
sp_buf_putf(struct sp_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	uint8_t *d;
	int n, r;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		r = sp_buf_fail(b, SP_ERR_INVALID);
	} else {
		/* vsnprintf writes a NUL, which is taken back. */
		r = sp_buf_reserve(b, (size_t)n + 1, &d);
		if (r == 0) {
			(void)vsnprintf((char *)d, (size_t)n + 1, fmt, again);
			b->end--;
		}
	}
	va_end(again);
	return r;
}

int
sp_buf_get(struct sp_buf *b, void *p, size_t n)
{
	if (n > b->end - b->off)
		return SP_ERR_INCOMPLETE;
	if (n > 0)
		memcpy(p, b->bytes + b->off, n);
	return sp_buf_consume(b, n);
}

static int
sp_buf_get_be(struct sp_buf *b, uint64_t *ret_v, size_t n)
{
	uint64_t v = 0;

	if (n > b->end - b->off)
		return SP_ERR_INCOMPLETE;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | b->bytes[b->off + i];
	*ret_v = v;
	return sp_buf_consume(b, n);
}

int
sp_buf_get_u8(struct sp_buf *b, uint8_t *ret_v)
{
	return sp_buf_get(b, ret_v, 1);
}

int
sp_buf_get_u16(struct sp_buf *b, uint16_t *ret_v)
{
	uint64_t v;
	int r = sp_buf_get_be(b, &v, 2);

	if (r == 0)
		*ret_v = (uint16_t)v;
	return r;
}

int
sp_buf_get_u32(struct sp_buf *b, uint32_t *ret_v)
{
	uint64_t v;
	int r = sp_buf_get_be(b, &v, 4);

	if (r == 0)
		*ret_v = (uint32_t)v;
	return r;
}

int
sp_buf_get_u64(struct sp_buf *b, uint64_t *ret_v)
{
	return sp_buf_get_be(b, ret_v, 8);
}

int
sp_buf_get_view(struct sp_buf *b, size_t max, struct sp_view *ret_v)
{
	size_t len = b->end - b->off, n = 0;

	if (len < 4)
		return SP_ERR_INCOMPLETE;
	for (size_t i = 0; i < 4; i++)
		n = n << 8 | b->bytes[b->off + i];
	if (n > max)
		return SP_ERR_LIMIT;
	if (n > len - 4)
		return SP_ERR_INCOMPLETE;
	ret_v->data = b->bytes + b->off + 4;
	ret_v->len = n;
	/* Not sp_buf_consume(): an emptied buffer would rewind under the view. */
	b->off += n + 4;
	return 0;
}

int
sp_buf_get_cstring(struct sp_buf *b, size_t max, char **ret_s)
{
	struct sp_view v;
	size_t off = b->off;
	char *s;
	int r = sp_buf_get_view(b, max, &v);

	if (r != 0)
		return r;
	if (v.len > 0 && memchr(v.data, 0, v.len) != NULL) {
		b->off = off;
		return SP_ERR_FORMAT;
	}
	s = malloc(v.len + 1);
	if (s == NULL) {
		b->off = off;
		return SP_ERR_NOMEM;
	}
	memcpy(s, v.data, v.len);
	s[v.len] = 0;
	*ret_s = s;
	return 0;
}
