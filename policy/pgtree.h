/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libpg_query's parse tree, read straight from its protobuf bytes by the tables
 * of policy/pgschema.h. A type or field that is not in the tables is an error.
 */
#ifndef SALLYPORT_POLICY_PGTREE_H
#define SALLYPORT_POLICY_PGTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "policy/pgschema.h"

/* One message: a view into the tree. A Node is always unwrapped to what it holds. */
struct sp_pgtree {
	enum sp_pg_type type;
	const uint8_t *data;
	size_t len;
};
struct sp_pgtree_field {
	const struct sp_pg_field *schema;
	uint64_t number;	/* NUMBER */
	struct sp_pgtree child; /* MESSAGE; STRING: data and len */
};
struct sp_pgtree_iter {
	struct sp_pgtree message;
	size_t off;
};

void sp_pgtree_iter_init(struct sp_pgtree_iter *it, const struct sp_pgtree *m);
/* The next field. NOT_FOUND at the end; UNSUPPORTED (a type or field not in the tables), FORMAT. An empty Node is skipped. */
int sp_pgtree_next(struct sp_pgtree_iter *it, struct sp_pgtree_field *ret_field) SP_MUST_CHECK;

/* These look for one field and say false or 0 where it is absent (or the bytes are broken, which a walk finds). */
bool sp_pgtree_child(const struct sp_pgtree *m, unsigned int number, struct sp_pgtree *ret_child);
/* The n-th of a repeated field. */
bool sp_pgtree_nth(const struct sp_pgtree *m, unsigned int number, size_t n, struct sp_pgtree *ret_child);
size_t sp_pgtree_count(const struct sp_pgtree *m, unsigned int number);
uint64_t sp_pgtree_number(const struct sp_pgtree *m, unsigned int number);
/* A string field as a view; len 0 if absent. */
struct sp_pgtree sp_pgtree_string(const struct sp_pgtree *m, unsigned int number);

#endif
