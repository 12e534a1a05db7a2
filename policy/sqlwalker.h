/* SPDX-License-Identifier: Apache-2.0 */
/* The state of one walk, shared by sqlwalk.c (queries), sqlutility.c (other statements) and sqlexpr.c. */
#ifndef SALLYPORT_POLICY_SQLWALKER_H
#define SALLYPORT_POLICY_SQLWALKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "policy/pgtree.h"
#include "policy/sqlfacts.h"
#include "policy/sqlwalk.h"

/* CTE names that hide relations, innermost first. */
struct sp_sqlwalker_cte {
	const char *name;
	const struct sp_sqlwalker_cte *next;
};

struct sp_sqlwalker {
	struct sp_sqlfacts *f;
	char *why; /* SP_SQLWALK_WHY_MAX */
	unsigned int depth;
	enum sp_sql_verb relation_verb; /* what is done to a RangeVar met now */
	uint64_t relation_words;	/* aspects of it */
	bool is_explain;		/* planned, not run */
	bool is_within_with;		/* rows of RETURNING go to another part of the statement */
	const struct sp_sqlwalker_cte *ctes;
};

/* sqlwalk.c */
int sp_sqlwalker_node(struct sp_sqlwalker *w, const struct sp_pgtree *m) SP_MUST_CHECK;
/* All fields of m except those whose number is in skip (0-ended, may be NULL). */
int sp_sqlwalker_children(struct sp_sqlwalker *w, const struct sp_pgtree *m, const uint8_t *skip) SP_MUST_CHECK;
/* Whether every field of m is known (of a message whose fields a handler took one by one). */
int sp_sqlwalker_check(struct sp_sqlwalker *w, const struct sp_pgtree *m) SP_MUST_CHECK;
/* A RangeVar to which verb is done, with these aspects. */
int sp_sqlwalker_target(struct sp_sqlwalker *w, const struct sp_pgtree *range_var, enum sp_sql_verb verb,
    uint64_t aspects) SP_MUST_CHECK;
/* What RETURNING, SET and USING read of their own table: it needs what a SELECT of it needs, and gets its masks. */
int sp_sqlwalker_own(struct sp_sqlwalker *w, const struct sp_pgtree *range_var) SP_MUST_CHECK;
/* An action on something that is no relation. name may be NULL. */
void sp_sqlwalker_act(struct sp_sqlwalker *w, enum sp_sql_verb verb, uint64_t aspects, enum sp_sql_need need,
    uint64_t exact);
void sp_sqlwalker_object(struct sp_sqlwalker *w, enum sp_sql_verb verb, uint64_t aspects, enum sp_sql_object object,
    enum sp_sql_need need, const char *schema, const char *name);
/* A call of a function by name (a list of String nodes: field of m). */
void sp_sqlwalker_function(struct sp_sqlwalker *w, const char *schema, const char *name);
/* A copy of a view in the arena; "" (and the sticky error) if out of memory. */
const char *sp_sqlwalker_string(struct sp_sqlwalker *w, const struct sp_pgtree *s);
/* The last String of a repeated field, and the one before it ("" if none). */
void sp_sqlwalker_names(struct sp_sqlwalker *w, const struct sp_pgtree *m, unsigned int number,
    const char **ret_schema, const char **ret_name);
/* Sets why and returns UNSUPPORTED. */
int sp_sqlwalker_refuse(struct sp_sqlwalker *w, const char *why) SP_MUST_CHECK;

/* sqlutility.c: NOT_FOUND if m is no utility statement. */
int sp_sqlutility(struct sp_sqlwalker *w, const struct sp_pgtree *m) SP_MUST_CHECK;
/* The verb that a statement of this type is said to be. */
enum sp_sql_verb sp_sqlutility_verb(const struct sp_pgtree *m);

/* sqlexpr.c */
/* Whether a WHERE can leave rows out: some column takes part, and not as x = x or one side of OR true. */
bool sp_sqlexpr_is_bounded(const struct sp_pgtree *e, const char *target, const char *alias);
/* Whether two trees say the same; numbers count as equal whatever their value. */
bool sp_sqlexpr_is_equal(const struct sp_pgtree *a, const struct sp_pgtree *b);
/* Outputs of a target list (SELECT or RETURNING). */
void sp_sqlexpr_outputs(struct sp_sqlwalker *w, const struct sp_pgtree *m, unsigned int number);
/* Columns whose values the expressions under m carry (field number, 0: all of m; no CHECK constraints). */
int sp_sqlexpr_sources(struct sp_sqlwalker *w, const struct sp_pgtree *m, unsigned int number) SP_MUST_CHECK;
/* Whether a column, operator, function, parameter or subselect is anywhere inside. */
bool sp_sqlexpr_is_const(const struct sp_pgtree *e);

#endif
