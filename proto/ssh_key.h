/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSH keys as the agent needs them: unencrypted private keys (OpenSSH's own
 * format, PROTOCOL.key, or PEM) and public keys on the wire (RFC 4253 section
 * 6.6, RFC 5656, RFC 8709), and what is done with them: signing and verifying
 * (RFC 8332 for RSA; never SHA-1). Ed25519, ECDSA on the three NIST curves, RSA.
 */
#ifndef SALLYPORT_PROTO_SSH_KEY_H
#define SALLYPORT_PROTO_SSH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_SSH_KEY_TEXT_MAX ((size_t)16 * 1024) /* bytes of a private key's file */
#define SP_SSH_KEY_BLOB_MAX ((size_t)4 * 1024)	/* bytes of a public key on the wire */
#define SP_SSH_KEY_SIGNATURE_MAX ((size_t)2 * 1024)
#define SP_SSH_KEY_RSA_BITS_MIN 2048
#define SP_SSH_KEY_RSA_BITS_MAX 8192

/* Flags of a signing request (draft-miller-ssh-agent section 3.6.1). */
#define SP_SSH_KEY_SHA2_256 2u
#define SP_SSH_KEY_SHA2_512 4u

struct sp_ssh_key;

/*
 * Reads a private key's file. FORMAT, LIMIT, UNSUPPORTED (encrypted, or a type or curve that is not taken), INVALID (its
 * halves do not belong together, or an RSA key out of bounds), CRYPTO, NOMEM.
 */
int sp_ssh_key_private(const void *text, size_t n, struct sp_ssh_key **ret_key) SP_MUST_CHECK;
/* Reads a public key's wire form, to the last byte. FORMAT, LIMIT, UNSUPPORTED (type), INVALID, CRYPTO, NOMEM. */
int sp_ssh_key_public(struct sp_view blob, struct sp_ssh_key **ret_key) SP_MUST_CHECK;
/* Appends a fresh Ed25519 key's file, for sp_ssh_key_private(). CRYPTO, NOMEM, LIMIT. */
int sp_ssh_key_fresh(struct sp_buf *out) SP_MUST_CHECK;
void sp_ssh_key_free(struct sp_ssh_key *key); /* NULL is fine */

/* "ssh-ed25519", "ecdsa-sha2-nistp256" …, "ssh-rsa". */
const char *sp_ssh_key_type(const struct sp_ssh_key *key);
/* The public half on the wire; valid as long as the key. */
struct sp_view sp_ssh_key_blob(const struct sp_ssh_key *key);
/* The signature algorithm for a request with these flags; NULL if none is taken (RSA without SHA-2, unknown flags). */
const char *sp_ssh_key_algorithm(const struct sp_ssh_key *key, uint32_t flags);
/*
 * Appends the signature of data to out, as `string algorithm, string signature`. UNSUPPORTED (flags), INVALID (no
 * private half), CRYPTO, NOMEM, LIMIT.
 */
int sp_ssh_key_sign(
    const struct sp_ssh_key *key, uint32_t flags, struct sp_view data, struct sp_buf *out) SP_MUST_CHECK;
/* Verifies such a signature. SIGNATURE, FORMAT, UNSUPPORTED (algorithm), NOMEM. */
int sp_ssh_key_verify(const struct sp_ssh_key *key, struct sp_view data, struct sp_view signature) SP_MUST_CHECK;

#endif
