/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/permit_origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "session-agent/proc.h"

#define ORIGIN_PIECE_MAX 32768 /* bytes of the kernel's answer at once */

_Static_assert(SP_PERMIT_ORIGIN_TEXT == INET6_ADDRSTRLEN, "the text of an address");

struct origin {
	uint32_t inodes[SP_PERMIT_ORIGIN_SOCKETS_MAX];
	unsigned ninodes;
	unsigned seen; /* of the kernel's connections */
	bool is_known;
	bool is_over; /* more than one, or too many to look at */
	char text[SP_PERMIT_ORIGIN_TEXT];
};

struct origin_question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

/* As sshd and PAM write it: an IPv4 address within IPv6 is that of IPv4. */
static bool
origin_text(const struct inet_diag_msg *m, char text[SP_PERMIT_ORIGIN_TEXT])
{
	struct in6_addr a;

	if (m->idiag_family == AF_INET)
		return inet_ntop(AF_INET, &m->id.idiag_dst[0], text, SP_PERMIT_ORIGIN_TEXT) != NULL;
	memcpy(&a, m->id.idiag_dst, sizeof(a));
	if (IN6_IS_ADDR_V4MAPPED(&a))
		return inet_ntop(AF_INET, &m->id.idiag_dst[3], text, SP_PERMIT_ORIGIN_TEXT) != NULL;
	return inet_ntop(AF_INET6, &a, text, SP_PERMIT_ORIGIN_TEXT) != NULL;
}

static void
origin_on_connection(struct origin *o, const struct inet_diag_msg *m)
{
	char text[SP_PERMIT_ORIGIN_TEXT];
	bool is_its = false;

	for (unsigned i = 0; !is_its && i < o->ninodes; i++)
		is_its = o->inodes[i] == m->idiag_inode;
	if (++o->seen > SP_PERMIT_ORIGIN_TCP_MAX)
		o->is_over = true;
	if (!is_its || m->idiag_state != TCP_ESTABLISHED)
		return;
	if (!origin_text(m, text) || (o->is_known && strcmp(text, o->text) != 0))
		o->is_over = true;
	(void)snprintf(o->text, sizeof(o->text), "%s", text);
	o->is_known = true;
}

/* One piece of the answer. 1: that was the last one; NOT_FOUND: the kernel does not know the family; SYSTEM. */
static int
origin_piece(struct origin *o, int fd)
{
	union {
		struct nlmsghdr head;
		char bytes[ORIGIN_PIECE_MAX];
	} a;
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, &a, sizeof(a), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	struct inet_diag_msg m;
	unsigned left;

	if (n <= 0 || from.nl_pid != 0)
		return SP_ERR_SYSTEM;
	left = (unsigned)n;
	for (struct nlmsghdr *h = &a.head; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return SP_ERR_NOT_FOUND;
		if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(m)))
			return SP_ERR_SYSTEM;
		memcpy(&m, NLMSG_DATA(h), sizeof(m));
		origin_on_connection(o, &m);
	}
	return 0;
}

static int
origin_ask(struct origin *o, uint8_t family)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), r = 0;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct origin_question q = { 0 };

	if (fd < 0)
		return SP_ERR_SYSTEM;
	q.head.nlmsg_len = sizeof(q);
	q.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	q.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	q.body.sdiag_family = family;
	q.body.sdiag_protocol = IPPROTO_TCP;
	q.body.idiag_states = 1U << TCP_ESTABLISHED;
	if (sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel)) != (ssize_t)sizeof(q))
		r = SP_ERR_SYSTEM;
	o->seen = 0;
	while (r == 0 && !o->is_over)
		r = origin_piece(o, fd);
	(void)close(fd);
	return r < 0 ? r : 0;
}

static bool
origin_on_socket(uint32_t inode, void *ctx)
{
	struct origin *o = ctx;

	if (o->ninodes == SP_PERMIT_ORIGIN_SOCKETS_MAX) {
		o->is_over = true;
		return true;
	}
	o->inodes[o->ninodes++] = inode;
	return false;
}

/* The sockets of the parent, if that is root's. (It acts as the command's account while it reads what that says.) */
static void
origin_sockets(struct origin *o, pid_t pid)
{
	int dir = sp_proc_open(pid);
	pid_t parent = dir < 0 ? 0 : sp_proc_parent(dir);
	uid_t uid;

	if (dir >= 0)
		(void)close(dir);
	dir = parent <= 1 ? -1 : sp_proc_open(parent);
	if (dir < 0)
		return;
	if (sp_proc_uid(dir, &uid) && uid == 0)
		(void)sp_proc_each_socket(dir, SP_PERMIT_ORIGIN_FDS_MAX, origin_on_socket, o);
	(void)close(dir);
}

int
sp_permit_origin(pid_t pid, char ret_from[SP_PERMIT_ORIGIN_TEXT])
{
	struct origin o = { 0 };
	int r;

	origin_sockets(&o, pid);
	if (o.ninodes == 0 || o.is_over)
		return SP_ERR_NOT_FOUND;
	r = origin_ask(&o, AF_INET);
	if (r == 0)
		r = origin_ask(&o, AF_INET6);
	if (r != 0 && r != SP_ERR_NOT_FOUND)
		return r;
	if (!o.is_known || o.is_over)
		return SP_ERR_NOT_FOUND;
	memcpy(ret_from, o.text, sizeof(o.text));
	return 0;
}
