/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/syscalls.h"

#define FILTER_TYPE 0xfU /* of a socket, without its flags */
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64) /* Linux 6.6 */
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#endif

/* Running other processes' memory, or running code where no filter sees its calls. */
static const int filter_denied[] = { SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd), SCMP_SYS(userfaultfd), SCMP_SYS(perf_event_open) };
/* Programs find another way when they hear that these do not exist. */
static const int filter_absent[] = { SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(uselib) };

/*
 * In a user namespace of one's own, paths mean what one likes. Two processes that share their working directory
 * could change it between the check of a relative path and its use by a script's interpreter.
 */
static int
filter_namespaces(scmp_filter_ctx ctx)
{
	static const unsigned long flags[] = { CLONE_NEWUSER };
	int r = sp_syscalls_clone(ctx, flags, 1);

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_FS | CLONE_THREAD, CLONE_FS));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setns), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
	if (r == 0) /* 0: whatever kind the descriptor is of */
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setns), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, SP_SYSCALLS_LOW32, 0));
	return r;
}

/* What waits for an answer, and that nobody else takes the answering over. */
static int
filter_held(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EBUSY), SCMP_SYS(seccomp), 1,
	    SCMP_A1(SCMP_CMP_MASKED_EQ, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_NEW_LISTENER));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(execve), 0);
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(execveat), 0);
	return r;
}

/* One value of an argument that the kernel takes as an int. */
static int
filter_value(scmp_filter_ctx ctx, int error, int call, unsigned arg, uint64_t value)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(error), call, 1,
	    SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, SP_SYSCALLS_LOW32, value));
}

static int
filter_option(scmp_filter_ctx ctx, int level, int name)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(setsockopt), 2,
	    SCMP_A1(SCMP_CMP_MASKED_EQ, SP_SYSCALLS_LOW32, (unsigned)level),
	    SCMP_A2(SCMP_CMP_MASKED_EQ, SP_SYSCALLS_LOW32, (unsigned)name));
}

/* Of the internet's sockets only streams and datagrams, and no protocol that reaches others by itself. */
static int
filter_inet(scmp_filter_ctx ctx, unsigned family)
{
	int r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2,
	    SCMP_A0(SCMP_CMP_MASKED_EQ, SP_SYSCALLS_LOW32, family),
	    SCMP_A2(SCMP_CMP_MASKED_EQ, SP_SYSCALLS_LOW32, IPPROTO_SCTP));

	if (r == 0) /* MPTCP and what else came after the byte of a protocol was full */
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPROTONOSUPPORT), SCMP_SYS(socket), 2,
		    SCMP_A0(SCMP_CMP_MASKED_EQ, SP_SYSCALLS_LOW32, family), SCMP_A2(SCMP_CMP_GT, UINT8_MAX, 0));
	for (unsigned type = 0; r == 0 && type <= FILTER_TYPE; type++)
		if (type != SOCK_STREAM && type != SOCK_DGRAM)
			r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 2,
			    SCMP_A0(SCMP_CMP_MASKED_EQ, SP_SYSCALLS_LOW32, family),
			    SCMP_A1(SCMP_CMP_MASKED_EQ, FILTER_TYPE, type));
	return r;
}

static int
filter_sockets(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(
	    ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));

	for (unsigned family = 0; r == 0 && family < AF_NETLINK; family++)
		if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
			r = filter_value(ctx, EAFNOSUPPORT, SCMP_SYS(socket), 0, family);
	if (r == 0)
		r = filter_inet(ctx, AF_INET);
	if (r == 0)
		r = filter_inet(ctx, AF_INET6);
	if (r == 0)
		r = seccomp_rule_add(
		    ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
	/* Source routes: packets would go elsewhere first. */
	if (r == 0)
		r = filter_option(ctx, IPPROTO_IP, IP_OPTIONS);
	if (r == 0)
		r = filter_option(ctx, IPPROTO_IPV6, IPV6_RTHDR);
	if (r == 0)
		r = filter_option(ctx, IPPROTO_IPV6, IPV6_2292RTHDR);
	if (r == 0)
		r = filter_option(ctx, IPPROTO_IPV6, IPV6_2292PKTOPTIONS);
	if (r == 0) /* has the kernel ask a resolver */
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(request_key), 0);
	return r;
}

static int
filter_network(scmp_filter_ctx ctx)
{
	static const int calls[] = { SCMP_SYS(connect), SCMP_SYS(listen), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg) };
	int r = filter_sockets(ctx);

	for (size_t i = 0; r == 0 && i < COUNT(calls); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, calls[i], 0);
	if (r == 0) /* send(2) is one without an address, and goes where the socket is connected to */
		r = seccomp_rule_add(ctx, SCMP_ACT_NOTIFY, SCMP_SYS(sendto), 1, SCMP_A4(SCMP_CMP_NE, 0, 0));
	return r;
}

static int
filter_make(scmp_filter_ctx ctx, bool is_network)
{
	/* Calls by another architecture's numbers (i386, x32) do not exist at all. */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)) != 0)
		return SP_ERR_SYSTEM;
	if (sp_syscalls_refuse(ctx, filter_denied, COUNT(filter_denied), EPERM) != 0 ||
	    sp_syscalls_refuse(ctx, filter_absent, COUNT(filter_absent), ENOSYS) != 0 || filter_namespaces(ctx) != 0 ||
	    sp_syscalls_terminal(ctx) != 0 || filter_held(ctx) != 0 || (is_network && filter_network(ctx) != 0))
		return SP_ERR_SYSTEM;
	return 0;
}

/* Without the library's own seccomp_load(3), which knows only some of the flags. */
static int
filter_load(const struct sock_fprog *prog, int *ret_listener)
{
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long fd = syscall(
	    SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, prog);

	if (fd < 0 && errno == EINVAL) /* an older kernel: a signal restarts an exec that waits, which is then asked again */
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	/* Who asks waits, and who answers has waited for it: one processor does for both. An older kernel does not know. */
	(void)ioctl((int)fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	*ret_listener = (int)fd;
	return 0;
}

int
sp_filter_install(bool is_network, int *ret_listener)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct sock_fprog prog;
	struct stat st;
	int fd = -1, r = SP_ERR_SYSTEM;
	void *p = NULL;

	if (ctx == NULL)
		return SP_ERR_NOMEM;
	if (filter_make(ctx, is_network) != 0)
		goto out;
	if (sp_syscalls_export(ctx, &fd) != 0 || fstat(fd, &st) != 0 || st.st_size <= 0)
		goto out;
	p = malloc((size_t)st.st_size);
	if (p == NULL || pread(fd, p, (size_t)st.st_size, 0) != st.st_size)
		goto out;
	prog.len = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	prog.filter = p;
	r = filter_load(&prog, ret_listener);
out:
	free(p);
	if (fd >= 0)
		(void)close(fd);
	seccomp_release(ctx);
	return r;
}
