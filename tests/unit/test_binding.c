/* SPDX-License-Identifier: Apache-2.0 */
/* session-agent/login.h, start.h: whom the kernel must say a peer is before there is a login or a session of theirs. */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_pam.h"
#include "lib/ipc_session.h"
#include "policy/revoked.h"
#include "runtime/cred.h"
#include "runtime/log.h"
#include "runtime/peer.h"
#include "session-agent/broker.h"
#include "session-agent/channel.h"
#include "session-agent/forward.h"
#include "session-agent/login.h"
#include "session-agent/person.h"
#include "session-agent/ports.h"
#include "session-agent/revocation.h"
#include "session-agent/start.h"

#define LIST SP_REVOKED_DIR "/" SP_REVOKED_FILE
#define FORCECMD SP_LIBEXECDIR "/sallyport-forcecmd"

/* --- the kernel, the accounts and the daemons, as the tests say ------------------------------------------------ */

static struct sp_peer_cred cred;
static struct passwd account;
static char name[] = "alice", odd[] = "../alice", shell[128];
static sp_broker_verify_cb *verify_cb;
static void *verify_ctx;
static const char *person_problem;
static unsigned ended, told_control;
static bool has_recorder;

const struct sp_peer_cred *__wrap_sp_peer_cred(const struct sp_peer *p);
struct passwd *__wrap_getpwnam(const char *who);
void __wrap_sp_listener_release(struct sp_listener *l);
void __wrap_sp_listener_release_uid(struct sp_listener *l, uid_t uid);

const struct sp_peer_cred *
__wrap_sp_peer_cred(const struct sp_peer *p)
{
	(void)p;
	return &cred;
}

struct passwd *
__wrap_getpwnam(const char *who)
{
	return account.pw_name != NULL && strcmp(who, account.pw_name) == 0 ? &account : NULL;
}

void
__wrap_sp_listener_release(struct sp_listener *l)
{
	(void)l;
}

void
__wrap_sp_listener_release_uid(struct sp_listener *l, uid_t uid)
{
	(void)l;
	(void)uid;
}

int
sp_broker_verify(struct sp_broker *b, const char *user, const char *auth_info, sp_broker_verify_cb *cb, void *ctx, uint32_t *ret_id)
{
	(void)b;
	assert_string_equal(user, "alice");
	assert_string_equal(auth_info, "publickey of hers");
	verify_cb = cb;
	verify_ctx = ctx;
	*ret_id = 7;
	return 0;
}

const char *
sp_person_problem(const char *table, uid_t owner, const char *user, uid_t uid, const json_t *identity)
{
	assert_string_equal(table, SP_STATEDIR "/people");
	assert_int_equal(owner, 0);
	assert_string_equal(user, "alice");
	assert_int_equal(uid, account.pw_uid);
	assert_non_null(identity);
	return person_problem;
}

void
sp_broker_cancel(struct sp_broker *b, uint32_t id)
{
	(void)b;
	(void)id;
	verify_cb = NULL;
}

bool
sp_broker_has_identity(const struct sp_broker *b)
{
	(void)b;
	return true;
}

/* So no session is ever made here: this is the next thing that is asked of somebody who is believed. */
bool
sp_broker_has_recorder(const struct sp_broker *b)
{
	(void)b;
	return has_recorder;
}

void
sp_broker_attach(struct sp_broker *b, struct sp_live *l)
{
	(void)b;
	(void)l;
	fail_msg("a session was made");
}

int
sp_channel_begin(struct sp_registry *r, struct sp_live *l, int fd, const struct sp_buf *begin, const int fds[4])
{
	(void)r;
	(void)l;
	(void)fd;
	(void)begin;
	(void)fds;
	fail_msg("a session was made");
	return SP_ERR_SYSTEM;
}

int
sp_channel_forward(struct sp_live *l, int fd)
{
	(void)l;
	(void)fd;
	return SP_ERR_UNAVAILABLE;
}

static int through_err = SP_ERR_NOT_FOUND; /* most logins come from outside */
static unsigned ports_added, ports_ended;

int
sp_ports_add(struct sp_registry *g_, const struct sp_login *l, int fd)
{
	(void)g_;
	(void)l;
	(void)close(fd);
	ports_added++;
	return 0;
}

void
sp_ports_end(struct sp_registry *g_, const struct sp_login *l)
{
	(void)g_;
	(void)l;
	ports_ended++;
}

void
sp_broker_revoked(struct sp_broker *b)
{
	(void)b;
	told_control++;
}

static struct sp_login *through;

int
sp_forward_through(const struct sp_forward *f, pid_t pid, struct sp_login **ret_l, const char **ret_name)
{
	(void)f;
	assert_int_equal(pid, cred.pid);
	*ret_l = through;
	*ret_name = "web1";
	return through_err;
}

const struct sp_policy_image *
sp_broker_policy(const struct sp_broker *b)
{
	(void)b;
	return NULL;
}

void
sp_channel_end(struct sp_live *l, const char *reason)
{
	(void)l;
	(void)reason;
	ended++;
}

/* --- both ends ---------------------------------------------------------------------------------------------------- */

static struct sp_registry g;

static void
turn(void)
{
	int i;

	for (i = 0; i < 5; i++)
		(void)event_base_loop(g.base, EVLOOP_NONBLOCK);
}

static int
setup(void **state)
{
	(void)state;
	sp_log_open("test_binding", -1, 0);
	memset(&g, 0, sizeof(g));
	TAILQ_INIT(&g.logins);
	TAILQ_INIT(&g.ports);
	TAILQ_INIT(&g.lives);
	g.settings.sessions_max = g.settings.per_person = g.settings.starts = g.settings.starts_within = 10;
	g.identity_gid = getegid();
	g.base = event_base_new();
	(void)unlink(LIST);
	(void)mkdir(SP_STATEDIR, 0700);
	return g.base == NULL || sp_revocation_new(&g, &g.revocation) != 0;
}

static int
teardown(void **state)
{
	(void)state;
	sp_revocation_free(g.revocation);
	event_base_free(g.base);
	(void)unlink(LIST);
	(void)rmdir(SP_REVOKED_DIR);
	(void)rmdir(SP_STATEDIR);
	return 0;
}

static void
believable(void)
{
	cred = (struct sp_peer_cred){ .pid = getpid(), .uid = 0, .sessionid = 7, .loginuid = 1001 };
	account = (struct passwd){ .pw_name = name, .pw_uid = 1001, .pw_shell = shell };
	(void)snprintf(shell, sizeof(shell), "%s", FORCECMD);
	verify_cb = NULL;
}

static int
open_login(const char *user)
{
	struct sp_buf *b = sp_buf_new(0);
	int fds[2];

	assert_non_null(b);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	sp_login_accept(&g, fds[0]);
	sp_buf_put_cstring(b, user);
	sp_buf_put_cstring(b, "publickey of hers");
	sp_buf_put_cstring(b, "192.0.2.7");
	sp_buf_put_cstring(b, "sshd");
	sp_buf_put_cstring(b, "");
	sp_buf_put_u32(b, 1);
	(void)!sp_ipc_send(fds[1], SP_IPC_PAM_OPEN, 1, b, NULL, 0, sp_ipc_now_ms() + 1000);
	sp_buf_free(b);
	turn();
	return fds[1];
}

/* What the peer is told; "" for nothing. Its connection ends. */
static void
told(int fd, char *text, size_t cap)
{
	ssize_t n = recv(fd, text, cap - 1, MSG_DONTWAIT), i;

	text[n < 0 ? 0 : n] = '\0';
	for (i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '.';
	(void)close(fd);
	turn();
}

static void
refused(const char *user, const char *want)
{
	char text[2048];

	int fd = open_login(user);
	bool is_asked = verify_cb != NULL;

	told(fd, text, sizeof(text));
	if (is_asked || strstr(text, want) == NULL)
		fail_msg("wanted \"%s\", got \"%s\"", want, text);
}

static void
test_login_believed(void **state)
{
	char text[64];
	int fd;

	(void)state;
	believable();
	fd = open_login("alice");
	assert_non_null(verify_cb);
	told(fd, text, sizeof(text));
	assert_string_equal(text, "");
}

static void
test_login_shell(void **state)
{
	static const char *const shells[] = { "/bin/bash", "/bin/sh", "", FORCECMD "x", "/sbin/nologin", "sallyport-forcecmd" };
	size_t i;

	(void)state;
	believable();
	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		(void)snprintf(shell, sizeof(shell), "%s", shells[i]);
		refused("alice", "usermod -s " FORCECMD " alice");
	}
	(void)snprintf(shell, sizeof(shell), "/usr/sbin/nologin");
	refused("alice", "disabled");
	account.pw_shell = NULL;
	refused("alice", "usermod");
}

static void
test_login_account(void **state)
{
	(void)state;
	believable();
	refused("mallory", "unknown");
	account.pw_name = odd;
	refused(odd, "unknown");
	account.pw_name = name;
	account.pw_uid = 0;
	refused("alice", "root does not come in");
}

static void
test_login_audit_session(void **state)
{
	(void)state;
	believable();
	cred.sessionid = SP_CRED_UNSET;
	refused("alice", "no kernel audit session");
	believable();
	cred.loginuid = SP_CRED_UNSET;
	refused("alice", "no kernel audit session");
	believable();
	cred.loginuid = 1002;
	refused("alice", "somebody else");
	believable();
	cred.uid = 1001; /* only root is sshd */
	refused("alice", "");
}

/* Identity has verified somebody: that must be whose account it is. */
static void
test_login_of_another(void **state)
{
	static const char *const names[] = { "bob", "alic", "alicee", "" };
	char text[2048];
	size_t i;

	(void)state;
	for (i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
		json_t *identity = i < 4 ? json_pack("{s:s}", "user", names[i]) : json_object();
		int fd;

		believable();
		fd = open_login("alice");
		assert_non_null(verify_cb);
		verify_cb(0, "", identity, verify_ctx);
		turn();
		told(fd, text, sizeof(text));
		assert_non_null(strstr(text, "not this account's"));
		assert_int_equal(g.nlogins, 0);
		json_decref(identity);
	}
}

/* Whom the table of people knows by that name is somebody else. */
static void
test_login_of_another_person(void **state)
{
	json_t *identity = json_pack("{s:s,s:s,s:s}", "user", "alice", "iss", "https://idp", "sub", "2");
	char text[2048];
	int fd;

	(void)state;
	believable();
	person_problem = "another person's";
	fd = open_login("alice");
	assert_non_null(verify_cb);
	verify_cb(0, "", identity, verify_ctx);
	turn();
	told(fd, text, sizeof(text));
	assert_non_null(strstr(text, "another person's"));
	assert_int_equal(g.nlogins, 0);
	json_decref(identity);
	person_problem = NULL;
}

static void
refused_through(int err, struct sp_login *l, const char *want)
{
	json_t *identity = json_pack("{s:s,s:s,s:s}", "user", "alice", "iss", "https://idp", "sub", "1");
	char text[2048];
	int fd;

	believable();
	through_err = err;
	through = l;
	fd = open_login("alice");
	assert_non_null(verify_cb);
	verify_cb(0, "", identity, verify_ctx);
	turn();
	told(fd, text, sizeof(text));
	if (strstr(text, want) == NULL)
		fail_msg("wanted \"%s\", got \"%s\"", want, text);
	assert_int_equal(g.nlogins, 0);
	json_decref(identity);
	through_err = SP_ERR_NOT_FOUND;
}

/* ssh -J: what comes to a host's address comes through this very person's login, or not at all. */
static void
test_login_through_another(void **state)
{
	static const char *const wrong[] = { "{\"user\":\"alice\",\"iss\":\"https://idp\",\"sub\":\"2\"}",
		"{\"user\":\"alice\",\"iss\":\"https://idp2\",\"sub\":\"1\"}", "{\"user\":\"bob\",\"iss\":\"https://idp\",\"sub\":\"1\"}",
		"{\"user\":\"alice\"}" };
	struct sp_login l = { .uid = 1001 };
	size_t i;

	(void)state;
	refused_through(SP_ERR_DENIED, NULL, "Only your own login");
	refused_through(SP_ERR_SYSTEM, NULL, "Only your own login");
	refused_through(SP_ERR_CLOSED, NULL, "The connection of this login has ended");
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		l.identity = json_loads(wrong[i], 0, NULL);
		refused_through(0, &l, "Only your own login");
		json_decref(l.identity);
	}
	l.identity = json_loads("{\"user\":\"alice\",\"iss\":\"https://idp\",\"sub\":\"1\"}", 0, NULL);
	refused_through(0, &l, "No such connection"); /* hers, but there is no policy */
	l.uid = 1002;
	refused_through(0, &l, "Only your own login");
	json_decref(l.identity);
}

static void
start(char *text, size_t cap)
{
	struct sp_buf *b = sp_buf_new(0);
	int fds[2], std[3] = { 0, 1, 2 };

	assert_non_null(b);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	sp_start_accept(&g, fds[0], cred.uid);
	sp_buf_put_cstring(b, "whoami");
	sp_buf_put_u8(b, 0);
	sp_buf_put_u32(b, 0);
	sp_buf_put_u32(b, 0);
	sp_buf_put_cstring(b, "");
	sp_buf_put_cstring(b, "");
	assert_int_equal(sp_ipc_send(fds[1], SP_IPC_SESSION_START, 0, b, std, 3, sp_ipc_now_ms() + 1000), 0);
	sp_buf_free(b);
	turn();
	told(fds[1], text, cap);
}

static void
test_session_of_whom(void **state)
{
	static const struct {
		struct sp_peer_cred cred;
		time_t expires;
		const char *want;
	} cases[] = {
		{ { .uid = 1001, .sessionid = 7, .loginuid = 1001 }, 0, "recorder is not there" }, /* believed */
		{ { .uid = 1001, .sessionid = 8, .loginuid = 1001 }, 0, "no login" },
		{ { .uid = 1001, .sessionid = SP_CRED_UNSET, .loginuid = 1001 }, 0, "no login" },
		{ { .uid = 1002, .sessionid = 7, .loginuid = 1001 }, 0, "no login" }, /* su within her login */
		{ { .uid = 1001, .sessionid = 7, .loginuid = 1002 }, 0, "no login" },
		{ { .uid = 1001, .sessionid = 7, .loginuid = SP_CRED_UNSET }, 0, "no login" },
		{ { .uid = 0, .sessionid = 7, .loginuid = 1001 }, 0, "no login" },
		{ { .uid = 1001, .sessionid = 7, .loginuid = 1001 }, 1, "token has expired" },
	};
	struct sp_login l = { .id = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .user = "alice", .uid = 1001, .auid = 1001, .ses = 7 };
	struct sp_login none = { .id = "01BX5ZZKBKACTAV9WEVGEMMVRZ", .user = "bob", .uid = 1001, .auid = 1001, .ses = SP_CRED_UNSET };
	char text[2048];
	size_t i;

	(void)state;
	TAILQ_INSERT_TAIL(&g.logins, &l, next);
	TAILQ_INSERT_TAIL(&g.logins, &none, next); /* the kernel gives nobody this one */
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cred = cases[i].cred;
		l.expires = cases[i].expires;
		start(text, sizeof(text));
		if (strstr(text, cases[i].want) == NULL)
			fail_msg("case %zu: %s", i, text);
	}
	/* ssh -J: one that came through a login is nothing without it. */
	cred = cases[0].cred;
	l.expires = 0;
	l.origin = json_pack("{s:s}", "through", none.id);
	start(text, sizeof(text));
	assert_non_null(strstr(text, "recorder is not there"));
	(void)json_object_set_new(l.origin, "through", json_string("01BX5ZZKBKACTAV9WEVGEMMVRA"));
	start(text, sizeof(text));
	assert_non_null(strstr(text, "your login to the bastion that this one came through has ended"));
	json_decref(l.origin);
	l.origin = NULL;
	/* A login registered for root's account would be of no use either. */
	l.uid = 0;
	l.expires = 0;
	cred = (struct sp_peer_cred){ .uid = 0, .sessionid = 7, .loginuid = 1001 };
	start(text, sizeof(text));
	assert_non_null(strstr(text, "no login"));
	TAILQ_INIT(&g.logins);
}

/* Only sshd's process within the login's own audit session ends it. */
static void
test_close_of_whom(void **state)
{
	struct sp_login l = { .id = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .user = "alice", .uid = 1001, .auid = 1001, .ses = 7 };
	struct sp_buf *b = sp_buf_new(0);
	int fds[2];

	(void)state;
	assert_non_null(b);
	TAILQ_INSERT_TAIL(&g.logins, &l, next);
	believable();
	cred.sessionid = 8;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	sp_login_accept(&g, fds[0]);
	sp_buf_put_cstring(b, l.id);
	assert_int_equal(sp_ipc_send(fds[1], SP_IPC_PAM_CLOSE, 1, b, NULL, 0, sp_ipc_now_ms() + 1000), 0);
	sp_buf_free(b);
	turn();
	assert_ptr_equal(TAILQ_FIRST(&g.logins), &l);
	assert_int_equal(ended, 0);
	(void)close(fds[1]);
	turn();
	TAILQ_INIT(&g.logins);
}

/* What ends with a login: its sessions, and those of logins that came through it with ssh -J. */
static void
test_end_of_login(void **state)
{
	struct sp_login *l = calloc(1, sizeof(*l));
	struct sp_live own = { .login_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV" }, behind = { .login_id = "01BX5ZZKBKACTAV9WEVGEMMVRZ" },
		       other = { .login_id = "01BX5ZZKBKACTAV9WEVGEMMVRA" };

	(void)state;
	assert_non_null(l);
	(void)snprintf(l->id, sizeof(l->id), "%s", own.login_id);
	l->pid = INT32_MAX;
	l->started = 1;
	behind.header = json_pack("{s:{s:s}}", "origin", "through", l->id);
	other.header = json_pack("{s:{s:s}}", "origin", "through", other.login_id);
	TAILQ_INSERT_TAIL(&g.logins, l, next);
	g.nlogins++;
	TAILQ_INSERT_TAIL(&g.lives, &own, next);
	TAILQ_INSERT_TAIL(&g.lives, &behind, next);
	TAILQ_INSERT_TAIL(&g.lives, &other, next);
	ended = 0;
	sp_login_sweep(&g);
	assert_true(TAILQ_EMPTY(&g.logins));
	assert_int_equal(ended, 2);
	assert_int_equal(ports_ended, 1);
	ended = 0;
	TAILQ_INIT(&g.lives);
	json_decref(behind.header);
	json_decref(other.header);
}

/* The clients of a session's own socket: only her tool, started within her login. */
static void
test_peer_of_whom(void **state)
{
	static const struct sp_peer_cred alice = { .uid = 1001, .sessionid = 7 }, other_login = { .uid = 1001, .sessionid = 8 },
					 bob = { .uid = 1002, .sessionid = 7 }, none = { .uid = 1001, .sessionid = SP_CRED_UNSET };

	(void)state;
	assert_true(sp_cred_is_of(&alice, 1001, 7));
	assert_false(sp_cred_is_of(&other_login, 1001, 7));
	assert_false(sp_cred_is_of(&bob, 1001, 7));
	assert_false(sp_cred_is_of(&none, 1001, SP_CRED_UNSET));
}

/* --- who is revoked -------------------------------------------------------------------------------------------- */

static void
put_on(const char *kind, const char *value, int64_t until)
{
	json_t *request = json_pack("{s:s,s:s,s:s,s:I}", "kind", kind, "value", value, "reason", "gone", "until", (json_int_t)until);
	char text[SP_REVOCATION_TEXT_MAX];

	assert_non_null(request);
	assert_int_equal(sp_revocation_add(g.revocation, request, "root", text), 0);
	json_decref(request);
}

static void
take_off(const char *kind, const char *value)
{
	char text[SP_REVOCATION_TEXT_MAX];

	assert_int_equal(sp_revocation_remove(g.revocation, kind, value, NULL, "root", text), 0);
}

/* As after a restart. */
static void
read_again(void)
{
	sp_revocation_free(g.revocation);
	assert_int_equal(sp_revocation_new(&g, &g.revocation), 0);
}

static json_t *
hers(void)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:{s:s}}", "user", "alice", "iss", "https://idp", "sub", "1", "email", "al@example.com",
	    "claims", "jti", "t1");
}

/* A login that was believed when the revocation comes: between sshd's question about the key and the session. */
static void
refused_verified(const char *want)
{
	json_t *identity = hers();
	char text[2048];
	int fd;

	believable();
	fd = open_login("alice");
	assert_non_null(verify_cb);
	verify_cb(0, "", identity, verify_ctx);
	turn();
	told(fd, text, sizeof(text));
	if (strstr(text, want) == NULL)
		fail_msg("wanted \"%s\", got \"%s\"", want, text);
	json_decref(identity);
}

static void
test_login_revoked(void **state)
{
	static const char *const people[] = { "alice", "ALICE", "1", "Al@Example.com" };
	json_t *identity = hers();
	char text[2048];
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		put_on("person", people[i], 0);
		refused_verified("was revoked by root: gone");
		assert_int_equal(g.nlogins, 0);
		read_again();
		refused_verified("was revoked by root: gone");
		take_off("person", people[i]);
	}
	put_on("jti", "t1", 0);
	refused_verified("the token of this login was revoked");
	take_off("jti", "t1");
	/* During the verification. */
	believable();
	fd = open_login("alice");
	put_on("person", "alice", 0);
	verify_cb(0, "", identity, verify_ctx);
	turn();
	told(fd, text, sizeof(text));
	assert_non_null(strstr(text, "was revoked by root: gone"));
	json_decref(identity);
	take_off("person", "alice");
	assert_int_equal(g.nlogins, 0);
}

/* sshd asks about the account when all that is known is its name. */
static void
test_account_revoked(void **state)
{
	struct sp_buf *b = sp_buf_new(0);
	char text[2048];
	int i;

	(void)state;
	assert_non_null(b);
	has_recorder = true;
	for (i = 0; i < 2; i++) {
		int fds[2];

		if (i == 1)
			put_on("person", "Alice", 0);
		believable();
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
		sp_login_accept(&g, fds[0]);
		sp_buf_reset(b);
		sp_buf_put_cstring(b, "alice");
		sp_buf_put_cstring(b, "sshd");
		assert_int_equal(sp_ipc_send(fds[1], SP_IPC_PAM_ACCOUNT, 1, b, NULL, 0, sp_ipc_now_ms() + 1000), 0);
		turn();
		told(fds[1], text, sizeof(text));
		assert_int_equal(strstr(text, "was revoked by root: gone") != NULL, i == 1);
	}
	has_recorder = false;
	take_off("person", "alice");
	sp_buf_free(b);
}

/* A login of before: no session, and nothing through its forwarding; and its sessions end once, and when they come back. */
static void
test_session_revoked(void **state)
{
	struct sp_login l = { .id = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .user = "alice", .uid = 1001, .auid = 1001, .ses = 7 };
	struct sp_live live = { .id = "01BX5ZZKBKACTAV9WEVGEMMVRZ", .login_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .user = "alice" };
	const char *problem;
	char text[2048];

	(void)state;
	l.identity = hers();
	live.header = json_pack("{s:O}", "identity", l.identity);
	TAILQ_INSERT_TAIL(&g.logins, &l, next);
	TAILQ_INSERT_TAIL(&g.lives, &live, next);
	ended = told_control = 0;
	put_on("person", "bob", 0);
	assert_int_equal(ended, 0);
	assert_int_equal(told_control, 1);
	put_on("person", "alice", 0);
	assert_int_equal(ended, 1);
	assert_true(live.revoked_ms != 0 && l.revoked_ms != 0);
	sp_revocation_enforce(g.revocation); /* after a restart */
	assert_int_equal(ended, 2);
	sp_revocation_resumed(g.revocation, &live);
	assert_int_equal(ended, 3);
	cred = (struct sp_peer_cred){ .uid = 1001, .sessionid = 7, .loginuid = 1001 };
	start(text, sizeof(text));
	assert_non_null(strstr(text, "your access to this bastion was revoked by root: gone"));
	problem = sp_start_forward(&g, &l, "orders", -1);
	assert_non_null(problem);
	assert_non_null(strstr(problem, "was revoked by root: gone"));
	/* Under another name, after a restart. */
	(void)json_object_set_new(l.identity, "user", json_string("deploy"));
	(void)json_object_del(l.identity, "email");
	(void)snprintf(l.user, sizeof(l.user), "deploy");
	read_again();
	start(text, sizeof(text));
	assert_non_null(strstr(text, "was revoked by root: gone"));
	take_off("person", "alice");
	start(text, sizeof(text));
	assert_null(strstr(text, "revoked"));
	json_decref(l.identity);
	json_decref(live.header);
	TAILQ_INIT(&g.logins);
	TAILQ_INIT(&g.lives);
}

/* Operators may, and are told. */
static void
test_oneself(void **state)
{
	json_t *request = json_pack("{s:s,s:s,s:s,s:i}", "kind", "person", "value", "root", "reason", "gone", "until", 0);
	char text[SP_REVOCATION_TEXT_MAX];

	(void)state;
	assert_int_equal(sp_revocation_add(g.revocation, request, "root", text), 0);
	assert_non_null(strstr(text, "this is you"));
	assert_int_equal(sp_revocation_add(g.revocation, request, "alice", text), 0);
	assert_null(strstr(text, "this is you"));
	(void)json_object_set_new(request, "kind", json_string("session"));
	assert_int_equal(sp_revocation_add(g.revocation, request, "root", text), SP_ERR_NOT_FOUND);
	(void)json_object_del(request, "reason");
	assert_int_equal(sp_revocation_add(g.revocation, NULL, "root", text), SP_ERR_FORMAT);
	(void)json_object_set_new(request, "kind", json_string("person"));
	assert_int_equal(sp_revocation_add(g.revocation, request, "root", text), SP_ERR_FORMAT);
	take_off("person", "root");
	json_decref(request);
}

/* A list that cannot be read lets nobody in, whoever is on it; one that is mended does. */
static void
test_list_unreadable(void **state)
{
	static const char *const bad[] = { "", "{\"version\":1,", "{\"version\":1,\"revoked\":[{}]}" };
	struct sp_login l = { .id = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .user = "alice", .uid = 1001, .auid = 1001, .ses = 7 };
	json_t *request = json_pack("{s:s,s:s,s:s,s:i}", "kind", "person", "value", "bob", "reason", "gone", "until", 0);
	char text[SP_REVOCATION_TEXT_MAX + 1024];
	size_t i;

	(void)state;
	l.identity = hers();
	TAILQ_INSERT_TAIL(&g.logins, &l, next);
	put_on("person", "bob", 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = open(LIST, O_WRONLY | O_TRUNC | O_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, bad[i], strlen(bad[i])), (ssize_t)strlen(bad[i]));
		(void)close(fd);
		read_again();
		refused_verified("nobody is let in");
		cred = (struct sp_peer_cred){ .uid = 1001, .sessionid = 7, .loginuid = 1001 };
		start(text, sizeof(text));
		assert_non_null(strstr(text, "nobody is let in"));
		assert_int_equal(sp_revocation_add(g.revocation, request, "root", text), SP_ERR_UNAVAILABLE);
		assert_int_equal(sp_revocation_remove(g.revocation, "person", "bob", NULL, "root", text), SP_ERR_UNAVAILABLE);
		assert_null(sp_revocation_list(g.revocation));
	}
	assert_int_equal(chmod(LIST, 0666), 0);
	refused_verified("nobody is let in");
	assert_int_equal(unlink(LIST), 0);
	start(text, sizeof(text));
	assert_null(strstr(text, "nobody is let in"));
	json_decref(request);
	json_decref(l.identity);
	TAILQ_INIT(&g.logins);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login_believed),
		cmocka_unit_test(test_login_shell),
		cmocka_unit_test(test_login_account),
		cmocka_unit_test(test_login_audit_session),
		cmocka_unit_test(test_login_of_another),
		cmocka_unit_test(test_login_of_another_person),
		cmocka_unit_test(test_login_through_another),
		cmocka_unit_test(test_session_of_whom),
		cmocka_unit_test(test_close_of_whom),
		cmocka_unit_test(test_end_of_login),
		cmocka_unit_test(test_peer_of_whom),
		cmocka_unit_test(test_login_revoked),
		cmocka_unit_test(test_account_revoked),
		cmocka_unit_test(test_session_revoked),
		cmocka_unit_test(test_oneself),
		cmocka_unit_test(test_list_unreadable),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
