/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority for the host names of `ssh -J`: who trusts it in known_hosts knows this bastion's sshd where it stands
 * for one of the policy's hosts (session-agent/forward.h). Its key is made when sallyportd first starts, is a file that
 * only root reads, and stays in sallyportd; beside it are the public half, which `sallyport host-ca` prints, and a
 * certificate of the machine's own host key for those names, which sshd reads.
 */
#ifndef SALLYPORT_SESSION_AGENT_HOST_CA_H
#define SALLYPORT_SESSION_AGENT_HOST_CA_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "session-agent/forward.h"

#define SP_HOST_CA_KEY SP_STATEDIR "/host-ca"
#define SP_HOST_CA_PUBLIC SP_STATEDIR "/host-ca.pub"
#define SP_HOST_CA_CERTIFICATE SP_STATEDIR "/host-cert.pub"
#define SP_HOST_CA_HOST_KEY "/etc/ssh/ssh_host_ed25519_key.pub" /* what the certificate is for */
#define SP_HOST_CA_SKEW 3600			/* seconds by which a laptop's clock may be behind */
#define SP_HOST_CA_VALID ((int64_t)30 * 86400)	/* seconds; it is made anew every day */
#define SP_HOST_CA_AGAIN ((int64_t)86400)
#define SP_HOST_CA_RETRY ((int64_t)3600)
#define SP_HOST_CA_NAMES_MAX 256 /* what a client reads of one */

struct sp_host_ca;

/*
 * Reads the key, or makes it where there is none; a key that was put there gets its public half written too. SYSTEM,
 * DENIED (not a file of root's that nobody else reads), and what sp_ssh_key_private() says.
 */
int sp_host_ca_new(struct sp_host_ca **ret_ca) SP_MUST_CHECK;
/*
 * Makes the certificate anew where the names are others than those of the last one, and every day.
 * now: seconds since 1970. What goes wrong is in the log. ca NULL: nothing.
 */
void sp_host_ca_certify(struct sp_host_ca *ca, const struct sp_forward *f, int64_t now);

#endif
