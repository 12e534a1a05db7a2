/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that read records share. */
#ifndef SALLYPORT_CLI_RECORD_H
#define SALLYPORT_CLI_RECORD_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/ulid.h"
#include "recorder/event.h"
#include "recorder/tree.h"

#define SP_CLI_ROOT SP_LOGDIR
#define SP_CLI_KEY SP_STATEDIR "/recorder/signing.pub"
#define SP_CLI_RECORDER SP_RUNDIR "/recorder/recorder.sock"

/* Opens the tree; says on stderr why not. */
int sp_cli_record_root(const char *path, int *ret_root) SP_MUST_CHECK;
/* Public keys from a PEM file; says on stderr why not. */
int sp_cli_record_keys(const char *path, struct sp_sign_ring **ret_keys) SP_MUST_CHECK;
/* Calls back for each session's folder, oldest first; a callback's error ends the walk. SYSTEM. */
typedef int sp_cli_record_visit(int root, const char *id, void *ctx);
int sp_cli_record_walk(int root, sp_cli_record_visit *visit, void *ctx) SP_MUST_CHECK;
/* The one session whose id starts with prefix; says on stderr if there is none, or several. NOT_FOUND, CONFLICT. */
int sp_cli_record_resolve(int root, const char *prefix, char ret_id[SP_ULID_LEN + 1]) SP_MUST_CHECK;
/* Opens a session's events; its header is read (json is to be freed with json_decref). Says on stderr why not. */
int sp_cli_record_open(int root, const char *id, struct sp_tree_file **ret_f, json_t **ret_header) SP_MUST_CHECK;
/*
 * Next event, over blocks. NOT_FOUND at the end; other errors were said on stderr. An event is a view until
 * the next call.
 */
int sp_cli_record_next(struct sp_tree_file *f, uint64_t *ret_number, struct sp_event *ret_ev) SP_MUST_CHECK;
/* Has the recorder put on record that this session is looked at; says on stderr if it could not; whether it has. */
bool sp_cli_record_watch(const char *id, const char *action);

#endif
