/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a name may stand for at the server: prepared statements (made by Parse
 * or by SQL PREPARE, one name space) and portals (made by Bind).
 *
 * Whether a Parse, PREPARE or Close took effect is known only when the server
 * answers, and after an error in a pipeline some never happen. So a name keeps
 * every text it may stand for, and loses one only when that is certain; who
 * runs a name is judged by all of them, and the strictest verdict holds. A name
 * can thus never run a text that was not decided on.
 */
#ifndef SALLYPORT_SESSION_AGENT_POSTGRES_NAMES_H
#define SALLYPORT_SESSION_AGENT_POSTGRES_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_POSTGRES_NAMES_MAX 4096	/* names of one kind on a connection */
#define SP_POSTGRES_CANDIDATES_MAX 8	/* texts one name may stand for */
#define SP_POSTGRES_NAMES_BYTES_MAX ((size_t)64 * 1024 * 1024) /* bytes of all texts and parameters */

/* A statement's text, shared. */
struct sp_postgres_text {
	unsigned refs;
	size_t len, n_types;
	char sql[]; /* NUL after len bytes */
};
struct sp_postgres_text *sp_postgres_text_new(const void *sql, size_t len) SP_MUST_CHECK;
/* With the parameter types that Parse gives: n big-endian OIDs. NULL: out of memory. */
struct sp_postgres_text *sp_postgres_text_typed(const void *sql, size_t len, const void *types, size_t n) SP_MUST_CHECK;
/* Those types, sp_postgres_text.n_types of them. */
const uint8_t *sp_postgres_text_types(const struct sp_postgres_text *t);
struct sp_postgres_text *sp_postgres_text_ref(struct sp_postgres_text *t);
void sp_postgres_text_unref(struct sp_postgres_text *t); /* NULL is fine */

struct sp_postgres_candidate {
	uint64_t id; /* grows: younger is larger */
	uint64_t segment; /* of the pipeline it was sent in; 0: none */
	bool is_certain;
	bool is_granted; /* an approved portal that has begun: fetching on is the same run */
	uint64_t granted_version; /* under this policy version */
	unsigned n_texts;
	struct sp_postgres_text *texts[SP_POSTGRES_CANDIDATES_MAX];
	size_t bind_len;
	uint8_t *bind; /* a portal's Bind body, NULL for a statement */
};

struct sp_postgres_name {
	struct sp_postgres_name *next;
	unsigned pins; /* answers still to come that point here */
	unsigned n;
	struct sp_postgres_candidate *c[SP_POSTGRES_CANDIDATES_MAX];
	char name[];
};

struct sp_postgres_names;

struct sp_postgres_names *sp_postgres_names_new(void) SP_MUST_CHECK;
void sp_postgres_names_free(struct sp_postgres_names *s);

/* The name, or NULL if nothing can be behind it. */
struct sp_postgres_name *sp_postgres_names_find(struct sp_postgres_names *s, const char *name);
/*
 * Adds what name may stand for from now on; texts are referenced, bind copied. The name is pinned until
 * settled or dropped. LIMIT, NOMEM.
 */
int sp_postgres_names_add(struct sp_postgres_names *s, const char *name, struct sp_postgres_text *const *texts,
    unsigned n_texts, const uint8_t *bind, size_t bind_len, uint64_t segment, struct sp_postgres_name **ret_n,
    uint64_t *ret_id) SP_MUST_CHECK;
/*
 * The first candidate that a message of this segment can mean. Up to Sync a message runs only if all before it
 * did, so the youngest candidate alone if it was sent in the same segment; otherwise all.
 */
unsigned sp_postgres_names_first(const struct sp_postgres_name *n, uint64_t segment);
/* Whether the name can take no further candidate until some are settled. */
bool sp_postgres_names_is_full(struct sp_postgres_names *s, const char *name);
/* It took effect: older candidates of the same name are gone. Unpins. */
void sp_postgres_names_settle(struct sp_postgres_names *s, struct sp_postgres_name *n, uint64_t id);
/* It never happened. Unpins. */
void sp_postgres_names_drop(struct sp_postgres_names *s, struct sp_postgres_name *n, uint64_t id);
/* It may have happened or not: stays, unpinned. */
void sp_postgres_names_leave(struct sp_postgres_names *s, struct sp_postgres_name *n);
/* Pins name for a Close; *ret_mark is given to the next call. NULL if there is no such name. */
struct sp_postgres_name *sp_postgres_names_closing(struct sp_postgres_names *s, const char *name, uint64_t *ret_mark);
/* The Close took effect (everything up to mark is gone) or did not. Unpins. */
void sp_postgres_names_closed(struct sp_postgres_names *s, struct sp_postgres_name *n, uint64_t mark, bool took_effect);
/* Everything up to mark is gone, under every name (DISCARD ALL, end of transaction for portals). */
void sp_postgres_names_clear(struct sp_postgres_names *s, uint64_t mark);
/* The largest id given so far. */
uint64_t sp_postgres_names_mark(const struct sp_postgres_names *s);

#endif
