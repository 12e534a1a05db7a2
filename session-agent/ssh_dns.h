/* SPDX-License-Identifier: Apache-2.0 */
/* The fingerprints that DNS has of a host's keys, from a resolver that the operator says is to be trusted. */
#ifndef SALLYPORT_SESSION_AGENT_SSH_DNS_H
#define SALLYPORT_SESSION_AGENT_SSH_DNS_H

#include <stddef.h>

#include "lib/err.h"
#include "proto/sshfp.h"

#define SP_SSH_DNS_WHY_MAX 512 /* bytes of a reason, its NUL included */
#define SP_SSH_DNS_SECONDS 2   /* for one answer of one resolver; each of the three there may be is asked twice */

/*
 * Asks the resolvers of /etc/resolv.conf, which must say trust-ad (resolv.conf(5)), and waits for the answer. why gets one line
 * for the person: DENIED (no trust-ad), UNAVAILABLE (no answer, or wrong signatures), and as sp_sshfp_parse(); SYSTEM, NOMEM.
 */
int sp_ssh_dns_lookup(const char *host, struct sp_sshfp_set *ret_set, char why[SP_SSH_DNS_WHY_MAX]) SP_MUST_CHECK;

#endif
