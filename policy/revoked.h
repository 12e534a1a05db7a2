/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The deny list: people, keys and tokens that are refused whatever else says yes. Pure: text in, text out, and whether
 * somebody is on it. The list is the file SP_REVOKED_FILE, which sallyportd alone writes; whoever reads it and cannot
 * refuses everybody.
 *
 * An entry is { "kind": "person" | "key" | "jti", "value", "issuer"?, "also"?: [{ "iss", "sub" } ..], "by", "reason",
 * "since": s, "until": s (0: for good) }. A person's value is a login name or mail address (ASCII letters in either case)
 * or a subject (exactly); with an issuer only as that one vouches for them. "also" are the identities that were logged in
 * under it when they were revoked: they are meant by whatever name they come. A key is the SHA-256 of its public part, hex.
 */
#ifndef SALLYPORT_POLICY_REVOKED_H
#define SALLYPORT_POLICY_REVOKED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_REVOKED_DIR SP_STATEDIR "/revoked" /* root:sallyport-identity, 0750 */
#define SP_REVOKED_FILE "list"
#define SP_REVOKED_MAX 1000			  /* entries */
#define SP_REVOKED_TEXT_MAX ((size_t)768 * 1024)  /* bytes of the file; it goes to control in one frame */
#define SP_REVOKED_VALUE_MAX 256		  /* bytes of a value, issuer or subject */
#define SP_REVOKED_REASON_MAX 200		  /* bytes of a reason */
#define SP_REVOKED_ALSO_MAX 64			  /* identities of one entry */
#define SP_REVOKED_SAID_MAX 512			  /* bytes of sp_revoked_say() */

struct sp_revoked;

/* What is known of who comes; NULL: not known. */
struct sp_revoked_who {
	const char *iss;
	const char *sub;
	const char *user; /* login name */
	const char *email;
	const char *key; /* SHA-256, 64 lower case hex digits */
	const char *jti;
};

/* An empty list. NULL: no memory. */
struct sp_revoked *sp_revoked_new(void) SP_MUST_CHECK;
void sp_revoked_free(struct sp_revoked *l); /* NULL is fine */
/* The text of a file. FORMAT (anything but a list as sp_revoked_text() makes it), LIMIT, NOMEM. */
int sp_revoked_parse(const char *text, size_t n, struct sp_revoked **ret_l) SP_MUST_CHECK;
/* The text of a file, without what has run out at now; NULL: no memory. */
char *sp_revoked_text(const struct sp_revoked *l, int64_t now) SP_MUST_CHECK;
/*
 * An object as above, borrowed. It takes the place of an entry of the same kind, value and issuer, and means those that
 * it meant as well. FORMAT, LIMIT, NOMEM.
 */
int sp_revoked_add(struct sp_revoked *l, json_t *entry) SP_MUST_CHECK;
/* Takes off the entry with the kind, value and issuer (NULL: the one without). NOT_FOUND. */
int sp_revoked_remove(struct sp_revoked *l, const char *kind, const char *value, const char *issuer) SP_MUST_CHECK;
/* The entries, an array, borrowed. */
const json_t *sp_revoked_entries(const struct sp_revoked *l);
/* The entry in force at now that means who, borrowed; NULL: none. */
const json_t *sp_revoked_find(const struct sp_revoked *l, const struct sp_revoked_who *who, int64_t now);
/* The same question of an identity as PROTOCOL.ipc section 1 has it. */
struct sp_revoked_who sp_revoked_who(const json_t *identity);
bool sp_revoked_means(const json_t *entry, const struct sp_revoked_who *who);
/* Where a person's entry means this identity, it means it by any other name too from now on, up to SP_REVOKED_ALSO_MAX. NOMEM. */
int sp_revoked_also(json_t *entry, const json_t *identity) SP_MUST_CHECK;
/* One line for the person: that, by whom and why. */
void sp_revoked_say(const json_t *entry, char *text, size_t cap);

#endif
