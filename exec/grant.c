/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/grant.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_exec.h"

#define GRANT_NAME_MAX 256
#define GRANT_HOME_MAX 4095
#define GRANT_VALUE_MAX SP_IPC_GRANT_MAX

/* --- the message ----------------------------------------------------------------------------------------------- */

static int
grant_groups(struct sp_buf *b, struct sp_order *o)
{
	uint32_t n = 0, gid;
	int r = sp_buf_get_u32(b, &n);

	if (r == 0 && n > SP_IPC_GRANT_GROUPS_MAX)
		r = SP_ERR_LIMIT;
	for (o->ngroups = 0; r == 0 && o->ngroups < n;) {
		r = sp_buf_get_u32(b, &gid);
		if (r == 0)
			o->groups[o->ngroups++] = gid;
	}
	return r;
}

static int
grant_secrets(struct sp_buf *b, struct sp_order *o)
{
	uint32_t n = 0, i;
	int r = sp_buf_get_u32(b, &n);

	if (r == 0 && n > SP_IPC_GRANT_SECRETS_MAX)
		r = SP_ERR_LIMIT;
	for (i = 0; r == 0 && i < n; i++) {
		char *name = NULL, *value = NULL;

		r = sp_buf_get_cstring(b, GRANT_NAME_MAX, &name);
		if (r == 0)
			r = sp_buf_get_cstring(b, GRANT_VALUE_MAX, &value);
		if (r == 0)
			r = name[0] == '\0' || strchr(name, '=') != NULL ? SP_ERR_FORMAT : sp_order_secret(o, name, value);
		if (value != NULL)
			explicit_bzero(value, strlen(value));
		free(value);
		free(name);
	}
	return r;
}

static int
grant_body(struct sp_buf *b, struct sp_order *o)
{
	char *name = NULL, *home = NULL;
	uint32_t uid = (uid_t)-1, gid = (gid_t)-1;
	int r;

	r = sp_buf_get_cstring(b, GRANT_NAME_MAX, &name);
	if (r == 0)
		r = sp_buf_get_u32(b, &uid);
	if (r == 0)
		r = sp_buf_get_u32(b, &gid);
	if (r == 0)
		r = grant_groups(b, o);
	if (r == 0)
		r = sp_buf_get_cstring(b, GRANT_HOME_MAX, &home);
	if (r == 0)
		r = sp_order_account(o, name, home);
	if (r == 0)
		r = grant_secrets(b, o);
	if (r == 0 && (sp_buf_len(b) != 0 || uid == (uid_t)-1 || gid == (gid_t)-1))
		r = SP_ERR_FORMAT;
	if (r == 0) {
		o->uid = uid;
		o->gid = gid;
	}
	free(name);
	free(home);
	return r;
}

int
sp_grant_parse(const void *p, size_t n, struct sp_order *o)
{
	struct sp_buf *in = sp_buf_from(p, n), *body = NULL;
	struct sp_ipc_msg msg = { 0 };
	size_t size = 0;
	int r = in == NULL ? SP_ERR_NOMEM : sp_ipc_parse(in, &msg, &size);

	if (r == 0 && (size != n || msg.type != SP_IPC_GRANT_ACCOUNT))
		r = SP_ERR_FORMAT;
	if (r == 0) {
		body = sp_buf_from(msg.body.data, msg.body.len);
		r = body == NULL ? SP_ERR_NOMEM : grant_body(body, o);
	}
	sp_buf_free(body);
	sp_buf_free(in);
	return r;
}

/* --- the channel ------------------------------------------------------------------------------------------------ */

/* A pair that says of each datagram who sent it. */
static int
grant_pair(int sv[2])
{
	static const int on = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) != 0)
		return SP_ERR_SYSTEM;
	if (setsockopt(sv[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0)
		return 0;
	(void)close(sv[0]);
	(void)close(sv[1]);
	return SP_ERR_SYSTEM;
}

static bool
grant_is_of_root(struct msghdr *mh)
{
	struct ucred from;
	struct cmsghdr *cm;

	if ((mh->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return false;
	for (cm = CMSG_FIRSTHDR(mh); cm != NULL; cm = CMSG_NXTHDR(mh, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_CREDENTIALS ||
		    cm->cmsg_len != CMSG_LEN(sizeof(from)))
			continue;
		memcpy(&from, CMSG_DATA(cm), sizeof(from));
		return from.uid == 0;
	}
	return false;
}

static int
grant_wait(int fd, int session)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = session, .events = POLLRDHUP } };
	int64_t deadline = sp_ipc_now_ms() + SP_GRANT_WAIT_MS, left;

	while ((left = deadline - sp_ipc_now_ms()) > 0) {
		int n = poll(p, 2, (int)left);

		if (n < 0 && errno != EINTR)
			return SP_ERR_SYSTEM;
		if (n > 0)
			return p[0].revents != 0 ? 0 : SP_ERR_DENIED;
	}
	return SP_ERR_TIMEOUT;
}

static int
grant_receive(int fd, struct sp_order *o)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))]; /* room for no descriptor */
	} control;
	char *p = malloc(SP_IPC_GRANT_MAX);
	struct iovec iov = { .iov_base = p, .iov_len = SP_IPC_GRANT_MAX };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n;
	int r;

	if (p == NULL)
		return SP_ERR_NOMEM;
	n = recvmsg(fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		r = SP_ERR_SYSTEM;
	else if (n == 0 || !grant_is_of_root(&mh))
		r = SP_ERR_DENIED;
	else
		r = sp_grant_parse(p, (size_t)n, o);
	explicit_bzero(p, SP_IPC_GRANT_MAX);
	free(p);
	return r;
}

static int
grant_take(int session, struct sp_order *o)
{
	int sv[2], r = grant_pair(sv);

	if (r != 0)
		return r;
	r = sp_ipc_send(session, SP_IPC_EXEC_GRANT, 0, NULL, &sv[1], 1, sp_ipc_now_ms() + SP_ORDER_WAIT_MS);
	(void)close(sv[1]);
	if (r == 0)
		r = grant_wait(sv[0], session);
	if (r == 0)
		r = grant_receive(sv[0], o);
	(void)close(sv[0]);
	return r;
}

int
sp_grant_take(int session, uid_t own, struct sp_order *o)
{
	uid_t was = geteuid();
	int r;

	/* Until it is over: root looks at who has made the socket, and at that process. */
	if (setresuid((uid_t)-1, own, (uid_t)-1) != 0)
		return SP_ERR_SYSTEM;
	r = grant_take(session, o);
	if (setresuid((uid_t)-1, was, (uid_t)-1) != 0)
		_exit(126);
	return r;
}
