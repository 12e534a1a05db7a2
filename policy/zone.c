/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONE_HEADER 44
#define ZONE_RULE_HOURS 167 /* RFC 8536 section 3.3.1 */
#define ZONE_OFFSET_MAX (26 * 3600)

/* What is left of the file, or of the text at its end. */
struct reader {
	const uint8_t *p;
	size_t n;
	bool is_bad;
};

/* A day of each year, and the second of it at which time changes. */
struct date {
	char kind; /* M: month, week, day; J: 1 to 365 without 29 February; 0: 0 to 365 */
	int month, week, day;
	int seconds;
};

struct rule {
	int standard, daylight; /* seconds east of UTC */
	bool has_daylight;
	struct date begins, ends;
};

struct changes {
	struct sp_zone_change *of;
	size_t n;
	int64_t last; /* the last moment of a change, in or out of the time that is asked for */
	bool is_full;
};

/* --- numbers --------------------------------------------------------------------------------------------------- */

static const uint8_t *
reader_take(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->is_bad || n > r->n) {
		r->is_bad = true;
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

static int64_t
number_at(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;

	for (size_t i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return bytes == 4 ? (int64_t)(int32_t)(uint32_t)v : (int64_t)v;
}

/* --- the calendar ------------------------------------------------------------------------------------------------ */

static bool
year_is_leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days from 1970-01-01 to the first of that year, which is not before 1970. */
static int64_t
year_begins(int64_t y)
{
	int64_t before = y - 1;

	return 365 * (y - 1970) + (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int
month_days(int64_t y, int m)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && year_is_leap(y));
}

static int64_t
date_day(const struct date *d, int64_t y)
{
	int64_t day = year_begins(y);
	int weekday, first;

	if (d->kind == 'J')
		return day + d->day - 1 + (year_is_leap(y) && d->day >= 60);
	if (d->kind != 'M')
		return day + d->day;
	for (int m = 1; m < d->month; m++)
		day += month_days(y, m);
	weekday = (int)((day + 4) % 7); /* 1970-01-01 was a Thursday; Sunday is 0 */
	first = (d->day - weekday + 7) % 7 + 7 * (d->week - 1);
	while (first >= month_days(y, d->month))
		first -= 7;
	return day + first;
}

/* --- the rule at the end: TZ as POSIX has it ----------------------------------------------------------------------- */

static bool
text_is(const struct reader *r, char c)
{
	return !r->is_bad && r->n > 0 && r->p[0] == (uint8_t)c;
}

static void
text_need(struct reader *r, char c)
{
	if (!text_is(r, c))
		r->is_bad = true;
	(void)reader_take(r, 1);
}

static int
text_number(struct reader *r, int min, int max)
{
	int v = 0;
	size_t digits = 0;

	for (; r->n > 0 && r->p[0] >= '0' && r->p[0] <= '9' && digits < 4; digits++)
		v = v * 10 + (*reader_take(r, 1) - '0');
	if (digits == 0 || v < min || v > max)
		r->is_bad = true;
	return v;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static int
text_time(struct reader *r)
{
	bool is_negative = text_is(r, '-');
	int v;

	if (is_negative || text_is(r, '+'))
		(void)reader_take(r, 1);
	v = text_number(r, 0, ZONE_RULE_HOURS) * 3600;
	if (text_is(r, ':')) {
		text_need(r, ':');
		v += text_number(r, 0, 59) * 60;
		if (text_is(r, ':')) {
			text_need(r, ':');
			v += text_number(r, 0, 59);
		}
	}
	return is_negative ? -v : v;
}

static void
text_name(struct reader *r)
{
	size_t n = 0;

	if (text_is(r, '<')) {
		while (r->n > 0 && !text_is(r, '>'))
			(void)reader_take(r, 1);
		text_need(r, '>');
		return;
	}
	for (; r->n > 0 && ((r->p[0] | 0x20) >= 'a' && (r->p[0] | 0x20) <= 'z'); n++)
		(void)reader_take(r, 1);
	if (n < 3)
		r->is_bad = true;
}

static void
text_date(struct reader *r, struct date *d)
{
	text_need(r, ',');
	if (text_is(r, 'M')) {
		d->kind = 'M';
		text_need(r, 'M');
		d->month = text_number(r, 1, 12);
		text_need(r, '.');
		d->week = text_number(r, 1, 5);
		text_need(r, '.');
		d->day = text_number(r, 0, 6);
	} else if (text_is(r, 'J')) {
		d->kind = 'J';
		text_need(r, 'J');
		d->day = text_number(r, 1, 365);
	} else {
		d->kind = '0';
		d->day = text_number(r, 0, 365);
	}
	d->seconds = 2 * 3600;
	if (text_is(r, '/')) {
		text_need(r, '/');
		d->seconds = text_time(r);
	}
}

static bool
rule_parse(struct reader *r, struct rule *ret_rule)
{
	struct rule u = {0};

	text_name(r);
	u.standard = -text_time(r);
	if (!r->is_bad && r->n > 0) {
		u.has_daylight = true;
		text_name(r);
		u.daylight = text_is(r, ',') ? u.standard + 3600 : -text_time(r);
		text_date(r, &u.begins);
		text_date(r, &u.ends);
	}
	if (r->is_bad || r->n > 0 || abs(u.standard) > ZONE_OFFSET_MAX || abs(u.daylight) > ZONE_OFFSET_MAX)
		return false;
	*ret_rule = u;
	return true;
}

/* --- changes ------------------------------------------------------------------------------------------------------- */

/* In order. What was before the time that is asked for is only what held at its beginning. */
static void
changes_add(struct changes *c, int64_t at, int64_t offset)
{
	int16_t minutes = (int16_t)((offset + (offset < 0 ? -30 : 30)) / 60);

	if (at > c->last)
		c->last = at;
	if (at <= SP_ZONE_SINCE) {
		c->of[0].offset = minutes;
	} else if (at < SP_ZONE_UNTIL && c->of[c->n - 1].offset != minutes) {
		c->is_full = c->is_full || c->n == SP_ZONE_CHANGES_MAX;
		if (!c->is_full)
			c->of[c->n++] = (struct sp_zone_change){at, minutes};
	}
}

static void
changes_by_rule(struct changes *c, const struct rule *u)
{
	int64_t after = c->last;

	if (!u->has_daylight)
		return; /* as the last change has left it */
	for (int64_t y = 2019; y < 2070; y++) {
		int64_t begins = date_day(&u->begins, y) * 86400 + u->begins.seconds - u->standard;
		int64_t ends = date_day(&u->ends, y) * 86400 + u->ends.seconds - u->daylight;
		bool is_first = begins < ends;

		if (is_first && begins > after)
			changes_add(c, begins, u->daylight);
		if (ends > after)
			changes_add(c, ends, u->standard);
		if (!is_first && begins > after)
			changes_add(c, begins, u->daylight);
	}
}

/* --- the file ------------------------------------------------------------------------------------------------------- */

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

static bool
header_read(struct reader *r, struct counts *ret_c)
{
	const uint8_t *h = reader_take(r, ZONE_HEADER);
	uint32_t v[6];

	if (h == NULL || memcmp(h, "TZif", 4) != 0 || h[4] < '2')
		return false;
	for (size_t i = 0; i < 6; i++) {
		int64_t one = number_at(h + 20 + 4 * i, 4);

		if (one < 0 || (uint64_t)one > SP_ZONE_FILE_MAX)
			return false;
		v[i] = (uint32_t)one;
	}
	*ret_c = (struct counts){v[0], v[1], v[2], v[3], v[4], v[5]};
	return ret_c->type > 0;
}

static size_t
body_size(const struct counts *c, size_t time)
{
	return c->time * (time + 1) + (size_t)c->type * 6 + c->chars + c->leap * (time + 4) + c->isstd + c->isut;
}

static bool
body_read(struct reader *r, const struct counts *c, struct changes *ret_changes)
{
	const uint8_t *times = reader_take(r, (size_t)c->time * 8), *indexes = reader_take(r, c->time);
	const uint8_t *types = reader_take(r, (size_t)c->type * 6);
	int64_t before = INT64_MIN;

	(void)reader_take(r, c->chars + (size_t)c->leap * 12 + c->isstd + c->isut);
	if (r->is_bad)
		return false;
	for (uint32_t i = 0; i < c->type; i++)
		if (llabs(number_at(types + (size_t)i * 6, 4)) > ZONE_OFFSET_MAX)
			return false;
	ret_changes->of[0] = (struct sp_zone_change){SP_ZONE_SINCE, 0};
	ret_changes->n = 1;
	changes_add(ret_changes, INT64_MIN, number_at(types, 4));
	for (uint32_t i = 0; i < c->time; i++) {
		int64_t at = number_at(times + (size_t)i * 8, 8);

		if (at <= before || indexes[i] >= c->type)
			return false;
		changes_add(ret_changes, at, number_at(types + (size_t)indexes[i] * 6, 4));
		before = at;
	}
	return true;
}

int
sp_zone_parse(const uint8_t *p, size_t n, struct sp_zone_change ret_changes[SP_ZONE_CHANGES_MAX], size_t *ret_n)
{
	struct changes c = {.of = ret_changes, .last = INT64_MIN};
	struct reader r = {.p = p, .n = n};
	struct counts counts;
	struct rule rule;

	/* The first part has times of 32 bits, for programs of another age. */
	if (!header_read(&r, &counts) || reader_take(&r, body_size(&counts, 4)) == NULL || !header_read(&r, &counts) ||
	    !body_read(&r, &counts, &c))
		return SP_ERR_FORMAT;
	text_need(&r, '\n');
	if (r.is_bad || r.n == 0 || r.p[r.n - 1] != '\n')
		return SP_ERR_FORMAT;
	r.n--;
	if (r.n > 0) {
		if (!rule_parse(&r, &rule))
			return SP_ERR_FORMAT;
		changes_by_rule(&c, &rule);
	}
	if (c.is_full)
		return SP_ERR_LIMIT;
	*ret_n = c.n;
	return 0;
}

bool
sp_zone_is_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
	size_t n = strlen(name);

	return n > 0 && n <= SP_ZONE_NAME_MAX && name[strspn(name, allowed)] == '\0' && name[0] != '/' && name[n - 1] != '/' &&
	    strstr(name, "//") == NULL;
}

int
sp_zone_load(const char *name, struct sp_zone_change ret_changes[SP_ZONE_CHANGES_MAX], size_t *ret_n)
{
	char path[sizeof(SP_ZONE_DIR) + SP_ZONE_NAME_MAX + 1];
	size_t have = 0;
	struct stat st;
	uint8_t *text;
	ssize_t n = 1;
	int fd, r;

	if (!sp_zone_is_name(name))
		return SP_ERR_INVALID;
	(void)snprintf(path, sizeof(path), SP_ZONE_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	text = malloc(SP_ZONE_FILE_MAX + 1);
	r = text == NULL ? SP_ERR_NOMEM : fstat(fd, &st) != 0 ? SP_ERR_SYSTEM : S_ISREG(st.st_mode) ? 0 : SP_ERR_NOT_FOUND;
	while (r == 0 && n > 0 && have <= SP_ZONE_FILE_MAX) {
		n = read(fd, text + have, SP_ZONE_FILE_MAX + 1 - have);
		have += n > 0 ? (size_t)n : 0;
	}
	(void)close(fd);
	if (r == 0 && n < 0)
		r = SP_ERR_SYSTEM;
	if (r == 0)
		r = have > SP_ZONE_FILE_MAX ? SP_ERR_LIMIT : sp_zone_parse(text, have, ret_changes, ret_n);
	free(text);
	return r;
}
