/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/hide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask/mask.h"

#define HIDE_PATTERN_MAX (4 * SP_HIDE_PART_MAX + 4) /* \xHH of every byte that is no letter or digit */

struct sp_hide {
	struct sp_mask_set *set; /* of these alone */
	size_t n;
	char *patterns[SP_HIDE_PARTS_MAX];
};

static bool
hide_is_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* The pattern that matches exactly these bytes. */
static int
hide_part(struct sp_hide *h, const uint8_t *p, size_t n)
{
	char *text, *at;
	size_t i;

	if (h->n == SP_HIDE_PARTS_MAX)
		return SP_ERR_LIMIT;
	text = at = calloc(1, HIDE_PATTERN_MAX);
	if (text == NULL)
		return SP_ERR_NOMEM;
	for (i = 0; i < n; i++) {
		if (hide_is_plain(p[i]))
			*at++ = (char)p[i];
		else
			at += sprintf(at, "\\x%02x", p[i]);
	}
	h->patterns[h->n++] = text;
	return sp_mask_regex_check(text, NULL, 0) == 0 ? 0 : SP_ERR_INVALID;
}

/* The parts of a line are of about one length, and end at a character's end. */
static int
hide_line(struct sp_hide *h, const uint8_t *p, size_t n)
{
	size_t parts = (n + SP_HIDE_PART_MAX - 9) / (SP_HIDE_PART_MAX - 8), size = (n + parts - 1) / parts;
	int r = 0;

	while (r == 0 && n > 0) {
		size_t len = n < size ? n : size;

		while (len < n && (p[len] & 0xC0) == 0x80)
			len++;
		if (n - len < SP_HIDE_MIN)
			len = n;
		r = len > SP_HIDE_PART_MAX ? SP_ERR_INVALID : hide_part(h, p, len); /* no character is that long */
		p += len;
		n -= len;
	}
	return r;
}

static int
hide_value(struct sp_hide *h, const uint8_t *p, size_t n)
{
	size_t before = h->n;
	int r = 0;

	while (r == 0 && n > 0) {
		const uint8_t *end = memchr(p, '\n', n);
		size_t len = end == NULL ? n : (size_t)(end - p), text = len;

		while (text > 0 && p[text - 1] == '\r')
			text--;
		if (text >= SP_HIDE_MIN)
			r = hide_line(h, p, text);
		len += end != NULL;
		p += len;
		n -= len;
	}
	return r == 0 && h->n == before ? SP_ERR_INVALID : r;
}

int
sp_hide_new(struct sp_secret *const values[], size_t n, struct sp_hide **ret_h)
{
	struct sp_hide *h = calloc(1, sizeof(*h));
	size_t i;
	int r = h == NULL ? SP_ERR_NOMEM : sp_mask_set_new(&h->set);

	for (i = 0; r == 0 && i < n; i++)
		r = hide_value(h, sp_secret_data(values[i]), sp_secret_len(values[i]));
	if (r == 0)
		r = sp_hide_add(h, h->set);
	if (r == 0)
		r = sp_mask_set_seal(h->set);
	if (r == 0)
		*ret_h = h;
	else
		sp_hide_free(h);
	return r;
}

void
sp_hide_free(struct sp_hide *h)
{
	size_t i;

	if (h == NULL)
		return;
	for (i = 0; i < h->n; i++) {
		explicit_bzero(h->patterns[i], strlen(h->patterns[i]));
		free(h->patterns[i]);
	}
	sp_mask_set_free(h->set);
	free(h);
}

int
sp_hide_add(const struct sp_hide *h, struct sp_mask_set *set)
{
	char name[sizeof(SP_HIDE_KIND) + 8];
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < h->n; i++) {
		(void)snprintf(name, sizeof(name), i == 0 ? SP_HIDE_KIND : SP_HIDE_KIND "_%zu", i + 1);
		r = sp_mask_set_add_regex(set, name, h->patterns[i], SP_MASK_REDACT, NULL, 0);
	}
	return r;
}

int
sp_hide_text(struct sp_hide *h, const void *p, size_t n, struct sp_buf *out)
{
	enum sp_mask_outcome outcome = SP_MASK_SAME;
	int r = sp_mask_scan(h->set, p, n, false, out, NULL, &outcome);

	return r == 0 && outcome == SP_MASK_SAME ? sp_buf_put(out, p, n) : r;
}
