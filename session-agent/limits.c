/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a session may be idle, and how long it may last, as its connection and the rules that let the person in say
 * (sallyport-policy(5): idle, max); the shortest counts. Idle: nothing typed, and no statement begun or running. The
 * policy in force counts, and the time of day: a changed limit holds from the next look.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "policy/image.h"
#include "runtime/log.h"
#include "session-agent/session_state.h"

#define LIMITS_WARN_MS 60000 /* told so long before the end; half the time where that is shorter */
#define LIMITS_LOOK_MIN_MS 200
#define LIMITS_LOOK_MAX_MS 5000 /* how exactly the end of a statement is noticed */
#define LIMITS_LOOK_RULES_MS 60000 /* how exactly the hours of a rule with limits are kept */

static int64_t
limits_end(int64_t from, uint32_t seconds)
{
	return seconds == 0 ? INT64_MAX : from + (int64_t)seconds * 1000;
}

static int64_t
limits_warn(int64_t end, uint32_t seconds)
{
	int64_t lead = (int64_t)seconds * 500;

	if (end == INT64_MAX)
		return end;
	return end - (lead < LIMITS_WARN_MS ? lead : LIMITS_WARN_MS);
}

static void
limits_spell(uint32_t seconds, char *text, size_t cap)
{
	static const struct {
		uint32_t seconds;
		const char *name;
	} units[] = { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" }, { 1, "second" } };
	size_t i = 0;

	while (i < 3 && (seconds < units[i].seconds || seconds % units[i].seconds != 0))
		i++;
	seconds /= units[i].seconds;
	(void)snprintf(text, cap, "%u %s%s", seconds, units[i].name, seconds == 1 ? "" : "s");
}

static void
limits_over(struct sp_session *s, const char *what, uint32_t seconds)
{
	char time[64], text[192];

	limits_spell(seconds, time, sizeof(time));
	(void)snprintf(text, sizeof(text), "this session %s %s, the limit of %.64s", what, time, s->limits.connection);
	sp_session_end(s, text);
}

static void
limits_say(struct sp_session *s, const char *why, int64_t end, int64_t now)
{
	char time[64];

	limits_spell((uint32_t)((end - now + 500) / 1000), time, sizeof(time));
	sp_session_say(s, "sallyport: this session %s and ends in %s.", why, time);
}

static uint32_t
limits_shorter(uint32_t a, uint32_t b)
{
	return a == 0 ? b : b == 0 || a < b ? a : b;
}

/*
 * The limits as the policy has them now. When it no longer names the connection, those of before stay; when it no longer
 * lets the person in, they stay as well, and can only get shorter.
 */
static void
limits_read(struct sp_session *s)
{
	const struct sp_policy_connection *c =
	    s->policy == NULL ? NULL : sp_policy_image_find(s->policy, s->limits.connection);
	struct sp_policy_terms terms = { 0 };
	bool is_let_in;

	if (c == NULL)
		return;
	is_let_in = sp_dispatch_terms(s, c, &terms);
	s->limits.idle = is_let_in ? terms.idle_seconds : limits_shorter(s->limits.idle, terms.idle_seconds);
	s->limits.max = is_let_in ? terms.max_seconds : limits_shorter(s->limits.max, terms.max_seconds);
}

static void
limits_arm(struct sp_session *s, int64_t now)
{
	int64_t look = (int64_t)s->limits.idle * 125, next = now + LIMITS_LOOK_RULES_MS;
	struct timeval tv;

	if (s->limits.idle != 0)
		next = now + (look < LIMITS_LOOK_MIN_MS ? LIMITS_LOOK_MIN_MS : look > LIMITS_LOOK_MAX_MS ? LIMITS_LOOK_MAX_MS : look);
	if (s->limits.max != 0) {
		int64_t end = limits_end(s->limits.began_ms, s->limits.max);
		int64_t at = s->limits.is_max_told ? end : limits_warn(end, s->limits.max);

		next = at < next ? at : next;
	}
	(void)event_del(s->limits.timer);
	next = next > now ? next - now : 1;
	tv.tv_sec = next / 1000;
	tv.tv_usec = (suseconds_t)(next % 1000) * 1000;
	if (event_add(s->limits.timer, &tv) != 0)
		sp_session_end(s, "this session's time limit cannot be kept");
}

static void
limits_look(struct sp_session *s)
{
	struct sp_session_limits *l = &s->limits;
	int64_t now = sp_ipc_now_ms(), idle_end, max_end;

	if (s->stage != SP_SESSION_SERVING || s->kind == NULL)
		return;
	limits_read(s);
	if (s->kind->is_busy != NULL && s->kind->is_busy(s->kind_ctx))
		sp_limits_touch(s);
	idle_end = limits_end(l->last_ms, l->idle);
	max_end = limits_end(l->began_ms, l->max);
	if (now >= max_end) {
		limits_over(s, "has been open for", l->max);
		return;
	}
	if (now >= idle_end) {
		limits_over(s, "was idle for", l->idle);
		return;
	}
	if (!l->is_max_told && now >= limits_warn(max_end, l->max)) {
		l->is_max_told = true;
		limits_say(s, "has been open for long", max_end, now);
	}
	if (!l->is_idle_told && now >= limits_warn(idle_end, l->idle)) {
		l->is_idle_told = true;
		limits_say(s, "is idle", idle_end, now);
	}
	limits_arm(s, now);
}

static void
limits_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	limits_look(ctx);
}

void
sp_limits_touch(struct sp_session *s)
{
	struct timespec ts;

	/* Once a statement: the cheap clock, which is at most a tick of the kernel behind. */
	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	s->limits.last_ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	s->limits.is_idle_told = false;
}

void
sp_limits_policy_changed(struct sp_session *s)
{
	if (s->limits.timer != NULL)
		limits_look(s);
}

int
sp_limits_start(struct sp_session *s, const struct sp_policy_connection *c)
{
	struct sp_session_limits *l = &s->limits;

	if (strlen(c->name) >= sizeof(l->connection))
		return SP_ERR_LIMIT;
	memcpy(l->connection, c->name, strlen(c->name) + 1);
	l->timer = event_new(s->base, -1, 0, limits_on_timer, s);
	if (l->timer == NULL)
		return SP_ERR_NOMEM;
	sp_limits_touch(s);
	l->began_ms = l->last_ms;
	limits_look(s);
	return 0;
}

bool
sp_limits_cover(const struct sp_session *s, uint32_t idle, uint32_t max)
{
	return limits_shorter(s->limits.idle, idle) == s->limits.idle && limits_shorter(s->limits.max, max) == s->limits.max;
}

void
sp_limits_free(struct sp_session *s)
{
	if (s->limits.timer != NULL)
		event_free(s->limits.timer);
	s->limits.timer = NULL;
}
