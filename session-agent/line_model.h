/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line that somebody edits at the prompt of a shell elsewhere, from what can be seen of it here: the keys that went
 * there and the screen that came back. Pure: bytes and times in, text out.
 *
 * The prompt is what stood before the cursor when the first key of a line was typed. It is taken for a shell's, for a
 * program's, or for none at all by how it ends. What follows it on the screen is the line. Where keys have said all
 * there is to say of it (no history, no completion, no cursor keys), the two must agree, and if they do not, both
 * count.
 *
 * It is a guess, if a good one: the host draws the screen, and may draw anything.
 */
#ifndef SALLYPORT_SESSION_AGENT_LINE_MODEL_H
#define SALLYPORT_SESSION_AGENT_LINE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "session-agent/line_keys.h"

#define SP_LINE_MODEL_TEXT_MAX ((size_t)64 * 1024) /* bytes of a line; a longer one cannot be read */
#define SP_LINE_MODEL_ECHO_MS 40		   /* so long after the last output, what was typed is drawn */
#define SP_LINE_MODEL_NO_ECHO_MS 500		   /* so long after a key without any, it draws nothing */
#define SP_LINE_MODEL_PROMPT_MS 200 /* what has stood for so long before the first key is a prompt, however it ends */

enum sp_line_model_kind {
	SP_LINE_MODEL_WAIT = 0, /* what was typed is not drawn yet, or nobody asks for a line now */
	SP_LINE_MODEL_SCREEN,	/* a program has the whole screen (the alternate one) */
	SP_LINE_MODEL_PROGRAM,	/* a program that is no shell asks; text: what is shown of the answer */
	SP_LINE_MODEL_SHELL,	/* text is what the shell gets */
	SP_LINE_MODEL_UNREAD	/* a shell's line, of which text may be a part only */
};

struct sp_line_model_line {
	enum sp_line_model_kind kind;
	struct sp_buf *text;  /* UTF-8, without what cannot be drawn; the model's, until it is read again */
	struct sp_buf *other; /* another way to read the line, which counts too; empty: there is none. The model's */
};

struct sp_line_model;

/* is_shell: the first prompt will be a shell's, whatever it looks like. NOMEM. */
int sp_line_model_new(unsigned rows, unsigned cols, bool is_shell, struct sp_line_model **ret_m) SP_MUST_CHECK;
void sp_line_model_free(struct sp_line_model *m); /* NULL is fine; wipes */
/* NOMEM. */
int sp_line_model_resize(struct sp_line_model *m, unsigned rows, unsigned cols) SP_MUST_CHECK;
/* The host showed p. NOMEM. */
int sp_line_model_shown(struct sp_line_model *m, const void *p, size_t n, int64_t now_ms) SP_MUST_CHECK;

/* How many bytes of p come before the next SUBMIT or UNSEEN, which is one byte, and *ret_key; n if there is none. */
size_t sp_line_model_scan(const struct sp_line_model *m, const uint8_t *p, size_t n, enum sp_line_key *ret_key);
/* They went to the host. NOMEM: the line cannot be told any more; it will be UNREAD. */
void sp_line_model_passed(struct sp_line_model *m, const uint8_t *p, size_t n, int64_t now_ms);
/* A ^C that nobody typed went to the host. */
void sp_line_model_cancelled(struct sp_line_model *m, int64_t now_ms);
/* Whether the shell may ask for more of the line that went last: then its second prompt is known as one. */
void sp_line_model_unfinished(struct sp_line_model *m, bool is_unfinished);

/* The line as it would be if Enter went now. is_forced: never WAIT for what may yet be drawn. NOMEM, LIMIT. */
int sp_line_model_read(
    struct sp_line_model *m, int64_t now_ms, bool is_forced, struct sp_line_model_line *ret_line) SP_MUST_CHECK;

/*
 * What was typed where no prompt is: *ret_typed (the model's) if it returns true; false if keys were among it of which it
 * is not known what they do. *ret_shown: it stands on the screen, so it is no password.
 */
bool sp_line_model_ahead(struct sp_line_model *m, struct sp_buf **ret_typed, bool *ret_shown);

#endif
