/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwarding, at sallyportd: each connection of the policy that says forward: true has an address within 127.77.0.0/16
 * by which sshd finds it (lib/hosts.h), and sallyportd listens there. Whoever connects is the login that
 * session-agent/forward_peer.h finds, or nobody. A connection becomes one of the session that serves that login's
 * forwarded connections to that target; whoever is refused is told so in PostgreSQL's protocol and is in the log.
 */
#ifndef SALLYPORT_SESSION_AGENT_FORWARD_H
#define SALLYPORT_SESSION_AGENT_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "session-agent/registry.h"

#define SP_FORWARD_PORT 5432
#define SP_FORWARD_NAMES_MAX 512 /* with addresses, each with a listener */
#define SP_FORWARD_TURN_MAX 16	 /* connections of one name taken before other events get their turn */
#define SP_FORWARD_BACKLOG 64
#define SP_FORWARD_PAUSE_MS 100 /* after accept(2) failed for want of descriptors or memory */

struct sp_forward;
struct sp_policy_connection;

/*
 * Names of before keep their addresses, and stay in the file although no policy has them: a login of before may still
 * ask for them, and must not be sent elsewhere.
 */
int sp_forward_new(struct sp_registry *g, struct sp_forward **ret_f) SP_MUST_CHECK;
/* There is a new policy. */
void sp_forward_policy(struct sp_forward *f);
/* Whether sshd finds the connection at its address: it has one, and this machine's name service says the same. */
bool sp_forward_is_offered(const struct sp_forward *f, const struct sp_policy_connection *c);

#endif
