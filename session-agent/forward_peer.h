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
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "session-agent/registry.h"

#define SP_FORWARD_PEER_CHILDREN_MAX 64 /* of sshd's process for a login */
#define SP_FORWARD_PEER_FDS_MAX 8192	/* descriptors of one that are looked at */
#define SP_FORWARD_PEER_SOCKETS_MAX 64	/* sockets of one that has just been logged in to */

struct sp_forward_peer {
	uid_t uid;
	uint32_t inode;
};

/* The other end of the connection peer -> here, which must be established. NOT_FOUND, SYSTEM, DENIED (odd). */
int sp_forward_peer_socket(const struct sockaddr_in *peer, const struct sockaddr_in *here,
    struct sp_forward_peer *ret_p) SP_MUST_CHECK;
/* Whether something of root's listens where a connection to the address and port would arrive (host byte order). */
bool sp_forward_peer_listens(uint32_t address, uint16_t port);
/*
 * The connection to the port of an address of net/16 that the process holds, in whatever state and also by a socket of
 * IPv6: its own end and the other. ret_any: it holds one at all, wherever from; one that was reset cannot be seen.
 * NOT_FOUND: it holds none there. SYSTEM.
 */
int sp_forward_peer_arrived(pid_t pid, uint32_t net, uint16_t port, struct sockaddr_in *ret_here,
    struct sockaddr_in *ret_there, bool *ret_any) SP_MUST_CHECK;
/* 0: sshd holds it for that login. DENIED otherwise. */
int sp_forward_peer_is_of(const struct sp_forward_peer *p, const struct sp_login *l) SP_MUST_CHECK;

#endif
