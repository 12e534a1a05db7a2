/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/peer.h against a hostile other side, and runtime/memfd.h. */
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
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/log.h"
#include "runtime/memfd.h"
#include "runtime/peer.h"

/* What the service under test saw. */
struct seen {
	struct event_base *base;
	struct sp_peer *peer;
	int other; /* the far end */
	unsigned messages;
	unsigned closes;
	int close_err;
	size_t nfds;
	bool should_free;
	bool should_detach;
	int detached;
};

static int
on_hello(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct seen *s = ctx;
	struct sp_view v;
	int r = sp_buf_get_view(body, 100, &v);

	(void)msg;
	if (r != 0)
		return r;
	s->messages++;
	s->nfds = msg->nfds;
	sp_peer_set_state(p, 1);
	if (s->should_free) {
		sp_peer_free(p);
		s->peer = NULL;
	}
	if (s->should_detach) {
		r = sp_peer_detach(p, &s->detached);
		if (r == 0)
			s->peer = NULL;
	}
	return r;
}

static int
on_work(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct seen *s = ctx;

	(void)body;
	s->messages++;
	return sp_peer_send(p, 129, msg->id, NULL, NULL, 0);
}

static const struct sp_peer_request requests[] = {
	{1, 1U << 0, 64, 2, on_hello, "HELLO"},
	{2, 1U << 1, 0, 0, on_work, "WORK"},
	{3, 1U << 0, 64, SP_IPC_FDS_MAX, on_hello, "MANY"},
	{0},
};

static void
on_close(struct sp_peer *p, int err, void *ctx)
{
	struct seen *s = ctx;

	s->closes++;
	s->close_err = err;
	sp_peer_free(p);
	s->peer = NULL;
}

static const struct sp_peer_ops ops = {requests, on_close, "test"};

static void
begin(struct seen *s)
{
	int sv[2];

	memset(s, 0, sizeof(*s));
	s->base = event_base_new();
	assert_non_null(s->base);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv), 0);
	assert_int_equal(sp_peer_new(s->base, sv[0], &ops, s, &s->peer), 0);
	s->other = sv[1];
	s->detached = -1;
}

static void
turn(struct seen *s)
{
	for (int i = 0; i < 5; i++)
		(void)event_base_loop(s->base, EVLOOP_NONBLOCK);
}

static void
end(struct seen *s)
{
	sp_peer_free(s->peer);
	if (s->other >= 0)
		(void)close(s->other);
	if (s->detached >= 0)
		(void)close(s->detached);
	event_base_free(s->base);
}

static struct sp_buf *
hello_frame(void)
{
	struct sp_buf *body = sp_buf_new(0), *frame = sp_buf_new(0);

	sp_buf_put_cstring(body, "hello");
	assert_int_equal(sp_ipc_frame(frame, 1, 0, body), 0);
	sp_buf_free(body);
	return frame;
}

/* The bytes end the connection with err, after `messages` good messages. */
static void
bytes_end_it(const void *bytes, size_t n, unsigned messages, int err)
{
	struct seen s;

	begin(&s);
	assert_int_equal(write(s.other, bytes, n), (ssize_t)n);
	turn(&s);
	assert_int_equal(s.closes, 1);
	assert_int_equal(s.close_err, err);
	assert_int_equal(s.messages, messages);
	end(&s);
}

static void
test_violations_end_the_connection(void **state)
{
	static const char hello[] = "\0\0\0\x0b\1\1\0\0\0\0\0\0\0\1a";
	static const char work[] = "\0\0\0\6\1\2\0\0\0\5";
	char both[64];

	(void)state;
	bytes_end_it("\0\0\0\6\1\x09\0\0\0\0", 10, 0, SP_ERR_PROTOCOL);		 /* unknown */
	bytes_end_it(work, 10, 0, SP_ERR_PROTOCOL);				 /* early */
	bytes_end_it("\0\0\0\6\2\1\0\0\0\0", 10, 0, SP_ERR_PROTOCOL);		 /* version */
	bytes_end_it("\0\0\0\5\1\1\0\0\0\0", 10, 0, SP_ERR_PROTOCOL);		 /* length below a header */
	bytes_end_it("\xff\xff\xff\xff\1\1\0\0\0\0", 10, 0, SP_ERR_PROTOCOL);	 /* length above the maximum */
	bytes_end_it("\0\0\0\x47\1\1\0\0\0\0", 10, 0, SP_ERR_PROTOCOL);		 /* body_max + 1, from the header alone */
	bytes_end_it("\0\0\0\6\1\1\0\0\0\0", 10, 0, SP_ERR_INCOMPLETE);		 /* body too short */
	bytes_end_it("\0\0\0\x0c\1\1\0\0\0\0\0\0\0\1ab", 16, 0 + 1, SP_ERR_PROTOCOL); /* body not read to its end */
	memcpy(both, hello, 15);
	memcpy(both + 15, hello, 15);
	bytes_end_it(both, 30, 1, SP_ERR_PROTOCOL); /* repeated */
	memcpy(both + 15, "\0\0\0\7\1\2\0\0\0\5x", 11);
	bytes_end_it(both, 26, 1, SP_ERR_PROTOCOL); /* over-long for its row */
}

/* A frame that arrives byte by byte is one message; cut anywhere it is none. */
static void
test_partial_frames(void **state)
{
	struct sp_buf *f = hello_frame();
	size_t n = sp_buf_len(f);
	struct seen s;

	(void)state;
	for (size_t cut = 0; cut <= n; cut++) {
		begin(&s);
		for (size_t i = 0; i < cut; i++) {
			assert_int_equal(write(s.other, sp_buf_data(f) + i, 1), 1);
			turn(&s);
			assert_int_equal(s.messages, i + 1 == n);
		}
		assert_int_equal(s.closes, 0);
		(void)close(s.other);
		s.other = -1;
		turn(&s);
		assert_int_equal(s.closes, 1);
		assert_int_equal(s.close_err, cut == 0 || cut == n ? SP_ERR_CLOSED : SP_ERR_PROTOCOL);
		assert_int_equal(s.messages, cut == n);
		end(&s);
	}
	sp_buf_free(f);
}

static int
count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void
send_fds(int to, const void *bytes, size_t n, int fd, size_t nfds)
{
	char control[CMSG_SPACE(sizeof(int) * 64)] = {0}, copy[64];
	struct iovec iov = {.iov_base = copy, .iov_len = n};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
	    .msg_controllen = CMSG_SPACE(sizeof(int) * nfds)};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&mh);

	memcpy(copy, bytes, n);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
	for (size_t i = 0; i < nfds; i++)
		memcpy(CMSG_DATA(cm) + i * sizeof(int), &fd, sizeof(int));
	assert_int_equal(sendmsg(to, &mh, 0), (ssize_t)n);
}

static void
test_descriptors(void **state)
{
	static const struct {
		uint8_t type;
		size_t nfds;
		bool is_ok;
	} rows[] = {{1, 1, true}, {1, 2, true}, {1, 3, false}, {1, 8, false}, {1, 9, false}, {1, 60, false}, {3, 8, true},
	    {3, 9, false}, {3, 60, false}};
	struct sp_buf *f = hello_frame();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct seen s;
		uint8_t bytes[64];
		int before = count_fds();

		begin(&s);
		memcpy(bytes, sp_buf_data(f), sp_buf_len(f));
		bytes[5] = rows[i].type;
		send_fds(s.other, bytes, sp_buf_len(f), 0, rows[i].nfds);
		turn(&s);
		assert_int_equal(s.messages, rows[i].is_ok ? 1 : 0);
		assert_int_equal(s.closes, rows[i].is_ok ? 0 : 1);
		assert_int_equal(s.nfds, rows[i].is_ok ? rows[i].nfds : 0);
		end(&s);
		/* Descriptors that no handler took are closed, and so are those of a refused frame. */
		assert_int_equal(count_fds(), before);
	}
	sp_buf_free(f);
}

/* One descriptor with each byte of a frame: more than a frame may have, collected or not. */
static void
test_descriptors_with_every_byte(void **state)
{
	struct sp_buf *f = hello_frame();
	struct seen s;

	(void)state;
	begin(&s);
	for (size_t i = 0; i < sp_buf_len(f) && s.closes == 0; i++) {
		send_fds(s.other, sp_buf_data(f) + i, 1, 0, 1);
		turn(&s);
	}
	assert_int_equal(s.closes, 1);
	assert_int_equal(s.close_err, SP_ERR_PROTOCOL);
	assert_int_equal(s.messages, 0);
	end(&s);
	sp_buf_free(f);
}

static void
test_queue_limit(void **state)
{
	struct sp_buf *body = sp_buf_new(0);
	struct seen s;
	uint8_t *p;
	int r = 0, sent = 0;

	(void)state;
	begin(&s);
	assert_int_equal(sp_buf_reserve(body, 100000, &p), 0);
	memset(p, 'x', 100000);
	while (r == 0 && sent < 1000) {
		r = sp_peer_send(s.peer, 200, 0, body, NULL, 0);
		sent++;
	}
	assert_int_equal(r, SP_ERR_LIMIT);
	assert_true((size_t)sent * 100000 > SP_PEER_QUEUE_MAX);
	assert_int_equal(s.closes, 0); /* never from inside a send */
	assert_int_equal(sp_peer_send(s.peer, 200, 0, NULL, NULL, 0), SP_ERR_CLOSED);
	turn(&s);
	assert_int_equal(s.closes, 1);
	assert_int_equal(s.close_err, SP_ERR_LIMIT);
	end(&s);
	/* The same with descriptors, in frames that are far from filling the queue. */
	begin(&s);
	for (sent = 0; sent < 5; sent++)
		assert_int_equal(sp_peer_send(s.peer, 200, 0, body, NULL, 0), 0);
	r = 0;
	for (sent = 0; r == 0 && sent < 2000; sent++)
		r = sp_peer_send(s.peer, 200, 0, NULL, &s.other, 1);
	assert_int_equal(r, SP_ERR_LIMIT);
	assert_int_equal(sent, SP_PEER_QUEUE_FDS_MAX + 1);
	end(&s);
	sp_buf_free(body);
}

static void
test_send_order_and_finish(void **state)
{
	struct sp_buf *body = sp_buf_new(0), *in = sp_buf_new(0);
	struct sp_ipc_msg msg;
	struct seen s;
	uint8_t *p;
	pid_t pid;
	int status;

	(void)state;
	begin(&s);
	assert_int_equal(sp_buf_reserve(body, 300000, &p), 0);
	memset(p, 'x', 300000);
	for (uint8_t i = 0; i < 10; i++)
		assert_int_equal(sp_peer_send(s.peer, 200 + i, 0, body, &s.other, i % 2), 0);
	sp_peer_finish(s.peer);
	assert_int_equal(sp_peer_send(s.peer, 1, 0, NULL, NULL, 0), SP_ERR_CLOSED);
	/* What is still said to a finishing peer is not listened to. */
	assert_int_equal(write(s.other, "\0\0\0\6\1\x09\0\0\0\0", 10), 10);
	/* Frames are larger than the socket takes: the loop runs in a child while this end reads. */
	pid = fork();
	if (pid == 0) {
		(void)event_reinit(s.base);
		(void)close(s.other);
		while (s.closes == 0)
			(void)event_base_loop(s.base, EVLOOP_ONCE);
		_exit(s.close_err == 0 ? 0 : 1);
	}
	sp_peer_free(s.peer);
	s.peer = NULL;
	for (uint8_t i = 0; i < 10; i++) {
		assert_int_equal(sp_ipc_recv(s.other, in, &msg, sp_ipc_now_ms() + 5000), 0);
		assert_int_equal(msg.type, 200 + i);
		assert_int_equal(msg.body.len, 300000);
		assert_int_equal(msg.nfds, i % 2);
		sp_ipc_msg_clear(&msg);
	}
	assert_int_equal(sp_ipc_recv(s.other, in, &msg, sp_ipc_now_ms() + 5000), SP_ERR_CLOSED);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	end(&s);
	sp_buf_free(body);
	sp_buf_free(in);
}

static void
test_free_and_detach_in_handler(void **state)
{
	struct sp_buf *f = hello_frame();
	struct seen s;
	char left[32];

	(void)state;
	begin(&s);
	s.should_free = true;
	send_fds(s.other, sp_buf_data(f), sp_buf_len(f), 0, 1);
	turn(&s);
	assert_int_equal(s.messages, 1);
	assert_int_equal(s.closes, 0);
	end(&s);
	/* A hand-over takes no byte that belongs to the next reader. */
	begin(&s);
	s.should_detach = true;
	assert_int_equal(write(s.other, sp_buf_data(f), sp_buf_len(f)), (ssize_t)sp_buf_len(f));
	assert_int_equal(write(s.other, "next", 4), 4);
	turn(&s);
	assert_int_equal(s.messages, 1);
	assert_true(s.detached >= 0);
	assert_int_equal(read(s.detached, left, sizeof(left)), 4);
	assert_memory_equal(left, "next", 4);
	end(&s);
	sp_buf_free(f);
	/* Half a frame is pending. */
	begin(&s);
	assert_int_equal(write(s.other, "\0\0\0\x0b\1\1", 6), 6);
	turn(&s);
	assert_int_equal(sp_peer_detach(s.peer, &s.detached), SP_ERR_CONFLICT);
	end(&s);
}

/* --- listener --------------------------------------------------------------------------------------- */

struct accepted {
	struct sp_listener *l;
	unsigned n;
	int fds[8];
	struct sp_peer_cred cred;
};

static void
on_accept(int fd, const struct sp_peer_cred *cred, void *ctx)
{
	struct accepted *a = ctx;

	a->fds[a->n++] = fd;
	a->cred = *cred;
}

static void
test_listener(void **state)
{
	struct event_base *base = event_base_new();
	struct accepted a = {0};
	char dir[] = "/tmp/sp-peer.XXXXXX", path[64], too_long[200];
	struct stat st;
	int c[3];

	(void)state;
	assert_non_null(base);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s.sock", dir);
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = 0;
	assert_int_equal(sp_listener_new(base, too_long, 0600, -1, -1, -1, 2, on_accept, &a, &a.l), SP_ERR_INVALID);
	assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(sp_listener_new(base, path, 0600, -1, -1, -1, 2, on_accept, &a, &a.l), SP_ERR_EXISTS);
	(void)unlink(path);
	assert_int_equal(sp_listener_new(base, path, 0600, -1, -1, -1, 2, on_accept, &a, &a.l), 0);
	sp_listener_free(a.l);
	/* Again over the old socket. */
	assert_int_equal(sp_listener_new(base, path, 0666, -1, -1, -1, 2, on_accept, &a, &a.l), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0666);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(sp_ipc_connect(path, getuid(), sp_ipc_now_ms() + 500, &c[i]), 0);
	for (int i = 0; i < 5; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(a.n, 2); /* the third waits */
	assert_int_equal(a.cred.pid, getpid());
	assert_int_equal(a.cred.uid, getuid());
	sp_listener_release(a.l);
	for (int i = 0; i < 5; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(a.n, 3);
	for (size_t i = 0; i < 3; i++) {
		(void)close(c[i]);
		(void)close(a.fds[i]);
	}
	sp_listener_free(a.l);
	(void)unlink(path);
	(void)rmdir(dir);
	event_base_free(base);
}

static void
accept_all(struct event_base *base)
{
	for (int i = 0; i < 5; i++)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
}

/* One person cannot take every place. Root's own connections are not counted against it. */
static void
test_listener_limits_a_uid(void **state)
{
	struct event_base *base = event_base_new();
	struct accepted a = {0};
	char dir[] = "/tmp/sp-peer.XXXXXX", path[64];
	uid_t me = getuid() == 0 ? 64123 : getuid();
	int c[5];
	char byte;

	(void)state;
	assert_non_null(base);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/s.sock", dir);
	assert_int_equal(sp_listener_new(base, path, 0666, -1, -1, -1, 8, on_accept, &a, &a.l), 0);
	sp_listener_limit_uid(a.l, 2);
	assert_int_equal(setresuid((uid_t)-1, me, (uid_t)-1), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(sp_ipc_connect(path, getuid(), sp_ipc_now_ms() + 500, &c[i]), 0);
	assert_int_equal(setresuid((uid_t)-1, getuid(), (uid_t)-1), 0);
	accept_all(base);
	assert_int_equal(a.n, 2);
	assert_int_equal(read(c[2], &byte, 1), 0); /* closed at once */
	if (getuid() == 0) {
		for (size_t i = 3; i < 5; i++)
			assert_int_equal(sp_ipc_connect(path, 0, sp_ipc_now_ms() + 500, &c[i]), 0);
		accept_all(base);
		assert_int_equal(a.n, 4);
		sp_listener_release_uid(a.l, 0);
		sp_listener_release_uid(a.l, 0);
		(void)close(c[3]);
		(void)close(c[4]);
	}
	sp_listener_release_uid(a.l, me);
	(void)close(c[2]);
	assert_int_equal(setresuid((uid_t)-1, me, (uid_t)-1), 0);
	assert_int_equal(sp_ipc_connect(path, getuid(), sp_ipc_now_ms() + 500, &c[2]), 0);
	assert_int_equal(setresuid((uid_t)-1, getuid(), (uid_t)-1), 0);
	accept_all(base);
	assert_int_equal(a.n, getuid() == 0 ? 5 : 3);
	for (size_t i = 0; i < 3; i++)
		(void)close(c[i]);
	for (unsigned i = 0; i < a.n; i++)
		(void)close(a.fds[i]);
	sp_listener_free(a.l);
	(void)unlink(path);
	(void)rmdir(dir);
	event_base_free(base);
}

/* Who says nothing, or half of something, is ended; who has spoken is not. */
static void
test_deadline(void **state)
{
	struct sp_buf *f = hello_frame();
	struct seen s;

	(void)state;
	begin(&s);
	assert_int_equal(sp_peer_set_deadline(s.peer, 20), 0);
	assert_int_equal(write(s.other, sp_buf_data(f), 6), 6);
	while (s.closes == 0)
		(void)event_base_loop(s.base, EVLOOP_ONCE);
	assert_int_equal(s.close_err, SP_ERR_TIMEOUT);
	end(&s);
	begin(&s);
	assert_int_equal(sp_peer_set_deadline(s.peer, 20), 0);
	assert_int_equal(sp_peer_set_deadline(s.peer, 0), 0);
	(void)usleep(40000);
	turn(&s);
	assert_int_equal(s.closes, 0);
	end(&s);
	sp_buf_free(f);
}

/* --- memfds ------------------------------------------------------------------------------------------ */

static void
test_memfd(void **state)
{
	const void *ro;
	void *rw;
	size_t n;
	int fd, plain;

	(void)state;
	assert_int_equal(sp_memfd_sealed("t", "hello", 5, &fd), 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 10), -1);
	assert_true(mmap(NULL, 5, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	assert_int_equal(sp_memfd_map(fd, 4, &ro, &n), SP_ERR_LIMIT);
	assert_int_equal(sp_memfd_map(fd, 5, &ro, &n), 0);
	assert_int_equal(n, 5);
	assert_memory_equal(ro, "hello", 5);
	(void)munmap((void *)(uintptr_t)ro, n);
	assert_int_equal(sp_memfd_map_shared(fd, 5, &rw), SP_ERR_INVALID);
	(void)close(fd);

	assert_int_equal(sp_memfd_shared("t", 8192, &fd), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(sp_memfd_map(fd, 8192, &ro, &n), SP_ERR_INVALID);
	assert_int_equal(sp_memfd_map_shared(fd, 4096, &rw), SP_ERR_INVALID);
	assert_int_equal(sp_memfd_map_shared(fd, 8192, &rw), 0);
	memset(rw, 'x', 8192);
	(void)munmap(rw, 8192);
	(void)close(fd);

	/* What another process could still change is refused: no seals, or a file. */
	plain = memfd_create("t", MFD_CLOEXEC);
	assert_int_equal(ftruncate(plain, 8192), 0);
	assert_int_equal(sp_memfd_map(plain, 8192, &ro, &n), SP_ERR_INVALID);
	assert_int_equal(sp_memfd_map_shared(plain, 8192, &rw), SP_ERR_INVALID);
	(void)close(plain);
	plain = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(sp_memfd_map(plain, 8192, &ro, &n), SP_ERR_INVALID);
	(void)close(plain);
	assert_int_equal(sp_memfd_sealed("t", "", 0, &fd), SP_ERR_LIMIT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_violations_end_the_connection),
		cmocka_unit_test(test_partial_frames),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_descriptors_with_every_byte),
		cmocka_unit_test(test_queue_limit),
		cmocka_unit_test(test_send_order_and_finish),
		cmocka_unit_test(test_free_and_detach_in_handler),
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_listener_limits_a_uid),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_memfd),
	};

	sp_log_open("test_peer", LOG_ERR, 1);
	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
