/* SPDX-License-Identifier: Apache-2.0 */
/* The connection kinds this build serves: one line each. */
#include <stddef.h>

#include "session-agent/postgres_kind.h"
#include "session-agent/session.h"

const struct sp_kind *const sp_kinds[] = {
	&sp_postgres_kind,
	NULL,
};
