/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/pg_backend.h"

#include <stdlib.h>
#include <string.h>

int
sp_pg_row_description_parse(const uint8_t *p, size_t n,
    void (*each)(unsigned i, const struct sp_pg_column *col, void *ctx), void *ctx, unsigned *ret_n)
{
	struct sp_pg_column col;
	struct sp_pg_cur c;
	unsigned i, count;
	uint16_t format;

	sp_pg_cur_init(&c, p, n);
	count = sp_pg_cur_u16(&c);
	if (count > SP_PG_COLUMNS_MAX)
		return SP_ERR_LIMIT;
	for (i = 0; i < count && !c.bad; i++) {
		col.name = sp_pg_cur_cstr(&c, NULL);
		col.table = sp_pg_cur_u32(&c);
		col.attnum = sp_pg_cur_u16(&c);
		col.type = sp_pg_cur_u32(&c);
		(void)sp_pg_cur_u16(&c); /* typlen */
		(void)sp_pg_cur_u32(&c); /* typmod */
		format = sp_pg_cur_u16(&c);
		if (format > 1)
			c.bad = true;
		col.is_binary = format == 1;
		if (!c.bad)
			each(i, &col, ctx);
	}
	*ret_n = count;
	return sp_pg_cur_end(&c);
}

int
sp_pg_error_parse(const uint8_t *p, size_t n, struct sp_pg_error *ret_e)
{
	struct sp_pg_cur c;
	uint8_t code;

	ret_e->n = 0;
	sp_pg_cur_init(&c, p, n);
	while ((code = sp_pg_cur_u8(&c)) != 0) {
		struct sp_pg_error_field *f;

		if (ret_e->n == SP_PG_ERROR_FIELDS_MAX)
			return SP_ERR_LIMIT;
		f = &ret_e->f[ret_e->n++];
		f->code = (char)code;
		f->value.data = (const uint8_t *)sp_pg_cur_cstr(&c, &f->value.len);
	}
	return sp_pg_cur_end(&c);
}

const struct sp_pg_error_field *
sp_pg_error_get(const struct sp_pg_error *e, char code)
{
	unsigned i;

	for (i = 0; i < e->n; i++)
		if (e->f[i].code == code)
			return &e->f[i];
	return NULL;
}

int
sp_pg_data_row_parse(const uint8_t *p, size_t n, struct sp_pg_cell *cells, unsigned max, unsigned *ret_n)
{
	struct sp_pg_cur c;
	unsigned i, count;

	sp_pg_cur_init(&c, p, n);
	count = sp_pg_cur_u16(&c);
	if (count > max)
		return SP_ERR_LIMIT;
	for (i = 0; i < count; i++) {
		uint32_t len = sp_pg_cur_u32(&c);

		if (c.bad || (len > INT32_MAX && len != UINT32_MAX))
			return SP_ERR_FORMAT;
		cells[i].off = (uint32_t)(c.p - p);
		cells[i].len = (int32_t)len;
		if (len != UINT32_MAX && sp_pg_cur_bytes(&c, len) == NULL)
			return SP_ERR_FORMAT;
	}
	*ret_n = count;
	return sp_pg_cur_end(&c);
}

uint64_t
sp_pg_tag_rows(const char *tag)
{
	const char *sp = strrchr(tag, ' ');

	if (sp == NULL || sp[1] < '0' || sp[1] > '9')
		return 0;
	return strtoull(sp + 1, NULL, 10);
}

bool
sp_pg_backend_is_known(uint8_t type)
{
	return type != 0 && strchr("RKSZTDCEN123nstGHWdcIAVv", type) != NULL;
}
