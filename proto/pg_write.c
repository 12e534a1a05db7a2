/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/pg_write.h"

#include <string.h>

size_t
sp_pg_write_begin(struct sp_buf *b, uint8_t type)
{
	size_t at;

	if (type != 0)
		sp_buf_put_u8(b, type);
	at = sp_buf_len(b);
	sp_buf_put_u32(b, 0);
	return at;
}

/* Rewrites the four length bytes at place at; nothing is consumed while a message is written. */
void
sp_pg_write_end(struct sp_buf *b, size_t at)
{
	size_t len;
	uint8_t *p;

	if (sp_buf_error(b) != 0 || sp_buf_reserve(b, 0, &p) != 0)
		return;
	len = sp_buf_len(b) - at;
	p -= len;
	p[0] = (uint8_t)(len >> 24);
	p[1] = (uint8_t)(len >> 16);
	p[2] = (uint8_t)(len >> 8);
	p[3] = (uint8_t)len;
}

void
sp_pg_write_cstr(struct sp_buf *b, const char *s)
{
	sp_buf_put(b, s, strlen(s) + 1);
}

void
sp_pg_write_message(struct sp_buf *b, uint8_t type, const void *body, size_t n)
{
	size_t at = sp_pg_write_begin(b, type);

	if (n != 0)
		sp_buf_put(b, body, n);
	sp_pg_write_end(b, at);
}

void
sp_pg_write_text(struct sp_buf *b, uint8_t type, const char *s)
{
	sp_pg_write_message(b, type, s, strlen(s) + 1);
}

static void
field(struct sp_buf *b, char code, const char *s)
{
	sp_buf_put_u8(b, (uint8_t)code);
	sp_pg_write_cstr(b, s);
}

void
sp_pg_write_error(struct sp_buf *b, uint8_t type, const char *severity, const char *sqlstate, const char *message,
    const char *hint)
{
	size_t at = sp_pg_write_begin(b, type);

	field(b, 'S', severity);
	field(b, 'V', severity);
	field(b, 'C', sqlstate);
	field(b, 'M', message);
	if (hint != NULL && *hint != '\0')
		field(b, 'H', hint);
	sp_buf_put_u8(b, 0);
	sp_pg_write_end(b, at);
}

void
sp_pg_write_startup(struct sp_buf *b, const struct sp_pg_param *params, unsigned n)
{
	size_t at = sp_pg_write_begin(b, 0);
	unsigned i;

	sp_buf_put_u32(b, SP_PG_PROTOCOL_3);
	for (i = 0; i < n; i++) {
		sp_pg_write_cstr(b, params[i].name);
		sp_pg_write_cstr(b, params[i].value);
	}
	sp_buf_put_u8(b, 0);
	sp_pg_write_end(b, at);
}

void
sp_pg_write_cancel(struct sp_buf *b, uint32_t pid, uint32_t key)
{
	sp_buf_put_u32(b, 16);
	sp_buf_put_u32(b, SP_PG_CANCEL_CODE);
	sp_buf_put_u32(b, pid);
	sp_buf_put_u32(b, key);
}

void
sp_pg_write_ssl_request(struct sp_buf *b)
{
	sp_buf_put_u32(b, 8);
	sp_buf_put_u32(b, SP_PG_SSL_CODE);
}

void
sp_pg_write_parse(struct sp_buf *b, const char *name, const char *sql)
{
	size_t at = sp_pg_write_begin(b, 'P');

	sp_pg_write_cstr(b, name);
	sp_pg_write_cstr(b, sql);
	sp_buf_put_u16(b, 0);
	sp_pg_write_end(b, at);
}

void
sp_pg_write_target(struct sp_buf *b, uint8_t type, char what, const char *name)
{
	size_t at = sp_pg_write_begin(b, type);

	sp_buf_put_u8(b, (uint8_t)what);
	sp_pg_write_cstr(b, name);
	sp_pg_write_end(b, at);
}
