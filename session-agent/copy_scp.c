/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scp's protocol with us in the middle. What the person sends waits until it is decided: the host hears of nothing
 * before that, and its scp is not even started before the first file is allowed. What the host sends is decided in the
 * same way before the person hears of it.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "lib/ipc.h"
#include "session-agent/copy_proxy.h"
#include "session-agent/file_scan.h"

static const char *
scp_op(const struct sp_copy *c)
{
	return c->words.is_upload ? "scp -t" : "scp -f";
}

/* --- record -------------------------------------------------------------------------------------------------- */

static void
entry_forget(struct sp_copy_entry *e)
{
	sp_file_scan_free(e->scan);
	sp_file_copy_free(e->copy);
	e->scan = NULL;
	e->copy = NULL;
}

/* The file is over: what moved, and why it is not all if it is not. */
static void
entry_close(struct sp_copy *c, const char *incomplete)
{
	struct sp_copy_entry *e = &c->entry;
	uint8_t digest[32];
	char both[2 * SP_SCP_PATH_MAX + 8];
	struct sp_file_transfer t = { .seq = e->seq, .path = e->paths[0], .size = e->size, .bytes = e->bytes,
		.direction = c->words.is_upload ? SP_FILE_UPLOAD : SP_FILE_DOWNLOAD, .incomplete = incomplete };

	if (!e->is_open)
		return;
	e->is_open = false;
	if (e->hash != NULL && EVP_DigestFinal_ex(e->hash, digest, NULL) == 1)
		t.sha256 = digest;
	EVP_MD_CTX_free(e->hash);
	e->hash = NULL;
	if (e->n_paths > 1) {
		(void)snprintf(both, sizeof(both), "%s or %s", e->paths[0], e->paths[1]);
		t.path = both;
	}
	t.duration_ns = (uint64_t)(sp_ipc_now_ms() - e->began_ms) * 1000000U;
	t.scan = e->scan;
	sp_file_gate_transfer(c->gate, &t);
	sp_file_gate_keep(c->gate, e->copy, &t, false);
	entry_forget(e);
}

static void
entry_result(struct sp_copy *c, const char *status)
{
	if (c->entry.is_asked)
		sp_file_gate_result(c->gate, c->entry.seq, status);
	c->entry.is_asked = false;
}

/* Before it is allowed: what its contents will be looked at for. False: it must not be. */
static bool
entry_scan(struct sp_copy *c, const struct sp_file_answer *answer)
{
	entry_forget(&c->entry);
	if (answer->copy != NULL) {
		c->entry.copy = *answer->copy;
		*answer->copy = NULL;
	}
	return sp_file_scan_new(answer->decision, &c->entry.scan) == 0 &&
	       (c->entry.copy != NULL || !sp_file_scan_keeps(answer->decision));
}

/* Whether the next bytes may pass; what must not is in the copy too, if it is for what is in it. */
static bool
entry_look(struct sp_copy_entry *e, const struct sp_view *data)
{
	char text[SP_FILE_SCAN_WHY_MAX];
	int r = sp_file_scan_feed(e->scan, e->bytes, data->data, data->len);

	if (e->copy == NULL || (r != 0 && !sp_file_scan_is_match(e->scan)))
		return r == 0;
	if (sp_file_copy_add(e->copy, e->bytes, data->data, data->len) != 0)
		sp_file_scan_refuse(e->scan, "refused: a copy of it would have to be kept, and it cannot be");
	if (r != 0) {
		(void)snprintf(text, sizeof(text), "; to be kept for reviewers as %s", sp_file_copy_id(e->copy));
		sp_file_scan_add(e->scan, text);
	}
	return sp_file_scan_why(e->scan)[0] == '\0';
}

/* What passes now. False: it must not, and the copy is over. */
static bool
entry_data(struct sp_copy *c, const struct sp_scp_event *ev)
{
	struct sp_copy_entry *e = &c->entry;

	if (!entry_look(e, &ev->data)) {
		char why[SP_FILE_SCAN_WHY_MAX];

		(void)snprintf(why, sizeof(why), "%s", sp_file_scan_why(e->scan));
		entry_close(c, why);
		entry_result(c, why);
		sp_copy_fail(c, SP_COPY_REFUSED, why);
		return false;
	}
	e->bytes += ev->data.len;
	if (EVP_DigestUpdate(e->hash, ev->data.data, ev->data.len) == 1 && sp_scp_pass(c->scp) == 0)
		return true;
	sp_copy_fail(c, SP_COPY_REFUSED, "no memory");
	return false;
}

static void
entry_over(struct sp_copy *c, const struct sp_scp_event *ev)
{
	bool is_host = ev->is_source != c->words.is_upload;
	const char *why = NULL;

	if (ev->status != SP_SCP_OK)
		why = is_host ? "the host's scp reported an error" : "the person's scp reported an error";
	entry_close(c, why);
	entry_result(c, why != NULL ? why : "ok");
}

static bool
entry_open(struct sp_copy *c)
{
	struct sp_copy_entry *e = &c->entry;

	e->bytes = 0;
	e->began_ms = sp_ipc_now_ms();
	e->hash = EVP_MD_CTX_new();
	e->is_open = true;
	return e->hash != NULL && EVP_DigestInit_ex(e->hash, EVP_sha256(), NULL) == 1;
}

/* --- decisions ------------------------------------------------------------------------------------------------ */

static struct sp_file_ask
entry_ask(const struct sp_copy *c)
{
	const struct sp_copy_entry *e = &c->entry;
	struct sp_file_ask ask = { .op = scp_op(c), .words = e->words, .path = e->paths[0],
		.path2 = e->n_paths > 1 ? e->paths[1] : NULL, .size = e->size, .is_advisory = true,
		.details = e->n_paths > 1 ? "one of the two" : NULL };

	return ask;
}

static void
entry_refuse(struct sp_copy *c, const char *message)
{
	char text[SP_COPY_TEXT_MAX + 1];

	c->refused++;
	(void)snprintf(text, sizeof(text), "sallyport: %s: %s", c->name, message);
	sp_scp_refuse(c->scp, text);
}

static void
entry_answered(struct sp_copy *c, const struct sp_file_answer *answer)
{
	c->entry.is_asked = answer->is_allowed;
	if (!answer->is_allowed) {
		entry_refuse(c, answer->message);
		return;
	}
	c->entry.seq = answer->seq;
	c->entry.is_approved = answer->is_approved;
	if (!c->words.is_upload && answer->decision->nmasks > 0) {
		entry_result(c, "refused: masked content");
		entry_refuse(c, "what is read there is masked, which scp -O cannot be: use scp without -O");
		return;
	}
	if (!entry_scan(c, answer)) {
		entry_result(c, "refused: no memory");
		entry_refuse(c, "no memory");
		return;
	}
	sp_scp_allow(c->scp);
	if (!c->is_started)
		sp_copy_start(c, answer->seq);
}

static void
on_entry_answer(const struct sp_file_answer *answer, void *ctx)
{
	struct sp_copy *c = ctx;

	c->request = NULL;
	if (c->is_done)
		return;
	entry_answered(c, answer);
	sp_copy_run(c);
}

static void
entry_decide(struct sp_copy *c, const struct sp_scp_event *ev)
{
	struct sp_copy_entry *e = &c->entry;
	struct sp_file_answer answer;
	struct sp_file_ask ask;
	uint32_t words = ev->is_directory ? SP_FILE_BIT(SP_FILE_LIST) : SP_FILE_BIT(SP_FILE_READ);
	int r;

	if (c->words.is_upload) {
		words = ev->is_directory ? SP_FILE_BIT(SP_FILE_MKDIR) :
					   SP_FILE_BIT(SP_FILE_WRITE) | SP_FILE_BIT(SP_FILE_CREATE);
		words |= ev->has_times ? SP_FILE_BIT(SP_FILE_SETSTAT) : 0;
	}
	e->size = ev->is_directory ? SP_FILE_GATE_NO_SIZE : ev->size;
	if (e->is_asked && e->words == words && strcmp(e->paths[0], ev->paths[0]) == 0) {
		sp_scp_allow(c->scp); /* what the host was asked for, decided before it was */
		return;
	}
	entry_result(c, "ok");
	e->words = words;
	e->n_paths = ev->n_paths;
	for (size_t i = 0; i < ev->n_paths; i++)
		(void)snprintf(e->paths[i], sizeof(e->paths[i]), "%s", ev->paths[i]);
	ask = entry_ask(c);
	r = sp_file_gate_ask(c->gate, &ask, on_entry_answer, c, &answer, &c->request);
	if (r == 0 || r == SP_ERR_DENIED)
		entry_answered(c, &answer);
}

/* --- the protocol ------------------------------------------------------------------------------------------------ */

/* Both sides' words pass here on their way to the other. */
static const char *
on_said(void *ctx, bool is_source, const char *text)
{
	static char out[SP_COPY_TEXT_MAX + 1];
	struct sp_copy *c = ctx;

	sp_copy_said(c, is_source != c->words.is_upload, text, out);
	return out;
}

static void
scp_event(struct sp_copy *c, const struct sp_scp_event *ev)
{
	switch (ev->type) {
	case SP_SCP_ENTRY:
		entry_decide(c, ev);
		break;
	case SP_SCP_OPENED:
		if (ev->is_directory)
			entry_result(c, "ok");
		else if (!entry_open(c))
			sp_copy_fail(c, SP_COPY_REFUSED, "no memory");
		break;
	case SP_SCP_DATA:
		(void)entry_data(c, ev);
		break;
	case SP_SCP_CLOSED:
		entry_over(c, ev);
		break;
	}
}

/* The host's scp says that it is there; the person has had that from us. An error stays: it answers the first file. */
static void
scp_take_start(struct sp_copy *c)
{
	struct sp_buf *in = c->pump.down.in;

	if (!c->owes_start || !c->is_started || sp_buf_len(in) == 0)
		return;
	c->owes_start = false;
	if (sp_buf_data(in)[0] == SP_SCP_OK && sp_buf_consume(in, 1) != 0)
		c->owes_start = true;
}

/* Who has ended, and what follows from that. Nothing that is left can be moved on. */
static void
scp_ends(struct sp_copy *c, bool is_closed)
{
	struct sp_copy_pump *p = &c->pump;

	if (p->down.is_deaf) {
		sp_copy_finish(c, SP_COPY_REFUSED);
		return;
	}
	if (is_closed || (p->up.has_ended && c->request == NULL))
		sp_copy_pump_hush(p);
	if (!c->is_started && c->request == NULL && (is_closed || p->up.has_ended) && sp_buf_len(p->down.out) == 0)
		sp_copy_finish(c, c->refused > 0 || is_closed ? SP_COPY_REFUSED : 0);
	else if (c->is_over && sp_copy_pump_is_drained(p))
		sp_copy_finish(c, c->status == 0 && (c->refused > 0 || !sp_scp_is_done(c->scp)) ? SP_COPY_REFUSED : c->status);
}

void
sp_copy_scp_run(struct sp_copy *c)
{
	struct sp_scp_event ev;
	int r = 0;

	scp_take_start(c);
	while (r == 0 && !c->is_done && (r = sp_scp_run(c->scp, &ev)) == 0)
		scp_event(c, &ev);
	if (c->is_done)
		return;
	if (r != SP_ERR_AGAIN && r != SP_ERR_CLOSED) {
		sp_file_gate_refuse(c->gate, scp_op(c), c->words.paths[0], sp_scp_problem(c->scp));
		sp_copy_fail(c, SP_COPY_REFUSED, sp_scp_problem(c->scp));
		return;
	}
	sp_copy_pump_go(&c->pump);
	scp_ends(c, r == SP_ERR_CLOSED);
}

bool
sp_copy_scp_may(struct sp_copy *c)
{
	struct sp_file_ask ask = entry_ask(c);

	if (!c->entry.is_asked)
		return true;
	return sp_file_gate_look(c->gate, &ask, c->entry.is_approved) &&
	    sp_file_gate_is_scanned_so(c->gate, &ask, c->entry.scan);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void
first_answered(struct sp_copy *c, const struct sp_file_answer *answer)
{
	if (!answer->is_allowed) {
		sp_copy_fail(c, SP_COPY_REFUSED, answer->message);
		return;
	}
	c->entry.is_asked = true;
	c->entry.seq = answer->seq;
	c->entry.is_approved = answer->is_approved;
	if (answer->decision->nmasks > 0) {
		entry_result(c, "refused: masked content");
		sp_copy_fail(c, SP_COPY_REFUSED, "what is read there is masked, which scp -O cannot be: use scp without -O");
		return;
	}
	if (!entry_scan(c, answer))
		sp_copy_fail(c, SP_COPY_REFUSED, "no memory");
	else
		sp_copy_start(c, answer->seq);
}

static void
on_first_answer(const struct sp_file_answer *answer, void *ctx)
{
	struct sp_copy *c = ctx;

	c->request = NULL;
	if (!c->is_done)
		first_answered(c, answer);
}

/* What the person wants is known before the host is reached: a file, or with -r a directory. */
static void
first_decide(struct sp_copy *c)
{
	struct sp_copy_entry *e = &c->entry;
	struct sp_file_answer answer;
	struct sp_file_ask ask;
	int r;

	e->words = c->words.scp.is_recursive ? SP_FILE_BIT(SP_FILE_LIST) : SP_FILE_BIT(SP_FILE_READ);
	e->n_paths = 1;
	e->size = SP_FILE_GATE_NO_SIZE;
	sp_copy_words_path(c->words.paths[0], e->paths[0]);
	ask = entry_ask(c);
	r = sp_file_gate_ask(c->gate, &ask, on_first_answer, c, &answer, &c->request);
	if (r == 0 || r == SP_ERR_DENIED)
		first_answered(c, &answer);
}

int
sp_copy_scp_begin(struct sp_copy *c)
{
	struct sp_copy_way *up = &c->pump.up, *down = &c->pump.down;
	struct sp_scp_wire to_host = { up->in, down->in, down->out, up->out, on_said, c };
	struct sp_scp_wire to_person = { down->in, up->in, up->out, down->out, on_said, c };
	int r;

	r = sp_scp_new(&c->words.scp, c->words.paths[0], c->words.is_upload ? &to_host : &to_person, &c->scp);
	if (r == SP_ERR_INVALID) {
		sp_copy_fail(c, SP_COPY_REFUSED, "the whole host cannot be copied by scp -O: name a directory");
		return 0;
	}
	if (r != 0)
		return r;
	if (!c->words.is_upload) {
		first_decide(c);
		return 0;
	}
	c->owes_start = true;
	r = sp_buf_put(down->in, "", 1);
	if (r == 0)
		sp_copy_run(c);
	return r;
}

void
sp_copy_scp_end(struct sp_copy *c)
{
	entry_close(c, c->is_over ? "scp ended before the file did" : "the session ended");
	entry_result(c, "nothing came of it");
	EVP_MD_CTX_free(c->entry.hash);
	c->entry.hash = NULL;
	entry_forget(&c->entry);
	sp_scp_free(c->scp);
	c->scp = NULL;
}
