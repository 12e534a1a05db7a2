/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct sp_stream_tls {
	SSL_CTX *ctx;
	char *host;
	bool is_ip;
	bool verify_name;
};

struct stream_ops {
	int (*handshake)(struct sp_stream *s);
	int (*read)(struct sp_stream *s, void *p, size_t n, size_t *ret_n);
	int (*write)(struct sp_stream *s, const void *p, size_t n, size_t *ret_n);
	size_t (*pending)(const struct sp_stream *s);
};

struct sp_stream {
	const struct stream_ops *ops;
	int fd;
	SSL *ssl;
	bool is_connected;
	enum sp_stream_want want;
	char reason[256];
};

static int
fail_errno(struct sp_stream *s)
{
	snprintf(s->reason, sizeof(s->reason), "%s", strerror(errno));
	return SP_ERR_SYSTEM;
}

/* --- plain --------------------------------------------------------------------------------------- */

static int
plain_handshake(struct sp_stream *s)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int e = 0;

	if (s->is_connected)
		return 0;
	if (getpeername(s->fd, (struct sockaddr *)&peer, &len) == 0) {
		s->is_connected = true;
		return 0;
	}
	len = sizeof(e);
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &len) != 0)
		return fail_errno(s);
	if (e != 0) {
		errno = e;
		return fail_errno(s);
	}
	s->want = SP_STREAM_WANT_WRITE;
	return SP_ERR_AGAIN;
}

static int
plain_read(struct sp_stream *s, void *p, size_t n, size_t *ret_n)
{
	ssize_t r;

	do
		r = recv(s->fd, p, n, 0);
	while (r < 0 && errno == EINTR);
	if (r > 0) {
		*ret_n = (size_t)r;
		return 0;
	}
	if (r == 0) {
		snprintf(s->reason, sizeof(s->reason), "the server closed the connection");
		return SP_ERR_CLOSED;
	}
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return fail_errno(s);
	s->want = SP_STREAM_WANT_READ;
	return SP_ERR_AGAIN;
}

static int
plain_write(struct sp_stream *s, const void *p, size_t n, size_t *ret_n)
{
	ssize_t r;

	do
		r = send(s->fd, p, n, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	if (r >= 0) {
		*ret_n = (size_t)r;
		return 0;
	}
	if (errno != EAGAIN && errno != EWOULDBLOCK)
		return fail_errno(s);
	s->want = SP_STREAM_WANT_WRITE;
	return SP_ERR_AGAIN;
}

static size_t
plain_pending(const struct sp_stream *s)
{
	(void)s;
	return 0;
}

static const struct stream_ops plain_ops = {plain_handshake, plain_read, plain_write, plain_pending};

/* --- TLS ----------------------------------------------------------------------------------------- */

static int
tls_failed(struct sp_stream *s, int r)
{
	int saved = errno;
	unsigned long e;
	long verify;

	switch (SSL_get_error(s->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		s->want = SP_STREAM_WANT_READ;
		return SP_ERR_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		s->want = SP_STREAM_WANT_WRITE;
		return SP_ERR_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		snprintf(s->reason, sizeof(s->reason), "the server closed the connection");
		return SP_ERR_CLOSED;
	default:
		break;
	}
	verify = SSL_get_verify_result(s->ssl);
	e = ERR_get_error();
	ERR_clear_error();
	if (verify != X509_V_OK) {
		snprintf(s->reason, sizeof(s->reason), "certificate refused: %s", X509_verify_cert_error_string(verify));
		return SP_ERR_SIGNATURE;
	}
	if (e == 0) {
		errno = saved != 0 ? saved : ECONNRESET;
		return fail_errno(s);
	}
	snprintf(s->reason, sizeof(s->reason), "TLS: %s",
	    ERR_reason_error_string(e) != NULL ? ERR_reason_error_string(e) : "failed");
	return SP_ERR_CRYPTO;
}

static int
tls_handshake(struct sp_stream *s)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(s->ssl);
	return r == 1 ? 0 : tls_failed(s, r);
}

static int
tls_read(struct sp_stream *s, void *p, size_t n, size_t *ret_n)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read_ex(s->ssl, p, n, ret_n);
	return r == 1 ? 0 : tls_failed(s, r);
}

static int
tls_write(struct sp_stream *s, const void *p, size_t n, size_t *ret_n)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write_ex(s->ssl, p, n, ret_n);
	return r == 1 ? 0 : tls_failed(s, r);
}

static size_t
tls_pending(const struct sp_stream *s)
{
	return SSL_has_pending(s->ssl) ? 1 : 0;
}

static const struct stream_ops tls_ops = {tls_handshake, tls_read, tls_write, tls_pending};

static int
alpn_set(SSL_CTX *ctx, const char *alpn)
{
	uint8_t wire[256];
	size_t n = strlen(alpn);

	if (n == 0 || n > 255)
		return SP_ERR_INVALID;
	wire[0] = (uint8_t)n;
	memcpy(wire + 1, alpn, n);
	return SSL_CTX_set_alpn_protos(ctx, wire, (unsigned)n + 1) == 0 ? 0 : SP_ERR_CRYPTO;
}

int
sp_stream_tls_new(enum sp_stream_verify verify, const char *ca_file, const char *host, const char *alpn,
    struct sp_stream_tls **ret_t)
{
	struct sp_stream_tls *t = calloc(1, sizeof(*t));
	uint8_t addr[16];
	int r = SP_ERR_NOMEM;

	if (t == NULL || (t->host = strdup(host)) == NULL)
		goto fail;
	t->is_ip = inet_pton(AF_INET, host, addr) == 1 || inet_pton(AF_INET6, host, addr) == 1;
	t->verify_name = verify == SP_STREAM_VERIFY_FULL;
	r = SP_ERR_CRYPTO;
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->ctx == NULL || SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1)
		goto fail;
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	if (alpn != NULL && (r = alpn_set(t->ctx, alpn)) != 0)
		goto fail;
	r = SP_ERR_INVALID;
	if (ca_file != NULL ? SSL_CTX_load_verify_file(t->ctx, ca_file) != 1 :
	    SSL_CTX_set_default_verify_paths(t->ctx) != 1)
		goto fail;
	*ret_t = t;
	return 0;
fail:
	ERR_clear_error();
	sp_stream_tls_free(t);
	return r;
}

void
sp_stream_tls_free(struct sp_stream_tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t->host);
	free(t);
}

static bool
name_expect(SSL *ssl, const struct sp_stream_tls *t)
{
	if (!t->is_ip && SSL_set_tlsext_host_name(ssl, t->host) != 1)
		return false;
	if (!t->verify_name)
		return true;
	if (t->is_ip)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), t->host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, t->host) == 1;
}

int
sp_stream_start_tls(struct sp_stream *s, const struct sp_stream_tls *t)
{
	if (s->ssl != NULL)
		return SP_ERR_PROTOCOL;
	s->ssl = SSL_new(t->ctx);
	if (s->ssl == NULL || SSL_set_fd(s->ssl, s->fd) != 1 || !name_expect(s->ssl, t)) {
		snprintf(s->reason, sizeof(s->reason), "TLS can't be set up");
		return SP_ERR_CRYPTO;
	}
	SSL_set_connect_state(s->ssl);
	SSL_set_read_ahead(s->ssl, 1);
	s->ops = &tls_ops;
	return 0;
}

int
sp_stream_new(int fd, struct sp_stream **ret_s)
{
	struct sp_stream *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		close(fd);
		return SP_ERR_NOMEM;
	}
	s->fd = fd;
	s->ops = &plain_ops;
	s->want = SP_STREAM_WANT_WRITE;
	*ret_s = s;
	return 0;
}

void
sp_stream_free(struct sp_stream *s)
{
	if (s == NULL)
		return;
	if (s->ssl != NULL) {
		if (SSL_is_init_finished(s->ssl))
			(void)SSL_shutdown(s->ssl);
		ERR_clear_error();
		SSL_free(s->ssl);
	}
	close(s->fd);
	free(s);
}

int
sp_stream_fd(const struct sp_stream *s)
{
	return s->fd;
}

int
sp_stream_is_tls(const struct sp_stream *s)
{
	return s->ssl != NULL;
}

int
sp_stream_handshake(struct sp_stream *s)
{
	return s->ops->handshake(s);
}

int
sp_stream_read(struct sp_stream *s, void *p, size_t n, size_t *ret_n)
{
	return s->ops->read(s, p, n, ret_n);
}

int
sp_stream_write(struct sp_stream *s, const void *p, size_t n, size_t *ret_n)
{
	return s->ops->write(s, p, n, ret_n);
}

enum sp_stream_want
sp_stream_want(const struct sp_stream *s)
{
	return s->want;
}

size_t
sp_stream_pending(const struct sp_stream *s)
{
	return s->ops->pending(s);
}

const char *
sp_stream_reason(const struct sp_stream *s)
{
	return s->reason[0] != '\0' ? s->reason : "no reason given";
}

/* RFC 5929 section 4.1: the signature's own hash, but SHA-256 in place of MD5 and SHA-1. */
int
sp_stream_cert_hash(const struct sp_stream *s, uint8_t out[SP_STREAM_CERT_HASH_MAX], size_t *ret_n)
{
	const EVP_MD *md = NULL;
	unsigned len = 0;
	int nid = NID_undef, r = SP_ERR_CRYPTO;
	X509 *cert;

	if (s->ssl == NULL || (cert = SSL_get1_peer_certificate(s->ssl)) == NULL)
		return SP_ERR_NOT_FOUND;
	if (X509_get_signature_info(cert, &nid, NULL, NULL, NULL) == 1 && nid != NID_undef)
		md = EVP_get_digestbynid(nid == NID_md5 || nid == NID_sha1 ? NID_sha256 : nid);
	if (md == NULL)
		r = SP_ERR_UNSUPPORTED; /* no defined hash (Ed25519): no binding */
	else if (EVP_MD_get_size(md) <= SP_STREAM_CERT_HASH_MAX && X509_digest(cert, md, out, &len) == 1)
		r = 0;
	*ret_n = len;
	X509_free(cert);
	return r;
}
