/* SPDX-License-Identifier: Apache-2.0 */
/* Files of target hosts, for sftp clients and scp's that use that protocol. Not a kind of connection: it reaches
 * several. */
#ifndef SALLYPORT_SESSION_AGENT_SFTP_KIND_H
#define SALLYPORT_SESSION_AGENT_SFTP_KIND_H

#include "session-agent/session.h"

/* Serves the person's own stdin and stdout; all targets, or the connection that start is given. It takes no words. */
extern const struct sp_kind sp_sftp_kind;

/* Whether policy lets this person at files of the connection. */
bool sp_sftp_may_reach(struct sp_session *s, const struct sp_policy_connection *c);
/* Of any connection. */
bool sp_sftp_has_targets(struct sp_session *s);

/* --- the same for who has a client of its own to serve ------------------------------------------------------- */
struct sp_sftp;
struct sp_sftp_hooks {
	void (*over)(void *ctx, int status); /* it has ended, with this exit status; once. Do not close it here */
	void *ctx;
};
/*
 * root: the one connection whose files are served, as /; NULL: all, each beneath /NAME. in and out (which may be one
 * socket) stay the caller's, and are made non-blocking until sp_sftp_close(). NOMEM, SYSTEM.
 */
int sp_sftp_open(struct sp_session *s, const char *root, int in, int out, const struct sp_sftp_hooks *hooks,
    struct sp_sftp **ret_x) SP_MUST_CHECK;
void sp_sftp_close(struct sp_sftp *x);
/* From the kind's hooks of these names. */
void sp_sftp_record_ready(struct sp_sftp *x);
void sp_sftp_policy_changed(struct sp_sftp *x);
void sp_sftp_paused(struct sp_sftp *x, bool is_paused);
bool sp_sftp_is_busy(const struct sp_sftp *x);

#endif
