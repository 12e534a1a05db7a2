/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the session which files its processes open and write (exec/watch.h), in batches, one under way at a time:
 * while the session does not take one, the next grows; when that is full the kernel keeps what it can, and says when
 * it could not.
 */
#ifndef SALLYPORT_EXEC_WATCHER_H
#define SALLYPORT_EXEC_WATCHER_H

#include "exec/watch.h"

#define SP_WATCHER_DELAY_MS 200	  /* how long the same is counted as one */
#define SP_WATCHER_BUSY 200	  /* with more than so many things within that time, a rest is taken after each look */
#define SP_WATCHER_REST_MS 5
#define SP_WATCHER_SEND_MS 60000  /* how long the session may not read */
#define SP_WATCHER_DRAIN_MS 8000  /* for what is left when all processes have ended */
#define SP_WATCHER_LOST_MOUNTS 16 /* mounts that cannot be watched, waiting to be told by name */

/*
 * files: the session's socket. life: a pipe of who keeps the cage; from it come the ids of who keeps it (pid_t, two of
 * them) first, and its end when all processes of the session are dead. Then what is left is told, and END. 0: all of
 * it was told. CLOSED (the session is gone), TIMEOUT (it does not take what it is told), PROTOCOL, SYSTEM, NOMEM.
 */
int sp_watcher_run(struct sp_watch *watch, int files, int life) SP_MUST_CHECK;

#endif
