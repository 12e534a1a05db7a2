/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a catalog (postgres_catalog.h): by postgres_load.c, and by tests. */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_CATALOG_MAP_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_CATALOG_MAP_H

#include "session-agent/postgres_catalog.h"

struct sp_postgres_catalog *sp_postgres_catalog_new(void) SP_MUST_CHECK;
/* kind: pg_class.relkind; calls_own: a view that calls a function which is not the system's. LIMIT, NOMEM. */
int sp_postgres_catalog_add_relation(struct sp_postgres_catalog *k, uint32_t oid, const char *schema, const char *name,
    char kind, bool calls_own) SP_MUST_CHECK;
/* A function of the database's own that may be called without looking like one: by a built-in's name, as row.name, or as an operator. */
int sp_postgres_catalog_add_function(struct sp_postgres_catalog *k, const char *name) SP_MUST_CHECK;
int sp_postgres_catalog_add_masked(struct sp_postgres_catalog *k, uint32_t oid, uint16_t attnum,
    enum sp_mask_transform t) SP_MUST_CHECK;
/* Rows of source can be seen by reading reader. */
int sp_postgres_catalog_add_edge(struct sp_postgres_catalog *k, uint32_t reader, uint32_t source) SP_MUST_CHECK;
/* All is added: sort and close. */
int sp_postgres_catalog_close(struct sp_postgres_catalog *k) SP_MUST_CHECK;

#endif
