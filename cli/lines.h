/* SPDX-License-Identifier: Apache-2.0 */
/* A record's output as lines of text: a transcript (cli/transcript.h) of its terminal, or one of each of its streams. */
#ifndef SALLYPORT_CLI_LINES_H
#define SALLYPORT_CLI_LINES_H

#include <jansson.h>

#include "cli/transcript.h"
#include "recorder/event.h"

struct sp_lines;

/* header: the record's. NOMEM. */
int sp_lines_new(const json_t *header, sp_transcript_line *line, void *ctx, struct sp_lines **ret_l) SP_MUST_CHECK;
void sp_lines_free(struct sp_lines *l); /* NULL is fine */
/* Takes output and changes of size; nothing else. Errors of line. */
int sp_lines_event(struct sp_lines *l, const struct sp_event *ev) SP_MUST_CHECK;
int sp_lines_finish(struct sp_lines *l) SP_MUST_CHECK;

#endif
