/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL's frontend/backend protocol 3.0 (manual, chapter "Frontend/Backend
 * Protocol"): the frame around every message and a reader of its body. Nothing
 * is copied: results are views into the bytes given.
 */
#ifndef SALLYPORT_PROTO_PG_MSG_H
#define SALLYPORT_PROTO_PG_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_PG_HEAD 5 /* bytes of type and length */
#define SP_PG_STARTUP_MAX 10000 /* bytes of a startup packet, as the server's own limit */
#define SP_PG_WHOLE_MAX ((uint64_t)64 * 1024 * 1024) /* bytes of a message that must be seen whole */
#define SP_PG_LENGTH_MAX ((uint64_t)0x3fffffff) /* bytes of any message, as the server's MaxAllocSize */
#define SP_PG_COLUMNS_MAX 1664 /* columns of one row, the server's MaxTupleAttributeNumber */
#define SP_PG_PARAMS_MAX 65535 /* parameters of one Bind */
#define SP_PG_NAME_MAX 1024 /* bytes of a statement's or portal's name */

/* The frame of one message; total counts type, length and body. */
struct sp_pg_head {
	uint8_t type;
	uint64_t body; /* bytes after the length */
};

/* Reads type and length. INCOMPLETE (fewer than SP_PG_HEAD bytes), FORMAT (length under 4), LIMIT (body over max). */
int sp_pg_head_parse(const uint8_t *p, size_t n, uint64_t max, struct sp_pg_head *ret_h) SP_MUST_CHECK;

/* A reader over one body. After the first short or malformed read, bad stays set and every read gives zero. */
struct sp_pg_cur {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};

void sp_pg_cur_init(struct sp_pg_cur *c, const uint8_t *p, size_t n);
uint8_t sp_pg_cur_u8(struct sp_pg_cur *c);
uint16_t sp_pg_cur_u16(struct sp_pg_cur *c);
uint32_t sp_pg_cur_u32(struct sp_pg_cur *c);
/* n bytes; NULL once bad. */
const uint8_t *sp_pg_cur_bytes(struct sp_pg_cur *c, size_t n);
/* A NUL-terminated string; "" once bad. *ret_len (may be NULL) is without the NUL. */
const char *sp_pg_cur_cstr(struct sp_pg_cur *c, size_t *ret_len);
/* 0 when everything was read well and to the last byte, otherwise FORMAT. */
int sp_pg_cur_end(const struct sp_pg_cur *c) SP_MUST_CHECK;

#endif
