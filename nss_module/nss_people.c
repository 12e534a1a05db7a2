/* SPDX-License-Identifier: Apache-2.0 */
#include "nss_module/nss_people.h"

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/people.h"

#ifndef NSS_PEOPLE_PATH
#define NSS_PEOPLE_PATH SP_PEOPLE_PATH
#define NSS_PEOPLE_OWNER 0
#endif

#define NSS_PEOPLE_PASSWORD "*" /* none: pam_unix(8) looks for no shadow entry, and no password is right */

#define NSS_PEOPLE_ANY_GROUP ((gid_t)-1) /* of getent(1), which asks without a first group */

/* How far each walk has come in its table. */
static _Atomic uint32_t people_at_passwd, people_at_group;

/* What is asked for: a name, or if that is NULL an id, or if place is not NULL the next from there on. */
struct people_question {
	const char *name;
	uint32_t id;
	_Atomic uint32_t *place;
	bool is_passwd;
};

static enum nss_status
people_answer(int r, int *ret_errno)
{
	*ret_errno = r == SP_ERR_NOT_FOUND ? ENOENT
		     : r == SP_ERR_AGAIN   ? EAGAIN
		     : r == SP_ERR_FORMAT  ? EBADMSG
					   : EACCES;
	return r == SP_ERR_NOT_FOUND ? NSS_STATUS_NOTFOUND : r == SP_ERR_AGAIN ? NSS_STATUS_TRYAGAIN : NSS_STATUS_UNAVAIL;
}

static enum nss_status
people_too_small(int *ret_errno)
{
	*ret_errno = ERANGE;
	return NSS_STATUS_TRYAGAIN;
}

static enum nss_status
people_open(struct sp_people *p, int *ret_errno)
{
	int r = sp_people_open(NSS_PEOPLE_PATH, NSS_PEOPLE_OWNER, p);

	if (r == 0)
		return NSS_STATUS_SUCCESS;
	if (r != SP_ERR_NOT_FOUND)
		return people_answer(r, ret_errno);
	*ret_errno = ENOENT;
	return NSS_STATUS_UNAVAIL;
}

static enum nss_status
people_put_passwd(const struct sp_people_entry *e, struct passwd *ret_pw, char *buffer, size_t size, int *ret_errno)
{
	char *password = buffer + e->strings_len;

	if (size < e->strings_len + sizeof(NSS_PEOPLE_PASSWORD))
		return people_too_small(ret_errno);
	memcpy(buffer, e->name, e->strings_len);
	memcpy(password, NSS_PEOPLE_PASSWORD, sizeof(NSS_PEOPLE_PASSWORD));
	ret_pw->pw_name = buffer;
	ret_pw->pw_passwd = password;
	ret_pw->pw_uid = ret_pw->pw_gid = e->id;
	ret_pw->pw_gecos = buffer + (e->full - e->name);
	ret_pw->pw_dir = buffer + (e->home - e->name);
	ret_pw->pw_shell = buffer + (e->shell - e->name);
	return NSS_STATUS_SUCCESS;
}

/* A person's own group has nobody in it: it is their first one. */
static enum nss_status
people_put_group(const struct sp_people *p, const struct sp_people_entry *e, struct group *ret_gr, char *buffer,
    size_t size, int *ret_errno)
{
	uint64_t members = e->kind == SP_PEOPLE_GROUP ? e->list_count : 0, names = members > 0 ? e->list_len : 0;
	size_t pad = (alignof(char *) - (uintptr_t)buffer % alignof(char *)) % alignof(char *), name_len = strlen(e->name) + 1;
	char **list = (char **)(void *)(buffer + pad), *s;
	int r;

	if (size < pad + (members + 1) * sizeof(char *) + names + name_len + sizeof(NSS_PEOPLE_PASSWORD))
		return people_too_small(ret_errno);
	s = (char *)(list + members + 1);
	r = members > 0 ? sp_people_members(p, e, s) : 0;
	if (r != 0)
		return people_answer(r, ret_errno);
	for (size_t i = 0; i < members; i++) {
		list[i] = s;
		s += strlen(s) + 1;
	}
	list[members] = NULL;
	memcpy(s, e->name, name_len);
	memcpy(s + name_len, NSS_PEOPLE_PASSWORD, sizeof(NSS_PEOPLE_PASSWORD));
	ret_gr->gr_name = s;
	ret_gr->gr_passwd = s + name_len;
	ret_gr->gr_gid = e->id;
	ret_gr->gr_mem = list;
	return NSS_STATUS_SUCCESS;
}

/* The next that is of this database; *place is then after it. */
static int
people_next(const struct sp_people *p, const struct people_question *q, uint32_t *place, struct sp_people_entry *e)
{
	int r = (p->flags & SP_PEOPLE_ENUMERATE) != 0 ? 0 : SP_ERR_NOT_FOUND;

	do {
		if (r == 0)
			r = sp_people_next(p, place, e);
	} while (r == 0 && q->is_passwd && e->kind != SP_PEOPLE_PERSON);
	return r;
}

/* One question, one answer; ret is a struct passwd or a struct group. errno stays the caller's. */
static enum nss_status
people_ask(const struct people_question *q, void *ret, char *buffer, size_t size, int *ret_errno)
{
	uint32_t place = q->place != NULL ? atomic_load(q->place) : 0;
	struct sp_people p;
	struct sp_people_entry e;
	enum nss_status status;
	int saved = errno, r;

	status = people_open(&p, ret_errno);
	if (status != NSS_STATUS_SUCCESS)
		goto out;
	r = q->place != NULL  ? people_next(&p, q, &place, &e)
	    : q->name != NULL ? sp_people_by_name(&p, q->name, &e)
			      : sp_people_by_id(&p, q->id, &e);
	if (r == 0 && q->is_passwd && e.kind != SP_PEOPLE_PERSON)
		r = SP_ERR_NOT_FOUND;
	if (r != 0)
		status = people_answer(r, ret_errno);
	else if (q->is_passwd)
		status = people_put_passwd(&e, ret, buffer, size, ret_errno);
	else
		status = people_put_group(&p, &e, ret, buffer, size, ret_errno);
	if (status == NSS_STATUS_SUCCESS && q->place != NULL)
		atomic_store(q->place, place);
	sp_people_close(&p);
out:
	errno = saved;
	return status;
}

/* What can be in no table is in none, whatever state ours is in. */
static enum nss_status
people_by_name(const char *name, bool is_passwd, void *ret, char *buffer, size_t size, int *ret_errno)
{
	struct people_question q = { .name = name, .is_passwd = is_passwd };

	if (!sp_people_rules_is_name(name, strnlen(name, SP_PEOPLE_NAME_MAX + 1)))
		return people_answer(SP_ERR_NOT_FOUND, ret_errno);
	return people_ask(&q, ret, buffer, size, ret_errno);
}

static enum nss_status
people_by_id(uint32_t id, bool is_passwd, void *ret, char *buffer, size_t size, int *ret_errno)
{
	struct people_question q = { .id = id, .is_passwd = is_passwd };

	if (!sp_people_rules_is_id(id))
		return people_answer(SP_ERR_NOT_FOUND, ret_errno);
	return people_ask(&q, ret, buffer, size, ret_errno);
}

enum nss_status
_nss_sallyport_getpwnam_r(const char *name, struct passwd *ret_pw, char *buffer, size_t size, int *ret_errno)
{
	return people_by_name(name, true, ret_pw, buffer, size, ret_errno);
}

enum nss_status
_nss_sallyport_getpwuid_r(uid_t uid, struct passwd *ret_pw, char *buffer, size_t size, int *ret_errno)
{
	return people_by_id(uid, true, ret_pw, buffer, size, ret_errno);
}

enum nss_status
_nss_sallyport_getgrnam_r(const char *name, struct group *ret_gr, char *buffer, size_t size, int *ret_errno)
{
	return people_by_name(name, false, ret_gr, buffer, size, ret_errno);
}

enum nss_status
_nss_sallyport_getgrgid_r(gid_t gid, struct group *ret_gr, char *buffer, size_t size, int *ret_errno)
{
	return people_by_id(gid, false, ret_gr, buffer, size, ret_errno);
}

enum nss_status
_nss_sallyport_setpwent(int stay_open)
{
	(void)stay_open;
	atomic_store(&people_at_passwd, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_sallyport_endpwent(void)
{
	atomic_store(&people_at_passwd, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_sallyport_getpwent_r(struct passwd *ret_pw, char *buffer, size_t size, int *ret_errno)
{
	struct people_question q = { .place = &people_at_passwd, .is_passwd = true };

	return people_ask(&q, ret_pw, buffer, size, ret_errno);
}

enum nss_status
_nss_sallyport_setgrent(int stay_open)
{
	(void)stay_open;
	atomic_store(&people_at_group, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_sallyport_endgrent(void)
{
	atomic_store(&people_at_group, 0);
	return NSS_STATUS_SUCCESS;
}

enum nss_status
_nss_sallyport_getgrent_r(struct group *ret_gr, char *buffer, size_t size, int *ret_errno)
{
	struct people_question q = { .place = &people_at_group };

	return people_ask(&q, ret_gr, buffer, size, ret_errno);
}

/* The groups of a person of ours. NOT_FOUND: nobody of ours, or somebody whom another source gave another group. */
static enum nss_status
people_groups(const char *user, gid_t group, uint32_t ids[SP_PEOPLE_GROUPS_MAX], uint32_t *ret_n, int *ret_errno)
{
	struct sp_people p;
	struct sp_people_entry e;
	enum nss_status status = people_open(&p, ret_errno);
	int r;

	if (status != NSS_STATUS_SUCCESS)
		return status;
	r = sp_people_by_name(&p, user, &e);
	if (r == 0 && (e.kind != SP_PEOPLE_PERSON || (group != NSS_PEOPLE_ANY_GROUP && e.id != group)))
		r = SP_ERR_NOT_FOUND;
	if (r == 0)
		r = sp_people_groups(&p, &e, ids);
	sp_people_close(&p);
	if (r != 0)
		return people_answer(r, ret_errno);
	*ret_n = e.list_count;
	return NSS_STATUS_SUCCESS;
}

/* Room for n more, or for as many as the limit leaves. */
static bool
people_grow(long int n, const long int *start, long int *size, gid_t **groups, long int limit)
{
	long int want = *start + n;
	gid_t *more;

	if (limit > 0 && want > limit)
		want = limit;
	if (want <= *size)
		return true;
	more = realloc(*groups, (size_t)want * sizeof(**groups));
	if (more == NULL)
		return false;
	*groups = more;
	*size = want;
	return true;
}

enum nss_status
_nss_sallyport_initgroups_dyn(
    const char *user, gid_t group, long int *start, long int *size, gid_t **groups, long int limit, int *ret_errno)
{
	uint32_t ids[SP_PEOPLE_GROUPS_MAX], n = 0;
	enum nss_status status;
	int saved = errno;

	if (!sp_people_rules_is_name(user, strnlen(user, SP_PEOPLE_NAME_MAX + 1)) ||
	    (group != NSS_PEOPLE_ANY_GROUP && !sp_people_rules_is_id(group)))
		return people_answer(SP_ERR_NOT_FOUND, ret_errno);
	status = people_groups(user, group, ids, &n, ret_errno);
	if (status == NSS_STATUS_SUCCESS && !people_grow((long int)n, start, size, groups, limit)) {
		*ret_errno = ENOMEM;
		status = NSS_STATUS_TRYAGAIN;
	}
	for (uint32_t i = 0; status == NSS_STATUS_SUCCESS && i < n && *start < *size; i++)
		if (limit <= 0 || *start < limit)
			(*groups)[(*start)++] = ids[i];
	errno = saved;
	return status;
}
