/* SPDX-License-Identifier: Apache-2.0 */
/* identity.sock (PROTOCOL.ipc section 1): who may ask what, and the answers. */
#ifndef SALLYPORT_IDENTITY_SERVER_H
#define SALLYPORT_IDENTITY_SERVER_H

#include <stddef.h>
#include <sys/types.h>

#include "identity/issuer.h"
#include "lib/err.h"

#define SP_SERVER_CLIENTS 256	   /* connections at a time */
#define SP_SERVER_WAITING 64	   /* questions that wait for an issuer's keys */
#define SP_SERVER_WAIT_MS 1500	   /* how long one waits; the client gives up after 2 s */
#define SP_SERVER_CLIENT_MS 5000   /* how long a connection of sallyport-authkeys may live */
#define SP_SERVER_USER_MAX 64	   /* bytes of a login name */
#define SP_SERVER_KEY_TYPE_MAX 128 /* bytes */

struct event_base;
struct sp_server;

struct sp_server_settings {
	const char *socket_path;
	const char *revoked_directory; /* where the deny list is */
	const char *state_directory;
	uid_t authkeys_uid; /* besides root, the only one that may ask, and only AUTHKEY */
	int listen_fd;	    /* from socket activation, or -1 */
	const struct sp_issuer *const *issuers;
	size_t issuers_count;
};

/* Starts to fetch keys and to listen. NOMEM, SYSTEM and the errors of sp_listener_new(). */
int sp_server_new(
    struct event_base *base, const struct sp_server_settings *settings, struct sp_server **ret_server) SP_MUST_CHECK;
void sp_server_free(struct sp_server *s); /* NULL is fine */

#endif
