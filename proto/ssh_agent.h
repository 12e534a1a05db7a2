/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ssh-agent protocol (draft-miller-ssh-agent), an agent's side of it: the
 * few requests that are answered, and the data that a client asks to have signed
 * when it logs in (RFC 4252 section 7; OpenSSH PROTOCOL and PROTOCOL.agent for
 * publickey-hostbound-v00@openssh.com and session-bind@openssh.com). What is
 * signed is not decided here.
 */
#ifndef SALLYPORT_PROTO_SSH_AGENT_H
#define SALLYPORT_PROTO_SSH_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_SSH_AGENT_FRAME_MAX ((size_t)64 * 1024) /* bytes after the length */
#define SP_SSH_AGENT_SESSION_ID_MAX 64		   /* bytes; the longest exchange hash is SHA-512's */
#define SP_SSH_AGENT_NAME_MAX 256		   /* bytes of a user, service, method, algorithm or extension */

enum sp_ssh_agent_type {
	SP_SSH_AGENT_OTHER = 0, /* anything else: answered with a failure */
	SP_SSH_AGENT_IDENTITIES,
	SP_SSH_AGENT_SIGN,
	SP_SSH_AGENT_BIND,	/* the extension session-bind@openssh.com */
	SP_SSH_AGENT_EXTENSION	/* any other extension */
};

/* One request; views into the bytes it was read from. */
struct sp_ssh_agent_request {
	enum sp_ssh_agent_type type;
	uint8_t code;		   /* as on the wire */
	struct sp_view key;	   /* SIGN: which key; BIND: the host's */
	struct sp_view data;	   /* SIGN */
	uint32_t flags;		   /* SIGN */
	struct sp_view session_id; /* BIND: the exchange hash of the first key exchange */
	struct sp_view signature;  /* BIND: the host's over it */
	bool is_forwarding;	   /* BIND */
	struct sp_view extension;  /* EXTENSION: its name */
};

/*
 * Parses the request at the front of in without consuming it; *ret_size is what to consume afterwards. INCOMPLETE, LIMIT
 * (over-long: end the connection), FORMAT (likewise).
 */
int sp_ssh_agent_parse(
    const struct sp_buf *in, struct sp_ssh_agent_request *ret_request, size_t *ret_size) SP_MUST_CHECK;

/* Appends a reply. Errors are sticky in out. */
void sp_ssh_agent_put_failure(struct sp_buf *out);
void sp_ssh_agent_put_success(struct sp_buf *out);
/* The one identity there is; a key of length 0: none. */
void sp_ssh_agent_put_identity(struct sp_buf *out, struct sp_view key, const char *comment);
void sp_ssh_agent_put_signature(struct sp_buf *out, const struct sp_buf *signature);

/* What is signed to log in with a key. */
struct sp_ssh_agent_userauth {
	struct sp_view session_id;
	struct sp_view user;
	struct sp_view service;
	struct sp_view algorithm;
	struct sp_view key;
	bool is_hostbound;
	struct sp_view host_key; /* if it is */
};
/* FORMAT unless data is exactly a publickey or publickey-hostbound-v00@openssh.com request with a signature to come; LIMIT. */
int sp_ssh_agent_parse_userauth(struct sp_view data, struct sp_ssh_agent_userauth *ret_auth) SP_MUST_CHECK;

#endif
