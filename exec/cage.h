/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All processes of a session, wherever they put themselves, and the end of them:
 * a cgroup of their own where one can be had; and in any case everything that is in
 * the session's mount namespace or descends from the process that keeps the cage.
 */
#ifndef SALLYPORT_EXEC_CAGE_H
#define SALLYPORT_EXEC_CAGE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"

#define SP_CAGE_SWEEPS_MAX 500 /* passes over all processes; between two, 10 ms */

#define SP_CAGE_KEEPERS 3	/* the warden, the supervisor, the watcher */

struct sp_cage {
	int proc;
	int kill; /* cgroup.kill, -1: there is no cgroup */
	ino_t mounts; /* the session's mount namespace */
	char group[PATH_MAX]; /* the cgroup's directory, "" if none */
	pid_t keepers[SP_CAGE_KEEPERS]; /* not to be killed: those who keep it; 0: none */
};

/* To be called in the session's mount namespace. SYSTEM. */
int sp_cage_init(struct sp_cage *c) SP_MUST_CHECK;
/* Puts pid into a cgroup made for it below its own, if it can. */
void sp_cage_group(struct sp_cage *c, pid_t pid);
/* "cgroup" or "sweep". */
const char *sp_cage_how(const struct sp_cage *c);
/* Kills all of them, and waits for the caller's own children among them. SYSTEM: some would not end. */
int sp_cage_end(struct sp_cage *c) SP_MUST_CHECK;

#endif
