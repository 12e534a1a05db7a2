/* SPDX-License-Identifier: Apache-2.0 */
/* session-agent/hold.h: who comes while a daemon is being restarted waits, and not for ever. */
#include "tests/unit/unit.h"

#include <event2/event.h>
#include <string.h>

#include "lib/ipc.h"
#include "session-agent/broker.h"
#include "session-agent/hold.h"

static struct sp_registry g;
static bool is_expecting; /* a daemon is away, since not long */
static unsigned looks, calls;
static int last_fd;
static uid_t last_uid;

void
sp_broker_look(struct sp_broker *b)
{
	(void)b;
	looks++;
}

bool
sp_broker_is_expecting(const struct sp_broker *b)
{
	(void)b;
	return is_expecting;
}

static void
on_release(struct sp_registry *reg, int fd, uid_t uid)
{
	assert_ptr_equal(reg, &g);
	calls++;
	last_fd = fd;
	last_uid = uid;
}

static void
run_for(unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000 };

	(void)event_base_loopexit(g.base, &tv);
	(void)event_base_dispatch(g.base);
}

static void
test_at_once(void **state)
{
	(void)state;
	is_expecting = false;
	calls = looks = 0;
	sp_hold_accept(g.hold, 7, 1000, on_release);
	assert_true(calls == 1 && looks == 1 && last_fd == 7 && last_uid == 1000);
}

static void
test_until_it_is_back(void **state)
{
	int64_t began = sp_ipc_now_ms();

	(void)state;
	is_expecting = true;
	calls = looks = 0;
	sp_hold_accept(g.hold, 7, 1000, on_release);
	sp_hold_accept(g.hold, 8, 1001, on_release);
	run_for(200);
	assert_true(calls == 0 && looks > 2); /* looked for all the while */
	is_expecting = false;
	while (calls < 2)
		(void)event_base_loop(g.base, EVLOOP_ONCE);
	assert_true(sp_ipc_now_ms() - began < SP_HOLD_MS);
	assert_true(last_fd == 8 && last_uid == 1001); /* in the order they came */
	looks = 0;
	run_for(100);
	assert_true(calls == 2 && looks == 0); /* nobody waits: nothing is looked for */
}

static void
test_not_for_ever(void **state)
{
	int64_t began = sp_ipc_now_ms(), took;

	(void)state;
	is_expecting = true;
	calls = 0;
	sp_hold_accept(g.hold, 9, 1002, on_release);
	while (calls == 0 && sp_ipc_now_ms() - began < 3 * SP_HOLD_MS)
		(void)event_base_loop(g.base, EVLOOP_ONCE);
	took = sp_ipc_now_ms() - began;
	assert_true(calls == 1 && last_fd == 9 && took >= SP_HOLD_MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_until_it_is_back),
		cmocka_unit_test(test_not_for_ever),
	};

	memset(&g, 0, sizeof(g));
	g.base = event_base_new();
	if (g.base == NULL || sp_hold_new(&g, &g.hold) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
