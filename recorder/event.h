/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event of a session's record, as bytes: built by the session, carried by
 * the ring, chained and stored by the recorder, read back by the tools.
 *
 *   u8 type | u64 time (ns since 1970, CLOCK_REALTIME) | field*
 *   field: u8 id | u32 length | bytes          (numbers: 8 bytes, big-endian)
 *
 * Field ids and types are never re-used for another meaning. What an event
 * holds is what the person saw: masked, never a credential, never a masked value.
 */
#ifndef SALLYPORT_RECORDER_EVENT_H
#define SALLYPORT_RECORDER_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

#define SP_EVENT_MAX ((size_t)256 * 1024) /* bytes of one encoded event */
#define SP_EVENT_TEXT_MAX ((size_t)128 * 1024) /* bytes of one text field; longer statements are cut, with their full SHA-256 and length beside them */

enum sp_event_type {
	SP_EVENT_SESSION_START = 1, /* IDENTITY (json), ORIGIN (json), COMMAND, CONNECTION? */
	SP_EVENT_SESSION_END = 2,   /* STATUS, SIGNALED, REASON */
	SP_EVENT_COMMAND = 3,	    /* COMMAND, CONNECTION, DECISION, RULE, LABEL: what `ssh bastion …` asked for */
	SP_EVENT_STATEMENT = 4,	    /* SEQ, CONNECTION, TEXT, PARAMS?, DECISION, RULE, LABEL, POLICY_VERSION, REQUEST_ID? */
	SP_EVENT_RESULT = 5,	    /* SEQ, STATUS (command tag or SQLSTATE), ROWS, BYTES, MASKED (json kind: count), DURATION_NS */
	SP_EVENT_APPROVAL_REQUEST = 6,	/* SEQ, REQUEST_ID, DIGEST, RULE?, TEXT: what was asked for, WHO */
	SP_EVENT_APPROVAL_VERDICT = 7,	/* SEQ, REQUEST_ID, DECISION (approved denied expired cancelled), WHO, REASON */
	SP_EVENT_DECIDE = 8,	    /* REQUEST_ID, DECISION, REASON: this person approved or denied another's request */
	SP_EVENT_OUTPUT = 9,	    /* TEXT: bytes shown to the person; STREAM? */
	SP_EVENT_INPUT = 10,	    /* TEXT: bytes typed (by rule) */
	SP_EVENT_RESIZE = 11,	    /* ROWS, COLS */
	SP_EVENT_POLICY = 12,	    /* POLICY_VERSION, DIGEST: the policy in force from here */
	SP_EVENT_TARGET = 13,	    /* CONNECTION, ADDRESS, STATUS: connected, closed, failed; REASON */
	SP_EVENT_CANCEL = 14,	    /* SEQ: the person cancelled the statement */
	SP_EVENT_NOTE = 15,	    /* TEXT: anything else worth a line (a parameter refused, a gap, a resume) */
	SP_EVENT_WATCH = 16,	    /* WHO: this record was replayed or exported */
	SP_EVENT_TRANSFER = 17,	    /* SEQ, CONNECTION, TEXT: path, DIRECTION, STATUS: complete or partial, OFFSET, BYTES, LENGTH?,
				       DIGEST?: SHA-256 of those bytes, REASON?, MASKED?, FOUND?, DURATION_NS */
	SP_EVENT_FILE = 18	    /* CONNECTION, TEXT: path, STATUS: opened, written, or both; PARAMS: pid, uid, exe, how often;
				       RULE?, BYTES?: size of what was written. A program of a shell used a file */
};

enum sp_event_field {
	SP_FIELD_SEQ = 1,	 /* number: the statement's number in the session, from 1 */
	SP_FIELD_IDENTITY = 2,	 /* json */
	SP_FIELD_ORIGIN = 3,	 /* json */
	SP_FIELD_COMMAND = 4,	 /* text */
	SP_FIELD_CONNECTION = 5, /* text */
	SP_FIELD_TEXT = 6,	 /* text or bytes */
	SP_FIELD_PARAMS = 7,	 /* json array of strings and nulls, bind parameters in text form or hex */
	SP_FIELD_DECISION = 8,	 /* text: allow approve deny refuse; approved denied expired cancelled */
	SP_FIELD_RULE = 9,	 /* text */
	SP_FIELD_LABEL = 10,	 /* text: proven enforced advisory */
	SP_FIELD_POLICY_VERSION = 11, /* number */
	SP_FIELD_REQUEST_ID = 12, /* text */
	SP_FIELD_STATUS = 13,	 /* text */
	SP_FIELD_ROWS = 14,	 /* number */
	SP_FIELD_BYTES = 15,	 /* number */
	SP_FIELD_MASKED = 16,	 /* json */
	SP_FIELD_DURATION_NS = 17, /* number */
	SP_FIELD_DIGEST = 18,	 /* 32 bytes */
	SP_FIELD_WHO = 19,	 /* text */
	SP_FIELD_REASON = 20,	 /* text */
	SP_FIELD_COLS = 21,	 /* number */
	SP_FIELD_ADDRESS = 22,	 /* text */
	SP_FIELD_SIGNALED = 23,	 /* number 0 or 1 */
	SP_FIELD_LENGTH = 24,	 /* number: full length where TEXT was cut */
	SP_FIELD_MESSAGE = 25,	 /* text: the message the person was shown */
	SP_FIELD_SESSION = 26,	 /* text: another session's id */
	SP_FIELD_STREAM = 27,	 /* number: 0 terminal, 1 stdout, 2 stderr; absent: a terminal, or a built-in command */
	SP_FIELD_DIRECTION = 28, /* text: upload download */
	SP_FIELD_OFFSET = 29,	 /* number: where in the file a transfer began */
	SP_FIELD_FOUND = 30	 /* json: what a scan has found in a file */
};

/* Starts an event in b (reset first); puts are sticky in b. */
void sp_event_begin(struct sp_buf *b, enum sp_event_type type, uint64_t time_ns);
void sp_event_put(struct sp_buf *b, enum sp_event_field f, const void *p, size_t n);
void sp_event_put_cstring(struct sp_buf *b, enum sp_event_field f, const char *s); /* NULL puts nothing */
void sp_event_put_u64(struct sp_buf *b, enum sp_event_field f, uint64_t v);
/* CLOCK_REALTIME in nanoseconds, to the microsecond: more would be noise that is stored. */
uint64_t sp_event_now(void);

/* A parsed event: views into the bytes it was read from. */
struct sp_event {
	enum sp_event_type type;
	uint64_t time_ns;
	struct sp_view fields; /* undecoded, already validated */
};
/* FORMAT (unknown type or field, bad number length, trailing bytes), LIMIT. */
int sp_event_parse(const void *p, size_t n, struct sp_event *ret_ev) SP_MUST_CHECK;
/* First field f. NOT_FOUND. */
int sp_event_get(const struct sp_event *ev, enum sp_event_field f, struct sp_view *ret_v) SP_MUST_CHECK;
int sp_event_get_u64(const struct sp_event *ev, enum sp_event_field f, uint64_t *ret_v) SP_MUST_CHECK;
/* Walks all fields: *off starts at 0. NOT_FOUND at the end. */
int sp_event_next(const struct sp_event *ev, size_t *off, int *ret_field, struct sp_view *ret_v) SP_MUST_CHECK;
bool sp_event_field_is_number(int field);
/* Names as used in JSON export and in `sallyport replay --events`; NULL if unknown. */
const char *sp_event_type_name(int type);
const char *sp_event_field_name(int field);

#endif
