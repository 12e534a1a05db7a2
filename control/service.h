/* SPDX-License-Identifier: Apache-2.0 */
/* control.sock and the channels of sessions: PROTOCOL.ipc section 7. */
#ifndef SALLYPORT_CONTROL_SERVICE_H
#define SALLYPORT_CONTROL_SERVICE_H

#include "control/store.h"
#include "lib/err.h"

struct event_base;
struct sp_service;

#define SP_SERVICE_CLIENTS_MAX 16   /* connections to control.sock at a time */
#define SP_SERVICE_SESSIONS_MAX 4096 /* attached sessions */

/* Serves socket_path (owned and restricted to root clients) with the policy of policy_dir. SYSTEM, NOMEM. */
int sp_service_new(struct event_base *base, const char *socket_path, const char *policy_dir, struct sp_store *store,
    struct sp_service **ret_s) SP_MUST_CHECK;
void sp_service_free(struct sp_service *s);
/* Reads the policy directory again, as RELOAD does. What is wrong is logged. */
void sp_service_reload(struct sp_service *s);

#endif
