/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds the answer to an ATTACH until the kernel's audit system has taken the
 * session's start. sallyportd gives a session its ring only with that answer,
 * so nothing runs, not even the first command, before the kernel knows of it.
 */
#ifndef SALLYPORT_RECORDER_GATE_H
#define SALLYPORT_RECORDER_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/err.h"

#define SP_GATE_WAIT_MS 5000 /* for an emitter, and for its answer */

struct sp_gate;
struct sp_peer;
struct sp_recorder;

TAILQ_HEAD(sp_gate_list, sp_gate);

/* What an ATTACH is answered with: 0, or UNAVAILABLE and a reason. OK, or what sp_peer_send() says. */
typedef int sp_gate_answer(struct sp_peer *p, uint32_t id, const char *session, int err, const char *reason);

/*
 * Holds request id of p. After SP_GATE_WAIT_MS a new session is refused and its record ended; a resumed one,
 * which has run already, goes on with a fault instead. NOMEM.
 */
int sp_gate_hold(struct sp_recorder *rec, struct sp_peer *p, uint32_t id, const char *session, bool resumed,
    sp_gate_answer *answer) SP_MUST_CHECK;
bool sp_gate_holds(const struct sp_recorder *rec, const char *session);
/* The kernel knows of the session: yes. */
void sp_gate_open(struct sp_recorder *rec, const char *session);
/* Nobody waits for the answers of p any more; NULL: of anybody. */
void sp_gate_forget(struct sp_recorder *rec, const struct sp_peer *p);

#endif
