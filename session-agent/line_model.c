/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/line_model.h"

#include <stdlib.h>
#include <string.h>

#include "proto/grid.h"
#include "proto/termfilter.h"
#include "session-agent/line_prompt.h"
#include "session-agent/line_rows.h"

#define MODEL_PASTE_ON "\033[?2004h"
#define MODEL_LEARNED_MAX 16 /* bytes of a prompt's end */

struct sp_line_model {
	struct sp_termfilter filter;
	struct sp_grid *grid;
	struct sp_buf *safe;
	bool takes_paste;
	bool is_paste_ended; /* since the last line went, the host has said that it wants no marks: as a shell that edits does */
	bool is_answered; /* it showed something since the last line went */
	uint8_t mode[8];  /* the part of MODEL_PASTE_ON that has come */
	size_t nmode;
	int64_t shown_ms, typed_ms; /* the last output, the last key */
	int64_t asked_ms;	    /* the first key without an answer yet; 0: there is none */
	int64_t answer_ms;	    /* how long answers take */

	struct sp_line_keys keys;
	struct sp_buf *typed; /* what the keys have put there, unless is_edited */
	bool is_edited;	      /* keys were pressed of which it is not known what they did */
	bool has_newline;     /* of those keys, some have broken the line */
	bool is_lost;	      /* there was no memory for it */

	struct sp_line_place at; /* where the prompt ends; its row moves with the screen */
	bool is_at;
	enum sp_line_prompt asks;
	struct sp_buf *prompt; /* the row up to there */
	struct sp_buf *shell;  /* the same of the last shell's prompt */
	struct sp_buf *right;  /* what stood to the right of it, from column at_right on */
	unsigned at_right;

	char learned[MODEL_LEARNED_MAX];
	bool may_learn;
	bool is_unfinished;

	struct sp_buf *text, *other, *scratch;
};

/* --- life ------------------------------------------------------------------------------------------------ */

static void
model_on_leave(const struct sp_grid_cell *cells, unsigned cols, void *ctx)
{
	struct sp_line_model *m = ctx;

	(void)cells;
	(void)cols;
	m->at.row--;
}

int
sp_line_model_new(unsigned rows, unsigned cols, bool is_shell, struct sp_line_model **ret_m)
{
	struct sp_line_model *m = calloc(1, sizeof(*m));
	struct sp_buf **const bufs[] = {
	    &m->safe, &m->typed, &m->prompt, &m->shell, &m->right, &m->text, &m->other, &m->scratch};
	bool ok = m != NULL;

	for (size_t i = 0; ok && i < sizeof(bufs) / sizeof(bufs[0]); i++) {
		*bufs[i] = sp_buf_new(bufs[i] == &m->safe ? 0 : SP_LINE_MODEL_TEXT_MAX);
		ok = *bufs[i] != NULL;
	}
	if (!ok || sp_grid_new(rows, cols, &m->grid) != 0) {
		sp_line_model_free(m);
		return SP_ERR_NOMEM;
	}
	sp_termfilter_init(&m->filter, false);
	sp_grid_on_leave(m->grid, model_on_leave, m);
	m->may_learn = is_shell;
	m->is_answered = m->is_paste_ended = true;
	*ret_m = m;
	return 0;
}

void
sp_line_model_free(struct sp_line_model *m)
{
	if (m == NULL)
		return;
	struct sp_buf *const bufs[] = {m->safe, m->typed, m->prompt, m->shell, m->right, m->text, m->other, m->scratch};

	for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
		sp_buf_free(bufs[i]);
	sp_grid_free(m->grid);
	explicit_bzero(m, sizeof(*m));
	free(m);
}

int
sp_line_model_resize(struct sp_line_model *m, unsigned rows, unsigned cols)
{
	return sp_grid_resize(m->grid, rows, cols);
}

/* The next line begins. */
static void
model_begin(struct sp_line_model *m, bool is_edited)
{
	sp_buf_reset(m->typed);
	m->is_edited = is_edited;
	m->has_newline = m->is_at = m->is_lost = m->is_answered = false;
}

/* --- the screen -------------------------------------------------------------------------------------------- */

/*
 * Whether the host wants the marks of a paste. A shell that edits lines wants them for each line anew: it has ended that
 * when the last line went. One who does not say so is another, and what was asked for is a program's that has died.
 */
static void
model_modes(struct sp_line_model *m, const uint8_t *p, size_t n)
{
	static const char on[] = MODEL_PASTE_ON;

	for (size_t i = 0; i < n; i++) {
		if (m->nmode == sizeof(on) - 2 && (p[i] == 'h' || p[i] == 'l')) {
			m->takes_paste = p[i] == 'h' && m->is_paste_ended;
			m->is_paste_ended = m->is_paste_ended || p[i] == 'l';
			m->nmode = 0;
		} else if (p[i] == (uint8_t)on[m->nmode]) {
			m->nmode++;
		} else {
			m->nmode = p[i] == (uint8_t)on[0];
		}
		if (m->nmode == sizeof(on) - 1)
			m->nmode = 0;
	}
}

int
sp_line_model_shown(struct sp_line_model *m, const void *p, size_t n, int64_t now_ms)
{
	bool was_alternate = sp_grid_is_alternate(m->grid);

	m->shown_ms = now_ms;
	if (m->asked_ms != 0) {
		m->answer_ms =
		    now_ms - m->asked_ms > m->answer_ms * 7 / 8 ? now_ms - m->asked_ms : m->answer_ms * 7 / 8;
		m->asked_ms = 0;
	}
	m->is_answered = true;
	model_modes(m, p, n);
	sp_buf_reset(m->safe);
	if (sp_termfilter_feed(&m->filter, p, n, m->safe) != 0)
		return SP_ERR_NOMEM;
	sp_grid_feed(m->grid, sp_buf_data(m->safe), sp_buf_len(m->safe));
	if (was_alternate || sp_grid_is_alternate(m->grid)) {
		model_begin(m, true);
		m->is_answered = true;
	}
	return 0;
}

/* What stands on the screen may still be what stood there when the last line went. */
static bool
model_is_stale(const struct sp_line_model *m, int64_t now_ms)
{
	return !m->is_answered && now_ms - m->typed_ms < SP_LINE_MODEL_NO_ECHO_MS;
}

/* --- the prompt ---------------------------------------------------------------------------------------------- */

static bool
model_is_same(const struct sp_buf *a, const struct sp_buf *b)
{
	return sp_buf_len(a) == sp_buf_len(b) && memcmp(sp_buf_data(a), sp_buf_data(b), sp_buf_len(a)) == 0;
}

static enum sp_line_prompt
model_prompt_of(const struct sp_line_model *m, const struct sp_buf *text, size_t n)
{
	return sp_line_prompt_of((const char *)sp_buf_data(text), n, m->learned, m->is_unfinished);
}

/* The way in which this shell's prompt ends: its last character, and the blanks behind it. */
static void
model_learn(struct sp_line_model *m, const struct sp_buf *text, int64_t now_ms)
{
	const char *p = (const char *)sp_buf_data(text);
	size_t n = sp_buf_len(text), i = n;

	if (!m->may_learn || now_ms - m->shown_ms < SP_LINE_MODEL_PROMPT_MS)
		return;
	while (i > 0 && p[i - 1] == ' ')
		i--;
	if (i == 0 || p[i - 1] == ':' || p[i - 1] == '?')
		return;
	for (i--; i > 0 && ((uint8_t)p[i] & 0xc0) == 0x80; i--)
		;
	if (n - i >= sizeof(m->learned))
		return;
	memcpy(m->learned, p + i, n - i);
	m->learned[n - i] = '\0';
}

/* The prompt ends at `at`: what stands before and behind it is kept, to know them again. */
static void
model_set(struct sp_line_model *m, struct sp_line_place at, enum sp_line_prompt asks)
{
	struct sp_line_place begin = {at.row, 0}, cursor = sp_line_rows_cursor(m->grid);

	m->at = at;
	m->is_at = true;
	m->asks = asks;
	m->is_edited = false;
	sp_buf_reset(m->prompt);
	sp_line_rows_text(m->grid, begin, at, false, m->prompt);
	if (asks == SP_LINE_PROMPT_SHELL) {
		sp_buf_reset(m->shell);
		sp_line_rows_text(m->grid, begin, at, false, m->shell);
		m->may_learn = false;
	}
	m->at_right = sp_line_rows_right(m->grid, cursor, m->right);
}

/* Looks for a prompt that was seen before at the beginning of the cursor's line, which may be wrapped. */
static bool
model_find(struct sp_line_model *m, const struct sp_buf *prompt, struct sp_line_place *ret_at)
{
	struct sp_line_place cursor = sp_line_rows_cursor(m->grid),
			     begin = {sp_line_rows_top(m->grid, cursor.row, m->has_newline), 0};
	size_t n = sp_buf_len(prompt);

	for (; n > 0 && begin.row <= cursor.row; begin.row++) {
		struct sp_line_place end = {
		    begin.row, begin.row == cursor.row ? cursor.col : (int)sp_grid_cols(m->grid)};

		sp_buf_reset(m->scratch);
		sp_line_rows_text(m->grid, begin, end, false, m->scratch);
		if (sp_buf_len(m->scratch) < n || memcmp(sp_buf_data(m->scratch), sp_buf_data(prompt), n) != 0)
			continue;
		*ret_at = (struct sp_line_place){begin.row, sp_line_rows_columns(m->grid, begin.row, n)};
		return true;
	}
	return false;
}

/*
 * Keys that came before the prompt, of which a shell that edits lines shows nothing although its prompt has stood for a
 * while: a program has taken them. (Where the terminal edits the line they are still to come, and are kept.)
 */
static void
model_forget(struct sp_line_model *m, int64_t now_ms)
{
	struct sp_line_place cursor = sp_line_rows_cursor(m->grid), begin = {cursor.row, 0}, at;

	if (m->is_at || !m->takes_paste || now_ms - m->shown_ms < SP_LINE_MODEL_PROMPT_MS ||
	    (model_find(m, m->shell, &at) && (at.row != cursor.row || at.col != cursor.col)))
		return;
	sp_buf_reset(m->scratch);
	sp_line_rows_text(m->grid, begin, cursor, false, m->scratch);
	if (model_prompt_of(m, m->scratch, sp_buf_len(m->scratch)) != SP_LINE_PROMPT_SHELL)
		return;
	model_begin(m, false);
	m->is_answered = true;
}

/* The first key of a line comes: whoever has the cursor behind their prompt asks for it. */
static void
model_latch(struct sp_line_model *m, int64_t now_ms)
{
	struct sp_line_place cursor = sp_line_rows_cursor(m->grid), begin = {cursor.row, 0};
	enum sp_line_prompt asks;
	size_t n, typed;

	if (model_is_stale(m, now_ms))
		return;
	model_forget(m, now_ms);
	typed = sp_buf_len(m->typed);
	sp_buf_reset(m->scratch);
	sp_line_rows_text(m->grid, begin, cursor, false, m->scratch);
	n = sp_buf_len(m->scratch);
	if (typed > 0) {
		/* Typed ahead, and drawn again behind the prompt that has come since. */
		if (m->is_edited || n <= typed ||
		    memcmp(sp_buf_data(m->scratch) + n - typed, sp_buf_data(m->typed), typed) != 0)
			return;
		asks = model_prompt_of(m, m->scratch, n - typed);
		if (asks != SP_LINE_PROMPT_NONE)
			model_set(m,
			    (struct sp_line_place){cursor.row, sp_line_rows_columns(m->grid, cursor.row, n - typed)},
			    asks);
		return;
	}
	asks = model_prompt_of(m, m->scratch, n);
	if (m->may_learn && asks != SP_LINE_PROMPT_SHELL) {
		model_learn(m, m->scratch, now_ms);
		asks = model_prompt_of(m, m->scratch, n);
	}
	if (asks != SP_LINE_PROMPT_NONE)
		model_set(m, cursor, asks);
}

/* Whether the prompt still stands where it was. */
static bool
model_is_there(struct sp_line_model *m)
{
	struct sp_line_place begin = {m->at.row, 0}, cursor = sp_line_rows_cursor(m->grid);

	if (!m->is_at || m->at.row < 0 || m->at.row > cursor.row || (unsigned)m->at.col > sp_grid_cols(m->grid) ||
	    (m->at.row == cursor.row && cursor.col < m->at.col))
		return false;
	sp_buf_reset(m->scratch);
	sp_line_rows_text(m->grid, begin, m->at, false, m->scratch);
	return model_is_same(m->scratch, m->prompt);
}

/* --- keys -------------------------------------------------------------------------------------------------- */

size_t
sp_line_model_scan(const struct sp_line_model *m, const uint8_t *p, size_t n, enum sp_line_key *ret_key)
{
	struct sp_line_keys k = m->keys;

	*ret_key = SP_LINE_KEY_TEXT;
	for (size_t i = 0; i < n; i++) {
		*ret_key = sp_line_keys_next(&k, p[i], m->takes_paste);
		if (*ret_key == SP_LINE_KEY_SUBMIT || *ret_key == SP_LINE_KEY_UNSEEN)
			return i;
	}
	return n;
}

static void
model_erase(struct sp_line_model *m)
{
	const uint8_t *p = sp_buf_data(m->typed);
	size_t n = sp_buf_len(m->typed), k = n;

	if (n == 0)
		return;
	for (k--; k > 0 && (p[k] & 0xc0) == 0x80; k--)
		;
	m->is_lost = sp_buf_unput(m->typed, n - k) != 0 || m->is_lost;
}

static void
model_key(struct sp_line_model *m, enum sp_line_key key, uint8_t b)
{
	switch (key) {
	case SP_LINE_KEY_TEXT:
		m->is_lost = sp_buf_put_u8(m->typed, b) != 0 || m->is_lost;
		break;
	case SP_LINE_KEY_NEWLINE:
		m->has_newline = true;
		m->is_lost = sp_buf_put_u8(m->typed, '\n') != 0 || m->is_lost;
		break;
	case SP_LINE_KEY_ERASE:
		model_erase(m);
		break;
	case SP_LINE_KEY_KILL:
		if (!m->is_edited)
			sp_buf_reset(m->typed);
		break;
	case SP_LINE_KEY_EDIT:
		m->is_edited = true;
		break;
	case SP_LINE_KEY_STOP:
		model_begin(m, false);
		break;
	case SP_LINE_KEY_SUBMIT:
	case SP_LINE_KEY_UNSEEN:
		m->takes_paste = m->is_paste_ended = false;
		/* ^O brings the next line of the history with it. */
		model_begin(m, b != '\r' && b != '\n');
		break;
	case SP_LINE_KEY_NOTHING:
		break;
	}
}

void
sp_line_model_passed(struct sp_line_model *m, const uint8_t *p, size_t n, int64_t now_ms)
{
	for (size_t i = 0; i < n; i++) {
		enum sp_line_key key = sp_line_keys_next(&m->keys, p[i], m->takes_paste);

		if (sp_grid_is_alternate(m->grid))
			continue;
		if (!m->is_at && key != SP_LINE_KEY_SUBMIT && key != SP_LINE_KEY_UNSEEN && key != SP_LINE_KEY_STOP)
			model_latch(m, now_ms);
		model_key(m, key, p[i]);
	}
	m->asked_ms = m->asked_ms != 0 || n == 0 ? m->asked_ms : now_ms;
	m->typed_ms = now_ms;
}

void
sp_line_model_cancelled(struct sp_line_model *m, int64_t now_ms)
{
	model_begin(m, false);
	m->keys = (struct sp_line_keys){0};
	m->is_unfinished = false;
	m->typed_ms = now_ms;
}

void
sp_line_model_unfinished(struct sp_line_model *m, bool is_unfinished)
{
	m->is_unfinished = is_unfinished;
}

bool
sp_line_model_ahead(struct sp_line_model *m, struct sp_buf **ret_typed, bool *ret_shown)
{
	struct sp_line_place cursor = sp_line_rows_cursor(m->grid), begin = {cursor.row, 0};
	size_t typed = sp_buf_len(m->typed), n;

	sp_buf_reset(m->scratch);
	sp_line_rows_text(m->grid, begin, cursor, false, m->scratch);
	n = sp_buf_len(m->scratch);
	*ret_typed = m->typed;
	*ret_shown = n >= typed && memcmp(sp_buf_data(m->scratch) + n - typed, sp_buf_data(m->typed), typed) == 0;
	return !m->is_edited && !m->is_lost;
}

/* --- reading ------------------------------------------------------------------------------------------------- */

/* Whether the host has drawn what it will draw of the keys that it got. */
static bool
model_is_quiet(const struct sp_line_model *m, int64_t now_ms)
{
	int64_t typed = now_ms - m->typed_ms;

	if (typed >= SP_LINE_MODEL_NO_ECHO_MS &&
	    (m->shown_ms <= m->typed_ms || now_ms - m->shown_ms >= SP_LINE_MODEL_ECHO_MS))
		return true;
	/* A host far away has yet to draw the last key when the echo of an earlier one comes. */
	return m->shown_ms > m->typed_ms && now_ms - m->shown_ms >= SP_LINE_MODEL_ECHO_MS &&
	       typed >= m->answer_ms * 3 / 2;
}

/* All of the line from `at`, also what is behind the cursor; and the same with every full row taken for a line's end.
 */
static void
model_take(struct sp_line_model *m, struct sp_line_place at)
{
	struct sp_line_place end =
	    sp_line_rows_end(m->grid, sp_line_rows_cursor(m->grid), m->has_newline, at.row, m->at_right, m->right);

	sp_line_rows_text(m->grid, at, end, false, m->text);
	if (m->has_newline && sp_line_rows_is_wrapped(m->grid, at.row, end.row))
		sp_line_rows_text(m->grid, at, end, true, m->other);
}

/* What the keys say counts too, where they say it all and it is not what is shown. */
static void
model_take_typed(struct sp_line_model *m)
{
	if (m->is_edited || sp_buf_len(m->typed) == 0 || model_is_same(m->typed, m->text))
		return;
	sp_buf_reset(m->other);
	m->is_lost = sp_buf_put(m->other, sp_buf_data(m->typed), sp_buf_len(m->typed)) != 0 || m->is_lost;
}

/* bash and other users of readline show a search in the history in place of the prompt. */
static bool
model_search(struct sp_line_model *m, struct sp_line_place *ret_at)
{
	struct sp_line_place cursor = sp_line_rows_cursor(m->grid),
			     begin = {sp_line_rows_top(m->grid, cursor.row, false), 0};
	struct sp_line_place end = {begin.row, (int)sp_grid_cols(m->grid)};
	const char *p, *found;

	sp_buf_reset(m->scratch);
	sp_line_rows_text(m->grid, begin, end, false, m->scratch);
	if (sp_buf_put_u8(m->scratch, 0) != 0)
		return false;
	p = (const char *)sp_buf_data(m->scratch);
	found = p[0] == '(' ? strstr(p, "i-search)`") : NULL;
	found = found != NULL ? strstr(found, "': ") : NULL;
	if (found == NULL)
		return false;
	*ret_at = (struct sp_line_place){begin.row, sp_line_rows_columns(m->grid, begin.row, (size_t)(found + 3 - p))};
	return true;
}

static enum sp_line_model_kind
model_kind(const struct sp_line_model *m, enum sp_line_prompt asks)
{
	return asks == SP_LINE_PROMPT_PROGRAM ? SP_LINE_MODEL_PROGRAM
	       : m->is_lost		      ? SP_LINE_MODEL_UNREAD
					      : SP_LINE_MODEL_SHELL;
}

/* The line was begun at a prompt. */
static enum sp_line_model_kind
model_read_at(struct sp_line_model *m, int64_t now_ms, bool is_forced)
{
	struct sp_line_place at = m->at;

	if (model_is_there(m) || model_find(m, m->prompt, &at)) {
		sp_line_rows_text(m->grid, at, sp_line_rows_cursor(m->grid), false, m->text);
		if (!m->is_edited && model_is_same(m->text, m->typed))
			return model_kind(m, m->asks);
		if (m->asks == SP_LINE_PROMPT_SHELL && !is_forced && !model_is_quiet(m, now_ms))
			return SP_LINE_MODEL_WAIT;
		sp_buf_reset(m->text);
		model_take(m, at);
		if (m->asks == SP_LINE_PROMPT_SHELL)
			model_take_typed(m);
		return model_kind(m, m->asks);
	}
	if (m->asks == SP_LINE_PROMPT_SHELL && !is_forced && !model_is_quiet(m, now_ms))
		return SP_LINE_MODEL_WAIT;
	if (m->is_edited && model_search(m, &at)) {
		model_take(m, at);
		return model_kind(m, m->asks);
	}
	if (m->asks == SP_LINE_PROMPT_PROGRAM)
		return SP_LINE_MODEL_PROGRAM;
	model_take_typed(m);
	return SP_LINE_MODEL_UNREAD;
}

/* No prompt was there when its first key came: typed ahead, or the shell itself has put a line there. */
static enum sp_line_model_kind
model_read_ahead(struct sp_line_model *m, int64_t now_ms, bool is_forced)
{
	struct sp_line_place cursor = sp_line_rows_cursor(m->grid), begin = {cursor.row, 0}, at;
	bool is_quiet = is_forced || model_is_quiet(m, now_ms);
	enum sp_line_prompt asks;
	size_t typed, n;

	if (!is_forced && model_is_stale(m, now_ms))
		return SP_LINE_MODEL_WAIT;
	model_forget(m, now_ms);
	typed = sp_buf_len(m->typed);
	if (typed == 0 && !m->is_edited && m->may_learn) {
		model_latch(m, now_ms);
		if (m->is_at)
			return model_read_at(m, now_ms, is_forced);
	}

	if (model_find(m, m->shell, &at)) {
		if (typed == 0 && !m->is_edited && at.row == cursor.row && at.col == cursor.col)
			return model_kind(m,
			    SP_LINE_PROMPT_SHELL); /* nothing is typed yet; on the right there may be another prompt */
		if (!is_quiet)
			return SP_LINE_MODEL_WAIT;
		model_take(m, at);
		model_take_typed(m);
		return model_kind(m, SP_LINE_PROMPT_SHELL);
	}
	sp_buf_reset(m->scratch);
	sp_line_rows_text(m->grid, begin, cursor, false, m->scratch);
	n = sp_buf_len(m->scratch);
	if (typed == 0 && !m->is_edited && n == 0)
		return SP_LINE_MODEL_PROGRAM; /* an empty line does nothing, whoever reads it */
	if (!m->is_edited && typed > 0 && n > typed &&
	    memcmp(sp_buf_data(m->scratch) + n - typed, sp_buf_data(m->typed), typed) == 0 &&
	    (asks = model_prompt_of(m, m->scratch, n - typed)) != SP_LINE_PROMPT_NONE) {
		(void)sp_buf_put(m->text, sp_buf_data(m->typed), typed);
		return model_kind(m, asks);
	}
	asks = model_prompt_of(m, m->scratch, n);
	if (asks == SP_LINE_PROMPT_NONE || !is_quiet)
		return SP_LINE_MODEL_WAIT;
	if (asks == SP_LINE_PROMPT_PROGRAM)
		return SP_LINE_MODEL_PROGRAM;
	(void)sp_buf_put(m->text, sp_buf_data(m->typed), typed); /* it has it, and shows nothing of it */
	return m->is_edited ? SP_LINE_MODEL_UNREAD : model_kind(m, asks);
}

int
sp_line_model_read(struct sp_line_model *m, int64_t now_ms, bool is_forced, struct sp_line_model_line *ret_line)
{
	sp_buf_reset(m->text);
	sp_buf_reset(m->other);
	ret_line->text = m->text;
	ret_line->other = m->other;
	if (sp_grid_is_alternate(m->grid))
		ret_line->kind = SP_LINE_MODEL_SCREEN;
	else if (m->is_at)
		ret_line->kind = model_read_at(m, now_ms, is_forced);
	else
		ret_line->kind = model_read_ahead(m, now_ms, is_forced);
	return sp_buf_error(m->text) != 0 ? sp_buf_error(m->text) : sp_buf_error(m->other);
}
