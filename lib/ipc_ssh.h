/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of ssh.sock: sallyportd has sallyport-ssh start a transport.
 * PROTOCOL.ipc, section 8, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_SSH_H
#define SALLYPORT_LIB_IPC_SSH_H

enum sp_ipc_ssh {
	SP_IPC_SSH_START = 1
};

#endif
