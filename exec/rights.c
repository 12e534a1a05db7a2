/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) ((uint64_t)1 << (cap))

static int
rights_set(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .permitted = (uint32_t)permitted, .effective = (uint32_t)effective },
		{ .permitted = (uint32_t)(permitted >> 32), .effective = (uint32_t)(effective >> 32) } };

	return syscall(SYS_capset, &header, data) == 0 ? 0 : SP_ERR_SYSTEM;
}

static uint64_t
rights_permitted(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return 0;
	return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

int
sp_rights_keep(uint64_t caps)
{
	return rights_set(caps, caps);
}

/* Whose rights those are that files are opened with: one's own, or of who asked last. */
static struct {
	bool is_others;
	uid_t uid; /* (uid_t)-1: it went wrong half way */
	gid_t gid;
	gid_t groups[SP_TARGET_GROUPS_MAX];
	size_t ngroups;
} rights_now;

static bool
rights_are_of(const struct sp_target *t)
{
	return rights_now.is_others && rights_now.uid == t->fsuid && rights_now.gid == t->fsgid &&
	    rights_now.ngroups == t->ngroups && memcmp(rights_now.groups, t->groups, t->ngroups * sizeof(t->groups[0])) == 0;
}

int
sp_rights_become(const struct sp_target *t)
{
	uint64_t all;

	if (t->fsuid == 0) { /* root may look anywhere anyway */
		sp_rights_back();
		return 0;
	}
	if (rights_are_of(t))
		return 0;
	rights_now.is_others = true;
	rights_now.uid = (uid_t)-1;
	if (syscall(SYS_setgroups, t->ngroups, t->groups) != 0)
		return SP_ERR_SYSTEM;
	(void)setfsgid(t->fsgid);
	(void)setfsuid(t->fsuid);
	if ((uid_t)setfsuid((uid_t)-1) != t->fsuid || (gid_t)setfsgid((gid_t)-1) != t->fsgid)
		return SP_ERR_SYSTEM;
	all = rights_permitted();
	if (rights_set(all, all & ~(BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH))) != 0)
		return SP_ERR_SYSTEM;
	rights_now.uid = t->fsuid;
	rights_now.gid = t->fsgid;
	rights_now.ngroups = t->ngroups;
	memcpy(rights_now.groups, t->groups, t->ngroups * sizeof(t->groups[0]));
	return 0;
}

int
sp_rights_appear(const struct sp_target *t)
{
	sp_rights_back();
	rights_now.is_others = true;
	rights_now.uid = (uid_t)-1;
	if (syscall(SYS_setgroups, t->ngroups, t->groups) != 0 || syscall(SYS_setresgid, -1, t->gid, -1) != 0 ||
	    syscall(SYS_setresuid, -1, t->uid, -1) != 0)
		return SP_ERR_SYSTEM;
	return t->fsuid == 0 ? 0 : sp_rights_become(t);
}

void
sp_rights_back(void)
{
	uint64_t all;
	uid_t uid;
	gid_t gid;

	if (!rights_now.is_others)
		return;
	all = rights_permitted();
	uid = geteuid();
	gid = getegid();
	if (rights_set(all, all) != 0)
		_exit(126);
	if (uid != getuid() && (syscall(SYS_setresuid, -1, getuid(), -1) != 0 || rights_set(all, all) != 0))
		_exit(126);
	if (gid != getgid() && syscall(SYS_setresgid, -1, getgid(), -1) != 0)
		_exit(126);
	uid = getuid();
	gid = getgid();
	(void)setfsuid(uid);
	(void)setfsgid(gid);
	if ((uid_t)setfsuid((uid_t)-1) != uid || (gid_t)setfsgid((gid_t)-1) != gid || syscall(SYS_setgroups, 0, NULL) != 0)
		_exit(126);
	rights_now.is_others = false;
}

int
sp_rights_open(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags);

	if (fd < 0 && (errno == EACCES || errno == EPERM) && rights_now.is_others) {
		sp_rights_back();
		fd = openat(dir, name, flags);
	}
	return fd;
}
