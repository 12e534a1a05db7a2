/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp and Landlock, one profile per program, entered once after start-up.
 * A violation kills the process (SECCOMP_RET_KILL_PROCESS). Profiles are data
 * in sandbox.c: the system calls and paths each program needs.
 */
#ifndef SALLYPORT_RUNTIME_SANDBOX_H
#define SALLYPORT_RUNTIME_SANDBOX_H

#include "lib/err.h"

enum sp_sandbox_profile {
	SP_SANDBOX_AUTHKEYS,
	SP_SANDBOX_IDENTITY,
	SP_SANDBOX_CONTROL,
	SP_SANDBOX_RECORDER,
	SP_SANDBOX_SESSION,
	SP_SANDBOX_AUDIT
};

/* A path and what may be done beneath it. */
struct sp_sandbox_path {
	const char *path;
	int can_write; /* else read only */
};

/*
 * Enters the profile: Landlock first (paths ends with path == NULL; a kernel without Landlock is an
 * error unless the build says otherwise), then seccomp. Asserts by trying a forbidden open.
 * SYSTEM, UNSUPPORTED, DENIED.
 */
int sp_sandbox_enter(enum sp_sandbox_profile profile, const struct sp_sandbox_path *paths) SP_MUST_CHECK;

#endif
