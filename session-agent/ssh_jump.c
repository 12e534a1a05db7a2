/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jump hosts. Each has a client of its own, in a sandbox of its own, with an agent of its own that signs for that host and no
 * other; nothing of one is seen by the next. What such a client's stdin and stdout carry is the connection to the host behind,
 * whose own client then does with it what it does with any other: it asks for that host's key, and logs in.
 */
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "session-agent/ssh_proxy.h"

#define JUMP_SECONDS 40 /* for the host behind to say something; the client that goes there has its own limits */

static void
jump_fail(struct sp_ssh_proxy *px, const char *why)
{
	char text[SP_POLICY_NAME_MAX + 128];

	(void)snprintf(text, sizeof(text), "the host cannot be reached through %s%s", px->jump.hop->name, why);
	sp_ssh_transport_fail(px, text);
}

static void
jump_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void on_jump_read(evutil_socket_t fd, short what, void *ctx);

/* Its client has closed the connection, and is about to end and say why; or never does. */
static void
jump_await_end(struct sp_ssh_proxy *px)
{
	static const struct timeval limit = { .tv_sec = JUMP_SECONDS };

	event_free(px->jump.read);
	px->jump.read = event_new(sp_session_base(px->session), -1, 0, on_jump_read, px);
	if (px->jump.read == NULL || event_add(px->jump.read, &limit) != 0)
		jump_fail(px, ": no memory");
}

/* The host behind speaks first: from then on the connection is one. If it has ended, its client says so. */
static void
on_jump_read(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;
	char byte;
	ssize_t n = (what & EV_READ) != 0 ? recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : -1;

	if (px->is_ended || px->stage != SP_SSH_PROXY_DIAL)
		return;
	if (n == 0) {
		jump_await_end(px);
		return;
	}
	if (n < 0) {
		jump_fail(px, ": nothing was heard of it");
		return;
	}
	px->jump.near = -1;
	sp_ssh_transport_connected(px, fd, px->jump.hop->name);
}

/* --- what carries the jump host's client ----------------------------------------------------------------------- */

static int
jump_open(void *ctx, int ret_fds[3])
{
	struct sp_ssh_proxy *px = ctx;
	int sv[2];

	px->jump.nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC); /* we write no files */
	if (px->jump.nowhere < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) != 0)
		return SP_ERR_SYSTEM;
	px->jump.near = sv[0];
	px->jump.far = sv[1];
	ret_fds[0] = ret_fds[1] = px->jump.far;
	ret_fds[2] = px->jump.nowhere;
	return 0;
}

static void
jump_given(void *ctx)
{
	static const struct timeval limit = { .tv_sec = JUMP_SECONDS };
	struct sp_ssh_proxy *px = ctx;

	jump_close(&px->jump.far);
	jump_close(&px->jump.nowhere);
	px->jump.read = event_new(sp_session_base(px->session), px->jump.near, EV_READ, on_jump_read, px);
	if (px->jump.read == NULL || event_add(px->jump.read, &limit) != 0)
		jump_fail(px, ": no memory");
}

/* Later than that, the client of the host behind sees that its connection has ended. */
static void
jump_over(void *ctx, int status)
{
	struct sp_ssh_proxy *px = ctx;

	(void)status;
	if (!px->is_ended && px->stage == SP_SSH_PROXY_DIAL)
		jump_fail(px, "");
}

/* The same, with a reason. */
static void
jump_failed(void *ctx, const char *why)
{
	struct sp_ssh_proxy *px = ctx;
	char text[512];

	if (px->is_ended || px->stage != SP_SSH_PROXY_DIAL || px->jump.hop == NULL)
		return;
	(void)snprintf(text, sizeof(text), "jump host %s: %s", px->jump.hop->name, why);
	sp_ssh_transport_fail(px, text);
}

static const struct sp_ssh_carrier jump_carrier = { .open = jump_open, .given = jump_given, .over = jump_over,
	.failed = jump_failed };

int
sp_ssh_jump_start(struct sp_ssh_proxy *px, const struct sp_policy_connection *c)
{
	const struct sp_policy_image *image = sp_session_policy(px->session);
	const struct sp_policy_connection *hop = image == NULL ? NULL : sp_policy_image_find(image, c->jump);
	int r;

	if (hop == NULL || hop->kind != SP_POLICY_KIND_SSH || px->jump.hop != NULL)
		return SP_ERR_NOT_FOUND;
	r = sp_ssh_proxy_carry(px->session, hop, NULL, px->seq, &jump_carrier, px, &px->jump.hop);
	if (r != 0)
		return r;
	px->jump.hop->behind = px;
	sp_ssh_transport_start(px->jump.hop);
	return 0;
}

void
sp_ssh_jump_end(struct sp_ssh_proxy *px)
{
	struct sp_ssh_proxy *hop = px->jump.hop;

	if (px->jump.read != NULL)
		event_free(px->jump.read);
	px->jump.read = NULL;
	jump_close(&px->jump.near);
	jump_close(&px->jump.far);
	jump_close(&px->jump.nowhere);
	px->jump.hop = NULL;
	sp_ssh_proxy_end(hop);
}
