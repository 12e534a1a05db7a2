/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include "tests/unit/mask_samples.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
put(uint8_t *to, size_t *len, uint8_t c)
{
	assert_true(*len < MASK_SAMPLE_MAX);
	to[(*len)++] = c;
}

/* Reads one character of a line, escapes undone. */
static uint8_t
unescape(const char **p)
{
	const char *s = *p;
	char hex[3] = {0};

	if (*s != '\\') {
		*p = s + 1;
		return (uint8_t)*s;
	}
	*p = s + 2;
	switch (s[1]) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'x':
		assert_true(s[2] != 0 && s[3] != 0);
		memcpy(hex, s + 2, 2);
		*p = s + 4;
		return (uint8_t)strtoul(hex, NULL, 16);
	default:
		return (uint8_t)s[1];
	}
}

static void
parse(struct mask_sample *s, const char *p)
{
	s->in_len = s->want_len = s->marks = 0;
	while (*p != 0) {
		if (p[0] == '{' && p[1] == '{') {
			const char *bar = strchr(p, '|'), *end = strstr(p, "}}");

			assert_non_null(bar);
			assert_non_null(end);
			assert_true(s->marks < MASK_SAMPLE_MARKS && bar - p - 2 < 33);
			memset(s->mark[s->marks].kind, 0, sizeof(s->mark[s->marks].kind));
			memcpy(s->mark[s->marks].kind, p + 2, (size_t)(bar - p - 2));
			s->mark[s->marks].from = s->in_len;
			for (const char *m = "[masked:"; *m != 0; m++)
				put(s->want, &s->want_len, (uint8_t)*m);
			for (p += 2; p < bar; p++)
				put(s->want, &s->want_len, (uint8_t)*p);
			put(s->want, &s->want_len, ']');
			for (p = bar + 1; p < end;)
				put(s->in, &s->in_len, unescape(&p));
			p = end + 2;
			s->mark[s->marks++].to = s->in_len;
		} else {
			uint8_t c = unescape(&p);

			put(s->in, &s->in_len, c);
			put(s->want, &s->want_len, c);
		}
	}
}

static size_t
read_file(const char *dir, const char *name, void (*each)(const struct mask_sample *s, void *ctx), void *ctx)
{
	static struct mask_sample s;
	static char line[4 * MASK_SAMPLE_MAX];
	char path[1024];
	size_t n = 0;
	FILE *f;

	assert_true((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) < sizeof(path));
	f = fopen(path, "re");
	assert_non_null(f);
	s.file = name;
	for (s.line = 1; fgets(line, sizeof(line), f) != NULL; s.line++) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#')
			continue;
		parse(&s, line);
		each(&s, ctx);
		n++;
	}
	assert_int_equal(fclose(f), 0);
	return n;
}

size_t
mask_samples_each(void (*each)(const struct mask_sample *s, void *ctx), void *ctx)
{
	const char *top = getenv("srcdir");
	struct dirent *e;
	char dir[512];
	size_t n = 0;
	DIR *d;

	assert_true((size_t)snprintf(dir, sizeof(dir), "%s/tests/attacks/mask", top == NULL ? "." : top) < sizeof(dir));
	d = opendir(dir);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);

		if (len > 4 && strcmp(e->d_name + len - 4, ".txt") == 0)
			n += read_file(dir, e->d_name, each, ctx);
	}
	assert_int_equal(closedir(d), 0);
	return n;
}
