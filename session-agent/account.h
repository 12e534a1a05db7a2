/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An account that a connection runs as (run_as), looked up in the machine's own files: a directory service cannot make
 * anybody one. Those that are root, part of the system or as good as root are had only where policy says so.
 */
#ifndef SALLYPORT_SESSION_AGENT_ACCOUNT_H
#define SALLYPORT_SESSION_AGENT_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

#define SP_ACCOUNT_UID_MIN 100 /* below: root and the accounts that the distribution allots for itself */
#define SP_ACCOUNT_GROUPS_MAX 64
#define SP_ACCOUNT_NAME_MAX 64
#define SP_ACCOUNT_HOME_MAX 1024
#define SP_ACCOUNT_OWN "sallyport" /* what the names of our own accounts and groups begin with */

struct sp_account {
	char name[SP_ACCOUNT_NAME_MAX];
	uid_t uid;
	gid_t gid;
	gid_t groups[SP_ACCOUNT_GROUPS_MAX]; /* the supplementary ones */
	size_t ngroups;
	char home[SP_ACCOUNT_HOME_MAX];
};

/*
 * passwd, group: paths of files in the form of passwd(5) and group(5). *ret_message is a static line for the person when
 * it fails. NOT_FOUND; DENIED: root, a uid below SP_ACCOUNT_UID_MIN or a member of a group that is as good as root, unless
 * may_be_privileged; an account of our own or in a group of ours in any case; LIMIT (groups, lengths), SYSTEM.
 */
int sp_account_find(const char *passwd, const char *group, const char *name, bool may_be_privileged,
    struct sp_account *ret_a, const char **ret_message) SP_MUST_CHECK;

#endif
