/* SPDX-License-Identifier: Apache-2.0 */
/* The relay with real programs on real pipes and a real pty; the session around it is made of paper. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "policy/image.h"
#include "policy/source.h"
#include "policy/subject.h"
#include "recorder/event.h"
#include "session-agent/relay.h"

#define WAIT_S 20

static const char policy_text[] =
    "version: 1\n"
    "groups:\n  all: { claim: groups, has: all }\n"
    "connections:\n"
    "  db: { kind: postgres, address: 127.0.0.1:1, database: x, tls: { mode: disable }, login: { user: u }, labels: { env: t } }\n"
    "rules:\n"
    "  - name: r\n    who: [all]\n    on: { labels: { env: t } }\n    do: { sql: [select] }\n    effect: allow\n"
    "    mask: { detect: [email, secret], with: redact }\n";

/* --- the session ----------------------------------------------------------------------------------------- */

static struct sp_session s;
static struct sp_buf *scratch, *policy_image, *shown[3], *typed, *seen_out, *seen_err;
static int person_in, person_out, person_err; /* the person's ends */
static bool is_over, is_full, was_raw;
static char why[256];
static uint64_t events;
static struct event *events_of[4];

struct sp_buf *
sp_session_event(struct sp_session *session)
{
	(void)session;
	sp_buf_reset(scratch);
	return scratch;
}

int
sp_session_record_late(struct sp_session *session)
{
	struct sp_event ev;
	struct sp_view v;
	uint64_t stream = 0;

	(void)session;
	if (is_full)
		return SP_ERR_AGAIN;
	assert_int_equal(sp_event_parse(sp_buf_data(scratch), sp_buf_len(scratch), &ev), 0);
	events++;
	if (ev.type == SP_EVENT_OUTPUT) {
		if (sp_event_get_u64(&ev, SP_FIELD_STREAM, &stream) != 0)
			stream = 0;
		assert_int_equal(sp_event_get(&ev, SP_FIELD_TEXT, &v), 0);
		sp_buf_put(shown[stream], v.data, v.len);
	} else if (ev.type == SP_EVENT_INPUT) {
		assert_int_equal(sp_event_get(&ev, SP_FIELD_TEXT, &v), 0);
		sp_buf_put(typed, v.data, v.len);
	}
	return 0;
}

const char *
sp_session_fault(const struct sp_session *session)
{
	(void)session;
	return NULL;
}

void
sp_session_end(struct sp_session *session, const char *reason)
{
	(void)snprintf(why, sizeof(why), "%s", reason);
	session->stage = SP_SESSION_FLUSHING;
	is_over = true;
}

void
sp_session_exit(struct sp_session *session, int status)
{
	session->status = status;
	session->stage = SP_SESSION_FLUSHING;
	is_over = true;
}

void
sp_session_pump(struct sp_session *session)
{
	sp_relay_pump(session);
}

void
sp_client_raw(struct sp_session *session, bool raw)
{
	(void)session;
	was_raw = was_raw || raw;
}

bool
sp_dispatch_terms(const struct sp_session *session, const struct sp_policy_connection *c, struct sp_policy_terms *ret_terms)
{
	(void)session;
	(void)c;
	(void)ret_terms;
	return false;
}

void
sp_limits_touch(struct sp_session *session)
{
	(void)session;
}

/* --- the person -------------------------------------------------------------------------------------------- */

static void
on_seen(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_buf *to = ctx;
	static uint8_t bytes[65536];
	ssize_t n;

	(void)what;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		sp_buf_put(to, bytes, (size_t)n);
}

static void
setup(bool has_tty)
{
	static struct sp_policy_source *source;
	struct sp_policy_image *image = NULL;
	int in[2], out[2], err[2];

	memset(&s, 0, sizeof(s));
	is_over = is_full = was_raw = false;
	why[0] = '\0';
	events = 0;
	s.base = event_base_new();
	s.stage = SP_SESSION_SERVING;
	s.has_tty = has_tty;
	s.rows = 24;
	s.cols = 80;
	s.pty_master = s.pty_slave = -1;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, in), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, out), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, err), 0);
	s.in = in[0];
	s.out = out[0];
	s.err = err[0];
	person_in = in[1];
	person_out = out[1];
	person_err = err[1];
	assert_int_equal(fcntl(person_out, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(person_err, F_SETFL, O_NONBLOCK), 0);
	scratch = sp_buf_new(SP_EVENT_MAX);
	for (int i = 0; i < 3; i++)
		shown[i] = sp_buf_new(0);
	typed = sp_buf_new(0);
	seen_out = sp_buf_new(0);
	seen_err = sp_buf_new(0);
	events_of[0] = event_new(s.base, person_out, EV_READ | EV_PERSIST, on_seen, seen_out);
	events_of[1] = event_new(s.base, person_err, EV_READ | EV_PERSIST, on_seen, seen_err);
	event_add(events_of[0], NULL);
	event_add(events_of[1], NULL);
	policy_image = sp_buf_new(0);
	source = sp_policy_source_new();
	assert_int_equal(sp_policy_source_add(source, "p.yaml", policy_text, strlen(policy_text)), 0);
	assert_int_equal(sp_policy_source_compile(source, 1, policy_image), 0);
	sp_policy_source_free(source);
	assert_int_equal(sp_policy_image_open(sp_buf_data(policy_image), sp_buf_len(policy_image), &image), 0);
	s.policy = image;
	assert_int_equal(sp_policy_subject_new("{\"user\":\"alice\",\"claims\":{\"groups\":[\"all\"]}}", strlen("{\"user\":\"alice\",\"claims\":{\"groups\":[\"all\"]}}"), &s.subject), 0);
	if (has_tty)
		assert_int_equal(sp_terminal_make(&s), 0);
}

static void
teardown(void)
{
	sp_relay_free(&s);
	sp_terminal_free(&s);
	for (int i = 0; i < 2; i++)
		event_free(events_of[i]);
	close(s.in);
	close(s.out);
	close(s.err);
	close(person_in);
	close(person_out);
	close(person_err);
	sp_buf_free(scratch);
	for (int i = 0; i < 3; i++)
		sp_buf_free(shown[i]);
	sp_buf_free(typed);
	sp_buf_free(seen_out);
	sp_buf_free(seen_err);
	sp_policy_image_free((struct sp_policy_image *)(uintptr_t)s.policy);
	sp_policy_subject_free(s.subject);
	sp_buf_free(policy_image);
	event_base_free(s.base);
}

/* --- the program --------------------------------------------------------------------------------------------- */

static pid_t
spawn(const char *script, const int fds[3])
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)setsid();
		(void)signal(SIGPIPE, SIG_DFL);
		for (int i = 0; i < 3; i++)
			if (dup2(fds[i], i) < 0)
				_exit(126);
		if (s.has_tty)
			(void)ioctl(0, TIOCSCTTY, 0);
		(void)execl("/bin/bash", "bash", "--norc", "--noprofile", "-c", script, NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static pid_t
start(const char *script, bool is_masked, unsigned flags, const struct sp_relay_hooks *hooks)
{
	const struct sp_policy_connection *c = is_masked ? sp_policy_image_find(s.policy, "db") : NULL;
	int fds[3];
	pid_t pid;

	assert_true(!is_masked || c != NULL);
	assert_int_equal(sp_relay_new(&s, c, flags, hooks, NULL, fds), 0);
	pid = spawn(script, fds);
	assert_int_equal(sp_session_relay_start(&s), 0);
	return pid;
}

/* Runs the loop until cond, or fails. */
#define UNTIL(cond)                                                                                                  \
	do {                                                                                                         \
		time_t until = time(NULL) + WAIT_S;                                                                  \
		while (!(cond)) {                                                                                    \
			struct timeval tick = {.tv_usec = 20000};                                                    \
			event_base_loopexit(s.base, &tick);                                                          \
			event_base_dispatch(s.base);                                                                 \
			if (time(NULL) > until)                                                                      \
				fail_msg("never: %s (seen \"%.*s\", %s)", #cond, (int)sp_buf_len(seen_out),          \
				    (const char *)sp_buf_data(seen_out), why);                                       \
		}                                                                                                    \
	} while (0)

static bool
reap(pid_t pid, int *ret_status)
{
	return waitpid(pid, ret_status, WNOHANG) == pid;
}

static void
finish(pid_t pid)
{
	int status = 0;

	UNTIL(reap(pid, &status));
	sp_session_relay_ended(&s, WIFSIGNALED(status), WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	UNTIL(is_over);
	UNTIL(sp_relay_is_flushed(&s));
	on_seen(person_out, 0, seen_out);
	on_seen(person_err, 0, seen_err);
}

static void
equals(struct sp_buf *b, const char *want)
{
	if (sp_buf_len(b) != strlen(want) || memcmp(sp_buf_data(b), want, strlen(want)) != 0)
		fail_msg("got \"%.*s\", not \"%s\"", (int)sp_buf_len(b), (const char *)sp_buf_data(b), want);
}

static void
type(const char *p)
{
	assert_int_equal(write(person_in, p, strlen(p)), (ssize_t)strlen(p));
}

static bool
has(struct sp_buf *b, const char *what)
{
	return memmem(sp_buf_data(b), sp_buf_len(b), what, strlen(what)) != NULL;
}

/* --- without a terminal ---------------------------------------------------------------------------------------- */

static void
test_apart(void **state)
{
	(void)state;
	setup(false);
	finish(start("echo out; echo err >&2; echo again > /dev/stdout; exit 7", false, 0, NULL));
	equals(seen_out, "out\nagain\n");
	equals(seen_err, "err\n");
	equals(shown[SP_RELAY_STDOUT], "out\nagain\n");
	equals(shown[SP_RELAY_STDERR], "err\n");
	assert_int_equal(s.status, 7);
	assert_false(s.is_signaled);
	teardown();
}

static void
test_signal(void **state)
{
	(void)state;
	setup(false);
	finish(start("kill -TERM $$", false, 0, NULL));
	assert_true(s.is_signaled);
	assert_int_equal(s.status, SIGTERM);
	teardown();
}

/* An end of file from the person reaches the program, one of the program's reaches the person before it exits. */
static void
test_half_close(void **state)
{
	struct pollfd p;
	pid_t pid;

	(void)state;
	setup(false);
	pid = start("cat; echo end; exec >&-; read -t 5 x <> /proc/self/fd/2; exit 0", false, 0, NULL);
	type("abc");
	UNTIL(has(seen_out, "abc"));
	assert_int_equal(shutdown(person_in, SHUT_WR), 0);
	UNTIL(has(seen_out, "end"));
	p = (struct pollfd){.fd = person_out, .events = POLLIN | POLLRDHUP};
	UNTIL(poll(&p, 1, 0) == 1 && (p.revents & POLLRDHUP) != 0);
	(void)kill(pid, SIGKILL);
	finish(pid);
	equals(seen_out, "abcend\n");
	teardown();
}

/* Nobody reads: the program gets SIGPIPE, as from a pipe. */
static void
test_deaf(void **state)
{
	pid_t pid;

	(void)state;
	setup(false);
	pid = start("yes", false, 0, NULL);
	UNTIL(sp_buf_len(seen_out) > 100000);
	event_del(events_of[0]);
	assert_int_equal(shutdown(person_out, SHUT_RD), 0);
	finish(pid);
	assert_true(s.is_signaled);
	assert_int_equal(s.status, SIGPIPE);
	teardown();
}

/* A program that stops reading stops the person's side; nothing is lost or kept without bound. */
static void
test_back_pressure(void **state)
{
	static char zeros[65536];
	size_t sent = 0;
	pid_t pid;

	(void)state;
	setup(false);
	pid = start("sleep 0.5; wc -c", false, SP_RELAY_RECORD_INPUT, NULL);
	assert_int_equal(fcntl(person_in, F_SETFL, O_NONBLOCK), 0);
	for (int quiet = 0; quiet < 10;) {
		ssize_t n = write(person_in, zeros, sizeof(zeros));
		struct timeval tick = {.tv_usec = 10000};

		quiet = n > 0 ? 0 : quiet + 1;
		sent += n > 0 ? (size_t)n : 0;
		event_base_loopexit(s.base, &tick);
		event_base_dispatch(s.base);
	}
	assert_true(sent < 2000000);
	assert_int_equal(shutdown(person_in, SHUT_WR), 0);
	finish(pid);
	assert_int_equal(strtoul((const char *)sp_buf_data(seen_out), NULL, 10), sent);
	assert_int_equal(sp_buf_len(typed), sent);
	teardown();
}

/* Every byte, in both directions, and how fast. */
static void
test_binary(void **state)
{
	enum { BULK = 16 * 1024 * 1024 };
	uint8_t *bytes = malloc(BULK);
	struct timespec a, b;
	size_t sent = 0;
	uint32_t x = 1;
	pid_t pid;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < BULK; i++)
		bytes[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
	setup(false);
	assert_int_equal(fcntl(person_in, F_SETFL, O_NONBLOCK), 0);
	clock_gettime(CLOCK_MONOTONIC, &a);
	pid = start("cat", false, 0, NULL);
	while (sent < BULK) {
		ssize_t n = write(person_in, bytes + sent, BULK - sent);

		sent += n > 0 ? (size_t)n : 0;
		event_base_loop(s.base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(shutdown(person_in, SHUT_WR), 0);
	UNTIL(sp_buf_len(seen_out) == BULK);
	clock_gettime(CLOCK_MONOTONIC, &b);
	finish(pid);
	assert_memory_equal(sp_buf_data(seen_out), bytes, BULK);
	assert_int_equal(sp_buf_len(shown[SP_RELAY_STDOUT]), BULK);
	print_message("16 MiB there and back in %ld ms\n",
	    (long)(b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000);
	teardown();
	free(bytes);
}

static void
test_masked(void **state)
{
	(void)state;
	setup(false);
	finish(start("printf 'mail al'; printf 'ice@exam'; printf 'ple.com now\\n'; echo bob@example.com >&2", true, 0,
	    NULL));
	equals(seen_out, "mail [masked:email] now\n");
	equals(shown[SP_RELAY_STDOUT], "mail [masked:email] now\n");
	equals(seen_err, "[masked:email]\n");
	teardown();
}

/* A question without a newline is shown while the program waits for its answer. */
static void
test_question(void **state)
{
	pid_t pid;

	(void)state;
	setup(false);
	pid = start("printf 'go on? '; read a; echo \"said $a\"", true, SP_RELAY_RECORD_INPUT, NULL);
	UNTIL(has(seen_out, "go on? "));
	type("yes\n");
	finish(pid);
	equals(seen_out, "go on? said yes\n");
	equals(typed, "yes\n");
	teardown();
}

/* --- what cannot be recorded is not shown ------------------------------------------------------------------------- */

static void
test_record_first(void **state)
{
	pid_t pid;

	(void)state;
	setup(false);
	is_full = true;
	pid = start("echo hello; sleep 0.3", false, 0, NULL);
	for (int i = 0; i < 10; i++) {
		struct timeval tick = {.tv_usec = 20000};

		event_base_loopexit(s.base, &tick);
		event_base_dispatch(s.base);
	}
	assert_int_equal(sp_buf_len(seen_out), 0);
	is_full = false;
	sp_session_pump(&s);
	finish(pid);
	equals(seen_out, "hello\n");
	teardown();
}

/* While nothing can be recorded, or the person does not read, the program waits: that is no quiet after which the
   beginning of a value may be shown. */
static void
test_held_while_full(void **state)
{
	pid_t pid;

	(void)state;
	setup(true);
	is_full = true;
	pid = start("printf 'one\\nalice.a'; sleep 0.5; printf 'b@example.com two\\n'", true, 0, NULL);
	for (int i = 0; i < 4 * SP_RELAY_QUIET_MS / 20; i++) {
		struct timeval tick = {.tv_usec = 20000};

		event_base_loopexit(s.base, &tick);
		event_base_dispatch(s.base);
	}
	is_full = false;
	sp_session_pump(&s);
	finish(pid);
	equals(seen_out, "one\r\n[masked:email]****** two\r\n");
	teardown();
}

static void
test_pause(void **state)
{
	size_t n;
	pid_t pid;

	(void)state;
	setup(false);
	pid = start("while sleep 0.02; do echo x; done & read a; kill $!; echo \"got $a\"", false, 0, NULL);
	UNTIL(sp_buf_len(seen_out) > 4);
	sp_relay_pause(&s, true);
	type("now\n");
	for (int i = 0; i < 10; i++) {
		struct timeval tick = {.tv_usec = 20000};

		event_base_loopexit(s.base, &tick);
		event_base_dispatch(s.base);
		n = i == 0 ? sp_buf_len(seen_out) : n;
	}
	assert_int_equal(sp_buf_len(seen_out), n);
	assert_false(has(seen_out, "got now"));
	sp_relay_pause(&s, false);
	finish(pid);
	assert_true(has(seen_out, "got now"));
	teardown();
}

/* --- with a terminal ------------------------------------------------------------------------------------------------ */

static void
test_tty(void **state)
{
	pid_t pid;

	(void)state;
	setup(true);
	pid = start("tty >/dev/null && test -t 1 && stty size; echo 'mail \033[1mbob@exam\033[0mple.com'; read x; echo $x; exit 3", true,
	    SP_RELAY_RECORD_INPUT, NULL);
	UNTIL(has(seen_out, "mail"));
	assert_true(was_raw);
	type("hello\r");
	finish(pid);
	equals(seen_out, "24 80\r\nmail \033[1m[masked:\033[0memail]*\r\nhello\r\nhello\r\n");
	equals(shown[0], "24 80\r\nmail \033[1m[masked:\033[0memail]*\r\nhello\r\nhello\r\n");
	equals(typed, "hello\r");
	assert_int_equal(s.status, 3);
	teardown();
}

/* What is typed at a password prompt is on no record, whether the terminal's echo is off or a program's far away is. */
static void
test_password(void **state)
{
	pid_t pid;

	(void)state;
	setup(true);
	pid = start("read -s -p 'Who goes there? ' a; echo; stty raw -echo; printf \"alice's Password: \"; "
		    "b=$(head -c 7); stty sane; echo; read -p 'name? ' c; echo \"$a/${#b}/$c\"",
	    true, SP_RELAY_RECORD_INPUT, NULL);
	UNTIL(has(seen_out, "Who goes there? "));
	type("hidden1\r");
	UNTIL(has(seen_out, "Password: "));
	type("hid");
	type("den\r");
	UNTIL(has(seen_out, "name? "));
	type("bob\r");
	finish(pid);
	assert_true(has(seen_out, "hidden1/6/bob") || has(seen_out, "hidden1/7/bob"));
	equals(typed, "bob\r");
	teardown();
}

/* Ctrl-C, Ctrl-Z and Ctrl-S are the pty's. */
static void
test_keys(void **state)
{
	size_t n;
	pid_t pid;
	int quiet = 0;

	(void)state;
	setup(true);
	pid = start("trap 'echo stopped' INT; echo ready; sleep 5; while sleep 0.02; do echo x; done", true, 0, NULL);
	UNTIL(has(seen_out, "ready"));
	type("\x03");
	UNTIL(has(seen_out, "stopped"));
	UNTIL(has(seen_out, "x\r\nx\r\n"));
	type("\x13");
	/* What was on its way comes; then nothing for half a second, in which there were 25 lines to come. */
	n = sp_buf_len(seen_out);
	for (int i = 0; i < 250 && quiet < 25; i++) {
		struct timeval tick = {.tv_usec = 20000};

		event_base_loopexit(s.base, &tick);
		event_base_dispatch(s.base);
		quiet = sp_buf_len(seen_out) == n ? quiet + 1 : 0;
		n = sp_buf_len(seen_out);
	}
	assert_int_equal(quiet, 25);
	type("\x11");
	UNTIL(sp_buf_len(seen_out) > n + 4);
	type("\x1c");
	(void)kill(pid, SIGKILL);
	finish(pid);
	assert_true(s.is_signaled);
	teardown();
}

/* A resize is on the program's side at once; the hook hears of it. */
static uint32_t hooked_cols;

static void
on_resized(void *ctx, uint32_t rows, uint32_t cols)
{
	(void)ctx;
	(void)rows;
	hooked_cols = cols;
}

/* Lets lines through one at a time, and drops what is called "no". */
static size_t
on_typed(void *ctx, const uint8_t *p, size_t n)
{
	const uint8_t *end = memchr(p, '\n', n);

	(void)ctx;
	if (end == NULL)
		return 0;
	if (n >= 3 && memcmp(p, "no\n", 3) == 0) {
		sp_session_relay_drop(&s, 3);
		return 0;
	}
	return (size_t)(end - p) + 1;
}

static void
test_hooks(void **state)
{
	static const struct sp_relay_hooks resized = {.resized = on_resized}, lines = {.typed = on_typed};
	pid_t pid;

	(void)state;
	setup(true);
	pid = start("trap 'stty size' WINCH; echo ready; while sleep 0.05; do :; done", true, 0, &resized);
	UNTIL(has(seen_out, "ready"));
	sp_terminal_resize(&s, 30, 100);
	UNTIL(has(seen_out, "30 100"));
	assert_int_equal(hooked_cols, 100);
	(void)kill(pid, SIGKILL);
	finish(pid);
	teardown();

	setup(false);
	pid = start("cat", false, SP_RELAY_RECORD_INPUT, &lines);
	type("a");
	type("b\n");
	UNTIL(has(seen_out, "ab\n"));
	type("no\n");
	type("c\nd");
	UNTIL(has(seen_out, "ab\nc\n"));
	type("\n");
	UNTIL(has(seen_out, "ab\nc\nd\n"));
	assert_int_equal(sp_session_relay_type(&s, "ours\n", 5), 0);
	UNTIL(has(seen_out, "ours\n"));
	assert_int_equal(shutdown(person_in, SHUT_WR), 0);
	finish(pid);
	equals(seen_out, "ab\nc\nd\nours\n");
	equals(typed, "ab\nc\nd\n");
	teardown();
}

/* The echo of keys does not wait for what may come; the time that takes, as seen by the person. */
static void
test_echo(void **state)
{
	struct timespec a, b;
	long worst = 0, sum = 0;
	enum { KEYS = 200 };
	pid_t pid;

	(void)state;
	setup(true);
	pid = start("stty -icanon; cat >/dev/null", true, 0, NULL);
	usleep(200000);
	for (int i = 0; i < KEYS; i++) {
		size_t before = sp_buf_len(seen_out);
		char key[2] = {(char)('a' + i % 26), 0};
		long us;

		clock_gettime(CLOCK_MONOTONIC, &a);
		type(key);
		while (sp_buf_len(seen_out) == before)
			event_base_loop(s.base, EVLOOP_ONCE);
		clock_gettime(CLOCK_MONOTONIC, &b);
		us = (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
		worst = us > worst ? us : worst;
		sum += us;
	}
	print_message("key to echo: mean %ld us, worst %ld us\n", sum / KEYS, worst);
	assert_true(sum / KEYS < 5000); /* far below the time that output is held */
	(void)kill(pid, SIGKILL);
	finish(pid);
	teardown();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_apart),
	    cmocka_unit_test(test_signal),
	    cmocka_unit_test(test_half_close),
	    cmocka_unit_test(test_deaf),
	    cmocka_unit_test(test_back_pressure),
	    cmocka_unit_test(test_binary),
	    cmocka_unit_test(test_masked),
	    cmocka_unit_test(test_question),
	    cmocka_unit_test(test_record_first),
	    cmocka_unit_test(test_held_while_full),
	    cmocka_unit_test(test_pause),
	    cmocka_unit_test(test_tty),
	    cmocka_unit_test(test_password),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_hooks),
	    cmocka_unit_test(test_echo),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	/* A shell that was started in the background ignores these, and so would all that it starts. */
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
