/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of permit.sock: sallyport-authkeys asks, sallyportd answers.
 * PROTOCOL.ipc, section 13, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_PERMIT_H
#define SALLYPORT_LIB_IPC_PERMIT_H

enum sp_ipc_permit { SP_IPC_PERMIT_PERMIT = 1, SP_IPC_PERMIT_PERMIT_REPLY = 129 };

#define SP_IPC_PERMIT_MAX 64 /* names of one reply; sshd reads them from one line */

#endif
