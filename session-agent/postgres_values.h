/* SPDX-License-Identifier: Apache-2.0 */
/* What detectors must look at inside of values that are not plain text: PostgreSQL's binary formats, bytea, json. */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_VALUES_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "mask/mask.h"

struct sp_buf;

/* OIDs of built-in types (pg_type.dat). */
enum {
	SP_POSTGRES_BOOL = 16, SP_POSTGRES_BYTEA = 17, SP_POSTGRES_CHAR = 18, SP_POSTGRES_NAME = 19, SP_POSTGRES_INT8 = 20,
	SP_POSTGRES_INT2 = 21, SP_POSTGRES_INT4 = 23, SP_POSTGRES_TEXT = 25, SP_POSTGRES_OID = 26, SP_POSTGRES_JSON = 114,
	SP_POSTGRES_XML = 142, SP_POSTGRES_CIDR = 650, SP_POSTGRES_FLOAT4 = 700, SP_POSTGRES_FLOAT8 = 701,
	SP_POSTGRES_UNKNOWN = 705, SP_POSTGRES_INET = 869, SP_POSTGRES_BPCHAR = 1042, SP_POSTGRES_VARCHAR = 1043,
	SP_POSTGRES_DATE = 1082, SP_POSTGRES_TIME = 1083, SP_POSTGRES_TIMESTAMP = 1114, SP_POSTGRES_TIMESTAMPTZ = 1184,
	SP_POSTGRES_NUMERIC = 1700, SP_POSTGRES_UUID = 2950, SP_POSTGRES_JSONB = 3802
};

/* Whether no detector could match a value of this type in its binary format: too small, or of another shape. */
bool sp_postgres_value_is_harmless(uint32_t type);
/* Whether sp_postgres_value_scan() sees more in such a value than a scan of its bytes. */
bool sp_postgres_value_is_deep(uint32_t type, bool is_binary);
/*
 * Scans a value for what a plain scan of its bytes does not see: the text of binary numbers and addresses, elements of
 * binary arrays and fields of binary rows (in any depth), the bytes of a hex bytea, characters escaped in json.
 * scratch is overwritten. ret_found: it must not be shown. Errors of sp_mask_scan(), NOMEM.
 */
int sp_postgres_value_scan(struct sp_mask_set *set, uint32_t type, bool is_binary, const uint8_t *p, size_t n,
    struct sp_buf *scratch, struct sp_mask_counts *counts, bool *ret_found) SP_MUST_CHECK;

#endif
