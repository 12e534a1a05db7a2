/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that are not queries. A type without a row or case here is not supported: the walk ends as unparsed. */
#include <ctype.h>
#include <string.h>

#include "policy/sqlwalker.h"

/* Statements that need no more than their verb: it is done to every relation named in them outside a query. */
struct sp_sqlutility_row {
	enum sp_pg_type type;
	enum sp_sql_verb verb;
	enum sp_sql_verb aspect; /* SP_SQL_WORDS: none */
	enum sp_sql_need need;	 /* NEED_NAME: only the aspect's (or else the verb's) own word allows it */
};
static const struct sp_sqlutility_row sp_sqlutility_rows[] = {
    {SP_PG_CREATE_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_INDEX_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_VIEW_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CREATE_TABLE_AS_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CREATE_SEQ_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CREATE_SCHEMA_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CREATE_DOMAIN_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CREATE_ENUM_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_COMPOSITE_TYPE_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CREATE_RANGE_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CREATE_STATS_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_RULE_STMT, SP_SQL_CREATE, SP_SQL_CREATE_FUNCTION, SP_SQL_NEED_NAME},
    {SP_PG_CREATE_TRIG_STMT, SP_SQL_CREATE, SP_SQL_CREATE_FUNCTION, SP_SQL_NEED_NAME},
    {SP_PG_CREATE_FUNCTION_STMT, SP_SQL_CREATE, SP_SQL_CREATE_FUNCTION, SP_SQL_NEED_NAME},
    {SP_PG_CREATE_EXTENSION_STMT, SP_SQL_CREATE, SP_SQL_CREATE_EXTENSION, SP_SQL_NEED_NAME},
    {SP_PG_CREATE_POLICY_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_ALTER_POLICY_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_CREATE_ROLE_STMT, SP_SQL_CREATE, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_ALTER_ROLE_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_ALTER_ROLE_SET_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_DROP_ROLE_STMT, SP_SQL_DROP, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_DROP_OWNED_STMT, SP_SQL_DROP, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_ALTER_TABLE_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_ALTER_SEQ_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_ALTER_DOMAIN_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_ALTER_ENUM_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_RENAME_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_ALTER_OBJECT_SCHEMA_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_ALTER_OWNER_STMT, SP_SQL_ALTER, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_COMMENT_STMT, SP_SQL_COMMENT, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_SEC_LABEL_STMT, SP_SQL_SECURITY_LABEL, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_TRUNCATE_STMT, SP_SQL_TRUNCATE, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_LOCK_STMT, SP_SQL_LOCK, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_REFRESH_MAT_VIEW_STMT, SP_SQL_REFRESH, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_REINDEX_STMT, SP_SQL_REINDEX, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CLUSTER_STMT, SP_SQL_CLUSTER, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CHECK_POINT_STMT, SP_SQL_CHECKPOINT, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_LOAD_STMT, SP_SQL_LOAD, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_REASSIGN_OWNED_STMT, SP_SQL_REASSIGN, SP_SQL_WORDS, SP_SQL_NEED_NAME},
    {SP_PG_LISTEN_STMT, SP_SQL_LISTEN, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_UNLISTEN_STMT, SP_SQL_LISTEN, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_NOTIFY_STMT, SP_SQL_NOTIFY, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_CONSTRAINTS_SET_STMT, SP_SQL_TRANSACTION, SP_SQL_WORDS, SP_SQL_NEED_NONE},
    {SP_PG_CALL_STMT, SP_SQL_CALL, SP_SQL_WORDS, SP_SQL_NEED_RULE},
    {SP_PG_DO_STMT, SP_SQL_DO, SP_SQL_WORDS, SP_SQL_NEED_NAME},
};

/* Settings that say who one is, what a name means, what runs, or what row security sees. */
static const char *const sp_sqlutility_privileged[] = {"role", "session_authorization", "search_path",
    "session_replication_role", "row_security", "local_preload_libraries", "session_preload_libraries",
    "dynamic_library_path", "allow_system_table_mods", "lo_compat_privileges", "default_table_access_method",
    "jit_provider", "check_function_bodies", "ignore_system_indexes", "zero_damaged_pages", "debug_parallel_query",
    "log_statement", "log_min_messages", "log_min_error_statement", "log_min_duration_statement", "track_activities",
    "backslash_quote", "xmloption", "all"};

static const struct sp_sqlutility_row *
sp_sqlutility_find(enum sp_pg_type type)
{
	for (size_t i = 0; i < sizeof(sp_sqlutility_rows) / sizeof(sp_sqlutility_rows[0]); i++)
		if (sp_sqlutility_rows[i].type == type)
			return &sp_sqlutility_rows[i];
	return NULL;
}

static bool
sp_sqlutility_is(const struct sp_pgtree *s, const char *word)
{
	return s->len == strlen(word) && strncasecmp((const char *)s->data, word, s->len) == 0;
}

/* The text of a DefElem's or setting's value, whatever node it is; len 0 if it is no text. */
static struct sp_pgtree
sp_sqlutility_text(const struct sp_pgtree *node)
{
	struct sp_pgtree v;

	if (node->type == SP_PG_STRING)
		return sp_pgtree_string(node, SP_PG_STRING_SVAL);
	if (node->type == SP_PG_A_CONST && sp_pgtree_child(node, SP_PG_A_CONST_SVAL, &v))
		return sp_pgtree_string(&v, SP_PG_STRING_SVAL);
	return (struct sp_pgtree){0};
}

/* --- settings ------------------------------------------------------------------------------------ */

/* Settings that change how the server reads text: with them, what was parsed here is not what runs there. */
static bool
sp_sqlutility_changes_reading(const char *name, const struct sp_pgtree *m)
{
	enum { VALUE = 1, DEFAULT = 2, RESET = 5 }; /* VariableSetKind */
	uint64_t kind = sp_pgtree_number(m, SP_PG_VARIABLE_SET_STMT_KIND);
	bool is_quoting = strcmp(name, "standard_conforming_strings") == 0;
	struct sp_pgtree arg, v;

	if (!is_quoting && strcmp(name, "client_encoding") != 0)
		return false;
	if (kind != VALUE || sp_pgtree_count(m, SP_PG_VARIABLE_SET_STMT_ARGS) != 1 ||
	    !sp_pgtree_child(m, SP_PG_VARIABLE_SET_STMT_ARGS, &arg))
		return kind != DEFAULT && kind != RESET;
	v = sp_sqlutility_text(&arg);
	if (is_quoting)
		return !sp_sqlutility_is(&v, "on") && !sp_sqlutility_is(&v, "true");
	return !sp_sqlutility_is(&v, "utf8") && !sp_sqlutility_is(&v, "utf-8") && !sp_sqlutility_is(&v, "unicode");
}

static bool
sp_sqlutility_is_privileged(const char *name)
{
	if (strchr(name, '.') != NULL)
		return true; /* an extension's, or one that row security policies read */
	for (size_t i = 0; i < sizeof(sp_sqlutility_privileged) / sizeof(sp_sqlutility_privileged[0]); i++)
		if (strcmp(sp_sqlutility_privileged[i], name) == 0)
			return true;
	return false;
}

static int
sp_sqlutility_set(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	enum { MULTI = 4, RESET = 5, RESET_ALL = 6 };
	uint64_t kind = sp_pgtree_number(m, SP_PG_VARIABLE_SET_STMT_KIND);
	struct sp_pgtree v = sp_pgtree_string(m, SP_PG_VARIABLE_SET_STMT_NAME);
	enum sp_sql_verb verb = kind == RESET || kind == RESET_ALL ? SP_SQL_RESET : SP_SQL_SET;
	enum sp_sql_need need = SP_SQL_NEED_RULE;
	char *name;

	if (kind == RESET_ALL) {
		sp_sqlwalker_object(w, verb, 0, SP_SQL_OBJECT_SETTING, need, "", "all");
		return 0;
	}
	name = sp_sqlfacts_string(w->f->arena, v.data, v.len);
	if (name == NULL)
		return SP_ERR_NOMEM;
	for (char *p = name; *p != 0; p++)
		*p = (char)tolower((unsigned char)*p);
	if (kind == MULTI) {
		if (strcmp(name, "transaction") != 0 && strcmp(name, "session characteristics") != 0 &&
		    strcmp(name, "transaction snapshot") != 0)
			return sp_sqlwalker_refuse(w, "a SET of an unknown form");
		sp_sqlwalker_act(w, SP_SQL_TRANSACTION, 0, SP_SQL_NEED_NONE, 0);
		return sp_sqlwalker_children(w, m, NULL);
	}
	if (sp_sqlutility_changes_reading(name, m))
		need = SP_SQL_NEED_REFUSE;
	else if (sp_sqlutility_is_privileged(name))
		need = SP_SQL_NEED_NAME;
	sp_sqlwalker_object(w, verb, 0, SP_SQL_OBJECT_SETTING, need, "", name);
	return sp_sqlwalker_children(w, m, NULL);
}

static int
sp_sqlutility_show(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_pgtree v = sp_pgtree_string(m, SP_PG_VARIABLE_SHOW_STMT_NAME);

	sp_sqlwalker_object(w, SP_SQL_SHOW, 0, SP_SQL_OBJECT_SETTING, SP_SQL_NEED_RULE, "", sp_sqlwalker_string(w, &v));
	return 0;
}

/* --- COPY, EXPLAIN, prepared statements, cursors --------------------------------------------------- */

static void
sp_sqlutility_copy_options(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_pgtree opt, name, arg, v;

	for (size_t i = 0; sp_pgtree_nth(m, SP_PG_COPY_STMT_OPTIONS, i, &opt); i++) {
		name = sp_pgtree_string(&opt, SP_PG_DEF_ELEM_DEFNAME);
		v = (struct sp_pgtree){0};
		if (sp_pgtree_child(&opt, SP_PG_DEF_ELEM_ARG, &arg))
			v = sp_sqlutility_text(&arg);
		if (sp_sqlutility_is(&name, "delimiter"))
			w->f->stmt.is_copy_odd |= v.len != 1 || strchr(",;|\t", v.data[0]) == NULL;
		else if (sp_sqlutility_is(&name, "quote"))
			w->f->stmt.is_copy_odd |= v.len != 1 || v.data[0] != '"';
		else if (sp_sqlutility_is(&name, "escape"))
			w->f->stmt.is_copy_odd |= v.len != 1 || strchr("\"\\", v.data[0]) == NULL;
		else if (sp_sqlutility_is(&name, "encoding"))
			w->f->stmt.is_copy_odd |= !sp_sqlutility_is(&v, "utf8") && !sp_sqlutility_is(&v, "utf-8");
		if (!sp_sqlutility_is(&name, "format"))
			continue;
		if (!sp_sqlutility_is(&v, "text") && !sp_sqlutility_is(&v, "csv"))
			w->f->stmt.is_copy_binary = true;
	}
}

static int
sp_sqlutility_copy(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	static const uint8_t skip[] = {SP_PG_COPY_STMT_RELATION, SP_PG_COPY_STMT_ATTLIST, 0};
	bool is_from = sp_pgtree_number(m, SP_PG_COPY_STMT_IS_FROM) != 0;
	enum sp_sql_verb verb = is_from ? SP_SQL_COPY_FROM : SP_SQL_COPY_TO, outside = SP_SQL_WORDS;
	struct sp_pgtree rel, col, v = sp_pgtree_string(m, SP_PG_COPY_STMT_FILENAME);
	int r = 0;

	if (sp_pgtree_number(m, SP_PG_COPY_STMT_IS_PROGRAM) != 0)
		outside = SP_SQL_COPY_PROGRAM;
	else if (v.len > 0)
		outside = SP_SQL_COPY_FILE;
	else
		w->f->stmt.copy = is_from ? SP_SQL_COPY_IN : SP_SQL_COPY_OUT;
	if (outside != SP_SQL_WORDS)
		sp_sqlwalker_act(w, outside, 0, SP_SQL_NEED_NAME, SP_SQL_BIT(outside));
	sp_sqlutility_copy_options(w, m);
	for (size_t i = 0; sp_pgtree_nth(m, SP_PG_COPY_STMT_ATTLIST, i, &col); i++) {
		const char *name;

		v = sp_sqlutility_text(&col);
		name = sp_sqlwalker_string(w, &v);
		sp_sqlfacts_copy_column(w->f, name);
		sp_sqlfacts_column(w->f, name);
	}
	if (sp_pgtree_child(m, SP_PG_COPY_STMT_RELATION, &rel)) {
		r = sp_sqlwalker_target(w, &rel, verb, 0);
		if (sp_pgtree_count(m, SP_PG_COPY_STMT_ATTLIST) == 0)
			sp_sqlfacts_column(w->f, "*");
	} else {
		w->f->stmt.is_copy_query = true;
		sp_sqlwalker_act(w, verb, 0, SP_SQL_NEED_RULE, 0);
	}
	w->relation_verb = SP_SQL_SELECT;
	return r == 0 ? sp_sqlwalker_children(w, m, skip) : r;
}

/* EXPLAIN runs its statement when ANALYZE is given, whatever value it is given that is not plainly false. */
static bool
sp_sqlutility_is_analyze(const struct sp_pgtree *m)
{
	struct sp_pgtree opt, name, arg, v;
	bool is_analyze = false;

	for (size_t i = 0; sp_pgtree_nth(m, SP_PG_EXPLAIN_STMT_OPTIONS, i, &opt); i++) {
		name = sp_pgtree_string(&opt, SP_PG_DEF_ELEM_DEFNAME);
		if (!sp_sqlutility_is(&name, "analyze"))
			continue;
		v = (struct sp_pgtree){0};
		if (sp_pgtree_child(&opt, SP_PG_DEF_ELEM_ARG, &arg))
			v = sp_sqlutility_text(&arg);
		is_analyze |= !sp_sqlutility_is(&v, "false") && !sp_sqlutility_is(&v, "off");
	}
	return is_analyze;
}

static int
sp_sqlutility_explain(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	bool is_analyze = sp_sqlutility_is_analyze(m), saved = w->is_explain;
	struct sp_pgtree q;
	int r;

	if (!sp_pgtree_child(m, SP_PG_EXPLAIN_STMT_QUERY, &q))
		return sp_sqlwalker_refuse(w, "EXPLAIN of nothing");
	sp_sqlwalker_act(w, SP_SQL_EXPLAIN, is_analyze ? SP_SQL_BIT(SP_SQL_EXPLAIN_ANALYZE) : 0, SP_SQL_NEED_RULE, 0);
	w->is_explain = saved || !is_analyze;
	r = sp_sqlwalker_node(w, &q);
	w->is_explain = saved;
	return r == 0 ? sp_sqlwalker_check(w, m) : r;
}

static int
sp_sqlutility_prepare(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	struct sp_pgtree v;

	switch (m->type) {
	case SP_PG_PREPARE_STMT:
		w->f->stmt.is_definition = true;
		v = sp_pgtree_string(m, SP_PG_PREPARE_STMT_NAME);
		sp_sqlwalker_act(w, SP_SQL_PREPARE, 0, SP_SQL_NEED_NONE, 0);
		break;
	case SP_PG_EXECUTE_STMT:
		v = sp_pgtree_string(m, SP_PG_EXECUTE_STMT_NAME);
		/* Not sp_sqlwalker_act(): EXPLAIN EXECUTE must find what was prepared, too. */
		sp_sqlwalker_object(w, SP_SQL_EXECUTE, 0, SP_SQL_OBJECT_OTHER, SP_SQL_NEED_NONE, "",
		    sp_sqlwalker_string(w, &v));
		break;
	default:
		v = sp_pgtree_string(m, SP_PG_DEALLOCATE_STMT_NAME);
		w->f->stmt.is_discard = v.len == 0;
		sp_sqlwalker_act(w, SP_SQL_DEALLOCATE, 0, SP_SQL_NEED_NONE, 0);
		break;
	}
	w->f->stmt.prepared = sp_sqlwalker_string(w, &v);
	return sp_sqlwalker_children(w, m, NULL);
}

static int
sp_sqlutility_cursor(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	enum { HOLD = 0x20 }; /* CURSOR_OPT_HOLD */
	struct sp_pgtree v;
	const char *name;

	if (m->type == SP_PG_DECLARE_CURSOR_STMT)
		v = sp_pgtree_string(m, SP_PG_DECLARE_CURSOR_STMT_PORTALNAME);
	else if (m->type == SP_PG_FETCH_STMT)
		v = sp_pgtree_string(m, SP_PG_FETCH_STMT_PORTALNAME);
	else
		v = sp_pgtree_string(m, SP_PG_CLOSE_PORTAL_STMT_PORTALNAME);
	name = sp_sqlwalker_string(w, &v);
	w->f->stmt.is_definition = m->type == SP_PG_DECLARE_CURSOR_STMT;
	if (m->type == SP_PG_DECLARE_CURSOR_STMT)
		w->f->stmt.is_held = (sp_pgtree_number(m, SP_PG_DECLARE_CURSOR_STMT_OPTIONS) & HOLD) != 0;
	if (m->type == SP_PG_CLOSE_PORTAL_STMT)
		w->f->stmt.is_discard = v.len == 0;
	/* Only FETCH and MOVE name it as an object: they are what must find the declared query. */
	if (m->type == SP_PG_FETCH_STMT)
		sp_sqlwalker_object(w, SP_SQL_CURSOR, 0, SP_SQL_OBJECT_OTHER, SP_SQL_NEED_NONE, "", name);
	else
		sp_sqlwalker_act(w, SP_SQL_CURSOR, 0, SP_SQL_NEED_NONE, 0);
	w->f->stmt.cursor = name;
	return sp_sqlwalker_children(w, m, NULL);
}

/* --- the others ---------------------------------------------------------------------------------- */

static int
sp_sqlutility_transaction(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	static const enum sp_sql_txn kinds[] = {SP_SQL_TXN_NONE, SP_SQL_TXN_BEGIN, SP_SQL_TXN_BEGIN, SP_SQL_TXN_COMMIT,
	    SP_SQL_TXN_ROLLBACK, SP_SQL_TXN_SAVEPOINT, SP_SQL_TXN_SAVEPOINT, SP_SQL_TXN_SAVEPOINT, SP_SQL_TXN_PREPARE,
	    SP_SQL_TXN_COMMIT, SP_SQL_TXN_ROLLBACK};
	uint64_t kind = sp_pgtree_number(m, SP_PG_TRANSACTION_STMT_KIND);

	if (kind == 0 || kind >= sizeof(kinds) / sizeof(kinds[0]))
		return sp_sqlwalker_refuse(w, "a transaction command of an unknown kind");
	w->f->stmt.txn = kinds[kind];
	sp_sqlwalker_act(w, SP_SQL_TRANSACTION, 0, SP_SQL_NEED_NONE, 0);
	return sp_sqlwalker_children(w, m, NULL);
}

static int
sp_sqlutility_discard(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	enum { ALL = 1, PLANS = 2 };
	uint64_t target = sp_pgtree_number(m, SP_PG_DISCARD_STMT_TARGET);

	w->f->stmt.is_discard = target == ALL || target == PLANS;
	sp_sqlwalker_act(w, SP_SQL_DISCARD, 0, SP_SQL_NEED_RULE, 0);
	return 0;
}

static int
sp_sqlutility_drop(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	enum { FOREIGN_TABLE = 19, INDEX = 21, MATVIEW = 24, SEQUENCE = 38, TABLE = 42, VIEW = 52 }; /* ObjectType */
	uint64_t type = sp_pgtree_number(m, SP_PG_DROP_STMT_REMOVE_TYPE);
	bool is_relation = type == FOREIGN_TABLE || type == INDEX || type == MATVIEW || type == SEQUENCE ||
	    type == TABLE || type == VIEW;
	struct sp_pgtree object;
	const char *schema, *name;

	for (size_t i = 0; is_relation && sp_pgtree_nth(m, SP_PG_DROP_STMT_OBJECTS, i, &object); i++) {
		if (object.type != SP_PG_LIST)
			return sp_sqlwalker_refuse(w, "a DROP of an unknown form");
		sp_sqlwalker_names(w, &object, SP_PG_LIST_ITEMS, &schema, &name);
		sp_sqlwalker_object(w, SP_SQL_DROP, 0, SP_SQL_OBJECT_RELATION, SP_SQL_NEED_RULE, schema, name);
		sp_sqlfacts_relation(w->f, schema, name, false, true);
	}
	if (!is_relation)
		sp_sqlwalker_act(w, SP_SQL_DROP, 0, SP_SQL_NEED_RULE, 0);
	w->relation_verb = SP_SQL_DROP;
	return sp_sqlwalker_children(w, m, NULL);
}

static int
sp_sqlutility_grant(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	bool is_grant = sp_pgtree_number(m,
	    m->type == SP_PG_GRANT_STMT ? SP_PG_GRANT_STMT_IS_GRANT : SP_PG_GRANT_ROLE_STMT_IS_GRANT) != 0;

	w->relation_verb = is_grant ? SP_SQL_GRANT : SP_SQL_REVOKE;
	sp_sqlwalker_act(w, w->relation_verb, 0, SP_SQL_NEED_RULE, 0);
	return sp_sqlwalker_children(w, m, NULL);
}

static int
sp_sqlutility_vacuum(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	w->relation_verb = sp_sqlutility_verb(m);
	if (sp_pgtree_count(m, SP_PG_VACUUM_STMT_RELS) == 0)
		sp_sqlwalker_act(w, w->relation_verb, 0, SP_SQL_NEED_RULE, 0);
	return sp_sqlwalker_children(w, m, NULL);
}

static int
sp_sqlutility_row(struct sp_sqlwalker *w, const struct sp_pgtree *m, const struct sp_sqlutility_row *row)
{
	uint64_t aspects = row->aspect == SP_SQL_WORDS ? 0 : SP_SQL_BIT(row->aspect);
	uint64_t exact = row->need != SP_SQL_NEED_NAME ? 0 : aspects != 0 ? aspects : SP_SQL_BIT(row->verb);
	size_t n = w->f->nactions;
	struct sp_pgtree rel;
	int r;

	w->relation_verb = row->verb;
	w->relation_words = aspects;
	if (row->need != SP_SQL_NEED_RULE)
		sp_sqlwalker_act(w, row->verb, aspects, row->need, exact);
	r = sp_sqlwalker_children(w, m, NULL);
	if (r == 0 && m->type == SP_PG_ALTER_TABLE_STMT)
		r = sp_sqlexpr_sources(w, m, 0);
	if (r == 0 && m->type == SP_PG_ALTER_TABLE_STMT && w->f->nsources > 0 &&
	    sp_pgtree_child(m, SP_PG_ALTER_TABLE_STMT_RELATION, &rel))
		r = sp_sqlwalker_own(w, &rel);
	for (size_t i = n; i < w->f->nactions; i++)
		if (w->f->actions[i].verb == row->verb)
			return r;
	sp_sqlwalker_act(w, row->verb, aspects, row->need, exact);
	return r;
}

int
sp_sqlutility(struct sp_sqlwalker *w, const struct sp_pgtree *m)
{
	const struct sp_sqlutility_row *row = sp_sqlutility_find(m->type);

	if (row != NULL)
		return sp_sqlutility_row(w, m, row);
	switch (m->type) {
	case SP_PG_VARIABLE_SET_STMT:
		return sp_sqlutility_set(w, m);
	case SP_PG_VARIABLE_SHOW_STMT:
		return sp_sqlutility_show(w, m);
	case SP_PG_COPY_STMT:
		return sp_sqlutility_copy(w, m);
	case SP_PG_EXPLAIN_STMT:
		return sp_sqlutility_explain(w, m);
	case SP_PG_PREPARE_STMT:
	case SP_PG_EXECUTE_STMT:
	case SP_PG_DEALLOCATE_STMT:
		return sp_sqlutility_prepare(w, m);
	case SP_PG_DECLARE_CURSOR_STMT:
	case SP_PG_FETCH_STMT:
	case SP_PG_CLOSE_PORTAL_STMT:
		return sp_sqlutility_cursor(w, m);
	case SP_PG_TRANSACTION_STMT:
		return sp_sqlutility_transaction(w, m);
	case SP_PG_DISCARD_STMT:
		return sp_sqlutility_discard(w, m);
	case SP_PG_DROP_STMT:
		return sp_sqlutility_drop(w, m);
	case SP_PG_GRANT_STMT:
	case SP_PG_GRANT_ROLE_STMT:
		return sp_sqlutility_grant(w, m);
	case SP_PG_VACUUM_STMT:
		return sp_sqlutility_vacuum(w, m);
	case SP_PG_ALTER_SYSTEM_STMT:
		sp_sqlwalker_act(w, SP_SQL_ALTER_SYSTEM, 0, SP_SQL_NEED_NAME, SP_SQL_BIT(SP_SQL_ALTER_SYSTEM));
		return 0;
	default:
		return SP_ERR_NOT_FOUND;
	}
}

enum sp_sql_verb
sp_sqlutility_verb(const struct sp_pgtree *m)
{
	enum { RESET = 5 };
	const struct sp_sqlutility_row *row = sp_sqlutility_find(m->type);

	if (row != NULL)
		return row->verb;
	switch (m->type) {
	case SP_PG_VARIABLE_SET_STMT:
		return sp_pgtree_number(m, SP_PG_VARIABLE_SET_STMT_KIND) >= RESET ? SP_SQL_RESET : SP_SQL_SET;
	case SP_PG_VARIABLE_SHOW_STMT:
		return SP_SQL_SHOW;
	case SP_PG_COPY_STMT:
		return sp_pgtree_number(m, SP_PG_COPY_STMT_IS_FROM) != 0 ? SP_SQL_COPY_FROM : SP_SQL_COPY_TO;
	case SP_PG_EXPLAIN_STMT:
		return SP_SQL_EXPLAIN;
	case SP_PG_PREPARE_STMT:
		return SP_SQL_PREPARE;
	case SP_PG_EXECUTE_STMT:
		return SP_SQL_EXECUTE;
	case SP_PG_DEALLOCATE_STMT:
		return SP_SQL_DEALLOCATE;
	case SP_PG_DECLARE_CURSOR_STMT:
	case SP_PG_FETCH_STMT:
	case SP_PG_CLOSE_PORTAL_STMT:
		return SP_SQL_CURSOR;
	case SP_PG_TRANSACTION_STMT:
		return SP_SQL_TRANSACTION;
	case SP_PG_DISCARD_STMT:
		return SP_SQL_DISCARD;
	case SP_PG_DROP_STMT:
		return SP_SQL_DROP;
	case SP_PG_GRANT_STMT:
		return sp_pgtree_number(m, SP_PG_GRANT_STMT_IS_GRANT) != 0 ? SP_SQL_GRANT : SP_SQL_REVOKE;
	case SP_PG_GRANT_ROLE_STMT:
		return sp_pgtree_number(m, SP_PG_GRANT_ROLE_STMT_IS_GRANT) != 0 ? SP_SQL_GRANT : SP_SQL_REVOKE;
	case SP_PG_VACUUM_STMT:
		return sp_pgtree_number(m, SP_PG_VACUUM_STMT_IS_VACUUMCMD) != 0 ? SP_SQL_VACUUM : SP_SQL_ANALYZE;
	case SP_PG_ALTER_SYSTEM_STMT:
		return SP_SQL_ALTER_SYSTEM;
	default:
		return SP_SQL_UNPARSED;
	}
}
