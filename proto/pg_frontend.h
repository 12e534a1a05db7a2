/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client sends (PostgreSQL manual, "Message Formats"). Every parser
 * takes one whole body, reads it to its last byte, and returns FORMAT or LIMIT;
 * the results point into the body.
 */
#ifndef SALLYPORT_PROTO_PG_FRONTEND_H
#define SALLYPORT_PROTO_PG_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "proto/pg_msg.h"

#define SP_PG_PROTOCOL_3 196608u   /* 3.0 */
#define SP_PG_CANCEL_CODE 80877102u
#define SP_PG_SSL_CODE 80877103u
#define SP_PG_GSSENC_CODE 80877104u
#define SP_PG_STARTUP_PARAMS_MAX 64

enum sp_pg_startup_kind {
	SP_PG_STARTUP_PARAMETERS, /* StartupMessage, any protocol 3.x */
	SP_PG_STARTUP_CANCEL,
	SP_PG_STARTUP_SSL,
	SP_PG_STARTUP_GSSENC
};

struct sp_pg_param {
	const char *name;
	const char *value;
};

struct sp_pg_startup {
	enum sp_pg_startup_kind kind;
	size_t size; /* bytes of the packet */
	uint16_t minor;
	uint32_t pid, key; /* CANCEL */
	unsigned n_params;
	struct sp_pg_param params[SP_PG_STARTUP_PARAMS_MAX];
};

/*
 * The first packet of a connection. INCOMPLETE; FORMAT (length, an option twice, no final NUL, empty name);
 * LIMIT (over SP_PG_STARTUP_MAX bytes or SP_PG_STARTUP_PARAMS_MAX options); UNSUPPORTED (protocol not 3.x).
 */
int sp_pg_startup_parse(const uint8_t *p, size_t n, struct sp_pg_startup *ret_s) SP_MUST_CHECK;

/* Query, body: one string. */
int sp_pg_query_parse(const uint8_t *p, size_t n, struct sp_view *ret_sql) SP_MUST_CHECK;

struct sp_pg_parse {
	const char *name;
	struct sp_view sql;
	uint16_t n_types;
	const uint8_t *types; /* n_types big-endian OIDs */
};
int sp_pg_parse_parse(const uint8_t *p, size_t n, struct sp_pg_parse *ret_m) SP_MUST_CHECK;

struct sp_pg_bind {
	const char *portal;
	const char *statement;
	uint16_t n_formats; /* 0, 1 or n_params */
	const uint8_t *formats;
	uint16_t n_params;
	const uint8_t *params; /* n_params of: i32 length (-1 is NULL) and bytes; already checked */
	size_t params_len;
	uint16_t n_results;
	const uint8_t *results; /* result format codes */
};
int sp_pg_bind_parse(const uint8_t *p, size_t n, struct sp_pg_bind *ret_m) SP_MUST_CHECK;
/* Next parameter at *at (start with params); NULL data is SQL NULL. False after the last. */
bool sp_pg_bind_param(const struct sp_pg_bind *m, unsigned i, const uint8_t **at, struct sp_view *ret_v, bool *ret_binary);

/* Describe and Close: what is 'S' (statement) or 'P' (portal). */
struct sp_pg_target {
	char what;
	const char *name;
};
int sp_pg_target_parse(const uint8_t *p, size_t n, struct sp_pg_target *ret_m) SP_MUST_CHECK;

struct sp_pg_execute {
	const char *portal;
	uint32_t max_rows;
};
int sp_pg_execute_parse(const uint8_t *p, size_t n, struct sp_pg_execute *ret_m) SP_MUST_CHECK;

/* Whether the server knows this frontend message after startup at all. */
bool sp_pg_frontend_is_known(uint8_t type);

#endif
