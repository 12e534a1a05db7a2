/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For developers (configure --enable-sandbox-trap): a call outside the profile
 * is named on stderr before the process dies. Not for release builds, because
 * code inside could replace the handler.
 */
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/sandbox_profiles.h"

#define SP_SANDBOX_EXIT_STATUS (128 + SIGSYS)

static void
sp_sandbox_report(int sig, siginfo_t *info, void *context)
{
	char *name = seccomp_syscall_resolve_num_arch(info->si_arch, info->si_syscall);
	char line[128];
	int n;

	(void)sig;
	(void)context;
	n = snprintf(line, sizeof(line), "sandbox: %s (%d) is not in this program's profile\n",
	    name == NULL ? "unknown call" : name, info->si_syscall);
	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		_exit(SP_SANDBOX_EXIT_STATUS);
	_exit(SP_SANDBOX_EXIT_STATUS);
}

uint32_t
sp_sandbox_violation(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = sp_sandbox_report;
	sa.sa_flags = SA_SIGINFO;
	(void)sigaction(SIGSYS, &sa, NULL);
	return SCMP_ACT_TRAP;
}
