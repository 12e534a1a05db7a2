/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc_monitor.h"
#include "runtime/log.h"
#include "session-agent/broker.h"
#include "session-agent/channel_state.h"
#include "session-agent/grant.h"
#include "session-agent/revocation.h"
#include "session-agent/ssh_start.h"
#include "session-agent/start.h"


/* Bits of sp_peer_set_state: a live session, or a connection that has not yet resumed one. */
enum { CHANNEL_LIVE = 0, CHANNEL_NEW = 1 };
#define LIVE (1u << CHANNEL_LIVE)
#define NEW (1u << CHANNEL_NEW)

/* --- LISTEN --------------------------------------------------------------------------------------- */

static bool
channel_is_socket_name(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < SP_CHANNEL_NAME_MAX && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

/* A socket that only the person can connect to, in a directory whose name nobody can list. */
static int
channel_listen(struct channel *ch, const char *name, char *dir, size_t cap, int *ret_fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, n;

	if (!channel_is_socket_name(name) || ch->sockets >= SP_CHANNEL_SOCKETS_MAX)
		return SP_ERR_INVALID;
	(void)snprintf(dir, cap, "%s/s/%s", SP_RUNDIR, ch->l->id);
	n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		return SP_ERR_LIMIT;
	if ((mkdir(dir, 0711) != 0 && errno != EEXIST) || chmod(dir, 0711) != 0)
		return SP_ERR_SYSTEM;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 || chmod(sun.sun_path, 0600) != 0 ||
	    lchown(sun.sun_path, ch->l->uid, (gid_t)-1) != 0 || listen(fd, 16) != 0) {
		(void)close(fd);
		return SP_ERR_SYSTEM;
	}
	ch->sockets++;
	*ret_fd = fd;
	return 0;
}

static int
channel_on_listen(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_buf *reply;
	char *name = NULL, dir[128] = "";
	int r, err, fd = -1;

	r = sp_buf_get_cstring(body, SP_CHANNEL_NAME_MAX, &name);
	if (r != 0 || msg->id == 0) {
		free(name);
		return SP_ERR_PROTOCOL;
	}
	err = channel_listen(ch, name, dir, sizeof(dir), &fd);
	free(name);
	reply = sp_buf_new(SP_IPC_FRAME_MAX);
	r = reply == NULL ? SP_ERR_NOMEM : 0;
	if (r == 0) {
		sp_buf_put_u32(reply, (uint32_t)-err);
		sp_buf_put_cstring(reply, err == 0 ? "" : "the session's socket could not be made");
		sp_buf_put_cstring(reply, err == 0 ? dir : "");
		r = sp_buf_error(reply);
	}
	if (r == 0)
		r = sp_peer_send(p, SP_IPC_MONITOR_LISTEN_REPLY, msg->id, reply, &fd, err == 0 ? 1 : 0);
	if (fd >= 0)
		(void)close(fd);
	sp_buf_free(reply);
	return r;
}

/* --- ACCOUNT ---------------------------------------------------------------------------------------- */

static int
account_read(struct sp_buf *body, char **ret_name, struct sp_grant *g)
{
	uint32_t n = 0;
	int r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, ret_name);

	if (r == 0)
		r = sp_buf_get_u32(body, &n);
	if (r == 0 && n > SP_IPC_GRANT_SECRETS_MAX)
		r = SP_ERR_LIMIT;
	while (r == 0 && g->nsecrets < n) {
		r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &g->secrets[g->nsecrets]);
		g->nsecrets += r == 0;
	}
	return r == 0 && sp_buf_len(body) != 0 ? SP_ERR_PROTOCOL : r;
}

static int
account_reply(const struct channel *ch, uint32_t id, int err, const char *message, const struct sp_grant *g)
{
	struct sp_buf *reply = sp_buf_new(SP_IPC_FRAME_MAX);
	size_t i, n = err == 0 ? g->nsecrets : 0;
	int r = reply == NULL ? SP_ERR_NOMEM : 0;

	if (r == 0) {
		sp_buf_put_u32(reply, (uint32_t)-err);
		sp_buf_put_cstring(reply, message);
		sp_buf_put_u32(reply, err == 0 ? g->uid : 0);
		sp_buf_put_u32(reply, (uint32_t)n);
		for (i = 0; i < n; i++)
			sp_buf_put_string(reply, sp_secret_data(g->values[i]), sp_secret_len(g->values[i]));
		r = sp_buf_error(reply);
	}
	if (r == 0)
		r = sp_peer_send(ch->l->peer, SP_IPC_MONITOR_ACCOUNT_REPLY, id, reply, NULL, 0);
	sp_buf_free(reply);
	return r;
}

static int
channel_account(struct channel *ch, const char *name, struct sp_grant *g, const char **ret_message)
{
	const struct sp_policy_connection *c = NULL;
	int r = sp_channel_connection(ch, name, &c, ret_message);

	if (r != 0)
		return r;
	*ret_message = "nothing can run as another account here: call an administrator";
	if (ch->g->shell_uid == 0)
		return SP_ERR_UNSUPPORTED;
	*ret_message = "this session runs something as another account already";
	if (ch->l->grants >= SP_CHANNEL_GRANTS_MAX)
		return SP_ERR_LIMIT;
	r = sp_grant_account(c, g, ret_message);
	ch->l->grants += r == 0;
	sp_log_info("session %s (%s) asked to run %s as %s: %s", ch->l->id, ch->l->user, name, c->run_as,
	    r == 0 ? "granted" : sp_err_str(r));
	return r;
}

static int
channel_on_account(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_grant g = { .person = ch->l->uid, .ses = ch->l->ses, .shell = ch->g->shell_uid, .fd = -1 };
	const char *message = "";
	char *name = NULL;
	size_t i;
	int r = account_read(body, &name, &g), err;

	(void)p;
	if (r == 0 && (msg->id == 0 || msg->nfds != 1))
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		g.fd = msg->fds[0];
		err = channel_account(ch, name, &g, &message);
		r = account_reply(ch, msg->id, err, message, &g);
	}
	for (i = 0; i < g.nsecrets; i++) {
		sp_secret_free(g.values[i]);
		free(g.secrets[i]);
	}
	free(name);
	return r;
}

/* --- begin, resume, end --------------------------------------------------------------------------- */

/* Right id and right secret, and not there already. */
static struct sp_live *
channel_resumable(struct sp_registry *g, const struct sp_peer *p, const char *id, const struct sp_view *secret)
{
	struct sp_live *l = sp_registry_live(g, id);

	if (l == NULL || l->is_dead || sp_secret_equal(l->secret, secret->data, secret->len) != 1)
		return NULL;
	if (sp_peer_cred(p)->pid != l->pid || l->peer != NULL)
		return NULL;
	return l;
}

static int
channel_on_resume(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_live *l = NULL;
	struct sp_buf *reply;
	struct sp_view secret;
	char *id = NULL;
	int r;

	r = sp_buf_get_cstring(body, SP_ULID_LEN, &id);
	if (r == 0)
		r = sp_buf_get_view(body, SP_REGISTRY_SECRET, &secret);
	if (r == 0)
		l = channel_resumable(ch->g, p, id, &secret);
	if (r == 0)
		sp_log_info("session %s %s", id, l != NULL ? "is back" : "could not prove itself and is refused");
	free(id);
	reply = sp_buf_new(16);
	if (r == 0 && reply == NULL)
		r = SP_ERR_NOMEM;
	if (r == 0) {
		sp_buf_put_u32(reply, l != NULL ? 0 : (uint32_t)-SP_ERR_DENIED);
		r = sp_peer_send(p, SP_IPC_MONITOR_RESUMED, 0, reply, NULL, 0);
	}
	sp_buf_free(reply);
	if (r == 0 && (l == NULL || msg->nfds != 1))
		r = SP_ERR_DENIED;
	if (r == 0)
		r = sp_peer_set_deadline(p, 0);
	if (r != 0)
		return r;
	if (l->ring >= 0)
		(void)close(l->ring);
	l->ring = msg->fds[0];
	msg->fds[0] = -1;
	l->peer = p;
	ch->l = l;
	sp_peer_set_state(p, CHANNEL_LIVE);
	sp_broker_attach(ch->g->broker, l);
	if (sp_registry_login(ch->g, l->login_id) == NULL)
		sp_channel_end(l, "the connection was closed"); /* while it was away, so that nobody could tell it */
	sp_revocation_resumed(ch->g->revocation, l); /* likewise */
	return 0;
}

/* A session has lost one of its channels, by stray bytes say, and the daemon at the other end may be well. */
static int
channel_on_lost(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_live *l = ch->l;
	int64_t now = sp_ipc_now_ms();
	unsigned which;
	uint32_t n;
	int r = sp_buf_get_u32(body, &n);

	(void)p;
	(void)msg;
	if (r == 0 && n != SP_IPC_MONITOR_WHICH_RECORDER && n != SP_IPC_MONITOR_WHICH_CONTROL)
		r = SP_ERR_PROTOCOL;
	if (r != 0)
		return r;
	which = n == SP_IPC_MONITOR_WHICH_RECORDER ? SP_LIVE_RECORDER : SP_LIVE_CONTROL;
	if (now - l->lost_since >= SP_CHANNEL_LOST_MS) {
		l->lost_since = now;
		l->lost = 0;
	}
	if (l->lost >= SP_CHANNEL_LOST_MAX) {
		sp_log_warn("session %s of %s has lost its channels too often to get another one now", l->id, l->user);
	} else if (sp_broker_attach_again(ch->g->broker, l, which)) {
		l->lost++;
		sp_log_warn("session %s of %s has lost its channel to %s and gets another one", l->id, l->user,
		    which == SP_LIVE_RECORDER ? "the recorder" : "control");
	}
	return 0;
}

static int
channel_on_done(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	uint8_t is_signaled;
	uint32_t value;
	int r;

	(void)p;
	(void)msg;
	(void)ctx;
	r = sp_buf_get_u8(body, &is_signaled);
	return r == 0 ? sp_buf_get_u32(body, &value) : r;
}

static void
channel_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct channel *ch = ctx;
	struct sp_live *l = ch->l;

	sp_peer_free(p);
	sp_channel_asks_end(ch);
	if (l != NULL) {
		l->peer = NULL;
		sp_log_info("session %s of %s has ended%s%s", l->id, l->user, err == SP_ERR_CLOSED ? "" : ": ",
		    err == SP_ERR_CLOSED ? "" : sp_err_str(err));
		sp_broker_detach(ch->g->broker, l);
	} else if (err != 0 && err != SP_ERR_CLOSED) {
		sp_log(LOG_NOTICE, "a connection to monitor.sock is closed: %s", sp_err_str(err));
	}
	if (ch->is_accepted)
		sp_listener_release(ch->g->monitor);
	free(ch);
}

static const struct sp_peer_request channel_requests[] = {
    {SP_IPC_MONITOR_CREDENTIAL, LIVE, 2 * (SP_POLICY_NAME_MAX + 4) + SP_START_COMMAND_MAX + 4, 0, sp_channel_on_credential, "CREDENTIAL"},
    {SP_IPC_MONITOR_LISTEN, LIVE, SP_CHANNEL_NAME_MAX + 4, 0, channel_on_listen, "LISTEN"},
    {SP_IPC_MONITOR_SSH, LIVE, SP_START_COMMAND_MAX + 512, SP_SSH_START_FDS, sp_channel_on_ssh, "SSH"},
    {SP_IPC_MONITOR_ACCOUNT, LIVE, (SP_IPC_GRANT_SECRETS_MAX + 1) * (SP_POLICY_NAME_MAX + 8), 1, channel_on_account,
	"ACCOUNT"},
    {SP_IPC_MONITOR_COPY, LIVE, 0, 0, sp_channel_on_copy, "COPY"},
    {SP_IPC_MONITOR_KEEP, LIVE, SP_CHANNEL_KEEP_MAX, 1, sp_channel_on_keep, "KEEP"},
    {SP_IPC_MONITOR_RESUME, NEW, SP_ULID_LEN + SP_REGISTRY_SECRET + 8, 1, channel_on_resume, "RESUME"},
    {SP_IPC_MONITOR_DONE, LIVE, 5, 0, channel_on_done, "DONE"},
    {SP_IPC_MONITOR_LOST, LIVE, 4, 0, channel_on_lost, "LOST"},
    {0},
};
static const struct sp_peer_ops channel_ops = { channel_requests, channel_on_close, "monitor" };

static int
channel_new(struct sp_registry *g, int fd, struct sp_live *l)
{
	struct channel *ch = calloc(1, sizeof(*ch));
	struct sp_peer *p;
	int r;

	if (ch == NULL)
		return SP_ERR_NOMEM;
	TAILQ_INIT(&ch->asks);
	ch->g = g;
	ch->l = l;
	ch->is_accepted = l == NULL;
	r = sp_peer_new(g->base, fd, &channel_ops, ch, &p);
	if (r != 0) {
		free(ch);
		return r;
	}
	sp_peer_set_state(p, l == NULL ? CHANNEL_NEW : CHANNEL_LIVE);
	if (l != NULL)
		l->peer = p;
	else if (sp_peer_set_deadline(p, SP_CHANNEL_DEADLINE_MS) != 0)
		sp_log_warn("a connection to monitor.sock has no time limit");
	return 0;
}

int
sp_channel_begin(struct sp_registry *g, struct sp_live *l, int fd, const struct sp_buf *begin, const int fds[4])
{
	int r = channel_new(g, fd, l);

	if (r != 0) {
		(void)close(fd);
		return r;
	}
	return sp_peer_send(l->peer, SP_IPC_MONITOR_BEGIN, 0, begin, fds, 4);
}

void
sp_channel_accept(struct sp_registry *g, int fd)
{
	if (channel_new(g, fd, NULL) == 0)
		return;
	(void)close(fd);
	sp_listener_release(g->monitor);
}

void
sp_channel_offer(struct sp_live *l, unsigned which)
{
	int fds[2] = { l->offer[which], l->ring };
	struct sp_buf *body;

	if (l->peer == NULL)
		return; /* it is announced again when the session has resumed */
	body = sp_buf_new(16);
	if (body != NULL) {
		sp_buf_put_u32(body, which == SP_LIVE_RECORDER ? SP_IPC_MONITOR_WHICH_RECORDER : SP_IPC_MONITOR_WHICH_CONTROL);
		if (sp_peer_send(l->peer, SP_IPC_MONITOR_CHANNEL, 0, body, fds, which == SP_LIVE_RECORDER ? 2 : 1) != 0)
			sp_log_err("session %s could not be given its channel", l->id);
		sp_buf_free(body);
	}
	(void)close(l->offer[which]);
	l->offer[which] = -1;
}

void
sp_channel_no_control(struct sp_live *l)
{
	struct sp_buf *body = l->peer == NULL ? NULL : sp_buf_new(16);

	if (body == NULL)
		return; /* the session finds out by itself, two seconds later */
	sp_buf_put_u32(body, SP_IPC_MONITOR_WHICH_CONTROL);
	if (sp_peer_send(l->peer, SP_IPC_MONITOR_CHANNEL, 0, body, NULL, 0) != 0)
		sp_log_err("session %s could not be told that control is away", l->id);
	sp_buf_free(body);
}

void
sp_channel_end(struct sp_live *l, const char *reason)
{
	struct sp_buf *body;

	if (l->peer == NULL)
		return;
	body = sp_buf_new(SP_IPC_FRAME_MAX);
	if (body != NULL)
		sp_buf_put_cstring(body, reason);
	if (body == NULL || sp_peer_send(l->peer, SP_IPC_MONITOR_END, 0, body, NULL, 0) != 0)
		sp_log_err("session %s could not be told to end", l->id);
	sp_buf_free(body);
}

int
sp_channel_forward(struct sp_live *l, int fd)
{
	return l->peer == NULL ? SP_ERR_UNAVAILABLE : sp_peer_send(l->peer, SP_IPC_MONITOR_FORWARD, 0, NULL, &fd, 1);
}

int
sp_channel_pause(struct sp_live *l, bool is_paused, const char *text)
{
	struct sp_buf *body;
	int r = SP_ERR_NOMEM;

	if (l->peer == NULL)
		return SP_ERR_UNAVAILABLE;
	body = sp_buf_new(SP_IPC_FRAME_MAX);
	if (body != NULL) {
		sp_buf_put_u8(body, is_paused);
		sp_buf_put_cstring(body, text);
		r = sp_peer_send(l->peer, SP_IPC_MONITOR_PAUSE, 0, body, NULL, 0);
	}
	sp_buf_free(body);
	return r;
}
