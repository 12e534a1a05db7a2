/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which uid: root's own database, from which the table that the name service reads is written. A person is issuer
 * and subject; the name is what they are called now. An id is given once: whoever is removed leaves a row behind, which is
 * theirs again if the same person comes back and nobody else's ever.
 */
#ifndef SALLYPORT_CLI_PEOPLE_STORE_H
#define SALLYPORT_CLI_PEOPLE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/people.h"

#define SP_PEOPLE_STORE_IDENTITY_MAX 1024 /* bytes of an issuer or subject, none of them a control character */

enum sp_people_state { /* on disk, too */
	SP_PEOPLE_ACTIVE = 0,
	SP_PEOPLE_DISABLED = 1, /* is still somebody, and does not log in */
	SP_PEOPLE_REMOVED = 2	/* is nobody; the id is taken */
};

struct sp_people_store;

/* A person or a group. The strings are the owner's. */
struct sp_people_row {
	enum sp_people_kind kind;
	enum sp_people_state state;
	uint32_t id; /* 0 to add somebody: the next free one */
	const char *name, *full, *home, *iss, *sub; /* "" where there is none */
	const char *groups;			    /* a person's, with commas; not looked at by add */
};

/* The database, made if there is none: mode 0600, ours. DENIED, SYSTEM, FORMAT (from another version), NOMEM. */
int sp_people_store_open(const char *path, struct sp_people_store **ret_s) SP_MUST_CHECK;
void sp_people_store_close(struct sp_people_store *s);
/* A line about the last failure, valid until the next call. */
const char *sp_people_store_error(const struct sp_people_store *s);

/* An id that is not given, whoever asks: the next one that may be; or id itself; or 0: that cannot be told. */
typedef uint32_t sp_people_store_avoid(uint32_t id, void *ctx);
void sp_people_store_set_avoid(struct sp_people_store *s, sp_people_store_avoid *cb, void *ctx);

/* One change at a time: what is between is done whole, if r is 0, or not at all. end returns r, or SYSTEM. */
int sp_people_store_begin(struct sp_people_store *s) SP_MUST_CHECK;
int sp_people_store_end(struct sp_people_store *s, int r) SP_MUST_CHECK;

/*
 * INVALID: a name, id or text that cannot be in a table; EXISTS: the name or the id is somebody's, or was, or the person
 * is here under another name; LIMIT: no id of the range is left; SYSTEM. A person who was removed has their id
 * again, and asking for another is EXISTS.
 */
int sp_people_store_add(struct sp_people_store *s, const struct sp_people_row *row, uint32_t *ret_id) SP_MUST_CHECK;
/* Whoever has the id gives the name up, for a take that follows. SYSTEM. */
int sp_people_store_release(struct sp_people_store *s, uint32_t id) SP_MUST_CHECK;
/*
 * Somebody as another database has them, with state and id. EXISTS: the id is another's here, or was; the person has
 * another one; or the name is somebody's. INVALID, SYSTEM.
 */
int sp_people_store_take(struct sp_people_store *s, const struct sp_people_row *row) SP_MUST_CHECK;
/* Of those that are not removed. NOT_FOUND, SYSTEM. */
int sp_people_store_find(struct sp_people_store *s, const char *name, uint32_t *ret_id,
    enum sp_people_kind *ret_kind) SP_MUST_CHECK;
/* INVALID, EXISTS, SYSTEM. */
int sp_people_store_rename(struct sp_people_store *s, uint32_t id, const char *name) SP_MUST_CHECK;
int sp_people_store_describe(struct sp_people_store *s, uint32_t id, const char *full) SP_MUST_CHECK;
int sp_people_store_move(struct sp_people_store *s, uint32_t id, const char *home) SP_MUST_CHECK;
/* names: with commas, "" for none; of groups that are there. NOT_FOUND, LIMIT, SYSTEM. */
int sp_people_store_join(struct sp_people_store *s, uint32_t id, const char *names) SP_MUST_CHECK;
/* REMOVED: out of every group, or nobody is in it any more. SYSTEM. */
int sp_people_store_set_state(struct sp_people_store *s, uint32_t id, enum sp_people_state state) SP_MUST_CHECK;

/* Where ids are given from. CONFLICT: somebody has one outside; INVALID, SYSTEM. */
int sp_people_store_range(struct sp_people_store *s, uint32_t *ret_first, uint32_t *ret_last) SP_MUST_CHECK;
int sp_people_store_set_range(struct sp_people_store *s, uint32_t first, uint32_t last) SP_MUST_CHECK;
int sp_people_store_set_enumerate(struct sp_people_store *s, bool enumerate) SP_MUST_CHECK;

/* Called for each, in the order of ids; a non-zero return stops the walk and is returned. */
typedef int sp_people_store_each(const struct sp_people_row *row, void *ctx);
int sp_people_store_walk(struct sp_people_store *s, bool with_removed, sp_people_store_each *cb, void *ctx) SP_MUST_CHECK;
/* The table, as sp_people_put_write() does it. */
int sp_people_store_write(struct sp_people_store *s, const char *path) SP_MUST_CHECK;

#endif
