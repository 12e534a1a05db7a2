/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/hold.h"

#include <event2/event.h>
#include <stdlib.h>

#include "lib/ipc.h"
#include "session-agent/broker.h"

#define HOLD_TICK_MS 25 /* how often a daemon that is away is looked for while somebody waits */

struct held {
	TAILQ_ENTRY(held) next;
	int fd;
	uid_t uid;
	int64_t deadline;
	sp_hold_cb *cb;
};

struct sp_hold {
	struct sp_registry *g;
	struct event *tick;
	TAILQ_HEAD(, held) waiting;
};

static void
hold_release(struct sp_hold *h, struct held *w)
{
	TAILQ_REMOVE(&h->waiting, w, next);
	w->cb(h->g, w->fd, w->uid);
	free(w);
}

static void
hold_arm(struct sp_hold *h)
{
	static const struct timeval tv = { .tv_usec = HOLD_TICK_MS * 1000 };

	if (!TAILQ_EMPTY(&h->waiting))
		(void)event_add(h->tick, &tv);
}

static void
hold_on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_hold *h = ctx;
	struct held *w, *next;
	bool is_expecting;

	(void)fd;
	(void)what;
	sp_broker_look(h->g->broker);
	is_expecting = sp_broker_is_expecting(h->g->broker);
	for (w = TAILQ_FIRST(&h->waiting); w != NULL; w = next) {
		next = TAILQ_NEXT(w, next);
		if (!is_expecting || sp_ipc_now_ms() >= w->deadline)
			hold_release(h, w);
	}
	hold_arm(h);
}

void
sp_hold_accept(struct sp_hold *h, int fd, uid_t uid, sp_hold_cb *cb)
{
	struct held *w;

	sp_broker_look(h->g->broker);
	if (!sp_broker_is_expecting(h->g->broker) || (w = calloc(1, sizeof(*w))) == NULL) {
		cb(h->g, fd, uid);
		return;
	}
	w->fd = fd;
	w->uid = uid;
	w->deadline = sp_ipc_now_ms() + SP_HOLD_MS;
	w->cb = cb;
	TAILQ_INSERT_TAIL(&h->waiting, w, next);
	hold_arm(h);
}

int
sp_hold_new(struct sp_registry *g, struct sp_hold **ret_h)
{
	struct sp_hold *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return SP_ERR_NOMEM;
	h->g = g;
	TAILQ_INIT(&h->waiting);
	h->tick = event_new(g->base, -1, 0, hold_on_tick, h);
	if (h->tick == NULL) {
		free(h);
		return SP_ERR_NOMEM;
	}
	*ret_h = h;
	return 0;
}
