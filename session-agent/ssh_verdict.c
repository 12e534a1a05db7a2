/* SPDX-License-Identifier: Apache-2.0 */
/* May this run on the target? The line as a shell reads it, held against policy; approvals; the record of both. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/text.h"
#include "policy/network.h"
#include "policy/shell.h"
#include "policy/subject.h"
#include "recorder/event.h"
#include "session-agent/approval_digest.h"
#include "session-agent/ssh_proxy.h"

#define DIGEST_NAME "sallyport ssh approval 1"
#define SHELL_TEXT "(interactive shell)" /* what is shown and recorded in place of a command */
#define APPROVAL_TEXT_MAX ((size_t)32 * 1024) /* bytes of a command to approve: what nobody can read nobody approves */

/* Lines that nothing shows cannot be gated: a shell without a terminal is not let in where they are. */
static void
verdict_lines(const struct sp_ssh_proxy *px, struct sp_decision *d)
{
	if (px->command != NULL || d->effect == SP_POLICY_DENY || d->terms.lines != SP_POLICY_LINES_GATE ||
	    sp_session_has_tty(px->session))
		return;
	d->effect = SP_POLICY_DENY;
	d->is_refusal = true;
	d->rule = NULL;
	(void)snprintf(d->message, sizeof(d->message), "the lines of a shell on %s are decided on, which needs a terminal: ssh -t",
	    px->name);
}

void
sp_ssh_verdict_decide(const struct sp_ssh_proxy *px, struct sp_decision *ret_decision)
{
	const struct sp_policy_image *image = sp_session_policy(px->session);
	const struct sp_policy_connection *c = sp_ssh_proxy_connection(px);
	struct sp_decide_network port = SP_NETWORK_LOOPBACK(px->port);
	struct sp_decide_request request = { .time = (int64_t)time(NULL),
		.from = sp_session_from(px->session),
		.network = px->port != 0 ? &port : NULL,
		.is_terminal = px->command == NULL };
	struct sp_decide_scope *scope = NULL;
	struct sp_shell *shell = NULL;

	memset(ret_decision, 0, sizeof(*ret_decision));
	ret_decision->effect = SP_POLICY_DENY;
	ret_decision->is_refusal = true;
	(void)snprintf(ret_decision->message, sizeof(ret_decision->message), "this connection is not yours any more");
	if (c == NULL)
		return;
	if ((px->command != NULL && px->port == 0 && sp_shell_parse(px->command, strlen(px->command), 0, &shell) != 0) ||
	    sp_decide_scope_new(image, sp_session_subject(px->session), c, &scope) != 0) {
		(void)snprintf(ret_decision->message, sizeof(ret_decision->message), "this could not be decided: no memory");
	} else {
		request.shell = shell;
		sp_decide(scope, &request, ret_decision);
		verdict_lines(px, ret_decision);
	}
	sp_decide_scope_free(scope);
	sp_shell_free(shell);
}

/* --- P6 ------------------------------------------------------------------------------------------------ */

/* Who, where, as whom, what, with a terminal or with no input at all, under which rule of which policy. */
int
sp_ssh_verdict_digest(const struct sp_ssh_proxy *px, const struct sp_decision *d, uint8_t ret_digest[32])
{
	const struct sp_policy_subject *who = sp_session_subject(px->session);
	const char *rule = d->rule != NULL ? sp_policy_rule_name(d->rule) : "";
	const char *parts[] = { DIGEST_NAME, sp_policy_subject_iss(who), sp_policy_subject_sub(who),
		sp_session_user(px->session), px->name, px->user, rule, px->port != 0 ? "port" : px->command != NULL ? "command" : "shell",
		px->command != NULL ? px->command : "", sp_session_has_tty(px->session) ? "tty" : "none" };
	struct sp_approval_digest covers;

	sp_approval_digest_begin(&covers, parts, sizeof(parts) / sizeof(parts[0]));
	sp_approval_digest_put(&covers, &d->policy_version, sizeof(d->policy_version));
	return sp_approval_digest_end(&covers, ret_digest);
}

int
sp_ssh_verdict_ask(struct sp_ssh_proxy *px, sp_approval_cb *cb)
{
	const char *text = px->command != NULL ? px->command : SHELL_TEXT;
	struct sp_buf *json = sp_buf_new(SP_SSH_CONFIG_MAX);
	int r = SP_ERR_NOMEM;

	if (strlen(text) > APPROVAL_TEXT_MAX) {
		sp_buf_free(json);
		return SP_ERR_LIMIT;
	}
	if (json != NULL) {
		sp_buf_putf(json, "{\"login\":");
		sp_text_json(json, px->user, strlen(px->user));
		sp_buf_putf(json, ",\"input\":\"%s\"}", sp_session_has_tty(px->session) ? "terminal" : "none");
		sp_buf_put(json, "", 1);
		r = sp_buf_error(json);
	}
	if (r == 0)
		r = sp_session_approval(px->session, px->digest, px->name, sp_policy_rule_name(px->decision.rule), text,
		    strlen(text), (const char *)sp_buf_data(json), px->decision.policy_version, cb, px, &px->approval);
	sp_buf_free(json);
	return r;
}

/* --- record --------------------------------------------------------------------------------------------- */

int
sp_ssh_verdict_record(struct sp_ssh_proxy *px, const char *decision, const char *reason)
{
	const char *text = px->command != NULL ? px->command : SHELL_TEXT;
	struct sp_buf *e = sp_session_event(px->session);

	sp_event_begin(e, SP_EVENT_STATEMENT, sp_event_now());
	sp_event_put_u64(e, SP_FIELD_SEQ, px->seq);
	sp_event_put_cstring(e, SP_FIELD_CONNECTION, px->name);
	sp_event_put_cstring(e, SP_FIELD_TEXT, text);
	sp_event_put_cstring(e, SP_FIELD_DECISION, decision);
	if (px->rule[0] != '\0')
		sp_event_put_cstring(e, SP_FIELD_RULE, px->rule);
	sp_event_put_cstring(e, SP_FIELD_LABEL, sp_policy_label_str(px->decision.label));
	sp_event_put_u64(e, SP_FIELD_POLICY_VERSION, px->decision.policy_version);
	if (px->request_id[0] != '\0')
		sp_event_put_cstring(e, SP_FIELD_REQUEST_ID, px->request_id);
	sp_event_put_cstring(e, SP_FIELD_MESSAGE, reason);
	return reason != NULL ? sp_session_record_late(px->session) : sp_session_record(px->session);
}

void
sp_ssh_verdict_note(struct sp_ssh_proxy *px, const struct sp_approval_news *news, const char *decision)
{
	/* The command's own event, with the request's id, is what must be on record before it runs. */
	if (sp_approval_event(px->session, news, px->seq, px->digest, px->rule, decision) != 0)
		sp_session_say(px->session, "the record has no room for an approval's news");
}
