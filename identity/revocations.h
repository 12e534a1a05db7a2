/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deny list (policy/revoked.h) as sallyport-identity sees it: sallyportd writes the file whole and renames it into
 * place; it is read again when it is another one. Where it cannot be read nobody is verified. No file: nobody was ever
 * revoked.
 */
#ifndef SALLYPORT_IDENTITY_REVOCATIONS_H
#define SALLYPORT_IDENTITY_REVOCATIONS_H

#include <jansson.h>
#include <stdint.h>

#include "identity/reason.h"
#include "lib/err.h"

struct sp_revocations;

/* directory: where the list is, kept by reference. NULL: no memory. */
struct sp_revocations *sp_revocations_new(const char *directory) SP_MUST_CHECK;
void sp_revocations_free(struct sp_revocations *r); /* NULL is fine */
/* 0: whoever this identity is (PROTOCOL.ipc section 1) is not on it at now. DENIED; UNAVAILABLE: it cannot be read. */
int sp_revocations_check(struct sp_revocations *r, const json_t *identity, int64_t now, struct sp_reason *why) SP_MUST_CHECK;

#endif
