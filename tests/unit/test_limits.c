/* SPDX-License-Identifier: Apache-2.0 */
/* session-agent/limits.c: idle and max of a connection and of rules, on a clock of the test's own. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/image.h"
#include "session-agent/session_state.h"

static int64_t now;
static char ended[256], said[256];
static unsigned nsaid;
static bool busy;
static struct sp_policy_connection connection = { .name = "orders" };

int64_t __wrap_sp_ipc_now_ms(void);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int64_t
__wrap_sp_ipc_now_ms(void)
{
	return now;
}

int
__wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	ts->tv_sec = now / 1000;
	ts->tv_nsec = now % 1000 * 1000000;
	return 0;
}

const struct sp_policy_connection *
__wrap_sp_policy_image_find(const struct sp_policy_image *image, const char *name);

const struct sp_policy_connection *
__wrap_sp_policy_image_find(const struct sp_policy_image *image, const char *name)
{
	(void)image;
	return strcmp(name, connection.name) == 0 ? &connection : NULL;
}

/* As policy/decide.c merges them. */
static struct sp_policy_terms rules;
static bool is_let_in;

static uint32_t
shorter(uint32_t a, uint32_t b)
{
	return a == 0 ? b : b == 0 || a < b ? a : b;
}

bool
sp_dispatch_terms(const struct sp_session *s, const struct sp_policy_connection *c, struct sp_policy_terms *ret_terms)
{
	(void)s;
	ret_terms->idle_seconds = shorter(c->idle_seconds, is_let_in ? rules.idle_seconds : 0);
	ret_terms->max_seconds = shorter(c->max_seconds, is_let_in ? rules.max_seconds : 0);
	return is_let_in;
}

void
sp_session_end(struct sp_session *s, const char *reason)
{
	(void)snprintf(ended, sizeof(ended), "%s", reason);
	s->stage = SP_SESSION_FLUSHING;
}

void
sp_session_say(struct sp_session *s, const char *fmt, ...)
{
	va_list ap;

	(void)s;
	va_start(ap, fmt);
	(void)vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	nsaid++;
}

static bool
is_busy(const void *ctx)
{
	(void)ctx;
	return busy;
}

static const struct sp_kind kind = { .is_busy = is_busy };
static struct sp_session s;

static void
begin(uint32_t idle, uint32_t max)
{
	static const int any = 0;

	memset(&s, 0, sizeof(s));
	ended[0] = said[0] = '\0';
	nsaid = 0;
	busy = false;
	is_let_in = true;
	rules = (struct sp_policy_terms){ 0 };
	now = 1000000;
	connection.idle_seconds = idle;
	connection.max_seconds = max;
	s.base = event_base_new();
	assert_non_null(s.base);
	s.stage = SP_SESSION_SERVING;
	s.kind = &kind;
	s.policy = (const struct sp_policy_image *)(const void *)&any; /* only passed on */
	assert_int_equal(sp_limits_start(&s, &connection), 0);
}

/* So many seconds pass; the timer is looked at each half second, as one that fires too often would be. */
static void
pass(double seconds)
{
	int64_t end = now + (int64_t)(seconds * 1000);

	while (now < end) {
		now += now + 500 <= end ? 500 : end - now;
		event_active(s.limits.timer, EV_TIMEOUT, 1);
		(void)event_base_loop(s.base, EVLOOP_NONBLOCK);
	}
}

static void
over(void)
{
	sp_limits_free(&s);
	event_base_free(s.base);
}

static void
test_idle(void **state)
{
	(void)state;
	begin(4, 0);
	pass(1.5);
	assert_int_equal(nsaid, 0);
	pass(0.5);
	assert_string_equal(said, "sallyport: this session is idle and ends in 2 seconds.");
	pass(1.5);
	assert_string_equal(ended, "");
	pass(0.5);
	assert_string_equal(ended, "this session was idle for 4 seconds, the limit of orders");
	assert_int_equal(nsaid, 1);
	over();
}

static void
test_touched_is_not_idle(void **state)
{
	int i;

	(void)state;
	begin(4, 0);
	for (i = 0; i < 5; i++) {
		pass(3);
		sp_limits_touch(&s);
	}
	assert_string_equal(ended, "");
	assert_int_equal(nsaid, 5); /* warned anew each time */
	pass(4);
	assert_string_not_equal(ended, "");
	over();
}

static void
test_busy_is_not_idle(void **state)
{
	(void)state;
	begin(4, 0);
	busy = true;
	pass(60);
	assert_int_equal(nsaid, 0);
	assert_string_equal(ended, "");
	busy = false;
	pass(3.5);
	assert_string_equal(ended, "");
	pass(0.5);
	assert_string_not_equal(ended, "");
	over();
}

static void
test_max(void **state)
{
	(void)state;
	begin(0, 6);
	busy = true;
	pass(3);
	assert_string_equal(said, "sallyport: this session has been open for long and ends in 3 seconds.");
	sp_limits_touch(&s);
	pass(2.5);
	assert_string_equal(ended, "");
	sp_limits_touch(&s);
	pass(0.5); /* whatever runs, whoever types */
	assert_string_equal(ended, "this session has been open for 6 seconds, the limit of orders");
	assert_int_equal(nsaid, 1);
	over();
}

static void
test_warned_a_minute_before(void **state)
{
	(void)state;
	begin(0, 3600);
	pass(3539.5);
	assert_int_equal(nsaid, 0);
	pass(0.5);
	assert_string_equal(said, "sallyport: this session has been open for long and ends in 1 minute.");
	pass(60);
	assert_string_equal(ended, "this session has been open for 1 hour, the limit of orders");
	over();
}

static void
test_changed_policy(void **state)
{
	(void)state;
	begin(0, 0);
	pass(3600);
	assert_string_equal(ended, "");
	sp_limits_touch(&s);
	connection.idle_seconds = 2; /* holds for a session that is open, too */
	sp_limits_policy_changed(&s);
	assert_true(event_pending(s.limits.timer, EV_TIMEOUT, NULL));
	pass(2);
	assert_string_equal(ended, "this session was idle for 2 seconds, the limit of orders");
	over();
	begin(0, 5);
	connection.name = "renamed"; /* the policy no longer names it: what held goes on to hold */
	pass(5);
	connection.name = "orders";
	assert_string_equal(ended, "this session has been open for 5 seconds, the limit of orders");
	over();
}

static void
test_rules(void **state)
{
	(void)state;
	begin(8, 60);
	rules.idle_seconds = 4; /* the shorter one of the two */
	rules.max_seconds = 90;
	sp_limits_policy_changed(&s);
	pass(4);
	assert_string_equal(ended, "this session was idle for 4 seconds, the limit of orders");
	over();
	begin(0, 0);
	rules.max_seconds = 5; /* a rule alone */
	pass(5);
	assert_string_equal(ended, "this session has been open for 5 seconds, the limit of orders");
	over();
	begin(0, 0);
	rules.idle_seconds = 6;
	pass(1);
	is_let_in = false; /* no rule lets the person in any more: what held goes on to hold */
	pass(4.5);
	assert_string_equal(ended, "");
	pass(0.5);
	assert_string_equal(ended, "this session was idle for 6 seconds, the limit of orders");
	over();
	begin(0, 0);
	is_let_in = false;
	rules.idle_seconds = 0;
	connection.idle_seconds = 3; /* but may get shorter */
	pass(3);
	assert_string_equal(ended, "this session was idle for 3 seconds, the limit of orders");
	over();
}

/* The timer must be pending for as long as a limit is to come: nothing else would look. */
static void
test_armed(void **state)
{
	struct timeval tv, base;
	int64_t ms;

	(void)state;
	begin(0, 3600);
	(void)event_base_gettimeofday_cached(s.base, &base);
	assert_true(event_pending(s.limits.timer, EV_TIMEOUT, &tv));
	ms = ((int64_t)tv.tv_sec - base.tv_sec) * 1000 + (tv.tv_usec - base.tv_usec) / 1000;
	assert_true(ms > 50 * 1000 && ms <= 60 * 1000); /* rules have hours */
	over();
	begin(0, 80);
	(void)event_base_gettimeofday_cached(s.base, &base);
	assert_true(event_pending(s.limits.timer, EV_TIMEOUT, &tv));
	ms = ((int64_t)tv.tv_sec - base.tv_sec) * 1000 + (tv.tv_usec - base.tv_usec) / 1000;
	assert_true(ms > 35 * 1000 && ms < 45 * 1000); /* the warning */
	over();
	begin(4, 3600);
	(void)event_base_gettimeofday_cached(s.base, &base);
	assert_true(event_pending(s.limits.timer, EV_TIMEOUT, &tv));
	ms = ((int64_t)tv.tv_sec - base.tv_sec) * 1000 + (tv.tv_usec - base.tv_usec) / 1000;
	assert_true(ms <= 1000);
	over();
	begin(0, 0); /* a rule's hours may begin at any time */
	(void)event_base_gettimeofday_cached(s.base, &base);
	assert_true(event_pending(s.limits.timer, EV_TIMEOUT, &tv));
	ms = ((int64_t)tv.tv_sec - base.tv_sec) * 1000 + (tv.tv_usec - base.tv_usec) / 1000;
	assert_true(ms > 0 && ms <= 60 * 1000);
	over();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_touched_is_not_idle),
		cmocka_unit_test(test_busy_is_not_idle),
		cmocka_unit_test(test_max),
		cmocka_unit_test(test_warned_a_minute_before),
		cmocka_unit_test(test_changed_policy),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_armed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
