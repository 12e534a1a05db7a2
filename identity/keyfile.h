/* SPDX-License-Identifier: Apache-2.0 */
/* A key set on disk: one file an issuer, mode 0600, replaced atomically. */
#ifndef SALLYPORT_IDENTITY_KEYFILE_H
#define SALLYPORT_IDENTITY_KEYFILE_H

#include <stdint.h>

#include "identity/reason.h"
#include "lib/buf.h"

/* Writes jwks (the document as fetched) for an issuer. SYSTEM, NOMEM, LIMIT. */
int sp_keyfile_save(const char *directory, const char *issuer, int64_t fetched, int64_t ttl, struct sp_view jwks,
    struct sp_reason *why) SP_MUST_CHECK;
/* Reads it back into jwks (reset first). NOT_FOUND, SYSTEM, FORMAT, LIMIT, DENIED (owner, mode), NOMEM. */
int sp_keyfile_load(const char *directory, const char *issuer, int64_t *ret_fetched, int64_t *ret_ttl,
    struct sp_buf *jwks, struct sp_reason *why) SP_MUST_CHECK;

#endif
