/* SPDX-License-Identifier: Apache-2.0 */
/* The connection kind "postgres" for kinds.c. */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_KIND_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_KIND_H

#include "session-agent/session.h"

extern const struct sp_kind sp_postgres_kind;

#endif
