/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/gate.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ulid.h"
#include "recorder/live.h"
#include "runtime/log.h"

#define SP_GATE_REASON "the kernel's audit system cannot be told of it (sallyport-audit does not answer)"

struct sp_gate {
	TAILQ_ENTRY(sp_gate) next;
	struct sp_recorder *rec;
	struct sp_peer *peer;
	sp_gate_answer *answer;
	struct event *timer;
	uint32_t id;
	char session[SP_ULID_LEN + 1];
	bool is_resumed;
};

static void
sp_gate_free(struct sp_gate *g)
{
	TAILQ_REMOVE(&g->rec->gates, g, next);
	event_free(g->timer);
	free(g);
}

/* Answers and is gone. */
static void
sp_gate_say(struct sp_gate *g, int err, const char *reason)
{
	if (g->answer(g->peer, g->id, g->session, err, reason) != 0)
		sp_log_warn("session %s: sallyportd could not be answered", g->session);
	sp_gate_free(g);
}

static void
sp_gate_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sp_gate *g = arg;
	struct sp_live *l = sp_live_find(g->rec, g->session);
	char reason[160];

	(void)fd;
	(void)what;
	if (l == NULL) {
		sp_gate_say(g, SP_ERR_UNAVAILABLE, "the session has ended");
		return;
	}
	(void)snprintf(reason, sizeof(reason), "%s",
	    sp_live_audit_reason(l)[0] == '\0' ? SP_GATE_REASON : sp_live_audit_reason(l));
	if (g->is_resumed) {
		sp_live_audit_fault(l, reason);
		sp_gate_say(g, 0, NULL);
		return;
	}
	sp_gate_say(g, SP_ERR_UNAVAILABLE, reason);
	if (sp_live_end(l, "refused: the kernel's audit system could not be told of the session") != 0)
		sp_log_warn("a session's record will be closed once writing works again");
}

int
sp_gate_hold(struct sp_recorder *rec, struct sp_peer *p, uint32_t id, const char *session, bool resumed,
    sp_gate_answer *answer)
{
	struct timeval tv = { .tv_sec = SP_GATE_WAIT_MS / 1000, .tv_usec = (SP_GATE_WAIT_MS % 1000) * 1000 };
	struct sp_gate *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return SP_ERR_NOMEM;
	g->timer = event_new(rec->base, -1, 0, sp_gate_on_timer, g);
	if (g->timer == NULL || event_add(g->timer, &tv) != 0) {
		if (g->timer != NULL)
			event_free(g->timer);
		free(g);
		return SP_ERR_NOMEM;
	}
	g->rec = rec;
	g->peer = p;
	g->id = id;
	g->answer = answer;
	g->is_resumed = resumed;
	(void)snprintf(g->session, sizeof(g->session), "%s", session);
	TAILQ_INSERT_TAIL(&rec->gates, g, next);
	return 0;
}

static struct sp_gate *
sp_gate_find(const struct sp_recorder *rec, const char *session)
{
	struct sp_gate *g;

	TAILQ_FOREACH(g, &rec->gates, next) {
		if (strcmp(g->session, session) == 0)
			return g;
	}
	return NULL;
}

bool
sp_gate_holds(const struct sp_recorder *rec, const char *session)
{
	return sp_gate_find(rec, session) != NULL;
}

void
sp_gate_open(struct sp_recorder *rec, const char *session)
{
	struct sp_gate *g, *next;

	for (g = TAILQ_FIRST(&rec->gates); g != NULL; g = next) {
		next = TAILQ_NEXT(g, next);
		if (strcmp(g->session, session) == 0)
			sp_gate_say(g, 0, NULL);
	}
}

void
sp_gate_forget(struct sp_recorder *rec, const struct sp_peer *p)
{
	struct sp_gate *g, *next;

	for (g = TAILQ_FIRST(&rec->gates); g != NULL; g = next) {
		next = TAILQ_NEXT(g, next);
		if (p == NULL || g->peer == p)
			sp_gate_free(g);
	}
}
