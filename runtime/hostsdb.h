/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a name that sallyportd gives an address (lib/hosts.h) means that address to every program on this machine:
 * nsswitch.conf(5) must name sallyport before everything but files, and hosts(5) must not have the name.
 */
#ifndef SALLYPORT_RUNTIME_HOSTSDB_H
#define SALLYPORT_RUNTIME_HOSTSDB_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define SP_HOSTSDB_FILE_MAX ((size_t)1024 * 1024) /* bytes of either file */
#define SP_HOSTSDB_NSSWITCH "/etc/nsswitch.conf"
#define SP_HOSTSDB_HOSTS "/etc/hosts"

/* The text of an nsswitch.conf. */
bool sp_hostsdb_is_first(const char *text);
/* The text of a hosts file: whether any of its lines has the name, in whatever case. */
bool sp_hostsdb_has_name(const char *text, const char *name);
/* A whole file as text, to be freed. NOT_FOUND, SYSTEM, LIMIT, NOMEM. */
int sp_hostsdb_read(const char *path, char **ret_text) SP_MUST_CHECK;

#endif
