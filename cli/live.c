/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport end, pause, resume: what root may do with a live session. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/operator.h"
#include "cli/record.h"
#include "lib/ipc_operator.h"
#include "lib/text.h"

enum sp_cli_live_act { SP_CLI_LIVE_END, SP_CLI_LIVE_PAUSE, SP_CLI_LIVE_RESUME };

static int
sp_cli_live_call(enum sp_cli_live_act act, const char *id, const char *reason)
{
	struct sp_buf *b = sp_buf_new(1024);
	int status = 2;

	if (b != NULL) {
		if (act != SP_CLI_LIVE_END)
			sp_buf_put_u8(b, act == SP_CLI_LIVE_PAUSE);
		sp_buf_put_cstring(b, id);
		sp_buf_put_cstring(b, reason);
		status = sp_cli_operator(act == SP_CLI_LIVE_END ? SP_IPC_OPERATOR_END : SP_IPC_OPERATOR_PAUSE, b);
	}
	sp_buf_free(b);
	return status;
}

static int
sp_cli_live(enum sp_cli_live_act act, int argc, char **argv)
{
	static const struct option longs[] = { { "reason", required_argument, NULL, 'm' },
		{ "root", required_argument, NULL, 'r' }, { 0 } };
	const char *root = SP_CLI_ROOT, *reason = "";
	char id[SP_ULID_LEN + 1];
	int c, fd, r;

	while ((c = getopt_long(argc, argv, "m:r:", longs, NULL)) != -1) {
		if (c == 'm')
			reason = optarg;
		else if (c == 'r')
			root = optarg;
		else
			optind = argc;
	}
	if (optind != argc - 1 || (act != SP_CLI_LIVE_RESUME && reason[0] == '\0')) {
		fprintf(stderr, "usage: sallyport %s %s [--root DIR] ID\n", argv[0],
		    act == SP_CLI_LIVE_RESUME ? "[--reason TEXT]" : "--reason TEXT");
		return 2;
	}
	if (strlen(reason) > SP_IPC_OPERATOR_REASON_MAX || !sp_text_is_plain(reason, strlen(reason))) {
		fprintf(stderr, "sallyport: a reason is one line of at most %d bytes\n", SP_IPC_OPERATOR_REASON_MAX);
		return 2;
	}
	if (sp_cli_record_root(root, &fd) != 0)
		return 2;
	r = sp_cli_record_resolve(fd, argv[optind], id);
	(void)close(fd);
	return r == 0 ? sp_cli_live_call(act, id, reason) : 2;
}

int
sp_cli_end(int argc, char **argv)
{
	return sp_cli_live(SP_CLI_LIVE_END, argc, argv);
}

int
sp_cli_pause(int argc, char **argv)
{
	return sp_cli_live(SP_CLI_LIVE_PAUSE, argc, argv);
}

int
sp_cli_resume(int argc, char **argv)
{
	return sp_cli_live(SP_CLI_LIVE_RESUME, argc, argv);
}
