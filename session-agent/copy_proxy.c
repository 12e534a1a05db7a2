/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/copy_proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/text.h"
#include "policy/image.h"
#include "recorder/event.h"
#include "runtime/log.h"
#include "session-agent/copy_kind.h"
#include "session-agent/sieve.h"
#include "session-agent/ssh_proxy.h"

#define COPY_COMMAND_MAX ((size_t)64 * 1024) /* bytes of the command for the host */
#define COPY_MASKED_MAX ((size_t)64 * 1024)

/* --- what is said --------------------------------------------------------------------------------------------- */

static int
copy_mask(const struct sp_copy *c, const char *text, struct sp_buf *out)
{
	const struct sp_policy_image *image = sp_session_policy(c->session);
	const struct sp_policy_connection *conn = image == NULL ? NULL : sp_policy_image_find(image, c->name);
	struct sp_sieve_stream *stream = NULL;
	struct sp_sieve *sieve = NULL;
	int r = conn == NULL ? SP_ERR_UNAVAILABLE : 0;

	if (r == 0)
		r = sp_sieve_new(image, sp_session_subject(c->session), conn, c->key, NULL, &sieve);
	if (r == 0)
		r = sp_sieve_stream_new(sieve, false, 0, &stream);
	if (r == 0)
		r = sp_sieve_stream_feed(stream, text, strlen(text), out);
	if (r == 0)
		r = sp_sieve_stream_finish(stream, out);
	sp_sieve_stream_free(stream);
	sp_sieve_free(sieve);
	return r;
}

void
sp_copy_said(struct sp_copy *c, bool is_host, const char *text, char out[SP_COPY_TEXT_MAX + 1])
{
	struct sp_buf *masked = sp_buf_new(COPY_MASKED_MAX), *plain = sp_buf_new(COPY_MASKED_MAX), *e;
	int r = masked == NULL || plain == NULL ? SP_ERR_NOMEM : copy_mask(c, text, masked);

	if (r == 0)
		r = sp_text_escape(plain, sp_buf_data(masked), sp_buf_len(masked), SP_COPY_TEXT_MAX);
	(void)snprintf(out, SP_COPY_TEXT_MAX + 1, "%.*s", r == 0 ? (int)sp_buf_len(plain) : 0,
	    r == 0 ? (const char *)sp_buf_data(plain) : "");
	if (r != 0)
		(void)snprintf(out, SP_COPY_TEXT_MAX + 1, "(what was said here cannot be shown)");
	sp_buf_free(masked);
	sp_buf_free(plain);
	e = sp_session_event(c->session);
	sp_event_begin(e, SP_EVENT_NOTE, sp_event_now());
	sp_event_put_cstring(e, SP_FIELD_CONNECTION, c->name);
	sp_event_put_cstring(e, SP_FIELD_WHO, is_host ? "host" : "person");
	sp_event_put_cstring(e, SP_FIELD_TEXT, out);
	if (sp_session_record_late(c->session) != 0)
		(void)snprintf(out, SP_COPY_TEXT_MAX + 1, "(what was said here cannot be recorded)");
}

void
sp_copy_finish(struct sp_copy *c, int status)
{
	if (c->is_done)
		return;
	c->is_done = true;
	sp_copy_pump_stop(&c->pump);
	sp_session_exit(c->session, status);
}

void
sp_copy_fail(struct sp_copy *c, int status, const char *text)
{
	if (c->is_done)
		return;
	sp_session_say(c->session, "sallyport: %s: %s", c->name, text);
	sp_copy_finish(c, status);
}

/* --- the host's end ---------------------------------------------------------------------------------------------- */

static int
on_carrier_open(void *ctx, int ret_fds[3])
{
	struct sp_copy *c = ctx;

	return sp_copy_pump_host(&c->pump, ret_fds);
}

/* As long as anything moves: what was written has made room for what was read. */
static void
copy_run(void *ctx)
{
	struct sp_copy *c = ctx;
	uint64_t bytes;

	do {
		if (c->is_done)
			break;
		bytes = c->pump.up.bytes + c->pump.down.bytes;
		if (c->words.is_rsync)
			sp_copy_rsync_run(c);
		else
			sp_copy_scp_run(c);
	} while (bytes != c->pump.up.bytes + c->pump.down.bytes);
	if (c->is_done)
		sp_copy_pump_stop(&c->pump);
}

void
sp_copy_run(struct sp_copy *c)
{
	copy_run(c);
}

static void
on_carrier_given(void *ctx)
{
	struct sp_copy *c = ctx;

	sp_copy_pump_given(&c->pump);
	copy_run(c);
}

static void
on_carrier_over(void *ctx, int status)
{
	struct sp_copy *c = ctx;

	sp_copy_pump_given(&c->pump);
	c->is_over = true;
	c->status = status;
	copy_run(c);
}

static const struct sp_ssh_carrier carrier = { on_carrier_open, on_carrier_given, on_carrier_over };

/* The command for the host's shell: the words that were read, with the host's own paths, and nothing else. */
static int
copy_command(const struct sp_copy *c, struct sp_buf *out)
{
	int r = c->words.is_rsync ? sp_rsync_request_write(&c->words.rsync, c->words.paths, c->words.n_paths, out) :
				    sp_scp_request_write(&c->words.scp, c->words.paths[0], out);

	return r == 0 ? sp_buf_put(out, "", 1) : r;
}

static int
copy_note(struct sp_copy *c, const char *command)
{
	struct sp_buf *e = sp_session_event(c->session);

	sp_event_begin(e, SP_EVENT_NOTE, sp_event_now());
	sp_event_put_cstring(e, SP_FIELD_CONNECTION, c->name);
	sp_event_put_cstring(e, SP_FIELD_COMMAND, command);
	sp_event_put_cstring(e, SP_FIELD_TEXT, "runs on the host");
	return sp_session_record_late(c->session);
}

void
sp_copy_start(struct sp_copy *c, uint64_t seq)
{
	const struct sp_policy_image *image = sp_session_policy(c->session);
	const struct sp_policy_connection *conn = image == NULL ? NULL : sp_policy_image_find(image, c->name);
	struct sp_buf *command = sp_buf_new(COPY_COMMAND_MAX);
	int r = command == NULL || conn == NULL ? SP_ERR_UNAVAILABLE : copy_command(c, command);

	c->is_started = true;
	if (r == 0)
		r = copy_note(c, (const char *)sp_buf_data(command));
	if (r == 0)
		r = sp_ssh_proxy_carry(c->session, conn, (const char *)sp_buf_data(command), seq, &carrier, c, &c->transport);
	sp_buf_free(command);
	if (r != 0)
		sp_copy_fail(c, SP_COPY_REFUSED, "this could not be started: try again shortly");
	else
		sp_ssh_transport_start(c->transport);
}

static void
on_line(void *ctx, const char *line)
{
	struct sp_copy *c = ctx;
	char text[SP_COPY_TEXT_MAX + 1];

	if (c->lines == SP_COPY_LINES_MAX)
		return;
	if (++c->lines == SP_COPY_LINES_MAX)
		line = "(more lines are not shown)";
	sp_copy_said(c, true, line, text);
	sp_session_say(c->session, "%s", text);
}

static const struct sp_copy_pump_ops pump_ops = { copy_run, on_line };

/* --- the kind ------------------------------------------------------------------------------------------------------ */

static const char *
on_names(size_t argc, const char *const argv[], char name[SP_POLICY_NAME_MAX + 1])
{
	struct sp_copy_words words;
	const char *problem = sp_copy_words_read(argc, argv, &words);

	memcpy(name, words.connection, sizeof(words.connection));
	return problem;
}

static void
on_end(void *ctx)
{
	struct sp_copy *c = ctx;

	c->is_done = true;
	if (c->words.is_rsync)
		sp_copy_rsync_end(c);
	else
		sp_copy_scp_end(c);
	sp_file_gate_free(c->gate);
	sp_ssh_proxy_end(c->transport);
	sp_copy_pump_close(&c->pump);
	for (size_t i = 0; i < c->argc; i++)
		free(c->argv[i]);
	free(c->argv);
	explicit_bzero(c->key, sizeof(c->key));
	free(c);
}

static int
copy_words(struct sp_copy *c, const char *const argv[])
{
	size_t n = 0;

	while (argv[n] != NULL)
		n++;
	c->argv = calloc(n + 1, sizeof(*c->argv));
	if (c->argv == NULL)
		return SP_ERR_NOMEM;
	for (; c->argc < n; c->argc++) {
		c->argv[c->argc] = strdup(argv[c->argc]);
		if (c->argv[c->argc] == NULL)
			return SP_ERR_NOMEM;
	}
	return sp_copy_words_read(n, (const char *const *)c->argv, &c->words) == NULL ? 0 : SP_ERR_INVALID;
}

static int
on_start(struct sp_session *s, const struct sp_policy_connection *conn, const char *const argv[], void **ret_ctx)
{
	struct sp_copy *c = calloc(1, sizeof(*c));
	int fds[3], r;

	if (c == NULL)
		return SP_ERR_NOMEM;
	c->session = s;
	(void)snprintf(c->name, sizeof(c->name), "%s", conn->name);
	sp_session_streams(s, fds);
	r = copy_words(c, argv);
	if (r == 0 && getrandom(c->key, sizeof(c->key), 0) != sizeof(c->key))
		r = SP_ERR_SYSTEM;
	if (r == 0)
		r = sp_file_gate_new(s, c->name, &c->gate);
	if (r == 0)
		r = sp_copy_pump_open(&c->pump, sp_session_base(s), fds[0], fds[1], &pump_ops, c);
	if (r != 0) {
		on_end(c);
		return r;
	}
	*ret_ctx = c;
	if (sp_session_has_tty(s))
		sp_copy_fail(c, SP_COPY_REFUSED, "copying needs no terminal: leave out -t");
	else if ((c->words.is_rsync ? sp_copy_rsync_begin(c) : sp_copy_scp_begin(c)) != 0)
		sp_copy_fail(c, SP_COPY_REFUSED, "this could not be started: try again shortly");
	return 0;
}

static void
on_record_ready(void *ctx)
{
	struct sp_copy *c = ctx;

	if (!c->is_done)
		sp_file_gate_record_ready(c->gate);
}

/* What is under way must still be allowed by the policy that is in force from now on. */
static void
on_policy(void *ctx)
{
	struct sp_copy *c = ctx;

	if (c->is_done)
		return;
	sp_file_gate_policy_changed(c->gate);
	if (c->transport != NULL && sp_ssh_proxy_connection(c->transport) == NULL)
		sp_copy_fail(c, SP_SSH_PROXY_STOPPED, "this connection is not yours any more");
	else if (!(c->words.is_rsync ? sp_copy_rsync_may(c) : sp_copy_scp_may(c)))
		sp_copy_fail(c, SP_SSH_PROXY_STOPPED, "the policy has changed, and this is not allowed any more");
}

static void
on_paused(void *ctx, bool is_paused)
{
	struct sp_copy *c = ctx;

	c->pump.is_paused = is_paused;
	copy_run(c);
}

static bool
on_is_busy(const void *ctx)
{
	(void)ctx;
	return true;
}

static const char *const tools[] = { "scp", "rsync", NULL };

const struct sp_kind sp_copy_kind = {
	.name = "ssh",
	.tools = tools,
	.names = on_names,
	.start = on_start,
	.record_ready = on_record_ready,
	.policy_changed = on_policy,
	.end = on_end,
	.paused = on_paused,
	.is_busy = on_is_busy,
};
