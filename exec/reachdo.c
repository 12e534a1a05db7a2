/* SPDX-License-Identifier: Apache-2.0 */
/* Doing what was decided on, on the socket that was looked at. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "exec/reach.h"
#include "exec/rights.h"

/* A process could make its socket one that waits just when we use it: the alarm ends that. */
static void
guard(bool is_on)
{
	struct itimerval t = {{0, 0}, {0, 0}};

	if (is_on)
		t.it_value.tv_usec = t.it_interval.tv_usec = SP_REACH_GUARD_MS * 1000;
	(void)setitimer(ITIMER_REAL, &t, NULL);
}

static int
do_connect(struct sp_reach *r)
{
	int flags = r->may_wait ? fcntl(r->fd, F_GETFL) : 0, e;

	if (r->may_wait && (flags < 0 || fcntl(r->fd, F_SETFL, flags | O_NONBLOCK) != 0))
		return EBADF;
	guard(true);
	e = connect(r->fd, (const struct sockaddr *)&r->to, r->to_len) == 0 ? 0 : errno;
	guard(false);
	if (r->may_wait)
		(void)fcntl(r->fd, F_SETFL, flags);
	if (e == EINTR)
		e = r->domain == AF_UNIX ? EAGAIN : EINPROGRESS;
	r->is_waiting = e == EINPROGRESS && r->may_wait;
	return e;
}

int
sp_reach_finish(struct sp_reach *r)
{
	socklen_t len = sizeof(int);
	int e = 0;

	r->is_waiting = false;
	return getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &e, &len) == 0 ? e : errno;
}

/* Whoever asks for the sender's ids gets those of who asked us; the pid can only be ours. */
static void
put_credentials(const struct sp_target *t, struct sp_reach *r)
{
	struct ucred own = {.pid = getpid(), .uid = t->uid, .gid = t->gid};
	struct msghdr m = {.msg_control = r->control, .msg_controllen = r->control_len};
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			return;
	r->control_len = CMSG_ALIGN(r->control_len);
	if (r->control_len + CMSG_SPACE(sizeof(own)) > sizeof(r->control))
		return;
	c = (struct cmsghdr *)(void *)(r->control + r->control_len);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(own));
	memcpy(CMSG_DATA(c), &own, sizeof(own));
	r->control_len += CMSG_SPACE(sizeof(own));
}

static int
do_send(const struct sp_target *t, struct sp_reach *r, long *ret_value)
{
	struct iovec part = {.iov_base = r->data, .iov_len = r->len};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	if (r->domain == AF_UNIX)
		put_credentials(t, r);
	if (r->to_len != 0) {
		m.msg_name = &r->to;
		m.msg_namelen = r->to_len;
	}
	if (r->control_len != 0) {
		m.msg_control = r->control;
		m.msg_controllen = r->control_len;
	}
	n = sendmsg(r->fd, &m, r->flags);
	if (n < 0)
		return errno;
	*ret_value = n;
	return 0;
}

/* Where a sendmmsg wants to have the number of bytes. */
static int
do_written(const struct sp_target *t, struct sp_reach *r, long *ret_value)
{
	unsigned n = (unsigned)*ret_value;
	struct iovec local = {.iov_base = &n, .iov_len = sizeof(n)};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)r->written, .iov_len = sizeof(n)}; /* NOLINT(performance-no-int-to-ptr) */

	*ret_value = 1;
	return process_vm_writev(t->tid, &local, 1, &remote, 1, 0) == (ssize_t)sizeof(n) ? 0 : EFAULT;
}

int
sp_reach_do(const struct sp_target *t, struct sp_reach *r, long *ret_value)
{
	bool is_theirs = r->domain == AF_UNIX || r->domain == AF_NETLINK; /* there it matters who we are */
	int e = is_theirs && sp_rights_appear(t) != 0 ? EACCES : 0;

	*ret_value = 0;
	if (e == 0 && r->call == SP_REACH_CONNECT)
		e = do_connect(r);
	else if (e == 0 && r->call == SP_REACH_LISTEN)
		e = listen(r->fd, r->backlog) == 0 ? 0 : errno;
	else if (e == 0)
		e = do_send(t, r, ret_value);
	if (is_theirs)
		sp_rights_back();
	return e == 0 && r->written != 0 ? do_written(t, r, ret_value) : e;
}
