/* SPDX-License-Identifier: Apache-2.0 */
/* One session being recorded: its ring, its channel and its files. */
#ifndef SALLYPORT_RECORDER_LIVE_H
#define SALLYPORT_RECORDER_LIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "recorder/recorder.h"

struct sp_report_list;

struct sp_live_who {
	uint32_t uid;
	uint32_t auid;
	uint32_t ses;
	char user[64];
	bool is_forwarded; /* no program of the person's runs in its audit session, and so no emitter either */
};

/* A new session: folder, chain entry, channel and ring (both taken over on success). As sp_store_create(), FORMAT, INVALID. */
int sp_live_new(struct sp_recorder *rec, const char *session, const struct sp_live_who *who, const char *header,
    int channel, int ring, struct sp_live **ret_l) SP_MUST_CHECK;
/* At start: a session found open on disk, without channel and ring until sallyportd brings them. As sp_store_resume(). */
int sp_live_found(struct sp_recorder *rec, const char *session) SP_MUST_CHECK;
/* sallyportd brings a known session back, perhaps with the same ring. CONFLICT (it is over), FORMAT, INVALID. */
int sp_live_resume(struct sp_live *l, const struct sp_live_who *who, int channel, int ring) SP_MUST_CHECK;
/*
 * The session's process is gone: drains, then closes the record (later, if it cannot be written now: AGAIN).
 * reason (static) says why, NULL: it ended without closing its record.
 */
int sp_live_end(struct sp_live *l, const char *reason) SP_MUST_CHECK;
/* Tells the sinks of the session's start, if nothing of it is stored yet. NOMEM. */
int sp_live_report_start(struct sp_live *l) SP_MUST_CHECK;

struct sp_live *sp_live_find(struct sp_recorder *rec, const char *session);
const char *sp_live_id(const struct sp_live *l);
const struct sp_live_who *sp_live_who(const struct sp_live *l);
struct sp_report_list *sp_live_reports(struct sp_live *l); /* those the kernel has not been told yet */
/* Writes whatever is in the ring, and what had to wait for it. May free l. True if there was something. */
bool sp_live_work(struct sp_live *l, bool *ret_is_behind);
/* Whether its ring is to be looked at, or an end is waiting to be written. */
bool sp_live_is_busy(const struct sp_live *l);
/* All sessions: the first after l, or the first with NULL. NULL at the end. */
struct sp_live *sp_live_next(const struct sp_recorder *rec, const struct sp_live *l);
bool sp_live_is_open(const struct sp_live *l); /* has a record that is not closed */
bool sp_live_has_channel(const struct sp_live *l);
bool sp_live_is_over(const struct sp_live *l); /* FINISH came */
/*
 * Answers FINISH when the record is closed and the kernel has every report, or that took too long. With the answer
 * the person's emitter goes: what it has not said by then it cannot say any more.
 */
void sp_live_settle(struct sp_live *l);
/* Answers those who wait for fsync. */
void sp_live_fsync(struct sp_live *l);
/* Tells the session what it must know of the recorder's state: FAULT or CLEAR, when that changed. */
void sp_live_tell(struct sp_live *l);
/* NULL clears: the kernel cannot be told what this session does. */
void sp_live_audit_fault(struct sp_live *l, const char *reason);
const char *sp_live_audit_reason(const struct sp_live *l); /* that, or "" */
/* Whether an emitter is missing; returns for how many milliseconds already. When it is back, the fault is cleared. */
int64_t sp_live_missing(struct sp_live *l, bool is_missing);
/* { "session", "records", "head" } for a checkpoint. NULL if out of memory. */
json_t *sp_live_position(const struct sp_live *l);
/* Shutting down: what the rings hold stays there; nothing is closed. */
void sp_live_free(struct sp_live *l);

#endif
