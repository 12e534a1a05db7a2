/* SPDX-License-Identifier: Apache-2.0 */
/* From the words after `ssh bastion` to a built-in command or a connection kind; everything is on record first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/decide.h"
#include "policy/image.h"
#include "proto/rsync.h"
#include "proto/scp.h"
#include "recorder/event.h"
#include "session-agent/command.h"
#include "session-agent/session_state.h"
#include "session-agent/sftp_kind.h"
#include "session-agent/ssh_kind.h"

/* Other ways into a host, which people and programs try; each gets one clear line. */
static const struct dispatch_other {
	const char *word; /* last part of the first word's path */
	const char *what;
} dispatch_others[] = {
	{ "sftp", "sftp as a command (it is a subsystem: `sftp bastion`)" },
	{ "sh", "a shell on the bastion" },
	{ "bash", "a shell on the bastion" },
	{ "dash", "a shell on the bastion" },
	{ "zsh", "a shell on the bastion" },
	{ "git-upload-pack", "git" },
	{ "git-receive-pack", "git" },
	{ "git-upload-archive", "git" },
	{ "nc", "a raw connection" },
};

/* What was asked for, and what becomes of it. False: it cannot be recorded, so nothing runs. */
static bool
dispatch_record(struct sp_session *s, const char *connection, const char *decision, const char *reason)
{
	struct sp_buf *e = sp_session_event(s);

	sp_event_begin(e, SP_EVENT_COMMAND, sp_event_now());
	sp_event_put_cstring(e, SP_FIELD_COMMAND, s->command);
	sp_event_put_cstring(e, SP_FIELD_CONNECTION, connection);
	sp_event_put_cstring(e, SP_FIELD_DECISION, decision);
	sp_event_put_cstring(e, SP_FIELD_LABEL, "enforced");
	sp_event_put_cstring(e, SP_FIELD_REASON, reason);
	if (sp_session_record(s) == 0)
		return true;
	sp_session_end(s, "this command cannot be recorded");
	return false;
}

static void
dispatch_refuse(struct sp_session *s, const char *connection, const char *text)
{
	if (!dispatch_record(s, connection, "refuse", text))
		return;
	sp_session_say(s, "sallyport: %s", text);
	sp_session_exit(s, 1);
}

bool
sp_dispatch_terms(const struct sp_session *s, const struct sp_policy_connection *c, struct sp_policy_terms *ret_terms)
{
	struct sp_decide_request request = { .time = (int64_t)time(NULL), .from = sp_session_from(s) };
	struct sp_decision decision = { .effect = SP_POLICY_DENY };
	struct sp_decide_scope *scope = NULL;

	if (sp_decide_scope_new(s->policy, s->subject, c, &scope) == 0)
		sp_decide(scope, &request, &decision);
	sp_decide_scope_free(scope);
	*ret_terms = decision.terms;
	return decision.effect != SP_POLICY_DENY;
}

bool
sp_dispatch_may_reach(const struct sp_session *s, const struct sp_policy_connection *c)
{
	struct sp_policy_terms terms;

	return sp_dispatch_terms(s, c, &terms);
}

/* What the connection, or a rule, has to say first; line by line. */
static void
dispatch_banner(struct sp_session *s, const struct sp_policy_connection *c)
{
	struct sp_policy_terms terms = { 0 };
	const char *p;

	if (!sp_dispatch_terms(s, c, &terms) || terms.banner == NULL)
		return;
	for (p = terms.banner; *p != '\0';) {
		size_t n = strcspn(p, "\n");

		sp_session_say(s, "%.*s", (int)n, p);
		p += n + (p[n] != '\0');
	}
}

int
sp_session_reach(struct sp_session *s, const struct sp_policy_connection *c)
{
	struct sp_policy_terms terms;
	int r = 0;

	if (!sp_dispatch_terms(s, c, &terms))
		return SP_ERR_DENIED;
	if (strcmp(s->limits.connection, c->name) == 0)
		return 0;
	if (s->limits.timer == NULL || (s->limits.idle == 0 && s->limits.max == 0)) {
		sp_limits_free(s);
		r = sp_limits_start(s, c);
	} else if (!sp_limits_cover(s, terms.idle_seconds, terms.max_seconds)) {
		r = SP_ERR_LIMIT;
	}
	if (r == 0)
		dispatch_banner(s, c);
	return r;
}

static bool
dispatch_in_list(const char *word, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n && list[i] != NULL; i++)
		if (strcmp(list[i], word) == 0)
			return true;
	return false;
}

/* The kind one of whose tools this word is. */
static const struct sp_kind *
dispatch_kind(const char *word)
{
	size_t i;

	for (i = 0; sp_kinds[i] != NULL; i++)
		if (dispatch_in_list(word, sp_kinds[i]->tools, SIZE_MAX))
			return sp_kinds[i];
	return NULL;
}

/* A connection that is missing, of another kind, or not this person's: one answer for all three. */
static const struct sp_policy_connection *
dispatch_connection(const struct sp_session *s, const struct sp_kind *kind, const char *name)
{
	const struct sp_policy_connection *c = sp_policy_image_find(s->policy, name);

	if (c == NULL || strcmp(sp_policy_kind_str(c->kind), kind->name) != 0 || !sp_dispatch_may_reach(s, c))
		return NULL;
	return c;
}

/* Which connection is meant where none is named: the one called like the kind, or the only one there is. */
static const char *
dispatch_only(const struct sp_session *s, const struct sp_kind *kind)
{
	const struct sp_policy_connection *c = dispatch_connection(s, kind, kind->name), *only = c;
	size_t i, n = sp_policy_image_connections(s->policy);

	for (i = 0; c == NULL && i < n; i++) {
		const char *name = sp_policy_image_connection(s->policy, i)->name;

		if (dispatch_connection(s, kind, name) == NULL)
			continue;
		if (only != NULL)
			return NULL;
		only = sp_policy_image_connection(s->policy, i);
	}
	return only == NULL ? NULL : only->name;
}

static void dispatch_tool(struct sp_session *s, const struct sp_kind *kind, size_t argc, const char *const argv[]);

/* The same with the connection's name put in. */
static void
dispatch_nameless(struct sp_session *s, const struct sp_kind *kind, size_t argc, const char *const argv[])
{
	const char *named[SP_COMMAND_WORDS_MAX + 2], *only = dispatch_only(s, kind);
	size_t i;

	if (only == NULL || argc > SP_COMMAND_WORDS_MAX) {
		dispatch_refuse(s, NULL, "name the connection, as in `shell NAME`; `connections` lists yours.");
		return;
	}
	named[0] = argv[0];
	named[1] = only;
	for (i = 1; i < argc; i++)
		named[i + 1] = argv[i];
	named[argc + 1] = NULL;
	dispatch_tool(s, kind, argc + 1, named);
}

static void
dispatch_tool(struct sp_session *s, const struct sp_kind *kind, size_t argc, const char *const argv[])
{
	const struct sp_policy_connection *c;
	char name[SP_POLICY_NAME_MAX + 1] = "";
	const char *problem;

	if (s->policy == NULL) {
		dispatch_refuse(s, NULL, "no policy is in force yet, so no target can be reached: try again shortly.");
		return;
	}
	problem = kind->names == NULL ? NULL : kind->names(argc, argv, name);
	if (problem != NULL) {
		dispatch_refuse(s, NULL, problem);
		return;
	}
	if (kind->is_nameless && (argc < 2 || argv[1][0] == '-')) {
		dispatch_nameless(s, kind, argc, argv);
		return;
	}
	if (kind->names == NULL && (argc < 2 || argv[1][0] == '-')) {
		dispatch_refuse(s, NULL,
		    kind->takes_line ?
			"write `ssh CONNECTION [command]`: options and login names are policy's; `connections` lists yours." :
			"name the connection right after the tool, as in `psql orders`; `connections` lists yours.");
		return;
	}
	if (kind->names == NULL)
		(void)snprintf(name, sizeof(name), "%s", argv[1]);
	c = dispatch_connection(s, kind, name);
	if (c == NULL) {
		dispatch_refuse(s, name, "no such connection, or not allowed; `connections` lists yours.");
		return;
	}
	if (c->ntools > 0 && !dispatch_in_list(argv[0], c->tools, c->ntools)) {
		dispatch_refuse(s, c->name, "this tool is not allowed on that connection.");
		return;
	}
	if (!dispatch_record(s, c->name, "allow", NULL))
		return;
	dispatch_banner(s, c);
	s->kind = kind;
	if (kind->start(s, c, argv, &s->kind_ctx) != 0) {
		s->kind = NULL;
		sp_session_end(s, "the connection could not be served");
	} else if (sp_limits_start(s, c) != 0) {
		sp_session_end(s, "this session's time limits cannot be kept");
	}
}

static const char *
dispatch_base(const char *word)
{
	const char *slash = strrchr(word, '/');

	return slash == NULL ? word : slash + 1;
}

static void
dispatch_unknown(struct sp_session *s, const char *word)
{
	const char *base = dispatch_base(word);
	char text[512];
	size_t i;

	for (i = 0; i < sizeof(dispatch_others) / sizeof(dispatch_others[0]); i++)
		if (strcmp(dispatch_others[i].word, base) == 0)
			break;
	if (i < sizeof(dispatch_others) / sizeof(dispatch_others[0]))
		(void)snprintf(text, sizeof(text), "%s is not offered here; `ssh bastion help` says what is.",
		    dispatch_others[i].what);
	else
		(void)snprintf(text, sizeof(text), "there is no command “%.64s”; `ssh bastion help` lists what there is.", word);
	dispatch_refuse(s, NULL, text);
}

/* The command that sshd has for the subsystem "sftp". */
static bool
dispatch_is_files(const char *word)
{
	const char *base = dispatch_base(word);

	return strcmp(base, "sftp-server") == 0 || strcmp(base, "internal-sftp") == 0;
}

/* c: that host's alone; NULL: all of theirs. */
static void
dispatch_files(struct sp_session *s, const struct sp_policy_connection *c)
{
	if (s->policy == NULL)
		dispatch_refuse(s, NULL, "no policy is in force yet, so no target can be reached: try again shortly.");
	else if (s->has_tty)
		dispatch_refuse(s, NULL, "file transfer (sftp, and scp of newer clients) needs no terminal.");
	else if (c == NULL ? !sp_sftp_has_targets(s) : !sp_sftp_may_reach(s, c))
		dispatch_refuse(s, NULL, "file transfer (sftp, and scp of newer clients) is not offered here to you: "
					 "no rule lets you at a host's files.");
	else if (dispatch_record(s, c == NULL ? NULL : c->name, "allow", NULL)) {
		s->kind = &sp_sftp_kind;
		if (sp_sftp_kind.start(s, c, NULL, &s->kind_ctx) != 0) {
			s->kind = NULL;
			sp_session_end(s, "files could not be served");
		}
	}
}

static void
dispatch_words(struct sp_session *s, size_t argc, const char *const argv[])
{
	const struct sp_kind *kind;

	if (argc > 0 && strcmp(argv[0], "--") == 0) {
		argc--;
		argv++;
	}
	kind = argc == 0 ? NULL : dispatch_kind(argv[0]);
	if (kind != NULL)
		dispatch_tool(s, kind, argc, argv);
	else if (argc > 0 && dispatch_is_files(argv[0]))
		dispatch_files(s, NULL);
	else if (!sp_builtin_is(argc == 0 ? "help" : argv[0]))
		dispatch_unknown(s, argv[0]);
	else if (dispatch_record(s, NULL, "allow", NULL))
		sp_builtin_run(s, argc, argv);
}

/* If the whole line is one quoted word, that word without its quotes; NULL: it is not. The caller frees. */
static char *
dispatch_unquote(const char *line, size_t n)
{
	struct sp_command_error error;
	struct sp_command *c = NULL;
	char *word = NULL;

	if (n < 2 || (line[0] != '\'' && line[0] != '"') || line[n - 1] != line[0] ||
	    sp_command_parse(line, n, &c, &error) != 0)
		return NULL;
	if (sp_command_argc(c) == 1)
		word = strdup(sp_command_argv(c)[0]);
	sp_command_free(c);
	return word;
}

/* TOOL CONNECTION LINE for a kind that takes a line. False: it is not of that form. */
static bool
dispatch_line(struct sp_session *s)
{
	const char *blanks = " \t\n", *tool = s->command + strspn(s->command, blanks);
	size_t tool_len = strcspn(tool, blanks), name_len, n;
	const char *name = tool + tool_len + strspn(tool + tool_len, blanks), *line, *argv[4] = { NULL };
	char word[SP_POLICY_NAME_MAX + 1], connection[SP_POLICY_NAME_MAX + 1], *rest;
	const struct sp_kind *kind;

	if (tool_len >= sizeof(word))
		return false;
	(void)snprintf(word, sizeof(word), "%.*s", (int)tool_len, tool);
	kind = dispatch_kind(word);
	if (kind == NULL || !kind->takes_line)
		return false;
	name_len = strcspn(name, blanks);
	line = name + name_len + strspn(name + name_len, blanks);
	for (n = strlen(line); n > 0 && strchr(blanks, line[n - 1]) != NULL; n--)
		;
	rest = dispatch_unquote(line, n);
	if (rest == NULL)
		rest = strndup(line, n);
	(void)snprintf(connection, sizeof(connection), "%.*s", (int)name_len, name);
	argv[0] = word;
	argv[1] = connection;
	argv[2] = rest != NULL && rest[0] != '\0' ? rest : NULL;
	if (rest == NULL)
		sp_session_end(s, "no memory");
	else if (name_len >= sizeof(connection))
		dispatch_refuse(s, NULL, "no such connection, or not allowed; `connections` lists yours.");
	else if (line[0] == '-')
		dispatch_tool(s, kind, 1, argv); /* an option: refused there */
	else
		dispatch_tool(s, kind, name_len > 0 ? 2 : 1, argv);
	free(rest);
	return true;
}

/* Serves the connection of origin's "forward". */
static void
dispatch_forward(struct sp_session *s)
{
	const char *argv[] = { "forward", s->forward, NULL };
	const struct sp_policy_connection *c = NULL;
	const struct sp_kind *kind = NULL;
	size_t i;

	for (i = 0; c == NULL && s->policy != NULL && sp_kinds[i] != NULL; i++) {
		kind = sp_kinds[i];
		c = kind->forwarded == NULL ? NULL : dispatch_connection(s, kind, s->forward);
	}
	if (c == NULL || !c->is_forwarded) {
		if (dispatch_record(s, s->forward, "refuse", "no such connection, or not allowed, or not to be forwarded to."))
			sp_session_exit(s, 1);
		return;
	}
	if (!dispatch_record(s, c->name, "allow", NULL))
		return;
	s->kind = kind;
	if (kind->start(s, c, argv, &s->kind_ctx) != 0) {
		s->kind = NULL;
		sp_session_end(s, "the connection could not be served");
	} else if (sp_limits_start(s, c) != 0) {
		sp_session_end(s, "this session's time limits cannot be kept");
	} else {
		sp_forwarded_serve(s);
	}
}

/* The n paths among the words, each behind the connection's name, as they are written to the bastion itself. */
static void
endpoint_copy(struct sp_session *s, const struct sp_kind *kind, const struct sp_command *c, const char *const *paths, size_t n)
{
	const char *const *given = sp_command_argv(c), *argv[SP_COMMAND_WORDS_MAX + 1] = { NULL };
	char *made[SP_RSYNC_PATHS_MAX] = { NULL };
	size_t i, k, argc = sp_command_argc(c);
	bool is_whole = true;

	for (i = 0; i < argc; i++) {
		argv[i] = given[i];
		for (k = 0; k < n; k++) {
			if (paths[k] != given[i])
				continue;
			is_whole = is_whole && paths[k][0] == '/' && asprintf(&made[k], "/%s%s", s->endpoint, paths[k]) > 0;
			argv[i] = made[k];
		}
	}
	if (is_whole)
		dispatch_tool(s, kind, argc, argv);
	else
		dispatch_refuse(s, s->endpoint, "write the whole path on the host, from / on.");
	for (k = 0; k < n; k++)
		free(made[k]);
}

/* What scp -O and rsync ask a host for is the copy that it would be through the bastion. False: it is not that. */
static bool
dispatch_endpoint_copy(struct sp_session *s, const char *line)
{
	struct sp_command_error error;
	struct sp_command *c = NULL;
	struct sp_scp_request scp;
	struct sp_rsync_request rsync;
	char text[SP_RSYNC_PROBLEM_MAX];
	const char *problem, *word;
	const struct sp_kind *kind;
	bool is_copy = false;

	if (sp_command_parse(line, strlen(line), &c, &error) != 0)
		return false;
	word = sp_command_argc(c) > 0 ? sp_command_argv(c)[0] : "";
	kind = dispatch_kind(word);
	if (kind == NULL || sp_command_argc(c) > SP_RSYNC_WORDS_MAX) {
		is_copy = false;
	} else if (strcmp(word, "scp") == 0 && sp_scp_request_parse(sp_command_argc(c), sp_command_argv(c), &scp, &problem) == 0) {
		is_copy = true;
		endpoint_copy(s, kind, c, &scp.path, 1);
	} else if (strcmp(word, "rsync") == 0 && sp_rsync_request_parse(sp_command_argc(c), sp_command_argv(c), &rsync, text) == 0) {
		is_copy = true;
		endpoint_copy(s, kind, c, rsync.paths, rsync.n_paths);
	}
	sp_command_free(c);
	return is_copy;
}

/*
 * `ssh NAME LINE`, as sallyportd has made it of what was asked for through ssh -J: LINE is the person's to the byte, quotes
 * included, for that is what their ssh would have sent to the host itself.
 */
static void
dispatch_endpoint(struct sp_session *s)
{
	const char *argv[] = { "ssh", s->endpoint, NULL, NULL }, *line = s->command + strlen("ssh ") + strlen(s->endpoint);
	const struct sp_policy_connection *c = s->policy == NULL ? NULL : dispatch_connection(s, &sp_ssh_kind, s->endpoint);
	char word[SP_POLICY_NAME_MAX];

	if (line[0] == ' ')
		argv[2] = ++line;
	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(line, " \t\n"), line);
	if (s->policy != NULL && (c == NULL || !c->is_forwarded))
		dispatch_refuse(s, s->endpoint, "no such connection, or not allowed, or not to be forwarded to.");
	else if (dispatch_is_files(word))
		dispatch_files(s, c);
	else if (argv[2] == NULL || !dispatch_endpoint_copy(s, argv[2]))
		dispatch_tool(s, &sp_ssh_kind, argv[2] == NULL ? 2 : 3, argv);
}

void
sp_dispatch(struct sp_session *s)
{
	struct sp_command_error error;
	struct sp_command *c;
	char text[512];
	int r;

	if (s->forward != NULL) {
		dispatch_forward(s);
		return;
	}
	if (s->endpoint != NULL) {
		dispatch_endpoint(s);
		return;
	}
	if (dispatch_line(s))
		return;
	r = sp_command_parse(s->command, strlen(s->command), &c, &error);
	if (r != 0) {
		(void)snprintf(text, sizeof(text), "the command cannot be understood at character %zu: %s.", error.position,
		    error.message);
		dispatch_refuse(s, NULL, text);
		return;
	}
	dispatch_words(s, sp_command_argc(c), sp_command_argv(c));
	sp_command_free(c);
}
