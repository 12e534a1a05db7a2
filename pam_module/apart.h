/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network of its own for sshd's process of a login through ssh -J: there is nothing in it but what sallyportd has asked
 * to listen there, so what sshd connects to in it for its client is that. The client's connection stays where it is.
 */
#ifndef SALLYPORT_PAM_MODULE_APART_H
#define SALLYPORT_PAM_MODULE_APART_H

#include <stdint.h>

#include "lib/err.h"

/* The calling process, and those it forks, are in a new network from here on; its loopback is up (ip(7)). SYSTEM. */
int sp_apart_enter(void) SP_MUST_CHECK;
/* Listens at 127.0.0.1; the socket is CLOEXEC and the caller's. SYSTEM. */
int sp_apart_listen(uint16_t port, int *ret_fd) SP_MUST_CHECK;

#endif
