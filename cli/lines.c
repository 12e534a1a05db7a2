/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lines.h"

#include <stdlib.h>

#include "recorder/seal.h"

#define LINES_STREAMS 3 /* of SP_FIELD_STREAM */

struct sp_lines {
	struct sp_transcript *streams[LINES_STREAMS];
};

int
sp_lines_new(const json_t *header, sp_transcript_line *line, void *ctx, struct sp_lines **ret_l)
{
	bool has_tty = json_is_true(json_object_get(header, "tty"));
	struct sp_lines *l = calloc(1, sizeof(*l));
	uint64_t rows, cols;
	int r = l == NULL ? SP_ERR_NOMEM : 0;

	if (sp_seal_get_u64(header, "rows", &rows) != 0 || rows == 0 || rows > UINT16_MAX)
		rows = 24;
	if (sp_seal_get_u64(header, "cols", &cols) != 0 || cols == 0 || cols > UINT16_MAX)
		cols = 80;
	for (int i = 0; r == 0 && i < LINES_STREAMS; i++) {
		bool is_screen = i == 0 && has_tty;

		r = sp_transcript_new(is_screen ? (unsigned)rows : 0, is_screen ? (unsigned)cols : 0, line, ctx, &l->streams[i]);
	}
	if (r != 0) {
		sp_lines_free(l);
		return r;
	}
	*ret_l = l;
	return 0;
}

void
sp_lines_free(struct sp_lines *l)
{
	for (int i = 0; l != NULL && i < LINES_STREAMS; i++)
		sp_transcript_free(l->streams[i]);
	free(l);
}

int
sp_lines_event(struct sp_lines *l, const struct sp_event *ev)
{
	uint64_t stream = 0, rows, cols;
	struct sp_view v;

	if (ev->type == SP_EVENT_OUTPUT && sp_event_get(ev, SP_FIELD_TEXT, &v) == 0) {
		if (sp_event_get_u64(ev, SP_FIELD_STREAM, &stream) != 0 || stream >= LINES_STREAMS)
			stream = 0;
		return sp_transcript_feed(l->streams[stream], ev->time_ns, v.data, v.len);
	}
	if (ev->type == SP_EVENT_RESIZE && sp_event_get_u64(ev, SP_FIELD_ROWS, &rows) == 0 &&
	    sp_event_get_u64(ev, SP_FIELD_COLS, &cols) == 0 && rows <= UINT16_MAX && cols <= UINT16_MAX)
		return sp_transcript_resize(l->streams[0], (unsigned)rows, (unsigned)cols);
	return 0;
}

int
sp_lines_finish(struct sp_lines *l)
{
	int r = 0;

	for (int i = 0; r == 0 && i < LINES_STREAMS; i++)
		r = sp_transcript_finish(l->streams[i]);
	return r;
}
