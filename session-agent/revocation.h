/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocation, at sallyportd, which alone writes the deny list (policy/revoked.h): what is on it is on disk before anybody
 * is told so, is refused at every door from then on, and what its people have open ends. A list that cannot be read
 * refuses everybody, until it can be.
 *
 * A session that is meant is told to end, says why to its person and ends what it has started; one that does not within
 * SP_REVOCATION_KILL_MS is killed, and its children go with their channels. The sshd of a login that is meant is told to
 * stop when its sessions have gone, so that nothing of the connection stays: no shared one, no forwarding.
 */
#ifndef SALLYPORT_SESSION_AGENT_REVOCATION_H
#define SALLYPORT_SESSION_AGENT_REVOCATION_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"
#include "session-agent/registry.h"

#define SP_REVOCATION_TICK_MS 100
#define SP_REVOCATION_GRACE_MS 300	/* from the end of a login's last session to that of its sshd */
#define SP_REVOCATION_SESSIONS_MS 3000	/* its sshd ends then in any case */
#define SP_REVOCATION_KILL_MS 8000	/* what has not ended is killed: a session, or an sshd */
#define SP_REVOCATION_TEXT_MAX 1024	/* bytes of an answer to the operator */

struct sp_revocation;

/* Reads the list; one that cannot be read is no error here. NOMEM. */
int sp_revocation_new(struct sp_registry *g, struct sp_revocation **ret_r) SP_MUST_CHECK;
void sp_revocation_free(struct sp_revocation *r); /* NULL is fine */
/* Whether somebody with this verified identity (NULL: only the login name is known) is refused; text says why. */
bool sp_revocation_refuses(struct sp_revocation *r, const json_t *identity, const char *user, char *text, size_t cap);
/*
 * Puts on the list what an operator called by asks for: { "kind" ("person", "key", "jti", or "session", whose key is
 * meant), "value", "issuer"?, "until", "reason" }. text (SP_REVOCATION_TEXT_MAX) is what came of it, for the operator.
 * FORMAT, NOT_FOUND (no such session), LIMIT, UNAVAILABLE (the list cannot be read), NOMEM; SYSTEM: in force, but not on
 * disk.
 */
int sp_revocation_add(struct sp_revocation *r, json_t *request, const char *by, char *text) SP_MUST_CHECK;
/* Takes off the list. NOT_FOUND and errors as above. */
int sp_revocation_remove(struct sp_revocation *r, const char *kind, const char *value, const char *issuer, const char *by,
    char *text) SP_MUST_CHECK;
/* Ends what is open of whoever is on the list: at the start, what was open before. */
void sp_revocation_enforce(struct sp_revocation *r);
/* Likewise of a session that has come back. */
void sp_revocation_resumed(struct sp_revocation *r, struct sp_live *live);
/* The list for control, as the file has it; NULL: it cannot be read, or no memory. To be freed. */
char *sp_revocation_list(struct sp_revocation *r);

#endif
