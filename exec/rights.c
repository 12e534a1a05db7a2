/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/rights.h"

#include <linux/capability.h>
#include <grp.h>
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

int
sp_rights_become(const struct sp_target *t)
{
	uint64_t all = rights_permitted();

	if (t->fsuid == 0) /* root may look anywhere anyway */
		return 0;
	if (syscall(SYS_setgroups, t->ngroups, t->groups) != 0)
		return SP_ERR_SYSTEM;
	(void)setfsgid(t->fsgid);
	(void)setfsuid(t->fsuid);
	if ((uid_t)setfsuid((uid_t)-1) != t->fsuid || (gid_t)setfsgid((gid_t)-1) != t->fsgid)
		return SP_ERR_SYSTEM;
	return rights_set(all, all & ~(BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH)));
}

void
sp_rights_back(void)
{
	uint64_t all = rights_permitted();

	if (rights_set(all, all) != 0)
		_exit(126);
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
	if ((uid_t)setfsuid((uid_t)-1) != geteuid() || (gid_t)setfsgid((gid_t)-1) != getegid() ||
	    syscall(SYS_setgroups, 0, NULL) != 0)
		_exit(126);
}
