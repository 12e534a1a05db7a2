/* SPDX-License-Identifier: Apache-2.0 */
/* Where a login comes from. The test stands for sshd's root process; a child of its for the command that asks. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session-agent/permit_origin.h"

#define ENDS_MAX 32

static int ends[ENDS_MAX], nends, hold[2];
static pid_t client, command;

/* What sshd has accepted: of a client that is another process, at that address. */
static void
have_connection(int family, const char *from)
{
	struct sockaddr_in here = { .sin_family = AF_INET }, there = { .sin_family = AF_INET };
	struct sockaddr_in6 here6 = { .sin6_family = AF_INET6 };
	struct sockaddr *at = family == AF_INET ? (struct sockaddr *)&here : (struct sockaddr *)&here6;
	socklen_t len = family == AF_INET ? sizeof(here) : sizeof(here6);
	int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), zero = 0;
	char c;

	here.sin_addr.s_addr = htonl(INADDR_ANY);
	here6.sin6_addr = in6addr_any;
	if (family == AF_INET6)
		assert_int_equal(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero)), 0);
	assert_int_equal(bind(listener, at, len), 0);
	assert_int_equal(listen(listener, 4), 0);
	assert_int_equal(getsockname(listener, at, &len), 0);
	client = fork();
	assert_true(client >= 0);
	if (client == 0) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		(void)close(hold[1]);
		there.sin_addr.s_addr = inet_addr(from);
		if (bind(fd, (struct sockaddr *)&there, sizeof(there)) != 0)
			_exit(1);
		there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		there.sin_port = family == AF_INET ? here.sin_port : here6.sin6_port;
		if (connect(fd, (struct sockaddr *)&there, sizeof(there)) != 0)
			_exit(1);
		(void)!read(hold[0], &c, 1);
		_exit(0);
	}
	assert_true(nends < ENDS_MAX);
	ends[nends] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(ends[nends++] >= 0);
	(void)close(listener);
}

static void
have_command(void)
{
	char c;

	command = fork();
	assert_true(command >= 0);
	if (command == 0) {
		(void)close(hold[1]);
		(void)!read(hold[0], &c, 1);
		_exit(0);
	}
}

static int
setup(void **state)
{
	(void)state;
	nends = 0;
	return pipe(hold);
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(hold[1]);
	(void)close(hold[0]);
	while (nends > 0)
		(void)close(ends[--nends]);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void
need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void
test_one(void **state)
{
	char from[SP_PERMIT_ORIGIN_TEXT] = "as before";

	(void)state;
	need_root();
	have_command();
	assert_int_equal(sp_permit_origin(command, from), SP_ERR_NOT_FOUND); /* no connection */
	assert_string_equal(from, "as before");
	have_connection(AF_INET, "127.0.0.9");
	assert_int_equal(sp_permit_origin(command, from), 0);
	assert_string_equal(from, "127.0.0.9");
	have_connection(AF_INET, "127.0.0.9");
	assert_int_equal(sp_permit_origin(command, from), 0); /* the same place */
}

static void
test_an_ipv4_address_is_one(void **state)
{
	char from[SP_PERMIT_ORIGIN_TEXT];
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	need_root();
	if (fd < 0)
		skip();
	(void)close(fd);
	have_command();
	have_connection(AF_INET6, "127.0.0.9");
	assert_int_equal(sp_permit_origin(command, from), 0);
	assert_string_equal(from, "127.0.0.9");
}

static void
test_which_of_two(void **state)
{
	char from[SP_PERMIT_ORIGIN_TEXT] = "as before";

	(void)state;
	need_root();
	have_command();
	have_connection(AF_INET, "127.0.0.9");
	have_connection(AF_INET, "127.0.0.8");
	assert_int_equal(sp_permit_origin(command, from), SP_ERR_NOT_FOUND);
	assert_string_equal(from, "as before");
}

static void
test_too_many_sockets(void **state)
{
	char from[SP_PERMIT_ORIGIN_TEXT];

	(void)state;
	need_root();
	have_command();
	have_connection(AF_INET, "127.0.0.9");
	while (nends <= SP_PERMIT_ORIGIN_SOCKETS_MAX)
		assert_true((ends[nends++] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0);
	assert_int_equal(sp_permit_origin(command, from), SP_ERR_NOT_FOUND);
}

/* A child of ours that has our connections and becomes another, for good or not, and a child of that: its pid. */
static pid_t
have_between(bool for_good, pid_t *ret_between)
{
	int told[2];
	char c = 0;
	pid_t pid = 0;

	assert_int_equal(pipe(told), 0);
	*ret_between = fork();
	assert_true(*ret_between >= 0);
	if (*ret_between == 0) {
		(void)close(hold[1]);
		if (setegid(64123) != 0 || (for_good ? setuid(64123) : seteuid(64123)) != 0)
			_exit(1);
		pid = fork();
		if (pid == 0)
			(void)!read(hold[0], &c, 1);
		else if (pid > 0 && write(told[1], &pid, sizeof(pid)) == (ssize_t)sizeof(pid))
			(void)!read(hold[0], &c, 1);
		_exit(0);
	}
	assert_int_equal(read(told[0], &pid, sizeof(pid)), sizeof(pid));
	(void)close(told[0]);
	(void)close(told[1]);
	return pid;
}

/* A program of a person's that has a connection starts the command: told nothing. */
static void
test_not_roots(void **state)
{
	char from[SP_PERMIT_ORIGIN_TEXT];
	pid_t person, pid;

	(void)state;
	need_root();
	have_connection(AF_INET, "127.0.0.9");
	pid = have_between(true, &person);
	assert_int_equal(sp_permit_origin(pid, from), SP_ERR_NOT_FOUND);
	assert_int_equal(sp_permit_origin(person, from), 0); /* whose parent is root's */
}

/* sshd acts as the command's account while it reads the answer. */
static void
test_root_as_another(void **state)
{
	char from[SP_PERMIT_ORIGIN_TEXT];
	pid_t sshd, pid;

	(void)state;
	need_root();
	have_connection(AF_INET, "127.0.0.9");
	pid = have_between(false, &sshd);
	assert_int_equal(sp_permit_origin(pid, from), 0);
	assert_string_equal(from, "127.0.0.9");
}

static void
test_nobody(void **state)
{
	char from[SP_PERMIT_ORIGIN_TEXT];

	(void)state;
	assert_int_equal(sp_permit_origin(1, from), SP_ERR_NOT_FOUND);
	have_command();
	assert_int_equal(kill(command, SIGKILL), 0);
	assert_int_equal(waitpid(command, NULL, 0), command);
	assert_int_equal(sp_permit_origin(command, from), SP_ERR_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_ipv4_address_is_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_which_of_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_roots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root_as_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
