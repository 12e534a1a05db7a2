/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/people_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/people_put.h"
#include "runtime/person_id.h"

#define STORE_VERSION 1
#define STORE_BUSY_MS 30000
#define STORE_SHELL SP_LIBEXECDIR "/sallyport-forcecmd"
#define STORE_NO_SHELL "/usr/sbin/nologin"

static const char store_schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE entry (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, state INTEGER NOT NULL, name TEXT NOT NULL,"
    " full TEXT NOT NULL, home TEXT NOT NULL, iss TEXT NOT NULL, sub TEXT NOT NULL);"
    /* A removed person's name is free, their id and who they are is not. */
    "CREATE UNIQUE INDEX entry_name ON entry (name) WHERE state != 2;"
    "CREATE UNIQUE INDEX entry_person ON entry (iss, sub) WHERE kind = 1;"
    "CREATE TABLE member (person INTEGER NOT NULL REFERENCES entry, grp INTEGER NOT NULL REFERENCES entry,"
    " PRIMARY KEY (person, grp)) WITHOUT ROWID;"
    "CREATE INDEX member_group ON member (grp);"
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO setting VALUES ('first', 200000), ('last', 299999), ('next', 200000), ('enumerate', 0);"
    "PRAGMA user_version = 1;"
    "COMMIT;";

struct sp_people_store {
	sqlite3 *db;
	sp_people_store_avoid *avoid;
	void *avoid_ctx;
	char error[512];
};

static int
store_fail(struct sp_people_store *s)
{
	(void)snprintf(s->error, sizeof(s->error), "the database of people: %s", sqlite3_errmsg(s->db));
	return SP_ERR_SYSTEM;
}

static int SP_PRINTF(3, 4)
store_say(struct sp_people_store *s, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s->error, sizeof(s->error), fmt, ap);
	va_end(ap);
	return r;
}

/* A statement with its values: types has an s for a string and an i for an int64_t, each. */
static int
store_prepare(struct sp_people_store *s, sqlite3_stmt **ret_st, const char *sql, const char *types, va_list ap)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK ? 0 : store_fail(s);

	for (int i = 0; r == 0 && types[i] != '\0'; i++) {
		int rc = types[i] == 's' ? sqlite3_bind_text(st, i + 1, va_arg(ap, const char *), -1, SQLITE_TRANSIENT)
					 : sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));

		if (rc != SQLITE_OK)
			r = store_fail(s);
	}
	if (r != 0) {
		(void)sqlite3_finalize(st);
		return r;
	}
	*ret_st = st;
	return 0;
}

/* A statement without rows. */
static int
store_run(struct sp_people_store *s, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st = NULL;
	va_list ap;
	int r;

	va_start(ap, types);
	r = store_prepare(s, &st, sql, types, ap);
	va_end(ap);
	if (r == 0 && sqlite3_step(st) != SQLITE_DONE)
		r = store_fail(s);
	(void)sqlite3_finalize(st);
	return r;
}

/* The one number that a statement gives. NOT_FOUND: no row. */
static int
store_number(struct sp_people_store *s, int64_t *ret_v, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st = NULL;
	va_list ap;
	int r, rc;

	va_start(ap, types);
	r = store_prepare(s, &st, sql, types, ap);
	va_end(ap);
	if (r != 0)
		return r;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret_v = sqlite3_column_int64(st, 0);
	else
		r = rc == SQLITE_DONE ? SP_ERR_NOT_FOUND : store_fail(s);
	(void)sqlite3_finalize(st);
	return r;
}

/* Root's alone: who somebody is at their provider is nobody's business. */
static int
store_file(struct sp_people_store *s, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		r = store_say(s, SP_ERR_SYSTEM, "cannot open %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		r = store_say(s, SP_ERR_DENIED, "%s is not a file of mode 0600 of your own", path);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int
store_set_up(struct sp_people_store *s, const char *path)
{
	int64_t version = 0;
	int r = store_file(s, path);

	if (r == 0 && sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		r = store_fail(s);
	if (r != 0)
		return r;
	(void)sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	if (sqlite3_exec(s->db, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON", NULL, NULL, NULL) != SQLITE_OK)
		return store_fail(s);
	r = store_number(s, &version, "PRAGMA user_version", "");
	/* Two that come at once: the second finds the tables there, and the version with them. */
	if (r == 0 && version == 0 && sqlite3_exec(s->db, store_schema, NULL, NULL, NULL) != SQLITE_OK) {
		r = store_fail(s);
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	}
	if (r == 0 || version == 0)
		r = store_number(s, &version, "PRAGMA user_version", "");
	if (r == 0 && version != STORE_VERSION)
		r = store_say(s, SP_ERR_FORMAT, "%s is of another version of sallyport", path);
	return r;
}

int
sp_people_store_open(const char *path, struct sp_people_store **ret_s)
{
	struct sp_people_store *s = calloc(1, sizeof(*s));

	*ret_s = s; /* failed or not: it has the reason */
	return s == NULL ? SP_ERR_NOMEM : store_set_up(s, path);
}

void
sp_people_store_close(struct sp_people_store *s)
{
	if (s == NULL)
		return;
	(void)sqlite3_close(s->db);
	free(s);
}

const char *
sp_people_store_error(const struct sp_people_store *s)
{
	return s == NULL ? "out of memory" : s->error;
}

int
sp_people_store_begin(struct sp_people_store *s)
{
	return store_run(s, "BEGIN IMMEDIATE", "");
}

int
sp_people_store_end(struct sp_people_store *s, int r)
{
	if (r == 0)
		r = store_run(s, "COMMIT", "");
	if (r != 0)
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int
sp_people_store_range(struct sp_people_store *s, uint32_t *ret_first, uint32_t *ret_last)
{
	int64_t first = 0, last = 0;
	int r = store_number(s, &first, "SELECT value FROM setting WHERE name = 'first'", "");

	if (r == 0)
		r = store_number(s, &last, "SELECT value FROM setting WHERE name = 'last'", "");
	if (r == 0 && (first < 0 || last > UINT32_MAX || !sp_people_rules_is_range((uint32_t)first, (uint32_t)last)))
		r = store_say(s, SP_ERR_FORMAT, "the database of people has a range that cannot be");
	if (r != 0)
		return r;
	*ret_first = (uint32_t)first;
	*ret_last = (uint32_t)last;
	return 0;
}

int
sp_people_store_set_range(struct sp_people_store *s, uint32_t first, uint32_t last)
{
	int64_t outside = 0;
	int r;

	if (!sp_people_rules_is_range(first, last))
		return store_say(s, SP_ERR_INVALID, "ids from %u to %u are the system's, or containers', or not in order", first,
		    last);
	r = store_number(s, &outside, "SELECT count(*) FROM entry WHERE state != 2 AND (id < ? OR id > ?)", "ii",
	    (int64_t)first, (int64_t)last);
	if (r == 0 && outside != 0)
		r = store_say(s, SP_ERR_CONFLICT, "%lld people and groups have ids outside", (long long)outside);
	if (r == 0)
		r = store_run(s, "UPDATE setting SET value = CASE name WHEN 'last' THEN ? ELSE ? END"
				 " WHERE name IN ('first', 'last', 'next')", "ii", (int64_t)last, (int64_t)first);
	return r;
}

int
sp_people_store_set_enumerate(struct sp_people_store *s, bool enumerate)
{
	return store_run(s, "UPDATE setting SET value = ? WHERE name = 'enumerate'", "i", (int64_t)enumerate);
}

void
sp_people_store_set_avoid(struct sp_people_store *s, sp_people_store_avoid *cb, void *ctx)
{
	s->avoid = cb;
	s->avoid_ctx = ctx;
}

/* Whether it can be given; if not, *id is the next to be looked at. */
static int
store_is_free(struct sp_people_store *s, int64_t *id, bool *ret_free)
{
	uint32_t next = s->avoid == NULL ? (uint32_t)*id : s->avoid((uint32_t)*id, s->avoid_ctx);
	int64_t taken = 0;
	int r;

	*ret_free = false;
	if (next != *id) {
		*id = next;
		return next == 0 ? store_say(s, SP_ERR_SYSTEM, "which ids this machine has given cannot be told") : 0;
	}
	r = store_number(s, &taken, "SELECT id FROM entry WHERE id = ?", "i", *id);
	*ret_free = r == SP_ERR_NOT_FOUND;
	if (r == 0)
		++*id;
	return *ret_free ? 0 : r;
}

/* The next id that nobody has and nobody had. */
static int
store_allocate(struct sp_people_store *s, uint32_t *ret_id)
{
	uint32_t first = 0, last = 0;
	int64_t id = 0;
	bool is_free = false;
	int r = sp_people_store_range(s, &first, &last);

	if (r == 0)
		r = store_number(s, &id, "SELECT value FROM setting WHERE name = 'next'", "");
	while (r == 0 && !is_free && id <= last)
		r = store_is_free(s, &id, &is_free);
	if (r == 0 && !is_free)
		r = store_say(s, SP_ERR_LIMIT, "no id from %u to %u is left: they were given, or are this machine's or its containers' "
					       "(/etc/subuid); choose others: sallyport people range", first, last);
	if (r == 0)
		r = store_run(s, "UPDATE setting SET value = ? WHERE name = 'next'", "i", id + 1);
	if (r == 0)
		*ret_id = (uint32_t)id;
	return r;
}

static int
store_check_name(struct sp_people_store *s, const char *name)
{
	int64_t id = 0;
	int r;

	if (!sp_people_rules_is_name(name, strlen(name)))
		return store_say(s, SP_ERR_INVALID, "\"%.64s\" is no name for a person or group: [a-z][a-z0-9_-]{0,30}, and none "
						    "of the system's", name);
	r = store_number(s, &id, "SELECT id FROM entry WHERE name = ? AND state != 2", "s", name);
	if (r == 0)
		return store_say(s, SP_ERR_EXISTS, "%s is the name of %lld", name, (long long)id);
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

static int
store_check_id(struct sp_people_store *s, uint32_t id)
{
	uint32_t first = 0, last = 0;
	int64_t taken = 0;
	int r = sp_people_store_range(s, &first, &last);

	if (r == 0 && (id < first || id > last))
		r = store_say(s, SP_ERR_INVALID, "%u is not within %u-%u", id, first, last);
	if (r != 0)
		return r;
	r = store_number(s, &taken, "SELECT id FROM entry WHERE id = ?", "i", (int64_t)id);
	if (r == 0)
		return store_say(s, SP_ERR_EXISTS, "%u is somebody's, or was: no id is given twice", id);
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}

static bool
store_is_identity(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return n > 0 && n <= SP_PEOPLE_STORE_IDENTITY_MAX;
}

static int
store_check_texts(struct sp_people_store *s, const struct sp_people_row *row)
{
	if (!sp_people_rules_is_text(row->full, strlen(row->full)))
		return store_say(s, SP_ERR_INVALID, "a full name is at most %d bytes, without control characters and ':'",
		    SP_PEOPLE_TEXT_MAX);
	if (row->kind == SP_PEOPLE_GROUP)
		return 0;
	if (!sp_people_rules_is_path(row->home, strlen(row->home)))
		return store_say(s, SP_ERR_INVALID, "a home begins with '/', has at most %d bytes and no control characters or ':'",
		    SP_PEOPLE_TEXT_MAX);
	if (!store_is_identity(row->iss) || !store_is_identity(row->sub))
		return store_say(s, SP_ERR_INVALID, "a person is an issuer and a subject of at most %d bytes each",
		    SP_PEOPLE_STORE_IDENTITY_MAX);
	return 0;
}

/* The same person once more. EXISTS: they are here. */
static int
store_revive(struct sp_people_store *s, const struct sp_people_row *row, int64_t id)
{
	int64_t state = 0;
	int r = store_number(s, &state, "SELECT state FROM entry WHERE id = ?", "i", id);

	if (r == 0 && state != SP_PEOPLE_REMOVED)
		r = store_say(s, SP_ERR_EXISTS, "this person is here: %lld", (long long)id);
	if (r == 0 && row->id != 0 && row->id != id)
		r = store_say(s, SP_ERR_EXISTS, "this person was %lld, and is again", (long long)id);
	if (r == 0)
		r = store_run(s, "UPDATE entry SET state = 0, name = ?, full = ?, home = ? WHERE id = ?", "sssi", row->name,
		    row->full, row->home, id);
	return r;
}

int
sp_people_store_add(struct sp_people_store *s, const struct sp_people_row *row, uint32_t *ret_id)
{
	uint32_t id = row->id;
	int64_t known = 0;
	int r = store_check_name(s, row->name);

	if (r == 0)
		r = store_check_texts(s, row);
	if (r != 0)
		return r;
	r = row->kind == SP_PEOPLE_PERSON ? store_number(s, &known, "SELECT id FROM entry WHERE kind = 1 AND iss = ? AND sub = ?",
						"ss", row->iss, row->sub)
					  : SP_ERR_NOT_FOUND;
	if (r == 0) {
		r = store_revive(s, row, known);
		id = (uint32_t)known;
	} else if (r == SP_ERR_NOT_FOUND) {
		r = id == 0 ? store_allocate(s, &id) : store_check_id(s, id);
		if (r == 0)
			r = store_run(s, "INSERT INTO entry (id, kind, state, name, full, home, iss, sub)"
					 " VALUES (?, ?, 0, ?, ?, ?, ?, ?)", "iisssss", (int64_t)id, (int64_t)row->kind, row->name,
			    row->full, row->home, row->iss, row->sub);
	}
	if (r == 0)
		*ret_id = id;
	return r;
}

int
sp_people_store_release(struct sp_people_store *s, uint32_t id)
{
	return store_run(s, "UPDATE entry SET state = 2 WHERE id = ?", "i", (int64_t)id);
}

/* The row that is here with that id, if there is one, is this one's; the person has no other. */
static int
store_check_take(struct sp_people_store *s, const struct sp_people_row *row)
{
	uint32_t first = 0, last = 0;
	int64_t n = 0;
	int r = sp_people_store_range(s, &first, &last);

	if (r == 0 && (row->id < first || row->id > last))
		r = store_say(s, SP_ERR_INVALID, "%u is not within %u-%u", row->id, first, last);
	if (r == 0)
		r = store_number(s, &n, "SELECT count(*) FROM entry WHERE id = ? AND NOT (kind = ? AND iss = ? AND sub = ?)", "iiss",
		    (int64_t)row->id, (int64_t)row->kind, row->iss, row->sub);
	if (r == 0 && n != 0)
		r = store_say(s, SP_ERR_EXISTS, "%u is another's here, or was", row->id);
	if (r == 0)
		r = store_number(s, &n, "SELECT count(*) FROM entry WHERE kind = 1 AND ? = 1 AND iss = ? AND sub = ? AND id != ?",
		    "issi", (int64_t)row->kind, row->iss, row->sub, (int64_t)row->id);
	if (r == 0 && n != 0)
		r = store_say(s, SP_ERR_EXISTS, "this person has another id here");
	return r;
}

int
sp_people_store_take(struct sp_people_store *s, const struct sp_people_row *row)
{
	int r = row->state == SP_PEOPLE_REMOVED ? 0 : store_check_name(s, row->name);

	if (r == 0 && !sp_people_rules_is_name(row->name, strlen(row->name)))
		r = store_say(s, SP_ERR_INVALID, "\"%.64s\" is no name", row->name);
	if (r == 0)
		r = store_check_texts(s, row);
	if (r == 0)
		r = store_check_take(s, row);
	if (r == 0)
		r = store_run(s, "INSERT INTO entry (id, kind, state, name, full, home, iss, sub) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
				 " ON CONFLICT (id) DO UPDATE SET state = excluded.state, name = excluded.name,"
				 " full = excluded.full, home = excluded.home", "iiisssss", (int64_t)row->id, (int64_t)row->kind,
		    (int64_t)row->state, row->name, row->full, row->home, row->iss, row->sub);
	if (r == 0 && row->state == SP_PEOPLE_REMOVED)
		r = store_run(s, "DELETE FROM member WHERE person = ? OR grp = ?", "ii", (int64_t)row->id, (int64_t)row->id);
	return r;
}

int
sp_people_store_find(struct sp_people_store *s, const char *name, uint32_t *ret_id, enum sp_people_kind *ret_kind)
{
	int64_t id = 0, kind = 0;
	int r = store_number(s, &id, "SELECT id FROM entry WHERE name = ? AND state != 2", "s", name);

	if (r == SP_ERR_NOT_FOUND)
		return store_say(s, r, "nobody and no group is called %.64s", name);
	if (r == 0)
		r = store_number(s, &kind, "SELECT kind FROM entry WHERE id = ?", "i", id);
	if (r != 0)
		return r;
	*ret_id = (uint32_t)id;
	*ret_kind = kind == SP_PEOPLE_PERSON ? SP_PEOPLE_PERSON : SP_PEOPLE_GROUP;
	return 0;
}

int
sp_people_store_rename(struct sp_people_store *s, uint32_t id, const char *name)
{
	int r = store_check_name(s, name);

	return r != 0 ? r : store_run(s, "UPDATE entry SET name = ? WHERE id = ?", "si", name, (int64_t)id);
}

int
sp_people_store_describe(struct sp_people_store *s, uint32_t id, const char *full)
{
	const struct sp_people_row row = { .kind = SP_PEOPLE_GROUP, .full = full };
	int r = store_check_texts(s, &row);

	return r != 0 ? r : store_run(s, "UPDATE entry SET full = ? WHERE id = ? AND kind = 1", "si", full, (int64_t)id);
}

int
sp_people_store_move(struct sp_people_store *s, uint32_t id, const char *home)
{
	const struct sp_people_row row = { .kind = SP_PEOPLE_PERSON, .full = "", .home = home, .iss = "i", .sub = "s" };
	int r = store_check_texts(s, &row);

	return r != 0 ? r : store_run(s, "UPDATE entry SET home = ? WHERE id = ? AND kind = 1", "si", home, (int64_t)id);
}

int
sp_people_store_join(struct sp_people_store *s, uint32_t id, const char *names)
{
	int r = store_run(s, "DELETE FROM member WHERE person = ?", "i", (int64_t)id);
	size_t n = 0;

	for (const char *p = names; r == 0 && *p != '\0';) {
		size_t len = strcspn(p, ",");
		char name[SP_PEOPLE_NAME_MAX + 1];
		enum sp_people_kind kind = SP_PEOPLE_PERSON;
		uint32_t group = 0;

		if (len == 0 || len > SP_PEOPLE_NAME_MAX)
			return store_say(s, SP_ERR_NOT_FOUND, "\"%.*s\" is no group", (int)(len > 64 ? 64 : len), p);
		memcpy(name, p, len);
		name[len] = '\0';
		r = sp_people_store_find(s, name, &group, &kind);
		if (r == 0 && kind != SP_PEOPLE_GROUP)
			r = store_say(s, SP_ERR_NOT_FOUND, "%s is a person, whose group is theirs alone", name);
		if (r == 0 && ++n > SP_PEOPLE_GROUPS_MAX)
			r = store_say(s, SP_ERR_LIMIT, "nobody is in more than %u groups", SP_PEOPLE_GROUPS_MAX);
		if (r == 0)
			r = store_run(s, "INSERT OR IGNORE INTO member VALUES (?, ?)", "ii", (int64_t)id, (int64_t)group);
		p += len + (p[len] == ',' ? 1 : 0);
	}
	return r;
}

int
sp_people_store_set_state(struct sp_people_store *s, uint32_t id, enum sp_people_state state)
{
	int r = 0;

	if (state == SP_PEOPLE_REMOVED)
		r = store_run(s, "DELETE FROM member WHERE person = ? OR grp = ?", "ii", (int64_t)id, (int64_t)id);
	return r != 0 ? r : store_run(s, "UPDATE entry SET state = ? WHERE id = ?", "ii", (int64_t)state, (int64_t)id);
}

static const char *
store_text(sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return s == NULL ? "" : s;
}

int
sp_people_store_walk(struct sp_people_store *s, bool with_removed, sp_people_store_each *cb, void *ctx)
{
	static const char sql[] = "SELECT e.id, e.kind, e.state, e.name, e.full, e.home, e.iss, e.sub,"
				  " (SELECT group_concat(g.name, ',') FROM member m JOIN entry g ON g.id = m.grp WHERE m.person = e.id)"
				  " FROM entry e WHERE e.state != 2 OR ? ORDER BY e.id";
	sqlite3_stmt *st = NULL;
	int r = 0, rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(st, 1, with_removed);
	if (rc != SQLITE_OK)
		r = store_fail(s);
	while (r == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const struct sp_people_row row = { .id = (uint32_t)sqlite3_column_int64(st, 0),
			.kind = sqlite3_column_int(st, 1) == SP_PEOPLE_PERSON ? SP_PEOPLE_PERSON : SP_PEOPLE_GROUP,
			.state = sqlite3_column_int(st, 2) == SP_PEOPLE_ACTIVE	   ? SP_PEOPLE_ACTIVE
				 : sqlite3_column_int(st, 2) == SP_PEOPLE_DISABLED ? SP_PEOPLE_DISABLED
										   : SP_PEOPLE_REMOVED,
			.name = store_text(st, 3), .full = store_text(st, 4), .home = store_text(st, 5), .iss = store_text(st, 6),
			.sub = store_text(st, 7), .groups = store_text(st, 8) };

		r = cb(&row, ctx);
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = store_fail(s);
	(void)sqlite3_finalize(st);
	return r;
}

struct store_writing {
	struct sp_people_store *s;
	struct sp_people_put *w;
	sqlite3_stmt *groups;
};

static int
store_put_person(struct store_writing *x, const struct sp_people_row *row)
{
	struct sp_people_put_person one = { row->name, row->full, row->home,
		row->state == SP_PEOPLE_ACTIVE ? STORE_SHELL : STORE_NO_SHELL, row->id, NULL, 0, NULL };
	uint32_t ids[SP_PEOPLE_GROUPS_MAX];
	uint8_t identity[SP_PEOPLE_IDENTITY_LEN];
	int r = sp_person_id(row->iss, row->sub, identity), rc;

	(void)sqlite3_reset(x->groups);
	rc = sqlite3_bind_int64(x->groups, 1, row->id);
	while (r == 0 && rc == SQLITE_OK && (rc = sqlite3_step(x->groups)) == SQLITE_ROW) {
		if (one.ngroups == SP_PEOPLE_GROUPS_MAX)
			return store_say(x->s, SP_ERR_LIMIT, "%s is in too many groups", row->name);
		ids[one.ngroups++] = (uint32_t)sqlite3_column_int64(x->groups, 0);
		rc = SQLITE_OK;
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = store_fail(x->s);
	one.groups = ids;
	one.identity = identity;
	return r != 0 ? r : sp_people_put_person(x->w, &one);
}

static int
store_put_row(const struct sp_people_row *row, void *ctx)
{
	struct store_writing *x = ctx;
	int r = row->kind == SP_PEOPLE_GROUP ? sp_people_put_group(x->w, row->name, row->id) : store_put_person(x, row);

	return r == SP_ERR_INVALID ? store_say(x->s, r, "%s (%u) cannot be in a table", row->name, row->id) : r;
}

int
sp_people_store_write(struct sp_people_store *s, const char *path)
{
	struct store_writing x = { .s = s };
	uint32_t first = 0, last = 0;
	int64_t enumerate = 0;
	int r = sp_people_store_range(s, &first, &last);

	if (r == 0)
		r = store_number(s, &enumerate, "SELECT value FROM setting WHERE name = 'enumerate'", "");
	if (r == 0)
		r = sp_people_put_new(first, last, enumerate != 0, &x.w);
	if (r == 0 && sqlite3_prepare_v2(s->db, "SELECT grp FROM member WHERE person = ? ORDER BY grp", -1, &x.groups, NULL) !=
			  SQLITE_OK)
		r = store_fail(s);
	if (r == 0)
		r = sp_people_store_walk(s, false, store_put_row, &x);
	if (r == 0) {
		r = sp_people_put_write(x.w, path);
		if (r != 0)
			(void)store_say(s, r, "%s cannot be written: %s", path,
			    r == SP_ERR_SYSTEM ? strerror(errno) : sp_err_str(r));
	}
	(void)sqlite3_finalize(x.groups);
	sp_people_put_free(x.w);
	return r;
}
