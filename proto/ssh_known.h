/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): what one says of one host. Names may be hashed, patterns, negated,
 * and have a port. Pure.
 */
#ifndef SALLYPORT_PROTO_SSH_KNOWN_H
#define SALLYPORT_PROTO_SSH_KNOWN_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"

#define SP_SSH_KNOWN_MAX ((size_t)4 * 1024 * 1024)	/* bytes of a file */
#define SP_SSH_KNOWN_LINES_MAX 24			/* that mean one host */
#define SP_SSH_KNOWN_TEXT_MAX ((size_t)48 * 1024)	/* bytes of what is said of one host */
#define SP_SSH_KNOWN_HOST_MAX 255			/* bytes of its name */

enum sp_ssh_known_what {
	SP_SSH_KNOWN_KEY = 0,
	SP_SSH_KNOWN_AUTHORITY, /* certifies it */
	SP_SSH_KNOWN_REVOKED	/* must not be accepted, nor what it certifies */
};

/* Views. */
struct sp_ssh_known {
	enum sp_ssh_known_what what;
	struct sp_view type;   /* "ssh-ed25519" ... */
	struct sp_view base64; /* of the key on the wire */
};

/* Why a file is not taken. */
struct sp_ssh_known_fault {
	unsigned line;	 /* from 1; 0: it is not about a line */
	const char *why; /* "" or a few static words */
};

/*
 * Appends what text says of host at port: a line each, "TYPE BASE64", with "@cert-authority " or "@revoked " before, none twice.
 * As for OpenSSH, the name is "[host]:port" unless the port is 22; authorities and what is revoked may also be there by the name
 * alone. Keys of types that proto/ssh_key.h does not take are left out, but for those that are revoked. Every line of the file
 * must be a good one, also those of other hosts. FORMAT, LIMIT (too long, or too many lines of one host): with *ret_fault.
 * INVALID (host), CRYPTO, NOMEM.
 */
int sp_ssh_known_find(struct sp_view text, const char *host, uint16_t port, struct sp_buf *out,
    struct sp_ssh_known_fault *ret_fault) SP_MUST_CHECK;

/* The next of those lines, which is taken off *text. NOT_FOUND: there is none. FORMAT. */
int sp_ssh_known_next(struct sp_view *text, struct sp_ssh_known *ret_known) SP_MUST_CHECK;

#endif
