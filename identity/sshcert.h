/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSH user certificates as OpenPubkey clients make them: an ECDSA P-256 or
 * Ed25519 key that has signed itself, with the token in an extension
 * (OpenSSH PROTOCOL.certkeys; extension openpubkey-pkt).
 */
#ifndef SALLYPORT_IDENTITY_SSHCERT_H
#define SALLYPORT_IDENTITY_SSHCERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "identity/pubkey.h"
#include "identity/reason.h"

#define SP_SSHCERT_BASE64_MAX ((size_t)128 * 1024) /* characters; sshd passes it as one argument */
#define SP_SSHCERT_TOKEN_MAX ((size_t)64 * 1024)   /* bytes of a PK token */
#define SP_SSHCERT_PRINCIPALS 16
#define SP_SSHCERT_PRINCIPAL_MAX 128 /* bytes of one */
#define SP_SSHCERT_KEY_ID_MAX 512
#define SP_SSHCERT_OPTIONS 32

struct sp_sshcert;

/* Whether type is the name of a certificate type that is parsed here. */
bool sp_sshcert_is_type(const char *type);
/*
 * Parses and verifies a certificate blob whose type must be `type`. On success its signature is good, it is
 * signed by the key it certifies, it is a user certificate, valid at `now` (seconds), has no critical
 * options, each option once and in order, safe principals, and no byte is left over. INVALID, FORMAT, LIMIT,
 * SIGNATURE, EXPIRED, NOT_YET, UNSUPPORTED, NOMEM; NOT_FOUND when it has no token: not ours.
 */
int sp_sshcert_parse(const char *type, struct sp_view blob, int64_t now, struct sp_reason *why,
    struct sp_sshcert **ret_cert) SP_MUST_CHECK;
void sp_sshcert_free(struct sp_sshcert *cert); /* NULL is fine */

const struct sp_pubkey *sp_sshcert_key(const struct sp_sshcert *cert);
/* The type and the wire form of the plain key that signed, for an authorized_keys line. Views into the blob. */
const char *sp_sshcert_key_type(const struct sp_sshcert *cert);
struct sp_view sp_sshcert_key_blob(const struct sp_sshcert *cert);
size_t sp_sshcert_principals(const struct sp_sshcert *cert);
const char *sp_sshcert_principal(const struct sp_sshcert *cert, size_t i);
/* The PK token: what is inside the inner string of the extension. View into the blob. */
struct sp_view sp_sshcert_token(const struct sp_sshcert *cert);
/* End of validity of the certificate itself, seconds; UINT64_MAX is forever. */
uint64_t sp_sshcert_valid_before(const struct sp_sshcert *cert);

#endif
