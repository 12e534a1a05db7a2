/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/recorder.h"

#include <errno.h>
#include <event2/event.h>
#include <libaudit.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "lib/ipc.h"
#include "lib/text.h"
#include "recorder/live.h"
#include "recorder/seal.h"
#include "runtime/log.h"

static void
sp_recorder_arm(struct event *ev, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	if (!event_pending(ev, EV_TIMEOUT, NULL))
		(void)event_add(ev, &tv);
}

/* --- failing and recovering -------------------------------------------------------------------------- */

static void
sp_recorder_set_fault(struct sp_recorder *rec, const char *reason)
{
	bool was = rec->fault[0] != '\0', is = reason[0] != '\0';

	(void)snprintf(rec->fault, sizeof(rec->fault), "%s", reason);
	if (is && !was)
		sp_log_err("recording has stopped: %s; statements are refused until it works again", reason);
	else if (!is && was)
		sp_log_info("recording works again");
	for (struct sp_live *l = sp_live_next(rec, NULL); l != NULL; l = sp_live_next(rec, l))
		sp_live_tell(l);
	if (is)
		sp_recorder_arm(rec->ev_retry, SP_RECORDER_RETRY_MS);
}

void
sp_recorder_failed(struct sp_recorder *rec, const char *what)
{
	char reason[sizeof(rec->fault)];

	(void)snprintf(reason, sizeof(reason), "the recorder cannot write (%s: %s)", what, strerror(errno));
	sp_recorder_set_fault(rec, reason);
}

/* Whether there is room for more; below the reserve everybody is told, while what comes is still written. */
static bool
sp_recorder_has_room(struct sp_recorder *rec)
{
	struct statvfs st;
	char reason[sizeof(rec->fault)];

	if (fstatvfs(rec->root, &st) != 0) {
		sp_recorder_failed(rec, "statvfs");
		return false;
	}
	if ((uint64_t)st.f_bavail * st.f_frsize >= rec->reserve)
		return true;
	(void)snprintf(reason, sizeof(reason), "the recorder's disk is full (less than %llu MiB free)",
	    (unsigned long long)(rec->reserve >> 20));
	sp_recorder_set_fault(rec, reason);
	return false;
}

/* Lets every session that has work do it. */
static bool
sp_recorder_work(struct sp_recorder *rec, bool everyone, bool *ret_is_behind)
{
	struct sp_live *l, *next;
	bool is_busy = false;

	for (l = sp_live_next(rec, NULL); l != NULL; l = next) {
		next = sp_live_next(rec, l);
		if (!everyone && !sp_live_is_busy(l))
			continue;
		is_busy = true;
		(void)sp_live_work(l, ret_is_behind);
	}
	return is_busy;
}

static void
sp_recorder_on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct sp_recorder *rec = arg;
	char was[sizeof(rec->fault)];
	bool behind = false;

	(void)fd;
	(void)what;
	memcpy(was, rec->fault, sizeof(was));
	/* Tried without telling anybody: only when all of it went well are they told. */
	rec->fault[0] = '\0';
	(void)sp_recorder_work(rec, true, &behind);
	if (rec->fault[0] == '\0' && sp_ledger_sync(rec->ledger) != 0)
		sp_recorder_failed(rec, "chain");
	if (rec->fault[0] == '\0')
		sp_sinks_retry(rec);
	if (rec->fault[0] == '\0' && sp_recorder_has_room(rec)) {
		memcpy(rec->fault, was, sizeof(was));
		sp_recorder_set_fault(rec, "");
		sp_recorder_busy(rec, behind);
	}
}

/* --- turns ------------------------------------------------------------------------------------------- */

void
sp_recorder_busy(struct sp_recorder *rec, bool at_once)
{
	if (rec->fault[0] != '\0') {
		sp_recorder_arm(rec->ev_retry, SP_RECORDER_RETRY_MS);
		return;
	}
	if (at_once)
		(void)event_del(rec->ev_tick);
	sp_recorder_arm(rec->ev_tick, at_once ? 0 : SP_RECORDER_TICK_MS);
}

static void
sp_recorder_on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sp_recorder *rec = arg;
	uint64_t now = (uint64_t)sp_ipc_now_ms();
	bool behind = false;

	(void)fd;
	(void)what;
	if (now - rec->checked_ms >= 1000) {
		rec->checked_ms = now;
		(void)sp_recorder_has_room(rec);
	}
	if (sp_recorder_work(rec, false, &behind))
		sp_recorder_busy(rec, behind);
}

void
sp_recorder_want_fsync(struct sp_recorder *rec)
{
	sp_recorder_arm(rec->ev_fsync, 0);
}

static void
sp_recorder_on_fsync(evutil_socket_t fd, short what, void *arg)
{
	struct sp_recorder *rec = arg;

	(void)fd;
	(void)what;
	for (struct sp_live *l = sp_live_next(rec, NULL); l != NULL; l = sp_live_next(rec, l))
		sp_live_fsync(l);
}

/* --- the host chain ---------------------------------------------------------------------------------- */

int
sp_recorder_chain(struct sp_recorder *rec, const char *type, json_t *entry)
{
	int r = sp_ledger_append(rec->ledger, type, entry);

	if (r == 0) {
		sp_recorder_arm(rec->ev_chain, SP_RECORDER_SYNC_MS);
		sp_recorder_arm(rec->ev_checkpoint, rec->checkpoint_s * 1000);
	}
	return r;
}

static void
sp_recorder_on_chain(evutil_socket_t fd, short what, void *arg)
{
	struct sp_recorder *rec = arg;

	(void)fd;
	(void)what;
	if (sp_ledger_sync(rec->ledger) != 0)
		sp_recorder_failed(rec, "chain");
}

/* Where the chain stands, for witnesses outside the tree. */
static void
sp_recorder_announce(struct sp_recorder *rec)
{
	char hex[SP_SEAL_HEX];

	sp_text_hex(hex, sp_ledger_hash(rec->ledger), SP_SIGN_HASH);
	sp_log_info("sallyport-anchor n=%llu hash=%s", (unsigned long long)sp_ledger_number(rec->ledger), hex);
	sp_sinks_say(rec, NULL, AUDIT_TRUSTED_APP, true, "op=sallyport:anchor sallyport-anchor n=%llu hash=%s",
	    (unsigned long long)sp_ledger_number(rec->ledger), hex);
}

void
sp_recorder_checkpoint(struct sp_recorder *rec)
{
	struct sp_live *l = sp_live_next(rec, NULL);
	int r = 0;

	do {
		json_t *open = json_array(), *o;

		for (size_t i = 0; l != NULL && i < SP_RECORDER_CHECKPOINT_OPEN; l = sp_live_next(rec, l)) {
			if (!sp_live_is_open(l))
				continue;
			(void)json_array_append_new(open, sp_live_position(l));
			i++;
		}
		o = json_pack("{s:o}", "open", open);
		r = sp_recorder_chain(rec, "checkpoint", o);
	} while (r == 0 && l != NULL);
	if (r == 0 && sp_ledger_sync(rec->ledger) == 0)
		sp_recorder_announce(rec);
	else
		sp_recorder_failed(rec, "chain");
	rec->checkpoint_n = sp_ledger_number(rec->ledger);
}

static void
sp_recorder_on_checkpoint(evutil_socket_t fd, short what, void *arg)
{
	struct sp_recorder *rec = arg;

	(void)fd;
	(void)what;
	/* Nothing happened since the last one, and no session is open that might have moved: say nothing. */
	if (rec->nsessions > 0 || sp_ledger_number(rec->ledger) != rec->checkpoint_n)
		sp_recorder_checkpoint(rec);
	if (rec->nsessions > 0)
		sp_recorder_arm(rec->ev_checkpoint, rec->checkpoint_s * 1000);
	else
		(void)event_del(rec->ev_checkpoint);
}

/* --- sessions that nobody claims ---------------------------------------------------------------------- */

static void
sp_recorder_on_grace(evutil_socket_t fd, short what, void *arg)
{
	struct sp_recorder *rec = arg;
	struct sp_live *l, *next;

	(void)fd;
	(void)what;
	for (l = sp_live_next(rec, NULL); l != NULL; l = next) {
		next = sp_live_next(rec, l);
		if (sp_live_has_channel(l))
			continue;
		sp_log_warn("session %s: nobody has it any more: its record is closed", sp_live_id(l));
		if (sp_live_end(l, NULL) != 0)
			sp_log_warn("a session's record will be closed once writing works again");
	}
}

void
sp_recorder_client(struct sp_recorder *rec, bool came)
{
	if (came)
		sp_recorder_arm(rec->ev_grace, SP_RECORDER_GRACE_S * 1000);
	else
		(void)event_del(rec->ev_grace);
}

int
sp_recorder_start(struct sp_recorder *rec)
{
	rec->ev_tick = event_new(rec->base, -1, 0, sp_recorder_on_tick, rec);
	rec->ev_fsync = event_new(rec->base, -1, 0, sp_recorder_on_fsync, rec);
	rec->ev_chain = event_new(rec->base, -1, 0, sp_recorder_on_chain, rec);
	rec->ev_retry = event_new(rec->base, -1, 0, sp_recorder_on_retry, rec);
	rec->ev_checkpoint = event_new(rec->base, -1, 0, sp_recorder_on_checkpoint, rec);
	rec->ev_grace = event_new(rec->base, -1, 0, sp_recorder_on_grace, rec);
	if (rec->ev_tick == NULL || rec->ev_fsync == NULL || rec->ev_chain == NULL || rec->ev_retry == NULL ||
	    rec->ev_checkpoint == NULL || rec->ev_grace == NULL)
		return SP_ERR_NOMEM;
	return 0;
}

void
sp_recorder_stop(struct sp_recorder *rec)
{
	struct event *all[] = { rec->ev_tick, rec->ev_fsync, rec->ev_chain, rec->ev_retry, rec->ev_checkpoint,
		rec->ev_grace };
	struct sp_live *l;
	bool behind = false;

	(void)sp_recorder_work(rec, true, &behind);
	sp_recorder_checkpoint(rec);
	while ((l = sp_live_next(rec, NULL)) != NULL)
		sp_live_free(l);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		event_free(all[i]);
}
