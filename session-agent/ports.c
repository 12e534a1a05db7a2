/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ports.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ipc_pam.h"
#include "runtime/log.h"
#include "session-agent/forward.h"
#include "session-agent/start.h"

struct sp_port {
	TAILQ_ENTRY(sp_port) next;
	struct sp_registry *g;
	char login_id[SP_ULID_LEN + 1];
	uint16_t number;
	int fd;
	struct event *event;
	struct event *pause;
};

static void
port_free(struct sp_port *p)
{
	if (p->event != NULL)
		event_free(p->event);
	if (p->pause != NULL)
		event_free(p->pause);
	(void)close(p->fd);
	free(p);
}

static void
port_take(const struct sp_port *p, struct sp_login *l, int fd)
{
	const char *name = sp_login_endpoint(l), *problem;

	if (name == NULL)
		problem = "it is no login through ssh -J";
	else if (sp_forward_is_too_fast(p->g, l->uid))
		problem = "too many connections were made at once";
	else
		problem = sp_start_forward(p->g, l, name, fd);
	if (problem != NULL)
		sp_log(LOG_NOTICE, "a connection of login %s to port %u of %s is refused: %s", l->id, (unsigned)p->number,
		    name == NULL ? "" : name, problem);
	(void)close(fd);
}

static void
port_on_pause_over(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_port *p = ctx;

	(void)fd;
	(void)what;
	(void)event_add(p->event, NULL);
}

static void
port_on_accept(evutil_socket_t listener, short what, void *ctx)
{
	static const struct timeval pause = { .tv_usec = SP_PORTS_PAUSE_MS * 1000 };
	struct sp_port *p = ctx;
	struct sp_login *l;

	(void)what;
	for (unsigned i = 0; i < SP_PORTS_TURN_MAX; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			sp_log_err("accept: %m");
			(void)event_del(p->event);
			(void)event_add(p->pause, &pause);
		}
		if (fd < 0)
			return;
		l = sp_registry_login(p->g, p->login_id);
		if (l != NULL)
			port_take(p, l, fd);
		else
			(void)close(fd);
	}
}

static bool
port_is_one(int fd, uint16_t *ret_number)
{
	struct sockaddr_in sin = { 0 };
	socklen_t len = sizeof(sin), option = sizeof(int);
	int is_listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &option) != 0 || is_listening == 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) != 0 || sin.sin_family != AF_INET ||
	    sin.sin_addr.s_addr != htonl(INADDR_LOOPBACK))
		return false;
	*ret_number = ntohs(sin.sin_port);
	return evutil_make_socket_nonblocking(fd) == 0;
}

int
sp_ports_add(struct sp_registry *g, const struct sp_login *l, int fd)
{
	struct sp_port *p;
	uint16_t number;
	unsigned n = 0;

	if (!port_is_one(fd, &number))
		return SP_ERR_INVALID;
	TAILQ_FOREACH(p, &g->ports, next) {
		if (strcmp(p->login_id, l->id) != 0)
			continue;
		if (p->number == number)
			return SP_ERR_INVALID;
		n++;
	}
	if (n >= SP_IPC_PAM_PORTS_MAX)
		return SP_ERR_LIMIT;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return SP_ERR_NOMEM;
	p->g = g;
	p->fd = fd;
	p->number = number;
	memcpy(p->login_id, l->id, sizeof(p->login_id));
	p->event = event_new(g->base, fd, EV_READ | EV_PERSIST, port_on_accept, p);
	p->pause = event_new(g->base, -1, 0, port_on_pause_over, p);
	if (p->event == NULL || p->pause == NULL || event_add(p->event, NULL) != 0) {
		p->fd = -1; /* stays the caller's */
		port_free(p);
		return SP_ERR_NOMEM;
	}
	TAILQ_INSERT_TAIL(&g->ports, p, next);
	return 0;
}

void
sp_ports_end(struct sp_registry *g, const struct sp_login *l)
{
	struct sp_port *p, *next;

	for (p = TAILQ_FIRST(&g->ports); p != NULL; p = next) {
		next = TAILQ_NEXT(p, next);
		if (strcmp(p->login_id, l->id) == 0) {
			TAILQ_REMOVE(&g->ports, p, next);
			port_free(p);
		}
	}
}
