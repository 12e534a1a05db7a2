/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/permit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc_pam.h"
#include "lib/ipc_permit.h"
#include "policy/image.h"
#include "runtime/log.h"
#include "runtime/peer.h"
#include "session-agent/broker.h"
#include "session-agent/forward.h"
#include "session-agent/name_service.h"
#include "session-agent/permit_origin.h"
#include "session-agent/proc.h"
#include "session-agent/reach.h"

#define PERMIT_USER_MAX 256
#define PERMIT_TYPE_MAX 128
#define PERMIT_KEY_MAX 131072
#define PERMIT_BODY_MAX (PERMIT_USER_MAX + PERMIT_TYPE_MAX + PERMIT_KEY_MAX + 12)

_Static_assert(2 * SP_IPC_PAM_PORTS_MAX <= SP_IPC_PERMIT_MAX, "each port has two names");

struct permit {
	struct sp_registry *g;
	struct sp_peer *peer;
	uint32_t verify; /* id at the broker, 0: none under way */
	uint32_t id;	 /* of the PERMIT to answer, 0: none yet */
	char *user;
	char from[SP_PERMIT_ORIGIN_TEXT];
	bool has_from;
	char endpoint[SP_POLICY_NAME_MAX + 1]; /* ssh -J: the connection at whose address sshd was asked; "": an ordinary login */
	char endpoint_from[SP_PERMIT_ORIGIN_TEXT]; /* whence its first login came */
};

static int
permit_list(const struct permit *p, const struct sp_policy_image *policy, const json_t *identity, struct sp_buf *names,
    uint32_t *ret_n)
{
	const char *from = p->has_from ? p->from : NULL;
	struct sp_name_service *service = NULL;
	uint32_t n = 0;
	int r = sp_name_service_read(&service);

	for (size_t i = 0; r == 0 && n < SP_IPC_PERMIT_MAX && i < sp_policy_image_connections(policy); i++) {
		const struct sp_policy_connection *c = sp_policy_image_connection(policy, i);
		char item[SP_POLICY_NAME_MAX + 8];

		/* in this order: whoever sends somebody's certificate has us ask this, and the last asks the kernel */
		if (!c->is_forwarded || !sp_reach_is_allowed(policy, identity, from, c) ||
		    !sp_forward_is_offered(p->g->forward, service, c))
			continue;
		(void)snprintf(item, sizeof(item), "%s:%u", c->name, sp_forward_port(c->kind));
		sp_buf_put_cstring(names, item);
		n++;
	}
	sp_name_service_free(service);
	*ret_n = n;
	return r == 0 ? sp_buf_error(names) : r;
}

/* For a login through ssh -J: the ports of its host, by both names that clients have for its loopback. */
static int
permit_ports(const struct permit *p, const struct sp_policy_image *policy, const json_t *identity, struct sp_buf *names,
    uint32_t *ret_n)
{
	const struct sp_policy_connection *c = sp_policy_image_find(policy, p->endpoint);
	uint16_t ports[SP_IPC_PAM_PORTS_MAX];
	const char *from = p->endpoint_from[0] == '\0' ? NULL : p->endpoint_from;
	size_t n = c == NULL ? 0 : sp_reach_ports(policy, identity, from, c, ports, SP_IPC_PAM_PORTS_MAX);
	char item[32];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(item, sizeof(item), "127.0.0.1:%u", (unsigned)ports[i]);
		sp_buf_put_cstring(names, item);
		(void)snprintf(item, sizeof(item), "localhost:%u", (unsigned)ports[i]);
		sp_buf_put_cstring(names, item);
	}
	*ret_n = (uint32_t)(2 * n);
	return sp_buf_error(names);
}

static void
permit_answer(struct permit *p, int err, const json_t *identity)
{
	struct sp_buf *body = sp_buf_new(SP_IPC_FRAME_MAX), *names = sp_buf_new(SP_IPC_FRAME_MAX);
	const struct sp_policy_image *policy = sp_broker_policy(p->g->broker);
	uint32_t n = 0;
	int r = body == NULL || names == NULL ? SP_ERR_NOMEM : 0;

	if (r == 0 && err == 0 && identity != NULL && policy != NULL)
		r = p->endpoint[0] != '\0' ? permit_ports(p, policy, identity, names, &n) :
					     permit_list(p, policy, identity, names, &n);
	if (r == 0) {
		sp_buf_put_u32(body, (uint32_t)-err);
		sp_buf_put_u32(body, n);
		sp_buf_put(body, sp_buf_data(names), sp_buf_len(names));
		r = sp_buf_error(body);
	}
	if (r == 0)
		r = sp_peer_send(p->peer, SP_IPC_PERMIT_PERMIT_REPLY, p->id, body, NULL, 0);
	if (r != 0)
		sp_log_err("what can be forwarded to could not be said: %s", sp_err_str(r));
	sp_buf_free(body);
	sp_buf_free(names);
	sp_peer_finish(p->peer);
}

static void
permit_on_verified(int err, const char *message, json_t *identity, void *ctx)
{
	struct permit *p = ctx;
	const char *user = json_string_value(json_object_get(identity, "user"));

	(void)message;
	p->verify = 0;
	if (err == 0 && (user == NULL || strcmp(user, p->user) != 0))
		err = SP_ERR_DENIED;
	permit_answer(p, err, identity);
}

/* The sshd that asks is its parent: whether that is where a login through ssh -J would be. Nothing rests on a no: such a
 * login gets a network of its own, where there is nothing else. */
static void
permit_find_endpoint(struct permit *p, pid_t pid)
{
	int dir = sp_proc_open(pid);
	pid_t parent = dir < 0 ? 0 : sp_proc_parent(dir);
	struct sp_login *outer = NULL;
	const char *name = NULL, *from;

	if (dir >= 0)
		(void)close(dir);
	if (parent <= 1 || sp_forward_through(p->g->forward, parent, &outer, &name) != 0 || strcmp(outer->user, p->user) != 0)
		return;
	from = json_string_value(json_object_get(outer->origin, "from"));
	(void)snprintf(p->endpoint, sizeof(p->endpoint), "%s", name);
	(void)snprintf(p->endpoint_from, sizeof(p->endpoint_from), "%s", from == NULL ? "" : from);
}

static int
permit_on_permit(struct sp_peer *peer, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct permit *p = ctx;
	char *type = NULL, *key = NULL, *info = NULL;
	int r;

	if (p->id != 0 || msg->id == 0)
		return SP_ERR_PROTOCOL; /* one a connection */
	p->id = msg->id;
	r = sp_buf_get_cstring(body, PERMIT_USER_MAX, &p->user);
	if (r == 0)
		r = sp_buf_get_cstring(body, PERMIT_TYPE_MAX, &type);
	if (r == 0)
		r = sp_buf_get_cstring(body, PERMIT_KEY_MAX, &key);
	if (r == 0 && (strpbrk(type, " \n") != NULL || strpbrk(key, " \n") != NULL))
		r = SP_ERR_FORMAT;
	if (r == 0 && asprintf(&info, "publickey %s %s", type, key) < 0)
		r = SP_ERR_NOMEM;
	if (r == 0)
		permit_find_endpoint(p, sp_peer_cred(peer)->pid);
	if (r == 0)
		p->has_from = sp_permit_origin(sp_peer_cred(peer)->pid, p->from) == 0;
	if (r == 0 && sp_broker_verify(p->g->broker, p->user, info, permit_on_verified, p, &p->verify) != 0)
		permit_answer(p, SP_ERR_UNAVAILABLE, NULL);
	free(type);
	free(key);
	free(info);
	return r;
}

static void
permit_on_close(struct sp_peer *peer, int err, void *ctx)
{
	struct permit *p = ctx;

	(void)err;
	sp_broker_cancel(p->g->broker, p->verify);
	sp_listener_release(p->g->permit);
	sp_peer_free(peer);
	free(p->user);
	free(p);
}

static const struct sp_peer_request permit_requests[] = {
	{ SP_IPC_PERMIT_PERMIT, 1, PERMIT_BODY_MAX, 0, permit_on_permit, "PERMIT" },
	{ 0 },
};
static const struct sp_peer_ops permit_ops = { permit_requests, permit_on_close, "permit" };

void
sp_permit_accept(struct sp_registry *g, int fd, uid_t uid)
{
	struct permit *p = uid == 0 || uid == g->authkeys_uid ? calloc(1, sizeof(*p)) : NULL;

	if (p == NULL) {
		sp_log_warn("permit: a connection of uid %u is refused", (unsigned)uid);
		goto fail;
	}
	p->g = g;
	if (sp_peer_new(g->base, fd, &permit_ops, p, &p->peer) != 0)
		goto fail;
	if (sp_peer_set_deadline(p->peer, SP_PERMIT_DEADLINE_MS) == 0)
		return;
	sp_peer_free(p->peer);
	fd = -1;
fail:
	free(p);
	if (fd >= 0)
		(void)close(fd);
	sp_listener_release(g->permit);
}
