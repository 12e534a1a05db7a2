/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the session wants run (START of PROTOCOL.ipc): as whoever runs this, or as the account that root grants
 * (exec/grant.h). A session names no account.
 */
#ifndef SALLYPORT_EXEC_ORDER_H
#define SALLYPORT_EXEC_ORDER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/err.h"
#include "lib/ipc_grant.h"

#define SP_ORDER_WORDS_MAX 1024
#define SP_ORDER_WORD_MAX ((size_t)128 * 1024) /* bytes of one */
#define SP_ORDER_WAIT_MS 10000

struct sp_order {
	bool is_granted; /* runs as the account below; false: as the person */
	bool is_network; /* what it reaches over sockets is decided */
	int files; /* where it is told which files it uses, not closed here; -1: nobody wants to know */
	uid_t uid;
	gid_t gid;
	gid_t groups[SP_IPC_GRANT_GROUPS_MAX];
	size_t ngroups;
	bool has_secrets; /* in env */
	char *directory; /* "": the account's home */
	char *path;
	char **argv;
	char **env; /* with HOME, USER, LOGNAME and SHELL of the account where they are missing */
};

/*
 * Reads START from the session's socket and, unless the account is to be granted, looks the person's up. What is there
 * is freed by sp_order_clear() in any case. NOT_FOUND (no such account), PROTOCOL, FORMAT, LIMIT, NOMEM, CLOSED,
 * TIMEOUT, SYSTEM.
 */
int sp_order_read(int session, struct sp_order *ret_o) SP_MUST_CHECK;
/* The account's own variables, where they are missing, and its home as directory. NOMEM. */
int sp_order_account(struct sp_order *o, const char *name, const char *home) SP_MUST_CHECK;
/* Puts NAME=value in the place of what was there. At most SP_IPC_GRANT_SECRETS_MAX are put. NOMEM. */
int sp_order_secret(struct sp_order *o, const char *name, const char *value) SP_MUST_CHECK;
void sp_order_clear(struct sp_order *o);

#endif
