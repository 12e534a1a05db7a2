/* SPDX-License-Identifier: Apache-2.0 */
/* session-agent/channel.h: what one session may ask of root, and who may take a session up again. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_monitor.h"
#include "policy/image.h"
#include "policy/source.h"
#include "runtime/log.h"
#include "runtime/peer.h"
#include "session-agent/broker.h"
#include "session-agent/channel.h"
#include "session-agent/credential.h"
#include "session-agent/credential_run.h"
#include "session-agent/reach.h"
#include "session-agent/revocation.h"

#define LIVE "01BX5ZZKBKACTAV9WEVGEMMVRZ"
#define OTHER "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define SECRET "0123456789abcdef0123456789abcdef"
#define SECRET2 "fedcba9876543210fedcba9876543210"

/* --- the broker and the file of credentials, as far as a channel needs them -------------------------------- */

static unsigned attached, attached_again, detached;

static struct sp_policy_image *policy;

const struct sp_policy_image *
sp_broker_policy(const struct sp_broker *b)
{
	(void)b;
	return policy;
}

static unsigned resumed;

void
sp_revocation_resumed(struct sp_revocation *r, struct sp_live *live)
{
	(void)r;
	assert_non_null(live);
	resumed++;
}

void
sp_broker_attach(struct sp_broker *b, struct sp_live *l)
{
	(void)b;
	(void)l;
	attached++;
}

bool
sp_broker_attach_again(struct sp_broker *b, struct sp_live *l, unsigned which)
{
	(void)b;
	(void)l;
	attached_again += which == SP_LIVE_RECORDER ? 1 : 100;
	return true;
}

void
sp_broker_detach(struct sp_broker *b, struct sp_live *l)
{
	(void)b;
	l->is_dead = true;
	detached++;
}

int
sp_credential_read(const struct sp_policy_connection *c, struct sp_secret **ret_s, const char **ret_message)
{
	(void)c;
	(void)ret_s;
	*ret_message = "none";
	return SP_ERR_NOT_FOUND;
}

int
sp_credential_read_named(enum sp_policy_secret kind, const char *value, const char *connection, struct sp_secret **ret_s,
    const char **ret_message)
{
	(void)kind;
	(void)value;
	(void)connection;
	(void)ret_s;
	*ret_message = "none";
	return SP_ERR_NOT_FOUND;
}

/* A program that prints a credential: it runs until the test says that it has ended. */
static sp_credential_run_cb *run_cb;
static void *run_ctx;
static unsigned runs, runs_cancelled;

int
sp_credential_run(struct sp_credential_runs *all, const char *argv, sp_credential_run_cb *cb, void *ctx,
    struct sp_credential_run **ret_run)
{
	(void)all;
	assert_string_equal(argv, "/usr/bin/print\nit");
	runs++;
	run_cb = cb;
	run_ctx = ctx;
	*ret_run = NULL;
	return 0;
}

void
sp_credential_run_cancel(struct sp_credential_run *run)
{
	(void)run;
	runs_cancelled++;
}

/* --- the service under test ---------------------------------------------------------------------------------- */

static char top[] = "/tmp/test_channel.XXXXXX";
static struct sp_registry g;

static void
on_accept(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	(void)cred;
	sp_channel_accept(ctx, fd);
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 5; i++)
		(void)event_base_loop(g.base, EVLOOP_NONBLOCK);
}

static struct sp_live *
add(const char *id, const char *secret, pid_t pid)
{
	struct sp_live *l = sp_live_new();

	assert_non_null(l);
	(void)snprintf(l->id, sizeof(l->id), "%s", id);
	(void)snprintf(l->login_id, sizeof(l->login_id), OTHER);
	(void)snprintf(l->user, sizeof(l->user), "alice");
	l->uid = getuid();
	l->pid = pid;
	l->header = json_pack("{s:{}}", "identity");
	assert_int_equal(sp_secret_new(secret, SP_REGISTRY_SECRET, &l->secret), 0);
	assert_int_equal(sp_registry_add_live(&g, l), 0);
	return l;
}

static int
setup(void **state)
{
	(void)state;
	sp_log_open("test_channel", -1, 0);
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	assert_int_equal(mkdir(SP_RUNDIR, 0755), 0);
	memset(&g, 0, sizeof(g));
	TAILQ_INIT(&g.logins);
	TAILQ_INIT(&g.lives);
	g.base = event_base_new();
	assert_int_equal(sp_registry_load(&g), 0);
	return sp_listener_new(g.base, SP_RUNDIR "/monitor.sock", 0600, (uid_t)-1, (gid_t)-1, -1, 2, on_accept, &g, &g.monitor);
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	sp_listener_free(g.monitor);
	event_base_free(g.base);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void
drop_all(void)
{
	struct sp_live *l;

	while ((l = TAILQ_FIRST(&g.lives)) != NULL) {
		assert_null(l->peer);
		sp_registry_drop_live(&g, l);
	}
}

static int
dial(void)
{
	int fd = -1;

	assert_int_equal(sp_ipc_connect(SP_RUNDIR "/monitor.sock", getuid(), sp_ipc_now_ms() + 1000, &fd), 0);
	turn();
	return fd;
}

static void
say(int fd, uint8_t type, uint32_t id, const struct sp_buf *body, size_t nfds)
{
	int fds[5], i;

	for (i = 0; i < 5; i++)
		fds[i] = memfd_create("ring", MFD_CLOEXEC);
	(void)!sp_ipc_send(fd, type, id, body, fds, nfds, sp_ipc_now_ms() + 1000);
	for (i = 0; i < 5; i++)
		(void)close(fds[i]);
	turn();
}

static struct sp_buf *
resume(const char *id, const char *secret, size_t n)
{
	struct sp_buf *b = sp_buf_new(0);

	assert_non_null(b);
	sp_buf_put_cstring(b, id);
	sp_buf_put_string(b, (const uint8_t *)secret, n);
	return b;
}

static void
say_resume(int fd, const char *id, const char *secret, size_t n, size_t nfds)
{
	struct sp_buf *b = resume(id, secret, n);

	say(fd, SP_IPC_MONITOR_RESUME, 0, b, nfds);
	sp_buf_free(b);
}

/* What has come, without waiting: the first frame's type and verdict, or closed with nothing. */
enum heard { NOTHING, CLOSED, YES, NO };

static enum heard
hear(int fd)
{
	uint8_t p[64];
	ssize_t n = recv(fd, p, sizeof(p), MSG_DONTWAIT);

	if (n == 0)
		return CLOSED;
	if (n < 0)
		return errno == EAGAIN ? NOTHING : CLOSED;
	assert_true(n >= SP_IPC_HEADER + 4 && p[5] == SP_IPC_MONITOR_RESUMED);
	return memcmp(p + SP_IPC_HEADER, "\0\0\0\0", 4) == 0 ? YES : NO;
}

static void
test_resume(void **state)
{
	struct sp_live *l = add(LIVE, SECRET, getpid());
	int fd = dial();

	(void)state;
	attached = detached = resumed = 0;
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), YES);
	assert_true(l->peer != NULL && l->ring >= 0 && attached == 1);
	assert_int_equal(resumed, 1); /* it may have been revoked meanwhile */
	(void)close(fd);
	turn();
	assert_true(l->peer == NULL && detached == 1 && l->is_dead);
	fd = dial(); /* one that is dead does not come back */
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), NO);
	assert_int_equal(hear(fd), CLOSED);
	(void)close(fd);
	drop_all();
}

/* Its login ended while it was away: it is told so at once. */
static void
test_resume_without_its_login(void **state)
{
	struct sp_login login = { .id = OTHER };
	uint8_t p[128];
	int fd, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		if (i == 0)
			TAILQ_INSERT_TAIL(&g.logins, &login, next);
		(void)add(LIVE, SECRET, getpid());
		fd = dial();
		say_resume(fd, LIVE, SECRET, 32, 1);
		memset(p, 0, sizeof(p));
		assert_true(recv(fd, p, sizeof(p), MSG_DONTWAIT) >= SP_IPC_HEADER + 4);
		assert_int_equal(p[5], SP_IPC_MONITOR_RESUMED);
		assert_int_equal(p[SP_IPC_HEADER + 4 + 5], i == 0 ? 0 : SP_IPC_MONITOR_END);
		if (i == 0)
			TAILQ_REMOVE(&g.logins, &login, next);
		(void)close(fd);
		turn();
		drop_all();
	}
}

static void
test_resume_refused(void **state)
{
	static const struct {
		const char *id, *secret;
		size_t len, nfds;
		enum heard want;
	} bad[] = {
		{ LIVE, SECRET2, 32, 1, NO }, /* the secret of another session */
		{ OTHER, SECRET, 32, 1, NO },
		{ "01BX5ZZKBKACTAV9WEVGEMMVRA", SECRET, 32, 1, NO },
		{ "", SECRET, 32, 1, NO },
		{ LIVE, "", 0, 1, NO },
		{ LIVE, SECRET, 31, 1, NO },
		{ LIVE, SECRET "x", 33, 1, CLOSED },
		{ LIVE "x", SECRET, 32, 1, CLOSED },
		{ LIVE, "0123456789abcdef0123456789abcdeF", 32, 1, NO },
		{ LIVE, SECRET, 32, 2, CLOSED },
	};
	struct sp_live *l = add(LIVE, SECRET, getpid()), *other = add(OTHER, SECRET2, getpid());
	size_t i;

	(void)state;
	attached = 0;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = dial();

		say_resume(fd, bad[i].id, bad[i].secret, bad[i].len, bad[i].nfds);
		if (hear(fd) != bad[i].want || (bad[i].want == NO && hear(fd) != CLOSED))
			fail_msg("case %zu", i);
		assert_true(l->peer == NULL && other->peer == NULL && l->ring < 0);
		(void)close(fd);
	}
	assert_int_equal(attached, 0);
	drop_all();
}

/* The right secret is not enough: it must come from the process that was started for that session. */
static void
test_resume_by_another_process(void **state)
{
	struct sp_live *l = add(LIVE, SECRET, 1);
	int fd = dial();

	(void)state;
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), NO);
	assert_null(l->peer);
	(void)close(fd);
	turn();
	drop_all();
}

static void
test_resume_needs_the_ring(void **state)
{
	struct sp_live *l = add(LIVE, SECRET, getpid());
	int fd = dial();

	(void)state;
	attached = 0;
	say_resume(fd, LIVE, SECRET, 32, 0);
	(void)hear(fd);
	assert_true(l->peer == NULL && attached == 0);
	assert_int_equal(hear(fd), CLOSED);
	(void)close(fd);
	turn();
	drop_all();
}

static void
test_resume_again(void **state)
{
	struct sp_live *l = add(LIVE, SECRET, getpid());
	int fd = dial(), fd2 = dial();
	struct sp_peer *peer;

	(void)state;
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), YES);
	peer = l->peer;
	say_resume(fd2, LIVE, SECRET, 32, 1); /* replayed while the session is there */
	assert_int_equal(hear(fd2), NO);
	assert_ptr_equal(l->peer, peer);
	say_resume(fd, LIVE, SECRET, 32, 1); /* repeated by itself */
	assert_int_equal(hear(fd), CLOSED);
	assert_null(l->peer);
	(void)close(fd);
	(void)close(fd2);
	turn();
	drop_all();
}

static void
test_resume_cut(void **state)
{
	struct sp_buf *whole = resume(LIVE, SECRET, 32);
	struct sp_live *l = add(LIVE, SECRET, getpid());
	size_t i;

	(void)state;
	for (i = 0; i < sp_buf_len(whole); i++) {
		struct sp_buf *b = sp_buf_new(0);
		int fd = dial();

		sp_buf_put(b, sp_buf_data(whole), i);
		say(fd, SP_IPC_MONITOR_RESUME, 0, b, 1);
		assert_int_equal(hear(fd), CLOSED);
		assert_null(l->peer);
		sp_buf_free(b);
		(void)close(fd);
		turn();
	}
	sp_buf_put_u8(whole, 0); /* and one byte too many */
	{
		int fd = dial();

		say(fd, SP_IPC_MONITOR_RESUME, 0, whole, 1);
		assert_int_equal(hear(fd), CLOSED);
		assert_true(l->peer == NULL && !l->is_dead);
		(void)close(fd);
		turn();
	}
	sp_buf_free(whole);
	drop_all();
}

/* Before RESUME nothing else, and nothing unknown ever. */
static void
test_out_of_turn(void **state)
{
	static const uint8_t types[] = { SP_IPC_MONITOR_CREDENTIAL, SP_IPC_MONITOR_LISTEN, SP_IPC_MONITOR_DONE, 0, 5, 7, 77, 128, 129, 130, 134, 255 };
	struct sp_live *l = add(LIVE, SECRET, getpid());
	struct sp_buf *b = sp_buf_new(0), *done = sp_buf_new(0);
	size_t i;
	int fd;

	(void)state;
	sp_buf_put_cstring(b, ".s.PGSQL.5432");
	sp_buf_put(done, "\0\0\0\0\0", 5);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		fd = dial();
		say(fd, types[i], types[i] == SP_IPC_MONITOR_DONE ? 0 : 1, types[i] == SP_IPC_MONITOR_DONE ? done : b, 0);
		assert_int_equal(hear(fd), CLOSED);
		(void)close(fd);
		turn();
	}
	sp_buf_free(done);
	assert_int_not_equal(access(SP_RUNDIR "/s/" LIVE, F_OK), 0);
	for (i = 3; i < sizeof(types) / sizeof(types[0]); i++) {
		l->is_dead = false;
		fd = dial();
		say_resume(fd, LIVE, SECRET, 32, 1);
		assert_int_equal(hear(fd), YES);
		say(fd, types[i], 1, b, 0);
		assert_int_equal(hear(fd), CLOSED);
		(void)close(fd);
		turn();
	}
	sp_buf_free(b);
	drop_all();
}

/* More sessions come back, one after the other, than monitor.sock has places at a time. */
static void
test_places_are_free_again(void **state)
{
	struct sp_live *l = add(LIVE, SECRET, getpid());
	int i, fd;

	(void)state;
	for (i = 0; i < 8; i++) {
		l->is_dead = false;
		fd = dial();
		say_resume(fd, LIVE, SECRET, 32, 1);
		assert_int_equal(hear(fd), YES);
		(void)close(fd);
		turn();
	}
	drop_all();
}

static uint32_t
listen_verdict(int fd, const char *name, uint32_t id)
{
	struct sp_buf *b = sp_buf_new(0), *in = sp_buf_new(0);
	struct sp_ipc_msg msg = { 0 };
	uint32_t verdict = 0;
	struct sp_buf *body;

	sp_buf_put_cstring(b, name);
	say(fd, SP_IPC_MONITOR_LISTEN, id, b, 0);
	sp_buf_free(b);
	if (sp_ipc_recv(fd, in, &msg, sp_ipc_now_ms() + 200) != 0) {
		sp_buf_free(in);
		return UINT32_MAX;
	}
	assert_int_equal(msg.type, SP_IPC_MONITOR_LISTEN_REPLY);
	body = sp_buf_from(msg.body.data, msg.body.len);
	assert_int_equal(sp_buf_get_u32(body, &verdict), 0);
	assert_int_equal(msg.nfds, verdict == 0 ? 1 : 0);
	sp_buf_free(body);
	sp_ipc_msg_clear(&msg);
	sp_buf_free(in);
	return verdict;
}

static void
test_listen(void **state)
{
	static const char *const bad[] = { "", ".", "..", "../x", "a/b", "/x", "a b", "a\nb", "a\\b", "\xc3\xa4" };
	struct sp_live *l = add(LIVE, SECRET, getpid());
	int fd = dial();
	struct stat st;
	char name[8];
	size_t i;

	(void)state;
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), YES);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(listen_verdict(fd, bad[i], 1), (uint32_t)-SP_ERR_INVALID);
	for (i = 0; i < SP_CHANNEL_SOCKETS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "s%zu", i);
		assert_int_equal(listen_verdict(fd, name, 1), 0);
	}
	assert_int_equal(stat(SP_RUNDIR "/s/" LIVE "/s0", &st), 0);
	assert_true(S_ISSOCK(st.st_mode) && (st.st_mode & 07777) == 0600 && st.st_uid == getuid());
	assert_int_equal(stat(SP_RUNDIR "/s/" LIVE, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
	assert_int_not_equal(listen_verdict(fd, "one-more", 1), 0);
	assert_int_equal(listen_verdict(fd, "no-id", 0), UINT32_MAX);
	assert_int_equal(hear(fd), CLOSED);
	(void)close(fd);
	turn();
	assert_null(l->peer);
	drop_all();
	assert_int_not_equal(access(SP_RUNDIR "/s/" LIVE, F_OK), 0);
}

/* A lost channel is attached again, each of the two, but not without end. */
static void
test_lost(void **state)
{
	static const uint32_t bad[] = { 0, 3, UINT32_MAX };
	struct sp_live *l = add(LIVE, SECRET, getpid());
	struct sp_buf *b = sp_buf_new(0);
	int fd = dial();
	size_t i;

	(void)state;
	attached_again = 0;
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), YES);
	for (i = 0; i < SP_CHANNEL_LOST_MAX + 5; i++) {
		sp_buf_reset(b);
		sp_buf_put_u32(b, i % 2 == 0 ? SP_IPC_MONITOR_WHICH_RECORDER : SP_IPC_MONITOR_WHICH_CONTROL);
		say(fd, SP_IPC_MONITOR_LOST, 0, b, 0);
	}
	assert_int_equal(attached_again, SP_CHANNEL_LOST_MAX / 2 * 101);
	l->lost_since -= SP_CHANNEL_LOST_MS; /* a minute later */
	say(fd, SP_IPC_MONITOR_LOST, 0, b, 0);
	assert_int_equal(attached_again, SP_CHANNEL_LOST_MAX / 2 * 101 + 1);
	assert_int_equal(hear(fd), NOTHING);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sp_buf_reset(b);
		sp_buf_put_u32(b, bad[i]);
		say(fd, SP_IPC_MONITOR_LOST, 0, b, 0);
		assert_int_equal(hear(fd), CLOSED);
		(void)close(fd);
		turn();
		l->is_dead = false;
		fd = dial();
		say_resume(fd, LIVE, SECRET, 32, 1);
		assert_int_equal(hear(fd), YES);
	}
	assert_int_equal(attached_again, SP_CHANNEL_LOST_MAX / 2 * 101 + 1);
	sp_buf_free(b);
	(void)close(fd);
	turn();
	drop_all();
}

static void
test_credential_without_policy(void **state)
{
	struct sp_buf *b = sp_buf_new(0);
	uint8_t p[256];
	ssize_t n;
	int fd = dial();

	(void)state;
	(void)add(LIVE, SECRET, getpid());
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), YES);
	sp_buf_put_cstring(b, "orders");
	sp_buf_put_cstring(b, "orders");
	sp_buf_put_cstring(b, "");
	say(fd, SP_IPC_MONITOR_CREDENTIAL, 5, b, 0);
	n = recv(fd, p, sizeof(p), MSG_DONTWAIT);
	assert_true(n > SP_IPC_HEADER + 4 && p[5] == 131 && memcmp(p + SP_IPC_HEADER, "\0\0\0\0", 4) != 0);
	sp_buf_free(b);
	(void)close(fd);
	turn();
	drop_all();
}

#define EXEC(kind, more, login) "version: 1\n" \
				"groups:\n  dba: { claim: groups, has: dba }\n" \
				"connections:\n  orders:\n    kind: " kind "\n    address: db1.internal:5432\n" more \
				"    login: { user: app, " login " }\n" \
				"rules:\n  - { name: reads, who: [dba], on: [orders], do: "
#define HOST_KEY "    host_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g]\n"
static const char exec_policy[] = EXEC("postgres", "    database: orders\n", "password: { exec: [/usr/bin/print, it] }")
    "{ sql: [select] }, effect: allow }\n";
static const char mint_policy[] = EXEC("ssh", HOST_KEY, "certificate: { ca: { exec: [/usr/bin/print, it] } }")
    "{ argv: ['**'] }, effect: allow }\n";
/* The same name, for which what that program prints is not meant, or for something else. The last was mint_policy. */
static const char *const other_policies[] = {
	EXEC("postgres", "    database: orders\n", "password: { exec: [/usr/bin/print, other] }") "{ sql: [select] }, effect: allow }\n",
	EXEC("postgres", "    database: orders\n", "password: { file: /etc/sallyport/secrets/orders }") "{ sql: [select] }, effect: allow }\n",
	EXEC("ssh", HOST_KEY, "password: { exec: [/usr/bin/print, it] }") "{ argv: ['**'] }, effect: allow }\n",
	EXEC("ssh", HOST_KEY, "key: { exec: [/usr/bin/print, it] }") "{ argv: ['**'] }, effect: allow }\n",
};

/* image: the bytes of it, which it needs as long as it is there. */
static struct sp_policy_image *
compiled(const char *text, struct sp_buf **image)
{
	struct sp_policy_source *src = sp_policy_source_new();
	struct sp_policy_image *open = NULL;

	*image = sp_buf_new(0);

	assert_int_equal(sp_policy_source_add(src, "f", text, strlen(text)), 0);
	assert_int_equal(sp_policy_source_compile(src, 1, *image), 0);
	assert_int_equal(sp_policy_image_open(sp_buf_data(*image), sp_buf_len(*image), &open), 0);
	sp_policy_source_free(src);
	return open;
}

/* The verdict of CREDENTIAL_REPLY, and the password. */
static uint32_t
credential_verdict(int fd, char password[64])
{
	struct sp_buf *in = sp_buf_new(0), *body;
	struct sp_ipc_msg msg = { 0 };
	char *message = NULL, *user = NULL, *text = NULL;
	uint32_t verdict = UINT32_MAX;

	if (sp_ipc_recv(fd, in, &msg, sp_ipc_now_ms() + 100) == 0) {
		assert_true(msg.type == SP_IPC_MONITOR_CREDENTIAL_REPLY && msg.id == 5);
		body = sp_buf_from(msg.body.data, msg.body.len);
		assert_int_equal(sp_buf_get_u32(body, &verdict), 0);
		assert_int_equal(sp_buf_get_cstring(body, 100, &message), 0);
		assert_int_equal(sp_buf_get_cstring(body, 100, &user), 0);
		assert_int_equal(sp_buf_get_cstring(body, 100, &text), 0);
		(void)snprintf(password, 64, "%s", text);
		assert_string_equal(user, verdict == 0 ? "app" : "");
		sp_buf_free(body);
	}
	free(message);
	free(user);
	free(text);
	sp_buf_free(in);
	return verdict;
}

static void
run_ends(int err, const char *text)
{
	struct sp_secret *s = NULL;

	if (err == 0)
		assert_int_equal(sp_secret_new(text, strlen(text), &s), 0);
	run_cb(err, s, run_ctx);
	turn();
}

/* By a program: the answer comes when it has ended, policy is asked again then, and a session that is gone wants none. */
static void
test_credential_by_program(void **state)
{
	struct sp_buf *b = sp_buf_new(0), *image, *other_image;
	struct sp_live *l = add(LIVE, SECRET, getpid());
	struct sp_policy_image *open = compiled(exec_policy, &image);
	char password[64] = "";
	int fd = dial();

	(void)state;
	policy = open;
	g.runs = (struct sp_credential_runs *)&g; /* there is one */
	json_decref(l->header);
	l->header = json_pack("{s:{s:s,s:s,s:s,s:[s]},s:{s:s}}", "identity", "iss", "i", "sub", "s", "user", "alice", "groups",
	    "dba", "origin", "from", "192.0.2.1");
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), YES);
	sp_buf_put_cstring(b, "orders");
	sp_buf_put_cstring(b, "orders");
	sp_buf_put_cstring(b, "");
	say(fd, SP_IPC_MONITOR_CREDENTIAL, 5, b, 0);
	assert_true(runs == 1 && credential_verdict(fd, password) == UINT32_MAX);
	run_ends(0, "s3cret");
	assert_int_equal(credential_verdict(fd, password), 0);
	assert_string_equal(password, "s3cret");
	say(fd, SP_IPC_MONITOR_CREDENTIAL, 5, b, 0);
	run_ends(SP_ERR_TIMEOUT, NULL);
	assert_true(credential_verdict(fd, password) == (uint32_t)-SP_ERR_NOT_FOUND && password[0] == '\0');
	for (size_t i = 0; i < sizeof(other_policies) / sizeof(other_policies[0]); i++) {
		struct sp_policy_image *other = compiled(other_policies[i], &other_image);
		struct sp_buf *mint_image;
		struct sp_policy_image *mint = compiled(mint_policy, &mint_image);

		if (i + 1 == sizeof(other_policies) / sizeof(other_policies[0]))
			policy = mint;
		say(fd, SP_IPC_MONITOR_CREDENTIAL, 5, b, 0); /* what has become something else when it ends */
		policy = other;
		run_ends(0, "s3cret");
		assert_true(credential_verdict(fd, password) == (uint32_t)-SP_ERR_UNAVAILABLE && password[0] == '\0');
		policy = open;
		sp_policy_image_free(other);
		sp_buf_free(other_image);
		sp_policy_image_free(mint);
		sp_buf_free(mint_image);
	}
	runs -= sizeof(other_policies) / sizeof(other_policies[0]);
	say(fd, SP_IPC_MONITOR_CREDENTIAL, 5, b, 0); /* what may no longer be reached when it ends */
	(void)json_object_clear(json_object_get(l->header, "identity"));
	run_ends(0, "s3cret");
	assert_true(credential_verdict(fd, password) == (uint32_t)-SP_ERR_DENIED && password[0] == '\0');
	say(fd, SP_IPC_MONITOR_CREDENTIAL, 5, b, 0); /* and not even started now */
	assert_true(credential_verdict(fd, password) == (uint32_t)-SP_ERR_DENIED && runs == 3);
	(void)json_object_update_new(json_object_get(l->header, "identity"),
	    json_pack("{s:s,s:s,s:s,s:[s]}", "iss", "i", "sub", "s", "user", "alice", "groups", "dba"));
	for (int i = 0; i < 5; i++)
		say(fd, SP_IPC_MONITOR_CREDENTIAL, 5, b, 0);
	assert_int_equal(runs, 7); /* four at a time: the fifth is to ask again */
	assert_int_equal(credential_verdict(fd, password), (uint32_t)-SP_ERR_UNAVAILABLE);
	(void)close(fd);
	turn();
	assert_int_equal(runs_cancelled, 4);
	g.runs = NULL;
	policy = NULL;
	sp_policy_image_free(open);
	sp_buf_free(image);
	sp_buf_free(b);
	drop_all();
}

/* --- jump hosts ------------------------------------------------------------------------------------------- */

#define SSH(name, more) "  " name ":\n    kind: ssh\n    address: " name ".internal:22\n" \
			"    host_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g]\n" \
			"    login: { user: app, key: { exec: [/usr/bin/print, it] } }\n" more
static const char jump_policy[] = "version: 1\n"
				  "groups:\n  dba: { claim: groups, has: dba }\n"
				  "connections:\n" SSH("outer", "") SSH("middle", "    jump: outer\n") SSH("inner", "    jump: middle\n")
				      SSH("beside", "    jump: outer\n") SSH("closed", "    jump: beside\n")
				  "rules:\n  - { name: behind, who: [dba], on: [inner], do: { argv: ['**'] }, effect: allow }\n";

static int
transport_verdict_of(int fd, const char *name, const char *target, bool has_tty, uint8_t what, const char *command)
{
	struct sp_buf *in = sp_buf_new(0), *b = sp_buf_new(0), *body;
	struct sp_ipc_msg msg = { 0 };
	uint32_t verdict = 0;

	sp_buf_put_cstring(b, name);
	sp_buf_put_cstring(b, target);
	sp_buf_put_u8(b, has_tty);
	sp_buf_put_cstring(b, "");
	sp_buf_put_u8(b, what);
	sp_buf_put_cstring(b, command);
	say(fd, SP_IPC_MONITOR_SSH, 5, b, 5);
	assert_int_equal(sp_ipc_recv(fd, in, &msg, sp_ipc_now_ms() + 5000), 0);
	assert_true(msg.type == SP_IPC_MONITOR_SSH_REPLY && msg.id == 5);
	body = sp_buf_from(msg.body.data, msg.body.len);
	assert_int_equal(sp_buf_get_u32(body, &verdict), 0);
	sp_buf_free(body);
	sp_buf_free(b);
	sp_buf_free(in);
	return (int)verdict;
}

static int
transport_verdict(int fd, const char *name, const char *target, bool has_tty, const char *command)
{
	return transport_verdict_of(fd, name, target, has_tty, command != NULL, command);
}

/* A hop's credential and transport are had for a target that may be reached, and for nothing else. */
static void
test_hops(void **state)
{
	static const struct {
		const char *name, *target;
		bool is_good;
	} cases[] = {
		{ "inner", "inner", true }, { "middle", "inner", true }, { "outer", "inner", true }, { "middle", "middle", false },
		{ "outer", "outer", false }, { "outer", "middle", false }, { "beside", "inner", false }, { "closed", "closed", false },
		{ "beside", "closed", false }, { "inner", "middle", false }, { "", "inner", false }, { "inner", "", false },
		{ "none", "inner", false }, { "inner", "none", false },
	};
	struct sp_policy_source *src = sp_policy_source_new();
	struct sp_buf *image = sp_buf_new(0), *b = sp_buf_new(0);
	struct sp_live *l = add(LIVE, SECRET, getpid());
	struct sp_policy_image *open = NULL;
	char password[64] = "";
	size_t i;
	int fd = dial();

	(void)state;
	assert_int_equal(sp_policy_source_add(src, "f", jump_policy, sizeof(jump_policy) - 1), 0);
	assert_int_equal(sp_policy_source_compile(src, 1, image), 0);
	assert_int_equal(sp_policy_image_open(sp_buf_data(image), sp_buf_len(image), &open), 0);
	policy = open;
	g.runs = (struct sp_credential_runs *)&g;
	json_decref(l->header);
	l->header = json_pack("{s:{s:s,s:s,s:s,s:[s]},s:{s:s}}", "identity", "iss", "i", "sub", "s", "user", "alice", "groups",
	    "dba", "origin", "from", "192.0.2.1");
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), YES);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned before = runs;

		sp_buf_reset(b);
		sp_buf_put_cstring(b, cases[i].name);
		sp_buf_put_cstring(b, cases[i].target);
		sp_buf_put_cstring(b, "id");
		say(fd, SP_IPC_MONITOR_CREDENTIAL, 5, b, 0);
		if ((runs > before) != cases[i].is_good)
			fail_msg("case %zu", i);
		if (runs > before)
			run_ends(0, "s3cret");
		assert_int_equal(credential_verdict(fd, password), cases[i].is_good ? 0 : (uint32_t)-SP_ERR_DENIED);
	}
	assert_int_equal(transport_verdict(fd, "middle", "inner", false, NULL), -SP_ERR_UNAVAILABLE); /* of who starts it */
	assert_int_equal(transport_verdict(fd, "middle", "inner", true, NULL), -SP_ERR_DENIED);
	assert_int_equal(transport_verdict(fd, "middle", "inner", false, "id"), -SP_ERR_DENIED);
	assert_int_equal(transport_verdict(fd, "middle", "middle", false, NULL), -SP_ERR_DENIED);
	assert_int_equal(transport_verdict(fd, "beside", "inner", false, NULL), -SP_ERR_DENIED);
	assert_int_equal(transport_verdict(fd, "inner", "inner", true, "id"), -SP_ERR_UNAVAILABLE);
	l->hops = SP_CHANNEL_HOPS_MAX;
	assert_int_equal(transport_verdict(fd, "outer", "inner", false, NULL), -SP_ERR_LIMIT);
	l->transports = SP_CHANNEL_TRANSPORTS_MAX;
	assert_int_equal(transport_verdict(fd, "inner", "inner", true, "id"), -SP_ERR_LIMIT);
	(void)close(fd);
	turn();
	g.runs = NULL;
	policy = NULL;
	sp_policy_image_free(open);
	sp_policy_source_free(src);
	sp_buf_free(image);
	sp_buf_free(b);
	drop_all();
}

/* The way from each, and where it leads. */
static void
test_way(void **state)
{
	static const char *const cases[][3] = { { "inner", "inner", NULL }, { "inner", "middle", "inner" }, { "inner", "outer", "middle" },
		{ "closed", "outer", "beside" }, { "outer", "outer", NULL } };
	struct sp_policy_source *src = sp_policy_source_new();
	const struct sp_policy_connection *at, *behind;
	struct sp_buf *image = sp_buf_new(0);
	struct sp_policy_image *open = NULL;
	size_t i;

	(void)state;
	assert_int_equal(sp_policy_source_add(src, "f", jump_policy, sizeof(jump_policy) - 1), 0);
	assert_int_equal(sp_policy_source_compile(src, 1, image), 0);
	assert_int_equal(sp_policy_image_open(sp_buf_data(image), sp_buf_len(image), &open), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		at = sp_reach_hop(open, sp_policy_image_find(open, cases[i][0]), cases[i][1], &behind);
		assert_non_null(at);
		assert_string_equal(at->name, cases[i][1]);
		assert_string_equal(behind == NULL ? "" : behind->name, cases[i][2] == NULL ? "" : cases[i][2]);
	}
	assert_null(sp_reach_hop(open, sp_policy_image_find(open, "inner"), "beside", &behind));
	assert_null(behind);
	sp_policy_image_free(open);
	sp_policy_source_free(src);
	sp_buf_free(image);
}

static const char ports_policy[] = "version: 1\n"
				   "groups:\n  dba: { claim: groups, has: dba }\n"
				   "connections:\n" SSH("outer", "") SSH("inner", "    jump: outer\n    forward: true\n")
				       SSH("other", "    forward: true\n") SSH("dark", "")
				   "rules:\n  - { name: ports, who: [dba], on: [inner, other, dark], do: { network: [\"tcp 127.0.0.1 40000-40002\"] }, "
				   "effect: allow }\n"
				   "  - { name: but, who: [dba], on: [inner], do: { network: [\"tcp 127.0.0.1 40002\"] }, effect: deny }\n";

/* ssh -J: the session for ports of a host gets these, and nothing else; any other session gets none. */
static void
test_ports(void **state)
{
	static const struct {
		const char *forward, *endpoint, *name;
		uint8_t what;
		const char *command;
		int want;
	} cases[] = {
		{ "inner", "inner", "inner", SP_IPC_MONITOR_SSH_PORT, "40000", -SP_ERR_UNAVAILABLE }, /* of who starts it */
		{ "inner", "inner", "outer", SP_IPC_MONITOR_SSH_SHELL, NULL, -SP_ERR_UNAVAILABLE }, /* on the way there */
		{ "inner", "inner", "inner", SP_IPC_MONITOR_SSH_PORT, "40002", -SP_ERR_DENIED },
		{ "inner", "inner", "inner", SP_IPC_MONITOR_SSH_PORT, "22", -SP_ERR_DENIED },
		{ "inner", "inner", "inner", SP_IPC_MONITOR_SSH_COMMAND, "id", -SP_ERR_DENIED },
		{ "inner", "inner", "inner", SP_IPC_MONITOR_SSH_SHELL, NULL, -SP_ERR_DENIED },
		{ "inner", "inner", "inner", SP_IPC_MONITOR_SSH_SUBSYSTEM, "sftp", -SP_ERR_DENIED },
		{ "inner", "inner", "outer", SP_IPC_MONITOR_SSH_PORT, "40000", -SP_ERR_DENIED },
		{ "inner", "inner", "other", SP_IPC_MONITOR_SSH_PORT, "40000", -SP_ERR_DENIED },
		{ "dark", "dark", "dark", SP_IPC_MONITOR_SSH_PORT, "40000", -SP_ERR_DENIED }, /* not forwarded to any more */
		{ NULL, "inner", "inner", SP_IPC_MONITOR_SSH_PORT, "40000", -SP_ERR_DENIED },
		{ "inner", NULL, "inner", SP_IPC_MONITOR_SSH_PORT, "40000", -SP_ERR_DENIED },
		{ NULL, NULL, "inner", SP_IPC_MONITOR_SSH_PORT, "40000", -SP_ERR_DENIED },
	};
	struct sp_live *l = add(LIVE, SECRET, getpid());
	struct sp_policy_image *open;
	struct sp_buf *image;
	int fd = dial();
	size_t i;

	(void)state;
	open = compiled(ports_policy, &image);
	policy = open;
	json_decref(l->header);
	l->header = json_pack("{s:{s:s,s:s,s:s,s:[s]},s:{}}", "identity", "iss", "i", "sub", "s", "user", "alice", "groups", "dba", "origin");
	say_resume(fd, LIVE, SECRET, 32, 1);
	assert_int_equal(hear(fd), YES);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *target = strcmp(cases[i].name, "outer") == 0 ? "inner" : cases[i].name;
		int got;

		(void)json_object_set_new(l->header, "origin", json_pack("{s:s,s:s*,s:s*}", "from", "192.0.2.1", "forward",
							      cases[i].forward, "endpoint", cases[i].endpoint));
		got = transport_verdict_of(fd, cases[i].name, target, false, cases[i].what, cases[i].command);
		if (got != cases[i].want)
			fail_msg("case %zu: %d", i, got);
	}
	(void)close(fd);
	turn();
	policy = NULL;
	sp_policy_image_free(open);
	sp_buf_free(image);
	drop_all();
}

/* A port is a number as it is written; anything else is no message. */
static void
test_port_words(void **state)
{
	static const char *const bad[] = { "", "0", "040000", "65536", "105536", "-1", "+1", "1 ", " 1", "1x", "0x10" };
	struct sp_buf *b = sp_buf_new(0);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd;

		(void)add(LIVE, SECRET, getpid());
		fd = dial();
		say_resume(fd, LIVE, SECRET, 32, 1);
		assert_int_equal(hear(fd), YES);
		sp_buf_reset(b);
		sp_buf_put_cstring(b, "inner");
		sp_buf_put_cstring(b, "inner");
		sp_buf_put_u8(b, 0);
		sp_buf_put_cstring(b, "");
		sp_buf_put_u8(b, SP_IPC_MONITOR_SSH_PORT);
		sp_buf_put_cstring(b, bad[i]);
		say(fd, SP_IPC_MONITOR_SSH, 5, b, 5);
		assert_int_equal(hear(fd), CLOSED);
		(void)close(fd);
		turn();
		drop_all();
	}
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_resume_without_its_login),
		cmocka_unit_test(test_resume_refused),
		cmocka_unit_test(test_resume_by_another_process),
		cmocka_unit_test(test_resume_needs_the_ring),
		cmocka_unit_test(test_resume_again),
		cmocka_unit_test(test_resume_cut),
		cmocka_unit_test(test_out_of_turn),
		cmocka_unit_test(test_places_are_free_again),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_credential_without_policy),
		cmocka_unit_test(test_credential_by_program),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_port_words),
		cmocka_unit_test(test_way),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
