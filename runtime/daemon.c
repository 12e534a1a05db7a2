/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/daemon.h"

#include <event2/event.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "runtime/log.h"

enum { DAEMON_TERM, DAEMON_INT, DAEMON_HUP, DAEMON_SIGNALS };

struct daemon {
	struct event_base *base;
	sp_daemon_reload *reload;
	void *ctx;
};

static void
daemon_on_signal(evutil_socket_t sig, short what, void *ctx)
{
	const struct daemon *d = ctx;

	(void)what;
	if (sig == SIGHUP) {
		if (d->reload != NULL)
			d->reload(d->ctx);
		return;
	}
	sp_log_info("signal %d: stopping", (int)sig);
	(void)event_base_loopbreak(d->base);
}

int
sp_daemon_run(struct event_base *base, sp_daemon_reload *reload, void *ctx)
{
	static const int signals[DAEMON_SIGNALS] = { SIGTERM, SIGINT, SIGHUP };
	struct daemon d = { base, reload, ctx };
	struct event *events[DAEMON_SIGNALS] = { NULL };
	int r = 0;

	for (int i = 0; i < DAEMON_SIGNALS && r == 0; i++) {
		events[i] = evsignal_new(base, signals[i], daemon_on_signal, &d);
		if (events[i] == NULL || event_add(events[i], NULL) != 0)
			r = SP_ERR_NOMEM;
	}
	if (r == 0) {
		(void)sd_notify(0, "READY=1");
		r = event_base_dispatch(base) < 0 ? SP_ERR_SYSTEM : 0;
		(void)sd_notify(0, "STOPPING=1");
	}
	for (int i = 0; i < DAEMON_SIGNALS; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	return r;
}
