/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: the same as the C library says of them, and files that are none. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "policy/zone.h"

#define DAY 86400

static int
offset_at(const struct sp_zone_change *c, size_t n, int64_t t)
{
	int offset = c[0].offset;

	for (size_t i = 1; i < n && c[i].at <= t; i++)
		offset = c[i].offset;
	return offset;
}

/* As the C library has it, now and then and around each change. */
static void
compare(const char *name)
{
	struct sp_zone_change c[SP_ZONE_CHANGES_MAX];
	size_t n = 0;
	int r = sp_zone_load(name, c, &n);
	char path[128];

	if (r != 0)
		fail_msg("%s: %d", name, r);
	assert_true(n > 0 && c[0].at == SP_ZONE_SINCE);
	snprintf(path, sizeof(path), ":" SP_ZONE_DIR "/%s", name);
	assert_int_equal(setenv("TZ", path, 1), 0);
	tzset();
	for (int64_t t = SP_ZONE_SINCE; t < SP_ZONE_UNTIL; t += 31 * DAY + 3607) {
		time_t when = (time_t)t;
		struct tm tm;

		assert_non_null(localtime_r(&when, &tm));
		if (offset_at(c, n, t) != (int)(tm.tm_gmtoff / 60))
			fail_msg("%s at %lld: %d, the C library says %ld", name, (long long)t, offset_at(c, n, t), tm.tm_gmtoff / 60);
	}
	for (size_t i = 1; i < n; i++) {
		assert_true(c[i].at > c[i - 1].at && c[i].offset != c[i - 1].offset);
		for (int d = -1; d <= 0; d++) {
			time_t when = (time_t)(c[i].at + d);
			struct tm tm;

			assert_non_null(localtime_r(&when, &tm));
			if (offset_at(c, n, when) != (int)(tm.tm_gmtoff / 60))
				fail_msg("%s around change %zu", name, i);
		}
	}
}

static bool
has_database(void)
{
	return access(SP_ZONE_DIR "/Europe/Berlin", R_OK) == 0;
}

static void
test_as_the_library(void **state)
{
	static const char *const names[] = {"Europe/Berlin", "Europe/Dublin", "America/New_York", "Asia/Kolkata", "UTC",
	    "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Jerusalem", "Pacific/Chatham", "America/Nuuk",
	    "America/Santiago", "Antarctica/Troll", "Etc/GMT+12", "Pacific/Kiritimati", "Africa/Cairo", "EST5EDT", "Asia/Gaza"};

	(void)state;
	if (!has_database())
		skip();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (access(SP_ZONE_DIR, X_OK) == 0)
			compare(names[i]);
}

static void
test_names(void **state)
{
	static const char *const bad[] = {"", "/etc/passwd", "Europe/", "Europe//Berlin", "../../../etc/passwd", "Europe/Ber lin",
	    ".", "Europe/..", "a.tab", "Europe\nBerlin",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	struct sp_zone_change c[SP_ZONE_CHANGES_MAX];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(sp_zone_is_name(bad[i]));
		assert_int_equal(sp_zone_load(bad[i], c, &n), SP_ERR_INVALID);
	}
	assert_int_equal(sp_zone_load("Europe/Atlantis", c, &n), SP_ERR_NOT_FOUND);
	if (has_database()) {
		assert_int_equal(sp_zone_load("Europe", c, &n), SP_ERR_NOT_FOUND); /* a directory */
		assert_int_equal(sp_zone_load("Europe/Berlin/x", c, &n), SP_ERR_NOT_FOUND);
	}
}

/* A file with one type, no changes, and this text at its end. */
static size_t
make(uint8_t *p, const char *footer)
{
	static const uint8_t head[44] = {'T', 'Z', 'i', 'f', '2', [39] = 1, [43] = 4};
	static const uint8_t type[10] = {[6] = 'L', [7] = 'M', [8] = 'T'};
	size_t n = 0;

	for (int i = 0; i < 2; i++) {
		memcpy(p + n, head, sizeof(head));
		n += sizeof(head);
		memcpy(p + n, type, sizeof(type));
		n += sizeof(type);
	}
	n += (size_t)sprintf((char *)p + n, "\n%s\n", footer);
	return n;
}

static void
test_rules(void **state)
{
	static const struct {
		const char *footer;
		bool is_good;
	} rows[] = {{"CET-1CEST,M3.5.0,M10.5.0/3", true}, {"<+01>-1", true}, {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", true},
	    {"IST-2IDT,M3.4.4/26,M10.5.0", true}, {"EET-2EEST,J60/0:30,300/24:00:01", true}, {"UTC0", true}, {"", true},
	    {"AAA0BBB", false}, {"CET", false}, {"C-1", false}, {"CET-1CEST,M3.5.0", false}, {"CET-1CEST,M13.5.0,M10.5.0", false},
	    {"CET-1CEST,M3.6.0,M10.5.0", false}, {"CET-1CEST,M3.5.7,M10.5.0", false}, {"CET-1CEST,J0,J5", false},
	    {"CET-1CEST,366,5", false}, {"CET-1CEST,M3.5.0/168,M10.5.0", false}, {"<CET-1", false}, {"CET-1x", false},
	    {"CET-27", false}, {"CET-1CEST,M3.5.0,M10.5.0 ", false}, {"CET-99999", false}};
	struct sp_zone_change c[SP_ZONE_CHANGES_MAX];
	uint8_t file[512];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((sp_zone_parse(file, make(file, rows[i].footer), c, &n) == 0) != rows[i].is_good)
			fail_msg("%s", rows[i].footer);
	/* 2026-03-29 01:00 UTC and 2026-10-25 01:00 UTC, from the rule alone. */
	assert_int_equal(sp_zone_parse(file, make(file, "CET-1CEST,M3.5.0,M10.5.0/3"), c, &n), 0);
	assert_int_equal(offset_at(c, n, 1774745999), 60);
	assert_int_equal(offset_at(c, n, 1774746000), 120);
	assert_int_equal(offset_at(c, n, 1792889999), 120);
	assert_int_equal(offset_at(c, n, 1792890000), 60);
}

/* Cut at every byte, and with each byte changed: never read past, never out of order. */
static void
test_every_byte(void **state)
{
	struct sp_zone_change c[SP_ZONE_CHANGES_MAX];
	uint8_t *file = malloc(SP_ZONE_FILE_MAX), *copy;
	size_t n = make(file, "CET-1CEST,M3.5.0,M10.5.0/3"), got;
	int fd = open(SP_ZONE_DIR "/Africa/Casablanca", O_RDONLY);
	ssize_t more = fd < 0 ? -1 : read(fd, file + n, SP_ZONE_FILE_MAX - n);

	(void)state;
	assert_non_null(file);
	for (size_t cut = 0; cut < n; cut++) {
		copy = malloc(cut + 1);
		assert_non_null(copy);
		memcpy(copy, file, cut);
		assert_int_not_equal(sp_zone_parse(copy, cut, c, &got), 0);
		free(copy);
	}
	if (more > 0) {
		memmove(file, file + n, (size_t)more);
		n = (size_t)more;
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t was = file[i];

		for (int bit = 0; bit < 8; bit += 7) {
			file[i] = was ^ (uint8_t)(1 << bit);
			if (sp_zone_parse(file, n, c, &got) == 0)
				for (size_t j = 1; j < got; j++)
					assert_true(c[j].at > c[j - 1].at && c[j].offset >= -27 * 60 && c[j].offset <= 27 * 60);
		}
		file[i] = was;
	}
	if (fd >= 0)
		close(fd);
	free(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_the_library), cmocka_unit_test(test_names),
	    cmocka_unit_test(test_rules), cmocka_unit_test(test_every_byte)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
