/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs OpenSSH's client for one session, in bubblewrap as the account sallyport-ssh: every namespace its own, no network,
 * /usr read-only, no home, no capability, a seccomp filter. What it reaches are the descriptors it is given. It dies with
 * the channel to its session, and with the process that calls this.
 */
#ifndef SALLYPORT_SESSION_AGENT_SSH_LAUNCH_H
#define SALLYPORT_SESSION_AGENT_SSH_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_SSH_LAUNCH_BWRAP "/usr/bin/bwrap"
#define SP_SSH_LAUNCH_INSIDE SP_LIBEXECDIR "/sallyport-ssh-inside"
#define SP_SSH_LAUNCH_FDS 5 /* stdin, stdout, stderr, transport channel, target */

/* Descriptors as sallyport-ssh-inside has them. */
enum { SP_SSH_LAUNCH_CHANNEL = 3, SP_SSH_LAUNCH_TARGET = 4 };

struct sp_ssh_launch {
	bool has_tty;
	const char *term; /* "" if not known */
	struct sp_view config;
	struct sp_view known_hosts;
	bool is_forward;     /* command is the address that stdin and stdout are connected to, from that host */
	const char *command; /* NULL: a shell */
	bool is_subsystem;   /* command is the name of one */
	int fds[SP_SSH_LAUNCH_FDS];
};

/* Whether a TERM is one word of the usual characters. */
bool sp_ssh_launch_is_term(const char *term);
/*
 * In a process of its own: starts it, waits for its end or that of the channel, says EXIT on the channel. Returns the exit
 * status for that process.
 */
int sp_ssh_launch_run(const struct sp_ssh_launch *l) SP_MUST_CHECK;

#endif
