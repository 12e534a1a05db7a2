/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp filter of everything that runs in a decided shell: each execve and
 * execveat waits for an answer at a listener; what would run programs, or change
 * running ones, past that is closed. No no_new_privs: set-user-id programs work.
 */
#ifndef SALLYPORT_EXEC_FILTER_H
#define SALLYPORT_EXEC_FILTER_H

#include <stdbool.h>

#include "lib/err.h"

/*
 * Puts the filter on the calling process (needs CAP_SYS_ADMIN) for ever; *ret_listener (CLOEXEC) is where
 * its notifications are read. is_network: what reaches others over sockets waits there too (exec/reach.h), and
 * sockets of other kinds cannot be made. NOMEM, SYSTEM.
 */
int sp_filter_install(bool is_network, int *ret_listener) SP_MUST_CHECK;

#endif
