/* SPDX-License-Identifier: Apache-2.0 */
/* sallyportd's part of a transport: says to sallyport-ssh, from policy, what to run. */
#ifndef SALLYPORT_SESSION_AGENT_SSH_START_H
#define SALLYPORT_SESSION_AGENT_SSH_START_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "policy/image.h"
#include "session-agent/ssh_hosts.h"

#define SP_SSH_START_FDS 5 /* stdin, stdout, stderr, transport channel, target */
#define SP_SSH_START_MS 500

struct sp_ssh_start {
	const char *id; /* of the session, for the log */
	bool has_tty;
	const char *term;
	const char *command; /* NULL: a shell */
	bool is_subsystem;   /* command is the name of one */
	uint16_t port; /* not 0: no command, but a connection to that port of the host's own 127.0.0.1 */
	const struct sp_policy_connection *behind; /* not NULL: no command, but a connection from there to its host and port */
	struct sp_buf *known; /* gets what its known_hosts file says of the host; it and the session must know the same */
	char why[SP_SSH_HOSTS_WHY_MAX]; /* a message's bytes */
};

/*
 * Starts it; the descriptors stay the caller's. What becomes of it is said on the transport channel. UNSUPPORTED, INVALID,
 * UNAVAILABLE and others, each with *ret_message for the person, which is valid as long as start.
 */
int sp_ssh_start(const struct sp_policy_connection *c, struct sp_ssh_start *start, uid_t owner,
    const int fds[SP_SSH_START_FDS], const char **ret_message) SP_MUST_CHECK;

#endif
