/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/attacks/lines: keys typed at the prompts of real shells on real ptys, as fast as they can be, and what is
 * decided on each line. Between them and the shell stands the model, and a gate as line_gate.c is one. `forbidden` says
 * if it ran.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "policy/decide.h"
#include "policy/shell.h"
#include "policy/source.h"
#include "policy/subject.h"
#include "session-agent/line_model.h"
#include "tests/unit/attack_lines.h"

#define WAIT_MS 20000	 /* for anything that must come */
#define HAND_OVER_MS 700 /* the person of these tests is impatient (SP_LINE_GATE_TELL_MS) */
#define QUIET_MS 80
#define ROWS 24

static struct sp_policy_source *source;
static struct sp_buf *bytes;
static struct sp_policy_image *image;
static struct sp_policy_subject *alice;
static struct sp_decide_scope *scope;
static char home[] = "/tmp/sp-lines-XXXXXX";

static int64_t pace = 1; /* the model's clock is so much slower: for a machine that is busy elsewhere */

struct host {
	int fd;
	pid_t pid;
	struct sp_line_model *m;
	int64_t shown_ms;
	struct sp_buf *verdicts;
	bool is_gone;
};

/* --- programs ----------------------------------------------------------------------------------------------- */

static void
program(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/bin/%s", home, name);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "#!/bin/sh\n%s\n", text);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static void
file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", home, name);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
	static const char identity[] = "{\"groups\":[\"eng\"]}";
	char *dir = attack_path("lines", "policy"), path[128];

	(void)state;
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	bytes = sp_buf_new(0);
	source = sp_policy_source_new();
	assert_int_equal(sp_policy_source_add_dir(source, dir), 0);
	assert_int_equal(sp_policy_source_compile(source, 1, bytes), 0);
	assert_int_equal(sp_policy_image_open(sp_buf_data(bytes), sp_buf_len(bytes), &image), 0);
	assert_int_equal(sp_policy_subject_new(identity, strlen(identity), &alice), 0);
	assert_int_equal(sp_decide_scope_new(image, alice, sp_policy_image_find(image, "host"), &scope), 0);
	assert_non_null(mkdtemp(home));
	(void)snprintf(path, sizeof(path), "%s/bin", home);
	assert_int_equal(mkdir(path, 0755), 0);
	program("forbidden", "echo \"$@\" >>$HOME/ran");
	program("restart", ":");
	program("ask", "printf 'Go on? [y/N] '; read x; echo \"<$x>\"");
	program("reads", "read x; echo \"<$x>\"");
	program("pretend", "printf 'orders=> '; read x; echo \"<$x>\"");
	program("full", "printf '\\033[?1049h\\033[H$ '; read x; printf '\\033[?1049l'; echo \"<$x>\"");
	program("secret", "stty -echo; printf 'Password: '; read x; stty echo; echo");
	file("bashrc", "PS1='\\u@web:\\w\\$ '; HISTFILE=$HOME/.h; history -r $HOME/past\n");
	file("vibashrc", "PS1='web$ '; set -o vi; history -r $HOME/past\n");
	file("odd", "PS1='\\[\\e[1;32m\\]web\\[\\e[0m\\] |> '\n");
	file("lines2", "PS1='[first line]\\n\\[\\e[31m\\]web\\[\\e[0m\\] \\$ '\n");
	file("past", "echo old\nforbidden from history\necho newest\n");
	file(".zshrc",
	    "PS1='web%# '; RPS1='right %~'; bindkey -e; HISTFILE=$HOME/past; HISTSIZE=99; fc -R; setopt no_prompt_sp no_prompt_cr\n");
	file(".inputrc", "set bell-style none\n");
	free(dir);
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", home);
	assert_int_equal(system(command), 0);
	sp_decide_scope_free(scope);
	sp_policy_subject_free(alice);
	sp_policy_image_free(image);
	sp_buf_free(bytes);
	sp_policy_source_free(source);
	return 0;
}

/* --- the host ------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	const char *argv[6];
} shells[] = {
    {"bash", {"bash", "--noprofile", "--rcfile", "bashrc", "-i", NULL}},
    {"vi", {"bash", "--noprofile", "--rcfile", "vibashrc", "-i", NULL}},
    {"odd", {"bash", "--noprofile", "--rcfile", "odd", "-i", NULL}},
    {"two", {"bash", "--noprofile", "--rcfile", "lines2", "-i", NULL}},
    {"dash", {"dash", "-i", NULL}},
    {"zsh", {"zsh", "-i", NULL}},
};

static int64_t
host_now(void)
{
	return sp_ipc_now_ms() / pace;
}

/* What it shows within so many milliseconds, or until it has shown nothing for a while. */
static void
host_look(struct host *h, int ms)
{
	struct pollfd p = {.fd = h->fd, .events = POLLIN};
	char out[4096];
	ssize_t n;

	while (!h->is_gone && poll(&p, 1, ms) == 1) {
		n = read(h->fd, out, sizeof(out));
		h->is_gone = n <= 0;
		if (n <= 0)
			return;
		if (getenv("SP_LINES_SHOW") != NULL)
			(void)fwrite(out, 1, (size_t)n, stderr);
		h->shown_ms = sp_ipc_now_ms();
		assert_int_equal(sp_line_model_shown(h->m, out, (size_t)n, host_now()), 0);
		ms = 0;
	}
}

static void
host_settle(struct host *h)
{
	int64_t began = sp_ipc_now_ms();

	h->shown_ms = began;
	while (!h->is_gone && sp_ipc_now_ms() - h->shown_ms < QUIET_MS * pace && sp_ipc_now_ms() - began < WAIT_MS)
		host_look(h, QUIET_MS);
}

static void
host_pass(struct host *h, const void *p, size_t n)
{
	sp_line_model_passed(h->m, p, n, host_now());
	if (write(h->fd, p, n) != (ssize_t)n)
		h->is_gone = true;
}

static void
host_start(struct host *h, const char *name, unsigned cols)
{
	struct winsize ws = {.ws_row = ROWS, .ws_col = (unsigned short)cols};
	char path[256];
	size_t i = 0;

	while (i < sizeof(shells) / sizeof(shells[0]) && strcmp(shells[i].name, name) != 0)
		i++;
	if (i == sizeof(shells) / sizeof(shells[0]))
		fail_msg("there is no shell \"%s\"", name);
	h->pid = forkpty(&h->fd, NULL, NULL, &ws);
	assert_true(h->pid >= 0);
	if (h->pid == 0) {
		/* Who is started in the background has these ignored, and a shell leaves it at that. */
		(void)signal(SIGINT, SIG_DFL);
		(void)signal(SIGQUIT, SIG_DFL);
		(void)snprintf(path, sizeof(path), "%s/bin:/usr/bin:/bin", home);
		if (clearenv() != 0 || chdir(home) != 0 || setenv("HOME", home, 1) != 0 ||
		    setenv("PATH", path, 1) != 0 || setenv("TERM", "xterm-256color", 1) != 0 ||
		    setenv("LANG", "C.UTF-8", 1) != 0 || setenv("PS1", "$ ", 1) != 0 ||
		    setenv("BASH_SILENCE_DEPRECATION_WARNING", "1", 1) != 0 || setenv("ZDOTDIR", home, 1) != 0)
			_exit(99);
		execvp(shells[i].argv[0], (char *const *)(uintptr_t)shells[i].argv);
		_exit(98);
	}
	assert_int_equal(sp_line_model_new(ROWS, cols, true, &h->m), 0);
	h->verdicts = sp_buf_new(0);
	assert_non_null(h->verdicts);
	/* The first prompt: something, and then nothing more. */
	h->shown_ms = 0;
	for (int64_t began = sp_ipc_now_ms(); !h->is_gone && h->shown_ms == 0 && sp_ipc_now_ms() - began < WAIT_MS;)
		host_look(h, 100);
	host_settle(h);
	host_settle(h);
}

static void
host_end(struct host *h)
{
	(void)kill(-h->pid, SIGKILL);
	(void)kill(h->pid, SIGKILL);
	(void)close(h->fd);
	(void)waitpid(h->pid, NULL, 0);
	sp_line_model_free(h->m);
	sp_buf_free(h->verdicts);
}

/* --- the gate -------------------------------------------------------------------------------------------------- */

static enum sp_policy_effect
decide_text(const struct sp_buf *text, bool is_unread, bool *is_unclear)
{
	struct sp_decide_request q = {.time = 1000000000, .from = "192.0.2.1"};
	struct sp_shell *shell;
	struct sp_decision d;

	assert_int_equal(sp_shell_parse((const char *)sp_buf_data(text), sp_buf_len(text),
			     SP_SHELL_TYPED | (is_unread ? SP_SHELL_UNREAD : 0), &shell),
	    0);
	q.shell = shell;
	sp_decide(scope, &q, &d);
	assert_int_equal(d.label, SP_POLICY_ADVISORY);
	*is_unclear = *is_unclear || sp_shell_reasons(shell) > 0;
	sp_shell_free(shell);
	return d.effect;
}

static bool
is_blank(const struct sp_buf *text)
{
	for (size_t i = 0; i < sp_buf_len(text); i++)
		if (sp_buf_data(text)[i] != ' ')
			return false;
	return true;
}

static void
note(struct host *h, const char *word, const struct sp_buf *text)
{
	if (getenv("SP_LINES_SHOW") != NULL)
		(void)fprintf(stderr, "\n[%s: %.*s]\n", word, (int)sp_buf_len(text), (const char *)sp_buf_data(text));
	sp_buf_putf(h->verdicts, "%s%s", sp_buf_len(h->verdicts) == 0 ? "" : ",", word);
}

/* True: the line is given up. */
static bool
submit(struct host *h, uint8_t b, enum sp_line_key key)
{
	struct sp_line_model_line line;
	bool is_unclear = false;
	int64_t began = sp_ipc_now_ms();
	enum sp_policy_effect effect, other;

	for (;;) {
		host_look(h, 10);
		assert_int_equal(sp_line_model_read(h->m, host_now(), false, &line), 0);
		if (line.kind != SP_LINE_MODEL_WAIT)
			break;
		if (h->is_gone || sp_ipc_now_ms() - began > HAND_OVER_MS * 4 * pace) {
			note(h, "waits", line.text);
			return true;
		}
	}
	if (line.kind == SP_LINE_MODEL_SHELL && key == SP_LINE_KEY_UNSEEN)
		line.kind = SP_LINE_MODEL_UNREAD;
	if (line.kind == SP_LINE_MODEL_SCREEN || line.kind == SP_LINE_MODEL_PROGRAM) {
		if (!is_blank(line.text) || line.kind == SP_LINE_MODEL_SCREEN)
			note(h, line.kind == SP_LINE_MODEL_SCREEN ? "screen" : "program", line.text);
	} else if (!is_blank(line.text) || sp_buf_len(line.other) > 0 || line.kind == SP_LINE_MODEL_UNREAD) {
		effect = decide_text(line.text, line.kind == SP_LINE_MODEL_UNREAD, &is_unclear);
		other = sp_buf_len(line.other) > 0
			    ? decide_text(line.other, line.kind == SP_LINE_MODEL_UNREAD, &is_unclear)
			    : effect;
		effect = other < effect ? other : effect;
		note(h, sp_policy_effect_str(effect), line.text);
		if (effect != SP_POLICY_ALLOW)
			return true;
	}
	sp_line_model_unfinished(h->m, is_unclear);
	host_pass(h, &b, 1);
	return false;
}

/* Types it all. A NUL stands for a person who waits until nothing moves any more. */
static void
type_keys(struct host *h, const uint8_t *p, size_t n)
{
	enum sp_line_key key;

	while (n > 0 && !h->is_gone) {
		const uint8_t *pause = memchr(p, 0, n);
		size_t k = sp_line_model_scan(h->m, p, pause != NULL ? (size_t)(pause - p) : n, &key);

		if (k > 0) {
			host_pass(h, p, k);
		} else if (p[0] == 0) {
			host_settle(h);
			k = 1;
		} else if (submit(h, p[0], key)) {
			host_pass(h, "\003", 1);
			sp_line_model_cancelled(h->m, host_now());
			k = n; /* and what came after it is forgotten, up to the next pause */
			pause = memchr(p, 0, n);
			k = pause != NULL ? (size_t)(pause - p) : n;
		} else {
			k = 1;
		}
		p += k;
		n -= k;
	}
}

/* --- cases ------------------------------------------------------------------------------------------------------ */

static bool
has_run(void)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/ran", home);
	return access(path, F_OK) == 0 && unlink(path) == 0;
}

static bool
judge_once(const char *expect, const char *connection, const char *text, size_t len, char *got, size_t size)
{
	struct host h = {.fd = -1};
	char name[16], want[256];
	size_t n = strcspn(connection, "/");
	bool may_run = expect[0] == '!', is_right;
	bool has_run_it;

	(void)snprintf(name, sizeof(name), "%.*s", (int)n, connection);
	(void)snprintf(want, sizeof(want), "%s", expect + may_run);
	if (access(strcmp(name, "dash") == 0  ? "/bin/dash"
		   : strcmp(name, "zsh") == 0 ? "/bin/zsh"
					      : "/bin/bash",
		X_OK) != 0)
		return true;
	host_start(&h, name, connection[n] == '/' ? (unsigned)strtoul(connection + n + 1, NULL, 10) : 80);
	type_keys(&h, (const uint8_t *)text, len);
	host_settle(&h);
	has_run_it = has_run();
	(void)snprintf(got, size, "%.*s%s", (int)sp_buf_len(h.verdicts), (const char *)sp_buf_data(h.verdicts),
	    has_run_it ? ", and it ran" : "");
	is_right = strlen(want) == sp_buf_len(h.verdicts) && memcmp(want, sp_buf_data(h.verdicts), strlen(want)) == 0 &&
		   has_run_it == may_run;
	host_end(&h);
	return is_right;
}

/* A shell that got no processor for a while is a host that is slow, of which the manual says what it means: again,
 * slowly. */
static bool
judge(const char *expect, const char *connection, const char *text, size_t len, char *got, size_t size)
{
	bool is_right = judge_once(expect, connection, text, len, got, size);

	for (pace = 6; !is_right && pace <= 36; pace *= 6)
		is_right = judge_once(expect, connection, text, len, got, size);
	pace = 1;
	return is_right;
}

static void
test_evasions(void **state)
{
	(void)state;
	assert_true(attack_lines_run("lines", "evasions.txt", judge) >= 40);
}

static void
test_harmless(void **state)
{
	(void)state;
	assert_true(attack_lines_run("lines", "harmless.txt", judge) >= 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_evasions), cmocka_unit_test(test_harmless)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
