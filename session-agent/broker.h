/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyportd's connections to identity, control and the recorder. Each is made
 * again with a growing pause when it is lost, and every live session is then
 * announced again with a fresh channel.
 */
#ifndef SALLYPORT_SESSION_AGENT_BROKER_H
#define SALLYPORT_SESSION_AGENT_BROKER_H

#include <stdbool.h>

#include "lib/err.h"
#include "session-agent/registry.h"

struct sp_policy_image;

#define SP_BROKER_PAUSE_MIN_MS 100
#define SP_BROKER_PAUSE_MAX_MS 2000
#define SP_BROKER_EXPECT_MS 10000
#define SP_BROKER_VERIFY_SECONDS 4 /* below the PAM module's patience */
#define SP_BROKER_WAITING_MAX 256  /* VERIFYs under way */

int sp_broker_new(struct sp_registry *g, struct sp_broker **ret_b) SP_MUST_CHECK;
void sp_broker_free(struct sp_broker *b);
bool sp_broker_has_identity(const struct sp_broker *b);
bool sp_broker_has_recorder(const struct sp_broker *b);
/* Tries at once to reach what is away, whatever the pause. */
void sp_broker_look(struct sp_broker *b);
/* Identity or the recorder is away, since SP_BROKER_EXPECT_MS at most: it is probably being restarted. */
bool sp_broker_is_expecting(const struct sp_broker *b);
/* Control's policy in force, NULL before the first. */
const struct sp_policy_image *sp_broker_policy(const struct sp_broker *b);

/* verdict 0 and identity (borrowed), or an SP_ERR_* and a message for the person. */
typedef void sp_broker_verify_cb(int err, const char *message, json_t *identity, void *ctx);
/* Asks identity who this is. LIMIT, UNAVAILABLE, NOMEM: cb is not called. *ret_id cancels. */
int sp_broker_verify(struct sp_broker *b, const char *user, const char *auth_info, sp_broker_verify_cb *cb, void *ctx,
    uint32_t *ret_id) SP_MUST_CHECK;
void sp_broker_cancel(struct sp_broker *b, uint32_t id);

/* Tells control who is revoked, when that has changed; when it comes back it is told before anything else. */
void sp_broker_revoked(struct sp_broker *b);
/* Announces a session to the recorder and control, as far as they are there. */
void sp_broker_attach(struct sp_broker *b, struct sp_live *l);
/* Announces it again to one of them; false: that daemon is away (and everybody is announced when it is back). */
bool sp_broker_attach_again(struct sp_broker *b, struct sp_live *l, unsigned which);
/* The session is gone: tells both, and drops it when the recorder has closed its record. */
void sp_broker_detach(struct sp_broker *b, struct sp_live *l);

#endif
