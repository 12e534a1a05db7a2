/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cred.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5; older headers lack it, older kernels answer ENOPROTOOPT */
#endif

static int
sp_cred_pidfd(int fd, pid_t pid)
{
	int pidfd = -1;
	socklen_t len = sizeof(pidfd);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	if (errno != ENOPROTOOPT)
		return -1;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* The decimal u32 in a file of one line beneath dirfd; SP_CRED_UNSET if it cannot be read. */
static uint32_t
sp_cred_read_u32(int dirfd, const char *name)
{
	char text[16], *end;
	unsigned long v;
	ssize_t n;
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return SP_CRED_UNSET;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return SP_CRED_UNSET;
	text[n] = 0;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno != 0 || end == text || (*end != 0 && *end != '\n') || v > UINT32_MAX)
		return SP_CRED_UNSET;
	return (uint32_t)v;
}

/* Whether the process still runs; EPERM says so as well, to a daemon that may not signal it. */
static bool
sp_cred_is_alive(int pidfd)
{
	return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 || errno == EPERM;
}

static void
sp_cred_read_audit(int pidfd, struct sp_peer_cred *cred)
{
	uint32_t sessionid, loginuid;
	struct stat st;
	char path[32];
	int dirfd;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)cred->pid);
	dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return;
	sessionid = sp_cred_read_u32(dirfd, "sessionid");
	loginuid = sp_cred_read_u32(dirfd, "loginuid");
	/* Still the same process after reading: then what was read was its own. */
	if (fstat(dirfd, &st) == 0 && (st.st_uid == cred->uid || st.st_uid == 0) && sp_cred_is_alive(pidfd)) {
		cred->sessionid = sessionid;
		cred->loginuid = loginuid;
	}
	(void)close(dirfd);
}

int
sp_cred_of_socket(int fd, struct sp_peer_cred *ret_cred)
{
	struct sp_peer_cred cred = {.sessionid = SP_CRED_UNSET, .loginuid = SP_CRED_UNSET};
	struct ucred uc;
	socklen_t len = sizeof(uc);
	int pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &uc, &len) != 0 || len != sizeof(uc))
		return SP_ERR_SYSTEM;
	cred.pid = uc.pid;
	cred.uid = uc.uid;
	cred.gid = uc.gid;
	pidfd = uc.pid > 0 ? sp_cred_pidfd(fd, uc.pid) : -1;
	if (pidfd >= 0) {
		sp_cred_read_audit(pidfd, &cred);
		(void)close(pidfd);
	}
	*ret_cred = cred;
	return 0;
}

bool
sp_cred_is_of(const struct sp_peer_cred *cred, uid_t uid, uint32_t sessionid)
{
	return cred->sessionid != SP_CRED_UNSET && cred->sessionid == sessionid && cred->uid == uid;
}
