/* SPDX-License-Identifier: Apache-2.0 */
/* From the words of scp and rsync to a connection and paths on it. Pure. */
#include <stdio.h>
#include <string.h>

#include "session-agent/copy_proxy.h"

/* [/]CONNECTION[/PATH]; every path of a command is on the same one. */
static const char *
words_path(const char *word, struct sp_copy_words *w)
{
	const char *name = word + (word[0] == '/'), *rest;
	size_t n = strcspn(name, "/");

	rest = name[n] == '/' ? name + n : "/";
	if (n == 0 || n > SP_POLICY_NAME_MAX)
		return "name the connection first, as in `bastion:/CONNECTION/PATH`; `connections` lists yours.";
	if (strlen(rest) >= SP_SCP_PATH_MAX)
		return "this path is too long.";
	if (strpbrk(rest, "*?[") != NULL)
		return "wildcards are not expanded here: name the file or directory, or use scp without -O.";
	if (w->n_paths > 0 && (strlen(w->connection) != n || strncmp(w->connection, name, n) != 0))
		return "one command copies from one connection.";
	(void)snprintf(w->connection, sizeof(w->connection), "%.*s", (int)n, name);
	w->paths[w->n_paths++] = rest;
	return NULL;
}

const char *
sp_copy_words_read(size_t argc, const char *const argv[], struct sp_copy_words *ret_w)
{
	static char problem[SP_RSYNC_PROBLEM_MAX]; /* one session, one command */
	const char *text = NULL;
	size_t i;

	memset(ret_w, 0, sizeof(*ret_w));
	if (argc > 0 && strcmp(argv[0], "rsync") == 0) {
		ret_w->is_rsync = true;
		if (sp_rsync_request_parse(argc, argv, &ret_w->rsync, problem) != 0)
			return problem;
		ret_w->is_upload = !ret_w->rsync.is_sender;
		for (i = 0; text == NULL && i < ret_w->rsync.n_paths; i++)
			text = words_path(ret_w->rsync.paths[i], ret_w);
		return text;
	}
	if (sp_scp_request_parse(argc, argv, &ret_w->scp, &text) != 0)
		return text;
	ret_w->is_upload = !ret_w->scp.is_source;
	return words_path(ret_w->scp.path, ret_w);
}

void
sp_copy_words_path(const char *path, char out[SP_SCP_PATH_MAX])
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	(void)snprintf(out, SP_SCP_PATH_MAX, "%.*s", (int)n, path);
}
