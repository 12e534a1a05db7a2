/* SPDX-License-Identifier: Apache-2.0 */
/* The connection kinds "shell" and "command" for kinds.c. */
#ifndef SALLYPORT_SESSION_AGENT_SHELL_KIND_H
#define SALLYPORT_SESSION_AGENT_SHELL_KIND_H

#include "session-agent/session.h"

extern const struct sp_kind sp_shell_kind;
extern const struct sp_kind sp_command_kind;

#endif
