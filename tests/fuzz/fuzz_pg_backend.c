/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/pg_backend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_column(unsigned i, const struct sp_pg_column *col, void *ctx)
{
	(void)ctx;
	if (i >= SP_PG_COLUMNS_MAX || col->name == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_pg_cell cells[16];
	struct sp_pg_error e;
	struct sp_pg_head h;
	unsigned i, n;

	if (sp_pg_head_parse(data, size, SP_PG_WHOLE_MAX, &h) != 0 || size - SP_PG_HEAD < h.body)
		return 0;
	data += SP_PG_HEAD;
	size = (size_t)h.body;
	if (sp_pg_data_row_parse(data, size, cells, 16, &n) == 0)
		for (i = 0; i < n; i++)
			if (cells[i].len > 0 && (uint64_t)cells[i].off + (uint32_t)cells[i].len > size)
				abort();
	if (sp_pg_error_parse(data, size, &e) == 0)
		for (i = 0; i < e.n; i++)
			if (e.f[i].value.data + e.f[i].value.len >= data + size)
				abort();
	if (sp_pg_row_description_parse(data, size, on_column, NULL, &n) == 0 && n > SP_PG_COLUMNS_MAX)
		abort();
	return 0;
}
