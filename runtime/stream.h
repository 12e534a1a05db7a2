/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A nonblocking byte stream to a target, plain or TLS, behind one table of
 * four functions. TLS here always verifies: there is no mode that takes a
 * server's word for who it is.
 */
#ifndef SALLYPORT_RUNTIME_STREAM_H
#define SALLYPORT_RUNTIME_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

struct sp_stream;
struct sp_stream_tls; /* a TLS client configuration, shared by streams */

#define SP_STREAM_CERT_HASH_MAX 64 /* bytes of a certificate's hash */

enum sp_stream_verify {
	SP_STREAM_VERIFY_FULL, /* chain and name */
	SP_STREAM_VERIFY_CA    /* chain only */
};

/* Which readiness a call that returned AGAIN waits for. */
enum sp_stream_want {
	SP_STREAM_WANT_READ = 1,
	SP_STREAM_WANT_WRITE = 2
};

/*
 * TLS 1.2 or newer; ca_file: PEM, NULL for the system's own roots; host: the name or IP address that the
 * certificate must hold and (a name) that is sent as SNI; alpn: one protocol to offer, or NULL. NOMEM,
 * INVALID (the CA file can't be read), CRYPTO.
 */
int sp_stream_tls_new(enum sp_stream_verify verify, const char *ca_file, const char *host, const char *alpn,
    struct sp_stream_tls **ret_t) SP_MUST_CHECK;
void sp_stream_tls_free(struct sp_stream_tls *t); /* NULL is fine */

/* Takes over fd (connected or connecting, nonblocking), also on failure. */
int sp_stream_new(int fd, struct sp_stream **ret_s) SP_MUST_CHECK;
/* Starts TLS on a plain stream, which must hold no unread byte: everything before this was in the clear. */
int sp_stream_start_tls(struct sp_stream *s, const struct sp_stream_tls *t) SP_MUST_CHECK;
void sp_stream_free(struct sp_stream *s); /* closes; NULL is fine */
int sp_stream_fd(const struct sp_stream *s);
int sp_stream_is_tls(const struct sp_stream *s);

/*
 * 0 once connected and, with TLS, once the server's certificate is accepted. AGAIN (see sp_stream_want),
 * SYSTEM (errno), SIGNATURE (certificate refused; sp_stream_reason()), CRYPTO.
 */
int sp_stream_handshake(struct sp_stream *s) SP_MUST_CHECK;
/* Up to n bytes. *ret_n > 0, or AGAIN, CLOSED (orderly end), SYSTEM, CRYPTO. */
int sp_stream_read(struct sp_stream *s, void *p, size_t n, size_t *ret_n) SP_MUST_CHECK;
/* As much as goes. *ret_n > 0, or AGAIN, CLOSED, SYSTEM, CRYPTO. After AGAIN the same bytes must come first again. */
int sp_stream_write(struct sp_stream *s, const void *p, size_t n, size_t *ret_n) SP_MUST_CHECK;
enum sp_stream_want sp_stream_want(const struct sp_stream *s);
/* Not 0: bytes were taken from the descriptor that poll() no longer sees; read until AGAIN. */
size_t sp_stream_pending(const struct sp_stream *s);
/* What went wrong last, one plain line, never NULL. */
const char *sp_stream_reason(const struct sp_stream *s);
/* The hash of the server's certificate for tls-server-end-point (RFC 5929 section 4). NOT_FOUND without TLS. */
int sp_stream_cert_hash(const struct sp_stream *s, uint8_t out[SP_STREAM_CERT_HASH_MAX], size_t *ret_n) SP_MUST_CHECK;

#endif
