/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is looked for in the contents of files (`scan` of a rule, sallyport-policy(5)): one object for each file and
 * direction. It sees the bytes before they are passed on, in order; what it refuses is not passed on, so that nothing
 * that is looked for gets through as a whole. Pure: no session, no record.
 */
#ifndef SALLYPORT_SESSION_AGENT_FILE_SCAN_H
#define SALLYPORT_SESSION_AGENT_FILE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

struct sp_decision;
struct sp_file_scan;

#define SP_FILE_SCAN_WHY_MAX 512 /* with its NUL */

/* What a decision wants scanned; *ret_scan is NULL if that is nothing. NOMEM, LIMIT, FORMAT. */
int sp_file_scan_new(const struct sp_decision *d, struct sp_file_scan **ret_scan) SP_MUST_CHECK;
void sp_file_scan_free(struct sp_file_scan *scan); /* NULL is fine; wipes */
/* Whether scan, which may be NULL, is what d wants. */
bool sp_file_scan_is_of(const struct sp_file_scan *scan, const struct sp_decision *d);
/*
 * n bytes of the file at offset are about to pass. DENIED: they must not, nor anything after them, and
 * sp_file_scan_why() says it. A NULL scan lets everything pass.
 */
int sp_file_scan_feed(struct sp_file_scan *scan, uint64_t offset, const void *p, size_t n) SP_MUST_CHECK;
/* Whether a copy has to be kept of what is refused (found: quarantine), so that there is none without one. */
bool sp_file_scan_keeps(const struct sp_decision *d);
/* It was refused for what is in it, or for being no text; not for the order of its parts. */
bool sp_file_scan_is_match(const struct sp_file_scan *scan);
/* Nothing passes any more, for a reason that is not in it; the first reason stays. */
void sp_file_scan_refuse(struct sp_file_scan *scan, const char *why);
/* Adds to what sp_file_scan_why() says, as far as it fits. */
void sp_file_scan_add(struct sp_file_scan *scan, const char *text);
/* One line for the person and the record, without what was found; valid after DENIED. */
const char *sp_file_scan_why(const struct sp_file_scan *scan);
/* The file is over: puts {"kind": count} of what was found; nothing if that is nothing, or scan is NULL. SYSTEM, errors of out. */
int sp_file_scan_counts(struct sp_file_scan *scan, struct sp_buf *out) SP_MUST_CHECK;

#endif
