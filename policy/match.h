/* SPDX-License-Identifier: Apache-2.0 */
/* Whether one rule applies: to a person, a connection, a moment and place, an action, a command. */
#ifndef SALLYPORT_POLICY_MATCH_H
#define SALLYPORT_POLICY_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/model.h"
#include "policy/sql.h"

bool sp_match_connection(const struct sp_policy_rule *rule, const struct sp_policy_connection *c);
/* `when` and `from`. from NULL or no address: a rule with `from` applies only if it denies. */
bool sp_match_context(const struct sp_policy_rule *rule, int64_t time, const char *from);
/* Whether the column masks of a rule hold now, whatever is done: `when` and `from`, which holds if it is not known. */
bool sp_match_marks(const struct sp_policy_rule *rule, int64_t time, const char *from);
bool sp_match_action(const struct sp_policy_rule *rule, const struct sp_sql_action *a);
bool sp_match_connect(const struct sp_policy_rule *rule);
bool sp_match_command(const struct sp_policy_rule *rule, const char *const *argv);

#endif
