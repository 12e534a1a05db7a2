/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of open files, both ways: this is where they pass, and where it is kept what has passed for the record. */
#include <stdio.h>

#include "lib/ipc.h"
#include "session-agent/file_scan.h"
#include "session-agent/sftp_proxy.h"

#define FLOW_SHUFFLED "its bytes did not move in order, so it is not known whether they were all"

/* What may pass is copied, and what must not for what is in it. DENIED: it must not, or there can be no copy of it. */
static int
flow_copy(struct sp_sftp_handle *h, struct sp_file_scan *scan, uint64_t offset, const void *p, size_t n)
{
	char text[SP_FILE_SCAN_WHY_MAX];

	if (sp_file_scan_why(scan)[0] != '\0' && !sp_file_scan_is_match(scan))
		return SP_ERR_DENIED;
	if (sp_file_copy_add(h->copy, offset, p, n) != 0)
		sp_file_scan_refuse(scan, "refused: a copy of it would have to be kept, and it cannot be");
	if (sp_file_scan_why(scan)[0] == '\0')
		return 0;
	if (sp_file_scan_is_match(scan) && !h->is_kept) {
		h->is_kept = true;
		(void)snprintf(text, sizeof(text), "; to be kept for reviewers as %s", sp_file_copy_id(h->copy));
		sp_file_scan_add(scan, text);
	}
	return SP_ERR_DENIED;
}

const char *
sp_sftp_flow_look(struct sp_sftp_handle *h, enum sp_file_direction direction, uint64_t offset, const void *p, size_t n)
{
	struct sp_file_scan *scan = direction == SP_FILE_UPLOAD ? h->scan_up : h->scan_down;

	int r = sp_file_scan_feed(scan, offset, p, n);

	if (h->copy != NULL)
		r = flow_copy(h, scan, offset, p, n);
	if (r == 0)
		return NULL;
	sp_sftp_flow_add(h, direction, offset, "", 0); /* it is on record, though nothing of it may have passed */
	h->has_failed = true;
	return sp_file_scan_why(scan);
}

void
sp_sftp_flow_add(struct sp_sftp_handle *h, enum sp_file_direction direction, uint64_t offset, const void *p, size_t n)
{
	struct sp_sftp_flow *f = direction == SP_FILE_UPLOAD ? &h->up : &h->down;

	if (!f->is_begun) {
		f->is_begun = true;
		f->offset = f->next = offset;
		f->md = EVP_MD_CTX_new();
		if (f->md == NULL || EVP_DigestInit_ex(f->md, EVP_sha256(), NULL) != 1)
			f->is_shuffled = true;
	}
	if (offset != f->next)
		f->is_shuffled = true;
	f->next = offset + n;
	f->bytes += n;
	if (!f->is_shuffled && EVP_DigestUpdate(f->md, p, n) != 1)
		f->is_shuffled = true;
}

/* Its end was read if nothing lies between that and what has passed. */
void
sp_sftp_flow_eof(struct sp_sftp_handle *h, uint64_t offset)
{
	const struct sp_sftp_flow *f = &h->down;

	if (f->is_begun ? offset <= f->next || f->is_short : offset == 0)
		h->is_at_end = true;
}

/* Why it is not complete; NULL: it is, as far as can be seen. */
static const char *
flow_problem(const struct sp_sftp_handle *h, const struct sp_sftp_flow *f, const char *why)
{
	const struct sp_file_scan *scan = f == &h->up ? h->scan_up : h->scan_down;

	if (scan != NULL && sp_file_scan_why(scan)[0] != '\0')
		return sp_file_scan_why(scan);
	if (why != NULL)
		return why;
	if (h->has_failed)
		return "a part of it has failed";
	if (f == &h->down && !h->is_at_end)
		return "closed before its end was read";
	return f->is_shuffled ? FLOW_SHUFFLED : NULL;
}

static void
flow_record(struct sp_sftp_handle *h, struct sp_sftp_flow *f, const char *why)
{
	struct sp_file_transfer t = { .seq = h->seq,
	    .path = h->path,
	    .offset = f->offset,
	    .bytes = f->bytes,
	    .direction = f == &h->up ? SP_FILE_UPLOAD : SP_FILE_DOWNLOAD,
	    .size = SP_FILE_GATE_NO_SIZE,
	    .incomplete = flow_problem(h, f, why),
	    .duration_ns = (uint64_t)(sp_ipc_now_ms() - h->began_ms) * 1000000U};
	uint8_t digest[32];

	if (!f->is_shuffled && EVP_DigestFinal_ex(f->md, digest, NULL) == 1)
		t.sha256 = digest;
	t.scan = f == &h->up ? h->scan_up : h->scan_down;
	if (f == &h->down && h->masked_json[0] != '\0')
		t.masked_json = h->masked_json;
	sp_file_gate_transfer(h->target->gate, &t);
	sp_file_gate_keep(h->target->gate, h->copy, &t, f == &h->up && why == NULL);
}

void
sp_sftp_flow_end(struct sp_sftp_handle *h, const char *why)
{
	bool can_write = (h->words & SP_FILE_BIT(SP_FILE_WRITE)) != 0;

	/* An empty file has been sent or fetched too. */
	if (h->path != NULL && h->ntheirs > 0 && !h->is_dir && !h->up.is_begun && !h->down.is_begun &&
	    (can_write || h->is_at_end))
		sp_sftp_flow_add(h, can_write ? SP_FILE_UPLOAD : SP_FILE_DOWNLOAD, 0, "", 0);
	if (h->path != NULL && h->down.is_begun)
		flow_record(h, &h->down, why);
	if (h->path != NULL && h->up.is_begun)
		flow_record(h, &h->up, why);
	EVP_MD_CTX_free(h->down.md);
	EVP_MD_CTX_free(h->up.md);
	h->down = h->up = (struct sp_sftp_flow){ 0 };
}
