/* SPDX-License-Identifier: Apache-2.0 */
/* Whether one rule applies: to a person, a connection, a moment and place, an action, a command. */
#ifndef SALLYPORT_POLICY_MATCH_H
#define SALLYPORT_POLICY_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/decide.h"
#include "policy/model.h"
#include "policy/shell.h"
#include "policy/sql.h"

bool sp_match_connection(const struct sp_policy_rule *rule, const struct sp_policy_connection *c);
/* `when` and `from`. from NULL or no address: a rule with `from` applies only if it denies. */
bool sp_match_context(const struct sp_policy_rule *rule, int64_t time, const char *from);
/* Whether the column masks of a rule hold now, whatever is done: `when` and `from`, which holds if it is not known. */
bool sp_match_marks(const struct sp_policy_rule *rule, int64_t time, const char *from);
bool sp_match_action(const struct sp_policy_rule *rule, const struct sp_sql_action *a);
bool sp_match_connect(const struct sp_policy_rule *rule);
bool sp_match_command(const struct sp_policy_rule *rule, const char *const *argv);

/*
 * matchargv.c. A rule that lets through has to cover every value that unknown words can have; one that denies matches
 * if any of them could be meant.
 */
struct sp_match_word {
	const char *text;
	bool is_open, is_number; /* as in struct sp_shell_word */
};
/* words: those of the command, at least one. login: who it runs as where the line does not say. */
bool sp_match_shell(const struct sp_policy_rule *rule, const struct sp_shell_command *c, const char *login,
    const struct sp_match_word *words);
bool sp_match_redirect(const struct sp_policy_rule *rule, const struct sp_shell_command *c,
    const struct sp_shell_redirect *d);
/* words: the path, and the arguments after the name; n at least 1. They are as before when it returns. */
bool sp_match_exec(const struct sp_policy_rule *rule, const struct sp_decide_exec *e, struct sp_match_word *words, size_t n);
bool sp_match_unresolved(const struct sp_policy_rule *rule);
bool sp_match_terminal(const struct sp_policy_rule *rule);
/* word: enum sp_file_word. The path is of the form that sp_file_is_path() asks for. */
bool sp_match_file(const struct sp_policy_rule *rule, unsigned word, const char *path);
/* The same of path and all beneath: a rule that allows must cover all of it, any other must be able to mean a part. */
bool sp_match_file_tree(const struct sp_policy_rule *rule, unsigned word, const char *path);
/* Of a rule's paths alone: all that can be meant by path is among them; path can be, or (is_beneath) something in it. */
bool sp_match_file_covers(const struct sp_policy_rule *rule, const char *path);
bool sp_match_file_could(const struct sp_policy_rule *rule, const char *path, bool is_beneath);
/* One pattern of paths; strict: whether it could mean the path, rather than covers it. */
bool sp_match_path(const char *pattern, const char *path, bool strict);

bool sp_match_in_network(const struct sp_model_network *n, const uint8_t address[16], bool is_v6);
/* decidenetwork.c */
bool sp_match_network(const struct sp_policy_rule *rule, const struct sp_decide_network *n);

#endif
