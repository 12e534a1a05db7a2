/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define SP_DIAG_TEXT_MAX 512 /* bytes of a message or suggestion, NUL included; longer ones are cut */
#define SP_DIAG_LINE_MAX 2048
#define SP_DIAG_WORD_MAX 64 /* bytes of a word for which a nearest one is sought */

struct sp_diags {
	size_t max, kept, count;
	struct sp_diag *list;
};

struct sp_diags *
sp_diags_new(size_t max)
{
	struct sp_diags *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->max = max;
	d->list = calloc(max == 0 ? 1 : max, sizeof(*d->list));
	if (d->list == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

static void
sp_diag_clear(struct sp_diag *g)
{
	union {
		const char *c;
		void *v;
	} file = {g->file}, message = {g->message}, suggestion = {g->suggestion};

	free(file.v);
	free(message.v);
	free(suggestion.v);
}

void
sp_diags_free(struct sp_diags *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < d->kept; i++)
		sp_diag_clear(&d->list[i]);
	free(d->list);
	free(d);
}

void
sp_diags_add(struct sp_diags *d, const char *file, unsigned int line, unsigned int column, const char *suggestion,
    const char *fmt, ...)
{
	char text[SP_DIAG_TEXT_MAX];
	char *where, *message, *hint;
	va_list ap;

	d->count++;
	if (d->kept == d->max)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	where = strdup(file);
	message = strdup(text);
	hint = strndup(suggestion == NULL ? "" : suggestion, SP_DIAG_TEXT_MAX);
	if (where == NULL || message == NULL || hint == NULL) {
		free(where);
		free(message);
		free(hint);
		return;
	}
	d->list[d->kept++] = (struct sp_diag){.file = where, .line = line, .column = column, .message = message,
	    .suggestion = hint};
}

size_t
sp_diags_count(const struct sp_diags *d)
{
	return d->count;
}

size_t
sp_diags_kept(const struct sp_diags *d)
{
	return d->kept;
}

const struct sp_diag *
sp_diags_at(const struct sp_diags *d, size_t i)
{
	return &d->list[i];
}

int
sp_diags_format(const struct sp_diags *d, struct sp_buf *out)
{
	for (size_t i = 0; i < d->kept; i++) {
		const struct sp_diag *g = &d->list[i];

		(void)sp_text_escape(out, g->file, strlen(g->file), SP_DIAG_LINE_MAX);
		if (g->line > 0)
			(void)sp_buf_putf(out, ":%u:%u", g->line, g->column);
		(void)sp_buf_putf(out, ": ");
		(void)sp_text_escape(out, g->message, strlen(g->message), SP_DIAG_LINE_MAX);
		if (g->suggestion[0] != 0) {
			(void)sp_buf_putf(out, " (");
			(void)sp_text_escape(out, g->suggestion, strlen(g->suggestion), SP_DIAG_LINE_MAX);
			(void)sp_buf_putf(out, ")");
		}
		(void)sp_buf_putf(out, "\n");
	}
	if (d->count > d->kept)
		(void)sp_buf_putf(out, "and %zu more\n", d->count - d->kept);
	return sp_buf_error(out);
}

/* Optimal string alignment distance: insertions, deletions, changes and swaps of neighbours. */
static size_t
sp_diag_distance(const char *a, const char *b)
{
	size_t rows[3][SP_DIAG_WORD_MAX + 1], la = strlen(a), lb = strlen(b);

	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *cur = rows[i % 3], *prev = rows[(i + 2) % 3], *prev2 = rows[(i + 1) % 3];

		cur[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			best = prev[j] + 1 < best ? prev[j] + 1 : best;
			best = cur[j - 1] + 1 < best ? cur[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && prev2[j - 2] + 1 < best)
				best = prev2[j - 2] + 1;
			cur[j] = best;
		}
	}
	return rows[la % 3][lb];
}

const char *
sp_diag_nearest(const char *word, const char *const *candidates)
{
	size_t best = strlen(word) / 3 + 1, len = strlen(word);
	const char *found = NULL;

	if (len == 0 || len > SP_DIAG_WORD_MAX)
		return NULL;
	for (size_t i = 0; candidates[i] != NULL; i++) {
		size_t n = strlen(candidates[i]), d;

		if (n > SP_DIAG_WORD_MAX)
			continue;
		d = sp_diag_distance(word, candidates[i]);
		if (d < best || (found == NULL && d == best && d < len)) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}
