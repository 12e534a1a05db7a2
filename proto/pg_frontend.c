/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/pg_frontend.h"

#include <string.h>

static int
parameters_parse(struct sp_pg_cur *c, struct sp_pg_startup *s)
{
	unsigned i;

	for (;;) {
		const char *name, *value;

		if (c->bad)
			return SP_ERR_FORMAT;
		name = sp_pg_cur_cstr(c, NULL);
		if (*name == '\0')
			break;
		value = sp_pg_cur_cstr(c, NULL);
		if (c->bad)
			return SP_ERR_FORMAT;
		for (i = 0; i < s->n_params; i++)
			if (strcmp(s->params[i].name, name) == 0)
				return SP_ERR_FORMAT;
		if (s->n_params == SP_PG_STARTUP_PARAMS_MAX)
			return SP_ERR_LIMIT;
		s->params[s->n_params].name = name;
		s->params[s->n_params++].value = value;
	}
	return sp_pg_cur_end(c);
}

int
sp_pg_startup_parse(const uint8_t *p, size_t n, struct sp_pg_startup *ret_s)
{
	struct sp_pg_cur c;
	uint64_t len;
	uint32_t code;

	memset(ret_s, 0, sizeof(*ret_s));
	if (n < 4)
		return SP_ERR_INCOMPLETE;
	sp_pg_cur_init(&c, p, n);
	len = sp_pg_cur_u32(&c);
	if (len < 8)
		return SP_ERR_FORMAT;
	if (len > SP_PG_STARTUP_MAX)
		return SP_ERR_LIMIT;
	if (n < len)
		return SP_ERR_INCOMPLETE;
	c.end = p + len;
	ret_s->size = (size_t)len;
	code = sp_pg_cur_u32(&c);
	if (code == SP_PG_SSL_CODE || code == SP_PG_GSSENC_CODE) {
		ret_s->kind = code == SP_PG_SSL_CODE ? SP_PG_STARTUP_SSL : SP_PG_STARTUP_GSSENC;
		return sp_pg_cur_end(&c);
	}
	if (code == SP_PG_CANCEL_CODE) {
		ret_s->kind = SP_PG_STARTUP_CANCEL;
		ret_s->pid = sp_pg_cur_u32(&c);
		ret_s->key = sp_pg_cur_u32(&c);
		return sp_pg_cur_end(&c);
	}
	if (code >> 16 != 3)
		return SP_ERR_UNSUPPORTED;
	ret_s->kind = SP_PG_STARTUP_PARAMETERS;
	ret_s->minor = (uint16_t)(code & 0xffff);
	return parameters_parse(&c, ret_s);
}

int
sp_pg_query_parse(const uint8_t *p, size_t n, struct sp_view *ret_sql)
{
	struct sp_pg_cur c;

	sp_pg_cur_init(&c, p, n);
	ret_sql->data = (const uint8_t *)sp_pg_cur_cstr(&c, &ret_sql->len);
	return sp_pg_cur_end(&c);
}

static const char *
name_read(struct sp_pg_cur *c)
{
	size_t len;
	const char *s = sp_pg_cur_cstr(c, &len);

	if (len > SP_PG_NAME_MAX)
		c->bad = true;
	return s;
}

int
sp_pg_parse_parse(const uint8_t *p, size_t n, struct sp_pg_parse *ret_m)
{
	struct sp_pg_cur c;

	sp_pg_cur_init(&c, p, n);
	ret_m->name = name_read(&c);
	ret_m->sql.data = (const uint8_t *)sp_pg_cur_cstr(&c, &ret_m->sql.len);
	ret_m->n_types = sp_pg_cur_u16(&c);
	ret_m->types = sp_pg_cur_bytes(&c, (size_t)ret_m->n_types * 4);
	return sp_pg_cur_end(&c);
}

static bool
formats_ok(uint16_t n, const uint8_t *codes)
{
	unsigned i;

	for (i = 0; codes != NULL && i < n; i++)
		if (codes[2 * i] != 0 || codes[2 * i + 1] > 1)
			return false;
	return true;
}

int
sp_pg_bind_parse(const uint8_t *p, size_t n, struct sp_pg_bind *ret_m)
{
	struct sp_pg_cur c;
	unsigned i;

	sp_pg_cur_init(&c, p, n);
	ret_m->portal = name_read(&c);
	ret_m->statement = name_read(&c);
	ret_m->n_formats = sp_pg_cur_u16(&c);
	ret_m->formats = sp_pg_cur_bytes(&c, (size_t)ret_m->n_formats * 2);
	ret_m->n_params = sp_pg_cur_u16(&c);
	ret_m->params = c.p;
	for (i = 0; i < ret_m->n_params && !c.bad; i++) {
		uint32_t len = sp_pg_cur_u32(&c);

		if (len == UINT32_MAX)
			continue;
		if (len > INT32_MAX)
			return SP_ERR_FORMAT;
		(void)sp_pg_cur_bytes(&c, len);
	}
	ret_m->params_len = (size_t)(c.p - ret_m->params);
	ret_m->n_results = sp_pg_cur_u16(&c);
	ret_m->results = sp_pg_cur_bytes(&c, (size_t)ret_m->n_results * 2);
	if (c.bad || !formats_ok(ret_m->n_formats, ret_m->formats) || !formats_ok(ret_m->n_results, ret_m->results))
		return SP_ERR_FORMAT;
	if (ret_m->n_formats > 1 && ret_m->n_formats != ret_m->n_params)
		return SP_ERR_FORMAT;
	return sp_pg_cur_end(&c);
}

bool
sp_pg_bind_param(const struct sp_pg_bind *m, unsigned i, const uint8_t **at, struct sp_view *ret_v, bool *ret_binary)
{
	struct sp_pg_cur c;
	uint32_t len;

	if (i >= m->n_params)
		return false;
	sp_pg_cur_init(&c, *at, (size_t)(m->params + m->params_len - *at));
	len = sp_pg_cur_u32(&c);
	ret_v->len = len == UINT32_MAX ? 0 : len;
	ret_v->data = len == UINT32_MAX ? NULL : sp_pg_cur_bytes(&c, len);
	*ret_binary = m->n_formats != 0 && m->formats[m->n_formats == 1 ? 1 : 2 * i + 1] == 1;
	*at = c.p;
	return !c.bad;
}

int
sp_pg_target_parse(const uint8_t *p, size_t n, struct sp_pg_target *ret_m)
{
	struct sp_pg_cur c;

	sp_pg_cur_init(&c, p, n);
	ret_m->what = (char)sp_pg_cur_u8(&c);
	ret_m->name = name_read(&c);
	if (ret_m->what != 'S' && ret_m->what != 'P')
		return SP_ERR_FORMAT;
	return sp_pg_cur_end(&c);
}

int
sp_pg_execute_parse(const uint8_t *p, size_t n, struct sp_pg_execute *ret_m)
{
	struct sp_pg_cur c;

	sp_pg_cur_init(&c, p, n);
	ret_m->portal = name_read(&c);
	ret_m->max_rows = sp_pg_cur_u32(&c);
	return sp_pg_cur_end(&c);
}

bool
sp_pg_frontend_is_known(uint8_t type)
{
	return type != 0 && strchr("QPBDECSHFXdcf", type) != NULL;
}
