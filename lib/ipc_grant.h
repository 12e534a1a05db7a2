/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one message of a grant channel: sallyportd, which is the service, and a sallyport-exec that is to become another
 * account. PROTOCOL.ipc, section 12, has its body; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_GRANT_H
#define SALLYPORT_LIB_IPC_GRANT_H

#include <stddef.h>

enum sp_ipc_grant {
	SP_IPC_GRANT_ACCOUNT = 129
};

#define SP_IPC_GRANT_MAX ((size_t)128 * 1024) /* bytes of it, frame included: it must fit into a socket at once */
#define SP_IPC_GRANT_GROUPS_MAX 64
#define SP_IPC_GRANT_SECRETS_MAX 16

#endif
