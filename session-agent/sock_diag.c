/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/sock_diag.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIAG_PIECE_MAX 32768 /* bytes of the kernel's answer at once; its own pieces are at most this long */

struct diag_question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

union diag_piece {
	struct nlmsghdr head;
	char bytes[DIAG_PIECE_MAX];
};

/* q's body is filled in. The socket that the answer comes on; the kernel has begun it before this returns. -1. */
static int
diag_ask(struct diag_question *q, uint16_t flags)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	q->head.nlmsg_len = sizeof(*q);
	q->head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	q->head.nlmsg_flags = NLM_F_REQUEST | flags;
	q->body.sdiag_protocol = IPPROTO_TCP;
	if (fd >= 0 && sendto(fd, q, sizeof(*q), 0, (struct sockaddr *)&kernel, sizeof(kernel)) != (ssize_t)sizeof(*q)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static int
diag_hear(int fd, union diag_piece *ret_p, unsigned *ret_n)
{
	struct sockaddr_nl from = { 0 };
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, ret_p, sizeof(*ret_p), MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &len);

	if (n <= 0 || (size_t)n > sizeof(*ret_p) || from.nl_pid != 0)
		return SP_ERR_SYSTEM;
	*ret_n = (unsigned)n;
	return 0;
}

static bool
diag_is_socket(const struct nlmsghdr *h)
{
	return h->nlmsg_type == SOCK_DIAG_BY_FAMILY && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg));
}

int
sp_sock_diag_one(const struct sockaddr_in *local, const struct sockaddr_in *remote, struct inet_diag_msg *ret_m)
{
	struct diag_question q = { .body = { .sdiag_family = AF_INET, .idiag_states = ~0U } };
	union diag_piece a;
	unsigned n;
	int fd, r;

	q.body.id.idiag_sport = local->sin_port;
	q.body.id.idiag_dport = remote->sin_port;
	q.body.id.idiag_src[0] = local->sin_addr.s_addr;
	q.body.id.idiag_dst[0] = remote->sin_addr.s_addr;
	q.body.id.idiag_cookie[0] = q.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	fd = diag_ask(&q, 0); /* no dump: that one socket */
	if (fd < 0)
		return SP_ERR_SYSTEM;
	r = diag_hear(fd, &a, &n);
	(void)close(fd);
	if (r != 0)
		return r;
	if (!NLMSG_OK(&a.head, n) || !diag_is_socket(&a.head))
		return SP_ERR_NOT_FOUND; /* NLMSG_ERROR: there is no such socket any more */
	memcpy(ret_m, NLMSG_DATA(&a.head), sizeof(*ret_m));
	return 0;
}

/* One piece of the answer. 1: no more is wanted, or there is no more. */
static int
diag_piece(int fd, bool (*visit)(const struct inet_diag_msg *m, void *ctx), void *ctx)
{
	union diag_piece a;
	struct inet_diag_msg m;
	unsigned left;
	int r = diag_hear(fd, &a, &left);

	if (r != 0)
		return r;
	for (struct nlmsghdr *h = &a.head; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return SP_ERR_NOT_FOUND;
		if (!diag_is_socket(h))
			return SP_ERR_SYSTEM;
		memcpy(&m, NLMSG_DATA(h), sizeof(m));
		if (visit(&m, ctx))
			return 1;
	}
	return 0;
}

int
sp_sock_diag_each(uint8_t family, uint32_t states, bool (*visit)(const struct inet_diag_msg *m, void *ctx), void *ctx)
{
	struct diag_question q = { .body = { .sdiag_family = family, .idiag_states = states } };
	int fd = diag_ask(&q, NLM_F_DUMP), r = 0;

	if (fd < 0)
		return SP_ERR_SYSTEM;
	while (r == 0)
		r = diag_piece(fd, visit, ctx);
	(void)close(fd);
	return r < 0 ? r : 0;
}

bool
sp_sock_diag_ipv4(const struct inet_diag_msg *m, const uint32_t addr[4], struct in_addr *ret_a)
{
	struct in6_addr a;

	memcpy(&a, addr, sizeof(a));
	if (m->idiag_family != AF_INET && !IN6_IS_ADDR_V4MAPPED(&a))
		return false;
	ret_a->s_addr = m->idiag_family == AF_INET ? addr[0] : addr[3];
	return true;
}
