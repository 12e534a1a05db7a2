/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a request on paths: resolved by the host's server, decided on, and done to the resolved path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session-agent/file_scan.h"
#include "session-agent/sftp_proxy.h"

#define OP_FORMAT_MODE 0170000u
#define OP_DIRECTORY 0040000u

static void op_go(struct sp_sftp_op *op);

/* --- life ---------------------------------------------------------------------------------------------------- */

struct sp_sftp_op *
sp_sftp_op_new(struct sp_sftp *x, const struct sp_sftp_request *q)
{
	for (unsigned i = 0; i < SP_SFTP_OPS_MAX; i++) {
		struct sp_sftp_op *op = &x->ops[i];

		if (op->is_used)
			continue;
		*op = (struct sp_sftp_op){ .is_used = true,
		    .serial = ++x->serial,
		    .x = x,
		    .type = q->type,
		    .extension = q->extension,
		    .id = q->id,
		    .offset = q->offset,
		    .length = q->length};
		x->nops++;
		return op;
	}
	return NULL; /* the client is not read when there are so many */
}

void
sp_sftp_op_free(struct sp_sftp_op *op)
{
	if (!op->is_used)
		return;
	if (op->request != NULL)
		sp_file_gate_drop(op->request);
	for (int i = 0; i < 2; i++) {
		free(op->asked[i]);
		free(op->resolved[i]);
		free(op->name[i]);
	}
	free(op->text);
	free(op->attrs);
	op->x->nops--;
	*op = (struct sp_sftp_op){ 0 };
}

void
sp_sftp_op_end(struct sp_sftp_op *op, enum sp_sftp_code code, const char *message)
{
	if (!op->is_ours)
		sp_sftp_status(op->x, op->id, code, message);
	sp_sftp_op_free(op);
}

/* A status in our own words: the server's text is not masked. */
const char *
sp_sftp_op_text(uint32_t code)
{
	static const char *const texts[] = {"ok", "end of file", "no such file", "the host denies this",
	    "the host says it failed", "the host says bad message", "no connection", "connection lost",
	    "the host's server does not offer this"};

	return code < sizeof(texts) / sizeof(texts[0]) ? texts[code] : "the host says it failed";
}

void
sp_sftp_op_target(struct sp_sftp_op *op)
{
	if (op->target->stage == SP_SFTP_TARGET_OVER)
		sp_sftp_op_end(op, SP_SFTP_FAILURE, op->target->why);
	else if (op->target->stage == SP_SFTP_TARGET_READY && op->step == SP_SFTP_STEP_CONNECT) {
		op->step = SP_SFTP_STEP_RESOLVE;
		op_go(op);
	}
}

/* --- resolving ----------------------------------------------------------------------------------------------- */

static void
op_resolve(struct sp_sftp_op *op)
{
	char dir[SP_FILE_PATH_MAX + 3], name[SP_FILE_PATH_MAX + 1];
	struct sp_sftp_part part;

	free(op->name[op->at]);
	op->name[op->at] = NULL;
	if (!op->is_name[op->at]) {
		part = sp_sftp_string(op->asked[op->at], strlen(op->asked[op->at]));
	} else if (sp_sftp_path_parent(op->asked[op->at], dir, name)) {
		op->name[op->at] = strdup(name);
		if (op->name[op->at] == NULL) {
			sp_sftp_op_end(op, SP_SFTP_FAILURE, "no memory");
			return;
		}
		part = sp_sftp_string(dir, strlen(dir));
	} else if (op->type == SP_SFTP_LSTAT || op->type == SP_SFTP_READLINK) { /* no link by that name */
		part = sp_sftp_string(op->asked[op->at], strlen(op->asked[op->at]));
	} else {
		sp_sftp_op_end(op, SP_SFTP_FAILURE, "this cannot be done to / or to . and ..");
		return;
	}
	sp_sftp_target_send(op, SP_SFTP_REALPATH, &part, 1);
}

/* It could not be resolved: decided on as it was asked for, so that those who may not know do not learn that. */
static bool
op_unresolved(struct sp_sftp_op *op, enum sp_sftp_code code)
{
	char plain[SP_FILE_PATH_MAX + 3];

	op->is_unresolved = true;
	op->unresolved = code == SP_SFTP_OK || code == SP_SFTP_EOF ? SP_SFTP_FAILURE : code;
	for (unsigned i = 0; i < op->npaths; i++) {
		free(op->resolved[i]);
		op->resolved[i] = sp_sftp_path_plain(op->asked[i], plain) ? strdup(plain) : NULL;
		if (op->resolved[i] == NULL)
			return false;
	}
	return true;
}

/* The path that is meant, by the answer to REALPATH; *ret_path is the caller's. False: there is none. */
static bool
op_path(const struct sp_sftp_op *op, const struct sp_sftp_answer *a, char **ret_path, const char **ret_why)
{
	const char *name = op->name[op->at];
	struct sp_view rest = a->names;
	struct sp_sftp_name n;
	char path[SP_FILE_PATH_MAX + 1];

	*ret_path = NULL;
	*ret_why = "the host's server has resolved this to no path";
	if (a->type != SP_SFTP_NAME || a->count != 1 || sp_sftp_name_next(&rest, &n) != 0 ||
	    n.name.len > SP_FILE_PATH_MAX || memchr(n.name.data, 0, n.name.len) != NULL)
		return false;
	(void)snprintf(path, sizeof(path), "%.*s", (int)n.name.len, (const char *)n.name.data);
	*ret_why = "the host's server has resolved this to no path that can be decided on";
	if (sp_file_is_path(path) && asprintf(ret_path, "%s%s%s", name != NULL && path[1] == '\0' ? "" : path,
					 name != NULL ? "/" : "", name != NULL ? name : "") < 0)
		*ret_path = NULL;
	if (*ret_path != NULL && sp_file_is_path(*ret_path))
		return true;
	free(*ret_path);
	*ret_path = NULL;
	return false;
}

/* What was approved is not what would be done now. */
static void
op_changed(struct sp_sftp_op *op)
{
	sp_file_gate_result(op->target->gate, op->seq, "changed");
	if (op->handle != NULL)
		sp_sftp_handle_free(op->x, op->handle, NULL);
	sp_sftp_op_end(op, SP_SFTP_PERMISSION_DENIED,
	    "this leads elsewhere than when it was approved: look at what has changed, and ask again");
}

/* All paths are resolved, or resolved again. */
static void
op_all_resolved(struct sp_sftp_op *op)
{
	if ((op->words & (SP_FILE_BIT(SP_FILE_RENAME) | SP_FILE_BIT(SP_FILE_LINK))) != 0)
		op->step = SP_SFTP_STEP_LOOK;
	else
		op->step = op->is_again ? SP_SFTP_STEP_DO : SP_SFTP_STEP_GATE;
	op_go(op);
}

static void
op_resolved_again(struct sp_sftp_op *op, const struct sp_sftp_answer *a)
{
	const char *why;
	char *path = NULL;
	bool is_same = op_path(op, a, &path, &why) && strcmp(path, op->resolved[op->at]) == 0;

	free(path);
	if (!is_same)
		op_changed(op);
	else if (++op->at == op->npaths)
		op_all_resolved(op);
	else
		op_go(op);
}

static void
op_resolved(struct sp_sftp_op *op, const struct sp_sftp_answer *a)
{
	const char *why;

	if (op->is_again) {
		op_resolved_again(op, a);
		return;
	}
	if (a->type == SP_SFTP_STATUS) {
		if (!op_unresolved(op, (enum sp_sftp_code)a->code)) {
			sp_sftp_op_end(op, SP_SFTP_NO_SUCH_FILE, "no such file");
			return;
		}
		op->step = SP_SFTP_STEP_GATE;
		op_go(op);
		return;
	}
	if (!op_path(op, a, &op->resolved[op->at], &why))
		sp_sftp_op_end(op, SP_SFTP_FAILURE, why);
	else if (++op->at == op->npaths)
		op_all_resolved(op);
	else
		op_go(op);
}

static void
op_looked(struct sp_sftp_op *op, const struct sp_sftp_answer *a)
{
	bool is_file = a->type == SP_SFTP_ATTRS && (a->attrs.flags & SP_SFTP_ATTR_MODE) != 0 &&
		       (a->attrs.mode & OP_FORMAT_MODE) != OP_DIRECTORY && (a->attrs.mode & OP_FORMAT_MODE) != 0;

	if (op->is_again && op->is_file && !is_file) {
		op_changed(op);
		return;
	}
	op->is_file = is_file;
	op->step = op->is_again ? SP_SFTP_STEP_DO : SP_SFTP_STEP_GATE;
	op_go(op);
}

/* --- deciding ------------------------------------------------------------------------------------------------ */

/* What masks the file that is read; NULL, or why it cannot be. */
static const char *
op_mask(struct sp_sftp_op *op, struct sp_sftp_handle *h, const struct sp_decision *d)
{
	if ((op->words & SP_FILE_BIT(SP_FILE_WRITE)) != 0)
		return "what is masked here cannot be opened for writing as well";
	if (op->x->nspools == SP_SFTP_SPOOLS_MAX)
		return "too many files that are masked are open";
	if (sp_sieve_of(d->masks, d->nmasks, op->x->key, &h->sieve) != 0 ||
	    (h->spool = sp_buf_new(SP_SFTP_SPOOL_MAX * 2)) == NULL ||
	    sp_sieve_stream_new(h->sieve, false, 0, &h->stream) != 0)
		return "no memory";
	op->x->nspools++;
	return NULL;
}

/* Of a handle, which may not have been answered yet. */
static const char *
op_path_of(const struct sp_sftp *x, const struct sp_sftp_handle *h)
{
	if (h->path != NULL)
		return h->path;
	for (unsigned i = 0; i < SP_SFTP_OPS_MAX; i++)
		if (x->ops[i].is_used && x->ops[i].handle == h && x->ops[i].resolved[0] != NULL)
			return x->ops[i].resolved[0];
	return "";
}

/*
 * What is scanned is the file only if nothing was in it before and nothing else writes to it: no appending, no second one
 * that is open, and what is there is cut off with the first write. NULL, or why it cannot be.
 */
static const char *
op_scan(struct sp_sftp_op *op, struct sp_sftp_handle *h, const struct sp_decision *d)
{
	if (d->nscans == 0)
		return NULL;
	if ((op->flags & SP_SFTP_OPEN_APPEND) != 0)
		return "what is in it must be looked at as a whole: send it as a new file, or in place of the old one";
	h->is_to_cut = (op->flags & (SP_SFTP_OPEN_TRUNC | SP_SFTP_OPEN_EXCL)) == 0;
	for (unsigned i = 0; i < SP_SFTP_HANDLES_MAX && (op->words & SP_FILE_BIT(SP_FILE_WRITE)) != 0; i++) {
		const struct sp_sftp_handle *o = &op->x->handles[i];

		if (o != h && o->is_used && o->target == h->target && (o->words & SP_FILE_BIT(SP_FILE_WRITE)) != 0 &&
		    strcmp(op_path_of(op->x, o), op->resolved[0]) == 0)
			return "what is in it must be looked at as a whole, and it is open for writing already";
	}
	if (sp_file_scan_new(d, &h->scan_up) != 0 || sp_file_scan_new(d, &h->scan_down) != 0)
		return "no memory";
	return NULL;
}

/* The handle that stands for what was decided; NULL, or why there is none. */
static const char *
op_handle(struct sp_sftp_op *op, const struct sp_file_answer *answer)
{
	const struct sp_decision *d = answer->decision;
	struct sp_sftp_handle *h = sp_sftp_handle_new(op->x, op->target);
	const char *why = NULL;

	if (h == NULL)
		return "too many files are open";
	h->is_dir = op->type == SP_SFTP_OPENDIR;
	h->words = op->words;
	h->is_approved = op->is_approved;
	h->seq = op->seq;
	if ((op->words & SP_FILE_BIT(SP_FILE_READ)) != 0 && d->nmasks > 0)
		why = op_mask(op, h, d);
	if (why == NULL)
		why = op_scan(op, h, d);
	if (answer->copy != NULL) {
		h->copy = *answer->copy;
		*answer->copy = NULL;
	}
	if (why == NULL && h->copy == NULL && sp_file_scan_keeps(d))
		why = "a copy of it would have to be kept, and there is none";
	if (why != NULL)
		sp_sftp_handle_free(op->x, h, NULL);
	else
		op->handle = h;
	return why;
}

static void
op_allowed(struct sp_sftp_op *op, const struct sp_file_answer *answer)
{
	const char *why;

	op->seq = answer->seq;
	op->is_approved = answer->is_approved;
	if (op->is_unresolved) {
		sp_file_gate_result(op->target->gate, op->seq, "not found");
		sp_sftp_op_end(op, op->unresolved, "no such file");
		return;
	}
	if (op->type == SP_SFTP_OPEN || op->type == SP_SFTP_OPENDIR) {
		why = op_handle(op, answer);
		if (why != NULL) {
			sp_file_gate_result(op->target->gate, op->seq, why);
			sp_sftp_op_end(op, SP_SFTP_FAILURE, why);
			return;
		}
	}
	/* While somebody thought about it, the same client may have put a link there. */
	op->is_again = op->is_approved && op->asked[0] != NULL && op->type != SP_SFTP_REALPATH;
	op->at = 0;
	op->step = op->is_again ? SP_SFTP_STEP_RESOLVE : SP_SFTP_STEP_DO;
	op_go(op);
}

static void
op_denied(struct sp_sftp_op *op, const char *message)
{
	sp_sftp_op_end(op, SP_SFTP_PERMISSION_DENIED, message);
}

static void
on_answer(const struct sp_file_answer *answer, void *ctx)
{
	struct sp_sftp_op *op = ctx;
	struct sp_sftp *x = op->x;

	op->request = NULL;
	if (answer->is_allowed)
		op_allowed(op, answer);
	else
		op_denied(op, answer->message);
	sp_sftp_pump(x);
}

static void
op_gate(struct sp_sftp_op *op)
{
	struct sp_sftp_request q = { .type = op->type, .extension = op->extension };
	struct sp_file_ask ask = { .op = sp_sftp_request_name(&q),
	    .words = op->words,
	    .path = op->resolved[0],
	    .path2 = op->npaths > 1 ? op->resolved[1] : NULL,
	    .size = SP_FILE_GATE_NO_SIZE,
	    .is_file = op->is_file,
	    .is_advisory = (op->target->extensions & (1u << SP_SFTP_EXT_POSIX_RENAME)) == 0,
	    .details = op->details[0] != '\0' ? op->details : NULL};
	struct sp_file_answer answer;
	int r = sp_file_gate_ask(op->target->gate, &ask, on_answer, op, &answer, &op->request);

	if (r == 0)
		op_allowed(op, &answer);
	else if (r != SP_ERR_AGAIN)
		op_denied(op, answer.message);
}

/* --- doing --------------------------------------------------------------------------------------------------- */

/* A path of the host, as the tree has it. */
static void
op_tell_path(struct sp_sftp_op *op, const char *of, size_t n)
{
	static const uint8_t none[4] = { 0 };
	char path[SP_FILE_PATH_MAX + SP_POLICY_NAME_MAX + 3];
	struct sp_sftp_part parts[4];

	if (op->x->root[0] != '\0' || *of != '/')
		(void)snprintf(path, sizeof(path), "%.*s", (int)n, of);
	else
		(void)snprintf(path, sizeof(path), "/%s%.*s", op->target->name, n == 1 ? 0 : (int)n, of);
	parts[0] = sp_sftp_u32(1);
	parts[1] = parts[2] = sp_sftp_string(path, strlen(path));
	parts[3] = sp_sftp_raw(none, sizeof(none));
	sp_sftp_send(op->x, SP_SFTP_NAME, op->id, parts, 4);
	sp_sftp_op_free(op);
}

/* Where a symbolic link leads: as SYMLINK takes it. */
static bool
op_tell_link(struct sp_sftp_op *op, const struct sp_sftp_answer *a)
{
	struct sp_view rest = a->names;
	struct sp_sftp_name n;

	if (a->count != 1 || sp_sftp_name_next(&rest, &n) != 0 || n.name.len == 0 || n.name.len > SP_FILE_PATH_MAX ||
	    memchr(n.name.data, 0, n.name.len) != NULL)
		return false;
	sp_file_gate_result(op->target->gate, op->seq, "ok");
	op_tell_path(op, (const char *)n.name.data, n.name.len);
	return true;
}

static void
op_do(struct sp_sftp_op *op)
{
	struct sp_sftp_part parts[4];
	const char *name = sp_sftp_extension_name(op->extension);
	size_t n = 0;

	if (op->type == SP_SFTP_REALPATH) {
		op_tell_path(op, op->resolved[0], strlen(op->resolved[0]));
		return;
	}
	if (op->type == SP_SFTP_FSETSTAT && op->handle == NULL) {
		sp_sftp_op_end(op, SP_SFTP_FAILURE, "this was closed meanwhile");
		return;
	}
	if (op->type == SP_SFTP_EXTENDED) {
		if ((op->target->extensions & (1u << op->extension)) == 0) {
			sp_file_gate_result(op->target->gate, op->seq, "unsupported");
			sp_sftp_op_end(op, SP_SFTP_OP_UNSUPPORTED, "the host's server does not offer this");
			return;
		}
		parts[n++] = sp_sftp_string(name, strlen(name));
	}
	if (op->type == SP_SFTP_SYMLINK)
		parts[n++] = sp_sftp_string(op->text, strlen(op->text));
	parts[n++] = op->type == SP_SFTP_FSETSTAT ? sp_sftp_string(op->handle->theirs, op->handle->ntheirs)
						  : sp_sftp_string(op->resolved[0], strlen(op->resolved[0]));
	if (op->npaths > 1 && op->type != SP_SFTP_SYMLINK)
		parts[n++] = sp_sftp_string(op->resolved[1], strlen(op->resolved[1]));
	if (op->type == SP_SFTP_OPEN)
		parts[n++] = sp_sftp_u32(op->flags);
	if (op->nattrs > 0)
		parts[n++] = sp_sftp_raw(op->attrs, op->nattrs);
	sp_sftp_target_send(op, op->type, parts, n);
}

static void
op_go(struct sp_sftp_op *op)
{
	struct sp_sftp_part part;

	switch (op->step) {
	case SP_SFTP_STEP_CONNECT:
	case SP_SFTP_STEP_SPOOL:
		break;
	case SP_SFTP_STEP_RESOLVE:
		op_resolve(op);
		break;
	case SP_SFTP_STEP_LOOK:
		part = sp_sftp_string(op->resolved[0], strlen(op->resolved[0]));
		sp_sftp_target_send(op, SP_SFTP_LSTAT, &part, 1);
		break;
	case SP_SFTP_STEP_GATE:
		op_gate(op);
		break;
	case SP_SFTP_STEP_DO:
		op_do(op);
		break;
	}
}

void
sp_sftp_op_gate(struct sp_sftp_op *op)
{
	op->step = SP_SFTP_STEP_GATE;
	op_go(op);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

static void
op_done(struct sp_sftp_op *op, const struct sp_sftp_answer *a, struct sp_view packet)
{
	struct sp_sftp_part body = sp_sftp_raw(packet.data + 5, packet.len - 5);
	uint32_t code = a->code <= SP_SFTP_OP_UNSUPPORTED ? a->code : SP_SFTP_FAILURE;
	bool is_opening = op->type == SP_SFTP_OPEN || op->type == SP_SFTP_OPENDIR;

	if (a->type == SP_SFTP_STATUS && (code != SP_SFTP_OK || !is_opening)) {
		sp_file_gate_result(op->target->gate, op->seq, sp_sftp_op_text(code));
		if (op->handle != NULL)
			sp_sftp_handle_free(op->x, op->handle, NULL);
		sp_sftp_op_end(op, (enum sp_sftp_code)code, sp_sftp_op_text(code));
	} else if (a->type == SP_SFTP_HANDLE && is_opening && a->handle.len > 0) {
		sp_sftp_handle_opened(op, a->handle);
	} else if ((a->type == SP_SFTP_ATTRS && (op->type == SP_SFTP_STAT || op->type == SP_SFTP_LSTAT)) ||
		   (a->type == SP_SFTP_EXTENDED_REPLY && op->extension == SP_SFTP_EXT_STATVFS && a->data.len <= 128)) {
		sp_file_gate_result(op->target->gate, op->seq, "ok");
		sp_sftp_send(op->x, a->type, op->id, &body, 1);
		sp_sftp_op_free(op);
	} else if (a->type != SP_SFTP_NAME || op->type != SP_SFTP_READLINK || !op_tell_link(op, a)) {
		sp_sftp_target_over(op->target, "the host's server has answered what was not asked");
	}
}

void
sp_sftp_op_answer(struct sp_sftp_op *op, const struct sp_sftp_answer *a, struct sp_view packet)
{
	if (op->step == SP_SFTP_STEP_RESOLVE)
		op_resolved(op, a);
	else if (op->step == SP_SFTP_STEP_LOOK)
		op_looked(op, a);
	else if (op->step == SP_SFTP_STEP_DO && op->asked[0] != NULL)
		op_done(op, a, packet);
	else
		sp_sftp_handle_answer(op, a, packet);
}
