/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSH certificates (PROTOCOL.certkeys): a key, the names it may have and for how long, signed by an authority. Reading
 * those of hosts, for the agent, which has to know that a host is the one it is to log in to; writing those of users, with
 * which a session logs in.
 */
#ifndef SALLYPORT_PROTO_SSH_CERT_H
#define SALLYPORT_PROTO_SSH_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "proto/ssh_key.h"

#define SP_SSH_CERT_PRINCIPALS_MAX 256
#define SP_SSH_CERT_NAME_MAX 1024 /* bytes of a key id or principal */

/* A host certificate; its signature and times are not looked at yet. Views into the blob. */
struct sp_ssh_cert {
	struct sp_view authority;  /* the key that signed, on the wire */
	struct sp_view principals; /* strings */
	uint64_t valid_after, valid_before; /* seconds since 1970; valid from the first, until before the second */
	struct sp_view signed_part;
	struct sp_view signature;
};

/* Whether the blob names itself a certificate. */
bool sp_ssh_cert_is(struct sp_view blob);
/*
 * Reads a host certificate to its last byte, and makes the key it certifies. FORMAT, LIMIT, UNSUPPORTED (type of key, or a
 * critical option), INVALID (not of a host, or a bad key), NOMEM, CRYPTO.
 */
int sp_ssh_cert_parse(struct sp_view blob, struct sp_ssh_cert *ret_cert, struct sp_ssh_key **ret_key) SP_MUST_CHECK;
/*
 * Whether authority has signed it, for that name and this moment. SIGNATURE, NOT_FOUND (another authority, or name; a
 * certificate without names is for none), EXPIRED, NOT_YET, and as sp_ssh_key_verify().
 */
int sp_ssh_cert_check(const struct sp_ssh_cert *cert, const struct sp_ssh_key *authority, const char *name,
    int64_t now) SP_MUST_CHECK;

#define SP_SSH_CERT_NOTHING "/bin/false" /* force-command */

/*
 * What a certificate says, besides the key. A user's may have a terminal, and nothing else that a session could ask for; with
 * a command, whatever session it asks for runs that. Or is_way: it may have connections forwarded, and whatever session it
 * asks for runs SP_SSH_CERT_NOTHING. A host's has no options at all.
 */
struct sp_ssh_cert_terms {
	bool is_host;
	bool is_way;
	uint64_t serial;
	const char *key_id;	    /* the target's log has it */
	const char *principal;	    /* the one login that it is for; "" for a host */
	struct sp_view names;	    /* the host's, as strings; none for a user */
	uint64_t valid_after, valid_before; /* as above */
	const char *command;	    /* "": any; "" for a host and for a way */
	const char *source_address; /* "": from anywhere; networks with commas between; "" for a host */
};

/*
 * Appends a certificate for the public half of key, by ca (with its private half). INVALID (an empty key id or principal,
 * or no time at all; a private half is missing), LIMIT, CRYPTO, NOMEM.
 */
int sp_ssh_cert_write(const struct sp_ssh_cert_terms *terms, const struct sp_ssh_key *key, const struct sp_ssh_key *ca,
    struct sp_buf *out) SP_MUST_CHECK;

#endif
