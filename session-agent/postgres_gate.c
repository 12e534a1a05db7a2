/* SPDX-License-Identifier: Apache-2.0 */
/* The way from a client to its server, message by message. */
#include <stdio.h>
#include <string.h>

#include "proto/pg_write.h"
#include "recorder/event.h"
#include "session-agent/postgres_admit.h"
#include "session-agent/postgres_catalog.h"
#include "session-agent/postgres_proxy.h"

#define SMALL_MAX ((uint64_t)65536) /* bytes of a message that only carries a name */
#define NAME_BYTES_MAX ((size_t)63)   /* NAMEDATALEN less its NUL */
#define QUEUE_SPARE 4		    /* expectations one message may add */
/* What takes a refused message's place: no parser takes it, so it fails there and changes nothing. */
#define REFUSED_SQL "refused by sallyport"
#define REFUSED_NAME "sallyport_refused"

struct message {
	uint8_t type;
	const uint8_t *body;
	size_t len;
};

static void
forward(struct sp_postgres_conn *c, const struct message *m)
{
	sp_buf_put(c->s_out, m->body - SP_PG_HEAD, SP_PG_HEAD + m->len);
}

static int
protocol_error(struct sp_postgres_conn *c, const char *what)
{
	sp_postgres_conn_fatal(c, "08P01", what, NULL);
	return SP_ERR_PROTOCOL;
}

/* Sends what fails in the place of the message, and has its error replaced by the run's. Takes over run. */
static int
forward_refusal(struct sp_postgres_conn *c, struct sp_postgres_run *run, bool is_simple, bool is_unnamed)
{
	if (run == NULL) {
		sp_postgres_conn_fatal(c, "53200", "out of memory", NULL);
		return SP_ERR_NOMEM;
	}
	if (is_simple)
		sp_pg_write_text(c->s_out, 'Q', REFUSED_SQL);
	else
		sp_pg_write_parse(c->s_out, is_unnamed ? "" : REFUSED_NAME, REFUSED_SQL);
	sp_postgres_expect_push(c, is_simple ? SP_POSTGRES_X_QUERY : SP_POSTGRES_X_PARSE)->run = run;
	return 0;
}

/* The queue must get shorter first. A server keeps its answers back until Sync or Flush, so it is asked for them. */
static int
wait_for_answers(struct sp_postgres_conn *c)
{
	if (!c->has_flushed)
		sp_pg_write_message(c->s_out, 'H', NULL, 0);
	c->has_flushed = true;
	c->hold = SP_POSTGRES_HOLD_ANSWERS;
	c->held_len = c->q_len;
	return SP_ERR_AGAIN;
}

/* --- names made and unmade by SQL itself --------------------------------------------------------------- */

static void
track_name(struct sp_postgres_conn *c, struct sp_postgres_expect *x, struct sp_postgres_names *names, const char *name,
    struct sp_postgres_text *text, bool adds, bool is_alone)
{
	struct sp_postgres_name *n = NULL;
	uint64_t id = 0;

	if (adds) {
		if (sp_postgres_names_add(names, name, &text, 1, NULL, 0, 0, &n, &id) != 0) {
			/* What else is known under that name may be wrong from here on. */
			sp_postgres_conn_fatal(c, "54000", "too many prepared statements and cursors on this connection", NULL);
			return;
		}
	} else if (!is_alone || (n = sp_postgres_names_closing(names, name, &id)) == NULL)
		return;
	if (!is_alone || x->name != NULL) {
		sp_postgres_names_leave(names, n);
		return;
	}
	x->name = n;
	x->names = names;
	x->id = id;
	x->adds = adds;
}

/* What an allowed text does to names and to the catalogs, for when its answer has come. */
static void
track(struct sp_postgres_conn *c, struct sp_postgres_expect *x, struct sp_postgres_text *text, const struct sp_sql *sql,
    bool is_sure)
{
	bool is_alone = is_sure && sp_sql_count(sql) == 1;
	size_t i, k;

	for (i = 0; i < sp_sql_count(sql); i++) {
		const struct sp_sql_stmt *st = sp_sql_at(sql, i);

		if (st->verb == SP_SQL_PREPARE && st->prepared[0] != '\0')
			track_name(c, x, c->statements, st->prepared, text, true, is_alone);
		else if (st->verb == SP_SQL_DEALLOCATE && st->prepared[0] != '\0')
			track_name(c, x, c->statements, st->prepared, text, false, is_alone);
		else if (st->verb == SP_SQL_CURSOR && st->is_definition)
			track_name(c, x, st->is_held ? c->holds : c->cursors, st->cursor, text, true, is_alone);
		else if (st->verb == SP_SQL_CURSOR && st->cursor[0] != '\0' && !st->has_rows) /* CLOSE */
			track_name(c, x, sp_postgres_names_find(c->holds, st->cursor) != NULL ? c->holds : c->cursors, st->cursor,
			    text, false, is_alone);
		if (st->is_discard && is_alone && st->verb != SP_SQL_CURSOR) {
			x->discards = true;
			x->id = sp_postgres_names_mark(c->statements);
		}
		for (k = 0; k < st->nactions; k++)
			x->changes |= (st->actions[k].words & SP_SQL_BIT(SP_SQL_DDL)) != 0;
		x->changes |= st->verb == SP_SQL_DO || st->verb == SP_SQL_CALL;
		if (!x->alters && sp_postgres_alters(st)) {
			x->alters = x->changes = true;
			c->n_alters++;
			sp_postgres_conn_altering(c);
		}
	}
}

/* --- messages ------------------------------------------------------------------------------------------- */

/* The server keeps 63 bytes of a name: two longer ones could be one there. */
static bool
is_long(const char *name)
{
	return strlen(name) > NAME_BYTES_MAX;
}

static int
refuse_long(struct sp_postgres_conn *c)
{
	return forward_refusal(c, sp_postgres_admit_refuse(c, "42622", "a statement's or portal's name has at most 63 bytes"),
	    false, false);
}

static int
on_query(struct sp_postgres_conn *c, const struct message *m)
{
	struct sp_postgres_ask ask = {.n_texts = 1};
	struct sp_postgres_verdict v;
	struct sp_postgres_run *run;
	struct sp_postgres_expect *x;
	struct sp_view sql;
	int r;

	if (sp_pg_query_parse(m->body, m->len, &sql) != 0)
		return protocol_error(c, "malformed Query message");
	ask.texts[0] = sp_postgres_text_new(sql.data, sql.len);
	if (ask.texts[0] == NULL)
		return SP_ERR_NOMEM;
	r = sp_postgres_admit(c, &ask, &run, &v);
	if (r == 0 && run->is_refused)
		r = forward_refusal(c, run, true, true);
	else if (r == 0) {
		forward(c, m);
		c->segment++;
		x = sp_postgres_expect_push(c, SP_POSTGRES_X_QUERY);
		x->run = run;
		track(c, x, ask.texts[0], v.sql[0], true);
	}
	if (r == 0)
		sp_postgres_verdict_clear(&v);
	sp_postgres_text_unref(ask.texts[0]);
	return r;
}

static int
on_parse(struct sp_postgres_conn *c, const struct message *m)
{
	struct sp_postgres_ask ask = {.n_texts = 1, .is_parse = true};
	struct sp_postgres_verdict v;
	struct sp_postgres_run *run;
	struct sp_postgres_expect *x;
	struct sp_postgres_name *name;
	struct sp_pg_parse p;
	uint64_t id;
	int r;

	if (sp_pg_parse_parse(m->body, m->len, &p) != 0)
		return protocol_error(c, "malformed Parse message");
	if (is_long(p.name))
		return refuse_long(c);
	if (c->q_len != 0 && sp_postgres_names_is_full(c->statements, p.name))
		return wait_for_answers(c);
	ask.texts[0] = sp_postgres_text_typed(p.sql.data, p.sql.len, p.types, p.n_types);
	if (ask.texts[0] == NULL)
		return SP_ERR_NOMEM;
	r = sp_postgres_admit(c, &ask, &run, &v);
	if (r == 0 && run->is_refused)
		r = forward_refusal(c, run, false, *p.name == '\0');
	else if (r == 0 && sp_postgres_names_add(c->statements, p.name, ask.texts, 1, NULL, 0, c->segment, &name,
	    &id) != 0) {
		sp_postgres_run_unref(run);
		r = forward_refusal(c, sp_postgres_admit_refuse(c, "54000",
		    "too many prepared statements on this connection; close some"), false, false);
	} else if (r == 0) {
		forward(c, m);
		x = sp_postgres_expect_push(c, SP_POSTGRES_X_PARSE);
		x->run = run;
		x->name = name;
		x->names = c->statements;
		x->id = id;
		x->adds = true;
	}
	if (r == 0)
		sp_postgres_verdict_clear(&v);
	sp_postgres_text_unref(ask.texts[0]);
	return r;
}

/* All texts that any candidate of the name may be. False: more than can be judged at once. */
static bool
texts_of(const struct sp_postgres_name *n, uint64_t segment, struct sp_postgres_text **texts, unsigned *n_texts)
{
	unsigned i, j, k;

	for (i = sp_postgres_names_first(n, segment); i < n->n; i++)
		for (j = 0; j < n->c[i]->n_texts; j++) {
			for (k = 0; k < *n_texts && texts[k] != n->c[i]->texts[j]; k++)
				;
			if (k < *n_texts)
				continue;
			if (*n_texts == SP_POSTGRES_CANDIDATES_MAX)
				return false;
			texts[(*n_texts)++] = n->c[i]->texts[j];
		}
	return true;
}

static int
on_bind(struct sp_postgres_conn *c, const struct message *m)
{
	struct sp_postgres_text *texts[SP_POSTGRES_CANDIDATES_MAX];
	struct sp_postgres_name *statement, *portal;
	struct sp_postgres_expect *x;
	struct sp_pg_bind b;
	unsigned n = 0;
	uint64_t id;

	if (sp_pg_bind_parse(m->body, m->len, &b) != 0)
		return protocol_error(c, "malformed Bind message");
	if (is_long(b.portal) || is_long(b.statement))
		return refuse_long(c);
	if (c->q_len != 0 && sp_postgres_names_is_full(c->portals, b.portal))
		return wait_for_answers(c);
	statement = sp_postgres_names_find(c->statements, b.statement);
	if (statement == NULL)
		return forward_refusal(c, sp_postgres_admit_refuse(c, "26000", "prepared statement does not exist"), false, false);
	if (c->q_len != 0 && statement->n - sp_postgres_names_first(statement, c->segment) > 1)
		return wait_for_answers(c); /* which of several texts it is shows in the answers on their way */
	if (!texts_of(statement, c->segment, texts, &n) ||
	    sp_postgres_names_add(c->portals, b.portal, texts, n, m->body, m->len, c->segment, &portal, &id) != 0)
		return forward_refusal(c, sp_postgres_admit_refuse(c, "54000", "too many portals on this connection; close some"),
		    false, false);
	forward(c, m);
	x = sp_postgres_expect_push(c, SP_POSTGRES_X_BIND);
	x->name = portal;
	x->names = c->portals;
	x->id = id;
	x->adds = true;
	return 0;
}

static int
on_describe(struct sp_postgres_conn *c, const struct message *m)
{
	struct sp_pg_target t;

	if (sp_pg_target_parse(m->body, m->len, &t) != 0)
		return protocol_error(c, "malformed Describe message");
	if (is_long(t.name))
		return refuse_long(c);
	forward(c, m);
	sp_postgres_expect_push(c, t.what == 'S' ? SP_POSTGRES_X_DESCRIBE_S : SP_POSTGRES_X_DESCRIBE_P);
	if (t.what == 'P') {
		snprintf(c->last_described, sizeof(c->last_described), "%s", t.name);
		c->has_described = true;
	}
	return 0;
}

/* With masks the columns must be known before the first row; what the client described just before is as good. */
static void
describe_first(struct sp_postgres_conn *c, const char *portal, bool described)
{
	if (described && strcmp(c->last_described, portal) == 0)
		return;
	sp_pg_write_target(c->s_out, 'D', 'P', portal);
	sp_postgres_expect_push(c, SP_POSTGRES_X_HIDDEN);
}

static int
on_execute(struct sp_postgres_conn *c, const struct message *m, bool described)
{
	struct sp_postgres_ask ask = {0};
	struct sp_postgres_verdict v;
	struct sp_postgres_run *run;
	struct sp_postgres_name *portal;
	struct sp_postgres_expect *x;
	struct sp_pg_execute e;
	unsigned i;
	int r;

	if (sp_pg_execute_parse(m->body, m->len, &e) != 0)
		return protocol_error(c, "malformed Execute message");
	if (is_long(e.portal))
		return refuse_long(c);
	portal = sp_postgres_names_find(c->portals, e.portal);
	if (portal == NULL)
		return forward_refusal(c, sp_postgres_admit_refuse(c, "34000", "portal does not exist"), false, false);
	if (c->q_len != 0 && portal->n - sp_postgres_names_first(portal, c->segment) > 1) {
		c->has_described = described;
		return wait_for_answers(c);
	}
	if (!texts_of(portal, c->segment, ask.texts, &ask.n_texts))
		return forward_refusal(c, sp_postgres_admit_refuse(c, "54000", "this portal's name was used too often; close it first"),
		    false, false);
	for (i = sp_postgres_names_first(portal, c->segment); i < portal->n; i++)
		ask.portals[ask.n_portals++] = portal->c[i];
	portal->pins++; /* its candidates stay as long as a held message may look at them again: they are looked up anew */
	r = sp_postgres_admit(c, &ask, &run, &v);
	portal->pins--;
	if (r == SP_ERR_AGAIN)
		c->has_described = described; /* the next try starts from the same place */
	if (r != 0)
		return r;
	if (run->is_refused)
		r = forward_refusal(c, run, false, false);
	else {
		if (run->masks != NULL)
			describe_first(c, e.portal, described);
		forward(c, m);
		x = sp_postgres_expect_push(c, SP_POSTGRES_X_EXECUTE);
		x->run = run;
		for (i = 0; i < ask.n_texts; i++)
			track(c, x, ask.texts[i], v.sql[i], ask.n_texts == 1);
	}
	sp_postgres_verdict_clear(&v);
	return r;
}

static int
on_close(struct sp_postgres_conn *c, const struct message *m)
{
	struct sp_postgres_expect *x;
	struct sp_pg_target t;

	if (sp_pg_target_parse(m->body, m->len, &t) != 0)
		return protocol_error(c, "malformed Close message");
	if (is_long(t.name))
		return refuse_long(c);
	forward(c, m);
	x = sp_postgres_expect_push(c, SP_POSTGRES_X_CLOSE);
	x->names = t.what == 'P' ? c->portals : c->statements;
	x->name = sp_postgres_names_closing(x->names, t.name, &x->id);
	return 0;
}

/* CopyDone and CopyFail end the server's copy mode; outside of it the server would ignore them. */
static int
on_copy_end(struct sp_postgres_conn *c, const struct message *m)
{
	if (!c->copy_in && c->q_len != 0)
		return wait_for_answers(c);
	if (c->copy_in)
		forward(c, m);
	c->copy_in = false;
	return 0;
}

static int
on_message(struct sp_postgres_conn *c, const struct message *m)
{
	bool described = c->has_described;

	c->has_described = false;
	if (c->is_skipping && m->type != 'S' && m->type != 'X')
		return 0;
	if (c->copy_in && strchr("cfX", m->type) == NULL) {
		if (m->type == 'S' || m->type == 'H')
			return 0; /* the server ignores both in copy mode */
		return protocol_error(c, "unexpected message during COPY FROM STDIN");
	}
	switch (m->type) {
	case 'Q':
		return on_query(c, m);
	case 'P':
		return on_parse(c, m);
	case 'B':
		return on_bind(c, m);
	case 'D':
		return on_describe(c, m);
	case 'E':
		return on_execute(c, m, described);
	case 'C':
		return on_close(c, m);
	case 'S':
		c->is_skipping = false;
		c->segment++;
		forward(c, m);
		sp_postgres_expect_push(c, SP_POSTGRES_X_SYNC);
		return m->len == 0 ? 0 : protocol_error(c, "malformed Sync message");
	case 'H':
		forward(c, m);
		return m->len == 0 ? 0 : protocol_error(c, "malformed Flush message");
	case 'F':
		return forward_refusal(c, sp_postgres_admit_refuse(c, "0A000",
		    "the function call protocol is refused; use SELECT function(...)"), true, true);
	case 'c':
	case 'f':
		return on_copy_end(c, m);
	case 'X':
		forward(c, m);
		c->is_leaving = true;
		return 0;
	default:
		return protocol_error(c, "unknown message type");
	}
}

/* --- the buffer ------------------------------------------------------------------------------------------ */

static uint64_t
body_max(uint8_t type)
{
	switch (type) {
	case 'Q':
	case 'P':
	case 'B':
		return SP_PG_WHOLE_MAX;
	case 'd':
		return SP_PG_LENGTH_MAX;
	default:
		return SMALL_MAX;
	}
}

/* Passes on, or drops, bytes of the CopyData under way. */
static int
copy_pass(struct sp_postgres_conn *c)
{
	size_t n = sp_buf_len(c->c_in);

	if (n == 0)
		return SP_ERR_INCOMPLETE;
	if (n > c->copy_left)
		n = (size_t)c->copy_left;
	if (!c->copy_drop)
		sp_buf_put(c->s_out, sp_buf_data(c->c_in), n);
	c->copy_left -= n;
	return sp_buf_consume(c->c_in, n);
}

static int
copy_begin(struct sp_postgres_conn *c, const struct sp_pg_head *h)
{
	if (!c->copy_in && !c->is_skipping && c->q_len != 0)
		return wait_for_answers(c); /* not yet known whether the server takes it */
	c->copy_drop = !c->copy_in;
	c->copy_left = h->body;
	if (!c->copy_drop)
		sp_buf_put(c->s_out, sp_buf_data(c->c_in), SP_PG_HEAD);
	return sp_buf_consume(c->c_in, SP_PG_HEAD);
}

static int
step(struct sp_postgres_conn *c)
{
	struct message m;
	struct sp_pg_head h;
	uint8_t type;
	int r;

	if (c->copy_left != 0)
		return copy_pass(c);
	if (sp_buf_len(c->c_in) == 0)
		return SP_ERR_INCOMPLETE;
	type = *sp_buf_data(c->c_in);
	if (!sp_pg_frontend_is_known(type))
		return protocol_error(c, "unknown message type");
	r = sp_pg_head_parse(sp_buf_data(c->c_in), sp_buf_len(c->c_in), body_max(type), &h);
	if (r == SP_ERR_INCOMPLETE)
		return r;
	if (r != 0)
		return protocol_error(c, r == SP_ERR_LIMIT ? "message too long" : "malformed message length");
	if (type == 'd')
		return copy_begin(c, &h);
	if (sp_buf_len(c->c_in) < SP_PG_HEAD + h.body)
		return SP_ERR_INCOMPLETE;
	if (c->q_len > SP_POSTGRES_PIPELINE_MAX - QUEUE_SPARE)
		return wait_for_answers(c);
	m = (struct message){type, sp_buf_data(c->c_in) + SP_PG_HEAD, (size_t)h.body};
	r = on_message(c, &m);
	if (r == SP_ERR_NOMEM)
		sp_postgres_conn_fatal(c, "53200", "out of memory", NULL);
	if (r != 0)
		return r;
	sp_postgres_admit_done(c);
	c->has_flushed = false;
	return sp_buf_consume(c->c_in, SP_PG_HEAD + (size_t)h.body);
}

int
sp_postgres_gate_run(struct sp_postgres_conn *c)
{
	int r = 0;

	if (c->hold == SP_POSTGRES_HOLD_ANSWERS)
		c->hold = SP_POSTGRES_GO;
	while (r == 0 && c->state == SP_POSTGRES_READY && !c->is_leaving) {
		if (c->hold != SP_POSTGRES_GO)
			return SP_ERR_AGAIN;
		if (sp_buf_len(c->s_out) > SP_POSTGRES_HIGH_WATER) {
			c->is_stalled = true;
			return SP_ERR_AGAIN;
		}
		r = step(c);
	}
	if (sp_buf_error(c->s_out) != 0)
		sp_postgres_conn_fatal(c, "53200", "out of memory", NULL);
	return r;
}
