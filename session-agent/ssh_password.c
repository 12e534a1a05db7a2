/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A password for a target, given by us. It goes from this process into the pipe that OpenSSH's client reads, once, and
 * only after the host has signed this connection's session id with a key that policy names (the client's own check of the
 * host key comes before as well).
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "lib/secret.h"
#include "session-agent/ssh_proxy.h"

#define PASSWORD_MAX 1000 /* bytes; OpenSSH's client reads no more than 1023 from the program that it asks */

bool
sp_ssh_password_is_good(const struct sp_secret *password)
{
	const uint8_t *p = sp_secret_data(password);
	size_t n = sp_secret_len(password);

	return n > 0 && n <= PASSWORD_MAX && memchr(p, '\0', n) == NULL && memchr(p, '\n', n) == NULL &&
	    memchr(p, '\r', n) == NULL;
}

/* NULL, or why it is not given. */
static const char *
password_judge(const struct sp_ssh_proxy *px, const struct sp_policy_connection *c, const char *prompt)
{
	if (c == NULL || c->login != SP_POLICY_LOGIN_PASSWORD)
		return "the connection has just changed: try again";
	if (px->password == NULL)
		return "the host does not take the password that policy names, or asks for something more: call an administrator";
	if (px->agent == NULL || !sp_ssh_agent_is_bound(px->agent))
		return "the host has not proven its key for this connection, so it gets no password: call an administrator";
	if (!sp_ssh_config_is_password_prompt(c, prompt))
		return "the host asks for something that is not a password: call an administrator";
	return NULL;
}

static bool
password_write(const struct sp_secret *password, int out, int done)
{
	struct iovec v[2] = { { (void *)(uintptr_t)sp_secret_data(password), sp_secret_len(password) },
		{ (void *)(uintptr_t)"\n", 1 } };
	struct stat st;

	/* Less than PIPE_BUF into an empty pipe: whole, and at once. */
	return fstat(out, &st) == 0 && S_ISFIFO(st.st_mode) && writev(out, v, 2) == (ssize_t)(v[0].iov_len + 1) &&
	    send(done, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

void
sp_ssh_password_answer(struct sp_ssh_proxy *px, const char *prompt, int out, int done)
{
	const struct sp_policy_connection *c = sp_ssh_proxy_connection(px);
	const char *problem = password_judge(px, c, prompt);

	if (px->is_ended || px->stage == SP_SSH_PROXY_ENDED)
		return;
	if (problem == NULL && sp_ssh_transport_note(px, "the password was given to the host") != 0) {
		sp_ssh_proxy_fail(px, SP_SSH_PROXY_REFUSED, "this cannot be recorded now, so it does not run");
		return;
	}
	if (problem == NULL && !password_write(px->password, out, done))
		problem = "the program that carries the connection does not take the password: try again";
	sp_secret_free(px->password);
	px->password = NULL;
	px->is_signed = px->is_signed || problem == NULL;
	if (problem != NULL)
		sp_ssh_transport_fail(px, problem);
}
