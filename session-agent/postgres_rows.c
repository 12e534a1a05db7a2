/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/pg_write.h"
#include "session-agent/postgres_catalog.h"
#include "session-agent/postgres_values.h"

#define BATCH_CELLS 4096 /* cells given to the scanner at once */
#define FIRST_USER_OID 16384 /* FirstNormalObjectId: below are the system's own tables */

static enum sp_mask_type
mask_type_of(uint32_t type, bool is_binary)
{
	switch (type) {
	case SP_POSTGRES_TEXT:
	case SP_POSTGRES_VARCHAR:
	case SP_POSTGRES_BPCHAR:
	case SP_POSTGRES_NAME:
	case SP_POSTGRES_XML:
	case SP_POSTGRES_UNKNOWN:
		return SP_MASK_TYPE_TEXT;
	case SP_POSTGRES_JSON:
		return SP_MASK_TYPE_JSON;
	case SP_POSTGRES_JSONB:
		return is_binary ? SP_MASK_TYPE_OTHER : SP_MASK_TYPE_JSON;
	case SP_POSTGRES_BYTEA:
		return is_binary ? SP_MASK_TYPE_OTHER : SP_MASK_TYPE_BYTES;
	case SP_POSTGRES_UUID:
		return is_binary ? SP_MASK_TYPE_OTHER : SP_MASK_TYPE_UUID;
	default:
		return SP_MASK_TYPE_OTHER;
	}
}

static void
on_column(unsigned i, const struct sp_pg_column *col, void *ctx)
{
	struct sp_postgres_conn *c = ctx;

	c->cols[i] = (struct sp_postgres_column){.table = col->table, .type = col->type, .attnum = col->attnum,
	    .is_binary = col->is_binary, .treatment = SP_POSTGRES_HIDE, .transform = SP_MASK_REDACT,
	    .mask_type = mask_type_of(col->type, col->is_binary)};
	c->cols[i].is_text = c->cols[i].mask_type == SP_MASK_TYPE_TEXT || c->cols[i].mask_type == SP_MASK_TYPE_JSON;
}

int
sp_postgres_rows_describe(struct sp_postgres_conn *c, const uint8_t *p, size_t n)
{
	c->cols_run = NULL;
	c->n_cols = 0;
	if (c->cols == NULL)
		c->cols = calloc(SP_PG_COLUMNS_MAX, sizeof(*c->cols));
	if (c->cells == NULL)
		c->cells = calloc(SP_PG_COLUMNS_MAX, sizeof(*c->cells));
	if (c->cols == NULL || c->cells == NULL)
		return SP_ERR_NOMEM;
	return sp_pg_row_description_parse(p, n, on_column, c, &c->n_cols);
}

/* Whether the statement's text says that output i shows no stored value (a constant, count(...)). */
static bool
shows_nothing(const struct sp_postgres_run *run, unsigned i, unsigned n_cols)
{
	return run->n_harmless == n_cols && i < sizeof(run->harmless) * 8 && (run->harmless[i / 8] & (1u << (i % 8))) != 0;
}

static enum sp_postgres_attribution
column_attribution(const struct sp_postgres_masks *m, const struct sp_postgres_run *run, struct sp_postgres_column *col)
{
	enum sp_postgres_attribution a = sp_postgres_catalog_column(m->catalog, col->table, col->attnum, &col->transform);

	return a == SP_POSTGRES_COLUMN_CLEAR && run->is_altered && col->table >= FIRST_USER_OID ? SP_POSTGRES_COLUMN_UNKNOWN : a;
}

/* What each column needs, once a result. */
static void
columns_resolve(struct sp_postgres_conn *c, struct sp_postgres_run *run)
{
	const struct sp_postgres_masks *m = run->masks;
	unsigned i;

	for (i = 0; i < c->n_cols; i++) {
		struct sp_postgres_column *col = &c->cols[i];
		enum sp_postgres_attribution a = SP_POSTGRES_COLUMN_CLEAR;

		col->transform = SP_MASK_REDACT;
		if (m->n_patterns != 0 && col->table != 0)
			a = column_attribution(m, run, col);
		else if (m->n_patterns != 0 && run->is_tainted && !shows_nothing(run, i, c->n_cols))
			a = SP_POSTGRES_COLUMN_UNKNOWN;
		if (a != SP_POSTGRES_COLUMN_CLEAR)
			col->treatment = SP_POSTGRES_HIDE;
		else if (!m->has_detectors || (col->is_binary && sp_postgres_value_is_harmless(col->type)))
			col->treatment = SP_POSTGRES_PASS;
		else if (sp_postgres_value_is_deep(col->type, col->is_binary))
			col->treatment = SP_POSTGRES_DEEP;
		else
			col->treatment = SP_POSTGRES_SCAN;
		c->has_hidden |= col->treatment == SP_POSTGRES_HIDE || col->treatment == SP_POSTGRES_DEEP;
	}
}

static void
length_put(struct sp_buf *out, size_t at, size_t len)
{
	uint8_t *end;

	if (sp_buf_reserve(out, 0, &end) != 0)
		return;
	end -= sp_buf_len(out) - at;
	end[0] = (uint8_t)(len >> 24);
	end[1] = (uint8_t)(len >> 16);
	end[2] = (uint8_t)(len >> 8);
	end[3] = (uint8_t)len;
}

/* One cell's own mask into out, length included. */
static int
cell_mask(struct sp_postgres_conn *c, struct sp_postgres_run *run, const struct sp_postgres_column *col,
    const uint8_t *p, size_t n, struct sp_buf *out)
{
	enum sp_mask_outcome o = SP_MASK_NULLED;
	size_t at = sp_buf_len(out);
	bool found = false;
	int r = 0;

	sp_buf_put_u32(out, 0);
	if (col->treatment == SP_POSTGRES_HIDE) {
		r = sp_mask_column(run->masks->set, col->transform, col->mask_type, p, n, out, &o);
		run->masked_columns++;
	} else if (col->treatment == SP_POSTGRES_PASS)
		o = SP_MASK_SAME;
	else {
		r = sp_mask_scan(run->masks->set, p, n, col->is_text, out, &run->counts, &o);
		if (r == 0 && o == SP_MASK_CHANGED && !col->is_text)
			o = SP_MASK_NULLED;
		if (r == 0 && o == SP_MASK_SAME && col->treatment == SP_POSTGRES_DEEP)
			r = sp_postgres_value_scan(run->masks->set, col->type, col->is_binary, p, n, c->scratch, &run->counts, &found);
		if (found)
			o = SP_MASK_NULLED;
	}
	if (r != 0)
		return r;
	if (o != SP_MASK_CHANGED && (r = sp_buf_unput(out, sp_buf_len(out) - at - 4)) != 0)
		return r;
	if (o == SP_MASK_SAME)
		sp_buf_put(out, p, n);
	length_put(out, at, o == SP_MASK_NULLED ? UINT32_MAX : sp_buf_len(out) - at - 4);
	return sp_buf_error(out);
}

/* One row, cell by cell: the slow way that needs no batch. */
static int
row_mask(struct sp_postgres_conn *c, struct sp_postgres_run *run, const uint8_t *body, size_t n)
{
	size_t at = sp_pg_write_begin(c->c_out, 'D');
	unsigned cells, i;
	int r = sp_pg_data_row_parse(body, n, c->cells, SP_PG_COLUMNS_MAX, &cells);

	if (r != 0)
		return r;
	if (cells != c->n_cols)
		return SP_ERR_PROTOCOL;
	sp_buf_put_u16(c->c_out, (uint16_t)cells);
	for (i = 0; i < cells; i++) {
		if (c->cells[i].len < 0) {
			sp_buf_put_u32(c->c_out, UINT32_MAX);
			continue;
		}
		r = cell_mask(c, run, &c->cols[i], body + c->cells[i].off, (size_t)c->cells[i].len, c->c_out);
		if (r != 0)
			return r;
	}
	sp_pg_write_end(c->c_out, at);
	return sp_buf_error(c->c_out);
}

/* Collects the cells to scan of the rows in p. *ret_used: bytes of the rows collected. */
static int
batch_collect(struct sp_postgres_conn *c, const uint8_t *p, size_t n, struct sp_mask_cell *cells, size_t *ret_cells,
    size_t *ret_used)
{
	size_t off = 0, k = 0;
	unsigned count, i;
	int r;

	while (off < n && off < SP_MASK_BATCH_MAX) {
		struct sp_pg_head h;

		if ((r = sp_pg_head_parse(p + off, n - off, SP_PG_WHOLE_MAX, &h)) != 0)
			return r;
		if (off + SP_PG_HEAD + h.body > SP_MASK_BATCH_MAX || k + c->n_cols > BATCH_CELLS)
			break;
		if ((r = sp_pg_data_row_parse(p + off + SP_PG_HEAD, (size_t)h.body, c->cells, SP_PG_COLUMNS_MAX, &count)) != 0)
			return r;
		if (count != c->n_cols)
			return SP_ERR_PROTOCOL;
		for (i = 0; i < count; i++)
			if (c->cells[i].len > 0 && c->cols[i].treatment == SP_POSTGRES_SCAN) {
				cells[k].off = (uint32_t)(off + SP_PG_HEAD + c->cells[i].off);
				cells[k++].len = (uint32_t)c->cells[i].len;
			}
		off += SP_PG_HEAD + (size_t)h.body;
	}
	*ret_cells = k;
	*ret_used = off;
	return 0;
}

int
sp_postgres_rows_mask(struct sp_postgres_conn *c, struct sp_postgres_run *run, size_t n)
{
	static struct sp_mask_cell cells[BATCH_CELLS]; /* one loop, one batch at a time */
	const uint8_t *p = sp_buf_data(c->s_in);
	const struct sp_mask_change *changes;
	size_t k, n_changes, used, off;
	struct sp_pg_head h;
	int r;

	if (c->cols_run != run) {
		c->has_hidden = false;
		columns_resolve(c, run);
		c->cols_run = run;
	}
	if (!c->has_hidden && !run->masks->has_detectors) {
		sp_buf_put(c->c_out, p, n);
		return sp_buf_error(c->c_out);
	}
	for (; n != 0; p += used, n -= used) {
		used = k = n_changes = 0;
		if (!c->has_hidden) {
			if ((r = batch_collect(c, p, n, cells, &k, &used)) != 0)
				return r;
			sp_buf_reset(c->scratch);
			if (k != 0 && (r = sp_mask_cells(run->masks->set, p, used, cells, k, true, c->scratch, NULL, &changes,
			    &n_changes)) != 0)
				return r;
			if (used != 0 && n_changes == 0) {
				sp_buf_put(c->c_out, p, used);
				continue;
			}
		}
		/* Something is hidden or found, or one row is larger than a batch: cell by cell. */
		for (off = 0; off == 0 || off < used; off += SP_PG_HEAD + (size_t)h.body) {
			if ((r = sp_pg_head_parse(p + off, n - off, SP_PG_WHOLE_MAX, &h)) != 0 ||
			    (r = row_mask(c, run, p + off + SP_PG_HEAD, (size_t)h.body)) != 0)
				return r;
		}
		used = off;
	}
	return sp_buf_error(c->c_out);
}

/* --- messages ------------------------------------------------------------------------------------------ */

#define WITHHELD "[masked]"

/* Copies text up to the first byte that may begin a value: a quote, a colon, a bracket, a digit, anything but ASCII. */
static void
hide_values(struct sp_buf *out, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && p[i] < 0x80 && strchr("\"'`:([{<=0123456789", p[i]) == NULL; i++)
		;
	sp_buf_put(out, p, i);
	if (i < n)
		sp_buf_put(out, WITHHELD, strlen(WITHHELD));
}

static int
field_scan(struct sp_postgres_conn *c, struct sp_postgres_run *run, const struct sp_postgres_masks *m, const uint8_t *p,
    size_t n)
{
	struct sp_mask_counts none = {{0}};
	enum sp_mask_outcome o = SP_MASK_SAME;
	int r = 0;

	if (m != NULL && m->has_detectors)
		r = sp_mask_scan(m->set, p, n, false, c->c_out, run != NULL ? &run->counts : &none, &o);
	if (r == 0 && o == SP_MASK_SAME)
		sp_buf_put(c->c_out, p, n);
	sp_buf_put_u8(c->c_out, 0);
	return r;
}

/* An error with a position comes from parsing the statement: no row was read for it. */
static bool
is_from_analysis(const struct sp_pg_error *e)
{
	const struct sp_pg_error_field *state = sp_pg_error_get(e, 'C');

	return sp_pg_error_get(e, 'P') != NULL && sp_pg_error_get(e, 'q') == NULL && state != NULL && state->value.len == 5 &&
	    memcmp(state->value.data, "42", 2) == 0;
}

/* Messages that a function's author wrote: nothing of their shape is known. */
static bool
is_free_text(const struct sp_pg_error *e)
{
	const struct sp_pg_error_field *f = sp_pg_error_get(e, 'C');

	return f == NULL || f->value.len != 5 || memcmp(f->value.data, "P0", 2) == 0 || memcmp(f->value.data, "00", 2) == 0 ||
	    memcmp(f->value.data, "01", 2) == 0 || memcmp(f->value.data, "XX", 2) == 0 || memcmp(f->value.data, "38", 2) == 0 ||
	    memcmp(f->value.data, "39", 2) == 0 || memcmp(f->value.data, "HV", 2) == 0;
}

/* A reference to what hides values in messages of this run, or of none: every rule's, where none with a mask matched. */
static int
masks_of(struct sp_postgres_conn *c, struct sp_postgres_run *run, struct sp_postgres_masks **ret_m)
{
	if (run == NULL || !run->is_matched)
		return sp_postgres_scope_masks(c->px, ret_m);
	run->masks->refs++;
	*ret_m = run->masks;
	return 0;
}

int
sp_postgres_rows_error(struct sp_postgres_conn *c, struct sp_postgres_run *run, uint8_t type, const uint8_t *p, size_t n)
{
	struct sp_postgres_masks *m = NULL;
	struct sp_pg_error e;
	bool strict;
	unsigned i;
	size_t at;
	int r = sp_pg_error_parse(p, n, &e);

	if (r == 0)
		r = masks_of(c, run, &m);
	if (r != 0)
		return r;
	/* A COMMIT or an UPDATE without masks of its own can still say what stands in masked columns. */
	strict = m != NULL && m->n_patterns != 0 && (run == NULL || !run->is_matched || run->is_tainted) &&
	    !is_from_analysis(&e);
	at = sp_pg_write_begin(c->c_out, type);
	for (i = 0; i < e.n && r == 0; i++) {
		const struct sp_view *v = &e.f[i].value;

		if (strict && strchr("DHWqp", e.f[i].code) != NULL)
			continue;
		sp_buf_put_u8(c->c_out, (uint8_t)e.f[i].code);
		if (strict && e.f[i].code == 'M') {
			if (is_free_text(&e))
				sp_buf_putf(c->c_out, "message withheld: the statement reads masked columns, or may");
			else
				hide_values(c->c_out, v->data, v->len);
			sp_buf_put_u8(c->c_out, 0);
		} else
			r = field_scan(c, run, m, v->data, v->len);
	}
	sp_postgres_masks_unref(m);
	sp_buf_put_u8(c->c_out, 0);
	sp_pg_write_end(c->c_out, at);
	return r != 0 ? r : sp_buf_error(c->c_out);
}

int
sp_postgres_rows_note(struct sp_postgres_conn *c, uint8_t type, const uint8_t *p, size_t n)
{
	struct sp_postgres_masks *m;
	struct sp_pg_cur cur;
	const char *name, *value;
	size_t at, name_len, len;
	uint32_t pid = 0;
	int r;

	sp_pg_cur_init(&cur, p, n);
	if (type == 'A')
		pid = sp_pg_cur_u32(&cur);
	name = sp_pg_cur_cstr(&cur, &name_len);
	value = sp_pg_cur_cstr(&cur, &len);
	if ((r = sp_pg_cur_end(&cur)) != 0 || (r = sp_postgres_scope_masks(c->px, &m)) != 0)
		return r;
	at = sp_pg_write_begin(c->c_out, type);
	if (type == 'A')
		sp_buf_put_u32(c->c_out, pid);
	r = field_scan(c, NULL, m, (const uint8_t *)name, name_len);
	if (type == 'A' && m != NULL && m->n_patterns != 0)
		sp_pg_write_cstr(c->c_out, len == 0 ? "" : WITHHELD);
	else if (r == 0)
		r = field_scan(c, NULL, m, (const uint8_t *)value, len);
	sp_postgres_masks_unref(m);
	if (r != 0)
		return r;
	sp_pg_write_end(c->c_out, at);
	return sp_buf_error(c->c_out);
}
