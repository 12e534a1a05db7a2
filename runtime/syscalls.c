/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/syscalls.h"

#include <errno.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

int
sp_syscalls_refuse(scmp_filter_ctx ctx, const int calls[], size_t n, int error)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)error), calls[i], 0) != 0)
			return SP_ERR_SYSTEM;
	return 0;
}

int
sp_syscalls_clone(scmp_filter_ctx ctx, const unsigned long flags[], size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = seccomp_rule_add(
		    ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	/* Its flags are in memory, where a filter cannot look. */
	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r == 0 ? 0 : SP_ERR_SYSTEM;
}

static int
syscalls_namespaces(scmp_filter_ctx ctx)
{
	static const unsigned long flags[] = { CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC,
		CLONE_NEWUTS, CLONE_NEWCGROUP };

	return sp_syscalls_clone(ctx, flags, COUNT(flags));
}

int
sp_syscalls_terminal(scmp_filter_ctx ctx)
{
	static const unsigned requests[] = { TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS };

	for (size_t i = 0; i < COUNT(requests); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, SP_SYSCALLS_LOW32, requests[i])) != 0)
			return SP_ERR_SYSTEM;
	return 0;
}

static int
syscalls_local(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(
		   ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX)) == 0
	    ? 0
	    : SP_ERR_SYSTEM;
}

int
sp_syscalls_export(scmp_filter_ctx ctx, int *ret_fd)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);

	if (fd < 0)
		return SP_ERR_SYSTEM;
	if (seccomp_export_bpf(ctx, fd) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
		(void)close(fd);
		return SP_ERR_SYSTEM;
	}
	*ret_fd = fd;
	return 0;
}

int
sp_syscalls_tool(const int calls[], size_t n, int *ret_fd)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (ctx == NULL)
		return SP_ERR_NOMEM;
	r = sp_syscalls_refuse(ctx, calls, n, EPERM);
	if (r == 0)
		r = syscalls_namespaces(ctx);
	if (r == 0)
		r = sp_syscalls_terminal(ctx);
	if (r == 0)
		r = syscalls_local(ctx);
	if (r == 0)
		r = sp_syscalls_export(ctx, ret_fd);
	seccomp_release(ctx);
	return r;
}
