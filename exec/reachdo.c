/* SPDX-License-Identifier: Apache-2.0 */
/* Doing what was decided on, on the socket that was looked at. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
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

/*
 * Where it was decided that it may: the process may have bound its socket meanwhile. One that has no port is bound by us,
 * to the address it had and a port of the kernel's, so that nobody can before it listens; a bound one stays where it is.
 */
static int
do_listen(struct sp_reach *r)
{
	socklen_t len = r->domain == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	uint8_t address[sizeof(r->address)];
	uint16_t port = r->port;
	bool is_v6 = r->is_v6;
	int e;

	if (r->domain == AF_INET || r->domain == AF_INET6) {
		memcpy(address, r->address, sizeof(address));
		if (port == 0 && bind(r->fd, (struct sockaddr *)&r->to, len) == 0)
			return listen(r->fd, r->backlog) == 0 ? 0 : errno;
		e = sp_reach_local(r);
		if (e != 0)
			return e;
		if (r->port != port || r->is_v6 != is_v6 || memcmp(address, r->address, sizeof(address)) != 0)
			return EACCES;
	}
	return listen(r->fd, r->backlog) == 0 ? 0 : errno;
}

static int
do_send(struct sp_reach *r, long *ret_value)
{
	struct iovec part = {.iov_base = r->data, .iov_len = r->len};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

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
		e = do_listen(r);
	else if (e == 0)
		e = do_send(r, ret_value);
	if (is_theirs)
		sp_rights_back();
	return e == 0 && r->written != 0 ? do_written(t, r, ret_value) : e;
}
