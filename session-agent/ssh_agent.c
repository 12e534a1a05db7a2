/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ssh_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ssh_agent.h"
#include "proto/ssh_cert.h"

#define AGENT_COMMENT "sallyport"
#define AGENT_SERVICE "ssh-connection"
#define AGENT_CERTIFICATE "ssh-ed25519-cert-v01@openssh.com"
#define AGENT_NONCE_MAX 256

struct sp_ssh_agent {
	struct sp_ssh_key *key; /* NULL: a login with something else */
	struct sp_buf *certificate; /* NULL: the key alone */
	char user[SP_SSH_AGENT_NAME_MAX + 1];
	struct sp_ssh_key *host_keys[SP_SSH_AGENT_HOST_KEYS_MAX];
	size_t nhost_keys;
	struct sp_ssh_key *authorities[SP_SSH_AGENT_HOST_KEYS_MAX];
	size_t nauthorities;
	struct sp_sshfp_set expected;
	struct sp_buf *revoked[SP_SSH_AGENT_HOST_KEYS_MAX]; /* on the wire */
	size_t nrevoked;
	char host[SP_SSH_AGENT_NAME_MAX + 1]; /* the name that its certificate must have */
	uint8_t bound[SP_SSH_KEY_BLOB_MAX];   /* the key or certificate that the host has proven */
	size_t bound_len;		      /* 0: not yet */
	uint8_t session_id[SP_SSH_AGENT_SESSION_ID_MAX];
	size_t session_id_len;
	bool is_spoiled; /* asked to bind again: nothing is signed any more */
	unsigned signatures;
	unsigned requests;
};

int
sp_ssh_agent_new(struct sp_ssh_key *key, const char *user, const struct sp_view *host_keys, size_t n,
    struct sp_ssh_agent **ret_a)
{
	struct sp_ssh_agent *a = calloc(1, sizeof(*a));
	size_t i;
	int r = SP_ERR_NOMEM;

	if (a == NULL) {
		sp_ssh_key_free(key);
		return r;
	}
	a->key = key;
	r = 0;
	if (n > SP_SSH_AGENT_HOST_KEYS_MAX || strlen(user) > SP_SSH_AGENT_NAME_MAX)
		r = SP_ERR_LIMIT;
	if (user[0] == '\0')
		r = SP_ERR_INVALID;
	for (i = 0; r == 0 && i < n; i++) {
		r = sp_ssh_agent_pin(a, host_keys[i]);
		if (r != 0 && r != SP_ERR_NOMEM)
			r = SP_ERR_INVALID;
	}
	if (r != 0) {
		sp_ssh_agent_free(a);
		return r;
	}
	(void)snprintf(a->user, sizeof(a->user), "%s", user);
	*ret_a = a;
	return 0;
}

void
sp_ssh_agent_free(struct sp_ssh_agent *a)
{
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; i < a->nhost_keys; i++)
		sp_ssh_key_free(a->host_keys[i]);
	for (i = 0; i < a->nauthorities; i++)
		sp_ssh_key_free(a->authorities[i]);
	for (i = 0; i < a->nrevoked; i++)
		sp_buf_free(a->revoked[i]);
	sp_ssh_key_free(a->key);
	sp_buf_free(a->certificate);
	free(a);
}

int
sp_ssh_agent_pin(struct sp_ssh_agent *a, struct sp_view host_key)
{
	int r;

	if (a->nhost_keys == SP_SSH_AGENT_HOST_KEYS_MAX)
		return SP_ERR_LIMIT;
	r = sp_ssh_key_public(host_key, &a->host_keys[a->nhost_keys]);
	a->nhost_keys += r == 0;
	return r;
}

void
sp_ssh_agent_expect(struct sp_ssh_agent *a, const struct sp_sshfp_set *set)
{
	a->expected = *set;
}

int
sp_ssh_agent_revoke(struct sp_ssh_agent *a, struct sp_view key)
{
	struct sp_buf *b;
	int r;

	if (a->nrevoked == SP_SSH_AGENT_HOST_KEYS_MAX)
		return SP_ERR_LIMIT;
	b = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	r = b == NULL ? SP_ERR_NOMEM : sp_buf_put(b, key.data, key.len);
	if (r != 0) {
		sp_buf_free(b);
		return r;
	}
	a->revoked[a->nrevoked++] = b;
	return 0;
}

int
sp_ssh_agent_trust(struct sp_ssh_agent *a, struct sp_view authority, const char *host)
{
	int r;

	if (a->nauthorities == SP_SSH_AGENT_HOST_KEYS_MAX || strlen(host) > SP_SSH_AGENT_NAME_MAX)
		return SP_ERR_LIMIT;
	r = sp_ssh_key_public(authority, &a->authorities[a->nauthorities]);
	if (r == 0) {
		a->nauthorities++;
		(void)snprintf(a->host, sizeof(a->host), "%s", host);
	}
	return r;
}

static bool
agent_is_key(const struct sp_ssh_key *key, const struct sp_view *v)
{
	struct sp_view blob = sp_ssh_key_blob(key);

	return blob.len == v->len && memcmp(blob.data, v->data, v->len) == 0;
}

/* What it logs in with, on the wire; of length 0 if with neither key nor certificate. */
static struct sp_view
agent_identity(const struct sp_ssh_agent *a)
{
	struct sp_view v = { NULL, 0 };

	if (a->certificate != NULL) {
		v.data = sp_buf_data(a->certificate);
		v.len = sp_buf_len(a->certificate);
	} else if (a->key != NULL) {
		v = sp_ssh_key_blob(a->key);
	}
	return v;
}

static bool
agent_is_identity(const struct sp_ssh_agent *a, const struct sp_view *v)
{
	struct sp_view id = agent_identity(a);

	return id.len > 0 && id.len == v->len && memcmp(id.data, v->data, v->len) == 0;
}

/* Whether these are the first fields of a certificate for this key: type, nonce, and the key's one field. */
static int
agent_check_certificate(const struct sp_ssh_key *key, struct sp_view certificate)
{
	struct sp_buf *b = sp_buf_from(certificate.data, certificate.len);
	struct sp_view plain = sp_ssh_key_blob(key), type, nonce, field;
	size_t n = plain.len;
	int r = b == NULL ? SP_ERR_NOMEM : 0;

	if (r == 0 && (sp_buf_get_view(b, SP_SSH_AGENT_NAME_MAX, &type) != 0 ||
			  sp_buf_get_view(b, AGENT_NONCE_MAX, &nonce) != 0 ||
			  sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &field) != 0 || type.len != strlen(AGENT_CERTIFICATE) ||
			  memcmp(type.data, AGENT_CERTIFICATE, type.len) != 0))
		r = SP_ERR_FORMAT;
	if (r == 0 && (n < field.len || memcmp(plain.data + n - field.len, field.data, field.len) != 0 ||
			  strcmp(sp_ssh_key_type(key), "ssh-ed25519") != 0))
		r = SP_ERR_INVALID;
	sp_buf_free(b);
	return r;
}

int
sp_ssh_agent_certify(struct sp_ssh_agent *a, struct sp_view certificate)
{
	int r = a->key == NULL || a->certificate != NULL ? SP_ERR_INVALID : agent_check_certificate(a->key, certificate);

	if (r != 0)
		return r;
	a->certificate = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	return a->certificate == NULL ? SP_ERR_NOMEM : sp_buf_put(a->certificate, certificate.data, certificate.len);
}

static bool
agent_is_text(const struct sp_view *v, const char *s)
{
	return v->len == strlen(s) && memcmp(v->data, s, v->len) == 0;
}

static bool
agent_is_bound_id(const struct sp_ssh_agent *a, const struct sp_view *v)
{
	return a->bound_len > 0 && v->len == a->session_id_len && memcmp(v->data, a->session_id, v->len) == 0;
}

/* --- binding ------------------------------------------------------------------------------------------ */

static bool
agent_is_pinned(const struct sp_ssh_agent *a, struct sp_view blob)
{
	size_t i;

	for (i = 0; i < a->nhost_keys; i++)
		if (agent_is_key(a->host_keys[i], &blob))
			return true;
	return sp_sshfp_has(&a->expected, blob);
}

static bool
agent_is_revoked(const struct sp_ssh_agent *a, struct sp_view blob)
{
	size_t i;

	for (i = 0; i < a->nrevoked; i++)
		if (sp_buf_len(a->revoked[i]) == blob.len && memcmp(sp_buf_data(a->revoked[i]), blob.data, blob.len) == 0)
			return true;
	return false;
}

bool
sp_ssh_agent_is_expected(const struct sp_ssh_agent *a, struct sp_view blob)
{
	return !agent_is_revoked(a, blob) && sp_sshfp_has(&a->expected, blob);
}

/*
 * The host's key in a certificate: by one of the authorities, for this host, valid now; or by whomever, if the key itself is
 * pinned (a host with a certificate shows that to whoever knows only its key). NULL: neither, or one of the two is revoked.
 */
static struct sp_ssh_key *
agent_certified(const struct sp_ssh_agent *a, struct sp_view blob, int64_t now, bool *ret_is_revoked)
{
	struct sp_ssh_key *key = NULL;
	struct sp_ssh_cert cert;
	size_t i;

	if (!sp_ssh_cert_is(blob) || sp_ssh_cert_parse(blob, &cert, &key) != 0)
		return NULL;
	*ret_is_revoked = agent_is_revoked(a, sp_ssh_key_blob(key)) || agent_is_revoked(a, cert.authority);
	if (!*ret_is_revoked && agent_is_pinned(a, sp_ssh_key_blob(key)))
		return key;
	for (i = 0; !*ret_is_revoked && i < a->nauthorities; i++)
		if (sp_ssh_cert_check(&cert, a->authorities[i], a->host, now) == 0)
			return key;
	sp_ssh_key_free(key);
	return NULL;
}

/* Whether the host has signed the session id, with a key that this connection knows it by. NULL, or why not. */
static const char *
agent_prove(const struct sp_ssh_agent *a, const struct sp_ssh_agent_request *q, int64_t now)
{
	struct sp_ssh_key *key = NULL;
	bool is_revoked = agent_is_revoked(a, q->key);
	const char *problem = NULL;

	if (!is_revoked && !agent_is_pinned(a, q->key))
		key = agent_certified(a, q->key, now, &is_revoked);
	else if (sp_ssh_key_public(q->key, &key) != 0)
		key = NULL;
	if (is_revoked)
		problem = "a binding to a host key that is revoked";
	else if (key == NULL)
		problem = "a binding to a host key that is not this connection's";
	else if (sp_ssh_key_verify(key, q->session_id, q->signature) != 0)
		problem = "a binding that the host key has not signed";
	sp_ssh_key_free(key);
	return problem;
}

/* NULL, or why this is no binding. */
static const char *
agent_bind(struct sp_ssh_agent *a, const struct sp_ssh_agent_request *q, int64_t now)
{
	const char *problem;

	if (a->bound_len > 0 || a->is_spoiled) {
		a->is_spoiled = true; /* another connection through the same agent: the first one is not served either */
		return "a second binding";
	}
	if (q->is_forwarding)
		return "a binding for agent forwarding";
	if (q->session_id.len == 0)
		return "a binding without a session id";
	problem = agent_prove(a, q, now);
	if (problem != NULL)
		return problem;
	memcpy(a->bound, q->key.data, q->key.len); /* the codec has looked at the lengths */
	a->bound_len = q->key.len;
	memcpy(a->session_id, q->session_id.data, q->session_id.len);
	a->session_id_len = q->session_id.len;
	return NULL;
}

bool
sp_ssh_agent_is_bound(const struct sp_ssh_agent *a)
{
	return a->bound_len > 0 && !a->is_spoiled;
}

/* --- signing ------------------------------------------------------------------------------------------ */

/* NULL, or why this login is not signed. */
static const char *
agent_judge(const struct sp_ssh_agent *a, const struct sp_ssh_agent_request *q)
{
	struct sp_ssh_agent_userauth auth;
	const char *algorithm = a->key == NULL ? NULL : sp_ssh_key_algorithm(a->key, q->flags);

	if (a->key == NULL)
		return "a signature, where there is no key";
	if (a->certificate != NULL && algorithm != NULL)
		algorithm = AGENT_CERTIFICATE;
	if (a->is_spoiled)
		return "a signature after a second binding";
	if (a->bound_len == 0)
		return "a signature without a binding";
	if (!agent_is_identity(a, &q->key))
		return "a signature with another key";
	if (algorithm == NULL)
		return "a signature with an algorithm that is not taken";
	if (a->signatures >= SP_SSH_AGENT_SIGNATURES_MAX)
		return "one signature too many";
	if (sp_ssh_agent_parse_userauth(q->data, &auth) != 0)
		return "a signature of something that is no login";
	if (!agent_is_bound_id(a, &auth.session_id))
		return "a login of another session";
	if (!agent_is_text(&auth.user, a->user))
		return "a login of another user";
	if (!agent_is_text(&auth.service, AGENT_SERVICE))
		return "a login to another service";
	if (!agent_is_text(&auth.algorithm, algorithm) || !agent_is_identity(a, &auth.key))
		return "a login with another key or algorithm";
	if (auth.is_hostbound &&
	    (auth.host_key.len != a->bound_len || memcmp(auth.host_key.data, a->bound, a->bound_len) != 0))
		return "a login at another host";
	return NULL;
}

static const char *
agent_sign(struct sp_ssh_agent *a, const struct sp_ssh_agent_request *q, struct sp_buf *out)
{
	const char *problem = agent_judge(a, q);
	struct sp_buf *signature;

	if (problem != NULL)
		return problem;
	signature = sp_buf_new(SP_SSH_KEY_SIGNATURE_MAX);
	if (signature == NULL || sp_ssh_key_sign(a->key, q->flags, q->data, signature) != 0)
		problem = "a signature, which could not be made";
	else
		sp_ssh_agent_put_signature(out, signature);
	sp_buf_free(signature);
	a->signatures += problem == NULL;
	return problem;
}

/* --- requests ------------------------------------------------------------------------------------------- */

static void
agent_answer(struct sp_ssh_agent *a, const struct sp_ssh_agent_request *q, struct sp_buf *out, int64_t now,
    struct sp_ssh_agent_news *news)
{
	const char *problem = NULL, *done = "";

	switch (q->type) {
	case SP_SSH_AGENT_IDENTITIES:
		sp_ssh_agent_put_identity(out, agent_identity(a), AGENT_COMMENT);
		news->outcome = SP_SSH_AGENT_LISTED;
		done = "the key was listed";
		break;
	case SP_SSH_AGENT_BIND:
		problem = agent_bind(a, q, now);
		if (problem == NULL)
			sp_ssh_agent_put_success(out);
		news->outcome = SP_SSH_AGENT_BOUND;
		done = "bound to the host key of this connection";
		break;
	case SP_SSH_AGENT_SIGN:
		problem = agent_sign(a, q, out);
		news->outcome = SP_SSH_AGENT_SIGNED;
		done = "the login was signed";
		break;
	case SP_SSH_AGENT_EXTENSION:
		problem = "an extension that is not offered";
		break;
	case SP_SSH_AGENT_OTHER:
		problem = "a request that is not offered";
		break;
	}
	if (problem != NULL) {
		news->outcome = SP_SSH_AGENT_REFUSED;
		sp_ssh_agent_put_failure(out);
	}
	(void)snprintf(news->text, sizeof(news->text), "%s", problem != NULL ? problem : done);
}

int
sp_ssh_agent_handle(struct sp_ssh_agent *a, struct sp_buf *in, struct sp_buf *out, int64_t now,
    struct sp_ssh_agent_news *ret_news)
{
	struct sp_ssh_agent_request q;
	size_t size = 0;
	int r = sp_ssh_agent_parse(in, &q, &size);

	ret_news->outcome = SP_SSH_AGENT_REFUSED;
	ret_news->text[0] = '\0';
	if (r == SP_ERR_INCOMPLETE)
		return SP_ERR_AGAIN;
	if (r == 0 && ++a->requests > SP_SSH_AGENT_REQUESTS_MAX)
		r = SP_ERR_LIMIT;
	if (r != 0)
		return r;
	agent_answer(a, &q, out, now, ret_news);
	r = sp_buf_error(out);
	return r == 0 ? sp_buf_consume(in, size) : r;
}
