/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Of our own, because the build machine's headers may be older than the kernel we run on
 * (include/uapi/linux/landlock.h; the numbers are ABI).
 */
struct sp_landlock_ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4 */
	uint64_t scoped;	     /* ABI 6 */
};

struct sp_landlock_path_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

#define SP_LANDLOCK_VERSION 1U	   /* flag of landlock_create_ruleset(2): tell the ABI */
#define SP_LANDLOCK_PATH_BENEATH 1 /* type of rule */
#define SP_LANDLOCK_FS_WRITE_FILE 0x2U
#define SP_LANDLOCK_FS_READ_FILE 0x4U
#define SP_LANDLOCK_FS_READ_DIR 0x8U
#define SP_LANDLOCK_FS_REMOVE_DIR 0x10U
#define SP_LANDLOCK_FS_REMOVE_FILE 0x20U
#define SP_LANDLOCK_FS_MAKE_DIR 0x80U
#define SP_LANDLOCK_FS_MAKE_REG 0x100U
#define SP_LANDLOCK_FS_ABI1 0x1fffU	 /* everything of ABI 1 */
#define SP_LANDLOCK_FS_REFER 0x2000U	 /* ABI 2 */
#define SP_LANDLOCK_FS_TRUNCATE 0x4000U	 /* ABI 3 */
#define SP_LANDLOCK_FS_IOCTL_DEV 0x8000U /* ABI 5 */
#define SP_LANDLOCK_NET_BIND_TCP 0x1U
#define SP_LANDLOCK_SCOPES 0x3U /* abstract sockets and signals */

#define SP_LANDLOCK_READ (SP_LANDLOCK_FS_READ_FILE | SP_LANDLOCK_FS_READ_DIR)
#define SP_LANDLOCK_WRITE                                                                     \
	(SP_LANDLOCK_FS_WRITE_FILE | SP_LANDLOCK_FS_REMOVE_DIR | SP_LANDLOCK_FS_REMOVE_FILE | \
	    SP_LANDLOCK_FS_MAKE_DIR | SP_LANDLOCK_FS_MAKE_REG | SP_LANDLOCK_FS_REFER | SP_LANDLOCK_FS_TRUNCATE)
#define SP_LANDLOCK_FOR_FILES (SP_LANDLOCK_FS_READ_FILE | SP_LANDLOCK_FS_WRITE_FILE | SP_LANDLOCK_FS_TRUNCATE)

static long
sp_landlock_abi(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, SP_LANDLOCK_VERSION);
}

/* Every file right that this kernel knows. */
static uint64_t
sp_landlock_handled(long abi)
{
	uint64_t fs = SP_LANDLOCK_FS_ABI1;

	if (abi >= 2)
		fs |= SP_LANDLOCK_FS_REFER;
	if (abi >= 3)
		fs |= SP_LANDLOCK_FS_TRUNCATE;
	if (abi >= 5)
		fs |= SP_LANDLOCK_FS_IOCTL_DEV;
	return fs;
}

int
sp_landlock_begin(int *ret_ruleset)
{
	struct sp_landlock_ruleset_attr attr = {0};
	long abi = sp_landlock_abi();
	size_t size = sizeof(attr.handled_access_fs);
	long fd;

	if (abi < 1)
		return SP_ERR_UNSUPPORTED;
	attr.handled_access_fs = sp_landlock_handled(abi);
	if (abi >= 4) {
		attr.handled_access_net = SP_LANDLOCK_NET_BIND_TCP;
		size += sizeof(attr.handled_access_net);
	}
	if (abi >= 6) {
		attr.scoped = SP_LANDLOCK_SCOPES;
		size += sizeof(attr.scoped);
	}
	fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (fd < 0)
		return SP_ERR_SYSTEM;
	*ret_ruleset = (int)fd;
	return 0;
}

int
sp_landlock_allow(int ruleset, const char *path, bool can_write)
{
	struct sp_landlock_path_attr attr = {0};
	struct stat st, root;
	int fd, r = 0;

	if (path[0] != '/' || strspn(path, "/.") == strlen(path))
		return SP_ERR_INVALID;
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	attr.parent_fd = fd;
	attr.allowed_access = SP_LANDLOCK_READ | (can_write ? SP_LANDLOCK_WRITE : 0);
	attr.allowed_access &= sp_landlock_handled(sp_landlock_abi());
	if (fstat(fd, &st) != 0 || stat("/", &root) != 0)
		r = SP_ERR_SYSTEM;
	else if (st.st_dev == root.st_dev && st.st_ino == root.st_ino)
		r = SP_ERR_INVALID; /* it would allow everything */
	else if (!S_ISDIR(st.st_mode))
		attr.allowed_access &= SP_LANDLOCK_FOR_FILES;
	if (r == 0 && syscall(SYS_landlock_add_rule, ruleset, SP_LANDLOCK_PATH_BENEATH, &attr, 0) != 0)
		r = SP_ERR_SYSTEM;
	(void)close(fd);
	return r;
}

int
sp_landlock_enforce(int ruleset)
{
	long r = syscall(SYS_landlock_restrict_self, ruleset, 0);

	(void)close(ruleset);
	return r == 0 ? 0 : SP_ERR_SYSTEM;
}
