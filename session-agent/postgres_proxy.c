/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "proto/pg_write.h"
#include "recorder/event.h"
#include "session-agent/postgres_catalog.h"
#include "session-agent/postgres_kind.h"

#define SOCKET_NAME ".s.PGSQL.5432"
#define TOOL_ARGS_MAX 256

/* --- policy ------------------------------------------------------------------------------------------ */

/* What the policy in force now says, found once a policy. */
static void
policy_look(struct sp_postgres_proxy *px)
{
	const struct sp_policy_image *image = sp_session_policy(px->session);
	const struct sp_policy_connection *pc = NULL;

	if (image == px->image)
		return;
	sp_decide_scope_free(px->scope);
	px->scope = NULL;
	px->image = image;
	px->generation++;
	if (image != NULL)
		pc = sp_policy_image_find(image, px->name);
	px->connection = pc != NULL && pc->kind == SP_POLICY_KIND_POSTGRES ? pc : NULL;
	if (px->connection == NULL || sp_decide_scope_new(image, sp_session_subject(px->session), pc, &px->scope) != 0)
		px->scope = NULL;
}

const struct sp_policy_connection *
sp_postgres_proxy_connection(struct sp_postgres_proxy *px)
{
	policy_look(px);
	return px->connection;
}

const struct sp_decide_scope *
sp_postgres_proxy_scope(struct sp_postgres_proxy *px)
{
	policy_look(px);
	return px->scope;
}

static void
on_policy(void *ctx)
{
	struct sp_postgres_proxy *px = ctx;

	/* The old image may be gone, and a new one may lie at its address. */
	sp_decide_scope_free(px->scope);
	px->scope = NULL;
	px->connection = NULL;
	px->image = NULL;
}

/* --- record ------------------------------------------------------------------------------------------ */

int
sp_postgres_proxy_note_target(struct sp_postgres_proxy *px, const char *status, const char *reason)
{
	struct sp_buf *ev = sp_session_event(px->session);
	char address[300];

	snprintf(address, sizeof(address), "%s:%s", px->target.host, px->target.port);
	sp_event_begin(ev, SP_EVENT_TARGET, sp_event_now());
	sp_event_put_cstring(ev, SP_FIELD_CONNECTION, px->name);
	sp_event_put_cstring(ev, SP_FIELD_ADDRESS, address);
	sp_event_put_cstring(ev, SP_FIELD_STATUS, status);
	sp_event_put_cstring(ev, SP_FIELD_REASON, reason);
	return sp_session_record(px->session);
}

void
sp_postgres_proxy_note_closed(struct sp_postgres_proxy *px, const char *status, const char *reason)
{
	if (sp_postgres_proxy_note_target(px, status, reason) != 0)
		sp_session_say(px->session, "the end of a connection to %s could not be recorded", px->name);
}

static void
on_record_ready(void *ctx)
{
	struct sp_postgres_proxy *px = ctx;
	struct sp_postgres_conn *c;

	for (c = px->conns; c != NULL; c = c->next) {
		if (c->hold == SP_POSTGRES_HOLD_RECORD)
			c->hold = SP_POSTGRES_GO;
		c->s_hold = false;
		sp_postgres_conn_wake(c);
	}
}

/* --- connections --------------------------------------------------------------------------------------- */

void
sp_postgres_proxy_forget(struct sp_postgres_proxy *px, struct sp_postgres_conn *c)
{
	struct sp_postgres_conn **at;

	for (at = &px->conns; *at != NULL && *at != c; at = &(*at)->next)
		;
	if (*at != NULL) {
		*at = (*at)->next;
		px->n_conns--;
	}
}

struct sp_postgres_conn *
sp_postgres_proxy_find(struct sp_postgres_proxy *px, uint32_t pid, uint32_t key)
{
	struct sp_postgres_conn *c;

	for (c = px->conns; c != NULL; c = c->next)
		if (c->state == SP_POSTGRES_READY && c->pid == pid && c->key == key)
			return c;
	return NULL;
}

/* Says why and closes: the client has not spoken yet, so there is no connection to speak through. */
static void
turn_away(int fd, const char *sqlstate, const char *message)
{
	struct sp_buf *b = sp_buf_new(4096);

	if (b != NULL) {
		sp_pg_write_error(b, 'E', "FATAL", sqlstate, message, NULL);
		if (sp_buf_error(b) == 0)
			(void)send(fd, sp_buf_data(b), sp_buf_len(b), MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	sp_buf_free(b);
	close(fd);
}

/* A client whose peer is known to be the person's. */
static void
client_take(struct sp_postgres_proxy *px, int fd)
{
	static uint32_t last_pid = 1000; /* what clients are told; means nothing outside this process */
	struct sp_postgres_conn *c;

	if (px->n_conns >= SP_POSTGRES_CONNS_MAX)
		turn_away(fd, "53300", "too many connections in this session");
	else if ((c = sp_postgres_conn_new(px, fd)) != NULL) {
		c->pid = ++last_pid;
		c->next = px->conns;
		px->conns = c;
		px->n_conns++;
	}
}

static void
on_forwarded(void *ctx, int fd)
{
	(void)evutil_make_socket_nonblocking(fd);
	client_take(ctx, fd);
}

static void
on_accept(evutil_socket_t listener, short what, void *arg)
{
	struct sp_postgres_proxy *px = arg;
	int fd;

	(void)what;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (!sp_session_owns_peer(px->session, fd)) {
			sp_session_say(px->session, "a process outside this session tried to use its database socket");
			close(fd);
		} else {
			client_take(px, fd);
		}
	}
}

static const char *const *
tool_env(void)
{
	/* The socket's directory is /run/postgresql in the sandbox; the login is ours, so any user name will do. */
	static const char *const env[] = {"PGHOST=/run/postgresql", "PGPORT=5432", "PGSSLMODE=disable", "PGGSSENCMODE=disable",
	    NULL};

	return env;
}

static void
on_listen(int err, const char *message, int fd, const char *directory, void *ctx)
{
	struct sp_postgres_proxy *px = ctx;
	int r = err;

	if (px->is_ended) {
		if (err == 0)
			close(fd);
		sp_postgres_proxy_unpin(px);
		return;
	}
	if (r == 0) {
		px->listener = fd;
		(void)evutil_make_socket_nonblocking(fd);
		px->accept = event_new(sp_session_base(px->session), fd, EV_READ | EV_PERSIST, on_accept, px);
		r = px->accept == NULL || event_add(px->accept, NULL) != 0 ? SP_ERR_NOMEM :
		    sp_session_run_tool(px->session, directory, (const char *const *)px->tool, tool_env());
		message = "the tool can't be started";
	}
	if (r != 0) {
		sp_session_say(px->session, "%s: %s", px->name, message != NULL ? message : sp_err_str(r));
		sp_session_exit(px->session, 1);
	}
	sp_postgres_proxy_unpin(px);
}

/* --- the kind ------------------------------------------------------------------------------------------ */

static void
proxy_free(struct sp_postgres_proxy *px)
{
	unsigned i;

	for (i = 0; i < SP_POSTGRES_MASKS_MAX; i++)
		sp_postgres_masks_unref(px->masks[i]);
	sp_decide_scope_free(px->scope);
	sp_sqlcache_free(px->cache);
	sp_stream_tls_free(px->target.tls);
	for (i = 0; px->tool != NULL && px->tool[i] != NULL; i++)
		free(px->tool[i]);
	free(px->tool);
	explicit_bzero(px->mask_key, sizeof(px->mask_key));
	free(px);
}

void
sp_postgres_proxy_unpin(struct sp_postgres_proxy *px)
{
	if (--px->pins == 0 && px->is_ended)
		proxy_free(px);
}

/* argv as the person gave it, but with our database name in place of the connection's: psql orders -c … */
static int
tool_copy(struct sp_postgres_proxy *px, const char *const argv[])
{
	size_t n = 0, i;

	while (argv[n] != NULL)
		n++;
	if (n == 0 || n > TOOL_ARGS_MAX || (px->tool = calloc(n + 1, sizeof(*px->tool))) == NULL)
		return SP_ERR_LIMIT;
	for (i = 0; i < n; i++)
		if ((px->tool[i] = strdup(argv[i])) == NULL)
			return SP_ERR_NOMEM;
	return 0;
}

static int
target_set(struct sp_postgres_proxy *px, const struct sp_policy_connection *pc)
{
	char address[320];
	int r;

	if (pc->host[0] == '/')
		snprintf(address, sizeof(address), "%s", pc->host);
	else
		snprintf(address, sizeof(address), strchr(pc->host, ':') != NULL ? "[%s]:%u" : "%s:%u", pc->host,
		    pc->port != 0 ? pc->port : 5432);
	if ((r = sp_postgres_target_resolve(&px->target, address)) != 0) {
		sp_session_say(px->session, "the address of %s can't be resolved", px->name);
		return r;
	}
	if (pc->tls == SP_POLICY_TLS_DISABLE || pc->host[0] == '/')
		return 0;
	r = sp_stream_tls_new(pc->tls == SP_POLICY_TLS_VERIFY_CA ? SP_STREAM_VERIFY_CA : SP_STREAM_VERIFY_FULL,
	    pc->tls_ca[0] != '\0' ? pc->tls_ca : NULL, pc->tls_server_name[0] != '\0' ? pc->tls_server_name : pc->host,
	    "postgresql", &px->target.tls);
	if (r != 0)
		sp_session_say(px->session, "TLS to %s can't be set up: is the CA file readable?", px->name);
	return r;
}

static int
on_start(struct sp_session *s, const struct sp_policy_connection *pc, const char *const argv[], void **ret_ctx)
{
	struct sp_postgres_proxy *px = calloc(1, sizeof(*px));
	int r = SP_ERR_NOMEM;

	if (px == NULL)
		return r;
	px->session = s;
	px->listener = -1;
	snprintf(px->name, sizeof(px->name), "%s", pc->name);
	snprintf(px->database, sizeof(px->database), "%s", pc->database[0] != '\0' ? pc->database : pc->name);
	snprintf(px->login_user, sizeof(px->login_user), "%s", pc->login_user);
	px->cache = sp_sqlcache_new(0, 0);
	if (px->cache == NULL || (r = tool_copy(px, argv)) != 0 || (r = target_set(px, pc)) != 0)
		goto fail;
	px->is_forwarded = strcmp(argv[0], "forward") == 0; /* no tool of the kind's: only dispatch.c says it */
	r = SP_ERR_SYSTEM;
	if (getrandom(px->mask_key, sizeof(px->mask_key), 0) != sizeof(px->mask_key))
		goto fail;
	if (px->is_forwarded) {
		*ret_ctx = px;
		return 0;
	}
	px->pins++;
	if ((r = sp_session_listen(s, SOCKET_NAME, on_listen, px)) != 0)
		goto fail;
	*ret_ctx = px;
	return 0;
fail:
	proxy_free(px);
	return r;
}

static void
on_end(void *ctx)
{
	struct sp_postgres_proxy *px = ctx;

	px->is_ended = true;
	px->pins++;
	if (px->accept != NULL)
		event_free(px->accept);
	if (px->listener >= 0)
		close(px->listener);
	while (px->conns != NULL) {
		if (px->is_forwarded)
			sp_postgres_conn_farewell(px->conns);
		sp_postgres_conn_kill(px->conns);
	}
	sp_postgres_catalog_end(px);
	sp_postgres_cancel_end(px);
	sp_postgres_proxy_unpin(px);
}

static void
on_paused(void *ctx, bool is_paused)
{
	struct sp_postgres_proxy *px = ctx;
	struct sp_postgres_conn *c;

	px->is_paused = is_paused;
	for (c = px->conns; c != NULL; c = c->next)
		sp_postgres_conn_wake(c); /* it stops or goes on reading */
}

/* Something runs at the server, is held here, or is being logged in. */
static bool
on_is_busy(const void *ctx)
{
	const struct sp_postgres_proxy *px = ctx;
	const struct sp_postgres_conn *c;

	for (c = px->conns; c != NULL; c = c->next)
		if (c->state != SP_POSTGRES_READY || c->q_len > 0 || c->hold != SP_POSTGRES_GO || c->copy_in)
			return true;
	return false;
}

static const char *const tools[] = {"psql", "pg_dump", "pg_restore", "pgbench", NULL};

const struct sp_kind sp_postgres_kind = {
    .name = "postgres",
    .tools = tools,
    .start = on_start,
    .record_ready = on_record_ready,
    .policy_changed = on_policy,
    .end = on_end,
    .is_busy = on_is_busy,
    .forwarded = on_forwarded,
    .paused = on_paused,
};
