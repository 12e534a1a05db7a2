/* SPDX-License-Identifier: Apache-2.0 */
/* Mail addresses: the dot-atom form of RFC 5321 with a domain of two labels or more, and RFC 6531's UTF-8. */
#include "mask/chars.h"
#include "mask/detect.h"

#define SP_EMAIL_LOCAL_MAX 64	/* RFC 5321 section 4.5.3.1.1, bytes */
#define SP_EMAIL_DOMAIN_MAX 253 /* bytes */

static bool
sp_email_is_word(int c)
{
	return sp_chars_is_alnum(c) || c == '_' || sp_chars_is_high(c);
}

static bool
sp_email_is_local(const struct sp_detect *d, size_t i)
{
	int c = sp_detect_at(d, i);

	if (c == '\'')
		return sp_email_is_word(sp_detect_at(d, i - 1)) && sp_email_is_word(sp_detect_at(d, i + 1));
	return sp_email_is_word(c) || c == '.' || c == '%' || c == '+' || c == '-' || c == '&' || c == '~';
}

static bool
sp_email_is_label(int c)
{
	return sp_chars_is_alnum(c) || c == '-' || sp_chars_is_high(c);
}

/* Endings that are files or versions far more often than top-level domains. */
static bool
sp_email_is_file(const uint8_t *p, size_t n)
{
	static const char *const files[] = {"png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "html", "json"};

	for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
		size_t i = 0;

		while (i < n && files[k][i] != 0 && (p[i] | 0x20) == files[k][i])
			i++;
		if (i == n && files[k][i] == 0)
			return true;
	}
	return false;
}

/* Whether the label [s, e) can end a domain: letters, punycode or UTF-8. */
static bool
sp_email_is_top(const struct sp_detect *d, size_t s, size_t e)
{
	const uint8_t *p = d->p + s;
	size_t n = e - s;

	if (n >= 5 && (p[0] | 0x20) == 'x' && (p[1] | 0x20) == 'n' && p[2] == '-' && p[3] == '-')
		return true;
	if (n < 2 || n > 63 || sp_email_is_file(p, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!sp_chars_is_alpha(p[i]) && !sp_chars_is_high(p[i]))
			return false;
	}
	return true;
}

/* The end of the longest domain at s, 0 if there is none. */
static size_t
sp_email_domain(const struct sp_detect *d, size_t s)
{
	size_t i = s, label = s, end = 0;

	for (;;) {
		while (i - s < SP_EMAIL_DOMAIN_MAX && sp_email_is_label(sp_detect_at(d, i)))
			i++;
		/* Dashes at its end are not the domain's. */
		for (bool whole = !sp_email_is_label(sp_detect_at(d, i)); whole && i > label && d->p[i - 1] == '-';)
			i--;
		if (i == label || d->p[label] == '-')
			break;
		if (label > s && sp_email_is_top(d, label, i))
			end = i;
		if (sp_detect_at(d, i) != '.' || i - s >= SP_EMAIL_DOMAIN_MAX)
			break;
		label = ++i;
	}
	return end;
}

void
sp_email_find(struct sp_detect *d, size_t at)
{
	size_t s = at, e;

	if (sp_detect_at(d, at) != '@')
		return;
	while (at - s < SP_EMAIL_LOCAL_MAX && sp_email_is_local(d, s - 1))
		s--;
	/* Not into the middle of a character, nor from punctuation before the name. */
	while (s < at && (sp_chars_is_inner(d->p[s]) || !sp_email_is_word(d->p[s])))
		s++;
	if (s == at)
		return;
	e = sp_email_domain(d, at + 1);
	if (e != 0)
		sp_detect_found(d, SP_DETECT_EMAIL, s, e);
}
