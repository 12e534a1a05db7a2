/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message numbers between a sallyport-session and the sallyport-exec that holds its programs.
 * PROTOCOL.ipc, section 11, has their bodies; tests/check/ipc compares the two.
 */
#ifndef SALLYPORT_LIB_IPC_EXEC_H
#define SALLYPORT_LIB_IPC_EXEC_H

enum sp_ipc_exec {
	SP_IPC_EXEC_START = 1,
	SP_IPC_EXEC_VERDICT = 2,
	SP_IPC_EXEC_READY = 129,
	SP_IPC_EXEC_ASK = 130,
	SP_IPC_EXEC_GONE = 131,
	SP_IPC_EXEC_TAMPERED = 132,
	SP_IPC_EXEC_GRANT = 133,
	SP_IPC_EXEC_ASK_NETWORK = 134
};

/* ASK's facts. */
enum sp_ipc_exec_fact {
	SP_IPC_EXEC_WRITABLE = 1,   /* not root alone can change the file, a directory above it, or what its name means */
	SP_IPC_EXEC_LOADER = 2,	    /* the dynamic loader, run as a program: it runs any file it is given */
	SP_IPC_EXEC_SCRIPT = 4,	    /* begins with #!: an interpreter opens it by name */
	SP_IPC_EXEC_SETID = 8,	    /* set-user-id or set-group-id */
	SP_IPC_EXEC_NAMELESS = 16,  /* memfd, or no longer in any directory: never allowed */
	SP_IPC_EXEC_ELSEWHERE = 32, /* asked for in another root or mount namespace: never allowed */
	SP_IPC_EXEC_FIRST = 64,	    /* the session's own program, before any code of the person's */
	SP_IPC_EXEC_BY_DESCRIPTOR = 128 /* a script that is given as a descriptor: never allowed */
};
#define SP_IPC_EXEC_NEVER (SP_IPC_EXEC_NAMELESS | SP_IPC_EXEC_ELSEWHERE | SP_IPC_EXEC_BY_DESCRIPTOR)


/* ASK_NETWORK's protocol. */
enum sp_ipc_exec_protocol {
	SP_IPC_EXEC_TCP = 1,
	SP_IPC_EXEC_UDP = 2,
	SP_IPC_EXEC_ICMP = 3,
	SP_IPC_EXEC_UNIX = 4
};

#endif
