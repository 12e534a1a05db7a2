/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of pam.sock: pam_sallyport.so asks, sallyportd answers.
 * PROTOCOL.ipc, section 2, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_PAM_H
#define SALLYPORT_LIB_IPC_PAM_H

enum sp_ipc_pam {
	SP_IPC_PAM_OPEN = 1,
	SP_IPC_PAM_OPEN_REPLY = 129,
	SP_IPC_PAM_CLOSE = 2,
	SP_IPC_PAM_CLOSE_REPLY = 130,
	SP_IPC_PAM_ACCOUNT = 3,
	SP_IPC_PAM_ACCOUNT_REPLY = 131,
	SP_IPC_PAM_PORTS = 4,
	SP_IPC_PAM_PORTS_REPLY = 132
};

#define SP_IPC_PAM_PORTS_MAX 32 /* of one login through ssh -J: the client can have connections to them forwarded */

#endif
