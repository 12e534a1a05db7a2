/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of scp and rsync on their way: what the person sends, what the host sends, and the host's stderr line by
 * line. What is read is left for the owner, which moves it on as it likes; a side that does not read stops the other.
 */
#ifndef SALLYPORT_SESSION_AGENT_COPY_PUMP_H
#define SALLYPORT_SESSION_AGENT_COPY_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_COPY_PUMP_CHUNK ((size_t)64 * 1024) /* bytes read at once */
#define SP_COPY_PUMP_ROOM ((size_t)256 * 1024) /* bytes of one way that wait, before and behind the owner each */
#define SP_COPY_PUMP_LINE_MAX 1024	       /* bytes of a line of stderr */

struct event;
struct event_base;
struct sp_copy_pump;

struct sp_copy_way {
	struct sp_copy_pump *pump;
	int from, to; /* -1: not there */
	struct event *rd, *wr;
	struct sp_buf *in;  /* read: the owner's to move on */
	struct sp_buf *out; /* moved on: the pump's to write */
	uint64_t bytes;	    /* written */
	bool has_ended;	    /* nothing more comes */
	bool is_deaf;	    /* nobody reads what is written */
};

struct sp_copy_pump_ops {
	void (*run)(void *ctx); /* bytes came, went, or ended: move on what can be, then sp_copy_pump_go() */
	void (*line)(void *ctx, const char *line); /* of stderr, as it came but for NULs */
};

struct sp_copy_pump {
	struct event_base *base;
	const struct sp_copy_pump_ops *ops;
	void *ctx;
	struct sp_copy_way up, down; /* person to host; host to person */
	int theirs[3];		     /* the client's ends, until it has them */
	int err;
	struct event *err_rd;
	char line[SP_COPY_PUMP_LINE_MAX + 1];
	size_t line_len;
	int flags; /* of the person's stdout before O_NONBLOCK; -1: untouched */
	bool is_paused;
};

/* in, out: the person's, which stay the session's. Must be closed whatever comes. NOMEM, SYSTEM. */
int sp_copy_pump_open(struct sp_copy_pump *p, struct event_base *base, int in, int out,
    const struct sp_copy_pump_ops *ops, void *ctx) SP_MUST_CHECK;
void sp_copy_pump_close(struct sp_copy_pump *p);
/* Descriptors for the client of the host, once. They stay the pump's. SYSTEM, NOMEM. */
int sp_copy_pump_host(struct sp_copy_pump *p, int ret_fds[3]) SP_MUST_CHECK;
void sp_copy_pump_given(struct sp_copy_pump *p); /* it has them */
/* Writes what can be written, and waits for what has room. Not from inside of a line. */
void sp_copy_pump_go(struct sp_copy_pump *p);
/* The person sends no more, as far as the host is concerned, once what is in up.out has gone. */
void sp_copy_pump_hush(struct sp_copy_pump *p);
void sp_copy_pump_stop(struct sp_copy_pump *p); /* nothing is read or written any more */
/* Whether the host's side has ended and all of it is with the person. */
bool sp_copy_pump_is_drained(const struct sp_copy_pump *p);

#endif
