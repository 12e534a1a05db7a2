/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of an IPC connection in an event loop. What the other side may say is
 * a table of (type, states in which it is allowed, handler); anything unknown,
 * out of state, over-long or malformed ends the connection (OpenSSH's monitor
 * is the model). Used for both ends of every long-lived connection.
 */
#ifndef SALLYPORT_RUNTIME_PEER_H
#define SALLYPORT_RUNTIME_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/ipc.h"
#include "runtime/cred.h"

struct event_base;
struct sp_peer;

#define SP_PEER_QUEUE_MAX ((size_t)4 * 1024 * 1024) /* bytes waiting to be sent before the peer is dropped */
#define SP_PEER_QUEUE_FDS_MAX 64		    /* descriptors likewise */
#define SP_PEER_TURN_MAX 32			    /* messages handled before other events get their turn */

/*
 * Handles one message. body holds exactly the message's body and must be left empty (an unread rest is
 * a protocol violation); descriptors the handler wants it takes by setting msg->fds[i] = -1. Returns 0,
 * or an error that ends the connection (on_close is then called with it). It may call
 * sp_peer_finish(), sp_peer_detach() and sp_peer_free(); after the last two it returns 0 or an error alike.
 */
typedef int sp_peer_handler(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx);

struct sp_peer_request {
	uint8_t type;
	uint32_t states; /* bit mask over the owner's states; sp_peer_set_state() selects the current bit */
	size_t body_max; /* bytes */
	size_t fds_max;
	sp_peer_handler *handle;
	const char *name; /* for the log */
};

struct sp_peer_ops {
	const struct sp_peer_request *requests;			 /* ends with handle == NULL */
	void (*on_close)(struct sp_peer *p, int err, void *ctx); /* CLOSED, PROTOCOL...; free the peer here or later */
	const char *name;					 /* of the interface */
};

/* Takes over fd (nonblocking, CLOEXEC set here; closed with the peer); on failure it stays the caller's. State starts
 * as bit 0. */
int sp_peer_new(
    struct event_base *base, int fd, const struct sp_peer_ops *ops, void *ctx, struct sp_peer **ret_p) SP_MUST_CHECK;
void sp_peer_free(struct sp_peer *p); /* closes; NULL is fine; safe inside handlers */
void sp_peer_set_state(struct sp_peer *p, unsigned bit);
void sp_peer_set_ctx(struct sp_peer *p, void *ctx);
/*
 * Ends the connection with TIMEOUT unless this is called again within ms, with another time or 0 (no
 * limit): for whoever has connected and must say something soon, or owes a reply. NOMEM.
 */
int sp_peer_set_deadline(struct sp_peer *p, unsigned ms) SP_MUST_CHECK;
const struct sp_peer_cred *sp_peer_cred(const struct sp_peer *p);
int sp_peer_fd(const struct sp_peer *p);
/*
 * Queues one frame; the descriptors are duplicated, so they stay the caller's. LIMIT (queue full), NOMEM,
 * SYSTEM, CLOSED (the connection has ended or is finishing). After LIMIT because of the queue the peer is
 * dropped: on_close gets LIMIT from the loop. on_close is never called from here.
 */
int sp_peer_send(
    struct sp_peer *p, uint8_t type, uint32_t id, const struct sp_buf *body, const int *fds, size_t nfds) SP_MUST_CHECK;
/* Reads no more, sends what is queued, then ends the connection (on_close gets SP_ERR_OK, from the loop). */
void sp_peer_finish(struct sp_peer *p);
/*
 * Takes the fd out of a peer with no unparsed input and no queued output and frees the peer; used to
 * hand a connection to another process. A peer reads no byte past the frame it handles, so this is also
 * right inside a handler. CONFLICT if bytes are pending.
 */
int sp_peer_detach(struct sp_peer *p, int *ret_fd) SP_MUST_CHECK;

struct sp_listener;
/* Called for each connection accepted; owns the fd. */
typedef void sp_listener_accept(int fd, const struct sp_peer_cred *cred, void *ctx);
/*
 * Listens at path (an old socket there is replaced in one step) with mode and owner; or takes listen_fd from
 * socket activation when it is >= 0. max_clients bounds connections alive through
 * sp_listener_release(): further ones wait in the kernel's backlog. SYSTEM, NOMEM, INVALID (path too
 * long), EXISTS (something that is no socket is there).
 */
int sp_listener_new(struct event_base *base, const char *path, mode_t mode, uid_t uid, gid_t gid, int listen_fd,
    unsigned max_clients, sp_listener_accept *cb, void *ctx, struct sp_listener **ret_l) SP_MUST_CHECK;
void sp_listener_release(struct sp_listener *l); /* one accepted connection has ended */
/*
 * At most max connections alive of one uid other than 0: those above are closed at once, so that nobody
 * can keep the others out. From then on each must be released with its uid.
 */
void sp_listener_limit_uid(struct sp_listener *l, unsigned max);
void sp_listener_release_uid(struct sp_listener *l, uid_t uid);
void sp_listener_free(struct sp_listener *l); /* does not unlink */

#endif
