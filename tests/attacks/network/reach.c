/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to reach over a socket whom policy forbids, one a name: reach NAME. What counts is what the witness (witness.py)
 * has heard, not the exit status: TCP and UDP 7001 may be reached, 7002 not; /srv/net/open may be, /srv/net/shut not.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPEN 7001
#define SHUT 7002
#define ROUNDS 400

static volatile int over;

static struct sockaddr_in
v4(uint32_t host, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	a.sin_addr.s_addr = htonl(host);
	return a;
}

static struct sockaddr_un
un(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	return a;
}

static void
tell(int fd)
{
	(void)!write(fd, "x", 1);
}

static void
tcp_to(const void *a, socklen_t len, int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (connect(fd, a, len) == 0)
		tell(fd);
	close(fd);
}

static void
a_tcp(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK, SHUT);

	tcp_to(&a, sizeof(a), AF_INET);
}

static void
a_any(void)
{
	struct sockaddr_in a = v4(INADDR_ANY, SHUT);

	tcp_to(&a, sizeof(a), AF_INET);
}

static void
a_other_loopback(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK + 1, OPEN);

	tcp_to(&a, sizeof(a), AF_INET);
}

static void
a_mapped(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(SHUT) };

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.sin6_addr);
	tcp_to(&a, sizeof(a), AF_INET6);
	inet_pton(AF_INET6, "::ffff:0.0.0.0", &a.sin6_addr);
	tcp_to(&a, sizeof(a), AF_INET6);
	inet_pton(AF_INET6, "::", &a.sin6_addr);
	tcp_to(&a, sizeof(a), AF_INET6);
	tcp_to(&a, 24, AF_INET6);
}

static void
a_nonblocking(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK, SHUT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	connect(fd, (void *)&a, sizeof(a));
	usleep(100000);
	tell(fd);
}

static void
a_sendto(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK, SHUT);

	sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (void *)&a, sizeof(a));
	a.sin_family = AF_UNSPEC; /* which UDP takes for AF_INET */
	sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (void *)&a, sizeof(a));
	a.sin_family = AF_INET;
	sendto(socket(AF_INET6, SOCK_DGRAM, 0), "x", 1, 0, (void *)&a, sizeof(a));
}

static struct msghdr
message(struct sockaddr_in *a, struct iovec *v)
{
	v->iov_base = "x";
	v->iov_len = 1;
	return (struct msghdr){ .msg_name = a, .msg_namelen = a == NULL ? 0 : sizeof(*a), .msg_iov = v, .msg_iovlen = 1 };
}

static void
a_sendmsg(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK, SHUT);
	struct iovec v;
	struct msghdr m = message(&a, &v);

	sendmsg(socket(AF_INET, SOCK_DGRAM, 0), &m, 0);
	a.sin_family = AF_UNSPEC;
	sendmsg(socket(AF_INET, SOCK_DGRAM, 0), &m, 0);
}

static int
udp_open(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK, OPEN);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	connect(fd, (void *)&a, sizeof(a));
	return fd;
}

static void
a_sendmmsg(void)
{
	struct sockaddr_in good = v4(INADDR_LOOPBACK, OPEN), a = v4(INADDR_LOOPBACK, SHUT);
	struct iovec v;
	struct mmsghdr m[3] = { { .msg_hdr = message(&good, &v) }, { .msg_hdr = message(&a, &v) }, { .msg_hdr = message(&a, &v) } };

	sendmmsg(socket(AF_INET, SOCK_DGRAM, 0), m, 3, 0);
	sendmmsg(socket(AF_INET, SOCK_DGRAM, 0), m + 1, 2, 0);
	sendmmsg(udp_open(), m + 1, 2, 0);
}

static void
a_connected_elsewhere(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK, SHUT);
	struct iovec v;
	struct msghdr m = message(&a, &v);
	int fd = udp_open();

	sendto(fd, "x", 1, 0, (void *)&a, sizeof(a));
	sendmsg(fd, &m, 0);
	connect(fd, (void *)&a, sizeof(a));
	tell(fd);
}

static void
a_fastopen(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK, SHUT);
	struct iovec v;
	struct msghdr m = message(&a, &v);
	struct mmsghdr mm = { .msg_hdr = m };
	int one = 1, fd;

	sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN, (void *)&a, sizeof(a));
	sendmsg(socket(AF_INET, SOCK_STREAM, 0), &m, MSG_FASTOPEN);
	sendmmsg(socket(AF_INET, SOCK_STREAM, 0), &mm, 1, MSG_FASTOPEN);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, IPPROTO_TCP, 30 /* TCP_FASTOPEN_CONNECT */, &one, sizeof(one));
	connect(fd, (void *)&a, sizeof(a));
	tell(fd);
}

static void
a_other_protocols(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK, SHUT);
	static const int how[][3] = { { AF_INET, SOCK_STREAM, 262 }, { AF_INET, SOCK_STREAM, 132 }, { AF_INET, SOCK_SEQPACKET, 132 },
		{ AF_INET, SOCK_DCCP, 33 }, { AF_INET, SOCK_DGRAM, 136 }, { AF_INET, SOCK_RAW, 17 }, { AF_INET, SOCK_PACKET, 0 },
		{ AF_PACKET, SOCK_DGRAM, 8 }, { AF_VSOCK, SOCK_STREAM, 0 }, { 43 /* SMC */, SOCK_STREAM, 0 }, { AF_TIPC, SOCK_RDM, 0 } };

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		int fd = socket(how[i][0], how[i][1], how[i][2]);

		if (fd < 0)
			continue;
		if (connect(fd, (void *)&a, sizeof(a)) == 0)
			tell(fd);
		sendto(fd, "x", 1, 0, (void *)&a, sizeof(a));
		close(fd);
	}
}

static void
a_uring(void)
{
	struct io_uring_params p = { 0 };

	if (syscall(SYS_io_uring_setup, 4, &p) >= 0)
		a_tcp(), abort();
}

#ifdef __x86_64__
/* connect(2) by the number it has for i386 programs. */
static void
a_foreign(void)
{
	struct sockaddr_in *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	long r = 362;

	*a = v4(INADDR_LOOPBACK, SHUT);
	__asm__ volatile("int $0x80" : "+a"(r) : "b"(fd), "c"(a), "d"(sizeof(*a)) : "memory", "r8", "r9", "r10", "r11");
	tell(fd);
	syscall(0x40000000 | SYS_connect, fd, a, sizeof(*a));
	tell(fd);
}
#else
static void
a_foreign(void)
{
}
#endif

/* --- races: what was looked at is something else by the time it is used -------------------------------------------- */

struct race {
	struct sockaddr_in address;
	struct msghdr message;
	struct iovec part;
	int fd, good, bad;
};

static void *
flip_port(void *p)
{
	struct race *r = p;

	while (!over) {
		r->address.sin_port = htons(SHUT);
		r->address.sin_port = htons(OPEN);
	}
	return NULL;
}

static void *
flip_fd(void *p)
{
	struct race *r = p;

	while (!over) {
		dup2(r->bad, r->fd);
		r->message.msg_namelen = sizeof(r->address);
		r->message.msg_name = &r->address;
		dup2(r->good, r->fd);
		r->message.msg_name = NULL;
		r->message.msg_namelen = 0;
	}
	return NULL;
}

static void
a_race_connect(void)
{
	struct race r = { .address = v4(INADDR_LOOPBACK, OPEN) };
	pthread_t t;

	pthread_create(&t, NULL, flip_port, &r);
	for (int i = 0; i < ROUNDS; i++)
		tcp_to(&r.address, sizeof(r.address), AF_INET);
	over = 1;
	pthread_join(t, NULL);
}

static void
a_race_send(void)
{
	struct race r = { .address = v4(INADDR_LOOPBACK, OPEN) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	pthread_t t;

	r.message = message(&r.address, &r.part);
	pthread_create(&t, NULL, flip_port, &r);
	for (int i = 0; i < ROUNDS; i++) {
		sendto(fd, "x", 1, 0, (void *)&r.address, sizeof(r.address));
		sendmsg(fd, &r.message, 0);
	}
	over = 1;
	pthread_join(t, NULL);
}

/* A stream, whose message needs no decision, turns into a socket that goes anywhere. */
static void
a_race_descriptor(void)
{
	struct race r = { .address = v4(INADDR_LOOPBACK, SHUT) };
	int pair[2];
	pthread_t t;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	r.good = pair[0];
	r.bad = socket(AF_INET, SOCK_DGRAM, 0);
	r.fd = dup(r.good);
	r.message = message(NULL, &r.part);
	pthread_create(&t, NULL, flip_fd, &r);
	for (int i = 0; i < ROUNDS * 5; i++)
		sendmsg(r.fd, &r.message, MSG_DONTWAIT);
	over = 1;
	pthread_join(t, NULL);
}

/* --- Unix sockets ------------------------------------------------------------------------------------------------------ */

static void
unix_to(const char *path)
{
	struct sockaddr_un a = un(path);

	tcp_to(&a, sizeof(a), AF_UNIX);
}

static void
a_unix(void)
{
	unix_to("/srv/net/shut");
	unix_to("/srv/../srv/net//shut");
	unix_to("/srv/net/open/../shut");
	chdir("/srv/net");
	unix_to("shut");
	unix_to("/proc/self/cwd/shut");
}

static void
a_unix_link(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/tmp/open.%d", (int)getpid());
	symlink("/srv/net/shut", name);
	unix_to(name);
	unlink(name);
	link("/srv/net/shut", name);
	unix_to(name);
	unlink(name);
}

static char swapped[2][64];

static void *
flip_link(void *p)
{
	char other[64];

	(void)p;
	snprintf(other, sizeof(other), "%s.2", swapped[0]);
	while (!over) {
		symlink("/srv/net/shut", other);
		rename(other, swapped[0]);
		symlink("/srv/net/open", other);
		rename(other, swapped[0]);
	}
	unlink(swapped[0]);
	return NULL;
}

static void
a_unix_race(void)
{
	pthread_t t;

	snprintf(swapped[0], sizeof(swapped[0]), "/tmp/swap.%d", (int)getpid());
	symlink("/srv/net/open", swapped[0]);
	pthread_create(&t, NULL, flip_link, NULL);
	for (int i = 0; i < ROUNDS; i++)
		unix_to(swapped[0]);
	over = 1;
	pthread_join(t, NULL);
}

static void
a_unix_datagram(void)
{
	struct sockaddr_un a = un("/srv/net/shut-datagram");
	struct iovec v;
	struct msghdr m = message(NULL, &v);
	int pair[2];

	m.msg_name = &a;
	m.msg_namelen = sizeof(a);
	sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (void *)&a, sizeof(a));
	sendmsg(socket(AF_UNIX, SOCK_DGRAM, 0), &m, 0);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	sendto(pair[0], "x", 1, 0, (void *)&a, sizeof(a));
}

static void
a_abstract(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, "\0net-shut", 9);
	if (connect(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 9) == 0)
		tell(fd);
}

static void
a_listen(void)
{
	struct sockaddr_in a = v4(INADDR_LOOPBACK, 7003);
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bind(fd, (void *)&a, sizeof(a));
	if (listen(fd, 1) == 0) {
		/* The witness would be heard by whoever connects: say so ourselves, for it is as bad. */
		int out = open("/tmp/network-witness", O_WRONLY | O_APPEND);

		(void)!write(out, "listens\n", 8);
	}
}

static void
a_root(void)
{
	char *argv[] = { "/opt/exec/become", "/opt/net/reach", "tcp", NULL };

	execv(argv[0], argv);
}

static void
a_thread(void)
{
	if (vfork() == 0) {
		a_tcp();
		_exit(0);
	}
	wait(NULL);
}

#define A(name) { #name, a_##name }
static const struct {
	const char *name;
	void (*run)(void);
} attacks[] = { A(tcp), A(any), A(other_loopback), A(mapped), A(nonblocking), A(sendto), A(sendmsg), A(sendmmsg),
	A(connected_elsewhere), A(fastopen), A(other_protocols), A(uring), A(foreign), A(race_connect), A(race_send),
	A(race_descriptor), A(unix), A(unix_link), A(unix_race), A(unix_datagram), A(abstract), A(listen), A(root), A(thread) };

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(attacks) / sizeof(attacks[0]); i++)
		if (strcmp(attacks[i].name, argv[1]) == 0)
			attacks[i].run();
	for (size_t i = 0; argc == 1 && i < sizeof(attacks) / sizeof(attacks[0]); i++)
		puts(attacks[i].name);
	return 0;
}
