/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of identity.sock: sallyport-authkeys and sallyportd ask, sallyport-identity answers.
 * PROTOCOL.ipc, section 1, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_IDENTITY_H
#define SALLYPORT_LIB_IPC_IDENTITY_H

enum sp_ipc_identity {
	SP_IPC_IDENTITY_AUTHKEY = 1,
	SP_IPC_IDENTITY_AUTHKEY_REPLY = 129,
	SP_IPC_IDENTITY_VERIFY = 2,
	SP_IPC_IDENTITY_VERIFY_REPLY = 130,
	SP_IPC_IDENTITY_STATUS = 3,
	SP_IPC_IDENTITY_STATUS_REPLY = 131
};

#endif
