/* SPDX-License-Identifier: Apache-2.0 */
/* session-agent/credential_run.h: what a program prints, what it is given, and when it is stopped. */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "runtime/log.h"
#include "session-agent/credential_run.h"

static struct event_base *base;
static struct sp_credential_runs *all;
static int result, calls;
static char printed[8192];

static void
on_done(int err, struct sp_secret *s, void *ctx)
{
	(void)ctx;
	result = err;
	calls++;
	assert_true((err == 0) == (s != NULL));
	(void)snprintf(printed, sizeof(printed), "%s", s == NULL ? "" : (const char *)sp_secret_data(s));
	sp_secret_free(s);
}

static void
on_child(evutil_socket_t sig, short what, void *ctx)
{
	siginfo_t info;

	(void)sig;
	(void)what;
	(void)ctx;
	for (info.si_pid = 0; waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0; info.si_pid = 0)
		assert_true(sp_credential_run_ended(all, info.si_pid));
	(void)event_base_loopbreak(base);
}

static int
run(const char *argv)
{
	struct sp_credential_run *r = NULL;
	int err = sp_credential_run(all, argv, on_done, NULL, &r);

	calls = 0;
	if (err != 0)
		return err;
	assert_int_equal(calls, 0);
	while (calls == 0)
		(void)event_base_dispatch(base);
	assert_int_equal(calls, 1);
	return result;
}

static void
test_output(void **state)
{
	(void)state;
	assert_int_equal(run("/bin/echo\ns3cret"), 0);
	assert_string_equal(printed, "s3cret"); /* but for the newline */
	assert_int_equal(run("/usr/bin/printf\na b\\n\\n"), 0);
	assert_string_equal(printed, "a b\n");
	assert_int_equal(run("/bin/echo\n$HOME; id\n`id`"), 0); /* no shell */
	assert_string_equal(printed, "$HOME; id `id`");
	assert_int_equal(run("/usr/bin/env"), SP_ERR_FORMAT); /* an empty environment prints nothing */
	assert_int_equal(run("/bin/pwd"), 0);
	assert_string_equal(printed, "/");
	assert_int_equal(run("/bin/cat"), SP_ERR_FORMAT); /* no input */
	assert_int_equal(run("/bin/sh\n-c\nls /proc/self/fd | wc -l"), 0);
	assert_string_equal(printed, "4"); /* 0 1 2, and ls's own */
	assert_int_equal(run("/bin/sh\n-c\necho x >&2"), SP_ERR_FORMAT); /* errors are not the secret */
}

static void
test_account(void **state)
{
	char want[64];

	(void)state;
	(void)snprintf(want, sizeof(want), "%u", getuid() == 0 ? 65534 : getuid());
	assert_int_equal(run("/usr/bin/id\n-u"), 0);
	assert_string_equal(printed, want);
	assert_int_equal(run("/bin/sh\n-c\nid -G | wc -w"), 0);
	if (getuid() == 0)
		assert_string_equal(printed, "1");
	assert_int_equal(run("/bin/grep\nCapEff\n/proc/self/status"), 0);
	assert_non_null(strstr(printed, "0000000000000000"));
	assert_int_equal(run("/bin/grep\nNoNewPrivs\n/proc/self/status"), 0);
	assert_non_null(strstr(printed, "\t1"));
}

static void
test_failures(void **state)
{
	(void)state;
	assert_int_equal(run("/bin/sh\n-c\necho x; exit 3"), SP_ERR_FORMAT);
	assert_int_equal(run("/bin/sh\n-c\necho x; kill -9 $$"), SP_ERR_FORMAT);
	assert_int_equal(run("/bin/true"), SP_ERR_FORMAT);
	assert_int_equal(run("/bin/sh\n-c\nhead -c 4097 /dev/zero | tr '\\0' a"), SP_ERR_LIMIT);
	assert_int_equal(run("/bin/sh\n-c\nhead -c 4096 /dev/zero | tr '\\0' a"), 0);
	assert_int_equal(strlen(printed), 4096);
	/* What it leaves behind, and could still print, makes it no credential. */
	assert_int_equal(run("/bin/sh\n-c\nsetsid sleep 3 & sleep 0.2; echo x"), SP_ERR_SYSTEM);
}

static void
test_refused(void **state)
{
	char path[] = "/tmp/test_credential_run.XXXXXX", argv[256] = "/bin/echo";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(run(path), SP_ERR_DENIED); /* anybody may write it */
	(void)unlink(path);
	assert_int_equal(run("echo\nx"), SP_ERR_DENIED);
	assert_int_equal(run("./echo"), SP_ERR_DENIED);
	assert_int_equal(run("/bin"), SP_ERR_DENIED);
	assert_int_equal(run("/nonexistent"), SP_ERR_DENIED);
	assert_int_equal(run(""), SP_ERR_DENIED);
	for (int i = 1; i < SP_CREDENTIAL_RUN_ARGS; i++)
		(void)strcat(argv, "\nx");
	assert_int_equal(run(argv), 0);
	(void)strcat(argv, "\nx");
	assert_int_equal(run(argv), SP_ERR_INVALID);
}

static void
test_time(void **state)
{
	int64_t began = sp_ipc_now_ms(), took;

	(void)state;
	assert_int_equal(run("/bin/sleep\n60"), SP_ERR_TIMEOUT);
	took = sp_ipc_now_ms() - began;
	assert_true(took >= SP_CREDENTIAL_RUN_MS && took < SP_CREDENTIAL_RUN_MS + 3000);
}

static void
test_cancel_and_limit(void **state)
{
	struct sp_credential_run *runs[SP_CREDENTIAL_RUNS_MAX], *more;

	(void)state;
	calls = 0;
	for (int i = 0; i < SP_CREDENTIAL_RUNS_MAX; i++)
		assert_int_equal(sp_credential_run(all, "/bin/sleep\n60", on_done, NULL, &runs[i]), 0);
	assert_int_equal(sp_credential_run(all, "/bin/sleep\n60", on_done, NULL, &more), SP_ERR_UNAVAILABLE);
	for (int i = 0; i < SP_CREDENTIAL_RUNS_MAX; i++)
		sp_credential_run_cancel(runs[i]);
	for (;;) {
		(void)event_base_loop(base, EVLOOP_ONCE);
		if (sp_credential_run(all, "/bin/true", on_done, NULL, &more) == 0)
			break; /* there is room again */
	}
	while (calls == 0)
		(void)event_base_dispatch(base);
	assert_int_equal(calls, 1); /* none of those that were cancelled */
	assert_int_equal(sp_credential_run(all, "/bin/sleep\n60", on_done, NULL, &more), 0); /* killed at the end */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_cancel_and_limit),
	};
	struct event *child;
	int r;

	sp_log_open("test_credential_run", -1, 0);
	base = event_base_new();
	child = evsignal_new(base, SIGCHLD, on_child, NULL);
	if (child == NULL || event_add(child, NULL) != 0 ||
	    sp_credential_runs_new(base, getuid() == 0 ? 65534 : getuid(), getgid() == 0 ? 65534 : getgid(), &all) != 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	sp_credential_runs_free(all);
	event_free(child);
	event_base_free(base);
	return r;
}
