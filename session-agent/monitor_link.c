/* SPDX-License-Identifier: Apache-2.0 */
/* The session's end of the monitor channel (PROTOCOL.ipc section 4). A session outlives sallyportd and finds it again. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc_monitor.h"
#include "policy/image.h"
#include "policy/subject.h"
#include "proto/ssh_known.h"
#include "runtime/log.h"
#include "session-agent/command.h"
#include "session-agent/session_state.h"

#define MONITOR_SOCKET SP_RUNDIR "/monitor.sock"
#define MONITOR_CONNECT_MS 200
#define MONITOR_PAUSE_MIN_MS 100
#define MONITOR_PAUSE_MAX_MS 2000
#define MONITOR_NAME_MAX 64

enum { LINK_NEW = 0, LINK_LIVE = 1, LINK_RESUMING = 2 };
#define NEW (1u << LINK_NEW)
#define LIVE (1u << LINK_LIVE)
#define RESUMING (1u << LINK_RESUMING)

static void monitor_on_close(struct sp_peer *p, int err, void *ctx);

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
	s->from = json_string_value(json_object_get(s->origin, "from"));
	s->forward = json_string_value(json_object_get(s->origin, "forward"));
	s->endpoint = json_string_value(json_object_get(s->origin, "endpoint"));
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
	if (s->forward != NULL) /* nobody is there but those who connect */
		(void)close(client);
	else
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
monitor_on_pause(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	char *text = NULL;
	uint8_t is_paused;
	int r = sp_buf_get_u8(body, &is_paused);

	(void)p;
	(void)msg;
	if (r == 0 && is_paused > 1)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &text);
	if (r == 0)
		sp_session_pause(ctx, is_paused == 1, text);
	free(text);
	return r;
}

static int
monitor_on_forward(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	int fd;

	(void)p;
	(void)body;
	if (msg->nfds != 1 || s->forward == NULL)
		return SP_ERR_PROTOCOL;
	fd = msg->fds[0];
	msg->fds[0] = -1;
	sp_forwarded_take(s, fd);
	return 0;
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
		sp_session_unknown(s);
		return 0;
	}
	sp_log_info("resumed");
	s->is_resumed = true;
	s->monitor_pause_ms = MONITOR_PAUSE_MIN_MS;
	if (s->stage == SP_SESSION_OVER && s->client == NULL) {
		sp_monitor_done(s);
		return 0;
	}
	sp_questions_resumed(s);
	return 0;
}

/* --- the channel ----------------------------------------------------------------------------------------- */

#define BEGIN_MAX SP_IPC_FRAME_MAX
static const struct sp_peer_request monitor_requests[] = {
	{ SP_IPC_MONITOR_BEGIN, NEW, BEGIN_MAX, 4, monitor_on_begin, "BEGIN" },
	{ SP_IPC_MONITOR_CHANNEL, LIVE, 4, 2, monitor_on_channel, "CHANNEL" },
	{ SP_IPC_MONITOR_CREDENTIAL_REPLY, LIVE, SP_SESSION_PASSWORD_MAX + 3 * SP_SESSION_MESSAGE_MAX, 0, sp_question_on_credential,
	    "CREDENTIAL_REPLY" },
	{ SP_IPC_MONITOR_LISTEN_REPLY, LIVE, 2 * SP_SESSION_MESSAGE_MAX, 1, sp_question_on_listen, "LISTEN_REPLY" },
	{ SP_IPC_MONITOR_SSH_REPLY, LIVE, SP_SESSION_MESSAGE_MAX + SP_SSH_KNOWN_TEXT_MAX + 16, 0, sp_question_on_ssh, "SSH_REPLY" },
	{ SP_IPC_MONITOR_ACCOUNT_REPLY, LIVE, SP_SESSION_SECRETS_MAX * (SP_SESSION_PASSWORD_MAX + 4) + SP_SESSION_MESSAGE_MAX + 16,
	    0, sp_question_on_account, "ACCOUNT_REPLY" },
	{ SP_IPC_MONITOR_COPY_REPLY, LIVE, SP_SESSION_MESSAGE_MAX + 8, 1, sp_question_on_copy, "COPY_REPLY" },
	{ SP_IPC_MONITOR_KEEP_REPLY, LIVE, SP_SESSION_MESSAGE_MAX + 8, 0, sp_question_on_keep, "KEEP_REPLY" },
	{ SP_IPC_MONITOR_END, NEW | LIVE, SP_SESSION_MESSAGE_MAX + 4, 0, monitor_on_end, "END" },
	{ SP_IPC_MONITOR_PAUSE, LIVE, SP_SESSION_MESSAGE_MAX + 8, 0, monitor_on_pause, "PAUSE" },
	{ SP_IPC_MONITOR_FORWARD, LIVE, 0, 1, monitor_on_forward, "FORWARD" },
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
	bool is_said = s->stage == SP_SESSION_OVER && s->is_resumed;

	sp_peer_free(p);
	s->monitor = NULL;
	s->is_resumed = false;
	sp_questions_lost(s);
	if (s->id[0] == '\0' || is_said) { /* never begun, or all said */
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

/* --- a lost channel -------------------------------------------------------------------------------------- */

static void
monitor_say_lost(struct sp_session *s, uint32_t which)
{
	struct sp_buf *body = sp_buf_new(16);

	if (body != NULL)
		sp_buf_put_u32(body, which);
	if (body == NULL || sp_peer_send(s->monitor, SP_IPC_MONITOR_LOST, 0, body, NULL, 0) != 0)
		sp_log_warn("sallyportd cannot be asked for another one");
	sp_buf_free(body);
}

/* A daemon that went away has a new channel made for everybody by now, or will have; else this one alone was lost. */
static void
monitor_on_lost(evutil_socket_t unused, short what, void *ctx)
{
	static const struct timeval again = { .tv_sec = SP_SESSION_LOST_AGAIN_MS / 1000 };
	struct sp_session *s = ctx;

	(void)unused;
	(void)what;
	if (s->recorder != NULL && s->control != NULL)
		return;
	if (s->monitor != NULL && s->is_resumed) {
		if (s->recorder == NULL)
			monitor_say_lost(s, SP_IPC_MONITOR_WHICH_RECORDER);
		if (s->control == NULL)
			monitor_say_lost(s, SP_IPC_MONITOR_WHICH_CONTROL);
	}
	(void)event_add(s->lost_timer, &again);
}

void
sp_monitor_lost(struct sp_session *s)
{
	static const struct timeval soon = { .tv_usec = SP_SESSION_LOST_MS * 1000 };

	(void)event_add(s->lost_timer, &soon);
}

int
sp_monitor_link(struct sp_session *s, int fd)
{
	int r = sp_questions_init(s);

	if (r != 0)
		return r;
	s->monitor_pause_ms = MONITOR_PAUSE_MIN_MS;
	s->monitor_retry = event_new(s->base, -1, 0, monitor_on_retry, s);
	s->lost_timer = event_new(s->base, -1, 0, monitor_on_lost, s);
	if (s->monitor_retry == NULL || s->lost_timer == NULL)
		return SP_ERR_NOMEM;
	return sp_peer_new(s->base, fd, &monitor_ops, s, &s->monitor);
}

/* The last word: then the channel is closed and the process ends. */
void
sp_monitor_done(struct sp_session *s)
{
	struct sp_buf *body;

	if (s->monitor == NULL || !s->is_resumed) {
		if (!sp_session_keep(s))
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
	sp_questions_free(s);
	sp_peer_free(s->monitor);
	s->monitor = NULL;
	if (s->lost_timer != NULL)
		event_free(s->lost_timer);
	if (s->monitor_retry != NULL)
		event_free(s->monitor_retry);
}
