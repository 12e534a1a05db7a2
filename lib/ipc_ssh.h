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

/* START: what is run at the host. */
enum { SP_IPC_SSH_SHELL = 0, SP_IPC_SSH_COMMAND = 1, SP_IPC_SSH_SUBSYSTEM = 2, SP_IPC_SSH_FORWARD = 3 };

#endif
