/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "proto/pg_backend.h"
#include "proto/pg_scram.h"
#include "proto/pg_write.h"

#define AUTH_OK 0
#define AUTH_CLEARTEXT 3
#define AUTH_MD5 5
#define AUTH_SASL 10
#define AUTH_SASL_CONTINUE 11
#define AUTH_SASL_FINAL 12
#define READ_SIZE 8192

enum login_state {
	LOGIN_DIAL,
	LOGIN_AUTH,	  /* nothing asked of us yet */
	LOGIN_SASL_FIRST, /* sent client-first */
	LOGIN_SASL_FINAL, /* sent client-final */
	LOGIN_PROVEN,	  /* the server's signature is right */
	LOGIN_OK	  /* AuthenticationOk seen */
};

struct sp_postgres_login {
	struct event_base *base;
	sp_postgres_login_cb *cb;
	void *ctx;
	enum login_state state;
	struct sp_postgres_dial *dial;
	struct sp_stream *stream;
	struct event *rd, *wr, *timer;
	struct sp_buf *in, *out, *status;
	struct sp_secret *password;
	struct sp_pg_scram *scram;
	uint32_t pid, key;
	char sqlstate[6];
	char reason[400];
};

void
sp_postgres_login_free(struct sp_postgres_login *l)
{
	if (l == NULL)
		return;
	sp_postgres_dial_free(l->dial);
	if (l->rd != NULL)
		event_free(l->rd);
	if (l->wr != NULL)
		event_free(l->wr);
	if (l->timer != NULL)
		event_free(l->timer);
	sp_stream_free(l->stream);
	sp_buf_free(l->in);
	sp_buf_free(l->out);
	sp_buf_free(l->status);
	sp_secret_free(l->password);
	sp_pg_scram_free(l->scram);
	free(l);
}

static int
refuse(struct sp_postgres_login *l, int err, const char *sqlstate, const char *reason)
{
	snprintf(l->sqlstate, sizeof(l->sqlstate), "%s", sqlstate);
	snprintf(l->reason, sizeof(l->reason), "%s", reason);
	return err;
}

static void
finish(struct sp_postgres_login *l, int err)
{
	struct sp_postgres_logged_in done = {0};
	sp_postgres_login_cb *cb = l->cb;
	void *ctx = l->ctx;
	char reason[sizeof(l->reason)], sqlstate[6];
	struct sp_buf *status = l->status;

	memcpy(reason, l->reason, sizeof(reason));
	memcpy(sqlstate, l->sqlstate, sizeof(sqlstate));
	l->status = NULL;
	if (err == 0) {
		done = (struct sp_postgres_logged_in){l->stream, l->in, status, l->pid, l->key};
		l->stream = NULL;
		l->in = NULL;
		event_free(l->rd); /* before the stream's descriptor is watched by somebody else */
		l->rd = NULL;
	}
	sp_postgres_login_free(l);
	cb(err, sqlstate, reason, err == 0 ? &done : NULL, ctx);
	sp_buf_free(status);
}

static int
scram_begin(struct sp_postgres_login *l, bool plus, bool plain)
{
	uint8_t hash[SP_STREAM_CERT_HASH_MAX];
	size_t n = 0, at, first;
	bool offered = plus;
	int r;

	if (plus && sp_stream_cert_hash(l->stream, hash, &n) != 0)
		plus = false;
	if (!plus && !plain)
		return refuse(l, SP_ERR_UNSUPPORTED, "08P01", "the server offers no login method that is accepted here (SCRAM-SHA-256)");
	/* "y" says we could bind; it may only be said where the server did not offer to. */
	r = sp_pg_scram_new("", NULL, plus ? hash : NULL, plus ? n : 0, sp_stream_is_tls(l->stream) && !offered, &l->scram);
	if (r != 0)
		return r;
	at = sp_pg_write_begin(l->out, 'p');
	sp_pg_write_cstr(l->out, plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256");
	first = sp_pg_write_begin(l->out, 0);
	if ((r = sp_pg_scram_first(l->scram, l->out)) != 0)
		return r;
	/* The response's length counts the response alone, a message's also itself. */
	{
		uint8_t *end;
		size_t len = sp_buf_len(l->out) - first - 4;

		if ((r = sp_buf_reserve(l->out, 0, &end)) != 0)
			return r;
		end -= len + 4;
		end[0] = (uint8_t)(len >> 24);
		end[1] = (uint8_t)(len >> 16);
		end[2] = (uint8_t)(len >> 8);
		end[3] = (uint8_t)len;
	}
	sp_pg_write_end(l->out, at);
	l->state = LOGIN_SASL_FIRST;
	return sp_buf_error(l->out);
}

static int
sasl_offered(struct sp_postgres_login *l, struct sp_pg_cur *c)
{
	bool plus = false, plain = false;

	for (;;) {
		const char *name = sp_pg_cur_cstr(c, NULL);

		if (*name == '\0')
			break;
		plus |= strcmp(name, "SCRAM-SHA-256-PLUS") == 0;
		plain |= strcmp(name, "SCRAM-SHA-256") == 0;
	}
	if (sp_pg_cur_end(c) != 0)
		return SP_ERR_FORMAT;
	return scram_begin(l, plus && sp_stream_is_tls(l->stream), plain);
}

static int
sasl_continue(struct sp_postgres_login *l, const uint8_t *p, size_t n)
{
	size_t at = sp_pg_write_begin(l->out, 'p');
	int r = sp_pg_scram_continue(l->scram, p, n, l->password, l->out);

	sp_secret_free(l->password);
	l->password = NULL;
	if (r != 0)
		return refuse(l, r, "08P01", "the server's login challenge is not acceptable");
	sp_pg_write_end(l->out, at);
	l->state = LOGIN_SASL_FINAL;
	return sp_buf_error(l->out);
}

static int
on_auth(struct sp_postgres_login *l, const uint8_t *p, size_t n)
{
	struct sp_pg_cur c;
	uint32_t what;

	sp_pg_cur_init(&c, p, n);
	what = sp_pg_cur_u32(&c);
	if (c.bad)
		return SP_ERR_FORMAT;
	if (what == AUTH_SASL && l->state == LOGIN_AUTH)
		return sasl_offered(l, &c);
	if (what == AUTH_SASL_CONTINUE && l->state == LOGIN_SASL_FIRST)
		return sasl_continue(l, c.p, (size_t)(c.end - c.p));
	if (what == AUTH_SASL_FINAL && l->state == LOGIN_SASL_FINAL) {
		if (sp_pg_scram_final(l->scram, c.p, (size_t)(c.end - c.p)) != 0)
			return refuse(l, SP_ERR_SIGNATURE, "08P01", "the server could not prove that it knows the password");
		l->state = LOGIN_PROVEN;
		return 0;
	}
	if (what == AUTH_OK && (l->state == LOGIN_PROVEN || l->state == LOGIN_AUTH)) {
		/* From LOGIN_AUTH: trust, peer or a client certificate; the server asked for no secret and gets none. */
		l->state = LOGIN_OK;
		return sp_pg_cur_end(&c);
	}
	if (what == AUTH_CLEARTEXT || what == AUTH_MD5)
		return refuse(l, SP_ERR_UNSUPPORTED, "08P01", what == AUTH_MD5 ?
		    "the server asks for an MD5 password, which is refused; set password_encryption to scram-sha-256 there" :
		    "the server asks for a clear-text password, which is refused; use scram-sha-256 there");
	return refuse(l, SP_ERR_UNSUPPORTED, "08P01", "the server asks for a login method that is not accepted here (SCRAM-SHA-256 is)");
}

/* What the server says of a failed login, in words that name neither its user nor its secret. */
static int
on_error(struct sp_postgres_login *l, const uint8_t *p, size_t n)
{
	static const struct {
		const char *state;
		const char *words;
	} known[] = {
	    {"28P01", "the target refused the login that policy names"},
	    {"28000", "the target refused the login that policy names"},
	    {"3D000", "the target has no such database"},
	    {"53300", "the target has too many connections"},
	    {"57P03", "the target is starting up or shutting down"},
	    {"42501", "the login that policy names may not connect to this database"},
	};
	struct sp_pg_error e;
	const struct sp_pg_error_field *f;
	char state[6] = "08006", words[96];
	size_t i;

	if (sp_pg_error_parse(p, n, &e) != 0)
		return SP_ERR_FORMAT;
	f = sp_pg_error_get(&e, 'C');
	if (f != NULL && f->value.len == 5 &&
	    strspn((const char *)f->value.data, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5)
		memcpy(state, f->value.data, 5);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(state, known[i].state) == 0)
			return refuse(l, SP_ERR_DENIED, state, known[i].words);
	snprintf(words, sizeof(words), "the target refused the connection (SQLSTATE %s)", state);
	return refuse(l, SP_ERR_DENIED, state, words);
}

/* 0 next message, 1 logged in, or an error. */
static int
on_message(struct sp_postgres_login *l, uint8_t type, const uint8_t *p, size_t n)
{
	struct sp_pg_cur c;

	switch (type) {
	case 'R':
		return on_auth(l, p, n);
	case 'E':
		return on_error(l, p, n);
	case 'N': /* before login a notice could be anybody's words */
	case 'v':
		return 0;
	case 'S':
		if (l->state != LOGIN_OK)
			return SP_ERR_PROTOCOL;
		sp_pg_write_message(l->status, 'S', p, n);
		return sp_buf_error(l->status);
	case 'K':
		if (l->state != LOGIN_OK)
			return SP_ERR_PROTOCOL;
		sp_pg_cur_init(&c, p, n);
		l->pid = sp_pg_cur_u32(&c);
		l->key = sp_pg_cur_u32(&c);
		return sp_pg_cur_end(&c);
	case 'Z':
		return l->state == LOGIN_OK && n == 1 && p[0] == 'I' ? 1 : SP_ERR_PROTOCOL;
	default:
		return SP_ERR_PROTOCOL;
	}
}

static int
messages_read(struct sp_postgres_login *l)
{
	struct sp_pg_head h;
	int r, done;

	for (;;) {
		r = sp_pg_head_parse(sp_buf_data(l->in), sp_buf_len(l->in), SP_POSTGRES_LOGIN_MESSAGE_MAX, &h);
		if (r == 0 && sp_buf_len(l->in) < SP_PG_HEAD + h.body)
			r = SP_ERR_INCOMPLETE;
		if (r != 0)
			return r;
		done = on_message(l, h.type, sp_buf_data(l->in) + SP_PG_HEAD, (size_t)h.body);
		if (done < 0)
			return done;
		if ((r = sp_buf_consume(l->in, SP_PG_HEAD + (size_t)h.body)) != 0)
			return r;
		if (done == 1)
			return 1;
	}
}

static int
flush(struct sp_postgres_login *l)
{
	size_t n;
	int r;

	while (sp_buf_len(l->out) != 0) {
		r = sp_stream_write(l->stream, sp_buf_data(l->out), sp_buf_len(l->out), &n);
		if (r == SP_ERR_AGAIN)
			return sp_stream_want(l->stream) == SP_STREAM_WANT_WRITE && event_add(l->wr, NULL) != 0 ? SP_ERR_NOMEM : 0;
		if (r != 0 || (r = sp_buf_consume(l->out, n)) != 0)
			return r;
	}
	return 0;
}

static int
pump(struct sp_postgres_login *l)
{
	uint8_t *p;
	size_t n;
	int r, m;

	if ((r = flush(l)) != 0)
		return r;
	for (;;) {
		if ((r = sp_buf_reserve(l->in, READ_SIZE, &p)) != 0)
			return r;
		r = sp_stream_read(l->stream, p, READ_SIZE, &n);
		m = sp_buf_unput(l->in, r == 0 ? READ_SIZE - n : READ_SIZE);
		if (r != 0 || (r = m) != 0)
			return r;
		m = messages_read(l);
		if (m != SP_ERR_INCOMPLETE)
			return m;
		if ((r = flush(l)) != 0)
			return r;
	}
}

static void
on_io(evutil_socket_t fd, short what, void *arg)
{
	struct sp_postgres_login *l = arg;
	int r = (what & EV_TIMEOUT) ? SP_ERR_TIMEOUT : pump(l);

	(void)fd;
	if (r == SP_ERR_AGAIN || r == SP_ERR_INCOMPLETE)
		return;
	if (r < 0 && l->reason[0] == '\0')
		refuse(l, r, "08006", r == SP_ERR_TIMEOUT ? "the target did not finish the login in time" :
		    "the target broke off the login");
	finish(l, r == 1 ? 0 : r);
}

static void
on_dialled(int err, const char *reason, struct sp_stream *stream, void *ctx)
{
	struct sp_postgres_login *l = ctx;
	struct timeval limit = {.tv_sec = SP_POSTGRES_LOGIN_SECONDS};

	l->dial = NULL;
	l->stream = stream;
	if (err != 0) {
		snprintf(l->reason, sizeof(l->reason), "the target can't be reached: %s", reason);
		refuse(l, err, "08001", strdupa(l->reason));
		finish(l, err);
		return;
	}
	l->state = LOGIN_AUTH;
	l->rd = event_new(l->base, sp_stream_fd(stream), EV_READ | EV_PERSIST, on_io, l);
	l->wr = event_new(l->base, sp_stream_fd(stream), EV_WRITE, on_io, l);
	l->timer = evtimer_new(l->base, on_io, l);
	if (l->rd == NULL || l->wr == NULL || l->timer == NULL || event_add(l->rd, NULL) != 0 ||
	    evtimer_add(l->timer, &limit) != 0) {
		finish(l, refuse(l, SP_ERR_NOMEM, "53200", "out of memory"));
		return;
	}
	on_io(-1, EV_WRITE, l);
}

int
sp_postgres_login_start(struct event_base *base, const struct sp_postgres_target *t, const struct sp_pg_param *params,
    unsigned n_params, struct sp_secret *password, sp_postgres_login_cb *cb, void *ctx, struct sp_postgres_login **ret_l)
{
	struct sp_postgres_login *l = calloc(1, sizeof(*l));
	int r = SP_ERR_NOMEM;

	if (l == NULL) {
		sp_secret_free(password);
		return SP_ERR_NOMEM;
	}
	l->base = base;
	l->cb = cb;
	l->ctx = ctx;
	l->password = password;
	l->in = sp_buf_new(0);
	l->out = sp_buf_new(0);
	l->status = sp_buf_new(SP_POSTGRES_LOGIN_MESSAGE_MAX);
	if (l->in == NULL || l->out == NULL || l->status == NULL)
		goto fail;
	sp_pg_write_startup(l->out, params, n_params);
	if ((r = sp_buf_error(l->out)) != 0 || (r = sp_postgres_dial_start(base, t, on_dialled, l, &l->dial)) != 0)
		goto fail;
	*ret_l = l;
	return 0;
fail:
	sp_postgres_login_free(l);
	return r;
}
