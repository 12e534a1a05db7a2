/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC
 * 7677; channel binding tls-server-end-point, RFC 5929) as PostgreSQL uses it:
 * the user name inside SCRAM is empty. The server proves that it knows the
 * password too; a login counts only after sp_pg_scram_final() returned 0.
 */
#ifndef SALLYPORT_PROTO_PG_SCRAM_H
#define SALLYPORT_PROTO_PG_SCRAM_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/secret.h"

#define SP_PG_SCRAM_MESSAGE_MAX 4096 /* bytes of one server message */
#define SP_PG_SCRAM_ITERATIONS_MIN 4096 /* RFC 7677 section 4 */
#define SP_PG_SCRAM_ITERATIONS_MAX 600000 /* more would only stall the session */
#define SP_PG_SCRAM_NONCE 24 /* random bytes of the client's nonce, before base64 */
#define SP_PG_SCRAM_BINDING_MAX 64 /* bytes of channel binding data (a certificate's hash) */

struct sp_pg_scram;

/*
 * binding: the server certificate's hash for -PLUS, or NULL and 0. binding_known: whether this client could
 * have bound (TLS in use) but the server did not offer it ("y" in the header, so that a stripped offer is
 * noticed by the server). nonce: random text without a comma, NULL to have one made. user: what goes into n=
 * (PostgreSQL: empty). NOMEM, INVALID, CRYPTO.
 */
int sp_pg_scram_new(const char *user, const char *nonce, const uint8_t *binding, size_t binding_len,
    int binding_known, struct sp_pg_scram **ret_s) SP_MUST_CHECK;
void sp_pg_scram_free(struct sp_pg_scram *s); /* wipes; NULL is fine */
/* client-first-message. Errors as sp_buf_put(). */
int sp_pg_scram_first(const struct sp_pg_scram *s, struct sp_buf *out) SP_MUST_CHECK;
/*
 * Takes server-first-message and puts client-final-message. FORMAT, LIMIT (iterations), SIGNATURE (the
 * nonce is not a continuation of ours), CRYPTO, PROTOCOL (out of turn).
 */
int sp_pg_scram_continue(struct sp_pg_scram *s, const uint8_t *msg, size_t n, const struct sp_secret *password,
    struct sp_buf *out) SP_MUST_CHECK;
/* Takes server-final-message. 0 only if the server's signature is right; SIGNATURE, DENIED (e=), FORMAT, PROTOCOL. */
int sp_pg_scram_final(struct sp_pg_scram *s, const uint8_t *msg, size_t n) SP_MUST_CHECK;

#endif
