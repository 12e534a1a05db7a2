/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where events are told besides the record: the kernel's audit system (kernel.c)
 * and what the settings name. One more is a file here and a line in sinks.c.
 *
 * P3: a sink that cannot be told stops the sessions concerned, in the way that
 * fits it: it holds the gate and FINISH of a session while it owes reports of it,
 * tells that session (sp_live_audit_fault()), or, when it is one for all of them,
 * says so with sp_recorder_failed(). It never drops a report in silence.
 */
#ifndef SALLYPORT_RECORDER_SINK_H
#define SALLYPORT_RECORDER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/report.h"

struct sp_live;
struct sp_recorder;

/* All but open, put and take may be NULL: nothing to do, nothing owed. state: what open made. */
struct sp_sink {
	const char *name; /* in `recorder: sinks:` */
	/* Whether it is on; NULL: when the settings name it. */
	bool (*is_on)(const struct sp_recorder *rec);
	sp_report_put *put; /* how it wants values */
	bool has_gate;	    /* it calls sp_sinks_settled(), and no session runs before that */
	/* Before the sandbox; has logged why when it fails. SYSTEM, NOMEM. */
	int (*open)(struct sp_recorder *rec, void **ret_state);
	void (*close)(void *state);
	/* The report of a stored event of l, of l's start or end, or (l NULL) about no session. r is its own now. */
	void (*take)(void *state, struct sp_live *l, struct sp_report *r);
	/* Sees to l's reports; at_end: l is gone after this. */
	void (*pump)(void *state, struct sp_live *l, bool at_end);
	/* Whether there are reports of l that are not known to have been taken. l's FINISH waits, for 5 s. */
	bool (*owes)(void *state, struct sp_live *l);
	/* Those 5 s are over: l's reports are said by other means, or given up with a line in the log. */
	void (*fall_back)(void *state, struct sp_live *l);
	/* Once a second after sp_recorder_failed(): tries again, and calls that again if it is no better. */
	void (*retry)(void *state);
};

/* The table (sinks.c), NULL-ended. */
extern const struct sp_sink *const sp_sinks[];

#define SP_SINKS_MAX 16 /* in the table */

/* Those that are on, in the order of the table. */
struct sp_sink_list {
	size_t n;
	struct {
		const struct sp_sink *sink;
		void *state;
	} at[SP_SINKS_MAX];
};

/* The names that settings may give, NULL-ended. */
void sp_sinks_names(const char *ret_names[SP_SINKS_MAX + 1]);
/* Opens those that are on; is_named says whether the settings name one. As open. */
int sp_sinks_open(struct sp_recorder *rec, bool (*is_named)(const char *name, const void *ctx), const void *ctx) SP_MUST_CHECK;
void sp_sinks_close(struct sp_recorder *rec);
/* Makes each one's report of an event, to be taken once the event is stored. NOMEM. */
int sp_sinks_make(struct sp_recorder *rec, const char *session, const char *user, const struct sp_event *ev,
    struct sp_report_list *list) SP_MUST_CHECK;
/* Gives each its own of list, which is empty then. */
void sp_sinks_take(struct sp_recorder *rec, struct sp_live *l, struct sp_report_list *list);
/* Tells all of them something that needs no encoding, about l or (NULL) no session. */
void sp_sinks_say(struct sp_recorder *rec, struct sp_live *l, uint32_t type, bool is_success, const char *fmt, ...)
    SP_PRINTF(5, 6);
/* Whether a session may not run before sp_sinks_settled(). */
bool sp_sinks_have_gate(const struct sp_recorder *rec);
/* A sink has all reports of l, and can be told more: opens l's gate and answers its FINISH, if no other one owes. */
void sp_sinks_settled(struct sp_recorder *rec, struct sp_live *l);
void sp_sinks_pump(struct sp_recorder *rec, struct sp_live *l, bool at_end);
bool sp_sinks_owe(const struct sp_recorder *rec, struct sp_live *l);
void sp_sinks_fall_back(struct sp_recorder *rec, struct sp_live *l);
void sp_sinks_retry(struct sp_recorder *rec);

#endif
