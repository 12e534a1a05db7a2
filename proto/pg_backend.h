/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server sends (PostgreSQL manual, "Message Formats"). Every parser
 * takes one whole body, reads it to its last byte and returns FORMAT or LIMIT;
 * the results point into the body.
 */
#ifndef SALLYPORT_PROTO_PG_BACKEND_H
#define SALLYPORT_PROTO_PG_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "proto/pg_msg.h"

#define SP_PG_ERROR_FIELDS_MAX 32

/* One column of a RowDescription. */
struct sp_pg_column {
	const char *name;
	uint32_t table;	 /* OID, 0 if the column is no plain column of a relation */
	uint16_t attnum; /* attribute number in that relation, 0 as above */
	uint32_t type;	 /* OID of the type */
	bool is_binary;
};
/* Calls each with every column in order. *ret_n: how many. LIMIT over SP_PG_COLUMNS_MAX. */
int sp_pg_row_description_parse(const uint8_t *p, size_t n,
    void (*each)(unsigned i, const struct sp_pg_column *col, void *ctx), void *ctx, unsigned *ret_n) SP_MUST_CHECK;

/* One field of an ErrorResponse or NoticeResponse. */
struct sp_pg_error_field {
	char code; /* S V C M D H P p q W s t c d n F L R */
	struct sp_view value;
};
struct sp_pg_error {
	unsigned n;
	struct sp_pg_error_field f[SP_PG_ERROR_FIELDS_MAX];
};
/* LIMIT over SP_PG_ERROR_FIELDS_MAX fields. */
int sp_pg_error_parse(const uint8_t *p, size_t n, struct sp_pg_error *ret_e) SP_MUST_CHECK;
/* The field code, or NULL. */
const struct sp_pg_error_field *sp_pg_error_get(const struct sp_pg_error *e, char code);

/* The cells of a DataRow: offsets and lengths into the body. Cell i is body[off[i]] for len[i] bytes; len -1 is NULL. */
struct sp_pg_cell {
	uint32_t off;
	int32_t len;
};
/* FORMAT, LIMIT (more than max cells). */
int sp_pg_data_row_parse(const uint8_t *p, size_t n, struct sp_pg_cell *cells, unsigned max,
    unsigned *ret_n) SP_MUST_CHECK;

/* Rows a command tag counts ("SELECT 3", "INSERT 0 1"), or 0. */
uint64_t sp_pg_tag_rows(const char *tag);

/* Whether a server sends this message after startup. */
bool sp_pg_backend_is_known(uint8_t type);

#endif
