/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/start.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc_session.h"
#include "lib/quarantine.h"
#include "lib/text.h"
#include "policy/image.h"
#include "recorder/ring.h"
#include "runtime/cred.h"
#include "runtime/log.h"
#include "runtime/memfd.h"
#include "runtime/peer.h"
#include "runtime/privdrop.h"
#include "session-agent/broker.h"
#include "session-agent/channel.h"
#include "session-agent/reach.h"
#include "session-agent/revocation.h"

#define START_SESSION SP_LIBEXECDIR "/sallyport-session"
#define START_FD 3	   /* the monitor channel in the session */
#define START_STATUS 254   /* exit status of a refused START */
#define START_FILES_MAX 256 /* descriptors of a session */

struct starter {
	struct sp_registry *g;
	struct sp_peer *peer;
};

static char start_revoked_text[512]; /* why the last one was refused who is revoked */


/* What START said. */
struct start {
	char *command;
	char *term;
	char *lang;
	uint32_t rows;
	uint32_t cols;
	uint8_t tty;
	json_t *origin; /* NULL: the login's */
};

static void
start_clear(struct start *s)
{
	free(s->command);
	free(s->term);
	free(s->lang);
	json_decref(s->origin);
}

static int
start_get(struct sp_buf *body, struct start *s)
{
	int r;

	r = sp_buf_get_cstring(body, SP_START_COMMAND_MAX, &s->command);
	if (r == 0)
		r = sp_buf_get_u8(body, &s->tty);
	if (r == 0)
		r = sp_buf_get_u32(body, &s->rows);
	if (r == 0)
		r = sp_buf_get_u32(body, &s->cols);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_START_NAME_MAX, &s->term);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_START_NAME_MAX, &s->lang);
	if (r == 0 && (s->tty > 1 || s->rows > SP_START_SIZE_MAX || s->cols > SP_START_SIZE_MAX))
		r = SP_ERR_FORMAT;
	return r;
}

/* --- who is it, and may they ----------------------------------------------------------------------- */

/* NULL, or what the person is told who is revoked. */
static const char *
start_revoked(const struct sp_registry *g, const struct sp_login *l)
{
	int n = snprintf(start_revoked_text, sizeof(start_revoked_text), "sallyport: ");

	return sp_revocation_refuses(g->revocation, l->identity, l->user, start_revoked_text + n, sizeof(start_revoked_text) - (size_t)n)
		   ? start_revoked_text
		   : NULL;
}

static bool
start_is_too_fast(const struct sp_settings *s, struct sp_login *l)
{
	uint64_t now = (uint64_t)time(NULL);

	if (now - l->starts_window >= s->starts_within) {
		l->starts_window = now;
		l->starts = 0;
	}
	return ++l->starts > s->starts;
}

/* Why the login can start no session now, or NULL. */
static const char *
start_problem(struct sp_registry *g, struct sp_login *l)
{
	const char *through = json_string_value(json_object_get(l->origin, "through"));

	if (l->expires != 0 && (int64_t)time(NULL) >= l->expires)
		return "sallyport: your token has expired. Sign in again (opkssh login) and reconnect.";
	if (through != NULL && sp_registry_login(g, through) == NULL)
		return "sallyport: your login to the bastion that this one came through has ended. Log in again.";
	if (!sp_broker_has_recorder(g->broker))
		return "sallyport: the recorder is not there, so no session can be recorded now. Try again shortly.";
	if (g->nlives >= g->settings.sessions_max)
		return "sallyport: too many sessions on this bastion. Try again later.";
	if (sp_registry_lives_of(g, l->uid) >= g->settings.per_person)
		return "sallyport: you have too many sessions open. Close one and try again.";
	if (start_is_too_fast(&g->settings, l))
		return "sallyport: too many sessions were started at once. Wait a few seconds and try again.";
	return NULL;
}

/* The login whose audit session the kernel says the peer is in, or why there is none. */
static const char *
start_check(struct sp_registry *g, const struct sp_peer_cred *cred, struct sp_login **ret_l)
{
	struct sp_login *l =
	    cred->sessionid == SP_CRED_UNSET ? NULL : sp_registry_login_of(g, cred->sessionid);
	const char *problem;

	if (l == NULL || cred->uid == 0 || cred->uid != l->uid || cred->loginuid != l->auid)
		return "sallyport: this is no login that Sallyport has verified, so nothing can be done here. Log in with ssh and "
		       "your certificate.";
	problem = start_revoked(g, l);
	if (problem == NULL)
		problem = start_problem(g, l);
	if (problem != NULL)
		return problem;
	*ret_l = l;
	return NULL;
}

/* What is asked for in a login through ssh -J is asked of that connection: `ssh NAME`, and what came as it stands. */
static const char *
start_endpoint(const struct sp_login *l, struct start *s)
{
	const char *name = sp_login_endpoint(l);
	char *command = NULL;

	if (name == NULL)
		return NULL;
	if (asprintf(&command, "ssh %s%s%s", name, s->command[0] == '\0' ? "" : " ", s->command) < 0)
		return "sallyport: a session could not be started now. Try again shortly.";
	free(s->command);
	s->command = command;
	return strlen(command) > SP_START_COMMAND_MAX ? "sallyport: the command is too long." : NULL;
}

static int
starter_refuse(struct starter *st, const char *message)
{
	struct sp_buf *body = sp_buf_new(SP_IPC_FRAME_MAX);
	int r = SP_ERR_NOMEM;

	if (body != NULL) {
		sp_buf_put_u32(body, START_STATUS);
		sp_buf_put_cstring(body, message);
		r = sp_peer_send(st->peer, SP_IPC_SESSION_REFUSED, 0, body, NULL, 0);
	}
	sp_buf_free(body);
	if (r == 0)
		sp_peer_finish(st->peer);
	return r;
}

/* --- making the session ----------------------------------------------------------------------------- */

static int
start_ring(int *ret_fd)
{
	struct sp_ring *ring = NULL;
	void *mem;
	int fd, r;

	r = sp_memfd_shared("sallyport-ring", SP_RING_SIZE, &fd);
	if (r != 0)
		return r;
	r = sp_memfd_map_shared(fd, SP_RING_SIZE, &mem);
	if (r == 0) {
		r = sp_ring_attach(mem, true, &ring);
		sp_ring_free(ring);
		(void)munmap(mem, SP_RING_SIZE);
	}
	if (r != 0)
		(void)close(fd);
	else
		*ret_fd = fd;
	return r;
}

static json_t *
start_header(const struct sp_login *l, const struct start *s)
{
	return json_pack("{s:O,s:O,s:s,s:b,s:I,s:I,s:s,s:I}", "identity", l->identity, "origin",
	    s->origin == NULL ? l->origin : s->origin, "command",
	    s->command, "tty", (int)s->tty, "rows", (json_int_t)s->rows, "cols", (json_int_t)s->cols, "term", s->term,
	    "started", (json_int_t)time(NULL));
}

static int
start_live(const struct sp_login *l, const struct start *s, struct sp_live **ret_live)
{
	struct sp_live *live = sp_live_new();
	int r;

	if (live == NULL)
		return SP_ERR_NOMEM;
	r = sp_ulid_new(sp_registry_now_ms(), live->id);
	(void)snprintf(live->login_id, sizeof(live->login_id), "%s", l->id);
	(void)snprintf(live->user, sizeof(live->user), "%s", l->user);
	live->uid = l->uid;
	live->ses = l->ses;
	live->auid = l->auid;
	live->header = start_header(l, s);
	if (r == 0 && live->header == NULL)
		r = SP_ERR_NOMEM;
	if (r == 0)
		r = sp_secret_random(SP_REGISTRY_SECRET, &live->secret);
	if (r == 0)
		r = start_ring(&live->ring);
	if (r != 0)
		sp_live_free(live);
	else
		*ret_live = live;
	return r;
}

/* In the child: its channel as descriptor 3, no other but a log; no core; the session's own account. */
static void
start_exec(const struct sp_registry *g, int fd)
{
	static char *const argv[] = { (char *)(uintptr_t) "sallyport-session", NULL };
	static char *const env[] = { NULL };
	struct rlimit none = { 0, 0 }, files = { START_FILES_MAX, START_FILES_MAX };
	struct rlimit size = {SP_QUARANTINE_FILE_MAX, SP_QUARANTINE_FILE_MAX};
	struct sigaction sa = { .sa_handler = SIG_DFL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), high = fcntl(fd, F_DUPFD_CLOEXEC, START_FD + 1), i;
	sigset_t empty;

	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &sa, NULL);
	sigemptyset(&empty);
	if (sigprocmask(SIG_SETMASK, &empty, NULL) != 0 || null < 0 || high < 0 || dup2(high, START_FD) < 0)
		_exit(126);
	/* Standard error stays: the journal. */
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || close_range(START_FD + 1, ~0U, 0) != 0)
		_exit(126);
	if (setsid() < 0 || setrlimit(RLIMIT_CORE, &none) != 0 || setrlimit(RLIMIT_NOFILE, &files) != 0 ||
	    setrlimit(RLIMIT_FSIZE, &size) != 0)
		_exit(126);
	if (sp_privdrop_ids(g->session_uid, g->session_gid, 0) != 0)
		_exit(126);
	(void)execve(START_SESSION, argv, env);
	_exit(127);
}

static struct sp_buf *
start_begin(const struct sp_live *live, const struct start *s)
{
	char *identity = json_dumps(json_object_get(live->header, "identity"), JSON_COMPACT);
	char *origin = json_dumps(json_object_get(live->header, "origin"), JSON_COMPACT);
	struct sp_buf *b = sp_buf_new(SP_IPC_FRAME_MAX);

	if (b != NULL) {
		sp_buf_put_cstring(b, live->id);
		sp_buf_put_string(b, sp_secret_data(live->secret), SP_REGISTRY_SECRET);
		sp_buf_put_cstring(b, identity);
		sp_buf_put_cstring(b, origin);
		sp_buf_put_cstring(b, s->command);
		sp_buf_put_u8(b, s->tty);
		sp_buf_put_u32(b, s->rows);
		sp_buf_put_u32(b, s->cols);
		sp_buf_put_cstring(b, s->term);
		sp_buf_put_cstring(b, s->lang);
		if (identity == NULL || origin == NULL || sp_buf_error(b) != 0) {
			sp_buf_free(b);
			b = NULL;
		}
	}
	free(identity);
	free(origin);
	return b;
}

static int
start_spawn(struct sp_registry *g, struct sp_live *live, int *ret_fd)
{
	int sv[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) != 0)
		return SP_ERR_SYSTEM;
	pid = fork();
	if (pid == 0)
		start_exec(g, sv[1]);
	(void)close(sv[1]);
	if (pid < 0) {
		(void)close(sv[0]);
		return SP_ERR_SYSTEM;
	}
	live->pid = pid;
	live->started = sp_registry_process_start(pid);
	*ret_fd = sv[0];
	return 0;
}

/* fds: client connection, stdin, stdout, stderr. */
static int
start_session(struct sp_registry *g, const struct sp_login *l, const struct start *s, const int fds[4])
{
	struct sp_live *live;
	struct sp_buf *begin;
	int fd, r;

	r = start_live(l, s, &live);
	if (r != 0)
		return r;
	begin = start_begin(live, s);
	r = begin == NULL ? SP_ERR_NOMEM : start_spawn(g, live, &fd);
	if (r == 0) {
		r = sp_registry_add_live(g, live);
		if (r != 0)
			(void)close(fd);
	}
	if (r != 0) {
		sp_buf_free(begin);
		sp_live_free(live);
		return r;
	}
	sp_log_info("session %s: %s, audit session %u, pid %d", live->id, live->user, live->ses, (int)live->pid);
	r = sp_channel_begin(g, live, fd, begin, fds);
	sp_buf_free(begin);
	if (r != 0) {
		if (live->peer == NULL)
			sp_registry_drop_live(g, live); /* its channel is closed, so the process ends by itself */
		return r;
	}
	sp_broker_attach(g->broker, live);
	return 0;
}

/* --- what comes through sshd's forwarding ------------------------------------------------------------ */

/* The session of the login that serves forwarded connections to the connection called name, or NULL. */
static struct sp_live *
forward_live(const struct sp_registry *g, const struct sp_login *l, const char *name)
{
	struct sp_live *live;

	TAILQ_FOREACH(live, &g->lives, next) {
		const json_t *origin = json_object_get(live->header, "origin");
		const char *forward = json_string_value(json_object_get(origin, "forward"));

		if (!live->is_dead && live->peer != NULL && strcmp(live->login_id, l->id) == 0 && forward != NULL &&
		    strcmp(forward, name) == 0)
			return live;
	}
	return NULL;
}

static int
forward_begin(struct sp_registry *g, const struct sp_login *l, const char *name)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), r = SP_ERR_NOMEM;
	const int fds[4] = { null, null, null, null };
	struct start s = { .term = strdup(""), .lang = strdup(""), .origin = json_copy(l->origin) };

	if (asprintf(&s.command, "forward %s", name) < 0)
		s.command = NULL;
	if (null >= 0 && s.term != NULL && s.lang != NULL && s.command != NULL && s.origin != NULL &&
	    json_object_set_new(s.origin, "forward", json_string(name)) == 0)
		r = start_session(g, l, &s, fds);
	start_clear(&s);
	if (null >= 0)
		(void)close(null);
	return r;
}

const char *
sp_start_forward(struct sp_registry *g, struct sp_login *l, const char *name, int fd)
{
	const struct sp_policy_image *policy = sp_broker_policy(g->broker);
	const struct sp_policy_connection *c = policy == NULL ? NULL : sp_policy_image_find(policy, name);
	struct sp_live *live = forward_live(g, l, name);
	const char *problem = start_revoked(g, l);

	if (problem != NULL)
		return problem;
	if (sp_login_endpoint(l) != NULL && strcmp(sp_login_endpoint(l), name) != 0)
		return "sallyport: a login through ssh -J is for its host alone: forward from your login to the bastion";
	if (l->expires != 0 && (int64_t)time(NULL) >= l->expires)
		return "sallyport: your token has expired. Sign in again (opkssh login) and reconnect.";
	if (c == NULL || !c->is_forwarded ||
	    !sp_reach_is_allowed(policy, l->identity, json_string_value(json_object_get(l->origin, "from")), c))
		return "sallyport: no such connection, or not allowed, or not to be forwarded to";
	if (live == NULL) {
		problem = start_problem(g, l);
		if (problem != NULL)
			return problem;
		if (forward_begin(g, l, name) == 0)
			live = forward_live(g, l, name);
	}
	if (live == NULL || sp_channel_forward(live, fd) != 0) {
		sp_log_err("a session of %s for what is forwarded to %s could not be started", l->user, name);
		return "sallyport: a session could not be started now. Try again shortly.";
	}
	return NULL;
}

/* --- session.sock ------------------------------------------------------------------------------------ */

static int
starter_on_start(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct starter *st = ctx;
	struct sp_registry *g = st->g;
	struct sp_login *l = NULL;
	struct start s = { 0 };
	const char *problem;
	int fds[4], r;
	uid_t uid;

	r = start_get(body, &s);
	if (r == 0 && (msg->nfds != 3 || sp_buf_len(body) != 0)) /* here: the peer looks only after it is too late */
		r = SP_ERR_PROTOCOL;
	if (r != 0)
		goto out;
	problem = start_check(g, sp_peer_cred(p), &l);
	if (problem == NULL)
		problem = start_endpoint(l, &s);
	if (problem != NULL) {
		sp_log(LOG_NOTICE, "a session of uid %u, audit session %u, is refused: %s",
		    (unsigned)sp_peer_cred(p)->uid, sp_peer_cred(p)->sessionid, problem);
		r = starter_refuse(st, problem);
		goto out;
	}
	memcpy(fds + 1, msg->fds, 3 * sizeof(fds[0]));
	uid = sp_peer_cred(p)->uid;
	r = sp_peer_detach(p, &fds[0]); /* the peer is gone: the connection now belongs to the session */
	if (r != 0)
		goto out;
	sp_listener_release_uid(g->client, uid);
	free(st);
	if (start_session(g, l, &s, fds) != 0)
		sp_log_err("a session of %s could not be started", l->user);
	(void)close(fds[0]);
out:
	start_clear(&s);
	return r;
}

static void
starter_on_close(struct sp_peer *p, int err, void *ctx)
{
	struct starter *st = ctx;

	if (err != 0 && err != SP_ERR_CLOSED)
		sp_log(LOG_NOTICE, "a connection of uid %u, audit session %u, to session.sock is closed: %s",
		    (unsigned)sp_peer_cred(p)->uid, sp_peer_cred(p)->sessionid, sp_err_str(err));
	sp_listener_release_uid(st->g->client, sp_peer_cred(p)->uid);
	sp_peer_free(p);
	free(st);
}

static const struct sp_peer_request starter_requests[] = {
	{ SP_IPC_SESSION_START, 1, SP_START_COMMAND_MAX + 512, 3, starter_on_start, "START" },
	{ 0 },
};
static const struct sp_peer_ops starter_ops = { starter_requests, starter_on_close, "session" };

void
sp_start_accept(struct sp_registry *g, int fd, uid_t uid)
{
	struct starter *st = calloc(1, sizeof(*st));

	if (st != NULL) {
		st->g = g;
		if (sp_peer_new(g->base, fd, &starter_ops, st, &st->peer) == 0) {
			if (sp_peer_set_deadline(st->peer, SP_START_DEADLINE_MS) == 0)
				return;
			sp_peer_free(st->peer);
			fd = -1;
		}
		free(st);
	}
	if (fd >= 0)
		(void)close(fd);
	sp_listener_release_uid(g->client, uid);
}
