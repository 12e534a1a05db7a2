/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event as an object of the Open Cybersecurity Schema Framework 1.3:
 * File System Activity (1001) for files that programs of a shell use,
 * Authentication (3002) for session start and end, User Access Management (3005)
 * for approvals, SSH Activity (4007) for commands, Network Activity (4001) for
 * targets, Datastore Activity (6005) for statements and results, Base Event (0)
 * for the rest. Everything of ours is in "unmapped" under its own name.
 */
#ifndef SALLYPORT_CLI_OCSF_H
#define SALLYPORT_CLI_OCSF_H

#include <jansson.h>

#include "recorder/event.h"

/* NULL if memory is out. header: the session's. */
json_t *sp_cli_ocsf(const char *session, const json_t *header, uint64_t number, const struct sp_event *ev);

#endif
