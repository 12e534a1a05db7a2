/* SPDX-License-Identifier: Apache-2.0 */
/* A target's credential, read where policy says it is: by root, for one session at a time, never kept. */
#ifndef SALLYPORT_SESSION_AGENT_CREDENTIAL_H
#define SALLYPORT_SESSION_AGENT_CREDENTIAL_H

#include "lib/err.h"
#include "lib/secret.h"

#include "policy/image.h"

#define SP_CREDENTIAL_MAX 16384 /* bytes of a password or a private key */

/*
 * Reads it. *ret_message is a static line for the person when it fails. The file must be a regular file of
 * root's, not reachable through a symbolic link at its end, and not readable by group or others.
 * NOT_FOUND, DENIED (owner or mode), LIMIT, UNSUPPORTED, SYSTEM, NOMEM.
 */
int sp_credential_read(const struct sp_policy_connection *c, struct sp_secret **ret_s,
    const char **ret_message) SP_MUST_CHECK;
/* The same for what is not a connection's login: one of its named secrets. connection: for the log. */
int sp_credential_read_named(enum sp_policy_secret kind, const char *value, const char *connection,
    struct sp_secret **ret_s, const char **ret_message) SP_MUST_CHECK;

#endif
