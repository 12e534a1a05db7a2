/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one tool in bubblewrap as the person: every namespace its own, no network,
 * /usr read-only, a made-up /etc, empty home and /tmp in memory, no capability,
 * and a seccomp filter. The only thing it can reach is the session's socket in
 * /run/postgresql. Never a shell: argv goes to execve(2) as it is.
 */
#ifndef SALLYPORT_FORCECMD_TOOLBOX_H
#define SALLYPORT_FORCECMD_TOOLBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/err.h"

#define SP_TOOLBOX_BWRAP "/usr/bin/bwrap"
#define SP_TOOLBOX_ARGS_MAX 512	       /* words of the tool and of bubblewrap together */
#define SP_TOOLBOX_MEMORY "33554432"   /* bytes of each in-memory directory */

struct sp_toolbox {
	const char *user; /* the person's login name */
	uid_t uid;
	gid_t gid;
	const char *directory;	   /* host directory that becomes /run/postgresql; empty: none */
	const char *const *argv;   /* NULL-ended; argv[0] an absolute path, or a name to look for */
	const char *const *env;	   /* NULL-ended NAME=VALUE; all the tool gets */
	bool has_tty;		   /* fds[0] is a pty to become its controlling terminal */
	int fds[3];
};

/*
 * The program a tool's name stands for: the newest PostgreSQL's own before what Debian wraps in a script, then
 * /usr/bin; never PATH. NOT_FOUND, LIMIT. An absolute path stands for itself.
 */
int sp_toolbox_find(const char *name, char *path, size_t cap) SP_MUST_CHECK;
/* Starts it. NOT_FOUND (no such tool), INVALID (a path that is not absolute, a malformed variable), LIMIT, NOMEM, SYSTEM. */
int sp_toolbox_run(const struct sp_toolbox *t, pid_t *ret_pid) SP_MUST_CHECK;
/* A memfd with the compiled filter, at offset 0. SYSTEM, NOMEM. For sp_toolbox_run and its test. */
int sp_toolbox_filter(int *ret_fd) SP_MUST_CHECK;

#endif
