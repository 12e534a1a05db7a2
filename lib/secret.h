/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A secret: bytes in locked, non-dumpable, fork-excluded pages of their own
 * between guard pages (mmap, mlock, MADV_DONTDUMP, MADV_WIPEONFORK), wiped
 * when freed. Never printed, logged or put in argv or environment.
 */
#ifndef SALLYPORT_LIB_SECRET_H
#define SALLYPORT_LIB_SECRET_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SP_SECRET_MAX 65536 /* bytes */

struct sp_secret;

/* Takes a copy of n bytes (the caller wipes its own). LIMIT, NOMEM, SYSTEM (mlock refused). */
int sp_secret_new(const void *p, size_t n, struct sp_secret **ret_s) SP_MUST_CHECK;
/* Reads fd to its end; one final newline is dropped. LIMIT, NOMEM, SYSTEM. */
int sp_secret_read(int fd, struct sp_secret **ret_s) SP_MUST_CHECK;
/* n random bytes (getrandom). */
int sp_secret_random(size_t n, struct sp_secret **ret_s) SP_MUST_CHECK;
void sp_secret_free(struct sp_secret *s); /* NULL is fine */
/* The bytes (also NUL-terminated past the end); valid until freed. */
const uint8_t *sp_secret_data(const struct sp_secret *s);
size_t sp_secret_len(const struct sp_secret *s);
/* Constant-time in the contents; different lengths are unequal. */
int sp_secret_equal(const struct sp_secret *a, const void *p, size_t n) SP_MUST_CHECK;

#endif
