/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session asks of sallyportd (CREDENTIAL, LISTEN, SSH, ACCOUNT, COPY and KEEP of PROTOCOL.ipc section 4). While
 * sallyportd is being restarted a question waits for its return, for a bounded time.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc_monitor.h"
#include "proto/ssh_known.h"
#include "session-agent/command.h"
#include "session-agent/session_state.h"

#define QUESTION_DIRECTORY_MAX 256
#define QUESTION_TICK_MS 250 /* how often one that waits is looked at */
#define QUESTION_AWAY "the bastion's monitor is being restarted: try again shortly"

struct sp_session_question {
	TAILQ_ENTRY(sp_session_question) next;
	uint32_t id; /* 0: not asked yet */
	uint8_t type;
	struct sp_buf *body;
	int fds[SP_IPC_FDS_MAX]; /* its own */
	size_t nfds;
	int64_t deadline; /* to be answered by, of one that waits */
	sp_session_credential_cb *credential; /* one of these */
	sp_session_listen_cb *listen;
	sp_session_ssh_cb *ssh;
	sp_session_account_cb *account;
	sp_session_copy_cb *copy;
	sp_session_copy_keep_cb *keep;
	void *ctx;
};

static void
question_free(struct sp_session_question *q)
{
	while (q->nfds > 0)
		(void)close(q->fds[--q->nfds]);
	sp_buf_free(q->body);
	free(q);
}

static void
question_remove(struct sp_session *s, struct sp_session_question *q)
{
	TAILQ_REMOVE(&s->questions, q, next);
	s->nquestions--;
}

static void
question_fail(struct sp_session *s, struct sp_session_question *q, const char *message)
{
	question_remove(s, q);
	if (q->credential != NULL)
		q->credential(SP_ERR_UNAVAILABLE, message, "", NULL, q->ctx);
	else if (q->listen != NULL)
		q->listen(SP_ERR_UNAVAILABLE, message, -1, "", q->ctx);
	else if (q->ssh != NULL)
		q->ssh(SP_ERR_UNAVAILABLE, message, "", q->ctx);
	else if (q->copy != NULL)
		q->copy(SP_ERR_UNAVAILABLE, message, -1, q->ctx);
	else if (q->keep != NULL)
		q->keep(SP_ERR_UNAVAILABLE, message, q->ctx);
	else
		q->account(SP_ERR_UNAVAILABLE, message, (uid_t)-1, NULL, 0, q->ctx);
	question_free(q);
}

static int
question_send(struct sp_session *s, struct sp_session_question *q)
{
	uint32_t id = sp_session_new_id(s);
	int r = sp_peer_send(s->monitor, q->type, id, q->body, q->fds, q->nfds);

	if (r == 0)
		q->id = id;
	return r;
}

static void
question_arm(struct sp_session *s)
{
	static const struct timeval tick = { .tv_usec = QUESTION_TICK_MS * 1000 };

	if (!event_pending(s->question_timer, EV_TIMEOUT, NULL))
		(void)event_add(s->question_timer, &tick);
}

/* One that waits for sallyportd's return. */
static void
question_wait(struct sp_session *s, struct sp_session_question *q)
{
	q->id = 0;
	q->deadline = sp_ipc_now_ms() + SP_SESSION_AWAY_MS;
	question_arm(s);
}

/* What waits is asked, or has waited for long enough. */
static void
question_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_question *q;
	int64_t now = sp_ipc_now_ms();

	(void)fd;
	(void)what;
again:
	TAILQ_FOREACH(q, &s->questions, next) {
		if (q->id != 0)
			continue;
		if (now >= q->deadline) {
			question_fail(s, q, QUESTION_AWAY); /* its callback may change the list */
			goto again;
		}
		question_arm(s);
	}
	if (s->monitor != NULL && s->is_resumed)
		sp_questions_resumed(s);
}

static struct sp_session_question *
question_new(uint8_t type, void *ctx)
{
	struct sp_session_question *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->type = type;
	q->ctx = ctx;
	q->body = sp_buf_new(SP_COMMAND_MAX + 1024);
	if (q->body == NULL) {
		free(q);
		q = NULL;
	}
	return q;
}

/* Takes over q. */
static int
question_ask(struct sp_session *s, struct sp_session_question *q)
{
	int r = sp_buf_error(q->body);

	if (s->nquestions >= SP_SESSION_QUESTIONS_MAX)
		r = SP_ERR_LIMIT;
	q->deadline = sp_ipc_now_ms() + SP_SESSION_AWAY_MS;
	if (r == 0 && (s->monitor == NULL || !s->is_resumed))
		question_wait(s, q);
	else if (r == 0)
		r = question_send(s, q);
	if (r == SP_ERR_CLOSED) { /* its on_close follows */
		question_wait(s, q);
		r = 0;
	}
	if (r != 0) {
		question_free(q);
		return r;
	}
	TAILQ_INSERT_TAIL(&s->questions, q, next);
	s->nquestions++;
	return 0;
}

int
sp_session_credential(struct sp_session *s, const char *connection, sp_session_credential_cb *cb, void *ctx)
{
	return sp_session_hop_credential(s, connection, connection, "", cb, ctx);
}

int
sp_session_hop_credential(
    struct sp_session *s, const char *hop, const char *target, const char *command, sp_session_credential_cb *cb, void *ctx)
{
	struct sp_session_question *q = question_new(SP_IPC_MONITOR_CREDENTIAL, ctx);

	if (q == NULL)
		return SP_ERR_NOMEM;
	q->credential = cb;
	sp_buf_put_cstring(q->body, hop);
	sp_buf_put_cstring(q->body, target);
	sp_buf_put_cstring(q->body, command);
	return question_ask(s, q);
}

int
sp_session_listen(struct sp_session *s, const char *name, sp_session_listen_cb *cb, void *ctx)
{
	struct sp_session_question *q = question_new(SP_IPC_MONITOR_LISTEN, ctx);

	if (q == NULL)
		return SP_ERR_NOMEM;
	q->listen = cb;
	sp_buf_put_cstring(q->body, name);
	return question_ask(s, q);
}

int
sp_session_ssh(struct sp_session *s, const char *connection, const char *target, uint8_t what, const char *command,
    const int fds[SP_SESSION_SSH_FDS], sp_session_ssh_cb *cb, void *ctx)
{
	bool is_target = strcmp(connection, target) == 0;
	struct sp_session_question *q = question_new(SP_IPC_MONITOR_SSH, ctx);

	if (q == NULL)
		return SP_ERR_NOMEM;
	q->ssh = cb;
	sp_buf_put_cstring(q->body, connection);
	sp_buf_put_cstring(q->body, target);
	sp_buf_put_u8(q->body, is_target && s->has_tty && what < SP_IPC_MONITOR_SSH_SUBSYSTEM);
	sp_buf_put_cstring(q->body, is_target ? s->term : "");
	sp_buf_put_u8(q->body, what);
	sp_buf_put_cstring(q->body, command);
	for (; q->nfds < SP_SESSION_SSH_FDS; q->nfds++) {
		q->fds[q->nfds] = fcntl(fds[q->nfds], F_DUPFD_CLOEXEC, 3);
		if (q->fds[q->nfds] < 0) {
			question_free(q);
			return SP_ERR_SYSTEM;
		}
	}
	return question_ask(s, q);
}

int
sp_session_account(struct sp_session *s, const char *connection, const char *const secrets[], size_t n, int channel,
    sp_session_account_cb *cb, void *ctx)
{
	struct sp_session_question *q = question_new(SP_IPC_MONITOR_ACCOUNT, ctx);
	size_t i;

	if (q == NULL)
		return SP_ERR_NOMEM;
	q->account = cb;
	sp_buf_put_cstring(q->body, connection);
	sp_buf_put_u32(q->body, (uint32_t)n);
	for (i = 0; i < n; i++)
		sp_buf_put_cstring(q->body, secrets[i]);
	q->fds[0] = fcntl(channel, F_DUPFD_CLOEXEC, 3);
	if (q->fds[0] < 0) {
		question_free(q);
		return SP_ERR_SYSTEM;
	}
	q->nfds = 1;
	return question_ask(s, q);
}

int
sp_session_copy(struct sp_session *s, sp_session_copy_cb *cb, void *ctx)
{
	struct sp_session_question *q = question_new(SP_IPC_MONITOR_COPY, ctx);

	if (q == NULL)
		return SP_ERR_NOMEM;
	q->copy = cb;
	return question_ask(s, q);
}

int
sp_session_copy_keep(struct sp_session *s, const struct sp_session_copy_keep *k, sp_session_copy_keep_cb *cb, void *ctx)
{
	struct sp_session_question *q = question_new(SP_IPC_MONITOR_KEEP, ctx);

	if (q == NULL)
		return SP_ERR_NOMEM;
	q->keep = cb;
	sp_buf_put_u64(q->body, k->number);
	sp_buf_put_cstring(q->body, k->connection);
	sp_buf_put_cstring(q->body, k->path);
	sp_buf_put_u8(q->body, k->is_upload);
	sp_buf_put_u8(q->body, k->is_complete);
	sp_buf_put_u64(q->body, k->size);
	sp_buf_put_string(q->body, k->sha256, sizeof(k->sha256));
	sp_buf_put_cstring(q->body, k->reason);
	q->fds[0] = fcntl(k->fd, F_DUPFD_CLOEXEC, 3);
	if (q->fds[0] < 0) {
		question_free(q);
		return SP_ERR_SYSTEM;
	}
	q->nfds = 1;
	return question_ask(s, q);
}

void
sp_questions_resumed(struct sp_session *s)
{
	struct sp_session_question *q;

	TAILQ_FOREACH(q, &s->questions, next)
		if (q->id == 0 && question_send(s, q) != 0)
			return; /* the channel has ended: its on_close follows */
}

void
sp_questions_lost(struct sp_session *s)
{
	struct sp_session_question *q;

again:
	TAILQ_FOREACH(q, &s->questions, next) {
		if (q->id == 0)
			continue;
		if (q->credential == NULL) { /* nobody knows whether it was done */
			question_fail(s, q, QUESTION_AWAY);
			goto again;
		}
		question_wait(s, q);
	}
}

/* The question that a reply answers; NULL: none. */
static struct sp_session_question *
question_find(struct sp_session *s, uint32_t id, uint8_t type)
{
	struct sp_session_question *q;

	TAILQ_FOREACH(q, &s->questions, next)
		if (id != 0 && q->id == id && q->type == type)
			return q;
	return NULL;
}

int
sp_question_on_credential(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_question *q;
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
		r = sp_buf_get_view(body, SP_SESSION_PASSWORD_MAX, &password);
	q = r == 0 ? question_find(s, msg->id, SP_IPC_MONITOR_CREDENTIAL) : NULL;
	if (r == 0 && q == NULL)
		r = SP_ERR_PROTOCOL;
	if (r == 0 && verdict == (uint32_t)-SP_ERR_UNAVAILABLE) { /* it has no policy yet: asked again */
		q->id = 0;
		question_arm(s);
	} else if (r == 0) {
		question_remove(s, q);
		err = verdict == 0 ? sp_secret_new(password.data, password.len, &secret) : SP_ERR_DENIED;
		explicit_bzero((void *)(uintptr_t)password.data, password.len);
		q->credential(err, message, user, secret, q->ctx);
		question_free(q);
	}
	free(message);
	free(user);
	return r;
}

int
sp_question_on_listen(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_question *q;
	char *message = NULL, *directory = NULL;
	uint32_t verdict;
	int fd = -1, r;

	(void)p;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &message);
	if (r == 0)
		r = sp_buf_get_cstring(body, QUESTION_DIRECTORY_MAX, &directory);
	if (r == 0 && (verdict == 0) != (msg->nfds == 1))
		r = SP_ERR_PROTOCOL;
	q = r == 0 ? question_find(s, msg->id, SP_IPC_MONITOR_LISTEN) : NULL;
	if (r == 0 && q == NULL)
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		question_remove(s, q);
		if (verdict == 0) {
			fd = msg->fds[0];
			msg->fds[0] = -1;
		}
		q->listen(verdict == 0 ? 0 : SP_ERR_UNAVAILABLE, message, fd, directory, q->ctx);
		question_free(q);
	}
	free(message);
	free(directory);
	return r;
}

int
sp_question_on_ssh(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_question *q;
	char *message = NULL, *known = NULL;
	uint32_t verdict = 0;
	int r;

	(void)p;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &message);
	if (r == 0 && verdict == 0)
		r = sp_buf_get_cstring(body, SP_SSH_KNOWN_TEXT_MAX, &known);
	q = r == 0 ? question_find(s, msg->id, SP_IPC_MONITOR_SSH) : NULL;
	if (r == 0 && q == NULL)
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		question_remove(s, q);
		q->ssh(verdict == 0 ? 0 : SP_ERR_UNAVAILABLE, message, known != NULL ? known : "", q->ctx);
		question_free(q);
	}
	free(message);
	free(known);
	return r;
}

/* The question and the words of a reply that has no more than them; *ret_message is the caller's to free. */
static int
question_reply(struct sp_session *s, const struct sp_ipc_msg *msg, struct sp_buf *body, uint8_t type,
    struct sp_session_question **ret_q, uint32_t *ret_verdict, char **ret_message)
{
	int r = sp_buf_get_u32(body, ret_verdict);

	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, ret_message);
	*ret_q = r == 0 ? question_find(s, msg->id, type) : NULL;
	return r == 0 && *ret_q == NULL ? SP_ERR_PROTOCOL : r;
}

int
sp_question_on_copy(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_question *q;
	char *message = NULL;
	uint32_t verdict;
	int fd = -1, r = question_reply(s, msg, body, SP_IPC_MONITOR_COPY, &q, &verdict, &message);

	(void)p;
	if (r == 0 && (verdict == 0) != (msg->nfds == 1))
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		question_remove(s, q);
		if (verdict == 0) {
			fd = msg->fds[0];
			msg->fds[0] = -1;
		}
		q->copy(verdict == 0 ? 0 : SP_ERR_UNAVAILABLE, message, fd, q->ctx);
		question_free(q);
	}
	free(message);
	return r;
}

int
sp_question_on_keep(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_session *s = ctx;
	struct sp_session_question *q;
	char *message = NULL;
	uint32_t verdict;
	int r = question_reply(s, msg, body, SP_IPC_MONITOR_KEEP, &q, &verdict, &message);

	(void)p;
	if (r == 0) {
		question_remove(s, q);
		q->keep(verdict == 0 ? 0 : SP_ERR_UNAVAILABLE, message, q->ctx);
		question_free(q);
	}
	free(message);
	return r;
}

/* The values of an ACCOUNT_REPLY, taken out of it. */
static int
account_values(struct sp_buf *body, struct sp_secret *values[SP_SESSION_SECRETS_MAX], size_t *ret_n)
{
	struct sp_view v;
	uint32_t n = 0;
	int r = sp_buf_get_u32(body, &n);

	if (r == 0 && n > SP_SESSION_SECRETS_MAX)
		r = SP_ERR_LIMIT;
	while (r == 0 && *ret_n < n) {
		r = sp_buf_get_view(body, SP_SESSION_PASSWORD_MAX, &v);
		if (r == 0)
			r = sp_secret_new(v.data, v.len, &values[*ret_n]);
		if (r == 0) {
			explicit_bzero((void *)(uintptr_t)v.data, v.len);
			++*ret_n;
		}
	}
	return r;
}

int
sp_question_on_account(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_secret *values[SP_SESSION_SECRETS_MAX] = { NULL };
	struct sp_session *s = ctx;
	struct sp_session_question *q;
	uint32_t verdict, uid = 0;
	char *message = NULL;
	size_t n = 0;
	int r;

	(void)p;
	r = sp_buf_get_u32(body, &verdict);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SESSION_MESSAGE_MAX, &message);
	if (r == 0)
		r = sp_buf_get_u32(body, &uid);
	if (r == 0)
		r = account_values(body, values, &n);
	q = r == 0 ? question_find(s, msg->id, SP_IPC_MONITOR_ACCOUNT) : NULL;
	if (r == 0 && q == NULL)
		r = SP_ERR_PROTOCOL;
	if (r == 0 && verdict == (uint32_t)-SP_ERR_UNAVAILABLE) { /* it has no policy yet: asked again */
		q->id = 0;
		question_arm(s);
	} else if (r == 0) {
		question_remove(s, q);
		q->account(verdict == 0 ? 0 : SP_ERR_DENIED, message, uid, values, n, q->ctx);
		question_free(q);
	}
	while (n > 0)
		sp_secret_free(values[--n]);
	free(message);
	return r;
}

int
sp_questions_init(struct sp_session *s)
{
	TAILQ_INIT(&s->questions);
	s->question_timer = event_new(s->base, -1, 0, question_on_timer, s);
	return s->question_timer == NULL ? SP_ERR_NOMEM : 0;
}

void
sp_questions_free(struct sp_session *s)
{
	struct sp_session_question *q, *next;

	if (s->question_timer == NULL)
		return; /* not even begun */
	for (q = TAILQ_FIRST(&s->questions); q != NULL; q = next) {
		next = TAILQ_NEXT(q, next);
		question_remove(s, q);
		question_free(q);
	}
	event_free(s->question_timer);
	s->question_timer = NULL;
}
