/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/account.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

/* Whose members can become root, or read and write what root alone may. */
static const char *const account_strong[] = { "root", "wheel", "sudo", "admin", "adm", "shadow", "disk", "kmem", "mem",
	"docker", "podman", "lxd", "incus", "incus-admin", "libvirt", "systemd-journal", NULL };

static bool
account_is_own(const char *name)
{
	return strncmp(name, SP_ACCOUNT_OWN, strlen(SP_ACCOUNT_OWN)) == 0;
}

static bool
account_is_strong(const char *group)
{
	size_t i;

	for (i = 0; account_strong[i] != NULL; i++)
		if (strcmp(account_strong[i], group) == 0)
			return true;
	return false;
}

static int
account_passwd(const char *path, const char *name, struct sp_account *a)
{
	FILE *f = fopen(path, "re");
	const struct passwd *pw;
	int r = SP_ERR_NOT_FOUND;

	if (f == NULL)
		return SP_ERR_SYSTEM;
	while (r == SP_ERR_NOT_FOUND && (pw = fgetpwent(f)) != NULL) {
		if (strcmp(pw->pw_name, name) != 0)
			continue;
		if (strlen(name) >= sizeof(a->name) || strlen(pw->pw_dir) >= sizeof(a->home)) {
			r = SP_ERR_LIMIT;
			break;
		}
		(void)snprintf(a->name, sizeof(a->name), "%s", name);
		(void)snprintf(a->home, sizeof(a->home), "%s", pw->pw_dir);
		a->uid = pw->pw_uid;
		a->gid = pw->pw_gid;
		r = 0;
	}
	(void)fclose(f);
	return r;
}

static bool
account_is_member(const struct group *gr, const struct sp_account *a)
{
	char *const *m;

	for (m = gr->gr_mem; *m != NULL; m++)
		if (strcmp(*m, a->name) == 0)
			return true;
	return false;
}

/* ret_strong, ret_own: it is in a group of that kind, be it its first. */
static int
account_groups(const char *path, struct sp_account *a, bool *ret_strong, bool *ret_own)
{
	FILE *f = fopen(path, "re");
	const struct group *gr;
	int r = 0;

	if (f == NULL)
		return SP_ERR_SYSTEM;
	while (r == 0 && (gr = fgetgrent(f)) != NULL) {
		if (gr->gr_gid != a->gid && !account_is_member(gr, a))
			continue;
		*ret_strong = *ret_strong || gr->gr_gid == 0 || account_is_strong(gr->gr_name);
		*ret_own = *ret_own || account_is_own(gr->gr_name);
		if (gr->gr_gid == a->gid)
			continue;
		if (a->ngroups == SP_ACCOUNT_GROUPS_MAX)
			r = SP_ERR_LIMIT;
		else
			a->groups[a->ngroups++] = gr->gr_gid;
	}
	(void)fclose(f);
	return r;
}

/* Another name of one of our accounts is that account. */
static bool
account_shares(const char *path, const struct sp_account *a)
{
	FILE *f = fopen(path, "re");
	const struct passwd *pw;
	bool is_own = f == NULL;

	while (f != NULL && !is_own && (pw = fgetpwent(f)) != NULL)
		is_own = pw->pw_uid == a->uid && account_is_own(pw->pw_name);
	if (f != NULL)
		(void)fclose(f);
	return is_own;
}

int
sp_account_find(const char *passwd, const char *group, const char *name, bool may_be_privileged,
    struct sp_account *ret_a, const char **ret_message)
{
	struct sp_account a = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	bool is_strong = false, is_own = false;
	int r = account_passwd(passwd, name, &a);

	*ret_message = r == SP_ERR_NOT_FOUND ? "the account to run as is not in /etc/passwd: call an administrator"
					     : "the account to run as cannot be looked up: call an administrator";
	if (r == 0)
		r = account_groups(group, &a, &is_strong, &is_own);
	if (r != 0)
		return r;
	if (is_own || account_is_own(a.name) || account_shares(passwd, &a)) {
		*ret_message = "the account to run as is one of Sallyport's own: call an administrator";
		return SP_ERR_DENIED;
	}
	is_strong = is_strong || a.uid < SP_ACCOUNT_UID_MIN || a.uid == (uid_t)-1 || a.gid == (gid_t)-1 || a.gid == 0;
	if (a.uid == (uid_t)-1 || a.gid == (gid_t)-1 || (is_strong && !may_be_privileged)) {
		*ret_message = "the account to run as is part of the system or as good as root, which the connection does not "
			       "say that it may be (run_as: { user: NAME, privileged: true })";
		return SP_ERR_DENIED;
	}
	*ret_a = a;
	*ret_message = "";
	return 0;
}
