/* SPDX-License-Identifier: Apache-2.0 */
/* What the session wants run (START of PROTOCOL.ipc), as whoever runs this: a session names no account. */
#ifndef SALLYPORT_EXEC_ORDER_H
#define SALLYPORT_EXEC_ORDER_H

#include <sys/types.h>

#include "lib/err.h"

#define SP_ORDER_WORDS_MAX 1024
#define SP_ORDER_WORD_MAX ((size_t)128 * 1024) /* bytes of one */
#define SP_ORDER_WAIT_MS 10000

struct sp_order {
	char *directory; /* "": the account's home */
	char *path;
	char **argv;
	char **env; /* with HOME, USER, LOGNAME and SHELL of the account where they are missing */
};

/*
 * Reads START from the session's socket and looks the account up. What is there is freed by sp_order_clear() in any
 * case. NOT_FOUND (no such account), PROTOCOL, FORMAT, LIMIT, NOMEM, CLOSED, TIMEOUT, SYSTEM.
 */
int sp_order_read(int session, struct sp_order *ret_o) SP_MUST_CHECK;
void sp_order_clear(struct sp_order *o);

#endif
