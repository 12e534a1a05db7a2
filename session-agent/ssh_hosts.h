/* SPDX-License-Identifier: Apache-2.0 */
/* What the known_hosts file of a connection says of its host, read by root each time that a client is started. */
#ifndef SALLYPORT_SESSION_AGENT_SSH_HOSTS_H
#define SALLYPORT_SESSION_AGENT_SSH_HOSTS_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "policy/image.h"

#define SP_SSH_HOSTS_WHY_MAX 512 /* bytes of a reason, its NUL included */

/*
 * Appends the lines of proto/ssh_known.h; none where the connection has no such file. The file must be root's and writable by
 * nobody else (runtime/conffile.h). why gets one line for the person and the log: NOT_FOUND (no file; or it does not know the
 * host, and nothing else of the connection does), and as sp_conffile_read() and sp_ssh_known_find().
 */
int sp_ssh_hosts_read(const struct sp_policy_connection *c, struct sp_buf *out, char why[SP_SSH_HOSTS_WHY_MAX]) SP_MUST_CHECK;

#endif
