/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries. Every node of the tree is visited, whatever it hangs on: a handler
 * either visits a field itself or leaves it to sp_sqlwalker_children(), and
 * what the tables of pgschema.c do not know ends the walk.
 */
#include "policy/sqlwalk.h"

#include <stdio.h>
#include <string.h>

#include "policy/pgfunction.h"
#include "policy/sqlwalker.h"

/* Catalog relations that show data, statistics of data or secrets whatever the tables' own rules say. */
static const char *const sp_sqlwalk_catalogs[] = {"pg_statistic", "pg_statistic_ext_data", "pg_stats", "pg_stats_ext",
    "pg_stats_ext_exprs", "pg_authid", "pg_shadow", "pg_user_mapping", "pg_user_mappings", "pg_largeobject",
    "pg_hba_file_rules", "pg_ident_file_mappings", "pg_file_settings", "pg_subscription", "pg_backend_memory_contexts"};

#define SP_SQLWALK_WRITES \
	(SP_SQL_BIT(SP_SQL_INSERT) | SP_SQL_BIT(SP_SQL_UPDATE) | SP_SQL_BIT(SP_SQL_DELETE) | SP_SQL_BIT(SP_SQL_MERGE))
#define SP_SQLWALK_DDL \
	(SP_SQL_BIT(SP_SQL_DROP) | SP_SQL_BIT(SP_SQL_CREATE) | SP_SQL_BIT(SP_SQL_ALTER) | SP_SQL_BIT(SP_SQL_TRUNCATE) | \
	    SP_SQL_BIT(SP_SQL_COMMENT) | SP_SQL_BIT(SP_SQL_REFRESH) | SP_SQL_BIT(SP_SQL_REINDEX) | \
	    SP_SQL_BIT(SP_SQL_CLUSTER) | SP_SQL_BIT(SP_SQL_SECURITY_LABEL))
#define SP_SQLWALK_READS \
	(SP_SQL_BIT(SP_SQL_SELECT) | SP_SQL_BIT(SP_SQL_SHOW) | SP_SQL_BIT(SP_SQL_EXPLAIN) | SP_SQL_BIT(SP_SQL_COPY_TO))

static uint64_t
sp_sqlwalk_words(enum sp_sql_verb verb)
{
	uint64_t bit = SP_SQL_BIT(verb), words = bit;

	if (bit & SP_SQLWALK_WRITES)
		words |= SP_SQL_BIT(SP_SQL_DML) | SP_SQL_BIT(SP_SQL_WRITE);
	if (bit & (SP_SQL_BIT(SP_SQL_TRUNCATE) | SP_SQL_BIT(SP_SQL_COPY_FROM)))
		words |= SP_SQL_BIT(SP_SQL_WRITE);
	if (bit & SP_SQLWALK_DDL)
		words |= SP_SQL_BIT(SP_SQL_DDL);
	if (bit & SP_SQLWALK_READS)
		words |= SP_SQL_BIT(SP_SQL_READ);
	return words;
}

int
sp_sqlwalker_refuse(struct sp_sqlwalker *w, const char *why)
{
	(void)snprintf(w->why, SP_SQLWALK_WHY_MAX, "%s", why);
	return SP_ERR_UNSUPPORTED;
}

const char *
sp_sqlwalker_string(struct sp_sqlwalker *w, const struct sp_pgtree *s)
{
	const char *p;

	if (s->len == 0)
		return "";
	p = sp_sqlfacts_string(w->f->arena, s->data, s->len);
	if (p == NULL) {
		w->f->error = SP_ERR_NOMEM;
		return "";
	}
	return p;
}

void
sp_sqlwalker_names(struct sp_sqlwalker *w, const struct sp_pgtree *m, unsigned int number, const char **ret_schema,
    const char **ret_name)
{
	struct sp_pgtree part, s;

	*ret_schema = *ret_name = "";
	for (size_t i = 0; sp_pgtree_nth(m, number, i, &part); i++) {
		if (part.type != SP_PG_STRING)
			continue;
		s = sp_pgtree_string(&part, SP_PG_STRING_SVAL);
		*ret_schema = *ret_name;
		*ret_name = sp_sqlwalker_string(w, &s);
	}
}

void
sp_sqlwalker_object(struct sp_sqlwalker *w, enum sp_sql_verb verb, uint64_t aspects, enum sp_sql_object object,
    enum sp_sql_need need, const char *schema, const char *name)
{
	struct sp_sql_action a = {.verb = verb, .words = sp_sqlwalk_words(verb) | aspects, .object = object,
	    .need = need, .schema = schema, .name = name};

	sp_sqlfacts_action(w->f, &a);
}

void
sp_sqlwalker_act(struct sp_sqlwalker *w, enum sp_sql_verb verb, uint64_t aspects, enum sp_sql_need need, uint64_t exact)
{
	struct sp_sql_action a = {.verb = verb, .words = sp_sqlwalk_words(verb) | aspects, .need = need,
	    .exact = exact, .schema = "", .name = ""};

	/* A statement that is only planned does nothing of its own; its functions can still run. */
	if (w->is_explain && verb != SP_SQL_UNPARSED)
		return;
	sp_sqlfacts_action(w->f, &a);
}

void
sp_sqlwalker_function(struct sp_sqlwalker *w, const char *schema, const char *name)
{
	enum sp_pgfunction_class class = SP_PGFUNCTION_UNKNOWN;
	struct sp_sql_action a = {.verb = SP_SQL_FUNCTION, .words = SP_SQL_BIT(SP_SQL_FUNCTION),
	    .exact = SP_SQL_BIT(SP_SQL_FUNCTION), .object = SP_SQL_OBJECT_FUNCTION, .need = SP_SQL_NEED_NAME,
	    .schema = schema, .name = name};

	if (schema[0] == 0 || strcmp(schema, "pg_catalog") == 0 || strcmp(schema, "information_schema") == 0)
		class = sp_pgfunction_class(name);
	if (class == SP_PGFUNCTION_DANGEROUS) {
		a.words |= SP_SQL_BIT(SP_SQL_DANGEROUS_FUNCTION);
		a.exact = SP_SQL_BIT(SP_SQL_DANGEROUS_FUNCTION);
	} else if (class == SP_PGFUNCTION_SAFE) {
		a.need = SP_SQL_NEED_NONE;
	}
	sp_sqlfacts_action(w->f, &a);
}

static enum sp_sql_need
sp_sqlwalk_relation_need(const char *schema, const char *name)
{
	if (schema[0] != 0 && strcmp(schema, "pg_catalog") != 0)
		return SP_SQL_NEED_RULE;
	for (size_t i = 0; i < sizeof(sp_sqlwalk_catalogs) / sizeof(sp_sqlwalk_catalogs[0]); i++)
		if (strcmp(sp_sqlwalk_catalogs[i], name) == 0)
			return SP_SQL_NEED_NAME;
	return SP_SQL_NEED_RULE;
}

int
sp_sqlwalker_target(struct sp_sqlwalker *w, const struct sp_pgtree *rv, enum sp_sql_verb verb, uint64_t aspects)
{
	struct sp_pgtree v = sp_pgtree_string(rv, SP_PG_RANGE_VAR_SCHEMANAME), alias;
	const char *schema = sp_sqlwalker_string(w, &v), *name;
	bool is_written = verb != SP_SQL_SELECT && verb != SP_SQL_COPY_TO && verb != SP_SQL_EXPLAIN;

	v = sp_pgtree_string(rv, SP_PG_RANGE_VAR_RELNAME);
	name = sp_sqlwalker_string(w, &v);
	if (w->is_explain) {
		verb = SP_SQL_EXPLAIN;
		aspects = 0;
		is_written = false;
	}
	sp_sqlfacts_alias(w->f, name);
	if (sp_pgtree_child(rv, SP_PG_RANGE_VAR_ALIAS, &alias)) {
		v = sp_pgtree_string(&alias, SP_PG_ALIAS_ALIASNAME);
		sp_sqlfacts_alias(w->f, sp_sqlwalker_string(w, &v));
	}
	sp_sqlwalker_object(w, verb, aspects, SP_SQL_OBJECT_RELATION, sp_sqlwalk_relation_need(schema, name), schema,
	    name);
	sp_sqlfacts_relation(w->f, schema, name,
	    (SP_SQL_BIT(verb) & (SP_SQLWALK_WRITES | SP_SQLWALK_READS)) != 0, is_written);
	return 0;
}

/* A relation named in FROM and the like, unless it is a CTE. */
static int
sp_sqlwalk_range_var(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_pgtree schema = sp_pgtree_string(m, SP_PG_RANGE_VAR_SCHEMANAME);
	struct sp_pgtree name = sp_pgtree_string(m, SP_PG_RANGE_VAR_RELNAME), alias;

	for (const struct sp_sqlwalker_cte *c = schema.len == 0 ? w->ctes : NULL; c != NULL; c = c->next) {
		if (strlen(c->name) != name.len || memcmp(c->name, name.data, name.len) != 0)
			continue;
		sp_sqlfacts_alias(w->f, c->name);
		if (sp_pgtree_child(m, SP_PG_RANGE_VAR_ALIAS, &alias)) {
			name = sp_pgtree_string(&alias, SP_PG_ALIAS_ALIASNAME);
			sp_sqlfacts_alias(w->f, sp_sqlwalker_string(w, &name));
		}
		return 0;
	}
	return sp_sqlwalker_target(w, m, w->relation_verb, w->relation_words);
}

static int
sp_sqlwalk_column_ref(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_pgtree part, s;
	size_t n = sp_pgtree_count(m, SP_PG_COLUMN_REF_FIELDS);

	if (n == 0 || !sp_pgtree_nth(m, SP_PG_COLUMN_REF_FIELDS, n - 1, &part))
		return sp_sqlwalker_refuse(w, "a column reference without a name");
	if (part.type == SP_PG_A_STAR) {
		sp_sqlfacts_column(w->f, "*");
	} else if (part.type == SP_PG_STRING) {
		s = sp_pgtree_string(&part, SP_PG_STRING_SVAL);
		sp_sqlfacts_column(w->f, sp_sqlwalker_string(w, &s));
	} else {
		return sp_sqlwalker_refuse(w, "a column reference of an unknown form");
	}
	return 0;
}

static int
sp_sqlwalk_func_call(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	static const uint8_t skip[] = {SP_PG_FUNC_CALL_FUNCNAME, 0};
	const char *schema, *name;

	sp_sqlwalker_names(w, m, SP_PG_FUNC_CALL_FUNCNAME, &schema, &name);
	if (name[0] == 0)
		return sp_sqlwalker_refuse(w, "a function call without a name");
	sp_sqlwalker_function(w, schema, name);
	return sp_sqlwalker_children(w, m, skip);
}

/*
 * (expression).name is a field of a composite value, or else a call of the function name(expression):
 * ('/etc/passwd'::text).pg_read_file reads the file. The two fields that drivers read are let be.
 */
static int
sp_sqlwalk_indirection(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_pgtree part, s;
	const char *name;

	for (size_t i = 0; sp_pgtree_nth(m, SP_PG_A_INDIRECTION_INDIRECTION, i, &part); i++) {
		if (part.type == SP_PG_A_STAR)
			sp_sqlfacts_column(w->f, "*");
		if (part.type != SP_PG_STRING)
			continue;
		s = sp_pgtree_string(&part, SP_PG_STRING_SVAL);
		name = sp_sqlwalker_string(w, &s);
		sp_sqlfacts_column(w->f, name);
		if (strcmp(name, "n") != 0 && strcmp(name, "x") != 0)
			sp_sqlwalker_function(w, "", name);
	}
	return sp_sqlwalker_children(w, m, NULL);
}

/* An operator written with a schema other than pg_catalog is a function of somebody's. */
static void
sp_sqlwalk_operator(struct sp_sqlwalker *w, const struct sp_pgtree *m, unsigned int number)
{
	const char *schema, *name;

	sp_sqlwalker_names(w, m, number, &schema, &name);
	if (name[0] != 0)
		sp_sqlfacts_operator(w->f, name);
	if (schema[0] != 0 && strcmp(schema, "pg_catalog") != 0)
		sp_sqlwalker_function(w, schema, name);
}

static int
sp_sqlwalk_ctes(struct sp_sqlwalker *w, const struct sp_pgtree *with)
{
	static const uint8_t skip[] = {SP_PG_COMMON_TABLE_EXPR_CTENAME, 0};
	bool is_recursive = sp_pgtree_number(with, SP_PG_WITH_CLAUSE_RECURSIVE) != 0, was_within = w->is_within_with;
	struct sp_sqlwalker_cte *c;
	struct sp_pgtree cte, s;
	int r = 0;

	for (int pass = is_recursive ? 0 : 1; pass < 2 && r == 0; pass++) {
		for (size_t i = 0; r == 0 && sp_pgtree_nth(with, SP_PG_WITH_CLAUSE_CTES, i, &cte); i++) {
			if (cte.type != SP_PG_COMMON_TABLE_EXPR)
				return sp_sqlwalker_refuse(w, "a WITH of an unknown form");
			w->is_within_with = true;
			if (pass == 1)
				r = sp_sqlwalker_children(w, &cte, skip);
			w->is_within_with = was_within;
			if (r != 0 || (is_recursive && pass == 1))
				continue;
			c = sp_sqlfacts_alloc(w->f->arena, sizeof(*c));
			if (c == NULL)
				return SP_ERR_NOMEM;
			s = sp_pgtree_string(&cte, SP_PG_COMMON_TABLE_EXPR_CTENAME);
			c->name = sp_sqlwalker_string(w, &s);
			c->next = w->ctes;
			w->ctes = c;
		}
	}
	return r == 0 ? sp_sqlwalker_check(w, with) : r;
}

static int
sp_sqlwalk_select(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	static const uint8_t skip[] = {SP_PG_SELECT_STMT_WITH_CLAUSE, SP_PG_SELECT_STMT_INTO_CLAUSE,
	    SP_PG_SELECT_STMT_LOCKING_CLAUSE, 0};
	static const uint8_t skip_rel[] = {SP_PG_INTO_CLAUSE_REL, 0};
	struct sp_pgtree with, into, rel;
	int r = 0;

	w->relation_verb = SP_SQL_SELECT;
	w->relation_words = 0;
	if (sp_pgtree_child(m, SP_PG_SELECT_STMT_WITH_CLAUSE, &with))
		r = sp_sqlwalk_ctes(w, &with);
	if (r != 0)
		return r;
	if (sp_pgtree_count(m, SP_PG_SELECT_STMT_LOCKING_CLAUSE) > 0) {
		w->relation_words = SP_SQL_BIT(SP_SQL_SELECT_FOR_UPDATE);
		sp_sqlwalker_act(w, SP_SQL_SELECT, w->relation_words, SP_SQL_NEED_NAME, w->relation_words);
	}
	if (sp_pgtree_child(m, SP_PG_SELECT_STMT_INTO_CLAUSE, &into)) {
		if (!sp_pgtree_child(&into, SP_PG_INTO_CLAUSE_REL, &rel))
			return sp_sqlwalker_refuse(w, "SELECT INTO without a table");
		r = sp_sqlwalker_target(w, &rel, SP_SQL_CREATE,
		    SP_SQL_BIT(SP_SQL_SELECT_INTO) | SP_SQL_BIT(SP_SQL_WRITE));
		if (r == 0)
			r = sp_sqlwalker_children(w, &into, skip_rel);
	}
	return r == 0 ? sp_sqlwalker_children(w, m, skip) : r;
}

/* Where the parts of INSERT, UPDATE, DELETE and MERGE are. */
struct sp_sqlwalk_dml {
	enum sp_pg_type type;
	enum sp_sql_verb verb;
	enum sp_sql_verb without; /* the word for an absent or constant WHERE; SP_SQL_WORDS: has none */
	uint8_t with, where, returning;
	uint8_t skip[3];
};
static const struct sp_sqlwalk_dml sp_sqlwalk_dmls[] = {
    {SP_PG_INSERT_STMT, SP_SQL_INSERT, SP_SQL_WORDS, SP_PG_INSERT_STMT_WITH_CLAUSE, 0, SP_PG_INSERT_STMT_RETURNING_LIST,
	{SP_PG_INSERT_STMT_RELATION, SP_PG_INSERT_STMT_WITH_CLAUSE, 0}},
    {SP_PG_UPDATE_STMT, SP_SQL_UPDATE, SP_SQL_UPDATE_WITHOUT_WHERE, SP_PG_UPDATE_STMT_WITH_CLAUSE,
	SP_PG_UPDATE_STMT_WHERE_CLAUSE, SP_PG_UPDATE_STMT_RETURNING_LIST,
	{SP_PG_UPDATE_STMT_RELATION, SP_PG_UPDATE_STMT_WITH_CLAUSE, 0}},
    {SP_PG_DELETE_STMT, SP_SQL_DELETE, SP_SQL_DELETE_WITHOUT_WHERE, SP_PG_DELETE_STMT_WITH_CLAUSE,
	SP_PG_DELETE_STMT_WHERE_CLAUSE, SP_PG_DELETE_STMT_RETURNING_LIST,
	{SP_PG_DELETE_STMT_RELATION, SP_PG_DELETE_STMT_WITH_CLAUSE, 0}},
    {SP_PG_MERGE_STMT, SP_SQL_MERGE, SP_SQL_WORDS, SP_PG_MERGE_STMT_WITH_CLAUSE, SP_PG_MERGE_STMT_JOIN_CONDITION, 0,
	{SP_PG_MERGE_STMT_RELATION, SP_PG_MERGE_STMT_WITH_CLAUSE, 0}}};

static bool
sp_sqlwalk_is_bounded(struct sp_sqlwalker *w, const struct sp_pgtree *m, unsigned int where,
    const struct sp_pgtree *rel)
{
	struct sp_pgtree e, alias, v = sp_pgtree_string(rel, SP_PG_RANGE_VAR_RELNAME);
	const char *name = sp_sqlwalker_string(w, &v), *alias_name = "";

	if (!sp_pgtree_child(m, where, &e))
		return false;
	if (sp_pgtree_child(rel, SP_PG_RANGE_VAR_ALIAS, &alias)) {
		v = sp_pgtree_string(&alias, SP_PG_ALIAS_ALIASNAME);
		alias_name = sp_sqlwalker_string(w, &v);
	}
	if (e.type == SP_PG_CURRENT_OF_EXPR)
		return true;
	return sp_sqlexpr_is_bounded(&e, name, alias_name);
}

/* The other verbs within a MERGE or an INSERT … ON CONFLICT. */
static int
sp_sqlwalk_dml_more(struct sp_sqlwalker *w, const struct sp_pgtree *m, const struct sp_pgtree *rel, bool is_bounded)
{
	enum { UPDATE = 3, INSERT = 4, DELETE = 5, NOTHING = 8, /* CmdType */ CONFLICT_NOTHING = 2 };
	struct sp_pgtree part;
	int r = 0;

	if (m->type == SP_PG_INSERT_STMT && sp_pgtree_child(m, SP_PG_INSERT_STMT_ON_CONFLICT_CLAUSE, &part) &&
	    sp_pgtree_number(&part, SP_PG_ON_CONFLICT_CLAUSE_ACTION) != CONFLICT_NOTHING) {
		r = sp_sqlwalker_target(w, rel, SP_SQL_UPDATE, 0);
		return r != 0 ? r : sp_sqlexpr_sources(w, &part, SP_PG_ON_CONFLICT_CLAUSE_TARGET_LIST);
	}
	if (m->type == SP_PG_UPDATE_STMT)
		return sp_sqlexpr_sources(w, m, SP_PG_UPDATE_STMT_TARGET_LIST);
	if (m->type != SP_PG_MERGE_STMT)
		return 0;
	for (size_t i = 0; r == 0 && sp_pgtree_nth(m, SP_PG_MERGE_STMT_MERGE_WHEN_CLAUSES, i, &part); i++) {
		switch (sp_pgtree_number(&part, SP_PG_MERGE_WHEN_CLAUSE_COMMAND_TYPE)) {
		case UPDATE:
			r = sp_sqlwalker_target(w, rel, SP_SQL_UPDATE,
			    is_bounded ? 0 : SP_SQL_BIT(SP_SQL_UPDATE_WITHOUT_WHERE));
			break;
		case INSERT:
			r = sp_sqlwalker_target(w, rel, SP_SQL_INSERT, 0);
			break;
		case DELETE:
			r = sp_sqlwalker_target(w, rel, SP_SQL_DELETE,
			    is_bounded ? 0 : SP_SQL_BIT(SP_SQL_DELETE_WITHOUT_WHERE));
			break;
		case NOTHING:
			break;
		default:
			return sp_sqlwalker_refuse(w, "a MERGE action of an unknown kind");
		}
		if (r == 0)
			r = sp_sqlexpr_sources(w, &part, SP_PG_MERGE_WHEN_CLAUSE_TARGET_LIST);
		if (r == 0)
			r = sp_sqlexpr_sources(w, &part, SP_PG_MERGE_WHEN_CLAUSE_VALUES);
	}
	return r;
}

int
sp_sqlwalker_own(struct sp_sqlwalker *w, const struct sp_pgtree *rel)
{
	size_t n = w->f->nactions;
	int r = sp_sqlwalker_target(w, rel, SP_SQL_SELECT, 0);

	if (r == 0 && w->f->error == 0 && w->f->nactions > n)
		w->f->actions[n].is_own = !w->is_within_with;
	return r;
}

static int
sp_sqlwalk_dml(struct sp_sqlwalker *w, const struct sp_pgtree *m, const struct sp_sqlwalk_dml *d)
{
	struct sp_pgtree rel, with;
	uint64_t aspects = 0;
	bool is_bounded;
	int r = 0;

	if (sp_pgtree_child(m, d->with, &with))
		r = sp_sqlwalk_ctes(w, &with);
	if (r != 0)
		return r;
	if (!sp_pgtree_child(m, d->skip[0], &rel))
		return sp_sqlwalker_refuse(w, "a change without a table");
	is_bounded = d->where != 0 && sp_sqlwalk_is_bounded(w, m, d->where, &rel);
	if (d->without != SP_SQL_WORDS && !is_bounded)
		aspects = SP_SQL_BIT(d->without);
	r = sp_sqlwalker_target(w, &rel, d->verb, aspects);
	if (r == 0)
		r = sp_sqlwalk_dml_more(w, m, &rel, is_bounded);
	if (r == 0 && (w->f->nsources > 0 || (d->returning != 0 && sp_pgtree_count(m, d->returning) > 0)))
		r = sp_sqlwalker_own(w, &rel);
	w->relation_verb = SP_SQL_SELECT;
	w->relation_words = 0;
	return r == 0 ? sp_sqlwalker_children(w, m, d->skip) : r;
}

/* Nodes that need more than a visit to their fields. */
static int
sp_sqlwalk_special(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_pgtree s;

	switch (m->type) {
	case SP_PG_RANGE_VAR:
		return sp_sqlwalk_range_var(w, m);
	case SP_PG_COLUMN_REF:
		return sp_sqlwalk_column_ref(w, m);
	case SP_PG_FUNC_CALL:
		return sp_sqlwalk_func_call(w, m);
	case SP_PG_A_INDIRECTION:
		return sp_sqlwalk_indirection(w, m);
	case SP_PG_LOCKING_CLAUSE:
		return 0; /* its RangeVars are aliases of the same query */
	case SP_PG_A_EXPR:
		sp_sqlwalk_operator(w, m, SP_PG_A_EXPR_NAME);
		return sp_sqlwalker_children(w, m, NULL);
	case SP_PG_SUB_LINK:
		sp_sqlwalk_operator(w, m, SP_PG_SUB_LINK_OPER_NAME);
		return sp_sqlwalker_children(w, m, NULL);
	case SP_PG_SORT_BY:
		sp_sqlwalk_operator(w, m, SP_PG_SORT_BY_USE_OP);
		return sp_sqlwalker_children(w, m, NULL);
	case SP_PG_RES_TARGET:
		s = sp_pgtree_string(m, SP_PG_RES_TARGET_NAME);
		if (s.len > 0)
			sp_sqlfacts_column(w->f, sp_sqlwalker_string(w, &s));
		return sp_sqlwalker_children(w, m, NULL);
	case SP_PG_RANGE_SUBSELECT:
	case SP_PG_RANGE_FUNCTION:
		if (sp_pgtree_child(m, m->type == SP_PG_RANGE_SUBSELECT ? SP_PG_RANGE_SUBSELECT_ALIAS :
		    SP_PG_RANGE_FUNCTION_ALIAS, &s)) {
			s = sp_pgtree_string(&s, SP_PG_ALIAS_ALIASNAME);
			sp_sqlfacts_alias(w->f, sp_sqlwalker_string(w, &s));
		}
		return sp_sqlwalker_children(w, m, NULL);
	case SP_PG_CURRENT_OF_EXPR:
		s = sp_pgtree_string(m, SP_PG_CURRENT_OF_EXPR_CURSOR_NAME);
		w->f->stmt.cursor = sp_sqlwalker_string(w, &s);
		return 0;
	default:
		return SP_ERR_NOT_FOUND;
	}
}

static int
sp_sqlwalk_statement(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	if (m->type == SP_PG_SELECT_STMT)
		return sp_sqlwalk_select(w, m);
	for (size_t i = 0; i < sizeof(sp_sqlwalk_dmls) / sizeof(sp_sqlwalk_dmls[0]); i++)
		if (sp_sqlwalk_dmls[i].type == m->type)
			return sp_sqlwalk_dml(w, m, &sp_sqlwalk_dmls[i]);
	return sp_sqlutility(w, m);
}

int
sp_sqlwalker_node(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_sqlwalker saved = *w;
	int r;

	if (w->depth >= SP_SQL_DEPTH_MAX)
		return SP_ERR_LIMIT;
	w->depth++;
	r = sp_sqlwalk_special(w, m);
	if (r == SP_ERR_NOT_FOUND)
		r = sp_sqlwalk_statement(w, m);
	if (r == SP_ERR_NOT_FOUND)
		r = sp_sqlwalker_children(w, m, NULL);
	w->depth = saved.depth;
	w->relation_verb = saved.relation_verb;
	w->relation_words = saved.relation_words;
	w->is_within_with = saved.is_within_with;
	w->ctes = saved.ctes;
	return r != 0 ? r : w->f->error;
}

int
sp_sqlwalker_children(struct sp_sqlwalker *w, const struct sp_pgtree *m, const uint8_t *skip)
{
	struct sp_pgtree_iter it;
	struct sp_pgtree_field f;
	int r;

	sp_pgtree_iter_init(&it, m);
	while ((r = sp_pgtree_next(&it, &f)) == 0) {
		const uint8_t *s = skip;

		while (s != NULL && *s != 0 && *s != f.schema->number)
			s++;
		if (f.schema->kind != SP_PG_MESSAGE_FIELD || (s != NULL && *s != 0))
			continue;
		r = sp_sqlwalker_node(w, &f.child);
		if (r != 0)
			return r;
	}
	if (r == SP_ERR_NOT_FOUND)
		return 0;
	if (r == SP_ERR_UNSUPPORTED)
		(void)snprintf(w->why, SP_SQLWALK_WHY_MAX, "something in %s that this version does not know",
		    sp_pg_messages[m->type].name);
	return r;
}

int
sp_sqlwalker_check(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_pgtree_iter it;
	struct sp_pgtree_field f;
	int r;

	sp_pgtree_iter_init(&it, m);
	do
		r = sp_pgtree_next(&it, &f);
	while (r == 0);
	if (r == SP_ERR_UNSUPPORTED)
		(void)snprintf(w->why, SP_SQLWALK_WHY_MAX, "something in %s that this version does not know",
		    sp_pg_messages[m->type].name);
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

/* The leftmost SELECT of a set operation names the outputs. */
static void
sp_sqlwalk_select_outputs(struct sp_sqlwalker *w, struct sp_pgtree m)
{
	enum { NONE = 1 }; /* SetOperation */
	size_t n = w->f->noutputs;
	struct sp_pgtree arg;

	if (sp_pgtree_number(&m, SP_PG_SELECT_STMT_OP) > NONE)
		w->f->stmt.is_set_operation = true;
	while (sp_pgtree_number(&m, SP_PG_SELECT_STMT_OP) > NONE && sp_pgtree_child(&m, SP_PG_SELECT_STMT_LARG, &arg))
		m = arg;
	sp_sqlexpr_outputs(w, &m, SP_PG_SELECT_STMT_TARGET_LIST);
	for (size_t i = n; w->f->stmt.is_set_operation && i < w->f->noutputs; i++)
		if (w->f->outputs[i].kind != SP_SQL_OUTPUT_STAR)
			w->f->outputs[i].kind = SP_SQL_OUTPUT_EXPR;
}

/* What of it comes back as rows, looking through EXPLAIN, PREPARE, DECLARE and COPY (query). */
static void
sp_sqlwalk_outputs(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_pgtree q;

	switch (m->type) {
	case SP_PG_SELECT_STMT:
		w->f->stmt.has_rows = sp_pgtree_count(m, SP_PG_SELECT_STMT_INTO_CLAUSE) == 0;
		sp_sqlwalk_select_outputs(w, *m);
		return;
	case SP_PG_PREPARE_STMT:
		if (sp_pgtree_child(m, SP_PG_PREPARE_STMT_QUERY, &q))
			sp_sqlwalk_outputs(w, &q);
		return;
	case SP_PG_DECLARE_CURSOR_STMT:
		if (sp_pgtree_child(m, SP_PG_DECLARE_CURSOR_STMT_QUERY, &q))
			sp_sqlwalk_outputs(w, &q);
		return;
	case SP_PG_COPY_STMT:
		w->f->stmt.has_rows = true;
		if (sp_pgtree_child(m, SP_PG_COPY_STMT_QUERY, &q))
			sp_sqlwalk_outputs(w, &q);
		return;
	case SP_PG_EXPLAIN_STMT:
	case SP_PG_VARIABLE_SHOW_STMT:
	case SP_PG_EXECUTE_STMT:
	case SP_PG_FETCH_STMT:
	case SP_PG_CALL_STMT:
		w->f->stmt.has_rows = true;
		return;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(sp_sqlwalk_dmls) / sizeof(sp_sqlwalk_dmls[0]); i++) {
		if (sp_sqlwalk_dmls[i].type != m->type || sp_sqlwalk_dmls[i].returning == 0)
			continue;
		w->f->stmt.has_rows = sp_pgtree_count(m, sp_sqlwalk_dmls[i].returning) > 0;
		sp_sqlexpr_outputs(w, m, sp_sqlwalk_dmls[i].returning);
	}
}

static enum sp_sql_verb
sp_sqlwalk_verb(const struct sp_pgtree *m)
{
	if (m->type == SP_PG_SELECT_STMT)
		return SP_SQL_SELECT;
	for (size_t i = 0; i < sizeof(sp_sqlwalk_dmls) / sizeof(sp_sqlwalk_dmls[0]); i++)
		if (sp_sqlwalk_dmls[i].type == m->type)
			return sp_sqlwalk_dmls[i].verb;
	return sp_sqlutility_verb(m);
}

int
sp_sqlwalk(const struct sp_pgtree *raw, struct sp_sqlfacts *f, char why[SP_SQLWALK_WHY_MAX])
{
	struct sp_sqlwalker w = {.f = f, .why = why, .relation_verb = SP_SQL_SELECT};
	struct sp_pgtree m;
	int r;

	why[0] = 0;
	f->stmt.error = f->stmt.prepared = f->stmt.cursor = "";
	if (!sp_pgtree_child(raw, SP_PG_RAW_STMT_STMT, &m))
		return sp_sqlwalker_refuse(&w, "a kind of statement that this version does not know");
	f->stmt.verb = sp_sqlwalk_verb(&m);
	if (f->stmt.verb == SP_SQL_UNPARSED) {
		(void)snprintf(why, SP_SQLWALK_WHY_MAX, "%s is not supported", sp_pg_messages[m.type].name);
		return SP_ERR_UNSUPPORTED;
	}
	r = sp_sqlwalker_node(&w, &m);
	for (size_t i = 0; f->stmt.verb == SP_SQL_SELECT && i <= f->nactions; i++) {
		if (i == f->nactions) { /* SELECT 1: nothing else says that it is one */
			sp_sqlwalker_act(&w, SP_SQL_SELECT, 0, SP_SQL_NEED_RULE, 0);
			break;
		}
		if (f->actions[i].verb == SP_SQL_SELECT)
			break;
	}
	if (r == 0)
		sp_sqlwalk_outputs(&w, &m);
	return r != 0 ? r : f->error;
}
