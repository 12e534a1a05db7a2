/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up privilege, and proof that it is gone. */
#ifndef SALLYPORT_RUNTIME_PRIVDROP_H
#define SALLYPORT_RUNTIME_PRIVDROP_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

/*
 * Becomes user (by name, from the local passwd file through getpwnam(3)) with its own group and no
 * supplementary groups but those named; keeps only the capabilities in keep_caps (bit mask by CAP_*
 * number; 0 for none) in permitted and effective, none inheritable or ambient, an empty bounding set
 * where allowed, no_new_privs, and not dumpable. Run already as that user (systemd User=), it checks
 * instead of changing. Then asserts every one of these, and that the old uid cannot be had back.
 * NOT_FOUND, SYSTEM, DENIED (an assertion failed: the caller must exit).
 */
int sp_privdrop(const char *user, uint64_t keep_caps) SP_MUST_CHECK;
/* The same to numbers, for programs started by sallyportd. */
int sp_privdrop_ids(uid_t uid, gid_t gid, uint64_t keep_caps) SP_MUST_CHECK;
/* The uid of a system account. NOT_FOUND. */
int sp_privdrop_uid(const char *user, uid_t *ret_uid, gid_t *ret_gid) SP_MUST_CHECK;

#endif
