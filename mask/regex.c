/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "mask/regex.h"

#include <hs.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "mask/chars.h"

struct sp_regex {
	char *name, *pattern;
	pcre2_code *code;
	bool is_prefiltered; /* the database knows it */
};

struct sp_regex_list {
	struct sp_regex at[SP_MASK_REGEXES_MAX];
	size_t n;
	pcre2_match_data *match;
	pcre2_match_context *limits;
	hs_database_t *db; /* NULL: no pattern can be prefiltered */
	hs_scratch_t *scratch;
	uint8_t *copy; /* of a text that is not UTF-8, made so */
	size_t copy_cap;
};

int
sp_regex_list_new(struct sp_regex_list **ret_l)
{
	struct sp_regex_list *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return SP_ERR_NOMEM;
	l->match = pcre2_match_data_create(1, NULL);
	l->limits = pcre2_match_context_create(NULL);
	if (l->match == NULL || l->limits == NULL) {
		sp_regex_list_free(l);
		return SP_ERR_NOMEM;
	}
	pcre2_set_match_limit(l->limits, SP_REGEX_STEPS_MAX);
	pcre2_set_heap_limit(l->limits, 1024); /* KiB */
	*ret_l = l;
	return 0;
}

void
sp_regex_list_free(struct sp_regex_list *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++) {
		free(l->at[i].name);
		free(l->at[i].pattern);
		pcre2_code_free(l->at[i].code);
	}
	pcre2_match_data_free(l->match);
	pcre2_match_context_free(l->limits);
	hs_free_scratch(l->scratch);
	hs_free_database(l->db);
	if (l->copy != NULL)
		explicit_bzero(l->copy, l->copy_cap);
	free(l->copy);
	free(l);
}

static int
sp_regex_refuse(int err, char *why, size_t why_size, const char *text)
{
	if (why != NULL && why_size > 0)
		(void)snprintf(why, why_size, "%s", text);
	return err;
}

static int
sp_regex_compile(const char *pattern, char *why, size_t why_size, pcre2_code **ret_code)
{
	uint32_t behind = 0, empty = 0;
	PCRE2_SIZE where = 0;
	pcre2_code *code;
	int err = 0;

	if (strlen(pattern) > SP_MASK_PATTERN_MAX)
		return sp_regex_refuse(SP_ERR_LIMIT, why, why_size, "the pattern is too long");
	code = pcre2_compile((PCRE2_SPTR)(const void *)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &err, &where, NULL);
	if (code == NULL) {
		char text[128] = "";

		(void)pcre2_get_error_message(err, (PCRE2_UCHAR *)(void *)text, sizeof(text));
		if (why != NULL && why_size > 0)
			(void)snprintf(why, why_size, "at character %zu of the pattern: %s", (size_t)where + 1, text);
		return SP_ERR_FORMAT;
	}
	(void)pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &empty);
	(void)pcre2_pattern_info(code, PCRE2_INFO_MAXLOOKBEHIND, &behind);
	if (empty != 0 || behind > SP_REGEX_BEHIND_MAX) {
		pcre2_code_free(code);
		if (empty != 0)
			return sp_regex_refuse(SP_ERR_INVALID, why, why_size, "the pattern matches the empty string");
		return sp_regex_refuse(SP_ERR_LIMIT, why, why_size, "the pattern looks too far behind");
	}
	*ret_code = code;
	return 0;
}

int
sp_mask_regex_check(const char *pattern, char *why, size_t why_size)
{
	pcre2_code *code = NULL;
	int r = sp_regex_compile(pattern, why, why_size, &code);

	pcre2_code_free(code);
	return r;
}

static bool
sp_regex_is_name(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > SP_MASK_NAME_MAX || !sp_chars_is_lower(s[0]))
		return false;
	for (size_t i = 1; i < n; i++) {
		if (!sp_chars_is_lower(s[i]) && !sp_chars_is_digit(s[i]) && s[i] != '_')
			return false;
	}
	return true;
}

int
sp_regex_add(
    struct sp_regex_list *l, const char *name, const char *pattern, char *why, size_t why_size, size_t *ret_index)
{
	struct sp_regex *x = &l->at[l->n];
	int r;

	if (!sp_regex_is_name(name))
		return sp_regex_refuse(SP_ERR_FORMAT, why, why_size, "a name is [a-z][a-z0-9_]*, at most 32 bytes");
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->at[i].name, name) != 0)
			continue;
		if (strcmp(l->at[i].pattern, pattern) != 0)
			return sp_regex_refuse(SP_ERR_EXISTS, why, why_size, "another pattern has this name");
		*ret_index = i;
		return 0;
	}
	if (l->n == SP_MASK_REGEXES_MAX)
		return sp_regex_refuse(SP_ERR_LIMIT, why, why_size, "too many patterns");
	r = sp_regex_compile(pattern, why, why_size, &x->code);
	if (r != 0)
		return r;
	x->name = strdup(name);
	x->pattern = strdup(pattern);
	*ret_index = l->n++; /* counted even when out of memory, so that free finds it */
	return x->name == NULL || x->pattern == NULL ? SP_ERR_NOMEM : 0;
}

size_t
sp_regex_count(const struct sp_regex_list *l)
{
	return l->n;
}

const char *
sp_regex_name(const struct sp_regex_list *l, size_t index)
{
	return index < l->n ? l->at[index].name : NULL;
}

/* --- the prefilter --- */

int
sp_regex_seal(struct sp_regex_list *l)
{
	const char *patterns[SP_MASK_REGEXES_MAX];
	unsigned flags[SP_MASK_REGEXES_MAX], ids[SP_MASK_REGEXES_MAX], n;
	hs_compile_error_t *error = NULL;
	hs_error_t e;

	for (size_t i = 0; i < l->n; i++)
		l->at[i].is_prefiltered = true;
	for (;;) {
		n = 0;
		for (size_t i = 0; i < l->n; i++) {
			if (!l->at[i].is_prefiltered)
				continue;
			patterns[n] = l->at[i].pattern;
			flags[n] = HS_FLAG_PREFILTER | HS_FLAG_SINGLEMATCH | HS_FLAG_UTF8 | HS_FLAG_ALLOWEMPTY;
			ids[n++] = (unsigned)i;
		}
		if (n == 0)
			return 0;
		e = hs_compile_multi(patterns, flags, ids, n, HS_MODE_BLOCK, NULL, &l->db, &error);
		if (e == HS_SUCCESS)
			break;
		if (error == NULL || e == HS_NOMEM)
			return SP_ERR_NOMEM;
		/* The one it does not understand, or all of them when it cannot say which. */
		for (size_t i = 0; i < n; i++) {
			if (error->expression < 0 || (unsigned)error->expression == i)
				l->at[ids[i]].is_prefiltered = false;
		}
		hs_free_compile_error(error);
	}
	return hs_alloc_scratch(l->db, &l->scratch) == HS_SUCCESS ? 0 : SP_ERR_NOMEM;
}

static int
sp_regex_on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	(void)from;
	(void)to;
	(void)flags;
	*(uint32_t *)ctx |= 1u << id;
	return 0;
}

/* The regexes (bit i = index i) that may match p. */
static uint32_t
sp_regex_candidates(struct sp_regex_list *l, const uint8_t *p, size_t n)
{
	uint32_t all = l->n == 32 ? UINT32_MAX : (1u << l->n) - 1, hits = 0;

	if (l->db == NULL)
		return all;
	for (size_t i = 0; i < l->n; i++)
		hits |= (uint32_t)!l->at[i].is_prefiltered << i;
	if (hs_scan(l->db, (const char *)(const void *)p, (unsigned)n, 0, l->scratch, sp_regex_on_hit, &hits) !=
	    HS_SUCCESS)
		return all;
	return hits;
}

/* --- where --- */

struct sp_regex_run {
	const struct sp_regex_text *text;
	size_t kind;
	uint8_t transform;
	struct sp_spans *out;
	size_t undecided;
};

static void
sp_regex_find(struct sp_regex_list *l, const struct sp_regex *x, struct sp_regex_run *run)
{
	const struct sp_regex_text *t = run->text;
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(l->match);
	size_t off = t->start - t->lo, n = t->hi - t->lo;

	while (off < n) {
		int r = pcre2_match(x->code, (PCRE2_SPTR)(const void *)(t->p + t->lo), n, off,
		    PCRE2_NO_UTF_CHECK | (t->is_final ? 0 : PCRE2_PARTIAL_HARD), l->match, l->limits);

		if (r == PCRE2_ERROR_NOMATCH)
			return;
		if (r == PCRE2_ERROR_PARTIAL) {
			run->undecided = t->lo + (at[0] < off ? off : at[0]);
			return;
		}
		if (r < 0) {
			/* Too hard to decide: everything from here on is masked. */
			sp_span_add(run->out, t->lo + off, t->hi, (uint8_t)run->kind, SP_MASK_REDACT);
			return;
		}
		if (at[1] <= off || at[0] >= at[1]) {
			off++;
			continue;
		}
		sp_span_add(run->out, t->lo + at[0], t->lo + at[1], (uint8_t)run->kind, run->transform);
		off = at[1];
	}
}

/* Bytes of the UTF-8 character at p (RFC 3629), 0 if it is none. */
static size_t
sp_regex_char(const uint8_t *p, size_t n)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (!sp_chars_is_inner(p[i]))
			return 0;
	}
	/* Overlong, surrogate, past the last plane. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return len;
}

/* PCRE2 and vectorscan want UTF-8: they get a copy in which each byte that is part of no character is a NUL. */
static int
sp_regex_clean(struct sp_regex_list *l, struct sp_regex_text *t)
{
	size_t n = t->hi - t->lo, len;
	uint8_t *copy;

	if (sp_text_is_utf8(t->p + t->lo, n))
		return 0;
	if (l->copy_cap < t->hi) {
		if (l->copy != NULL)
			explicit_bzero(l->copy, l->copy_cap);
		copy = realloc(l->copy, t->hi);
		if (copy == NULL)
			return SP_ERR_NOMEM;
		l->copy = copy;
		l->copy_cap = t->hi;
	}
	memcpy(l->copy + t->lo, t->p + t->lo, n);
	for (size_t i = t->lo; i < t->hi; i += len) {
		len = sp_regex_char(l->copy + i, t->hi - i);
		if (len == 0) {
			l->copy[i] = 0;
			len = 1;
		}
	}
	t->p = l->copy;
	return 0;
}

/* The end of the last whole UTF-8 character, when more bytes may follow. */
static size_t
sp_regex_whole(const struct sp_regex_text *t)
{
	size_t i = t->hi, back = 0;
	uint8_t c;

	while (i > t->start && back < 3 && sp_chars_is_inner(t->p[i - 1])) {
		i--;
		back++;
	}
	if (i == t->start)
		return t->hi;
	c = t->p[i - 1];
	if ((c >= 0xc0 && back < 1) || (c >= 0xe0 && back < 2) || (c >= 0xf0 && back < 3))
		return i - 1;
	return t->hi;
}

int
sp_regex_scan(struct sp_regex_list *l, const struct sp_regex_text *text, size_t first_kind, const uint8_t *transforms,
    struct sp_spans *out, size_t *ret_undecided, size_t *ret_kind)
{
	struct sp_regex_text t = *text;
	struct sp_regex_run run = {&t, 0, 0, out, SIZE_MAX};
	uint32_t which = l->n == 32 ? UINT32_MAX : (1u << l->n) - 1;
	size_t undecided = SIZE_MAX;
	int r;

	if (!t.is_final)
		t.hi = sp_regex_whole(&t);
	r = sp_regex_clean(l, &t);
	if (r != 0)
		return r;
	if (t.hi == t.lo)
		which = 0;
	else if (t.is_final && t.start == t.lo)
		which = sp_regex_candidates(l, t.p + t.lo, t.hi - t.lo);
	for (size_t i = 0; which >> i != 0 && i < l->n; i++) {
		if ((which >> i & 1) == 0)
			continue;
		run.kind = first_kind + i;
		run.transform = transforms[run.kind];
		run.undecided = SIZE_MAX;
		sp_regex_find(l, &l->at[i], &run);
		if (run.undecided < undecided) {
			undecided = run.undecided;
			*ret_kind = run.kind;
		}
	}
	*ret_undecided = undecided;
	return out->error;
}
