/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions on what programs of a decided shell reach over sockets. */
#include <stdio.h>
#include <string.h>

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

static size_t
ports_add(uint16_t *ports, size_t n, size_t max, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i] == port)
			return n;
	if (n < max)
		ports[n++] = port;
	return n;
}

size_t
sp_decide_ports(const struct sp_decide_scope *scope, uint16_t *ret_ports, size_t max)
{
	uint16_t first, last;
	size_t n = 0;

	for (size_t i = 0; i < scope->n; i++) {
		const struct sp_policy_rule *r = scope->rules[i];

		for (size_t j = 0; j < r->networks.n && r->effect != SP_POLICY_DENY; j++)
			if (sp_network_is_loopback_span(r->networks.s[j], &first, &last))
				for (unsigned port = first; port <= last; port++)
					n = ports_add(ret_ports, n, max, (uint16_t)port);
	}
	return n;
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

/* What programs of a local shell reach, or a port of a host's own: elsewhere nobody goes from there. */
static bool
network_is_of_kind(const struct sp_policy_connection *c, const struct sp_decide_network *n)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};

	if (c->kind == SP_POLICY_KIND_SSH)
		return n->protocol == SP_NETWORK_TCP && !n->is_listen && !n->is_v6 && n->port != 0 &&
		    memcmp(n->address, loopback, sizeof(loopback)) == 0;
	return c->kind == SP_POLICY_KIND_SHELL || c->kind == SP_POLICY_KIND_COMMAND;
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
	if (!network_is_of_kind(c, n)) {
		sp_decide_refuse(w, "On %s nothing is reached from here.", c->name);
		return;
	}
	if (sp_network_protocol_str(n->protocol) == NULL || n->path == NULL) {
		sp_decide_refuse(w, "This is no connection that can be decided on.");
		return;
	}
	if (!sp_decide_has_network(w->scope)) {
		if (c->kind == SP_POLICY_KIND_SSH)
			sp_decide_refuse(w, "No rule names ports of %s (do: { network: [...] }).", c->name);
		return;
	}
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
