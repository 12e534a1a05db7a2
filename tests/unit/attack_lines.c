/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/attack_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/text.h"
#include "tests/unit/unit.h"

#define LINE_MAX_BYTES 65536
#define TEXT_MAX_BYTES (8 * 1024 * 1024)

char *
attack_path(const char *name, const char *file)
{
	const char *root = getenv("SP_TESTS_SRC");
	char *p;

	assert_true(asprintf(&p, "%s/attacks/%s/%s", root == NULL ? "tests" : root, name, file) > 0);
	return p;
}

static void expand(struct sp_buf *out, const char *p, size_t n);

/* {N*text} from p; returns how many bytes of p it took, or 0 if it is no such thing. */
static size_t
expand_copies(struct sp_buf *out, const char *p, size_t n)
{
	size_t copies = 0, i = 1, end;

	while (i < n && p[i] >= '0' && p[i] <= '9')
		copies = copies * 10 + (size_t)(p[i++] - '0');
	if (i == 1 || i >= n || p[i] != '*')
		return 0;
	for (end = i + 1; end < n && p[end] != '}';)
		end++;
	assert_true(end < n);
	for (size_t k = 0; k < copies; k++)
		expand(out, p + i + 1, end - i - 1);
	return end + 1;
}

static void
expand(struct sp_buf *out, const char *p, size_t n)
{
	for (size_t i = 0, took; i < n;) {
		uint8_t byte;

		if (p[i] == '{' && (took = expand_copies(out, p + i, n - i)) > 0) {
			i += took;
			continue;
		}
		if (p[i] != '\\' || i + 1 == n) {
			assert_int_equal(sp_buf_put(out, p + i++, 1), 0);
			continue;
		}
		i += 2;
		switch (p[i - 1]) {
		case 'n':
			byte = '\n';
			break;
		case 't':
			byte = '\t';
			break;
		case 'r':
			byte = '\r';
			break;
		case 'x':
			assert_true(i + 2 <= n && sp_text_unhex(&byte, 1, p + i, 2) == 0);
			i += 2;
			break;
		default:
			byte = (uint8_t)p[i - 1];
			break;
		}
		assert_int_equal(sp_buf_put(out, &byte, 1), 0);
	}
}

size_t
attack_lines_run(const char *name, const char *file,
    bool (*judge)(const char *expect, const char *connection, const char *text, size_t len, char *got, size_t size))
{
	char *path = attack_path(name, file), *line = malloc(LINE_MAX_BYTES);
	struct sp_buf *text = sp_buf_new(TEXT_MAX_BYTES);
	size_t cases = 0, wrong = 0, number = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_non_null(line);
	while (fgets(line, LINE_MAX_BYTES, f) != NULL) {
		char expect[64], connection[16], got[1024], *bar = strchr(line, '|');

		number++;
		line[strcspn(line, "\n")] = 0;
		if (line[0] == 0 || line[0] == '#')
			continue;
		assert_non_null(bar);
		assert_int_equal(sscanf(line, "%63s %15s", expect, connection), 2);
		sp_buf_reset(text);
		bar += bar[1] == ' ' ? 2 : 1;
		expand(text, bar, strlen(bar));
		cases++;
		if (judge(expect, connection, (const char *)sp_buf_data(text), sp_buf_len(text), got, sizeof(got)))
			continue;
		wrong++;
		fprintf(stderr, "%s:%zu: expected %s, got %s\n  %.200s\n", file, number, expect, got, bar);
	}
	(void)fclose(f);
	free(line);
	free(path);
	sp_buf_free(text);
	fprintf(stderr, "%s: %zu cases, %zu wrong\n", file, cases, wrong);
	assert_int_equal(wrong, 0);
	return cases;
}
