/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: what is read of them; patterns; connections and execs of kinds ssh, shell and command. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"
#include "policy/shell.h"
#include "policy/source.h"
#include "policy/subject.h"

#define PLACE_MAX 4096

/* A line as text: commands with their words in [ ], ? for what is unknown, + after what is open; files; reasons. */
static void
describe(const char *text, size_t len, char *out, size_t size)
{
	struct sp_shell *s;
	size_t n = 0;

	out[0] = 0;
	assert_int_equal(sp_shell_parse(text, len, 0, &s), 0);
	for (size_t i = 0; i < sp_shell_count(s); i++) {
		const struct sp_shell_command *c = sp_shell_at(s, i);

		n += (size_t)snprintf(out + n, size - n, "%s%s", i == 0 ? "" : " ", c->user);
		for (size_t k = 0; k < c->nwords; k++) {
			n += (size_t)snprintf(out + n, size - n, "[%s]%s", c->words[k].text, c->words[k].is_open ? "+" : "");
			assert_true(n < size);
		}
		for (size_t k = 0; k < c->nredirects; k++)
			n += (size_t)snprintf(out + n, size - n, "%s%s%s", c->redirects[k].is_read ? "<" : "",
			    c->redirects[k].is_write ? ">" : "", c->redirects[k].target.text);
		assert_true(n < size);
	}
	for (size_t i = 0; i < n; i++)
		if (out[i] == SP_SHELL_UNKNOWN)
			out[i] = '?';
	if (sp_shell_refused(s) != NULL)
		(void)snprintf(out + n, size - n, " refused");
	else if (sp_shell_reasons(s) > 0)
		(void)snprintf(out + n, size - n, " @%zu", sp_shell_reason(s, 0)->position);
	sp_shell_free(s);
}

static void
test_lines(void **state)
{
	static const char *const lines[][2] = {
	    {"", ""},
	    {" # x", ""},
	    {"a b 'c d' \"e f\" g\\ h", "[a][b][c d][e f][g h]"},
	    {"a>b<c 2>d", "[a]>b<c>d"},
	    {"a >>b <>c", "[a]>b<>c"},
	    {"a 2>/dev/null >&2", "[a]"},
	    {"a $b \"$c\" d$e\"f\" $1 \"$@\" $?", "[a][?]+[?][d?f]+[?]+[?]+[?]"},
	    {"a *.c [xy]z '*' \\? ~/b", "[a][?.c]+[?]+[*][?][?/b]"},
	    {"a {b,c} {} d=~/e", "[a][?]+[{}][d=?/e]"},
	    {"a | b && c || d; e & f", "[a] [b] [c] [d] [e] [f]"},
	    {"a $(b `c`) \"$(d)\"", "[c] [b][?]+ [d] [a][?]+[?]"},
	    {"x() { a \"$1\"; }; x b", "[a][?] [x][b]"},
	    {"case a in b|c) d;; (e) f; esac", "[d] [f]"},
	    {"if a; then b; elif c; then d; else e; fi >f", "[a] [b] [c] [d] [e] [:]>f"},
	    {"for i in a $b; do c; done", "[c]"},
	    {"a <<X b\n$(c)\nX\nd", "[a][b] [c] [d]"},
	    {"sudo -u x -n a b", "[sudo][-u][x][-n][a][b] x[a][b]"},
	    {"sh -c 'a; b' c", "[sh][-c][a; b][c] [a] [b]"},
	    {"xargs -n 2 a b", "[xargs][-n][2][a][b] [a][b][?]+"},
	    {"find a -exec b {} + -exec c x{} ';'", "[find][a][-exec][b][{}][+][-exec][c][x{}][;] [b][?]+ [c][?]"},
	    {"watch -n 5 'a | b'", "[watch][-n][5][a | b] [a] [b]"},
	    {"python3 a.py b", "[python3][a.py][b] [./a.py][b]"},
	    {"a\\\nb \\\n c", "[ab][c]"},
	    {"a; $b c", "[a] [?]+[c] @3"},
	    {"eval \"$a\"", "[eval][?] @0"},
	    {"a\001", " @1"},
	    {"a\377", " refused"}};
	char got[PLACE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		describe(lines[i][0], strlen(lines[i][0]), got, sizeof(got));
		assert_string_equal(got, lines[i][1]);
	}
}

static void
test_facts(void **state)
{
	static const char text[] = "a | sudo b & (c); vim x; cd y; exit";
	struct sp_shell *s;

	(void)state;
	assert_int_equal(sp_shell_parse(text, strlen(text), 0, &s), 0);
	assert_int_equal(sp_shell_count(s), 7);
	assert_int_equal(sp_shell_at(s, 0)->reach, SP_SHELL_PIPELINE | SP_SHELL_BACKGROUND);
	assert_int_equal(sp_shell_at(s, 2)->reach, SP_SHELL_PIPELINE | SP_SHELL_BACKGROUND | SP_SHELL_WRAPPED);
	assert_int_equal(sp_shell_at(s, 2)->wrapper, 1);
	assert_string_equal(sp_shell_at(s, 2)->user, "root");
	assert_int_equal(sp_shell_at(s, 3)->reach, SP_SHELL_SUBSHELL);
	assert_int_equal(sp_shell_at(s, 3)->position, 14);
	assert_true(sp_shell_at(s, 4)->can_escape);
	assert_true(sp_shell_at(s, 5)->is_builtin && !sp_shell_at(s, 5)->is_silent);
	assert_true(sp_shell_at(s, 6)->is_silent);
	assert_true(sp_shell_at(s, 0)->is_moved);
	sp_shell_free(s);
}

/* Each line cut at every byte: nothing is read past the end, and what was in it before the cut is still there. */
static void
test_cut(void **state)
{
	static const char text[] = "b \"c $(d `e \\`f\\``) ${g:-h}\" | i 2>&1 <<X && { j $'k' *; } > l\n$(m)\nX\n"
				   "case n in (o|p) sudo -u q sh -c 'rr $s';; esac; for t in u; do find v -exec w {} +; done\n"
				   "if x; then y() { z; }; fi; awk '{print}' A | sed -n 's/B/C/p' # D\n";
	char whole[PLACE_MAX], part[PLACE_MAX];

	(void)state;
	describe(text, strlen(text), whole, sizeof(whole));
	assert_null(strchr(whole, '@'));
	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = malloc(n == 0 ? 1 : n);

		memcpy(copy, text, n);
		describe(copy, n, part, sizeof(part));
		free(copy);
	}
}

static void
test_limits(void **state)
{
	char *text = malloc(SP_SHELL_TEXT_MAX + 2), got[PLACE_MAX];
	struct sp_shell *s;

	(void)state;
	memset(text, 'a', SP_SHELL_TEXT_MAX + 1);
	assert_int_equal(sp_shell_parse(text, SP_SHELL_TEXT_MAX, 0, &s), 0);
	assert_null(sp_shell_refused(s));
	sp_shell_free(s);
	assert_int_equal(sp_shell_parse(text, SP_SHELL_TEXT_MAX + 1, 0, &s), 0);
	assert_non_null(sp_shell_refused(s));
	sp_shell_free(s);
	for (size_t i = 0; i < SP_SHELL_TEXT_MAX; i++)
		text[i] = "$(`\"{"[i % 5];
	describe(text, SP_SHELL_TEXT_MAX, got, sizeof(got));
	for (size_t i = 0; i < SP_SHELL_TEXT_MAX; i++)
		text[i] = "a;"[i % 2];
	assert_int_equal(sp_shell_parse(text, SP_SHELL_TEXT_MAX, 0, &s), 0);
	assert_non_null(sp_shell_refused(s));
	sp_shell_free(s);
	free(text);
}

/* --- policies --------------------------------------------------------------------------------------- */

static const char connections[] =
    "version: 1\n"
    "connections:\n"
    "  web: { kind: ssh, address: 'h:22', host_keys: { sshfp: true }, login: { user: ops, certificate: true } }\n"
    "  sh:  { kind: shell, idle: 1h }\n"
    "  cmd: { kind: command, command: [/bin/x], run_as: svc, idle: 1h, secrets: { TOKEN: { file: /t } } }\n"
    "rules:\n";

static struct sp_buf *
compile(const char *rules, char *why, size_t size)
{
	struct sp_policy_source *s = sp_policy_source_new();
	struct sp_buf *b = sp_buf_new(0);
	char *all;

	assert_true(asprintf(&all, "%s%s", rules[0] == 'v' ? "" : connections, rules) > 0);
	if (why != NULL)
		why[0] = 0;
	if (sp_policy_source_add(s, "p", all, strlen(all)) != 0 || sp_policy_source_compile(s, 1, b) != 0) {
		const struct sp_diag *d = sp_diags_at(sp_policy_source_diags(s), 0);

		if (why != NULL)
			(void)snprintf(why, size, "%u:%u %s", d->line, d->column, d->message);
		sp_buf_free(b);
		b = NULL;
	}
	sp_policy_source_free(s);
	free(all);
	return b;
}

static struct sp_decision
ask(const char *rules, const char *connection, struct sp_decide_request *q)
{
	struct sp_buf *b = compile(rules, NULL, 0);
	struct sp_policy_image *im;
	struct sp_policy_subject *who;
	struct sp_decide_scope *scope;
	struct sp_decision d;

	assert_non_null(b);
	assert_int_equal(sp_policy_image_open(sp_buf_data(b), sp_buf_len(b), &im), 0);
	assert_int_equal(sp_policy_subject_new("{}", 2, &who), 0);
	assert_int_equal(sp_decide_scope_new(im, who, sp_policy_image_find(im, connection), &scope), 0);
	sp_decide(scope, q, &d);
	d.rule = NULL; /* the image goes */
	d.approve = NULL;
	d.terms.banner = NULL;
	sp_decide_scope_free(scope);
	sp_policy_subject_free(who);
	sp_policy_image_free(im);
	sp_buf_free(b);
	return d;
}

static enum sp_policy_effect
line(const char *rule, const char *text)
{
	struct sp_decide_request q = {0};
	struct sp_shell *s;
	struct sp_decision d;
	char *rules;

	assert_true(asprintf(&rules, "  - { name: a, %s }\n", rule) > 0);
	assert_int_equal(sp_shell_parse(text, strlen(text), 0, &s), 0);
	q.shell = s;
	d = ask(rules, "web", &q);
	sp_shell_free(s);
	free(rules);
	return d.effect;
}

#define ALLOW(pattern) "do: { argv: ['" pattern "'] }, effect: allow"
/* Denied by a rule, rather than for want of one: everything else is allowed. */
#define DENY(pattern) "effect: allow }\n  - { name: b, do: { argv: ['" pattern "'] }, effect: deny"

static void
test_patterns(void **state)
{
	static const struct {
		const char *rule, *text;
		enum sp_policy_effect effect;
	} cases[] = {{ALLOW("x"), "x", SP_POLICY_ALLOW}, {ALLOW("x"), "x y", SP_POLICY_DENY},
	    {ALLOW("x *"), "x y", SP_POLICY_ALLOW}, {ALLOW("x *"), "x", SP_POLICY_DENY}, {ALLOW("x *"), "x y z", SP_POLICY_DENY},
	    {ALLOW("x *"), "x /a/b", SP_POLICY_ALLOW}, {ALLOW("x a*"), "x a/b", SP_POLICY_DENY},
	    {ALLOW("x a**"), "x a/b", SP_POLICY_ALLOW}, {ALLOW("x /a/**/c"), "x /a/b/b/c", SP_POLICY_ALLOW},
	    {ALLOW("x /a/**"), "x /a/../b", SP_POLICY_DENY}, {ALLOW("x /a/**/d*f"), "x /a/de/b/dgf", SP_POLICY_ALLOW},
	    {ALLOW("x **"), "x", SP_POLICY_ALLOW}, {ALLOW("x **"), "x $y", SP_POLICY_ALLOW},
	    {ALLOW("x *"), "x $y", SP_POLICY_DENY}, {ALLOW("x *"), "x \"$y\"", SP_POLICY_ALLOW},
	    {ALLOW("x a*"), "x \"a$y\"", SP_POLICY_DENY}, {ALLOW("x a**"), "x \"a$y\"", SP_POLICY_ALLOW},
	    {ALLOW("x a*"), "x a$?", SP_POLICY_ALLOW}, {ALLOW("x ?"), "x \"$y\"", SP_POLICY_DENY},
	    {ALLOW("x a?c"), "x abc", SP_POLICY_ALLOW}, {ALLOW("x a?c"), "x a/c", SP_POLICY_DENY},
	    {ALLOW("/a/x"), "/a/x", SP_POLICY_ALLOW}, {ALLOW("/a/x"), "x", SP_POLICY_DENY},
	    {ALLOW("/a/*"), "/a/b/x", SP_POLICY_DENY}, {ALLOW("/a/**"), "/a/../x", SP_POLICY_DENY},
	    {ALLOW("x"), "/usr/bin/x", SP_POLICY_ALLOW}, {ALLOW("x"), "/a/x", SP_POLICY_DENY},
	    {ALLOW("**"), "/a/x b", SP_POLICY_ALLOW}, {ALLOW("vi*"), "vim a", SP_POLICY_DENY},
	    {ALLOW("**"), "vim a", SP_POLICY_DENY}, {ALLOW("vim **"), "vim a", SP_POLICY_ALLOW},
	    {DENY("x"), "/a/x", SP_POLICY_DENY}, {DENY("x a"), "x b", SP_POLICY_ALLOW}, {DENY("x a"), "x $y", SP_POLICY_DENY},
	    {DENY("x a"), "x \"$y\"", SP_POLICY_DENY}, {DENY("x a"), "x \"b$y\"", SP_POLICY_ALLOW},
	    {DENY("x a b"), "x $y b", SP_POLICY_DENY}, {DENY("x a b"), "x $y c", SP_POLICY_ALLOW},
	    {DENY("x a"), "x a $y", SP_POLICY_DENY}, {DENY("x a"), "x a b", SP_POLICY_ALLOW},
	    {DENY("x a **"), "x a b", SP_POLICY_DENY}, {DENY("x /a/b"), "x /a/./c/../b", SP_POLICY_DENY},
	    {DENY("x /a/b"), "x \"$y\"/../b", SP_POLICY_DENY}, {DENY("x /a/b"), "x \"$y\"/../c", SP_POLICY_ALLOW},
	    {DENY("/a/x"), "x", SP_POLICY_DENY}, {DENY("/a/x"), "/b/../a/x", SP_POLICY_DENY},
	    {DENY("x a*b"), "x a/c/b", SP_POLICY_DENY}, {DENY("sudo **"), "x", SP_POLICY_ALLOW},
	    {"do: { argv: [x], in: [/**] }, effect: allow", "x", SP_POLICY_DENY},
	    {"effect: allow }\n  - { name: b, do: { argv: [x], in: [/a] }, effect: deny", "x", SP_POLICY_DENY},
	    {"do: { argv: [x] }, effect: allow", "cd /; x", SP_POLICY_DENY},
	    {"do: { argv: [x] }, effect: allow", "kill 1; x", SP_POLICY_DENY},
	    {"do: { argv: [x] }, effect: allow", "true; x; exit 1", SP_POLICY_ALLOW}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (line(cases[i].rule, cases[i].text) != cases[i].effect)
			fail_msg("%s | %s", cases[i].rule, cases[i].text);
}

static struct sp_decision
run(const char *rules, const char *path, const char *const *argv, const char *interpreter, const char *user, bool declared)
{
	const struct sp_decide_exec e = {.path = path, .argv = argv, .interpreter = interpreter, .cwd = "/srv/a", .user = user,
	    .is_declared = declared};
	struct sp_decide_request q = {.exec = &e};

	return ask(rules, "cmd", &q);
}

static void
test_exec(void **state)
{
	static const char rules[] = "  - { name: a, do: { argv: ['ls **', /srv/*/run, 'sh **'], in: [/srv/**] }, effect: allow,\n"
				    "      secrets: [TOKEN], session: { idle: 10m, record_input: true, lines: gate } }\n"
				    "  - { name: b, do: { argv: ['rm **', 'python3 **'] }, effect: deny }\n"
				    "  - { name: c, do: { argv: ['ls /root'] , as: [root] }, effect: deny }\n";
	static const char *const ls[] = {"ls", "/root", NULL}, *const rm[] = {"rm", "x", NULL}, *const none[] = {NULL},
				 *const loader[] = {"ld.so", "/bin/rm", NULL}, *const busybox[] = {"busybox", "rm", NULL};
	const struct sp_decide_exec elsewhere = {.path = "/bin/x", .argv = none, .interpreter = "", .cwd = "", .user = ""};
	struct sp_decision d = run(rules, "/usr/bin/ls", ls, "", "alice", false);
	struct sp_decide_request q = {0};

	(void)state;
	assert_int_equal(d.effect, SP_POLICY_ALLOW);
	assert_int_equal(d.label, SP_POLICY_ENFORCED);
	assert_int_equal(d.nsecrets, 1);
	assert_int_equal(d.terms.idle_seconds, 600);
	assert_true(d.terms.records_input);
	assert_int_equal(d.terms.lines, SP_POLICY_LINES_GATE);
	d = run(rules, "/usr/bin/ls", ls, "", "root", false);
	assert_int_equal(d.effect, SP_POLICY_DENY);
	assert_int_equal(d.nsecrets, 0);
	assert_int_equal(run(rules, "/tmp/ls", ls, "", "alice", false).effect, SP_POLICY_DENY);
	assert_int_equal(run(rules, "/usr/bin/ls", none, "", "alice", false).effect, SP_POLICY_ALLOW);
	assert_int_equal(run(rules, "/srv/a/run", none, "/bin/sh", "alice", false).effect, SP_POLICY_ALLOW);
	assert_int_equal(run(rules, "/srv/a/run", none, "/usr/bin/python3", "alice", false).effect, SP_POLICY_DENY);
	assert_int_equal(run(rules, "/srv/a/b/run", none, "", "alice", false).effect, SP_POLICY_DENY);
	assert_int_equal(run(rules, "/usr/bin/ls", rm, "", "alice", false).effect, SP_POLICY_DENY);
	assert_int_equal(run(rules, "ls", ls, "", "alice", false).effect, SP_POLICY_DENY);
	assert_int_equal(run(rules, "/tmp/x", none, "", "alice", true).effect, SP_POLICY_ALLOW);
	assert_int_equal(run(rules, "/usr/bin/rm", rm, "", "alice", true).effect, SP_POLICY_DENY);
	assert_int_equal(run("  - { name: a, effect: allow }\n", "/tmp/x", none, "", "alice", false).effect, SP_POLICY_ALLOW);
	assert_int_equal(run("  - { name: a, do: { argv: [/tmp/x], in: [/opt/**] }, effect: allow }\n", "/tmp/x", none, "", "alice",
			     false)
			     .effect,
	    SP_POLICY_DENY);
	/* A secret goes only where the connection has it. */
	q.exec = &elsewhere;
	assert_int_equal(ask("  - { name: a, effect: allow, secrets: [TOKEN] }\n", "web", &q).nsecrets, 0);
	assert_int_equal(ask("  - { name: a, effect: allow, secrets: [TOKEN] }\n", "sh", &q).nsecrets, 0);
	assert_int_equal(ask("  - { name: a, effect: allow, secrets: [TOKEN] }\n", "cmd", &q).nsecrets, 1);
	assert_int_equal(run("  - { name: a, effect: allow }\n", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", loader, "", "alice",
			     false)
			     .effect,
	    SP_POLICY_DENY);
	assert_int_equal(run("  - { name: a, effect: allow }\n  - { name: b, do: { argv: ['rm **'] }, effect: deny }\n",
			     "/bin/busybox", busybox, "", "alice", false)
			     .effect,
	    SP_POLICY_DENY);
}

static void
test_terminal(void **state)
{
	struct sp_decide_request q = {.is_terminal = true};

	(void)state;
	assert_int_equal(ask("  - { name: a, effect: allow }\n", "web", &q).effect, SP_POLICY_ALLOW);
	assert_int_equal(ask("  - { name: a, effect: allow }\n", "web", &q).label, SP_POLICY_ADVISORY);
	assert_int_equal(ask("  - { name: a, effect: allow }\n", "sh", &q).label, SP_POLICY_ENFORCED);
	assert_int_equal(ask("  - { name: a, do: { argv: [ls] }, effect: allow }\n", "web", &q).effect, SP_POLICY_DENY);
	assert_int_equal(ask("  - { name: a, do: { interactive: true }, effect: allow }\n", "web", &q).effect, SP_POLICY_ALLOW);
	assert_int_equal(ask("  - { name: a, effect: allow }\n  - { name: b, do: { interactive: true }, effect: deny }\n", "web",
			     &q)
			     .effect,
	    SP_POLICY_DENY);
}

/* --- what is wrong in a file ------------------------------------------------------------------------ */

#define HEAD "version: 1\nconnections:\n  c:\n    kind: "
#define SSH HEAD "ssh\n    address: h:22\n"
#define KEYS "    host_keys: { sshfp: true }\n"
#define LOGIN "    login: { user: u, certificate: true }\n"

static void
test_diagnostics(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {{SSH LOGIN, "4:5 the connection \"c\" does not say how its host is known"},
	    {SSH KEYS, "4:5 the connection \"c\" has no login"},
	    {SSH LOGIN "    host_keys: [ssh-ed25519 AAAA]\n", "7:17 this is no public key"},
	    {SSH LOGIN "    host_keys: [\"ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\"]\n",
		"7:17 this is no public key"},
	    {SSH LOGIN "    host_keys: { known_hosts: x }\n", "7:31 expected an absolute path"},
	    {SSH LOGIN "    host_keys: { pinnd: [x] }\n", "7:18 unknown key \"pinnd\""},
	    {SSH KEYS "    login: { user: u }\n", "7:12 expected one of key, password, certificate"},
	    {SSH KEYS "    login: { user: u, key: x }\n", "7:28 a key does not belong in a policy"},
	    {SSH KEYS "    login: { user: u, certificate: { for: 2h } }\n", NULL},
	    {SSH KEYS "    login: { user: u, certificate: { ca: x } }\n", "7:42 a CA's private key does not belong in a policy"},
	    {SSH KEYS "    login: { user: u, certificate: { ca: { file: x } } }\n", "7:50 expected an absolute path"},
	    {SSH KEYS "    login: { user: u, certificate: { principal: 'a,b' } }\n", "7:49 a principal is one name"},
	    {SSH KEYS "    login: { user: u, certificate: { source_address: [x] } }\n", "7:55 \"x\" is no network"},
	    {SSH KEYS "    login: { user: u, certificate: { source_address: 10.0.0.1/8 } }\n", "7:54 \"10.0.0.1/8\" is no network"},
	    {SSH KEYS "    login: { user: u, certificate: { sources: x } }\n", "7:38 unknown key \"sources\""},
	    {SSH KEYS LOGIN "    jump: d\n", "8:11 there is no connection \"d\""},
	    {SSH KEYS LOGIN "    jump: c\n", "8:11 more than 8 jumps, or a circle"},
	    {SSH KEYS LOGIN "    database: x\n", "8:5 unknown key \"database\""},
	    {HEAD "shell\n    address: h:22\n", "5:5 unknown key \"address\""},
	    {HEAD "shell\n    run_as: Bad!\n", "5:13 \"Bad!\" is no login name"},
	    {HEAD "shell\n    directory: x\n", "5:16 expected an absolute path"},
	    {HEAD "shell\n    environment: { a-b: c }\n", "5:20 \"a-b\" is no name of a variable"},
	    {HEAD "shell\n    run_as: root\n", "5:13 root must be asked for explicitly"},
	    {HEAD "shell\n    run_as: { user: root }\n", "5:21 root must be asked for explicitly"},
	    {HEAD "shell\n    run_as: { user: sallyport-shell, privileged: true }\n",
		"5:21 nobody runs anything as an account of Sallyport's own"},
	    {HEAD "shell\n    run_as: { privileged: true }\n", "5:13 user is missing"},
	    {HEAD "shell\n    run_as: { user: x, privilegd: true }\n", "5:24 unknown key \"privilegd\""},
	    {HEAD "shell\n    run_as: svc\n    secrets: { X: { file: /t } }\n",
		"6:14 a secret cannot go into a shell: whoever types there could show or send it"},
	    {HEAD "command\n    command: [/bin/x]\n    secrets: { X: { file: /t } }\n",
		"6:14 the command runs as the person, whose processes must not hold a secret"},
	    {HEAD "command\n    command: [/bin/x]\n    run_as: svc\n    secrets: { X: { vault: kv/t } }\n",
		"7:19 a command's secret comes from file or systemd-credential"},
	    {HEAD "command\n    command: [/bin/x]\n    run_as: svc\n    secrets: { X: y }\n",
		"7:19 a secret does not belong in a policy"},
	    {HEAD "command\n    run_as: u\n", "4:5 the connection \"c\" has no command"},
	    {HEAD "command\n    command: [ls]\n", "5:14 the first word is the absolute path of a program"},
	    {HEAD "command\n    command: [/bin/x, '{a}']\n", "5:23 \"{a}\" is none of the parameters"},
	    {HEAD "command\n    command: [/bin/x, '{a}']\n    parameters: { a: '[' }\n",
		"6:22 the pattern is not right at character 2: missing terminating ] for character class"},
	    {HEAD "command\n    command: [/bin/x]\n    parameters: { a: { default: x } }\n", "6:22 a parameter needs a pattern"},
	    {"  - { name: a, effect: allow, do: { argv: ['x ** y'] } }\n", "7:44 a word ** can only be the last one"},
	    {"  - { name: a, effect: allow, do: { argv: ['x ../y'] } }\n", "7:44 a pattern has no \"..\" in it"},
	    {"  - { name: a, effect: allow, do: { as: [x] } }\n", "7:35 as and in need argv: which commands"},
	    {"  - { name: a, effect: deny, do: { argv: [x] }, secrets: [TOKEN] }\n",
		"7:58 a rule that denies has nothing to give secrets to"},
	    {"  - { name: a, effect: allow, secrets: [TOKN] }\n", "7:41 no connection has a secret \"TOKN\""},
	    {"  - { name: a, effect: allow, session: { idel: 1h } }\n", "7:42 unknown key \"idel\""},
	    {"  - { name: a, effect: allow, do: { unresolved: yes } }\n", NULL}};
	char why[256];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(compile(bad[i].text, why, sizeof(why)));
		if (bad[i].why != NULL)
			assert_string_equal(why, bad[i].why);
	}
}

static void
test_connections(void **state)
{
	static const char text[] =
	    "version: 1\nconnections:\n"
	    "  a:\n    kind: ssh\n    address: h:22\n    jump: b\n    banner: hello\n    lines: record\n"
	    "    host_keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@x']\n"
	    "    login: { user: u, certificate: { for: 5m, source_address: [10.0.0.0/8, '::1'] } }\n"
	    "  b:\n    kind: ssh\n    address: g:23\n    host_keys: { known_hosts: /k }\n    login: { user: v, key: { file: /f } }\n"
	    "  c:\n    kind: command\n    command: [/bin/x, 'a{p}', '{q}']\n    record_input: true\n"
	    "    run_as: { user: svc, privileged: true }\n"
	    "    parameters: { p: '[a-z]+', q: { pattern: '.*', default: '' } }\n    environment: { A: b }\n"
	    "    secrets: { T: { systemd-credential: t } }\n";
	struct sp_buf *b = compile(text, NULL, 0);
	const struct sp_policy_connection *c;
	struct sp_policy_image *im;

	(void)state;
	assert_non_null(b);
	assert_int_equal(sp_policy_image_open(sp_buf_data(b), sp_buf_len(b), &im), 0);
	c = sp_policy_image_find(im, "a");
	assert_int_equal(c->kind, SP_POLICY_KIND_SSH);
	assert_int_equal(c->login, SP_POLICY_LOGIN_CERTIFICATE);
	assert_int_equal(c->certificate_seconds, 300);
	assert_int_equal(c->secret, SP_POLICY_SECRET_FILE);
	assert_string_equal(c->secret_value, "/etc/sallyport/secrets/ssh-ca");
	assert_int_equal(c->nsource_addresses, 2);
	assert_string_equal(c->source_addresses[1], "::1");
	assert_string_equal(c->principal, "u");
	assert_string_equal(c->jump, "b");
	assert_string_equal(c->banner, "hello");
	assert_int_equal(c->lines, SP_POLICY_LINES_RECORD);
	assert_int_equal(c->nhost_keys, 1);
	assert_string_equal(c->host_keys[0],
	    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f");
	c = sp_policy_image_find(im, "b");
	assert_int_equal(c->login, SP_POLICY_LOGIN_KEY);
	assert_int_equal(c->secret, SP_POLICY_SECRET_FILE);
	assert_string_equal(c->known_hosts, "/k");
	c = sp_policy_image_find(im, "c");
	assert_int_equal(c->ncommand, 3);
	assert_string_equal(c->run_as, "svc");
	assert_true(c->is_privileged);
	assert_true(c->records_input);
	assert_int_equal(c->lines, SP_POLICY_LINES_FREE);
	assert_string_equal(c->parameters[0].pattern, "[a-z]+");
	assert_true(c->parameters[1].is_optional);
	assert_string_equal(c->environment[0].value, "b");
	assert_int_equal(c->secrets[0].secret, SP_POLICY_SECRET_CREDENTIAL);
	sp_policy_image_free(im);
	sp_buf_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_facts),
	    cmocka_unit_test(test_cut), cmocka_unit_test(test_limits), cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_exec), cmocka_unit_test(test_terminal), cmocka_unit_test(test_diagnostics),
	    cmocka_unit_test(test_connections)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
