/* SPDX-License-Identifier: Apache-2.0 */
/* Starting sallyport-exec, which runs the programs of a decided shell or command. */
#ifndef SALLYPORT_FORCECMD_SHELLBOX_H
#define SALLYPORT_FORCECMD_SHELLBOX_H

#include <sys/types.h>

#include "lib/err.h"

/*
 * fds: its stdin, stdout and stderr, and its channel with the session. They stay the caller's. When *ret_pipe is
 * closed it ends all that came of it. SYSTEM.
 */
int sp_shellbox_run(const int fds[4], pid_t *ret_pid, int *ret_pipe) SP_MUST_CHECK;

#endif
