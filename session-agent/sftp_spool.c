/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are masked: fetched as a whole, masked, and only then given to the client, since its sizes and offsets are
 * those of the masked text.
 */
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "session-agent/sftp_proxy.h"

static const char spool_masked[] = "its text is masked here, and it is longer than what can be masked, or no text";

void
sp_sftp_spool_read(struct sp_sftp_op *op)
{
	struct sp_sftp_handle *h = op->handle;
	struct sp_sftp_part parts[] = {
	    sp_sftp_string(h->theirs, h->ntheirs), sp_sftp_u64(h->spooled), sp_sftp_u32(SP_SFTP_SPOOL_READ)};

	op->step = SP_SFTP_STEP_SPOOL;
	sp_sftp_target_send(op, SP_SFTP_READ, parts, 3);
}

static void
spool_refuse(struct sp_sftp_op *op)
{
	struct sp_sftp_handle *h = op->handle;

	sp_sftp_handle_shut(op, h);
	sp_file_gate_result(op->target->gate, op->seq, spool_masked);
	sp_sftp_handle_free(op->x, h, NULL);
	sp_sftp_op_end(op, SP_SFTP_PERMISSION_DENIED, spool_masked);
}

static void
spool_end(struct sp_sftp_op *op)
{
	struct sp_sftp_handle *h = op->handle;
	struct sp_buf *counts = sp_buf_new(sizeof(h->masked_json) - 1);
	const uint8_t *p;
	size_t n;

	if (counts == NULL || sp_sieve_stream_finish(h->stream, h->spool) != 0 ||
	    sp_sieve_stream_counts(h->stream, counts) != 0) {
		sp_buf_free(counts);
		spool_refuse(op);
		return;
	}
	(void)snprintf(h->masked_json, sizeof(h->masked_json), "%.*s", (int)sp_buf_len(counts),
	    sp_buf_len(counts) > 0 ? (const char *)sp_buf_data(counts) : "");
	sp_buf_free(counts);
	p = sp_buf_data(h->spool);
	n = sp_buf_len(h->spool);
	if (n > 0 && (!sp_text_is_utf8(p, n) || memchr(p, 0, n) != NULL)) {
		spool_refuse(op);
		return;
	}
	h->is_masked = true;
	sp_sftp_handle_give(op->x, op->id, h);
	sp_sftp_op_free(op);
}

void
sp_sftp_spool_answer(struct sp_sftp_op *op, const struct sp_sftp_answer *a)
{
	struct sp_sftp_handle *h = op->handle;

	if (a->type == SP_SFTP_DATA && a->data.len > 0 && a->data.len <= SP_SFTP_SPOOL_READ) {
		h->spooled += a->data.len;
		if (h->spooled > SP_SFTP_SPOOL_MAX || memchr(a->data.data, 0, a->data.len) != NULL ||
		    sp_sieve_stream_feed(h->stream, a->data.data, a->data.len, h->spool) != 0)
			spool_refuse(op);
		else
			sp_sftp_spool_read(op);
	} else if (a->type == SP_SFTP_STATUS && a->code == SP_SFTP_EOF) {
		spool_end(op);
	} else {
		spool_refuse(op);
	}
}

void
sp_sftp_spool_serve(struct sp_sftp *x, const struct sp_sftp_request *q, struct sp_sftp_handle *h)
{
	size_t n = sp_buf_len(h->spool), len = q->length < SP_SFTP_DATA_MAX ? q->length : SP_SFTP_DATA_MAX;
	struct sp_sftp_part part;
	const char *problem;

	if (q->offset >= n) {
		sp_sftp_flow_eof(h, n);
		sp_sftp_status(x, q->id, SP_SFTP_EOF, "end of file");
		return;
	}
	if (len > n - q->offset)
		len = (size_t)(n - q->offset);
	problem = sp_sftp_flow_look(h, SP_FILE_DOWNLOAD, q->offset, sp_buf_data(h->spool) + q->offset, len);
	if (problem != NULL) {
		sp_sftp_status(x, q->id, SP_SFTP_PERMISSION_DENIED, problem);
		return;
	}
	sp_sftp_flow_add(h, SP_FILE_DOWNLOAD, q->offset, sp_buf_data(h->spool) + q->offset, len);
	part = sp_sftp_string(sp_buf_data(h->spool) + q->offset, len);
	sp_sftp_send(x, SP_SFTP_DATA, q->id, &part, 1);
}
