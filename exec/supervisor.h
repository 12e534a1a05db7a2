/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers the listener: each exec of the session is read, told to the session, and
 * goes on only with its yes. What then runs is held at the end of the exec, when the
 * memory is new and nobody else has it, and compared with what was told; anything
 * else is killed before its first instruction.
 *
 * It attaches to a process (ptrace) from the yes to that moment only. When it ends,
 * for whatever reason, what it is attached to dies and no exec works any more.
 */
#ifndef SALLYPORT_EXEC_SUPERVISOR_H
#define SALLYPORT_EXEC_SUPERVISOR_H

#include <sys/types.h>

#include "lib/err.h"

#define SP_SUPERVISOR_WAITING_MAX 512		    /* execs under way at once; more are refused with EAGAIN */
#define SP_SUPERVISOR_BYTES_MAX ((size_t)64 * 1024 * 1024) /* of their words together */
#define SP_SUPERVISOR_TICK_MS 100		    /* between two looks at those who wait */
#define SP_SUPERVISOR_SEND_MS 60000		    /* how long the session may not read */

/*
 * Serves until the listener has nobody left (0) or the session's socket ends. keeper: a pidfd of who keeps the cage.
 * first: the process whose first exec is the session's own program. how: what ends the session's processes, for READY.
 * SYSTEM, NOMEM, PROTOCOL, CLOSED; NOT_FOUND: who keeps the cage has died, so the caller must end it.
 */
int sp_supervisor_run(int listener, int session, int keeper, pid_t first, const char *how) SP_MUST_CHECK;

#endif
