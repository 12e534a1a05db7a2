/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files the processes of one mount namespace open and write: fanotify on every mount of the namespace. The
 * session has its own, so nobody else's doing comes up. Nobody waits for it.
 */
#ifndef SALLYPORT_EXEC_WATCH_H
#define SALLYPORT_EXEC_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "exec/sightings.h"

#define SP_WATCH_MOUNTS_MAX 16384	    /* mounts of the namespace; with more it cannot be watched */
#define SP_WATCH_EVENTS_MAX 128		    /* taken from the kernel at once: each is an open file of ours until looked at */
#define SP_WATCH_PROBLEMS_MAX 64	    /* mounts of which it was said that they cannot be watched */

struct sp_watch_loss {
	uint32_t why;	/* enum sp_ipc_files_loss */
	uint32_t error; /* errno, or 0 */
	const char *what; /* a mount's path, or "" */
};

struct sp_watch_ops {
	/* FULL: it stays where it is, and is offered again. Anything else ends sp_watch_read(). */
	int (*seen)(const struct sp_sighting *s, void *ctx);
	int (*lost)(const struct sp_watch_loss *l, void *ctx);
};

struct sp_watch;

/*
 * Watches every mount of the caller's mount namespace from here on. Needs CAP_SYS_ADMIN, also for later mounts. What
 * a FUSE file system does not let anybody else look at stays unwatched, to be told by sp_watch_mounts(); anything else
 * that cannot be watched is an error. SYSTEM, LIMIT, NOMEM.
 */
int sp_watch_new(struct sp_watch **ret_w) SP_MUST_CHECK;
void sp_watch_free(struct sp_watch *w);
/* Processes whose doing is ours and not the session's. */
void sp_watch_except(struct sp_watch *w, const pid_t *pids, size_t n);
/* POLLIN: there is something to read. */
int sp_watch_fd(const struct sp_watch *w);
/* Whether something was read already that is not told yet: FULL. */
bool sp_watch_is_behind(const struct sp_watch *w);
/* POLLPRI: mounts have changed. */
int sp_watch_mounts_fd(const struct sp_watch *w);
/* Watches what was mounted since. Errors are told by ops->lost, as a mount. */
int sp_watch_mounts(struct sp_watch *w, const struct sp_watch_ops *ops, void *ctx) SP_MUST_CHECK;
/* Tells what has happened: all there is, up to SP_WATCH_EVENTS_MAX. AGAIN: that was nothing. Errors of ops. */
int sp_watch_read(struct sp_watch *w, const struct sp_watch_ops *ops, void *ctx) SP_MUST_CHECK;

#endif
