/* SPDX-License-Identifier: Apache-2.0 */
/* A cancel request passed on to the server, over a fresh connection with the same TLS. */
#include <stdlib.h>

#include <event2/event.h>

#include "proto/pg_write.h"
#include "session-agent/postgres_proxy.h"

#define CANCELS_MAX 16 /* under way at once; a person pressing Ctrl-C needs one */

struct sp_postgres_cancel {
	struct sp_postgres_cancel *next;
	struct sp_postgres_proxy *px;
	struct sp_postgres_dial *dial;
	uint32_t pid, key;
};

/* Frees one that is in no list. */
static void
cancel_dispose(struct sp_postgres_cancel *k)
{
	sp_postgres_dial_free(k->dial);
	free(k);
}

static void
cancel_free(struct sp_postgres_cancel *k)
{
	struct sp_postgres_cancel **at;

	for (at = &k->px->cancels; *at != k; at = &(*at)->next)
		;
	*at = k->next;
	cancel_dispose(k);
}

static void
on_dialled(int err, const char *reason, struct sp_stream *stream, void *ctx)
{
	struct sp_postgres_cancel *k = ctx;
	struct sp_buf *b = err == 0 ? sp_buf_new(64) : NULL;
	size_t n;

	(void)reason;
	k->dial = NULL;
	if (b != NULL) {
		sp_pg_write_cancel(b, k->pid, k->key);
		/* Sixteen bytes into an empty socket buffer: it goes at once or not at all, and nobody waits for it. */
		if (sp_buf_error(b) == 0)
			(void)!sp_stream_write(stream, sp_buf_data(b), sp_buf_len(b), &n);
	}
	sp_buf_free(b);
	sp_stream_free(stream);
	cancel_free(k);
}

void
sp_postgres_cancel_send(struct sp_postgres_proxy *px, uint32_t pid, uint32_t key)
{
	struct sp_postgres_cancel *k;
	unsigned n = 0;

	for (k = px->cancels; k != NULL; k = k->next)
		n++;
	if (n >= CANCELS_MAX || (k = calloc(1, sizeof(*k))) == NULL)
		return;
	k->px = px;
	k->pid = pid;
	k->key = key;
	k->next = px->cancels;
	px->cancels = k;
	if (sp_postgres_dial_start(sp_session_base(px->session), &px->target, on_dialled, k, &k->dial) != 0)
		cancel_free(k);
}

void
sp_postgres_cancel_end(struct sp_postgres_proxy *px)
{
	struct sp_postgres_cancel *k;

	while ((k = px->cancels) != NULL) {
		px->cancels = k->next;
		cancel_dispose(k);
	}
}
