/* SPDX-License-Identifier: Apache-2.0 */
/*
 * permit.sock (PROTOCOL.ipc section 13): what sshd may forward to for somebody who offers a key. Identity verifies the
 * key once more (from its cache), policy says what that person may reach, from where session-agent/permit_origin.h says
 * they come; where that is not known, a rule that asks for it counts as not matching unless it denies. It only widens
 * what can be asked for: each connection is decided on again when it comes, with what PAM says then.
 */
#ifndef SALLYPORT_SESSION_AGENT_PERMIT_H
#define SALLYPORT_SESSION_AGENT_PERMIT_H

#include "session-agent/registry.h"

#define SP_PERMIT_CLIENTS_MAX 128
#define SP_PERMIT_DEADLINE_MS 3000

/* Takes over fd; uid: the kernel's word. */
void sp_permit_accept(struct sp_registry *g, int fd, uid_t uid);

#endif
