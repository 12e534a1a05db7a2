/* SPDX-License-Identifier: Apache-2.0 */
/* A call outside the profile kills the whole process at once. */
#include <seccomp.h>

#include "runtime/sandbox_profiles.h"

uint32_t
sp_sandbox_violation(void)
{
	return SCMP_ACT_KILL_PROCESS;
}
