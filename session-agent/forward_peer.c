/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/forward_peer.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/cred.h"
#include "session-agent/proc.h"
#include "session-agent/sock_diag.h"

/* --- sock_diag ---------------------------------------------------------------------------------------- */

int
sp_forward_peer_socket(const struct sockaddr_in *peer, const struct sockaddr_in *here, struct sp_forward_peer *ret_p)
{
	struct inet_diag_msg m;
	int r = sp_sock_diag_one(peer, here, &m);

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

bool
sp_forward_peer_listens(uint32_t address, uint16_t port)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) }, nobody = { .sin_port = htons(1) };
	struct inet_diag_msg m;

	here.sin_addr.s_addr = htonl(address);
	return sp_sock_diag_one(&here, &nobody, &m) == 0 && m.idiag_state == TCP_LISTEN && m.idiag_uid == 0 &&
	    m.id.idiag_sport == here.sin_port;
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

struct arrival {
	uint32_t inodes[SP_FORWARD_PEER_SOCKETS_MAX]; /* of the process */
	unsigned ninodes;
	bool is_over; /* it has more */
	uint32_t net;
	uint16_t port; /* network byte order */
	bool is_any, is_found;
	struct sockaddr_in here, there;
};

static bool
arrival_on_socket(uint32_t inode, void *ctx)
{
	struct arrival *a = ctx;

	a->is_over = a->ninodes == SP_FORWARD_PEER_SOCKETS_MAX;
	if (!a->is_over)
		a->inodes[a->ninodes++] = inode;
	return a->is_over;
}

static bool
arrival_look(const struct inet_diag_msg *m, void *ctx)
{
	struct arrival *a = ctx;
	struct in_addr here, there;
	bool is_its = false;

	for (unsigned i = 0; !is_its && m->idiag_inode != 0 && i < a->ninodes; i++)
		is_its = a->inodes[i] == m->idiag_inode;
	a->is_any = a->is_any || is_its;
	if (!is_its || m->id.idiag_sport != a->port || !sp_sock_diag_ipv4(m, m->id.idiag_src, &here) ||
	    !sp_sock_diag_ipv4(m, m->id.idiag_dst, &there) || (ntohl(here.s_addr) & 0xffff0000u) != a->net)
		return false;
	a->is_found = true;
	a->here = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = m->id.idiag_sport, .sin_addr = here };
	a->there = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = m->id.idiag_dport, .sin_addr = there };
	return true;
}

/* Both families: what listens at all addresses of IPv6 takes those of IPv4 too. In any state: one end may be closed. */
static int
arrival_ask(struct arrival *a)
{
	uint32_t states = ~(1U << TCP_LISTEN);
	int r = sp_sock_diag_each(AF_INET, states, arrival_look, a);

	if (r == 0 && !a->is_found)
		r = sp_sock_diag_each(AF_INET6, states, arrival_look, a);
	return r == SP_ERR_NOT_FOUND ? 0 : r; /* without IPv6 there is none of it */
}

int
sp_forward_peer_arrived(pid_t pid, uint32_t net, uint16_t port, struct sockaddr_in *ret_here,
    struct sockaddr_in *ret_there, bool *ret_any)
{
	struct arrival a = { .net = net, .port = htons(port) };
	int dir = sp_proc_open(pid), r;

	*ret_any = false;
	if (dir < 0)
		return SP_ERR_SYSTEM;
	(void)sp_proc_each_socket(dir, SP_FORWARD_PEER_FDS_MAX, arrival_on_socket, &a);
	(void)close(dir);
	r = a.is_over ? SP_ERR_SYSTEM : arrival_ask(&a);
	if (r != 0)
		return r;
	*ret_any = a.is_any;
	if (!a.is_found)
		return SP_ERR_NOT_FOUND;
	*ret_here = a.here;
	*ret_there = a.there;
	return 0;
}
