/* SPDX-License-Identifier: Apache-2.0 */
/* COPY, KEEP: copies of files that were refused, for reviewers. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/ipc_monitor.h"
#include "runtime/log.h"
#include "session-agent/channel_state.h"
#include "session-agent/quarantine.h"

static int
channel_say(struct sp_peer *p, uint8_t type, uint32_t id, int err, const char *message, int fd)
{
	struct sp_buf *reply = sp_buf_new(SP_IPC_FRAME_MAX);
	int r = reply == NULL ? SP_ERR_NOMEM : sp_buf_put_u32(reply, (uint32_t)-err);

	if (r == 0)
		r = sp_buf_put_cstring(reply, message);
	if (r == 0)
		r = sp_peer_send(p, type, id, reply, &fd, fd >= 0 ? 1 : 0);
	sp_buf_free(reply);
	return r;
}

int
sp_channel_on_copy(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	const struct channel *ch = ctx;
	const char *why = "";
	int fd = -1, err, r;

	(void)body;
	if (msg->id == 0)
		return SP_ERR_PROTOCOL;
	err = sp_quarantine_open(SP_QUARANTINE_DIR, &fd, &why);
	if (err != 0)
		sp_log_warn(
		    "session %s (%s) has no file for a copy: %s: %s", ch->l->id, ch->l->user, why, sp_err_str(err));
	r = channel_say(p, SP_IPC_MONITOR_COPY_REPLY, msg->id, err, err == 0 ? "" : why, fd);
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* What a session says of a copy; the strings are the caller's to free. */
static int
channel_about(struct sp_buf *body, struct sp_quarantine_about *a, char *text[3])
{
	uint8_t is_upload = 0, is_complete = 0;
	int r = sp_buf_get_u64(body, &a->number);

	if (r == 0)
		r = sp_buf_get_cstring(body, SP_POLICY_NAME_MAX, &text[0]);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_CHANNEL_PATH_MAX, &text[1]);
	if (r == 0)
		r = sp_buf_get_u8(body, &is_upload);
	if (r == 0)
		r = sp_buf_get_u8(body, &is_complete);
	if (r == 0)
		r = sp_buf_get_u64(body, &a->size);
	if (r == 0)
		r = sp_buf_get_view(body, 32, &a->sha256);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_CHANNEL_REASON_MAX, &text[2]);
	a->connection = text[0];
	a->path = text[1];
	a->reason = text[2];
	a->is_upload = is_upload != 0;
	a->is_complete = is_complete != 0;
	return r == 0 && (is_upload > 1 || is_complete > 1) ? SP_ERR_FORMAT : r;
}

int
sp_channel_on_keep(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	const struct channel *ch = ctx;
	struct sp_quarantine_about about = {.session = ch->l->id, .user = ch->l->user};
	char *text[3] = {NULL}, said[256], id[SP_QUARANTINE_ID_MAX + 1];
	const char *why = "";
	int err, r = channel_about(body, &about, text);

	if (r == 0 && (msg->id == 0 || msg->nfds != 1))
		r = SP_ERR_PROTOCOL;
	if (r == 0) {
		err = sp_quarantine_keep(SP_QUARANTINE_DIR, msg->fds[0], &about, &why);
		sp_quarantine_id(ch->l->id, about.number, id);
		(void)snprintf(said, sizeof(said), "%s%s%s", id, err == 0 ? "" : ": ", err == 0 ? "" : why);
		sp_log(err == 0 ? LOG_NOTICE : LOG_WARNING, "session %s (%s): quarantine %s: %s%s%s", ch->l->id,
		    ch->l->user, id, err == 0 ? "kept" : why, err == 0 ? "" : ": ", err == 0 ? "" : sp_err_str(err));
		r = channel_say(p, SP_IPC_MONITOR_KEEP_REPLY, msg->id, err, said, -1);
	}
	for (size_t i = 0; i < 3; i++)
		free(text[i]);
	return r;
}
