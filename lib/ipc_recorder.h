/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of recorder.sock, and the channel of a session to sallyport-recorder, which is the service.
 * PROTOCOL.ipc, section 5, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_RECORDER_H
#define SALLYPORT_LIB_IPC_RECORDER_H

enum sp_ipc_recorder {
	SP_IPC_RECORDER_ATTACH = 1,
	SP_IPC_RECORDER_ATTACH_REPLY = 129,
	SP_IPC_RECORDER_DETACH = 2,
	SP_IPC_RECORDER_DETACH_REPLY = 130,
	SP_IPC_RECORDER_STATUS = 3,
	SP_IPC_RECORDER_STATUS_REPLY = 131,
	SP_IPC_RECORDER_WATCH = 4,
	SP_IPC_RECORDER_WATCH_REPLY = 132,
	/* on a session's channel */
	SP_IPC_RECORDER_WAKE = 1,
	SP_IPC_RECORDER_SYNC = 2,
	SP_IPC_RECORDER_FINISH = 3,
	SP_IPC_RECORDER_SYNCED = 129,
	SP_IPC_RECORDER_FAULT = 130,
	SP_IPC_RECORDER_CLEAR = 131,
	SP_IPC_RECORDER_FINISHED = 132
};

#endif
