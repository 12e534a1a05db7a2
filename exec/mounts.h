/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of /proc/PID/mountinfo (proc_pid_mountinfo(5)). Pure. */
#ifndef SALLYPORT_EXEC_MOUNTS_H
#define SALLYPORT_EXEC_MOUNTS_H

#include <limits.h>
#include <stdbool.h>

#define SP_MOUNTS_TYPE_MAX 64 /* bytes of a file system type, NUL included */

struct sp_mount {
	char path[PATH_MAX]; /* where it is mounted, as the kernel resolves names */
	char type[SP_MOUNTS_TYPE_MAX];
};

/* Reads one line (without its newline). False: it is none. */
bool sp_mounts_parse(const char *line, struct sp_mount *ret_m);
/* Whether it has files of people's: the kernel's own views of itself have not. */
bool sp_mounts_has_files(const struct sp_mount *m);

#endif
