/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a daemon under the service manager. */
#ifndef SALLYPORT_RUNTIME_DAEMON_H
#define SALLYPORT_RUNTIME_DAEMON_H

#include "lib/err.h"

struct event_base;

typedef void sp_daemon_reload(void *ctx);

/*
 * Says that the daemon is ready and serves until SIGTERM or SIGINT, then says that it stops; reload (which may be NULL:
 * nothing happens then) is called at SIGHUP. Before it is called
 * signals have their default effect. SYSTEM, NOMEM.
 */
int sp_daemon_run(struct event_base *base, sp_daemon_reload *reload, void *ctx) SP_MUST_CHECK;

#endif
