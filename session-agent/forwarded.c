/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that came through sshd's forwarding: the session's client side instead of a tool that it has started. */
#include <unistd.h>

#include "policy/image.h"
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

/*
 * Who can no longer reach the connection, or no longer by forwarding, has nothing open there either: a client's pool would
 * keep it for days. So too what was asked for through ssh -J.
 */
void
sp_forwarded_policy_changed(struct sp_session *s)
{
	const char *name = s->forward != NULL ? s->forward : s->endpoint;
	const struct sp_policy_connection *c;

	if (name == NULL || s->kind == NULL || s->stage != SP_SESSION_SERVING)
		return;
	c = s->policy == NULL ? NULL : sp_policy_image_find(s->policy, name);
	if (c == NULL || !c->is_forwarded || !sp_dispatch_may_reach(s, c))
		sp_session_end(s, "policy no longer lets you forward to this connection");
}

void
sp_forwarded_free(struct sp_session *s)
{
	for (unsigned i = 0; i < s->nforwarded; i++)
		(void)close(s->forwarded[i]);
	s->nforwarded = 0;
}
