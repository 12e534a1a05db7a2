/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a PostgreSQL server up to the point where the protocol starts: TCP or unix, then TLS. */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_DIAL_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_DIAL_H

#include <stdbool.h>
#include <sys/socket.h>

#include "lib/err.h"
#include "runtime/stream.h"

struct event_base;
struct sp_postgres_dial;

#define SP_POSTGRES_DIAL_SECONDS 10 /* to connect and finish TLS */
#define SP_POSTGRES_ADDRESSES_MAX 8 /* addresses of one host name that are tried */

/* Where a server is; resolved once, when the session starts. */
struct sp_postgres_target {
	char host[256];
	char port[8];
	unsigned n_addresses;
	struct sockaddr_storage addresses[SP_POSTGRES_ADDRESSES_MAX];
	socklen_t lengths[SP_POSTGRES_ADDRESSES_MAX];
	struct sp_stream_tls *tls; /* NULL: plain, only where policy says so */
};

/*
 * Splits "host:port", "[v6]:port", "host" or an absolute directory (unix socket) and resolves it. INVALID,
 * NOT_FOUND. The lookup blocks, so it is done once before anything is served.
 */
int sp_postgres_target_resolve(struct sp_postgres_target *t, const char *address) SP_MUST_CHECK;

/* err 0: stream is ready and now the callee's; otherwise reason is one plain line and stream NULL. Called once, from the loop. */
typedef void sp_postgres_dial_cb(int err, const char *reason, struct sp_stream *stream, void *ctx);
int sp_postgres_dial_start(struct event_base *base, const struct sp_postgres_target *t, sp_postgres_dial_cb *cb,
    void *ctx, struct sp_postgres_dial **ret_d) SP_MUST_CHECK;
/* Gives up without calling cb; only before cb was called. NULL is fine. */
void sp_postgres_dial_free(struct sp_postgres_dial *d);

#endif
