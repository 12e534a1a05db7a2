/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session: one person, one command, one target. Started by sallyportd as its
 * own account with the monitor channel as descriptor 3, and by nobody else.
 */
#include <event2/event.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/log.h"
#include "session-agent/session_state.h"

#define SESSION_MONITOR_FD 3

static void
on_term(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig;
	(void)what;
	sp_session_end(ctx, "this session was ended by the bastion");
}

/* Who runs this by hand is told so; who would run it as root is refused. */
static int
check_start(void)
{
	if (geteuid() == 0 || getuid() != geteuid() || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return SP_ERR_DENIED;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return SP_ERR_SYSTEM;
	return 0;
}

int
main(int argc, char **argv)
{
	struct sp_session s = { 0 };
	struct event *term;
	int r;

	(void)argv;
	(void)setlocale(LC_CTYPE, "C.UTF-8"); /* how wide characters are on a terminal; bytes are bytes all the same */
	sp_log_open("sallyport-session", LOG_INFO, 1);
	r = argc > 1 ? SP_ERR_INVALID : check_start();
	if (r == 0) {
		(void)signal(SIGPIPE, SIG_IGN);
		r = sp_session_init(&s, event_base_new());
	}
	if (r == 0)
		r = sp_monitor_link(&s, SESSION_MONITOR_FD);
	if (r != 0) {
		(void)fprintf(stderr, "sallyport-session: is started by sallyportd only (%s)\n", sp_err_str(r));
		return 1;
	}
	term = evsignal_new(s.base, SIGTERM, on_term, &s);
	if (term == NULL || event_add(term, NULL) != 0)
		return 1;
	(void)event_base_dispatch(s.base);
	event_free(term);
	sp_session_clear(&s);
	event_base_free(s.base);
	return 0;
}
