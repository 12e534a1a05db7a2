/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that travels between processes. */
#ifndef SALLYPORT_RUNTIME_MEMFD_H
#define SALLYPORT_RUNTIME_MEMFD_H

#include <stddef.h>

#include "lib/err.h"

#define SP_MEMFD_MAX ((size_t)256 * 1024 * 1024) /* bytes of one memfd; 0 bytes are refused as well */

/* A sealed (SEAL, SHRINK, GROW, WRITE) memfd holding a copy of n bytes. SYSTEM, LIMIT. */
int sp_memfd_sealed(const char *name, const void *p, size_t n, int *ret_fd) SP_MUST_CHECK;
/*
 * Maps a sealed memfd read-only, after checking that it has all four seals and at most max bytes.
 * INVALID (not a memfd, seal missing), LIMIT, SYSTEM. Unmap with munmap(2).
 */
int sp_memfd_map(int fd, size_t max, const void **ret_p, size_t *ret_n) SP_MUST_CHECK;
/* A memfd of exactly n zero bytes, sealed against growing and shrinking, to be mapped writable. SYSTEM, LIMIT. */
int sp_memfd_shared(const char *name, size_t n, int *ret_fd) SP_MUST_CHECK;
/* Maps such a memfd read-write after checking size == n and its seals. INVALID, SYSTEM. */
int sp_memfd_map_shared(int fd, size_t n, void **ret_p) SP_MUST_CHECK;

#endif
