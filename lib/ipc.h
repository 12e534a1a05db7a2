/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frame every Sallyport process speaks over AF_UNIX stream sockets, and a
 * blocking client with deadlines for short-lived programs and the PAM module.
 * PROTOCOL.ipc lists the interfaces and their messages.
 *
 *   u32 length (of what follows) | u8 version | u8 type | u32 id | body
 *
 * A reply carries the id of its request; a message that is no reply carries 0.
 * File descriptors travel by SCM_RIGHTS with the first byte of their frame.
 */
#ifndef SALLYPORT_LIB_IPC_H
#define SALLYPORT_LIB_IPC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_IPC_VERSION 1
#define SP_IPC_FRAME_MAX ((size_t)1024 * 1024) /* bytes after the length field */
#define SP_IPC_HEADER 10		       /* bytes before the body, length field included */
#define SP_IPC_FDS_MAX 8		       /* descriptors with one frame */

/* One message. body is a view into the buffer it was parsed from; fds belong to the message. */
struct sp_ipc_msg {
	uint8_t type;
	uint32_t id;
	struct sp_view body;
	int fds[SP_IPC_FDS_MAX];
	size_t nfds;
};

/* Appends one frame to out. body may be NULL (empty). LIMIT, NOMEM. */
int sp_ipc_frame(struct sp_buf *out, uint8_t type, uint32_t id, const struct sp_buf *body) SP_MUST_CHECK;
/*
 * Parses the frame at the front of in without consuming it: fills type, id, body (a view) and
 * *ret_size, the bytes to consume afterwards. INCOMPLETE, LIMIT, FORMAT (version, length).
 */
int sp_ipc_parse(const struct sp_buf *in, struct sp_ipc_msg *ret_msg, size_t *ret_size) SP_MUST_CHECK;
/* Closes the descriptors a message still holds (each set to -1 when taken). */
void sp_ipc_msg_clear(struct sp_ipc_msg *msg);

/*
 * One recvmsg(2) that does not block: up to n bytes to p, descriptors (CLOEXEC) added to msg. *ret_n > 0,
 * or AGAIN, CLOSED, SYSTEM (errno), LIMIT (more descriptors than a message holds; none of them leaks).
 */
int sp_ipc_read(int fd, void *p, size_t n, struct sp_ipc_msg *msg, size_t *ret_n) SP_MUST_CHECK;
/*
 * One sendmsg(2) that neither blocks nor raises SIGPIPE: up to n bytes, all nfds descriptors (which stay
 * the caller's) with the first. *ret_n > 0, or AGAIN, CLOSED, SYSTEM (errno).
 */
int sp_ipc_write(int fd, const void *p, size_t n, const int *fds, size_t nfds, size_t *ret_n) SP_MUST_CHECK;

/* How long who needs a daemon waits for one that is being restarted (sp_ipc_connect_patient). */
#define SP_IPC_RESTART_MS 2000

/* CLOCK_MONOTONIC now, in milliseconds; deadlines below are on this clock. */
int64_t sp_ipc_now_ms(void);
/*
 * Connects to the socket at path; *ret_fd is CLOEXEC, nonblocking, owned by the caller. The peer must
 * run as root or as uid `owner` (pass 0 for root only; SO_PEERCRED). TIMEOUT, SYSTEM, UNAVAILABLE
 * (no such socket or nobody listening), DENIED (wrong owner).
 */
int sp_ipc_connect(const char *path, uid_t owner, int64_t deadline_ms, int *ret_fd) SP_MUST_CHECK;
/*
 * The same, patient with a service that is being restarted: while it would be UNAVAILABLE it is tried again until
 * wait_ms have passed (not longer than until the deadline).
 */
int sp_ipc_connect_patient(const char *path, uid_t owner, int64_t wait_ms, int64_t deadline_ms, int *ret_fd)
    SP_MUST_CHECK;
/* Sends one frame with nfds descriptors (which stay the caller's). TIMEOUT, CLOSED, SYSTEM, LIMIT, NOMEM. Never raises
 * SIGPIPE. */
int sp_ipc_send(int fd, uint8_t type, uint32_t id, const struct sp_buf *body, const int *fds, size_t nfds,
    int64_t deadline_ms) SP_MUST_CHECK;
/*
 * Receives one frame into buf (reset first; the message's body points into it). Reads no byte past the
 * frame. Received descriptors are CLOEXEC. TIMEOUT, CLOSED, SYSTEM, LIMIT, FORMAT, NOMEM.
 */
int sp_ipc_recv(int fd, struct sp_buf *buf, struct sp_ipc_msg *ret_msg, int64_t deadline_ms) SP_MUST_CHECK;
/* Send with id 1, then receive the reply: PROTOCOL if its id is not 1 or its type is not reply_type. */
int sp_ipc_call(int fd, uint8_t type, const struct sp_buf *body, uint8_t reply_type, struct sp_buf *buf,
    struct sp_ipc_msg *ret_msg, int64_t deadline_ms) SP_MUST_CHECK;

#endif
