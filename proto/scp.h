/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of rcp, as `scp -O` still speaks it. A source sends records, a sink answers each with a status:
 *
 *	C MODE SIZE NAME \n	a file; SIZE bytes and a status of the source's follow once the sink has said yes
 *	D MODE 0 NAME \n	what follows is inside of this directory, up to
 *	E \n			its end
 *	T MTIME 0 ATIME 0 \n	times of the next C or D
 *	\0  \1 TEXT \n  \2 TEXT \n	status: yes, no, no and over
 *
 * Strict: four octal digits, decimal sizes below 2^63 without sign or leading zero, names that are one plain path
 * component. Pure: bytes in, bytes out.
 */
#ifndef SALLYPORT_PROTO_SCP_H
#define SALLYPORT_PROTO_SCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_SCP_NAME_MAX 255    /* bytes of one name */
#define SP_SCP_TEXT_MAX 2048   /* bytes of a status's text */
#define SP_SCP_PATH_MAX 4096   /* bytes of a path, with its NUL */
#define SP_SCP_DEPTH_MAX 128   /* directories inside of each other */
#define SP_SCP_SIZE_MAX INT64_MAX /* bytes of a file */

/* --- the command ------------------------------------------------------------------------------------- */

struct sp_scp_request {
	bool is_source;	   /* -f: the host sends; otherwise -t */
	bool is_recursive; /* -r */
	bool has_times;	   /* -p */
	bool is_directory; /* -d: the path must be one */
	bool is_verbose;   /* -v */
	bool is_quiet;	   /* -q */
	const char *path;  /* argv's */
};

/*
 * The words of `scp -t|-f [-r] [-p] [-d] [-v] [-q] [--] PATH`, which must be exactly these. INVALID: *ret_problem says
 * what is wrong, for the person.
 */
int sp_scp_request_parse(size_t argc, const char *const argv[], struct sp_scp_request *ret_q,
    const char **ret_problem) SP_MUST_CHECK;
/* Appends the same command for a POSIX shell, with path in place of its own, quoted. Errors as sp_buf_put(). */
int sp_scp_request_write(const struct sp_scp_request *q, const char *path, struct sp_buf *out) SP_MUST_CHECK;

/* --- messages ------------------------------------------------------------------------------------------ */

enum sp_scp_type {
	SP_SCP_OK = 0, /* statuses as they are on the wire */
	SP_SCP_ERROR = 1,
	SP_SCP_FATAL = 2,
	SP_SCP_FILE = 'C',
	SP_SCP_DIRECTORY = 'D',
	SP_SCP_END = 'E',
	SP_SCP_TIMES = 'T'
};

struct sp_scp_msg {
	enum sp_scp_type type;
	unsigned mode;		/* C, D: up to 07777 */
	uint64_t size;		/* C */
	uint64_t mtime, atime;	/* T: seconds since 1970 */
	struct sp_view text;	/* C, D: the name; ERROR, FATAL: what is said; within the bytes that were read */
};

/*
 * The message at the front of p and its length. A source may send any but OK where a record is due
 * (sp_scp_parse_record), a source after a file's bytes and a sink any status (sp_scp_parse_status). INCOMPLETE; FORMAT;
 * LIMIT (a line, a name or a size too long).
 */
int sp_scp_parse_record(const void *p, size_t n, struct sp_scp_msg *ret_m, size_t *ret_len) SP_MUST_CHECK;
int sp_scp_parse_status(const void *p, size_t n, struct sp_scp_msg *ret_m, size_t *ret_len) SP_MUST_CHECK;
/* Appends it; the text of a status is made one plain line and cut. Sticky, as sp_buf_put(). */
int sp_scp_put(struct sp_buf *out, const struct sp_scp_msg *m);
int sp_scp_put_status(struct sp_buf *out, enum sp_scp_type type, const char *text); /* text NULL for OK */

/* --- a transfer, with us between source and sink ------------------------------------------------------------ */

/*
 * The caller fills from_source and from_sink with what came and sends what is put into to_source and to_sink. It calls
 * sp_scp_run() until that returns AGAIN, and answers each ENTRY with sp_scp_allow() or sp_scp_refuse() and each DATA
 * with sp_scp_pass() before the next one. Nothing of an entry, nor of its times, reaches the sink before it is allowed.
 */
struct sp_scp_wire {
	struct sp_buf *from_source, *from_sink, *to_source, *to_sink;
	/* What one side says to the other is passed on as this returns it (valid until the next call). NULL: as it is. */
	const char *(*said)(void *ctx, bool is_source, const char *text);
	void *ctx;
};

enum sp_scp_event_type {
	SP_SCP_ENTRY = 1, /* a file or directory is announced: decide */
	SP_SCP_OPENED,	  /* the sink takes it */
	SP_SCP_DATA,	  /* bytes of the file: data */
	SP_SCP_CLOSED	  /* the file is over, or an entry was not taken: status, and whose */
};

struct sp_scp_event {
	enum sp_scp_event_type type;
	bool is_directory;
	unsigned mode;
	uint64_t size;
	bool has_times;
	/*
	 * ENTRY: where it is on the host. A sink that was not told that its path is a directory (-d, or a slash at its end)
	 * finds out by itself, so that there are two places it can be: all must be allowed.
	 */
	const char *paths[2];
	size_t n_paths;
	struct sp_view data;
	enum sp_scp_type status;
	bool is_source; /* the source has said so, not the sink */
};

struct sp_scp;

/* path: of the host, absolute. INVALID (it has no name: "/" cannot be sent), LIMIT, NOMEM. */
int sp_scp_new(const struct sp_scp_request *q, const char *path, const struct sp_scp_wire *wire,
    struct sp_scp **ret_t) SP_MUST_CHECK;
void sp_scp_free(struct sp_scp *t); /* NULL is fine */
/*
 * The next event. AGAIN: more bytes, or room to put more, are needed. CLOSED: a side has ended it by FATAL. Others end it,
 * sp_scp_problem() says why: FORMAT, PROTOCOL (out of turn, or not what was asked for), LIMIT, NOMEM.
 */
int sp_scp_run(struct sp_scp *t, struct sp_scp_event *ret_ev) SP_MUST_CHECK;
const char *sp_scp_problem(const struct sp_scp *t);
void sp_scp_allow(struct sp_scp *t);
/* Tells the source why, in place of the sink's answer, and a sink that is the person's too. */
void sp_scp_refuse(struct sp_scp *t, const char *text);
/* Moves the data of the last event to to_sink. NOMEM. */
int sp_scp_pass(struct sp_scp *t) SP_MUST_CHECK;
/* Whether the source may end here: nothing is half sent. */
bool sp_scp_is_done(const struct sp_scp *t);

#endif
