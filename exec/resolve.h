/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the path a process gave to the file it means, by the kernel's rules and with
 * that process's own rights, and whether anybody but root could make it mean another.
 */
#ifndef SALLYPORT_EXEC_RESOLVE_H
#define SALLYPORT_EXEC_RESOLVE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "exec/target.h"

#define SP_RESOLVE_LINKS_MAX 40 /* symbolic links in one path, as in the kernel */

struct sp_resolved {
	int fd;			/* O_PATH; -1: found by what is remembered of steady directories, and is_steady */
	struct stat st;
	char path[PATH_MAX];	/* its real path */
	bool is_steady;		/* every directory passed, and of the real path, is root's alone to change */
	bool is_steady_file;	/* the real path's directories and the file itself are */
	bool is_gone;		/* it has no name any more, or never had one (memfd) */
};

/*
 * start: a descriptor of the directory that a relative path begins at. With an empty path, start is the file
 * itself. nofollow: the last part is not followed. 0, or the errno with which the exec fails.
 */
int sp_resolve(const struct sp_target *t, int start, const char *path, bool nofollow,
    struct sp_resolved *ret_r) SP_MUST_CHECK;
/*
 * The same of what is reached for the process and not by it, as a socket is: with our rights, so that no link of /proc is
 * followed, which would lead wherever another process is (EACCES).
 */
int sp_resolve_plain(const struct sp_target *t, int start, const char *path, struct sp_resolved *ret_r) SP_MUST_CHECK;
void sp_resolved_clear(struct sp_resolved *r);

#endif
