/* SPDX-License-Identifier: Apache-2.0 */
/* operator.sock (PROTOCOL.ipc section 10): an administrator ends, pauses or resumes a live session, revokes, or asks how sallyportd is. */
#ifndef SALLYPORT_SESSION_AGENT_OPERATOR_H
#define SALLYPORT_SESSION_AGENT_OPERATOR_H

#include "session-agent/registry.h"

#define SP_OPERATOR_CLIENTS_MAX 16
#define SP_OPERATOR_DEADLINE_MS 5000 /* from connecting to the end of the request */

/* Takes over fd; anybody but root is refused. */
void sp_operator_accept(struct sp_registry *g, int fd);

#endif
