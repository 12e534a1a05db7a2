/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of the transport channel: what the program that carries a target's session tells it.
 * PROTOCOL.ipc, section 9, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_TRANSPORT_H
#define SALLYPORT_LIB_IPC_TRANSPORT_H

enum sp_ipc_transport {
	SP_IPC_TRANSPORT_READY = 129,
	SP_IPC_TRANSPORT_LOG = 130,
	SP_IPC_TRANSPORT_EXIT = 131,
	SP_IPC_TRANSPORT_ASK = 132,
	SP_IPC_TRANSPORT_HOST_KEY = 133
};

#endif
