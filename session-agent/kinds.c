/* SPDX-License-Identifier: Apache-2.0 */
/* The connection kinds this build serves: one line each. */
#include <stddef.h>

#include "session-agent/copy_kind.h"
#include "session-agent/postgres_kind.h"
#include "session-agent/session.h"
#include "session-agent/shell_kind.h"
#include "session-agent/ssh_kind.h"

const struct sp_kind *const sp_kinds[] = {
	&sp_postgres_kind,
	&sp_ssh_kind,
	&sp_ssh_ports_kind,
	&sp_copy_kind,
	&sp_shell_kind,
	&sp_command_kind,
	NULL,
};
