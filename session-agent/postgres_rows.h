/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and messages of a server made fit to show: column rules, detectors, and what errors must not tell. */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_ROWS_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_ROWS_H

#include "session-agent/postgres_conn.h"

/* How one column of the current result is treated. */
enum sp_postgres_treatment {
	SP_POSTGRES_PASS,  /* nothing to find: its type can't hold what detectors look for */
	SP_POSTGRES_SCAN,  /* detectors */
	SP_POSTGRES_DEEP,  /* detectors, also inside of it (postgres_values.h): a hit there makes it NULL */
	SP_POSTGRES_HIDE   /* a column rule, or not attributable: masked whole */
};

struct sp_postgres_column {
	uint32_t table, type;
	uint16_t attnum;
	bool is_binary;
	bool is_text; /* a replacement text is a valid value of this type in this format */
	enum sp_postgres_treatment treatment;
	enum sp_mask_transform transform;
	enum sp_mask_type mask_type;
};

/* Keeps a RowDescription's columns. FORMAT, LIMIT, NOMEM. */
int sp_postgres_rows_describe(struct sp_postgres_conn *c, const uint8_t *p, size_t n) SP_MUST_CHECK;
/*
 * Masks the whole DataRow messages at the front of s_in into c_out, n bytes of them. Errors: nothing of the
 * rows was put; the connection can't go on.
 */
int sp_postgres_rows_mask(struct sp_postgres_conn *c, struct sp_postgres_run *run, size_t n) SP_MUST_CHECK;
/* Puts an ErrorResponse or NoticeResponse as the person may see it. run may be NULL. */
int sp_postgres_rows_error(struct sp_postgres_conn *c, struct sp_postgres_run *run, uint8_t type, const uint8_t *p,
    size_t n) SP_MUST_CHECK;
/* Puts a NotificationResponse or ParameterStatus: values scanned, and payloads withheld under column rules. */
int sp_postgres_rows_note(struct sp_postgres_conn *c, uint8_t type, const uint8_t *p, size_t n) SP_MUST_CHECK;

#endif
