/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of PostgreSQL's protocol written into a buffer. Puts are sticky in the buffer, as in lib/buf.h. */
#ifndef SALLYPORT_PROTO_PG_WRITE_H
#define SALLYPORT_PROTO_PG_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "proto/pg_frontend.h"

/* Starts a message and returns its place; sp_pg_write_end() sets the length. Type 0: a startup packet, no type byte. */
size_t sp_pg_write_begin(struct sp_buf *b, uint8_t type);
void sp_pg_write_end(struct sp_buf *b, size_t at);
/* A string and its NUL. */
void sp_pg_write_cstr(struct sp_buf *b, const char *s);

/* A message with this body. */
void sp_pg_write_message(struct sp_buf *b, uint8_t type, const void *body, size_t n);
/* A message whose body is one string. */
void sp_pg_write_text(struct sp_buf *b, uint8_t type, const char *s);
/* ErrorResponse ('E') or NoticeResponse ('N'); hint may be NULL. Control characters in the texts are the caller's care. */
void sp_pg_write_error(struct sp_buf *b, uint8_t type, const char *severity, const char *sqlstate, const char *message,
    const char *hint);
void sp_pg_write_startup(struct sp_buf *b, const struct sp_pg_param *params, unsigned n);
void sp_pg_write_cancel(struct sp_buf *b, uint32_t pid, uint32_t key);
void sp_pg_write_ssl_request(struct sp_buf *b);
/* Parse with no parameter types. */
void sp_pg_write_parse(struct sp_buf *b, const char *name, const char *sql);
/* Describe or Close of a portal or statement. */
void sp_pg_write_target(struct sp_buf *b, uint8_t type, char what, const char *name);

#endif
