/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files by which opkssh knows its providers and who may log in as whom (/etc/opk: providers, auth_id, config.yml),
 * as an issuers section of sallyport.yaml(5). What cannot be carried over is said, line by line: nothing is left out
 * in silence.
 */
#ifndef SALLYPORT_CLI_OPKSSH_H
#define SALLYPORT_CLI_OPKSSH_H

#include "lib/buf.h"
#include "lib/err.h"

#define SP_OPKSSH_PROVIDERS 32
#define SP_OPKSSH_ROWS 4096 /* of auth_id */

/*
 * Appends YAML to out and lines of text to notes. *ret_left: how many of these are of what was left out, the others say
 * what is different. NOT_FOUND (no file of providers), LIMIT, FORMAT, SYSTEM, DENIED, NOMEM: why (cap bytes) says which.
 */
int sp_opkssh_import(const char *dir, struct sp_buf *out, struct sp_buf *notes, unsigned *ret_left, char *why,
    size_t cap) SP_MUST_CHECK;

#endif
