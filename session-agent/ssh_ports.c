/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to ports of a host's own 127.0.0.1 that came through ssh -J. Each is decided, on record, and then carried by a
 * client of its own (`ssh -W`), which has the connection itself: what is said over it is not read, only counted.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/log.h"
#include "session-agent/ssh_kind.h"
#include "session-agent/ssh_proxy.h"

#define PORTS_MAX 64	  /* connections at once */
#define PORTS_LOGINS_MAX 6 /* of them that are about to log in: sshd drops some of more than 10 (MaxStartups) */
#define PORTS_LOOK_MS 20

/* States of TCP, as the kernel numbers them (include/net/tcp_states.h). */
#define ENDED_HERE (1U << 5 | 1U << 6)				/* FIN_WAIT2, TIME_WAIT */
#define ENDED_THERE (1U << 6 | 1U << 8 | 1U << 9 | 1U << 11) /* TIME_WAIT, CLOSE_WAIT, LAST_ACK, CLOSING */

struct port_conn {
	TAILQ_ENTRY(port_conn) next;
	struct ports *ports;
	struct sp_ssh_proxy *px;
	uint16_t port;
	int fd;	     /* kept beside its client, for what the kernel counts */
	int nowhere; /* the client's stderr, until it has it: what it has to say it says in its log */
	bool is_over; /* freed by the next reaping: who calls may still be in px */
};

struct ports {
	struct sp_session *session;
	char name[SP_POLICY_NAME_MAX + 1];
	TAILQ_HEAD(, port_conn) conns;
	unsigned n;
	bool is_paused;
	struct event *reap;
	struct event *look; /* while connections wait for others to have logged in */
};

/* --- one connection -------------------------------------------------------------------------------------------- */

static void
conn_over(struct port_conn *c)
{
	c->is_over = true;
	event_active(c->ports->reap, EV_TIMEOUT, 0);
}

static int
conn_open(void *ctx, int ret_fds[3])
{
	struct port_conn *c = ctx;

	c->nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC); /* we write no files */
	if (c->nowhere < 0)
		return SP_ERR_SYSTEM;
	ret_fds[0] = ret_fds[1] = c->fd;
	ret_fds[2] = c->nowhere;
	return 0;
}

static void
conn_given(void *ctx)
{
	struct port_conn *c = ctx;

	(void)close(c->nowhere);
	c->nowhere = -1;
}

static void
conn_ended(void *ctx, int status)
{
	(void)status;
	conn_over(ctx);
}

/* On record it is already. */
static void
conn_failed(void *ctx, const char *why)
{
	struct port_conn *c = ctx;

	sp_log_info("%s, port %u: %s", c->ports->name, (unsigned)c->port, why);
	conn_over(c);
}

static const struct sp_ssh_carrier conn_carrier = { .open = conn_open, .given = conn_given, .over = conn_ended,
	.failed = conn_failed };

static bool
has_state(const struct tcp_info *info, unsigned states)
{
	return info->tcpi_state < 32 && (states & 1U << info->tcpi_state) != 0;
}

static int
conn_note(const struct port_conn *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	uint64_t to, from;
	char text[160];

	if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return 0;
	/* An end of either direction counts as one. */
	to = info.tcpi_bytes_received - (info.tcpi_bytes_received > 0 && has_state(&info, ENDED_THERE));
	from = info.tcpi_bytes_acked - (info.tcpi_bytes_acked > 0 && has_state(&info, ENDED_HERE));
	(void)snprintf(text, sizeof(text), "%s: %" PRIu64 " bytes to the host, %" PRIu64 " bytes from it", c->px->command, to, from);
	return sp_ssh_transport_note(c->px, text);
}

static void
conn_free(struct port_conn *c)
{
	if (c->px != NULL && c->px->is_connected && conn_note(c) != 0)
		sp_log_warn("what passed over a connection is not on record");
	sp_ssh_proxy_end(c->px);
	TAILQ_REMOVE(&c->ports->conns, c, next);
	c->ports->n--;
	(void)shutdown(c->fd, SHUT_RDWR); /* whoever else has it: it has ended */
	(void)close(c->fd);
	if (c->nowhere >= 0)
		(void)close(c->nowhere);
	free(c);
}

/* Those that came first go first; an approval is not waited for. */
static void
ports_go(struct ports *p)
{
	static const struct timeval look = { .tv_usec = PORTS_LOOK_MS * 1000 };
	const struct sp_policy_image *image = sp_session_policy(p->session);
	const struct sp_policy_connection *pc = image == NULL ? NULL : sp_policy_image_find(image, p->name);
	struct port_conn *c;
	unsigned logins = 0;

	TAILQ_FOREACH(c, &p->conns, next)
		logins += c->px != NULL && !c->is_over && !c->px->is_signed && c->px->stage != SP_SSH_PROXY_APPROVAL;
	TAILQ_FOREACH(c, &p->conns, next) {
		if (c->px != NULL || c->is_over)
			continue;
		if (logins++ >= PORTS_LOGINS_MAX) {
			(void)event_add(p->look, &look);
			return;
		}
		if (pc == NULL || sp_ssh_proxy_port(p->session, pc, c->port, &conn_carrier, c, &c->px) != 0)
			conn_over(c);
	}
}

static void
on_look(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	ports_go(ctx);
}

static void
on_reap(evutil_socket_t fd, short what, void *ctx)
{
	struct ports *p = ctx;
	struct port_conn *c, *next;

	(void)fd;
	(void)what;
	for (c = TAILQ_FIRST(&p->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		if (c->is_over)
			conn_free(c);
	}
	ports_go(p);
}

static void
ports_free(struct ports *p)
{
	if (p->reap != NULL)
		event_free(p->reap);
	if (p->look != NULL)
		event_free(p->look);
	free(p);
}

/* --- the kind -------------------------------------------------------------------------------------------------- */

static int
on_start(struct sp_session *s, const struct sp_policy_connection *c, const char *const argv[], void **ret_ctx)
{
	struct ports *p = calloc(1, sizeof(*p));

	(void)argv;
	if (p == NULL)
		return SP_ERR_NOMEM;
	p->session = s;
	(void)snprintf(p->name, sizeof(p->name), "%s", c->name);
	TAILQ_INIT(&p->conns);
	p->reap = event_new(sp_session_base(s), -1, 0, on_reap, p);
	p->look = event_new(sp_session_base(s), -1, 0, on_look, p);
	if (p->reap == NULL || p->look == NULL) {
		ports_free(p);
		return SP_ERR_NOMEM;
	}
	*ret_ctx = p;
	return 0;
}

/* The port of the host is the one that it came to here. */
static void
on_forwarded(void *ctx, int fd)
{
	struct ports *p = ctx;
	struct port_conn *c = p->n >= PORTS_MAX || p->is_paused ? NULL : calloc(1, sizeof(*c));
	struct sockaddr_in to = { 0 };
	socklen_t len = sizeof(to);

	if (c == NULL || getsockname(fd, (struct sockaddr *)&to, &len) != 0 || to.sin_family != AF_INET ||
	    to.sin_addr.s_addr != htonl(INADDR_LOOPBACK)) {
		sp_log_info("%s: a connection is closed: %s", p->name, p->is_paused ? "the session is paused" : "there are too many");
		(void)close(fd);
		free(c);
		return;
	}
	c->ports = p;
	c->fd = fd;
	c->nowhere = -1;
	c->port = ntohs(to.sin_port);
	TAILQ_INSERT_TAIL(&p->conns, c, next);
	p->n++;
	ports_go(p);
}

static void
on_record_ready(void *ctx)
{
	struct ports *p = ctx;
	struct port_conn *c;

	TAILQ_FOREACH(c, &p->conns, next)
		if (!c->is_over && c->px != NULL)
			sp_ssh_proxy_record_ready(c->px);
}

static void
on_policy(void *ctx)
{
	struct ports *p = ctx;
	struct port_conn *c;

	TAILQ_FOREACH(c, &p->conns, next)
		if (!c->is_over && c->px != NULL)
			sp_ssh_proxy_policy_changed(c->px);
}

/* What is not read cannot be held up either: a pause ends what is open. */
static void
on_paused(void *ctx, bool is_paused)
{
	struct ports *p = ctx;
	struct port_conn *c;

	p->is_paused = is_paused;
	TAILQ_FOREACH(c, &p->conns, next)
		if (is_paused)
			conn_over(c);
}

static bool
on_is_busy(const void *ctx)
{
	const struct ports *p = ctx;

	return p->n > 0;
}

static void
on_end(void *ctx)
{
	struct ports *p = ctx;
	struct port_conn *c, *next;

	for (c = TAILQ_FIRST(&p->conns); c != NULL; c = next) {
		next = TAILQ_NEXT(c, next);
		conn_free(c);
	}
	ports_free(p);
}

static const char *const tools[] = { NULL };

const struct sp_kind sp_ssh_ports_kind = {
	.name = "ssh",
	.tools = tools,
	.start = on_start,
	.record_ready = on_record_ready,
	.policy_changed = on_policy,
	.end = on_end,
	.paused = on_paused,
	.is_busy = on_is_busy,
	.forwarded = on_forwarded,
};
