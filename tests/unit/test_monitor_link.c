/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's end of the monitor channel: what sallyportd may say when, the way back after its restart, and questions
 * that wait for it.
 */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_monitor.h"
#include "policy/subject.h"
#include "runtime/log.h"
#include "session-agent/session_state.h"

#define ID "01BX5ZZKBKACTAV9WEVGEMMVRZ"
#define SECRET "0123456789abcdef0123456789abcdef"
#define IDENTITY "{\"iss\":\"https://idp\",\"sub\":\"1\",\"user\":\"alice\",\"groups\":[]}"
#define ORIGIN "{\"user\":\"alice\",\"uid\":1000,\"ses\":7}"

/* --- the rest of a session, as far as the link calls it --------------------------------------------------- */

static struct sp_session s;
static unsigned begun, ended, channels, away, unknown, taken;
static bool is_kept;
static const char *origin = ORIGIN;
static int64_t clock_ahead;

int64_t __real_sp_ipc_now_ms(void);
int64_t __wrap_sp_ipc_now_ms(void);

int64_t
__wrap_sp_ipc_now_ms(void)
{
	return __real_sp_ipc_now_ms() + clock_ahead;
}

/* Whoever runs the test stands for root. */
int __real_sp_ipc_connect(const char *path, uid_t owner, int64_t deadline_ms, int *ret_fd);
int __wrap_sp_ipc_connect(const char *path, uid_t owner, int64_t deadline_ms, int *ret_fd);

int
__wrap_sp_ipc_connect(const char *path, uid_t owner, int64_t deadline_ms, int *ret_fd)
{
	assert_int_equal(owner, 0);
	return __real_sp_ipc_connect(path, getuid(), deadline_ms, ret_fd);
}

uint32_t
sp_session_new_id(struct sp_session *x)
{
	return ++x->next_id;
}

void
sp_forwarded_take(struct sp_session *x, int fd)
{
	(void)x;
	assert_int_equal(close(fd), 0);
	taken++;
}

int
sp_client_new(struct sp_session *x, int fd)
{
	(void)x;
	(void)close(fd);
	return 0;
}

void
sp_session_begin(struct sp_session *x)
{
	(void)x;
	begun++;
}

void
sp_session_pause(struct sp_session *x, bool is_paused, const char *text)
{
	(void)text;
	x->is_paused = is_paused;
}

void
sp_session_end(struct sp_session *x, const char *reason)
{
	(void)x;
	(void)reason;
	ended++;
}

void
sp_session_unknown(struct sp_session *x)
{
	(void)x;
	unknown++;
}

bool
sp_session_keep(struct sp_session *x)
{
	(void)x;
	return is_kept;
}

void
sp_session_control_away(struct sp_session *x)
{
	(void)x;
	away++;
}

int
sp_control_channel(struct sp_session *x, int fd)
{
	(void)x;
	channels += 1;
	(void)close(fd);
	return 0;
}

int
sp_record_channel(struct sp_session *x, int fd, int ring)
{
	(void)x;
	channels += 100;
	(void)close(fd);
	(void)close(ring);
	return 0;
}

/* --- sallyportd, played by the test ------------------------------------------------------------------------ */

static char top[] = "/tmp/test_monitor_link.XXXXXX";
static struct sp_listener *listener;
static int back = -1; /* a connection to monitor.sock */

static void
on_accept(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	(void)cred;
	(void)ctx;
	back = fd;
	sp_listener_release(listener);
}

static void
turn(void)
{
	for (int i = 0; i < 5; i++)
		(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
}

/* Says one message with nfds descriptors. */
static void
say(int fd, uint8_t type, uint32_t id, const struct sp_buf *body, size_t nfds)
{
	int fds[4] = { 0, 1, 2, 0 };

	(void)!sp_ipc_send(fd, type, id, body, fds, nfds, sp_ipc_now_ms() + 1000);
	turn();
}

static void
say_u32(int fd, uint8_t type, uint32_t value, size_t nfds)
{
	struct sp_buf *b = sp_buf_new(16);

	sp_buf_put_u32(b, value);
	say(fd, type, 0, b, nfds);
	sp_buf_free(b);
}

static struct sp_buf *
begin_body(void)
{
	struct sp_buf *b = sp_buf_new(0);

	sp_buf_put_cstring(b, ID);
	sp_buf_put_string(b, (const uint8_t *)SECRET, 32);
	sp_buf_put_cstring(b, IDENTITY);
	sp_buf_put_cstring(b, origin);
	sp_buf_put_cstring(b, "whoami");
	sp_buf_put_u8(b, 1);
	sp_buf_put_u32(b, 24);
	sp_buf_put_u32(b, 80);
	sp_buf_put_cstring(b, "xterm");
	sp_buf_put_cstring(b, "C");
	assert_int_equal(sp_buf_error(b), 0);
	return b;
}

static void
say_begin(int fd)
{
	struct sp_buf *b = begin_body();

	say(fd, SP_IPC_MONITOR_BEGIN, 0, b, 4);
	sp_buf_free(b);
}

/* The next message from the session: its type and id, 0 when there is none. */
static uint8_t
hear(int fd, uint32_t *ret_id)
{
	struct sp_buf *in = sp_buf_new(0);
	struct sp_ipc_msg msg = { 0 };
	uint8_t type = 0;

	turn();
	if (sp_ipc_recv(fd, in, &msg, __real_sp_ipc_now_ms() + clock_ahead + 20) == 0) {
		type = msg.type;
		if (ret_id != NULL)
			*ret_id = msg.id;
		sp_ipc_msg_clear(&msg);
	}
	sp_buf_free(in);
	return type;
}

static void
say_credential(int fd, uint32_t id, int err)
{
	struct sp_buf *b = sp_buf_new(0);

	sp_buf_put_u32(b, (uint32_t)-err);
	sp_buf_put_cstring(b, err == 0 ? "" : "no");
	sp_buf_put_cstring(b, "app");
	sp_buf_put_cstring(b, err == 0 ? "s3cret" : "");
	say(fd, SP_IPC_MONITOR_CREDENTIAL_REPLY, id, b, 0);
	sp_buf_free(b);
}

static void
say_listen(int fd, uint32_t id, int err, size_t nfds)
{
	struct sp_buf *b = sp_buf_new(0);

	sp_buf_put_u32(b, (uint32_t)-err);
	sp_buf_put_cstring(b, "");
	sp_buf_put_cstring(b, err == 0 ? "/run/sallyport/s/x" : "");
	say(fd, SP_IPC_MONITOR_LISTEN_REPLY, id, b, nfds);
	sp_buf_free(b);
}

/* --- a session for each test ------------------------------------------------------------------------------- */

static int
setup(void **state)
{
	int sv[2];

	begun = ended = channels = away = unknown = 0;
	is_kept = false;
	clock_ahead = 0;
	back = -1;
	memset(&s, 0, sizeof(s));
	s.in = s.out = s.err = -1;
	s.base = event_base_new();
	s.ring_fd = dup(0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(sp_monitor_link(&s, sv[0]), 0);
	*state = (void *)(intptr_t)sv[1];
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	sp_monitor_free(&s);
	sp_listener_free(listener);
	listener = NULL;
	event_base_free(s.base);
	sp_secret_free(s.secret);
	json_decref(s.identity);
	json_decref(s.origin);
	free(s.identity_text);
	free(s.origin_text);
	free(s.command);
	free(s.term);
	free(s.lang);
	sp_policy_subject_free(s.subject);
	(void)close(s.in);
	(void)close(s.out);
	(void)close(s.err);
	(void)close(s.ring_fd);
	return 0;
}

/* sallyportd goes away. */
static void
gone(int fd)
{
	(void)close(fd);
	turn();
	assert_null(s.monitor);
}

/* And comes back: the session is connected again, and its RESUME has been read. */
static int
comes_back(void)
{
	int fd;

	if (listener == NULL)
		assert_int_equal(
		    sp_listener_new(s.base, SP_RUNDIR "/monitor.sock", 0600, (uid_t)-1, (gid_t)-1, -1, 8, on_accept, NULL, &listener),
		    0);
	back = -1;
	for (int i = 0; i < 100 && back < 0; i++) {
		event_active(s.monitor_retry, EV_TIMEOUT, 0);
		turn();
	}
	fd = back;
	assert_true(fd >= 0 && s.monitor != NULL && !s.is_resumed);
	assert_int_equal(hear(fd, NULL), SP_IPC_MONITOR_RESUME);
	return fd;
}

static void
test_stages(void **state)
{
	int fd = (int)(intptr_t)*state;

	say_begin(fd);
	assert_true(begun == 1 && s.monitor != NULL && s.is_resumed);
	assert_string_equal(s.id, ID);
	assert_string_equal(s.user, "alice");
	assert_true(s.uid == 1000 && s.ses == 7 && s.has_tty && s.rows == 24 && s.cols == 80);
	say_u32(fd, SP_IPC_MONITOR_CHANNEL, SP_IPC_MONITOR_WHICH_RECORDER, 2);
	say_u32(fd, SP_IPC_MONITOR_CHANNEL, SP_IPC_MONITOR_WHICH_CONTROL, 1);
	assert_int_equal(channels, 101);
	say_u32(fd, SP_IPC_MONITOR_CHANNEL, SP_IPC_MONITOR_WHICH_CONTROL, 0);
	assert_int_equal(away, 1);
	gone(fd);
	fd = comes_back();
	say_u32(fd, SP_IPC_MONITOR_RESUMED, 0, 0);
	assert_true(s.is_resumed && ended == 0);
	say_u32(fd, SP_IPC_MONITOR_CHANNEL, SP_IPC_MONITOR_WHICH_RECORDER, 2);
	assert_int_equal(channels, 201);
	(void)close(fd);
}

/* A session that sallyportd no longer knows ends. */
static void
test_not_known_any_more(void **state)
{
	int fd = (int)(intptr_t)*state;

	say_begin(fd);
	gone(fd);
	fd = comes_back();
	say_u32(fd, SP_IPC_MONITOR_RESUMED, (uint32_t)-SP_ERR_DENIED, 0);
	assert_true(unknown == 1 && ended == 0 && !s.is_resumed);
	(void)close(fd);
}

/* Over while sallyportd is away, with a ring that nobody else has: it is handed over before the process ends. */
static void
test_over_while_it_is_away(void **state)
{
	int fd = (int)(intptr_t)*state;

	say_begin(fd);
	gone(fd);
	is_kept = true;
	s.stage = SP_SESSION_OVER;
	sp_monitor_done(&s);
	turn();
	assert_false(event_base_got_break(s.base));
	fd = comes_back();
	say_u32(fd, SP_IPC_MONITOR_RESUMED, 0, 0);
	assert_int_equal(hear(fd, NULL), SP_IPC_MONITOR_DONE);
	assert_null(s.monitor); /* closed: the process ends */
	(void)close(fd);
}

/* With nothing left to hand over it ends at once; and so it does when sallyportd goes away after its DONE. */
static void
test_over_with_nothing_left(void **state)
{
	int fd = (int)(intptr_t)*state;

	say_begin(fd);
	s.stage = SP_SESSION_OVER;
	(void)close(fd);
	for (int i = 0; i < 5 && !event_base_got_break(s.base); i++)
		(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
	assert_true(event_base_got_break(s.base));
}

static void
test_over_and_stored(void **state)
{
	int fd = (int)(intptr_t)*state;

	say_begin(fd);
	gone(fd);
	s.stage = SP_SESSION_OVER;
	sp_monitor_done(&s);
	assert_true(event_base_got_break(s.base) || event_base_loop(s.base, EVLOOP_NONBLOCK) >= 0);
	assert_true(event_base_got_break(s.base));
}

/* In each stage the messages of the others, and those that do not exist, end the channel. */
static void
test_out_of_turn(void **state)
{
	static const uint8_t before[] = { 130, 131, 132, 134, 0, 1, 5, 128, 135, 255 };
	static const uint8_t live[] = { 129, 134, 0, 1, 5, 128, 135, 255 };
	static const uint8_t resuming[] = { 129, 130, 131, 132, 133, 0, 1, 128, 135, 255 };
	int fd = (int)(intptr_t)*state;
	struct sp_buf *b;

	for (size_t i = 0; i < sizeof(before); i++) {
		say_u32(fd, before[i], 0, 0);
		assert_null(s.monitor);
		(void)close(fd);
		(void)teardown(state);
		(void)setup(state);
		fd = (int)(intptr_t)*state;
	}
	assert_int_equal(begun + ended + channels + away, 0);
	say_begin(fd);
	assert_true(begun == 1);
	b = begin_body();
	for (size_t i = 0; i < sizeof(live); i++) {
		if (live[i] == SP_IPC_MONITOR_RESUMED) /* well-formed, that its turn alone is wrong */
			say_u32(fd, live[i], 0, 0);
		else
			say(fd, live[i], 1, b, live[i] == SP_IPC_MONITOR_BEGIN ? 4 : 0);
		assert_null(s.monitor);
		(void)close(fd);
		fd = comes_back();
		say_u32(fd, resuming[i], 0, 0);
		assert_null(s.monitor);
		(void)close(fd);
		fd = comes_back();
		say_u32(fd, SP_IPC_MONITOR_RESUMED, 0, 0);
		assert_true(s.is_resumed);
	}
	assert_true(begun == 1 && ended == 0 && channels == 0);
	sp_buf_free(b);
	(void)close(fd);
}

/* Only a session that was begun for it takes forwarded connections, one with each message. */
static void
test_forward(void **state)
{
	static const char forward[] = "{\"user\":\"alice\",\"uid\":1000,\"ses\":7,\"forward\":\"orders\"}";
	int fd = (int)(intptr_t)*state;

	taken = 0;
	say_begin(fd);
	say(fd, SP_IPC_MONITOR_FORWARD, 0, NULL, 1);
	assert_true(s.monitor == NULL && taken == 0);
	for (size_t nfds = 0; nfds < 3; nfds++) {
		(void)close(fd);
		(void)teardown(state);
		(void)setup(state);
		fd = (int)(intptr_t)*state;
		origin = forward;
		say_begin(fd);
		origin = ORIGIN;
		assert_string_equal(s.forward, "orders");
		say(fd, SP_IPC_MONITOR_FORWARD, 0, NULL, nfds);
		assert_true((s.monitor != NULL) == (nfds == 1) && taken == (nfds >= 1));
	}
	(void)close(fd);
}

static void
test_begin_cut(void **state)
{
	struct sp_buf *whole = begin_body();
	int fd = (int)(intptr_t)*state;

	for (size_t n = 0; n < sp_buf_len(whole); n++) {
		struct sp_buf *b = sp_buf_new(0);

		assert_int_equal(sp_buf_put(b, sp_buf_data(whole), n), 0);
		say(fd, SP_IPC_MONITOR_BEGIN, 0, b, 4);
		assert_true(s.monitor == NULL && begun == 0);
		sp_buf_free(b);
		(void)close(fd);
		(void)teardown(state);
		(void)setup(state);
		fd = (int)(intptr_t)*state;
	}
	say(fd, SP_IPC_MONITOR_BEGIN, 0, whole, 3); /* and with too few descriptors */
	assert_true(s.monitor == NULL && begun == 0);
	sp_buf_free(whole);
	(void)close(fd);
}

static void
test_channel_descriptors(void **state)
{
	static const struct {
		uint32_t which;
		size_t nfds;
	} bad[] = { { 0, 0 }, { 0, 1 }, { 3, 1 }, { 3, 2 }, { 1, 0 }, { 1, 1 }, { 2, 2 }, { 1, 3 }, { UINT32_MAX, 1 } };
	int fd = (int)(intptr_t)*state;

	say_begin(fd);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		say_u32(fd, SP_IPC_MONITOR_CHANNEL, bad[i].which, bad[i].nfds);
		if (s.monitor != NULL)
			fail_msg("case %zu", i);
		(void)close(fd);
		fd = comes_back();
		say_u32(fd, SP_IPC_MONITOR_RESUMED, 0, 0);
	}
	assert_true(channels == 0 && away == 0);
	(void)close(fd);
}

/* --- questions ----------------------------------------------------------------------------------------------- */

static int answer = 1; /* of the last question; 1: none yet */
static unsigned answers;
static char answer_text[128];

static void
on_credential(int err, const char *message, const char *user, struct sp_secret *password, void *ctx)
{
	(void)ctx;
	answer = err;
	answers++;
	(void)snprintf(answer_text, sizeof(answer_text), "%s", message);
	if (err == 0) {
		assert_string_equal(user, "app");
		assert_int_equal(sp_secret_equal(password, "s3cret", 6), 1);
	}
	sp_secret_free(password);
}

static void
on_listen(int err, const char *message, int fd, const char *directory, void *ctx)
{
	(void)ctx;
	(void)directory;
	answer = err;
	answers++;
	(void)snprintf(answer_text, sizeof(answer_text), "%s", message);
	if (fd >= 0)
		(void)close(fd);
}

static void
test_question(void **state)
{
	int fd = (int)(intptr_t)*state;
	uint32_t id = 0;

	say_begin(fd);
	answer = 1;
	answers = 0;
	assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), 0);
	assert_int_equal(hear(fd, &id), SP_IPC_MONITOR_CREDENTIAL);
	say_credential(fd, id, 0);
	assert_true(answer == 0 && answers == 1);
	assert_int_equal(sp_session_listen(&s, ".s.PGSQL.5432", on_listen, NULL), 0);
	assert_int_equal(hear(fd, &id), SP_IPC_MONITOR_LISTEN);
	say_listen(fd, id, 0, 1);
	assert_true(answer == 0 && answers == 2);
	assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), 0);
	assert_int_equal(hear(fd, &id), SP_IPC_MONITOR_CREDENTIAL);
	say_credential(fd, id, SP_ERR_DENIED);
	assert_true(answer == SP_ERR_DENIED && answers == 3 && s.nquestions == 0);
	say_credential(fd, id, 0); /* an answer to nothing */
	assert_null(s.monitor);
	(void)close(fd);
}

/* The answer to one question is none to another. */
static void
test_question_of_another_kind(void **state)
{
	int fd = (int)(intptr_t)*state;
	uint32_t id = 0;

	say_begin(fd);
	answers = 0;
	assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), 0);
	assert_int_equal(hear(fd, &id), SP_IPC_MONITOR_CREDENTIAL);
	say_listen(fd, id, 0, 1);
	assert_true(s.monitor == NULL && answers == 0);
	(void)close(fd);
}

/* Asked while sallyportd is away: told when it is back, not refused. */
static void
test_question_waits(void **state)
{
	int fd = (int)(intptr_t)*state;
	uint32_t id = 0;

	say_begin(fd);
	gone(fd);
	answers = 0;
	assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), 0);
	fd = comes_back();
	assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), 0);
	assert_int_equal(hear(fd, &id), 0); /* nothing before it has said that it knows this session */
	say_u32(fd, SP_IPC_MONITOR_RESUMED, 0, 0);
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(hear(fd, &id), SP_IPC_MONITOR_CREDENTIAL);
		say_credential(fd, id, 0);
		assert_true(answers == i && answer == 0);
	}
	(void)close(fd);
}

/* Under way when it went: a credential is asked for again, a socket that may have been made is not. */
static void
test_question_under_way(void **state)
{
	int fd = (int)(intptr_t)*state;
	uint32_t id = 0, old;

	say_begin(fd);
	answers = 0;
	assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), 0);
	assert_int_equal(hear(fd, &old), SP_IPC_MONITOR_CREDENTIAL);
	assert_int_equal(sp_session_listen(&s, ".s.PGSQL.5432", on_listen, NULL), 0);
	assert_int_equal(hear(fd, &id), SP_IPC_MONITOR_LISTEN);
	gone(fd);
	assert_true(answers == 1 && answer == SP_ERR_UNAVAILABLE && s.nquestions == 1);
	fd = comes_back();
	say_u32(fd, SP_IPC_MONITOR_RESUMED, 0, 0);
	assert_int_equal(hear(fd, &id), SP_IPC_MONITOR_CREDENTIAL);
	assert_int_not_equal(id, old);
	say_credential(fd, id, 0);
	assert_true(answers == 2 && answer == 0);
	(void)close(fd);
}

/* sallyportd has no policy yet: the question is put again until it has one, or for long enough. */
static void
test_question_again(void **state)
{
	int fd = (int)(intptr_t)*state;
	uint32_t id = 0;

	say_begin(fd);
	answers = 0;
	assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(hear(fd, &id), SP_IPC_MONITOR_CREDENTIAL);
		say_credential(fd, id, SP_ERR_UNAVAILABLE);
		assert_int_equal(answers, 0);
		event_active(s.question_timer, EV_TIMEOUT, 0);
		turn();
	}
	assert_int_equal(hear(fd, &id), SP_IPC_MONITOR_CREDENTIAL);
	say_credential(fd, id, SP_ERR_UNAVAILABLE);
	clock_ahead += SP_SESSION_AWAY_MS + 1;
	event_active(s.question_timer, EV_TIMEOUT, 0);
	turn();
	assert_true(answers == 1 && answer == SP_ERR_UNAVAILABLE && s.nquestions == 0);
	(void)close(fd);
}

/* And not for ever. */
static void
test_question_gives_up(void **state)
{
	int fd = (int)(intptr_t)*state;

	say_begin(fd);
	gone(fd);
	answers = 0;
	assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), 0);
	assert_int_equal(sp_session_listen(&s, ".s.PGSQL.5432", on_listen, NULL), 0);
	clock_ahead += SP_SESSION_AWAY_MS - 500;
	event_active(s.question_timer, EV_TIMEOUT, 0);
	turn();
	assert_int_equal(answers, 0);
	clock_ahead += 501;
	event_active(s.question_timer, EV_TIMEOUT, 0);
	turn();
	assert_true(answers == 2 && answer == SP_ERR_UNAVAILABLE && s.nquestions == 0);
	assert_non_null(strstr(answer_text, "try again shortly"));
}

static void
test_questions_limit(void **state)
{
	int fd = (int)(intptr_t)*state;

	say_begin(fd);
	gone(fd);
	for (int i = 0; i < SP_SESSION_QUESTIONS_MAX; i++)
		assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), 0);
	assert_int_equal(sp_session_credential(&s, "orders", on_credential, NULL), SP_ERR_LIMIT);
}

/* --- lost channels --------------------------------------------------------------------------------------------- */

static void
test_lost(void **state)
{
	int fd = (int)(intptr_t)*state;

	say_begin(fd);
	s.recorder = s.monitor; /* anything that is there */
	sp_monitor_lost(&s);
	assert_int_equal(hear(fd, NULL), 0); /* it may be a restart: not at once */
	event_active(s.lost_timer, EV_TIMEOUT, 0);
	assert_int_equal(hear(fd, NULL), SP_IPC_MONITOR_LOST);
	assert_int_equal(hear(fd, NULL), 0); /* control's alone */
	s.control = s.monitor;
	event_active(s.lost_timer, EV_TIMEOUT, 0);
	assert_int_equal(hear(fd, NULL), 0); /* it is back */
	s.recorder = s.control = NULL;
	gone(fd);
	event_active(s.lost_timer, EV_TIMEOUT, 0); /* nobody to ask: RESUME brings both */
	turn();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_known_any_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_over_while_it_is_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_over_with_nothing_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_over_and_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_out_of_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_begin_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_channel_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_question, setup, teardown),
		cmocka_unit_test_setup_teardown(test_question_of_another_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_question_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_question_under_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_question_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_question_gives_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_questions_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
	};
	char command[128];
	int r;

	sp_log_open("test_monitor_link", -1, 0);
	if (mkdtemp(top) == NULL || chdir(top) != 0 || mkdir(SP_RUNDIR, 0755) != 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command) == 0 ? r : 1;
}
