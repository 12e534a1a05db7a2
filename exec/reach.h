/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process asks of a socket that could reach somebody: connect(2), listen(2), sendto(2) with an address,
 * sendmsg(2) and sendmmsg(2). All of it is read once, and done by the supervisor on a duplicate of the socket: what the
 * process has in its memory, or under that descriptor's number, may be something else by then.
 *
 * Errors named errno are the kernel's numbers, positive.
 */
#ifndef SALLYPORT_EXEC_REACH_H
#define SALLYPORT_EXEC_REACH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "exec/resolve.h"
#include "exec/target.h"

#define SP_REACH_STREAM_MAX ((size_t)64 * 1024)	  /* bytes of one send on a stream; the rest is another one */
#define SP_REACH_MESSAGE_MAX ((size_t)256 * 1024) /* bytes of one datagram or packet; more is EMSGSIZE */
#define SP_REACH_PARTS_MAX 1024			  /* parts that a message is put together from */
#define SP_REACH_CONTROL_MAX 4096		  /* bytes of its control messages */
#define SP_REACH_FDS_MAX 64			  /* descriptors that one message passes on */
#define SP_REACH_GUARD_MS 50			  /* how long a call that must not wait can be made to */

enum sp_reach_call {
	SP_REACH_CONNECT = 1,
	SP_REACH_LISTEN,
	SP_REACH_SEND
};

struct sp_reach {
	enum sp_reach_call call;
	bool is_free;	/* needs no decision: nobody else can be reached by it */
	bool is_kernel; /* root's talk with the kernel: to go on as it is */
	bool is_waiting; /* a connect under way: see sp_reach_finish() */
	bool may_wait;
	int fd;	     /* the socket, its and ours */
	int domain, type, protocol;
	uint64_t written; /* where sendmmsg wants to know how much; 0: nowhere */
	/* For the decision: */
	uint8_t what; /* enum sp_ipc_exec_protocol */
	bool is_v6;
	uint8_t address[16];
	uint16_t port;
	char path[PATH_MAX];
	/* For doing it: */
	struct sp_resolved file; /* UNIX with a path */
	struct sockaddr_storage to;
	socklen_t to_len; /* 0: none */
	int backlog, flags;
	char *data;
	size_t len;
	_Alignas(struct cmsghdr) char control[SP_REACH_CONTROL_MAX];
	size_t control_len;
	bool has_credentials; /* among them */
	int fds[SP_REACH_FDS_MAX];
	size_t nfds;
};

bool sp_reach_is(long nr);
/* Reads call nr of t, which the caller clears in any case. 0, or the errno to answer with. */
int sp_reach_read(const struct sp_target *t, long nr, const uint64_t args[6], struct sp_reach *ret_r) SP_MUST_CHECK;
/*
 * Does it. 0 and what the call returns; or its errno. EINPROGRESS with is_waiting: a connect goes on, to be asked for by
 * sp_reach_finish() when the socket is writable; EAGAIN with may_wait: to be done again when it is.
 */
int sp_reach_do(const struct sp_target *t, struct sp_reach *r, long *ret_value) SP_MUST_CHECK;
/* The address its socket has by now, for the decision. 0 or errno. */
int sp_reach_local(struct sp_reach *r) SP_MUST_CHECK;
/* How a connect came out. 0 or its errno. */
int sp_reach_finish(struct sp_reach *r) SP_MUST_CHECK;
void sp_reach_clear(struct sp_reach *r);

#endif
