/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories that were found to be root's alone to change, on their whole way, and open to everybody; and the first
 * bytes of files in such. Most execs are of programs in a few of these, and to walk there each time costs more than all
 * else that is asked. What is remembered may be out of date by what root did within SP_STEADY_MS; what came of an exec is
 * held against what was decided on in any case (sp_program_is()), so that such a change can end an exec and never widen it.
 */
#ifndef SALLYPORT_EXEC_STEADY_H
#define SALLYPORT_EXEC_STEADY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define SP_STEADY_DIRS 16
#define SP_STEADY_NAME_MAX 256 /* bytes of a directory's path with its NUL: longer ones are walked each time */
#define SP_STEADY_MS 1000
#define SP_STEADY_HEADS 64
#define SP_STEADY_HEAD 256 /* bytes of a file */
#define SP_STEADY_RACY_S 2 /* a file that was changed so lately is read again: its times need not tell of the next change */

struct sp_steady_dir {
	char given[SP_STEADY_NAME_MAX]; /* how it was asked for */
	char real[SP_STEADY_NAME_MAX];
	int fd; /* O_PATH */
	uint64_t mount; /* its id, as statx(2) has it */
	int64_t until_ms;
};

/* The directory that the first n bytes of path name. NULL: not known, or for too long. */
const struct sp_steady_dir *sp_steady_find(const char *path, size_t n, int64_t now_ms);
/* Remembers a directory for SP_STEADY_MS in place of the oldest. Takes fd over. */
void sp_steady_put(const char *path, size_t n, const char *real, int fd, uint64_t mount, int64_t now_ms);
/* The first bytes of the file, the rest zero. NULL: not known. now: seconds since 1970. */
const char *sp_steady_head(const struct stat *st, int64_t now);
void sp_steady_put_head(const struct stat *st, const char head[SP_STEADY_HEAD], int64_t now);
/* All of it. */
void sp_steady_forget(void);

#endif
