/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport status: asks each daemon how it is. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/ipc.h"
#include "lib/ipc_control.h"
#include "lib/ipc_identity.h"
#include "lib/ipc_operator.h"
#include "lib/ipc_recorder.h"
#include "lib/text.h"
#include "runtime/privdrop.h"

#define SP_CLI_STATUS_MS 2000
#define SP_CLI_STATUS_MAX ((size_t)256 * 1024) /* bytes of a daemon's answer */

static const struct {
	const char *name;
	const char *user;
	const char *path;
	uint8_t ask;
	uint8_t answer;
} sp_cli_status_daemons[] = {
	{ "identity", "sallyport-identity", SP_RUNDIR "/identity/identity.sock", SP_IPC_IDENTITY_STATUS,
	    SP_IPC_IDENTITY_STATUS_REPLY },
	{ "control", "sallyport-control", SP_RUNDIR "/control/control.sock", SP_IPC_CONTROL_STATUS,
	    SP_IPC_CONTROL_STATUS_REPLY },
	{ "recorder", "sallyport-recorder", SP_RUNDIR "/recorder/recorder.sock", SP_IPC_RECORDER_STATUS,
	    SP_IPC_RECORDER_STATUS_REPLY },
	{ "sallyportd", "root", SP_RUNDIR "/operator.sock", SP_IPC_OPERATOR_STATUS, SP_IPC_OPERATOR_STATUS_REPLY },
};

/* *ret_json is the answer, to be freed. */
static int
sp_cli_status_ask(size_t i, struct sp_buf *in, char **ret_json)
{
	int64_t deadline = sp_ipc_now_ms() + SP_CLI_STATUS_MS;
	struct sp_ipc_msg msg;
	struct sp_buf *body = NULL;
	uid_t uid;
	gid_t gid;
	int fd = -1, r = sp_privdrop_uid(sp_cli_status_daemons[i].user, &uid, &gid);

	if (r == 0)
		r = sp_ipc_connect(sp_cli_status_daemons[i].path, uid, deadline, &fd);
	if (r == 0)
		r = sp_ipc_call(fd, sp_cli_status_daemons[i].ask, NULL, sp_cli_status_daemons[i].answer, in, &msg, deadline);
	if (r == 0) {
		body = sp_buf_from(msg.body.data, msg.body.len);
		r = body == NULL ? SP_ERR_NOMEM : sp_buf_get_cstring(body, SP_CLI_STATUS_MAX, ret_json);
	}
	sp_buf_free(body);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

int
sp_cli_status(int argc, char **argv)
{
	struct sp_buf *in = sp_buf_new(SP_IPC_FRAME_MAX + 4), *line = sp_buf_new(SP_CLI_STATUS_MAX * 4);
	int status = 0;

	(void)argv;
	if (argc != 1 || in == NULL || line == NULL) {
		fputs("usage: sallyport status\n", stderr);
		return 2;
	}
	for (size_t i = 0; i < sizeof(sp_cli_status_daemons) / sizeof(sp_cli_status_daemons[0]); i++) {
		char *json = NULL;
		int r = sp_cli_status_ask(i, in, &json);

		sp_buf_reset(line);
		if (r != 0) {
			printf("%-10s %s\n", sp_cli_status_daemons[i].name,
			    r == SP_ERR_UNAVAILABLE || r == SP_ERR_NOT_FOUND ? "is not running" : sp_err_str(r));
			status = 1;
		} else if (sp_text_escape(line, json, strlen(json), SP_CLI_STATUS_MAX) == 0) {
			printf("%-10s %.*s\n", sp_cli_status_daemons[i].name, (int)sp_buf_len(line), (const char *)sp_buf_data(line));
		}
		free(json);
	}
	sp_buf_free(in);
	sp_buf_free(line);
	return status;
}
