/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/unit.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/event.h"
#include "recorder/ring.h"

#define HEAD_AT 64 /* byte offsets in the header page */
#define TAIL_AT 128
#define DATA_AT 4096

static uint8_t *
ring_memory(void)
{
	void *m = mmap(NULL, SP_RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(m != MAP_FAILED);
	return m;
}

static uint8_t big[SP_EVENT_MAX + 1], out[SP_EVENT_MAX];

static void
test_order_and_wrap(void **state)
{
	uint8_t *m = ring_memory();
	struct sp_ring *p, *c;
	uint64_t seq, put = 0, got = 0;
	size_t n;

	(void)state;
	assert_int_equal(sp_ring_attach(m, true, &p), 0);
	assert_int_equal(sp_ring_attach(m, false, &c), 0);
	assert_int_equal(sp_ring_peek(c, out, sizeof(out), &n, &seq), SP_ERR_AGAIN);
	srand(1);
	while (got < 20000) {
		size_t len = 1 + (size_t)rand() % (put % 100 == 0 ? SP_EVENT_MAX : 3000);

		memset(big, (int)(put + 1), len);
		if (sp_ring_put(p, big, len, &seq) == 0) {
			put++;
			assert_true(seq == put && sp_ring_put_seq(p) == put);
			continue;
		}
		while (sp_ring_peek(c, out, sizeof(out), &n, &seq) == 0) {
			got++;
			assert_true(seq == got);
			assert_int_equal(out[0], (uint8_t)got);
			assert_int_equal(out[n - 1], (uint8_t)got);
		}
		sp_ring_consume(c);
		assert_true(sp_ring_stored_seq(p) == got && sp_ring_backlog(c) == 0);
	}
	sp_ring_free(p);
	sp_ring_free(c);
	munmap(m, SP_RING_SIZE);
}

static void
test_limits_and_rewind(void **state)
{
	uint8_t *m = ring_memory();
	struct sp_ring *p, *c;
	uint64_t seq;
	size_t n, full = 0;

	(void)state;
	assert_int_equal(sp_ring_attach(m, true, &p), 0);
	assert_int_equal(sp_ring_attach(m, false, &c), 0);
	assert_int_equal(sp_ring_put(p, big, SP_EVENT_MAX + 1, &seq), SP_ERR_LIMIT);
	assert_int_equal(sp_ring_put(p, big, 0, &seq), SP_ERR_INVALID);
	while (sp_ring_put(p, big, SP_EVENT_MAX, &seq) == 0)
		full++;
	assert_int_equal(full, 3); /* the heads of four do not fit as well */
	assert_int_equal(sp_ring_put(p, big, sp_ring_room(p), &seq), 0);
	assert_int_equal(sp_ring_put(p, big, 1, &seq), SP_ERR_FULL);
	assert_int_equal(sp_ring_put_seq(p), 4);
	assert_int_equal(sp_ring_peek(c, out, 100, &n, &seq), SP_ERR_LIMIT);
	assert_int_equal(sp_ring_peek(c, out, sizeof(out), &n, &seq), 0);
	assert_int_equal(sp_ring_peek(c, out, sizeof(out), &n, &seq), 0);
	assert_int_equal(seq, 2);
	assert_int_equal(sp_ring_put(p, big, 1, &seq), SP_ERR_FULL); /* peeking gives nothing back */
	sp_ring_rewind(c);
	assert_int_equal(sp_ring_peek(c, out, sizeof(out), &n, &seq), 0);
	assert_int_equal(seq, 1);
	sp_ring_consume(c);
	assert_int_equal(sp_ring_put(p, big, SP_EVENT_MAX, &seq), 0);
	/* A consumer that comes anew goes on at the first one not consumed; a producer knows its number. */
	sp_ring_free(c);
	sp_ring_free(p);
	assert_int_equal(sp_ring_attach(m, false, &c), 0);
	assert_int_equal(sp_ring_attach(m, false, &p), 0);
	assert_int_equal(sp_ring_put_seq(p), 5);
	assert_int_equal(sp_ring_peek(c, out, sizeof(out), &n, &seq), 0);
	assert_int_equal(seq, 2);
	sp_ring_free(p);
	sp_ring_free(c);
	munmap(m, SP_RING_SIZE);
}

/* A producer that breaks the rules in each way: FORMAT, never a byte outside. */
static void
test_hostile_producer(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
		size_t size;
	} cases[] = {
		{ HEAD_AT, 8, 8 },			/* half a head */
		{ HEAD_AT, 17, 8 },			/* not aligned */
		{ HEAD_AT, SP_RING_SIZE, 8 },		/* more than the ring */
		{ HEAD_AT, UINT64_MAX - 7, 8 },		/* behind the tail */
		{ DATA_AT, 0, 8 },			/* number 0 */
		{ DATA_AT + 8, 0, 4 },			/* length 0 */
		{ DATA_AT + 8, SP_EVENT_MAX + 1, 4 },	/* too long */
		{ DATA_AT + 8, UINT32_MAX, 4 },		/* far too long */
		{ DATA_AT + 8, 200, 4 },		/* past the head */
		{ DATA_AT + 12, 1, 4 },			/* reserved bytes */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *m = ring_memory();
		struct sp_ring *p, *c;
		uint64_t seq;
		size_t n;

		assert_int_equal(sp_ring_attach(m, true, &p), 0);
		assert_int_equal(sp_ring_attach(m, false, &c), 0);
		assert_int_equal(sp_ring_put(p, big, 100, &seq), 0);
		memcpy(m + cases[i].at, &cases[i].value, cases[i].size);
		assert_int_equal(sp_ring_peek(c, out, sizeof(out), &n, &seq), SP_ERR_FORMAT);
		sp_ring_free(p);
		sp_ring_free(c);
		munmap(m, SP_RING_SIZE);
	}
}

/* Numbers that do not count up by one. */
static void
test_hostile_numbers(void **state)
{
	uint8_t *m = ring_memory();
	struct sp_ring *p, *c;
	uint64_t seq, wrong = 5;
	size_t n;

	(void)state;
	assert_int_equal(sp_ring_attach(m, true, &p), 0);
	assert_int_equal(sp_ring_attach(m, false, &c), 0);
	assert_int_equal(sp_ring_put(p, big, 8, &seq), 0);
	assert_int_equal(sp_ring_put(p, big, 8, &seq), 0);
	memcpy(m + DATA_AT + 24, &wrong, 8);
	assert_int_equal(sp_ring_peek(c, out, sizeof(out), &n, &seq), 0);
	assert_int_equal(sp_ring_peek(c, out, sizeof(out), &n, &seq), SP_ERR_FORMAT);
	sp_ring_free(p);
	sp_ring_free(c);
	munmap(m, SP_RING_SIZE);
}

static void
produce(uint8_t *m, int wake_fd, uint64_t count)
{
	struct sp_ring *p;
	uint64_t seq;
	uint8_t e[256];

	if (sp_ring_attach(m, false, &p) != 0)
		_exit(1);
	for (uint64_t i = sp_ring_put_seq(p) + 1; i <= count; i++) {
		memset(e, (int)i, sizeof(e));
		while (sp_ring_put(p, e, 1 + i % sizeof(e), &seq) != 0)
			(void)poll(NULL, 0, 0);
		if (sp_ring_wants_wake(p) && write(wake_fd, "w", 1) != 1)
			_exit(1);
		if (i % 512 == 0) /* let the consumer fall asleep */
			(void)poll(NULL, 0, 1);
	}
	_exit(0);
}

/* Two processes; the consumer sleeps without a timeout, so a lost wake-up hangs the test. */
static void
test_no_lost_wakeup(void **state)
{
	const uint64_t count = 200000;
	uint8_t *m = ring_memory();
	struct sp_ring *c;
	uint64_t seq = 0, got = 0;
	int fds[2], status;
	size_t n;
	pid_t pid;

	(void)state;
	assert_int_equal(sp_ring_attach(m, true, &c), 0);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0)
		produce(m, fds[1], count);
	(void)alarm(60);
	while (got < count) {
		while (sp_ring_peek(c, out, sizeof(out), &n, &seq) == 0) {
			got++;
			assert_true(seq == got && n == 1 + got % 256 && out[n - 1] == (uint8_t)got);
		}
		sp_ring_consume(c);
		if (got < count && sp_ring_sleep(c)) {
			assert_int_equal(read(fds[0], out, 1), 1);
			sp_ring_awake(c);
		}
	}
	(void)alarm(0);
	assert_true(waitpid(pid, &status, 0) == pid && status == 0);
	close(fds[0]);
	close(fds[1]);
	sp_ring_free(c);
	munmap(m, SP_RING_SIZE);
}

/* An awake consumer is told once that it is behind, and again when it is so at another place. */
static void
test_hurry(void **state)
{
	uint8_t *m = ring_memory();
	struct sp_ring *p, *c;
	uint64_t seq;
	size_t n;

	(void)state;
	assert_int_equal(sp_ring_attach(m, true, &p), 0);
	assert_int_equal(sp_ring_attach(m, false, &c), 0);
	sp_ring_awake(c);
	for (int turn = 0; turn < 2; turn++) {
		while (sp_ring_backlog(c) < SP_RING_BEHIND) {
			assert_false(sp_ring_wants_wake(p));
			assert_int_equal(sp_ring_put(p, big, 4096, &seq), 0);
		}
		assert_true(sp_ring_wants_wake(p));
		assert_int_equal(sp_ring_put(p, big, 4096, &seq), 0);
		assert_false(sp_ring_wants_wake(p));
		while (sp_ring_peek(c, out, sizeof(out), &n, &seq) == 0)
			continue;
		sp_ring_consume(c);
	}
	sp_ring_free(p);
	sp_ring_free(c);
	munmap(m, SP_RING_SIZE);
}

/* kill -9 at any instruction: whatever was published is whole, and another producer goes on from there. */
static void
test_killed_producer(void **state)
{
	uint8_t *m = ring_memory();
	struct sp_ring *c;
	uint64_t seq = 0, got = 0;
	int fds[2], status;
	size_t n;

	(void)state;
	assert_int_equal(sp_ring_attach(m, true, &c), 0);
	assert_int_equal(pipe(fds), 0);
	srand(2);
	for (int run = 0; run < 200; run++) {
		pid_t pid = fork();
		int r;

		if (pid == 0)
			produce(m, fds[1], UINT64_MAX);
		for (int left = rand() % 3000; left > 0; left--) {
			r = sp_ring_peek(c, out, sizeof(out), &n, &seq);
			if (r == SP_ERR_AGAIN)
				continue;
			assert_int_equal(r, 0);
			got++;
			assert_true(seq == got && n == 1 + got % 256 && out[0] == (uint8_t)got);
			sp_ring_consume(c);
		}
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_true(waitpid(pid, &status, 0) == pid);
		while ((r = sp_ring_peek(c, out, sizeof(out), &n, &seq)) == 0) {
			got++;
			assert_true(seq == got && n == 1 + got % 256 && out[n - 1] == (uint8_t)got);
		}
		assert_int_equal(r, SP_ERR_AGAIN);
		sp_ring_consume(c);
	}
	close(fds[0]);
	close(fds[1]);
	sp_ring_free(c);
	munmap(m, SP_RING_SIZE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_wrap),
		cmocka_unit_test(test_limits_and_rewind),
		cmocka_unit_test(test_hostile_producer),
		cmocka_unit_test(test_hostile_numbers),
		cmocka_unit_test(test_no_lost_wakeup),
		cmocka_unit_test(test_hurry),
		cmocka_unit_test(test_killed_producer),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
