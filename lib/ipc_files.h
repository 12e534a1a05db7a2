/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers between a sallyport-session and the process of its sallyport-exec that sees which files the
 * session's programs use. PROTOCOL.ipc has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_FILES_H
#define SALLYPORT_LIB_IPC_FILES_H

enum sp_ipc_files {
	SP_IPC_FILES_TAKEN = 1,
	SP_IPC_FILES_SEEN = 129,
	SP_IPC_FILES_LOST = 130,
	SP_IPC_FILES_END = 131
};

/* What happened to a file of SEEN. */
enum sp_ipc_files_what {
	SP_IPC_FILES_OPENED = 1,
	SP_IPC_FILES_WRITTEN = 2 /* closed by the last who had it open for writing */
};

/* What else is known of it. */
enum sp_ipc_files_fact {
	SP_IPC_FILES_LINKED = 1,  /* it has other names, which are not known, and not root alone can have made this one */
	SP_IPC_FILES_DELETED = 2, /* the name was removed before it could be looked at */
	SP_IPC_FILES_NAMELESS = 4 /* what it is called could not be found out */
};

/* Why LOST. */
enum sp_ipc_files_loss {
	SP_IPC_FILES_OVERFLOW = 1, /* more happened than the kernel keeps */
	SP_IPC_FILES_UNREADABLE = 2, /* the kernel could not say of which file */
	SP_IPC_FILES_MOUNT = 3	   /* a mount that cannot be watched */
};

#define SP_IPC_FILES_SEEN_MAX 4096 /* files of one SEEN */

#endif
