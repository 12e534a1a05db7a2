/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A login at a PostgreSQL server: dial, startup packet, SCRAM-SHA-256 (with
 * channel binding where the server offers it over TLS), up to the first
 * ReadyForQuery. Passwords in the clear or as MD5 are refused: both hand the
 * server, or whoever took its place, something that logs in elsewhere.
 */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_LOGIN_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_LOGIN_H

#include "lib/buf.h"
#include "lib/secret.h"
#include "proto/pg_frontend.h"
#include "session-agent/postgres_dial.h"

struct sp_postgres_login;

#define SP_POSTGRES_LOGIN_SECONDS 30	   /* after TLS, to the first ReadyForQuery */
#define SP_POSTGRES_LOGIN_MESSAGE_MAX 65536 /* bytes of one message before ReadyForQuery */

struct sp_postgres_logged_in {
	struct sp_stream *stream; /* the callee's from now on */
	struct sp_buf *in;	  /* unread bytes after ReadyForQuery, the callee's */
	struct sp_buf *status;	  /* the ParameterStatus and NoticeResponse messages seen, valid during the call */
	uint32_t pid, key;	  /* BackendKeyData; 0 if none came */
};

/*
 * err 0 and l set; or an error with one plain line that names neither the server's user nor its secret, and
 * sqlstate (5 characters) for the person's client.
 */
typedef void sp_postgres_login_cb(int err, const char *sqlstate, const char *reason, struct sp_postgres_logged_in *l,
    void *ctx);

/* params: the startup options, user and database among them (copied). password is taken over, also on failure. */
int sp_postgres_login_start(struct event_base *base, const struct sp_postgres_target *t,
    const struct sp_pg_param *params, unsigned n_params, struct sp_secret *password, sp_postgres_login_cb *cb,
    void *ctx, struct sp_postgres_login **ret_l) SP_MUST_CHECK;
/* Gives up without calling cb; only before cb was called. NULL is fine. */
void sp_postgres_login_free(struct sp_postgres_login *l);

#endif
