/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/file_scan.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask/mask.h"
#include "policy/decide.h"
#include "policy/image.h"

#define SCAN_PART ((size_t)64 * 1024)			    /* bytes looked at in one step */
#define SCAN_TAIL_MAX (SP_MASK_BLOCK_MAX + (size_t)8 * 1024) /* the most that the stream can be undecided about */

#define SCAN_WISH_MAX ((size_t)1024 * 1024)

struct sp_file_scan {
	struct sp_mask_set *set;
	struct sp_mask_stream *stream;
	struct sp_mask_counts counts;
	struct sp_buf *out;  /* what would be shown: nobody wants it */
	struct sp_buf *tail; /* the last of what has passed that could still begin a value */
	struct sp_buf *wish; /* as the rules have it */
	bool passes_unreadable;
	enum sp_policy_found found;
	bool is_match;	/* what is in it is why it is refused */
	bool is_unread; /* no text: not looked at from here on */
	uint64_t next;
	char why[SP_FILE_SCAN_WHY_MAX];
};

/* --- what to look for ------------------------------------------------------------------------------------- */

static int
scan_add(struct sp_mask_set *set, const struct sp_policy_scan *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->ndetectors; i++)
		r = sp_mask_set_add(set, s->detectors[i], SP_MASK_REDACT);
	for (size_t i = 0; r == 0 && i < s->nregexes; i++)
		r = sp_mask_set_add_regex(set, s->regexes[i].name, s->regexes[i].value, SP_MASK_REDACT, NULL, 0);
	return r;
}

/* All of what a decision wants, as bytes to be compared. */
static int
scan_wish(const struct sp_decision *d, struct sp_buf *out)
{
	for (size_t i = 0; i < d->nscans; i++) {
		const struct sp_policy_scan *s = d->scans[i];

		sp_buf_putf(out, "%d %d %zu %zu ", (int)s->found, s->passes_unreadable, s->ndetectors, s->nregexes);
		for (size_t k = 0; k < s->ndetectors; k++)
			(void)sp_buf_put_cstring(out, s->detectors[k]);
		for (size_t k = 0; k < s->nregexes; k++) {
			(void)sp_buf_put_cstring(out, s->regexes[k].name);
			(void)sp_buf_put_cstring(out, s->regexes[k].value);
		}
	}
	return sp_buf_error(out);
}

bool
sp_file_scan_is_of(const struct sp_file_scan *scan, const struct sp_decision *d)
{
	struct sp_buf *wish;
	bool is_same;

	if (scan == NULL || d->nscans == 0)
		return scan == NULL && d->nscans == 0;
	wish = sp_buf_new(SCAN_WISH_MAX);
	is_same = wish != NULL && scan_wish(d, wish) == 0 && sp_buf_len(wish) == sp_buf_len(scan->wish) &&
	    memcmp(sp_buf_data(wish), sp_buf_data(scan->wish), sp_buf_len(wish)) == 0;
	sp_buf_free(wish);
	return is_same;
}

int
sp_file_scan_new(const struct sp_decision *d, struct sp_file_scan **ret_scan)
{
	struct sp_file_scan *scan;
	int r;

	*ret_scan = NULL;
	if (d->nscans == 0)
		return 0;
	scan = calloc(1, sizeof(*scan));
	if (scan == NULL)
		return SP_ERR_NOMEM;
	scan->passes_unreadable = true;
	scan->wish = sp_buf_new(SCAN_WISH_MAX);
	r = scan->wish == NULL ? SP_ERR_NOMEM : scan_wish(d, scan->wish);
	if (r == 0)
		r = sp_mask_set_new(&scan->set);
	for (size_t i = 0; r == 0 && i < d->nscans; i++) {
		scan->passes_unreadable = scan->passes_unreadable && d->scans[i]->passes_unreadable;
		if (d->scans[i]->found > scan->found)
			scan->found = d->scans[i]->found;
		r = scan_add(scan->set, d->scans[i]);
	}
	if (r == 0)
		r = sp_mask_set_seal(scan->set);
	if (r == 0)
		r = sp_mask_stream_new(scan->set, &scan->stream);
	/* What is found is replaced by a longer text, at worst of each few bytes. */
	scan->out = sp_buf_new(SCAN_PART * 16 + SCAN_TAIL_MAX * 16);
	scan->tail = sp_buf_new(SCAN_TAIL_MAX + SCAN_PART);
	if (r == 0 && (scan->out == NULL || scan->tail == NULL))
		r = SP_ERR_NOMEM;
	if (r != 0) {
		sp_file_scan_free(scan);
		return r;
	}
	*ret_scan = scan;
	return 0;
}

void
sp_file_scan_free(struct sp_file_scan *scan)
{
	if (scan == NULL)
		return;
	sp_mask_stream_free(scan->stream);
	sp_mask_set_free(scan->set);
	sp_buf_free(scan->out);
	sp_buf_free(scan->tail);
	sp_buf_free(scan->wish);
	free(scan);
}

/* --- looking ----------------------------------------------------------------------------------------------- */

static int
scan_deny(struct sp_file_scan *scan, const char *why)
{
	(void)snprintf(scan->why, sizeof(scan->why), "%s", why);
	return SP_ERR_DENIED;
}

/* Names what was found. */
static int
scan_found(struct sp_file_scan *scan)
{
	size_t at;

	scan->is_match = true;
	(void)snprintf(scan->why, sizeof(scan->why), "refused for what is in it:");
	for (size_t k = 0; k < SP_MASK_KINDS_MAX; k++) {
		at = strlen(scan->why);
		if (scan->counts.n[k] != 0)
			(void)snprintf(scan->why + at, sizeof(scan->why) - at, " %s", sp_mask_kind_name(scan->set, k));
	}
	return SP_ERR_DENIED;
}

/* How many bytes of text there are, as file(1) sees it: up to what no encoding that has ASCII in it holds. */
static size_t
scan_text(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((p[i] < 0x20 && (p[i] < '\a' || p[i] > '\r') && p[i] != 0x1b) || p[i] == 0x7f)
			break;
	return i;
}

/* Keeps the last bytes that the stream has not decided on. */
static int
scan_keep(struct sp_file_scan *scan, const uint8_t *p, size_t n)
{
	size_t held = sp_mask_stream_held(scan->stream), have;
	int r = sp_buf_put(scan->tail, p, n);

	have = sp_buf_len(scan->tail);
	if (r == 0 && have > held)
		r = sp_buf_consume(scan->tail, have - held);
	return r;
}

/*
 * What passes now is whole at its end for whoever gets it, whatever comes behind it: a value at the very end counts, even
 * if more of the same could still make something else of it.
 */
static int
scan_end(struct sp_file_scan *scan)
{
	enum sp_mask_outcome outcome = SP_MASK_SAME;
	size_t n = sp_buf_len(scan->tail);
	int r = n == 0 ? 0 :
			 sp_mask_scan(scan->set, sp_buf_data(scan->tail), n, false, scan->out, &scan->counts, &outcome);

	sp_buf_reset(scan->out);
	if (r != 0)
		return scan_deny(scan, "refused: its contents could not be looked at");
	return outcome == SP_MASK_SAME ? 0 : scan_found(scan);
}

static int
scan_part(struct sp_file_scan *scan, const uint8_t *p, size_t n)
{
	size_t text = scan_text(p, n);
	int r;

	scan->is_match = text < n && !scan->passes_unreadable;
	if (scan->is_match)
		return scan_deny(scan, "refused: it is no text, whose contents could be looked at");
	r = sp_mask_stream_feed(scan->stream, p, text, scan->out, &scan->counts);
	if (r == 0)
		r = scan_keep(scan, p, text);
	scan->is_unread = text < n;
	sp_buf_reset(scan->out);
	if (r != 0)
		return scan_deny(scan, "refused: its contents could not be looked at");
	if (scan->found == SP_POLICY_FOUND_RECORD)
		return 0;
	return sp_mask_counts_any(&scan->counts) ? scan_found(scan) : 0;
}

int
sp_file_scan_feed(struct sp_file_scan *scan, uint64_t offset, const void *p, size_t n)
{
	const uint8_t *at = p;
	size_t part;
	int r = 0;

	if (scan == NULL)
		return 0;
	if (scan->why[0] != '\0')
		return SP_ERR_DENIED;
	if (offset != scan->next)
		return scan_deny(scan, scan->next == 0 ?
		    "refused: what is in it must be looked at from its beginning; send or fetch it as a whole" :
		    "refused: what is in it can be looked at only in order");
	scan->next += n;
	for (; r == 0 && n > 0 && !scan->is_unread; at += part, n -= part) {
		part = n < SCAN_PART ? n : SCAN_PART;
		r = scan_part(scan, at, part);
	}
	return r != 0 || scan->found == SP_POLICY_FOUND_RECORD ? r : scan_end(scan);
}

bool
sp_file_scan_keeps(const struct sp_decision *d)
{
	for (size_t i = 0; i < d->nscans; i++)
		if (d->scans[i]->found == SP_POLICY_FOUND_QUARANTINE)
			return true;
	return false;
}

bool
sp_file_scan_is_match(const struct sp_file_scan *scan)
{
	return scan != NULL && scan->is_match;
}

void
sp_file_scan_refuse(struct sp_file_scan *scan, const char *why)
{
	if (scan->why[0] == '\0')
		(void)scan_deny(scan, why);
}

void
sp_file_scan_add(struct sp_file_scan *scan, const char *text)
{
	size_t at = strlen(scan->why);

	(void)snprintf(scan->why + at, sizeof(scan->why) - at, "%s", text);
}

const char *
sp_file_scan_why(const struct sp_file_scan *scan)
{
	return scan->why;
}

int
sp_file_scan_counts(struct sp_file_scan *scan, struct sp_buf *out)
{
	if (scan == NULL)
		return 0;
	if (scan->why[0] == '\0' && sp_mask_stream_finish(scan->stream, scan->out, &scan->counts) != 0)
		return SP_ERR_SYSTEM;
	sp_buf_reset(scan->out);
	if (!sp_mask_counts_any(&scan->counts))
		return 0;
	return sp_mask_counts_json(scan->set, &scan->counts, out);
}
