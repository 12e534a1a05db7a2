/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filter of the transport: what OpenSSH's client has no use for. */
#ifndef SALLYPORT_SESSION_AGENT_SSH_FILTER_H
#define SALLYPORT_SESSION_AGENT_SSH_FILTER_H

#include "lib/err.h"

/* A memfd with the compiled filter, at offset 0. NOMEM, SYSTEM. */
int sp_ssh_filter(int *ret_fd) SP_MUST_CHECK;

#endif
