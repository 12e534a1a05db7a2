/* SPDX-License-Identifier: Apache-2.0 */
/* The connection kind "ssh": a shell or a command on a target host, carried by OpenSSH's own client. */
#ifndef SALLYPORT_SESSION_AGENT_SSH_KIND_H
#define SALLYPORT_SESSION_AGENT_SSH_KIND_H

#include "session-agent/session.h"

extern const struct sp_kind sp_ssh_kind;
/* ssh_ports.c: serves the connections to ports of a host that come through ssh -J. */
extern const struct sp_kind sp_ssh_ports_kind;

#endif
