/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the seccomp filters of the programs that we start for others (a client tool, OpenSSH's client, a shell) say alike.
 * Each has its own list of calls beside this; our own programs have profiles instead (runtime/sandbox.h).
 *
 * All functions return 0, or SYSTEM where libseccomp does not take a rule.
 */
#ifndef SALLYPORT_RUNTIME_SYSCALLS_H
#define SALLYPORT_RUNTIME_SYSCALLS_H

#include <seccomp.h>
#include <stddef.h>

#include "lib/err.h"

#define SP_SYSCALLS_LOW32 0xffffffffUL /* what the kernel takes as an int: it ignores the upper half, so must a filter */

/* Each of these calls fails with error. */
int sp_syscalls_refuse(scmp_filter_ctx ctx, const int calls[], size_t n, int error) SP_MUST_CHECK;
/* No clone(2) with any of these flags (EPERM), and no clone3(2) at all (ENOSYS: libc falls back to clone). */
int sp_syscalls_clone(scmp_filter_ctx ctx, const unsigned long flags[], size_t n) SP_MUST_CHECK;
/* No typing into, and no taking over of, a terminal (EPERM). */
int sp_syscalls_terminal(scmp_filter_ctx ctx) SP_MUST_CHECK;
/*
 * For a tool in a sandbox of its own: everything but these calls (EPERM), clone for a namespace of any kind and clone3,
 * terminals as above, and sockets but AF_UNIX (EAFNOSUPPORT). As a memfd, see sp_syscalls_export(). Also NOMEM.
 */
int sp_syscalls_tool(const int calls[], size_t n, int *ret_fd) SP_MUST_CHECK;
/* A memfd with the compiled filter, at offset 0. */
int sp_syscalls_export(scmp_filter_ctx ctx, int *ret_fd) SP_MUST_CHECK;

#endif
