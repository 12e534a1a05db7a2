/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers of audit.sock: sallyport-audit says HELLO, sallyport-recorder has it emit records.
 * PROTOCOL.ipc, section 6, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_AUDIT_H
#define SALLYPORT_LIB_IPC_AUDIT_H

enum sp_ipc_audit {
	SP_IPC_AUDIT_HELLO = 1,
	SP_IPC_AUDIT_EMIT = 129,
	SP_IPC_AUDIT_EMITTED = 2
};

#endif
