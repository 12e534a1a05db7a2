/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports through ssh -J, at sallyportd: sshd's process of such a login is in a network of its own (pam_module/apart.h), and
 * what listens there at 127.0.0.1 is ours. So whoever connects is that login's sshd, for the person; the connection goes to
 * the session that serves that login's connections to the host.
 */
#ifndef SALLYPORT_SESSION_AGENT_PORTS_H
#define SALLYPORT_SESSION_AGENT_PORTS_H

#include "lib/err.h"
#include "session-agent/registry.h"

#define SP_PORTS_TURN_MAX 16   /* connections of one port taken before other events get their turn */
#define SP_PORTS_PAUSE_MS 100  /* after accept(2) failed for want of descriptors or memory */

/*
 * The login has one more socket that listens, which is taken over on 0. INVALID: it is none of TCP at 127.0.0.1, or at a
 * port that the login has already; LIMIT: the login has SP_IPC_PAM_PORTS_MAX; NOMEM.
 */
int sp_ports_add(struct sp_registry *g, const struct sp_login *l, int fd) SP_MUST_CHECK;
/* The login has ended. */
void sp_ports_end(struct sp_registry *g, const struct sp_login *l);

#endif
