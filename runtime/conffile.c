/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/conffile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"

#define CONFFILE_CHUNK 4096

static int
conffile_check(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return SP_ERR_SYSTEM;
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return SP_ERR_DENIED;
	return 0;
}

static int
conffile_slurp(int fd, struct sp_buf *b)
{
	uint8_t *p;
	ssize_t n;
	int r = 0;

	do {
		r = sp_buf_reserve(b, CONFFILE_CHUNK, &p);
		if (r != 0)
			return r;
		n = read(fd, p, CONFFILE_CHUNK);
		r = sp_buf_unput(b, CONFFILE_CHUNK - (n < 0 ? 0 : (size_t)n));
		if (n < 0)
			return SP_ERR_SYSTEM;
	} while (r == 0 && n > 0);
	return r;
}

static int
conffile_text(int fd, struct sp_buf *b, char **ret_text)
{
	int r = conffile_slurp(fd, b);

	if (r != 0)
		return r;
	*ret_text = strndup((const char *)sp_buf_data(b), sp_buf_len(b));
	if (*ret_text == NULL)
		return SP_ERR_NOMEM;
	if (strlen(*ret_text) == sp_buf_len(b))
		return 0;
	free(*ret_text);
	*ret_text = NULL;
	return SP_ERR_FORMAT;
}

/* The reason, for people. */
static void
conffile_why(const char *path, int err, size_t max, char *why, size_t cap)
{
	switch (err) {
	case SP_ERR_DENIED:
		(void)snprintf(why, cap, "%s: must belong to root and be writable by nobody else", path);
		break;
	case SP_ERR_LIMIT:
		(void)snprintf(why, cap, "%s: longer than %zu bytes", path, max);
		break;
	case SP_ERR_FORMAT:
		(void)snprintf(why, cap, "%s: holds a NUL", path);
		break;
	case SP_ERR_SYSTEM:
		(void)snprintf(why, cap, "%s: not a regular file that can be read", path);
		break;
	default:
		(void)snprintf(why, cap, "%s: %s", path, sp_err_str(err));
		break;
	}
}

int
sp_conffile_read_max(const char *path, size_t max, char *why, size_t cap, char **ret_text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	struct sp_buf *b;

	if (fd < 0) {
		(void)snprintf(why, cap, "%s: %s", path, strerror(errno));
		return errno == ENOENT ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	}
	b = sp_buf_new(max + CONFFILE_CHUNK);
	r = b == NULL ? SP_ERR_NOMEM : conffile_check(fd);
	if (r == 0)
		r = conffile_text(fd, b, ret_text);
	if (r != 0)
		conffile_why(path, r, max, why, cap);
	sp_buf_free(b);
	(void)close(fd);
	return r;
}

int
sp_conffile_read(const char *path, char *why, size_t cap, char **ret_text)
{
	return sp_conffile_read_max(path, SP_CONFFILE_MAX, why, cap, ret_text);
}
