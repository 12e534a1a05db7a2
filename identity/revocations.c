/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/revocations.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/revoked.h"
#include "runtime/conffile.h"

struct sp_revocations {
	const char *directory;
	struct sp_revoked *list; /* NULL: not read yet, or not to be read */
	struct stat seen;	 /* of the file that it was */
	bool has_seen;		 /* false: there was none */
};

struct sp_revocations *
sp_revocations_new(const char *directory)
{
	struct sp_revocations *r = calloc(1, sizeof(*r));

	if (r != NULL)
		r->directory = directory;
	return r;
}

void
sp_revocations_free(struct sp_revocations *r)
{
	if (r == NULL)
		return;
	sp_revoked_free(r->list);
	free(r);
}

static bool
revocations_is_seen(const struct sp_revocations *r, const struct stat *st)
{
	return r->has_seen && r->seen.st_dev == st->st_dev && r->seen.st_ino == st->st_ino && r->seen.st_size == st->st_size &&
	    r->seen.st_mtim.tv_sec == st->st_mtim.tv_sec && r->seen.st_mtim.tv_nsec == st->st_mtim.tv_nsec &&
	    r->seen.st_ctim.tv_sec == st->st_ctim.tv_sec && r->seen.st_ctim.tv_nsec == st->st_ctim.tv_nsec;
}

/* Reads the file, which path is and st describes. What is there is never older than st. */
static int
revocations_read(struct sp_revocations *r, const char *path, const struct stat *st, struct sp_reason *why)
{
	char text[SP_REASON_MAX], *json = NULL;
	int err = sp_conffile_read_max(path, SP_REVOKED_TEXT_MAX, text, sizeof(text), &json);

	sp_revoked_free(r->list);
	r->list = NULL;
	if (err == 0) {
		err = sp_revoked_parse(json, strlen(json), &r->list);
		(void)snprintf(text, sizeof(text), "%.200s: %s", path, sp_err_str(err));
	}
	free(json);
	if (err != 0)
		return sp_reason_set(why, SP_ERR_UNAVAILABLE, "who is revoked cannot be read: %s", text);
	r->seen = *st;
	r->has_seen = true;
	return 0;
}

static int
revocations_look(struct sp_revocations *r, struct sp_reason *why)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/" SP_REVOKED_FILE, r->directory) >= (int)sizeof(path))
		return SP_ERR_LIMIT;
	if (stat(path, &st) == 0)
		return r->list != NULL && revocations_is_seen(r, &st) ? 0 : revocations_read(r, path, &st, why);
	if (errno != ENOENT)
		return sp_reason_set(why, SP_ERR_UNAVAILABLE, "who is revoked cannot be read: %s: %s", path, strerror(errno));
	if (r->list != NULL && !r->has_seen)
		return 0;
	sp_revoked_free(r->list);
	r->list = sp_revoked_new();
	r->has_seen = false;
	return r->list == NULL ? SP_ERR_NOMEM : 0;
}

int
sp_revocations_check(struct sp_revocations *r, const json_t *identity, int64_t now, struct sp_reason *why)
{
	const struct sp_revoked_who who = sp_revoked_who(identity);
	char text[SP_REVOKED_SAID_MAX];
	const json_t *entry;
	int err = revocations_look(r, why);

	if (err != 0)
		return err == SP_ERR_UNAVAILABLE ? err : sp_reason_set(why, SP_ERR_UNAVAILABLE, "who is revoked cannot be read");
	entry = sp_revoked_find(r->list, &who, now);
	if (entry == NULL)
		return 0;
	sp_revoked_say(entry, text, sizeof(text));
	return sp_reason_set(why, SP_ERR_DENIED, "%s", text);
}
