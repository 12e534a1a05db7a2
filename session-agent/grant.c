/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/grant.h"

#include <string.h>
#include <sys/socket.h>

#include "lib/ipc.h"
#include "policy/image.h"
#include "runtime/cred.h"
#include "session-agent/account.h"
#include "session-agent/credential.h"

#define GRANT_PASSWD "/etc/passwd"
#define GRANT_GROUP "/etc/group"

/* The other end is the supervisor of this person's own audit session, which no process of theirs can pass for. */
static bool
grant_is_supervisor(const struct sp_grant *g)
{
	int domain = 0, type = 0;
	socklen_t dlen = sizeof(domain), tlen = sizeof(type);
	struct sp_peer_cred cred;

	return getsockopt(g->fd, SOL_SOCKET, SO_DOMAIN, &domain, &dlen) == 0 && domain == AF_UNIX &&
	    getsockopt(g->fd, SOL_SOCKET, SO_TYPE, &type, &tlen) == 0 && type == SOCK_SEQPACKET &&
	    sp_cred_of_socket(g->fd, &cred) == 0 && sp_cred_is_of(&cred, g->shell, g->ses);
}

static const struct sp_policy_named_secret *
grant_secret(const struct sp_policy_connection *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nsecrets; i++)
		if (strcmp(c->secrets[i].name, name) == 0)
			return &c->secrets[i];
	return NULL;
}

static int
grant_secrets(const struct sp_policy_connection *c, struct sp_grant *g, const char **ret_message)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < g->nsecrets; i++) {
		const struct sp_policy_named_secret *s = grant_secret(c, g->secrets[i]);

		*ret_message = "the connection has no such secret";
		r = s == NULL ? SP_ERR_DENIED
			      : sp_credential_read_named(s->secret, s->value, c->name, &g->values[i], ret_message);
		if (r == 0 && (sp_secret_len(g->values[i]) > SP_GRANT_SECRET_MAX ||
				  memchr(sp_secret_data(g->values[i]), '\0', sp_secret_len(g->values[i])) != NULL)) {
			*ret_message = "a secret of the connection cannot be a variable's value: call an administrator";
			r = SP_ERR_LIMIT;
		}
	}
	return r;
}

static int
grant_write(const struct sp_grant *g, const struct sp_account *a, struct sp_buf *body)
{
	size_t i;

	sp_buf_put_cstring(body, a->name);
	sp_buf_put_u32(body, a->uid);
	sp_buf_put_u32(body, a->gid);
	sp_buf_put_u32(body, (uint32_t)a->ngroups);
	for (i = 0; i < a->ngroups; i++)
		sp_buf_put_u32(body, a->groups[i]);
	sp_buf_put_cstring(body, a->home);
	sp_buf_put_u32(body, (uint32_t)g->nsecrets);
	for (i = 0; i < g->nsecrets; i++) {
		sp_buf_put_cstring(body, g->secrets[i]);
		sp_buf_put_string(body, sp_secret_data(g->values[i]), sp_secret_len(g->values[i]));
	}
	return sp_buf_error(body);
}

static int
grant_send(const struct sp_grant *g, const struct sp_account *a)
{
	struct sp_buf *body = sp_buf_new(SP_IPC_GRANT_MAX - SP_IPC_HEADER), *frame = sp_buf_new(SP_IPC_GRANT_MAX);
	size_t put = 0;
	int r = SP_ERR_NOMEM;

	if (body != NULL && frame != NULL) {
		r = grant_write(g, a, body);
		if (r == 0)
			r = sp_ipc_frame(frame, SP_IPC_GRANT_ACCOUNT, 0, body);
		if (r == 0)
			r = sp_ipc_write(g->fd, sp_buf_data(frame), sp_buf_len(frame), NULL, 0, &put);
		if (r == 0 && put != sp_buf_len(frame))
			r = SP_ERR_SYSTEM;
	}
	sp_buf_free(body);
	sp_buf_free(frame);
	return r;
}

int
sp_grant_account(const struct sp_policy_connection *c, struct sp_grant *g, const char **ret_message)
{
	struct sp_account a;
	int r;

	*ret_message = "the connection has no account to run as";
	if ((c->kind != SP_POLICY_KIND_SHELL && c->kind != SP_POLICY_KIND_COMMAND) || c->run_as[0] == '\0')
		return SP_ERR_DENIED;
	*ret_message = "whoever asks for the account is not this session's supervisor";
	if (!grant_is_supervisor(g))
		return SP_ERR_DENIED;
	r = sp_account_find(GRANT_PASSWD, GRANT_GROUP, c->run_as, c->is_privileged, &a, ret_message);
	if (r != 0)
		return r;
	if (g->nsecrets != 0 && a.uid == g->person) {
		*ret_message = "the connection runs as yourself, and a secret never goes to its person's own processes";
		return SP_ERR_DENIED;
	}
	r = grant_secrets(c, g, ret_message);
	if (r != 0)
		return r;
	r = grant_send(g, &a);
	*ret_message = r == 0 ? "" : "the account could not be granted: try again";
	g->uid = a.uid;
	return r;
}
