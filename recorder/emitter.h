/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's audit system, told through the emitters (sallyport-audit) that
 * run in the audit sessions of the people concerned; an emitter is bound to a
 * session by the audit session the kernel names for its pid. Where there is
 * none, the recorder says it itself, with the ids in the text, and the session
 * is told that it cannot go on.
 */
#ifndef SALLYPORT_RECORDER_EMITTER_H
#define SALLYPORT_RECORDER_EMITTER_H

#include "recorder/recorder.h"
#include "recorder/report.h"

#define SP_EMITTER_GRACE_MS 200 /* for a new emitter after the loss of one, before its session is told */
#define SP_EMITTER_MAX 8192
#define SP_EMITTER_SESSION_MAX 64 /* of one audit session */
#define SP_EMITTER_FLIGHT_MAX 16 /* reports that one has been given and has not answered for */

/* Listens at path. fd: the recorder's own audit socket or -1. SYSTEM, NOMEM. */
int sp_emitters_new(struct sp_recorder *rec, const char *path, int audit_fd, struct sp_emitters **ret_e) SP_MUST_CHECK;
void sp_emitters_free(struct sp_emitters *e);
/*
 * Sees to l's reports, and tells its gate and l itself when the kernel has all of them; at_end: it will be gone:
 * those that no emitter took, the recorder says itself.
 */
void sp_emitters_pump(struct sp_emitters *e, struct sp_live *l, bool at_end);
/* Whether there are reports of l that the kernel is not known to have. */
bool sp_emitters_owe(const struct sp_emitters *e, struct sp_live *l);
/* The recorder itself says those that no emitter took, with the person's ids in the text. */
void sp_emitters_fall_back(struct sp_emitters *e, struct sp_live *l);
/* The recorder itself says it, about no session (NULL is ignored, else freed). */
void sp_emitters_say(struct sp_emitters *e, struct sp_report *r);

#endif
