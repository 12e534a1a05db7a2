/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy's own connection that reads where the masked columns are. */
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "proto/pg_backend.h"
#include "proto/pg_write.h"
#include "session-agent/postgres_catalog_map.h"
#include "session-agent/postgres_conn.h"
#include "session-agent/postgres_proxy.h"

#define WAITERS_MAX SP_POSTGRES_CONNS_MAX
#define CELLS_MAX 8
#define MESSAGE_MAX 65536
#define LOAD_SECONDS 30

/*
 * Column rules hold for a column under its own table's name, and under those of its ancestors and descendants, and of
 * the other ancestors of its descendants: what comes out of a table are its descendants' rows, too.
 */
static const char queries[] =
    "select 'R', c.oid, n.nspname, c.relname, c.relkind, case when c.relkind in ('v', 'm') and c.oid >= 16384 then "
    "exists (select 1 from pg_catalog.pg_depend d join pg_catalog.pg_rewrite w on d.classid = "
    "'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid where w.ev_class = c.oid and d.refclassid in "
    "('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass) and d.refobjid >= 16384) "
    /* Dependencies on pg_statistic, pg_statistic_ext_data, pg_largeobject and pg_stat_get_activity are not kept. */
    "or exists (select 1 from pg_catalog.pg_rewrite w where w.ev_class = c.oid and "
    "w.ev_action::text ~ ':(relid (2619|3429|2613)|funcid (2022|1940)) ') "
    "else false end from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
    "where c.relkind in ('r', 'v', 'm', 'f', 'p', 't', 'S');"
    "select 'E', w.ev_class, d.refobjid from pg_catalog.pg_depend d join pg_catalog.pg_rewrite w on "
    "d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = w.oid and w.ev_type = '1' where "
    "d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> w.ev_class group by 2, 3;"
    "select 'F', 0, p.proname from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang "
    "where p.oid >= 16384 and l.lanname not in ('c', 'internal') and not exists (select 1 from pg_catalog.pg_depend d "
    "where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e') and (exists (select 1 "
    "from pg_catalog.pg_proc b where b.oid < 16384 and b.proname = p.proname) or (p.pronargs = 1 and exists (select 1 "
    "from pg_catalog.pg_type t where t.oid = p.proargtypes[0] and t.typtype in ('c', 'p')))) group by 3;"
    "select 'F', 0, o.oprname from pg_catalog.pg_operator o join pg_catalog.pg_proc p on p.oid = o.oprcode join "
    "pg_catalog.pg_language l on l.oid = p.prolang where o.oid >= 16384 and l.lanname not in ('c', 'internal') and not "
    "exists (select 1 from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_operator'::regclass and d.objid = o.oid "
    "and d.deptype = 'e') group by 3;"
    "with recursive up(child, anc) as (select inhrelid, inhparent from pg_catalog.pg_inherits union "
    "select u.child, i.inhparent from up u join pg_catalog.pg_inherits i on i.inhrelid = u.anc), "
    "named(oid, as_oid) as (select oid, oid from pg_catalog.pg_class where relkind in ('r', 'v', 'm', 'f', 'p') and "
    "oid >= 16384 union select child, anc from up union select anc, child from up union "
    "select u.anc, v.anc from up u join up v on v.child = u.child) "
    "select 'A', x.oid, a.attnum, n.nspname, c.relname, a.attname from named x join pg_catalog.pg_attribute a on "
    "a.attrelid = x.oid and a.attnum > 0 and not a.attisdropped join pg_catalog.pg_class c on c.oid = x.as_oid "
    "join pg_catalog.pg_namespace n on n.oid = c.relnamespace";

struct sp_postgres_load {
	struct sp_postgres_load *next;
	struct sp_postgres_proxy *px;
	struct sp_postgres_masks *masks;
	struct sp_postgres_catalog *k;
	struct sp_postgres_login *login;
	struct sp_stream *stream;
	struct event *rd, *wr, *timer;
	struct sp_buf *in, *out;
	unsigned n_waiters;
	struct sp_postgres_conn *waiters[WAITERS_MAX];
	bool is_asking; /* the session for the credential */
	bool is_dead;
	bool is_late; /* DDL was sent since it began: what it reads may be old */
};

/* Frees one that is in no list; while the session still asks for its credential, its answer frees it. */
static void
load_dispose(struct sp_postgres_load *l)
{
	if (l->is_asking) {
		l->is_dead = true;
		return;
	}
	if (l->rd != NULL)
		event_free(l->rd);
	if (l->wr != NULL)
		event_free(l->wr);
	if (l->timer != NULL)
		event_free(l->timer);
	sp_postgres_login_free(l->login);
	sp_stream_free(l->stream);
	sp_buf_free(l->in);
	sp_buf_free(l->out);
	sp_postgres_catalog_unref(l->k);
	sp_postgres_masks_unref(l->masks);
	free(l);
}

static void
load_free(struct sp_postgres_load *l)
{
	struct sp_postgres_load **at;

	for (at = &l->px->loads; *at != NULL && *at != l; at = &(*at)->next)
		;
	if (*at == l)
		*at = l->next;
	load_dispose(l);
}

static void
finish(struct sp_postgres_load *l, int err)
{
	struct sp_postgres_conn *waiters[WAITERS_MAX];
	unsigned n = l->n_waiters, i;

	memcpy(waiters, l->waiters, n * sizeof(waiters[0]));
	if (err == 0) {
		sp_postgres_catalog_unref(l->masks->catalog);
		l->masks->catalog = l->k;
		l->k = NULL;
		if (l->is_late)
			sp_postgres_catalog_invalidate(l->masks->catalog);
	}
	load_free(l);
	for (i = 0; i < n; i++) {
		waiters[i]->hold = SP_POSTGRES_GO;
		waiters[i]->catalog_err = err;
		sp_postgres_conn_wake(waiters[i]);
	}
}

static bool
text(const uint8_t *p, const struct sp_pg_cell *c, char *out, size_t room)
{
	if (c->len < 0 || (size_t)c->len >= room || memchr(p + c->off, 0, (size_t)c->len) != NULL)
		return false;
	memcpy(out, p + c->off, (size_t)c->len);
	out[c->len] = '\0';
	return true;
}

static int
on_row(struct sp_postgres_load *l, const uint8_t *p, size_t n)
{
	struct sp_pg_cell c[CELLS_MAX];
	enum sp_mask_transform t;
	char f[CELLS_MAX][256];
	unsigned cells, i;
	int r = sp_pg_data_row_parse(p, n, c, CELLS_MAX, &cells);
	uint32_t oid;

	if (r != 0)
		return r;
	for (i = 0; i < cells; i++)
		if (!text(p, &c[i], f[i], sizeof(f[i])))
			return SP_ERR_FORMAT;
	if (cells < 3 || strlen(f[0]) != 1)
		return SP_ERR_FORMAT;
	oid = (uint32_t)strtoul(f[1], NULL, 10);
	if (f[0][0] == 'R' && cells == 6)
		return sp_postgres_catalog_add_relation(l->k, oid, f[2], f[3], f[4][0], f[5][0] == 't');
	if (f[0][0] == 'E' && cells == 3)
		return sp_postgres_catalog_add_edge(l->k, oid, (uint32_t)strtoul(f[2], NULL, 10));
	if (f[0][0] == 'F' && cells == 3)
		return sp_postgres_catalog_add_function(l->k, f[2]);
	if (f[0][0] == 'A' && cells == 6) {
		if (!sp_postgres_masks_column(l->masks, f[3], f[4], f[5], &t))
			return 0;
		return sp_postgres_catalog_add_masked(l->k, oid, (uint16_t)strtoul(f[2], NULL, 10), t);
	}
	return SP_ERR_FORMAT;
}

/* 0 more to come, 1 done. */
static int
messages_read(struct sp_postgres_load *l)
{
	struct sp_pg_head h;
	int r;

	for (;;) {
		r = sp_pg_head_parse(sp_buf_data(l->in), sp_buf_len(l->in), MESSAGE_MAX, &h);
		if (r == SP_ERR_INCOMPLETE || (r == 0 && sp_buf_len(l->in) < SP_PG_HEAD + h.body))
			return 0;
		if (r != 0)
			return r;
		if (h.type == 'D')
			r = on_row(l, sp_buf_data(l->in) + SP_PG_HEAD, (size_t)h.body);
		else if (h.type == 'E')
			r = SP_ERR_DENIED;
		else if (h.type == 'Z')
			return (r = sp_postgres_catalog_close(l->k)) != 0 ? r : 1;
		else if (strchr("TCNSA", h.type) == NULL)
			r = SP_ERR_PROTOCOL;
		if (r != 0 || (r = sp_buf_consume(l->in, SP_PG_HEAD + (size_t)h.body)) != 0)
			return r;
	}
}

static int
pump(struct sp_postgres_load *l)
{
	uint8_t *p;
	size_t n;
	int r, m;

	while (sp_buf_len(l->out) != 0) {
		r = sp_stream_write(l->stream, sp_buf_data(l->out), sp_buf_len(l->out), &n);
		if (r == SP_ERR_AGAIN) {
			if (event_add(l->wr, NULL) != 0)
				return SP_ERR_NOMEM;
			break;
		}
		if (r != 0 || (r = sp_buf_consume(l->out, n)) != 0)
			return r;
	}
	for (;;) {
		if ((r = sp_buf_reserve(l->in, SP_POSTGRES_READ_SIZE, &p)) != 0)
			return r;
		r = sp_stream_read(l->stream, p, SP_POSTGRES_READ_SIZE, &n);
		m = sp_buf_unput(l->in, SP_POSTGRES_READ_SIZE - (r == 0 ? n : 0));
		if (r == SP_ERR_AGAIN)
			return 0;
		if (r != 0 || (r = m) != 0 || (r = messages_read(l)) != 0)
			return r;
	}
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	struct sp_postgres_load *l = arg;
	int r = (what & EV_TIMEOUT) != 0 ? SP_ERR_TIMEOUT : pump(l);

	(void)fd;
	if (r != 0)
		finish(l, r == 1 ? 0 : r);
}

static void
on_login(int err, const char *sqlstate, const char *reason, struct sp_postgres_logged_in *in, void *ctx)
{
	struct sp_postgres_load *l = ctx;
	struct timeval limit = {.tv_sec = LOAD_SECONDS};
	struct event_base *base = sp_session_base(l->px->session);

	(void)sqlstate;
	(void)reason;
	l->login = NULL;
	if (err != 0) {
		finish(l, err);
		return;
	}
	l->stream = in->stream;
	l->in = in->in;
	l->out = sp_buf_new(MESSAGE_MAX);
	l->rd = event_new(base, sp_stream_fd(l->stream), EV_READ | EV_PERSIST, on_io, l);
	l->wr = event_new(base, sp_stream_fd(l->stream), EV_WRITE, on_io, l);
	l->timer = evtimer_new(base, on_io, l);
	if (l->out == NULL || l->rd == NULL || l->wr == NULL || l->timer == NULL || event_add(l->rd, NULL) != 0 ||
	    evtimer_add(l->timer, &limit) != 0) {
		finish(l, SP_ERR_NOMEM);
		return;
	}
	sp_pg_write_text(l->out, 'Q', queries);
	on_io(-1, EV_WRITE, l);
}

static void
on_credential(int err, const char *message, const char *user, struct sp_secret *password, void *ctx)
{
	struct sp_postgres_load *l = ctx;
	struct sp_postgres_proxy *px = l->px;
	struct sp_pg_param params[] = {{"user", user}, {"database", px->database}, {"application_name", "sallyport"},
	    {"search_path", "pg_catalog"}, {"default_transaction_read_only", "on"}, {"client_encoding", "UTF8"}};

	(void)message;
	l->is_asking = false;
	if (l->is_dead) {
		sp_secret_free(password);
		load_free(l);
	} else if (err != 0)
		finish(l, err);
	else if ((err = sp_postgres_login_start(sp_session_base(px->session), &px->target, params,
	    sizeof(params) / sizeof(params[0]), password, on_login, l, &l->login)) != 0)
		finish(l, err);
	sp_postgres_proxy_unpin(px);
}

int
sp_postgres_catalog_load(struct sp_postgres_proxy *px, struct sp_postgres_masks *m, struct sp_postgres_conn *c)
{
	struct sp_postgres_load *l;
	int r;

	for (l = px->loads; l != NULL; l = l->next)
		if (l->masks == m && l->n_waiters < WAITERS_MAX && !l->is_late) {
			l->waiters[l->n_waiters++] = c;
			return 0;
		}
	l = calloc(1, sizeof(*l));
	if (l == NULL || (l->k = sp_postgres_catalog_new()) == NULL) {
		free(l);
		return SP_ERR_NOMEM;
	}
	l->px = px;
	l->masks = m;
	m->refs++;
	l->waiters[l->n_waiters++] = c;
	l->next = px->loads;
	px->loads = l;
	l->is_asking = true;
	px->pins++;
	r = sp_session_credential(px->session, px->name, on_credential, l);
	if (r != 0) {
		l->is_asking = false;
		load_free(l);
		px->pins--;
	}
	return r;
}

void
sp_postgres_catalog_forget(struct sp_postgres_proxy *px, struct sp_postgres_conn *c)
{
	struct sp_postgres_load *l;
	unsigned i;

	for (l = px->loads; l != NULL; l = l->next)
		for (i = 0; i < l->n_waiters; i++)
			if (l->waiters[i] == c)
				l->waiters[i--] = l->waiters[--l->n_waiters];
}

void
sp_postgres_catalog_expire(struct sp_postgres_proxy *px)
{
	struct sp_postgres_load *l;
	unsigned i;

	for (i = 0; i < SP_POSTGRES_MASKS_MAX; i++)
		if (px->masks[i] != NULL)
			sp_postgres_catalog_invalidate(px->masks[i]->catalog);
	for (l = px->loads; l != NULL; l = l->next)
		l->is_late = true;
}

void
sp_postgres_catalog_end(struct sp_postgres_proxy *px)
{
	struct sp_postgres_load *l;

	while ((l = px->loads) != NULL) {
		px->loads = l->next;
		load_dispose(l);
	}
}
