/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy as people write it: YAML files, compiled together into one image
 * (policy/image.h). The caller reads the files; nothing here touches the disk
 * except sp_policy_source_add_dir(), which is for programs that can.
 */
#ifndef SALLYPORT_POLICY_SOURCE_H
#define SALLYPORT_POLICY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "policy/diag.h"
#include "policy/limits.h"

struct sp_policy_source;

/* NULL if out of memory. */
struct sp_policy_source *sp_policy_source_new(void) SP_MUST_CHECK;
void sp_policy_source_free(struct sp_policy_source *s);
/* Everything found wrong so far; valid as long as the source. */
const struct sp_diags *sp_policy_source_diags(const struct sp_policy_source *s);
/* Adds one file's text (copied). FORMAT: diagnostics say why (later files can still be added). LIMIT, NOMEM. */
int sp_policy_source_add(struct sp_policy_source *s, const char *name, const char *text, size_t len) SP_MUST_CHECK;
/* Adds every *.yaml of a directory, sorted by name. FORMAT, SYSTEM (a diagnostic names the file), LIMIT, NOMEM. */
int sp_policy_source_add_dir(struct sp_policy_source *s, const char *dir) SP_MUST_CHECK;
/*
 * Checks what only shows between files (groups, connections, duplicates) and appends the image to out.
 * FORMAT: diagnostics say why, nothing is appended. LIMIT, NOMEM.
 */
int sp_policy_source_compile(struct sp_policy_source *s, uint64_t version, struct sp_buf *out) SP_MUST_CHECK;

struct sp_policy_test_result {
	const char *file;
	unsigned int line;
	const char *run;  /* the statement or command */
	const char *on;
	const char *expected;
	const char *got;
	const char *rule;    /* that won; "" if none */
	const char *message; /* "" if none */
	bool has_passed;
};
/*
 * Runs all `tests:` against an image made from this source, at `now` unless a test has its own time. Calls cb
 * for each (may be NULL); failures also become diagnostics. *ret_failed counts them. FORMAT, NOMEM.
 */
int sp_policy_source_test(struct sp_policy_source *s, const void *image, size_t len, int64_t now,
    void (*cb)(const struct sp_policy_test_result *r, void *ctx), void *ctx, size_t *ret_passed,
    size_t *ret_failed) SP_MUST_CHECK;

#endif
