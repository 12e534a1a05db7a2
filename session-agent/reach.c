/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/reach.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/decide.h"
#include "policy/image.h"
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
