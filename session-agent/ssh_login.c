/* SPDX-License-Identifier: Apache-2.0 */
/* What a transport's agent has and knows: the key or certificate that logs in, and the host that it is for. */
#include <string.h>

#include "lib/secret.h"
#include "lib/text.h"
#include "proto/ssh_known.h"
#include "session-agent/ssh_proxy.h"

static int
login_trust(struct sp_ssh_proxy *px, const struct sp_policy_connection *c)
{
	struct sp_buf *blob = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	int r = blob == NULL ? SP_ERR_NOMEM : 0;
	size_t i;

	for (i = 0; r == 0 && i < c->nhost_authorities; i++) {
		r = sp_ssh_config_authority(c, i, blob);
		if (r == 0) {
			struct sp_view v = { sp_buf_data(blob), sp_buf_len(blob) };

			r = sp_ssh_agent_trust(px->agent, v, c->host);
		}
	}
	sp_buf_free(blob);
	return r;
}

/* The key that was made for this session, and its certificate. */
static int
login_certified(const struct sp_secret *secret, struct sp_ssh_key **ret_key, struct sp_buf *certificate)
{
	struct sp_buf *b = sp_buf_from(sp_secret_data(secret), sp_secret_len(secret));
	struct sp_view file, view;
	int r = b == NULL ? SP_ERR_NOMEM : sp_buf_get_view(b, SP_SSH_KEY_TEXT_MAX, &file);

	if (r == 0)
		r = sp_buf_get_view(b, SP_SSH_KEY_BLOB_MAX, &view);
	if (r == 0 && sp_buf_len(b) != 0)
		r = SP_ERR_FORMAT;
	if (r == 0)
		r = sp_buf_put(certificate, view.data, view.len);
	if (r == 0)
		r = sp_ssh_key_private(file.data, file.len, ret_key);
	sp_buf_free(b);
	return r;
}

int
sp_ssh_login_agent(struct sp_ssh_proxy *px, const struct sp_policy_connection *c, const struct sp_secret *secret)
{
	struct sp_buf *keys[SP_SSH_AGENT_HOST_KEYS_MAX] = { NULL };
	struct sp_view views[SP_SSH_AGENT_HOST_KEYS_MAX];
	struct sp_buf *certificate = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	struct sp_ssh_key *key = NULL;
	size_t i, n = c->nhost_keys;
	int r = n > SP_SSH_AGENT_HOST_KEYS_MAX ? SP_ERR_LIMIT : 0;

	for (i = 0; r == 0 && i < n; i++) {
		keys[i] = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
		r = keys[i] == NULL ? SP_ERR_NOMEM : sp_ssh_config_host_key(c, i, keys[i]);
		if (r != 0)
			break;
		views[i].data = sp_buf_data(keys[i]);
		views[i].len = sp_buf_len(keys[i]);
	}
	if (r == 0 && c->login == SP_POLICY_LOGIN_KEY)
		r = sp_ssh_key_private(sp_secret_data(secret), sp_secret_len(secret), &key);
	else if (r == 0 && c->login == SP_POLICY_LOGIN_CERTIFICATE)
		r = certificate == NULL ? SP_ERR_NOMEM : login_certified(secret, &key, certificate);
	if (r == 0)
		r = sp_ssh_agent_new(key, px->user, views, n, &px->agent);
	if (r == 0 && c->login == SP_POLICY_LOGIN_CERTIFICATE) {
		struct sp_view v = { sp_buf_data(certificate), sp_buf_len(certificate) };

		r = sp_ssh_agent_certify(px->agent, v);
	}
	sp_buf_free(certificate);
	if (r == 0)
		r = login_trust(px, c);
	for (i = 0; i < n && i < SP_SSH_AGENT_HOST_KEYS_MAX; i++)
		sp_buf_free(keys[i]);
	return r;
}

static int
login_know(struct sp_ssh_agent *agent, const struct sp_ssh_known *known, const char *host, struct sp_buf *blob)
{
	struct sp_view v;
	int r;

	sp_buf_reset(blob);
	r = sp_text_base64_decode(blob, (const char *)known->base64.data, known->base64.len);
	if (r != 0)
		return r;
	v.data = sp_buf_data(blob);
	v.len = sp_buf_len(blob);
	switch (known->what) {
	case SP_SSH_KNOWN_KEY:
		return sp_ssh_agent_pin(agent, v);
	case SP_SSH_KNOWN_AUTHORITY:
		return sp_ssh_agent_trust(agent, v, host);
	case SP_SSH_KNOWN_REVOKED:
		return sp_ssh_agent_revoke(agent, v);
	}
	return SP_ERR_FORMAT;
}

int
sp_ssh_login_known(struct sp_ssh_proxy *px, const struct sp_policy_connection *c, const char *known)
{
	struct sp_view text = { (const uint8_t *)known, strlen(known) };
	struct sp_buf *blob = sp_buf_new(SP_SSH_KEY_BLOB_MAX);
	struct sp_ssh_known one;
	int r = blob == NULL ? SP_ERR_NOMEM : 0;

	while (r == 0) {
		r = sp_ssh_known_next(&text, &one);
		if (r == 0)
			r = login_know(px->agent, &one, c->host, blob);
	}
	sp_buf_free(blob);
	return r == SP_ERR_NOT_FOUND ? 0 : r;
}
