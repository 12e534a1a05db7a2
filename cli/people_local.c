/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/people_local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The decimal number before the next ':' or the end; -1: there is none. */
static long long
local_number(const char *field)
{
	char *end = NULL;
	long long v;

	if (field[0] < '0' || field[0] > '9')
		return -1;
	errno = 0;
	v = strtoll(field, &end, 10);
	return errno != 0 || (*end != ':' && *end != '\n' && *end != '\0') ? -1 : v;
}

static const char *
local_field(const char *line, unsigned n)
{
	const char *p = line;

	while (n-- > 0) {
		p = strchr(p, ':');
		if (p == NULL)
			return "";
		p++;
	}
	return p;
}

struct local_question {
	const char *dir, *name;
	uint32_t id, after;
	char *why;
	size_t cap;
};

/* passwd and group: NAME:x:ID:...; subuid and subgid: NAME:FIRST:COUNT. */
static int
local_line(struct local_question *q, const char *line, const char *path, bool is_sub)
{
	size_t n = strcspn(line, ":\n");
	long long first = local_number(local_field(line, is_sub ? 1 : 2)), count = is_sub ? local_number(local_field(line, 2)) : 1;

	if (!is_sub && n > 0 && strlen(q->name) == n && memcmp(line, q->name, n) == 0) {
		(void)snprintf(q->why, q->cap, "%s is in %s", q->name, path);
		return SP_ERR_EXISTS;
	}
	if (first >= 0 && count > 0 && q->id >= first && q->id - first < count) {
		(void)snprintf(q->why, q->cap, "%u is %.*s's in %s", q->id, (int)(n > 64 ? 64 : n), line, path);
		q->after = count > UINT32_MAX - first ? UINT32_MAX : (uint32_t)(first + count);
		return SP_ERR_EXISTS;
	}
	return 0;
}

static int
local_file(struct local_question *q, const char *file, bool is_sub)
{
	char path[PATH_MAX], *line = NULL;
	size_t size = 0;
	FILE *f;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/%s", q->dir, file);
	f = fopen(path, "re");
	if (f == NULL && errno == ENOENT)
		return 0;
	while (f != NULL && r == 0 && getline(&line, &size, f) > 0)
		r = local_line(q, line, path, is_sub);
	if (f == NULL || (r == 0 && ferror(f))) {
		(void)snprintf(q->why, q->cap, "cannot read %s: %s", path, strerror(errno));
		r = SP_ERR_SYSTEM;
	}
	if (f != NULL)
		(void)fclose(f);
	free(line);
	return r;
}

int
sp_people_local_check(const char *dir, const char *name, uint32_t id, char *why, size_t cap, uint32_t *ret_after)
{
	struct local_question q = { dir, name, id, id, why, cap };
	static const char *const files[] = { "passwd", "group", "subuid", "subgid" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(files) / sizeof(files[0]); i++)
		r = local_file(&q, files[i], i >= 2);
	*ret_after = q.after;
	return r;
}

int
sp_people_local_home(const char *home, uint32_t id, char *why, size_t cap)
{
	bool is_new = mkdir(home, 0700) == 0;
	struct stat st;
	int fd, r = 0;

	if (!is_new && errno != EEXIST) {
		(void)snprintf(why, cap, "cannot make %s: %s", home, strerror(errno));
		return SP_ERR_SYSTEM;
	}
	fd = open(home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)snprintf(why, cap, "%s cannot be a home: %s", home, strerror(errno));
		r = SP_ERR_EXISTS;
	} else if (is_new && fchown(fd, id, id) != 0) {
		(void)snprintf(why, cap, "cannot give %s to %u: %s", home, id, strerror(errno));
		(void)rmdir(home);
		r = SP_ERR_SYSTEM;
	} else if (!is_new && st.st_uid != id) {
		(void)snprintf(why, cap, "%s is %u's: what an earlier one of that name left is not handed on", home, st.st_uid);
		r = SP_ERR_EXISTS;
	}
	if (fd >= 0)
		(void)close(fd);
	return r;
}
