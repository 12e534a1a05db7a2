/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/apart.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define APART_BACKLOG 64

int
sp_apart_enter(void)
{
	struct ifreq lo;
	int fd, r = SP_ERR_SYSTEM;

	if (unshare(CLONE_NEWNET) != 0)
		return r;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return r;
	memset(&lo, 0, sizeof(lo));
	memcpy(lo.ifr_name, "lo", sizeof("lo"));
	if (ioctl(fd, SIOCGIFFLAGS, &lo) == 0) {
		lo.ifr_flags |= IFF_UP;
		r = ioctl(fd, SIOCSIFFLAGS, &lo) == 0 ? 0 : SP_ERR_SYSTEM;
	}
	(void)close(fd);
	return r;
}

int
sp_apart_listen(uint16_t port, int *ret_fd)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return SP_ERR_SYSTEM;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 || listen(fd, APART_BACKLOG) != 0) {
		(void)close(fd);
		return SP_ERR_SYSTEM;
	}
	*ret_fd = fd;
	return 0;
}
