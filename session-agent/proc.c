/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
sp_proc_open(pid_t pid)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool
sp_proc_read(int dir, const char *name, char *text, size_t cap)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, cap - 1);
	(void)close(fd);
	if (n < 0 || (size_t)n == cap - 1)
		return false;
	text[n] = '\0';
	return true;
}

/* Field 4 of /proc/PID/stat; the name before it is in parentheses and may hold anything. */
pid_t
sp_proc_parent(int dir)
{
	char text[SP_PROC_TEXT_MAX];
	const char *end;

	if (!sp_proc_read(dir, "stat", text, sizeof(text)))
		return 0;
	end = strrchr(text, ')');
	/* ") S 123 ": the state is one letter. */
	return end != NULL && strlen(end) > 4 && end[3] == ' ' ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* "Uid:" in /proc/PID/status: real, effective, saved, of the file system. No line of a name's can begin so. */
bool
sp_proc_uid(int dir, uid_t *ret_uid)
{
	static const char start[] = "\nUid:\t";
	char text[SP_PROC_TEXT_MAX], *end;
	const char *line = sp_proc_read(dir, "status", text, sizeof(text)) ? strstr(text, start) : NULL;
	unsigned long uid;

	if (line == NULL)
		return false;
	line += sizeof(start) - 1;
	uid = strtoul(line, &end, 10);
	if (end == line || *end != '\t' || uid > UINT32_MAX)
		return false;
	*ret_uid = (uid_t)uid;
	return true;
}

/* "socket:[123]" */
static bool
proc_socket(int fds, const char *name, uint32_t *ret_inode)
{
	static const char start[] = "socket:[";
	char text[32];
	ssize_t n = readlinkat(fds, name, text, sizeof(text) - 1);
	unsigned long inode;
	char *end;

	if (n < (ssize_t)sizeof(start) || memcmp(text, start, sizeof(start) - 1) != 0)
		return false;
	text[n] = '\0';
	inode = strtoul(text + sizeof(start) - 1, &end, 10);
	if (strcmp(end, "]") != 0 || inode == 0 || inode > UINT32_MAX)
		return false;
	*ret_inode = (uint32_t)inode;
	return true;
}

bool
sp_proc_each_socket(int dir, unsigned max, bool (*visit)(uint32_t inode, void *ctx), void *ctx)
{
	int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	bool is_it = false;
	uint32_t inode;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	for (unsigned n = 0; !is_it && n < max && (e = readdir(d)) != NULL; n++)
		is_it = proc_socket(dirfd(d), e->d_name, &inode) && visit(inode, ctx);
	(void)closedir(d);
	return is_it;
}
