/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the file transfer proxy. sftp_proxy.c has its life and the client's side, sftp_request.c what requests
 *on paths need, sftp_op.c their steps, sftp_handle.c open files, sftp_flow.c the bytes that pass, sftp_spool.c files
 *that are masked, sftp_target.c the servers' side, sftp_path.c the tree's names.
 *
 * A request about a path goes these steps, each of which may take an answer of the server's:
 *
 *	SP_SFTP_STEP_CONNECT	the target's transport is there and its server has said its version
 *	SP_SFTP_STEP_RESOLVE	REALPATH of the path, or of its directory where the name itself is meant; then of the
 *second SP_SFTP_STEP_LOOK	LSTAT of what is to be renamed: is it a directory? SP_SFTP_STEP_GATE	decided,
 *recorded, approved (file_gate.h) SP_SFTP_STEP_DO		the request itself, with the resolved paths
 *	SP_SFTP_STEP_SPOOL	a file with masks is fetched whole, before its handle is given to the client
 *
 * Requests on handles need the last but one only.
 */
#ifndef SALLYPORT_SESSION_AGENT_SFTP_PROXY_H
#define SALLYPORT_SESSION_AGENT_SFTP_PROXY_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/sftp.h"
#include "session-agent/file_copy.h"
#include "session-agent/file_gate.h"
#include "session-agent/session.h"
#include "session-agent/sftp_kind.h"
#include "session-agent/sftp_path.h"
#include "session-agent/sieve.h"

#define SP_SFTP_TARGETS_MAX 8		       /* of one session */
#define SP_SFTP_HANDLES_MAX 64		       /* open at once */
#define SP_SFTP_OPS_MAX 256		       /* requests under way; the client is not read while there are so many */
#define SP_SFTP_OUT_HIGH ((size_t)1024 * 1024) /* bytes waiting for a side, at which the other one is not read */
#define SP_SFTP_OUT_MAX (SP_SFTP_OUT_HIGH + (SP_SFTP_OPS_MAX + 4) * (SP_SFTP_PACKET_MAX + 64)) /* never reached */
#define SP_SFTP_SPOOL_MAX ((size_t)16 * 1024 * 1024) /* bytes of a file that is masked */
#define SP_SFTP_SPOOLS_MAX 4			     /* such files open at once */
#define SP_SFTP_SPOOL_READ 32768
#define SP_SFTP_STOPPED 254 /* exit status of what Sallyport ended */

struct event;
struct sp_sftp;
struct sp_sftp_target;
struct sp_ssh_proxy;

/* Bytes of one file, one way. */
struct sp_sftp_flow {
	bool is_begun, is_shuffled; /* shuffled: not in order, so there is no digest */
	bool is_short; /* its last part was shorter than what was asked for */
	uint64_t offset, next, bytes;
	EVP_MD_CTX *md;
};

struct sp_sftp_handle {
	bool is_used, is_closing, is_dir, is_root;
	bool is_given;	 /* the client has it; until then no request can be about it */
	bool is_revoked; /* by a change of policy */
	bool is_old;	 /* the policy changed before the server had answered its OPEN */
	uint32_t serial;
	struct sp_sftp_target *target; /* NULL: the root of the tree */
	uint8_t theirs[SP_SFTP_HANDLE_MAX];
	size_t ntheirs;
	char *path;
	uint32_t words; /* it was opened with */
	bool is_approved;
	uint64_t seq;
	int64_t began_ms;
	struct sp_sftp_flow up, down;
	struct sp_file_scan *scan_up, *scan_down; /* what is looked for in what passes; NULL: nothing */
	struct sp_file_copy *copy;		  /* of what passes, for the quarantine; NULL: none is kept */
	bool is_kept;				  /* it will be, for something was found */
	bool is_emptied;			  /* and what the host had of it is gone */
	bool is_to_cut;	 /* scanned, and what was in it is to go before the first write */
	bool has_failed; /* a read or write has */
	bool is_cut;	 /* ours was the refusal */
	bool is_at_end;	 /* its end was read */
	/* what is masked is here as a whole */
	struct sp_buf *spool;
	struct sp_sieve *sieve;
	struct sp_sieve_stream *stream;
	uint64_t spooled; /* bytes fetched */
	bool is_masked;
	char masked_json[512];
	size_t root_next; /* in the list of targets */
};

enum sp_sftp_step {
	SP_SFTP_STEP_CONNECT = 0,
	SP_SFTP_STEP_RESOLVE,
	SP_SFTP_STEP_LOOK,
	SP_SFTP_STEP_GATE,
	SP_SFTP_STEP_DO,
	SP_SFTP_STEP_SPOOL
};

struct sp_sftp_op {
	bool is_used, is_ours; /* ours: the client does not wait for it */
	uint32_t serial;       /* of the slot: an answer to an older request is none to this one */
	struct sp_sftp *x;
	struct sp_sftp_target *target;
	uint8_t type;
	enum sp_sftp_extension extension;
	uint32_t id; /* the client's */
	enum sp_sftp_step step;
	struct sp_sftp_handle *handle;
	/* on paths */
	char *asked[2];	   /* as the client has them, on the target */
	bool is_name[2];   /* the name is meant, not what it leads to */
	char *resolved[2]; /* as the server has them */
	char *name[2];	   /* the last part, behind the resolved directory */
	unsigned npaths, at;
	char *text; /* SYMLINK: what it will hold */
	uint32_t words, flags;
	uint8_t *attrs;
	size_t nattrs;
	struct sp_sftp_attrs a;
	bool is_file, is_unresolved;
	enum sp_sftp_code unresolved; /* what the server said to that */
	char details[128];
	struct sp_file_request *request;
	uint64_t seq;
	bool is_approved;
	bool is_again; /* approved, and its paths are resolved once more: they may lead elsewhere by now */
	/* on handles */
	uint64_t offset;
	uint32_t length;
};

enum sp_sftp_stage {
	SP_SFTP_TARGET_NONE = 0,
	SP_SFTP_TARGET_CONNECTING,
	SP_SFTP_TARGET_READY,
	SP_SFTP_TARGET_OVER
};

struct sp_sftp_target {
	struct sp_sftp *x;
	enum sp_sftp_stage stage;
	char name[SP_POLICY_NAME_MAX + 1];
	struct sp_file_gate *gate;
	struct sp_ssh_proxy *px;
	int to, from, err; /* the transport's stdin, stdout and stderr */
	int theirs[3];	   /* their other ends, until it has them */
	struct event *rd, *wr, *said;
	struct sp_buf *in, *out;
	uint32_t extensions;
	char why[256]; /* it is over */
};

struct sp_sftp {
	struct sp_session *session;
	int in, out; /* the client's; not ours to close */
	int in_flags, out_flags;
	struct event *rd, *wr, *turn;
	struct sp_buf *from, *to; /* client */
	bool has_version, is_over, is_paused;
	bool has_ended;			   /* the client says no more */
	char root[SP_POLICY_NAME_MAX + 1]; /* of whose files / is; "": all targets' */
	struct sp_sftp_hooks hooks;
	int64_t last_ms; /* when something came from the client */
	uint32_t serial;
	uint8_t key[SP_SIEVE_KEY];
	unsigned nops, nspools;
	struct sp_sftp_op ops[SP_SFTP_OPS_MAX];
	struct sp_sftp_handle handles[SP_SFTP_HANDLES_MAX];
	struct sp_sftp_target targets[SP_SFTP_TARGETS_MAX];
};

/* --- sftp_proxy.c --- */
/* Moves what can be moved, from the loop. */
void sp_sftp_pump(struct sp_sftp *x);
/* Nothing may move: the session is paused, or the recorder is away and waited for. */
bool sp_sftp_is_held(const struct sp_sftp *x);
/* Ends the session after one line for the person. */
void sp_sftp_fail(struct sp_sftp *x, const char *text);
/* Answers to the client. */
void sp_sftp_status(struct sp_sftp *x, uint32_t id, enum sp_sftp_code code, const char *message);
void sp_sftp_send(struct sp_sftp *x, uint8_t type, uint32_t id, const struct sp_sftp_part *parts, size_t n);

/* --- sftp_request.c --- */
/* A request on paths: begins it. */
void sp_sftp_op_begin(struct sp_sftp *x, const struct sp_sftp_request *q);
/* For the record and the approver: details of what a request asks. */
void sp_sftp_op_describe(struct sp_sftp_op *op, const struct sp_sftp_request *q);

/* --- sftp_op.c --- */
/* NULL: too many are under way, which the caller has to answer. */
struct sp_sftp_op *sp_sftp_op_new(struct sp_sftp *x, const struct sp_sftp_request *q);
void sp_sftp_op_free(struct sp_sftp_op *op);
/* Ends it with a status, and frees it. */
void sp_sftp_op_end(struct sp_sftp_op *op, enum sp_sftp_code code, const char *message);
/* Decides on what is in resolved, then does it. */
void sp_sftp_op_gate(struct sp_sftp_op *op);
/* Its target is ready, or over. */
void sp_sftp_op_target(struct sp_sftp_op *op);
/* The text of a status. */
const char *sp_sftp_op_text(uint32_t code);
/* The server's answer to what the op has sent. */
void sp_sftp_op_answer(struct sp_sftp_op *op, const struct sp_sftp_answer *a, struct sp_view packet);

/* --- sftp_handle.c --- */
/* NULL: there is no room. */
struct sp_sftp_handle *sp_sftp_handle_new(struct sp_sftp *x, struct sp_sftp_target *target);
struct sp_sftp_handle *sp_sftp_handle_find(struct sp_sftp *x, struct sp_view handle);
/* Says HANDLE to the client. */
void sp_sftp_handle_give(struct sp_sftp *x, uint32_t id, struct sp_sftp_handle *h);
/* Its transfers go on record; why: NULL if the client has closed it. */
void sp_sftp_handle_free(struct sp_sftp *x, struct sp_sftp_handle *h, const char *why);
/* A request on a handle. */
void sp_sftp_handle_request(struct sp_sftp *x, const struct sp_sftp_request *q);
void sp_sftp_handle_answer(struct sp_sftp_op *op, const struct sp_sftp_answer *a, struct sp_view packet);
/* OPEN was answered with a handle. */
void sp_sftp_handle_opened(struct sp_sftp_op *op, struct sp_view theirs);
void sp_sftp_handle_policy(struct sp_sftp *x);

/* Closes the server's handle of h; nobody waits for that. */
void sp_sftp_handle_shut(struct sp_sftp_op *of, const struct sp_sftp_handle *h);

/* --- sftp_flow.c --- */
/*
 * n bytes of h's file from offset on pass now: from the client to the host (before they are sent), or from the host to
 * the client (before it gets them; masked as it gets them). All contents of files come by here, and nowhere else.
 */
/*
 * Whether they may pass: what is looked for in the file is not among them. NULL, or one line for the client, and nothing
 * passes any more. Before sp_sftp_flow_add().
 */
const char *sp_sftp_flow_look(struct sp_sftp_handle *h, enum sp_file_direction direction, uint64_t offset, const void *p,
    size_t n);
void
sp_sftp_flow_add(struct sp_sftp_handle *h, enum sp_file_direction direction, uint64_t offset, const void *p, size_t n);
/* The host has said that the file ends at offset or before. */
void sp_sftp_flow_eof(struct sp_sftp_handle *h, uint64_t offset);
/* Puts on record what has passed; why: it was cut off, NULL: closed by the client. */
void sp_sftp_flow_end(struct sp_sftp_handle *h, const char *why);

/* --- sftp_spool.c --- */
/* Asks the host for the next part of op's file. */
void sp_sftp_spool_read(struct sp_sftp_op *op);
void sp_sftp_spool_answer(struct sp_sftp_op *op, const struct sp_sftp_answer *a);
/* READ of one that is here as a whole. */
void sp_sftp_spool_serve(struct sp_sftp *x, const struct sp_sftp_request *q, struct sp_sftp_handle *h);

/* --- sftp_target.c --- */
/* Whether there is a target of that name for this person. */
bool sp_sftp_target_is(struct sp_sftp *x, const char *name);
/* The target of that name, connecting if it was not there; NULL: it is not this person's, or there are too many. */
struct sp_sftp_target *sp_sftp_target_get(struct sp_sftp *x, const char *name, const char **ret_why);
/* A request for its server. */
void sp_sftp_target_send(struct sp_sftp_op *op, uint8_t type, const struct sp_sftp_part *parts, size_t n);
void sp_sftp_target_pump(struct sp_sftp_target *t);
void sp_sftp_target_over(struct sp_sftp_target *t, const char *why);
void sp_sftp_target_clear(struct sp_sftp_target *t);
bool sp_sftp_target_is_full(const struct sp_sftp_target *t);

static inline struct sp_sftp_part
sp_sftp_string(const void *p, size_t n)
{
	return (struct sp_sftp_part){ .kind = SP_SFTP_PART_STRING, .bytes = { p, n } };
}

static inline struct sp_sftp_part
sp_sftp_u32(uint32_t v)
{
	return (struct sp_sftp_part){ .kind = SP_SFTP_PART_U32, .number = v };
}

static inline struct sp_sftp_part
sp_sftp_u64(uint64_t v)
{
	return (struct sp_sftp_part){ .kind = SP_SFTP_PART_U64, .number = v };
}

static inline struct sp_sftp_part
sp_sftp_raw(const void *p, size_t n)
{
	return (struct sp_sftp_part){ .kind = SP_SFTP_PART_RAW, .bytes = { p, n } };
}

#endif
