/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/postgres_values.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "proto/pg_msg.h"

#define DEPTH_MAX 8    /* arrays and rows within each other; deeper ones are not shown */
#define DIMENSIONS_MAX 6 /* of an array (MAXDIM) */
#define TEXT_MAX 200   /* bytes of a number's text */

struct look {
	struct sp_mask_set *set;
	struct sp_mask_counts *counts;
	struct sp_buf *scratch;
	bool found;
};

bool
sp_postgres_value_is_harmless(uint32_t type)
{
	switch (type) {
	case SP_POSTGRES_BOOL:
	case SP_POSTGRES_CHAR:
	case SP_POSTGRES_INT2:
	case SP_POSTGRES_DATE:
	case SP_POSTGRES_TIME:
	case SP_POSTGRES_TIMESTAMP:
	case SP_POSTGRES_TIMESTAMPTZ:
	case SP_POSTGRES_FLOAT4:
	case SP_POSTGRES_UUID:
		return true;
	default:
		return false;
	}
}

bool
sp_postgres_value_is_deep(uint32_t type, bool is_binary)
{
	switch (type) {
	case SP_POSTGRES_JSON:
		return true;
	case SP_POSTGRES_BYTEA:
		return !is_binary;
	case SP_POSTGRES_TEXT:
	case SP_POSTGRES_VARCHAR:
	case SP_POSTGRES_BPCHAR:
	case SP_POSTGRES_NAME:
	case SP_POSTGRES_XML:
	case SP_POSTGRES_UNKNOWN:
	case SP_POSTGRES_JSONB:
		return false;
	default:
		return is_binary && !sp_postgres_value_is_harmless(type);
	}
}

static uint64_t
be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- != 0)
		v = v << 8 | *p++;
	return v;
}

/* numeric: int16 ndigits, weight, sign, dscale, then base-10000 digits. Enough digits for a detector. */
static int
numeric_text(const uint8_t *p, size_t n, char *out, size_t room)
{
	unsigned count, i;
	size_t at = 0;

	if (n < 8 || (count = (unsigned)be(p, 2)) * 2 + 8 != n || count > 32)
		return -1;
	for (i = 0; i < count && at + 6 < room; i++)
		at += (size_t)snprintf(out + at, room - at, i == 0 ? "%u" : "%04u", (unsigned)be(p + 8 + 2 * i, 2));
	/* Trailing groups of zeros are not sent: weight says how many belong before the point. */
	for (; i < (unsigned)((int16_t)be(p + 2, 2) + 1) && i < 32 && at + 6 < room; i++)
		at += (size_t)snprintf(out + at, room - at, "0000");
	return (int)at;
}

/* inet: family (2, 3), bits, is_cidr, length, address. */
static int
address_text(const uint8_t *p, size_t n, char *out, size_t room)
{
	int family = n == 8 && p[0] == 2 ? AF_INET : AF_INET6;

	if ((n != 8 && n != 20) || p[3] != n - 4 || inet_ntop(family, p + 4, out, (socklen_t)room) == NULL)
		return -1;
	return (int)strlen(out);
}

/* The text of a binary number or address, -1 if it can't be told, -2 if it is neither. */
static int
value_text(uint32_t type, const uint8_t *p, size_t n, char *out, size_t room)
{
	uint64_t v;
	double d;

	switch (type) {
	case SP_POSTGRES_INT4:
	case SP_POSTGRES_OID:
		return n != 4 ? -1 : snprintf(out, room, "%" PRId32, (int32_t)be(p, 4));
	case SP_POSTGRES_INT8:
		return n != 8 ? -1 : snprintf(out, room, "%" PRId64, (int64_t)be(p, 8));
	case SP_POSTGRES_FLOAT8:
		if (n != 8)
			return -1;
		v = be(p, 8);
		memcpy(&d, &v, sizeof(d));
		return snprintf(out, room, "%.17g", d);
	case SP_POSTGRES_NUMERIC:
		return numeric_text(p, n, out, room);
	case SP_POSTGRES_INET:
	case SP_POSTGRES_CIDR:
		return address_text(p, n, out, room);
	default:
		return -2;
	}
}

static int
look_at(struct look *l, const void *p, size_t n)
{
	enum sp_mask_outcome o = SP_MASK_SAME;
	int r;

	sp_buf_reset(l->scratch);
	r = sp_mask_scan(l->set, p, n, true, l->scratch, l->counts, &o);
	l->found |= o != SP_MASK_SAME;
	return r;
}

static int look_into(struct look *l, uint32_t type, const uint8_t *p, size_t n, unsigned depth);

/* One element or field: length and bytes. */
static int
look_part(struct look *l, uint32_t type, struct sp_pg_cur *cur, unsigned depth)
{
	uint32_t len = sp_pg_cur_u32(cur);
	const uint8_t *p;

	if (cur->bad || len == UINT32_MAX)
		return 0;
	p = sp_pg_cur_bytes(cur, len);
	return p == NULL ? 0 : look_into(l, type, p, len, depth + 1);
}

/* An array: dimensions, flags, element type, each dimension's size and lower bound, the elements. */
static int
look_array(struct look *l, const uint8_t *p, size_t n, unsigned depth)
{
	struct sp_pg_cur cur;
	uint32_t dims, type, i;
	int r = 0;

	sp_pg_cur_init(&cur, p, n);
	dims = sp_pg_cur_u32(&cur);
	if (sp_pg_cur_u32(&cur) > 1 || cur.bad || dims > DIMENSIONS_MAX)
		return 0;
	type = sp_pg_cur_u32(&cur);
	for (i = 0; i < dims; i++) {
		(void)sp_pg_cur_u32(&cur);
		(void)sp_pg_cur_u32(&cur);
	}
	while (r == 0 && !cur.bad && cur.p != cur.end && !l->found)
		r = look_part(l, type, &cur, depth);
	return r;
}

/* A row: number of fields, then type, length and bytes of each. */
static int
look_row(struct look *l, const uint8_t *p, size_t n, unsigned depth)
{
	struct sp_pg_cur cur;
	uint32_t fields, type;
	int r = 0;

	sp_pg_cur_init(&cur, p, n);
	fields = sp_pg_cur_u32(&cur);
	if (cur.bad || fields > SP_PG_COLUMNS_MAX)
		return 0;
	while (r == 0 && !cur.bad && cur.p != cur.end && !l->found) {
		type = sp_pg_cur_u32(&cur);
		r = look_part(l, type, &cur, depth);
	}
	return r;
}

/* What is neither known to be text nor a number is looked at as bytes, as an array and as a row. */
static int
look_into(struct look *l, uint32_t type, const uint8_t *p, size_t n, unsigned depth)
{
	char text[TEXT_MAX];
	int r, len;

	if (l->found || sp_postgres_value_is_harmless(type))
		return 0;
	if (depth > DEPTH_MAX) {
		l->found = true;
		return 0;
	}
	len = value_text(type, p, n, text, sizeof(text));
	l->found |= len == -1;
	if (len >= 0)
		return look_at(l, text, (size_t)len);
	r = len == -1 ? 0 : look_at(l, p, n);
	if (r == 0 && !l->found && sp_postgres_value_is_deep(type, true)) {
		r = look_array(l, p, n, depth);
		if (r == 0 && !l->found)
			r = look_row(l, p, n, depth);
	}
	return r;
}

static int
hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The bytes of \x and hex digits. */
static int
look_hex(struct look *l, const uint8_t *p, size_t n)
{
	uint8_t *bytes;
	size_t i;
	int r;

	if (n < 4 || memcmp(p, "\\x", 2) != 0)
		return 0;
	bytes = malloc(n / 2);
	if (bytes == NULL)
		return SP_ERR_NOMEM;
	for (i = 0; 2 * i + 3 < n; i++)
		bytes[i] = (uint8_t)((hex(p[2 * i + 2]) & 15) << 4 | (hex(p[2 * i + 3]) & 15));
	r = look_at(l, bytes, i);
	free(bytes);
	return r;
}

/* JSON with its \/ and \u00XX replaced by what they stand for. */
static int
look_json(struct look *l, const uint8_t *p, size_t n)
{
	uint8_t *bytes;
	size_t i, k = 0;
	int r;

	if (memmem(p, n, "\\u00", 4) == NULL && memmem(p, n, "\\/", 2) == NULL)
		return 0;
	bytes = malloc(n);
	if (bytes == NULL)
		return SP_ERR_NOMEM;
	for (i = 0; i < n; i++) {
		if (p[i] == '\\' && i + 1 < n && p[i + 1] == '/')
			i++;
		else if (p[i] == '\\' && i + 5 < n && memcmp(p + i + 1, "u00", 3) == 0 && p[i + 4] >= '0' && p[i + 4] <= '7' &&
		    hex(p[i + 5]) >= 0) {
			bytes[k++] = (uint8_t)((p[i + 4] - '0') << 4 | hex(p[i + 5]));
			i += 5;
			continue;
		} else if (p[i] == '\\' && i + 1 < n)
			bytes[k++] = p[i++];
		bytes[k++] = p[i];
	}
	r = look_at(l, bytes, k);
	free(bytes);
	return r;
}

int
sp_postgres_value_scan(struct sp_mask_set *set, uint32_t type, bool is_binary, const uint8_t *p, size_t n,
    struct sp_buf *scratch, struct sp_mask_counts *counts, bool *ret_found)
{
	struct look l = {.set = set, .counts = counts, .scratch = scratch};
	int r;

	if (type == SP_POSTGRES_JSON)
		r = look_json(&l, p, n);
	else if (type == SP_POSTGRES_BYTEA && !is_binary)
		r = look_hex(&l, p, n);
	else
		r = is_binary ? look_into(&l, type, p, n, 0) : 0;
	sp_buf_reset(scratch);
	if (r == 0)
		*ret_found = l.found;
	return r;
}
