/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that came through sshd's forwarding: the session's client side instead of a tool that it has started. */
#include <unistd.h>

#include "runtime/log.h"
#include "session-agent/session_state.h"

void
sp_forwarded_take(struct sp_session *s, int fd)
{
	if (s->stage == SP_SESSION_SERVING && s->kind != NULL && s->kind_ctx != NULL) {
		s->kind->forwarded(s->kind_ctx, fd);
	} else if (s->stage < SP_SESSION_SERVING && s->nforwarded < SP_SESSION_FORWARDED_MAX) {
		s->forwarded[s->nforwarded++] = fd;
	} else {
		sp_log_info("a forwarded connection is closed: the session %s",
		    s->stage < SP_SESSION_SERVING ? "has too many that wait" : "is ending");
		(void)close(fd);
	}
}

void
sp_forwarded_serve(struct sp_session *s)
{
	for (unsigned i = 0; i < s->nforwarded; i++)
		s->kind->forwarded(s->kind_ctx, s->forwarded[i]);
	s->nforwarded = 0;
}

void
sp_forwarded_free(struct sp_session *s)
{
	for (unsigned i = 0; i < s->nforwarded; i++)
		(void)close(s->forwarded[i]);
	s->nforwarded = 0;
}
