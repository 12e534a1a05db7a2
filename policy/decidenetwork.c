/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions on what programs of a decided shell reach over sockets. */
#include <stdio.h>

#include "policy/decidework.h"
#include "policy/match.h"
#include "policy/network.h"

#define DECIDE_NETWORK_SHOWN 200 /* bytes of a path in a message */

bool
sp_decide_has_network(const struct sp_decide_scope *scope)
{
	for (size_t i = 0; i < scope->n; i++)
		if (scope->rules[i]->networks.n > 0)
			return true;
	return false;
}

bool
sp_match_network(const struct sp_policy_rule *rule, const struct sp_decide_network *n)
{
	/* An abstract name may be anybody's on the machine: a rule that lets through has to say it. */
	if (rule->does & SP_MODEL_DO_ANY)
		return rule->effect == SP_POLICY_DENY || n->path[0] != '@';
	for (size_t i = 0; i < rule->networks.n; i++)
		if (sp_network_match(rule->networks.s[i], n, rule->effect == SP_POLICY_DENY))
			return true;
	return false;
}

void
sp_decide_network_one(struct sp_decide_work *w)
{
	const struct sp_decide_network *n = w->req->network;
	const struct sp_policy_connection *c = w->scope->connection;
	const struct sp_policy_rule *best = NULL;
	char text[SP_NETWORK_TEXT_MAX];

	w->d->label = SP_POLICY_ENFORCED;
	if (w->d->effect == SP_POLICY_DENY)
		return;
	if (c->kind != SP_POLICY_KIND_SHELL && c->kind != SP_POLICY_KIND_COMMAND) {
		sp_decide_refuse(w, "On %s nothing is reached from here.", c->name);
		return;
	}
	if (sp_network_protocol_str(n->protocol) == NULL || n->path == NULL) {
		sp_decide_refuse(w, "This is no connection that can be decided on.");
		return;
	}
	if (!sp_decide_has_network(w->scope))
		return;
	w->d->rule = NULL;
	for (size_t i = 0; i < w->scope->n; i++) {
		const struct sp_policy_rule *r = w->scope->rules[i];

		if (!sp_match_network(r, n) || !sp_match_context(r, w->req->time, w->req->from))
			continue;
		if (best == NULL || sp_decide_is_stricter(r, best))
			best = r;
	}
	if (best != NULL) {
		sp_decide_take(w, best);
		return;
	}
	sp_network_text(n, text);
	sp_decide_refuse(w, "No rule allows you to reach this on %s (do: { network: [\"%.*s\"] }).", c->name,
	    DECIDE_NETWORK_SHOWN, text);
}
