/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/registry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/text.h"
#include "runtime/log.h"

#define REGISTRY_STATE SP_RUNDIR "/state"
#define REGISTRY_SOCKETS SP_RUNDIR "/s"

uint64_t
sp_registry_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t
sp_registry_process_start(pid_t pid)
{
	char path[32], text[1024];
	unsigned long long start = 0;
	const char *p;
	ssize_t n;
	int fd, i;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')'); /* the name may hold anything; field 2 ends here, the state follows, the start time is field 22 */
	if (p != NULL && (strncmp(p, ") Z", 3) == 0 || strncmp(p, ") X", 3) == 0))
		return 0; /* it has ended, and nobody has asked how */
	for (i = 2; p != NULL && i < 22; i++) {
		p = strchr(p, ' ');
		if (p != NULL)
			p++;
	}
	if (p != NULL)
		start = strtoull(p, NULL, 10);
	return (uint64_t)start;
}

void
sp_login_free(struct sp_login *l)
{
	if (l == NULL)
		return;
	json_decref(l->identity);
	json_decref(l->origin);
	free(l);
}

const char *
sp_login_endpoint(const struct sp_login *l)
{
	return json_string_value(json_object_get(l->origin, "endpoint"));
}

struct sp_live *
sp_live_new(void)
{
	struct sp_live *l = calloc(1, sizeof(*l));

	if (l != NULL)
		l->ring = l->offer[0] = l->offer[1] = -1;
	return l;
}

void
sp_live_free(struct sp_live *l)
{
	int *fds[3];
	size_t i;

	if (l == NULL)
		return;
	fds[0] = &l->ring;
	fds[1] = &l->offer[0];
	fds[2] = &l->offer[1];
	for (i = 0; i < 3; i++)
		if (*fds[i] >= 0)
			(void)close(*fds[i]);
	sp_secret_free(l->secret);
	json_decref(l->header);
	free(l);
}

struct sp_login *
sp_registry_login(struct sp_registry *g, const char *id)
{
	struct sp_login *l;

	TAILQ_FOREACH(l, &g->logins, next)
		if (strcmp(l->id, id) == 0)
			return l;
	return NULL;
}

struct sp_login *
sp_registry_login_of(struct sp_registry *g, uint32_t ses)
{
	struct sp_login *l;

	TAILQ_FOREACH(l, &g->logins, next)
		if (l->ses == ses)
			return l;
	return NULL;
}

struct sp_live *
sp_registry_live(struct sp_registry *g, const char *id)
{
	struct sp_live *l;

	TAILQ_FOREACH(l, &g->lives, next)
		if (strcmp(l->id, id) == 0)
			return l;
	return NULL;
}

unsigned
sp_registry_lives_of(const struct sp_registry *g, uid_t uid)
{
	const struct sp_live *l;
	unsigned n = 0;

	TAILQ_FOREACH(l, &g->lives, next)
		n += l->uid == uid && !l->is_dead;
	return n;
}

/* --- state files ---------------------------------------------------------------------------------- */

static void
state_path(char *path, size_t cap, const char *kind, const char *id, const char *suffix)
{
	(void)snprintf(path, cap, "%s/%s-%s%s", REGISTRY_STATE, kind, id, suffix);
}

/* Written whole beside its place, then renamed: a state file is all there or not there. Takes over j. */
static int
state_write(const char *kind, const char *id, json_t *j)
{
	char path[128], temporary[128];
	char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
	int fd = -1, r = SP_ERR_SYSTEM;
	size_t n;

	json_decref(j);
	if (text == NULL)
		return SP_ERR_NOMEM;
	state_path(path, sizeof(path), kind, id, "");
	state_path(temporary, sizeof(temporary), kind, id, ".new");
	n = strlen(text);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && write(fd, text, n) == (ssize_t)n && rename(temporary, path) == 0)
		r = 0;
	if (fd >= 0)
		(void)close(fd);
	explicit_bzero(text, n);
	free(text);
	return r;
}

static void
state_remove(const char *kind, const char *id)
{
	char path[128];

	state_path(path, sizeof(path), kind, id, "");
	(void)unlink(path);
}

static json_t *
login_to_json(const struct sp_login *l)
{
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:O,s:O}", "id", l->id, "user", l->user, "uid",
	    (json_int_t)l->uid, "ses", (json_int_t)l->ses, "auid", (json_int_t)l->auid, "pid", (json_int_t)l->pid,
	    "started", (json_int_t)l->started, "expires", (json_int_t)l->expires, "identity", l->identity, "origin",
	    l->origin);
}

/* Who a state file may be about: a person, never root and never nobody at all. */
static bool
state_is_person(const char *user, size_t cap, json_int_t uid, json_int_t ses, json_int_t auid)
{
	return strlen(user) < cap && sp_text_is_login(user) && uid > 0 && uid < UINT32_MAX && ses >= 0 &&
	    ses < UINT32_MAX && auid >= 0 && auid < UINT32_MAX;
}

static int
login_from_json(json_t *j, struct sp_login *l)
{
	json_int_t uid, ses, auid, pid, started, expires;
	const char *id, *user;

	if (json_unpack(j, "{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:O,s:O}", "id", &id, "user", &user, "uid", &uid, "ses",
		&ses, "auid", &auid, "pid", &pid, "started", &started, "expires", &expires, "identity", &l->identity,
		"origin", &l->origin) != 0)
		return SP_ERR_FORMAT;
	if (!sp_ulid_is_valid(id) || !state_is_person(user, sizeof(l->user), uid, ses, auid) || pid <= 0 || pid > INT32_MAX ||
	    started <= 0 || expires < 0 || !json_is_object(l->identity) || !json_is_object(l->origin))
		return SP_ERR_FORMAT;
	(void)snprintf(l->id, sizeof(l->id), "%s", id);
	(void)snprintf(l->user, sizeof(l->user), "%s", user);
	l->uid = (uid_t)uid;
	l->ses = (uint32_t)ses;
	l->auid = (uint32_t)auid;
	l->pid = (pid_t)pid;
	l->started = (uint64_t)started;
	l->expires = expires;
	return 0;
}

static json_t *
live_to_json(const struct sp_live *l)
{
	char hex[SP_REGISTRY_SECRET * 2 + 1];
	json_t *j;

	sp_text_hex(hex, sp_secret_data(l->secret), SP_REGISTRY_SECRET);
	j = json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:s,s:b,s:O}", "id", l->id, "login", l->login_id, "user", l->user,
	    "uid", (json_int_t)l->uid, "ses", (json_int_t)l->ses, "auid", (json_int_t)l->auid, "pid", (json_int_t)l->pid,
	    "started", (json_int_t)l->started, "secret", hex, "directory", l->has_directory, "header", l->header);
	explicit_bzero(hex, sizeof(hex));
	return j;
}

static int
live_from_json(json_t *j, struct sp_live *l)
{
	const char *id, *login, *user, *hex;
	uint8_t secret[SP_REGISTRY_SECRET];
	json_int_t uid, ses, auid, pid, started;
	int has_directory, r;

	if (json_unpack(j, "{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:s,s:b,s:O}", "id", &id, "login", &login, "user", &user,
		"uid", &uid, "ses", &ses, "auid", &auid, "pid", &pid, "started", &started, "secret", &hex, "directory",
		&has_directory, "header", &l->header) != 0)
		return SP_ERR_FORMAT;
	if (!sp_ulid_is_valid(id) || !sp_ulid_is_valid(login) || !state_is_person(user, sizeof(l->user), uid, ses, auid) ||
	    pid <= 0 || pid > INT32_MAX || started < 0 || !json_is_object(l->header))
		return SP_ERR_FORMAT;
	r = sp_text_unhex(secret, sizeof(secret), hex, strlen(hex));
	if (r == 0)
		r = sp_secret_new(secret, sizeof(secret), &l->secret);
	explicit_bzero(secret, sizeof(secret));
	(void)snprintf(l->id, sizeof(l->id), "%s", id);
	(void)snprintf(l->login_id, sizeof(l->login_id), "%s", login);
	(void)snprintf(l->user, sizeof(l->user), "%s", user);
	l->uid = (uid_t)uid;
	l->ses = (uint32_t)ses;
	l->auid = (uint32_t)auid;
	l->pid = (pid_t)pid;
	l->started = (uint64_t)started;
	l->has_directory = has_directory != 0;
	l->is_resumed = true;
	return r;
}

/* A file's name must be that of what is in it: a copy, or what a rename did not finish, is not taken. */
static bool
load_is_named(const char *name, const char *kind, const char *id)
{
	size_t n = strlen(kind);

	return strncmp(name, kind, n) == 0 && name[n] == '-' && strcmp(name + n + 1, id) == 0;
}

static int
load_login(struct sp_registry *g, const char *name, json_t *j)
{
	struct sp_login *l = calloc(1, sizeof(*l));
	int r = l == NULL ? SP_ERR_NOMEM : login_from_json(j, l);

	if (r == 0 && (!load_is_named(name, "login", l->id) || g->nlogins >= SP_REGISTRY_LOGINS_MAX))
		r = SP_ERR_FORMAT;
	/* A login whose sshd process is gone has ended while nobody looked. */
	if (r == 0 && sp_registry_process_start(l->pid) != l->started)
		r = SP_ERR_NOT_FOUND;
	if (r != 0) {
		sp_login_free(l);
		return r;
	}
	TAILQ_INSERT_TAIL(&g->logins, l, next);
	g->nlogins++;
	return 0;
}

static int
load_live(struct sp_registry *g, const char *name, json_t *j)
{
	struct sp_live *l = sp_live_new();
	int r = l == NULL ? SP_ERR_NOMEM : live_from_json(j, l);

	if (r == 0 && (!load_is_named(name, "session", l->id) || g->nlives >= SP_REGISTRY_SESSIONS_MAX))
		r = SP_ERR_FORMAT;
	if (r != 0) {
		sp_live_free(l);
		return r;
	}
	TAILQ_INSERT_TAIL(&g->lives, l, next);
	g->nlives++;
	return 0;
}

static json_t *
load_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	json_t *j = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0 &&
	    (size_t)st.st_size <= SP_REGISTRY_STATE_MAX)
		j = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
	(void)close(fd);
	return j;
}

/* One sallyportd a machine: a second would take the sockets away and know nothing of the first one's sessions. */
static int
registry_lock(void)
{
	int fd = open(REGISTRY_STATE "/.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return SP_ERR_SYSTEM;
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : SP_ERR_EXISTS; /* held until the process ends */
}

/* Takes one state file in, or removes it. */
static void
load_entry(struct sp_registry *g, int dir, const char *name)
{
	json_t *j = load_file(dir, name);
	int r = SP_ERR_FORMAT;

	if (j != NULL)
		r = strncmp(name, "login-", 6) == 0 ? load_login(g, name, j) : load_live(g, name, j);
	json_decref(j);
	if (r == 0)
		return;
	if (r != SP_ERR_NOT_FOUND)
		sp_log_warn("state file %s cannot be used and is removed", name);
	(void)unlinkat(dir, name, 0);
}

int
sp_registry_load(struct sp_registry *g)
{
	struct dirent *e;
	DIR *d;
	int r;

	if (mkdir(REGISTRY_STATE, 0700) != 0 && errno != EEXIST)
		return SP_ERR_SYSTEM;
	if (mkdir(REGISTRY_SOCKETS, 0711) != 0 && errno != EEXIST)
		return SP_ERR_SYSTEM;
	if (chmod(REGISTRY_SOCKETS, 0711) != 0) /* whatever the umask is */
		return SP_ERR_SYSTEM;
	r = registry_lock();
	if (r != 0)
		return r;
	d = opendir(REGISTRY_STATE);
	if (d == NULL)
		return SP_ERR_SYSTEM;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			load_entry(g, dirfd(d), e->d_name);
	(void)closedir(d);
	return 0;
}

/* --- changes -------------------------------------------------------------------------------------- */

int
sp_registry_add_login(struct sp_registry *g, struct sp_login *l)
{
	int r;

	if (g->nlogins >= SP_REGISTRY_LOGINS_MAX)
		return SP_ERR_LIMIT;
	r = state_write("login", l->id, login_to_json(l));
	if (r != 0)
		return r;
	TAILQ_INSERT_TAIL(&g->logins, l, next);
	g->nlogins++;
	return 0;
}

int
sp_registry_add_live(struct sp_registry *g, struct sp_live *l)
{
	int r;

	if (g->nlives >= SP_REGISTRY_SESSIONS_MAX)
		return SP_ERR_LIMIT;
	r = state_write("session", l->id, live_to_json(l));
	if (r != 0)
		return r;
	TAILQ_INSERT_TAIL(&g->lives, l, next);
	g->nlives++;
	return 0;
}

void
sp_registry_drop_login(struct sp_registry *g, struct sp_login *l)
{
	state_remove("login", l->id);
	TAILQ_REMOVE(&g->logins, l, next);
	g->nlogins--;
	sp_login_free(l);
}

/* The session's socket directory is flat: what LISTEN made in it. */
static void
remove_directory(const char *id)
{
	char path[128];
	struct dirent *e;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/%s", REGISTRY_SOCKETS, id);
	d = opendir(path);
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	(void)closedir(d);
	(void)rmdir(path);
}

void
sp_registry_drop_live(struct sp_registry *g, struct sp_live *l)
{
	remove_directory(l->id);
	state_remove("session", l->id);
	TAILQ_REMOVE(&g->lives, l, next);
	g->nlives--;
	sp_live_free(l);
}
