/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp and Landlock, one profile per program, entered once after start-up.
 * A violation kills the process (SECCOMP_RET_KILL_PROCESS). The profiles are
 * data in runtime/sandbox_profiles.c: the system calls and paths of each program.
 *
 * What to do before entering (nothing here can be done afterwards):
 *  - whatever loads code: no profile maps executable memory, so no dlopen(3), no JIT. Touch what loads
 *    lazily (OPENSSL_init_ssl, curl_global_init, hs_valid_platform); compile PCRE2 patterns without JIT.
 *  - open ptys, bind listening sockets, drop privilege, read configuration that is not in paths.
 *  - sp_log_open(), so that syslog has its socket (it may still reconnect).
 * Name resolution works inside the profiles with network: sp_sandbox_enter() sets host lookups to
 * "files dns", which libc does without loading modules. Target names are thus never looked up through
 * other NSS modules, ours included.
 *
 * CA files that a session reads after entering are those of the system and of SP_SYSCONFDIR/ca.
 *
 * A process that died of SIGSYS has hit its profile: the kernel wrote a SECCOMP audit record with the
 * number (`ausearch -m SECCOMP -i`, or dmesg). A developer's build with `configure
 * --enable-sandbox-trap` writes the call's name to stderr before it dies. There is no switch at run time.
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
	SP_SANDBOX_AUDIT,
	SP_SANDBOX_SUPERVISOR, /* of a shell: seccomp alone, for Landlock would keep it from the processes that it holds */
	SP_SANDBOX_WATCHER     /* of a shell's files: likewise */
};

/* A path and what may be done beneath it. */
struct sp_sandbox_path {
	const char *path;
	int can_write; /* else read only */
};

/*
 * Enters the profile: Landlock first (but for the supervisor and the watcher), with the profile's own paths and these (ending with path == NULL;
 * NULL for none; each must exist), then seccomp. A kernel without Landlock is an error, unless
 * configured with --disable-landlock-required. Sets no_new_privs. Leaves nothing in the kernel's log.
 * SYSTEM, UNSUPPORTED, INVALID (the root directory by any name, or a relative path), NOT_FOUND (a path of the
 * caller), DENIED (there is no filter after all). After any error the caller must exit.
 */
int sp_sandbox_enter(enum sp_sandbox_profile profile, const struct sp_sandbox_path *paths) SP_MUST_CHECK;
/* "session" and so on, for logs. */
const char *sp_sandbox_name(enum sp_sandbox_profile profile);

#endif
