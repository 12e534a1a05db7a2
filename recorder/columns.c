/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/columns.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/event.h"

#define COLUMNS_TIME ((size_t)9)  /* bytes of an event up to its fields: type and time */
#define COLUMNS_FIELD ((size_t)5) /* of a field in front of its bytes: id and length */
#define COLUMNS_US 1000		  /* nanoseconds */
#define COLUMNS_VARINT 10	  /* bytes of the longest number */

struct sp_columns {
	struct sp_buf *lengths, *times, *bytes;
	uint64_t time_us; /* of the event before */
};

static uint64_t
columns_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static void
columns_set_be(uint8_t *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

/* --- putting ---------------------------------------------------------------------------------------- */

int
sp_columns_new(struct sp_columns **ret_c)
{
	struct sp_columns *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return SP_ERR_NOMEM;
	c->lengths = sp_buf_new(0);
	c->times = sp_buf_new(0);
	c->bytes = sp_buf_new(0);
	if (c->lengths == NULL || c->times == NULL || c->bytes == NULL) {
		sp_columns_free(c);
		return SP_ERR_NOMEM;
	}
	*ret_c = c;
	return 0;
}

void
sp_columns_free(struct sp_columns *c)
{
	if (c == NULL)
		return;
	sp_buf_free(c->lengths);
	sp_buf_free(c->times);
	sp_buf_free(c->bytes);
	free(c);
}

void
sp_columns_reset(struct sp_columns *c)
{
	sp_buf_reset(c->lengths);
	sp_buf_reset(c->times);
	sp_buf_reset(c->bytes);
	c->time_us = 0;
}

static void
columns_put_number(struct sp_buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		sp_buf_put_u8(b, (uint8_t)(v | 0x80));
	sp_buf_put_u8(b, (uint8_t)v);
}

/* Whether it is what a terminal shows and nothing else, as nearly all of them are. */
static bool
columns_is_text(const uint8_t *p, size_t n)
{
	return n >= COLUMNS_TIME + COLUMNS_FIELD && p[0] == SP_EVENT_OUTPUT && p[COLUMNS_TIME] == SP_FIELD_TEXT &&
	    columns_be(p + COLUMNS_TIME + 1, 4) == n - COLUMNS_TIME - COLUMNS_FIELD;
}

int
sp_columns_put(struct sp_columns *c, const void *event, size_t n)
{
	const uint8_t *p = event;
	uint64_t time, us, step;
	size_t skip = COLUMNS_TIME + COLUMNS_FIELD;
	bool is_text;

	if (n < COLUMNS_TIME || n > SP_EVENT_MAX)
		return SP_ERR_INVALID;
	time = columns_be(p + 1, 8);
	us = time / COLUMNS_US;
	is_text = columns_is_text(p, n);
	if (!is_text) {
		skip = COLUMNS_TIME;
		sp_buf_put_u8(c->bytes, p[0]);
	}
	sp_buf_put(c->bytes, p + skip, n - skip);
	columns_put_number(c->lengths, (uint64_t)(n - skip) << 1 | is_text);
	/* Steps are small, and may be backwards; below a microsecond there is only sometimes something. */
	step = us >= c->time_us ? (us - c->time_us) << 1 : (c->time_us - us) << 1 | 1;
	columns_put_number(c->times, step << 1 | (time % COLUMNS_US != 0));
	if (time % COLUMNS_US != 0)
		columns_put_number(c->times, time % COLUMNS_US);
	c->time_us = us;
	if (sp_buf_error(c->lengths) != 0)
		return sp_buf_error(c->lengths);
	return sp_buf_error(c->times) != 0 ? sp_buf_error(c->times) : sp_buf_error(c->bytes);
}

size_t
sp_columns_bytes(const struct sp_columns *c)
{
	return SP_COLUMNS_HEAD + sp_buf_len(c->lengths) + sp_buf_len(c->times) + sp_buf_len(c->bytes);
}

void
sp_columns_end(const struct sp_columns *c, uint8_t *p)
{
	const struct sp_buf *all[] = { c->lengths, c->times, c->bytes };

	columns_set_be(p, sp_buf_len(c->lengths), 4);
	columns_set_be(p + 4, sp_buf_len(c->times), 4);
	p += SP_COLUMNS_HEAD;
	for (size_t i = 0; i < 3; i++) {
		memcpy(p, sp_buf_data(all[i]), sp_buf_len(all[i]));
		p += sp_buf_len(all[i]);
	}
}

/* --- reading ---------------------------------------------------------------------------------------- */

int
sp_columns_open(const void *p, size_t n, struct sp_columns_reader *ret_r)
{
	const uint8_t *d = p;
	uint64_t lengths, times;

	if (n < SP_COLUMNS_HEAD)
		return SP_ERR_FORMAT;
	lengths = columns_be(d, 4);
	times = columns_be(d + 4, 4);
	if (lengths + times > n - SP_COLUMNS_HEAD)
		return SP_ERR_FORMAT;
	d += SP_COLUMNS_HEAD;
	ret_r->lengths = (struct sp_view){ d, (size_t)lengths };
	ret_r->times = (struct sp_view){ d + lengths, (size_t)times };
	ret_r->bytes = (struct sp_view){ d + lengths + times, n - SP_COLUMNS_HEAD - (size_t)(lengths + times) };
	ret_r->time_us = 0;
	return 0;
}

static void
columns_step(struct sp_view *v, size_t n)
{
	v->data += n;
	v->len -= n;
}

static int
columns_get_number(struct sp_view *v, uint64_t *ret)
{
	uint64_t x = 0;

	for (size_t i = 0; i < v->len && i < COLUMNS_VARINT; i++) {
		uint8_t c = v->data[i];

		if (i == COLUMNS_VARINT - 1 && c > 1)
			return SP_ERR_FORMAT;
		x |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c < 0x80) {
			columns_step(v, i + 1);
			*ret = x;
			return 0;
		}
	}
	return SP_ERR_FORMAT;
}

static int
columns_get_time(struct sp_columns_reader *r, uint64_t *ret_ns)
{
	uint64_t v, rest = 0, step;
	int err = columns_get_number(&r->times, &v);

	if (err == 0 && (v & 1) != 0)
		err = columns_get_number(&r->times, &rest);
	if (err != 0 || rest >= COLUMNS_US)
		return SP_ERR_FORMAT;
	step = v >> 2;
	if ((v & 2) != 0 ? step > r->time_us : step > UINT64_MAX / COLUMNS_US - r->time_us)
		return SP_ERR_FORMAT;
	r->time_us = (v & 2) != 0 ? r->time_us - step : r->time_us + step;
	if (r->time_us * COLUMNS_US > UINT64_MAX - rest)
		return SP_ERR_FORMAT;
	*ret_ns = r->time_us * COLUMNS_US + rest;
	return 0;
}

int
sp_columns_next(struct sp_columns_reader *r, uint8_t *p, size_t cap, size_t *ret_n)
{
	uint64_t v, time = 0;
	size_t len, skip;
	int err;

	if (r->lengths.len == 0)
		return r->times.len == 0 && r->bytes.len == 0 ? SP_ERR_NOT_FOUND : SP_ERR_FORMAT;
	err = columns_get_number(&r->lengths, &v);
	if (err == 0)
		err = columns_get_time(r, &time);
	if (err != 0)
		return err;
	skip = COLUMNS_TIME + ((v & 1) != 0 ? COLUMNS_FIELD : 0);
	if (v >> 1 > SP_EVENT_MAX)
		return SP_ERR_FORMAT;
	len = (size_t)(v >> 1);
	if (r->bytes.len < len + ((v & 1) == 0))
		return SP_ERR_FORMAT;
	if (cap < skip + len)
		return SP_ERR_LIMIT;
	if ((v & 1) != 0) {
		p[0] = SP_EVENT_OUTPUT;
		p[COLUMNS_TIME] = SP_FIELD_TEXT;
		columns_set_be(p + COLUMNS_TIME + 1, len, 4);
	} else {
		p[0] = r->bytes.data[0];
		columns_step(&r->bytes, 1);
	}
	columns_set_be(p + 1, time, 8);
	memcpy(p + skip, r->bytes.data, len);
	columns_step(&r->bytes, len);
	*ret_n = skip + len;
	return 0;
}
