/* SPDX-License-Identifier: Apache-2.0 */
/* The way from a server to its client, message by message. */
#include <stdlib.h>
#include <string.h>

#include "proto/pg_write.h"
#include "recorder/event.h"
#include "session-agent/postgres_catalog.h"
#include "session-agent/postgres_proxy.h"
#include "session-agent/postgres_rows.h"

struct message {
	uint8_t type;
	const uint8_t *body;
	size_t len;
};

static int
broken(struct sp_postgres_conn *c, const char *what)
{
	sp_postgres_conn_fatal(c, "08P01", what, "This is not the person's fault: the target's answer was not as expected.");
	return SP_ERR_PROTOCOL;
}

static void
pass(struct sp_postgres_conn *c, const struct message *m)
{
	sp_buf_put(c->c_out, m->body - SP_PG_HEAD, SP_PG_HEAD + m->len);
}

/* --- the result on record --------------------------------------------------------------------------- */

static void
masked_json(const struct sp_postgres_run *run, struct sp_buf *ev)
{
	struct sp_buf *json;

	if ((run->masked_columns == 0 && !sp_mask_counts_any(&run->counts)) || (json = sp_buf_new(SP_EVENT_TEXT_MAX)) == NULL)
		return;
	if (run->masked_columns != 0) {
		/* {"column":n, then what the detectors counted */
		struct sp_buf *found = sp_buf_new(SP_EVENT_TEXT_MAX);

		sp_buf_putf(json, "{\"column\":%llu", (unsigned long long)run->masked_columns);
		if (found != NULL && sp_mask_counts_json(run->masks->set, &run->counts, found) == 0 && sp_buf_len(found) > 2) {
			sp_buf_put(json, ",", 1);
			sp_buf_put(json, sp_buf_data(found) + 1, sp_buf_len(found) - 2);
		}
		sp_buf_put(json, "}", 1);
		sp_buf_free(found);
	} else if (sp_mask_counts_json(run->masks->set, &run->counts, json) != 0)
		sp_buf_reset(json);
	if (sp_buf_error(json) == 0 && sp_buf_len(json) > 2)
		sp_event_put(ev, SP_FIELD_MASKED, sp_buf_data(json), sp_buf_len(json));
	sp_buf_free(json);
}

static int
result_record(struct sp_postgres_conn *c, const struct sp_postgres_run *run, const char *status)
{
	struct sp_buf *ev = sp_session_event(c->px->session);

	sp_event_begin(ev, SP_EVENT_RESULT, sp_event_now());
	sp_event_put_u64(ev, SP_FIELD_SEQ, run->seq);
	sp_event_put_cstring(ev, SP_FIELD_STATUS, status);
	sp_event_put_u64(ev, SP_FIELD_ROWS, run->rows);
	sp_event_put_u64(ev, SP_FIELD_BYTES, run->bytes);
	if (run->masks != NULL)
		masked_json(run, ev);
	sp_event_put_u64(ev, SP_FIELD_DURATION_NS, sp_postgres_now() - run->started_ns);
	if (sp_buf_error(ev) != 0)
		return SP_ERR_UNAVAILABLE;
	return sp_session_record_late(c->px->session);
}

/* 0, AGAIN (the same message must come again), or the connection is closing. */
static int
result_put(struct sp_postgres_conn *c, struct sp_postgres_run *run, const char *status)
{
	int r = result_record(c, run, status);

	if (r == SP_ERR_AGAIN)
		c->s_hold = true;
	else if (r != 0) {
		const char *fault = sp_session_fault(c->px->session);

		sp_postgres_conn_fatal(c, "58030", fault != NULL ? fault : "the answer can't be recorded, so it is not shown", NULL);
	}
	return r;
}

void
sp_postgres_reply_abandon(struct sp_postgres_conn *c)
{
	const struct sp_postgres_expect *x = sp_postgres_expect_head(c);

	if (x == NULL || x->run == NULL || x->run->is_refused)
		return;
	if (result_record(c, x->run, "abandoned") != 0)
		sp_session_say(c->px->session, "the end of statement %llu could not be recorded",
		    (unsigned long long)x->run->seq);
}

/* --- messages ------------------------------------------------------------------------------------------ */

static int
on_description(struct sp_postgres_conn *c, struct sp_postgres_expect *x, const struct message *m)
{
	int r = 0;

	if (x == NULL || x->kind == SP_POSTGRES_X_EXECUTE || (x->run != NULL && x->run->is_refused))
		return broken(c, "a description nobody asked for");
	if (x->kind != SP_POSTGRES_X_DESCRIBE_S) {
		c->n_cols = 0;
		c->cols_run = NULL;
		if (m->type == 'T')
			r = sp_postgres_rows_describe(c, m->body, m->len);
	}
	if (r != 0)
		return broken(c, "a malformed RowDescription");
	if (x->kind != SP_POSTGRES_X_HIDDEN)
		pass(c, m);
	if (x->kind != SP_POSTGRES_X_QUERY)
		sp_postgres_expect_pop(c, true);
	return 0;
}

static int
on_complete(struct sp_postgres_conn *c, struct sp_postgres_expect *x, const struct message *m)
{
	const char *tag = m->type == 's' ? "PortalSuspended" : m->type == 'I' ? "" : (const char *)m->body;
	int r;

	if (x == NULL || x->run == NULL || x->run->is_refused ||
	    (x->kind != SP_POSTGRES_X_QUERY && x->kind != SP_POSTGRES_X_EXECUTE))
		return broken(c, "a completion nobody waits for");
	if (m->type == 'C') {
		if (m->len == 0 || m->body[m->len - 1] != '\0')
			return broken(c, "a malformed CommandComplete");
		if (x->run->rows == 0)
			x->run->rows = sp_pg_tag_rows(tag);
	}
	if ((r = result_put(c, x->run, tag)) != 0)
		return r;
	pass(c, m);
	x->run->rows = x->run->bytes = 0;
	sp_mask_stream_free(c->copy_out);
	c->copy_out = NULL;
	c->copy_in = false;
	if (x->kind == SP_POSTGRES_X_EXECUTE)
		sp_postgres_expect_pop(c, true);
	return 0;
}

/* After an error outside the simple protocol the server ignores everything up to Sync. */
static void
skip_to_sync(struct sp_postgres_conn *c)
{
	struct sp_postgres_expect *x;

	while ((x = sp_postgres_expect_head(c)) != NULL && x->kind != SP_POSTGRES_X_SYNC)
		sp_postgres_expect_pop(c, false);
	if (x != NULL)
		return;
	c->is_skipping = true;
	if (c->approval != NULL)
		sp_approval_cancel(c->approval);
}

static int
on_error(struct sp_postgres_conn *c, struct sp_postgres_expect *x, const struct message *m)
{
	struct sp_postgres_run *run = x != NULL ? x->run : NULL;
	const struct sp_pg_error_field *f;
	struct sp_pg_error e;
	char state[6] = "";
	int r;

	if (sp_pg_error_parse(m->body, m->len, &e) != 0)
		return broken(c, "a malformed ErrorResponse");
	if ((f = sp_pg_error_get(&e, 'C')) != NULL && f->value.len == 5)
		memcpy(state, f->value.data, 5);
	if (run != NULL && (r = result_put(c, run, run->is_refused ? run->sqlstate : state)) != 0)
		return r;
	f = sp_pg_error_get(&e, 'V');
	if (run != NULL && run->is_refused && f != NULL && f->value.len == 5 && memcmp(f->value.data, "ERROR", 5) == 0)
		sp_pg_write_error(c->c_out, 'E', "ERROR", run->sqlstate, sp_postgres_run_message(run), NULL);
	else if (sp_postgres_rows_error(c, run, 'E', m->body, m->len) != 0)
		return broken(c, "an error that can't be masked");
	c->copy_in = false;
	sp_mask_stream_free(c->copy_out);
	c->copy_out = NULL;
	if (x == NULL)
		return 0;
	if (x->kind == SP_POSTGRES_X_QUERY)
		x->is_failed = true;
	else if (x->kind != SP_POSTGRES_X_SYNC) /* a deferred constraint at Sync is followed by ReadyForQuery */
		skip_to_sync(c);
	return 0;
}

static int
on_ready(struct sp_postgres_conn *c, struct sp_postgres_expect *x, const struct message *m)
{
	if (x == NULL || (x->kind != SP_POSTGRES_X_QUERY && x->kind != SP_POSTGRES_X_SYNC) || m->len != 1 ||
	    strchr("ITE", m->body[0]) == NULL || m->body[0] == 0)
		return broken(c, "a ReadyForQuery nobody waits for");
	if (x->run != NULL && x->run->is_refused && !x->is_failed)
		return broken(c, "a refusal that did not fail");
	c->tx = m->body[0];
	sp_postgres_expect_pop(c, !x->is_failed);
	if (c->tx == 'I' && c->q_len == 0) {
		sp_postgres_names_clear(c->portals, sp_postgres_names_mark(c->portals));
		sp_postgres_names_clear(c->cursors, sp_postgres_names_mark(c->cursors));
	}
	if (c->tx == 'I' && c->has_changed) {
		c->has_changed = c->has_altered = false;
		sp_postgres_conn_altering(c);
		sp_postgres_catalog_expire(c->px); /* committed just now: others can see it from here */
	}
	pass(c, m);
	return 0;
}

/* In copy mode the server ignores Sync; those sent before it was known will not be answered. */
static void
forget_syncs(struct sp_postgres_conn *c)
{
	unsigned i, kept = 1;

	for (i = 1; i < c->q_len; i++) {
		struct sp_postgres_expect *x = &c->queue[(c->q_head + i) & (SP_POSTGRES_PIPELINE_MAX - 1)];

		if (x->kind != SP_POSTGRES_X_SYNC)
			c->queue[(c->q_head + kept++) & (SP_POSTGRES_PIPELINE_MAX - 1)] = *x;
	}
	c->q_len = kept;
}

static int
on_copy_start(struct sp_postgres_conn *c, struct sp_postgres_expect *x, const struct message *m)
{
	if (x == NULL || x->run == NULL || x->run->is_refused || m->type == 'W' ||
	    (x->kind != SP_POSTGRES_X_QUERY && x->kind != SP_POSTGRES_X_EXECUTE))
		return broken(c, "a COPY nobody asked for");
	if (m->type == 'G') {
		c->copy_in = true;
		if (c->hold == SP_POSTGRES_HOLD_ANSWERS) /* data that came before it was known where it belongs */
			sp_postgres_conn_wake(c);
		if (x->kind == SP_POSTGRES_X_EXECUTE)
			forget_syncs(c);
	} else if (x->run->masks != NULL) {
		/* Its first byte is the overall format: binary can't be scanned. */
		if (m->len == 0 || (m->body[0] != 0 && x->run->masks->has_detectors))
			return broken(c, "COPY in binary format is refused where values are masked; use the text format");
		if (x->run->is_tainted && x->run->masks->n_patterns != 0)
			return broken(c, "COPY of masked columns");
		if (sp_mask_stream_new(x->run->masks->set, &c->copy_out) != 0)
			return broken(c, "out of memory");
	}
	pass(c, m);
	return 0;
}

static int
on_copy_data(struct sp_postgres_conn *c, struct sp_postgres_run *run, const struct message *m)
{
	size_t at, len;
	int r;

	at = sp_pg_write_begin(c->c_out, 'd');
	len = sp_buf_len(c->c_out);
	r = m->type == 'd' ? sp_mask_stream_feed(c->copy_out, m->body, m->len, c->c_out, &run->counts) :
	    sp_mask_stream_finish(c->copy_out, c->c_out, &run->counts);
	if (r != 0) {
		c->is_broken = true; /* a half-written message: nothing more can be said */
		return broken(c, "COPY data that can't be masked");
	}
	if (sp_buf_len(c->c_out) == len) {
		if (sp_buf_unput(c->c_out, 5) != 0)
			return SP_ERR_INTERNAL;
	} else
		sp_pg_write_end(c->c_out, at);
	if (m->type == 'c')
		pass(c, m);
	return 0;
}

/* Settings under which the statement's text would mean another thing than what was decided on. */
static bool
is_unsafe_setting(const struct message *m)
{
	struct sp_pg_cur cur;
	const char *name, *value;

	sp_pg_cur_init(&cur, m->body, m->len);
	name = sp_pg_cur_cstr(&cur, NULL);
	value = sp_pg_cur_cstr(&cur, NULL);
	return cur.bad || (strcmp(name, "client_encoding") == 0 && strcmp(value, "UTF8") != 0) ||
	    (strcmp(name, "standard_conforming_strings") == 0 && strcmp(value, "on") != 0);
}

static int
on_short(struct sp_postgres_conn *c, struct sp_postgres_expect *x, const struct message *m)
{
	static const struct {
		uint8_t type;
		enum sp_postgres_expect_kind kind;
	} pairs[] = {{'1', SP_POSTGRES_X_PARSE}, {'2', SP_POSTGRES_X_BIND}, {'3', SP_POSTGRES_X_CLOSE}};
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].type == m->type) {
			if (x == NULL || x->kind != pairs[i].kind || (x->run != NULL && x->run->is_refused) || m->len != 0)
				break;
			sp_postgres_expect_pop(c, true);
			pass(c, m);
			return 0;
		}
	return broken(c, "an answer out of turn");
}

static int
on_message(struct sp_postgres_conn *c, const struct message *m)
{
	struct sp_postgres_expect *x = sp_postgres_expect_head(c);

	switch (m->type) {
	case 'T':
	case 'n':
		return on_description(c, x, m);
	case 't':
		pass(c, m);
		return x != NULL && x->kind == SP_POSTGRES_X_DESCRIBE_S ? 0 : broken(c, "an answer out of turn");
	case '1':
	case '2':
	case '3':
		return on_short(c, x, m);
	case 'C':
	case 'I':
	case 's':
		return on_complete(c, x, m);
	case 'E':
		return on_error(c, x, m);
	case 'N':
		return sp_postgres_rows_error(c, x != NULL ? x->run : NULL, 'N', m->body, m->len) == 0 ? 0 :
		    broken(c, "a notice that can't be masked");
	case 'Z':
		return on_ready(c, x, m);
	case 'G':
	case 'H':
	case 'W':
		return on_copy_start(c, x, m);
	case 'd':
	case 'c':
		if (c->copy_out != NULL)
			return on_copy_data(c, x->run, m);
		pass(c, m);
		return 0;
	case 'S':
		if (is_unsafe_setting(m))
			return broken(c, "a setting changed under which statements can't be read safely");
		__attribute__((fallthrough));
	case 'A':
		return sp_postgres_rows_note(c, m->type, m->body, m->len) == 0 ? 0 : broken(c, "a message that can't be masked");
	default:
		return broken(c, "a message out of turn");
	}
}

/* --- the buffer ------------------------------------------------------------------------------------------ */

/* Whole DataRow messages at the front of s_in: their bytes and number. */
static size_t
rows_ready(const struct sp_postgres_conn *c, uint64_t *ret_rows)
{
	const uint8_t *p = sp_buf_data(c->s_in);
	size_t n = sp_buf_len(c->s_in), off = 0;
	struct sp_pg_head h;

	*ret_rows = 0;
	while (off < n && p[off] == 'D' && off < SP_MASK_BATCH_MAX &&
	    sp_pg_head_parse(p + off, n - off, SP_PG_LENGTH_MAX, &h) == 0 && n - off >= SP_PG_HEAD + h.body) {
		off += SP_PG_HEAD + (size_t)h.body;
		++*ret_rows;
	}
	return off;
}

/* Rows, or COPY data, that nothing is masked in: passed on, also in parts. */
static int
pass_through(struct sp_postgres_conn *c, struct sp_postgres_run *run, const struct sp_pg_head *h)
{
	uint64_t rows;
	size_t n = h->type == 'D' ? rows_ready(c, &rows) : 0;

	if (n != 0) {
		run->rows += rows;
		run->bytes += n;
		sp_buf_put(c->c_out, sp_buf_data(c->s_in), n);
		return sp_buf_consume(c->s_in, n);
	}
	run->rows += h->type == 'D';
	run->bytes += h->body;
	c->pass_left = SP_PG_HEAD + h->body;
	return 0;
}

static int
rows_masked(struct sp_postgres_conn *c, struct sp_postgres_run *run, const struct sp_pg_head *h)
{
	uint64_t rows;
	size_t n;

	if (h->body > SP_PG_WHOLE_MAX)
		return broken(c, "a row too large to be masked");
	n = rows_ready(c, &rows);
	if (n == 0)
		return SP_ERR_INCOMPLETE;
	if (c->n_cols == 0)
		return broken(c, "rows without a description");
	run->rows += rows;
	run->bytes += n;
	if (sp_postgres_rows_mask(c, run, n) != 0) {
		c->is_broken = true;
		return broken(c, "a row that can't be masked");
	}
	return sp_buf_consume(c->s_in, n);
}

static int
step(struct sp_postgres_conn *c)
{
	struct sp_postgres_expect *x;
	struct sp_pg_head h;
	struct message m;
	size_t n = sp_buf_len(c->s_in);
	int r;

	if (n == 0)
		return SP_ERR_INCOMPLETE;
	if (c->pass_left != 0) {
		if (n > c->pass_left)
			n = (size_t)c->pass_left;
		sp_buf_put(c->c_out, sp_buf_data(c->s_in), n);
		c->pass_left -= n;
		return sp_buf_consume(c->s_in, n);
	}
	r = sp_pg_head_parse(sp_buf_data(c->s_in), n, SP_PG_LENGTH_MAX, &h);
	if (r == SP_ERR_INCOMPLETE)
		return r;
	if (r != 0 || !sp_pg_backend_is_known(h.type))
		return broken(c, "a malformed message");
	x = sp_postgres_expect_head(c);
	if (h.type == 'D' || (h.type == 'd' && c->copy_out == NULL)) {
		if (x == NULL || x->run == NULL || x->run->is_refused ||
		    (x->kind != SP_POSTGRES_X_QUERY && x->kind != SP_POSTGRES_X_EXECUTE))
			return broken(c, "rows nobody asked for");
		return h.type == 'D' && x->run->masks != NULL ? rows_masked(c, x->run, &h) : pass_through(c, x->run, &h);
	}
	if (h.body > SP_PG_WHOLE_MAX)
		return broken(c, "a message too long");
	if (n < SP_PG_HEAD + h.body)
		return SP_ERR_INCOMPLETE;
	m = (struct message){h.type, sp_buf_data(c->s_in) + SP_PG_HEAD, (size_t)h.body};
	if ((r = on_message(c, &m)) != 0)
		return r;
	return sp_buf_consume(c->s_in, SP_PG_HEAD + (size_t)h.body);
}

int
sp_postgres_reply_run(struct sp_postgres_conn *c)
{
	int r = 0;

	while (r == 0 && c->state == SP_POSTGRES_READY) {
		if (c->s_hold || sp_buf_len(c->c_out) > SP_POSTGRES_HIGH_WATER) {
			c->is_stalled = true;
			return SP_ERR_AGAIN;
		}
		r = step(c);
	}
	return r;
}
