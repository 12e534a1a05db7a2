/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/pgtree.h"

#define SP_PGTREE_WIRE_VARINT 0
#define SP_PGTREE_WIRE_BYTES 2

void
sp_pgtree_iter_init(struct sp_pgtree_iter *it, const struct sp_pgtree *m)
{
	it->message = *m;
	it->off = 0;
}

static int
sp_pgtree_varint(const struct sp_pgtree *m, size_t *off, uint64_t *ret_v)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		uint8_t b;

		if (*off >= m->len)
			return SP_ERR_FORMAT;
		b = m->data[(*off)++];
		v |= (uint64_t)(b & 0x7f) << shift;
		if ((b & 0x80) == 0) {
			*ret_v = v;
			return 0;
		}
	}
	return SP_ERR_FORMAT;
}

static const struct sp_pg_field *
sp_pgtree_schema(enum sp_pg_type type, uint64_t number)
{
	const struct sp_pg_message *m = &sp_pg_messages[type];
	size_t lo = 0, hi = m->nfields;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->fields[mid].number == number)
			return number == 0 ? NULL : &m->fields[mid];
		if (m->fields[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* One field of any message, a Node left as it is. */
static int
sp_pgtree_raw(struct sp_pgtree_iter *it, struct sp_pgtree_field *f)
{
	const struct sp_pgtree *m = &it->message;
	uint64_t tag, v;
	bool is_number;

	if (it->off >= m->len)
		return SP_ERR_NOT_FOUND;
	if (sp_pgtree_varint(m, &it->off, &tag) != 0)
		return SP_ERR_FORMAT;
	f->schema = sp_pgtree_schema(m->type, tag >> 3);
	if (f->schema == NULL)
		return SP_ERR_UNSUPPORTED;
	is_number = f->schema->kind == SP_PG_NUMBER_FIELD || f->schema->kind == SP_PG_LOCATION_FIELD;
	if ((tag & 7) != (is_number ? SP_PGTREE_WIRE_VARINT : SP_PGTREE_WIRE_BYTES) ||
	    sp_pgtree_varint(m, &it->off, &v) != 0)
		return SP_ERR_FORMAT;
	f->number = v;
	f->child = (struct sp_pgtree){0};
	if (is_number)
		return 0;
	if (v > m->len - it->off)
		return SP_ERR_FORMAT;
	f->child.type = (enum sp_pg_type)f->schema->type;
	f->child.data = m->data + it->off;
	f->child.len = (size_t)v;
	it->off += (size_t)v;
	return 0;
}

int
sp_pgtree_next(struct sp_pgtree_iter *it, struct sp_pgtree_field *ret_field)
{
	struct sp_pgtree_field f, inner;
	struct sp_pgtree_iter in;
	int r;

	for (;;) {
		r = sp_pgtree_raw(it, &f);
		if (r != 0)
			return r;
		if (f.schema->kind != SP_PG_MESSAGE_FIELD || f.child.type != SP_PG_NODE)
			break;
		if (f.child.len == 0)
			continue;
		sp_pgtree_iter_init(&in, &f.child);
		r = sp_pgtree_raw(&in, &inner);
		if (r != 0)
			return r;
		if (in.off != f.child.len || inner.schema->kind != SP_PG_MESSAGE_FIELD || inner.child.type == SP_PG_NODE)
			return SP_ERR_FORMAT;
		f.child = inner.child;
		break;
	}
	*ret_field = f;
	return 0;
}

bool
sp_pgtree_nth(const struct sp_pgtree *m, unsigned int number, size_t n, struct sp_pgtree *ret_child)
{
	struct sp_pgtree_iter it;
	struct sp_pgtree_field f;

	sp_pgtree_iter_init(&it, m);
	while (sp_pgtree_next(&it, &f) == 0) {
		if (f.schema->number == number && f.schema->kind == SP_PG_MESSAGE_FIELD && n-- == 0) {
			*ret_child = f.child;
			return true;
		}
	}
	return false;
}

bool
sp_pgtree_child(const struct sp_pgtree *m, unsigned int number, struct sp_pgtree *ret_child)
{
	return sp_pgtree_nth(m, number, 0, ret_child);
}

size_t
sp_pgtree_count(const struct sp_pgtree *m, unsigned int number)
{
	struct sp_pgtree_iter it;
	struct sp_pgtree_field f;
	size_t n = 0;

	sp_pgtree_iter_init(&it, m);
	while (sp_pgtree_next(&it, &f) == 0)
		n += f.schema->number == number;
	return n;
}

uint64_t
sp_pgtree_number(const struct sp_pgtree *m, unsigned int number)
{
	struct sp_pgtree_iter it;
	struct sp_pgtree_field f;

	sp_pgtree_iter_init(&it, m);
	while (sp_pgtree_next(&it, &f) == 0)
		if (f.schema->number == number)
			return f.number;
	return 0;
}

struct sp_pgtree
sp_pgtree_string(const struct sp_pgtree *m, unsigned int number)
{
	struct sp_pgtree_iter it;
	struct sp_pgtree_field f;

	sp_pgtree_iter_init(&it, m);
	while (sp_pgtree_next(&it, &f) == 0)
		if (f.schema->number == number && f.schema->kind == SP_PG_STRING_FIELD)
			return f.child;
	return (struct sp_pgtree){0};
}
