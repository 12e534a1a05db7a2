/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sql.h"

#include <pg_query.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "policy/sqlfacts.h"
#include "policy/sqltext.h"
#include "policy/sqlwalk.h"

#define SP_SQL_ERROR_MAX 256 /* bytes of the reason why a text is not understood, NUL included */

struct sp_sql {
	unsigned int refs;
	struct sp_sqlfacts_arena arena;
	size_t nstmts;
	struct sp_sql_stmt *stmts;
};

static const char *const sp_sql_words[SP_SQL_WORDS] = {"select", "insert", "update", "delete", "merge", "truncate",
    "drop", "create", "alter", "grant", "revoke", "comment", "copy_to", "copy_from", "copy_file", "copy_program",
    "call", "do", "explain", "show", "set", "reset", "discard", "prepare", "execute", "deallocate", "transaction",
    "listen", "notify", "vacuum", "analyze", "lock", "cursor", "refresh", "reindex", "cluster", "checkpoint", "load",
    "reassign", "security_label", "import", "alter_system", "function", "unparsed", "update_without_where",
    "delete_without_where", "select_into", "select_for_update", "create_function", "create_extension",
    "explain_analyze", "dangerous_function", "read", "write", "dml", "ddl"};
_Static_assert(SP_SQL_WORDS <= 64, "words are bits of a uint64_t");

const char *
sp_sql_word_str(enum sp_sql_verb w)
{
	return w < SP_SQL_WORDS ? sp_sql_words[w] : NULL;
}

bool
sp_sql_word_find(const char *s, enum sp_sql_verb *ret_word)
{
	for (size_t i = 0; i < SP_SQL_WORDS; i++) {
		if (strcmp(sp_sql_words[i], s) == 0) {
			*ret_word = (enum sp_sql_verb)i;
			return true;
		}
	}
	return false;
}

/* Makes the whole message one statement that is not understood. */
static int
sp_sql_unparsed(struct sp_sql *sql, const char *why)
{
	struct sp_sql_action *a;
	struct sp_sql_stmt *s;
	char *text;

	sp_sqlfacts_free(&sql->arena);
	s = sp_sqlfacts_alloc(&sql->arena, sizeof(*s));
	a = sp_sqlfacts_alloc(&sql->arena, sizeof(*a));
	text = sp_sqlfacts_string(&sql->arena, why, strlen(why));
	if (s == NULL || a == NULL || text == NULL)
		return SP_ERR_NOMEM;
	*a = (struct sp_sql_action){.verb = SP_SQL_UNPARSED, .words = SP_SQL_BIT(SP_SQL_UNPARSED),
	    .exact = SP_SQL_BIT(SP_SQL_UNPARSED), .need = SP_SQL_NEED_NAME, .schema = "", .name = ""};
	*s = (struct sp_sql_stmt){.verb = SP_SQL_UNPARSED, .error = text, .nactions = 1, .actions = a,
	    .has_rows = true, .prepared = "", .cursor = ""};
	sql->stmts = s;
	sql->nstmts = 1;
	return 0;
}

static int
sp_sql_walk_one(struct sp_sql *sql, const struct sp_pgtree *raw, size_t i, char why[SP_SQLWALK_WHY_MAX])
{
	struct sp_sqlfacts f;
	int r;

	sp_sqlfacts_init(&f, &sql->arena);
	r = sp_sqlwalk(raw, &f, why);
	if (r == 0)
		r = sp_sqlfacts_finish(&f, &sql->stmts[i]);
	sp_sqlfacts_clear(&f);
	return r;
}

static int
sp_sql_walk(struct sp_sql *sql, const PgQueryProtobuf *tree)
{
	struct sp_pgtree root = {SP_PG_PARSE_RESULT, (const uint8_t *)tree->data, tree->len}, raw;
	char why[SP_SQLWALK_WHY_MAX] = "";
	size_t n = sp_pgtree_count(&root, SP_PG_PARSE_RESULT_STMTS);
	int r = 0;

	if (sp_pgtree_number(&root, SP_PG_PARSE_RESULT_VERSION) / 10000 != SP_PGSCHEMA_MAJOR)
		return sp_sql_unparsed(sql, "the parser is of another version than this program was made for");
	if (n > SP_SQL_STATEMENTS_MAX)
		return sp_sql_unparsed(sql, "too many statements in one message");
	if (n == 0)
		return 0;
	sql->stmts = sp_sqlfacts_alloc(&sql->arena, n * sizeof(*sql->stmts));
	if (sql->stmts == NULL)
		return SP_ERR_NOMEM;
	sql->nstmts = n;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = sp_pgtree_nth(&root, SP_PG_PARSE_RESULT_STMTS, i, &raw) ? sp_sql_walk_one(sql, &raw, i, why) :
									       SP_ERR_FORMAT;
	if (r == 0 || r == SP_ERR_NOMEM)
		return r;
	return sp_sql_unparsed(sql, why[0] != 0 ? why : r == SP_ERR_LIMIT ? "it is too large or too deeply nested" :
									   "the parser's answer makes no sense");
}

/* One line from what libpg_query says, control characters escaped. */
static int
sp_sql_syntax(struct sp_sql *sql, const char *message)
{
	struct sp_buf *b = sp_buf_new(SP_SQL_ERROR_MAX);
	int r = SP_ERR_NOMEM;

	if (b == NULL)
		return r;
	r = sp_text_escape(b, message, strlen(message), SP_SQL_ERROR_MAX - 8);
	if (r == 0)
		r = sp_buf_put_u8(b, 0);
	if (r == 0)
		r = sp_sql_unparsed(sql, (const char *)sp_buf_data(b));
	sp_buf_free(b);
	return r;
}

static int
sp_sql_read(struct sp_sql *sql, const char *text, size_t len)
{
	PgQueryProtobufParseResult res;
	const char *why = sp_sqltext_refusal(text, len);
	char *copy;
	int r;

	if (why != NULL)
		return sp_sql_unparsed(sql, why);
	copy = malloc(len + 1);
	if (copy == NULL)
		return SP_ERR_NOMEM;
	memcpy(copy, text, len);
	copy[len] = 0;
	res = pg_query_parse_protobuf(copy);
	if (res.error != NULL)
		r = sp_sql_syntax(sql, res.error->message != NULL ? res.error->message : "syntax error");
	else
		r = sp_sql_walk(sql, &res.parse_tree);
	pg_query_free_protobuf_parse_result(res);
	free(copy);
	return r;
}

int
sp_sql_parse(const char *text, size_t len, struct sp_sql **ret_sql)
{
	struct sp_sql *sql = calloc(1, sizeof(*sql));
	int r;

	if (sql == NULL)
		return SP_ERR_NOMEM;
	sql->refs = 1;
	r = sp_sql_read(sql, text, len);
	if (r == 0)
		*ret_sql = sql;
	else
		sp_sql_unref(sql);
	return r;
}

struct sp_sql *
sp_sql_ref(struct sp_sql *sql)
{
	sql->refs++;
	return sql;
}

void
sp_sql_unref(struct sp_sql *sql)
{
	if (sql == NULL || --sql->refs > 0)
		return;
	sp_sqlfacts_free(&sql->arena);
	free(sql);
}

size_t
sp_sql_count(const struct sp_sql *sql)
{
	return sql->nstmts;
}

const struct sp_sql_stmt *
sp_sql_at(const struct sp_sql *sql, size_t i)
{
	return &sql->stmts[i];
}

size_t
sp_sql_size(const struct sp_sql *sql)
{
	return sizeof(*sql) + sql->arena.size;
}
