/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this machine's name service says of names with addresses for forwarding (lib/hosts.h), read once for many names:
 * nsswitch.conf(5), hosts(5) and the table that libnss_sallyport reads.
 */
#ifndef SALLYPORT_SESSION_AGENT_NAME_SERVICE_H
#define SALLYPORT_SESSION_AGENT_NAME_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

struct sp_name_service;

/* Reads it as it is now. A file that cannot be read or is not well-formed has no names in it. NOMEM. */
int sp_name_service_read(struct sp_name_service **ret_s) SP_MUST_CHECK;
void sp_name_service_free(struct sp_name_service *s);
/* Why a name in the table would not be found by it on this machine, for a log or an administrator; or NULL. */
const char *sp_name_service_obstacle(const struct sp_name_service *s, const char *name);
/* Whether the table has the name with that address (host byte order), and nothing stands in its way. */
bool sp_name_service_has(const struct sp_name_service *s, const char *name, uint32_t address);

#endif
