/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ssh_filter.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const int filter_denied[] = {
	SCMP_SYS(acct), SCMP_SYS(add_key), SCMP_SYS(bpf), SCMP_SYS(chroot), SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
	SCMP_SYS(fsopen), SCMP_SYS(fspick), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(io_uring_setup), SCMP_SYS(kcmp), SCMP_SYS(keyctl), SCMP_SYS(memfd_create),
	SCMP_SYS(modify_ldt), SCMP_SYS(mount), SCMP_SYS(mount_setattr), SCMP_SYS(move_mount),
	SCMP_SYS(name_to_handle_at), SCMP_SYS(open_by_handle_at), SCMP_SYS(open_tree), SCMP_SYS(perf_event_open),
	SCMP_SYS(personality), SCMP_SYS(pidfd_getfd), SCMP_SYS(pivot_root), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(ptrace), SCMP_SYS(quotactl), SCMP_SYS(request_key), SCMP_SYS(setns),
	SCMP_SYS(syslog), SCMP_SYS(umount2), SCMP_SYS(unshare), SCMP_SYS(userfaultfd), SCMP_SYS(vhangup),
};

#define LOW32 0xffffffffUL /* ioctl takes an int: the kernel ignores the upper half, so must the filter */

static int
filter_arguments(scmp_filter_ctx ctx)
{
	static const unsigned requests[] = { TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS };
	static const unsigned long flags[] = { CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC,
		CLONE_NEWUTS, CLONE_NEWCGROUP };
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < sizeof(requests) / sizeof(requests[0]); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
		    SCMP_A1(SCMP_CMP_MASKED_EQ, LOW32, requests[i]));
	for (i = 0; r == 0 && i < sizeof(flags) / sizeof(flags[0]); i++)
		r = seccomp_rule_add(
		    ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	if (r == 0) /* its flags are in memory, where a filter cannot look; libc falls back to clone */
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (r == 0)
		r = seccomp_rule_add(
		    ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	return r;
}

int
sp_ssh_filter(int *ret_fd)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int fd = -1, r = SP_ERR_SYSTEM;
	size_t i;

	if (ctx == NULL)
		return SP_ERR_NOMEM;
	for (i = 0; i < sizeof(filter_denied) / sizeof(filter_denied[0]); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), filter_denied[i], 0) != 0)
			goto out;
	if (filter_arguments(ctx) != 0)
		goto out;
	fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0 || seccomp_export_bpf(ctx, fd) != 0 || lseek(fd, 0, SEEK_SET) != 0)
		goto out;
	*ret_fd = fd;
	fd = -1;
	r = 0;
out:
	if (fd >= 0)
		(void)close(fd);
	seccomp_release(ctx);
	return r;
}
