/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/watcher.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/ipc.h"
#include "lib/ipc_files.h"

#define WATCHER_KEEPERS 2

struct watcher {
	struct sp_watch *watch;
	struct sp_sightings *seen;
	int files, life;
	uint32_t last_id; /* of what was told last */
	bool is_waiting; /* it was not taken yet */
	bool is_ending;
	bool is_dry; /* the kernel had nothing more when it was asked last */
	int64_t since_ms; /* since when there is something to tell */
	int64_t until_ms; /* of the ending */
	int64_t window_ms; /* since when it is counted how much happens */
	unsigned window;
	uint32_t overflows, unreadable, unreadable_error;
	uint32_t mounts, mounts_more; /* those below, and those without a name */
	struct {
		uint32_t error;
		char path[PATH_MAX];
	} mount[SP_WATCHER_LOST_MOUNTS];
	struct sp_buf *out, *in;
};

/* --- what happened ------------------------------------------------------------------------------------------- */

static int
on_seen(const struct sp_sighting *s, void *ctx)
{
	struct watcher *w = ctx;

	w->window++;
	if (sp_sightings_count(w->seen) == 0)
		w->since_ms = sp_ipc_now_ms();
	return sp_sightings_add(w->seen, s);
}

static int
on_lost(const struct sp_watch_loss *l, void *ctx)
{
	struct watcher *w = ctx;

	if (l->why == SP_IPC_FILES_OVERFLOW) {
		w->overflows++;
	} else if (l->why == SP_IPC_FILES_UNREADABLE) {
		w->unreadable++;
		w->unreadable_error = l->error;
	} else if (w->mounts < SP_WATCHER_LOST_MOUNTS && strlen(l->what) < sizeof(w->mount[0].path)) {
		w->mount[w->mounts].error = l->error;
		memcpy(w->mount[w->mounts++].path, l->what, strlen(l->what) + 1);
	} else {
		w->mounts_more++;
	}
	return 0;
}

static const struct sp_watch_ops watcher_ops = { on_seen, on_lost };

/* --- telling it ------------------------------------------------------------------------------------------------ */

static int
watcher_send(struct watcher *w, uint8_t type)
{
	int r = sp_buf_error(w->out);

	if (++w->last_id == 0)
		w->last_id = 1;
	if (r == 0)
		r = sp_ipc_send(w->files, type, w->last_id, w->out, NULL, 0,
		    w->is_ending ? w->until_ms : sp_ipc_now_ms() + SP_WATCHER_SEND_MS);
	sp_buf_reset(w->out);
	w->is_waiting = true;
	return r;
}

static int
watcher_send_lost(struct watcher *w, uint32_t why, uint32_t count, uint32_t error, const char *what)
{
	sp_buf_put_u32(w->out, why);
	sp_buf_put_u32(w->out, count);
	sp_buf_put_u32(w->out, error);
	sp_buf_put_cstring(w->out, what);
	return watcher_send(w, SP_IPC_FILES_LOST);
}

static bool
watcher_has_lost(const struct watcher *w)
{
	return w->overflows + w->unreadable + w->mounts + w->mounts_more > 0;
}

static int
watcher_tell_lost(struct watcher *w)
{
	uint32_t n;

	if (w->overflows > 0) {
		n = w->overflows;
		w->overflows = 0;
		return watcher_send_lost(w, SP_IPC_FILES_OVERFLOW, n, 0, "");
	}
	if (w->unreadable > 0) {
		n = w->unreadable;
		w->unreadable = 0;
		return watcher_send_lost(w, SP_IPC_FILES_UNREADABLE, n, w->unreadable_error, "");
	}
	if (w->mounts > 0) {
		n = --w->mounts;
		return watcher_send_lost(w, SP_IPC_FILES_MOUNT, 1, w->mount[n].error, w->mount[n].path);
	}
	n = w->mounts_more;
	w->mounts_more = 0;
	return watcher_send_lost(w, SP_IPC_FILES_MOUNT, n, 0, "");
}

static int64_t
watcher_due_ms(const struct watcher *w)
{
	if (w->is_ending || watcher_has_lost(w) || !sp_sightings_has_room(w->seen))
		return 0;
	return w->since_ms + SP_WATCHER_DELAY_MS;
}

/* Tells what it is time to tell, unless something is under way. */
static int
watcher_tell(struct watcher *w)
{
	int r;

	if (w->is_waiting)
		return 0;
	if (sp_sightings_count(w->seen) > 0 && watcher_due_ms(w) <= sp_ipc_now_ms()) {
		r = sp_sightings_take(w->seen, w->out);
		return r == 0 ? watcher_send(w, SP_IPC_FILES_SEEN) : r;
	}
	return watcher_has_lost(w) ? watcher_tell_lost(w) : 0;
}

static int
watcher_on_taken(struct watcher *w)
{
	struct sp_ipc_msg msg = { 0 };
	int r = sp_ipc_recv(w->files, w->in, &msg, sp_ipc_now_ms() + SP_WATCHER_SEND_MS);

	if (r == 0 && (msg.type != SP_IPC_FILES_TAKEN || msg.id != w->last_id || !w->is_waiting || msg.body.len != 0))
		r = SP_ERR_PROTOCOL;
	sp_ipc_msg_clear(&msg);
	w->is_waiting = false;
	return r;
}

/* --- the loop ---------------------------------------------------------------------------------------------------- */

static int
watcher_read(struct watcher *w)
{
	int r = sp_watch_read(w->watch, &watcher_ops, w);

	w->is_dry = r == SP_ERR_AGAIN;
	return r == SP_ERR_AGAIN || r == SP_ERR_FULL ? 0 : r;
}

/* A build opens files by the thousand: to look at each as it comes would cost it more than looking at some at a time. */
static void
watcher_rest(struct watcher *w)
{
	int64_t now = sp_ipc_now_ms();

	if (now - w->window_ms >= SP_WATCHER_DELAY_MS) {
		w->window_ms = now;
		w->window = w->window > SP_WATCHER_BUSY ? SP_WATCHER_BUSY : 0; /* still busy: it shows soon that it is not */
	}
	if (w->window > SP_WATCHER_BUSY)
		(void)poll(NULL, 0, SP_WATCHER_REST_MS);
}

static int
watcher_timeout(const struct watcher *w)
{
	int64_t now = sp_ipc_now_ms(), at = w->is_ending ? w->until_ms : INT64_MAX;

	if (!w->is_waiting && sp_sightings_count(w->seen) > 0 && watcher_due_ms(w) < at)
		at = watcher_due_ms(w);
	if (at == INT64_MAX)
		return -1;
	return at <= now ? 0 : (int)(at - now);
}

static int
watcher_turn(struct watcher *w)
{
	struct pollfd p[4] = { { .fd = w->files, .events = POLLIN }, { .fd = w->is_ending ? -1 : w->life, .events = POLLIN },
		{ .fd = sp_sightings_has_room(w->seen) ? sp_watch_fd(w->watch) : -1, .events = POLLIN },
		{ .fd = w->is_ending ? -1 : sp_watch_mounts_fd(w->watch), .events = POLLPRI } };
	bool is_behind = sp_watch_is_behind(w->watch) && sp_sightings_has_room(w->seen);
	int r = 0;

	if (poll(p, 4, is_behind ? 0 : watcher_timeout(w)) < 0)
		return errno == EINTR ? 0 : SP_ERR_SYSTEM;
	if ((p[3].revents & (POLLPRI | POLLERR)) != 0) /* before what is done on them */
		r = sp_watch_mounts(w->watch, &watcher_ops, w);
	if (r == 0 && p[0].revents != 0)
		r = watcher_on_taken(w);
	if (r == 0 && (p[2].revents != 0 || is_behind)) {
		r = watcher_read(w);
		if (!w->is_ending)
			watcher_rest(w);
	}
	if (r == 0 && p[1].revents != 0) { /* who is dead opens nothing more: all there is now is all there will be */
		w->is_ending = true;
		w->until_ms = sp_ipc_now_ms() + SP_WATCHER_DRAIN_MS;
	}
	return r;
}

/* Until nothing is left. */
static int
watcher_drain(struct watcher *w)
{
	int r = 0;

	w->is_dry = false;
	while (r == 0 && !(w->is_dry && !w->is_waiting && sp_sightings_count(w->seen) == 0 && !watcher_has_lost(w))) {
		if (sp_ipc_now_ms() >= w->until_ms)
			return SP_ERR_TIMEOUT;
		if (sp_sightings_has_room(w->seen))
			r = watcher_read(w);
		if (r == 0)
			r = watcher_tell(w);
		if (r == 0 && w->is_waiting)
			r = watcher_turn(w);
	}
	return r == 0 ? watcher_send(w, SP_IPC_FILES_END) : r;
}

static int
watcher_start(struct watcher *w)
{
	pid_t keepers[WATCHER_KEEPERS + 1];
	ssize_t n = read(w->life, keepers, WATCHER_KEEPERS * sizeof(keepers[0]));

	if (n != (ssize_t)(WATCHER_KEEPERS * sizeof(keepers[0])))
		return SP_ERR_SYSTEM; /* it was not started after all */
	keepers[WATCHER_KEEPERS] = getpid();
	sp_watch_except(w->watch, keepers, WATCHER_KEEPERS + 1);
	w->seen = sp_sightings_new();
	w->out = sp_buf_new(SP_IPC_FRAME_MAX - SP_IPC_HEADER);
	w->in = sp_buf_new(SP_IPC_FRAME_MAX + SP_IPC_HEADER);
	if (w->seen == NULL || w->out == NULL || w->in == NULL)
		return SP_ERR_NOMEM;
	return sp_watch_mounts(w->watch, &watcher_ops, w); /* tells what could not be watched from the start */
}

int
sp_watcher_run(struct sp_watch *watch, int files, int life)
{
	static struct watcher w;
	int r;

	w.watch = watch;
	w.files = files;
	w.life = life;
	r = watcher_start(&w);
	while (r == 0 && !w.is_ending) {
		r = watcher_tell(&w);
		if (r == 0)
			r = watcher_turn(&w);
	}
	if (r == 0)
		r = watcher_drain(&w);
	sp_sightings_free(w.seen);
	sp_buf_free(w.out);
	sp_buf_free(w.in);
	return r;
}
