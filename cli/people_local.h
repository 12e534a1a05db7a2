/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine has already of its own: names, ids, ids within ids, homes. Files only: never the name service. */
#ifndef SALLYPORT_CLI_PEOPLE_LOCAL_H
#define SALLYPORT_CLI_PEOPLE_LOCAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/*
 * Whether nobody in dir's passwd or group has that name ("": any) or id, and nobody in its subuid or subgid may use the id.
 * EXISTS: why (cap bytes) says who, and *ret_after is the first id after what they have. A file that is not there has
 * nobody in it; SYSTEM: one cannot be read, and why says so.
 */
int sp_people_local_check(const char *dir, const char *name, uint32_t id, char *why, size_t cap,
    uint32_t *ret_after) SP_MUST_CHECK;
/*
 * A home of mode 0700 that is id's. One that is there is left as it is, if it is id's: EXISTS if it is anybody else's, or
 * no directory. SYSTEM: it cannot be made; why says so.
 */
int sp_people_local_home(const char *home, uint32_t id, char *why, size_t cap) SP_MUST_CHECK;

#endif
