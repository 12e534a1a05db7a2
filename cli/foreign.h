/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded terminal in the formats of other recorders, for their own players. */
#ifndef SALLYPORT_CLI_FOREIGN_H
#define SALLYPORT_CLI_FOREIGN_H

#include <jansson.h>
#include <stdio.h>

#include "recorder/tree.h"

/*
 * Both take the events that are left in f. What they hold is as it was shown: not safe for a terminal.
 *
 * tlog: one JSON message a line, as tlog-play(8) reads it from a file (tlog 12, format 2.3).
 * sudo: a folder dir, which must not exist, as sudoreplay(8) reads it (I/O log, sudo 1.8 and later).
 *
 * NOMEM, LIMIT, SYSTEM (said on stderr), or what sp_cli_record_next() says but NOT_FOUND.
 */
int sp_cli_tlog(struct sp_tree_file *f, const char *id, const json_t *header, FILE *out) SP_MUST_CHECK;
int sp_cli_iolog(struct sp_tree_file *f, const char *id, const json_t *header, const char *dir) SP_MUST_CHECK;

#endif
