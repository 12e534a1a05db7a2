/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/forward_peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/cred.h"

#define PEER_TEXT_MAX 4096

struct peer_question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

/* --- sock_diag ---------------------------------------------------------------------------------------- */

static int
peer_ask(int fd, const struct sockaddr_in *peer, const struct sockaddr_in *here)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct peer_question q = { 0 };

	q.head.nlmsg_len = sizeof(q);
	q.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	q.head.nlmsg_flags = NLM_F_REQUEST; /* no dump: that one socket */
	q.body.sdiag_family = AF_INET;
	q.body.sdiag_protocol = IPPROTO_TCP;
	q.body.idiag_states = ~0U;
	q.body.id.idiag_sport = peer->sin_port;
	q.body.id.idiag_dport = here->sin_port;
	q.body.id.idiag_src[0] = peer->sin_addr.s_addr;
	q.body.id.idiag_dst[0] = here->sin_addr.s_addr;
	q.body.id.idiag_cookie[0] = q.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel)) != (ssize_t)sizeof(q))
		return SP_ERR_SYSTEM;
	return 0;
}

/* The kernel has answered before sendto(2) returned. */
static int
peer_answer(int fd, const struct sockaddr_in *peer, const struct sockaddr_in *here, struct sp_forward_peer *ret_p)
{
	union {
		struct nlmsghdr head;
		char bytes[PEER_TEXT_MAX];
	} a;
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	struct inet_diag_msg m;
	ssize_t n = recvfrom(fd, &a, sizeof(a), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (n < 0 || from.nl_pid != 0)
		return SP_ERR_SYSTEM;
	if ((size_t)n < NLMSG_LENGTH(sizeof(m)) || a.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    a.head.nlmsg_len < NLMSG_LENGTH(sizeof(m)) || a.head.nlmsg_len > (size_t)n)
		return SP_ERR_NOT_FOUND; /* NLMSG_ERROR: there is no such socket any more */
	memcpy(&m, NLMSG_DATA(&a.head), sizeof(m));
	/* Where there is no such connection, the kernel may tell of a listener. */
	if (m.idiag_family != AF_INET || m.idiag_state != TCP_ESTABLISHED || m.idiag_inode == 0 ||
	    m.id.idiag_sport != peer->sin_port || m.id.idiag_dport != here->sin_port ||
	    m.id.idiag_src[0] != peer->sin_addr.s_addr || m.id.idiag_dst[0] != here->sin_addr.s_addr)
		return SP_ERR_DENIED;
	ret_p->uid = m.idiag_uid;
	ret_p->inode = m.idiag_inode;
	return 0;
}

int
sp_forward_peer_socket(const struct sockaddr_in *peer, const struct sockaddr_in *here, struct sp_forward_peer *ret_p)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), r;

	if (fd < 0)
		return SP_ERR_SYSTEM;
	r = peer_ask(fd, peer, here);
	if (r == 0)
		r = peer_answer(fd, peer, here, ret_p);
	(void)close(fd);
	return r;
}

/* --- /proc -------------------------------------------------------------------------------------------- */

/* A small file beneath dir, as text; false: it is not there or too long. */
static bool
peer_read(int dir, const char *name, char *text, size_t cap)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, cap - 1);
	(void)close(fd);
	if (n < 0 || (size_t)n == cap - 1)
		return false;
	text[n] = '\0';
	return true;
}

static bool
peer_number_is(int dir, const char *name, uint32_t want)
{
	char text[16], expected[16];

	(void)snprintf(expected, sizeof(expected), "%u", want);
	return peer_read(dir, name, text, sizeof(text)) && strcmp(text, expected) == 0;
}

/* Field 4 of /proc/PID/stat; the name before it is in parentheses and may hold anything. */
static pid_t
peer_parent(int dir)
{
	char text[PEER_TEXT_MAX];
	const char *end;

	if (!peer_read(dir, "stat", text, sizeof(text)))
		return 0;
	end = strrchr(text, ')');
	/* ") S 123 ": the state is one letter. */
	return end != NULL && strlen(end) > 4 && end[3] == ' ' ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

static bool
peer_holds(int dir, uint32_t inode)
{
	char want[32], found[32];
	int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	bool is_held = false;
	unsigned n = 0;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	(void)snprintf(want, sizeof(want), "socket:[%u]", inode);
	while (!is_held && n++ < SP_FORWARD_PEER_FDS_MAX && (e = readdir(d)) != NULL) {
		ssize_t len = readlinkat(dirfd(d), e->d_name, found, sizeof(found) - 1);

		is_held = len > 0 && (size_t)len == strlen(want) && memcmp(found, want, (size_t)len) == 0;
	}
	(void)closedir(d);
	return is_held;
}

static bool
peer_is_child(const struct sp_forward_peer *p, const struct sp_login *l, pid_t pid)
{
	char path[32];
	bool is_it;
	int dir;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return false;
	is_it = peer_parent(dir) == l->pid && peer_number_is(dir, "sessionid", l->ses) &&
	    peer_number_is(dir, "loginuid", l->auid) && peer_holds(dir, p->inode);
	(void)close(dir);
	return is_it;
}

int
sp_forward_peer_is_of(const struct sp_forward_peer *p, const struct sp_login *l)
{
	char path[64], text[PEER_TEXT_MAX], *save = NULL;
	bool is_it = false;
	unsigned n = 0;

	if (p->uid == 0 || p->uid != l->uid || l->ses == SP_CRED_UNSET)
		return SP_ERR_DENIED;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)l->pid, (int)l->pid);
	if (!peer_read(AT_FDCWD, path, text, sizeof(text)))
		return SP_ERR_DENIED;
	for (const char *word = strtok_r(text, " \n", &save); !is_it && word != NULL && n++ < SP_FORWARD_PEER_CHILDREN_MAX;
	     word = strtok_r(NULL, " \n", &save))
		is_it = peer_is_child(p, l, (pid_t)strtol(word, NULL, 10));
	/* Still the process that opened the login: then what was read was its own children. */
	if (!is_it || sp_registry_process_start(l->pid) != l->started)
		return SP_ERR_DENIED;
	return 0;
}
