/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the masked columns of a database are: read from PostgreSQL's catalogs
 * over a connection of the proxy's own, whose search_path is pg_catalog alone,
 * so that nothing a person creates is called. From there it is closed over
 * views and materialized views (pg_rewrite), inheritance and partitions in both
 * directions; foreign tables and views that call functions of the database's own
 * count as masked, since what they show can't be seen. What it does not know (a temporary
 * table, a table of an open transaction) counts as masked.
 */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_CATALOG_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_CATALOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "mask/mask.h"

struct sp_postgres_catalog;
struct sp_postgres_conn;
struct sp_postgres_load;
struct sp_postgres_masks;
struct sp_postgres_proxy;

#define SP_POSTGRES_CATALOG_RELATIONS_MAX 200000 /* relations of one database */
#define SP_POSTGRES_CATALOG_EDGES_MAX 400000	 /* dependencies between them */
#define SP_POSTGRES_CATALOG_MASKED_MAX 200000	 /* masked columns */
#define SP_POSTGRES_FIRST_NORMAL_OID 16384	 /* below: the system's own */

enum sp_postgres_attribution {
	SP_POSTGRES_COLUMN_CLEAR,  /* known, and nothing names it */
	SP_POSTGRES_COLUMN_MASKED, /* named by a column rule */
	SP_POSTGRES_COLUMN_UNKNOWN /* can't be attributed: mask it whole */
};

void sp_postgres_catalog_unref(struct sp_postgres_catalog *k); /* NULL is fine */
/* Whether it was read within SP_POSTGRES_CATALOG_SECONDS and not invalidated since. False for NULL. */
bool sp_postgres_catalog_is_fresh(const struct sp_postgres_catalog *k);
/* DDL was sent: read it again before the next decision. */
void sp_postgres_catalog_invalidate(struct sp_postgres_catalog *k);
/* Whether a relation so named in a statement has masked columns, or may have. schema "" if none was written. */
/* Whether a built-in's name, a column's or an operator, may be a call of a function of the database's own. */
bool sp_postgres_catalog_is_function(const struct sp_postgres_catalog *k, const char *name);
/* Whether all columns of any relation it can mean count as masked: a view of masked columns, a foreign table, an unknown one. */
bool sp_postgres_catalog_is_whole(const struct sp_postgres_catalog *k, const char *schema, const char *name);
bool sp_postgres_catalog_is_tainted(const struct sp_postgres_catalog *k, const char *schema, const char *name);
/* What a result's column with this table and attribute number is. */
enum sp_postgres_attribution sp_postgres_catalog_column(const struct sp_postgres_catalog *k, uint32_t table,
    uint16_t attnum, enum sp_mask_transform *ret_t);

/*
 * Reads the catalogs for m; c (which is HOLD_CATALOG) is woken when that is done, and refused when it failed.
 * A load that is under way is shared.
 */
int sp_postgres_catalog_load(struct sp_postgres_proxy *px, struct sp_postgres_masks *m,
    struct sp_postgres_conn *c) SP_MUST_CHECK;
/* DDL was sent: everything read so far, or being read, is old. */
void sp_postgres_catalog_expire(struct sp_postgres_proxy *px);
/* The connection is gone: do not wake it. */
void sp_postgres_catalog_forget(struct sp_postgres_proxy *px, struct sp_postgres_conn *c);
/* The session is over. */
void sp_postgres_catalog_end(struct sp_postgres_proxy *px);

#endif
