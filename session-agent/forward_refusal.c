/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/forward_refusal.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"

#define REFUSAL_HEAD 8		 /* u32 length, u32 code */
#define REFUSAL_SSL 80877103u	 /* SSLRequest */
#define REFUSAL_GSSENC 80877104u /* GSSENCRequest */
#define REFUSAL_PROBES_MAX 2

struct refusal {
	struct event *event;
	struct sp_buf *message;
	uint8_t head[REFUSAL_HEAD];
	size_t head_len;
	unsigned probes;
	int fd;
};

static unsigned refusals; /* alive */

static void
refusal_free(struct refusal *r)
{
	if (r->event != NULL)
		event_free(r->event);
	sp_buf_free(r->message);
	(void)close(r->fd);
	free(r);
	refusals--;
}

static uint32_t
refusal_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The last word. What the client has sent is read first: closing with bytes unread would take the word back. */
static void
refusal_say(struct refusal *r)
{
	uint8_t rest[4096];

	(void)recv(r->fd, rest, sizeof(rest), MSG_DONTWAIT);
	(void)send(r->fd, sp_buf_data(r->message), sp_buf_len(r->message), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(r->fd, SHUT_WR);
}

static void
refusal_on_read(evutil_socket_t fd, short what, void *ctx)
{
	struct refusal *r = ctx;
	ssize_t n;
	bool is_probe;

	if ((what & EV_TIMEOUT) != 0) {
		refusal_free(r);
		return;
	}
	n = recv(fd, r->head + r->head_len, REFUSAL_HEAD - r->head_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		refusal_free(r);
		return;
	}
	r->head_len += (size_t)n;
	if (r->head_len < REFUSAL_HEAD)
		return;
	is_probe = refusal_u32(r->head) == REFUSAL_HEAD &&
	    (refusal_u32(r->head + 4) == REFUSAL_SSL || refusal_u32(r->head + 4) == REFUSAL_GSSENC);
	r->head_len = 0;
	if (is_probe && r->probes++ < REFUSAL_PROBES_MAX && send(fd, "N", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		return;
	refusal_say(r);
	refusal_free(r);
}

/* ErrorResponse, PostgreSQL manual 55.7. */
static struct sp_buf *
refusal_message(const char *message)
{
	static const char fields[] = "SFATAL\0VFATAL\0C28000\0M";
	struct sp_buf *b = sp_buf_new(2048);

	if (b == NULL)
		return NULL;
	sp_buf_put_u8(b, 'E');
	sp_buf_put_u32(b, (uint32_t)(4 + sizeof(fields) - 1 + strlen(message) + 2));
	sp_buf_put(b, fields, sizeof(fields) - 1);
	sp_buf_put(b, message, strlen(message) + 1);
	sp_buf_put_u8(b, 0);
	if (sp_buf_error(b) == 0)
		return b;
	sp_buf_free(b);
	return NULL;
}

void
sp_forward_refuse(struct event_base *base, int fd, const char *message)
{
	static const struct timeval limit = { .tv_sec = SP_FORWARD_REFUSAL_SECONDS };
	struct refusal *r = refusals >= SP_FORWARD_REFUSALS_MAX ? NULL : calloc(1, sizeof(*r));

	if (r == NULL) {
		(void)close(fd);
		return;
	}
	refusals++;
	r->fd = fd;
	r->message = refusal_message(message);
	r->event = event_new(base, fd, EV_READ | EV_PERSIST, refusal_on_read, r);
	if (r->message == NULL || r->event == NULL || event_add(r->event, &limit) != 0)
		refusal_free(r);
}
