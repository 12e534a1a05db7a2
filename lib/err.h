/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error space. Every function that can fail returns 0 or one of these
 * (always negative); none is ever translated into "success with a warning".
 * Library code neither logs nor exits: the caller decides what an error means.
 */
#ifndef SALLYPORT_LIB_ERR_H
#define SALLYPORT_LIB_ERR_H

#define SP_MUST_CHECK __attribute__((warn_unused_result))
#define SP_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum sp_err {
	SP_ERR_OK = 0,
	SP_ERR_NOMEM = -1,	 /* an allocation failed */
	SP_ERR_LIMIT = -2,	 /* a named maximum was exceeded */
	SP_ERR_INCOMPLETE = -3,	 /* more bytes are needed; nothing was consumed */
	SP_ERR_FORMAT = -4,	 /* bytes that break the format's own rules */
	SP_ERR_INVALID = -5,	 /* an argument or value outside its domain */
	SP_ERR_NOT_FOUND = -6,	 /* no such thing */
	SP_ERR_EXISTS = -7,	 /* already there */
	SP_ERR_DENIED = -8,	 /* decided, and the answer is no */
	SP_ERR_SIGNATURE = -9,	 /* a signature, MAC or digest does not match */
	SP_ERR_EXPIRED = -10,	 /* was valid, is no longer */
	SP_ERR_NOT_YET = -11,	 /* not valid yet */
	SP_ERR_UNSUPPORTED = -12, /* understood, and not offered */
	SP_ERR_TIMEOUT = -13,	 /* a deadline passed */
	SP_ERR_CLOSED = -14,	 /* the peer ended the connection */
	SP_ERR_AGAIN = -15,	 /* would block; try when ready */
	SP_ERR_SYSTEM = -16,	 /* a system call failed; errno says why */
	SP_ERR_PROTOCOL = -17,	 /* a message out of turn or unknown */
	SP_ERR_CRYPTO = -18,	 /* the crypto library failed */
	SP_ERR_UNAVAILABLE = -19, /* a service this needs is down */
	SP_ERR_CONFLICT = -20,	 /* state changed under the caller */
	SP_ERR_FULL = -21,	 /* no room; nothing was written */
	SP_ERR_INTERNAL = -22	 /* an invariant is broken */
};

/* Returns a short static English phrase for err, never NULL ("unknown error" for others). */
const char *sp_err_str(int err);

#endif
