/* SPDX-License-Identifier: Apache-2.0 */
/* Diagnostics about text that people wrote: file:line:column, what is wrong, what to do. */
#ifndef SALLYPORT_POLICY_DIAG_H
#define SALLYPORT_POLICY_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"

struct sp_diags;

struct sp_diag {
	const char *file;
	unsigned int line;   /* from 1; 0: the file as a whole */
	unsigned int column; /* from 1 */
	const char *message;
	const char *suggestion; /* "" if none */
};

/* Keeps at most max diagnostics (and counts the others). NULL if out of memory. */
struct sp_diags *sp_diags_new(size_t max) SP_MUST_CHECK;
void sp_diags_free(struct sp_diags *d);
/* Adds one; suggestion may be NULL. If memory runs out the count still grows, so an error is never lost. */
void sp_diags_add(struct sp_diags *d, const char *file, unsigned int line, unsigned int column,
    const char *suggestion, const char *fmt, ...) SP_PRINTF(6, 7);
size_t sp_diags_count(const struct sp_diags *d); /* all, kept or not */
size_t sp_diags_kept(const struct sp_diags *d);
const struct sp_diag *sp_diags_at(const struct sp_diags *d, size_t i);
/* Appends "file:line:column: message (suggestion)\n" for each, control characters escaped. Errors as sp_buf_put(). */
int sp_diags_format(const struct sp_diags *d, struct sp_buf *out);
/* The candidate nearest to word (edit distance at most a third of its length), or NULL. NULL-ended list. */
const char *sp_diag_nearest(const char *word, const char *const *candidates);

#endif
