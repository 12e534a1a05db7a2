/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/privdrop.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SP_PRIVDROP_GROUPS_MAX 8 /* more supplementary groups than this are refused unseen */

/* Capabilities that would give back what is being given up. */
#define SP_PRIVDROP_NEVER                                                                     \
	((uint64_t)1 << CAP_SETUID | (uint64_t)1 << CAP_SETGID | (uint64_t)1 << CAP_SETPCAP | \
	    (uint64_t)1 << CAP_SYS_ADMIN | (uint64_t)1 << CAP_SYS_PTRACE | (uint64_t)1 << CAP_SYS_MODULE)

static int
sp_privdrop_capget(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &head, data) == 0 ? 0 : SP_ERR_SYSTEM;
}

static int
sp_privdrop_set_caps(uint64_t keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	data[0].effective = data[0].permitted = (uint32_t)keep;
	data[1].effective = data[1].permitted = (uint32_t)(keep >> 32);
	return syscall(SYS_capset, &head, data) == 0 ? 0 : SP_ERR_SYSTEM;
}

/* Empties the bounding set; stops at the first number the kernel does not know. */
static int
sp_privdrop_bounding(void)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (has < 0)
			break;
		if (has > 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
			return SP_ERR_SYSTEM;
	}
	return 0;
}

/* As root: everything that needs privilege, with the ids last. */
static int
sp_privdrop_change(uid_t uid, gid_t gid)
{
	if (sp_privdrop_bounding() != 0)
		return SP_ERR_SYSTEM;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return SP_ERR_SYSTEM;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return SP_ERR_SYSTEM;
	return 0;
}

/* What every process may do to itself, whoever it is. */
static int
sp_privdrop_lock(uint64_t keep_caps)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
		return SP_ERR_SYSTEM;
	if (sp_privdrop_set_caps(keep_caps) != 0)
		return SP_ERR_SYSTEM;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return SP_ERR_SYSTEM;
	return 0;
}

static bool
sp_privdrop_has_ids(uid_t uid, gid_t gid)
{
	gid_t groups[SP_PRIVDROP_GROUPS_MAX], rg, eg, sg;
	uid_t ru, eu, su;
	int n;

	if (getresuid(&ru, &eu, &su) != 0 || getresgid(&rg, &eg, &sg) != 0)
		return false;
	if (ru != uid || eu != uid || su != uid || rg != gid || eg != gid || sg != gid)
		return false;
	/* -1 is no id: the call changes nothing and tells the present value. */
	if ((uid_t)setfsuid((uid_t)-1) != uid || (gid_t)setfsgid((gid_t)-1) != gid)
		return false;
	n = getgroups(SP_PRIVDROP_GROUPS_MAX, groups);
	for (int i = 0; i < n; i++) {
		if (groups[i] != gid)
			return false;
	}
	return n >= 0;
}

static bool
sp_privdrop_has_caps(uint64_t keep, bool was_root)
{
	struct __user_cap_data_struct data[2];
	uint64_t permitted, effective, inheritable;

	if (sp_privdrop_capget(data) != 0)
		return false;
	permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	effective = (uint64_t)data[1].effective << 32 | data[0].effective;
	inheritable = (uint64_t)data[1].inheritable << 32 | data[0].inheritable;
	if (permitted != keep || effective != keep || inheritable != 0)
		return false;
	for (unsigned long cap = 0; cap < 64; cap++) {
		int has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (has < 0)
			break;
		if (was_root && has != 0)
			return false;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) != 0)
			return false;
	}
	return true;
}

/* Tries to become root by every door; true if none opens. */
static bool
sp_privdrop_is_final(void)
{
	return setuid(0) != 0 && seteuid(0) != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) != 0 && setgid(0) != 0 &&
	       setegid(0) != 0 && setgroups(0, NULL) != 0;
}

int
sp_privdrop_ids(uid_t uid, gid_t gid, uint64_t keep_caps)
{
	bool was_root = geteuid() == 0;
	int r = 0;

	if (uid == 0 || gid == 0 || uid == (uid_t)-1 || gid == (gid_t)-1 || (keep_caps & SP_PRIVDROP_NEVER) != 0)
		return SP_ERR_DENIED;
	if (was_root)
		r = sp_privdrop_change(uid, gid);
	else if (!sp_privdrop_has_ids(uid, gid))
		return SP_ERR_DENIED;
	if (r == 0)
		r = sp_privdrop_lock(keep_caps);
	if (r != 0)
		return r;
	if (!sp_privdrop_has_ids(uid, gid) || !sp_privdrop_has_caps(keep_caps, was_root) || !sp_privdrop_is_final())
		return SP_ERR_DENIED;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return SP_ERR_DENIED;
	return 0;
}

int
sp_privdrop_uid(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
	const struct passwd *pw = getpwnam(user);

	if (pw == NULL)
		return SP_ERR_NOT_FOUND;
	*ret_uid = pw->pw_uid;
	*ret_gid = pw->pw_gid;
	return 0;
}

int
sp_privdrop(const char *user, uint64_t keep_caps)
{
	uid_t uid;
	gid_t gid;
	int r = sp_privdrop_uid(user, &uid, &gid);

	return r != 0 ? r : sp_privdrop_ids(uid, gid, keep_caps);
}
