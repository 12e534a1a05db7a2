/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#define SSL_REQUEST "\0\0\0\x08\x04\xd2\x16\x2f"
#define SSL_REQUEST_LEN 8

enum dial_state {
	DIAL_CONNECT,
	DIAL_ASK_TLS,
	DIAL_ANSWER,
	DIAL_HANDSHAKE
};

struct sp_postgres_dial {
	struct event_base *base;
	const struct sp_postgres_target *target;
	sp_postgres_dial_cb *cb;
	void *ctx;
	enum dial_state state;
	unsigned next; /* address to try after this one */
	struct sp_stream *stream;
	struct event *ev;
	struct event *timer;
	char reason[320];
};

static int
split(const char *address, char *host, size_t host_room, char *port, size_t port_room)
{
	const char *end, *colon;

	snprintf(port, port_room, "5432");
	if (address[0] == '[') {
		end = strchr(address, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return SP_ERR_INVALID;
		snprintf(host, host_room, "%.*s", (int)(end - address - 1), address + 1);
		colon = end[1] == ':' ? end + 1 : NULL;
	} else {
		colon = strrchr(address, ':');
		if (colon != NULL && strchr(address, ':') != colon)
			colon = NULL; /* a bare IPv6 address */
		snprintf(host, host_room, "%.*s", (int)(colon != NULL ? colon - address : (long)strlen(address)), address);
	}
	if (colon != NULL && (strlen(colon + 1) == 0 || strlen(colon + 1) >= port_room ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1)))
		return SP_ERR_INVALID;
	if (colon != NULL)
		snprintf(port, port_room, "%s", colon + 1);
	return host[0] == '\0' ? SP_ERR_INVALID : 0;
}

static int
unix_address(struct sp_postgres_target *t, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int n;

	if (strstr(path, ".s.PGSQL.") != NULL)
		n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	else
		n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/.s.PGSQL.5432", path);
	if (n < 0 || (size_t)n >= sizeof(sun.sun_path))
		return SP_ERR_INVALID;
	snprintf(t->host, sizeof(t->host), "localhost");
	memcpy(&t->addresses[0], &sun, sizeof(sun));
	t->lengths[0] = sizeof(sun);
	t->n_addresses = 1;
	return 0;
}

int
sp_postgres_target_resolve(struct sp_postgres_target *t, const char *address)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL, *ai;
	int r;

	t->n_addresses = 0;
	if (address[0] == '/')
		return unix_address(t, address);
	if ((r = split(address, t->host, sizeof(t->host), t->port, sizeof(t->port))) != 0)
		return r;
	if (getaddrinfo(t->host, t->port, &hints, &list) != 0) {
		hints.ai_flags = AI_NUMERICHOST;
		if (getaddrinfo(t->host, t->port, &hints, &list) != 0)
			return SP_ERR_NOT_FOUND;
	}
	for (ai = list; ai != NULL && t->n_addresses < SP_POSTGRES_ADDRESSES_MAX; ai = ai->ai_next) {
		memcpy(&t->addresses[t->n_addresses], ai->ai_addr, ai->ai_addrlen);
		t->lengths[t->n_addresses++] = ai->ai_addrlen;
	}
	freeaddrinfo(list);
	return t->n_addresses == 0 ? SP_ERR_NOT_FOUND : 0;
}

void
sp_postgres_dial_free(struct sp_postgres_dial *d)
{
	if (d == NULL)
		return;
	if (d->ev != NULL)
		event_free(d->ev);
	if (d->timer != NULL)
		event_free(d->timer);
	sp_stream_free(d->stream);
	free(d);
}

static void
finish(struct sp_postgres_dial *d, int err)
{
	struct sp_stream *stream = NULL;
	sp_postgres_dial_cb *cb = d->cb;
	void *ctx = d->ctx;
	char reason[sizeof(d->reason)];

	memcpy(reason, d->reason, sizeof(reason));
	if (err == 0) {
		stream = d->stream;
		d->stream = NULL;
	}
	sp_postgres_dial_free(d);
	cb(err, reason, stream, ctx);
}

static void step(struct sp_postgres_dial *d);

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	step(arg);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct sp_postgres_dial *d = arg;

	(void)fd;
	(void)what;
	if (d->stream == NULL)
		step(d);
	else {
		snprintf(d->reason, sizeof(d->reason), "no answer within %d seconds", SP_POSTGRES_DIAL_SECONDS);
		finish(d, SP_ERR_TIMEOUT);
	}
}

static int
wait_for(struct sp_postgres_dial *d, enum sp_stream_want want)
{
	if (d->ev != NULL)
		event_free(d->ev);
	d->ev = event_new(d->base, sp_stream_fd(d->stream), want == SP_STREAM_WANT_READ ? EV_READ : EV_WRITE, on_event, d);
	return d->ev != NULL && event_add(d->ev, NULL) == 0 ? 0 : SP_ERR_NOMEM;
}

static int
try_next_address(struct sp_postgres_dial *d)
{
	const struct sp_postgres_target *t = d->target;
	int fd, one = 1, r;

	while (d->next < t->n_addresses) {
		const struct sockaddr *sa = (const struct sockaddr *)&t->addresses[d->next];
		socklen_t len = t->lengths[d->next++];

		fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd >= 0 && (connect(fd, sa, len) == 0 || errno == EINPROGRESS)) {
			if (sa->sa_family != AF_UNIX) {
				(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
				(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
			}
			if ((r = sp_stream_new(fd, &d->stream)) != 0)
				return r;
			d->state = DIAL_CONNECT;
			return 0;
		}
		snprintf(d->reason, sizeof(d->reason), "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	return SP_ERR_UNAVAILABLE;
}

/* One state's work. 0 go on with the next state, AGAIN wait, others fail. */
static int
state_run(struct sp_postgres_dial *d, bool *ret_done)
{
	uint8_t answer;
	size_t n;
	int r;

	switch (d->state) {
	case DIAL_CONNECT:
		if ((r = sp_stream_handshake(d->stream)) != 0)
			return r;
		d->state = DIAL_ASK_TLS;
		*ret_done = d->target->tls == NULL;
		return 0;
	case DIAL_ASK_TLS:
		if ((r = sp_stream_write(d->stream, SSL_REQUEST, SSL_REQUEST_LEN, &n)) != 0)
			return r;
		d->state = DIAL_ANSWER;
		return n == SSL_REQUEST_LEN ? 0 : SP_ERR_SYSTEM;
	case DIAL_ANSWER:
		/* One byte and no more: what follows in the clear must not be taken for TLS's plaintext. */
		if ((r = sp_stream_read(d->stream, &answer, 1, &n)) != 0)
			return r;
		if (answer != 'S') {
			snprintf(d->reason, sizeof(d->reason), "the server does not offer TLS, which this connection demands");
			return SP_ERR_DENIED;
		}
		d->state = DIAL_HANDSHAKE;
		return sp_stream_start_tls(d->stream, d->target->tls);
	case DIAL_HANDSHAKE:
		if ((r = sp_stream_handshake(d->stream)) == 0)
			*ret_done = true;
		return r;
	}
	return SP_ERR_INTERNAL;
}

static void
step(struct sp_postgres_dial *d)
{
	bool done = false;
	int r = 0;

	for (;;) {
		if (d->stream == NULL && (r = try_next_address(d)) != 0)
			break;
		while ((r = state_run(d, &done)) == 0 && !done)
			;
		if (r == 0 || r == SP_ERR_DENIED)
			break;
		if (r == SP_ERR_AGAIN) {
			if ((r = wait_for(d, sp_stream_want(d->stream))) == 0)
				return;
			break;
		}
		snprintf(d->reason, sizeof(d->reason), "%s", sp_stream_reason(d->stream));
		if (d->state != DIAL_CONNECT)
			break;
		if (d->ev != NULL)
			event_free(d->ev);
		d->ev = NULL;
		sp_stream_free(d->stream);
		d->stream = NULL;
	}
	finish(d, r);
}

int
sp_postgres_dial_start(struct event_base *base, const struct sp_postgres_target *t, sp_postgres_dial_cb *cb, void *ctx,
    struct sp_postgres_dial **ret_d)
{
	struct timeval limit = {.tv_sec = SP_POSTGRES_DIAL_SECONDS}, now = {0};
	struct sp_postgres_dial *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return SP_ERR_NOMEM;
	d->base = base;
	d->target = t;
	d->cb = cb;
	d->ctx = ctx;
	d->timer = evtimer_new(base, on_timeout, d);
	if (d->timer == NULL || evtimer_add(d->timer, &limit) != 0) {
		sp_postgres_dial_free(d);
		return SP_ERR_NOMEM;
	}
	if (try_next_address(d) == 0 && wait_for(d, SP_STREAM_WANT_WRITE) == 0) {
		*ret_d = d;
		return 0;
	}
	/* Nothing to wait for: fail from the loop, so that cb is never called from here. */
	sp_stream_free(d->stream);
	d->stream = NULL;
	(void)evtimer_add(d->timer, &now);
	*ret_d = d;
	return 0;
}
