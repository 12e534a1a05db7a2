/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of sallyport-recorder share: one process, one event loop. */
#ifndef SALLYPORT_RECORDER_RECORDER_H
#define SALLYPORT_RECORDER_RECORDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/buf.h"
#include "recorder/gate.h"
#include "recorder/ledger.h"
#include "recorder/record.h"
#include "recorder/sign.h"
#include "recorder/sink.h"

struct event;
struct event_base;
struct sp_emitters;
struct sp_live;

#define SP_RECORDER_SESSIONS_MAX 4096
#define SP_RECORDER_TICK_MS 50	       /* between two looks at the rings of busy sessions */
#define SP_RECORDER_SYNC_MS 200	       /* until a new chain entry is on disk */
#define SP_RECORDER_RETRY_MS 1000      /* between two tries to write after a failure */
#define SP_RECORDER_CHECKPOINT_S 60    /* unless sallyport.yaml says otherwise */
#define SP_RECORDER_GRACE_S 10	       /* for sallyportd, connected again, to name the sessions it still has */
#define SP_RECORDER_RESERVE ((uint64_t)64 * 1024 * 1024) /* bytes kept free: below, new statements are refused */
#define SP_RECORDER_CHECKPOINT_OPEN 400 /* sessions named in one checkpoint entry */

TAILQ_HEAD(sp_live_list, sp_live);

struct sp_recorder {
	struct event_base *base;
	struct sp_sign_key *key;
	struct sp_sign_ring *keys; /* only its public half */
	int root;		   /* the tree */
	int open_dir;		   /* one empty file for each session not yet closed */
	struct sp_record_packer *packer;
	struct sp_ledger *ledger;
	struct sp_buf *block; /* scratch: the block being written */
	uint8_t *event;	      /* scratch: SP_EVENT_MAX bytes */
	struct sp_live_list sessions;
	size_t nsessions;
	struct sp_emitters *emitters;
	struct sp_sink_list sinks; /* those that are on */
	struct sp_gate_list gates; /* ATTACHes not yet answered */
	uint64_t reserve;	/* bytes */
	uint32_t checkpoint_s;	/* between two checkpoints */
	bool has_audit;		/* tell the kernel's audit system, and refuse statements when it cannot be told */
	char fault[160];	/* why nothing can be recorded, or empty */
	uint64_t checked_ms;	/* last look at the free space */
	uint64_t checkpoint_n;	/* the chain's number at the last checkpoint */
	uint64_t events;	/* stored since the start */
	struct event *ev_tick, *ev_fsync, *ev_chain, *ev_retry, *ev_checkpoint, *ev_grace;
};

/* Timers. OK, NOMEM. */
int sp_recorder_start(struct sp_recorder *rec) SP_MUST_CHECK;
void sp_recorder_stop(struct sp_recorder *rec);
/* A write failed (errno): every session is told, and writing is tried again every second. */
void sp_recorder_failed(struct sp_recorder *rec, const char *what);
/* Some session is busy: look at the rings again, soon or at once. */
void sp_recorder_busy(struct sp_recorder *rec, bool at_once);
/* Some session waits for its records to be on disk: at the end of this turn of the loop, all together. */
void sp_recorder_want_fsync(struct sp_recorder *rec);
/* Appends to the host chain and sees to it that it is on disk soon. As sp_ledger_append(). */
int sp_recorder_chain(struct sp_recorder *rec, const char *type, json_t *entry) SP_MUST_CHECK;
/* A privileged client came: sessions it does not name in time are lost. went: it is gone again. */
void sp_recorder_client(struct sp_recorder *rec, bool came);
/* Writes a checkpoint entry now, and tells syslog and the kernel where the chain stands. */
void sp_recorder_checkpoint(struct sp_recorder *rec);

#endif
