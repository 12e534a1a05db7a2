/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `issuers:` section of sallyport.yaml (see sallyport.yaml(5)), read strictly: unknown keys, duplicate
 * keys, aliases and wrong types are errors with file, line and column, and a suggestion where one is near.
 */
#ifndef SALLYPORT_IDENTITY_CONFIG_H
#define SALLYPORT_IDENTITY_CONFIG_H

#include <stddef.h>

#include "identity/issuer.h"
#include "identity/reason.h"

#define SP_CONFIG_STRING 1024 /* bytes of one value */

/*
 * Reads the file at path, which must belong to root or to us and be writable by its owner only. Fills at
 * most SP_ISSUER_MAX entries, owned by the caller; on failure none. The ca files are read too: later changes
 * of them need a restart. The other daemons' sections are checked. *why is "file:line:column: text". SYSTEM, DENIED (owner, mode), LIMIT, FORMAT, INVALID,
 * NOMEM, NOT_FOUND.
 */
int sp_config_load(const char *path, struct sp_reason *why, struct sp_issuer *ret_issuers[SP_ISSUER_MAX],
    size_t *ret_count) SP_MUST_CHECK;
/* The settings alone from n bytes; name stands for the file in errors. */
int sp_config_parse(const char *name, const char *text, size_t n, struct sp_reason *why,
    struct sp_issuer *ret_issuers[SP_ISSUER_MAX], size_t *ret_count) SP_MUST_CHECK;

#endif
