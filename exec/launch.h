/* SPDX-License-Identifier: Apache-2.0 */
/* The session's own program: started without privilege, under the filter, as leader of a session of its own. */
#ifndef SALLYPORT_EXEC_LAUNCH_H
#define SALLYPORT_EXEC_LAUNCH_H

#include <sys/types.h>

#include "exec/order.h"

/*
 * Starts it, up to right before its exec: *ret_listener is the filter's. A byte written to *ret_go lets it go on;
 * closing *ret_go without one ends it. SYSTEM.
 */
int sp_launch(const struct sp_order *o, pid_t *ret_pid, int *ret_listener, int *ret_go) SP_MUST_CHECK;

#endif
