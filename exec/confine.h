/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walls around a decided shell besides its filter: nobody outside runs programs
 * for it, and it reaches into no process outside.
 */
#ifndef SALLYPORT_EXEC_CONFINE_H
#define SALLYPORT_EXEC_CONFINE_H

#include <sys/types.h>

#include "lib/err.h"

/*
 * A mount namespace in which the sockets of these people's service managers and buses are not there, and the spools of
 * cron and at can only be read. Mounts of the host come in; mounts made inside stay there. Needs CAP_SYS_ADMIN.
 * SYSTEM.
 */
int sp_confine_namespace(const uid_t *uids, size_t n) SP_MUST_CHECK;
/*
 * A Landlock domain: no memory, descriptors or root of a process outside through /proc, and no abstract socket of
 * one. Needs CAP_SYS_ADMIN. UNSUPPORTED (a kernel before 5.19), SYSTEM.
 */
int sp_confine_domain(void) SP_MUST_CHECK;

#endif
