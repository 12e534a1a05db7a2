/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where somebody comes from whose key sshd asks about: OpenSSH 9.2 has no word for it in
 * AuthorizedKeysCommand, so the kernel is asked. The command's parent is sshd's root process for that one connection,
 * which holds its socket; sock_diag(7) knows the other end.
 */
#ifndef SALLYPORT_SESSION_AGENT_PERMIT_ORIGIN_H
#define SALLYPORT_SESSION_AGENT_PERMIT_ORIGIN_H

#include <sys/types.h>

#include "lib/err.h"

#define SP_PERMIT_ORIGIN_TEXT 46	     /* bytes of an address as text, with its end */
#define SP_PERMIT_ORIGIN_FDS_MAX 64	     /* descriptors of sshd's process that are looked at */
#define SP_PERMIT_ORIGIN_SOCKETS_MAX 16	     /* sockets among them */
#define SP_PERMIT_ORIGIN_TCP_MAX 65536u	     /* TCP connections of this machine, of each family */

/*
 * pid: the command's. NOT_FOUND: it is no child of a process of root's with connections to one address alone (so there
 * is none, or which one it is cannot be said), or this machine has too many connections; SYSTEM.
 */
int sp_permit_origin(pid_t pid, char ret_from[SP_PERMIT_ORIGIN_TEXT]) SP_MUST_CHECK;

#endif
