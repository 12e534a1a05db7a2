/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
sp_question_exec(struct sp_question *q, const struct sp_policy_connection *c, struct sp_decide_request *request)
{
	const struct sp_shell_command *command;

	if (sp_shell_refused(q->shell) != NULL || sp_shell_count(q->shell) == 0)
		return SP_ERR_INVALID;
	command = sp_shell_at(q->shell, 0);
	if (command->nwords == 0)
		return SP_ERR_INVALID;
	q->argv = calloc(command->nwords + 1, sizeof(*q->argv));
	if (q->argv == NULL)
		return SP_ERR_NOMEM;
	for (size_t i = 0; i < command->nwords; i++) {
		q->argv[i] = command->words[i].text;
		if (!command->words[i].is_known || command->words[i].is_open)
			return SP_ERR_INVALID;
	}
	if (asprintf(&q->path, "%s%s", strchr(q->argv[0], '/') == NULL ? "/usr/bin/" : "", q->argv[0]) < 0) {
		q->path = NULL;
		return SP_ERR_NOMEM;
	}
	q->exec = (struct sp_decide_exec){.path = q->path, .argv = q->argv, .interpreter = "", .cwd = "", .user = c->run_as};
	request->exec = &q->exec;
	return 0;
}

int
sp_question_set(struct sp_question *q, const struct sp_policy_connection *c, const char *text, bool is_typed,
    struct sp_decide_request *request)
{
	int r;

	if (c->kind != SP_POLICY_KIND_SSH && c->kind != SP_POLICY_KIND_SHELL && c->kind != SP_POLICY_KIND_COMMAND) {
		r = sp_sql_parse(text, strlen(text), &q->sql);
		request->sql = q->sql;
		return r;
	}
	r = sp_shell_parse(text, strlen(text), is_typed ? SP_SHELL_TYPED : 0, &q->shell);
	if (r == 0 && c->kind != SP_POLICY_KIND_SSH)
		return sp_question_exec(q, c, request);
	request->shell = q->shell;
	return r;
}

int
sp_question_set_file(struct sp_question *q, const char *word, const char *path, const char *path2,
    struct sp_decide_request *request)
{
	size_t n = strlen(path);
	bool is_directory = n > 1 && path[n - 1] == '/';

	q->path = strndup(path, is_directory ? n - 1 : n);
	if (q->path == NULL)
		return SP_ERR_NOMEM;
	for (unsigned i = 0; i < SP_FILE_WORDS; i++) {
		if (strcmp(word, sp_file_word_str(i)) != 0)
			continue;
		q->file = (struct sp_decide_file){.words = SP_FILE_BIT(i), .path = q->path, .path2 = path2,
		    .is_file = !is_directory};
		request->file = &q->file;
		return 0;
	}
	return SP_ERR_NOT_FOUND;
}

int
sp_question_set_network(struct sp_question *q, const char *text, struct sp_decide_request *request)
{
	int r = sp_network_parse(text, &q->network);

	if (r == 0)
		request->network = &q->network;
	return r;
}

void
sp_question_clear(struct sp_question *q)
{
	sp_sql_unref(q->sql);
	sp_shell_free(q->shell);
	free(q->argv);
	free(q->path);
	memset(q, 0, sizeof(*q));
}
