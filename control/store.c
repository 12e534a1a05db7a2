/* SPDX-License-Identifier: Apache-2.0 */
#include "control/store.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#define SP_STORE_SCHEMA 1	  /* PRAGMA user_version */
#define SP_STORE_APPLICATION 0x53507274 /* PRAGMA application_id: "SPrt" */
#define SP_STORE_BUSY_MS 2000
#define SP_STORE_HISTORY 200

struct sp_store {
	sqlite3 *db;
};

static const char sp_store_schema[] =
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

/* Columns as sp_store_read() expects them. */
#define SP_STORE_COLUMNS                                                                                               \
	"id, digest, iss, sub, login, session, connection, rule, statement, details, approvers, count,"                \
	" policy_version, filed, expires, state, reason,"                                                              \
	" (SELECT count(*) FROM decision d WHERE d.request = request.id AND d.approve = 1),"                           \
	" coalesce((SELECT group_concat(login, ', ') FROM decision d WHERE d.request = request.id), '')"

const char *
sp_store_state_name(enum sp_store_state st)
{
	static const char *const names[] = {"pending", "approved", "denied", "expired", "cancelled", "used"};

	return (unsigned)st < sizeof(names) / sizeof(names[0]) ? names[st] : "unknown";
}

const char *
sp_store_error(const struct sp_store *s)
{
	return sqlite3_errmsg(s->db);
}

static int
sp_store_exec(struct sp_store *s, const char *sql)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : SP_ERR_SYSTEM;
}

/* Prepares sql and binds args by the letters of fmt: s text, i int64, d 32-byte digest. */
static int
sp_store_query(struct sp_store *s, sqlite3_stmt **ret_q, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *q;
	va_list ap;
	int r = SQLITE_OK;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
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
sp_store_run(sqlite3_stmt *q)
{
	int r = sqlite3_step(q);

	sqlite3_finalize(q);
	return r == SQLITE_DONE ? 0 : SP_ERR_SYSTEM;
}

/* Ends a transaction: commits when r is 0, else rolls back and returns r. */
static int
sp_store_end(struct sp_store *s, int r)
{
	if (r == 0 && sp_store_exec(s, "COMMIT") == 0)
		return 0;
	(void)sp_store_exec(s, "ROLLBACK");
	return r == 0 ? SP_ERR_SYSTEM : r;
}

static int
sp_store_migrate(struct sp_store *s)
{
	sqlite3_stmt *q;
	int64_t version = -1, app = 0;
	char sql[96];
	int r;

	r = sp_store_query(s, &q, "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id", "");
	if (r != 0)
		return r;
	if (sqlite3_step(q) == SQLITE_ROW) {
		version = sqlite3_column_int64(q, 0);
		app = sqlite3_column_int64(q, 1);
	}
	sqlite3_finalize(q);
	if (version < 0)
		return SP_ERR_SYSTEM;
	if (version == SP_STORE_SCHEMA && app == SP_STORE_APPLICATION)
		return 0;
	if (version != 0 || app != 0)
		return SP_ERR_FORMAT;
	if (sp_store_exec(s, "BEGIN IMMEDIATE") != 0)
		return SP_ERR_SYSTEM;
	(void)snprintf(sql, sizeof(sql), "PRAGMA user_version=%d; PRAGMA application_id=%d;", SP_STORE_SCHEMA,
	    SP_STORE_APPLICATION);
	r = sp_store_exec(s, sp_store_schema);
	if (r == 0)
		r = sp_store_exec(s, sql);
	return sp_store_end(s, r);
}

int
sp_store_open(const char *path, struct sp_store **ret_s)
{
	struct sp_store *s = calloc(1, sizeof(*s));
	mode_t old;
	int r;

	if (s == NULL)
		return SP_ERR_NOMEM;
	old = umask(0077);
	r = sqlite3_open_v2(path, &s->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_FULLMUTEX, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_busy_timeout(s->db, SP_STORE_BUSY_MS);
	if (r == SQLITE_OK)
		r = sp_store_exec(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
				     "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;");
	r = r == SQLITE_OK ? sp_store_migrate(s) : SP_ERR_SYSTEM;
	(void)umask(old);
	if (r != 0) {
		sp_store_close(s);
		return r;
	}
	*ret_s = s;
	return 0;
}

void
sp_store_close(struct sp_store *s)
{
	if (s == NULL)
		return;
	sqlite3_close(s->db);
	free(s);
}

/* A fresh request id: typeable, and not to be guessed. */
static int
sp_store_new_id(char id[SP_STORE_ID_LEN + 1])
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint8_t raw[SP_STORE_ID_LEN];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return SP_ERR_SYSTEM;
	for (size_t i = 0; i < SP_STORE_ID_LEN; i++)
		id[i] = alphabet[raw[i] & 31];
	id[SP_STORE_ID_LEN] = 0;
	return 0;
}

static int
sp_store_count_open(struct sp_store *s, const char *session, int64_t *ret_n)
{
	sqlite3_stmt *q;
	int r = sp_store_query(s, &q, "SELECT count(*) FROM request WHERE session = ? AND state IN (0, 1)", "s", session);

	if (r != 0)
		return r;
	r = sqlite3_step(q) == SQLITE_ROW ? 0 : SP_ERR_SYSTEM;
	*ret_n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return r;
}

static int
sp_store_insert(struct sp_store *s, const struct sp_store_filing *f, const char *id)
{
	const struct sp_store_person *p = &f->requester;
	size_t n = f->statement_len > SP_STORE_STATEMENT_MAX ? SP_STORE_STATEMENT_MAX : f->statement_len;
	sqlite3_stmt *q;
	int r;

	r = sp_store_query(s, &q,
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
	return sp_store_run(q);
}

int
sp_store_file(struct sp_store *s, const struct sp_store_filing *f, char id[SP_STORE_ID_LEN + 1])
{
	int64_t open = 0;
	int r;

	if (f->count < 1 || f->expires <= f->now || f->requester.iss[0] == 0 || f->requester.sub[0] == 0 ||
	    strlen(f->details) > SP_STORE_DETAILS_MAX)
		return SP_ERR_INVALID;
	r = sp_store_new_id(id);
	if (r == 0)
		r = sp_store_exec(s, "BEGIN IMMEDIATE");
	if (r != 0)
		return r;
	r = sp_store_count_open(s, f->requester.session, &open);
	if (r == 0 && open >= SP_STORE_PENDING_MAX)
		r = SP_ERR_LIMIT;
	if (r == 0)
		r = sp_store_insert(s, f, id);
	return sp_store_end(s, r);
}

static char *
sp_store_text(sqlite3_stmt *q, int col)
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

/* The row q stands on, by SP_STORE_COLUMNS. */
static int
sp_store_read(sqlite3_stmt *q, struct sp_store_request *r)
{
	memset(r, 0, sizeof(*r));
	(void)snprintf(r->id, sizeof(r->id), "%s", (const char *)sqlite3_column_text(q, 0));
	if (sqlite3_column_bytes(q, 1) != SP_STORE_DIGEST_LEN)
		return SP_ERR_FORMAT;
	memcpy(r->digest, sqlite3_column_blob(q, 1), SP_STORE_DIGEST_LEN);
	r->iss = sp_store_text(q, 2);
	r->sub = sp_store_text(q, 3);
	r->login = sp_store_text(q, 4);
	r->session = sp_store_text(q, 5);
	r->connection = sp_store_text(q, 6);
	r->rule = sp_store_text(q, 7);
	r->statement = sp_store_text(q, 8);
	r->details = sp_store_text(q, 9);
	r->approvers = sp_store_text(q, 10);
	r->count = (uint32_t)sqlite3_column_int64(q, 11);
	r->policy_version = (uint64_t)sqlite3_column_int64(q, 12);
	r->filed = sqlite3_column_int64(q, 13);
	r->expires = sqlite3_column_int64(q, 14);
	r->state = (enum sp_store_state)sqlite3_column_int(q, 15);
	r->reason = sp_store_text(q, 16);
	r->given = (uint32_t)sqlite3_column_int64(q, 17);
	r->decided_by = sp_store_text(q, 18);
	if (r->iss == NULL || r->sub == NULL || r->login == NULL || r->session == NULL || r->connection == NULL ||
	    r->rule == NULL || r->statement == NULL || r->details == NULL || r->approvers == NULL ||
	    r->reason == NULL || r->decided_by == NULL) {
		sp_store_request_clear(r);
		return SP_ERR_NOMEM;
	}
	return 0;
}

void
sp_store_request_clear(struct sp_store_request *r)
{
	free(r->iss);
	free(r->sub);
	free(r->login);
	free(r->session);
	free(r->connection);
	free(r->rule);
	free(r->statement);
	free(r->details);
	free(r->approvers);
	free(r->reason);
	free(r->decided_by);
	memset(r, 0, sizeof(*r));
}

int
sp_store_get(struct sp_store *s, const char *id, struct sp_store_request *ret_r)
{
	sqlite3_stmt *q;
	int r = sp_store_query(s, &q, "SELECT " SP_STORE_COLUMNS " FROM request WHERE id = ?", "s", id);

	if (r != 0)
		return r;
	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		r = sp_store_read(q, ret_r);
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
sp_store_set_state(struct sp_store *s, const char *id, enum sp_store_state st, const char *reason, int64_t now)
{
	sqlite3_stmt *q;
	int r = sp_store_query(s, &q, "UPDATE request SET state = ?, reason = ?, decided = ? WHERE id = ?", "isis",
	    (int64_t)st, reason, now, id);

	return r != 0 ? r : sp_store_run(q);
}

/* Whether two people are one: by identity, and by login so that one account has no second identity to approve with. */
static bool
sp_store_is_requester(const struct sp_store_request *r, const struct sp_store_person *p)
{
	return (strcmp(r->iss, p->iss) == 0 && strcmp(r->sub, p->sub) == 0) || strcmp(r->login, p->login) == 0;
}

/* Whether somebody with this login has approved already, be it under another identity: a quorum counts people. */
static int
sp_store_has_approved(struct sp_store *s, const char *id, const char *login)
{
	sqlite3_stmt *q;
	int r = sp_store_query(s, &q, "SELECT 1 FROM decision WHERE request = ? AND login = ? AND approve = 1", "ss", id, login);

	if (r != 0)
		return r;
	r = sqlite3_step(q);
	sqlite3_finalize(q);
	return r == SQLITE_ROW ? SP_ERR_EXISTS : r == SQLITE_DONE ? 0 : SP_ERR_SYSTEM;
}

static int
sp_store_add_decision(struct sp_store *s, const char *id, const struct sp_store_person *p, bool approve,
    const char *reason, int64_t now)
{
	sqlite3_stmt *q;
	int r = sp_store_query(s, &q,
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

static int
sp_store_decide_locked(struct sp_store *s, struct sp_store_request *req, const struct sp_store_person *who,
    bool approve, const char *reason, int64_t now, enum sp_store_state *ret_state)
{
	int r;

	*ret_state = req->state;
	if (sp_store_is_requester(req, who))
		return SP_ERR_DENIED;
	if (req->state != SP_STORE_PENDING)
		return SP_ERR_CONFLICT;
	if (now >= req->expires)
		return SP_ERR_EXPIRED;
	r = sp_store_has_approved(s, req->id, who->login);
	if (r == 0)
		r = sp_store_add_decision(s, req->id, who, approve, reason, now);
	if (r != 0)
		return r;
	if (!approve)
		*ret_state = SP_STORE_DENIED;
	else if (req->given + 1 >= req->count)
		*ret_state = SP_STORE_APPROVED;
	if (*ret_state != SP_STORE_PENDING)
		r = sp_store_set_state(s, req->id, *ret_state, reason, now);
	return r;
}

int
sp_store_decide(struct sp_store *s, const char *id, const struct sp_store_person *who, bool approve,
    const char *reason, int64_t now, enum sp_store_state *ret_state)
{
	struct sp_store_request req;
	int r;

	if (strlen(reason) > SP_STORE_REASON_MAX || who->iss[0] == 0 || who->sub[0] == 0)
		return SP_ERR_INVALID;
	r = sp_store_exec(s, "BEGIN IMMEDIATE");
	if (r != 0)
		return r;
	r = sp_store_get(s, id, &req);
	if (r == 0) {
		r = sp_store_decide_locked(s, &req, who, approve, reason, now, ret_state);
		sp_store_request_clear(&req);
	}
	return sp_store_end(s, r);
}

/* Constant time in the digests' contents. */
static bool
sp_store_digest_equal(const uint8_t a[SP_STORE_DIGEST_LEN], const uint8_t b[SP_STORE_DIGEST_LEN])
{
	unsigned diff = 0;

	for (size_t i = 0; i < SP_STORE_DIGEST_LEN; i++)
		diff |= a[i] ^ b[i];
	return diff == 0;
}

static int
sp_store_may_consume(const struct sp_store_request *req, const struct sp_store_person *who,
    const uint8_t digest[SP_STORE_DIGEST_LEN], int64_t now)
{
	if (strcmp(req->session, who->session) != 0 || strcmp(req->iss, who->iss) != 0 || strcmp(req->sub, who->sub) != 0)
		return SP_ERR_DENIED;
	if (!sp_store_digest_equal(req->digest, digest))
		return SP_ERR_SIGNATURE;
	if (req->state != SP_STORE_APPROVED)
		return req->state == SP_STORE_EXPIRED ? SP_ERR_EXPIRED : SP_ERR_CONFLICT;
	return now >= req->expires ? SP_ERR_EXPIRED : 0;
}

int
sp_store_consume(struct sp_store *s, const char *id, const struct sp_store_person *who,
    const uint8_t digest[SP_STORE_DIGEST_LEN], int64_t now)
{
	struct sp_store_request req;
	int r = sp_store_exec(s, "BEGIN IMMEDIATE");

	if (r != 0)
		return r;
	r = sp_store_get(s, id, &req);
	if (r == 0) {
		r = sp_store_may_consume(&req, who, digest, now);
		if (r == 0)
			r = sp_store_set_state(s, id, SP_STORE_USED, req.reason, now);
		sp_store_request_clear(&req);
	}
	return sp_store_end(s, r);
}

int
sp_store_cancel(struct sp_store *s, const char *id, const char *session, const char *reason, int64_t now)
{
	struct sp_store_request req;
	int r = sp_store_exec(s, "BEGIN IMMEDIATE");

	if (r != 0)
		return r;
	r = sp_store_get(s, id, &req);
	if (r == 0) {
		if (strcmp(req.session, session) != 0)
			r = SP_ERR_DENIED;
		else if (req.state != SP_STORE_PENDING && req.state != SP_STORE_APPROVED)
			r = SP_ERR_CONFLICT;
		else
			r = sp_store_set_state(s, id, SP_STORE_CANCELLED, reason, now);
		sp_store_request_clear(&req);
	}
	return sp_store_end(s, r);
}

/* Steps q to its end, calling cb for each row. Finalizes q. */
static int
sp_store_rows(sqlite3_stmt *q, sp_store_each *cb, void *ctx)
{
	struct sp_store_request req;
	int r, step;

	while ((step = sqlite3_step(q)) == SQLITE_ROW) {
		r = sp_store_read(q, &req);
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

int
sp_store_walk(struct sp_store *s, bool all, sp_store_each *cb, void *ctx)
{
	sqlite3_stmt *q;
	int r;

	if (all)
		r = sp_store_query(s, &q, "SELECT " SP_STORE_COLUMNS " FROM request ORDER BY filed DESC, rowid DESC LIMIT ?",
		    "i", (int64_t)SP_STORE_HISTORY);
	else
		r = sp_store_query(s, &q,
		    "SELECT " SP_STORE_COLUMNS " FROM request WHERE state IN (0, 1) ORDER BY filed, rowid", "");
	return r != 0 ? r : sp_store_rows(q, cb, ctx);
}

/* Moves every open request that matches where (one integer parameter) to state st, telling cb of each as it then is. */
static int
sp_store_sweep(struct sp_store *s, const char *where, int64_t arg, enum sp_store_state st, const char *reason,
    int64_t now, sp_store_each *cb, void *ctx)
{
	char sql[1024];
	sqlite3_stmt *q;
	int r;

	(void)snprintf(sql, sizeof(sql),
	    "UPDATE request SET state = ?, reason = ?, decided = ? WHERE state IN (0, 1) AND %s RETURNING " SP_STORE_COLUMNS,
	    where);
	r = sp_store_query(s, &q, sql, "isii", (int64_t)st, reason, now, arg);
	return r != 0 ? r : sp_store_rows(q, cb, ctx);
}

int
sp_store_expire(struct sp_store *s, int64_t now, sp_store_each *cb, void *ctx, int64_t *ret_next)
{
	sqlite3_stmt *q;
	int r = sp_store_sweep(s, "expires <= ?", now, SP_STORE_EXPIRED, "", now, cb, ctx);

	if (r == 0)
		r = sp_store_query(s, &q, "SELECT coalesce(min(expires), 0) FROM request WHERE state IN (0, 1)", "");
	if (r != 0)
		return r;
	r = sqlite3_step(q) == SQLITE_ROW ? 0 : SP_ERR_SYSTEM;
	*ret_next = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return r;
}

int
sp_store_supersede(struct sp_store *s, uint64_t version, int64_t now, sp_store_each *cb, void *ctx)
{
	return sp_store_sweep(s, "policy_version <> ?", (int64_t)version, SP_STORE_CANCELLED,
	    "the policy has changed: ask again", now, cb, ctx);
}

int
sp_store_policy_version(struct sp_store *s, const uint8_t digest[SP_STORE_DIGEST_LEN], uint64_t *ret_version)
{
	sqlite3_stmt *q;
	bool is_same = false;
	uint64_t version = 0;
	int r = sp_store_exec(s, "BEGIN IMMEDIATE");

	if (r != 0)
		return r;
	r = sp_store_query(s, &q, "SELECT version, digest FROM policy ORDER BY version DESC LIMIT 1", "");
	if (r == 0) {
		if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_bytes(q, 1) == SP_STORE_DIGEST_LEN) {
			version = (uint64_t)sqlite3_column_int64(q, 0);
			is_same = sp_store_digest_equal(sqlite3_column_blob(q, 1), digest);
		}
		sqlite3_finalize(q);
	}
	if (r == 0 && !is_same) {
		r = sp_store_query(s, &q, "INSERT INTO policy(digest) VALUES(?)", "d", digest);
		if (r == 0)
			r = sp_store_run(q);
		version = (uint64_t)sqlite3_last_insert_rowid(s->db);
	}
	r = sp_store_end(s, r);
	if (r == 0)
		*ret_version = version;
	return r;
}
