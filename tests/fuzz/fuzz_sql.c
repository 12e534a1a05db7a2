/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as SQL: it has facts, and the cache tells the same ones. */
#include <stdint.h>
#include <stdlib.h>

#include "policy/sql.h"
#include "policy/sqlcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sp_sqlcache *c = sp_sqlcache_new(4, 0);
	struct sp_sql *sql, *again;

	if (c == NULL || sp_sqlcache_get(c, (const char *)data, size, &sql) != 0 ||
	    sp_sqlcache_get(c, (const char *)data, size, &again) != 0)
		abort();
	if (sp_sql_count(sql) != sp_sql_count(again))
		abort();
	for (size_t i = 0; i < sp_sql_count(sql); i++)
		if (sp_sql_at(sql, i)->nactions != sp_sql_at(again, i)->nactions || sp_sql_at(sql, i)->nactions == 0)
			abort();
	sp_sql_unref(sql);
	sp_sql_unref(again);
	sp_sqlcache_free(c);
	return 0;
}
