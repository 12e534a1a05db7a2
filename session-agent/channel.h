/* SPDX-License-Identifier: Apache-2.0 */
/* sallyportd's side of the monitor channel (PROTOCOL.ipc section 4): what one session may ask of root. */
#ifndef SALLYPORT_SESSION_AGENT_CHANNEL_H
#define SALLYPORT_SESSION_AGENT_CHANNEL_H

#include "lib/buf.h"
#include "lib/err.h"
#include "session-agent/registry.h"

#define SP_CHANNEL_SOCKETS_MAX 4 /* LISTENs of one session */
#define SP_CHANNEL_LOST_MAX 12 /* channels of one session attached again within SP_CHANNEL_LOST_MS */
#define SP_CHANNEL_LOST_MS 60000
#define SP_CHANNEL_TRANSPORTS_MAX 1 /* SSHs to its target likewise */
#define SP_CHANNEL_SUBSYSTEMS_MAX 32 /* SSHs for a subsystem, from the first on: file transfer reaches several hosts, and again */
#define SP_CHANNEL_PORTS_MAX 65536 /* SSHs for ports of its host, and as many to jump hosts; few at a time (session-agent/ssh_ports.c) */
#define SP_CHANNEL_HOPS_MAX 64 /* SSHs to jump hosts on the way to any of them */
#define SP_CHANNEL_GRANTS_MAX 1 /* ACCOUNTs likewise */
#define SP_CHANNEL_DEADLINE_MS 10000 /* from connecting to the end of RESUME */

/* Begins a new session on fd (taken over): sends BEGIN with its descriptors (which stay the caller's). */
int sp_channel_begin(struct sp_registry *g, struct sp_live *l, int fd, const struct sp_buf *begin,
    const int fds[4]) SP_MUST_CHECK;
/* monitor.sock: a connection of a session that has lost its channel; it must say RESUME first. */
void sp_channel_accept(struct sp_registry *g, int fd);
/* Passes the channel end that the recorder (0) or control (1) has agreed to. */
void sp_channel_offer(struct sp_live *l, unsigned which);
/* Tells the session that control is away. */
void sp_channel_no_control(struct sp_live *l);
/* END: the session stops now. Harmless when it is away; it is told when it comes back. */
void sp_channel_end(struct sp_live *l, const char *reason);
/* FORWARD: one more connection for the session to serve; fd stays the caller's. UNAVAILABLE: it is away. */
int sp_channel_forward(struct sp_live *l, int fd) SP_MUST_CHECK;
/* PAUSE: nothing flows until it is resumed; text is for the person. UNAVAILABLE: it is away. */
int sp_channel_pause(struct sp_live *l, bool is_paused, const char *text) SP_MUST_CHECK;

#endif
