/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_operator.h"

#define OPERATOR_SOCKET SP_RUNDIR "/operator.sock"

int
sp_cli_operator(uint8_t type, const struct sp_buf *body)
{
	struct sp_buf *in = sp_buf_new(SP_IPC_FRAME_MAX + 4), *reply = NULL;
	int64_t deadline = sp_ipc_now_ms() + SP_CLI_OPERATOR_MS;
	struct sp_ipc_msg msg;
	char *message = NULL;
	uint32_t verdict = 0;
	int fd = -1, r = in == NULL ? SP_ERR_NOMEM : sp_ipc_connect(OPERATOR_SOCKET, 0, deadline, &fd);

	if (r == 0)
		r = sp_ipc_call(fd, type, body, SP_IPC_OPERATOR_DONE, in, &msg, deadline);
	if (r == 0) {
		reply = sp_buf_from(msg.body.data, msg.body.len);
		r = reply == NULL ? SP_ERR_NOMEM : sp_buf_get_u32(reply, &verdict);
	}
	if (r == 0)
		r = sp_buf_get_cstring(reply, SP_CLI_OPERATOR_MESSAGE_MAX, &message);
	if (r != 0)
		fprintf(stderr, "sallyport: sallyportd does not answer: %s%s\n", sp_err_str(r),
		    geteuid() == 0 ? "" : " (only root may)");
	else if (verdict != 0)
		fprintf(stderr, "sallyport: %s\n", message);
	else if (message[0] != '\0')
		puts(message);
	if (fd >= 0)
		(void)close(fd);
	free(message);
	sp_buf_free(reply);
	sp_buf_free(in);
	return r != 0 ? 2 : verdict != 0;
}
