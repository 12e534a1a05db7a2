/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that waits in an exec: who it is and what it asks for, read through
 * /proc and process_vm_readv(2). All of it may change under the reader: the caller asks the listener
 * afterwards whether the notification still stands (then it was that process that
 * was read), and checks what came of the exec when nobody can change it any more.
 *
 * Errors named errno are the kernel's numbers, positive: what execve(2) would say.
 */
#ifndef SALLYPORT_EXEC_TARGET_H
#define SALLYPORT_EXEC_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

#define SP_TARGET_GROUPS_MAX 256
#define SP_TARGET_ARGS_MAX 16384			/* words of one exec */
#define SP_TARGET_ARGS_BYTES ((size_t)512 * 1024)	/* bytes of all of them; more is refused as too long */
#define SP_TARGET_PAGE 4096
#define SP_TARGET_PAGES 8
#define SP_TARGET_CWD_MAX 512				/* bytes of a working directory that are told */

/* Words one behind the other, each with its NUL, as /proc/PID/cmdline shows them. */
struct sp_words {
	char *bytes;
	size_t len;
	size_t n;
};

struct sp_target_page {
	uint64_t addr; /* 0: none */
	char bytes[SP_TARGET_PAGE];
};

struct sp_target {
	pid_t tid;
	pid_t tgid;
	pid_t ppid;
	uid_t uid;   /* effective */
	gid_t gid;
	uid_t fsuid; /* by which files are opened */
	gid_t fsgid;
	gid_t groups[SP_TARGET_GROUPS_MAX];
	size_t ngroups;
	int dir; /* /proc/TID */
	struct sp_target_page pages[SP_TARGET_PAGES]; /* of its memory, as it was when first looked at */
};

/* proc: a descriptor of /proc. NOT_FOUND (it is gone), LIMIT (more groups), SYSTEM. */
int sp_target_open(int proc, pid_t tid, struct sp_target *ret_t) SP_MUST_CHECK;
void sp_target_close(struct sp_target *t);
/* n bytes at addr in its memory. 0 or EFAULT. */
int sp_target_bytes(const struct sp_target *t, uint64_t addr, void *p, size_t n) SP_MUST_CHECK;
/* The string at addr in its memory. 0 or errno: EFAULT, ENAMETOOLONG (cap bytes and no NUL). */
int sp_target_string(struct sp_target *t, uint64_t addr, char *buf, size_t cap) SP_MUST_CHECK;
/* The words of the NULL-ended array of pointers at addr. 0 or errno: EFAULT, E2BIG, EINVAL (none at all), ENOMEM. */
int sp_target_words(struct sp_target *t, uint64_t addr, struct sp_words *ret_w) SP_MUST_CHECK;
void sp_words_clear(struct sp_words *w);
/* Whether its root directory is this process's own, by its mount: then paths mean the same to both. */
bool sp_target_is_here(const struct sp_target *t);

#endif
