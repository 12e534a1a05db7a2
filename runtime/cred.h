/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a local socket: only what the kernel says
 * (SO_PEERCRED, the audit session in /proc/PID), never what the peer sends.
 */
#ifndef SALLYPORT_RUNTIME_CRED_H
#define SALLYPORT_RUNTIME_CRED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

#define SP_CRED_UNSET UINT32_MAX

/* As they were when the peer called connect(2), or socketpair(2). */
struct sp_peer_cred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	uint32_t sessionid; /* audit session, SP_CRED_UNSET if there is none or the process is gone */
	uint32_t loginuid;  /* audit login uid, SP_CRED_UNSET likewise */
};

/*
 * Reads them for the connected AF_UNIX socket fd. The process is held by a pidfd while /proc is read
 * (SO_PEERPIDFD where the kernel has it) and its /proc entry must belong to the peer's uid or root, so a
 * reused pid of another person never lends its audit session. SYSTEM.
 */
int sp_cred_of_socket(int fd, struct sp_peer_cred *ret_cred) SP_MUST_CHECK;
/* Whether that is a process of this uid within this audit session; never without one. */
bool sp_cred_is_of(const struct sp_peer_cred *cred, uid_t uid, uint32_t sessionid);

#endif
