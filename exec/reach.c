/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "exec/rights.h"
#include "lib/ipc_exec.h"

#define REACH_V6_MIN 24 /* bytes of an IPv6 address before RFC 2553, which the kernel takes still */

bool
sp_reach_is(long nr)
{
	return nr == SYS_connect || nr == SYS_listen || nr == SYS_sendto || nr == SYS_sendmsg || nr == SYS_sendmmsg;
}

/* --- the socket ---------------------------------------------------------------------------------------------- */

/* A duplicate of a descriptor of t's. -1 and errno. */
static int
reach_dup(const struct sp_target *t, int fd)
{
	int pidfd = (int)syscall(SYS_pidfd_open, t->tgid, 0), own;

	if (pidfd < 0)
		return -1;
	own = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	(void)close(pidfd);
	return own;
}

static int
reach_option(int fd, int name, int *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, SOL_SOCKET, name, ret, &len) == 0 ? 0 : errno;
}

static int
reach_socket(const struct sp_target *t, int fd, struct sp_reach *r)
{
	int e;

	r->fd = reach_dup(t, fd);
	if (r->fd < 0)
		return EBADF;
	e = reach_option(r->fd, SO_DOMAIN, &r->domain);
	if (e == 0)
		e = reach_option(r->fd, SO_TYPE, &r->type);
	if (e == 0)
		e = reach_option(r->fd, SO_PROTOCOL, &r->protocol);
	return e;
}

static bool
reach_is_inet(const struct sp_reach *r)
{
	return r->domain == AF_INET || r->domain == AF_INET6;
}

/* Which protocol it is to a rule. False: none that may be used. */
static bool
reach_what(struct sp_reach *r)
{
	if (r->domain == AF_UNIX)
		r->what = SP_IPC_EXEC_UNIX;
	else if (reach_is_inet(r) && r->type == SOCK_STREAM && r->protocol == IPPROTO_TCP)
		r->what = SP_IPC_EXEC_TCP;
	else if (reach_is_inet(r) && r->type == SOCK_DGRAM && r->protocol == IPPROTO_UDP)
		r->what = SP_IPC_EXEC_UDP;
	else if (reach_is_inet(r) && r->type == SOCK_DGRAM &&
	    (r->protocol == IPPROTO_ICMP || r->protocol == IPPROTO_ICMPV6))
		r->what = SP_IPC_EXEC_ICMP;
	else
		return r->domain == AF_NETLINK;
	return true;
}

/* --- addresses ------------------------------------------------------------------------------------------------- */

/* The address of none is the machine itself, to those who connect. */
static void
reach_v4(struct sp_reach *r, uint8_t address[4])
{
	static const uint8_t none[4], own[4] = {127, 0, 0, 1};

	if (memcmp(address, none, sizeof(none)) == 0)
		memcpy(address, own, sizeof(own));
	memcpy(r->address, address, 4);
	r->is_v6 = false;
}

static void
reach_v6(struct sp_reach *r, struct in6_addr *address)
{
	if (IN6_IS_ADDR_V4MAPPED(address)) {
		reach_v4(r, address->s6_addr + 12);
		return;
	}
	if (IN6_IS_ADDR_UNSPECIFIED(address))
		*address = in6addr_loopback;
	memcpy(r->address, address, sizeof(r->address));
	r->is_v6 = true;
}

static int
reach_inet(struct sp_reach *r)
{
	if (r->to.ss_family == AF_INET && r->to_len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in *in = (struct sockaddr_in *)&r->to;

		reach_v4(r, (uint8_t *)&in->sin_addr);
		r->port = ntohs(in->sin_port);
	} else if (r->to.ss_family == AF_INET6 && r->domain == AF_INET6 && r->to_len >= REACH_V6_MIN) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&r->to;

		reach_v6(r, &in6->sin6_addr);
		r->port = ntohs(in6->sin6_port);
	} else {
		return r->to.ss_family == AF_INET || r->to.ss_family == AF_INET6 ? EINVAL : EAFNOSUPPORT;
	}
	if (r->what == SP_IPC_EXEC_ICMP)
		r->port = 0;
	return 0;
}

/* What is no plain character is shown as \xNN, so that two names never look alike. */
static int
reach_show(char *to, size_t cap, const char *from, size_t n)
{
	size_t have = strlen(to);

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)from[i];

		if (have + sizeof("\\xNN") > cap)
			return ENAMETOOLONG;
		if (c > ' ' && c < 0x7f && c != '\\')
			to[have++] = (char)c;
		else
			have += (size_t)snprintf(to + have, cap - have, "\\x%02x", c);
	}
	to[have] = '\0';
	return 0;
}

/* The socket that a path means, by t's own rights; used by its descriptor from here on. */
static int
reach_path(const struct sp_target *t, struct sp_reach *r, const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int cwd, e;

	if (!sp_target_is_here(t))
		return EACCES;
	cwd = sp_rights_open(t->dir, "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (cwd < 0)
		return EACCES;
	e = sp_rights_become(t) == 0 ? sp_resolve_plain(t, cwd, path, &r->file) : EACCES;
	(void)close(cwd);
	if (e != 0)
		return e;
	r->path[0] = '\0';
	e = reach_show(r->path, sizeof(r->path), r->file.path, strlen(r->file.path));
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d", r->file.fd);
	memcpy(&r->to, &un, sizeof(un));
	r->to_len = sizeof(un);
	return e;
}

static int
reach_unix(const struct sp_target *t, struct sp_reach *r)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&r->to;
	size_t n = r->to_len - offsetof(struct sockaddr_un, sun_path);
	char path[sizeof(un->sun_path) + 1];

	if (r->to.ss_family != AF_UNIX || r->to_len <= offsetof(struct sockaddr_un, sun_path) || n > sizeof(un->sun_path))
		return EINVAL;
	memcpy(path, un->sun_path, n);
	path[n] = '\0';
	if (path[0] != '\0')
		return reach_path(t, r, path);
	(void)snprintf(r->path, sizeof(r->path), "@");
	return reach_show(r->path, sizeof(r->path), path + 1, n - 1);
}

static int
reach_address(const struct sp_target *t, uint64_t addr, uint64_t len, struct sp_reach *r)
{
	uint32_t n = (uint32_t)len; /* as the kernel takes it */
	int e;

	if (n < sizeof(r->to.ss_family) || n > sizeof(r->to))
		return EINVAL;
	e = sp_target_bytes(t, addr, &r->to, n);
	if (e != 0)
		return e;
	r->to_len = n;
	if (r->to.ss_family == AF_UNSPEC && r->call == SP_REACH_CONNECT) {
		r->is_free = true; /* it ends a connection */
		return 0;
	}
	if (r->domain == AF_NETLINK) {
		r->is_free = true;
		return r->to.ss_family == AF_NETLINK ? 0 : EINVAL;
	}
	return r->domain == AF_UNIX ? reach_unix(t, r) : reach_inet(r);
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

static int
reach_room(struct sp_reach *r, uint64_t len)
{
	bool is_stream = r->type == SOCK_STREAM;

	if (!is_stream && len > SP_REACH_MESSAGE_MAX)
		return EMSGSIZE;
	r->len = is_stream && len > SP_REACH_STREAM_MAX ? SP_REACH_STREAM_MAX : (size_t)len;
	r->data = malloc(r->len + 1);
	return r->data == NULL ? ENOMEM : 0;
}

static int
reach_parts(const struct sp_target *t, const struct msghdr *m, struct sp_reach *r)
{
	struct iovec *parts;
	uint64_t total = 0;
	size_t have = 0;
	int e;

	if (m->msg_iovlen > SP_REACH_PARTS_MAX)
		return EMSGSIZE;
	parts = calloc(m->msg_iovlen + 1, sizeof(*parts));
	if (parts == NULL)
		return ENOMEM;
	e = sp_target_bytes(t, (uintptr_t)m->msg_iov, parts, m->msg_iovlen * sizeof(*parts));
	for (size_t i = 0; e == 0 && i < m->msg_iovlen; i++) {
		if (parts[i].iov_len > INT_MAX || total > INT_MAX)
			e = EINVAL;
		else
			total += parts[i].iov_len;
	}
	if (e == 0)
		e = reach_room(r, total);
	for (size_t i = 0; e == 0 && i < m->msg_iovlen && have < r->len; i++) {
		size_t n = parts[i].iov_len < r->len - have ? parts[i].iov_len : r->len - have;

		e = sp_target_bytes(t, (uintptr_t)parts[i].iov_base, r->data + have, n);
		have += n;
	}
	free(parts);
	return e;
}

/* Descriptors that are passed on are the process's own, under whatever numbers we have them. */
static int
reach_fds(const struct sp_target *t, struct cmsghdr *c, struct sp_reach *r)
{
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	unsigned char *p = CMSG_DATA(c);
	int fd;

	for (size_t i = 0; i < n; i++, p += sizeof(fd)) {
		if (r->nfds == SP_REACH_FDS_MAX)
			return EINVAL;
		memcpy(&fd, p, sizeof(fd));
		fd = reach_dup(t, fd);
		if (fd < 0)
			return EBADF;
		r->fds[r->nfds++] = fd;
		memcpy(p, &fd, sizeof(fd));
	}
	return 0;
}

static int
reach_control_one(const struct sp_target *t, struct cmsghdr *c, struct sp_reach *r)
{
	struct ucred own = {.pid = getpid(), .uid = t->uid, .gid = t->gid};

	if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		return reach_fds(t, c, r);
	if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(own))) {
		memcpy(CMSG_DATA(c), &own, sizeof(own)); /* it is we who send it, as them */
		r->has_credentials = true;
		return 0;
	}
	if ((c->cmsg_level == IPPROTO_IP && (c->cmsg_type == IP_PKTINFO || c->cmsg_type == IP_TOS || c->cmsg_type == IP_TTL)) ||
	    (c->cmsg_level == IPPROTO_IPV6 &&
		(c->cmsg_type == IPV6_PKTINFO || c->cmsg_type == IPV6_TCLASS || c->cmsg_type == IPV6_HOPLIMIT)) ||
	    (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT))
		return 0;
	return EPERM; /* routes among others, which would lead elsewhere */
}

/* The kernel's own walk: CMSG_NXTHDR(3) may leave out a last one without its padding, which the kernel takes. */
static struct cmsghdr *
control_at(struct sp_reach *r, size_t at)
{
	return at > r->control_len || r->control_len - at < sizeof(struct cmsghdr)
	    ? NULL
	    : (struct cmsghdr *)(void *)(r->control + at);
}

static int
reach_control_all(const struct sp_target *t, struct sp_reach *r)
{
	struct cmsghdr *c;
	size_t at = 0;
	int e = 0;

	for (c = control_at(r, at); e == 0 && c != NULL; c = control_at(r, at)) {
		if (c->cmsg_len < sizeof(*c) || c->cmsg_len > r->control_len - at)
			return EINVAL;
		at += CMSG_ALIGN(c->cmsg_len);
		e = reach_control_one(t, c, r);
	}
	return e;
}

/* Whoever asks for the sender's ids gets those of who asked us; the pid can only be ours. */
static int
reach_credentials(const struct sp_target *t, struct sp_reach *r)
{
	size_t at = CMSG_ALIGN(r->control_len);
	struct cmsghdr *c = (struct cmsghdr *)(void *)(r->control + at);

	if (at + CMSG_SPACE(sizeof(struct ucred)) > sizeof(r->control))
		return ENOBUFS;
	memset(r->control + r->control_len, 0, at - r->control_len + CMSG_SPACE(sizeof(struct ucred)));
	r->control_len = at + CMSG_SPACE(sizeof(struct ucred));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(struct ucred));
	return reach_control_one(t, c, r);
}

static int
reach_control(const struct sp_target *t, const struct msghdr *m, struct sp_reach *r)
{
	int e = 0;

	if (m->msg_control != NULL && m->msg_controllen != 0) {
		if (m->msg_controllen > sizeof(r->control))
			return ENOBUFS;
		r->control_len = m->msg_controllen;
		e = sp_target_bytes(t, (uintptr_t)m->msg_control, r->control, r->control_len);
	}
	if (e == 0)
		e = reach_control_all(t, r);
	return e == 0 && r->domain == AF_UNIX && !r->has_credentials ? reach_credentials(t, r) : e;
}

static int
reach_send(const struct sp_target *t, uint64_t name, uint64_t name_len, unsigned flags, struct sp_reach *r)
{
	r->call = SP_REACH_SEND;
	if ((flags & MSG_FASTOPEN) != 0)
		return EOPNOTSUPP; /* a connect in disguise: programs do without */
	if ((flags & MSG_ZEROCOPY) != 0)
		return ENOBUFS;
	r->may_wait = (flags & MSG_DONTWAIT) == 0;
	r->flags = (int)(flags | MSG_DONTWAIT | MSG_NOSIGNAL);
	/* A stream goes where it is connected to, whatever is said. */
	if (name == 0 || name_len == 0 || (r->type == SOCK_STREAM && r->domain != AF_UNIX)) {
		r->is_free = true;
		return 0;
	}
	return reach_address(t, name, name_len, r);
}

static int
reach_message(const struct sp_target *t, uint64_t addr, unsigned flags, struct sp_reach *r)
{
	struct msghdr m;
	int e = sp_target_bytes(t, addr, &m, sizeof(m));

	if (e == 0)
		e = reach_send(t, (uintptr_t)m.msg_name, m.msg_namelen, flags, r);
	if (e == 0)
		e = reach_parts(t, &m, r);
	return e == 0 ? reach_control(t, &m, r) : e;
}

/* --- calls --------------------------------------------------------------------------------------------------------- */

int
sp_reach_local(struct sp_reach *r)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&r->to;
	struct sockaddr_in *in = (struct sockaddr_in *)&r->to;
	socklen_t len = sizeof(r->to);

	memset(&r->to, 0, sizeof(r->to));
	memset(r->address, 0, sizeof(r->address));
	if (getsockname(r->fd, (struct sockaddr *)&r->to, &len) != 0)
		return errno;
	r->is_v6 = r->to.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
	r->port = ntohs(r->to.ss_family == AF_INET6 ? in6->sin6_port : in->sin_port);
	if (r->is_v6)
		memcpy(r->address, &in6->sin6_addr, sizeof(in6->sin6_addr));
	else if (r->to.ss_family == AF_INET6)
		memcpy(r->address, in6->sin6_addr.s6_addr + 12, 4);
	else
		memcpy(r->address, &in->sin_addr, 4);
	return 0;
}

static int
reach_listen(uint64_t backlog, struct sp_reach *r)
{
	r->call = SP_REACH_LISTEN;
	r->backlog = (int)(uint32_t)backlog;
	r->is_free = !reach_is_inet(r); /* who connects to it is decided, within; and has to be let to it, without */
	return r->is_free ? 0 : sp_reach_local(r);
}

static int
reach_connect(const struct sp_target *t, const uint64_t args[6], struct sp_reach *r)
{
	int flags = fcntl(r->fd, F_GETFL);

	r->call = SP_REACH_CONNECT;
	r->may_wait = flags >= 0 && (flags & O_NONBLOCK) == 0;
	return reach_address(t, args[1], args[2], r);
}

static int
reach_sendto(const struct sp_target *t, const uint64_t args[6], struct sp_reach *r)
{
	int e = reach_send(t, args[4], (uint32_t)args[5], (unsigned)args[3], r);

	if (e == 0)
		e = reach_room(r, args[2]);
	if (e == 0)
		e = sp_target_bytes(t, args[1], r->data, r->len);
	return e == 0 && r->domain == AF_UNIX ? reach_credentials(t, r) : e;
}

int
sp_reach_read(const struct sp_target *t, long nr, const uint64_t args[6], struct sp_reach *ret_r)
{
	struct sp_reach *r = ret_r;
	int e;

	memset(r, 0, sizeof(*r));
	r->fd = r->file.fd = -1;
	e = reach_socket(t, (int)(uint32_t)args[0], r);
	if (e != 0)
		return e;
	if (!reach_what(r))
		return EPROTONOSUPPORT;
	if (r->domain == AF_NETLINK && t->uid == 0) {
		r->is_kernel = true; /* which asks for capabilities that only they have */
		return 0;
	}
	switch (nr) {
	case SYS_connect:
		return reach_connect(t, args, r);
	case SYS_listen:
		return reach_listen(args[1], r);
	case SYS_sendto:
		e = reach_sendto(t, args, r);
		break;
	case SYS_sendmsg:
		e = reach_message(t, args[1], (unsigned)args[2], r);
		break;
	default: /* sendmmsg: the first message, and the caller comes again for the next */
		if ((uint32_t)args[2] == 0)
			return EINVAL;
		e = reach_message(t, args[1], (unsigned)args[3], r);
		r->written = args[1] + offsetof(struct mmsghdr, msg_len);
		break;
	}
	if (e == 0 && r->may_wait)
		r->may_wait = (fcntl(r->fd, F_GETFL) & O_NONBLOCK) == 0;
	return e;
}

void
sp_reach_clear(struct sp_reach *r)
{
	for (size_t i = 0; i < r->nfds; i++)
		(void)close(r->fds[i]);
	r->nfds = 0;
	free(r->data);
	r->data = NULL;
	sp_resolved_clear(&r->file);
	if (r->fd >= 0)
		(void)close(r->fd);
	r->fd = -1;
}
