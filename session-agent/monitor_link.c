/* SPDX-License-Identifier: Apache-2.0 */
/* The session's end of the monitor channel (PROTOCOL.ipc section 4). A session outlives sallyportd and finds it again. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc_monitor.h"
#include "policy/image.h"
#include "policy/subject.h"
#include "runtime/log.h"
#include "session-agent/command.h"
#include "session-agent/session_state.h"

#define MONITOR_SOCKET SP_RUNDIR "/monitor.sock"
#define MONITOR_CONNECT_MS 200
#define MONITOR_PAUSE_MIN_MS 100
#define MONITOR_PAUSE_MAX_MS 2000
#define MONITOR_NAME_MAX 64
#define MONITOR_DIRECTORY_MAX 256
#define MONITOR_PASSWORD_MAX 4096

enum { LINK_NEW = 0, LINK_LIVE = 1, LINK_RESUMING = 2 };
#define NEW (1u << LINK_NEW)
#define LIVE (1u << LINK_LIVE)
#define RESUMING (1u << LINK_RESUMING)

/* A question to sallyportd under way. */
struct sp_session_call {
	TAILQ_ENTRY(sp_session_call) next;
	uint32_t id;
	sp_session_credential_cb *credential; /* one of the two */
	sp_session_listen_cb *listen;
	void *ctx;
};

static void monitor_on_close(struct sp_peer *p, int err, void *ctx);

/* --- questions --------------------------------------------------------------------------------------- */

static void
call_fail(struct sp_session *s, struct sp_session_call *c, int err, const char *message)
{
	TAILQ_REMOVE(&s->calls, c, next);
	s->ncalls--;
	if (c->credential != NULL)
		c->credential(err, message, "", NULL, c->ctx);
	else
		c->listen(err, message, -1, "", c->ctx);
	free(c);
}

static int
call_send(struct sp_session *s, uint8_t type, const char *text, struct sp_session_call *c)
{
	struct sp_buf *body;
	int r;

	if (s->monitor == NULL || !s->is_resumed)
		return SP_ERR_UNAVAILABLE;
	if (s->ncalls >= SP_SESSION_CALLS_MAX)
		return SP_ERR_LIMIT;
	body = sp_buf_new(1024);
	if (body == NULL)
		return SP_ERR_NOMEM;
	sp_buf_put_cstring(body, text);
	c->id = sp_session_new_id(s);
	r = sp_buf_error(body);
	if (r == 0)
		r = sp_peer_send(s->monitor, type, c->id, body, NULL, 0);
	sp_buf_free(body);
	if (r == 0) {
		TAILQ_INSERT_TAIL(&s->calls, c, next);
		s->ncalls++;
	}
	return r;
}

int
sp_session_credential(struct sp_session *s, const char *connection, sp_session_credential_cb *cb, void *ctx)
{
	struct sp_session_call *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return SP_ERR_NOMEM;
	c->credential = cb;
	c->ctx = ctx;
	r = call_send(s, SP_IPC_MONITOR_CREDENTIAL, connection, c);
	if (r != 0)
		free(c);
	return r;
}

int
sp_session_listen(struct sp_session *s, const char *name, sp_session_listen_cb *cb, void *ctx)
{
	struct sp_session_call *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return SP_ERR_NOMEM;
	c->listen = cb;
	c->ctx = ctx;
	r = call_send(s, SP_IPC_MONITOR_LISTEN, name, c);
	if (r != 0)
		free(c);
	return r;
}

static struct sp_session_call *
call_take(struct sp_session *s, uint32_t id, bool is_credential)
{
	struct sp_session_call *c;

	TAILQ_FOREACH(c, &s->calls, next)
		if (c->id == id && (c->credential != NULL) == is_credential)
			break;
	if (c != NULL) {
		TAILQ_REMOVE(&s->calls, c, next);
		s->ncalls--;
	}
	return c;
}

static int
monitor_on_credential(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_call *c;
	struct sp_secret *secret = NULL;
	char *message = NULL, *user = NULL;
	struct sp_view password;
	uint32_t verdict;
	int r, err;

	(void)p;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &message);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &user);
	if (r == 0)
		r = sp_buf_get_view(body, MONITOR_PASSWORD_MAX, &password);
	c = r == 0 ? call_take(s, msg->id, true) : NULL;
	if (r == 0 && c == NULL)
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		err = verdict == 0 ? sp_secret_new(password.data, password.len, &secret) : SP_ERR_DENIED;
		explicit_bzero((void *)(uintptr_t)password.data, password.len);
		c->credential(err, message, user, secret, c->ctx);
		free(c);
	}
	free(message);
	free(user);
	return r;
}

static int
monitor_on_listen(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_call *c;
	char *message = NULL, *directory = NULL;
	uint32_t verdict;
	int fd = -1, r;

	(void)p;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &message);
	if (r == 0)
		r = sp_buf_get_cstring(body, MONITOR_DIRECTORY_MAX, &directory);
	if (r == 0 && (verdict == 0) != (msg->nfds == 1))
		r = SP_ERR_PROTOCOL;
	c = r == 0 ? call_take(s, msg->id, false) : NULL;
	if (r == 0 && c == NULL)
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		if (verdict == 0) {
			fd = msg->fds[0];
			msg->fds[0] = -1;
		}
		c->listen(verdict == 0 ? 0 : SP_ERR_UNAVAILABLE, message, fd, directory, c->ctx);
		free(c);
	}
	free(message);
	free(directory);
	return r;
}

/* --- BEGIN ------------------------------------------------------------------------------------------- */

/* What every session must know of its person; sallyportd made it, so anything odd is a defect. */
static int
begin_origin(struct sp_session *s)
{
	json_int_t uid, ses;
	const char *user;

	s->identity = json_loads(s->identity_text, JSON_REJECT_DUPLICATES, NULL);
	s->origin = json_loads(s->origin_text, JSON_REJECT_DUPLICATES, NULL);
	if (s->identity == NULL || s->origin == NULL ||
	    json_unpack(s->origin, "{s:s,s:I,s:I}", "user", &user, "uid", &uid, "ses", &ses) != 0 ||
	    strlen(user) >= sizeof(s->user) || uid <= 0)
		return SP_ERR_FORMAT;
	memcpy(s->user, user, strlen(user) + 1);
	s->uid = (uid_t)uid;
	s->ses = (uint32_t)ses;
	return sp_policy_subject_new(s->identity_text, strlen(s->identity_text), &s->subject);
}

static int
begin_read(struct sp_session *s, struct sp_buf *body)
{
	struct sp_view secret;
	char *id = NULL;
	uint8_t tty = 0;
	int r;

	r = sp_buf_get_cstring(body, SP_ULID_LEN, &id);
	if (r == 0 && !sp_ulid_is_valid(id))
		r = SP_ERR_FORMAT;
	if (r == 0) {
		memcpy(s->id, id, sizeof(s->id));
		r = sp_buf_get_view(body, SP_SESSION_SECRET, &secret);
	}
	free(id);
	if (r == 0)
		r = sp_secret_new(secret.data, secret.len, &s->secret);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SUBJECT_JSON_MAX, &s->identity_text);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SUBJECT_JSON_MAX, &s->origin_text);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_COMMAND_MAX, &s->command);
	if (r == 0)
		r = sp_buf_get_u8(body, &tty);
	if (r == 0)
		r = sp_buf_get_u32(body, &s->rows);
	if (r == 0)
		r = sp_buf_get_u32(body, &s->cols);
	if (r == 0)
		r = sp_buf_get_cstring(body, MONITOR_NAME_MAX, &s->term);
	if (r == 0)
		r = sp_buf_get_cstring(body, MONITOR_NAME_MAX, &s->lang);
	s->has_tty = tty == 1;
	return r;
}

static int
monitor_on_begin(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	int client, r;

	if (msg->nfds != 4)
		return SP_ERR_PROTOCOL;
	r = begin_read(s, body);
	if (r == 0)
		r = begin_origin(s);
	if (r != 0)
		return r;
	client = msg->fds[0];
	s->in = msg->fds[1];
	s->out = msg->fds[2];
	s->err = msg->fds[3];
	msg->fds[0] = msg->fds[1] = msg->fds[2] = msg->fds[3] = -1;
	sp_peer_set_state(p, LINK_LIVE);
	s->is_resumed = true;
	r = sp_client_new(s, client);
	if (r == 0)
		sp_session_begin(s);
	return r;
}

/* --- CHANNEL, END -------------------------------------------------------------------------------------- */

static int
monitor_on_channel(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	uint32_t which;
	int fds[2] = { -1, -1 }, r;

	(void)p;
	r = sp_buf_get_u32(body, &which);
	if (r == 0 && !(which == SP_IPC_MONITOR_WHICH_RECORDER && msg->nfds == 2) &&
	    !(which == SP_IPC_MONITOR_WHICH_CONTROL && msg->nfds <= 1))
		r = SP_ERR_PROTOCOL;
	if (r != 0)
		return r;
	if (msg->nfds == 0) {
		sp_session_control_away(s);
		return 0;
	}
	fds[0] = msg->fds[0];
	msg->fds[0] = -1;
	if (which == SP_IPC_MONITOR_WHICH_CONTROL)
		return sp_control_channel(s, fds[0]);
	fds[1] = msg->fds[1];
	msg->fds[1] = -1;
	return sp_record_channel(s, fds[0], fds[1]);
}

static int
monitor_on_end(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	char *reason = NULL;
	int r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &reason);

	(void)p;
	(void)msg;
	if (r == 0)
		sp_session_end(ctx, reason);
	free(reason);
	return r;
}

static int
monitor_on_resumed(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	uint32_t verdict;
	int r = sp_buf_get_u32(body, &verdict);

	(void)msg;
	if (r != 0)
		return r;
	sp_peer_set_state(p, LINK_LIVE);
	if (verdict != 0) {
		sp_session_end(s, "this session is no longer known to the bastion");
		return 0;
	}
	sp_log_info("resumed");
	s->is_resumed = true;
	s->monitor_pause_ms = MONITOR_PAUSE_MIN_MS;
	return 0;
}

/* --- the channel ----------------------------------------------------------------------------------------- */

#define BEGIN_MAX SP_IPC_FRAME_MAX
static const struct sp_peer_request monitor_requests[] = {
	{ SP_IPC_MONITOR_BEGIN, NEW, BEGIN_MAX, 4, monitor_on_begin, "BEGIN" },
	{ SP_IPC_MONITOR_CHANNEL, LIVE, 4, 2, monitor_on_channel, "CHANNEL" },
	{ SP_IPC_MONITOR_CREDENTIAL_REPLY, LIVE, MONITOR_PASSWORD_MAX + 3 * SP_SESSION_MESSAGE_MAX, 0, monitor_on_credential,
	    "CREDENTIAL_REPLY" },
	{ SP_IPC_MONITOR_LISTEN_REPLY, LIVE, 2 * SP_SESSION_MESSAGE_MAX, 1, monitor_on_listen, "LISTEN_REPLY" },
	{ SP_IPC_MONITOR_END, NEW | LIVE, SP_SESSION_MESSAGE_MAX + 4, 0, monitor_on_end, "END" },
	{ SP_IPC_MONITOR_RESUMED, RESUMING, 4, 0, monitor_on_resumed, "RESUMED" },
	{ 0 },
};
static const struct sp_peer_ops monitor_ops = { monitor_requests, monitor_on_close, "monitor" };

static void
monitor_retry(struct sp_session *s)
{
	struct timeval tv = { .tv_sec = s->monitor_pause_ms / 1000,
		.tv_usec = (suseconds_t)(s->monitor_pause_ms % 1000) * 1000 };

	s->monitor_pause_ms *= 2;
	if (s->monitor_pause_ms > MONITOR_PAUSE_MAX_MS)
		s->monitor_pause_ms = MONITOR_PAUSE_MAX_MS;
	(void)event_add(s->monitor_retry, &tv);
}

static void
monitor_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_call *c;

	sp_peer_free(p);
	s->monitor = NULL;
	s->is_resumed = false;
	/* From the head each time: a callback may end others. call_fail takes the call off the list before it frees it. */
	while ((c = TAILQ_FIRST(&s->calls)) != NULL) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		call_fail(s, c, SP_ERR_UNAVAILABLE, "the bastion's monitor is being restarted: try again shortly");
	if (s->id[0] == '\0' || s->stage == SP_SESSION_OVER) { /* never begun, or all said */
		(void)event_base_loopbreak(s->base);
		return;
	}
	sp_log_warn("sallyportd is gone: %s", sp_err_str(err));
	monitor_retry(s);
}

static int
monitor_resume(struct sp_session *s)
{
	struct sp_buf *body = sp_buf_new(256);
	int r = SP_ERR_NOMEM;

	if (body != NULL) {
		sp_buf_put_cstring(body, s->id);
		sp_buf_put_string(body, sp_secret_data(s->secret), sp_secret_len(s->secret));
		r = sp_peer_send(s->monitor, SP_IPC_MONITOR_RESUME, 0, body, &s->ring_fd, s->ring_fd >= 0 ? 1 : 0);
	}
	sp_buf_free(body);
	return r;
}

static void
monitor_on_retry(evutil_socket_t unused, short what, void *ctx)
{
	struct sp_session *s = ctx;
	int fd, r;

	(void)unused;
	(void)what;
	r = sp_ipc_connect(MONITOR_SOCKET, 0, sp_ipc_now_ms() + MONITOR_CONNECT_MS, &fd);
	if (r == 0) {
		r = sp_peer_new(s->base, fd, &monitor_ops, s, &s->monitor);
		if (r != 0)
			(void)close(fd);
	}
	if (r != 0) {
		monitor_retry(s);
		return;
	}
	sp_peer_set_state(s->monitor, LINK_RESUMING);
	if (monitor_resume(s) != 0)
		sp_log_warn("sallyportd cannot be told of this session");
}

int
sp_monitor_link(struct sp_session *s, int fd)
{
	TAILQ_INIT(&s->calls);
	s->monitor_pause_ms = MONITOR_PAUSE_MIN_MS;
	s->monitor_retry = event_new(s->base, -1, 0, monitor_on_retry, s);
	if (s->monitor_retry == NULL)
		return SP_ERR_NOMEM;
	return sp_peer_new(s->base, fd, &monitor_ops, s, &s->monitor);
}

/* The last word: then the channel is closed and the process ends. */
void
sp_monitor_done(struct sp_session *s)
{
	struct sp_buf *body;

	if (s->monitor == NULL || !s->is_resumed) {
		(void)event_base_loopbreak(s->base);
		return;
	}
	body = sp_buf_new(16);
	if (body != NULL) {
		sp_buf_put_u8(body, s->is_signaled);
		sp_buf_put_u32(body, (uint32_t)s->status);
	}
	if (body == NULL || sp_peer_send(s->monitor, SP_IPC_MONITOR_DONE, 0, body, NULL, 0) != 0)
		(void)event_base_loopbreak(s->base);
	else
		sp_peer_finish(s->monitor);
	sp_buf_free(body);
}

void
sp_monitor_free(struct sp_session *s)
{
	sp_peer_free(s->monitor);
	s->monitor = NULL;
	if (s->monitor_retry != NULL)
		event_free(s->monitor_retry);
}
