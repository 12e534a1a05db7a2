/* SPDX-License-Identifier: Apache-2.0 */
/* The TCP sockets of this machine's network namespace, as the kernel has them: sock_diag(7), NETLINK_SOCK_DIAG. */
#ifndef SALLYPORT_SESSION_AGENT_SOCK_DIAG_H
#define SALLYPORT_SESSION_AGENT_SOCK_DIAG_H

#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

/* The one that the kernel finds for local and remote, a listener where there is no connection. NOT_FOUND, SYSTEM. */
int sp_sock_diag_one(const struct sockaddr_in *local, const struct sockaddr_in *remote,
    struct inet_diag_msg *ret_m) SP_MUST_CHECK;
/*
 * Shows those of AF_INET or AF_INET6 in one of states (bits 1 << TCP_ESTABLISHED …), until visit says true. NOT_FOUND: the
 * kernel does not know the family; SYSTEM.
 */
int sp_sock_diag_each(uint8_t family, uint32_t states, bool (*visit)(const struct inet_diag_msg *m, void *ctx),
    void *ctx) SP_MUST_CHECK;
/* The IPv4 address that addr (m->id.idiag_src or idiag_dst) is, also within IPv6; false: it is none. */
bool sp_sock_diag_ipv4(const struct inet_diag_msg *m, const uint32_t addr[4], struct in_addr *ret_a);

#endif
