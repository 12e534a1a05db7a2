/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/sftp_path.h"

#include <stdio.h>
#include <string.h>

static bool
path_is_part(const char *p, size_t n, const char *what)
{
	return n == strlen(what) && memcmp(p, what, n) == 0;
}

int
sp_sftp_path_split(const char *p, size_t n, const char *root, struct sp_sftp_path *ret)
{
	const char *end = p + n;
	size_t len = 0;

	ret->target[0] = '\0';
	(void)snprintf(ret->path, sizeof(ret->path), "/");
	if (n > SP_FILE_PATH_MAX)
		return SP_ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return SP_ERR_INVALID;
	if (*root != '\0') {
		(void)snprintf(ret->target, sizeof(ret->target), "%s", root);
		(void)snprintf(ret->path, sizeof(ret->path), "%s%.*s", n == 0 ? "." : *p == '/' ? "" : "./", (int)n, p);
		return 0;
	}
	while (p < end) { /* until something beneath a target's root is named */
		for (len = 0; p + len < end && p[len] != '/'; len++)
			;
		if (path_is_part(p, len, "..")) {
			ret->target[0] = '\0';
		} else if (len > 0 && !path_is_part(p, len, ".")) {
			if (ret->target[0] != '\0')
				break;
			if (len > SP_POLICY_NAME_MAX)
				return SP_ERR_INVALID;
			memcpy(ret->target, p, len);
			ret->target[len] = '\0';
		}
		p += len;
		while (p < end && *p == '/')
			p++;
	}
	if (p == end)
		return 0;
	if (*p == '~' && (len == 1))
		(void)snprintf(ret->path, sizeof(ret->path), ".%.*s", (int)(end - p - 1), p + 1);
	else
		(void)snprintf(ret->path, sizeof(ret->path), "/%.*s", (int)(end - p), p);
	return 0;
}

bool
sp_sftp_path_parent(const char *path, char dir[SP_FILE_PATH_MAX + 3], char name[SP_FILE_PATH_MAX + 1])
{
	size_t n = strlen(path), at;

	while (n > 1 && path[n - 1] == '/')
		n--;
	for (at = n; at > 0 && path[at - 1] != '/'; at--)
		;
	if (at == 0 || at == n || path_is_part(path + at, n - at, ".") || path_is_part(path + at, n - at, ".."))
		return false;
	(void)snprintf(name, SP_FILE_PATH_MAX + 1, "%.*s", (int)(n - at), path + at);
	while (at > 1 && path[at - 1] == '/')
		at--;
	(void)snprintf(dir, SP_FILE_PATH_MAX + 3, "%.*s", (int)at, path);
	return true;
}

bool
sp_sftp_path_plain(const char *path, char out[SP_FILE_PATH_MAX + 3])
{
	size_t n = 0;

	if (*path != '/')
		return false;
	while (*path != '\0') {
		size_t len = strcspn(path, "/");

		if (path_is_part(path, len, "..")) {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len > 0 && !path_is_part(path, len, ".")) {
			out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len;
		path += strspn(path, "/");
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	return true;
}
