/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/ipc.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SP_IPC_AFTER_LENGTH 6	  /* version, type and id: the least a length may say */
#define SP_IPC_PATIENT_RETRY_MS 20
#define SP_IPC_CONNECT_RETRY_MS 5 /* a full backlog cannot be polled for */

union sp_ipc_control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * SP_IPC_FDS_MAX)];
};

int
sp_ipc_frame(struct sp_buf *out, uint8_t type, uint32_t id, const struct sp_buf *body)
{
	size_t n = body == NULL ? 0 : sp_buf_len(body);
	int r = body == NULL ? 0 : sp_buf_error(body);

	if (r != 0)
		return r;
	if (n > SP_IPC_FRAME_MAX - SP_IPC_AFTER_LENGTH)
		return SP_ERR_LIMIT;
	if (n + SP_IPC_HEADER > sp_buf_room(out))
		return SP_ERR_LIMIT;
	sp_buf_put_u32(out, (uint32_t)(n + SP_IPC_AFTER_LENGTH));
	sp_buf_put_u8(out, SP_IPC_VERSION);
	sp_buf_put_u8(out, type);
	sp_buf_put_u32(out, id);
	if (n > 0)
		sp_buf_put(out, sp_buf_data(body), n);
	return sp_buf_error(out);
}

int
sp_ipc_parse(const struct sp_buf *in, struct sp_ipc_msg *ret_msg, size_t *ret_size)
{
	const uint8_t *p = sp_buf_data(in);
	size_t have = sp_buf_len(in), n;

	if (have < 4)
		return SP_ERR_INCOMPLETE;
	n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (n > SP_IPC_FRAME_MAX)
		return SP_ERR_LIMIT;
	if (n < SP_IPC_AFTER_LENGTH)
		return SP_ERR_FORMAT;
	if (have > 4 && p[4] != SP_IPC_VERSION)
		return SP_ERR_FORMAT;
	if (have - 4 < n)
		return SP_ERR_INCOMPLETE;
	ret_msg->type = p[5];
	ret_msg->id = (uint32_t)p[6] << 24 | (uint32_t)p[7] << 16 | (uint32_t)p[8] << 8 | p[9];
	ret_msg->body.data = p + SP_IPC_HEADER;
	ret_msg->body.len = n - SP_IPC_AFTER_LENGTH;
	*ret_size = n + 4;
	return 0;
}

void
sp_ipc_msg_clear(struct sp_ipc_msg *msg)
{
	for (size_t i = 0; i < msg->nfds; i++) {
		if (msg->fds[i] >= 0)
			(void)close(msg->fds[i]);
		msg->fds[i] = -1;
	}
	msg->nfds = 0;
}

int64_t
sp_ipc_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
sp_ipc_wait(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = events};
		int64_t left = deadline_ms - sp_ipc_now_ms();
		int n;

		if (left <= 0)
			return SP_ERR_TIMEOUT;
		n = poll(&pfd, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return SP_ERR_SYSTEM;
	}
}

/* The peer's uid as the kernel took it when it called listen(2) or connect(2). */
static int
sp_ipc_check_owner(int fd, uid_t owner)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 || len != sizeof(cred))
		return SP_ERR_SYSTEM;
	return cred.uid == 0 || cred.uid == owner ? 0 : SP_ERR_DENIED;
}

static int
sp_ipc_connect_error(int err)
{
	return err == ENOENT || err == ECONNREFUSED ? SP_ERR_UNAVAILABLE : SP_ERR_SYSTEM;
}

int
sp_ipc_connect(const char *path, uid_t owner, int64_t deadline_ms, int *ret_fd)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	int fd, r = 0;

	if (n == 0 || n >= sizeof(sun.sun_path))
		return SP_ERR_INVALID;
	memcpy(sun.sun_path, path, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	while (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		if (errno != EAGAIN && errno != EINTR) {
			r = sp_ipc_connect_error(errno);
			break;
		}
		if (sp_ipc_now_ms() >= deadline_ms) {
			r = SP_ERR_TIMEOUT;
			break;
		}
		(void)poll(NULL, 0, SP_IPC_CONNECT_RETRY_MS);
	}
	if (r == 0)
		r = sp_ipc_check_owner(fd, owner);
	if (r != 0) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int
sp_ipc_connect_patient(const char *path, uid_t owner, int64_t wait_ms, int64_t deadline_ms, int *ret_fd)
{
	int64_t until = sp_ipc_now_ms() + wait_ms;
	int r;

	if (until > deadline_ms)
		until = deadline_ms;
	while ((r = sp_ipc_connect(path, owner, deadline_ms, ret_fd)) == SP_ERR_UNAVAILABLE && sp_ipc_now_ms() < until)
		(void)poll(NULL, 0, SP_IPC_PATIENT_RETRY_MS);
	return r;
}

int
sp_ipc_write(int fd, const void *p, size_t n, const int *fds, size_t nfds, size_t *ret_n)
{
	struct iovec iov = {.iov_len = n};
	union sp_ipc_control control;
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t put;

	memcpy(&iov.iov_base, &p, sizeof(p)); /* sendmsg(2) only reads */
	if (nfds > 0) {
		struct cmsghdr *cm;

		memset(&control, 0, sizeof(control));
		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(cm), fds, sizeof(int) * nfds);
	}
	do
		put = sendmsg(fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (put < 0 && errno == EINTR);
	if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return SP_ERR_AGAIN;
	if (put <= 0)
		return errno == EPIPE || errno == ECONNRESET ? SP_ERR_CLOSED : SP_ERR_SYSTEM;
	*ret_n = (size_t)put;
	return 0;
}

int
sp_ipc_send(
    int fd, uint8_t type, uint32_t id, const struct sp_buf *body, const int *fds, size_t nfds, int64_t deadline_ms)
{
	struct sp_buf *out;
	bool are_fds_sent = nfds == 0;
	int r;

	if (nfds > SP_IPC_FDS_MAX)
		return SP_ERR_LIMIT;
	out = sp_buf_new(SP_IPC_FRAME_MAX + 4);
	if (out == NULL)
		return SP_ERR_NOMEM;
	r = sp_ipc_frame(out, type, id, body);
	while (r == 0 && sp_buf_len(out) > 0) {
		size_t n = 0;

		r = sp_ipc_write(fd, sp_buf_data(out), sp_buf_len(out), fds, are_fds_sent ? 0 : nfds, &n);
		if (r == 0) {
			are_fds_sent = true;
			r = sp_buf_consume(out, n);
		} else if (r == SP_ERR_AGAIN) {
			r = sp_ipc_wait(fd, POLLOUT, deadline_ms);
		}
	}
	sp_buf_free(out);
	return r;
}

/* Takes the descriptors of one recvmsg(2) into msg. LIMIT when more came than msg holds: all are closed. */
static int
sp_ipc_take_fds(struct msghdr *mh, struct sp_ipc_msg *msg)
{
	int r = (mh->msg_flags & MSG_CTRUNC) != 0 ? SP_ERR_LIMIT : 0;

	for (struct cmsghdr *cm = CMSG_FIRSTHDR(mh); cm != NULL; cm = CMSG_NXTHDR(mh, cm)) {
		size_t n;

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(fd));
			if (msg->nfds < SP_IPC_FDS_MAX) {
				msg->fds[msg->nfds++] = fd;
			} else {
				(void)close(fd);
				r = SP_ERR_LIMIT;
			}
		}
	}
	return r;
}

int
sp_ipc_read(int fd, void *p, size_t n, struct sp_ipc_msg *msg, size_t *ret_n)
{
	struct iovec iov = {.iov_base = p, .iov_len = n};
	union sp_ipc_control control;
	struct msghdr mh = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
	ssize_t got;
	int r;

	do
		got = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return SP_ERR_AGAIN;
	if (got < 0)
		return errno == ECONNRESET ? SP_ERR_CLOSED : SP_ERR_SYSTEM;
	r = sp_ipc_take_fds(&mh, msg);
	if (r != 0)
		return r;
	*ret_n = (size_t)got;
	return got == 0 ? SP_ERR_CLOSED : 0;
}

/* Reads exactly n bytes to the back of buf, waiting for them. */
static int
sp_ipc_read_all(int fd, struct sp_buf *buf, size_t n, struct sp_ipc_msg *msg, int64_t deadline_ms)
{
	uint8_t *p;
	int r = n == 0 ? 0 : sp_buf_reserve(buf, n, &p);

	while (r == 0 && n > 0) {
		size_t got = 0;

		r = sp_ipc_read(fd, p, n, msg, &got);
		if (r == 0) {
			p += got;
			n -= got;
		} else if (r == SP_ERR_AGAIN) {
			r = sp_ipc_wait(fd, POLLIN, deadline_ms);
		}
	}
	return r;
}

int
sp_ipc_recv(int fd, struct sp_buf *buf, struct sp_ipc_msg *ret_msg, int64_t deadline_ms)
{
	struct sp_ipc_msg msg = {0};
	size_t size, n;
	int r;

	sp_buf_reset(buf);
	r = sp_ipc_read_all(fd, buf, SP_IPC_HEADER, &msg, deadline_ms);
	if (r == 0) {
		r = sp_ipc_parse(buf, &msg, &size);
		if (r == SP_ERR_INCOMPLETE) {
			const uint8_t *p = sp_buf_data(buf);

			n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
			r = sp_ipc_read_all(fd, buf, n - SP_IPC_AFTER_LENGTH, &msg, deadline_ms);
			if (r == 0)
				r = sp_ipc_parse(buf, &msg, &size);
		}
	}
	if (r != 0) {
		sp_ipc_msg_clear(&msg);
		return r;
	}
	*ret_msg = msg;
	return 0;
}

int
sp_ipc_call(int fd, uint8_t type, const struct sp_buf *body, uint8_t reply_type, struct sp_buf *buf,
    struct sp_ipc_msg *ret_msg, int64_t deadline_ms)
{
	struct sp_ipc_msg msg;
	int r = sp_ipc_send(fd, type, 1, body, NULL, 0, deadline_ms);

	if (r == 0)
		r = sp_ipc_recv(fd, buf, &msg, deadline_ms);
	if (r != 0)
		return r;
	if (msg.id != 1 || msg.type != reply_type) {
		sp_ipc_msg_clear(&msg);
		return SP_ERR_PROTOCOL;
	}
	*ret_msg = msg;
	return 0;
}
