/* SPDX-License-Identifier: Apache-2.0 */
/* session-agent/record.c: what may still go on record, and what must not go on without (P2). */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_recorder.h"
#include "policy/image.h"
#include "recorder/event.h"
#include "recorder/ring.h"
#include "runtime/log.h"
#include "runtime/memfd.h"
#include "session-agent/session_state.h"

static unsigned readies, finished, lost;

void
sp_session_pump(struct sp_session *s)
{
	(void)s;
}

void
sp_session_finished(struct sp_session *s)
{
	(void)s;
	finished++;
}

void
sp_session_recorder_ready(struct sp_session *s)
{
	(void)s;
}

uint32_t
sp_session_new_id(struct sp_session *s)
{
	return ++s->next_id;
}

void
sp_monitor_lost(struct sp_session *s)
{
	(void)s;
	lost++;
}

void
sp_limits_touch(struct sp_session *s)
{
	(void)s;
}

static void
kind_ready(void *ctx)
{
	(void)ctx;
	readies++;
}

static const struct sp_kind kind = { .record_ready = kind_ready };
static struct sp_session s;
static int theirs; /* the recorder's end */

static void
turn(void)
{
	int i;

	for (i = 0; i < 5; i++)
		(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
}

static void
channel(void)
{
	struct sp_ring *r;
	int fds[2], ring = -1;
	void *map;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(sp_memfd_shared("ring", SP_RING_SIZE, &ring), 0);
	if (s.ring == NULL) { /* as sallyportd makes it, once */
		assert_int_equal(sp_memfd_map_shared(ring, SP_RING_SIZE, &map), 0);
		assert_int_equal(sp_ring_attach(map, true, &r), 0);
		sp_ring_free(r);
	}
	assert_int_equal(sp_record_channel(&s, fds[0], ring), 0);
	theirs = fds[1];
	turn();
}

static int
setup(void **state)
{
	(void)state;
	sp_log_open("test_session_record", -1, 0);
	memset(&s, 0, sizeof(s));
	s.base = event_base_new();
	s.kind = &kind;
	s.kind_ctx = &s;
	s.stage = SP_SESSION_SERVING;
	readies = finished = lost = 0;
	return s.base == NULL || sp_record_init(&s) != 0;
}

static int
teardown(void **state)
{
	(void)state;
	sp_record_free(&s);
	if (s.ring_fd >= 0)
		(void)close(s.ring_fd);
	if (theirs >= 0)
		(void)close(theirs);
	event_base_free(s.base);
	return 0;
}

static void
event_of(size_t n)
{
	static const uint8_t bytes[60000];

	sp_buf_put(sp_session_event(&s), bytes, n);
}

static void
say_fault(const char *reason, bool is_read)
{
	struct sp_buf *b = sp_buf_new(0);

	assert_non_null(b);
	sp_buf_put_cstring(b, reason);
	sp_buf_put_u8(b, is_read);
	assert_int_equal(sp_ipc_send(theirs, SP_IPC_RECORDER_FAULT, 0, b, NULL, 0, sp_ipc_now_ms() + 1000), 0);
	sp_buf_free(b);
	turn();
}

static void
say_synced(uint32_t id, uint32_t verdict, uint64_t seq)
{
	struct sp_buf *b = sp_buf_new(0);

	assert_non_null(b);
	sp_buf_put_u32(b, verdict);
	sp_buf_put_u64(b, seq);
	assert_int_equal(sp_ipc_send(theirs, SP_IPC_RECORDER_SYNCED, id, b, NULL, 0, sp_ipc_now_ms() + 1000), 0);
	sp_buf_free(b);
	turn();
}

static void
test_nothing_without_a_ring(void **state)
{
	(void)state;
	theirs = -1;
	event_of(10);
	assert_int_equal(sp_session_record(&s), SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_session_record_late(&s), SP_ERR_UNAVAILABLE);
}

static void
test_an_event_that_was_too_long(void **state)
{
	size_t i;

	(void)state;
	channel();
	(void)sp_session_event(&s);
	for (i = 0; i * 60000 <= SP_EVENT_MAX; i++) {
		static const uint8_t bytes[60000];

		sp_buf_put(s.event, bytes, sizeof(bytes));
	}
	assert_int_equal(sp_session_record(&s), SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_session_record_late(&s), SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_ring_put_seq(s.ring), 0);
}

/* A disk that is full: no new statement; what ran already, refusals and the screen are kept in the ring. */
static void
test_a_fault_that_is_read(void **state)
{
	(void)state;
	channel();
	event_of(10);
	assert_int_equal(sp_session_record(&s), 0);
	say_fault("the disk is full", true);
	assert_string_equal(sp_session_fault(&s), "the disk is full");
	assert_int_equal(readies, 2); /* with the one of the channel: who waits learns of it */
	event_of(10);
	assert_int_equal(sp_session_record(&s), SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_ring_put_seq(s.ring), 1);
	assert_int_equal(sp_session_record_late(&s), 0);
	assert_int_equal(sp_ring_put_seq(s.ring), 2);
	assert_int_equal(sp_ipc_send(theirs, SP_IPC_RECORDER_CLEAR, 0, NULL, NULL, 0, sp_ipc_now_ms() + 1000), 0);
	turn();
	assert_null(sp_session_fault(&s));
	assert_int_equal(sp_session_record(&s), 0);
}

/* A ring that the recorder reads no more: what is put there reaches no record, so nothing may be let through at all. */
static void
test_a_fault_that_is_not_read(void **state)
{
	(void)state;
	channel();
	say_fault("", false);
	assert_string_equal(sp_session_fault(&s), "nothing can be recorded now");
	event_of(10);
	assert_int_equal(sp_session_record(&s), SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_session_record_late(&s), SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_ring_put_seq(s.ring), 0);
	(void)close(theirs); /* a recorder started anew looks for itself */
	turn();
	channel();
	assert_int_equal(sp_session_record_late(&s), 0);
	assert_int_equal(sp_session_record(&s), 0);
}

/* The recorder is away: statements wait, what is late goes into the ring, which outlives it. */
static void
test_away(void **state)
{
	(void)state;
	channel();
	(void)close(theirs);
	theirs = -1;
	turn();
	assert_int_equal(lost, 1);
	event_of(10);
	assert_int_equal(sp_session_record(&s), SP_ERR_AGAIN);
	assert_true(s.wants_room);
	assert_int_equal(sp_session_record_late(&s), 0);
	assert_int_equal(sp_ring_put_seq(s.ring), 1);
	channel();
	assert_int_equal(sp_session_record(&s), 0);
	assert_int_equal(sp_ring_put_seq(s.ring), 2);
}

/* Full is full for what is late, too: its caller shows nothing before it is on record. */
static void
test_full(void **state)
{
	int r, n = 0;

	(void)state;
	channel();
	event_of(60000);
	do
		r = sp_session_record_late(&s);
	while (r == 0 && ++n < 100);
	assert_int_equal(r, SP_ERR_AGAIN);
	assert_true(n > 10 && s.wants_room);
	assert_int_equal(sp_session_record(&s), SP_ERR_AGAIN);
	assert_int_equal(sp_ring_put_seq(s.ring), n);
	say_fault("the disk is full", true);
	assert_int_equal(sp_session_record_late(&s), SP_ERR_AGAIN);
	assert_int_equal(sp_session_record(&s), SP_ERR_UNAVAILABLE);
}

static int durable_err;
static unsigned ndurable;

static void
on_durable(int err, void *ctx)
{
	(void)ctx;
	durable_err = err;
	ndurable++;
}

static void
test_durable(void **state)
{
	static const struct sp_policy_connection disk = { .durability = SP_POLICY_DURABILITY_DISK },
						 process = { .durability = SP_POLICY_DURABILITY_PROCESS };

	(void)state;
	ndurable = 0;
	assert_int_equal(sp_session_durable(&s, &process, on_durable, NULL), SP_ERR_UNAVAILABLE);
	channel();
	event_of(10);
	assert_int_equal(sp_session_record(&s), 0);
	assert_int_equal(sp_session_durable(&s, &process, on_durable, NULL), 0);
	assert_true(ndurable == 1 && durable_err == 0);
	assert_int_equal(sp_session_durable(&s, &disk, on_durable, NULL), 0);
	turn();
	assert_int_equal(ndurable, 1); /* not before the disk says so */
	say_synced(s.next_id + 1, 0, 1);
	assert_int_equal(ndurable, 1); /* nor when it says so of something else */
	say_synced(s.next_id, 0, 1);
	assert_true(ndurable == 2 && durable_err == 0);
	assert_int_equal(sp_session_durable(&s, &disk, on_durable, NULL), 0);
	say_synced(s.next_id, 0, 0); /* of what came before it */
	assert_true(ndurable == 3 && durable_err == SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_session_durable(&s, &disk, on_durable, NULL), 0);
	say_synced(s.next_id, 5, 1);
	assert_true(ndurable == 4 && durable_err == SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_session_durable(&s, &disk, on_durable, NULL), 0);
	say_fault("the disk is full", true);
	assert_true(ndurable == 5 && durable_err == SP_ERR_UNAVAILABLE);
	assert_int_equal(sp_session_durable(&s, &process, on_durable, NULL), SP_ERR_UNAVAILABLE);
	assert_int_equal(ndurable, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_without_a_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_event_that_was_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_fault_that_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_fault_that_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_durable, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
