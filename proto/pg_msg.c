/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/pg_msg.h"

#include <string.h>

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int
sp_pg_head_parse(const uint8_t *p, size_t n, uint64_t max, struct sp_pg_head *ret_h)
{
	uint64_t len;

	if (n < SP_PG_HEAD)
		return SP_ERR_INCOMPLETE;
	len = be32(p + 1);
	if (len < 4)
		return SP_ERR_FORMAT;
	if (len - 4 > max)
		return SP_ERR_LIMIT;
	ret_h->type = p[0];
	ret_h->body = len - 4;
	return 0;
}

void
sp_pg_cur_init(struct sp_pg_cur *c, const uint8_t *p, size_t n)
{
	c->p = p;
	c->end = p + n;
	c->bad = false;
}

const uint8_t *
sp_pg_cur_bytes(struct sp_pg_cur *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || (size_t)(c->end - c->p) < n) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	return p;
}

uint8_t
sp_pg_cur_u8(struct sp_pg_cur *c)
{
	const uint8_t *p = sp_pg_cur_bytes(c, 1);

	return p == NULL ? 0 : p[0];
}

uint16_t
sp_pg_cur_u16(struct sp_pg_cur *c)
{
	const uint8_t *p = sp_pg_cur_bytes(c, 2);

	return p == NULL ? 0 : (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t
sp_pg_cur_u32(struct sp_pg_cur *c)
{
	const uint8_t *p = sp_pg_cur_bytes(c, 4);

	return p == NULL ? 0 : be32(p);
}

const char *
sp_pg_cur_cstr(struct sp_pg_cur *c, size_t *ret_len)
{
	const uint8_t *p = c->p, *nul;

	if (ret_len != NULL)
		*ret_len = 0;
	if (c->bad || p == c->end || (nul = memchr(p, 0, (size_t)(c->end - p))) == NULL) {
		c->bad = true;
		return "";
	}
	c->p = nul + 1;
	if (ret_len != NULL)
		*ret_len = (size_t)(nul - p);
	return (const char *)p;
}

int
sp_pg_cur_end(const struct sp_pg_cur *c)
{
	return c->bad || c->p != c->end ? SP_ERR_FORMAT : 0;
}
