/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of the monitor channel: a sallyport-session and sallyportd, which is the service.
 * PROTOCOL.ipc, section 4, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_MONITOR_H
#define SALLYPORT_LIB_IPC_MONITOR_H

enum sp_ipc_monitor {
	SP_IPC_MONITOR_BEGIN = 129,
	SP_IPC_MONITOR_CHANNEL = 130,
	SP_IPC_MONITOR_CREDENTIAL_REPLY = 131,
	SP_IPC_MONITOR_LISTEN_REPLY = 132,
	SP_IPC_MONITOR_END = 133,
	SP_IPC_MONITOR_RESUMED = 134,
	SP_IPC_MONITOR_SSH_REPLY = 135,
	SP_IPC_MONITOR_ACCOUNT_REPLY = 136,
	SP_IPC_MONITOR_PAUSE = 140,
	SP_IPC_MONITOR_FORWARD = 141,
	SP_IPC_MONITOR_CREDENTIAL = 1,
	SP_IPC_MONITOR_LISTEN = 2,
	SP_IPC_MONITOR_RESUME = 3,
	SP_IPC_MONITOR_DONE = 4,
	SP_IPC_MONITOR_SSH = 5,
	SP_IPC_MONITOR_LOST = 6,
	SP_IPC_MONITOR_ACCOUNT = 7
};

/* CHANNEL's and LOST's which: the daemon at the other end. */
enum { SP_IPC_MONITOR_WHICH_RECORDER = 1, SP_IPC_MONITOR_WHICH_CONTROL = 2 };

#endif
