/* SPDX-License-Identifier: Apache-2.0 */
/* Open files and directories: what is read and written, in which order, with which digest, masked or not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ipc.h"
#include "lib/text.h"
#include "policy/image.h"
#include "runtime/log.h"
#include "session-agent/file_scan.h"
#include "session-agent/sftp_kind.h"
#include "session-agent/sftp_proxy.h"

#define HANDLE_NAME 8		/* bytes of a handle as the client has it: its place, its serial */
#define HANDLE_ROOT_NAMES 64	/* targets in one answer */
#define HANDLE_SMALL_READ 32768 /* what a server takes that does not say */

/* --- handles ------------------------------------------------------------------------------------------------- */

struct sp_sftp_handle *
sp_sftp_handle_new(struct sp_sftp *x, struct sp_sftp_target *target)
{
	for (unsigned i = 0; i < SP_SFTP_HANDLES_MAX; i++) {
		struct sp_sftp_handle *h = &x->handles[i];

		if (h->is_used)
			continue;
		*h = (struct sp_sftp_handle){
		    .is_used = true, .serial = ++x->serial, .target = target, .began_ms = sp_ipc_now_ms()};
		return h;
	}
	return NULL;
}

static void
handle_name(const struct sp_sftp *x, const struct sp_sftp_handle *h, uint8_t name[HANDLE_NAME])
{
	uint32_t at = (uint32_t)(h - x->handles);

	for (int i = 0; i < 4; i++) {
		name[i] = (uint8_t)(at >> (24 - 8 * i));
		name[4 + i] = (uint8_t)(h->serial >> (24 - 8 * i));
	}
}

struct sp_sftp_handle *
sp_sftp_handle_find(struct sp_sftp *x, struct sp_view handle)
{
	uint8_t name[HANDLE_NAME];
	size_t at;

	if (handle.len != HANDLE_NAME)
		return NULL;
	at = (size_t)handle.data[0] << 24 | (size_t)handle.data[1] << 16 | (size_t)handle.data[2] << 8 | handle.data[3];
	if (at >= SP_SFTP_HANDLES_MAX || !x->handles[at].is_used || !x->handles[at].is_given ||
	    x->handles[at].is_closing || (x->handles[at].ntheirs == 0 && !x->handles[at].is_root))
		return NULL;
	handle_name(x, &x->handles[at], name);
	return memcmp(name, handle.data, HANDLE_NAME) == 0 ? &x->handles[at] : NULL;
}

void
sp_sftp_handle_give(struct sp_sftp *x, uint32_t id, struct sp_sftp_handle *h)
{
	uint8_t name[HANDLE_NAME];
	struct sp_sftp_part part;

	h->is_given = true;
	handle_name(x, h, name);
	part = sp_sftp_string(name, sizeof(name));
	sp_sftp_send(x, SP_SFTP_HANDLE, id, &part, 1);
}

void
sp_sftp_handle_free(struct sp_sftp *x, struct sp_sftp_handle *h, const char *why)
{
	if (!h->is_used)
		return;
	for (unsigned i = 0; i < SP_SFTP_OPS_MAX; i++) /* their answers come to nothing */
		if (x->ops[i].is_used && x->ops[i].handle == h)
			x->ops[i].handle = NULL;
	if (h->is_revoked)
		why = "the policy has changed";
	if (h->target != NULL)
		sp_sftp_flow_end(h, why);
	if (h->stream != NULL)
		x->nspools--;
	free(h->path);
	sp_file_copy_free(h->copy);
	sp_file_scan_free(h->scan_up);
	sp_file_scan_free(h->scan_down);
	sp_sieve_stream_free(h->stream);
	sp_sieve_free(h->sieve);
	sp_buf_free(h->spool);
	*h = (struct sp_sftp_handle){ 0 };
}

/* Ours to close: nobody waits for it. */
void
sp_sftp_handle_shut(struct sp_sftp_op *of, const struct sp_sftp_handle *h)
{
	struct sp_sftp_request q = { .type = SP_SFTP_CLOSE };
	struct sp_sftp_op *op = sp_sftp_op_new(of->x, &q);
	struct sp_sftp_part part = sp_sftp_string(h->theirs, h->ntheirs);

	if (op == NULL)
		return; /* it is closed with the session */
	op->is_ours = true;
	op->target = of->target;
	op->step = SP_SFTP_STEP_DO;
	sp_sftp_target_send(op, SP_SFTP_CLOSE, &part, 1);
}

/* Whether the policy in force lets it be what it was opened for. */
static void
handle_look(struct sp_sftp_handle *h)
{
	struct sp_file_ask ask = { .words = h->words, .path = h->path, .size = SP_FILE_GATE_NO_SIZE };

	if (!sp_file_gate_look(h->target->gate, &ask, h->is_approved) ||
	    !sp_file_gate_is_scanned_so(h->target->gate, &ask, h->scan_up) ||
	    ((h->words & SP_FILE_BIT(SP_FILE_READ)) != 0 && sp_file_gate_is_masked(h->target->gate, &ask)))
		h->is_revoked = true;
}

void
sp_sftp_handle_opened(struct sp_sftp_op *op, struct sp_view theirs)
{
	struct sp_sftp_handle *h = op->handle;

	memcpy(h->theirs, theirs.data, theirs.len);
	h->ntheirs = theirs.len;
	h->path = strdup(op->resolved[0]);
	if (h->path == NULL) {
		sp_sftp_handle_shut(op, h);
		sp_sftp_handle_free(op->x, h, NULL);
		sp_sftp_op_end(op, SP_SFTP_FAILURE, "no memory");
		return;
	}
	if (h->is_old)
		handle_look(h);
	if (h->is_revoked) {
		sp_file_gate_result(op->target->gate, op->seq, "the policy has changed");
		sp_sftp_handle_shut(op, h);
		sp_sftp_handle_free(op->x, h, NULL);
		sp_sftp_op_end(op, SP_SFTP_PERMISSION_DENIED, "the policy has changed");
		return;
	}
	sp_file_gate_result(op->target->gate, op->seq, "ok");
	if (h->stream != NULL) {
		sp_sftp_spool_read(op);
		return;
	}
	sp_sftp_handle_give(op->x, op->id, h);
	sp_sftp_op_free(op);
}

/* What is in the file goes; the server does one after the other. Nobody waits for it but what is written then. */
static bool
handle_cut(struct sp_sftp *x, struct sp_sftp_handle *h)
{
	struct sp_sftp_request q = {.type = SP_SFTP_FSETSTAT};
	struct sp_sftp_attrs none = {.flags = SP_SFTP_ATTR_SIZE};
	struct sp_buf *b = sp_buf_new(64);
	struct sp_sftp_op *op = b == NULL || sp_sftp_put_attrs(b, &none) != 0 ? NULL : sp_sftp_op_new(x, &q);
	struct sp_sftp_part parts[2];

	if (op != NULL) {
		op->is_ours = true;
		op->target = h->target;
		op->handle = h;
		op->step = SP_SFTP_STEP_DO;
		parts[0] = sp_sftp_string(h->theirs, h->ntheirs);
		parts[1] = sp_sftp_raw(sp_buf_data(b), sp_buf_len(b));
		sp_sftp_target_send(op, SP_SFTP_FSETSTAT, parts, 2);
		h->is_to_cut = false;
	}
	sp_buf_free(b);
	return op != NULL;
}

/*
 * Some clients read a file of a size that they know, and not to its end: was it all of it? The answer comes before that
 * to CLOSE, or to nothing.
 */
static void
handle_measure(struct sp_sftp *x, struct sp_sftp_handle *h)
{
	struct sp_sftp_request q = {.type = SP_SFTP_FSTAT};
	struct sp_sftp_part part = sp_sftp_string(h->theirs, h->ntheirs);
	struct sp_sftp_op *op;

	if (h->is_dir || h->is_at_end || !h->down.is_begun)
		return;
	if (h->is_masked) {
		h->is_at_end = h->down.next >= sp_buf_len(h->spool);
		return;
	}
	op = sp_sftp_op_new(x, &q);
	if (op == NULL)
		return;
	op->is_ours = true;
	op->target = h->target;
	op->handle = h;
	op->step = SP_SFTP_STEP_DO;
	sp_sftp_target_send(op, SP_SFTP_FSTAT, &part, 1);
}

/* --- the root's list ----------------------------------------------------------------------------------------- */

static void
root_list(struct sp_sftp *x, const struct sp_sftp_request *q, struct sp_sftp_handle *h)
{
	uint8_t attrs[8] = { 0, 0, 0, SP_SFTP_ATTR_MODE, 0, 0, 0x41, 0x6d };
	const struct sp_policy_image *image = sp_session_policy(x->session);
	size_t total = image == NULL ? 0 : sp_policy_image_connections(image);
	struct sp_buf *names = sp_buf_new(SP_SFTP_PACKET_MAX / 2);
	struct sp_sftp_part parts[2];
	uint32_t n = 0;
	char line[SP_POLICY_NAME_MAX + 64];

	for (; names != NULL && h->root_next < total && n < HANDLE_ROOT_NAMES; h->root_next++) {
		const struct sp_policy_connection *c = sp_policy_image_connection(image, h->root_next);

		if (!sp_sftp_may_reach(x->session, c))
			continue;
		(void)snprintf(
		    line, sizeof(line), "dr-xr-xr-x    1 root     root            0 Jan  1  1970 %s", c->name);
		(void)sp_buf_put_cstring(names, c->name);
		(void)sp_buf_put_cstring(names, line);
		(void)sp_buf_put(names, attrs, sizeof(attrs));
		n++;
	}
	if (names == NULL || sp_buf_error(names) != 0) {
		sp_sftp_status(x, q->id, SP_SFTP_FAILURE, "no memory");
	} else if (n == 0) {
		sp_sftp_status(x, q->id, SP_SFTP_EOF, "end of file");
	} else {
		parts[0] = sp_sftp_u32(n);
		parts[1] = sp_sftp_raw(sp_buf_data(names), sp_buf_len(names));
		sp_sftp_send(x, SP_SFTP_NAME, q->id, parts, 2);
	}
	sp_buf_free(names);
}

static void
root_request(struct sp_sftp *x, const struct sp_sftp_request *q, struct sp_sftp_handle *h)
{
	if (q->type == SP_SFTP_READDIR) {
		root_list(x, q, h);
	} else if (q->type == SP_SFTP_CLOSE) {
		sp_sftp_handle_free(x, h, NULL);
		sp_sftp_status(x, q->id, SP_SFTP_OK, "ok");
	} else {
		sp_sftp_status(x, q->id, SP_SFTP_FAILURE, "this directory only lists the hosts");
	}
}

/* --- requests ------------------------------------------------------------------------------------------------ */

/* What a request may be used on, and a refusal if it is not. */
static const char *
handle_problem(const struct sp_sftp_request *q, struct sp_sftp_handle *h)
{
	bool is_read = q->type == SP_SFTP_READ, is_write = q->type == SP_SFTP_WRITE;

	if (h->is_dir ? is_read || is_write : q->type == SP_SFTP_READDIR)
		return "this is not what was opened";
	if ((is_read && (h->words & SP_FILE_BIT(SP_FILE_READ)) == 0) ||
	    (is_write && (h->words & SP_FILE_BIT(SP_FILE_WRITE)) == 0))
		return "it was not opened for that";
	if (h->is_revoked && q->type != SP_SFTP_CLOSE)
		return "the policy has changed, and this is not allowed any more";
	if (q->type == SP_SFTP_FSETSTAT && h->is_emptied)
		return sp_file_scan_why(h->scan_up);
	if (is_write && h->is_cut)
		return "a part of it was refused before";
	if ((is_read || is_write) && sp_session_fault(h->target->x->session) != NULL) {
		h->has_failed = h->is_cut = true;
		return sp_session_fault(h->target->x->session);
	}
	if (q->type == SP_SFTP_EXTENDED && (h->target->extensions & (1u << q->extension)) == 0)
		return "the host's server does not offer this";
	return NULL;
}

static void
handle_forward(struct sp_sftp_op *op, const struct sp_sftp_request *q)
{
	const char *name = sp_sftp_extension_name(q->extension);
	struct sp_sftp_handle *h = op->handle;
	struct sp_sftp_part parts[4];
	uint32_t limit =
	    (h->target->extensions & (1u << SP_SFTP_EXT_LIMITS)) != 0 ? SP_SFTP_DATA_MAX : HANDLE_SMALL_READ;
	size_t n = 0;

	if (q->type == SP_SFTP_EXTENDED)
		parts[n++] = sp_sftp_string(name, strlen(name));
	parts[n++] = sp_sftp_string(h->theirs, h->ntheirs);
	if (q->type == SP_SFTP_READ) {
		op->length = q->length < limit ? q->length : limit;
		parts[n++] = sp_sftp_u64(q->offset);
		parts[n++] = sp_sftp_u32(op->length);
	} else if (q->type == SP_SFTP_WRITE) {
		sp_sftp_flow_add(h, SP_FILE_UPLOAD, q->offset, q->data.data, q->data.len);
		parts[n++] = sp_sftp_u64(q->offset);
		parts[n++] = sp_sftp_string(q->data.data, q->data.len);
	} else if (q->type == SP_SFTP_CLOSE) {
		handle_measure(op->x, h);
		h->is_closing = true;
	}
	op->step = SP_SFTP_STEP_DO;
	sp_sftp_target_send(op, q->type, parts, n);
}

/*
 * What is sent of a file that is refused goes to its copy alone, to the end: that is told when the file is closed. The
 * host keeps nothing of it. False: there is no copy, so nothing more is taken.
 */
static bool
handle_is_swallowed(struct sp_sftp *x, struct sp_sftp_handle *h)
{
	if (!h->is_kept || !sp_file_copy_is_whole(h->copy))
		return false;
	if (!h->is_emptied && !handle_cut(x, h))
		return false;
	h->is_emptied = true;
	return true;
}

void
sp_sftp_handle_request(struct sp_sftp *x, const struct sp_sftp_request *q)
{
	struct sp_sftp_handle *h = sp_sftp_handle_find(x, q->handle);
	const char *problem;
	struct sp_sftp_op *op;

	if (h == NULL) {
		sp_sftp_status(x, q->id, SP_SFTP_FAILURE, "no such handle");
		return;
	}
	if (h->is_root) {
		root_request(x, q, h);
		return;
	}
	problem = handle_problem(q, h);
	if (problem != NULL) {
		sp_sftp_status(x, q->id, h->is_revoked ? SP_SFTP_PERMISSION_DENIED : SP_SFTP_FAILURE, problem);
		return;
	}
	if (q->type == SP_SFTP_WRITE)
		problem = sp_sftp_flow_look(h, SP_FILE_UPLOAD, q->offset, q->data.data, q->data.len);
	if (problem != NULL && handle_is_swallowed(x, h)) {
		sp_sftp_status(x, q->id, SP_SFTP_OK, "ok");
		return;
	}
	if (problem != NULL) {
		sp_sftp_status(x, q->id, SP_SFTP_PERMISSION_DENIED, problem);
		return;
	}
	if (h->is_masked && q->type == SP_SFTP_READ) {
		sp_sftp_spool_serve(x, q, h);
		return;
	}
	op = sp_sftp_op_new(x, q);
	if (op == NULL) {
		sp_sftp_status(x, q->id, SP_SFTP_FAILURE, "too much is under way");
		return;
	}
	op->target = h->target;
	op->handle = h;
	if (q->type == SP_SFTP_WRITE && h->is_to_cut && !handle_cut(x, h)) {
		h->has_failed = h->is_cut = true;
		sp_sftp_op_end(op, SP_SFTP_FAILURE, "no memory");
		return;
	}
	if (q->type != SP_SFTP_FSETSTAT) {
		handle_forward(op, q);
		return;
	}
	op->words = SP_FILE_BIT(SP_FILE_SETSTAT);
	op->npaths = 1;
	op->is_file = true;
	op->resolved[0] = strdup(h->path);
	op->attrs = malloc(q->attrs.raw.len);
	op->nattrs = q->attrs.raw.len;
	if (op->resolved[0] == NULL || op->attrs == NULL) {
		sp_sftp_op_end(op, SP_SFTP_FAILURE, "no memory");
		return;
	}
	memcpy(op->attrs, q->attrs.raw.data, op->nattrs);
	sp_sftp_op_describe(op, q);
	sp_sftp_op_gate(op);
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static bool
handle_names_are_good(const struct sp_sftp_answer *a)
{
	struct sp_view rest = a->names;
	struct sp_sftp_name n;

	while (sp_sftp_name_next(&rest, &n) == 0)
		if (n.name.len == 0 || n.name.len > 255 * 4 || memchr(n.name.data, 0, n.name.len) != NULL ||
		    memchr(n.name.data, '/', n.name.len) != NULL || memchr(n.longname.data, 0, n.longname.len) != NULL)
			return false;
	return true;
}

/* The size of what is masked is that of what the client gets. */
static void
handle_attrs(struct sp_sftp_op *op, const struct sp_sftp_answer *a)
{
	struct sp_sftp_attrs attrs = a->attrs;
	struct sp_buf *b = sp_buf_new(256);
	struct sp_sftp_part part;

	attrs.flags |= SP_SFTP_ATTR_SIZE;
	attrs.size = sp_buf_len(op->handle->spool);
	if (b == NULL || sp_sftp_put_attrs(b, &attrs) != 0) {
		sp_sftp_op_end(op, SP_SFTP_FAILURE, "no memory");
	} else {
		part = sp_sftp_raw(sp_buf_data(b), sp_buf_len(b));
		sp_sftp_send(op->x, SP_SFTP_ATTRS, op->id, &part, 1);
		sp_sftp_op_free(op);
	}
	sp_buf_free(b);
}

/* A client that has many writes under way may take the last answer to any of them for that to all: so CLOSE says it too. */
static const char *
handle_end(const struct sp_sftp_handle *h)
{
	if (h->is_revoked)
		return "the policy has changed";
	if (h->scan_up != NULL && sp_file_scan_why(h->scan_up)[0] != '\0')
		return sp_file_scan_why(h->scan_up);
	return h->is_cut ? "a part of it was refused, for it could not be done as policy wants it" : NULL;
}

static void
handle_status(struct sp_sftp_op *op, const struct sp_sftp_answer *a)
{
	uint32_t code = a->code <= SP_SFTP_OP_UNSUPPORTED ? a->code : SP_SFTP_FAILURE;
	bool is_end = op->type == SP_SFTP_READ && code == SP_SFTP_EOF;
	struct sp_sftp_handle *h = op->handle;

	if (is_end && op->length > 0)
		sp_sftp_flow_eof(h, op->offset);
	if ((op->type == SP_SFTP_READ || op->type == SP_SFTP_WRITE || op->type == SP_SFTP_EXTENDED) && code != SP_SFTP_OK &&
	    !is_end)
		h->has_failed = true;
	else if (op->type == SP_SFTP_FSETSTAT)
		sp_file_gate_result(op->target->gate, op->seq, sp_sftp_op_text(code));
	if (op->type == SP_SFTP_CLOSE) {
		char why[SP_FILE_SCAN_WHY_MAX] = "";

		if (handle_end(h) != NULL)
			(void)snprintf(why, sizeof(why), "%s", handle_end(h));
		if (code != SP_SFTP_OK)
			h->has_failed = true;
		sp_sftp_handle_free(op->x, h, NULL);
		if (why[0] != '\0') {
			sp_sftp_op_end(op, SP_SFTP_PERMISSION_DENIED, why);
			return;
		}
	}
	sp_sftp_op_end(op, (enum sp_sftp_code)code, sp_sftp_op_text(code));
}

/* The answer to what the client has not asked. */
static void
handle_ours(struct sp_sftp_op *op, const struct sp_sftp_answer *a)
{
	struct sp_sftp_handle *h = op->handle;

	if (h == NULL)
		return;
	if (op->type == SP_SFTP_FSETSTAT && (a->type != SP_SFTP_STATUS || a->code != SP_SFTP_OK))
		h->has_failed = h->is_cut = true;
	if (op->type == SP_SFTP_FSTAT && a->type == SP_SFTP_ATTRS && (a->attrs.flags & SP_SFTP_ATTR_SIZE) != 0 &&
	    a->attrs.size <= h->down.next)
		h->is_at_end = true;
}

void
sp_sftp_handle_answer(struct sp_sftp_op *op, const struct sp_sftp_answer *a, struct sp_view packet)
{
	struct sp_sftp_part body = sp_sftp_raw(packet.data + 5, packet.len - 5);
	const char *problem = NULL;

	if (op->is_ours) {
		handle_ours(op, a);
		sp_sftp_op_free(op);
	} else if (op->handle == NULL) {
		sp_sftp_op_end(op, SP_SFTP_FAILURE, "this was closed meanwhile");
	} else if (op->step == SP_SFTP_STEP_SPOOL) {
		sp_sftp_spool_answer(op, a);
	} else if (a->type == SP_SFTP_STATUS) {
		handle_status(op, a);
	} else if (a->type == SP_SFTP_ATTRS && op->type == SP_SFTP_FSTAT && op->handle->is_masked) {
		handle_attrs(op, a);
	} else if ((a->type == SP_SFTP_DATA && op->type == SP_SFTP_READ && a->data.len <= op->length &&
		       (a->data.len > 0 || op->length == 0)) ||
		   (a->type == SP_SFTP_ATTRS && op->type == SP_SFTP_FSTAT) ||
		   (a->type == SP_SFTP_NAME && op->type == SP_SFTP_READDIR && handle_names_are_good(a)) ||
		   (a->type == SP_SFTP_EXTENDED_REPLY && op->extension == SP_SFTP_EXT_FSTATVFS && a->data.len <= 128)) {
		if (a->type == SP_SFTP_DATA && sp_session_fault(op->x->session) != NULL) {
			op->handle->has_failed = true;
			sp_sftp_op_end(op, SP_SFTP_FAILURE, sp_session_fault(op->x->session));
			return;
		}
		if (a->type == SP_SFTP_DATA && !op->handle->is_revoked)
			problem = sp_sftp_flow_look(op->handle, SP_FILE_DOWNLOAD, op->offset, a->data.data, a->data.len);
		if (problem != NULL) {
			sp_sftp_op_end(op, SP_SFTP_PERMISSION_DENIED, problem);
			return;
		}
		if (a->type == SP_SFTP_DATA && !op->handle->is_revoked) {
			sp_sftp_flow_add(op->handle, SP_FILE_DOWNLOAD, op->offset, a->data.data, a->data.len);
			op->handle->down.is_short = a->data.len < op->length;
		}
		if (op->handle->is_revoked)
			sp_sftp_status(op->x, op->id, SP_SFTP_PERMISSION_DENIED, "the policy has changed");
		else
			sp_sftp_send(op->x, a->type, op->id, &body, 1);
		sp_sftp_op_free(op);
	} else {
		sp_sftp_target_over(op->target, "the host's server has answered what was not asked");
	}
}

void
sp_sftp_handle_policy(struct sp_sftp *x)
{
	for (unsigned i = 0; i < SP_SFTP_HANDLES_MAX; i++) {
		struct sp_sftp_handle *h = &x->handles[i];

		if (!h->is_used || h->is_root || h->is_revoked)
			continue;
		if (h->path == NULL)
			h->is_old = true;
		else
			handle_look(h);
	}
}
