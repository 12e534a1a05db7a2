/* SPDX-License-Identifier: Apache-2.0 */
/* The store in SQLite: write-ahead log, synchronous=FULL, so what was committed holds after kill -9 and power loss. */
#include "control/sqlite.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SP_SQLITE_SCHEMA 1	  /* PRAGMA user_version */
#define SP_SQLITE_APPLICATION 0x53507274 /* PRAGMA application_id: "SPrt" */
#define SP_SQLITE_BUSY_MS 2000
#define SP_SQLITE_HISTORY 200

/* What sp_backend hands around: its first member is the store. */
struct sp_sqlite {
	struct sp_store store;
	sqlite3 *db;
};

static sqlite3 *
sp_sqlite_db(const struct sp_store *s)
{
	return ((const struct sp_sqlite *)s)->db;
}

static const char sp_sqlite_schema[] =
    "CREATE TABLE request("
    " id TEXT PRIMARY KEY, digest BLOB NOT NULL, iss TEXT NOT NULL, sub TEXT NOT NULL, login TEXT NOT NULL,"
    " session TEXT NOT NULL, connection TEXT NOT NULL, rule TEXT NOT NULL, statement BLOB NOT NULL,"
    " details TEXT NOT NULL, approvers TEXT NOT NULL, count INTEGER NOT NULL, policy_version INTEGER NOT NULL,"
    " filed INTEGER NOT NULL, expires INTEGER NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL DEFAULT '',"
    " decided INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX request_open ON request(state, expires);"
    "CREATE TABLE decision("
    " request TEXT NOT NULL REFERENCES request(id), iss TEXT NOT NULL, sub TEXT NOT NULL, login TEXT NOT NULL,"
    " session TEXT NOT NULL, approve INTEGER NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY(request, iss, sub)) STRICT;"
    "CREATE TABLE policy(version INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL, at INTEGER NOT NULL"
    " DEFAULT(unixepoch())) STRICT;";

/* Columns as sp_sqlite_read() expects them. */
#define SP_SQLITE_COLUMNS                                                                                               \
	"id, digest, iss, sub, login, session, connection, rule, statement, details, approvers, count,"                \
	" policy_version, filed, expires, state, reason,"                                                              \
	" (SELECT count(*) FROM decision d WHERE d.request = request.id AND d.approve = 1),"                           \
	" coalesce((SELECT group_concat(login, ', ') FROM decision d WHERE d.request = request.id), '')"

static const char *
sp_sqlite_error(const struct sp_store *s)
{
	return sqlite3_errmsg(sp_sqlite_db(s));
}

static int
sp_sqlite_exec(struct sp_store *s, const char *sql)
{
	return sqlite3_exec(sp_sqlite_db(s), sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : SP_ERR_SYSTEM;
}

/* Prepares sql and binds args by the letters of fmt: s text, i int64, d 32-byte digest. */
static int
sp_sqlite_query(struct sp_store *s, sqlite3_stmt **ret_q, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *q;
	va_list ap;
	int r = SQLITE_OK;

	if (sqlite3_prepare_v2(sp_sqlite_db(s), sql, -1, &q, NULL) != SQLITE_OK)
		return SP_ERR_SYSTEM;
	va_start(ap, fmt);
	for (int i = 1; fmt[i - 1] != 0 && r == SQLITE_OK; i++) {
		if (fmt[i - 1] == 's')
			r = sqlite3_bind_text(q, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		else if (fmt[i - 1] == 'i')
			r = sqlite3_bind_int64(q, i, va_arg(ap, int64_t));
		else
			r = sqlite3_bind_blob(q, i, va_arg(ap, const uint8_t *), SP_STORE_DIGEST_LEN, SQLITE_TRANSIENT);
	}
	va_end(ap);
	if (r != SQLITE_OK) {
		sqlite3_finalize(q);
		return SP_ERR_SYSTEM;
	}
	*ret_q = q;
	return 0;
}

/* Runs a statement that returns no row. */
static int
sp_sqlite_run(sqlite3_stmt *q)
{
	int r = sqlite3_step(q);

	sqlite3_finalize(q);
	return r == SQLITE_DONE ? 0 : SP_ERR_SYSTEM;
}

static int
sp_sqlite_begin(struct sp_store *s)
{
	return sp_sqlite_exec(s, "BEGIN IMMEDIATE");
}

/* Ends a transaction: commits when r is 0, else rolls back and returns r. */
static int
sp_sqlite_end(struct sp_store *s, int r)
{
	if (r == 0 && sp_sqlite_exec(s, "COMMIT") == 0)
		return 0;
	(void)sp_sqlite_exec(s, "ROLLBACK");
	return r == 0 ? SP_ERR_SYSTEM : r;
}

static int
sp_sqlite_migrate(struct sp_store *s)
{
	sqlite3_stmt *q;
	int64_t version = -1, app = 0;
	char sql[96];
	int r;

	r = sp_sqlite_query(s, &q, "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id", "");
	if (r != 0)
		return r;
	if (sqlite3_step(q) == SQLITE_ROW) {
		version = sqlite3_column_int64(q, 0);
		app = sqlite3_column_int64(q, 1);
	}
	sqlite3_finalize(q);
	if (version < 0)
		return SP_ERR_SYSTEM;
	if (version == SP_SQLITE_SCHEMA && app == SP_SQLITE_APPLICATION)
		return 0;
	if (version != 0 || app != 0)
		return SP_ERR_FORMAT;
	if (sp_sqlite_begin(s) != 0)
		return SP_ERR_SYSTEM;
	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version=%d; PRAGMA application_id=%d;", SP_SQLITE_SCHEMA,
	    SP_SQLITE_APPLICATION);
	r = sp_sqlite_exec(s, sp_sqlite_schema);
	if (r == 0)
		r = sp_sqlite_exec(s, sql);
	return sp_sqlite_end(s, r);
}

static void
sp_sqlite_close(struct sp_store *s)
{
	sqlite3_close(sp_sqlite_db(s));
	free(s);
}

static int
sp_sqlite_open(const char *path, struct sp_store **ret_s)
{
	struct sp_sqlite *q = calloc(1, sizeof(*q));
	struct sp_store *s = (struct sp_store *)q;
	mode_t old;
	int r;

	if (q == NULL)
		return SP_ERR_NOMEM;
	q->store.backend = &sp_sqlite_backend;
	old = umask(0077);
	r = sqlite3_open_v2(path, &q->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_FULLMUTEX, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_busy_timeout(q->db, SP_SQLITE_BUSY_MS);
	if (r == SQLITE_OK)
		r = sp_sqlite_exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
				     "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;");
	r = r == SQLITE_OK ? sp_sqlite_migrate(s) : SP_ERR_SYSTEM;
	(void)umask(old);
	if (r != 0) {
		sp_sqlite_close(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

static int
sp_sqlite_count_open(struct sp_store *s, const char *session, int64_t *ret_n)
{
	sqlite3_stmt *q;
	int r = sp_sqlite_query(s, &q, "SELECT count(*) FROM request WHERE session = ? AND state IN (0, 1)", "s", session);

	if (r != 0)
		return r;
	r = sqlite3_step(q) == SQLITE_ROW ? 0 : SP_ERR_SYSTEM;
	*ret_n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return r;
}

static int
sp_sqlite_insert(struct sp_store *s, const struct sp_store_filing *f, const char *id)
{
	const struct sp_store_person *p = &f->requester;
	size_t n = f->statement_len > SP_STORE_STATEMENT_MAX ? SP_STORE_STATEMENT_MAX : f->statement_len;
	sqlite3_stmt *q;
	int r;

	r = sp_sqlite_query(s, &q,
	    "INSERT INTO request(id, digest, iss, sub, login, session, connection, rule, details, approvers, count,"
	    " policy_version, filed, expires, state, statement)"
	    " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
	    "sdssssssssiiii", id, f->digest, p->iss, p->sub, p->login, p->session, f->connection, f->rule, f->details,
	    f->approvers, (int64_t)f->count, (int64_t)f->policy_version, f->now, f->expires);
	if (r != 0)
		return r;
	if (sqlite3_bind_blob(q, 15, n == 0 ? "" : f->statement, (int)n, SQLITE_TRANSIENT) != SQLITE_OK) {
		sqlite3_finalize(q);
		return SP_ERR_SYSTEM;
	}
	return sp_sqlite_run(q);
}

static char *
sp_sqlite_text(sqlite3_stmt *q, int col)
{
	const void *p = sqlite3_column_blob(q, col);
	size_t n = (size_t)sqlite3_column_bytes(q, col);
	char *s = malloc(n + 1);

	if (s != NULL) {
		if (n > 0)
			memcpy(s, p, n);
		s[n] = 0;
	}
	return s;
}

/* The row q stands on, by SP_SQLITE_COLUMNS. */
static int
sp_sqlite_read(sqlite3_stmt *q, struct sp_store_request *r)
{
	memset(r, 0, sizeof(*r));
	(void)snprintf(r->id, sizeof(r->id), "%s", (const char *)sqlite3_column_text(q, 0));
	if (sqlite3_column_bytes(q, 1) != SP_STORE_DIGEST_LEN)
		return SP_ERR_FORMAT;
	memcpy(r->digest, sqlite3_column_blob(q, 1), SP_STORE_DIGEST_LEN);
	r->iss = sp_sqlite_text(q, 2);
	r->sub = sp_sqlite_text(q, 3);
	r->login = sp_sqlite_text(q, 4);
	r->session = sp_sqlite_text(q, 5);
	r->connection = sp_sqlite_text(q, 6);
	r->rule = sp_sqlite_text(q, 7);
	r->statement = sp_sqlite_text(q, 8);
	r->details = sp_sqlite_text(q, 9);
	r->approvers = sp_sqlite_text(q, 10);
	r->count = (uint32_t)sqlite3_column_int64(q, 11);
	r->policy_version = (uint64_t)sqlite3_column_int64(q, 12);
	r->filed = sqlite3_column_int64(q, 13);
	r->expires = sqlite3_column_int64(q, 14);
	r->state = (enum sp_store_state)sqlite3_column_int(q, 15);
	r->reason = sp_sqlite_text(q, 16);
	r->given = (uint32_t)sqlite3_column_int64(q, 17);
	r->decided_by = sp_sqlite_text(q, 18);
	if (r->iss == NULL || r->sub == NULL || r->login == NULL || r->session == NULL || r->connection == NULL ||
	    r->rule == NULL || r->statement == NULL || r->details == NULL || r->approvers == NULL ||
	    r->reason == NULL || r->decided_by == NULL) {
		sp_store_request_clear(r);
		return SP_ERR_NOMEM;
	}
	return 0;
}

static int
sp_sqlite_get(struct sp_store *s, const char *id, struct sp_store_request *ret_r)
{
	sqlite3_stmt *q;
	int r = sp_sqlite_query(s, &q, "SELECT " SP_SQLITE_COLUMNS " FROM request WHERE id = ?", "s", id);

	if (r != 0)
		return r;
	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		r = sp_sqlite_read(q, ret_r);
		break;
	case SQLITE_DONE:
		r = SP_ERR_NOT_FOUND;
		break;
	default:
		r = SP_ERR_SYSTEM;
		break;
	}
	sqlite3_finalize(q);
	return r;
}

static int
sp_sqlite_set_state(struct sp_store *s, const char *id, enum sp_store_state st, const char *reason, int64_t now)
{
	sqlite3_stmt *q;
	int r = sp_sqlite_query(s, &q, "UPDATE request SET state = ?, reason = ?, decided = ? WHERE id = ?", "isis",
	    (int64_t)st, reason, now, id);

	return r != 0 ? r : sp_sqlite_run(q);
}

/* Whether somebody with this login has approved already, be it under another identity: a quorum counts people. */
static int
sp_sqlite_has_approved(struct sp_store *s, const char *id, const char *login)
{
	sqlite3_stmt *q;
	int r = sp_sqlite_query(s, &q, "SELECT 1 FROM decision WHERE request = ? AND login = ? AND approve = 1", "ss", id, login);

	if (r != 0)
		return r;
	r = sqlite3_step(q);
	sqlite3_finalize(q);
	return r == SQLITE_ROW ? SP_ERR_EXISTS : r == SQLITE_DONE ? 0 : SP_ERR_SYSTEM;
}

static int
sp_sqlite_add_decision(struct sp_store *s, const char *id, const struct sp_store_person *p, bool approve,
    const char *reason, int64_t now)
{
	sqlite3_stmt *q;
	int r = sp_sqlite_query(s, &q,
	    "INSERT INTO decision(request, iss, sub, login, session, approve, reason, at) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
	    "sssssisi", id, p->iss, p->sub, p->login, p->session, (int64_t)approve, reason, now);

	if (r != 0)
		return r;
	r = sqlite3_step(q);
	sqlite3_finalize(q);
	if (r == SQLITE_CONSTRAINT)
		return SP_ERR_EXISTS;
	return r == SQLITE_DONE ? 0 : SP_ERR_SYSTEM;
}

/* Steps q to its end, calling cb for each row. Finalizes q. */
static int
sp_sqlite_rows(sqlite3_stmt *q, sp_store_each *cb, void *ctx)
{
	struct sp_store_request req;
	int r, step;

	while ((step = sqlite3_step(q)) == SQLITE_ROW) {
		r = sp_sqlite_read(q, &req);
		if (r == 0) {
			r = cb(&req, ctx);
			sp_store_request_clear(&req);
		}
		if (r != 0) {
			sqlite3_finalize(q);
			return r;
		}
	}
	sqlite3_finalize(q);
	return step == SQLITE_DONE ? 0 : SP_ERR_SYSTEM;
}

static int
sp_sqlite_walk(struct sp_store *s, bool all, sp_store_each *cb, void *ctx)
{
	sqlite3_stmt *q;
	int r;

	if (all)
		r = sp_sqlite_query(s, &q, "SELECT " SP_SQLITE_COLUMNS " FROM request ORDER BY filed DESC, rowid DESC LIMIT ?",
		    "i", (int64_t)SP_SQLITE_HISTORY);
	else
		r = sp_sqlite_query(s, &q,
		    "SELECT " SP_SQLITE_COLUMNS " FROM request WHERE state IN (0, 1) ORDER BY filed, rowid", "");
	return r != 0 ? r : sp_sqlite_rows(q, cb, ctx);
}

/* Moves every open request that matches where (one integer parameter) to state st, telling cb of each as it then is. */
static int
sp_sqlite_sweep(struct sp_store *s, const char *where, int64_t arg, enum sp_store_state st, const char *reason,
    int64_t now, sp_store_each *cb, void *ctx)
{
	char sql[1024];
	sqlite3_stmt *q;
	int r;

	(void)snprintf(sql, sizeof(sql),
	    "UPDATE request SET state = ?, reason = ?, decided = ? WHERE state IN (0, 1) AND %s RETURNING " SP_SQLITE_COLUMNS,
	    where);
	r = sp_sqlite_query(s, &q, sql, "isii", (int64_t)st, reason, now, arg);
	return r != 0 ? r : sp_sqlite_rows(q, cb, ctx);
}

static int
sp_sqlite_sweep_overdue(struct sp_store *s, enum sp_store_state st, int64_t now, sp_store_each *cb, void *ctx)
{
	return sp_sqlite_sweep(s, "expires <= ?", now, st, "", now, cb, ctx);
}

static int
sp_sqlite_sweep_policy(struct sp_store *s, uint64_t version, enum sp_store_state st, const char *reason, int64_t now,
    sp_store_each *cb, void *ctx)
{
	return sp_sqlite_sweep(s, "policy_version <> ?", (int64_t)version, st, reason, now, cb, ctx);
}

static int
sp_sqlite_walk_approvers(struct sp_store *s, const char *id, sp_store_approver *cb, void *ctx)
{
	sqlite3_stmt *q = NULL;
	int r = sp_sqlite_query(s, &q, "SELECT iss, sub, login FROM decision WHERE request = ? AND approve = 1", "s", id);
	int step = SQLITE_DONE;

	while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW) {
		char *iss = sp_sqlite_text(q, 0), *sub = sp_sqlite_text(q, 1), *login = sp_sqlite_text(q, 2);
		const struct sp_store_person p = {.iss = iss, .sub = sub, .login = login, .session = ""};

		r = iss == NULL || sub == NULL || login == NULL ? SP_ERR_NOMEM : cb(&p, ctx);
		free(iss);
		free(sub);
		free(login);
	}
	if (r == 0 && step != SQLITE_DONE)
		r = SP_ERR_SYSTEM;
	sqlite3_finalize(q);
	return r;
}

static int
sp_sqlite_next_end(struct sp_store *s, int64_t *ret_next)
{
	sqlite3_stmt *q;
	int r = sp_sqlite_query(s, &q, "SELECT coalesce(min(expires), 0) FROM request WHERE state IN (0, 1)", "");

	if (r != 0)
		return r;
	r = sqlite3_step(q) == SQLITE_ROW ? 0 : SP_ERR_SYSTEM;
	*ret_next = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return r;
}

static int
sp_sqlite_policy_last(struct sp_store *s, uint64_t *ret_version, uint8_t digest[SP_STORE_DIGEST_LEN])
{
	sqlite3_stmt *q;
	int r = sp_sqlite_query(s, &q, "SELECT version, digest FROM policy ORDER BY version DESC LIMIT 1", "");

	*ret_version = 0;
	if (r != 0)
		return r;
	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		if (sqlite3_column_bytes(q, 1) == SP_STORE_DIGEST_LEN) {
			*ret_version = (uint64_t)sqlite3_column_int64(q, 0);
			memcpy(digest, sqlite3_column_blob(q, 1), SP_STORE_DIGEST_LEN);
		}
		break;
	case SQLITE_DONE:
		break;
	default:
		r = SP_ERR_SYSTEM;
		break;
	}
	sqlite3_finalize(q);
	return r;
}

static int
sp_sqlite_policy_add(struct sp_store *s, const uint8_t digest[SP_STORE_DIGEST_LEN], uint64_t *ret_version)
{
	sqlite3_stmt *q;
	int r = sp_sqlite_query(s, &q, "INSERT INTO policy(digest) VALUES(?)", "d", digest);

	if (r == 0)
		r = sp_sqlite_run(q);
	if (r == 0)
		*ret_version = (uint64_t)sqlite3_last_insert_rowid(sp_sqlite_db(s));
	return r;
}

const struct sp_backend sp_sqlite_backend = {
	.name = "sqlite",
	.open = sp_sqlite_open,
	.close = sp_sqlite_close,
	.error = sp_sqlite_error,
	.begin = sp_sqlite_begin,
	.end = sp_sqlite_end,
	.insert = sp_sqlite_insert,
	.get = sp_sqlite_get,
	.set_state = sp_sqlite_set_state,
	.count_open = sp_sqlite_count_open,
	.next_end = sp_sqlite_next_end,
	.walk = sp_sqlite_walk,
	.sweep_overdue = sp_sqlite_sweep_overdue,
	.sweep_policy = sp_sqlite_sweep_policy,
	.has_approved = sp_sqlite_has_approved,
	.add_decision = sp_sqlite_add_decision,
	.walk_approvers = sp_sqlite_walk_approvers,
	.policy_last = sp_sqlite_policy_last,
	.policy_add = sp_sqlite_policy_add,
};
