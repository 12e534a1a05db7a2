/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/ssh_start.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_ssh.h"
#include "runtime/log.h"
#include "session-agent/ssh_config.h"

#define START_SOCKET SP_RUNDIR "/ssh/ssh.sock"

static int
start_body(const struct sp_policy_connection *c, const struct sp_ssh_start *start, struct sp_buf *body)
{
	struct sp_buf *config = sp_buf_new(SP_SSH_CONFIG_MAX), *known = sp_buf_new(SP_SSH_CONFIG_MAX);
	char address[SP_SSH_CONFIG_ADDRESS_MAX];
	int r = SP_ERR_NOMEM;

	if (config == NULL || known == NULL)
		goto out;
	r = sp_ssh_config_write(c, config);
	if (r == 0) {
		struct sp_view found = { sp_buf_data(start->known), sp_buf_len(start->known) };

		r = sp_ssh_config_known_hosts(c, found, known);
		if (r == 0 && sp_buf_len(known) == 0)
			r = sp_buf_putf(known, "# by KnownHostsCommand\n"); /* there are no empty files */
	}
	if (r != 0)
		goto out;
	sp_buf_put_cstring(body, start->id);
	sp_buf_put_u8(body, start->has_tty);
	sp_buf_put_cstring(body, start->term);
	sp_buf_put_string(body, sp_buf_data(config), sp_buf_len(config));
	sp_buf_put_string(body, sp_buf_data(known), sp_buf_len(known));
	if (start->behind != NULL) {
		sp_buf_put_u8(body, SP_IPC_SSH_FORWARD);
		r = sp_ssh_config_address(start->behind, address);
	} else if (start->port != 0) {
		sp_buf_put_u8(body, SP_IPC_SSH_FORWARD);
		(void)snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)start->port);
	} else if (start->command == NULL) {
		sp_buf_put_u8(body, SP_IPC_SSH_SHELL);
	} else {
		sp_buf_put_u8(body, start->is_subsystem ? SP_IPC_SSH_SUBSYSTEM : SP_IPC_SSH_COMMAND);
	}
	sp_buf_put_cstring(body, start->behind != NULL || start->port != 0 ? address : start->command);
	r = r == 0 ? sp_buf_error(body) : r;
out:
	sp_buf_free(config);
	sp_buf_free(known);
	return r;
}

int
sp_ssh_start(const struct sp_policy_connection *c, struct sp_ssh_start *start, uid_t owner,
    const int fds[SP_SSH_START_FDS], const char **ret_message)
{
	int64_t deadline = sp_ipc_now_ms() + SP_SSH_START_MS;
	struct sp_buf *body = sp_buf_new(SP_IPC_FRAME_MAX - 64);
	int fd = -1, r = SP_ERR_NOMEM;

	*ret_message = "the connection could not be started";
	if (body == NULL)
		return r;
	r = sp_ssh_hosts_read(c, start->known, start->why);
	if (r != 0)
		*ret_message = start->why;
	else
		r = start_body(c, start, body);
	if (start->why[0] != '\0')
		sp_log_warn("session %s, connection %s: %s", start->id, c->name, start->why);
	else if (r == SP_ERR_UNSUPPORTED)
		*ret_message = sp_ssh_config_problem(c);
	else if (r == SP_ERR_INVALID)
		*ret_message = "the connection's host, login name or host keys are not ones to be used: call an administrator";
	if (r == 0) {
		r = sp_ipc_connect(START_SOCKET, owner, deadline, &fd);
		if (r != 0)
			*ret_message = "the service that starts ssh is not there: try again shortly";
	}
	if (r == 0)
		r = sp_ipc_send(fd, SP_IPC_SSH_START, 0, body, fds, SP_SSH_START_FDS, deadline);
	if (fd >= 0)
		(void)close(fd);
	sp_buf_free(body);
	return r;
}
