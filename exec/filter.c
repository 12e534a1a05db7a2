/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/syscalls.h"

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

static int
filter_make(scmp_filter_ctx ctx)
{
	/* Calls by another architecture's numbers (i386, x32) do not exist at all. */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)) != 0)
		return SP_ERR_SYSTEM;
	if (sp_syscalls_refuse(ctx, filter_denied, COUNT(filter_denied), EPERM) != 0 ||
	    sp_syscalls_refuse(ctx, filter_absent, COUNT(filter_absent), ENOSYS) != 0 || filter_namespaces(ctx) != 0 ||
	    sp_syscalls_terminal(ctx) != 0 || filter_held(ctx) != 0)
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
sp_filter_install(int *ret_listener)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	struct sock_fprog prog;
	struct stat st;
	int fd = -1, r = SP_ERR_SYSTEM;
	void *p = NULL;

	if (ctx == NULL)
		return SP_ERR_NOMEM;
	if (filter_make(ctx) != 0)
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
