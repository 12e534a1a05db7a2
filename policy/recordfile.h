/* SPDX-License-Identifier: Apache-2.0 */
/* Which files that programs of a decided shell open and write go on record: `record_files` of rules. */
#ifndef SALLYPORT_POLICY_RECORDFILE_H
#define SALLYPORT_POLICY_RECORDFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

struct sp_decide_scope;
struct sp_policy_rule;

/* What happened to a file, as bits. */
#define SP_RECORD_FILE_OPENED 1u  /* for whatever: `read` */
#define SP_RECORD_FILE_WRITTEN 2u /* closed by the last who had it open for writing: `write` */

/* Whether any rule that can concern this person here has record_files, at whatever time and from wherever. */
bool sp_decide_has_record_files(const struct sp_decide_scope *scope);
/*
 * Of the bits in what, those that some rule wants on record of the file at path (absolute; NULL: it may be any), and the
 * first such rule; 0 and NULL: none. Where it is not known from where the person comes, rules with `from` count.
 */
unsigned sp_decide_record_file(const struct sp_decide_scope *scope, const char *path, unsigned what, int64_t time,
    const char *from, const struct sp_policy_rule **ret_rule);
/* Appends "files:    on record (RULE): read PATTERN... write PATTERN..." for each rule that has them. NOMEM, LIMIT. */
int sp_decide_record_files_show(const struct sp_decide_scope *scope, int64_t time, const char *from,
    struct sp_buf *out) SP_MUST_CHECK;

#endif
