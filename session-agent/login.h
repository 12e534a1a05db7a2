/* SPDX-License-Identifier: Apache-2.0 */
/* pam.sock (PROTOCOL.ipc section 2): logins begin and end here. */
#ifndef SALLYPORT_SESSION_AGENT_LOGIN_H
#define SALLYPORT_SESSION_AGENT_LOGIN_H

#include "session-agent/registry.h"

#define SP_LOGIN_CLIENTS_MAX 512
#define SP_LOGIN_DEADLINE_MS 10000 /* of one connection; the module waits 5 s at most */
#define SP_LOGIN_SWEEP_SECONDS 2 /* how soon a login is forgotten whose sshd died without a word */

/* A connection of the PAM module. Takes over fd. */
void sp_login_accept(struct sp_registry *g, int fd);
/* Ends logins whose sshd process is gone, and their sessions. */
void sp_login_sweep(struct sp_registry *g);

#endif
