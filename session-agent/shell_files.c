/* SPDX-License-Identifier: Apache-2.0 */
/* Files that programs of a decided shell open and write: from what the watcher has seen to the record. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/ipc_files.h"
#include "lib/text.h"
#include "policy/image.h"
#include "policy/recordfile.h"
#include "recorder/event.h"
#include "session-agent/shell_proxy.h"

#define FILES_RAN 1024 /* processes of which it is remembered what they ran: the latest of each number modulo this */
#define FILES_TEXT_MAX (2 * SP_SHELL_PATH_MAX)

struct files_entry {
	uint32_t pid, uid, opened, written;
	uint8_t facts;
	uint64_t size;
	char *path, *exe;
};

struct sp_shell_files {
	struct sp_shell_proxy *px;
	struct sp_peer *peer; /* NULL: it is closed */
	bool is_over;	      /* all there was has come */
	bool is_broken;	      /* it was said so */
	uint32_t id;	      /* of what is being put on record; 0: nothing is */
	struct sp_buf *body;  /* the rest of it */
	uint32_t left;	      /* entries in that */
	bool has_entry;
	struct files_entry entry; /* to be put on record next */
	char *note;		  /* the same of what was lost */
	struct {
		uint32_t pid, uid;
		char *path;
	} ran[FILES_RAN];
};

/* --- one entry -------------------------------------------------------------------------------------------------- */

static void
entry_clear(struct sp_shell_files *f)
{
	free(f->entry.path);
	free(f->entry.exe);
	memset(&f->entry, 0, sizeof(f->entry));
	f->has_entry = false;
}

static int
entry_read(struct sp_buf *b, struct files_entry *e)
{
	int r = sp_buf_get_u32(b, &e->pid);

	if (r == 0)
		r = sp_buf_get_u32(b, &e->uid);
	if (r == 0)
		r = sp_buf_get_u8(b, &e->facts);
	if (r == 0)
		r = sp_buf_get_u32(b, &e->opened);
	if (r == 0)
		r = sp_buf_get_u32(b, &e->written);
	if (r == 0)
		r = sp_buf_get_u64(b, &e->size);
	if (r == 0)
		r = sp_buf_get_cstring(b, SP_SHELL_PATH_MAX, &e->path);
	if (r == 0)
		r = sp_buf_get_cstring(b, SP_SHELL_PATH_MAX, &e->exe);
	return r;
}

/* Who is gone already: what it was last allowed to run. */
static void
entry_complete(const struct sp_shell_files *f, struct files_entry *e)
{
	size_t at = e->pid % FILES_RAN;

	if (f->ran[at].path == NULL || f->ran[at].pid != e->pid)
		return;
	if (e->uid == (uint32_t)-1)
		e->uid = f->ran[at].uid;
	if (e->exe[0] == '\0') {
		free(e->exe);
		e->exe = strdup(f->ran[at].path);
	}
}

static void
put_pair(struct sp_buf *b, const char *name, const char *value)
{
	struct sp_buf *t = sp_buf_new(FILES_TEXT_MAX);

	if (t != NULL) {
		sp_buf_putf(t, "%s=%s", name, value);
		sp_buf_put(b, ",", 1);
		sp_text_json(b, sp_buf_data(t), sp_buf_len(t));
	}
	sp_buf_free(t);
}

static struct sp_buf *
entry_params(const struct files_entry *e, unsigned what)
{
	struct sp_buf *b = sp_buf_new(SP_EVENT_TEXT_MAX / 2);

	if (b == NULL)
		return NULL;
	sp_buf_putf(b, "[\"pid=%u\"", (unsigned)e->pid);
	if (e->uid != (uint32_t)-1)
		sp_buf_putf(b, ",\"uid=%u\"", (unsigned)e->uid);
	if (e->exe != NULL && e->exe[0] != '\0')
		put_pair(b, "exe", e->exe);
	if ((what & SP_RECORD_FILE_OPENED) != 0)
		sp_buf_putf(b, ",\"opened=%u\"", (unsigned)e->opened);
	if ((what & SP_RECORD_FILE_WRITTEN) != 0)
		sp_buf_putf(b, ",\"written=%u\"", (unsigned)e->written);
	if ((e->facts & SP_IPC_FILES_LINKED) != 0)
		sp_buf_putf(b, ",\"linked\"");
	if ((e->facts & SP_IPC_FILES_DELETED) != 0)
		sp_buf_putf(b, ",\"deleted\"");
	sp_buf_putf(b, "]");
	return b;
}

/* What policy wants of it. What may be any file, by a name that is not known, is every one that policy names. */
static unsigned
entry_wanted(struct sp_shell_files *f, const struct files_entry *e, const struct sp_policy_rule **ret_rule)
{
	struct sp_shell_proxy *px = f->px;
	const char *from = sp_session_from(px->session);
	unsigned what = 0, wanted;

	*ret_rule = NULL;
	if (e->opened > 0)
		what |= SP_RECORD_FILE_OPENED;
	if (e->written > 0)
		what |= SP_RECORD_FILE_WRITTEN;
	if (sp_shell_scope(px) != 0)
		return what;
	wanted = sp_decide_record_file(px->scope, e->path, what, (int64_t)time(NULL), from, ret_rule);
	if (wanted == what || (e->facts & (SP_IPC_FILES_LINKED | SP_IPC_FILES_NAMELESS)) == 0)
		return wanted;
	return sp_decide_record_file(px->scope, NULL, what, (int64_t)time(NULL), from, ret_rule);
}

/* AGAIN: there is no room on record. */
static int
entry_record(struct sp_shell_files *f, const struct files_entry *e)
{
	static const char *const words[] = { "", "opened", "written", "opened, written" };
	const struct sp_policy_rule *rule;
	unsigned what = entry_wanted(f, e, &rule);
	struct sp_buf *params, *ev;
	int r;

	if (what == 0)
		return 0;
	params = entry_params(e, what);
	if (params == NULL)
		return SP_ERR_NOMEM;
	ev = sp_session_event(f->px->session);
	sp_event_begin(ev, SP_EVENT_FILE, sp_event_now());
	sp_event_put_cstring(ev, SP_FIELD_CONNECTION, f->px->name);
	sp_event_put_cstring(ev, SP_FIELD_TEXT, e->path);
	sp_event_put_cstring(ev, SP_FIELD_STATUS, words[what]);
	sp_event_put(ev, SP_FIELD_PARAMS, sp_buf_data(params), sp_buf_len(params));
	if (rule != NULL)
		sp_event_put_cstring(ev, SP_FIELD_RULE, sp_policy_rule_name(rule));
	if ((what & SP_RECORD_FILE_WRITTEN) != 0)
		sp_event_put_u64(ev, SP_FIELD_BYTES, e->size);
	r = sp_buf_error(params) != 0 ? SP_ERR_LIMIT : sp_session_record_late(f->px->session);
	sp_buf_free(params);
	return r;
}

static int
note_record(struct sp_shell_files *f)
{
	struct sp_buf *ev = sp_session_event(f->px->session);

	sp_event_begin(ev, SP_EVENT_NOTE, sp_event_now());
	sp_event_put_cstring(ev, SP_FIELD_CONNECTION, f->px->name);
	sp_event_put_cstring(ev, SP_FIELD_TEXT, f->note);
	return sp_session_record_late(f->px->session);
}

/* --- what is under way -------------------------------------------------------------------------------------------- */

/* No more of it comes, or what comes cannot be kept: a session without it is none that policy lets be. */
static void
files_break(struct sp_shell_files *f)
{
	if (!f->is_broken)
		sp_session_say(f->px->session, "sallyport: the files that programs use can no longer be put on record.");
	f->is_broken = true;
	sp_session_exit(f->px->session, 1);
}

/* Puts on record what there is room for. 0: all of it; AGAIN: later. */
static int
files_put(struct sp_shell_files *f)
{
	int r = 0;

	if (f->note != NULL) {
		r = note_record(f);
		if (r != SP_ERR_AGAIN) {
			free(f->note);
			f->note = NULL;
		}
	}
	while (r == 0 && (f->has_entry || f->left > 0)) {
		if (!f->has_entry) {
			r = entry_read(f->body, &f->entry);
			f->left--;
			f->has_entry = true;
			if (r == 0)
				entry_complete(f, &f->entry);
		}
		if (r == 0)
			r = entry_record(f, &f->entry);
		if (r != SP_ERR_AGAIN)
			entry_clear(f);
	}
	return r;
}

static void
files_go_on(struct sp_shell_files *f)
{
	int r;

	if (f->id == 0)
		return;
	r = files_put(f);
	if (r == SP_ERR_AGAIN)
		return;
	if (r == 0 && sp_buf_len(f->body) != 0)
		r = SP_ERR_FORMAT;
	if (r == 0 && f->peer != NULL)
		r = sp_peer_send(f->peer, SP_IPC_FILES_TAKEN, f->id, NULL, NULL, 0);
	f->id = 0;
	f->left = 0;
	if (r != 0)
		files_break(f);
	sp_session_drained(f->px->session);
}

/* --- the channel -------------------------------------------------------------------------------------------------- */

static int
files_begin(struct sp_shell_files *f, const struct sp_ipc_msg *msg)
{
	if (msg->id == 0 || f->id != 0 || f->is_over)
		return SP_ERR_PROTOCOL;
	f->id = msg->id;
	return 0;
}

static int
on_seen(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_shell_files *f = ctx;
	int r = files_begin(f, msg);

	(void)p;
	if (r == 0)
		r = sp_buf_get_u32(body, &f->left);
	if (r == 0 && f->left > SP_IPC_FILES_SEEN_MAX)
		r = SP_ERR_LIMIT;
	sp_buf_reset(f->body);
	if (r == 0)
		r = sp_buf_put(f->body, sp_buf_data(body), sp_buf_len(body));
	if (r == 0)
		r = sp_buf_consume(body, sp_buf_len(body));
	if (r == 0)
		files_go_on(f);
	return r;
}

static int
on_lost(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_shell_files *f = ctx;
	uint32_t why = 0, count = 0, error = 0;
	char *what = NULL;
	int r = files_begin(f, msg), n = -1;

	(void)p;
	if (r == 0)
		r = sp_buf_get_u32(body, &why);
	if (r == 0)
		r = sp_buf_get_u32(body, &count);
	if (r == 0)
		r = sp_buf_get_u32(body, &error);
	if (r == 0)
		r = sp_buf_get_cstring(body, SP_SHELL_PATH_MAX, &what);
	if (r != 0)
		return r;
	if (why == SP_IPC_FILES_OVERFLOW)
		n = asprintf(&f->note,
		    "files: gap: more files were used at once than the kernel keeps count of; those are not on record");
	else if (why == SP_IPC_FILES_UNREADABLE)
		n = asprintf(&f->note, "files: gap: %u uses of files are not on record, which could not be looked at: %s",
		    (unsigned)count, strerror((int)error));
	else if (why == SP_IPC_FILES_MOUNT && what[0] != '\0')
		n = asprintf(&f->note, "files: gap: what is used on the mount %s is not on record: %s", what, strerror((int)error));
	else if (why == SP_IPC_FILES_MOUNT)
		n = asprintf(&f->note, "files: gap: what is used on %u further mounts is not on record", (unsigned)count);
	else
		r = SP_ERR_FORMAT;
	free(what);
	if (r == 0 && n < 0) {
		f->note = NULL;
		r = SP_ERR_NOMEM;
	}
	if (r == 0)
		files_go_on(f);
	return r;
}

static int
on_end(struct sp_peer *p, struct sp_ipc_msg *msg, struct sp_buf *body, void *ctx)
{
	struct sp_shell_files *f = ctx;
	int r = files_begin(f, msg);

	(void)p;
	(void)body;
	f->id = 0;
	f->is_over = r == 0;
	sp_session_drained(f->px->session);
	return r;
}

static void
on_close(struct sp_peer *p, int err, void *ctx)
{
	struct sp_shell_files *f = ctx;

	(void)err;
	sp_peer_free(p);
	f->peer = NULL;
	if (!f->is_over && f->px->is_ready)
		files_break(f);
	sp_session_drained(f->px->session);
}

static const struct sp_peer_request files_requests[] = {
	{ SP_IPC_FILES_SEEN, 1, SP_IPC_FRAME_MAX, 0, on_seen, "SEEN" },
	{ SP_IPC_FILES_LOST, 1, SP_SHELL_PATH_MAX + 32, 0, on_lost, "LOST" },
	{ SP_IPC_FILES_END, 1, 0, 0, on_end, "END" },
	{ 0 },
};
static const struct sp_peer_ops files_ops = { files_requests, on_close, "files" };

/* --- life ----------------------------------------------------------------------------------------------------------- */

int
sp_shell_files_open(struct sp_shell_proxy *px, int *ret_fd)
{
	struct sp_shell_files *f = calloc(1, sizeof(*f));
	int sv[2], r;

	if (f == NULL)
		return SP_ERR_NOMEM;
	f->px = px;
	f->body = sp_buf_new(SP_IPC_FRAME_MAX);
	if (f->body == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) != 0) {
		r = f->body == NULL ? SP_ERR_NOMEM : SP_ERR_SYSTEM;
		sp_buf_free(f->body);
		free(f);
		return r;
	}
	r = sp_peer_new(sp_session_base(px->session), sv[0], &files_ops, f, &f->peer);
	if (r != 0) {
		(void)close(sv[0]);
		(void)close(sv[1]);
		sp_buf_free(f->body);
		free(f);
		return r;
	}
	px->files = f;
	*ret_fd = sv[1];
	return 0;
}

void
sp_shell_files_ran(struct sp_shell_proxy *px, uint32_t pid, uint32_t uid, const char *path)
{
	struct sp_shell_files *f = px->files;
	size_t at = pid % FILES_RAN;

	if (f == NULL)
		return;
	free(f->ran[at].path);
	f->ran[at].pid = pid;
	f->ran[at].uid = uid;
	f->ran[at].path = strdup(path);
}

void
sp_shell_files_ready(struct sp_shell_proxy *px)
{
	if (px->files != NULL)
		files_go_on(px->files);
}

bool
sp_shell_files_are_over(const struct sp_shell_proxy *px)
{
	const struct sp_shell_files *f = px->files;

	return f == NULL || (f->id == 0 && (f->is_over || f->peer == NULL));
}

void
sp_shell_files_free(struct sp_shell_proxy *px)
{
	struct sp_shell_files *f = px->files;

	if (f == NULL)
		return;
	if (px->is_ready && (!f->is_over || f->id != 0))
		sp_session_say(px->session, "sallyport: files: gap: not all that programs of this session used is on record");
	px->files = NULL;
	sp_peer_free(f->peer);
	entry_clear(f);
	free(f->note);
	for (size_t i = 0; i < FILES_RAN; i++)
		free(f->ran[i].path);
	sp_buf_free(f->body);
	free(f);
}

const char *
sp_shell_files_problem(const struct sp_shell_proxy *px, const struct sp_decide_scope *scope)
{
	if (px->has_files || !sp_decide_has_record_files(scope))
		return NULL;
	return "the policy now wants the files that programs use on record, which this session was not started for: start a "
	       "new one.";
}
