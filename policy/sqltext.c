/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/sqltext.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "lib/text.h"
#include "policy/limits.h"

/* Skips what starts at i and holds no tokens: quoted text, comments. Roughly: a wrong guess only moves a limit. */
static size_t
sp_sqltext_skip(const char *t, size_t len, size_t i)
{
	const char *end = NULL;

	if (t[i] == '\'' || t[i] == '"') {
		end = memchr(t + i + 1, t[i], len - i - 1);
		return end == NULL ? len : (size_t)(end - t) + 1;
	}
	if (t[i] == '-' && i + 1 < len && t[i + 1] == '-') {
		end = memchr(t + i, '\n', len - i);
		return end == NULL ? len : (size_t)(end - t) + 1;
	}
	if (t[i] == '/' && i + 1 < len && t[i + 1] == '*') {
		end = memmem(t + i + 2, len - i - 2, "*/", 2);
		return end == NULL ? len : (size_t)(end - t) + 2;
	}
	return i;
}

struct sp_sqltext_level {
	unsigned int run;  /* tokens since the last comma here */
	unsigned int most; /* of the levels within, since then */
};

static bool
sp_sqltext_is_deep(const char *t, size_t len)
{
	struct sp_sqltext_level levels[SP_SQLTEXT_PARENS_MAX + 1] = {{0, 0}};
	size_t depth = 0, i = 0, next;

	while (i < len) {
		unsigned char c = (unsigned char)t[i];
		struct sp_sqltext_level *l = &levels[depth];

		next = sp_sqltext_skip(t, len, i);
		if (next == i) {
			next = i + 1;
			if (isalnum(c) || c == '_' || c >= 0x80)
				while (next < len && (isalnum((unsigned char)t[next]) || t[next] == '_' ||
							 (unsigned char)t[next] >= 0x80))
					next++;
		}
		i = next;
		if (isspace(c))
			continue;
		if (c == '(' || c == '[') {
			if (depth++ >= SP_SQLTEXT_PARENS_MAX)
				return true;
			levels[depth] = (struct sp_sqltext_level){0, 0};
		} else if ((c == ')' || c == ']') && depth > 0) {
			depth--;
			if (l->run + l->most + 1 > levels[depth].most)
				levels[depth].most = l->run + l->most + 1;
		} else if (c == ',' || c == ';') {
			l->run = 0;
		} else {
			l->run++;
		}
		if (levels[depth].run + levels[depth].most > SP_SQLTEXT_RUN_MAX)
			return true;
	}
	return false;
}

const char *
sp_sqltext_refusal(const char *text, size_t len)
{
	if (len > SP_SQL_TEXT_MAX)
		return "it is longer than 1 MiB";
	if (len > 0 && memchr(text, 0, len) != NULL)
		return "it has a NUL byte in it";
	if (!sp_text_is_utf8(text, len))
		return "it is not valid UTF-8";
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		return "it starts with a byte order mark";
	if (len > SP_SQLTEXT_RUN_MAX && sp_sqltext_is_deep(text, len))
		return "it nests too deeply or has too long an expression";
	return NULL;
}
