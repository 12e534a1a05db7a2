/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOSTS_CHUNK 2048 /* bytes read at once: on the stack of whoever looks a name up */

static bool
hosts_is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool
sp_hosts_is_name(const char *name, size_t n)
{
	if (n == 0 || n > SP_HOSTS_NAME_MAX || name[0] < 'a' || name[0] > 'z' || !hosts_is_alnum(name[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!hosts_is_alnum(name[i]) && name[i] != '-' && name[i] != '_' && name[i] != '.')
			return false;
	return true;
}

bool
sp_hosts_is_address(uint32_t address)
{
	uint32_t host = address & 0xffffu;

	return (address & 0xffff0000u) == SP_HOSTS_NET && host != 0 && host != 0xffffu;
}

/* 0-255 in decimal without leading zeros, and the byte after it. */
static const char *
hosts_octet(const char *p, const char *end, char after, uint32_t *ret_v)
{
	const char *start = p;
	uint32_t v = 0;

	while (p < end && *p >= '0' && *p <= '9' && p - start < 3)
		v = v * 10 + (uint32_t)(*p++ - '0');
	if (p == start || (*start == '0' && p - start > 1) || v > 255 || p == end || *p != after)
		return NULL;
	*ret_v = v;
	return p + 1;
}

static int
hosts_entry(struct sp_hosts_scan *s)
{
	const char *p = s->line, *end = s->line + s->line_len;
	static const char after[4] = {'.', '.', '.', ' '};
	char name[SP_HOSTS_NAME_MAX + 1];
	uint32_t address = 0, v = 0;

	for (int i = 0; i < 4; i++) {
		p = hosts_octet(p, end, after[i], &v);
		if (p == NULL)
			return SP_ERR_FORMAT;
		address = address << 8 | v;
	}
	if (!sp_hosts_is_address(address) || !sp_hosts_is_name(p, (size_t)(end - p)))
		return SP_ERR_FORMAT;
	if (s->each != NULL) {
		memcpy(name, p, (size_t)(end - p));
		name[end - p] = '\0';
		s->each(s->ctx, name, address);
	}
	if (s->is_found)
		return 0;
	if (s->want_name != NULL
		? strlen(s->want_name) == (size_t)(end - p) && memcmp(s->want_name, p, (size_t)(end - p)) == 0
		: s->want_address == address) {
		memcpy(s->name, p, (size_t)(end - p));
		s->name[end - p] = '\0';
		s->address = address;
		s->is_found = true;
	}
	return 0;
}

static int
hosts_line(struct sp_hosts_scan *s)
{
	if (s->lines++ == 0)
		return s->line_len == sizeof(SP_HOSTS_FIRST) - 1 && memcmp(s->line, SP_HOSTS_FIRST, s->line_len) == 0
			   ? 0
			   : SP_ERR_FORMAT;
	if (s->line_len == sizeof(SP_HOSTS_LAST) - 1 && memcmp(s->line, SP_HOSTS_LAST, s->line_len) == 0) {
		s->is_ended = true;
		return 0;
	}
	return s->lines > SP_HOSTS_ENTRIES_MAX + 1 ? SP_ERR_LIMIT : hosts_entry(s);
}

void
sp_hosts_scan_init(struct sp_hosts_scan *s, const char *want_name, uint32_t want_address)
{
	memset(s, 0, sizeof(*s));
	s->want_name = want_name;
	s->want_address = want_address;
}

int
sp_hosts_scan_feed(struct sp_hosts_scan *s, const void *data, size_t n)
{
	const char *p = data;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (s->is_ended)
			return SP_ERR_FORMAT;
		if (p[i] != '\n') {
			if (s->line_len >= SP_HOSTS_LINE_MAX - 1)
				return SP_ERR_LIMIT;
			s->line[s->line_len++] = p[i];
			continue;
		}
		r = hosts_line(s);
		if (r != 0)
			return r;
		s->line_len = 0;
	}
	return 0;
}

int
sp_hosts_scan_end(const struct sp_hosts_scan *s)
{
	return s->is_ended && s->line_len == 0 ? 0 : SP_ERR_FORMAT;
}

static int
hosts_open(const char *path, unsigned owner, int *ret_fd)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != owner ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		(void)close(fd);
		return SP_ERR_DENIED;
	}
	*ret_fd = fd;
	return 0;
}

int
sp_hosts_scan_file(struct sp_hosts_scan *s, const char *path, unsigned owner)
{
	char chunk[HOSTS_CHUNK];
	size_t total = 0;
	ssize_t n;
	int fd, r = hosts_open(path, owner, &fd);

	if (r != 0)
		return r;
	do {
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno != EINTR)
			r = SP_ERR_SYSTEM;
		if (n > 0 && (total += (size_t)n) > SP_HOSTS_FILE_MAX)
			r = SP_ERR_LIMIT;
		else if (n > 0)
			r = sp_hosts_scan_feed(s, chunk, (size_t)n);
	} while (r == 0 && n != 0);
	(void)close(fd);
	return r == 0 ? sp_hosts_scan_end(s) : r;
}
