/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/reach.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/decide.h"
#include "policy/image.h"
#include "policy/limits.h"
#include "policy/network.h"
#include "policy/subject.h"

struct reach {
	struct sp_policy_subject *subject;
	struct sp_decide_scope *scope; /* NULL: nobody, and so nothing */
};

static void
reach_begin(struct reach *r, const struct sp_policy_image *policy, const json_t *identity, const struct sp_policy_connection *c)
{
	char *text = json_dumps(identity, JSON_COMPACT);

	*r = (struct reach){ 0 };
	if (text == NULL || sp_policy_subject_new(text, strlen(text), &r->subject) != 0 ||
	    sp_decide_scope_new(policy, r->subject, c, &r->scope) != 0)
		r->scope = NULL;
	free(text);
}

static bool
reach_ask(const struct reach *r, const char *from, const struct sp_decide_network *network)
{
	struct sp_decide_request request = { .time = (int64_t)time(NULL), .from = from, .network = network };
	struct sp_decision decision = { .effect = SP_POLICY_DENY };

	if (r->scope != NULL)
		sp_decide(r->scope, &request, &decision);
	return decision.effect != SP_POLICY_DENY;
}

static void
reach_end(struct reach *r)
{
	sp_decide_scope_free(r->scope);
	sp_policy_subject_free(r->subject);
}

bool
sp_reach_is_allowed(const struct sp_policy_image *policy, const json_t *identity, const char *from,
    const struct sp_policy_connection *c)
{
	struct reach r;
	bool is_allowed;

	reach_begin(&r, policy, identity, c);
	is_allowed = reach_ask(&r, from, NULL);
	reach_end(&r);
	return is_allowed;
}

size_t
sp_reach_ports(const struct sp_policy_image *policy, const json_t *identity, const char *from,
    const struct sp_policy_connection *c, uint16_t *ret_ports, size_t max)
{
	struct reach r;
	size_t i, named, n = 0;

	if (c->kind != SP_POLICY_KIND_SSH || !c->is_forwarded)
		return 0;
	reach_begin(&r, policy, identity, c);
	named = r.scope == NULL || !reach_ask(&r, from, NULL) ? 0 : sp_decide_ports(r.scope, ret_ports, max);
	for (i = 0; i < named; i++) {
		struct sp_decide_network network = SP_NETWORK_LOOPBACK(ret_ports[i]);

		if (reach_ask(&r, from, &network))
			ret_ports[n++] = ret_ports[i];
	}
	reach_end(&r);
	return n;
}

const struct sp_policy_connection *
sp_reach_hop(const struct sp_policy_image *policy, const struct sp_policy_connection *target, const char *name,
    const struct sp_policy_connection **ret_behind)
{
	const struct sp_policy_connection *at = target;
	unsigned hops;

	*ret_behind = NULL;
	for (hops = 0; at != NULL && hops <= SP_POLICY_JUMPS_MAX; hops++) {
		if (strcmp(at->name, name) == 0)
			return at;
		if (at->kind != SP_POLICY_KIND_SSH || at->jump[0] == '\0')
			break;
		*ret_behind = at;
		at = sp_policy_image_find(policy, at->jump);
	}
	*ret_behind = NULL;
	return NULL;
}
