/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of operator.sock, whose service is sallyportd.
 * PROTOCOL.ipc, section 10, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_OPERATOR_H
#define SALLYPORT_LIB_IPC_OPERATOR_H

enum sp_ipc_operator {
	SP_IPC_OPERATOR_END = 1,
	SP_IPC_OPERATOR_PAUSE = 2,
	SP_IPC_OPERATOR_STATUS = 3,
	SP_IPC_OPERATOR_REVOKE = 4,
	SP_IPC_OPERATOR_UNREVOKE = 5,
	SP_IPC_OPERATOR_DONE = 129,
	SP_IPC_OPERATOR_STATUS_REPLY = 130
};

#define SP_IPC_OPERATOR_REASON_MAX 200 /* bytes of a reason */

#endif
