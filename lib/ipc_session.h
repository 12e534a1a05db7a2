/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of session.sock: sallyport-forcecmd and, after START, its sallyport-session.
 * PROTOCOL.ipc, section 3, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_SESSION_H
#define SALLYPORT_LIB_IPC_SESSION_H

enum sp_ipc_session {
	SP_IPC_SESSION_START = 1,
	SP_IPC_SESSION_REFUSED = 129,
	SP_IPC_SESSION_STARTED = 130,
	SP_IPC_SESSION_TTY = 131,
	SP_IPC_SESSION_SPAWN = 132,
	SP_IPC_SESSION_KILL = 133,
	SP_IPC_SESSION_EXIT = 134,
	SP_IPC_SESSION_EXEC = 135,
	SP_IPC_SESSION_WINCH = 2,
	SP_IPC_SESSION_SIGNAL = 3,
	SP_IPC_SESSION_SPAWNED = 4,
	SP_IPC_SESSION_TOOL_EXIT = 5
};

#endif
