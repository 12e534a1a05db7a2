/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another account to run as, granted by root: over a socket of our own making that the session hands on to sallyportd
 * (PROTOCOL.ipc section 12). The session can neither make it up nor read it.
 */
#ifndef SALLYPORT_EXEC_GRANT_H
#define SALLYPORT_EXEC_GRANT_H

#include <sys/types.h>

#include "exec/order.h"

#define SP_GRANT_WAIT_MS 20000 /* a sallyportd that is being restarted is waited for */

/*
 * Has the account granted and puts it into o, with its variables and secrets. own: the uid of our supervisors, as which
 * the socket is made (needs CAP_SETUID). DENIED (no grant, or by another than root), FORMAT, LIMIT, TIMEOUT, NOMEM,
 * SYSTEM, and those of sending to the session.
 */
int sp_grant_take(int session, uid_t own, struct sp_order *o) SP_MUST_CHECK;
/* Puts the datagram of that into o: for sp_grant_take() and tests. FORMAT, LIMIT, NOMEM, INCOMPLETE. */
int sp_grant_parse(const void *p, size_t n, struct sp_order *o) SP_MUST_CHECK;

#endif
