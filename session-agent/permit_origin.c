/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/permit_origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "session-agent/proc.h"
#include "session-agent/sock_diag.h"

_Static_assert(SP_PERMIT_ORIGIN_TEXT == INET6_ADDRSTRLEN, "the text of an address");

struct origin {
	uint32_t inodes[SP_PERMIT_ORIGIN_SOCKETS_MAX];
	unsigned ninodes;
	unsigned seen; /* of the kernel's connections */
	bool is_known;
	bool is_over; /* more than one, or too many to look at */
	char text[SP_PERMIT_ORIGIN_TEXT];
};

/* As sshd and PAM write it: an IPv4 address within IPv6 is that of IPv4. */
static bool
origin_text(const struct inet_diag_msg *m, char text[SP_PERMIT_ORIGIN_TEXT])
{
	struct in_addr a;

	if (sp_sock_diag_ipv4(m, m->id.idiag_dst, &a))
		return inet_ntop(AF_INET, &a, text, SP_PERMIT_ORIGIN_TEXT) != NULL;
	return inet_ntop(AF_INET6, m->id.idiag_dst, text, SP_PERMIT_ORIGIN_TEXT) != NULL;
}

static bool
origin_on_connection(const struct inet_diag_msg *m, void *ctx)
{
	struct origin *o = ctx;
	char text[SP_PERMIT_ORIGIN_TEXT];
	bool is_its = false;

	for (unsigned i = 0; !is_its && i < o->ninodes; i++)
		is_its = o->inodes[i] == m->idiag_inode;
	if (++o->seen > SP_PERMIT_ORIGIN_TCP_MAX)
		o->is_over = true;
	if (!is_its || m->idiag_state != TCP_ESTABLISHED)
		return o->is_over;
	if (!origin_text(m, text) || (o->is_known && strcmp(text, o->text) != 0))
		o->is_over = true;
	(void)snprintf(o->text, sizeof(o->text), "%s", text);
	o->is_known = true;
	return o->is_over;
}

static int
origin_ask(struct origin *o, uint8_t family)
{
	o->seen = 0;
	return o->is_over ? 0 : sp_sock_diag_each(family, 1U << TCP_ESTABLISHED, origin_on_connection, o);
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
