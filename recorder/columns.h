/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encoded events (event.h) side by side instead of one after the other: their lengths, their times and their bytes each
 * together, which zstd makes much less of. The events come back to the byte. Pure; what is read is foreign.
 */
#ifndef SALLYPORT_RECORDER_COLUMNS_H
#define SALLYPORT_RECORDER_COLUMNS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

/* What n events of together bytes become is never more than bytes + n * SP_COLUMNS_EVENT + SP_COLUMNS_HEAD. */
#define SP_COLUMNS_HEAD ((size_t)8)
#define SP_COLUMNS_EVENT ((size_t)8)

struct sp_columns;
int sp_columns_new(struct sp_columns **ret_c) SP_MUST_CHECK; /* NOMEM */
void sp_columns_free(struct sp_columns *c);		     /* NULL is fine */
void sp_columns_reset(struct sp_columns *c);
/* Adds one encoded event. INVALID (shorter than any event), NOMEM, LIMIT. */
int sp_columns_put(struct sp_columns *c, const void *event, size_t n) SP_MUST_CHECK;
size_t sp_columns_bytes(const struct sp_columns *c); /* of what sp_columns_end() would put */
/* Writes all of them to p, which has room for sp_columns_bytes(). */
void sp_columns_end(const struct sp_columns *c, uint8_t *p);

/* Reading: views into the bytes given, which stay where they are. */
struct sp_columns_reader {
	struct sp_view lengths, times, bytes;
	uint64_t time_us; /* of the event before */
};
/* FORMAT. */
int sp_columns_open(const void *p, size_t n, struct sp_columns_reader *ret_r) SP_MUST_CHECK;
/* Writes the next event to p, of cap bytes. NOT_FOUND at the end, FORMAT, LIMIT (cap). */
int sp_columns_next(struct sp_columns_reader *r, uint8_t *p, size_t cap, size_t *ret_n) SP_MUST_CHECK;

#endif
