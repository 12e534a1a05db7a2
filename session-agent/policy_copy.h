/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy as control hands it out (POLICY of PROTOCOL.ipc section 7): sealed memory that is mapped, compared with the
 * digest and the version that came with it, and opened. Sessions and sallyportd hold one each.
 */
#ifndef SALLYPORT_SESSION_AGENT_POLICY_COPY_H
#define SALLYPORT_SESSION_AGENT_POLICY_COPY_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_POLICY_COPY_DIGEST 32 /* bytes: SHA-256 of the image */

struct sp_ipc_msg;
struct sp_policy_copy;
struct sp_policy_image;

/*
 * Reads POLICY; the descriptor stays the message's. What does not hold together is logged and refused, and the caller
 * goes on with the copy it has: SIGNATURE (the digest or the version is not the image's), PROTOCOL (not one descriptor,
 * a digest of another length), INVALID (not sealed), INCOMPLETE, FORMAT, LIMIT, UNSUPPORTED, CRYPTO, SYSTEM, NOMEM.
 */
int sp_policy_copy_read(const struct sp_ipc_msg *msg, struct sp_buf *body, struct sp_policy_copy **ret_c) SP_MUST_CHECK;
void sp_policy_copy_free(struct sp_policy_copy *c); /* and the image with it; NULL is fine */
const struct sp_policy_image *sp_policy_copy_image(const struct sp_policy_copy *c); /* NULL of NULL */
uint64_t sp_policy_copy_version(const struct sp_policy_copy *c);
const uint8_t *sp_policy_copy_digest(const struct sp_policy_copy *c);

#endif
