/* SPDX-License-Identifier: Apache-2.0 */
/* The connection, the client and its agent: what carries an allowed command to its target. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_monitor.h"
#include "lib/ipc_transport.h"
#include "recorder/event.h"
#include "runtime/log.h"
#include "runtime/peer.h"
#include "session-agent/ssh_proxy.h"

#define TRANSPORT_LINE_MAX 1024

/* --- record ------------------------------------------------------------------------------------------------ */

static int
transport_note(struct sp_ssh_proxy *px, const char *status, const char *reason)
{
	struct sp_buf *e = sp_session_event(px->session);
	char address[300];

	(void)snprintf(address, sizeof(address), "%s:%s", px->target.host, px->target.port);
	sp_event_begin(e, SP_EVENT_TARGET, sp_event_now());
	sp_event_put_cstring(e, SP_FIELD_CONNECTION, px->name);
	sp_event_put_cstring(e, SP_FIELD_ADDRESS, address);
	sp_event_put_cstring(e, SP_FIELD_STATUS, status);
	sp_event_put_cstring(e, SP_FIELD_REASON, reason);
	return sp_session_record_late(px->session);
}

int
sp_ssh_transport_note(struct sp_ssh_proxy *px, const char *what)
{
	struct sp_buf *e = sp_session_event(px->session);
	char text[512];

	(void)snprintf(text, sizeof(text), "%s: %s", px->name, what);
	sp_event_begin(e, SP_EVENT_NOTE, sp_event_now());
	sp_event_put_cstring(e, SP_FIELD_TEXT, text);
	return sp_session_record_late(px->session);
}

static int
transport_say_record(struct sp_ssh_proxy *px, const char *fmt, const char *what)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "agent: %.256s %.128s", fmt, what);
	return sp_ssh_transport_note(px, text);
}

void
sp_ssh_transport_fail(struct sp_ssh_proxy *px, const char *text)
{
	if (transport_note(px, "failed", text) != 0)
		sp_log_warn("a failed connection is not on record");
	sp_ssh_proxy_fail(px, SP_SSH_PROXY_FAILED, "%s", text);
}

/* --- the agent ------------------------------------------------------------------------------------------------ */

static void
agent_close(struct sp_ssh_proxy *px)
{
	if (px->agent_read != NULL)
		event_free(px->agent_read);
	px->agent_read = NULL;
	if (px->agent_fd >= 0)
		(void)close(px->agent_fd);
	px->agent_fd = -1;
}

/* All requests that are there. What is signed or refused is on record before the answer goes out. */
static int
agent_serve(struct sp_ssh_proxy *px)
{
	struct sp_ssh_agent_news news;
	int r = 0;

	while (r == 0) {
		r = sp_ssh_agent_handle(px->agent, px->agent_in, px->agent_out, (int64_t)time(NULL), &news);
		if (r != 0)
			break;
		if (news.outcome == SP_SSH_AGENT_REFUSED)
			r = transport_say_record(px, "refused", news.text);
		else if (news.outcome == SP_SSH_AGENT_SIGNED)
			r = transport_say_record(px, news.text, px->user);
		px->is_signed = px->is_signed || news.outcome == SP_SSH_AGENT_SIGNED;
	}
	if (r != SP_ERR_AGAIN)
		return r;
	/* An answer is shorter than what a socket takes at once. */
	if (sp_buf_len(px->agent_out) > 0 && send(px->agent_fd, sp_buf_data(px->agent_out), sp_buf_len(px->agent_out),
					       MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sp_buf_len(px->agent_out))
		return SP_ERR_SYSTEM;
	sp_buf_reset(px->agent_out);
	return 0;
}

static void
on_agent_read(evutil_socket_t fd, short what, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;
	uint8_t chunk[4096];
	ssize_t n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || sp_buf_put(px->agent_in, chunk, (size_t)n) != 0 || agent_serve(px) != 0)
		agent_close(px);
}

/* One connection: OpenSSH's client makes one, and anybody else would be a second. */
static void
on_agent_accept(evutil_socket_t listener, short what, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (fd < 0)
		return;
	if (px->agent_in != NULL) {
		(void)close(fd);
		if (transport_say_record(px, "refused", "a second client") != 0)
			sp_ssh_proxy_fail(px, SP_SSH_PROXY_STOPPED, "this session cannot be recorded");
		return;
	}
	px->agent_fd = fd;
	px->agent_in = sp_buf_new(SP_SSH_AGENT_FRAME_ROOM);
	px->agent_out = sp_buf_new(SP_SSH_AGENT_FRAME_ROOM);
	px->agent_read = event_new(sp_session_base(px->session), fd, EV_READ | EV_PERSIST, on_agent_read, px);
	if (px->agent_in == NULL || px->agent_out == NULL || px->agent_read == NULL || event_add(px->agent_read, NULL) != 0)
		agent_close(px);
}

/* --- what the client says -------------------------------------------------------------------------------------- */

/* Once the client has said where, and sallyportd what the host is known by: either may be first. */
static int
transport_serve_agent(struct sp_ssh_proxy *px)
{
	if (px->agent_accept == NULL || px->stage != SP_SSH_PROXY_RUNNING)
		return 0;
	return event_add(px->agent_accept, NULL) != 0 ? SP_ERR_NOMEM : 0;
}

static int
on_ready(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;

	(void)p;
	(void)body;
	if (px->agent_listener >= 0 || msg->nfds != 1)
		return SP_ERR_PROTOCOL;
	px->agent_listener = msg->fds[0];
	msg->fds[0] = -1;
	if (evutil_make_socket_nonblocking(px->agent_listener) != 0)
		return SP_ERR_SYSTEM;
	px->agent_accept =
	    event_new(sp_session_base(px->session), px->agent_listener, EV_READ | EV_PERSIST, on_agent_accept, px);
	return px->agent_accept == NULL || transport_serve_agent(px) != 0 ? SP_ERR_NOMEM : 0;
}

/* The first that is understood counts: what follows is its consequence. */
static int
on_log(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	static const struct {
		const char *words;
		enum sp_ssh_proxy_failure failure;
	} known[] = {
		{ "REMOTE HOST IDENTIFICATION HAS CHANGED", SP_SSH_PROXY_HOST_KEY },
		{ "host key is known for", SP_SSH_PROXY_HOST_KEY },
		{ "Host key verification failed", SP_SSH_PROXY_HOST_KEY },
		{ "REVOKED HOST KEY", SP_SSH_PROXY_HOST_KEY },
		{ "Permission denied (", SP_SSH_PROXY_LOGIN },
		{ "Too many authentication failures", SP_SSH_PROXY_LOGIN },
		{ "no matching", SP_SSH_PROXY_NO_ALGORITHM },
		{ "open failed", SP_SSH_PROXY_NO_CHANNEL },
		{ "stdio forwarding failed", SP_SSH_PROXY_NO_CHANNEL },
		{ "Connection closed", SP_SSH_PROXY_LOST },
		{ "Connection reset", SP_SSH_PROXY_LOST },
		{ "closed by remote host", SP_SSH_PROXY_LOST },
		{ "timed out", SP_SSH_PROXY_LOST },
		{ "not responding", SP_SSH_PROXY_LOST },
		{ "Broken pipe", SP_SSH_PROXY_LOST },
		{ "disconnect from", SP_SSH_PROXY_LOST },
	};
	struct sp_ssh_proxy *px = ctx;
	char *line = NULL;
	size_t i;
	int r = sp_buf_get_cstring(body, TRANSPORT_LINE_MAX, &line);

	(void)p;
	(void)msg;
	for (i = 0; r == 0 && px->failure == SP_SSH_PROXY_NO_FAILURE && i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(line, known[i].words) != NULL)
			px->failure = known[i].failure;
	if (r == 0)
		sp_log_debug("ssh: %s", line);
	free(line);
	return r == SP_ERR_FORMAT ? 0 : r;
}

static int
on_ask(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;
	char *prompt = NULL;
	int r = sp_buf_get_cstring(body, TRANSPORT_LINE_MAX, &prompt);

	(void)p;
	if (r == 0 && msg->nfds != 2)
		r = SP_ERR_PROTOCOL;
	if (r == 0)
		sp_ssh_password_answer(px, prompt, msg->fds[0], msg->fds[1]);
	free(prompt);
	return r;
}

static int
on_host_key(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_view base64;
	int r = sp_buf_get_view(body, SP_SSH_HOSTKEY_LINE_MAX, &base64);

	(void)p;
	if (r == 0 && msg->nfds != 2)
		r = SP_ERR_PROTOCOL;
	return r == 0 ? sp_ssh_hostkey_answer(ctx, base64, msg->fds[0], msg->fds[1]) : r;
}

static const char *
transport_reason(const struct sp_ssh_proxy *px)
{
	switch (px->failure) {
	case SP_SSH_PROXY_HOST_KEY:
		return "the host's key is not the one that policy names, so nothing was sent to it: call an administrator";
	case SP_SSH_PROXY_LOGIN:
		return "the host does not take the login that policy names: call an administrator";
	case SP_SSH_PROXY_NO_ALGORITHM:
		return "the host and this bastion have no algorithm in common: call an administrator";
	case SP_SSH_PROXY_NO_CHANNEL:
		if (px->port != 0)
			return "nothing listens at that port of the host, or it does not let connections through";
		return px->behind == NULL ? "the host gives no session: call an administrator" :
					    "the next host cannot be reached from it, or it does not let connections through";
	case SP_SSH_PROXY_LOST:
		return "the host has closed the connection";
	case SP_SSH_PROXY_NO_FAILURE:
		break;
	}
	return px->is_signed ? NULL : "the connection to the host failed before the login";
}

static bool
transport_is_subsystem(const struct sp_ssh_proxy *px)
{
	return px->carrier != NULL && px->carrier->is_subsystem;
}

static uint8_t
transport_what(const struct sp_ssh_proxy *px)
{
	if (px->port != 0)
		return SP_IPC_MONITOR_SSH_PORT;
	if (transport_is_subsystem(px))
		return SP_IPC_MONITOR_SSH_SUBSYSTEM;
	return px->command != NULL ? SP_IPC_MONITOR_SSH_COMMAND : SP_IPC_MONITOR_SSH_SHELL;
}

static int
transport_result(struct sp_ssh_proxy *px, bool is_signaled, int value)
{
	struct sp_buf *e = sp_session_event(px->session);
	char status[32];

	(void)snprintf(status, sizeof(status), "%s %d", is_signaled ? "signal" : "exit", value);
	sp_event_begin(e, SP_EVENT_RESULT, sp_event_now());
	sp_event_put_u64(e, SP_FIELD_SEQ, px->seq);
	sp_event_put_cstring(e, SP_FIELD_STATUS, status);
	sp_event_put_u64(e, SP_FIELD_DURATION_NS, (uint64_t)(sp_ipc_now_ms() - px->began_ms) * 1000000U);
	return sp_session_record_late(px->session);
}

/* The client is gone. 255 is its own failure, or a command's status. */
static void
transport_over(struct sp_ssh_proxy *px, bool is_signaled, int value)
{
	const char *reason = value == SP_SSH_PROXY_FAILED || is_signaled ? transport_reason(px) : NULL;

	if (px->stage != SP_SSH_PROXY_RUNNING && px->stage != SP_SSH_PROXY_STARTING)
		return;
	px->stage = SP_SSH_PROXY_ENDED;
	if (px->behind == NULL && !transport_is_subsystem(px) && transport_result(px, is_signaled, value) != 0)
		sp_log_warn("the end of a command is not on record");
	if (reason != NULL && transport_note(px, "failed", reason) != 0)
		sp_log_warn("a failed connection is not on record");
	if (reason != NULL && px->carrier != NULL && px->carrier->failed != NULL) {
		px->carrier->failed(px->carrier_ctx, reason);
		return;
	}
	if (reason != NULL) {
		sp_session_say(px->session, "sallyport: %s: %s", px->name, reason);
	}
	value = is_signaled ? SP_SSH_PROXY_FAILED : value;
	if (px->carrier != NULL)
		px->carrier->over(px->carrier_ctx, value);
	else
		sp_session_relay_ended(px->session, false, value);
}

static int
on_exit_status(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	uint8_t is_signaled;
	uint32_t value;
	int r = sp_buf_get_u8(body, &is_signaled);

	(void)p;
	(void)msg;
	if (r == 0)
		r = sp_buf_get_u32(body, &value);
	if (r == 0 && (is_signaled > 1 || value > 255))
		r = SP_ERR_PROTOCOL;
	if (r == 0)
		transport_over(ctx, is_signaled == 1, (int)value);
	return r;
}

static void
on_transport_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;

	(void)err;
	sp_peer_free(p);
	px->transport = NULL;
	if (!px->is_ended && px->stage < SP_SSH_PROXY_ENDED)
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_STOPPED, "the program that carried this connection has died");
}

static const struct sp_peer_request transport_requests[] = {
	{ SP_IPC_TRANSPORT_READY, 1, 0, 1, on_ready, "READY" },
	{ SP_IPC_TRANSPORT_LOG, 1, TRANSPORT_LINE_MAX + 4, 0, on_log, "LOG" },
	{ SP_IPC_TRANSPORT_EXIT, 1, 5, 0, on_exit_status, "EXIT" },
	{ SP_IPC_TRANSPORT_ASK, 1, TRANSPORT_LINE_MAX + 4, 2, on_ask, "ASK" },
	{ SP_IPC_TRANSPORT_HOST_KEY, 1, SP_SSH_HOSTKEY_LINE_MAX + 4, 2, on_host_key, "HOST_KEY" },
	{ 0 },
};
static const struct sp_peer_ops transport_ops = { transport_requests, on_transport_close, "transport" };

/* --- starting -------------------------------------------------------------------------------------------------- */

static void
transport_run(struct sp_ssh_proxy *px, const char *known)
{
	const struct sp_policy_connection *c = sp_ssh_proxy_connection(px);

	if (c == NULL || sp_ssh_login_known(px, c, known) != 0) {
		sp_ssh_transport_fail(px, "the connection's host keys cannot be used: call an administrator");
		return;
	}
	px->stage = SP_SSH_PROXY_RUNNING;
	if (transport_serve_agent(px) != 0)
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_STOPPED, "no memory");
	else if (px->carrier != NULL)
		px->carrier->given(px->carrier_ctx);
	else if (sp_session_relay_start(px->session) != 0)
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_STOPPED, "the terminal cannot be served");
}

static void
on_started(int err, const char *message, const char *known, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;

	if (!px->is_ended && px->stage == SP_SSH_PROXY_STARTING) {
		if (err != 0)
			sp_ssh_transport_fail(px, message);
		else
			transport_run(px, known);
	}
	sp_ssh_proxy_unpin(px);
}

/* With no terminal an approved command gets no input: nobody has approved that. */
static int
transport_stdin(const struct sp_ssh_proxy *px, int fds[SP_SESSION_SSH_FDS])
{
	if (!px->is_granted || px->carrier != NULL || sp_session_has_tty(px->session))
		return 0;
	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fds[0] < 0 ? SP_ERR_SYSTEM : 0;
}

static int
transport_launch(struct sp_ssh_proxy *px, const struct sp_policy_connection *c)
{
	int fds[SP_SESSION_SSH_FDS], sv[2] = { -1, -1 }, given, r;
	char port[8];

	r = px->carrier != NULL ? px->carrier->open(px->carrier_ctx, fds) :
				  sp_line_gate_new(px->session, px->name, px->user, px->command == NULL, &px->gate);
	if (r == 0 && px->carrier == NULL)
		r = sp_session_relay_open(px->session, c, c->records_input ? SP_RELAY_RECORD_INPUT : 0, &sp_line_gate_hooks, px->gate,
		    fds);
	if (r != 0)
		return r;
	given = fds[0];
	if (transport_stdin(px, fds) != 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) != 0) {
		r = SP_ERR_SYSTEM;
		goto out;
	}
	r = sp_peer_new(sp_session_base(px->session), sv[0], &transport_ops, px, &px->transport);
	if (r != 0)
		goto out;
	sv[0] = -1;
	fds[3] = sv[1];
	fds[4] = px->tcp;
	px->stage = SP_SSH_PROXY_STARTING;
	px->pins++;
	(void)snprintf(port, sizeof(port), "%u", (unsigned)px->port);
	r = sp_session_ssh(px->session, px->name, sp_ssh_transport_target(px), transport_what(px),
	    px->port != 0 ? port : px->command, fds, on_started, px);
	if (r != 0)
		sp_ssh_proxy_drop(px);
out:
	if (sv[0] >= 0)
		(void)close(sv[0]);
	if (sv[1] >= 0)
		(void)close(sv[1]);
	if (fds[0] != given && fds[0] >= 0)
		(void)close(fds[0]);
	(void)close(px->tcp);
	px->tcp = -1;
	return r;
}

static void
on_dialed(int err, const char *reason, struct sp_stream *stream, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;
	char text[512];
	int fd = -1;

	px->dial = NULL;
	if (err == 0) {
		fd = fcntl(sp_stream_fd(stream), F_DUPFD_CLOEXEC, 3);
		sp_stream_free(stream);
	}
	if (err == 0 && fd >= 0) {
		sp_ssh_transport_connected(px, fd, NULL);
		return;
	}
	(void)snprintf(text, sizeof(text), "the host cannot be reached: %s", err != 0 ? reason : "no descriptors");
	sp_ssh_transport_fail(px, text);
}

const char *
sp_ssh_transport_target(const struct sp_ssh_proxy *px)
{
	while (px->behind != NULL)
		px = px->behind;
	return px->name;
}

void
sp_ssh_transport_connected(struct sp_ssh_proxy *px, int fd, const char *through)
{
	const struct sp_policy_connection *c = sp_ssh_proxy_connection(px);
	char text[SP_POLICY_NAME_MAX + 16];

	px->tcp = fd;
	px->is_connected = true;
	(void)snprintf(text, sizeof(text), "through %s", through != NULL ? through : "");
	px->pins++;
	if (transport_note(px, "connected", through != NULL ? text : NULL) != 0)
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_REFUSED, "this cannot be recorded now, so it does not run");
	else if (c == NULL || transport_launch(px, c) != 0)
		sp_ssh_transport_fail(px, "the connection could not be started: try again shortly");
	sp_ssh_proxy_unpin(px);
}

static void
transport_dial(struct sp_ssh_proxy *px, const struct sp_policy_connection *c)
{
	char address[320];

	(void)snprintf(address, sizeof(address), strchr(c->host, ':') != NULL ? "[%s]:%u" : "%s:%u", c->host, c->port);
	px->stage = SP_SSH_PROXY_DIAL;
	if (c->jump[0] != '\0') {
		(void)snprintf(px->target.host, sizeof(px->target.host), "%s", c->host);
		(void)snprintf(px->target.port, sizeof(px->target.port), "%u", (unsigned)c->port);
		if (sp_ssh_jump_start(px, c) != 0)
			sp_ssh_transport_fail(px, "the way through its jump host cannot be taken: try again shortly");
		return;
	}
	if (sp_postgres_target_resolve(&px->target, address) != 0)
		sp_ssh_transport_fail(px, "the host's address cannot be resolved");
	else if (sp_postgres_dial_start(sp_session_base(px->session), &px->target, on_dialed, px, &px->dial) != 0)
		sp_ssh_transport_fail(px, "the host cannot be reached: no memory");
}

/* --- the credential --------------------------------------------------------------------------------------------------- */

static void
on_credential(int err, const char *message, const char *user, struct sp_secret *secret, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;
	const struct sp_policy_connection *c = sp_ssh_proxy_connection(px);
	char why[SP_SSH_DNS_WHY_MAX] = "";
	int r = 0;

	if (!px->is_ended && px->stage == SP_SSH_PROXY_CREDENTIAL) {
		if (err == 0 && c != NULL && strcmp(user, px->user) == 0)
			r = sp_ssh_login_agent(px, c, secret);
		if (r == 0 && err == 0 && c != NULL && c->login == SP_POLICY_LOGIN_PASSWORD) {
			r = sp_ssh_password_is_good(secret) ? 0 : SP_ERR_INVALID;
			px->password = secret;
			secret = NULL;
		}
		if (r == 0 && err == 0 && c != NULL && px->agent != NULL)
			r = sp_ssh_hostkey_learn(px, c, why);
		if (err != 0)
			sp_ssh_transport_fail(px, message);
		else if (c == NULL || strcmp(user, px->user) != 0)
			sp_ssh_transport_fail(px, "the connection has just changed: try again");
		else if (r != 0 && why[0] != '\0')
			sp_ssh_transport_fail(px, why);
		else if (r == SP_ERR_UNSUPPORTED)
			sp_ssh_transport_fail(px, "the connection's key is encrypted or of a type that is not taken: call an administrator");
		else if (r != 0)
			sp_ssh_transport_fail(px, "the connection's key, password or host keys cannot be used: call an administrator");
		else
			transport_dial(px, c);
	}
	sp_secret_free(secret);
	sp_ssh_proxy_unpin(px);
}

void
sp_ssh_transport_start(struct sp_ssh_proxy *px)
{
	const struct sp_policy_connection *c = sp_ssh_proxy_connection(px);
	const char *problem = c == NULL ? "this connection is not yours any more" : sp_ssh_config_problem(c);

	px->stage = SP_SSH_PROXY_CREDENTIAL;
	if (problem != NULL) {
		sp_ssh_transport_fail(px, problem);
		return;
	}
	px->pins++;
	if (sp_session_hop_credential(px->session, px->name, sp_ssh_transport_target(px),
		transport_what(px) == SP_IPC_MONITOR_SSH_COMMAND ? px->command : "", on_credential, px) != 0) {
		sp_ssh_transport_fail(px, "the credential cannot be had now: try again shortly");
		sp_ssh_proxy_drop(px);
	}
}

void
sp_ssh_transport_end(struct sp_ssh_proxy *px)
{
	if (px->is_connected && px->session != NULL && transport_note(px, "closed", NULL) != 0)
		sp_log_warn("the end of a connection is not on record");
	px->is_connected = false;
	sp_ssh_jump_end(px);
	sp_postgres_dial_free(px->dial);
	px->dial = NULL;
	if (px->transport != NULL)
		sp_peer_free(px->transport); /* its other end sees that, and the client is killed */
	px->transport = NULL;
	agent_close(px);
	if (px->agent_accept != NULL)
		event_free(px->agent_accept);
	px->agent_accept = NULL;
	if (px->agent_listener >= 0)
		(void)close(px->agent_listener);
	if (px->tcp >= 0)
		(void)close(px->tcp);
	px->agent_listener = px->tcp = -1;
	sp_ssh_agent_free(px->agent);
	px->agent = NULL;
	sp_secret_free(px->password);
	px->password = NULL;
	sp_buf_free(px->agent_in);
	sp_buf_free(px->agent_out);
	px->agent_in = px->agent_out = NULL;
}
