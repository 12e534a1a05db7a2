/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes from the other side of a connection: handlers see only what their table allows, and on_close comes once. */
#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/log.h"
#include "runtime/peer.h"

#define HELLO_MAX 32
#define INPUT_MAX ((size_t)64 * 1024) /* what a socket takes at once */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct watched {
	unsigned hellos, closes;
};

static int
on_hello(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct watched *w = ctx;
	struct sp_view v;

	if (w->closes > 0 || w->hellos > 0 || sp_buf_len(body) > HELLO_MAX || msg->nfds > 0)
		abort();
	w->hellos++;
	sp_peer_set_state(p, 1);
	return sp_buf_get_view(body, HELLO_MAX, &v);
}

static int
on_work(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct watched *w = ctx;

	if (w->closes > 0 || w->hellos != 1 || sp_buf_len(body) > 1)
		abort();
	if (msg->id == 7) {
		sp_peer_finish(p);
		return 0;
	}
	return sp_buf_len(body) == 1 ? sp_buf_consume(body, 1) : sp_peer_send(p, 129, msg->id, NULL, NULL, 0);
}

static void
on_close(struct sp_peer *p, int err, void *ctx)
{
	struct watched *w = ctx;

	(void)p;
	(void)err;
	if (w->closes++ > 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sp_peer_request requests[] = {
		{1, 1U << 0, HELLO_MAX, 0, on_hello, "HELLO"}, {2, 1U << 1, 1, 0, on_work, "WORK"}, {0}};
	static const struct sp_peer_ops ops = {requests, on_close, "fuzz"};
	static struct event_base *base;
	struct watched w = {0};
	struct sp_peer *p;
	int sv[2];

	sp_log_open("fuzz_peer", LOG_CRIT, 1);
	if (base == NULL)
		base = event_base_new();
	if (base == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sv) != 0)
		return 0;
	if (sp_peer_new(base, sv[0], &ops, &w, &p) != 0)
		abort();
	size = size > INPUT_MAX ? INPUT_MAX : size;
	if (write(sv[1], data, size) == (ssize_t)size)
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	(void)shutdown(sv[1], SHUT_WR);
	for (int i = 0; i < 2200 && w.closes == 0; i++) /* SP_PEER_TURN_MAX frames a turn */
		(void)event_base_loop(base, EVLOOP_NONBLOCK);
	if (w.closes != 1)
		abort();
	sp_peer_free(p);
	(void)close(sv[1]);
	return 0;
}
