/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client connection of a session and its own server connection. The struct
 * is open to the postgres_*.c files alone, which share its two directions:
 *
 *	client -> c_in -> postgres_gate.c  (decide, record, hold) -> s_out -> server
 *	server -> s_in -> postgres_reply.c (mask, record)         -> c_out -> client
 *
 * What was sent to the server and still has to be answered is a queue of
 * expectations in the order of sending; answers are matched to its head. A
 * refused message is replaced by one that fails harmlessly at the server in the
 * very place, so order, skipping up to Sync and the transaction's state are the
 * server's own and true; its error is then replaced by ours.
 */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_CONN_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "mask/mask.h"
#include "proto/pg_backend.h"
#include "proto/pg_frontend.h"
#include "session-agent/postgres_dial.h"
#include "session-agent/postgres_login.h"
#include "session-agent/postgres_names.h"
#include "session-agent/postgres_verdict.h"
#include "session-agent/session.h"

struct event;
struct sp_postgres_conn;

#define SP_POSTGRES_CONNS_MAX 64	/* client connections of one session */
#define SP_POSTGRES_PIPELINE_MAX 1024	/* messages sent and not yet answered; a power of two */
#define SP_POSTGRES_READ_SIZE 32768	/* bytes of one read */
#define SP_POSTGRES_HIGH_WATER ((size_t)256 * 1024) /* bytes waiting on one side that stop reading the other */
#define SP_POSTGRES_STATEMENT_MAX ((size_t)4 * 1024 * 1024) /* bytes of one statement's text */
#define SP_POSTGRES_STARTUP_SECONDS 30	/* for a client to finish its startup packet */

/* What one statement's answer needs; shared by the expectations it belongs to. */
struct sp_postgres_run {
	unsigned refs;
	uint64_t seq;
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint64_t rows, bytes;
	struct sp_postgres_masks *masks; /* NULL: nothing is masked */
	bool is_matched;		 /* a rule with a mask let it through */
	bool is_tainted;		 /* reads something with masked columns, or may */
	bool is_altered;		 /* what the catalogs say of user tables may not hold for it */
	unsigned n_harmless;		 /* output columns of the text, 0 if it does not tell */
	uint8_t harmless[32];		 /* bit i: output i shows no stored value */
	struct sp_mask_counts counts;
	uint64_t masked_columns; /* cells masked by a column rule or for lack of attribution */
	const char *label;
	bool is_refused;
	char sqlstate[6];
	char *message; /* refused: why; NULL when memory ran out (sp_postgres_run_message) */
};

enum sp_postgres_expect_kind {
	SP_POSTGRES_X_QUERY,	  /* up to ReadyForQuery */
	SP_POSTGRES_X_PARSE,	  /* ParseComplete */
	SP_POSTGRES_X_BIND,	  /* BindComplete */
	SP_POSTGRES_X_DESCRIBE_S, /* ParameterDescription, then RowDescription or NoData */
	SP_POSTGRES_X_DESCRIBE_P, /* RowDescription or NoData */
	SP_POSTGRES_X_HIDDEN,	  /* as DESCRIBE_P, asked by us and not shown */
	SP_POSTGRES_X_EXECUTE,	  /* rows, then CommandComplete, PortalSuspended or EmptyQueryResponse */
	SP_POSTGRES_X_CLOSE,	  /* CloseComplete */
	SP_POSTGRES_X_SYNC	  /* ReadyForQuery */
};

struct sp_postgres_expect {
	enum sp_postgres_expect_kind kind;
	bool adds;	/* the name gains a candidate, otherwise it loses those up to id */
	bool discards;	/* DEALLOCATE ALL or DISCARD: every statement up to id is gone */
	bool is_failed; /* QUERY: an error came */
	bool alters;	/* may give a known name to another table or view (postgres_verdict.h) */
	bool changes;	/* DDL: what is known of the catalogs is old when it has run */
	struct sp_postgres_names *names; /* where name belongs */
	struct sp_postgres_run *run; /* NULL for what carries no statement */
	struct sp_postgres_name *name;
	uint64_t id; /* of the candidate, or the mark */
};

/* Why a client's next message waits. */
enum sp_postgres_hold {
	SP_POSTGRES_GO,
	SP_POSTGRES_HOLD_RECORD,   /* no room in the record: record_ready */
	SP_POSTGRES_HOLD_DURABLE,  /* fsync of the recorder */
	SP_POSTGRES_HOLD_APPROVAL, /* somebody decides */
	SP_POSTGRES_HOLD_CATALOG,  /* where the masked columns are */
	SP_POSTGRES_HOLD_ANSWERS   /* the queue of expectations must drain first */
};

enum sp_postgres_state {
	SP_POSTGRES_STARTUP, /* the client's first packets */
	SP_POSTGRES_LOGIN,   /* ours at the server */
	SP_POSTGRES_READY,
	SP_POSTGRES_CLOSING, /* flush c_out, then close */
	SP_POSTGRES_DEAD     /* freed as soon as nothing points here */
};

struct sp_postgres_conn {
	struct sp_postgres_conn *next;
	struct sp_postgres_proxy *px;
	enum sp_postgres_state state;
	unsigned pins; /* callbacks still to come */

	int cfd;
	struct event *c_rd, *c_wr, *c_timer;
	struct sp_buf *c_in, *c_out;
	struct sp_stream *srv;
	struct event *s_rd, *s_wr;
	bool is_client_watched, is_server_watched; /* c_rd and s_rd are added */
	struct sp_buf *s_in, *s_out;
	bool c_eof;
	bool is_leaving; /* Terminate was passed on: close once it is sent */
	bool is_running; /* inside sp_postgres_conn_run() */
	unsigned n_probes;	/* SSLRequest and GSSENCRequest seen */

	/* login */
	struct sp_postgres_login *login;
	struct sp_buf *startup; /* the options to send, as name NUL value NUL ... */
	uint32_t pid, key;	/* what the client was told */
	uint32_t server_pid, server_key;

	/* client to server */
	enum sp_postgres_hold hold;
	uint64_t held_seq;	/* number given to the message at the front of c_in, 0 none */
	bool is_recorded;	/* its event is on record (and durable once hold is GO) */
	bool durable_now;	/* the durability call answered at once */
	int durable_err;
	bool is_durable;
	int catalog_err;	/* the catalogs could not be read */
	struct sp_approval *approval;
	enum sp_policy_effect recorded; /* what the event on record says */
	uint8_t digest[32];	/* what was asked for approval */
	bool is_granted;	/* that digest was granted, for this one message */
	char request_id[64];
	int approval_end;	/* final state, when not granted */
	char approval_text[300];
	uint64_t copy_left;	/* bytes of a CopyData being passed on */
	bool copy_in;		/* the server takes CopyData */
	bool copy_drop;		/* the bytes of copy_left are not passed on: the server would ignore them */
	uint64_t segment;	/* of the pipeline: grows at Sync and Query */
	bool has_flushed;	/* Flush was sent for the message that waits for answers */
	bool is_stalled;	/* s_out was full: go on when it has drained */
	bool has_changed;	/* DDL ran in the open transaction */
	bool has_altered;	/* some that gives known names to other tables or views */
	unsigned n_alters;	/* such statements in the queue */
	bool is_altering;	/* counted in the proxy's n_altering: either of the two */
	struct sp_postgres_names *statements, *portals, *cursors, *holds; /* DECLARE; holds: WITH HOLD */
	bool is_skipping;	/* the server ignores everything up to Sync */
	char last_described[SP_PG_NAME_MAX + 1]; /* portal of the newest expectation if that describes it */
	bool has_described;

	/* expectations */
	struct sp_postgres_expect queue[SP_POSTGRES_PIPELINE_MAX];
	unsigned q_head, q_len;
	unsigned held_len; /* q_len when HOLD_ANSWERS began */

	/* server to client */
	struct sp_mask_stream *copy_out; /* masks COPY data */
	bool s_hold;		 /* a RESULT has no room in the record */
	uint64_t pass_left;	 /* bytes of a server message being passed on unseen */
	struct sp_buf *notices;	 /* ours, to be put at the next message boundary */
	unsigned n_cols;
	struct sp_postgres_column *cols; /* SP_PG_COLUMNS_MAX once needed */
	struct sp_pg_cell *cells;	 /* the same */
	const struct sp_postgres_run *cols_run; /* whom cols are resolved for; compared only */
	bool has_hidden;	 /* some column is not just scanned */
	struct sp_buf *scratch;	 /* replacements */
	bool waits_credential; /* in state LOGIN: it is not yet asked for */
	bool is_broken;		 /* c_out ends in the middle of a message */
	uint8_t tx;			 /* the last ReadyForQuery's status */
};

/* --- postgres_conn.c: bytes ------------------------------------------------------------------------ */
/* Takes over fd. NULL: out of memory, fd closed. */
struct sp_postgres_conn *sp_postgres_conn_new(struct sp_postgres_proxy *px, int fd);
/* Does all that can be done now in both directions. The only caller of gate and reply. May free the connection. */
void sp_postgres_conn_run(struct sp_postgres_conn *c);
/* As run, from the event loop: safe to call from anywhere. */
void sp_postgres_conn_wake(struct sp_postgres_conn *c);
/* Says why (FATAL) if the client can still hear it, flushes and closes. */
void sp_postgres_conn_fatal(struct sp_postgres_conn *c, const char *sqlstate, const char *message, const char *hint);
/* Closes after flushing. */
void sp_postgres_conn_close(struct sp_postgres_conn *c);
/* Frees at once or, while pinned, later. */
/* The session is over: a client that has no tool to see it end is told, as far as it takes it at once. */
void sp_postgres_conn_farewell(struct sp_postgres_conn *c);
void sp_postgres_conn_kill(struct sp_postgres_conn *c);
void sp_postgres_conn_unpin(struct sp_postgres_conn *c);
/* The server side is logged in: watch it. */
int sp_postgres_conn_attach(struct sp_postgres_conn *c, struct sp_postgres_logged_in *l) SP_MUST_CHECK;
uint64_t sp_postgres_now(void); /* CLOCK_MONOTONIC, ns */

struct sp_postgres_run *sp_postgres_run_new(uint64_t seq);
void sp_postgres_run_unref(struct sp_postgres_run *r); /* NULL is fine */
/* Why it is refused, never NULL; valid as long as the run. */
const char *sp_postgres_run_message(const struct sp_postgres_run *r);
/* n_alters, has_altered or the state has changed. */
void sp_postgres_conn_altering(struct sp_postgres_conn *c);
/* Pushes an expectation; the queue must have room (sp_postgres_queue_room). */
struct sp_postgres_expect *sp_postgres_expect_push(struct sp_postgres_conn *c, enum sp_postgres_expect_kind kind);
struct sp_postgres_expect *sp_postgres_expect_head(struct sp_postgres_conn *c); /* NULL: none */
void sp_postgres_expect_pop(struct sp_postgres_conn *c, bool took_effect);

/* --- postgres_startup.c ---------------------------------------------------------------------------- */
/* Works on c_in in STARTUP. 0 or INCOMPLETE; the connection may be closing afterwards. */
int sp_postgres_startup_run(struct sp_postgres_conn *c);

/* --- postgres_gate.c --------------------------------------------------------------------------------- */
/* Passes what may pass from c_in to s_out. 0, INCOMPLETE (more bytes), AGAIN (held), others: closing. */
int sp_postgres_gate_run(struct sp_postgres_conn *c);

/* --- postgres_reply.c -------------------------------------------------------------------------------- */
/* Passes what may pass from s_in to c_out. As above. */
int sp_postgres_reply_run(struct sp_postgres_conn *c);
/* The connection ends: what still runs at the server is put on record as abandoned. */
void sp_postgres_reply_abandon(struct sp_postgres_conn *c);

#endif
