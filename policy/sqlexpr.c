/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/sqlwalker.h"

#define SP_SQLEXPR_DEPTH_MAX SP_SQL_DEPTH_MAX

static bool
sp_sqlexpr_equal(const struct sp_pgtree *a, const struct sp_pgtree *b, unsigned int depth)
{
	struct sp_pgtree_iter ia, ib;
	struct sp_pgtree_field fa, fb;
	int ra, rb;

	if (a->type != b->type || depth > SP_SQLEXPR_DEPTH_MAX)
		return false;
	if (a->type == SP_PG_INTEGER || a->type == SP_PG_FLOAT)
		return true;
	sp_pgtree_iter_init(&ia, a);
	sp_pgtree_iter_init(&ib, b);
	for (;;) {
		do
			ra = sp_pgtree_next(&ia, &fa);
		while (ra == 0 && fa.schema->kind == SP_PG_LOCATION_FIELD);
		do
			rb = sp_pgtree_next(&ib, &fb);
		while (rb == 0 && fb.schema->kind == SP_PG_LOCATION_FIELD);
		if (ra != 0 || rb != 0)
			return ra == rb && ra == SP_ERR_NOT_FOUND;
		if (fa.schema != fb.schema)
			return false;
		if (fa.schema->kind == SP_PG_NUMBER_FIELD && fa.number != fb.number)
			return false;
		if (fa.schema->kind == SP_PG_STRING_FIELD &&
		    (fa.child.len != fb.child.len || memcmp(fa.child.data, fb.child.data, fa.child.len) != 0))
			return false;
		if (fa.schema->kind == SP_PG_MESSAGE_FIELD && !sp_sqlexpr_equal(&fa.child, &fb.child, depth + 1))
			return false;
	}
}

bool
sp_sqlexpr_is_equal(const struct sp_pgtree *a, const struct sp_pgtree *b)
{
	return sp_sqlexpr_equal(a, b, 0);
}

static bool
sp_sqlexpr_is_string(const struct sp_pgtree *node, const char *s)
{
	struct sp_pgtree v;

	if (node->type != SP_PG_STRING || s[0] == 0)
		return false;
	v = sp_pgtree_string(node, SP_PG_STRING_SVAL);
	return v.len == strlen(s) && memcmp(v.data, s, v.len) == 0;
}

/* What a search for columns looks for. */
struct sp_sqlexpr_search {
	const char *target;
	const char *alias;
	bool is_inside; /* within a subselect: only columns qualified with the target count */
};

static bool
sp_sqlexpr_has_column(const struct sp_pgtree *e, struct sp_sqlexpr_search s, unsigned int depth)
{
	struct sp_pgtree_iter it;
	struct sp_pgtree_field f;
	struct sp_pgtree first;

	if (depth > SP_SQLEXPR_DEPTH_MAX)
		return false;
	if (e->type == SP_PG_COLUMN_REF) {
		if (!s.is_inside)
			return true;
		return sp_pgtree_count(e, SP_PG_COLUMN_REF_FIELDS) > 1 &&
		    sp_pgtree_nth(e, SP_PG_COLUMN_REF_FIELDS, 0, &first) &&
		    (sp_sqlexpr_is_string(&first, s.alias[0] != 0 ? s.alias : s.target));
	}
	sp_pgtree_iter_init(&it, e);
	while (sp_pgtree_next(&it, &f) == 0) {
		struct sp_sqlexpr_search in = s;

		if (f.schema->kind != SP_PG_MESSAGE_FIELD)
			continue;
		if (e->type == SP_PG_SUB_LINK && f.schema->number == SP_PG_SUB_LINK_SUBSELECT)
			in.is_inside = true;
		if (sp_sqlexpr_has_column(&f.child, in, depth + 1))
			return true;
	}
	return false;
}

/* x = x, x IS NOT DISTINCT FROM x, x <= x … with both sides the same. */
static bool
sp_sqlexpr_is_self(const struct sp_pgtree *e)
{
	struct sp_pgtree l, r;

	return e->type == SP_PG_A_EXPR && sp_pgtree_child(e, SP_PG_A_EXPR_LEXPR, &l) &&
	    sp_pgtree_child(e, SP_PG_A_EXPR_REXPR, &r) && sp_sqlexpr_is_equal(&l, &r);
}

static bool
sp_sqlexpr_bounded(const struct sp_pgtree *e, const struct sp_sqlexpr_search *s, unsigned int depth)
{
	enum { AND = 1, OR = 2, NOT = 3 }; /* BoolExprType */
	struct sp_pgtree arg;
	uint64_t op;
	bool is_bounded;

	if (depth > SP_SQLEXPR_DEPTH_MAX)
		return false;
	if (e->type != SP_PG_BOOL_EXPR)
		return !sp_sqlexpr_is_self(e) && sp_sqlexpr_has_column(e, *s, depth);
	op = sp_pgtree_number(e, SP_PG_BOOL_EXPR_BOOLOP);
	is_bounded = op != AND;
	for (size_t i = 0; sp_pgtree_nth(e, SP_PG_BOOL_EXPR_ARGS, i, &arg); i++) {
		bool b = sp_sqlexpr_bounded(&arg, s, depth + 1);

		if (op == AND)
			is_bounded |= b;
		else
			is_bounded &= b;
	}
	return is_bounded;
}

/* Whether e is p OR NOT p, or p IS NULL OR p IS NOT NULL: two branches that cover each other. */
static bool
sp_sqlexpr_is_complement(const struct sp_pgtree *a, const struct sp_pgtree *b)
{
	enum { NOT = 3 };
	struct sp_pgtree x, y;

	if (a->type == SP_PG_BOOL_EXPR && sp_pgtree_number(a, SP_PG_BOOL_EXPR_BOOLOP) == NOT &&
	    sp_pgtree_child(a, SP_PG_BOOL_EXPR_ARGS, &x) && sp_sqlexpr_is_equal(&x, b))
		return true;
	return a->type == SP_PG_NULL_TEST && b->type == SP_PG_NULL_TEST &&
	    sp_pgtree_number(a, SP_PG_NULL_TEST_NULLTESTTYPE) != sp_pgtree_number(b, SP_PG_NULL_TEST_NULLTESTTYPE) &&
	    sp_pgtree_child(a, SP_PG_NULL_TEST_ARG, &x) && sp_pgtree_child(b, SP_PG_NULL_TEST_ARG, &y) &&
	    sp_sqlexpr_is_equal(&x, &y);
}

#define SP_SQLEXPR_PAIRS_MAX 16 /* branches of one OR that are compared with each other */

static bool
sp_sqlexpr_has_complement(const struct sp_pgtree *e)
{
	enum { OR = 2 };
	struct sp_pgtree a, b;

	if (e->type != SP_PG_BOOL_EXPR || sp_pgtree_number(e, SP_PG_BOOL_EXPR_BOOLOP) != OR)
		return false;
	for (size_t i = 0; i < SP_SQLEXPR_PAIRS_MAX && sp_pgtree_nth(e, SP_PG_BOOL_EXPR_ARGS, i, &a); i++)
		for (size_t j = 0; j < SP_SQLEXPR_PAIRS_MAX && sp_pgtree_nth(e, SP_PG_BOOL_EXPR_ARGS, j, &b); j++)
			if (i != j && sp_sqlexpr_is_complement(&a, &b))
				return true;
	return false;
}

bool
sp_sqlexpr_is_bounded(const struct sp_pgtree *e, const char *target, const char *alias)
{
	struct sp_sqlexpr_search s = {.target = target, .alias = alias};

	return !sp_sqlexpr_has_complement(e) && sp_sqlexpr_bounded(e, &s, 0);
}

static bool
sp_sqlexpr_has_value(const struct sp_pgtree *e, unsigned int depth)
{
	struct sp_pgtree_iter it;
	struct sp_pgtree_field f;

	if (depth > SP_SQLEXPR_DEPTH_MAX || e->type == SP_PG_COLUMN_REF || e->type == SP_PG_FUNC_CALL ||
	    e->type == SP_PG_SUB_LINK || e->type == SP_PG_PARAM_REF || e->type == SP_PG_A_EXPR || e->type == SP_PG_A_INDIRECTION)
		return true;
	sp_pgtree_iter_init(&it, e);
	while (sp_pgtree_next(&it, &f) == 0)
		if (f.schema->kind == SP_PG_MESSAGE_FIELD && sp_sqlexpr_has_value(&f.child, depth + 1))
			return true;
	return false;
}

bool
sp_sqlexpr_is_const(const struct sp_pgtree *e)
{
	return !sp_sqlexpr_has_value(e, 0);
}

static bool
sp_sqlexpr_is_count(const struct sp_pgtree *e)
{
	struct sp_pgtree name;
	size_t n;

	if (e->type != SP_PG_FUNC_CALL)
		return false;
	n = sp_pgtree_count(e, SP_PG_FUNC_CALL_FUNCNAME);
	if (n == 2 && !(sp_pgtree_nth(e, SP_PG_FUNC_CALL_FUNCNAME, 0, &name) &&
			  sp_sqlexpr_is_string(&name, "pg_catalog")))
		return false;
	return n > 0 && n < 3 && sp_pgtree_nth(e, SP_PG_FUNC_CALL_FUNCNAME, n - 1, &name) &&
	    sp_sqlexpr_is_string(&name, "count");
}

/* (row).*: as many columns as the row's type has, even none. */
static bool
sp_sqlexpr_is_expansion(const struct sp_pgtree *e)
{
	struct sp_pgtree part;
	size_t n = e->type == SP_PG_A_INDIRECTION ? sp_pgtree_count(e, SP_PG_A_INDIRECTION_INDIRECTION) : 0;

	return n > 0 && sp_pgtree_nth(e, SP_PG_A_INDIRECTION_INDIRECTION, n - 1, &part) && part.type == SP_PG_A_STAR;
}

static int
sp_sqlexpr_source(struct sp_sqlwalker *w, const struct sp_pgtree *e, unsigned int number, bool is_upsert, unsigned int depth)
{
	enum { CHECK = 6 }; /* ConstrType */
	struct sp_pgtree_iter it;
	struct sp_pgtree_field f;
	struct sp_pgtree part, s;
	size_t n;
	int r;

	if (depth > SP_SQLEXPR_DEPTH_MAX)
		return SP_ERR_LIMIT;
	if (e->type == SP_PG_COLUMN_REF) {
		n = sp_pgtree_count(e, SP_PG_COLUMN_REF_FIELDS);
		/* excluded.column of ON CONFLICT is what the statement itself would have inserted. */
		if (is_upsert && n == 2 && sp_pgtree_nth(e, SP_PG_COLUMN_REF_FIELDS, 0, &part) &&
		    sp_sqlexpr_is_string(&part, "excluded"))
			return 0;
		if (n > 0 && sp_pgtree_nth(e, SP_PG_COLUMN_REF_FIELDS, n - 1, &part) && part.type == SP_PG_STRING) {
			s = sp_pgtree_string(&part, SP_PG_STRING_SVAL);
			sp_sqlfacts_source(w->f, sp_sqlwalker_string(w, &s));
		} else {
			sp_sqlfacts_source(w->f, "*");
		}
		return w->f->error;
	}
	if (e->type == SP_PG_CONSTRAINT && sp_pgtree_number(e, SP_PG_CONSTRAINT_CONTYPE) == CHECK)
		return 0;
	sp_pgtree_iter_init(&it, e);
	while ((r = sp_pgtree_next(&it, &f)) == 0) {
		if (f.schema->kind != SP_PG_MESSAGE_FIELD || (number != 0 && f.schema->number != number))
			continue;
		r = sp_sqlexpr_source(w, &f.child, 0, is_upsert, depth + 1);
		if (r != 0)
			return r;
	}
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

int
sp_sqlexpr_sources(struct sp_sqlwalker *w, const struct sp_pgtree *m, unsigned int number)
{
	return sp_sqlexpr_source(w, m, number, m->type == SP_PG_ON_CONFLICT_CLAUSE, 0);
}

static void
sp_sqlexpr_column(struct sp_sqlwalker *w, const struct sp_pgtree *ref, struct sp_sql_output *o)
{
	struct sp_pgtree part;
	size_t n = sp_pgtree_count(ref, SP_PG_COLUMN_REF_FIELDS);
	const char *schema = "", *name = "";

	if (n == 0 || !sp_pgtree_nth(ref, SP_PG_COLUMN_REF_FIELDS, n - 1, &part))
		return;
	o->kind = part.type == SP_PG_A_STAR ? SP_SQL_OUTPUT_STAR : SP_SQL_OUTPUT_COLUMN;
	sp_sqlwalker_names(w, ref, SP_PG_COLUMN_REF_FIELDS, &schema, &name);
	if (o->kind == SP_SQL_OUTPUT_COLUMN) {
		o->column = name;
		o->qualifier = schema;
	} else {
		o->qualifier = name;
	}
}

void
sp_sqlexpr_outputs(struct sp_sqlwalker *w, const struct sp_pgtree *m, unsigned int number)
{
	struct sp_pgtree target, value, name;

	for (size_t i = 0; sp_pgtree_nth(m, number, i, &target); i++) {
		struct sp_sql_output o = {SP_SQL_OUTPUT_EXPR, "", "", ""};

		if (target.type == SP_PG_RES_TARGET) {
			name = sp_pgtree_string(&target, SP_PG_RES_TARGET_NAME);
			o.label = sp_sqlwalker_string(w, &name);
			if (!sp_pgtree_child(&target, SP_PG_RES_TARGET_VAL, &value))
				value = target;
			if (value.type == SP_PG_COLUMN_REF)
				sp_sqlexpr_column(w, &value, &o);
			else if (sp_sqlexpr_is_expansion(&value))
				o.kind = SP_SQL_OUTPUT_STAR;
			else if (sp_sqlexpr_is_count(&value))
				o.kind = SP_SQL_OUTPUT_COUNT;
			else if (value.type != SP_PG_RES_TARGET && sp_sqlexpr_is_const(&value))
				o.kind = SP_SQL_OUTPUT_CONST;
		}
		sp_sqlfacts_output(w->f, &o);
	}
}
