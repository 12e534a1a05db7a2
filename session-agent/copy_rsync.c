/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rsync may do is decided before it starts, for each path it names and all beneath; what then goes on between the
 * two rsyncs is passed on as it is, and counted.
 */
#include <stdio.h>
#include <string.h>

#include "lib/ipc.h"
#include "session-agent/copy_proxy.h"

#define RSYNC_OP "rsync"

/* What the host's rsync does to a tree, in the words of policy. */
static uint32_t
rsync_words(const struct sp_rsync_request *q)
{
	uint32_t words;

	if (q->is_sender) {
		words = SP_FILE_BIT(SP_FILE_READ) | SP_FILE_BIT(SP_FILE_LIST) | SP_FILE_BIT(SP_FILE_STAT);
		return (q->effects & SP_RSYNC_TAKES) != 0 ? words | SP_FILE_BIT(SP_FILE_REMOVE) : words;
	}
	words = SP_FILE_BIT(SP_FILE_WRITE) | SP_FILE_BIT(SP_FILE_CREATE) | SP_FILE_BIT(SP_FILE_MKDIR);
	if ((q->effects & SP_RSYNC_DELETES) != 0)
		words |= SP_FILE_BIT(SP_FILE_REMOVE) | SP_FILE_BIT(SP_FILE_RMDIR);
	if ((q->effects & SP_RSYNC_LINKS) != 0)
		words |= SP_FILE_BIT(SP_FILE_SYMLINK);
	if ((q->effects & SP_RSYNC_SETS) != 0)
		words |= SP_FILE_BIT(SP_FILE_SETSTAT);
	/* A file's bytes under another name can be read by that one: so the right to read it is needed as well. */
	if ((q->effects & SP_RSYNC_BACKUPS) != 0)
		words |= SP_FILE_BIT(SP_FILE_RENAME) | SP_FILE_BIT(SP_FILE_READ);
	if ((q->effects & SP_RSYNC_HARD) != 0)
		words |= SP_FILE_BIT(SP_FILE_LINK) | SP_FILE_BIT(SP_FILE_READ);
	if ((q->effects & SP_RSYNC_BASES) != 0)
		words |= SP_FILE_BIT(SP_FILE_READ);
	return words;
}

/* path: room for it. */
static struct sp_file_ask
rsync_ask(const struct sp_copy *c, size_t i, char path[SP_SCP_PATH_MAX])
{
	struct sp_file_ask ask = { .op = RSYNC_OP, .words = rsync_words(&c->words.rsync), .size = SP_FILE_GATE_NO_SIZE,
		.is_advisory = true, .is_tree = true };

	sp_copy_words_path(c->words.paths[i], path);
	ask.path = path;
	return ask;
}

/* The words of the command, for approver and record. */
static int
rsync_details(const struct sp_copy *c, struct sp_buf *out)
{
	const struct sp_rsync_request *q = &c->words.rsync;

	sp_buf_putf(out, "%s", q->is_sender ? "from the host" : "to the host");
	for (size_t i = 0; i < q->n_words; i++)
		sp_buf_putf(out, " %s", q->words[i]);
	sp_buf_put(out, "", 1);
	return sp_buf_error(out);
}

static void rsync_next(struct sp_copy *c);

static void
rsync_answered(struct sp_copy *c, const struct sp_file_answer *answer)
{
	if (!answer->is_allowed) {
		sp_copy_fail(c, SP_COPY_REFUSED, answer->message);
		return;
	}
	c->seqs[c->asked] = answer->seq;
	c->approved[c->asked++] = answer->is_approved;
	if (answer->decision->nmasks > 0) {
		sp_file_gate_result(c->gate, answer->seq, "refused: masked content");
		sp_copy_fail(c, SP_COPY_REFUSED, "what is read there is masked, which rsync's stream cannot be: use sftp");
		return;
	}
	if (answer->decision->nscans > 0) {
		sp_file_gate_result(c->gate, answer->seq, "refused: contents to be scanned");
		sp_copy_fail(c, SP_COPY_REFUSED, "files there are scanned, which rsync's stream cannot be: use sftp or scp");
		return;
	}
	rsync_next(c);
}

static void
on_answer(const struct sp_file_answer *answer, void *ctx)
{
	struct sp_copy *c = ctx;

	c->request = NULL;
	if (!c->is_done)
		rsync_answered(c, answer);
}

/* Asks for the next path; starts after the last. */
static void
rsync_next(struct sp_copy *c)
{
	struct sp_buf *details;
	struct sp_file_answer answer;
	struct sp_file_ask ask;
	char path[SP_SCP_PATH_MAX];
	int r = SP_ERR_NOMEM;

	if (c->asked == c->words.n_paths) {
		sp_copy_start(c, c->seqs[0]);
		return;
	}
	ask = rsync_ask(c, c->asked, path);
	details = sp_buf_new(0);
	if (details == NULL || rsync_details(c, details) != 0) {
		sp_copy_fail(c, SP_COPY_REFUSED, "no memory");
	} else {
		ask.details = (const char *)sp_buf_data(details);
		r = sp_file_gate_ask(c->gate, &ask, on_answer, c, &answer, &c->request);
	}
	sp_buf_free(details);
	if (r == 0 || r == SP_ERR_DENIED)
		rsync_answered(c, &answer);
}

int
sp_copy_rsync_begin(struct sp_copy *c)
{
	c->began_ms = sp_ipc_now_ms();
	rsync_next(c);
	sp_copy_run(c);
	return 0;
}

/* All that fits, one way. */
static void
rsync_move(struct sp_copy_way *w)
{
	size_t n = sp_buf_len(w->in), room = sp_buf_room(w->out);

	if (w->is_deaf)
		room = n; /* nobody will read it */
	n = n < room ? n : room;
	if (n > 0 && (w->is_deaf || sp_buf_put(w->out, sp_buf_data(w->in), n) == 0) && sp_buf_consume(w->in, n) != 0)
		w->has_ended = true;
}

void
sp_copy_rsync_run(struct sp_copy *c)
{
	if (!c->is_started) {
		sp_copy_pump_go(&c->pump); /* what the person sends waits */
		return;
	}
	rsync_move(&c->pump.up);
	rsync_move(&c->pump.down);
	sp_copy_pump_go(&c->pump);
	if (c->pump.up.has_ended && sp_buf_len(c->pump.up.in) == 0)
		sp_copy_pump_hush(&c->pump);
	if (c->is_over && sp_copy_pump_is_drained(&c->pump) && (sp_buf_len(c->pump.down.in) == 0 || c->pump.down.is_deaf))
		sp_copy_finish(c, c->status);
}

bool
sp_copy_rsync_may(struct sp_copy *c)
{
	char path[SP_SCP_PATH_MAX];
	bool may = true;

	for (size_t i = 0; may && i < c->asked; i++) {
		struct sp_file_ask ask = rsync_ask(c, i, path);

		may = sp_file_gate_look(c->gate, &ask, c->approved[i]);
	}
	return may;
}

/* One record for what has moved, under the first path: the stream does not say of which it was. */
void
sp_copy_rsync_end(struct sp_copy *c)
{
	char path[SP_SCP_PATH_MAX], why[64];
	struct sp_file_transfer t = { .seq = c->seqs[0], .path = path, .size = SP_FILE_GATE_NO_SIZE,
		.direction = c->words.is_upload ? SP_FILE_UPLOAD : SP_FILE_DOWNLOAD };

	if (!c->is_started)
		return;
	sp_copy_words_path(c->words.paths[0], path);
	t.bytes = c->words.is_upload ? c->pump.up.bytes : c->pump.down.bytes;
	t.duration_ns = (uint64_t)(sp_ipc_now_ms() - c->began_ms) * 1000000U;
	if (!c->is_over)
		t.incomplete = "the session ended";
	else if (c->status != 0) {
		(void)snprintf(why, sizeof(why), "rsync ended with status %d", c->status);
		t.incomplete = why;
	}
	sp_file_gate_transfer(c->gate, &t);
}
