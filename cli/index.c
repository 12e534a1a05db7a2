/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/index.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/lines.h"
#include "cli/record.h"
#include "lib/text.h"

#define INDEX_VERSION 1
#define INDEX_LINE_MAX ((size_t)4096) /* bytes of one line; the rest of it is the next */
#define INDEX_BUSY_MS 30000

/* Trigrams find any text of three characters and more; LIKE then compares. */
static const char index_schema[] =
    "PRAGMA user_version = 1;"
    "CREATE TABLE session (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, who TEXT NOT NULL, size INTEGER NOT NULL,"
    " seen INTEGER NOT NULL);"
    "CREATE TABLE line (n INTEGER PRIMARY KEY, session INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL);"
    "CREATE INDEX line_session ON line (session);"
    "CREATE VIRTUAL TABLE text USING fts5 (line, tokenize = 'trigram', detail = 'none');";

enum index_statement {
	INDEX_SEEN,
	INDEX_MARK,
	INDEX_SESSION,
	INDEX_LINE,
	INDEX_TEXT,
	INDEX_DROP_TEXT,
	INDEX_DROP_LINES,
	INDEX_DROP_SESSION,
	INDEX_GONE,
	INDEX_FIND,
	INDEX_SCAN,
	INDEX_STATEMENTS
};

#define INDEX_SELECT                                                                                            \
	"SELECT s.id, s.who, l.kind, t.line, l.time FROM text t JOIN line l ON l.n = t.rowid"                    \
	" JOIN session s ON s.n = l.session"
#define INDEX_ORDER " ORDER BY l.time DESC, l.n DESC"

static const char *const index_sql[INDEX_STATEMENTS] = {
	[INDEX_SEEN] = "SELECT n, size FROM session WHERE id = ?",
	[INDEX_MARK] = "UPDATE session SET seen = ? WHERE n = ?",
	[INDEX_SESSION] = "INSERT INTO session (id, who, size, seen) VALUES (?, ?, ?, ?)",
	[INDEX_LINE] = "INSERT INTO line (session, time, kind) VALUES (?, ?, ?)",
	[INDEX_TEXT] = "INSERT INTO text (rowid, line) VALUES (?, ?)",
	[INDEX_DROP_TEXT] = "DELETE FROM text WHERE rowid IN (SELECT n FROM line WHERE session = ?)",
	[INDEX_DROP_LINES] = "DELETE FROM line WHERE session = ?",
	[INDEX_DROP_SESSION] = "DELETE FROM session WHERE n = ?",
	[INDEX_GONE] = "SELECT n FROM session WHERE seen != ? LIMIT 1",
	[INDEX_FIND] = (INDEX_SELECT " WHERE t.line LIKE ?" INDEX_ORDER),
	[INDEX_SCAN] = (INDEX_SELECT " WHERE +t.line LIKE ?" INDEX_ORDER),
};

struct sp_index {
	sqlite3 *db;
	sqlite3_stmt *st[INDEX_STATEMENTS];
	sqlite3_int64 turn;    /* of this update */
	sqlite3_int64 session; /* being taken in */
	const char *kind;
};

static int
index_fail(const struct sp_index *x)
{
	fprintf(stderr, "sallyport: the index: %s\n", sqlite3_errmsg(x->db));
	return SP_ERR_SYSTEM;
}

/* Runs a statement that gives no rows. */
static int
index_run(struct sp_index *x, enum index_statement s)
{
	int r = sqlite3_step(x->st[s]) == SQLITE_DONE ? 0 : index_fail(x);

	(void)sqlite3_reset(x->st[s]);
	return r;
}

static int
index_exec(struct sp_index *x, const char *sql)
{
	return sqlite3_exec(x->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : index_fail(x);
}

static int
index_version(struct sp_index *x)
{
	sqlite3_stmt *st = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(x->db, "PRAGMA user_version", -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		version = sqlite3_column_int(st, 0);
	(void)sqlite3_finalize(st);
	return version;
}

/* The file is the reader's alone: the lines of every session are in it. */
static int
index_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) != 0) {
		fprintf(stderr, "sallyport: cannot open %s: %s\n", path, strerror(errno));
		r = SP_ERR_SYSTEM;
	} else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		fprintf(stderr, "sallyport: %s is not a file of mode 0600 of your own\n", path);
		r = SP_ERR_DENIED;
	}
	if (fd >= 0)
		(void)close(fd);
	return r;
}

int
sp_index_open(const char *path, struct sp_index **ret_x)
{
	struct sp_index *x = calloc(1, sizeof(*x));
	int r = x == NULL ? SP_ERR_NOMEM : strcmp(path, ":memory:") == 0 ? 0 : index_file(path);

	if (r == 0 && sqlite3_open_v2(path, &x->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		r = index_fail(x);
	if (r == 0) {
		(void)sqlite3_busy_timeout(x->db, INDEX_BUSY_MS);
		r = index_exec(x, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536");
	}
	if (r == 0 && index_version(x) == 0)
		r = index_exec(x, index_schema);
	if (r == 0 && index_version(x) != INDEX_VERSION) {
		fprintf(stderr, "sallyport: %s is an index of another version: delete it\n", path);
		r = SP_ERR_FORMAT;
	}
	for (int i = 0; r == 0 && i < INDEX_STATEMENTS; i++)
		if (sqlite3_prepare_v2(x->db, index_sql[i], -1, &x->st[i], NULL) != SQLITE_OK)
			r = index_fail(x);
	if (r != 0) {
		sp_index_close(x);
		return r;
	}
	*ret_x = x;
	return 0;
}

void
sp_index_close(struct sp_index *x)
{
	if (x == NULL)
		return;
	for (int i = 0; i < INDEX_STATEMENTS; i++)
		(void)sqlite3_finalize(x->st[i]);
	(void)sqlite3_close(x->db);
	free(x);
}

/* --- taking in -------------------------------------------------------------------------------------------- */

static int
index_line(uint64_t time_ns, const char *p, size_t n, void *ctx)
{
	struct sp_index *x = ctx;
	int r = 0;

	while (r == 0 && n > 0) {
		size_t k = n;

		if (k > INDEX_LINE_MAX) /* not within a character */
			for (k = INDEX_LINE_MAX; k > INDEX_LINE_MAX - 4 && ((unsigned char)p[k] & 0xc0) == 0x80; k--)
				;
		(void)sqlite3_bind_int64(x->st[INDEX_LINE], 1, x->session);
		(void)sqlite3_bind_int64(x->st[INDEX_LINE], 2, (sqlite3_int64)time_ns);
		(void)sqlite3_bind_text(x->st[INDEX_LINE], 3, x->kind, -1, SQLITE_STATIC);
		r = index_run(x, INDEX_LINE);
		(void)sqlite3_bind_int64(x->st[INDEX_TEXT], 1, sqlite3_last_insert_rowid(x->db));
		(void)sqlite3_bind_text(x->st[INDEX_TEXT], 2, p, (int)k, SQLITE_TRANSIENT);
		if (r == 0)
			r = index_run(x, INDEX_TEXT);
		p += k;
		n -= k;
	}
	return r;
}

/* What was typed, asked for or noted, one line each; control characters end a line. */
static int
index_text(struct sp_index *x, const struct sp_event *ev, enum sp_event_field field, const char *kind)
{
	struct sp_view v;
	size_t from = 0;
	int r = 0;

	if (sp_event_get(ev, field, &v) != 0)
		return 0;
	x->kind = kind;
	for (size_t i = 0; r == 0 && i <= v.len; i++) {
		if (i < v.len && v.data[i] >= 0x20 && v.data[i] != 0x7f)
			continue;
		if (i > from && sp_text_is_utf8(v.data + from, i - from))
			r = index_line(ev->time_ns, (const char *)v.data + from, i - from, x);
		from = i + 1;
	}
	x->kind = "output";
	return r;
}

static int
index_event(struct sp_index *x, struct sp_lines *lines, const struct sp_event *ev)
{
	switch (ev->type) {
	case SP_EVENT_COMMAND:
		return index_text(x, ev, SP_FIELD_COMMAND, "command");
	case SP_EVENT_STATEMENT:
		return index_text(x, ev, SP_FIELD_TEXT, "statement");
	case SP_EVENT_INPUT:
		return index_text(x, ev, SP_FIELD_TEXT, "input");
	case SP_EVENT_NOTE:
		return index_text(x, ev, SP_FIELD_TEXT, "note");
	case SP_EVENT_FILE:
		return index_text(x, ev, SP_FIELD_TEXT, "file");
	default:
		return sp_lines_event(lines, ev);
	}
}

static int
index_drop(struct sp_index *x, sqlite3_int64 n)
{
	static const enum index_statement drops[] = { INDEX_DROP_TEXT, INDEX_DROP_LINES, INDEX_DROP_SESSION };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(drops) / sizeof(drops[0]); i++) {
		(void)sqlite3_bind_int64(x->st[drops[i]], 1, n);
		r = index_run(x, drops[i]);
	}
	return r;
}

static int
index_take(struct sp_index *x, int root, const char *id, sqlite3_int64 size)
{
	const char *who;
	struct sp_lines *lines = NULL;
	struct sp_tree_file *f = NULL;
	json_t *header = NULL;
	struct sp_event ev;
	uint64_t number;
	int r;

	if (sp_cli_record_open(root, id, &f, &header) != 0)
		return 0; /* it has been said why; the others are searched */
	who = json_string_value(json_object_get(json_object_get(header, "origin"), "user"));
	(void)sqlite3_bind_text(x->st[INDEX_SESSION], 1, id, -1, SQLITE_TRANSIENT);
	(void)sqlite3_bind_text(x->st[INDEX_SESSION], 2, who == NULL ? "" : who, -1, SQLITE_TRANSIENT);
	(void)sqlite3_bind_int64(x->st[INDEX_SESSION], 3, size);
	(void)sqlite3_bind_int64(x->st[INDEX_SESSION], 4, x->turn);
	r = index_run(x, INDEX_SESSION);
	x->session = sqlite3_last_insert_rowid(x->db);
	x->kind = "output";
	if (r == 0)
		r = sp_lines_new(header, index_line, x, &lines);
	while (r == 0 && sp_cli_record_next(f, &number, &ev) == 0)
		r = index_event(x, lines, &ev);
	if (r == 0)
		r = sp_lines_finish(lines);
	sp_lines_free(lines);
	sp_tree_file_free(f);
	json_decref(header);
	return r;
}

/* A session is taken in again when its record has grown. */
static int
index_visit(int root, const char *id, void *ctx)
{
	struct sp_index *x = ctx;
	sqlite3_int64 n = 0, size = -1;
	char path[SP_TREE_PATH], events[SP_TREE_PATH + 32];
	struct stat st;
	int r = 0;

	if (sp_tree_path(id, path) != 0)
		return 0;
	(void)snprintf(events, sizeof(events), "%s/" SP_TREE_EVENTS, path);
	if (fstatat(root, events, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
	    faccessat(root, events, R_OK, AT_EACCESS) != 0)
		return 0; /* not for this reader */
	(void)sqlite3_bind_text(x->st[INDEX_SEEN], 1, id, -1, SQLITE_TRANSIENT);
	if (sqlite3_step(x->st[INDEX_SEEN]) == SQLITE_ROW) {
		n = sqlite3_column_int64(x->st[INDEX_SEEN], 0);
		size = sqlite3_column_int64(x->st[INDEX_SEEN], 1);
	}
	(void)sqlite3_reset(x->st[INDEX_SEEN]);
	if (size == st.st_size) {
		(void)sqlite3_bind_int64(x->st[INDEX_MARK], 1, x->turn);
		(void)sqlite3_bind_int64(x->st[INDEX_MARK], 2, n);
		return index_run(x, INDEX_MARK);
	}
	if (size >= 0)
		r = index_drop(x, n);
	return r == 0 ? index_take(x, root, id, st.st_size) : r;
}

static int
index_drop_gone(struct sp_index *x)
{
	int r = 0;

	while (r == 0) {
		sqlite3_int64 n;

		(void)sqlite3_bind_int64(x->st[INDEX_GONE], 1, x->turn);
		if (sqlite3_step(x->st[INDEX_GONE]) != SQLITE_ROW)
			break;
		n = sqlite3_column_int64(x->st[INDEX_GONE], 0);
		(void)sqlite3_reset(x->st[INDEX_GONE]);
		r = index_drop(x, n);
	}
	(void)sqlite3_reset(x->st[INDEX_GONE]);
	return r;
}

int
sp_index_update(struct sp_index *x, int root)
{
	sqlite3_stmt *st = NULL;
	int r = index_exec(x, "BEGIN IMMEDIATE");

	if (r != 0)
		return r;
	x->turn = 1;
	if (sqlite3_prepare_v2(x->db, "SELECT max(seen) + 1 FROM session", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW && sqlite3_column_type(st, 0) == SQLITE_INTEGER)
		x->turn = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	r = sp_cli_record_walk(root, index_visit, x);
	if (r == 0)
		r = index_drop_gone(x);
	if (r != 0) {
		(void)sqlite3_exec(x->db, "ROLLBACK", NULL, NULL, NULL);
		return r;
	}
	return index_exec(x, "COMMIT");
}

/* --- finding ------------------------------------------------------------------------------------------------ */

static bool
index_holds(const char *line, const char *text)
{
	return strcasestr(line, text) != NULL; /* LIKE knows % and _ as something else */
}

/* Less than three characters in a row are in no trigram; LIKE's own do not count. */
static bool
index_is_short(const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n < 3; text++) {
		if (*text == '%' || *text == '_')
			n = 0;
		else
			n += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return n < 3;
}

int
sp_index_find(struct sp_index *x, const char *text, unsigned max, sp_index_found *found, void *ctx)
{
	sqlite3_stmt *st = x->st[index_is_short(text) ? INDEX_SCAN : INDEX_FIND];
	char like[SP_INDEX_TEXT_MAX + 3];
	struct sp_index_hit hit;
	unsigned n = 0;
	int r = 0, s = SQLITE_DONE;

	if (strlen(text) > SP_INDEX_TEXT_MAX)
		return SP_ERR_LIMIT;
	(void)snprintf(like, sizeof(like), "%%%s%%", text);
	(void)sqlite3_bind_text(st, 1, like, -1, SQLITE_TRANSIENT);
	while (r == 0 && n < max && (s = sqlite3_step(st)) == SQLITE_ROW) {
		hit.id = (const char *)sqlite3_column_text(st, 0);
		hit.who = (const char *)sqlite3_column_text(st, 1);
		hit.kind = (const char *)sqlite3_column_text(st, 2);
		hit.line = (const char *)sqlite3_column_text(st, 3);
		hit.time_ns = (uint64_t)sqlite3_column_int64(st, 4);
		if (hit.id == NULL || hit.who == NULL || hit.kind == NULL || hit.line == NULL) {
			r = SP_ERR_NOMEM;
		} else if (index_holds(hit.line, text)) {
			n++;
			r = found(&hit, ctx);
		}
	}
	if (r == 0 && s != SQLITE_ROW && s != SQLITE_DONE)
		r = index_fail(x);
	(void)sqlite3_reset(st);
	return r;
}
