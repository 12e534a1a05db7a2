/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who made a TCP connection on this machine: only what the kernel says. sock_diag(7) names the other end's owner and
 * inode, and the login it is of is the one whose sshd holds that inode: sshd's own process for the person, a child of
 * the one that opened the login's PAM session, in its audit session. Everybody else's connection is nobody's: another
 * uid's, a program of the same person's, a socket that was passed on, one that is closing.
 */
#ifndef SALLYPORT_SESSION_AGENT_FORWARD_PEER_H
#define SALLYPORT_SESSION_AGENT_FORWARD_PEER_H

#include <netinet/in.h>
#include <stdint.h>

#include "lib/err.h"
#include "session-agent/registry.h"

#define SP_FORWARD_PEER_CHILDREN_MAX 64 /* of sshd's process for a login */
#define SP_FORWARD_PEER_FDS_MAX 8192	/* descriptors of one that are looked at */

struct sp_forward_peer {
	uid_t uid;
	uint32_t inode;
};

/* The other end of the connection peer -> here, which must be established. NOT_FOUND, SYSTEM, DENIED (odd). */
int sp_forward_peer_socket(const struct sockaddr_in *peer, const struct sockaddr_in *here,
    struct sp_forward_peer *ret_p) SP_MUST_CHECK;
/* 0: sshd holds it for that login. DENIED otherwise. */
int sp_forward_peer_is_of(const struct sp_forward_peer *p, const struct sp_login *l) SP_MUST_CHECK;

#endif
