/* SPDX-License-Identifier: Apache-2.0 */
/* The session's end of the connection with sallyport-forcecmd (PROTOCOL.ipc section 3). */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc_session.h"
#include "runtime/log.h"
#include "session-agent/relay.h"

#define CLIENT_SIZE_MAX 10000

static void
client_send(struct sp_session *s, uint8_t type, struct sp_buf *body, const int *fds, size_t nfds)
{
	if (s->client != NULL && (body == NULL || sp_peer_send(s->client, type, 0, body, fds, nfds) != 0))
		sp_log_warn("the person's side cannot be told");
	sp_buf_free(body);
}

static int
client_on_winch(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	uint32_t rows, cols;
	int r;

	(void)p;
	(void)msg;
	r = sp_buf_get_u32(body, &rows);
	if (r == 0)
		r = sp_buf_get_u32(body, &cols);
	if (r == 0 && (rows > CLIENT_SIZE_MAX || cols > CLIENT_SIZE_MAX))
		r = SP_ERR_FORMAT;
	if (r == 0)
		sp_terminal_resize(ctx, rows, cols);
	return r;
}

static int
client_on_signal(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	uint32_t sig;
	int r = sp_buf_get_u32(body, &sig);

	(void)p;
	(void)msg;
	if (r != 0)
		return r;
	if (sig == SIGPIPE) {
		sp_session_unheard(ctx);
		return 0;
	}
	if (sig != SIGINT && sig != SIGTERM && sig != SIGHUP && sig != SIGQUIT)
		return SP_ERR_FORMAT;
	/* No program gets it: what runs elsewhere cannot, and what runs here ends with the session, all of it. */
	sp_session_end(ctx, sig == SIGHUP ? "the connection was closed" : "interrupted");
	return 0;
}

static int
client_on_spawned(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	char *message = NULL;
	uint32_t verdict, pid;
	int r;

	(void)p;
	(void)msg;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &message);
	if (r == 0)
		r = sp_buf_get_u32(body, &pid);
	if (r == 0 && !s->has_tool)
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		if (verdict != 0)
			sp_session_end(s, message);
		else if (s->relay != NULL && sp_session_relay_start(s) != 0)
			sp_session_end(s, "the terminal cannot be served");
	}
	free(message);
	return r;
}

static int
client_on_tool_exit(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	uint8_t is_signaled;
	uint32_t value;
	int r;

	(void)p;
	(void)msg;
	r = sp_buf_get_u8(body, &is_signaled);
	if (r == 0)
		r = sp_buf_get_u32(body, &value);
	if (r == 0 && (!s->has_tool || is_signaled > 1 || value > 255))
		r = SP_ERR_PROTOCOL;
	if (r != 0)
		return r;
	s->is_tool_gone = true;
	if (s->relay != NULL) {
		sp_session_relay_ended(s, is_signaled == 1, (int)value);
	} else {
		s->is_signaled = is_signaled == 1;
		sp_session_exit(s, (int)value);
	}
	return 0;
}

static void
client_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_session *s = ctx;

	(void)err;
	sp_peer_free(p);
	s->client = NULL;
	if (s->stage == SP_SESSION_OVER)
		sp_monitor_done(s);
	else
		sp_session_end(s, "the person's connection is gone");
}

static const struct sp_peer_request client_requests[] = {
	{ SP_IPC_SESSION_WINCH, 1, 8, 0, client_on_winch, "WINCH" },
	{ SP_IPC_SESSION_SIGNAL, 1, 4, 0, client_on_signal, "SIGNAL" },
	{ SP_IPC_SESSION_SPAWNED, 1, SP_SESSION_MESSAGE_MAX + 16, 0, client_on_spawned, "SPAWNED" },
	{ SP_IPC_SESSION_TOOL_EXIT, 1, 5, 0, client_on_tool_exit, "TOOL_EXIT" },
	{ 0 },
};
static const struct sp_peer_ops client_ops = { client_requests, client_on_close, "client" };

int
sp_client_new(struct sp_session *s, int fd)
{
	struct sp_buf *body;
	int r = sp_peer_new(s->base, fd, &client_ops, s, &s->client);

	if (r != 0)
		return r;
	body = sp_buf_new(64);
	if (body != NULL)
		sp_buf_put_cstring(body, s->id);
	client_send(s, SP_IPC_SESSION_STARTED, body, NULL, 0);
	return 0;
}

void
sp_client_raw(struct sp_session *s, bool raw)
{
	struct sp_buf *body;

	if (raw == s->is_raw)
		return;
	s->is_raw = raw;
	body = sp_buf_new(16);
	if (body != NULL)
		sp_buf_put_u8(body, raw);
	client_send(s, SP_IPC_SESSION_TTY, body, NULL, 0);
}

void
sp_client_kill(struct sp_session *s, int sig)
{
	struct sp_buf *body = sp_buf_new(16);

	if (body != NULL)
		sp_buf_put_u32(body, (uint32_t)sig);
	client_send(s, SP_IPC_SESSION_KILL, body, NULL, 0);
}

/* The person's side exits the same way; the connection closes when it has read this. */
void
sp_client_exit(struct sp_session *s)
{
	struct sp_buf *body = sp_buf_new(16);

	if (body != NULL) {
		sp_buf_put_u8(body, s->is_signaled);
		sp_buf_put_u32(body, (uint32_t)s->status);
	}
	client_send(s, SP_IPC_SESSION_EXIT, body, NULL, 0);
	if (s->client != NULL)
		sp_peer_finish(s->client);
	else
		sp_monitor_done(s);
}

static void
client_put_list(struct sp_buf *body, const char *const *list)
{
	uint32_t n = 0;

	while (list[n] != NULL)
		n++;
	sp_buf_put_u32(body, n);
	for (; *list != NULL; list++)
		sp_buf_put_cstring(body, *list);
}

/* What every tool gets, of what it may know of the person's terminal. */
static int
client_put_env(const struct sp_session *s, struct sp_buf *body, const char *const *env)
{
	struct sp_buf *names = sp_buf_new(4096);
	uint32_t own = 5, n = 0;
	int r = SP_ERR_NOMEM;

	while (env[n] != NULL)
		n++;
	if (names == NULL)
		return r;
	own += s->term[0] != '\0';
	own += s->lang[0] != '\0';
	sp_buf_put_u32(body, n + own);
	sp_buf_put_cstring(body, "PATH=/usr/bin:/bin");
	sp_buf_put_cstring(body, "PAGER=less");
	sp_buf_put_cstring(body, "LESSSECURE=1"); /* no shell, no editor, no files from within the pager */
	sp_buf_putf(names, "USER=%s%cLOGNAME=%s%cTERM=%s%cLANG=%s%c", s->user, 0, s->user, 0, s->term, 0, s->lang, 0);
	r = sp_buf_error(names);
	if (r == 0) {
		const char *p = (const char *)sp_buf_data(names);

		sp_buf_put_cstring(body, p);
		p += strlen(p) + 1;
		sp_buf_put_cstring(body, p);
		p += strlen(p) + 1;
		if (s->term[0] != '\0')
			sp_buf_put_cstring(body, p);
		p += strlen(p) + 1;
		if (s->lang[0] != '\0')
			sp_buf_put_cstring(body, p);
	}
	sp_buf_free(names);
	for (; *env != NULL; env++)
		sp_buf_put_cstring(body, *env);
	return r == 0 ? sp_buf_error(body) : r;
}

static int
client_spawn(struct sp_session *s, const char *directory, const char *const argv[], const char *const env[],
    const int fds[3])
{
	struct sp_buf *body = sp_buf_new(SP_IPC_FRAME_MAX - 64);
	int r;

	if (body == NULL)
		return SP_ERR_NOMEM;
	sp_buf_put_u8(body, s->has_tty);
	client_put_list(body, argv);
	r = client_put_env(s, body, env);
	sp_buf_put_cstring(body, directory);
	if (r == 0)
		r = sp_buf_error(body);
	if (r == 0)
		r = sp_peer_send(s->client, SP_IPC_SESSION_SPAWN, 0, body, fds, 3);
	sp_buf_free(body);
	if (r == 0)
		s->has_tool = true;
	return r;
}

int
sp_session_run_tool(struct sp_session *s, const char *directory, const char *const argv[], const char *const env[])
{
	int fds[3] = { s->in, s->out, s->err }, r = 0;

	if (s->client == NULL || s->has_tool || s->stage != SP_SESSION_SERVING)
		return SP_ERR_UNAVAILABLE;
	if (s->has_tty)
		r = sp_relay_new(s, NULL, 0, NULL, NULL, fds);
	return r == 0 ? client_spawn(s, directory, argv, env, fds) : r;
}

int
sp_session_run_relayed(struct sp_session *s, const struct sp_policy_connection *c, unsigned flags,
    const char *directory, const char *const argv[], const char *const env[])
{
	int fds[3] = { -1, -1, -1 }, r;

	if (s->client == NULL || s->has_tool || s->stage != SP_SESSION_SERVING)
		return SP_ERR_UNAVAILABLE;
	r = sp_session_relay_open(s, c, flags, NULL, NULL, fds);
	return r == 0 ? client_spawn(s, directory, argv, env, fds) : r;
}

int
sp_session_exec(struct sp_session *s, const int fds[3], int channel)
{
	int all[4] = { fds[0], fds[1], fds[2], channel }, r;

	if (s->client == NULL || s->has_tool || s->stage != SP_SESSION_SERVING)
		return SP_ERR_UNAVAILABLE;
	r = sp_peer_send(s->client, SP_IPC_SESSION_EXEC, 0, NULL, all, 4);
	if (r == 0)
		s->has_tool = true;
	return r;
}
