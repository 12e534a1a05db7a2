/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwarding, at sallyportd: each connection of the policy that says forward: true has an address within 127.77.0.0/16
 * by which sshd finds it (lib/hosts.h), and sallyportd listens there. Whoever connects is the login that
 * session-agent/forward_peer.h finds, or nobody. A connection becomes one of the session that serves that login's
 * forwarded connections to that target; whoever is refused is told so in PostgreSQL's protocol and is in the log.
 *
 * At the address of an ssh connection nobody of ours listens: there the machine's own sshd is (it has the port of all
 * addresses), which the person logs in to once more, through the first login: ssh -J. sallyportd finds out from the
 * kernel, when that second login begins, at which address it was and whose the first one is.
 */
#ifndef SALLYPORT_SESSION_AGENT_FORWARD_H
#define SALLYPORT_SESSION_AGENT_FORWARD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "policy/image.h"
#include "session-agent/registry.h"

#define SP_FORWARD_NAMES_MAX 512 /* with addresses, each with a listener */
#define SP_FORWARD_TURN_MAX 16	 /* connections of one name taken before other events get their turn */
#define SP_FORWARD_BACKLOG 64
#define SP_FORWARD_LOG_MAX 64	 /* refusals logged one by one within SP_FORWARD_LOG_SECONDS; of more, how many */
#define SP_FORWARD_LOG_SECONDS 10
#define SP_FORWARD_PAUSE_MS 100 /* after accept(2) failed for want of descriptors or memory */

struct sp_forward;
struct sp_name_service;

/*
 * Names of before keep their addresses, and stay in the file although no policy has them: a login of before may still
 * ask for them, and must not be sent elsewhere.
 */
int sp_forward_new(struct sp_registry *g, struct sp_forward **ret_f) SP_MUST_CHECK;
/* There is a new policy. */
void sp_forward_policy(struct sp_forward *f);
/* Whether the person has made too many forwarded connections of late; this one counts. */
bool sp_forward_is_too_fast(struct sp_registry *g, uid_t uid);
/* Where a client asks for a connection of the kind; 0: the kind cannot be forwarded to. */
uint16_t sp_forward_port(enum sp_policy_kind kind);
/*
 * Whether the connection that the process of sshd's serves came to one of the addresses: then from whose login, and for
 * which connection (valid until the next policy). NOT_FOUND: it came from elsewhere. DENIED: from nobody's login, or to
 * what is not offered. CLOSED: the process has no connection that can be seen (a client may reset it, and what it has
 * sent can still be read), so it may have come through one too. SYSTEM.
 */
int sp_forward_through(const struct sp_forward *f, pid_t pid, struct sp_login **ret_l,
    const char **ret_name) SP_MUST_CHECK;
/* Calls each with the names of ssh connections that are offered. */
void sp_forward_hosts(const struct sp_forward *f, void (*each)(void *ctx, const char *name), void *ctx);
/* Whether sshd finds the connection at its address: it has one, and this machine's name service says the same. */
bool sp_forward_is_offered(const struct sp_forward *f, const struct sp_name_service *names,
    const struct sp_policy_connection *c);
/* What the policy in force offers: an array of { name, address, sessions, problem (where there is one) }. NULL: no memory. */
json_t *sp_forward_status(const struct sp_forward *f);

#endif
