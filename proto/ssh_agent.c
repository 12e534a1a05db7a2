/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ssh_agent.h"

#include <string.h>

#include "proto/ssh_key.h"

/* draft-miller-ssh-agent section 5.1 */
enum {
	MSG_FAILURE = 5,
	MSG_SUCCESS = 6,
	MSG_REQUEST_IDENTITIES = 11,
	MSG_IDENTITIES_ANSWER = 12,
	MSG_SIGN_REQUEST = 13,
	MSG_SIGN_RESPONSE = 14,
	MSG_EXTENSION = 27
};

#define USERAUTH_REQUEST 50 /* SSH_MSG_USERAUTH_REQUEST, RFC 4252 section 6 */
#define BIND_EXTENSION "session-bind@openssh.com"
#define METHOD_PLAIN "publickey"
#define METHOD_HOSTBOUND "publickey-hostbound-v00@openssh.com"

static bool
agent_is(const struct sp_view *v, const char *s)
{
	return v->len == strlen(s) && memcmp(v->data, s, v->len) == 0;
}

static int
agent_get_sign(struct sp_buf *b, struct sp_ssh_agent_request *q)
{
	int r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &q->key);

	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_AGENT_FRAME_MAX, &q->data);
	if (r == 0)
		r = sp_buf_get_u32(b, &q->flags);
	q->type = SP_SSH_AGENT_SIGN;
	return r;
}

static int
agent_get_bind(struct sp_buf *b, struct sp_ssh_agent_request *q)
{
	uint8_t is_forwarding = 0;
	int r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &q->key);

	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_AGENT_SESSION_ID_MAX, &q->session_id);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_KEY_SIGNATURE_MAX, &q->signature);
	if (r == 0)
		r = sp_buf_get_u8(b, &is_forwarding);
	q->is_forwarding = is_forwarding != 0;
	q->type = SP_SSH_AGENT_BIND;
	return r;
}

/* Whether the rest must be empty is told by *ret_whole: of what is not known nothing is expected. */
static int
agent_get_body(struct sp_buf *b, struct sp_ssh_agent_request *q, bool *ret_whole)
{
	int r;

	*ret_whole = true;
	switch (q->code) {
	case MSG_REQUEST_IDENTITIES:
		q->type = SP_SSH_AGENT_IDENTITIES;
		return 0;
	case MSG_SIGN_REQUEST:
		return agent_get_sign(b, q);
	case MSG_EXTENSION:
		r = sp_buf_get_view(b, SP_SSH_AGENT_NAME_MAX, &q->extension);
		if (r == 0 && agent_is(&q->extension, BIND_EXTENSION))
			return agent_get_bind(b, q);
		q->type = SP_SSH_AGENT_EXTENSION;
		*ret_whole = false;
		return r;
	default:
		q->type = SP_SSH_AGENT_OTHER;
		*ret_whole = false;
		return 0;
	}
}

int
sp_ssh_agent_parse(const struct sp_buf *in, struct sp_ssh_agent_request *ret_request, size_t *ret_size)
{
	const uint8_t *p = sp_buf_data(in);
	size_t have = sp_buf_len(in), n;
	struct sp_buf *b;
	bool is_whole;
	int r;

	if (have < 4)
		return SP_ERR_INCOMPLETE;
	n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (n == 0)
		return SP_ERR_FORMAT;
	if (n > SP_SSH_AGENT_FRAME_MAX)
		return SP_ERR_LIMIT;
	if (have - 4 < n)
		return SP_ERR_INCOMPLETE;
	b = sp_buf_from(p + 4, n);
	if (b == NULL)
		return SP_ERR_NOMEM;
	memset(ret_request, 0, sizeof(*ret_request));
	r = sp_buf_get_u8(b, &ret_request->code);
	if (r == 0)
		r = agent_get_body(b, ret_request, &is_whole);
	if (r != 0 || (is_whole && sp_buf_len(b) != 0))
		r = SP_ERR_FORMAT;
	sp_buf_free(b);
	*ret_size = 4 + n;
	return r;
}

void
sp_ssh_agent_put_failure(struct sp_buf *out)
{
	sp_buf_put_u32(out, 1);
	sp_buf_put_u8(out, MSG_FAILURE);
}

void
sp_ssh_agent_put_success(struct sp_buf *out)
{
	sp_buf_put_u32(out, 1);
	sp_buf_put_u8(out, MSG_SUCCESS);
}

void
sp_ssh_agent_put_identity(struct sp_buf *out, struct sp_view key, const char *comment)
{
	size_t body = key.len == 0 ? 0 : 4 + key.len + 4 + strlen(comment);

	sp_buf_put_u32(out, (uint32_t)(1 + 4 + body));
	sp_buf_put_u8(out, MSG_IDENTITIES_ANSWER);
	sp_buf_put_u32(out, key.len != 0);
	if (key.len != 0) {
		sp_buf_put_string(out, key.data, key.len);
		sp_buf_put_cstring(out, comment);
	}
}

void
sp_ssh_agent_put_signature(struct sp_buf *out, const struct sp_buf *signature)
{
	sp_buf_put_u32(out, (uint32_t)(1 + 4 + sp_buf_len(signature)));
	sp_buf_put_u8(out, MSG_SIGN_RESPONSE);
	sp_buf_put_string(out, sp_buf_data(signature), sp_buf_len(signature));
}

static int
userauth_get(struct sp_buf *b, struct sp_ssh_agent_userauth *a)
{
	struct sp_view method;
	uint8_t code, has_signature;
	int r = sp_buf_get_view(b, SP_SSH_AGENT_SESSION_ID_MAX, &a->session_id);

	if (r == 0)
		r = sp_buf_get_u8(b, &code);
	if (r == 0)
		r = code == USERAUTH_REQUEST ? sp_buf_get_view(b, SP_SSH_AGENT_NAME_MAX, &a->user) : SP_ERR_FORMAT;
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_AGENT_NAME_MAX, &a->service);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_AGENT_NAME_MAX, &method);
	if (r == 0)
		r = sp_buf_get_u8(b, &has_signature);
	if (r != 0)
		return r;
	a->is_hostbound = agent_is(&method, METHOD_HOSTBOUND);
	if (has_signature != 1 || (!a->is_hostbound && !agent_is(&method, METHOD_PLAIN)))
		return SP_ERR_FORMAT;
	r = sp_buf_get_view(b, SP_SSH_AGENT_NAME_MAX, &a->algorithm);
	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &a->key);
	if (r == 0 && a->is_hostbound)
		r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &a->host_key);
	return r;
}

int
sp_ssh_agent_parse_userauth(struct sp_view data, struct sp_ssh_agent_userauth *ret_auth)
{
	struct sp_buf *b = sp_buf_from(data.data, data.len);
	int r = SP_ERR_NOMEM;

	if (b == NULL)
		return r;
	memset(ret_auth, 0, sizeof(*ret_auth));
	r = userauth_get(b, ret_auth);
	if (r == 0 && sp_buf_len(b) != 0)
		r = SP_ERR_FORMAT;
	sp_buf_free(b);
	return r == SP_ERR_INCOMPLETE ? SP_ERR_FORMAT : r;
}
