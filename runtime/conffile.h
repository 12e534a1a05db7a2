/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a file of settings: only one that nobody but its administrator can have written. */
#ifndef SALLYPORT_RUNTIME_CONFFILE_H
#define SALLYPORT_RUNTIME_CONFFILE_H

#include <stddef.h>

#include "lib/err.h"

#define SP_CONFFILE_MAX ((size_t)256 * 1024) /* bytes of one file */

/*
 * The whole of a regular file that belongs to root or to us and is writable by its owner only, as a new string. why
 * (cap bytes) gets the reason of a failure: NOT_FOUND (no such file), SYSTEM, DENIED (owner, mode), LIMIT, FORMAT (it
 * holds a NUL), NOMEM.
 */
int sp_conffile_read(const char *path, char *why, size_t cap, char **ret_text) SP_MUST_CHECK;
/* The same of a file of up to max bytes. */
int sp_conffile_read_max(const char *path, size_t max, char *why, size_t cap, char **ret_text) SP_MUST_CHECK;

#endif
