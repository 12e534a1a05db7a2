/* SPDX-License-Identifier: Apache-2.0 */
/* session.sock (PROTOCOL.ipc section 3), as far as START: a session process is made here. */
#ifndef SALLYPORT_SESSION_AGENT_START_H
#define SALLYPORT_SESSION_AGENT_START_H

#include "session-agent/registry.h"

#define SP_START_CLIENTS_MAX 1024
#define SP_START_CLIENTS_OF_UID_MAX 64 /* connections of one person that have not become a session */
#define SP_START_DEADLINE_MS 10000     /* from connecting to the end of START */
#define SP_START_COMMAND_MAX ((size_t)64 * 1024)
#define SP_START_NAME_MAX 64 /* bytes of term and lang */
#define SP_START_SIZE_MAX 10000 /* rows, columns */

/* A connection of a sallyport-forcecmd, whose uid the listener has counted. Takes over fd. */
void sp_start_accept(struct sp_registry *g, int fd, uid_t uid);
/*
 * A connection to the connection called name that was proven to be this login's: it becomes one of the session that
 * serves them, which is started for the first. NULL, or why it is refused; fd stays the caller's.
 */
const char *sp_start_forward(struct sp_registry *g, struct sp_login *l, const char *name, int fd);

#endif
