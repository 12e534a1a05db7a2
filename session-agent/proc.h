/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of a process that is not asked itself. The directory is opened once: it is that process, or none. */
#ifndef SALLYPORT_SESSION_AGENT_PROC_H
#define SALLYPORT_SESSION_AGENT_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SP_PROC_TEXT_MAX 4096

/* -1: it is gone. */
int sp_proc_open(pid_t pid);
/* A small file beneath dir, as text; false: it is not there, or does not fit cap with its end. */
bool sp_proc_read(int dir, const char *name, char *text, size_t cap);
/* 0: not known. */
pid_t sp_proc_parent(int dir);
/* Its real uid, whatever it acts as meanwhile. */
bool sp_proc_uid(int dir, uid_t *ret_uid);
/* Shows its sockets among at most max of its descriptors; ends with true as soon as visit says so. */
bool sp_proc_each_socket(int dir, unsigned max, bool (*visit)(uint32_t inode, void *ctx), void *ctx);

#endif
