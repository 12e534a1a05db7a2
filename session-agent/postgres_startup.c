/* SPDX-License-Identifier: Apache-2.0 */
/* A client's first packets, and our login at the server on its behalf. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "proto/pg_write.h"
#include "recorder/event.h"
#include "session-agent/postgres_proxy.h"

#define OPTION_MAX 128 /* bytes of one option's value */

/* Options a client may set for itself. Everything else could run SQL, change what text means or open replication. */
static const char *const allowed[] = {"application_name", "client_encoding", "DateStyle", "datestyle", "TimeZone",
    "timezone", "extra_float_digits", "IntervalStyle", "intervalstyle", "bytea_output", "client_min_messages",
    "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"};

static bool
is_allowed(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (strcmp(name, allowed[i]) == 0)
			return true;
	return false;
}

static bool
value_ok(const struct sp_pg_param *p)
{
	/* Statements are parsed as UTF-8; another encoding could hide a quote from the parser. */
	if (strcmp(p->name, "client_encoding") == 0)
		return strcasecmp(p->value, "UTF8") == 0 || strcasecmp(p->value, "UTF-8") == 0 ||
		    strcasecmp(p->value, "unicode") == 0 || strcasecmp(p->value, "SQL_ASCII") == 0; /* a client in the C locale: UTF8 is as good */
	return strlen(p->value) <= OPTION_MAX;
}

static void
option_put(struct sp_postgres_conn *c, const char *name, const char *value)
{
	sp_pg_write_cstr(c->startup, name);
	sp_pg_write_cstr(c->startup, value);
}

/* One option of the client. False: refused, and it has been told. */
static bool
option_take(struct sp_postgres_conn *c, const struct sp_pg_param *p)
{
	struct sp_postgres_proxy *px = c->px;
	char why[256];

	if (strcmp(p->name, "user") == 0) { /* said, not believed: who it is was proven before */
		if (px->is_forwarded || strcmp(p->value, sp_session_user(px->session)) == 0 || strcmp(p->value, px->name) == 0 ||
		    strcmp(p->value, px->login_user) == 0)
			return true;
		sp_postgres_conn_fatal(c, "28000", "this connection's login is set by policy; leave the user out", NULL);
		return false;
	}
	if (strcmp(p->name, "database") == 0) {
		if (strcmp(p->value, px->name) == 0 || strcmp(p->value, px->database) == 0)
			return true;
		snprintf(why, sizeof(why), "this connection reaches the database of \"%s\" only", px->name);
		sp_postgres_conn_fatal(c, "3D000", why, "Open another connection for another database.");
		return false;
	}
	if (strncmp(p->name, "_pq_.", 5) == 0)
		return true; /* an extension we do not speak: said so in NegotiateProtocolVersion */
	if (!is_allowed(p->name) || !value_ok(p)) {
		snprintf(why, sizeof(why), "the startup option \"%.60s\" is refused%s", p->name,
		    is_allowed(p->name) ? " with this value" : "");
		sp_postgres_conn_fatal(c, "42501", why, "Set it with SET after connecting, if policy allows.");
		return false;
	}
	if (strcmp(p->name, "client_encoding") != 0)
		option_put(c, p->name, p->value);
	return true;
}

static void
negotiate(struct sp_postgres_conn *c, const struct sp_pg_startup *s)
{
	unsigned i, n = 0;
	size_t at;

	for (i = 0; i < s->n_params; i++)
		n += strncmp(s->params[i].name, "_pq_.", 5) == 0;
	if (s->minor == 0 && n == 0)
		return;
	at = sp_pg_write_begin(c->c_out, 'v');
	sp_buf_put_u32(c->c_out, SP_PG_PROTOCOL_3);
	sp_buf_put_u32(c->c_out, n);
	for (i = 0; i < s->n_params; i++)
		if (strncmp(s->params[i].name, "_pq_.", 5) == 0)
			sp_pg_write_cstr(c->c_out, s->params[i].name);
	sp_pg_write_end(c->c_out, at);
}

static void
on_login(int err, const char *sqlstate, const char *reason, struct sp_postgres_logged_in *l, void *ctx)
{
	struct sp_postgres_conn *c = ctx;
	size_t at;
	int r;

	c->login = NULL;
	r = sp_postgres_proxy_note_target(c->px, err == 0 ? "connected" : "failed", err == 0 ? NULL : reason);
	if (err != 0 || r != 0) {
		if (err == 0) {
			sp_stream_free(l->stream);
			sp_buf_free(l->in);
		}
		sp_postgres_conn_fatal(c, err != 0 ? sqlstate : "58030", err != 0 ? reason :
		    "nothing can be recorded now, so nothing is let through", NULL);
		return;
	}
	sp_buf_put_u8(c->c_out, 'R');
	sp_buf_put_u32(c->c_out, 8);
	sp_buf_put_u32(c->c_out, 0);
	sp_buf_put(c->c_out, sp_buf_data(l->status), sp_buf_len(l->status));
	at = sp_pg_write_begin(c->c_out, 'K');
	sp_buf_put_u32(c->c_out, c->pid);
	sp_buf_put_u32(c->c_out, c->key);
	sp_pg_write_end(c->c_out, at);
	sp_pg_write_message(c->c_out, 'Z', "I", 1);
	if (sp_postgres_conn_attach(c, l) != 0) {
		sp_postgres_conn_fatal(c, "53200", "out of memory", NULL);
		return;
	}
	c->state = SP_POSTGRES_READY;
	sp_postgres_conn_wake(c);
}

static void credential_next(struct sp_postgres_proxy *px);

static void
on_credential(int err, const char *message, const char *user, struct sp_secret *password, void *ctx)
{
	struct sp_postgres_conn *c = ctx;
	struct sp_postgres_proxy *px = c->px;
	struct sp_pg_param params[SP_PG_STARTUP_PARAMS_MAX + 4];
	struct sp_pg_cur cur;
	unsigned n = 0;

	px->n_asks--;
	if (c->state != SP_POSTGRES_LOGIN) {
		sp_secret_free(password);
		goto out;
	}
	if (err != 0) {
		sp_postgres_conn_fatal(c, "28000", message != NULL && *message != '\0' ? message :
		    "the target's credential can't be had", NULL);
		goto out;
	}
	params[n++] = (struct sp_pg_param){"user", user};
	params[n++] = (struct sp_pg_param){"database", px->database};
	params[n++] = (struct sp_pg_param){"client_encoding", "UTF8"};
	params[n++] = (struct sp_pg_param){"standard_conforming_strings", "on"}; /* as the parser reads it */
	sp_pg_cur_init(&cur, sp_buf_data(c->startup), sp_buf_len(c->startup));
	while (cur.p != cur.end && n < sizeof(params) / sizeof(params[0])) {
		params[n].name = sp_pg_cur_cstr(&cur, NULL);
		params[n++].value = sp_pg_cur_cstr(&cur, NULL);
	}
	if (sp_postgres_login_start(sp_session_base(px->session), &px->target, params, n, password, on_login, c,
	    &c->login) != 0)
		sp_postgres_conn_fatal(c, "08001", "the target can't be reached", NULL);
out:
	sp_postgres_conn_unpin(c);
	credential_next(px);
	sp_postgres_proxy_unpin(px);
}

static void
credential_ask(struct sp_postgres_conn *c)
{
	struct sp_postgres_proxy *px = c->px;

	c->waits_credential = false;
	c->pins++;
	px->pins++;
	px->n_asks++;
	if (sp_session_credential(px->session, px->name, on_credential, c) != 0) {
		c->pins--;
		px->pins--;
		px->n_asks--;
		sp_postgres_conn_fatal(c, "28000", "the target's credential can't be had", NULL);
	}
}

/* A few at a time, the oldest first: a client may open all its connections at once. */
static void
credential_next(struct sp_postgres_proxy *px)
{
	struct sp_postgres_conn *c, *oldest;

	while (!px->is_ended && px->n_asks < SP_POSTGRES_ASKS_MAX) {
		oldest = NULL;
		for (c = px->conns; c != NULL; c = c->next)
			if (c->waits_credential && c->state == SP_POSTGRES_LOGIN)
				oldest = c;
		if (oldest == NULL)
			return;
		credential_ask(oldest);
	}
}

static void
startup_take(struct sp_postgres_conn *c, const struct sp_pg_startup *s)
{
	bool has_user = false;
	unsigned i;

	for (i = 0; i < s->n_params; i++) {
		has_user |= strcmp(s->params[i].name, "user") == 0;
		if (!option_take(c, &s->params[i]))
			return;
	}
	if (!has_user) {
		sp_postgres_conn_fatal(c, "28000", "no user name in the startup packet", NULL);
		return;
	}
	if (sp_buf_error(c->startup) != 0 || getrandom(&c->key, sizeof(c->key), 0) != sizeof(c->key)) {
		sp_postgres_conn_fatal(c, "53200", "out of memory", NULL);
		return;
	}
	negotiate(c, s);
	c->state = SP_POSTGRES_LOGIN;
	c->waits_credential = true;
	credential_next(c->px);
}

static void
cancel_take(struct sp_postgres_conn *c, const struct sp_pg_startup *s)
{
	struct sp_postgres_conn *other = sp_postgres_proxy_find(c->px, s->pid, s->key);

	if (other != NULL && other->approval != NULL)
		sp_approval_cancel(other->approval);
	else if (other != NULL && other->server_pid != 0) {
		struct sp_buf *ev = sp_session_event(c->px->session);

		sp_event_begin(ev, SP_EVENT_CANCEL, sp_event_now());
		sp_event_put_cstring(ev, SP_FIELD_CONNECTION, c->px->name);
		if (sp_session_record(c->px->session) == 0)
			sp_postgres_cancel_send(c->px, other->server_pid, other->server_key);
	}
	sp_postgres_conn_close(c); /* a cancel request is never answered */
}

int
sp_postgres_startup_run(struct sp_postgres_conn *c)
{
	struct sp_pg_startup s;
	int r;

	while (c->state == SP_POSTGRES_STARTUP) {
		r = sp_pg_startup_parse(sp_buf_data(c->c_in), sp_buf_len(c->c_in), &s);
		if (r == SP_ERR_INCOMPLETE)
			return r;
		if (r != 0) {
			sp_postgres_conn_fatal(c, "08P01", r == SP_ERR_UNSUPPORTED ? "this protocol version is not served" :
			    "the startup packet is malformed", NULL);
			return r;
		}
		if (s.kind == SP_PG_STARTUP_SSL || s.kind == SP_PG_STARTUP_GSSENC) {
			if (++c->n_probes > 2) {
				sp_postgres_conn_fatal(c, "08P01", "encryption was asked for too often", NULL);
				return SP_ERR_PROTOCOL;
			}
			sp_buf_put_u8(c->c_out, 'N'); /* this end never leaves the host */
		} else if (s.kind == SP_PG_STARTUP_CANCEL)
			cancel_take(c, &s);
		else
			startup_take(c, &s);
		if ((r = sp_buf_consume(c->c_in, s.size)) != 0)
			return r;
	}
	return 0;
}
