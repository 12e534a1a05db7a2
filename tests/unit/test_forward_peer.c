/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a TCP connection is. The test stands for sshd's root process of a login; a child of its, with the person's uid
 * and audit session, for the one that forwards.
 */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/cred.h"
#include "session-agent/forward_peer.h"

#define UID 64123

static int listener, made, hold[2];
static pid_t child;
static struct sockaddr_in there, here;
static struct sp_login login;

static uint32_t
own(const char *name)
{
	char path[64], text[32] = "";
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	(void)close(fd);
	return (uint32_t)strtoul(text, NULL, 10);
}

/* In the child: connects, says so, and stays until the other end of hold is closed. */
static void
be_sshd(bool by_a_child_of_its)
{
	int fd;
	char c = 0;

	(void)close(hold[1]);
	if (setgid(UID) != 0 || setuid(UID) != 0)
		_exit(1);
	if (by_a_child_of_its && fork() > 0) {
		(void)!read(hold[0], &c, 1);
		_exit(0);
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&here, sizeof(here)) != 0)
		_exit(1);
	(void)!read(hold[0], &c, 1);
	_exit(0);
}

static void
connect_by(bool by_a_child_of_its)
{
	socklen_t len = sizeof(there);

	assert_int_equal(pipe(hold), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		be_sshd(by_a_child_of_its);
	(void)close(hold[0]);
	made = accept(listener, (struct sockaddr *)&there, &len);
	assert_true(made >= 0);
	login = (struct sp_login){ .uid = UID, .ses = own("sessionid"), .auid = own("loginuid"), .pid = getpid() };
	login.started = sp_registry_process_start(getpid());
}

static int
setup(void **state)
{
	socklen_t len = sizeof(here);

	(void)state;
	here = (struct sockaddr_in){ .sin_family = AF_INET };
	here.sin_addr.s_addr = htonl(0x7f4d0101);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	made = -1;
	child = -1;
	return listener < 0 || bind(listener, (struct sockaddr *)&here, sizeof(here)) != 0 || listen(listener, 4) != 0 ||
	    getsockname(listener, (struct sockaddr *)&here, &len) != 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(listener);
	if (made >= 0)
		(void)close(made);
	if (child > 0) {
		(void)close(hold[1]);
		(void)waitpid(child, NULL, 0);
	}
	return 0;
}

/* An audit session is given once; without the right to have one there is nothing to test. */
static void
need_session(void)
{
	int fd;

	if (geteuid() != 0)
		skip();
	if (own("sessionid") != SP_CRED_UNSET)
		return;
	fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "64123", 5) != 5 || own("sessionid") == SP_CRED_UNSET) {
		(void)close(fd);
		(void)fprintf(stderr, "SKIP: no audit session can be had\n");
		skip();
	}
	(void)close(fd);
}

static void
test_sshds_own(void **state)
{
	struct sp_forward_peer p = { 0 };
	struct sp_login l;

	(void)state;
	need_session();
	connect_by(false);
	assert_int_equal(sp_forward_peer_socket(&there, &here, &p), 0);
	assert_int_equal(p.uid, UID);
	assert_int_equal(sp_forward_peer_is_of(&p, &login), 0);
	l = login;
	l.uid++;
	assert_int_equal(sp_forward_peer_is_of(&p, &l), SP_ERR_DENIED);
	l = login;
	l.ses++;
	assert_int_equal(sp_forward_peer_is_of(&p, &l), SP_ERR_DENIED);
	l = login;
	l.auid++;
	assert_int_equal(sp_forward_peer_is_of(&p, &l), SP_ERR_DENIED);
	l = login;
	l.started++;
	assert_int_equal(sp_forward_peer_is_of(&p, &l), SP_ERR_DENIED);
	l = login;
	l.pid = getppid();
	assert_int_equal(sp_forward_peer_is_of(&p, &l), SP_ERR_DENIED);
	p.inode++;
	assert_int_equal(sp_forward_peer_is_of(&p, &login), SP_ERR_DENIED);
}

/* A program of the person's, which is sshd's grandchild: in the same audit session, with the same uid. */
static void
test_somebody_elses(void **state)
{
	struct sp_forward_peer p = { 0 };

	(void)state;
	need_session();
	connect_by(true);
	assert_int_equal(sp_forward_peer_socket(&there, &here, &p), 0);
	assert_int_equal(p.uid, UID);
	assert_int_equal(sp_forward_peer_is_of(&p, &login), SP_ERR_DENIED);
}

static void
test_roots(void **state)
{
	struct sp_forward_peer p = { .uid = 0, .inode = 1 };
	struct sp_login l = { .uid = 0, .ses = own("sessionid"), .auid = own("loginuid"), .pid = getpid() };

	(void)state;
	assert_int_equal(sp_forward_peer_is_of(&p, &l), SP_ERR_DENIED);
}

static void
test_no_connection(void **state)
{
	struct sp_forward_peer p = { .uid = 77 };
	struct sockaddr_in other;

	(void)state;
	need_session();
	other = here;
	other.sin_port = htons(1);
	assert_true(sp_forward_peer_socket(&other, &here, &p) != 0); /* never was */
	assert_true(sp_forward_peer_socket(&here, &other, &p) != 0); /* a listener is not one */
	connect_by(false);
	assert_int_equal(sp_forward_peer_socket(&there, &here, &p), 0);
	assert_int_equal(sp_forward_peer_socket(&here, &there, &p), 0); /* our own end, which is root's */
	assert_int_equal(p.uid, geteuid());
	assert_int_equal(sp_forward_peer_is_of(&p, &login), SP_ERR_DENIED);
	(void)close(hold[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	child = -1;
	assert_true(sp_forward_peer_socket(&there, &here, &p) != 0); /* its process has gone: it is closing */
}

static int
arrived(pid_t pid, uint32_t net, uint16_t port, struct sockaddr_in *ret_a, struct sockaddr_in *ret_b)
{
	bool has_any;

	return sp_forward_peer_arrived(pid, net, port, ret_a, ret_b, &has_any);
}

/* The other way round: the connection to an address of the network that a process has accepted. */
static void
test_arrived(void **state)
{
	struct sockaddr_in a = { 0 }, b = { 0 };
	uint16_t port = ntohs(here.sin_port);
	bool has_any = true;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(sp_forward_peer_arrived(getpid(), 0x7f4d0000, port, &a, &b, &has_any), SP_ERR_NOT_FOUND);
	assert_false(has_any); /* a listener only */
	connect_by(false);
	assert_int_equal(sp_forward_peer_arrived(getpid(), 0x7f4d0000, port, &a, &b, &has_any), 0);
	assert_true(has_any);
	assert_memory_equal(&a, &here, sizeof(a));
	assert_memory_equal(&b, &there, sizeof(b));
	assert_int_equal(sp_forward_peer_arrived(getpid(), 0x7f4e0000, port, &a, &b, &has_any), SP_ERR_NOT_FOUND);
	assert_true(has_any); /* from elsewhere */
	assert_int_equal(arrived(getpid(), 0x7f4d0000, port ^ 1, &a, &b), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_forward_peer_arrived(getppid(), 0x7f4d0000, port, &a, &b, &has_any), SP_ERR_NOT_FOUND);
	assert_false(has_any); /* its own are not ours */
	assert_int_equal(arrived(INT32_MAX, 0x7f4d0000, port, &a, &b), SP_ERR_SYSTEM);
}

/* Whoever closes their end early came from there nonetheless: sshd goes on reading what they have sent. */
static void
test_arrived_and_half_closed(void **state)
{
	struct sockaddr_in a = { 0 }, b = { 0 };
	char c;

	(void)state;
	if (geteuid() != 0)
		skip();
	connect_by(false);
	(void)close(hold[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	child = -1;
	assert_int_equal(read(made, &c, 1), 0);
	assert_int_equal(arrived(getpid(), 0x7f4d0000, ntohs(here.sin_port), &a, &b), 0);
	assert_memory_equal(&a, &here, sizeof(a));
	assert_memory_equal(&b, &there, sizeof(b));
	assert_int_equal(shutdown(made, SHUT_WR), 0); /* and so have we */
	assert_true(arrived(getpid(), 0x7f4d0000, ntohs(here.sin_port), &a, &b) != 0); /* nothing is left of it ... */
}

/* ... as after a reset: then it is not said that it came from elsewhere. */
static void
test_arrived_and_reset(void **state)
{
	struct sockaddr_in a = { 0 }, b = { 0 };
	struct linger reset = { .l_onoff = 1 };
	socklen_t len = sizeof(there);
	bool has_any = true;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char c;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(connect(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	made = accept(listener, (struct sockaddr *)&there, &len);
	assert_true(made >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(close(fd), 0);
	assert_int_equal(
	    sp_forward_peer_arrived(getpid(), 0x7f4d0000, ntohs(here.sin_port), &a, &b, &has_any), SP_ERR_NOT_FOUND);
	assert_false(has_any);
	assert_int_equal(read(made, &c, 1), 1); /* as it is read all the same */
}

/* sshd at [::] takes connections to addresses of IPv4 by a socket of IPv6. */
static void
test_arrived_by_ipv6(void **state)
{
	struct sockaddr_in6 all = { .sin6_family = AF_INET6 };
	struct sockaddr_in a = { 0 }, b = { 0 };
	socklen_t len = sizeof(all);
	int off = 0;

	(void)state;
	if (geteuid() != 0)
		skip();
	(void)close(listener);
	listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		skip();
	assert_int_equal(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&all, sizeof(all)), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&all, &len), 0);
	here.sin_port = all.sin6_port;
	connect_by(false);
	assert_int_equal(arrived(getpid(), 0x7f4d0000, ntohs(here.sin_port), &a, &b), 0);
	assert_memory_equal(&a, &here, sizeof(a));
	assert_int_equal(b.sin_family, AF_INET);
	assert_int_equal(ntohl(b.sin_addr.s_addr), INADDR_LOOPBACK);
	assert_int_equal(arrived(getpid(), 0x7f4e0000, ntohs(here.sin_port), &a, &b), SP_ERR_NOT_FOUND);
}

static void
test_listens(void **state)
{
	uint16_t port = ntohs(here.sin_port);

	(void)state;
	assert_int_equal(sp_forward_peer_listens(0x7f4d0101, port), geteuid() == 0); /* root's, or of no use */
	assert_false(sp_forward_peer_listens(0x7f4d0102, port));
	(void)close(listener);
	assert_false(sp_forward_peer_listens(0x7f4d0101, port));
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&(struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) },
			     sizeof(struct sockaddr_in)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(sp_forward_peer_listens(0x7f4d0101, port), geteuid() == 0); /* as sshd does: at all addresses */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sshds_own, setup, teardown),
		cmocka_unit_test_setup_teardown(test_somebody_elses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arrived, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arrived_and_half_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arrived_and_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arrived_by_ipv6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listens, setup, teardown),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
