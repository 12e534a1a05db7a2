/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What OpenSSH's client is told about a connection: its configuration, in which everything is off that is not named,
 * and the host keys it may accept. Written by sallyportd from policy alone; the person's words are in neither. Pure.
 */
#ifndef SALLYPORT_SESSION_AGENT_SSH_CONFIG_H
#define SALLYPORT_SESSION_AGENT_SSH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "policy/image.h"
#include "proto/ssh_known.h"

#define SP_SSH_CONFIG_MAX ((size_t)64 * 1024) /* bytes of either text */
#define SP_SSH_CONFIG_LOGIN_MAX 64	      /* bytes of a login name on a target */
#define SP_SSH_CONFIG_ADDRESS_MAX 300	      /* bytes of a host with its port, the NUL included */
#define SP_SSH_CONFIG_DIRECTORY "/run/ssh"    /* of the transport, in its sandbox */
#define SP_SSH_CONFIG_ASKPASS SP_SSH_CONFIG_DIRECTORY "/askpass"
#define SP_SSH_CONFIG_HOST_KEY "host-key"     /* the client's question about the host's key */
#define SP_SSH_CONFIG_TARGET "target"	      /* the one host there is in the configuration */

/* Whether this version can reach the host so: NULL, or one line for the person that says what is missing. */
const char *sp_ssh_config_problem(const struct sp_policy_connection *c);
/* Appends ssh_config(5). INVALID (a name that could mean more than itself), UNSUPPORTED (the same as a problem). */
int sp_ssh_config_write(const struct sp_policy_connection *c, struct sp_buf *out) SP_MUST_CHECK;
/*
 * Whether this is how the client asks for the password of this connection: in the method "password", or in
 * "keyboard-interactive", where the words are the host's. Those must speak of a password, so that it is not given where
 * a one-time code or a new password is asked for.
 */
bool sp_ssh_config_is_password_prompt(const struct sp_policy_connection *c, const char *prompt);
/* "host:port" or "[v6]:port", one word that cannot be an option. INVALID. */
int sp_ssh_config_address(const struct sp_policy_connection *c, char ret_address[SP_SSH_CONFIG_ADDRESS_MAX]) SP_MUST_CHECK;
/* Appends known_hosts as in sshd(8): what policy has, and found (sp_ssh_known_find(); empty: nothing). INVALID, FORMAT. */
int sp_ssh_config_known_hosts(
    const struct sp_policy_connection *c, struct sp_view found, struct sp_buf *out) SP_MUST_CHECK;
/*
 * The wire form of the i-th host key, into out (reset first), which must hold it. NOT_FOUND past the last, FORMAT, LIMIT.
 */
int sp_ssh_config_host_key(const struct sp_policy_connection *c, size_t i, struct sp_buf *out) SP_MUST_CHECK;
/* The same of the i-th authority that certifies it. */
int sp_ssh_config_authority(const struct sp_policy_connection *c, size_t i, struct sp_buf *out) SP_MUST_CHECK;

#endif
