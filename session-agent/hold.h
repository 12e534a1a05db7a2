/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that come while identity or the recorder is being restarted wait here, unread, until it is back, so that a
 * restart refuses nobody. A daemon that has been away for longer makes nobody wait.
 */
#ifndef SALLYPORT_SESSION_AGENT_HOLD_H
#define SALLYPORT_SESSION_AGENT_HOLD_H

#include <sys/types.h>

#include "lib/err.h"
#include "session-agent/registry.h"

#define SP_HOLD_MS 2000 /* of one connection, at most; below the PAM module's patience */

struct sp_hold;

/* Owns fd; uid is the listener's count to release. */
typedef void sp_hold_cb(struct sp_registry *g, int fd, uid_t uid);

int sp_hold_new(struct sp_registry *g, struct sp_hold **ret_h) SP_MUST_CHECK;
/*
 * Calls cb: at once when both are there, else when they are, and after SP_HOLD_MS in any case. How many wait
 * is bounded by the listener they came from.
 */
void sp_hold_accept(struct sp_hold *h, int fd, uid_t uid, sp_hold_cb *cb);

#endif
