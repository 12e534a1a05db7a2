/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/reach.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/decide.h"
#include "policy/image.h"
#include "policy/limits.h"
#include "policy/subject.h"

bool
sp_reach_is_allowed(const struct sp_policy_image *policy, const json_t *identity, const char *from,
    const struct sp_policy_connection *c)
{
	struct sp_decide_request request = { .time = (int64_t)time(NULL), .from = from };
	struct sp_decision decision = { .effect = SP_POLICY_DENY };
	char *text = json_dumps(identity, JSON_COMPACT);
	struct sp_policy_subject *subject = NULL;
	struct sp_decide_scope *scope = NULL;

	if (text != NULL && sp_policy_subject_new(text, strlen(text), &subject) == 0 &&
	    sp_decide_scope_new(policy, subject, c, &scope) == 0)
		sp_decide(scope, &request, &decision);
	sp_decide_scope_free(scope);
	sp_policy_subject_free(subject);
	free(text);
	return decision.effect != SP_POLICY_DENY;
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
