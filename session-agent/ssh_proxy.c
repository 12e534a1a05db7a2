/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ssh_proxy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "policy/network.h"
#include "recorder/event.h"
#include "session-agent/ssh_kind.h"

static void proxy_go(struct sp_ssh_proxy *px);

/* --- life ---------------------------------------------------------------------------------------------- */

static void
proxy_free(struct sp_ssh_proxy *px)
{
	sp_ssh_transport_end(px);
	free(px->command);
	free(px);
}

void
sp_ssh_proxy_unpin(struct sp_ssh_proxy *px)
{
	if (--px->pins == 0 && px->is_ended)
		proxy_free(px);
}

void
sp_ssh_proxy_drop(struct sp_ssh_proxy *px)
{
	px->pins--;
}

const struct sp_policy_connection *
sp_ssh_proxy_connection(const struct sp_ssh_proxy *px)
{
	const struct sp_policy_image *image = sp_session_policy(px->session);
	const struct sp_policy_connection *c = image != NULL ? sp_policy_image_find(image, px->name) : NULL;

	return c != NULL && c->kind == SP_POLICY_KIND_SSH ? c : NULL;
}

void
sp_ssh_proxy_fail(struct sp_ssh_proxy *px, int status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (px->is_ended || px->stage == SP_SSH_PROXY_ENDED)
		return;
	px->stage = SP_SSH_PROXY_ENDED;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (px->carrier != NULL && px->carrier->failed != NULL) {
		px->carrier->failed(px->carrier_ctx, text);
		return;
	}
	sp_session_say(px->session, "sallyport: %s: %s", px->name, text);
	sp_session_exit(px->session, status);
}

/* --- the verdict --------------------------------------------------------------------------------------- */

static void
proxy_refuse(struct sp_ssh_proxy *px, const char *decision, const char *message)
{
	const char *text = message[0] != '\0' ? message : "refused by policy";

	if (sp_ssh_verdict_record(px, decision, text) != 0)
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_REFUSED, "refused, and that could not be recorded");
	else
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_REFUSED, "%s", text);
}

static void
on_durable(int err, void *ctx)
{
	struct sp_ssh_proxy *px = ctx;

	if (!px->is_ended && px->stage == SP_SSH_PROXY_DURABLE) {
		if (err == 0)
			sp_ssh_transport_start(px);
		else
			sp_ssh_proxy_fail(px, SP_SSH_PROXY_REFUSED, "this cannot be recorded now, so it does not run");
	}
	sp_ssh_proxy_unpin(px);
}

/* On record first, then as durable as the connection asks, then it runs. */
static void
proxy_go(struct sp_ssh_proxy *px)
{
	const struct sp_policy_connection *c = sp_ssh_proxy_connection(px);
	int r;

	if (c == NULL) {
		proxy_refuse(px, "refuse", "this connection is not yours any more");
		return;
	}
	r = sp_ssh_verdict_record(px, px->is_granted ? "approved" : "allow", NULL);
	if (r == SP_ERR_AGAIN)
		return; /* on_record_ready comes back here */
	if (r != 0) {
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_REFUSED, "this cannot be recorded now, so it does not run: %s",
		    sp_session_fault(px->session) != NULL ? sp_session_fault(px->session) : "try again shortly");
		return;
	}
	px->stage = SP_SSH_PROXY_DURABLE;
	px->began_ms = sp_ipc_now_ms();
	px->pins++;
	if (sp_session_durable(px->session, c, on_durable, px) != 0) {
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_REFUSED, "this cannot be recorded now, so it does not run");
		sp_ssh_proxy_drop(px);
	}
}

static void
approval_show(struct sp_ssh_proxy *px, const struct sp_approval_news *news)
{
	long left = (long)((int64_t)news->expires - (int64_t)time(NULL));

	sp_session_say(px->session,
	    "sallyport: waiting for approval %s; %s may approve: ssh bastion approve %s; expires in %ld %s; Ctrl-C cancels%s",
	    news->id, news->who[0] != '\0' ? news->who : "an approver", news->id, left >= 120 ? left / 60 : left,
	    left >= 120 ? "min" : "s", sp_session_has_tty(px->session) ? "" : "; it will run without input");
}

/* It ran into its end: granted for what policy is now, or not. */
static void
approval_end(struct sp_ssh_proxy *px, const struct sp_approval_news *news, const char *word)
{
	uint8_t digest[32];
	char text[512];

	if (news->state != SP_APPROVAL_GRANTED) {
		(void)snprintf(text, sizeof(text), "approval %s was %s%s%s%s%s", px->request_id, word,
		    news->who[0] != '\0' && news->state == SP_APPROVAL_DENIED ? " by " : "",
		    news->state == SP_APPROVAL_DENIED ? news->who : "", news->reason[0] != '\0' ? ": " : "", news->reason);
		proxy_refuse(px, news->state == SP_APPROVAL_DENIED ? "denied" : word, text);
		return;
	}
	sp_ssh_verdict_decide(px, &px->decision);
	if (px->decision.effect == SP_POLICY_DENY || px->decision.rule == NULL ||
	    sp_ssh_verdict_digest(px, &px->decision, digest) != 0 || memcmp(digest, px->digest, sizeof(digest)) != 0) {
		proxy_refuse(px, "refuse", "the policy changed while this waited; it needs a new approval");
		return;
	}
	px->is_granted = true;
	px->granted_version = px->decision.policy_version;
	px->stage = SP_SSH_PROXY_NEW;
	proxy_go(px);
}

static void
on_approval(const struct sp_approval_news *news, void *ctx)
{
	static const char *const words[] = { [SP_APPROVAL_GRANTED] = "approved", [SP_APPROVAL_DENIED] = "denied",
		[SP_APPROVAL_EXPIRED] = "expired", [SP_APPROVAL_CANCELLED] = "cancelled", [SP_APPROVAL_FAILED] = "failed" };
	struct sp_ssh_proxy *px = ctx;

	if (news->state == SP_APPROVAL_PENDING) {
		(void)snprintf(px->request_id, sizeof(px->request_id), "%s", news->id);
		if (!px->is_ended && px->stage == SP_SSH_PROXY_APPROVAL) {
			sp_ssh_verdict_note(px, news, NULL);
			approval_show(px, news);
		}
		return;
	}
	px->approval = NULL;
	if (!px->is_ended && px->stage == SP_SSH_PROXY_APPROVAL) {
		sp_ssh_verdict_note(px, news, words[news->state]);
		approval_end(px, news, words[news->state]);
	}
	sp_ssh_proxy_unpin(px);
}

static void
proxy_hold(struct sp_ssh_proxy *px)
{
	int r;

	if (sp_ssh_verdict_digest(px, &px->decision, px->digest) != 0) {
		proxy_refuse(px, "refuse", "approval is needed and can't be asked for");
		return;
	}
	r = sp_ssh_verdict_record(px, "approve", NULL);
	if (r == SP_ERR_AGAIN)
		return; /* on_record_ready comes back here */
	if (r != 0) {
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_REFUSED, "this cannot be recorded now, so it does not run");
		return;
	}
	px->stage = SP_SSH_PROXY_APPROVAL;
	px->pins++;
	r = sp_ssh_verdict_ask(px, on_approval);
	if (r != 0) {
		px->approval = NULL;
		proxy_refuse(px, "refuse",
		    r == SP_ERR_LIMIT ? "approval is needed, and this is longer than what an approver is shown" :
					"approval is needed and could not be asked for: try again shortly");
		sp_ssh_proxy_drop(px);
	}
}

/* As decided at the start. */
static void
proxy_act(struct sp_ssh_proxy *px)
{
	if (px->is_granted || px->decision.effect == SP_POLICY_ALLOW)
		proxy_go(px);
	else if (px->decision.effect == SP_POLICY_APPROVE && px->decision.rule != NULL)
		proxy_hold(px);
	else
		proxy_refuse(px, px->decision.is_refusal ? "refuse" : "deny", px->decision.message);
}

/* --- the kind -------------------------------------------------------------------------------------------- */

static struct sp_ssh_proxy *
proxy_new(struct sp_session *s, const struct sp_policy_connection *c, const char *command)
{
	struct sp_ssh_proxy *px = calloc(1, sizeof(*px));

	if (px == NULL)
		return NULL;
	px->session = s;
	px->tcp = px->agent_listener = px->agent_fd = -1;
	px->jump.near = px->jump.far = px->jump.nowhere = -1;
	px->command = command != NULL ? strdup(command) : NULL;
	if (command != NULL && px->command == NULL) {
		free(px);
		return NULL;
	}
	(void)snprintf(px->name, sizeof(px->name), "%s", c->name);
	(void)snprintf(px->user, sizeof(px->user), "%s", c->login_user);
	return px;
}

int
sp_ssh_proxy_carry(struct sp_session *s, const struct sp_policy_connection *c, const char *command, uint64_t seq,
    const struct sp_ssh_carrier *carrier, void *ctx, struct sp_ssh_proxy **ret_px)
{
	struct sp_ssh_proxy *px = proxy_new(s, c, command);

	if (px == NULL)
		return SP_ERR_NOMEM;
	px->carrier = carrier;
	px->carrier_ctx = ctx;
	px->seq = seq;
	px->began_ms = sp_ipc_now_ms();
	*ret_px = px;
	return 0;
}

static void
proxy_decide(struct sp_ssh_proxy *px)
{
	px->seq = sp_session_next_seq(px->session);
	sp_ssh_verdict_decide(px, &px->decision);
	if (px->decision.rule != NULL)
		(void)snprintf(px->rule, sizeof(px->rule), "%s", sp_policy_rule_name(px->decision.rule));
	px->pins++;
	proxy_act(px);
	sp_ssh_proxy_unpin(px);
}

int
sp_ssh_proxy_port(struct sp_session *s, const struct sp_policy_connection *c, uint16_t port,
    const struct sp_ssh_carrier *carrier, void *ctx, struct sp_ssh_proxy **ret_px)
{
	struct sp_decide_network to = SP_NETWORK_LOOPBACK(port);
	char text[SP_NETWORK_TEXT_MAX];
	struct sp_ssh_proxy *px;

	sp_network_text(&to, text);
	px = proxy_new(s, c, text);
	if (px == NULL)
		return SP_ERR_NOMEM;
	px->port = port;
	px->carrier = carrier;
	px->carrier_ctx = ctx;
	*ret_px = px;
	proxy_decide(px);
	return 0;
}

static int
on_start(struct sp_session *s, const struct sp_policy_connection *c, const char *const argv[], void **ret_ctx)
{
	struct sp_ssh_proxy *px = proxy_new(s, c, argv[2]);

	if (px == NULL)
		return SP_ERR_NOMEM;
	*ret_ctx = px;
	proxy_decide(px);
	return 0;
}

void
sp_ssh_proxy_record_ready(struct sp_ssh_proxy *px)
{
	px->pins++;
	if (px->stage == SP_SSH_PROXY_NEW && !px->is_ended)
		proxy_act(px);
	sp_line_gate_record_ready(px->gate);
	sp_ssh_proxy_unpin(px);
}

/* What runs or is about to must still be allowed by the policy that is in force from now on. */
void
sp_ssh_proxy_policy_changed(struct sp_ssh_proxy *px)
{
	struct sp_decision d;

	px->decision.rule = NULL; /* of an image that is gone */
	sp_line_gate_policy_changed(px->gate);
	if (px->is_ended || px->stage == SP_SSH_PROXY_ENDED || px->stage == SP_SSH_PROXY_APPROVAL)
		return; /* an approval is for its own version only, and looks for itself */
	sp_ssh_verdict_decide(px, &d);
	if (px->stage == SP_SSH_PROXY_NEW) {
		if (px->is_granted && d.policy_version != px->granted_version)
			proxy_refuse(px, "refuse", "the policy changed while this waited; it needs a new approval");
		else
			px->decision = d;
		return;
	}
	if (d.effect == SP_POLICY_ALLOW || (d.effect == SP_POLICY_APPROVE && px->is_granted))
		return;
	sp_ssh_proxy_fail(px, SP_SSH_PROXY_STOPPED, "the policy has changed, and this is not allowed any more");
}

static void
on_record_ready(void *ctx)
{
	sp_ssh_proxy_record_ready(ctx);
}

static void
on_policy(void *ctx)
{
	sp_ssh_proxy_policy_changed(ctx);
}

void
sp_ssh_proxy_end(struct sp_ssh_proxy *px)
{
	if (px == NULL)
		return;
	px->is_ended = true;
	px->pins++;
	sp_line_gate_end(px->gate);
	px->gate = NULL;
	sp_ssh_transport_end(px);
	if (px->approval != NULL)
		sp_approval_cancel(px->approval);
	sp_ssh_proxy_unpin(px);
}

static void
on_end(void *ctx)
{
	sp_ssh_proxy_end(ctx);
}

static bool
on_is_busy(const void *ctx)
{
	const struct sp_ssh_proxy *px = ctx;

	/* A shell is busy only while somebody types; a command as long as it runs. */
	return px->stage != SP_SSH_PROXY_RUNNING || px->command != NULL;
}

static const char *const tools[] = { "ssh", NULL };

const struct sp_kind sp_ssh_kind = {
	.name = "ssh",
	.tools = tools,
	.takes_line = true,
	.start = on_start,
	.record_ready = on_record_ready,
	.policy_changed = on_policy,
	.end = on_end,
	.is_busy = on_is_busy,
};
