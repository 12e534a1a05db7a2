/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/shell_proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc_exec.h"
#include "policy/image.h"
#include "policy/network.h"
#include "policy/recordfile.h"
#include "session-agent/hide.h"
#include "session-agent/shell_kind.h"

#define SHELL_PATH "/usr/local/bin:/usr/bin:/bin"
#define SHELL_ENV_MAX 64 /* variables, the connection's among them */

const struct sp_policy_connection *
sp_shell_connection(const struct sp_shell_proxy *px)
{
	const struct sp_policy_image *policy = sp_session_policy(px->session);
	const struct sp_policy_connection *c = policy == NULL ? NULL : sp_policy_image_find(policy, px->name);

	return c == NULL || (c->kind != SP_POLICY_KIND_SHELL && c->kind != SP_POLICY_KIND_COMMAND) ? NULL : c;
}

void
sp_shell_unpin(struct sp_shell_proxy *px)
{
	if (--px->pins > 0 || !px->is_ended)
		return;
	sp_decide_scope_free(px->scope);
	sp_hide_free(px->hide);
	free(px);
}

/* --- the channel -------------------------------------------------------------------------------------------- */

static int
on_ready(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	char *how = NULL;
	int r = sp_buf_get_cstring(body, 32, &how);

	(void)p;
	(void)msg;
	((struct sp_shell_proxy *)ctx)->is_ready = true;
	free(how);
	return r;
}

/* sallyport-exec has ended, and all that came of it; forcecmd tells how. */
static void
on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_shell_proxy *px = ctx;

	sp_peer_free(p);
	px->channel = NULL;
	sp_shell_drop_asks(px);
	if (err != 0 && err != SP_ERR_CLOSED)
		sp_session_say(px->session, "sallyport: the shell's supervision broke off: %s", sp_err_str(err));
}

static const struct sp_peer_request channel_requests[] = {
	{ SP_IPC_EXEC_READY, 1, 64, 0, on_ready, "READY" },
	{ SP_IPC_EXEC_ASK, 1, SP_IPC_FRAME_MAX, 0, sp_shell_on_ask, "ASK" },
	{ SP_IPC_EXEC_GONE, 1, 0, 0, sp_shell_on_gone, "GONE" },
	{ SP_IPC_EXEC_TAMPERED, 1, 2 * SP_SHELL_PATH_MAX + 16, 0, sp_shell_on_tampered, "TAMPERED" },
	{ SP_IPC_EXEC_ASK_NETWORK, 1, 2 * SP_SHELL_PATH_MAX + 64, 0, sp_shell_on_ask, "ASK_NETWORK" },
	{ SP_IPC_EXEC_GRANT, 1, 0, 1, sp_shell_on_grant, "GRANT" },
	{ 0 },
};
static const struct sp_peer_ops channel_ops = { channel_requests, on_close, "exec" };

/* --- what runs ---------------------------------------------------------------------------------------------- */

static bool
has_variable(const struct sp_policy_connection *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nenvironment; i++)
		if (strcmp(c->environment[i].name, name) == 0)
			return true;
	return false;
}

static void
put_variable(struct sp_buf *b, uint32_t *n, const char *name, const char *value)
{
	char text[8192];

	if (value == NULL || *n == SHELL_ENV_MAX || (size_t)snprintf(text, sizeof(text), "%s=%s", name, value) >= sizeof(text))
		return;
	sp_buf_put_cstring(b, text);
	++*n;
}

static int
put_environment(struct sp_buf *b, const struct sp_session *s, const struct sp_policy_connection *c)
{
	const char *own[][2] = { { "PATH", SHELL_PATH }, { "TERM", sp_session_term(s) }, { "LANG", sp_session_lang(s) },
		{ "SALLYPORT_SESSION", sp_session_id(s) } };
	struct sp_buf *list = sp_buf_new(SP_IPC_FRAME_MAX / 2);
	uint32_t n = 0;
	size_t i;
	int r = SP_ERR_NOMEM;

	if (list == NULL)
		return r;
	for (i = 0; i < c->nenvironment; i++)
		put_variable(list, &n, c->environment[i].name, c->environment[i].value);
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!has_variable(c, own[i][0]) && own[i][1][0] != '\0')
			put_variable(list, &n, own[i][0], own[i][1]);
	r = sp_buf_error(list);
	sp_buf_put_u32(b, n);
	sp_buf_put(b, sp_buf_data(list), sp_buf_len(list));
	sp_buf_free(list);
	return r;
}

static int
send_start(struct sp_shell_proxy *px, const struct sp_policy_connection *c, const struct sp_shell_words *w)
{
	struct sp_buf *body = sp_buf_new(SP_IPC_FRAME_MAX - SP_IPC_HEADER);
	uint32_t n = 0, i;
	int r = SP_ERR_NOMEM, files = -1;

	if (body == NULL)
		return r;
	while (w->argv[n] != NULL)
		n++;
	sp_buf_put_u8(body, px->account[0] != '\0');
	sp_buf_put_u8(body, px->is_network);
	sp_buf_put_cstring(body, c->directory);
	sp_buf_put_cstring(body, w->path);
	sp_buf_put_u32(body, n);
	for (i = 0; i < n; i++)
		sp_buf_put_cstring(body, w->argv[i]);
	r = put_environment(body, px->session, c);
	if (r == 0)
		r = sp_buf_error(body);
	if (r == 0 && px->has_files)
		r = sp_shell_files_open(px, &files);
	if (r == 0)
		r = sp_peer_send(px->channel, SP_IPC_EXEC_START, 0, body, &files, files >= 0);
	if (files >= 0)
		(void)close(files);
	sp_buf_free(body);
	return r;
}

static int
run(struct sp_shell_proxy *px, const struct sp_policy_connection *c, const struct sp_shell_words *w)
{
	unsigned flags = c->records_input ? SP_RELAY_RECORD_INPUT : 0;
	int sv[2], fds[3], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) != 0)
		return SP_ERR_SYSTEM;
	r = sp_peer_new(sp_session_base(px->session), sv[0], &channel_ops, px, &px->channel);
	if (r != 0)
		(void)close(sv[0]);
	if (r == 0)
		r = send_start(px, c, w);
	if (r == 0)
		r = sp_session_relay_open(px->session, c, flags, NULL, NULL, fds);
	if (r == 0)
		r = sp_session_exec(px->session, fds, sv[1]);
	(void)close(sv[1]);
	return r;
}

/* --- the kinds ------------------------------------------------------------------------------------------------ */

static void
on_end(void *ctx)
{
	struct sp_shell_proxy *px = ctx;

	px->is_ended = true;
	px->pins++;
	sp_peer_free(px->channel); /* which ends every process there is */
	px->channel = NULL;
	sp_shell_files_free(px);
	sp_shell_drop_asks(px);
	sp_shell_unpin(px);
}

/* What its programs did up to their end belongs on record. */
static bool
on_drain(void *ctx)
{
	struct sp_shell_proxy *px = ctx;

	if (px->files == NULL)
		return true;
	sp_peer_free(px->channel); /* which ends every process there is */
	px->channel = NULL;
	return sp_shell_files_are_over(px);
}

/* Whether any rule for this person here says what programs may reach, or which files go on record. */
static int
needs_find(struct sp_shell_proxy *px, const struct sp_policy_connection *c, char *message, size_t cap)
{
	struct sp_decide_scope *scope = NULL;
	int r = sp_decide_scope_new(sp_session_policy(px->session), sp_session_subject(px->session), c, &scope);

	if (r == 0) {
		px->is_network = sp_decide_has_network(scope);
		px->has_files = sp_decide_has_record_files(scope);
	} else {
		(void)snprintf(message, cap, "it cannot be decided what %s may reach.", c->name);
	}
	sp_decide_scope_free(scope);
	return r;
}

static int
on_start(struct sp_session *s, const struct sp_policy_connection *c, const char *const argv[], void **ret_ctx)
{
	struct sp_shell_proxy *px = calloc(1, sizeof(*px));
	struct sp_shell_words words;
	char message[512];
	int r;

	if (px == NULL)
		return SP_ERR_NOMEM;
	px->session = s;
	TAILQ_INIT(&px->asks);
	(void)snprintf(px->name, sizeof(px->name), "%s", c->name);
	*ret_ctx = px;
	r = sp_shell_words(c, argv, &words, message, sizeof(message));
	px->is_interactive = r == 0 && words.is_interactive;
	if (r == 0)
		r = needs_find(px, c, message, sizeof(message));
	if (r == 0)
		r = sp_shell_account(px, c, &words, message, sizeof(message));
	if (r != 0) {
		sp_session_say(s, "sallyport: %s", message);
		sp_session_exit(s, 1);
	} else if (run(px, c, &words) != 0) {
		sp_session_say(s, "sallyport: %s could not be started", c->name);
		sp_session_exit(s, 1);
	}
	sp_shell_words_clear(&words);
	return 0;
}

static void
on_record_ready(void *ctx)
{
	sp_shell_files_ready(ctx);
	sp_shell_record_ready(ctx);
}

static void
on_policy_changed(void *ctx)
{
	struct sp_shell_proxy *px = ctx;

	sp_decide_scope_free(px->scope);
	px->scope = NULL;
}

static void
on_paused(void *ctx, bool is_paused)
{
	struct sp_shell_proxy *px = ctx;

	px->is_paused = is_paused;
	if (!is_paused)
		sp_shell_record_ready(px);
}

static bool
on_is_busy(const void *ctx)
{
	const struct sp_shell_proxy *px = ctx;

	return px->nasks != 0;
}

static const char *const shell_tools[] = { "shell", NULL };
static const char *const command_tools[] = { "run", NULL };

const struct sp_kind sp_shell_kind = {
	.name = "shell",
	.tools = shell_tools,
	.start = on_start,
	.record_ready = on_record_ready,
	.policy_changed = on_policy_changed,
	.drain = on_drain,
	.end = on_end,
	.is_busy = on_is_busy,
	.paused = on_paused,
	.is_nameless = true,
};

const struct sp_kind sp_command_kind = {
	.name = "command",
	.tools = command_tools,
	.start = on_start,
	.record_ready = on_record_ready,
	.policy_changed = on_policy_changed,
	.drain = on_drain,
	.end = on_end,
	.is_busy = on_is_busy,
	.paused = on_paused,
};
