/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sallyportd lets a sallyport-exec become the account that policy names for a connection, and gives it the connection's
 * secrets (PROTOCOL.ipc section 12): nobody else can say so, and nobody else reads them but the session, which masks them.
 */
#ifndef SALLYPORT_SESSION_AGENT_GRANT_H
#define SALLYPORT_SESSION_AGENT_GRANT_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/ipc_grant.h"
#include "lib/secret.h"

struct sp_policy_connection;

#define SP_GRANT_SECRET_MAX 16384 /* bytes of one */

struct sp_grant {
	uid_t person;	/* of the session */
	uint32_t ses;	/* kernel audit session that the other end must be in */
	uid_t shell;	/* the account sallyport-shell, as which it must have been made */
	int fd;		/* the grant channel; stays the caller's */
	size_t nsecrets;
	char *secrets[SP_IPC_GRANT_SECRETS_MAX]; /* names, the connection's */
	struct sp_secret *values[SP_IPC_GRANT_SECRETS_MAX]; /* read, also when it fails: the caller's to free */
	uid_t uid; /* out: of the account */
};

/*
 * For a connection that the person may reach. *ret_message is a static line for the person when it fails. DENIED (who is
 * at the other end, the account, a secret), NOT_FOUND, LIMIT, UNSUPPORTED, NOMEM, SYSTEM.
 */
int sp_grant_account(const struct sp_policy_connection *c, struct sp_grant *g, const char **ret_message) SP_MUST_CHECK;

#endif
