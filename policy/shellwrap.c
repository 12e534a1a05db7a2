/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that run the command they are given. Their options are read exactly as listed here, and not abbreviated;
 * any other makes the line unresolved.
 */
#include <string.h>

#include "policy/shellread.h"

/* How a wrapper's arguments are read: options, then so many operands of its own, then the command. */
struct sp_shell_wrapper {
	const char *name;
	const char *flags;     /* short options without an argument */
	const char *arguments; /* short options with one */
	const char *const *longs; /* long options; one that ends with = has its argument joined to it */
	size_t operands;
	bool has_assignments;
	void (*run)(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i);
};

void
sp_shell_wrap_object(const struct sp_shell_wrapped *w, const char *why)
{
	sp_shell_reason_add(w->s, w->place->position, why);
}

static struct sp_shell_place
sp_shell_wrap_place(const struct sp_shell_wrapped *w, bool is_shell)
{
	struct sp_shell_place place = *w->place;

	place.depth++;
	place.reach |= SP_SHELL_WRAPPED;
	place.wrapper = w->index;
	place.is_plain = !is_shell;
	if (w->user != NULL)
		place.user = w->user;
	return place;
}

void
sp_shell_wrap_words(const struct sp_shell_wrapped *w, size_t i, bool is_shell)
{
	struct sp_shell_place place = sp_shell_wrap_place(w, is_shell);

	if (i < w->n)
		sp_shell_command(w->s, &place, w->words + i, w->n - i, NULL, 0);
}

void
sp_shell_wrap_line(const struct sp_shell_wrapped *w, const struct sp_shell_word *line)
{
	struct sp_shell_place place = sp_shell_wrap_place(w, true);

	if (!line->is_known)
		sp_shell_wrap_object(w, "code that is known only when it runs");
	else if (place.depth > SP_SHELL_DEPTH_MAX)
		sp_shell_refuse(w->s, "it is nested too deeply");
	else if (sp_shell_count_word(w->s, strlen(line->text)))
		sp_shell_read_line(w->s, &place, line->text, strlen(line->text));
}

void
sp_shell_wrap_joined(const struct sp_shell_wrapped *w, size_t i, uint32_t reach)
{
	struct sp_shell_place place = *w->place;
	struct sp_shell_wrapped joined = *w;
	struct sp_shell_word line = {.is_known = true};
	size_t len = 0, at = 0;
	char *text;

	for (size_t k = i; k < w->n; k++) {
		len += strlen(w->words[k].text) + 1;
		line.is_known = line.is_known && w->words[k].is_known;
	}
	text = sp_shell_alloc(w->s, len + 1);
	for (size_t k = i; k < w->n && text != NULL; k++) {
		size_t n = strlen(w->words[k].text);

		memcpy(text + at, w->words[k].text, n);
		at += n;
		text[at++] = ' ';
	}
	if (text == NULL)
		return;
	line.text = text;
	place.reach |= reach;
	joined.place = &place;
	sp_shell_wrap_line(&joined, &line);
}

/* --- options ---------------------------------------------------------------------------------------- */

/* One word of short options: how many words it takes, or 0. */
static size_t
sp_shell_short_options(const struct sp_shell_wrapper *as, const char *text)
{
	for (const char *p = text + 1; *p != 0; p++) {
		if (*p == SP_SHELL_UNKNOWN)
			return 0;
		if (strchr(as->arguments, *p) != NULL)
			return p[1] == 0 ? 2 : 1;
		if (strchr(as->flags, *p) == NULL)
			return 0;
	}
	return 1;
}

static bool
sp_shell_long_option(const struct sp_shell_wrapper *as, const char *text)
{
	size_t n = strcspn(text, "=");

	for (size_t i = 0; as->longs != NULL && as->longs[i] != NULL; i++) {
		size_t len = strlen(as->longs[i]);

		if (as->longs[i][len - 1] == '=' ? text[n] == '=' && n + 1 == len && memcmp(text, as->longs[i], len) == 0 :
						   strcmp(text, as->longs[i]) == 0)
			return true;
	}
	return false;
}

/* The index of the first word that is no option; 0, and a reason, if that cannot be said. */
static size_t
sp_shell_skip_options(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as)
{
	size_t i = 1, took;

	while (i < w->n) {
		const struct sp_shell_word *o = &w->words[i];

		if (o->is_open || o->text[0] == SP_SHELL_UNKNOWN) {
			sp_shell_wrap_object(w, "an argument that may be an option, known only when it runs");
			return 0;
		}
		if (o->text[0] != '-' || o->text[1] == 0)
			return i;
		if (sp_shell_is(o, "--"))
			return i + 1;
		took = o->text[1] == '-' ? (size_t)sp_shell_long_option(as, o->text) : sp_shell_short_options(as, o->text);
		if (took == 0 || (took == 2 && (i + 1 >= w->n || w->words[i + 1].is_open))) {
			sp_shell_wrap_object(w, "an option of a command that runs another, which is not known here");
			return 0;
		}
		i += took;
	}
	return i;
}

/* The operands of its own, and assignments, before the command. 0 and a reason if they cannot be told. */
static size_t
sp_shell_skip_operands(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	for (size_t k = 0; k < as->operands && i < w->n; k++, i++)
		if (w->words[i].is_open) {
			sp_shell_wrap_object(w, "an argument that may be more words than one");
			return 0;
		}
	for (; as->has_assignments && i < w->n; i++) {
		const char *text = w->words[i].text, *equals = strchr(text, '=');

		if (w->words[i].is_open || (equals == NULL && !w->words[i].is_known)) {
			sp_shell_wrap_object(w, "an argument that may set a variable, known only when it runs");
			return 0;
		}
		if (equals == NULL)
			break;
		(void)sp_shell_assign(w->s, w->place->position, text, (size_t)(equals - text), true);
	}
	return i;
}

/* The value of the last short option c among the first n words, or NULL. */
static const char *
sp_shell_option_value(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t n, char c,
    const char *lng)
{
	const char *found = NULL;

	for (size_t i = 1; i < n; i++) {
		const char *text = w->words[i].text;

		if (lng != NULL && strncmp(text, lng, strlen(lng)) == 0) {
			found = text + strlen(lng);
			continue;
		}
		if (text[0] != '-' || text[1] == '-')
			continue;
		for (const char *p = text + 1; *p != 0; p++) {
			if (strchr(as->arguments, *p) == NULL)
				continue;
			if (*p == c)
				found = p[1] != 0 ? p + 1 : i + 1 < w->n ? w->words[i + 1].text : "";
			i += p[1] == 0;
			break;
		}
	}
	return found;
}

/* --- each of them ----------------------------------------------------------------------------------- */

static void
sp_shell_run_words(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	(void)as;
	sp_shell_wrap_words(w, i, false);
}

static void
sp_shell_run_env(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	const char *unset = sp_shell_option_value(w, as, i, 'u', "--unset=");

	if (unset != NULL && (strchr(unset, SP_SHELL_UNKNOWN) != NULL || strcmp(unset, "PATH") == 0))
		sp_shell_wrap_object(w, "a variable taken away that may change what runs");
	if (i < w->n && sp_shell_is(&w->words[i], "-"))
		i++;
	i = sp_shell_skip_operands(w, as, i);
	if (i > 0)
		sp_shell_wrap_words(w, i, false);
}

/* `time` is a word of the grammar in some shells: what follows it can be more than a command. */
static void
sp_shell_run_time(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	(void)as;
	sp_shell_wrap_words(w, i, true);
}

static void
sp_shell_run_chroot(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	(void)as;
	sp_shell_wrap_object(w, "a command with other files, users or processes around it");
	sp_shell_wrap_words(w, i, false);
}

static void
sp_shell_run_xargs(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	const char *replace = sp_shell_option_value(w, as, i, 'I', "--replace="), unknown[] = {SP_SHELL_UNKNOWN, 0};
	struct sp_shell_wrapped x = *w;
	struct sp_shell_word *words;

	if (i >= w->n)
		return;
	x.n = w->n - i;
	words = sp_shell_alloc(w->s, (x.n + 1) * sizeof(*words));
	if (words == NULL)
		return;
	memcpy(words, w->words + i, x.n * sizeof(*words));
	for (size_t k = 0; k < x.n && replace != NULL; k++)
		if (strchr(replace, SP_SHELL_UNKNOWN) != NULL || strstr(words[k].text, replace) != NULL) {
			words[k].text = sp_shell_copy(w->s, unknown, 1);
			words[k].is_known = words[k].is_number = false;
			if (words[k].text == NULL)
				return;
		}
	/* With both, xargs forgets the first of them. */
	if (replace != NULL && (sp_shell_option_value(w, as, i, 'n', "--max-args=") != NULL ||
				   sp_shell_option_value(w, as, i, 'L', "--max-lines=") != NULL))
		sp_shell_wrap_object(w, "options of xargs that undo each other");
	if (replace == NULL)
		words[x.n++] = (struct sp_shell_word){.text = sp_shell_copy(w->s, unknown, 1), .is_open = true};
	x.words = words;
	if (!w->s->is_stopped)
		sp_shell_wrap_words(&x, 0, false);
}

static void
sp_shell_run_sudo(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	struct sp_shell_wrapped as_user = *w;
	const char *user;
	bool is_shell = false;
	size_t options;

	for (size_t k = 1; k < i; k++) {
		const char *t = w->words[k].text;

		if ((t[0] == '-' && t[1] != '-' && strpbrk(t, "si") != NULL) || strcmp(t, "--login") == 0 ||
		    strcmp(t, "--shell") == 0)
			is_shell = true;
	}
	options = i;
	i = sp_shell_skip_operands(w, as, i);
	if (i == 0)
		return;
	/* With -s and -i a shell gets the words, each escaped but for its dollars. */
	for (size_t k = i; k < w->n && is_shell; k++)
		if (!w->words[k].is_known || strchr(w->words[k].text, '$') != NULL)
			sp_shell_wrap_object(w, "code that is known only when it runs");
	user = sp_shell_option_value(w, as, options, 'u', "--user=");
	as_user.user = user == NULL ? "root" : user;
	if (is_shell && i >= w->n)
		sp_shell_wrap_object(w, "a shell whose commands come from elsewhere");
	else
		sp_shell_wrap_words(&as_user, i, is_shell);
}

/* su and runuser: options anywhere, a user, and a line after -c. */
static void
sp_shell_run_su(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t unused)
{
	struct sp_shell_wrapped as_user = *w;
	struct sp_shell_word line = {0};
	size_t operands = 0;
	bool has_line = false;

	(void)as;
	(void)unused;
	as_user.user = "root";
	for (size_t i = 1; i < w->n; i++) {
		const struct sp_shell_word *o = &w->words[i];

		if (sp_shell_is(o, "-c") && i + 1 < w->n && !has_line) {
			line = w->words[++i];
			has_line = true;
		} else if (strncmp(o->text, "--command=", 10) == 0 && !has_line) {
			line = *o;
			line.text += 10;
			has_line = true;
		} else if (sp_shell_is(o, "-") || sp_shell_is(o, "-l") || sp_shell_is(o, "--login")) {
			continue;
		} else if (o->is_open || !o->is_known || o->text[0] == '-' || operands++ > 0) {
			sp_shell_wrap_object(w, "an option of a command that runs another, which is not known here");
			return;
		} else {
			as_user.user = o->text;
		}
	}
	if (has_line)
		sp_shell_wrap_line(&as_user, &line);
	else
		sp_shell_wrap_object(w, "a shell whose commands come from elsewhere");
}

static void
sp_shell_run_runuser(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t unused)
{
	struct sp_shell_wrapped as_user = *w;
	size_t i = 3;

	if (w->n < 4 || !sp_shell_is(&w->words[1], "-u") || w->words[2].is_open) {
		sp_shell_run_su(w, as, unused);
		return;
	}
	as_user.user = w->words[2].text;
	i += sp_shell_is(&w->words[3], "--");
	sp_shell_wrap_words(&as_user, i, false);
}

/* sh -c LINE, or sh FILE: the file is a command of its own. */
static void
sp_shell_run_shell(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t unused)
{
	bool has_line = false;
	size_t i;

	(void)as;
	(void)unused;
	for (i = 1; i < w->n && (w->words[i].text[0] == '-' || w->words[i].text[0] == '+') && !sp_shell_is(&w->words[i], "--");
	     i++) {
		const char *t = w->words[i].text;

		if (!w->words[i].is_known || w->words[i].is_open || t[1] == 0 || t[0] == '+' ||
		    t[1 + strspn(t + 1, "ceuxl")] != 0) {
			sp_shell_wrap_object(w, "an option of a shell that may change how a line is read");
			return;
		}
		has_line = has_line || strchr(t, 'c') != NULL;
	}
	i += i < w->n && sp_shell_is(&w->words[i], "--");
	if (i >= w->n)
		sp_shell_wrap_object(w, "a shell whose commands come from elsewhere");
	else if (w->words[i].is_open || w->words[i].text[0] == SP_SHELL_UNKNOWN)
		sp_shell_wrap_object(w, "code that is known only when it runs");
	else if (has_line)
		sp_shell_wrap_line(w, &w->words[i]);
	else
		sp_shell_wrap_file(w, i);
}

static void
sp_shell_run_ssh(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	i = sp_shell_skip_operands(w, as, i);
	if (i == 0)
		return;
	if (i < w->n && (w->words[i].text[0] == '-' || w->words[i].text[0] == SP_SHELL_UNKNOWN))
		sp_shell_wrap_object(w, "an option after the host");
	else if (i < w->n)
		sp_shell_wrap_joined(w, i, SP_SHELL_REMOTE);
	else
		sp_shell_wrap_object(w, "a shell whose commands come from elsewhere");
}

static void
sp_shell_run_watch(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	(void)as;
	sp_shell_wrap_joined(w, i, 0);
}

static void
sp_shell_run_flock(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	i = sp_shell_skip_operands(w, as, i);
	if (i == 0)
		return;
	if (i < w->n && (sp_shell_is(&w->words[i], "-c") || sp_shell_is(&w->words[i], "--command"))) {
		if (i + 2 == w->n)
			sp_shell_wrap_line(w, &w->words[i + 1]);
		else
			sp_shell_wrap_object(w, "code that is known only when it runs");
	} else {
		sp_shell_wrap_words(w, i, false);
	}
}

static void
sp_shell_run_busybox(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	(void)as;
	(void)i;
	if (w->n > 1 && (!w->words[1].is_known || w->words[1].is_open || w->words[1].text[0] == '-'))
		sp_shell_wrap_object(w, "an option of a command that runs another, which is not known here");
	else
		sp_shell_wrap_words(w, 1, false);
}

static void
sp_shell_run_script(const struct sp_shell_wrapped *w, const struct sp_shell_wrapper *as, size_t i)
{
	size_t at = 0;

	(void)as;
	(void)i;
	for (size_t k = 1; k + 1 < w->n; k++)
		if (w->words[k].is_known && w->words[k].text[0] == '-' && strspn(w->words[k].text + 1, "qeafc") > 0 &&
		    w->words[k].text[strlen(w->words[k].text) - 1] == 'c')
			at = k + 1;
	for (size_t k = 1; k < w->n; k++)
		if (k != at && w->words[k].text[0] == '-' && w->words[k].text[1 + strspn(w->words[k].text + 1, "qeafc")] != 0)
			at = 0;
	for (size_t k = 1; k < w->n; k++)
		if (w->words[k].is_open || w->words[k].text[0] == SP_SHELL_UNKNOWN)
			at = 0;
	if (at == 0)
		sp_shell_wrap_object(w, "a shell whose commands come from elsewhere");
	else
		sp_shell_wrap_line(w, &w->words[at]);
}

static const char *const sp_shell_env_longs[] = {"--ignore-environment", "--null", "--unset=", "--chdir=", NULL};
static const char *const sp_shell_timeout_longs[] = {"--foreground", "--preserve-status", "--verbose", "--kill-after=",
    "--signal=", NULL};
static const char *const sp_shell_nice_longs[] = {"--adjustment=", NULL};
static const char *const sp_shell_buf_longs[] = {"--input=", "--output=", "--error=", NULL};
static const char *const sp_shell_setsid_longs[] = {"--ctty", "--fork", "--wait", NULL};
static const char *const sp_shell_ionice_longs[] = {"--class=", "--classdata=", "--ignore", NULL};
static const char *const sp_shell_chroot_longs[] = {"--userspec=", "--groups=", "--skip-chdir", NULL};
static const char *const sp_shell_sudo_longs[] = {"--user=", "--group=", "--non-interactive", "--login", "--shell",
    "--stdin", "--set-home", "--prompt=", "--reset-timestamp", NULL};
static const char *const sp_shell_xargs_longs[] = {"--null", "--no-run-if-empty", "--verbose", "--exit", "--max-args=",
    "--max-procs=", "--max-lines=", "--max-chars=", "--delimiter=", "--arg-file=", "--replace=", NULL};
static const char *const sp_shell_watch_longs[] = {"--interval=", "--differences", "--no-title", "--color", "--beep",
    "--errexit", "--chgexit", "--precise", NULL};
static const char *const sp_shell_flock_longs[] = {"--shared", "--exclusive", "--unlock", "--nonblock", "--wait=",
    "--timeout=", "--close", "--no-fork", "--verbose", NULL};
static const char *const sp_shell_unit_longs[] = {"--user", "--scope", "--wait", "--pty", "--pipe", "--collect",
    "--quiet", "--unit=", "--description=", "--no-block", NULL};

static const struct sp_shell_wrapper sp_shell_wrappers[] = {
    {"env", "i0v", "uC", sp_shell_env_longs, 0, true, sp_shell_run_env},
    {"xargs", "0rtpxo", "nLPsdEIa", sp_shell_xargs_longs, 0, false, sp_shell_run_xargs},
    {"nice", "", "n", sp_shell_nice_longs, 0, false, sp_shell_run_words},
    {"nohup", "", "", NULL, 0, false, sp_shell_run_words},
    {"time", "p", "", NULL, 0, false, sp_shell_run_time},
    {"timeout", "v", "ks", sp_shell_timeout_longs, 1, false, sp_shell_run_words},
    {"stdbuf", "", "ioe", sp_shell_buf_longs, 0, false, sp_shell_run_words},
    {"setsid", "cfw", "", sp_shell_setsid_longs, 0, false, sp_shell_run_words},
    {"ionice", "t", "cn", sp_shell_ionice_longs, 0, false, sp_shell_run_words},
    {"chroot", "", "", sp_shell_chroot_longs, 1, false, sp_shell_run_chroot},
    {"sudo", "EHnSkbBPsilvK", "ugpCUt", sp_shell_sudo_longs, 0, true, sp_shell_run_sudo},
    {"doas", "n", "u", NULL, 0, false, sp_shell_run_sudo},
    {"su", NULL, NULL, NULL, 0, false, sp_shell_run_su},
    {"runuser", NULL, NULL, NULL, 0, false, sp_shell_run_runuser},
    {"sh", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"bash", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"rbash", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"dash", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"ash", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"ksh", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"ksh93", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"mksh", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"lksh", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"yash", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"zsh", NULL, NULL, NULL, 0, false, sp_shell_run_shell},
    {"ssh", "46aCkqTtvxnN", "pliebcmE", NULL, 1, false, sp_shell_run_ssh},
    {"watch", "tbegcp", "n", sp_shell_watch_longs, 0, false, sp_shell_run_watch},
    {"flock", "sxeunoF", "wE", sp_shell_flock_longs, 1, false, sp_shell_run_flock},
    {"script", NULL, NULL, NULL, 0, false, sp_shell_run_script},
    {"unshare", "muipnUCTfr", "", NULL, 0, false, sp_shell_run_chroot},
    {"nsenter", "muipnUCTaF", "tSG", NULL, 0, false, sp_shell_run_chroot},
    {"systemd-run", "tPGq", "", sp_shell_unit_longs, 0, false, sp_shell_run_chroot},
    {"busybox", NULL, NULL, NULL, 0, false, sp_shell_run_busybox},
    {"toybox", NULL, NULL, NULL, 0, false, sp_shell_run_busybox},
};

/* Programs that run others in ways that are not read here. */
static const char *const sp_shell_runners[] = {"ansible-console", "at", "autossh", "batch", "bwrap", "capsh",
    "catchsegv", "choom", "chpst", "chronic", "chrt", "cpulimit", "cron", "csh", "daemonize", "dbclient",
    "dbus-run-session", "direnv", "dropbear", "dtach", "dumb-init", "eatmydata", "elvish", "entr", "envdir",
    "expect", "fakechroot", "fakeroot", "faketime", "firejail", "fish", "flatpak", "gdb", "gdbserver", "gosu",
    "guix", "hyperfine", "i386", "ifne", "ld.so", "linux32", "linux64", "lldb", "logsave", "ltrace", "lxc-attach",
    "lxc-execute", "machinectl", "mispipe", "mosh", "newgrp", "nix-shell", "nodemon", "nu", "numactl", "parallel",
    "pee", "perf", "pkexec", "prlimit", "proot", "proxychains", "proxychains4", "pwsh", "rc", "rexec", "rlwrap",
    "rsh", "run-parts", "run0", "screen", "scriptlive", "sem", "setarch", "setpriv", "setuidgid", "sg", "slogin",
    "softlimit", "ssh-agent", "ssh-argv0", "sshpass", "start-stop-daemon", "strace", "su-exec", "sudoedit",
    "systemd-cat", "systemd-inhibit", "systemd-nspawn", "taskset", "tclsh", "tcsh", "tini", "tmux", "torsocks",
    "ts-node", "tsocks", "unbuffer", "valgrind", "vipe", "watchexec", "x86_64", "xonsh", "xvfb-run", NULL};

void
sp_shell_wrap(struct sp_shell *s, const struct sp_shell_place *place, size_t index, const struct sp_shell_word *words,
    size_t n)
{
	const struct sp_shell_wrapped w = {s, place, index, words, n, NULL};
	const char *slash = strrchr(words[0].text, '/'), *base = slash == NULL ? words[0].text : slash + 1;

	for (size_t k = 0; k < sizeof(sp_shell_wrappers) / sizeof(sp_shell_wrappers[0]); k++) {
		const struct sp_shell_wrapper *as = &sp_shell_wrappers[k];
		size_t i = 1;

		if (strcmp(as->name, base) != 0)
			continue;
		if (as->flags != NULL)
			i = sp_shell_skip_options(&w, as);
		if (i > 0 && as->operands > 0 && as->run != sp_shell_run_flock && as->run != sp_shell_run_ssh)
			i = sp_shell_skip_operands(&w, as, i);
		if (i > 0)
			as->run(&w, as, i);
		return;
	}
	if (sp_shell_in(sp_shell_runners, base, strlen(base)) || strncmp(base, "ld-linux", 8) == 0 ||
	    strncmp(base, "ld-musl", 7) == 0) {
		sp_shell_wrap_object(&w, "a program that runs another one, in a way that is not read here");
	} else if (strcmp(base, "find") == 0) {
		sp_shell_find(&w);
	} else if (strcmp(base, "ip") == 0) {
		sp_shell_ip(&w);
	} else if (strcmp(base, "sed") == 0 || strcmp(base, "gsed") == 0) {
		sp_shell_sed(&w);
	} else if (strcmp(base, "awk") == 0 || strcmp(base, "gawk") == 0 || strcmp(base, "mawk") == 0 ||
	    strcmp(base, "nawk") == 0 || strcmp(base, "original-awk") == 0) {
		sp_shell_awk(&w);
	} else {
		sp_shell_interpreter(&w);
	}
}
