/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DOMAIN_ABI_MIN 2 /* Linux 5.19: renaming between directories can be allowed */
#define DOMAIN_ABI_SCOPE 6 /* Linux 6.12: scopes */
#define DOMAIN_SCOPE_ABSTRACT (1ULL << 0)

/* linux/landlock.h as of ABI 6; the older kernels take as much of it as they know. */
struct domain_attr {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

static int
namespace_hide(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : SP_ERR_SYSTEM;
	if (!S_ISDIR(st.st_mode))
		return 0;
	return mount("none", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=0755") == 0
	    ? 0
	    : SP_ERR_SYSTEM;
}

static int
namespace_freeze(const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : SP_ERR_SYSTEM;
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (mount(path, path, NULL, MS_BIND, NULL) != 0 ||
	    mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
		return SP_ERR_SYSTEM;
	return 0;
}

int
sp_confine_namespace(const uid_t *uids, size_t n)
{
	static const char *const spools[] = { "/var/spool/cron", "/var/spool/at", "/var/spool/atjobs", "/var/spool/atspool" };
	char runtime[32];
	size_t i;
	int r = 0;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0)
		return SP_ERR_SYSTEM;
	for (i = 0; r == 0 && i < n; i++) {
		(void)snprintf(runtime, sizeof(runtime), "/run/user/%u", (unsigned)uids[i]);
		r = namespace_hide(runtime);
	}
	for (i = 0; r == 0 && i < sizeof(spools) / sizeof(spools[0]); i++)
		r = namespace_freeze(spools[i]);
	return r;
}

/* Something must be handled for a domain to be one. Before scopes: the making of block devices, allowed everywhere. */
static int
domain_old(struct domain_attr *attr)
{
	struct landlock_path_beneath_attr all = { 0 };
	int rules, r = SP_ERR_SYSTEM;

	attr->fs = LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
	rules = (int)syscall(SYS_landlock_create_ruleset, attr, sizeof(attr->fs), 0);
	if (rules < 0)
		return SP_ERR_SYSTEM;
	all.allowed_access = attr->fs;
	all.parent_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (all.parent_fd >= 0 && syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &all, 0) == 0 &&
	    syscall(SYS_landlock_restrict_self, rules, 0) == 0)
		r = 0;
	if (all.parent_fd >= 0)
		(void)close(all.parent_fd);
	(void)close(rules);
	return r;
}

int
sp_confine_domain(void)
{
	struct domain_attr attr = { 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int rules, r;

	if (abi < DOMAIN_ABI_MIN)
		return SP_ERR_UNSUPPORTED;
	if (abi < DOMAIN_ABI_SCOPE)
		return domain_old(&attr);
	attr.scoped = DOMAIN_SCOPE_ABSTRACT;
	rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (rules < 0)
		return SP_ERR_SYSTEM;
	r = syscall(SYS_landlock_restrict_self, rules, 0) == 0 ? 0 : SP_ERR_SYSTEM;
	(void)close(rules);
	return r;
}
