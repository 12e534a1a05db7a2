/* SPDX-License-Identifier: Apache-2.0 */
/* scp -O and rsync to connections of kind "ssh". */
#ifndef SALLYPORT_SESSION_AGENT_COPY_KIND_H
#define SALLYPORT_SESSION_AGENT_COPY_KIND_H

#include "session-agent/session.h"

extern const struct sp_kind sp_copy_kind;

#endif
