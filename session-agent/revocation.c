/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/revocation.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/text.h"
#include "policy/revoked.h"
#include "runtime/conffile.h"
#include "runtime/log.h"
#include "session-agent/broker.h"
#include "session-agent/channel.h"

#define REVOCATION_PATH SP_REVOKED_DIR "/" SP_REVOKED_FILE
#define REVOCATION_NEW SP_REVOKED_FILE ".new"

struct sp_revocation {
	struct sp_registry *g;
	struct sp_revoked *list; /* NULL: it could not be read */
	struct event *tick;
};

/* --- the file --------------------------------------------------------------------------------------- */

static int
revocation_read(struct sp_revocation *r)
{
	char why[512], *text = NULL;
	int err = sp_conffile_read_max(REVOCATION_PATH, SP_REVOKED_TEXT_MAX, why, sizeof(why), &text);

	if (err == SP_ERR_NOT_FOUND) {
		r->list = sp_revoked_new(); /* nobody was ever revoked */
		return r->list == NULL ? SP_ERR_NOMEM : 0;
	}
	if (err == 0) {
		err = sp_revoked_parse(text, strlen(text), &r->list);
		(void)snprintf(why, sizeof(why), REVOCATION_PATH ": %s", sp_err_str(err));
	}
	free(text);
	if (err != 0)
		sp_log_err("nobody is let in, because who is revoked cannot be read: %s", why);
	return err;
}

/* The list as it was last written, or NULL. */
static struct sp_revoked *
revocation_list(struct sp_revocation *r)
{
	if (r->list == NULL && revocation_read(r) != 0)
		return NULL;
	return r->list;
}

static int
revocation_directory(const struct sp_registry *g)
{
	int fd;

	if (mkdir(SP_REVOKED_DIR, 0750) == 0 && (chown(SP_REVOKED_DIR, (uid_t)-1, g->identity_gid) != 0 || chmod(SP_REVOKED_DIR, 0750) != 0))
		return SP_ERR_SYSTEM;
	fd = open(SP_REVOKED_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? SP_ERR_SYSTEM : fd;
}

static bool
revocation_put(const struct sp_registry *g, int fd, const char *text)
{
	size_t n = strlen(text), done = 0;

	while (done < n) {
		ssize_t w = write(fd, text + done, n - done);

		if (w <= 0)
			return false;
		done += (size_t)w;
	}
	return fchown(fd, (uid_t)-1, g->identity_gid) == 0 && fchmod(fd, 0640) == 0 && fsync(fd) == 0;
}

/* Whole beside its place, then renamed; on disk when this returns. */
static int
revocation_write(const struct sp_revocation *r, const struct sp_revoked *list)
{
	char *text = sp_revoked_text(list, (int64_t)time(NULL));
	int dir = -1, fd = -1, err = text == NULL ? SP_ERR_NOMEM : strlen(text) > SP_REVOKED_TEXT_MAX ? SP_ERR_LIMIT : 0;

	if (err == 0) {
		dir = revocation_directory(r->g);
		fd = dir < 0 ? -1 : openat(dir, REVOCATION_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 || !revocation_put(r->g, fd, text) || renameat(dir, REVOCATION_NEW, dir, SP_REVOKED_FILE) != 0 || fsync(dir) != 0)
			err = SP_ERR_SYSTEM;
	}
	if (err != 0)
		sp_log_err("the deny list could not be written: %s", err == SP_ERR_SYSTEM ? strerror(errno) : sp_err_str(err));
	if (fd >= 0)
		(void)close(fd);
	if (dir >= 0)
		(void)close(dir);
	free(text);
	return err;
}

/* --- who is refused ---------------------------------------------------------------------------------- */

bool
sp_revocation_refuses(struct sp_revocation *r, const json_t *identity, const char *user, char *text, size_t cap)
{
	struct sp_revoked_who who = sp_revoked_who(identity);
	const struct sp_revoked *list = revocation_list(r);
	const json_t *entry;

	if (list == NULL) {
		(void)snprintf(text, cap, "the list of who is revoked cannot be read, so nobody is let in. Call an administrator");
		return true;
	}
	if (user != NULL)
		who.user = user;
	entry = sp_revoked_find(list, &who, (int64_t)time(NULL));
	if (entry != NULL)
		sp_revoked_say(entry, text, cap);
	return entry != NULL;
}

char *
sp_revocation_list(struct sp_revocation *r)
{
	const struct sp_revoked *list = revocation_list(r);

	return list == NULL ? NULL : sp_revoked_text(list, (int64_t)time(NULL));
}

/* --- ending ------------------------------------------------------------------------------------------ */

/* A process that started when it was said to; a pid is used again. */
static void
revocation_signal(pid_t pid, uint64_t started, int sig)
{
	int fd = pid <= 1 ? -1 : pidfd_open(pid, 0);

	if (fd < 0)
		return;
	if (sp_registry_process_start(pid) == started)
		(void)pidfd_send_signal(fd, sig, NULL, 0);
	(void)close(fd);
}

/* Whether the entry (NULL: any that is in force) means them. */
static bool
revocation_means(struct sp_revocation *r, const json_t *entry, const json_t *identity, const char *user, char *text, size_t cap)
{
	struct sp_revoked_who who = sp_revoked_who(identity);

	if (entry == NULL)
		return sp_revocation_refuses(r, identity, user, text, cap);
	who.user = user;
	if (!sp_revoked_means(entry, &who))
		return false;
	sp_revoked_say(entry, text, cap);
	return true;
}

static void
revocation_end_live(struct sp_revocation *r, const json_t *entry, struct sp_live *live, int64_t now)
{
	char text[SP_REVOKED_SAID_MAX];

	if (live->is_dead || !revocation_means(r, entry, json_object_get(live->header, "identity"), live->user, text, sizeof(text)))
		return;
	if (live->revoked_ms == 0) {
		sp_log(LOG_NOTICE, "session %s of %s ends: %s", live->id, live->user, text);
		live->revoked_ms = now;
	}
	sp_channel_end(live, text);
}

static void
revocation_arm(struct sp_revocation *r)
{
	static const struct timeval tick = { .tv_usec = SP_REVOCATION_TICK_MS * 1000 };

	if (event_add(r->tick, &tick) != 0)
		sp_log_err("what is revoked may not end: no timer");
}

/* What the entry means, or with NULL any that is in force. */
static void
revocation_end(struct sp_revocation *r, const json_t *entry)
{
	int64_t now = sp_ipc_now_ms();
	char text[SP_REVOKED_SAID_MAX];
	struct sp_login *l;
	struct sp_live *live;
	bool is_any = false;

	TAILQ_FOREACH(live, &r->g->lives, next) {
		revocation_end_live(r, entry, live, now);
		is_any = is_any || live->revoked_ms != 0;
	}
	TAILQ_FOREACH(l, &r->g->logins, next) {
		if (l->revoked_ms == 0 && revocation_means(r, entry, l->identity, l->user, text, sizeof(text))) {
			sp_log(LOG_NOTICE, "login %s of %s ends: %s", l->id, l->user, text);
			l->revoked_ms = now;
			l->last_ms = now;
		}
		is_any = is_any || l->revoked_ms != 0;
	}
	if (is_any)
		revocation_arm(r);
}

void
sp_revocation_enforce(struct sp_revocation *r)
{
	if (revocation_list(r) != NULL) /* else who is at work stays, who comes is refused */
		revocation_end(r, NULL);
}

void
sp_revocation_resumed(struct sp_revocation *r, struct sp_live *live)
{
	if (revocation_list(r) == NULL)
		return;
	revocation_end_live(r, NULL, live, sp_ipc_now_ms());
	if (live->revoked_ms != 0)
		revocation_arm(r);
}

static bool
revocation_has_sessions(const struct sp_registry *g, const struct sp_login *l)
{
	const struct sp_live *live;

	TAILQ_FOREACH(live, &g->lives, next)
		if (!live->is_dead && strcmp(live->login_id, l->id) == 0)
			return true;
	return false;
}

/* Looks whether what was told to end has ended; the sweep of logins forgets those whose sshd is gone. */
static void
revocation_on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_revocation *r = ctx;
	int64_t now = sp_ipc_now_ms();
	struct sp_login *l;
	struct sp_live *live;
	bool is_any = false;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(live, &r->g->lives, next) {
		if (live->is_dead || live->revoked_ms == 0)
			continue;
		is_any = true;
		if (now - live->revoked_ms >= SP_REVOCATION_KILL_MS) {
			sp_log_warn("session %s of %s did not end and is killed", live->id, live->user);
			revocation_signal(live->pid, live->started, SIGKILL);
		}
	}
	TAILQ_FOREACH(l, &r->g->logins, next) {
		if (l->revoked_ms == 0)
			continue;
		is_any = true;
		if (revocation_has_sessions(r->g, l) && now - l->revoked_ms < SP_REVOCATION_SESSIONS_MS)
			l->last_ms = now;
		else if (now - l->revoked_ms >= SP_REVOCATION_KILL_MS)
			revocation_signal(l->pid, l->started, SIGKILL);
		else if (now - l->last_ms >= SP_REVOCATION_GRACE_MS)
			revocation_signal(l->pid, l->started, SIGTERM);
	}
	if (is_any)
		revocation_arm(r);
}

/* --- what operators ask for ------------------------------------------------------------------------- */

/* Everything that was asked for and nothing else, as an entry. A session stands for the key that it came with. */
static int
revocation_entry(const struct sp_revocation *r, json_t *request, const char *by, json_t **ret_entry)
{
	const char *kind = json_string_value(json_object_get(request, "kind"));
	const char *value = json_string_value(json_object_get(request, "value"));
	json_t *entry;

	if (kind == NULL || value == NULL)
		return SP_ERR_FORMAT;
	if (strcmp(kind, "session") == 0) {
		const struct sp_live *live = sp_registry_live(r->g, value);

		value = live == NULL ? NULL : sp_revoked_who(json_object_get(live->header, "identity")).key;
		if (value == NULL)
			return SP_ERR_NOT_FOUND;
		kind = "key";
	}
	entry = json_pack("{s:s,s:s,s:s,s:O*,s:O*,s:O*,s:I}", "kind", kind, "value", value, "by", by, "issuer",
	    json_object_get(request, "issuer"), "reason", json_object_get(request, "reason"), "until",
	    json_object_get(request, "until"), "since", (json_int_t)time(NULL)); /* what is missing is found by sp_revoked_add() */
	*ret_entry = entry;
	return entry == NULL ? SP_ERR_FORMAT : 0;
}

/* The identities that have something open under a person's name are meant by any other name as well. */
static int
revocation_also(const struct sp_revocation *r, json_t *entry)
{
	const struct sp_live *live;
	const struct sp_login *l;
	int err = 0;

	TAILQ_FOREACH(l, &r->g->logins, next)
		err = err != 0 ? err : sp_revoked_also(entry, l->identity);
	TAILQ_FOREACH(live, &r->g->lives, next)
		err = err != 0 || live->is_dead ? err : sp_revoked_also(entry, json_object_get(live->header, "identity"));
	return err;
}

static void
revocation_count(const struct sp_revocation *r, unsigned *ret_logins, unsigned *ret_sessions)
{
	const struct sp_live *live;
	const struct sp_login *l;

	*ret_logins = *ret_sessions = 0;
	TAILQ_FOREACH(l, &r->g->logins, next)
		*ret_logins += l->revoked_ms != 0;
	TAILQ_FOREACH(live, &r->g->lives, next)
		*ret_sessions += !live->is_dead && live->revoked_ms != 0;
}

/* What is said to the operator: what ends, and who else is meant. */
static void
revocation_report(const struct sp_revocation *r, const json_t *entry, const char *by, char *text)
{
	const char *kind = json_string_value(json_object_get(entry, "kind"));
	const char *value = json_string_value(json_object_get(entry, "value"));
	const json_t *also = json_object_get(entry, "also"), *one;
	unsigned logins, sessions;
	size_t i, n;

	revocation_count(r, &logins, &sessions);
	n = (size_t)snprintf(text, SP_REVOCATION_TEXT_MAX, "%s %.64s is revoked; logins that end: %u, sessions: %u", kind, value,
	    logins, sessions);
	if (strcmp(kind, "person") == 0 && strcmp(value, by) == 0)
		n += (size_t)snprintf(text + n, SP_REVOCATION_TEXT_MAX - n, "\nthis is you");
	json_array_foreach(also, i, one)
		if (n < SP_REVOCATION_TEXT_MAX)
			n += (size_t)snprintf(text + n, SP_REVOCATION_TEXT_MAX - n, "\nunder any name: %s of %s",
			    json_string_value(json_object_get(one, "sub")), json_string_value(json_object_get(one, "iss")));
}

/* What is on the list in memory holds even where it cannot be written: whoever is to go goes. */
int
sp_revocation_add(struct sp_revocation *r, json_t *request, const char *by, char *text)
{
	struct sp_revoked *list = revocation_list(r);
	json_t *entry = NULL;
	int err = list == NULL ? SP_ERR_UNAVAILABLE : revocation_entry(r, request, by, &entry);

	text[0] = '\0';
	if (err == 0)
		err = revocation_also(r, entry);
	if (err == 0)
		err = sp_revoked_add(list, entry);
	if (err == 0) {
		err = revocation_write(r, list);
		sp_log(LOG_NOTICE, "%s %s is revoked by %s: %s%s", json_string_value(json_object_get(entry, "kind")),
		    json_string_value(json_object_get(entry, "value")), by, json_string_value(json_object_get(entry, "reason")),
		    err == 0 ? "" : " (but only until sallyportd is started again: it is not on disk)");
		revocation_end(r, entry);
		sp_broker_revoked(r->g->broker);
		revocation_report(r, entry, by, text);
	}
	json_decref(entry);
	return err;
}

/* Off the disk first: who could not be taken off it stays on. */
int
sp_revocation_remove(struct sp_revocation *r, const char *kind, const char *value, const char *issuer, const char *by, char *text)
{
	char *now = sp_revocation_list(r);
	struct sp_revoked *list = NULL;
	int err = now == NULL ? SP_ERR_UNAVAILABLE : sp_revoked_parse(now, strlen(now), &list);

	text[0] = '\0';
	free(now);
	if (err == 0)
		err = sp_revoked_remove(list, kind, value, issuer);
	if (err == 0)
		err = revocation_write(r, list);
	if (err != 0) {
		sp_revoked_free(list);
		return err;
	}
	sp_revoked_free(r->list);
	r->list = list;
	sp_log(LOG_NOTICE, "%s %s is no longer revoked, says %s", kind, value, by);
	(void)snprintf(text, SP_REVOCATION_TEXT_MAX, "%s %.64s is no longer revoked", kind, value);
	sp_broker_revoked(r->g->broker);
	return 0;
}

int
sp_revocation_new(struct sp_registry *g, struct sp_revocation **ret_r)
{
	struct sp_revocation *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return SP_ERR_NOMEM;
	r->g = g;
	r->tick = event_new(g->base, -1, 0, revocation_on_tick, r);
	if (r->tick == NULL) {
		free(r);
		return SP_ERR_NOMEM;
	}
	(void)revocation_list(r);
	*ret_r = r;
	return 0;
}

void
sp_revocation_free(struct sp_revocation *r)
{
	if (r == NULL)
		return;
	sp_revoked_free(r->list);
	event_free(r->tick);
	free(r);
}
