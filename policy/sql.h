/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a PostgreSQL query text does, read from PostgreSQL's own parse tree
 * (libpg_query). The walk knows every node type it accepts by name and every
 * field of it by number; anything else makes the statement "unparsed", which
 * policy refuses. Facts never depend on the value of a number in the text
 * (policy/sqlcache.h relies on it) and hold no offset into it.
 *
 * libpg_query keeps one small memory context a thread (8 KiB) and frees what a
 * parse took when it returns. pg_query_exit() must not be called: version 15-4.0
 * cannot parse in that thread again after it.
 */
#ifndef SALLYPORT_POLICY_SQL_H
#define SALLYPORT_POLICY_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "policy/limits.h"

struct sp_sql; /* one message: immutable, reference-counted (not across threads) */

/*
 * Words of a rule's `do: {sql: [...]}`. Each action of a statement has one verb, and
 * may have aspects: words that also match it (see sp_sql_action.words).
 */
enum sp_sql_verb {
	SP_SQL_SELECT = 0, SP_SQL_INSERT, SP_SQL_UPDATE, SP_SQL_DELETE, SP_SQL_MERGE, SP_SQL_TRUNCATE,
	SP_SQL_DROP, SP_SQL_CREATE, SP_SQL_ALTER, SP_SQL_GRANT, SP_SQL_REVOKE, SP_SQL_COMMENT,
	SP_SQL_COPY_TO, SP_SQL_COPY_FROM, SP_SQL_COPY_FILE, SP_SQL_COPY_PROGRAM, SP_SQL_CALL, SP_SQL_DO,
	SP_SQL_EXPLAIN, SP_SQL_SHOW, SP_SQL_SET, SP_SQL_RESET, SP_SQL_DISCARD,
	SP_SQL_PREPARE, SP_SQL_EXECUTE, SP_SQL_DEALLOCATE, SP_SQL_TRANSACTION,
	SP_SQL_LISTEN, SP_SQL_NOTIFY, SP_SQL_VACUUM, SP_SQL_ANALYZE, SP_SQL_LOCK, SP_SQL_CURSOR,
	SP_SQL_REFRESH, SP_SQL_REINDEX, SP_SQL_CLUSTER, SP_SQL_CHECKPOINT, SP_SQL_LOAD, SP_SQL_REASSIGN,
	SP_SQL_SECURITY_LABEL, SP_SQL_IMPORT, SP_SQL_ALTER_SYSTEM, SP_SQL_FUNCTION, SP_SQL_UNPARSED,
	/* aspects */
	SP_SQL_UPDATE_WITHOUT_WHERE, SP_SQL_DELETE_WITHOUT_WHERE, SP_SQL_SELECT_INTO, SP_SQL_SELECT_FOR_UPDATE,
	SP_SQL_CREATE_FUNCTION, SP_SQL_CREATE_EXTENSION, SP_SQL_EXPLAIN_ANALYZE, SP_SQL_DANGEROUS_FUNCTION,
	/* groups of verbs */
	SP_SQL_READ, SP_SQL_WRITE, SP_SQL_DML, SP_SQL_DDL,
	SP_SQL_WORDS
};

#define SP_SQL_BIT(verb) ((uint64_t)1 << (verb))

/* The word's text, or NULL past the end; and back: false if there is no such word. */
const char *sp_sql_word_str(enum sp_sql_verb w);
bool sp_sql_word_find(const char *s, enum sp_sql_verb *ret_word);

enum sp_sql_object {
	SP_SQL_OBJECT_NONE = 0,
	SP_SQL_OBJECT_RELATION, /* table, view, sequence, index … */
	SP_SQL_OBJECT_FUNCTION,
	SP_SQL_OBJECT_SETTING,
	SP_SQL_OBJECT_OTHER /* a role, schema, type, extension …: name may be "" */
};

/* How an action is judged when no rule matches it, or only by a group word. */
enum sp_sql_need {
	SP_SQL_NEED_RULE = 0, /* refused unless a rule's words match */
	SP_SQL_NEED_NAME,     /* refused unless a rule names the object itself (functions:, settings:) or the exact word */
	SP_SQL_NEED_NONE,     /* fine unless a rule denies it (a built-in function, BEGIN, FETCH) */
	SP_SQL_NEED_REFUSE    /* always refused (a setting that changes how text is read) */
};

struct sp_sql_action {
	enum sp_sql_verb verb;
	uint64_t words; /* SP_SQL_BIT of every word that matches: the verb, its aspects and groups */
	uint64_t exact; /* NEED_NAME: those of them that count as naming it (none: only its object's name does) */
	enum sp_sql_object object;
	enum sp_sql_need need;
	bool is_own;  /* a SELECT that is what RETURNING, SET or USING read of the statement's own target */
	const char *schema; /* "" if the text does not say */
	const char *name;   /* "" if there is none */
};

/* What one output column of the statement is, in order, as far as the text tells. */
enum sp_sql_output_kind {
	SP_SQL_OUTPUT_COLUMN = 1, /* a plain column reference: column (and qualifier) are set */
	SP_SQL_OUTPUT_STAR,	  /* * or t.*: many columns */
	SP_SQL_OUTPUT_CONST,	  /* no column, operator, function or subselect takes part */
	SP_SQL_OUTPUT_COUNT,	  /* count(…): a number that shows no value */
	SP_SQL_OUTPUT_EXPR	  /* anything else: may carry any column the statement can read */
};
struct sp_sql_output {
	enum sp_sql_output_kind kind;
	const char *qualifier; /* table, alias or schema.table as written; "" if none */
	const char *column;    /* "" unless COLUMN */
	const char *label;     /* AS name; "" if none */
};

/* One relation the statement names (CTE names are not relations), with what is done to it. */
struct sp_sql_relation {
	const char *schema; /* "" if the text does not say */
	const char *name;
	bool is_read;
	bool is_written;
};

enum sp_sql_copy {
	SP_SQL_COPY_NONE = 0,
	SP_SQL_COPY_OUT, /* COPY … TO STDOUT */
	SP_SQL_COPY_IN	 /* COPY … FROM STDIN */
};
enum sp_sql_txn {
	SP_SQL_TXN_NONE = 0,
	SP_SQL_TXN_BEGIN,
	SP_SQL_TXN_COMMIT, /* also COMMIT PREPARED */
	SP_SQL_TXN_ROLLBACK,
	SP_SQL_TXN_SAVEPOINT, /* SAVEPOINT, RELEASE, ROLLBACK TO */
	SP_SQL_TXN_PREPARE    /* PREPARE TRANSACTION */
};

struct sp_sql_stmt {
	enum sp_sql_verb verb; /* of the statement itself; EXPLAIN ANALYZE, PREPARE and DECLARE say so here */
	const char *error;     /* unparsed: why; otherwise "" */
	size_t nactions;
	const struct sp_sql_action *actions;
	size_t nrelations;
	const struct sp_sql_relation *relations;
	bool is_set_operation;	/* UNION, INTERSECT, EXCEPT at the top */
	bool has_rows;		/* may answer with rows (SELECT, RETURNING, SHOW, FETCH, EXECUTE, EXPLAIN, COPY OUT) */
	size_t noutputs;	/* of SELECT, RETURNING, COPY (query) TO; 0 if the text does not tell */
	const struct sp_sql_output *outputs;
	size_t ncolumns;	/* every column name written anywhere in it, sorted, each once; "*" for a star */
	const char *const *columns;
	size_t noperators;	/* every operator written in it, without its schema, each once */
	const char *const *operators;
	size_t nsources;	/* column names whose values go into a column that stays: SET, ALTER … USING, GENERATED */
	const char *const *sources; /* "*" for a star or a whole row */
	enum sp_sql_copy copy;
	size_t ncopy_columns;	/* COPY t (a, b): the columns, in order; 0 for all of relations[0] */
	const char *const *copy_columns;
	bool is_copy_query;	/* COPY (query) TO */
	bool is_copy_odd;	/* delimiters or quotes that may fall inside a value and change its look */
	bool is_copy_binary;	/* FORMAT binary (or a spelling this does not know) */
	enum sp_sql_txn txn;
	const char *prepared;	/* PREPARE, EXECUTE, DEALLOCATE name; "" for none, or all of them in DEALLOCATE ALL */
	const char *cursor;	/* DECLARE, FETCH, MOVE, CLOSE, WHERE CURRENT OF; "" for none */
	bool is_definition;	/* PREPARE or DECLARE: gives prepared or cursor its meaning */
	bool is_held;		/* DECLARE … WITH HOLD: outlives its transaction */
	bool is_discard;	/* DISCARD ALL/PLANS, DEALLOCATE ALL, CLOSE ALL: what was prepared or declared is gone */
};

/*
 * Parses len bytes (no NUL needed). A text that cannot be understood is not an error here: the object
 * then has one statement whose verb is UNPARSED and whose error says why. NOMEM.
 */
int sp_sql_parse(const char *text, size_t len, struct sp_sql **ret_sql) SP_MUST_CHECK;
struct sp_sql *sp_sql_ref(struct sp_sql *sql);
void sp_sql_unref(struct sp_sql *sql); /* NULL is fine */
/* 0 for a text of only white space and comments. */
size_t sp_sql_count(const struct sp_sql *sql);
const struct sp_sql_stmt *sp_sql_at(const struct sp_sql *sql, size_t i);
/* Bytes of memory it holds. */
size_t sp_sql_size(const struct sp_sql *sql);

#endif
