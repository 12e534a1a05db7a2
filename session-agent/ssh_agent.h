/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent of one target session: it has one key and signs one thing with it,
 * the login of this user at this host in this connection. A client must first
 * bind (session-bind@openssh.com) with a signature by one of the host keys that
 * policy pins; only then, and only for the bound session id, a login request is
 * signed. Everything else is refused, with the reason for the record. Pure: no
 * descriptors, no clock. The host may prove itself with a pinned key, or with a
 * certificate for its name by a pinned authority; never with anything that is
 * revoked.
 */
#ifndef SALLYPORT_SESSION_AGENT_SSH_AGENT_H
#define SALLYPORT_SESSION_AGENT_SSH_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "proto/ssh_key.h"
#include "proto/sshfp.h"

#define SP_SSH_AGENT_SIGNATURES_MAX 2 /* of one connection; OpenSSH needs one */
#define SP_SSH_AGENT_REQUESTS_MAX 32  /* of one connection */
#define SP_SSH_AGENT_HOST_KEYS_MAX 48
#define SP_SSH_AGENT_FRAME_ROOM ((size_t)128 * 1024) /* bytes of requests, or answers, at once */

struct sp_ssh_agent;

enum sp_ssh_agent_outcome {
	SP_SSH_AGENT_REFUSED = 0,
	SP_SSH_AGENT_LISTED,
	SP_SSH_AGENT_BOUND,
	SP_SSH_AGENT_SIGNED
};

/* What became of one request, for the record. */
struct sp_ssh_agent_news {
	enum sp_ssh_agent_outcome outcome;
	char text[256]; /* one plain line: what was signed, or why not */
};

/*
 * key (taken over, also on failure) logs in as user; NULL: none is listed and nothing is signed. host_keys are the wire
 * forms of the pinned keys, copied.
 * LIMIT, NOMEM, INVALID (no user, or a host key that cannot be read).
 */
int sp_ssh_agent_new(struct sp_ssh_key *key, const char *user, const struct sp_view *host_keys, size_t n,
    struct sp_ssh_agent **ret_a) SP_MUST_CHECK;
/* One more host key on the wire, copied. LIMIT, and as sp_ssh_key_public(). */
int sp_ssh_agent_pin(struct sp_ssh_agent *a, struct sp_view host_key) SP_MUST_CHECK;
/* Fingerprints (copied) of which a host's key may be one, too. */
void sp_ssh_agent_expect(struct sp_ssh_agent *a, const struct sp_sshfp_set *set);
/* Whether a plain key on the wire is one of those, and not revoked. */
bool sp_ssh_agent_is_expected(const struct sp_ssh_agent *a, struct sp_view blob);
/* A key on the wire, of any type, that neither a host nor an authority may have, whatever else is said. LIMIT, NOMEM. */
int sp_ssh_agent_revoke(struct sp_ssh_agent *a, struct sp_view key) SP_MUST_CHECK;
/*
 * A key on the wire of an authority whose host certificates for the name host are taken too. LIMIT, and as
 * sp_ssh_key_public(). Where there is one, sp_ssh_agent_new() may be given no host key.
 */
int sp_ssh_agent_trust(struct sp_ssh_agent *a, struct sp_view authority, const char *host) SP_MUST_CHECK;
/*
 * Logs in with a certificate for the key (Ed25519) from now on, and not with the key alone. FORMAT (it is no certificate of
 * such a key), INVALID (the key is another, or there is none), NOMEM, LIMIT.
 */
int sp_ssh_agent_certify(struct sp_ssh_agent *a, struct sp_view certificate) SP_MUST_CHECK;
void sp_ssh_agent_free(struct sp_ssh_agent *a); /* NULL is fine */
/* Whether the one connection there is goes to the host: it has signed the connection's session id, and no other came. */
bool sp_ssh_agent_is_bound(const struct sp_ssh_agent *a);

/*
 * Handles the request at the front of in and consumes it: appends the reply to out, tells what became of it. now: seconds
 * since 1970, for certificates. AGAIN: it is not there whole. Other errors end the connection: FORMAT, LIMIT (also too many requests), NOMEM.
 */
int sp_ssh_agent_handle(struct sp_ssh_agent *a, struct sp_buf *in, struct sp_buf *out, int64_t now,
    struct sp_ssh_agent_news *ret_news) SP_MUST_CHECK;

#endif
