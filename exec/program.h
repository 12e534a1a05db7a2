/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exec would run, worked out as the kernel will: the file, the chain of
 * script interpreters, and the words the new process starts with. It is what policy
 * decides on, and what the new process is held against before its first instruction.
 */
#ifndef SALLYPORT_EXEC_PROGRAM_H
#define SALLYPORT_EXEC_PROGRAM_H

#include "exec/resolve.h"
#include "exec/steady.h"
#include "lib/ipc_exec.h"

#define SP_PROGRAM_CHAIN_MAX 5	/* interpreters of interpreters, as in the kernel */
#define SP_PROGRAM_HEAD SP_STEADY_HEAD	/* bytes of a file that say what it is, as in the kernel */

struct sp_program {
	unsigned facts; /* SP_IPC_EXEC_* */
	char given[PATH_MAX];	    /* the path as it was asked for */
	char path[PATH_MAX];	    /* the real path of the file asked for */
	char interpreter[PATH_MAX]; /* of a script: the real path of the program that runs it; otherwise "" */
	struct sp_words argv;	    /* as asked for */
	struct sp_words words;	    /* as the new process has them */
	struct sp_resolved image;   /* the file that is mapped: of a script, the interpreter's */
};

/* What the machine is: its own programs' ELF machine, and its loader. SYSTEM. */
int sp_program_init(void) SP_MUST_CHECK;
/*
 * Reads an execve (nr) or execveat as the listener tells it, into ret_p, which the caller clears in any case.
 * 0, or the errno to answer with: what execve(2) would say, without a decision.
 */
int sp_program_read(struct sp_target *t, long nr, const uint64_t args[6], struct sp_program *ret_p) SP_MUST_CHECK;
/* Whether the process that has just executed (stopped, in /proc at dir) is what p says. */
bool sp_program_is(const struct sp_program *p, int proc, pid_t pid) SP_MUST_CHECK;
void sp_program_clear(struct sp_program *p);

/*
 * The first bytes of a script (n of them, the rest zero) as binfmt_script reads them. False: not such a line.
 * name and arg ("" for none) have SP_PROGRAM_HEAD bytes.
 */
bool sp_program_shebang(const char *head, char *name, char *arg) SP_MUST_CHECK;

#endif
