/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/pg_frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_pg_startup s;
	struct sp_pg_execute e;
	struct sp_pg_target t;
	struct sp_pg_parse p;
	struct sp_pg_bind b;
	struct sp_pg_head h;
	struct sp_view v;
	const uint8_t *at;
	unsigned i;
	bool binary;

	if (sp_pg_startup_parse(data, size, &s) == 0 && s.size > size)
		abort();
	if (sp_pg_head_parse(data, size, SP_PG_WHOLE_MAX, &h) != 0 || size - SP_PG_HEAD < h.body)
		return 0;
	data += SP_PG_HEAD;
	size = (size_t)h.body;
	if (sp_pg_query_parse(data, size, &v) == 0 && v.len + 1 != size)
		abort();
	if (sp_pg_parse_parse(data, size, &p) == 0 && p.sql.len >= size)
		abort();
	if (sp_pg_target_parse(data, size, &t) == 0 && t.what != 'S' && t.what != 'P')
		abort();
	if (sp_pg_execute_parse(data, size, &e) == 0 && size < 5)
		abort();
	if (sp_pg_bind_parse(data, size, &b) == 0)
		for (i = 0, at = b.params; i < b.n_params; i++)
			if (!sp_pg_bind_param(&b, i, &at, &v, &binary) || (v.data != NULL && v.data + v.len > data + size))
				abort();
	return 0;
}
