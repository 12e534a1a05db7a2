/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/sieve.h"

#include <stdlib.h>
#include <string.h>

#include "mask/terminal.h"
#include "policy/decide.h"
#include "policy/image.h"
#include "session-agent/hide.h"

struct sp_sieve {
	struct sp_mask_set *set; /* NULL: no masks */
};

struct sp_sieve_stream {
	struct sp_sieve *sieve;
	struct sp_mask_stream *plain; /* one of the two, or neither */
	struct sp_mask_terminal *terminal;
	struct sp_mask_counts counts;
};

/* --- the masks --------------------------------------------------------------------------------------- */

static enum sp_mask_transform
sieve_transform(enum sp_policy_transform t)
{
	switch (t) {
	case SP_POLICY_MASK_PARTIAL:
		return SP_MASK_PARTIAL;
	case SP_POLICY_MASK_HASH:
		return SP_MASK_HASH;
	case SP_POLICY_MASK_NULL:
	case SP_POLICY_MASK_REDACT:
		break;
	}
	return SP_MASK_REDACT; /* text has no NULL */
}

static int
sieve_add(struct sp_mask_set *set, const struct sp_policy_mask *m)
{
	enum sp_mask_transform t = sieve_transform(m->transform);
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->ndetectors; i++)
		r = sp_mask_set_add(set, m->detectors[i], t);
	for (size_t i = 0; r == 0 && i < m->nregexes; i++)
		r = sp_mask_set_add_regex(set, m->regexes[i].name, m->regexes[i].value, t, NULL, 0);
	return r;
}

/* ret_set: NULL when there is nothing to look for. */
static int
sieve_build(const struct sp_policy_mask *const *masks, size_t n, const uint8_t *key, const struct sp_hide *hide,
    struct sp_mask_set **ret_set)
{
	struct sp_mask_set *set = NULL;
	int r = sp_mask_set_new(&set);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = sieve_add(set, masks[i]);
	if (r == 0 && hide != NULL)
		r = sp_hide_add(hide, set);
	if (r == 0)
		r = sp_mask_set_key(set, key, SP_SIEVE_KEY);
	if (r == 0)
		r = sp_mask_set_seal(set);
	if (r == 0 && sp_mask_set_is_empty(set)) {
		sp_mask_set_free(set);
		set = NULL;
	}
	if (r == 0)
		*ret_set = set;
	else
		sp_mask_set_free(set);
	return r;
}

int
sp_sieve_new(const struct sp_policy_image *image, const struct sp_policy_subject *subject,
    const struct sp_policy_connection *c, const uint8_t key[SP_SIEVE_KEY], const struct sp_hide *hide,
    struct sp_sieve **ret_sieve)
{
	const struct sp_policy_mask *masks[SP_DECIDE_MASKS_MAX];
	struct sp_decide_scope *scope = NULL;
	struct sp_sieve *sieve = calloc(1, sizeof(*sieve));
	size_t n;
	int r = sieve == NULL ? SP_ERR_NOMEM : sp_decide_scope_new(image, subject, c, &scope);

	if (r == 0) {
		n = sp_decide_scope_masks(scope, masks, SP_DECIDE_MASKS_MAX);
		r = n > SP_DECIDE_MASKS_MAX ? SP_ERR_LIMIT : sieve_build(masks, n, key, hide, &sieve->set);
	}
	sp_decide_scope_free(scope);
	if (r == 0)
		*ret_sieve = sieve;
	else
		free(sieve);
	return r;
}

int
sp_sieve_of(const struct sp_policy_mask *const *masks, size_t n, const uint8_t key[SP_SIEVE_KEY], struct sp_sieve **ret_sieve)
{
	struct sp_sieve *sieve = calloc(1, sizeof(*sieve));
	int r = sieve == NULL ? SP_ERR_NOMEM : sieve_build(masks, n, key, NULL, &sieve->set);

	if (r == 0)
		*ret_sieve = sieve;
	else
		free(sieve);
	return r;
}

void
sp_sieve_free(struct sp_sieve *sieve)
{
	if (sieve == NULL)
		return;
	sp_mask_set_free(sieve->set);
	free(sieve);
}

/* --- streams ------------------------------------------------------------------------------------------- */

int
sp_sieve_stream_new(struct sp_sieve *sieve, bool is_terminal, unsigned cols, struct sp_sieve_stream **ret_st)
{
	struct sp_sieve_stream *st = calloc(1, sizeof(*st));
	int r = st == NULL ? SP_ERR_NOMEM : 0;

	if (r == 0 && sieve->set != NULL && is_terminal)
		r = sp_mask_terminal_new(sieve->set, cols, &st->terminal);
	else if (r == 0 && sieve->set != NULL)
		r = sp_mask_stream_new(sieve->set, &st->plain);
	if (r != 0) {
		free(st);
		return r;
	}
	st->sieve = sieve;
	*ret_st = st;
	return 0;
}

void
sp_sieve_stream_free(struct sp_sieve_stream *st)
{
	if (st == NULL)
		return;
	sp_mask_stream_free(st->plain);
	sp_mask_terminal_free(st->terminal);
	free(st);
}

void
sp_sieve_stream_resize(struct sp_sieve_stream *st, unsigned cols)
{
	if (st->terminal != NULL)
		sp_mask_terminal_resize(st->terminal, cols);
}

int
sp_sieve_stream_feed(struct sp_sieve_stream *st, const void *p, size_t n, struct sp_buf *out)
{
	if (st->terminal != NULL)
		return sp_mask_terminal_feed(st->terminal, p, n, out, &st->counts);
	if (st->plain != NULL)
		return sp_mask_stream_feed(st->plain, p, n, out, &st->counts);
	return sp_buf_put(out, p, n);
}

int
sp_sieve_stream_echo(struct sp_sieve_stream *st, const void *p, size_t n, struct sp_buf *out)
{
	if (st->terminal != NULL)
		return sp_mask_terminal_echo(st->terminal, p, n, out, &st->counts);
	return sp_sieve_stream_feed(st, p, n, out);
}

int
sp_sieve_stream_flush(struct sp_sieve_stream *st, struct sp_buf *out)
{
	if (st->terminal != NULL)
		return sp_mask_terminal_flush(st->terminal, out, &st->counts);
	return st->plain == NULL ? 0 : sp_mask_stream_flush(st->plain, out, &st->counts);
}

int
sp_sieve_stream_finish(struct sp_sieve_stream *st, struct sp_buf *out)
{
	return st->plain == NULL ? sp_sieve_stream_flush(st, out) : sp_mask_stream_finish(st->plain, out, &st->counts);
}

bool
sp_sieve_stream_holds(const struct sp_sieve_stream *st)
{
	return (st->plain != NULL && sp_mask_stream_held(st->plain) > 0) ||
	    (st->terminal != NULL && sp_mask_terminal_held(st->terminal) > 0);
}

int
sp_sieve_stream_counts(struct sp_sieve_stream *st, struct sp_buf *out)
{
	static const struct sp_mask_counts none;
	int r;

	if (st->sieve->set == NULL || memcmp(&st->counts, &none, sizeof(none)) == 0)
		return 0;
	r = sp_mask_counts_json(st->sieve->set, &st->counts, out);
	memset(&st->counts, 0, sizeof(st->counts));
	return r;
}
