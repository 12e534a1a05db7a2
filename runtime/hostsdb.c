/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/hostsdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define HOSTSDB_BLANKS " \t\r"

/* The next word of a line that ends at end: its length, 0 if there is none; a comment ends the line. */
static size_t
hostsdb_word(const char **p, const char *end)
{
	const char *s = *p;
	size_t n = 0;

	while (s < end && strchr(HOSTSDB_BLANKS, *s) != NULL)
		s++;
	*p = s;
	while (s + n < end && s[n] != '#' && strchr(HOSTSDB_BLANKS, s[n]) == NULL)
		n++;
	return n;
}

static bool
hostsdb_is(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(p, word, n) == 0;
}

/* What follows "hosts:". An action in brackets before ours could end the lookup, or be read as one: not taken. */
static bool
hostsdb_services(const char *p, const char *end)
{
	size_t n;

	while ((n = hostsdb_word(&p, end)) > 0) {
		if (hostsdb_is(p, n, "sallyport"))
			return true;
		if (!hostsdb_is(p, n, "files"))
			return false;
		p += n;
	}
	return false;
}

bool
sp_hostsdb_is_first(const char *text)
{
	bool is_first = false;

	for (const char *p = text; *p != '\0';) {
		const char *end = strchrnul(p, '\n'), *s = p;
		size_t n = hostsdb_word(&s, end);

		if (n >= 6 && memcmp(s, "hosts:", 6) == 0)
			is_first = hostsdb_services(s + 6, end); /* the last line of a database counts */
		else if (hostsdb_is(s, n, "hosts"))
			is_first = false; /* "hosts :", which nobody writes */
		p = *end == '\0' ? end : end + 1;
	}
	return is_first;
}

bool
sp_hostsdb_has_name(const char *text, const char *name)
{
	for (const char *p = text; *p != '\0';) {
		const char *end = strchrnul(p, '\n'), *s = p;
		size_t n;

		while ((n = hostsdb_word(&s, end)) > 0) {
			if (strlen(name) == n && strncasecmp(s, name, n) == 0)
				return true;
			s += n;
		}
		p = *end == '\0' ? end : end + 1;
	}
	return false;
}

int
sp_hostsdb_read(const char *path, char **ret_text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;
	size_t len = 0;
	char *text;
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOENT ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	text = malloc(SP_HOSTSDB_FILE_MAX + 1);
	if (text == NULL)
		r = SP_ERR_NOMEM;
	while (r == 0 && n > 0) {
		n = read(fd, text + len, SP_HOSTSDB_FILE_MAX + 1 - len);
		if (n < 0)
			r = SP_ERR_SYSTEM;
		else if ((len += (size_t)n) > SP_HOSTSDB_FILE_MAX)
			r = SP_ERR_LIMIT;
	}
	(void)close(fd);
	if (r != 0) {
		free(text);
		return r;
	}
	text[len] = '\0';
	*ret_text = text;
	return 0;
}
