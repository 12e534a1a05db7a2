/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/log.h"

static int
credential_open(const char *path, int *ret_fd)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? SP_ERR_NOT_FOUND : SP_ERR_SYSTEM;
	if (fstat(fd, &st) != 0)
		r = SP_ERR_SYSTEM;
	else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 077) != 0)
		r = SP_ERR_DENIED;
	else if (st.st_size > SP_CREDENTIAL_MAX)
		r = SP_ERR_LIMIT;
	if (r != 0)
		(void)close(fd);
	else
		*ret_fd = fd;
	return r;
}

/* A name under $CREDENTIALS_DIRECTORY, which the service manager set for us. */
static int
credential_path(const char *name, char *path, size_t cap)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	int n;

	if (dir == NULL || dir[0] != '/')
		return SP_ERR_NOT_FOUND;
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		return SP_ERR_INVALID;
	n = snprintf(path, cap, "%s/%s", dir, name);
	return n < 0 || (size_t)n >= cap ? SP_ERR_LIMIT : 0;
}

int
sp_credential_read(const struct sp_policy_connection *c, struct sp_secret **ret_s, const char **ret_message)
{
	return sp_credential_read_named(c->secret, c->secret_value, c->name, ret_s, ret_message);
}

int
sp_credential_read_named(enum sp_policy_secret kind, const char *value, const char *connection, struct sp_secret **ret_s,
    const char **ret_message)
{
	char path[SP_POLICY_STRING_MAX];
	int fd, r;

	switch (kind) {
	case SP_POLICY_SECRET_NONE:
		return sp_secret_new("", 0, ret_s);
	case SP_POLICY_SECRET_FILE:
		r = snprintf(path, sizeof(path), "%s", value) >= (int)sizeof(path) ? SP_ERR_LIMIT : 0;
		break;
	case SP_POLICY_SECRET_CREDENTIAL:
		r = credential_path(value, path, sizeof(path));
		break;
	case SP_POLICY_SECRET_EXEC: /* session-agent/credential_run.h */
	case SP_POLICY_SECRET_VAULT:
	default:
		*ret_message = "this version cannot read that kind of credential: use file, systemd-credential or exec";
		return SP_ERR_UNSUPPORTED;
	}
	if (r == 0)
		r = credential_open(path, &fd);
	if (r == 0) {
		r = sp_secret_read(fd, ret_s);
		(void)close(fd);
	}
	if (r != 0) {
		sp_log_err("credential of connection %s: %s", connection, sp_err_str(r));
		*ret_message = r == SP_ERR_DENIED
		    ? "the connection's credential file must belong to root and be readable by root alone"
		    : "the connection's credential cannot be read: call an administrator";
	}
	return r;
}
