/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The credential of a connection that logs in with a certificate: a key that is made for this session and a certificate for
 * it by the connection's CA. Only sallyportd sees the CA's key; the session gets what is made here, and the target's log
 * has the person and the session in the certificate's key id.
 */
#ifndef SALLYPORT_SESSION_AGENT_SSH_MINT_H
#define SALLYPORT_SESSION_AGENT_SSH_MINT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/secret.h"
#include "policy/image.h"

#define SP_SSH_MINT_COMMAND_MAX 1024 /* bytes of a command in a certificate */
#define SP_SSH_MINT_SKEW 60 /* seconds by which a target's clock may be behind */

/*
 * *secret is the CA's private key, and afterwards `string private key's file, string certificate`; the former is freed in
 * any case, and NULL stands there after an error. is_way: the host is gone through, or to what listens on it, and no session
 * can be opened there. command: the one that will run there, "" for a shell or what is none; a long one is left out. now: seconds since 1970. INVALID (the CA's key), UNSUPPORTED
 * (it is encrypted, or of a type that is not taken), CRYPTO, LIMIT, NOMEM, SYSTEM.
 */
int sp_ssh_mint(const struct sp_policy_connection *c, const char *user, const char *session_id, bool is_way,
    const char *command, int64_t now, struct sp_secret **secret) SP_MUST_CHECK;

#endif
