/* SPDX-License-Identifier: Apache-2.0 */
/* From a text that a person wrote (a policy's tests, `policy explain`) to what a decision is asked. */
#ifndef SALLYPORT_POLICY_QUESTION_H
#define SALLYPORT_POLICY_QUESTION_H

#include "policy/decide.h"
#include "policy/file.h"
#include "policy/network.h"
#include "policy/shell.h"
#include "policy/sql.h"

struct sp_question {
	struct sp_sql *sql;
	struct sp_shell *shell;
	struct sp_decide_exec exec;
	struct sp_decide_file file;
	struct sp_decide_network network;
	const char **argv;
	char *path;
};

/*
 * Points the request at what text means on the connection: SQL for a database; a command line for kind ssh; is_typed: it is typed at a prompt there. For shell and
 * command one command, run as it stands from /usr/bin unless it says where. INVALID: it is not one plain command. NOMEM.
 * q is zeroed before, and cleared after the request was decided.
 */
int sp_question_set(struct sp_question *q, const struct sp_policy_connection *c, const char *text, bool is_typed,
    struct sp_decide_request *request) SP_MUST_CHECK;
/*
 * The same for what is done to a file: word is one of a rule's `file`, path2 (NULL if there is none) stays the
 * caller's; a / at the end of path says that it is a directory. NOMEM; NOT_FOUND: there is no such word.
 */
int sp_question_set_file(struct sp_question *q, const char *word, const char *path, const char *path2,
    struct sp_decide_request *request) SP_MUST_CHECK;
/* The same for what a program of a shell reaches: "tcp 10.1.2.3 443", as sp_network_parse() reads it. FORMAT. */
int sp_question_set_network(struct sp_question *q, const char *text, struct sp_decide_request *request) SP_MUST_CHECK;
void sp_question_clear(struct sp_question *q);

#endif
