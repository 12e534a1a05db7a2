/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: nss_bench make DIR N		N people, each in three groups, as DIR/people and as DIR/passwd and DIR/group
 *	  nss_bench pwnam|initgroups N SECONDS	lookups a second of people by chance, by whatever nsswitch.conf(5) names
 */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/people_put.h"

#define FIRST_ID 1879048192u
#define LAST_ID 2147483647u
#define MEMBERS 100u /* of a group, on average */
#define JOINED 3u
#define BATCH 16u

/* The groups of person i: three in a row. */
static uint32_t
group_id(uint32_t i, uint32_t which, uint32_t n)
{
	uint32_t groups = n * JOINED / MEMBERS + JOINED;

	return FIRST_ID + n + (i * 7 + which) % groups;
}

static FILE *
open_in(const char *dir, const char *name)
{
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL) {
		perror(path);
		exit(1);
	}
	return f;
}

/* group(5): person i is in the groups (7 i + w) modulo their number. */
static void
write_groups(const char *dir, uint32_t n)
{
	uint32_t groups = n * JOINED / MEMBERS + JOINED;
	FILE *f = open_in(dir, "group");

	fputs("root:x:0:\n", f);
	for (uint32_t i = 0; i < n; i++)
		fprintf(f, "user%u:x:%u:\n", i, FIRST_ID + i);
	for (uint32_t g = 0; g < groups; g++) {
		const char *between = "";

		fprintf(f, "group%u:x:%u:", g, FIRST_ID + n + g);
		for (uint32_t w = 0; w < JOINED; w++)
			for (uint64_t v = (g + groups - w) % groups; v < (uint64_t)7 * n; v += groups)
				if (v % 7 == 0) {
					fprintf(f, "%suser%u", between, (uint32_t)(v / 7));
					between = ",";
				}
		fputs("\n", f);
	}
	(void)fclose(f);
}

static int
make(const char *dir, uint32_t n)
{
	uint32_t groups = n * JOINED / MEMBERS + JOINED;
	struct sp_people_put *w = NULL;
	char name[32], home[48], path[512];
	FILE *passwd = open_in(dir, "passwd");
	int r = sp_people_put_new(FIRST_ID, LAST_ID, false, &w);

	fputs("root:x:0:0:root:/root:/bin/bash\n", passwd);
	for (uint32_t g = 0; r == 0 && g < groups; g++) {
		(void)snprintf(name, sizeof(name), "group%u", g);
		r = sp_people_put_group(w, name, FIRST_ID + n + g);
	}
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		const uint32_t ids[JOINED] = { group_id(i, 0, n), group_id(i, 1, n), group_id(i, 2, n) };
		const struct sp_people_put_person one = { name, "Some Body", home, "/usr/sbin/nologin", FIRST_ID + i, ids, JOINED, NULL };

		(void)snprintf(name, sizeof(name), "user%u", i);
		(void)snprintf(home, sizeof(home), "/home/%s", name);
		fprintf(passwd, "%s:*:%u:%u:Some Body:%s:/usr/sbin/nologin\n", name, one.id, one.id, home);
		r = sp_people_put_person(w, &one);
	}
	(void)fclose(passwd);
	(void)snprintf(path, sizeof(path), "%s/people", dir);
	if (r == 0)
		r = sp_people_put_write(w, path);
	sp_people_put_free(w);
	write_groups(dir, n);
	if (r != 0)
		fprintf(stderr, "nss_bench: %s\n", sp_err_str(r));
	return r == 0 ? 0 : 1;
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One lookup, whose answer must be right. */
static int
look(int is_pwnam, uint32_t i)
{
	gid_t groups[16];
	char name[32];
	int n = 16;

	(void)snprintf(name, sizeof(name), "user%u", i);
	if (is_pwnam) {
		const struct passwd *pw = getpwnam(name);

		return pw != NULL && pw->pw_uid == FIRST_ID + i ? 0 : 1;
	}
	return getgrouplist(name, FIRST_ID + i, groups, &n) == 1 + (int)JOINED && groups[0] == FIRST_ID + i ? 0 : 1;
}

static int
measure(int is_pwnam, uint32_t n, double seconds)
{
	double start = now(), end;
	uint64_t done = 0;

	do {
		for (uint32_t j = 0; j < (n > 10000 && done == 0 ? 1 : BATCH); j++, done++)
			if (look(is_pwnam, (uint32_t)((uint64_t)random() % n)) != 0) {
				fputs("nss_bench: a wrong answer\n", stderr);
				return 1;
			}
		end = now();
	} while (end - start < seconds);
	printf("%.2f\n", (double)done / (end - start));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "make") == 0)
		return make(argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
	if (argc == 4)
		return measure(strcmp(argv[1], "pwnam") == 0, (uint32_t)strtoul(argv[2], NULL, 10), strtod(argv[3], NULL));
	return 2;
}
