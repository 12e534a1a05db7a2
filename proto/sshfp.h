/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host keys that DNS has fingerprints of (SSHFP: RFC 4255, 6594, 7479): reading the answer of a resolver that validates
 * (RFC 4035 section 3.2.3), and comparing. SHA-256 alone counts. Pure.
 */
#ifndef SALLYPORT_PROTO_SSHFP_H
#define SALLYPORT_PROTO_SSHFP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_SSHFP_TYPE 44
#define SP_SSHFP_SHA256_LEN 32
#define SP_SSHFP_MAX 32		/* fingerprints of one host */
#define SP_SSHFP_RECORDS_MAX 256 /* records of an answer that are looked at */
#define SP_SSHFP_ANSWER_MAX ((size_t)64 * 1024) /* bytes */

struct sp_sshfp_set {
	size_t n;
	struct {
		uint8_t algorithm;
		uint8_t digest[SP_SSHFP_SHA256_LEN];
	} keys[SP_SSHFP_MAX];
};

/*
 * Reads the answer to a question for the SSHFP records of name, or of what its aliases in the answer lead to. SIGNATURE: the
 * resolver has not validated it; nothing of it counts. NOT_FOUND: there are none. UNSUPPORTED: there are, but with no SHA-256 of
 * a type of key that is taken. UNAVAILABLE: the resolver has failed, for instance because signatures are wrong. FORMAT (also: cut off,
 * another question), LIMIT.
 */
int sp_sshfp_parse(struct sp_view answer, const char *name, struct sp_sshfp_set *ret_set) SP_MUST_CHECK;
/* Whether one is that of a plain public key on the wire, and for its type. */
bool sp_sshfp_has(const struct sp_sshfp_set *set, struct sp_view blob);

#endif
