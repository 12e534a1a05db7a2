/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking client of lib/ipc.h. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ipc.h"

static void
make_pair(int sv[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv), 0);
}

static void
test_send_and_receive(void **state)
{
	struct sp_buf *body = sp_buf_new(0), *in = sp_buf_new(0);
	struct sp_ipc_msg msg;
	int sv[2], pipefd[2];

	(void)state;
	make_pair(sv);
	assert_int_equal(pipe(pipefd), 0);
	sp_buf_put_cstring(body, "alice");
	assert_int_equal(sp_ipc_send(sv[0], 1, 7, body, pipefd, 2, sp_ipc_now_ms() + 1000), 0);
	assert_int_equal(sp_ipc_send(sv[0], 2, 0, NULL, NULL, 0, sp_ipc_now_ms() + 1000), 0);
	assert_int_equal(sp_ipc_recv(sv[1], in, &msg, sp_ipc_now_ms() + 1000), 0);
	assert_int_equal(msg.type, 1);
	assert_int_equal(msg.id, 7);
	assert_int_equal(msg.body.len, 9);
	assert_int_equal(msg.nfds, 2);
	assert_true((fcntl(msg.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
	sp_ipc_msg_clear(&msg);
	assert_int_equal(sp_ipc_recv(sv[1], in, &msg, sp_ipc_now_ms() + 1000), 0);
	assert_int_equal(msg.type, 2);
	assert_int_equal(msg.nfds, 0);
	assert_int_equal(sp_ipc_recv(sv[1], in, &msg, sp_ipc_now_ms() + 30), SP_ERR_TIMEOUT);
	(void)close(sv[0]);
	assert_int_equal(sp_ipc_recv(sv[1], in, &msg, sp_ipc_now_ms() + 1000), SP_ERR_CLOSED);
	assert_int_equal(sp_ipc_send(sv[1], 1, 1, body, NULL, 0, sp_ipc_now_ms() + 1000), SP_ERR_CLOSED);
	(void)close(sv[1]);
	(void)close(pipefd[0]);
	(void)close(pipefd[1]);
	sp_buf_free(body);
	sp_buf_free(in);
}

/* Every cut of a frame, then the end of the connection: CLOSED, never a message. */
static void
test_cut_at_every_byte(void **state)
{
	struct sp_buf *body = sp_buf_new(0), *frame = sp_buf_new(0), *in = sp_buf_new(0);

	(void)state;
	sp_buf_put_cstring(body, "hello");
	assert_int_equal(sp_ipc_frame(frame, 3, 9, body), 0);
	for (size_t cut = 0; cut < sp_buf_len(frame); cut++) {
		struct sp_ipc_msg msg;
		int sv[2];

		make_pair(sv);
		assert_int_equal(write(sv[0], sp_buf_data(frame), cut), (ssize_t)cut);
		assert_int_equal(sp_ipc_recv(sv[1], in, &msg, sp_ipc_now_ms() + 1), SP_ERR_TIMEOUT);
		(void)close(sv[0]);
		assert_int_equal(sp_ipc_recv(sv[1], in, &msg, sp_ipc_now_ms() + 1000), SP_ERR_CLOSED);
		(void)close(sv[1]);
	}
	sp_buf_free(body);
	sp_buf_free(frame);
	sp_buf_free(in);
}

static void
test_bad_frames(void **state)
{
	static const struct {
		const char *bytes;
		int err;
	} rows[] = {
		{"\x00\x00\x00\x06\x02\x01\x00\x00\x00\x01", SP_ERR_FORMAT}, /* version 2 */
		{"\x00\x00\x00\x05\x01\x01\x00\x00\x00\x01", SP_ERR_FORMAT}, /* shorter than a header */
		{"\x00\x10\x00\x01\x01\x01\x00\x00\x00\x01", SP_ERR_LIMIT},
		{"\xff\xff\xff\xff\x01\x01\x00\x00\x00\x01", SP_ERR_LIMIT},
	};
	struct sp_buf *in = sp_buf_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sp_ipc_msg msg;
		int sv[2];

		make_pair(sv);
		assert_int_equal(write(sv[0], rows[i].bytes, 10), 10);
		assert_int_equal(sp_ipc_recv(sv[1], in, &msg, sp_ipc_now_ms() + 1000), rows[i].err);
		(void)close(sv[0]);
		(void)close(sv[1]);
	}
	sp_buf_free(in);
}

static void
test_too_many_descriptors(void **state)
{
	char control[CMSG_SPACE(sizeof(int) * 20)] = {0}, bytes[10] = "\x00\x00\x00\x06\x01\x01\x00\x00\x00\x01";
	struct iovec iov = {.iov_base = bytes, .iov_len = 10};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);
	struct sp_buf *in = sp_buf_new(0);
	struct sp_ipc_msg msg;
	int sv[2], fds[20], before, after;

	(void)state;
	make_pair(sv);
	for (size_t i = 0; i < 20; i++)
		fds[i] = sv[0];
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(cm), fds, sizeof(fds));
	before = dup(0);
	(void)close(before);
	assert_int_equal(sendmsg(sv[0], &mh, 0), 10);
	assert_int_equal(sp_ipc_recv(sv[1], in, &msg, sp_ipc_now_ms() + 1000), SP_ERR_LIMIT);
	after = dup(0); /* the lowest free number: none leaked */
	(void)close(after);
	assert_int_equal(before, after);
	assert_int_equal(sp_ipc_send(sv[0], 1, 1, NULL, fds, 9, sp_ipc_now_ms() + 1000), SP_ERR_LIMIT);
	(void)close(sv[0]);
	(void)close(sv[1]);
	sp_buf_free(in);
}

/* A peer that reads nothing: the sender gives up at its deadline and does not hang. */
static void
test_send_deadline(void **state)
{
	struct sp_buf *body = sp_buf_new(0);
	uint8_t *p;
	int sv[2], r = 0;

	(void)state;
	make_pair(sv);
	assert_int_equal(sp_buf_reserve(body, 900000, &p), 0);
	memset(p, 'x', 900000);
	for (int i = 0; i < 20 && r == 0; i++)
		r = sp_ipc_send(sv[0], 1, 1, body, NULL, 0, sp_ipc_now_ms() + 20);
	assert_int_equal(r, SP_ERR_TIMEOUT);
	sp_buf_reset(body);
	assert_int_equal(sp_buf_reserve(body, SP_IPC_FRAME_MAX, &p), 0);
	memset(p, 'x', SP_IPC_FRAME_MAX);
	assert_int_equal(sp_ipc_send(sv[0], 1, 1, body, NULL, 0, sp_ipc_now_ms() + 20), SP_ERR_LIMIT);
	(void)close(sv[0]);
	(void)close(sv[1]);
	sp_buf_free(body);
}

static void
test_call(void **state)
{
	static const struct {
		uint8_t type;
		uint32_t id;
		int want;
	} rows[] = {{129, 1, 0}, {129, 2, SP_ERR_PROTOCOL}, {130, 1, SP_ERR_PROTOCOL}};
	struct sp_buf *in = sp_buf_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sp_ipc_msg msg;
		int sv[2];

		make_pair(sv);
		assert_int_equal(sp_ipc_send(sv[1], rows[i].type, rows[i].id, NULL, NULL, 0, sp_ipc_now_ms() + 100), 0);
		assert_int_equal(sp_ipc_call(sv[0], 1, NULL, 129, in, &msg, sp_ipc_now_ms() + 100), rows[i].want);
		(void)close(sv[0]);
		(void)close(sv[1]);
	}
	sp_buf_free(in);
}

static void
test_connect(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/sp-ipc.XXXXXX", longpath[200];
	int lfd, fd, many[8], r;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", dir);
	assert_int_equal(sp_ipc_connect(sun.sun_path, 0, sp_ipc_now_ms() + 50, &fd), SP_ERR_UNAVAILABLE);
	memset(longpath, 'x', sizeof(longpath) - 1);
	longpath[sizeof(longpath) - 1] = 0;
	assert_int_equal(sp_ipc_connect(longpath, 0, sp_ipc_now_ms() + 50, &fd), SP_ERR_INVALID);
	lfd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(lfd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(lfd, 0), 0);
	assert_int_equal(sp_ipc_connect(sun.sun_path, getuid(), sp_ipc_now_ms() + 50, &fd), 0);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	(void)close(fd);
	/* The backlog is full and nobody accepts: the deadline holds. */
	for (size_t i = 0; i < 8; i++) {
		many[i] = -1;
		r = sp_ipc_connect(sun.sun_path, getuid(), sp_ipc_now_ms() + 20, &many[i]);
	}
	assert_int_equal(r, SP_ERR_TIMEOUT);
	for (size_t i = 0; i < 8; i++)
		if (many[i] >= 0)
			(void)close(many[i]);
	(void)close(lfd);
	(void)unlink(sun.sun_path);
	assert_int_equal(sp_ipc_connect(sun.sun_path, 0, sp_ipc_now_ms() + 50, &fd), SP_ERR_UNAVAILABLE);
	(void)rmdir(dir);
}

/* The socket's place says nothing: whoever listens there must be root or the owner expected. */
/* A service that is not there yet is waited for, one that never comes is not, and a wrong owner never is. */
static void
test_connect_patient(void **state)
{
	char path[] = "/tmp/test_ipc_patient.XXXXXX";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int64_t began = sp_ipc_now_ms(), took;
	int fd = -1, status;
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(path));
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", path);
	assert_int_equal(sp_ipc_connect_patient(sun.sun_path, getuid(), 200, began + 5000, &fd), SP_ERR_UNAVAILABLE);
	took = sp_ipc_now_ms() - began;
	assert_true(took >= 200 && took < 2000);
	began = sp_ipc_now_ms();
	assert_int_not_equal(sp_ipc_connect_patient(sun.sun_path, getuid(), 5000, began + 200, &fd), 0);
	assert_true(sp_ipc_now_ms() - began < 2000); /* not longer than the deadline */
	pid = fork();
	if (pid == 0) {
		int l = socket(AF_UNIX, SOCK_STREAM, 0);

		(void)usleep(300 * 1000);
		if (bind(l, (struct sockaddr *)&sun, sizeof(sun)) != 0 || listen(l, 4) != 0)
			_exit(1);
		(void)sleep(10);
		_exit(0);
	}
	began = sp_ipc_now_ms();
	assert_int_equal(sp_ipc_connect_patient(sun.sun_path, getuid(), 8000, began + 9000, &fd), 0);
	assert_true(sp_ipc_now_ms() - began >= 200);
	(void)close(fd);
	began = sp_ipc_now_ms();
	if (getuid() != 0) /* a service of root's is believed by anybody */
		assert_int_equal(
		    sp_ipc_connect_patient(sun.sun_path, getuid() + 1, 5000, began + 6000, &fd), SP_ERR_DENIED);
	assert_true(sp_ipc_now_ms() - began < 2000);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)unlink(sun.sun_path);
	(void)rmdir(path);
}

static void
test_connect_checks_owner(void **state)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/sp-ipc.XXXXXX";
	uid_t me = getuid() == 0 ? 64123 : getuid();
	int lfd, fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", dir);
	lfd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(lfd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	/* The kernel keeps the credentials of listen(2). */
	assert_int_equal(setresuid((uid_t)-1, me, (uid_t)-1), 0);
	assert_int_equal(listen(lfd, 5), 0);
	assert_int_equal(setresuid((uid_t)-1, getuid(), (uid_t)-1), 0);
	assert_int_equal(sp_ipc_connect(sun.sun_path, 0, sp_ipc_now_ms() + 50, &fd), SP_ERR_DENIED);
	assert_int_equal(sp_ipc_connect(sun.sun_path, me + 1, sp_ipc_now_ms() + 50, &fd), SP_ERR_DENIED);
	assert_int_equal(sp_ipc_connect(sun.sun_path, me, sp_ipc_now_ms() + 50, &fd), 0);
	(void)close(fd);
	(void)close(lfd);
	(void)unlink(sun.sun_path);
	(void)rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_send_and_receive),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_too_many_descriptors),
		cmocka_unit_test(test_send_deadline),
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_checks_owner),
		cmocka_unit_test(test_connect_patient),
	};

	return cmocka_run_group_tests_name("ipc", tests, NULL, NULL);
}
