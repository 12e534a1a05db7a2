/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock: files beneath the given paths only, no TCP ports to listen on, no reach to other domains. */
#ifndef SALLYPORT_RUNTIME_LANDLOCK_H
#define SALLYPORT_RUNTIME_LANDLOCK_H

#include <stdbool.h>

#include "lib/err.h"

/* A descriptor of an empty set of rules, to be enforced or closed. UNSUPPORTED (no Landlock), SYSTEM. */
int sp_landlock_begin(int *ret_ruleset) SP_MUST_CHECK;
/* NOT_FOUND (no such path), INVALID (relative, or "/"), SYSTEM. */
int sp_landlock_allow(int ruleset, const char *path, bool can_write) SP_MUST_CHECK;
/* Restricts this process for good and closes ruleset. no_new_privs must be set. SYSTEM. */
int sp_landlock_enforce(int ruleset) SP_MUST_CHECK;

#endif
