/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/mounts.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MOUNTS_FIELD_PATH 4 /* fields before it, each with a blank behind */

static bool
mounts_is_octal(const char *p)
{
	return p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' && p[3] <= '7';
}

/* Blanks, tabs, newlines and backslashes are written as three octal digits. */
static bool
mounts_unescape(const char *p, size_t n, char *out, size_t cap)
{
	size_t len = 0, i = 0;

	while (i < n) {
		if (len + 1 >= cap)
			return false;
		if (n - i >= 4 && mounts_is_octal(p + i)) {
			out[len++] = (char)((p[i + 1] - '0') << 6 | (p[i + 2] - '0') << 3 | (p[i + 3] - '0'));
			i += 4;
		} else {
			out[len++] = p[i++];
		}
	}
	out[len] = '\0';
	return len > 0 && out[0] == '/' && strlen(out) == len;
}

bool
sp_mounts_parse(const char *line, struct sp_mount *ret_m)
{
	const char *p = line, *type = strstr(line, " - ");
	size_t n;

	for (unsigned i = 0; i < MOUNTS_FIELD_PATH; i++) {
		p = strchr(p, ' ');
		if (p == NULL)
			return false;
		p++;
	}
	n = strcspn(p, " ");
	if (type == NULL || type < p + n || !mounts_unescape(p, n, ret_m->path, sizeof(ret_m->path)))
		return false;
	type += strlen(" - ");
	n = strcspn(type, " ");
	if (n == 0 || n >= sizeof(ret_m->type) || type[n] != ' ')
		return false;
	memcpy(ret_m->type, type, n);
	ret_m->type[n] = '\0';
	return true;
}

bool
sp_mounts_has_files(const struct sp_mount *m)
{
	static const char *const none[] = { "proc", "sysfs", "cgroup", "cgroup2", "devpts", "securityfs", "debugfs", "tracefs",
		"bpf", "mqueue", "pstore", "configfs", "fusectl", "binfmt_misc", "autofs", "efivarfs", "selinuxfs", "rpc_pipefs",
		"nsfs" };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (strcmp(m->type, none[i]) == 0)
			return false;
	return true;
}
