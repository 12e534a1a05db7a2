/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport(8): the operator's and reviewer's command. */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static int sp_sallyport_help(int argc, char **argv);
static int sp_sallyport_version(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} sp_sallyport_commands[] = {
    {"policy", sp_cli_policy, "check, test or explain the policy"},
    {"sessions", sp_cli_sessions, "list recorded sessions, open ones included"},
    {"replay", sp_cli_replay, "show a session again: its terminal, or its events"},
    {"search", sp_cli_search, "find a text in all sessions"},
    {"watch", sp_cli_watch, "follow a live session's terminal"},
    {"end", sp_cli_end, "end a live session"},
    {"pause", sp_cli_pause, "stop what flows in a live session"},
    {"resume", sp_cli_resume, "let it flow again"},
    {"revoke", sp_cli_revoke, "refuse a person, session, key or token from now on, and end what they have open"},
    {"unrevoke", sp_cli_unrevoke, "take that back"},
    {"revoked", sp_cli_revoked, "list who is revoked"},
    {"verify", sp_cli_verify, "prove that the records are whole and unchanged"},
    {"export", sp_cli_export, "write a session as asciicast, for sudo or tlog, or as JSON"},
    {"quarantine", sp_cli_quarantine, "files that were refused for what is in them"},
    {"import", sp_cli_import, "take over the settings of opkssh"},
    {"people", sp_cli_people, "give people accounts and uids, and take them away"},
    {"host-ca", sp_cli_host_ca, "print the known_hosts line for ssh -J"},
    {"status", sp_cli_status, "ask the daemons how they are"},
    {"version", sp_sallyport_version, "print the version"},
    {"help", sp_sallyport_help, "print this list"},
};

#define N(a) (sizeof(a) / sizeof((a)[0]))

static void
sp_sallyport_usage(FILE *f)
{
	fputs("usage: sallyport COMMAND [ARGUMENT...]\n\n", f);
	for (size_t i = 0; i < N(sp_sallyport_commands); i++)
		fprintf(f, "  %-10s %s\n", sp_sallyport_commands[i].name, sp_sallyport_commands[i].what);
	fputs("\nSee sallyport(8).\n", f);
}

static int
sp_sallyport_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	sp_sallyport_usage(stdout);
	return 0;
}

static int
sp_sallyport_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("sallyport " PACKAGE_VERSION);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *name = argc < 2 ? "" : argv[1];

	(void)setlocale(LC_CTYPE, "");
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		name = "help";
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		name = "version";
	for (size_t i = 0; i < N(sp_sallyport_commands); i++) {
		if (strcmp(sp_sallyport_commands[i].name, name) == 0)
			return sp_sallyport_commands[i].run(argc - 1, argv + 1);
	}
	if (*name != '\0')
		fprintf(stderr, "sallyport: no command \"%s\"\n", name);
	sp_sallyport_usage(stderr);
	return 2;
}
