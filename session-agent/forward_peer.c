/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/forward_peer.h"

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
#include "session-agent/proc.h"

#define PEER_ANSWER_MAX 4096
#define PEER_DUMP_MAX 32768 /* bytes of one piece; the kernel's own are at most this long */

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

/* One socket. The kernel has answered before sendto(2) returned. NOT_FOUND: there is none. */
static int
peer_hear(int fd, struct inet_diag_msg *ret_m)
{
	union {
		struct nlmsghdr head;
		char bytes[PEER_ANSWER_MAX];
	} a;
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, &a, sizeof(a), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (n < 0 || from.nl_pid != 0)
		return SP_ERR_SYSTEM;
	if ((size_t)n < NLMSG_LENGTH(sizeof(*ret_m)) || a.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    a.head.nlmsg_len < NLMSG_LENGTH(sizeof(*ret_m)) || a.head.nlmsg_len > (size_t)n)
		return SP_ERR_NOT_FOUND; /* NLMSG_ERROR: there is no such socket any more */
	memcpy(ret_m, NLMSG_DATA(&a.head), sizeof(*ret_m));
	return 0;
}

static int
peer_answer(int fd, const struct sockaddr_in *peer, const struct sockaddr_in *here, struct sp_forward_peer *ret_p)
{
	struct inet_diag_msg m;
	int r = peer_hear(fd, &m);

	if (r != 0)
		return r;
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

bool
sp_forward_peer_listens(uint32_t address, uint16_t port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) }, nobody = { .sin_port = htons(1) };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct inet_diag_msg m = { 0 };
	bool is_there;

	here.sin_addr.s_addr = htonl(address);
	is_there = fd >= 0 && peer_ask(fd, &here, &nobody) == 0 && peer_hear(fd, &m) == 0 && m.idiag_state == TCP_LISTEN &&
	    m.idiag_uid == 0 && m.id.idiag_sport == here.sin_port;
	if (fd >= 0)
		(void)close(fd);
	return is_there;
}

/* --- /proc -------------------------------------------------------------------------------------------- */

static bool
peer_number_is(int dir, const char *name, uint32_t want)
{
	char text[16], expected[16];

	(void)snprintf(expected, sizeof(expected), "%u", want);
	return sp_proc_read(dir, name, text, sizeof(text)) && strcmp(text, expected) == 0;
}

static bool
peer_is_inode(uint32_t inode, void *ctx)
{
	return inode == *(const uint32_t *)ctx;
}

static bool
peer_holds(int dir, uint32_t inode)
{
	return sp_proc_each_socket(dir, SP_FORWARD_PEER_FDS_MAX, peer_is_inode, &inode);
}

static bool
peer_is_child(const struct sp_forward_peer *p, const struct sp_login *l, pid_t pid)
{
	int dir = sp_proc_open(pid);
	bool is_it;

	if (dir < 0)
		return false;
	is_it = sp_proc_parent(dir) == l->pid && peer_number_is(dir, "sessionid", l->ses) &&
	    peer_number_is(dir, "loginuid", l->auid) && peer_holds(dir, p->inode);
	(void)close(dir);
	return is_it;
}

int
sp_forward_peer_is_of(const struct sp_forward_peer *p, const struct sp_login *l)
{
	char path[64], text[SP_PROC_TEXT_MAX], *save = NULL;
	bool is_it = false;
	unsigned n = 0;

	if (p->uid == 0 || p->uid != l->uid || l->ses == SP_CRED_UNSET)
		return SP_ERR_DENIED;
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)l->pid, (int)l->pid);
	if (!sp_proc_read(AT_FDCWD, path, text, sizeof(text)))
		return SP_ERR_DENIED;
	for (const char *word = strtok_r(text, " \n", &save); !is_it && word != NULL && n++ < SP_FORWARD_PEER_CHILDREN_MAX;
	     word = strtok_r(NULL, " \n", &save))
		is_it = peer_is_child(p, l, (pid_t)strtol(word, NULL, 10));
	/* Still the process that opened the login: then what was read was its own children. */
	if (!is_it || sp_registry_process_start(l->pid) != l->started)
		return SP_ERR_DENIED;
	return 0;
}

/* --- the other direction: what a process of sshd's has accepted -------------------------------------------- */

struct peer_dump {
	int dir; /* /proc/PID */
	uint32_t net;
	bool is_found;
	struct inet_diag_msg found;
};

static void
dump_look(struct peer_dump *d, struct nlmsghdr *head)
{
	struct inet_diag_msg m;

	if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY || head->nlmsg_len < NLMSG_LENGTH(sizeof(m)) || d->is_found)
		return;
	memcpy(&m, NLMSG_DATA(head), sizeof(m));
	if (m.idiag_family != AF_INET || m.idiag_inode == 0 || (ntohl(m.id.idiag_src[0]) & 0xffff0000u) != d->net ||
	    !peer_holds(d->dir, m.idiag_inode))
		return;
	d->is_found = true;
	d->found = m;
}

/* All of what the kernel has to say, in as many pieces as it likes. */
static int
dump_read(int fd, struct peer_dump *d)
{
	union {
		struct nlmsghdr head;
		char bytes[PEER_DUMP_MAX];
	} a;

	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, &a, sizeof(a), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &len);
		struct nlmsghdr *head = &a.head;
		size_t left = n > 0 ? (size_t)n : 0;

		if (n <= 0 || left > sizeof(a) || from.nl_pid != 0)
			return SP_ERR_SYSTEM;
		for (; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
			if (head->nlmsg_type == NLMSG_DONE)
				return 0;
			if (head->nlmsg_type == NLMSG_ERROR)
				return SP_ERR_SYSTEM;
			dump_look(d, head);
		}
	}
}

static int
dump_ask(int fd, uint16_t port)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct peer_question q = { 0 };

	q.head.nlmsg_len = sizeof(q);
	q.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	q.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	q.body.sdiag_family = AF_INET;
	q.body.sdiag_protocol = IPPROTO_TCP;
	q.body.idiag_states = 1u << TCP_ESTABLISHED;
	q.body.id.idiag_sport = htons(port);
	if (sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel)) != (ssize_t)sizeof(q))
		return SP_ERR_SYSTEM;
	return 0;
}

int
sp_forward_peer_arrived(pid_t pid, uint32_t net, uint16_t port, struct sockaddr_in *ret_here,
    struct sockaddr_in *ret_there)
{
	struct peer_dump d = { .net = net };
	int fd, r;

	d.dir = sp_proc_open(pid);
	if (d.dir < 0)
		return SP_ERR_SYSTEM;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	r = fd < 0 ? SP_ERR_SYSTEM : dump_ask(fd, port);
	if (r == 0)
		r = dump_read(fd, &d);
	if (fd >= 0)
		(void)close(fd);
	(void)close(d.dir);
	if (r == 0 && !d.is_found)
		r = SP_ERR_NOT_FOUND;
	if (r != 0)
		return r;
	*ret_here = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = d.found.id.idiag_sport };
	*ret_there = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = d.found.id.idiag_dport };
	ret_here->sin_addr.s_addr = d.found.id.idiag_src[0];
	ret_there->sin_addr.s_addr = d.found.id.idiag_dst[0];
	return 0;
}
