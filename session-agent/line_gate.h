/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines typed at a prompt on a target host, held against policy when Enter is pressed, where the connection or a rule
 * says `lines: record` or `lines: gate`. What is decided on is what line_model.h can tell of the line: it keeps nobody
 * from anything who wants to get around it, and every event of it is labelled advisory.
 *
 * It is what the relay's hooks of the kind "ssh" call; without a terminal, and where nothing asks for it, it lets all
 * pass.
 */
#ifndef SALLYPORT_SESSION_AGENT_LINE_GATE_H
#define SALLYPORT_SESSION_AGENT_LINE_GATE_H

#include <stdbool.h>

#include "lib/err.h"
#include "session-agent/session.h"

#define SP_LINE_GATE_LOOK_MS 20	   /* how often the screen is looked at while it is waited for */
#define SP_LINE_GATE_GLANCE_MS 100 /* how long it is waited for at most where lines are only put on record */
#define SP_LINE_GATE_TELL_MS 1000  /* Enter that waits for a prompt so long is explained */

struct sp_line_gate;

/* user: the login on the target; is_shell: the host was asked for a shell, not for a command. NOMEM. */
int sp_line_gate_new(struct sp_session *s, const char *connection, const char *user, bool is_shell,
    struct sp_line_gate **ret_g) SP_MUST_CHECK;
/* Cancels what is held. It is freed now or with its last callback. NULL is fine. */
void sp_line_gate_end(struct sp_line_gate *g);
/* For sp_session_relay_open(), with the gate as its context. */
extern const struct sp_relay_hooks sp_line_gate_hooks;
/* As of struct sp_kind. */
void sp_line_gate_policy_changed(struct sp_line_gate *g);
void sp_line_gate_record_ready(struct sp_line_gate *g);

#endif
