/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by ssh_key.c (reading) and ssh_sign.c (using); no other file includes it. */
#ifndef SALLYPORT_PROTO_SSH_KEY_INTERNAL_H
#define SALLYPORT_PROTO_SSH_KEY_INTERNAL_H

#include <openssl/types.h>

#include "proto/ssh_key.h"

enum sp_ssh_key_family {
	SP_SSH_KEY_ED25519,
	SP_SSH_KEY_ECDSA,
	SP_SSH_KEY_RSA
};

/* One type of key. */
struct sp_ssh_key_kind {
	const char *type;
	enum sp_ssh_key_family family;
	const char *curve;	/* name on the wire; ECDSA only */
	const char *group;	/* OpenSSL's */
	size_t point;		/* bytes of an uncompressed point */
	const char *digest;	/* of its signatures; NULL: the key's own, or by algorithm */
};

struct sp_ssh_key {
	const struct sp_ssh_key_kind *kind;
	EVP_PKEY *pkey;
	bool is_private;
	uint8_t *blob;
	size_t blob_len;
};

/* A non-negative mpint (RFC 4251 section 5) without its leading zero. FORMAT, LIMIT, INCOMPLETE. */
int sp_ssh_key_get_mpint(struct sp_buf *b, size_t max, struct sp_view *ret_v) SP_MUST_CHECK;
/* Appends an mpint from big-endian bytes. */
void sp_ssh_key_put_mpint(struct sp_buf *b, const uint8_t *p, size_t n);

#endif
