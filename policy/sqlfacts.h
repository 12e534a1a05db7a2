/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts in the making: an arena for everything one message is known to do, and
 * the growing lists of one statement. Used only by sql.c and the walk.
 */
#ifndef SALLYPORT_POLICY_SQLFACTS_H
#define SALLYPORT_POLICY_SQLFACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "policy/sql.h"

struct sp_sqlfacts_chunk;
struct sp_sqlfacts_arena {
	struct sp_sqlfacts_chunk *chunks;
	size_t size; /* bytes taken from the system */
};

void *sp_sqlfacts_alloc(struct sp_sqlfacts_arena *a, size_t n) SP_MUST_CHECK; /* zeroed; NULL if out of memory */
char *sp_sqlfacts_string(struct sp_sqlfacts_arena *a, const void *p, size_t n) SP_MUST_CHECK;
void sp_sqlfacts_free(struct sp_sqlfacts_arena *a);

/* One statement being read. Sticky error: NOMEM, or LIMIT for more than SP_SQL_ITEMS_MAX of something. */
struct sp_sqlfacts {
	struct sp_sqlfacts_arena *arena;
	int error;
	struct sp_sql_stmt stmt; /* everything but the lists */
	struct sp_sql_action *actions;
	struct sp_sql_relation *relations;
	struct sp_sql_output *outputs;
	const char **columns;
	const char **copy_columns;
	const char **sources;
	const char **operators;
	const char **aliases; /* of relations: names that stand for whole rows */
	size_t nactions, nrelations, noutputs, ncolumns, ncopy_columns, nsources, noperators, naliases;
};

void sp_sqlfacts_init(struct sp_sqlfacts *f, struct sp_sqlfacts_arena *arena);
void sp_sqlfacts_clear(struct sp_sqlfacts *f);
/* Strings given to these must be in the arena (or static). Equal items are kept once. */
void sp_sqlfacts_action(struct sp_sqlfacts *f, const struct sp_sql_action *a);
void sp_sqlfacts_relation(struct sp_sqlfacts *f, const char *schema, const char *name, bool is_read, bool is_written);
void sp_sqlfacts_output(struct sp_sqlfacts *f, const struct sp_sql_output *o); /* every one is kept */
void sp_sqlfacts_column(struct sp_sqlfacts *f, const char *name);
void sp_sqlfacts_copy_column(struct sp_sqlfacts *f, const char *name);
void sp_sqlfacts_operator(struct sp_sqlfacts *f, const char *name);
void sp_sqlfacts_source(struct sp_sqlfacts *f, const char *name);
void sp_sqlfacts_alias(struct sp_sqlfacts *f, const char *name);
/* Moves the lists to the arena and the whole to *ret_stmt. Returns the error, if there was one. */
int sp_sqlfacts_finish(struct sp_sqlfacts *f, struct sp_sql_stmt *ret_stmt) SP_MUST_CHECK;

#endif
