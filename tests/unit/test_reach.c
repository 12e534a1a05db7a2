/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on sockets as the supervisor reads and does them, for a child that has what this process had when it forked. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/reach.h"
#include "lib/ipc_exec.h"

static pid_t child;
static int proc;
static struct sp_target t;
static struct sp_reach r;

/* From here on the child has these descriptors and this memory. */
static void
begin(void)
{
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* where a test fails before end() */
		for (;;)
			(void)pause();
	}
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(sp_target_open(proc, child, &t), 0);
}

static void
end(void)
{
	sp_target_close(&t);
	(void)close(proc);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
}

static int
ask(long nr, int fd, const void *a, uint64_t b, uint64_t c, const void *d, uint64_t e)
{
	const uint64_t args[6] = { (uint64_t)fd, (uintptr_t)a, b, c, (uintptr_t)d, e };

	return sp_reach_read(&t, nr, args, &r);
}

static struct sockaddr_in
v4(const char *address, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
	return in;
}

static struct sockaddr_in6
v6(const char *address, uint16_t port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
	return in6;
}

/* What the question says. */
static void
is(uint8_t what, const char *address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(r.what, what);
	assert_non_null(inet_ntop(r.is_v6 ? AF_INET6 : AF_INET, r.address, text, sizeof(text)));
	assert_string_equal(text, address);
	assert_int_equal(r.port, port);
	assert_false(r.is_free || r.is_kernel);
	sp_reach_clear(&r);
}

static void
test_connect(void **state)
{
	struct sockaddr_in plain = v4("10.1.2.3", 443), any = v4("0.0.0.0", 9), none = v4("1.2.3.4", 9);
	struct sockaddr_in6 six = v6("2001:db8::1", 22), mapped = v6("::ffff:10.1.2.3", 1), any6 = v6("::", 2), null = v6("::ffff:0.0.0.0", 3);
	int tcp = socket(AF_INET, SOCK_STREAM, 0), tcp6 = socket(AF_INET6, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	none.sin_family = AF_UNSPEC;
	begin();
	assert_int_equal(ask(SYS_connect, tcp, &plain, sizeof(plain), 0, NULL, 0), 0);
	is(SP_IPC_EXEC_TCP, "10.1.2.3", 443);
	assert_int_equal(ask(SYS_connect, udp, &plain, sizeof(plain), 0, NULL, 0), 0);
	is(SP_IPC_EXEC_UDP, "10.1.2.3", 443);
	assert_int_equal(ask(SYS_connect, tcp, &any, sizeof(any), 0, NULL, 0), 0);
	assert_int_equal(ntohl(((struct sockaddr_in *)&r.to)->sin_addr.s_addr), INADDR_LOOPBACK);
	is(SP_IPC_EXEC_TCP, "127.0.0.1", 9);
	if (tcp6 >= 0) {
		assert_int_equal(ask(SYS_connect, tcp6, &six, sizeof(six), 0, NULL, 0), 0);
		is(SP_IPC_EXEC_TCP, "2001:db8::1", 22);
		assert_int_equal(ask(SYS_connect, tcp6, &mapped, 24, 0, NULL, 0), 0);
		is(SP_IPC_EXEC_TCP, "10.1.2.3", 1);
		assert_int_equal(ask(SYS_connect, tcp6, &any6, sizeof(any6), 0, NULL, 0), 0);
		is(SP_IPC_EXEC_TCP, "::1", 2);
		assert_int_equal(ask(SYS_connect, tcp6, &null, sizeof(null), 0, NULL, 0), 0);
		is(SP_IPC_EXEC_TCP, "127.0.0.1", 3);
		assert_int_equal(ask(SYS_connect, tcp6, &six, 23, 0, NULL, 0), EINVAL);
		sp_reach_clear(&r);
	}
	assert_int_equal(ask(SYS_connect, tcp, &none, sizeof(none), 0, NULL, 0), 0);
	assert_true(r.is_free);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_connect, tcp, &plain, 15, 0, NULL, 0), EINVAL);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_connect, tcp, &plain, 1, 0, NULL, 0), EINVAL);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_connect, tcp, &plain, 129, 0, NULL, 0), EINVAL);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_connect, tcp, (void *)16, 16, 0, NULL, 0), EFAULT);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_connect, 999, &plain, 16, 0, NULL, 0), EBADF);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_connect, proc, &plain, 16, 0, NULL, 0), EBADF); /* the child has it not */
	sp_reach_clear(&r);
	end();
	(void)close(tcp);
	(void)close(tcp6);
	(void)close(udp);
}

static void
test_sends(void **state)
{
	struct sockaddr_in to = v4("127.0.0.1", 0), odd;
	socklen_t len = sizeof(to);
	int in = socket(AF_INET, SOCK_DGRAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
	char abc[] = "abc", de[] = "de";
	struct iovec parts[2] = { { abc, 3 }, { de, 2 } };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = parts, .msg_iovlen = 2 }, unnamed = m;
	struct mmsghdr mm = { .msg_hdr = m };
	char got[16];
	long n;

	(void)state;
	assert_int_equal(bind(in, (struct sockaddr *)&to, len), 0);
	assert_int_equal(getsockname(in, (struct sockaddr *)&to, &len), 0);
	odd = to;
	odd.sin_family = AF_UNSPEC;
	unnamed.msg_name = NULL;
	begin();
	assert_int_equal(ask(SYS_sendmsg, udp, &m, 0, 0, NULL, 0), 0);
	assert_false(r.is_free);
	assert_int_equal(sp_reach_do(&t, &r, &n), 0);
	assert_int_equal(n, 5);
	is(SP_IPC_EXEC_UDP, "127.0.0.1", ntohs(to.sin_port));
	assert_int_equal(recv(in, got, sizeof(got), MSG_DONTWAIT), 5);
	assert_memory_equal(got, "abcde", 5);
	assert_int_equal(ask(SYS_sendto, udp, "xyz", 2, 0, &to, sizeof(to)), 0);
	assert_int_equal(sp_reach_do(&t, &r, &n), 0);
	is(SP_IPC_EXEC_UDP, "127.0.0.1", ntohs(to.sin_port));
	assert_int_equal(recv(in, got, sizeof(got), MSG_DONTWAIT), 2);
	/* UDP takes an address of no family for one of its own. */
	assert_int_equal(ask(SYS_sendto, udp, "xyz", 2, 0, &odd, sizeof(odd)), EAFNOSUPPORT);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendmmsg, udp, &mm, 1, 0, NULL, 0), 0);
	assert_false(r.is_free);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendmsg, udp, &unnamed, 0, 0, NULL, 0), 0);
	assert_true(r.is_free);
	sp_reach_clear(&r);
	/* A stream goes where it is connected to; a connect in disguise is none. */
	assert_int_equal(ask(SYS_sendmsg, tcp, &m, 0, 0, NULL, 0), 0);
	assert_true(r.is_free && r.to_len == 0);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendmsg, tcp, &m, MSG_FASTOPEN, 0, NULL, 0), EOPNOTSUPP);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendto, tcp, "x", 1, MSG_FASTOPEN, &to, sizeof(to)), EOPNOTSUPP);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendto, udp, got, SP_REACH_MESSAGE_MAX + 1, 0, &to, sizeof(to)), EMSGSIZE);
	sp_reach_clear(&r);
	end();
	(void)close(in);
	(void)close(udp);
	(void)close(tcp);
}

static void
test_control(void **state)
{
	union {
		struct cmsghdr h;
		char bytes[CMSG_SPACE(sizeof(int)) * 2];
	} route = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_RETOPTS } },
	  fds = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } }, cut = fds;
	int pair[2], udp = socket(AF_INET, SOCK_DGRAM, 0), fd;
	char a[] = "a";
	struct iovec part = { a, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &route, .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct msghdr passes = m, short_one = m, many = m;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	memcpy(CMSG_DATA(&fds.h), &pair[1], sizeof(int));
	cut.h.cmsg_len = 1000;
	passes.msg_control = &fds;
	short_one.msg_control = &cut;
	many.msg_controllen = SP_REACH_CONTROL_MAX + 1;
	begin();
	assert_int_equal(ask(SYS_sendmsg, udp, &m, 0, 0, NULL, 0), EPERM);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendmsg, pair[0], &passes, 0, 0, NULL, 0), 0);
	assert_true(r.is_free && r.nfds == 1);
	memcpy(&fd, CMSG_DATA((struct cmsghdr *)(void *)r.control), sizeof(fd));
	assert_int_equal(fd, r.fds[0]);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendmsg, pair[0], &short_one, 0, 0, NULL, 0), EINVAL);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendmsg, pair[0], &many, 0, 0, NULL, 0), ENOBUFS);
	sp_reach_clear(&r);
	end();
	(void)close(pair[0]);
	(void)close(pair[1]);
	(void)close(udp);
}

/*
 * A control message that ends where all of them end, its padding left out: the kernel takes it, and some C libraries'
 * CMSG_NXTHDR() does not see it. What is not seen is not translated, and would pass on descriptors of ours.
 */
static void
test_control_without_padding(void **state)
{
	_Alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_LEN(sizeof(int))] = { 0 };
	struct cmsghdr *first = (struct cmsghdr *)(void *)bytes;
	struct cmsghdr *second = (struct cmsghdr *)(void *)(bytes + CMSG_SPACE(sizeof(struct ucred)));
	char a[] = "a";
	struct iovec part = { a, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = bytes, .msg_controllen = sizeof(bytes) };
	struct msghdr cut = m;
	int pair[2], fd = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	first->cmsg_level = second->cmsg_level = SOL_SOCKET;
	first->cmsg_type = SCM_CREDENTIALS;
	first->cmsg_len = CMSG_LEN(sizeof(struct ucred));
	second->cmsg_type = SCM_RIGHTS;
	second->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(second), &pair[1], sizeof(int));
	cut.msg_controllen--;
	begin();
	assert_int_equal(ask(SYS_sendmsg, pair[0], &m, 0, 0, NULL, 0), 0);
	assert_int_equal(r.nfds, 1);
	memcpy(&fd, r.control + CMSG_SPACE(sizeof(struct ucred)) + CMSG_LEN(0), sizeof(fd));
	assert_int_equal(fd, r.fds[0]);
	assert_int_not_equal(fd, pair[1]);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendmsg, pair[0], &cut, 0, 0, NULL, 0), EINVAL);
	sp_reach_clear(&r);
	end();
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* Whoever is told who sent a message is told so, however much else is in it. */
static void
test_credentials_have_room(void **state)
{
	static _Alignas(struct cmsghdr) char bytes[SP_REACH_CONTROL_MAX];
	char a[] = "a", got[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(64 * sizeof(int))];
	struct iovec part = { a, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = bytes, .msg_controllen = sizeof(bytes) };
	struct msghdr fits = m, in = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = got, .msg_controllen = sizeof(got) };
	int pair[2], one = 1;
	size_t at;
	long n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)), 0);
	for (at = 0; at < sizeof(bytes); at += CMSG_SPACE(0)) { /* no descriptors, many times */
		struct cmsghdr *c = (struct cmsghdr *)(void *)(bytes + at);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(0);
	}
	fits.msg_controllen = sizeof(bytes) - CMSG_SPACE(sizeof(struct ucred));
	begin();
	assert_int_equal(ask(SYS_sendmsg, pair[0], &m, 0, 0, NULL, 0), ENOBUFS);
	sp_reach_clear(&r);
	assert_int_equal(ask(SYS_sendmsg, pair[0], &fits, 0, 0, NULL, 0), 0);
	assert_int_equal(sp_reach_do(&t, &r, &n), 0);
	assert_int_equal(r.control_len, sizeof(bytes));
	sp_reach_clear(&r);
	assert_int_equal(recvmsg(pair[1], &in, MSG_DONTWAIT), 1);
	assert_int_equal(CMSG_FIRSTHDR(&in)->cmsg_type, SCM_CREDENTIALS);
	end();
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* What was decided on is what listens: not what the socket was bound to meanwhile. */
static void
test_listen_where_it_was_decided(void **state)
{
	struct sockaddr_in at = v4("127.0.0.1", 0), any = { 0 };
	struct sockaddr_in6 mapped = v6("::ffff:127.0.0.1", 0);
	socklen_t len = sizeof(any);
	int late = socket(AF_INET, SOCK_STREAM, 0), free_one = socket(AF_INET, SOCK_STREAM, 0);
	int six = socket(AF_INET6, SOCK_STREAM, 0), half = socket(AF_INET, SOCK_STREAM, 0), is_listening = 1;
	long n;

	(void)state;
	if (six >= 0) {
		assert_int_equal(bind(six, (struct sockaddr *)&mapped, sizeof(mapped)), 0);
		len = sizeof(mapped);
		assert_int_equal(getsockname(six, (struct sockaddr *)&mapped, &len), 0);
	}
	begin();
	/* Bound by nobody: to any address, and a port of the kernel's. */
	assert_int_equal(ask(SYS_listen, free_one, (void *)5, 0, 0, NULL, 0), 0);
	is(SP_IPC_EXEC_TCP, "0.0.0.0", 0);
	assert_int_equal(ask(SYS_listen, free_one, (void *)5, 0, 0, NULL, 0), 0);
	assert_int_equal(sp_reach_do(&t, &r, &n), 0);
	sp_reach_clear(&r);
	len = sizeof(any);
	assert_int_equal(getsockname(free_one, (struct sockaddr *)&any, &len), 0);
	assert_true(any.sin_addr.s_addr == htonl(INADDR_ANY) && any.sin_port != 0);
	/* An address without a port stays that address. */
	assert_int_equal(setsockopt(half, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &is_listening, sizeof(is_listening)), 0);
	assert_int_equal(bind(half, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(ask(SYS_listen, half, (void *)5, 0, 0, NULL, 0), 0);
	is(SP_IPC_EXEC_TCP, "127.0.0.1", 0);
	assert_int_equal(ask(SYS_listen, half, (void *)5, 0, 0, NULL, 0), 0);
	assert_int_equal(sp_reach_do(&t, &r, &n), 0);
	sp_reach_clear(&r);
	len = sizeof(any);
	assert_int_equal(getsockname(half, (struct sockaddr *)&any, &len), 0);
	assert_true(any.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && any.sin_port != 0);
	/* Bound after it was asked. */
	assert_int_equal(ask(SYS_listen, late, (void *)5, 0, 0, NULL, 0), 0);
	assert_int_equal(bind(late, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(sp_reach_do(&t, &r, &n), EACCES);
	sp_reach_clear(&r);
	len = sizeof(is_listening);
	assert_int_equal(getsockopt(late, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len), 0);
	assert_false(is_listening);
	/* An IPv4 address is one, in IPv6 too. */
	if (six >= 0) {
		assert_int_equal(ask(SYS_listen, six, (void *)5, 0, 0, NULL, 0), 0);
		is(SP_IPC_EXEC_TCP, "127.0.0.1", ntohs(mapped.sin6_port));
		assert_int_equal(ask(SYS_listen, six, (void *)5, 0, 0, NULL, 0), 0);
		assert_int_equal(sp_reach_do(&t, &r, &n), 0);
		sp_reach_clear(&r);
	}
	end();
	(void)close(late);
	(void)close(free_one);
	(void)close(half);
	(void)close(six);
}

static void
test_listen_and_connect(void **state)
{
	struct sockaddr_in at = v4("127.0.0.1", 0);
	socklen_t len = sizeof(at);
	int s = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), raw = socket(AF_INET, SOCK_DGRAM, 136);
	struct pollfd p = { .fd = c, .events = POLLOUT };
	int e;
	long n;

	(void)state;
	assert_int_equal(bind(s, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&at, &len), 0);
	begin();
	assert_int_equal(ask(SYS_listen, s, (void *)5, 0, 0, NULL, 0), 0);
	assert_int_equal(r.call, SP_REACH_LISTEN);
	assert_int_equal(sp_reach_do(&t, &r, &n), 0);
	is(SP_IPC_EXEC_TCP, "127.0.0.1", ntohs(at.sin_port));
	assert_int_equal(ask(SYS_connect, c, &at, sizeof(at), 0, NULL, 0), 0);
	e = sp_reach_do(&t, &r, &n);
	assert_true(e == 0 || (e == EINPROGRESS && r.is_waiting));
	assert_int_equal(poll(&p, 1, 10000), 1);
	if (e != 0)
		assert_int_equal(sp_reach_finish(&r), 0);
	assert_int_equal(fcntl(c, F_GETFL) & O_NONBLOCK, 0);
	is(SP_IPC_EXEC_TCP, "127.0.0.1", ntohs(at.sin_port));
	if (raw >= 0) { /* UDP-Lite */
		assert_int_equal(ask(SYS_connect, raw, &at, sizeof(at), 0, NULL, 0), EPROTONOSUPPORT);
		sp_reach_clear(&r);
	}
	end();
	(void)close(s);
	(void)close(c);
	(void)close(raw);
}

/* A socket is reached with our rights: not through what /proc has of other processes, nor through what it has of itself. */
static void
test_doors_of_proc(void **state)
{
	static char dir[] = "/tmp/test_reach.XXXXXX";
	struct sockaddr_un at = { .sun_family = AF_UNIX }, doors[5];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/s", dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	for (i = 0; i < sizeof(doors) / sizeof(doors[0]); i++)
		doors[i].sun_family = AF_UNIX;
	(void)snprintf(doors[0].sun_path, sizeof(doors[0].sun_path), "/proc/%d/root%s/s", (int)getpid(), dir);
	(void)snprintf(doors[1].sun_path, sizeof(doors[1].sun_path), "/proc/self/root%s/s", dir);
	(void)snprintf(doors[2].sun_path, sizeof(doors[2].sun_path), "/proc/1/cwd%s/s", dir);
	(void)snprintf(doors[3].sun_path, sizeof(doors[3].sun_path), "/proc/%d/fd/%d", (int)getpid(), listener);
	(void)snprintf(doors[4].sun_path, sizeof(doors[4].sun_path), "/proc/thread-self/cwd/s");
	assert_int_equal(chdir(dir), 0);
	begin();
	assert_int_equal(ask(SYS_connect, fd, &at, sizeof(at), 0, NULL, 0), 0);
	sp_reach_clear(&r);
	for (i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
		error = ask(SYS_connect, fd, &doors[i], sizeof(doors[i]), 0, NULL, 0);
		if (error != EACCES) {
			end();
			fail_msg("%s: %d", doors[i].sun_path, error);
		}
	}
	end();
	assert_int_equal(chdir("/"), 0);
	(void)unlink(at.sun_path);
	(void)rmdir(dir);
	(void)close(fd);
	(void)close(listener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_connect), cmocka_unit_test(test_sends),
		cmocka_unit_test(test_control), cmocka_unit_test(test_control_without_padding),
		cmocka_unit_test(test_credentials_have_room), cmocka_unit_test(test_listen_where_it_was_decided),
		cmocka_unit_test(test_listen_and_connect),
		cmocka_unit_test(test_doors_of_proc) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
